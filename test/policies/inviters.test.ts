import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";

import { outcomeOf } from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
} from "../helpers/database.ts";
import { buildBrand, buildMember } from "../helpers/factories.ts";

/** An open invitation is worth what its inviter may do now. */

let db: TestDatabase;
let brand: string;
let owner: string;
let manager: string;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db.drop());

beforeEach(async () => {
  const root = await db.root.connect();
  try {
    await root.query("begin");
    brand = (await buildBrand(root)).id;
    const member = async (role: string) =>
      (await buildMember(root, { brand_id: brand, role })).user_id;
    owner = await member("owner");
    await member("owner");
    manager = await member("manager");
    await root.query("commit");
  } finally {
    root.release();
  }
});

type Who = { role: string; userId: string };
const asOwner = (): Who => ({ role: "closetai_brand_owner", userId: owner });
const asManager = (): Who => ({ role: "closetai_manager", userId: manager });

/** One statement of a member, committed. */
async function by(
  who: Who,
  sql: string,
  values: unknown[] = [],
): Promise<Record<string, unknown> | undefined> {
  const client = await db.app.connect();
  try {
    await client.query("begin");
    await becomeActor(client, { ...who, brandId: brand });
    const { rows } = await client.query<Record<string, unknown>>(sql, values);
    await client.query("commit");
    return rows[0];
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

type Invitation = { id: string; token: string };

async function invite(who: Who, role = "viewer"): Promise<Invitation> {
  const row = await by(who, "select * from app_public.invite_member($1, $2)", [
    `new-${randomUUID()}@people.test`,
    role,
  ]);
  return { id: String(row?.["invitation_id"]), token: String(row?.["token"]) };
}

const accept = (token: string): Promise<string> =>
  outcomeOf(
    db.root.query(
      `select * from app_private.accept_invitation(
         sha256(convert_to($1, 'UTF8')), null, 'New', 'a long password', sha256(convert_to($1 || 's', 'UTF8')))`,
      [token],
    ),
  );

const isOpen = async ({ id }: Invitation): Promise<boolean> => {
  const { rows } = await db.root.query<{ open: boolean }>(
    "select expires_at > now() as open from app_public.brand_invitations where id = $1",
    [id],
  );
  return rows[0]?.open === true;
};

const leave = (user: string) =>
  db.root.query(
    "delete from app_public.brand_members where brand_id = $1 and user_id = $2",
    [brand, user],
  );
const become = (user: string, role: string) =>
  db.root.query(
    "update app_public.brand_members set role = $3 where brand_id = $1 and user_id = $2",
    [brand, user, role],
  );

describe("an open invitation", () => {
  it("is accepted while its inviter is a member", async () => {
    const invitation = await invite(asManager());
    expect(await accept(invitation.token)).toBe("ok");
  });

  it("ends when its inviter is removed", async () => {
    const invitation = await invite(asManager());
    const other = await invite(asOwner());
    await leave(manager);
    expect(await isOpen(invitation)).toBe(false);
    expect(await accept(invitation.token)).toBe("EXPRD");
    // Nobody else's ends with it.
    expect(await isOpen(other)).toBe(true);
    expect(await accept(other.token)).toBe("ok");
  });

  it("ends when its inviter may not invite at all any more", async () => {
    const invitation = await invite(asManager());
    await become(manager, "analyst");
    expect(await isOpen(invitation)).toBe(false);
    expect(await accept(invitation.token)).toBe("EXPRD");
  });

  it("ends only where the new role of its inviter does not reach", async () => {
    const viewer = await invite(asOwner(), "viewer");
    const next = await invite(asOwner(), "owner");
    await become(owner, "manager");
    expect(await isOpen(viewer)).toBe(true);
    expect(await isOpen(next)).toBe(false);
    expect(await accept(viewer.token)).toBe("ok");
    expect(await accept(next.token)).toBe("EXPRD");
  });

  it("stays when its inviter is promoted", async () => {
    const invitation = await invite(asManager());
    await become(manager, "owner");
    expect(await accept(invitation.token)).toBe("ok");
  });

  it("rests while its inviter is suspended", async () => {
    const invitation = await invite(asManager());
    const set = (status: string) =>
      db.root.query("update app_public.users set status = $2 where id = $1", [
        manager,
        status,
      ]);
    await set("suspended");
    expect(await accept(invitation.token)).toBe("EXPRD");
    await set("active");
    expect(await accept(invitation.token)).toBe("ok");
  });

  /** What is asked of it a moment after somebody began to accept it. */
  const meanwhile = async (
    { token }: Invitation,
    fn: () => Promise<unknown>,
  ): Promise<[accepted: string, meanwhile: string]> => {
    const accepted = accept(token);
    // The hash of the new password takes a tenth of a second.
    await sleep(25);
    return [await accepted, await outcomeOf(fn())];
  };
  const roleOf = async ({ id }: Invitation): Promise<string | undefined> => {
    const { rows } = await db.root.query<{ role: string }>(
      `select m.role from app_public.brand_invitations i join app_public.users u on u.email = i.email
         join app_public.brand_members m on m.user_id = u.id and m.brand_id = i.brand_id where i.id = $1`,
      [id],
    );
    return rows[0]?.role;
  };

  it("is accepted as it is: what is changed while it is accepted comes before or after", async () => {
    const invitation = await invite(asOwner(), "owner");
    const accepted = accept(invitation.token);
    await sleep(25);
    const { rows } = await db.root.query<{ role: string }>(
      "update app_public.brand_invitations set role = 'viewer' where id = $1 and accepted_at is null returning role",
      [invitation.id],
    );
    expect(await accepted).toBe("ok");
    expect(await roleOf(invitation)).toBe(
      rows.length === 0 ? "owner" : "viewer",
    );
  });

  it("brings nobody in after its inviter is gone", async () => {
    const invitation = await invite(asManager());
    const accepted = accept(invitation.token);
    await sleep(25);
    await leave(manager);
    const isIn = (await roleOf(invitation)) !== undefined;
    expect(await accepted).toBe(isIn ? "ok" : "EXPRD");
    expect((await roleOf(invitation)) !== undefined).toBe(isIn);
  });

  it.each([
    [
      "renewed",
      (id: string) =>
        by(asOwner(), "select app_public.renew_invitation($1)", [id]),
    ],
    [
      "mailed",
      (id: string) =>
        db.worker.query(
          "select app_private.issue_invitation($1, sha256('mail'))",
          [id],
        ),
    ],
    [
      "taken back",
      (id: string) =>
        by(
          asOwner(),
          "delete from app_public.brand_invitations where id = $1",
          [id],
        ),
    ],
  ])(
    "that is %s while it is accepted waits for nobody in a circle",
    async (_what, fn) => {
      const invitation = await invite(asManager());
      const outcomes = await meanwhile(invitation, () => fn(invitation.id));
      expect(outcomes).not.toContain("40P01");
      expect(outcomes[0]).toBe("ok");
    },
  );

  it("is not mailed any more for an inviter who left at the same moment", async () => {
    const invitation = await invite(asManager());
    const mail = () =>
      db.worker.query(
        "select email from app_private.issue_invitation($1, sha256('mail'))",
        [invitation.id],
      );
    expect((await mail()).rows).toHaveLength(1);
    // As if the removal had not seen the invitation, which was not committed yet.
    const root = await db.root.connect();
    try {
      await root.query("begin");
      await root.query("set local session_replication_role = replica");
      await root.query(
        "delete from app_public.brand_members where brand_id = $1 and user_id = $2",
        [brand, manager],
      );
      await root.query("commit");
    } finally {
      root.release();
    }
    expect(await isOpen(invitation)).toBe(true);
    expect((await mail()).rows).toEqual([]);
    expect(await accept(invitation.token)).toBe("EXPRD");
  });

  it("lives on when another member renews it, who answers for it then", async () => {
    const invitation = await invite(asManager());
    await leave(manager);
    const renewed = await by(
      asOwner(),
      "select * from app_public.renew_invitation($1)",
      [invitation.id],
    );
    const { rows } = await db.root.query<{ invited_by: string }>(
      "select invited_by from app_public.brand_invitations where id = $1",
      [invitation.id],
    );
    expect(rows).toEqual([{ invited_by: owner }]);
    expect(await accept(String(renewed?.["token"]))).toBe("ok");
  });

  it("belongs to the owner who raised its role", async () => {
    const invitation = await invite(asManager());
    await by(
      asOwner(),
      "update app_public.brand_invitations set role = 'manager' where id = $1",
      [invitation.id],
    );
    // A manager could not have invited a manager.
    await leave(manager);
    expect(await isOpen(invitation)).toBe(true);
    expect(await accept(invitation.token)).toBe("ok");
  });

  it("that was accepted stays as it was", async () => {
    const invitation = await invite(asManager());
    expect(await accept(invitation.token)).toBe("ok");
    await leave(manager);
    expect(await isOpen(invitation)).toBe(true);
  });
});
