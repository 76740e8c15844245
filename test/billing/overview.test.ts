import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import { outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
  withActor,
} from "../helpers/database.ts";
import { buildMember } from "../helpers/factories.ts";
import {
  asManager,
  beginResult,
  claim,
  commitAs,
  complete,
  makeTryonBrand,
  requestBrandTryon,
  storeResult,
} from "../helpers/tryons.ts";
import {
  coupon,
  customer,
  DAY,
  discount,
  event,
  invoice,
  newId,
  price,
  type PriceInput,
  refund,
  type StripeEvent,
  type StripeObject,
  subscription,
  type SubscriptionInput,
} from "./events.ts";
import {
  asFinance,
  at,
  created,
  deleted,
  faults,
  makeBrand,
  makeFinance,
  makeUser,
  one,
  send,
  updated,
} from "./stage.ts";

/** What an owner and a shopper read of billing, through the roles they have. */

let db: TestDatabase;
let now: number;

beforeAll(async () => {
  db = await createTestDatabase();
  now = Math.floor(Date.now() / 1000) - 600;
});
afterAll(() => db.drop());

type Party = { actor: TestActor; payer: StripeObject; brand: string };

/** A member of this role, who is asked as the role itself. */
async function member(brand: string, role: string): Promise<TestActor> {
  const client = await db.root.connect();
  try {
    const { user_id } = await buildMember(client, { brand_id: brand, role });
    return {
      role: `closetai_${role === "owner" ? "brand_owner" : role}`,
      userId: user_id,
      brandId: brand,
    };
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

async function ownerOfBrand(): Promise<Party> {
  const brand = await makeBrand(db);
  return {
    brand,
    actor: await member(brand, "owner"),
    payer: await payerOf({ brand_id: brand }),
  };
}

async function shopper(): Promise<Omit<Party, "brand"> & { user: string }> {
  const user = await makeUser(db);
  return {
    user,
    actor: { role: "closetai_user", userId: user },
    payer: await payerOf({ user_id: user }),
  };
}

async function sell(input: PriceInput, extra = {}): Promise<StripeObject> {
  const sold = { ...price(input), ...extra };
  await send(db, event("price.created", now - 20, sold));
  return sold;
}

async function nameProduct(name: string, active = true): Promise<string> {
  const id = newId("prod");
  await send(
    db,
    event("product.created", now - 20, { id, object: "product", name, active }),
  );
  return id;
}

/** Of the payer, since ten minutes ago, for thirty days. */
function plan(
  payer: StripeObject,
  input: Omit<SubscriptionInput, "customer">,
): StripeObject {
  return subscription({ customer: payer.id, start: now, ...input });
}

const subscribed = (object: StripeObject): StripeEvent => created(object, now);

type Item = {
  name: string | null;
  isKnown: boolean;
  quantity: number | null;
  amountMinor: number | null;
  unitMinor: number | null;
  interval: string | null;
  currency: string | null;
  isMetered: boolean;
};
type Plan = {
  subscription_id: string;
  status: string;
  ends_at: Date | null;
  period_end: Date | null;
  owed_minor: string;
  pay_before: Date | null;
  pay_url: string | null;
  is_counted: boolean;
  paused_as: string | null;
  resumes_at: Date | null;
  items: Item[];
  discounts: {
    scope: string;
    name: string | null;
    percentOff: number | null;
    amountOff: number | null;
    duration: string | null;
    endsAt: string | null;
  }[];
};
type Coming = {
  happens_at: Date;
  kind: string;
  name: string | null;
  amount_minor: string | null;
  currency: string | null;
  has_usage: boolean;
  at_most: boolean;
  is_collected: boolean;
  credits: string | null;
};
type Offer = {
  price_id: string;
  kind: string;
  name: string | null;
  amount_minor: string | null;
  monthly_credits: string | null;
  credits: string | null;
  dataset_access: string | null;
  pro: boolean;
  is_current: boolean;
  is_reserved: boolean;
};
type Bill = {
  invoice_id: string;
  number: string | null;
  status: string;
  total: string;
  amount_remaining: string;
  refunded: string;
  hosted_url: string | null;
  pdf_url: string | null;
};

async function read<T extends object>(
  { actor }: { actor: TestActor },
  call: string,
  values: unknown[] = [],
): Promise<T[]> {
  return withActor(db, actor, async (client: ClientBase) => {
    const { rows } = await client.query<T>(
      `select * from app_public.${call}`,
      values,
    );
    return rows;
  });
}

const plans = (party: { actor: TestActor }) =>
  read<Plan>(party, "billing_plans()");
const upcoming = (party: { actor: TestActor }) =>
  read<Coming>(party, "billing_upcoming()");
const offers = (party: { actor: TestActor }) =>
  read<Offer>(party, "billing_offers()");
const invoices = (party: { actor: TestActor }, before: string | null = null) =>
  read<Bill>(party, "billing_invoices($1, 2)", [before]);

async function onlyPlan(party: { actor: TestActor }): Promise<Plan> {
  const [first, ...others] = await plans(party);
  if (first === undefined || others.length > 0) {
    throw new Error(`One plan was expected, not ${others.length + 1}`);
  }
  return first;
}

/** "renews 2000 usd, credits 100": what comes, in its order. */
const story = (rows: Coming[]): string =>
  rows
    .map(({ kind, amount_minor, currency, credits }) =>
      [kind, amount_minor, currency, credits].filter(Boolean).join(" "),
    )
    .join(", ");

describe("the plan of a brand", () => {
  it("has a name, a price for its quantity, a period, and renews", async () => {
    const party = await ownerOfBrand();
    const product = await nameProduct("Studio");
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [
            {
              price: {
                ...price({
                  amount: 4900,
                  metadata: { monthly_credits: "100" },
                }),
                product,
              },
              quantity: 3,
            },
          ],
        }),
      ),
    );
    const own = await onlyPlan(party);
    expect(own).toMatchObject({
      status: "active",
      is_counted: true,
      ends_at: null,
      owed_minor: "0",
      discounts: [],
    });
    expect(own.items).toMatchObject([
      {
        name: "Studio",
        isKnown: true,
        quantity: 3,
        amountMinor: 14_700,
        unitMinor: 4900,
        interval: "month",
        currency: "usd",
        isMetered: false,
      },
    ]);
    expect(own.period_end).toEqual(new Date(at(now + 30 * DAY)));
    const coming = await upcoming(party);
    expect(story(coming)).toMatch(/renews 14700 usd/);
    expect(story(coming)).toMatch(/credits 300/);
    expect(coming.map(({ happens_at }) => happens_at.getTime())).toEqual(
      coming
        .map(({ happens_at }) => happens_at.getTime())
        .sort((a, b) => a - b),
    );
  });

  it.each([
    ["jpy", 980, 980],
    ["kwd", 12_345, 12_345],
    ["eur", "0.5", 1],
  ] as const)(
    "is told in whole minor units of %s",
    async (currency, amount, minor) => {
      const party = await ownerOfBrand();
      await send(
        db,
        subscribed(
          plan(party.payer, {
            currency,
            items: [{ price: price({ currency, amount }) }],
          }),
        ),
      );
      expect((await onlyPlan(party)).items[0]).toMatchObject({
        currency,
        amountMinor: minor,
      });
      expect(story(await upcoming(party))).toBe(`renews ${minor} ${currency}`);
    },
  );

  it("stands without items, and says that nothing is known", async () => {
    const party = await ownerOfBrand();
    await send(db, subscribed(plan(party.payer, { items: [] })));
    expect(await onlyPlan(party)).toMatchObject({
      items: [],
      period_end: null,
    });
    expect(await upcoming(party)).toEqual([]);
  });

  it("stands with a price that is not known, without an amount", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(plan(party.payer, { items: [{ price: newId("price") }] })),
    );
    const own = await onlyPlan(party);
    expect(own.is_counted).toBe(false);
    expect(own.items[0]).toMatchObject({
      name: null,
      isKnown: false,
      amountMinor: null,
    });
    expect(story(await upcoming(party))).toBe("renews usd");
  });

  it.each<[string, PriceInput, number | null]>([
    ["tiers that were not sent", { tiersMode: "volume" }, null],
    [
      "tiers without amounts",
      { tiersMode: "volume", tiers: [{ up_to: null }] },
      0,
    ],
    [
      "tiers",
      {
        tiersMode: "graduated",
        tiers: [
          { up_to: 2, unit_amount: 1000 },
          { up_to: null, unit_amount: 500 },
        ],
      },
      3500,
    ],
  ])("has a price with %s", async (_name, input, minor) => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, { items: [{ price: price(input), quantity: 5 }] }),
      ),
    );
    expect((await onlyPlan(party)).items[0]).toMatchObject({
      amountMinor: minor,
      unitMinor: null,
    });
  });

  it("of metered items renews for what is licensed, and usage on top", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [
            { price: price({ amount: 900 }), quantity: null },
            { price: price({ usage: "metered", amount: 3 }), quantity: null },
          ],
        }),
      ),
    );
    const { items } = await onlyPlan(party);
    expect(
      items.map(({ amountMinor, isMetered }) => [amountMinor, isMetered]),
    ).toEqual([
      [900, false],
      [null, true],
    ]);
    expect(await upcoming(party)).toMatchObject([
      { kind: "renews", amount_minor: "900", has_usage: true },
    ]);
  });

  it("in trial is charged at its end; without an end nothing is foretold", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          status: "trialing",
          items: [{ price: price({ amount: 2900 }) }],
          extra: { trial_end: now + 14 * DAY },
        }),
      ),
    );
    expect(story(await upcoming(party))).toBe("trial_ends 2900 usd");

    const other = await ownerOfBrand();
    const endless = plan(other.payer, {
      status: "trialing",
      items: [{ price: price() }],
    });
    const { current_period_start, current_period_end, ...item } = (
      endless["items"] as { data: Record<string, unknown>[] }
    ).data[0] as Record<string, unknown>;
    expect([current_period_start, current_period_end]).not.toContain(undefined);
    await send(db, subscribed({ ...endless, items: { data: [item] } }));
    expect(await onlyPlan(other)).toMatchObject({
      status: "trialing",
      period_end: null,
    });
    expect(await upcoming(other)).toEqual([]);
  });

  it("that is cancelled to its end neither renews nor gives credits after", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [{ price: price({ metadata: { monthly_credits: "10" } }) }],
          extra: { cancel_at: now + 2 * DAY },
        }),
      ),
    );
    expect((await onlyPlan(party)).ends_at).toEqual(
      new Date(at(now + 2 * DAY)),
    );
    expect(story(await upcoming(party))).toBe("ends");
    const atPeriodEnd = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(atPeriodEnd.payer, {
          items: [{ price: price() }],
          extra: { cancel_at_period_end: true },
        }),
      ),
    );
    expect((await onlyPlan(atPeriodEnd)).ends_at).toEqual(
      new Date(at(now + 30 * DAY)),
    );
    expect(story(await upcoming(atPeriodEnd))).toBe("ends");
  });

  it("that is overdue says what is owed, until when, and where to pay", async () => {
    const party = await ownerOfBrand();
    const sub = plan(party.payer, {
      status: "past_due",
      items: [{ price: price() }],
    });
    const open = (due: number | null, extra = {}) => ({
      ...invoice({
        customer: party.payer.id,
        subscription: sub.id,
        status: "open",
        created: now,
      }),
      due_date: due,
      ...extra,
    });
    await send(
      db,
      subscribed(sub),
      event("invoice.finalized", now, open(now + 9 * DAY)),
      event(
        "invoice.finalized",
        now,
        open(now - DAY, { hosted_invoice_url: "https://pay.example/late" }),
      ),
      // Neither is asked for.
      event("invoice.voided", now, open(now, { status: "void" })),
      event("invoice.deleted", now, open(now)),
    );
    const own = await onlyPlan(party);
    expect(own).toMatchObject({
      owed_minor: "4000",
      pay_url: "https://pay.example/late",
    });
    expect(own.pay_before).toEqual(new Date(at(now - DAY)));
    expect(story(await upcoming(party))).toBe(
      "invoice_due 2000 usd, invoice_due 2000 usd, renews 2000 usd",
    );
  });

  it("whose collection is paused says how and until when", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [{ price: price() }],
          extra: {
            pause_collection: { behavior: "void", resumes_at: now + 40 * DAY },
          },
        }),
      ),
    );
    expect(await onlyPlan(party)).toMatchObject({
      paused_as: "void",
      resumes_at: new Date(at(now + 40 * DAY)),
    });
    expect(await upcoming(party)).toMatchObject([
      { kind: "renews", is_collected: false },
      { kind: "collection_resumes" },
    ]);
  });

  it("with items of several intervals renews on each of their days", async () => {
    const party = await ownerOfBrand();
    const sub = plan(party.payer, {
      items: [
        { price: price({ amount: 1000 }) },
        { price: price({ amount: 90_000, interval: "year" }) },
      ],
    });
    const { data } = sub["items"] as { data: Record<string, unknown>[] };
    await send(
      db,
      subscribed({
        ...sub,
        items: {
          data: [data[0], { ...data[1], current_period_end: now + 300 * DAY }],
        },
      }),
    );
    expect(story(await upcoming(party))).toBe(
      "renews 1000 usd, renews 90000 usd",
    );
  });

  it("is told with those of every customer of the brand, the ended ones last", async () => {
    const party = await ownerOfBrand();
    const second = await payerOf({ brand_id: party.brand });
    const gone = plan(party.payer, { items: [{ price: price() }] });
    const runs = plan(second, { items: [{ price: price() }] });
    await send(
      db,
      subscribed(gone),
      deleted(gone, now + 1),
      subscribed(runs),
      event("customer.deleted", now + 2, { ...second, deleted: true }),
    );
    expect(
      (await plans(party)).map(({ subscription_id, status }) => [
        subscription_id,
        status,
      ]),
    ).toEqual([
      [runs.id, "active"],
      [gone.id, "canceled"],
    ]);
  });
});

