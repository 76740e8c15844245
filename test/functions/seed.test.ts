import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { withClient } from "../../server/db/clients.ts";
import {
  readDemoState,
  seedDemo,
  SeedError,
  type SeedProgress,
} from "../../server/db/seed.ts";
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from "../../server/demoAccounts.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

const AS_OF = "2026-03-15";

/** What the seed writes; a bcrypt hash has a salt, so it differs every time. */
const SEEDED_TABLES = {
  "app_public.users": "id",
  "app_public.staff_members": "user_id",
  "app_public.brand_accounts": "id",
  "app_public.brand_members": "brand_id, user_id",
  "app_public.brand_invitations": "id",
  "app_public.category_mappings": "id",
  "app_public.products": "id",
  "app_public.wardrobe_items": "id",
  "app_public.item_embeddings": "item_id",
} as const;

async function rows<T extends object>(
  db: TestDatabase,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  return (await db.root.query<T>(sql, values)).rows;
}

async function count(db: TestDatabase, sql: string): Promise<number> {
  const [row] = await rows<{ n: string }>(db, `select count(*) as n ${sql}`);
  return Number(row?.n);
}

async function digests(db: TestDatabase): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [table, key] of Object.entries(SEEDED_TABLES)) {
    const [row] = await rows<{ digest: string }>(
      db,
      `select md5(string_agg(t::text, E'\\n' order by ${key})) as digest from ${table} as t`,
    );
    result[table] = row?.digest ?? "";
  }
  return result;
}

