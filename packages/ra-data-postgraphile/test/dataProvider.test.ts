import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";
import { parse, validate } from "postgraphile/graphql";
import { HttpError, type RaRecord } from "ra-core";

import type { ErrorBody } from "../src/index.ts";
import {
  diffVersions,
  listOperations,
  mergeVersions,
  operatorsOf,
} from "../src/index.ts";
import { resources } from "./resources.ts";
import { makeWorld } from "./world.ts";

type World = Awaited<ReturnType<typeof makeWorld>>;

const shop = "0190a1b2-0000-7000-8000-00000000000a";
const otherShop = "0190a1b2-0000-7000-8000-00000000000b";
const one = "0190a1b2-0000-7000-8000-000000000001";
const two = "0190a1b2-0000-7000-8000-000000000002";
const none = "0190a1b2-0000-7000-8000-000000000003";
const hidden = "0190a1b2-0000-7000-8000-000000000004";
const absent = "0190a1b2-0000-7000-8000-0000000000ff";

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

afterAll(async () => {
  await world.close();
});

/** Every test begins with these rows; the owner put them there. */
beforeEach(async () => {
  await world.database.owner.query(
    "truncate provider_test.shops, provider_test.things, provider_test.parts, provider_test.colours",
  );
  await world.database.owner.query(
    `insert into provider_test.shops (id, name, city)
       values ('${shop}', 'Corner', 'Lyon'), ('${otherShop}', 'Market', null)`,
  );
  await world.database.owner.query(
    `insert into provider_test.things
       (id, shop_id, sku, name, note, qty, views, price, ratio, active, made_on,
        seen_at, opens_at, mood, tags, sizes, doc, is_hidden)
     values
       ('${one}', '${shop}', 'A1', 'one', 'Alpha', 1, 9007199254740993, 1.50, 0.5,
        false, '2026-01-01', '2026-01-01T10:00:00.123456Z', '08:00', 'calm',
        '{red,wool}', '{1,2}', '{"a": 1}', false),
       ('${two}', '${otherShop}', 'B2', 'two', 'beta 100%', 2, 9007199254740994, 2.50, 1.5,
        true, '2026-02-01', '2026-02-01T10:00:00Z', '09:00', 'very_odd',
        '{blue,wool}', '{3}', '{"a": 2, "b": null}', false),
       ('${none}', '${shop}', 'C3', 'none', null, null, null, null, null,
        null, null, null, null, null, null, null, null, false),
       ('${hidden}', '${shop}', 'D4', 'hidden', 'Alpha', 1, 1, 1, 1,
        true, '2026-01-01', null, null, 'calm', '{red}', '{1}', null, true)`,
  );
  await world.database.owner.query(
    `insert into provider_test.parts (thing_id, no, label)
       values ('${one}', 1, 'button'), ('${one}', 2, 'zip'), ('${two}', 1, 'lace')`,
  );
  await world.database.owner.query(
    `insert into provider_test.colours (code, label) values ('red', 'Red')`,
  );
  world.asked.length = 0;
});

const failure = async (promise: Promise<unknown>): Promise<HttpError> => {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HttpError)) {
    throw new Error(`expected an HttpError, got ${String(error)}`);
  }
  return error;
};

const names = async (filter: Record<string, unknown>): Promise<unknown[]> => {
  const { data } = await world.provider.getList<RaRecord>("things", {
    filter,
    sort: { field: "id", order: "ASC" },
    pagination: { page: 1, perPage: 100 },
    meta: { columns: ["name"] },
  });
  return data.map((record) => record["name"] as unknown);
};

const titleOf = async (id: string): Promise<unknown> => {
  const { rows } = await world.database.root.query<{ name: string }>(
    "select name from provider_test.things where id = $1",
    [id],
  );
  return rows[0]?.name;
};

