import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { pino } from "pino";

import { anonymousActor } from "../../server/auth/actor.ts";
import { DEFAULT_LIMITS } from "../../server/config.ts";
import { noConstraintErrors } from "../../server/errors/constraints.ts";
import { makePreset } from "../../server/graphile/preset.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { addProducts, makeWorld, type World } from "./twoBrands.ts";

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

const viewer = () => world.lumiere.viewer;
const ask = (query: string, variables?: Record<string, unknown>) =>
  api.execute(viewer(), query, variables);

async function expectRefused(
  query: string,
  words: RegExp,
  variables?: Record<string, unknown>,
  code = "LIMIT",
): Promise<void> {
  const answer = await ask(query, variables);
  expect(answer.errors?.[0]?.message).toMatch(words);
  expect(answer.errors?.[0]?.extensions.code).toBe(code);
  expect(answer.data).toBeUndefined();
  expect(answer.status).toBe(400);
}

async function expectServed(
  query: string,
  variables?: Record<string, unknown>,
): Promise<void> {
  const answer = await ask(query, variables);
  expect(answer.errors).toBeUndefined();
  expect(answer.status).toBe(200);
}

const times = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => write(index)).join(" ");

const FIELDS = [
  "rowId",
  "sku",
  "name",
  "color",
  "season",
  "year",
  "usage",
  "tags",
];
/** So many fields, few of each name: comparing equal names costs its square. */
const fields = (count: number) =>
  times(count, (index) => FIELDS[index % FIELDS.length] ?? "rowId");

