import CheckroomIcon from "@mui/icons-material/CheckroomOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./ProductList.tsx"), "ProductList"),
  show: lazyPage(() => import("./ProductShow.tsx"), "ProductShow"),
  edit: lazyPage(() => import("./ProductEdit.tsx"), "ProductEdit"),
  create: lazyPage(() => import("./ProductCreate.tsx"), "ProductCreate"),
  icon: CheckroomIcon,
  recordRepresentation: "name",
};
