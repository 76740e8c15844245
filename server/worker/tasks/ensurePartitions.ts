import type { Task } from "graphile-worker";

import type { WorkerDeps } from "../startWorker.ts";

/** Keeps the partitions of the coming months in place. */
export function makeEnsurePartitions({ pools, log }: WorkerDeps): Task {
  return async () => {
    const { rows } = await pools.worker.query<{ made: number }>(
      "select app_private.ensure_partitions() as made",
    );
    log.info({ made: rows[0]?.made }, "partitions are in place");
  };
}
