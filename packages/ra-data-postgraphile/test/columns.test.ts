import { describe, expect, it } from "@jest/globals";

import { printSelection, selectColumns, selectKey } from "../src/columns.ts";
import { resources } from "./resources.ts";

const print = (
  name: keyof typeof resources,
  columns?: readonly string[],
): string => printSelection(selectColumns(resources, resources[name], columns));

describe("selectColumns", () => {
  it("reads the resource's own columns by default", () => {
    expect(print("shops")).toBe("city name rowId");
    expect(print("parts")).toBe("id label no thingId");
  });

  it("always adds the key and the version", () => {
    expect(print("things", ["name"])).toBe("name rowId updatedAt");
  });

  it("adds a field that is not read by default", () => {
    expect(print("things", ["nameLength"])).toBe("nameLength rowId updatedAt");
  });

  it("follows a path into a relation, with that record's key", () => {
    expect(print("things", ["shop.name", "name", "shop.city"])).toBe(
      "name rowId updatedAt shop { city name rowId }",
    );
    expect(print("parts", ["thing.shop.name"])).toBe(
      "id no thingId thing { rowId shop { name rowId } }",
    );
  });

  it("reads only the key of a relation that is named alone", () => {
    expect(print("things", ["shop"])).toBe("rowId updatedAt shop { rowId }");
  });

  it("gives one text for one set, whatever its order", () => {
    expect(print("things", ["qty", "name", "id", "qty"])).toBe(
      print("things", ["name", "qty"]),
    );
  });

  it("refuses a column nobody described", () => {
    expect(() => print("things", ["secret"])).toThrow(
      'things has no field "secret"',
    );
    expect(() => print("things", ["shop.secret"])).toThrow(
      'shops has no field "secret"',
    );
    expect(() => print("things", ["constructor"])).toThrow("has no field");
  });

  it("selects only the key where only the row's identity matters", () => {
    expect(printSelection(selectKey(resources.things))).toBe("rowId");
    expect(printSelection(selectKey(resources.parts))).toBe("id no thingId");
  });
});
