import type { Pool } from "pg";

/** What the registry does not know: rights per role, checks, generated columns. */
export type RoleRights = {
  select: boolean;
  insert: string[];
  update: string[];
  delete: boolean;
};

export type TableFacts = {
  /** Role → what grants and policies together leave of each verb. */
  rights: Record<string, RoleRights>;
  columns: Record<string, { type: string; generated: boolean }>;
  maxLengths: Record<string, number>;
  /** Has the triggers of app_private.announce_changes, or shows a table that has. */
  isLive: boolean;
};

export type Facts = {
  tables: Record<string, TableFacts>;
  /** Function → roles that may run it. */
  functions: Record<string, string[]>;
  /** `schema.function` that makes keys of a text → roles that may run it. */
  searches: Record<string, string[]>;
};

/**
 * A verb counts where the role has the grant and, on a table with row-level
 * security, at least one permissive policy for it: a grant without a policy
 * would be a button that always fails.
 */
const FACTS_SQL = `
with roles as (
  select r.oid, r.rolname::text as name from pg_roles r where r.rolname = any ($1::text[])
),
tables as (
  select c.oid, c.relname::text as name, c.relkind, c.relrowsecurity
  from pg_class c
  where c.relnamespace = $2::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
),
columns as (
  select a.attrelid, a.attnum, a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type,
    a.attgenerated <> '' or a.attidentity = 'a' as generated
  from pg_attribute a join tables t on t.oid = a.attrelid
  where a.attnum > 0 and not a.attisdropped
),
lengths as (
  -- varchar(12), as the type has it.
  select a.attrelid, a.attname::text as name, a.atttypmod - 4 as length
  from pg_attribute a join tables t on t.oid = a.attrelid
  where a.atttypid in ('varchar'::regtype, 'bpchar'::regtype) and a.atttypmod > 4
  union all
  -- length(name) <= 200; "between 1 and 200" is printed as >= and <=, a keyword in quotes, a varchar with a cast.
  select k.conrelid, c.name, m[1]::integer
  from pg_constraint k
  join columns c on c.attrelid = k.conrelid and c.attnum = any (k.conkey)
  cross join lateral regexp_matches(
    pg_get_constraintdef(k.oid),
    'length\\(\\(?"?' || c.name || '"?\\)?(?:::[a-z ]+)?\\) <= (\\d{1,9})', 'g'
  ) as m
  where k.contype = 'c'
),
policed as (
  select t.oid as table_oid, r.oid as role_oid, v.verb,
    not t.relrowsecurity or exists (
      select 1 from pg_policy p
      where p.polrelid = t.oid and p.polpermissive and p.polcmd in (v.cmd, '*')
        and exists (select 1 from unnest(p.polroles) g where g = 0 or pg_has_role(r.oid, g, 'usage'))
    ) as passes
  from tables t cross join roles r
  cross join (values ('select', 'r'::"char"), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) as v (verb, cmd)
)
select json_build_object(
  'tables', coalesce((
    select json_object_agg(t.name, json_build_object(
      'rights', (
        select json_object_agg(r.name, json_build_object(
          'select', has_table_privilege(r.oid, t.oid, 'select')
            and (select p.passes from policed p where p.table_oid = t.oid and p.role_oid = r.oid and p.verb = 'select'),
          'insert', coalesce((
            select json_agg(c.name order by c.attnum) from columns c
            where c.attrelid = t.oid and has_column_privilege(r.oid, t.oid, c.attnum, 'insert')
              and (select p.passes from policed p where p.table_oid = t.oid and p.role_oid = r.oid and p.verb = 'insert')
          ), '[]'),
          'update', coalesce((
            select json_agg(c.name order by c.attnum) from columns c
            where c.attrelid = t.oid and has_column_privilege(r.oid, t.oid, c.attnum, 'update')
              and (select p.passes from policed p where p.table_oid = t.oid and p.role_oid = r.oid and p.verb = 'update')
          ), '[]'),
          'delete', has_table_privilege(r.oid, t.oid, 'delete')
            and (select p.passes from policed p where p.table_oid = t.oid and p.role_oid = r.oid and p.verb = 'delete')
        )) from roles r
      ),
      'columns', (
        select json_object_agg(c.name, json_build_object('type', c.type, 'generated', c.generated) order by c.attnum)
        from columns c where c.attrelid = t.oid
      ),
      'isLive', exists (
        select 1 from pg_trigger g where g.tgname = '_950_announce_insert' and g.tgrelid in (
          select t.oid
          union all
          select b.oid from tables b
          where t.relkind = 'v'
            and b.name = (regexp_match(obj_description(t.oid, 'pg_class'), '(?n)^@admin\\.live +([a-z0-9_]+) *$'))[1]
        )
      ),
      'maxLengths', coalesce((
        select json_object_agg(x.name, x.length) from (
          select l.name, min(l.length) as length from lengths l where l.attrelid = t.oid group by l.name
        ) x
      ), '{}')
    )) from tables t
  ), '{}'),
  'functions', coalesce((
    select json_object_agg(f.proname, f.roles) from (
      select p.proname::text, json_agg(r.name order by r.name) filter (where has_function_privilege(r.oid, p.oid, 'execute')) as roles
      from pg_proc p cross join roles r
      where p.pronamespace = $2::regnamespace
      group by p.oid, p.proname
      having bool_or(has_function_privilege(r.oid, p.oid, 'execute'))
    ) f
  ), '{}'),
  'searches', coalesce((
    select json_object_agg(f.name, f.roles) from (
      select n.nspname || '.' || p.proname as name,
        json_agg(r.name order by r.name) filter (
          where has_function_privilege(r.oid, p.oid, 'execute') and has_schema_privilege(r.oid, n.oid, 'usage')
        ) as roles
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace cross join roles r
      where p.proretset and p.proargtypes::text = 'text'::regtype::oid::text
        and n.nspname not in ('pg_catalog', 'information_schema')
      group by n.nspname, p.proname
    ) f where f.roles is not null
  ), '{}')
) as facts`;

export async function loadFacts(
  pool: Pool,
  roles: readonly string[],
  schema = "app_public",
): Promise<Facts> {
  const { rows } = await pool.query<{ facts: Facts }>(FACTS_SQL, [
    roles,
    schema,
  ]);
  const facts = rows[0]?.facts;
  if (facts === undefined) throw new Error("The catalogue query gave no row");
  return facts;
}
