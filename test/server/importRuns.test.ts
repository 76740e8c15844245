import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";

import { makePools } from "../../server/db/pools.ts";
import { ImportInterrupted, runImport } from "../../server/import/runImport.ts";
import { describeImport } from "../../server/import/uploadImport.ts";
import { makeImportTasks } from "../../server/worker/tasks/importTasks.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  callAs,
  counts,
  importFile,
  type ImportWorld,
  makeImportWorld,
  readProducts,
  readRefusals,
  readRun,
  runDeps,
  silentLog,
  start,
  upload,
} from "../helpers/imports.ts";

let db: TestDatabase;
let world: ImportWorld;
beforeAll(async () => {
  db = await createTestDatabase();
});
beforeEach(async () => {
  world = await makeImportWorld(db);
});
afterEach(() => world.close());
afterAll(() => db.drop());

const ROWS = 350;
const BATCH = 100;

function rowsCsv(count = ROWS, name = "Shirt"): string {
  const lines = Array.from(
    { length: count },
    (_, index) => `SKU-${index + 1},${name} ${index + 1},Shirts,Blue`,
  );
  return `id,name,articleType,colour\n${lines.join("\n")}\n`;
}

/** An uploaded and started run; the caller runs it. */
async function queued(
  content = rowsCsv(),
  actor = world.manager,
): Promise<string> {
  const { run, mapping } = await upload(world, actor, content);
  await start(world, actor, run.id, mapping);
  return run.id;
}

function after(processed: number, act: () => Promise<unknown>) {
  return async (run: { processed_rows: number }): Promise<void> => {
    if (run.processed_rows === processed) await act();
  };
}

const cancel = (runId: string) =>
  callAs(world, world.owner, "select * from app_public.cancel_import($1)", [
    runId,
  ]);
const resume = (runId: string, actor = world.manager) =>
  callAs(world, actor, "select * from app_public.resume_import($1)", [runId]);

async function expectWhole(runId: string): Promise<void> {
  expect(counts(await readRun(world, runId))).toEqual({
    total: ROWS,
    processed: ROWS,
    created: ROWS,
    updated: 0,
    unchanged: 0,
    refused: 0,
  });
  expect(await readProducts(world)).toHaveLength(ROWS);
  const staged = await db.root.query(
    "select from app_private.import_rows where run_id = $1",
    [runId],
  );
  expect(staged.rowCount).toBe(0);
}

describe("an import that is cancelled", () => {
  it("keeps whole batches, and goes on after them when resumed", async () => {
    const runId = await queued();
    const outcome = await runImport(
      {
        ...runDeps(world),
        batchSize: BATCH,
        onProgress: after(2 * BATCH, () => cancel(runId)),
      },
      runId,
    );
    expect(outcome).toEqual({ outcome: "cancelled" });
    expect(await readRun(world, runId)).toMatchObject({
      status: "cancelled",
      processed_rows: 2 * BATCH,
      created_count: 2 * BATCH,
      // Line 1 is the header.
      checkpoint_line: 2 * BATCH + 1,
    });
    expect(await readProducts(world)).toHaveLength(2 * BATCH);

    await resume(runId);
    const seen: number[] = [];
    await runImport(
      {
        ...runDeps(world),
        batchSize: BATCH,
        onProgress: (run) => void seen.push(run.processed_rows),
      },
      runId,
    );
    expect(seen).toEqual([200, 300, 350]);
    await expectWhole(runId);
  });

  it("stops while its file is still being read, and leaves nothing staged", async () => {
    const runId = await queued();
    const rows = rowsCsv(3_000);
    const files = {
      putStream: () => Promise.reject(new Error("nothing is stored here")),
      delete: () => Promise.reject(new Error("nothing is deleted here")),
      // A file that arrives slowly: the cancellation falls in between.
      getStream: async () =>
        Readable.from(
          (async function* () {
            yield Buffer.from(rows);
            await cancel(runId);
            await sleep(1_100);
            yield Buffer.from(rows.replaceAll("SKU", "LATER"));
            yield Buffer.from(rows.replaceAll("SKU", "LAST"));
          })(),
        ),
    };
    expect(await runImport({ ...runDeps(world), files }, runId)).toEqual({
      outcome: "cancelled",
    });
    expect(counts(await readRun(world, runId))).toMatchObject({
      total: null,
      processed: 0,
    });
    const staged = await db.root.query(
      "select from app_private.import_rows where run_id = $1",
      [runId],
    );
    expect(staged.rowCount).toBe(0);
    // The connection that copied is fit for use again.
    await resume(runId);
    await runImport(runDeps(world), runId);
    await expectWhole(runId);
  });

  it("ends at once while nobody works on it", async () => {
    const runId = await queued();
    expect(await cancel(runId)).toMatchObject({ status: "cancelled" });
    expect(await runImport(runDeps(world), runId)).toEqual({
      outcome: "cancelled",
    });
    expect(await readProducts(world)).toEqual([]);
  });

  it("cannot be cancelled or resumed once it is complete", async () => {
    const run = await importFile(world, world.manager, rowsCsv());
    await expect(cancel(run.id)).rejects.toMatchObject({ code: "STATE" });
    await expect(resume(run.id)).rejects.toMatchObject({ code: "STATE" });
    await expect(
      start(world, world.manager, run.id, run.mapping),
    ).rejects.toMatchObject({ code: "STATE" });
  });
});

