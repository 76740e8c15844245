import type { Pool } from "pg";
import type { Logger } from "pino";

import type { StripeApi } from "./stripeApi.ts";

const MOST_AT_ONCE = 50;

type ToFetch = { kind: "subscription" | "invoice"; id: string };

/**
 * Two events of one second do not say which came last; Stripe does. What it
 * answers goes into the inbox as an event, and takes the way of all events.
 * Returns how many were fetched.
 */
export async function fetchObjects(options: {
  worker: Pick<Pool, "query">;
  api: Pick<StripeApi, "fetchObject">;
  log: Pick<Logger, "info">;
  signal?: AbortSignal;
}): Promise<number> {
  const { worker, api, log, signal } = options;
  const { rows } = await worker.query<ToFetch>(
    "select kind, id from app_private.stripe_objects_to_fetch($1)",
    [MOST_AT_ONCE],
  );
  for (const { kind, id } of rows) {
    signal?.throwIfAborted();
    const fetched = await api.fetchObject(kind, id);
    if (fetched === null) {
      log.info({ kind, id }, "Stripe has no such object any more");
      await worker.query("select app_private.forget_stripe_fetch($1)", [id]);
      continue;
    }
    await worker.query("select app_private.ingest_stripe_event($1)", [
      JSON.stringify({
        id: `evt_fetched_${id}_${fetched.at}`,
        object: "event",
        type:
          kind === "subscription"
            ? "customer.subscription.updated"
            : "invoice.updated",
        created: fetched.at,
        livemode: fetched.livemode,
        api_version: fetched.apiVersion,
        data: { object: fetched.object },
      }),
    ]);
  }
  return rows.length;
}
