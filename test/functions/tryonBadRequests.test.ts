import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { buildWardrobeItem } from "../helpers/factories.ts";
import {
  actAs,
  asManager,
  makeSelfie,
  makeShopper,
  makeTryonBrand,
  type Refusal,
  refusal,
  requestTryon,
  type Shopper,
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

/** The refusal, once it is certain that nothing was written. */
async function refused(
  client: PoolClient,
  shopper: Shopper,
  request: TryonRequest,
): Promise<Refusal> {
  const told = await refusal(client, () => ask(client, shopper, request));
  expect(
    await value(
      client,
      `select (select count(*) from app_public.tryon_jobs where user_id = $1)
            + (select count(*) from app_public.credit_holds where owner_user_id = $1)
            + (select count(*) from app_private.idempotency_keys where owner_id = $1)`,
      [shopper.id],
    ),
  ).toBe("0");
  expect(await walletOf(client, shopper.id)).toMatchObject({
    available: 25,
    held: 0,
  });
  return told;
}

/** What is wrong with the request, and what must be said of it. */
const BAD: [
  string,
  string,
  string | null,
  (
    client: PoolClient,
    shopper: Shopper,
  ) => Promise<TryonRequest> | TryonRequest,
][] = [
  [
    "a category that is not there",
    "NTFND",
    "category_code",
    () => ({ category: "hats of gold" }),
  ],
  [
    "a category that is not offered",
    "NTFND",
    "category_code",
    async (client) => {
      await client.query(
        "update app_public.wardrobe_categories set active = false where code = 'scarves'",
      );
      return {};
    },
  ],
  [
    "a category none of the garments is of",
    "INVAL",
    "category_code",
    () => ({ category: "tops" }),
  ],
  ["no garment", "INVAL", "product_ids", () => ({ items: [] })],
  [
    "nine garments",
    "INVAL",
    "product_ids",
    async (client, { id }) => {
      const items = [];
      for (let i = 0; i < 9; i++)
        items.push((await buildWardrobeItem(client, { user_id: id })).id);
      return { items };
    },
  ],
  [
    "one garment twice",
    "NTFND",
    "wardrobe_item_ids",
    (_, { item }) => ({ items: [item, item] }),
  ],
  [
    "a garment of somebody else",
    "NTFND",
    "wardrobe_item_ids",
    async (client) => ({ items: [(await makeShopper(client)).item] }),
  ],
  [
    "a garment that was thrown away",
    "NTFND",
    "wardrobe_item_ids",
    async (client, { id }) => ({
      items: [
        (
          await buildWardrobeItem(client, {
            user_id: id,
            deleted_at: "2026-01-01",
          })
        ).id,
      ],
    }),
  ],
  [
    "a selfie that is not there",
    "NTFND",
    "selfie_key",
    () => ({ selfie: "selfie/none.png" }),
  ],
  [
    "a selfie of somebody else",
    "NTFND",
    "selfie_key",
    async (client) => ({ selfie: (await makeShopper(client)).selfie }),
  ],
  [
    "a selfie that is a garment",
    "NTFND",
    "selfie_key",
    async (client, { id }) => ({
      selfie: await makeSelfie(client, { owner_user_id: id, kind: "garment" }),
    }),
  ],
  [
    "a selfie that never arrived",
    "STATE",
    "selfie_key",
    async (client, { id }) => ({
      selfie: await makeSelfie(client, {
        owner_user_id: id,
        status: "pending",
        sha256: null,
      }),
    }),
  ],
  [
    "a selfie whose retention has ended",
    "STATE",
    "selfie_key",
    async (client, { selfie }) => {
      await client.query(
        "update app_public.storage_objects set retention_until = now() where key = $1",
        [selfie],
      );
      return {};
    },
  ],
  [
    "a product that is not there",
    "NTFND",
    "product_ids",
    (_, { item }) => ({ products: [item] }),
  ],
  [
    "a product that is not on offer",
    "NTFND",
    "product_ids",
    async (client) => {
      const { product } = await makeTryonBrand(client);
      await client.query(
        "update app_public.products set active = false where id = $1",
        [product],
      );
      return { products: [product] };
    },
  ],
  [
    "products of two brands",
    "INVAL",
    "product_ids",
    async (client) => ({
      products: [
        (await makeTryonBrand(client)).product,
        (await makeTryonBrand(client)).product,
      ],
    }),
  ],
  [
    "a product of a suspended brand",
    "STATE",
    "product_ids",
    async (client) => ({
      products: [
        (await makeTryonBrand(client, { status: "suspended" })).product,
      ],
    }),
  ],
  [
    "a product of a closed brand",
    "STATE",
    "product_ids",
    async (client) => ({
      products: [(await makeTryonBrand(client, { status: "closed" })).product],
    }),
  ],
  ["no key", "INVAL", "idempotency_key", () => ({ key: null })],
  ["an empty key", "INVAL", "idempotency_key", () => ({ key: "" })],
  [
    "a key of 201 characters",
    "INVAL",
    "idempotency_key",
    () => ({ key: "k".repeat(201) }),
  ],
  [
    "a device nobody knows",
    "23514",
    "tryon_jobs_device_family_check",
    () => ({ device: "toaster" }),
  ],
  [
    "a version that is not one",
    "23514",
    "tryon_jobs_app_version_check",
    () => ({ version: "<script>" }),
  ],
];

describe("a request with", () => {
  it.each(BAD)(
    "%s is refused with %s on %s, and nothing is written",
    (_, code, field, spoil) =>
      withRoot(db, async (client) => {
        const shopper = await makeShopper(client);
        const request = await spoil(client, shopper);
        expect(await refused(client, shopper, request)).toEqual({
          code,
          field,
        });
      }),
  );

  it.each(["suspended", "erased"])(
    "an account that is %s is refused",
    (status) =>
      withRoot(db, async (client) => {
        const shopper = await makeShopper(client);
        await client.query(
          "update app_public.users set status = $2::app_public.user_status, erased_at = case when $2 = 'erased' then now() end where id = $1",
          [shopper.id, status],
        );
        expect((await refused(client, shopper, {})).code).toBe("DNIED");
      }),
  );

  it("the role of a brand or of staff is refused: they are no shoppers", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const brand = await makeTryonBrand(client);
      for (const actor of [
        asManager(brand),
        { role: "closetai_staff_admin", userId: shopper.id },
        { role: "closetai_anonymous" },
      ]) {
        expect(
          await refusal(client, () =>
            actAs(client, actor, () => requestTryon(client, shopper)),
          ),
        ).toMatchObject({ code: "42501" });
      }
    }));
});
