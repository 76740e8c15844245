import { setTimeout as sleep } from "node:timers/promises";

/** What the server said no with. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: string;
  readonly status: number;
  readonly retryAfterMs: number | null;

  constructor(
    code: string,
    message: string,
    status: number,
    retryAfterMs: number | null,
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** One party that talks to the server: a person with cookies, or a program with a key. */
export type Session = {
  post(path: string, body: unknown): Promise<unknown>;
  get(path: string): Promise<Response>;
  put(path: string, bytes: Uint8Array, contentType: string): Promise<void>;
  graphql(
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<Record<string, unknown>>;
};

const TIMEOUT_MS = 30_000;
const RATED_MS = 5_000;

/** Plain HTTP, as a phone or a GPU service elsewhere would speak it. */
export function makeSession(url: string, bearer?: string): Session {
  const cookies = new Map<string, string>();
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(new URL(path, url), {
      ...init,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        ...(bearer === undefined
          ? {
              origin: new URL(url).origin,
              cookie: [...cookies].map((pair) => pair.join("=")).join("; "),
            }
          : { authorization: `Bearer ${bearer}` }),
        ...(init.headers as Record<string, string> | undefined),
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";", 1);
      const equals = pair.indexOf("=");
      cookies.set(pair.slice(0, equals), pair.slice(equals + 1));
    }
    return response;
  };
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const response = await send(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    const answer = await readJson(response);
    const errors = answer?.["errors"] as
      { message: string; extensions?: { code?: string } }[] | undefined;
    const failure =
      errors?.[0] === undefined
        ? (answer?.["error"] as { message: string; code?: string } | undefined)
        : { message: errors[0].message, code: errors[0].extensions?.code };
    if (response.ok && failure === undefined) return answer;
    throw new Refusal(
      failure?.code ?? String(response.status),
      failure?.message ?? `The server answered ${response.status}`,
      response.status,
      retryAfter(response),
    );
  };
  return {
    post,
    get: (path) => send(path, { method: "GET" }),
    put: async (path, bytes, contentType) => {
      const response = await send(path, {
        method: "PUT",
        body: Buffer.from(bytes),
        headers: { "content-type": contentType },
      });
      await response.body?.cancel();
      if (!response.ok) {
        throw new Refusal(
          String(response.status),
          `A picture was refused with ${response.status}`,
          response.status,
          retryAfter(response),
        );
      }
    },
    graphql: async (query, variables = {}) => {
      const answer = (await post("/graphql", { query, variables })) as {
        data: Record<string, unknown>;
      };
      return answer.data;
    },
  };
}

/** Signs in and answers the person's id, waiting where the server says that it is asked too often. */
export async function signIn(
  session: Session,
  account: { email: string; password: string },
  signal: AbortSignal,
): Promise<string> {
  const answer = (await patiently(
    () => session.post("/auth/login", account),
    signal,
  )) as { user: { id: string } };
  return answer.user.id;
}

/** Tries again what was refused for being too often or too much at once. */
export async function patiently<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // A GraphQL answer says that it is too often, not for how long.
      const wait =
        error.retryAfterMs ?? (error.code === "RATED" ? RATED_MS : null);
      if (wait === null) throw error;
      await sleep(wait, undefined, { signal });
    }
  }
}

async function readJson(
  response: Response,
): Promise<Record<string, unknown> | null> {
  const text = await response.text();
  if (text === "") return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Refusal(
      "NOJSON",
      "This is not an answer of ClosetAI: is --url right?",
      response.status,
      null,
    );
  }
}

/** Only what time alone lifts; a lock-out of a quarter of an hour is told instead. */
function retryAfter(response: Response): number | null {
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return seconds > 0 && seconds <= 60 ? seconds * 1_000 : null;
}
