import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import { toPublicError } from "../../server/errors.ts";
import { loadConstraintErrors } from "../../server/errors/constraints.ts";
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
  requestBrandTryon,
  rowsOf,
  value,
  walletOf,
} from "../helpers/tryons.ts";
import { ask, completed, failed, moveTo } from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const statusOf = (client: PoolClient, id: string) =>
  value<string>(
    client,
    "select status from app_public.tryon_jobs where id = $1",
    [id],
  );

const call = (
  client: PoolClient,
  actor: TestActor,
  name: "cancel_tryon" | "retry_tryon",
  id: string,
) =>
  actAs(client, actor, () =>
    value<string>(client, `select app_public.${name}($1)`, [id]),
  );

const refund = (
  client: PoolClient,
  actor: TestActor,
  id: string,
  reason: string | null = "Ticket 4711: wrong garment",
) =>
  actAs(client, actor, () =>
    value<string>(client, "select app_public.refund_tryon($1, $2)", [
      id,
      reason,
    ]),
  );

/** How a job gets to a status. */
const PATHS: Record<
  "queued" | "processing" | "completed" | "failed" | "cancelled" | "expired",
  string[]
> = {
  queued: [],
  processing: ["processing"],
  completed: ["processing", "completed"],
  failed: ["processing", "failed"],
  cancelled: ["cancelled"],
  expired: ["expired"],
};

describe("cancel_tryon", () => {
  it("gives the credits of a waiting job back; again changes nothing", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const { id } = await ask(client, shopper);
      expect(await call(client, asShopper(shopper), "cancel_tryon", id)).toBe(
        id,
      );
      const transfers = await value(
        client,
        "select count(*) from app_public.credit_transfers",
      );
      expect(await call(client, asShopper(shopper), "cancel_tryon", id)).toBe(
        id,
      );
      expect(
        await value(client, "select count(*) from app_public.credit_transfers"),
      ).toBe(transfers);
      expect(await statusOf(client, id)).toBe("cancelled");
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
      });
    }));

  it.each(["processing", "completed", "failed", "expired"] as const)(
    "one that is %s cannot be cancelled",
    (status) =>
      withRoot(db, async (client) => {
        const shopper = await makeShopper(client);
        const { id } = await ask(client, shopper);
        for (const step of PATHS[status]) await moveTo(client, id, step);
        expect(
          await refusal(client, () =>
            call(client, asShopper(shopper), "cancel_tryon", id),
          ),
        ).toEqual({ code: "STATE", field: "job_id" });
        expect(await statusOf(client, id)).toBe(status);
      }),
  );

  it("a shopper cannot cancel another's, a manager neither another brand's nor a shopper's; support can", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const [brand, other] = [
        await makeTryonBrand(client),
        await makeTryonBrand(client),
      ];
      await giveCredits(client, { brand: brand.id }, 5);
      const theirs = await ask(client, shopper, { products: [brand.product] });
      const own = await actAs(client, asManager(brand), () =>
        requestBrandTryon(client, brand),
      );
      const cannot = async (actor: TestActor, id: string) =>
        refusal(client, () => call(client, actor, "cancel_tryon", id));
      expect(
        await cannot(asShopper(await makeShopper(client)), theirs.id),
      ).toEqual({ code: "NTFND", field: "job_id" });
      expect(await cannot(asShopper(shopper), own)).toEqual({
        code: "NTFND",
        field: "job_id",
      });
      expect(await cannot(asManager(other), own)).toEqual({
        code: "NTFND",
        field: "job_id",
      });
      expect(await cannot(asManager(brand), theirs.id)).toEqual({
        code: "DNIED",
        field: "job_id",
      });
      expect(
        await cannot({ ...asManager(brand), role: "closetai_analyst" }, own),
      ).toMatchObject({ code: "42501" });
      expect([
        await statusOf(client, theirs.id),
        await statusOf(client, own),
      ]).toEqual(["queued", "queued"]);
      await call(client, asManager(brand), "cancel_tryon", own);
      await call(
        client,
        await makeStaff(client, "support"),
        "cancel_tryon",
        theirs.id,
      );
      expect([
        await statusOf(client, theirs.id),
        await statusOf(client, own),
      ]).toEqual(["cancelled", "cancelled"]);
      expect(await walletOf(client, brand.id)).toMatchObject({
        available: 5,
        held: 0,
      });
    }));
});

