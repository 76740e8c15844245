import type { TestActor, TestDatabase } from "../helpers/database.ts";

export type World = {
  lumiere: Brand;
  northside: Brand;
  shopper: TestActor;
  staff: TestActor;
};

export type Brand = {
  id: string;
  owner: TestActor;
  manager: TestActor;
  analyst: TestActor;
  viewer: TestActor;
};

const ROLES = ["owner", "manager", "analyst", "viewer"] as const;

/** Two brands with a member of each role and different catalogues. */
export async function makeWorld(db: TestDatabase): Promise<World> {
  const lumiere = await makeBrand(db, "maison-lumiere");
  const northside = await makeBrand(db, "northside-denim");
  await makeProducts(db, lumiere.id, [
    {
      sku: "L1",
      name: "Silk blouse",
      category: "tops",
      price: 12_000,
      color: "Ivory",
      tags: ["silk", "new"],
    },
    {
      sku: "L2",
      name: "Linen shirt",
      category: "tops",
      price: 8_000,
      color: "White",
      tags: ["linen"],
    },
    {
      sku: "L3",
      name: "Evening dress",
      category: "dresses",
      price: 30_000,
      color: "Black",
      tags: ["new"],
    },
  ]);
  await makeProducts(db, northside.id, [
    {
      sku: "N1",
      name: "Straight jeans",
      category: "bottoms",
      price: 9_000,
      color: "Blue",
      tags: [],
    },
    {
      sku: "N2",
      name: "Trucker jacket",
      category: "jackets",
      price: 11_000,
      color: "Blue",
      tags: ["new"],
    },
  ]);
  const shopperId = await makeUser(db, "shopper@example.test");
  const staffId = await makeUser(db, "staff@example.test");
  await db.root.query(
    "insert into app_public.staff_members (user_id, role) values ($1, 'admin')",
    [staffId],
  );
  return {
    lumiere,
    northside,
    shopper: { role: "closetai_user", userId: shopperId },
    staff: { role: "closetai_staff_admin", userId: staffId },
  };
}

async function makeBrand(db: TestDatabase, slug: string): Promise<Brand> {
  // One transaction: a brand without an owner is refused when it commits.
  const client = await db.root.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query<{ id: string }>(
      "insert into app_public.brand_accounts (slug, name, status) values ($1, $1, 'active') returning id",
      [slug],
    );
    const id = rows[0]?.id ?? "";
    const actors: [string, TestActor][] = [];
    for (const role of ROLES) {
      const user = await client.query<{ id: string }>(
        "insert into app_public.users (email, display_name) values ($1, $2) returning id",
        [`${role}@${slug}.test`, role],
      );
      const userId = user.rows[0]?.id ?? "";
      await client.query(
        "insert into app_public.brand_members (brand_id, user_id, role) values ($1, $2, $3)",
        [id, userId, role],
      );
      actors.push([
        role,
        {
          role: role === "owner" ? "closetai_brand_owner" : `closetai_${role}`,
          userId,
          brandId: id,
        },
      ]);
    }
    await client.query("commit");
    return { id, ...Object.fromEntries(actors) } as Brand;
  } finally {
    client.release();
  }
}

async function makeUser(db: TestDatabase, email: string): Promise<string> {
  const { rows } = await db.root.query<{ id: string }>(
    "insert into app_public.users (email, display_name) values ($1, $1) returning id",
    [email],
  );
  return rows[0]?.id ?? "";
}

export type NewProduct = {
  sku: string;
  name: string;
  category: string;
  price: number;
  color: string;
  tags: readonly string[];
};

export async function makeProducts(
  db: TestDatabase,
  brandId: string,
  products: readonly NewProduct[],
): Promise<void> {
  for (const product of products) {
    await db.root.query(
      `insert into app_public.products (brand_id, sku, name, category_code, price_minor, currency, color, tags)
       values ($1, $2, $3, $4, $5, 'eur', $6, $7)`,
      [
        brandId,
        product.sku,
        product.name,
        product.category,
        product.price,
        product.color,
        product.tags,
      ],
    );
  }
}