describe("seedDemo", () => {
  let db: TestDatabase;
  const progress: SeedProgress[] = [];
  beforeAll(async () => {
    db = await createTestDatabase();
    await seedDemo(db.urls, {
      scale: "demo",
      asOf: AS_OF,
      onProgress: (step) => progress.push(step),
    });
  });
  afterAll(() => db.drop());

  it("makes 12 brands, 400 shoppers, 3,000 products and their wardrobes", async () => {
    expect(await count(db, "from app_public.brand_accounts")).toBe(12);
    expect(await count(db, "from app_public.products")).toBe(3_000);
    expect(await count(db, "from app_public.wardrobe_items")).toBe(2_380);
    expect(
      await count(
        db,
        `from app_public.users u
          where not exists (select from app_public.brand_members m where m.user_id = u.id)
            and not exists (select from app_public.staff_members s where s.user_id = u.id)`,
      ),
    ).toBe(400);
  });

  it("gives every brand a member of each role", async () => {
    expect(
      await rows(
        db,
        `select b.slug
           from app_public.brand_accounts b
           left join app_public.brand_members m on m.brand_id = b.id
          group by b.id
         having count(distinct m.role) <> 4`,
      ),
    ).toEqual([]);
  });

  it("gives between 5 and 12 items to each shopper who has a wardrobe", async () => {
    const [sizes] = await rows<{ smallest: number; largest: number }>(
      db,
      `select min(n)::int as smallest, max(n)::int as largest
         from (select count(*) as n from app_public.wardrobe_items group by user_id) s`,
    );
    expect(sizes).toEqual({ smallest: 5, largest: 12 });
  });

  it("gives the first items a vector of length one, near those of its kind and colour", async () => {
    expect(
      await count(
        db,
        `from app_public.item_embeddings e
         join app_public.wardrobe_items w on w.id = e.item_id
        where abs(app_private.vector_norm(e.embedding) - 1) < 1e-5`,
      ),
    ).toBe(136);
    // Of the nearest neighbours, nearly all are of the same category.
    const [alike] = await rows<{ share: number }>(
      db,
      `select avg((w.category_code = n.category_code)::int)::float as share
         from app_public.item_embeddings e
         join app_public.wardrobe_items w on w.id = e.item_id
         cross join lateral (
           select o.category_code
           from app_hidden.nearest_items(w.id, null, 1) s
           join app_public.wardrobe_items o on o.id = s.item_id
         ) n
        where exists (
          select from app_public.wardrobe_items t
          where t.user_id = w.user_id and t.id <> w.id
            and t.category_code = w.category_code and t.deleted_at is null
            and t.id in (select item_id from app_public.item_embeddings)
        )`,
    );
    expect(alike?.share).toBeGreaterThan(0.95);
  });

  it("uses every category and keeps the numeric SKUs of imports free", async () => {
    expect(
      await count(
        db,
        `from app_public.wardrobe_categories c
          where not exists (select from app_public.products p where p.category_code = c.code)`,
      ),
    ).toBe(0);
    expect(
      await count(
        db,
        "from app_public.products where sku !~ '^[A-Z]{2}-[0-9]{4}$'",
      ),
    ).toBe(0);
  });

  it("dates nothing after the day it looks back from", async () => {
    for (const table of Object.keys(SEEDED_TABLES)) {
      expect(
        await count(
          db,
          `from ${table} where created_at >= '${AS_OF}T00:00:00Z' or updated_at < created_at`,
        ),
      ).toBe(0);
    }
  });

  it("adds no product to a wardrobe before the product or the person was there", async () => {
    expect(
      await count(
        db,
        `from app_public.wardrobe_items w
         join app_public.users u on u.id = w.user_id
         left join app_public.products p on p.id = w.product_id
        where w.created_at < u.created_at or w.created_at < p.created_at`,
      ),
    ).toBe(0);
  });

  it("lets the printed sign-ins in with the printed password, and nobody else", async () => {
    const allowed = await rows<{ email: string }>(
      db,
      `select u.email
         from app_public.users u
         join app_private.user_secrets s on s.user_id = u.id
        where u.status = 'active' and app_private.verify_password($1, s.password_hash)
          and u.email = any ($2)`,
      [DEMO_PASSWORD, DEMO_ACCOUNTS.map(({ email }) => email)],
    );
    expect(allowed.map(({ email }) => email).sort()).toEqual(
      DEMO_ACCOUNTS.map(({ email }) => email as string).sort(),
    );
    // Four staff, the agency, one shopper, and four of each of twelve brands.
    expect(await count(db, "from app_private.user_secrets")).toBe(54);
  });

  it("makes the sign-ins what their labels say", async () => {
    expect(
      await rows(
        db,
        `select u.email, s.role::text as staff, b.slug as brand, m.role::text as role
           from app_public.users u
           left join app_public.staff_members s on s.user_id = u.id
           left join app_public.brand_members m on m.user_id = u.id
           left join app_public.brand_accounts b on b.id = m.brand_id
          where u.email = any ($1)
          order by u.email collate "C"`,
        [DEMO_ACCOUNTS.map(({ email }) => email)],
      ),
    ).toEqual([
      {
        email: "analyst@maison-lumiere.test",
        staff: null,
        brand: "maison-lumiere",
        role: "analyst",
      },
      {
        email: "owner@maison-lumiere.test",
        staff: null,
        brand: "maison-lumiere",
        role: "owner",
      },
      {
        email: "owner@northside-denim.test",
        staff: null,
        brand: "northside-denim",
        role: "owner",
      },
      { email: "shopper@closetai.test", staff: null, brand: null, role: null },
      { email: "staff@closetai.test", staff: "admin", brand: null, role: null },
    ]);
  });

  it("leaves every invariant whole", async () => {
    expect(
      await rows(db, "select * from app_private.check_invariants()"),
    ).toEqual([]);
  });

  it("leaves the audit triggers on, and one line that tells what it added", async () => {
    expect(
      await count(
        db,
        "from pg_trigger where tgname like '\\_800\\_audit%' and tgenabled <> 'O'",
      ),
    ).toBe(0);
    expect(
      await rows(
        db,
        `select actor_kind, diff -> 'products' as products
           from app_public.audit_log where action = 'seed_demo'`,
      ),
    ).toEqual([{ actor_kind: "system", products: [null, 3_000] }]);
    expect(
      await count(
        db,
        "from app_public.audit_log where table_name = 'products'",
      ),
    ).toBe(0);
  });

  it("reports each kind of row from nothing to all of it", () => {
    expect(progress[0]).toEqual({ step: "Brands", done: 0, total: 1 });
    expect(progress.at(-1)).toEqual({
      step: "Vectors",
      done: 2_380,
      total: 2_380,
    });
  });

  it("says that the demo is here and complete", async () => {
    expect(await readDemoState(db.urls)).toEqual({
      scale: "demo",
      asOf: AS_OF,
      complete: true,
    });
  });

  it("changes nothing the second time and says so", async () => {
    const before = await digests(db);
    const audited = await count(db, "from app_public.audit_log");
    const result = await seedDemo(db.urls, { scale: "demo" });
    expect(result.changed).toBe(false);
    expect(result.asOf).toBe(AS_OF);
    expect(await digests(db)).toEqual(before);
    expect(await count(db, "from app_public.audit_log")).toBe(audited);
  });

  it("gives another database the same rows", async () => {
    const other = await createTestDatabase();
    try {
      await seedDemo(other.urls, { scale: "demo", asOf: AS_OF });
      expect(await digests(other)).toEqual(await digests(db));
    } finally {
      await other.drop();
    }
  });

  it("refuses another day, a day that is none, and one to come", async () => {
    await expect(
      seedDemo(db.urls, { scale: "demo", asOf: "2026-03-16" }),
    ).rejects.toThrow(/holds the demo of 2026-03-15/);
    await expect(
      seedDemo(db.urls, { scale: "demo", asOf: "2026-02-30" }),
    ).rejects.toThrow(/is not a day/);
    await expect(
      seedDemo(db.urls, { scale: "demo", asOf: "9999-01-01" }),
    ).rejects.toThrow(/in the future/);
  });

  it("refuses to run beside another seed", async () => {
    await withClient(db.urls.owner, async (client) => {
      await client.query("select pg_advisory_lock(7201003)");
      await expect(seedDemo(db.urls, { scale: "demo" })).rejects.toThrow(
        SeedError,
      );
    });
  });

  it("keeps whole batches when it is stopped, and goes on later", async () => {
    const other = await createTestDatabase();
    try {
      const abort = new AbortController();
      await expect(
        seedDemo(other.urls, {
          scale: "demo",
          asOf: AS_OF,
          signal: abort.signal,
          onProgress: ({ step }) => {
            if (step === "Products") abort.abort();
          },
        }),
      ).rejects.toThrow();
      expect(await readDemoState(other.urls)).toMatchObject({
        complete: false,
      });
      expect(await count(other, "from app_public.products")).toBe(0);
      await seedDemo(other.urls, { scale: "demo" });
      expect(await digests(other)).toEqual(await digests(db));
    } finally {
      await other.drop();
    }
  });

  it("leaves what a person changed as it is", async () => {
    const other = await createTestDatabase();
    try {
      await seedDemo(other.urls, { scale: "demo", asOf: AS_OF });
      await other.root.query(
        "update app_public.products set name = 'Renamed' where sku = 'ML-0001'",
      );
      const result = await seedDemo(other.urls, { scale: "demo" });
      expect(result.changed).toBe(false);
      expect(
        await count(other, "from app_public.products where name = 'Renamed'"),
      ).toBe(1);
    } finally {
      await other.drop();
    }
  });
});
