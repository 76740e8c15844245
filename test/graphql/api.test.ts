import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
} from "../helpers/database.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { makeWorld, type World } from "./twoBrands.ts";

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

/** Data of an answer that must have no error. */
async function data<Data>(
  actor: TestActor,
  query: string,
  variables?: Record<string, unknown>,
): Promise<Data> {
  const answer = await api.execute<Data>(actor, query, variables);
  expect(answer.errors).toBeUndefined();
  if (answer.data == null) throw new Error(answer.text);
  return answer.data;
}

type Names = { products: { nodes: { name: string }[]; totalCount: number } };
const namesOf = ({ products }: Names) => products.nodes.map(({ name }) => name);

async function productId(sku: string): Promise<string> {
  const { rows } = await db.root.query<{ id: string }>(
    "select id from app_public.products where sku = $1",
    [sku],
  );
  return rows[0]?.id ?? "";
}

describe("products", () => {
  const LIST = `query List($filter: ProductFilter, $orderBy: [ProductOrderBy!]) {
    products(filter: $filter, orderBy: $orderBy) { nodes { name } totalCount }
  }`;

  it("a viewer of each brand sees the products of that brand only", async () => {
    const orderBy = ["SKU_ASC"];
    expect(
      namesOf(await data<Names>(world.lumiere.viewer, LIST, { orderBy })),
    ).toEqual(["Silk blouse", "Linen shirt", "Evening dress"]);
    expect(
      namesOf(await data<Names>(world.northside.viewer, LIST, { orderBy })),
    ).toEqual(["Straight jeans", "Trucker jacket"]);
    const all = await data<Names>(world.staff, LIST, { orderBy });
    expect(all.products.totalCount).toBe(5);
  });

  it("a viewer can order by price, either way", async () => {
    const ordered = async (orderBy: string) =>
      namesOf(
        await data<Names>(world.lumiere.viewer, LIST, { orderBy: [orderBy] }),
      );
    expect(await ordered("PRICE_MINOR_ASC")).toEqual([
      "Linen shirt",
      "Silk blouse",
      "Evening dress",
    ]);
    expect(await ordered("PRICE_MINOR_DESC")).toEqual([
      "Evening dress",
      "Silk blouse",
      "Linen shirt",
    ]);
  });

  it.each([
    [{ name: { includesInsensitive: "BLOUSE" } }, ["Silk blouse"]],
    [{ categoryCode: { in: ["dresses", "hats"] } }, ["Evening dress"]],
    [{ priceMinor: { greaterThan: "8000" } }, ["Silk blouse", "Evening dress"]],
    [{ tags: { contains: ["new"] } }, ["Silk blouse", "Evening dress"]],
    [{ tags: { overlaps: ["linen", "wool"] } }, ["Linen shirt"]],
    [
      { or: [{ sku: { equalTo: "L1" } }, { sku: { equalTo: "L2" } }] },
      ["Silk blouse", "Linen shirt"],
    ],
    [{ not: { color: { equalTo: "Black" } } }, ["Silk blouse", "Linen shirt"]],
    [
      {
        and: [
          { categoryCode: { equalTo: "tops" } },
          { color: { notEqualTo: "White" } },
        ],
      },
      ["Silk blouse"],
    ],
    [{ fts: { isNull: true } }, undefined],
    [{ sku: { equalTo: "N1" } }, []],
  ])("a viewer can filter by %j", async (filter, expected) => {
    const answer = await api.execute<Names>(world.lumiere.viewer, LIST, {
      filter,
      orderBy: ["SKU_ASC"],
    });
    if (expected === undefined) {
      // Not offered: test/graphql/indexedColumns.test.ts has the rest of these.
      expect(answer.errors?.[0]?.extensions.code).toBe("GRAPHQL_VALIDATION");
      return;
    }
    expect(answer.errors).toBeUndefined();
    expect(answer.data?.products.nodes.map(({ name }) => name)).toEqual(
      expected,
    );
  });

  it("a filter may not hold null or nothing, which would match everything", async () => {
    for (const filter of [
      { sku: null },
      { sku: {} },
      { sku: { equalTo: null } },
    ]) {
      const answer = await api.execute(world.lumiere.viewer, LIST, { filter });
      expect(answer.errors?.[0]).toMatchObject({
        message: "A filter must not hold empty objects or null.",
        extensions: { code: "INVAL" },
      });
    }
  });

  it("pages by cursor, forwards and backwards", async () => {
    type Page = {
      products: {
        nodes: { sku: string }[];
        pageInfo: {
          endCursor: string;
          startCursor: string;
          hasNextPage: boolean;
        };
      };
    };
    const page = (args: string) =>
      data<Page>(
        world.lumiere.viewer,
        `{ products(orderBy: SKU_ASC, ${args}) { nodes { sku } pageInfo { startCursor endCursor hasNextPage } } }`,
      );
    const first = await page("first: 2");
    expect(first.products.nodes.map(({ sku }) => sku)).toEqual(["L1", "L2"]);
    expect(first.products.pageInfo.hasNextPage).toBe(true);
    const second = await page(
      `first: 2, after: "${first.products.pageInfo.endCursor}"`,
    );
    expect(second.products.nodes.map(({ sku }) => sku)).toEqual(["L3"]);
    const back = await page(
      `last: 1, before: "${second.products.pageInfo.startCursor}"`,
    );
    expect(back.products.nodes.map(({ sku }) => sku)).toEqual(["L2"]);
  });
});

