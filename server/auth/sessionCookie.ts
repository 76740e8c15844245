import type { IncomingMessage } from "node:http";

import type { Response } from "express";

import type { Config } from "../config.ts";

/** Reads, sets and clears the one cookie of a browser session. */
export type SessionCookie = {
  name: string;
  read(request: IncomingMessage): string | null;
  set(res: Response, token: string): void;
  clear(res: Response): void;
};

/** As long as a session can last; the database ends it earlier when idle. */
const MAX_AGE_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * HttpOnly, so that no script reads it; SameSite=Lax, so that no other site's
 * form carries it. Under TLS it is Secure and takes the __Host- prefix, which
 * keeps a sister domain from planting one.
 */
export function makeSessionCookie(
  config: Pick<Config, "rootUrl">,
): SessionCookie {
  const secure = config.rootUrl.startsWith("https:");
  const name = secure ? "__Host-closetai_session" : "closetai_session";
  const options = {
    httpOnly: true,
    sameSite: "lax",
    secure,
    path: "/",
  } as const;
  return {
    name,
    read: (request) => readCookie(request.headers.cookie, name),
    set: (res, token) => {
      res.cookie(name, token, { ...options, maxAge: MAX_AGE_MS });
    },
    clear: (res) => {
      res.clearCookie(name, options);
    },
  };
}

/** The first cookie of that name; our tokens need no decoding. */
export function readCookie(
  header: string | undefined,
  name: string,
): string | null {
  for (const part of header?.split(";") ?? []) {
    const equals = part.indexOf("=");
    if (equals > 0 && part.slice(0, equals).trim() === name) {
      return part.slice(equals + 1).trim();
    }
  }
  return null;
}
