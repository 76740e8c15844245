import type { Pool } from "pg";

import {
  checkout,
  coupon,
  customer,
  discount,
  event,
  invoice,
  type Json,
  newId,
  price,
  type StripeEvent,
  type StripeObject,
  subscription,
} from "../billing/events.ts";

/**
 * A year of a small business, ending with the month before this one, which is
 * the one that tests look at. What it comes to in that month is reckoned by hand:
 *
 *                          start      moves      end
 * house      Atelier, seats 2,280.00  + 174.00   2,454.00
 * denim      Studio → Basic   499.00  − 300.00     199.00
 * yearly     24,000 a year  2,000.00             2,000.00
 * leaver     Studio           499.00  − 499.00       0.00
 * abroad     450 euros        495.00               495.00   now past due
 * ending     Studio           499.00               499.00   ends with its period
 * linked     Studio           499.00               499.00
 * (nobody)   Atelier        1,990.00             1,990.00   of linked, by e-mail
 * newcomer   Studio                   + 499.00     499.00
 * returner   Studio                   + 499.00     499.00   paid before
 * shoppers   4 × 9.90          39.60    − 9.90
 *            one new                    + 9.90      39.60
 *                          ---------            ---------
 *                           8,800.60             9,173.60
 */
export type Scene = {
  events: StripeEvent[];
  /** Fails: it names a brand that nobody has made yet. */
  unpaid: StripeEvent;
  missingBrandId: string;
  /** [from, to) of the month that is looked at, as days. */
  month: { from: string; to: string };
  ids: {
    house: { customer: string; subscription: string };
    nobody: { customer: string; subscription: string };
    review: { subscription: string };
    expansion: { event: string };
  };
};

export type Cast = {
  /** Ids of at least ten brands. */
  brands: readonly string[];
  /** Ids of at least six shoppers. */
  shoppers: readonly string[];
  /** Who owns the brand of "linked". */
  linkedOwnerEmail: string;
};

const HOUR = 3600;

export const HOSTILE = `<img src=x onerror="document.title='pwned'">`;

const product = (id: string, name: string): StripeObject => ({
  id,
  object: "product",
  active: true,
  livemode: false,
  metadata: {},
  name,
});

