import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from "@jest/globals";

import { newToken } from "../../server/auth/token.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import type { Answer, HttpClient } from "../helpers/http.ts";
import {
  makePeople,
  PASSWORD,
  type People,
  resetThrottle,
} from "../helpers/people.ts";
import {
  startTestServer,
  TEST_LIMITS,
  type TestHttpServer,
} from "../helpers/server.ts";

type SessionBody = {
  user: { id: string; email: string } | null;
  role: string;
  staffRole: string | null;
  brandId: string | null;
  brands: { id: string; role: string }[];
};

type ErrorAnswer = {
  error: { code: string; message: string; field?: string; requestId: string };
};

let db: TestDatabase;
let people: People;
let server: TestHttpServer;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  const roomy = { signInsPerMinute: 1_000, requestsPerMinute: 10_000 };
  server = await startTestServer(db, {
    limits: { ...TEST_LIMITS, ...roomy },
  });
});

afterEach(() => resetThrottle(db));

afterAll(async () => {
  await server?.close();
  await db?.drop();
});

const session = (answer: Answer) => answer.json as SessionBody;
const errorOf = (answer: Answer) => (answer.json as ErrorAnswer).error;

async function signedIn(person: { email: string }): Promise<HttpClient> {
  const client = server.client();
  const answer = await client.signIn(person.email, PASSWORD);
  expect(answer.status).toBe(200);
  return client;
}

async function cookieOf(client: HttpClient): Promise<string> {
  return [...client.cookies.values()][0] ?? "";
}