describe("getList", () => {
  it("reads a page, its order and the whole count in one request", async () => {
    const { data, total } = await world.provider.getList("things", {
      pagination: { page: 2, perPage: 2 },
      sort: { field: "name", order: "DESC" },
      filter: {},
    });
    expect(data.map((record: RaRecord) => record["name"] as unknown)).toEqual([
      "none",
    ]);
    expect(total).toBe(3);
    expect(world.asked).toHaveLength(1);
  });

  it("gives each kind of value its own form", async () => {
    const { data } = await world.provider.getList("things", {
      filter: { id: one },
      meta: { columns: [...resources.things.columns, "nameLength"] },
    });
    expect(data).toEqual([
      {
        id: one,
        rowId: one,
        shopId: shop,
        sku: "A1",
        name: "one",
        note: "Alpha",
        qty: 1,
        views: "9007199254740993",
        price: 1.5,
        ratio: 0.5,
        active: false,
        madeOn: "2026-01-01",
        seenAt: "2026-01-01T10:00:00.123456+00:00",
        opensAt: expect.stringMatching(/^08:00:00/),
        mood: "calm",
        tags: ["red", "wool"],
        sizes: [1, 2],
        doc: { a: 1 },
        nameLength: 3,
        createdAt: expect.any(String),
        updatedAt: expect.any(String),
      },
    ]);
  });

  it("reads only the columns asked for, with a reference's own", async () => {
    const { data } = await world.provider.getList("things", {
      filter: { name: "one" },
      meta: { columns: ["name", "shop.name"] },
    });
    expect(data).toEqual([
      {
        id: one,
        rowId: one,
        name: "one",
        updatedAt: expect.any(String),
        shop: { id: shop, rowId: shop, name: "Corner" },
      },
    ]);
    expect(world.asked[0]?.query).not.toContain("price");
    expect(world.asked).toHaveLength(1);
  });

  it("sorts by several fields", async () => {
    const { data } = await world.provider.getList("parts", {
      sort: { field: "no", order: "DESC" },
      meta: { sort: [{ field: "label", order: "DESC" }] },
      filter: {},
    });
    expect(data.map((part: RaRecord) => part["label"] as unknown)).toEqual([
      "zip",
      "lace",
      "button",
    ]);
  });

  it("tells whether more follows where nothing is counted", async () => {
    const answer = await world.provider.getList("things", {
      pagination: { page: 1, perPage: 2 },
      filter: {},
      meta: { total: false },
    });
    expect(answer.pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
    });
    expect(answer).not.toHaveProperty("total");
    expect(world.asked[0]?.query).not.toContain("totalCount");
  });

  it("reads more than 500 rows in pages of 500, each row once", async () => {
    await world.database.owner.query(
      `insert into provider_test.colours (code, label)
         select 'c' || lpad(n::text, 4, '0'), 'same' from generate_series(1, 1100) n`,
    );
    const { data, total } = await world.provider.getList("colours", {
      pagination: { page: 1, perPage: 1000 },
      sort: { field: "label", order: "DESC" },
      filter: {},
    });
    expect(total).toBe(1101);
    expect(new Set(data.map(({ id }: RaRecord) => id)).size).toBe(1000);
    expect(world.asked.map(({ variables }) => variables["first"])).toEqual([
      500, 500,
    ]);
  });

  it("does not see the row that row security hides", async () => {
    await expect(names({ sku: "D4" })).resolves.toEqual([]);
    await expect(titleOf(hidden)).resolves.toBe("hidden");
  });

  it("stops with its signal", async () => {
    const controller = new AbortController();
    const reading = world.provider.getList("things", {
      filter: {},
      signal: controller.signal,
    });
    controller.abort();
    await expect(reading).rejects.toMatchObject({ name: "AbortError" });
  });
});

/** low and high are the values of the rows "one" and "two"; "none" has none. */
const scalars: Record<string, [low: unknown, high: unknown]> = {
  note: ["Alpha", "beta 100%"],
  qty: [1, "2"],
  views: ["9007199254740993", "9007199254740994"],
  price: [1.5, "2.5"],
  ratio: [0.5, 1.5],
  madeOn: ["2026-01-01", new Date("2026-02-01T00:00:00Z")],
  seenAt: [
    "2026-01-01T10:00:00.123456+00:00",
    new Date("2026-02-01T10:00:00Z"),
  ],
  opensAt: ["08:00", "09:00:00"],
  mood: ["calm", "very_odd"],
};

const ordered = Object.entries(scalars).flatMap(
  ([field, [low, high]]): [string, string, unknown, string[]][] => [
    [field, "eq", low, ["one"]],
    [field, "ne", low, ["two", "none"]],
    [field, "in", [low, high], ["one", "two"]],
    [field, "in", [], []],
    [field, "nin", [low], ["two"]],
    [field, "gt", low, ["two"]],
    [field, "gte", low, ["one", "two"]],
    [field, "lt", high, ["one"]],
    [field, "lte", high, ["one", "two"]],
    [field, "between", [low, high], ["one", "two"]],
    [field, "between", [null, low], ["one"]],
    [field, "between", ["", null], ["one", "two", "none"]],
    [field, "isNull", true, ["none"]],
    [field, "isNull", false, ["one", "two"]],
  ],
);