describe("an import whose worker dies", () => {
  it("goes on after the last whole batch when its connections are cut", async () => {
    const runId = await queued();
    // The server's own pools: an error on a lent connection must reach its
    // query and nothing else.
    const pools = makePools(
      db.urls,
      { pool: { app: 2, worker: 2, connectTimeoutMs: 15_000 } },
      { debug: () => undefined, ...silentLog },
    );
    const cut = () =>
      db.root.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'closetai %'",
      );
    await expect(
      runImport(
        {
          ...runDeps(world),
          app: pools.app,
          worker: pools.worker,
          batchSize: BATCH,
          onProgress: after(BATCH, cut),
        },
        runId,
      ),
    ).rejects.toThrow();
    await pools.close();
    expect(await readRun(world, runId)).toMatchObject({
      status: "running",
      processed_rows: BATCH,
    });
    await runImport({ ...runDeps(world), batchSize: BATCH }, runId);
    await expectWhole(runId);
  });

  it("fills the staging again when the database lost it", async () => {
    const runId = await queued();
    const crash = () => db.root.query("truncate app_private.import_rows");
    await expect(
      runImport(
        {
          ...runDeps(world),
          batchSize: BATCH,
          onProgress: after(BATCH, crash),
        },
        runId,
      ),
    ).rejects.toBeInstanceOf(ImportInterrupted);
    await runImport({ ...runDeps(world), batchSize: BATCH }, runId);
    await expectWhole(runId);
  });

  it("survives a SIGKILL of its process between two batches", async () => {
    const runId = await queued();
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "../helpers/importChild.ts")],
      {
        stdio: ["pipe", "pipe", "inherit"],
        env: {
          ...process.env,
          NODE_OPTIONS: "",
          IMPORT_CHILD: JSON.stringify({
            urls: db.urls,
            dir: world.dir,
            runId,
            batchSize: BATCH,
          }),
        },
      },
    );
    const exited = once(child, "exit");
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === String(2 * BATCH)) break;
      child.stdin.write("go on\n");
    }
    child.kill("SIGKILL");
    expect(await exited).toEqual([null, "SIGKILL"]);
    expect(await readRun(world, runId)).toMatchObject({
      status: "running",
      processed_rows: 2 * BATCH,
    });
    // The kernel closed its connections; the server may take a moment to see it.
    let outcome = "busy";
    while (outcome === "busy") {
      ({ outcome } = await runImport(
        { ...runDeps(world), batchSize: BATCH },
        runId,
      ));
    }
    expect(outcome).toBe("completed");
    await expectWhole(runId);
  });

  it("stops after its batch when the server is stopping", async () => {
    const runId = await queued();
    const stopping = new AbortController();
    await expect(
      runImport(
        {
          ...runDeps(world),
          batchSize: BATCH,
          signal: stopping.signal,
          onProgress: after(BATCH, async () => stopping.abort()),
        },
        runId,
      ),
    ).rejects.toBeInstanceOf(ImportInterrupted);
    await runImport({ ...runDeps(world), batchSize: BATCH }, runId);
    await expectWhole(runId);
  });
});