describe("signing in", () => {
  it("a person can sign in, is seen as signed in, and can sign out", async () => {
    const client = server.client();
    const before = session(await client.get("/auth/session"));
    expect(before).toMatchObject({ user: null, role: "closetai_anonymous" });
    const answer = await client.signIn(people.shopper.email, PASSWORD);
    expect(answer.status).toBe(200);
    expect(session(answer)).toMatchObject({
      user: { id: people.shopper.id },
      role: "closetai_user",
      brandId: null,
    });
    expect(session(await client.get("/auth/session")).user?.id).toBe(
      people.shopper.id,
    );
    const token = await cookieOf(client);
    expect((await client.post("/auth/logout")).status).toBe(204);
    expect(client.cookies.size).toBe(0);
    // The cookie itself is dead, not merely forgotten.
    client.cookies.set("closetai_session", token);
    expect(session(await client.get("/auth/session")).user).toBeNull();
  });

  it("the address may be written in capitals and with blanks around it", async () => {
    const client = server.client();
    const answer = await client.signIn(
      `  ${people.viewer.email.toUpperCase()} `,
      PASSWORD,
    );
    expect(session(answer).user?.id).toBe(people.viewer.id);
  });

  it("members land in a brand with the role they hold there, staff at the staff desk", async () => {
    expect(
      session(await (await signedIn(people.manager)).get("/auth/session")),
    ).toMatchObject({
      role: "closetai_manager",
      brandId: people.lumiere,
    });
    expect(
      session(await (await signedIn(people.stranger)).get("/auth/session")),
    ).toMatchObject({
      role: "closetai_brand_owner",
      brandId: people.denim,
    });
    expect(
      session(await (await signedIn(people.support)).get("/auth/session")),
    ).toMatchObject({
      role: "closetai_staff_support",
      staffRole: "support",
      brandId: null,
    });
  });

  it("the cookie is HttpOnly and SameSite, and Secure with the __Host- prefix under TLS", async () => {
    const client = server.client();
    await client.signIn(people.viewer.email, PASSWORD);
    expect(client.lastSetCookie[0]).toMatch(
      /^closetai_session=.+; Max-Age=\d+; Path=\/; .*HttpOnly; SameSite=Lax$/,
    );

    const tls = await startTestServer(db, {
      rootUrl: "https://admin.example.com",
    });
    try {
      const secure = tls.client();
      const answer = await secure.signIn(people.viewer.email, PASSWORD);
      expect(answer.status).toBe(200);
      expect(secure.lastSetCookie[0]).toMatch(
        /^__Host-closetai_session=.+; Path=\/; .*HttpOnly; Secure; SameSite=Lax$/,
      );
      expect(answer.headers.get("strict-transport-security")).toMatch(
        /max-age=\d+/,
      );
    } finally {
      await tls.close();
    }
  });

  it("an unknown address and a wrong password get the same answer, and both hash once", async () => {
    const client = server.client();
    const wrong = await client.signIn(people.viewer.email, "not the password");
    const unknown = await client.signIn(
      "nobody@people.test",
      "not the password",
    );
    for (const answer of [wrong, unknown]) {
      expect(answer.status).toBe(401);
      expect(client.cookies.size).toBe(0);
    }
    const { requestId: _a, ...wrongError } = errorOf(wrong);
    const { requestId: _b, ...unknownError } = errorOf(unknown);
    expect(unknownError).toEqual(wrongError);
    expect(wrongError.code).toBe("LOGIN");

    // Similar time, told by structure: with or without a hash, verifying costs
    // the same bcrypt of the same cost as a stored password.
    const { rows } = await db.root.query<{ hash: string; body: string }>(
      `select (select password_hash from app_private.user_secrets limit 1) as hash,
              pg_get_functiondef('app_private.verify_password(text,text)'::regprocedure) as body`,
    );
    const cost = Number(/^\$2a\$(\d\d)\$/.exec(rows[0]?.hash ?? "")?.[1]);
    expect(cost).toBeGreaterThanOrEqual(11);
    const standIn = /'(\$2a\$(\d\d)\$[./A-Za-z0-9]{53})'/.exec(
      rows[0]?.body ?? "",
    );
    expect(Number(standIn?.[2])).toBe(cost);
    const { rows: works } = await db.root.query<{ ok: boolean | null }>(
      "select app_private.verify_password('x', null) as ok",
    );
    expect(works[0]?.ok).toBe(false);
    const { rows: crypts } = await db.root.query<{ text: string }>(
      "select app_extensions.crypt('x', $1) as text",
      [standIn?.[1]],
    );
    expect(crypts[0]?.text).toHaveLength(60);
  });

  it("a password longer than bcrypt reads is compared whole", async () => {
    const { rows } = await db.root.query<{ same: boolean; other: boolean }>(
      `select app_private.verify_password(repeat('x', 80), h) as same,
              app_private.verify_password(repeat('x', 79) || 'y', h) as other
       from (select app_private.hash_password(repeat('x', 80)) as h) s`,
    );
    expect(rows[0]).toEqual({ same: true, other: false });
  });

  it.each(["a known", "an unknown"])(
    "%s address is locked for 15 minutes after 10 failures, even for the right password",
    async (kind) => {
      const email =
        kind === "a known" ? people.viewer.email : "ghost@people.test";
      const client = server.client();
      for (let attempt = 1; attempt <= 10; attempt++) {
        const answer = await client.signIn(email, `guess ${attempt}`);
        expect([attempt, answer.status]).toEqual([attempt, 401]);
      }
      const locked = await client.signIn(email, PASSWORD);
      expect(locked.status).toBe(429);
      expect(errorOf(locked).code).toBe("LOCKD");
      const wait = Number(locked.headers.get("retry-after"));
      expect(wait).toBeGreaterThan(14 * 60);
      expect(wait).toBeLessThanOrEqual(15 * 60);

      await db.root.query(
        "update app_private.login_throttle set locked_until = now() - interval '1 second' where email = $1",
        [email],
      );
      const after = await client.signIn(email, PASSWORD);
      expect(after.status).toBe(kind === "a known" ? 200 : 401);
      // A lock that ran out starts the count anew.
      const { rows } = await db.root.query<{ failed_attempts: number }>(
        "select failed_attempts from app_private.login_throttle where email = $1",
        [email],
      );
      expect(rows).toEqual(kind === "a known" ? [] : [{ failed_attempts: 1 }]);
    },
  );

  it("guesses sent all at once are counted one by one", async () => {
    const client = server.client();
    const answers = await Promise.all(
      Array.from({ length: 14 }, (_, i) =>
        client.signIn(people.viewer.email, `guess ${i}`),
      ),
    );
    const codes = answers.map((answer) => errorOf(answer).code).sort();
    expect(codes).toEqual([
      ...Array<string>(4).fill("LOCKD"),
      ...Array<string>(10).fill("LOGIN"),
    ]);
  });

  it("a successful sign-in forgets earlier failures", async () => {
    const client = server.client();
    for (let round = 0; round < 2; round++) {
      for (let attempt = 0; attempt < 6; attempt++)
        await client.signIn(people.viewer.email, "wrong guess");
      expect((await client.signIn(people.viewer.email, PASSWORD)).status).toBe(
        200,
      );
    }
  });

  it("a session id planted before sign-in is not the one after, and dies", async () => {
    const client = await signedIn(people.viewer);
    const planted = await cookieOf(client);
    await client.signIn(people.stranger.email, PASSWORD);
    expect(await cookieOf(client)).not.toBe(planted);
    const victim = server.client();
    victim.cookies.set("closetai_session", planted);
    expect(session(await victim.get("/auth/session")).user).toBeNull();

    const made = newToken().token;
    const fixed = server.client();
    fixed.cookies.set("closetai_session", made);
    await fixed.signIn(people.viewer.email, PASSWORD);
    expect(await cookieOf(fixed)).not.toBe(made);
  });

  it("only the hash of a session's token is stored", async () => {
    const client = await signedIn(people.viewer);
    const token = await cookieOf(client);
    const { rows } = await db.root.query<{ found: boolean }>(
      "select exists (select from app_private.sessions where token_hash = sha256(convert_to($1, 'UTF8'))) as found",
      [token],
    );
    expect(rows[0]?.found).toBe(true);
  });

  it.each([
    ["idle for 7 days", "last_seen_at = now() - interval '7 days 1 minute'"],
    ["30 days old", "expires_at = now() - interval '1 second'"],
    ["revoked", "revoked_at = now()"],
  ])("a session that is %s has ended", async (_name, change) => {
    const client = await signedIn(people.viewer);
    expect(session(await client.get("/auth/session")).user).not.toBeNull();
    await db.root.query(
      `update app_private.sessions set ${change} where token_hash = sha256(convert_to($1, 'UTF8'))`,
      [await cookieOf(client)],
    );
    expect(session(await client.get("/auth/session"))).toMatchObject({
      user: null,
      role: "closetai_anonymous",
    });
    expect(client.cookies.size).toBe(0);
  });

  it("use winds the idle clock; the absolute end stays", async () => {
    const client = await signedIn(people.viewer);
    const where = "where token_hash = sha256(convert_to($1, 'UTF8'))";
    const token = await cookieOf(client);
    const { rows: made } = await db.root.query<{ days: number }>(
      `select round(extract(epoch from expires_at - created_at) / 86400)::int as days from app_private.sessions ${where}`,
      [token],
    );
    expect(made[0]?.days).toBe(30);
    await db.root.query(
      `update app_private.sessions set last_seen_at = now() - interval '6 days' ${where}`,
      [token],
    );
    await client.get("/auth/session");
    const { rows } = await db.root.query<{ fresh: boolean }>(
      `select last_seen_at > now() - interval '1 minute' as fresh from app_private.sessions ${where}`,
      [token],
    );
    expect(rows[0]?.fresh).toBe(true);
  });

  it("a suspended person is signed out at once and cannot sign in", async () => {
    const client = await signedIn(people.shopper);
    await db.root.query(
      "update app_public.users set status = 'suspended' where id = $1",
      [people.shopper.id],
    );
    try {
      expect(session(await client.get("/auth/session")).user).toBeNull();
      const answer = await server
        .client()
        .signIn(people.shopper.email, PASSWORD);
      expect(errorOf(answer)).toMatchObject({ code: "LOGIN" });
    } finally {
      await db.root.query(
        "update app_public.users set status = 'active' where id = $1",
        [people.shopper.id],
      );
    }
    expect(
      (await server.client().signIn(people.shopper.email, PASSWORD)).status,
    ).toBe(200);
  });

  it.each([
    [{}, "email"],
    [{ email: "x@people.test" }, "password"],
    [{ email: 7, password: "x" }, "email"],
    [{ email: "x@people.test", password: "y".repeat(2_000) }, "password"],
    [{ email: "x\u0000@people.test", password: "y" }, "email"],
  ])("%j is refused by field", async (body, field) => {
    const answer = await server.client().post("/auth/login", body);
    expect(answer.status).toBe(422);
    expect(errorOf(answer)).toMatchObject({ code: "INVAL", field });
  });
});

