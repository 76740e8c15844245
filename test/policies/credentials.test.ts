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
import type { ClientBase } from "pg";

import { outcomeOf } from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
} from "../helpers/database.ts";
import { buildStaff, buildUser } from "../helpers/factories.ts";

/** Who holds an account: passwords, links and sessions against one another. */

const OLD = "the old password";
const NEW = "a new password 1";

let db: TestDatabase;
let email: string;
let person: string;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db.drop());

beforeEach(async () => {
  email = `person-${randomUUID()}@people.test`;
  await db.root.query("select app_public.register_shopper($1, $2)", [
    email,
    OLD,
  ]);
  const { rows } = await db.root.query<{ id: string }>(
    "select id from app_public.users where email = $1",
    [email],
  );
  person = rows[0]?.id ?? "";
});

const one = async <T>(sql: string, values: unknown[] = []): Promise<T> => {
  const { rows } = await db.root.query<{ value: T }>(sql, values);
  return rows[0]?.value as T;
};

/** What the server keeps of a token. */
const HASH = "sha256(convert_to($1, 'UTF8'))";

async function signIn(password: string): Promise<string | null> {
  const token = randomUUID();
  const { rows } = await db.app.query<{ outcome: string }>(
    `select outcome from app_private.sign_in($2, $3, ${HASH}, null)`,
    [token, email, password],
  );
  return rows[0]?.outcome === "OK" ? token : null;
}

async function link(): Promise<string> {
  const token = randomUUID();
  await db.worker.query(
    `select app_private.issue_password_reset($2, ${HASH})`,
    [token, person],
  );
  return token;
}

const useLink = (token: string, password = NEW): Promise<string> =>
  outcomeOf(
    db.app.query(`select app_private.reset_password(${HASH}, $2)`, [
      token,
      password,
    ]),
  );

const isValid = (session: string): Promise<boolean> =>
  one(
    `select exists (select from app_private.valid_session(${HASH})) as value`,
    [session],
  );

describe("a password that is set anew", () => {
  it("ends a sign-in with the old one that is under way", async () => {
    for (const wait of [0, 15, 30, 60]) {
      const reset = useLink(await link());
      await sleep(wait);
      const session = await signIn(OLD);
      expect(await reset).toBe("ok");
      if (session !== null) expect(await isValid(session)).toBe(false);
      expect(await signIn(NEW)).not.toBeNull();
      expect(await useLink(await link(), OLD)).toBe("ok");
    }
  });

  it("by one of two links at once ends the other, and neither waits in a circle", async () => {
    const links = [await link(), await link()];
    expect(
      (await Promise.all(links.map((each) => useLink(each)))).sort(),
    ).toEqual(["EXPRD", "ok"]);
  });

  it("by its person ends every link there was", async () => {
    const leaked = await link();
    const session = (await signIn(OLD)) ?? "";
    const { rows } = await db.app.query<{ outcome: string }>(
      `select outcome from app_private.change_password(${HASH}, $2, $3, sha256('next'))`,
      [session, OLD, NEW],
    );
    expect(rows).toEqual([{ outcome: "OK" }]);
    expect(await useLink(leaked, "of somebody else")).toBe("EXPRD");
    expect(await signIn(NEW)).not.toBeNull();
  });
});

describe("an account that anybody could have registered", () => {
  const appoint = (): Promise<unknown> =>
    db.root.query(
      "select app_private.appoint_staff($1, 'admin', sha256('the link'))",
      [email],
    );
  const byAdmin = async (): Promise<string> => {
    const client = await db.root.connect();
    try {
      await client.query("begin");
      const { user_id } = await buildStaff(client, { role: "admin" });
      await becomeActor(client, {
        role: "closetai_staff_admin",
        userId: user_id,
      });
      const outcome = await outcomeOf(
        client.query(
          "insert into app_public.staff_members (user_id, role) values ($1, 'admin')",
          [person],
        ),
      );
      await client.query(outcome === "ok" ? "commit" : "rollback");
      return outcome;
    } finally {
      client.release();
    }
  };

  it("is no member of staff by the password and the session of before", async () => {
    const session = (await signIn(OLD)) ?? "";
    await appoint();
    expect(await isValid(session)).toBe(false);
    expect(await signIn(OLD)).toBeNull();
    expect(
      await outcomeOf(
        db.app.query(
          "select app_private.reset_password(sha256('the link'), $1)",
          [NEW],
        ),
      ),
    ).toBe("ok");
    expect(await signIn(NEW)).not.toBeNull();
  });

  it("keeps a password that was set by a link, and its sessions", async () => {
    expect(await useLink(await link())).toBe("ok");
    const session = (await signIn(NEW)) ?? "";
    await db.root.query(
      "select app_private.appoint_staff($1, 'admin', sha256('another link'))",
      [email],
    );
    expect(await isValid(session)).toBe(true);
    expect(await signIn(NEW)).not.toBeNull();
  });

  it("is appointed by an admin once its address is proven", async () => {
    expect(await byAdmin()).toBe("STATE");
    expect(await useLink(await link())).toBe("ok");
    expect(await byAdmin()).toBe("ok");
  });

  it("is appointed where it has no password yet", async () => {
    person = await withRoot(async (client) => (await buildUser(client)).id);
    expect(await byAdmin()).toBe("ok");
  });

  it("a link that support drew before ends when the person becomes a colleague", async () => {
    expect(await useLink(await link())).toBe("ok");
    const drawn = await link();
    expect(await byAdmin()).toBe("ok");
    expect(await useLink(drawn, "of the supporter")).toBe("EXPRD");
  });
});

async function withRoot<T>(fn: (client: ClientBase) => Promise<T>): Promise<T> {
  const client = await db.root.connect();
  try {
    return await fn(client);
  } finally {
    client.release();
  }
}
