import { createHash } from "node:crypto";

import Stripe from "stripe";

import type { StripeConfig } from "../config.ts";
import { AppError } from "../errors.ts";

/** Who pays, as app_hidden.billing_party() tells it. */
export type BillingParty = {
  brandId: string | null;
  userId: string | null;
  email: string | null;
  name: string | null;
  /** Null until Stripe told of a customer that is theirs. */
  customerId: string | null;
};

export type CreditPurchase = BillingParty & { credits: number };

/** With subscriptionId null they have no plan so far; with itemId null, one of several parts. */
export type PlanChange = BillingParty & {
  subscriptionId?: string | null;
  itemId?: string | null;
  quantity?: number | null;
};

export type FetchedObject = {
  object: object;
  livemode: boolean;
  apiVersion: string | null;
  /** Seconds, by Stripe's own clock. */
  at: number;
};

/** All that is asked of Stripe's API. Each page is Stripe's; its URL is good for a short while. */
export type StripeApi = {
  creditCheckout(
    purchase: CreditPurchase,
    choice: { priceId: string; quantity: number; returnUrl: string },
  ): Promise<string>;
  planPage(
    change: PlanChange,
    choice: { priceId: string; returnUrl: string },
  ): Promise<string>;
  portal(customerId: string, returnUrl: string): Promise<string>;
  /** As it is now; null when there is none any more. */
  fetchObject(
    kind: "subscription" | "invoice",
    id: string,
  ): Promise<FetchedObject | null>;
};

/** Two tries fit into the time one request may take. */
const TIMEOUT_MS = 4_000;
const RETRIES = 1;

/** Null without a key: then nobody pays here, and nothing is fetched. */
export function makeStripeApi(config: StripeConfig): StripeApi | null {
  if (config.apiKey === null) return null;
  const stripe = new Stripe(config.apiKey, {
    ...(config.apiBase === null ? {} : addressOf(config.apiBase)),
    timeout: TIMEOUT_MS,
    maxNetworkRetries: RETRIES,
    // No more leaves this installation than what is asked.
    telemetry: false,
  });

  return {
    creditCheckout: (purchase, { priceId, quantity, returnUrl }) =>
      asking(config, async () => {
        const session = await stripe.checkout.sessions.create({
          mode: "payment",
          customer: await customerOf(stripe, purchase),
          // Never adjustable: the credits below are those of this quantity.
          line_items: [{ price: priceId, quantity }],
          metadata: { ...ownerOf(purchase), credits: String(purchase.credits) },
          success_url: withResult(returnUrl, "paid"),
          cancel_url: withResult(returnUrl, "cancelled"),
        });
        return urlOf(session);
      }),

    planPage: (change, { priceId, returnUrl }) =>
      asking(config, async () => {
        if (change.subscriptionId == null) {
          const session = await stripe.checkout.sessions.create({
            mode: "subscription",
            customer: await customerOf(stripe, change),
            line_items: [{ price: priceId, quantity: 1 }],
            metadata: ownerOf(change),
            subscription_data: { metadata: ownerOf(change) },
            success_url: withResult(returnUrl, "paid"),
            cancel_url: withResult(returnUrl, "cancelled"),
          });
          return urlOf(session);
        }
        const session = await stripe.billingPortal.sessions.create({
          customer: await customerOf(stripe, change),
          return_url: returnUrl,
          flow_data: {
            ...(change.itemId == null
              ? {
                  type: "subscription_update",
                  subscription_update: { subscription: change.subscriptionId },
                }
              : {
                  type: "subscription_update_confirm",
                  subscription_update_confirm: {
                    subscription: change.subscriptionId,
                    items: [
                      {
                        id: change.itemId,
                        price: priceId,
                        quantity: change.quantity ?? 1,
                      },
                    ],
                  },
                }),
            after_completion: {
              type: "redirect",
              redirect: { return_url: withResult(returnUrl, "changed") },
            },
          },
        });
        return urlOf(session);
      }),

    portal: (customerId, returnUrl) =>
      asking(config, async () =>
        urlOf(
          await stripe.billingPortal.sessions.create({
            customer: customerId,
            return_url: returnUrl,
          }),
        ),
      ),

    fetchObject: async (kind, id) => {
      try {
        const fetched =
          kind === "subscription"
            ? await stripe.subscriptions.retrieve(id)
            : await stripe.invoices.retrieve(id);
        const { lastResponse, ...object } = fetched;
        return {
          object,
          livemode: fetched.livemode,
          apiVersion: lastResponse.apiVersion ?? null,
          at: secondsOf(lastResponse.headers["date"]),
        };
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
  };
}

/** The event of the payment names whom to credit: only this, and never the browser, says so. */
function ownerOf(party: BillingParty): Record<string, string> {
  if (party.brandId !== null) return { brand_id: party.brandId };
  if (party.userId !== null) return { user_id: party.userId };
  throw new Error("Nobody would pay");
}

/**
 * The customer is made before the page, so that everything they pay is known to
 * be theirs. Until its event arrives, the key makes the same request give the
 * same customer.
 */
async function customerOf(
  stripe: Stripe,
  party: BillingParty,
): Promise<string> {
  if (party.customerId !== null) return party.customerId;
  const details = {
    ...(party.email === null ? {} : { email: party.email }),
    ...(party.name === null ? {} : { name: party.name }),
    metadata: ownerOf(party),
  };
  const key = createHash("sha256")
    .update(JSON.stringify(details))
    .digest("hex");
  const { id } = await stripe.customers.create(details, {
    idempotencyKey: `closetai-customer-${key}`,
  });
  return id;
}

function addressOf(base: string): Stripe.StripeConfig {
  const { protocol, hostname, port } = new URL(base);
  const secure = protocol === "https:";
  return {
    host: hostname,
    protocol: secure ? "https" : "http",
    port: port === "" ? (secure ? 443 : 80) : port,
  };
}

/** What the page says after the return is a greeting; only events grant. */
function withResult(returnUrl: string, result: string): string {
  const url = new URL(returnUrl);
  url.searchParams.set("billing", result);
  return url.href;
}

function urlOf(session: { url: string | null }): string {
  if (session.url === null) throw new AppError("STATE", REFUSED);
  return session.url;
}

function secondsOf(date: string | undefined): number {
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Math.floor((Number.isNaN(ms) ? Date.now() : ms) / 1_000);
}

const REFUSED = "The payment service refused this";

/** Stripe's own words are for whoever runs this, and may name keys: they go to the log. */
async function asking<T>(
  config: Pick<StripeConfig, "contact">,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const { StripeError, StripeConnectionError, StripeRateLimitError } =
      Stripe.errors;
    if (!(error instanceof StripeError)) throw error;
    if (
      error instanceof StripeConnectionError ||
      error instanceof StripeRateLimitError ||
      (error.statusCode ?? 0) >= 500
    ) {
      throw new AppError("DOWN", "The payment service cannot be reached", {
        cause: error,
      });
    }
    throw new AppError("STATE", REFUSED, {
      hint: `Nothing was paid. Tell ${config.contact ?? "whoever runs this installation"}`,
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    error.code === "resource_missing"
  );
}
