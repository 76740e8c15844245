import type { Express } from "express";
import helmet from "helmet";

import type { AppDeps } from "../app.ts";

/**
 * What a browser may do with our pages. No script but our own files, no frame,
 * no plugin; styles may be inline, because the admin's theme writes them at run
 * time and a style runs nothing.
 */
export function installSecurityHeaders(app: Express, deps: AppDeps): void {
  const { config } = deps;
  const secure = config.rootUrl.startsWith("https:");
  // "self" covers the websocket in current browsers; older ones want it named.
  const socketOrigin = new URL(config.rootUrl).origin.replace(/^http/, "ws");
  const common = {
    strictTransportSecurity: secure,
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: "no-referrer" },
    xFrameOptions: { action: "deny" },
  } as const;
  const strict = helmet({
    ...common,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        scriptSrcAttr: ["'none'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:", "blob:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'", socketOrigin],
        workerSrc: ["'self'"],
        manifestSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        ...(secure ? { upgradeInsecureRequests: [] } : {}),
      },
    },
  });
  // The GraphQL explorer writes scripts into its page; it exists for developers
  // only, never in production.
  const relaxed = helmet({ ...common, contentSecurityPolicy: false });
  app.disable("x-powered-by");
  app.use((req, res, next) => {
    const explorer =
      config.mode !== "production" && /^\/ruru(\/|$)/.test(req.path);
    (explorer ? relaxed : strict)(req, res, next);
  });
}
