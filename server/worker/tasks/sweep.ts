import type { Task } from "graphile-worker";

import type { WorkerDeps } from "../startWorker.ts";

/** Functions that do a batch of what is due and say how much they did. */
const SWEEPS = {
  expire_stale: "select app_private.expire_stale() as done",
  grant_due_monthly: "select app_private.grant_due_monthly() as done",
  expire_grants: "select app_private.expire_grants() as done",
  publish_feedback: "select app_private.publish_feedback() as done",
} as const;

/** More rounds than any backlog needs: past it something is due for ever. */
const MOST_ROUNDS = 10_000;

/** Calls one function of the database until nothing is due any more. */
export function makeSweep(
  { pools, log }: Pick<WorkerDeps, "pools" | "log">,
  name: keyof typeof SWEEPS,
): Task {
  return async (_payload, { abortSignal }) => {
    let total = 0;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      abortSignal.throwIfAborted();
      const { rows } = await pools.worker.query<{ done: number }>(SWEEPS[name]);
      const done = rows[0]?.done ?? 0;
      total += done;
      if (done === 0) {
        if (total > 0) log.info({ task: name, done: total }, "swept");
        return;
      }
    }
    throw new Error(`There was still work after ${MOST_ROUNDS} rounds`);
  };
}
