import type { Logger } from "pino";

import { buildAdmin } from "./buildAdmin.ts";
import { type Config, defaultRootUrl } from "./config.ts";
import { withClient } from "./db/clients.ts";
import { openDatabase, type Urls } from "./db/connect.ts";
import { migrate } from "./db/migrate.ts";
import { readDemoState, seedDemo } from "./db/seed.ts";
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from "./demoAccounts.ts";
import type { Lifecycle } from "./http/lifecycle.ts";
import { makeHttpServer } from "./http/makeHttpServer.ts";
import { startApp } from "./startApp.ts";
import type { Steps } from "./steps.ts";
import { makeDisk } from "./storage/makeDisk.ts";

export type Running = {
  url: string;
  /** What a person should see once it runs. */
  greeting: string;
};

export type BootOptions = {
  config: Config;
  log: Logger;
  steps: Steps;
  lifecycle: Lifecycle;
  /** Ends the waiting; whoever aborts also closes. */
  signal: AbortSignal;
  /** Registers what to close, latest first. */
  onClose(close: () => Promise<void>): void;
  /** How long running requests may take to finish once stopping began. */
  drainMs: number;
};

/**
 * From nothing to serving: listen, open and migrate the database, load the demo
 * into an empty one, build the admin, answer.
 */
export async function boot(options: BootOptions): Promise<Running> {
  const { log, steps, lifecycle, signal, onClose } = options;
  let { config } = options;
  const http = makeHttpServer(config, lifecycle);
  const address = await http.listen();
  if (config.port === 0) {
    // A free port was asked for: the address is known only now.
    const rootUrl = config.rootUrl.endsWith(":0")
      ? defaultRootUrl(config.host, address.port)
      : config.rootUrl;
    config = { ...config, port: address.port, rootUrl };
  }

  // Bundling and the database keep different parts of the machine busy.
  const admin = steps.run(
    "Admin",
    () => buildAdmin(signal),
    (result) => result,
  );
  // Told where it is awaited.
  admin.catch(() => undefined);

  const database = await steps.run(
    "Database",
    () => openDatabase(config, log, { signal, purpose: "the server" }),
    ({ serverVersion, embedded }) =>
      `PostgreSQL ${formatVersion(serverVersion)}${embedded === null ? "" : ", embedded"}`,
  );
  onClose(() => database.close());
  signal.throwIfAborted();
  await steps.run("Migrations", () => migrate(database.urls, log));
  signal.throwIfAborted();
  if (config.mode !== "production" && (await wantsDemo(database.urls))) {
    const disk = await makeDisk(config.storage);
    await steps.run("Demo data", (progress) =>
      seedDemo(database.urls, {
        scale: "demo",
        disk,
        signal,
        onProgress: ({ step, done, total }) => {
          progress(`${step} ${done} of ${total}`);
        },
      }),
    );
  }
  signal.throwIfAborted();
  await admin.catch((error: unknown) => {
    // Whoever works on the admin still wants the API.
    if (config.mode === "production" || signal.aborted) throw error;
    log.warn(error instanceof Error ? error.message : String(error));
  });
  const app = await steps.run("API", () =>
    startApp({ config, log, urls: database.urls, http, lifecycle }),
  );
  onClose(async () => {
    await app.drain(options.drainMs);
    await app.close();
  });
  return {
    url: config.rootUrl,
    greeting: greet(config.rootUrl, app.demo),
  };
}

/** First run: nobody is here yet, or an earlier first run was cut short. */
export async function wantsDemo(urls: Urls): Promise<boolean> {
  const demo = await readDemoState(urls);
  if (demo !== null) return !demo.complete;
  return withClient(urls.owner, async (owner) => {
    const { rows } = await owner.query<{ empty: boolean }>(
      "select not exists (select from app_public.users) as empty",
    );
    return rows[0]?.empty === true;
  });
}

function formatVersion(version: number): string {
  return `${Math.floor(version / 10_000)}.${version % 10_000}`;
}

function greet(url: string, demo: boolean): string {
  const lines = ["", `  ClosetAI is at ${url}/admin`, ""];
  if (demo) {
    lines.push(`  Sign in with the password ${DEMO_PASSWORD} as`);
    for (const { email, label } of DEMO_ACCOUNTS) {
      lines.push(`    ${email.padEnd(28)} ${label}`);
    }
    lines.push("");
  }
  lines.push("  Stop with Ctrl-C", "");
  return lines.join("\n");
}
