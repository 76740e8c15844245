import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { SingleBar } from "cli-progress";
import { Command } from "commander";
import type { Pool } from "pg";

import { type Actor, actorFor } from "../auth/actor.ts";
import { parseConfig } from "../config.ts";
import { openDatabase } from "../db/connect.ts";
import { errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { makePools } from "../db/pools.ts";
import { withActor } from "../db/withActor.ts";
import { AppError } from "../errors/AppError.ts";
import {
  type ColumnMapping,
  IMPORT_FIELDS,
  missingFields,
} from "../import/columns.ts";
import type { ImportRun } from "../import/importRun.ts";
import { refusedCsv } from "../import/refusedCsv.ts";
import { type RunDeps, runImport } from "../import/runImport.ts";
import { findImport, uploadImport } from "../import/uploadImport.ts";
import { makeDisk } from "../storage/makeDisk.ts";
import { assertWritable, findFile } from "./files.ts";

type Options = {
  brand: string;
  as?: string;
  dryRun?: boolean;
  map?: ColumnMapping;
  refused?: string;
  resume?: string;
  verbose?: boolean;
};

/** What a person can repair: a sentence is enough, a stack would not help. */
class UsageError extends Error {}

const POLL_MS = 500;

const program = new Command()
  .name("import:catalog")
  .description(
    "Imports a CSV catalogue into a brand's products, as the brand's owner. Rows are\n" +
      "told apart by SKU: importing a file again changes what changed and nothing else.\n" +
      "Uses the database of a running `npm start` where there is one.",
  )
  .argument("[file]", "CSV file: UTF-8, UTF-16 or Windows-1252; , ; tab or |")
  .requiredOption("--brand <slug>", "the brand, e.g. maison-lumiere")
  .option("--as <email>", "import as this manager or owner of the brand")
  .option("--dry-run", "check and count every row, write no product")
  .option(
    "--map <field=column>",
    "say which column holds a field, where the guess is wrong; repeatable.\nfield==value gives every row that value, e.g. --map currency==eur",
    collectMapping,
  )
  .option("--refused <file>", "write the refused rows to this CSV file")
  .option("--resume <run>", "go on with an import that was interrupted")
  .option("--verbose", "say every step, and where an error came from")
  .addHelpText(
    "after",
    `
Fields: ${IMPORT_FIELDS.join(", ")}

Examples:
  npm run import:catalog -- --brand maison-lumiere catalogue.csv --dry-run
  npm run import:catalog -- --brand maison-lumiere catalogue.csv --refused refused.csv

Ctrl-C stops after the rows at hand; what was imported stays, and --resume goes on.`,
  );

function collectMapping(
  entry: string,
  mapping: ColumnMapping = {},
): ColumnMapping {
  const at = entry.indexOf("=");
  const field = IMPORT_FIELDS.find((known) => known === entry.slice(0, at));
  if (field === undefined) {
    throw new UsageError(
      `--map ${entry}: write field=column, where field is one of ${IMPORT_FIELDS.join(", ")}`,
    );
  }
  return { ...mapping, [field]: entry.slice(at + 1) };
}

async function run(file: string | undefined, options: Options): Promise<void> {
  if ((file === undefined) === (options.resume === undefined)) {
    throw new UsageError("Name a file to import, or --resume a run");
  }
  if (options.refused !== undefined) {
    await assertWritable(options.refused, "--refused");
  }
  const config = parseConfig(process.env);
  const log = makeLog(options);
  const database = await openDatabase(config, log, {
    whenInUse: "join",
    purpose: "an import",
  });
  const pools = makePools(database.urls, config, log);
  try {
    const actor = await findRequester(pools.worker, options);
    const files = await makeDisk(config.storage);
    const deps = { app: pools.app, worker: pools.worker, files, log: errorLog };
    const runId =
      options.resume === undefined
        ? await startFile(
            { ...deps, maxBytes: config.limits.importBytes },
            actor,
            file ?? "",
            options,
          )
        : await resume(deps, actor, options.resume);
    const done = await follow(deps, actor, runId).catch((error: unknown) => {
      throw new Error(
        `The import was interrupted: ${errorMessage(error)}\n${howToGoOn(options, runId)}`,
        { cause: error },
      );
    });
    await tell(deps, actor, done, options);
    if (done.status !== "completed") process.exitCode = 1;
  } finally {
    // Connections that are closing may still see the embedded server stop.
    log.warn = () => undefined;
    await pools.close();
    await database.close();
  }
}

/** The member in whose name, and with whose rights, the rows are written. */
async function findRequester(worker: Pool, options: Options): Promise<Actor> {
  const { rows } = await worker
    .query<{
      role_name: string;
      user_id: string;
      brand_id: string;
      brand_name: string;
      user_email: string | null;
    }>("select * from app_private.import_requester($1, $2)", [
      options.brand,
      options.as ?? null,
    ])
    .catch((error: unknown) => {
      if (/does not exist/.test(errorMessage(error))) {
        throw new UsageError(
          "The database has no tables yet. Run `npm start` once, then import.",
        );
      }
      throw error;
    });
  const [member] = rows;
  if (member === undefined) {
    throw new UsageError(
      options.as === undefined
        ? `There is no active brand ${options.brand} with an owner`
        : `${options.as} is no manager or owner of an active brand ${options.brand}`,
    );
  }
  say(`Brand   ${member.brand_name}`);
  say(`As      ${member.user_email ?? member.user_id}`);
  return actorFor(
    member.role_name,
    member.user_id,
    member.brand_id,
    "import:catalog",
  );
}

async function startFile(
  deps: Pick<RunDeps, "app" | "files" | "log"> & { maxBytes: number },
  actor: Actor,
  file: string,
  options: Options,
): Promise<string> {
  await findFile(file);
  const uploaded = await uploadImport(
    deps,
    actor,
    basename(file),
    createReadStream(file),
  );
  const mapping = { ...uploaded.mapping, ...options.map };
  say(
    `File    ${uploaded.run.filename}, ${uploaded.run.encoding}, ${delimiterName(uploaded.run.delimiter)}`,
  );
  say(
    `Columns ${Object.entries(mapping)
      .map(([field, column]) => `${field} ← ${column}`)
      .join(", ")}`,
  );
  for (const warning of uploaded.warnings) say(`Note    ${warning}`);
  const missing = missingFields(mapping);
  if (missing.length > 0) {
    await cancel(deps.app, actor, uploaded.run.id);
    throw new UsageError(
      `No column was recognised for ${missing.join(", ")}. Say which, e.g. --map ${missing[0] ?? "sku"}=<column>.\nThe file has: ${uploaded.run.header.join(", ")}`,
    );
  }
  await withActor(deps.app, actor, (client) =>
    client.query("select app_public.start_import($1, $2, $3)", [
      uploaded.run.id,
      JSON.stringify(mapping),
      options.dryRun === true,
    ]),
  );
  return uploaded.run.id;
}

async function resume(
  deps: Pick<RunDeps, "app">,
  actor: Actor,
  runId: string,
): Promise<string> {
  const found = await findImport(deps.app, actor, runId).catch(
    (error: unknown) => {
      if (!(error instanceof AppError) || error.code !== "NTFND") throw error;
      throw new UsageError(
        `This brand has no import ${runId}. The page Imports lists those it has.`,
      );
    },
  );
  await withActor(deps.app, actor, (client) =>
    client.query("select app_public.resume_import($1)", [found.id]),
  );
  return found.id;
}

async function cancel(app: Pool, actor: Actor, runId: string): Promise<void> {
  await withActor(app, actor, (client) =>
    client.query("select app_public.cancel_import($1)", [runId]),
  );
}

/**
 * Runs the import here; where a server's worker was faster, watches it instead.
 * Ctrl-C cancels the run itself, so it stops whoever works on it.
 */
async function follow(
  deps: RunDeps,
  actor: Actor,
  runId: string,
): Promise<ImportRun> {
  const bar = new SingleBar({
    format:
      "        {bar} {percentage}%  {value}/{total} rows  {duration_formatted}",
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(1, 0);
  const show = (seen: ImportRun): void => {
    if (seen.total_rows === null) return;
    bar.setTotal(Math.max(1, seen.total_rows));
    bar.update(seen.processed_rows);
  };
  let cancelling: Promise<unknown> | null = null;
  const onInterrupt = (): void => {
    cancelling ??= cancel(deps.app, actor, runId).catch((error: unknown) => {
      // It ended by itself in the meantime.
      say(errorMessage(error));
    });
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  try {
    for (;;) {
      const { outcome } = await runImport({ ...deps, onProgress: show }, runId);
      const seen = await findImport(deps.app, actor, runId);
      show(seen);
      if (outcome !== "busy") return seen;
      await sleep(POLL_MS);
    }
  } finally {
    bar.stop();
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
    await cancelling;
  }
}

async function tell(
  deps: Pick<RunDeps, "app">,
  actor: Actor,
  done: ImportRun,
  options: Options,
): Promise<void> {
  const would = done.dry_run ? "would be " : "";
  say("");
  say(
    done.status === "completed"
      ? done.dry_run
        ? "Dry run complete: no product was written."
        : done.created_count + done.updated_count === 0
          ? "Import complete: nothing changed."
          : "Import complete."
      : done.status === "failed"
        ? `Import failed: ${done.error_message ?? ""}`
        : "Import cancelled.",
  );
  say(`  ${number(done.created_count)} ${would}created`);
  say(`  ${number(done.updated_count)} ${would}updated`);
  say(`  ${number(done.unchanged_count)} unchanged`);
  say(`  ${number(done.refused_count)} ${would}refused`);
  for (const { reason, rows } of await commonReasons(deps.app, actor, done)) {
    say(`    ${number(rows).padStart(6)}  ${reason}`);
  }
  if (options.refused !== undefined) {
    const target = createWriteStream(options.refused);
    await once(target, "open");
    await pipeline(Readable.from(refusedCsv(deps.app, actor, done)), target);
    say(`Refused rows are in ${options.refused}`);
  }
  if (
    done.status !== "completed" &&
    !done.dry_run &&
    done.started_at !== null
  ) {
    say(howToGoOn(options, done.id));
  }
}

function howToGoOn({ brand }: Options, runId: string): string {
  return `To go on: npm run import:catalog -- --brand ${brand} --resume ${runId}`;
}

async function commonReasons(
  app: Pool,
  actor: Actor,
  done: ImportRun,
): Promise<{ reason: string; rows: number }[]> {
  return withActor(app, actor, async (client) => {
    const { rows } = await client.query<{ reason: string; rows: number }>(
      `select reason, count(*)::integer as rows
         from app_public.import_refusals
        where run_id = $1
        group by reason
        order by count(*) desc, reason
        limit 20`,
      [done.id],
    );
    return rows;
  });
}

function delimiterName(delimiter: string): string {
  return delimiter === "\t" ? "tab" : `“${delimiter}”`;
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Of the database's start only what goes wrong, unless asked for more. */
function makeLog({ verbose }: Options): Log {
  const show = (text: string): void => {
    if (verbose === true) process.stderr.write(`${text}\n`);
  };
  return {
    debug: show,
    info: show,
    warn: (text) => process.stderr.write(`${text}\n`),
    error: (text) => process.stderr.write(`${text}\n`),
  };
}

const errorLog: RunDeps["log"] = {
  info: () => undefined,
  warn: (details, message) => complain(details, message),
  error: (details, message) => complain(details, message),
};

function complain(details: object, message: string): void {
  const cause = "err" in details ? `: ${errorMessage(details.err)}` : "";
  process.stderr.write(`${message}${cause}\n`);
}

try {
  program.parse();
  await run(program.args[0], program.opts<Options>());
} catch (error) {
  const { verbose } = program.opts<Partial<Options>>();
  const hint =
    typeof error === "object" && error !== null && "hint" in error
      ? String(error.hint ?? "")
      : "";
  const message = errorMessage(error);
  process.stderr.write(
    hint === ""
      ? `${message}\n`
      : `${message}${/[.?!]$/.test(message) ? "" : "."} ${hint}\n`,
  );
  if (verbose === true && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ""}\n`);
  }
  process.exitCode = 1;
}
