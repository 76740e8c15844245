import { describe, expect, it } from "@jest/globals";
import { parse } from "graphql";

import {
  buildBulkMutation,
  buildListQuery,
  buildManyQuery,
  buildMutation,
  buildNodesQuery,
  buildOneQuery,
  buildUniqueQuery,
} from "../src/buildQuery.ts";
import { selectColumns, selectKey } from "../src/columns.ts";
import { defineResources, listOperations } from "../src/index.ts";
import type { Operation, ResourceSchema } from "../src/types.ts";
import { resources } from "./resources.ts";

const own = { hasOwnColumns: true };
const select = (schema: ResourceSchema, columns?: string[]) =>
  selectColumns(resources, schema, columns);
const { shops, parts, things } = resources;

/** The text must be GraphQL, and its name must be the operation's. */
const text = ({ query, operationName }: Operation): string => {
  const [definition] = parse(query).definitions;
  expect(definition).toMatchObject({ name: { value: operationName } });
  return query;
};

const list = (schema: ResourceSchema) => {
  if (!schema.list) throw new Error("no list");
  return schema.list;
};
const one = (schema: ResourceSchema) => {
  if (!schema.one) throw new Error("no one");
  return schema.one;
};
const mutation = (
  schema: ResourceSchema,
  verb: "create" | "update" | "delete",
) => {
  const found = schema[verb];
  if (!found) throw new Error(`no ${verb}`);
  return found;
};

