import { types } from "node:util";

import { DatabaseError } from "pg";
import type { Logger } from "pino";
import { isSafeError } from "postgraphile/grafast";
import { GraphQLError } from "postgraphile/graphql";

import { AppError } from "./errors/AppError.ts";
import { type ErrorCode, errorKind, isErrorCode } from "./errors/catalogue.ts";
import {
  type ConstraintErrors,
  fieldName,
  noConstraintErrors,
} from "./errors/constraints.ts";
import { requestScope } from "./requestScope.ts";

export { AppError } from "./errors/AppError.ts";
export { type ErrorCode, isErrorCode } from "./errors/catalogue.ts";

/**
 * The only door out. An error leaves as one of the catalogue's codes with words
 * written for people; everything else about it stays in the log. What is not
 * recognised becomes FAULT: nothing passes because nobody thought of it.
 */
export type PublicError = {
  code: ErrorCode;
  message: string;
  status: number;
  field?: string;
  hint?: string;
  retryAfter?: number;
};

export type ErrorDeps = {
  log: Pick<Logger, "error" | "warn">;
  /** Read anew after each schema change, therefore a function. */
  constraints?: () => ConstraintErrors;
};

/** What crosses the wire under `extensions` or `error`. */
export type ErrorBody = {
  code: ErrorCode;
  field?: string;
  hint?: string;
  requestId: string | null;
};

/** For grafserv: every error of every GraphQL answer passes here. */
export function makeMaskError(
  deps: ErrorDeps,
): (error: GraphQLError) => GraphQLError {
  return (error) => {
    const known = toPublicError(error, deps.constraints?.());
    record(deps.log, known, error);
    return new GraphQLError(known.message, {
      nodes: error.nodes,
      source: error.source,
      positions: error.positions,
      path: error.path,
      extensions: errorBody(known),
    });
  };
}

/** For Express: status, headers and JSON body of any thrown value. */
export function makeHttpErrors(deps: ErrorDeps): (error: unknown) => HttpError {
  return (error) => {
    const known = toPublicError(error, deps.constraints?.());
    record(deps.log, known, error);
    return {
      status: known.status,
      headers: retryHeaders(known),
      body: { error: { message: known.message, ...errorBody(known) } },
    };
  };
}

export type HttpError = {
  status: number;
  headers: Record<string, string>;
  body: { error: ErrorBody & { message: string } };
};

function retryHeaders(known: PublicError): Record<string, string> {
  return known.retryAfter === undefined
    ? {}
    : { "Retry-After": String(known.retryAfter) };
}

export function errorBody(known: PublicError): ErrorBody {
  return {
    code: known.code,
    ...(known.field === undefined ? {} : { field: known.field }),
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    requestId: requestScope.getStore()?.requestId ?? null,
  };
}

/** Translates any thrown value; pure, so that it can be tested with anything. */
export function toPublicError(
  error: unknown,
  constraints: ConstraintErrors = noConstraintErrors,
): PublicError {
  const cause = rootOf(error);
  if (cause instanceof AppError) return fromAppError(cause);
  if (isDatabaseError(cause)) return fromDatabaseError(cause, constraints);
  if (isConnectionError(cause)) return told("DOWN");
  if (isPoolTimeout(cause)) return told("BUSY");
  if (error instanceof GraphQLError) {
    const graphql = fromGraphQLError(error, cause);
    if (graphql !== null) return graphql;
  }
  if (isError(cause) && isSafeError(cause)) return fromSafeError(cause);
  return fromKnownWords(cause) ?? fromHttpError(cause) ?? told("FAULT");
}

/** True when the error says that nothing is wrong with the request itself. */
export function isUnavailable(known: PublicError): boolean {
  return known.status === 503;
}

/** The catalogue's own words for a code. */
export function publicErrorFor(code: ErrorCode): PublicError {
  return told(code);
}

function told(
  code: ErrorCode,
  words: {
    message?: string | undefined;
    hint?: string | undefined;
    field?: string | null | undefined;
  } = {},
): PublicError {
  const kind = errorKind(code);
  const hint = words.hint ?? kind.hint;
  return {
    code,
    message: words.message ?? kind.message,
    status: kind.status,
    ...(words.field ? { field: words.field } : {}),
    ...(hint === undefined ? {} : { hint }),
    ...(kind.retryAfter === undefined ? {} : { retryAfter: kind.retryAfter }),
  };
}

function fromAppError(error: AppError): PublicError {
  return {
    ...told(error.code, error),
    status: error.status,
    ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
  };
}

/** Wrappers are peeled off: the engine wraps what a step threw, at times twice. */
function rootOf(error: unknown): unknown {
  let current = error;
  for (let depth = 0; depth < 10; depth++) {
    if (!(current instanceof GraphQLError)) return current;
    if (current.originalError == null) return current;
    current = current.originalError;
  }
  return current;
}

