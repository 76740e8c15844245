import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { outcomeOf } from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
  withRollback,
} from "../helpers/database.ts";
import { buildStaff } from "../helpers/factories.ts";
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
  subscription,
} from "./events.ts";
import {
  asFinance,
  at,
  became,
  created,
  deleted,
  figure,
  ingest,
  makeBrand,
  makeFinance,
  one,
  process,
  send,
  setRate,
  trySend,
  updated,
  worthOf,
} from "./stage.ts";

/**
 * What the pages of finance show: every figure, and that the rows behind it add
 * up to it. The numbers stand here as they are reckoned by hand.
 */

let db: TestDatabase;
let finance: string;

const JANUARY = Date.UTC(2025, 0, 1) / 1000;
const FEBRUARY = Date.UTC(2025, 1, 1) / 1000;
const BEFORE = JANUARY - 40 * DAY;
const month = [at(JANUARY), at(FEBRUARY)];

let brands: string[];

/** A customer of a brand whose one subscription is worth each amount in turn. */
async function payer(
  brand: string | null,
  ...steps: [at: number, usdMinor: number][]
): Promise<string> {
  const cus = newId("cus");
  const sub = newId("sub");
  const begins = steps[0]?.[0] ?? BEFORE;
  await send(
    db,
    event(
      "customer.created",
      begins - 1,
      customer({
        id: cus,
        email: `${cus}@payers.test`,
        metadata: brand === null ? {} : { brand_id: brand },
      }),
    ),
  );
  for (const [when, amount] of steps) {
    await send(
      db,
      updated(
        subscription({
          id: sub,
          customer: cus,
          status: amount === 0 ? "unpaid" : "active",
          items: [{ price: price({ amount }) }],
          start: begins,
        }),
        when,
      ),
    );
  }
  return sub;
}

async function rows<T extends object>(
  call: string,
  values: unknown[] = [],
): Promise<T[]> {
  return asFinance(
    db,
    finance,
    async (client) =>
      (await client.query<T>(`select * from app_public.${call}`, values)).rows,
  );
}

beforeAll(async () => {
  db = await createTestDatabase();
  finance = await makeFinance(db);
  brands = [await makeBrand(db), await makeBrand(db), await makeBrand(db)];
  const [first, second, third] = brands as [string, string, string];
  // 10,000 at the start, in 4 accounts.
  await payer(first, [BEFORE, 4000], [JANUARY + DAY, 5500]);
  await payer(first, [BEFORE, 1000]);
  await payer(second, [BEFORE, 3000], [JANUARY + 2 * DAY, 1200]);
  await payer(third, [BEFORE, 1500], [JANUARY + 3 * DAY, 0]);
  await payer(
    null,
    [BEFORE, 500],
    [JANUARY + 4 * DAY, 0],
    [JANUARY + 8 * DAY, 700],
  );
  await payer(null, [JANUARY + 5 * DAY, 900]);
  await payer(null, [FEBRUARY, 50_000]);
});

afterAll(() => db.drop());

type Overview = Record<string, string | null>;

