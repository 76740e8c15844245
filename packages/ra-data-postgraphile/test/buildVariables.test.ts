import { describe, expect, it } from "@jest/globals";
import type { SortPayload } from "ra-core";

import {
  buildBulkVariables,
  buildCreateVariables,
  buildOrderBy,
  buildPages,
  buildUpdateVariables,
  isPossibleId,
  referenceFilter,
} from "../src/buildVariables.ts";
import { defineResources, mutationOf } from "../src/resources.ts";
import { resources, shopId, thingId } from "./resources.ts";

const { things, parts, colours } = resources;

describe("buildOrderBy", () => {
  it("always ends in the primary key", () => {
    expect(buildOrderBy(things, undefined)).toEqual(["PRIMARY_KEY_ASC"]);
    // As from an address that somebody shortened.
    expect(buildOrderBy(things, { field: "madeOn" } as SortPayload)).toEqual(
      buildOrderBy(things, { field: "madeOn", order: "ASC" }),
    );
    expect(buildOrderBy(things, { field: "madeOn", order: "DESC" })).toEqual([
      "MADE_ON_DESC",
      "PRIMARY_KEY_ASC",
    ]);
  });

  it("sorts by id as by the primary key, and by nothing after it", () => {
    const orderBy = buildOrderBy(things, { field: "id", order: "DESC" }, [
      { field: "name", order: "ASC" },
    ]);
    expect(orderBy).toEqual(["PRIMARY_KEY_DESC"]);
    expect(buildOrderBy(parts, { field: "id", order: "ASC" })).toEqual([
      "PRIMARY_KEY_ASC",
    ]);
  });

  it("sorts by several fields, each once", () => {
    expect(
      buildOrderBy(things, { field: "name", order: "ASC" }, [
        { field: "name", order: "DESC" },
        { field: "shopId", order: "DESC" },
      ]),
    ).toEqual(["NAME_ASC", "SHOP_ID_DESC", "PRIMARY_KEY_ASC"]);
  });

  it("refuses a field that is unknown or not sortable", () => {
    expect(() =>
      buildOrderBy(things, { field: "secret", order: "ASC" }),
    ).toThrow('no field "secret"');
    expect(() => buildOrderBy(things, { field: "doc", order: "ASC" })).toThrow(
      "cannot be sorted by doc",
    );
  });
});

describe("buildPages", () => {
  it("counts pages from one", () => {
    expect(buildPages({ page: 3, perPage: 25 }, 500)).toEqual([
      { first: 25, offset: 50 },
    ]);
    expect(buildPages(undefined, 500)).toEqual([{ first: 25, offset: 0 }]);
  });

  it("reads more rows than a page may hold in several pages", () => {
    expect(buildPages({ page: 2, perPage: 1200 }, 500)).toEqual([
      { first: 500, offset: 1200 },
      { first: 500, offset: 1700 },
      { first: 200, offset: 2200 },
    ]);
  });
});

describe("referenceFilter", () => {
  it("holds beside the list's own filter, even on the same field", () => {
    expect(referenceFilter("shopId", shopId, undefined)).toEqual({
      shopId,
    });
    expect(
      referenceFilter("shopId", shopId, { shopId: "x", and: [{ a: 1 }] }),
    ).toEqual({ shopId: "x", and: [{ a: 1 }, { shopId }] });
  });
});

describe("isPossibleId", () => {
  it("is about the kind of the key", () => {
    expect(isPossibleId(things, thingId)).toBe(true);
    expect(isPossibleId(things, "new")).toBe(false);
    expect(isPossibleId(things, `${thingId}' or 1=1`)).toBe(false);
    expect(isPossibleId(colours, "red")).toBe(true);
    expect(isPossibleId(colours, "")).toBe(false);
  });
});

