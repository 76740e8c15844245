import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import pg from "pg";
import { pino } from "pino";
import { SafeError } from "postgraphile/grafast";
import { GraphQLError, Kind } from "postgraphile/graphql";

import {
  AppError,
  makeHttpErrors,
  makeMaskError,
  toPublicError,
} from "../../server/errors.ts";
import {
  loadConstraintErrors,
  makeConstraintErrors,
  parseConstraintComment,
  readConstraints,
} from "../../server/errors/constraints.ts";
import { requestScope } from "../../server/requestScope.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(async () => {
  await db?.drop();
});

/** The error PostgreSQL itself answers a statement with. */
async function failing(sql: string): Promise<unknown> {
  const client = await db.root.connect();
  try {
    await client.query("begin");
    await client.query(sql);
    return null;
  } catch (error) {
    return error;
  } finally {
    await client.query("rollback");
    client.release();
  }
}

/** As the engine reports what a step threw. */
const thrown = (error: unknown, path: (string | number)[] = ["createThing"]) =>
  new GraphQLError(error instanceof Error ? error.message : String(error), {
    path,
    originalError: error instanceof Error ? error : new Error(String(error)),
  });

const SECRET =
  "select password_hash from app_private.user_secrets at /srv/closetai/server/main.ts:12";

describe("an error nobody thought of", () => {
  const cases: [string, unknown][] = [
    ["an error", new Error(SECRET)],
    ["a type error", new TypeError(SECRET)],
    ["an error with a cause", new Error("x", { cause: new Error(SECRET) })],
    ["several errors", new AggregateError([new Error(SECRET)], SECRET)],
    [
      "an error that carries extensions",
      Object.assign(new Error(SECRET), { extensions: { secret: SECRET } }),
    ],
    [
      "an error with a foreign code",
      Object.assign(new Error(SECRET), { code: "ERR_SECRET" }),
    ],
    [
      "an error with a status of a server",
      Object.assign(new Error(SECRET), { status: 500 }),
    ],
    ["text", SECRET],
    ["nothing", undefined],
    ["an object", { message: SECRET, stack: SECRET }],
    [
      "a GraphQL error of the handler, which lost its cause",
      new GraphQLError(SECRET),
    ],
    ["a wrapped error", thrown(new Error(SECRET))],
    ["a twice wrapped error", thrown(thrown(new Error(SECRET)))],
    [
      "a null where a value was promised",
      new GraphQLError(SECRET, { path: ["a"] }),
    ],
  ];

  it.each(cases)("%s becomes FAULT and tells nothing", (_, error) => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const mask = makeMaskError({ log });
    const masked = requestScope.run({ requestId: "r-1" }, () =>
      mask(error instanceof GraphQLError ? error : thrown(error)),
    );
    expect(masked.message).toMatch(/^Something went wrong on our side/);
    expect(masked.extensions).toEqual({ code: "FAULT", requestId: "r-1" });
    const answer = requestScope.run({ requestId: "r-2" }, () =>
      makeHttpErrors({ log })(error),
    );
    expect(answer.status).toBe(500);
    expect(answer.body.error.requestId).toBe("r-2");
    for (const wire of [JSON.stringify(masked), JSON.stringify(answer)]) {
      expect(wire).not.toContain("password_hash");
      expect(wire).not.toContain("/srv/");
      expect(wire).not.toMatch(/"stack"/);
    }
    // Whoever operates the server finds it by the number the person was given.
    expect(lines.join()).toContain('"requestId":"r-1"');
    expect(lines.join()).toContain('"level":50');
  });

  it("keeps the path of the answer", () => {
    const masked = makeMaskError({ log: pino({ level: "silent" }) })(
      thrown(new Error("x"), ["products", 3, "name"]),
    );
    expect(masked.path).toEqual(["products", 3, "name"]);
  });
});

describe("an error of our own", () => {
  it("passes with its words, field and hint", () => {
    const known = toPublicError(
      thrown(
        new AppError("STATE", "It is done.", {
          field: "status",
          hint: "Start another.",
        }),
      ),
    );
    expect(known).toEqual({
      code: "STATE",
      message: "It is done.",
      status: 409,
      field: "status",
      hint: "Start another.",
    });
  });

  it("may carry another status and a time to wait", () => {
    const { status, headers } = makeHttpErrors({
      log: pino({ level: "silent" }),
    })(new AppError("LIMIT", undefined, { status: 429, retryAfter: 7 }));
    expect(status).toBe(429);
    expect(headers).toEqual({ "Retry-After": "7" });
  });

  it("raised by SQL passes with its sentence, hint and field", async () => {
    const error = await failing(`do $$ begin
      raise exception 'This wallet is empty' using errcode = 'STATE', hint = 'Buy credits', column = 'credit_count';
    end $$`);
    expect(toPublicError(thrown(error))).toEqual({
      code: "STATE",
      message: "This wallet is empty",
      status: 409,
      field: "creditCount",
      hint: "Buy credits",
    });
  });

  it("raised by SQL without a code tells nothing", async () => {
    const error = await failing(
      `do $$ begin raise exception 'secret %', 1; end $$`,
    );
    expect(toPublicError(thrown(error)).code).toBe("FAULT");
  });
});

