import type { ClientBase, Pool } from "pg";

export type Tables = {
  relations: Record<
    string,
    {
      kind: "table" | "view";
      /** Name to type, in their order. */
      columns: Record<string, string>;
    }
  >;
  /** Enum types with their values, in order. */
  enums: Record<string, string[]>;
};

/** What a developer sees of tables; names of the API go without their schema. */
const TABLES_SQL = `
with schemas as (
  select n.oid, case when n.nspname = 'app_public' then '' else n.nspname || '.' end as prefix
  from pg_catalog.pg_namespace n
  where n.nspname in ('app_public', 'app_hidden', 'app_private')
)
select pg_catalog.json_build_object(
  'relations', coalesce((
    select pg_catalog.json_object_agg(s.prefix || c.relname, pg_catalog.json_build_object(
      'kind', case when c.relkind in ('v', 'm') then 'view' else 'table' end,
      'columns', coalesce((
        select pg_catalog.json_object_agg(
          a.attname,
          pg_catalog.format_type(a.atttypid, a.atttypmod)
            || case when a.attnotnull then ' not null' else '' end
            || case
                 when a.attidentity <> '' then ' identity'
                 when a.attgenerated <> '' then ' generated'
                 when d.oid is not null then ' default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                 else ''
               end
          order by a.attnum
        )
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ), '{}')
    ))
    from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
  ), '{}'),
  'enums', coalesce((
    select pg_catalog.json_object_agg(s.prefix || t.typname, (
      select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder)
      from pg_catalog.pg_enum e where e.enumtypid = t.oid
    ))
    from pg_catalog.pg_type t join schemas s on s.oid = t.typnamespace
    where t.typtype = 'e'
  ), '{}')
) as tables`;

export async function describeTables(
  client: Pool | ClientBase,
): Promise<Tables> {
  const { rows } = await client.query<{ tables: Tables }>(TABLES_SQL);
  return rows[0]?.tables ?? { relations: {}, enums: {} };
}
