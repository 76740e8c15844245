import pg from "pg";
import type { Logger } from "pino";

/**
 * A worker that is killed leaves its jobs locked for hours. So each worker pool
 * holds an advisory lock, named by its id, on a connection of its own: the lock
 * ends with the process, however it ends. Jobs locked by a pool whose lock is
 * gone are handed out again.
 */
export class Liveness {
  readonly #connectionString: string;
  readonly #log: Pick<Logger, "info" | "warn">;
  readonly #poolIds = new Set<string>();
  readonly #unlocking = new Set<Promise<unknown>>();
  #client: pg.Client | null = null;
  #connecting: Promise<void> | null = null;
  #suspects = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(connectionString: string, log: Pick<Logger, "info" | "warn">) {
    this.#connectionString = connectionString;
    this.#log = log;
  }

  /** Says that this pool lives. */
  async hold(poolId: string): Promise<void> {
    this.#poolIds.add(poolId);
    if (this.#client === null) await this.#connect();
    else await lock(this.#client, poolId);
  }

  /** Says that this pool has ended in order; what it left locked is free. */
  async letGo(poolId: string): Promise<void> {
    this.#poolIds.delete(poolId);
    // Ending the connection ends its locks.
    if (this.#stopped || this.#client === null) return;
    const unlocked = this.#client.query(
      "select pg_catalog.pg_advisory_unlock($1, pg_catalog.hashtext($2))",
      [LOCK_CLASS, poolId],
    );
    this.#unlocking.add(unlocked);
    try {
      await unlocked;
    } finally {
      this.#unlocking.delete(unlocked);
    }
  }

  /** Frees the jobs of the dead now, and looks again from time to time. */
  async start(): Promise<void> {
    await this.#connect();
    await this.#sweep(true);
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#connecting?.catch(() => undefined);
    await Promise.allSettled(this.#unlocking);
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#connect()
        .then(() => this.#sweep(false))
        .catch((error: unknown) => {
          this.#log.warn({ err: error }, "could not look for dead workers");
        })
        .finally(() => {
          this.#schedule();
        });
    }, SWEEP_MS);
    this.#timer.unref();
  }

  async #connect(): Promise<void> {
    if (this.#client !== null || this.#stopped) return;
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null;
    });
    await this.#connecting;
  }

  async #open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: "closetai worker liveness",
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    const lost = () => {
      if (this.#client === client) this.#client = null;
    };
    client.on("error", lost);
    client.on("end", lost);
    await client.connect();
    try {
      for (const poolId of this.#poolIds) await lock(client, poolId);
    } catch (error) {
      await client.end();
      throw error;
    }
    this.#client = client;
  }

  /**
   * After a restart of the database every pool's lock is gone for a moment,
   * though the pool lives: from the second look on, a pool counts as dead when
   * two looks in a row found it so.
   */
  async #sweep(first: boolean): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    const { rows } = await client.query<{ id: string }>(SELECT_DEAD, [
      LOCK_CLASS,
    ]);
    const found = rows
      .map(({ id }) => id)
      .filter((id) => !this.#poolIds.has(id));
    const dead = first ? found : found.filter((id) => this.#suspects.has(id));
    this.#suspects = new Set(found);
    if (dead.length === 0) return;
    await client.query("select graphile_worker.force_unlock_workers($1)", [
      dead,
    ]);
    this.#log.info({ workers: dead.length }, "freed the jobs of dead workers");
  }
}

const SWEEP_MS = 10_000;
/** Sets our advisory locks apart from others of two keys. */
const LOCK_CLASS = 0x636c6f73;

const SELECT_DEAD = `
  with holders as (
    -- A pool that has just begun may not have its lock yet.
    select locked_by as id from graphile_worker._private_jobs where locked_at < now() - interval '1 second'
    union
    select locked_by from graphile_worker._private_job_queues where locked_at < now() - interval '1 second'
  )
  select h.id
  from holders as h
  where not exists (
    select
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    where l.locktype = 'advisory'
      and l.granted
      and l.objsubid = 2
      and l.classid::bigint = $1::bigint
      and l.objid::bigint = pg_catalog.hashtext(h.id)::bigint & 4294967295
  )`;

async function lock(client: pg.Client, poolId: string): Promise<void> {
  await client.query(
    "select pg_catalog.pg_advisory_lock($1, pg_catalog.hashtext($2))",
    [LOCK_CLASS, poolId],
  );
}
