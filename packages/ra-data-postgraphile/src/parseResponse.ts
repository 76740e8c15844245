import type { Identifier, RaRecord } from "ra-core";

import type { Selection } from "./columns.ts";
import { notFound } from "./errors.ts";
import { resourceNamed } from "./resources.ts";
import type { MutationSchema, ResourceSchemas } from "./types.ts";
import { readValue } from "./values.ts";

type Row = Readonly<Record<string, unknown>>;

const isRow = (value: unknown): value is Row =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A row as GraphQL sent it → a record with an `id` and real numbers. */
export const parseRecord = (
  schemas: ResourceSchemas,
  selection: Selection,
  row: Row,
): RaRecord => {
  const schema = resourceNamed(schemas, selection.resource);
  const record: RaRecord = { id: row[schema.id.field] as Identifier };
  for (const name of selection.fields) {
    const field = schema.fields[name];
    if (field) record[name] = readValue(field, row[name] ?? null);
  }
  if (!schema.id.node) record.id = record[schema.id.field] as Identifier;
  for (const [name, relation] of Object.entries(selection.relations)) {
    const nested = row[name];
    record[name] = isRow(nested)
      ? parseRecord(schemas, relation, nested)
      : null;
  }
  return record;
};

export type ListAnswer = {
  data: RaRecord[];
  total: number | undefined;
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean } | undefined;
};

export const parseList = (
  schemas: ResourceSchemas,
  selection: Selection,
  connection: unknown,
): ListAnswer => {
  if (!isRow(connection)) {
    return { data: [], total: 0, pageInfo: undefined };
  }
  const nodes = Array.isArray(connection["nodes"]) ? connection["nodes"] : [];
  const pageInfo = connection["pageInfo"];
  const total = connection["totalCount"];
  return {
    data: nodes
      .filter(isRow)
      .map((row) => parseRecord(schemas, selection, row)),
    total: typeof total === "number" ? total : undefined,
    pageInfo: isRow(pageInfo)
      ? {
          hasNextPage: pageInfo["hasNextPage"] === true,
          hasPreviousPage: pageInfo["hasPreviousPage"] === true,
        }
      : undefined,
  };
};

/** A null row is a row that does not exist or that row security hides. */
export const parseOne = (
  schemas: ResourceSchemas,
  selection: Selection,
  row: unknown,
): RaRecord => {
  if (!isRow(row)) throw notFound();
  return parseRecord(schemas, selection, row);
};

export const parseMutation = (
  schemas: ResourceSchemas,
  selection: Selection,
  mutation: MutationSchema,
  payload: unknown,
): RaRecord =>
  parseOne(
    schemas,
    selection,
    isRow(payload) ? payload[mutation.result] : null,
  );

/** One record for each id that was asked for, in that order; unknown ids are left out. */
export const inOrderOf = (
  ids: readonly Identifier[],
  records: readonly RaRecord[],
): RaRecord[] => {
  const byId = new Map(records.map((record) => [String(record.id), record]));
  return ids.flatMap((id) => byId.get(String(id)) ?? []);
};