const matrix: [string, string, unknown, string[]][] = [
  ...ordered,
  ["shopId", "eq", shop, ["one", "none"]],
  ["shopId", "ne", shop, ["two"]],
  ["shopId", "in", [otherShop], ["two"]],
  ["shopId", "nin", [otherShop], ["one", "none"]],
  ["shopId", "gt", shop, ["two"]],
  ["shopId", "gte", shop, ["one", "two", "none"]],
  ["shopId", "lt", otherShop, ["one", "none"]],
  ["shopId", "lte", otherShop, ["one", "two", "none"]],
  ["shopId", "between", [otherShop, otherShop], ["two"]],
  ["shopId", "isNull", true, []],
  ["note", "ieq", "ALPHA", ["one"]],
  ["note", "ine", "ALPHA", ["two"]],
  ["note", "nstartsWith", "AL", ["two"]],
  ["note", "nendsWith", "PHA", ["two"]],
  ["note", "contains", "ET", ["two"]],
  ["note", "contains", "0%", ["two"]],
  ["note", "contains", "_", []],
  ["note", "ncontains", "et", ["one"]],
  ["note", "startsWith", "al", ["one"]],
  ["note", "endsWith", "PHA", ["one"]],
  ["active", "eq", false, ["one"]],
  ["active", "ne", "false", ["two", "none"]],
  ["active", "in", [true, false], ["one", "two"]],
  ["active", "nin", [true], ["one"]],
  ["active", "isNull", true, ["none"]],
  ["tags", "eq", ["red", "wool"], ["one"]],
  ["tags", "ne", ["red", "wool"], ["two", "none"]],
  ["tags", "overlaps", ["red", "blue"], ["one", "two"]],
  ["tags", "contains", ["wool", "red"], ["one"]],
  ["tags", "containedBy", ["wool", "red", "silk"], ["one"]],
  ["tags", "any", "blue", ["two"]],
  ["tags", "isNull", true, ["none"]],
  ["sizes", "eq", [1, 2], ["one"]],
  ["sizes", "ne", [3], ["one", "none"]],
  ["sizes", "overlaps", [2, 3], ["one", "two"]],
  ["sizes", "contains", ["2"], ["one"]],
  ["sizes", "containedBy", [3, 4], ["two"]],
  ["sizes", "any", "1", ["one"]],
  ["sizes", "isNull", false, ["one", "two"]],
];

describe("filters", () => {
  it.each(matrix)("%s@%s %p finds %p", async (field, name, value, found) => {
    await expect(names({ [`${field}@${name}`]: value })).resolves.toEqual(
      found,
    );
  });

  it("are tried with every operator on every field that has them", () => {
    const tried = new Set(matrix.map(([field, name]) => `${field}@${name}`));
    const untried = Object.entries(resources.things.fields)
      .filter(([name, field]) => field.filter && name in scalarsAndLists)
      .flatMap(([name, field]) =>
        Object.keys(operatorsOf(field)).map((known) => `${name}@${known}`),
      )
      .filter((known) => !tried.has(known));
    expect(untried).toEqual([]);
  });

  it.each<[Record<string, unknown>, string[]]>([
    [{ name: "one" }, ["one"]],
    [{ name: ["one", "two"] }, ["one", "two"]],
    [{ id: [two, none] }, ["two", "none"]],
    [{ tags: ["blue", "silk"] }, ["two"]],
    [{ tags: "red" }, ["one"]],
    [{ note: null }, ["none"]],
    [{ "qty@gte": 1, "qty@lt": 2 }, ["one"]],
    [{ or: [{ qty: 2 }, { "note@isNull": true }] }, ["two", "none"]],
    [{ and: [{ qty: 2 }, { "note@isNull": true }] }, []],
    [{ not: { name: "one" } }, ["two", "none"]],
    [{ "shop.name": "Market" }, ["two"]],
    [{ shop: { "city@isNull": true } }, ["two"]],
    [{ q: "WO" }, ["two"]],
    [{ q: "red" }, ["one"]],
    [{ q: "market" }, ["two"]],
    [{ q: "wool corner" }, ["one"]],
    [{ q: "wool nothing" }, []],
    [{ q: "%" }, []],
    [{}, ["one", "two", "none"]],
  ])("%p finds %p", async (filter, found) => {
    await expect(names(filter)).resolves.toEqual(found);
  });

  it("look into JSON where the API offers it", async () => {
    const doc = { ...resources.things.fields["doc"], filter: true };
    const things = {
      ...resources.things,
      fields: { ...resources.things.fields, doc },
    } as typeof resources.things;
    const withJson = world.providerOf({ ...resources, things });
    const found = async (filter: Record<string, unknown>) => {
      const { data } = await withJson.getList("things", {
        filter,
        sort: { field: "id", order: "ASC" },
      });
      return data.map((record: RaRecord) => record["name"] as unknown);
    };
    await expect(found({ doc: { a: 1 } })).resolves.toEqual(["one"]);
    await expect(found({ "doc@contains": { b: null } })).resolves.toEqual([
      "two",
    ]);
    await expect(found({ "doc@hasKey": "b" })).resolves.toEqual(["two"]);
    await expect(found({ "doc@hasAnyKey": ["b", "c"] })).resolves.toEqual([
      "two",
    ]);
    await expect(found({ "doc@hasAllKeys": ["a", "b"] })).resolves.toEqual([
      "two",
    ]);
    await expect(found({ "doc@containedBy": { a: 1, z: 9 } })).resolves.toEqual(
      ["one"],
    );
    await expect(found({ "doc@eq": { a: 1 } })).resolves.toEqual(["one"]);
    await expect(found({ "doc@ne": { a: 1 } })).resolves.toEqual([
      "two",
      "none",
    ]);
    await expect(found({ "doc@isNull": true })).resolves.toEqual(["none"]);
  });
});

