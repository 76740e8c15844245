import { randomUUID } from "node:crypto";

import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";
import type { ClientBase, Pool, PoolClient } from "pg";

import { type ActorName, actors, outcomeOf } from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
} from "../helpers/database.ts";
import { buildStorageObject, type Row } from "../helpers/factories.ts";
import { brands, createWorld, people } from "../helpers/world.ts";

/**
 * What names a picture and the picture itself each wait for the other: one that
 * never arrived is refused, one that is shown is not deleted.
 */

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await createWorld(root);
  } finally {
    root.release();
  }
});

afterAll(() => db.drop());

type Owner = "brand" | "shopper";

const ownerOf = (owner: Owner): Row =>
  owner === "brand"
    ? { owner_brand_id: brands.A }
    : { owner_user_id: people.shopper };

const arrived = async (owner: Owner, overrides: Row = {}): Promise<string> => {
  const root = await db.root.connect();
  try {
    const { key } = await buildStorageObject(root, {
      ...ownerOf(owner),
      ...overrides,
    });
    return key;
  } finally {
    root.release();
  }
};
const pending = (owner: Owner, overrides: Row = {}): Promise<string> =>
  arrived(owner, { status: "pending", sha256: null, ...overrides });

/** What each writes, and as whom. */
const writers = {
  brand: {
    who: "A.manager",
    table: "app_public.products",
    insert: (client: ClientBase | Pool, key: string) =>
      client.query(
        `insert into app_public.products (brand_id, sku, name, category_code, image_key)
         values ($1, $2, 'Coat', 'jackets', $3) returning id`,
        [brands.A, randomUUID(), key],
      ),
  },
  shopper: {
    who: "shopper",
    table: "app_public.wardrobe_items",
    insert: (client: ClientBase | Pool, key: string) =>
      client.query(
        `insert into app_public.wardrobe_items (user_id, name, category_code, image_key)
         values ($1, 'Coat', 'jackets', $2) returning id`,
        [people.shopper, key],
      ),
  },
} as const;

async function begin(pool: Pool, who: ActorName): Promise<PoolClient> {
  const client = await pool.connect();
  await client.query("begin");
  const { actor } = actors[who];
  if (actor !== null) await becomeActor(client, actor);
  return client;
}

async function within<T>(
  who: ActorName,
  fn: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await begin(db.app, who);
  try {
    return await fn(client);
  } finally {
    await client.query("rollback");
    client.release();
  }
}

const refusalOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no refusal",
    (error: unknown) => error,
  );

const statusOf = async (key: string): Promise<string | undefined> => {
  const { rows } = await db.root.query<{ status: string }>(
    "select status from app_public.storage_objects where key = $1",
    [key],
  );
  return rows[0]?.status;
};

const claim = async (batch = 1000): Promise<string[]> => {
  const { rows } = await db.worker.query<{ key: string }>(
    "select app_private.claim_expired_uploads($1) as key",
    [batch],
  );
  return rows.map(({ key }) => key);
};