describe("retry_tryon", () => {
  it("makes one new job with a new hold, however often it is asked", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await failed(client, shopper);
      const again = await call(
        client,
        asShopper(shopper),
        "retry_tryon",
        job.id,
      );
      expect(again).not.toBe(job.id);
      expect(
        await call(client, asShopper(shopper), "retry_tryon", job.id),
      ).toBe(again);
      expect(
        await rowsOf(
          client,
          "select retry_of, status, attempt, selfie_key from app_public.tryon_jobs where id = $1",
          [again],
        ),
      ).toEqual([
        {
          retry_of: job.id,
          status: "queued",
          attempt: 0,
          selfie_key: shopper.selfie,
        },
      ]);
      expect(
        await rowsOf(
          client,
          "select wardrobe_item_id from app_public.tryon_job_garments where job_id = $1",
          [again],
        ),
      ).toEqual([{ wardrobe_item_id: shopper.item }]);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 24,
        held: 1,
      });
    }));

  it.each(["queued", "processing", "completed", "cancelled"] as const)(
    "one that is %s cannot be repeated",
    (status) =>
      withRoot(db, async (client) => {
        const shopper = await makeShopper(client);
        const { id } = await ask(client, shopper);
        for (const step of PATHS[status]) await moveTo(client, id, step);
        expect(
          await refusal(client, () =>
            call(client, asShopper(shopper), "retry_tryon", id),
          ),
        ).toEqual({ code: "STATE", field: "job_id" });
      }),
  );

  it("by support costs the shopper nothing: the credits are given first", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await failed(client, shopper);
      await call(
        client,
        await makeStaff(client, "support"),
        "retry_tryon",
        job.id,
      );
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 1,
        granted: 26,
      });
      expect(
        await rowsOf(
          client,
          "select source, amount from app_public.credit_grants where owner_user_id = $1 order by created_at desc, id desc limit 1",
          [shopper.id],
        ),
      ).toEqual([{ source: "refund", amount: "1" }]);
    }));

  it.each(["cancelled", "failed", "expired", "completed"] as const)(
    "by support, when the repeat is %s: what was given pays for it, or goes back",
    (ending) =>
      withRoot(db, async (client) => {
        const shopper = await makeShopper(client);
        const support = await makeStaff(client, "support");
        const job = await failed(client, shopper);
        const again = await call(client, support, "retry_tryon", job.id);
        // Others that are asked for meanwhile do not spend what is given for this.
        const other = await ask(client, shopper);
        expect(await walletOf(client, shopper.id)).toMatchObject({
          available: 24,
          held: 2,
          granted: 26,
        });
        for (const step of PATHS[ending]) await moveTo(client, again, step);
        await moveTo(client, other.id, "cancelled");
        expect(await walletOf(client, shopper.id)).toMatchObject({
          available: 25,
          held: 0,
          granted: 26,
          used: ending === "completed" ? 1 : 0,
        });
        // Once more, and it is no different: nothing adds up over repeats.
        if (ending === "failed" || ending === "expired") {
          const third = await call(client, support, "retry_tryon", again);
          await call(client, support, "cancel_tryon", third);
          expect(await walletOf(client, shopper.id)).toMatchObject({
            available: 25,
            held: 0,
          });
        }
        expect(
          await rowsOf(client, "select * from app_private.credit_reconcile()"),
        ).toEqual([]);
        expect(
          await value(
            client,
            "select count(*) from app_public.credit_transfers where owner_user_id = $1 and actor_id = $2",
            [shopper.id, support.userId],
          ),
        ).toBe("0");
        expect(
          await rowsOf(
            client,
            "select actor_id, row_pk from app_public.audit_log where action = 'retry_tryon' and row_pk = $1",
            [job.id],
          ),
        ).toEqual([{ actor_id: support.userId, row_pk: job.id }]);
      }),
  );

  it("by support, for somebody who tries on without credits by now, gives none", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await failed(client, shopper);
      await client.query(
        "insert into app_public.user_entitlements (user_id, kind, period, source) values ($1, 'pro_unlimited', tstzrange(now(), now() + interval '1 day'), 'test')",
        [shopper.id],
      );
      await call(
        client,
        await makeStaff(client, "support"),
        "retry_tryon",
        job.id,
      );
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
        granted: 25,
      });
    }));

  it("is refused when the selfie is gone, the account is suspended or the wallet is empty", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const { id } = await failed(client, shopper);
      const attempt = () =>
        refusal(client, () =>
          call(client, asShopper(shopper), "retry_tryon", id),
        );
      await client.query("savepoint fresh");
      await client.query(
        "update app_public.storage_objects set status = 'deleted' where key = $1",
        [shopper.selfie],
      );
      expect(await attempt()).toEqual({ code: "STATE", field: "selfie_key" });
      await client.query("rollback to savepoint fresh");
      await client.query(
        "update app_public.users set status = 'suspended' where id = $1",
        [shopper.id],
      );
      expect((await attempt()).code).toBe("DNIED");
      await client.query("rollback to savepoint fresh");
      for (let i = 0; i < 25; i++) await ask(client, shopper);
      expect(await attempt()).toEqual({ code: "NOCRD", field: "payer" });
      expect(
        await value(
          client,
          "select count(*) from app_public.tryon_jobs where retry_of = $1",
          [id],
        ),
      ).toBe("0");
    }));
});

