import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { outcomeOf } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  coupon,
  customer,
  DAY,
  discount,
  event,
  invoice,
  type Json,
  newId,
  price,
  type PriceInput,
  START,
  subscription,
} from "./events.ts";
import {
  accountMrr,
  asFinance,
  became,
  created,
  deleted,
  faults,
  makeBrand,
  makeFinance,
  makeUser,
  movementsOf,
  one,
  process,
  send,
  setRate,
  story,
  updated,
  worth,
  worthOf,
} from "./stage.ts";

/**
 * The definitions of docs/metrics.md. Where a source works an example, its
 * numbers are used and its address is named.
 */

let db: TestDatabase;
let finance: string;

beforeAll(async () => {
  db = await createTestDatabase();
  finance = await makeFinance(db);
});

afterAll(() => db.drop());

/** MRR in the minor unit of one item at a price. */
async function minorOf(
  input: PriceInput,
  quantity?: number | null,
): Promise<number> {
  const { mrr_minor, mrr_state, mrr_note } = await worth(db, {
    items: [
      { price: price(input), ...(quantity === undefined ? {} : { quantity }) },
    ],
  });
  expect({ mrr_state, mrr_note }).toEqual({ mrr_state: "ok", mrr_note: null });
  return mrr_minor;
}

describe("MRR-1: which statuses count", () => {
  it.each([
    ["active", 2000],
    ["past_due", 2000],
    ["trialing", 0],
    ["incomplete", 0],
    ["incomplete_expired", 0],
    ["unpaid", 0],
    ["canceled", 0],
    ["paused", 0],
  ])("%s counts %d", async (status, expected) => {
    const { mrr_minor, mrr_state } = await worth(db, {
      status,
      items: [{ price: price() }],
    });
    expect({ mrr_minor, mrr_state }).toEqual({
      mrr_minor: expected,
      mrr_state: "ok",
    });
  });

  it("a trial that turns active counts, although its first invoice is unpaid", async () => {
    // https://support.stripe.com/questions/calculating-churn-rate-in-billing
    const cus = newId("cus");
    const trial = subscription({
      customer: cus,
      status: "trialing",
      items: [{ price: price() }],
    });
    await send(db, created(trial));
    expect(await accountMrr(db, `customer:${cus}`)).toBe(0);
    await send(
      db,
      updated({ ...trial, status: "active" }, START + DAY),
      event(
        "invoice.payment_failed",
        START + DAY,
        invoice({ customer: cus, subscription: trial.id, status: "open" }),
      ),
    );
    expect(await accountMrr(db, `customer:${cus}`)).toBe(2000);
  });

  it("collection that is paused leaves MRR as it is", async () => {
    const paused = await worth(db, {
      items: [{ price: price() }],
      extra: { pause_collection: { behavior: "void", resumes_at: null } },
    });
    expect(paused.mrr_minor).toBe(2000);
  });
});