describe.each(["brand", "shopper"] as const)("a picture of a %s", (owner) => {
  const { who, table, insert } = writers[owner];

  it("can be named once it has arrived", async () => {
    const key = await arrived(owner);
    await within(who, async (client) => {
      expect((await insert(client, key)).rowCount).toBe(1);
    });
  });

  it("cannot be named before it arrived, by a new row or by a change", async () => {
    const key = await pending(owner);
    const refused = {
      code: "STATE",
      column: "image_key",
      message: "This picture has not arrived yet",
      hint: "Send the file first, then save",
    };
    await within(who, async (client) => {
      expect(await refusalOf(insert(client, key))).toMatchObject(refused);
    });
    const stored = await arrived(owner);
    await within(who, async (client) => {
      const { rows } = await insert(client, stored);
      expect(
        await refusalOf(
          client.query(`update ${table} set image_key = $1 where id = $2`, [
            key,
            (rows[0] as { id: string }).id,
          ]),
        ),
      ).toMatchObject(refused);
    });
  });

  it("can be named as soon as the upload is complete", async () => {
    const key = await pending(owner);
    await db.root.query(
      "select app_private.complete_upload($1, 4, sha256('it'))",
      [key],
    );
    await within(who, async (client) => {
      expect((await insert(client, key)).rowCount).toBe(1);
    });
  });

  it("ends a day after it arrived, or was shown last; while it is shown it stays", async () => {
    const key = await pending(owner);
    const ends = async (of: string): Promise<boolean | null> => {
      const { rows } = await db.root.query<{ ends: boolean | null }>(
        "select retention_until <= now() + interval '1 day' as ends from app_public.storage_objects where key = $1",
        [of],
      );
      return rows[0]?.ends ?? null;
    };
    await db.root.query(
      "select app_private.complete_upload($1, 4, sha256('it'))",
      [key],
    );
    expect(await ends(key)).toBe(true);
    const { rows } = await insert(db.root, key);
    const { id } = rows[0] as { id: string };
    expect(await ends(key)).toBeNull();
    const next = await arrived(owner);
    await db.root.query(`update ${table} set image_key = $1 where id = $2`, [
      next,
      id,
    ]);
    expect([await ends(key), await ends(next)]).toEqual([true, null]);
    await db.root.query(`delete from ${table} where id = $1`, [id]);
    expect(await ends(next)).toBe(true);
    await db.root.query(
      "update app_public.storage_objects set retention_until = now() - interval '1 second' where key = any ($1)",
      [[key, next]],
    );
    expect(await claim()).toEqual(expect.arrayContaining([key, next]));
  });

  it("that two rows show outlives one of them", async () => {
    const key = await arrived(owner);
    const { rows } = await insert(db.root, key);
    await insert(db.root, key);
    await db.root.query(`delete from ${table} where id = $1`, [
      (rows[0] as { id: string }).id,
    ]);
    await db.root.query(
      "update app_public.storage_objects set retention_until = now() - interval '1 second' where key = $1",
      [key],
    );
    expect(await claim()).not.toContain(key);
    expect(await statusOf(key)).toBe("available");
  });

  it("is no selfie, which ends when it was promised to", async () => {
    const key = await arrived(owner, { kind: "selfie" });
    await within(who, async (client) => {
      expect(await refusalOf(insert(client, key))).toMatchObject({
        code: "INVAL",
        column: "image_key",
      });
    });
  });

  it("cannot be named while it is being deleted", async () => {
    const key = await arrived(owner, { status: "deleting" });
    await within(who, async (client) => {
      expect(await refusalOf(insert(client, key))).toMatchObject({
        code: "NTFND",
        column: "image_key",
      });
    });
  });

  it("of somebody else reads the same whether it arrived, is on its way or never was", async () => {
    const other =
      owner === "brand"
        ? { owner_brand_id: brands.B }
        : { owner_user_id: people.neighbour };
    const keys = [
      await arrived(owner, {
        owner_brand_id: null,
        owner_user_id: null,
        ...other,
      }),
      await pending(owner, {
        owner_brand_id: null,
        owner_user_id: null,
        ...other,
      }),
      "garment/never-was.png",
    ];
    for (const key of keys) {
      await within(who, async (client) => {
        expect(await outcomeOf(insert(client, key))).toBe("23503");
      });
    }
  });

  it("does not stop a change of something else, whatever became of it", async () => {
    const key = await arrived(owner);
    const root = await db.root.connect();
    try {
      await root.query("begin");
      const { rows } = await insert(root, key);
      const { id } = rows[0] as { id: string };
      await root.query("set local session_replication_role = replica");
      await root.query(
        "update app_public.storage_objects set status = 'pending' where key = $1",
        [key],
      );
      await root.query("set local session_replication_role = origin");
      const { actor } = actors[who];
      if (actor !== null) await becomeActor(root, actor);
      const changed = await root.query(
        `update ${table} set name = 'Other', image_key = image_key where id = $1`,
        [id],
      );
      expect(changed.rowCount).toBe(1);
    } finally {
      await root.query("rollback");
      root.release();
    }
  });
});

