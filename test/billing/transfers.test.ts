import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { outcomeOf } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  buildBrand,
  buildMember,
  buildStaff,
  buildUser,
} from "../helpers/factories.ts";
import {
  customer,
  DAY,
  event,
  newId,
  price,
  START,
  type StripeEvent,
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
  makeBrand,
  makeFinance,
  makeUser,
  movementsOf,
  one,
  send,
  story,
  updated,
} from "./stage.ts";

/**
 * A customer that is linked to somebody else: nothing is won, nothing is lost,
 * and an event alone does not move money.
 */

let db: TestDatabase;
let finance: string;

beforeAll(async () => {
  db = await createTestDatabase();
  finance = await makeFinance(db);
});

afterAll(() => db.drop());

const JANUARY = Date.UTC(2025, 0, 1) / 1000;
const BEFORE = JANUARY - 40 * DAY;

type Retention = Record<
  | "accounts"
  | "lost_accounts"
  | "start_usd_minor"
  | "end_usd_minor"
  | "nrr"
  | "grr"
  | "logo_churn"
  | "gross_mrr_churn"
  | "net_mrr_churn",
  string | null
>;

/** Figures look at everybody, so each of these has a database of its own. */
class Scene {
  readonly db: TestDatabase;
  readonly reader: string;

  private constructor(own: TestDatabase, reader: string) {
    this.db = own;
    this.reader = reader;
  }

  static async with(fn: (scene: Scene) => Promise<void>): Promise<void> {
    const own = await createTestDatabase();
    try {
      await fn(new Scene(own, await makeFinance(own)));
      expect(await faults(own)).toEqual([]);
    } finally {
      await own.drop();
    }
  }

  brand = (): Promise<string> => makeBrand(this.db);

  /** A customer of a brand, worth each amount in turn; 0 ends it. */
  async customer(
    brand: string | null,
    ...steps: [at: number, usdMinor: number][]
  ): Promise<string> {
    const cus = newId("cus");
    const sub = newId("sub");
    await send(
      this.db,
      event(
        "customer.created",
        (steps[0]?.[0] ?? START) - 1,
        customer({
          id: cus,
          metadata: brand === null ? {} : { brand_id: brand },
        }),
      ),
    );
    for (const [when, amount] of steps) {
      await send(
        this.db,
        updated(
          subscription({
            id: sub,
            customer: cus,
            status: amount === 0 ? "unpaid" : "active",
            items: [{ price: price({ amount }) }],
            start: steps[0]?.[0] ?? START,
          }),
          when,
        ),
      );
    }
    return cus;
  }

  /** By staff, at a moment of the test's choice. */
  link(cus: string, brand: string | null, when: number): Promise<unknown> {
    return this.db.root.query(
      "select app_private.move_customer($1, $2, null, $3, $4)",
      [cus, brand, `manual:${newId("link")}`, at(when)],
    );
  }

  retention(from: number, to: number): Promise<Retention> {
    return figure<Retention>(
      this.db,
      this.reader,
      "revenue_retention($1, $2)",
      [at(from), at(to)],
    );
  }

  async accounts(
    from: number,
    to: number,
    which = "all",
  ): Promise<Record<string, { start: number; end: number }>> {
    return asFinance(this.db, this.reader, async (client) => {
      const { rows } = await client.query<{
        account: string;
        start: number;
        end: number;
      }>(
        `select account, start_usd_minor::int as start, end_usd_minor::int as "end"
           from app_public.revenue_accounts($1, $2, $3)`,
        [at(from), at(to), which],
      );
      return Object.fromEntries(
        rows.map(({ account, start, end }) => [account, { start, end }]),
      );
    });
  }
}

const MONTH = [JANUARY, JANUARY + 31 * DAY] as const;

