import MailIcon from "@mui/icons-material/MailOutlined";

import { InvitationList } from "./InvitationList.tsx";

export default {
  list: InvitationList,
  icon: MailIcon,
  recordRepresentation: "email",
};
