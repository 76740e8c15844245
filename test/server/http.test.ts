import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import express, { type Request, type Response } from "express";
import { WebSocket } from "ws";

import { DEFAULT_LIMITS } from "../../server/config.ts";
import { noConstraintErrors } from "../../server/errors/constraints.ts";
import { installErrors } from "../../server/http/installErrors.ts";
import { withinDeadline } from "../../server/http/jsonBody.ts";
import { addressKey } from "../../server/http/limiters.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { type HttpClient, rawRequest } from "../helpers/http.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import {
  startTestServer,
  TEST_LIMITS,
  type TestHttpServer,
} from "../helpers/server.ts";

let db: TestDatabase;
let people: People;
let server: TestHttpServer;
let adminDir: string;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  adminDir = mkdtempSync(join(tmpdir(), "closetai-admin-"));
  mkdirSync(join(adminDir, "assets"));
  writeFileSync(
    join(adminDir, "index.html"),
    "<!doctype html><title>admin</title>",
  );
  writeFileSync(
    join(adminDir, "assets", "index-abc123.js"),
    "export {};\n".repeat(500),
  );
  writeFileSync(join(adminDir, "assets", "index-abc123.js.map"), "{}");
  writeFileSync(join(adminDir, ".sources"), "secret");
  server = await startTestServer(db, {}, { adminDir });
});

afterAll(async () => {
  await server?.close();
  await db?.drop();
  rmSync(adminDir, { recursive: true, force: true });
});

const QUERY = { query: "{ __typename }" };

async function signedIn(): Promise<HttpClient> {
  const client = server.client();
  expect((await client.signIn(people.viewer.email, PASSWORD)).status).toBe(200);
  return client;
}

describe("/graphql", () => {
  const json = { "content-type": "application/json" };
  const post = (
    body: string | Buffer,
    headers: Record<string, string> = json,
  ) => rawRequest(server.url, "/graphql", { method: "POST", headers, body });

  it("answers POST of application/json, with or without a charset", async () => {
    for (const type of [
      "application/json",
      "application/json; charset=utf-8",
    ]) {
      const answer = await post(JSON.stringify(QUERY), {
        "content-type": type,
      });
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        200,
        { data: { __typename: "Query" } },
      ]);
    }
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/graphql",
    "text/json",
  ])("refuses %s with 415", async (type) => {
    const answer = await post(JSON.stringify(QUERY), { "content-type": type });
    expect(answer.status).toBe(415);
    expect(JSON.parse(answer.text)).toMatchObject({
      errors: [{ extensions: { code: "MEDIA" } }],
    });
  });

  it("refuses a body without a type", async () => {
    expect((await post(JSON.stringify(QUERY), {})).status).toBe(415);
  });

  it.each(["GET", "PUT", "DELETE", "PATCH", "HEAD"])(
    "refuses %s with 405",
    async (method) => {
      const answer = await rawRequest(
        server.url,
        `/graphql?query=${encodeURIComponent("{ __typename }")}`,
        { method },
      );
      expect(answer.status).toBe(405);
      expect(answer.headers["allow"]).toBe("POST");
      expect(answer.text).not.toContain("<html");
    },
  );

  it("refuses a list of operations, and what is no JSON", async () => {
    expect((await post(JSON.stringify([QUERY, QUERY]))).status).toBe(400);
    expect((await post("{")).status).toBe(400);
    expect((await post('"text"')).status).toBe(400);
    expect((await post("")).status).toBe(400);
  });

  it("takes a body of 100 KB and refuses one byte more, compressed or not", async () => {
    const sized = (bytes: number) => {
      const empty = JSON.stringify({ ...QUERY, extensions: { x: "" } }).length;
      return JSON.stringify({
        ...QUERY,
        extensions: { x: "x".repeat(bytes - empty) },
      });
    };
    expect((await post(sized(DEFAULT_LIMITS.bodyBytes))).status).toBe(200);
    const over = await post(sized(DEFAULT_LIMITS.bodyBytes + 1));
    expect([over.status, JSON.parse(over.text)]).toMatchObject([
      413,
      { errors: [{ extensions: { code: "LARGE" } }] },
    ]);
    const { gzipSync } = await import("node:zlib");
    const bomb = gzipSync(sized(5_000_000));
    expect(bomb.length).toBeLessThan(20_000);
    expect(
      (await post(bomb, { ...json, "content-encoding": "gzip" })).status,
    ).toBe(413);
  });

  it("answers without a stack, SQL or path, and with the request's id", async () => {
    const answer = await server
      .client()
      .post("/graphql", QUERY, { "x-request-id": "my-request-0001" });
    expect(answer.headers.get("x-request-id")).toBe("my-request-0001");
    const odd = await server
      .client()
      .post("/graphql", "{", { ...json, "x-request-id": "bad id\u00e9" });
    expect(odd.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(odd.json).toEqual({
      errors: [
        {
          message: expect.any(String),
          extensions: {
            code: "BADRQ",
            requestId: odd.headers.get("x-request-id"),
          },
        },
      ],
    });
    expect(odd.text).not.toMatch(/\bat \/|node_modules|select |SyntaxError/i);
  });

  it("the explorer is there for developers and gone in production", async () => {
    expect((await server.client().get("/ruru")).status).toBe(200);
    const production = await startTestServer(
      db,
      { mode: "production", rootUrl: "https://admin.example.com" },
      { adminDir },
    );
    try {
      const client = production.client();
      expect((await client.get("/ruru")).status).toBe(404);
      expect((await client.get("/graphql")).status).toBe(405);
      const { errors } = await client.graphql(
        "{ __schema { types { name } } }",
        {},
        { origin: "https://admin.example.com" },
      );
      expect(errors[0]?.extensions.code).toBeDefined();
    } finally {
      await production.close();
    }
  });
});

