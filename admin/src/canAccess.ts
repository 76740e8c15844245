import { catalogAllows } from "./catalog/access.ts";
import type { AppRole } from "./session.ts";

export type Action = "list" | "show" | "create" | "edit" | "delete";

const shopper: AppRole[] = ["user"];
const brand: AppRole[] = ["viewer", "analyst", "manager", "brand_owner"];
const analysts: AppRole[] = ["analyst", "manager", "brand_owner"];
const managers: AppRole[] = ["manager", "brand_owner"];
const owner: AppRole[] = ["brand_owner"];
const staff: AppRole[] = [
  "staff_support",
  "staff_finance",
  "staff_privacy",
  "staff_admin",
];
const staffAdmin: AppRole[] = ["staff_admin"];
const staffFinance: AppRole[] = ["staff_finance"];
const revenueReaders: AppRole[] = ["staff_finance", "staff_admin"];
const staffSupport: AppRole[] = ["staff_support"];
const staffMoney: AppRole[] = ["staff_support", "staff_finance"];
const staffReset: AppRole[] = ["staff_support", "staff_admin"];
const staffCare: AppRole[] = ["staff_support", "staff_privacy", "staff_admin"];

type Verbs = Partial<Record<Action, AppRole[]>>;

/**
 * Which pages and buttons a role meets. The database decides what is allowed
 * (policies/); this table only hides what would be refused.
 */
const rules: Record<string, Verbs> = {
  products: {
    list: [...shopper, ...brand, ...staff],
    show: [...shopper, ...brand, ...staff],
    create: managers,
    edit: managers,
    delete: managers,
  },
  members: {
    list: brand,
    show: brand,
    edit: managers,
    delete: managers,
  },
  invitations: {
    list: [...brand, ...staff],
    create: managers,
    delete: managers,
  },
  imports: {
    list: [...shopper, ...managers, ...staff],
    show: [...shopper, ...managers, ...staff],
    create: [...shopper, ...managers, ...staff],
  },
  category_mappings: {
    list: brand,
    create: managers,
    edit: managers,
    delete: managers,
  },
  wardrobe_items: {
    list: shopper,
    show: shopper,
    create: shopper,
    edit: shopper,
    delete: shopper,
  },
  tryon_jobs: {
    list: [...shopper, ...staff],
    show: [...shopper, ...staff],
    create: shopper,
  },
  brand_tryon_jobs: { list: brand, show: brand, create: managers },
  // Cancel and try again; a manager only what the brand pays for.
  tryon_repeats: { create: [...shopper, ...managers, ...staffSupport] },
  tryon_refunds: { create: staffMoney },
  tryon_ratings: { create: shopper },
  tryon_ledger: { list: [...shopper, ...analysts, ...staff] },
  brands: {
    list: staff,
    show: [...brand, ...staff],
    create: staff,
    edit: [...managers, ...staff],
  },
  users: { list: staff, show: staff, edit: staffSupport },
  // The page of the own wallet; the tables behind it are lists for staff only.
  wallet: { show: [...shopper, ...analysts] },
  // The wallet of somebody else.
  wallets: { show: staff },
  // Plan and billing: every member sees what the plan grants; whoever pays sees all.
  billing: { show: [...shopper, ...brand] },
  billing_account: { show: [...shopper, ...owner] },
  credit_corrections: { create: staffFinance },
  reconciliation: { list: revenueReaders },
  // The figures; the rows behind them are finance's alone. A brand reads its own
  // MRR through the API, and its plan and invoices on a page of their own.
  revenue: { list: revenueReaders },
  account_mrr: { list: staffFinance, show: staffFinance },
  mrr_movements: { list: staffFinance, show: staffFinance },
  stripe_subscriptions: { list: staffFinance, show: staffFinance },
  stripe_customers: {
    list: staffFinance,
    show: staffFinance,
    edit: staffFinance,
  },
  stripe_events: {
    list: staffFinance,
    show: staffFinance,
    edit: staffFinance,
  },
  operations: { list: staff },
  background: { list: staff, edit: staffReset },
  worker_keys: {
    list: staff,
    show: staff,
    create: staffAdmin,
    delete: staffAdmin,
  },
  wardrobe_access: { create: staffCare },
  password_resets: { list: staffReset, create: staffReset },
  staff: {
    list: staffAdmin,
    create: staffAdmin,
    edit: staffAdmin,
    delete: staffAdmin,
  },
  audit_log: {
    list: [...owner, ...staffAdmin],
    show: [...owner, ...staffAdmin],
  },
  profile: { edit: [...shopper, ...brand, ...staff] },
};

/** Resources whose place in the menu is decided in layout/navigation.tsx. */
export const hasRules = (resource: string): boolean =>
  Object.hasOwn(rules, resource);

export function canAccess(
  role: AppRole,
  { resource, action }: { resource: string; action: string },
): boolean {
  const verbs = Object.hasOwn(rules, resource) ? rules[resource] : undefined;
  // Tables nobody wrote pages for: the catalogue knows grants and policies.
  if (verbs === undefined) return catalogAllows(resource, action) ?? false;
  // react-admin asks for "export" and for a record's field edits too: both
  // follow the right to read the list.
  const verb = action === "export" ? "list" : action;
  return verbs[verb as Action]?.includes(role) ?? false;
}