describe("an error of PostgreSQL", () => {
  it.each([
    ["select 1/0", "INVAL"],
    ["select 'x'::uuid", "INVAL"],
    ["select 99999999999::int", "INVAL"],
    ["select '2020-13-45'::date", "INVAL"],
    [
      "select 'a'::varchar(1) || repeat('x', 3)::varchar(2) from nowhere",
      "FAULT",
    ],
    ["select * from app_private.no_such_table", "FAULT"],
    ["selekt", "FAULT"],
    [
      "set local role closetai_viewer; select * from app_private.user_secrets",
      "DNIED",
    ],
    ["set local statement_timeout = 20; select pg_sleep(1)", "SLOWQ"],
    ["set transaction read only; create table x ()", "DOWN"],
    ["do $$ begin raise serialization_failure; end $$", "BUSY"],
    ["do $$ begin raise deadlock_detected; end $$", "BUSY"],
    ["do $$ begin raise lock_not_available; end $$", "BUSY"],
    ["do $$ begin raise too_many_connections; end $$", "BUSY"],
    ["do $$ begin raise disk_full; end $$", "DOWN"],
    ["do $$ begin raise admin_shutdown; end $$", "DOWN"],
    ["do $$ begin raise connection_failure; end $$", "DOWN"],
    ["do $$ begin raise statement_too_complex; end $$", "LIMIT"],
    ["do $$ begin raise no_data_found; end $$", "NTFND"],
    ["do $$ begin raise data_corrupted; end $$", "FAULT"],
  ])("%s is told as %s, without its words", async (sql, code) => {
    const error = await failing(sql);
    expect(error).toBeInstanceOf(pg.DatabaseError);
    const known = toPublicError(thrown(error));
    expect(known.code).toBe(code);
    expect(known.message).not.toContain((error as Error).message);
    expect(known.message).not.toMatch(/relation|syntax|app_|permission denied/);
  });

  it("about a constraint takes its words from the constraint", () => {
    const constraints = makeConstraintErrors([
      {
        schema: "app_public",
        table: "products",
        name: "products_brand_id_sku_key",
        kind: "u",
        columns: ["brand_id", "sku"],
        comment: "@error TAKEN sku This SKU is in your catalogue.",
      },
      {
        schema: "app_public",
        table: "products",
        name: "products_category_code_fkey",
        kind: "f",
        columns: ["category_code"],
        comment:
          "@fieldName category\n@errorInUse Products are in this category.|Move them first.",
      },
    ]);
    const violation = (fields: Partial<pg.DatabaseError>, words = "violates") =>
      toPublicError(
        Object.assign(new pg.DatabaseError(words, 1, "error"), {
          severity: "ERROR",
          schema: "app_public",
          table: "products",
          ...fields,
        }),
        constraints,
      );
    expect(
      violation({ code: "23505", constraint: "products_brand_id_sku_key" }),
    ).toMatchObject({
      code: "TAKEN",
      field: "sku",
      message: "This SKU is in your catalogue.",
    });
    expect(
      violation({ code: "23503", constraint: "products_category_code_fkey" }),
    ).toMatchObject({ code: "INVAL", field: "categoryCode" });
    expect(
      violation(
        { code: "23503", constraint: "products_category_code_fkey" },
        "update or delete on table violates",
      ),
    ).toMatchObject({
      code: "INUSE",
      message: "Products are in this category.",
      hint: "Move them first.",
    });
    expect(
      violation({ code: "23505", constraint: "unknown_key" }),
    ).toMatchObject({
      code: "TAKEN",
      message: "This value is already in use.",
    });
    expect(violation({ code: "23502", column: "display_name" })).toMatchObject({
      code: "INVAL",
      field: "displayName",
      message: "This field must have a value.",
    });
  });
});

