import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import pg from "pg";
import { getIntrospectionQuery } from "postgraphile/graphql";

import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { makeWorld, type World } from "./twoBrands.ts";

let db: TestDatabase;
let api: TestApi;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase();
  world = await makeWorld(db);
  // A query and a mutation that take as long as one asks for.
  await db.owner.query(`
    create function app_public.slow_answer(seconds double precision) returns integer
      language sql stable set search_path = pg_catalog, pg_temp
      as $$ select 1 from pg_sleep(seconds) $$;
    grant execute on function app_public.slow_answer(double precision) to closetai_viewer;
  `);
  api = await makeTestApi(db);
});

afterAll(async () => {
  await api?.close();
  await db?.drop();
});

const JSON_TYPE = { "content-type": "application/json" };
const post = (body: string, headers: Record<string, string> = JSON_TYPE) =>
  api.request({ method: "POST", headers, body }, world.lumiere.viewer);

describe("the GraphQL endpoint", () => {
  it.each([
    [
      "GET with a query",
      { method: "GET" },
      "?query={__typename}",
      405,
      "METHD",
    ],
    [
      "PUT",
      { method: "PUT", headers: JSON_TYPE, body: "{}" },
      "",
      405,
      "METHD",
    ],
    [
      "a form",
      {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "query={__typename}",
      },
      "",
      415,
      "MEDIA",
    ],
    [
      "a bare document",
      {
        method: "POST",
        headers: { "content-type": "application/graphql" },
        body: "{ __typename }",
      },
      "",
      415,
      "MEDIA",
    ],
    [
      "text",
      {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body: '{"query":"{__typename}"}',
      },
      "",
      415,
      "MEDIA",
    ],
    [
      "no media type",
      { method: "POST", body: Buffer.from("{}") },
      "",
      400,
      "BADRQ",
    ],
    [
      "no JSON accepted",
      {
        method: "POST",
        headers: { ...JSON_TYPE, accept: "image/png" },
        body: '{"query":"{__typename}"}',
      },
      "",
      406,
      "MEDIA",
    ],
    [
      "broken JSON",
      { method: "POST", headers: JSON_TYPE, body: "{" },
      "",
      400,
      "BADRQ",
    ],
    [
      "a batch",
      {
        method: "POST",
        headers: JSON_TYPE,
        body: '[{"query":"{__typename}"},{"query":"{__typename}"}]',
      },
      "",
      400,
      "BADRQ",
    ],
    [
      "no query",
      { method: "POST", headers: JSON_TYPE, body: "{}" },
      "",
      400,
      "BADRQ",
    ],
    [
      "variables that are a list",
      {
        method: "POST",
        headers: JSON_TYPE,
        body: '{"query":"{__typename}","variables":[1]}',
      },
      "",
      400,
      "BADRQ",
    ],
    [
      "a body that is too large",
      {
        method: "POST",
        headers: JSON_TYPE,
        body: JSON.stringify({
          query: "{ __typename }",
          extensions: { x: "x".repeat(200_000) },
        }),
      },
      "",
      413,
      "LARGE",
    ],
  ] as const)("refuses %s", async (_, init, search, status, code) => {
    const response = await fetch(`${api.url}${search}`, init);
    const text = await response.text();
    expect(response.status).toBe(status);
    const { errors } = JSON.parse(text) as {
      errors: { extensions: { code: string; requestId: string } }[];
    };
    expect(errors[0]?.extensions.code).toBe(code);
    expect(errors[0]?.extensions.requestId).toMatch(/^test-\d+$/);
    if (status === 405) expect(response.headers.get("allow")).toBe("POST");
  });

  it("answers refusals as GraphQL over HTTP wants: 400, or 200 to who accepts plain JSON", async () => {
    const body = JSON.stringify({ query: "{ nothing }" });
    const modern = await post(body, {
      ...JSON_TYPE,
      accept: "application/graphql-response+json",
    });
    expect(modern.status).toBe(400);
    expect(modern.headers.get("content-type")).toMatch(
      "application/graphql-response+json",
    );
    const plain = await post(body, {
      ...JSON_TYPE,
      accept: "application/json",
    });
    expect(plain.status).toBe(200);
    for (const { errors } of [modern, plain]) {
      expect(errors?.[0]?.extensions).toEqual({
        code: "GRAPHQL_VALIDATION",
        requestId: expect.stringMatching(/^test-/),
      });
    }
  });

  it("tells each request its own number, though the refusal is the same", async () => {
    const body = JSON.stringify({ query: "{ nothing }" });
    const ids = await Promise.all(
      [1, 2, 3].map(
        async () => (await post(body)).errors?.[0]?.extensions.requestId,
      ),
    );
    expect(new Set(ids).size).toBe(3);
  });

  it.each([
    ["an id", '{ product(rowId: "x") { name } }'],
    [
      "an id in a filter",
      '{ products(filter: { rowId: { equalTo: "x" } }) { totalCount } }',
    ],
    [
      "a time that is a number",
      "{ products(filter: { createdAt: { equalTo: 5 } }) { totalCount } }",
    ],
    [
      "a price that is a truth",
      "{ products(filter: { priceMinor: { equalTo: true } }) { totalCount } }",
    ],
  ])(
    "refuses %s written out wrong as the caller's fault",
    async (_what, query) => {
      const answer = await api.execute(world.lumiere.viewer, query);
      expect(answer.status).toBe(400);
      expect(answer.errors?.map(({ extensions }) => extensions.code)).toEqual([
        "GRAPHQL_VALIDATION",
      ]);
    },
  );

  it("refuses what cannot be read of the variables by name, not by cause", async () => {
    const answer = await api.execute(
      world.lumiere.viewer,
      "query Q($id: UUID!) { product(rowId: $id) { name } }",
      { id: { nested: true } },
    );
    expect(answer.status).toBe(400);
    expect(answer.errors?.[0]?.extensions.code).toBe("GRAPHQL_VALIDATION");
    const wrong = await api.execute(
      world.lumiere.viewer,
      "query Q($id: UUID!) { product(rowId: $id) { name } }",
      { id: "not-a-uuid" },
    );
    expect(["GRAPHQL_VALIDATION", "INVAL"]).toContain(
      wrong.errors?.[0]?.extensions.code,
    );
    // The engine prints what it could not read.
    const print = jest.spyOn(console, "warn").mockReturnValue(undefined);
    const id = await api.execute(
      world.lumiere.viewer,
      '{ productById(id: "bm9uc2Vuc2U=") { name } node(id: "x") { id } }',
    );
    print.mockRestore();
    expect(id.text).not.toMatch(/stack|Error:|node_modules/);
    expect(
      id.errors?.every(({ extensions }) => extensions.code !== "FAULT") ?? true,
    ).toBe(true);
  });

  it("refuses a cursor it did not make", async () => {
    const answer = await api.execute(
      world.lumiere.viewer,
      '{ products(after: "nonsense") { nodes { name } } }',
    );
    expect(answer.errors?.[0]?.extensions.code).toBe("INVAL");
  });
});