describe("the figures of a period", () => {
  it("are those of a hand that reckons them", async () => {
    expect(
      await figure<Overview>(db, finance, "revenue_overview($1, $2)", month),
    ).toMatchObject({
      start_usd_minor: "10000",
      new_usd_minor: "900",
      reactivation_usd_minor: "700",
      expansion_usd_minor: "1500",
      contraction_usd_minor: "1800",
      churn_usd_minor: "2000",
      end_usd_minor: "9300",
      start_accounts: "4",
      lost_accounts: "1",
      new_accounts: "1",
      accounts: "4",
      // Of those that paid at the start: 6500 + 1200 + 0 + 700.
      cohort_end_usd_minor: "8400",
      nrr: "0.8400",
      // 5000 + 1200 + 0 + 500
      cohort_kept_usd_minor: "6700",
      grr: "0.6700",
      logo_churn: "0.2500",
      gross_mrr_churn: "0.3800",
      net_mrr_churn: "0.1600",
      // 3100 / 3800
      quick_ratio: "0.8158",
      arr_usd_minor: "111600",
      arpa_usd_minor: "2325",
      spend_usd_minor: null,
      ltv_usd_minor: null,
      ltv_cac: null,
      // A month is a month.
      monthly_logo_churn: "0.2500",
      lifetime_months: "4.0000",
    });
  });

  it("agree with the waterfall, retention and unit economics on their own", async () => {
    const overview = await figure<Overview>(
      db,
      finance,
      "revenue_overview($1, $2)",
      month,
    );
    const waterfall = await figure<Overview>(
      db,
      finance,
      "mrr_waterfall($1, $2)",
      month,
    );
    const { as_of: _asOf, ...parts } = waterfall;
    expect(overview).toMatchObject(parts);
    const { nrr, grr, logo_churn } = await figure<Overview>(
      db,
      finance,
      "revenue_retention($1, $2)",
      month,
    );
    expect(overview).toMatchObject({ nrr, grr, logo_churn });
  });

  const sumOf = (list: readonly Overview[], column: string): number =>
    list.reduce((sum, row) => sum + Number(row[column]), 0);

  it.each([
    ["paying", "end_usd_minor", 9300, 4],
    ["started", "start_usd_minor", 10_000, 4],
    ["started", "end_usd_minor", 8400, 4],
    ["started", "kept_usd_minor", 6700, 4],
    ["lost", "start_usd_minor", 1500, 1],
    ["new", "new_usd_minor", 900, 1],
    ["grown", "end_usd_minor", 7200, 2],
    ["shrunk", "end_usd_minor", 1200, 1],
    ["all", "churn_usd_minor", 2000, 5],
    ["all", "contraction_usd_minor", 1800, 5],
    ["all", "expansion_usd_minor", 1500, 5],
    ["all", "reactivation_usd_minor", 700, 5],
  ])(
    "lead to accounts that add up: %s, %s",
    async (which, column, sum, accounts) => {
      const list = await rows<Overview>("revenue_accounts($1, $2, $3)", [
        ...month,
        which,
      ]);
      expect([sumOf(list, column), list.length]).toEqual([sum, accounts]);
      const total = await figure<Overview>(
        db,
        finance,
        "revenue_accounts_total($1, $2, $3)",
        [...month, which],
      );
      expect([total[column], total["accounts"]]).toEqual([
        String(sum),
        String(accounts),
      ]);
      for (const row of list) {
        const n = (name: string): number => Number(row[`${name}_usd_minor`]);
        expect(
          n("start") +
            n("new") +
            n("reactivation") +
            n("expansion") -
            n("contraction") -
            n("churn"),
        ).toBe(n("end"));
      }
    },
  );

  it("lead to movements that add up, kind by kind", async () => {
    const kinds = await rows<{ kind: string; sum: string }>(
      `mrr_movements m where m.occurred_at >= $1 and m.occurred_at < $2`,
      month,
    );
    const sums = new Map<string, number>();
    for (const row of kinds as unknown as Record<string, string>[]) {
      sums.set(
        row["kind"] ?? "",
        (sums.get(row["kind"] ?? "") ?? 0) + Number(row["delta_usd_minor"]),
      );
    }
    expect(Object.fromEntries(sums)).toEqual({
      new: 900,
      reactivation: 700,
      expansion: 1500,
      contraction: -1800,
      churn: -2000,
    });
  });

  it("accounts are found by name, sorted, and read page by page", async () => {
    const names = async (...values: unknown[]): Promise<string[]> =>
      (
        await rows<{ account: string }>(
          `revenue_accounts($1, $2, $3, $4, $5, $6, $7)`,
          [...month, ...values],
        )
      ).map(({ account }) => account);
    const all = await names("all", null, "end", 50, 0);
    expect(all[0]).toBe(`brand:${brands[0]}`);
    expect([
      ...(await names("all", null, "end", 2, 0)),
      ...(await names("all", null, "end", 2, 2)),
      ...(await names("all", null, "end", 2, 4)),
    ]).toEqual(all);
    expect((await names("all", null, "loss", 1, 0))[0]).toBe(
      `brand:${brands[1]}`,
    );
    expect((await names("all", null, "change", 1, 0))[0]).toBe(
      `brand:${brands[0]}`,
    );
    const { name } = await one<{ name: string }>(
      db.root,
      "select name from app_public.brand_accounts where id = $1",
      [brands[1]],
    );
    expect(await names("all", name.toUpperCase(), "name", 50, 0)).toEqual([
      `brand:${brands[1]}`,
    ]);
    expect(
      await outcomeOf(rows("revenue_accounts($1, $2, $3)", [...month, "rich"])),
    ).toBe("INVAL");
  });

  it("the series: each bucket leads to its movements, also where the window cuts it", async () => {
    const series = await rows<{
      bucket_start: Date;
      bucket_end: Date;
      churn_usd_minor: string;
      end_usd_minor: string;
      accounts: string;
    }>("mrr_series($1, $2, 'week')", [
      at(JANUARY + 2 * DAY),
      at(JANUARY + 9 * DAY),
    ]);
    expect(
      series.map((week) => [
        week.bucket_start.toISOString().slice(0, 10),
        week.bucket_end.toISOString().slice(0, 10),
        week.churn_usd_minor,
        week.end_usd_minor,
        week.accounts,
      ]),
    ).toEqual([
      // Monday, December 30th, of which the window begins on January 3rd.
      ["2024-12-30", "2025-01-06", "2000", "7700", "2"],
      ["2025-01-06", "2025-01-10", "0", "9300", "4"],
    ]);
  });

  it("the series counts accounts as the figures do, also where events came late", async () => {
    const own = await createTestDatabase();
    try {
      const reader = await makeFinance(own);
      const brand = await makeBrand(own);
      const cus = newId("cus");
      const subscribed = (amount: number, when: number) =>
        created(
          subscription({
            customer: cus,
            items: [{ price: price({ amount }) }],
            start: when,
          }),
          when,
        );
      await send(
        own,
        event(
          "customer.created",
          BEFORE,
          customer({ id: cus, metadata: { brand_id: brand } }),
        ),
        subscribed(1000, JANUARY + 10 * DAY),
        // Happened earlier, heard of later.
        subscribed(2000, JANUARY + 5 * DAY),
      );
      const days = await asFinance(own, reader, async (client) => {
        const { rows: list } = await client.query<{
          bucket_end: Date;
          end_usd_minor: string;
          accounts: string;
        }>("select * from app_public.mrr_series($1, $2, 'day')", month);
        return list;
      });
      expect(days).toHaveLength(31);
      for (const day of days) {
        const { end_usd_minor, accounts } = await figure<Overview>(
          own,
          reader,
          "revenue_overview($1, $2)",
          [month[0], day.bucket_end],
        );
        expect([day.end_usd_minor, day.accounts]).toEqual([
          end_usd_minor,
          accounts,
        ]);
      }
    } finally {
      await own.drop();
    }
  });
});

