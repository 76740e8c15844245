import { useQuery } from "@tanstack/react-query";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";

export type QueueOfTask = {
  task: string;
  waiting: number;
  running: number;
  failing: number;
  dead: number;
  oldestSeconds: number | null;
};

export type BackgroundJob = {
  jobId: string;
  task: string;
  jobState: "failing" | "dead";
  attempts: number;
  maxAttempts: number;
  runAt: string;
  lastError: string | null;
};

export type TaskRun = {
  rowId: string;
  task: string;
  startedAt: string;
  finishedAt: string;
  outcome: "ok" | "failed";
  error: string | null;
  attempt: number;
  findings: number | null;
};

export const BACKGROUND = ["background"];
const REFRESH_MS = 5_000;
const JOBS = 50;

export const useQueues = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: [...BACKGROUND, "queues"],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: QueueOfTask[] }>(
        "backgroundQueues",
        { first: { type: "Int", value: 100 } },
        "nodes { task waiting running failing dead oldestSeconds }",
        {
          signal,
          types: {
            "nodes.waiting": "bigint",
            "nodes.running": "bigint",
            "nodes.failing": "bigint",
            "nodes.dead": "bigint",
          },
        },
      );
      return nodes;
    },
    refetchInterval: REFRESH_MS,
  });
};

/** What needs somebody first: dead jobs, then those that are tried again. */
export const useProblems = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: [...BACKGROUND, "problems"],
    queryFn: async ({ signal }) => {
      const read = async (state: BackgroundJob["jobState"]) => {
        const { nodes } = await dataProvider.query<{ nodes: BackgroundJob[] }>(
          "backgroundJobs",
          {
            state: { type: "BackgroundState", value: state },
            first: { type: "Int", value: JOBS },
          },
          "nodes { jobId task jobState attempts maxAttempts runAt lastError }",
          { signal },
        );
        return nodes;
      };
      return (await Promise.all([read("dead"), read("failing")])).flat();
    },
    refetchInterval: REFRESH_MS,
  });
};

export const useRuns = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: [...BACKGROUND, "runs"],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: TaskRun[] }>(
        "taskRuns",
        {
          first: { type: "Int", value: 50 },
          orderBy: { type: "[TaskRunOrderBy!]", value: ["ROW_ID_DESC"] },
        },
        "nodes { rowId task startedAt finishedAt outcome error attempt findings }",
        { signal },
      );
      return nodes;
    },
    refetchInterval: REFRESH_MS,
  });
};
