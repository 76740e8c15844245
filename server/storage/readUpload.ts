import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";

import { AppError } from "../errors.ts";

const DRAIN_MS = 5_000;

/**
 * Feeds a request into a checking stream. Not by pipeline(), which would end
 * the connection on a refusal: the sender is still there, and is told why.
 */
export function feed(req: IncomingMessage, check: Transform): void {
  const cutOff = () => {
    if (!req.complete) {
      check.destroy(new AppError("BADRQ", "The upload was cut off"));
    }
  };
  req.on("close", cutOff);
  req.on("error", cutOff);
  check.on("error", () => {
    req.unpipe(check);
  });
  req.pipe(check);
}

/**
 * Reads what is left of a refused upload and forgets it: a browser that is
 * still sending sees a broken connection instead of the answer. Not for ever,
 * and not without bound.
 */
export function drain(req: IncomingMessage, maxBytes: number): Promise<void> {
  return new Promise((resolve) => {
    if (req.complete || req.destroyed) {
      resolve();
      return;
    }
    let left = maxBytes;
    const end = () => {
      clearTimeout(timer);
      req.off("data", count);
      req.off("end", end);
      req.off("close", end);
      resolve();
    };
    const count = (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) end();
    };
    const timer = setTimeout(end, DRAIN_MS);
    req.on("data", count);
    req.on("end", end);
    req.on("close", end);
    req.resume();
  });
}