describe("the leaderboard", () => {
  it("has the change of each brand, and LTV:CAC where costs are known, as a ratio of sums", async () => {
    const [first, second] = brands as [string, string, string];
    await asFinance(db, finance, (client) =>
      client.query(
        `insert into app_public.acquisition_costs (month, segment, brand_id, spend_usd_minor, gross_margin)
         values ('2024-11-01', 'brands', $1, 8000, 0.8), ('2024-12-01', 'brands', $1, 2000, 0.3),
                ('2024-11-01', 'brands', $2, 600, 0.5), ('2025-02-01', 'brands', $2, 99000, 0.5)`,
        [first, second],
      ),
    );
    const board = await rows<Overview>("mrr_leaderboard(50, $1, $2)", month);
    // Of three brands one leaves: they stay three months. The first one's margin
    // is (0.8 × 8000 + 0.3 × 2000) / 10000 = 0.7.
    expect(board).toMatchObject([
      {
        place: "1",
        brand_id: first,
        mrr_usd_minor: "6500",
        arr_usd_minor: "78000",
        share: "0.8442",
        change_usd_minor: "1500",
        active_subscriptions: 2,
        completed_tryons: "0",
        spend_usd_minor: "10000",
        // 6500 × 0.7 × 3
        ltv_usd_minor: "13650",
        ltv_cac: "1.3650",
      },
      {
        place: "2",
        brand_id: second,
        mrr_usd_minor: "1200",
        share: "0.1558",
        change_usd_minor: "-1800",
        spend_usd_minor: "600",
        // 1200 × 0.5 × 3
        ltv_usd_minor: "1800",
        ltv_cac: "3.0000",
      },
    ]);
    // Not (1.365 + 3) / 2: 15450 / 10600.
    expect(
      await figure<Overview>(
        db,
        finance,
        "mrr_leaderboard_total($1, $2)",
        month,
      ),
    ).toMatchObject({
      brands: "2",
      mrr_usd_minor: "7700",
      change_usd_minor: "-300",
      active_subscriptions: "3",
      costed_brands: "2",
      spend_usd_minor: "10600",
      ltv_usd_minor: "15450",
      ltv_cac: "1.4575",
    });
  });

  it("a time in which nobody leaves tells no lifetime", async () => {
    const quiet = [at(JANUARY + 10 * DAY), at(JANUARY + 20 * DAY)];
    const [board] = await rows<Overview>("mrr_leaderboard(1, $1, $2)", quiet);
    expect(board).toMatchObject({ ltv_usd_minor: null, ltv_cac: null });
    expect(
      await figure<Overview>(
        db,
        finance,
        "mrr_leaderboard_total($1, $2)",
        quiet,
      ),
    ).toMatchObject({ spend_usd_minor: "10600", ltv_cac: null });
  });
});

