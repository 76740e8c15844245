import pg from "pg";
import type { Logger } from "pino";

import { wantsDemo } from "../boot.ts";
import { type Config, defaultRootUrl } from "../config.ts";
import { openDatabase } from "../db/connect.ts";
import type { Log } from "../db/log.ts";
import { seedDemo } from "../db/seed.ts";
import { watchMigrations } from "../db/watch.ts";
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from "../demoAccounts.ts";
import { installAdmin } from "../http/installAdmin.ts";
import type { Lifecycle } from "../http/lifecycle.ts";
import { makeHttpServer } from "../http/makeHttpServer.ts";
import { startApp } from "../startApp.ts";
import type { Steps } from "../steps.ts";
import { makeDisk } from "../storage/makeDisk.ts";
import { DevLoop } from "./DevLoop.ts";
import { openAdminSources } from "./openAdminSources.ts";
import type { Report } from "./report.ts";

export type DevOptions = {
  config: Config;
  /** Of the server, for a person to read. */
  log: Logger;
  report: Report;
  steps: Steps;
  lifecycle: Lifecycle;
  /** The migrations folder. */
  folder: string;
  /** Vite serves the admin's sources; else what was built is served. */
  admin: boolean;
  /** An empty database is filled with the demo. */
  demo: boolean;
  signal: AbortSignal;
  /** Registers what to close, latest first. */
  onClose(close: () => Promise<void>): void;
};

/** How often the files are looked at: a save is seen after two looks. */
const LOOK_MS = 40;

/**
 * Database, API and admin in one process, and the loop from a saved file to all
 * three of them.
 */
export async function runDev(options: DevOptions): Promise<void> {
  const { log, report, steps, lifecycle, folder, signal, onClose } = options;
  const { config, http } = await listen(options);
  const quiet: Log = {
    debug: (text) => log.debug(text),
    info: (text) => log.debug(text),
    warn: (text) => report.line(`  ${text}`, "yellow"),
    // graphile-migrate prints an error in its own form as well as throwing it.
    error: (text) => log.debug(text),
  };

  const database = await steps.run(
    "Database",
    () => openDatabase(config, quiet, { signal, purpose: "npm run dev" }),
    ({ embedded }) => (embedded === null ? "external" : "embedded"),
  );
  onClose(() => database.close());
  const { urls } = database;
  const sources = options.admin
    ? await steps.run("Admin", () => openAdminSources(http.server, quiet))
    : null;
  onClose(async () => sources?.close());
  signal.throwIfAborted();

  const owner = new pg.Pool({
    connectionString: urls.owner,
    max: 3,
    application_name: "closetai dev",
  });
  owner.on("error", (error) => log.warn({ err: error }, "connection lost"));
  onClose(() => owner.end());

  const fillDemo = async () => {
    if (!options.demo || !(await wantsDemo(urls))) return;
    const disk = await makeDisk(config.storage);
    await steps.run("Demo data", (progress) =>
      seedDemo(urls, {
        scale: "demo",
        disk,
        signal,
        onProgress: ({ step, done, total }) =>
          progress(`${step} ${done} of ${total}`),
      }),
    );
  };
  const loop = new DevLoop({
    urls,
    owner,
    log: quiet,
    report,
    folder,
    onRowsDropped: fillDemo,
    serve: async (development) => {
      await fillDemo();
      signal.throwIfAborted();
      const app = await steps.run("API", () =>
        startApp({
          config,
          log,
          urls,
          http,
          lifecycle,
          development: {
            ...development,
            installAdmin: (server, deps) =>
              sources === null
                ? installAdmin(server, deps)
                : sources.install(server, deps),
            ownsSocket: (request) => sources?.ownsSocket(request) ?? false,
          },
        }),
      );
      greet(report, config.rootUrl, app.demo);
      return app;
    },
  });
  onClose(async () => {
    await loop.close();
    // Where nothing was ever served, the port is still held.
    await http.drain(0);
  });

  const watcher = await watchMigrations(
    folder,
    { ...quiet, info: (text) => report.line(`  ${text}`, "dim") },
    {
      intervalMs: LOOK_MS,
      onStart: async () => {
        await loop.start();
      },
      onSave: (save) => loop.save(save),
    },
  );
  onClose(() => watcher.close());
}

async function listen({
  config,
  lifecycle,
}: Pick<DevOptions, "config" | "lifecycle">) {
  const http = makeHttpServer(config, lifecycle);
  const { port } = await http.listen();
  if (config.port !== 0) return { config, http };
  // A free port was asked for: the address is known only now.
  const rootUrl = config.rootUrl.endsWith(":0")
    ? defaultRootUrl(config.host, port)
    : config.rootUrl;
  return { config: { ...config, port, rootUrl }, http };
}

function greet(report: Report, url: string, demo: boolean): void {
  report.line();
  report.line(`  Admin    ${url}/admin`);
  report.line(`  GraphQL  ${url}/graphql, to explore at ${url}/ruru`);
  if (demo) {
    report.line(
      `  Sign in  ${DEMO_ACCOUNTS.map(({ email }) => email).join(", ")}`,
    );
    report.line(`           with the password ${DEMO_PASSWORD}`);
  }
  report.line(
    "  Save a file below migrations/ to see what it does; Ctrl-C ends",
  );
}