const scalarsAndLists: Record<string, unknown> = {
  ...scalars,
  shopId: true,
  active: true,
  tags: true,
  sizes: true,
};

describe("filters over records that point here", () => {
  const found = async (resource: string, filter: Record<string, unknown>) => {
    const { data } = await world.provider.getList<RaRecord>(resource, {
      filter,
      sort: { field: "name", order: "ASC" },
      meta: { columns: ["name"] },
    });
    return data.map((record) => record["name"] as unknown);
  };

  it.each<[string, Record<string, unknown>, string[]]>([
    ["shops", { "things@some": { qty: 1 } }, ["Corner"]],
    ["shops", { things: { qty: 2 } }, ["Market"]],
    ["shops", { "things@none": { qty: 1 } }, ["Empty", "Market"]],
    ["shops", { "things@every": { "qty@gte": 2 } }, ["Empty", "Market"]],
    ["shops", { "things@exists": true }, ["Corner", "Market"]],
    ["shops", { "things@exists": "false" }, ["Empty"]],
    ["shops", { "things@some": {} }, ["Corner", "Market"]],
    ["shops", { "things@none": {} }, ["Empty"]],
    ["shops", { "things@every": {} }, ["Corner", "Empty", "Market"]],
    ["shops", { "things.note@contains": "BETA" }, ["Market"]],
    ["things", { "parts.label": "zip" }, ["one"]],
    [
      "shops",
      {
        or: [
          { "things@exists": false },
          { not: { "things@some": { qty: 1 } } },
        ],
      },
      ["Empty", "Market"],
    ],
  ])("%s %j finds %j", async (resource, filter, names) => {
    await world.database.owner.query(
      "insert into provider_test.shops (name) values ('Empty')",
    );
    await expect(found(resource, filter)).resolves.toEqual(names);
  });

  it("say what they understand", async () => {
    await expect(found("shops", { "things@most": {} })).rejects.toThrow(
      'shops.things has no filter "@most". It understands: some, none, every, exists.',
    );
    await expect(found("things", { "shop@exists": true })).rejects.toThrow(
      "the API has no such filter, or it always does",
    );
  });
});

describe("getOne", () => {
  it("reads one record by its key", async () => {
    await expect(
      world.provider.getOne("things", { id: one }),
    ).resolves.toMatchObject({ data: { id: one, name: "one", price: 1.5 } });
  });

  it("reads one record by a code or a composite key", async () => {
    await expect(
      world.provider.getOne("colours", { id: "red" }),
    ).resolves.toEqual({ data: { id: "red", code: "red", label: "Red" } });
    const { data } = await world.provider.getList("parts", {
      filter: { label: "zip" },
    });
    const [zip] = data as RaRecord[];
    await expect(
      world.provider.getOne("parts", { id: zip?.id ?? "" }),
    ).resolves.toEqual({ data: zip });
  });

  it("reads one record by another unique key", async () => {
    await expect(
      world.provider.getOne("things", {
        id: "",
        meta: { by: { sku: "B2", shopId: otherShop }, columns: ["name"] },
      }),
    ).resolves.toMatchObject({ data: { id: two, name: "two" } });
    await expect(
      world.provider.getOne("things", { id: "", meta: { by: { name: "x" } } }),
    ).rejects.toThrow("no unique key made of name");
  });

  it.each([
    ["absent", absent],
    ["hidden", hidden],
    ["not even an id", "new"],
  ])("is 404 for a record that is %s", async (_what, id) => {
    expect(
      await failure(world.provider.getOne("things", { id })),
    ).toMatchObject({ status: 404, body: { code: "NTFND" } });
  });
});

describe("getMany", () => {
  it("makes one request of the calls of a tick, each answered in its order", async () => {
    const [first, second] = await Promise.all([
      world.provider.getMany("things", { ids: [two, one, two] }),
      world.provider.getMany("things", { ids: [hidden, none, "new"] }),
    ]);
    expect(first.data.map(({ id }: RaRecord) => id)).toEqual([two, one, two]);
    expect(second.data.map(({ id }: RaRecord) => id)).toEqual([none]);
    expect(world.asked).toHaveLength(1);
  });

  it("asks for at most 100 ids at once", async () => {
    const ids = Array.from(
      { length: 250 },
      (_item, index) =>
        `0190a1b2-0000-7000-9000-${index.toString(16).padStart(12, "0")}`,
    );
    const { data } = await world.provider.getMany("things", {
      ids: [...ids, one],
    });
    expect(data).toHaveLength(1);
    expect(world.asked.map(({ variables }) => variables["first"])).toEqual([
      100, 100, 51,
    ]);
  });

  it("reads composite keys as aliased fields, within the server's limits", async () => {
    await world.database.owner.query(
      `insert into provider_test.parts (thing_id, no, label)
         select '${none}', n, 'part ' || n from generate_series(1, 45) n`,
    );
    const { data } = await world.provider.getList("parts", {
      filter: { thingId: none },
      pagination: { page: 1, perPage: 50 },
    });
    const ids = data.map(({ id }: RaRecord) => id).reverse();
    world.asked.length = 0;
    const many = await world.provider.getMany("parts", {
      ids: [...ids, "nonsense"],
    });
    expect(many.data.map(({ id }: RaRecord) => id)).toEqual(ids);
    expect(world.asked.map(({ rootFields }) => rootFields)).toEqual([
      20, 20, 6,
    ]);
    expect(world.asked.every(({ aliases }) => aliases <= 30)).toBe(true);
  });

  it("asks nothing for no ids", async () => {
    await expect(
      world.provider.getMany("things", { ids: [] }),
    ).resolves.toEqual({ data: [] });
    expect(world.asked).toEqual([]);
  });
});