describe("requests a cookie speaks for", () => {
  const EVIL: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://localhost.evil.example" },
    { origin: "https://evil.example", "sec-fetch-site": "same-origin" },
    { origin: "not a url" },
  ];

  it.each(EVIL)("are refused from another site: %j", async (headers) => {
    const client = await signedIn();
    for (const path of ["/graphql", "/auth/logout", "/auth/brand"]) {
      const answer = await client.post(path, QUERY, headers);
      expect([path, answer.status]).toEqual([path, 403]);
      expect(answer.text).toContain("DNIED");
    }
    expect((await client.get("/auth/session")).json).toMatchObject({
      user: { id: people.viewer.id },
    });
  });

  it("are refused when they do not say where they come from", async () => {
    const client = await signedIn();
    const cookie = [...client.cookies]
      .map(([name, value]) => `${name}=${value}`)
      .join("; ");
    const send = (headers: Record<string, string>) =>
      rawRequest(server.url, "/graphql", {
        method: "POST",
        headers: { cookie, "content-type": "application/json", ...headers },
        body: JSON.stringify(QUERY),
      });
    expect((await send({})).status).toBe(403);
    expect((await send({ "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await send({ "sec-fetch-site": "same-site" })).status).toBe(403);
    expect((await send({ "sec-fetch-site": "same-origin" })).status).toBe(200);
  });

  it("signing in from another site is refused too", async () => {
    const answer = await server
      .client()
      .post(
        "/auth/login",
        { email: people.viewer.email, password: PASSWORD },
        { origin: "https://evil.example" },
      );
    expect(answer.status).toBe(403);
  });

  it("for whom a page was opened must be who asks", async () => {
    const client = server.client();
    await client.signIn(people.owner.email, PASSWORD);
    const { lumiere, denim, owner, viewer } = people;
    const ask = async (path: string, actingAs: string) => {
      const answer = await client.post(path, QUERY, {
        "x-acting-as": actingAs,
      });
      const body = answer.json as {
        errors?: { extensions: { code: string } }[];
        error?: { code: string };
      };
      return [
        answer.status,
        body.errors?.[0]?.extensions.code ?? body.error?.code ?? null,
      ];
    };
    const session = (await client.get("/auth/session")).json as {
      brandId: string;
    };
    expect([lumiere, denim]).toContain(session.brandId);
    const other = session.brandId === lumiere ? denim : lumiere;
    const own = `${owner.id}/${session.brandId}`;
    expect(await ask("/graphql", own)).toEqual([200, null]);
    for (const wrong of [
      `${owner.id}/${other}`,
      `${owner.id}/`,
      `${viewer.id}/${session.brandId}`,
      "nonsense",
      "",
    ]) {
      expect(await ask("/graphql", wrong)).toEqual([409, "OTHER"]);
      expect(await ask("/exports", wrong)).toEqual([409, "OTHER"]);
    }
    await client.post("/auth/logout", {});
    expect(await ask("/graphql", own)).toEqual([401, "LOGIN"]);
  });

  it("in production only the configured address counts, not the Host", async () => {
    const production = await startTestServer(
      db,
      { mode: "production", rootUrl: "https://admin.example.com" },
      { adminDir },
    );
    try {
      const send = (origin: string) =>
        production
          .client()
          .post(
            "/auth/login",
            { email: "x@people.test", password: "some password" },
            { origin },
          );
      expect((await send(production.url)).status).toBe(403);
      expect((await send("http://admin.example.com")).status).toBe(403);
      expect((await send("https://admin.example.com")).status).toBe(401);
    } finally {
      await production.close();
    }
  });

  it("no other site may read an answer", async () => {
    const answer = await server
      .client()
      .get("/auth/session", { origin: "https://evil.example" });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("cross-origin-resource-policy")).toBe(
      "same-origin",
    );
    const preflight = await server.client().request("OPTIONS", "/graphql", {
      headers: {
        origin: "https://evil.example",
        "access-control-request-method": "POST",
      },
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
  });
});

/** One operation by a program without a session. */
function overWebsocket(url: string, query: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(
      `${url.replace("http", "ws")}/graphql`,
      "graphql-transport-ws",
      { headers: { origin: url } },
    );
    socket.on("error", reject);
    socket.on("open", () => {
      socket.send(JSON.stringify({ type: "connection_init" }));
    });
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as {
        type: string;
        payload?: unknown;
      };
      if (message.type === "connection_ack") {
        socket.send(
          JSON.stringify({ id: "1", type: "subscribe", payload: { query } }),
        );
      }
      if (message.type === "next" || message.type === "error") {
        socket.terminate();
        resolve(
          message.type === "next"
            ? message.payload
            : { errors: message.payload },
        );
      }
    });
  });
}

