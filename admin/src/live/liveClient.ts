import { createClient } from "graphql-ws";
import type { LiveOptions, ResourceSchemas } from "ra-data-postgraphile";
import { rowsChanged } from "ra-data-postgraphile";

/** Its socket opens with the first subscription, and comes back by itself. */
const client = createClient({
  url: `${window.location.origin.replace(/^http/, "ws")}/graphql`,
  retryAttempts: Number.POSITIVE_INFINITY,
});

/** Going to and fro between two pages of a table is one subscription. */
const LINGER_MS = 30_000;

/** The subscriptions of resources, by the tables they show. */
export function liveOptions(
  resources: ResourceSchemas,
  tableOf: (resource: string) => string | undefined,
): LiveOptions {
  return {
    client,
    lingerMs: LINGER_MS,
    fields: Object.fromEntries(
      Object.keys(resources).flatMap((name) => {
        const table = tableOf(name);
        return table === undefined ? [] : [[name, rowsChanged(table)]];
      }),
    ),
    // The page goes on as one that is read again by hand.
    onError: (topic, error) => console.warn(`${topic} is not live`, error),
  };
}

/** Somebody else signed in, or acts in another brand: the socket still says who did. */
export function reopenLive(): void {
  client.terminate();
}
