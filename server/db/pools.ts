import pg from "pg";

import type { Config } from "../config.ts";
import type { Log } from "./log.ts";
import type { Urls } from "./urls.ts";

/** What serves requests and background tasks. Nothing at run time is the owner. */
export type Pools = {
  app: pg.Pool;
  worker: pg.Pool;
  close(): Promise<void>;
};

export function makePools(
  urls: Urls,
  config: Pick<Config, "pool">,
  log: Log,
): Pools {
  let closing = false;
  const make = (name: string, connectionString: string, max: number) => {
    const pool = new pg.Pool({
      connectionString,
      max,
      application_name: `closetai ${name}`,
      // Unset, a caller waits for ever for a connection.
      connectionTimeoutMillis: config.pool.connectTimeoutMs,
      idleTimeoutMillis: 30_000,
      // A frozen server or a dropped route is noticed, not waited for.
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
    });
    // An idle connection that breaks is replaced at the next use; without a
    // listener it would end the process.
    pool.on("error", (error) => {
      // The database may end before it has read our goodbye.
      if (closing) return;
      log.warn(`An idle ${name} connection broke: ${error.message}`);
    });
    // A connection that breaks while it is lent says so twice: its query
    // fails, and it emits an error, which ends the process if nobody listens.
    pool.on("connect", (client) => {
      client.on("error", (error) => {
        log.debug(`A ${name} connection broke: ${error.message}`);
      });
    });
    return pool;
  };
  const app = make("app", urls.app, config.pool.app);
  const worker = make("worker", urls.worker, config.pool.worker);
  return {
    app,
    worker,
    close: async () => {
      closing = true;
      await Promise.all([app.end(), worker.end()]);
    },
  };
}
