import { withClient } from "../../server/db/clients.ts";
import type { TestDatabase } from "./database.ts";
import {
  buildProduct,
  buildStorageObject,
  buildWardrobeItem,
} from "./factories.ts";
import { type Answer, type HttpClient, makeClient } from "./http.ts";

/** The smallest PNG there is: one pixel. */
export const PIXEL = Buffer.from(
  "89504e470d0a1a0a0000000d4948445200000001000000010806000000" +
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082",
  "hex",
);

/** What a person needs in order to ask for try-ons: a selfie and a garment. */
export type Closet = { selfieKey: string; itemId: string };

export function buildCloset(
  db: TestDatabase,
  userId: string,
  selfie: Record<string, unknown> = {},
): Promise<Closet> {
  return withClient(db.urls.root, async (client) => {
    const { key } = await buildStorageObject(client, {
      owner_user_id: userId,
      kind: "selfie",
      key: `selfie/2026/01/${crypto.randomUUID()}.png`,
      ...selfie,
    });
    const { id } = await buildWardrobeItem(client, { user_id: userId });
    return { selfieKey: key, itemId: id };
  });
}

export function buildOffer(
  db: TestDatabase,
  brandId: string,
  product: Record<string, unknown> = {},
): Promise<string> {
  return withClient(db.urls.root, async (client) => {
    return (await buildProduct(client, { brand_id: brandId, ...product })).id;
  });
}

/** A wallet with so many more credits, by a promotion. */
export async function giveCredits(
  db: TestDatabase,
  owner: { user: string } | { brand: string },
  amount: number,
): Promise<void> {
  await db.root.query(
    "select app_private.add_grant($1, $2, 'promo', $3)",
    "user" in owner ? [owner.user, null, amount] : [null, owner.brand, amount],
  );
}

/** A worker key as administration would make it, straight from the database. */
export async function makeWorkerKey(
  db: Pick<TestDatabase, "root">,
  name: string,
): Promise<string> {
  const { rows } = await db.root.query<{ token: string }>(
    `with t as (select 'wk_' || app_private.random_token() as token),
       k as (insert into app_public.worker_keys (name, prefix, created_by)
         select $1, left(t.token, 11), (select s.user_id from app_public.staff_members s where s.role = 'admin' limit 1) from t
         returning id),
       s as (insert into app_private.worker_key_secrets (key_id, key_hash)
         select k.id, app_private.token_hash(t.token) from k, t)
     select t.token from t`,
    [name],
  );
  const token = rows[0]?.token;
  if (token === undefined) throw new Error("No worker key was made");
  return token;
}

/** Calls of a GPU service: bare HTTP, as from another machine. */
export function workerClient(url: string, key: string) {
  const client: HttpClient = makeClient(url);
  const headers = { authorization: `Bearer ${key}` };
  return {
    call: (path: string, body: unknown = {}): Promise<Answer> =>
      client.post(`/worker${path}`, body, headers),
    put: (link: string, bytes: Buffer): Promise<Answer> =>
      client.request("PUT", link, {
        body: bytes,
        headers: { "content-type": "image/png" },
      }),
  };
}
