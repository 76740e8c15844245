/** How one kind of error is told: docs/error-codes.md explains each to people. */
export type ErrorKind = {
  /** HTTP status, where the answer is not a GraphQL answer. */
  status: number;
  /** The sentence when nobody wrote a better one. */
  message: string;
  /** The next step, where there is one. */
  hint?: string;
  /** Seconds after which trying again is worth it. */
  retryAfter?: number;
};

/** Every code an answer can carry. */
export const ERROR_KINDS = {
  // Raised by SQL, and by the HTTP layer for the same meaning.
  DNIED: { status: 403, message: "You are not allowed to do this." },
  LOGIN: {
    status: 401,
    message: "You are not signed in.",
    hint: "Sign in and try again.",
  },
  LOCKD: {
    status: 429,
    message: "Too many tries.",
    hint: "Wait 15 minutes, then try again.",
    retryAfter: 900,
  },
  NTFND: {
    status: 404,
    message: "There is no such record, or it is not yours to see.",
  },
  STALE: {
    status: 409,
    message: "Someone else changed this record after you opened it.",
    hint: "Reload it, then make your change again.",
  },
  INVAL: { status: 422, message: "A value is not acceptable." },
  TAKEN: { status: 409, message: "This value is already in use." },
  INUSE: {
    status: 409,
    message: "Other records still use this one.",
    hint: "Change or remove those first.",
  },
  LIMIT: {
    status: 400,
    message: "The request asks for more than one request may.",
    hint: "Ask for less at once.",
  },
  EXPRD: {
    status: 410,
    message: "This link is no longer valid.",
    hint: "Ask for a new one.",
  },
  NOMAP: {
    status: 422,
    message: "This label has no try-on category.",
    hint: "Map it to a category, then run these rows again.",
  },
  STATE: {
    status: 409,
    message: "This is not possible in the record's present state.",
  },
  LASTO: {
    status: 409,
    message: "Somebody has to be left who is in charge.",
    hint: "Make someone else an owner, or an admin, first.",
  },
  NOCRD: {
    status: 402,
    message: "There are not enough credits.",
    hint: "Wait for the next free credits, or buy some.",
  },
  IDEMP: {
    status: 409,
    message: "This idempotency key was used for another request.",
    hint: "Send a new key for a new request.",
  },
  LLOCK: {
    status: 409,
    message: "This worker no longer has the job.",
    hint: "Drop the work and claim another job.",
  },
  // A catalogue file as a whole; what is wrong with a row is told as its refusal.
  NOROW: { status: 422, message: "The file has no rows." },
  NOTXT: {
    status: 422,
    message: "This file is not text.",
    hint: "Upload a CSV file.",
  },
  NOENC: {
    status: 422,
    message: "The encoding of this file cannot be read.",
    hint: "Save it as CSV in UTF-8.",
  },
  NODEL: { status: 422, message: "The header has one column only." },
  NOHDR: { status: 422, message: "The header of this file cannot be used." },
  QUOTE: { status: 422, message: "A quote is opened and never closed." },
  // Made by the server.
  GRAPHQL_VALIDATION: {
    status: 400,
    message: "The GraphQL document or its variables are not valid.",
  },
  BADRQ: { status: 400, message: "The request could not be read." },
  OTHER: {
    status: 409,
    message: "This page was opened for somebody else, or for another brand.",
    hint: "Reload the page, or switch back.",
  },
  METHD: { status: 405, message: "Only POST is answered here." },
  MEDIA: {
    status: 415,
    message: "Send application/json, and accept JSON.",
  },
  LARGE: { status: 413, message: "The request is too large." },
  RATED: {
    status: 429,
    message: "Too many requests.",
    hint: "Wait a moment, then try again.",
    retryAfter: 10,
  },
  SLOWQ: {
    status: 504,
    message: "This took longer than one request may, and was stopped.",
    hint: "Ask for less: a narrower filter or a smaller page.",
  },
  BUSY: {
    status: 503,
    message: "The server is busy.",
    hint: "Try again in a moment.",
    retryAfter: 1,
  },
  DOWN: {
    status: 503,
    message: "The database cannot be reached just now.",
    hint: "Nothing was changed. Try again in a moment.",
    retryAfter: 2,
  },
  FAULT: {
    status: 500,
    message:
      "Something went wrong on our side. It has been recorded under this request's number.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_KINDS, code);
}

export function errorKind(code: ErrorCode): ErrorKind {
  return ERROR_KINDS[code];
}
