import AccessibilityIcon from "@mui/icons-material/AccessibilityNewOutlined";
import AccountBalanceIcon from "@mui/icons-material/AccountBalanceOutlined";
import AccountBalanceWalletIcon from "@mui/icons-material/AccountBalanceWalletOutlined";
import AnalyticsIcon from "@mui/icons-material/AnalyticsOutlined";
import ArchiveIcon from "@mui/icons-material/ArchiveOutlined";
import AutorenewIcon from "@mui/icons-material/AutorenewOutlined";
import BlockIcon from "@mui/icons-material/BlockOutlined";
import BoltIcon from "@mui/icons-material/BoltOutlined";
import CalendarIcon from "@mui/icons-material/CalendarTodayOutlined";
import CameraIcon from "@mui/icons-material/CameraAltOutlined";
import CampaignIcon from "@mui/icons-material/CampaignOutlined";
import CancelIcon from "@mui/icons-material/CancelOutlined";
import GiftIcon from "@mui/icons-material/CardGiftcardOutlined";
import CategoryIcon from "@mui/icons-material/CategoryOutlined";
import CheckIcon from "@mui/icons-material/CheckCircleOutlined";
import CheckroomIcon from "@mui/icons-material/CheckroomOutlined";
import CollectionsIcon from "@mui/icons-material/CollectionsOutlined";
import ContactPageIcon from "@mui/icons-material/ContactPageOutlined";
import CreditCardIcon from "@mui/icons-material/CreditCardOutlined";
import CurrencyExchangeIcon from "@mui/icons-material/CurrencyExchangeOutlined";
import DatasetIcon from "@mui/icons-material/DatasetOutlined";
import DescriptionIcon from "@mui/icons-material/DescriptionOutlined";
import DiamondIcon from "@mui/icons-material/DiamondOutlined";
import FavoriteIcon from "@mui/icons-material/FavoriteBorderOutlined";
import FlagIcon from "@mui/icons-material/FlagOutlined";
import FolderIcon from "@mui/icons-material/FolderOutlined";
import GroupIcon from "@mui/icons-material/GroupOutlined";
import HistoryIcon from "@mui/icons-material/HistoryOutlined";
import ImageIcon from "@mui/icons-material/ImageOutlined";
import InboxIcon from "@mui/icons-material/InboxOutlined";
import InsightsIcon from "@mui/icons-material/InsightsOutlined";
import InventoryIcon from "@mui/icons-material/Inventory2Outlined";
import KeyIcon from "@mui/icons-material/KeyOutlined";
import LabelIcon from "@mui/icons-material/LabelOutlined";
import LeaderboardIcon from "@mui/icons-material/LeaderboardOutlined";
import LinkIcon from "@mui/icons-material/LinkOutlined";
import LockClockIcon from "@mui/icons-material/LockClockOutlined";
import MailIcon from "@mui/icons-material/MailOutlined";
import ManageHistoryIcon from "@mui/icons-material/ManageHistoryOutlined";
import ModelTrainingIcon from "@mui/icons-material/ModelTrainingOutlined";
import PaymentsIcon from "@mui/icons-material/PaymentsOutlined";
import PersonIcon from "@mui/icons-material/PersonOutlined";
import PriceChangeIcon from "@mui/icons-material/PriceChangeOutlined";
import PublicIcon from "@mui/icons-material/PublicOutlined";
import RateReviewIcon from "@mui/icons-material/RateReviewOutlined";
import ReceiptIcon from "@mui/icons-material/ReceiptLongOutlined";
import ReplayIcon from "@mui/icons-material/ReplayOutlined";
import ScheduleIcon from "@mui/icons-material/ScheduleOutlined";
import SellIcon from "@mui/icons-material/SellOutlined";
import SettingsIcon from "@mui/icons-material/SettingsOutlined";
import ShieldIcon from "@mui/icons-material/ShieldOutlined";
import StarIcon from "@mui/icons-material/StarBorderOutlined";
import StorefrontIcon from "@mui/icons-material/StorefrontOutlined";
import StyleIcon from "@mui/icons-material/StyleOutlined";
import TableIcon from "@mui/icons-material/TableChartOutlined";
import TrendingUpIcon from "@mui/icons-material/TrendingUpOutlined";
import UndoIcon from "@mui/icons-material/UndoOutlined";
import UploadIcon from "@mui/icons-material/UploadFileOutlined";
import VerifiedIcon from "@mui/icons-material/VerifiedOutlined";
import VpnKeyIcon from "@mui/icons-material/VpnKeyOutlined";
import WorkIcon from "@mui/icons-material/WorkOutlineOutlined";
import PremiumIcon from "@mui/icons-material/WorkspacePremiumOutlined";
import type { ComponentType } from "react";

import type { IconName } from "./types.ts";

/** A name that is not here shows a table; the server warns of it. */
const icons: Readonly<Record<IconName, ComponentType>> = {
  accessibility: AccessibilityIcon,
  account_balance: AccountBalanceIcon,
  analytics: AnalyticsIcon,
  archive: ArchiveIcon,
  autorenew: AutorenewIcon,
  block: BlockIcon,
  bolt: BoltIcon,
  calendar: CalendarIcon,
  camera: CameraIcon,
  campaign: CampaignIcon,
  cancel: CancelIcon,
  card_giftcard: GiftIcon,
  category: CategoryIcon,
  check: CheckIcon,
  checkroom: CheckroomIcon,
  collections: CollectionsIcon,
  contact_page: ContactPageIcon,
  credit_card: CreditCardIcon,
  currency: PaymentsIcon,
  currency_exchange: CurrencyExchangeIcon,
  dataset: DatasetIcon,
  description: DescriptionIcon,
  diamond: DiamondIcon,
  favorite: FavoriteIcon,
  flag: FlagIcon,
  folder: FolderIcon,
  globe: PublicIcon,
  group: GroupIcon,
  history: HistoryIcon,
  image: ImageIcon,
  inbox: InboxIcon,
  insights: InsightsIcon,
  inventory: InventoryIcon,
  key: KeyIcon,
  label: LabelIcon,
  leaderboard: LeaderboardIcon,
  link: LinkIcon,
  lock_clock: LockClockIcon,
  mail: MailIcon,
  manage_history: ManageHistoryIcon,
  model: ModelTrainingIcon,
  payments: PaymentsIcon,
  person: PersonIcon,
  price_change: PriceChangeIcon,
  rate_review: RateReviewIcon,
  receipt: ReceiptIcon,
  receipt_long: ReceiptIcon,
  replay: ReplayIcon,
  schedule: ScheduleIcon,
  sell: SellIcon,
  settings: SettingsIcon,
  shield: ShieldIcon,
  star: StarIcon,
  storefront: StorefrontIcon,
  style: StyleIcon,
  table: TableIcon,
  trending_up: TrendingUpIcon,
  undo: UndoIcon,
  upload: UploadIcon,
  verified: VerifiedIcon,
  vpn_key: VpnKeyIcon,
  wallet: AccountBalanceWalletIcon,
  work: WorkIcon,
  workspace_premium: PremiumIcon,
};

const isIcon = (name: string | null): name is IconName =>
  name !== null && Object.hasOwn(icons, name);

export const iconNamed = (name: string | null): ComponentType =>
  isIcon(name) ? icons[name] : TableIcon;