describe("websockets", () => {
  const open = (headers: Record<string, string>, path = "/graphql") =>
    new Promise<{ status: number; socket: WebSocket | null }>(
      (resolve, reject) => {
        const socket = new WebSocket(
          `${server.url.replace("http", "ws")}${path}`,
          "graphql-transport-ws",
          { headers },
        );
        socket.on("open", () => resolve({ status: 101, socket }));
        socket.on("unexpected-response", (_request, response) => {
          resolve({ status: response.statusCode ?? 0, socket: null });
          response.resume();
        });
        socket.on("error", reject);
      },
    );

  it("open from our own pages only", async () => {
    const client = await signedIn();
    const cookie = [...client.cookies]
      .map(([name, value]) => `${name}=${value}`)
      .join("; ");
    expect(
      (await open({ cookie, origin: "https://evil.example" })).status,
    ).toBe(403);
    expect((await open({ cookie })).status).toBe(403);
    expect(
      (await open({ cookie, origin: server.url }, "/elsewhere")).status,
    ).toBe(404);
    expect((await open({ authorization: "Bearer rubbish" })).status).toBe(401);
    const { status, socket } = await open({ cookie, origin: server.url });
    expect(status).toBe(101);

    // The socket acts as the person of the cookie.
    const answer = await new Promise<unknown>((resolve) => {
      socket?.on("message", (data: Buffer) => {
        const message = JSON.parse(data.toString()) as {
          type: string;
          payload?: unknown;
        };
        if (message.type === "connection_ack") {
          socket.send(
            JSON.stringify({
              id: "1",
              type: "subscribe",
              payload: { query: "{ brandAccounts { nodes { slug } } }" },
            }),
          );
        }
        if (message.type === "next") resolve(message.payload);
      });
      socket?.send(JSON.stringify({ type: "connection_init" }));
    });
    expect(answer).toEqual({
      data: { brandAccounts: { nodes: [{ slug: "lumiere" }] } },
    });
    socket?.terminate();
  });

  /** The head of an upgrade that will be refused. */
  const refused = [
    "GET /graphql HTTP/1.1",
    "Host: localhost",
    "Origin: https://evil.example",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "",
    "",
  ].join("\r\n");
  const connectTo = (allowHalfOpen = false) =>
    connect({ port: Number(new URL(server.url).port), allowHalfOpen });

  it("survive who resets the connection before the answer", async () => {
    for (const origin of ["https://evil.example", server.url]) {
      for (let wait = 0; wait < 8; wait++) {
        await new Promise<void>((resolve, reject) => {
          const socket = connectTo();
          socket.on("error", reject);
          socket.on("connect", () => {
            // With a session to look up, so that the answer takes a moment.
            socket.write(
              refused
                .replace("https://evil.example", origin)
                .replace(
                  "Host:",
                  `Cookie: closetai_session=${"a".repeat(43)}\r\nHost:`,
                ),
            );
            setTimeout(() => {
              socket.resetAndDestroy();
              resolve();
            }, wait);
          });
        });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await server.client().get("/healthz")).status).toBe(200);
  });

  it("that are refused are let go, also by who does not hang up", async () => {
    const outcome = await new Promise<string>((resolve, reject) => {
      const socket = connectTo(true);
      socket.on("connect", () => socket.write(refused));
      socket.on("data", () => undefined);
      socket.on("end", () => {
        // Whoever still holds the other end takes what is written to it.
        socket.write("more");
        setTimeout(() => socket.write("more"), 100);
        setTimeout(() => {
          socket.destroy();
          resolve("still held");
        }, 1_000);
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EPIPE" || error.code === "ECONNRESET") {
          resolve("let go");
        } else reject(error);
      });
    });
    expect(outcome).toBe("let go");
  });
});

