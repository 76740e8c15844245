import { constantCase, lowerFirst } from "./names.ts";
import { operatorsOf } from "./operators.ts";
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

type TypeRef = {
  kind: string;
  name?: string | null;
  ofType?: TypeRef | null;
};

type InputValue = { name: string; type: TypeRef };

type Field = { name: string; args: readonly InputValue[]; type: TypeRef };

type FullType = {
  kind: string;
  name: string;
  fields?: readonly Field[] | null;
  inputFields?: readonly InputValue[] | null;
  enumValues?: readonly { name: string }[] | null;
};

/** The answer to GraphQL's introspection query, with or without `data` around it. */
export type IntrospectionResult = {
  __schema: {
    queryType: { name: string };
    mutationType?: { name: string } | null;
    types: readonly FullType[];
  };
};

export type IntrospectionOptions = {
  /** Type → its primary key, where the API does not tell which unique key that is. */
  primaryKeys?: Readonly<Record<string, string | readonly string[]>>;
  /** The field that tells versions of a record apart, on every type that has it. */
  version?: string;
  /** GraphQL scalar → kind, beside those known here; unknown ones are text. */
  scalars?: Readonly<Record<string, ScalarKind>>;
};

const kindByScalar: Readonly<Record<string, ScalarKind>> = {
  String: "string",
  ID: "string",
  Int: "int",
  Float: "float",
  BigInt: "bigint",
  BigFloat: "numeric",
  Boolean: "boolean",
  Datetime: "datetime",
  Date: "date",
  Time: "time",
  UUID: "uuid",
  JSON: "json",
};

/** Text fields that `q` looks into, at most. */
const searchedFields = 5;

const isRequired = (type: TypeRef): boolean => type.kind === "NON_NULL";

const bare = (type: TypeRef): TypeRef =>
  type.kind === "NON_NULL" && type.ofType ? type.ofType : type;

/** The named type inside, and whether it is one list of it. */
const unwrap = (type: TypeRef): { name: string; array: boolean } => {
  let inner = bare(type);
  let array = false;
  while (inner.kind === "LIST" && inner.ofType) {
    array = true;
    inner = bare(inner.ofType);
  }
  return { name: inner.name ?? "", array };
};

const printType = (type: TypeRef): string =>
  type.kind === "NON_NULL" && type.ofType
    ? `${printType(type.ofType)}!`
    : type.kind === "LIST" && type.ofType
      ? `[${printType(type.ofType)}]`
      : (type.name ?? "");

const listArguments = new Set([
  "first",
  "last",
  "before",
  "after",
  "offset",
  "orderBy",
  "condition",
  "filter",
]);

const isSameSet = (left: readonly string[], right: readonly string[]) =>
  left.length === right.length && left.every((name) => right.includes(name));

/** What the rows of one type are called, and where in the API they are. */
type Found = { type: FullType; list: Field; name: string };

const resourceNames = (name: string): string =>
  /^all[A-Z]/.test(name) ? lowerFirst(name.slice(3)) : name;

