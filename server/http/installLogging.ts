import type { Express } from "express";

import type { AppDeps } from "../app.ts";

/**
 * One line per request. The path only: query strings carry signatures and
 * one-time tokens, headers carry sessions, bodies carry passwords.
 */
export function installLogging(app: Express, { log, config }: AppDeps): void {
  const quiet = config.mode === "production" ? "info" : "debug";
  app.use((req, res, next) => {
    const startedAt = performance.now();
    const [path] = req.originalUrl.split("?", 1);
    res.on("close", () => {
      const status = res.writableFinished ? res.statusCode : 499;
      const level = status >= 500 ? "error" : status === 499 ? "debug" : quiet;
      log[level](
        {
          requestId: req.requestId,
          method: req.method,
          path,
          status,
          ms: Math.round(performance.now() - startedAt),
          userId: req.actor?.userId ?? undefined,
          role: req.actor?.role,
        },
        "request",
      );
    });
    next();
  });
}
