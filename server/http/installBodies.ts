import express, { type Express, type RequestHandler } from "express";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";

/**
 * Reads JSON where JSON is expected, and refuses everything else before it is
 * read. A form of another site can send text/plain, never application/json.
 */
export function installBodies(app: Express, deps: AppDeps): void {
  const parse = express.json({
    limit: deps.config.limits.bodyBytes,
    strict: true,
    type: "application/json",
  });
  const inTime = bodyDeadline(deps.config.limits.headersMs);
  app.use("/graphql", postOnly, jsonOnly, inTime, parse, noBatch);
  app.use("/auth", (req, res, next) => {
    if (req.method === "GET" || req.method === "HEAD") next();
    else if (req.method === "POST") jsonOnly(req, res, next);
    else next(new AppError("METHD", "Only GET and POST are answered here"));
  });
  app.use("/auth", inTime, parse);
}

/** A small body that comes drop by drop only holds a connection. */
function bodyDeadline(ms: number): RequestHandler {
  return (req, res, next) => {
    const timer = setTimeout(() => {
      res.set("Connection", "close");
      next(
        new AppError("BADRQ", "The request took too long to arrive", {
          status: 408,
        }),
      );
      res.on("finish", () => req.destroy());
    }, ms);
    req.on("close", () => {
      clearTimeout(timer);
    });
    req.on("end", () => {
      clearTimeout(timer);
    });
    next();
  };
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

const jsonOnly: RequestHandler = (req, _res, next) => {
  if (req.method !== "POST" || req.is("application/json") !== false) {
    // A POST without a body at all is null here, and the route says what it lacks.
    next();
    return;
  }
  next(new AppError("MEDIA"));
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
