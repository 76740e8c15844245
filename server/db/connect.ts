import { setTimeout as sleep } from "node:timers/promises";

import { type Config, ensureSecret } from "../config.ts";
import { withClient } from "./clients.ts";
import { ensureDatabase } from "./database.ts";
import { type EmbeddedServer, openEmbedded } from "./embedded.ts";
import { errorCode, errorMessage } from "./errorCode.ts";
import type { Log } from "./log.ts";
import {
  ALL_ROLES,
  derivePasswords,
  ensureRoles,
  LOGIN_ROLES,
  serverVersion,
} from "./roles.ts";
import { describeUrl, type Urls, withLogin } from "./urls.ts";

export type { Urls } from "./urls.ts";

export type Database = {
  urls: Urls;
  /** As PostgreSQL numbers it: 180004 is 18.4. */
  serverVersion: number;
  /** The server this process runs or joined; null for an external one. */
  embedded: EmbeddedServer | null;
  close(): Promise<void>;
};

export type DatabaseConfig = Pick<
  Config,
  "dataDir" | "databaseUrl" | "rootDatabaseUrl" | "roleDatabaseUrls" | "secret"
>;

export type OpenOptions = {
  /** Tools join the server of a running application; applications refuse. */
  whenInUse?: "refuse" | "join";
  purpose?: string;
  durable?: boolean;
  port?: number | null;
  /** Ends the waiting for a server that is not there. */
  signal?: AbortSignal;
};

/** The name of the database on the embedded server. */
export const EMBEDDED_DATABASE = "closetai";

const OLDEST_VERSION = 150000;

/**
 * The database, ready to be migrated: the embedded server unless DATABASE_URL
 * names another one, the roles, and an empty database that is closed to all
 * others. It does not migrate.
 */
export async function openDatabase(
  config: DatabaseConfig,
  log: Log,
  options: OpenOptions = {},
): Promise<Database> {
  if (config.databaseUrl !== null) {
    const urls = externalUrls(config, config.databaseUrl);
    const version = await prepareServer(urls, config, log, options.signal);
    return {
      urls,
      serverVersion: version,
      embedded: null,
      close: () => Promise.resolve(),
    };
  }
  const embedded = await openEmbedded({
    dataDir: config.dataDir,
    log,
    ...options,
  });
  try {
    const urls = deriveUrls(embedded.url(EMBEDDED_DATABASE), config);
    urls.root = embedded.url("postgres");
    const version = await prepareServer(urls, config, log, options.signal);
    return {
      urls,
      serverVersion: version,
      embedded,
      close: () => embedded.close(),
    };
  } catch (error) {
    await embedded.close();
    throw error;
  }
}

function deriveUrls(url: string, config: DatabaseConfig): Urls {
  const passwords = derivePasswords(ensureSecret(config));
  return {
    root: null,
    owner: withLogin(url, LOGIN_ROLES.owner, passwords.owner),
    app: withLogin(url, LOGIN_ROLES.app, passwords.app),
    worker: withLogin(url, LOGIN_ROLES.worker, passwords.worker),
    partner: withLogin(url, LOGIN_ROLES.partner, passwords.partner),
  };
}

function externalUrls(config: DatabaseConfig, url: string): Urls {
  const given = config.roleDatabaseUrls;
  if (given.owner && given.app && given.worker && given.partner) {
    return { root: config.rootDatabaseUrl, ...given } as Urls;
  }
  if (config.secret === null) {
    throw new Error(
      "DATABASE_URL is set, so CLOSETAI_SECRET must be set too: the passwords of the database roles are derived from it. Make one with: openssl rand -hex 32",
    );
  }
  const derived = deriveUrls(url, config);
  return {
    root: config.rootDatabaseUrl,
    owner: given.owner ?? derived.owner,
    app: given.app ?? derived.app,
    worker: given.worker ?? derived.worker,
    partner: given.partner ?? derived.partner,
  };
}

