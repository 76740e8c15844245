import { describe, expect, it } from "@jest/globals";
import { parse } from "graphql";

import {
  buildCustomMutation,
  buildCustomQuery,
  buildCustomVariables,
  parseCustom,
} from "../src/custom.ts";
import { resources, shopId, thingId } from "./resources.ts";

const text = ({ query }: { query: string }): string => {
  parse(query);
  return query.replace(/_[0-9a-z]+(?=[ (])/, "");
};

describe("a custom mutation", () => {
  it("takes PostGraphile's input type", () => {
    expect(text(buildCustomMutation("retireThing", "result { rowId }"))).toBe(
      "mutation RetireThing($input: RetireThingInput!) { retireThing(input: $input) { result { rowId } } }",
    );
  });

  it("takes another input type", () => {
    expect(text(buildCustomMutation("retire", "ok", "OtherInput"))).toContain(
      "$input: OtherInput!",
    );
  });
});

describe("a custom query", () => {
  it("binds every argument", () => {
    const args = {
      q: { type: "String!", value: "hat" },
      ids: { type: "[UUID!]", value: [shopId] },
    };
    expect(text(buildCustomQuery("searchThings", args, "totalCount"))).toBe(
      "query SearchThings($q: String!, $ids: [UUID!]) { searchThings(q: $q, ids: $ids) { totalCount } }",
    );
    expect(buildCustomVariables(args)).toEqual({ q: "hat", ids: [shopId] });
  });

  it("needs neither arguments nor a selection", () => {
    expect(text(buildCustomQuery("countThings", {}, ""))).toBe(
      "query CountThings { countThings }",
    );
  });

  it("lets no text into the query by a name", () => {
    expect(() => buildCustomQuery("a { b }", {}, "")).toThrow("GraphQL name");
    expect(() =>
      buildCustomQuery("a", { "b: 1": { type: "Int", value: 1 } }, ""),
    ).toThrow("GraphQL name");
    expect(() =>
      buildCustomQuery("a", { b: { type: "Int) { x }", value: 1 } }, ""),
    ).toThrow("GraphQL type");
    expect(() => buildCustomMutation("a", "b", "C) {")).toThrow("GraphQL name");
  });
});

describe("parseCustom", () => {
  it("reads numbers and records at their paths, through lists", () => {
    const answer = Object.freeze({
      rowsTotal: "12",
      nodes: [
        { rowId: thingId, price: "1.50", shop: { rowId: shopId, name: "x" } },
      ],
      gone: null,
    });
    expect(
      parseCustom(resources, answer, {
        rowsTotal: "bigint",
        nodes: { resource: "things" },
        gone: { resource: "things" },
        "missing.path": "int",
      }),
    ).toEqual({
      rowsTotal: 12,
      nodes: [
        {
          id: thingId,
          rowId: thingId,
          price: 1.5,
          shop: { id: shopId, rowId: shopId, name: "x" },
        },
      ],
      gone: null,
    });
  });

  it("reads the answer itself at the empty path", () => {
    expect(parseCustom(resources, "7", { "": "bigint" })).toBe(7);
  });
});
