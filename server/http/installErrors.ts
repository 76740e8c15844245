import type { Socket } from "node:net";

import type { ErrorRequestHandler, Express } from "express";

import type { AppDeps } from "../app.ts";
import { errorCode } from "../db/errorCode.ts";
import { AppError, makeHttpErrors } from "../errors.ts";

/** What a stream says when the other end is gone. */
const HUNG_UP: ReadonlySet<string | null> = new Set([
  "ERR_STREAM_PREMATURE_CLOSE",
  "ECONNABORTED",
  "ECONNRESET",
  "EPIPE",
]);

/** The last two stops: nothing here, and something went wrong. */
export function installErrors(app: Express, deps: AppDeps): void {
  const describe = makeHttpErrors({
    log: deps.log,
    constraints: deps.constraints,
  });

  app.use((_req, _res, next) => {
    next(new AppError("NTFND", "There is nothing at this address"));
  });

  const handler: ErrorRequestHandler = (error, req, res, next) => {
    // Whoever asked has left: nobody is to be told, and nothing is wrong. A body that
    // was cut off by us has no socket any more, and its sender waits for an answer.
    const socket = req.socket as Socket | null;
    if (socket?.destroyed === true && HUNG_UP.has(errorCode(error))) return;
    const { status, headers, body } = describe(error);
    if (res.headersSent) {
      // Half an answer is out: cut it, so that nobody takes it for a whole one.
      res.destroy();
      return;
    }
    // An upload that is refused midway would otherwise be read to its end.
    if (!req.complete && req.method !== "GET") res.set("Connection", "close");
    res.status(status).set(headers).set("Cache-Control", "no-store");
    const { message, ...extensions } = body.error;
    res.json(
      req.path === "/graphql" || req.baseUrl === "/graphql"
        ? { errors: [{ message, extensions }] }
        : body,
    );
    void next;
  };
  app.use(handler);
}
