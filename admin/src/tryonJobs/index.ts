import AccessibilityIcon from "@mui/icons-material/AccessibilityNewOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./JobList.tsx"), "JobList"),
  create: lazyPage(() => import("./JobCreate.tsx"), "JobCreate"),
  show: lazyPage(() => import("./JobShow.tsx"), "JobShow"),
  icon: AccessibilityIcon,
};
