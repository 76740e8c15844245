import type { IncomingHttpHeaders } from "node:http";

import type { Config } from "../config.ts";

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * Whether a request that a cookie speaks for comes from our own pages. Browsers
 * always say so on what can change something; a request that says nothing is no
 * browser's, and a program has bearer tokens.
 */
export function isAllowedOrigin(
  headers: IncomingHttpHeaders,
  config: Pick<Config, "mode" | "rootUrl">,
): boolean {
  const { origin } = headers;
  if (origin === undefined) return headers["sec-fetch-site"] === "same-origin";
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.origin === new URL(config.rootUrl).origin) return true;
  // Vite's development server and tests listen on other ports of this machine.
  return config.mode !== "production" && LOOPBACK.test(url.hostname);
}