/** Its words are ours: the SQL raised it with a sentence meant for people. */
function fromDatabaseError(
  error: DatabaseError,
  constraints: ConstraintErrors,
): PublicError {
  const code = error.code ?? "";
  const field = error.column === undefined ? null : fieldName(error.column);
  if (isErrorCode(code)) {
    return told(code, {
      message: error.message,
      hint: error.hint,
      field,
    });
  }
  if (code.startsWith("23")) return fromConstraint(error, constraints);
  const known = SQLSTATES[code] ?? SQLSTATE_CLASSES[code.slice(0, 2)];
  if (known === undefined) return told("FAULT");
  return told(known.code, {
    message: known.message,
    field: code.startsWith("22") ? field : null,
  });
}

function fromConstraint(
  error: DatabaseError,
  constraints: ConstraintErrors,
): PublicError {
  const words =
    error.constraint === undefined
      ? null
      : constraints.find(error.schema, error.table, error.constraint);
  // Nobody writes there but our own functions: a violation is our fault.
  if (error.schema === "app_private" && words?.message == null)
    return told("FAULT");
  const field =
    words?.field ??
    (error.column === undefined ? null : fieldName(error.column));
  switch (error.code) {
    case "23502":
      return told("INVAL", {
        message: "This field must have a value.",
        field,
      });
    case "23503":
      // The two directions differ in nothing but the words PostgreSQL chose.
      if (
        error.message.startsWith("update or delete") ||
        error.detail?.includes("still referenced") === true
      ) {
        return told("INUSE", {
          message: words?.inUseMessage ?? undefined,
          hint: words?.inUseHint ?? undefined,
        });
      }
      return told(words?.code ?? "INVAL", {
        message:
          words?.message ?? "This refers to a record that does not exist.",
        field,
      });
    case "23505":
    case "23P01":
      return told(words?.code ?? "TAKEN", {
        message: words?.message ?? undefined,
        field,
      });
    case "23514":
      return told(words?.code ?? "INVAL", {
        message: words?.message ?? undefined,
        field,
      });
    case "23001":
      return told("INUSE", {
        message: words?.inUseMessage ?? undefined,
        hint: words?.inUseHint ?? undefined,
      });
    default:
      return told("FAULT");
  }
}

type Translation = { code: ErrorCode; message?: string };

const SQLSTATES: Readonly<Record<string, Translation>> = {
  "22001": { code: "INVAL", message: "A text is too long." },
  "22003": { code: "INVAL", message: "A number is too large or too small." },
  "22007": { code: "INVAL", message: "A date or time has the wrong form." },
  "22008": { code: "INVAL", message: "A date or time is out of range." },
  "22012": { code: "INVAL", message: "This would divide by zero." },
  "22021": {
    code: "INVAL",
    message: "A text holds a character we cannot store.",
  },
  "22023": { code: "INVAL", message: "A value is out of range." },
  "22P02": { code: "INVAL", message: "A value has the wrong form." },
  "22P05": {
    code: "INVAL",
    message: "A text holds a character we cannot store.",
  },
  "25006": { code: "DOWN", message: "The database takes no changes just now." },
  "28000": { code: "DOWN" },
  "28P01": { code: "DOWN" },
  "3D000": { code: "DOWN" },
  "40001": {
    code: "BUSY",
    message: "Someone else changed this at the same moment.",
  },
  "40P01": {
    code: "BUSY",
    message: "Someone else changed this at the same moment.",
  },
  "42501": { code: "DNIED" },
  "53100": {
    code: "DOWN",
    message: "The server has no room to store this just now.",
  },
  "55006": { code: "BUSY" },
  "55P03": {
    code: "BUSY",
    message: "Someone else is changing this right now.",
  },
  "57014": { code: "SLOWQ" },
  "57P01": { code: "DOWN" },
  "57P02": { code: "DOWN" },
  "57P03": { code: "DOWN" },
  "57P05": { code: "DOWN" },
  "58030": { code: "DOWN" },
  P0002: { code: "NTFND" },
  P0003: { code: "INVAL" },
};

const SQLSTATE_CLASSES: Readonly<Record<string, Translation>> = {
  "08": { code: "DOWN" },
  "22": { code: "INVAL" },
  "40": { code: "BUSY" },
  "53": { code: "BUSY" },
  "54": { code: "LIMIT" },
};

/**
 * pg sets these on what the server said; instanceof alone would miss a second
 * copy of the driver.
 */
export function isDatabaseError(error: unknown): error is DatabaseError {
  return (
    error instanceof DatabaseError ||
    (isError(error) &&
      "severity" in error &&
      "code" in error &&
      typeof error.code === "string" &&
      error.code.length === 5)
  );
}

const CONNECTION_CODES: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/** The driver gives these no code: its words are all there is. */
const CONNECTION_WORDS =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Cannot use a pool after|The server does not support SSL|server closed the connection)/i;

function isConnectionError(error: unknown): boolean {
  if (isError(error) && "errors" in error && Array.isArray(error.errors))
    return error.errors.some((each) => isConnectionError(each));
  return (
    isError(error) &&
    (("code" in error &&
      typeof error.code === "string" &&
      CONNECTION_CODES.has(error.code)) ||
      CONNECTION_WORDS.test(error.message))
  );
}

