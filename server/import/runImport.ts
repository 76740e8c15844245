import { setTimeout as sleep } from "node:timers/promises";

import type { Pool, PoolClient } from "pg";

import { type Actor, actorFor } from "../auth/actor.ts";
import { errorCode } from "../db/errorCode.ts";
import { withActor } from "../db/withActor.ts";
import { AppError } from "../errors/AppError.ts";
import { type ImportFiles, openImportFile } from "./importFiles.ts";
import type { ImportMethod, ImportRun, ImportStatus } from "./importRun.ts";
import { copyRows } from "./stageRows.ts";

export type RunDeps = {
  /** Batches run here, as whoever imports. */
  app: Pool;
  /** Staging and bookkeeping run here, as the worker. */
  worker: Pool;
  files: ImportFiles;
  log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  batchSize?: number;
  maxRows?: number;
  /** Asks to stop after the batch at hand; the run stays resumable. */
  signal?: AbortSignal;
  /** Called after staging and after every batch. */
  onProgress?: (run: ImportRun) => void | Promise<void>;
};

/** How a run left this process; "busy" means that another one works on it. */
export type RunOutcome = { outcome: "busy" | "missing" | ImportStatus };

export const BATCH_ROWS = 1_000;

/** How long one statement of an import may take. */
const STAGING_MS = 10 * 60_000;
const BATCH_MS = 60_000;

/** Between two signs of life while a file is being read. */
const HEARTBEAT_MS = 1_000;

const MAX_TRIES = 5;

const BATCH_FUNCTIONS: Readonly<Record<ImportMethod, string>> = {
  catalogue: "import_products_batch",
  table: "import_table_batch",
};

type Step = {
  status: ImportStatus;
  checkpoint_line: number;
  total_rows: number | null;
  processed_rows: number;
  role_name: string | null;
  user_id: string | null;
  brand_id: string | null;
};

/** Thrown inside the copy, to leave it, when the run was cancelled meanwhile. */
class StagingStopped extends Error {
  override readonly name = "StagingStopped";
}

/** Thrown inside the transaction of a dry run, to roll it back at its end. */
class RehearsalOver extends Error {
  override readonly name = "RehearsalOver";
  readonly status: ImportStatus;
  constructor(status: ImportStatus) {
    super(status);
    this.status = status;
  }
}

/** Stopped by this process, to go on in another; not a fault of the run. */
export class ImportInterrupted extends Error {
  override readonly name = "ImportInterrupted";
}

/**
 * Takes a run from queued (or from wherever a crash left it) to its end. Safe
 * to call twice at once and safe to be killed anywhere: a session lock keeps
 * others out, staging is one transaction, and every batch commits its products,
 * refusals, counts and checkpoint together. A dry run into a table is one
 * transaction that is taken back. Faults of the file or of the person's rights
 * end the run; what another attempt may mend is thrown.
 */
