import { join } from "node:path";

import type { Logger } from "pino";

import { type AppDeps, makeApp } from "./app.ts";
import { makeActors } from "./auth/resolveActor.ts";
import { makeSessionCookie } from "./auth/sessionCookie.ts";
import { makeVerifyToken } from "./auth/verifyToken.ts";
import { type Config, ensureSecret, projectDir } from "./config.ts";
import type { Urls } from "./db/connect.ts";
import { makePools } from "./db/pools.ts";
import { DEMO_ACCOUNTS } from "./demoAccounts.ts";
import { loadConstraintErrors } from "./errors/constraints.ts";
import type { Lifecycle } from "./http/lifecycle.ts";
import { makeLimiters } from "./http/limiters.ts";
import type { HttpServer } from "./http/makeHttpServer.ts";
import { makeDisk } from "./storage/makeDisk.ts";
import { makeFileUrls } from "./storage/signUrls.ts";
import { startWorker } from "./worker/startWorker.ts";

export type StartOptions = {
  config: Config;
  log: Logger;
  /** A migrated database. */
  urls: Urls;
  http: HttpServer;
  lifecycle: Lifecycle;
  adminDir?: string;
  development?: AppDeps["development"];
};

export type RunningApp = {
  demo: boolean;
  /** Lets running requests finish within so long; sockets are told to go. */
  drain(graceMs: number): Promise<void>;
  /** Ends tasks, then connections. */
  close(): Promise<void>;
};

/** From a migrated database to answering: pools, app, worker. */
export async function startApp(options: StartOptions): Promise<RunningApp> {
  const { config, log, urls, http, lifecycle } = options;
  const closers: (() => Promise<void>)[] = [];
  const drainers: (() => Promise<void>)[] = [];
  // What was opened last is closed first.
  const close = async () => {
    for (const end of closers.splice(0).reverse()) await end();
  };
  try {
    const pools = makePools(urls, config, log);
    closers.push(() => pools.close());
    const demo = await readDemo(pools.app, config);
    await pools.app.query("select app_private.configure_mail($1)", [
      config.smtpUrl !== null,
    ]);
    if (config.stripe.mode !== null) {
      await pools.app.query("select app_private.configure_stripe($1)", [
        config.stripe.mode === "live",
      ]);
    }
    const constraints = await loadConstraintErrors(pools.app);
    const cookie = makeSessionCookie(config);
    const disk = await makeDisk(config.storage);
    const deps: AppDeps = {
      config,
      log,
      lifecycle,
      server: http.server,
      urls,
      pools,
      cookie,
      actors: makeActors({
        pool: pools.app,
        cookie,
        verifyToken: makeVerifyToken(config),
      }),
      limiters: makeLimiters(config),
      disk,
      fileUrls: makeFileUrls(ensureSecret(config)),
      constraints: () => constraints,
      adminDir: options.adminDir ?? join(projectDir, "admin", "dist"),
      demoAccounts: demo ? DEMO_ACCOUNTS : [],
      development: options.development ?? null,
      onDrain: (end) => drainers.push(end),
      onClose: (end) => closers.push(end),
    };
    if (config.worker === "in-process") {
      const worker = await startWorker({ config, log, urls, pools, disk });
      closers.push(() => worker.stop());
    }
    http.use(await makeApp(deps));
    lifecycle.state = "ready";
    const drain = async (graceMs: number) => {
      await Promise.all([http.drain(graceMs), ...drainers.map((end) => end())]);
    };
    return { demo, drain, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Everybody knows the demo's password: production does not start with it. */
async function readDemo(
  pool: {
    query<T>(text: string): Promise<{ rows: T[] }>;
  },
  config: Config,
): Promise<boolean> {
  const { rows } = await pool.query<{ demo: boolean }>(
    "select app_private.has_demo_accounts() as demo",
  );
  const demo = rows[0]?.demo === true;
  if (demo && config.mode === "production") {
    throw new Error(
      "This database holds the demo accounts, whose password is published. Production does not start with them: use another database, or remove them.",
    );
  }
  return demo;
}
