import express, { type RequestHandler } from "express";

import type { Limits } from "../config.ts";
import { AppError } from "../errors.ts";

/**
 * Reads JSON of a bounded size within a bounded time. Say jsonOnly before it:
 * what is not JSON is refused before it is read.
 */
export function makeJsonBody(
  limits: Pick<Limits, "bodyBytes" | "headersMs">,
): RequestHandler[] {
  return [
    bodyDeadline(limits.headersMs),
    express.json({
      limit: limits.bodyBytes,
      strict: true,
      type: "application/json",
    }),
  ];
}

/** A small body that comes drop by drop only holds a connection. */
export function bodyDeadline(ms: number): RequestHandler {
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

/** A form of another site can send text/plain, never application/json. */
export const jsonOnly: RequestHandler = (req, _res, next) => {
  if (req.method !== "POST" || req.is("application/json") !== false) {
    // A POST without a body at all is null here, and the route says what it lacks.
    next();
    return;
  }
  next(new AppError("MEDIA"));
};