const makeReader = (
  result: IntrospectionResult,
  options: IntrospectionOptions,
) => {
  const { __schema: schema } = result;
  const types = new Map(schema.types.map((type) => [type.name, type]));
  const typeNamed = (name: string | undefined): FullType | undefined =>
    name === undefined ? undefined : types.get(name);
  const queries = typeNamed(schema.queryType.name)?.fields ?? [];
  const mutations = schema.mutationType
    ? (typeNamed(schema.mutationType.name)?.fields ?? [])
    : [];

  /** The row type of a connection, or undefined. */
  const rowType = (field: Field): FullType | undefined => {
    const connection = typeNamed(unwrap(field.type).name);
    if (connection?.kind !== "OBJECT") return undefined;
    const nodes = connection.fields?.find(({ name }) => name === "nodes");
    const row = nodes && typeNamed(unwrap(nodes.type).name);
    return row?.kind === "OBJECT" ? row : undefined;
  };

  const isList = (field: Field): boolean =>
    field.args.some(({ name }) => name === "orderBy") &&
    field.args.some(({ name }) => name === "first") &&
    field.args.every(({ name }) => listArguments.has(name));

  const found = new Map<string, Found>();
  for (const field of queries) {
    if (!isList(field)) continue;
    const type = rowType(field);
    if (type && !found.has(type.name)) {
      found.set(type.name, {
        type,
        list: field,
        name: resourceNames(field.name),
      });
    }
  }

  const scalarKind = (name: string): ScalarKind | null => {
    const type = typeNamed(name);
    if (type?.kind === "ENUM") return "enum";
    if (type?.kind !== "SCALAR") return null;
    return options.scalars?.[name] ?? kindByScalar[name] ?? "string";
  };

  const argumentType = (field: Field, name: string): string | undefined => {
    const argument = field.args.find((one) => one.name === name);
    return argument && unwrap(argument.type).name;
  };

  const inputFields = (name: string | undefined): readonly InputValue[] =>
    typeNamed(name)?.inputFields ?? [];

  const listSchema = (list: Field, type: FullType): ListSchema => {
    const filter = argumentType(list, "filter");
    const condition = argumentType(list, "condition");
    const connection = typeNamed(unwrap(list.type).name);
    const grouped = connection?.fields?.find(
      ({ name }) => name === "groupedAggregates",
    );
    return {
      field: list.name,
      filterType: filter ?? condition ?? `${type.name}Condition`,
      orderByType: argumentType(list, "orderBy") ?? `${type.name}OrderBy`,
      groupByType:
        (grouped && argumentType(grouped, "groupBy")) ?? `${type.name}GroupBy`,
      havingType:
        (grouped && argumentType(grouped, "having")) ??
        `${type.name}HavingInput`,
      filterBy: filter === undefined ? "condition" : "filter",
    };
  };

  /** Fields for one record by arguments that are all required. */
  const singles = (type: FullType) =>
    queries.filter(
      (field) =>
        bare(field.type).name === type.name &&
        field.args.length > 0 &&
        field.args.every((argument) => isRequired(argument.type)),
    );

  type Keys = {
    id: IdSchema;
    primaryKey: string[];
    one: OneSchema | null;
    unique: UniqueSchema[];
  };

  const keysOf = (type: FullType): Keys | null => {
    const own = new Map(
      (type.fields ?? []).map((field) => [field.name, field]),
    );
    const all = singles(type);
    const isNode = (field: Field) =>
      field.args.length === 1 &&
      printType(field.args[0]?.type ?? { kind: "" }) === "ID!";
    const node = all.find(isNode);
    const keys = all.filter(
      (field) =>
        !isNode(field) && field.args.every(({ name }) => own.has(name)),
    );
    const names = (field: Field) => field.args.map(({ name }) => name);
    const told = options.primaryKeys?.[type.name];
    const asTold = told === undefined ? null : [told].flat();
    const primary = asTold
      ? keys.find((field) => isSameSet(names(field), asTold))
      : (keys.find((field) => isSameSet(names(field), ["rowId"])) ??
        // With simplified names the primary key's field has the type's own.
        keys.find(({ name }) => name === lowerFirst(type.name)) ??
        keys[0]);
    const unique = keys
      .filter((field) => field !== primary)
      .map((field) => ({
        field: field.name,
        arguments: Object.fromEntries(
          field.args.map(({ name, type: argument }) => [
            name,
            printType(argument),
          ]),
        ),
      }));
    const [argument, second] = primary?.args ?? [];
    if (primary && argument && !second) {
      const { name } = unwrap(argument.type);
      return {
        id: {
          field: argument.name,
          type: name,
          kind: scalarKind(name) ?? "string",
          node: false,
        },
        primaryKey: [argument.name],
        one: { field: primary.name, argument: argument.name },
        unique,
      };
    }
    const nodeArgument = node?.args[0];
    if (!node || !nodeArgument || !own.has(nodeArgument.name)) return null;
    return {
      id: { field: nodeArgument.name, type: "ID", kind: "string", node: true },
      primaryKey: primary ? names(primary) : [],
      one: { field: node.name, argument: nodeArgument.name },
      unique,
    };
  };

  /** The mutations whose payload holds a row of this type. */
  const mutationsOf = (type: FullType, id: IdSchema) => {
    let create: MutationSchema | null = null;
    let update: MutationSchema | null = null;
    let remove: MutationSchema | null = null;
    for (const field of mutations) {
      const input = field.args.find(({ name }) => name === "input");
      const payload = typeNamed(unwrap(field.type).name);
      const result = payload?.fields?.find(
        (one) => bare(one.type).name === type.name,
      );
      if (!input || field.args.length !== 1 || !result) continue;
      const inputType = unwrap(input.type).name;
      const given = inputFields(inputType).filter(
        ({ name }) => name !== "clientMutationId",
      );
      const values = given.find(({ type: value }) =>
        [`${type.name}Input`, `${type.name}Patch`].includes(unwrap(value).name),
      );
      const keys = given.filter((one) => one !== values);
      const [key] = keys;
      const mutation = {
        field: field.name,
        inputType,
        values: values?.name ?? null,
        result: result.name,
      };
      const isPatch = values && unwrap(values.type).name.endsWith("Patch");
      if (values && !isPatch && keys.length === 0) {
        create ??= { ...mutation, key: null };
      }
      if (keys.length !== 1 || !key || key.name !== id.field) continue;
      if (isPatch) update ??= { ...mutation, key: key.name };
      const deleted = payload?.fields?.some(({ name }) =>
        /^deleted.+Id$/.test(name),
      );
      if (!values && deleted) remove ??= { ...mutation, key: key.name };
    }
    return { create, update, delete: remove };
  };

  const forwardRelations = (
    type: FullType,
    filterFields: ReadonlySet<string>,
  ): Record<string, RelationSchema> =>
    Object.fromEntries(
      (type.fields ?? []).flatMap((field) => {
        const target = found.get(bare(field.type).name ?? "");
        return target && field.args.length === 0
          ? [
              [
                field.name,
                {
                  resource: target.name,
                  exists: filterFields.has(`${field.name}Exists`)
                    ? `${field.name}Exists`
                    : null,
                },
              ],
            ]
          : [];
      }),
    );

  const collectionsOf = (
    type: FullType,
    filters: readonly InputValue[],
  ): Record<string, CollectionSchema> => {
    const names = new Set(filters.map(({ name }) => name));
    return Object.fromEntries(
      (type.fields ?? []).flatMap((field) => {
        const row = rowType(field);
        const target = row && found.get(row.name);
        const filter = filters.find(({ name }) => name === field.name);
        const inside = filter
          ? inputFields(unwrap(filter.type).name).map(({ name }) => name)
          : [];
        return target && inside.includes("some")
          ? [
              [
                field.name,
                {
                  resource: target.name,
                  exists: names.has(`${field.name}Exist`)
                    ? `${field.name}Exist`
                    : null,
                },
              ],
            ]
          : [];
      }),
    );
  };

  /** `shopId` of `shopByShopId`, or of the simplified `shop`. */
  const referenceOf = (
    field: string,
    relations: Readonly<Record<string, RelationSchema>>,
    keyed: ReadonlyMap<string, Keys>,
    kind: ScalarKind,
  ): string | null => {
    for (const [name, { resource }] of Object.entries(relations)) {
      const [, by] = /By([A-Z].*)$/.exec(name) ?? [];
      const isIt = by
        ? lowerFirst(by) === field
        : [`${name}Id`, `${name}RowId`].includes(field);
      const target = keyed.get(resource);
      if (isIt && target && !target.id.node && target.id.kind === kind) {
        return resource;
      }
    }
    return null;
  };

  const read = (): ResourceSchemas => {
    const keyed = new Map<string, Keys>();
    for (const { type, name } of found.values()) {
      const keys = keysOf(type);
      if (keys) keyed.set(name, keys);
    }
    for (const [typeName, { name }] of found) {
      if (!keyed.has(name)) found.delete(typeName);
    }
    const schemas: Record<string, ResourceSchema> = {};
    for (const { type, list, name } of found.values()) {
      const keys = keyed.get(name);
      if (!keys) continue;
      const listed = listSchema(list, type);
      const filters = inputFields(listed.filterType);
      const filterNames = new Set(filters.map((filter) => filter.name));
      const orders = new Set(
        (typeNamed(listed.orderByType)?.enumValues ?? []).map(
          (value) => value.name,
        ),
      );
      const verbs = mutationsOf(type, keys.id);
      const valuesOf = (mutation: MutationSchema | null): Set<string> => {
        const input = inputFields(mutation?.inputType).find(
          (value) => value.name === mutation?.values,
        );
        return new Set(
          inputFields(input && unwrap(input.type).name).map(
            (value) => value.name,
          ),
        );
      };
      const created = valuesOf(verbs.create);
      const updated = valuesOf(verbs.update);
      const relations = forwardRelations(type, filterNames);
      const fields: Record<string, FieldSchema> = {};
      for (const field of type.fields ?? []) {
        if (field.args.some((argument) => isRequired(argument.type))) continue;
        if (field.name === keys.id.field && keys.id.node) continue;
        const { name: scalar, array } = unwrap(field.type);
        const kind = scalarKind(scalar);
        // The node id is no column; records say `id` for their key already.
        if (kind === null || (scalar === "ID" && field.name === "id")) continue;
        const filter = filters.find((value) => value.name === field.name);
        const offered = new Set(
          filter
            ? inputFields(unwrap(filter.type).name).map((value) => value.name)
            : [],
        );
        const operators =
          listed.filterBy === "condition"
            ? ["eq", "isNull"]
            : Object.entries(operatorsOf(kind, array))
                .filter(
                  ([short, operator]) =>
                    offered.has(operator.name) &&
                    (short !== "between" || offered.has("lessThanOrEqualTo")),
                )
                .map(([short]) => short);
        fields[field.name] = {
          kind,
          array,
          read: true,
          create: created.has(field.name),
          update:
            updated.has(field.name) && !keys.primaryKey.includes(field.name),
          filter: filter !== undefined && operators.length > 0,
          sort: orders.has(`${constantCase(field.name)}_ASC`),
          nullable: !isRequired(field.type),
          reference: referenceOf(field.name, relations, keyed, kind),
          operators,
        };
      }
      const version =
        options.version !== undefined &&
        fields[options.version]?.update === true
          ? options.version
          : null;
      schemas[name] = {
        name,
        type: type.name,
        id: keys.id,
        primaryKey: keys.primaryKey,
        list: listed,
        one: keys.one,
        unique: keys.unique,
        ...verbs,
        fields,
        relations,
        collections: collectionsOf(type, filters),
        columns: Object.keys(fields),
        search: searchOf(fields),
        version,
      };
    }
    return schemas;
  };

  return read;
};

