import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import type { DatabaseError, Pool } from "pg";
import { makeSchema } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafast } from "postgraphile/grafast";
import {
  type FieldNode,
  type GraphQLError,
  Kind,
  parse,
  visit,
} from "postgraphile/graphql";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";

import {
  createTestDatabase,
  type TestDatabase,
} from "../../../test/helpers/database.ts";
import type { ProviderOptions } from "../src/index.ts";
import { makeDataProvider, makeGraphQLFetch } from "../src/index.ts";
import type { GraphQLBody, ResourceSchemas } from "../src/types.ts";
import { resources } from "./resources.ts";

/**
 * A schema with every kind of column, row security, a version trigger and errors
 * with codes: what a PostGraphile server in front of a careful database is.
 */
const schemaSql = /* sql */ `
create schema provider_test;
grant usage on schema provider_test to closetai_user;

create type provider_test.mood as enum ('calm', 'loud', 'very_odd');

create table provider_test.shops (
  id uuid constraint shops_pkey primary key default gen_random_uuid(),
  name text not null constraint shops_name_key unique,
  city text
);

create table provider_test.things (
  id uuid constraint things_pkey primary key default gen_random_uuid(),
  shop_id uuid not null
    constraint things_shop_id_fkey references provider_test.shops,
  sku text not null,
  name text not null constraint things_name_check check (name <> ''),
  note text,
  qty int,
  views bigint,
  price numeric,
  ratio float8,
  active boolean default true,
  made_on date,
  seen_at timestamptz,
  opens_at time,
  mood provider_test.mood,
  tags text[],
  sizes int[],
  doc jsonb,
  is_hidden boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint things_shop_id_sku_key unique (shop_id, sku)
);
comment on column provider_test.things.doc is $$@behavior +filterBy$$;
comment on constraint things_shop_id_fkey on provider_test.things
  is $$@behavior +filterBy$$;

create function provider_test.things_name_length(thing provider_test.things)
  returns int language sql stable as $$ select length(thing.name) $$;

create function provider_test.tg_things__version() returns trigger
  language plpgsql as $$
begin
  if NEW.updated_at is distinct from OLD.updated_at then
    raise exception 'Someone else changed this record.'
      using errcode = 'STALE', hint = 'Load it again.';
  end if;
  NEW.updated_at = clock_timestamp();
  return NEW;
end $$;
create trigger _100_version before update on provider_test.things
  for each row execute function provider_test.tg_things__version();

alter table provider_test.things enable row level security;
create policy select_shown on provider_test.things for select
  to closetai_user using (not is_hidden);
create policy insert_all on provider_test.things for insert
  to closetai_user with check (true);
create policy update_shown on provider_test.things for update
  to closetai_user using (not is_hidden);
create policy delete_shown on provider_test.things for delete
  to closetai_user using (not is_hidden);

create table provider_test.parts (
  thing_id uuid not null
    constraint parts_thing_id_fkey references provider_test.things,
  no int not null,
  label text not null,
  constraint parts_pkey primary key (thing_id, no)
);

comment on constraint parts_thing_id_fkey on provider_test.parts
  is $$@behavior +filterBy$$;

create table provider_test.colours (
  code text constraint colours_pkey primary key,
  label text not null
);

create table provider_test.events (
  id uuid constraint events_pkey primary key default gen_random_uuid(),
  happened_at timestamptz not null,
  level int not null,
  label text
);
create index events_happened_at_idx
  on provider_test.events (happened_at desc, id);
create index events_level_idx on provider_test.events (level, id);
create index events_label_idx on provider_test.events (label, id);

create function provider_test.retire_thing(thing_id uuid)
  returns provider_test.things language plpgsql volatile as $$
declare
  v_thing provider_test.things;
begin
  update provider_test.things set active = false
    where id = thing_id returning * into v_thing;
  if v_thing.id is null then
    raise exception 'There is no such thing.'
      using errcode = 'NTFND', column = 'thing_id';
  end if;
  return v_thing;
end $$;

create function provider_test.total_views(in_shop uuid)
  returns bigint language sql stable as $$
    select sum(views)::bigint from provider_test.things
      where shop_id = in_shop
  $$;

create function provider_test.forbidden() returns int
  language plpgsql stable as $$
begin
  raise exception 'Only staff may ask.' using errcode = 'DNIED';
end $$;

grant select, insert, update, delete
  on provider_test.shops, provider_test.parts to closetai_user;
grant select, insert on provider_test.events to closetai_user;
grant select, delete on provider_test.things to closetai_user;
grant insert (id, shop_id, sku, name, note, qty, views, price, ratio, active,
    made_on, seen_at, opens_at, mood, tags, sizes, doc),
  update (shop_id, sku, name, note, qty, views, price, ratio, active,
    made_on, seen_at, opens_at, mood, tags, sizes, doc, updated_at)
  on provider_test.things to closetai_user;
grant select, insert on provider_test.colours to closetai_user;
grant execute on all functions in schema provider_test to closetai_user;
`;

const codeByState: Readonly<Record<string, string>> = {
  "23503": "INUSE",
  "23505": "TAKEN",
  "23514": "INVAL",
  "42501": "DNIED",
};