describe("retention", () => {
  it("a customer that moves from one brand to another is no loss and no gain", () =>
    Scene.with(async (scene) => {
      const [a, b] = [await scene.brand(), await scene.brand()];
      const x = await scene.customer(a, [BEFORE, 6000]);
      await scene.customer(a, [BEFORE, 4000]);
      await scene.customer(b, [BEFORE, 1000]);
      const before = await scene.retention(BEFORE + DAY, JANUARY);
      await scene.link(x, b, JANUARY + 5 * DAY);
      expect(await story(scene.db, `brand:${a}`)).toBe(
        "new 6000, expansion 4000, transfer contraction -6000",
      );
      expect(await scene.retention(...MONTH)).toMatchObject({
        accounts: "2",
        lost_accounts: "0",
        start_usd_minor: "11000",
        end_usd_minor: "11000",
        nrr: "1.0000",
        grr: "1.0000",
        logo_churn: "0.0000",
        gross_mrr_churn: "0.0000",
        net_mrr_churn: "0.0000",
      });
      // It counts for the account that has it at the end, from the start.
      expect(await scene.accounts(...MONTH)).toEqual({
        [`brand:${a}`]: { start: 4000, end: 4000 },
        [`brand:${b}`]: { start: 7000, end: 7000 },
      });
      // What was told of earlier periods stays told.
      expect({
        ...(await scene.retention(BEFORE + DAY, JANUARY)),
        as_of: "",
      }).toEqual({ ...before, as_of: "" });
      expect(await scene.accounts(BEFORE + DAY, JANUARY)).toEqual({
        [`brand:${a}`]: { start: 10_000, end: 10_000 },
        [`brand:${b}`]: { start: 1000, end: 1000 },
      });
    }));

  it("a brand whose only customer moves away has not left", () =>
    Scene.with(async (scene) => {
      const [a, b] = [await scene.brand(), await scene.brand()];
      const x = await scene.customer(a, [BEFORE, 6000]);
      await scene.link(x, b, JANUARY + DAY);
      expect(await scene.retention(...MONTH)).toMatchObject({
        accounts: "1",
        lost_accounts: "0",
        nrr: "1.0000",
        logo_churn: "0.0000",
      });
      expect(await scene.accounts(...MONTH, "lost")).toEqual({});
      expect(await scene.accounts(...MONTH, "new")).toEqual({});
    }));

  it("new money that was linked to the wrong brand first lifts nobody's retention", () =>
    Scene.with(async (scene) => {
      const [a, b] = [await scene.brand(), await scene.brand()];
      await scene.customer(a, [BEFORE, 4000]);
      const wrong = await scene.customer(a, [JANUARY + DAY, 6000]);
      await scene.customer(b, [JANUARY + 2 * DAY, 9000]);
      await scene.link(wrong, b, JANUARY + 3 * DAY);
      expect(await scene.retention(...MONTH)).toMatchObject({
        accounts: "1",
        start_usd_minor: "4000",
        end_usd_minor: "4000",
        nrr: "1.0000",
        grr: "1.0000",
      });
    }));

  it("what leaves after it moved is lost, by the account that had it", () =>
    Scene.with(async (scene) => {
      const [a, b] = [await scene.brand(), await scene.brand()];
      const x = await scene.customer(a, [BEFORE, 6000]);
      await scene.customer(a, [BEFORE, 4000]);
      await scene.link(x, b, JANUARY + DAY);
      const { id } = await one<{ id: string }>(
        scene.db.root,
        "select id from app_public.stripe_subscriptions where customer_id = $1",
        [x],
      );
      await send(
        scene.db,
        updated(
          subscription({
            id,
            customer: x,
            status: "unpaid",
            items: [{ price: price() }],
          }),
          JANUARY + 2 * DAY,
        ),
      );
      expect(await scene.retention(...MONTH)).toMatchObject({
        accounts: "2",
        lost_accounts: "1",
        nrr: "0.4000",
        grr: "0.4000",
        logo_churn: "0.5000",
        gross_mrr_churn: "0.6000",
      });
      expect(await scene.accounts(...MONTH, "lost")).toEqual({
        [`brand:${b}`]: { start: 6000, end: 0 },
      });
    }));

  it("there and back again is nothing", () =>
    Scene.with(async (scene) => {
      const [a, b] = [await scene.brand(), await scene.brand()];
      const x = await scene.customer(a, [BEFORE, 6000]);
      await scene.link(x, b, JANUARY + DAY);
      await scene.link(x, null, JANUARY + 2 * DAY);
      await scene.link(x, a, JANUARY + 3 * DAY);
      expect(await scene.retention(...MONTH)).toMatchObject({
        accounts: "1",
        nrr: "1.0000",
        gross_mrr_churn: "0.0000",
      });
      expect(await scene.accounts(...MONTH)).toEqual({
        [`brand:${a}`]: { start: 6000, end: 6000 },
      });
    }));

  it("one event of two customers of a brand is told apart when one of them moves", () =>
    Scene.with(async (scene) => {
      const [a, b] = [await scene.brand(), await scene.brand()];
      const tiered = price({ tiersMode: "graduated" });
      const customers = await Promise.all([1, 2].map(() => scene.customer(a)));
      for (const [n, cus] of customers.entries()) {
        await send(
          scene.db,
          created(
            subscription({
              customer: cus,
              items: [{ price: tiered, quantity: 2 + n }],
            }),
            BEFORE,
          ),
        );
      }
      // The tiers are told once, and both are worth something by it.
      await send(
        scene.db,
        event("price.updated", BEFORE + DAY, {
          ...tiered,
          tiers: [{ up_to: null, unit_amount: 1000, flat_amount: null }],
        }),
      );
      expect(await story(scene.db, `brand:${a}`)).toBe("new 5000");
      const lines = await scene.db.root.query<{ delta: number }>(
        "select delta_usd_minor::int as delta from app_public.mrr_movement_lines order by 1",
      );
      expect(lines.rows).toEqual([{ delta: 2000 }, { delta: 3000 }]);
      await scene.link(customers[1] ?? "", b, JANUARY + DAY);
      expect(await scene.accounts(...MONTH)).toEqual({
        [`brand:${a}`]: { start: 2000, end: 2000 },
        [`brand:${b}`]: { start: 3000, end: 3000 },
      });
      expect(await scene.retention(...MONTH)).toMatchObject({
        nrr: "1.0000",
        grr: "1.0000",
        logo_churn: "0.0000",
      });
    }));

  it("what is told late of a time before the link counts from the link on", () =>
    Scene.with(async (scene) => {
      const brand = await scene.brand();
      const cus = newId("cus");
      const sub = subscription({ customer: cus, items: [{ price: price() }] });
      await send(
        scene.db,
        event("customer.created", START, customer({ id: cus })),
        created(sub, START + DAY),
        event(
          "customer.updated",
          START + 9 * DAY,
          customer({ id: cus, metadata: { brand_id: brand } }),
        ),
        deleted(sub, START + 4 * DAY),
      );
      // Never below zero, at any moment.
      const { rows } = await scene.db.root.query(
        `select account, occurred_at, sum(delta_usd_minor) over (partition by account order by occurred_at) as mrr
           from app_public.mrr_movements`,
      );
      expect(rows.length).toBe(4);
      expect(
        rows.filter(({ mrr }: { mrr: string }) => Number(mrr) < 0),
      ).toEqual([]);
      for (const days of [0, 2, 5, 10]) {
        const { rows: paying } = await scene.db.root.query(
          "select mrr_usd_minor::int as mrr from app_private.account_mrr_at($1)",
          [at(START + days * DAY)],
        );
        expect([days, paying]).toEqual([
          days,
          days === 2 || days === 5 ? [{ mrr: 2000 }] : [],
        ]);
      }
    }));

  it("of any history is what following each customer gives", () =>
    Scene.with(async (scene) => {
      // Reckoned here a second time, by another way: customer by customer.
      let seed = 20_251_130;
      const random = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((seed / 2_147_483_648) * below);
      };
      const brands = await Promise.all(Array.from({ length: 4 }, scene.brand));
      type Known = {
        id: string;
        sub: string;
        mrr: number;
        owner: string;
        holder: string;
      };
      const known: Known[] = [];
      for (let n = 0; n < 8; n += 1) {
        const id = await scene.customer(null);
        known.push({
          id,
          sub: newId("sub"),
          mrr: 0,
          owner: `customer:${id}`,
          holder: `customer:${id}`,
        });
      }
      const start = new Map<string, number>();
      const from = BEFORE + 60 * DAY;
      for (let day = 0; day < 120; day += 1) {
        const when = BEFORE + day * DAY;
        if (when === from) {
          for (const each of known) start.set(each.id, each.mrr);
        }
        const chosen = known[random(known.length)];
        if (chosen === undefined) throw new Error("Nobody is known");
        if (random(3) === 0) {
          const brand = [...brands, null][random(5)] ?? null;
          await scene.link(chosen.id, brand, when);
          chosen.owner =
            brand === null ? `customer:${chosen.id}` : `brand:${brand}`;
          if (chosen.mrr > 0) chosen.holder = chosen.owner;
        } else {
          const amount = [0, 500, 1000, 2500, 4000][random(5)] ?? 0;
          if (amount === chosen.mrr) continue;
          await send(
            scene.db,
            updated(
              subscription({
                id: chosen.sub,
                customer: chosen.id,
                status: amount === 0 ? "unpaid" : "active",
                items: [{ price: price({ amount }) }],
              }),
              when,
            ),
          );
          chosen.mrr = amount;
          chosen.holder = chosen.owner;
        }
      }
      const to = BEFORE + 120 * DAY;
      const expected = new Map<string, { start: number; end: number }>();
      for (const { id, mrr, holder } of known) {
        const sum = expected.get(holder) ?? { start: 0, end: 0 };
        sum.start += start.get(id) ?? 0;
        sum.end += mrr;
        expected.set(holder, sum);
      }
      const cohort = [...expected.values()].filter(
        ({ start: began }) => began > 0,
      );
      const sum = (of: (each: { start: number; end: number }) => number) =>
        cohort.reduce((all, each) => all + of(each), 0);
      const share = (part: number, whole: number) => (part / whole).toFixed(4);
      const began = sum((each) => each.start);
      expect(began).toBeGreaterThan(0);
      expect(await scene.retention(from, to)).toMatchObject({
        accounts: String(cohort.length),
        lost_accounts: String(cohort.filter(({ end }) => end === 0).length),
        start_usd_minor: String(began),
        end_usd_minor: String(sum((each) => each.end)),
        nrr: share(
          sum((each) => each.end),
          began,
        ),
        grr: share(
          sum((each) => Math.min(each.start, each.end)),
          began,
        ),
      });
      expect(await scene.accounts(from, to, "started")).toEqual(
        Object.fromEntries(
          [...expected].filter(([, { start: first }]) => first > 0),
        ),
      );
    }));
});