describe("what is at risk", () => {
  it("each subscription once, with what it is worth; planned ends apart", async () => {
    const own = await createTestDatabase();
    try {
      const reader = await makeFinance(own);
      const with_ = (amount: number, extra: Json, status = "active") =>
        created(
          subscription({
            customer: newId("cus"),
            status,
            items: [{ price: price({ amount }) }],
            extra,
          }),
          BEFORE,
        );
      const paused = { pause_collection: { behavior: "void" } };
      await send(
        own,
        with_(100, {}),
        with_(200, { cancel_at_period_end: true }),
        with_(300, { cancel_at: JANUARY }),
        with_(400, {}, "past_due"),
        with_(500, paused),
        with_(600, { ...paused, cancel_at_period_end: true }, "past_due"),
        // Worth nothing, so nothing is at risk.
        with_(700, { cancel_at_period_end: true }, "trialing"),
        with_(
          800,
          { cancel_at_period_end: true, cancel_at: JANUARY },
          "canceled",
        ),
        created(
          subscription({
            customer: newId("cus"),
            items: [{ price: price({ tiersMode: "volume" }) }],
          }),
          BEFORE,
        ),
      );
      expect(
        await figure<Overview>(own, reader, "mrr_at_risk()"),
      ).toMatchObject({
        ending_usd_minor: "1100",
        ending_subscriptions: "3",
        past_due_usd_minor: "1000",
        past_due_subscriptions: "2",
        paused_usd_minor: "1100",
        paused_subscriptions: "2",
        at_risk_usd_minor: "1500",
        at_risk_subscriptions: "3",
        review_subscriptions: "1",
        unlinked_usd_minor: "2100",
        unlinked_customers: "6",
      });
      // The pages filter by the same columns.
      expect(
        await one(
          own.root,
          `select count(*) filter (where is_ending and mrr_usd_minor > 0)::int as ending,
                  count(*) filter (where is_ending)::int as all_ending
             from app_public.stripe_subscriptions`,
        ),
      ).toEqual({ ending: 3, all_ending: 4 });
    } finally {
      await own.drop();
    }
  });
});

