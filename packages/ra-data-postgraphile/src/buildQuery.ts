import type { Selection } from "./columns.ts";
import { printSelection } from "./columns.ts";
import { assertGraphQLName, shortHash, upperFirst } from "./names.ts";
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

export type Window = keyof typeof windows;

export type ListQueryOptions = QueryOptions & {
  count: "exact" | "none" | "capped";
  /** Where the page starts: after a number of rows, at a cursor, or where its filter says. */
  seek?: Window;
  /** Whether the filter holds a place, which must not narrow the count. */
  isNarrowed?: boolean;
  /** Whether the answer tells cursors to go on from. */
  withCursors?: boolean;
};

const filterOf = (list: ListSchema): "filter" | "condition" =>
  list.filterBy ?? "filter";

const windows = {
  offset: {
    variables: ["$first: Int!", "$offset: Int!"],
    args: ["first: $first", "offset: $offset"],
  },
  after: {
    variables: ["$first: Int!", "$after: Cursor!"],
    args: ["first: $first", "after: $after"],
  },
  before: {
    variables: ["$last: Int!", "$before: Cursor!"],
    args: ["last: $last", "before: $before"],
  },
  first: { variables: ["$first: Int!"], args: ["first: $first"] },
  last: { variables: ["$last: Int!"], args: ["last: $last"] },
} as const;

const listVerbs = {
  exact: "getList",
  none: "getListUncounted",
  capped: "getListCapped",
} as const;

/**
 * A page that starts at a cursor has a bound in its filter that must not narrow
 * the count, so the count is then a field of its own: `counted`. A capped count
 * is one row looked for behind the first `cap`: `beyond`.
 */
export const buildListQuery = (
  schema: ResourceSchema,
  list: ListSchema,
  selection: Selection,
  options: ListQueryOptions,
): Operation => {
  const {
    count,
    seek = "offset",
    isNarrowed = false,
    withCursors = false,
  } = options;
  const search = schema.search?.by === "argument" ? schema.search : null;
  const isApart = isNarrowed && count !== "none";
  const filter = filterOf(list);
  const variables = [
    ...windows[seek].variables,
    `$orderBy: [${list.orderByType}!]`,
    `$filter: ${list.filterType}`,
    ...(isApart ? [`$whole: ${list.filterType}`] : []),
    ...(count === "capped" ? ["$cap: Int!"] : []),
    ...(search ? [`$search: ${search.type}`] : []),
  ].join(", ");
  const searchArgument = search ? [`${search.argument}: $search`] : [];
  const args = [
    ...windows[seek].args,
    "orderBy: $orderBy",
    `${filter}: $filter`,
    ...searchArgument,
  ].join(", ");
  const whole = [
    `${filter}: ${isApart ? "$whole" : "$filter"}`,
    ...searchArgument,
  ].join(", ");
  const isPaged = count !== "exact" || withCursors || isNarrowed;
  const rows = [
    ...(count === "exact" && !isApart ? ["totalCount"] : []),
    ...(isPaged
      ? [
          `pageInfo { hasNextPage hasPreviousPage${withCursors ? " startCursor endCursor" : ""} }`,
        ]
      : []),
    `nodes { ${printSelection(selection)} }`,
  ].join(" ");
  const counting =
    count === "capped"
      ? // In the page's order: the index that serves it serves this too.
        ` beyond: ${list.field}(first: 1, offset: $cap, orderBy: $orderBy, ${whole}) { nodes { __typename } }`
      : isApart
        ? ` counted: ${list.field}(${whole}) { totalCount }`
        : "";
  return named(
    "query",
    schema,
    `${listVerbs[count]}${seek === "offset" ? (withCursors ? "Start" : "") : upperFirst(seek)}`,
    options.hasOwnColumns,
    `(${variables}) { ${list.field}(${args}) { ${rows} }${counting} }`,
  );
};

/** Only how many there are. */
export const buildCountQuery = (
  schema: ResourceSchema,
  list: ListSchema,
): Operation => {
  const search = schema.search?.by === "argument" ? schema.search : null;
  return named(
    "query",
    schema,
    "count",
    true,
    `($filter: ${list.filterType}${search ? `, $search: ${search.type}` : ""}) { ${list.field}(${filterOf(list)}: $filter${search ? `, ${search.argument}: $search` : ""}) { totalCount } }`,
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
