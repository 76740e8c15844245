import HistoryIcon from "@mui/icons-material/HistoryOutlined";

import { AuditList } from "./AuditList.tsx";

export default { list: AuditList, icon: HistoryIcon };