describe("discounts", () => {
  const halved = (overrides = {}) => coupon({ percent: 50, ...overrides });
  const expanded = (party: Party, of: StripeObject, extra = {}): StripeObject =>
    discount(of, "2025-09-30.clover", { customer: party.payer.id, ...extra });

  it("are taken off what comes, in Stripe's order, as long as they last", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [
            {
              price: price({ amount: 10_000 }),
              discounts: [expanded(party, coupon({ amount: 1000 }))],
            },
          ],
          discounts: [
            expanded(party, halved()),
            expanded(party, halved({ duration: "repeating" }), {
              end: now + 10 * DAY,
            }),
          ],
        }),
      ),
    );
    expect((await onlyPlan(party)).discounts).toMatchObject([
      { scope: "item", amountOff: 1000, endsAt: null },
      { scope: "subscription", percentOff: 50, duration: "forever" },
      { scope: "subscription", percentOff: 50, duration: "repeating" },
    ]);
    // (10,000 − 1,000) × 50 %; the second half ends before the renewal.
    const coming = await upcoming(party);
    expect(story(coming)).toBe("discount_ends, renews 4500 usd");
    expect(coming[1]?.at_most).toBe(false);
  });

  it.each<[string, object]>([
    ["for one invoice", { percent: 50, duration: "once" }],
    ["in another currency", { amount: 500, currency: "eur" }],
  ])("%s leave an upper bound", async (_name, input) => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [{ price: price({ amount: 2000 }) }],
          discounts: [expanded(party, coupon(input))],
        }),
      ),
    );
    expect(await upcoming(party)).toMatchObject([
      { amount_minor: "2000", at_most: true },
    ]);
  });

  it("never make less than nothing", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [{ price: price({ amount: 2000 }) }],
          discounts: [expanded(party, coupon({ amount: 9000 }))],
        }),
      ),
    );
    expect(story(await upcoming(party))).toBe("renews 0 usd");
  });

  it("named by their id are known from their own event, until they are deleted", async () => {
    const party = await ownerOfBrand();
    const off = expanded(party, halved());
    await send(
      db,
      event("customer.discount.created", now - 1, off),
      subscribed(
        plan(party.payer, {
          items: [{ price: price({ amount: 2000 }) }],
          discounts: [off.id],
        }),
      ),
    );
    expect(story(await upcoming(party))).toBe("renews 1000 usd");
    await send(db, event("customer.discount.deleted", now + 1, off));
    expect((await onlyPlan(party)).discounts).toEqual([]);
    expect(story(await upcoming(party))).toBe("renews 2000 usd");
  });

  it("that nobody has told about are shown as such", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [{ price: price({ amount: 2000 }) }],
          discounts: [newId("di")],
        }),
      ),
    );
    expect((await onlyPlan(party)).discounts).toMatchObject([
      { percentOff: null, amountOff: null },
    ]);
    expect(await upcoming(party)).toMatchObject([
      { amount_minor: "2000", at_most: true },
    ]);
  });

  it("of the customer count where the subscription has none", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      event("customer.discount.created", now - 1, expanded(party, halved())),
      subscribed(
        plan(party.payer, { items: [{ price: price({ amount: 2000 }) }] }),
      ),
    );
    expect((await onlyPlan(party)).discounts).toMatchObject([
      { scope: "customer", percentOff: 50 },
    ]);
    expect(story(await upcoming(party))).toBe("renews 1000 usd");
  });
});

