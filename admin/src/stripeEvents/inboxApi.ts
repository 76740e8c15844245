import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import type { EventStatus } from "./types.ts";

export type Inbox = {
  due: number;
  later: number;
  dead: number;
  oldestDueAt: string | null;
  asOf: string;
};

/** How often the inbox is read again while it is looked at. */
export const REFRESH_MS = 10_000;

export const useInbox = (isLive: boolean) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_events", "inbox"],
    queryFn: ({ signal }) =>
      dataProvider.query<Inbox>(
        "stripeInbox",
        {},
        "due later dead oldestDueAt asOf",
        { signal, types: { due: "bigint", later: "bigint", dead: "bigint" } },
      ),
    refetchInterval: isLive ? REFRESH_MS : false,
    placeholderData: keepPreviousData,
  });
};

export type EventRange = {
  /** Moments. */
  from: string;
  to: string;
  /** Any where there is none. */
  statuses: readonly EventStatus[];
};

/** What a replay of a time range would put back. */
export const useRangeCount = (range: EventRange | null) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_events", "count", range],
    enabled: range !== null,
    queryFn: ({ signal }) =>
      dataProvider.query<number>(
        "countStripeEvents",
        {
          fromTime: { type: "Datetime", value: range?.from ?? null },
          toTime: { type: "Datetime", value: range?.to ?? null },
          statuses: {
            type: "[StripeEventStatus]",
            value:
              range === null || range.statuses.length === 0
                ? null
                : [...range.statuses],
          },
        },
        "",
        { signal, types: { "": "bigint" } },
      ),
  });
};
