import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { QueryArguments } from "ra-data-postgraphile";
import { useDataProvider } from "react-admin";

import type { Finding } from "../components/Findings.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import type { AccountGroup } from "./links.ts";
import type { Bucket, Period } from "./period.ts";
import { startOf } from "./period.ts";

/** US cents, and ratios; null is "not known". */
export type Overview = {
  startUsdMinor: number;
  newUsdMinor: number;
  reactivationUsdMinor: number;
  expansionUsdMinor: number;
  contractionUsdMinor: number;
  churnUsdMinor: number;
  endUsdMinor: number;
  startAccounts: number;
  lostAccounts: number;
  newAccounts: number;
  accounts: number;
  cohortEndUsdMinor: number;
  cohortKeptUsdMinor: number;
  nrr: number | null;
  grr: number | null;
  logoChurn: number | null;
  grossMrrChurn: number | null;
  netMrrChurn: number | null;
  quickRatio: number | null;
  arrUsdMinor: number;
  arpaUsdMinor: number | null;
  spendUsdMinor: number | null;
  grossMargin: number | null;
  monthlyLogoChurn: number | null;
  ltvUsdMinor: number | null;
  cacUsdMinor: number | null;
  ltvCac: number | null;
  lifetimeMonths: number | null;
  asOf: string;
};

export type SubscriberChurn = {
  churned: number;
  activeBefore: number;
  joined: number;
  rate: number | null;
};

export type Bar = {
  bucketStart: string;
  bucketEnd: string;
  newUsdMinor: number;
  reactivationUsdMinor: number;
  expansionUsdMinor: number;
  contractionUsdMinor: number;
  churnUsdMinor: number;
  endUsdMinor: number;
  accounts: number;
};

export type Risk = {
  endingUsdMinor: number;
  endingSubscriptions: number;
  pastDueUsdMinor: number;
  pastDueSubscriptions: number;
  pausedUsdMinor: number;
  pausedSubscriptions: number;
  atRiskUsdMinor: number;
  atRiskSubscriptions: number;
  reviewSubscriptions: number;
  unlinkedUsdMinor: number;
  unlinkedCustomers: number;
  asOf: string;
};

export type Place = {
  place: number;
  brandId: string;
  name: string;
  mrrUsdMinor: number;
  arrUsdMinor: number;
  share: number | null;
  changeUsdMinor: number;
  activeSubscriptions: number;
  completedTryons: number;
  spendUsdMinor: number | null;
  ltvUsdMinor: number | null;
  ltvCac: number | null;
};

export type PlaceTotal = {
  brands: number;
  mrrUsdMinor: number;
  arrUsdMinor: number;
  changeUsdMinor: number;
  activeSubscriptions: number;
  costedBrands: number;
  spendUsdMinor: number | null;
  ltvUsdMinor: number | null;
  ltvCac: number | null;
  asOf: string;
};

export type Account = {
  account: string;
  kind: "brand" | "user" | "customer";
  ownerId: string;
  name: string | null;
  startUsdMinor: number;
  newUsdMinor: number;
  reactivationUsdMinor: number;
  expansionUsdMinor: number;
  contractionUsdMinor: number;
  churnUsdMinor: number;
  endUsdMinor: number;
  keptUsdMinor: number;
  activeSubscriptions: number;
};

export type AccountTotal = Omit<
  Account,
  "account" | "kind" | "ownerId" | "name"
> & { accounts: number; asOf: string };

export type AccountSort = "end" | "start" | "change" | "loss" | "name";

export type Part = {
  part: string;
  usdMinor: number;
  items: number;
};

export type PartRow = {
  invoiceId: string | null;
  number: string | null;
  subscriptionId: string | null;
  customerId: string | null;
  customer: string | null;
  at: string | null;
  total: number | null;
  currency: string | null;
  usdMinor: number | null;
};

type Kind = "bigint" | "float";

