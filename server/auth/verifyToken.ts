import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyOptions,
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
      [customFetch]: fetchKeys,
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
    if (error instanceof errors.JWKSTimeout) throw keysMissing(error);
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

/** Without the keys a token is neither good nor bad: the caller tries again. */
const fetchKeys: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options).catch((cause: unknown) => {
    throw keysMissing(cause);
  });
  if (!response.ok) throw keysMissing(`status ${response.status}`);
  return response;
};

function keysMissing(cause: unknown): AppError {
  return new AppError(
    "BUSY",
    "The keys of the identity provider cannot be fetched just now",
    { cause },
  );
}
