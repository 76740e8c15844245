import type { Transform } from "node:stream";

import iconv from "iconv-lite";

import { ImportError } from "./importError.ts";

/** The encodings a file may have; anything else is refused with a sentence. */
export const FILE_ENCODINGS = [
  "utf-8",
  "utf-16le",
  "utf-16be",
  "windows-1252",
] as const;
export type FileEncoding = (typeof FILE_ENCODINGS)[number];

const MAGIC: readonly { bytes: readonly number[]; what: string }[] = [
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    what: "an Excel workbook or a ZIP archive",
  },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], what: "an old Excel workbook" },
  { bytes: [0x25, 0x50, 0x44, 0x46], what: "a PDF" },
  { bytes: [0x1f, 0x8b], what: "a gzip archive" },
  { bytes: [0x89, 0x50, 0x4e, 0x47], what: "a PNG picture" },
  { bytes: [0xff, 0xd8, 0xff], what: "a JPEG picture" },
];

/** Bytes that windows-1252 leaves undefined: such a file is something else. */
const UNDEFINED_IN_1252 = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/** Tab, line feed, vertical tab, form feed and carriage return are text. */
const isControl = (byte: number): boolean =>
  byte < 0x09 || (byte > 0x0d && byte < 0x20) || byte === 0x7f;

/**
 * Looks at every byte of a file once, as it streams by, and says at the end
 * which encoding it has. A sample of the beginning would not do: the first
 * accented letter may stand three megabytes into the file.
 */
export class EncodingProbe {
  #head = Buffer.alloc(0);
  #bytes = 0;
  #controls = 0;
  #undefinedIn1252 = 0;
  #nulAtEven = 0;
  #nulAtOdd = 0;
  // UTF-8 state machine: how many continuation bytes are due, and the range
  // the next one must lie in (it excludes overlong forms and surrogates).
  #due = 0;
  #low = 0x80;
  #high = 0xbf;
  #sequences = 0;
  #invalid = 0;
  #firstInvalid = -1;

  update(chunk: Buffer): void {
    if (this.#head.length < 8) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, 8)]);
    }
    for (const byte of chunk) {
      if (byte === 0) {
        if (this.#bytes % 2 === 0) this.#nulAtEven++;
        else this.#nulAtOdd++;
      } else if (isControl(byte)) {
        this.#controls++;
      }
      if (byte >= 0x80 || this.#due > 0) this.#utf8(byte);
      if (byte >= 0x80 && UNDEFINED_IN_1252.has(byte)) this.#undefinedIn1252++;
      this.#bytes++;
    }
  }

  /** The encoding of everything seen. Throws an ImportError when there is none. */
  decide(): FileEncoding {
    const head = this.#head;
    const magic = MAGIC.find(({ bytes }) =>
      bytes.every((byte, index) => head[index] === byte),
    );
    if (magic !== undefined) throw notText(`This file is ${magic.what}.`);
    if (startsWith(head, [0xff, 0xfe, 0, 0])) {
      throw new ImportError(
        "NOENC",
        "This file is in UTF-32, which is not supported.",
        "Save it as UTF-8 and upload it again.",
      );
    }
    if (startsWith(head, [0xff, 0xfe])) return this.#utf16("utf-16le");
    if (startsWith(head, [0xfe, 0xff])) return this.#utf16("utf-16be");

    const half = Math.max(1, this.#bytes / 2);
    const even = this.#nulAtEven / half;
    const odd = this.#nulAtOdd / half;
    if (this.#nulAtEven + this.#nulAtOdd > 0) {
      // Latin text in UTF-16 has a zero in (nearly) every second byte.
      if (odd > 0.3 && even < 0.02) return this.#utf16("utf-16le");
      if (even > 0.3 && odd < 0.02) return this.#utf16("utf-16be");
      // A stray zero is a fault of its row, told with its line; many are no text.
      if (odd + even > 0.02) throw notText("This file is not text.");
    }
    if (this.#controls > this.#bytes / 200) {
      throw notText("This file is not text.");
    }
    if (this.#invalid === 0) {
      // A file cut inside its last character ends with a due byte.
      if (this.#due === 0 || this.#sequences > 0) return "utf-8";
      return "windows-1252";
    }
    // UTF-8 with damage must not be taken for windows-1252: every accented
    // letter of it would come out as two wrong ones.
    const saysUtf8 = startsWith(head, [0xef, 0xbb, 0xbf]);
    if (saysUtf8 || this.#sequences > 2 * this.#invalid) {
      throw new ImportError(
        "NOENC",
        `This file is UTF-8 but damaged: byte ${this.#firstInvalid + 1} is no valid character.`,
        "Export it again, as CSV in UTF-8.",
      );
    }
    if (this.#undefinedIn1252 > 0) {
      throw new ImportError(
        "NOENC",
        "The encoding of this file is neither UTF-8, UTF-16 nor Windows-1252.",
        "Save it as CSV in UTF-8 and upload it again.",
      );
    }
    return "windows-1252";
  }

  #utf16(encoding: FileEncoding): FileEncoding {
    if (this.#bytes % 2 === 0) return encoding;
    throw new ImportError(
      "NOENC",
      "This UTF-16 file ends in the middle of a character: it was cut off.",
      "Export it again and upload the whole file.",
    );
  }

  #utf8(byte: number): void {
    if (this.#due > 0) {
      if (byte >= this.#low && byte <= this.#high) {
        this.#low = 0x80;
        this.#high = 0xbf;
        this.#due--;
        if (this.#due === 0) this.#sequences++;
        return;
      }
      this.#reject();
      if (byte < 0x80) return;
    }
    if (byte >= 0xc2 && byte <= 0xdf) this.#expect(1, 0x80, 0xbf);
    else if (byte === 0xe0) this.#expect(2, 0xa0, 0xbf);
    else if (byte === 0xed) this.#expect(2, 0x80, 0x9f);
    else if (byte >= 0xe1 && byte <= 0xef) this.#expect(2, 0x80, 0xbf);
    else if (byte === 0xf0) this.#expect(3, 0x90, 0xbf);
    else if (byte === 0xf4) this.#expect(3, 0x80, 0x8f);
    else if (byte >= 0xf1 && byte <= 0xf3) this.#expect(3, 0x80, 0xbf);
    else this.#reject();
  }

  #expect(due: number, low: number, high: number): void {
    this.#due = due;
    this.#low = low;
    this.#high = high;
  }

  #reject(): void {
    if (this.#invalid === 0) this.#firstInvalid = this.#bytes;
    this.#invalid++;
    this.#expect(0, 0x80, 0xbf);
  }
}

/** Turns the bytes of a file into UTF-8 text; null where they are that already. */
export function decoderFor(encoding: FileEncoding): Transform | null {
  // iconv-lite streams join characters that two chunks share. The platform's
  // TextDecoder mistakes windows-1252 for latin1 in some Node versions.
  return encoding === "utf-8"
    ? null
    : (iconv.decodeStream(encoding) as unknown as Transform);
}

function startsWith(head: Buffer, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => head[index] === byte);
}

function notText(message: string): ImportError {
  return new ImportError(
    "NOTXT",
    message,
    "Upload a CSV file: in a spreadsheet, choose “Save as” and then CSV (UTF-8).",
  );
}
