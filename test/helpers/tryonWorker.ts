import type pg from "pg";

import type { Row } from "./factories.ts";

/** The worker side, in a file that a process without jest can use, too. */

/** A client in a transaction, or a pool: whatever asks one question. */
export type Asker = Pick<pg.ClientBase, "query">;

export type TryonJob = Row & {
  id: string;
  status: string;
  attempt: number;
  cost: number;
  payer: string;
};

export async function one<T extends Row>(
  client: Asker,
  sql: string,
  values: unknown[],
): Promise<T> {
  const { rows } = await client.query<T>(sql, values);
  const row = rows[0];
  if (row === undefined) throw new Error(`No row: ${sql}`);
  return row;
}

export async function claim(
  client: Asker,
  worker: string,
  n = 1,
  leaseSeconds = 60,
): Promise<TryonJob[]> {
  const { rows } = await client.query<TryonJob>(
    "select * from app_private.claim_tryon_jobs($1, $2, $3)",
    [worker, n, leaseSeconds],
  );
  return rows;
}

type Claimed = Pick<TryonJob, "id" | "attempt">;

export async function beginResult(
  client: Asker,
  worker: string,
  job: Claimed,
): Promise<string> {
  const { key } = await one<{ key: string }>(
    client,
    "select app_private.begin_tryon_result($1, $2, $3, 'image/png', 4) as key",
    [worker, job.id, job.attempt],
  );
  return key;
}

/** As the server, when the bytes have arrived. */
export async function storeResult(client: Asker, key: string): Promise<void> {
  await client.query(
    "select app_private.complete_upload($1, 4, sha256('seen'::bytea))",
    [key],
  );
}

export function complete(
  client: Asker,
  worker: string,
  job: Claimed,
  resultKey: string,
  figures: {
    confidence?: number | string | null;
    processingMs?: number | null;
  } = {},
): Promise<TryonJob> {
  const { confidence = 0.9, processingMs = 5 } = figures;
  return one<TryonJob>(
    client,
    "select * from app_private.complete_tryon($1, $2, $3, $4, $5, $6)",
    [worker, job.id, job.attempt, resultKey, confidence, processingMs],
  );
}

export function fail(
  client: Asker,
  worker: string,
  job: Claimed,
  code: string | null = "GPU_OUT_OF_MEMORY",
  retryable = true,
  processingMs: number | null = null,
): Promise<TryonJob> {
  return one<TryonJob>(
    client,
    "select * from app_private.fail_tryon($1, $2, $3, $4, $5, $6)",
    [worker, job.id, job.attempt, code, retryable, processingMs],
  );
}

export async function heartbeat(
  client: Asker,
  worker: string,
  job: Claimed,
  leaseSeconds = 60,
): Promise<Date> {
  const { until } = await one<{ until: Date }>(
    client,
    "select app_private.heartbeat($1, $2, $3, $4) as until",
    [worker, job.id, job.attempt, leaseSeconds],
  );
  return until;
}

export async function expireStale(client: Asker, batch = 200): Promise<number> {
  const { n } = await one<{ n: number }>(
    client,
    "select app_private.expire_stale($1) as n",
    [batch],
  );
  return n;
}
