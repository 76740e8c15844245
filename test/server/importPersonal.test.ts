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
import type { ImportRun } from "../../server/import/importRun.ts";
import { runImport } from "../../server/import/runImport.ts";
import {
  describeImport,
  findImport,
} from "../../server/import/uploadImport.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  callAs,
  counts,
  type ImportWorld,
  makeImportWorld,
  readReasons,
  readRun,
  runDeps,
  startInto,
  uploadInto,
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

type Options = { key?: string | null; dryRun?: boolean };

async function importInto(
  actor: Actor,
  table: string,
  content: string,
  { key = null, dryRun = false }: Options = {},
): Promise<ImportRun> {
  const { id, mapping } = await uploadInto(world, actor, table, content);
  await startInto(world, actor, id, mapping, dryRun, key);
  await runImport(runDeps(world), id);
  return readRun(world, id);
}

function outcome(run: ImportRun): object {
  expect(run).toMatchObject({ status: "completed", error_message: null });
  const { created, updated, unchanged, refused } = counts(run);
  return { created, updated, unchanged, refused };
}

async function rowsAs(
  actor: Actor,
  sql: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  return withActor(db.app, actor, async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(sql, values);
    return rows;
  });
}

const namesOf = async (actor: Actor): Promise<unknown[]> =>
  (
    await rowsAs(actor, "select name from app_public.wardrobe_items order by 1")
  ).map(({ name }) => name);

const WARDROBE = `name,category_code,color,ai_tags
Linen shirt,tops,White,linen;summer
,tops,,
Boots,nonsense,Black,
Rain coat,jackets,Olive,
`;
const WARDROBE_REASONS = [
  "3 name EMPTY: No name",
  "4 category_code NTFND: There is no such category",
];

