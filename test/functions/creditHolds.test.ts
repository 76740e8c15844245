import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import {
  giveCredits,
  makeShopper,
  refusal,
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

/** What the job's hold draws on, in the order in which grants are spent. */
const linesOf = (client: PoolClient, job: { id: string }) =>
  rowsOf(
    client,
    `select l.grant_id, l.amount::integer from app_public.credit_hold_lines l
     join app_public.credit_holds h on h.id = l.hold_id join app_public.credit_grants g on g.id = l.grant_id
     where h.tryon_job_id = $1 order by g.priority, g.expires_at nulls last, g.created_at, g.id`,
    [job.id],
  );

const priceOf = (client: PoolClient, cost: number) =>
  client.query(
    "update app_public.wardrobe_categories set tryon_cost = $1 where code = 'scarves'",
    [cost],
  );

const transfersOf = (client: PoolClient, job: { id: string }) =>
  rowsOf(
    client,
    `select t.kind, t.amount::integer, d.kind as from_account, c.kind as to_account
     from app_public.credit_transfers t
     join app_public.credit_holds h on h.id = t.hold_id
     join app_public.credit_accounts d on d.id = t.debit_account
     join app_public.credit_accounts c on c.id = t.credit_account
     where h.tryon_job_id = $1 order by t.id`,
    [job.id],
  );

const holdOf = (client: PoolClient, job: { id: string }) =>
  value<string>(
    client,
    "select status from app_public.credit_holds where tryon_job_id = $1",
    [job.id],
  );

describe("CR-4 a hold is settled once", () => {
  it("attempts of one job share its hold; completed, it is captured, once", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await ask(client, shopper);
      for (let i = 0; i < 2; i++) {
        await moveTo(client, job.id, "processing");
        await moveTo(client, job.id, "queued");
      }
      await finish(client, await take(client));
      expect(await transfersOf(client, job)).toEqual([
        {
          kind: "hold",
          amount: 1,
          from_account: "available",
          to_account: "held",
        },
        {
          kind: "capture",
          amount: 1,
          from_account: "held",
          to_account: "system_consumed",
        },
      ]);
    }));

  it.each([
    [["processing", "failed"]],
    [["cancelled"]],
    [["expired"]],
    [["processing", "expired"]],
  ])("a job that goes %s gives its credits back, once", (path) =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await ask(client, shopper);
      for (const step of path) await moveTo(client, job.id, step);
      expect(await holdOf(client, job)).toBe("released");
      expect(await transfersOf(client, job)).toMatchObject([
        { kind: "hold" },
        {
          kind: "release",
          amount: 1,
          from_account: "held",
          to_account: "available",
        },
      ]);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
        used: 0,
      });
    }),
  );

  it("settling again, either way, does nothing and says what the first did", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const [kept, back] = [
        await completed(client, shopper),
        await failed(client, shopper),
      ];
      const before = await walletOf(client, shopper.id);
      const settle = (id: string, captured: boolean) =>
        value(client, "select app_private.settle_hold($1, $2)", [id, captured]);
      for (const captured of [true, false]) {
        expect(await settle(kept.id, captured)).toBe("captured");
        expect(await settle(back.id, captured)).toBe("released");
      }
      expect(await walletOf(client, shopper.id)).toEqual(before);
      expect(await transfersOf(client, kept)).toHaveLength(2);
      expect(await transfersOf(client, back)).toHaveLength(2);
      expect(await refusal(client, () => settle(shopper.id, true))).toEqual({
        code: "NTFND",
        field: "tryon_job_id",
      });
    }));

  it("the database itself refuses a second settlement", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await completed(client, shopper);
      await ask(client, shopper);
      for (const kind of ["capture", "release", "hold"]) {
        expect(
          await refusal(client, () =>
            client.query(
              `insert into app_public.credit_transfers (owner_user_id, kind, debit_account, credit_account, amount, hold_id)
               select owner_user_id, $2::app_public.credit_transfer_kind, debit_account, credit_account, amount, hold_id
               from app_public.credit_transfers where kind = 'hold' and hold_id = (select id from app_public.credit_holds where tryon_job_id = $1)`,
              [job.id, kind],
            ),
          ),
        ).toMatchObject({ code: "23505" });
      }
    }));
});

