import { randomUUID } from "node:crypto";

import pg from "pg";

import { becomeActor, type TestActor } from "./database.ts";
import {
  buildBrand,
  buildMember,
  buildProduct,
  buildStaff,
  buildStorageObject,
  buildUser,
  buildWardrobeItem,
  type Row,
} from "./factories.ts";
import { type Asker, one, type TryonJob } from "./tryonWorker.ts";

export {
  beginResult,
  claim,
  complete,
  expireStale,
  fail,
  heartbeat,
  storeResult,
} from "./tryonWorker.ts";
export type { Asker, TryonJob };

/** Somebody who can ask for a try-on of an own garment right away. */
export type Shopper = { id: string; selfie: string; item: string };

export type TryonBrand = {
  id: string;
  manager: string;
  product: string;
  picture: string;
};

export type TryonRequest = {
  key?: string | null;
  category?: string;
  selfie?: string;
  products?: string[];
  items?: string[];
  device?: string | null;
  version?: string | null;
};

const CATEGORY = "scarves";

export async function makeShopper(
  client: pg.ClientBase,
  overrides: Row = {},
): Promise<Shopper> {
  const { id } = await buildUser(client, overrides);
  const selfie = await makeSelfie(client, { owner_user_id: id });
  const item = await buildWardrobeItem(client, {
    user_id: id,
    category_code: CATEGORY,
  });
  return { id, selfie, item: item.id };
}

export async function makeSelfie(
  client: pg.ClientBase,
  overrides: Row,
): Promise<string> {
  const { key } = await buildStorageObject(client, {
    key: `selfie/${randomUUID()}.png`,
    kind: "selfie",
    ...overrides,
  });
  return key;
}

export async function makeTryonBrand(
  client: pg.ClientBase,
  overrides: Row = {},
): Promise<TryonBrand> {
  const { id } = await buildBrand(client, overrides);
  await buildMember(client, { brand_id: id, role: "owner" });
  const { user_id: manager } = await buildMember(client, {
    brand_id: id,
    role: "manager",
  });
  const product = await buildProduct(client, {
    brand_id: id,
    category_code: CATEGORY,
  });
  const picture = await makeSelfie(client, { owner_brand_id: id });
  return { id, manager, product: product.id, picture };
}

export async function makeStaff(
  client: pg.ClientBase,
  role: "support" | "finance" | "admin",
): Promise<TestActor> {
  const { user_id } = await buildStaff(client, { role });
  return { role: `closetai_staff_${role}`, userId: user_id };
}

export const asShopper = ({ id }: Pick<Shopper, "id">): TestActor => ({
  role: "closetai_user",
  userId: id,
});

export const asManager = ({ id, manager }: TryonBrand): TestActor => ({
  role: "closetai_manager",
  userId: manager,
  brandId: id,
});

export const WORKER: TestActor = { role: "closetai_worker" };

/**
 * Within a transaction of the superuser: `fn` runs as the actor, what follows as
 * the superuser again. After an error the transaction is for refusal() to mend.
 */
export async function actAs<T>(
  client: pg.ClientBase,
  actor: TestActor,
  fn: () => Promise<T>,
): Promise<T> {
  await becomeActor(client, actor);
  const result = await fn();
  await client.query(
    "select set_config('role', 'none', true), set_config('app.user_id', '', true), set_config('app.brand_id', '', true)",
  );
  return result;
}

/** Runs as the actor in a transaction of its own, and commits. */
export async function commitAs<T>(
  pool: pg.Pool,
  actor: TestActor,
  fn: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("begin");
    await becomeActor(client, actor);
    // How long a crowd waits on a busy machine is not what is asked here.
    await client.query("set local statement_timeout = 0");
    await client.query("set local lock_timeout = 0");
    const result = await fn(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client
      .query("rollback")
      .catch((failure: unknown) => (broken = failure as Error));
    throw error;
  } finally {
    client.release(broken);
  }
}

export type Refusal = { code: string; field: string | null };

