import { randomUUID } from "node:crypto";

/**
 * Events as Stripe sends them, in the shapes of its published example objects
 * (stripe/openapi fixtures3.json, MIT), for three generations of the API. The
 * examples are partly made up; what would make nonsense of a sum is made sane:
 * transform_quantity is null, intervals are real ones, periods end after they
 * begin.
 */

export const GENERATIONS = [
  // The plan, the quantity, one discount and the period stand on top.
  "2020-03-02",
  // Periods moved to the items, and an invoice's subscription to its parent.
  "2025-03-31.basil",
  // A discount names its coupon in its source, and comes as an id unless expanded.
  "2025-09-30.clover",
] as const;

export type Generation = (typeof GENERATIONS)[number];

export type Json = Record<string, unknown>;
export type StripeObject = Json & { id: string; object: string };

export type StripeEvent = {
  id: string;
  object: "event";
  type: string;
  api_version: Generation;
  created: number;
  livemode: boolean;
  pending_webhooks: number;
  request: { id: null; idempotency_key: null };
  data: { object: StripeObject };
};

/** Tuesday, 2025-10-07, 06:40 UTC: where streams begin unless they say. */
export const START = 1_759_819_200;
export const DAY = 86_400;

/** An id that no other object has. */
export function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll("-", "").slice(0, 16)}`;
}

export type Interval = "day" | "week" | "month" | "year";

export type Tier = {
  up_to: number | null;
  unit_amount?: number | null;
  flat_amount?: number | null;
};

export type PriceInput = {
  id?: string;
  /** In minor units; text where there are decimals; null where there are tiers. */
  amount?: number | string | null;
  currency?: string;
  interval?: Interval;
  every?: number;
  usage?: "licensed" | "metered";
  oneOff?: boolean;
  transform?: { divide_by: number; round: "up" | "down" } | null;
  tiers?: Tier[];
  tiersMode?: "graduated" | "volume";
  metadata?: Record<string, string>;
};

export function price(input: PriceInput = {}): StripeObject {
  const amount = input.amount === undefined ? 2000 : input.amount;
  const tiered = input.tiersMode !== undefined;
  return {
    id: input.id ?? newId("price"),
    object: "price",
    active: true,
    billing_scheme: tiered ? "tiered" : "per_unit",
    created: START,
    currency: input.currency ?? "usd",
    livemode: false,
    lookup_key: null,
    metadata: input.metadata ?? {},
    nickname: null,
    product: "prod_QXg1hqf4jFNsqG",
    recurring:
      input.oneOff === true
        ? null
        : {
            interval: input.interval ?? "month",
            interval_count: input.every ?? 1,
            meter: null,
            trial_period_days: null,
            usage_type: input.usage ?? "licensed",
          },
    tax_behavior: "unspecified",
    // Sent only to who asks for them.
    ...(input.tiers === undefined ? {} : { tiers: input.tiers }),
    tiers_mode: input.tiersMode ?? null,
    transform_quantity: input.transform ?? null,
    type: input.oneOff === true ? "one_time" : "recurring",
    unit_amount: typeof amount === "number" && !tiered ? amount : null,
    unit_amount_decimal: amount === null || tiered ? null : String(amount),
  };
}

/** The same as a plan, which is what a price was called before. */
export function planOf(of: StripeObject): StripeObject {
  const recurring = (of["recurring"] ?? {}) as Json;
  return {
    id: of.id,
    object: "plan",
    active: true,
    aggregate_usage: null,
    amount: of["unit_amount"],
    amount_decimal: of["unit_amount_decimal"],
    billing_scheme: of["billing_scheme"],
    created: START,
    currency: of["currency"],
    interval: recurring["interval"],
    interval_count: recurring["interval_count"],
    livemode: false,
    metadata: of["metadata"],
    nickname: null,
    product: of["product"],
    ...(of["tiers"] === undefined ? {} : { tiers: of["tiers"] }),
    tiers_mode: of["tiers_mode"],
    transform_usage: of["transform_quantity"],
    trial_period_days: null,
    usage_type: recurring["usage_type"],
  };
}

export type CouponInput = {
  id?: string;
  percent?: number;
  amount?: number;
  currency?: string;
  duration?: "forever" | "once" | "repeating";
};

export function coupon(input: CouponInput): StripeObject {
  return {
    id: input.id ?? newId("coupon"),
    object: "coupon",
    amount_off: input.amount ?? null,
    created: START,
    currency: input.amount === undefined ? null : (input.currency ?? "usd"),
    duration: input.duration ?? "forever",
    duration_in_months: input.duration === "repeating" ? 3 : null,
    livemode: false,
    max_redemptions: null,
    metadata: {},
    name: null,
    percent_off: input.percent ?? null,
    redeem_by: null,
    times_redeemed: 1,
    valid: true,
  };
}

/** A discount of a coupon, which may be only named (an id). */
export function discount(
  of: StripeObject | string,
  generation: Generation = "2025-09-30.clover",
  extra: Json = {},
): StripeObject {
  return {
    id: newId("di"),
    object: "discount",
    checkout_session: null,
    ...(generation === "2025-09-30.clover"
      ? { source: { type: "coupon", coupon: of } }
      : { coupon: of }),
    customer: null,
    end: null,
    invoice: null,
    invoice_item: null,
    promotion_code: null,
    start: START,
    subscription: null,
    subscription_item: null,
    ...extra,
  };
}

export type ItemInput = {
  id?: string;
  /** A price, or only its id. */
  price: StripeObject | string;
  /** Null: none is sent, as for metered prices. */
  quantity?: number | null;
  discounts?: (StripeObject | string)[];
};

export type SubscriptionInput = {
  id?: string;
  customer: string;
  status?: string;
  items: ItemInput[];
  currency?: string;
  discounts?: (StripeObject | string)[];
  start?: number;
  extra?: Json;
};

export function subscription(
  input: SubscriptionInput,
  generation: Generation = "2025-09-30.clover",
): StripeObject {
  const id = input.id ?? newId("sub");
  const start = input.start ?? START;
  const legacy = generation === "2020-03-02";
  const period = {
    current_period_start: start,
    current_period_end: start + 30 * DAY,
  };
  const first = input.items[0];
  const known =
    first !== undefined && typeof first.price !== "string" ? first.price : null;
  const items = input.items.map((item, position) => ({
    id: item.id ?? `si_${id}_${position}`,
    object: "subscription_item",
    created: start,
    metadata: {},
    price: item.price,
    ...(legacy && typeof item.price !== "string"
      ? { plan: planOf(item.price) }
      : {}),
    ...(item.quantity === null ? {} : { quantity: item.quantity ?? 1 }),
    subscription: id,
    tax_rates: [],
    ...(legacy ? {} : { ...period, discounts: item.discounts ?? [] }),
  }));
  const discounts = input.discounts ?? [];
  return {
    id,
    object: "subscription",
    application: null,
    billing_cycle_anchor: start,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    collection_method: "charge_automatically",
    created: start,
    currency: input.currency ?? (known?.["currency"] as string | null) ?? "usd",
    customer: input.customer,
    ended_at: null,
    livemode: false,
    metadata: {},
    pause_collection: null,
    start_date: start,
    status: input.status ?? "active",
    trial_end: null,
    ...(legacy
      ? {
          ...period,
          discount: discounts[0] ?? null,
          plan:
            input.items.length === 1 && known !== null ? planOf(known) : null,
          quantity: input.items.length === 1 ? (first?.quantity ?? 1) : null,
        }
      : { discounts }),
    items: {
      object: "list",
      data: items,
      has_more: false,
      url: `/v1/subscription_items?subscription=${id}`,
    },
    ...input.extra,
  };
}

export function customer(
  input: { id?: string; email?: string; metadata?: Json } = {},
): StripeObject {
  return {
    id: input.id ?? newId("cus"),
    object: "customer",
    balance: 0,
    created: START,
    currency: "usd",
    delinquent: false,
    description: null,
    email: input.email ?? "Payer@Customers.Test",
    livemode: false,
    metadata: input.metadata ?? {},
    name: "A payer",
    preferred_locales: [],
  };
}

export type InvoiceInput = {
  id?: string;
  customer: string;
  subscription?: string | null;
  status?: string;
  currency?: string;
  lines?: { amount: number; price?: string; proration?: boolean }[];
  discount?: number;
  tax?: number;
  created?: number;
};

export function invoice(
  input: InvoiceInput,
  generation: Generation = "2025-09-30.clover",
): StripeObject {
  const id = input.id ?? newId("in");
  const lines = input.lines ?? [{ amount: 2000 }];
  const subtotal = lines.reduce((sum, line) => sum + line.amount, 0);
  const tax = input.tax ?? 0;
  const total = subtotal - (input.discount ?? 0) + tax;
  const paid = input.status === undefined || input.status === "paid";
  const created = input.created ?? START;
  const legacy = generation === "2020-03-02";
  const of = input.subscription ?? null;
  return {
    id,
    object: "invoice",
    amount_due: total,
    amount_paid: paid ? total : 0,
    amount_remaining: paid ? 0 : total,
    billing_reason: of === null ? "manual" : "subscription_cycle",
    created,
    currency: input.currency ?? "usd",
    customer: input.customer,
    customer_address: null,
    customer_email: "payer@customers.test",
    customer_name: "A payer",
    due_date: null,
    hosted_invoice_url: `https://invoice.stripe.com/i/${id}`,
    livemode: false,
    number: "7FE1103-0001",
    period_start: created,
    period_end: created + 30 * DAY,
    status: input.status ?? "paid",
    status_transitions: {
      finalized_at: created,
      paid_at: paid ? created : null,
    },
    subtotal,
    total,
    total_discount_amounts:
      input.discount === undefined
        ? []
        : [{ amount: input.discount, discount: "di_1" }],
    ...(legacy
      ? { subscription: of, tax }
      : {
          parent:
            of === null
              ? null
              : {
                  type: "subscription_details",
                  quote_details: null,
                  subscription_details: { metadata: {}, subscription: of },
                },
          total_taxes:
            tax === 0 ? [] : [{ amount: tax, tax_behavior: "exclusive" }],
        }),
    lines: {
      object: "list",
      has_more: false,
      data: lines.map((line, position) => ({
        id: `il_${id}_${position}`,
        object: "line_item",
        amount: line.amount,
        currency: input.currency ?? "usd",
        period: { start: created, end: created + 30 * DAY },
        quantity: 1,
        ...(legacy
          ? { proration: line.proration ?? false, price: { id: line.price } }
          : {
              parent: {
                type: "subscription_item_details",
                subscription_item_details: {
                  proration: line.proration ?? false,
                  subscription: of,
                },
              },
              pricing: {
                type: "price_details",
                price_details: { price: line.price ?? null },
              },
            }),
      })),
    },
  };
}

export function refund(
  input: { id?: string; amount?: number; extra?: Json } = {},
): StripeObject {
  return {
    id: input.id ?? newId("re"),
    object: "refund",
    amount: input.amount ?? 100,
    charge: "ch_1PgafuB7WZ01zgkWXYmPNZs8",
    created: START,
    currency: "usd",
    metadata: {},
    payment_intent: null,
    reason: null,
    status: "succeeded",
    ...input.extra,
  };
}

/** A session of Checkout that bought credits. */
export function checkout(
  metadata: Record<string, string>,
  extra: Json = {},
): StripeObject {
  return {
    id: newId("cs_test"),
    object: "checkout.session",
    created: START,
    livemode: false,
    metadata,
    mode: "payment",
    payment_status: "paid",
    status: "complete",
    ...extra,
  };
}

export function event(
  type: string,
  created: number,
  object: StripeObject,
  extra: Partial<StripeEvent> = {},
): StripeEvent {
  return {
    id: newId("evt"),
    object: "event",
    api_version: "2025-09-30.clover",
    created,
    data: { object },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
    ...extra,
  };
}
