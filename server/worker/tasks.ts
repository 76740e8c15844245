import type { TaskList } from "graphile-worker";

import { recordRuns } from "./recordRuns.ts";
import type { WorkerDeps } from "./startWorker.ts";
import { makeCheckInvariants } from "./tasks/checkInvariants.ts";
import { makeCleanUp } from "./tasks/cleanUp.ts";
import { makeEnsurePartitions } from "./tasks/ensurePartitions.ts";
import { makeExpireStale } from "./tasks/expireStale.ts";
import { makeImportTasks } from "./tasks/importTasks.ts";
import { makeSendInvitation } from "./tasks/sendInvitation.ts";
import { makeSendPasswordReset } from "./tasks/sendPasswordReset.ts";
import { makeStripeTasks } from "./tasks/stripeTasks.ts";
import { makeSweep } from "./tasks/sweep.ts";

/** Every background task, by the name SQL enqueues it under; each run is noted. */
export function makeTasks(deps: WorkerDeps): TaskList {
  return recordRuns(deps, {
    send_password_reset: makeSendPasswordReset(deps),
    send_invitation: makeSendInvitation(deps),
    ensure_partitions: makeEnsurePartitions(deps),
    clean_up: makeCleanUp(deps),
    check_invariants: makeCheckInvariants(deps),
    expire_stale: makeExpireStale(deps),
    grant_due_monthly: makeSweep(deps, "grant_due_monthly"),
    expire_grants: makeSweep(deps, "expire_grants"),
    publish_feedback: makeSweep(deps, "publish_feedback"),
    ...makeStripeTasks(deps),
    ...makeImportTasks({
      app: deps.pools.app,
      worker: deps.pools.worker,
      files: deps.disk,
      log: deps.log,
    }),
  });
}