/** Why `fn` is refused; whatever it wrote is undone, and who acted is again who acted before. */
export async function refusal(
  client: pg.ClientBase,
  fn: () => Promise<unknown>,
): Promise<Refusal> {
  await client.query("savepoint attempt");
  try {
    await fn();
  } catch (error) {
    await client.query("rollback to savepoint attempt");
    if (!(error instanceof pg.DatabaseError)) throw error;
    return {
      code: error.code ?? "",
      field: error.column ?? error.constraint ?? null,
    };
  }
  throw new Error("It was not refused");
}

/** As a shopper, of the own garment unless the request says otherwise. */
export function requestTryon(
  client: Asker,
  shopper: Shopper,
  request: TryonRequest = {},
): Promise<TryonJob> {
  return one<TryonJob>(
    client,
    "select * from app_public.request_tryon($1, $2, $3, $4, $5, $6, $7)",
    [
      request.key === undefined ? randomUUID() : request.key,
      request.category ?? CATEGORY,
      request.selfie ?? shopper.selfie,
      request.products ?? [],
      request.items ?? (request.products ? [] : [shopper.item]),
      request.device ?? null,
      request.version ?? null,
    ],
  );
}

/** As a manager: returns the id of the job. */
export async function requestBrandTryon(
  client: Asker,
  brand: TryonBrand,
  request: TryonRequest = {},
): Promise<string> {
  const { id } = await one<{ id: string }>(
    client,
    "select app_public.request_brand_tryon($1, $2, $3, $4) as id",
    [
      request.key ?? randomUUID(),
      request.category ?? CATEGORY,
      request.selfie ?? brand.picture,
      request.products ?? [brand.product],
    ],
  );
  return id;
}

/** One value that a statement answers, as the client's present role. */
export async function value<T>(
  client: Asker,
  sql: string,
  values: unknown[] = [],
): Promise<T> {
  const row = await one<Row>(client, sql, values);
  return Object.values(row)[0] as T;
}

/** All rows, or the rows of one column when there is but one. */
export async function rowsOf<T extends Row>(
  client: Asker,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const { rows } = await client.query<T>(sql, values);
  return rows;
}

export type Wallet = {
  available: number;
  held: number;
  granted: number;
  used: number;
  expired: number;
};

/** What a person or a brand has, from the accounts and the grants. */
export async function walletOf(client: Asker, owner: string): Promise<Wallet> {
  const row = await one<Record<keyof Wallet, string>>(
    client,
    `select
       (select balance from app_public.credit_accounts where coalesce(owner_user_id, owner_brand_id) = $1 and kind = 'available') as available,
       (select balance from app_public.credit_accounts where coalesce(owner_user_id, owner_brand_id) = $1 and kind = 'held') as held,
       (select coalesce(sum(amount), 0) from app_public.credit_grants where coalesce(owner_user_id, owner_brand_id) = $1) as granted,
       (select coalesce(sum(amount), 0) from app_public.credit_holds where coalesce(owner_user_id, owner_brand_id) = $1 and status = 'captured') as used,
       (select coalesce(sum(expired), 0) from app_public.credit_grants where coalesce(owner_user_id, owner_brand_id) = $1) as expired`,
    [owner],
  );
  return {
    available: Number(row.available),
    held: Number(row.held),
    granted: Number(row.granted),
    used: Number(row.used),
    expired: Number(row.expired),
  };
}

/** Credits that do not end, as if bought. */
export function giveCredits(
  client: Asker,
  owner: { user?: string; brand?: string },
  amount: number,
  options: {
    source?: string;
    expiresAt?: string | null;
    effectiveAt?: string;
  } = {},
): Promise<string> {
  return value<string>(
    client,
    "select app_private.add_grant($1, $2, $3, $4, coalesce($5::timestamptz, now()), $6)",
    [
      owner.user ?? null,
      owner.brand ?? null,
      options.source ?? "purchase",
      amount,
      options.effectiveAt ?? null,
      options.expiresAt ?? null,
    ],
  );
}

/** What does not hold; must be empty. */
export function brokenInvariants(client: Asker): Promise<Row[]> {
  return rowsOf(
    client,
    "select invariant, detail from app_private.check_invariants() order by 1, 2",
  );
}
