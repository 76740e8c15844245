import type { IncomingMessage } from "node:http";

import type { Pool, QueryConfig } from "pg";

import { AppError } from "../errors.ts";
import { type Actor, anonymousActor } from "./actor.ts";
import type { SessionCookie } from "./sessionCookie.ts";
import { hashToken } from "./token.ts";
import type { VerifyToken } from "./verifyToken.ts";

export type Actors = {
  /** Who sent this request. */
  ofRequest(request: IncomingMessage, requestId: string): Promise<Actor>;
  /** Whose session this is, by the hash of its token. */
  ofSession(hash: Buffer, requestId: string): Promise<Actor>;
};

const RESOLVE_TIMEOUT_MS = 3_000;

type ResolvedRow = { role: string; user_id: string; brand_id: string | null };

/**
 * Who is asking: a bearer token if one was sent, else the session cookie. The
 * database answers anew each time, from data. An ended session reads as signed
 * out; a token that is not good is refused, because a program sent it.
 */
export function makeActors(deps: {
  pool: Pool;
  cookie: SessionCookie;
  verifyToken: VerifyToken;
}): Actors {
  const resolve = async (
    sessionHash: Buffer | null,
    userId: string | null,
    brandId: string | null,
  ): Promise<ResolvedRow | null> => {
    const query: QueryConfig & { query_timeout: number } = {
      name: "resolve_actor",
      text: "select role, user_id, brand_id from app_private.resolve_actor($1, $2, $3)",
      values: [sessionHash, userId, brandId],
      // A frozen database answers nothing at all: its own timeouts are frozen too.
      query_timeout: RESOLVE_TIMEOUT_MS,
    };
    const { rows } = await deps.pool.query<ResolvedRow>(query);
    return rows[0] ?? null;
  };

  const ofSession: Actors["ofSession"] = async (hash, requestId) => {
    const row = await resolve(hash, null, null);
    return row === null
      ? anonymousActor(requestId)
      : { ...fromRow(requestId, row), sessionId: hash.toString("hex") };
  };

  return {
    ofSession,
    ofRequest: async (request, requestId) => {
      const bearer = readBearer(request.headers.authorization);
      if (bearer !== null) {
        const claims = await deps.verifyToken(bearer);
        const row = await resolve(null, claims.userId, claims.brandId);
        if (row === null) {
          throw new AppError("LOGIN", "This token is not accepted", {
            hint: "Get a new token and try again",
          });
        }
        return fromRow(requestId, row);
      }
      const hash = hashToken(deps.cookie.read(request));
      return hash === null
        ? anonymousActor(requestId)
        : ofSession(hash, requestId);
    },
  };
}

/** The token of an Authorization header; null without one. */
export function readBearer(header: string | undefined): string | null {
  if (header === undefined) return null;
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(header.trim())?.[1];
  if (token === undefined || token.startsWith("ck_")) {
    throw new AppError("LOGIN", "This kind of authorization is not accepted", {
      hint: "Send Authorization: Bearer followed by a token",
    });
  }
  return token;
}

function fromRow(requestId: string, row: ResolvedRow): Actor {
  return {
    ...anonymousActor(requestId),
    role: row.role,
    userId: row.user_id,
    brandId: row.brand_id,
  };
}
