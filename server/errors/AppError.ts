import { type ErrorCode, errorKind } from "./catalogue.ts";

export type AppErrorOptions = {
  /** The input that is at fault, as the API names it. */
  field?: string;
  /** What to do next; the catalogue's words otherwise. */
  hint?: string;
  /** Overrides the catalogue, e.g. 429 for a limit that time lifts. */
  status?: number;
  retryAfter?: number;
  cause?: unknown;
};

/** An error whose words are meant for the person who asked. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly hint: string | undefined;
  readonly status: number;
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string = errorKind(code).message,
    options: AppErrorOptions = {},
  ) {
    super(
      message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    const kind = errorKind(code);
    this.code = code;
    this.field = options.field;
    this.hint = options.hint ?? kind.hint;
    this.status = options.status ?? kind.status;
    this.retryAfter = options.retryAfter ?? kind.retryAfter;
  }
}
