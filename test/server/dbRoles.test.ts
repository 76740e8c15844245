import { randomBytes } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type pg from "pg";

import { withClient } from "../../server/db/clients.ts";
import { readGmrc } from "../../server/db/migrate.ts";
import {
  ALL_ROLES,
  derivePasswords,
  ensureRoles,
  LOGIN_ROLES,
  makeRoles,
  REQUEST_ROLES,
  scramVerifier,
} from "../../server/db/roles.ts";
import { withDatabase, withLogin } from "../../server/db/urls.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { testServer } from "../helpers/testServer.ts";

describe("roles", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase();
  });
  afterAll(() => db.drop());

  async function query<T extends pg.QueryResultRow>(
    sql: string,
    values: unknown[] = [],
  ): Promise<T[]> {
    return (await db.root.query<T>(sql, values)).rows;
  }

  it("are all there, and none of them may do more than its grants say", async () => {
    const rows = await query(
      `select rolname, rolcanlogin, rolinherit,
              rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication as dangerous
         from pg_roles where rolname like 'closetai%' order by rolname`,
    );
    const login = ["app", "owner", "partner_api", "worker"];
    const noinherit = ["app", "partner_api"];
    expect(rows).toEqual(
      [...ALL_ROLES].sort().map((rolname) => ({
        rolname,
        rolcanlogin: login.includes(rolname.slice("closetai_".length)),
        rolinherit: !noinherit.includes(rolname.slice("closetai_".length)),
        dangerous: false,
      })),
    );
  });

  it("are named by the placeholders of .gmrc, each once", () => {
    const names = Object.values(readGmrc().placeholders ?? {});
    expect([...names].sort()).toEqual([...ALL_ROLES].sort());
  });

  it("inherit along the two lines of the design, and nowhere else", async () => {
    const rows = await query<{ pair: string }>(
      `select m.rolname || ' has ' || r.rolname as pair
         from pg_roles m, pg_roles r
        where m.rolname like 'closetai%' and r.rolname like 'closetai%'
          and m.oid <> r.oid and pg_has_role(m.oid, r.oid, 'usage')
        order by 1`,
    );
    expect(rows.map(({ pair }) => pair.replaceAll("closetai_", ""))).toEqual([
      "analyst has viewer",
      "brand_owner has analyst",
      "brand_owner has manager",
      "brand_owner has viewer",
      "manager has analyst",
      "manager has viewer",
      "owner has reader",
      "owner has worker",
      "staff_admin has staff",
      "staff_finance has staff",
      "staff_privacy has staff",
      "staff_support has staff",
    ]);
  });

  it("let the application become each request role, without having its rights before", async () => {
    const client = await db.app.connect();
    try {
      for (const role of REQUEST_ROLES) {
        await client.query("begin");
        await client.query(`set local role ${role}`);
        const { rows } = await client.query<{ role: string }>(
          "select current_user as role",
        );
        expect(rows[0]?.role).toBe(role);
        await client.query("rollback");
      }
    } finally {
      client.release();
    }
    const rights = await query(
      `select r.rolname from pg_roles r
        where r.rolname like 'closetai%' and r.rolname <> 'closetai_app'
          and pg_has_role('closetai_app', r.oid, 'usage')`,
    );
    expect(rights).toEqual([]);
  });

  it.each([
    ["app", "closetai_owner"],
    ["app", "closetai_worker"],
    ["app", "closetai_partner"],
    ["app", "closetai_reader"],
    ["partner", "closetai_viewer"],
    ["partner", "closetai_staff"],
    ["partner", "closetai_app"],
    ["worker", "closetai_owner"],
    ["worker", "closetai_staff_admin"],
  ] as const)("do not let %s become %s", async (login, role) => {
    await expect(db[login].query(`set role ${role}`)).rejects.toMatchObject({
      code: "42501",
    });
  });

  it("let a partner's login become closetai_partner only", async () => {
    const client = await db.partner.connect();
    try {
      await client.query("set role closetai_partner");
      await client.query("reset role");
    } finally {
      client.release();
    }
    const rows = await query<{ rolname: string }>(
      `select rolname from pg_roles
        where rolname like 'closetai%' and rolname <> 'closetai_partner_api'
          and pg_has_role('closetai_partner_api', oid, 'member')`,
    );
    expect(rows).toEqual([{ rolname: "closetai_partner" }]);
  });

  it("end what takes too long", async () => {
    const settings = async (pool: pg.Pool): Promise<unknown> => {
      const { rows } = await pool.query(
        `select current_setting('statement_timeout') as statement,
                current_setting('lock_timeout') as lock,
                current_setting('idle_in_transaction_session_timeout') as idle`,
      );
      return rows[0] as unknown;
    };
    const request = { statement: "5s", lock: "2s", idle: "10s" };
    expect(await settings(db.app)).toEqual(request);
    expect(await settings(db.partner)).toEqual(request);
    expect(await settings(db.worker)).toEqual({
      ...request,
      statement: "10min",
    });
    expect(await settings(db.owner)).toEqual({
      statement: "0",
      lock: "2s",
      idle: "0",
    });
  });

  it("reach the database by login only, and no request role makes temporary tables", async () => {
    const rows = await query<{ role: string; verb: string }>(
      `select r.rolname as role, p.verb
         from pg_roles r, unnest(array['connect', 'temporary', 'create']) as p(verb)
        where r.rolname like 'closetai%'
          and has_database_privilege(r.oid, current_database(), p.verb)
        order by 1, 2`,
    );
    expect(rows.map(({ role, verb }) => `${role} ${verb}`)).toEqual([
      "closetai_app connect",
      "closetai_owner connect",
      "closetai_owner create",
      "closetai_owner temporary",
      "closetai_partner_api connect",
      "closetai_worker connect",
    ]);
  });

  it("own no schema but their own: the worker its queue, the owner the rest", async () => {
    const rows = await query<{ nspname: string; owner: string }>(
      `select nspname, pg_get_userbyid(nspowner) as owner from pg_namespace
        where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')`,
    );
    for (const { nspname, owner } of rows) {
      expect({ nspname, owner }).toEqual({
        nspname,
        owner:
          nspname === "graphile_worker" ? "closetai_worker" : "closetai_owner",
      });
    }
    expect(rows.length).toBeGreaterThan(2);
  });

  it("leave the queue's tables closed by row security, except to worker and owner", async () => {
    const tables = await query<{ relname: string; relrowsecurity: boolean }>(
      `select relname, relrowsecurity from pg_class
        where relnamespace = 'graphile_worker'::regnamespace and relkind in ('r', 'p')`,
    );
    expect(tables.length).toBeGreaterThan(3);
    expect(tables.filter((table) => !table.relrowsecurity)).toEqual([]);
    await expect(
      db.app.query("select * from graphile_worker._private_jobs"),
    ).rejects.toMatchObject({ code: "42501" });
    const { rows } = await db.worker.query(
      "select count(*)::int as count from graphile_worker._private_jobs",
    );
    expect(rows).toEqual([{ count: 0 }]);
  });

  it("give nobody the functions that are made, until they are granted", async () => {
    const client = await db.owner.connect();
    try {
      await client.query("begin");
      await client.query(
        "create function app_extensions.nothing() returns int language sql as 'select 1'",
      );
      const { rows } = await client.query(
        "select has_function_privilege('closetai_anonymous', 'app_extensions.nothing()', 'execute') as may",
      );
      expect(rows).toEqual([{ may: false }]);
      await client.query("rollback");
    } finally {
      client.release();
    }
  });
});

