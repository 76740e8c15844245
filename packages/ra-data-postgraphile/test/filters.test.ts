import { describe, expect, it } from "@jest/globals";

import { buildFilter } from "../src/filters.ts";
import { defineResources } from "../src/index.ts";
import { resources, shopId } from "./resources.ts";

const things = (filter: Record<string, unknown>) =>
  buildFilter(resources, resources.things, filter);

describe("buildFilter", () => {
  it.each<[Record<string, unknown>, Record<string, unknown>]>([
    [{ name: "coat" }, { name: { equalTo: "coat" } }],
    [{ qty: "3" }, { qty: { equalTo: 3 } }],
    [{ views: 3 }, { views: { equalTo: "3" } }],
    [{ active: "true" }, { active: { equalTo: true } }],
    [{ id: shopId }, { rowId: { equalTo: shopId } }],
    [{ id: [shopId] }, { rowId: { in: [shopId] } }],
    [{ mood: ["calm", "loud"] }, { mood: { in: ["calm", "loud"] } }],
    [{ note: null }, { note: { isNull: true } }],
    [{ "note@eq": null }, { note: { isNull: true } }],
    [{ "note@ne": null }, { note: { isNull: false } }],
    [{ "note@ne": "x" }, { note: { distinctFrom: "x" } }],
    [{ "note@isNull": "true" }, { note: { isNull: true } }],
    [{ "note@isNull": false }, { note: { isNull: false } }],
    [{ "qty@in": ["1", 2] }, { qty: { in: [1, 2] } }],
    [{ "qty@in": [] }, { qty: { in: [] } }],
    [{ "qty@in": 1 }, { qty: { in: [1] } }],
    [{ "qty@nin": [1] }, { qty: { notIn: [1] } }],
    [
      { "price@gte": 1, "price@lt": "2.50" },
      { price: { greaterThanOrEqualTo: "1", lessThan: "2.50" } },
    ],
    [{ "price@gt": 1 }, { price: { greaterThan: "1" } }],
    [{ "price@lte": 1 }, { price: { lessThanOrEqualTo: "1" } }],
    [{ "name@contains": "oa" }, { name: { includesInsensitive: "oa" } }],
    [{ "name@ncontains": "oa" }, { name: { notIncludesInsensitive: "oa" } }],
    [{ "name@startsWith": "c" }, { name: { startsWithInsensitive: "c" } }],
    [{ "name@endsWith": "t" }, { name: { endsWithInsensitive: "t" } }],
    [{ "name@ieq": "COAT" }, { name: { equalToInsensitive: "COAT" } }],
    [{ tags: ["a", "b"] }, { tags: { overlaps: ["a", "b"] } }],
    [{ tags: "a" }, { tags: { anyEqualTo: "a" } }],
    [{ "tags@contains": ["a"] }, { tags: { contains: ["a"] } }],
    [{ "tags@containedBy": ["a"] }, { tags: { containedBy: ["a"] } }],
    [{ "tags@eq": ["a"] }, { tags: { equalTo: ["a"] } }],
    [{ "sizes@any": "4" }, { sizes: { anyEqualTo: 4 } }],
    [
      { "seenAt@gte": new Date("2026-01-02T00:00:00Z") },
      { seenAt: { greaterThanOrEqualTo: "2026-01-02T00:00:00.000Z" } },
    ],
    [{ "shop.name": "x" }, { shop: { name: { equalTo: "x" } } }],
    [
      { shop: { "name@contains": "x" } },
      { shop: { name: { includesInsensitive: "x" } } },
    ],
    [{ "shop.id": shopId }, { shop: { rowId: { equalTo: shopId } } }],
  ])("%p becomes %p", (filter, built) => {
    expect(things(filter)).toEqual(built);
  });

  it("bounds a moment, or a key that begins with one, by so many seconds ago", () => {
    const about = (seconds: number) =>
      new Date(Date.now() - seconds * 1000).toISOString().slice(0, 16);
    const before = about(3_600);
    const { seenAt, rowId } = things({
      "seenAt@within": "3600",
      "id@within": 3_600,
    }) as Record<"seenAt" | "rowId", { greaterThanOrEqualTo: string }>;
    const around = [before, about(3_600)];
    expect(around).toContain(seenAt.greaterThanOrEqualTo.slice(0, 16));
    expect(rowId.greaterThanOrEqualTo).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7000-8000-000000000000$/,
    );
    const moment = Number.parseInt(
      rowId.greaterThanOrEqualTo.slice(0, 13).replace("-", ""),
      16,
    );
    expect(around).toContain(new Date(moment).toISOString().slice(0, 16));
  });

  it.each([null, "", "soon", -1, Number.POSITIVE_INFINITY])(
    "refuses %j as a number of seconds",
    (value) => {
      expect(() => things({ "seenAt@within": value })).toThrow(/seconds/);
    },
  );

  it("refuses a span of what is no moment", () => {
    expect(() => things({ "name@within": 3 })).toThrow(/no moment/);
  });

  it("asks nothing where nothing is asked", () => {
    expect(things({})).toBeUndefined();
    expect(things({ name: undefined })).toBeUndefined();
    expect(things({ q: "  " })).toBeUndefined();
    expect(things({ or: [], not: {}, shop: {} })).toBeUndefined();
    expect(buildFilter(resources, resources.things, undefined)).toBeUndefined();
  });

  it("joins groups", () => {
    expect(
      things({
        name: "coat",
        or: [{ "qty@gt": 1 }, { and: [{ mood: "calm" }, { active: true }] }],
        not: { note: "x" },
      }),
    ).toEqual({
      name: { equalTo: "coat" },
      or: [
        { qty: { greaterThan: 1 } },
        { and: [{ mood: { equalTo: "calm" } }, { active: { equalTo: true } }] },
      ],
      not: { note: { equalTo: "x" } },
    });
  });

  it("keeps both of two conditions that would overwrite each other", () => {
    expect(things({ qty: 1, "qty@eq": 2 })).toEqual({
      qty: { equalTo: 1 },
      and: [{ qty: { equalTo: 2 } }],
    });
    expect(things({ "shop.name": "x", shop: { name: "y" } })).toEqual({
      shop: { name: { equalTo: "x" } },
      and: [{ shop: { name: { equalTo: "y" } } }],
    });
  });

  it("searches each word in every described field", () => {
    expect(things({ q: " red  hat " })).toEqual({
      and: ["red", "hat"].map((word) => ({
        or: [
          { name: { includesInsensitive: word } },
          { tags: { anyEqualTo: word } },
          { shop: { name: { includesInsensitive: word } } },
        ],
      })),
    });
  });

  it("keeps a group beside a search", () => {
    expect(
      buildFilter(resources, resources.shops, { q: "a", and: [{ city: "b" }] }),
    ).toEqual({
      and: [
        { or: [{ name: { includesInsensitive: "a" } }] },
        { city: { equalTo: "b" } },
      ],
    });
  });

  it("searches by a filter operator or leaves the word to an argument", () => {
    const described = defineResources({
      byFilter: {
        type: "Thing",
        fields: { name: "string" },
        search: { field: "fts", operator: "matches" },
      },
      byArgument: {
        type: "Thing",
        fields: { name: "string" },
        search: { argument: "search" },
      },
    });
    expect(buildFilter(described, described.byFilter, { q: "hat" })).toEqual({
      fts: { matches: "hat" },
    });
    expect(
      buildFilter(described, described.byArgument, { q: "hat" }),
    ).toBeUndefined();
  });

  it.each<[Record<string, unknown>, string]>([
    [{ secret: 1 }, 'things has no field "secret"'],
    [{ "name@near": 1 }, 'has no filter "@near"'],
    [{ "qty@contains": 1 }, 'has no filter "@contains"'],
    [{ "active@gt": true }, 'has no filter "@gt"'],
    [{ "name@constructor": 1 }, "has no filter"],
    [{ doc: { a: 1 } }, "cannot be filtered by doc"],
    [{ shop: 3 }, "filter by one of its fields"],
    [{ "maker.name": 3 }, 'has no relation "maker"'],
    [{ or: { name: 1 } }, "takes a list"],
    [{ "qty@gt": null }, "needs a value"],
    [{ "qty@gt": "many" }, "whole number"],
  ])("refuses %p: %s", (filter, message) => {
    expect(() => things(filter)).toThrow(message);
  });

  it("refuses a search nobody described, and an id nobody can filter by", () => {
    expect(() => buildFilter(resources, resources.parts, { q: "x" })).toThrow(
      "no search",
    );
    expect(() => buildFilter(resources, resources.parts, { id: "x" })).toThrow(
      "thingId and no",
    );
  });

  it("does not touch what it was given", () => {
    const filter = Object.freeze({
      q: "a",
      tags: Object.freeze(["x"]),
      or: Object.freeze([Object.freeze({ name: "b" })]),
    });
    expect(() => things(filter)).not.toThrow();
  });
});
