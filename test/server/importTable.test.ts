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

import type { Actor } from "../../server/auth/actor.ts";
import type { ImportRun } from "../../server/import/importRun.ts";
import { type RunDeps, runImport } from "../../server/import/runImport.ts";
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
import { createLooks } from "../helpers/looks.ts";

let db: TestDatabase;
let world: ImportWorld;
beforeAll(async () => {
  db = await createTestDatabase();
  await createLooks(db);
});
beforeEach(async () => {
  world = await makeImportWorld(db);
});
afterEach(() => world.close());
afterAll(() => db.drop());

type Options = {
  mapping?: Record<string, string>;
  key?: string | null;
  dryRun?: boolean;
  deps?: Partial<RunDeps>;
};

const uploaded = (actor: Actor, table: string, content: string) =>
  uploadInto(world, actor, table, content);

const started = (
  actor: Actor,
  runId: string,
  mapping: object,
  { dryRun, key }: Options = {},
): Promise<ImportRun> => startInto(world, actor, runId, mapping, dryRun, key);

async function importInto(
  table: string,
  content: string,
  options: Options = {},
  actor: Actor = world.manager,
): Promise<ImportRun> {
  const { id, mapping } = await uploaded(actor, table, content);
  await started(actor, id, options.mapping ?? mapping, options);
  await runImport({ ...runDeps(world), ...options.deps }, id);
  return readRun(world, id);
}

async function looks(
  brandId = world.brandId,
): Promise<Record<string, unknown>[]> {
  const { rows } = await db.root.query<Record<string, unknown>>(
    `select name, season::text, price_minor, currency, tags, details, featured, rating, starts_on::text,
       published_at at time zone 'UTC' || '' as published_at
     from app_public.looks where brand_id = $1 order by name`,
    [brandId],
  );
  return rows;
}

const reasons = (run: ImportRun) => readReasons(world, run);

const done = (changes: Partial<Record<string, number>>) => ({
  created: 0,
  updated: 0,
  unchanged: 0,
  refused: 0,
  ...changes,
});

const outcome = (run: ImportRun) => {
  const { created, updated, unchanged, refused } = counts(run);
  expect(run).toMatchObject({ status: "completed", error_code: null });
  return { created, updated, unchanged, refused };
};

const LOOKS = `name,season,price_minor,currency,tags,details,featured,rating,starts_on,published_at
Riviera,Spring summer,129900,eur,"linen; beach ;",{"a": [1]},yes,4.5,2026-04-01,2026-04-01T10:00:00+02:00
Alps,autumn_winter,,,"[""wool; thick"", ""snow""]",,0,,,2026-11-01
City,NA,N/A,,,,,,,
`;