describe("aggregates of products", () => {
  type Totals = {
    products: {
      aggregates: {
        sum: { priceMinor: string };
        average: { priceMinor: string };
        distinctCount: { rowId: string };
      };
    };
  };
  const TOTALS = `{ products { aggregates {
    sum { priceMinor } average { priceMinor } distinctCount { rowId } } } }`;

  it("hold what policies let the caller see, as SQL computes it", async () => {
    for (const brand of [world.lumiere, world.northside]) {
      const { products } = await data<Totals>(brand.analyst, TOTALS);
      const { rows } = await db.root.query<{
        sum: string;
        mean: string;
        count: string;
      }>(
        `select sum(price_minor)::text as sum, avg(price_minor)::text as mean, count(*)::text as count
           from app_public.products where brand_id = $1`,
        [brand.id],
      );
      expect(products.aggregates.sum.priceMinor).toBe(rows[0]?.sum);
      expect(products.aggregates.distinctCount.rowId).toBe(rows[0]?.count);
      expect(Number(products.aggregates.average.priceMinor)).toBeCloseTo(
        Number(rows[0]?.mean),
        6,
      );
    }
    const lumiere = await data<Totals>(world.lumiere.viewer, TOTALS);
    const northside = await data<Totals>(world.northside.viewer, TOTALS);
    expect(lumiere.products.aggregates.sum.priceMinor).toBe("50000");
    expect(northside.products.aggregates.sum.priceMinor).toBe("20000");
  });

  it("group by category, and by day", async () => {
    type Groups = {
      products: {
        groupedAggregates: { keys: string[]; sum: { priceMinor: string } }[];
      };
    };
    const grouped = await data<Groups>(
      world.lumiere.viewer,
      "{ products { groupedAggregates(groupBy: [CATEGORY_CODE]) { keys sum { priceMinor } } } }",
    );
    const sums = grouped.products.groupedAggregates.map(
      ({ keys: [key], sum }) => [key, sum.priceMinor],
    );
    expect(sums.sort()).toEqual([
      ["dresses", "30000"],
      ["tops", "20000"],
    ]);
    const perDay = await data<Groups>(
      world.lumiere.viewer,
      "{ products { groupedAggregates(groupBy: [CREATED_AT_TRUNCATED_TO_DAY]) { keys sum { priceMinor } } } }",
    );
    expect(perDay.products.groupedAggregates).toHaveLength(1);
  });

  it("respect a filter and a having", async () => {
    const filtered = await data<Totals>(
      world.lumiere.viewer,
      TOTALS.replace(
        "products",
        'products(filter: {categoryCode: {equalTo: "tops"}})',
      ),
    );
    expect(filtered.products.aggregates.sum.priceMinor).toBe("20000");
    const { products } = await data<{
      products: { groupedAggregates: { keys: string[] }[] };
    }>(
      world.lumiere.viewer,
      '{ products { groupedAggregates(groupBy: [CATEGORY_CODE], having: {sum: {priceMinor: {greaterThan: "25000"}}}) { keys } } }',
    );
    expect(products.groupedAggregates).toEqual([{ keys: ["dresses"] }]);
  });
});

