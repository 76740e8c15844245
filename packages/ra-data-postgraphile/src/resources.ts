import { camelCase, isGraphQLName, lowerFirst, upperFirst } from "./names.ts";
import type {
  FieldSchema,
  IdSchema,
  ListSchema,
  MutationSchema,
  RelationSchema,
  ResourceSchema,
  ResourceSchemas,
  ScalarKind,
  SearchSchema,
} from "./types.ts";

export type FieldOptions = {
  kind: ScalarKind;
  array?: boolean;
  /** false: only read where a page names it in `meta.columns`. */
  read?: boolean;
  /** Shorthand for `create` and `update` together. */
  write?: boolean;
  create?: boolean;
  update?: boolean;
  filter?: boolean;
  sort?: boolean;
  /** false: never empty, which lets a keyset page seek upwards too. */
  nullable?: boolean;
  reference?: string;
};

export type FieldInput = ScalarKind | `${ScalarKind}[]` | FieldOptions;

/** What differs from PostGraphile's own names; `false` switches the verb off. */
export type MutationInput = false | Partial<MutationSchema>;

export type ResourceInput = {
  /** The GraphQL type: `Product`. */
  type: string;
  /** The connection field; by default the resource's name in camel case. */
  list?: string | false;
  /** The field for one record; by default the type's name in camel case. */
  one?: string | false;
  /** Default `rowId`. Several fields: the record's id is the node id. */
  primaryKey?: string | readonly string[];
  /** The GraphQL type of a single primary key, where its kind does not tell (enums). */
  primaryKeyType?: string;
  /** Other unique keys: lists of field names, or the exact field and arguments. */
  unique?: readonly (
    readonly string[] | { field: string; arguments: Record<string, string> }
  )[];
  create?: MutationInput;
  update?: MutationInput;
  delete?: MutationInput;
  fields: Readonly<Record<string, FieldInput>>;
  /**
   * Fields that lead to one record of another resource: `{ brand: "brands" }`, or
   * `{ brand: { resource: "brands", exists: "brandExists" } }`.
   */
  relations?: Readonly<Record<string, string | RelationSchema>>;
  /** Filters over the records that point here: `{ things: "things" }`. */
  collections?: Readonly<Record<string, string>>;
  /** What is read unless `meta.columns` says otherwise; by default every field with `read`. */
  columns?: readonly string[];
  search?:
    | readonly string[]
    | { field: string; operator: string }
    | { argument: string; type?: string };
  /** true for `updatedAt`, or the name of another field. */
  versioned?: boolean | string;
};

const scalarTypes: Readonly<Record<ScalarKind, string>> = {
  string: "String",
  int: "Int",
  float: "Float",
  bigint: "BigInt",
  numeric: "BigFloat",
  boolean: "Boolean",
  datetime: "Datetime",
  date: "Date",
  time: "Time",
  uuid: "UUID",
  json: "JSON",
  enum: "String",
};

const fieldOptions = (input: FieldInput): FieldOptions => {
  if (typeof input !== "string") return input;
  return input.endsWith("[]")
    ? { kind: input.slice(0, -2) as ScalarKind, array: true }
    : { kind: input as ScalarKind };
};

const fieldSchema = (
  input: FieldInput,
  writableByDefault: boolean,
): FieldSchema => {
  const options = fieldOptions(input);
  const write = options.write ?? writableByDefault;
  const isJson = options.kind === "json";
  return {
    kind: options.kind,
    array: options.array ?? false,
    read: options.read ?? true,
    create: options.create ?? write,
    update: options.update ?? write,
    filter: options.filter ?? !isJson,
    sort: options.sort ?? !(isJson || options.array === true),
    reference: options.reference ?? null,
    ...(options.nullable === undefined ? {} : { nullable: options.nullable }),
  };
};

const searchSchema = (input: ResourceInput["search"]): SearchSchema | null => {
  if (input === undefined) return null;
  if ("argument" in input) {
    return {
      by: "argument",
      argument: input.argument,
      type: input.type ?? "String",
    };
  }
  if ("operator" in input) {
    return { by: "filter", field: input.field, operator: input.operator };
  }
  return { by: "fields", fields: [...input] };
};

