import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Logger } from "@graphile/logger";
import {
  current as runCurrent,
  migrate as runCommitted,
  type Settings,
} from "graphile-migrate";
import { clearAllPools } from "graphile-migrate/dist/pgReal.js";
import {
  Logger as WorkerLogger,
  runMigrations as installWorker,
} from "graphile-worker";
import { type Client, type ClientBase, escapeIdentifier } from "pg";

import { projectDir } from "../config.ts";
import { withClient } from "./clients.ts";
import { errorCode, errorMessage } from "./errorCode.ts";
import type { Log } from "./log.ts";
import { ADVISORY_LOCKS, LOGIN_ROLES } from "./roles.ts";
import { databaseOf, type Urls } from "./urls.ts";

export const WORKER_SCHEMA = "graphile_worker";

/** What the connections of graphile-migrate in this process are called. */
const GM_CONNECTIONS = `closetai migrations ${randomBytes(4).toString("hex")}`;
const GM_PATIENCE_MS = 5_000;

export type MigrateOptions = {
  /** Also run current.sql. By default everywhere but in production. */
  current?: boolean;
  migrationsFolder?: string;
};

export type GmOptions = {
  migrationsFolder?: string | undefined;
  shadowUrl?: string;
};

/** The file .gmrc at the root of the repository; strict JSON. */
export function readGmrc(): Settings {
  return JSON.parse(
    readFileSync(join(projectDir, ".gmrc"), "utf8"),
  ) as Settings;
}

/** Settings for graphile-migrate: the file .gmrc, and where the database is. */
export function gmSettings(
  urls: Pick<Urls, "root" | "owner">,
  log: Log,
  options: GmOptions = {},
): Settings {
  const file = readGmrc();
  return {
    ...file,
    migrationsFolder: resolve(
      projectDir,
      options.migrationsFolder ?? file.migrationsFolder ?? "migrations",
    ),
    connectionString: named(urls.owner),
    // It insists on one, even where it never connects there.
    rootConnectionString: named(
      urls.root ?? "postgres://unused.invalid/postgres",
    ),
    ...(options.shadowUrl
      ? { shadowConnectionString: named(options.shadowUrl) }
      : {}),
    databaseOwner: LOGIN_ROLES.owner,
    logger: new Logger(tellWhatMatters(log)),
  };
}

/** The libraries narrate every step; we tell only what matters. */
function tellWhatMatters(
  log: Log,
): () => (level: unknown, message: string) => void {
  return () => (level, message) => {
    if (String(level) === "error") log.error(message);
    else if (String(level) === "warning") log.warn(message);
    else log.debug(message);
  };
}

function named(url: string): string {
  const changed = new URL(url);
  changed.searchParams.set("application_name", GM_CONNECTIONS);
  return changed.href;
}

/**
 * Lets graphile-migrate close its connections now, and waits until they are
 * closed. It would keep them for a moment, and it ends the whole process when
 * one breaks until then, as where the database is dropped or stops right after.
 */
export async function releaseGmConnections(owner: ClientBase): Promise<void> {
  clearAllPools();
  const giveUpAt = Date.now() + GM_PATIENCE_MS;
  try {
    while (Date.now() < giveUpAt) {
      const { rowCount } = await owner.query(
        "select from pg_catalog.pg_stat_activity where application_name = $1",
        [GM_CONNECTIONS],
      );
      if (rowCount === 0) return;
      await sleep(5);
    }
  } catch {
    // Ours is gone, and so are theirs; what failed before says why.
  }
}

/**
 * Brings the database to the newest state: the queue's schema, the committed
 * migrations, current.sql (not in production), and the coming partitions. Of
 * two runners one works and the other waits.
 */
export async function migrate(
  urls: Urls,
  log: Log,
  options: MigrateOptions = {},
): Promise<void> {
  const withCurrent = options.current ?? process.env.NODE_ENV !== "production";
  await withMigrationLock(urls, log, async (owner) => {
    await installQueue(urls, owner, log);
    await applyMigrations(urls, owner, log, withCurrent, options);
  });
}

/**
 * One save of a migration file: what is committed and new, current.sql, and the
 * partitions of tables that were just made again. Tells whether anything ran.
 */
export async function migrateCurrent(
  urls: Urls,
  log: Log,
  options: Pick<MigrateOptions, "migrationsFolder"> = {},
): Promise<{ changed: boolean }> {
  return withMigrationLock(urls, log, async (owner) => {
    const before = await fingerprint(owner);
    await applyMigrations(urls, owner, log, true, options);
    return { changed: before !== (await fingerprint(owner)) };
  });
}

async function applyMigrations(
  urls: Urls,
  owner: ClientBase,
  log: Log,
  withCurrent: boolean,
  options: Pick<MigrateOptions, "migrationsFolder">,
): Promise<void> {
  await retryOnLock(log, async (attemptLog) => {
    const settings = gmSettings(urls, attemptLog, {
      migrationsFolder: options.migrationsFolder,
    });
    try {
      if (await isOlderThan17(owner)) await runCommitted(unchecked(settings));
      await (withCurrent ? runCurrent(settings) : runCommitted(settings));
    } finally {
      await releaseGmConnections(owner);
    }
  });
  await ensurePartitions(owner, log);
}

/**
 * The sealed files hold a function that names pg_basetype, of PostgreSQL 17; a
 * later file replaces it. So an older server must not read bodies before that.
 */