describe("getManyReference", () => {
  it("lists what refers to a record, beside the list's own filter", async () => {
    const answer = await world.provider.getManyReference("things", {
      target: "shopId",
      id: shop,
      pagination: { page: 1, perPage: 10 },
      sort: { field: "name", order: "DESC" },
      filter: { "note@isNull": false },
    });
    expect(answer.total).toBe(1);
    expect(answer.data).toMatchObject([{ name: "one" }]);
  });
});

describe("create", () => {
  it("writes what was filled in and reads the rest back", async () => {
    const { data } = await world.provider.create("things", {
      data: {
        shopId: shop,
        sku: "N1",
        name: "new",
        qty: "7",
        views: "9007199254740993",
        price: 12.5,
        active: null,
        seenAt: new Date("2026-03-01T00:00:00Z"),
        tags: ["a"],
        doc: { x: [1] },
      },
    });
    expect(data).toMatchObject({
      id: expect.any(String),
      name: "new",
      qty: 7,
      views: "9007199254740993",
      price: 12.5,
      active: true,
      seenAt: "2026-03-01T00:00:00.000000+00:00",
      tags: ["a"],
      doc: { x: [1] },
    });
    await expect(titleOf(String(data.id))).resolves.toBe("new");
  });

  it("creates a record with a key of its own, and a composite one", async () => {
    await expect(
      world.provider.create("colours", { data: { code: "sky", label: "Sky" } }),
    ).resolves.toMatchObject({ data: { id: "sky" } });
    const { data } = await world.provider.create("parts", {
      data: { thingId: two, no: 9, label: "hook" },
    });
    await expect(
      world.provider.getOne("parts", { id: data.id }),
    ).resolves.toMatchObject({ data: { no: 9 } });
  });

  it("tells a refused value at its field", async () => {
    const taken = await failure(
      world.provider.create("things", {
        data: { shopId: shop, sku: "A1", name: "again" },
      }),
    );
    expect(taken).toMatchObject({
      status: 409,
      body: {
        code: "TAKEN",
        requestId: "r1",
        errors: {
          sku: expect.any(String),
          root: { serverError: expect.any(String) },
        },
      },
    });
    expect(
      await failure(
        world.provider.create("things", {
          data: { shopId: shop, sku: "Z", name: "" },
        }),
      ),
    ).toMatchObject({
      status: 422,
      body: { errors: { name: expect.any(String) } },
    });
  });
});

