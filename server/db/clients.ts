import pg from "pg";

import type { Log } from "./log.ts";

/** One connection for one piece of work; always ended. */
export async function withClient<T>(
  url: string,
  fn: (client: pg.Client) => Promise<T>,
  options: { log?: Log; timeoutMs?: number } = {},
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: options.timeoutMs ?? 10_000,
    application_name: "closetai setup",
  });
  // Without a listener a cut connection would end the process; with it, the
  // query that was running, or the next one, fails with the reason.
  client.on("error", (error) => {
    options.log?.warn(`A database connection broke: ${error.message}`);
  });
  try {
    await client.connect();
    return await fn(client);
  } finally {
    await client.end();
  }
}
