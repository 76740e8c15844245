import { unreachable } from "./errors.ts";
import type { GraphQLFetch } from "./types.ts";

export type FetchOptions = {
  url?: string;
  headers?: () => Record<string, string>;
  fetch?: typeof globalThis.fetch;
};

/** Retry-After is a number of seconds or a date. */
export const parseRetryAfter = (
  value: string | null,
  now: number,
): number | undefined => {
  if (value === null || value.trim() === "") return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
};

const parseBody = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A proxy's page, not an answer: graphqlBody says so with the status.
    return null;
  }
};

/** POST application/json with the session's cookie. */
export const makeGraphQLFetch =
  (options: FetchOptions = {}): GraphQLFetch =>
  async ({ query, variables, operationName, signal }) => {
    const send = options.fetch ?? globalThis.fetch;
    try {
      const response = await send(options.url ?? "/graphql", {
        method: "POST",
        credentials: "same-origin",
        headers: {
          accept: "application/graphql-response+json, application/json",
          "content-type": "application/json",
          ...options.headers?.(),
        },
        body: JSON.stringify({ query, variables, operationName }),
        ...(signal ? { signal } : {}),
      });
      return {
        status: response.status,
        body: parseBody(await response.text()),
        retryAfterSeconds: parseRetryAfter(
          response.headers.get("retry-after"),
          Date.now(),
        ),
      };
    } catch (error) {
      // The page has gone: nobody is to be told anything.
      if (signal?.aborted) throw error;
      throw unreachable();
    }
  };
