import type { Task } from "graphile-worker";

import { Findings } from "../Findings.ts";
import type { WorkerDeps } from "../startWorker.ts";

const MOST_LOGGED = 100;

/**
 * Looks for what must never be. A finding is an error in the log, with its
 * detail; staff see the run as failed, with the names; /metrics has the count.
 */
export function makeCheckInvariants({
  pools,
  log,
}: Pick<WorkerDeps, "pools" | "log">): Task {
  return async () => {
    const { rows } = await pools.worker.query<{
      invariant: string;
      detail: string;
    }>("select invariant, detail from app_private.check_invariants()");
    if (rows.length === 0) return;
    for (const finding of rows.slice(0, MOST_LOGGED)) {
      log.error(finding, "an invariant is broken");
    }
    const counts = new Map<string, number>();
    for (const { invariant } of rows) {
      counts.set(invariant, (counts.get(invariant) ?? 0) + 1);
    }
    const names = [...counts].map(([name, count]) => `${name} (${count})`);
    throw new Findings(
      `Invariants are broken: ${names.join(", ")}`,
      rows.length,
    );
  };
}
