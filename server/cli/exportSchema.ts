import "../http/graphileEnv.ts";

import { Command } from "commander";
import pg from "pg";
import { makeSchema } from "postgraphile";
import { lexicographicSortSchema, printSchema } from "postgraphile/graphql";

import { anonymousActor } from "../auth/actor.ts";
import { makeBillingPlugins, NO_STRIPE_API } from "../billing/BillingPlugin.ts";
import { registryShapeOf } from "../catalog/CatalogPlugin.ts";
import { catalogPlugins } from "../catalog/plugins.ts";
import { noConstraintErrors } from "../errors/constraints.ts";
import { LiveSubscriber } from "../graphile/live/LiveSubscriber.ts";
import { makePreset } from "../graphile/preset.ts";
import { makeStoragePlugins } from "../storage/plugins.ts";
import { makeFileUrls } from "../storage/signUrls.ts";
import { writeGeneratedFile } from "./generatedFile.ts";
import {
  type MigratedDatabase,
  withMigratedDatabase,
} from "./withMigratedDatabase.ts";

const FILE = "data/schema.graphql";

const program = new Command()
  .name("exportSchema")
  .description(
    `Writes ${FILE}: the GraphQL schema that a freshly migrated database gives,\n` +
      "sorted, so that a review shows what a migration does to the API.",
  )
  .option("--check", "write nothing; exit 1 when the file is out of date")
  .parse();

const { check } = program.opts<{ check?: boolean }>();
process.exitCode = writeGeneratedFile(
  FILE,
  await withMigratedDatabase(printedSchema),
  { check: check === true, command: "npm run generate" },
);

async function printedSchema({
  urls,
  config,
}: MigratedDatabase): Promise<string> {
  const pool = new pg.Pool({ connectionString: urls.app, max: 2 });
  // end() does not wait for the last goodbye, and the server stops right after:
  // nothing is lost with a connection that nobody uses any more.
  pool.on("error", () => undefined);
  const log = { info: console.log, warn: console.warn, error: console.error };
  const subscriber = new LiveSubscriber({ connectionString: urls.app, log });
  try {
    const { schema } = await makeSchema(
      makePreset({
        config,
        pool,
        subscriber,
        log,
        constraints: () => noConstraintErrors,
        resolveActor: () => Promise.resolve(anonymousActor("schema export")),
        plugins: [
          ...catalogPlugins,
          ...makeStoragePlugins(makeFileUrls("schema export"), config),
          // The whole API, as it is where a key of Stripe is set.
          ...makeBillingPlugins({ config, api: NO_STRIPE_API, log }),
        ],
      }),
    );
    const { faults } = registryShapeOf(schema);
    if (faults.length > 0) {
      throw new Error(
        `Tags in comments that nobody understands:\n  ${faults.join("\n  ")}`,
      );
    }
    return `${printSchema(lexicographicSortSchema(schema))}\n`;
  } finally {
    await subscriber.release();
    await pool.end();
  }
}
