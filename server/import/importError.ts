import { AppError } from "../errors/AppError.ts";

/** What can be wrong with a file as a whole; docs/error-codes.md explains each. */
export type ImportErrorCode =
  | "NOROW" // empty, or a header and nothing below it
  | "NOTXT" // a workbook, an archive, a picture: not text
  | "NOENC" // text in an encoding that cannot be read safely
  | "NODEL" // one column only: no known delimiter
  | "NOHDR" // a header nobody can work with
  | "QUOTE" // a quote that is never closed
  | "LARGE"; // one row, or the file, beyond the limit

/**
 * A fault of the file, not of the server: it is told to the person, with what
 * to do about it, and trying again with the same file would not help.
 */
export class ImportError extends AppError {
  constructor(
    code: ImportErrorCode,
    message: string,
    hint: string,
    status: number = 422,
  ) {
    super(code, message, { field: "file", hint, status });
  }
}
