import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import { outcomeOf } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  actAs,
  asManager,
  makeTryonBrand,
  requestBrandTryon,
  type TryonBrand,
} from "../helpers/tryons.ts";
import {
  checkout,
  customer,
  DAY,
  event,
  newId,
  price,
  type PriceInput,
  type StripeObject,
  subscription,
} from "./events.ts";
import {
  asFinance,
  became,
  created,
  deleted,
  faults,
  ingest,
  makeBrand,
  makeFinance,
  makeUser,
  one,
  process,
  send,
  trySend,
  updated,
} from "./stage.ts";

/**
 * What a subscription grants is derived from its status and from the metadata of
 * its prices. Events are of now: credits are not given for months that are over.
 */

let db: TestDatabase;
let finance: string;
let now: number;

beforeAll(async () => {
  db = await createTestDatabase();
  finance = await makeFinance(db);
  now = Math.floor(Date.now() / 1000) - 600;
});

afterAll(() => db.drop());

async function withConnection<T>(
  fn: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await db.root.connect();
  try {
    return await fn(client);
  } finally {
    client.release();
  }
}

async function payerOf(
  metadata: Record<string, string>,
): Promise<StripeObject> {
  const payer = customer({ metadata });
  await send(db, event("customer.created", now - 10, payer));
  return payer;
}

function plan(
  payer: StripeObject,
  prices: (PriceInput & { quantity?: number })[],
  status = "active",
  id?: string,
): StripeObject {
  return subscription({
    ...(id === undefined ? {} : { id }),
    customer: payer.id,
    status,
    start: now,
    items: prices.map(({ quantity, ...input }) => ({
      id: newId("si"),
      price: price(input),
      quantity: quantity ?? 1,
    })),
  });
}

type Grant = {
  kind: string;
  active: boolean;
  amount: string | null;
  tier: string | null;
};

async function grantsOf(sub: StripeObject): Promise<Grant[]> {
  const { rows } = await db.root.query<Grant>(
    `select kind, active, amount, tier from app_public.subscription_grants
      where subscription_id = $1 order by kind`,
    [sub.id],
  );
  return rows;
}

async function creditsOf(brand: string): Promise<number> {
  const { credits } = await one<{ credits: number }>(
    db.root,
    `select coalesce(sum(remaining), 0)::int as credits
       from app_public.credit_grants where owner_brand_id = $1`,
    [brand],
  );
  return credits;
}

/** Whether the person is pro at a moment: `after` seconds from now. */
async function isPro(user: string, after = 1): Promise<boolean> {
  const { pro } = await one<{ pro: boolean }>(
    db.root,
    `select exists (
       select 1 from app_public.user_entitlements
        where user_id = $1 and kind = 'pro_unlimited'
          and period @> now() + make_interval(secs => $2)) as pro`,
    [user, after],
  );
  return pro;
}

async function givePro(
  user: string,
  fromDays: number,
  toDays: number,
): Promise<void> {
  await asFinance(db, finance, (client) =>
    client.query(
      `select app_public.grant_pro($1, now() + make_interval(days => $2), now() + make_interval(days => $3),
         'A gift for the trouble of last week')`,
      [user, fromDays, toDays],
    ),
  );
}

async function grantDue(days: number): Promise<number> {
  const { n } = await one<{ n: number }>(
    db.worker,
    "select app_private.grant_due_subscriptions(now() + make_interval(days => $1)) as n",
    [days],
  );
  return n;
}

