import LabelIcon from "@mui/icons-material/LabelOutlined";

import { MappingCreate } from "./MappingCreate.tsx";
import { MappingEdit } from "./MappingEdit.tsx";
import { MappingList } from "./MappingList.tsx";

export default {
  list: MappingList,
  create: MappingCreate,
  edit: MappingEdit,
  icon: LabelIcon,
  recordRepresentation: "label",
};