export async function runImport(
  deps: RunDeps,
  runId: string,
): Promise<RunOutcome> {
  const client = await deps.worker.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    // The lock went with the connection; the next query on it fails and says so.
    broken = error;
  };
  client.on("error", onError);
  try {
    if (!(await tryLock(client, runId))) return { outcome: "busy" };
    try {
      return { outcome: await work(deps, client, runId) };
    } finally {
      if (broken === undefined) await unlock(client, runId);
    }
  } catch (error) {
    // A connection in the middle of a transaction is not lent again.
    broken ??= error as Error;
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

async function work(
  deps: RunDeps,
  client: PoolClient,
  runId: string,
): Promise<"missing" | ImportStatus> {
  const claimed = await claim(client, runId);
  if (claimed === null) return "missing";
  if (claimed.status === "cancelling") return end(client, runId, "cancelled");
  if (claimed.status !== "staging") return claimed.status;
  try {
    const staged = await stage(deps, client, claimed);
    await deps.onProgress?.(staged);
    return staged.dry_run && staged.method === "table"
      ? await rehearse(deps, client, staged)
      : await runBatches(deps, client, staged);
  } catch (error) {
    if (error instanceof StagingStopped) return end(client, runId, "cancelled");
    if (!(error instanceof AppError)) throw error;
    deps.log.info({ runId, code: error.code }, "an import ended with a fault");
    return end(client, runId, "failed", error);
  }
}

/** Reads the file (or the earlier run's refused rows) into the staging table. */
async function stage(
  deps: RunDeps,
  client: PoolClient,
  run: ImportRun,
): Promise<ImportRun> {
  return inLongTransaction(client, async () => {
    await client.query(
      "delete from app_private.import_rows where run_id = $1",
      [run.id],
    );
    if (run.rerun_of === null) await stageFile(deps, client, run);
    else {
      await client.query("select app_private.stage_refused_rows($1)", [run.id]);
    }
    const { rows } = await client.query<ImportRun>(
      "select * from app_private.finish_import_staging($1)",
      [run.id],
    );
    return only(rows);
  });
}

/** The login role allows a statement five seconds; a large file needs more. */
async function inLongTransaction<T>(
  client: PoolClient,
  fn: () => Promise<T>,
): Promise<T> {
  await client.query("begin");
  try {
    await client.query(
      "select set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true)",
      [`${STAGING_MS}ms`],
    );
    const result = await fn();
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch((failure: unknown) => {
      // The connection is gone, and the transaction with it. What is told is
      // why it began; the next query on this client fails and ends the run.
      if (error instanceof AppError) throw failure;
    });
    throw error;
  }
}

async function stageFile(
  deps: RunDeps,
  client: PoolClient,
  run: ImportRun,
): Promise<void> {
  const file = await openImportFile(deps.files, run.storage_key);
  let next = Date.now() + HEARTBEAT_MS;
  const onChunk = async (): Promise<void> => {
    stopIfAsked(deps);
    if (Date.now() < next) return;
    next = Date.now() + HEARTBEAT_MS;
    // On another connection: this one is in the middle of a COPY.
    const { rows } = await deps.worker.query<{ goes_on: boolean }>(
      "select app_private.import_staging_goes_on($1) as goes_on",
      [run.id],
    );
    if (rows[0]?.goes_on !== true) throw new StagingStopped();
  };
  await copyRows(client, run, file, onChunk, deps.maxRows);
}

async function runBatches(
  deps: RunDeps,
  client: PoolClient,
  staged: ImportRun,
): Promise<ImportStatus> {
  const runId = staged.id;
  let tries = 0;
  for (;;) {
    const step = await nextStep(deps, client, staged);
    if (typeof step === "string") return step;
    try {
      const run = await runBatch(deps, step, staged);
      if (run.checkpoint_line === step.checkpoint_line) {
        throw stagingIsGone(runId);
      }
      tries = 0;
      await deps.onProgress?.(run);
    } catch (error) {
      tries++;
      if (!isWorthAnotherLook(error) || tries >= MAX_TRIES) {
        throw faultOfBatch(deps, error, step, runId);
      }
      await sleep(50 * 2 ** tries);
    }
  }
}

/**
 * Asked before every batch, on the connection that holds the lock: when that is
 * gone, another worker may be at it, and this one stops here. A status says that
 * the run has ended.
 */
async function nextStep(
  deps: RunDeps,
  client: PoolClient,
  { id: runId, brand_id: brandId }: ImportRun,
): Promise<Step | ImportStatus> {
  const step = await readStep(client, runId);
  if (step.status === "cancelling") return end(client, runId, "cancelled");
  if (step.status !== "running") return step.status;
  if (step.processed_rows >= (step.total_rows ?? 0)) {
    return end(client, runId, "completed");
  }
  if (step.role_name === null) throw roleIsGone(brandId);
  stopIfAsked(deps);
  return step;
}

function roleIsGone(brandId: string | null): AppError {
  return brandId === null
    ? new AppError(
        "DNIED",
        "The person who started this import no longer has the role it was started in",
        { hint: "With the role of today, upload the file again" },
      )
    : new AppError(
        "DNIED",
        "The member who started this import may no longer import for this brand",
        { hint: "Another manager can resume it" },
      );
}

/**
 * A dry run into a table: every batch in one transaction, so that each sees
 * those before it and meets the same refusals as it would for real; then all is
 * rolled back. What became of a batch is written on another connection, where it
 * stays. After a collision of locks the whole begins again.
 */
async function rehearse(
  deps: RunDeps,
  client: PoolClient,
  staged: ImportRun,
): Promise<ImportStatus> {
  for (let tries = 1; ; tries++) {
    const step = await nextStep(deps, client, staged);
    if (typeof step === "string") return step;
    try {
      await rehearseOnce(deps, client, staged, step);
    } catch (error) {
      if (error instanceof RehearsalOver) return error.status;
      if (!isWorthAnotherLook(error) || tries >= MAX_TRIES) {
        throw faultOfBatch(deps, error, step, staged.id);
      }
      await sleep(50 * 2 ** tries);
      await client.query("select app_private.restart_rehearsal($1)", [
        staged.id,
      ]);
    }
  }
}

type Outcome = {
  last_line: number | null;
  created: number;
  updated: number;
  unchanged: number;
  refusals: object[];
};

/** Ends by throwing, whatever happens: nothing of it may be committed. */
async function rehearseOnce(
  deps: RunDeps,
  client: PoolClient,
  staged: ImportRun,
  first: Step,
): Promise<never> {
  return withActor(
    deps.app,
    actorOf(first, staged.id),
    async (person) => {
      // While another connection writes down what became of a batch.
      await person.query(
        "select set_config('idle_in_transaction_session_timeout', $1, true)",
        [`${BATCH_MS}ms`],
      );
      let step = first;
      for (;;) {
        const { rows } = await person.query<Outcome>(
          "select * from app_hidden.import_table_rows($1, $2, $3)",
          [staged.id, step.checkpoint_line, deps.batchSize ?? BATCH_ROWS],
        );
        const outcome = only(rows);
        if (outcome.last_line === null) throw stagingIsGone(staged.id);
        const recorded = await client.query<ImportRun>(
          "select * from app_private.record_rehearsal($1, $2, $3, $4, $5, $6)",
          [
            staged.id,
            outcome.last_line,
            outcome.created,
            outcome.updated,
            outcome.unchanged,
            JSON.stringify(outcome.refusals),
          ],
        );
        await deps.onProgress?.(only(recorded.rows));
        const next = await nextStep(deps, client, staged);
        if (typeof next === "string") throw new RehearsalOver(next);
        if (next.role_name !== first.role_name) {
          throw new ImportInterrupted(
            `The role of import ${staged.id} changed`,
          );
        }
        step = next;
      }
    },
    { statementMs: BATCH_MS },
  );
}

async function runBatch(
  deps: RunDeps,
  step: Step,
  { id: runId, method }: ImportRun,
): Promise<ImportRun> {
  return withActor(
    deps.app,
    actorOf(step, runId),
    async (member) => {
      const { rows } = await member.query<ImportRun>(
        `select * from app_hidden.${BATCH_FUNCTIONS[method]}($1, $2, $3)`,
        [runId, step.checkpoint_line, deps.batchSize ?? BATCH_ROWS],
      );
      return only(rows);
    },
    { statementMs: BATCH_MS },
  );
}

function actorOf(step: Step, runId: string): Actor {
  return actorFor(
    step.role_name ?? "",
    step.user_id,
    step.brand_id,
    `import:${runId}`,
  );
}

/** A crash of the database emptied it; another attempt fills it. */
function stagingIsGone(runId: string): ImportInterrupted {
  return new ImportInterrupted(`The staging of import ${runId} is gone`);
}

/**
 * Locks that collided, and answers that say the world changed since the step
 * was read (cancelled, revoked, imported by another): look again, then decide.
 */
function isWorthAnotherLook(error: unknown): boolean {
  return [
    "40P01",
    "40001",
    "55P03",
    "STATE",
    "STALE",
    "NTFND",
    "DNIED",
    "42501",
  ].includes(errorCode(error) ?? "");
}

/** A row the checks let through and a constraint did not: the run ends, saying where. */
function faultOfBatch(
  deps: RunDeps,
  error: unknown,
  step: Step,
  runId: string,
): unknown {
  if (!/^2[23]/.test(errorCode(error) ?? "")) return error;
  deps.log.error(
    { runId, afterLine: step.checkpoint_line, err: error },
    "a batch of an import was refused by the database",
  );
  return new AppError(
    "FAULT",
    `The rows after line ${step.checkpoint_line} could not be stored`,
    { hint: "Rows before it are imported. It has been recorded", cause: error },
  );
}

function stopIfAsked(deps: RunDeps): void {
  if (deps.signal?.aborted === true) {
    throw new ImportInterrupted(
      "The server is stopping; the import goes on later",
    );
  }
}

async function tryLock(client: PoolClient, runId: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_try_advisory_lock(app_private.import_run_lock($1)) as locked",
    [runId],
  );
  return rows[0]?.locked === true;
}

