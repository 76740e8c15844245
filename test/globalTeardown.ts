import { withClient } from "../server/db/clients.ts";
import { discardEmbedded } from "../server/db/embedded.ts";
import { silentLog } from "../server/db/log.ts";
import { sharedServer, TEST_DATABASE_PREFIX } from "./helpers/testServer.ts";

/** Stops the server, deletes its folder, and names files that did not tidy up. */
export default async function globalTeardown(): Promise<void> {
  const { database, folder } = sharedServer;
  if (!database || !folder) return;
  try {
    const left = await withClient(
      database.embedded?.url("postgres") ?? "",
      async (root) => {
        const { rows } = await root.query<{ file: string }>(
          `select coalesce(shobj_description(oid, 'pg_database'), datname) as file
             from pg_database where starts_with(datname, $1) order by 1`,
          [TEST_DATABASE_PREFIX],
        );
        return rows.map(({ file }) => file);
      },
    );
    if (left.length > 0) {
      throw new Error(
        `Test databases were not dropped by: ${left.join(", ")}. Call drop() in afterAll.`,
      );
    }
  } finally {
    await database.close();
    await discardEmbedded(folder, silentLog);
  }
}
