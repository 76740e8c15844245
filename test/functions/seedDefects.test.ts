import { afterAll, beforeAll, expect, it } from "@jest/globals";
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
  fail,
  giveCredits,
  makeShopper,
  makeTryonBrand,
  refusal,
  requestBrandTryon,
  rowsOf,
  type Shopper,
  value,
  walletOf,
} from "../helpers/tryons.ts";
import { ask, completed, moveTo, take } from "../helpers/tryonScenes.ts";

/** The seed schema's defects of jobs and credits, each by a test that finds it. */
let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const credits = (client: PoolClient, shopper: Shopper) =>
  actAs(client, asShopper(shopper), () =>
    rowsOf(
      client,
      "select used::integer, held::integer, remaining::integer from app_public.user_credits",
    ),
  );

it("20: what is completed says when, and nothing else does", () =>
  withRoot(db, async (client) => {
    const job = await completed(client, await makeShopper(client));
    expect(
      await value(
        client,
        "select count(*)::integer from app_public.tryon_jobs where completed_at is not null",
      ),
    ).toBe(1);
    expect(
      await refusal(client, () =>
        client.query(
          "update app_public.tryon_jobs set completed_at = null where id = $1",
          [job.id],
        ),
      ),
    ).toEqual({ code: "23514", field: "tryon_jobs_completed_check" });
  }));

it("21: a try-on of a product counts for its brand, one of own garments for none", () =>
  withRoot(db, async (client) => {
    const shopper = await makeShopper(client);
    const brand = await makeTryonBrand(client);
    await actAs(client, asShopper(shopper), () =>
      client.query(
        "select app_public.request_tryon('21', 'scarves', $1, array[$2::uuid])",
        [shopper.selfie, brand.product],
      ),
    );
    await ask(client, shopper);
    expect(
      await actAs(client, asManager(brand), () =>
        rowsOf(client, "select brand_id from app_public.brand_tryon_jobs"),
      ),
    ).toEqual([{ brand_id: brand.id }]);
  }));

it("22: no stored figure of a wallet stands beside the ledger", () =>
  withRoot(db, async (client) => {
    // Demo figures without their entries are found; the last event cannot overwrite what is derived.
    const { id } = await makeShopper(client);
    await client.query(
      "update app_public.credit_accounts set balance = 2490 where owner_user_id = $1 and kind = 'available'",
      [id],
    );
    expect(
      await value(
        client,
        "select count(*)::integer from app_private.credit_reconcile() where invariant = 'balance_differs_from_transfers'",
      ),
    ).toBe(1);
  }));

it("43: a confidence of 99.999, a status nobody knows and an end before the beginning are refused", () =>
  withRoot(db, async (client) => {
    const { id } = await completed(client, await makeShopper(client));
    for (const [assignment, code] of [
      ["confidence = 99.999", "22003"],
      ["confidence = 1.5", "23514"],
      ["status = 'banana'", "22P02"],
      ["completed_at = created_at - interval '1 second'", "23514"],
    ]) {
      expect(
        await refusal(client, () =>
          client.query(
            `update app_public.tryon_jobs set ${assignment} where id = $1`,
            [id],
          ),
        ),
      ).toMatchObject({ code });
    }
  }));

it("44 and 45: the categories are rows: twelve of them, jewelry too, and more can be added at once", () =>
  withRoot(db, async (client) => {
    expect(
      await value(
        client,
        "select count(*)::integer from app_public.wardrobe_categories",
      ),
    ).toBe(12);
    expect(
      await value(
        client,
        "select count(*)::integer from app_public.wardrobe_categories where code like '%jewel%'",
      ),
    ).toBe(1);
    const shopper = await makeShopper(client);
    await client.query(
      "update app_public.wardrobe_categories set code = 'shawls' where code = 'scarves'",
    );
    await actAs(client, asShopper(shopper), () =>
      client.query(
        "select app_public.request_tryon('45', 'shawls', $1, '{}', array[$2::uuid])",
        [shopper.selfie, shopper.item],
      ),
    );
  }));

it("46: a garment that does not exist cannot be tried on, and one that was is not removed", () =>
  withRoot(db, async (client) => {
    const shopper = await makeShopper(client);
    const { id } = await ask(client, shopper);
    expect(
      await refusal(client, () =>
        client.query(
          "insert into app_public.tryon_job_garments (job_id, position, user_id, wardrobe_item_id) values ($1, 2, $2, gen_random_uuid())",
          [id, shopper.id],
        ),
      ),
    ).toMatchObject({ code: "23503" });
    expect(
      await refusal(client, () =>
        client.query("delete from app_public.wardrobe_items where id = $1", [
          shopper.item,
        ]),
      ),
    ).toMatchObject({
      // As the version of the server has it.
      code: expect.stringMatching(/^23(001|503)$/) as unknown,
    });
  }));

