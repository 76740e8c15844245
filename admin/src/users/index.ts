import PersonIcon from "@mui/icons-material/PersonOutlined";

import { UserList } from "./UserList.tsx";
import { UserShow } from "./UserShow.tsx";

export default {
  list: UserList,
  show: UserShow,
  icon: PersonIcon,
  recordRepresentation: (record: { displayName?: string; email?: string }) =>
    record.displayName || record.email || "",
};