describe("the credits of a plan", () => {
  const allowance = (party: { actor: TestActor }) =>
    read<Record<string, unknown>>(party, "billing_allowance()");

  it("are those of this month, with what became of them", async () => {
    const party = await ownerOfBrand();
    const analyst = { actor: await member(party.brand, "analyst") };
    await send(
      db,
      subscribed(
        plan(party.payer, {
          items: [{ price: price({ metadata: { monthly_credits: "40" } }) }],
        }),
      ),
    );
    // Bought ones are not part of it.
    await db.root.query(
      "select app_private.add_grant(null, $1, 'promo', 7, now(), null, null, 'A gift')",
      [party.brand],
    );
    expect(await allowance(analyst)).toMatchObject([
      { granted: "40", used: "0", held: "0", remaining: "40" },
    ]);
    const [row] = await allowance(party);
    expect(row?.["ends_at"]).toEqual(
      (await upcoming(party)).find(({ kind }) => kind === "credits")
        ?.happens_at,
    );
  });

  it("are told apart from those of a second plan of the brand", async () => {
    const party = await ownerOfBrand();
    const both = [30, 50].map((monthly) =>
      plan(party.payer, {
        items: [
          { price: price({ metadata: { monthly_credits: String(monthly) } }) },
        ],
      }),
    );
    await send(db, ...both.map(subscribed));
    const rows = await allowance(party);
    expect(
      new Map(rows.map((row) => [row["subscription_id"], row["granted"]])),
    ).toEqual(
      new Map([
        [both[0]?.id, "30"],
        [both[1]?.id, "50"],
      ]),
    );
  });

  it("stay until their month ends when the plan has ended", async () => {
    const party = await ownerOfBrand();
    const sub = plan(party.payer, {
      items: [{ price: price({ metadata: { monthly_credits: "40" } }) }],
    });
    await send(db, subscribed(sub), deleted(sub, now + 1));
    expect(await allowance(party)).toMatchObject([
      { is_active: false, remaining: "40" },
    ]);
    expect(await upcoming(party)).toEqual([]);
  });

  it("are used and held by try-ons", async () => {
    const root = await db.root.connect();
    const brand = await makeTryonBrand(root);
    root.release();
    const payer = await payerOf({ brand_id: brand.id });
    const actor = asManager(brand);
    await send(
      db,
      subscribed(
        plan(payer, {
          items: [{ price: price({ metadata: { monthly_credits: "40" } }) }],
        }),
      ),
    );
    for (const done of [true, true, false]) {
      await commitAs(db.app, actor, (client) =>
        requestBrandTryon(client, brand),
      );
      if (!done) continue;
      const [job] = await claim(db.worker, "gpu-1");
      if (job === undefined) throw new Error("Nothing waits");
      const key = await beginResult(db.worker, "gpu-1", job);
      await storeResult(db.app, key);
      await complete(db.worker, "gpu-1", job, key);
    }
    expect(await allowance({ actor })).toMatchObject([
      { granted: "40", used: "2", held: "1", remaining: "37", expired: "0" },
    ]);
  });
});