describe("the schema", () => {
  const fieldsOf = (name: string) => {
    const type = api.schema.getType(name);
    if (type === undefined || !("getFields" in type)) throw new Error(name);
    return Object.keys(type.getFields());
  };

  it("filters by relations, and leaves related aggregates out", () => {
    expect(fieldsOf("ProductFilter")).toContain("brand");
    expect(fieldsOf("BrandAccountFilter")).toEqual(
      expect.arrayContaining(["productsByBrandId", "productsByBrandIdExist"]),
    );
    expect(fieldsOf("BrandAccountToManyProductFilter").sort()).toEqual([
      "every",
      "none",
      "some",
    ]);
    const orders = api.schema.getType("BrandAccountOrderBy");
    if (orders === undefined || !("getValues" in orders)) throw new Error();
    expect(
      orders
        .getValues()
        .map(({ name }) => name)
        .join(),
    ).not.toMatch(/COUNT|SUM/);
  });

  it("never shows a secret, a hash or a search vector", () => {
    const shown = Object.values(api.schema.getTypeMap()).flatMap((type) =>
      "getFields" in type ? Object.keys(type.getFields()) : [],
    );
    const secret = shown.filter((name) =>
      /hash|password|secret|^fts$/i.test(name),
    );
    // Functions about passwords: names of acts, and what goes in, never out.
    expect(secret.filter((name) => !PASSWORD_FUNCTIONS.has(name))).toEqual([]);
  });

  it("never offers a regular expression to filter with", () => {
    expect(fieldsOf("StringFilter")).not.toContain("similarTo");
    expect(fieldsOf("StringFilter")).toContain("includesInsensitive");
  });
});

const PASSWORD_FUNCTIONS = new Set([
  "issuePasswordResetLink",
  "passwordResetRequests",
  "password",
]);

