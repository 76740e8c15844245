import { describe, expect, it } from "@jest/globals";

import { diffVersions, mergeVersions } from "../src/index.ts";

const base = { id: "1", name: "a", price: 1, tags: ["x"], note: null, at: 1 };

describe("diffVersions", () => {
  it("tells each field that somebody changed, and where both did", () => {
    expect(
      diffVersions(
        base,
        { ...base, name: "mine", price: 2, tags: ["x"] },
        { ...base, name: "theirs", note: "new", tags: ["x", "y"], at: 2 },
        { ignore: ["at"] },
      ),
    ).toEqual({
      name: { base: "a", mine: "mine", theirs: "theirs", conflict: true },
      price: { base: 1, mine: 2, theirs: 1, conflict: false },
      tags: {
        base: ["x"],
        mine: ["x"],
        theirs: ["x", "y"],
        conflict: false,
      },
      note: { base: null, mine: null, theirs: "new", conflict: false },
    });
  });

  it("finds no conflict where both made the same change", () => {
    expect(
      diffVersions(base, { ...base, name: "b" }, { ...base, name: "b" }),
    ).toEqual({ name: { base: "a", mine: "b", theirs: "b", conflict: false } });
  });

  it("takes a field that the form does not hold as unchanged", () => {
    expect(diffVersions(base, { name: "a" }, base)).toEqual({});
    expect(diffVersions(base, { name: "a" }, { ...base, price: 5 })).toEqual({
      price: { base: 1, mine: 1, theirs: 5, conflict: false },
    });
  });

  it("compares only the fields it is given", () => {
    expect(
      diffVersions(base, { ...base, name: "b", price: 9 }, base, {
        fields: ["price"],
      }),
    ).toEqual({ price: { base: 1, mine: 9, theirs: 1, conflict: false } });
  });
});

describe("mergeVersions", () => {
  const mine = { ...base, name: "mine", price: 2 };
  const theirs = { ...base, name: "theirs", note: "new" };
  const difference = diffVersions(base, mine, theirs);

  it("keeps what only one changed, and the chosen side of a conflict", () => {
    expect(mergeVersions(theirs, difference, { name: "mine" })).toEqual({
      ...theirs,
      name: "mine",
      price: 2,
    });
    expect(
      mergeVersions(theirs, difference, { name: "theirs", price: "theirs" }),
    ).toEqual(theirs);
  });

  it("does not choose by itself", () => {
    expect(() => mergeVersions(theirs, difference)).toThrow(
      "Choose a version of name first.",
    );
  });
});
