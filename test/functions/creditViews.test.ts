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
} from "../helpers/tryons.ts";
import { ask, completed, failed, moveTo } from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const REASON = "Ticket 4711: charged twice";

const grantPro = (
  client: PoolClient,
  actor: TestActor,
  user: string,
  from: string | null,
  to: string | null,
  reason: string | null = REASON,
) =>
  actAs(client, actor, () =>
    rowsOf(client, "select * from app_public.grant_pro($1, $2, $3, $4)", [
      user,
      from,
      to,
      reason,
    ]),
  );

describe("end_pro", () => {
  const endPro = (
    client: PoolClient,
    actor: TestActor,
    id: string,
    at: string | null = null,
    reason: string | null = REASON,
  ) =>
    actAs(client, actor, () =>
      value<string>(client, "select app_public.end_pro($1, $2, $3)", [
        id,
        reason,
        at,
      ]),
    );
  const given = async (
    client: PoolClient,
    finance: TestActor,
    from = "2026-01-01",
  ) => {
    const { id } = await makeShopper(client);
    const [row] = await grantPro(client, finance, id, from, "2100-01-01");
    return { user: id, id: row?.["id"] as string };
  };
  const proUntil = (client: PoolClient, user: string) =>
    value(
      client,
      "select pro_until from app_public.user_credits where user_id = $1",
      [user],
    );

  it("ends it at once, with an audit row; a second time is refused", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const { user, id } = await given(client, finance);
      expect(await proUntil(client, user)).not.toBeNull();
      expect(await endPro(client, finance, id)).toBe(id);
      expect(await proUntil(client, user)).toBeNull();
      expect(
        await rowsOf(
          client,
          "select actor_id, reason, row_pk from app_public.audit_log where action = 'end_pro'",
        ),
      ).toEqual([{ actor_id: finance.userId, reason: REASON, row_pk: id }]);
      expect(await refusal(client, () => endPro(client, finance, id))).toEqual({
        code: "STATE",
        field: "entitlement_id",
      });
    }));

  it("ends it at a later moment; what has not begun by then is removed", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const { user, id } = await given(client, finance);
      await endPro(client, finance, id, "2099-01-01T00:00:00Z");
      expect(await proUntil(client, user)).toEqual(
        new Date("2099-01-01T00:00:00Z"),
      );
      const later = await given(client, finance, "2098-01-01");
      await endPro(client, finance, later.id);
      expect(
        await value(
          client,
          "select count(*) from app_public.user_entitlements where id = $1",
          [later.id],
        ),
      ).toBe("0");
    }));

  it("in the past, beyond its end, without a reason, of nobody, and by other staff is refused", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const { user, id } = await given(client, finance);
      const attempt = (at: string | null, reason: string | null = REASON) =>
        refusal(client, () => endPro(client, finance, id, at, reason));
      const end = { code: "INVAL", field: "ends_at" };
      expect(await attempt("2026-02-01")).toEqual(end);
      expect(await attempt("2100-01-01T00:00:00Z")).toEqual(end);
      expect(await attempt("infinity")).toEqual(end);
      expect(await attempt(null, "short")).toEqual({
        code: "INVAL",
        field: "reason",
      });
      expect(
        await refusal(client, () => endPro(client, finance, user)),
      ).toEqual({ code: "NTFND", field: "entitlement_id" });
      for (const role of ["support", "admin"] as const) {
        const actor = await makeStaff(client, role);
        expect(
          await refusal(client, () => endPro(client, actor, id)),
        ).toMatchObject({ code: "42501" });
      }
    }));
});

describe("grant_pro", () => {
  it("finance gives an entitlement; one that overlaps is refused, one that follows is not", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const { id } = await makeShopper(client);
      await grantPro(client, finance, id, "2026-01-01", "2026-02-01");
      expect(
        await refusal(client, () =>
          grantPro(client, finance, id, "2026-01-31", "2026-03-01"),
        ),
      ).toEqual({ code: "23P01", field: "user_entitlements_period_excl" });
      await grantPro(client, finance, id, "2026-02-01", "2026-03-01");
      expect(
        await rowsOf(
          client,
          "select lower(period)::date::text as starts, source from app_public.user_entitlements where user_id = $1 order by period",
          [id],
        ),
      ).toEqual([
        { starts: "2026-01-01", source: "ClosetAI" },
        { starts: "2026-02-01", source: "ClosetAI" },
      ]);
      expect(
        await value(
          client,
          "select count(*) from app_public.audit_log where action = 'grant_pro' and reason = $1",
          [REASON],
        ),
      ).toBe("2");
    }));

  it("an end before the beginning, no period, no reason, nobody, and other roles are refused", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const { id } = await makeShopper(client);
      const attempt = (
        ...[from, to, reason]: [string | null, string | null, (string | null)?]
      ) =>
        refusal(client, () => grantPro(client, finance, id, from, to, reason));
      expect(await attempt("2026-01-01", "2026-01-01")).toEqual({
        code: "INVAL",
        field: "ends_at",
      });
      expect(await attempt("2026-01-02", "2026-01-01")).toEqual({
        code: "INVAL",
        field: "ends_at",
      });
      expect(await attempt(null, "2026-01-01")).toEqual({
        code: "INVAL",
        field: "ends_at",
      });
      expect(await attempt("2026-01-01", null)).toEqual({
        code: "INVAL",
        field: "ends_at",
      });
      expect(await attempt("2026-01-01", "2026-02-01", null)).toEqual({
        code: "INVAL",
        field: "reason",
      });
      expect(
        await refusal(client, () =>
          grantPro(
            client,
            finance,
            "00000000-0000-0000-0000-000000000000",
            "2026-01-01",
            "2026-02-01",
          ),
        ),
      ).toEqual({ code: "NTFND", field: "user_id" });
      for (const actor of [
        asShopper({ id }),
        await makeStaff(client, "support"),
        await makeStaff(client, "admin"),
      ]) {
        expect(
          await refusal(client, () =>
            grantPro(client, actor, id, "2026-01-01", "2026-02-01"),
          ),
        ).toMatchObject({ code: "42501" });
      }
      expect(
        await value(
          client,
          "select count(*) from app_public.user_entitlements",
        ),
      ).toBe("0");
    }));
});