describe("the active brand", () => {
  const sees = async (client: HttpClient) => {
    const { data } = await client.graphql(
      "{ brandAccounts { nodes { slug } } }",
    );
    const brands = data?.["brandAccounts"] as
      { nodes: { slug: string }[] } | undefined;
    return brands?.nodes.map(({ slug }) => slug);
  };

  it("a member switches between own brands, and acts with the role of each", async () => {
    const client = await signedIn(people.owner);
    expect(
      session(await client.post("/auth/brand", { brandId: people.lumiere })),
    ).toMatchObject({
      brandId: people.lumiere,
      role: "closetai_brand_owner",
    });
    expect(await sees(client)).toEqual(["lumiere"]);
    expect(
      session(await client.post("/auth/brand", { brandId: people.denim })),
    ).toMatchObject({
      brandId: people.denim,
      role: "closetai_viewer",
    });
    expect(await sees(client)).toEqual(["denim"]);
    expect(
      session(await client.post("/auth/brand", { brandId: null })),
    ).toMatchObject({
      brandId: null,
      role: "closetai_user",
    });
  });

  it("a person cannot switch to a brand of others, nor to one that does not exist, and cannot tell which", async () => {
    const client = await signedIn(people.viewer);
    const others = await client.post("/auth/brand", { brandId: people.denim });
    const none = await client.post("/auth/brand", {
      brandId: "01890000-0000-7000-8000-000000000000",
    });
    expect(others.status).toBe(403);
    expect(errorOf(others).message).toBe(errorOf(none).message);
    expect(session(await client.get("/auth/session")).brandId).toBe(
      people.lumiere,
    );
    expect(
      (await client.post("/auth/brand", { brandId: "lumiere" })).status,
    ).toBe(422);
    expect(
      (await server.client().post("/auth/brand", { brandId: people.denim }))
        .status,
    ).toBe(401);
  });

  it("a revoked membership ends at once", async () => {
    const client = await signedIn(people.viewer);
    expect(await sees(client)).toEqual(["lumiere"]);
    await db.root.query(
      "delete from app_public.brand_members where user_id = $1 and brand_id = $2",
      [people.viewer.id, people.lumiere],
    );
    try {
      expect(session(await client.get("/auth/session"))).toMatchObject({
        brandId: null,
        role: "closetai_user",
      });
      expect(await sees(client)).not.toEqual(["lumiere"]);
    } finally {
      await db.root.query(
        "insert into app_public.brand_members (brand_id, user_id, role) values ($1, $2, 'viewer')",
        [people.lumiere, people.viewer.id],
      );
    }
    expect(await sees(client)).toEqual(["lumiere"]);
  });

  it("a lowered role and a suspended brand end at once", async () => {
    const client = await signedIn(people.manager);
    await db.root.query(
      "update app_public.brand_members set role = 'analyst' where user_id = $1",
      [people.manager.id],
    );
    expect(session(await client.get("/auth/session")).role).toBe(
      "closetai_analyst",
    );
    await db.root.query(
      "update app_public.brand_members set role = 'manager' where user_id = $1",
      [people.manager.id],
    );
    await db.root.query(
      "update app_public.brand_accounts set status = 'suspended' where id = $1",
      [people.lumiere],
    );
    try {
      expect(session(await client.get("/auth/session"))).toMatchObject({
        role: "closetai_user",
        brands: [],
      });
    } finally {
      await db.root.query(
        "update app_public.brand_accounts set status = 'active' where id = $1",
        [people.lumiere],
      );
    }
    expect(session(await client.get("/auth/session")).role).toBe(
      "closetai_manager",
    );
  });

  it("a person comes back to the brand of the last session", async () => {
    const first = await signedIn(people.owner);
    await first.post("/auth/brand", { brandId: people.denim });
    await first.get("/auth/session");
    await first.post("/auth/logout");
    expect(
      session(await (await signedIn(people.owner)).get("/auth/session"))
        .brandId,
    ).toBe(people.denim);
  });
});