describe("what a brand's plan grants", () => {
  it("credits each month, dataset access and custom models, by the metadata of its price", async () => {
    const brand = await makeBrand(db);
    const studio = plan(await payerOf({ brand_id: brand }), [
      {
        metadata: {
          monthly_credits: "500",
          dataset_access: "aggregate",
          custom_models: "true",
          // Of shoppers; a brand gets none.
          pro: "true",
        },
        quantity: 2,
      },
    ]);
    await send(db, created(studio, now));
    expect(await grantsOf(studio)).toEqual([
      { kind: "monthly_credits", active: true, amount: "1000", tier: null },
      { kind: "dataset_access", active: true, amount: null, tier: "aggregate" },
      { kind: "custom_models", active: true, amount: null, tier: null },
    ]);
    expect(await creditsOf(brand)).toBe(1000);
  });

  it("says why", async () => {
    const brand = await makeBrand(db);
    const id = newId("price");
    const studio = plan(
      await payerOf({ brand_id: brand }),
      [{ id, metadata: { custom_models: "true" } }],
      "past_due",
    );
    await send(db, created(studio, now));
    expect(
      await one(
        db.root,
        "select why from app_public.subscription_grants where subscription_id = $1",
        [studio.id],
      ),
    ).toEqual({ why: `Price ${id}, subscription past_due` });
  });

  it("a base and what is added to it give their sum, and the wider access", async () => {
    const brand = await makeBrand(db);
    const studio = plan(await payerOf({ brand_id: brand }), [
      { metadata: { monthly_credits: "500", dataset_access: "row" } },
      { metadata: { monthly_credits: "200", dataset_access: "aggregate" } },
    ]);
    await send(db, created(studio, now));
    expect(await grantsOf(studio)).toMatchObject([
      { kind: "monthly_credits", amount: "700" },
      { kind: "dataset_access", tier: "row" },
    ]);
  });

  it.each(["0", "-5", "many", "1e9", "99999999999", "5.5", ""])(
    "monthly_credits = %j grants nothing",
    async (monthly_credits) => {
      const brand = await makeBrand(db);
      const studio = plan(await payerOf({ brand_id: brand }), [
        {
          metadata: {
            monthly_credits,
            dataset_access: "everything",
            custom_models: "yes",
          },
        },
      ]);
      await send(db, created(studio, now));
      expect(await grantsOf(studio)).toEqual([]);
      expect(await creditsOf(brand)).toBe(0);
    },
  );

  it.each([
    ["active", true],
    ["trialing", true],
    ["past_due", true],
    ["incomplete", false],
    ["unpaid", false],
    ["paused", false],
    ["canceled", false],
  ])("%s: granted is %s", async (status, active) => {
    const brand = await makeBrand(db);
    const studio = plan(
      await payerOf({ brand_id: brand }),
      [{ metadata: { custom_models: "true" } }],
      status,
    );
    await send(db, created(studio, now));
    expect(await grantsOf(studio)).toMatchObject([{ active }]);
  });

  it("a change of plan changes what is granted, with its event", async () => {
    const brand = await makeBrand(db);
    const payer = await payerOf({ brand_id: brand });
    const first = plan(payer, [
      {
        metadata: {
          dataset_access: "aggregate",
          custom_models: "true",
          monthly_credits: "10",
        },
      },
    ]);
    const second = plan(
      payer,
      [
        {
          metadata: {
            dataset_access: "row",
            custom_models: "false",
            monthly_credits: "none",
          },
        },
      ],
      "active",
      first.id,
    );
    await send(db, created(first, now), updated(second, now + 1));
    expect(await grantsOf(first)).toEqual([
      { kind: "monthly_credits", active: false, amount: "10", tier: null },
      { kind: "dataset_access", active: true, amount: null, tier: "row" },
      { kind: "custom_models", active: false, amount: null, tier: null },
    ]);
  });

  it("a price whose metadata change grants otherwise at once", async () => {
    const brand = await makeBrand(db);
    const id = newId("price");
    const studio = plan(await payerOf({ brand_id: brand }), [{ id }]);
    await send(
      db,
      created(studio, now),
      event(
        "price.updated",
        now + 5,
        price({ id, metadata: { custom_models: "true" } }),
      ),
    );
    expect(await grantsOf(studio)).toMatchObject([
      { kind: "custom_models", active: true },
    ]);
    await send(db, event("price.updated", now + 6, price({ id })));
    expect(await grantsOf(studio)).toMatchObject([
      { kind: "custom_models", active: false },
    ]);
  });

  it("nobody is granted anything until the customer is linked; then the owner is", async () => {
    const [one_, other] = [await makeBrand(db), await makeBrand(db)];
    const cus = newId("cus");
    const studio = plan(customer({ id: cus }), [
      { metadata: { monthly_credits: "50", custom_models: "true" } },
    ]);
    await send(
      db,
      created(studio, now),
      event("customer.created", now, customer({ id: cus })),
    );
    expect(await grantsOf(studio)).toEqual([]);
    const link = (brand: string | null): Promise<unknown> =>
      asFinance(db, finance, (client) =>
        client.query("select app_public.link_stripe_customer($1, $2)", [
          cus,
          brand,
        ]),
      );
    await link(one_);
    expect(await grantsOf(studio)).toHaveLength(2);
    expect(await creditsOf(one_)).toBe(50);
    await link(other);
    expect(
      await one(
        db.root,
        "select count(*)::int as n, count(*) filter (where brand_id = $2)::int as others from app_public.subscription_grants where subscription_id = $1",
        [studio.id, other],
      ),
    ).toEqual({ n: 2, others: 2 });
    await link(null);
    expect(await grantsOf(studio)).toEqual([]);
  });

  it("an item of quantity 0 grants nothing", async () => {
    const brand = await makeBrand(db);
    const none = plan(await payerOf({ brand_id: brand }), [
      {
        quantity: 0,
        metadata: {
          monthly_credits: "50",
          dataset_access: "row",
          custom_models: "true",
        },
      },
    ]);
    await send(db, created(none, now));
    expect(await grantsOf(none)).toEqual([]);
    expect(await creditsOf(brand)).toBe(0);
  });
});