/** What stands for GraphQL's selection, and how its values are read. */
const shape = (
  columns: Readonly<Record<string, Kind | null>>,
  at = "",
): { selection: string; types: Record<string, Kind> } => ({
  selection: Object.keys(columns).join(" "),
  types: Object.fromEntries(
    Object.entries(columns).flatMap(([name, kind]) =>
      kind === null ? [] : [[`${at}${name}`, kind] as const],
    ),
  ),
});

const overviewColumns = {
  startUsdMinor: "bigint",
  newUsdMinor: "bigint",
  reactivationUsdMinor: "bigint",
  expansionUsdMinor: "bigint",
  contractionUsdMinor: "bigint",
  churnUsdMinor: "bigint",
  endUsdMinor: "bigint",
  startAccounts: "bigint",
  lostAccounts: "bigint",
  newAccounts: "bigint",
  accounts: "bigint",
  cohortEndUsdMinor: "bigint",
  cohortKeptUsdMinor: "bigint",
  nrr: "float",
  grr: "float",
  logoChurn: "float",
  grossMrrChurn: "float",
  netMrrChurn: "float",
  quickRatio: "float",
  arrUsdMinor: "bigint",
  arpaUsdMinor: "bigint",
  spendUsdMinor: "bigint",
  grossMargin: "float",
  monthlyLogoChurn: "float",
  ltvUsdMinor: "bigint",
  cacUsdMinor: "bigint",
  ltvCac: "float",
  lifetimeMonths: "float",
  asOf: null,
} as const;

const barColumns = {
  bucketStart: null,
  bucketEnd: null,
  newUsdMinor: "bigint",
  reactivationUsdMinor: "bigint",
  expansionUsdMinor: "bigint",
  contractionUsdMinor: "bigint",
  churnUsdMinor: "bigint",
  endUsdMinor: "bigint",
  accounts: "bigint",
} as const;

const riskColumns = {
  endingUsdMinor: "bigint",
  endingSubscriptions: "bigint",
  pastDueUsdMinor: "bigint",
  pastDueSubscriptions: "bigint",
  pausedUsdMinor: "bigint",
  pausedSubscriptions: "bigint",
  atRiskUsdMinor: "bigint",
  atRiskSubscriptions: "bigint",
  reviewSubscriptions: "bigint",
  unlinkedUsdMinor: "bigint",
  unlinkedCustomers: "bigint",
  asOf: null,
} as const;

const placeColumns = {
  place: "bigint",
  brandId: null,
  name: null,
  mrrUsdMinor: "bigint",
  arrUsdMinor: "bigint",
  share: "float",
  changeUsdMinor: "bigint",
  activeSubscriptions: null,
  completedTryons: "bigint",
  spendUsdMinor: "bigint",
  ltvUsdMinor: "bigint",
  ltvCac: "float",
} as const;

const placeTotalColumns = {
  brands: "bigint",
  mrrUsdMinor: "bigint",
  arrUsdMinor: "bigint",
  changeUsdMinor: "bigint",
  activeSubscriptions: "bigint",
  costedBrands: "bigint",
  spendUsdMinor: "bigint",
  ltvUsdMinor: "bigint",
  ltvCac: "float",
  asOf: null,
} as const;

const accountAmounts = {
  startUsdMinor: "bigint",
  newUsdMinor: "bigint",
  reactivationUsdMinor: "bigint",
  expansionUsdMinor: "bigint",
  contractionUsdMinor: "bigint",
  churnUsdMinor: "bigint",
  endUsdMinor: "bigint",
  keptUsdMinor: "bigint",
  activeSubscriptions: "bigint",
} as const;

const rowColumns = {
  invoiceId: null,
  number: null,
  subscriptionId: null,
  customerId: null,
  customer: null,
  at: null,
  total: "bigint",
  currency: null,
  usdMinor: "bigint",
} as const;

const within = ({ from, to }: Pick<Period, "from" | "to">): QueryArguments => ({
  fromTime: { type: "Datetime", value: startOf(from) },
  toTime: { type: "Datetime", value: startOf(to) },
});

const int = (value: number) => ({ type: "Int", value }) as const;
const text = (value: string | null) => ({ type: "String", value }) as const;

