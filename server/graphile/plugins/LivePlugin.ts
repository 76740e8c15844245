import { context, get, lambda, listen, type Step } from "postgraphile/grafast";
import { extendSchema } from "postgraphile/utils";

import { topicOf } from "../live/openRows.ts";
import type { RowsEvent } from "../live/RowsWatcher.ts";

/**
 * `rowsChanged` tells that rows changed, never what they say: the client reads
 * them again, under its own policies.
 */
export const LivePlugin = extendSchema(
  {
    typeDefs: /* GraphQL */ `
      extend type Subscription {
        """
        Tells when rows of these tables may have changed, as far as the caller may
        know, until it is unsubscribed. Each table is told of once at the beginning,
        and then at most four times a second. Ends when the caller's role or brand
        changes.
        """
        rowsChanged(
          """
          Names as in the catalogue, at most 20: only live tables, and views of such, that the caller may read.
          """
          tables: [String!]!
        ): RowsChanged
      }

      """
      Rows of one table that may have changed: inserted, updated or deleted.
      """
      type RowsChanged {
        """
        The table, as it was named.
        """
        table: String!
        """
        The values of the primary key, as text; null when any row may have changed:
        more than a hundred did, the key has several columns, or some events may
        have been missed.
        """
        rowIds: [String!]
        """
        When it was told.
        """
        at: Datetime!
      }
    `,
    objects: {
      Subscription: {
        plans: {
          rowsChanged: {
            subscribePlan: (_$root, args) =>
              listen(
                context().get("liveRows"),
                lambda(args.getRaw("tables"), topicOf, true),
              ),
            plan: ($event: Step<RowsEvent>) => $event,
          },
        },
      },
      RowsChanged: {
        plans: {
          table: ($event: Step<RowsEvent>) => get($event, "table"),
          rowIds: ($event: Step<RowsEvent>) => get($event, "rowIds"),
          at: ($event: Step<RowsEvent>) => get($event, "at"),
        },
      },
    },
  },
  "LivePlugin",
);