describe("credits, month by month", () => {
  it("are given once a month, however often it is asked", async () => {
    const brand = await makeBrand(db);
    const studio = plan(await payerOf({ brand_id: brand }), [
      { metadata: { monthly_credits: "30" } },
    ]);
    await send(
      db,
      created(studio, now),
      updated({ ...studio, cancel_at_period_end: true }, now + 1),
    );
    await grantDue(0);
    expect(await creditsOf(brand)).toBe(30);
    await grantDue(35);
    expect(await grantDue(35)).toBe(0);
    expect(await creditsOf(brand)).toBe(60);
    // They end with their month, like the free ones of a shopper.
    expect(
      await one(
        db.root,
        `select count(*)::int as n, bool_and(expires_at > effective_at and expires_at <= effective_at + interval '32 days') as end
           from app_public.credit_grants where owner_brand_id = $1`,
        [brand],
      ),
    ).toEqual({ n: 2, end: true });
  });

  it("two plans of one brand give both", async () => {
    const brand = await makeBrand(db);
    const payer = await payerOf({ brand_id: brand });
    for (const monthly_credits of ["30", "40"]) {
      await send(
        db,
        created(plan(payer, [{ metadata: { monthly_credits } }]), now),
      );
    }
    expect(await creditsOf(brand)).toBe(70);
  });

  it("end with the plan: the next month gives none", async () => {
    const brand = await makeBrand(db);
    const studio = plan(await payerOf({ brand_id: brand }), [
      { metadata: { monthly_credits: "30" } },
    ]);
    await send(db, created(studio, now), deleted(studio, now + 1));
    await grantDue(40);
    expect(await creditsOf(brand)).toBe(30);
  });

  it("go along when the customer is linked to somebody else, less what was spent", async () => {
    const [first, second, third] = await withConnection(async (client) => [
      await makeTryonBrand(client),
      await makeTryonBrand(client),
      await makeTryonBrand(client),
    ]);
    const payer = await payerOf({ brand_id: first.id });
    const studio = plan(payer, [{ metadata: { monthly_credits: "30" } }]);
    await send(db, created(studio, now));
    /** So many try-ons, asked for and not done yet: held is spent. */
    const spend = (brand: TryonBrand, count: number): Promise<void> =>
      withConnection(async (client) => {
        await client.query("begin");
        for (let n = 0; n < count; n++)
          await actAs(client, asManager(brand), () =>
            requestBrandTryon(client, brand),
          );
        await client.query("commit");
      });
    const link = (brand: string | null): Promise<unknown> =>
      asFinance(db, finance, (client) =>
        client.query("select app_public.link_stripe_customer($1, $2)", [
          payer.id,
          brand,
        ]),
      );
    const all = async (): Promise<number[]> => [
      await creditsOf(first.id),
      await creditsOf(second.id),
      await creditsOf(third.id),
    ];
    await spend(first, 4);
    await link(second.id);
    expect(await all()).toEqual([0, 26, 0]);
    await grantDue(0);
    expect(await all()).toEqual([0, 26, 0]);
    await spend(second, 3);
    await link(third.id);
    expect(await all()).toEqual([0, 0, 23]);
    // And back: what two others spent stays spent, and nothing is given twice.
    await link(first.id);
    expect(await all()).toEqual([23, 0, 0]);
    await link(null);
    expect(await all()).toEqual([0, 0, 0]);
    await link(second.id);
    expect(await all()).toEqual([0, 23, 0]);
    await grantDue(35);
    expect(await creditsOf(second.id)).toBe(23 + 30);
    expect(await faults(db)).toEqual([]);
  });

  it("a load of old events gives none for what is over", async () => {
    const brand = await makeBrand(db);
    const payer = await payerOf({ brand_id: brand });
    const old = subscription({
      customer: payer.id,
      start: now - 400 * DAY,
      items: [{ price: price({ metadata: { monthly_credits: "30" } }) }],
    });
    await send(db, created(old, now - 400 * DAY));
    expect(await creditsOf(brand)).toBe(0);
    await send(db, deleted(old, now - 100 * DAY));
    await grantDue(0);
    expect(await creditsOf(brand)).toBe(0);
  });
});

