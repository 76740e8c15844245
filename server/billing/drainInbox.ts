import type { Pool } from "pg";
import type { Logger } from "pino";

import { errorCode, errorMessage } from "../db/errorCode.ts";

export type DrainOptions = {
  worker: Pick<Pool, "query">;
  log: Pick<Logger, "warn">;
  signal?: AbortSignal;
  /** Told after every batch how many it was. */
  onProgress?: (done: number) => void;
};

/** One transaction: long enough to be fast, short enough to let others in. */
const BATCH = 50;
const TRIES = 3;

/** Serialization, deadlock, lock timeout, cancelled: nobody's fault, and it may pass. */
const PASSING = new Set(["40001", "40P01", "55P03", "57014"]);

/** Puts waiting events into effect until none is due; returns how many. */
export async function drainInbox(options: DrainOptions): Promise<number> {
  let total = 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const done = await processBatch(options);
    if (done === 0) return total;
    total += done;
    options.onProgress?.(done);
  }
}

async function processBatch(options: DrainOptions): Promise<number> {
  try {
    const { rows } = await options.worker.query<{ done: number }>(
      "select app_private.process_stripe_events($1) as done",
      [BATCH],
    );
    return rows[0]?.done ?? 0;
  } catch (error) {
    if (!PASSING.has(errorCode(error) ?? "")) throw error;
    return oneByOne(options);
  }
}

/**
 * A batch that was stopped halfway is undone whole. Each event in a transaction
 * of its own holds few locks; one that is stopped every time is put off, or it
 * would stop all behind it for ever.
 */
async function oneByOne({
  worker,
  log,
  signal,
}: DrainOptions): Promise<number> {
  const { rows } = await worker.query<{ id: string }>(
    "select id from app_private.due_stripe_events($1) as id",
    [BATCH],
  );
  let done = 0;
  for (const { id } of rows) {
    signal?.throwIfAborted();
    if (await processOne(worker, log, id)) done++;
  }
  return done;
}

async function processOne(
  worker: Pick<Pool, "query">,
  log: Pick<Logger, "warn">,
  id: string,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { rows } = await worker.query<{ status: string | null }>(
        "select app_private.process_stripe_event($1) as status",
        [id],
      );
      return rows[0]?.status != null;
    } catch (error) {
      if (!PASSING.has(errorCode(error) ?? "")) throw error;
      if (attempt < TRIES) continue;
      log.warn({ err: error, event: id }, "an event is put off");
      await worker.query("select app_private.defer_stripe_event($1, $2)", [
        id,
        `${errorCode(error) ?? ""}: ${errorMessage(error)}`,
      ]);
      return true;
    }
  }
}
