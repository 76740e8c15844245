import { invalidValue } from "./errors.ts";
import { apiField, fieldNamed, resourceNamed } from "./resources.ts";
import type {
  FieldSchema,
  ResourceSchema,
  ResourceSchemas,
  SearchSchema,
} from "./types.ts";
import { sendValue } from "./values.ts";

type Filter = Record<string, unknown>;

/** How the value of an operator is written. */
type Operand = "value" | "list" | "item" | "text" | "boolean" | "raw";

type Operator = { name: string; operand: Operand };

const op = (name: string, operand: Operand): Operator => ({ name, operand });

const common: Readonly<Record<string, Operator>> = {
  eq: op("equalTo", "value"),
  // A row without a value is not that value either.
  ne: op("distinctFrom", "value"),
  isNull: op("isNull", "boolean"),
};

const scalar: Readonly<Record<string, Operator>> = {
  ...common,
  in: op("in", "list"),
  nin: op("notIn", "list"),
  gt: op("greaterThan", "value"),
  gte: op("greaterThanOrEqualTo", "value"),
  lt: op("lessThan", "value"),
  lte: op("lessThanOrEqualTo", "value"),
};

const boolean: Readonly<Record<string, Operator>> = {
  ...common,
  in: op("in", "list"),
  nin: op("notIn", "list"),
};

const string: Readonly<Record<string, Operator>> = {
  ...scalar,
  ieq: op("equalToInsensitive", "text"),
  contains: op("includesInsensitive", "text"),
  ncontains: op("notIncludesInsensitive", "text"),
  startsWith: op("startsWithInsensitive", "text"),
  endsWith: op("endsWithInsensitive", "text"),
};

const list: Readonly<Record<string, Operator>> = {
  ...common,
  overlaps: op("overlaps", "value"),
  contains: op("contains", "value"),
  containedBy: op("containedBy", "value"),
  any: op("anyEqualTo", "item"),
};

const json: Readonly<Record<string, Operator>> = {
  ...common,
  eq: op("equalTo", "raw"),
  ne: op("distinctFrom", "raw"),
  contains: op("contains", "raw"),
  hasKey: op("containsKey", "text"),
};

/** The operators a field understands, by the names filters use. */
export const operatorsOf = (
  field: Pick<FieldSchema, "kind" | "array">,
): Readonly<Record<string, Operator>> => {
  if (field.array) return list;
  switch (field.kind) {
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

const defaultOperator = (field: FieldSchema, value: unknown): string => {
  if (value === null) return "isNull";
  if (field.array) return Array.isArray(value) ? "overlaps" : "any";
  if (field.kind === "json") return "contains";
  return Array.isArray(value) ? "in" : "eq";
};

const operand = (
  operator: Operator,
  field: FieldSchema,
  value: unknown,
  name: string,
): unknown => {
  switch (operator.operand) {
    case "boolean":
      return value === null || value === true || value === "true";
    case "text":
      return String(value);
    case "raw":
      return value;
    case "item":
      return sendValue({ kind: field.kind, array: false }, value, name);
    case "list":
      return (Array.isArray(value) ? value : [value])
        .filter((item) => item !== null && item !== undefined)
        .map((item) => sendValue(field, item, name));
    case "value":
      return sendValue(
        field,
        field.array && !Array.isArray(value) ? [value] : value,
        name,
      );
  }
};

const condition = (
  schema: ResourceSchema,
  name: string,
  operatorName: string | null,
  value: unknown,
): Filter => {
  const fieldName = apiField(schema, name);
  const field = fieldNamed(schema, fieldName);
  if (!field.filter) {
    throw new Error(`${schema.name} cannot be filtered by ${fieldName}.`);
  }
  const known = operatorsOf(field);
  const wanted = operatorName ?? defaultOperator(field, value);
  const operator = Object.hasOwn(known, wanted) ? known[wanted] : undefined;
  if (!operator) {
    throw new Error(
      `${schema.name}.${fieldName} has no filter "@${wanted}". It understands: ${Object.keys(known).join(", ")}.`,
    );
  }
  // The API has no "equal to nothing": that question is isNull.
  if (value === null && operator.name !== "isNull") {
    const isNegative = operator.name === "distinctFrom";
    if (operator.name === "equalTo" || isNegative) {
      return { [fieldName]: { isNull: !isNegative } };
    }
    throw invalidValue(name, "This filter needs a value.");
  }
  return {
    [fieldName]: { [operator.name]: operand(operator, field, value, name) },
  };
};

const isFilter = (value: unknown): value is Filter =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date);

/** Two conditions on one field hold together; the same operator twice becomes an `and`. */
const merge = (target: Filter, source: Filter): Filter => {
  const merged: Filter = { ...target };
  const clashes: Filter[] = [];
  for (const [key, value] of Object.entries(source)) {
    const present = merged[key];
    if (present === undefined) {
      merged[key] = value;
    } else if (
      Array.isArray(present) &&
      Array.isArray(value) &&
      key === "and"
    ) {
      merged[key] = [...(present as unknown[]), ...(value as unknown[])];
    } else if (
      isFilter(present) &&
      isFilter(value) &&
      Object.keys(value).every((operator) => !Object.hasOwn(present, operator))
    ) {
      merged[key] = { ...present, ...value };
    } else {
      clashes.push({ [key]: value });
    }
  }
  if (clashes.length === 0) return merged;
  const and = Array.isArray(merged["and"]) ? (merged["and"] as unknown[]) : [];
  return { ...merged, and: [...and, ...clashes] };
};

/** One filter for a path such as `brand.name`. */
const atPath = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  path: readonly string[],
  operatorName: string | null,
  value: unknown,
): Filter => {
  const [head = "", ...rest] = path;
  const relation = Object.hasOwn(schema.relations, head)
    ? schema.relations[head]
    : undefined;
  if (relation) {
    const target = resourceNamed(schemas, relation.resource);
    if (rest.length > 0) {
      return { [head]: atPath(schemas, target, rest, operatorName, value) };
    }
    if (!isFilter(value)) {
      throw new Error(
        `${schema.name}.${head} leads to ${target.name}: filter by one of its fields, such as "${head}.id".`,
      );
    }
    const nested = buildFilter(schemas, target, value);
    return nested ? { [head]: nested } : {};
  }
  if (rest.length > 0) {
    throw new Error(`${schema.name} has no relation "${head}".`);
  }
  return condition(schema, head, operatorName, value);
};

