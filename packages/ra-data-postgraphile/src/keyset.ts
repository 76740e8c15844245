import type { SortPayload } from "ra-core";

import { operatorsOf } from "./operators.ts";
import type { ResourceSchema, SortItem } from "./types.ts";

type Filter = Record<string, unknown>;

/**
 * A row's place: PostGraphile's cursor, and the row's values of the sort fields, the
 * primary key's at the end (as the server sent them, not as numbers).
 */
export type Place = { cursor: string | null; values: readonly unknown[] };

export type Seek = "after" | "before";

/** An address may name a column to sort by and no direction. */
export const isDescending = (order: string | undefined): boolean =>
  order?.toUpperCase() === "DESC";

/** The whole order of a list: the sort fields, then the primary key's. */
export const sortFields = (
  schema: ResourceSchema,
  sort: SortPayload | undefined,
  more: readonly SortItem[] = [],
): SortItem[] => {
  const items: SortItem[] = [];
  const seen = new Set<string>();
  for (const item of [...(sort?.field ? [sort] : []), ...more]) {
    if (seen.has(item.field)) continue;
    seen.add(item.field);
    const order = isDescending(item.order) ? "DESC" : "ASC";
    if (item.field === "id" || item.field === schema.id.field) {
      return [
        ...items,
        ...schema.primaryKey.map((field) => ({ field, order }) as const),
      ];
    }
    items.push({ field: item.field, order });
  }
  return [
    ...items,
    ...schema.primaryKey
      .filter((field) => !seen.has(field))
      .map((field) => ({ field, order: "ASC" }) as const),
  ];
};

const isNeverNull = (schema: ResourceSchema, field: string): boolean =>
  schema.primaryKey.includes(field) || schema.fields[field]?.nullable === false;

const has = (schema: ResourceSchema, name: string, operator: string) => {
  const field = schema.fields[name];
  return field?.filter === true && Object.hasOwn(operatorsOf(field), operator);
};

/** PostgreSQL sorts nulls as the largest: last upwards, first downwards. */
const goesUp = ({ order }: SortItem, seek: Seek): boolean =>
  (order === "ASC") === (seek === "after");

/**
 * How a page is sought. PostGraphile's own cursor mistakes on which side rows
 * without a value are, so it serves only where every sort field has one; else the
 * place is written as a filter, which needs fields that can be compared.
 */
export const seekBy = (
  schema: ResourceSchema,
  order: readonly SortItem[],
): "cursor" | "filter" | null => {
  if (schema.list === null) return null;
  if (order.every(({ field }) => isNeverNull(schema, field))) return "cursor";
  if (schema.list.filterBy === "condition") return null;
  return order.every(({ field }) =>
    ["eq", "gt", "lt", "isNull"].every(
      (operator) =>
        has(schema, field, operator) ||
        (operator === "isNull" && isNeverNull(schema, field)),
    ),
  )
    ? "filter"
    : null;
};

/**
 * A bound on the first sort field: true for every row that is wanted, and one
 * range of an index, where the whole condition is an OR, for which every row
 * before the place is read. Upwards, rows without a value come after every value:
 * a bound would lose them, so there is none unless the field always has one.
 */
const firstBound = (
  schema: ResourceSchema,
  order: readonly SortItem[],
  seek: Seek,
  place: Place,
): Filter | null => {
  const [sort] = order;
  const [value] = place.values;
  if (!sort || order.length < 2 || schema.list?.filterBy === "condition") {
    return null;
  }
  if (!has(schema, sort.field, "gte") || !has(schema, sort.field, "lte")) {
    return null;
  }
  const isUp = goesUp(sort, seek);
  if (value === null || value === undefined) {
    return isUp ? { [sort.field]: { isNull: true } } : null;
  }
  if (!isUp) return { [sort.field]: { lessThanOrEqualTo: value } };
  return isNeverNull(schema, sort.field)
    ? { [sort.field]: { greaterThanOrEqualTo: value } }
    : null;
};

/** Rows that come later: farther in the first field, or as far and later in the rest. */
const later = (
  schema: ResourceSchema,
  order: readonly SortItem[],
  seek: Seek,
  values: readonly unknown[],
): Filter | null => {
  const [sort, ...rest] = order;
  if (!sort) return null;
  const [value = null, ...restValues] = values;
  const { field } = sort;
  const isUp = goesUp(sort, seek);
  const farther: Filter[] =
    value === null
      ? isUp
        ? []
        : [{ [field]: { isNull: false } }]
      : [
          { [field]: { [isUp ? "greaterThan" : "lessThan"]: value } },
          ...(isUp && !isNeverNull(schema, field)
            ? [{ [field]: { isNull: true } }]
            : []),
        ];
  const next = later(schema, rest, seek, restValues);
  const asFar: Filter[] = next
    ? [
        {
          and: [
            { [field]: value === null ? { isNull: true } : { equalTo: value } },
            next,
          ],
        },
      ]
    : [];
  return { or: [...farther, ...asFar] };
};

/** What is added to the filter of a page that begins at a place. */
export const placeFilter = (
  schema: ResourceSchema,
  order: readonly SortItem[],
  seek: Seek,
  place: Place,
): Filter | null => {
  const bound = firstBound(schema, order, seek, place);
  if (seekBy(schema, order) !== "filter") return bound;
  const whole = later(schema, order, seek, place.values);
  return whole && bound ? { and: [bound, whole] } : whole;
};

export const narrowed = (
  filter: Filter | undefined,
  added: Filter | null,
): Filter | undefined =>
  added === null ? filter : filter ? { and: [filter, added] } : added;

/** A place as text, for addresses and later requests; it knows its order. */
export const writePlace = (orderBy: readonly string[], place: Place): string =>
  JSON.stringify([orderBy.join(" "), place.cursor, ...place.values]);

export const readPlace = (orderBy: readonly string[], text: string): Place => {
  const parsed = parse(text);
  if (!Array.isArray(parsed) || parsed.length < 3) {
    throw new Error(
      "This is not a place in a list: take one from the answer's meta.cursors.",
    );
  }
  const [order, cursor, ...values] = parsed as unknown[];
  if (order !== orderBy.join(" ")) {
    throw new Error(
      "This place belongs to a list in another order. Begin at the first page.",
    );
  }
  return { cursor: typeof cursor === "string" ? cursor : null, values };
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Said by the caller, with what to do.
    return null;
  }
};

/** Remembers the last things that were asked about, and no more than that. */
export const makeMemory = <Value>(limit: number) => {
  const values = new Map<string, Value>();
  return {
    get: (key: string): Value | undefined => {
      const value = values.get(key);
      if (value !== undefined) {
        values.delete(key);
        values.set(key, value);
      }
      return value;
    },
    set: (key: string, value: Value): void => {
      values.delete(key);
      values.set(key, value);
      if (values.size <= limit) return;
      const [oldest] = values.keys();
      if (oldest !== undefined) values.delete(oldest);
    },
  };
};
