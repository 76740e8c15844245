import { isUtf8 } from "node:buffer";

export type Line = {
  number: number;
  /** Null when it is longer than it may be, or no UTF-8. */
  text: string | null;
  fault?: "too_long" | "not_utf8";
  /** Where the next line begins. */
  endsAt: number;
};

const NEWLINE = 0x0a;

/**
 * The lines of a stream of bytes. A line beyond `maxBytes` is passed over as it
 * comes, so that a file without a line break costs no more than one with.
 */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<Line, void, undefined> {
  let parts: Buffer[] = [];
  let held = 0;
  let tooLong = false;
  let number = 0;
  let at = 0;
  const add = (part: Buffer) => {
    if (tooLong || held + part.length > maxBytes) {
      tooLong = true;
      parts = [];
      held = 0;
    } else if (part.length > 0) {
      parts.push(part);
      held += part.length;
    }
  };
  const take = (): Line => {
    const bytes = Buffer.concat(parts);
    const line = tooLong
      ? { text: null, fault: "too_long" as const }
      : decode(bytes);
    parts = [];
    held = 0;
    tooLong = false;
    return { number: ++number, endsAt: at, ...line };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      if (end === -1) break;
      add(chunk.subarray(from, end));
      at += end + 1 - from;
      from = end + 1;
      yield take();
    }
    add(chunk.subarray(from));
    at += chunk.length - from;
  }
  if (held > 0 || tooLong) yield take();
}

function decode(bytes: Buffer): Pick<Line, "text" | "fault"> {
  if (!isUtf8(bytes)) return { text: null, fault: "not_utf8" };
  // A mark at the beginning of a file is no part of its first line.
  return { text: bytes.toString("utf8").replace(/^\uFEFF/, "") };
}
