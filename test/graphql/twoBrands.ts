import type { TestActor, TestDatabase } from "../helpers/database.ts";
import {
  buildBrand,
  buildMember,
  buildProduct,
  buildStaff,
  buildUser,
  insertRows,
} from "../helpers/factories.ts";

const ROLES = ["owner", "manager", "analyst", "viewer"] as const;
type Role = (typeof ROLES)[number];

export type Brand = { id: string } & Record<Role, TestActor>;

export type World = {
  lumiere: Brand;
  northside: Brand;
  shopper: TestActor;
  staff: TestActor;
};

/** Two brands with a member of each role, and catalogues that differ. */
export async function makeWorld(db: TestDatabase): Promise<World> {
  const client = await db.root.connect();
  try {
    const makeBrand = async (slug: string): Promise<Brand> => {
      // One transaction: a brand without an owner is refused when it commits.
      await client.query("begin");
      const { id } = await buildBrand(client, { slug });
      const actors: [Role, TestActor][] = [];
      for (const role of ROLES) {
        const member = await buildMember(client, { brand_id: id, role });
        actors.push([
          role,
          {
            role: `closetai_${role === "owner" ? "brand_owner" : role}`,
            userId: member.user_id,
            brandId: id,
          },
        ]);
      }
      await client.query("commit");
      return { id, ...(Object.fromEntries(actors) as Record<Role, TestActor>) };
    };
    const lumiere = await makeBrand("maison-lumiere");
    const northside = await makeBrand("northside-denim");
    for (const product of [
      ["L1", "Silk blouse", "tops", 12_000, "Ivory", ["silk", "new"]],
      ["L2", "Linen shirt", "tops", 8_000, "White", ["linen"]],
      ["L3", "Evening dress", "dresses", 30_000, "Black", ["new"]],
      ["N1", "Straight jeans", "bottoms", 9_000, "Blue", []],
      ["N2", "Trucker jacket", "jackets", 11_000, "Blue", ["new"]],
    ] as const) {
      const [sku, name, category_code, price_minor, color, tags] = product;
      await buildProduct(client, {
        brand_id: (sku.startsWith("L") ? lumiere : northside).id,
        sku,
        name,
        category_code,
        price_minor,
        currency: "eur",
        color,
        tags,
      });
    }
    const shopper = await buildUser(client);
    const staff = await buildStaff(client, { role: "admin" });
    return {
      lumiere,
      northside,
      shopper: { role: "closetai_user", userId: shopper.id },
      staff: { role: "closetai_staff_admin", userId: staff.user_id },
    };
  } finally {
    client.release();
  }
}

/** More products than one page holds. */
export async function addProducts(
  db: TestDatabase,
  brandId: string,
  count: number,
): Promise<void> {
  const client = await db.root.connect();
  try {
    await insertRows(
      client,
      "app_public.products",
      Array.from({ length: count }, (_, index) => ({
        brand_id: brandId,
        sku: `X${index}`,
        name: `Jeans ${index}`,
        category_code: "bottoms",
      })),
    );
  } finally {
    client.release();
  }
}
