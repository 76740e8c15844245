import { describe, expect, it } from "@jest/globals";

import { settleWaits } from "../../server/graphile/live/settleWaits.ts";

describe("asking whether older transactions have ended", () => {
  it("is done ever more rarely, and not for ever", () => {
    const waits = [...settleWaits()];
    expect(waits.slice(0, 7)).toEqual([
      250, 500, 1_000, 2_000, 4_000, 5_000, 5_000,
    ]);
    expect(new Set(waits.slice(5))).toEqual(new Set([5_000]));
    const together = waits.reduce((sum, wait) => sum + wait, 0);
    expect(together).toBeLessThanOrEqual(600_000);
    expect(together).toBeGreaterThan(590_000);
  });
});
