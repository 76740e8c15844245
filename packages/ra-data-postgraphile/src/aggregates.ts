import { buildListFilter, searchText } from "./filters.ts";
import { assertGraphQLName, constantCase, shortHash } from "./names.ts";
import { apiField, fieldNamed } from "./resources.ts";
import type {
  ListSchema,
  Operation,
  ResourceSchema,
  ResourceSchemas,
  ScalarKind,
  Variables,
} from "./types.ts";
import { readValue } from "./values.ts";

export const aggregateFunctions = [
  "sum",
  "average",
  "min",
  "max",
  "distinctCount",
  "stddevSample",
  "stddevPopulation",
  "varianceSample",
  "variancePopulation",
] as const;

export type AggregateFunction = (typeof aggregateFunctions)[number];

export type AggregateParams = {
  filter?: Record<string, unknown>;
  /** Fields, or a moment cut to a span: `createdAt@day`. */
  groupBy?: readonly string[];
  /** PostGraphile's own having input. */
  having?: Record<string, unknown>;
  signal?: AbortSignal;
} & { [name in AggregateFunction]?: readonly string[] };

export type AggregateValues = {
  [name in AggregateFunction]?: Record<string, unknown>;
};

export type AggregateGroup = AggregateValues & {
  /** Group field (as it was asked for) → its value. */
  keys: Record<string, unknown>;
  /** Rows in the group; null for composite keys, which have nothing to count by. */
  count: number | null;
};

export type AggregateAnswer = {
  total: number;
  totals: AggregateValues;
  groups: AggregateGroup[];
};

const groupByValue = (schema: ResourceSchema, group: string): string => {
  const [name = "", span] = group.split("@");
  fieldNamed(schema, name);
  return span === undefined
    ? constantCase(name)
    : `${constantCase(name)}_TRUNCATED_TO_${constantCase(span)}`;
};

const functionSelections = (
  schema: ResourceSchema,
  params: AggregateParams,
  countBy: string | null,
): string => {
  const parts: string[] = [];
  for (const name of aggregateFunctions) {
    const fields = new Set(
      (params[name] ?? []).map((field) => apiField(schema, field)),
    );
    for (const field of fields) fieldNamed(schema, field);
    if (name === "distinctCount" && countBy !== null) fields.add(countBy);
    if (fields.size > 0)
      parts.push(`${name} { ${[...fields].sort().join(" ")} }`);
  }
  return parts.join(" ");
};

const countField = (schema: ResourceSchema): string | null =>
  schema.id.node ? null : schema.id.field;

export const buildAggregateQuery = (
  schema: ResourceSchema,
  list: ListSchema,
  params: AggregateParams,
): Operation => {
  const isGrouped = (params.groupBy ?? []).length > 0;
  if (isGrouped && list.groupByType === "") {
    throw new Error(`${schema.name} cannot be grouped: it has no aggregates.`);
  }
  const search = schema.search?.by === "argument" ? schema.search : null;
  const totals = functionSelections(schema, params, null);
  const groups = functionSelections(schema, params, countField(schema));
  const variables = [
    `$filter: ${list.filterType}`,
    ...(search ? [`$search: ${search.type}`] : []),
    ...(isGrouped
      ? [
          `$groupBy: [${list.groupByType}!]!`,
          ...(params.having ? [`$having: ${list.havingType}`] : []),
        ]
      : []),
  ].join(", ");
  const args = [
    `${list.filterBy ?? "filter"}: $filter`,
    ...(search ? [`${search.argument}: $search`] : []),
  ].join(", ");
  const having = params.having ? ", having: $having" : "";
  const rest = `(${variables}) { ${list.field}(${args}) { totalCount${
    totals ? ` aggregates { ${totals} }` : ""
  }${
    isGrouped
      ? ` groupedAggregates(groupBy: $groupBy${having}) { keys ${groups} }`
      : ""
  } } }`;
  const operationName = assertGraphQLName(
    `${schema.name.replace(/[^_0-9A-Za-z]/g, "_")}_getAggregates_${shortHash(rest)}`,
    "the name of an operation",
  );
  return { operationName, query: `query ${operationName}${rest}` };
};

export const buildAggregateVariables = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  params: AggregateParams,
): Variables => {
  const filter = buildListFilter(schemas, schema, params.filter);
  const search =
    schema.search?.by === "argument" ? searchText(params.filter) : null;
  const groupBy = (params.groupBy ?? []).map((group) =>
    groupByValue(schema, group),
  );
  return {
    ...(filter ? { filter } : {}),
    ...(search === null ? {} : { search }),
    ...(groupBy.length > 0 ? { groupBy } : {}),
    ...(groupBy.length > 0 && params.having ? { having: params.having } : {}),
  };
};

type Row = Readonly<Record<string, unknown>>;

const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a function of a field is: a count is whole, a mean is not. */
const resultKind = (name: AggregateFunction, kind: ScalarKind): ScalarKind => {
  if (name === "distinctCount") return "bigint";
  if (name === "min" || name === "max") return kind;
  return name === "sum" ? "numeric" : "float";
};

const parseValues = (
  schema: ResourceSchema,
  params: AggregateParams,
  row: Row,
): AggregateValues => {
  const values: AggregateValues = {};
  for (const name of aggregateFunctions) {
    const fields = params[name];
    const answered = row[name];
    if (!fields || !isRow(answered)) continue;
    values[name] = Object.fromEntries(
      fields.map((asked) => {
        const field = apiField(schema, asked);
        const kind = resultKind(name, fieldNamed(schema, field).kind);
        return [asked, readValue({ kind, array: false }, answered[field])];
      }),
    );
  }
  return values;
};

/** Group keys always arrive as text. */
const parseKey = (schema: ResourceSchema, group: string, key: unknown) => {
  const [name = "", span] = group.split("@");
  const { kind } = fieldNamed(schema, name);
  if (typeof key !== "string" || span !== undefined) return key ?? null;
  if (kind === "boolean") return key === "true" || key === "t";
  if (kind === "int" || kind === "float") return Number(key);
  return readValue({ kind, array: false }, key);
};

export const parseAggregates = (
  schema: ResourceSchema,
  params: AggregateParams,
  connection: unknown,
): AggregateAnswer => {
  const row = isRow(connection) ? connection : {};
  const groups = Array.isArray(row["groupedAggregates"])
    ? row["groupedAggregates"]
    : [];
  const countBy = countField(schema);
  return {
    total: typeof row["totalCount"] === "number" ? row["totalCount"] : 0,
    totals: isRow(row["aggregates"])
      ? parseValues(schema, params, row["aggregates"])
      : {},
    groups: groups.filter(isRow).map((group) => {
      const keys: unknown[] = Array.isArray(group["keys"]) ? group["keys"] : [];
      const counts = group["distinctCount"];
      return {
        ...parseValues(schema, params, group),
        keys: Object.fromEntries(
          (params.groupBy ?? []).map((name, index) => [
            name,
            parseKey(schema, name, keys[index]),
          ]),
        ),
        count:
          countBy !== null && isRow(counts) ? Number(counts[countBy]) : null,
      };
    }),
  };
};