describe("a statement that takes too long", () => {
  it("is stopped by the database, because the timeout is in its settings", async () => {
    const quick = await makeTestApi(db, { limits: { statementMs: 100 } });
    try {
      const answer = await quick.execute(
        world.lumiere.viewer,
        "{ slowAnswer(seconds: 30) }",
      );
      expect(answer.errors?.[0]).toMatchObject({
        extensions: { code: "SLOWQ" },
        path: ["slowAnswer"],
      });
    } finally {
      await quick.close();
    }
  });
});

describe("a database that is away or busy", () => {
  it("is told with 503 and Retry-After when no connection is free", async () => {
    const pool = new pg.Pool({
      connectionString: db.urls.app,
      max: 1,
      // Long enough to connect on a slow machine; waited out once, below.
      connectionTimeoutMillis: 3_000,
    });
    const busy = await makeTestApi({ app: pool, urls: db.urls });
    const held = await pool.connect();
    try {
      const answer = await busy.execute(
        world.lumiere.viewer,
        "{ products { totalCount } }",
      );
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(answer.errors?.[0]?.extensions.code).toBe("BUSY");
    } finally {
      held.release();
      await busy.close();
      await pool.end();
    }
  });

  it("is told with 503 when the connection is cut, and forgotten after", async () => {
    const running = api.execute(
      world.lumiere.viewer,
      "{ slowAnswer(seconds: 4) }",
    );
    for (;;) {
      const { rowCount } = await db.root.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where query like '%slow_answer%' and usename = 'closetai_app' and datname = current_database() and state = 'active'`,
      );
      if ((rowCount ?? 0) > 0) break;
      await sleep(20);
    }
    const answer = await running;
    expect(answer.status).toBe(503);
    expect(answer.errors?.[0]?.extensions.code).toBe("DOWN");
    const next = await api.execute(
      world.lumiere.viewer,
      "{ products { totalCount } }",
    );
    expect(next.data).toEqual({ products: { totalCount: 3 } });
  });
});

describe("in production", () => {
  let production: TestApi;
  beforeAll(async () => {
    production = await makeTestApi(db, { mode: "production" });
  });
  afterAll(async () => {
    await production?.close();
  });

  it("the schema cannot be asked for", async () => {
    for (const query of [
      getIntrospectionQuery(),
      "{ __schema { queryType { name } } }",
      '{ __type(name: "Product") { name } }',
    ]) {
      const answer = await production.execute(world.staff, query);
      expect(answer.status).toBe(400);
      expect(answer.errors?.[0]?.message).toMatch(/introspection/i);
      expect(answer.data).toBeUndefined();
    }
    const typename = await production.execute(world.staff, "{ __typename }");
    expect(typename.data).toEqual({ __typename: "Query" });
  });

  it("names are not suggested, in documents or in variables", async () => {
    const document = await production.execute(world.staff, "{ product }");
    expect(document.errors).toBeDefined();
    for (const answer of [
      await production.execute(world.staff, "{ productz { id } }"),
      await production.execute(
        world.staff,
        "query Q($filter: ProductFilter) { products(filter: $filter) { totalCount } }",
        { filter: { nam: { equalTo: "x" } } },
      ),
    ]) {
      expect(answer.errors?.[0]?.extensions.code).toBe("GRAPHQL_VALIDATION");
      expect(answer.text).not.toMatch(/did you mean/i);
    }
    const open = await api.execute(world.staff, "{ productz { id } }");
    expect(open.text).toMatch(/did you mean/i);
  });

  it("there is no explorer, at its own address or at the endpoint", async () => {
    const origin = new URL(production.url).origin;
    for (const path of ["/ruru", "/", "/ruru-static/"]) {
      const response = await fetch(`${origin}${path}`, {
        headers: { accept: "text/html" },
      });
      expect(response.status).toBe(404);
      expect(await response.text()).not.toMatch(/<script/i);
    }
    const endpoint = await fetch(production.url, {
      headers: { accept: "text/html" },
    });
    expect(endpoint.status).toBeGreaterThanOrEqual(400);
    expect(await endpoint.text()).not.toMatch(/<script/i);
  });
});

describe("in development", () => {
  it("the explorer has an address of its own, and the endpoint shows none", async () => {
    const origin = new URL(api.url).origin;
    const explorer = await fetch(`${origin}/ruru`, {
      headers: { accept: "text/html" },
    });
    expect(explorer.status).toBe(200);
    expect(await explorer.text()).toMatch(/<script/);
    const endpoint = await fetch(api.url, { headers: { accept: "text/html" } });
    expect(endpoint.status).toBeGreaterThanOrEqual(400);
  });

  it("the standard introspection query passes the limits", async () => {
    const answer = await api.execute(world.staff, getIntrospectionQuery());
    expect(answer.errors).toBeUndefined();
    expect(answer.status).toBe(200);
  });
});
