import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { QueryArguments } from "ra-data-postgraphile";
import { useDataProvider } from "react-admin";

import { useOlderPages } from "../components/useOlderPages.ts";
import type { AppDataProvider } from "../dataProvider.ts";

/** Whose wallet: a person's or a brand's. */
export type WalletOwner = { userId: string } | { brandId: string };

export type Wallet = {
  granted: number;
  remaining: number;
  held: number;
  used: number;
  expired: number;
  nextReset: string | null;
  proUntil: string | null;
};

export type Forecast = {
  spent: number;
  days: number;
  perDay: number;
  remaining: number;
  runsOutAt: string | null;
};

export type UsageDay = { day: string; used: number; tryons: number };

export type Grant = {
  grantId: string;
  source: string;
  amount: number;
  remaining: number;
  effectiveAt: string;
  expiresAt: string | null;
  note: string | null;
};

export type Entry = {
  entryId: string;
  bookedAt: string;
  kind: "grant" | "hold" | "capture" | "release" | "expire" | "adjust";
  amount: number;
  availableChange: number;
  heldChange: number;
  availableAfter: number;
  source: string | null;
  tryonJobId: string | null;
  actorKind: string;
  reason: string | null;
};

export const HISTORY_PAGE = 25;
export const USAGE_DAYS = 30;

export const isOfBrand = (owner: WalletOwner): owner is { brandId: string } =>
  "brandId" in owner;

/** The table whose changes these queries follow stands in live/liveTables.ts. */
const resourceOf = (owner: WalletOwner): string =>
  isOfBrand(owner) ? "brand_credits" : "user_credits";

const ownerArguments = (owner: WalletOwner): QueryArguments =>
  isOfBrand(owner)
    ? { brandId: { type: "UUID!", value: owner.brandId } }
    : { userId: { type: "UUID!", value: owner.userId } };

const keyOf = (owner: WalletOwner, part: string) => [
  resourceOf(owner),
  part,
  owner,
];

const columns = "granted remaining held used expired";
const counts = {
  granted: "bigint",
  remaining: "bigint",
  held: "bigint",
  used: "bigint",
  expired: "bigint",
} as const;

/** Null where the caller may not see such a wallet, or there is none. */
export const useWallet = (owner: WalletOwner) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: keyOf(owner, "wallet"),
    queryFn: async ({ signal }): Promise<Wallet | null> => {
      const wallet = isOfBrand(owner)
        ? await dataProvider.query<Omit<
            Wallet,
            "nextReset" | "proUntil"
          > | null>("brandCredit", ownerArguments(owner), columns, {
            signal,
            types: counts,
          })
        : await dataProvider.query<Wallet | null>(
            "userCredit",
            ownerArguments(owner),
            `${columns} nextReset proUntil`,
            { signal, types: counts },
          );
      return wallet && { nextReset: null, proUntil: null, ...wallet };
    },
  });
};

export const useForecast = (owner: WalletOwner) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: keyOf(owner, "forecast"),
    queryFn: ({ signal }) =>
      dataProvider.query<Forecast>(
        "walletForecast",
        ownerArguments(owner),
        "spent days perDay remaining runsOutAt",
        {
          signal,
          types: { spent: "bigint", perDay: "float", remaining: "bigint" },
        },
      ),
  });
};

export const useUsage = (owner: WalletOwner) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: keyOf(owner, "usage"),
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: UsageDay[] }>(
        "walletUsage",
        {
          ...ownerArguments(owner),
          days: { type: "Int", value: USAGE_DAYS },
          first: { type: "Int", value: USAGE_DAYS },
        },
        "nodes { day used tryons }",
        { signal, types: { "nodes.used": "bigint", "nodes.tryons": "bigint" } },
      );
      return nodes;
    },
  });
};

export const useGrants = (owner: WalletOwner) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: keyOf(owner, "grants"),
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Grant[] }>(
        "walletGrants",
        { ...ownerArguments(owner), first: { type: "Int", value: 50 } },
        "nodes { grantId source amount remaining effectiveAt expiresAt note }",
        {
          signal,
          types: { "nodes.amount": "bigint", "nodes.remaining": "bigint" },
        },
      );
      return nodes;
    },
  });
};

export const useHistory = (owner: WalletOwner) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const history = useInfiniteQuery({
    queryKey: keyOf(owner, "history"),
    initialPageParam: null as string | null,
    queryFn: async ({ signal, pageParam }) => {
      const { nodes } = await dataProvider.query<{ nodes: Entry[] }>(
        "walletHistory",
        {
          ...ownerArguments(owner),
          beforeEntry: { type: "UUID", value: pageParam },
          entries: { type: "Int", value: HISTORY_PAGE },
          first: { type: "Int", value: HISTORY_PAGE },
        },
        `nodes {
          entryId bookedAt kind amount availableChange heldChange availableAfter
          source tryonJobId actorKind reason
        }`,
        {
          signal,
          types: {
            "nodes.amount": "bigint",
            "nodes.availableChange": "bigint",
            "nodes.heldChange": "bigint",
            "nodes.availableAfter": "bigint",
          },
        },
      );
      return nodes;
    },
    getNextPageParam: (page) =>
      page.length < HISTORY_PAGE ? undefined : page.at(-1)?.entryId,
  });
  return { ...history, ...useOlderPages(history) };
};
