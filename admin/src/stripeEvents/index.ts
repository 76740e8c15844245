import InboxIcon from "@mui/icons-material/InboxOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./EventList.tsx"), "EventList"),
  show: lazyPage(() => import("./EventShow.tsx"), "EventShow"),
  icon: InboxIcon,
};
