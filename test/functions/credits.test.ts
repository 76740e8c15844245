import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { buildBrand } from "../helpers/factories.ts";
import {
  actAs,
  asManager,
  asShopper,
  commitAs,
  giveCredits,
  makeShopper,
  makeTryonBrand,
  refusal,
  requestBrandTryon,
  requestTryon,
  rowsOf,
  type Shopper,
  value,
  walletOf,
} from "../helpers/tryons.ts";
import {
  ask,
  completed,
  failed,
  finish,
  moveTo,
  take,
} from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const reconciled = async (client: PoolClient) => {
  expect(
    await rowsOf(client, "select * from app_private.credit_reconcile()"),
  ).toEqual([]);
};

/** A shopper without free credits. */
async function poorShopper(client: PoolClient): Promise<Shopper> {
  const shopper = await makeShopper(client);
  await endGrants(client, shopper.id);
  await client.query(
    "select app_private.expire_wallet_grants($1, null, now())",
    [shopper.id],
  );
  await client.query(
    "update app_public.credit_accounts set next_grant_at = now() + interval '1 day' where owner_user_id = $1 and kind = 'available'",
    [shopper.id],
  );
  expect((await walletOf(client, shopper.id)).available).toBe(0);
  return shopper;
}

/** As time does: the grants' end has come, and nobody has looked yet. */
const endGrants = (client: PoolClient, owner: string, except: string[] = []) =>
  client.query(
    `update app_public.credit_grants set effective_at = least(effective_at, now() - interval '1 day'), expires_at = now()
     where coalesce(owner_user_id, owner_brand_id) = $1 and not id = any ($2)`,
    [owner, except],
  );

const priceOf = (client: PoolClient, cost: number) =>
  client.query(
    "update app_public.wardrobe_categories set tryon_cost = $1 where code = 'scarves'",
    [cost],
  );

describe("CR-1 double entry", () => {
  it("each transfer moves credits from one account to another, and all balances add up to nothing", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      await completed(client, shopper);
      await failed(client, shopper);
      await giveCredits(client, { brand: (await buildBrand(client)).id }, 9);
      expect(
        await value(
          client,
          "select sum(balance)::integer from app_public.credit_accounts",
        ),
      ).toBe(0);
      expect(
        await rowsOf(
          client,
          `select a.id from app_public.credit_accounts a
           where a.balance <> (select coalesce(sum(case when t.credit_account = a.id then t.amount else -t.amount end), 0)
                               from app_public.credit_transfers t where a.id in (t.credit_account, t.debit_account))`,
        ),
      ).toEqual([]);
      await reconciled(client);
    }));

  it.each([
    ["nothing", 0, "credit_transfers_amount_check"],
    ["less than nothing", -1, "credit_transfers_amount_check"],
  ])("a transfer of %s is refused", (_, amount, field) =>
    withRoot(db, async (client) => {
      const { id } = await makeShopper(client);
      expect(
        await refusal(client, () =>
          client.query(
            `insert into app_public.credit_transfers (owner_user_id, kind, debit_account, credit_account, amount)
             select $1, 'expire', a.id, app_private.system_account('system_expired'), $2
             from app_public.credit_accounts a where a.owner_user_id = $1 and a.kind = 'available'`,
            [id, amount],
          ),
        ),
      ).toEqual({ code: "23514", field });
    }),
  );

  it.each([
    "update app_public.credit_transfers set amount = amount + 1",
    "delete from app_public.credit_transfers",
    "truncate app_public.credit_transfers",
  ])("the ledger is never changed, not by its owner either: %s", (statement) =>
    withRoot(db, async (client) => {
      await makeShopper(client);
      const count = () =>
        value(
          client,
          "select count(*) from app_public.credit_transfers where amount = 25",
        );
      const before = await count();
      expect(Number(before)).toBeGreaterThan(0);
      for (const role of ["none", "closetai_owner"]) {
        expect(
          await refusal(client, async () => {
            await client.query("select set_config('role', $1, true)", [role]);
            await client.query(statement);
          }),
        ).toMatchObject({ code: "DNIED" });
      }
      expect(await count()).toBe(before);
    }),
  );
});

describe("CR-2 a request and its hold are one", () => {
  it("too few credits: neither a job, nor a hold, nor a key; enough: all three", () =>
    withRoot(db, async (client) => {
      const shopper = await poorShopper(client);
      await priceOf(client, 4);
      await giveCredits(client, { user: shopper.id }, 3);
      const written = () =>
        value(
          client,
          `select (select count(*) from app_public.tryon_jobs where user_id = $1) || ' ' || (select count(*) from app_public.credit_holds where owner_user_id = $1)
             || ' ' || (select count(*) from app_private.idempotency_keys where owner_id = $1)`,
          [shopper.id],
        );
      expect(await refusal(client, () => ask(client, shopper))).toEqual({
        code: "NOCRD",
        field: "payer",
      });
      expect(await written()).toBe("0 0 0");
      await giveCredits(client, { user: shopper.id }, 1);
      await ask(client, shopper);
      expect(await written()).toBe("1 1 1");
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 0,
        held: 4,
      });
    }));
});