describe("what is offered", () => {
  it("fits who asks: brands and shoppers see their own, and what is made for them", async () => {
    const party = await ownerOfBrand();
    const stranger = await ownerOfBrand();
    const person = await shopper();
    // What the tests before this one sold.
    const before = new Set(
      [...(await offers(party)), ...(await offers(person))].map(
        ({ price_id }) => price_id,
      ),
    );
    const sold = {
      brand: await sell({ metadata: { monthly_credits: "5000" } }),
      data: await sell({ metadata: { dataset_access: "row" } }),
      pro: await sell({ metadata: { pro: "true" } }),
      credits: await sell({ oneOff: true, metadata: { credits: "500" } }),
      agreed: await sell({
        metadata: { monthly_credits: "9000", brand_id: party.brand },
      }),
      // As people type it.
      shouted: await sell({
        metadata: {
          custom_models: "true",
          brand_id: party.brand.toUpperCase(),
        },
      }),
    };
    await sell({ metadata: {} });
    await sell({ metadata: { monthly_credits: "many" } });
    await sell({ metadata: { dataset_access: "all of it" } });
    await sell({ metadata: { monthly_credits: "1" } }, { active: false });
    await sell({ usage: "metered", metadata: { monthly_credits: "2" } });
    await sell({ metadata: { monthly_credits: "3", brand_id: " " } });
    await sell({ oneOff: true, metadata: { credits: "-5" } });
    await sell(
      { metadata: { monthly_credits: "4" } },
      { product: await nameProduct("No longer sold", false) },
    );
    const ids = async (who: { actor: TestActor }) =>
      (await offers(who))
        .map(({ price_id }) => price_id)
        .filter((id) => !before.has(id))
        .sort();
    const ofAll = [sold.brand.id, sold.data.id, sold.credits.id];
    expect(await ids(party)).toEqual(
      [...ofAll, sold.agreed.id, sold.shouted.id].sort(),
    );
    expect(await ids(stranger)).toEqual([...ofAll].sort());
    expect(await ids(person)).toEqual([sold.pro.id, sold.credits.id].sort());
    const [reserved] = (await offers(party)).filter(
      ({ price_id }) => price_id === sold.agreed.id,
    );
    expect(reserved).toMatchObject({
      kind: "plan",
      amount_minor: "2000",
      monthly_credits: "9000",
      is_reserved: true,
      is_current: false,
      pro: false,
    });
    expect(
      (await offers(person)).find(({ price_id }) => price_id === sold.pro.id),
    ).toMatchObject({ pro: true, monthly_credits: null });

    // Nobody learns of it by another way either.
    const seen = await read<{ id: string }>(
      stranger,
      "stripe_prices where id = any ($1)",
      [[sold.agreed.id, sold.shouted.id]],
    );
    expect(seen).toEqual([]);
  });

  it("marks the own plan, and leaves out plans in a currency that cannot replace it", async () => {
    const party = await ownerOfBrand();
    const own = await sell({
      currency: "gbp",
      metadata: { monthly_credits: "100" },
    });
    const larger = await sell({
      currency: "gbp",
      metadata: { monthly_credits: "200" },
    });
    await sell({ currency: "nok", metadata: { monthly_credits: "200" } });
    await send(
      db,
      subscribed(
        plan(party.payer, { currency: "gbp", items: [{ price: own }] }),
      ),
    );
    const rows = (await offers(party)).filter(({ kind }) => kind === "plan");
    expect(rows.map(({ price_id }) => price_id).sort()).toEqual(
      [own.id, larger.id].sort(),
    );
    expect(
      rows.filter(({ is_current }) => is_current).map((row) => row.price_id),
    ).toEqual([own.id]);
  });

  it("keeps showing a subscriber a price that is no longer sold, and nobody else", async () => {
    const party = await ownerOfBrand();
    const other = await ownerOfBrand();
    const old = await sell({ metadata: { colour: "red" } }, { active: false });
    await send(db, subscribed(plan(party.payer, { items: [{ price: old }] })));
    const sees = async (who: { actor: TestActor }) =>
      (await read(who, "stripe_prices where id = $1", [old.id])).length;
    expect(await sees(party)).toBe(1);
    expect(await sees(other)).toBe(0);
    expect(
      await sees({ actor: { ...party.actor, brandId: other.brand } }),
    ).toBe(0);
  });

  it("hides a price that is made for another brand even in an own subscription", async () => {
    const party = await ownerOfBrand();
    const other = await ownerOfBrand();
    const agreed = await sell({
      metadata: { monthly_credits: "9000", brand_id: other.brand },
    });
    await send(
      db,
      subscribed(plan(party.payer, { items: [{ price: agreed }] })),
    );
    expect((await onlyPlan(party)).items).toMatchObject([
      { priceId: agreed.id, isKnown: false, amountMinor: null },
    ]);
    expect(
      await read(party, "stripe_prices where id = $1", [agreed.id]),
    ).toEqual([]);
  });

  it("does not break over tiers that are no numbers", async () => {
    const party = await ownerOfBrand();
    const odd = await sell({
      oneOff: true,
      tiersMode: "volume",
      tiers: [
        { up_to: "inf" as unknown as null, unit_amount: "free" as never },
      ],
      metadata: { credits: "10" },
    });
    expect(
      (await offers(party)).find(({ price_id }) => price_id === odd.id),
    ).toMatchObject({ amount_minor: null });
  });
});