describe("MRR-2: the amount", () => {
  it("is quantity times unit amount, over all items", async () => {
    const { mrr_minor } = await worth(db, {
      items: [
        { price: price({ amount: 1500 }), quantity: 3 },
        { price: price({ amount: 250 }), quantity: 2 },
      ],
    });
    expect(mrr_minor).toBe(5000);
  });

  it("a quantity of 0 is worth nothing, and moves nothing", async () => {
    const cus = newId("cus");
    await send(
      db,
      created(
        subscription({
          customer: cus,
          items: [{ price: price(), quantity: 0 }],
        }),
      ),
    );
    expect(await story(db, `customer:${cus}`)).toBe("");
  });

  it("unit amounts have decimals", async () => {
    expect(await minorOf({ amount: "0.125" }, 1001)).toBe(125);
  });

  it.each([
    ["up", 25, 300],
    ["down", 25, 200],
    ["up", 20, 200],
    ["down", 9, 0],
  ] as const)(
    "packages of 10, rounded %s: %d are worth %d",
    async (round, quantity, expected) => {
      expect(
        await minorOf(
          { amount: 100, transform: { divide_by: 10, round } },
          quantity,
        ),
      ).toBe(expected);
    },
  );

  it("metered prices count 0", async () => {
    expect(await minorOf({ usage: "metered" }, null)).toBe(0);
  });

  it("one-off prices count 0", async () => {
    expect(await minorOf({ oneOff: true })).toBe(0);
  });

  it("a licensed item without a quantity counts as one", async () => {
    expect(await minorOf({ amount: 1234 }, null)).toBe(1234);
  });

  it("a free plan is worth nothing: no movement, no active account", async () => {
    const cus = newId("cus");
    await send(
      db,
      created(
        subscription({
          customer: cus,
          items: [{ price: price({ amount: 0 }) }],
        }),
      ),
    );
    expect(await story(db, `customer:${cus}`)).toBe("");
    expect(
      await one(
        db.root,
        "select count(*)::int as n from app_public.account_mrr where customer_id = $1 and active_subscriptions > 0",
        [cus],
      ),
    ).toEqual({ n: 0 });
  });

  it("neither invoices nor taxes nor refunds change it", async () => {
    const cus = newId("cus");
    const sub = subscription({ customer: cus, items: [{ price: price() }] });
    await send(
      db,
      created(sub),
      event(
        "invoice.paid",
        START + 1,
        invoice({ customer: cus, subscription: sub.id, tax: 400 }),
      ),
      event(
        "invoice.paid",
        START + 2,
        invoice({
          customer: cus,
          subscription: sub.id,
          lines: [{ amount: 900, proration: true }],
        }),
      ),
    );
    expect(await story(db, `customer:${cus}`)).toBe("new 2000");
  });

  const TIERS = [
    { up_to: 10, unit_amount: 500, flat_amount: 1000 },
    { up_to: 20, unit_amount: 400, flat_amount: null },
    { up_to: null, unit_amount: 300, flat_amount: 200 },
  ];

  it.each([
    // 10 × 500 + 1000
    ["graduated", 10, 6000],
    // 10 × 500 + 1000 + 5 × 400
    ["graduated", 15, 8000],
    // 10 × 500 + 1000 + 10 × 400 + 5 × 300 + 200
    ["graduated", 25, 11700],
    // 10 × 500 + 1000
    ["volume", 10, 6000],
    // 15 × 400
    ["volume", 15, 6000],
    // 25 × 300 + 200
    ["volume", 25, 7700],
  ] as const)(
    "%s tiers: %d are worth %d",
    async (tiersMode, quantity, minor) => {
      expect(await minorOf({ tiersMode, tiers: TIERS }, quantity)).toBe(minor);
    },
  );

  it("tiers that were not sent need a review, and count 0", async () => {
    const tiered = price({ tiersMode: "graduated" });
    const worthless = await worth(db, { items: [{ price: tiered }] });
    expect(worthless).toMatchObject({
      mrr_minor: 0,
      mrr_state: "needs_review",
      mrr_note: `The tiers of price ${tiered.id} are not known`,
    });
  });

  it("tiers that come later, or came earlier, count", async () => {
    const tiers = [{ up_to: null, unit_amount: 700 }];
    const input: PriceInput = { id: newId("price"), tiersMode: "volume" };
    const full = event(
      "price.created",
      START - DAY,
      price({ ...input, tiers }),
    );
    const before = subscription({
      customer: newId("cus"),
      items: [{ price: price(input), quantity: 2 }],
    });
    // The price's own event is older than the copy in the subscription.
    await send(db, created(before), full);
    expect(await worthOf(db, before.id)).toMatchObject({
      mrr_minor: 1400,
      mrr_state: "ok",
    });
    const after = await worth(db, { items: [{ price: price(input) }] });
    expect(after).toMatchObject({ mrr_minor: 700, mrr_state: "ok" });
  });

  it("a price that is not known needs a review until it is: one net movement, whatever it touches", async () => {
    const cus = newId("cus");
    const unknown = newId("price");
    const first = subscription({ customer: cus, items: [{ price: unknown }] });
    const second = subscription({ customer: cus, items: [{ price: unknown }] });
    await send(db, created(first), created(second));
    expect(await worthOf(db, first.id)).toMatchObject({
      mrr_minor: 0,
      mrr_state: "needs_review",
      mrr_note: `Price ${unknown} is not known`,
    });
    await send(
      db,
      event("price.created", START + 5, price({ id: unknown, amount: 300 })),
    );
    expect(await story(db, `customer:${cus}`)).toBe("new 600");
  });

  it("a price in another currency than its subscription needs a review", async () => {
    const other = price({ currency: "eur" });
    expect(
      await worth(db, { currency: "usd", items: [{ price: other }] }),
    ).toMatchObject({
      mrr_minor: 0,
      mrr_state: "needs_review",
      mrr_note: `Price ${other.id} is in another currency`,
    });
  });

  it("100 subscribers at $100 a month and 50 at $600 a year make $12,500", async () => {
    // https://docs.stripe.com/billing/subscriptions/analytics/glossary, which
    // prints 800 where its own 600 is meant: 50 × 600 / 12 = 2,500.
    const [monthly, yearly] = [
      await minorOf({ amount: 10_000 }),
      await minorOf({ amount: 60_000, interval: "year" }),
    ];
    expect(100 * monthly + 50 * yearly).toBe(1_250_000);
  });

  it("an annual subscription of $1,200 counts $100", async () => {
    // https://support.stripe.com/questions/billing-analytics
    expect(await minorOf({ amount: 120_000, interval: "year" })).toBe(10_000);
  });
});