describe("a shopper's import", () => {
  it("fills the own wardrobe, after a dry run that keeps nothing", async () => {
    const dry = await importInto(world.shopper, "wardrobe_items", WARDROBE, {
      dryRun: true,
    });
    const expected = { created: 2, updated: 0, unchanged: 0, refused: 2 };
    expect(outcome(dry)).toEqual(expected);
    expect(await readReasons(world, dry)).toEqual(WARDROBE_REASONS);
    expect(await namesOf(world.shopper)).toEqual([]);

    await startInto(world, world.shopper, dry.id, dry.mapping);
    await runImport(runDeps(world), dry.id);
    const run = await readRun(world, dry.id);
    expect(outcome(run)).toEqual(expected);
    expect(await readReasons(world, run)).toEqual(WARDROBE_REASONS);
    expect(run).toMatchObject({
      brand_id: null,
      user_id: world.shopper.userId,
      requested_role: "closetai_user",
      storage_key: `imports/${world.shopper.userId}/${run.id}.csv`,
      unique_key: "none",
    });
    expect(await namesOf(world.shopper)).toEqual(["Linen shirt", "Rain coat"]);
    expect(await namesOf(world.neighbour)).toEqual([]);
  });

  it("finds a garment by its id, the own ones only", async () => {
    await importInto(world.shopper, "wardrobe_items", WARDROBE);
    await importInto(
      world.neighbour,
      "wardrobe_items",
      "name,category_code\nHat,tops\n",
    );
    const idOf = async (actor: Actor, name: string): Promise<string> =>
      String(
        (
          await rowsAs(
            actor,
            "select id from app_public.wardrobe_items where name = $1",
            [name],
          )
        )[0]?.["id"],
      );
    const mine = await idOf(world.shopper, "Rain coat");
    const theirs = await idOf(world.neighbour, "Hat");
    const run = await importInto(
      world.shopper,
      "wardrobe_items",
      `id,name,category_code\n${mine},Storm coat,jackets\n${theirs},Stolen,tops\n`,
      { key: "wardrobe_items_pkey" },
    );
    expect(await readReasons(world, run)).toEqual([
      "3 id NTFND: There is no record with this id",
    ]);
    expect(outcome(run)).toEqual({
      created: 0,
      updated: 1,
      unchanged: 0,
      refused: 1,
    });
    expect(await namesOf(world.shopper)).toEqual(["Linen shirt", "Storm coat"]);
    expect(await namesOf(world.neighbour)).toEqual(["Hat"]);
  });

  it("goes by a unique key that holds the person, and says when there is no such key", async () => {
    const file = (first: string) =>
      `resource,name,view\nproducts,Mine,"{""density"": ""${first}""}"\nproducts,Other,{}\n`;
    const first = await importInto(
      world.shopper,
      "saved_views",
      file("compact"),
    );
    expect(await readReasons(world, first)).toEqual([]);
    expect(first.unique_key).toBe(
      "saved_views_user_id_brand_id_resource_name_key",
    );
    // The same names in another's list are other records.
    await importInto(world.neighbour, "saved_views", file("theirs"));
    const second = await importInto(
      world.shopper,
      "saved_views",
      file("comfortable"),
    );
    expect(outcome(second)).toEqual({
      created: 0,
      updated: 1,
      unchanged: 1,
      refused: 0,
    });
    const views = await rowsAs(
      world.neighbour,
      "select view ->> 'density' as density, brand_id from app_public.saved_views where name = 'Mine'",
    );
    expect(views).toEqual([{ density: "theirs", brand_id: null }]);

    const { id, mapping } = await uploadInto(
      world,
      world.shopper,
      "wardrobe_items",
      WARDROBE,
    );
    await expect(
      startInto(
        world,
        world.shopper,
        id,
        mapping,
        false,
        "wardrobe_items_id_user_id_key",
      ),
    ).rejects.toMatchObject({ code: "INVAL", column: "unique_key" });
  });

  it.each([
    ["a brand's table", "category_mappings"],
    ["the products of brands", "products"],
    ["what the API makes no record of", "storage_objects"],
    ["what staff fills", "brand_accounts"],
    ["a name that is SQL", 'wardrobe_items"; drop table x; --'],
    ["the trail", "audit_log"],
  ])("does not go into %s", async (_what, table) => {
    await expect(
      uploadInto(world, world.shopper, table, "name,sku\nA,B\n"),
    ).rejects.toMatchObject({ code: "DNIED" });
  });

  it.each([
    ["another person", { name: "name", category_code: "c", user_id: "x" }],
    ["what the server counts", { name: "name", usage_count: "x" }],
    ["a column that is not in the file", { name: "name", color: "nothing" }],
  ])("cannot map %s", async (_what, mapping) => {
    const { id } = await uploadInto(
      world,
      world.shopper,
      "wardrobe_items",
      "name,c,x\nA,tops,1\n",
    );
    await expect(
      startInto(world, world.shopper, id, mapping),
    ).rejects.toMatchObject({ code: "INVAL" });
  });

  it.each([
    ["nothing", "", "NOROW"],
    ["a header alone", "name,category_code\n", "NOROW"],
    ["one column", "name\nA\n", "NODEL"],
    ["a workbook", "PK\u0003\u0004\u0000\u0000", "NOTXT"],
  ])("refuses a file of %s, and leaves nothing", async (_what, file, code) => {
    await expect(
      uploadInto(world, world.shopper, "wardrobe_items", file),
    ).rejects.toMatchObject({ code });
    const { rowCount } = await db.root.query(
      "select from app_public.storage_objects where owner_user_id = $1",
      [world.shopper.userId],
    );
    expect(rowCount).toBe(0);
  });
});

