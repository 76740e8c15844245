import type pg from "pg";

import {
  actAs,
  asShopper,
  beginResult,
  claim,
  complete,
  makeShopper,
  requestTryon,
  rowsOf,
  type Shopper,
  storeResult,
  type TryonJob,
  type TryonRequest,
  value,
  WORKER,
} from "./tryons.ts";

/** All of these act in one transaction of the superuser; see actAs(). */

export const asWorker = <T>(
  client: pg.ClientBase,
  fn: () => Promise<T>,
): Promise<T> => actAs(client, WORKER, fn);

export const ask = (
  client: pg.ClientBase,
  shopper: Shopper,
  request?: TryonRequest,
): Promise<TryonJob> =>
  actAs(client, asShopper(shopper), () =>
    requestTryon(client, shopper, request),
  );

/** The next job, for the worker "gpu". */
export async function take(client: pg.ClientBase): Promise<TryonJob> {
  const [job] = await asWorker(client, () => claim(client, "gpu"));
  if (job === undefined) throw new Error("Nothing was claimed");
  return job;
}

/** A shopper whose job "gpu" works on. */
export async function working(
  client: pg.ClientBase,
): Promise<{ shopper: Shopper; job: TryonJob }> {
  const shopper = await makeShopper(client);
  await ask(client, shopper);
  return { shopper, job: await take(client) };
}

/** The key of a result for the job that "gpu" works on, uploaded. */
export async function resultOf(
  client: pg.ClientBase,
  job: TryonJob,
): Promise<string> {
  const key = await asWorker(client, () => beginResult(client, "gpu", job));
  await actAs(client, { role: "closetai_app" }, () => storeResult(client, key));
  return key;
}

export async function finish(
  client: pg.ClientBase,
  job: TryonJob,
): Promise<TryonJob> {
  const key = await resultOf(client, job);
  return asWorker(client, () => complete(client, "gpu", job, key));
}

/** A new job, asked for and done. */
export async function completed(
  client: pg.ClientBase,
  shopper: Shopper,
): Promise<TryonJob> {
  await ask(client, shopper);
  return finish(client, await take(client));
}

/** A new job that a worker failed for good. */
export async function failed(
  client: pg.ClientBase,
  shopper: Shopper,
): Promise<TryonJob> {
  const job = await ask(client, shopper);
  await moveTo(client, job.id, "processing");
  await moveTo(client, job.id, "failed");
  return job;
}

/** By the superuser, past all functions: only the state machine stands in the way. */
export async function moveTo(
  client: pg.ClientBase,
  id: string,
  status: string,
): Promise<void> {
  await client.query(
    `update app_public.tryon_jobs set status = $2::app_public.tryon_status,
       locked_by = case $2 when 'processing' then 'gpu' end,
       locked_until = case $2 when 'processing' then now() + interval '1 minute' end,
       error_code = case when $2 in ('failed', 'expired') then 'ENDED' end,
       result_key = case when $2 = 'completed' then selfie_key end,
       confidence = case when $2 = 'completed' then 0.5 end,
       processing_ms = case when $2 = 'completed' then 1 end
     where id = $1`,
    [id, status],
  );
}

/** By the superuser: whatever time or an operator would do to a job. */
export async function setJob(
  client: pg.ClientBase,
  { id }: { id: string },
  assignment: string,
): Promise<void> {
  await client.query(
    `update app_public.tryon_jobs set ${assignment} where id = $1`,
    [id],
  );
}

export async function jobOf(
  client: pg.ClientBase,
  { id }: { id: string },
): Promise<TryonJob | undefined> {
  const [job] = await rowsOf<TryonJob>(
    client,
    "select * from app_public.tryon_jobs where id = $1",
    [id],
  );
  return job;
}

export const attemptsOf = (client: pg.ClientBase, { id }: { id: string }) =>
  rowsOf(
    client,
    "select attempt, worker, outcome, error_code, processing_ms from app_public.tryon_job_attempts where job_id = $1 order by attempt",
    [id],
  );

/** Seconds from now until a moment in the row of the job. */
export const secondsTo = (
  client: pg.ClientBase,
  { id }: { id: string },
  column: "locked_until" | "run_after",
) =>
  value<number>(
    client,
    `select extract(epoch from ${column} - now())::float8 from app_public.tryon_jobs where id = $1`,
    [id],
  );