const searchOf = (
  fields: Readonly<Record<string, FieldSchema>>,
): SearchSchema | null => {
  const texts = Object.entries(fields)
    .filter(
      ([, field]) =>
        field.kind === "string" &&
        !field.array &&
        field.filter &&
        field.operators?.includes("contains") === true,
    )
    .map(([name]) => name)
    .slice(0, searchedFields);
  return texts.length > 0 ? { by: "fields", fields: texts } : null;
};

/**
 * What a PostGraphile 5 says of itself → resources, plain JSON: every table that
 * has a list and a key, with the fields, filters, orders, relations and mutations
 * that are there. Ask once, when the project is built, rather than in each page:
 * the result can be written to a file.
 */
export const catalogFromIntrospection = (
  result: IntrospectionResult | { data?: IntrospectionResult | null },
  options: IntrospectionOptions = {},
): ResourceSchemas => {
  const introspection = "__schema" in result ? result : result.data;
  if (!introspection?.__schema?.types) {
    throw new Error(
      "This is not the answer to an introspection query: it has no __schema with types.",
    );
  }
  const schemas = makeReader(introspection, options)();
  if (Object.keys(schemas).length === 0) {
    throw new Error(
      "No table was found: none has a connection with first and orderBy, and a field that reads one row by its key.",
    );
  }
  const faults = checkResources(schemas);
  if (faults.length > 0) {
    throw new Error(`The resources do not fit together:\n${faults.join("\n")}`);
  }
  return schemas;
};