describe("passwords", () => {
  const NEW_PASSWORD = "another good password";
  const restore = (id: string) =>
    db.root.query("select app_private.store_password($1, $2, true)", [
      id,
      PASSWORD,
    ]);

  it("a change asks for the old one, ends every session and starts a new one", async () => {
    const here = await signedIn(people.shopper);
    const elsewhere = await signedIn(people.shopper);
    const before = await cookieOf(here);
    const wrong = await here.post("/auth/password", {
      oldPassword: "not it at all",
      newPassword: NEW_PASSWORD,
    });
    expect(errorOf(wrong)).toMatchObject({
      code: "INVAL",
      field: "oldPassword",
    });
    const short = await here.post("/auth/password", {
      oldPassword: PASSWORD,
      newPassword: "short",
    });
    expect(errorOf(short)).toMatchObject({ code: "INVAL", field: "password" });
    const done = await here.post("/auth/password", {
      oldPassword: PASSWORD,
      newPassword: NEW_PASSWORD,
    });
    expect(done.status).toBe(200);
    try {
      const { rows: trail } = await db.root.query(
        `select actor_kind, actor_id, diff from app_public.audit_log
         where action = 'change_password' and row_pk = $1`,
        [people.shopper.id],
      );
      expect(trail).toEqual([
        { actor_kind: "user", actor_id: people.shopper.id, diff: {} },
      ]);
      expect(await cookieOf(here)).not.toBe(before);
      expect(session(await here.get("/auth/session")).user?.id).toBe(
        people.shopper.id,
      );
      expect(session(await elsewhere.get("/auth/session")).user).toBeNull();
      expect(
        (await server.client().signIn(people.shopper.email, PASSWORD)).status,
      ).toBe(401);
      expect(
        (await server.client().signIn(people.shopper.email, NEW_PASSWORD))
          .status,
      ).toBe(200);
    } finally {
      await restore(people.shopper.id);
    }
  });

  it("asking for a reset answers the same for known and unknown addresses", async () => {
    const known = await server
      .client()
      .post("/auth/reset", { email: people.shopper.email });
    const unknown = await server
      .client()
      .post("/auth/reset", { email: "nobody@people.test" });
    expect([known.status, known.text]).toEqual([202, unknown.text]);
    expect(unknown.status).toBe(202);
    const { rows } = await db.root.query(
      "select user_id from app_private.password_reset_requests",
    );
    expect(rows).toEqual([{ user_id: people.shopper.id }]);
  });

  it("staff support sees who asked, issues a link once, and leaves an audit row", async () => {
    await server.client().post("/auth/reset", { email: people.shopper.email });
    const support = await signedIn(people.support);
    const asked = await support.graphql(
      "{ passwordResetRequests { nodes { userId email } } }",
    );
    expect(asked.errors).toEqual([]);
    expect(asked.data).toEqual({
      passwordResetRequests: {
        nodes: [{ userId: people.shopper.id, email: people.shopper.email }],
      },
    });
    const issue = (client: HttpClient, id: string) =>
      client.graphql(
        "mutation ($id: UUID!) { issuePasswordResetLink(input: { userId: $id }) { result } }",
        { id },
      );
    const issued = await issue(support, people.shopper.id);
    expect(issued.errors).toEqual([]);
    const token = (
      issued.data?.["issuePasswordResetLink"] as { result: string }
    ).result;
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { rows: audit } = await db.root.query(
      "select actor_kind, actor_id, row_pk from app_public.audit_log where action = 'issue_password_reset_link'",
    );
    expect(audit).toEqual([
      {
        actor_kind: "staff",
        actor_id: people.support.id,
        row_pk: people.shopper.id,
      },
    ]);
    expect(JSON.stringify(audit)).not.toContain(token);

    // Support cannot become an administrator this way, and others cannot at all.
    expect(
      (await issue(support, people.admin.id)).errors[0]?.extensions.code,
    ).toBe("DNIED");
    expect(
      (await issue(await signedIn(people.owner), people.shopper.id)).errors[0]
        ?.extensions.code,
    ).toBe("DNIED");
    expect(
      (await issue(server.client(), people.shopper.id)).errors[0]?.extensions
        .code,
    ).toBe("DNIED");
    expect(
      (await issue(await signedIn(people.admin), people.support.id)).errors,
    ).toEqual([]);

    // The link works once, ends every session, and lifts a lock.
    const victim = await signedIn(people.shopper);
    const reset = (body: object) => server.client().post("/auth/reset", body);
    expect(errorOf(await reset({ token, password: "short" })).field).toBe(
      "password",
    );
    expect((await reset({ token, password: NEW_PASSWORD })).status).toBe(204);
    try {
      expect(session(await victim.get("/auth/session")).user).toBeNull();
      expect(
        (await server.client().signIn(people.shopper.email, NEW_PASSWORD))
          .status,
      ).toBe(200);
      const again = await reset({ token, password: NEW_PASSWORD });
      expect([again.status, errorOf(again).code]).toEqual([410, "EXPRD"]);
      expect(
        (await support.graphql("{ passwordResetRequests { nodes { email } } }"))
          .data,
      ).toEqual({
        passwordResetRequests: { nodes: [] },
      });
    } finally {
      await restore(people.shopper.id);
    }
  });

  it("a reset link is good for one hour", async () => {
    const support = await signedIn(people.support);
    const issued = await support.graphql(
      "mutation ($id: UUID!) { issuePasswordResetLink(input: { userId: $id }) { result } }",
      { id: people.viewer.id },
    );
    const token = (
      issued.data?.["issuePasswordResetLink"] as { result: string }
    ).result;
    const { rows } = await db.root.query<{ minutes: number }>(
      `update app_private.password_resets set expires_at = now() - interval '1 second'
       where user_id = $1 and used_at is null
       returning extract(epoch from (select expires_at from app_private.password_resets p where p.token_hash = password_resets.token_hash) - requested_at)::int / 60 as minutes`,
      [people.viewer.id],
    );
    expect(rows[0]?.minutes).toBe(60);
    const answer = await server
      .client()
      .post("/auth/reset", { token, password: NEW_PASSWORD });
    expect(errorOf(answer).code).toBe("EXPRD");
    expect(
      (
        await server
          .client()
          .post("/auth/reset", { token: "nonsense", password: NEW_PASSWORD })
      ).status,
    ).toBe(410);
  });
});

