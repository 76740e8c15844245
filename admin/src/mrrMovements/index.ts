import TrendingUpIcon from "@mui/icons-material/TrendingUpOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./MovementList.tsx"), "MovementList"),
  show: lazyPage(() => import("./MovementShow.tsx"), "MovementShow"),
  icon: TrendingUpIcon,
};
