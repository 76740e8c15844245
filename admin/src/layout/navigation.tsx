import AccessibilityIcon from "@mui/icons-material/AccessibilityNewOutlined";
import WalletIcon from "@mui/icons-material/AccountBalanceWalletOutlined";
import AdminPanelSettingsIcon from "@mui/icons-material/AdminPanelSettingsOutlined";
import AutorenewIcon from "@mui/icons-material/AutorenewOutlined";
import BalanceIcon from "@mui/icons-material/BalanceOutlined";
import CheckroomIcon from "@mui/icons-material/CheckroomOutlined";
import ContactPageIcon from "@mui/icons-material/ContactPageOutlined";
import WardrobeIcon from "@mui/icons-material/DoorSlidingOutlined";
import GroupIcon from "@mui/icons-material/GroupOutlined";
import HistoryIcon from "@mui/icons-material/HistoryOutlined";
import HomeIcon from "@mui/icons-material/HomeOutlined";
import InboxIcon from "@mui/icons-material/InboxOutlined";
import InsightsIcon from "@mui/icons-material/InsightsOutlined";
import VpnKeyIcon from "@mui/icons-material/KeyOutlined";
import LabelIcon from "@mui/icons-material/LabelOutlined";
import LeaderboardIcon from "@mui/icons-material/LeaderboardOutlined";
import MailIcon from "@mui/icons-material/MailOutlined";
import SpeedIcon from "@mui/icons-material/MonitorHeartOutlined";
import PersonIcon from "@mui/icons-material/PersonOutlined";
import PrivacyTipIcon from "@mui/icons-material/PrivacyTipOutlined";
import ReceiptIcon from "@mui/icons-material/ReceiptLongOutlined";
import QueueIcon from "@mui/icons-material/ScheduleOutlined";
import StorefrontIcon from "@mui/icons-material/StorefrontOutlined";
import AccountsIcon from "@mui/icons-material/SummarizeOutlined";
import TrendingUpIcon from "@mui/icons-material/TrendingUpOutlined";
import TuneIcon from "@mui/icons-material/TuneOutlined";
import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";
import type { ComponentType } from "react";

import { hasRules } from "../canAccess.ts";
import type { AdminCatalog } from "../catalog/adopt.ts";
import { iconNamed } from "../catalog/icons.ts";
import type { Session } from "../session.ts";

export type NavItem = {
  to: string;
  label: string;
  icon: ComponentType;
  exact?: boolean;
};
export type NavSection = { label: string | null; items: NavItem[] };

type Can = (resource: string, action: string) => boolean;

