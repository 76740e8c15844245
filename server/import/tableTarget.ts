import type { Pool } from "pg";

import type { Actor } from "../auth/actor.ts";
import type { Catalog, CatalogResource } from "../catalog/types.ts";
import { withActor } from "../db/withActor.ts";
import { AppError } from "../errors/AppError.ts";
import { type ColumnMapping, plainName, SYNONYMS } from "./columns.ts";
import type { ImportMethod, ImportRun } from "./importRun.ts";
import {
  CATALOGUE,
  type ImportTarget,
  type TargetFor,
  type TargetKey,
} from "./importTarget.ts";

export type TargetDeps = {
  app: Pool;
  /** What the role may see and do; null for a role without a catalogue. */
  catalogOf: (role: string) => Promise<Catalog | null>;
};

type Column = {
  name: string;
  nullable: boolean;
  default_value: string | null;
  match_only: boolean;
};

type Facts = { columns: Column[]; keys: TargetKey[] };

/**
 * What an upload is for. Without a method, products are a catalogue unless the
 * header is that of our own export; every other table goes by its columns.
 */
export async function chooseTarget(
  deps: TargetDeps,
  actor: Actor,
  table: string,
  method: ImportMethod | null,
): Promise<TargetFor> {
  if (method === "catalogue" && table !== CATALOGUE.table) {
    throw new AppError("INVAL", "Only products are imported as a catalogue", {
      field: "method",
    });
  }
  if (table === CATALOGUE.table && method === "catalogue") {
    return () => CATALOGUE;
  }
  if (table !== CATALOGUE.table || method === "table") {
    const target = await tableTarget(deps, actor, table);
    return () => target;
  }
  const catalog = await deps.catalogOf(actor.role);
  const resource = catalog?.resources.find(({ name }) => name === table);
  // Who may not import is told so where the file is taken in.
  if (resource?.verbs.create !== true) return () => CATALOGUE;
  const exported = new Set(resource.fields.map(({ name }) => name));
  const target = await tableTarget(deps, actor, table);
  return (header) =>
    header.every((name) => exported.has(name)) &&
    header.some((name) => /[a-z][A-Z]/.test(name))
      ? target
      : CATALOGUE;
}

/** The target of a run that exists. */
export async function targetOf(
  deps: TargetDeps,
  actor: Actor,
  run: Pick<ImportRun, "target" | "method">,
): Promise<ImportTarget> {
  return run.method === "catalogue"
    ? CATALOGUE
    : tableTarget(deps, actor, run.target);
}

/** A table of the caller's catalogue, as far as the caller may insert into it. */
async function tableTarget(
  deps: TargetDeps,
  actor: Actor,
  table: string,
): Promise<ImportTarget> {
  const catalog = await deps.catalogOf(actor.role);
  const resource = catalog?.resources.find(({ name }) => name === table);
  if (resource === undefined) {
    throw new AppError("NTFND", "There is no such table", {
      field: "target",
      hint: "Name a resource of /catalog.json",
    });
  }
  if (!resource.verbs.create) {
    throw new AppError("DNIED", `You may not add ${resource.label} by import`, {
      field: "target",
    });
  }
  const { columns, keys } = await factsOf(deps.app, actor, table);
  if (columns.every(({ match_only }) => match_only)) {
    throw new AppError("INVAL", `${resource.label} cannot be imported`, {
      field: "target",
      hint: "Within a brand, import what belongs to the brand",
    });
  }
  return describe(resource, columns, keys);
}

async function factsOf(app: Pool, actor: Actor, table: string): Promise<Facts> {
  return withActor(app, actor, async (client) => {
    const columns = await client.query<Column>(
      "select name, nullable, default_value, match_only from app_hidden.import_columns($1) order by place",
      [table],
    );
    const keys = await client.query<{ name: string; columns: string[] }>(
      "select name, columns from app_hidden.import_keys($1)",
      [table],
    );
    return {
      columns: columns.rows,
      keys: keys.rows.map(({ name, columns: fields }) => ({ name, fields })),
    };
  });
}

function describe(
  resource: CatalogResource,
  columns: readonly Column[],
  keys: readonly TargetKey[],
): ImportTarget {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const fields = resource.fields.flatMap((field) => {
    const column = byName.get(field.column);
    if (column === undefined) return [];
    return [
      {
        name: field.column,
        required:
          !column.nullable &&
          column.default_value === null &&
          !column.match_only,
        label: field.label,
        help: field.help,
        kind: field.kind,
        array: field.array,
        values: field.values,
        graphqlName: field.name,
        matchOnly: column.match_only,
      },
    ];
  });
  const names = new Set(fields.map(({ name }) => name));
  return {
    table: resource.name,
    method: "table",
    label: resource.label,
    fields: fields.map(
      ({ graphqlName: _name, matchOnly: _match, ...field }) => field,
    ),
    keys: keys.filter((key) => key.fields.every((field) => names.has(field))),
    guess: (header) => guess(header, fields, keys),
  };
}

/** By the name an export writes, the column, the label, then what catalogues call it. */
function guess(
  header: readonly string[],
  fields: readonly {
    name: string;
    label: string;
    graphqlName: string;
    matchOnly: boolean;
  }[],
  keys: readonly TargetKey[],
): ColumnMapping {
  const byName = new Map<string, string>();
  for (const column of header) {
    const key = plainName(column);
    if (!byName.has(key)) byName.set(key, column);
  }
  const mapping: ColumnMapping = {};
  const taken = new Set<string>();
  const take = (field: string, names: readonly string[]): void => {
    if (Object.hasOwn(mapping, field)) return;
    const column = names
      .map((name) => byName.get(plainName(name)))
      .find((found) => found !== undefined && !taken.has(found));
    if (column === undefined) return;
    mapping[field] = column;
    taken.add(column);
  };
  const written = fields.filter(({ matchOnly }) => !matchOnly);
  // Surest names first, over all fields, so that no guess takes a sure column.
  for (const { name, graphqlName } of written) take(name, [graphqlName, name]);
  for (const { name, label } of written) take(name, [label]);
  const synonyms: Readonly<Record<string, readonly string[]>> = SYNONYMS;
  for (const { name } of written) {
    take(name, Object.hasOwn(synonyms, name) ? (synonyms[name] ?? []) : []);
  }
  // A key that cannot be written helps only where no other key is in the file.
  if (
    !keys.some(({ fields: key }) =>
      key.every((field) => Object.hasOwn(mapping, field)),
    )
  ) {
    for (const { name, graphqlName, matchOnly } of fields) {
      if (matchOnly) take(name, [graphqlName]);
    }
  }
  return mapping;
}
