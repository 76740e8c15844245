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
      const level = levelOf(status, quiet);
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

/** Only a fault of ours is an error; not being able to serve is a warning. */
function levelOf(
  status: number,
  quiet: "info" | "debug",
): "error" | "warn" | "info" | "debug" {
  if (status === 499) return "debug";
  if (status === 503) return "warn";
  return status >= 500 ? "error" : quiet;
}
