import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";
import type { PoolClient } from "pg";

import { outcomeOf } from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
} from "../helpers/database.ts";
import { buildStaff, buildUser } from "../helpers/factories.ts";

/** Staff never loses its last active admin. */

let db: TestDatabase;
let admins: string[];

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db.drop());

beforeEach(async () => {
  const root = await db.root.connect();
  try {
    // The rule would keep the last one of the test before.
    await root.query("begin");
    await root.query("set local session_replication_role = replica");
    await root.query("delete from app_public.staff_members");
    await root.query("set local session_replication_role = origin");
    admins = [];
    for (let n = 0; n < 2; n++) {
      admins.push((await buildStaff(root, { role: "admin" })).user_id);
    }
    await root.query("commit");
  } finally {
    root.release();
  }
});

async function beginAs(admin: number): Promise<PoolClient> {
  const client = await db.app.connect();
  await client.query("begin");
  await becomeActor(client, {
    role: "closetai_staff_admin",
    userId: admins[admin] ?? null,
  });
  return client;
}

async function end(client: PoolClient): Promise<void> {
  await client.query("rollback");
  client.release();
}

const countAdmins = async (): Promise<number> => {
  const { rowCount } = await db.root.query(
    "select from app_public.staff_members where role = 'admin'",
  );
  return rowCount ?? 0;
};

const remove = (admin: number): string =>
  `delete from app_public.staff_members where user_id = '${admins[admin]}'`;
const demote = (admin: number): string =>
  `update app_public.staff_members set role = 'support' where user_id = '${admins[admin]}'`;

describe("a staff admin", () => {
  it.each([
    ["remove", remove],
    ["demote", demote],
  ])("can %s another admin", async (_verb, leave) => {
    const client = await beginAs(0);
    try {
      expect((await client.query(leave(1))).rowCount).toBe(1);
      expect(await outcomeOf(client.query("commit"))).toBe("ok");
      expect(await countAdmins()).toBe(1);
    } finally {
      await end(client);
    }
  });

  it("cannot be the last one to go, whoever asks", async () => {
    await db.root.query(remove(1));
    const refusal = await db.root.query(remove(0)).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({
      code: "LASTO",
      column: "role",
      message: "Staff needs at least one active admin",
    });
    expect(await outcomeOf(db.root.query(demote(0)))).toBe("LASTO");
    expect(await countAdmins()).toBe(1);
  });

  it("cannot leave a suspended admin alone", async () => {
    await db.root.query(
      "update app_public.users set status = 'suspended' where id = $1",
      [admins[1]],
    );
    expect(await outcomeOf(db.root.query(demote(0)))).toBe("LASTO");
    expect(await outcomeOf(db.root.query(remove(1)))).toBe("ok");
  });

  it("can hand over in one transaction, in either order", async () => {
    await db.root.query(remove(1));
    const client = await db.root.connect();
    try {
      await client.query("begin");
      await client.query(demote(0));
      const heir = await buildUser(client);
      await buildStaff(client, { user_id: heir.id, role: "admin" });
      expect(await outcomeOf(client.query("commit"))).toBe("ok");
    } finally {
      await end(client);
    }
    expect(await countAdmins()).toBe(1);
  });

  it("can remove staff of any other role, and the last of it", async () => {
    const root = await db.root.connect();
    let finance: string;
    try {
      finance = (await buildStaff(root, { role: "finance" })).user_id;
    } finally {
      root.release();
    }
    const client = await beginAs(0);
    try {
      await client.query(
        "delete from app_public.staff_members where user_id = $1",
        [finance],
      );
      expect(await outcomeOf(client.query("commit"))).toBe("ok");
    } finally {
      await end(client);
    }
  });
});

describe("two staff admins at the same moment", () => {
  it.each([
    ["remove", remove],
    ["demote", demote],
  ])("cannot both %s the other", async (_verb, leave) => {
    const one = await beginAs(0);
    const two = await beginAs(1);
    try {
      // Neither sees yet what the other did.
      expect((await one.query(leave(1))).rowCount).toBe(1);
      expect((await two.query(leave(0))).rowCount).toBe(1);
      const outcomes = await Promise.all([
        outcomeOf(one.query("commit")),
        outcomeOf(two.query("commit")),
      ]);
      expect(outcomes.sort()).toEqual(["LASTO", "ok"]);
      expect(await countAdmins()).toBe(1);
    } finally {
      await end(one);
      await end(two);
    }
  });
});
