import { cpSync } from "node:fs";
import { join } from "node:path";

import { withClient } from "../../server/db/clients.ts";
import { seedDemo } from "../../server/db/seed.ts";
import { urlsFor } from "../../server/db/urls.ts";
import { makeDisk } from "../../server/storage/makeDisk.ts";
import {
  cloneTemplate,
  createTestDatabase,
  type TestDatabase,
} from "./database.ts";
import { sealTemplate, testServer } from "./testServer.ts";

const DEMO_TEMPLATE = "closetai_demo_template";
/** Of the workers of jest one seeds, and the others wait. */
const LOCK = 7_264_199;

const demoFiles = () => join(testServer().folder, "demo-files");

/**
 * The demo, as `npm start` loads it into an empty database, and the folder of its
 * files. It is seeded once in a run; each test file gets a copy of its own.
 */
export async function createDemoDatabase(
  filesDir: string,
): Promise<TestDatabase> {
  await withClient(testServer().urls.root, async (root) => {
    await root.query("select pg_advisory_lock($1)", [LOCK]);
    const { rowCount } = await root.query(
      "select from pg_database where datname = $1 and datistemplate",
      [DEMO_TEMPLATE],
    );
    if (rowCount === 0) await seedTemplate();
  });
  const db = await createTestDatabase(DEMO_TEMPLATE);
  cpSync(demoFiles(), filesDir, { recursive: true });
  return db;
}

async function seedTemplate(): Promise<void> {
  const server = testServer();
  await withClient(server.urls.root, (root) =>
    // Of a worker that was killed over it.
    root.query(`drop database if exists ${DEMO_TEMPLATE} with (force)`),
  );
  await cloneTemplate(server.urls.root, DEMO_TEMPLATE);
  const disk = await makeDisk({ driver: "fs", dir: demoFiles() });
  await seedDemo(urlsFor(server.urls, DEMO_TEMPLATE), { scale: "demo", disk });
  await withClient(server.urls.root, (root) =>
    sealTemplate(root, DEMO_TEMPLATE),
  );
}
