import { constantCase } from "postgraphile/graphile-build";

import type { CatalogResource } from "../catalog/types.ts";

type Filter = Record<string, unknown>;

type SortField = { name: string; isDescending: boolean; isNullable: boolean };

/**
 * How an export goes on after a page.
 *
 * - cursor: PostGraphile's own; it takes rows without a value to be on the wrong
 *   side, and would lose or repeat them, so it serves only where each field that
 *   is sorted by has one.
 * - filter: the place of the last row, written as a filter.
 * - offset: what can neither be compared nor is known; costs more with each page.
 */
export type Seek =
  | { by: "cursor" }
  | { by: "filter"; fields: readonly SortField[] }
  | { by: "offset" };

/** Kinds of which every value is before or after every other. */
const UNORDERED = new Set(["json"]);

export function seekFor(
  resource: CatalogResource,
  orderBy: readonly string[],
): Seek {
  const fields = sortFields(resource, orderBy);
  if (fields === null) return { by: "offset" };
  if (fields.every(({ isNullable }) => !isNullable)) return { by: "cursor" };
  const canCompare = fields.every(({ name }) => {
    const field = resource.fields.find((known) => known.name === name);
    return field?.filter === true && !field.array && !UNORDERED.has(field.kind);
  });
  return canCompare ? { by: "filter", fields } : { by: "offset" };
}

/** The whole order, the primary key's fields last; null where it is not known. */
function sortFields(
  { fields, schema }: CatalogResource,
  orderBy: readonly string[],
): SortField[] | null {
  const byConstant = new Map(
    fields.map((field) => [constantCase(field.name), field]),
  );
  const found = new Map<string, SortField>();
  for (const value of orderBy) {
    const [, constant = "", direction] = /^(.+)_(ASC|DESC)$/.exec(value) ?? [];
    const isDescending = direction === "DESC";
    if (constant === "PRIMARY_KEY") {
      for (const name of schema.primaryKey) {
        if (!found.has(name)) {
          found.set(name, { name, isDescending, isNullable: false });
        }
      }
      continue;
    }
    const field = byConstant.get(constant);
    if (field === undefined) return null;
    const { name } = field;
    if (found.has(name)) continue;
    const isNullable = field.nullable && !schema.primaryKey.includes(name);
    found.set(name, { name, isDescending, isNullable });
  }
  return schema.primaryKey.every((name) => found.has(name))
    ? [...found.values()]
    : null;
}

/**
 * Rows that come after the one with these values: farther in the first field, or
 * as far and farther in the second, and so on. PostgreSQL sorts rows without a
 * value as the largest.
 */
export function rowsAfter(
  fields: readonly SortField[],
  row: Readonly<Record<string, unknown>>,
): Filter {
  const alternatives: Filter[][] = [];
  const asFar: Filter[] = [];
  for (const { name, isDescending, isNullable } of fields) {
    const value = row[name] ?? null;
    const farther =
      value === null
        ? isDescending
          ? [{ isNull: false }]
          : []
        : [
            { [isDescending ? "lessThan" : "greaterThan"]: value },
            ...(isNullable && !isDescending ? [{ isNull: true }] : []),
          ];
    for (const condition of farther) {
      alternatives.push([...asFar, { [name]: condition }]);
    }
    asFar.push({
      [name]: value === null ? { isNull: true } : { equalTo: value },
    });
  }
  return { or: alternatives.map((and) => ({ and })) };
}

/**
 * A bound on the first field that holds for all of them: one range of an index,
 * where the whole condition is an OR. Upwards, rows without a value come after
 * every value, and no bound can name both.
 */
export function boundOf(
  [first]: readonly SortField[],
  row: Readonly<Record<string, unknown>>,
): Filter | null {
  if (first === undefined) return null;
  const { name, isDescending, isNullable } = first;
  const value = row[name] ?? null;
  if (value === null) return isDescending ? null : { [name]: { isNull: true } };
  if (isDescending) return { [name]: { lessThanOrEqualTo: value } };
  return isNullable ? null : { [name]: { greaterThanOrEqualTo: value } };
}
