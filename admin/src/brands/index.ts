import StorefrontIcon from "@mui/icons-material/StorefrontOutlined";

import { BrandCreate } from "./BrandCreate.tsx";
import { BrandEdit } from "./BrandEdit.tsx";
import { BrandList } from "./BrandList.tsx";
import { BrandShow } from "./BrandShow.tsx";

export default {
  list: BrandList,
  show: BrandShow,
  edit: BrandEdit,
  create: BrandCreate,
  icon: StorefrontIcon,
  recordRepresentation: "name",
};
