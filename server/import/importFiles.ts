import { once } from "node:events";
import type { Readable } from "node:stream";

import { AppError } from "../errors/AppError.ts";

/** Where uploaded files live; a flydrive Disk fits. */
export type ImportFiles = {
  putStream(key: string, contents: Readable): Promise<void>;
  getStream(key: string): Promise<Readable>;
  delete(key: string): Promise<void>;
};

/** The stored file of a run, open; NTFND when it is kept no longer. */
export async function openImportFile(
  files: ImportFiles,
  key: string | null,
): Promise<Readable> {
  if (key === null) throw gone();
  try {
    const stream = await files.getStream(key);
    // A folder's stream finds out only now whether there is a file.
    await once(stream, "readable");
    return stream;
  } catch (error) {
    if (hasCode(error, ["ENOENT", "NoSuchKey", "NotFound"])) throw gone(error);
    throw error;
  }
}

/** What a failed write means to the person who uploads. */
export function storeError(error: unknown): unknown {
  if (!hasCode(error, ["ENOSPC", "EDQUOT"])) return error;
  return new AppError(
    "DOWN",
    "The server has no room to store this file just now",
    { cause: error },
  );
}

/** Drivers wrap what went wrong, at times more than once. */
function hasCode(error: unknown, codes: readonly string[]): boolean {
  let cause = error;
  while (typeof cause === "object" && cause !== null) {
    if ("name" in cause && codes.includes(String(cause.name))) return true;
    if ("code" in cause && codes.includes(String(cause.code))) return true;
    cause = "cause" in cause ? cause.cause : null;
  }
  return false;
}

function gone(cause?: unknown): AppError {
  return new AppError("NTFND", "The file of this import is no longer kept", {
    hint: "Upload it again",
    cause,
  });
}
