import type { Tone } from "../components/StatusChip.tsx";
import type {
  Coming,
  Entitlement,
  Invoice,
  Offer,
  Plan,
} from "./billingApi.ts";

/**
 * Which words say what the mirror says. Pure: keys of the messages, and what
 * belongs into them.
 */

const TONES: Readonly<Record<string, Tone>> = {
  active: "success",
  trialing: "info",
  past_due: "warning",
  incomplete: "warning",
  unpaid: "error",
  paused: "warning",
};

export const isOver = ({ status }: Pick<Plan, "status">): boolean =>
  status === "canceled" || status === "incomplete_expired";

/** The state of a plan in a word: one that is cancelled still runs to its end. */
export function planState(plan: Pick<Plan, "status" | "endsAt">): {
  words: string;
  tone: Tone;
} {
  const runs = plan.status === "active" || plan.status === "trialing";
  if (runs && plan.endsAt !== null) {
    return { words: "billing.status.ending", tone: "warning" };
  }
  return {
    words: `billing.status.${plan.status}`,
    tone: TONES[plan.status] ?? "quiet",
  };
}

/** A sentence about a plan: its words, the day and the charge that stand in it. */
export type Line = {
  words: string;
  at: string | null;
  charge: Coming | null;
};

const line = (
  words: string,
  at: string | null = null,
  charge: Coming | null = null,
): Line => ({ words: `billing.outlook.${words}`, at, charge });

/** What happens at the end of the period, and what it asks of the customer. */
export function outlookOf(
  plan: Plan,
  upcoming: readonly Coming[],
  now: Date,
): Line[] {
  const own = upcoming.filter(
    ({ subscriptionId }) => subscriptionId === plan.subscriptionId,
  );
  const of = (kind: string) => own.filter((coming) => coming.kind === kind);
  const lines: Line[] = [];
  switch (plan.status) {
    case "canceled":
      return [line("ended", plan.endedAt ?? plan.canceledAt)];
    case "incomplete_expired":
      return [line("never_began")];
    case "incomplete":
      return [line("incomplete")];
    case "past_due":
    case "unpaid":
      lines.push(
        plan.payBefore === null
          ? line(plan.status)
          : line(
              new Date(plan.payBefore) > now
                ? `${plan.status}_before`
                : `${plan.status}_late`,
              plan.payBefore,
            ),
      );
      break;
    case "paused":
      lines.push(line("paused"));
      break;
    default:
  }
  if (plan.endsAt !== null) {
    lines.push(
      line(
        plan.status === "trialing" &&
          plan.trialEnd !== null &&
          plan.endsAt <= plan.trialEnd
          ? "trial_stops"
          : "ends",
        plan.endsAt,
      ),
    );
  }
  for (const coming of of("trial_ends")) {
    lines.push(line("trial_ends", coming.happensAt, coming));
  }
  for (const coming of of("renews")) {
    lines.push(
      line(
        coming.isCollected ? "renews" : "renews_uncollected",
        coming.happensAt,
        coming,
      ),
    );
  }
  if (plan.pausedAs !== null) {
    const how = ["keep_as_draft", "mark_uncollectible", "void"].includes(
      plan.pausedAs,
    )
      ? plan.pausedAs
      : "paused";
    lines.push(
      line(
        plan.resumesAt === null
          ? `collection_${how}`
          : `collection_${how}_until`,
        plan.resumesAt,
      ),
    );
  }
  if (lines.length === 0) {
    lines.push(
      plan.status === "trialing"
        ? line("trial")
        : plan.periodEnd !== null && new Date(plan.periodEnd) <= now
          ? line("period_over", plan.periodEnd)
          : line("unknown"),
    );
  }
  return lines;
}

/** Which sentence a charge is: exact, at most, with usage on top, or not known. */
export function chargeWords(
  coming: Pick<Coming, "amountMinor" | "hasUsage" | "atMost">,
): string | null {
  if (coming.amountMinor === null) return null;
  if (coming.hasUsage && coming.amountMinor === 0) {
    return "billing.charge.usage";
  }
  return `billing.charge.${coming.atMost ? "at_most" : "exact"}${coming.hasUsage ? "_and_usage" : ""}`;
}

