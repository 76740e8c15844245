import { describe, expect, it } from "@jest/globals";

import { adoptCatalog } from "../../admin/src/catalog/adopt.ts";
import {
  hasForm,
  isAffected,
  liveTableOf,
} from "../../admin/src/live/liveTables.ts";
import { buildField, buildResource } from "./describedTable.ts";

describe("live pages", () => {
  it("know the live table behind a resource", () => {
    const described = (name: string, type: string, isLive: boolean) =>
      buildResource({ name, type, isLive }, [buildField({ name: "name" })]);
    const catalog = adoptCatalog(
      {
        version: "1",
        role: "closetai_viewer",
        resources: [
          described("products", "Product", true),
          described("brand_members", "BrandMember", true),
          described("currencies", "Currency", false),
        ],
      },
      () => false,
    );
    expect(liveTableOf(catalog, "products")).toBe("products");
    expect(liveTableOf(catalog, "members")).toBe("brand_members");
    expect(liveTableOf(catalog, "currencies")).toBeUndefined();
    expect(liveTableOf(catalog, "catalog")).toBeUndefined();
  });

  it.each([
    ["/products", false],
    ["/products/1/show", false],
    ["/products/1", true],
    ["/products/create", true],
    ["/", false],
  ])("know whether %s has a form", (path, expected) => {
    expect(hasForm(path)).toBe(expected);
  });

  it("read again what a change touches, and nothing else", () => {
    const one = ["products", "getOne", { id: "a" }];
    const many = ["products", "getMany", { ids: ["a", 7] }];
    const list = ["products", "getList", {}];
    const other = ["brands", "getOne", { id: "a" }];
    const touched = (ids: unknown[]) =>
      [one, many, list, other].filter((key) =>
        isAffected(key, "products", ids),
      );
    expect(touched(["a"])).toEqual([one, many, list]);
    expect(touched(["7"])).toEqual([many, list]);
    expect(touched(["b"])).toEqual([list]);
    expect(touched([])).toEqual([one, many, list]);
  });
});