describe("MRR-3: the factor", () => {
  // Stripe says "monthly-normalized" only; a year is 12 months, 52 weeks, 365 days.
  it.each([
    ["month", 1, 1200, 1200],
    ["month", 3, 3600, 1200],
    ["month", 6, 1000, 167],
    ["year", 1, 14_400, 1200],
    ["year", 2, 28_800, 1200],
    ["week", 1, 1200, 5200],
    ["week", 2, 1200, 2600],
    ["day", 1, 1200, 36_500],
    ["day", 30, 1200, 1217],
  ] as const)(
    "every %s × %d: %d is %d a month",
    async (interval, every, amount, minor) => {
      expect(await minorOf({ amount, interval, every })).toBe(minor);
    },
  );

  it("intervals that are none need a review", async () => {
    const odd = price();
    odd["recurring"] = {
      interval: "fortnight",
      interval_count: 1,
      usage_type: "licensed",
    };
    expect(await worth(db, { items: [{ price: odd }] })).toMatchObject({
      mrr_state: "needs_review",
      mrr_note: `Price ${odd.id} has no interval`,
    });
  });
});

describe("MRR-4: discounts", () => {
  it.each([
    ["forever", 1000],
    ["once", 2000],
    ["repeating", 2000],
  ] as const)("50 %% off %s leaves %d of 2000", async (duration, minor) => {
    // https://support.stripe.com/questions/impact-of-discounts-and-coupons-on-monthly-recurring-revenue-mrr-in-billing
    const { mrr_minor } = await worth(db, {
      items: [{ price: price() }],
      discounts: [discount(coupon({ percent: 50, duration }))],
    });
    expect(mrr_minor).toBe(minor);
  });

  it("the two settings of Stripe turn each kind on and off", async () => {
    const put = (value: Json): Promise<unknown> =>
      db.root.query(
        `insert into app_private.settings (key, value) values ('mrr', $1)
         on conflict (key) do update set value = excluded.value`,
        [JSON.stringify(value)],
      );
    const both = {
      items: [{ price: price() }],
      discounts: [
        discount(coupon({ percent: 50 })),
        discount(coupon({ percent: 10, duration: "once" })),
      ],
    };
    try {
      await put({ subtract_recurring: true, subtract_one_time: true });
      expect((await worth(db, both)).mrr_minor).toBe(900);
      await put({ subtract_recurring: false, subtract_one_time: true });
      expect((await worth(db, both)).mrr_minor).toBe(1800);
      await put({ subtract_recurring: false, subtract_one_time: false });
      expect((await worth(db, both)).mrr_minor).toBe(2000);
    } finally {
      await db.root.query("delete from app_private.settings where key = 'mrr'");
    }
    expect((await worth(db, both)).mrr_minor).toBe(1000);
  });

  it("those of an item come before those of the subscription, each in list order", async () => {
    const percent = discount(coupon({ percent: 50 }));
    const amount = discount(coupon({ amount: 400 }));
    // (2000 × ½ − 400) × ½ = 300
    expect(
      await worth(db, {
        items: [{ price: price(), discounts: [percent, amount] }],
        discounts: [percent],
      }),
    ).toMatchObject({ mrr_minor: 300 });
    // (2000 − 400) × ½ × ½ = 400
    expect(
      await worth(db, {
        items: [{ price: price(), discounts: [amount, percent] }],
        discounts: [percent],
      }),
    ).toMatchObject({ mrr_minor: 400 });
    // An item's does not touch the other item: 1000 + 3000
    expect(
      await worth(db, {
        items: [
          { price: price(), discounts: [percent] },
          { price: price({ amount: 3000 }) },
        ],
      }),
    ).toMatchObject({ mrr_minor: 4000 });
  });

  it("an amount is off each invoice, before it is made monthly", async () => {
    // (12000 − 1200) / 12
    expect(
      await worth(db, {
        items: [{ price: price({ amount: 12_000, interval: "year" }) }],
        discounts: [discount(coupon({ amount: 1200 }))],
      }),
    ).toMatchObject({ mrr_minor: 900 });
  });

  it("nothing is worth less than 0", async () => {
    expect(
      await worth(db, {
        items: [{ price: price() }],
        discounts: [
          discount(coupon({ amount: 5000 })),
          discount(coupon({ percent: 100 })),
        ],
      }),
    ).toMatchObject({ mrr_minor: 0, mrr_usd_minor: 0, mrr_state: "ok" });
  });

  const mixed = [
    { price: price({ amount: 1000 }) },
    { price: price({ amount: 12_000, interval: "year" }) },
  ];

  it("an amount off several intervals needs a review", async () => {
    expect(
      await worth(db, {
        items: mixed,
        discounts: [discount(coupon({ amount: 100 }))],
      }),
    ).toMatchObject({
      mrr_minor: 0,
      mrr_state: "needs_review",
      mrr_note: "An amount off a subscription with several intervals",
    });
  });

  it("a percentage off several intervals, or an amount for once, does not", async () => {
    expect(
      await worth(db, {
        items: mixed,
        discounts: [
          discount(coupon({ percent: 25 })),
          discount(coupon({ amount: 100, duration: "once" })),
        ],
      }),
    ).toMatchObject({ mrr_minor: 1500, mrr_state: "ok" });
  });

  it("an amount in another currency needs a review", async () => {
    expect(
      await worth(db, {
        items: [{ price: price() }],
        discounts: [discount(coupon({ amount: 100, currency: "eur" }))],
      }),
    ).toMatchObject({ mrr_state: "needs_review" });
  });

  it("an id is resolved from the event of the discount, also when it comes later", async () => {
    const half = discount(coupon({ percent: 50 }));
    const sub = subscription({
      customer: newId("cus"),
      items: [{ price: price() }],
      discounts: [half.id],
    });
    await send(db, created(sub));
    expect(await worthOf(db, sub.id)).toMatchObject({
      mrr_minor: 0,
      mrr_state: "needs_review",
      mrr_note: "A discount is not known",
    });
    await send(
      db,
      event("customer.discount.created", START, {
        ...half,
        subscription: sub.id,
      }),
    );
    expect(await worthOf(db, sub.id)).toMatchObject({
      mrr_minor: 1000,
      mrr_state: "ok",
      mrr_note: null,
    });
  });

  it("a coupon that is only named is resolved from the event of the coupon", async () => {
    const half = coupon({ percent: 50 });
    const named = discount(half.id);
    const ofItem = subscription({
      customer: newId("cus"),
      items: [{ price: price(), discounts: [named] }],
    });
    await send(db, created(ofItem));
    expect(await worthOf(db, ofItem.id)).toMatchObject({
      mrr_state: "needs_review",
      mrr_note: "A discount of an item is not known",
    });
    await send(db, event("coupon.created", START - DAY, half));
    expect(await worthOf(db, ofItem.id)).toMatchObject({
      mrr_minor: 1000,
      mrr_state: "ok",
    });
  });

  it("a discount that ends is an expansion", async () => {
    const cus = newId("cus");
    const half = discount(coupon({ percent: 50 }), "2025-03-31.basil");
    const sub = subscription({
      customer: cus,
      items: [{ price: price() }],
      discounts: [half],
    });
    await send(
      db,
      created(sub),
      event("customer.discount.deleted", START + DAY, {
        ...half,
        subscription: sub.id,
      }),
    );
    expect(await story(db, `customer:${cus}`)).toBe("new 1000, expansion 1000");
  });

  it.each([
    ["2020-03-02", "discount.coupon"],
    ["2025-03-31.basil", "discounts[].coupon"],
    ["2025-09-30.clover", "discounts[].source.coupon"],
  ] as const)("%s: %s", async (generation, _where) => {
    expect(
      await worth(
        db,
        {
          items: [{ price: price() }],
          discounts: [discount(coupon({ percent: 25 }), generation)],
        },
        generation,
      ),
    ).toMatchObject({ mrr_minor: 1500, mrr_state: "ok" });
  });
});