describe("CR-5 what is spent first", () => {
  it("priority, then what ends first, then the oldest, then the smaller id", () =>
    withRoot(db, async (client) => {
      const shopper = await poorShopper(client);
      const user = { user: shopper.id };
      const day = (n: number) =>
        new Date(Date.now() + n * 86_400_000).toISOString();
      const grants = {
        late: await giveCredits(client, user, 1),
        bought: await giveCredits(client, user, 1, { expiresAt: day(2) }),
        free: await giveCredits(client, user, 1, {
          source: "free_monthly",
          expiresAt: day(9),
        }),
        promo: await giveCredits(client, user, 1, {
          source: "promo",
          expiresAt: day(3),
        }),
        endless: await giveCredits(client, user, 1, { source: "promo" }),
        tie: await giveCredits(client, user, 1, { expiresAt: day(2) }),
        oldest: await giveCredits(client, user, 1),
        future: await giveCredits(client, user, 1, {
          source: "promo",
          effectiveAt: day(1),
          expiresAt: day(2),
        }),
      };
      // Made in one transaction, all are of one moment: one is made older, and a
      // tie in everything but the id remains.
      await client.query(
        "update app_public.credit_grants set expires_at = (select expires_at from app_public.credit_grants where id = $1) where id = $2",
        [grants.bought, grants.tie],
      );
      await client.query(
        "alter table app_public.credit_grants disable trigger user",
      );
      await client.query(
        "update app_public.credit_grants set created_at = created_at - interval '1 hour' where id = $1",
        [grants.oldest],
      );
      await client.query(
        "alter table app_public.credit_grants enable trigger user",
      );
      const order = [];
      for (let i = 0; i < 7; i++)
        order.push(
          (await linesOf(client, await ask(client, shopper)))[0]?.["grant_id"],
        );
      expect(order).toEqual([
        grants.promo,
        grants.free,
        grants.endless,
        ...[grants.bought, grants.tie].sort(),
        grants.oldest,
        grants.late,
      ]);
      // What has not begun cannot be spent.
      expect(await refusal(client, () => ask(client, shopper))).toMatchObject({
        code: "NOCRD",
      });
    }));

  it("is fixed when the hold is placed: better credits that come later change nothing", () =>
    withRoot(db, async (client) => {
      const shopper = await poorShopper(client);
      await priceOf(client, 5);
      const first = await giveCredits(client, { user: shopper.id }, 2, {
        source: "promo",
      });
      const second = await giveCredits(client, { user: shopper.id }, 9);
      const job = await ask(client, shopper);
      const lines = [
        { grant_id: first, amount: 2 },
        { grant_id: second, amount: 3 },
      ];
      expect(await linesOf(client, job)).toEqual(lines);
      await giveCredits(client, { user: shopper.id }, 50, { source: "promo" });
      expect((await take(client)).id).toBe(job.id);
      expect(await linesOf(client, job)).toEqual(lines);
      await moveTo(client, job.id, "failed");
      expect(
        await rowsOf(
          client,
          "select remaining::integer from app_public.credit_grants where id = any ($1) order by amount",
          [[first, second]],
        ),
      ).toEqual([{ remaining: 2 }, { remaining: 9 }]);
    }));
});

describe("CR-7 credits held when their grant ends", () => {
  it("can still be captured", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      await ask(client, shopper);
      await endGrants(client, shopper.id);
      await client.query("select app_private.expire_grants(now())");
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 0,
        held: 1,
        expired: 24,
      });
      await finish(client, await take(client));
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 0,
        held: 0,
        used: 1,
        expired: 24,
      });
      await reconciled(client);
    }));

  it.each(["before the end is booked", "after the end is booked"])(
    "given back %s, they end as well",
    (when) =>
      withRoot(db, async (client) => {
        const shopper = await makeShopper(client);
        const job = await ask(client, shopper);
        await endGrants(client, shopper.id);
        const sweep = () =>
          client.query("select app_private.expire_grants(now())");
        if (when.startsWith("after")) await sweep();
        await moveTo(client, job.id, "cancelled");
        if (when.startsWith("before")) await sweep();
        expect(await transfersOf(client, job)).toMatchObject([
          { kind: "hold" },
          {
            kind: "expire",
            amount: 1,
            from_account: "held",
            to_account: "system_expired",
          },
        ]);
        expect(await holdOf(client, job)).toBe("expired");
        expect(await walletOf(client, shopper.id)).toMatchObject({
          available: 0,
          held: 0,
          used: 0,
          expired: 25,
        });
        await reconciled(client);
      }),
  );

  it("of two grants, what lives comes back and what ended does not", () =>
    withRoot(db, async (client) => {
      const shopper = await poorShopper(client);
      await priceOf(client, 5);
      await giveCredits(client, { user: shopper.id }, 2, { source: "promo" });
      const alive = await giveCredits(client, { user: shopper.id }, 9);
      const { expired } = await walletOf(client, shopper.id);
      const job = await ask(client, shopper);
      await endGrants(client, shopper.id, [alive]);
      await moveTo(client, job.id, "cancelled");
      expect(await transfersOf(client, job)).toMatchObject([
        { kind: "hold" },
        { kind: "release", amount: 3 },
        { kind: "expire", amount: 2 },
      ]);
      expect(await holdOf(client, job)).toBe("released");
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 9,
        held: 0,
        expired: expired + 2,
      });
      await reconciled(client);
    }));
});
