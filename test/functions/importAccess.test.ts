import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";

import type { Actor } from "../../server/auth/actor.ts";
import { withActor } from "../../server/db/withActor.ts";
import { runImport } from "../../server/import/runImport.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  callAs,
  importFile,
  type ImportWorld,
  makeImportWorld,
  readRun,
  runDeps,
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

const FILE = "sku,name,type\n1,Shirt,Shirts\n2,Mug,Mugs\n";

const rowsAs = async (
  actor: Actor,
  sql: string,
  values: unknown[] = [],
): Promise<unknown[]> =>
  withActor(db.app, actor, async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(sql, values);
    return rows;
  });

/** A run in the middle: two rows staged, none imported. */
async function stagedRun(act: (runId: string) => Promise<void>): Promise<void> {
  const { run, mapping } = await upload(world, world.manager, FILE);
  await start(world, world.manager, run.id, mapping);
  let acted = false;
  await runImport(
    {
      ...runDeps(world),
      onProgress: async () => {
        if (acted) return;
        acted = true;
        await act(run.id);
      },
    },
    run.id,
  );
  expect(acted).toBe(true);
}

describe("uploading a catalogue", () => {
  it.each([
    ["viewer", "42501"],
    ["analyst", "42501"],
    ["shopper", "DNIED"],
    ["staffAdmin", "DNIED"],
  ] as const)("is denied to a %s, and leaves nothing", async (who, code) => {
    await expect(upload(world, world[who], FILE)).rejects.toMatchObject({
      code,
    });
    const { rowCount } = await db.root.query(
      "select from app_public.import_runs where brand_id = $1",
      [world.brandId],
    );
    expect(rowCount).toBe(0);
  });

  it("is denied to a manager whose membership has ended", async () => {
    await db.root.query(
      "delete from app_public.brand_members where user_id = $1",
      [world.manager.userId],
    );
    await expect(upload(world, world.manager, FILE)).rejects.toMatchObject({
      code: "DNIED",
    });
  });

  it("is denied for a brand the manager does not belong to", async () => {
    const pretender = { ...world.manager, brandId: world.otherBrandId };
    await expect(upload(world, pretender, FILE)).rejects.toMatchObject({
      code: "DNIED",
    });
  });

  it("cannot choose where the file is stored", async () => {
    const { run } = await upload(world, world.manager, FILE);
    expect(await readRun(world, run.id)).toMatchObject({
      brand_id: world.brandId,
      requested_by: world.manager.userId,
      storage_key: `imports/${world.brandId}/${run.id}.csv`,
    });
  });
});

describe("a run", () => {
  it("is seen by managers of its brand, and by nobody of another", async () => {
    const run = await importFile(world, world.manager, FILE);
    const see = (actor: Actor) =>
      rowsAs(actor, "select id from app_public.import_runs where id = $1", [
        run.id,
      ]);
    expect(await see(world.manager)).toEqual([{ id: run.id }]);
    expect(await see(world.owner)).toEqual([{ id: run.id }]);
    expect(await see(world.stranger)).toEqual([]);
    await expect(see(world.viewer)).rejects.toMatchObject({ code: "42501" });

    const refused = (actor: Actor) =>
      rowsAs(
        actor,
        "select reason from app_public.import_refusals where run_id = $1",
        [run.id],
      );
    expect(await refused(world.owner)).toEqual([
      { reason: "Mugs: no try-on category" },
    ]);
    expect(await refused(world.stranger)).toEqual([]);

    const labels = (actor: Actor) =>
      rowsAs(
        actor,
        "select l.* from app_public.import_runs r cross join app_public.import_runs_unmapped_labels(r) l where r.id = $1",
        [run.id],
      );
    expect(await labels(world.owner)).toEqual([
      {
        label: "Mugs",
        reason: "Mugs: no try-on category",
        row_count: 1,
        first_line: 3,
      },
    ]);
    expect(await labels(world.stranger)).toEqual([]);
  });

  it.each([
    ["start_import", "select app_public.start_import($1, '{}', false)"],
    ["cancel_import", "select app_public.cancel_import($1)"],
    ["resume_import", "select app_public.resume_import($1)"],
    ["rerun_refused", "select app_public.rerun_refused($1)"],
  ])(
    "is not there for %s by another brand, and denied to a viewer",
    async (_name, sql) => {
      const run = await importFile(world, world.manager, FILE);
      const before = await readRun(world, run.id);
      for (const actor of [world.stranger, world.shopper, world.staffAdmin]) {
        await expect(rowsAs(actor, sql, [run.id])).rejects.toMatchObject({
          code: "NTFND",
        });
      }
      for (const actor of [world.viewer, world.analyst]) {
        await expect(rowsAs(actor, sql, [run.id])).rejects.toMatchObject({
          code: "42501",
        });
      }
      expect(await readRun(world, run.id)).toEqual(before);
    },
  );

  it("cannot be written by hand, by anybody", async () => {
    const run = await importFile(world, world.manager, FILE);
    for (const actor of [world.owner, world.manager, world.stranger]) {
      for (const sql of [
        "update app_public.import_runs set status = 'queued' where id = $1",
        "delete from app_public.import_runs where id = $1",
        "delete from app_public.import_refusals where run_id = $1",
      ]) {
        await expect(rowsAs(actor, sql, [run.id])).rejects.toMatchObject({
          code: "42501",
        });
      }
    }
  });
});

