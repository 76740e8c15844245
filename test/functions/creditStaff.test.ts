import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import {
  actAs,
  asManager,
  asShopper,
  giveCredits,
  makeShopper,
  makeStaff,
  makeTryonBrand,
  refusal,
  rowsOf,
  value,
  walletOf,
} from "../helpers/tryons.ts";
import { ask } from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const REASON = "Ticket 4711: charged twice";
/** What the owner reads instead. */
const NEUTRAL = "Correction by ClosetAI";

type Adjustment = {
  amount: number | null;
  reason?: string | null;
  key?: string | null;
  user?: string;
  brand?: string;
  expiresAt?: string;
};

const adjust = (
  client: PoolClient,
  actor: TestActor,
  { amount, reason = REASON, key = "key", user, brand, expiresAt }: Adjustment,
) =>
  actAs(client, actor, async () =>
    Number(
      await value<string>(
        client,
        "select app_public.adjust_credits($1, $2, $3, $4, $5, $6)",
        [amount, reason, key, user ?? null, brand ?? null, expiresAt ?? null],
      ),
    ),
  );

describe("adjust_credits", () => {
  it("finance adds credits, which end when they are told to, and leaves an audit row", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      expect(
        await adjust(client, finance, {
          amount: 10,
          user: shopper.id,
          expiresAt: "2100-01-01",
        }),
      ).toBe(35);
      expect(
        await rowsOf(
          client,
          "select source, amount::integer, priority, note, expires_at::date::text as ends from app_public.credit_grants where owner_user_id = $1 and source = 'adjustment'",
          [shopper.id],
        ),
      ).toEqual([
        {
          source: "adjustment",
          amount: 10,
          priority: 20,
          note: NEUTRAL,
          ends: "2100-01-01",
        },
      ]);
      expect(
        await rowsOf(
          client,
          "select actor_id, actor_kind, reason, diff from app_public.audit_log where action = 'adjust_credits'",
        ),
      ).toEqual([
        {
          actor_id: finance.userId,
          actor_kind: "staff",
          reason: REASON,
          diff: { amount: [null, 10] },
        },
      ]);
    }));

  it("takes away from what would be spent first, one entry per grant", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      await giveCredits(client, { user: shopper.id }, 10);
      expect(
        await adjust(client, finance, { amount: -30, user: shopper.id }),
      ).toBe(5);
      expect(
        await rowsOf(
          client,
          `select g.source, t.amount::integer, t.reason, c.kind as to_account from app_public.credit_transfers t
           join app_public.credit_grants g on g.id = t.grant_id join app_public.credit_accounts c on c.id = t.credit_account
           where t.owner_user_id = $1 and t.kind = 'adjust' order by t.id`,
          [shopper.id],
        ),
      ).toEqual([
        {
          source: "free_monthly",
          amount: 25,
          reason: NEUTRAL,
          to_account: "system_grants",
        },
        {
          source: "purchase",
          amount: 5,
          reason: NEUTRAL,
          to_account: "system_grants",
        },
      ]);
      expect(
        await rowsOf(client, "select * from app_private.credit_reconcile()"),
      ).toEqual([]);
    }));

  it("what staff write and who they are is not for the owner of the wallet", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      const brand = await makeTryonBrand(client);
      await adjust(client, finance, { amount: 10, user: shopper.id });
      await adjust(client, finance, {
        amount: 10,
        brand: brand.id,
        key: "of the brand",
      });
      const readable = (actor: TestActor, table: string) =>
        actAs(client, actor, () =>
          value<string>(
            client,
            `select coalesce(string_agg(to_jsonb(t)::text, ' '), '') from app_public.${table} t`,
          ),
        );
      const history = (actor: TestActor) =>
        actAs(client, actor, () =>
          rowsOf(
            client,
            `select h.reason, h.actor_name is null as nameless, h.actor_name = 'ClosetAI staff' as neutral
             from app_public.credit_accounts a, app_public.row_history('credit_accounts', a.id::text) h
             where a.owner_user_id = $1 and a.kind = 'available' and h.action = 'adjust_credits'`,
            [shopper.id],
          ),
        );
      await client.query(
        "update app_public.brand_members set role = 'owner' where brand_id = $1",
        [brand.id],
      );
      const owner = { ...asManager(brand), role: "closetai_brand_owner" };
      for (const [actor, tables] of [
        [asShopper(shopper), ["credit_transfers", "credit_grants"]],
        [owner, ["credit_transfers", "credit_grants", "audit_log"]],
      ] as const) {
        for (const table of tables) {
          const seen = await readable(actor, table);
          if (table !== "audit_log") expect(seen).toContain(NEUTRAL);
          expect(seen).not.toContain(REASON);
          expect(seen).not.toContain(finance.userId);
        }
      }
      expect(await history(asShopper(shopper))).toEqual([
        { reason: null, nameless: false, neutral: true },
      ]);
      expect(await history(finance)).toEqual([
        { reason: REASON, nameless: false, neutral: false },
      ]);
    }));

  it("of a brand's wallet works the same", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const brand = await makeTryonBrand(client);
      expect(
        await adjust(client, finance, { amount: 500, brand: brand.id }),
      ).toBe(500);
      expect(
        await adjust(client, finance, {
          amount: -500,
          brand: brand.id,
          key: "back",
        }),
      ).toBe(0);
      expect(await walletOf(client, brand.id)).toMatchObject({
        available: 0,
        granted: 500,
        expired: 500,
      });
    }));

  it("more than is there is refused, and what is held is not there", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      await ask(client, shopper);
      expect(
        await refusal(client, () =>
          adjust(client, finance, { amount: -25, user: shopper.id }),
        ),
      ).toEqual({ code: "NOCRD", field: "amount" });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 24,
        held: 1,
        expired: 0,
      });
      expect(
        await adjust(client, finance, { amount: -24, user: shopper.id }),
      ).toBe(0);
    }));

  it("again with the same key it books nothing; with another body it is refused", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      expect(
        await adjust(client, finance, { amount: 10, user: shopper.id }),
      ).toBe(35);
      await adjust(client, finance, {
        amount: 1,
        user: shopper.id,
        key: "another",
      });
      // The answer of then, not of now.
      expect(
        await adjust(client, finance, { amount: 10, user: shopper.id }),
      ).toBe(35);
      for (const change of [
        { amount: 11 },
        { reason: "Ticket 4712: another" },
        { expiresAt: "2100-01-01" },
        { user: (await makeShopper(client)).id },
      ]) {
        expect(
          await refusal(client, () =>
            adjust(client, finance, {
              amount: 10,
              user: shopper.id,
              ...change,
            }),
          ),
        ).toEqual({
          code: "IDEMP",
          field: "idempotency_key",
        });
      }
      expect((await walletOf(client, shopper.id)).available).toBe(36);
      expect(
        await value(
          client,
          "select count(*) from app_public.audit_log where action = 'adjust_credits'",
        ),
      ).toBe("2");
    }));

  it.each<[string, Omit<Adjustment, "user">, string]>([
    ["nothing", { amount: 0 }, "amount"],
    ["no amount", { amount: null }, "amount"],
    ["more than a million", { amount: 1_000_001 }, "amount"],
    ["less than minus a million", { amount: -1_000_001 }, "amount"],
    ["the smallest integer", { amount: -2_147_483_648 }, "amount"],
    ["no reason", { amount: 1, reason: null }, "reason"],
    ["a reason of spaces", { amount: 1, reason: " ".repeat(30) }, "reason"],
    [
      "a reason of nine characters",
      { amount: 1, reason: "123456789" },
      "reason",
    ],
    [
      "a reason of 501 characters",
      { amount: 1, reason: "x".repeat(501) },
      "reason",
    ],
    ["no key", { amount: 1, key: null }, "idempotency_key"],
    [
      "an end in the past",
      { amount: 1, expiresAt: "2020-01-01" },
      "expires_at",
    ],
    [
      "an end of what is taken",
      { amount: -1, expiresAt: "2100-01-01" },
      "expires_at",
    ],
  ])("%s is refused", (_, adjustment, field) =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      expect(
        await refusal(client, () =>
          adjust(client, finance, { ...adjustment, user: shopper.id }),
        ),
      ).toEqual({ code: "INVAL", field });
      expect((await walletOf(client, shopper.id)).available).toBe(25);
    }),
  );

  it("nobody's wallet, two wallets and an unknown one are refused", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      const brand = await makeTryonBrand(client);
      const attempt = (owners: Pick<Adjustment, "user" | "brand">) =>
        refusal(client, () =>
          adjust(client, finance, { amount: 1, ...owners }),
        );
      expect(await attempt({})).toEqual({ code: "INVAL", field: "user_id" });
      expect(await attempt({ user: shopper.id, brand: brand.id })).toEqual({
        code: "INVAL",
        field: "user_id",
      });
      expect(await attempt({ user: brand.id })).toEqual({
        code: "NTFND",
        field: "user_id",
      });
      expect(await attempt({ brand: shopper.id })).toEqual({
        code: "NTFND",
        field: "brand_id",
      });
    }));

  it("is for finance only, and only while the person is finance", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const finance = await makeStaff(client, "finance");
      for (const actor of [
        asShopper(shopper),
        asManager(await makeTryonBrand(client)),
        await makeStaff(client, "support"),
        await makeStaff(client, "admin"),
      ]) {
        expect(
          await refusal(client, () =>
            adjust(client, actor, { amount: 1, user: shopper.id }),
          ),
        ).toMatchObject({ code: "42501" });
      }
      for (const statement of [
        "update app_public.staff_members set role = 'support' where user_id = $1",
        "delete from app_public.staff_members where user_id = $1",
      ]) {
        await client.query(statement, [finance.userId]);
        expect(
          (
            await refusal(client, () =>
              adjust(client, finance, { amount: 1, user: shopper.id }),
            )
          ).code,
        ).toBe("DNIED");
      }
      expect((await walletOf(client, shopper.id)).available).toBe(25);
    }));
});
