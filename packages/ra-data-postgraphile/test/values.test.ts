import { describe, expect, it } from "@jest/globals";
import { HttpError } from "ra-core";

import type { ScalarKind } from "../src/index.ts";
import { isSameValue, readValue, sendValue } from "../src/values.ts";

const one = (kind: ScalarKind) => ({ kind, array: false });
const many = (kind: ScalarKind) => ({ kind, array: true });

describe("sendValue", () => {
  it.each<[ScalarKind, unknown, unknown]>([
    ["string", "coat", "coat"],
    ["string", 12, "12"],
    ["int", "12", 12],
    ["int", -3, -3],
    ["float", "1.5", 1.5],
    ["bigint", 9_007_199_254_740_991, "9007199254740991"],
    ["bigint", "9007199254740993", "9007199254740993"],
    ["numeric", 12.5, "12.5"],
    ["numeric", " 12.50 ", "12.50"],
    ["boolean", "false", false],
    ["boolean", true, true],
    ["datetime", new Date("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05.000Z"],
    [
      "datetime",
      "2026-01-02T03:04:05.123456+00:00",
      "2026-01-02T03:04:05.123456+00:00",
    ],
    ["date", new Date("2026-01-02T03:04:05Z"), "2026-01-02"],
    ["date", "2026-01-02", "2026-01-02"],
    ["enum", "calm", "calm"],
    ["json", { a: [1] }, { a: [1] }],
    ["int", null, null],
  ])("sends a %s %p as %p", (kind, value, sent) => {
    expect(sendValue(one(kind), value, "field")).toEqual(sent);
  });

  it.each<[ScalarKind, unknown]>([
    ["int", "1.5"],
    ["int", "many"],
    ["int", ""],
    ["float", "1,5"],
    ["bigint", 1.5],
    ["numeric", "12 EUR"],
    ["boolean", "perhaps"],
    ["datetime", new Date("nonsense")],
  ])("refuses a %s %p with the field's name", (kind, value) => {
    const send = () => sendValue(one(kind), value, "price");
    expect(send).toThrow(HttpError);
    expect(send).toThrow(
      expect.objectContaining({
        status: 422,
        body: expect.objectContaining({
          errors: expect.objectContaining({ price: expect.any(String) }),
        }),
      }),
    );
  });

  it("sends each item of a list, and refuses what is no list", () => {
    expect(sendValue(many("int"), ["1", 2], "sizes")).toEqual([1, 2]);
    expect(sendValue(many("int"), null, "sizes")).toBeNull();
    expect(() => sendValue(many("int"), 3, "sizes")).toThrow("list");
  });
});

describe("readValue", () => {
  it.each<[ScalarKind, unknown, unknown]>([
    ["bigint", "42", 42],
    ["bigint", "-9007199254740991", -9_007_199_254_740_991],
    ["bigint", "9007199254740993", "9007199254740993"],
    ["numeric", "12.50", 12.5],
    ["numeric", "0.000123", 0.000123],
    ["numeric", "-0.5", -0.5],
    ["numeric", "0", 0],
    ["numeric", "2.0000000000000000", 2],
    ["numeric", "0.33333333333333333333", 1 / 3],
    ["numeric", "90071992547409930.5", "90071992547409930.5"],
    ["numeric", "NaN", "NaN"],
    ["int", 7, 7],
    ["float", 0.1, 0.1],
    ["string", "42", "42"],
    ["enum", "calm", "calm"],
    [
      "datetime",
      "2026-01-02T03:04:05.123456+00:00",
      "2026-01-02T03:04:05.123456+00:00",
    ],
    ["numeric", null, null],
  ])("reads a %s %p as %p", (kind, value, read) => {
    expect(readValue(one(kind), value)).toEqual(read);
  });

  it("reads each item of a list", () => {
    expect(readValue(many("bigint"), ["1", null])).toEqual([1, null]);
  });
});

describe("isSameValue", () => {
  it.each<[unknown, unknown, boolean]>([
    [1, 1, true],
    [1, "1", false],
    [null, undefined, false],
    [["a", "b"], ["a", "b"], true],
    [["a", "b"], ["b", "a"], false],
    [{ a: { b: 1 } }, { a: { b: 1 } }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: undefined }, { b: undefined }, false],
    [[], {}, false],
    [
      new Date("2026-01-02T00:00:00Z"),
      "2026-01-02T00:00:00.000000+00:00",
      true,
    ],
    [new Date("2026-01-02T00:00:00Z"), null, false],
  ])("%p and %p: %p", (left, right, same) => {
    expect(isSameValue(left, right)).toBe(same);
  });
});
