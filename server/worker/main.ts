import "../http/graphileEnv.ts";

import { Command } from "commander";

import { parseConfig } from "../config.ts";
import { openDatabase } from "../db/connect.ts";
import { makePools } from "../db/pools.ts";
import { makeLog } from "../http/makeLog.ts";
import { makeDisk } from "../storage/makeDisk.ts";
import { startWorker } from "./startWorker.ts";

/**
 * Background tasks in a process of their own, beside servers that run with
 * WORKER=off. The database is one that a server, or db:migrate, has migrated.
 */
async function main(): Promise<void> {
  new Command()
    .name("worker")
    .description(
      "Runs background tasks: mail, imports, Stripe's inbox, cleaning up. Beside\n" +
        "servers that run with WORKER=off, on the database of a running `npm start`\n" +
        "or DATABASE_URL. Ctrl-C ends it after the tasks at hand.",
    )
    .addHelpText(
      "after",
      "\nSettings are those of npm start; see docs/operations.md.",
    )
    .parse();
  const config = parseConfig(process.env);
  const log = makeLog(config);
  const abort = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        abort.abort(new Error(`Stopped by ${signal}`));
        resolve();
      });
    }
  });
  const database = await openDatabase(config, log, {
    whenInUse: "join",
    purpose: "the worker",
    signal: abort.signal,
  });
  const pools = makePools(database.urls, config, log);
  try {
    const disk = await makeDisk(config.storage);
    const worker = await startWorker({
      config,
      log,
      urls: database.urls,
      pools,
      disk,
    });
    log.info("the worker runs");
    await stopped;
    await worker.stop();
  } finally {
    await pools.close();
    await database.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
});
