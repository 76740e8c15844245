import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import {
  actAs,
  giveCredits,
  makeShopper,
  makeTryonBrand,
  refusal,
  rowsOf,
  type Shopper,
  value,
  walletOf,
  WORKER,
} from "../helpers/tryons.ts";
import { ask } from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const monthly = (client: PoolClient, asOf: string, batch = 500) =>
  actAs(client, WORKER, () =>
    value<number>(
      client,
      "select app_private.grant_due_monthly($1::timestamptz, $2)",
      [asOf, batch],
    ),
  );

const expire = (client: PoolClient, asOf: string, batch = 500) =>
  actAs(client, WORKER, () =>
    value<number>(
      client,
      "select app_private.expire_grants($1::timestamptz, $2)",
      [asOf, batch],
    ),
  );

/** The months given so far, with what is left of each. */
const monthsOf = (client: PoolClient, { id }: Pick<Shopper, "id">) =>
  rowsOf(
    client,
    `select to_char(period_start at time zone 'UTC', 'YYYY-MM-DD') as starts, to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD') as ends, remaining::integer as left
     from app_public.credit_grants where owner_user_id = $1 and source = 'free_monthly' order by period_start`,
    [id],
  );

/** Signed up then: what was given for the month of the test is not there. */
async function signedUp(client: PoolClient, at: string): Promise<Shopper> {
  const shopper = await makeShopper(client, { created_at: at });
  for (const statement of [
    "delete from app_public.credit_transfers where owner_user_id = $1",
    "delete from app_public.credit_grants where owner_user_id = $1",
    "update app_public.credit_accounts set balance = 0, next_grant_at = (select created_at from app_public.users where id = $1) where owner_user_id = $1 and kind = 'available'",
  ]) {
    await client.query("set local session_replication_role = replica");
    await client.query(statement, [shopper.id]);
    await client.query("set local session_replication_role = origin");
  }
  return shopper;
}

