import AdminPanelSettingsIcon from "@mui/icons-material/AdminPanelSettingsOutlined";

import { StaffCreate } from "./StaffCreate.tsx";
import { StaffEdit } from "./StaffEdit.tsx";
import { StaffList } from "./StaffList.tsx";

export default {
  list: StaffList,
  create: StaffCreate,
  edit: StaffEdit,
  icon: AdminPanelSettingsIcon,
  recordRepresentation: "user.displayName",
};
