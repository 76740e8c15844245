import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { SingleBar } from "cli-progress";
import { Command } from "commander";

import { type BackfillCounts, backfillEvents } from "../billing/backfill.ts";
import { drainInbox } from "../billing/drainInbox.ts";
import { parseConfig } from "../config.ts";
import { openDatabase } from "../db/connect.ts";
import { errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { makePools, type Pools } from "../db/pools.ts";
import { assertWritable, findFile } from "./files.ts";

type Options = {
  dryRun?: boolean;
  process: boolean;
  refused?: string;
  verbose?: boolean;
};

/** Refused lines shown; --refused has them all. */
const SHOWN = 20;
const POLL_MS = 500;

const program = new Command()
  .name("stripe:backfill")
  .description(
    "Loads an export of Stripe events into the inbox, and puts them into effect.\n" +
      "Events that are there already are skipped: an interrupted run is run again.\n" +
      "Uses the database of a running `npm start` where there is one.",
  )
  .argument("<file>", "events, one JSON object a line")
  .option("--dry-run", "read and check every line, write nothing")
  .option("--no-process", "fill the inbox only; the worker does the rest")
  .option(
    "--refused <file>",
    "write number, reason and id of refused lines here",
  )
  .option("--verbose", "say where an error came from")
  .addHelpText(
    "after",
    `
Events need no signature here: the file is believed. Who may run this may
credit anybody. Events of the mode that does not count are kept and ignored.

Examples:
  npm run stripe:backfill -- events.ndjson --dry-run
  npm run stripe:backfill -- events.ndjson --refused refused.tsv

Ctrl-C stops after the lines at hand; what was loaded stays.`,
  );

async function run(file: string, options: Options): Promise<void> {
  const found = await findFile(file);
  if (options.refused !== undefined) {
    await assertWritable(options.refused, "--refused");
  }
  const config = parseConfig(process.env);
  const log = makeLog(options);
  const abort = new AbortController();
  const onInterrupt = (): void => {
    abort.abort();
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  const database = await openDatabase(config, log, {
    whenInUse: "join",
    purpose: "a backfill",
  });
  const pools = makePools(database.urls, config, log);
  try {
    const counts = await load(pools, file, found.size, options, {
      maxLineBytes: config.limits.webhookBytes,
      signal: abort.signal,
    });
    tell(counts, options);
    if (counts.refused > 0) process.exitCode = 1;
    if (options.process && options.dryRun !== true && !abort.signal.aborted) {
      await putIntoEffect(pools, abort.signal);
    }
    if (abort.signal.aborted) {
      say("Interrupted. Run it again to go on.");
      process.exitCode = 1;
    }
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
    // Connections that are closing may still see the embedded server stop.
    log.warn = () => undefined;
    await pools.close();
    await database.close();
  }
}

async function load(
  pools: Pools,
  file: string,
  size: number,
  options: Options,
  limits: { maxLineBytes: number; signal: AbortSignal },
): Promise<BackfillCounts> {
  const refused =
    options.refused === undefined ? null : createWriteStream(options.refused);
  if (refused !== null) await once(refused, "open");
  let shown = 0;
  const bar = makeBar("MB read");
  bar.start(Math.max(1, megabytes(size)), 0);
  try {
    return await backfillEvents({
      worker: pools.worker,
      lines: createReadStream(file),
      dryRun: options.dryRun === true,
      ...limits,
      onProgress: (bytes) => {
        bar.update(megabytes(bytes));
      },
      onRefused: async ({ line, reason, id }) => {
        if (++shown <= SHOWN) say(`Line ${line}: ${reason}`);
        else if (shown === SHOWN + 1 && refused === null) {
          say("More lines are refused; --refused <file> keeps them all.");
        }
        await keep(refused, `${line}\t${reason}\t${id ?? ""}\n`);
      },
    });
  } finally {
    bar.stop();
    refused?.end();
    if (refused !== null) await finished(refused);
  }
}

/** Waits while the disk is behind: refused lines do not pile up in memory. */
async function keep(stream: WriteStream | null, text: string): Promise<void> {
  if (stream === null || stream.write(text)) return;
  await new Promise<void>((resolve, reject) => {
    stream.once("drain", resolve);
    stream.once("error", reject);
  });
}

/** Together with a server's worker, if one runs: neither does what the other did. */
async function putIntoEffect(pools: Pools, signal: AbortSignal): Promise<void> {
  const before = await countInbox(pools);
  if (before.due === 0) return;
  const bar = makeBar("events");
  bar.start(before.due, 0);
  let after = before;
  try {
    do {
      await drainInbox({
        worker: pools.worker,
        log: { warn: (_details: unknown, text?: string) => say(text ?? "") },
        signal,
        onProgress: (done) => {
          bar.increment(done);
        },
      });
      after = await countInbox(pools);
      // Somebody else has the rest in hand.
      if (after.due > 0) await sleep(POLL_MS, undefined, { signal });
    } while (after.due > 0);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    bar.stop();
  }
  say(`  ${number(before.due - after.due)} events put into effect`);
  if (after.later > 0) {
    say(`  ${number(after.later)} failed and are tried again by the worker`);
  }
  if (after.dead > 0)
    say(`  ${number(after.dead)} are given up: see the inbox`);
}

async function countInbox(
  pools: Pools,
): Promise<{ due: number; later: number; dead: number }> {
  const { rows } = await pools.worker.query<{
    due: string;
    later: string;
    dead: string;
  }>("select due, later, dead from app_private.stripe_inbox_counts()");
  const { due = 0, later = 0, dead = 0 } = rows[0] ?? {};
  return { due: Number(due), later: Number(later), dead: Number(dead) };
}

function tell(counts: BackfillCounts, { dryRun }: Options): void {
  const would = dryRun === true ? "would be " : "";
  say(dryRun === true ? "Dry run: nothing was written." : "Loaded.");
  say(`  ${number(counts.lines)} lines read`);
  say(`  ${number(counts.loaded)} events ${would}put into the inbox`);
  say(`  ${number(counts.known)} were there already`);
  say(`  ${number(counts.refused)} lines ${would}refused`);
  for (const [reason, lines] of counts.reasons) {
    say(`    ${number(lines).padStart(6)}  ${reason}`);
  }
}

function makeBar(unit: string): SingleBar {
  return new SingleBar({
    format: `  {bar} {percentage}%  {value}/{total} ${unit}  {duration_formatted}`,
    hideCursor: true,
    clearOnComplete: true,
  });
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 104_857.6) / 10;
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

try {
  program.parse();
  await run(program.args[0] ?? "", program.opts<Options>());
} catch (error) {
  process.stderr.write(`${errorMessage(error)}\n`);
  if (
    program.opts<Partial<Options>>().verbose === true &&
    error instanceof Error
  ) {
    process.stderr.write(`${error.stack ?? ""}\n`);
  }
  process.exitCode = 1;
}