/** The menu of a role: what it may not list is not there. */
export function navigationFor(session: Session, can: Can): NavSection[] {
  const when = (allowed: boolean, item: NavItem) => (allowed ? [item] : []);
  const sections: NavSection[] = [
    {
      label: null,
      items: [{ to: "/", label: "menu.home", icon: HomeIcon, exact: true }],
    },
    {
      label: "menu.catalogue",
      items: [
        ...when(can("wardrobe_items", "list"), {
          to: "/wardrobe_items",
          label: "resources.wardrobe_items.menu",
          icon: WardrobeIcon,
        }),
        ...when(can("products", "list"), {
          to: "/products",
          label: "resources.products.menu",
          icon: CheckroomIcon,
        }),
        ...when(can("imports", "list"), {
          to: "/imports",
          label: "resources.imports.menu",
          icon: UploadFileIcon,
        }),
        ...when(can("category_mappings", "list"), {
          to: "/category_mappings",
          label: "resources.category_mappings.menu",
          icon: LabelIcon,
        }),
      ],
    },
    {
      label: "menu.tryon",
      items: (["tryon_jobs", "brand_tryon_jobs"] as const).flatMap((jobs) =>
        when(can(jobs, "list"), {
          to: `/${jobs}`,
          label: "tryons.many",
          icon: AccessibilityIcon,
        }),
      ),
    },
    {
      label: "menu.revenue",
      items: [
        ...when(can("revenue", "list"), {
          to: "/revenue",
          label: "revenue.menu",
          icon: InsightsIcon,
          exact: true,
        }),
        ...when(can("revenue", "list"), {
          to: "/revenue/leaderboard",
          label: "revenue.leaderboard.menu",
          icon: LeaderboardIcon,
        }),
        ...when(can("revenue", "list"), {
          to: "/revenue/accounts",
          label: "revenue.accounts.menu",
          icon: AccountsIcon,
        }),
        ...when(can("mrr_movements", "list"), {
          to: "/mrr_movements",
          label: "movements.menu",
          icon: TrendingUpIcon,
        }),
        ...when(can("stripe_subscriptions", "list"), {
          to: "/stripe_subscriptions",
          label: "subscriptions.menu",
          icon: AutorenewIcon,
        }),
        ...when(can("stripe_customers", "list"), {
          to: "/stripe_customers",
          label: "customers.menu",
          icon: ContactPageIcon,
        }),
        ...when(can("stripe_events", "list"), {
          to: "/stripe_events",
          label: "inbox.menu",
          icon: InboxIcon,
        }),
        ...when(can("revenue", "list"), {
          to: "/revenue/reconciliation",
          label: "revenue.reconciliation_menu",
          icon: BalanceIcon,
        }),
      ],
    },
    {
      label: "menu.credits",
      items: [
        ...when(can("wallet", "show"), {
          to: "/wallet",
          label: "wallet.title",
          icon: WalletIcon,
        }),
        ...when(can("billing", "show"), {
          to: "/billing",
          label: "billing.title",
          icon: ReceiptIcon,
        }),
        ...when(can("reconciliation", "list"), {
          to: "/reconcile",
          label: "reconcile.title",
          icon: BalanceIcon,
        }),
      ],
    },
    {
      label: "menu.operations",
      items: [
        ...when(can("operations", "list"), {
          to: "/operations",
          label: "operations.title",
          icon: SpeedIcon,
        }),
        ...when(can("background", "list"), {
          to: "/background",
          label: "background.title",
          icon: QueueIcon,
        }),
        ...when(can("worker_keys", "list"), {
          to: "/worker_keys",
          label: "worker_keys.title",
          icon: VpnKeyIcon,
        }),
      ],
    },
    {
      label: session.staffRole === null ? "menu.team" : "menu.records",
      items: [
        ...when(can("brands", "list"), {
          to: "/brands",
          label: "resources.brands.menu",
          icon: StorefrontIcon,
        }),
        ...when(can("users", "list"), {
          to: "/users",
          label: "resources.users.menu",
          icon: PersonIcon,
        }),
        ...when(session.brand !== null && can("members", "list"), {
          to: "/members",
          label: "resources.members.menu",
          icon: GroupIcon,
        }),
        ...when(session.brand !== null && can("invitations", "list"), {
          to: "/invitations",
          label: "resources.invitations.menu",
          icon: MailIcon,
        }),
        ...when(session.brand !== null && can("brands", "edit"), {
          to: `/brands/${session.brand?.id ?? ""}`,
          label: "menu.settings",
          icon: TuneIcon,
        }),
        ...when(can("wardrobe_access", "create"), {
          to: "/wardrobe-access",
          label: "break_glass.menu",
          icon: PrivacyTipIcon,
        }),
        ...when(can("staff", "list"), {
          to: "/staff",
          label: "resources.staff.menu",
          icon: AdminPanelSettingsIcon,
        }),
        ...when(can("audit_log", "list"), {
          to: "/audit_log",
          label: "resources.audit_log.menu",
          icon: HistoryIcon,
        }),
      ],
    },
  ];
  return sections.filter((section) => section.items.length > 0);
}

/** A page that shows these tables together: whoever has it needs no list of each. */
const SHOWN_ON: Readonly<Record<string, readonly string[]>> = {
  "/wallet": [
    "credit_accounts",
    "credit_grants",
    "credit_holds",
    "credit_transfers",
    "user_credits",
    "brand_credits",
    "user_entitlements",
  ],
  "/billing": [
    "stripe_customers",
    "stripe_products",
    "stripe_prices",
    "stripe_subscriptions",
    "stripe_invoices",
    "stripe_refunds",
    "subscription_grants",
    "account_mrr",
    "mrr_movements",
  ],
  "/background": ["task_runs"],
};

/**
 * The menu with the tables that are not in it yet: each in the section its
 * group names, or in one of its own, in the catalogue's order.
 */
export function withCatalog(
  sections: readonly NavSection[],
  catalog: AdminCatalog,
  translate: (key: string) => string,
): NavSection[] {
  const all = sections.map((section) => ({ ...section }));
  const shown = new Set(
    sections.flatMap(({ items }) =>
      items.flatMap(({ to }) => SHOWN_ON[to] ?? []),
    ),
  );
  for (const resource of catalog.resources) {
    if (resource.hidden || !resource.verbs.list) continue;
    if (hasRules(resource.name) || shown.has(resource.table)) continue;
    const label = resource.group ?? "catalog.tables";
    const item: NavItem = {
      to: `/${resource.name}`,
      label: resource.label,
      icon: iconNamed(resource.icon),
    };
    const section = all.find(
      (one) => one.label !== null && translate(one.label) === translate(label),
    );
    if (section === undefined) all.push({ label, items: [item] });
    else section.items = [...section.items, item];
  }
  return all;
}