describe("the clean-up of files", () => {
  // What an earlier test had claimed is claimed again until it is forgotten.
  beforeEach(async () => {
    for (const key of await claim()) {
      await db.worker.query("select app_private.forget_upload($1)", [key]);
    }
  });

  const past = { retention_until: "2020-01-01T00:00:00Z" };

  it("takes what ran out, and leaves what a row names", async () => {
    const free = await arrived("brand", past);
    const shown = await arrived("brand", past);
    const worn = await arrived("shopper", past);
    await writers.brand.insert(db.root, shown);
    await writers.shopper.insert(db.root, worn);
    const claimed = await claim();
    expect(claimed).toContain(free);
    expect(claimed).not.toContain(shown);
    expect(claimed).not.toContain(worn);
    expect(await statusOf(free)).toBe("deleting");
    expect(await statusOf(shown)).toBe("available");
    expect(await statusOf(worn)).toBe("available");
  });

  it("takes a selfie that nothing was tried on with, 30 days after it arrived", async () => {
    const key = await pending("shopper", { kind: "selfie" });
    await db.app.query(
      "select app_private.complete_upload($1, 4, sha256('seen'::bytea))",
      [key],
    );
    const { rows } = await db.root.query<{ ends: boolean }>(
      `select retention_until between now() + interval '29 days' and now() + interval '30 days' as ends
       from app_public.storage_objects where key = $1`,
      [key],
    );
    expect(rows).toEqual([{ ends: true }]);
    expect(await claim()).not.toContain(key);
    await db.root.query(
      "update app_public.storage_objects set retention_until = now() - interval '1 second' where key = $1",
      [key],
    );
    expect(await claim()).toContain(key);
  });

  it("reaches what lies behind files in use, however many they are", async () => {
    for (let n = 0; n < 3; n++) {
      const key = await arrived("brand", {
        ...past,
        created_at: "2019-01-01T00:00:00Z",
      });
      await writers.brand.insert(db.root, key);
    }
    const behind = await arrived("brand", past);
    expect(await claim(1)).toEqual([behind]);
  });

  it("knows of a table that was added later", async () => {
    const key = await arrived("brand", past);
    await db.owner.query(
      `create table app_public.covers (
         file text references app_public.storage_objects (key)
       )`,
    );
    try {
      await db.owner.query("insert into app_public.covers values ($1)", [key]);
      expect(await claim()).not.toContain(key);
    } finally {
      await db.owner.query("drop table app_public.covers");
    }
    expect(await claim()).toContain(key);
  });

  it("cannot be forced by the worker on a file in use", async () => {
    const key = await arrived("brand");
    const forced = () =>
      db.worker.query(
        "update app_public.storage_objects set status = 'deleting' where key = $1",
        [key],
      );
    await writers.brand.insert(db.root, key);
    expect(await refusalOf(forced())).toMatchObject({
      code: "INUSE",
      column: "key",
    });
    await db.root.query(
      "delete from app_public.products where image_key = $1",
      [key],
    );
    expect(await outcomeOf(forced())).toBe("ok");
  });

  it("passes by a file that somebody is naming at this moment", async () => {
    const key = await arrived("brand", past);
    const client = await begin(db.app, "A.manager");
    try {
      await writers.brand.insert(client, key);
      expect(await claim()).not.toContain(key);
      await client.query("commit");
    } finally {
      client.release();
    }
    expect(await claim()).not.toContain(key);
    expect(await statusOf(key)).toBe("available");
  });

  it("is waited for by who names a file it has just taken", async () => {
    const key = await arrived("brand", past);
    const worker = await db.worker.connect();
    const client = await begin(db.app, "A.manager");
    try {
      await worker.query("begin");
      const { rows } = await worker.query<{ key: string }>(
        "select app_private.claim_expired_uploads(1000) as key",
      );
      expect(rows.map((row) => row.key)).toContain(key);
      const naming = refusalOf(writers.brand.insert(client, key));
      await worker.query("commit");
      expect(await naming).toMatchObject({ code: "NTFND" });
    } finally {
      await client.query("rollback");
      client.release();
      worker.release();
    }
  });
});
