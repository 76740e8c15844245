import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { as, column, type NamedActor, outcomeOf } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  buildBrand,
  buildMember,
  buildProduct,
  buildUser,
} from "../helpers/factories.ts";
import { brands, createWorld, files, people, runs } from "../helpers/world.ts";

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

function claim(
  role: string,
  userId: string | null,
  brandId: string | null,
): NamedActor {
  return { login: "app", actor: { role: `closetai_${role}`, userId, brandId } };
}

const TENANT_TABLES = [
  "brand_accounts",
  "brand_members",
  "brand_people",
  "brand_invitations",
  "category_mappings",
  "storage_objects",
  "products",
  "import_runs",
  "import_refusals",
  "audit_log",
];

/** Tables of the tenant that show the actor at least one row. */
async function seenTables(who: NamedActor): Promise<string[]> {
  const seen: string[] = [];
  for (const table of TENANT_TABLES) {
    const found = await as(db, who, async (client) => {
      try {
        const { rows } = await client.query(
          `select from app_public.${table} limit 1`,
        );
        return rows.length > 0;
      } catch (error) {
        expect((error as { code?: string }).code).toBe("42501");
        return false;
      }
    });
    if (found) seen.push(table);
  }
  return seen;
}

const INSERT_PRODUCT = `insert into app_public.products (brand_id, sku, name, category_code)
  values ($1, 'claimed', 'Claimed', 'tops')`;

/** What somebody who lies about the own standing would send. */
const LIES: [string, NamedActor, string][] = [
  [
    "a viewer who claims to be a manager",
    claim("manager", people["A.viewer"], brands.A),
    brands.A,
  ],
  [
    "an analyst who claims to be the owner",
    claim("brand_owner", people["A.analyst"], brands.A),
    brands.A,
  ],
  [
    "a manager who claims to be the owner",
    claim("brand_owner", people["A.manager"], brands.A),
    brands.A,
  ],
  [
    "an analyst of A, manager of B, who claims to be a manager of A",
    claim("manager", people.both, brands.A),
    brands.A,
  ],
  [
    "the owner of another brand",
    claim("brand_owner", people["B.owner"], brands.A),
    brands.A,
  ],
  [
    "a shopper who claims to be a viewer",
    claim("viewer", people.shopper, brands.A),
    brands.A,
  ],
  [
    "a member of staff who claims to be an owner",
    claim("brand_owner", people.admin, brands.A),
    brands.A,
  ],
  [
    "a suspended member",
    claim("manager", people["A.suspended"], brands.A),
    brands.A,
  ],
  [
    "the owner of a suspended brand",
    claim("brand_owner", people["C.owner"], brands.C),
    brands.C,
  ],
  [
    "the owner of a closed brand",
    claim("brand_owner", people["C.owner"], brands.D),
    brands.D,
  ],
  [
    "an owner with no brand active",
    claim("brand_owner", people["A.owner"], null),
    brands.A,
  ],
];

describe.each(LIES)("%s", (_title, who, brandId) => {
  it("sees no row of the tenant", async () => {
    expect(await seenTables(who)).toEqual([]);
  });

  it("cannot insert a product", async () => {
    expect(
      await as(db, who, (client) =>
        outcomeOf(client.query(INSERT_PRODUCT, [brandId])),
      ),
    ).toBe("42501");
  });

  it("cannot update or delete a product, with a condition or without", async () => {
    for (const statement of [
      "update app_public.products set name = 'Claimed'",
      "update app_public.products set name = 'Claimed' where sku is not null",
      "delete from app_public.products",
      "delete from app_public.products where sku is not null",
    ]) {
      const outcome = await as(db, who, async (client) => {
        try {
          return (await client.query(statement)).rowCount;
        } catch (error) {
          return (error as { code?: string }).code;
        }
      });
      // Nothing is touched, or the role may not even say it.
      expect([0, "42501"]).toContain(outcome);
    }
  });
});