describe("whose a customer is", () => {
  const owners = async (): Promise<[string, string, string]> => [
    await makeBrand(db),
    await makeBrand(db),
    await makeUser(db),
  ];

  const permutations = <T>(list: readonly T[]): T[][] =>
    list.length < 2
      ? [[...list]]
      : list.flatMap((first, at_) =>
          permutations(list.filter((_one, other) => other !== at_)).map(
            (rest) => [first, ...rest],
          ),
        );

  it("the first event to name an owner decides, in whatever order they arrive", async () => {
    const [mine, theirs, person] = await owners();
    const names = [
      { brand_id: mine },
      { brand_id: theirs },
      { user_id: person },
    ] as const;
    for (const order of permutations([0, 1, 2, 3])) {
      const cus = newId("cus");
      const events: StripeEvent[] = [
        ...names.map((metadata, n) =>
          event(
            n === 0 ? "customer.created" : "customer.updated",
            START + n,
            customer({ id: cus, metadata }),
          ),
        ),
        created(
          subscription({ customer: cus, items: [{ price: price() }] }),
          START + 1,
        ),
      ];
      const before = await accountMrr(db, `brand:${mine}`);
      for (const n of order) {
        const each = events[n];
        if (each !== undefined) await send(db, each);
      }
      expect(
        await one(
          db.root,
          "select brand_id, user_id from app_public.stripe_customers where id = $1",
          [cus],
        ),
      ).toEqual({ brand_id: mine, user_id: null });
      expect(await accountMrr(db, `brand:${mine}`)).toBe(before + 2000);
      expect(await accountMrr(db, `brand:${theirs}`)).toBe(0);
      expect(await accountMrr(db, `user:${person}`)).toBe(0);
    }
  });

  it("of two in one second the smaller id was first", async () => {
    const [mine, theirs] = await owners();
    for (const backwards of [false, true]) {
      const cus = newId("cus");
      const n = newId("n").replace("n_", "");
      const events = [
        event(
          "customer.updated",
          START,
          customer({ id: cus, metadata: { brand_id: mine } }),
          { id: `evt_a${n}` },
        ),
        event(
          "customer.updated",
          START,
          customer({ id: cus, metadata: { brand_id: theirs } }),
          { id: `evt_b${n}` },
        ),
      ];
      await send(db, ...(backwards ? events.reverse() : events));
      const { brand_id } = await one<{ brand_id: string }>(
        db.root,
        "select brand_id from app_public.stripe_customers where id = $1",
        [cus],
      );
      expect(brand_id).toBe(mine);
    }
  });

  const isDisputed = (cus: string): Promise<boolean> =>
    asFinance(db, finance, async (client) => {
      const { rows } = await client.query(
        "select from app_public.disputed_stripe_customers() where customer_id = $1",
        [cus],
      );
      return rows.length === 1;
    });

  it("what staff decided no event changes; what the newest one says is shown", async () => {
    const [mine, theirs, person] = await owners();
    const cus = newId("cus");
    const names = (metadata: Record<string, string>, when: number) =>
      event("customer.updated", when, customer({ id: cus, metadata }));
    await send(db, names({ brand_id: mine }, START));
    expect(await isDisputed(cus)).toBe(false);
    await send(db, names({ brand_id: theirs }, START + 1));
    expect(await isDisputed(cus)).toBe(true);
    await asFinance(db, finance, (client) =>
      client.query("select app_public.link_stripe_customer($1, null, $2)", [
        cus,
        person,
      ]),
    );
    // Staff saw it, and decided.
    expect(await isDisputed(cus)).toBe(false);
    const later = Math.floor(Date.now() / 1000) + 60;
    await send(
      db,
      // One that happened before all others, and one after.
      names({ brand_id: mine }, START - DAY),
      names({ brand_id: theirs }, later),
    );
    expect(
      await one(
        db.root,
        "select brand_id, user_id from app_public.stripe_customers where id = $1",
        [cus],
      ),
    ).toEqual({ brand_id: null, user_id: person });
    // It says something new since.
    expect(await isDisputed(cus)).toBe(true);
    await asFinance(db, finance, (client) =>
      client.query("select app_public.link_stripe_customer($1)", [cus]),
    );
    await send(db, names({ brand_id: theirs }, later + 1));
    // Nobody's, by decision.
    expect(
      await one(
        db.root,
        "select brand_id, user_id from app_public.stripe_customers where id = $1",
        [cus],
      ),
    ).toEqual({ brand_id: null, user_id: null });
  });

  it("metadata that no longer names anybody takes nothing away", async () => {
    const [mine] = await owners();
    const cus = newId("cus");
    await send(
      db,
      event(
        "customer.created",
        START,
        customer({ id: cus, metadata: { brand_id: mine } }),
      ),
      event("customer.updated", START + 1, customer({ id: cus })),
      created(subscription({ customer: cus, items: [{ price: price() }] })),
    );
    expect(await movementsOf(db, `brand:${mine}`)).toMatchObject([
      { kind: "new", delta: 2000 },
    ]);
    expect(await isDisputed(cus)).toBe(false);
  });
});