const adjust = (
  client: PoolClient,
  actor: TestActor,
  amount: number,
  user: string,
) =>
  actAs(client, actor, () =>
    value(client, "select app_public.adjust_credits($1, $2, $3, $4)", [
      amount,
      REASON,
      `by ${amount}`,
      user,
    ]),
  );

describe("user_credits", () => {
  it("adds up: granted = used + expired + held + remaining, through all that happens to a wallet", () =>
    withRoot(db, async (client) => {
      const finance = await makeStaff(client, "finance");
      const shopper = await makeShopper(client);
      const credits = async () => {
        const [row] = await actAs(client, asShopper(shopper), () =>
          rowsOf<
            Record<
              "granted" | "used" | "expired" | "held" | "remaining",
              number
            >
          >(
            client,
            "select granted::integer, used::integer, expired::integer, held::integer, remaining::integer from app_public.user_credits",
          ),
        );
        expect(row!.granted).toBe(
          row!.used + row!.expired + row!.held + row!.remaining,
        );
        return row;
      };
      expect(await credits()).toEqual({
        granted: 25,
        used: 0,
        expired: 0,
        held: 0,
        remaining: 25,
      });
      await completed(client, shopper);
      await failed(client, shopper);
      const waiting = await ask(client, shopper);
      expect(await credits()).toEqual({
        granted: 25,
        used: 1,
        expired: 0,
        held: 1,
        remaining: 23,
      });
      await adjust(client, finance, 7, shopper.id);
      await adjust(client, finance, -3, shopper.id);
      expect(await credits()).toEqual({
        granted: 32,
        used: 1,
        expired: 3,
        held: 1,
        remaining: 27,
      });
      await client.query(
        "update app_public.credit_grants set effective_at = now() - interval '1 day', expires_at = now() where owner_user_id = $1 and source = 'free_monthly'",
        [shopper.id],
      );
      await client.query("select app_private.expire_grants(now())");
      await moveTo(client, waiting.id, "cancelled");
      expect(await credits()).toEqual({
        granted: 32,
        used: 1,
        expired: 24,
        held: 0,
        remaining: 7,
      });
    }));

  it("shows each the own wallet, and until when try-ons cost nothing", () =>
    withRoot(db, async (client) => {
      const [shopper] = [await makeShopper(client), await makeShopper(client)];
      await client.query(
        "insert into app_public.user_entitlements (user_id, kind, period, source) values ($1, 'pro_unlimited', tstzrange(now(), '2100-01-01'), 'test')",
        [shopper.id],
      );
      expect(
        await actAs(client, asShopper(shopper), () =>
          rowsOf(
            client,
            "select user_id, pro_until::date::text as pro_until, next_reset > now() as resets from app_public.user_credits",
          ),
        ),
      ).toEqual([
        { user_id: shopper.id, pro_until: "2100-01-01", resets: true },
      ]);
    }));
});

describe("wallet_forecast", () => {
  const forecast = (
    client: PoolClient,
    actor: TestActor,
    owner: { user?: string; brand?: string },
  ) =>
    actAs(client, actor, () =>
      rowsOf(
        client,
        "select spent::integer, days, per_day, remaining::integer, runs_out_at - now() = make_interval(secs => remaining * 14.0 * 86400 / nullif(spent, 0)) as at_that_pace from app_public.wallet_forecast($1, $2)",
        [owner.user ?? null, owner.brand ?? null],
      ),
    );

  it("counts what was captured in 14 days, and says when the rest is gone at that pace", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      expect(
        await forecast(client, asShopper(shopper), { user: shopper.id }),
      ).toEqual([
        {
          spent: 0,
          days: 14,
          per_day: "0.00",
          remaining: 25,
          at_that_pace: null,
        },
      ]);
      for (let i = 0; i < 4; i++) await completed(client, shopper);
      await ask(client, shopper);
      expect(
        await forecast(client, asShopper(shopper), { user: shopper.id }),
      ).toEqual([
        {
          spent: 4,
          days: 14,
          per_day: "0.29",
          remaining: 20,
          at_that_pace: true,
        },
      ]);
    }));

  it("of another's wallet, or of none, says nothing", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      await completed(client, shopper);
      const nothing = [
        {
          spent: 0,
          days: 14,
          per_day: "0.00",
          remaining: 0,
          at_that_pace: null,
        },
      ];
      const other = asShopper(await makeShopper(client));
      expect(await forecast(client, other, { user: shopper.id })).toEqual(
        nothing,
      );
      expect(await forecast(client, other, {})).toEqual(nothing);
      const brand = await makeTryonBrand(client);
      await giveCredits(client, { brand: brand.id }, 5);
      expect(
        await forecast(client, asManager(brand), { brand: brand.id }),
      ).toMatchObject([{ remaining: 5 }]);
      expect(
        await forecast(client, asManager(await makeTryonBrand(client)), {
          brand: brand.id,
        }),
      ).toEqual(nothing);
    }));
});
