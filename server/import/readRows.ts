import { pipeline, type Readable, Transform } from "node:stream";

import { CsvError, type Options, parse } from "csv-parse";

import { decoderFor, type FileEncoding } from "./encoding.ts";
import { ImportError } from "./importError.ts";

export const DELIMITERS = [",", ";", "\t", "|"] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** How the bytes of a file become rows. */
export type FileFormat = { encoding: FileEncoding; delimiter: Delimiter };

/** One row as it stands in the file; `line` is where it starts, from 1. */
export type FileRow = { line: number; fields: string[] };

/** A row beyond this is a fault of the file: most often a quote left open. */
export const MAX_ROW_BYTES = 1024 * 1024;

/** The parser's limit counts text, not delimiters: a row of commas has none. */
const MAX_ROW_FIELDS = 100_000;

/**
 * The rows of a file, header included, blank ones left out, in constant
 * memory. Rows may have any number of fields: what a short or long row means
 * is decided where rows are checked. Throws an ImportError for a file that
 * cannot be read to its end.
 */
export async function* readRows(
  source: Readable,
  format: FileFormat,
  maxRowBytes: number = MAX_ROW_BYTES,
): AsyncGenerator<FileRow, void, undefined> {
  // The parser counts the two characters of a CR LF inside a quoted field as
  // two lines; `surplus` is by how much it is ahead of the file.
  let surplus = 0;
  let lastLine = 0;
  let blankLines = 0;

  const options: Options<FileRow, string[]> = {
    bom: true,
    delimiter: format.delimiter,
    // All three, at any time: one stray CRLF must not glue rows together.
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    // A lone quote inside a text (5" heel) is a character, not an error.
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: maxRowBytes,
    on_record: (fields: string[], info): FileRow | null => {
      const [counted, real] = lineBreaks(fields);
      const line = info.lines - surplus - counted;
      surplus += counted - real;
      lastLine = info.lines - surplus;
      blankLines = info.empty_lines;
      return fields.every(isBlank)
        ? null
        : { line, fields: fields.map(withoutNul) };
    },
  };
  // Its types know rows of another shape only together with column names.
  const parser = parse(options as unknown as Options);

  const startOfRow = (): number =>
    lastLine + 1 + (parser.info.empty_lines - blankLines);
  // The fields of the row being read, which the parser's types leave out.
  const { state } = parser as unknown as { state: { record: unknown[] } };
  const guard = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (state.record.length <= MAX_ROW_FIELDS) done(null, chunk);
      else done(tooManyFields(startOfRow()));
    },
  });

  const decoder = decoderFor(format.encoding);
  const streams =
    decoder === null
      ? [source, guard, parser]
      : [source, decoder, guard, parser];
  // An error anywhere destroys the parser with it, and the loop below throws it.
  pipeline(streams, () => undefined);

  try {
    for await (const row of parser as AsyncIterable<FileRow>) yield row;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw faultOf(error, startOfRow(), maxRowBytes);
  }
}

function lineBreaks(
  fields: readonly string[],
): [counted: number, real: number] {
  let counted = 0;
  let real = 0;
  for (const field of fields) {
    for (let at = 0; at < field.length; at++) {
      const code = field.charCodeAt(at);
      if (code === 13) {
        counted++;
        if (field.charCodeAt(at + 1) !== 10) real++;
      } else if (code === 10) {
        counted++;
        real++;
      }
    }
  }
  return [counted, real];
}

function isBlank(field: string): boolean {
  return field.trim() === "";
}

/**
 * PostgreSQL text holds no NUL. It becomes another control character, so that
 * the row is refused for it where the field matters, and reported whole.
 */
function withoutNul(field: string): string {
  return field.includes("\0") ? field.replaceAll("\0", "\u0001") : field;
}

function tooManyFields(start: number): ImportError {
  return new ImportError(
    "LARGE",
    `The row that starts at line ${start} has more than ${MAX_ROW_FIELDS.toLocaleString("en")} fields.`,
    "Repair that line and upload the file again.",
  );
}

function faultOf(error: CsvError, start: number, maxRowBytes: number): Error {
  switch (error.code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return new ImportError(
        "QUOTE",
        `The row that starts at line ${start} opens a quote and never closes it.`,
        "The file was cut off there, or a quote inside a text is not doubled. Repair that line, or export the file again.",
      );
    case "CSV_MAX_RECORD_SIZE":
      return new ImportError(
        "LARGE",
        `The row that starts at line ${start} is larger than ${Math.floor(maxRowBytes / 1024)} KB.`,
        "A field is far too long there, or a quote is opened and never closed. Repair that line and upload the file again.",
      );
    default:
      return error;
  }
}
