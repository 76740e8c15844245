import { createHash, randomBytes } from "node:crypto";

/** A secret the holder keeps, and what we keep of it. */
export type Token = { token: string; hash: Buffer };

const TOKEN_FORM = /^[A-Za-z0-9_-]{43}$/;

/** 256 random bits, base64url. Only the hash is ever stored. */
export function newToken(): Token {
  const token = randomBytes(32).toString("base64url");
  return { token, hash: sha256(token) };
}

/** The stored form of a token; null for what cannot be one. */
export function hashToken(token: unknown): Buffer | null {
  return typeof token === "string" && TOKEN_FORM.test(token)
    ? sha256(token)
    : null;
}

function sha256(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
