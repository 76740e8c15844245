import { describe, expect, it } from "@jest/globals";

import {
  compareVersions,
  firstChoices,
  isSame,
  mergeVersions,
} from "../../admin/src/catalog/conflict/merge.ts";
import { versionsOf } from "../../admin/src/catalog/list/versionsOf.ts";
import { diffsOf, revertOf, rowKey } from "../../admin/src/history/history.ts";
import {
  defaultViewFor,
  isUnchanged,
  type SavedView,
  viewSearch,
  viewsOf,
  type ViewState,
} from "../../admin/src/savedViews/savedViews.ts";
import { findCommands } from "../../admin/src/search/commands.ts";
import { adopted, resourceOf } from "./describedTable.ts";

const before = { name: "Riviera", season: "spring", tags: ["a"], notes: null };

describe("two versions of a record", () => {
  const names = ["name", "season", "tags", "notes"];
  const theirs = { ...before, name: "Riviera II", season: "autumn" };
  const mine = { ...before, name: "Côte", tags: ["a", "b"], notes: "" };
  const changes = compareVersions(names, before, theirs, mine);

  it("are compared field by field, with who changed what", () => {
    expect(changes.map(({ name, by }) => [name, by])).toEqual([
      ["name", "both"],
      ["season", "them"],
      ["tags", "me"],
    ]);
  });

  it("keep what only one side changed, and lose nothing unasked", () => {
    expect(mergeVersions(theirs, changes, firstChoices(changes))).toEqual({
      name: "Côte",
      season: "autumn",
      tags: ["a", "b"],
      notes: null,
    });
  });

  it("become what the person chooses", () => {
    expect(
      mergeVersions(theirs, changes, {
        name: "theirs",
        season: "mine",
        tags: "theirs",
      }),
    ).toEqual({ ...theirs, season: "spring" });
  });

  it("leave no choice where both wrote the same", () => {
    const same = compareVersions(
      ["name"],
      before,
      { name: "X" },
      { name: "X" },
    );
    expect(same).toMatchObject([{ by: "them" }]);
  });

  it("do not differ by the order of keys, or by how nothing is written", () => {
    expect(isSame({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
    expect(isSame("", null)).toBe(true);
    expect(isSame([1, 2], [2, 1])).toBe(false);
  });
});

describe("the history of a row", () => {
  const look = resourceOf(adopted(), "looks");
  const diffs = diffsOf(look, {
    diff: {
      name: ["Riviera", "Côte"],
      brand_id: ["b1", "b2"],
      updated_at: ["t1", "t2"],
      unknown_column: [1, 2],
    },
  });

  it("tells columns under their labels, without the bookkeeping", () => {
    expect(diffs.map(({ column, field }) => [column, field?.name])).toEqual([
      ["name", "name"],
      ["brand_id", "brandId"],
      ["unknown_column", undefined],
    ]);
  });

  it("can be undone only where the role may write, and where it is not so already", () => {
    expect(revertOf(look, diffs, { name: "Côte", brandId: "b2" })).toEqual({
      name: "Riviera",
    });
    expect(revertOf(look, diffs, { name: "Riviera" })).toEqual({});
  });

  it("is found by the key's parts joined by commas", () => {
    const pair = {
      ...look,
      schema: { ...look.schema, primaryKey: ["brandId", "name"] },
    };
    expect(rowKey(pair, { brandId: "b1", name: "x" })).toBe("b1,x");
  });
});

describe("a saved view", () => {
  const state: ViewState = {
    filter: { "name@contains": "riv" },
    sort: { field: "name", order: "ASC" },
    perPage: 50,
    columns: ["name"],
    density: "compact",
  };
  const view = (given: Partial<SavedView>): SavedView => ({
    id: "v1",
    userId: "u1",
    brandId: "b1",
    resource: "looks",
    name: "Mine",
    view: state,
    isShared: false,
    defaultFor: null,
    updatedAt: "",
    ...given,
  });

  it("is an address the list understands", () => {
    const params = new URLSearchParams(viewSearch(state));
    expect(JSON.parse(params.get("filter") ?? "")).toEqual(state.filter);
    expect(params.get("sort")).toBe("name");
    expect(params.get("order")).toBe("ASC");
    expect(params.get("perPage")).toBe("50");
    expect(params.get("page")).toBe("1");
  });

  it("knows when the list is no longer what it says", () => {
    expect(isUnchanged(state, { ...state })).toBe(true);
    expect(isUnchanged(state, { ...state, perPage: 25 })).toBe(false);
    expect(isUnchanged(state, { ...state, columns: null })).toBe(false);
    expect(isUnchanged(state, { ...state, filter: {} })).toBe(false);
  });

  it("is offered with the others of its table, one's own first", () => {
    const views = [
      view({ id: "a", userId: "u2", name: "A" }),
      view({ id: "b", name: "B" }),
      view({ id: "c", resource: "products" }),
    ];
    expect(viewsOf(views, "looks", "u1").map(({ id }) => id)).toEqual([
      "b",
      "a",
    ]);
  });

  it("opens the list for the role it is the default of, and for no other", () => {
    const views = [view({ defaultFor: "analyst", isShared: true })];
    expect(defaultViewFor(views, "looks", "analyst")?.id).toBe("v1");
    expect(defaultViewFor(views, "looks", "viewer")).toBeNull();
    expect(defaultViewFor(views, "looks", null)).toBeNull();
    expect(defaultViewFor(views, "products", "analyst")).toBeNull();
  });
});

describe("the search for pages and actions", () => {
  const command = (
    key: string,
    label: string,
    kind: "page" | "action",
    also = "",
  ) => ({
    key,
    label,
    also,
    kind,
    to: null,
  });
  const commands = [
    command("p1", "Products", "page"),
    command("a1", "New product", "action", "create add"),
    command("a2", "Use the dark theme", "action", "mode"),
  ];
  const found = (query: string) =>
    findCommands(commands, query).map(({ key }) => key);

  it("finds by the start of words, by other words for it, without regard to accents", () => {
    expect(found("prod")).toEqual(["p1", "a1"]);
    expect(found("create prod")).toEqual(["a1"]);
    expect(found("MODE")).toEqual(["a2"]);
    expect(found("thème")).toEqual(["a2"]);
    expect(found("zzz")).toEqual([]);
  });

  it("offers what can be done before anything is asked", () => {
    expect(found("")).toEqual(["a1", "a2"]);
  });
});

describe("the versions of a change of many", () => {
  const shown = [
    { id: "1", updatedAt: "2030-01-01T00:00:00.000001Z" },
    { id: "2", updatedAt: "2030-01-02T00:00:00.000002Z" },
  ];
  const schemaWith = (version: string | null) => {
    const { schema } = resourceOf(adopted(), "looks");
    return { schema: { ...schema, version } };
  };

  it("are those of the rows a person sees", () => {
    expect(versionsOf(schemaWith("updatedAt"), shown)).toEqual({
      "1": "2030-01-01T00:00:00.000001Z",
      "2": "2030-01-02T00:00:00.000002Z",
    });
  });

  it("are none where the table has no version, or nothing is shown", () => {
    expect(versionsOf(schemaWith(null), shown)).toEqual({});
    expect(versionsOf(schemaWith("updatedAt"), undefined)).toEqual({});
  });
});
