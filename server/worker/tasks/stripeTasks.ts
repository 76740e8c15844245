import type { TaskList } from "graphile-worker";

import { drainInbox } from "../../billing/drainInbox.ts";
import { fetchObjects } from "../../billing/fetchObjects.ts";
import { makeStripeApi } from "../../billing/stripeApi.ts";
import type { WorkerDeps } from "../startWorker.ts";

/**
 * process_stripe_events puts the inbox into effect: the server asks for it after
 * each delivery, the crontab every minute for what came while nobody could ask.
 * fetch_stripe_objects settles what events leave open. grant_due_subscriptions
 * gives plans the credits of a month that has begun.
 */
export function makeStripeTasks({
  config,
  pools,
  log,
}: Pick<WorkerDeps, "config" | "pools" | "log">): TaskList {
  const api = makeStripeApi(config.stripe);
  return {
    process_stripe_events: async (_payload, { abortSignal }) => {
      const done = await drainInbox({
        worker: pools.worker,
        log,
        signal: abortSignal,
      });
      if (done > 0) log.debug({ events: done }, "put events into effect");
    },
    fetch_stripe_objects: async (_payload, { abortSignal }) => {
      if (api === null) return;
      const fetched = await fetchObjects({
        worker: pools.worker,
        api,
        log,
        signal: abortSignal,
      });
      if (fetched === 0) return;
      await pools.worker.query(
        "select app_private.request_stripe_processing()",
      );
    },
    grant_due_subscriptions: async () => {
      const { rows } = await pools.worker.query<{ granted: number }>(
        "select app_private.grant_due_subscriptions() as granted",
      );
      log.info({ granted: rows[0]?.granted }, "credits of plans are given");
    },
  };
}
