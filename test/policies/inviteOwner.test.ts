import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import {
  type ActorName,
  as,
  namedActor,
  outcomeOf,
} from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { brands, createWorld } from "../helpers/world.ts";

/**
 * A brand that staff made has nobody in it who could invite. Each test makes a
 * new one as staff, in a transaction that is rolled back.
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

const NEW_BRAND = `insert into app_public.brand_accounts (slug, name) values ('newcomer', 'Newcomer') returning id`;
const INVITE = "select * from app_public.invite_owner($1, $2)";

const becomeStaff = async (client: ClientBase, who: ActorName) => {
  const { actor } = namedActor(who);
  if (actor !== null) await becomeActor(client, actor);
};

type Invitation = { invitation_id: string; token: string | null };

describe("the first owner of a brand", () => {
  it("is invited, too, where the only owner is suspended", async () => {
    await withRoot(db, async (root) => {
      await root.query(
        `update app_public.users set status = 'suspended'
          where id in (select user_id from app_public.brand_members where brand_id = $1 and role = 'owner')`,
        [brands.A],
      );
      await becomeStaff(root, "support");
      const { rows } = await root.query<Invitation>(INVITE, [
        brands.A,
        "next@owner.test",
      ]);
      expect(rows[0]?.token).toMatch(/^[\w-]{43}$/);
    });
  });

  it.each(["support", "finance", "privacy", "admin"] as const)(
    "%s can invite, and the link makes an owner",
    async (who) => {
      await as(db, who, async (client) => {
        const brand = await client.query<{ id: string }>(NEW_BRAND);
        const id = brand.rows[0]?.id;
        const { rows } = await client.query<Invitation>(INVITE, [
          id,
          " First@Newcomer.test ",
        ]);
        expect(rows[0]?.token).toMatch(/^[\w-]{43}$/);
        await client.query("reset role");
        await client.query(
          `select * from app_private.accept_invitation(
             sha256(convert_to($1, 'UTF8')), null, 'First', 'a long password', decode(repeat('ab', 32), 'hex'))`,
          [rows[0]?.token],
        );
        await becomeStaff(client, who);
        const members = await client.query(
          "select role from app_public.brand_members where brand_id = $1",
          [id],
        );
        expect(members.rows).toEqual([{ role: "owner" }]);
        // And now the brand can work.
        await client.query(
          "update app_public.brand_accounts set status = 'active' where id = $1",
          [id],
        );
        // From here on its owner invites.
        expect(
          await outcomeOf(client.query(INVITE, [id, "second@newcomer.test"])),
        ).toBe("STATE");
      });
    },
  );

  it("is asked again with a new link, and the old one ends", async () => {
    await as(db, "support", async (client) => {
      const brand = await client.query<{ id: string }>(NEW_BRAND);
      const values = [brand.rows[0]?.id, "first@newcomer.test"];
      const first = await client.query<Invitation>(INVITE, values);
      const again = await client.query<Invitation>(INVITE, values);
      expect(again.rows[0]?.invitation_id).toBe(first.rows[0]?.invitation_id);
      expect(again.rows[0]?.token).not.toBe(first.rows[0]?.token);
      await client.query("reset role");
      expect(
        await outcomeOf(
          client.query(
            `select * from app_private.accept_invitation(
               sha256(convert_to($1, 'UTF8')), null, '', 'a long password', decode(repeat('ab', 32), 'hex'))`,
            [first.rows[0]?.token],
          ),
        ),
      ).toBe("EXPRD");
    });
  });

  it.each([
    ["brands at work", brands.A, "STATE"],
    ["suspended brands", brands.C, "STATE"],
    ["brands that never were", "00000000-0000-7000-8000-000000000000", "NTFND"],
  ] as const)("staff cannot invite into %s", async (_what, brand, code) => {
    await as(db, "admin", async (client) => {
      expect(
        await outcomeOf(client.query(INVITE, [brand, "first@newcomer.test"])),
      ).toBe(code);
    });
  });

  it.each(["A.owner", "A.manager", "shopper", "anonymous"] as ActorName[])(
    "%s cannot invite where they are nobody",
    async (who) => {
      const { rows } = await db.root.query<{ id: string }>(
        "select id from app_public.brand_accounts where id = $1",
        [brands.D],
      );
      expect(rows).toHaveLength(1);
      await as(db, who, async (client) => {
        expect(
          await outcomeOf(
            client.query(INVITE, [brands.D, "first@newcomer.test"]),
          ),
        ).toBe("42501");
      });
    },
  );
});

describe("a brand without an owner", () => {
  it("cannot be made active by staff", async () => {
    await as(db, "admin", async (client) => {
      const brand = await client.query<{ id: string }>(NEW_BRAND);
      expect(
        await outcomeOf(
          client.query(
            "update app_public.brand_accounts set status = 'active' where id = $1",
            [brand.rows[0]?.id],
          ),
        ),
      ).toBe("LASTO");
    });
  });

  it("can be suspended before anybody accepted, which breaks no invariant", async () => {
    await withRoot(db, async (client) => {
      const brand = await client.query<{ id: string }>(NEW_BRAND);
      await client.query(
        "update app_public.brand_accounts set status = 'suspended' where id = $1",
        [brand.rows[0]?.id],
      );
      const { rows } = await client.query(
        "select * from app_private.check_invariants()",
      );
      expect(rows).toEqual([]);
    });
  });
});
