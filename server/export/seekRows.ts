import { constantCase } from "postgraphile/graphile-build";
import type { SortItem } from "ra-data-postgraphile";
import { sortFields } from "ra-data-postgraphile/keyset";

import type { CatalogResource } from "../catalog/types.ts";

/**
 * An order as the API names it, as the fields it goes by, the primary key's last;
 * null where one of them is no field of the catalogue, such as a sum of others.
 */
export function fieldsOf(
  { fields, schema }: CatalogResource,
  orderBy: readonly string[],
): SortItem[] | null {
  const byConstant = new Map(
    fields.map(({ name }) => [constantCase(name), name]),
  );
  const items: SortItem[] = [];
  for (const value of orderBy) {
    const [, constant = "", direction] = /^(.+)_(ASC|DESC)$/.exec(value) ?? [];
    const field =
      constant === "PRIMARY_KEY" ? schema.id.field : byConstant.get(constant);
    if (field === undefined) return null;
    items.push({ field, order: direction === "DESC" ? "DESC" : "ASC" });
  }
  return sortFields(schema, undefined, items);
}
