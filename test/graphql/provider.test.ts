import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createClient } from "graphql-ws";
import type { RaRecord } from "ra-core";
import {
  type FieldSchema,
  type GraphQLFetch,
  listOperations,
  type LiveEvent,
  makeDataProvider,
  operatorsOf,
  type PostgraphileDataProvider,
  recordTopic,
  type ResourceSchema,
  type ResourceSchemas,
  resourcesFromCatalog,
  rowsChanged,
} from "ra-data-postgraphile";
import { WebSocket } from "ws";

import { Catalogs } from "../../server/catalog/Catalogs.ts";
import { catalogPlugins } from "../../server/catalog/plugins.ts";
import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
} from "../helpers/database.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { createWorld, people, runs } from "../helpers/world.ts";

let db: TestDatabase;
let api: TestApi;
let resources: ResourceSchemas;
let provider: PostgraphileDataProvider;

/** Sees every table that has a page. */
const admin: TestActor = {
  role: "closetai_staff_admin",
  userId: people.admin,
  brandId: null,
};

const askAs =
  (actor: TestActor): GraphQLFetch =>
  async ({ query, variables }) => {
    const { status, data, errors } = await api.execute(actor, query, variables);
    return { status, body: { data, ...(errors ? { errors } : {}) } };
  };

beforeAll(async () => {
  db = await createTestDatabase();
  const client = await db.root.connect();
  try {
    await client.query("begin");
    await createWorld(client);
    await client.query("commit");
  } finally {
    client.release();
  }
  api = await makeTestApi(db, { plugins: catalogPlugins });
  const served = await new Catalogs(db.root, () => api.schema).of(
    "closetai_staff_admin",
  );
  if (served === null) throw new Error("no catalogue");
  resources = resourcesFromCatalog(
    JSON.parse(served.json.toString("utf8")) as unknown,
  );
  provider = makeDataProvider({ resources, graphqlFetch: askAs(admin) });
});

afterAll(async () => {
  await api?.close();
  await db?.drop();
});

/** Where no row has a value, one of the kind that the API must still take. */
const samples: Record<FieldSchema["kind"], unknown> = {
  string: "nothing",
  int: 1,
  float: 1.5,
  bigint: "1",
  numeric: "1.5",
  boolean: true,
  datetime: "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "10:00:00",
  uuid: "0190a1b2-0000-7000-8000-0000000000ff",
  json: { a: 1 },
  enum: "nothing",
};

const listed = (all: ResourceSchemas): ResourceSchema[] =>
  Object.values(all).filter((schema) => schema.list !== null);

const keyOf = (record: RaRecord) => String(record.id);

