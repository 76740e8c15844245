import WardrobeIcon from "@mui/icons-material/DoorSlidingOutlined";

import { WardrobeItemCreate } from "./WardrobeItemCreate.tsx";
import { WardrobeItemEdit } from "./WardrobeItemEdit.tsx";
import { WardrobeItemList } from "./WardrobeItemList.tsx";
import { WardrobeItemShow } from "./WardrobeItemShow.tsx";

export default {
  list: WardrobeItemList,
  show: WardrobeItemShow,
  edit: WardrobeItemEdit,
  create: WardrobeItemCreate,
  icon: WardrobeIcon,
  recordRepresentation: "name",
};
