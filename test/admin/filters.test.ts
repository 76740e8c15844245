import { describe, expect, it } from "@jest/globals";

import type { AdminResource } from "../../admin/src/catalog/adopt.ts";
import {
  type Condition,
  decodeFilter,
  encodeFilter,
  filterable,
  operatorsFor,
} from "../../admin/src/catalog/filters/operators.ts";
import { relatedFields } from "../../admin/src/catalog/filters/relatedFields.ts";
import { adopted, buildField, resourceOf } from "./describedTable.ts";

const look = resourceOf(adopted(), "looks");
const roundTrip = (condition: Condition) =>
  decodeFilter(look, encodeFilter(look, { conditions: [condition], rest: {} }))
    .conditions;

describe("the operators of a column", () => {
  it.each([
    ["name", ["contains", "is", "starts", "is_not"]],
    ["season", ["any_of", "none_of", "empty", "not_empty"]],
    ["brandId", ["any_of", "none_of"]],
    ["priceMinor", ["is", "gte", "lte", "between", "empty", "not_empty"]],
    ["shownOn", ["is", "gte", "lte", "between", "empty", "not_empty"]],
    ["createdAt", ["gte", "lte", "between"]],
    ["active", ["yes", "no"]],
    ["tags", ["contains_any", "contains_all"]],
  ])("of %s fit its kind", (name, expected) => {
    const field = look.fields.find((one) => one.name === name);
    expect(field && operatorsFor(field)).toEqual(expected);
  });

  it("are not offered where the API has no filter", () => {
    expect(filterable(look).map(({ name }) => name)).not.toContain("details");
    expect(operatorsFor(buildField({ name: "doc", kind: "json" }))).toEqual([
      "empty",
      "not_empty",
    ]);
  });
});

describe("a condition", () => {
  it.each<Condition>([
    { field: "name", operator: "contains", value: "riv" },
    { field: "name", operator: "is", value: "Riviera" },
    { field: "name", operator: "starts", value: "R" },
    { field: "name", operator: "is_not", value: "x" },
    { field: "season", operator: "any_of", value: ["spring"] },
    { field: "season", operator: "none_of", value: ["autumn"] },
    { field: "season", operator: "empty", value: null },
    { field: "season", operator: "not_empty", value: null },
    { field: "brandId", operator: "any_of", value: ["b1", "b2"] },
    { field: "priceMinor", operator: "is", value: 5 },
    { field: "priceMinor", operator: "gte", value: 0 },
    { field: "priceMinor", operator: "between", value: [1, 9] },
    {
      field: "shownOn",
      operator: "between",
      value: ["2026-01-01", "2026-02-01"],
    },
    { field: "createdAt", operator: "gte", value: "2026-01-31" },
    {
      field: "createdAt",
      operator: "between",
      value: ["2026-01-31", "2026-02-01"],
    },
    { field: "active", operator: "yes", value: null },
    { field: "active", operator: "no", value: null },
    { field: "tags", operator: "contains_any", value: ["a", "b"] },
    { field: "tags", operator: "contains_all", value: ["a"] },
  ])("$field $operator comes back from the filter as it was", (condition) => {
    const [back] = roundTrip(condition);
    expect(back).toMatchObject({
      field: condition.field,
      operator: condition.operator,
    });
    if (condition.value !== null) expect(back?.value).toEqual(condition.value);
  });

  it("on a day covers the whole day where the reader is", () => {
    const filter = encodeFilter(look, {
      conditions: [
        {
          field: "createdAt",
          operator: "between",
          value: ["2026-01-31", "2026-01-31"],
        },
      ],
      rest: {},
    });
    const from = new Date(String(filter["createdAt@gte"])).getTime();
    const to = new Date(String(filter["createdAt@lte"])).getTime();
    expect(to - from).toBe(24 * 3_600_000 - 1);
  });

  it("that says nothing yet is not asked", () => {
    expect(
      encodeFilter(look, {
        conditions: [
          { field: "name", operator: "contains", value: "" },
          { field: "season", operator: "any_of", value: [] },
          { field: "priceMinor", operator: "between", value: ["", null] },
        ],
        rest: {},
      }),
    ).toEqual({});
  });
});

describe("the filter of a link", () => {
  it("written in short form shows as chips", () => {
    expect(
      decodeFilter(look, { season: "spring", active: true, brandId: "b1" })
        .conditions,
    ).toEqual([
      { field: "season", operator: "any_of", value: ["spring"] },
      { field: "active", operator: "yes", value: null },
      { field: "brandId", operator: "any_of", value: ["b1"] },
    ]);
  });

  it("keeps what no chip can say", () => {
    const filter = {
      q: "silk",
      "brand.name@contains": "m",
      or: [{ name: "a" }],
      "name@endsWith": "s",
    };
    const decoded = decodeFilter(look, filter);
    expect(decoded.conditions).toEqual([]);
    expect(encodeFilter(look, decoded)).toEqual(filter);
  });
});

describe("what a list can be asked of related records", () => {
  const catalog = adopted();
  const brands = resourceOf(catalog, "brands");
  const brand = {
    ...brands,
    schema: {
      ...brands.schema,
      collections: {
        looks: { resource: "looks", exists: "looksExist" },
        drafts: { resource: "looks", exists: null },
        secrets: { resource: "secrets", exists: "secretsExist" },
      },
    },
  };
  const asked = (resource: AdminResource) => ({
    fields: [...resource.fields, ...relatedFields(catalog, resource)],
  });

  it("are the columns of what it names that their own list shows", () => {
    expect(
      relatedFields(catalog, look).map(({ name, label }) => [name, label]),
    ).toEqual(expect.arrayContaining([["brand.name", "brandId › name"]]));
  });

  it("is whether records point here, of tables the role may see", () => {
    expect(
      relatedFields(catalog, brand).map((field) => [
        field.name,
        operatorsFor(field),
      ]),
    ).toEqual([["looks", ["has", "has_none"]]]);
  });

  it.each<[Condition, Record<string, unknown>]>([
    [
      { field: "brand.name", operator: "contains", value: "riv" },
      { "brand.name@contains": "riv" },
    ],
  ])("%j comes back from the filter as it was", (condition, filter) => {
    const fields = asked(look);
    expect(encodeFilter(fields, { conditions: [condition], rest: {} })).toEqual(
      filter,
    );
    expect(decodeFilter(fields, filter)).toEqual({
      conditions: [condition],
      rest: {},
    });
  });

  it.each<[Condition, Record<string, unknown>]>([
    [
      { field: "looks", operator: "has", value: null },
      { "looks@exists": true },
    ],
    [
      { field: "looks", operator: "has_none", value: null },
      { "looks@exists": false },
    ],
  ])("%j comes back from the filter as it was", (condition, filter) => {
    const fields = asked(brand);
    expect(encodeFilter(fields, { conditions: [condition], rest: {} })).toEqual(
      filter,
    );
    expect(decodeFilter(fields, filter)).toEqual({
      conditions: [condition],
      rest: {},
    });
  });
});