describe("ensureRoles", () => {
  const passwords = derivePasswords(testServer().secret);

  it("changes nothing the second time", async () => {
    const { root } = testServer().urls;
    const memberships = (client: pg.Client) =>
      client.query(
        `select m.rolname as member, r.rolname as role, a.admin_option
           from pg_auth_members a
           join pg_roles m on m.oid = a.member
           join pg_roles r on r.oid = a.roleid
          order by 1, 2`,
      );
    await withClient(root, async (client) => {
      const before = await memberships(client);
      await ensureRoles(client, { passwords });
      expect((await memberships(client)).rows).toEqual(before.rows);
    });
  });

  it("is safe in several runners at once, in one database and in two", async () => {
    const { root } = testServer().urls;
    const run = (url: string) =>
      withClient(url, (client) => ensureRoles(client, { passwords }));
    await expect(
      Promise.all([
        run(root),
        run(root),
        run(root),
        run(withDatabase(root, "template1")),
      ]),
    ).resolves.toHaveLength(4);
  });

  it("takes dangerous attributes away from a role that has them", async () => {
    const { root } = testServer().urls;
    await withClient(root, async (client) => {
      // Never committed: other tests use this role at the same time.
      await client.query("begin");
      await client.query("alter role closetai_viewer createdb bypassrls");
      await makeRoles(client, passwords);
      const { rows } = await client.query(
        "select rolcreatedb, rolbypassrls from pg_roles where rolname = 'closetai_viewer'",
      );
      expect(rows).toEqual([{ rolcreatedb: false, rolbypassrls: false }]);
      await client.query("rollback");
    });
  });

  it("never sends a password that could be read in a log", () => {
    const salt = Buffer.alloc(16, 1);
    const verifier = scramVerifier("secret", salt);
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:/);
    expect(verifier).not.toContain("secret");
    expect(scramVerifier("secret", salt)).toBe(verifier);
    expect(scramVerifier("other", salt)).not.toBe(verifier);
  });

  it("works for a root that may make roles and databases but is no superuser", async () => {
    const { root } = testServer().urls;
    const name = `root_${randomBytes(4).toString("hex")}`;
    // Such a root rules only over roles that it made itself; so the ones that
    // are there step aside, until the rollback.
    await withClient(root, async (client) => {
      await client.query("begin");
      try {
        await client.query(
          `create role ${name} createrole createdb login password 'x'`,
        );
        for (const role of ALL_ROLES) {
          await client.query(`alter role ${role} rename to ${role}_kept`);
        }
        await client.query(`set local role ${name}`);
        await expect(makeRoles(client, passwords)).resolves.toBeUndefined();
        const { rows } = await client.query(
          `select pg_has_role($1, 'closetai_owner', 'member') as may,
                  pg_has_role('closetai_app', 'closetai_viewer', 'member') as app`,
          [name],
        );
        expect(rows).toEqual([{ may: true, app: true }]);
      } finally {
        await client.query("rollback");
      }
    });
  });

  it("gives each login the password that its connection string holds", async () => {
    const { urls } = testServer();
    for (const [key, role] of Object.entries(LOGIN_ROLES)) {
      const url = withDatabase(
        urls[key as keyof typeof LOGIN_ROLES],
        "postgres",
      );
      await withClient(url, async (client) => {
        const { rows } = await client.query("select session_user as role");
        expect(rows).toEqual([{ role }]);
      });
      await expect(
        withClient(withLogin(url, role, "wrong"), () => Promise.resolve()),
      ).rejects.toMatchObject({ code: "28P01" });
    }
  });
});