describe("the provider on the product's own catalogue", () => {
  it("knows its tables", () => {
    expect(Object.keys(resources)).toEqual(
      expect.arrayContaining(["products", "import_runs", "brand_accounts"]),
    );
    expect(listOperations(resources).length).toBeGreaterThan(100);
  });

  it("reads every table's list, by every field it sorts by, from both ends", async () => {
    const faults: string[] = [];
    for (const schema of listed(resources)) {
      const fields = Object.entries(schema.fields).filter(
        ([, one]) => one.sort,
      );
      for (const [field] of fields) {
        for (const order of ["ASC", "DESC"] as const) {
          await provider
            .getList(schema.name, {
              filter: {},
              sort: { field, order },
              pagination: { page: 1, perPage: 2 },
              meta: { keyset: true, count: { cap: 1 } },
            })
            .then(() =>
              provider.getList(schema.name, {
                filter: {},
                sort: { field, order },
                pagination: { page: 2, perPage: 2 },
                meta: { keyset: true, count: "none" },
              }),
            )
            .catch((error: unknown) =>
              faults.push(
                `${schema.name} by ${field} ${order}: ${String(error)}`,
              ),
            );
        }
      }
    }
    expect(faults).toEqual([]);
  });

  it("filters by every operator on every field, and the answers agree with each other", async () => {
    const faults: string[] = [];
    let asked = 0;
    for (const schema of listed(resources)) {
      const find = async (filter: Record<string, unknown>) => {
        asked += 1;
        const { data } = await provider.getList<RaRecord>(schema.name, {
          filter,
          sort: { field: "id", order: "ASC" },
          pagination: { page: 1, perPage: 500 },
          meta: { total: false },
        });
        return data;
      };
      const all = await find({});
      for (const [name, field] of Object.entries(schema.fields)) {
        if (!field.filter) continue;
        const fault = await disagreement(name, field, all, async (filter) =>
          (await find(filter)).map(keyOf),
        ).catch((error: unknown) => String(error));
        if (fault !== null) faults.push(`${schema.name}.${name}: ${fault}`);
      }
    }
    expect(faults).toEqual([]);
    expect(asked).toBeGreaterThan(500);
    // Some thousand requests, one after the other.
  }, 240_000);

  it("filters by every relation with every operator, and the answers agree with each other", async () => {
    const faults: string[] = [];
    const asked = { forward: 0, backward: 0, collection: 0 };
    for (const schema of listed(resources)) {
      const find = async (filter: Record<string, unknown>) => {
        const { data } = await provider.getList<RaRecord>(schema.name, {
          filter,
          sort: { field: "id", order: "ASC" },
          pagination: { page: 1, perPage: 500 },
          meta: { total: false },
        });
        return data.map(keyOf);
      };
      const all = await find({});
      const expectSame = (what: string, one: string[], other: string[]) => {
        if (sorted(one) !== sorted(other)) {
          faults.push(
            `${schema.name}.${what}: ${one.length} instead of ${other.length}`,
          );
        }
      };
      const without = (ids: string[]) => all.filter((id) => !ids.includes(id));
      const anything = (resource: string) => ({
        [`${resources[resource]?.primaryKey[0]}@isNull`]: false,
      });
      for (const [name, relation] of Object.entries(schema.relations)) {
        const { resource, exists } = relation;
        const related = await find({ [name]: anything(resource) });
        const key = Object.keys(anything(resource))[0] ?? "";
        expectSame(
          `${name}.key`,
          await find({ [`${name}.${key}`]: false }),
          related,
        );
        expectSame(
          `${name} or not`,
          await find({ not: { [name]: anything(resource) } }),
          without(related),
        );
        if (exists == null) {
          asked.forward += 1;
          expectSame(`${name} always`, related, all);
          continue;
        }
        asked.backward += 1;
        expectSame(
          `${name}@exists`,
          await find({ [`${name}@exists`]: true }),
          related,
        );
        expectSame(
          `${name}@exists false`,
          await find({ [`${name}@exists`]: false }),
          without(related),
        );
      }
      for (const [name, { resource }] of Object.entries(
        schema.collections ?? {},
      )) {
        asked.collection += 1;
        const some = await find({ [`${name}@some`]: anything(resource) });
        const has = await find({ [`${name}@exists`]: true });
        expectSame(`${name}@some`, some, has);
        expectSame(
          `${name}@exists false`,
          await find({ [`${name}@exists`]: false }),
          without(has),
        );
        expectSame(
          `${name}@none`,
          await find({ [`${name}@none`]: anything(resource) }),
          without(has),
        );
        const nothing = { not: anything(resource) };
        expectSame(
          `${name}@every`,
          await find({ [`${name}@every`]: anything(resource) }),
          all,
        );
        // Every one of none at all is so.
        expectSame(
          `${name}@every of nothing`,
          await find({ [`${name}@every`]: nothing }),
          without(has),
        );
        expectSame(
          `${name}@some of nothing`,
          await find({ [`${name}@some`]: nothing }),
          [],
        );
      }
    }
    expect(faults).toEqual([]);
    expect(asked.forward).toBeGreaterThan(5);
    expect(asked.backward).toBeGreaterThan(5);
    expect(asked.collection).toBeGreaterThan(10);
  }, 240_000);

  it("tells of a record over a websocket, and only that it changed", async () => {
    const { url } = api.socketUrl(admin);
    const client = createClient({ url, webSocketImpl: WebSocket });
    const errors: unknown[] = [];
    const live = makeDataProvider({
      resources,
      graphqlFetch: askAs(admin),
      live: {
        client,
        fields: { import_runs: rowsChanged("import_runs") },
        coalesceMs: 1,
        onError: (_topic, error) => errors.push(error),
      },
    });
    const id = runs["A.run"];
    const topic = recordTopic("import_runs", id);
    const listen: { tell: (event: LiveEvent) => void } = {
      tell: () => undefined,
    };
    const heard = new Promise<LiveEvent>((resolve) => {
      listen.tell = resolve;
    });
    await live.subscribe(topic, listen.tell);
    // Until the server listens, a change is told to nobody: it is repeated.
    const until = { heard: false };
    const changing = (async () => {
      while (!until.heard) {
        await db.root.query(
          "update app_public.import_runs set processed_rows = processed_rows where id = $1",
          [id],
        );
        await sleep(50);
      }
    })();
    try {
      await expect(heard).resolves.toEqual({
        topic,
        type: "updated",
        payload: { ids: [id] },
      });
      expect(errors).toEqual([]);
    } finally {
      until.heard = true;
      await changing;
      await live.unsubscribe(topic, listen.tell);
      await client.dispose();
    }
  });
});

