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
    withinDeadline(
      limits.headersMs,
      express.json({
        limit: limits.bodyBytes,
        strict: true,
        type: "application/json",
      }),
    ),
  ];
}

/**
 * A small body that comes drop by drop only holds a connection. Goes on once:
 * what the reader says after the deadline is of no use to anybody.
 */
export function withinDeadline(
  ms: number,
  read: RequestHandler,
): RequestHandler {
  return (req, res, next) => {
    let over = false;
    const goOn: typeof next = (error?: unknown) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      next(error);
    };
    const timer = setTimeout(() => {
      res.set("Connection", "close");
      res.on("finish", () => req.destroy());
      goOn(
        new AppError("BADRQ", "The request took too long to arrive", {
          status: 408,
        }),
      );
    }, ms);
    read(req, res, goOn);
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