describe("MRR-5: rounding", () => {
  it("once per subscription, half away from zero", async () => {
    // 6 / 12 = 0.5; 18 / 12 = 1.5
    expect(await minorOf({ amount: 6, interval: "year" })).toBe(1);
    expect(await minorOf({ amount: 18, interval: "year" })).toBe(2);
    expect(await minorOf({ amount: 5, interval: "year" })).toBe(0);
  });

  it("not per item: three thirds are one", async () => {
    const third = { price: price({ amount: 4, interval: "year" }) };
    expect(
      await worth(db, { items: [third, third, third].map((x) => ({ ...x })) }),
    ).toMatchObject({ mrr_minor: 1 });
  });

  it("the sum of subscriptions is the sum of rounded ones", async () => {
    const cus = newId("cus");
    for (let n = 0; n < 3; n++) {
      await send(
        db,
        created(
          subscription({
            customer: cus,
            items: [{ price: price({ amount: 100, interval: "year" }) }],
          }),
        ),
      );
    }
    expect(await accountMrr(db, `customer:${cus}`)).toBe(24);
  });
});

describe("MRR-6: currencies", () => {
  beforeAll(async () => {
    await setRate(db, "eur", "2025-10-01", "1.10");
    await setRate(db, "eur", "2025-10-20", "1.20");
    await setRate(db, "eur", "2025-11-10", "1.30");
    await setRate(db, "jpy", "2025-10-01", "0.0067");
    await db.root.query(
      "insert into app_public.currencies (code, label, exponent) values ('kwd', 'Kuwaiti dinar', 3) on conflict do nothing",
    );
    await setRate(db, "kwd", "2025-10-01", "3.25");
  });

  const euros = (amount = 10_000): { price: ReturnType<typeof price> }[] => [
    { price: price({ amount, currency: "eur" }) },
  ];

  it("takes the latest rate at or before the activation", async () => {
    expect(await worth(db, { items: euros() })).toMatchObject({
      mrr_minor: 10_000,
      mrr_usd_minor: 11_000,
      fx_date: "2025-10-01",
    });
  });

  it("jpy has no decimals", async () => {
    expect(
      await worth(db, {
        items: [{ price: price({ amount: 3000, currency: "jpy" }) }],
      }),
    ).toMatchObject({ mrr_minor: 3000, mrr_usd_minor: 2010 });
  });

  it("kwd has three", async () => {
    expect(
      await worth(db, {
        items: [{ price: price({ amount: 12_345, currency: "kwd" }) }],
      }),
    ).toMatchObject({ mrr_minor: 12_345, mrr_usd_minor: 4012 });
  });

  it("stays pinned while it pays: another rate moves nothing", async () => {
    const cus = newId("cus");
    const sub = subscription({ customer: cus, items: euros() });
    await send(
      db,
      created(sub),
      updated({ ...sub, status: "past_due" }, START + 20 * DAY),
      updated(sub, START + 40 * DAY),
    );
    expect(await story(db, `customer:${cus}`)).toBe("new 11000");
  });

  it("is pinned anew when it comes back from 0", async () => {
    const cus = newId("cus");
    const sub = subscription({ customer: cus, items: euros() });
    await send(
      db,
      created(sub),
      updated({ ...sub, status: "unpaid" }, START + 14 * DAY),
      updated(sub, START + 15 * DAY),
    );
    expect(await story(db, `customer:${cus}`)).toBe(
      "new 11000, churn -11000, reactivation 12000",
    );
  });

  it.each([
    ["a percentage", [{ percent: 100 }]],
    ["an amount", [{ amount: 12_000, currency: "eur" }]],
    ["two of them", [{ percent: 50 }, { amount: 5000, currency: "eur" }]],
  ])(
    "is pinned anew when %s took it to 0 for a while",
    async (_name, coupons) => {
      for (const generation of ["2020-03-02", "2025-09-30.clover"] as const) {
        if (generation === "2020-03-02" && coupons.length > 1) continue;
        const cus = newId("cus");
        const input = { id: newId("sub"), customer: cus, items: euros() };
        const free = subscription(
          {
            ...input,
            discounts: coupons.map((each) =>
              discount(coupon(each), generation),
            ),
          },
          generation,
        );
        const events = [
          created(subscription(input, generation)),
          updated(free, START + 14 * DAY),
          updated(subscription(input, generation), START + 40 * DAY),
        ];
        await send(db, ...events);
        expect(await story(db, `customer:${cus}`)).toBe(
          "new 11000, churn -11000, reactivation 13000",
        );
      }
    },
  );

  it.each(["coupon", "discount"] as const)(
    "is pinned anew when the %s that took it to 0 is known only later",
    async (what) => {
      const cus = newId("cus");
      const id = newId("sub");
      const gift = coupon({ percent: 100 });
      const given = discount(
        what === "coupon" ? gift.id : gift,
        "2025-09-30.clover",
        { subscription: id },
      );
      const input = { id, customer: cus, items: euros() };
      await send(
        db,
        created(subscription(input)),
        updated(
          subscription({ ...input, discounts: [given.id] }),
          START + 14 * DAY,
        ),
        updated(subscription(input), START + 40 * DAY),
        ...(what === "coupon"
          ? [
              event("customer.discount.created", START + 14 * DAY, given),
              event("coupon.created", START, gift),
            ]
          : [event("customer.discount.created", START + 14 * DAY, given)]),
      );
      expect(await worthOf(db, id)).toMatchObject({
        mrr_usd_minor: 13_000,
        fx_date: "2025-11-10",
      });
    },
  );

  it("is of the currency it has: another one is looked up, and dollars are dollars", async () => {
    const cus = newId("cus");
    const id = newId("sub");
    const of = (currency: string, amount: number) =>
      subscription({
        id,
        customer: cus,
        items: [{ price: price({ amount, currency }) }],
      });
    await send(
      db,
      created(of("eur", 10_000)),
      updated(of("usd", 10_000), START + DAY),
      updated(of("jpy", 3000), START + 2 * DAY),
      updated(of("eur", 10_000), START + 14 * DAY),
    );
    expect(await story(db, `customer:${cus}`)).toBe(
      "new 11000, contraction -1000, contraction -7990, expansion 9990",
    );
    expect(await worthOf(db, id)).toMatchObject({ fx_date: "2025-10-20" });
    await send(
      db,
      // Of a currency without a rate nobody knows what it is worth.
      updated(of("nok", 10_000), START + 15 * DAY),
    );
    expect(await worthOf(db, id)).toMatchObject({
      mrr_usd_minor: 0,
      mrr_state: "needs_review",
    });
  });

  it("a rate that is corrected moves nothing, whatever is told again", async () => {
    const cus = newId("cus");
    const sub = subscription({
      customer: cus,
      items: [{ price: price({ amount: 1000, currency: "sek" }) }],
    });
    await db.root.query(
      "insert into app_public.currencies (code, label, exponent) values ('sek', 'Swedish krona', 2) on conflict do nothing",
    );
    await setRate(db, "sek", "2025-10-01", "0.1");
    const first = created(sub);
    await send(db, first, updated(sub, START + 9 * DAY));
    await db.root.query(
      "update app_public.fx_rates set usd_per_unit = 0.2 where currency = 'sek'",
    );
    await asFinance(db, await makeFinance(db), (client) =>
      client.query("select app_public.replay_stripe_events(array[$1])", [
        first.id,
      ]),
    );
    await process(db, first.id);
    expect(await became(db, first.id)).toMatchObject({
      status: "ignored_stale",
    });
    await send(db, updated(sub, START + 5 * DAY));
    expect(await story(db, `customer:${cus}`)).toBe("new 100");
  });

  it("does not depend on which event came first", async () => {
    const sub = subscription({ customer: newId("cus"), items: euros() });
    await send(
      db,
      updated(sub, START + 40 * DAY),
      created(sub),
      updated({ ...sub, status: "unpaid" }, START + 14 * DAY),
    );
    // Reactivated by the last event, on 2025-11-16.
    expect(await worthOf(db, sub.id)).toMatchObject({
      mrr_usd_minor: 13_000,
      fx_date: "2025-11-10",
    });
    await send(db, updated(sub, START + 15 * DAY));
    expect(await worthOf(db, sub.id)).toMatchObject({
      mrr_usd_minor: 12_000,
      fx_date: "2025-10-20",
    });
  });

  it("without a rate it needs a review, never 1:1; then takes the rate of its activation", async () => {
    const cus = newId("cus");
    const sub = subscription({
      customer: cus,
      items: [{ price: price({ amount: 500, currency: "chf" }) }],
    });
    await db.root.query(
      "insert into app_public.currencies (code, label, exponent) values ('chf', 'Swiss franc', 2) on conflict do nothing",
    );
    await send(db, created(sub));
    expect(await worthOf(db, sub.id)).toMatchObject({
      mrr_minor: 0,
      mrr_usd_minor: 0,
      mrr_state: "needs_review",
      mrr_note: "There is no exchange rate for chf at 2025-10-07",
    });
    await setRate(db, "chf", "2025-10-05", "1.25");
    await setRate(db, "chf", "2025-10-30", "2");
    await send(db, updated(sub, START + 30 * DAY));
    expect(await worthOf(db, sub.id)).toMatchObject({
      mrr_usd_minor: 625,
      mrr_state: "ok",
      fx_date: "2025-10-05",
    });
  });
});