function unchecked(settings: Settings): Settings {
  const url = new URL(settings.connectionString ?? "");
  url.searchParams.set("options", "-c check_function_bodies=off");
  return { ...settings, connectionString: url.href };
}

async function isOlderThan17(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ old: boolean }>(
    "select pg_catalog.current_setting('server_version_num')::integer < 170000 as old",
  );
  return rows[0]?.old === true;
}

/** Differs whenever another set of migrations has run. */
async function fingerprint(owner: ClientBase): Promise<string> {
  const { rows } = await owner.query<{ fingerprint: string }>(
    `select pg_catalog.concat(
              (select pg_catalog.max(m.hash) from graphile_migrate.migrations m
                where m.filename = (select pg_catalog.max(n.filename) from graphile_migrate.migrations n)),
              (select pg_catalog.md5(c.content) from graphile_migrate.current c)
            ) as fingerprint`,
  );
  return rows[0]?.fingerprint ?? "";
}

/**
 * One runner at a time. It asks again and again instead of waiting inside the
 * database, because the owner's lock_timeout would end that wait.
 */
export async function withMigrationLock<T>(
  urls: Pick<Urls, "owner">,
  log: Log,
  fn: (owner: Client) => Promise<T>,
): Promise<T> {
  return withClient(
    urls.owner,
    async (owner) => {
      let said = false;
      while (!(await tryLock(owner))) {
        if (!said) log.info("Another process migrates; waiting for it");
        said = true;
        await sleep(200);
      }
      // Ending the connection gives the lock back, whatever happens.
      return fn(owner);
    },
    { log },
  );
}

async function tryLock(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_catalog.pg_try_advisory_lock($1) as locked",
    [ADVISORY_LOCKS.migrate],
  );
  return rows[0]?.locked === true;
}

const MAX_ATTEMPTS = 12;

function isLockFault(error: unknown): boolean {
  return (
    // lock_not_available, deadlock_detected
    ["55P03", "40P01"].includes(errorCode(error) ?? "") ||
    // graphile-migrate's own lock, held by its command line
    errorMessage(error) === "Failed to get exclusive lock"
  );
}

/**
 * Runs it again while somebody holds a lock that it needs: the owner gives up
 * after two seconds, so that the queries behind it can go on. Errors of an
 * attempt that is repeated are not shown.
 */
export async function retryOnLock<T>(
  log: Log,
  fn: (log: Log) => Promise<T>,
  firstPauseMs = 250,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const errors: string[] = [];
    try {
      return await fn({ ...bound(log), error: (text) => errors.push(text) });
    } catch (error) {
      if (!isLockFault(error) || attempt === MAX_ATTEMPTS) {
        for (const text of errors) log.error(text);
        throw error;
      }
      const pause = Math.min(firstPauseMs * 2 ** (attempt - 1), 5_000);
      log.warn(
        `A lock that the migration needs is held (${errorMessage(error)}); trying again in ${pause} ms`,
      );
      await sleep(pause);
    }
  }
}

/** Methods of some loggers live on a prototype and need their own `this`. */
function bound(log: Log): Log {
  return {
    debug: (text) => log.debug(text),
    info: (text) => log.info(text),
    warn: (text) => log.warn(text),
    error: (text) => log.error(text),
  };
}

/**
 * The schema of graphile-worker, made by the worker's own role, which so owns
 * it. It comes before the migrations, whose functions put jobs into it. For
 * others its tables are closed twice: no grants, and row security.
 */
export async function installQueue(
  urls: Urls,
  owner: ClientBase,
  log: Log,
): Promise<void> {
  const database = escapeIdentifier(databaseOf(urls.owner));
  const worker = escapeIdentifier(LOGIN_ROLES.worker);
  const { rowCount } = await owner.query(
    "select from pg_catalog.pg_namespace where nspname = $1",
    [WORKER_SCHEMA],
  );
  try {
    if (rowCount === 0) {
      await owner.query(`grant create on database ${database} to ${worker}`);
    }
    await installWorker({
      connectionString: urls.worker,
      schema: WORKER_SCHEMA,
      logger: new WorkerLogger(tellWhatMatters(log)),
    });
  } finally {
    // Every time: a run that was killed may have left it.
    await owner.query(`revoke create on database ${database} from ${worker}`);
  }
  await withClient(urls.worker, async (client) => {
    const { rows } = await client.query<{ relname: string }>(
      `select c.relname
         from pg_catalog.pg_class c
        where c.relnamespace = pg_catalog.to_regnamespace($1)
          and c.relkind in ('r', 'p')
          and not c.relrowsecurity`,
      [WORKER_SCHEMA],
    );
    const schema = escapeIdentifier(WORKER_SCHEMA);
    for (const { relname } of rows) {
      await client.query(
        `alter table ${schema}.${escapeIdentifier(relname)} enable row level security`,
      );
    }
    await client.query(
      `revoke execute on all functions in schema ${schema} from public`,
    );
  });
}

/** Tables that grow by the month need their next months before they begin. */
async function ensurePartitions(owner: ClientBase, log: Log): Promise<void> {
  const { rows } = await owner.query<{ exists: boolean }>(
    "select pg_catalog.to_regprocedure('app_private.ensure_partitions()') is not null as exists",
  );
  if (rows[0]?.exists !== true) return;
  await retryOnLock(log, () =>
    owner.query("select app_private.ensure_partitions()"),
  );
}