describe("CR-6 the free month", () => {
  it("begins at sign-up with 25 credits that end at the next anchor", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const [grant] = await rowsOf(
        client,
        `select amount::integer, priority, source, effective_at = now() as at_once,
           period_start = date_trunc('day', now(), 'UTC') as from_day,
           expires_at = (date_trunc('day', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC' as to_anchor
         from app_public.credit_grants where owner_user_id = $1`,
        [shopper.id],
      );
      expect(grant).toEqual({
        amount: 25,
        priority: 10,
        source: "free_monthly",
        at_once: true,
        from_day: true,
        to_anchor: true,
      });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
      });
    }));

  it.each([
    // Signed up on the 31st: clamped to each month's end, always from the 31st.
    ["2025-01-31T10:00Z", "2025-01-31T12:00Z", "2025-01-31", "2025-02-28"],
    ["2025-01-31T10:00Z", "2025-02-27T23:59:59Z", "2025-01-31", "2025-02-28"],
    ["2025-01-31T10:00Z", "2025-02-28T00:00Z", "2025-02-28", "2025-03-31"],
    ["2025-01-31T10:00Z", "2025-03-30T23:59:59Z", "2025-02-28", "2025-03-31"],
    ["2025-01-31T10:00Z", "2025-03-31T00:00Z", "2025-03-31", "2025-04-30"],
    ["2025-01-31T10:00Z", "2026-01-31T00:00Z", "2026-01-31", "2026-02-28"],
    // A leap year, and the 29th of February in years that have none.
    ["2024-01-31T10:00Z", "2024-02-29T00:00Z", "2024-02-29", "2024-03-31"],
    ["2024-02-29T10:00Z", "2025-02-28T00:00Z", "2025-02-28", "2025-03-29"],
    ["2024-02-29T10:00Z", "2028-02-28T12:00Z", "2028-01-29", "2028-02-29"],
    ["2024-02-29T10:00Z", "2028-02-29T00:00Z", "2028-02-29", "2028-03-29"],
    // Over the end of a year; and the day is that of UTC.
    ["2025-11-30T23:30-05:00", "2025-12-31T12:00Z", "2025-12-01", "2026-01-01"],
    ["2025-12-31T10:00Z", "2026-02-15T00:00Z", "2026-01-31", "2026-02-28"],
  ])(
    "of somebody who signed up at %s is, at %s, %s to %s",
    (signed, at, starts, ends) =>
      withRoot(db, async (client) => {
        expect(
          await rowsOf(
            client,
            `select to_char(period_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as starts, to_char(period_end at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as ends
           from app_private.credit_month($1, $2)`,
            [signed, at],
          ),
        ).toEqual([{ starts: `${starts} 00:00`, ends: `${ends} 00:00` }]);
      }),
  );

  it("months follow each other without a gap and without an overlap, for every day of sign-up", () =>
    withRoot(db, async (client) => {
      expect(
        await rowsOf(
          client,
          `select s.day, n from generate_series('2024-01-01'::timestamptz, '2025-12-31', '1 day') s (day),
             generate_series(0, 30) n,
             lateral app_private.credit_month(s.day, s.day + make_interval(days => n * 27)) m,
             lateral app_private.credit_month(s.day, m.period_end) next
           where next.period_start <> m.period_end or not (m.period_start <= s.day + make_interval(days => n * 27) and s.day + make_interval(days => n * 27) < m.period_end)`,
        ),
      ).toEqual([]);
    }));

  it("is given once, however often it is asked; what was left of the last one ends", () =>
    withRoot(db, async (client) => {
      const shopper = await signedUp(client, "2025-01-31T10:00Z");
      await monthly(client, "2025-01-31T10:00Z");
      await monthly(client, "2025-02-10T00:00Z");
      expect(await monthsOf(client, shopper)).toEqual([
        { starts: "2025-01-31", ends: "2025-02-28", left: 25 },
      ]);
      for (let i = 0; i < 3; i++) await monthly(client, "2025-02-28T00:00Z");
      expect(await monthsOf(client, shopper)).toEqual([
        { starts: "2025-01-31", ends: "2025-02-28", left: 0 },
        { starts: "2025-02-28", ends: "2025-03-31", left: 25 },
      ]);
      expect(await walletOf(client, shopper.id)).toEqual({
        available: 25,
        held: 0,
        granted: 50,
        used: 0,
        expired: 25,
      });
    }));

  it("missed months are not made up for: only the current one is given", () =>
    withRoot(db, async (client) => {
      const shopper = await signedUp(client, "2025-01-31T10:00Z");
      await monthly(client, "2025-01-31T10:00Z");
      await monthly(client, "2025-09-15T00:00Z");
      expect(await monthsOf(client, shopper)).toEqual([
        { starts: "2025-01-31", ends: "2025-02-28", left: 0 },
        { starts: "2025-08-31", ends: "2025-09-30", left: 25 },
      ]);
      expect((await walletOf(client, shopper.id)).available).toBe(25);
    }));

  it("asked about the past after a later month, nothing is given: two months never live together", () =>
    withRoot(db, async (client) => {
      const shopper = await signedUp(client, "2025-01-31T10:00Z");
      await monthly(client, "2025-05-02T00:00Z");
      const before = await monthsOf(client, shopper);
      for (const asOf of [
        "2025-02-10T00:00Z",
        "2025-04-30T00:00Z",
        "2024-01-01T00:00Z",
      ]) {
        await monthly(client, asOf);
        expect(
          await value(client, "select app_private.grant_free_month($1, $2)", [
            shopper.id,
            asOf,
          ]),
        ).toBe(false);
      }
      expect(await monthsOf(client, shopper)).toEqual(before);
      expect((await walletOf(client, shopper.id)).available).toBe(25);
    }));

  it("whoever asks for a try-on when the month has turned does not wait for the sweep", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client, {
        created_at: "2025-01-31T10:00Z",
      });
      for (let i = 0; i < 25; i++) await ask(client, shopper);
      expect(await refusal(client, () => ask(client, shopper))).toMatchObject({
        code: "NOCRD",
      });
      // As if all of it had been a month ago.
      await client.query(
        "update app_public.credit_grants set effective_at = effective_at - interval '2 months', expires_at = now(), period_start = period_start - interval '2 months' where owner_user_id = $1",
        [shopper.id],
      );
      await client.query(
        "update app_public.credit_accounts set next_grant_at = now() where owner_user_id = $1 and kind = 'available'",
        [shopper.id],
      );
      await ask(client, shopper);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 24,
        held: 26,
      });
    }));

  it("people from before there were wallets get theirs; erased ones, and brands, get nothing", () =>
    withRoot(db, async (client) => {
      const old = await makeShopper(client, {
        created_at: "2025-01-31T10:00Z",
      });
      await client.query("set local session_replication_role = replica");
      for (const table of [
        "credit_transfers",
        "credit_grants",
        "credit_accounts",
      ]) {
        await client.query(
          `delete from app_public.${table} where owner_user_id = $1`,
          [old.id],
        );
      }
      await client.query("set local session_replication_role = origin");
      const erased = await signedUp(client, "2025-01-31T10:00Z");
      await client.query(
        "update app_public.users set status = 'erased', erased_at = now() where id = $1",
        [erased.id],
      );
      const brand = await makeTryonBrand(client);
      await monthly(client, "2026-03-02T00:00Z");
      expect(await monthsOf(client, old)).toEqual([
        { starts: "2026-02-28", ends: "2026-03-31", left: 25 },
      ]);
      expect(await monthsOf(client, erased)).toEqual([]);
      expect(
        await value(
          client,
          "select next_grant_at from app_public.credit_accounts where owner_user_id = $1 and kind = 'available'",
          [erased.id],
        ),
      ).toBeNull();
      expect((await walletOf(client, brand.id)).granted).toBe(0);
    }));

  it("is given in batches", () =>
    withRoot(db, async (client) => {
      for (let i = 0; i < 5; i++) await signedUp(client, "2025-01-31T10:00Z");
      await client.query(
        "update app_public.credit_accounts set next_grant_at = null where next_grant_at > now()",
      );
      const rounds = [];
      for (let i = 0; i < 4; i++)
        rounds.push(await monthly(client, "2025-02-01T00:00Z", 2));
      expect(rounds).toEqual([2, 2, 1, 0]);
    }));
});