describe("a quote", () => {
  const quote = async (
    party: { actor: TestActor },
    id: string,
    quantity: number | null,
  ) =>
    (
      await read<{
        credits: string | null;
        amount_minor: string | null;
        currency: string | null;
      }>(party, "billing_quote($1, $2)", [id, quantity])
    )[0];
  const nothing = { credits: null, amount_minor: null, currency: null };

  it("says the credits and the total of a quantity", async () => {
    const party = await ownerOfBrand();
    const sold = await sell({
      oneOff: true,
      amount: "1999.5",
      metadata: { credits: "500" },
    });
    expect(await quote(party, sold.id, 3)).toEqual({
      credits: "1500",
      amount_minor: "5999",
      currency: "usd",
    });
    for (const quantity of [0, -1, 1001, null]) {
      expect(await quote(party, sold.id, quantity)).toEqual(nothing);
    }
  });

  it("goes by the tiers of a price", async () => {
    const party = await ownerOfBrand();
    const sold = await sell({
      oneOff: true,
      tiersMode: "volume",
      tiers: [
        { up_to: 4, unit_amount: 1000 },
        { up_to: null, unit_amount: 800 },
      ],
      metadata: { credits: "100" },
    });
    expect((await quote(party, sold.id, 4))?.amount_minor).toBe("4000");
    expect((await quote(party, sold.id, 5))?.amount_minor).toBe("4000");
  });

  it("is empty for what is a plan, too much, or another brand's", async () => {
    const party = await ownerOfBrand();
    const other = await ownerOfBrand();
    const of = (metadata: Record<string, string>, oneOff = true) =>
      sell({ oneOff, metadata });
    const many = await of({ credits: "999999999" });
    expect((await quote(party, many.id, 2))?.credits).toBeNull();
    expect(
      await quote(party, (await of({ monthly_credits: "5" }, false)).id, 1),
    ).toEqual(nothing);
    const agreed = await of({ credits: "900", brand_id: other.brand });
    expect(await quote(party, agreed.id, 1)).toEqual(nothing);
    expect((await quote(other, agreed.id, 1))?.credits).toBe("900");
  });
});

