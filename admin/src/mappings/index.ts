import LabelIcon from "@mui/icons-material/LabelOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./MappingList.tsx"), "MappingList"),
  create: lazyPage(() => import("./MappingCreate.tsx"), "MappingCreate"),
  edit: lazyPage(() => import("./MappingEdit.tsx"), "MappingEdit"),
  icon: LabelIcon,
  recordRepresentation: "label",
};
