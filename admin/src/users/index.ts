import PersonIcon from "@mui/icons-material/PersonOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./UserList.tsx"), "UserList"),
  show: lazyPage(() => import("./UserShow.tsx"), "UserShow"),
  icon: PersonIcon,
  recordRepresentation: (record: { displayName?: string; email?: string }) =>
    record.displayName || record.email || "",
};
