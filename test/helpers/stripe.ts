import { createHmac, randomBytes } from "node:crypto";

import type { Answer } from "./http.ts";
import { makeClient } from "./http.ts";

export const WEBHOOK_SECRET = "whsec_0123456789abcdef0123456789abcdef";
export const OTHER_SECRET = "whsec_fedcba9876543210fedcba9876543210";

export type StripeEvent = {
  id: string;
  object: "event";
  type: string;
  created: number;
  livemode: boolean;
  api_version: string;
  data: { object: Record<string, unknown> };
};

export const secondsNow = (): number => Math.floor(Date.now() / 1_000);

export function buildEvent(
  type: string,
  object: Record<string, unknown>,
  overrides: Partial<StripeEvent> = {},
): StripeEvent {
  return {
    id: `evt_${randomBytes(12).toString("hex")}`,
    object: "event",
    type,
    created: 1_760_000_000,
    livemode: false,
    api_version: "2026-10-28.endive",
    data: { object },
    ...overrides,
  };
}

export function buildPrice(
  id: string,
  unit_amount: number,
  overrides: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    id,
    object: "price",
    type: "recurring",
    currency: "usd",
    unit_amount,
    unit_amount_decimal: String(unit_amount),
    billing_scheme: "per_unit",
    product: "prod_1",
    active: true,
    metadata: {},
    recurring: { interval: "month", interval_count: 1, usage_type: "licensed" },
    ...overrides,
  };
}

export function buildSubscription(
  id: string,
  customer: string,
  price: Record<string, unknown>,
  overrides: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    id,
    object: "subscription",
    customer,
    status: "active",
    currency: "usd",
    start_date: 1_700_000_000,
    created: 1_700_000_000,
    livemode: false,
    discounts: [],
    items: {
      data: [
        {
          id: `si_${id}`,
          object: "subscription_item",
          price,
          quantity: 1,
          current_period_start: 1_760_000_000,
          current_period_end: 1_762_592_000,
          discounts: [],
        },
      ],
    },
    ...overrides,
  };
}

/** As Stripe signs: HMAC-SHA256 of the time, a dot and the body. */
export function signature(
  body: string,
  secret = WEBHOOK_SECRET,
  t: number | string = secondsNow(),
): string {
  return createHmac("sha256", secret).update(`${t}.${body}`).digest("hex");
}

export function signed(body: string, secret = WEBHOOK_SECRET): string {
  const t = secondsNow();
  return `t=${t},v1=${signature(body, secret, t)}`;
}

/** One delivery; as from Stripe: no cookie, no Origin. */
export async function deliver(
  url: string,
  event: StripeEvent | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = typeof event === "string" ? event : JSON.stringify(event);
  return makeClient(url).post("/webhooks/stripe", body, {
    "content-type": "application/json; charset=utf-8",
    "stripe-signature": signed(body),
    ...headers,
  });
}
