import type { Express } from "express";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";
import type { Actor } from "./actor.ts";
import { assertActingAs } from "./assertActingAs.ts";
import { isAllowedOrigin } from "./isAllowedOrigin.ts";

declare global {
  namespace Express {
    // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- only an interface merges
    interface Request {
      /** Who is asking; set before any route that serves data. */
      actor: Actor;
    }
  }
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Puts the actor on the request, after the Origin of a cookie was checked, and
 * refuses a page that was opened for somebody else.
 */
export function installActor(app: Express, deps: AppDeps): void {
  app.use((req, _res, next) => {
    const fromBrowser =
      req.headers.authorization === undefined &&
      (deps.cookie.read(req) !== null || req.headers.origin !== undefined);
    if (
      fromBrowser &&
      !SAFE_METHODS.has(req.method) &&
      !isAllowedOrigin(req.headers, deps.config)
    ) {
      next(
        new AppError("DNIED", "This request came from another site", {
          hint: "Open the admin in its own tab and try again",
        }),
      );
      return;
    }
    deps.actors
      .ofRequest(req, req.requestId)
      .then((actor) => {
        req.actor = actor;
        assertActingAs(req, actor);
      })
      .then(() => next(), next);
  });
}
