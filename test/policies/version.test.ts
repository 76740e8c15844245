import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { as, outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { createWorld } from "../helpers/world.ts";

/** updated_at is a version: an update that names another one is refused. */

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

async function versioned(): Promise<string[]> {
  const { rows } = await db.root.query<{ name: string }>(
    `select tgrelid::regclass::text as name from pg_trigger where tgname = '_100_timestamps' and tgparentid = 0 order by 1`,
  );
  return rows.map(({ name }) => name);
}

describe("an update", () => {
  it("that names an old version is refused as STALE, on every table that has one", async () => {
    const tables = await versioned();
    expect(tables.length).toBeGreaterThanOrEqual(12);
    for (const table of tables) {
      const outcome = await withRoot(db, (root) =>
        outcomeOf(
          root.query(
            `update ${table} set updated_at = updated_at - interval '1 second'`,
          ),
        ),
      );
      expect({ table, outcome }).toEqual({ table, outcome: "STALE" });
    }
  });

  it("that names the stored version goes through, and makes a later one", async () => {
    for (const table of await versioned()) {
      await withRoot(db, async (root) => {
        const { rows } = await root.query<{ later: boolean; kept: boolean }>(
          `with before as (select tableoid as part, ctid as at, updated_at, created_at from ${table} limit 1)
           update ${table} t set updated_at = b.updated_at, created_at = 'epoch'
             from before b where t.tableoid = b.part and t.ctid = b.at
           returning t.updated_at > b.updated_at as later, t.created_at = b.created_at as kept`,
        );
        expect({ table, rows }).toEqual({
          table,
          rows: [{ later: true, kept: true }],
        });
      });
    }
  });

  it("that names none goes through", async () => {
    expect(
      await as(db, "A.manager", (client) =>
        outcomeOf(
          client.query("update app_public.products set name = 'Changed'"),
        ),
      ),
    ).toBe("ok");
  });

  it("twice within one microsecond still makes two versions", async () => {
    await withRoot(db, async (root) => {
      const bump = async (): Promise<string> => {
        const { rows } = await root.query<{ version: string }>(
          "update app_public.products set name = name where sku = 'A.tee' returning updated_at::text as version",
        );
        return rows[0]?.version ?? "";
      };
      await root.query(
        "update app_public.products set name = name where sku = 'A.tee'",
      );
      const versions = [await bump(), await bump(), await bump()];
      expect(new Set(versions).size).toBe(3);
      expect([...versions].sort()).toEqual(versions);
    });
  });

  it("that was overtaken by another person is refused, and says which field", async () => {
    const read =
      "select updated_at::text as version from app_public.products where sku = 'A.tee'";
    const root = await db.root.connect();
    try {
      const version = await as(db, "A.owner", async (client) => {
        const { rows } = await client.query<{ version: string }>(read);
        return rows[0]?.version;
      });
      await root.query(
        "update app_public.products set color = 'Green' where sku = 'A.tee'",
      );
      const refusal = await as(db, "A.manager", async (client) => {
        try {
          await client.query(
            "update app_public.products set color = 'Red', updated_at = $1 where sku = 'A.tee'",
            [version],
          );
          return null;
        } catch (error) {
          const { code, column, hint } = error as Record<string, unknown>;
          return { code, column, hint };
        }
      });
      expect(refusal).toMatchObject({ code: "STALE", column: "updated_at" });
      expect(refusal?.hint).toEqual(expect.any(String));
      const { rows } = await root.query(
        "select color from app_public.products where sku = 'A.tee'",
      );
      expect(rows).toEqual([{ color: "Green" }]);
    } finally {
      root.release();
    }
  });
});

describe("a new row", () => {
  it("gets its times from the server: no role of a request may set them", async () => {
    for (const column of ["created_at", "updated_at"]) {
      expect(
        await as(db, "A.manager", (client) =>
          outcomeOf(
            client.query(
              `insert into app_public.products (brand_id, sku, name, category_code, ${column})
               select id, 'old', 'Old', 'tops', 'epoch' from app_public.brand_accounts`,
            ),
          ),
        ),
      ).toBe("42501");
    }
  });
});
