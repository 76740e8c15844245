import type { HttpError } from "ra-core";

import type { StatusByCode } from "./errors.ts";
import { graphqlBody, httpErrorFrom } from "./errors.ts";
import type {
  GraphQLBody,
  GraphQLErrorBody,
  GraphQLFetch,
  Operation,
  ResourceSchema,
  Variables,
} from "./types.ts";

/** Longer than this a person should be told, not kept waiting. */
const maxWaitSeconds = 10;

const wait = (seconds: number, signal: AbortSignal | undefined) =>
  new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(
        signal?.reason ??
          new DOMException("The request was aborted.", "AbortError"),
      );
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });

export type RequestOptions = {
  /** Reads are tried once more after a 503 that says when; writes never are. */
  isRead: boolean;
  schema: ResourceSchema | null;
  signal?: AbortSignal | undefined;
};

export type Answer = { status: number; body: GraphQLBody };

export const makeRequest = (
  graphqlFetch: GraphQLFetch,
  codes: StatusByCode,
) => {
  const errorFrom = (
    errors: readonly GraphQLErrorBody[],
    status: number,
    schema: ResourceSchema | null,
  ): HttpError => httpErrorFrom(errors, status, schema, codes);

  /** The answer as it is, errors included: bulk verbs need to see both halves. */
  const send = async (
    operation: Operation,
    variables: Variables,
    { isRead, schema, signal }: RequestOptions,
  ): Promise<Answer> => {
    const call = () =>
      graphqlFetch({ ...operation, variables, ...(signal ? { signal } : {}) });
    let answer = await call();
    const seconds = answer.retryAfterSeconds;
    if (
      isRead &&
      answer.status === 503 &&
      seconds !== undefined &&
      seconds <= maxWaitSeconds
    ) {
      await wait(seconds, signal);
      answer = await call();
    }
    return { status: answer.status, body: graphqlBody(answer, schema, codes) };
  };

  /** The data, or the error. Half an answer is an error. */
  const ask = async (
    operation: Operation,
    variables: Variables,
    options: RequestOptions,
  ): Promise<Record<string, unknown>> => {
    const { status, body } = await send(operation, variables, options);
    if (body.errors && body.errors.length > 0) {
      throw errorFrom(body.errors, status, options.schema);
    }
    if (!body.data) throw errorFrom([], status, options.schema);
    return body.data;
  };

  return { send, ask, errorFrom };
};

export type Request = ReturnType<typeof makeRequest>;
