import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { exportJWK, exportSPKI, SignJWT } from "jose";

import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import type { Answer } from "../helpers/http.ts";
import { makePeople, type People } from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

const SECRET = "a shared secret of thirty-two characters or more";
const HMAC_KEY = new TextEncoder().encode(SECRET);

let db: TestDatabase;
let people: People;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
});

afterAll(() => db?.drop());

type Claims = Record<string, unknown>;

const hs256 = (claims: Claims, key: Uint8Array = HMAC_KEY, alg = "HS256") =>
  new SignJWT({ aud: "closetai", exp: inAnHour(), ...claims })
    .setProtectedHeader({ alg })
    .sign(key);

const inAnHour = () => Math.floor(Date.now() / 1_000) + 3_600;

const encode = (value: object) =>
  Buffer.from(JSON.stringify(value)).toString("base64url");

const sessionWith = (server: TestHttpServer, token: string): Promise<Answer> =>
  server.client().get("/auth/session", { authorization: `Bearer ${token}` });

function expectRefused(answer: Answer): void {
  expect(answer.status).toBe(401);
  expect(answer.json).toMatchObject({ error: { code: "LOGIN" } });
}

describe("a bearer token signed with the shared secret", () => {
  let server: TestHttpServer;

  beforeAll(async () => {
    server = await startTestServer(db, {
      jwt: {
        secret: SECRET,
        jwksUrl: null,
        audience: "closetai",
        issuer: "https://id.example.com",
      },
    });
  });

  afterAll(() => server?.close());

  const iss = "https://id.example.com";
  const good = (claims: Claims = {}) =>
    hs256({ sub: people.owner.id, iss, ...claims });

  it("speaks for its person, and for a brand of that person when it names one", async () => {
    expect((await sessionWith(server, await good())).json).toMatchObject({
      user: { id: people.owner.id },
      role: "closetai_user",
    });
    const inBrand = await good({ brand_id: people.denim });
    expect((await sessionWith(server, inBrand)).json).toMatchObject({
      role: "closetai_viewer",
      brandId: people.denim,
    });
  });

  it("works on /graphql without an Origin", async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await good({ brand_id: people.lumiere })}`,
      },
      body: JSON.stringify({ query: "{ brandAccounts { nodes { slug } } }" }),
    });
    expect(await response.json()).toEqual({
      data: { brandAccounts: { nodes: [{ slug: "lumiere" }] } },
    });
  });

  it("a claimed role counts for nothing", async () => {
    const token = await good({ role: "closetai_staff_admin" });
    expect((await sessionWith(server, token)).json).toMatchObject({
      role: "closetai_user",
      staffRole: null,
    });
  });

  it("staff are staff by data, without a brand", async () => {
    const token = await good({ sub: people.support.id });
    expect((await sessionWith(server, token)).json).toMatchObject({
      role: "closetai_staff_support",
    });
  });

  it.each<[string, () => Promise<string>]>([
    ["has expired", () => good({ exp: inAnHour() - 7_200 })],
    ["never expires", () => good({ exp: undefined })],
    ["is for another audience", () => good({ aud: "another" })],
    ["comes from another issuer", () => good({ iss: "https://evil.example" })],
    ["is not valid yet", () => good({ nbf: inAnHour() })],
    ["names nobody", () => good({ sub: undefined })],
    ["names no id", () => good({ sub: "owner' or '1'='1" })],
    [
      "names a person who does not exist",
      () => good({ sub: "01890000-0000-7000-8000-000000000000" }),
    ],
    [
      "names a brand of others",
      () => good({ sub: people.viewer.id, brand_id: people.denim }),
    ],
    ["names a brand that is none", () => good({ brand_id: "denim" })],
    [
      "is signed with another secret",
      () =>
        hs256(
          { sub: people.owner.id, iss },
          new TextEncoder().encode("x".repeat(40)),
        ),
    ],
    [
      "uses another algorithm of the same family",
      () => hs256({ sub: people.owner.id, iss }, HMAC_KEY, "HS512"),
    ],
    [
      "is not signed at all",
      async () =>
        `${encode({ alg: "none", typ: "JWT" })}.${encode({
          sub: people.owner.id,
          iss,
          aud: "closetai",
          exp: inAnHour(),
        })}.`,
    ],
    [
      "was altered",
      async () =>
        (await good()).replace(
          /\.[^.]+\./,
          `.${encode({ sub: people.admin.id, iss, aud: "closetai", exp: inAnHour() })}.`,
        ),
    ],
    ["is no token", () => Promise.resolve("rubbish")],
    ["is an API key", () => Promise.resolve("ck_live_0123456789")],
  ])("is refused when it %s", async (_name, make) => {
    expectRefused(await sessionWith(server, await make()));
  });

  it("is refused for a suspended person", async () => {
    await db.root.query(
      "update app_public.users set status = 'suspended' where id = $1",
      [people.shopper.id],
    );
    expectRefused(
      await sessionWith(server, await good({ sub: people.shopper.id })),
    );
    await db.root.query(
      "update app_public.users set status = 'active' where id = $1",
      [people.shopper.id],
    );
    expect(
      (await sessionWith(server, await good({ sub: people.shopper.id })))
        .status,
    ).toBe(200);
  });

  it("is refused at once when the membership it names was revoked", async () => {
    const token = await good({
      sub: people.viewer.id,
      brand_id: people.lumiere,
    });
    expect((await sessionWith(server, token)).status).toBe(200);
    await db.root.query(
      "delete from app_public.brand_members where user_id = $1",
      [people.viewer.id],
    );
    expectRefused(await sessionWith(server, token));
  });

  it("other schemes are refused, not read as anonymous", async () => {
    const answer = await server
      .client()
      .get("/auth/session", { authorization: "Basic b3duZXI6eA==" });
    expectRefused(answer);
  });

  it("on /graphql the refusal is a GraphQL error", async () => {
    const answer = await server
      .client()
      .graphql("{ __typename }", {}, { authorization: "Bearer rubbish" });
    expect(answer.status).toBe(401);
    expect(answer.errors[0]?.extensions).toMatchObject({
      code: "LOGIN",
      requestId: expect.any(String),
    });
  });
});

describe("a bearer token signed by an identity provider", () => {
  let keys: { publicKey: KeyObject; privateKey: KeyObject };
  let provider: Server;
  let server: TestHttpServer;
  let providerUp = true;

  beforeAll(async () => {
    keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = {
      ...(await exportJWK(keys.publicKey)),
      kid: "one",
      use: "sig",
      alg: "RS256",
    };
    provider = createServer((_req, res) => {
      if (!providerUp) {
        res.destroy();
        return;
      }
      res.setHeader("content-type", "application/json");
      res.end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) =>
      provider.listen(0, "127.0.0.1", resolve),
    );
    const { port } = provider.address() as AddressInfo;
    server = await startTestServer(db, {
      jwt: {
        secret: null,
        jwksUrl: `http://127.0.0.1:${port}/keys`,
        audience: "closetai",
        issuer: null,
      },
    });
  });

  afterAll(async () => {
    await server?.close();
    provider?.closeAllConnections();
    await new Promise((resolve) => provider?.close(resolve));
  });

  const rs256 = (claims: Claims = {}, kid = "one") =>
    new SignJWT({
      sub: people.owner.id,
      aud: "closetai",
      exp: inAnHour(),
      ...claims,
    })
      .setProtectedHeader({ alg: "RS256", kid })
      .sign(keys.privateKey);

  it("while the provider is away the answer is 503, and good again after", async () => {
    providerUp = false;
    const away = await sessionWith(server, await rs256());
    expect(away.status).toBe(503);
    expect(away.headers.get("retry-after")).not.toBeNull();
    providerUp = true;
    expect((await sessionWith(server, await rs256())).json).toMatchObject({
      user: { id: people.owner.id },
    });
  });

  it("an HS256 token signed with the public key as secret is refused", async () => {
    const pem = await exportSPKI(keys.publicKey);
    const head = `${encode({ alg: "HS256", typ: "JWT", kid: "one" })}.${encode({
      sub: people.admin.id,
      aud: "closetai",
      exp: inAnHour(),
    })}`;
    for (const key of [pem, pem.trim()]) {
      const signature = createHmac("sha256", key)
        .update(head)
        .digest("base64url");
      expectRefused(await sessionWith(server, `${head}.${signature}`));
    }
  });

  it("an unknown key is refused", async () => {
    expectRefused(await sessionWith(server, await rs256({}, "two")));
  });

  it("an unsigned token is refused", async () => {
    expectRefused(
      await sessionWith(
        server,
        `${encode({ alg: "none", kid: "one" })}.${encode({ sub: people.owner.id, aud: "closetai", exp: inAnHour() })}.`,
      ),
    );
  });
});

describe("without a secret or keys", () => {
  it("every token is refused", async () => {
    const server = await startTestServer(db);
    try {
      expectRefused(
        await sessionWith(server, await hs256({ sub: people.owner.id })),
      );
    } finally {
      await server.close();
    }
  });
});
