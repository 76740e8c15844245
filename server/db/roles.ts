import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { type ClientBase, escapeIdentifier, escapeLiteral } from "pg";

import { errorCode } from "./errorCode.ts";

/** The roles that connect. Each owns nothing, the owner and the queue apart. */
export const LOGIN_ROLES = {
  owner: "closetai_owner",
  app: "closetai_app",
  worker: "closetai_worker",
  partner: "closetai_partner_api",
} as const;

export type LoginRole = keyof typeof LOGIN_ROLES;

/** The roles a request may run as, from weakest to strongest in each line. */
export const REQUEST_ROLES = [
  "closetai_anonymous",
  "closetai_user",
  "closetai_viewer",
  "closetai_analyst",
  "closetai_manager",
  "closetai_brand_owner",
  "closetai_staff",
  "closetai_staff_support",
  "closetai_staff_finance",
  "closetai_staff_privacy",
  "closetai_staff_admin",
] as const;

export const PARTNER_ROLE = "closetai_partner";

/** Owns the views that hide columns; bound by policies, and nobody logs in as it. */
export const READER_ROLE = "closetai_reader";

/** [stronger, weaker]: the stronger one has all rights of the weaker one. */
const INHERITANCE = [
  ["closetai_analyst", "closetai_viewer"],
  ["closetai_manager", "closetai_analyst"],
  ["closetai_brand_owner", "closetai_manager"],
  ["closetai_staff_support", "closetai_staff"],
  ["closetai_staff_finance", "closetai_staff"],
  ["closetai_staff_privacy", "closetai_staff"],
  ["closetai_staff_admin", "closetai_staff"],
  // So that migrations can give them views and functions to own, and later
  // comment on, replace and drop these.
  [LOGIN_ROLES.owner, READER_ROLE],
  [LOGIN_ROLES.owner, LOGIN_ROLES.worker],
] as const;

/** A login role may become these, and has none of their rights before it does. */
const MAY_BECOME = [
  ...REQUEST_ROLES.map((role) => [LOGIN_ROLES.app, role] as const),
  [LOGIN_ROLES.partner, PARTNER_ROLE],
] as const;

const REQUEST_TIMEOUTS = {
  statement_timeout: "5s",
  lock_timeout: "2s",
  idle_in_transaction_session_timeout: "10s",
};

const ROLE_SETTINGS: Record<string, Record<string, string>> = {
  [LOGIN_ROLES.app]: REQUEST_TIMEOUTS,
  [LOGIN_ROLES.partner]: REQUEST_TIMEOUTS,
  [LOGIN_ROLES.worker]: { ...REQUEST_TIMEOUTS, statement_timeout: "10min" },
  // A migration that waits for a lock stops everybody who queues behind it.
  [LOGIN_ROLES.owner]: { lock_timeout: "2s" },
};

/** Login, and whether rights of a role it may become count before it does. */
const ATTRIBUTES: { name: string; login: boolean; inherit: boolean }[] = [
  { name: LOGIN_ROLES.owner, login: true, inherit: true },
  { name: LOGIN_ROLES.app, login: true, inherit: false },
  { name: LOGIN_ROLES.worker, login: true, inherit: true },
  { name: LOGIN_ROLES.partner, login: true, inherit: false },
  ...[...REQUEST_ROLES, PARTNER_ROLE, READER_ROLE].map((name) => ({
    name,
    login: false,
    inherit: true,
  })),
];

export const ALL_ROLES: readonly string[] = ATTRIBUTES.map(({ name }) => name);

export type Passwords = Record<LoginRole, string>;

/** The same secret gives the same passwords, so nothing needs to be stored. */
export function derivePasswords(secret: string): Passwords {
  const derive = (role: string): string =>
    createHmac("sha256", secret).update(role).digest("hex");
  return {
    owner: derive(LOGIN_ROLES.owner),
    app: derive(LOGIN_ROLES.app),
    worker: derive(LOGIN_ROLES.worker),
    partner: derive(LOGIN_ROLES.partner),
  };
}

/**
 * What PostgreSQL stores instead of the password. Sending this keeps the
 * password itself out of the server's log and of pg_stat_activity.
 */
