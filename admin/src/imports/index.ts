import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./ImportList.tsx"), "ImportList"),
  create: lazyPage(() => import("./ImportCreate.tsx"), "ImportCreate"),
  show: lazyPage(() => import("./ImportShow.tsx"), "ImportShow"),
  icon: UploadFileIcon,
  recordRepresentation: "filename",
};
