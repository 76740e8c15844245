import type { Pool } from "pg";
import type { Logger } from "pino";

/**
 * Asks the worker to look into the inbox, at most one question at a time: what
 * comes in meanwhile is asked for once, afterwards, so that no event is committed
 * after the last question. Should it fail, the crontab looks every minute.
 */
export function makeWakeWorker(
  pool: Pick<Pool, "query">,
  log: Pick<Logger, "warn">,
): () => void {
  let asking = false;
  let again = false;
  const ask = () => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    again = false;
    pool
      .query("select app_private.request_stripe_processing()")
      .catch((error: unknown) => {
        log.warn({ err: error }, "could not wake the worker for the inbox");
      })
      .finally(() => {
        asking = false;
        if (again) ask();
      });
  };
  return ask;
}
