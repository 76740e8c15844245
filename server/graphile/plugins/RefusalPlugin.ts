import type { BufferResult, JSONValue, Result } from "postgraphile/grafserv";

import {
  codeForStatus,
  errorBody,
  isUnavailable,
  publicErrorFor,
  toPublicError,
} from "../../errors.ts";
import { isErrorCode } from "../../errors/catalogue.ts";
import { requestScope } from "../../requestScope.ts";

/**
 * What grafserv refuses before it has an operation (method, media type, body)
 * does not pass its own error masking: here those answers get our codes and
 * words too. And an answer of which nothing could be served, because the
 * database is away or too busy, gets the status that says so.
 */
export const RefusalPlugin: GraphileConfig.Plugin = {
  name: "RefusalPlugin",
  description:
    "Gives every refusal of the GraphQL endpoint a code and the right status",
  grafast: {
    middleware: {
      async execute(next) {
        const result = await next();
        const scope = requestScope.getStore();
        if (
          scope === undefined ||
          Symbol.asyncIterator in result ||
          result.errors === undefined ||
          Object.values(result.data ?? {}).some((value) => value !== null)
        )
          return result;
        const known = result.errors.map((error) => toPublicError(error));
        const worst = known.find(isUnavailable);
        if (worst !== undefined)
          scope.unavailable = {
            status: worst.status,
            retryAfter: worst.retryAfter ?? 1,
          };
        return result;
      },
    },
  },
  grafserv: {
    middleware: {
      async processRequest(next) {
        const result = await next();
        if (result === null) return null;
        if (result.type === "buffer" && result.statusCode >= 400)
          return refuse(result);
        const unavailable = requestScope.getStore()?.unavailable;
        if (unavailable !== undefined && result.type === "buffer")
          return {
            ...result,
            statusCode: unavailable.status,
            headers: {
              ...result.headers,
              "retry-after": String(unavailable.retryAfter),
            },
          };
        return result;
      },
    },
  },
};

function refuse(result: BufferResult): Result {
  if (!String(result.headers["content-type"]).includes("json")) return result;
  const payload = JSON.parse(result.buffer.toString("utf8")) as {
    errors?: readonly Record<string, JSONValue>[];
  };
  if (payload.errors === undefined) return result;
  let retryAfter: number | undefined;
  const errors = payload.errors.map((error) => {
    if (isErrorCode(codeOf(error))) return error;
    const known = publicErrorFor(codeForStatus(result.statusCode));
    retryAfter ??= known.retryAfter;
    return { message: known.message, extensions: errorBody(known) };
  });
  const buffer = Buffer.from(JSON.stringify({ ...payload, errors }), "utf8");
  return {
    ...result,
    headers: {
      ...result.headers,
      "content-length": String(buffer.length),
      ...(result.statusCode === 405 ? { allow: "POST" } : {}),
      ...(retryAfter === undefined
        ? {}
        : { "retry-after": String(retryAfter) }),
    },
    buffer,
  };
}

function codeOf(error: Record<string, JSONValue>): unknown {
  const extensions = error["extensions"];
  return typeof extensions === "object" &&
    extensions !== null &&
    !Array.isArray(extensions)
    ? extensions["code"]
    : undefined;
}