describe("a reckoning, step by step", () => {
  type Step = Json & { step: string };
  const steps = async (id: string): Promise<Step[]> => {
    const { result } = await figure<{ result: Step[] }>(
      db,
      finance,
      "subscription_mrr_steps($1) as result",
      [id],
    );
    return result;
  };

  const subscribe = async (
    input: Omit<Parameters<typeof subscription>[0], "customer">,
  ): Promise<string> => {
    const object = subscription({ customer: newId("cus"), ...input });
    await send(db, created(object, BEFORE));
    return object.id;
  };

  it("names quantities, tiers, discounts, intervals, the rounding and the rate", async () => {
    await setRate(db, "eur", "2024-01-01", "1.1");
    const id = await subscribe({
      items: [
        {
          id: newId("si_a"),
          price: price({
            currency: "eur",
            amount: 1000,
            transform: { divide_by: 10, round: "up" },
          }),
          quantity: 25,
          discounts: [discount(coupon({ percent: 50 }))],
        },
        {
          id: newId("si_b"),
          price: price({
            currency: "eur",
            interval: "year",
            tiersMode: "graduated",
            tiers: [
              { up_to: 10, unit_amount: 100 },
              { up_to: null, unit_amount: 50, flat_amount: 700 },
            ],
          }),
          quantity: 14,
        },
        {
          id: newId("si_c"),
          price: price({ currency: "eur", usage: "metered" }),
          quantity: null,
        },
      ],
      discounts: [
        discount(coupon({ percent: 10 })),
        discount(coupon({ percent: 99, duration: "once" })),
      ],
    });
    const told = await steps(id);
    expect(told.map(({ step }) => step)).toEqual([
      "status",
      "item",
      "discount",
      "item",
      "left_out",
      "discount",
      "discount",
      "interval",
      "interval",
      "rounding",
      "currency",
    ]);
    expect(told).toMatchObject([
      { status: "active", counts: true },
      // 25 by tens, upwards, is 3.
      {
        quantity: 25,
        counted: 3,
        unit_amount: 1000,
        amount: 3000,
        tiers: null,
      },
      { kind: "percent", percent_off: 50, amount: 1500, duration: "forever" },
      {
        counted: 14,
        amount: 1900,
        tiers: [
          { above: 0, up_to: 10, units: 10, amount: 1000 },
          { above: 10, up_to: null, units: 4, amount: 900 },
        ],
      },
      { why: "metered" },
      { item: null, kind: "percent", amount: 3060 },
      // For once: it changes nothing.
      { item: null, kind: null, duration: "once", amount: 3060 },
      {
        interval: "month",
        interval_count: 1,
        charged: 1350,
        a_year: 12,
        amount: 1350,
      },
      { interval: "year", charged: 1710, a_year: 1, amount: 142.5 },
      { exact: 1492.5, amount: 1493 },
      { currency: "eur", rate: 1.1, amount: 1493, usd_minor: 1642 },
    ]);
    expect(await worthOf(db, id)).toMatchObject({
      mrr_minor: 1493,
      mrr_usd_minor: 1642,
    });
  });

  it("tiers by volume cost what the last unit's tier does", async () => {
    const id = await subscribe({
      items: [
        {
          price: price({
            tiersMode: "volume",
            tiers: [
              { up_to: 10, unit_amount: 100 },
              { up_to: null, unit_amount: 50, flat_amount: 700 },
            ],
          }),
          quantity: 14,
        },
      ],
    });
    expect(await steps(id)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          step: "item",
          amount: 1400,
          tiers: [
            {
              above: 10,
              up_to: null,
              units: 14,
              unit_amount: 50,
              flat_amount: 700,
              amount: 1400,
            },
          ],
        }),
      ]),
    );
  });

  it("ends with why, where it cannot be told", async () => {
    const id = await subscribe({
      items: [{ price: price({ tiersMode: "volume" }) }],
    });
    expect((await steps(id)).at(-1)).toEqual({
      step: "review",
      note: expect.stringMatching(/^The tiers of price/),
    });
    const pounds = await subscribe({
      items: [{ price: price({ currency: "gbp" }) }],
    });
    expect((await steps(pounds)).at(-1)).toMatchObject({
      step: "review",
      note: expect.stringMatching(/^There is no exchange rate for gbp/),
    });
    expect(await outcomeOf(steps("sub_none"))).toBe("NTFND");
  });

  it("of a status that does not count is that status", async () => {
    const id = await subscribe({
      status: "trialing",
      items: [{ price: price() }],
    });
    expect(await steps(id)).toEqual([
      { step: "status", status: "trialing", counts: false },
    ]);
  });

  it("the tiers it names always make the amount", async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    for (let n = 0; n < 60; n += 1) {
      const count = 1 + random(4);
      let upTo = 0;
      const tiers = Array.from({ length: count }, (_none, position) => {
        upTo += 1 + random(20);
        return {
          up_to: position === count - 1 ? null : upTo,
          unit_amount: random(500),
          flat_amount: random(2) === 0 ? null : random(1000),
        };
      });
      const { amount, parts } = await one<{
        amount: string;
        parts: string | null;
      }>(
        db.root,
        `select app_hidden.price_amount(p, $3) as amount,
                (select sum(t.amount) from app_private.price_tier_amounts(p, $3) t) as parts
           from (select (jsonb_populate_record(null::app_public.stripe_prices,
             jsonb_build_object('billing_scheme', 'tiered', 'tiers', $1::jsonb, 'tiers_mode', $2::text))).*) p`,
        [
          JSON.stringify(tiers),
          random(2) === 0 ? "volume" : "graduated",
          random(60),
        ],
      );
      expect(Number(parts ?? 0)).toBe(Number(amount));
    }
  });
});

