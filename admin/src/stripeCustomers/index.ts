import ContactPageIcon from "@mui/icons-material/ContactPageOutlined";

import { lazyPage } from "../components/lazyPage.ts";

export default {
  list: lazyPage(() => import("./CustomerList.tsx"), "CustomerList"),
  show: lazyPage(() => import("./CustomerShow.tsx"), "CustomerShow"),
  icon: ContactPageIcon,
};