function isPoolTimeout(error: unknown): boolean {
  return (
    isError(error) &&
    /^(timeout exceeded when trying to connect|timeout expired|Query read timeout)/i.test(
      error.message,
    )
  );
}

/** Kinds of node at which the engine reports a value that cannot be read. */
const VALUE_KINDS = /(Value|^Variable|^VariableDefinition|^ObjectField)$/;

const REQUEST_WORDS =
  /^(Must provide an operation\.|Must provide operation name if query contains multiple operations\.|Unknown operation named |Too many validation errors)/;

function fromGraphQLError(
  error: GraphQLError,
  cause: unknown,
): PublicError | null {
  // Raised by our own rules, with one of our codes.
  const code = (cause instanceof GraphQLError ? cause : error).extensions[
    "code"
  ];
  if (isErrorCode(code)) {
    const source = cause instanceof GraphQLError ? cause : error;
    return told(code, {
      message: source.message,
      hint: text(source.extensions["hint"]),
      field: text(source.extensions["field"]),
    });
  }
  const located =
    error.nodes !== undefined || (error.positions?.length ?? 0) > 0;
  const kind = error.nodes?.[0]?.kind ?? "";
  // With a path it happened while answering, e.g. null where the schema
  // promises a value: our fault, not the document's.
  const aboutInput =
    error.path === undefined &&
    (cause instanceof GraphQLError ? located : VALUE_KINDS.test(kind));
  // The engine gave up comparing fields that repeat: its own bound on work.
  if (error.message === "Validation aborted.") {
    return told("LIMIT", {
      message: "The operation repeats the same fields too often.",
    });
  }
  if (aboutInput || REQUEST_WORDS.test(error.message)) {
    return told("GRAPHQL_VALIDATION", { message: error.message });
  }
  return null;
}

/**
 * Plain errors of the engine and its plugins that tell the caller something,
 * by their words: they carry nothing else to know them by.
 */
const KNOWN_WORDS: readonly {
  words: RegExp;
  code: ErrorCode;
  message?: string;
}[] = [
  { words: /^No values were (deleted|updated) in collection /, code: "NTFND" },
  {
    words:
      /^(Empty objects|Null literals) are forbidden in filter argument input\.$/,
    code: "INVAL",
    message: "A filter must not hold empty objects or null.",
  },
  {
    words: /^(Invalid (node )?identifier|Failed to decode)/i,
    code: "INVAL",
    message: "This id is not one of ours.",
  },
];

function fromKnownWords(error: unknown): PublicError | null {
  if (!isError(error)) return null;
  const known = KNOWN_WORDS.find(({ words }) => words.test(error.message));
  return known === undefined
    ? null
    : told(known.code, { message: known.message });
}

/** The engine's own words for clients: bad cursors, timeouts, empty patches. */
function fromSafeError(
  error: Error & { extensions?: Record<PropertyKey, unknown> | null },
): PublicError {
  const http = fromHttpError(error);
  if (http !== null) return http;
  if (/took too long to plan|Execution timeout/.test(error.message))
    return told("SLOWQ");
  return told("INVAL", { message: error.message });
}

const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  400: "BADRQ",
  404: "NTFND",
  405: "METHD",
  406: "MEDIA",
  408: "SLOWQ",
  413: "LARGE",
  415: "MEDIA",
  429: "RATED",
  503: "BUSY",
};

export function codeForStatus(status: number): ErrorCode {
  return STATUS_CODES[status] ?? (status >= 500 ? "FAULT" : "BADRQ");
}

/** True also for errors of another realm, where instanceof is false. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** Body parsers and grafserv put a status on what they throw; words stay ours. */
function fromHttpError(error: unknown): PublicError | null {
  if (!isError(error)) return null;
  const status =
    numberAt(error, "status") ??
    numberAt(error, "statusCode") ??
    ("extensions" in error ? numberAt(error.extensions, "statusCode") : null);
  if (status === null || status < 400 || status > 499) return null;
  const known = told(codeForStatus(status));
  return { ...known, status };
}

function numberAt(value: unknown, key: string): number | null {
  if (typeof value !== "object" || value === null) return null;
  const found = (value as Record<string, unknown>)[key];
  return typeof found === "number" ? found : null;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function record(
  log: Pick<Logger, "error" | "warn">,
  known: PublicError,
  error: unknown,
): void {
  if (known.status < 500) return;
  const details = {
    requestId: requestScope.getStore()?.requestId,
    code: known.code,
    path: error instanceof GraphQLError ? error.path : undefined,
    err: describe(rootOf(error)),
  };
  if (known.code === "FAULT") log.error(details, "request failed");
  else log.warn(details, "request not served");
}

/** `detail` is left out: PostgreSQL quotes whole rows there. */
function describe(error: unknown): Record<string, unknown> {
  if (!isError(error)) return { message: String(error) };
  const source = error as Error & Partial<DatabaseError>;
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    code: source.code,
    schema: source.schema,
    table: source.table,
    column: source.column,
    constraint: source.constraint,
    where: source.where,
    routine: source.routine,
    cause: isError(error.cause) ? describe(error.cause) : undefined,
  };
}