describe("a person's run", () => {
  it("is seen by that person, and by staff without its lines", async () => {
    const run = await importInto(world.shopper, "wardrobe_items", WARDROBE);
    const sees = async (actor: Actor) => ({
      run: (
        await rowsAs(
          actor,
          "select from app_public.import_runs where id = $1",
          [run.id],
        )
      ).length,
      refusals: (
        await rowsAs(
          actor,
          "select from app_public.import_refusals where run_id = $1",
          [run.id],
        )
      ).length,
    });
    expect(await sees(world.shopper)).toEqual({ run: 1, refusals: 2 });
    for (const actor of [world.neighbour, world.owner, world.manager]) {
      expect(await sees(actor)).toEqual({ run: 0, refusals: 0 });
    }
    for (const actor of [world.staffAdmin, world.staffSupport]) {
      expect(await sees(actor)).toEqual({ run: 1, refusals: 0 });
    }

    const files = { app: db.app, files: world.disk };
    const target = () =>
      Promise.resolve({
        table: "wardrobe_items",
        method: "table" as const,
        label: "Wardrobe",
        fields: [],
        keys: [],
        guess: () => ({}),
      });
    expect(
      (await describeImport(files, world.shopper, run.id, target)).sample,
    ).toHaveLength(4);
    for (const actor of [world.neighbour, world.owner, world.staffAdmin]) {
      await expect(
        describeImport(files, actor, run.id, target),
      ).rejects.toMatchObject({ code: "NTFND" });
    }
    await expect(
      findImport(db.app, world.neighbour, run.id),
    ).rejects.toMatchObject({ code: "NTFND" });
  });

  it.each([
    "select app_public.start_import($1, '{}', false)",
    "select app_public.cancel_import($1)",
    "select app_public.resume_import($1)",
    "select app_public.rerun_refused($1)",
  ])("is not there for anybody else: %s", async (sql) => {
    const run = await importInto(world.shopper, "wardrobe_items", WARDROBE);
    for (const actor of [
      world.neighbour,
      world.owner,
      world.staffAdmin,
      // Claims the person, in a role that is not theirs.
      { ...world.staffAdmin, userId: world.shopper.userId },
      { ...world.manager, userId: world.shopper.userId },
    ]) {
      await expect(rowsAs(actor, sql, [run.id])).rejects.toMatchObject({
        code: "NTFND",
      });
    }
    expect(await readRun(world, run.id)).toEqual(run);
  });

  it("runs its refused rows again, as that person", async () => {
    const run = await importInto(
      world.shopper,
      "wardrobe_items",
      "name,category_code\nMonocle,eyewear_test\n",
    );
    expect(outcome(run)).toMatchObject({ created: 0, refused: 1 });
    await db.root.query(
      "insert into app_public.wardrobe_categories (code, label, grp, tracking) select 'eyewear_test', 'Eyewear', grp, tracking from app_public.wardrobe_categories where code = 'tops'",
    );
    const again = await callAs(
      world,
      world.shopper,
      "select * from app_public.rerun_refused($1)",
      [run.id],
    );
    await runImport(runDeps(world), again.id);
    const done = await readRun(world, again.id);
    expect(outcome(done)).toMatchObject({ created: 1, refused: 0 });
    expect(done).toMatchObject({
      user_id: world.shopper.userId,
      requested_role: "closetai_user",
    });
    // No key tells that the row is there already: once is all.
    await expect(
      callAs(
        world,
        world.shopper,
        "select * from app_public.rerun_refused($1)",
        [run.id],
      ),
    ).rejects.toMatchObject({ code: "STATE" });
  });

  it("ends with a sentence when the person was suspended meanwhile", async () => {
    const { id, mapping } = await uploadInto(
      world,
      world.shopper,
      "wardrobe_items",
      WARDROBE,
    );
    await startInto(world, world.shopper, id, mapping);
    await db.root.query(
      "update app_public.users set status = 'suspended' where id = $1",
      [world.shopper.userId],
    );
    await runImport(runDeps(world), id);
    expect(await readRun(world, id)).toMatchObject({
      status: "failed",
      error_code: "DNIED",
      created_count: 0,
    });
    expect(await namesOf(world.shopper)).toEqual([]);
  });
});

