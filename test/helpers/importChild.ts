// A worker process of its own, for tests that kill one: runs an import with a
// line on stdout after every batch, and waits there for a line on stdin.
import { createInterface } from "node:readline";

import pg from "pg";

import { runImport } from "../../server/import/runImport.ts";
import { makeDisk } from "../../server/storage/makeDisk.ts";

const { urls, dir, runId, batchSize } = JSON.parse(
  process.env["IMPORT_CHILD"] ?? "{}",
) as {
  urls: { app: string; worker: string };
  dir: string;
  runId: string;
  batchSize: number;
};

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const app = new pg.Pool({ connectionString: urls.app, max: 2 });
const worker = new pg.Pool({ connectionString: urls.worker, max: 2 });
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

await runImport(
  {
    app,
    worker,
    files: await makeDisk({ driver: "fs", dir }),
    log,
    batchSize,
    onProgress: async (run) => {
      process.stdout.write(`${run.processed_rows}\n`);
      await lines.next();
    },
  },
  runId,
);
await Promise.all([app.end(), worker.end()]);
