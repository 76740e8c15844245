import type { Selection } from "./columns.ts";
import { printSelection } from "./columns.ts";
import { assertGraphQLName, shortHash } from "./names.ts";
import type {
  IdSchema,
  ListSchema,
  MutationSchema,
  OneSchema,
  Operation,
  ResourceSchema,
  UniqueSchema,
} from "./types.ts";

/**
 * `products_getList`, and where the columns are not the resource's own a mark made
 * from the text: one name always means one text.
 */
const named = (
  kind: "query" | "mutation",
  schema: ResourceSchema,
  verb: string,
  hasOwnColumns: boolean,
  rest: string,
): Operation => {
  const base = `${schema.name.replace(/[^_0-9A-Za-z]/g, "_")}_${verb}`;
  const operationName = assertGraphQLName(
    hasOwnColumns ? base : `${base}_${shortHash(rest)}`,
    "the name of an operation",
  );
  return { operationName, query: `${kind} ${operationName}${rest}` };
};

export type QueryOptions = {
  /** False where a page chose its columns. */
  hasOwnColumns: boolean;
};

export const buildListQuery = (
  schema: ResourceSchema,
  list: ListSchema,
  selection: Selection,
  options: QueryOptions & { withTotal: boolean },
): Operation => {
  const search = schema.search?.by === "argument" ? schema.search : null;
  const variables = [
    "$first: Int!",
    "$offset: Int!",
    `$orderBy: [${list.orderByType}!]`,
    `$filter: ${list.filterType}`,
    ...(search ? [`$search: ${search.type}`] : []),
  ].join(", ");
  const args = [
    "first: $first",
    "offset: $offset",
    "orderBy: $orderBy",
    "filter: $filter",
    ...(search ? [`${search.argument}: $search`] : []),
  ].join(", ");
  const count = options.withTotal
    ? "totalCount"
    : "pageInfo { hasNextPage hasPreviousPage }";
  return named(
    "query",
    schema,
    options.withTotal ? "getList" : "getListUncounted",
    options.hasOwnColumns,
    `(${variables}) { ${list.field}(${args}) { ${count} nodes { ${printSelection(selection)} } } }`,
  );
};

export const buildManyQuery = (
  schema: ResourceSchema,
  list: ListSchema,
  selection: Selection,
  options: QueryOptions,
): Operation =>
  named(
    "query",
    schema,
    "getMany",
    options.hasOwnColumns,
    `($first: Int!, $filter: ${list.filterType}) { ${list.field}(first: $first, filter: $filter) { nodes { ${printSelection(selection)} } } }`,
  );

export const buildOneQuery = (
  schema: ResourceSchema,
  one: OneSchema,
  selection: Selection,
  options: QueryOptions,
): Operation =>
  named(
    "query",
    schema,
    "getOne",
    options.hasOwnColumns,
    `($id: ${schema.id.type}!) { ${one.field}(${one.argument}: $id) { ${printSelection(selection)} } }`,
  );

export const buildUniqueQuery = (
  schema: ResourceSchema,
  unique: UniqueSchema,
  selection: Selection,
  options: QueryOptions,
): Operation => {
  const names = Object.entries(unique.arguments);
  return named(
    "query",
    schema,
    `getOneBy_${names.map(([name]) => name).join("_")}`,
    options.hasOwnColumns,
    `(${names.map(([name, type]) => `$${name}: ${type}`).join(", ")}) { ${unique.field}(${names.map(([name]) => `${name}: $${name}`).join(", ")}) { ${printSelection(selection)} } }`,
  );
};

/** Composite keys cannot be filtered for, so each record is its own root field. */
export const buildNodesQuery = (
  schema: ResourceSchema,
  one: OneSchema,
  id: IdSchema,
  count: number,
  selection: Selection,
  options: QueryOptions,
): Operation => {
  const indexes = Array.from({ length: count }, (_item, index) => index);
  return named(
    "query",
    schema,
    `getMany${count}`,
    options.hasOwnColumns,
    `(${indexes.map((index) => `$id${index}: ${id.type}!`).join(", ")}) { ${indexes.map((index) => `r${index}: ${one.field}(${one.argument}: $id${index}) { ${printSelection(selection)} }`).join(" ")} }`,
  );
};

export const buildMutation = (
  schema: ResourceSchema,
  verb: "create" | "update" | "delete",
  mutation: MutationSchema,
  selection: Selection,
  options: QueryOptions,
): Operation =>
  named(
    "mutation",
    schema,
    verb,
    options.hasOwnColumns,
    `($input: ${mutation.inputType}!) { ${mutation.field}(input: $input) { ${mutation.result} { ${printSelection(selection)} } } }`,
  );

export const buildBulkMutation = (
  schema: ResourceSchema,
  verb: "updateMany" | "deleteMany",
  mutation: MutationSchema,
  count: number,
  selection: Selection,
): Operation => {
  const indexes = Array.from({ length: count }, (_item, index) => index);
  return named(
    "mutation",
    schema,
    `${verb}${count}`,
    true,
    `(${indexes.map((index) => `$input${index}: ${mutation.inputType}!`).join(", ")}) { ${indexes.map((index) => `r${index}: ${mutation.field}(input: $input${index}) { ${mutation.result} { ${printSelection(selection)} } }`).join(" ")} }`,
  );
};