const fieldByConstraint: Readonly<Record<string, string>> = {
  things_shop_id_sku_key: "sku",
  things_name_check: "name",
  shops_name_key: "name",
};

const isDatabaseError = (error: unknown): error is DatabaseError =>
  error instanceof Error && "severity" in error && "code" in error;

/** A small door out: a code, a field, a hint. */
const told = (error: GraphQLError) => {
  const cause = error.originalError;
  if (!isDatabaseError(cause)) {
    return { message: error.message, path: error.path };
  }
  const state = cause.code ?? "";
  const field = cause.column ?? fieldByConstraint[cause.constraint ?? ""];
  return {
    message: cause.message,
    path: error.path,
    extensions: {
      code: codeByState[state] ?? state,
      ...(field ? { field } : {}),
      ...(cause.hint ? { hint: cause.hint } : {}),
      requestId: "r1",
    },
  };
};

/** What a server would count: root fields and aliases of one operation. */
const measure = (query: string) => {
  const document = parse(query);
  let aliases = 0;
  visit(document, {
    Field: (field: FieldNode) => {
      if (field.alias) aliases += 1;
    },
  });
  const [operation] = document.definitions;
  const rootFields =
    operation?.kind === Kind.OPERATION_DEFINITION
      ? operation.selectionSet.selections.length
      : 0;
  return { aliases, rootFields };
};

export type Asked = {
  operationName: string;
  query: string;
  variables: Record<string, unknown>;
  aliases: number;
  rootFields: number;
};

export type Statement = { text: string; values: readonly unknown[] };

/** What the API sends to the database, as it goes over the wire. */
const listen = (pool: Pool): Statement[] => {
  const statements: Statement[] = [];
  const heard = new WeakSet<object>();
  pool.on("acquire", (client) => {
    if (heard.has(client)) return;
    heard.add(client);
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [first, second] = args;
      const { text, values } =
        typeof first === "string"
          ? { text: first, values: second }
          : (first as { text: string; values?: unknown });
      statements.push({ text, values: Array.isArray(values) ? values : [] });
      return query(...args);
    }) as typeof client.query;
  });
  return statements;
};

/** Rows that a statement reads from tables and indexes, kept or not. */
type PlanNode = {
  "Node Type": string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  Plans?: PlanNode[];
};

const rowsRead = (node: PlanNode): number =>
  (node.Plans ?? []).reduce(
    (sum, plan) => sum + rowsRead(plan),
    node["Node Type"].includes("Scan") && node.Plans === undefined
      ? (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) *
          node["Actual Loops"]
      : 0,
  );

/** A real PostGraphile 5 behind HTTP, the database behind it, a provider before it. */
export const makeWorld = async () => {
  const database: TestDatabase = await createTestDatabase();
  await database.owner.query(schemaSql);
  const pgService = makePgService({
    pool: database.app,
    schemas: ["provider_test"],
  });
  const { schema, resolvedPreset } = await makeSchema({
    extends: [
      PostGraphileAmberPreset,
      PgSimplifyInflectionPreset,
      PostGraphileConnectionFilterPreset,
      PgAggregatesPreset,
    ],
    // These few rows need no index; every column is to be filtered and sorted.
    disablePlugins: ["PgIndexBehaviorsPlugin"],
    pgServices: [pgService],
    grafast: { context: { pgSettings: { role: "closetai_user" } } },
  });

  const statements = listen(database.app);
  const countRowsRead = async ({ text, values }: Statement) => {
    const client = await database.root.connect();
    try {
      await client.query("begin; set local role closetai_user");
      const { rows } = await client.query<{
        "QUERY PLAN": { Plan: PlanNode }[];
      }>(`explain (analyze, format json) ${text}`, [...values]);
      const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
      if (!plan) throw new Error("no plan");
      return rowsRead(plan);
    } finally {
      await client.query("rollback");
      client.release();
    }
  };

  const asked: Asked[] = [];
  const answer = async (text: string): Promise<GraphQLBody> => {
    const { query, variables, operationName } = JSON.parse(text) as Asked;
    asked.push({ query, variables, operationName, ...measure(query) });
    const result = await grafast({
      schema,
      source: query,
      variableValues: variables,
      operationName,
      resolvedPreset,
      requestContext: {},
    });
    if (Symbol.asyncIterator in result) throw new Error("not a single answer");
    return {
      ...(result.data === undefined
        ? {}
        : { data: result.data as Record<string, unknown> | null }),
      ...(result.errors
        ? { errors: result.errors.map(told) as GraphQLBody["errors"] & object }
        : {}),
    };
  };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString("utf8")));
    request.on("end", () => {
      answer(text).then(
        (body) => response.end(JSON.stringify(body)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const providerOf = (
    described: ResourceSchemas,
    options: Omit<ProviderOptions, "resources" | "graphqlFetch"> = {},
  ) =>
    makeDataProvider({
      ...options,
      resources: described,
      graphqlFetch: makeGraphQLFetch({
        url: `http://127.0.0.1:${port}/graphql`,
      }),
    });

  return {
    database,
    asked,
    statements,
    countRowsRead,
    schema,
    provider: providerOf(resources),
    providerOf,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await pgService.release?.();
      await database.drop();
    },
  };
};
