import { describe, expect, it } from "@jest/globals";

import { canAccess } from "../../admin/src/canAccess.ts";
import type { AppRole } from "../../admin/src/session.ts";
import { actionsOf } from "../../admin/src/tryonJobs/jobRights.ts";
import { makeRequestKeys } from "../../admin/src/tryonJobs/requestKey.ts";
import {
  type Ledger,
  NO_LEDGER,
  STATUSES,
  type TryonPayer,
  type TryonStatus,
} from "../../admin/src/tryonJobs/types.ts";

const charged: Ledger = {
  hold: { amount: 1, status: "captured" },
  entries: [],
};
const refunded: Ledger = {
  ...charged,
  entries: [
    { id: "1", kind: "grant", amount: 1, reason: "", createdAt: "2026-01-01" },
  ],
};

const offered = (
  role: AppRole,
  eyes: "brand" | "shopper" | "staff",
  payer: TryonPayer,
  ledger: Ledger = charged,
): Partial<Record<TryonStatus, string[]>> =>
  Object.fromEntries(
    STATUSES.map((status) => [
      status,
      actionsOf(
        { status, payer, cost: 1 },
        ledger,
        { eyes },
        (resource, action) => canAccess(role, { resource, action }),
      ),
    ]).filter(([, actions]) => (actions?.length ?? 0) > 0),
  );

describe("the actions on a try-on", () => {
  it("let a shopper cancel what waits and try again what failed", () => {
    expect(offered("user", "shopper", "user")).toEqual({
      queued: ["cancel"],
      failed: ["retry"],
      expired: ["retry"],
    });
  });

  it("let a manager do so only where the brand pays, and nobody below", () => {
    expect(offered("manager", "brand", "brand")).toEqual({
      queued: ["cancel"],
      failed: ["retry"],
      expired: ["retry"],
    });
    expect(offered("manager", "brand", "user")).toEqual({});
    expect(offered("analyst", "brand", "brand")).toEqual({});
  });

  it("let support and finance give back what was charged, once", () => {
    expect(offered("staff_support", "staff", "user")).toEqual({
      queued: ["cancel"],
      completed: ["refund"],
      failed: ["retry"],
      expired: ["retry"],
    });
    expect(offered("staff_finance", "staff", "user")).toEqual({
      completed: ["refund"],
    });
    expect(offered("staff_finance", "staff", "user", refunded)).toEqual({});
    expect(offered("staff_finance", "staff", "pro", NO_LEDGER)).toEqual({});
    expect(offered("staff_admin", "staff", "user")).toEqual({});
  });
});

describe("the key of a request", () => {
  it("stays for the same request of a form, and is another for another", () => {
    const keyFor = makeRequestKeys();
    const first = keyFor({ categoryCode: "tops", productIds: ["a"] });
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(keyFor({ categoryCode: "tops", productIds: ["a"] })).toBe(first);
    const other = keyFor({ categoryCode: "tops", productIds: ["b"] });
    expect(other).not.toBe(first);
    expect(keyFor({ categoryCode: "tops", productIds: ["a"] })).toBe(first);
    expect(
      makeRequestKeys()({ categoryCode: "tops", productIds: ["a"] }),
    ).not.toBe(first);
  });
});
