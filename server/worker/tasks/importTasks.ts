import type { JobHelpers, TaskList } from "graphile-worker";

import { AppError } from "../../errors/AppError.ts";
import { giveUp, type RunDeps, runImport } from "../../import/runImport.ts";

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
        if (isLastAttempt(helpers)) await giveUp(deps, runId, error);
        throw error;
      }
    },
    import_tidy: async () => {
      await deps.worker.query("select app_private.tidy_imports()");
    },
  };
}

function isLastAttempt({ job }: JobHelpers): boolean {
  return job.attempts >= job.max_attempts;
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