export function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(16),
): string {
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const hmac = (text: string): Buffer =>
    createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest();
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey.toString("base64")}:${hmac("Server Key").toString("base64")}`;
}

/** Advisory locks of this product; the numbers only have to differ. */
export const ADVISORY_LOCKS = { roles: 7_201_001, migrate: 7_201_002 } as const;

/**
 * Makes every role, with exactly its rights, on PostgreSQL 15 and later. Roles
 * belong to the whole server and advisory locks to one database, so besides the
 * lock a collision with a runner in another database is simply tried again.
 */
export async function ensureRoles(
  rootClient: ClientBase,
  { passwords }: { passwords: Passwords },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await rootClient.query("begin");
    try {
      await rootClient.query("select pg_catalog.pg_advisory_xact_lock($1)", [
        ADVISORY_LOCKS.roles,
      ]);
      await makeRoles(rootClient, passwords);
      await rootClient.query("commit");
      return;
    } catch (error) {
      await rootClient.query("rollback");
      // unique_violation, duplicate_object, "tuple concurrently updated"
      const collided = ["23505", "42710", "XX000"].includes(
        errorCode(error) ?? "",
      );
      if (!collided || attempt === 5) throw error;
      await sleep(100 * attempt);
    }
  }
}

type RoleRow = {
  rolname: string;
  rolsuper: boolean;
  rolinherit: boolean;
  rolcreaterole: boolean;
  rolcreatedb: boolean;
  rolcanlogin: boolean;
  rolreplication: boolean;
  rolbypassrls: boolean;
};

/** What ensureRoles does inside its transaction. */
export async function makeRoles(
  client: ClientBase,
  passwords: Passwords,
): Promise<void> {
  const version = await serverVersion(client);
  const { rows: self } = await client.query<{ rolsuper: boolean }>(
    "select rolsuper from pg_catalog.pg_roles where rolname = current_user",
  );
  const isSuperuser = self[0]?.rolsuper === true;
  const { rows: existing } = await client.query<RoleRow>(
    `select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb,
            rolcanlogin, rolreplication, rolbypassrls
       from pg_catalog.pg_roles
      where rolname = any ($1::text[])`,
    [ALL_ROLES],
  );

  for (const wanted of ATTRIBUTES) {
    const role = escapeIdentifier(wanted.name);
    const found = existing.find(({ rolname }) => rolname === wanted.name);
    if (!found) {
      // Everything dangerous is off by default; naming it may need more rights.
      await client.query(
        `create role ${role} ${wanted.login ? "login" : "nologin"} ${wanted.inherit ? "inherit" : "noinherit"}`,
      );
      continue;
    }
    // Only what differs: a managed server's root may not touch the others.
    const changes = [
      found.rolcanlogin !== wanted.login &&
        (wanted.login ? "login" : "nologin"),
      found.rolinherit !== wanted.inherit &&
        (wanted.inherit ? "inherit" : "noinherit"),
      found.rolsuper && "nosuperuser",
      found.rolbypassrls && "nobypassrls",
      found.rolcreaterole && "nocreaterole",
      found.rolcreatedb && "nocreatedb",
      found.rolreplication && "noreplication",
    ].filter((change) => change !== false);
    if (changes.length > 0) {
      await client.query(`alter role ${role} ${changes.join(" ")}`);
    }
  }

  for (const [key, name] of Object.entries(LOGIN_ROLES)) {
    const verifier = scramVerifier(passwords[key as LoginRole]);
    await client.query(
      `alter role ${escapeIdentifier(name)} password ${escapeLiteral(verifier)}`,
    );
  }
  for (const [role, settings] of Object.entries(ROLE_SETTINGS)) {
    for (const [setting, value] of Object.entries(settings)) {
      await client.query(
        `alter role ${escapeIdentifier(role)} set ${setting} = ${escapeLiteral(value)}`,
      );
    }
  }

  // From 16 on a membership says for itself whether it inherits; before, the
  // member's own attribute does.
  const detailed = version >= 160000;
  const inherits = detailed ? " with inherit true" : "";
  const becomes = detailed ? " with inherit false, set true" : "";
  const memberships = [
    ...INHERITANCE.map((pair) => [...pair, inherits] as const),
    ...MAY_BECOME.map((pair) => [...pair, becomes] as const),
  ];
  for (const [member, role, options] of memberships) {
    await client.query(
      `grant ${escapeIdentifier(role)} to ${escapeIdentifier(member)}${options}`,
    );
  }
  // Whoever makes a database for another role must be able to become that role.
  if (!isSuperuser) {
    await client.query(
      `grant ${escapeIdentifier(LOGIN_ROLES.owner)} to current_user${detailed ? " with inherit true, set true" : ""}`,
    );
  }
}

/** As PostgreSQL numbers it: 180004 is 18.4. */
export async function serverVersion(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ version: number }>(
    "select pg_catalog.current_setting('server_version_num')::int as version",
  );
  return rows[0]?.version ?? 0;
}