describe("customers of nobody", () => {
  type Unlinked = {
    customer_id: string;
    mrr_usd_minor: string;
    subscriptions: string;
    suggested_why: string | null;
    suggested_name: string | null;
    suggestions: string;
  };
  const unlinked = (): Promise<Unlinked[]> =>
    asFinance(db, finance, async (client) => {
      const { rows } = await client.query<Unlinked>(
        "select * from app_public.unlinked_stripe_customers(500)",
      );
      return rows;
    });

  it("are suggested whom they may belong to, those whose money waits first", async () => {
    const client = await db.root.connect();
    let shop: string;
    try {
      const owner = await buildUser(client, { email: "owner@shops.test" });
      shop = (await buildBrand(client, { name: "Atelier Süd" })).id;
      await buildMember(client, {
        brand_id: shop,
        user_id: owner.id,
        role: "owner",
      });
      const viewer = await buildUser(client, { email: "viewer@shops.test" });
      await buildMember(client, {
        brand_id: shop,
        user_id: viewer.id,
        role: "viewer",
      });
      await buildUser(client, {
        email: "shopper@shops.test",
        display_name: "Ada",
      });
      const staff = await buildUser(client, { email: "staff@shops.test" });
      await buildStaff(client, { user_id: staff.id, role: "support" });
    } finally {
      client.release();
    }
    const of = async (email: string, amount: number): Promise<string> => {
      const cus = customer({ email });
      await send(
        db,
        event("customer.created", START, cus),
        ...(amount > 0
          ? [
              created(
                subscription({
                  customer: cus.id,
                  items: [{ price: price({ amount }) }],
                }),
              ),
            ]
          : []),
      );
      return cus.id;
    };
    const owner = await of("Owner@Shops.test", 900_000);
    const viewer = await of("viewer@shops.test", 800_000);
    const shopper = await of("shopper@shops.test", 700_000);
    const stranger = await of("nobody@elsewhere.test", 600_000);
    const staff = await of("staff@shops.test", 0);
    // Its subscription came before it.
    const early = newId("cus");
    await send(
      db,
      created(
        subscription({
          customer: early,
          items: [{ price: price({ amount: 950_000 }) }],
        }),
      ),
    );
    const rows = await unlinked();
    expect(rows.slice(0, 5)).toMatchObject([
      { customer_id: early, mrr_usd_minor: "950000", suggested_why: null },
      {
        customer_id: owner,
        mrr_usd_minor: "900000",
        subscriptions: "1",
        suggested_why: "owner_email",
        suggested_name: "Atelier Süd",
        suggestions: "1",
      },
      { customer_id: viewer, suggested_why: "member_email" },
      {
        customer_id: shopper,
        suggested_why: "shopper_email",
        suggested_name: "Ada",
      },
      { customer_id: stranger, suggested_why: null, suggestions: "0" },
    ]);
    expect(rows.find(({ customer_id }) => customer_id === staff)).toMatchObject(
      { mrr_usd_minor: "0", suggested_why: null },
    );

    const preview = (values: unknown[]): Promise<object> =>
      figure(db, finance, "preview_stripe_link($1, $2, $3)", values);
    expect(await preview([owner, shop, null])).toMatchObject({
      from_name: null,
      to_name: "Atelier Süd",
      mrr_usd_minor: "900000",
      subscriptions: "1",
      from_before_usd_minor: "900000",
      from_after_usd_minor: "0",
      to_before_usd_minor: "0",
      to_after_usd_minor: "900000",
      grants: "{}",
      is_change: true,
    });
    await asFinance(db, finance, (caller) =>
      caller.query("select app_public.link_stripe_customer($1, $2)", [
        owner,
        shop,
      ]),
    );
    // Exactly what was said before.
    expect(await accountMrr(db, `brand:${shop}`)).toBe(900_000);
    expect(await preview([owner, shop, null])).toMatchObject({
      is_change: false,
      to_before_usd_minor: "900000",
      to_after_usd_minor: "900000",
    });
    expect(
      (await unlinked()).some(({ customer_id }) => customer_id === owner),
    ).toBe(false);
  });

  it("a preview says what the prices would grant the new owner", async () => {
    const brand = await makeBrand(db);
    const user = await makeUser(db);
    const cus = customer();
    await send(
      db,
      event("customer.created", START, cus),
      created(
        subscription({
          customer: cus.id,
          items: [
            {
              price: price({
                metadata: { monthly_credits: "500", pro: "true" },
              }),
            },
            { price: price({ metadata: { custom_models: "true" } }) },
          ],
        }),
      ),
    );
    const grants = async (values: unknown[]): Promise<unknown> =>
      (
        await figure<{ grants: unknown }>(
          db,
          finance,
          "preview_stripe_link($1, $2, $3)",
          values,
        )
      ).grants;
    expect(await grants([cus.id, brand, null])).toBe(
      "{monthly_credits,custom_models}",
    );
    expect(await grants([cus.id, null, user])).toBe("{pro}");
    expect(await grants([cus.id, null, null])).toBe("{}");
    expect(await outcomeOf(grants(["cus_none", brand, null]))).toBe("NTFND");
  });
});

describe("afterwards", () => {
  it("everything adds up", async () => {
    expect(await faults(db)).toEqual([]);
  });

  it("a line that is missing, or of another subscription, would be found", async () => {
    const client = await db.root.connect();
    try {
      await client.query("begin");
      await client.query("set local session_replication_role = replica");
      await client.query(
        "delete from app_public.mrr_movement_lines where id = (select id from app_public.mrr_movement_lines limit 1)",
      );
      const { rows } = await client.query<{ invariant: string }>(
        "select invariant from app_private.mrr_differences()",
      );
      expect(rows.map(({ invariant }) => invariant).sort()).toEqual([
        "account_differs_from_lines",
        "movement_differs_from_lines",
        "subscription_differs_from_lines",
      ]);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});
