import CheckroomIcon from "@mui/icons-material/CheckroomOutlined";

import { ProductCreate } from "./ProductCreate.tsx";
import { ProductEdit } from "./ProductEdit.tsx";
import { ProductList } from "./ProductList.tsx";
import { ProductShow } from "./ProductShow.tsx";

export default {
  list: ProductList,
  show: ProductShow,
  edit: ProductEdit,
  create: ProductCreate,
  icon: CheckroomIcon,
  recordRepresentation: "name",
};
