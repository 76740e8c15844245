import type { Pool } from "pg";

import { type ErrorCode, isErrorCode } from "./catalogue.ts";

/** What a violated constraint or unique index means to the person who caused it. */
export type ConstraintError = {
  code: ErrorCode | null;
  field: string | null;
  message: string | null;
  /** For foreign keys: the words when the referenced row is the one in the way. */
  inUseMessage: string | null;
  inUseHint: string | null;
};

export type ConstraintErrors = {
  find(
    schema: string | undefined,
    table: string | undefined,
    constraint: string,
  ): ConstraintError | null;
};

export type LiveConstraintErrors = ConstraintErrors & {
  /** Reads the words again, e.g. after a migration. */
  refresh(): Promise<void>;
};

export type ConstraintRow = {
  schema: string;
  table: string;
  name: string;
  /** p, u, f, c, x as in pg_constraint; i for a unique index without constraint. */
  kind: string;
  columns: string[] | null;
  comment: string | null;
};

export const noConstraintErrors: ConstraintErrors = { find: () => null };

/**
 * The words live beside the constraint, in its comment:
 *   comment on constraint products_brand_id_sku_key on app_public.products is
 *     $$@error TAKEN sku This SKU is already in your catalogue.$$;
 * so a table added by a migration brings its own. `-` stands for no field; a
 * foreign key may add `@errorInUse sentence|hint` for a delete that other rows
 * prevent; the hint may be left out.
 */
export function parseConstraintComment(
  comment: string | null,
): Pick<
  ConstraintError,
  "code" | "field" | "message" | "inUseMessage" | "inUseHint"
> {
  const nothing = { code: null, field: null, message: null };
  const [sentence, hint] =
    comment
      ?.match(/^@errorInUse\s+(.+)$/m)?.[1]
      ?.split("|", 2)
      .map((part) => part.trim()) ?? [];
  const inUse = { inUseMessage: sentence ?? null, inUseHint: hint ?? null };
  const match = comment?.match(/^@error\s+(\S+)\s+(\S+)\s+(.+)$/m);
  if (match === null || match === undefined) return { ...nothing, ...inUse };
  const [, code, field, message] = match;
  if (!isErrorCode(code)) return { ...nothing, ...inUse };
  return {
    code,
    field: field === undefined || field === "-" ? null : fieldName(field),
    message: message?.trim() ?? null,
    ...inUse,
  };
}

export function makeConstraintErrors(
  rows: readonly ConstraintRow[],
): ConstraintErrors {
  const byPlace = new Map<string, ConstraintError>();
  // A partition reports its own name as the table, but keeps its parent's
  // check names; those are found by name alone.
  const byName = new Map<string, ConstraintError | null>();
  for (const row of rows) {
    const parsed = parseConstraintComment(row.comment);
    const error: ConstraintError = {
      ...parsed,
      field: parsed.message === null ? guessField(row) : parsed.field,
    };
    byPlace.set(`${row.schema}.${row.table}.${row.name}`, error);
    byName.set(row.name, byName.has(row.name) ? null : error);
  }
  return {
    find: (schema, table, constraint) =>
      byPlace.get(`${schema}.${table}.${constraint}`) ??
      byName.get(constraint) ??
      null,
  };
}

/** The last column is the telling one: keys start with the tenant. */
function guessField(row: ConstraintRow): string | null {
  const columns = row.columns ?? [];
  if (row.kind === "c" && columns.length !== 1) return null;
  const column = columns.at(-1);
  return column === undefined ? null : fieldName(column);
}

/** A column as the API names it; `id` is taken there by the node id. */
export function fieldName(column: string): string {
  return column === "id"
    ? "rowId"
    : column.replace(/_+([a-z0-9])/g, (_, letter: string) =>
        letter.toUpperCase(),
      );
}

const SELECT_CONSTRAINTS = `
  select n.nspname as schema,
         coalesce(c.relname, t.typname) as "table",
         k.conname as name,
         k.contype::text as kind,
         (select array_agg(a.attname::text order by u.position)
            from unnest(k.conkey) with ordinality as u (attnum, position)
            join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum) as columns,
         pg_catalog.obj_description(k.oid, 'pg_constraint') as comment
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_namespace n on n.oid = k.connamespace
    left join pg_catalog.pg_class c on c.oid = k.conrelid
    left join pg_catalog.pg_type t on t.oid = k.contypid
   where n.nspname in ('app_public', 'app_hidden', 'app_private')
     and k.contype in ('p', 'u', 'f', 'c', 'x')
     -- the copies a key makes on partitions and on referenced partitions
     and k.conparentid = 0
  union all
  select n.nspname, c.relname, i.relname, 'i',
         (select array_agg(a.attname::text order by u.position)
            from unnest(x.indkey::smallint[]) with ordinality as u (attnum, position)
            join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = u.attnum),
         pg_catalog.obj_description(i.oid, 'pg_class')
    from pg_catalog.pg_index x
    join pg_catalog.pg_class i on i.oid = x.indexrelid
    join pg_catalog.pg_class c on c.oid = x.indrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('app_public', 'app_hidden', 'app_private')
     and x.indisunique
     and not exists (select from pg_catalog.pg_constraint k where k.conindid = i.oid and k.contype in ('p', 'u', 'x'))
   order by 1, 2, 3`;

/** Every constraint of our schemas with the words its comment gives it. */
export async function readConstraints(
  pool: Pick<Pool, "query">,
): Promise<ConstraintRow[]> {
  const { rows } = await pool.query<ConstraintRow>(SELECT_CONSTRAINTS);
  return rows;
}

/** Words this old are read again when they are next needed. */
const FRESH_MS = 10_000;

/**
 * The words of every constraint there is. A migration may bring new ones while
 * the server runs: each violation told with old words, or without, leads to a
 * new look, so that the next one is told right.
 */
export async function loadConstraintErrors(
  pool: Pick<Pool, "query">,
  freshMs: number = FRESH_MS,
): Promise<LiveConstraintErrors> {
  let errors = makeConstraintErrors(await readConstraints(pool));
  let readAt = performance.now();
  let reading = false;
  const readAgain = async (): Promise<void> => {
    reading = true;
    try {
      errors = makeConstraintErrors(await readConstraints(pool));
    } catch {
      // The database is away: whoever asks it next is told so. The words we
      // have stay true until then.
    } finally {
      readAt = performance.now();
      reading = false;
    }
  };
  return {
    refresh: readAgain,
    find: (schema, table, constraint) => {
      const found = errors.find(schema, table, constraint);
      const old = performance.now() - readAt > freshMs;
      if (!reading && (found === null || old)) void readAgain();
      return found;
    },
  };
}
