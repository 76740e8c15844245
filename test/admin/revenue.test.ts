import { describe, expect, it } from "@jest/globals";

import { waterfallSteps } from "../../admin/src/components/waterfallSteps.ts";
import { formatMoneyChange, formatMoneyShort } from "../../admin/src/format.ts";
import {
  accountName,
  causeOf,
  eventIdOf,
  sourcesOf,
} from "../../admin/src/mrrMovements/types.ts";
import {
  addMonths,
  bucketFor,
  bucketsFor,
  isPeriod,
  namedPeriod,
  periodParams,
  previousPeriod,
  readPeriod,
} from "../../admin/src/revenue/period.ts";
import {
  changedFields,
  objectLink,
} from "../../admin/src/stripeEvents/payload.ts";

const NOW = new Date("2026-11-30T23:59:59Z");

describe("a period", () => {
  it.each([
    ["this_month", "2026-11-01", "2026-12-01"],
    ["last_month", "2026-10-01", "2026-11-01"],
    ["this_quarter", "2026-10-01", "2026-12-01"],
    ["year_to_date", "2026-01-01", "2026-12-01"],
    ["last_12_months", "2025-12-01", "2026-12-01"],
  ] as const)("%s goes from %s until %s", (name, from, to) => {
    expect(namedPeriod(name, NOW)).toEqual({ name, from, to });
  });

  it("that is not over ends with today, in UTC", () => {
    expect(
      namedPeriod("this_month", new Date("2026-03-15T23:30:00-05:00")),
    ).toMatchObject({ from: "2026-03-01", to: "2026-03-17" });
  });

  it("of months is compared with the same part of those before", () => {
    const before = (name: Parameters<typeof namedPeriod>[0], now: string) => {
      const { from, to } = previousPeriod(namedPeriod(name, new Date(now)));
      return [from, to];
    };
    expect(before("this_month", "2026-11-15T12:00:00Z")).toEqual([
      "2026-10-01",
      "2026-10-16",
    ]);
    // Of a long month and a short one before it.
    expect(before("this_month", "2026-03-30T12:00:00Z")).toEqual([
      "2026-02-01",
      "2026-02-28",
    ]);
    expect(before("this_month", "2026-03-31T12:00:00Z")).toEqual([
      "2026-02-01",
      "2026-03-01",
    ]);
    expect(before("last_month", "2026-01-10T12:00:00Z")).toEqual([
      "2025-11-01",
      "2025-12-01",
    ]);
    expect(before("this_quarter", "2026-11-15T12:00:00Z")).toEqual([
      "2026-07-01",
      "2026-08-16",
    ]);
    expect(before("year_to_date", "2024-02-28T12:00:00Z")).toEqual([
      "2023-01-01",
      "2023-02-28",
    ]);
  });

  it("of other days is compared with as many before, of whole months with months", () => {
    expect(
      previousPeriod({ name: "custom", from: "2026-03-10", to: "2026-03-20" }),
    ).toEqual({ name: "custom", from: "2026-02-28", to: "2026-03-10" });
    expect(
      previousPeriod({ name: "custom", from: "2026-03-01", to: "2026-04-01" }),
    ).toEqual({ name: "custom", from: "2026-02-01", to: "2026-03-01" });
  });

  it.each([
    ["2026-01-01", "2026-01-01", false],
    ["2026-02-01", "2026-01-01", false],
    ["2026-02-30", "2026-03-01", false],
    ["2010-01-01", "2026-03-01", false],
    ["soon", "later", false],
    [null, "2026-03-01", false],
    ["2026-01-01", "2026-01-02", true],
  ])("from %s until %s: %p", (from, to, expected) => {
    expect(isPeriod(from, to)).toBe(expected);
  });

  it("is read from an address and written to it", () => {
    for (const address of [
      "period=last_month",
      "from=2026-01-01&to=2026-02-01",
    ]) {
      const period = readPeriod(new URLSearchParams(address), NOW);
      expect(new URLSearchParams(periodParams(period)).toString()).toBe(
        address,
      );
    }
    for (const nonsense of ["", "period=never", "period=custom&from=x&to=y"]) {
      expect(readPeriod(new URLSearchParams(nonsense), NOW).name).toBe(
        "this_month",
      );
    }
  });

  it("a month later is never the month after that", () => {
    expect(addMonths("2026-01-31", 1)).toBe("2026-02-28");
    expect(addMonths("2024-03-31", -1)).toBe("2024-02-29");
    expect(addMonths("2026-12-15", 1)).toBe("2027-01-15");
  });

  it("is drawn in buckets that a chart can hold", () => {
    const of = (from: string, to: string) => ({
      name: "custom" as const,
      from,
      to,
    });
    expect(bucketFor(of("2026-11-01", "2026-12-01"), null)).toBe("day");
    expect(bucketFor(of("2025-12-01", "2026-12-01"), null)).toBe("month");
    expect(bucketFor(of("2025-12-01", "2026-12-01"), "day")).toBe("day");
    // 500 rows are what the API answers at once.
    expect(bucketsFor(of("2020-01-01", "2026-12-01"))).toEqual([
      "week",
      "month",
      "quarter",
    ]);
    expect(bucketsFor(of("2026-11-29", "2026-12-01"))).toEqual(["day"]);
  });
});