describe("update", () => {
  const read = async (id: string): Promise<RaRecord> =>
    (await world.provider.getOne<RaRecord>("things", { id })).data;

  it("sends what changed and the version it read", async () => {
    const previousData = await read(one);
    world.asked.length = 0;
    const { data } = await world.provider.update<RaRecord>("things", {
      id: one,
      data: { ...previousData, name: "renamed", note: null },
      previousData,
    });
    expect(data).toMatchObject({ id: one, name: "renamed", note: null });
    expect(data["updatedAt"]).not.toBe(previousData["updatedAt"]);
    expect(world.asked[0]?.variables).toEqual({
      input: {
        rowId: one,
        patch: {
          name: "renamed",
          note: null,
          updatedAt: previousData["updatedAt"] as unknown,
        },
      },
    });
  });

  it("is refused where someone else was faster, and changes nothing", async () => {
    const previousData = await read(one);
    await world.database.owner.query(
      "update provider_test.things set name = 'theirs' where id = $1",
      [one],
    );
    const error = await failure(
      world.provider.update("things", {
        id: one,
        data: { ...previousData, name: "mine" },
        previousData,
      }),
    );
    expect(error).toMatchObject({
      status: 409,
      message: "Someone else changed this record. Load it again.",
      body: { code: "STALE", hint: "Load it again." },
    });
    await expect(titleOf(one)).resolves.toBe("theirs");
  });

  it("is saved on the newest version after a choice field by field", async () => {
    const base = await read(one);
    await world.database.owner.query(
      "update provider_test.things set name = 'theirs', qty = 8 where id = $1",
      [one],
    );
    const mine = { ...base, name: "mine", note: "mine" };
    const error = await failure(
      world.provider.update("things", {
        id: one,
        data: mine,
        previousData: base,
      }),
    );
    expect((error.body as ErrorBody).code).toBe("STALE");
    const theirs = await read(one);
    const difference = diffVersions(base, mine, theirs, {
      ignore: ["updatedAt"],
    });
    expect(difference).toEqual({
      name: { base: "one", mine: "mine", theirs: "theirs", conflict: true },
      note: { base: "Alpha", mine: "mine", theirs: "Alpha", conflict: false },
      qty: { base: 1, mine: 1, theirs: 8, conflict: false },
    });
    const { data } = await world.provider.update<RaRecord>("things", {
      id: one,
      data: mergeVersions(theirs, difference, { name: "theirs" }),
      previousData: theirs,
    });
    expect(data).toMatchObject({ name: "theirs", note: "mine", qty: 8 });
  });

  it("writes nothing where nothing changed, and reads the record anew", async () => {
    const previousData = await read(one);
    world.asked.length = 0;
    const { data } = await world.provider.update<RaRecord>("things", {
      id: one,
      data: { ...previousData },
      previousData,
    });
    expect(data).toEqual(previousData);
    expect(world.asked.map(({ query }) => query.split(" ")[0])).toEqual([
      "query",
    ]);
  });

  it("writes each kind of value", async () => {
    const previousData = await read(none);
    const changed = {
      qty: 3,
      views: "9007199254740995",
      price: 0.1,
      ratio: 0.25,
      active: false,
      madeOn: "2026-05-05",
      seenAt: "2026-05-05T05:05:05.000000+00:00",
      opensAt: "05:05:00.000000",
      mood: "loud",
      tags: ["x", "y"],
      sizes: [5],
      doc: { deep: { list: [1, "a", null] } },
    };
    const { data } = await world.provider.update<RaRecord>("things", {
      id: none,
      data: { ...previousData, ...changed },
      previousData,
    });
    expect(data).toMatchObject(changed);
  });

  it("updates a record with a composite key", async () => {
    const { data } = await world.provider.getList<RaRecord>("parts", {
      filter: { label: "zip" },
    });
    const [zip] = data;
    if (!zip) throw new Error("no zip");
    await expect(
      world.provider.update("parts", {
        id: zip.id,
        data: { ...zip, label: "zipper" },
        previousData: zip,
      }),
    ).resolves.toMatchObject({ data: { id: zip.id, label: "zipper" } });
  });

  it.each([
    ["absent", absent],
    ["hidden", hidden],
    ["not even an id", "new"],
  ])(
    "is 404 for a record that is %s, and changes nothing",
    async (_what, id) => {
      const error = await failure(
        world.provider.update("things", {
          id,
          data: { name: "changed" },
          previousData: { id },
        }),
      );
      expect(error).toMatchObject({
        status: 404,
        message: "This record was not found, or you may not see it.",
      });
      await expect(titleOf(hidden)).resolves.toBe("hidden");
    },
  );
});

describe("a signal", () => {
  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    [
      "getOne",
      (signal) => world.provider.getOne("things", { id: one, signal }),
    ],
    [
      "getMany",
      (signal) => world.provider.getMany("things", { ids: [one], signal }),
    ],
    [
      "getManyReference",
      (signal) =>
        world.provider.getManyReference("things", {
          target: "shopId",
          id: shop,
          filter: {},
          sort: { field: "name", order: "ASC" },
          pagination: { page: 1, perPage: 5 },
          signal,
        }),
    ],
    [
      "create",
      (signal) =>
        world.provider.create("shops", { data: { name: "Late" }, signal }),
    ],
    [
      "update",
      (signal) =>
        world.provider.update("things", {
          id: one,
          data: { name: "late" },
          previousData: { id: one },
          signal,
        }),
    ],
    [
      "updateMany",
      (signal) =>
        world.provider.updateMany("things", {
          ids: [one],
          data: { name: "late" },
          signal,
        }),
    ],
    [
      "delete",
      (signal) => world.provider.delete("things", { id: none, signal }),
    ],
    [
      "deleteMany",
      (signal) => world.provider.deleteMany("things", { ids: [none], signal }),
    ],
    [
      "getAggregates",
      (signal) => world.provider.getAggregates("things", { signal }),
    ],
    [
      "mutate",
      (signal) =>
        world.provider.mutate("retireThing", { thingId: one }, undefined, {
          signal,
        }),
    ],
    [
      "query",
      (signal) => world.provider.query("forbidden", {}, "", { signal }),
    ],
  ])("that is given up before stops %s", async (_verb, call) => {
    await expect(call(AbortSignal.abort())).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(world.asked).toEqual([]);
    await expect(titleOf(one)).resolves.toBe("one");
    await expect(titleOf(none)).resolves.toBe("none");
  });
});

