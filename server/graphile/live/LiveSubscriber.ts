import pg from "pg";
import type { Logger } from "pino";

import { AppError } from "../../errors/AppError.ts";
import { MAX_LIVE_PER_PERSON } from "../limits.ts";
import { parseAnnouncement } from "./announcement.ts";
import { RowsWatcher, type RowsWatcherOptions } from "./RowsWatcher.ts";
import { settleWaits } from "./settleWaits.ts";

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** As in announce_changes.sql: a writer tells only while we hold this lock. */
const LOCK_CLASS = 7_264_106;

export type LiveSubscriberOptions = {
  connectionString: string;
  log: Pick<Logger, "info" | "warn">;
};

/**
 * One connection listens for the whole server, however many people watch, and
 * holds the lock of every table that somebody watches. It comes back by itself
 * when the database restarts; whoever was subscribed is told that anything may
 * have changed then, since something may have been missed. Events carry ids only:
 * what a row says is read under the subscriber's own policies.
 */
export class LiveSubscriber {
  readonly #options: LiveSubscriberOptions;
  readonly #watchers = new Map<string, Set<RowsWatcher>>();
  readonly #perPerson = new Map<string, number>();
  /** Tables whose lock this connection holds. */
  #held = new Set<string>();
  #client: pg.Client | null = null;
  #starting: Promise<void> | null = null;
  #holding: Promise<void> | null = null;
  readonly #settling = new Set<Promise<void>>();
  #asking: Promise<unknown> = Promise.resolve();
  #retry: NodeJS.Timeout | null = null;
  #attempts = 0;
  #connectedBefore = false;
  #released = false;

  constructor(options: LiveSubscriberOptions) {
    this.#options = options;
  }

