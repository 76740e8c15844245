import { isGraphQLName } from "./names.ts";
import { checkResources } from "./resources.ts";
import type {
  CollectionSchema,
  FieldSchema,
  IdSchema,
  ListSchema,
  MutationSchema,
  OneSchema,
  RelationSchema,
  ResourceSchema,
  ResourceSchemas,
  ScalarKind,
  SearchSchema,
  UniqueSchema,
} from "./types.ts";

const kinds: readonly ScalarKind[] = [
  "string",
  "int",
  "float",
  "bigint",
  "numeric",
  "boolean",
  "datetime",
  "date",
  "time",
  "uuid",
  "json",
  "enum",
];

type Json = Readonly<Record<string, unknown>>;

/** Reads JSON and remembers each fault with where it was. */
const makeReader = () => {
  const faults: string[] = [];
  const say = (path: string, fault: string) =>
    void faults.push(`${path} ${fault}`);

  const object = (value: unknown, path: string): Json => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Json;
    }
    say(path, "must be an object.");
    return {};
  };
  const list = (value: unknown, path: string): readonly unknown[] => {
    if (Array.isArray(value)) return value as readonly unknown[];
    say(path, "must be a list.");
    return [];
  };
  const text = (value: unknown, path: string): string => {
    if (typeof value === "string" && value !== "") return value;
    say(path, "must be a text.");
    return "";
  };
  /** A name that becomes part of a query's text. */
  const name = (value: unknown, path: string): string => {
    const read = text(value, path);
    if (read !== "" && !isGraphQLName(read)) {
      say(path, `is "${read}", which is not a GraphQL name.`);
    }
    return read;
  };
  const flag = (value: unknown, path: string): boolean => {
    if (typeof value === "boolean") return value;
    say(path, "must be true or false.");
    return false;
  };
  const kind = (value: unknown, path: string): ScalarKind => {
    const known = kinds.find((one) => one === value);
    if (!known) say(path, `must be one of ${kinds.join(", ")}.`);
    return known ?? "string";
  };
  const orNull = <Value>(
    value: unknown,
    path: string,
    read: (value: unknown, path: string) => Value,
  ): Value | null =>
    value === null || value === undefined ? null : read(value, path);
  const texts = (value: unknown, path: string): string[] =>
    list(value, path).map((item, index) => text(item, `${path}[${index}]`));
  const entries = <Value>(
    value: unknown,
    path: string,
    read: (value: unknown, path: string) => Value,
  ): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(object(value, path)).map(([key, item]) => [
        key,
        read(item, `${path}.${key}`),
      ]),
    );
  return {
    entries,
    faults,
    flag,
    kind,
    list,
    name,
    object,
    orNull,
    say,
    text,
    texts,
  };
};

type Reader = ReturnType<typeof makeReader>;

const readField =
  ({ flag, kind, object, orNull, text, texts }: Reader) =>
  (value: unknown, path: string): FieldSchema => {
    const field = object(value, path);
    return {
      kind: kind(field["kind"], `${path}.kind`),
      array: flag(field["array"], `${path}.array`),
      read: flag(field["read"], `${path}.read`),
      create: flag(field["create"], `${path}.create`),
      update: flag(field["update"], `${path}.update`),
      filter: flag(field["filter"], `${path}.filter`),
      sort: flag(field["sort"], `${path}.sort`),
      reference: orNull(field["reference"], `${path}.reference`, text),
      ...(field["nullable"] === undefined
        ? {}
        : { nullable: flag(field["nullable"], `${path}.nullable`) }),
      ...(field["operators"] === undefined
        ? {}
        : { operators: texts(field["operators"], `${path}.operators`) }),
    };
  };

const readMutation =
  ({ name, object, orNull }: Reader) =>
  (value: unknown, path: string): MutationSchema => {
    const mutation = object(value, path);
    return {
      field: name(mutation["field"], `${path}.field`),
      inputType: name(mutation["inputType"], `${path}.inputType`),
      key: orNull(mutation["key"], `${path}.key`, name),
      values: orNull(mutation["values"], `${path}.values`, name),
      result: name(mutation["result"], `${path}.result`),
    };
  };

const readList =
  ({ name, object }: Reader) =>
  (value: unknown, path: string): ListSchema => {
    const list = object(value, path);
    // A list without aggregates has no such types.
    const optional = (type: unknown, at: string) =>
      type === "" ? "" : name(type, at);
    return {
      field: name(list["field"], `${path}.field`),
      filterType: name(list["filterType"], `${path}.filterType`),
      orderByType: name(list["orderByType"], `${path}.orderByType`),
      groupByType: optional(list["groupByType"], `${path}.groupByType`),
      havingType: optional(list["havingType"], `${path}.havingType`),
      ...(list["filterBy"] === "condition" ? { filterBy: "condition" } : {}),
    };
  };

const readOne =
  ({ name, object }: Reader) =>
  (value: unknown, path: string): OneSchema => {
    const one = object(value, path);
    return {
      field: name(one["field"], `${path}.field`),
      argument: name(one["argument"], `${path}.argument`),
    };
  };