const sorted = (ids: readonly string[]) => [...ids].sort().join();

/** The first rule that the answers break, or null. Rules hold for any kind. */
async function disagreement(
  name: string,
  field: FieldSchema,
  all: readonly RaRecord[],
  find: (filter: Record<string, unknown>) => Promise<string[]>,
): Promise<string | null> {
  const has = all.filter(
    (row) => row[name] !== null && row[name] !== undefined,
  );
  const empty = all.filter((row) => !has.includes(row)).map(keyOf);
  const value = has[0]
    ? (has[0][name] as unknown)
    : field.array
      ? [samples[field.kind]]
      : samples[field.kind];
  const same = all
    .filter((row) => JSON.stringify(row[name]) === JSON.stringify(value))
    .map(keyOf);
  const others = all.map(keyOf).filter((id) => !same.includes(id));
  const present = has.map(keyOf);
  const item = Array.isArray(value) ? (value[0] as unknown) : value;
  const key =
    typeof value === "object" && value !== null
      ? (Object.keys(value)[0] ?? "none")
      : "none";

  /** Operator → its operand here, and what it must find (or must hold at least). */
  const rules: Record<string, [unknown, string[] | { atLeast: string[] }]> = {
    eq: [value, same],
    ne: [value, others],
    isNull: [true, empty],
    in: [[value], same],
    nin: [[value], present.filter((id) => !same.includes(id))],
    gte: [value, { atLeast: same }],
    lte: [value, { atLeast: same }],
    gt: [value, { atLeast: [] }],
    lt: [value, { atLeast: [] }],
    between: [[value, value], same],
    ieq: [value, { atLeast: same }],
    ine: [value, { atLeast: [] }],
    contains: [value, { atLeast: same }],
    ncontains: [value, { atLeast: [] }],
    startsWith: [value, { atLeast: same }],
    nstartsWith: [value, { atLeast: [] }],
    endsWith: [value, { atLeast: same }],
    nendsWith: [value, { atLeast: [] }],
    overlaps: [value, { atLeast: item === undefined ? [] : same }],
    containedBy: [value, { atLeast: same }],
    any: [
      item ?? samples[field.kind],
      { atLeast: item === undefined ? [] : same },
    ],
    hasKey: [key, { atLeast: [] }],
    hasAnyKey: [[key], { atLeast: [] }],
    hasAllKeys: [[key], { atLeast: [] }],
  };
  const found: Record<string, string[]> = {};
  for (const operator of Object.keys(operatorsOf(field))) {
    const rule = rules[operator];
    if (!rule) return `no rule for @${operator}`;
    const [operand, expected] = rule;
    const answer = await find({ [`${name}@${operator}`]: operand });
    found[operator] = answer;
    const isRight = Array.isArray(expected)
      ? sorted(answer) === sorted(expected)
      : expected.atLeast.every((id) => answer.includes(id));
    if (!isRight)
      return `@${operator} ${JSON.stringify(operand)}: ${answer.length} found`;
  }
  // What one finds, its opposite leaves; together they are all that have a value.
  for (const [one, opposite] of [
    ["gte", "lt"],
    ["lte", "gt"],
    ["contains", "ncontains"],
    ["startsWith", "nstartsWith"],
    ["endsWith", "nendsWith"],
    ["ieq", "ine"],
  ] as const) {
    const left = found[one];
    const right = found[opposite];
    if (left && right && sorted([...left, ...right]) !== sorted(present)) {
      return `@${one} and @${opposite} are not opposites`;
    }
  }
  return null;
}
