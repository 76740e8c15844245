import { createHash } from "node:crypto";

import { AppError } from "../errors.ts";

const HEADER = /^Bearer +(wk_[A-Za-z0-9_-]{43})$/i;

/** The hash of a worker key, as the database keeps it. */
export function readWorkerKey(header: string | undefined): Buffer {
  const key = HEADER.exec(header?.trim() ?? "")?.[1];
  if (key === undefined) {
    throw new AppError("LOGIN", "This is not a worker key", {
      hint: "Send a worker key that is in use as a Bearer token",
    });
  }
  return createHash("sha256").update(key).digest();
}
