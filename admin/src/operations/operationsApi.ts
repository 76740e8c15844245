import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";

export type Queue = {
  waiting: number;
  delayed: number;
  running: number;
  silent: number;
  oldestWaitingSeconds: number | null;
  asOf: string;
};

export type Minute = {
  minute: string;
  completed: number;
  failed: number;
  retried: number;
  lost: number;
};

export type Failure = {
  errorCode: string;
  attempts: number;
  jobs: number;
  lastAt: string;
};

export type Speed = {
  categoryCode: string;
  completed: number;
  failed: number;
  p50Ms: number | null;
  p95Ms: number | null;
  success: number | null;
};

/** How often the board is read again while it is looked at. */
export const REFRESH_MS = 5_000;
export const THROUGHPUT_MINUTES = 60;
export const WINDOWS = [60, 1_440, 10_080, 43_200] as const;
export type Window = (typeof WINDOWS)[number];

// A hidden page asks for nothing, which is what refetchInterval does by itself.
const whileShown = (isLive: boolean, everyMs = REFRESH_MS) => ({
  refetchInterval: isLive ? everyMs : (false as const),
  placeholderData: keepPreviousData,
});

export const useQueue = (isLive: boolean) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["operations", "queue"],
    queryFn: ({ signal }) =>
      dataProvider.query<Queue>(
        "tryonQueue",
        {},
        "waiting delayed running silent oldestWaitingSeconds asOf",
        {
          signal,
          types: {
            waiting: "bigint",
            delayed: "bigint",
            running: "bigint",
            silent: "bigint",
          },
        },
      ),
    ...whileShown(isLive),
  });
};

export const useThroughput = (isLive: boolean) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["operations", "throughput"],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Minute[] }>(
        "tryonThroughput",
        {
          minutes: { type: "Int", value: THROUGHPUT_MINUTES },
          first: { type: "Int", value: THROUGHPUT_MINUTES },
        },
        "nodes { minute completed failed retried lost }",
        {
          signal,
          types: {
            "nodes.completed": "bigint",
            "nodes.failed": "bigint",
            "nodes.retried": "bigint",
            "nodes.lost": "bigint",
          },
        },
      );
      return nodes;
    },
    ...whileShown(isLive),
  });
};

/** A longer time span is read less often: it changes less, and costs more. */
const paceOf = (minutes: Window): number =>
  minutes <= 1_440 ? REFRESH_MS : 12 * REFRESH_MS;

export const useFailures = (minutes: Window, isLive: boolean) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["operations", "failures", minutes],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Failure[] }>(
        "tryonFailures",
        {
          minutes: { type: "Int", value: minutes },
          first: { type: "Int", value: 50 },
        },
        "nodes { errorCode attempts jobs lastAt }",
        {
          signal,
          types: { "nodes.attempts": "bigint", "nodes.jobs": "bigint" },
        },
      );
      return nodes;
    },
    ...whileShown(isLive, paceOf(minutes)),
  });
};

export const useSpeed = (minutes: Window, isLive: boolean) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["operations", "speed", minutes],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Speed[] }>(
        "tryonCategorySpeed",
        {
          minutes: { type: "Int", value: minutes },
          first: { type: "Int", value: 100 },
        },
        "nodes { categoryCode completed failed p50Ms p95Ms success }",
        {
          signal,
          types: {
            "nodes.completed": "bigint",
            "nodes.failed": "bigint",
            "nodes.success": "float",
          },
        },
      );
      return nodes;
    },
    ...whileShown(isLive, paceOf(minutes)),
  });
};