/** 21 fragments, each spreading the next twice: 2^21 selections in 1.1 KB. */
const BOMB = `query { ...F0 } ${times(
  20,
  (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`,
)} fragment F20 on Query { __typename }`;

/** Products of a brand of a product …: nine lists of 100 inside one another. */
const DEEP_LIST = `{ ${times(9, (i) =>
  i === 0
    ? "products(first: 100) { nodes {"
    : "category { productsByCategoryCode(first: 100) { nodes {",
)} rowId ${times(9, (i) => (i === 0 ? "} }" : "} } }"))} }`;

describe("an operation that is too large", () => {
  it("is refused as the nested-fragment query of 1.1 KB", async () => {
    expect(BOMB.length).toBeLessThan(1_300);
    await expectRefused(BOMB, /too many selections/);
  });

  it("is refused as nine lists of 100 inside one another", async () => {
    await expectRefused(DEEP_LIST, /levels of nested fields/);
  });

  it("is refused by cost alone where the depth is allowed", async () => {
    await expectRefused(
      "{ wardrobeCategories(first: 100) { nodes { productsByCategoryCode(first: 100) { nodes { category { productsByCategoryCode(first: 100) { nodes { rowId } } } } } } } }",
      /may read 1000000 rows; at most 20000/,
    );
  });

  it("is refused with fragments that refer to one another in a circle", async () => {
    await expectRefused(
      "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
      /Cannot spread fragment "A" within itself/,
      undefined,
      "GRAPHQL_VALIDATION",
    );
  });

  it("may have 2,000 selections once spread, and not one more", async () => {
    const withSelections = (inner: number) =>
      `{ ...A ...A } fragment A on Query { ${times(inner, () => "__typename")} }`;
    // The root fields are counted apart, therefore below one field.
    const nested = (inner: number) =>
      `{ products { nodes { ...A ...A } } } fragment A on Product { ${fields(inner)} }`;
    await expectServed(nested(998));
    await expectRefused(nested(999), /too many selections/);
    await expectRefused(withSelections(11), /too many root fields/);
  });

  it("may have 2,000 tokens, and not one more", async () => {
    // `{ products { nodes {` is five of them, `} } }` three.
    const withTokens = (count: number) =>
      `{ products { nodes { ${fields(count - 8)} } } }`;
    await expectServed(withTokens(2_000));
    await expectRefused(withTokens(2_001), /too many tokens/);
  });

  it("may be 12 levels deep, and not one more", async () => {
    const withDepth = (leaf: string) =>
      `{ products(first: 1) { nodes { ${times(3, () => "category { productsByCategoryCode(first: 1) { nodes {")} ${leaf} ${times(3, () => "} } }")} } } }`;
    // products, nodes, three times three, and the leaf: twelve.
    await expectServed(withDepth("rowId"));
    await expectRefused(withDepth("category { code }"), /levels of nested/);
  });

  it("cannot find the root again inside an answer", async () => {
    await expectRefused(
      "{ query { __typename } }",
      /Cannot query field "query"/,
      undefined,
      "GRAPHQL_VALIDATION",
    );
    const payload = api.schema.getType("CreateProductPayload");
    if (payload === undefined || !("getFields" in payload)) throw new Error();
    expect(Object.keys(payload.getFields())).not.toContain("query");
  });

  it("is not deep because it asks for the schema", async () => {
    await expectServed(
      `{ __schema { types { ${times(9, () => "ofType {")} name ${times(9, () => "}")} } } }`,
    );
  });

  it("may have 30 aliases, and not one more, fragments included", async () => {
    const withAliases = (count: number) =>
      `{ products { nodes { ${times(count, (i) => `a${i}: rowId`)} } } }`;
    await expectServed(withAliases(30));
    await expectRefused(withAliases(31), /too many aliases/);
    await expectRefused(
      `{ a: products { ...P } b: products { ...P } } fragment P on ProductConnection { nodes { ${times(15, (i) => `a${i}: rowId`)} } }`,
      /too many aliases/,
    );
  });

  it("may have 20 root fields, and not one more", async () => {
    const withRoots = (count: number) =>
      `{ ${times(count, () => "__typename")} }`;
    await expectServed(withRoots(20));
    await expectRefused(withRoots(21), /too many root fields/);
  });

  it("may have 20 directives, and not one more", async () => {
    const withDirectives = (count: number) =>
      `{ products { nodes { ${times(count, () => "rowId @include(if: true)")} } } }`;
    await expectServed(withDirectives(20));
    await expectRefused(withDirectives(21), /too many directives/);
  });

  it("may cost 20,000 rows, and not one more", async () => {
    const withCost = (outer: number, inner: number) =>
      `{ wardrobeCategories(first: ${outer}) { nodes { productsByCategoryCode(first: ${inner}) { nodes { rowId } } } } }`;
    await expectServed(withCost(200, 100));
    await expectRefused(withCost(201, 100), /may read 20100 rows/);
  });

  it("adds up the lists that stand beside one another", async () => {
    const beside = (count: number) =>
      `{ ${times(count, (i) => `a${i}: wardrobeCategories(first: 100) { nodes { productsByCategoryCode(first: 100) { nodes { rowId } } } }`)} }`;
    await expectServed(beside(2));
    await expectRefused(beside(3), /may read 30000 rows/);
  });

  it("counts a list without a size as the default page", async () => {
    const inner = "productsByCategoryCode { nodes { rowId } }";
    await expectServed(
      `{ wardrobeCategories(first: 500) { nodes { ${inner} } } }`,
    );
    await expectRefused(
      `{ wardrobeCategories(first: 500) { nodes { ${inner} more: productsByCategoryCode { nodes { sku } } } } }`,
      /may read 25000 rows/,
    );
  });
});

describe("a page size", () => {
  const PAGE = "query Q($n: Int) { products(first: $n) { nodes { rowId } } }";

  it("may be 500, and not one more, written out or in a variable", async () => {
    await expectServed("{ products(first: 500) { nodes { rowId } } }");
    await expectServed(PAGE, { n: 500 });
    await expectRefused(
      "{ products(first: 501) { nodes { rowId } } }",
      /"first" is 501; one page holds at most 500/,
    );
    await expectRefused(PAGE, /"first" is 501/, { n: 501 });
    await expectRefused(
      "{ products(last: 501) { nodes { rowId } } }",
      /"last" is 501/,
    );
  });

  it("may not be 501 as the default of a variable", async () => {
    const query =
      "query Q($n: Int = 501) { products(first: $n) { nodes { rowId } } }";
    await expectRefused(query, /"first" is 501/);
    await expectServed(query, { n: 5 });
  });

  it("counts through variables for the cost", async () => {
    const query =
      "query Q($a: Int, $b: Int) { wardrobeCategories(first: $a) { nodes { productsByCategoryCode(first: $b) { nodes { rowId } } } } }";
    await expectServed(query, { a: 200, b: 100 });
    await expectRefused(query, /may read 20200 rows/, { a: 202, b: 100 });
  });

  it("must not be negative", async () => {
    await expectRefused(
      "{ products(first: -1) { nodes { rowId } } }",
      /must not be negative/,
      undefined,
      "INVAL",
    );
    await expectRefused(PAGE, /must not be negative/, { n: -1 }, "INVAL");
    await expectRefused(
      "{ products(offset: -1) { nodes { rowId } } }",
      /must not be negative/,
      undefined,
      "INVAL",
    );
  });

  it("holds for functions that answer with many rows", async () => {
    const search = (args: string) =>
      `{ searchProducts(search: "blouse"${args}) { nodes { name } } }`;
    const answer = await api.execute<{
      searchProducts: { nodes: { name: string }[] };
    }>(viewer(), search(""));
    expect(answer.data?.searchProducts.nodes).toEqual([
      { name: "Silk blouse" },
    ]);
    await expectServed(search(", first: 500"));
    await expectRefused(search(", first: 501"), /"first" is 501/);
  });

  it("is 25 where none is given", async () => {
    await addProducts(db, world.northside.id, 40);
    const count = async (
      query: string,
      variables?: Record<string, unknown>,
    ) => {
      const answer = await api.execute<{ products: { nodes: unknown[] } }>(
        world.northside.viewer,
        query,
        variables,
      );
      expect(answer.errors).toBeUndefined();
      return answer.data?.products.nodes.length;
    };
    expect(await count("{ products { nodes { rowId } } }")).toBe(25);
    expect(await count(PAGE)).toBe(25);
    expect(await count(PAGE, { n: null })).toBe(25);
    expect(await count(PAGE, { n: 30 })).toBe(30);
    expect(await count("{ products(first: 30) { nodes { rowId } } }")).toBe(30);
    expect(await count("{ products(last: 30) { nodes { rowId } } }")).toBe(30);
    expect(
      await count(
        "query Q($n: Int) { products(last: $n) { nodes { rowId } } }",
        { n: 30 },
      ),
    ).toBe(30);
    expect(
      await count(
        "query Q($n: Int) { products(last: $n) { nodes { rowId } } }",
      ),
    ).toBe(25);
    const edges = await api.execute<{ products: { edges: unknown[] } }>(
      world.northside.viewer,
      "{ products { edges { cursor } totalCount pageInfo { hasNextPage } } }",
    );
    expect(edges.data?.products).toMatchObject({
      totalCount: 42,
      pageInfo: { hasNextPage: true },
    });
    expect(edges.data?.products.edges).toHaveLength(25);
  });
});

describe("input values", () => {
  const nest = (depth: number): unknown =>
    depth === 0 ? { sku: { equalTo: "L1" } } : { not: nest(depth - 1) };

  it("may be nested 20 deep, and not deeper", async () => {
    const query =
      "query Q($filter: ProductFilter) { products(filter: $filter) { totalCount } }";
    await expectServed(query, { filter: nest(16) });
    await expectRefused(query, /nested too deeply/, { filter: nest(30) });
    // Deep enough to overflow the stack of a recursive walker.
    const deep = `${'{"not":'.repeat(10_000)}{}${"}".repeat(10_000)}`;
    const body = `{"query":${JSON.stringify(query)},"variables":{"filter":${deep}}}`;
    const answer = await api.request(
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      },
      viewer(),
    );
    expect(answer.errors?.[0]?.extensions.code).toBe("LIMIT");
  });

  it("may be nested 20 deep when written out, and not deeper", async () => {
    const literal = (depth: number): string =>
      depth === 0
        ? '{ sku: { equalTo: "L1" } }'
        : `{ not: ${literal(depth - 1)} }`;
    await expectServed(`{ products(filter: ${literal(18)}) { totalCount } }`);
    await expectRefused(
      `{ products(filter: ${literal(19)}) { totalCount } }`,
      /nested too deeply/,
    );
  });

  it("may hold thousands of values, not tens of thousands", async () => {
    const query =
      "query Q($skus: [String!]) { products(filter: { sku: { in: $skus } }) { totalCount } }";
    const skus = (count: number) => Array.from({ length: count }, () => "L1");
    await expectServed(query, { skus: skus(4_000) });
    await expectRefused(query, /too many values/, { skus: skus(6_000) });
  });
});

describe("grouped aggregates", () => {
  it("are refused past one page of groups, not cut", async () => {
    const small = await makeTestApi(db, { limits: { page: 2 } });
    try {
      const query = (key: string) =>
        `{ products { groupedAggregates(groupBy: [${key}]) { keys distinctCount { rowId } } } }`;
      const two = await small.execute<{
        products: { groupedAggregates: unknown[] };
      }>(viewer(), query("CATEGORY_CODE"));
      expect(two.errors).toBeUndefined();
      expect(two.data?.products.groupedAggregates).toHaveLength(2);
      const three = await small.execute(viewer(), query("SKU"));
      expect(three.errors?.[0]).toMatchObject({
        message: "This groups into more than 2 groups.",
        extensions: { code: "LIMIT", field: "groupBy" },
      });
    } finally {
      await small.close();
    }
  });
});

describe("the limits themselves", () => {
  it("reach the engine where it keeps them itself", () => {
    const preset = makePreset({
      config: {
        mode: "production",
        limits: { ...DEFAULT_LIMITS, planningMs: 321, bodyBytes: 4_321 },
      },
      pool: db.app,
      subscriber: api.live,
      log: pino({ level: "silent" }),
      constraints: () => noConstraintErrors,
      resolveActor: (_, requestId) =>
        Promise.resolve(anonymousActor(requestId)),
    });
    expect(preset.grafast?.timeouts).toEqual({
      planning: 321,
      execution: 10_000,
    });
    expect(preset.grafserv).toMatchObject({
      maxRequestLength: 4_321,
      graphqlOverGET: false,
      graphiql: false,
      graphiqlOnGraphQLGET: false,
      allowedRequestContentTypes: ["application/json"],
    });
  });

  it("are configuration", async () => {
    const tight = await makeTestApi(db, {
      limits: { depth: 3, page: 10, defaultPage: 1, cost: 5 },
    });
    try {
      const code = async (query: string) =>
        (await tight.execute(viewer(), query)).errors?.[0]?.extensions.code;
      expect(await code("{ products { nodes { rowId } } }")).toBeUndefined();
      expect(await code("{ products { nodes { brand { rowId } } } }")).toBe(
        "LIMIT",
      );
      expect(await code("{ products(first: 5) { nodes { rowId } } }")).toBe(
        undefined,
      );
      expect(await code("{ products(first: 6) { nodes { rowId } } }")).toBe(
        "LIMIT",
      );
      expect(await code("{ products(first: 11) { nodes { rowId } } }")).toBe(
        "LIMIT",
      );
    } finally {
      await tight.close();
    }
  });
});

describe("filters by relations", () => {
  /** Of a product: its brand, the brand's products, their brand …: this many in a row. */
  const nested = (hops: number, ofBrand = false): Record<string, unknown> => {
    if (hops === 0) return { rowId: { isNull: false } };
    const inner = nested(hops - 1, !ofBrand);
    return ofBrand ? { productsByBrandId: { some: inner } } : { brand: inner };
  };
  const LIST =
    "query ($filter: ProductFilter) { products(filter: $filter) { nodes { sku } } }";

  it("may follow three relations, and no more", async () => {
    await expectServed(LIST, { filter: nested(3) });
    await expectRefused(LIST, /follows 4 relations/, { filter: nested(4) });
  });

  it("are refused the same inside and, or and not", async () => {
    await expectRefused(LIST, /follows 5 relations/, {
      filter: { and: [{ or: [{ not: nested(5) }] }] },
    });
  });

  it("are refused the same where they are written out, or the default of a variable", async () => {
    const written =
      "{brand: {productsByBrandId: {some: {brand: {productsByBrandIdExist: true}}}}}";
    await expectRefused(
      `{ products(filter: ${written}) { nodes { sku } } }`,
      /follows 4 relations/,
    );
    await expectRefused(
      `query ($filter: ProductFilter = ${written}) { products(filter: $filter) { nodes { sku } } }`,
      /follows 4 relations/,
    );
  });

  it("are counted together, however often a fragment brings them", async () => {
    const document = (spreads: number) => `
      { ${times(spreads, (index) => `a${index}: brandAccounts(first: 1) { nodes { ...Wide } }`)} }
      fragment Wide on BrandAccount {
        productsByBrandId(filter: {brand: {productsByBrandIdExist: true}, category: {code: {isNull: false}}}) { nodes { sku } }
      }`;
    await expectServed(document(4));
    await expectRefused(document(5), /ask about 15 relations/);
  });
});
