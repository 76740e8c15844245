import type { ClientBase, Pool } from "pg";

/**
 * A text that stays the same while nothing changes that a GraphQL schema is
 * made of: names, types, keys, comments, grants, signatures. The bodies of
 * functions and the conditions of policies are not part of it, nor are the
 * numbers objects have, which change when one is dropped and made again.
 */
const FINGERPRINT_SQL = `
with schemas as (
  select n.oid, n.nspname from pg_catalog.pg_namespace n
  where n.nspname in ('app_public', 'app_hidden', 'app_private')
),
acls as (
  -- Sorted: grants that come in another order are the same grants.
  select x.kind, x.oid, x.sub, pg_catalog.string_agg(
    pg_catalog.concat_ws(' ', pg_catalog.pg_get_userbyid(a.grantee), a.privilege_type), ',' order by a.grantee::text, a.privilege_type
  ) as acl
  from (
    select 'class' as kind, c.oid, 0 as sub, coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner)) as acl
    from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
    union all
    select 'class', t.attrelid, t.attnum, t.attacl
    from pg_catalog.pg_attribute t join pg_catalog.pg_class c on c.oid = t.attrelid join schemas s on s.oid = c.relnamespace
    where t.attacl is not null
    union all
    select 'proc', p.oid, 0, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    from pg_catalog.pg_proc p join schemas s on s.oid = p.pronamespace
  ) x
  cross join lateral pg_catalog.aclexplode(x.acl) a
  group by x.kind, x.oid, x.sub
),
lines as (
  select pg_catalog.concat_ws('|', 'relation', c.oid::regclass, c.relkind, c.relispartition, c.reloptions, x.acl,
    pg_catalog.pg_relation_is_updatable(c.oid, true), pg_catalog.obj_description(c.oid, 'pg_class')) as line
  from pg_catalog.pg_class c join schemas s on s.oid = c.relnamespace
  left join acls x on x.kind = 'class' and x.oid = c.oid and x.sub = 0
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  union all
  select pg_catalog.concat_ws('|', 'column', c.oid::regclass, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.atthasdef, a.attidentity, a.attgenerated, x.acl, pg_catalog.col_description(c.oid, a.attnum))
  from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid join schemas s on s.oid = c.relnamespace
  left join acls x on x.kind = 'class' and x.oid = c.oid and x.sub = a.attnum
  where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  union all
  select pg_catalog.concat_ws('|', 'constraint', k.conrelid::regclass, k.contypid::regtype, k.conname,
    pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.obj_description(k.oid, 'pg_constraint'))
  from pg_catalog.pg_constraint k join schemas s on s.oid = k.connamespace
  union all
  select pg_catalog.concat_ws('|', 'index', pg_catalog.pg_get_indexdef(i.indexrelid))
  from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid join schemas s on s.oid = c.relnamespace
  union all
  select pg_catalog.concat_ws('|', 'function', p.oid::regprocedure, p.prokind, pg_catalog.pg_get_function_arguments(p.oid),
    pg_catalog.pg_get_function_result(p.oid), p.provolatile, p.proisstrict, p.proretset, x.acl, pg_catalog.obj_description(p.oid, 'pg_proc'))
  from pg_catalog.pg_proc p join schemas s on s.oid = p.pronamespace
  left join acls x on x.kind = 'proc' and x.oid = p.oid
  union all
  select pg_catalog.concat_ws('|', 'type', t.oid::regtype, t.typtype, pg_catalog.format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
    (select pg_catalog.string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid),
    pg_catalog.obj_description(t.oid, 'pg_type'))
  from pg_catalog.pg_type t join schemas s on s.oid = t.typnamespace
  where t.typtype in ('e', 'd', 'r')
  union all
  select pg_catalog.concat_ws('|', 'member', pg_catalog.pg_get_userbyid(m.roleid), pg_catalog.pg_get_userbyid(m.member))
  from pg_catalog.pg_auth_members m
  union all
  select pg_catalog.concat_ws('|', 'extension', e.extname, e.extversion) from pg_catalog.pg_extension e
  union all
  select pg_catalog.concat_ws('|', 'schema', s.nspname, pg_catalog.obj_description(s.oid, 'pg_namespace')) from schemas s
)
select pg_catalog.md5(pg_catalog.string_agg(line, E'\\n' order by line collate "C")) as fingerprint from lines`;

export async function fingerprint(client: Pool | ClientBase): Promise<string> {
  const { rows } = await client.query<{ fingerprint: string }>(FINGERPRINT_SQL);
  return rows[0]?.fingerprint ?? "";
}
