import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";

import { ImportError } from "./importError.ts";
import { formatOf, type ImportRun } from "./importRun.ts";
import { type FileRow, readRows } from "./readRows.ts";

const CHUNK_CHARS = 64 * 1024;

/** A file of line breaks and little else would fill the disk otherwise. */
export const MAX_IMPORT_ROWS = 2_000_000;

/**
 * Streams the rows of a file into the staging table through COPY. Memory stays
 * the same whatever the size: the file, the parser and the connection hold each
 * other back. `onChunk` is called between chunks; what it throws ends the copy.
 */
export async function copyRows(
  client: ClientBase,
  run: ImportRun,
  file: Readable,
  onChunk: () => Promise<void>,
  maxRows: number = MAX_IMPORT_ROWS,
): Promise<void> {
  const target = client.query(
    copyFrom(
      "copy app_private.import_rows (run_id, line_no, fields) from stdin",
    ),
  );
  await pipeline(
    copyText(run.id, readRows(file, formatOf(run)), onChunk, maxRows),
    target,
  );
}

/** Rows in COPY's text format, the header left out. */
async function* copyText(
  runId: string,
  rows: AsyncIterable<FileRow>,
  onChunk: () => Promise<void>,
  maxRows: number,
): AsyncGenerator<string, void, undefined> {
  let chunk = "";
  let isHeader = true;
  let count = 0;
  for await (const row of rows) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    count++;
    if (count > maxRows) throw tooManyRows(maxRows);
    chunk += `${runId}\t${row.line}\t${copyArray(row.fields)}\n`;
    if (chunk.length >= CHUNK_CHARS) {
      await onChunk();
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}

function tooManyRows(maxRows: number): ImportError {
  return new ImportError(
    "LARGE",
    `The file has more than ${maxRows.toLocaleString("en")} rows.`,
    "Split it into several files and import them one after the other.",
  );
}

/**
 * A text[] in COPY's text format: each element quoted for the array, and the
 * whole escaped for COPY, which reads backslashes first.
 */
export function copyArray(fields: readonly string[]): string {
  const elements = fields.map((field) => {
    // Most fields hold nothing special: one test instead of five replacements.
    if (!/["\\\n\r\t]/.test(field)) return `"${field}"`;
    const escaped = field
      .replaceAll("\\", "\\\\\\\\")
      .replaceAll('"', '\\\\"')
      .replaceAll("\n", "\\n")
      .replaceAll("\r", "\\r")
      .replaceAll("\t", "\\t");
    return `"${escaped}"`;
  });
  return `{${elements.join(",")}}`;
}
