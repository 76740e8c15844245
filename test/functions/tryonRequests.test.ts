import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { buildProduct } from "../helpers/factories.ts";
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
  type TryonRequest,
  value,
  walletOf,
} from "../helpers/tryons.ts";
import { ask } from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const garmentsOf = (client: PoolClient, job: string) =>
  rowsOf(
    client,
    "select position, product_id, wardrobe_item_id, brand_id from app_public.tryon_job_garments where job_id = $1 order by position",
    [job],
  );

describe("request_tryon", () => {
  it("a shopper gets a queued job of own garments, paid by a hold of one credit", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await ask(client, shopper, {
        device: "iphone",
        version: "1.2.3",
      });
      expect(job).toMatchObject({
        user_id: shopper.id,
        brand_id: null,
        shopper_handle: null,
        payer: "user",
        status: "queued",
        cost: 1,
        attempt: 0,
        device_family: "iphone",
        app_version: "1.2.3",
      });
      expect(await garmentsOf(client, job.id)).toEqual([
        {
          position: 1,
          product_id: null,
          wardrobe_item_id: shopper.item,
          brand_id: null,
        },
      ]);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 24,
        held: 1,
      });
      // By then the selfie is kept for 30 days more.
      expect(
        await value(
          client,
          "select retention_until = now() + interval '30 days' from app_public.storage_objects where key = $1",
          [shopper.selfie],
        ),
      ).toBe(true);
    }));

  it("products come first, then items, and the job belongs to the brand, too", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const brand = await makeTryonBrand(client);
      const second = await buildProduct(client, { brand_id: brand.id });
      const job = await ask(client, shopper, {
        products: [second.id, brand.product],
        items: [shopper.item],
      });
      expect(job).toMatchObject({ brand_id: brand.id, payer: "user" });
      expect(job["shopper_handle"]).not.toBeNull();
      expect(job["shopper_handle"]).not.toBe(shopper.id);
      expect(await garmentsOf(client, job.id)).toEqual([
        {
          position: 1,
          product_id: second.id,
          wardrobe_item_id: null,
          brand_id: brand.id,
        },
        {
          position: 2,
          product_id: brand.product,
          wardrobe_item_id: null,
          brand_id: brand.id,
        },
        {
          position: 3,
          product_id: null,
          wardrobe_item_id: shopper.item,
          brand_id: null,
        },
      ]);
    }));

  it("costs what the category costs at that moment, whatever it costs later", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      await client.query(
        "update app_public.wardrobe_categories set tryon_cost = 7 where code = 'scarves'",
      );
      const job = await ask(client, shopper);
      await client.query(
        "update app_public.wardrobe_categories set tryon_cost = 3 where code = 'scarves'",
      );
      expect(
        await rowsOf(
          client,
          "select cost from app_public.tryon_jobs where id = $1",
          [job.id],
        ),
      ).toEqual([{ cost: 7 }]);
      expect((await walletOf(client, shopper.id)).held).toBe(7);
    }));

  it("a price that is negative, nothing or beyond 100 is refused", () =>
    withRoot(db, async (client) => {
      for (const price of [-1, 0, 101]) {
        expect(
          await refusal(client, () =>
            client.query(
              "update app_public.wardrobe_categories set tryon_cost = $1",
              [price],
            ),
          ),
        ).toEqual({
          code: "23514",
          field: "wardrobe_categories_tryon_cost_check",
        });
      }
    }));

  it("the same key and request give the same job, and no second hold", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const first = await ask(client, shopper, { key: "k" });
      expect(await ask(client, shopper, { key: "k" })).toEqual(first);
      // Also when the job has moved on: the answer is the job as it is now.
      await client.query(
        "update app_public.tryon_jobs set status = 'cancelled' where id = $1",
        [first.id],
      );
      expect(await ask(client, shopper, { key: "k" })).toMatchObject({
        id: first.id,
        status: "cancelled",
      });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
      });
    }));

  it("the same key at the same moment, on two connections, gives the same job", async () => {
    const committed = await db.root.connect();
    const shopper = await makeShopper(committed).finally(() =>
      committed.release(),
    );
    const [first, second] = await Promise.all(
      [1, 2].map(() =>
        commitAs(db.app, asShopper(shopper), (client) =>
          requestTryon(client, shopper, { key: "k" }),
        ),
      ),
    );
    expect(first?.id).toBe(second?.id);
    expect((await walletOf(db.root, shopper.id)).held).toBe(1);
  });

  it("a key of another person is not this person's", () =>
    withRoot(db, async (client) => {
      const [one, other] = [
        await makeShopper(client),
        await makeShopper(client),
      ];
      const first = await ask(client, one, { key: "k" });
      expect((await ask(client, other, { key: "k" })).id).not.toBe(first.id);
    }));

  it.each([
    ["another category", { category: "tops" }],
    ["another selfie", { selfie: "selfie/other.png" }],
    ["other garments", { items: [] }],
    ["another device", { device: "ipad" }],
    ["another version", { version: "2" }],
  ])(
    "a key that comes back with %s is refused, and nothing is written",
    (_, change) =>
      withRoot(db, async (client) => {
        const shopper = await makeShopper(client);
        await ask(client, shopper, { key: "k" });
        expect(
          await refusal(client, () =>
            ask(client, shopper, { key: "k", ...change }),
          ),
        ).toEqual({ code: "IDEMP", field: "idempotency_key" });
        expect(await walletOf(client, shopper.id)).toMatchObject({
          available: 24,
          held: 1,
        });
      }),
  );

  it("a key is new again after it has ended", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const first = await ask(client, shopper, { key: "k" });
      await client.query(
        "update app_private.idempotency_keys set created_at = now() - interval '1 day', expires_at = now()",
      );
      expect((await ask(client, shopper, { key: "k" })).id).not.toBe(first.id);
    }));

  it("the 26th try-on of 25 credits is refused, and leaves nothing", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      for (let i = 0; i < 25; i++) await ask(client, shopper);
      expect(
        await refusal(client, () => ask(client, shopper, { key: "26" })),
      ).toEqual({
        code: "NOCRD",
        field: "payer",
      });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 0,
        held: 25,
      });
      expect(
        await value(
          client,
          "select count(*) from app_private.idempotency_keys where key = '26'",
        ),
      ).toBe("0");
    }));
});