describe("staged rows", () => {
  it("are handed to the importing member, and to nobody else", async () => {
    await stagedRun(async (runId) => {
      const staged = (actor: Actor) =>
        rowsAs(
          actor,
          "select line_no, fields[1] as sku from app_hidden.staged_import_rows($1, 0, 10)",
          [runId],
        );
      const { rowCount } = await db.root.query(
        "select from app_private.import_rows where run_id = $1",
        [runId],
      );
      expect(rowCount).toBe(2);
      expect(await staged(world.manager)).toEqual([
        { line_no: 2, sku: "1" },
        { line_no: 3, sku: "2" },
      ]);
      expect(await staged(world.owner)).toEqual([]);
      expect(await staged(world.stranger)).toEqual([]);
      expect(await staged(world.shopper)).toEqual([]);
      expect(await staged(world.staffAdmin)).toEqual([]);
      for (const actor of [world.viewer, world.analyst]) {
        await expect(staged(actor)).rejects.toMatchObject({ code: "42501" });
      }
    });
  });

  it("cannot be read from their table by any role but the worker's", async () => {
    await stagedRun(async () => {
      const sql = "select from app_private.import_rows";
      for (const actor of [
        world.owner,
        world.manager,
        world.viewer,
        world.shopper,
        { ...world.shopper, role: "closetai_staff_admin" },
        { ...world.shopper, role: "closetai_anonymous" },
      ]) {
        await expect(rowsAs(actor, sql)).rejects.toMatchObject({
          code: "42501",
        });
      }
      await expect(db.app.query(sql)).rejects.toMatchObject({ code: "42501" });
      expect((await db.worker.query(sql)).rowCount).toBe(2);
    });
  });

  it("are imported by their own member only", async () => {
    await stagedRun(async (runId) => {
      for (const actor of [world.owner, world.stranger]) {
        await expect(
          rowsAs(actor, "select app_hidden.import_products_batch($1, 0, 10)", [
            runId,
          ]),
        ).rejects.toMatchObject({ code: "NTFND" });
        await expect(
          rowsAs(
            actor,
            "select app_hidden.record_import_batch($1, 9, 5, 0, 0, '[]')",
            [runId],
          ),
        ).rejects.toMatchObject({ code: "STATE" });
      }
    });
  });
});

describe("a batch", () => {
  it("writes under the member's policies: without them, nothing", async () => {
    // The definer functions around it open staging and bookkeeping only. With
    // the permissive policy gone, the products themselves must be refused.
    const { run, mapping } = await upload(world, world.manager, FILE);
    await start(world, world.manager, run.id, mapping);
    const { rows } = await db.root.query<{ definition: string }>(
      `select 'create policy insert_brand on app_public.products for insert to closetai_manager with check (true)' as definition`,
    );
    await db.root.query("drop policy insert_brand on app_public.products");
    try {
      await expect(runImport(runDeps(world), run.id)).rejects.toMatchObject({
        code: "42501",
      });
    } finally {
      await db.root.query(rows[0]?.definition ?? "");
    }
    expect(await readRun(world, run.id)).toMatchObject({
      status: "running",
      processed_rows: 0,
    });
    await runImport(runDeps(world), run.id);
    expect(await readRun(world, run.id)).toMatchObject({
      status: "completed",
      created_count: 1,
    });
  });
});

describe("a category mapping", () => {
  it("is set by a manager for the own brand, and not by a viewer", async () => {
    const set = (actor: Actor) =>
      callAs<{ brand_id: string }>(
        world,
        actor,
        "select * from app_public.set_category_mapping('Sandals', 'heels')",
        [],
      );
    expect(await set(world.manager)).toMatchObject({
      brand_id: world.brandId,
      label: "Sandals",
      category_code: "heels",
    });
    expect(await set(world.stranger)).toMatchObject({
      brand_id: world.otherBrandId,
    });
    for (const actor of [world.viewer, world.analyst, world.shopper]) {
      await expect(set(actor)).rejects.toMatchObject({ code: "42501" });
    }
    expect(
      await rowsAs(
        world.viewer,
        "select label from app_public.category_mappings",
      ),
    ).toEqual([{ label: "Sandals" }]);
  });
});

describe("the worker's functions", () => {
  it.each([
    "select app_private.claim_import_run($1)",
    "select app_private.import_staging_goes_on($1)",
    "select app_private.stage_refused_rows($1)",
    "select app_private.finish_import_staging($1)",
    "select app_private.import_step($1)",
    "select app_private.end_import_run($1, 'failed')",
    "select app_private.import_requester($1::text)",
    "select app_private.tidy_imports() where $1::text <> ''",
    "select app_private.own_import_run($1)",
    "select app_private.queue_import_run($1)",
  ])("are closed to members and to the app's login: %s", async (sql) => {
    const id = "01890a5d-ac96-774b-bcce-b302099a8057";
    await expect(rowsAs(world.owner, sql, [id])).rejects.toMatchObject({
      code: "42501",
    });
    await expect(db.app.query(sql, [id])).rejects.toMatchObject({
      code: "42501",
    });
  });
});
