import type {
  CreateParams,
  GetListParams,
  Identifier,
  SortPayload,
  UpdateParams,
} from "ra-core";

import { invalidValue } from "./errors.ts";
import { isDescending } from "./keyset.ts";
import { constantCase } from "./names.ts";
import { apiField, fieldNamed } from "./resources.ts";
import type {
  MutationSchema,
  ResourceSchema,
  SortItem,
  Variables,
} from "./types.ts";
import { isSameValue, isUuid, sendValue } from "./values.ts";

type Data = Readonly<Record<string, unknown>>;

/** Always ends in the primary key, so that pages neither repeat nor miss a row. */
export const buildOrderBy = (
  schema: ResourceSchema,
  sort: SortPayload | undefined,
  more: readonly SortItem[] = [],
): string[] => {
  const orderBy: string[] = [];
  const seen = new Set<string>();
  for (const item of [...(sort?.field ? [sort] : []), ...more]) {
    if (seen.has(item.field)) continue;
    seen.add(item.field);
    const suffix = isDescending(item.order) ? "DESC" : "ASC";
    if (item.field === "id" || item.field === schema.id.field) {
      orderBy.push(`PRIMARY_KEY_${suffix}`);
      return orderBy;
    }
    if (!fieldNamed(schema, item.field).sort) {
      throw new Error(`${schema.name} cannot be sorted by ${item.field}.`);
    }
    orderBy.push(`${constantCase(item.field)}_${suffix}`);
  }
  return [...orderBy, "PRIMARY_KEY_ASC"];
};

export type Page = { first: number; offset: number };

/** One page of react-admin → pages the server serves, none above its limit. */
export const buildPages = (
  pagination: GetListParams["pagination"],
  pageSize: number,
): Page[] => {
  const page = Math.max(1, Math.trunc(pagination?.page ?? 1));
  const perPage = Math.max(1, Math.trunc(pagination?.perPage ?? 25));
  const start = (page - 1) * perPage;
  const pages: Page[] = [];
  for (let read = 0; read < perPage; read += pageSize) {
    pages.push({
      first: Math.min(pageSize, perPage - read),
      offset: start + read,
    });
  }
  return pages;
};

/** `target = id` beside the list's own filter, whichever fields both name. */
export const referenceFilter = (
  target: string,
  id: Identifier,
  filter: Record<string, unknown> | undefined,
): Record<string, unknown> => {
  const own = { [target]: id };
  return filter && Object.keys(filter).length > 0
    ? { ...filter, and: [...asList(filter["and"]), own] }
    : own;
};

const asList = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

/** An id from a page's address that cannot be one of ours matches nothing. */
export const isPossibleId = (
  schema: ResourceSchema,
  id: Identifier,
): boolean =>
  schema.id.kind === "uuid"
    ? isUuid(id)
    : schema.id.kind === "int" || schema.id.kind === "bigint"
      ? /^-?\d+$/.test(String(id))
      : String(id) !== "";

export const sendId = (schema: ResourceSchema, id: Identifier): unknown =>
  sendValue({ kind: schema.id.kind, array: false }, id, "id");

export const buildOneVariables = (
  schema: ResourceSchema,
  id: Identifier,
): Variables => ({ id: sendId(schema, id) });

export const buildUniqueVariables = (
  schema: ResourceSchema,
  by: Readonly<Record<string, unknown>>,
): Variables =>
  Object.fromEntries(
    Object.entries(by).map(([name, value]) => [
      name,
      sendValue(fieldNamed(schema, name), value, name),
    ]),
  );

export const buildManyVariables = (
  schema: ResourceSchema,
  ids: readonly Identifier[],
): Variables => ({
  first: ids.length,
  filter: {
    [apiField(schema, "id")]: { in: ids.map((id) => sendId(schema, id)) },
  },
});

/**
 * The values a write may carry. A key nobody described would vanish without a
 * word, so it is an error; a described field that is not writable is left out.
 */
const writable = (
  schema: ResourceSchema,
  data: Data,
  verb: "create" | "update",
  isWanted: (name: string, value: unknown) => boolean,
): Record<string, unknown> => {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    if (name === "id" || name === "__typename" || value === undefined) continue;
    if (Object.hasOwn(schema.relations, name)) continue;
    if (!isWanted(name, value)) continue;
    const field = fieldNamed(schema, name);
    if (field[verb]) values[name] = sendValue(field, value, name);
  }
  return values;
};

const mutationInput = (
  mutation: MutationSchema,
  key: Variables,
  values: Variables,
): Variables => ({
  input: {
    ...key,
    ...(mutation.values === null ? values : { [mutation.values]: values }),
  },
});

/** Empty fields of a new record are left to the database's defaults. */
export const buildCreateVariables = (
  schema: ResourceSchema,
  mutation: MutationSchema,
  params: CreateParams,
): Variables =>
  mutationInput(
    mutation,
    {},
    writable(
      schema,
      params.data as Data,
      "create",
      (_name, value) => value !== null,
    ),
  );

/** Null where nothing changed: there is then nothing to send. */
export const buildUpdateVariables = (
  schema: ResourceSchema,
  mutation: MutationSchema,
  params: UpdateParams,
): Variables | null => {
  const previous = (params.previousData ?? {}) as Data;
  const values = writable(
    schema,
    params.data as Data,
    "update",
    (name, value) =>
      !(Object.hasOwn(previous, name) && isSameValue(previous[name], value)),
  );
  if (Object.keys(values).length === 0) return null;
  const { version } = schema;
  if (version !== null && previous[version] !== undefined) {
    values[version] = sendValue(
      fieldNamed(schema, version),
      previous[version],
      version,
    );
  }
  return mutationInput(
    mutation,
    mutation.key === null ? {} : { [mutation.key]: sendId(schema, params.id) },
    values,
  );
};

/**
 * `input0`, `input1`, …: one for each aliased mutation of a request. A record
 * whose version the caller knows is changed only if it still has that version.
 */
export const buildBulkVariables = (
  schema: ResourceSchema,
  mutation: MutationSchema,
  ids: readonly Identifier[],
  data: Data | null,
  versions: Data = {},
): Variables => {
  const values =
    data === null ? {} : writable(schema, data, "update", () => true);
  if (data !== null && Object.keys(values).length === 0) {
    throw invalidValue("root", "Choose at least one field to change.");
  }
  const versionOf = (id: Identifier): Variables => {
    const { version } = schema;
    const known = Object.hasOwn(versions, id) ? versions[id] : undefined;
    return version === null || known === undefined || known === null
      ? {}
      : { [version]: sendValue(fieldNamed(schema, version), known, version) };
  };
  return Object.fromEntries(
    ids.map((id, index) => {
      const key =
        mutation.key === null ? {} : { [mutation.key]: sendId(schema, id) };
      return [
        `input${index}`,
        data === null
          ? key
          : mutationInput(mutation, key, { ...values, ...versionOf(id) })[
              "input"
            ],
      ];
    }),
  );
};