describe("an import that is run twice", () => {
  it("is left alone while another worker is at it", async () => {
    const runId = await queued();
    let second: unknown;
    await runImport(
      {
        ...runDeps(world),
        batchSize: BATCH,
        onProgress: after(BATCH, async () => {
          second = await runImport(runDeps(world), runId);
        }),
      },
      runId,
    );
    expect(second).toEqual({ outcome: "busy" });
    await expectWhole(runId);
  });

  it("does nothing when a job of it is repeated after its end", async () => {
    const runId = await queued();
    await runImport(runDeps(world), runId);
    const before = await readRun(world, runId);
    expect(await runImport(runDeps(world), runId)).toEqual({
      outcome: "completed",
    });
    expect(await readRun(world, runId)).toEqual(before);
  });

  it("refuses a batch that was imported already", async () => {
    const runId = await queued();
    await runImport(
      {
        ...runDeps(world),
        batchSize: BATCH,
        onProgress: after(BATCH, async () => {
          await expect(
            callAs(
              world,
              world.manager,
              "select * from app_hidden.import_products_batch($1, 0, 100)",
              [runId],
            ),
          ).rejects.toMatchObject({ code: "STALE" });
        }),
      },
      runId,
    );
    await expectWhole(runId);
  });

  it("counts each product once when two imports of a brand overlap", async () => {
    const first = await queued();
    const second = await queued(rowsCsv(), world.owner);
    const deps = { ...runDeps(world), batchSize: BATCH };
    await Promise.all([runImport(deps, first), runImport(deps, second)]);
    const runs = [await readRun(world, first), await readRun(world, second)];
    expect(runs.map((run) => run.status)).toEqual(["completed", "completed"]);
    expect(runs.reduce((sum, run) => sum + run.created_count, 0)).toBe(ROWS);
    expect(runs.reduce((sum, run) => sum + run.unchanged_count, 0)).toBe(ROWS);
    expect(await readProducts(world)).toHaveLength(ROWS);
  });
});

describe("the member of an import", () => {
  const lower = (role: string) =>
    db.root.query(
      "update app_public.brand_members set role = $1 where user_id = $2",
      [role, world.manager.userId],
    );

  it.each([
    [
      "is removed from the brand",
      () =>
        db.root.query(
          "delete from app_public.brand_members where user_id = $1",
          [world.manager.userId],
        ),
    ],
    ["becomes an analyst", () => lower("analyst")],
    [
      "is suspended",
      () =>
        db.root.query(
          "update app_public.users set status = 'suspended' where id = $1",
          [world.manager.userId],
        ),
    ],
  ])("imports nothing more once it %s; another can resume", async (_, act) => {
    const runId = await queued();
    const outcome = await runImport(
      {
        ...runDeps(world),
        batchSize: BATCH,
        onProgress: after(2 * BATCH, act),
      },
      runId,
    );
    expect(outcome).toEqual({ outcome: "failed" });
    expect(await readRun(world, runId)).toMatchObject({
      status: "failed",
      error_code: "DNIED",
      processed_rows: 2 * BATCH,
    });
    expect(await readProducts(world)).toHaveLength(2 * BATCH);
    await expect(resume(runId)).rejects.toMatchObject({
      code: expect.stringMatching(/^(NTFND|42501)$/),
    });

    await resume(runId, world.owner);
    await runImport({ ...runDeps(world), batchSize: BATCH }, runId);
    await expectWhole(runId);
    expect(await readRun(world, runId)).toMatchObject({
      requested_by: world.owner.userId,
      error_code: null,
    });
  });

  it("goes on as an owner when made one meanwhile", async () => {
    const runId = await queued();
    await runImport(
      {
        ...runDeps(world),
        batchSize: BATCH,
        onProgress: after(BATCH, () => lower("owner")),
      },
      runId,
    );
    await expectWhole(runId);
  });

  it("is the one the audit trail names", async () => {
    const runId = await queued(rowsCsv(3));
    await runImport(runDeps(world), runId);
    const { rows } = await db.root.query(
      "select distinct actor_kind, actor_id, request_id from app_public.audit_log where brand_id = $1 and table_name like '%products'",
      [world.brandId],
    );
    expect(rows).toEqual([
      {
        actor_kind: "user",
        actor_id: world.manager.userId,
        request_id: `import:${runId}`,
      },
    ]);
  });
});