async function unlock(client: PoolClient, runId: string): Promise<void> {
  await client.query(
    "select pg_advisory_unlock(app_private.import_run_lock($1))",
    [runId],
  );
}

async function claim(
  client: PoolClient,
  runId: string,
): Promise<ImportRun | null> {
  const { rows } = await inLongTransaction(client, () =>
    client.query<ImportRun | { id: null }>(
      "select * from app_private.claim_import_run($1)",
      [runId],
    ),
  );
  const run = rows[0];
  return run === undefined || run.id === null ? null : run;
}

async function readStep(client: PoolClient, runId: string): Promise<Step> {
  const { rows } = await client.query<Step>(
    "select * from app_private.import_step($1)",
    [runId],
  );
  return only(rows);
}

async function end(
  client: PoolClient,
  runId: string,
  outcome: "completed" | "cancelled" | "failed",
  fault?: AppError,
): Promise<ImportStatus> {
  const { rows } = await inLongTransaction(client, () =>
    client.query<ImportRun>(
      "select * from app_private.end_import_run($1, $2, $3, $4)",
      [runId, outcome, fault?.code ?? null, fault ? sentences(fault) : null],
    ),
  );
  return only(rows).status;
}

/** Marks a run as failed after the last attempt; it stays resumable. */
export async function giveUp(
  deps: Pick<RunDeps, "worker" | "log">,
  runId: string,
  error: unknown,
): Promise<void> {
  deps.log.error({ runId, err: error }, "an import was given up");
  const client = await deps.worker.connect();
  let broken: Error | undefined;
  try {
    await end(
      client,
      runId,
      "failed",
      new AppError("DOWN", "The import was interrupted too often", {
        hint: "What was imported stays. Resume it in a while",
      }),
    );
  } catch (failure) {
    broken = failure as Error;
    throw failure;
  } finally {
    client.release(broken);
  }
}

function sentences(fault: AppError): string {
  return [fault.message, fault.hint]
    .filter((part) => part !== undefined && part !== "")
    .map((part) => (/[.!?]$/.test(part ?? "") ? part : `${part}.`))
    .join(" ");
}

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("The database gave no row");
  return row;
}
