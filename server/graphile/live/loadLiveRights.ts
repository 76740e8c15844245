import type { Pool } from "pg";

import type { LiveRight } from "./announcement.ts";

/**
 * What the role may select from among `names`, and how far. A view tells of the
 * table that its tag names: one that runs as its caller as far as that table's
 * policies go, any other of the caller's own brand only, because such a view
 * shows nothing else (its columns may be fewer, never its brands more).
 */
export async function loadLiveRights(
  pool: Pool,
  role: string,
  names: readonly string[],
): Promise<Map<string, LiveRight>> {
  const { rows } = await pool.query<LiveRight>(RIGHTS_SQL, [
    role,
    // PostgreSQL takes no text with this character in it.
    names.filter((name) => !name.includes("\0")),
  ]);
  return new Map(rows.map((right) => [right.name, right]));
}

const RIGHTS_SQL = `
  with asked as (
    select c.oid, c.relname::text as name, c.relkind, b.oid as base, b.relname::text as "table",
      c.relkind = 'v' and not coalesce(c.reloptions @> '{security_invoker=true}', false) as is_definer,
      d.comment
    from pg_catalog.pg_class c
    cross join lateral (
      select pg_catalog.obj_description(c.oid, 'pg_class') as comment
    ) d
    join pg_catalog.pg_class b on b.oid = c.oid and c.relkind in ('r', 'p')
      or c.relkind = 'v' and b.relkind in ('r', 'p') and b.relnamespace = c.relnamespace
        and b.relname = (pg_catalog.regexp_match(d.comment, '(?n)^@admin\\.live +([a-z0-9_]+) *$'))[1]
    where c.relnamespace = 'app_public'::pg_catalog.regnamespace
      and c.relname = any ($2::text[])
      and pg_catalog.has_table_privilege($1, c.oid, 'select')
  ),
  policies as (
    select p.polrelid, p.polpermissive, pg_catalog.pg_get_expr(p.polqual, p.polrelid) as condition
    from pg_catalog.pg_policy p
    where p.polcmd in ('r', '*')
      and exists (
        select from pg_catalog.unnest(p.polroles) g
        where g = 0 or pg_catalog.pg_has_role($1, g, 'usage')
      )
  )
  select a.name, a."table",
    a.relkind <> 'v' or coalesce((pg_catalog.regexp_match(a.comment, '(?n)^@primaryKey +([a-z0-9_,]+) *$'))[1] = (
      select pg_catalog.string_agg(k.attname::text, ',' order by k.attnum)
      from pg_catalog.pg_index i
      join pg_catalog.pg_attribute k on k.attrelid = i.indrelid and k.attnum = any (i.indkey)
      where i.indrelid = a.base and i.indisprimary
    ), false) as "isKeyed",
    exists (
      select from pg_catalog.pg_trigger g where g.tgrelid = a.base and g.tgname = '_950_announce_insert'
    ) as "isLive",
    a.is_definer or not c.relrowsecurity or exists (
      select from policies p where p.polrelid = c.oid and p.polpermissive and p.condition = 'true'
    ) as "readsAll",
    a.is_definer or c.relrowsecurity and exists (
      select from policies p where p.polrelid = c.oid and not p.polpermissive
    ) as "isFenced"
  from asked a
  join pg_catalog.pg_class c on c.oid = a.base
  where a.is_definer or pg_catalog.has_table_privilege($1, c.oid, 'select')
    and (not c.relrowsecurity or exists (
      select from policies p where p.polrelid = c.oid and p.polpermissive
    ))`;
