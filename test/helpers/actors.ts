import type { ClientBase, Pool, PoolClient } from "pg";

import {
  becomeActor,
  type TestActor,
  type TestDatabase,
  withRollback,
} from "./database.ts";
import { type Brand, brands, people, type Person } from "./world.ts";

/** Through which login an actor arrives, and what the server says of it. */
export type NamedActor = {
  login: "app" | "worker" | "partner" | "root";
  /** Null stays the login role itself. */
  actor: TestActor | null;
};

function request(
  role: string,
  person: Person | null = null,
  brand: Brand | null = null,
): NamedActor {
  return {
    login: "app",
    actor: {
      role: `closetai_${role}`,
      userId: person === null ? null : people[person],
      brandId: brand === null ? null : brands[brand],
    },
  };
}

/** Everybody who may come. The names are read in the names of the tests. */
export const actors = {
  anonymous: request("anonymous"),
  shopper: request("user", "shopper"),
  neighbour: request("user", "neighbour"),
  // The person who is in both brands, with neither active: a shopper.
  "both off duty": request("user", "both"),
  "A.viewer": request("viewer", "A.viewer", "A"),
  "A.analyst": request("analyst", "A.analyst", "A"),
  "A.manager": request("manager", "A.manager", "A"),
  "A.owner": request("brand_owner", "A.owner", "A"),
  "both in A": request("analyst", "both", "A"),
  "B.viewer": request("viewer", "B.viewer", "B"),
  "B.analyst": request("analyst", "B.analyst", "B"),
  "B.manager": request("manager", "B.manager", "B"),
  "B.owner": request("brand_owner", "B.owner", "B"),
  "both in B": request("manager", "both", "B"),
  support: request("staff_support", "support"),
  finance: request("staff_finance", "finance"),
  privacy: request("staff_privacy", "privacy"),
  admin: request("staff_admin", "admin"),
  // Closed in every table until the partner API exists.
  partner: {
    login: "partner",
    actor: { role: "closetai_partner", brandId: brands.A },
  },
  worker: { login: "worker", actor: null },
  // Owns brand_people. Nobody can become it; the superuser tries it here with
  // the claims of an owner of A.
  reader: {
    login: "root",
    actor: {
      role: "closetai_reader",
      userId: people["A.owner"],
      brandId: brands.A,
    },
  },
  // The login role before it has become anybody.
  "the login role": { login: "app", actor: null },
} satisfies Record<string, NamedActor>;

export type ActorName = keyof typeof actors;

export const actorNames = Object.keys(actors) as ActorName[];

export function namedActor(name: ActorName): NamedActor {
  return actors[name];
}

/** Runs as the actor, through the login it really has, and rolls back. */
export async function as<T>(
  db: TestDatabase,
  who: ActorName | NamedActor,
  fn: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const { login, actor } = typeof who === "string" ? namedActor(who) : who;
  const pool: Pool = db[login];
  return withRollback(pool, async (client) => {
    if (actor !== null) await becomeActor(client, actor);
    return fn(client);
  });
}

/** The rows of one column, sorted: what most questions here are about. */
export async function column(
  client: ClientBase,
  sql: string,
  values: unknown[] = [],
): Promise<string[]> {
  const { rows } = await client.query<string[]>({
    text: sql,
    values,
    rowMode: "array",
  });
  return rows.map(([value]) => String(value)).sort();
}

/** The code of the error it ends with, or "ok". */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "ok";
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== "string") throw error;
    return code;
  }
}
