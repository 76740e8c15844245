import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import pg from "pg";

import { column, outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withActor,
} from "../helpers/database.ts";
import {
  customer,
  DAY,
  event,
  GENERATIONS,
  newId,
  price,
  START,
  type StripeObject,
  subscription,
} from "./events.ts";
import {
  accountMrr,
  asFinance,
  at,
  created,
  deleted,
  faults,
  figure,
  ingest,
  makeBrand,
  makeFinance,
  makeUser,
  one,
  send,
  story,
  trySend,
  updated,
  worth,
} from "./stage.ts";

/**
 * The faults of the first specification that are about money, by their numbers
 * in its audit: each of these failed, or gave a wrong figure, as it was written.
 */

let db: TestDatabase;
let finance: string;

beforeAll(async () => {
  db = await createTestDatabase();
  finance = await makeFinance(db);
});

afterAll(() => db.drop());

async function payerOf(brand: string): Promise<StripeObject> {
  const payer = customer({ metadata: { brand_id: brand } });
  await send(db, event("customer.created", START - 1, payer));
  return payer;
}

const of = (payer: StripeObject, amount: number, status = "active") =>
  subscription({
    customer: payer.id,
    status,
    items: [{ price: price({ amount }) }],
  });

describe("MRR of a brand", () => {
  it("22: is only derived, so nothing overwrites a figure that was put there", async () => {
    const brand = await makeBrand(db);
    const payer = await payerOf(brand);
    await send(db, created(of(payer, 249_000, "trialing")));
    expect(await accountMrr(db, `brand:${brand}`)).toBe(0);
    for (const sql of [
      "insert into app_public.account_mrr (account, brand_id, mrr_usd_minor) values ('brand:x', $1, 249000)",
      "update app_public.account_mrr set mrr_usd_minor = 249000 where brand_id = $1",
    ]) {
      expect(
        await outcomeOf(
          withActor(
            db,
            { role: "closetai_staff_finance", userId: finance },
            (client) => client.query(sql, [brand]),
          ),
        ),
      ).toBe("42501");
    }
  });

  it("23: a subscription that is deleted counts no more", async () => {
    const brand = await makeBrand(db);
    const payer = await payerOf(brand);
    const [told, lost] = [of(payer, 100), of(payer, 50)];
    await send(db, created(told), created(lost), deleted(told, START + 1));
    expect(await accountMrr(db, `brand:${brand}`)).toBe(50);
    // Even when its row is removed.
    await db.root.query(
      "delete from app_public.stripe_subscriptions where id = $1",
      [lost.id],
    );
    expect(await accountMrr(db, `brand:${brand}`)).toBe(0);
    expect(await story(db, `brand:${brand}`)).toBe(
      "new 100, expansion 50, contraction -100, churn -50",
    );
  });

  it("24: a subscription that moves to another customer counts once", async () => {
    const [left, right] = [await makeBrand(db), await makeBrand(db)];
    const [from, to] = [await payerOf(left), await payerOf(right)];
    const sub = of(from, 100);
    await send(
      db,
      created(sub),
      updated({ ...sub, customer: to.id }, START + 1),
    );
    expect(await accountMrr(db, `brand:${left}`)).toBe(0);
    expect(await accountMrr(db, `brand:${right}`)).toBe(100);
    expect(await story(db, `brand:${left}`)).toBe("new 100, churn -100");
  });

  it("25: a subscription that is past due counts, as Stripe counts it", async () => {
    const brand = await makeBrand(db);
    const sub = of(await payerOf(brand), 100);
    await send(
      db,
      created(sub),
      updated({ ...sub, status: "past_due" }, START + 1),
    );
    expect(await story(db, `brand:${brand}`)).toBe("new 100");
  });

  it("26: two subscriptions at the same time, of 100 and 200, make 300", async () => {
    const brand = await makeBrand(db);
    // The account is there already, or the second would wait for its first row.
    const earlier = of(await payerOf(brand), 10);
    await send(db, created(earlier, START - 2), deleted(earlier, START - 1));
    // Two customers of one brand: only the account is theirs together.
    const events = [
      created(of(await payerOf(brand), 100)),
      created(of(await payerOf(brand), 200)),
    ];
    for (const each of events) await ingest(db, each);
    const [first, second] = [0, 1].map(
      () => new pg.Client({ connectionString: db.urls.worker }),
    ) as [pg.Client, pg.Client];
    try {
      for (const [n, client] of [first, second].entries()) {
        await client.connect();
        await client.query("set lock_timeout = 0");
        await client.query("begin isolation level read committed");
        if (n === 0) {
          await client.query("select app_private.process_stripe_event($1)", [
            events[0]?.id,
          ]);
        }
      }
      const { pid } = await one<{ pid: number }>(
        second,
        "select pg_backend_pid() as pid",
      );
      const later = second.query(
        "select app_private.process_stripe_event($1)",
        [events[1]?.id],
      );
      // The second one waits for the first: its sum must not be made before.
      for (;;) {
        const { waits } = await one<{ waits: boolean }>(
          db.root,
          "select cardinality(pg_blocking_pids($1)) > 0 as waits",
          [pid],
        );
        if (waits) break;
      }
      await first.query("commit");
      await later;
      await second.query("commit");
    } finally {
      await first.end();
      await second.end();
    }
    expect(await accountMrr(db, `brand:${brand}`)).toBe(300);
    expect(await story(db, `brand:${brand}`)).toBe(
      "new 10, churn -10, reactivation 100, expansion 200",
    );
  });

  it("27: nobody types an amount: it follows from items, prices and quantities, in one type", async () => {
    const { mrr_minor } = await worth(db, {
      items: [
        {
          price: price({ amount: 1200, interval: "year" }),
          quantity: 3,
        },
      ],
    });
    expect(mrr_minor).toBe(300);
    const client = await db.root.connect();
    try {
      expect(
        await column(
          client,
          `select distinct data_type || ' ' || is_nullable from information_schema.columns
            where table_schema = 'app_public' and table_name in ('stripe_subscriptions', 'account_mrr', 'mrr_movements')
              and column_name like '%minor'`,
        ),
      ).toEqual(["bigint NO"]);
      expect(
        await column(
          client,
          `select grantee || ' ' || privilege_type from information_schema.role_table_grants
            where table_schema = 'app_public' and grantee like 'closetai%' and grantee <> 'closetai_owner'
              and table_name in ('stripe_subscriptions', 'stripe_subscription_items', 'account_mrr', 'mrr_movements')
              and privilege_type <> 'SELECT'`,
        ),
      ).toEqual([]);
    } finally {
      client.release();
    }
  });

  it("28: has a history: NRR can be told for any time", async () => {
    const own = await createTestDatabase();
    try {
      const reader = await makeFinance(own);
      const payer = customer();
      const sub = of(payer, 1000);
      const more = subscription({
        id: sub.id,
        customer: payer.id,
        items: [{ price: price({ amount: 1250 }) }],
      });
      await send(own, created(sub), updated(more, START + 10 * DAY));
      const retention = (days: number): Promise<object> =>
        figure(own, reader, "revenue_retention($1, $2)", [
          at(START + DAY),
          at(START + days * DAY),
        ]);
      expect(await retention(9)).toMatchObject({ nrr: "1.0000" });
      expect(await retention(11)).toMatchObject({ nrr: "1.2500" });
    } finally {
      await own.drop();
    }
  });
});

