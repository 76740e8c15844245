import { withClient } from "../../server/db/clients.ts";
import type { TestDatabase } from "./database.ts";
import { buildBrand, buildMember, buildStaff, buildUser } from "./factories.ts";

export const PASSWORD = "a password of tests";

/** People who can sign in, with the brands they belong to. */
export type People = {
  lumiere: string;
  denim: string;
  /** Owner of lumiere, viewer of denim. */
  owner: Person;
  manager: Person;
  viewer: Person;
  stranger: Person;
  shopper: Person;
  support: Person;
  admin: Person;
};

export type Person = { id: string; email: string };

export async function makePeople(db: TestDatabase): Promise<People> {
  return withClient(db.urls.root, async (client) => {
    const person = async (name: string): Promise<Person> => {
      const email = `${name}@people.test`;
      const { id } = await buildUser(client, { email, display_name: name });
      return { id, email };
    };
    const lumiere = (await buildBrand(client, { slug: "lumiere" })).id;
    const denim = (await buildBrand(client, { slug: "denim" })).id;
    const people = {
      owner: await person("owner"),
      manager: await person("manager"),
      viewer: await person("viewer"),
      stranger: await person("stranger"),
      shopper: await person("shopper"),
      support: await person("support"),
      admin: await person("admin"),
    };
    const member = (brand_id: string, { id }: Person, role: string) =>
      buildMember(client, { brand_id, user_id: id, role });
    await member(lumiere, people.owner, "owner");
    await member(lumiere, people.manager, "manager");
    await member(lumiere, people.viewer, "viewer");
    await member(denim, people.stranger, "owner");
    await member(denim, people.owner, "viewer");
    await buildStaff(client, { user_id: people.support.id, role: "support" });
    await buildStaff(client, { user_id: people.admin.id, role: "admin" });
    // One hash for everybody: each would cost a tenth of a second.
    await client.query(
      `insert into app_private.user_secrets (user_id, password_hash, address_proven_at)
       select u.id, h.hash, now() from app_public.users u, (select app_private.hash_password($1) as hash) h`,
      [PASSWORD],
    );
    return { lumiere, denim, ...people };
  });
}

/** Lock-outs of one test are not those of the next. */
export async function resetThrottle(db: TestDatabase): Promise<void> {
  await db.root.query("delete from app_private.login_throttle");
}
