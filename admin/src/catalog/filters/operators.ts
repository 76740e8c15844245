import type { CatalogField } from "../types.ts";

/**
 * Conditions as people make them ↔ the filter of a list, as the address and the
 * data provider have it. Both ways, so that a link shows the chips it came from.
 */
export type OperatorName =
  | "contains"
  | "is"
  | "is_not"
  | "starts"
  | "gte"
  | "lte"
  | "between"
  | "any_of"
  | "none_of"
  | "yes"
  | "no"
  | "contains_any"
  | "contains_all"
  | "empty"
  | "not_empty"
  | "has"
  | "has_none";

/** What a person gives with an operator. */
export type Operand =
  "none" | "text" | "number" | "date" | "range" | "values" | "references";

export type Condition = {
  field: string;
  operator: OperatorName;
  value: unknown;
};

/** A column, a column of a related record, or whether records point here. */
export type FilterField = CatalogField & { asks?: "existence" };

type WithFields = { fields: readonly FilterField[] };

export type ListFilter = Readonly<Record<string, unknown>>;

const isNumber = (field: CatalogField) =>
  ["int", "float", "bigint", "numeric"].includes(field.kind);

const isTime = (field: CatalogField) =>
  field.kind === "datetime" || field.kind === "date";

/** The questions a column of this kind can answer, the likeliest first. */
export function operatorsFor(field: FilterField): OperatorName[] {
  if (field.asks === "existence") return ["has", "has_none"];
  const nulls: OperatorName[] = field.nullable ? ["empty", "not_empty"] : [];
  if (field.array) return ["contains_any", "contains_all", ...nulls];
  if (field.reference !== null || field.values !== null) {
    return ["any_of", "none_of", ...nulls];
  }
  if (field.kind === "boolean") return ["yes", "no", ...nulls];
  if (isNumber(field)) return ["is", "gte", "lte", "between", ...nulls];
  if (isTime(field)) {
    return field.kind === "date"
      ? ["is", "gte", "lte", "between", ...nulls]
      : ["gte", "lte", "between", ...nulls];
  }
  if (field.kind === "string") {
    // Where the API can say which words there are, people choose among them.
    return field.group
      ? ["any_of", "contains", "starts", "none_of", ...nulls]
      : ["contains", "is", "starts", "is_not", ...nulls];
  }
  // Documents are not compared; ids and times of day only as a whole.
  return field.kind === "json" ? nulls : ["is", ...nulls];
}

export function operandOf(
  field: CatalogField,
  operator: OperatorName,
): Operand {
  switch (operator) {
    case "yes":
    case "no":
    case "empty":
    case "not_empty":
    case "has":
    case "has_none":
      return "none";
    case "between":
      return "range";
    case "any_of":
    case "none_of":
      return field.reference === null ? "values" : "references";
    case "contains_any":
    case "contains_all":
      return "values";
    default:
      return isNumber(field) ? "number" : isTime(field) ? "date" : "text";
  }
}

export const filterField = (
  { fields }: WithFields,
  name: string,
): FilterField | undefined => fields.find((field) => field.name === name);

/** A filter is on offer where the API has one and a person would use it. */
export const filterable = (resource: WithFields): FilterField[] =>
  resource.fields.filter(
    (field) => field.filter && !field.hidden && operatorsFor(field).length > 0,
  );

/** The first moment of a day where the reader is, as the API takes it. */
const dayStart = (day: string): string =>
  new Date(`${day}T00:00:00`).toISOString();

const dayEnd = (day: string): string =>
  new Date(`${day}T23:59:59.999`).toISOString();

const dayOf = (moment: unknown): string => {
  const date = new Date(String(moment));
  if (Number.isNaN(date.getTime())) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
};

const edge = (field: CatalogField, side: "gte" | "lte", value: unknown) =>
  field.kind === "datetime"
    ? side === "gte"
      ? dayStart(String(value))
      : dayEnd(String(value))
    : value;

const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== "";

/** Whether a condition says enough to be asked. */
export function isComplete(field: CatalogField, condition: Condition): boolean {
  switch (operandOf(field, condition.operator)) {
    case "none":
      return true;
    case "range":
      return (
        Array.isArray(condition.value) &&
        (isGiven(condition.value[0]) || isGiven(condition.value[1]))
      );
    case "values":
    case "references":
      return Array.isArray(condition.value) && condition.value.length > 0;
    default:
      return isGiven(condition.value);
  }
}