/**
 * Why something is granted, out of the database's own sentence: "Price a, b,
 * subscription active". What reads otherwise is shown as it stands.
 */
export function whyWords(why: string): {
  words: string | null;
  prices: string[];
} {
  const [, prices = "", status = ""] =
    /^Price (.+), subscription ([a-z_]+)$/.exec(why) ?? [];
  if (status !== "") {
    return { words: `billing.why.${status}`, prices: prices.split(", ") };
  }
  return {
    words: why.startsWith("No price of the subscription")
      ? "billing.why.dropped"
      : null,
    prices: [],
  };
}

/** Given by staff: what a subscription gives stands among the grants. */
export const isGift = ({ source }: Pick<Entitlement, "source">): boolean =>
  !source.startsWith("subscription ");

export type Gives = { words: string; amount: number | null };

/** What a plan on offer gives, a line each. */
export function givesOf(offer: Offer): Gives[] {
  const lines: Gives[] = [];
  if (offer.pro) lines.push({ words: "billing.gives.pro", amount: null });
  if (offer.monthlyCredits !== null) {
    lines.push({
      words: "billing.gives.monthly_credits",
      amount: offer.monthlyCredits,
    });
  }
  if (offer.datasetAccess !== null) {
    lines.push({
      words: `billing.gives.dataset_${offer.datasetAccess}`,
      amount: null,
    });
  }
  if (offer.customModels) {
    lines.push({ words: "billing.gives.custom_models", amount: null });
  }
  return lines;
}

const INTERVALS = ["day", "week", "month", "year"];

/** "per month", "every 3 months"; null for a price that is paid once. */
export function intervalWords(
  interval: string | null,
  count: number | null,
): { words: string; count: number } | null {
  if (interval === null || !INTERVALS.includes(interval)) return null;
  return { words: `billing.every.${interval}`, count: count ?? 1 };
}

/**
 * An address that may be followed: https, and nothing hidden in it. What comes
 * from elsewhere (javascript:, data:, a name before the host) is no link.
 */
export function httpsUrl(address: string | null | undefined): string | null {
  if (address == null || !URL.canParse(address)) return null;
  const url = new URL(address);
  return url.protocol === "https:" && url.username === "" && url.password === ""
    ? url.href
    : null;
}

/** Whom to ask: an address to write to, one to open, or only words. */
export function contactLink(contact: string): string | null {
  if (/^[^\s@:?&/]+@[^\s@:?&/]+$/.test(contact)) return `mailto:${contact}`;
  return httpsUrl(contact);
}

const INVOICE_TONES: Readonly<Record<string, Tone>> = {
  paid: "success",
  open: "info",
  overdue: "warning",
  uncollectible: "error",
};

export function invoiceState(
  status: string | null,
  dueDate: string | null,
  now: Date,
): { words: string; tone: Tone } {
  const state =
    status === "open" && dueDate !== null && new Date(dueDate) < now
      ? "overdue"
      : (status ?? "unknown");
  return {
    words: `billing.invoice_status.${state}`,
    tone: INVOICE_TONES[state] ?? "quiet",
  };
}

/** What an invoice still asks for; null where it asks for nothing any more, or not yet. */
export const askedBy = ({
  status,
  amountRemaining,
}: Pick<Invoice, "status" | "amountRemaining">): number | null =>
  status === "void" || status === "draft" ? null : amountRemaining;

export type Return = "paid" | "cancelled" | "changed";

/** What Stripe's page sent the browser back with; anything else says nothing. */
export function parseReturn(value: string | null): Return | null {
  return value === "paid" || value === "cancelled" || value === "changed"
    ? value
    : null;
}

/** What the plans are, as one text: whether it changed is all that is asked. */
export const signatureOf = (plans: readonly Plan[]): string =>
  plans
    .map(
      ({ subscriptionId, status, endsAt, items }) =>
        `${subscriptionId} ${status} ${endsAt ?? ""} ${items
          .map(({ priceId, quantity }) => `${priceId}×${quantity ?? ""}`)
          .join()}`,
    )
    .sort()
    .join("; ");
