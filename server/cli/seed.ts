import { SingleBar } from "cli-progress";
import { Command, Option } from "commander";

import { parseConfig } from "../config.ts";
import { withClient } from "../db/clients.ts";
import { openDatabase } from "../db/connect.ts";
import { errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { migrate } from "../db/migrate.ts";
import {
  type Scale,
  SCALES,
  seedDemo,
  type SeedProgress,
  type SeedResult,
} from "../db/seed.ts";
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from "../demoAccounts.ts";
import { makeDisk } from "../storage/makeDisk.ts";

type Options = { scale: Scale; asOf?: string; verbose?: boolean };

const program = new Command()
  .name("seed")
  .description(
    "Fills the database with the demo: invented brands, people, products,\n" +
      "wardrobes, try-ons, credits and billing. The same scale and day give the same\n" +
      "rows; those that exist are left alone, so a second run changes nothing. A\n" +
      "larger scale adds to a smaller one. Uses the database of a running `npm start`\n" +
      "where there is one.",
  )
  .addOption(
    new Option("--scale <scale>", "how much of everything")
      .choices(Object.keys(SCALES))
      .default("demo"),
  )
  .option(
    "--as-of <day>",
    "the day the demo looks back from, YYYY-MM-DD (default: today, UTC)",
  )
  .option("--verbose", "say every step, and where an error came from")
  .addHelpText(
    "after",
    `
Scales:
${Object.entries(SCALES)
  .map(
    ([name, size]) =>
      `  ${name.padEnd(8)}${number(size.brands)} brands, ${number(size.shoppers)} shoppers, ${number(size.wardrobeItems)} wardrobe items`,
  )
  .join("\n")}

Sign-ins (password ${DEMO_PASSWORD}):
${DEMO_ACCOUNTS.map(({ email, label }) => `  ${email.padEnd(30)}${label}`).join("\n")}`,
  );

function number(value: number): string {
  return value.toLocaleString("en");
}

/** A bar for each kind of row on a terminal, a line for each elsewhere. */
function makeProgress(): {
  show: (progress: SeedProgress) => void;
  stop: () => void;
} {
  let label: string | null = null;
  let bar: SingleBar | null = null;
  const stop = () => {
    bar?.stop();
    bar = null;
  };
  return {
    stop,
    show: ({ step: next, done, total }) => {
      if (next !== label) {
        stop();
        label = next;
        if (process.stdout.isTTY && total > 1) {
          bar = new SingleBar({
            format: `${next.padEnd(16)}{bar} {percentage}%  {value}/{total}  {duration_formatted}`,
            hideCursor: true,
          });
          bar.start(total, 0);
        } else {
          console.log(next);
        }
      }
      bar?.update(done);
    },
  };
}

function describe(result: SeedResult, ms: number): string {
  if (!result.changed) {
    return `The demo (${result.scale}, ${result.asOf}) was complete: nothing changed.`;
  }
  const rows = Object.entries(result.added)
    .filter(([, count]) => count > 0)
    .map(
      ([table, count]) =>
        `  ${table.replace(/^.*\./, "").padEnd(20)}${number(count).padStart(10)}`,
    );
  return [
    `Added in ${(ms / 1000).toFixed(1)} s (scale ${result.scale}, as of ${result.asOf}):`,
    ...rows,
  ].join("\n");
}

function hasTables(ownerUrl: string): Promise<boolean> {
  return withClient(ownerUrl, async (owner) => {
    const { rows } = await owner.query<{ found: boolean }>(
      "select pg_catalog.to_regclass('app_private.settings') is not null as found",
    );
    return rows[0]?.found === true;
  });
}

async function run(options: Options): Promise<void> {
  const config = parseConfig(process.env);
  if (config.mode === "production") {
    throw new Error(
      "The demo's password is public, so it is never put into a production database. Unset NODE_ENV=production if this is not one.",
    );
  }
  const log: Log = {
    debug: (text) => {
      if (options.verbose) console.log(text);
    },
    info: (text) => console.log(text),
    warn: (text) => console.warn(text),
    error: (text) => console.error(text),
  };
  const abort = new AbortController();
  const interrupt = () => {
    console.log("\nStopping after this batch…");
    abort.abort();
  };
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);

  const database = await openDatabase(config, log, {
    whenInUse: "join",
    purpose: "the seed",
    signal: abort.signal,
  });
  const progress = makeProgress();
  try {
    // Only an empty database: whoever runs the server brings it up to date.
    if (!(await hasTables(database.urls.owner))) {
      await migrate(database.urls, log);
    }
    const started = Date.now();
    const result = await seedDemo(database.urls, {
      scale: options.scale,
      asOf: options.asOf,
      disk: await makeDisk(config.storage),
      onProgress: progress.show,
      signal: abort.signal,
      log,
    });
    progress.stop();
    console.log(describe(result, Date.now() - started));
  } catch (error) {
    progress.stop();
    if (!abort.signal.aborted) throw error;
    console.log("Stopped. Whole batches are kept; run it again to go on.");
    process.exitCode = 130;
  } finally {
    await database.close();
  }
}

try {
  await run(program.parse().opts<Options>());
} catch (error) {
  const { verbose } = program.opts<Options>();
  console.error(
    verbose && error instanceof Error ? error.stack : errorMessage(error),
  );
  process.exitCode = 1;
}