describe("updateMany", () => {
  it("changes every record within the server's limits", async () => {
    await world.database.owner.query(
      `insert into provider_test.things (shop_id, sku, name)
         select '${otherShop}', 'M' || n, 'many' from generate_series(1, 45) n`,
    );
    const { data } = await world.provider.getList<RaRecord>("things", {
      filter: { name: "many" },
      pagination: { page: 1, perPage: 100 },
    });
    const ids = data.map(({ id }) => id);
    world.asked.length = 0;
    await expect(
      world.provider.updateMany("things", { ids, data: { qty: "9" } }),
    ).resolves.toEqual({ data: ids });
    expect(world.asked.map(({ rootFields }) => rootFields)).toEqual([
      20, 20, 5,
    ]);
    expect(world.asked.every(({ aliases }) => aliases <= 30)).toBe(true);
    await expect(names({ qty: 9 })).resolves.toHaveLength(45);
  });

  it("says which records were changed and which were not", async () => {
    const error = await failure(
      world.provider.updateMany("things", {
        ids: [one, hidden, "new"],
        data: { note: "bulk" },
      }),
    );
    expect(error).toMatchObject({
      status: 404,
      body: {
        code: "NTFND",
        succeeded: [one],
        failed: [{ id: "new" }, { id: hidden, code: "NTFND" }],
      },
    });
    expect(error.message).toMatch(/^2 of 3 records were not changed\./);
    await expect(names({ note: "bulk" })).resolves.toEqual(["one"]);
  });

  it("changes only the versions it is told of, and says which are newer", async () => {
    const { data: seen } = await world.provider.getMany<RaRecord>("things", {
      ids: [one, none],
    });
    const versions = Object.fromEntries(
      seen.map((record) => [record.id, record["updatedAt"] as unknown]),
    );
    expect(Object.values(versions)).toEqual([
      expect.any(String),
      expect.any(String),
    ]);
    await world.database.owner.query(
      "update provider_test.things set name = 'theirs' where id = $1",
      [one],
    );
    const params = { ids: [one, none], data: { note: "mine" } };
    const error = await failure(
      world.provider.updateMany("things", { ...params, meta: { versions } }),
    );
    expect(error).toMatchObject({
      status: 409,
      body: { code: "STALE", succeeded: [none], failed: [{ id: one }] },
    });
    await expect(names({ note: "mine" })).resolves.toEqual(["none"]);
    // Without a version the last one to write wins, as it was asked to.
    await expect(
      world.provider.updateMany("things", {
        ...params,
        meta: { versions: { [none]: null } },
      }),
    ).resolves.toEqual({ data: [one, none] });
    await expect(names({ note: "mine" })).resolves.toHaveLength(2);
  });

  it("keeps what the others did when one value is refused", async () => {
    const error = await failure(
      world.provider.updateMany("things", {
        ids: [one, none],
        data: { sku: "SAME" },
      }),
    );
    expect(error).toMatchObject({
      status: 409,
      body: { code: "TAKEN", succeeded: [one], failed: [{ id: none }] },
    });
    await expect(names({ sku: "SAME" })).resolves.toEqual(["one"]);
  });
});

describe("delete", () => {
  it("deletes one record and gives it back", async () => {
    const previousData = { id: none, name: "none" };
    await expect(
      world.provider.delete("things", { id: none, previousData }),
    ).resolves.toEqual({ data: { id: none, rowId: none, name: "none" } });
    await expect(titleOf(none)).resolves.toBeUndefined();
  });

  it("says that other records still need it", async () => {
    expect(
      await failure(world.provider.delete("things", { id: one })),
    ).toMatchObject({ status: 409, body: { code: "INUSE" } });
    await expect(titleOf(one)).resolves.toBe("one");
  });

  it.each([
    ["absent", absent],
    ["hidden", hidden],
    ["not even an id", "new"],
  ])("is 404 for a record that is %s", async (_what, id) => {
    expect(
      await failure(world.provider.delete("things", { id })),
    ).toMatchObject({ status: 404 });
    await expect(titleOf(hidden)).resolves.toBe("hidden");
  });
});

describe("deleteMany", () => {
  it("deletes every record, composite keys too", async () => {
    const { data } = await world.provider.getList<RaRecord>("parts", {
      filter: {},
    });
    const ids = data.map(({ id }) => id);
    await expect(
      world.provider.deleteMany("parts", { ids: [...ids, ...ids] }),
    ).resolves.toEqual({ data: ids });
    await expect(
      world.provider.getList("parts", { filter: {} }),
    ).resolves.toEqual({ data: [], total: 0 });
    expect(
      world.asked.filter(({ query }) => query.startsWith("mutation")),
    ).toHaveLength(1);
  });

  it("says which records were not deleted", async () => {
    expect(
      await failure(
        world.provider.deleteMany("things", { ids: [none, one, hidden] }),
      ),
    ).toMatchObject({
      status: 409,
      body: {
        code: "INUSE",
        succeeded: [none],
        failed: [
          { id: one, code: "INUSE" },
          { id: hidden, code: "NTFND" },
        ],
      },
    });
    await expect(names({})).resolves.toEqual(["one", "two"]);
  });
});

