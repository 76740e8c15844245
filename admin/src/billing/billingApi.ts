import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { AnswerTypes, QueryArguments } from "ra-data-postgraphile";
import { useDataProvider } from "react-admin";

import { useOlderPages } from "../components/useOlderPages.ts";
import type { AppDataProvider } from "../dataProvider.ts";

/**
 * The live table that is written with every event of a subscription: what stands
 * under its name is read again with it (live/liveTables.ts).
 */
const LIVE = "subscription_grants";

export type PlanItem = {
  itemId: string;
  priceId: string;
  name: string | null;
  isKnown: boolean;
  quantity: number | null;
  currency: string | null;
  /** For the quantity, per interval; null where it cannot be told. */
  amountMinor: number | null;
  unitMinor: number | null;
  interval: string | null;
  intervalCount: number | null;
  isMetered: boolean;
  periodEnd: string | null;
};

export type Discount = {
  discountId: string | null;
  scope: "item" | "subscription" | "customer";
  name: string | null;
  percentOff: number | null;
  amountOff: number | null;
  currency: string | null;
  duration: string | null;
  endsAt: string | null;
};

export type Plan = {
  subscriptionId: string;
  status: string;
  currency: string;
  startedAt: string | null;
  trialEnd: string | null;
  endsAt: string | null;
  canceledAt: string | null;
  endedAt: string | null;
  pausedAs: string | null;
  resumesAt: string | null;
  periodStart: string | null;
  periodEnd: string | null;
  owedMinor: number;
  payBefore: string | null;
  payUrl: string | null;
  /** False while what it comes to in a month cannot be told. */
  isCounted: boolean;
  items: PlanItem[];
  discounts: Discount[];
};

export type Coming = {
  happensAt: string;
  kind: string;
  subjectId: string;
  subscriptionId: string | null;
  name: string | null;
  amountMinor: number | null;
  currency: string | null;
  hasUsage: boolean;
  atMost: boolean;
  isCollected: boolean;
  credits: number | null;
};

export type Offer = {
  priceId: string;
  kind: "credits" | "plan";
  name: string | null;
  currency: string;
  amountMinor: number | null;
  interval: string | null;
  intervalCount: number | null;
  credits: number | null;
  monthlyCredits: number | null;
  datasetAccess: string | null;
  customModels: boolean;
  pro: boolean;
  isCurrent: boolean;
  isReserved: boolean;
};

export type Quote = {
  credits: number | null;
  amountMinor: number | null;
  currency: string | null;
};

export type Grant = {
  subscriptionId: string;
  kind: string;
  active: boolean;
  amount: number | null;
  tier: string | null;
  why: string;
  since: string;
};

export type Entitlement = {
  rowId: string;
  startsAt: string;
  endsAt: string | null;
  source: string;
};

export type Allowance = {
  subscriptionId: string;
  isActive: boolean;
  monthlyCredits: number;
  grantId: string | null;
  granted: number | null;
  used: number | null;
  held: number | null;
  remaining: number | null;
  endsAt: string | null;
};

export type Invoice = {
  invoiceId: string;
  number: string | null;
  status: string | null;
  currency: string;
  total: number;
  amountPaid: number;
  amountRemaining: number;
  created: string | null;
  dueDate: string | null;
  paidAt: string | null;
  refunded: number;
  hostedUrl: string | null;
  pdfUrl: string | null;
};

export type Refund = {
  refundId: string;
  amount: number;
  currency: string;
  status: string | null;
  reason: string | null;
  created: string | null;
  invoiceNumber: string | null;
};

export type Customer = {
  rowId: string;
  name: string | null;
  email: string | null;
  currency: string | null;
  deleted: boolean;
};

export type Movement = {
  rowId: string;
  occurredAt: string;
  kind: string;
  deltaUsdMinor: number;
  afterUsdMinor: number;
  isTransfer: boolean;
};

export type AccountMrr = {
  mrrUsdMinor: number;
  movements: { totalCount: number; nodes: Movement[] };
};

export type BillingSettings = { canPay: boolean; contact: string | null };

export const INVOICE_PAGE = 12;
export const MOVEMENTS = 8;

/** Rows of one of the functions that tell a customer about billing. */
const useRows = <Row>(
  part: string,
  name: string,
  columns: string,
  {
    types = {},
    args = {},
    enabled = true,
    resource = LIVE,
  }: {
    types?: AnswerTypes;
    args?: QueryArguments;
    enabled?: boolean;
    /** Whose changes it follows. */
    resource?: string;
  } = {},
) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: [resource, "billing", part],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Row[] }>(
        name,
        { first: { type: "Int", value: 100 }, ...args },
        `nodes { ${columns} }`,
        { signal, types },
      );
      return nodes;
    },
    enabled,
  });
};

