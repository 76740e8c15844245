import type pg from "pg";

import type { Database } from "../../server/db/connect.ts";
import { closeDatabase } from "../../server/db/database.ts";
import type { Urls } from "../../server/db/urls.ts";

export const TEST_FOLDER_PREFIX = "closetai-test-";

export const TEST_DATABASE_PREFIX = "closetai_test_";

export const TEMPLATE_DATABASE = "closetai_template";

/** What the process that runs globalSetup keeps for globalTeardown. */
export const sharedServer: { database?: Database; folder?: string } = {};

/** What globalSetup tells the processes that run tests. */
export type TestServer = {
  urls: Urls & { root: string };
  serverVersion: number;
  folder: string;
  secret: string;
};

export function testServer(): TestServer {
  const text = process.env.CLOSETAI_TEST_SERVER;
  if (!text) {
    throw new Error(
      "No test server: run tests through jest, whose globalSetup starts it",
    );
  }
  return JSON.parse(text) as TestServer;
}

/** Nobody changes it from now on, and nobody who is still connected is in the way. */
export async function sealTemplate(
  root: pg.ClientBase,
  name: string,
): Promise<void> {
  await closeDatabase(root, name);
  await root.query(
    `alter database ${name} with is_template true allow_connections false`,
  );
  // Connections that are still closing would make the first clone fail.
  await root.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
    [name],
  );
}