describe("getAggregates", () => {
  it("counts, sums and groups where the rows are, seeing what the caller sees", async () => {
    const answer = await world.provider.getAggregates("things", {
      groupBy: ["shopId"],
      sum: ["qty", "price"],
      average: ["price"],
      max: ["views"],
      distinctCount: ["mood"],
    });
    expect(answer.total).toBe(3);
    expect(answer.totals).toEqual({
      sum: { qty: 3, price: 4 },
      average: { price: 2 },
      max: { views: "9007199254740994" },
      distinctCount: { mood: 2 },
    });
    expect(
      answer.groups.map(({ keys, count, sum }) => ({ keys, count, sum })),
    ).toEqual(
      expect.arrayContaining([
        { keys: { shopId: shop }, count: 2, sum: { qty: 1, price: 1.5 } },
        { keys: { shopId: otherShop }, count: 1, sum: { qty: 2, price: 2.5 } },
      ]),
    );
    expect(world.asked).toHaveLength(1);
  });

  it("filters rows and groups, and groups by day", async () => {
    const answer = await world.provider.getAggregates("things", {
      filter: { "qty@gte": 1 },
      groupBy: ["seenAt@day"],
      having: { sum: { qty: { greaterThan: 1 } } },
    });
    expect(answer).toMatchObject({
      total: 2,
      groups: [
        {
          count: 1,
          keys: { "seenAt@day": "2026-02-01T00:00:00.000000+00:00" },
        },
      ],
    });
  });
});

describe("custom calls", () => {
  it("run a mutation and read its record", async () => {
    const answer = await world.provider.mutate<{ result: RaRecord }>(
      "retireThing",
      { thingId: two },
      "result { rowId active price }",
      { types: { result: { resource: "things" } } },
    );
    expect(answer.result).toEqual({
      id: two,
      rowId: two,
      active: false,
      price: 2.5,
    });
  });

  it("run a query with bound arguments and read its number", async () => {
    await expect(
      world.provider.query(
        "totalViews",
        { inShop: { type: "UUID!", value: otherShop } },
        "",
        { types: { "": "numeric" } },
      ),
    ).resolves.toBe("9007199254740994");
  });

  it("say their errors as the other verbs do", async () => {
    expect(
      await failure(world.provider.mutate("retireThing", { thingId: absent })),
    ).toMatchObject({
      status: 404,
      message: "There is no such thing.",
      body: { code: "NTFND", errors: { thingId: expect.any(String) } },
    });
    const denied = await failure(world.provider.query("forbidden"));
    expect(denied).toMatchObject({ status: 403, body: { code: "DNIED" } });
  });
});

describe("a resource", () => {
  it("that is not in the list of resources is not asked for", async () => {
    await expect(
      world.provider.getList("secrets", { filter: {} }),
    ).rejects.toThrow('There is no resource "secrets"');
    await expect(
      world.provider.getOne("constructor", { id: one }),
    ).rejects.toThrow("There is no resource");
    expect(world.asked).toEqual([]);
  });

  it("does not do what its description switches off", async () => {
    await expect(
      world.provider.delete("colours", { id: "red" }),
    ).rejects.toThrow("colours cannot delete");
  });
});

describe("the queries", () => {
  it("are all valid in the schema, and known before they are sent", () => {
    const operations = listOperations(resources);
    expect(operations.map(({ operationName }) => operationName)).toEqual(
      expect.arrayContaining([
        "things_getList",
        "things_getMany",
        "things_getOneBy_shopId_sku",
        "things_updateMany20",
        "parts_getMany20",
        "colours_create",
      ]),
    );
    const faults = operations.flatMap(({ query }) =>
      validate(world.schema, parse(query)).map(({ message }) => message),
    );
    expect(faults).toEqual([]);
  });

  it("carry no value, only variables", async () => {
    await world.provider.getList("things", {
      filter: { name: `" } { shops { nodes { name } } }`, "qty@gt": 41 },
    });
    const [list] = world.asked;
    expect(list?.query).not.toMatch(/["]|41/);
  });

  it("have one text for one name", async () => {
    await world.provider.getList("things", { filter: { name: "a" } });
    await world.provider.getList("things", { filter: { q: "b" } });
    await world.provider.getList("things", {
      filter: {},
      meta: { columns: ["name", "sku"] },
    });
    await world.provider.getList("things", {
      filter: {},
      meta: { columns: ["sku", "name"] },
    });
    const texts = new Map(
      world.asked.map(({ operationName, query }) => [operationName, query]),
    );
    expect(texts.size).toBe(2);
    expect(new Set(world.asked.map(({ query }) => query)).size).toBe(2);
  });
});
