import WardrobeIcon from "@mui/icons-material/DoorSlidingOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./WardrobeItemList.tsx"), "WardrobeItemList"),
  show: lazyPage(() => import("./WardrobeItemShow.tsx"), "WardrobeItemShow"),
  edit: lazyPage(() => import("./WardrobeItemEdit.tsx"), "WardrobeItemEdit"),
  create: lazyPage(
    () => import("./WardrobeItemCreate.tsx"),
    "WardrobeItemCreate",
  ),
  icon: WardrobeIcon,
  recordRepresentation: "name",
};
