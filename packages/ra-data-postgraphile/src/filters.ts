import { invalidValue } from "./errors.ts";
import { type Operator, operatorsOf } from "./operators.ts";
import { apiField, fieldNamed, resourceNamed } from "./resources.ts";
import type {
  CollectionSchema,
  FieldSchema,
  ResourceSchema,
  ResourceSchemas,
  SearchSchema,
} from "./types.ts";
import { isSameValue, sendValue } from "./values.ts";

type Filter = Record<string, unknown>;

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
    case "texts":
      return (Array.isArray(value) ? value : [value]).map(String);
    case "raw":
      return value;
    case "item":
      return sendValue({ kind: field.kind, array: false }, value, name);
    case "list":
      return (Array.isArray(value) ? value : [value])
        .filter((item) => item !== null && item !== undefined)
        .map((item) => sendValue(field, item, name));
    case "pair":
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
  if (operatorName === "within") {
    return { [fieldName]: within(field, value, name) };
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
  if (operator.operand === "pair")
    return between(fieldName, field, value, name);
  return {
    [fieldName]: { [operator.name]: operand(operator, field, value, name) },
  };
};

/**
 * So many seconds ago or less, counted when the page asks: a list that is read
 * again moves with the time. A UUIDv7 begins with its moment, so a key of that
 * kind is a bound that needs no index but its own.
 */
const within = (field: FieldSchema, value: unknown, name: string): Filter => {
  const seconds = Number(value);
  if (field.array || (field.kind !== "datetime" && field.kind !== "uuid")) {
    throw new Error(
      `"${name}" is no moment: @within needs a date or a UUIDv7.`,
    );
  }
  if (value === null || value === "" || !(seconds >= 0) || seconds > 1e10) {
    throw invalidValue(name, "This filter needs a number of seconds.");
  }
  const from = new Date(Date.now() - seconds * 1000);
  return {
    greaterThanOrEqualTo:
      field.kind === "datetime" ? from.toISOString() : smallestUuidOf(from),
  };
};

const smallestUuidOf = (moment: Date): string => {
  const hex = Math.max(0, moment.getTime()).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
};

/** From and to, both included; an empty end is open. */
const between = (
  fieldName: string,
  field: FieldSchema,
  value: unknown,
  name: string,
): Filter => {
  if (!Array.isArray(value) || value.length !== 2) {
    throw invalidValue(name, "This filter needs two values: from and to.");
  }
  const [from, to] = value.map((bound: unknown) =>
    bound === null || bound === undefined || bound === ""
      ? null
      : sendValue(field, bound, name),
  );
  const range = {
    ...(from === null ? {} : { greaterThanOrEqualTo: from }),
    ...(to === null ? {} : { lessThanOrEqualTo: to }),
  };
  return Object.keys(range).length > 0 ? { [fieldName]: range } : {};
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

const collectionOf = (
  schema: ResourceSchema,
  name: string,
): CollectionSchema | undefined =>
  schema.collections && Object.hasOwn(schema.collections, name)
    ? schema.collections[name]
    : undefined;

const exists = (
  schema: ResourceSchema,
  name: string,
  field: string | null | undefined,
  value: unknown,
): Filter => {
  if (!field) {
    throw new Error(
      `${schema.name} cannot be asked whether ${name} exists: the API has no such filter, or it always does.`,
    );
  }
  return { [field]: value === true || value === "true" };
};

/** Records that point here: some, none or every one of them is so. */
const ofCollection = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  name: string,
  collection: CollectionSchema,
  operatorName: string | null,
  value: unknown,
): Filter => {
  const operator = operatorName ?? "some";
  if (operator === "exists") {
    return exists(schema, name, collection.exists, value);
  }
  if (operator !== "some" && operator !== "none" && operator !== "every") {
    throw new Error(
      `${schema.name}.${name} has no filter "@${operator}". It understands: ${collectionOperators.join(", ")}.`,
    );
  }
  const nested = isFilter(value)
    ? buildFilter(schemas, resourceNamed(schemas, collection.resource), value)
    : undefined;
  if (nested) return { [name]: { [operator]: nested } };
  // Some of anything, none at all; every one of them is nothing asked.
  return operator === "every"
    ? {}
    : exists(schema, name, collection.exists, operator === "some");
};

/** What records that point here can be asked. */
export const collectionOperators = ["some", "none", "every", "exists"] as const;

/** The API refuses an empty object: nothing asked is nothing sent. */
const nest = (name: string, inner: Filter): Filter =>
  Object.keys(inner).length > 0 ? { [name]: inner } : {};

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
    if (rest.length === 0 && operatorName === "exists") {
      return exists(schema, head, relation.exists, value);
    }
    if (rest.length > 0) {
      return nest(head, atPath(schemas, target, rest, operatorName, value));
    }
    if (!isFilter(value)) {
      throw new Error(
        `${schema.name}.${head} leads to ${target.name}: filter by one of its fields, such as "${head}.id".`,
      );
    }
    const nested = buildFilter(schemas, target, value);
    return nested ? { [head]: nested } : {};
  }
  const collection = collectionOf(schema, head);
  if (collection) {
    const target = resourceNamed(schemas, collection.resource);
    return rest.length > 0
      ? nest(
          head,
          nest("some", atPath(schemas, target, rest, operatorName, value)),
        )
      : ofCollection(schemas, schema, head, collection, operatorName, value);
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

const onlyEquality = (schema: ResourceSchema, what: string): Error =>
  new Error(
    `${schema.name} cannot be asked for ${what}: this API only compares for equality. postgraphile-plugin-connection-filter gives it the rest.`,
  );

/** Where the API has no filter, only `condition`: fields that are equal, all of them. */
const conditionOf = (schema: ResourceSchema, filter: Filter): Filter => {
  const condition: Filter = {};
  const set = (name: string, value: unknown) => {
    if (
      Object.hasOwn(condition, name) &&
      !isSameValue(condition[name], value)
    ) {
      throw onlyEquality(schema, `two values of ${name}`);
    }
    condition[name] = value;
  };
  for (const [name, asked] of Object.entries(filter)) {
    if (name === "and" && Array.isArray(asked)) {
      for (const part of asked.filter(isFilter)) {
        for (const [inner, value] of Object.entries(
          conditionOf(schema, part),
        )) {
          set(inner, value);
        }
      }
      continue;
    }
    if (name === "or" || name === "not" || !isFilter(asked)) {
      throw onlyEquality(schema, `"${name}"`);
    }
    for (const [operator, value] of Object.entries(asked)) {
      if (operator === "equalTo") set(name, value);
      else if (operator === "isNull" && value === true) set(name, null);
      else throw onlyEquality(schema, `${name} ${operator}`);
    }
  }
  return condition;
};

/** The filter as this resource's list takes it. */
export const buildListFilter = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  filter: Filter | undefined,
): Filter | undefined => {
  const built = buildFilter(schemas, schema, filter);
  return built && schema.list?.filterBy === "condition"
    ? conditionOf(schema, built)
    : built;
};
