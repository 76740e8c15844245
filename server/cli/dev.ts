import "../dev/devEnv.ts";
import "../http/graphileEnv.ts";

import { existsSync } from "node:fs";
import { resolve } from "node:path";

import { Command } from "commander";

import { parseConfig } from "../config.ts";
import { errorMessage } from "../db/errorCode.ts";
import { migrationsFolder } from "../db/watch.ts";
import { makeDevLog } from "../dev/makeDevLog.ts";
import { makeReport } from "../dev/report.ts";
import { runDev } from "../dev/runDev.ts";
import type { Lifecycle } from "../http/lifecycle.ts";
import { makeSteps } from "../steps.ts";

const program = new Command()
  .name("dev")
  .description(
    "Runs the database, the API and the admin for development, all in one process.\n" +
      "Each save below migrations/ is applied, the API and open pages follow, and the\n" +
      "output says what it did to tables, GraphQL, access rights and locks.",
  )
  .option("--migrations <folder>", "watch another folder than migrations/")
  .option("--no-admin", "serve the built admin instead of its sources")
  .option("--no-demo", "leave an empty database empty")
  .addHelpText(
    "after",
    "\nPORT and all other settings are those of npm start; see docs/operations.md.",
  )
  .parse();

const options = program.opts<{
  migrations?: string;
  admin: boolean;
  demo: boolean;
}>();

async function main(): Promise<number> {
  const report = makeReport(process.stdout);
  const config = parseConfig(process.env);
  if (config.mode === "production") {
    throw new Error(
      "npm run dev changes the database on every save, and NODE_ENV is production. Use npm start there.",
    );
  }
  const folder = migrationsFolder(
    options.migrations && resolve(options.migrations),
  );
  if (!existsSync(folder)) {
    throw new Error(
      `There is no folder ${folder}. Name another with --migrations.`,
    );
  }
  const lifecycle: Lifecycle = { state: "starting" };
  const abort = new AbortController();
  const closers: (() => Promise<void>)[] = [];
  let stop: (reason: string) => void = () => undefined;
  const stopped = new Promise<string>((settle) => {
    stop = settle;
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // A second Ctrl-C does not leave the embedded database half stopped.
    process.on(signal, () => stop(signal));
  }
  void stopped.then((reason) => {
    lifecycle.state = "stopping";
    abort.abort(new Error(`Stopped by ${reason}`));
  });

  let failure: unknown = null;
  report.line(
    `\n  ClosetAI for development, on Node ${process.versions.node}\n`,
  );
  try {
    await runDev({
      config,
      log: makeDevLog(config, report, lifecycle),
      report,
      steps: makeSteps(process.stdout),
      lifecycle,
      folder,
      admin: options.admin,
      demo: options.demo,
      signal: abort.signal,
      onClose: (close) => closers.push(close),
    });
    report.line(`\n  Stopping (${await stopped})`);
  } catch (error) {
    // Abandoned on purpose, or to be told below.
    if (!abort.signal.aborted) failure = error;
  }
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      report.line(`  Closing failed: ${errorMessage(error)}`, "red");
      failure ??= error;
    }
  }
  if (failure === null) return 0;
  process.stderr.write(`\n${errorMessage(failure)}\n\n`);
  return 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`\n${errorMessage(error)}\n\n`);
    process.exit(1);
  },
);
