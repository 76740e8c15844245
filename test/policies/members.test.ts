import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import { outcomeOf } from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { buildBrand, buildMember } from "../helpers/factories.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db.drop());

type Brand = { id: string; owners: string[]; viewer: string };

async function brandWithOwners(count: number): Promise<Brand> {
  const root = await db.root.connect();
  try {
    await root.query("begin");
    const brand = await buildBrand(root);
    const owners: string[] = [];
    for (let n = 0; n < count; n++) {
      const member = await buildMember(root, {
        brand_id: brand.id,
        role: "owner",
      });
      owners.push(member.user_id);
    }
    const viewer = await buildMember(root, { brand_id: brand.id });
    await root.query("commit");
    return { id: brand.id, owners, viewer: viewer.user_id };
  } finally {
    root.release();
  }
}

/** Begins as an owner of the brand; the caller commits or rolls back. */
async function beginAs(
  client: PoolClient,
  brand: Brand,
  owner: number,
): Promise<void> {
  await client.query("begin");
  await becomeActor(client, {
    role: "closetai_brand_owner",
    userId: brand.owners[owner] ?? null,
    brandId: brand.id,
  });
}

async function inTransaction(
  brand: Brand,
  owner: number,
  statements: string[],
): Promise<string> {
  const client = await db.app.connect();
  try {
    await beginAs(client, brand, owner);
    for (const statement of statements) await client.query(statement);
    return await outcomeOf(client.query("commit"));
  } finally {
    await client.query("rollback");
    client.release();
  }
}

async function owners(brand: Brand): Promise<number> {
  const { rowCount } = await db.root.query(
    "select from app_public.brand_members where brand_id = $1 and role = 'owner'",
    [brand.id],
  );
  return rowCount ?? 0;
}

const remove = (user = ""): string =>
  `delete from app_public.brand_members where user_id = '${user}'`;
const make = (role: string, user = ""): string =>
  `update app_public.brand_members set role = '${role}' where user_id = '${user}'`;

describe("the last owner of a brand", () => {
  it("cannot resign", async () => {
    const brand = await brandWithOwners(1);
    expect(await inTransaction(brand, 0, [remove(brand.owners[0])])).toBe(
      "LASTO",
    );
    expect(await owners(brand)).toBe(1);
  });

  it("cannot become something less", async () => {
    const brand = await brandWithOwners(1);
    expect(
      await inTransaction(brand, 0, [make("manager", brand.owners[0])]),
    ).toBe("LASTO");
    expect(await owners(brand)).toBe(1);
  });

  it("is the last one who can sign in: a suspended one is none", async () => {
    const brand = await brandWithOwners(2);
    const set = (status: string) =>
      db.root.query("update app_public.users set status = $2 where id = $1", [
        brand.owners[1],
        status,
      ]);
    await set("suspended");
    expect(await inTransaction(brand, 0, [remove(brand.owners[0])])).toBe(
      "LASTO",
    );
    await set("active");
    expect(await inTransaction(brand, 0, [remove(brand.owners[0])])).toBe("ok");
  });

  it("can hand the brand over, the heir first", async () => {
    const brand = await brandWithOwners(1);
    expect(
      await inTransaction(brand, 0, [
        make("owner", brand.viewer),
        make("manager", brand.owners[0]),
      ]),
    ).toBe("ok");
    expect(await owners(brand)).toBe(1);
  });

  it("can hand it over in the other order, because only the end counts", async () => {
    const brand = await brandWithOwners(1);
    await withRoot(db, async (root) => {
      await root.query(
        "update app_public.brand_members set role = 'viewer' where brand_id = $1 and user_id = $2",
        [brand.id, brand.owners[0]],
      );
      await root.query(
        "update app_public.brand_members set role = 'owner' where brand_id = $1 and user_id = $2",
        [brand.id, brand.viewer],
      );
      expect(await outcomeOf(root.query("set constraints all immediate"))).toBe(
        "ok",
      );
    });
  });

  it("cannot be removed with the account either", async () => {
    const brand = await brandWithOwners(1);
    const [owner] = brand.owners;
    const remove = "delete from app_public.users where id = $1";
    // Whoever has a wallet stays: the ledger names them.
    expect(await outcomeOf(db.root.query(remove, [owner]))).toBe("23001");
    await withRoot(db, async (root) => {
      await root.query("set local session_replication_role = replica");
      for (const table of ["transfers", "grants", "accounts"]) {
        await root.query(
          `delete from app_public.credit_${table} where owner_user_id = $1`,
          [owner],
        );
      }
      await root.query("set local session_replication_role = origin");
      expect(await outcomeOf(root.query(remove, [owner]))).toBe("ok");
      expect(await outcomeOf(root.query("set constraints all immediate"))).toBe(
        "LASTO",
      );
    });
  });
});

describe("two owners", () => {
  it("may resign down to one, one after another", async () => {
    const brand = await brandWithOwners(2);
    expect(await inTransaction(brand, 0, [remove(brand.owners[0])])).toBe("ok");
    expect(await inTransaction(brand, 1, [remove(brand.owners[1])])).toBe(
      "LASTO",
    );
    expect(await owners(brand)).toBe(1);
  });

  it.each([
    ["resign", remove],
    ["step down", (user?: string) => make("viewer", user)],
  ])("who %s at the same moment cannot both succeed", async (_title, leave) => {
    const brand = await brandWithOwners(2);
    const one = await db.app.connect();
    const two = await db.app.connect();
    try {
      await beginAs(one, brand, 0);
      await beginAs(two, brand, 1);
      // Neither sees that the other has gone already.
      await one.query(leave(brand.owners[0]));
      await two.query(leave(brand.owners[1]));
      const outcomes = await Promise.all([
        outcomeOf(one.query("commit")),
        outcomeOf(two.query("commit")),
      ]);
      expect(outcomes.sort()).toEqual(["LASTO", "ok"]);
      expect(await owners(brand)).toBe(1);
    } finally {
      await one.query("rollback");
      await two.query("rollback");
      one.release();
      two.release();
    }
  });

  it("cannot remove each other at the same moment", async () => {
    const brand = await brandWithOwners(2);
    const one = await db.app.connect();
    const two = await db.app.connect();
    try {
      await beginAs(one, brand, 0);
      await beginAs(two, brand, 1);
      await one.query(remove(brand.owners[1]));
      await two.query(remove(brand.owners[0]));
      const outcomes = await Promise.all([
        outcomeOf(one.query("commit")),
        outcomeOf(two.query("commit")),
      ]);
      expect(outcomes).toContain("ok");
      expect(await owners(brand)).toBe(1);
    } finally {
      await one.query("rollback");
      await two.query("rollback");
      one.release();
      two.release();
    }
  });
});

describe("somebody who leaves a brand", () => {
  it("takes along the views nobody else saw, and leaves what was shared", async () => {
    const brand = await brandWithOwners(1);
    await db.root.query(
      `insert into app_public.saved_views (user_id, brand_id, resource, name, view, is_shared)
       values ($1, $2, 'products', 'Mine', '{}', false), ($1, $2, 'products', 'Ours', '{}', true)`,
      [brand.viewer, brand.id],
    );
    expect(await inTransaction(brand, 0, [remove(brand.viewer)])).toBe("ok");
    const { rows } = await db.root.query(
      "select name from app_public.saved_views where brand_id = $1",
      [brand.id],
    );
    expect(rows).toEqual([{ name: "Ours" }]);
  });
});