describe("a claim of less than one is", () => {
  it("is honoured: an owner may act as a viewer, and then is one", async () => {
    const humble = claim("viewer", people["A.owner"], brands.A);
    expect(await seenTables(humble)).toEqual([
      "brand_accounts",
      "brand_members",
      "brand_people",
      "brand_invitations",
      "category_mappings",
      "storage_objects",
      "products",
    ]);
    expect(
      await as(db, humble, (client) =>
        outcomeOf(client.query(INSERT_PRODUCT, [brands.A])),
      ),
    ).toBe("42501");
  });

  it("lets somebody in two brands act in one of them only", async () => {
    const skus = "select sku from app_public.products";
    expect(
      await as(db, claim("viewer", people.both, brands.A), (client) =>
        column(client, skus),
      ),
    ).toEqual(["A.draft", "A.tee"]);
    expect(
      await as(db, claim("manager", people.both, brands.B), (client) =>
        column(client, skus),
      ),
    ).toEqual(["B.draft", "B.tee"]);
  });

  it("a brand that is being set up works for its owner", async () => {
    const root = await db.root.connect();
    try {
      const brand = await buildBrand(root, { status: "onboarding" });
      const owner = await buildMember(root, {
        brand_id: brand.id,
        role: "owner",
      });
      await buildProduct(root, { brand_id: brand.id, sku: "first" });
      expect(
        await as(db, claim("brand_owner", owner.user_id, brand.id), (client) =>
          column(client, "select sku from app_public.products"),
        ),
      ).toEqual(["first"]);
    } finally {
      root.release();
    }
  });
});

/** A member of an own brand, acting in an open transaction. */
describe("in the middle of a transaction", () => {
  const skus = "select sku from app_public.products";

  async function whileActing(
    role: "analyst" | "manager",
    change: (ids: { brand: string; user: string }) => [string, string[]],
    after: (
      count: () => Promise<string[]>,
      run: (sql: string) => Promise<unknown>,
    ) => Promise<void>,
  ): Promise<void> {
    const root = await db.root.connect();
    try {
      const brand = await buildBrand(root);
      await buildMember(root, { brand_id: brand.id, role: "owner" });
      const user = await buildUser(root);
      await buildMember(root, {
        brand_id: brand.id,
        user_id: user.id,
        role,
      });
      await buildProduct(root, { brand_id: brand.id, sku: "coat" });
      await as(db, claim(role, user.id, brand.id), async (client) => {
        expect(await column(client, skus)).toEqual(["coat"]);
        await root.query(...change({ brand: brand.id, user: user.id }));
        await after(
          () => column(client, skus),
          (sql) => client.query(sql),
        );
      });
    } finally {
      root.release();
    }
  }

  it("a membership that is revoked ends with the next statement", async () => {
    await whileActing(
      "analyst",
      ({ brand, user }) => [
        "delete from app_public.brand_members where brand_id = $1 and user_id = $2",
        [brand, user],
      ],
      async (count) => expect(await count()).toEqual([]),
    );
  });

  it("a role that is lowered ends what it allowed", async () => {
    await whileActing(
      "manager",
      ({ brand, user }) => [
        "update app_public.brand_members set role = 'viewer' where brand_id = $1 and user_id = $2",
        [brand, user],
      ],
      async (count, run) => {
        expect(await count()).toEqual([]);
        const { rowCount } = (await run(
          "update app_public.products set name = 'Changed'",
        )) as { rowCount: number };
        expect(rowCount).toBe(0);
      },
    );
  });

  it("a person who is suspended is out of every brand", async () => {
    await whileActing(
      "manager",
      ({ user }) => [
        "update app_public.users set status = 'suspended' where id = $1",
        [user],
      ],
      async (count) => expect(await count()).toEqual([]),
    );
  });

  it.each(["suspended", "closed"])(
    "a brand that is %s shows its members nothing",
    async (status) => {
      await whileActing(
        "analyst",
        ({ brand }) => [
          "update app_public.brand_accounts set status = $2::app_public.brand_status where id = $1",
          [brand, status],
        ],
        async (count) => expect(await count()).toEqual([]),
      );
    },
  );
});

