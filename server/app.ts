import type { IncomingMessage, Server } from "node:http";

import express, { type Express } from "express";
import type { Disk } from "flydrive";
import type { Logger } from "pino";

import { installActor } from "./auth/installActor.ts";
import { installAuthRoutes } from "./auth/installAuthRoutes.ts";
import type { Actors } from "./auth/resolveActor.ts";
import type { SessionCookie } from "./auth/sessionCookie.ts";
import { Catalogs } from "./catalog/Catalogs.ts";
import type { Config } from "./config.ts";
import type { Urls } from "./db/connect.ts";
import type { Pools } from "./db/pools.ts";
import type { LiveConstraintErrors } from "./errors/constraints.ts";
import { installAdmin } from "./http/installAdmin.ts";
import { installBodies } from "./http/installBodies.ts";
import { installCatalog } from "./http/installCatalog.ts";
import { installCompression } from "./http/installCompression.ts";
import { installErrors } from "./http/installErrors.ts";
import { installExports } from "./http/installExports.ts";
import { type GraphQLApi, installGraphQL } from "./http/installGraphQL.ts";
import { installHealth } from "./http/installHealth.ts";
import { installImports } from "./http/installImports.ts";
import { installLogging } from "./http/installLogging.ts";
import { installMetrics } from "./http/installMetrics.ts";
import { installOverload } from "./http/installOverload.ts";
import { installRateLimits } from "./http/installRateLimits.ts";
import { installRequestScope } from "./http/installRequestScope.ts";
import { installSecurityHeaders } from "./http/installSecurityHeaders.ts";
import { installWorkerApi } from "./http/installWorkerApi.ts";
import type { Lifecycle } from "./http/lifecycle.ts";
import type { Limiters } from "./http/limiters.ts";
import { installFiles } from "./storage/installFiles.ts";
import { installIllustrations } from "./storage/installIllustrations.ts";
import type { FileUrls } from "./storage/signUrls.ts";
import { installStripeWebhook } from "./webhooks/installStripeWebhook.ts";

/** Everything a route may need; made once by makeDeps. */
export type AppDeps = {
  config: Config;
  log: Logger;
  lifecycle: Lifecycle;
  server: Server;
  urls: Urls;
  pools: Pools;
  cookie: SessionCookie;
  actors: Actors;
  limiters: Limiters;
  disk: Disk;
  fileUrls: FileUrls;
  constraints: () => LiveConstraintErrors;
  /** The folder of the built admin. */
  adminDir: string;
  /** The sign-ins to show on the sign-in page; empty without demo data. */
  demoAccounts: readonly { email: string; label: string }[];
  /** What only a developer's server has; null everywhere else. */
  development: Development | null;
  /** Registers what keeps connections open of its own accord, e.g. websockets. */
  onDrain(close: () => Promise<void>): void;
  /** Registers what must end before the database connections do. */
  onClose(close: () => Promise<void>): void;
};

/** What changes while the server runs, when a developer saves. */
export type LiveParts = { api: GraphQLApi; catalogs: Catalogs };

export type Development = {
  /** In place of the built admin. */
  installAdmin(app: Express, deps: AppDeps): void;
  /** After all other routes. */
  install(app: Express, deps: AppDeps, parts: LiveParts): void;
  /** Whether a websocket is for it, and not for the GraphQL API. */
  ownsSocket(request: IncomingMessage): boolean;
};

/** A request reads top to bottom: each line installs one thing. */
export async function makeApp(deps: AppDeps): Promise<Express> {
  const app = express();
  app.set("trust proxy", deps.config.trustProxy);
  app.set("query parser", "simple");
  app.set("etag", false);

  installRequestScope(app);
  installLogging(app, deps);
  installSecurityHeaders(app, deps);
  const metrics = installMetrics(app, deps);
  installHealth(app, deps);
  installCompression(app);
  await installIllustrations(app, deps);
  (deps.development?.installAdmin ?? installAdmin)(app, deps);
  installFiles(app, deps);
  installOverload(app, deps);
  installWorkerApi(app, deps);
  installStripeWebhook(app, deps, metrics);
  installActor(app, deps);
  installRateLimits(app, deps);
  const catalogs: Catalogs = new Catalogs(deps.pools.app, () => api.schema());
  installImports(app, deps, catalogs);
  installBodies(app, deps);
  installAuthRoutes(app, deps);
  const api = await installGraphQL(app, deps);
  installCatalog(app, deps, catalogs);
  installExports(app, deps, catalogs, api);
  deps.development?.install(app, deps, { api, catalogs });
  installErrors(app, deps);
  return app;
}