describe("an import into a table", () => {
  it("stores each column as its type, and changes nothing the second time", async () => {
    const run = await importInto("looks", LOOKS);
    expect(await reasons(run)).toEqual([]);
    expect(outcome(run)).toEqual(done({ created: 3 }));
    expect(run).toMatchObject({
      target: "looks",
      method: "table",
      unique_key: "looks_brand_id_name_key",
    });
    expect(await looks()).toEqual([
      {
        name: "Alps",
        season: "autumn_winter",
        price_minor: null,
        currency: null,
        tags: ["wool; thick", "snow"],
        details: null,
        featured: false,
        rating: null,
        starts_on: null,
        published_at: "2026-11-01 00:00:00",
      },
      {
        name: "City",
        season: null,
        price_minor: null,
        currency: null,
        tags: [],
        details: null,
        featured: false,
        rating: null,
        starts_on: null,
        published_at: null,
      },
      {
        name: "Riviera",
        season: "spring_summer",
        price_minor: "129900",
        currency: "eur",
        tags: ["linen", "beach"],
        details: { a: [1] },
        featured: true,
        rating: "4.50",
        starts_on: "2026-04-01",
        published_at: "2026-04-01 08:00:00",
      },
    ]);
    expect(outcome(await importInto("looks", LOOKS))).toEqual(
      done({ unchanged: 3 }),
    );
  });

  it("changes what the file says and keeps what it does not", async () => {
    await importInto("looks", LOOKS);
    const run = await importInto(
      "looks",
      "name,season,tags,featured\nRiviera,,new,\nCity,autumn_winter,,true\n",
    );
    expect(outcome(run)).toEqual(done({ updated: 2 }));
    expect(await looks()).toMatchObject([
      { name: "Alps" },
      { name: "City", season: "autumn_winter", featured: true },
      // An empty cell clears what may be empty, and keeps what may not.
      { season: null, tags: ["new"], featured: true, price_minor: "129900" },
    ]);
  });

  it("tells for each refused row the field and a sentence, and stores the others", async () => {
    const { rows } = await db.root.query<{ id: string }>(
      "insert into app_public.products (brand_id, sku, name, category_code) values ($1, 'X', 'X', 'tops') returning id",
      [world.otherBrandId],
    );
    const foreign = rows[0]?.id ?? "";
    const run = await importInto(
      "looks",
      [
        "name,season,price_minor,currency,tags,details,featured,rating,starts_on,published_at,product_id",
        "Good,,,,,,,,,,",
        ",,,,,,,,,,x",
        "A,winter,,,,,,,,,",
        "B,,1.5,,,,,,,,",
        "C,,99999999999999999999,,,,,,,,",
        "D,,100,,,,,,,,",
        "E,,100,xxx,,,,,,,",
        'F,,,,"[1,",,,,,,',
        "G,,,,,{x,,,,,",
        "H,,,,,,maybe,,,,",
        'I,,,,,,,"4,5",,,',
        "J,,,,,,,6,,,",
        "K,,,,,,,,01/02/2026,,",
        "L,,,,,,,,2026-02-30,,",
        "M,,,,,,,,,today,",
        "N,,,,,,,,,,1163",
        `O,,,,,,,,,,${foreign}`,
        `${"P".repeat(81)},,,,,,,,,,`,
        "Good,,,,,,,,,,",
        "Q,,",
        "R,,,,,,,,,,,",
        "S,,,,,,,1e5,,,",
        "\u0007T,,,,,,,,,,",
        "Last,,,,,,,,,,",
      ].join("\n"),
    );
    expect(await reasons(run)).toEqual([
      "3 name EMPTY: No name",
      "4 season INVAL: “winter” is none of: spring_summer, autumn_winter",
      "5 price_minor INVAL: “1.5” is not a whole number",
      "6 price_minor INVAL: “99999999999999999999” is too large",
      "7 currency INVAL: A price needs a currency, and a currency a price",
      "8 currency NTFND: There is no such currency",
      "9 tags INVAL: “[1,” is not a list: write a;b;c",
      "10 details INVAL: “{x” is not JSON",
      "11 featured INVAL: “maybe” is neither yes nor no",
      "12 rating INVAL: “4,5” is not a number: write 1299.50",
      "13 rating INVAL: The rating is not one the table accepts",
      "14 starts_on INVAL: “01/02/2026” is not a date: write 2026-12-31",
      "15 starts_on INVAL: “2026-02-30” is not in the calendar",
      "16 published_at INVAL: “today” is not a time: write 2026-12-31T18:30:00Z",
      "17 product_id INVAL: “1163” is not an id",
      // Another brand's product is not there.
      "18 product_id NTFND: There is no such product",
      "19 name INVAL: The name has 80 characters at most",
      "20 name TWICE: Line 2 of this file already has the same name",
      "21 row SHORT: 3 fields where the header has 11: the line is cut off, or a delimiter is missing",
      "22 row LONGR: 12 fields where the header has 11: a text that contains the delimiter may lack its quotes",
      "23 rating INVAL: “1e5” is too large",
      "24 name INVAL: The text contains control characters",
    ]);
    expect(outcome(run)).toEqual(done({ created: 2, refused: 22 }));
    expect((await looks()).map(({ name }) => name)).toEqual(["Good", "Last"]);
  });

  it("counts in a dry run what it would do, and writes nothing", async () => {
    await importInto("looks", LOOKS);
    const before = await looks();
    const file = `${LOOKS.replace("129900", "99900")}Neon,,,,,,,,,\nBad,winter,,,,,,,,\n`;
    const { id, mapping } = await uploaded(world.manager, "looks", file);
    await started(world.manager, id, mapping, { dryRun: true });
    await runImport({ ...runDeps(world), batchSize: 2 }, id);
    expect(outcome(await readRun(world, id))).toEqual(
      done({ created: 1, updated: 1, unchanged: 2, refused: 1 }),
    );
    expect(await looks()).toEqual(before);
    // The same run, for real.
    await started(world.manager, id, mapping);
    await runImport({ ...runDeps(world), batchSize: 2 }, id);
    expect(outcome(await readRun(world, id))).toEqual(
      done({ created: 1, updated: 1, unchanged: 2, refused: 1 }),
    );
    expect(await looks()).toHaveLength(4);
  });

  it("does not touch another brand's record with the same key", async () => {
    await importInto("looks", LOOKS, {}, world.stranger);
    const theirs = await looks(world.otherBrandId);
    const run = await importInto("looks", LOOKS.replace("129900", "1"));
    expect(outcome(run)).toEqual(done({ created: 3 }));
    expect(await looks(world.otherBrandId)).toEqual(theirs);
    const { rows } = await db.root.query<{ id: string }>(
      "select id from app_public.looks where brand_id = $1 order by name",
      [world.otherBrandId],
    );
    // By its id neither: to this brand it is not there.
    const again = await importInto(
      "looks",
      `id,name\n${rows[0]?.id},Stolen\n`,
      { key: "looks_pkey" },
    );
    expect(await reasons(again)).toEqual([
      "2 id NTFND: There is no record with this id",
    ]);
    expect(await looks(world.otherBrandId)).toEqual(theirs);
  });

  it("finds records by their id, and says which fields cannot change", async () => {
    await importInto("looks", LOOKS);
    const { rows } = await db.root.query<{ id: string }>(
      "select id from app_public.looks where brand_id = $1 order by name",
      [world.brandId],
    );
    const [alps, city, riviera] = rows.map(({ id }) => id);
    const run = await importInto(
      "looks",
      `id,name,featured\n${alps},Alps,1\n${city},Town,\n,Fresh,\n${riviera},Riviera,1\n`,
      { key: "looks_pkey" },
    );
    expect(await reasons(run)).toEqual([
      "3 name INVAL: The name of a record cannot be changed",
    ]);
    expect(outcome(run)).toEqual(
      done({ created: 1, updated: 1, unchanged: 1, refused: 1 }),
    );
    expect((await looks()).map(({ name }) => name)).toEqual([
      "Alps",
      "City",
      "Fresh",
      "Riviera",
    ]);
  });

  it("makes a record of every row where no key is wanted", async () => {
    const file = "name,season\nOne,\nOne,\n";
    const run = await importInto("looks", file, { key: "none" });
    // The unique rule of the table still holds.
    expect(await reasons(run)).toEqual([
      "3 name TAKEN: Another record already has this name",
    ]);
    expect(outcome(run)).toEqual(done({ created: 1, refused: 1 }));
  });

  it("gives every row the same value where the mapping says so", async () => {
    const run = await importInto("looks", "title,p\nA,100\nB,200\n", {
      mapping: { name: "title", price_minor: "p", currency: "=eur" },
    });
    expect(outcome(run)).toEqual(done({ created: 2 }));
    expect(await looks()).toMatchObject([
      { currency: "eur" },
      { currency: "eur" },
    ]);
  });

  it("goes on after a cancellation, in whole batches", async () => {
    const names = Array.from({ length: 25 }, (_, at) => `Look ${at},`);
    const { id, mapping } = await uploaded(
      world.manager,
      "looks",
      `name,season\n${names.join("\n")}\n`,
    );
    await started(world.manager, id, mapping);
    await runImport(
      {
        ...runDeps(world),
        batchSize: 10,
        onProgress: async (run) => {
          if (run.processed_rows !== 10) return;
          await callAs(
            world,
            world.manager,
            "select * from app_public.cancel_import($1)",
            [id],
          );
        },
      },
      id,
    );
    expect(await looks()).toHaveLength(10);
    await callAs(
      world,
      world.manager,
      "select * from app_public.resume_import($1)",
      [id],
    );
    await runImport({ ...runDeps(world), batchSize: 10 }, id);
    expect(outcome(await readRun(world, id))).toEqual(done({ created: 25 }));
  });

  it("runs its refused rows again, into the same table by the same key", async () => {
    const run = await importInto(
      "looks",
      "name,price_minor,currency\nA,100,xyz\n",
    );
    expect(await reasons(run)).toEqual([
      "2 currency NTFND: There is no such currency",
    ]);
    await db.root.query(
      "insert into app_public.currencies (code, label, exponent) values ('xyz', 'Xyz', 2)",
    );
    const again = await callAs(
      world,
      world.owner,
      "select * from app_public.rerun_refused($1)",
      [run.id],
    );
    await runImport(runDeps(world), again.id);
    expect(outcome(await readRun(world, again.id))).toEqual(
      done({ created: 1 }),
    );
  });
});