/** A query of more words than this is answered by its first words. */
const maxSearchWords = 8;

const searchFilter = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  search: SearchSchema,
  value: string,
): Filter => {
  if (search.by === "argument") return {};
  if (search.by === "filter") {
    return { [search.field]: { [search.operator]: value } };
  }
  const words = value.split(/\s+/).slice(0, maxSearchWords);
  return {
    and: words.map((word) => ({
      or: search.fields.map((path) =>
        atPath(
          schemas,
          schema,
          path.split("."),
          searchOperator(schemas, schema, path),
          word,
        ),
      ),
    })),
  };
};

const searchOperator = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  path: string,
): string => {
  const [head = "", ...rest] = path.split(".");
  const relation = schema.relations[head];
  if (relation && rest.length > 0) {
    return searchOperator(
      schemas,
      resourceNamed(schemas, relation.resource),
      rest.join("."),
    );
  }
  const field = fieldNamed(schema, head);
  if (field.array) return "any";
  return field.kind === "string" ? "contains" : "eq";
};

export const searchText = (filter: Filter | undefined): string | null => {
  const q = filter?.["q"];
  const text = q === undefined || q === null ? "" : String(q).trim();
  return text === "" ? null : text;
};

const branches = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  key: string,
  value: unknown,
): Filter[] => {
  if (!Array.isArray(value)) {
    throw new Error(`The filter "${key}" takes a list of filters.`);
  }
  return value.flatMap((item: unknown) => {
    const built = isFilter(item)
      ? buildFilter(schemas, schema, item)
      : undefined;
    return built ? [built] : [];
  });
};

/**
 * react-admin's filter object → the connection filter, or undefined where nothing
 * is asked (the API refuses an empty object).
 */
export const buildFilter = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  filter: Filter | undefined,
): Filter | undefined => {
  let built: Filter = {};
  for (const [key, value] of Object.entries(filter ?? {})) {
    if (value === undefined) continue;
    if (key === "q") {
      const text = searchText(filter);
      if (text === null) continue;
      if (!schema.search) {
        throw new Error(
          `${schema.name} has no search: describe one to use "q".`,
        );
      }
      built = merge(built, searchFilter(schemas, schema, schema.search, text));
    } else if (key === "and" || key === "or") {
      const parts = branches(schemas, schema, key, value);
      if (parts.length > 0) built = merge(built, { [key]: parts });
    } else if (key === "not") {
      const part = isFilter(value)
        ? buildFilter(schemas, schema, value)
        : undefined;
      if (part) built = merge(built, { not: part });
    } else {
      const [path = "", operatorName = null] = key.split("@");
      built = merge(
        built,
        atPath(schemas, schema, path.split("."), operatorName, value),
      );
    }
  }
  return Object.keys(built).length > 0 ? built : undefined;
};