describe("a product that a shopper's item names", () => {
  const point = (sku: string): string =>
    `update app_public.wardrobe_items set product_id = (
       select id from app_public.products where sku = '${sku}'
     ) where user_id = '${people.shopper}'`;

  it("can be any that is on sale, of any brand", async () => {
    expect(
      await as(db, "shopper", (client) =>
        outcomeOf(client.query(point("B.tee"))),
      ),
    ).toBe("ok");
  });

  it("cannot be one that is not on sale, even by its id", async () => {
    const { rows } = await db.root.query<{ id: string }>(
      "select id from app_public.products where sku = 'B.draft'",
    );
    const hidden = rows[0]?.id ?? "";
    expect(hidden).not.toBe("");
    const tryTo = (id: string): Promise<string> =>
      as(db, "shopper", (client) =>
        outcomeOf(
          client.query("update app_public.wardrobe_items set product_id = $1", [
            id,
          ]),
        ),
      );
    // The answer is the same as for one that does not exist: no oracle.
    expect(await tryTo(hidden)).toBe("NTFND");
    expect(await tryTo(people.admin)).toBe("NTFND");
  });

  it("stays on the item when it is taken off sale later", async () => {
    const root = await db.root.connect();
    try {
      await root.query("begin");
      await root.query(
        "update app_public.products set active = false where sku = 'A.tee'",
      );
      await root.query(
        `select set_config('app.user_id', $1, true), set_config('role', 'closetai_user', true)`,
        [people.shopper],
      );
      expect(
        await outcomeOf(
          root.query("update app_public.wardrobe_items set name = 'Renamed'"),
        ),
      ).toBe("ok");
    } finally {
      await root.query("rollback");
      root.release();
    }
  });
});

describe("a key between two tenants", () => {
  it("cannot be made: an update to another brand's image is refused as if it did not exist", async () => {
    const outcomes = [];
    for (const key of ["garment/b.png", "garment/none.png"]) {
      outcomes.push(
        await as(db, "A.manager", (client) =>
          outcomeOf(
            client.query("update app_public.products set image_key = $1", [
              key,
            ]),
          ),
        ),
      );
    }
    expect(outcomes).toEqual(["23503", "23503"]);
  });

  it("cannot be made between two shoppers", async () => {
    expect(
      await as(db, "neighbour", (client) =>
        outcomeOf(
          client.query(
            "update app_public.wardrobe_items set image_key = 'garment/shopper.png'",
          ),
        ),
      ),
    ).toBe("23503");
  });

  it("cannot be made by the owner of the database either", async () => {
    expect(
      await outcomeOf(
        db.root.query(
          `insert into app_public.import_refusals (run_id, brand_id, line_no, field, code, reason)
           select id, $1, 9, 'sku', 'INVAL', 'x' from app_public.import_runs where brand_id <> $1`,
          [brands.A],
        ),
      ),
    ).toBe("23503");
    // Neither another person's, nor a brand's in the name of a person, nor of nobody.
    for (const [run, person] of [
      [runs["shopper.run"], people.neighbour],
      [runs["A.run"], people.shopper],
    ]) {
      expect(
        await outcomeOf(
          db.root.query(
            "insert into app_public.import_refusals (run_id, user_id, line_no, field, code, reason) values ($1, $2, 9, 'sku', 'INVAL', 'x')",
            [run, person],
          ),
        ),
      ).toBe("23503");
    }
    expect(
      await outcomeOf(
        db.root.query(
          "insert into app_public.import_refusals (run_id, line_no, field, code, reason) values ($1, 9, 'sku', 'INVAL', 'x')",
          [runs["shopper.run"]],
        ),
      ),
    ).toBe("23514");
    for (const [key, owner] of [
      [files["shopper.file"], people.neighbour],
      [files["A.file"], people.shopper],
    ]) {
      expect(
        await outcomeOf(
          db.root.query(
            `insert into app_public.import_runs (user_id, requested_role, target, method, filename, storage_key)
             values ($2, 'closetai_user', 'wardrobe_items', 'table', 'x.csv', $1)`,
            [key, owner],
          ),
        ),
      ).toBe("23503");
    }
    expect(
      await outcomeOf(
        db.root.query(
          `insert into app_public.import_runs (user_id, brand_id, requested_role, target, method, filename)
           values ($1, $2, 'closetai_user', 'wardrobe_items', 'table', 'x.csv')`,
          [people.shopper, brands.A],
        ),
      ),
    ).toBe("23514");
  });
});
