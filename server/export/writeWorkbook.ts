import writeExcelFile, { type SheetData } from "write-excel-file/node";

import { AppError } from "../errors.ts";
import type { ExportPage } from "./exportPages.ts";
import type { ExportColumn, ExportRequest } from "./parseExportRequest.ts";
import { cellText } from "./writeRows.ts";

/** A workbook is made in memory, unlike the other formats. */
export const WORKBOOK_ROWS = 50_000;

const HEAD = { fontWeight: "bold" } as const;

/** The rows as an Excel file: numbers are numbers, moments are moments, the rest is text. */
export async function writeWorkbook(
  { columns, resource }: ExportRequest,
  pages: AsyncIterable<ExportPage>,
): Promise<{ total: number; file: Buffer }> {
  const sheet: SheetData = [
    columns.map(({ label }) => ({ value: label, ...HEAD })),
  ];
  let count = 0;
  for await (const { total, rows } of pages) {
    if (total > WORKBOOK_ROWS) {
      throw new AppError(
        "LIMIT",
        `An Excel file holds at most ${WORKBOOK_ROWS.toLocaleString("en")} rows, and this list has ${total.toLocaleString("en")}`,
        { field: "format", hint: "Filter the list, or export it as CSV" },
      );
    }
    count = total;
    for (const row of rows) {
      sheet.push(row.map((value, index) => cell(value, columns[index])));
    }
  }
  const file = await writeExcelFile(sheet, {
    sheet: resource.label.replaceAll(/[\\/?*[\]:]/g, " ").slice(0, 31),
    stickyRowsCount: 1,
  }).toBuffer();
  return { total: count, file };
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
    case "datetime":
      return {
        value: new Date(String(value)),
        type: Date,
        format: "yyyy-mm-dd hh:mm:ss",
      };
    default:
      // Declared as text: a cell that begins with "=" stays what it is.
      return { value: cellText(value), type: String };
  }
}
