import { useQuery } from "@tanstack/react-query";
import { HttpError, useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import type { MovementKind } from "../revenue/links.ts";
import type { Step } from "./steps.ts";
import type { CustomerOf, Subscription } from "./types.ts";

export type Item = {
  rowId: string;
  priceId: string;
  quantity: number | null;
  currentPeriodStart: string | null;
  currentPeriodEnd: string | null;
  price: {
    currency: string;
    unitAmountDecimal: number | null;
    interval: string | null;
    intervalCount: number | null;
    usageType: string;
    billingScheme: string;
    product: { name: string } | null;
  } | null;
};

export type PlanGrant = {
  kind: string;
  active: boolean;
  amount: number | null;
  tier: string | null;
  why: string;
  since: string;
};

export type BilledInvoice = {
  rowId: string;
  number: string | null;
  status: string | null;
  total: number;
  currency: string;
  created: string | null;
};

export type MrrLine = {
  rowId: string;
  occurredAt: string;
  deltaUsdMinor: number;
  kind: MovementKind | null;
  isTransfer: boolean;
  movementId: string | null;
  movement: { sourceEventId: string } | null;
};

export type SubscriptionPage = Subscription & {
  apiVersion: string | null;
  canceledAt: string | null;
  trialEnd: string | null;
  fxRate: number | null;
  fxDate: string | null;
  needsRefetch: boolean;
  lastEventId: string;
  lastEventCreated: string;
  customer:
    (CustomerOf & { brandId: string | null; userId: string | null }) | null;
  items: { nodes: Item[] };
  grants: { nodes: PlanGrant[] };
  invoices: { nodes: BilledInvoice[] };
  mrrLines: { nodes: MrrLine[] };
};

const SELECTION = `rowId customerId status plan currency mrrMinor mrrUsdMinor mrrState mrrNote
  isEnding collectionPaused cancelAt endedAt startedAt canceledAt trialEnd apiVersion
  fxRate fxDate needsRefetch lastEventId lastEventCreated
  customer { email name brandId userId brand { name } user { displayName email } }
  items(first: 50) { nodes { rowId priceId quantity currentPeriodStart currentPeriodEnd
    price { currency unitAmountDecimal interval intervalCount usageType billingScheme product { name } } } }
  grants(first: 10) { nodes { kind active amount tier why since } }
  invoices(first: 10, orderBy: CREATED_DESC) { nodes { rowId number status total currency created } }
  mrrLines(first: 50, orderBy: OCCURRED_AT_DESC) { nodes { rowId occurredAt deltaUsdMinor kind isTransfer movementId movement { sourceEventId } } }`;

export const useSubscription = (id: string) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_subscriptions", "getOne", { id, part: "page" }],
    enabled: id !== "",
    queryFn: async ({ signal }) => {
      const found = await dataProvider.query<SubscriptionPage | null>(
        "stripeSubscription",
        { rowId: { type: "String!", value: id } },
        SELECTION,
        {
          signal,
          types: {
            mrrMinor: "bigint",
            mrrUsdMinor: "bigint",
            fxRate: "float",
            "items.nodes.quantity": "bigint",
            "items.nodes.price.unitAmountDecimal": "float",
            "grants.nodes.amount": "bigint",
            "invoices.nodes.total": "bigint",
            "mrrLines.nodes.deltaUsdMinor": "bigint",
          },
        },
      );
      if (found === null) throw new HttpError("ra.page.not_found", 404);
      return { ...found, id: found.rowId };
    },
  });
};

/** How its MRR came about, told by the function that reckons it. */
export const useSteps = (id: string) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_subscriptions", "steps", { id }],
    queryFn: ({ signal }) =>
      dataProvider.query<Step[]>(
        "subscriptionMrrSteps",
        { subscriptionId: { type: "String", value: id } },
        "",
        { signal },
      ),
  });
};
