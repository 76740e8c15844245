import { createInterface } from "node:readline/promises";

import { Command } from "commander";

import { parseConfig } from "../config.ts";
import {
  commitMigration,
  migrationStatus,
  prepareShadow,
  resetDatabase,
  uncommitMigration,
} from "../db/commit.ts";
import { type Database, openDatabase } from "../db/connect.ts";
import { errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { migrate } from "../db/migrate.ts";
import { databaseOf, describeUrl } from "../db/urls.ts";
import { watchDatabase } from "../db/watch.ts";

type GlobalOptions = { verbose?: boolean };

const program = new Command()
  .name("db")
  .description(
    "Migrations of the ClosetAI database. Uses the database of a running\n" +
      "`npm start` where there is one, else starts the embedded one meanwhile;\n" +
      "with DATABASE_URL set, that server.",
  )
  .option("--verbose", "say every step, and where an error came from");

function makeLog(): Log {
  const { verbose } = program.opts<GlobalOptions>();
  return {
    debug: (text) => {
      if (verbose) console.log(text);
    },
    info: (text) => console.log(text),
    warn: (text) => console.warn(text),
    error: (text) => console.error(text),
  };
}

/** Opens the database for one piece of work, and closes it whatever happens. */
async function withDatabase(
  fn: (database: Database, log: Log) => Promise<void>,
): Promise<void> {
  const log = makeLog();
  const database = await openDatabase(parseConfig(process.env), log, {
    whenInUse: "join",
  });
  try {
    await fn(database, log);
  } finally {
    await database.close();
  }
}

/** Resolves at the first Ctrl-C or termination. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}

program
  .command("watch")
  .description(
    "apply migrations/ on every save, and include in current.sql what is saved under fixtures/",
  )
  .action(() =>
    withDatabase(async ({ urls }, log) => {
      const end = interrupted();
      const watcher = await watchDatabase(urls, log);
      log.info("Watching migrations/ (Ctrl-C ends)");
      await end;
      await watcher.close();
    }),
  );

program
  .command("migrate")
  .description("apply what is not applied yet")
  .option("--no-current", "leave out current.sql, as production does")
  .action(({ current }: { current: boolean }) =>
    withDatabase(async ({ urls }, log) => {
      const started = Date.now();
      await migrate(urls, log, current ? {} : { current: false });
      log.info(`Migrated in ${Date.now() - started} ms`);
    }),
  );

program
  .command("commit")
  .description("seal current.sql as the next committed migration")
  .requiredOption("-m, --message <text>", "what it does, in a few words")
  .action(({ message }: { message: string }) =>
    withDatabase(async ({ urls }, log) => {
      await commitMigration(urls, log, message);
      log.info("Committed; current.sql is empty again");
    }),
  );

program
  .command("uncommit")
  .description(
    "make the last committed migration current.sql again, before anybody else has it",
  )
  .action(() =>
    withDatabase(async ({ urls }, log) => {
      await uncommitMigration(urls, log);
      log.info("The last committed migration is current.sql again");
    }),
  );

program
  .command("reset")
  .description("delete the database with everything in it, and make it anew")
  .option("--yes", "do not ask")
  .action(({ yes }: { yes?: boolean }) =>
    withDatabase(async ({ urls }, log) => {
      if (!yes && !(await confirmReset(databaseOf(urls.owner), urls.owner))) {
        log.info("Nothing was changed");
        process.exitCode = 1;
        return;
      }
      await resetDatabase(urls, log);
      log.info("The database is new and migrated");
    }),
  );

async function confirmReset(name: string, url: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new Error(
      "db:reset deletes everything and nobody is here to be asked. Add --yes if that is meant.",
    );
  }
  const prompt = createInterface({
    input: process.stdin,
    output: process.stdout,
  });
  try {
    const answer = await prompt.question(
      `This deletes everything in ${describeUrl(url)}. Type ${name} to go on: `,
    );
    return answer.trim() === name;
  } finally {
    prompt.close();
  }
}

program
  .command("status")
  .description("say what is applied; exit code 1 where something is not")
  .action(() =>
    withDatabase(async (database, log) => {
      const { urls, serverVersion, embedded } = database;
      const status = await migrationStatus(urls, log);
      const kind = embedded ? "embedded" : "external";
      log.info(
        `Server:    PostgreSQL ${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000} (${kind}), ${describeUrl(urls.owner)}`,
      );
      log.info(`Applied:   ${status.applied.join(", ") || "none"}`);
      log.info(`Pending:   ${status.pending.join(", ") || "none"}`);
      log.info(
        `current:   ${status.hasCurrent ? "holds changes that are not committed" : "empty"}`,
      );
      if (status.pending.length > 0) process.exitCode = 1;
    }),
  );

program
  .command("prepare-shadow", { hidden: true })
  .action(() => prepareShadow(makeLog()));

try {
  await program.parseAsync();
} catch (error) {
  const { verbose } = program.opts<GlobalOptions>();
  console.error(
    verbose && error instanceof Error ? error.stack : errorMessage(error),
  );
  process.exitCode = 1;
}
