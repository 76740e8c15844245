import { useQuery } from "@tanstack/react-query";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import type { Disputed, LinkPreview, Owner, Unlinked } from "./types.ts";

export const PER_PAGE = 10;

export const useUnlinked = (page: number) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_customers", "unlinked", page],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Unlinked[] }>(
        "unlinkedStripeCustomers",
        {
          // One more than is shown tells whether there is another page.
          count: { type: "Int", value: PER_PAGE + 1 },
          skip: { type: "Int", value: page * PER_PAGE },
          first: { type: "Int", value: PER_PAGE + 1 },
        },
        `nodes { customerId email name created subscriptions mrrUsdMinor
          suggestedWhy suggestedBrandId suggestedUserId suggestedName suggestions }`,
        {
          signal,
          types: {
            "nodes.subscriptions": "bigint",
            "nodes.mrrUsdMinor": "bigint",
            "nodes.suggestions": "bigint",
          },
        },
      );
      return {
        rows: nodes.slice(0, PER_PAGE),
        hasMore: nodes.length > PER_PAGE,
      };
    },
  });
};

export const useDisputed = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_customers", "disputed"],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Disputed[] }>(
        "disputedStripeCustomers",
        { first: { type: "Int", value: 50 } },
        `nodes { customerId email ownerBrandId ownerUserId ownerName
          namedBrandId namedUserId namedName namedAt mrrUsdMinor }`,
        { signal, types: { "nodes.mrrUsdMinor": "bigint" } },
      );
      return nodes;
    },
  });
};

/** What a link would move, before anything does. */
export const useLinkPreview = (customerId: string, owner: Owner | null) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_customers", "preview", customerId, owner],
    enabled: owner !== null,
    queryFn: ({ signal }) =>
      dataProvider.query<LinkPreview>(
        "previewStripeLink",
        {
          customerId: { type: "String", value: customerId },
          brandId: { type: "UUID", value: owner?.brandId ?? null },
          userId: { type: "UUID", value: owner?.userId ?? null },
        },
        `fromName toName mrrUsdMinor subscriptions fromBeforeUsdMinor fromAfterUsdMinor
          toBeforeUsdMinor toAfterUsdMinor grants isChange`,
        {
          signal,
          types: {
            mrrUsdMinor: "bigint",
            subscriptions: "bigint",
            fromBeforeUsdMinor: "bigint",
            fromAfterUsdMinor: "bigint",
            toBeforeUsdMinor: "bigint",
            toAfterUsdMinor: "bigint",
          },
        },
      ),
  });
};
