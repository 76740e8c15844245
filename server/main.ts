import "./http/graphileEnv.ts";

import { setTimeout as sleep } from "node:timers/promises";

import { Command } from "commander";

import { boot } from "./boot.ts";
import { ConfigError, parseConfig } from "./config.ts";
import type { Lifecycle } from "./http/lifecycle.ts";
import { makeLog } from "./http/makeLog.ts";
import { makeSteps } from "./steps.ts";

/** What is accepted is finished within this; then connections are cut. */
const DRAIN_MS = 8_000;
/** A database that hangs must not keep the process from ending. */
const LAST_RESORT_MS = 30_000;
/** Whoever routes traffic here gets this long to see that readiness is gone. */
const NOTICE_MS = { production: 2_000, development: 250, test: 250 } as const;

/** Listens, and on SIGINT or SIGTERM leaves in order. */
async function main(): Promise<void> {
  new Command()
    .name("start")
    .description(
      "Runs ClosetAI: database, migrations, API and admin, with demo data where the\n" +
        "database is empty. Ctrl-C ends it.",
    )
    .addHelpText(
      "after",
      `
Settings are environment variables; docs/operations.md lists them. For example:
  PORT=5679 npm start
  CLOSETAI_DATA_DIR=/some/folder npm start`,
    )
    .parse();
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const config = parseConfig(process.env);
  const log = makeLog(config);
  const lifecycle: Lifecycle = { state: "starting" };
  const abort = new AbortController();
  const closers: (() => Promise<void>)[] = [];
  let stopping = false;

  const stop = async (reason: string, code: number) => {
    stopping = true;
    lifecycle.state = "stopping";
    setTimeout(() => {
      log.fatal("stopping took too long; what is left is cut");
      process.exit(1);
    }, LAST_RESORT_MS).unref();
    abort.abort(new Error(`Stopped by ${reason}`));
    await booting;
    await sleep(NOTICE_MS[config.mode]);
    // Latest first: requests and tasks end before their connections do, and the
    // database last.
    for (const close of closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        log.error({ err: error }, "closing failed");
        code = 1;
      }
    }
    process.exit(code);
  };

  // What nobody caught leaves the process in a state nobody knows: it ends, in
  // order, and whoever runs it starts it again.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, event);
      if (!stopping) void stop("a fault", 1);
    });
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // A second Ctrl-C does not leave the embedded database half stopped.
      if (stopping) return;
      say(`\n  Stopping (${signal})`);
      void stop(signal, 0);
    });
  }

  say(`\n  ClosetAI on Node ${process.versions.node}, ${config.mode}\n`);
  const booting = boot({
    config,
    log,
    steps: makeSteps(process.stdout),
    lifecycle,
    signal: abort.signal,
    onClose: (close) => closers.push(close),
    drainMs: DRAIN_MS,
  }).then(
    ({ greeting }) => {
      if (!stopping) say(greeting);
    },
    (error: unknown) => {
      // Abandoned on purpose, or to be told below.
      if (!stopping) failure = { error };
    },
  );
  let failure: { error: unknown } | null = null;
  await booting;
  if (failure !== null) {
    tell((failure as { error: unknown }).error);
    await stop("a failed start", 1);
  }
}

/** A person reads this: a sentence, and the stack only where it helps. */
function tell(error: unknown): void {
  const text =
    error instanceof ConfigError
      ? error.message
      : error instanceof Error
        ? error.message
        : String(error);
  process.stderr.write(`\n${text}\n\n`);
  if (process.env["LOG_LEVEL"] === "debug" && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ""}\n`);
  }
}

main().catch((error: unknown) => {
  tell(error);
  process.exit(1);
});