describe("pro of a shopper", () => {
  const PRO: PriceInput = { metadata: { pro: "true" } };

  it("is given while active, trialing or past due, and ends with unpaid", async () => {
    const user = await makeUser(db);
    const pro = plan(await payerOf({ user_id: user }), [PRO], "trialing");
    await send(db, created(pro, now));
    expect(await isPro(user)).toBe(true);
    for (const status of ["active", "past_due"]) {
      now++;
      await send(db, updated({ ...pro, status }, now));
      expect(await isPro(user)).toBe(true);
    }
    now++;
    await send(db, updated({ ...pro, status: "unpaid" }, now));
    expect(await isPro(user)).toBe(false);
    now++;
    await send(db, updated({ ...pro, status: "active" }, now));
    expect(await isPro(user)).toBe(true);
    now++;
    await send(db, deleted(pro, now));
    expect(await isPro(user)).toBe(false);
  });

  it("stands next to what staff gave: no overlap, no gap, and staff's stays", async () => {
    const user = await makeUser(db);
    await givePro(user, 0, 10);
    await givePro(user, 20, 30);
    const pro = plan(await payerOf({ user_id: user }), [PRO]);
    await send(db, created(pro, now));
    for (const days of [0, 9, 15, 25, 35, 3000]) {
      expect([days, await isPro(user, days * DAY + 60)]).toEqual([days, true]);
    }
    now++;
    await send(db, deleted(pro, now));
    expect(
      await Promise.all([5, 15, 25, 35].map((days) => isPro(user, days * DAY))),
    ).toEqual([true, false, true, false]);
  });

  it("of two subscriptions, the other one takes over", async () => {
    const user = await makeUser(db);
    const payer = await payerOf({ user_id: user });
    const [first, second] = [plan(payer, [PRO]), plan(payer, [PRO])];
    await send(
      db,
      created(first, now),
      created(second, now),
      deleted(first, now + 1),
    );
    expect(await isPro(user)).toBe(true);
    now += 2;
    await send(db, deleted(second, now));
    expect(await isPro(user)).toBe(false);
  });

  it("is not staff's to end: it would come back with the next event", async () => {
    const user = await makeUser(db);
    const pro = plan(await payerOf({ user_id: user }), [PRO]);
    await send(db, created(pro, now));
    const { id } = await one<{ id: string }>(
      db.root,
      "select id from app_public.user_entitlements where user_id = $1",
      [user],
    );
    expect(
      await asFinance(db, finance, async (client) => {
        await client.query("savepoint asked");
        const outcome = await outcomeOf(
          client.query("select app_public.end_pro($1, $2)", [
            id,
            "The shopper asked us to",
          ]),
        );
        await client.query("rollback to savepoint asked");
        return outcome;
      }),
    ).toBe("STATE");
    expect(await isPro(user)).toBe(true);
  });

  it("moves with the customer", async () => {
    const [mine, theirs] = [await makeUser(db), await makeUser(db)];
    const payer = await payerOf({ user_id: mine });
    await send(db, created(plan(payer, [PRO]), now));
    await asFinance(db, finance, (client) =>
      client.query(
        "select app_public.link_stripe_customer($1, user_id => $2)",
        [payer.id, theirs],
      ),
    );
    expect(await isPro(mine)).toBe(false);
    expect(await isPro(theirs)).toBe(true);
  });

  it("is nothing that a brand gets", async () => {
    const brand = await makeBrand(db);
    const pro = plan(await payerOf({ brand_id: brand }), [PRO]);
    await send(db, created(pro, now));
    expect(await grantsOf(pro)).toEqual([]);
  });
});