describe("MRR-7: a cancellation that is planned", () => {
  it("keeps MRR until the subscription ends", async () => {
    const cus = newId("cus");
    const sub = subscription({ customer: cus, items: [{ price: price() }] });
    await send(
      db,
      created(sub),
      updated({ ...sub, cancel_at_period_end: true }, START + DAY),
    );
    expect(await accountMrr(db, `customer:${cus}`)).toBe(2000);
    await send(db, deleted(sub, START + 30 * DAY));
    expect(await story(db, `customer:${cus}`)).toBe("new 2000, churn -2000");
  });
});

describe("MRR-8: movements", () => {
  it("ChartMogul's Syncalytics: new, expansion, contraction, churn, reactivation", async () => {
    // https://help.chartmogul.com/hc/en-us/articles/201244842: Silver is $30 a
    // month; Gold $50 a month or $500 a year. Four Gold yearly are $166.67, two
    // Silver add $60; Silver is cancelled, then Gold; three Gold monthly come back.
    const brand = await makeBrand(db);
    const payer = customer({ metadata: { brand_id: brand } });
    const gold = subscription({
      customer: payer.id,
      items: [
        { price: price({ amount: 50_000, interval: "year" }), quantity: 4 },
      ],
    });
    const silver = subscription({
      customer: payer.id,
      items: [{ price: price({ amount: 3000 }), quantity: 2 }],
    });
    const again = subscription({
      customer: payer.id,
      items: [{ price: price({ amount: 5000 }), quantity: 3 }],
    });
    await send(
      db,
      event("customer.created", START, payer),
      created(gold),
      created(silver, START + 3 * DAY),
      deleted(silver, START + 17 * DAY),
      updated({ ...gold, cancel_at_period_end: true }, START + 340 * DAY),
      deleted(gold, START + 365 * DAY),
      created(again, START + 400 * DAY),
    );
    expect(await story(db, `brand:${brand}`)).toBe(
      "new 16667, expansion 6000, contraction -6000, churn -16667, reactivation 15000",
    );
  });

  it("a change of plan within one event is its net", async () => {
    const cus = newId("cus");
    const sub = subscription({
      customer: cus,
      items: [{ id: newId("si"), price: price({ amount: 1000 }) }],
    });
    const swapped = subscription({
      id: sub.id,
      customer: cus,
      items: [{ id: newId("si"), price: price({ amount: 1500 }) }],
    });
    await send(db, created(sub), updated(swapped, START + DAY));
    expect(await story(db, `customer:${cus}`)).toBe("new 1000, expansion 500");
    expect(
      await one(
        db.root,
        "select count(*)::int as items from app_public.stripe_subscription_items where subscription_id = $1",
        [sub.id],
      ),
    ).toEqual({ items: 1 });
  });

  it("names the event that caused it, and when it happened by Stripe", async () => {
    const cus = newId("cus");
    const first = created(
      subscription({ customer: cus, items: [{ price: price() }] }),
      START + 7,
    );
    await send(db, first);
    expect(
      await one(
        db.root,
        `select source_event_id, extract(epoch from occurred_at)::int as at, before_usd_minor::int as before,
           after_usd_minor::int as after from app_public.mrr_movements where account = $1`,
        [`customer:${cus}`],
      ),
    ).toEqual({
      source_event_id: first.id,
      at: START + 7,
      before: 0,
      after: 2000,
    });
  });

  it("an event that is replayed after a correction moves once more, by the difference", async () => {
    const cus = newId("cus");
    const sub = subscription({ customer: cus, items: [{ price: price() }] });
    const first = created(sub);
    await send(db, first);
    const replay = async (): Promise<void> => {
      await asFinance(db, finance, (client) =>
        client.query("select app_public.replay_stripe_events($1)", [
          [first.id],
        ]),
      );
      await send(db, first);
    };
    await replay();
    expect(await story(db, `customer:${cus}`)).toBe("new 2000");
    await db.root.query(
      "update app_public.stripe_subscription_items set quantity = 3 where subscription_id = $1",
      [sub.id],
    );
    await replay();
    await replay();
    expect(await accountMrr(db, `customer:${cus}`)).toBe(2000);
    expect(await story(db, `customer:${cus}`)).toBe(
      "new 2000, expansion 4000, contraction -4000",
    );
    expect((await movementsOf(db, `customer:${cus}`))[2]?.source_event_id).toBe(
      `${first.id}#2`,
    );
  });

  it("movements can be neither changed nor removed", async () => {
    for (const sql of [
      "update app_public.mrr_movements set delta_usd_minor = 1",
      "delete from app_public.mrr_movements",
      "truncate app_public.mrr_movements",
    ]) {
      expect(await outcomeOf(db.owner.query(sql))).not.toBe("ok");
    }
  });
});