describe("what every answer carries", () => {
  it("a strict content security policy, and no sniffing or framing", async () => {
    for (const path of ["/admin", "/auth/session", "/nothing", "/healthz"]) {
      const { headers } = await server.client().get(path);
      const policy = headers.get("content-security-policy") ?? "";
      const directive = (name: string) =>
        policy
          .split(";")
          .map((part) => part.trim())
          .find((part) => part.startsWith(`${name} `));
      expect([path, directive("script-src")]).toEqual([
        path,
        "script-src 'self'",
      ]);
      expect(directive("default-src")).toBe("default-src 'self'");
      expect(directive("object-src")).toBe("object-src 'none'");
      expect(directive("base-uri")).toBe("base-uri 'none'");
      expect(directive("form-action")).toBe("form-action 'self'");
      expect(directive("frame-ancestors")).toBe("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe-eval");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("x-powered-by")).toBeNull();
    }
  });

  it("an address that is none answers 404 with a code", async () => {
    const answer = await server.client().get("/nothing/here");
    expect([answer.status, answer.json]).toMatchObject([
      404,
      { error: { code: "NTFND" } },
    ]);
  });
});

describe("the admin's files", () => {
  const get = (path: string) => server.client().get(path);

  it("the front page leads to the admin", async () => {
    const answer = await get("/");
    expect([answer.status, answer.headers.get("location")]).toEqual([
      302,
      "/admin",
    ]);
  });

  it("addresses inside the admin all get its page, asked for anew each time", async () => {
    for (const path of [
      "/admin",
      "/admin/",
      "/admin/products",
      "/admin/products/1/show",
    ]) {
      const answer = await get(path);
      expect([
        path,
        answer.status,
        answer.headers.get("cache-control"),
      ]).toEqual([path, 200, "no-cache"]);
      expect(answer.text).toContain("<title>admin</title>");
    }
  });

  it("files with a hash in their name are kept for ever, and compressed", async () => {
    const answer = await server
      .client()
      .get("/admin/assets/index-abc123.js", { "accept-encoding": "gzip" });
    expect(answer.headers.get("cache-control")).toMatch(
      /max-age=31536000.*immutable/,
    );
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    expect(answer.headers.get("content-type")).toContain("javascript");
  });

  it("a missing file is missing, not a page", async () => {
    expect((await get("/admin/assets/index-other.js")).status).toBe(404);
    expect((await get("/admin/logo.png")).status).toBe(404);
  });

  it("dotfiles, and what lies outside, are not served", async () => {
    for (const path of [
      "/admin/.sources",
      "/admin/%2esources",
      "/admin/../package.json",
      "/admin/..%2f..%2fpackage.json",
      "/admin/assets/..%5c.sources",
      "/admin/%c0%ae%c0%ae/",
    ]) {
      const answer = await rawRequest(server.url, path);
      expect([path, answer.status >= 400]).toEqual([path, true]);
      expect(answer.text).not.toMatch(/secret|dependencies/);
    }
  });

  it("source maps are served to developers and not in production", async () => {
    expect((await get("/admin/assets/index-abc123.js.map")).status).toBe(200);
    const production = await startTestServer(
      db,
      { mode: "production", rootUrl: "https://admin.example.com" },
      { adminDir },
    );
    try {
      expect(
        (await production.client().get("/admin/assets/index-abc123.js.map"))
          .status,
      ).toBe(404);
    } finally {
      await production.close();
    }
  });
});