describe("the reconciliation", () => {
  it("every part is the sum of its rows, whatever the invoices hold", async () => {
    const own = await createTestDatabase();
    try {
      const reader = await makeFinance(own);
      await setRate(own, "eur", "2024-12-01", "1.10");
      await setRate(own, "eur", "2025-01-15", "1.1733");
      const cus = newId("cus");
      const euro = price({ amount: 3333, currency: "eur" });
      const meter = price({ usage: "metered", amount: 3 });
      const abroad = subscription({
        customer: cus,
        items: [{ price: euro }],
        start: BEFORE,
      });
      const yearly = subscription({
        customer: cus,
        items: [{ price: price({ amount: 10_000, interval: "year" }) }],
        start: JANUARY + DAY,
      });
      await send(
        own,
        created(abroad, JANUARY - 3 * DAY),
        created(yearly, JANUARY + DAY),
        event("price.created", JANUARY, meter),
      );
      const billed = (input: Partial<Parameters<typeof invoice>[0]>) =>
        event(
          "invoice.paid",
          JANUARY + 20 * DAY,
          invoice({ customer: cus, created: JANUARY + 20 * DAY, ...input }),
        );
      const rounded = invoice({
        customer: cus,
        created: JANUARY + 20 * DAY,
        subscription: abroad.id,
        currency: "eur",
        lines: [{ amount: 3333 }, { amount: 1 }, { amount: 1 }],
      });
      await send(
        own,
        // Three roundings against one, and lines that were not sent.
        event("invoice.paid", JANUARY + 20 * DAY, { ...rounded, total: 4444 }),
        billed({
          subscription: yearly.id,
          lines: [
            { amount: 10_000 },
            { amount: 777, proration: true },
            { amount: 123, price: meter.id },
          ],
          discount: 55,
          tax: 901,
        }),
        billed({ lines: [{ amount: 4200 }] }),
        billed({ currency: "pln", lines: [{ amount: 100 }] }),
      );
      const list = <T extends object>(
        call: string,
        values: unknown[],
      ): Promise<T[]> =>
        asFinance(
          own,
          reader,
          async (client) =>
            (await client.query<T>(`select * from app_public.${call}`, values))
              .rows,
        );
      type Part = { part: string; usd_minor: string; items: string };
      const parts = await list<Part>("mrr_reconciliation($1, $2)", month);
      expect(parts.map(({ part }) => part)).toEqual([
        "mrr",
        "discounts",
        "proration",
        "metered",
        "one_off",
        "tax",
        "fx",
        "timing",
        "invoiced",
        "without_rate",
      ]);
      let bridge = 0;
      for (const { part, usd_minor, items } of parts) {
        const behind = await list<{ usd_minor: string | null }>(
          "mrr_reconciliation_rows($1, $2, $3)",
          [...month, part],
        );
        expect([
          part,
          behind.reduce((sum, row) => sum + Number(row.usd_minor ?? 0), 0),
          behind.length,
        ]).toEqual([part, Number(usd_minor), Number(items)]);
        if (part === "invoiced") expect(bridge).toBe(Number(usd_minor));
        bridge += Number(usd_minor);
      }
      const timing = await list<{
        invoice_id: string | null;
        subscription_id: string | null;
        usd_minor: string;
      }>("mrr_reconciliation_rows($1, $2, 'timing')", month);
      expect(timing).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            invoice_id: null,
            subscription_id: yearly.id,
            usd_minor: "9167",
          }),
          expect.objectContaining({
            // 5214 − 3911 − 1 − 1
            invoice_id: rounded.id,
            usd_minor: "1301",
          }),
        ]),
      );
    } finally {
      await own.drop();
    }
  });
});

