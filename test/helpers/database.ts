import { randomBytes } from "node:crypto";
import { relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "@jest/globals";
import pg from "pg";

import type { Actor } from "../../server/auth/actor.ts";
import { anonymousActor } from "../../server/auth/actor.ts";
import { pgSettingsFor } from "../../server/auth/pgSettings.ts";
import { withClient } from "../../server/db/clients.ts";
import { closeDatabase } from "../../server/db/database.ts";
import { errorCode } from "../../server/db/errorCode.ts";
import { type Urls, urlsFor, withDatabase } from "../../server/db/urls.ts";
import {
  TEMPLATE_DATABASE,
  TEST_DATABASE_PREFIX,
  testServer,
} from "./testServer.ts";

/** A migrated, empty database of this test file alone. */
export type TestDatabase = {
  name: string;
  /** As the application gets them; `root` is the superuser in this database. */
  urls: Urls & { root: string };
  /** Superuser: sees everything. For facts, never for what is being tested. */
  root: pg.Pool;
  owner: pg.Pool;
  app: pg.Pool;
  worker: pg.Pool;
  partner: pg.Pool;
  /** Closes the pools and drops the database; fails if something still uses it. */
  drop(): Promise<void>;
};

/** An actor of a test: what is not said is nobody. */
export type TestActor = Partial<Actor> & { role: string };

function makePool(connectionString: string, name: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: 4,
    connectionTimeoutMillis: 30_000,
    application_name: `test ${name}`,
  });
  // A test that cuts connections must not end the process by it: the query
  // that runs, or the next one, fails with the reason.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

export async function createTestDatabase(
  template = TEMPLATE_DATABASE,
): Promise<TestDatabase> {
  const server = testServer();
  const name = `${TEST_DATABASE_PREFIX}${randomBytes(6).toString("hex")}`;
  await cloneTemplate(server.urls.root, name, template);
  const urls = {
    ...urlsFor(server.urls, name),
    root: withDatabase(server.urls.root, name),
  };
  const root = makePool(urls.root, "root");
  const owner = makePool(urls.owner, "owner");
  const app = makePool(urls.app, "app");
  const worker = makePool(urls.worker, "worker");
  const partner = makePool(urls.partner, "partner");
  const pools = { root, owner, app, worker, partner };
  let dropped = false;
  return {
    name,
    urls,
    ...pools,
    drop: async () => {
      if (dropped) return;
      dropped = true;
      const leaks = Object.entries(pools).flatMap(([role, pool]) => {
        const taken = pool.totalCount - pool.idleCount;
        return taken > 0 ? [`${role}: ${taken}`] : [];
      });
      // A leaked client never comes back, and end() would wait for it for ever.
      if (leaks.length === 0) {
        await Promise.all(Object.values(pools).map((pool) => pool.end()));
      }
      const others = await dropTestDatabase(server.urls.root, name);
      const faults = [
        ...(leaks.length > 0
          ? [`clients that were not released (${leaks.join(", ")})`]
          : []),
        ...(others.length > 0
          ? [`connections that were not closed (${others.join(", ")})`]
          : []),
      ];
      if (faults.length > 0) {
        throw new Error(`This test file left ${faults.join(" and ")}`);
      }
    },
  };
}

export async function cloneTemplate(
  rootUrl: string,
  name: string,
  template = TEMPLATE_DATABASE,
): Promise<void> {
  await withClient(rootUrl, async (root) => {
    for (let attempt = 1; ; attempt++) {
      try {
        // A plain copy of the files is the faster way for a server whose
        // checkpoints cost nothing.
        await root.query(
          `create database ${name} template ${template} strategy file_copy owner closetai_owner`,
        );
        break;
      } catch (error) {
        // object_in_use: another file is cloning, or autovacuum looks in.
        if (errorCode(error) !== "55006" || attempt === 50) throw error;
        await sleep(20 * attempt);
      }
    }
    await closeDatabase(root, name);
    // So that globalTeardown can name the file that did not drop it.
    const { testPath } = expect.getState();
    await root.query(
      `comment on database ${name} is ${pg.escapeLiteral(relative(process.cwd(), testPath ?? "an unknown file"))}`,
    );
  });
}

/** Drops it in any case; answers who was still connected after a moment. */
async function dropTestDatabase(
  rootUrl: string,
  name: string,
): Promise<string[]> {
  return withClient(rootUrl, async (root) => {
    let others: string[] = [];
    // A closed connection needs a moment to end on the server.
    for (let attempt = 0; attempt < 400; attempt++) {
      const { rows } = await root.query<{ application: string }>(
        `select application_name as application
           from pg_stat_activity
          where datname = $1 and backend_type = 'client backend'`,
        [name],
      );
      others = rows.map(({ application }) => application);
      if (others.length === 0) break;
      await sleep(25);
    }
    await root.query(`drop database ${name} with (force)`);
    return others;
  });
}

/** From here to the end of the transaction, the client is this actor. */
export async function becomeActor(
  client: pg.ClientBase,
  actor: TestActor,
): Promise<void> {
  const settings = pgSettingsFor({
    ...anonymousActor("test"),
    ...actor,
  });
  for (const [key, value] of Object.entries(settings)) {
    await client.query("select pg_catalog.set_config($1, $2, true)", [
      key,
      value,
    ]);
  }
}

/** A transaction that is always rolled back. */
export async function withRollback<T>(
  pool: pg.Pool,
  fn: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    return await fn(client);
  } finally {
    try {
      await client.query("rollback");
      client.release();
    } catch (error) {
      // The connection is of no use any more; the pool makes another.
      client.release(error as Error);
    }
  }
}

/** As the superuser, rolled back. */
export function withRoot<T>(
  db: TestDatabase,
  fn: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return withRollback(db.root, fn);
}

/** As the actor through the application's own login role, rolled back. */
export function withActor<T>(
  db: TestDatabase,
  actor: TestActor,
  fn: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return withRollback(db.app, async (client) => {
    await becomeActor(client, actor);
    return fn(client);
  });
}