describe("bought credits", () => {
  it("are given once, whichever and however many events tell of the session", async () => {
    const brand = await makeBrand(db);
    const session = checkout({ brand_id: brand, credits: "1000" });
    await send(
      db,
      event("checkout.session.completed", now, session),
      event("checkout.session.async_payment_succeeded", now + 1, session),
      event("checkout.session.completed", now + 2, session),
    );
    expect(await creditsOf(brand)).toBe(1000);
    expect(
      await one(
        db.root,
        "select source, expires_at, priority from app_public.credit_grants where owner_brand_id = $1",
        [brand],
      ),
    ).toEqual({ source: "purchase", expires_at: null, priority: 20 });
  });

  it("at the same time: once", async () => {
    const brand = await makeBrand(db);
    const session = checkout({ brand_id: brand, credits: "7" });
    const events = [0, 1, 2, 3].map((n) =>
      event("checkout.session.completed", now + n, session),
    );
    for (const each of events) await ingest(db, each);
    await Promise.all(events.map(({ id }) => process(db, id)));
    expect(await creditsOf(brand)).toBe(7);
  });

  it("are for shoppers, too", async () => {
    const user = await makeUser(db);
    await send(
      db,
      event(
        "checkout.session.completed",
        now,
        checkout({ user_id: user, credits: "5" }),
      ),
    );
    expect(
      await one(
        db.root,
        "select sum(remaining)::int as n from app_public.credit_grants where owner_user_id = $1 and source = 'purchase'",
        [user],
      ),
    ).toEqual({ n: 5 });
  });

  it.each([
    ["is not paid yet", { payment_status: "unpaid" }],
    ["was free of charge", { payment_status: "no_payment_required" }],
    ["began a subscription", { mode: "subscription" }],
  ])("a session that %s gives none", async (_, extra) => {
    const brand = await makeBrand(db);
    const session = checkout({ brand_id: brand, credits: "10" }, extra);
    await send(db, event("checkout.session.completed", now, session));
    expect(await creditsOf(brand)).toBe(0);
  });

  it("a payment that fails or a session that expires gives none", async () => {
    const brand = await makeBrand(db);
    const session = checkout({ brand_id: brand, credits: "10" });
    await send(
      db,
      event("checkout.session.async_payment_failed", now, session),
      event("checkout.session.expired", now, session),
    );
    expect(await creditsOf(brand)).toBe(0);
  });

  it.each(["0", "-1", "ten", "1e3", "1.5", "9999999999"])(
    "credits = %j fails and says so",
    async (credits) => {
      const brand = await makeBrand(db);
      const session = checkout({ brand_id: brand, credits });
      expect(
        await trySend(db, event("checkout.session.completed", now, session)),
      ).toMatchObject({
        status: "failed",
        last_error: "INVAL: A paid session names no number of credits",
      });
      expect(await creditsOf(brand)).toBe(0);
    },
  );

  it("for nobody who is known, it fails, and works once replayed after the fix", async () => {
    const brand = "00000000-0000-7000-8000-00000000f00d";
    const paid = event(
      "checkout.session.completed",
      now,
      checkout({ brand_id: brand, credits: "12" }),
    );
    expect(await trySend(db, paid)).toMatchObject({
      status: "failed",
      last_error: "NTFND: A paid session names neither a brand nor a person",
    });
    await db.root.query(
      "insert into app_public.brand_accounts (id, slug, name) values ($1, 'late', 'Late')",
      [brand],
    );
    await asFinance(db, finance, (client) =>
      client.query("select app_public.replay_stripe_events($1)", [[paid.id]]),
    );
    expect(await process(db, paid.id)).toBe("processed");
    expect(await became(db, paid.id)).toMatchObject({ last_error: null });
    expect(await creditsOf(brand)).toBe(12);
  });

  it("through a link that names nobody, they are for whom the customer is linked to", async () => {
    const brand = await makeBrand(db);
    const payer = await payerOf({});
    const paid = event(
      "checkout.session.completed",
      now,
      checkout({ credits: "9" }, { customer: payer.id }),
    );
    expect(await trySend(db, paid)).toMatchObject({
      status: "failed",
      last_error: "NTFND: A paid session names neither a brand nor a person",
    });
    await asFinance(db, finance, async (client) => {
      await client.query("select app_public.link_stripe_customer($1, $2)", [
        payer.id,
        brand,
      ]);
      await client.query("select app_public.replay_stripe_events($1)", [
        [paid.id],
      ]);
    });
    expect(await process(db, paid.id)).toBe("processed");
    expect(await creditsOf(brand)).toBe(9);
  });

  it("for somebody who is not here they are not given to the owner of the customer instead", async () => {
    const brand = await makeBrand(db);
    const payer = await payerOf({ brand_id: brand });
    const paid = checkout(
      { brand_id: "00000000-0000-7000-8000-00000000dead", credits: "9" },
      { customer: payer.id },
    );
    expect(
      await trySend(db, event("checkout.session.completed", now, paid)),
    ).toMatchObject({ status: "failed" });
    expect(await creditsOf(brand)).toBe(0);
  });
});

describe("afterwards", () => {
  it("everything adds up", async () => {
    expect(await faults(db)).toEqual([]);
  });
});
