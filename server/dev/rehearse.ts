import type { ClientBase } from "pg";

import { errorCode, errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { readGmrc, retryOnLock, withMigrationLock } from "../db/migrate.ts";
import type { Urls } from "../db/urls.ts";
import type { CompiledCurrent } from "./compileCurrent.ts";
import { LocatedError, locateFault } from "./locateFault.ts";
import { splitStatements } from "./splitStatements.ts";

/** A lock on a table that holds rows, for as long as the migration runs. */
export type TableLock = {
  table: string;
  /** As PostgreSQL spells it, e.g. AccessExclusiveLock. */
  mode: string;
  /** An estimate; exact where the table was never analysed and is small. */
  rows: number;
  /** Every row is written anew. */
  rewritten: boolean;
  /** The table is gone afterwards, or another one has its name. */
  dropped: boolean;
};

export type Rehearsal = {
  locks: TableLock[];
  /** How long others would wait at most. */
  heldMs: number;
};

/** Weaker ones hinder nobody but other migrations. */
const HEAVY = [
  "AccessExclusiveLock",
  "ExclusiveLock",
  "ShareRowExclusiveLock",
  "ShareLock",
];

/** Statements that end the transaction a migration runs in, or begin another. */
const TRANSACTION =
  /^(?:begin|start\s+transaction|commit|end|abort|rollback)\b(?!\s+(?:work\s+|transaction\s+)?to\b)/i;

const NO_TRANSACTION = /^--!\s*no-transaction\b/m;

/**
 * Runs current.sql in a transaction that is rolled back, to see which tables
 * with rows it locks, rewrites or drops, and where it fails. Null where it may
 * not run in a transaction: then nothing is known before it is applied.
 */
export async function rehearse(
  urls: Urls,
  log: Log,
  compiled: CompiledCurrent,
): Promise<Rehearsal | null> {
  if (NO_TRANSACTION.test(compiled.sql)) return null;
  refuseTransactions(compiled);
  return withMigrationLock(urls, log, (owner) =>
    retryOnLock(log, async () => {
      await applySettings(owner);
      const startedAt = performance.now();
      try {
        await owner.query("begin");
        await owner.query(compiled.sql);
        const locks = await readLocks(owner);
        await owner.query("rollback");
        const heldMs = performance.now() - startedAt;
        return { heldMs, locks: await withRows(owner, locks) };
      } catch (error) {
        await owner.query("rollback");
        if (isRetried(error)) throw error;
        throw await located(owner, error, compiled);
      }
    }),
  );
}

/** Half of such a file would be applied, or none of it without an error. */
function refuseTransactions(compiled: CompiledCurrent): void {
  for (const statement of splitStatements(compiled.sql)) {
    const word = TRANSACTION.exec(statement.text)?.[0];
    if (word === undefined) continue;
    const error = Object.assign(
      new Error(`"${word}" is not for a migration: it runs in one transaction`),
      {
        hint: "Leave it out. A statement that cannot run in a transaction has a file of its own, which begins with --! no-transaction.",
      },
    );
    throw new LocatedError(locateFault(error, compiled, statement), error);
  }
}

/** As graphile-migrate does it before it runs a migration. */
async function applySettings(owner: ClientBase): Promise<void> {
  for (const [key, value] of Object.entries(readGmrc().pgSettings ?? {})) {
    await owner.query("select pg_catalog.set_config($1, $2, false)", [
      key,
      value,
    ]);
  }
}

function isRetried(error: unknown): boolean {
  return ["55P03", "40P01"].includes(errorCode(error) ?? "");
}

/**
 * An error inside a function, or of a constraint, has no position in the script:
 * then the statements run one by one to find which of them it was.
 */
async function located(
  owner: ClientBase,
  error: unknown,
  compiled: CompiledCurrent,
): Promise<LocatedError> {
  const fault = locateFault(error, compiled);
  if (fault.place !== null) return new LocatedError(fault, error);
  await owner.query("begin");
  try {
    for (const statement of splitStatements(compiled.sql)) {
      try {
        await owner.query(statement.text);
      } catch (again) {
        // Another error than before: the script was cut in the wrong place.
        if (errorMessage(again) !== errorMessage(error)) break;
        return new LocatedError(locateFault(error, compiled, statement), error);
      }
    }
  } finally {
    await owner.query("rollback");
  }
  return new LocatedError(fault, error);
}

type HeldLock = {
  oid: string;
  mode: string;
  filenode: string | null;
};

async function readLocks(owner: ClientBase): Promise<HeldLock[]> {
  const { rows } = await owner.query<HeldLock>(
    `select l.relation::text as oid, l.mode, c.relfilenode::text as filenode
       from pg_catalog.pg_locks l
       left join pg_catalog.pg_class c on c.oid = l.relation
      where l.pid = pg_catalog.pg_backend_pid() and l.granted
        and l.locktype = 'relation' and l.mode = any ($1::text[])
        and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())`,
    [HEAVY],
  );
  return rows;
}

/** After the rollback: what was made meanwhile is gone, and not counted. */
async function withRows(
  owner: ClientBase,
  locks: readonly HeldLock[],
): Promise<TableLock[]> {
  if (locks.length === 0) return [];
  const { rows: tables } = await owner.query<{
    oid: string;
    schema: string;
    name: string;
    rows: number;
    filenode: string;
  }>(
    `select c.oid::text, n.nspname as schema, c.relname as name, c.relfilenode::text as filenode,
            greatest(
              c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid),
              (select pg_catalog.sum(greatest(p.reltuples, pg_catalog.pg_stat_get_live_tuples(p.oid)))
                 from pg_catalog.pg_partition_tree(c.oid) t
                 join pg_catalog.pg_class p on p.oid = t.relid)
            )::float8 as rows
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.oid::text = any ($1::text[]) and c.relkind in ('r', 'p') and not c.relispartition
        and n.nspname like 'app\\_%'`,
    [locks.map(({ oid }) => oid)],
  );
  const found: TableLock[] = [];
  for (const { oid, schema, name, rows, filenode } of tables) {
    const held = locks.filter((lock) => lock.oid === oid);
    const [strongest] = held.sort(
      (a, b) => HEAVY.indexOf(a.mode) - HEAVY.indexOf(b.mode),
    );
    if (strongest === undefined) continue;
    const count = rows > 0 ? rows : await countFew(owner, schema, name);
    if (count === 0) continue;
    found.push({
      table: schema === "app_public" ? name : `${schema}.${name}`,
      mode: strongest.mode,
      rows: Math.round(count),
      rewritten: strongest.filenode !== null && strongest.filenode !== filenode,
      dropped: strongest.filenode === null,
    });
  }
  return found.sort((a, b) => b.rows - a.rows || (a.table < b.table ? -1 : 1));
}

/** A table that was never analysed says nothing about its size. */
async function countFew(
  owner: ClientBase,
  schema: string,
  name: string,
): Promise<number> {
  const { rows } = await owner.query<{ count: number }>(
    `select pg_catalog.count(*)::int as count from (select from ${owner.escapeIdentifier(schema)}.${owner.escapeIdentifier(name)} limit 1000) as few`,
  );
  return rows[0]?.count ?? 0;
}