describe("the inbox", () => {
  it("counts what is due, later and dead; replays by list, range and status", async () => {
    const own = await createTestDatabase();
    try {
      const reader = await makeFinance(own);
      const bad = (when: number) =>
        created(
          subscription({
            customer: newId("cus"),
            status: "levitating",
            items: [{ price: price() }],
          }),
          when,
        );
      const failing = bad(JANUARY);
      const dead = bad(JANUARY + DAY);
      const waiting = created(
        subscription({ customer: newId("cus"), items: [{ price: price() }] }),
        JANUARY + 2 * DAY,
      );
      const done = created(
        subscription({ customer: newId("cus"), items: [{ price: price() }] }),
        JANUARY + 3 * DAY,
      );
      expect((await trySend(own, failing)).status).toBe("failed");
      await ingest(own, dead);
      await own.root.query(
        "update app_public.stripe_events set attempts = 7 where id = $1",
        [dead.id],
      );
      await process(own, dead.id);
      expect((await became(own, dead.id)).status).toBe("dead");
      await send(own, done);
      await ingest(own, waiting);
      const inbox = (): Promise<Overview> =>
        figure<Overview>(own, reader, "stripe_inbox()");
      expect(await inbox()).toMatchObject({ due: "1", later: "1", dead: "1" });
      expect((await inbox())["oldest_due_at"]).not.toBeNull();

      const range = [at(JANUARY), at(JANUARY + 10 * DAY)];
      const count = async (statuses: string | null): Promise<unknown> =>
        (
          await figure<{ n: unknown }>(
            own,
            reader,
            "count_stripe_events($1, $2, $3) as n",
            [...range, statuses],
          )
        ).n;
      expect(await count(null)).toBe("4");
      expect(await count("{dead,failed}")).toBe("2");
      const replay = (values: unknown[]): Promise<{ n: number }> =>
        asFinance(own, reader, async (client) =>
          one<{ n: number }>(
            client,
            "select app_public.replay_stripe_events($1, $2, $3, $4) as n",
            values,
          ),
        );
      expect(await replay([null, ...range, "{dead,failed}"])).toEqual({ n: 2 });
      expect(await inbox()).toMatchObject({ due: "3", later: "0", dead: "0" });
      expect((await became(own, done.id)).status).toBe("processed");
      expect(
        await replay([[done.id, waiting.id], null, null, "{processed}"]),
      ).toEqual({
        n: 1,
      });
      expect(
        await outcomeOf(
          figure(own, reader, "count_stripe_events($1, $2)", [
            at(FEBRUARY),
            at(JANUARY),
          ]),
        ),
      ).toBe("INVAL");
    } finally {
      await own.drop();
    }
  });

  it("an object is fetched once more where somebody asks for it", async () => {
    const sub = subscription({
      customer: newId("cus"),
      items: [{ price: price() }],
    });
    await send(db, created(sub, BEFORE));
    const ask = (id: string): Promise<unknown> =>
      asFinance(db, finance, (client) =>
        client.query("select app_public.refetch_stripe_object($1)", [id]),
      );
    await ask(sub.id);
    const waiting = await db.worker.query<{ id: string }>(
      "select id from app_private.stripe_objects_to_fetch(1000)",
    );
    expect(waiting.rows).toEqual([{ id: sub.id }]);
    expect(
      await one(
        db.root,
        "select action, actor_id from app_public.audit_log where row_pk = $1 and action = 'refetch_stripe_object'",
        [sub.id],
      ),
    ).toMatchObject({ actor_id: finance });
    expect(await outcomeOf(ask("sub_none"))).toBe("NTFND");
    // What is final cannot change any more.
    await send(db, deleted(sub, BEFORE + DAY));
    await ask(sub.id);
    expect(
      (
        await db.worker.query(
          "select id from app_private.stripe_objects_to_fetch(1000)",
        )
      ).rows,
    ).toEqual([]);
  });
});

