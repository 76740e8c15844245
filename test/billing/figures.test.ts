import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { outcomeOf } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  customer,
  DAY,
  event,
  invoice,
  newId,
  price,
  START,
  subscription,
} from "./events.ts";
import {
  accountMrr,
  asFinance,
  at,
  created,
  figure,
  makeBrand,
  makeFinance,
  makeUser,
  send,
  setRate,
  story,
  updated,
} from "./stage.ts";

/**
 * The figures of docs/metrics.md, from movements. Where a source works an example,
 * its numbers are used and its address is named.
 */

let db: TestDatabase;
let finance: string;

beforeAll(async () => {
  db = await createTestDatabase();
  finance = await makeFinance(db);
});

afterAll(() => db.drop());

type Waterfall = Record<
  | "start_usd_minor"
  | "new_usd_minor"
  | "reactivation_usd_minor"
  | "expansion_usd_minor"
  | "contraction_usd_minor"
  | "churn_usd_minor"
  | "end_usd_minor",
  string
> & { quick_ratio: string | null };

/**
 * Figures look at all accounts, so each of these has a database of its own, with
 * accounts that have the MRR they are told to have.
 */
describe("figures", () => {
  let own: TestDatabase;
  let reader: string;
  // A calendar month of 31 days.
  const JANUARY = Date.UTC(2025, 0, 1) / 1000;
  const FEBRUARY = Date.UTC(2025, 1, 1) / 1000;
  const month = [at(JANUARY), at(FEBRUARY)];

  async function fresh(): Promise<void> {
    own = await createTestDatabase();
    reader = await makeFinance(own);
  }

  /** A subscription that is worth each amount in turn; 0 ends it. */
  async function account(
    ...steps: [at: number, usdMinor: number][]
  ): Promise<string> {
    const cus = newId("cus");
    const id = newId("sub");
    for (const [when, amount] of steps) {
      const object = subscription({
        id,
        customer: cus,
        status: amount === 0 ? "unpaid" : "active",
        items: [{ price: price({ amount }) }],
        start: steps[0]?.[0] ?? START,
      });
      await send(own, updated(object, when));
    }
    return cus;
  }

  const waterfall = (values: unknown[] = month): Promise<Waterfall> =>
    figure<Waterfall>(own, reader, "mrr_waterfall($1, $2)", values);

  describe("of a month", () => {
    beforeAll(async () => {
      await fresh();
      const before = JANUARY - 10 * DAY;
      await account([before, 1000]);
      await account([before, 2000], [JANUARY, 2500]);
      await account([before, 3000], [JANUARY + DAY, 1200]);
      await account([before, 4000], [JANUARY + 2 * DAY, 0]);
      // Gone and back within the month.
      await account(
        [before, 500],
        [JANUARY + 3 * DAY, 0],
        [JANUARY + 9 * DAY, 700],
      );
      // Returns from an earlier time.
      await account([before - DAY, 900], [before, 0], [JANUARY + 4 * DAY, 800]);
      await account([JANUARY + 5 * DAY, 600]);
      // Joins and leaves within it.
      await account([JANUARY + 6 * DAY, 300], [JANUARY + 7 * DAY, 0]);
      // The end of a window is not in it.
      await account([FEBRUARY, 99_000]);
    });

    afterAll(() => own.drop());

    it("MRR-9: the waterfall adds up exactly", async () => {
      const figures = await waterfall();
      expect(figures).toMatchObject({
        start_usd_minor: "10500",
        new_usd_minor: "900",
        reactivation_usd_minor: "1500",
        expansion_usd_minor: "500",
        contraction_usd_minor: "1800",
        churn_usd_minor: "4800",
        end_usd_minor: "6800",
        // (900 + 1500 + 500) / (1800 + 4800)
        quick_ratio: "0.4394",
      });
      const n = (key: keyof Waterfall): number => Number(figures[key]);
      expect(
        n("start_usd_minor") +
          n("new_usd_minor") +
          n("reactivation_usd_minor") +
          n("expansion_usd_minor") -
          n("contraction_usd_minor") -
          n("churn_usd_minor"),
      ).toBe(n("end_usd_minor"));
    });

    it("the series tells the same month by month, and day by day", async () => {
      const series = async (bucket: string): Promise<Waterfall[]> =>
        asFinance(own, reader, async (client) => {
          const { rows } = await client.query<Waterfall>(
            "select * from app_public.mrr_series($1, $2, $3)",
            [...month, bucket],
          );
          return rows;
        });
      expect(await series("month")).toMatchObject([
        {
          new_usd_minor: "900",
          churn_usd_minor: "4800",
          end_usd_minor: "6800",
        },
      ]);
      const days = await series("day");
      expect(days).toHaveLength(31);
      const total = (key: keyof Waterfall): number =>
        days.reduce((sum, day) => sum + Number(day[key]), 0);
      expect(total("churn_usd_minor")).toBe(4800);
      expect(total("reactivation_usd_minor")).toBe(1500);
      expect(days.at(-1)?.end_usd_minor).toBe("6800");
    });

    it("NRR and GRR: a closed cohort, from snapshots", async () => {
      // The formulas of the SaaS Metrics Standards Board as told at
      // https://imboard.ai/kpis/net-revenue-retention and
      // https://imboard.ai/kpis/gross-revenue-retention; no numbers there.
      // End of the five that paid at the start: 1000 + 2500 + 1200 + 0 + 700.
      expect(
        await figure(own, reader, "revenue_retention($1, $2)", month),
      ).toMatchObject({
        accounts: "5",
        lost_accounts: "1",
        start_usd_minor: "10500",
        end_usd_minor: "5400",
        nrr: "0.5143",
        // min(start, end): 1000 + 2000 + 1200 + 0 + 500
        grr: "0.4476",
        logo_churn: "0.2000",
        gross_mrr_churn: "0.6286",
        // (6600 − 500 − 1500) / 10500, so not 1 − NRR.
        net_mrr_churn: "0.4381",
      });
    });

    it("Stripe's subscriber churn counts who leaves twice, twice", async () => {
      // https://support.stripe.com/questions/calculating-churn-rate-in-billing:
      // churned in 30 days / (active 30 days ago + new in them); no numbers there.
      // Left: 4000, 500, 300. Active on January 2nd: 5; joined: the 500 back as
      // 700, the 800, the 600, the 300.
      expect(
        await figure(own, reader, "subscriber_churn($1)", [at(FEBRUARY)]),
      ).toMatchObject({
        churned: "3",
        active_before: "5",
        joined: "4",
        rate: "0.3333",
      });
    });

    it("a customer that is linked later is no loss", async () => {
      const before = await figure<{ nrr: string; logo_churn: string }>(
        own,
        reader,
        "revenue_retention($1, $2)",
        [at(FEBRUARY + DAY), at(FEBRUARY + 30 * DAY)],
      );
      const brand = await makeBrand(own);
      const cus = await account([JANUARY - 11 * DAY, 1]);
      await send(
        own,
        event(
          "customer.updated",
          FEBRUARY + 2 * DAY,
          customer({ id: cus, metadata: { brand_id: brand } }),
        ),
      );
      expect(await accountMrr(own, `brand:${brand}`)).toBe(1);
      expect(before).toMatchObject({ nrr: "1.0000", logo_churn: "0.0000" });
      expect(
        await figure(own, reader, "revenue_retention($1, $2)", [
          at(FEBRUARY + DAY),
          at(FEBRUARY + 30 * DAY),
        ]),
      ).toMatchObject({ nrr: "1.0000", logo_churn: "0.0000" });
      expect(
        await waterfall([at(FEBRUARY + DAY), at(FEBRUARY + 30 * DAY)]),
      ).toMatchObject({ new_usd_minor: "0", churn_usd_minor: "0" });
    });
  });

  it("ChartMogul's churn rates: 20 % gross, 10 % net", async () => {
    // https://help.chartmogul.com/hc/en-us/articles/203359341: of $100, $10 churn
    // and $10 contract, and one customer expands by $10.
    await fresh();
    try {
      const before = JANUARY - DAY;
      await account([before, 1000], [JANUARY + DAY, 0]);
      await account([before, 4000], [JANUARY + DAY, 3000]);
      await account([before, 5000], [JANUARY + DAY, 6000]);
      expect(
        await figure(own, reader, "revenue_retention($1, $2)", month),
      ).toMatchObject({
        start_usd_minor: "10000",
        gross_mrr_churn: "0.2000",
        net_mrr_churn: "0.1000",
        nrr: "0.9000",
        grr: "0.8000",
      });
    } finally {
      await own.drop();
    }
  });

  it("LTV, CAC and lifetime: one rounding each, and a month is a month", async () => {
    // LTV = ARPA × gross margin / monthly churn, after
    // https://www.forentrepreneurs.com/saas-metrics-2-definitions-2/; the numbers
    // are ours: of 3 accounts 1 leaves, so 1/3 a month and a lifetime of 3 months.
    await fresh();
    try {
      const before = JANUARY - DAY;
      await account([before, 10_000], [JANUARY + DAY, 0]);
      await account([before, 10_000]);
      await account([before, 10_000]);
      await account([JANUARY + DAY, 10_000]);
      const economics = (values = month): Promise<object> =>
        figure(own, reader, "unit_economics($1, $2)", values);
      expect(await economics()).toMatchObject({
        mrr_usd_minor: "30000",
        arr_usd_minor: "360000",
        accounts: "3",
        arpa_usd_minor: "10000",
        new_accounts: "1",
        monthly_logo_churn: "0.3333",
        lifetime_months: "3.0000",
        // Nobody said what was spent, nor the margin.
        spend_usd_minor: null,
        cac_usd_minor: null,
        ltv_usd_minor: null,
        ltv_cac: null,
      });
      await asFinance(own, reader, (client) =>
        client.query(
          `insert into app_public.acquisition_costs (month, spend_usd_minor, gross_margin)
           values ('2025-01-01', 12000, 0.8), ('2025-03-01', 0, 0.5)`,
        ),
      );
      expect(await economics()).toMatchObject({
        gross_margin: "0.8000",
        // 10000 × 0.8 × 3
        ltv_usd_minor: "24000",
        cac_usd_minor: "12000",
        ltv_cac: "2.0000",
      });
      // March: nobody leaves, nobody joins, nothing is spent.
      expect(
        await economics([
          at(Date.UTC(2025, 2, 1) / 1000),
          at(Date.UTC(2025, 3, 1) / 1000),
        ]),
      ).toMatchObject({
        monthly_logo_churn: "0.0000",
        lifetime_months: null,
        ltv_usd_minor: null,
        cac_usd_minor: null,
        ltv_cac: null,
      });
    } finally {
      await own.drop();
    }
  });

  it("nothing to divide by is not known, never 0", async () => {
    await fresh();
    try {
      expect(await waterfall()).toMatchObject({
        start_usd_minor: "0",
        end_usd_minor: "0",
        quick_ratio: null,
      });
      expect(
        await figure(own, reader, "revenue_retention($1, $2)", month),
      ).toMatchObject({
        nrr: null,
        grr: null,
        logo_churn: null,
        gross_mrr_churn: null,
        net_mrr_churn: null,
      });
      expect(
        await figure(own, reader, "subscriber_churn($1)", [at(JANUARY)]),
      ).toMatchObject({ churned: "0", rate: null });
      expect(
        await figure(own, reader, "unit_economics($1, $2)", month),
      ).toMatchObject({
        arpa_usd_minor: null,
        monthly_logo_churn: null,
        lifetime_months: null,
        ltv_usd_minor: null,
        cac_usd_minor: null,
      });
    } finally {
      await own.drop();
    }
  });

  it("what was invoiced and MRR differ by named parts, to the cent", async () => {
    await fresh();
    try {
      await setRate(own, "eur", "2024-12-01", "1.10");
      await setRate(own, "eur", "2025-01-15", "1.17");
      const payer = newId("cus");
      const euro = price({ amount: 3333, currency: "eur" });
      const abroad = subscription({
        customer: payer,
        items: [{ price: euro }],
        start: JANUARY - 3 * DAY,
      });
      const yearly = subscription({
        customer: payer,
        items: [{ price: price({ amount: 10_000, interval: "year" }) }],
        start: JANUARY + DAY,
      });
      const meter = price({ usage: "metered", amount: 3 });
      await send(
        own,
        created(abroad, JANUARY - 3 * DAY),
        created(yearly, JANUARY + DAY),
        event("price.created", JANUARY, meter),
      );
      const paid = (
        input: Partial<Parameters<typeof invoice>[0]>,
      ): ReturnType<typeof event> =>
        event(
          "invoice.paid",
          JANUARY + 20 * DAY,
          invoice({ customer: payer, created: JANUARY + 20 * DAY, ...input }),
        );
      await send(
        own,
        paid({
          subscription: abroad.id,
          currency: "eur",
          lines: [{ amount: 3333, price: euro.id }],
        }),
        paid({
          subscription: yearly.id,
          lines: [
            { amount: 10_000 },
            { amount: 777, proration: true },
            { amount: 123, price: meter.id },
          ],
          discount: 55,
          tax: 901,
        }),
        paid({ lines: [{ amount: 4200 }] }),
        paid({ currency: "pln", lines: [{ amount: 100 }] }),
        paid({ status: "draft", lines: [{ amount: 66_600 }] }),
      );
      const { rows } = await asFinance(own, reader, (client) =>
        client.query<{ part: string; usd_minor: string; items: string | null }>(
          "select part, usd_minor, items from app_public.mrr_reconciliation($1, $2)",
          month,
        ),
      );
      const parts = Object.fromEntries(
        rows.map(({ part, usd_minor }) => [part, Number(usd_minor)]),
      );
      expect(parts).toEqual({
        // 3333 × 1.10 + 10000 / 12
        mrr: 3666 + 833,
        discounts: -55,
        proration: 777,
        metered: 123,
        one_off: 4200,
        tax: 901,
        // 3333 × 1.17 − 3333 × 1.10
        fx: 3900 - 3666,
        // Eleven months of the yearly one.
        timing: 10_000 - 833,
        invoiced: 3900 + 10_000 + 777 + 123 - 55 + 901 + 4200,
        without_rate: 0,
      });
      expect(rows.find(({ part }) => part === "without_rate")?.items).toBe("1");
      const { mrr, invoiced, ...others } = parts;
      expect(
        Object.values(others).reduce((sum, part) => sum + part, mrr ?? 0),
      ).toBe(invoiced);
    } finally {
      await own.drop();
    }
  });

  it("the leaderboard ranks brands; what is reckoned again stays the same", async () => {
    await fresh();
    try {
      const [small, big] = [await makeBrand(own), await makeBrand(own)];
      for (const [brand, amount] of [
        [small, 1000],
        [big, 3000],
      ] as const) {
        const payer = customer({ metadata: { brand_id: brand } });
        await send(
          own,
          event("customer.created", START, payer),
          created(
            subscription({
              customer: payer.id,
              items: [{ price: price({ amount }) }],
            }),
          ),
        );
      }
      const { rows } = await asFinance(own, reader, (client) =>
        client.query<object>(
          "select place, brand_id, mrr_usd_minor, arr_usd_minor, share from app_public.mrr_leaderboard()",
        ),
      );
      expect(rows).toEqual([
        {
          place: "1",
          brand_id: big,
          mrr_usd_minor: "3000",
          arr_usd_minor: "36000",
          share: "0.7500",
        },
        {
          place: "2",
          brand_id: small,
          mrr_usd_minor: "1000",
          arr_usd_minor: "12000",
          share: "0.2500",
        },
      ]);
      const again = await asFinance(own, reader, (client) =>
        client.query<{ mrr: string }>(
          "select app_public.update_brand_mrr($1) as mrr",
          [big],
        ),
      );
      expect(again.rows).toEqual([{ mrr: "3000" }]);
      expect(await story(own, `brand:${big}`)).toBe("new 3000");
    } finally {
      await own.drop();
    }
  });

  it.each([
    ["mrr_waterfall($1, $2)", [at(FEBRUARY), at(JANUARY)]],
    ["mrr_waterfall($1, $2)", [null, at(JANUARY)]],
    ["mrr_series($1, $2, 'fortnight')", month],
    ["revenue_retention($1, $2)", [at(JANUARY), at(JANUARY)]],
    ["unit_economics($1, $2)", ["1900-01-01", "2100-01-01"]],
    ["mrr_reconciliation($1, $2)", ["2025-01-01", null]],
  ])("%s refuses a window that is none", async (call, values) => {
    expect(await outcomeOf(figure(db, finance, call, values))).toBe("INVAL");
  });

  it.each([
    ["mrr_waterfall($1, $2)", month],
    ["mrr_series($1, $2)", month],
    ["revenue_retention($1, $2)", month],
    ["unit_economics($1, $2)", month],
    ["mrr_reconciliation($1, $2)", month],
    ["subscriber_churn()", []],
    ["mrr_leaderboard()", []],
    ["mrr_check()", []],
  ])("%s is for finance", async (call, values) => {
    // The role alone is not enough: who is no longer staff is refused.
    const nobody = await makeUser(db);
    expect(await outcomeOf(figure(db, nobody, call, values))).toBe("DNIED");
  });
});
