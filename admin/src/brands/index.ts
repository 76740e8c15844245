import StorefrontIcon from "@mui/icons-material/StorefrontOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./BrandList.tsx"), "BrandList"),
  show: lazyPage(() => import("./BrandShow.tsx"), "BrandShow"),
  edit: lazyPage(() => import("./BrandEdit.tsx"), "BrandEdit"),
  create: lazyPage(() => import("./BrandCreate.tsx"), "BrandCreate"),
  icon: StorefrontIcon,
  recordRepresentation: "name",
};
