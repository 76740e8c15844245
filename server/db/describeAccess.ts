import type { ClientBase } from "pg";

import { ALL_ROLES, LOGIN_ROLES } from "./roles.ts";

/** What a role may do with a table, its inherited rights included. */
type Rights = {
  /** The columns where it is not the whole table. */
  select?: true | string[];
  insert?: string[];
  update?: string[];
  delete?: true;
};

type Policy = {
  name: string;
  kind: "permissive" | "restrictive";
  verb: string;
  roles: string[];
  using: string | null;
  check: string | null;
};

type Relation = {
  kind: "table" | "view";
  rowSecurity: boolean;
  /** A view that reads with its owner's rights: no policy holds behind it. */
  ownersRights?: true;
  rights: Record<string, Rights>;
  policies: Policy[];
};

/** The access rules as the catalogue of the database has them. */
export type Access = {
  roles: Record<
    string,
    { login: boolean; inherits: string[]; mayBecome: string[] }
  >;
  relations: Record<string, Relation>;
  functions: Record<
    string,
    { security: "definer" | "invoker"; execute: string[] }
  >;
};

const SCHEMAS = ["app_public", "app_hidden", "app_private"];

/** The owner may do everything and is never used by a request. */
const ROLES = ALL_ROLES.filter((role) => role !== LOGIN_ROLES.owner).sort();

/**
 * Partitions are left out: their names are months, and no role reaches them.
 * Everything comes out sorted, so that a difference is a change.
 */
export async function describeAccess(client: ClientBase): Promise<Access> {
  return {
    roles: await describeRoles(client),
    relations: await describeRelations(client),
    functions: await describeFunctions(client),
  };
}

async function describeRoles(client: ClientBase): Promise<Access["roles"]> {
  const { rows } = await client.query<{
    name: string;
    login: boolean;
    inherits: string[];
    becomes: string[];
  }>(
    `select r.rolname as name, r.rolcanlogin as login,
            array(
              select g.rolname::text
                from pg_catalog.pg_auth_members m
                join pg_catalog.pg_roles g on g.oid = m.roleid
               where m.member = r.oid and g.rolname = any ($1::text[])
                 and pg_catalog.pg_has_role(r.oid, g.oid, 'usage')
               order by 1
            ) as inherits,
            array(
              select g.rolname::text
                from pg_catalog.pg_auth_members m
                join pg_catalog.pg_roles g on g.oid = m.roleid
               where m.member = r.oid and g.rolname = any ($1::text[])
                 and not pg_catalog.pg_has_role(r.oid, g.oid, 'usage')
               order by 1
            ) as becomes
       from pg_catalog.pg_roles r
      where r.rolname = any ($1::text[])
      order by 1`,
    [ROLES],
  );
  return Object.fromEntries(
    rows.map(({ name, login, inherits, becomes }) => [
      name,
      { login, inherits, mayBecome: becomes },
    ]),
  );
}

async function describeRelations(
  client: ClientBase,
): Promise<Access["relations"]> {
  const { rows: relations } = await client.query<{
    oid: number;
    name: string;
    view: boolean;
    security: boolean;
    definer: boolean;
  }>(
    `select c.oid::int, n.nspname || '.' || c.relname as name,
            c.relkind = 'v' as view, c.relrowsecurity as security,
            c.relkind = 'v' and not coalesce(c.reloptions @> '{security_invoker=true}', false) as definer
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
      order by name`,
    [SCHEMAS],
  );
  const { rows: rights } = await client.query<{
    oid: number;
    role: string;
    select: boolean;
    columns: string[];
    insert: string[];
    update: string[];
    delete: boolean;
  }>(
    `select c.oid::int, r.rolname as role,
            pg_catalog.has_table_privilege(r.oid, c.oid, 'select') as "select",
            pg_catalog.has_table_privilege(r.oid, c.oid, 'delete') as "delete",
            ${columnsWith("select")} as columns,
            ${columnsWith("insert")} as "insert",
            ${columnsWith("update")} as "update"
       from pg_catalog.pg_class c
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      cross join pg_catalog.pg_roles r
      where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and r.rolname = any ($2::text[])
        and c.relowner <> r.oid
      order by role`,
    [SCHEMAS, ROLES],
  );
  const { rows: policies } = await client.query<Policy & { oid: number }>(
    `select p.polrelid::int as oid, p.polname as name,
            case when p.polpermissive then 'permissive' else 'restrictive' end as kind,
            case p.polcmd when 'r' then 'select' when 'a' then 'insert'
              when 'w' then 'update' when 'd' then 'delete' else 'all' end as verb,
            array(
              select case when x = 0 then 'public' else pg_catalog.pg_get_userbyid(x)::text end
                from pg_catalog.unnest(p.polroles) x order by 1
            ) as roles,
            pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using,
            pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as check
       from pg_catalog.pg_policy p
       join pg_catalog.pg_class c on c.oid = p.polrelid
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any ($1::text[])
      order by p.polname`,
    [SCHEMAS],
  );
  return Object.fromEntries(
    relations.map(({ oid, name, view, security, definer }) => [
      name,
      {
        kind: view ? ("view" as const) : ("table" as const),
        rowSecurity: security,
        ...(definer ? { ownersRights: true as const } : {}),
        rights: Object.fromEntries(
          rights
            .filter((row) => row.oid === oid)
            .map((row) => [row.role, rightsOf(row)] as const)
            .filter(([, found]) => Object.keys(found).length > 0),
        ),
        policies: policies
          .filter((policy) => policy.oid === oid)
          .map(({ oid: _oid, ...policy }) => policy),
      },
    ]),
  );
}

function columnsWith(verb: "select" | "insert" | "update"): string {
  return `array(
    select a.attname::text
      from pg_catalog.pg_attribute a
     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       and pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, '${verb}')
     order by a.attnum
  )`;
}

function rightsOf(row: {
  select: boolean;
  columns: string[];
  insert: string[];
  update: string[];
  delete: boolean;
}): Rights {
  return {
    ...(row.select ? { select: true as const } : {}),
    ...(!row.select && row.columns.length > 0 ? { select: row.columns } : {}),
    ...(row.insert.length > 0 ? { insert: row.insert } : {}),
    ...(row.update.length > 0 ? { update: row.update } : {}),
    ...(row.delete ? { delete: true as const } : {}),
  };
}

async function describeFunctions(
  client: ClientBase,
): Promise<Access["functions"]> {
  const { rows } = await client.query<{
    name: string;
    definer: boolean;
    execute: string[];
  }>(
    `select n.nspname || '.' || p.proname || '('
              || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' as name,
            p.prosecdef as definer,
            array(
              select r.rolname::text
                from pg_catalog.pg_roles r
               where r.rolname = any ($2::text[]) and r.oid <> p.proowner
                 and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
               order by 1
            ) as execute
       from pg_catalog.pg_proc p
       join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      where n.nspname = any ($1::text[])
      order by name`,
    [SCHEMAS, ROLES],
  );
  return Object.fromEntries(
    rows.map(({ name, definer, execute }) => [
      name,
      {
        security: definer ? ("definer" as const) : ("invoker" as const),
        execute,
      },
    ]),
  );
}