describe("invoices and refunds", () => {
  it("come page by page, the newest first, without what was deleted", async () => {
    const party = await ownerOfBrand();
    const other = await ownerOfBrand();
    const bill = (id: string, age: number, extra = {}) =>
      event(`invoice.finalized`, now, {
        ...invoice({ customer: party.payer.id, created: now - age * DAY }),
        id,
        ...extra,
      });
    await send(
      db,
      bill("in_page1", 1),
      // Two of one second.
      bill("in_page2a", 2),
      bill("in_page2b", 2),
      bill("in_page3", 3, { number: null, status: "draft", amount_paid: 0 }),
      bill("in_page4", 4, {
        hosted_invoice_url: "javascript:alert(1)",
        invoice_pdf: "data:text/html,x",
      }),
      bill("in_page5", 5, { invoice_pdf: "https://pay.stripe.com/i/5/pdf" }),
      event("invoice.deleted", now + 1, {
        ...invoice({ customer: party.payer.id }),
        id: "in_deleted",
      }),
    );
    const all: Bill[] = [];
    for (;;) {
      const page = await invoices(party, all.at(-1)?.invoice_id ?? null);
      if (page.length === 0) break;
      all.push(...page);
    }
    expect(all.map(({ invoice_id }) => invoice_id)).toEqual([
      "in_page1",
      "in_page2b",
      "in_page2a",
      "in_page3",
      "in_page4",
      "in_page5",
    ]);
    expect(all[3]).toMatchObject({ number: null, status: "draft" });
    expect(all[4]).toMatchObject({ hosted_url: null, pdf_url: null });
    expect(all[5]?.pdf_url).toBe("https://pay.stripe.com/i/5/pdf");
    expect(await invoices(other)).toEqual([]);
    // Another's invoice is no place to read on from.
    expect(await invoices(other, "in_page1")).toEqual([]);
  });

  it("say what came back, once it did", async () => {
    const party = await ownerOfBrand();
    const bill = invoice({ customer: party.payer.id, created: now });
    const back = (amount: number, extra = {}) =>
      event(
        "refund.created",
        now,
        refund({
          amount,
          extra: { customer: party.payer.id, invoice: bill.id, ...extra },
        }),
      );
    await send(
      db,
      event("invoice.paid", now, bill),
      back(300),
      back(200),
      back(400, { status: "failed" }),
      back(500, { currency: "eur" }),
    );
    expect((await invoices(party))[0]?.refunded).toBe("500");
    const rows = await read<{ amount: string; invoice_number: string }>(
      party,
      "billing_refunds()",
    );
    expect(rows.map(({ amount }) => amount).sort()).toEqual([
      "200",
      "300",
      "400",
      "500",
    ]);
    expect(rows[0]?.invoice_number).toBe(bill["number"]);
  });
});

