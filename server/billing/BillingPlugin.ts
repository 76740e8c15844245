import type { Logger } from "pino";
import type { PgExecutorContext } from "postgraphile/@dataplan/pg";
import {
  context,
  lambda,
  list,
  object,
  sideEffect,
  type Step,
} from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";

import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";
import { returnUrlOf } from "./returnUrl.ts";
import type {
  BillingParty,
  CreditPurchase,
  PlanChange,
  StripeApi,
} from "./stripeApi.ts";

export type BillingPluginOptions = {
  config: Pick<Config, "rootUrl" | "stripe">;
  /** Null without a key: then there is nothing to pay with. */
  api: StripeApi | null;
  log: Pick<Logger, "warn">;
};

/** What the schema export needs: the names, with nothing behind them. */
export const NO_STRIPE_API: StripeApi = {
  creditCheckout: () => Promise.reject(new AppError("STATE")),
  planPage: () => Promise.reject(new AppError("STATE")),
  portal: () => Promise.reject(new AppError("STATE")),
  fetchObject: () => Promise.resolve(null),
};

const PAYING_ROLES = ["closetai_brand_owner", "closetai_user"];
const FETCHING_ROLE = "closetai_staff_finance";

export function makeBillingPlugins(
  options: BillingPluginOptions,
): GraphileConfig.Plugin[] {
  const { api } = options;
  const settings = makeBillingSettingsPlugin(options);
  return api === null
    ? [settings]
    : [settings, makePayingPlugin({ ...options, api })];
}

/** Whether one can pay here, and whom to ask; there with and without a key. */
function makeBillingSettingsPlugin({
  config,
  api,
}: BillingPluginOptions): GraphileConfig.Plugin {
  const plugin = extendSchema(
    {
      typeDefs: gql`
        "How paying works in this installation."
        type BillingSettings {
          "Whether the person who asks can pay here: then there are buyCredits, changePlan and openBillingPortal."
          canPay: Boolean!
          "Whether Stripe can be asked for a subscription or an invoice again (refetchStripeObject): for staff finance, where there is a key."
          canFetch: Boolean!
          "Whom to ask about paying, where the installation says so."
          contact: String
        }

        extend type Query {
          billingSettings: BillingSettings
        }
      `,
      objects: {
        Query: {
          plans: {
            billingSettings() {
              return lambda(context().get("pgSettings"), (pgSettings) => {
                const role = pgSettings?.["role"];
                return {
                  // Who views as somebody else looks, and does not pay.
                  canPay:
                    api !== null &&
                    PAYING_ROLES.includes(role ?? "") &&
                    (pgSettings?.["app.impersonator_id"] ?? "") === "",
                  canFetch: api !== null && role === FETCHING_ROLE,
                  contact:
                    role === undefined || role === "closetai_anonymous"
                      ? null
                      : config.stripe.contact,
                };
              });
            },
          },
        },
      },
    },
    "BillingSettingsPlugin",
  );
  plugin.description = "Adds the query billingSettings";
  return plugin;
}

type CreditsInput = {
  priceId: string;
  quantity?: number | null;
  returnPath?: string | null;
};
type PlanInput = { priceId: string; returnPath?: string | null };
type PortalInput = { returnPath?: string | null };

/**
 * The mutations that lead to a page of Stripe. The database says, as the person
 * who asks, who pays and what for; its connection is given back before Stripe is
 * asked. Nothing is granted here: the event of the payment does that.
 */