describe("the query of each verb", () => {
  it("getList", () => {
    expect(
      text(
        buildListQuery(shops, list(shops), select(shops), {
          ...own,
          count: "exact",
        }),
      ),
    ).toBe(
      "query shops_getList($first: Int!, $offset: Int!, $orderBy: [ShopOrderBy!], $filter: ShopFilter) { shops(first: $first, offset: $offset, orderBy: $orderBy, filter: $filter) { totalCount nodes { city name rowId } } }",
    );
  });

  it("getList without a count", () => {
    expect(
      text(
        buildListQuery(shops, list(shops), select(shops), {
          ...own,
          count: "none",
        }),
      ),
    ).toContain("{ pageInfo { hasNextPage hasPreviousPage } nodes {");
  });

  it("getList from a cursor: its bound does not narrow the count", () => {
    expect(
      text(
        buildListQuery(shops, list(shops), select(shops), {
          ...own,
          count: "exact",
          seek: "after",
          isNarrowed: true,
          withCursors: true,
        }),
      ),
    ).toBe(
      "query shops_getListAfter($first: Int!, $after: Cursor!, $orderBy: [ShopOrderBy!], $filter: ShopFilter, $whole: ShopFilter) { shops(first: $first, after: $after, orderBy: $orderBy, filter: $filter) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { city name rowId } } counted: shops(filter: $whole) { totalCount } }",
    );
  });

  it("getList with a capped count", () => {
    expect(
      text(
        buildListQuery(shops, list(shops), select(shops), {
          ...own,
          count: "capped",
        }),
      ),
    ).toBe(
      "query shops_getListCapped($first: Int!, $offset: Int!, $orderBy: [ShopOrderBy!], $filter: ShopFilter, $cap: Int!) { shops(first: $first, offset: $offset, orderBy: $orderBy, filter: $filter) { pageInfo { hasNextPage hasPreviousPage } nodes { city name rowId } } beyond: shops(first: 1, offset: $cap, orderBy: $orderBy, filter: $filter) { nodes { __typename } } }",
    );
  });

  it("gives each way of reading a list a name of its own", () => {
    const operations = listOperations(resources);
    const texts = new Map(
      operations.map(({ operationName, query }) => [operationName, query]),
    );
    expect(texts.size).toBe(operations.length);
  });

  it("getList with a search argument", () => {
    const { docs } = defineResources({
      docs: {
        type: "Doc",
        fields: {},
        search: { argument: "matching", type: "String" },
      },
    });
    const query = text(
      buildListQuery(docs, list(docs), selectColumns({ docs }, docs), {
        ...own,
        count: "exact",
      }),
    );
    expect(query).toContain("$search: String");
    expect(query).toContain("matching: $search");
  });

  it("getMany", () => {
    expect(text(buildManyQuery(shops, list(shops), select(shops), own))).toBe(
      "query shops_getMany($first: Int!, $filter: ShopFilter) { shops(first: $first, filter: $filter) { nodes { city name rowId } } }",
    );
  });

  it("getMany of composite keys", () => {
    expect(
      text(
        buildNodesQuery(parts, one(parts), parts.id, 2, selectKey(parts), own),
      ),
    ).toBe(
      "query parts_getMany2($id0: ID!, $id1: ID!) { r0: partById(id: $id0) { id no thingId } r1: partById(id: $id1) { id no thingId } }",
    );
  });

  it("getOne", () => {
    expect(text(buildOneQuery(shops, one(shops), select(shops), own))).toBe(
      "query shops_getOne($id: UUID!) { shop(rowId: $id) { city name rowId } }",
    );
  });

  it("getOne by a unique key", () => {
    const [unique] = things.unique;
    expect(
      text(
        buildUniqueQuery(
          things,
          unique ?? { field: "", arguments: {} },
          selectKey(things),
          own,
        ),
      ),
    ).toBe(
      "query things_getOneBy_shopId_sku($shopId: UUID!, $sku: String!) { thingByShopIdAndSku(shopId: $shopId, sku: $sku) { rowId } }",
    );
  });

  it("create, update and delete", () => {
    expect(
      text(
        buildMutation(
          shops,
          "create",
          mutation(shops, "create"),
          select(shops),
          own,
        ),
      ),
    ).toBe(
      "mutation shops_create($input: CreateShopInput!) { createShop(input: $input) { shop { city name rowId } } }",
    );
    expect(
      text(
        buildMutation(
          parts,
          "update",
          mutation(parts, "update"),
          select(parts),
          own,
        ),
      ),
    ).toBe(
      "mutation parts_update($input: UpdatePartByIdInput!) { updatePartById(input: $input) { part { id label no thingId } } }",
    );
    expect(
      text(
        buildMutation(
          shops,
          "delete",
          mutation(shops, "delete"),
          selectKey(shops),
          own,
        ),
      ),
    ).toBe(
      "mutation shops_delete($input: DeleteShopInput!) { deleteShop(input: $input) { shop { rowId } } }",
    );
  });

  it("updateMany and deleteMany", () => {
    expect(
      text(
        buildBulkMutation(
          shops,
          "deleteMany",
          mutation(shops, "delete"),
          2,
          selectKey(shops),
        ),
      ),
    ).toBe(
      "mutation shops_deleteMany2($input0: DeleteShopInput!, $input1: DeleteShopInput!) { r0: deleteShop(input: $input0) { shop { rowId } } r1: deleteShop(input: $input1) { shop { rowId } } }",
    );
  });
});

describe("the name of an operation", () => {
  const named = (columns: string[]) =>
    buildOneQuery(things, one(things), select(things, columns), {
      hasOwnColumns: false,
    });

  it("means one text: other columns, another name", () => {
    expect(named(["name"]).operationName).not.toBe(
      named(["sku"]).operationName,
    );
    expect(named(["name"]).operationName).toMatch(/^things_getOne_[0-9a-z]+$/);
  });

  it("is the same each time, in whatever order the columns come", () => {
    expect(named(["name", "sku"])).toEqual(named(["sku", "name"]));
  });

  it("is a GraphQL name whatever the resource is called", () => {
    const described = defineResources({
      "brand-shops": { type: "Shop", list: "shops", fields: {} },
    });
    const schema = described["brand-shops"];
    text(buildOneQuery(schema, one(schema), selectKey(schema), own));
  });
});