async function prepareServer(
  urls: Urls,
  config: DatabaseConfig,
  log: Log,
  signal: AbortSignal | undefined,
): Promise<number> {
  const version = await reachServer(urls, log, signal);
  assertSupported(version);
  if (urls.root !== null) {
    const passwords = derivePasswords(ensureSecret(config));
    await withClient(urls.root, (root) => ensureRoles(root, { passwords }));
  } else {
    await assertRoles(urls.owner);
  }
  await ensureDatabase(urls);
  return version;
}

/** Without a root, everything must be there already; say what to do if not. */
async function reachServer(
  urls: Urls,
  log: Log,
  signal: AbortSignal | undefined,
): Promise<number> {
  const entry = urls.root ?? urls.owner;
  try {
    return await waitForServer(entry, log, signal ? { signal } : {});
  } catch (error) {
    // wrong password, no such role, no such database
    const refused = ["28P01", "28000", "3D000"].includes(
      errorCode(error) ?? "",
    );
    if (!refused) throw error;
    throw new Error(
      urls.root === null
        ? `The database at ${describeUrl(entry)} does not let ${LOGIN_ROLES.owner} in (${errorMessage(error)}). Set ROOT_DATABASE_URL once, so that the roles and the database are made; their passwords follow from CLOSETAI_SECRET.`
        : `The database at ${describeUrl(entry)} does not accept ROOT_DATABASE_URL (${errorMessage(error)}).`,
      { cause: error },
    );
  }
}

/** Older servers lack security_invoker views, on which the rules stand. */
export function assertSupported(version: number): void {
  if (version >= OLDEST_VERSION) return;
  const major = Math.floor(version / 10_000);
  throw new Error(
    `The database server is PostgreSQL ${major}, and at least 15 is needed. Upgrade it, or point DATABASE_URL at a newer one.`,
  );
}

async function assertRoles(ownerUrl: string): Promise<void> {
  const missing = await withClient(ownerUrl, async (owner) => {
    const { rows } = await owner.query<{ rolname: string }>(
      "select rolname from pg_catalog.pg_roles where rolname = any ($1::text[])",
      [ALL_ROLES],
    );
    const found = new Set(rows.map(({ rolname }) => rolname));
    return ALL_ROLES.filter((role) => !found.has(role));
  });
  if (missing.length > 0) {
    throw new Error(
      `The database server lacks the roles ${missing.join(", ")}. Set ROOT_DATABASE_URL once to a role that may make them.`,
    );
  }
}

/** What ends by itself once the server, or the way to it, is back. */
export function isServerAbsent(error: unknown): boolean {
  const code = errorCode(error);
  return (
    (code !== null &&
      ([
        "ECONNREFUSED",
        "ECONNRESET",
        "EHOSTUNREACH",
        "ENETUNREACH",
        "ENOTFOUND",
        "EAI_AGAIN",
        "EPIPE",
        "ETIMEDOUT",
        "53300", // too many connections
        "57P01", // admin shutdown
        "57P02", // crash shutdown
        "57P03", // cannot connect now
      ].includes(code) ||
        code.startsWith("08"))) ||
    /timeout expired|Connection terminated|timeout exceeded/i.test(
      errorMessage(error),
    )
  );
}

/**
 * Waits, with growing pauses and a line each time, until the server answers;
 * gives its version. A wrong password or name is not waited for.
 */
export async function waitForServer(
  url: string,
  log: Log,
  options: { signal?: AbortSignal; firstPauseMs?: number } = {},
): Promise<number> {
  let pause = options.firstPauseMs ?? 250;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      return await withClient(url, serverVersion, { timeoutMs: 5_000 });
    } catch (error) {
      if (!isServerAbsent(error)) throw error;
      log.warn(
        `The database at ${describeUrl(url)} does not answer (${errorMessage(error)}); trying again in ${pause} ms`,
      );
    }
    await sleep(
      pause,
      undefined,
      options.signal ? { signal: options.signal } : {},
    );
    pause = Math.min(pause * 2, 5_000);
  }
}
