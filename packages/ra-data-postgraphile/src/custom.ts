import type { Selection } from "./columns.ts";
import { assertGraphQLName, shortHash, upperFirst } from "./names.ts";
import { parseRecord } from "./parseResponse.ts";
import { resourceNamed } from "./resources.ts";
import type {
  Operation,
  ResourceSchema,
  ResourceSchemas,
  ScalarKind,
  Variables,
} from "./types.ts";
import { readValue } from "./values.ts";

/**
 * What stands at a path of the answer: a kind of value, or a record of a resource.
 * Lists on the way are walked through; "" is the answer itself.
 */
export type AnswerTypes = Readonly<
  Record<string, ScalarKind | { resource: string }>
>;

export type CustomOptions = {
  types?: AnswerTypes;
  /** Whose fields an error may name. */
  resource?: string;
  signal?: AbortSignal;
};

export type QueryArguments = Readonly<
  Record<string, { type: string; value: unknown }>
>;

const customName = (name: string, rest: string): string =>
  `${upperFirst(assertGraphQLName(name, "called"))}_${shortHash(rest)}`;

const braces = (selection: string): string =>
  selection.trim() === "" ? "" : ` { ${selection.trim()} }`;

export const buildCustomMutation = (
  name: string,
  selection: string,
  inputType = `${upperFirst(name)}Input`,
): Operation => {
  assertGraphQLName(inputType, "an input type");
  const rest = `($input: ${inputType}!) { ${name}(input: $input)${braces(selection)} }`;
  const operationName = customName(name, rest);
  return { operationName, query: `mutation ${operationName}${rest}` };
};

const graphqlType = /^\[*[_A-Za-z][_0-9A-Za-z]*[!\]]*$/;

export const buildCustomQuery = (
  name: string,
  args: QueryArguments,
  selection: string,
): Operation => {
  const names = Object.keys(args);
  for (const [argument, { type }] of Object.entries(args)) {
    assertGraphQLName(argument, "an argument");
    if (!graphqlType.test(type)) {
      throw new Error(`"${type}" is not a GraphQL type, as ${argument} needs.`);
    }
  }
  const declared = names
    .map((argument) => `$${argument}: ${args[argument]?.type ?? ""}`)
    .join(", ");
  const given = names.map((argument) => `${argument}: $${argument}`).join(", ");
  const rest = `${declared ? `(${declared})` : ""} { ${name}${given ? `(${given})` : ""}${braces(selection)} }`;
  const operationName = customName(name, rest);
  return { operationName, query: `query ${operationName}${rest}` };
};

export const buildCustomVariables = (args: QueryArguments): Variables =>
  Object.fromEntries(
    Object.entries(args).map(([name, { value }]) => [name, value]),
  );

type Row = Readonly<Record<string, unknown>>;

const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const selectionOf = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  row: Row,
): Selection => ({
  resource: schema.name,
  fields: Object.keys(row).filter((name) => Object.hasOwn(schema.fields, name)),
  relations: Object.fromEntries(
    Object.entries(schema.relations).flatMap(([name, relation]) => {
      const nested = row[name];
      return isRow(nested)
        ? [
            [
              name,
              selectionOf(
                schemas,
                resourceNamed(schemas, relation.resource),
                nested,
              ),
            ],
          ]
        : [];
    }),
  ),
});

const parseAt = (
  schemas: ResourceSchemas,
  value: unknown,
  path: readonly string[],
  type: ScalarKind | { resource: string },
): unknown => {
  if (Array.isArray(value)) {
    return value.map((item: unknown) => parseAt(schemas, item, path, type));
  }
  const [head, ...rest] = path;
  if (head !== undefined) {
    return isRow(value) && Object.hasOwn(value, head)
      ? { ...value, [head]: parseAt(schemas, value[head], rest, type) }
      : value;
  }
  if (typeof type === "string") {
    return readValue({ kind: type, array: false }, value);
  }
  if (!isRow(value)) return value;
  const schema = resourceNamed(schemas, type.resource);
  return parseRecord(schemas, selectionOf(schemas, schema, value), value);
};

export const parseCustom = (
  schemas: ResourceSchemas,
  value: unknown,
  types: AnswerTypes = {},
): unknown =>
  Object.entries(types).reduce(
    (parsed, [path, type]) =>
      parseAt(schemas, parsed, path === "" ? [] : path.split("."), type),
    value,
  );