describe("the mirror", () => {
  it.each([
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
  ])("29: %s is one of Stripe's eight", async (status) => {
    expect(
      await trySend(db, created(of(customer(), 100, status))),
    ).toMatchObject({ status: "processed" });
  });

  it("29: another one is put aside, and says so", async () => {
    expect(
      await trySend(db, created(of(customer(), 100, "frozen"))),
    ).toMatchObject({
      status: "failed",
      last_error: "23514: Stripe has sent a status that is not known here.",
    });
  });

  it.each(GENERATIONS)(
    "30: %s: period and quantity are found where it has them",
    async (generation) => {
      const sub = subscription(
        {
          customer: newId("cus"),
          items: [{ price: price(), quantity: 4 }],
        },
        generation,
      );
      await send(db, created(sub));
      expect(
        await one(
          db.root,
          `select quantity::int, extract(epoch from current_period_start)::int as starts,
             extract(epoch from current_period_end)::int as ends
             from app_public.stripe_subscription_items where subscription_id = $1`,
          [sub.id],
        ),
      ).toEqual({ quantity: 4, starts: START, ends: START + 30 * DAY });
    },
  );
});

describe("figures", () => {
  it("31, 32: no figure is too large for its column, and no cost is not a ratio of 0", async () => {
    const own = await createTestDatabase();
    try {
      const reader = await makeFinance(own);
      const start = Date.UTC(2025, 9, 1) / 1000;
      const end = Date.UTC(2025, 10, 1) / 1000;
      // Two that pay nine thousand million dollars a month, one of which leaves.
      const [stays, leaves] = [
        of(customer(), 900_000_000_000),
        of(customer(), 900_000_000_000),
      ];
      await send(
        own,
        created(stays, start - DAY),
        created(leaves, start - DAY),
        deleted(leaves, start + DAY),
        created(of(customer(), 100), start + DAY),
      );
      const economics = (): Promise<object> =>
        figure(own, reader, "unit_economics($1, $2)", [at(start), at(end)]);
      const spend = (cents: number): Promise<unknown> =>
        asFinance(own, reader, (client) =>
          client.query(
            `insert into app_public.acquisition_costs (month, spend_usd_minor, gross_margin) values ('2025-10-01', $1, 1)
             on conflict on constraint acquisition_costs_month_segment_key do update set spend_usd_minor = excluded.spend_usd_minor`,
            [cents],
          ),
        );
      await spend(1);
      expect(await economics()).toMatchObject({
        arr_usd_minor: "10800000001200",
        cac_usd_minor: "1",
        // ARPA 450,000,000,050 / ½
        ltv_cac: "900000000100.0000",
      });
      await spend(0);
      expect(await economics()).toMatchObject({
        cac_usd_minor: "0",
        ltv_cac: null,
      });
    } finally {
      await own.drop();
    }
  });

  it("41: are not a materialized view that must be refreshed, and leaks", async () => {
    expect(
      (
        await db.root.query(
          "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'm' and n.nspname like 'app%'",
        )
      ).rows,
    ).toEqual([]);
    const brand = await makeBrand(db);
    await send(db, created(of(await payerOf(brand), 777)));
    const { rows } = await asFinance(db, finance, (client) =>
      client.query(
        "select mrr_usd_minor from app_public.mrr_leaderboard(500) where brand_id = $1",
        [brand],
      ),
    );
    expect(rows).toEqual([{ mrr_usd_minor: "777" }]);
  });
});