  /**
   * A stream of changes. Its first event of every table says that anything may
   * have changed: from then on nothing is missed.
   */
  watch(options: Omit<RowsWatcherOptions, "onEnd">): RowsWatcher {
    const person = options.actor.userId ?? "";
    const count = this.#perPerson.get(person) ?? 0;
    if (count >= MAX_LIVE_PER_PERSON)
      throw new AppError(
        "LIMIT",
        `One person may have ${MAX_LIVE_PER_PERSON} live subscriptions at once.`,
        { hint: "Close pages you do not need.", status: 429 },
      );
    const watcher = new RowsWatcher({
      ...options,
      onEnd: (ended) => this.#forget(ended),
    });
    this.#perPerson.set(person, count + 1);
    for (const table of watcher.tables) {
      const watchers = this.#watchers.get(table) ?? new Set();
      this.#watchers.set(table, watchers.add(watcher));
      if (this.#held.has(table)) watcher.hearMany(table);
    }
    if (this.#released) watcher.end();
    else if (this.#client === null) this.#connect();
    else this.#hold(this.#client);
    return watcher;
  }

  /** Resolves once notifications arrive; for tests and start-up checks. */
  async ready(): Promise<void> {
    while (!this.#released && this.#client === null) {
      this.#connect();
      await this.#starting;
      if (this.#client === null)
        await new Promise((resolve) => setTimeout(resolve, FIRST_RETRY_MS));
    }
  }

  /** Resolves once no table is left to be told of once more; for tests. */
  async settled(): Promise<void> {
    while (this.#settling.size > 0) await Promise.all(this.#settling);
  }

  async release(): Promise<void> {
    this.#released = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    for (const watchers of [...this.#watchers.values()])
      for (const watcher of [...watchers]) watcher.end();
    await this.#starting;
    await this.#holding;
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  #forget(watcher: RowsWatcher): void {
    for (const table of watcher.tables) {
      const others = this.#watchers.get(table);
      others?.delete(watcher);
      if (others?.size === 0) this.#watchers.delete(table);
    }
    const person = watcher.actor.userId ?? "";
    const count = (this.#perPerson.get(person) ?? 1) - 1;
    if (count > 0) this.#perPerson.set(person, count);
    else this.#perPerson.delete(person);
    if (this.#client !== null) this.#hold(this.#client);
  }

  #connect(): void {
    if (this.#released || this.#client !== null || this.#starting !== null)
      return;
    if (this.#retry !== null) return;
    this.#starting = this.#open().finally(() => {
      this.#starting = null;
    });
  }

  async #open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: "closetai live",
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    let lost = false;
    const onLost = (error?: Error) => {
      if (lost) return;
      lost = true;
      if (this.#client === client) {
        this.#client = null;
        this.#held = new Set();
      }
      if (this.#released) return;
      this.#options.log.warn(
        { reason: error?.message },
        "live connection lost, reconnecting",
      );
      // Ends a socket that is half open; what it answers no longer matters.
      client.end().catch((ending: Error) => {
        this.#options.log.warn(
          { reason: ending.message },
          "lost live connection did not end cleanly",
        );
      });
      this.#retryLater();
    };
    client.on("error", onLost);
    client.on("end", () => onLost());
    client.on("notification", ({ payload }) => this.#tell(payload ?? ""));
    try {
      await client.connect();
      await client.query("listen app_rows");
    } catch (error) {
      onLost(error as Error);
      return;
    }
    if (lost) return;
    if (this.#released) {
      await client.end();
      return;
    }
    this.#client = client;
    this.#asking = Promise.resolve();
    this.#attempts = 0;
    if (this.#connectedBefore)
      this.#options.log.info("live connection restored");
    this.#connectedBefore = true;
    this.#hold(client);
  }

  #retryLater(): void {
    if (this.#released || this.#retry !== null) return;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.#attempts, LAST_RETRY_MS);
    this.#attempts += 1;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#connect();
    }, wait);
    this.#retry.unref();
  }

  /** Takes the locks of tables that are watched, and gives back the others. */
  #hold(client: pg.Client): void {
    if (this.#holding !== null) return;
    this.#holding = this.#holdAll(client)
      .catch((error: Error) => {
        if (this.#client !== client) return;
        // Without its locks nobody would tell us anything: begin anew.
        this.#options.log.warn(
          { reason: error.message },
          "live tables could not be locked",
        );
        return client.end();
      })
      .finally(() => {
        this.#holding = null;
        if (this.#client !== null && this.#toChange() !== null)
          this.#hold(this.#client);
      });
  }

  #toChange(): { table: string; isWatched: boolean } | null {
    if (this.#released) return null;
    for (const table of this.#watchers.keys())
      if (!this.#held.has(table)) return { table, isWatched: true };
    for (const table of this.#held)
      if (!this.#watchers.has(table)) return { table, isWatched: false };
    return null;
  }

  /** One question at a time: several tables are settled at once. */
  #ask<Row extends pg.QueryResultRow>(
    client: pg.Client,
    text: string,
    values: unknown[] = [],
  ): Promise<pg.QueryResult<Row>> {
    const answer = this.#asking.then(() => client.query<Row>(text, values));
    // Whoever asked is told; who asks next only waits.
    this.#asking = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  async #holdAll(client: pg.Client): Promise<void> {
    for (;;) {
      const change = this.#client === client ? this.#toChange() : null;
      if (change === null) return;
      const { table, isWatched } = change;
      await this.#ask(
        client,
        isWatched
          ? "select pg_catalog.pg_advisory_lock_shared($1, pg_catalog.hashtext($2))"
          : "select pg_catalog.pg_advisory_unlock_shared($1, pg_catalog.hashtext($2))",
        [LOCK_CLASS, table],
      );
      if (this.#client !== client) return;
      if (isWatched) {
        this.#held.add(table);
        const settling = this.#settle(client, table);
        this.#settling.add(settling);
        void settling.finally(() => this.#settling.delete(settling));
      } else this.#held.delete(table);
    }
  }

  /**
   * Tells of the table once its lock is held: what was changed before is to be
   * read. A transaction that had found nobody listening may commit later still:
   * when all that ran then have ended, the table is told of once more. One that
   * stays open for longer than the waits together is no longer waited for.
   */
  async #settle(client: pg.Client, table: string): Promise<void> {
    try {
      // Our own number: every transaction that wrote before has a smaller one.
      const { rows } = await this.#ask<{ until: string }>(
        client,
        "select pg_current_xact_id()::text as until",
      );
      const haveEnded = async () => {
        const { rows: now } = await this.#ask<{ ended: boolean }>(
          client,
          "select pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8 as ended",
          [rows[0]?.until],
        );
        return now[0]?.ended === true;
      };
      let ended = await haveEnded();
      this.#tellMany(table);
      if (ended) return;
      for (const wait of settleWaits()) {
        await new Promise((resolve) => setTimeout(resolve, wait).unref());
        if (this.#client !== client || !this.#held.has(table)) return;
        ended = await haveEnded();
        if (ended) break;
      }
      if (!ended)
        this.#options.log.warn(
          { table },
          "a transaction older than a live page stays open: what it changes may show only when the page is read again",
        );
      this.#tellMany(table);
    } catch (error) {
      // The connection is gone; the next one tells everybody.
      this.#options.log.warn(
        { reason: (error as Error).message },
        "live table did not settle",
      );
    }
  }

  #tellMany(table: string): void {
    for (const watcher of this.#watchers.get(table) ?? [])
      watcher.hearMany(table);
  }

  #tell(payload: string): void {
    const announcement = parseAnnouncement(payload);
    if (announcement === null) {
      this.#options.log.warn("a notification could not be read");
      return;
    }
    for (const watcher of this.#watchers.get(announcement.table) ?? [])
      watcher.hear(announcement);
  }
}
