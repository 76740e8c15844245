import type { Task } from "graphile-worker";

import type { WorkerDeps } from "../startWorker.ts";
import { makeSweep } from "./sweep.ts";

/**
 * Expires and hands on jobs, and asks for itself again in a quarter of a minute:
 * a crontab counts in minutes. By its key there is never more than one waiting.
 */
export function makeExpireStale(deps: Pick<WorkerDeps, "pools" | "log">): Task {
  const sweep = makeSweep(deps, "expire_stale");
  return async (payload, helpers) => {
    await sweep(payload, helpers);
    await deps.pools.worker.query(
      `select from graphile_worker.add_job(
         'expire_stale', run_at => now() + interval '15 seconds', job_key => 'expire_stale', max_attempts => 5)`,
    );
  };
}
