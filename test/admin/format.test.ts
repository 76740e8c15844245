import { describe, expect, it } from "@jest/globals";

import {
  formatBytes,
  formatMoney,
  formatRelative,
  moneyText,
  parseMoney,
  parseSignedMoney,
  usualExponent,
} from "../../admin/src/format.ts";

describe("money", () => {
  it.each([
    [129900, "eur", 2, "€1,299.00"],
    [1500, "jpy", 0, "¥1,500"],
    [1234, "kwd", 3, "KWD 1.234"],
    [0, "usd", 2, "$0.00"],
    // What takes nothing away has no sign.
    [-0, "usd", 2, "$0.00"],
    [-4200, "usd", 2, "-$42.00"],
    // A unit amount may be less than a cent.
    [0.25, "usd", 2, "$0.0025"],
    [12.5, "jpy", 0, "¥12.5"],
    // What Stripe sends may be anything.
    [1500, "zz9", 2, "15.00 zz9"],
    [1500, "", 2, "15.00 "],
  ])("writes %d %s with its own digits", (minor, currency, exponent, text) => {
    expect(formatMoney(minor, currency, exponent).replace("\u00a0", " ")).toBe(
      text,
    );
  });

  it.each([
    ["clp", 0],
    ["bhd", 3],
    ["isk", 2],
    ["eur", 2],
    ["zz9", 2],
    ["", 2],
  ])("knows the digits of %j without a list", (code, exponent) => {
    expect(usualExponent(code)).toBe(exponent);
  });

  it.each([
    ["1299", 2, 129900],
    ["1,299.5", 2, 129950],
    ["1 299,50", 2, 129950],
    ["1,299", 2, 129900],
    ["0.1", 2, 10],
    ["1.10", 1, 11],
    ["19,99", 2, 1999],
    ["1500", 0, 1500],
    ["1,500", 0, 1500],
    ["1.234", 3, 1234],
  ])("reads %p with %d digits as %d", (text, exponent, minor) => {
    expect(parseMoney(text, exponent)).toBe(minor);
  });

  it.each(["", "abc", "-1", "1.999", "1e5", "0x10", "99999999999999999999"])(
    "does not guess at %p",
    (text) => {
      expect(parseMoney(text, 2)).toBeNull();
    },
  );

  it.each([
    ["-12.50", -1250],
    ["−3", -300],
    ["+3", null],
    ["--3", null],
    ["7", 700],
    ["-", null],
    ["", null],
  ])("reads %p as the change %p", (text, minor) => {
    expect(parseSignedMoney(text, 2)).toBe(minor);
  });

  it("gives back what it wrote", () => {
    for (const minor of [0, 1, 99, 100, 123456789]) {
      expect(parseMoney(moneyText(minor, 2), 2)).toBe(minor);
    }
  });
});

describe("relative time", () => {
  const now = new Date("2026-06-15T12:00:00Z");
  it.each([
    ["2026-06-15T11:59:50Z", "just now"],
    ["2026-06-15T11:55:00Z", "5 minutes ago"],
    ["2026-06-15T09:00:00Z", "3 hours ago"],
    ["2026-06-14T12:00:00Z", "yesterday"],
    ["2026-06-22T12:00:00Z", "in 7 days"],
    ["2024-06-15T12:00:00Z", "2 years ago"],
  ])("says of %s: %s", (moment, text) => {
    expect(formatRelative(new Date(moment), now)).toBe(text);
  });
});

describe("bytes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [102_842, "103 kB"],
    [10_000_000, "10.0 MB"],
  ])("writes %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