describe("request_brand_tryon", () => {
  it("a manager asks for own products, also a draft, on the wallet of the brand", () =>
    withRoot(db, async (client) => {
      const brand = await makeTryonBrand(client);
      await giveCredits(client, { brand: brand.id }, 2);
      const draft = await buildProduct(client, {
        brand_id: brand.id,
        category_code: "scarves",
        active: false,
      });
      const request = { key: "k", products: [draft.id] };
      const act = () =>
        actAs(client, asManager(brand), () =>
          requestBrandTryon(client, brand, request),
        );
      const id = await act();
      expect(await act()).toBe(id);
      expect(
        await rowsOf(
          client,
          "select user_id, brand_id, payer, shopper_handle from app_public.tryon_jobs where id = $1",
          [id],
        ),
      ).toEqual([
        {
          user_id: null,
          brand_id: brand.id,
          payer: "brand",
          shopper_handle: null,
        },
      ]);
      expect(await walletOf(client, brand.id)).toMatchObject({
        available: 1,
        held: 1,
      });
      // Nobody of the brand paid.
      expect((await walletOf(client, brand.manager)).held).toBe(0);
    }));

  it("an empty wallet, another brand's product or picture, a suspended brand, and lesser roles are refused", () =>
    withRoot(db, async (client) => {
      const brand = await makeTryonBrand(client);
      const other = await makeTryonBrand(client);
      const attempt = (request: TryonRequest = {}, actor = asManager(brand)) =>
        refusal(client, () =>
          actAs(client, actor, () => requestBrandTryon(client, brand, request)),
        );
      expect(await attempt()).toEqual({ code: "NOCRD", field: "payer" });
      await giveCredits(client, { brand: brand.id }, 5);
      expect(await attempt({ products: [other.product] })).toEqual({
        code: "NTFND",
        field: "product_ids",
      });
      expect(await attempt({ selfie: other.picture })).toEqual({
        code: "NTFND",
        field: "selfie_key",
      });
      expect(
        await attempt({}, { ...asManager(brand), role: "closetai_analyst" }),
      ).toMatchObject({ code: "42501" });
      // Claims of a brand the person is not in.
      expect(
        await attempt({}, { ...asManager(brand), userId: other.manager }),
      ).toMatchObject({ code: "DNIED" });
      await client.query(
        "update app_public.brand_accounts set status = 'suspended' where id = $1",
        [brand.id],
      );
      expect((await attempt()).code).toBe("DNIED");
      expect(await walletOf(client, brand.id)).toMatchObject({
        available: 5,
        held: 0,
      });
    }));
});