describe("a dry run", () => {
  it("counts what would happen, writes no product, and can become real", async () => {
    await importFile(world, world.manager, rowsCsv(2));
    const content =
      rowsCsv(3).replace("Shirt 2", "Blouse 2") + "4,Mug,Mugs,Red\n";
    const dry = await importFile(world, world.manager, content, {
      dryRun: true,
    });
    const expected = {
      total: 4,
      processed: 4,
      created: 1,
      updated: 1,
      unchanged: 1,
      refused: 1,
    };
    expect(dry).toMatchObject({ status: "completed", dry_run: true });
    expect(counts(dry)).toEqual(expected);
    expect(await readProducts(world)).toHaveLength(2);
    expect(await readRefusals(world, dry.id)).toMatchObject([
      { line_no: 5, code: "NOMAP", reason: "Mugs: no try-on category" },
    ]);
    await expect(
      callAs(
        world,
        world.manager,
        "select * from app_public.rerun_refused($1)",
        [dry.id],
      ),
    ).rejects.toMatchObject({ code: "STATE" });

    // Started and taken back before anybody worked on it: the trial goes with it.
    await start(world, world.manager, dry.id, dry.mapping);
    await callAs(
      world,
      world.manager,
      "select * from app_public.cancel_import($1)",
      [dry.id],
    );
    expect(await readRefusals(world, dry.id)).toEqual([]);

    await start(world, world.manager, dry.id, dry.mapping);
    await runImport(runDeps(world), dry.id);
    const real = await readRun(world, dry.id);
    expect(real).toMatchObject({ status: "completed", dry_run: false });
    expect(counts(real)).toEqual(expected);
    expect(
      (await readProducts(world)).map((product) => product["name"]),
    ).toEqual(["Shirt 1", "Blouse 2", "Shirt 3"]);
    expect(await readRefusals(world, dry.id)).toHaveLength(1);
  });
});

describe("the rows of an import", () => {
  it("keep what the file has no column for", async () => {
    await importFile(
      world,
      world.manager,
      "sku,name,type,color,price,currency,tags\n1,Shirt,Shirts,Blue,19.90,EUR,a;b\n",
    );
    const run = await importFile(
      world,
      world.manager,
      "sku,name,type\n1,Better shirt,Shirts\n",
    );
    expect(counts(run)).toMatchObject({ updated: 1 });
    expect(await readProducts(world)).toMatchObject([
      {
        name: "Better shirt",
        color: "Blue",
        price_minor: "1990",
        currency: "eur",
        tags: ["a", "b"],
      },
    ]);
  });

  it("clear what the file has a column for and leaves empty", async () => {
    await importFile(
      world,
      world.manager,
      "sku,name,type,color\n1,Shirt,Shirts,Blue\n",
    );
    const run = await importFile(
      world,
      world.manager,
      "sku,name,type,color\n1,Shirt,Shirts,NA\n",
    );
    expect(counts(run)).toMatchObject({ updated: 1 });
    expect(await readProducts(world)).toMatchObject([{ color: null }]);
  });

  it("name the first line of a SKU that stands twice, also batches apart", async () => {
    const run = await importFile(
      world,
      world.manager,
      "sku,name,type\nA,One,Shirts\nB,Two,Shirts\nC,Three,Shirts\nD,Four,Shirts\n A ,Five,Shirts\nC,Six,Shirts\nA,Seven,Shirts\n",
      { deps: { batchSize: 2 } },
    );
    expect(counts(run)).toMatchObject({ created: 4, refused: 3 });
    expect(await readRefusals(world, run.id)).toMatchObject([
      {
        line_no: 6,
        code: "TWICE",
        reason: "Line 2 of this file already has the SKU A",
      },
      {
        line_no: 7,
        code: "TWICE",
        reason: "Line 4 of this file already has the SKU C",
      },
      {
        line_no: 8,
        code: "TWICE",
        reason: "Line 2 of this file already has the SKU A",
      },
    ]);
    expect(
      (await readProducts(world)).map((product) => product["name"]),
    ).toEqual(["One", "Two", "Three", "Four"]);
    const again = await callAs(
      world,
      world.manager,
      "select * from app_public.rerun_refused($1)",
      [run.id],
    );
    // A second click finds what the first one began.
    expect(
      await callAs(
        world,
        world.manager,
        "select * from app_public.rerun_refused($1)",
        [run.id],
      ),
    ).toMatchObject({ id: again.id });
    await runImport(runDeps(world), again.id);
    expect(
      (await readRefusals(world, again.id)).map((refusal) => refusal.reason),
    ).toEqual((await readRefusals(world, run.id)).map(({ reason }) => reason));
  });

  it("follow the brand's own mapping before the default, without case", async () => {
    const map = (label: string, category: string | null) =>
      callAs(
        world,
        world.manager,
        "select * from app_public.set_category_mapping($1, $2)",
        [label, category],
      );
    await map("SHIRTS", "jackets");
    await map("Tops", null);
    await map(" sandals ", "heels");
    await map("Sandals", "sneakers");
    const run = await importFile(
      world,
      world.manager,
      "sku,name,type,department\n1,A,shirts,Apparel\n2,B,Tops,Apparel\n3,C,SANDALS,Footwear\n4,D,Dresses,\n5,E,hats,\n",
    );
    expect(await readRefusals(world, run.id)).toMatchObject([
      {
        line_no: 3,
        code: "NOMAP",
        label: "Tops",
        reason: "Apparel / Tops: left out by your own category mapping",
      },
    ]);
    expect(
      (await readProducts(world)).map((product) => product["category_code"]),
    ).toEqual(["jackets", "sneakers", "dresses", "hats"]);
    // What the other brand imports is not touched by it.
    await importFile(world, world.stranger, "sku,name,type\n1,A,Shirts\n");
    expect(await readProducts(world, world.otherBrandId)).toMatchObject([
      { category_code: "tops" },
    ]);
  });
});