it("48: there is one source of what a person has", () =>
  withRoot(db, async (client) => {
    expect(
      await rowsOf(
        client,
        "select column_name from information_schema.columns where table_name = 'users' and column_name like '%credit%'",
      ),
    ).toEqual([]);
    expect(
      await value(
        client,
        "select relkind from pg_class where oid = 'app_public.user_credits'::regclass",
      ),
    ).toBe("v");
    const shopper = await makeShopper(client);
    await ask(client, shopper);
    expect(await credits(client, shopper)).toEqual([
      { used: 0, held: 1, remaining: 24 },
    ]);
  }));

it("49: a balance does not go below zero", () =>
  withRoot(db, async (client) => {
    const shopper = await makeShopper(client);
    for (let i = 0; i < 25; i++) await ask(client, shopper);
    expect((await refusal(client, () => ask(client, shopper))).code).toBe(
      "NOCRD",
    );
    expect(await credits(client, shopper)).toEqual([
      { used: 0, held: 25, remaining: 0 },
    ]);
  }));

it("50: three attempts cost once, and nothing when the job fails", () =>
  withRoot(db, async (client) => {
    const shopper = await makeShopper(client);
    await ask(client, shopper);
    for (let i = 0; i < 3; i++) {
      await client.query("update app_public.tryon_jobs set run_after = now()");
      const job = await take(client);
      expect((await walletOf(client, shopper.id)).held).toBe(1);
      await fail(client, "gpu", job);
    }
    expect(await credits(client, shopper)).toEqual([
      { used: 0, held: 0, remaining: 25 },
    ]);
  }));

it("51: no job begins as processing, none is without a status, and no wallet is without a balance", () =>
  withRoot(db, async (client) => {
    const { id } = await makeShopper(client);
    const insert = (status: string) =>
      refusal(client, () =>
        client.query(
          `insert into app_public.tryon_jobs (user_id, payer, status, category_code, cost) values ($1, 'user', ${status}, 'tops', 1)`,
          [id],
        ),
      );
    expect((await insert("'processing'")).code).toBe("STATE");
    expect(["STATE", "23502"]).toContain((await insert("null")).code);
    expect(
      await refusal(client, () =>
        client.query(
          "update app_public.credit_accounts set balance = null where owner_user_id = $1",
          [id],
        ),
      ),
    ).toMatchObject({ code: "23502" });
  }));

it("52: a change that another trigger holds back moves no credit", () =>
  withRoot(db, async (client) => {
    const shopper = await makeShopper(client);
    const { id } = await ask(client, shopper);
    await client.query(`create function app_private.tg_hold_back() returns trigger language plpgsql as 'begin return null; end';
      create trigger _999_hold_back before update of status on app_public.tryon_jobs for each row execute function app_private.tg_hold_back()`);
    await moveTo(client, id, "cancelled");
    expect(
      await value(
        client,
        "select status from app_public.tryon_jobs where id = $1",
        [id],
      ),
    ).toBe("queued");
    expect(await walletOf(client, shopper.id)).toMatchObject({
      available: 24,
      held: 1,
    });
  }));

it("53 and 53b: an entitlement of a person is asked for each job, and no number stands for unlimited", () =>
  withRoot(db, async (client) => {
    const shopper = await makeShopper(client);
    await client.query(
      "insert into app_public.user_entitlements (user_id, kind, period, source) values ($1, 'pro_unlimited', tstzrange(now(), now() + interval '1 day'), 'subscription')",
      [shopper.id],
    );
    expect(await ask(client, shopper)).toMatchObject({ payer: "pro", cost: 0 });
    expect(await credits(client, shopper)).toEqual([
      { used: 0, held: 0, remaining: 25 },
    ]);
  }));

it("54: a brand pays for its jobs, a job names its payer, and each entry says who made it", () =>
  withRoot(db, async (client) => {
    const brand = await makeTryonBrand(client);
    await giveCredits(client, { brand: brand.id }, 1);
    await actAs(client, asManager(brand), () =>
      requestBrandTryon(client, brand),
    );
    expect((await walletOf(client, brand.id)).held).toBe(1);
    expect(
      await rowsOf(
        client,
        "select actor_kind, actor_id from app_public.credit_transfers where owner_brand_id = $1 and kind = 'hold'",
        [brand.id],
      ),
    ).toMatchObject([{ actor_id: brand.manager }]);
    expect(
      await refusal(client, () =>
        client.query(
          "insert into app_public.tryon_jobs (payer, category_code, cost) values ('user', 'tops', 1)",
        ),
      ),
    ).toEqual({ code: "23514", field: "tryon_jobs_payer_check" });
  }));
