import pg from "pg";
import type { Logger } from "pino";
import type { GrafastSubscriber } from "postgraphile/grafast";

/** Channels that triggers notify, with the id of a row as payload. */
export const LIVE_CHANNELS = ["app_import_run"] as const;
export type LiveChannel = (typeof LIVE_CHANNELS)[number];

/** The id of a row that changed, or may have: fetch it again. */
export type LiveEvent = string;

/** A subscriber's topic: one row of one channel. */
export function liveTopic(channel: LiveChannel, id: string): string {
  return `${channel}:${id}`;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export type LiveSubscriberOptions = {
  connectionString: string;
  log: Pick<Logger, "info" | "warn">;
};

/**
 * One connection listens for the whole server, however many people watch. It
 * comes back by itself when the database restarts; whoever was subscribed gets
 * an event then, since one may have been missed. An event carries an id only:
 * what the row says is read under the subscriber's own policies.
 */
export class LiveSubscriber implements GrafastSubscriber<
  Record<string, LiveEvent>
> {
  private readonly options: LiveSubscriberOptions;
  private readonly watchers = new Map<string, Set<Watcher>>();
  private client: pg.Client | null = null;
  private starting: Promise<void> | null = null;
  private retry: NodeJS.Timeout | null = null;
  private attempts = 0;
  private connectedBefore = false;
  private released = false;

  constructor(options: LiveSubscriberOptions) {
    this.options = options;
  }

  /** The connection is made when the first person subscribes. */
  subscribe(topic: string): AsyncIterableIterator<LiveEvent> {
    const watcher = new Watcher(topic.slice(topic.indexOf(":") + 1), () => {
      const others = this.watchers.get(topic);
      others?.delete(watcher);
      if (others?.size === 0) this.watchers.delete(topic);
    });
    if (this.released) {
      watcher.end();
      return watcher;
    }
    const watchers = this.watchers.get(topic) ?? new Set();
    watchers.add(watcher);
    this.watchers.set(topic, watchers);
    this.connect();
    return watcher;
  }

  /** Resolves once notifications arrive; for tests and start-up checks. */
  async ready(): Promise<void> {
    while (!this.released && this.client === null) {
      this.connect();
      await this.starting;
      if (this.client === null)
        await new Promise((resolve) => setTimeout(resolve, FIRST_RETRY_MS));
    }
  }

  async release(): Promise<void> {
    this.released = true;
    if (this.retry !== null) clearTimeout(this.retry);
    for (const watchers of [...this.watchers.values()])
      for (const watcher of [...watchers]) watcher.end();
    await this.starting;
    const client = this.client;
    this.client = null;
    await client?.end();
  }

  private connect(): void {
    if (this.released || this.client !== null || this.starting !== null) return;
    if (this.retry !== null) return;
    this.starting = this.open().finally(() => {
      this.starting = null;
    });
  }

  private async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.options.connectionString,
      application_name: "closetai live",
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    let lost = false;
    const onLost = (error?: Error) => {
      if (lost) return;
      lost = true;
      if (this.client === client) this.client = null;
      if (this.released) return;
      this.options.log.warn(
        { reason: error?.message },
        "live connection lost, reconnecting",
      );
      // Ends a socket that is half open; what it answers no longer matters.
      client.end().catch((ending: Error) => {
        this.options.log.warn(
          { reason: ending.message },
          "lost live connection did not end cleanly",
        );
      });
      this.retryLater();
    };
    client.on("error", onLost);
    client.on("end", () => onLost());
    client.on("notification", ({ channel, payload }) => {
      if (payload !== undefined) this.tell(`${channel}:${payload}`);
    });
    try {
      await client.connect();
      for (const channel of LIVE_CHANNELS)
        await client.query(`listen ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      onLost(error as Error);
      return;
    }
    if (lost) return;
    if (this.released) {
      await client.end();
      return;
    }
    this.client = client;
    this.attempts = 0;
    if (this.connectedBefore) {
      this.options.log.info("live connection restored");
      for (const topic of this.watchers.keys()) this.tell(topic);
    }
    this.connectedBefore = true;
  }

  private retryLater(): void {
    if (this.released || this.retry !== null) return;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.attempts, LAST_RETRY_MS);
    this.attempts += 1;
    this.retry = setTimeout(() => {
      this.retry = null;
      this.connect();
    }, wait);
    this.retry.unref();
  }

  private tell(topic: string): void {
    for (const watcher of this.watchers.get(topic) ?? []) watcher.tell();
  }
}

/**
 * One subscriber's stream. Events of one row are all alike, so at most one
 * waits: a reader that falls behind skips, and memory stays flat.
 */
class Watcher implements AsyncIterableIterator<LiveEvent> {
  private readonly id: string;
  private readonly onEnd: () => void;
  private pending = false;
  private ended = false;
  private waiting: ((result: IteratorResult<LiveEvent>) => void) | null = null;

  constructor(id: string, onEnd: () => void) {
    this.id = id;
    this.onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  tell(): void {
    if (this.ended) return;
    if (this.waiting === null) {
      this.pending = true;
      return;
    }
    const resolve = this.waiting;
    this.waiting = null;
    resolve({ done: false, value: this.id });
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
    this.waiting?.({ done: true, value: undefined });
    this.waiting = null;
  }

  next(): Promise<IteratorResult<LiveEvent>> {
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    if (this.pending) {
      this.pending = false;
      return Promise.resolve({ done: false, value: this.id });
    }
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<LiveEvent>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  throw(error: unknown): Promise<IteratorResult<LiveEvent>> {
    this.end();
    return Promise.reject(
      error instanceof Error ? error : new Error(String(error)),
    );
  }
}
