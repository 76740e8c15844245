import type { Task, TaskList } from "graphile-worker";

import { describeFailure } from "./describeFailure.ts";
import { Findings } from "./Findings.ts";
import type { WorkerDeps } from "./startWorker.ts";

/**
 * Notes each run of each task for staff. What a task throws is told to the log
 * whole, and to the queue and the notes as a sentence only.
 */
export function recordRuns(
  deps: Pick<WorkerDeps, "pools" | "log">,
  tasks: TaskList,
): TaskList {
  return Object.fromEntries(
    Object.entries(tasks).map(([name, task]) => [
      name,
      task === undefined ? task : recorded(deps, name, task as Task),
    ]),
  );
}

function recorded(
  { pools, log }: Pick<WorkerDeps, "pools" | "log">,
  name: string,
  task: Task,
): Task {
  return async (payload, helpers) => {
    const { id: jobId, attempts: attempt } = helpers.job;
    const startedAt = new Date();
    const note = async (error: string | null, findings: number | null) => {
      try {
        await pools.worker.query(
          "select app_private.record_task_run($1, $2, $3, $4, $5, $6, $7)",
          [
            name,
            startedAt,
            error === null ? "ok" : "failed",
            error,
            attempt,
            jobId,
            findings,
          ],
        );
      } catch (failure) {
        // The work itself is done or not, whether or not it could be noted.
        log.warn({ err: failure, task: name }, "a run was not noted");
      }
    };
    try {
      await task(payload, helpers);
    } catch (error) {
      log.error({ err: error, task: name, jobId, attempt }, "a task failed");
      const sentence = helpers.abortSignal.aborted
        ? "The worker was stopped; the next one goes on."
        : describeFailure(error);
      await note(sentence, error instanceof Findings ? error.count : null);
      throw new Error(sentence, { cause: error });
    }
    await note(null, null);
  };
}
