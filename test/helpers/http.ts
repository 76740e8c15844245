import { request as nodeRequest } from "node:http";

export type Answer = {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; undefined when it is not. */
  json: unknown;
};

export type GraphQLAnswer = {
  status: number;
  data: Record<string, unknown> | null;
  errors: {
    message: string;
    path?: (string | number)[];
    extensions: {
      code: string;
      field?: string;
      hint?: string;
      requestId: string | null;
    };
  }[];
};

/** What a browser does: keeps cookies, says where its pages come from. */
export type HttpClient = {
  readonly url: string;
  /** Name to value, as a browser would hold them. */
  cookies: Map<string, string>;
  /** The raw Set-Cookie lines of the last answer. */
  lastSetCookie: string[];
  request(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  graphql(
    query: string,
    variables?: Record<string, unknown>,
    headers?: Record<string, string>,
  ): Promise<GraphQLAnswer>;
  signIn(email: string, password: string): Promise<Answer>;
};

export function makeClient(url: string): HttpClient {
  const client: HttpClient = {
    url,
    cookies: new Map(),
    lastSetCookie: [],
    request: async (method, path, { body, headers = {} } = {}) => {
      const raw = typeof body === "string" || body instanceof Uint8Array;
      const response = await fetch(new URL(path, url), {
        method,
        redirect: "manual",
        headers: {
          origin: new URL(url).origin,
          ...(client.cookies.size === 0
            ? {}
            : {
                cookie: [...client.cookies]
                  .map(([name, value]) => `${name}=${value}`)
                  .join("; "),
              }),
          ...(body === undefined || raw
            ? {}
            : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: raw ? (body as string) : JSON.stringify(body) }),
      });
      client.lastSetCookie = response.headers.getSetCookie();
      for (const line of client.lastSetCookie) keepCookie(client.cookies, line);
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        json: readJson(text),
      };
    },
    get: (path, headers) =>
      client.request("GET", path, headers === undefined ? {} : { headers }),
    post: (path, body = {}, headers) =>
      client.request("POST", path, {
        body,
        ...(headers === undefined ? {} : { headers }),
      }),
    graphql: async (query, variables = {}, headers) => {
      const answer = await client.post(
        "/graphql",
        { query, variables },
        headers,
      );
      const body = answer.json as Partial<GraphQLAnswer> | undefined;
      return {
        status: answer.status,
        data: body?.data ?? null,
        errors: body?.errors ?? [],
      };
    },
    signIn: (email, password) =>
      client.post("/auth/login", { email, password }),
  };
  return client;
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = "", ...attributes] = line.split(";");
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals);
  const expired = attributes.some((attribute) =>
    /^\s*expires=Thu, 01 Jan 1970/i.test(attribute),
  );
  if (expired) cookies.delete(name);
  else cookies.set(name, pair.slice(equals + 1));
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A request whose path goes out exactly as written: fetch would resolve "..",
 * and would not send some headers at all.
 */
export function rawRequest(
  url: string,
  path: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: string | Buffer;
  } = {},
): Promise<{
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
}> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = nodeRequest(
      {
        hostname,
        port,
        path,
        method: options.method ?? "GET",
        headers: options.headers ?? {},
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          });
        });
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(options.body);
  });
}