describe("a product", () => {
  const CREATE = `mutation Create($product: ProductInput!) {
    createProduct(input: { product: $product }) { product { rowId sku updatedAt brandId } }
  }`;
  const UPDATE = `mutation Update($rowId: UUID!, $patch: ProductPatch!) {
    updateProduct(input: { rowId: $rowId, patch: $patch }) { product { rowId name updatedAt } }
  }`;
  const DELETE = `mutation Delete($rowId: UUID!) {
    deleteProduct(input: { rowId: $rowId }) { deletedProductId }
  }`;
  const NEW = { sku: "NEW-1", name: "Wool coat", categoryCode: "jackets" };
  type Created = {
    createProduct: { product: { rowId: string; updatedAt: string } };
  };

  it("can be created, changed and deleted by a manager", async () => {
    const { manager, id: brandId } = world.lumiere;
    const created = await data<Created>(manager, CREATE, {
      product: { ...NEW, brandId },
    });
    const { rowId, updatedAt } = created.createProduct.product;
    const updated = await data<{
      updateProduct: { product: { name: string; updatedAt: string } };
    }>(manager, UPDATE, {
      rowId,
      patch: { name: "Long wool coat", updatedAt },
    });
    expect(updated.updateProduct.product.name).toBe("Long wool coat");

    const stale = await api.execute(manager, UPDATE, {
      rowId,
      patch: { name: "Too late", updatedAt },
    });
    expect(stale.errors?.[0]?.extensions).toMatchObject({ code: "STALE" });
    expect(stale.errors?.[0]?.extensions.hint).toBeTruthy();

    await data(manager, DELETE, { rowId });
    const { rowCount } = await db.root.query(
      "select from app_public.products where id = $1",
      [rowId],
    );
    expect(rowCount).toBe(0);
  });

  it("cannot be created, changed or deleted by a viewer", async () => {
    const { viewer, id: brandId } = world.lumiere;
    const rowId = await productId("L1");
    for (const [query, variables] of [
      [CREATE, { product: { ...NEW, brandId } }],
      [UPDATE, { rowId, patch: { name: "Mine" } }],
      [DELETE, { rowId }],
    ] as const) {
      const answer = await api.execute(viewer, query, variables);
      expect(answer.errors?.[0]).toMatchObject({
        message: "You are not allowed to do this.",
        extensions: { code: "DNIED" },
      });
    }
    const { rows } = await db.root.query(
      "select name from app_public.products where sku in ('L1', 'NEW-1')",
    );
    expect(rows).toEqual([{ name: "Silk blouse" }]);
  });

  it("of another brand reads as one that does not exist", async () => {
    const { manager } = world.lumiere;
    for (const rowId of [
      await productId("N1"),
      "00000000-0000-7000-8000-000000000000",
    ]) {
      const read = await data<{ product: unknown }>(
        manager,
        "query Q($rowId: UUID!) { product(rowId: $rowId) { name } }",
        { rowId },
      );
      expect(read.product).toBeNull();
      // The engine's way: success without a row. The admin says "not found".
      const updated = await data<{ updateProduct: { product: unknown } }>(
        manager,
        UPDATE,
        { rowId, patch: { name: "Taken over" } },
      );
      expect(updated.updateProduct.product).toBeNull();
      const deleted = await api.execute(manager, DELETE, { rowId });
      expect(deleted.errors?.[0]?.extensions.code).toBe("NTFND");
    }
    const { rows } = await db.root.query(
      "select name from app_public.products where sku = 'N1'",
    );
    expect(rows).toEqual([{ name: "Straight jeans" }]);
  });

  it("cannot be created in another brand", async () => {
    const answer = await api.execute(world.lumiere.manager, CREATE, {
      product: { ...NEW, brandId: world.northside.id },
    });
    expect(answer.errors?.[0]?.extensions.code).toBe("DNIED");
  });

  it("with a SKU that is taken names the field", async () => {
    const answer = await api.execute(world.lumiere.manager, CREATE, {
      product: { ...NEW, sku: "L1", brandId: world.lumiere.id },
    });
    expect(answer.errors?.[0]?.extensions).toMatchObject({
      code: "TAKEN",
      field: "sku",
    });
    expect(answer.text).not.toMatch(/products_|constraint|duplicate key/);
  });

  it("with a bad value names the field", async () => {
    const { manager, id: brandId } = world.lumiere;
    const code = async (product: Record<string, unknown>) => {
      const answer = await api.execute(manager, CREATE, {
        product: { ...NEW, sku: "NEW-2", brandId, ...product },
      });
      expect(answer.text).not.toMatch(/products_|constraint|relation/);
      const { code, field } = answer.errors?.[0]?.extensions ?? {};
      return [code, field];
    };
    expect(await code({ name: "" })).toEqual(["INVAL", "name"]);
    expect(await code({ priceMinor: "-1", currency: "eur" })).toEqual([
      "INVAL",
      "priceMinor",
    ]);
    const [unknownCode, unknownField] = await code({ categoryCode: "socks" });
    expect(["INVAL", "NTFND"]).toContain(unknownCode);
    expect(unknownField).toBe("categoryCode");
    expect(await code({ sku: null })).toEqual([
      "GRAPHQL_VALIDATION",
      undefined,
    ]);
  });
});
