import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
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
} from "../helpers/tryons.ts";
import { ask, completed, failed } from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

type Ids = {
  shopper: string;
  brand: string;
  waiting: string;
  done: string;
  lost: string;
  free: string;
};

/** A person and a brand with all kinds of jobs, whose books hold. */
async function makeBooks(client: PoolClient): Promise<Ids> {
  const shopper = await makeShopper(client);
  const brand = await makeTryonBrand(client);
  await giveCredits(client, { brand: brand.id }, 10);
  await giveCredits(client, { user: shopper.id }, 10);
  const done = await completed(client, shopper);
  const lost = await failed(client, shopper);
  const waiting = await ask(client, shopper);
  await actAs(client, asManager(brand), () => requestBrandTryon(client, brand));
  await client.query(
    "insert into app_public.user_entitlements (user_id, kind, period, source) values ($1, 'pro_unlimited', tstzrange(now(), now() + interval '1 day'), 'test')",
    [shopper.id],
  );
  const free = await ask(client, shopper);
  return {
    shopper: shopper.id,
    brand: brand.id,
    waiting: waiting.id,
    done: done.id,
    lost: lost.id,
    free: free.id,
  };
}

const findings = async (client: PoolClient) =>
  (
    await rowsOf(
      client,
      "select distinct invariant from app_private.credit_reconcile() order by 1",
    )
  ).map(({ invariant }) => invariant);

const ACCOUNT =
  "id = (select id from app_public.credit_accounts where owner_user_id = $1 and kind = 'available')";

/** What is damaged, how, by which id, and the findings it must lead to. */
const DAMAGE: [string, string, keyof Ids, string[]][] = [
  [
    "a balance raised by hand",
    `update app_public.credit_accounts set balance = balance + 1 where ${ACCOUNT}`,
    "shopper",
    [
      "balance_differs_from_transfers",
      "credits_do_not_sum_to_zero",
      "grants_differ_from_available",
    ],
  ],
  [
    "credits moved from one owner to another by hand",
    `update app_public.credit_accounts set balance = balance + case when owner_user_id is null then 1 else -1 end
     where kind = 'available' and (owner_user_id = $1 or owner_brand_id is not null)`,
    "shopper",
    ["balance_differs_from_transfers", "grants_differ_from_available"],
  ],
  [
    "a balance below zero",
    `alter table app_public.credit_accounts drop constraint credit_accounts_balance_check;
     update app_public.credit_accounts set balance = -1 where id = '$1'`,
    "shopper",
    [
      "balance_below_zero",
      "balance_differs_from_transfers",
      "credits_do_not_sum_to_zero",
      "grants_differ_from_available",
    ],
  ],
  [
    "a transfer removed",
    "delete from app_public.credit_transfers where kind = 'grant' and owner_brand_id = $1",
    "brand",
    ["balance_differs_from_transfers"],
  ],
  [
    "a transfer made larger",
    "update app_public.credit_transfers set amount = amount + 1 where kind = 'capture' and owner_user_id = $1",
    "shopper",
    ["balance_differs_from_transfers", "hold_settled_wrongly"],
  ],
  [
    "a grant that has more left",
    "update app_public.credit_grants set remaining = remaining - 1 where owner_brand_id = $1",
    "brand",
    ["grant_does_not_add_up", "grants_differ_from_available"],
  ],
  [
    "credits moved between two grants of one owner",
    "update app_public.credit_grants set remaining = remaining + case when source = 'purchase' then -1 else 1 end where owner_user_id = $1",
    "shopper",
    ["grant_does_not_add_up"],
  ],
  [
    "a grant removed",
    "delete from app_public.credit_grants where owner_brand_id = $1",
    "brand",
    ["grants_differ_from_available"],
  ],
  [
    "a hold made larger than its lines",
    "update app_public.credit_holds set amount = amount + 1 where tryon_job_id = $1",
    "waiting",
    [
      "hold_differs_from_its_lines",
      "hold_settled_wrongly",
      "job_and_hold_disagree",
    ],
  ],
  [
    "a line made larger than its hold",
    "update app_public.credit_hold_lines set amount = amount + 1 where hold_id = (select id from app_public.credit_holds where tryon_job_id = $1)",
    "waiting",
    [
      "grant_does_not_add_up",
      "hold_differs_from_its_lines",
      "open_holds_differ_from_held",
    ],
  ],
  [
    "a hold settled without a transfer",
    "update app_public.credit_holds set status = 'captured', settled_at = now() where tryon_job_id = $1",
    "waiting",
    [
      "hold_settled_wrongly",
      "job_and_hold_disagree",
      "open_holds_differ_from_held",
    ],
  ],
  [
    "a hold settled twice",
    `insert into app_public.credit_transfers (owner_user_id, kind, debit_account, credit_account, amount, hold_id)
     select owner_user_id, 'expire', debit_account, credit_account, amount, hold_id from app_public.credit_transfers
     where kind = 'capture' and hold_id = (select id from app_public.credit_holds where tryon_job_id = $1)`,
    "done",
    ["balance_differs_from_transfers", "hold_settled_wrongly"],
  ],
  [
    "a finished job whose hold is open",
    "update app_public.tryon_jobs set status = 'cancelled', finished_at = now() where id = $1",
    "waiting",
    ["finished_job_with_open_hold", "job_and_hold_disagree"],
  ],
  [
    "a completed job that was not charged",
    "update app_public.credit_holds set status = 'released' where tryon_job_id = $1",
    "done",
    ["grant_does_not_add_up", "hold_settled_wrongly", "job_and_hold_disagree"],
  ],
  [
    "a failed job that was charged",
    "update app_public.credit_holds set status = 'captured' where tryon_job_id = $1",
    "lost",
    ["grant_does_not_add_up", "hold_settled_wrongly", "job_and_hold_disagree"],
  ],
  [
    "a job made cheaper",
    "update app_public.tryon_jobs set cost = 2 where id = $1",
    "done",
    ["job_and_hold_disagree"],
  ],
  [
    "a job charged to somebody else",
    "update app_public.tryon_jobs set user_id = (select id from app_public.users where id <> $1 limit 1) where user_id = $1 and payer = 'user' and status = 'completed'",
    "shopper",
    ["job_and_hold_disagree"],
  ],
  [
    "a job without a hold",
    `with h as (delete from app_public.credit_holds where tryon_job_id = $1 returning id)
     delete from app_public.credit_hold_lines l using h where l.hold_id = h.id`,
    "waiting",
    [
      "grant_does_not_add_up",
      "job_and_hold_disagree",
      "open_holds_differ_from_held",
    ],
  ],
  [
    "a job of an entitlement with a hold",
    "update app_public.credit_holds set tryon_job_id = $1 where status = 'captured'",
    "free",
    ["job_and_hold_disagree", "job_of_pro_with_hold"],
  ],
];

