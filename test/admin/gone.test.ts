import { describe, expect, it } from "@jest/globals";

import type { AdminCatalog } from "../../admin/src/catalog/adopt.ts";
import { type Gone, goneSince } from "../../admin/src/catalog/gone.ts";
import { adopted } from "./describedTable.ts";

const full = adopted();
const without = (...names: string[]): AdminCatalog => ({
  ...full,
  resources: full.resources.filter(({ name }) => !names.includes(name)),
  byName: new Map([...full.byName].filter(([name]) => !names.includes(name))),
});
const NONE: Gone = new Map();

describe("tables that are gone", () => {
  it("are those the last catalogue described and this one does not, by their label", () => {
    const label = full.byName.get("looks")?.label;
    expect(goneSince({ catalog: full, gone: NONE }, without("looks"))).toEqual(
      new Map([["looks", label]]),
    );
    expect(goneSince({ catalog: full, gone: NONE }, full)).toEqual(NONE);
  });

  it("stay gone through another change, and come back with their table", () => {
    const gone = goneSince({ catalog: full, gone: NONE }, without("looks"));
    const before = { catalog: without("looks"), gone };
    expect([
      ...goneSince(before, without("looks", "currencies")).keys(),
    ]).toEqual(["looks", "currencies"]);
    expect(goneSince(before, full)).toEqual(NONE);
  });

  it("are nobody's at the first catalogue, and after a change of role", () => {
    expect(goneSince(null, full)).toEqual(NONE);
    expect(
      goneSince(
        { catalog: full, gone: new Map([["old", "Old"]]) },
        { ...without("looks"), role: "closetai_staff_support" },
      ),
    ).toEqual(NONE);
  });
});
