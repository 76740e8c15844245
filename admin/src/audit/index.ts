import HistoryIcon from "@mui/icons-material/HistoryOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./AuditList.tsx"), "AuditList"),
  icon: HistoryIcon,
};