describe("credit_reconcile", () => {
  it("finds nothing in books that hold", () =>
    withRoot(db, async (client) => {
      await makeBooks(client);
      expect(await findings(client)).toEqual([]);
    }));

  it.each(DAMAGE)("finds %s", (_, statement, id, expected) =>
    withRoot(db, async (client) => {
      const ids = await makeBooks(client);
      // Nothing stands in the way of this: no trigger, no foreign key.
      await client.query("set local session_replication_role = replica");
      if (statement.includes("'$1'")) {
        const account = await value<string>(
          client,
          "select id from app_public.credit_accounts where owner_user_id = $1 and kind = 'available'",
          [ids[id]],
        );
        await client.query(statement.replace("$1", account));
      } else {
        expect(
          (await client.query(statement, [ids[id]])).rowCount,
        ).toBeGreaterThan(0);
      }
      await client.query("set local session_replication_role = origin");
      expect(await findings(client)).toEqual(expected);
      // The nightly check says the same.
      const all = await rowsOf(
        client,
        "select distinct invariant from app_private.check_invariants()",
      );
      expect(all.map(({ invariant }) => invariant)).toEqual(
        expect.arrayContaining(expected),
      );
    }),
  );

  it("each kind of finding is among those that are planted here", () =>
    withRoot(db, async (client) => {
      const source = await value<string>(
        client,
        "select prosrc from pg_proc where oid = 'app_private.credit_reconcile()'::regprocedure",
      );
      const named = [...source.matchAll(/select '([a-z_]+)',/g)].map(
        ([, name]) => name,
      );
      expect(
        [...new Set(DAMAGE.flatMap(([, , , found]) => found))].sort(),
      ).toEqual(named.sort());
    }));
});

describe("reconcile_credits", () => {
  it("shows finance and administration what does not add up, and nobody else", () =>
    withRoot(db, async (client) => {
      const { shopper } = await makeBooks(client);
      await client.query("set local session_replication_role = replica");
      await client.query(
        `update app_public.credit_accounts set balance = balance + 1 where ${ACCOUNT}`,
        [shopper],
      );
      await client.query("set local session_replication_role = origin");
      const look = (actor: Parameters<typeof actAs>[1]) =>
        actAs(client, actor, () =>
          rowsOf(
            client,
            "select invariant from app_public.reconcile_credits()",
          ),
        );
      for (const role of ["finance", "admin"] as const)
        expect(await look(await makeStaff(client, role))).toHaveLength(3);
      for (const actor of [
        asShopper({ id: shopper }),
        await makeStaff(client, "support"),
        asManager(await makeTryonBrand(client)),
      ]) {
        expect(await refusal(client, () => look(actor))).toMatchObject({
          code: "42501",
        });
      }
    }));
});