describe("buildCreateVariables", () => {
  const create = (data: Record<string, unknown>) =>
    buildCreateVariables(things, mutationOf(things, "create"), { data });

  it("sends what may be written and was filled in", () => {
    expect(
      create({
        id: thingId,
        shopId,
        name: "coat",
        qty: "3",
        price: 12.5,
        note: null,
        mood: undefined,
        createdAt: "2026-01-01",
        shop: { id: shopId, name: "x" },
      }),
    ).toEqual({
      input: { thing: { shopId, name: "coat", qty: 3, price: "12.5" } },
    });
  });

  it("refuses a field nobody described, rather than lose it", () => {
    expect(() => create({ nmae: "coat" })).toThrow('no field "nmae"');
  });

  it("puts the values beside the key where the mutation takes them flat", () => {
    const { invites } = defineResources({
      invites: {
        type: "Invite",
        fields: { email: "string" },
        create: { field: "invite", values: null },
      },
    });
    expect(
      buildCreateVariables(invites, mutationOf(invites, "create"), {
        data: { email: "a@b.test" },
      }),
    ).toEqual({ input: { email: "a@b.test" } });
  });
});

describe("buildUpdateVariables", () => {
  const previousData = Object.freeze({
    id: thingId,
    rowId: thingId,
    name: "coat",
    note: "old",
    tags: Object.freeze(["a"]),
    doc: Object.freeze({ a: 1 }),
    price: 12.5,
    createdAt: "2026-01-01T00:00:00+00:00",
    updatedAt: "2026-01-01T00:00:00.123456+00:00",
  });
  const update = (
    data: Record<string, unknown>,
    previous: object = previousData,
  ) =>
    buildUpdateVariables(things, mutationOf(things, "update"), {
      id: thingId,
      data: Object.freeze(data),
      previousData: previous as typeof previousData,
    });

  it("sends what changed, with the version that was read", () => {
    expect(
      update({
        ...previousData,
        name: "jacket",
        note: null,
        tags: ["a"],
        doc: { a: 1 },
        createdAt: "2030-01-01",
      }),
    ).toEqual({
      input: {
        rowId: thingId,
        patch: {
          name: "jacket",
          note: null,
          updatedAt: "2026-01-01T00:00:00.123456+00:00",
        },
      },
    });
  });

  it("sends nothing where nothing changed", () => {
    expect(update({ ...previousData })).toBeNull();
    expect(update({ ...previousData, createdAt: "2030" })).toBeNull();
    expect(update({ ...previousData, updatedAt: "2030" })).toBeNull();
  });

  it("sends every value where nothing was read before", () => {
    expect(update({ name: "coat", qty: 1 }, {})).toEqual({
      input: { rowId: thingId, patch: { name: "coat", qty: 1 } },
    });
  });

  it("sends a value that was not read before", () => {
    expect(update({ qty: null })).toMatchObject({
      input: { patch: { qty: null } },
    });
  });

  it("refuses a changed field nobody described", () => {
    expect(() => update({ ...previousData, colour: "red" })).toThrow(
      'no field "colour"',
    );
  });

  it("names a composite key by its node id", () => {
    expect(
      buildUpdateVariables(parts, mutationOf(parts, "update"), {
        id: "WyJQYXJ0Il0=",
        data: { label: "x" },
        previousData: { id: "WyJQYXJ0Il0=", label: "y" },
      }),
    ).toEqual({ input: { id: "WyJQYXJ0Il0=", patch: { label: "x" } } });
  });
});

describe("buildBulkVariables", () => {
  it("gives each row its own input", () => {
    expect(
      buildBulkVariables(
        things,
        mutationOf(things, "update"),
        [thingId, shopId],
        {
          active: false,
        },
      ),
    ).toEqual({
      input0: { rowId: thingId, patch: { active: false } },
      input1: { rowId: shopId, patch: { active: false } },
    });
    expect(
      buildBulkVariables(things, mutationOf(things, "delete"), [thingId], null),
    ).toEqual({ input0: { rowId: thingId } });
  });

  it("refuses to change nothing", () => {
    expect(() =>
      buildBulkVariables(things, mutationOf(things, "update"), [thingId], {
        createdAt: "2030",
      }),
    ).toThrow("at least one field");
  });
});
