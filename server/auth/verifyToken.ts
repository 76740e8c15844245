import {
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";

import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";

/** What a verified token says; never a role, which is data. */
export type TokenClaims = { userId: string; brandId: string | null };

export type VerifyToken = (token: string) => Promise<TokenClaims>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The algorithms are fixed by the kind of key we hold, never by the token: so
 * neither "none" nor an HS256 token signed with a public key can pass.
 */
const SECRET_ALGORITHMS = ["HS256"];
const PUBLIC_KEY_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];

/** One answer for every fault of a token: which one it was helps only a forger. */
function refused(): AppError {
  return new AppError("LOGIN", "This token is not accepted", {
    hint: "Get a new token and try again",
  });
}

export function makeVerifyToken(config: Pick<Config, "jwt">): VerifyToken {
  const { secret, jwksUrl, audience, issuer } = config.jwt;
  const options: JWTVerifyOptions = {
    audience,
    ...(issuer === null ? {} : { issuer }),
    requiredClaims: ["sub", "exp"],
    clockTolerance: 5,
  };
  if (secret !== null) {
    const key = new TextEncoder().encode(secret);
    return (token) =>
      readClaims(() =>
        jwtVerify(token, key, { ...options, algorithms: SECRET_ALGORITHMS }),
      );
  }
  if (jwksUrl !== null) {
    const keys = createRemoteJWKSet(new URL(jwksUrl), {
      timeoutDuration: 3_000,
    });
    return (token) =>
      readClaims(() =>
        jwtVerify(token, keys, {
          ...options,
          algorithms: PUBLIC_KEY_ALGORITHMS,
        }),
      );
  }
  return () => Promise.reject(refused());
}

async function readClaims(
  verify: () => Promise<{ payload: JWTPayload }>,
): Promise<TokenClaims> {
  let payload: JWTPayload;
  try {
    ({ payload } = await verify());
  } catch (error) {
    if (isKeyServerFault(error)) {
      throw new AppError(
        "BUSY",
        "The keys of the identity provider cannot be fetched just now",
        { cause: error },
      );
    }
    if (error instanceof errors.JOSEError) throw refused();
    throw error;
  }
  const { sub, brand_id: brandId } = payload;
  if (typeof sub !== "string" || !UUID.test(sub)) throw refused();
  if (brandId === undefined || brandId === null) {
    return { userId: sub, brandId: null };
  }
  if (typeof brandId !== "string" || !UUID.test(brandId)) throw refused();
  return { userId: sub, brandId };
}

/** The token may be good: only the way to the keys is broken. */
function isKeyServerFault(error: unknown): boolean {
  return (
    error instanceof errors.JWKSTimeout ||
    // jose throws its plain base class for an answer that is not a key set.
    (error instanceof errors.JOSEError && error.code === "ERR_JOSE_GENERIC") ||
    (error instanceof TypeError && error.message === "fetch failed")
  );
}