describe("a connection that fails", () => {
  it.each([
    [
      Object.assign(new Error("connect ECONNREFUSED 10.0.0.7:5432"), {
        code: "ECONNREFUSED",
        syscall: "connect",
      }),
      "DOWN",
    ],
    [
      new AggregateError([
        Object.assign(new Error("x"), { code: "ECONNREFUSED" }),
      ]),
      "DOWN",
    ],
    [new Error("Connection terminated unexpectedly"), "DOWN"],
    [new Error("Connection terminated due to connection timeout"), "DOWN"],
    [
      new Error(
        "Client has encountered a connection error and is not queryable",
      ),
      "DOWN",
    ],
    [new Error("timeout exceeded when trying to connect"), "BUSY"],
  ])("%s is told as %s, with a time to wait", (error, code) => {
    const answer = makeHttpErrors({ log: pino({ level: "silent" }) })(error);
    expect(answer.status).toBe(503);
    expect(answer.body.error.code).toBe(code);
    expect(Number(answer.headers["Retry-After"])).toBeGreaterThan(0);
    expect(answer.body.error.message).not.toMatch(/10\.0\.0\.7|ECONN/);
  });
});

describe("an error of the engine", () => {
  it.each([
    [
      new GraphQLError("Cannot query field.", {
        nodes: { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "x" } },
      }),
      "GRAPHQL_VALIDATION",
    ],
    [new GraphQLError('Unknown operation named "B".'), "GRAPHQL_VALIDATION"],
    [new GraphQLError("Validation aborted."), "LIMIT"],
    [
      thrown(
        new SafeError(
          "Invalid cursor, please enter a cursor from a previous request, or null.",
        ),
      ),
      "INVAL",
    ],
    [
      thrown(
        new SafeError(
          "Execution timeout exceeded, please simplify or add limits to your request.",
        ),
      ),
      "SLOWQ",
    ],
    [new SafeError("Too much data", { statusCode: 413 }), "LARGE"],
    [
      thrown(
        new Error(
          "No values were deleted in collection 'products' because no values you can delete were found matching these criteria.",
        ),
      ),
      "NTFND",
    ],
  ])("%s is told as %s", (error, code) => {
    expect(toPublicError(error).code).toBe(code);
  });
});

describe("the comment of a constraint", () => {
  it("is read as code, field and sentence", () => {
    expect(
      parseConstraintComment(
        "@fieldName x\n@error INVAL price_minor A price is not negative.\nProse.",
      ),
    ).toEqual({
      code: "INVAL",
      field: "priceMinor",
      message: "A price is not negative.",
      inUseMessage: null,
      inUseHint: null,
    });
    expect(
      parseConstraintComment("@error INVAL - Both or neither.").field,
    ).toBeNull();
    expect(parseConstraintComment("@error WHAT x y").code).toBeNull();
    expect(parseConstraintComment(null).code).toBeNull();
  });

  it("tells people something for every constraint and unique index there is", async () => {
    const unmapped = (await readConstraints(db.root)).filter(
      // Only our own functions write to app_private: see the next test.
      ({ comment, schema }) =>
        schema !== "app_private" &&
        parseConstraintComment(comment).message === null,
    );
    expect(unmapped.map(({ schema, name }) => `${schema}: ${name}`)).toEqual(
      [],
    );
  });

  it("is not needed in app_private, where a violation is our own fault", async () => {
    const error = await failing(
      "insert into app_private.settings (key, value) values ('k', '1'), ('k', '1')",
    );
    expect(error).toMatchObject({ code: "23505", schema: "app_private" });
    expect(toPublicError(error).code).toBe("FAULT");
  });

  it("is heard of while the server runs, from the second violation on", async () => {
    const constraints = await loadConstraintErrors(db.owner, 0);
    const words = () =>
      constraints.find("app_public", "products", "products_added_check")
        ?.message;
    await db.owner.query(`
      alter table app_public.products add constraint products_added_check check (year <> 1999);
      comment on constraint products_added_check on app_public.products is '@error INVAL year Not that year.';
    `);
    expect(words()).toBeUndefined();
    while (words() === undefined) await sleep(10);
    expect(words()).toBe("Not that year.");
    await db.owner.query(
      "comment on constraint products_added_check on app_public.products is '@error INVAL year Never that year.'",
    );
    await constraints.refresh();
    expect(words()).toBe("Never that year.");
    while (db.owner.idleCount < db.owner.totalCount) await sleep(10);
  });

  it("names a field that its table has", async () => {
    const rows = await readConstraints(db.root);
    const { rows: columns } = await db.root.query<{ name: string }>(
      `select table_schema || '.' || table_name || '.' || column_name as name
         from information_schema.columns where table_schema like 'app\\_%'`,
    );
    const known = new Set(columns.map(({ name }) => name));
    const wrong = rows.filter((row) => {
      const field = /^@error\s+\S+\s+(\S+)/m.exec(row.comment ?? "")?.[1];
      return (
        field !== undefined &&
        field !== "-" &&
        !known.has(`${row.schema}.${row.table}.${field}`)
      );
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});
