import type { Tone } from "../components/StatusChip.tsx";

type Person = { displayName: string | null; email: string | null };

export type CustomerOf = {
  email: string | null;
  name: string | null;
  brand?: { name: string } | null;
  user?: Person | null;
};

export type Subscription = {
  id: string;
  rowId: string;
  customerId: string;
  customer: CustomerOf | null;
  status: string;
  plan: string | null;
  currency: string;
  mrrMinor: number;
  mrrUsdMinor: number;
  mrrState: "ok" | "needs_review";
  mrrNote: string | null;
  isEnding: boolean;
  collectionPaused: boolean;
  cancelAt: string | null;
  endedAt: string | null;
  startedAt: string | null;
};

/** Stripe's eight. */
export const SUBSCRIPTION_STATUSES = [
  "active",
  "past_due",
  "trialing",
  "unpaid",
  "paused",
  "incomplete",
  "incomplete_expired",
  "canceled",
] as const;

/** Who is subscribed: a brand, a shopper, or a customer of nobody. */
export const ownerName = (
  customer: CustomerOf | null,
  customerId: string,
): string =>
  customer?.brand?.name ??
  (customer?.user?.displayName || customer?.user?.email) ??
  (customer?.name || customer?.email) ??
  customerId;

const tones: Readonly<Record<string, Tone>> = {
  active: "success",
  trialing: "info",
  past_due: "warning",
  unpaid: "error",
  incomplete: "warning",
  incomplete_expired: "quiet",
  paused: "quiet",
  canceled: "quiet",
};

export const statusTone = (status: string): Tone => tones[status] ?? "quiet";

export const needsReview = ({
  mrrState,
}: Pick<Subscription, "mrrState">): boolean => mrrState === "needs_review";
