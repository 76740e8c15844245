import { randomUUID } from "node:crypto";

import type { Express } from "express";

import { requestScope } from "../requestScope.ts";

declare global {
  namespace Express {
    // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- only an interface merges
    interface Request {
      /** In the log, in the audit trail, in the answer and in its errors. */
      requestId: string;
    }
  }
}

/** What a proxy in front may call a request; anything else gets our own id. */
const GIVEN_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** Names the request, and everything that happens while it is answered. */
export function installRequestScope(app: Express): void {
  app.use((req, res, next) => {
    const given = req.get("x-request-id");
    req.requestId =
      given !== undefined && GIVEN_ID.test(given) ? given : randomUUID();
    res.setHeader("X-Request-Id", req.requestId);
    requestScope.run({ requestId: req.requestId }, next);
  });
}
