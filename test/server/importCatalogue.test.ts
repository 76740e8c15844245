import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";

import { runImport } from "../../server/import/runImport.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  callAs,
  counts,
  importFile,
  type ImportWorld,
  makeImportWorld,
  readCatalogue,
  readProducts,
  readRefusals,
  readRun,
  runDeps,
} from "../helpers/imports.ts";

let db: TestDatabase;
let world: ImportWorld;
beforeAll(async () => {
  db = await createTestDatabase();
});
beforeEach(async () => {
  world = await makeImportWorld(db);
});
afterAll(async () => {
  world.close();
  await db.drop();
});

// What the issue of categories says, written down once more and apart from the
// product, so that a slip in its table shows.
const CATEGORY_OF: Readonly<Record<string, string>> = {
  Tshirts: "tops",
  Shirts: "tops",
  Tops: "tops",
  Sweatshirts: "tops",
  Jackets: "jackets",
  "Track Pants": "bottoms",
  Shorts: "bottoms",
  Capris: "bottoms",
  Trousers: "bottoms",
  Dresses: "dresses",
  Backpacks: "bags",
  Handbags: "bags",
  "Duffel Bag": "bags",
  Caps: "hats",
  Heels: "heels",
  "Casual Shoes": "sneakers",
  "Sports Shoes": "sneakers",
};

/** The real file has no quote in it, so a split is a whole parser. */
function readSimply(text: string): Record<string, string>[] {
  expect(text).not.toContain('"');
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const names = header.split(",");
  return lines.map((line) =>
    Object.fromEntries(
      line.split(",").map((value, index) => [names[index] ?? "", value]),
    ),
  );
}

describe("the real catalogue", () => {
  it("gives the products and refusals that the file itself says", async () => {
    const file = readCatalogue();
    const rows = readSimply(file.toString("utf8"));
    const expected = rows.flatMap((row) => {
      const category = CATEGORY_OF[row["articleType"] ?? ""];
      return category === undefined ? [] : [{ ...row, category }];
    });
    const perCategory: Record<string, number> = {};
    for (const { category } of expected) {
      perCategory[category] = (perCategory[category] ?? 0) + 1;
    }
    expect(perCategory).toEqual({
      tops: 652,
      jackets: 11,
      bottoms: 62,
      dresses: 9,
      bags: 71,
      hats: 15,
      heels: 37,
      sneakers: 129,
    });

    const run = await importFile(world, world.owner, file);

    expect(run.outcome).toBe("completed");
    expect(counts(run)).toEqual({
      total: 1099,
      processed: 1099,
      created: 986,
      updated: 0,
      unchanged: 0,
      refused: 113,
    });
    const value = (text: string | undefined): string | null =>
      text === undefined || text === "" || text === "NA" ? null : text;
    expect(await readProducts(world)).toEqual(
      expected
        .map((row: Record<string, string>) => ({
          sku: row["id"] ?? "",
          name: row["productDisplayName"]?.trim(),
          category_code: row["category"],
          brand_label: null,
          gender: value(row["gender"]),
          color: value(row["baseColour"]),
          season: value(row["season"]),
          year: Number(row["year"]),
          usage: value(row["usage"]),
          tags: [],
          price_minor: null,
          currency: null,
        }))
        .sort((a, b) => (a.sku < b.sku ? -1 : 1)),
    );
    const refusals = await readRefusals(world, run.id);
    expect(refusals.map((refusal) => refusal.reason)).toEqual(
      rows.flatMap((row) =>
        CATEGORY_OF[row["articleType"] ?? ""] === undefined
          ? [
              `${row["masterCategory"]} / ${row["articleType"]}: no try-on category`,
            ]
          : [],
      ),
    );
    expect(new Set(refusals.map((refusal) => refusal.code))).toEqual(
      new Set(["NOMAP"]),
    );
    // Line numbers are those of the file: line 1 is the header.
    const lines = file.toString("utf8").split("\n");
    for (const refusal of refusals) {
      expect(lines[refusal.line_no - 1]).toBe(refusal.fields.join(","));
    }
  });

  it("changes nothing when it is imported again, and says so", async () => {
    const file = readCatalogue();
    await importFile(world, world.owner, file);
    const before = await db.root.query(
      "select * from app_public.products where brand_id = $1 order by id",
      [world.brandId],
    );
    const run = await importFile(world, world.manager, file);
    expect(counts(run)).toMatchObject({
      created: 0,
      updated: 0,
      unchanged: 986,
      refused: 113,
    });
    const after = await db.root.query(
      "select * from app_public.products where brand_id = $1 order by id",
      [world.brandId],
    );
    expect(after.rows).toEqual(before.rows);
  });

  it("imports the refused rows once their label has a category", async () => {
    const run = await importFile(world, world.owner, readCatalogue());
    const { rows: labels } = await db.root.query<{
      label: string;
      row_count: number;
    }>(
      "select u.* from app_public.import_runs r, app_public.import_runs_unmapped_labels(r) u where r.id = $1",
      [run.id],
    );
    expect(labels[0]).toMatchObject({ label: "Sandals", row_count: 26 });
    expect(labels.reduce((sum, { row_count: rows }) => sum + rows, 0)).toBe(
      113,
    );
    await callAs(
      world,
      world.manager,
      "select * from app_public.set_category_mapping($1, $2)",
      ["sandals", "heels"],
    );
    const again = await callAs(
      world,
      world.manager,
      "select * from app_public.rerun_refused($1)",
      [run.id],
    );
    expect(again).toMatchObject({ rerun_of: run.id, status: "queued" });
    await runImport(runDeps(world), again.id);
    const rerun = await readRun(world, again.id);
    expect(counts(rerun)).toEqual({
      total: 113,
      processed: 113,
      created: 26,
      updated: 0,
      unchanged: 0,
      refused: 87,
    });
    const products = await readProducts(world);
    expect(products).toHaveLength(986 + 26);
    expect(
      products.filter((product) => product["category_code"] === "heels"),
    ).toHaveLength(37 + 26);
  });
});