describe("starting an import", () => {
  it.each([
    [{ name: "name" }, "Choose the column that holds the sku"],
    [
      { sku: "id", name: "name", category: "kind" },
      'The file has no column named "kind"',
    ],
    [
      { sku: "=1", name: "name", category: "articleType" },
      'The file has no column named "=1"',
    ],
    [
      { sku: "id", name: "name", category: "articleType", size: "id" },
      "There is no field named size",
    ],
    [
      { sku: "id", name: "name", category: 4 },
      "The column of category must be a text",
    ],
    [
      { sku: "id", name: "name", category: "articleType", price: "colour" },
      "A price needs a currency",
    ],
  ])("refuses the mapping %j", async (mapping, sentence) => {
    const { run } = await upload(world, world.manager, rowsCsv(1));
    await expect(
      start(world, world.manager, run.id, mapping),
    ).rejects.toMatchObject({
      code: "INVAL",
      column: "mapping",
      message: sentence,
    });
    expect(await readRun(world, run.id)).toMatchObject({ status: "uploaded" });
  });

  it("takes one value for all rows", async () => {
    await importFile(world, world.manager, "sku,name,price\n1,A,1299\n2,B,\n", {
      mapping: { category: "=Dresses", price: "price", currency: "=jpy" },
    });
    expect(await readProducts(world)).toMatchObject([
      { category_code: "dresses", price_minor: "1299", currency: "jpy" },
      { category_code: "dresses", price_minor: null, currency: null },
    ]);
  });
});

describe("an import whose file is gone", () => {
  it("fails with a sentence, and cannot be looked at again", async () => {
    const runId = await queued();
    const { storage_key: key } = await readRun(world, runId);
    await world.disk.delete(key ?? "");
    expect(await runImport(runDeps(world), runId)).toEqual({
      outcome: "failed",
    });
    expect(await readRun(world, runId)).toMatchObject({
      error_code: "NTFND",
      error_message:
        "The file of this import is no longer kept. Upload it again.",
    });
    await expect(
      describeImport({ app: db.app, files: world.disk }, world.manager, runId),
    ).rejects.toMatchObject({ code: "NTFND" });
  });
});