export function makeScene(cast: Cast, now: Date): Scene {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  /** So many months before this one, on a day, at noon. */
  const at = (monthsAgo: number, day: number, hour = 12): number =>
    Date.UTC(year, month - monthsAgo, day) / 1000 + hour * HOUR;
  const dayText = (monthsAgo: number): string =>
    new Date(Date.UTC(year, month - monthsAgo, 1)).toISOString().slice(0, 10);

  const named = (name: string, input: Parameters<typeof price>[0]) => ({
    product: product(newId("prod"), name),
    price: price(input),
  });
  const plans = {
    atelier: named("Atelier", {
      amount: 199_000,
      metadata: { monthly_credits: "5000", custom_models: "true" },
    }),
    seats: named("Seats", { amount: 2900 }),
    studio: named("Studio", {
      amount: 49_900,
      metadata: { monthly_credits: "1000" },
    }),
    basic: named("Basic", { amount: 19_900 }),
    maison: named("Maison, yearly", { amount: 2_400_000, interval: "year" }),
    euro: named("Studio Europe", { amount: 50_000, currency: "eur" }),
    pro: named("Closet Pro", { amount: 990, metadata: { pro: "true" } }),
    usage: named("Try-on API", { amount: 4, usage: "metered" }),
    volume: named("Volume", { tiersMode: "volume" }),
  };
  for (const plan of Object.values(plans)) {
    plan.price["product"] = plan.product.id;
  }
  type Plan = (typeof plans)[keyof typeof plans];

  const events: StripeEvent[] = Object.values(plans).flatMap((plan) => [
    event("product.created", at(12, 1), plan.product),
    event("price.created", at(12, 1, 13), plan.price),
  ]);

  const people = (input: {
    email: string;
    name?: string;
    metadata?: Json;
    when: number;
  }): string => {
    const object = customer({
      email: input.email,
      ...(input.metadata ? { metadata: input.metadata } : {}),
    });
    events.push(
      event("customer.created", input.when - HOUR, {
        ...object,
        name: input.name ?? input.email.split("@")[0] ?? "",
        created: input.when - HOUR,
      }),
    );
    return object.id;
  };

  type Told = {
    id: string;
    customer: string;
    items: readonly {
      plan: Plan;
      quantity?: number | null;
      discounts?: StripeObject[];
    }[];
    start: number;
    status?: string;
    extra?: Json;
  };
  const told = ({ id, customer: of, items, start, status, extra }: Told) =>
    subscription({
      id,
      customer: of,
      start,
      ...(status ? { status } : {}),
      ...(extra ? { extra } : {}),
      items: items.map(({ plan, quantity, discounts }, n) => ({
        id: `si_${id}_${n}`,
        price: plan.price,
        quantity: quantity === undefined ? 1 : quantity,
        ...(discounts ? { discounts } : {}),
      })),
    });

  /** A subscription from its first event on; each change tells what it was before. */
  const subscribe = (first: Omit<Told, "id">) => {
    const id = newId("sub");
    let last: Told = { ...first, id };
    /** The month, from the day it began on, that a moment is in. */
    const inPeriod = (object: StripeObject, when: number): StripeObject => {
      const begins = new Date(first.start * 1000);
      const then = new Date(when * 1000);
      const months =
        (then.getUTCFullYear() - begins.getUTCFullYear()) * 12 +
        then.getUTCMonth() -
        begins.getUTCMonth() -
        (then.getUTCDate() < begins.getUTCDate() ? 1 : 0);
      const anniversary = (n: number) =>
        Date.UTC(
          begins.getUTCFullYear(),
          begins.getUTCMonth() + n,
          begins.getUTCDate(),
          begins.getUTCHours(),
        ) / 1000;
      const { data } = object["items"] as { data: Json[] };
      for (const item of data) {
        item["current_period_start"] = anniversary(months);
        item["current_period_end"] = anniversary(months + 1);
      }
      return object;
    };
    events.push(
      event(
        "customer.subscription.created",
        first.start,
        inPeriod(told(last), first.start),
      ),
    );
    return {
      id,
      change(
        when: number,
        changes: Partial<Told>,
        /** What Stripe says it was: of the object as it was before. */
        previous: (before: StripeObject) => Json,
      ): StripeEvent {
        const before = inPeriod(told(last), when);
        last = { ...last, ...changes };
        const what = event(
          "customer.subscription.updated",
          when,
          inPeriod(told(last), when),
        );
        (what.data as Json)["previous_attributes"] = previous(before);
        events.push(what);
        return what;
      },
      end(when: number) {
        events.push(
          event("customer.subscription.deleted", when, {
            ...inPeriod(told(last), when),
            status: "canceled",
            canceled_at: when,
            ended_at: when,
          }),
        );
      },
    };
  };
  const ofBrand = (n: number, when: number, extra: { email?: string } = {}) =>
    people({
      email: extra.email ?? `billing-${n}@customers.test`,
      metadata: { brand_id: cast.brands[n] ?? "" },
      when,
    });

  /** Lists come whole in what an event says was before. */
  const items = (before: StripeObject): Json => ({ items: before["items"] });

  // Maison Lumière grows: seats come, and become more.
  const houseCustomer = ofBrand(0, at(11, 3));
  const house = subscribe({
    customer: houseCustomer,
    items: [{ plan: plans.atelier }],
    start: at(11, 3),
  });
  house.change(
    at(6, 10),
    { items: [{ plan: plans.atelier }, { plan: plans.seats, quantity: 10 }] },
    items,
  );
  const expansion = house.change(
    at(1, 5),
    { items: [{ plan: plans.atelier }, { plan: plans.seats, quantity: 16 }] },
    (before) => ({ ...items(before), metadata: { note: HOSTILE } }),
  );

  const denim = subscribe({
    customer: ofBrand(1, at(9, 8)),
    items: [{ plan: plans.studio }],
    start: at(9, 8),
  });
  denim.change(at(1, 9), { items: [{ plan: plans.basic }] }, items);

  const yearly = ofBrand(2, at(8, 1));
  const yearlySubscription = subscribe({
    customer: yearly,
    items: [{ plan: plans.maison }, { plan: plans.usage, quantity: null }],
    start: at(8, 1),
  });

  const leaver = subscribe({
    customer: ofBrand(3, at(7, 14)),
    items: [{ plan: plans.studio }],
    start: at(7, 14),
  });
  leaver.end(at(1, 20));

  const abroadCustomer = ofBrand(4, at(6, 2));
  const abroad = subscribe({
    customer: abroadCustomer,
    items: [
      {
        plan: plans.euro,
        discounts: [discount(coupon({ id: "WELCOME10", percent: 10 }))],
      },
    ],
    start: at(6, 2),
  });
  abroad.change(at(1, 25), { status: "past_due" }, () => ({
    status: "active",
  }));

  const ending = subscribe({
    customer: ofBrand(5, at(5, 6)),
    items: [{ plan: plans.studio }],
    start: at(5, 6),
  });
  ending.change(at(1, 26), { extra: { cancel_at_period_end: true } }, () => ({
    cancel_at_period_end: false,
  }));

  subscribe({
    customer: ofBrand(6, at(4, 4)),
    items: [{ plan: plans.studio }],
    start: at(4, 4),
  });
  const nobodyCustomer = people({
    email: cast.linkedOwnerEmail,
    name: HOSTILE,
    when: at(3, 11),
  });
  const nobody = subscribe({
    customer: nobodyCustomer,
    items: [{ plan: plans.atelier }],
    start: at(3, 11),
  });

  subscribe({
    customer: ofBrand(7, at(1, 12)),
    items: [{ plan: plans.studio }],
    start: at(1, 12),
  });

  const returnerCustomer = ofBrand(8, at(10, 5));
  const former = subscribe({
    customer: returnerCustomer,
    items: [{ plan: plans.studio }],
    start: at(10, 5),
  });
  former.end(at(3, 18));
  subscribe({
    customer: returnerCustomer,
    items: [{ plan: plans.studio }],
    start: at(1, 15),
  });

  const review = subscribe({
    customer: ofBrand(9, at(2, 9)),
    items: [{ plan: plans.volume, quantity: 40 }],
    start: at(2, 9),
  });

  for (const [n, start] of [
    [0, at(10, 21)],
    [1, at(8, 22)],
    [2, at(5, 23)],
    [3, at(2, 24)],
    [4, at(1, 18)],
  ] as const) {
    const shopper = subscribe({
      customer: people({
        email: `pro-${n}@customers.test`,
        metadata: { user_id: cast.shoppers[n] ?? "" },
        when: start,
      }),
      items: [{ plan: plans.pro }],
      start,
    });
    if (n === 1) shopper.end(at(1, 22));
  }

  // The newest event names another owner than the link: to be looked at.
  events.push(
    event("customer.updated", at(1, 27), {
      ...customer({
        id: abroadCustomer,
        email: "billing-4@customers.test",
        metadata: { brand_id: cast.brands[5] ?? "" },
      }),
      name: "billing-4",
    }),
  );

  const bill = (
    input: Parameters<typeof invoice>[0],
    number: string,
    type = "invoice.paid",
  ) => {
    const when = input.created ?? at(1, 6);
    events.push(event(type, when + HOUR, { ...invoice(input), number }));
  };
  bill(
    {
      customer: houseCustomer,
      subscription: house.id,
      created: at(1, 6),
      lines: [
        { amount: 199_000, price: plans.atelier.price.id },
        { amount: 46_400, price: plans.seats.price.id },
        { amount: 13_920, proration: true },
      ],
      tax: 51_864,
    },
    "LUM-0012",
  );
  bill(
    {
      customer: yearly,
      subscription: yearlySubscription.id,
      created: at(1, 7),
      lines: [
        { amount: 2_400_000, price: plans.maison.price.id },
        { amount: 8400, price: plans.usage.price.id },
      ],
      discount: 20_000,
    },
    "YR-0002",
  );
  bill(
    {
      customer: abroadCustomer,
      subscription: abroad.id,
      currency: "eur",
      created: at(1, 8),
      lines: [{ amount: 50_000, price: plans.euro.price.id }],
      discount: 5000,
      status: "open",
    },
    "EU-0006",
    "invoice.finalized",
  );
  bill(
    {
      customer: houseCustomer,
      created: at(1, 14),
      lines: [{ amount: 75_000 }],
    },
    "LUM-0013",
  );
  bill(
    {
      customer: nobodyCustomer,
      currency: "pln",
      created: at(1, 16),
      lines: [{ amount: 40_000 }],
    },
    "PL-0001",
  );

  const missingBrandId = "0190aaaa-0000-7000-8000-00000000beef";
  const unpaid = event(
    "checkout.session.completed",
    at(1, 28),
    checkout({ brand_id: missingBrandId, credits: "250" }),
  );
  events.sort((a, b) => a.created - b.created);
  return {
    events,
    unpaid,
    missingBrandId,
    month: { from: dayText(1), to: dayText(0) },
    ids: {
      house: { customer: houseCustomer, subscription: house.id },
      nobody: { customer: nobodyCustomer, subscription: nobody.id },
      review: { subscription: review.id },
      expansion: { event: expansion.id },
    },
  };
}