describe("registration", () => {
  const register = (email: string, password = "a shopper's password") =>
    server.client().graphql(
      `mutation ($email: String!, $password: String!) {
         registerShopper(input: { email: $email, password: $password, displayName: "New" }) { result }
       }`,
      { email, password },
    );

  it("anybody can register as a shopper and sign in, as nothing more", async () => {
    expect((await register("New.Shopper@people.test")).errors).toEqual([]);
    const client = server.client();
    const answer = await client.signIn(
      "new.shopper@people.test",
      "a shopper's password",
    );
    expect(session(answer)).toMatchObject({
      role: "closetai_user",
      brands: [],
      staffRole: null,
    });
  });

  it("the answer is the same for a taken address, whose password stays", async () => {
    const fresh = await register("fresh@people.test");
    const taken = await register(people.viewer.email);
    expect(taken).toEqual(fresh);
    expect(
      (await server.client().signIn(people.viewer.email, PASSWORD)).status,
    ).toBe(200);
    expect(
      (
        await server
          .client()
          .signIn(people.viewer.email, "a shopper's password")
      ).status,
    ).toBe(401);
  });

  it.each([
    ["no address", "not an address", "a shopper's password", "email"],
    ["a short password", "short@people.test", "short", "password"],
    [
      "the address as password",
      "same-as-me@people.test",
      "same-as-me@people.test",
      "password",
    ],
  ])("%s is refused by field", async (_name, email, password, field) => {
    const { errors } = await register(email, password);
    expect(errors[0]?.extensions).toMatchObject({ code: "INVAL", field });
  });
});

