import { describe, expect, it } from "@jest/globals";
import { parse } from "graphql";

import type { AggregateParams } from "../src/aggregates.ts";
import {
  buildAggregateQuery,
  buildAggregateVariables,
  parseAggregates,
} from "../src/aggregates.ts";
import type { ResourceSchema } from "../src/types.ts";
import { resources, thingId } from "./resources.ts";

const { things, parts } = resources;

const query = (schema: ResourceSchema, params: AggregateParams): string => {
  if (!schema.list) throw new Error("no list");
  const operation = buildAggregateQuery(schema, schema.list, params);
  parse(operation.query);
  return operation.query.replace(/getAggregates_\w+/, "getAggregates");
};

describe("getAggregates, step by step", () => {
  const params: AggregateParams = {
    filter: { active: true },
    groupBy: ["mood", "createdAt@day"],
    sum: ["price", "qty"],
    max: ["views"],
  };

  it("asks for a count alone", () => {
    expect(query(things, {})).toBe(
      "query things_getAggregates($filter: ThingFilter) { things(filter: $filter) { totalCount } }",
    );
  });

  it("asks for totals and groups, each group with its count", () => {
    expect(query(things, params)).toBe(
      "query things_getAggregates($filter: ThingFilter, $groupBy: [ThingGroupBy!]!) { things(filter: $filter) { totalCount aggregates { sum { price qty } max { views } } groupedAggregates(groupBy: $groupBy) { keys sum { price qty } max { views } distinctCount { rowId } } } }",
    );
  });

  it("does not count the groups of a composite key", () => {
    expect(query(parts, { groupBy: ["no"], min: ["no"] })).toContain(
      "{ keys min { no } }",
    );
  });

  it("binds filter, groups and having", () => {
    expect(
      buildAggregateVariables(resources, things, {
        ...params,
        having: { sum: { qty: { greaterThan: 1 } } },
      }),
    ).toEqual({
      filter: { active: { equalTo: true } },
      groupBy: ["MOOD", "CREATED_AT_TRUNCATED_TO_DAY"],
      having: { sum: { qty: { greaterThan: 1 } } },
    });
  });

  it("refuses a field nobody described", () => {
    expect(() => query(things, { sum: ["secret"] })).toThrow("no field");
    expect(() =>
      buildAggregateVariables(resources, things, { groupBy: ["secret"] }),
    ).toThrow("no field");
  });

  it("reads numbers as numbers, and keys as their fields' values", () => {
    expect(
      parseAggregates(things, params, {
        totalCount: 3,
        aggregates: {
          sum: { price: "25.00", qty: "4" },
          max: { views: "9007199254740993" },
        },
        groupedAggregates: [
          {
            keys: ["calm", "2026-01-01T00:00:00+00:00"],
            sum: { price: "12.50", qty: "0" },
            max: { views: null },
            distinctCount: { rowId: "2" },
          },
        ],
      }),
    ).toEqual({
      total: 3,
      totals: {
        sum: { price: 25, qty: 4 },
        max: { views: "9007199254740993" },
      },
      groups: [
        {
          keys: { mood: "calm", "createdAt@day": "2026-01-01T00:00:00+00:00" },
          count: 2,
          sum: { price: 12.5, qty: 0 },
          max: { views: null },
        },
      ],
    });
  });

  it("reads each kind of group key", () => {
    const groupBy = ["active", "qty", "price", "rowId", "note"];
    expect(
      parseAggregates(
        things,
        { groupBy },
        {
          totalCount: 1,
          groupedAggregates: [
            {
              keys: ["false", "3", "1.50", thingId, null],
              distinctCount: { rowId: "1" },
            },
          ],
        },
      ).groups[0]?.keys,
    ).toEqual({
      active: false,
      qty: 3,
      price: 1.5,
      rowId: thingId,
      note: null,
    });
  });

  it("reads a connection the caller may not see as nothing", () => {
    expect(parseAggregates(things, params, null)).toEqual({
      total: 0,
      totals: {},
      groups: [],
    });
  });
});
