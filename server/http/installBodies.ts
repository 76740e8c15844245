import type { Express, RequestHandler } from "express";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";
import { jsonOnly, makeJsonBody } from "./jsonBody.ts";

/** Reads JSON where JSON is expected, and refuses everything else unread. */
export function installBodies(app: Express, deps: AppDeps): void {
  const body = makeJsonBody(deps.config.limits);
  app.use("/graphql", postOnly, jsonOnly, ...body, noBatch);
  app.use("/auth", (req, res, next) => {
    if (req.method === "GET" || req.method === "HEAD") next();
    else if (req.method === "POST") jsonOnly(req, res, next);
    else next(new AppError("METHD", "Only GET and POST are answered here"));
  });
  app.use("/auth", ...body);
}

const postOnly: RequestHandler = (req, res, next) => {
  // The stream of schema changes is a GET; grafserv serves it in development.
  if (req.method === "POST" || req.path !== "/") {
    next();
    return;
  }
  res.set("Allow", "POST");
  next(new AppError("METHD"));
};

const noBatch: RequestHandler = (req, _res, next) => {
  next(
    Array.isArray(req.body)
      ? new AppError("BADRQ", "One operation per request: send no list", {
          hint: "Ask for several fields in one operation instead",
        })
      : undefined,
  );
};