describe("invitations", () => {
  const invite = (client: HttpClient, email: string, role: string) =>
    client.graphql(
      `mutation ($email: String!, $role: BrandRole!) {
         inviteMember(input: { email: $email, role: $role }) { result { invitationId token } }
       }`,
      { email, role },
    );
  type Invited = { result: { invitationId: string; token: string | null } };
  const invited = async (client: HttpClient, email: string, role: string) => {
    const { data, errors } = await invite(client, email, role);
    expect(errors).toEqual([]);
    return (data?.["inviteMember"] as Invited).result;
  };
  const inLumiere = async (person: { email: string }) => {
    const client = await signedIn(person);
    await client.post("/auth/brand", { brandId: people.lumiere });
    return client;
  };
  const accept = (
    client: HttpClient,
    token: string | null,
    body: object = {},
  ) => client.post("/auth/accept-invite", { token, ...body });

  it("a new person accepts with a name and a password, and is in", async () => {
    const owner = await inLumiere(people.owner);
    const { token } = await invited(owner, "Newcomer@people.test", "manager");
    const guest = server.client();
    const shown = await guest.post("/auth/invitation", { token });
    expect(shown.json).toMatchObject({
      email: "newcomer@people.test",
      role: "manager",
      hasAccount: false,
    });
    expect(
      errorOf(await accept(guest, token, { password: "short" })).field,
    ).toBe("password");
    const answer = await accept(guest, token, {
      displayName: "New Comer",
      password: "a newcomer's password",
    });
    expect(answer.status).toBe(200);
    expect(session(answer)).toMatchObject({
      role: "closetai_manager",
      brandId: people.lumiere,
    });
    const again = await accept(server.client(), token, {
      password: "a newcomer's password",
    });
    expect([again.status, errorOf(again).code]).toEqual([410, "EXPRD"]);
    expect(
      (
        await server
          .client()
          .signIn("newcomer@people.test", "a newcomer's password")
      ).status,
    ).toBe(200);

    const { rows } = await db.root.query(
      `select actor_kind, actor_id::text = row_pk_user as self from (
         select actor_kind, actor_id, split_part(row_pk, ',', 2) as row_pk_user
         from app_public.audit_log where table_name = 'brand_members' and action = 'insert'
         order by occurred_at desc limit 1) a`,
    );
    expect(rows).toEqual([{ actor_kind: "user", self: true }]);
  });

  it("somebody with an account must sign in as the invited address", async () => {
    const owner = await inLumiere(people.owner);
    const { token } = await invited(owner, people.shopper.email, "viewer");
    const refused = await accept(server.client(), token, {
      password: "a thief's password",
    });
    expect([refused.status, errorOf(refused).code]).toEqual([401, "LOGIN"]);
    expect((await accept(await signedIn(people.stranger), token)).status).toBe(
      401,
    );
    const client = await signedIn(people.shopper);
    const before = await cookieOf(client);
    const answer = await accept(client, token);
    expect(session(answer)).toMatchObject({
      role: "closetai_viewer",
      brandId: people.lumiere,
    });
    expect(await cookieOf(client)).not.toBe(before);
    await db.root.query(
      "delete from app_public.brand_members where user_id = $1",
      [people.shopper.id],
    );
  });

  it("a manager invites viewers and analysts, not managers; a viewer nobody", async () => {
    const manager = await inLumiere(people.manager);
    expect(
      (await invite(manager, "boss@people.test", "manager")).errors[0]
        ?.extensions.code,
    ).toBe("DNIED");
    expect(
      (await invite(manager, "helper@people.test", "analyst")).errors,
    ).toEqual([]);
    expect(
      (await invite(await inLumiere(people.viewer), "x@people.test", "viewer"))
        .errors[0]?.extensions.code,
    ).toBe("DNIED");
    expect(
      (await invite(await signedIn(people.support), "x@people.test", "viewer"))
        .errors[0]?.extensions.code,
    ).toBe("DNIED");
  });

  it("a member cannot be invited again, nor an address twice", async () => {
    const owner = await inLumiere(people.owner);
    const member = await invite(owner, people.viewer.email, "analyst");
    expect(member.errors[0]?.extensions).toMatchObject({
      code: "TAKEN",
      field: "email",
    });
    await invited(owner, "twice@people.test", "viewer");
    expect(
      (await invite(owner, "twice@people.test", "viewer")).errors[0]?.extensions
        .code,
    ).toBe("TAKEN");
  });

  it("renewing makes a new link and ends the old; an old one has run out after 7 days", async () => {
    const owner = await inLumiere(people.owner);
    const first = await invited(owner, "renewed@people.test", "viewer");
    await db.root.query(
      "update app_public.brand_invitations set expires_at = now() - interval '1 minute' where id = $1",
      [first.invitationId],
    );
    const late = await server
      .client()
      .post("/auth/invitation", { token: first.token });
    expect([late.status, errorOf(late).code]).toEqual([410, "EXPRD"]);
    expect(
      (
        await accept(server.client(), first.token, {
          password: "some long password",
        })
      ).status,
    ).toBe(410);

    const renew = (client: HttpClient) =>
      client.graphql(
        "mutation ($id: UUID!) { renewInvitation(input: { invitationId: $id }) { result } }",
        { id: first.invitationId },
      );
    expect(
      (await renew(await inLumiere(people.viewer))).errors[0]?.extensions.code,
    ).toMatch(/^(DNIED|NTFND)$/);
    expect(
      (await renew(await signedIn(people.stranger))).errors[0]?.extensions.code,
    ).toBe("NTFND");
    const renewed = await renew(owner);
    expect(renewed.errors).toEqual([]);
    const token = (renewed.data?.["renewInvitation"] as { result: string })
      .result;
    expect(
      (await server.client().post("/auth/invitation", { token: first.token }))
        .status,
    ).toBe(410);
    expect(
      (await server.client().post("/auth/invitation", { token })).status,
    ).toBe(200);
    await owner.graphql(
      "mutation ($id: UUID!) { deleteBrandInvitation(input: { rowId: $id }) { clientMutationId } }",
      {
        id: first.invitationId,
      },
    );
    expect(
      (await server.client().post("/auth/invitation", { token })).status,
    ).toBe(410);
  });

  it("two acceptances at once make one member", async () => {
    const owner = await inLumiere(people.owner);
    const { token } = await invited(owner, "race@people.test", "viewer");
    const answers = await Promise.all(
      [1, 2, 3].map(() =>
        accept(server.client(), token, { password: "a racer's password" }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410]);
  });
});
