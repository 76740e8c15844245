import { createHash } from "node:crypto";
import { Readable, Transform, type TransformCallback } from "node:stream";

import { type ColumnMapping, columnNames } from "./columns.ts";
import { EncodingProbe, type FileEncoding } from "./encoding.ts";
import { ImportError } from "./importError.ts";
import {
  CATALOGUE,
  type ImportTarget,
  type TargetFor,
} from "./importTarget.ts";
import {
  type Delimiter,
  DELIMITERS,
  type FileFormat,
  type FileRow,
  MAX_ROW_BYTES,
  readRows,
} from "./readRows.ts";

/** What a look at a file tells before anything of it is imported. */
export type Inspection = FileFormat & {
  header: string[];
  target: ImportTarget;
  mapping: ColumnMapping;
  /** The first rows, for the person who checks the mapping. */
  sample: FileRow[];
  /** Sentences about what was guessed or is odd. */
  warnings: string[];
};

export const SAMPLE_ROWS = 5;

/** Enough for a header and a first row of the largest size. */
export const HEAD_BYTES = 2 * MAX_ROW_BYTES;

const PIECE_BYTES = 16 * 1024;

/** Rows that decide about the delimiter. */
const PROBE_ROWS = 20;

/**
 * Passes a file on unchanged and remembers what is needed to know it: size,
 * SHA-256, the beginning, and what its bytes say about the encoding.
 */
export class FileProbe extends Transform {
  readonly #hash = createHash("sha256");
  readonly #encoding = new EncodingProbe();
  readonly #maxBytes: number;
  #head: Buffer[] = [];
  #headBytes = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    super();
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Only once the stream has ended. */
  sha256(): Buffer {
    return this.#hash.digest();
  }

  override _transform(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: TransformCallback,
  ): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) {
      done(tooLarge(this.#maxBytes));
      return;
    }
    this.#hash.update(chunk);
    this.#encoding.update(chunk);
    if (this.#headBytes < HEAD_BYTES) {
      const part = Buffer.from(chunk.subarray(0, HEAD_BYTES - this.#headBytes));
      this.#head.push(part);
      this.#headBytes += part.length;
    }
    done(null, chunk);
  }

  /** Only once the stream has ended. Throws an ImportError for a file that is none of ours. */
  async inspect(targetFor: TargetFor = () => CATALOGUE): Promise<Inspection> {
    if (this.#bytes === 0) throw emptyFile();
    const head = Buffer.concat(this.#head);
    this.#head = [];
    return inspectHead(
      head,
      this.#encoding.decide(),
      this.#bytes > this.#headBytes,
      targetFor,
    );
  }
}

export function tooLarge(maxBytes: number): ImportError {
  return new ImportError(
    "LARGE",
    `The file is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB.`,
    "Split it into several files and import them one after the other.",
    413,
  );
}

/** Header, delimiter, mapping and sample from the beginning of a file. */
export async function inspectHead(
  head: Buffer,
  encoding: FileEncoding,
  isCut: boolean,
  targetFor: TargetFor = () => CATALOGUE,
): Promise<Inspection> {
  const delimiter = await guessDelimiter(head, encoding, targetFor);
  const format = { encoding, delimiter };
  const { rows, fault } = await firstRows(head, format, 1 + SAMPLE_ROWS);
  // Where only the beginning of the file is at hand, its last row is torn by
  // us; the run reads the whole file and will tell a real fault.
  if (fault !== null && (!isCut || rows.length < 2)) throw fault;
  const [first, ...sample] = rows;
  if (first === undefined) throw emptyFile();
  const header = columnNames(first.fields);
  if (header.length === 1) throw oneColumn(header[0] ?? "");
  if (sample.length === 0) {
    throw new ImportError(
      "NOROW",
      "The file has a header but no rows.",
      "Export it again with its rows.",
    );
  }
  const target = targetFor(header);
  const mapping = target.guess(header);
  return {
    ...format,
    header,
    target,
    mapping,
    sample,
    warnings: warningsFor(encoding, first.fields, header, target, mapping),
  };
}

/** The delimiter under which the first rows look most like a catalogue. */
async function guessDelimiter(
  head: Buffer,
  encoding: FileEncoding,
  targetFor: TargetFor,
): Promise<Delimiter> {
  let best: { delimiter: Delimiter; score: number } | null = null;
  for (const delimiter of DELIMITERS) {
    const { rows } = await firstRows(head, { encoding, delimiter }, PROBE_ROWS);
    const score = scoreOf(rows, targetFor);
    if (best === null || score > best.score) best = { delimiter, score };
  }
  return best?.delimiter ?? ",";
}

/** Known column names count most, then rows as long as the header, then its length. */
function scoreOf(rows: readonly FileRow[], targetFor: TargetFor): number {
  const [header, ...rest] = rows;
  if (header === undefined || header.fields.length < 2) return 0;
  const width = header.fields.length;
  const even = rest.filter((row) => row.fields.length === width).length;
  const share = rest.length === 0 ? 0 : even / rest.length;
  const known = Object.keys(targetFor(header.fields).guess(header.fields));
  return known.length * 1_000 + share * 100 + Math.min(width, 99);
}

/** Rows up to a count, or up to the fault that ends them. */
async function firstRows(
  head: Buffer,
  format: FileFormat,
  count: number,
): Promise<{ rows: FileRow[]; fault: ImportError | null }> {
  const rows: FileRow[] = [];
  try {
    for await (const row of readRows(Readable.from(pieces(head)), format)) {
      rows.push(row);
      if (rows.length === count) break;
    }
    return { rows, fault: null };
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    return { rows, fault: error };
  }
}

/** In pieces, so that the parser stops soon after the last row asked for. */
function* pieces(head: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < head.length; at += PIECE_BYTES) {
    yield head.subarray(at, at + PIECE_BYTES);
  }
}

function warningsFor(
  encoding: FileEncoding,
  rawHeader: readonly string[],
  header: readonly string[],
  target: ImportTarget,
  mapping: ColumnMapping,
): string[] {
  const warnings: string[] = [];
  if (encoding === "windows-1252") {
    warnings.push(
      "The file is not UTF-8; it is read as Windows-1252. Check that accented letters look right.",
    );
  }
  const renamed = header.filter(
    (name, index) => name !== rawHeader[index]?.trim(),
  );
  if (renamed.length > 0) {
    warnings.push(
      `Columns without a name of their own are shown as ${renamed.map((name) => `“${name}”`).join(", ")}.`,
    );
  }
  if (Object.keys(mapping).length === 0) {
    warnings.push(
      "No column name of the first line is known. Check that the first line is the header: it is not imported.",
    );
  } else {
    const missing = target.fields.filter(
      ({ name, required }) => required && mapping[name] === undefined,
    );
    if (missing.length > 0) {
      const names = missing.map(({ name, label }) => label ?? name);
      warnings.push(`Choose a column for: ${names.join(", ")}.`);
    }
  }
  return warnings;
}

function emptyFile(): ImportError {
  return new ImportError(
    "NOROW",
    "The file is empty.",
    "Choose the file that holds the catalogue.",
  );
}

function oneColumn(name: string): ImportError {
  return new ImportError(
    "NODEL",
    `The header has one column only: “${name.length > 60 ? `${name.slice(0, 60)}…` : name}”.`,
    "Columns must be separated by a comma, a semicolon, a tab or a vertical bar. Export the file with one of them.",
  );
}
