import { createHash } from "node:crypto";
import { Transform } from "node:stream";

import { AppError } from "../errors.ts";
import { SNIFF_BYTES, sniffImageType } from "./imageTypes.ts";
import type { UploadTicket } from "./signUrls.ts";

/** A stream that lets a picture through, and fails on anything else. */
export type ImageCheck = {
  stream: Transform;
  /** After the stream has ended. */
  sha256(): Buffer;
};

/**
 * Checks a picture while it passes: its first bytes against the promised type,
 * its size against the promised size. Nothing is kept in memory.
 */
export function checkImage(ticket: UploadTicket): ImageCheck {
  const hash = createHash("sha256");
  let head = Buffer.alloc(0);
  let sniffed = false;
  let bytes = 0;

  const sniff = (): AppError | null => {
    sniffed = true;
    return sniffImageType(head) === ticket.contentType
      ? null
      : new AppError(
          "INVAL",
          "The file is not the kind of picture it claims to be",
          { hint: "Use a PNG, JPEG, WebP or GIF picture" },
        );
  };

  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > ticket.bytes) {
        done(new AppError("LARGE", "The file is larger than announced"));
        return;
      }
      hash.update(chunk);
      if (!sniffed) {
        head = Buffer.concat([head, chunk.subarray(0, SNIFF_BYTES)]);
        const fault = head.length >= SNIFF_BYTES ? sniff() : null;
        if (fault !== null) {
          done(fault);
          return;
        }
      }
      done(null, chunk);
    },
    flush(done) {
      const fault = sniffed ? null : sniff();
      if (fault !== null) done(fault);
      else if (bytes !== ticket.bytes) {
        done(new AppError("INVAL", "The file is smaller than announced"));
      } else done();
    },
  });
  return { stream, sha256: () => hash.digest() };
}