/** The same file, first dry and then for real, in batches of two rows. */
async function dryAndReal(
  table: string,
  content: string,
  options: Options = {},
): Promise<{ dry: unknown; real: unknown }> {
  const { id, mapping } = await uploaded(world.manager, table, content);
  const outcomes = [];
  for (const dryRun of [true, false]) {
    await started(world.manager, id, options.mapping ?? mapping, {
      ...options,
      dryRun,
    });
    await runImport({ ...runDeps(world), batchSize: 2, ...options.deps }, id);
    const run = await readRun(world, id);
    outcomes.push({ ...outcome(run), reasons: await reasons(run) });
  }
  return { dry: outcomes[0], real: outcomes[1] };
}

describe("a dry run", () => {
  it("refuses what an earlier batch has taken, as the run will", async () => {
    const { dry, real } = await dryAndReal(
      "looks",
      "name,season\nOne,\nTwo,\nThree,\nOne,\nFour,\nTwo,\n",
      { key: "none" },
    );
    expect(dry).toEqual({
      ...done({ created: 4, refused: 2 }),
      reasons: [
        "5 name TAKEN: Another record already has this name",
        "7 name TAKEN: Another record already has this name",
      ],
    });
    expect(real).toEqual(dry);
    expect(await looks()).toHaveLength(4);
  });

  it("finds the record that an earlier batch made, by a key that is written otherwise", async () => {
    await db.owner.query(`
      create table app_public.sizes (
        brand_id uuid not null constraint sizes_brand_id_fkey references app_public.brand_accounts (id),
        size integer not null,
        label text,
        constraint sizes_pkey primary key (brand_id, size)
      );
      call app_private.close_table('app_public.sizes');
      create policy fence_brand on app_public.sizes as restrictive for all to closetai_viewer
        using (brand_id = (select app_hidden.current_brand_id()))
        with check (brand_id = (select app_hidden.current_brand_id()));
      create policy select_brand on app_public.sizes for select to closetai_viewer using (true);
      create policy insert_brand on app_public.sizes for insert to closetai_manager with check (true);
      create policy update_brand on app_public.sizes for update to closetai_manager using (true) with check (true);
      grant select on app_public.sizes to closetai_viewer;
      grant insert (brand_id, size, label), update (label) on app_public.sizes to closetai_manager;
    `);
    try {
      const { dry, real } = await dryAndReal(
        "sizes",
        "size,label\n36,small\n38,medium\n36.0,petite\n40,large\n",
      );
      expect(dry).toEqual({
        ...done({ created: 3, updated: 1 }),
        reasons: [],
      });
      expect(real).toEqual(dry);
    } finally {
      await db.owner.query("drop table app_public.sizes");
    }
  });

  it("tells how far it is and can be cancelled, while nothing of it is to be seen", async () => {
    const { id, mapping } = await uploaded(
      world.manager,
      "looks",
      `name,season\n${Array.from({ length: 9 }, (_, at) => `Look ${at},`).join("\n")}\n`,
    );
    await started(world.manager, id, mapping, { dryRun: true });
    const seen: number[] = [];
    await runImport(
      {
        ...runDeps(world),
        batchSize: 2,
        onProgress: async ({ processed_rows }) => {
          const run = await readRun(world, id);
          expect(run.processed_rows).toBe(processed_rows);
          expect(await looks()).toEqual([]);
          seen.push(processed_rows);
          if (processed_rows !== 4) return;
          await callAs(
            world,
            world.manager,
            "select * from app_public.cancel_import($1)",
            [id],
          );
        },
      },
      id,
    );
    expect(seen).toEqual([0, 2, 4]);
    expect(await readRun(world, id)).toMatchObject({
      status: "cancelled",
      created_count: 4,
    });
    // It goes on after nothing, and so begins again.
    await callAs(
      world,
      world.manager,
      "select * from app_public.resume_import($1)",
      [id],
    );
    await runImport({ ...runDeps(world), batchSize: 2 }, id);
    expect(outcome(await readRun(world, id))).toEqual(done({ created: 9 }));
    expect(await looks()).toEqual([]);
  });

  it("begins again when a lock was in its way, and counts nothing twice", async () => {
    await importInto("looks", "name,season\nA,\nB,\nC,\n");
    const { id, mapping } = await uploaded(
      world.manager,
      "looks",
      "name,featured\nNew,\n,yes\nA,yes\nB,yes\nC,yes\n",
    );
    await started(world.manager, id, mapping, { dryRun: true });
    const other = await db.root.connect();
    try {
      const seen: number[] = [];
      await runImport(
        {
          ...runDeps(world),
          batchSize: 2,
          onProgress: async ({ processed_rows }) => {
            seen.push(processed_rows);
            if (seen.length === 2) {
              // Longer than anybody waits for a lock.
              await other.query("begin");
              await other.query(
                "update app_public.looks set rating = 1 where name = 'B' and brand_id = $1",
                [world.brandId],
              );
              void sleep(2_500).then(() => other.query("commit"));
            }
          },
        },
        id,
      );
      expect(seen.filter((rows) => rows === 2).length).toBeGreaterThan(1);
    } finally {
      other.release();
    }
    const run = await readRun(world, id);
    expect(outcome(run)).toEqual(done({ created: 1, updated: 3, refused: 1 }));
    expect(await reasons(run)).toEqual(["3 name EMPTY: No name"]);
  });
});