const mutationSchema = (
  input: MutationInput | undefined,
  defaults: Omit<MutationSchema, "inputType">,
): MutationSchema | null => {
  if (input === false) return null;
  const field = input?.field ?? defaults.field;
  return {
    inputType: `${upperFirst(field)}Input`,
    ...defaults,
    ...input,
    field,
  };
};

const resourceSchema = (name: string, input: ResourceInput): ResourceSchema => {
  const { type } = input;
  const single = lowerFirst(type);
  const primaryKey =
    typeof input.primaryKey === "string"
      ? [input.primaryKey]
      : [...(input.primaryKey ?? ["rowId"])];
  const [keyField = "rowId"] = primaryKey;
  const isNode = primaryKey.length > 1;
  const version =
    input.versioned === true ? "updatedAt" : input.versioned || null;

  const described: Record<string, FieldInput> = isNode
    ? { ...input.fields }
    : { [keyField]: "uuid", ...input.fields };
  const fields: Record<string, FieldSchema> = {};
  for (const [field, options] of Object.entries(described)) {
    const isOwn = field === version || (!isNode && primaryKey.includes(field));
    fields[field] = fieldSchema(options, !isOwn);
  }

  const keyKind = fields[keyField]?.kind ?? "uuid";
  const id: IdSchema = isNode
    ? { field: "id", type: "ID", kind: "string", node: true }
    : {
        field: keyField,
        type: input.primaryKeyType ?? scalarTypes[keyKind],
        kind: keyKind,
        node: false,
      };
  const byId = isNode ? "ById" : "";
  const list = input.list ?? camelCase(name);

  return {
    name,
    type,
    id,
    primaryKey,
    list:
      list === false
        ? null
        : {
            field: list,
            filterType: `${type}Filter`,
            orderByType: `${type}OrderBy`,
            groupByType: `${type}GroupBy`,
            havingType: `${type}HavingInput`,
          },
    one:
      input.one === false
        ? null
        : { field: input.one ?? `${single}${byId}`, argument: id.field },
    unique: (input.unique ?? []).map((key) =>
      "field" in key
        ? { field: key.field, arguments: { ...key.arguments } }
        : {
            field: `${single}By${key.map(upperFirst).join("And")}`,
            arguments: Object.fromEntries(
              key.map((field) => [
                field,
                `${scalarTypes[fields[field]?.kind ?? "string"]}!`,
              ]),
            ),
          },
    ),
    create: mutationSchema(input.create, {
      field: `create${type}`,
      key: null,
      values: single,
      result: single,
    }),
    update: mutationSchema(input.update, {
      field: `update${type}${byId}`,
      key: id.field,
      values: "patch",
      result: single,
    }),
    delete: mutationSchema(input.delete, {
      field: `delete${type}${byId}`,
      key: id.field,
      values: null,
      result: single,
    }),
    fields,
    relations: Object.fromEntries(
      Object.entries(input.relations ?? {}).map(([field, relation]) => [
        field,
        typeof relation === "string" ? { resource: relation } : relation,
      ]),
    ),
    ...(input.collections
      ? {
          collections: Object.fromEntries(
            Object.entries(input.collections).map(([field, resource]) => [
              field,
              { resource, exists: `${field}Exist` },
            ]),
          ),
        }
      : {}),
    columns: input.columns
      ? [...input.columns]
      : Object.keys(fields).filter((field) => fields[field]?.read),
    search: searchSchema(input.search),
    version,
  };
};

const graphqlNames = (schema: ResourceSchema): string[] =>
  [
    schema.type,
    schema.id.type,
    schema.list?.field,
    schema.one?.field,
    ...schema.unique.map((key) => key.field),
    ...[schema.create, schema.update, schema.delete].flatMap((mutation) => [
      mutation?.field,
      mutation?.inputType,
      mutation?.result,
    ]),
    ...Object.keys(schema.fields),
    ...Object.keys(schema.relations),
    ...Object.entries(schema.collections ?? {}).map(([name]) => name),
    schema.search?.by === "argument" ? schema.search.argument : undefined,
  ].filter((name): name is string => name !== undefined);

