import AdminPanelSettingsIcon from "@mui/icons-material/AdminPanelSettingsOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./StaffList.tsx"), "StaffList"),
  create: lazyPage(() => import("./StaffCreate.tsx"), "StaffCreate"),
  edit: lazyPage(() => import("./StaffEdit.tsx"), "StaffEdit"),
  icon: AdminPanelSettingsIcon,
  recordRepresentation: "user.displayName",
};