describe("a waterfall", () => {
  it("stands on the ground at both ends, and each step begins where the last one ended", () => {
    expect(waterfallSteps([100, 20, -50, 70])).toEqual([
      { low: 0, high: 100, after: 100 },
      { low: 100, high: 120, after: 120 },
      { low: 70, high: 120, after: 70 },
      { low: 0, high: 70, after: 70 },
    ]);
  });
});

describe("amounts", () => {
  it("that change have their sign; where there is little room they are short", () => {
    expect(formatMoneyChange(1250, "usd", 2)).toBe("+$12.50");
    expect(formatMoneyChange(-1250, "usd", 2)).toBe("−$12.50");
    expect(formatMoneyChange(0, "usd", 2)).toBe("$0.00");
    expect(formatMoneyShort(50_890, "usd", 2)).toBe("$508.90");
    expect(formatMoneyShort(49_900, "usd", 2)).toBe("$499");
    expect(formatMoneyShort(1_234_567, "usd", 2)).toBe("$12.3K");
  });
});

describe("a movement", () => {
  it("names the event that caused it, if one did", () => {
    expect(eventIdOf("evt_1Ab")).toBe("evt_1Ab");
    expect(eventIdOf("evt_1Ab#3")).toBe("evt_1Ab");
    expect(eventIdOf("link:evt_1Ab")).toBe("evt_1Ab");
    expect(eventIdOf("link:manual:0190")).toBeNull();
    expect(causeOf({ sourceEventId: "link:manual:0190" })).toBe("link");
    expect(causeOf({ sourceEventId: "manual:0190" })).toBe("staff");
    expect(sourcesOf("evt_1")).toEqual(
      expect.arrayContaining(["evt_1", "evt_1#2", "link:evt_1"]),
    );
  });

  it("is of somebody with a name, or what the database calls them", () => {
    const account = "customer:cus_1";
    expect(accountName({ account })).toBe("cus_1");
    expect(
      accountName({
        account,
        accountByAccount: { customer: { name: "", email: "a@b.test" } },
      }),
    ).toBe("a@b.test");
    expect(
      accountName({
        account: "user:1",
        accountByAccount: { user: { displayName: "", email: "s@b.test" } },
      }),
    ).toBe("s@b.test");
    expect(
      accountName({ account: "brand:1", brand: { name: "Lumière" } }),
    ).toBe("Lumière");
  });
});

describe("what an event says has changed", () => {
  const changes = (previous: object, object: object) =>
    changedFields({
      data: {
        object: object as never,
        previous_attributes: previous as never,
      },
    }).map(({ path, before, after }) => [path, before, after]);

  it("is each field that is not what it was, along objects", () => {
    expect(
      changes(
        { status: "trialing", plan: { amount: 1, name: "same" }, gone: 7 },
        { status: "active", plan: { amount: 2, name: "same" }, other: 1 },
      ),
    ).toEqual([
      ["status", "trialing", "active"],
      ["plan.amount", 1, 2],
      ["gone", 7, null],
    ]);
  });

  it("is, of lists that come whole, the part that differs", () => {
    expect(
      changes(
        {
          items: {
            data: [
              { id: "si_1", quantity: 10, price: { id: "p" } },
              { id: "si_2", quantity: 1 },
            ],
          },
        },
        {
          items: {
            data: [
              { id: "si_1", quantity: 16, price: { id: "p" } },
              { id: "si_3", quantity: 2 },
            ],
          },
        },
      ),
    ).toEqual([
      ["items.data[si_1].quantity", 10, 16],
      ["items.data[si_2]", { id: "si_2", quantity: 1 }, null],
      ["items.data[si_3]", null, { id: "si_3", quantity: 2 }],
    ]);
    expect(changes({ tags: ["a"] }, { tags: ["a", "b"] })).toEqual([
      ["tags", ["a"], ["a", "b"]],
    ]);
  });

  it("is nothing where Stripe said nothing, or something strange", () => {
    expect(changedFields(null)).toEqual([]);
    expect(changedFields({ data: { object: {} } })).toEqual([]);
    expect(changedFields({ data: { previous_attributes: "x" } })).toEqual([]);
    expect(changes({ a: { b: 1 } }, { a: null })).toEqual([
      ["a", { b: 1 }, null],
    ]);
  });

  it("leads to the object where it is mirrored", () => {
    expect(objectLink("customer.subscription.updated", "sub_1")?.to).toBe(
      "/stripe_subscriptions/sub_1/show",
    );
    expect(objectLink("customer.updated", "cus_1")?.resource).toBe(
      "stripe_customers",
    );
    expect(objectLink("customer.discount.created", "di_1")).toBeNull();
    expect(objectLink("checkout.session.completed", "cs_1")).toBeNull();
    expect(objectLink("invoice.paid", null)).toBeNull();
  });
});
