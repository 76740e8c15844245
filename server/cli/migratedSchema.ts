import "../http/graphileEnv.ts";

import type { GraphQLSchema } from "graphql";
import pg from "pg";
import { makeSchema } from "postgraphile";

import { anonymousActor } from "../auth/actor.ts";
import { makeBillingPlugins, NO_STRIPE_API } from "../billing/BillingPlugin.ts";
import { CATALOG_ROLES, Catalogs } from "../catalog/Catalogs.ts";
import { catalogPlugins } from "../catalog/plugins.ts";
import type { Catalog } from "../catalog/types.ts";
import { noConstraintErrors } from "../errors/constraints.ts";
import { LiveSubscriber } from "../graphile/live/LiveSubscriber.ts";
import { makePreset } from "../graphile/preset.ts";
import { makeStoragePlugins } from "../storage/plugins.ts";
import { makeFileUrls } from "../storage/signUrls.ts";
import type { MigratedDatabase } from "./withMigratedDatabase.ts";

export type MigratedSchema = {
  schema: GraphQLSchema;
  /** What each role sees of it. */
  catalogs: readonly Catalog[];
  /** Tags in comments that nobody understands. */
  faults: readonly string[];
};

/** The whole API of a freshly migrated database, as where a key of Stripe is set. */
export async function readMigratedSchema(
  { urls, config }: MigratedDatabase,
  purpose: string,
): Promise<MigratedSchema> {
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
        resolveActor: () => Promise.resolve(anonymousActor(purpose)),
        plugins: [
          ...catalogPlugins,
          ...makeStoragePlugins(makeFileUrls(purpose), config),
          ...makeBillingPlugins({ config, api: NO_STRIPE_API, log }),
        ],
      }),
    );
    const made = new Catalogs(pool, () => schema);
    const catalogs: Catalog[] = [];
    for (const role of CATALOG_ROLES) {
      const served = await made.of(role);
      if (served !== null) catalogs.push(served.catalog);
    }
    return { schema, catalogs, faults: await made.faults() };
  } finally {
    await subscriber.release();
    await pool.end();
  }
}
