import type { Actor } from "../../auth/actor.ts";
import { AppError } from "../../errors/AppError.ts";
import { MAX_LIVE_IDS, MIN_LIVE_INTERVAL_MS } from "../limits.ts";
import { type Announcement, type LiveRight, mayHear } from "./announcement.ts";

/** Rows of a table that changed, or may have: read them again. */
export type RowsEvent = {
  table: string;
  /** Null: too many to name, or some may have been missed. */
  rowIds: readonly string[] | null;
  at: string;
};

export type RowsWatcherOptions = {
  actor: Actor;
  rights: ReadonlyMap<string, LiveRight>;
  /** Asked before every event: what was revoked meanwhile ends the stream. */
  currentActor: () => Promise<Actor>;
  onEnd: (watcher: RowsWatcher) => void;
};

/** A statement of many parts, or two statements, become one event. */
const GATHER_MS = 20;
const RETRY_MS = 1_000;

/**
 * One subscriber's stream. What changed is gathered by table until the subscriber
 * takes it: at most one event each MIN_LIVE_INTERVAL_MS and table, and never more
 * than MAX_LIVE_IDS ids in memory, however slow the reader and fast the writers.
 */
export class RowsWatcher implements AsyncIterableIterator<RowsEvent> {
  readonly actor: Actor;
  /** The tables that tell; what they tell of goes by the names asked for. */
  readonly tables: readonly string[];
  readonly #rightsOf = new Map<string, LiveRight[]>();
  readonly #options: RowsWatcherOptions;
  readonly #pending = new Map<string, Set<string> | null>();
  readonly #dueAt = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #checking = false;
  #ended = false;
  #waiting: ((result: IteratorResult<RowsEvent>) => void) | null = null;

  constructor(options: RowsWatcherOptions) {
    this.#options = options;
    this.actor = options.actor;
    for (const right of options.rights.values())
      this.#rightsOf.set(right.table, [
        ...(this.#rightsOf.get(right.table) ?? []),
        right,
      ]);
    this.tables = [...this.#rightsOf.keys()];
  }

  hear(announcement: Announcement): void {
    for (const right of this.#rightsOf.get(announcement.table) ?? [])
      if (mayHear(this.actor, right, announcement))
        this.#add(right.name, right.isKeyed ? announcement.keys : null);
  }

  /** Something may have been missed. */
  hearMany(table: string): void {
    for (const { name } of this.#rightsOf.get(table) ?? [])
      this.#add(name, null);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#pending.clear();
    this.#options.onEnd(this);
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = null;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<RowsEvent>> {
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#schedule();
    });
  }

  return(): Promise<IteratorResult<RowsEvent>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<RowsEvent>> {
    this.end();
    return Promise.reject(
      error instanceof Error ? error : new Error(String(error)),
    );
  }

  #add(table: string, keys: readonly string[] | null): void {
    if (this.#ended) return;
    const ids = this.#pending.get(table);
    if (ids === null) return;
    if (ids === undefined)
      this.#dueAt.set(
        table,
        Math.max(this.#dueAt.get(table) ?? 0, Date.now() + GATHER_MS),
      );
    if (keys === null) {
      this.#pending.set(table, null);
    } else {
      const merged = ids ?? new Set();
      for (const key of keys) merged.add(key);
      this.#pending.set(table, merged.size > MAX_LIVE_IDS ? null : merged);
    }
    this.#schedule();
  }

  /** The next table to tell of, and in how many milliseconds. */
  #next(): { table: string; wait: number } | null {
    let next: { table: string; wait: number } | null = null;
    for (const table of this.#pending.keys()) {
      const wait = Math.max(0, (this.#dueAt.get(table) ?? 0) - Date.now());
      if (next === null || wait < next.wait) next = { table, wait };
    }
    return next;
  }

  #schedule(wait = this.#next()?.wait): void {
    if (wait === undefined || this.#ended || this.#checking) return;
    if (this.#waiting === null || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#tell();
    }, wait);
  }

  async #tell(): Promise<void> {
    this.#checking = true;
    let isSame: boolean | null;
    try {
      isSame = isSameActor(this.actor, await this.#options.currentActor());
    } catch (error) {
      // A database that does not answer says nothing about rights: ask again.
      isSame =
        error instanceof AppError && error.code === "LOGIN" ? false : null;
    }
    this.#checking = false;
    if (isSame === false) this.end();
    if (this.#ended) return;
    const next = this.#next();
    if (isSame === null || next === null || next.wait > 0) {
      this.#schedule(isSame === null ? RETRY_MS : next?.wait);
      return;
    }
    const ids = this.#pending.get(next.table);
    const resolve = this.#waiting;
    if (resolve === null) return;
    this.#pending.delete(next.table);
    this.#dueAt.set(next.table, Date.now() + MIN_LIVE_INTERVAL_MS);
    this.#waiting = null;
    resolve({
      done: false,
      value: {
        table: next.table,
        rowIds: ids === null || ids === undefined ? null : [...ids],
        at: new Date().toISOString(),
      },
    });
  }
}

/** A change of role or brand is another subscriber: this one ends. */
function isSameActor(before: Actor, now: Actor): boolean {
  return (
    before.role === now.role &&
    before.userId === now.userId &&
    before.brandId === now.brandId
  );
}