describe("linking a customer", () => {
  it("moves the money as a transfer: nothing is won or lost", async () => {
    const brand = await makeBrand(db);
    const cus = newId("cus");
    await send(
      db,
      created(subscription({ customer: cus, items: [{ price: price() }] })),
      event("customer.created", START - DAY, customer({ id: cus })),
    );
    await asFinance(db, finance, (client) =>
      client.query("select app_public.link_stripe_customer($1, $2)", [
        cus,
        brand,
      ]),
    );
    expect(await story(db, `customer:${cus}`)).toBe(
      "new 2000, transfer churn -2000",
    );
    expect(await story(db, `brand:${brand}`)).toBe("transfer new 2000");
  });

  it("by an older event is not before the money came", async () => {
    const user = await makeUser(db);
    const cus = newId("cus");
    await send(
      db,
      created(subscription({ customer: cus, items: [{ price: price() }] })),
      event(
        "customer.created",
        START - DAY,
        customer({ id: cus, metadata: { user_id: user } }),
      ),
    );
    expect(await story(db, `user:${user}`)).toBe("transfer new 2000");
    const negative = await db.root.query(
      `select account from (
         select account, sum(delta_usd_minor) over (partition by account order by occurred_at, created_at) as mrr
           from app_public.mrr_movements) x where mrr < 0 and account = any ($1)`,
      [[`customer:${cus}`, `user:${user}`]],
    );
    expect(negative.rows).toEqual([]);
  });

  it("a link that stands is not changed by what the metadata says later", async () => {
    const [mine, theirs] = [await makeBrand(db), await makeBrand(db)];
    const cus = newId("cus");
    await send(
      db,
      event(
        "customer.created",
        START,
        customer({ id: cus, metadata: { brand_id: mine } }),
      ),
      event(
        "customer.updated",
        START + 1,
        customer({ id: cus, metadata: { brand_id: theirs } }),
      ),
      created(subscription({ customer: cus, items: [{ price: price() }] })),
    );
    expect(await accountMrr(db, `brand:${mine}`)).toBe(2000);
    expect(await accountMrr(db, `brand:${theirs}`)).toBe(0);
  });

  it("ids that do not exist, or are none, link nobody", async () => {
    const cus = newId("cus");
    await send(
      db,
      event(
        "customer.created",
        START,
        customer({
          id: cus,
          metadata: {
            brand_id: "'; drop table users; --",
            user_id: "00000000-0000-7000-8000-000000000000",
          },
        }),
      ),
    );
    expect(
      await one(
        db.root,
        "select brand_id, user_id, email from app_public.stripe_customers where id = $1",
        [cus],
      ),
    ).toEqual({
      brand_id: null,
      user_id: null,
      email: "payer@customers.test",
    });
  });

  it("is for finance, and names one owner", async () => {
    const brand = await makeBrand(db);
    const link = (who: string, values: unknown[]): Promise<string> =>
      outcomeOf(
        asFinance(db, who, (client) =>
          client.query(
            "select app_public.link_stripe_customer($1, $2, $3)",
            values,
          ),
        ),
      );
    const user = await makeUser(db);
    expect(await link(user, ["cus_x", brand, null])).toBe("DNIED");
    expect(await link(finance, ["cus_x", brand, user])).toBe("INVAL");
    expect(await link(finance, ["cus_x", brand, null])).toBe("NTFND");
  });
});

describe("afterwards", () => {
  it("everything adds up", async () => {
    expect(await faults(db)).toEqual([]);
    expect(
      await one(
        db.root,
        "select count(*) > 50 as many from app_public.mrr_movements",
      ),
    ).toEqual({ many: true });
  });
});