describe("the tables of the product", () => {
  it("category mappings are found whatever the case of their label", async () => {
    const first = await importInto(
      "category_mappings",
      "label,category_code\nSandals,heels\nMugs,\nHats,nonsense\n",
    );
    expect(await reasons(first)).toEqual([
      "4 category_code NTFND: There is no such category",
    ]);
    expect(outcome(first)).toEqual(done({ created: 2, refused: 1 }));
    expect(first.unique_key).toBe("category_mappings_brand_id_label_key");
    const second = await importInto(
      "category_mappings",
      "label,category_code\nsandals,heels\nmugs,\nMUGS,tops\n",
    );
    expect(await reasons(second)).toEqual([
      "4 label TWICE: Line 3 of this file already has the same label",
    ]);
    // Their labels are written differently now.
    expect(outcome(second)).toEqual(done({ updated: 2, refused: 1 }));
  });

  it("products go by their columns when they are not read as a catalogue", async () => {
    const file =
      'sku,name,category_code,price_minor,currency,tags,active\nP1,Shirt,tops,1299,eur,"a;b",true\nP2,Coat,jackets,,,,false\nP3,Tie,ties,,,,\n';
    const run = await importInto("products", file);
    expect(await reasons(run)).toEqual([
      "4 category_code NTFND: There is no such category",
    ]);
    expect(run).toMatchObject({
      method: "table",
      unique_key: "products_brand_id_sku_key",
    });
    expect(outcome(run)).toEqual(done({ created: 2, refused: 1 }));
    expect(outcome(await importInto("products", file))).toEqual(
      done({ unchanged: 2, refused: 1 }),
    );
  });
});

