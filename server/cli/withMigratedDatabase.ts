import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Config, parseConfig } from "../config.ts";
import { EMBEDDED_DATABASE, openDatabase, type Urls } from "../db/connect.ts";
import { discardEmbedded, openToServerUser } from "../db/embedded.ts";
import type { Log } from "../db/log.ts";
import { migrate } from "../db/migrate.ts";
import { withDatabase } from "../db/urls.ts";

/** Only what goes wrong: what a generator prints is its result. */
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};

export type MigratedDatabase = {
  urls: Urls & { root: string };
  config: Config;
};

/**
 * An empty database with every migration of this checkout, on a server of its
 * own that is gone afterwards. What is generated from it depends on the files
 * under migrations/ and on nothing a developer's own database went through.
 */
export async function withMigratedDatabase<T>(
  fn: (database: MigratedDatabase) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "closetai-generate-"));
  openToServerUser(folder);
  const config = parseConfig({
    NODE_ENV: "test",
    CLOSETAI_DATA_DIR: folder,
    CLOSETAI_SECRET: randomBytes(32).toString("hex"),
  });
  try {
    const database = await openDatabase(config, log, {
      durable: false,
      purpose: "the generated files",
    });
    try {
      await migrate(database.urls, log, { current: true });
      if (database.urls.root === null)
        throw new Error("The server has no root");
      const root = withDatabase(database.urls.root, EMBEDDED_DATABASE);
      return await fn({ urls: { ...database.urls, root }, config });
    } finally {
      await database.close();
    }
  } finally {
    await discardEmbedded(folder, log);
  }
}
