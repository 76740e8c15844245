import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { RaRecord } from "ra-core";
import { makeDataProvider, resourcesFromCatalog } from "ra-data-postgraphile";

import { Catalogs } from "../../server/catalog/Catalogs.ts";
import { catalogPlugins } from "../../server/catalog/plugins.ts";
import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
} from "../helpers/database.ts";
import { buildProduct } from "../helpers/factories.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { makeWorld, type World } from "./twoBrands.ts";

let db: TestDatabase;
let api: TestApi;
let world: World;
let catalogs: Catalogs;

beforeAll(async () => {
  db = await createTestDatabase();
  world = await makeWorld(db);
  const client = await db.root.connect();
  try {
    await buildProduct(client, {
      brand_id: world.lumiere.id,
      sku: "LX-0292",
      name: "Silk dresses",
      category_code: "dresses",
      tags: [],
    });
  } finally {
    client.release();
  }
  api = await makeTestApi(db, { plugins: catalogPlugins });
  catalogs = new Catalogs(db.root, () => api.schema);
});

afterAll(async () => {
  await api?.close();
  await db?.drop();
});

/** What the admin's search box finds, of products, for this caller. */
async function find(actor: TestActor, q: string): Promise<string[]> {
  const served = await catalogs.of(actor.role);
  if (served === null) throw new Error(`No catalogue for ${actor.role}`);
  const resources = resourcesFromCatalog(
    JSON.parse(served.json.toString("utf8")) as unknown,
  );
  const provider = makeDataProvider({
    resources,
    graphqlFetch: async ({ query, variables }) => {
      const { status, data, errors } = await api.execute(
        actor,
        query,
        variables,
      );
      return { status, body: { data, ...(errors ? { errors } : {}) } };
    },
  });
  const { data } = await provider.getList<RaRecord>("products", {
    filter: { q },
    sort: { field: "sku", order: "ASC" },
    pagination: { page: 1, perPage: 25 },
    meta: { columns: ["sku"] },
  });
  return data.map((row) => String(row["sku"]));
}

describe("full-text search in a list", () => {
  it("is what the catalogue says of a table whose tag names a function", async () => {
    for (const role of ["closetai_viewer", "closetai_staff_admin"]) {
      const products = (await catalogs.of(role))?.catalog.resources.find(
        ({ name }) => name === "products",
      );
      expect(products?.schema.search).toEqual({
        by: "filter",
        field: "search",
        operator: "matches",
      });
    }
    expect(await catalogs.faults()).toEqual([]);
  });

  it.each([
    ["a word", "linen", ["L2"]],
    ["another form of the word", "shirts", ["L2"]],
    ["the beginning of a word", "blou", ["L1"]],
    ["two words in any order", "dress evening", ["L3"]],
    ["a SKU", "l1", ["L1"]],
    ["either of two", "silk or linen", ["L1", "L2", "LX-0292"]],
    ["the beginning of a SKU with a dash", "lx-02", ["LX-0292"]],
    ["a SKU with a dash", "LX-0292", ["LX-0292"]],
    ["a word without another", "silk -dress", ["L1"]],
    ["a word without another form of one", "silk -dresses", ["L1"]],
    ["a word without a phrase", 'silk -"evening dress"', ["L1", "LX-0292"]],
    ["a phrase", '"evening dress"', ["L3"]],
    ["a phrase the other way round", '"dress evening"', []],
    ["nothing that is there", "velvet", []],
  ])("finds by %s", async (_what, words, skus) => {
    expect(await find(world.lumiere.viewer, words)).toEqual(skus);
  });

  it("never finds another brand's; staff find everybody's", async () => {
    expect(await find(world.lumiere.owner, "jeans")).toEqual([]);
    expect(await find(world.northside.viewer, "jeans")).toEqual(["N1"]);
    expect(await find(world.staff, "jeans")).toEqual(["N1"]);
    expect(
      await find(
        { ...world.northside.viewer, brandId: world.lumiere.id },
        "jeans",
      ),
    ).toEqual([]);
  });

  it.each([
    "'",
    "''):*",
    "a' & 'b",
    ":*",
    "!!(",
    "\\",
    "% _",
    '"',
    "🧥",
    "-",
    "<->",
    '-"',
    "-'a",
    "a -",
    "--",
    "or",
    'x" -"y',
    "\\'",
  ])("takes %j as words", async (words) => {
    await expect(find(world.lumiere.viewer, words)).resolves.toEqual(
      expect.any(Array),
    );
  });

  it("the function alone tells a role without a person or a brand nothing of drafts", async () => {
    const client = await db.root.connect();
    try {
      await client.query("begin");
      await client.query(
        "update app_public.products set active = false where sku = 'N1'",
      );
      const count = async (role: string) => {
        await client.query(`set local role ${role}`);
        const { rows } = await client.query<{ found: number }>(
          "select count(*)::integer as found from app_hidden.matching_products('jeans')",
        );
        await client.query("reset role");
        return rows[0]?.found;
      };
      expect(await count("closetai_viewer")).toBe(0);
      expect(await count("closetai_user")).toBe(0);
      expect(await count("closetai_anonymous")).toBe(0);
      expect(await count("closetai_staff_support")).toBe(1);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});
