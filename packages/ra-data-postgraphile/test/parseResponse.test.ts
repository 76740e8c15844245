import { describe, expect, it } from "@jest/globals";

import { selectColumns } from "../src/columns.ts";
import {
  inOrderOf,
  parseList,
  parseMutation,
  parseOne,
  parseRecord,
} from "../src/parseResponse.ts";
import { mutationOf } from "../src/resources.ts";
import { resources, shopId, thingId } from "./resources.ts";

const selection = selectColumns(resources, resources.things, [
  "name",
  "price",
  "views",
  "mood",
  "tags",
  "doc",
  "shop.name",
]);

const row = Object.freeze({
  rowId: thingId,
  name: "coat",
  price: "12.50",
  views: "9007199254740993",
  mood: "very_odd",
  tags: Object.freeze(["a"]),
  doc: Object.freeze({ price: "12.50" }),
  updatedAt: "2026-01-01T00:00:00.123456+00:00",
  shop: Object.freeze({ rowId: shopId, name: "x" }),
});

describe("parseRecord", () => {
  it("gives the record its id, its numbers and its relations", () => {
    expect(parseRecord(resources, selection, row)).toEqual({
      id: thingId,
      rowId: thingId,
      name: "coat",
      price: 12.5,
      views: "9007199254740993",
      mood: "very_odd",
      tags: ["a"],
      doc: { price: "12.50" },
      updatedAt: "2026-01-01T00:00:00.123456+00:00",
      shop: { id: shopId, rowId: shopId, name: "x" },
    });
  });

  it("takes the node id of a composite key", () => {
    expect(
      parseRecord(resources, selectColumns(resources, resources.parts), {
        id: "WyJQYXJ0Il0=",
        thingId,
        no: 1,
        label: "x",
      }),
    ).toEqual({ id: "WyJQYXJ0Il0=", thingId, no: 1, label: "x" });
  });

  it("reads a relation the caller may not see as null", () => {
    expect(
      parseRecord(resources, selection, { ...row, shop: null }),
    ).toMatchObject({ shop: null });
  });
});

describe("parseList", () => {
  it("gives records and total", () => {
    expect(
      parseList(resources, selection, { totalCount: 7, nodes: [row, null] }),
    ).toMatchObject({ data: [{ id: thingId }], total: 7 });
  });

  it("gives page information where nothing was counted", () => {
    expect(
      parseList(resources, selection, {
        nodes: [],
        pageInfo: { hasNextPage: true, hasPreviousPage: false },
      }),
    ).toEqual({
      data: [],
      total: undefined,
      pageInfo: { hasNextPage: true, hasPreviousPage: false },
    });
  });

  it("reads a connection the caller may not see as empty", () => {
    expect(parseList(resources, selection, null)).toMatchObject({
      data: [],
      total: 0,
    });
  });
});

describe("a row that is not there", () => {
  const notFound = expect.objectContaining({
    status: 404,
    message: "This record was not found, or you may not see it.",
  });

  it("is 404 for a read", () => {
    expect(() => parseOne(resources, selection, null)).toThrow(notFound);
  });

  it("is 404 for a write, whether the payload or its row is null", () => {
    const update = mutationOf(resources.things, "update");
    expect(() =>
      parseMutation(resources, selection, update, { thing: null }),
    ).toThrow(notFound);
    expect(() => parseMutation(resources, selection, update, null)).toThrow(
      notFound,
    );
  });
});

describe("inOrderOf", () => {
  it("answers in the order of the question, repeats included", () => {
    const records = [{ id: 1 }, { id: 2 }];
    expect(inOrderOf([2, "1", 3, 2], records)).toEqual([
      { id: 2 },
      { id: 1 },
      { id: 2 },
    ]);
  });
});
