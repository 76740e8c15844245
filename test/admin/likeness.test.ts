import { describe, expect, it } from "@jest/globals";

import { likenessPercent } from "../../admin/src/wardrobe/likeness.ts";

describe("likenessPercent", () => {
  it.each([
    [0, 100],
    [0.004, 100],
    [0.256, 74],
    [1, 0],
    [2, 0],
    [-0.000001, 100],
  ])("tells distance %d as %d %%", (distance, percent) => {
    expect(likenessPercent(distance)).toBe(percent);
  });
});