export const useSettings = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["billing", "settings"],
    queryFn: ({ signal }) =>
      dataProvider.query<BillingSettings>(
        "billingSettings",
        {},
        "canPay contact",
        { signal },
      ),
    // It changes with a restart of the server.
    staleTime: 10 * 60_000,
  });
};

export const usePlans = ({ enabled = true } = {}) =>
  useRows<Plan>(
    "plans",
    "billingPlans",
    `subscriptionId status currency startedAt trialEnd endsAt canceledAt endedAt pausedAs resumesAt
     periodStart periodEnd owedMinor payBefore payUrl isCounted items discounts`,
    { enabled, types: { "nodes.owedMinor": "bigint" } },
  );

export const useUpcoming = () =>
  useRows<Coming>(
    "upcoming",
    "billingUpcoming",
    `happensAt kind subjectId subscriptionId name amountMinor currency hasUsage atMost isCollected credits`,
    { types: { "nodes.amountMinor": "bigint", "nodes.credits": "bigint" } },
  );

export const useOffers = () =>
  useRows<Offer>(
    "offers",
    "billingOffers",
    `priceId kind name currency amountMinor interval intervalCount credits monthlyCredits datasetAccess
     customModels pro isCurrent isReserved`,
    {
      types: {
        "nodes.amountMinor": "bigint",
        "nodes.credits": "bigint",
        "nodes.monthlyCredits": "bigint",
      },
    },
  );

export const useGrants = () =>
  useRows<Grant>(
    "grants",
    "subscriptionGrants",
    "subscriptionId kind active amount tier why since",
    { types: { "nodes.amount": "bigint" } },
  );

export const useEntitlements = (enabled: boolean) =>
  useRows<Entitlement>(
    "entitlements",
    "userEntitlements",
    "rowId startsAt endsAt source",
    { enabled },
  );

/** Try-ons change it as well as plans: it follows the wallet. */
export const useAllowance = (enabled: boolean) =>
  useRows<Allowance>(
    "allowance",
    "billingAllowance",
    "subscriptionId isActive monthlyCredits grantId granted used held remaining endsAt",
    {
      enabled,
      resource: "brand_credits",
      types: {
        "nodes.monthlyCredits": "bigint",
        "nodes.granted": "bigint",
        "nodes.used": "bigint",
        "nodes.held": "bigint",
        "nodes.remaining": "bigint",
      },
    },
  );

export const useRefunds = () =>
  useRows<Refund>(
    "refunds",
    "billingRefunds",
    "refundId amount currency status reason created invoiceNumber",
    { types: { "nodes.amount": "bigint" } },
  );

export const useCustomers = () =>
  useRows<Customer>(
    "customers",
    "stripeCustomers",
    "rowId name email currency deleted",
  );

export const useMrr = () =>
  useRows<AccountMrr>(
    "mrr",
    "accountMrrs",
    `mrrUsdMinor movements(first: ${MOVEMENTS}, orderBy: [OCCURRED_AT_DESC]) {
       totalCount nodes { rowId occurredAt kind deltaUsdMinor afterUsdMinor isTransfer }
     }`,
    {
      types: {
        "nodes.mrrUsdMinor": "bigint",
        "nodes.movements.nodes.deltaUsdMinor": "bigint",
        "nodes.movements.nodes.afterUsdMinor": "bigint",
      },
    },
  );

export const useInvoices = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const invoices = useInfiniteQuery({
    queryKey: [LIVE, "billing", "invoices"],
    initialPageParam: null as string | null,
    queryFn: async ({ signal, pageParam }) => {
      const { nodes } = await dataProvider.query<{ nodes: Invoice[] }>(
        "billingInvoices",
        {
          beforeInvoice: { type: "String", value: pageParam },
          entries: { type: "Int", value: INVOICE_PAGE },
          first: { type: "Int", value: INVOICE_PAGE },
        },
        `nodes {
          invoiceId number status currency total amountPaid amountRemaining created dueDate paidAt
          refunded hostedUrl pdfUrl
        }`,
        {
          signal,
          types: {
            "nodes.total": "bigint",
            "nodes.amountPaid": "bigint",
            "nodes.amountRemaining": "bigint",
            "nodes.refunded": "bigint",
          },
        },
      );
      return nodes;
    },
    getNextPageParam: (page) =>
      page.length < INVOICE_PAGE ? undefined : page.at(-1)?.invoiceId,
  });
  return { ...invoices, ...useOlderPages(invoices) };
};

/** What a quantity of a price gives and costs, as the database reckons it. */
export const useQuote = (priceId: string | null, quantity: number | null) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["billing", "quote", priceId, quantity],
    queryFn: ({ signal }) =>
      dataProvider.query<Quote>(
        "billingQuote",
        {
          priceId: { type: "String", value: priceId },
          quantity: { type: "Int", value: quantity },
        },
        "credits amountMinor currency",
        { signal, types: { credits: "bigint", amountMinor: "bigint" } },
      ),
    enabled: priceId !== null && quantity !== null,
  });
};
