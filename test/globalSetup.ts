import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseConfig } from "../server/config.ts";
import { withClient } from "../server/db/clients.ts";
import { openDatabase } from "../server/db/connect.ts";
import { ensureDatabase } from "../server/db/database.ts";
import {
  discardEmbedded,
  type EmbeddedServer,
  openToServerUser,
} from "../server/db/embedded.ts";
import type { Log } from "../server/db/log.ts";
import { migrate } from "../server/db/migrate.ts";
import { urlsFor } from "../server/db/urls.ts";
import {
  sealTemplate,
  sharedServer,
  TEMPLATE_DATABASE,
  TEST_FOLDER_PREFIX,
} from "./helpers/testServer.ts";

/** Tests print results, not progress; what goes wrong is told. */
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};

/**
 * One server for the whole run, in a folder of its own, and one migrated
 * template database that each test file clones.
 */
export default async function globalSetup(): Promise<void> {
  // A busy machine must not turn a test of something else red; the tests of
  // faults say their own. Children inherit it.
  process.env["DB_CONNECT_TIMEOUT_MS"] ??= "15000";
  await discardLeftovers();
  const folder = mkdtempSync(
    join(tmpdir(), `${TEST_FOLDER_PREFIX}${process.pid}-`),
  );
  openToServerUser(folder);
  const config = parseConfig({
    NODE_ENV: "test",
    CLOSETAI_DATA_DIR: folder,
    CLOSETAI_SECRET: randomBytes(32).toString("hex"),
  });
  const database = await openDatabase(config, log, {
    durable: false,
    purpose: "the tests",
  });
  sharedServer.database = database;
  sharedServer.folder = folder;
  const { embedded } = database;
  if (!embedded) throw new Error("The tests run on the embedded server only");
  stopWithThisProcess(embedded, folder);
  try {
    const template = urlsFor(database.urls, TEMPLATE_DATABASE);
    await ensureDatabase(template);
    await migrate(template, log, { current: true });
    await withClient(embedded.url("postgres"), (root) =>
      sealTemplate(root, TEMPLATE_DATABASE),
    );
    // Workers of jest are started later and inherit the environment.
    process.env.CLOSETAI_TEST_SERVER = JSON.stringify({
      urls: database.urls,
      serverVersion: database.serverVersion,
      folder,
      secret: config.secret,
    });
  } catch (error) {
    await database.close();
    await discardEmbedded(folder, log);
    throw error;
  }
}

/**
 * Ctrl-C ends jest without globalTeardown. There is no time to be gentle then,
 * and nothing to lose. (After a SIGKILL, the next run tidies up.)
 */
function stopWithThisProcess(server: EmbeddedServer, folder: string): void {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  process.once("exit", () => {
    if (!existsSync(folder)) return;
    if (isAlive(server.pid)) process.kill(server.pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
}

/** Stops and deletes what runs that were killed left behind; only our own. */
async function discardLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(TEST_FOLDER_PREFIX)) continue;
    // The name holds the process that made it: it may just be starting.
    const pid = Number(name.slice(TEST_FOLDER_PREFIX.length).split("-")[0]);
    if (pid > 0 && isAlive(pid)) continue;
    await discardEmbedded(join(tmpdir(), name), log);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
