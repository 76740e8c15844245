import type { Pool } from "pg";

import { isFaultOfTheText } from "../billing/isFaultOfTheText.ts";

type Waiting = {
  body: string;
  resolve(isNew: boolean): void;
  reject(error: unknown): void;
};

/** More at once would only make the first of them wait for the last. */
const MOST_AT_ONCE = 100;
/** While one batch is committed, the next is gathered; two keep the disk busy. */
const BATCHES_AT_ONCE = 2;

/** The database reads this text, and it is no event. Trying again is of no use. */
export class NotAnEvent extends Error {
  override readonly name = "NotAnEvent";
}

/**
 * Writes events into the inbox. What arrives while another batch is being
 * committed goes together: one commit serves all of it, and nobody is told "kept"
 * before it is.
 */
export class Inbox {
  readonly #pool: Pick<Pool, "query">;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(pool: Pick<Pool, "query">) {
    this.#pool = pool;
  }

  /** Resolves when it is committed: true when the event is new. */
  store(body: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ body, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#running >= BATCHES_AT_ONCE || this.#waiting.length === 0) return;
    this.#running++;
    void this.#write(this.#waiting.splice(0, MOST_AT_ONCE)).finally(() => {
      this.#running--;
      this.#next();
    });
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      // Named, so that a connection plans it once.
      const { rows } = await this.#pool.query<{ is_new: boolean[] }>({
        name: "ingest_stripe_events",
        text: "select app_private.ingest_stripe_events($1::text[]::jsonb[]) as is_new",
        values: [batch.map(({ body }) => body)],
      });
      for (const [at, { resolve }] of batch.entries()) {
        resolve(rows[0]?.is_new[at] === true);
      }
    } catch (error) {
      if (!isFaultOfTheText(error)) {
        for (const { reject } of batch) reject(error);
      } else if (batch.length === 1) {
        batch[0]?.reject(new NotAnEvent("Not an event", { cause: error }));
      } else {
        // One of them spoils the batch: each for itself.
        for (const one of batch) await this.#write([one]);
      }
    }
  }
}
