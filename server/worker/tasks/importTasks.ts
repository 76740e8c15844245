import type { JobHelpers, TaskList } from "graphile-worker";

import { AppError } from "../../errors/AppError.ts";
import { giveUp, type RunDeps, runImport } from "../../import/runImport.ts";

const MAX_ATTEMPTS = 6;

export type ImportTaskDeps = Pick<RunDeps, "app" | "worker" | "files" | "log">;

/**
 * import_run brings one run to its end. import_tidy queues again what lost its
 * worker and lets go of files whose time is over; it runs every few minutes.
 */
export function makeImportTasks(deps: ImportTaskDeps): TaskList {
  return {
    import_run: async (payload, helpers) => {
      const runId = readRunId(payload);
      try {
        await runImport({ ...deps, signal: helpers.abortSignal }, runId);
      } catch (error) {
        if (!isLastAttempt(helpers)) throw error;
        await giveUp(deps, runId, error);
      }
    },
    import_tidy: async () => {
      await deps.worker.query("select app_private.tidy_imports()");
    },
  };
}

/**
 * The waits between attempts grow to two and a half minutes by the sixth; what
 * fails that often is no passing fault, and is shown to people instead of being
 * tried for days. A server that stops is no failure of the import.
 */
function isLastAttempt({ job, abortSignal }: JobHelpers): boolean {
  return (
    !abortSignal.aborted &&
    job.attempts >= Math.min(MAX_ATTEMPTS, job.max_attempts)
  );
}

function readRunId(payload: unknown): string {
  if (
    typeof payload === "object" &&
    payload !== null &&
    "runId" in payload &&
    typeof payload.runId === "string"
  ) {
    return payload.runId;
  }
  throw new AppError("INVAL", "An import job must name its run");
}
