import type { Pool, PoolClient } from "pg";

import type { Actor } from "../auth/actor.ts";
import { pgSettingsFor } from "../auth/pgSettings.ts";

/**
 * Runs `fn` in one transaction as the actor: settings are local to it, so the
 * connection goes back to the pool as the login role it was. Errors roll back
 * and are thrown on.
 */
export async function withActor<T>(
  pool: Pool,
  actor: Actor,
  fn: (client: PoolClient) => Promise<T>,
  options: { statementMs?: number } = {},
): Promise<T> {
  return withTransaction(pool, async (client) => {
    const settings = Object.entries(pgSettingsFor(actor, options.statementMs));
    // unnest keeps the order, and the role is last in it.
    await client.query(
      "select pg_catalog.set_config(s.key, s.value, true) from unnest($1::text[], $2::text[]) as s (key, value)",
      [settings.map(([key]) => key), settings.map(([, value]) => value)],
    );
    return fn(client);
  });
}

/** One transaction as the pool's own login role. */
export async function withTransaction<T>(
  pool: Pool,
  fn: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("begin");
    const result = await fn(client);
    await client.query("commit");
    return result;
  } catch (error) {
    try {
      await client.query("rollback");
    } catch (rollbackError) {
      // The connection is unusable: drop it instead of lending it again.
      broken = rollbackError as Error;
    }
    throw error;
  } finally {
    client.release(broken);
  }
}
