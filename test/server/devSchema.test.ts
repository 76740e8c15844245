import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { makeSchema } from "postgraphile";
import { printSchema } from "postgraphile/graphql";

import { anonymousActor } from "../../server/auth/actor.ts";
import { DEFAULT_LIMITS } from "../../server/config.ts";
import { fingerprint } from "../../server/dev/fingerprint.ts";
import { noConstraintErrors } from "../../server/errors/constraints.ts";
import { LiveSubscriber } from "../../server/graphile/live/LiveSubscriber.ts";
import { BehaviorMemoryPlugin } from "../../server/graphile/plugins/BehaviorMemoryPlugin.ts";
import { makePreset } from "../../server/graphile/preset.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  await db.owner.query(`
    create type app_public.mood as enum ('calm');
    create table app_public.looks (id uuid constraint looks_pkey primary key, name text, mood app_public.mood);
    create function app_public.looks_twice(look app_public.looks) returns text language sql stable
      set search_path = pg_catalog, pg_temp as 'select look.name || look.name';
    alter table app_public.looks enable row level security;
    create policy select_all on app_public.looks for select to closetai_viewer using (name = 'a');
    grant select on app_public.looks to closetai_viewer;
  `);
});

afterAll(() => db.drop());

/** The fingerprint with these statements, and without them again. */
async function withAndWithout(sql: string): Promise<[string, string]> {
  const client = await db.owner.connect();
  try {
    await client.query("begin");
    const before = await fingerprint(client);
    await client.query(sql);
    return [before, await fingerprint(client)];
  } finally {
    await client.query("rollback");
    client.release();
  }
}

const REMADE = `drop function app_public.looks_twice(app_public.looks);
  create function app_public.looks_twice(look app_public.looks) returns text language sql stable
    set search_path = pg_catalog, pg_temp as 'select look.name'`;

describe("the fingerprint of what a GraphQL schema is made of", () => {
  it.each([
    ["a column", "alter table app_public.looks add column price bigint"],
    ["a column's name", "alter table app_public.looks rename name to title"],
    [
      "a column's type",
      "alter table app_public.looks alter column id type text",
    ],
    ["not null", "alter table app_public.looks alter column name set not null"],
    [
      "a default",
      "alter table app_public.looks alter column name set default ''",
    ],
    ["a table", "create table app_public.more (id integer)"],
    ["a view", "create view app_public.more as select 1 as one"],
    ["a value of an enum", "alter type app_public.mood add value 'loud'"],
    ["a domain", "create domain app_public.word as text"],
    ["a key", "alter table app_public.looks add unique (name)"],
    ["an index", "create index on app_public.looks (mood)"],
    [
      "the comment of a table",
      "comment on table app_public.looks is '@name pieces'",
    ],
    [
      "the comment of a column",
      "comment on column app_public.looks.name is '@behavior -*'",
    ],
    [
      "the comment of a constraint",
      "comment on constraint looks_pkey on app_public.looks is 'x'",
    ],
    [
      "the comment of a function",
      "comment on function app_public.looks_twice(app_public.looks) is '@deprecated'",
    ],
    [
      "a grant on a table",
      "grant delete on app_public.looks to closetai_manager",
    ],
    [
      "a grant on a column",
      "grant update (name) on app_public.looks to closetai_manager",
    ],
    [
      "a grant on a function",
      "grant execute on function app_public.looks_twice(app_public.looks) to closetai_viewer",
    ],
    [
      "what a function takes",
      `${REMADE.replace("(look app_public.looks)", "(look app_public.looks, times integer)")}`,
    ],
    [
      "how a function may change",
      "alter function app_public.looks_twice(app_public.looks) volatile",
    ],
  ])("changes with %s", async (_what, sql) => {
    const [before, after] = await withAndWithout(sql);
    expect(after).not.toBe(before);
  });

  it.each([
    ["the body of a function that is made again", REMADE],
    [
      "the condition of a policy",
      "alter policy select_all on app_public.looks using (true)",
    ],
    ["rows", "insert into app_public.looks values (gen_random_uuid(), 'a')"],
    [
      "grants that are made again in another order",
      `revoke select on app_public.products from closetai_viewer, closetai_staff;
       grant select on app_public.products to closetai_staff;
       grant select on app_public.products to closetai_viewer`,
    ],
    [
      "tables of other schemas",
      "create schema elsewhere; create table elsewhere.looks (id integer)",
    ],
  ])("stays with %s", async (_what, sql) => {
    const [before, after] = await withAndWithout(sql);
    expect(after).toBe(before);
  });
});

describe("a schema that is built with remembered answers about behaviors", () => {
  it("is the schema that is built without them", async () => {
    const nothing = () => undefined;
    const log = { info: nothing, warn: nothing, error: nothing };
    const subscriber = new LiveSubscriber({
      connectionString: db.urls.app,
      log,
    });
    const preset = makePreset({
      config: { mode: "test", limits: DEFAULT_LIMITS },
      pool: db.app,
      subscriber,
      log,
      constraints: () => noConstraintErrors,
      resolveActor: () => Promise.resolve(anonymousActor("test")),
    });
    const without = {
      ...preset,
      plugins: preset.plugins?.filter(
        (plugin) => plugin !== BehaviorMemoryPlugin,
      ),
    };
    expect(without.plugins).toHaveLength((preset.plugins?.length ?? 0) - 1);
    const build = async (what: GraphileConfig.Preset) => {
      const startedAt = performance.now();
      const { schema } = await makeSchema(what);
      const milliseconds = Math.round(performance.now() - startedAt);
      return { text: printSchema(schema), milliseconds };
    };
    try {
      const plain = await build(without);
      const first = await build(preset);
      const second = await build(preset);
      process.stdout.write(
        `  schema: ${plain.milliseconds} ms without, ${first.milliseconds} ms and ${second.milliseconds} ms with\n`,
      );
      expect(first.text).toBe(plain.text);
      expect(second.text).toBe(plain.text);
    } finally {
      await subscriber.release();
    }
  });
});
