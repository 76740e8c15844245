import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import { makeImageUrlPlugin } from "../../server/storage/ImageUrlPlugin.ts";
import { makeFileUrls } from "../../server/storage/signUrls.ts";
import { type ActorName, as, outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import {
  buildUser,
  buildWardrobeItem,
  insertRows,
} from "../helpers/factories.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import {
  between,
  cosineDistance,
  DIMENSIONS,
  vectorOf,
} from "../helpers/vectors.ts";
import { createWorld, items, people } from "../helpers/world.ts";

let db: TestDatabase;
let api: TestApi;
/** The shopper's, all of one model unless the name says otherwise. */
const mine: Record<string, string> = {};

const BASE = vectorOf("base");
const OTHER = vectorOf("other");

type Found = { item_id: string; distance: number };

async function similar(
  client: ClientBase,
  itemId: string | null | undefined,
  first?: number | null,
): Promise<Found[]> {
  const { rows } = await client.query<Found>(
    first === undefined
      ? "select s.item_id, s.distance from unnest(app_public.similar_items($1)) s"
      : "select s.item_id, s.distance from unnest(app_public.similar_items($1, $2)) s",
    first === undefined ? [itemId] : [itemId, first],
  );
  return rows;
}

/** What the caller of the API is told. */
async function refusal(promise: Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await promise };
  } catch (error) {
    const { code, column, message, hint } = error as Record<string, unknown>;
    return { code, column, message, hint };
  }
}

async function addItem(
  client: ClientBase,
  userId: string,
  embedding: number[] | null,
  { model = "clip", deleted = false } = {},
): Promise<string> {
  const { id } = await buildWardrobeItem(client, {
    user_id: userId,
    deleted_at: deleted ? "2026-01-01T00:00:00Z" : null,
  });
  if (embedding !== null) {
    await insertRows(client, "app_public.item_embeddings", [
      { item_id: id, user_id: userId, model, embedding },
    ]);
  }
  return id;
}

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await createWorld(root);
    const add = async (
      name: string,
      embedding: number[] | null,
      options = {},
    ) => {
      mine[name] = await addItem(root, people.shopper, embedding, options);
    };
    await add("base", BASE);
    await add("far", between(BASE, OTHER, 0.6));
    await add("near", between(BASE, OTHER, 0.1));
    await add("middle", between(BASE, OTHER, 0.3));
    await add(
      "opposite",
      BASE.map((value) => -value),
    );
    // Of one direction with "near", and so at its distance exactly.
    await add(
      "near, four times as long",
      between(BASE, OTHER, 0.1).map((value) => Math.fround(value * 4)),
    );
    await add("taken out", between(BASE, OTHER, 0.05), { deleted: true });
    await add("of another model", between(BASE, OTHER, 0.01), {
      model: "clip-2",
    });
    await add("without a vector", null);
    mine["the neighbour's"] = await addItem(root, people.neighbour, BASE);
  } finally {
    root.release();
  }
  api = await makeTestApi(db, {
    plugins: [makeImageUrlPlugin(makeFileUrls("x".repeat(32)))],
  });
});

afterAll(async () => {
  await api.close();
  await db.drop();
});

