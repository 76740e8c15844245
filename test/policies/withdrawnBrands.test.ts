import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import { type ActorName, as, column, outcomeOf } from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { brands, createWorld, people, products } from "../helpers/world.ts";

/** Nobody is offered the products of a brand that is suspended or closed. */

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

const ofB = (client: ClientBase): Promise<string[]> =>
  column(
    client,
    `select sku from app_public.products where brand_id = '${brands.B}'`,
  );

const shoppers = [
  ["a visitor", { role: "closetai_anonymous" }],
  ["a shopper", { role: "closetai_user", userId: people.shopper }],
] as const;

describe.each(shoppers)("%s", (_who, actor) => {
  it.each(["suspended", "closed"])(
    "is not offered products of a brand that becomes %s, and is again when it returns",
    async (status) => {
      await withRoot(db, async (root) => {
        const during = async (next: string): Promise<string[]> => {
          await root.query("reset role");
          await root.query(
            "update app_public.brand_accounts set status = $2 where id = $1",
            [brands.B, next],
          );
          await becomeActor(root, actor);
          return ofB(root);
        };
        expect(await during("active")).toEqual(["B.tee"]);
        expect(await during(status)).toEqual([]);
        expect(await during("active")).toEqual(["B.tee"]);
      });
    },
  );

  it("finds none by search or by its id either", async () => {
    await withRoot(db, async (root) => {
      const find = async (): Promise<number[]> => {
        const search = await root.query(
          "select from app_public.search_products('C.tee') where id = $1",
          [products["C.tee"]],
        );
        const byId = await root.query(
          "select from app_public.products where id = $1",
          [products["C.tee"]],
        );
        return [search.rowCount ?? 0, byId.rowCount ?? 0];
      };
      // They exist, and could be found.
      expect(await find()).toEqual([1, 1]);
      await becomeActor(root, actor);
      expect(await find()).toEqual([0, 0]);
    });
  });
});

describe("a shopper", () => {
  it("cannot put such a product into a wardrobe", async () => {
    const put = (product: string) =>
      as(db, "shopper", (client) =>
        outcomeOf(
          client.query(
            `insert into app_public.wardrobe_items (user_id, product_id, category_code, name)
             values ($1, $2, 'tops', 'Tee')`,
            [people.shopper, product],
          ),
        ),
      );
    expect(await put(products["B.tee"])).toBe("ok");
    expect(await put(products["C.tee"])).toBe("NTFND");
  });
});

describe("staff and the worker", () => {
  it.each(["support", "admin", "worker"] as ActorName[])(
    "%s still see them",
    async (who) => {
      await as(db, who, async (client) => {
        expect(
          await column(
            client,
            `select sku from app_public.products where brand_id = '${brands.C}'`,
          ),
        ).toEqual(["C.tee"]);
      });
    },
  );
});

describe("the policy", () => {
  it("looks the brands up once, and leaves the indexes to the query", async () => {
    await as(db, "shopper", async (client) => {
      await client.query("set local enable_seqscan = off");
      const plan = async (sql: string): Promise<string> => {
        const { rows } = await client.query<{ "QUERY PLAN": string }>(
          `explain (costs off) ${sql}`,
        );
        return rows.map((row) => row["QUERY PLAN"]).join("\n");
      };
      const page = await plan(
        "select * from app_public.products order by created_at desc, id limit 25",
      );
      expect(page).toContain("products_created_at_idx");
      expect(page).toContain("hashed SubPlan");
      const one = await plan(
        `select * from app_public.products where id = '${products["B.tee"]}'`,
      );
      expect(one).toContain("products_pkey");
      expect(one).toContain("hashed SubPlan");
    });
  });
});