describe("CR-3 a key is used once", () => {
  it("the same request gives the same job, at the same moment, too; another request gives an error", async () => {
    const root = await db.root.connect();
    const shopper = await makeShopper(root).finally(() => root.release());
    const act = (version: string) =>
      commitAs(db.app, asShopper(shopper), (client) =>
        requestTryon(client, shopper, { key: "CR-3", version }),
      );
    const jobs = await Promise.all([act("1"), act("1"), act("1"), act("1")]);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    await expect(act("2")).rejects.toMatchObject({ code: "IDEMP" });
    expect(await walletOf(db.root, shopper.id)).toMatchObject({
      available: 24,
      held: 1,
    });
    expect(
      await value(
        db.root,
        "select count(*) from app_public.credit_holds where owner_user_id = $1",
        [shopper.id],
      ),
    ).toBe("1");
    await db.root.query(
      "update app_public.tryon_jobs set status = 'cancelled' where user_id = $1",
      [shopper.id],
    );
  });
});

describe("CR-8 who pays", () => {
  it.each([
    [
      "a moment before it begins",
      "now() + interval '1 microsecond'",
      "now() + interval '1 day'",
      "user",
      1,
    ],
    ["at the moment it begins", "now()", "now() + interval '1 day'", "pro", 0],
    [
      "a moment before it ends",
      "now() - interval '1 day'",
      "now() + interval '1 microsecond'",
      "pro",
      0,
    ],
    ["at the moment it ends", "now() - interval '1 day'", "now()", "user", 1],
  ])("an entitlement counts half-open: %s", (_, from, to, payer, cost) =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      await client.query(
        `insert into app_public.user_entitlements (user_id, kind, period, source) values ($1, 'pro_unlimited', tstzrange(${from}, ${to}), 'test')`,
        [shopper.id],
      );
      const job = await ask(client, shopper);
      expect(job).toMatchObject({ payer, cost });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25 - cost,
        held: cost,
      });
      // It was decided then: an entitlement that ends later changes nothing.
      await client.query("delete from app_public.user_entitlements");
      await finish(client, await take(client));
      expect(await walletOf(client, shopper.id)).toMatchObject({
        held: 0,
        used: cost,
      });
      await reconciled(client);
    }),
  );

  it("a brand's job is paid by the wallet of the brand, under the same rules", () =>
    withRoot(db, async (client) => {
      const brand = await makeTryonBrand(client);
      await giveCredits(client, { brand: brand.id }, 2);
      const act = () =>
        actAs(client, asManager(brand), () => requestBrandTryon(client, brand));
      const [kept, back] = [await act(), await act()];
      expect(await refusal(client, act)).toEqual({
        code: "NOCRD",
        field: "payer",
      });
      expect((await finish(client, await take(client))).id).toBe(kept);
      await moveTo(client, back, "cancelled");
      expect(await walletOf(client, brand.id)).toMatchObject({
        available: 1,
        held: 0,
        used: 1,
      });
      await reconciled(client);
    }));
});

describe("CR-9 locks, and the last guard", () => {
  it("a second transaction waits for the wallet, and then sees what the first left", async () => {
    const root = await db.root.connect();
    const shopper = await poorShopper(root).finally(() => root.release());
    await giveCredits(db.root, { user: shopper.id }, 1);
    const first = await db.root.connect();
    try {
      await first.query("begin");
      await first.query("select app_private.lock_wallet($1, null)", [
        shopper.id,
      ]);
      const second = commitAs(db.app, asShopper(shopper), (client) =>
        requestTryon(client, shopper),
      ).catch((error: unknown) => error);
      // It waits: on this lock, not on chance.
      while (
        !(await value<boolean>(
          db.root,
          "select exists (select from pg_stat_activity where datname = current_database() and usename = 'closetai_app' and wait_event_type = 'Lock')",
        ))
      );
      await first.query(
        "update app_public.credit_grants set remaining = 0, expired = expired + remaining where owner_user_id = $1 and remaining > 0",
        [shopper.id],
      );
      await first.query(
        `insert into app_public.credit_transfers (owner_user_id, kind, debit_account, credit_account, amount)
         select $1, 'expire', a.id, app_private.system_account('system_expired'), 1 from app_public.credit_accounts a where a.owner_user_id = $1 and a.kind = 'available'`,
        [shopper.id],
      );
      await first.query("commit");
      expect(await second).toMatchObject({ code: "NOCRD" });
    } finally {
      first.release();
    }
    expect(await walletOf(db.root, shopper.id)).toMatchObject({
      available: 0,
      held: 0,
    });
  });

  it("no balance of a person or a brand goes below zero, whatever a function overlooks", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      for (const statement of [
        "update app_public.credit_accounts set balance = -1 where owner_user_id = $1 and kind = 'available'",
        `insert into app_public.credit_transfers (owner_user_id, kind, debit_account, credit_account, amount)
         select $1, 'expire', a.id, app_private.system_account('system_expired'), 26 from app_public.credit_accounts a where a.owner_user_id = $1 and a.kind = 'available'`,
      ]) {
        expect(
          await refusal(client, () => client.query(statement, [shopper.id])),
        ).toEqual({
          code: "23514",
          field: "credit_accounts_balance_check",
        });
      }
      expect(
        await refusal(client, () =>
          client.query(
            "update app_public.credit_grants set remaining = -1 where owner_user_id = $1",
            [shopper.id],
          ),
        ),
      ).toEqual({
        code: "23514",
        field: "credit_grants_remaining_check",
      });
    }));
});
