import GroupIcon from "@mui/icons-material/GroupOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./MemberList.tsx"), "MemberList"),
  icon: GroupIcon,
  recordRepresentation: "displayName",
};