describe("expire_grants", () => {
  it("books what is left of an ended grant as breakage, once, for people and brands", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const brand = await makeTryonBrand(client);
      await giveCredits(client, { brand: brand.id }, 7, {
        expiresAt: "2100-01-01",
      });
      await giveCredits(client, { user: shopper.id }, 3);
      expect(await expire(client, "2099-12-31T23:59:59Z")).toBeGreaterThan(0);
      expect((await walletOf(client, brand.id)).available).toBe(7);
      await expire(client, "2100-01-01T00:00Z");
      expect(await expire(client, "2100-01-01T00:00Z")).toBe(0);
      expect(await walletOf(client, brand.id)).toMatchObject({
        available: 0,
        expired: 7,
      });
      // What does not end stays.
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 3,
        expired: 25,
      });
      expect(
        await rowsOf(
          client,
          "select t.kind, t.amount::integer, c.kind as to_account from app_public.credit_transfers t join app_public.credit_accounts c on c.id = t.credit_account where t.owner_brand_id = $1 order by t.id",
          [brand.id],
        ),
      ).toEqual([
        { kind: "grant", amount: 7, to_account: "available" },
        { kind: "expire", amount: 7, to_account: "system_expired" },
      ]);
      expect(
        await rowsOf(client, "select * from app_private.credit_reconcile()"),
      ).toEqual([]);
    }));

  it("is for the worker only", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      for (const call of [
        "grant_due_monthly(now(), 1)",
        "expire_grants(now(), 1)",
        "add_grant($1, null, 'promo', 5)",
      ]) {
        expect(
          await refusal(client, () =>
            actAs(client, { role: "closetai_user", userId: shopper.id }, () =>
              client.query(
                `select app_private.${call}`,
                call.includes("$1") ? [shopper.id] : [],
              ),
            ),
          ),
        ).toMatchObject({ code: "42501" });
      }
    }));
});