describe("the job of an import", () => {
  type Helpers = Parameters<
    NonNullable<ReturnType<typeof makeImportTasks>["import_run"]>
  >[1];
  /** The queue's helpers, as far as the task looks at them. */
  const attempt = (attempts: number, abortSignal?: AbortSignal) =>
    ({
      job: { attempts, max_attempts: 25 },
      abortSignal: abortSignal ?? new AbortController().signal,
    }) as unknown as Helpers;
  /** Storage that does not answer: a fault that may pass. */
  const broken = () => {
    const files = {
      putStream: () => Promise.reject(new Error("storage is away")),
      getStream: () => Promise.reject(new Error("storage is away")),
      delete: () => Promise.reject(new Error("storage is away")),
    };
    return makeImportTasks({ ...runDeps(world), files });
  };

  it("is tried again after a fault that may pass, and given up in the end", async () => {
    const runId = await queued();
    const tasks = broken();
    await expect(tasks["import_run"]?.({ runId }, attempt(5))).rejects.toThrow(
      "storage is away",
    );
    expect(await readRun(world, runId)).toMatchObject({ status: "staging" });
    await tasks["import_run"]?.({ runId }, attempt(6));
    expect(await readRun(world, runId)).toMatchObject({
      status: "failed",
      error_code: "DOWN",
    });
    await resume(runId);
    await makeImportTasks(runDeps(world))["import_run"]?.(
      { runId },
      attempt(1),
    );
    await expectWhole(runId);
  });

  it("is not given up because the server stops", async () => {
    const runId = await queued();
    await expect(
      broken()["import_run"]?.({ runId }, attempt(25, AbortSignal.abort())),
    ).rejects.toThrow();
    expect(await readRun(world, runId)).toMatchObject({ status: "staging" });
  });
});

describe("stalled imports and old files", () => {
  /** As if the last sign of life of a run were this long ago. */
  async function age(runId: string, interval: string): Promise<void> {
    await db.root.query(
      "alter table app_public.import_runs disable trigger user",
    );
    await db.root.query(
      "update app_public.import_runs set status = 'running', started_at = now() - $2::interval, updated_at = now() - $2::interval where id = $1",
      [runId, interval],
    );
    await db.root.query(
      "alter table app_public.import_runs enable trigger user",
    );
  }
  const jobs = async (runId: string) => {
    const { rowCount } = await db.root.query(
      "select from graphile_worker.jobs where key = 'import_run:' || $1",
      [runId],
    );
    return rowCount;
  };
  const tidy = async () => {
    const { rows } = await db.worker.query(
      "select app_private.tidy_imports() as tidied",
    );
    return (rows as { tidied: unknown }[])[0]?.tidied;
  };

  it("are queued again after five minutes, once", async () => {
    const runId = await queued();
    await age(runId, "4 minutes");
    await db.root.query("delete from graphile_worker._private_jobs");
    expect(await tidy()).toEqual({ queued: 0, released: 0 });
    expect(await jobs(runId)).toBe(0);
    await age(runId, "6 minutes");
    expect(await tidy()).toEqual({ queued: 1, released: 0 });
    expect(await tidy()).toEqual({ queued: 1, released: 0 });
    expect(await jobs(runId)).toBe(1);
    await runImport(runDeps(world), runId);
    await expectWhole(runId);
  });

  it("can be resumed by hand as soon as nobody works on them, not before", async () => {
    const runId = await queued();
    await expect(
      runImport(
        {
          ...runDeps(world),
          batchSize: BATCH,
          onProgress: after(BATCH, async () => {
            await expect(resume(runId)).rejects.toMatchObject({
              code: "STATE",
              message: "This import is still running",
            });
            throw new Error("The worker dies here");
          }),
        },
        runId,
      ),
    ).rejects.toThrow("The worker dies here");
    expect(await readRun(world, runId)).toMatchObject({ status: "running" });
    await resume(runId);
    await runImport(runDeps(world), runId);
    await expectWhole(runId);
  });

  it("are let go when their time is over", async () => {
    const done = await importFile(world, world.manager, rowsCsv(1));
    const { run: forgotten } = await upload(world, world.manager, rowsCsv(1));
    const { run: recent } = await upload(world, world.manager, rowsCsv(1));
    await db.root.query(
      "update app_public.storage_objects set retention_until = now() - interval '1 day' where key like '%' || $1 || '%' or key like '%' || $2 || '%'",
      [done.id, forgotten.id],
    );
    expect(await tidy()).toMatchObject({ released: 2 });
    expect(await readRun(world, done.id)).toMatchObject({
      status: "completed",
      storage_key: null,
    });
    expect(await readRun(world, forgotten.id)).toMatchObject({
      status: "cancelled",
      storage_key: null,
    });
    expect((await readRun(world, recent.id)).storage_key).not.toBeNull();
  });
});
