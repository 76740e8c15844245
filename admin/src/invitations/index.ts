import MailIcon from "@mui/icons-material/MailOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./InvitationList.tsx"), "InvitationList"),
  icon: MailIcon,
  recordRepresentation: "email",
};
