import { listLink } from "../home/CategoryPanel.tsx";
import type { Period } from "./period.ts";
import { fixedParams, startOf } from "./period.ts";

/** Where the rows behind a figure are. Days are fixed: the address means the same tomorrow. */
const page = (path: string, params: Record<string, string>): string =>
  `${path}?${new URLSearchParams(params).toString()}`;

export type AccountGroup =
  "all" | "paying" | "started" | "lost" | "new" | "grown" | "shrunk";

export const accountsLink = (period: Period, which: AccountGroup): string =>
  page("/revenue/accounts", { ...fixedParams(period), which });

export const leaderboardLink = (period: Period): string =>
  page("/revenue/leaderboard", fixedParams(period));

export const reconciliationLink = (period: Period): string =>
  page("/revenue/reconciliation", fixedParams(period));

export type MovementKind =
  "new" | "reactivation" | "expansion" | "contraction" | "churn";

export const KINDS: readonly MovementKind[] = [
  "new",
  "reactivation",
  "expansion",
  "contraction",
  "churn",
];

/** Movements from one moment until another, transfers left out as figures do. */
export const movementsLink = (
  from: string,
  to: string,
  kind?: MovementKind | readonly MovementKind[],
): string =>
  listLink("mrr_movements", {
    "occurredAt@gte": from,
    "occurredAt@lt": to,
    isTransfer: false,
    ...(kind === undefined ? {} : { kind }),
  });

export const movementsOf = (
  period: Period,
  kind?: MovementKind | readonly MovementKind[],
): string => movementsLink(startOf(period.from), startOf(period.to), kind);

export const subscriptionsLink = (filter: Record<string, unknown>): string =>
  listLink("stripe_subscriptions", filter);

export const costsLink = (period: Period): string =>
  listLink("acquisition_costs", {
    "month@gte": period.from,
    "month@lt": period.to,
  });

/** The page of whoever an account is. */
export function ownerLink(account: string): string | null {
  const [kind, ...rest] = account.split(":");
  const id = encodeURIComponent(rest.join(":"));
  switch (kind) {
    case "brand":
      return `/brands/${id}/show`;
    case "user":
      return `/users/${id}/show`;
    case "customer":
      return `/stripe_customers/${id}/show`;
    default:
      return null;
  }
}

export const accountMovementsLink = (account: string): string =>
  listLink("mrr_movements", { account });