function makePayingPlugin({
  config,
  api,
  log,
}: BillingPluginOptions & { api: StripeApi }): GraphileConfig.Plugin {
  const plugin = extendSchema((build) => {
    const executor = build.input.pgRegistry.pgExecutors["main"];
    if (executor === undefined) throw new Error("There is no main executor");

    /** Asks the database, then Stripe. */
    const page = <Input, Facts>(
      $input: Step,
      question: string,
      values: (input: Input) => unknown[],
      ask: (facts: Facts, input: Input) => Promise<string>,
    ) =>
      sideEffect(list([executor.context(), $input]), async ([db, given]) => {
        const { withPgClient, pgSettings } = db as PgExecutorContext;
        const input = given as Input;
        const facts = await withPgClient(pgSettings, async (client) => {
          const { rows } = await client.query<{ facts: Facts }>({
            text: question,
            values: values(input),
          });
          return rows[0]?.facts;
        });
        if (facts === undefined) throw new AppError("DNIED");
        try {
          return { url: await ask(facts, input) };
        } catch (error) {
          if (error instanceof AppError && error.cause !== undefined) {
            log.warn(describe(error.cause), "Stripe did not give a page");
          }
          throw error;
        }
      });

    return {
      typeDefs: gql`
        input BuyCreditsInput {
          "A one-time price whose metadata says how many credits it sells."
          priceId: String!
          "How many times; 1 unless said otherwise."
          quantity: Int
          "A path of this installation to come back to."
          returnPath: String
        }

        input ChangePlanInput {
          "A recurring price whose metadata says what it grants."
          priceId: String!
          "A path of this installation to come back to."
          returnPath: String
        }

        input OpenBillingPortalInput {
          "A path of this installation to come back to."
          returnPath: String
        }

        "A page of Stripe, for the person who asked alone."
        type BillingPage {
          "Go there; it is good for a short while."
          url: String!
        }

        extend type Mutation {
          "Buys credits for the active brand (as its owner), or for the shopper. They come when Stripe says they are paid."
          buyCredits(input: BuyCreditsInput!): BillingPage
          "Begins a plan, or replaces the present one; Stripe's page tells the price first."
          changePlan(input: ChangePlanInput!): BillingPage
          "Payment methods, invoices, cancelling."
          openBillingPortal(input: OpenBillingPortalInput!): BillingPage
        }
      `,
      objects: {
        Mutation: {
          plans: {
            buyCredits(_$mutation, fieldArgs) {
              return page<CreditsInput, CreditPurchase>(
                object({
                  priceId: fieldArgs.getRaw(["input", "priceId"]),
                  quantity: fieldArgs.getRaw(["input", "quantity"]),
                  returnPath: fieldArgs.getRaw(["input", "returnPath"]),
                }),
                "select app_hidden.prepare_credit_purchase($1, $2) as facts",
                ({ priceId, quantity }) => [priceId, quantity ?? 1],
                (purchase, { priceId, quantity, returnPath }) =>
                  api.creditCheckout(purchase, {
                    priceId,
                    quantity: quantity ?? 1,
                    returnUrl: returnUrlOf(config.rootUrl, returnPath),
                  }),
              );
            },
            changePlan(_$mutation, fieldArgs) {
              return page<PlanInput, PlanChange>(
                object({
                  priceId: fieldArgs.getRaw(["input", "priceId"]),
                  returnPath: fieldArgs.getRaw(["input", "returnPath"]),
                }),
                "select app_hidden.prepare_plan_change($1) as facts",
                ({ priceId }) => [priceId],
                (change, { priceId, returnPath }) =>
                  api.planPage(change, {
                    priceId,
                    returnUrl: returnUrlOf(config.rootUrl, returnPath),
                  }),
              );
            },
            openBillingPortal(_$mutation, fieldArgs) {
              return page<PortalInput, BillingParty>(
                object({
                  returnPath: fieldArgs.getRaw(["input", "returnPath"]),
                }),
                "select app_hidden.billing_party() as facts",
                () => [],
                (party, { returnPath }) => {
                  const returnUrl = returnUrlOf(config.rootUrl, returnPath);
                  if (party.customerId === null) {
                    throw new AppError("STATE", "There is nothing to manage", {
                      hint: "Choose a plan or buy credits first",
                    });
                  }
                  return api.portal(party.customerId, returnUrl);
                },
              );
            },
          },
        },
      },
    };
  }, "PayingPlugin");
  plugin.description = "Adds the mutations that lead to a page of Stripe";
  return plugin;
}

/** Of an error of Stripe what helps to find it there; never what was sent. */
function describe(error: unknown): object {
  const { type, code, statusCode, requestId, message } = error as {
    [key: string]: unknown;
  };
  return { stripe: { type, code, statusCode, requestId, message } };
}
