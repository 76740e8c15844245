import writeExcelFile, { type SheetData } from "write-excel-file/node";

import { Gate } from "../auth/Gate.ts";
import { AppError } from "../errors.ts";
import type { ExportPage } from "./exportPages.ts";
import type { ExportColumn, ExportRequest } from "./parseExportRequest.ts";
import { cellText } from "./writeRows.ts";

/** A workbook is made in memory, unlike the other formats: a cell takes about a kilobyte. */
export const WORKBOOK_ROWS = 50_000;
export const WORKBOOK_CELLS = 1_000_000;
/** Characters of all cells together. */
export const WORKBOOK_TEXT = 50_000_000;

/** One at a time, however many ask: a few together would use up the memory. */
const gate = new Gate(1, 10);

const HEAD = { fontWeight: "bold" } as const;

/** The rows as an Excel file: numbers are numbers, moments are moments, the rest is text. */
export function writeWorkbook(
  request: ExportRequest,
  pages: AsyncIterable<ExportPage>,
): Promise<{ total: number; file: Buffer }> {
  return gate.run(() => write(request, pages));
}

async function write(
  { columns, resource }: ExportRequest,
  pages: AsyncIterable<ExportPage>,
): Promise<{ total: number; file: Buffer }> {
  const sheet: SheetData = [
    columns.map(({ label }) => ({ value: label, ...HEAD })),
  ];
  const mostRows = Math.min(
    WORKBOOK_ROWS,
    Math.floor(WORKBOOK_CELLS / columns.length),
  );
  let count = 0;
  let characters = 0;
  for await (const { total, rows } of pages) {
    // Rows may be added while they are read: what is there counts, too.
    if (Math.max(total, sheet.length - 1 + rows.length) > mostRows) {
      throw tooLarge(
        `An Excel file of ${columns.length} columns holds at most ${mostRows.toLocaleString("en")} rows, and this list has ${total.toLocaleString("en")}`,
      );
    }
    count = total;
    for (const row of rows) {
      for (const value of row) characters += cellText(value).length;
      sheet.push(row.map((value, index) => cell(value, columns[index])));
    }
    if (characters > WORKBOOK_TEXT) {
      throw tooLarge("The texts of this list are too long for an Excel file");
    }
  }
  const file = await writeExcelFile(sheet, {
    sheet: resource.label.replaceAll(/[\\/?*[\]:]/g, " ").slice(0, 31),
    stickyRowsCount: 1,
  }).toBuffer();
  return { total: count, file };
}

function tooLarge(message: string): AppError {
  return new AppError("LIMIT", message, {
    field: "format",
    hint: "Filter the list, name fewer columns, or export it as CSV",
  });
}

function cell(
  value: unknown,
  column: ExportColumn | undefined,
): SheetData[number][number] {
  if (value === null || value === undefined) return null;
  switch (column?.array ? "string" : column?.kind) {
    case "int":
    case "float":
    case "bigint":
    case "numeric": {
      const number = Number(value);
      // Excel counts to 2^53; a longer number would silently lose its end.
      return Math.abs(number) <= Number.MAX_SAFE_INTEGER
        ? { value: number, type: Number }
        : { value: cellText(value), type: String };
    }
    case "boolean":
      return { value: value === true, type: Boolean };
    case "datetime": {
      const moment = new Date(String(value));
      // "infinity" is a moment to PostgreSQL only, and Excel counts from 1900.
      return moment.getTime() >= EXCEL_BEGINS
        ? { value: moment, type: Date, format: "yyyy-mm-dd hh:mm:ss" }
        : { value: cellText(value), type: String };
    }
    default:
      // Declared as text: a cell that begins with "=" stays what it is.
      return { value: shortened(cellText(value)), type: String };
  }
}

const EXCEL_BEGINS = Date.UTC(1900, 0, 1);
/** What a cell may hold; Excel calls a file damaged that has a longer one. */
const MOST_CHARACTERS = 32_767;

function shortened(text: string): string {
  return text.length > MOST_CHARACTERS
    ? `${text.slice(0, MOST_CHARACTERS - 1)}…`
    : text;
}
