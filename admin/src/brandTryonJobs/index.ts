import AccessibilityIcon from "@mui/icons-material/AccessibilityNewOutlined";

import { lazyPage } from "../components/lazyPage.ts";

/** The same pages: what a brand may see of them is decided in useJobScope. */
export default {
  list: lazyPage(() => import("../tryonJobs/JobList.tsx"), "JobList"),
  create: lazyPage(() => import("../tryonJobs/JobCreate.tsx"), "JobCreate"),
  show: lazyPage(() => import("../tryonJobs/JobShow.tsx"), "JobShow"),
  icon: AccessibilityIcon,
};