/** Whatever else is in the books would be in every figure. */
export async function emptyBilling(root: Pool): Promise<void> {
  const client = await root.connect();
  try {
    await client.query("begin");
    // Movements are append-only for everybody but this.
    await client.query("set local session_replication_role = replica");
    for (const table of [
      "mrr_movement_lines",
      "mrr_movements",
      "subscription_grants",
      "account_mrr",
      "stripe_subscription_items",
      "stripe_subscriptions",
      "stripe_invoices",
      "stripe_refunds",
      "stripe_discounts",
      "stripe_coupons",
      "stripe_prices",
      "stripe_products",
      "stripe_customers",
      "stripe_events",
      "acquisition_costs",
      "fx_rates",
    ]) {
      await client.query(`delete from app_public.${table}`);
    }
    await client.query("delete from app_private.stripe_customer_owners");
    await client.query("delete from app_private.stripe_raw");
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** Delivers the scene and puts it into effect, as the server and the worker do. */
export async function playScene(
  pools: { root: Pool; app: Pool; worker: Pool },
  scene: Scene,
): Promise<void> {
  await emptyBilling(pools.root);
  const months = await pools.root.query<{ day: string }>(
    "select (date_trunc('month', $1::date) - make_interval(months => n))::date::text as day from generate_series(0, 13) n",
    [scene.month.to],
  );
  for (const { day } of months.rows) {
    await pools.worker.query(
      "insert into app_public.fx_rates (currency, rate_date, usd_per_unit) values ('eur', $1, $2)",
      [day, day >= scene.month.from ? 1.17 : 1.1],
    );
  }
  for (const what of scene.events) {
    await pools.app.query("select app_private.ingest_stripe_event($1)", [
      JSON.stringify(what),
    ]);
  }
  const drain = "select app_private.process_stripe_events(1000) as n";
  for (;;) {
    const { rows } = await pools.worker.query<{ n: number }>(drain);
    if (rows[0]?.n === 0) break;
  }
  // Given up after seven attempts of which nobody waited for the last.
  await pools.app.query("select app_private.ingest_stripe_event($1)", [
    JSON.stringify(scene.unpaid),
  ]);
  await pools.root.query(
    "update app_public.stripe_events set attempts = 7 where id = $1",
    [scene.unpaid.id],
  );
  await pools.worker.query("select app_private.process_stripe_event($1)", [
    scene.unpaid.id,
  ]);
}

/** What sales and marketing cost: all of it in the month, and of two brands before. */
export async function enterCosts(
  root: Pool,
  scene: Scene,
  cast: Cast,
): Promise<void> {
  await root.query(
    `insert into app_public.acquisition_costs (month, segment, brand_id, spend_usd_minor, gross_margin)
     values ($1, 'all', null, 600000, 0.8),
            (($1::date - interval '11 months')::date, 'brands', $2, 1200000, 0.75),
            (($1::date - interval '8 months')::date, 'brands', $3, 150000, 0.7)`,
    [scene.month.from, cast.brands[0], cast.brands[1]],
  );
}

/** Ten brands of the demo in the order of their names, and six shoppers. */
export async function castFromDemo(root: Pool): Promise<Cast> {
  const brands = await root.query<{ id: string }>(
    `select id from app_public.brand_accounts
      order by slug <> 'maison-lumiere', slug <> 'northside-denim', slug limit 10`,
  );
  const shoppers = await root.query<{ id: string }>(
    `select u.id from app_public.users u
      where u.status = 'active'
        and not exists (select from app_public.brand_members m where m.user_id = u.id)
        and not exists (select from app_public.staff_members s where s.user_id = u.id)
      order by u.email nulls last limit 6`,
  );
  const owner = await root.query<{ email: string }>(
    `select u.email from app_public.brand_members m join app_public.users u on u.id = m.user_id
      where m.brand_id = $1 and m.role = 'owner' order by u.email limit 1`,
    [brands.rows[6]?.id],
  );
  return {
    brands: brands.rows.map(({ id }) => id),
    shoppers: shoppers.rows.map(({ id }) => id),
    linkedOwnerEmail: owner.rows[0]?.email ?? "",
  };
}