/** Every fault of a set of resources, one sentence each. */
export const checkResources = (schemas: ResourceSchemas): string[] => {
  const faults: string[] = [];
  for (const schema of Object.values(schemas)) {
    const say = (fault: string) => faults.push(`${schema.name}: ${fault}`);
    for (const name of graphqlNames(schema)) {
      if (!isGraphQLName(name)) say(`"${name}" is not a GraphQL name.`);
    }
    for (const key of schema.primaryKey) {
      if (!schema.fields[key]) {
        const hint = key === "id" ? " Its name in the API is rowId." : "";
        say(`the primary key field ${key} is missing.${hint}`);
      }
    }
    if (schema.version !== null && !schema.fields[schema.version]) {
      say(`the version field ${schema.version} is missing.`);
    }
    for (const [name, field] of Object.entries(schema.fields)) {
      if (name === "id") say("`id` is react-admin's; the column is `rowId`.");
      if (!(field.kind in scalarTypes)) {
        say(`${name} has the unknown kind "${field.kind}".`);
      }
      if (field.reference !== null && !schemas[field.reference]) {
        say(`${name} refers to ${field.reference}, which is not a resource.`);
      }
    }
    for (const [name, relation] of Object.entries(schema.relations)) {
      if (!schemas[relation.resource]) {
        say(`${name} leads to ${relation.resource}, which is not a resource.`);
      }
    }
    for (const [name, collection] of Object.entries(schema.collections ?? {})) {
      if (!schemas[collection.resource]) {
        say(`${name} holds ${collection.resource}, which is not a resource.`);
      }
    }
    const paths = [
      ...schema.columns,
      ...(schema.search?.by === "fields" ? schema.search.fields : []),
    ];
    for (const path of paths) {
      const [head = ""] = path.split(".");
      if (!schema.fields[path] && !schema.relations[head]) {
        say(`${path} is neither a field nor a relation.`);
      }
    }
  }
  return faults;
};

/**
 * The allow-list: resource name → what the API calls it. Names that PostGraphile
 * would choose itself need not be given. Throws one error that names every fault.
 */
export const defineResources = <
  const Inputs extends Readonly<Record<string, ResourceInput>>,
>(
  inputs: Inputs,
): Readonly<Record<keyof Inputs & string, ResourceSchema>> => {
  const schemas: Record<string, ResourceSchema> = {};
  for (const [name, input] of Object.entries<ResourceInput>(inputs)) {
    schemas[name] = resourceSchema(name, input);
  }
  const faults = checkResources(schemas);
  if (faults.length > 0) {
    throw new Error(`The resources do not fit together:\n${faults.join("\n")}`);
  }
  return schemas as Record<keyof Inputs & string, ResourceSchema>;
};

export const resourceNamed = (
  schemas: ResourceSchemas,
  name: string,
): ResourceSchema => {
  const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
  if (!schema) {
    throw new Error(
      `There is no resource "${name}". Known are: ${Object.keys(schemas).join(", ")}. Add it to defineResources.`,
    );
  }
  return schema;
};

export const fieldNamed = (
  schema: ResourceSchema,
  name: string,
): FieldSchema => {
  const field = Object.hasOwn(schema.fields, name)
    ? schema.fields[name]
    : undefined;
  if (!field) {
    throw new Error(
      `${schema.name} has no field "${name}". Known are: ${Object.keys(schema.fields).join(", ")}.`,
    );
  }
  return field;
};

/** react-admin says `id`; the API says the primary key's own name. */
export const apiField = (schema: ResourceSchema, name: string): string => {
  if (name !== "id") return name;
  if (schema.id.node) {
    throw new Error(
      `${schema.name} has a composite key, so it cannot be filtered by id. Filter by ${schema.primaryKey.join(" and ")}.`,
    );
  }
  return schema.id.field;
};

export const listOf = (schema: ResourceSchema): ListSchema => {
  if (!schema.list) throw new Error(`${schema.name} cannot be listed.`);
  return schema.list;
};

export const mutationOf = (
  schema: ResourceSchema,
  verb: "create" | "update" | "delete",
): MutationSchema => {
  const mutation = schema[verb];
  if (!mutation) {
    throw new Error(
      `${schema.name} cannot ${verb}: its description switches it off.`,
    );
  }
  return mutation;
};
