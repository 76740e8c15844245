import { csvField } from "../csvField.ts";
import type { ExportRow } from "./exportPages.ts";
import type { ExportColumn, ExportFormat } from "./parseExportRequest.ts";

export type RowWriter = {
  contentType: string;
  extension: string;
  head(columns: readonly ExportColumn[]): string;
  row(row: ExportRow, columns: readonly ExportColumn[]): string;
};

/** The formats that are written a row at a time. */
export const ROW_WRITERS: Readonly<
  Record<Exclude<ExportFormat, "xlsx">, RowWriter>
> = {
  csv: {
    contentType: "text/csv; charset=utf-8; header=present",
    extension: "csv",
    head: (columns) =>
      csvLine(columns.map(({ path }) => csvField(path.join(".")))),
    row: (row, columns) =>
      csvLine(
        row.map((value, index) => {
          const text = cellText(value);
          // What the database calls a number is no formula, also below zero.
          return isNumber(columns[index]) ? text : csvField(text);
        }),
      ),
  },
  ndjson: {
    contentType: "application/x-ndjson; charset=utf-8",
    extension: "ndjson",
    head: () => "",
    row: (row, columns) =>
      `${JSON.stringify(
        Object.fromEntries(
          columns.map(({ path }, index) => [
            path.join("."),
            row[index] ?? null,
          ]),
        ),
      )}\n`,
  },
};

/** Null is empty, a list or an object is JSON, so that an import can read it back. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") {
    return String(value);
  }
  return JSON.stringify(value);
}

function csvLine(cells: readonly string[]): string {
  return `${cells.join(",")}\r\n`;
}

function isNumber(column: ExportColumn | undefined): boolean {
  return (
    column?.array === false &&
    ["int", "float", "bigint", "numeric"].includes(column.kind)
  );
}
