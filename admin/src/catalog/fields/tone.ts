import type { Tone } from "../../components/StatusChip.tsx";

const words: readonly (readonly [Tone, readonly string[]])[] = [
  [
    "success",
    [
      "accepted",
      "active",
      "approved",
      "completed",
      "delivered",
      "done",
      "live",
      "paid",
      "published",
      "ready",
      "sent",
      "stored",
      "succeeded",
    ],
  ],
  [
    "warning",
    [
      "draft",
      "expiring",
      "invited",
      "onboarding",
      "open",
      "past_due",
      "paused",
      "pending",
      "review",
      "trialing",
      "waiting",
    ],
  ],
  [
    "error",
    [
      "blocked",
      "canceled",
      "denied",
      "erased",
      "expired",
      "failed",
      "refused",
      "rejected",
      "suspended",
      "unpaid",
    ],
  ],
  [
    "info",
    ["processing", "queued", "running", "scheduled", "staging", "uploaded"],
  ],
];

/** How good a state is, as far as its name tells; the word itself is always shown. */
export const toneOf = (value: string): Tone => {
  const word = value.toLowerCase();
  return words.find(([, known]) => known.includes(word))?.[0] ?? "quiet";
};