describe("who may import into a table", () => {
  it.each([
    ["viewer", "42501"],
    ["analyst", "42501"],
    ["shopper", "DNIED"],
    ["staffAdmin", "DNIED"],
  ] as const)("not a %s into a brand's", async (who, code) => {
    await expect(uploaded(world[who], "looks", LOOKS)).rejects.toMatchObject({
      code,
    });
  });

  it.each([
    ["a table of no brand", "wardrobe_categories"],
    ["a table that members may not insert into", "import_runs"],
    ["a view or nothing", "nothing_here"],
    ["a name that is SQL", 'looks"; drop table app_public.looks; --'],
  ])("nobody into %s", async (_what, table) => {
    await expect(uploaded(world.owner, table, LOOKS)).rejects.toMatchObject({
      code: "DNIED",
    });
  });

  it.each([
    ["a column that is not granted", { name: "name", secret: "season" }],
    ["the column of the brand", { name: "name", brand_id: "season" }],
    ["what the database writes", { name: "name", created_at: "season" }],
    ["a name that is SQL", { name: "name", "id) select 1; --": "season" }],
    ["a column the file has not", { name: "name", season: "nothing" }],
    ["nothing", {}],
    ["less than what a record needs", { season: "season" }],
  ])("a mapping of %s is refused", async (_what, mapping) => {
    const { id } = await uploaded(world.manager, "looks", LOOKS);
    await expect(started(world.manager, id, mapping)).rejects.toMatchObject({
      code: "INVAL",
    });
  });

  it("a key that is none of the table's is refused", async () => {
    const { id } = await uploaded(world.manager, "looks", LOOKS);
    for (const key of ["products_pkey", "looks_name_check", "'; --"]) {
      await expect(
        started(world.manager, id, { name: "name" }, { key }),
      ).rejects.toMatchObject({ code: "INVAL", column: "unique_key" });
    }
    await expect(
      started(world.manager, id, { name: "=same" }),
    ).rejects.toMatchObject({ code: "INVAL" });
  });

  it("a right that was taken back meanwhile ends the run", async () => {
    const { id, mapping } = await uploaded(world.manager, "looks", LOOKS);
    await started(world.manager, id, mapping);
    await db.owner.query(
      "revoke insert (rating) on app_public.looks from closetai_manager",
    );
    try {
      await expect(runImport(runDeps(world), id)).rejects.toMatchObject({
        code: "DNIED",
      });
    } finally {
      await db.owner.query(
        "grant insert (rating) on app_public.looks to closetai_manager",
      );
    }
    expect(await looks()).toEqual([]);
  });

  it("a policy that refuses a row refuses that row", async () => {
    await db.owner.query(
      "create policy no_secrets on app_public.looks as restrictive for insert to closetai_manager with check (name <> 'Forbidden')",
    );
    try {
      const run = await importInto(
        "looks",
        "name,season\nFine,\nForbidden,\nAlso fine,\n",
      );
      expect(await reasons(run)).toEqual([
        "3 row DNIED: You may not store this record",
      ]);
      expect(outcome(run)).toEqual(done({ created: 2, refused: 1 }));
    } finally {
      await db.owner.query("drop policy no_secrets on app_public.looks");
    }
  });

  it("names of columns and texts that are SQL stay names and texts", async () => {
    await db.owner.query(`
      alter table app_public.looks add column "bad"") values (1); drop table app_public.looks; --" text;
      grant insert ("bad"") values (1); drop table app_public.looks; --"),
        update ("bad"") values (1); drop table app_public.looks; --") on app_public.looks to closetai_manager;
    `);
    const column = `bad") values (1); drop table app_public.looks; --`;
    const header = `x') drop table app_public.looks --`;
    const file = (value: string) =>
      `name,"${header}"\n"'; drop table app_public.looks; --","${value}"\n`;
    const mapping = { name: "name", [column]: header };
    const run = await importInto("looks", file("$1 %I %s"), { mapping });
    expect(outcome(run)).toEqual(done({ created: 1 }));
    const again = await importInto("looks", file("$$;"), { mapping });
    expect(outcome(again)).toEqual(done({ updated: 1 }));
    const { rows } = await db.root.query<Record<string, string>>(
      "select * from app_public.looks where brand_id = $1",
      [world.brandId],
    );
    expect(rows[0]).toMatchObject({
      name: "'; drop table app_public.looks; --",
      [column]: "$$;",
    });
  });
});