describe("/healthz, /readyz and /metrics", () => {
  it("say that the server lives and is ready", async () => {
    expect((await server.client().get("/healthz")).json).toEqual({
      status: "ok",
    });
    expect((await server.client().get("/readyz")).json).toEqual({
      status: "ready",
    });
  });

  it("metrics are for this machine, or for whoever has the token", async () => {
    const client = server.client();
    const answer = await client.get("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.text).toMatch(
      /closetai_http_request_duration_seconds_count\{route="healthz",method="GET",status="2xx"\} \d+/,
    );
    expect(answer.text).toContain(
      'closetai_db_connections{pool="app",state="total"}',
    );
    expect(
      (await client.get("/metrics", { "x-forwarded-for": "203.0.113.9" }))
        .status,
    ).toBe(404);

    const token = "a token for the collector of metrics";
    const guarded = await startTestServer(db, { metricsToken: token });
    try {
      const collector = guarded.client();
      const forwarded = { "x-forwarded-for": "203.0.113.9" };
      expect(
        (
          await collector.get("/metrics", {
            ...forwarded,
            authorization: `Bearer ${token}`,
          })
        ).status,
      ).toBe(200);
      expect(
        (
          await collector.get("/metrics", {
            ...forwarded,
            authorization: `Bearer ${token}x`,
          })
        ).status,
      ).toBe(404);
    } finally {
      await guarded.close();
    }
  });
});

describe("slow clients", () => {
  const slow = async (first: string): Promise<string> => {
    const hurried = await startTestServer(db, {
      limits: { ...TEST_LIMITS, headersMs: 300 },
    });
    try {
      const { port } = new URL(hurried.url);
      return await new Promise((resolve, reject) => {
        const socket = connect(Number(port), "127.0.0.1", () => {
          socket.write(first);
        });
        let received = "";
        socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
        socket.on("error", reject);
        socket.on("close", () => {
          resolve(received);
        });
      });
    } finally {
      await hurried.close();
    }
  };

  it("who never ends the headers is sent away", async () => {
    expect(await slow("POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: ")).toMatch(
      /^HTTP\/1\.1 408 /,
    );
  });

  it.each(["/graphql", "/auth/login", "/exports", "/worker/claim"])(
    "who never ends a small body for %s is sent away",
    async (path) => {
      expect(
        await slow(
          `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${path === "/worker/claim" ? `wk_${"a".repeat(43)}` : ""}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"query":`.replace(
            "Authorization: Bearer \r\n",
            "",
          ),
        ),
      ).toMatch(/^HTTP\/1\.1 408 [\s\S]*BADRQ/);
    },
  );

  it("what comes after the deadline reaches nobody", async () => {
    const told: unknown[] = [];
    const read = withinDeadline(20, (_req, _res, next) => {
      setTimeout(() => next(), 60);
    });
    void read(
      {} as Request,
      { set: () => undefined, on: () => undefined } as unknown as Response,
      (error?: unknown) => told.push(error),
    );
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(told).toMatchObject([{ status: 408 }]);
  });
});

