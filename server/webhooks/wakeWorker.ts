import type { Pool } from "pg";
import type { Logger } from "pino";

/** Each question is a transaction: a thousand deliveries a second need no more of them. */
const AT_MOST_EVERY_MS = 50;

export type WakeWorker = {
  /** Something came in. */
  wake(): void;
  /** Asks what is still to be asked, and nothing afterwards. */
  close(): Promise<void>;
};

/**
 * Asks the worker to look into the inbox: at once for what comes alone, then at
 * most every so often. What comes in meanwhile is asked for once, afterwards, so
 * that no event is committed after the last question. Should it fail, the crontab
 * looks every minute.
 */
export function makeWakeWorker(
  pool: Pick<Pool, "query">,
  log: Pick<Logger, "warn">,
): WakeWorker {
  let asking: Promise<void> | null = null;
  let rest: NodeJS.Timeout | null = null;
  let again = false;
  let closed = false;

  const ask = () => {
    again = false;
    rest = setTimeout(() => {
      rest = null;
      next();
    }, AT_MOST_EVERY_MS);
    asking = pool
      .query("select app_private.request_stripe_processing()")
      .then(() => undefined)
      .catch((error: unknown) => {
        log.warn({ err: error }, "could not wake the worker for the inbox");
      })
      .finally(() => {
        asking = null;
        next();
      });
  };
  const next = () => {
    if (again && asking === null && rest === null) ask();
  };

  return {
    wake: () => {
      if (closed) return;
      again = true;
      next();
    },
    close: async () => {
      closed = true;
      await asking;
      if (rest !== null) clearTimeout(rest);
      rest = null;
      next();
      await asking;
      if (rest !== null) clearTimeout(rest);
    },
  };
}