describe("customers", () => {
  it("53b: one place says whose a customer is, and a shopper can be one", async () => {
    const client = await db.root.connect();
    try {
      expect(
        await column(
          client,
          `select table_name || '.' || column_name from information_schema.columns
            where table_schema = 'app_public' and column_name like '%stripe_customer%'`,
        ),
      ).toEqual([]);
    } finally {
      client.release();
    }
    const user = await makeUser(db);
    const payer = customer({ metadata: { user_id: user } });
    await send(
      db,
      event("customer.created", START, payer),
      created(
        subscription({
          customer: payer.id,
          items: [{ price: price({ amount: 999, metadata: { pro: "true" } }) }],
        }),
      ),
    );
    expect(await story(db, `user:${user}`)).toBe("new 999");
    expect(
      await one(
        db.root,
        "select count(*)::int as pro from app_public.user_entitlements where user_id = $1 and period @> now() + interval '1 second'",
        [user],
      ),
    ).toEqual({ pro: 1 });
  });

  it("57: a subscription may come before its customer; the money waits for the owner", async () => {
    const brand = await makeBrand(db);
    const cus = newId("cus");
    await send(db, created(of(customer({ id: cus }), 100)));
    expect(await accountMrr(db, `customer:${cus}`)).toBe(100);
    expect(
      await one(
        db.root,
        "select count(*)::int as n from app_public.stripe_customers where id = $1",
        [cus],
      ),
    ).toEqual({ n: 0 });
    await send(
      db,
      event(
        "customer.created",
        START - 5,
        customer({ id: cus, metadata: { brand_id: brand } }),
      ),
    );
    expect(await accountMrr(db, `customer:${cus}`)).toBe(0);
    expect(await story(db, `brand:${brand}`)).toBe("transfer new 100");
    expect(await faults(db)).toEqual([]);
  });
});