export function encodeCondition(
  field: CatalogField,
  { operator, value }: Condition,
): Record<string, unknown> {
  const { name } = field;
  switch (operator) {
    case "contains":
      return { [`${name}@contains`]: value };
    case "starts":
      return { [`${name}@startsWith`]: value };
    case "is":
      return { [`${name}@eq`]: value };
    case "is_not":
      return { [`${name}@ne`]: value };
    case "gte":
      return { [`${name}@gte`]: edge(field, "gte", value) };
    case "lte":
      return { [`${name}@lte`]: edge(field, "lte", value) };
    case "between": {
      const [from, to] = value as [unknown, unknown];
      return {
        ...(isGiven(from) ? { [`${name}@gte`]: edge(field, "gte", from) } : {}),
        ...(isGiven(to) ? { [`${name}@lte`]: edge(field, "lte", to) } : {}),
      };
    }
    case "any_of":
      return { [`${name}@in`]: value };
    case "none_of":
      return { [`${name}@nin`]: value };
    case "contains_any":
      return { [`${name}@overlaps`]: value };
    case "contains_all":
      return { [`${name}@contains`]: value };
    case "yes":
      return { [`${name}@eq`]: true };
    case "no":
      return { [`${name}@eq`]: false };
    case "empty":
      return { [`${name}@isNull`]: true };
    case "not_empty":
      return { [`${name}@isNull`]: false };
    case "has":
      return { [`${name}@exists`]: true };
    case "has_none":
      return { [`${name}@exists`]: false };
  }
}

const asList = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : [value];

/** One key of a filter → a condition, or null where no chip could say it. */
function decode(
  field: FilterField,
  operator: string | undefined,
  value: unknown,
): Condition | null {
  const say = (name: OperatorName, of: unknown = value): Condition | null =>
    operatorsFor(field).includes(name)
      ? { field: field.name, operator: name, value: of }
      : null;
  switch (operator) {
    case "contains":
      return field.array ? say("contains_all", asList(value)) : say("contains");
    case "startsWith":
      return say("starts");
    case "overlaps":
    case "any":
      return say("contains_any", asList(value));
    case "in":
      return say("any_of", asList(value));
    case "nin":
      return say("none_of", asList(value));
    case "ne":
      return say("is_not");
    case "gte":
    case "lte":
      return say(operator, field.kind === "datetime" ? dayOf(value) : value);
    case "exists":
      return say(value === false ? "has_none" : "has", null);
    case "isNull":
      return say(value === false ? "not_empty" : "empty", null);
    case "eq":
    case undefined:
      if (value === null) return say("empty");
      if (field.kind === "boolean") return say(value ? "yes" : "no", null);
      if (field.array) return say("contains_any", asList(value));
      return (
        say("any_of", asList(value)) ??
        (Array.isArray(value) ? null : say("is"))
      );
    default:
      return null;
  }
}

export type Decoded = {
  conditions: Condition[];
  /** What no chip can say; it stays as it is. */
  rest: Record<string, unknown>;
};

export function decodeFilter(
  resource: WithFields,
  filter: ListFilter,
): Decoded {
  const conditions: Condition[] = [];
  const rest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(filter)) {
    const [name = "", operator] = key.split("@");
    const field = filterField(resource, name);
    const condition =
      key === "q" || value === undefined || field === undefined
        ? null
        : decode(field, operator, value);
    if (condition === null) {
      rest[key] = value;
      continue;
    }
    const other = conditions.find(
      (one) =>
        one.field === condition.field &&
        ((one.operator === "gte" && condition.operator === "lte") ||
          (one.operator === "lte" && condition.operator === "gte")),
    );
    if (other === undefined) {
      conditions.push(condition);
    } else {
      const range =
        other.operator === "gte"
          ? [other.value, condition.value]
          : [condition.value, other.value];
      other.operator = "between";
      other.value = range;
    }
  }
  return { conditions, rest };
}

/** The whole filter of a list; of two conditions with the same key the later one counts. */
export function encodeFilter(
  resource: WithFields,
  { conditions, rest }: Decoded,
): Record<string, unknown> {
  let filter: Record<string, unknown> = { ...rest };
  for (const condition of conditions) {
    const field = filterField(resource, condition.field);
    if (field !== undefined && isComplete(field, condition)) {
      filter = { ...filter, ...encodeCondition(field, condition) };
    }
  }
  return filter;
}
