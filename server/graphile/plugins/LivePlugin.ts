import { context, lambda, listen, type Step } from "postgraphile/grafast";
import { extendSchema } from "postgraphile/utils";

import { AppError } from "../../errors/AppError.ts";
import { liveTopic } from "../LiveSubscriber.ts";

/**
 * `importRunChanged` tells when a run may have changed. The event carries no
 * data: the run is read anew, as the subscriber, each time.
 */
export const LivePlugin = extendSchema((build) => {
  const runs = build.pgResources["import_runs"];
  // Not every database has imports; what is absent needs no subscription.
  if (runs === undefined || runs.parameters) return { typeDefs: "" };
  const ImportRun = build.inflection.tableType(runs.codec);
  return {
    typeDefs: /* GraphQL */ `
      extend type Subscription {
        """
        Tells when this import run may have changed, until it is unsubscribed.
        """
        importRunChanged(rowId: UUID!): ImportRunChangedPayload
      }

      """What an event about an import run leads to."""
      type ImportRunChangedPayload {
        """The run as it is now; null once it cannot be seen any more."""
        importRun: ${ImportRun}
      }
    `,
    objects: {
      Subscription: {
        plans: {
          importRunChanged: {
            subscribePlan(_$root, args) {
              // Whoever cannot see the run is not told that it changes either.
              const $visible = runs.get({ id: args.getRaw("rowId") }).get("id");
              const $topic = lambda($visible, (id: string | null) => {
                if (id === null || id === undefined)
                  throw new AppError("NTFND");
                return liveTopic("app_import_run", id);
              });
              return listen(context().get("pgSubscriber"), $topic);
            },
            plan: ($id: Step<string>) => $id,
          },
        },
      },
      ImportRunChangedPayload: {
        plans: {
          importRun: ($id: Step<string>) => runs.get({ id: $id }),
        },
      },
    },
  };
}, "LivePlugin");
