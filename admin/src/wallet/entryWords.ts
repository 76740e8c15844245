import type { Entry } from "./walletApi.ts";

const sources = new Set([
  "free_monthly",
  "promo",
  "purchase",
  "subscription",
  "refund",
  "adjustment",
]);

/** The sentence that says what an entry of the ledger means to the owner. */
export function entryWords(
  entry: Pick<Entry, "kind" | "source" | "heldChange">,
): string {
  const { kind, source, heldChange } = entry;
  if (kind === "grant") {
    const known = source !== null && sources.has(source);
    return `wallet.entry.${known ? source : "granted"}`;
  }
  // Held when their grant ended: given back too late to be spent again.
  return kind === "expire" && heldChange < 0
    ? "wallet.entry.expire_held"
    : `wallet.entry.${kind}`;
}

/** What the ledger says in place of the reason, which is for the audit trail. */
const NEUTRAL = "Correction by ClosetAI";

/** "Plan sub_…" or "Bought: cs_…": an id, which only those who keep the books read. */
const NAMES_STRIPE = /^(Plan|Bought:) [a-z]+_\w+$/;

/** A reason that says more than the words of the entry do already. */
export const tellingReason = (
  reason: string | null,
  keepsBooks = true,
): string | null =>
  reason === null ||
  reason === NEUTRAL ||
  (!keepsBooks && NAMES_STRIPE.test(reason))
    ? null
    : reason;

/** "+25", "−1", "–": a change with its sign, as books write it. */
export function signed(change: number, locale = "en"): string {
  if (change === 0) return "–";
  return new Intl.NumberFormat(locale, { signDisplay: "always" })
    .format(change)
    .replace("-", "−");
}