describe("an import by staff", () => {
  const slug = () => `import-${world.shopper.userId?.slice(-12)}`;
  const brandNames = async () =>
    (
      await rowsAs(
        world.staffAdmin,
        "select name from app_public.brand_accounts where slug like $1 order by 1",
        [`${slug()}%`],
      )
    ).map(({ name }) => name);

  it("makes brands, changes them by their slug, and refuses row by row", async () => {
    const first = await importInto(
      world.staffAdmin,
      "brand_accounts",
      `slug,name,timezone\n${slug()}-a,Atelier,Europe/Paris\n${slug()}-b,Boutique,Nowhere/Land\nNot A Slug,Bad,UTC\n`,
    );
    expect(first).toMatchObject({
      user_id: world.staffAdmin.userId,
      requested_role: "closetai_staff_admin",
      unique_key: "brand_accounts_slug_key",
    });
    expect(outcome(first)).toEqual({
      created: 1,
      updated: 0,
      unchanged: 0,
      refused: 2,
    });
    expect(
      (await readReasons(world, first)).map((reason) =>
        reason.replace(/ [A-Z]+:.*/, ""),
      ),
    ).toEqual(["3 timezone", "4 slug"]);
    const second = await importInto(
      world.staffAdmin,
      "brand_accounts",
      `slug,name\n${slug()}-a,Atelier Nord\n`,
    );
    expect(outcome(second)).toMatchObject({ created: 0, updated: 1 });
    expect(await brandNames()).toEqual(["Atelier Nord"]);
    // A dry run of two equal slugs says so.
    const dry = await importInto(
      world.staffSupport,
      "brand_accounts",
      `slug,name\n${slug()}-c,C\n${slug()}-c,C again\n`,
      { dryRun: true },
    );
    expect(outcome(dry)).toMatchObject({ created: 1, refused: 1 });
    expect(await brandNames()).toEqual(["Atelier Nord"]);
  });

  it("is told to staff, and its lines to the one who asked", async () => {
    const run = await importInto(
      world.staffAdmin,
      "wardrobe_categories",
      "code,label\n,Nameless\n",
    ).catch((error: unknown) => error);
    // A category needs its group: the mapping is refused before anything runs.
    expect(run).toMatchObject({ code: "INVAL", column: "mapping" });
    const brands = await importInto(
      world.staffAdmin,
      "brand_accounts",
      "slug,name\nNot A Slug,Bad\n",
    );
    const refusals = async (actor: Actor) =>
      (
        await rowsAs(
          actor,
          "select from app_public.import_refusals where run_id = $1",
          [brands.id],
        )
      ).length;
    expect(await refusals(world.staffAdmin)).toBe(1);
    expect(await refusals(world.staffSupport)).toBe(0);
    expect(await refusals(world.shopper)).toBe(0);
    expect(await refusals(world.owner)).toBe(0);
  });

  it.each([
    ["taken away", "delete from app_public.staff_members where user_id = $1"],
    [
      "changed",
      "update app_public.staff_members set role = 'finance' where user_id = $1",
    ],
  ])("ends when the role was %s between upload and run", async (_how, sql) => {
    const { id, mapping } = await uploadInto(
      world,
      world.staffAdmin,
      "brand_accounts",
      `slug,name\n${slug()}-late,Late\n`,
    );
    for (const dryRun of [true, false]) {
      await startInto(world, world.staffSupport, id, mapping, dryRun).then(
        () => expect("another's run").toBe("not there"),
        (error: unknown) => expect(error).toMatchObject({ code: "NTFND" }),
      );
    }
    await startInto(world, world.staffAdmin, id, mapping);
    await db.root.query(sql, [world.staffAdmin.userId]);
    await runImport(runDeps(world), id);
    expect(await readRun(world, id)).toMatchObject({
      status: "failed",
      error_code: "DNIED",
      error_message: expect.stringContaining("no longer has the role"),
      created_count: 0,
    });
    // Nor may the former role resume it.
    await expect(
      callAs(
        world,
        world.staffAdmin,
        "select * from app_public.resume_import($1)",
        [id],
      ),
    ).rejects.toMatchObject({ code: "NTFND" });
    await expect(
      callAs(
        world,
        { ...world.staffAdmin, role: "closetai_user" },
        "select * from app_public.resume_import($1)",
        [id],
      ),
    ).rejects.toMatchObject({ code: "NTFND" });
    const { rowCount } = await db.root.query(
      "select from app_public.brand_accounts where slug = $1",
      [`${slug()}-late`],
    );
    expect(rowCount).toBe(0);
  });

  it("does not go into what the role may not fill", async () => {
    for (const [actor, table] of [
      [world.staffSupport, "staff_members"],
      [world.staffAdmin, "wardrobe_items"],
      [world.staffAdmin, "products"],
      [world.staffAdmin, "users"],
    ] as const) {
      await expect(
        uploadInto(world, actor, table, "user_id,role\nA,B\n"),
      ).rejects.toMatchObject({ code: "DNIED" });
    }
  });
});
