import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
} from "../helpers/database.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { makeWorld, type World } from "./twoBrands.ts";

/**
 * A filter on a relation reads other rows than those it answers with. It reads
 * them as the caller: what a brand cannot see neither exists nor is missing.
 * Categories are everybody's; which of them have products is each brand's own.
 */

let db: TestDatabase;
let api: TestApi;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase();
  world = await makeWorld(db);
  api = await makeTestApi(db);
});

afterAll(async () => {
  await api?.close();
  await db?.drop();
});

const FOUR = ["bottoms", "dresses", "jackets", "tops"];

/** Which of the four categories that anybody's products are in. */
async function categories(
  actor: TestActor,
  filter: Record<string, unknown>,
): Promise<string[]> {
  const { data, errors } = await api.execute<{
    wardrobeCategories: { nodes: { code: string }[] };
  }>(
    actor,
    `query ($filter: WardrobeCategoryFilter) {
      wardrobeCategories(filter: $filter, orderBy: CODE_ASC) { nodes { code } }
    }`,
    { filter: { code: { in: FOUR }, ...filter } },
  );
  expect(errors).toBeUndefined();
  return data?.wardrobeCategories.nodes.map(({ code }) => code) ?? [];
}

describe("a filter on related rows", () => {
  it("counts the caller's own brand only, whether they exist or not", async () => {
    const { lumiere, northside, staff } = world;
    const has = { productsByCategoryCodeExist: true };
    const hasNot = { productsByCategoryCodeExist: false };
    expect(await categories(lumiere.viewer, has)).toEqual(["dresses", "tops"]);
    expect(await categories(lumiere.viewer, hasNot)).toEqual([
      "bottoms",
      "jackets",
    ]);
    expect(await categories(northside.viewer, has)).toEqual([
      "bottoms",
      "jackets",
    ]);
    expect(await categories(staff, has)).toEqual(FOUR);
  });

  it.each([
    ["some", { some: { sku: { startsWith: "N" } } }, []],
    ["none", { none: { sku: { startsWith: "N" } } }, FOUR],
    ["every", { every: { sku: { startsWith: "L" } } }, FOUR],
  ])("is no oracle of another brand's by %s", async (_name, asked, found) => {
    expect(
      await categories(world.lumiere.viewer, { productsByCategoryCode: asked }),
    ).toEqual(found);
    // The rows are there: the other brand's own question finds them.
    expect(
      await categories(world.northside.viewer, {
        productsByCategoryCode: { some: { sku: { startsWith: "N" } } },
      }),
    ).toEqual(["bottoms", "jackets"]);
  });

  it("is no oracle of another brand through two relations", async () => {
    const throughBrand = (slug: string) => ({
      productsByCategoryCode: {
        some: { brand: { slug: { equalTo: slug } } },
      },
    });
    expect(
      await categories(world.lumiere.viewer, throughBrand("northside-denim")),
    ).toEqual([]);
    expect(
      await categories(world.lumiere.viewer, throughBrand("maison-lumiere")),
    ).toEqual(["dresses", "tops"]);
  });

  it("is refused on a table the role has no right to read", async () => {
    const { data, errors } = await api.execute(
      world.lumiere.viewer,
      `{ wardrobeCategories(filter: {wardrobeItemsByCategoryCodeExist: true}) { nodes { code } } }`,
    );
    expect(errors?.[0]?.extensions.code).toBe("DNIED");
    expect(data?.["wardrobeCategories"] ?? null).toBeNull();
  });
});
