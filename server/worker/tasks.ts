import type { TaskList } from "graphile-worker";

import type { WorkerDeps } from "./startWorker.ts";
import { makeCleanUp } from "./tasks/cleanUp.ts";
import { makeEnsurePartitions } from "./tasks/ensurePartitions.ts";
import { makeImportTasks } from "./tasks/importTasks.ts";
import { makeSendInvitation } from "./tasks/sendInvitation.ts";
import { makeSendPasswordReset } from "./tasks/sendPasswordReset.ts";

/** Every background task, by the name SQL enqueues it under. */
export function makeTasks(deps: WorkerDeps): TaskList {
  return {
    send_password_reset: makeSendPasswordReset(deps),
    send_invitation: makeSendInvitation(deps),
    ensure_partitions: makeEnsurePartitions(deps),
    clean_up: makeCleanUp(deps),
    ...makeImportTasks({
      app: deps.pools.app,
      worker: deps.pools.worker,
      files: deps.disk,
      log: deps.log,
    }),
  };
}
