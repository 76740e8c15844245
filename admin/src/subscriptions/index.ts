import AutorenewIcon from "@mui/icons-material/AutorenewOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./SubscriptionList.tsx"), "SubscriptionList"),
  show: lazyPage(() => import("./SubscriptionShow.tsx"), "SubscriptionShow"),
  icon: AutorenewIcon,
};
