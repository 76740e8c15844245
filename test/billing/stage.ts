import type { ClientBase } from "pg";

import {
  becomeActor,
  type TestDatabase,
  withRollback,
} from "../helpers/database.ts";
import { buildBrand, buildStaff, buildUser } from "../helpers/factories.ts";
import {
  event,
  type Generation,
  newId,
  START,
  type StripeEvent,
  type StripeObject,
  subscription,
  type SubscriptionInput,
} from "./events.ts";

/** What became of an event, as the inbox says. */
export type Became = {
  status: string;
  last_error: string | null;
  attempts: number;
  duplicates: number;
};

export async function one<T extends object>(
  client: Pick<ClientBase, "query">,
  sql: string,
  values: unknown[] = [],
): Promise<T> {
  const { rows } = await client.query<T>(sql, values);
  if (rows.length !== 1) {
    throw new Error(`One row was expected, not ${rows.length}: ${sql}`);
  }
  return rows[0] as T;
}

/** The web server's part: a verified event into the inbox. */
export async function ingest(
  db: TestDatabase,
  what: StripeEvent,
): Promise<boolean> {
  const { is_new } = await one<{ is_new: boolean }>(
    db.app,
    "select app_private.ingest_stripe_event($1) as is_new",
    [JSON.stringify(what)],
  );
  return is_new;
}

/** The worker's part: one event into effect; null when it does not wait. */
export async function process(
  db: TestDatabase,
  id: string,
): Promise<string | null> {
  const { status } = await one<{ status: string | null }>(
    db.worker,
    "select app_private.process_stripe_event($1) as status",
    [id],
  );
  return status;
}

export async function became(db: TestDatabase, id: string): Promise<Became> {
  return one<Became>(
    db.root,
    "select status, last_error, attempts, duplicates from app_public.stripe_events where id = $1",
    [id],
  );
}

/** Delivers and puts into effect; fails the test when the event fails. */
export async function send(
  db: TestDatabase,
  ...events: StripeEvent[]
): Promise<void> {
  for (const each of events) {
    const { status, last_error } = await trySend(db, each);
    if (status === "failed" || status === "dead") {
      throw new Error(`${each.type} failed: ${last_error ?? ""}`);
    }
  }
}

export async function trySend(
  db: TestDatabase,
  what: StripeEvent,
): Promise<Became> {
  await ingest(db, what);
  await process(db, what.id);
  return became(db, what.id);
}

export type Worth = {
  mrr_minor: number;
  mrr_usd_minor: number;
  mrr_state: string;
  mrr_note: string | null;
  fx_date: string | null;
};

export async function worthOf(db: TestDatabase, id: string): Promise<Worth> {
  return one<Worth>(
    db.root,
    `select mrr_minor::int, mrr_usd_minor::int, mrr_state, mrr_note, fx_date::text
       from app_public.stripe_subscriptions where id = $1`,
    [id],
  );
}

/** What a new subscription of a new customer is worth. */
export async function worth(
  db: TestDatabase,
  input: Omit<SubscriptionInput, "customer">,
  generation: Generation = "2025-09-30.clover",
): Promise<Worth> {
  const object = subscription({ customer: newId("cus"), ...input }, generation);
  await send(
    db,
    event("customer.subscription.created", input.start ?? START, object, {
      api_version: generation,
    }),
  );
  return worthOf(db, object.id);
}

/** An account as `kind:id`; nothing was ever paid: 0. */
export async function accountMrr(
  db: TestDatabase,
  account: string,
): Promise<number> {
  const { mrr } = await one<{ mrr: number }>(
    db.root,
    "select coalesce(sum(mrr_usd_minor), 0)::int as mrr from app_public.account_mrr where account = $1",
    [account],
  );
  return mrr;
}

export type Movement = {
  kind: string;
  delta: number;
  is_transfer: boolean;
  source_event_id: string;
};

export async function movementsOf(
  db: TestDatabase,
  account: string,
): Promise<Movement[]> {
  const { rows } = await db.root.query<Movement>(
    `select kind::text, delta_usd_minor::int as delta, is_transfer, source_event_id
       from app_public.mrr_movements where account = $1 order by created_at, id`,
    [account],
  );
  return rows;
}

/** "new 2000, churn -2000": the movements of an account, in order. */
export async function story(
  db: TestDatabase,
  account: string,
): Promise<string> {
  const movements = await movementsOf(db, account);
  return movements
    .map(
      ({ kind, delta, is_transfer }) =>
        `${is_transfer ? "transfer " : ""}${kind} ${delta}`,
    )
    .join(", ");
}

/** Made through the superuser, and committed. */
export async function makeBrand(db: TestDatabase): Promise<string> {
  return made(db, async (client) => {
    // Onboarding, so that no owner is missing.
    const { id } = await buildBrand(client, { status: "onboarding" });
    return id;
  });
}

export async function makeUser(db: TestDatabase): Promise<string> {
  return made(db, async (client) => (await buildUser(client)).id);
}

export async function makeFinance(db: TestDatabase): Promise<string> {
  return made(
    db,
    async (client) => (await buildStaff(client, { role: "finance" })).user_id,
  );
}

async function made(
  db: TestDatabase,
  fn: (client: ClientBase) => Promise<string>,
): Promise<string> {
  const client = await db.root.connect();
  try {
    return await fn(client);
  } finally {
    client.release();
  }
}

/** As staff finance, through the application's login; committed. */
export async function asFinance<T>(
  db: TestDatabase,
  userId: string,
  fn: (client: ClientBase) => Promise<T>,
): Promise<T> {
  const client = await db.app.connect();
  try {
    await client.query("begin");
    await becomeActor(client, { role: "closetai_staff_finance", userId });
    const result = await fn(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** One figure of staff finance: one row. */
export async function figure<T extends object>(
  db: TestDatabase,
  userId: string,
  call: string,
  values: unknown[] = [],
): Promise<T> {
  return withRollback(db.app, async (client) => {
    await becomeActor(client, { role: "closetai_staff_finance", userId });
    return one<T>(client, `select * from app_public.${call}`, values);
  });
}

/** What does not add up; nothing, when all is well. */
export async function faults(db: TestDatabase): Promise<string[]> {
  const { rows } = await db.root.query<{ fault: string }>(
    "select invariant || ' ' || detail as fault from app_private.check_invariants()",
  );
  return rows.map(({ fault }) => fault);
}

/** A day's rate, as the worker writes it. */
export async function setRate(
  db: TestDatabase,
  currency: string,
  day: string,
  usd: string,
): Promise<void> {
  await db.worker.query(
    "insert into app_public.fx_rates (currency, rate_date, usd_per_unit) values ($1, $2, $3)",
    [currency, day, usd],
  );
}

export function created(object: StripeObject, at: number = START): StripeEvent {
  return event("customer.subscription.created", at, object);
}

export function updated(object: StripeObject, at: number): StripeEvent {
  return event("customer.subscription.updated", at, object);
}

export function deleted(object: StripeObject, at: number): StripeEvent {
  return event("customer.subscription.deleted", at, {
    ...object,
    status: "canceled",
    canceled_at: at,
    ended_at: at,
  });
}

/** The time of a second of Stripe, as SQL takes it. */
export function at(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
