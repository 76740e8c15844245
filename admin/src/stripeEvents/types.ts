import type { Tone } from "../components/StatusChip.tsx";

export type EventStatus =
  "received" | "processed" | "ignored" | "ignored_stale" | "failed" | "dead";

export type StripeEvent = {
  id: string;
  rowId: string;
  type: string;
  objectId: string | null;
  status: EventStatus;
  livemode: boolean;
  attempts: number;
  duplicates: number;
  lastError: string | null;
  created: string;
  receivedAt: string;
  processedAt: string | null;
  nextAttemptAt: string;
};

export const EVENT_STATUSES: readonly EventStatus[] = [
  "received",
  "processed",
  "ignored",
  "ignored_stale",
  "failed",
  "dead",
];

/** Types to choose from; any other can be written. */
export const EVENT_TYPES = [
  "customer.created",
  "customer.updated",
  "customer.deleted",
  "customer.subscription.created",
  "customer.subscription.updated",
  "customer.subscription.deleted",
  "price.created",
  "price.updated",
  "product.created",
  "product.updated",
  "coupon.created",
  "coupon.updated",
  "customer.discount.created",
  "customer.discount.deleted",
  "invoice.created",
  "invoice.finalized",
  "invoice.paid",
  "invoice.payment_failed",
  "invoice.voided",
  "invoice_payment.paid",
  "checkout.session.completed",
  "charge.refunded",
  "refund.created",
  "refund.updated",
  "charge.dispute.created",
] as const;

const tones: Readonly<Record<EventStatus, Tone>> = {
  received: "info",
  processed: "success",
  ignored: "quiet",
  ignored_stale: "quiet",
  failed: "warning",
  dead: "error",
};

export const eventTone = (status: EventStatus): Tone => tones[status];
