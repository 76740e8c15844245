import type { Express } from "express";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";

/**
 * More requests at once than can be served only make each of them slower: past
 * the bound the answer is "busy" at once, and the rest goes on at full speed.
 */
export function installOverload(app: Express, { config }: AppDeps): void {
  let inFlight = 0;
  app.use((_req, res, next) => {
    if (inFlight >= config.limits.inFlight) {
      next(new AppError("BUSY"));
      return;
    }
    inFlight++;
    res.on("close", () => {
      inFlight--;
    });
    next();
  });
}
