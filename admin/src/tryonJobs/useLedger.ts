import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import { useSession } from "../useSession.ts";
import type { Ledger } from "./types.ts";
import { NO_LEDGER } from "./types.ts";

type Answer = {
  nodes: {
    rowId: string;
    kind: Ledger["entries"][number]["kind"];
    amount: string | number;
    reason: string | null;
    createdAt: string;
    hold: { amount: string | number; status: string } | null;
  }[];
} | null;

/** Named after the accounts, which are live: every entry moves one. */
const keyOf = (jobId: string) => ["credit_accounts", "ofTryon", jobId];

const readLedger = async (
  dataProvider: AppDataProvider,
  jobId: string,
  signal?: AbortSignal,
): Promise<Ledger> => {
  const answer = await dataProvider.query<Answer>(
    "creditTransfers",
    {
      first: { type: "Int", value: 20 },
      orderBy: { type: "[CreditTransferOrderBy!]", value: ["PRIMARY_KEY_ASC"] },
      filter: {
        type: "CreditTransferFilter",
        value: { hold: { tryonJobId: { equalTo: jobId } } },
      },
    },
    "nodes { rowId kind amount reason createdAt hold { amount status } }",
    signal === undefined ? {} : { signal },
  );
  const nodes = answer?.nodes ?? [];
  const hold = nodes[0]?.hold ?? null;
  return {
    hold:
      hold === null
        ? null
        : { amount: Number(hold.amount), status: hold.status },
    entries: nodes.map(({ rowId, kind, amount, reason, createdAt }) => ({
      id: rowId,
      kind,
      amount: Number(amount),
      reason,
      createdAt,
    })),
  };
};

/** The entries of the ledger that a job caused, for whoever may read them. */
export const useLedger = (jobId: string) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const client = useQueryClient();
  const { can } = useSession();
  const mayRead = can("tryon_ledger", "list");
  const { data, isPending } = useQuery({
    queryKey: keyOf(jobId),
    queryFn: ({ signal }) => readLedger(dataProvider, jobId, signal),
    enabled: mayRead,
  });
  return {
    mayRead,
    ledger: data ?? NO_LEDGER,
    isPending: mayRead && isPending,
    /** Read now, and shown wherever the job's entries stand. */
    read: async (id: string): Promise<Ledger> =>
      mayRead
        ? client.fetchQuery({
            queryKey: keyOf(id),
            queryFn: ({ signal }) => readLedger(dataProvider, id, signal),
            staleTime: 0,
          })
        : NO_LEDGER,
  };
};