describe("similar_items", () => {
  it("gives the shopper's own items by distance, then id", async () => {
    const found = await as(db, "shopper", (client) =>
      similar(client, mine["base"]),
    );
    const ties = [mine["near"], mine["near, four times as long"]].sort();
    expect(found.map(({ item_id }) => item_id)).toEqual([
      ...ties,
      mine["middle"],
      mine["far"],
      mine["opposite"],
    ]);
    expect(found[0]?.distance).toBe(found[1]?.distance);
    expect(found.at(-1)?.distance).toBe(2);
  });

  it("leaves out the item itself, what was taken out, other models and other people's", async () => {
    const found = await as(db, "shopper", (client) =>
      similar(client, mine["base"], 100),
    );
    const ids = found.map(({ item_id }) => item_id);
    for (const absent of [
      "base",
      "taken out",
      "of another model",
      "without a vector",
      "the neighbour's",
    ]) {
      expect(ids).not.toContain(mine[absent]);
    }
    // They are there, and would all be nearer than what was found.
    await withRoot(db, async (root) => {
      const { rows } = await root.query(
        "select from app_public.item_embeddings where item_id = any ($1)",
        [
          [
            mine["taken out"],
            mine["of another model"],
            mine["the neighbour's"],
          ],
        ],
      );
      expect(rows).toHaveLength(3);
    });
  });

  it("compares within the model of the item that is asked about", async () => {
    expect(
      await as(db, "shopper", (client) =>
        similar(client, mine["of another model"]),
      ),
    ).toEqual([]);
  });

  it("gives as many as are asked for, nearest first", async () => {
    const two = await as(db, "shopper", (client) =>
      similar(client, mine["far"], 2),
    );
    expect(two.map(({ item_id }) => item_id)).toEqual([
      mine["middle"],
      [mine["near"], mine["near, four times as long"]].sort()[0],
    ]);
  });

  it.each([0, -1, 101, null])("refuses first = %s", async (first) => {
    expect(
      await as(db, "shopper", (client) =>
        refusal(similar(client, mine["base"], first)),
      ),
    ).toEqual({
      code: "INVAL",
      column: "first",
      message: "Ask for 1 to 100 similar items",
      hint: expect.any(String),
    });
  });

  it("tells alike of another person's item, one that was taken out, and one that never was", async () => {
    const told = [];
    for (const id of [
      mine["the neighbour's"],
      mine["taken out"],
      "01890000-0000-7000-8000-00000000ffff",
      null,
    ]) {
      told.push(
        await as(db, "shopper", (client) => refusal(similar(client, id))),
      );
    }
    expect(new Set(told.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(told[0]).toEqual({
      code: "NTFND",
      column: "item_id",
      message: "There is no such item in your wardrobe",
      hint: expect.any(String),
    });
  });

  it("says of an item without a vector that it has none", async () => {
    expect(
      await as(db, "shopper", (client) =>
        refusal(similar(client, mine["without a vector"])),
      ),
    ).toMatchObject({
      code: "STATE",
      column: "item_id",
      message: expect.stringContaining("no vector yet"),
    });
  });

  it("answers each of two neighbours from the own wardrobe", async () => {
    const both = await as(db, "neighbour", async (client) => ({
      own: await similar(client, mine["the neighbour's"]),
      stranger: await refusal(similar(client, mine["base"])),
    }));
    expect(both.own.map(({ item_id }) => item_id)).not.toContain(mine["base"]);
    expect(both.stranger).toMatchObject({ code: "NTFND" });
  });

  it.each<ActorName>([
    "anonymous",
    "A.viewer",
    "A.owner",
    "support",
    "privacy",
    "admin",
    "partner",
    "the login role",
  ])("is denied to %s", async (who) => {
    expect(
      await as(db, who, (client) =>
        outcomeOf(similar(client, items["shopper.coat"])),
      ),
    ).toBe("42501");
  });

  it("agrees with plain arithmetic on 300 items, to a millionth", async () => {
    await withRoot(db, async (root) => {
      const { id: userId } = await buildUser(root);
      const vectors = new Map<string, number[]>();
      for (let n = 0; n < 300; n++) {
        // Lengths from a hundredth to a thousand, near and far.
        const scale = 10 ** ((n % 6) - 2);
        const vector = between(
          vectorOf(`cluster ${n % 7}`),
          vectorOf(`item ${n}`),
          (n % 10) / 9,
        ).map((value) => Math.fround(value * scale));
        vectors.set(await addItem(root, userId, vector), vector);
      }
      const [itemId, vector] = [...vectors][17] ?? ["", []];
      await root.query("set local role closetai_user");
      await root.query("select set_config('app.user_id', $1, true)", [userId]);
      const found = await similar(root, itemId, 100);
      const expected = [...vectors]
        .filter(([id]) => id !== itemId)
        .map(([id, other]) => ({ id, distance: cosineDistance(vector, other) }))
        .sort(
          (one, other) =>
            one.distance - other.distance || (one.id < other.id ? -1 : 1),
        )
        .slice(0, 100);
      expect(found).toHaveLength(100);
      found.forEach(({ item_id, distance }, at) => {
        const brute = cosineDistance(vector, vectors.get(item_id) ?? []);
        expect(Math.abs(distance - brute)).toBeLessThan(1e-6);
        // Two at nearly one distance may stand either way round.
        expect(
          Math.abs(distance - (expected[at]?.distance ?? NaN)),
        ).toBeLessThan(1e-6);
      });
      expect(new Set(found.map(({ item_id }) => item_id)).size).toBe(100);
    });
  });
});

describe("a vector", () => {
  const filled = (value: number): number[] =>
    Array.from({ length: DIMENSIONS }, () => value);
  const notNumbers = "A vector has 768 finite numbers, not all zero.";
  const length = "The length of a vector lies between 0.01 and 60,000.";

  const insert = (embedding: unknown) =>
    api.execute(
      { role: "closetai_user", userId: people.shopper },
      `mutation ($input: CreateItemEmbeddingInput!) {
         createItemEmbedding(input: $input) { itemEmbedding { itemId } }
       }`,
      {
        input: {
          itemEmbedding: {
            itemId: mine["without a vector"],
            userId: people.shopper,
            model: "clip",
            embedding,
          },
        },
      },
    );

  it.each([
    ["of 512 numbers", Array<number>(512).fill(1), notNumbers],
    ["of 769 numbers", Array<number>(769).fill(1), notNumbers],
    ["without numbers", [], notNumbers],
    ["of zeros", filled(0), notNumbers],
    ["with null", [null, ...filled(1).slice(1)], notNumbers],
    ["too short to have a direction", filled(1e-30), length],
    ["too long for half precision", filled(1e30), length],
  ])("%s is refused by the API", async (_, embedding, message) => {
    const { data, errors } = await insert(embedding);
    expect(data?.["createItemEmbedding"] ?? null).toBeNull();
    expect(errors).toHaveLength(1);
    expect(errors?.[0]).toMatchObject({
      message,
      extensions: { code: "INVAL", field: "embedding" },
    });
  });

  // JSON has no such numbers; SQL does, and so does the worker who writes it.
  it.each(["NaN", "Infinity", "-Infinity"])(
    "with %s is refused in SQL",
    async (value) => {
      const told = await as(db, "shopper", (client) =>
        refusal(
          client.query(
            "insert into app_public.item_embeddings (item_id, user_id, model, embedding) values ($1, $2, 'clip', $3)",
            [
              mine["without a vector"],
              people.shopper,
              `{${[value, ...filled(1).slice(1)].join(",")}}`,
            ],
          ),
        ),
      );
      expect(told).toMatchObject({ code: "23514" });
    },
  );

  it("of two dimensions is refused in SQL", async () => {
    const row = `{${filled(1).join(",")}}`;
    expect(
      await as(db, "shopper", (client) =>
        outcomeOf(
          client.query(
            "insert into app_public.item_embeddings (item_id, user_id, model, embedding) values ($1, $2, 'clip', $3)",
            [mine["without a vector"], people.shopper, `{${row},${row}}`],
          ),
        ),
      ),
    ).toBe("23514");
  });

  it("of any acceptable length is taken", async () => {
    expect(
      await as(db, "shopper", async (client) => {
        const outcomes = [];
        for (const value of [0.01, 2_000]) {
          await client.query("savepoint before");
          outcomes.push(
            await outcomeOf(
              client.query(
                "insert into app_public.item_embeddings (item_id, user_id, model, embedding) values ($1, $2, 'clip', $3)",
                [mine["without a vector"], people.shopper, filled(value)],
              ),
            ),
          );
          await client.query("rollback to before");
        }
        return outcomes;
      }),
    ).toEqual(["ok", "ok"]);
  });
});

describe("similarItems in the API", () => {
  const query = `query ($itemId: UUID!, $first: Int) {
    similarItems(itemId: $itemId, first: $first) {
      distance
      item { rowId name imageUrl category { label } product { name } }
    }
  }`;
  const ask = (userId: string, itemId: string | undefined, first?: number) =>
    api.execute<{
      similarItems: { distance: number; item: { rowId: string } }[] | null;
    }>({ role: "closetai_user", userId }, query, { itemId, first });

  it("gives the items with their distances", async () => {
    const { data, errors } = await ask(people.shopper, mine["base"]);
    expect(errors).toBeUndefined();
    expect(data?.similarItems?.map(({ item }) => item.rowId)).toEqual([
      ...[mine["near"], mine["near, four times as long"]].sort(),
      mine["middle"],
      mine["far"],
      mine["opposite"],
    ]);
    expect(data?.similarItems?.[0]).toMatchObject({
      distance: expect.any(Number),
      item: { imageUrl: expect.stringContaining("/illustrations/") },
    });
  });

  it.each([
    ["another person's item", "the neighbour's", 3, "NTFND", "itemId"],
    ["an item without a vector", "without a vector", 3, "STATE", "itemId"],
    ["none", "base", 0, "INVAL", "first"],
    ["101", "base", 101, "INVAL", "first"],
    ["fewer than none", "base", -1, "INVAL", "first"],
  ])("refuses %s by code and field", async (_, name, first, code, field) => {
    const { data, errors } = await ask(people.shopper, mine[name], first);
    expect(data?.similarItems ?? null).toBeNull();
    expect(errors?.[0]?.extensions).toMatchObject({ code, field });
    expect(errors?.[0]?.message).not.toBe("");
  });

  it.each(["closetai_anonymous", "closetai_viewer", "closetai_staff_admin"])(
    "is denied to %s",
    async (role) => {
      const { errors } = await api.execute({ role }, query, {
        itemId: mine["base"],
      });
      expect(["DNIED", "LOGIN"]).toContain(errors?.[0]?.extensions.code);
    },
  );
});
