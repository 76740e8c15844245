import GroupIcon from "@mui/icons-material/GroupOutlined";

import { MemberList } from "./MemberList.tsx";

export default {
  list: MemberList,
  icon: GroupIcon,
  recordRepresentation: "displayName",
};