describe("a shopper", () => {
  it("sees the own plan, and pro of staff until it ends", async () => {
    const person = await shopper();
    const finance = await makeFinance(db);
    await asFinance(db, finance, (client) =>
      client.query(
        "select app_public.grant_pro($1, now(), now() + interval '20 days', 'A gift for the trouble of last week')",
        [person.user],
      ),
    );
    expect(story(await upcoming(person))).toBe("pro_ends");
    await send(
      db,
      subscribed(
        plan(person.payer, {
          items: [{ price: price({ metadata: { pro: "true" } }) }],
        }),
      ),
    );
    // The subscription goes on where the gift ends: nothing ends for the person.
    expect(story(await upcoming(person))).toBe("renews 2000 usd");
    expect(await onlyPlan(person)).toMatchObject({ status: "active" });
    expect(await read(person, "subscription_grants")).toMatchObject([
      { kind: "pro", active: true },
    ]);
  });
});

describe("who may ask", () => {
  const calls = [
    "billing_plans()",
    "billing_upcoming()",
    "billing_offers()",
    "billing_invoices()",
    "billing_refunds()",
    "billing_quote('price_x', 1)",
  ];

  it.each(["viewer", "analyst", "manager"])(
    "the role %s of the brand reads what the plan grants, and no money",
    async (role) => {
      const party = await ownerOfBrand();
      await send(
        db,
        subscribed(
          plan(party.payer, {
            items: [{ price: price({ metadata: { monthly_credits: "40" } }) }],
          }),
        ),
      );
      const actor = await member(party.brand, role);
      for (const call of calls) {
        expect(await outcomeOf(read({ actor }, call))).toBe("42501");
      }
      expect(await read({ actor }, "subscription_grants")).toMatchObject([
        { kind: "monthly_credits", active: true },
      ]);
      expect(await outcomeOf(read({ actor }, "billing_allowance()"))).toBe(
        role === "viewer" ? "42501" : "ok",
      );
      // Not because there was nothing.
      expect(await plans(party)).toHaveLength(1);
    },
  );

  it.each(["closetai_anonymous", "closetai_staff_support", "closetai_partner"])(
    "%s reads nothing",
    async (role) => {
      for (const call of calls) {
        const actor = { role, userId: null, brandId: null };
        const outcome = await outcomeOf(
          role === "closetai_partner"
            ? db.partner.query(`select * from app_public.${call}`)
            : read({ actor }, call),
        );
        expect(outcome).toBe("42501");
      }
    },
  );

  it("another brand's owner, a shopper and a member who left see none of it", async () => {
    const party = await ownerOfBrand();
    const other = await ownerOfBrand();
    const person = await shopper();
    const sub = plan(party.payer, { items: [{ price: price() }] });
    await send(
      db,
      subscribed(sub),
      event(
        "invoice.paid",
        now,
        invoice({ customer: party.payer.id, subscription: sub.id }),
      ),
      event(
        "refund.created",
        now,
        refund({ extra: { customer: party.payer.id } }),
      ),
    );
    const own = calls.filter((call) => !/offers|quote/.test(call));
    for (const call of own) {
      expect(await read(party, call)).not.toEqual([]);
      for (const stranger of [
        other,
        person,
        // Who claims the brand without belonging to it.
        { actor: { ...other.actor, brandId: party.brand } },
      ]) {
        expect(await read(stranger, call)).toEqual([]);
      }
    }
    await member(party.brand, "owner");
    await db.root.query(
      "delete from app_public.brand_members where user_id = $1",
      [party.actor.userId],
    );
    for (const call of [...own, "billing_offers()"]) {
      expect(await read(party, call)).toEqual([]);
    }
  });

  it("who views as an owner reads, and does not pay", async () => {
    const party = await ownerOfBrand();
    const viewing = {
      actor: { ...party.actor, impersonatorId: await makeFinance(db) },
    };
    const sold = await sell({ oneOff: true, metadata: { credits: "500" } });
    expect(await offers(viewing)).not.toEqual([]);
    const pay = (who: { actor: TestActor }) =>
      outcomeOf(
        withActor(db, who.actor, (client) =>
          client.query("select app_hidden.prepare_credit_purchase($1, 1)", [
            sold.id,
          ]),
        ),
      );
    expect(await pay(viewing)).toBe("DNIED");
    expect(await pay(party)).toBe("ok");
  });
});

