import type { SortPayload } from "ra-core";

import { operatorsOf } from "./filters.ts";
import type { ResourceSchema, SortItem } from "./types.ts";

type Filter = Record<string, unknown>;

/** A row's place: PostGraphile's cursor, and the row's value of the first sort field. */
export type Place = { cursor: string; value: unknown };

export type Seek = "after" | "before";

/** What a list is sorted by first; null where that is the primary key. */
export const firstSort = (
  schema: ResourceSchema,
  sort: SortPayload | undefined,
  more: readonly SortItem[] = [],
): SortItem | null => {
  const [first] = [...(sort?.field ? [sort] : []), ...more];
  if (!first || first.field === "id" || first.field === schema.id.field) {
    return null;
  }
  return {
    field: first.field,
    order: first.order.toUpperCase() === "DESC" ? "DESC" : "ASC",
  };
};

/**
 * PostGraphile's own cursor condition is an OR, which no index range can use: it
 * reads every row before the place. This bound beside it is true for every row
 * that is wanted, and is one range. PostgreSQL sorts nulls as the largest, so on
 * the way up they come after every value: a bound would lose them, and is left
 * out unless the field is known to be never empty.
 */
export const keysetBound = (
  schema: ResourceSchema,
  sort: SortItem | null,
  seek: Seek,
  value: unknown,
): Filter | null => {
  if (sort === null || schema.list?.filterBy === "condition") return null;
  const field = schema.fields[sort.field];
  if (!field?.filter) return null;
  const known = operatorsOf(field);
  if (!known["gte"] || !known["lte"]) return null;
  const goesUp = (sort.order === "ASC") === (seek === "after");
  if (value === null || value === undefined) {
    return goesUp && value === null ? { [sort.field]: { isNull: true } } : null;
  }
  if (!goesUp) return { [sort.field]: { lessThanOrEqualTo: value } };
  const isNeverNull =
    field.nullable === false || schema.primaryKey.includes(sort.field);
  return isNeverNull ? { [sort.field]: { greaterThanOrEqualTo: value } } : null;
};

export const withBound = (
  filter: Filter | undefined,
  bound: Filter | null,
): Filter | undefined =>
  bound === null ? filter : filter ? { and: [filter, bound] } : bound;

/** A place as text, for addresses and later requests; it knows its order. */
export const writePlace = (orderBy: readonly string[], place: Place): string =>
  JSON.stringify([orderBy.join(" "), place.cursor, place.value ?? null]);

export const readPlace = (orderBy: readonly string[], text: string): Place => {
  const parsed = parse(text);
  if (
    !Array.isArray(parsed) ||
    parsed.length !== 3 ||
    typeof parsed[0] !== "string" ||
    typeof parsed[1] !== "string"
  ) {
    throw new Error(
      "This is not a place in a list: take one from the answer's meta.cursors.",
    );
  }
  if (parsed[0] !== orderBy.join(" ")) {
    throw new Error(
      "This place belongs to a list in another order. Begin at the first page.",
    );
  }
  return { cursor: parsed[1], value: parsed[2] as unknown };
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
