import { PgSelectStep } from "postgraphile/@dataplan/pg";
import { wrapPlans } from "postgraphile/utils";

/**
 * Keeps the nearest first. What a client asks about each item is joined into the
 * same statement, and a join keeps no order that the statement does not ask for.
 */
export const SimilarItemsPlugin: GraphileConfig.Plugin = {
  ...wrapPlans({
    Query: {
      similarItems(plan) {
        const $items: unknown = plan();
        if (!($items instanceof PgSelectStep)) {
          throw new Error("similarItems is no longer a plain list of rows");
        }
        for (const attribute of ["distance", "item_id"]) {
          $items.orderBy({ attribute, direction: "ASC" });
        }
        return $items;
      },
    },
  }),
  name: "SimilarItemsPlugin",
  description: "Orders similarItems by distance, then id, whatever is joined",
};