describe("who may", () => {
  const forBoth: [string, unknown[]][] = [
    ["revenue_overview($1, $2)", month],
    ["mrr_at_risk()", []],
    ["revenue_accounts($1, $2)", month],
    ["revenue_accounts_total($1, $2)", month],
    ["mrr_leaderboard(5, $1, $2)", month],
    ["mrr_leaderboard_total($1, $2)", month],
    ["mrr_reconciliation($1, $2)", month],
  ];
  const forFinance: [string, unknown[]][] = [
    ["mrr_reconciliation_rows($1, $2, 'mrr')", month],
    ["stripe_inbox()", []],
    ["count_stripe_events($1, $2)", month],
    ["unlinked_stripe_customers()", []],
    ["disputed_stripe_customers()", []],
    ["preview_stripe_link('cus_x')", []],
    ["subscription_mrr_steps('sub_x')", []],
    ["refetch_stripe_object('sub_x')", []],
  ];

  const as = async (
    staff: "support" | "privacy" | "admin",
    call: string,
    values: unknown[],
  ): Promise<string> => {
    const client = await db.root.connect();
    let userId: string;
    try {
      userId = (await buildStaff(client, { role: staff })).user_id;
    } finally {
      client.release();
    }
    return withRollback(db.app, async (caller) => {
      await becomeActor(caller, { role: `closetai_staff_${staff}`, userId });
      return outcomeOf(
        caller.query(`select * from app_public.${call}`, values),
      );
    });
  };

  it.each(forBoth)(
    "finance and admin read %s, nobody else",
    async (call, values) => {
      expect(await outcomeOf(figureOrRows(call, values))).toBe("ok");
      expect(await as("admin", call, values)).toBe("ok");
      expect(await as("support", call, values)).toBe("42501");
      expect(await as("privacy", call, values)).toBe("42501");
    },
  );

  it.each(forFinance)("finance alone calls %s", async (call, values) => {
    expect(["ok", "NTFND"]).toContain(
      await outcomeOf(figureOrRows(call, values)),
    );
    for (const staff of ["admin", "support", "privacy"] as const) {
      expect(await as(staff, call, values)).toBe("42501");
    }
  });

  it("an admin sees accounts, and of nobody's customer no more than its id", async () => {
    const names = (role: string, userId: string): Promise<string[]> =>
      withRollback(db.app, async (client) => {
        await becomeActor(client, { role, userId });
        const { rows: list } = await client.query<{ name: string | null }>(
          "select name from app_public.revenue_accounts($1, $2) where kind = 'customer'",
          month,
        );
        return list.map(({ name }) => name ?? "");
      });
    const client = await db.root.connect();
    let admin: string;
    try {
      admin = (await buildStaff(client, { role: "admin" })).user_id;
    } finally {
      client.release();
    }
    expect(await names("closetai_staff_finance", finance)).toContain("A payer");
    expect(new Set(await names("closetai_staff_admin", admin))).toEqual(
      new Set([""]),
    );
  });

  function figureOrRows(call: string, values: unknown[]): Promise<unknown> {
    return asFinance(db, finance, (client) =>
      client.query(`select * from app_public.${call}`, values),
    );
  }
});
