import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { parseConfig } from "../../server/config.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import type { HttpClient } from "../helpers/http.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import {
  startTestServer,
  TEST_LIMITS,
  type TestHttpServer,
} from "../helpers/server.ts";

let db: TestDatabase;
let people: People;
let proxy: Proxy;
let server: TestHttpServer;
let client: HttpClient;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  proxy = await startProxy(new URL(db.urls.app));
  const through = (url: string) => {
    const changed = new URL(url);
    changed.port = String(proxy.port);
    return changed.href;
  };
  server = await startTestServer(
    {
      urls: {
        ...db.urls,
        app: through(db.urls.app),
        worker: through(db.urls.worker),
      },
    },
    {
      // Few connections, and a wait for one that only a hanging database makes
      // too long, not a busy machine.
      pool: {
        ...parseConfig({ NODE_ENV: "test" }).pool,
        app: 4,
        connectTimeoutMs: 6_000,
      },
      limits: {
        ...TEST_LIMITS,
        requestsPerMinute: 100_000,
      },
    },
  );
  client = server.client();
  expect((await client.signIn(people.viewer.email, PASSWORD)).status).toBe(200);
});

afterAll(async () => {
  await server?.close();
  await proxy?.close();
  await db?.drop();
});

const ask = () =>
  client.request("POST", "/graphql", {
    body: { query: "{ brandAccounts { nodes { slug } } }" },
  });

const healthy = async () => {
  const answer = await ask();
  return answer.status === 200 && answer.text.includes("lumiere");
};

async function recovered(): Promise<void> {
  // How long it takes is measured in bench/; here it must come back by itself.
  while (!(await healthy())) await sleep(100);
}

function expectUnavailable(answer: Awaited<ReturnType<typeof ask>>): void {
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(answer.text).toMatch(/"code":"(DOWN|BUSY)"/);
  expect(answer.text).not.toMatch(
    /ECONN|127\.0\.0\.1|timeout exceeded|closetai_app/,
  );
}

describe("a database that ends all connections", () => {
  it("costs at most the requests that were using them", async () => {
    expect(await healthy()).toBe(true);
    await db.root.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = 'closetai_app' and application_name = 'closetai app'",
      [db.name],
    );
    const statuses = (await Promise.all(Array.from({ length: 100 }, ask))).map(
      ({ status }) => status,
    );
    const failed = statuses.filter((status) => status !== 200);
    expect(failed.every((status) => status === 503)).toBe(true);
    expect(failed.length).toBeLessThanOrEqual(10);
    await recovered();
  });
});

describe("a database that is gone", () => {
  it("answers 503 with Retry-After, stays alive, and is ready again by itself", async () => {
    await proxy.down();
    expectUnavailable(await ask());
    const signIn = await server.client().signIn(people.viewer.email, PASSWORD);
    expect(signIn.status).toBe(503);
    const anonymous = await server
      .client()
      .graphql("{ wardrobeCategories { nodes { code } } }");
    expect(anonymous.status).toBe(503);
    const ready = await server.client().get("/readyz");
    expect([ready.status, ready.headers.get("retry-after")]).toEqual([
      503,
      "1",
    ]);
    expect((await server.client().get("/healthz")).status).toBe(200);
    expect((await server.client().get("/admin/nothing.js")).status).toBe(404);
    await proxy.up();
    await recovered();
    expect((await server.client().get("/readyz")).status).toBe(200);
    // The session is where it was.
    expect((await client.get("/auth/session")).json).toMatchObject({
      user: { id: people.viewer.id },
    });
  });
});

describe("a database that hangs", () => {
  it("answers 503, is not ready, and comes back without losing connections", async () => {
    expect(await healthy()).toBe(true);
    proxy.freeze();
    const answers = await Promise.all([
      ...Array.from({ length: 8 }, ask),
      server.client().get("/healthz"),
    ]);
    expect(answers.pop()?.status).toBe(200);
    for (const answer of answers) expectUnavailable(answer);
    expect((await server.client().get("/readyz")).status).toBe(503);
    proxy.thaw();
    await recovered();
    const statuses = (await Promise.all(Array.from({ length: 20 }, ask))).map(
      ({ status }) => status,
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe("a table that is locked", () => {
  it("answers 503 for what needs it, leaves the rest alone, and goes on after", async () => {
    const locker = await db.root.connect();
    try {
      await locker.query("begin");
      await locker.query(
        "lock table app_public.users in access exclusive mode",
      );
      // More than there are connections.
      const answers = await Promise.all(Array.from({ length: 8 }, ask));
      for (const answer of answers) expectUnavailable(answer);
      expect((await server.client().get("/healthz")).status).toBe(200);
      expect((await server.client().graphql("{ __typename }")).data).toEqual({
        __typename: "Query",
      });
      await locker.query("rollback");
    } finally {
      locker.release();
    }
    await recovered();
  });
});

describe("more requests at once than the bound", () => {
  it("are told to come back at once, while the others are served", async () => {
    const small = await startTestServer(db, {
      limits: {
        ...TEST_LIMITS,
        inFlight: 2,
        headersMs: 60_000,
      },
    });
    // A request is under way from its first byte to its last.
    const body = JSON.stringify({ query: "{ __typename }" });
    const hold = () => {
      const held = request(new URL("/graphql", small.url), {
        method: "POST",
        agent: false,
        headers: {
          "content-type": "application/json",
          "content-length": String(body.length),
        },
      });
      const status = new Promise<number>((resolve, reject) => {
        held.on("error", reject);
        held.on("response", (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
      });
      held.write(body.slice(0, 5));
      return {
        finish: () => {
          held.end(body.slice(5));
          return status;
        },
      };
    };
    try {
      const held = [hold(), hold()];
      let refused = await small.client().graphql("{ __typename }");
      while (refused.status === 200) {
        refused = await small.client().graphql("{ __typename }");
      }
      expect(refused).toMatchObject({
        status: 503,
        errors: [{ extensions: { code: "BUSY" } }],
      });
      expect((await small.client().get("/healthz")).status).toBe(200);
      for (const { finish } of held) expect(await finish()).toBe(200);
      expect((await small.client().graphql("{ __typename }")).status).toBe(200);
    } finally {
      await small.close();
    }
  });
});

describe("a server that is stopping", () => {
  it("is alive and no longer ready", async () => {
    const own = await startTestServer(db);
    try {
      expect((await own.client().get("/readyz")).status).toBe(200);
      own.lifecycle.state = "stopping";
      const answer = await own.client().get("/readyz");
      expect([answer.status, answer.json]).toEqual([
        503,
        { status: "stopping" },
      ]);
      expect((await own.client().get("/healthz")).status).toBe(200);
    } finally {
      await own.close();
    }
  });
});