describe("the plan of a query under the policies", () => {
  it("finds a price by its key among many, and invoices by their customer", async () => {
    const party = await ownerOfBrand();
    await send(
      db,
      event("invoice.paid", now, invoice({ customer: party.payer.id })),
    );
    const client = await db.root.connect();
    try {
      await client.query("begin");
      await client.query(
        `insert into app_public.stripe_prices (id, currency, unit_amount_decimal, metadata)
         select 'price_many' || n, 'usd', n, jsonb_build_object('monthly_credits', '5', 'brand_id', gen_random_uuid()::text)
         from generate_series(1, 20000) n`,
      );
      await client.query(
        `insert into app_public.stripe_invoices (id, customer_id, currency, created, last_event_created, last_event_id)
         select 'in_many' || n, 'cus_many' || n % 5000, 'usd', now() - make_interval(mins => n), now(), 'evt_many'
         from generate_series(1, 20000) n`,
      );
      await client.query(
        "analyze app_public.stripe_prices, app_public.stripe_invoices, app_public.stripe_customers",
      );
      await client.query(
        "select set_config('app.user_id', $1, true), set_config('app.brand_id', $2, true), set_config('role', $3, true)",
        [party.actor.userId, party.actor.brandId, party.actor.role],
      );
      const explain = async (sql: string) => {
        const { rows } = await client.query<{ "QUERY PLAN": string }>(
          `explain ${sql}`,
        );
        return rows.map((row) => row["QUERY PLAN"]).join("\n");
      };
      expect(
        await explain(
          "select * from app_public.stripe_prices where id = 'price_many7'",
        ),
      ).toMatch(/Index Scan using stripe_prices_pkey/);
      const bills = await explain(
        `select i.* from app_public.stripe_customers c
         join app_public.stripe_invoices i on i.customer_id = c.id
         order by i.created desc, i.id desc limit 12`,
      );
      expect(bills).toMatch(/stripe_invoices_customer_id_idx/);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});

it("leaves the books in order", async () => {
  expect(await faults(db)).toEqual([]);
  const { rows } = await db.root.query(
    "select id from app_public.stripe_events where status in ('failed', 'dead')",
  );
  expect(rows).toEqual([]);
  const party = await ownerOfBrand();
  // A change of the price's metadata takes it away from others at once.
  const sold = await sell({ metadata: { monthly_credits: "77" } });
  const sees = async () =>
    (await offers(party)).some(({ price_id }) => price_id === sold.id);
  expect(await sees()).toBe(true);
  await send(
    db,
    event("price.updated", now + 5, {
      ...sold,
      metadata: { monthly_credits: "77", brand_id: await makeBrand(db) },
    }),
    updated(plan(party.payer, { items: [{ price: price() }] }), now + 6),
  );
  expect(await sees()).toBe(false);
  const { n } = await one<{ n: number }>(
    db.root,
    "select count(*)::int as n from app_public.stripe_prices where id = $1",
    [sold.id],
  );
  expect(n).toBe(1);
});
