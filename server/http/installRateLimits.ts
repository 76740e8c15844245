import type { Express } from "express";

import type { AppDeps } from "../app.ts";

/** The common bound on requests; signing in has a tighter one of its own. */
export function installRateLimits(app: Express, deps: AppDeps): void {
  app.use((req, _res, next) => {
    deps.limiters.api(req).then(() => {
      next();
    }, next);
  });
}
