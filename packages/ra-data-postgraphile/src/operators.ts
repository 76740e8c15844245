import type { FieldSchema, ScalarKind } from "./types.ts";

/**
 * How the value of an operator is given: as one of the field's values, several of
 * them, one item of a list, two bounds, text, true or false, or as it is.
 */
export type Operand =
  "value" | "list" | "item" | "pair" | "text" | "texts" | "boolean" | "raw";

/** An operator by the API's name; `between` is made of two. */
export type Operator = { name: string; operand: Operand };

export type Operators = Readonly<Record<string, Operator>>;

const op = (name: string, operand: Operand): Operator => ({ name, operand });

const common: Operators = {
  eq: op("equalTo", "value"),
  // A row without a value is not that value either.
  ne: op("distinctFrom", "value"),
  isNull: op("isNull", "boolean"),
};

const scalar: Operators = {
  ...common,
  in: op("in", "list"),
  nin: op("notIn", "list"),
  gt: op("greaterThan", "value"),
  gte: op("greaterThanOrEqualTo", "value"),
  lt: op("lessThan", "value"),
  lte: op("lessThanOrEqualTo", "value"),
  between: op("greaterThanOrEqualTo", "pair"),
};

const boolean: Operators = {
  ...common,
  in: op("in", "list"),
  nin: op("notIn", "list"),
};

const string: Operators = {
  ...scalar,
  ieq: op("equalToInsensitive", "text"),
  ine: op("notEqualToInsensitive", "text"),
  contains: op("includesInsensitive", "text"),
  ncontains: op("notIncludesInsensitive", "text"),
  startsWith: op("startsWithInsensitive", "text"),
  nstartsWith: op("notStartsWithInsensitive", "text"),
  endsWith: op("endsWithInsensitive", "text"),
  nendsWith: op("notEndsWithInsensitive", "text"),
};

const list: Operators = {
  ...common,
  overlaps: op("overlaps", "value"),
  contains: op("contains", "value"),
  containedBy: op("containedBy", "value"),
  any: op("anyEqualTo", "item"),
};

const json: Operators = {
  ...common,
  eq: op("equalTo", "raw"),
  ne: op("distinctFrom", "raw"),
  contains: op("contains", "raw"),
  containedBy: op("containedBy", "raw"),
  hasKey: op("containsKey", "text"),
  hasAnyKey: op("containsAnyKeys", "texts"),
  hasAllKeys: op("containsAllKeys", "texts"),
};

const operatorsOfKind = (kind: ScalarKind, array: boolean): Operators => {
  if (array) return list;
  switch (kind) {
    case "string":
      return string;
    case "boolean":
      return boolean;
    case "json":
      return json;
    default:
      return scalar;
  }
};

/**
 * The operators of a kind, or of a field (which may have fewer), by the names
 * filters use: what a page can offer.
 */
export function operatorsOf(
  field: Pick<FieldSchema, "kind" | "array" | "operators">,
): Operators;
export function operatorsOf(kind: ScalarKind, array?: boolean): Operators;
export function operatorsOf(
  field: Pick<FieldSchema, "kind" | "array" | "operators"> | ScalarKind,
  array = false,
): Operators {
  if (typeof field === "string") return operatorsOfKind(field, array);
  const all = operatorsOfKind(field.kind, field.array);
  const { operators } = field;
  return operators
    ? Object.fromEntries(
        Object.entries(all).filter(([name]) => operators.includes(name)),
      )
    : all;
}