describe("who hangs up", () => {
  it("amid an answer is no fault of ours", async () => {
    const faults: unknown[] = [];
    const log = {
      error: (fault: unknown) => faults.push(fault),
      warn: () => 0,
    };
    const app = express();
    app.get("/hangs-up", async (_req, res) => {
      await pipeline(
        Readable.from(
          (function* () {
            for (let i = 0; i < 1_000; i++) yield Buffer.alloc(64 * 1024);
          })(),
        ),
        res,
      );
    });
    app.get("/breaks", async (_req, res) => {
      res.write("half");
      await Promise.resolve();
      throw new Error("broken");
    });
    installErrors(app, { log, constraints: () => noConstraintErrors } as never);
    const listening = app.listen(0, "127.0.0.1");
    await once(listening, "listening");
    const { port } = listening.address() as AddressInfo;
    const ask = (path: string, hangUp: boolean) =>
      new Promise<void>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => {
          socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        });
        socket.on("data", () => {
          if (hangUp) socket.resetAndDestroy();
        });
        socket.on("error", () => undefined);
        socket.on("close", () => {
          setTimeout(resolve, 100);
        });
      });
    await ask("/hangs-up", true);
    expect(faults).toEqual([]);
    await ask("/breaks", false);
    expect(faults).toMatchObject([{ code: "FAULT" }]);
    listening.close();
  });
});

describe("rate limits", () => {
  it("sign-in attempts of one address end in 429 with Retry-After, whatever the e-mail", async () => {
    const tight = await startTestServer(db, {
      limits: { ...TEST_LIMITS, signInsPerMinute: 3 },
    });
    try {
      const client = tight.client();
      const statuses: number[] = [];
      for (let i = 0; i < 4; i++) {
        statuses.push(
          (await client.post("/auth/reset", { email: `p${i}@people.test` }))
            .status,
        );
      }
      expect(statuses).toEqual([202, 202, 202, 429]);
      const refused = await client.signIn(people.viewer.email, PASSWORD);
      expect([refused.status, refused.json]).toMatchObject([
        429,
        { error: { code: "RATED" } },
      ]);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    } finally {
      await tight.close();
    }
  });

  it("registrations are counted like sign-ins, one by one within one request, over HTTP and websockets", async () => {
    const tight = await startTestServer(db, {
      limits: { ...TEST_LIMITS, signInsPerMinute: 3 },
    });
    const register = (n: number) =>
      `r${n}: registerShopper(input: { email: "flood${n}@people.test", password: "a shopper's password" }) { result }`;
    try {
      const client = tight.client();
      const flood = await client.graphql(
        `mutation { ${[1, 2, 3].map(register).join(" ")} }`,
      );
      expect([flood.data, flood.errors[0]?.extensions.code]).toEqual([
        null,
        "RATED",
      ]);
      const { rows } = await db.root.query(
        "select 1 from app_public.users where email like 'flood%'",
      );
      expect(rows).toEqual([]);
      const message = await overWebsocket(
        tight.url,
        `mutation { ${register(4)} }`,
      );
      expect(message).toMatchObject({
        errors: [{ extensions: { code: "RATED" } }],
      });
    } finally {
      await tight.close();
    }
  });

  it("operations over websockets are counted like requests", async () => {
    const tight = await startTestServer(db, {
      limits: { ...TEST_LIMITS, requestsPerMinute: 3 },
    });
    try {
      const answers: unknown[] = [];
      for (let i = 0; i < 4; i++) {
        answers.push(await overWebsocket(tight.url, "{ __typename }"));
      }
      const served = { data: { __typename: "Query" } };
      expect(answers).toMatchObject([
        served,
        served,
        served,
        { errors: [{ extensions: { code: "RATED" } }] },
      ]);
      const overHttp = await tight.client().post("/graphql", QUERY);
      expect(overHttp.status).toBe(429);
    } finally {
      await tight.close();
    }
  });

  it("API requests are counted by person, not by what the headers claim", async () => {
    const tight = await startTestServer(db, {
      limits: { ...TEST_LIMITS, requestsPerMinute: 5 },
    });
    try {
      const client = tight.client();
      for (let i = 0; i < 5; i++) {
        expect(
          (
            await client.graphql(
              "{ __typename }",
              {},
              { "x-forwarded-for": `203.0.113.${i}` },
            )
          ).status,
        ).toBe(200);
      }
      const refused = await client.graphql(
        "{ __typename }",
        {},
        { "x-forwarded-for": "203.0.113.99" },
      );
      expect([refused.status, refused.errors[0]?.extensions.code]).toEqual([
        429,
        "RATED",
      ]);
      expect((await client.get("/healthz")).status).toBe(200);
    } finally {
      await tight.close();
    }
  });

  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8::1", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    [undefined, "unknown"],
  ])("%s counts as %s", (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});