describe("what was tried on", () => {
  it("cannot be deleted, and the refusal says what to do instead", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const brand = await makeTryonBrand(client);
      await ask(client, shopper, {
        products: [brand.product],
        items: [shopper.item],
      });
      const constraints = await loadConstraintErrors(db.root);
      for (const [table, id, message, hint] of [
        [
          "products",
          brand.product,
          "This product has been tried on.",
          "Switch it off instead",
        ],
        [
          "wardrobe_items",
          shopper.item,
          "This item has been tried on.",
          "Take it out of the wardrobe instead",
        ],
      ]) {
        await client.query("savepoint there");
        const error: unknown = await client
          .query(`delete from app_public.${table} where id = $1`, [id])
          .catch((thrown: unknown) => thrown);
        await client.query("rollback to savepoint there");
        expect(toPublicError(error, constraints)).toMatchObject({
          code: "INUSE",
          message,
          hint: expect.stringContaining(hint ?? "") as unknown,
        });
      }
    }));
});

describe("refund_tryon", () => {
  it("gives a completed job's credits back once, with a reason and an audit row", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await completed(client, shopper);
      const support = await makeStaff(client, "support");
      const grant = await refund(client, support, job.id);
      expect(
        await refund(client, await makeStaff(client, "finance"), job.id),
      ).toBe(grant);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
        used: 1,
        granted: 26,
      });
      expect(
        await rowsOf(
          client,
          "select actor_id, reason, table_name from app_public.audit_log where action = 'refund_tryon' and row_pk = $1",
          [job.id],
        ),
      ).toEqual([
        {
          actor_id: support.userId,
          reason: "Ticket 4711: wrong garment",
          table_name: "tryon_jobs",
        },
      ]);
      // The job and its hold stay what they were.
      expect(
        await rowsOf(
          client,
          "select j.status, h.status as hold from app_public.tryon_jobs j join app_public.credit_holds h on h.tryon_job_id = j.id where j.id = $1",
          [job.id],
        ),
      ).toEqual([{ status: "completed", hold: "captured" }]);
      expect(
        await value(
          client,
          "select count(*) from app_private.credit_reconcile()",
        ),
      ).toBe("0");
    }));

  it("gives nothing back for a repeat that ClosetAI paid for", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const support = await makeStaff(client, "support");
      const first = await failed(client, shopper);
      const again = await call(client, support, "retry_tryon", first.id);
      for (const step of PATHS.completed) await moveTo(client, again, step);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
      });
      expect(
        await refusal(client, () => refund(client, support, again)),
      ).toEqual({ code: "STATE", field: "job_id" });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
      });
    }));

  it("is refused without a charge, without a reason, and to everybody else", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const waiting = await ask(client, shopper);
      const support = await makeStaff(client, "support");
      expect(
        await refusal(client, () => refund(client, support, waiting.id)),
      ).toEqual({ code: "STATE", field: "job_id" });
      await call(client, support, "cancel_tryon", waiting.id);
      expect(
        await refusal(client, () => refund(client, support, waiting.id)),
      ).toEqual({ code: "STATE", field: "job_id" });
      const job = await completed(client, shopper);
      for (const reason of [
        null,
        "",
        "short",
        " ".repeat(20),
        "x".repeat(501),
      ]) {
        expect(
          await refusal(client, () => refund(client, support, job.id, reason)),
        ).toEqual({ code: "INVAL", field: "reason" });
      }
      expect(
        await refusal(client, () => refund(client, support, shopper.id)),
      ).toEqual({ code: "NTFND", field: "job_id" });
      for (const actor of [
        asShopper(shopper),
        asManager(await makeTryonBrand(client)),
        await makeStaff(client, "admin"),
      ]) {
        expect(["42501", "DNIED"]).toContain(
          (await refusal(client, () => refund(client, actor, job.id))).code,
        );
      }
      // A colleague who left keeps the role in an old session, and no rights.
      await client.query(
        "delete from app_public.staff_members where user_id = $1",
        [support.userId],
      );
      expect(
        (await refusal(client, () => refund(client, support, job.id))).code,
      ).toBe("DNIED");
      expect((await walletOf(client, shopper.id)).granted).toBe(25);
    }));
});
