import { HttpError } from "ra-core";

import { camelCase } from "./names.ts";
import type {
  GraphQLAnswer,
  GraphQLBody,
  GraphQLErrorBody,
  ResourceSchema,
} from "./types.ts";

export type StatusByCode = Readonly<Record<string, number>>;

/** Codes in an error's extensions and the HTTP status react-admin acts on. */
export const statusByCode: StatusByCode = {
  LOGIN: 401,
  DNIED: 403,
  NTFND: 404,
  STALE: 409,
  TAKEN: 409,
  INUSE: 409,
  STATE: 409,
  LASTO: 409,
  NOCRD: 402,
  IDEMP: 409,
  LLOCK: 409,
  EXPRD: 410,
  INVAL: 422,
  NOMAP: 422,
  LIMIT: 400,
  LOCKD: 429,
  RATED: 429,
  BADRQ: 400,
  GRAPHQL_VALIDATION: 400,
  GRAPHQL_VALIDATION_FAILED: 400,
  GRAPHQL_PARSE_FAILED: 400,
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  METHD: 405,
  LARGE: 413,
  MEDIA: 415,
  FAULT: 500,
  BUSY: 503,
  DOWN: 503,
  SLOWQ: 504,
};

export type FieldErrors = Record<string, string | { serverError: string }>;

/** `error.body` of every HttpError this provider throws. */
export type ErrorBody = {
  code: string | null;
  hint: string | null;
  requestId: string | null;
  /** Field → sentence, in the form react-admin hands to react-hook-form. */
  errors?: FieldErrors;
  /** For bulk verbs: what was done before and after the failure. */
  succeeded?: (string | number)[];
  failed?: { id: string | number; message: string; code: string | null }[];
};

export const notFound = (): HttpError =>
  new HttpError("This record was not found, or you may not see it.", 404, {
    code: "NTFND",
    hint: null,
    requestId: null,
  } satisfies ErrorBody);

export const unreachable = (): HttpError =>
  new HttpError(
    "The server could not be reached. Check the connection and try again.",
    0,
    { code: "NETWORK", hint: null, requestId: null } satisfies ErrorBody,
  );

/** A value that cannot be sent at all; it reads like the server's own refusal. */
export const invalidValue = (field: string, message: string): HttpError =>
  new HttpError(message, 422, {
    code: "INVAL",
    hint: null,
    requestId: null,
    errors: { [field]: message, root: { serverError: message } },
  } satisfies ErrorBody);

const ended = (text: string): string =>
  /[.!?…]$/.test(text) ? text : `${text}.`;

const sentence = (error: GraphQLErrorBody): string => {
  const hint = error.extensions?.hint;
  return hint ? `${ended(error.message)} ${ended(hint)}` : error.message;
};

/**
 * A stock PostGraphile says this for a row that row security hides: the same
 * case in which an update answers a null row.
 */
const isNothingMatched = (error: GraphQLErrorBody): boolean =>
  /^No values were (deleted|updated) in collection /.test(error.message);

const statusOf = (
  error: GraphQLErrorBody,
  httpStatus: number,
  codes: StatusByCode,
): number => {
  const code = error.extensions?.code;
  if (code === "LIMIT" && httpStatus === 429) return 429;
  if (code !== undefined && Object.hasOwn(codes, code)) {
    return codes[code] ?? 500;
  }
  return httpStatus >= 400 ? httpStatus : 500;
};

/** The server names a column or a field; the form knows the field. */
const formField = (
  name: string,
  schema: ResourceSchema | null,
): string | null => {
  const field = camelCase(name);
  if (!schema) return field;
  if (field === schema.id.field || field === "id") return "id";
  return Object.hasOwn(schema.fields, field) ||
    Object.hasOwn(schema.relations, field)
    ? field
    : null;
};

const fieldErrors = (
  errors: readonly GraphQLErrorBody[],
  schema: ResourceSchema | null,
): FieldErrors | null => {
  const found: FieldErrors = {};
  for (const error of errors) {
    const name = error.extensions?.field;
    if (!name) continue;
    const field = formField(name, schema);
    if (field !== null && !Object.hasOwn(found, field)) {
      found[field] = sentence(error);
    }
  }
  return Object.keys(found).length > 0 ? found : null;
};

export const httpErrorFrom = (
  errors: readonly GraphQLErrorBody[],
  httpStatus: number,
  schema: ResourceSchema | null,
  codes: StatusByCode = statusByCode,
): HttpError => {
  const [first] = errors;
  if (!first) {
    return new HttpError(
      `The server refused without a reason (${httpStatus}).`,
      httpStatus >= 400 ? httpStatus : 500,
      { code: null, hint: null, requestId: null } satisfies ErrorBody,
    );
  }
  if (isNothingMatched(first)) return notFound();
  const status = statusOf(first, httpStatus, codes);
  const message = sentence(first);
  const body: ErrorBody = {
    code: first.extensions?.code ?? null,
    hint: first.extensions?.hint ?? null,
    requestId: first.extensions?.requestId ?? null,
  };
  // A refused sign-in is the auth provider's business, never a field's.
  const fields =
    status === 401 || status === 403 ? null : fieldErrors(errors, schema);
  if (fields) body.errors = { ...fields, root: { serverError: message } };
  return new HttpError(message, status, body);
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What stands before GraphQL (a session check, a proxy) refuses in its own form. */
const plainError = (body: unknown): GraphQLErrorBody | null => {
  if (!isRecord(body)) return null;
  const told = isRecord(body["error"]) ? body["error"] : body;
  const message = told["message"] ?? body["error"];
  if (typeof message !== "string") return null;
  const text = (name: string) => {
    const value = told[name];
    return typeof value === "string" ? { [name]: value } : {};
  };
  return {
    message,
    extensions: {
      ...text("code"),
      ...text("field"),
      ...text("hint"),
      ...text("requestId"),
    },
  };
};

/** The GraphQL body of an answer, or the error that says what came instead. */
export const graphqlBody = (
  answer: GraphQLAnswer,
  schema: ResourceSchema | null = null,
  codes: StatusByCode = statusByCode,
): GraphQLBody => {
  const { body, status } = answer;
  if (isRecord(body) && ("data" in body || Array.isArray(body["errors"]))) {
    return body as GraphQLBody;
  }
  const error = plainError(body) ?? {
    message: `The server answered with status ${status} and nothing this page can read. Try again in a moment.`,
  };
  throw httpErrorFrom([error], status >= 400 ? status : 502, schema, codes);
};
