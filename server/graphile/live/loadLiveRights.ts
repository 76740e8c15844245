import type { Pool } from "pg";

import type { LiveRight } from "./announcement.ts";

/** The tables among `tables` that the role may select from, and how far. */
export async function loadLiveRights(
  pool: Pool,
  role: string,
  tables: readonly string[],
): Promise<Map<string, LiveRight>> {
  const { rows } = await pool.query<LiveRight>(RIGHTS_SQL, [
    role,
    // PostgreSQL takes no text with this character in it.
    tables.filter((table) => !table.includes("\0")),
  ]);
  return new Map(rows.map((right) => [right.table, right]));
}

const RIGHTS_SQL = `
  with policies as (
    select p.polrelid, p.polpermissive, pg_catalog.pg_get_expr(p.polqual, p.polrelid) as condition
    from pg_catalog.pg_policy p
    where p.polcmd in ('r', '*')
      and exists (
        select from pg_catalog.unnest(p.polroles) g
        where g = 0 or pg_catalog.pg_has_role($1, g, 'usage')
      )
  )
  select c.relname::text as "table",
    exists (
      select from pg_catalog.pg_trigger g where g.tgrelid = c.oid and g.tgname = '_950_announce_insert'
    ) as "isLive",
    not c.relrowsecurity or exists (
      select from policies p where p.polrelid = c.oid and p.polpermissive and p.condition = 'true'
    ) as "readsAll",
    c.relrowsecurity and exists (
      select from policies p where p.polrelid = c.oid and not p.polpermissive
    ) as "isFenced"
  from pg_catalog.pg_class c
  where c.relnamespace = 'app_public'::pg_catalog.regnamespace
    and c.relkind in ('r', 'p')
    and c.relname = any ($2::text[])
    and pg_catalog.has_table_privilege($1, c.oid, 'select')
    and (not c.relrowsecurity or exists (
      select from policies p where p.polrelid = c.oid and p.polpermissive
    ))`;