const readId = (
  { flag, kind, name, object }: Reader,
  value: unknown,
  path: string,
): IdSchema => {
  const id = object(value, path);
  return {
    field: name(id["field"], `${path}.field`),
    type: name(id["type"], `${path}.type`),
    kind: kind(id["kind"], `${path}.kind`),
    node: flag(id["node"], `${path}.node`),
  };
};

const readUnique =
  ({ entries, name, object, text }: Reader) =>
  (value: unknown, path: string): UniqueSchema => {
    const unique = object(value, path);
    return {
      field: name(unique["field"], `${path}.field`),
      arguments: entries(unique["arguments"], `${path}.arguments`, text),
    };
  };

const readRelation =
  ({ name, object, orNull, text }: Reader) =>
  (value: unknown, path: string): RelationSchema & CollectionSchema => {
    const relation = object(value, path);
    return {
      resource: text(relation["resource"], `${path}.resource`),
      ...(relation["exists"] === undefined
        ? {}
        : { exists: orNull(relation["exists"], `${path}.exists`, name) }),
    };
  };

const readSearch =
  ({ name, object, say, text, texts }: Reader) =>
  (value: unknown, path: string): SearchSchema => {
    const search = object(value, path);
    switch (search["by"]) {
      case "fields":
        return {
          by: "fields",
          fields: texts(search["fields"], `${path}.fields`),
        };
      case "filter":
        return {
          by: "filter",
          field: name(search["field"], `${path}.field`),
          operator: name(search["operator"], `${path}.operator`),
        };
      case "argument":
        return {
          by: "argument",
          argument: name(search["argument"], `${path}.argument`),
          type: text(search["type"], `${path}.type`),
        };
      default:
        say(`${path}.by`, "must be fields, filter or argument.");
        return { by: "fields", fields: [] };
    }
  };

const readSchema = (
  reader: Reader,
  value: unknown,
  path: string,
): ResourceSchema => {
  const { entries, list, name, object, orNull, text, texts } = reader;
  const schema = object(value, path);
  const at = (key: string) => `${path}.${key}`;
  const mutation = readMutation(reader);
  return {
    name: text(schema["name"], at("name")),
    type: name(schema["type"], at("type")),
    id: readId(reader, schema["id"], at("id")),
    primaryKey: texts(schema["primaryKey"], at("primaryKey")),
    list: orNull(schema["list"], at("list"), readList(reader)),
    one: orNull(schema["one"], at("one"), readOne(reader)),
    unique: list(schema["unique"], at("unique")).map((item, index) =>
      readUnique(reader)(item, `${at("unique")}[${index}]`),
    ),
    create: orNull(schema["create"], at("create"), mutation),
    update: orNull(schema["update"], at("update"), mutation),
    delete: orNull(schema["delete"], at("delete"), mutation),
    fields: entries(schema["fields"], at("fields"), readField(reader)),
    relations: entries(
      schema["relations"],
      at("relations"),
      readRelation(reader),
    ),
    ...(schema["collections"] === undefined
      ? {}
      : {
          collections: entries(
            schema["collections"],
            at("collections"),
            readRelation(reader),
          ),
        }),
    columns: texts(schema["columns"], at("columns")),
    search: orNull(schema["search"], at("search"), readSearch(reader)),
    version: orNull(schema["version"], at("version"), name),
  };
};

/** Whether a field can be empty stands beside the schema, where the form reads it. */
const withNullable = (
  reader: Reader,
  schema: ResourceSchema,
  described: unknown,
  path: string,
): ResourceSchema => {
  if (described === undefined) return schema;
  const fields = { ...schema.fields };
  for (const [index, item] of reader.list(described, path).entries()) {
    const told = reader.object(item, `${path}[${index}]`);
    const name = told["name"];
    const field =
      typeof name === "string" && Object.hasOwn(fields, name)
        ? fields[name]
        : undefined;
    if (
      typeof name === "string" &&
      field &&
      field.nullable === undefined &&
      typeof told["nullable"] === "boolean"
    ) {
      fields[name] = { ...field, nullable: told["nullable"] };
    }
  }
  return { ...schema, fields };
};

/**
 * A catalog made by a server → resources. A catalog is
 * `{ resources: [{ schema, fields?: [{ name, nullable }] }] }`: `schema` is a
 * ResourceSchema, everything else in it belongs to the pages. What does not fit is
 * refused here, with its place, and not by the first page that needs it.
 */
export const resourcesFromCatalog = (catalog: unknown): ResourceSchemas => {
  const reader = makeReader();
  const { list, object, say } = reader;
  const schemas: Record<string, ResourceSchema> = {};
  const described = list(
    object(catalog, "The catalog")["resources"],
    "The catalog's resources",
  );
  for (const [index, item] of described.entries()) {
    const path = `resources[${index}]`;
    const resource = object(item, path);
    const schema = withNullable(
      reader,
      readSchema(reader, resource["schema"], `${path}.schema`),
      resource["fields"],
      `${path}.fields`,
    );
    if (Object.hasOwn(schemas, schema.name)) {
      say(path, `is named ${schema.name}, as another resource is.`);
    }
    schemas[schema.name] = schema;
  }
  const faults = [
    ...reader.faults,
    ...(reader.faults.length === 0 ? checkResources(schemas) : []),
  ];
  if (faults.length > 0) {
    throw new Error(`The catalog cannot be used:\n${faults.join("\n")}`);
  }
  return schemas;
};
