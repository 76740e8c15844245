import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";

import { ImportCreate } from "./ImportCreate.tsx";
import { ImportList } from "./ImportList.tsx";
import { ImportShow } from "./ImportShow.tsx";

export default {
  list: ImportList,
  create: ImportCreate,
  show: ImportShow,
  icon: UploadFileIcon,
  recordRepresentation: "filename",
};
