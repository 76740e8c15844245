import { Command } from "commander";

import { parseConfig } from "../config.ts";
import { withClient } from "../db/clients.ts";
import { openDatabase } from "../db/connect.ts";
import { errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { describeUrl } from "../db/urls.ts";

new Command()
  .name("check")
  .description(
    "Runs every invariant of the data and the schema against the database.\n" +
      "Prints what is broken and exits 1, or exits 0. Changes nothing.",
  )
  .parse();

/** Standard output is the finding; how we got there is not. */
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => console.error(message),
  error: (message) => console.error(message),
};

type Finding = { invariant: string; detail: string };

async function check(): Promise<number> {
  const database = await openDatabase(parseConfig(process.env), log, {
    whenInUse: "join",
    purpose: "npm run check",
  });
  try {
    const findings = await withClient(database.urls.worker, async (worker) => {
      const { rows } = await worker.query<Finding>(
        "select invariant, detail from app_private.check_invariants() order by invariant, detail",
      );
      return rows;
    });
    for (const { invariant, detail } of findings) {
      console.log(`${invariant}: ${detail}`);
    }
    const where = describeUrl(database.urls.worker);
    if (findings.length === 0) {
      console.log(`Every invariant holds in ${where}`);
      return 0;
    }
    console.log(`${findings.length} broken in ${where}`);
    return 1;
  } finally {
    await database.close();
  }
}

try {
  process.exitCode = await check();
} catch (error) {
  console.error(
    `The invariants could not be checked: ${errorMessage(error)}\nHas this database been migrated? npm run db:migrate`,
  );
  process.exitCode = 2;
}