/** One record a function answers. */
const useRecord = <T>(
  field: string,
  args: QueryArguments,
  columns: Readonly<Record<string, Kind | null>>,
) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["revenue", field, args],
    queryFn: ({ signal }) => {
      const { selection, types } = shape(columns);
      return dataProvider.query<T>(field, args, selection, { signal, types });
    },
    placeholderData: keepPreviousData,
  });
};

/** A list a function answers; at most 500. */
const useRows = <T>(
  field: string,
  args: QueryArguments,
  columns: Readonly<Record<string, Kind | null>>,
  options: { enabled?: boolean } = {},
) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["revenue", field, args],
    queryFn: async ({ signal }) => {
      const { selection, types } = shape(columns, "nodes.");
      const { nodes } = await dataProvider.query<{ nodes: T[] }>(
        field,
        { ...args, first: int(500) },
        `nodes { ${selection} }`,
        { signal, types },
      );
      return nodes;
    },
    placeholderData: keepPreviousData,
    enabled: options.enabled ?? true,
  });
};

export const useOverview = (period: Pick<Period, "from" | "to">) =>
  useRecord<Overview>("revenueOverview", within(period), overviewColumns);

/** Of the 30 days before the end of a period. */
export const useSubscriberChurn = (period: Pick<Period, "to">) =>
  useRecord<SubscriberChurn>(
    "subscriberChurn",
    { asOf: { type: "Datetime", value: startOf(period.to) } },
    {
      churned: "bigint",
      activeBefore: "bigint",
      joined: "bigint",
      rate: "float",
    },
  );

export const useSeries = (period: Period, bucket: Bucket) =>
  useRows<Bar>(
    "mrrSeries",
    { ...within(period), bucket: text(bucket) },
    barColumns,
  );

export const useRisk = () => useRecord<Risk>("mrrAtRisk", {}, riskColumns);

export const useLeaderboard = (period: Period, limit: number) =>
  useRows<Place>(
    "mrrLeaderboard",
    { ...within(period), limit: int(limit) },
    placeColumns,
  );

export const useLeaderboardTotal = (period: Period) =>
  useRecord<PlaceTotal>(
    "mrrLeaderboardTotal",
    within(period),
    placeTotalColumns,
  );

export type AccountQuestion = {
  period: Period;
  which: AccountGroup;
  words: string;
};

const asked = ({ period, which, words }: AccountQuestion): QueryArguments => ({
  ...within(period),
  which: text(which),
  words: text(words === "" ? null : words),
});

export const useAccounts = (
  question: AccountQuestion & {
    sort: AccountSort;
    page: number;
    perPage: number;
  },
) =>
  useRows<Account>(
    "revenueAccounts",
    {
      ...asked(question),
      sort: text(question.sort),
      count: int(question.perPage),
      skip: int((question.page - 1) * question.perPage),
    },
    { account: null, kind: null, ownerId: null, name: null, ...accountAmounts },
  );

export const useAccountsTotal = (question: AccountQuestion) =>
  useRecord<AccountTotal>("revenueAccountsTotal", asked(question), {
    accounts: "bigint",
    asOf: null,
    ...accountAmounts,
  });

export const useReconciliation = (period: Period) =>
  useRows<Part>("mrrReconciliation", within(period), {
    part: null,
    usdMinor: "bigint",
    items: "bigint",
  });

export const usePartRows = (
  period: Period,
  part: string,
  { page, perPage }: { page: number; perPage: number },
  enabled: boolean,
) =>
  useRows<PartRow>(
    "mrrReconciliationRows",
    {
      ...within(period),
      part: text(part),
      count: int(perPage),
      skip: int((page - 1) * perPage),
    },
    rowColumns,
    { enabled },
  );

export const useMrrCheck = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["revenue", "mrrCheck"],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Finding[] }>(
        "mrrCheck",
        { first: int(500) },
        "nodes { invariant detail }",
        { signal },
      );
      return nodes;
    },
    // It reads every subscription and every movement.
    refetchOnWindowFocus: false,
  });
};
