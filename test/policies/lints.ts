import { DEFINERS, INLINED } from "./definers.ts";

/**
 * Rules about the catalogue. Each lint is a query that gives one row per finding
 * (`detail` says where) and a fault that it must find. All have the same shape,
 * so that one UNION runs them together.
 */
export type Lint = {
  name: string;
  /** What must hold, read after "the catalogue has". */
  rule: string;
  sql: string;
  /** Statements of a superuser that make the fault. */
  fault: string;
};

const OURS = `(select oid, rolname from pg_roles where rolname like 'closetai\\_%')`;
const REQUEST = `(select oid, rolname from pg_roles where rolname like 'closetai\\_%'
  and rolname not in ('closetai_owner', 'closetai_worker', 'closetai_app', 'closetai_partner_api'))`;
/** Everybody but the owner and root; 0 is public. */
const STRANGERS = `(select oid, rolname from pg_roles where rolname like 'closetai\\_%' and rolname <> 'closetai_owner'
  union all select 0, 'public')`;
const SCHEMAS = `('app_public', 'app_hidden', 'app_private')`;
const ALL_SCHEMAS = `('app_public', 'app_hidden', 'app_private', 'app_partitions')`;
const RELATIONS = `pg_class c join pg_namespace n on n.oid = c.relnamespace`;
const FUNCTIONS = `pg_proc p join pg_namespace n on n.oid = p.pronamespace`;
const POLICIES = `(
  select p.*, c.relname, n.nspname, n.nspname || '.' || c.relname || ' ' || p.polname as place,
    coalesce(pg_get_expr(p.polqual, p.polrelid), '') as using_text,
    coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as check_text
  from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
)`;
/** Columns that say whose row it is. */
const TENANT = `('brand_id', 'owner_brand_id', 'user_id', 'owner_user_id')`;

function quoted(names: readonly string[]): string {
  return names.map((name) => `('${name.replaceAll("'", "''")}')`).join(", ");
}

function listed(names: Record<string, string>, schema = ""): string {
  return Object.keys(names)
    .map((name) => `'${schema}${name}'`)
    .join(", ");
}

/** Tables without a tenant that everybody named reads whole. */
const LOOKUPS = ["currencies", "wardrobe_categories", "category_defaults"];

const BY_FUNCTIONS =
  "nobody is granted to write the row: functions do, for an owner they have checked";

/** Keys between tenants, and what guards them instead. */
const CROSSING_KEYS: Record<string, string> = {
  tryon_jobs_selfie_key_fkey: BY_FUNCTIONS,
  tryon_jobs_result_key_fkey: BY_FUNCTIONS,
  tryon_jobs_retry_of_fkey: BY_FUNCTIONS,
  tryon_job_garments_job_id_fkey: BY_FUNCTIONS,
  tryon_job_attempts_job_id_fkey: BY_FUNCTIONS,
  tryon_feedback_job_id_fkey:
    "a trigger refuses a job that is not the person's own",
  credit_holds_tryon_job_id_fkey: BY_FUNCTIONS,
  credit_hold_lines_hold_id_fkey: BY_FUNCTIONS,
  credit_hold_lines_grant_id_fkey: BY_FUNCTIONS,
  credit_transfers_debit_account_fkey: BY_FUNCTIONS,
  credit_transfers_credit_account_fkey: BY_FUNCTIONS,
  credit_transfers_hold_id_fkey: BY_FUNCTIONS,
  credit_transfers_grant_id_fkey: BY_FUNCTIONS,
  mrr_movements_account_fkey: BY_FUNCTIONS,
  wardrobe_items_product_id_fkey:
    "a shopper's item names a brand's product; a trigger refuses one the shopper cannot see",
};

/** A key whose tenant is null where the key is: a check of the table says so. */
const OPTIONAL_KEYS: Record<string, string> = {
  tryon_job_garments_brand_id_product_id_fkey: "tryon_job_garments_owner_check",
  tryon_job_garments_wardrobe_item_id_user_id_fkey:
    "tryon_job_garments_owner_check",
};

/** Unique across tenants, which tells nobody anything, and why. */
const UNIQUE_ACROSS: Record<string, string> = {
  credit_holds_tryon_job_id_key: BY_FUNCTIONS,
  mrr_movements_source_key: BY_FUNCTIONS,
  credit_transfers_idempotency_key_key: BY_FUNCTIONS,
  credit_transfers_hold_placed_key: BY_FUNCTIONS,
  credit_transfers_hold_settled_key: BY_FUNCTIONS,
  credit_transfers_hold_expired_key: BY_FUNCTIONS,
};

/** Written by functions for the person who asked, and told by other rows. */
const UNAUDITED: Record<string, string> = {
  import_rows: "staging; the products it becomes are audited",
};

export const lints: Lint[] = [
  {
    name: "rls_off",
    rule: "row-level security on every table, the import staging apart",
    sql: `select n.nspname || '.' || c.relname as detail from ${RELATIONS}
      where n.nspname in ('app_public', 'app_hidden', 'app_private', 'app_partitions', 'graphile_worker')
        and c.relkind in ('r', 'p') and not c.relrowsecurity
        and c.oid <> 'app_private.import_rows'::regclass`,
    fault: "alter table app_public.products disable row level security",
  },
  {
    name: "rls_without_policy",
    rule: "at least one policy on every table of the API",
    sql: `select n.nspname || '.' || c.relname as detail from ${RELATIONS}
      where n.nspname = 'app_public' and c.relkind in ('r', 'p') and c.relrowsecurity
        and not exists (select from pg_policy p where p.polrelid = c.oid)`,
    fault: "call app_private.close_table('app_public.products')",
  },
  {
    name: "policy_to_public",
    rule: "no policy for everybody",
    sql: `select place as detail from ${POLICIES} p where 0 = any (p.polroles)`,
    fault:
      "create policy fault on app_public.products for select using (active)",
  },
  {
    name: "policy_null_opens",
    rule: "no policy that an absent tenant or claim opens ('x is null or …')",
    sql: `select place as detail from ${POLICIES} p
      where using_text || ' ' || check_text ~* 'is null\\)*\\s*or\\M|\\mor\\s[^()]*(\\([^()]*\\))?[^()]*\\mis null'`,
    fault: `create policy fault on app_public.products for delete to closetai_user
      using (brand_id is null or brand_id = (select app_hidden.current_brand_id()))`,
  },
  {
    name: "policy_or_true",
    rule: "no policy whose condition is switched off by 'or true'",
    sql: `select place as detail from ${POLICIES} p
      where using_text || ' ' || check_text ~* '\\mor\\s*\\(*true\\M|\\mtrue\\)*\\s*or\\M'`,
    fault: `create policy fault on app_public.products for delete to closetai_user using (active or true)`,
  },
  {
    name: "policy_open_to_strangers",
    rule: "'true' only for fenced brand roles, staff and the worker, and on lookups",
    sql: `select place || ' to ' || r.rolname as detail from ${POLICIES} p
      join ${OURS} r on r.oid = any (p.polroles)
      where p.polpermissive and 'true' in (using_text, check_text)
        and r.rolname in ('closetai_anonymous', 'closetai_user', 'closetai_partner', 'closetai_reader', 'closetai_app')
        and relname not in (${LOOKUPS.map((name) => `'${name}'`).join(", ")})`,
    fault:
      "create policy fault on app_public.wardrobe_items for delete to closetai_user using (true)",
  },
  {
    name: "tenant_without_fence",
    rule: "a restrictive policy for every verb on each table of a tenant that a brand or a partner reaches",
    sql: `select c.relname || ' for ' || f.role as detail
      from ${RELATIONS} cross join (values ('closetai_viewer'), ('closetai_partner')) f (role)
      where n.nspname = 'app_public' and c.relkind in ('r', 'p')
        and (c.relname = 'brand_accounts' or exists (
          select from pg_attribute a where a.attrelid = c.oid and a.attname in ('brand_id', 'owner_brand_id') and not a.attisdropped
        ))
        and exists (
          select from pg_roles r
          where pg_has_role(r.oid, f.role, 'usage') and r.rolname like 'closetai\\_%'
            and (has_table_privilege(r.oid, c.oid, 'select, delete') or has_any_column_privilege(r.oid, c.oid, 'insert, update'))
        )
        and not exists (
          select from ${POLICIES} p
          where p.polrelid = c.oid and not p.polpermissive and p.polcmd = '*'
            and f.role::regrole = any (p.polroles)
            and using_text like '%app_hidden.current_brand_id()%' and check_text like '%app_hidden.current_brand_id()%'
        )`,
    fault: "drop policy fence_brand on app_public.products",
  },
  {
    name: "partner_without_fence",
    rule: "no right for a partner on a tenant's table without its own fence",
    sql: `select c.relname as detail from ${RELATIONS}
      where n.nspname = 'app_public' and c.relkind in ('r', 'p')
        and has_table_privilege('closetai_partner', c.oid, 'select')
        and not exists (
          select from pg_policy p
          where p.polrelid = c.oid and not p.polpermissive and 'closetai_partner'::regrole = any (p.polroles)
        )`,
    fault: "grant select on app_public.products to closetai_partner",
  },
  {
    name: "policy_write_incomplete",
    rule: "both USING and WITH CHECK on every policy for update and for all verbs",
    sql: `select place as detail from ${POLICIES} p
      where p.polcmd in ('w', '*') and '' in (using_text, check_text)`,
    fault: `create policy fault on app_public.products for update to closetai_manager using (active)`,
  },
  {
    name: "policy_volatile",
    rule: "no volatile function in a policy",
    sql: `select distinct place || ' calls ' || f.oid::regprocedure as detail
      from ${POLICIES} p
      join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_proc'::regclass
      join pg_proc f on f.oid = d.refobjid
      where f.provolatile = 'v'`,
    fault: `create policy fault on app_public.products for delete to closetai_manager
      using (brand_id = (select app_private.uuid_v7()))`,
  },
  {
    name: "policy_call_per_row",
    rule: "every function call of a policy wrapped in a sub-select, so that it runs once",
    sql: `select place as detail from ${POLICIES} p
      where regexp_count(using_text || check_text, 'app_(hidden|private|public)\\.\\w+\\(')
          > regexp_count(using_text || check_text, 'SELECT app_hidden\\.\\w+\\(')
        or using_text || check_text ~* '\\m(current_setting|current_user|session_user)\\M'`,
    fault: `create policy fault on app_public.products for delete to closetai_manager
      using (brand_id = app_hidden.current_brand_id())`,
  },
  {
    name: "policies_overlap",
    rule: "one permissive policy for a role and a verb on a table",
    sql: `select c.oid::regclass || ' ' || v.verb || ' ' || r.rolname as detail
      from pg_policy p
      join pg_class c on c.oid = p.polrelid
      cross join (values ('r'), ('a'), ('w'), ('d')) v (verb)
      join ${OURS} r on r.oid = any (p.polroles)
      where p.polpermissive and p.polcmd in (v.verb::"char", '*')
      group by c.oid, v.verb, r.rolname
      having count(*) > 1`,
    fault:
      "create policy fault on app_public.products for select to closetai_viewer using (active)",
  },
  {
    name: "definer_search_path",
    rule: "a fixed search_path on every definer function",
    sql: `select p.oid::regprocedure::text as detail from ${FUNCTIONS}
      where n.nspname in ${SCHEMAS} and p.prosecdef
        and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)`,
    fault: `alter function app_public.break_glass_wardrobe(uuid, text) reset search_path`,
  },
  {
    name: "definer_unlisted",
    rule: "no definer function without a reason in definers.ts, and no reason without its function",
    sql: `with listed (name) as (values ${quoted(Object.keys(DEFINERS))}),
        existing as (select n.nspname || '.' || p.proname as name from ${FUNCTIONS} where n.nspname in ${SCHEMAS} and p.prosecdef)
      select e.name || ' is not listed' as detail from existing e where e.name not in (select name from listed)
      union all
      select l.name || ' does not exist' from listed l where l.name not in (select name from existing)`,
    fault: `alter function app_public.search_products(text) security definer`,
  },
  {
    name: "function_search_path",
    rule: "a fixed search_path on every other function, those that must be inlined apart",
    sql: `select p.oid::regprocedure::text as detail from ${FUNCTIONS}
      where n.nspname in ${SCHEMAS} and not p.prosecdef
        and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)
        and n.nspname || '.' || p.proname not in (${Object.keys(INLINED)
          .map((name) => `'${name}'`)
          .join(", ")})`,
    fault: `alter function app_public.search_products(text) reset search_path`,
  },
  {
    name: "function_for_everybody",
    rule: "no function that public may execute",
    sql: `select p.oid::regprocedure::text as detail from ${FUNCTIONS}
      cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
      where n.nspname in ('app_public', 'app_hidden', 'app_private', 'graphile_worker') and a.grantee = 0`,
    fault: `create function app_hidden.fault() returns integer language sql set search_path = pg_catalog, pg_temp as 'select 1';
      grant execute on function app_hidden.fault() to public`,
  },
  {
    name: "function_overloaded",
    rule: "one function of a name: PostGraphile cannot expose overloads",
    sql: `select n.nspname || '.' || p.proname as detail from ${FUNCTIONS}
      where n.nspname in ${SCHEMAS} group by 1 having count(*) > 1`,
    fault: `create function app_public.search_products(integer) returns integer language sql as 'select 1'`,
  },
  {
    name: "claim_read_elsewhere",
    rule: "settings of a request read in claims.sql only, the role in current_brand_id too",
    sql: `select p.oid::regprocedure::text as detail from ${FUNCTIONS}
      where n.nspname in ${SCHEMAS} and p.prosrc ~ 'current_setting\\(''app\\.'
        and p.proname not in (
          'current_user_id', 'claimed_brand_id', 'current_api_key_id', 'current_impersonator_id',
          'current_request_id', 'current_actor_kind', 'current_scopes'
        )`,
    fault: `create function app_hidden.fault() returns text language sql as $$ select current_setting('app.user_id', true) $$`,
  },
  {
    name: "view_unbound",
    rule: "every view runs as its caller, or belongs to the bound reader, behind a security barrier where it has conditions of its own",
    sql: `select c.oid::regclass::text as detail from ${RELATIONS}
      where n.nspname in ${SCHEMAS} and c.relkind = 'v'
        and not coalesce(c.reloptions @> array['security_invoker=true'], false)
        and not (
          pg_get_userbyid(c.relowner) = 'closetai_reader'
          and (
            coalesce(c.reloptions @> array['security_barrier=true'], false)
            or pg_get_viewdef(c.oid) !~* '\\m(where|join|group|having|distinct|limit|union|intersect|except)\\M'
          )
        )`,
    fault: `create view app_public.fault as select * from app_public.products`,
  },
  {
    name: "stored_copy_granted",
    rule: "no materialized view and no foreign table that anybody may read: neither has row-level security",
    sql: `select c.oid::regclass || ' to ' || r.rolname as detail
      from ${RELATIONS} join ${STRANGERS} r on true
      where n.nspname in ${ALL_SCHEMAS} and c.relkind in ('m', 'f')
        and has_table_privilege(nullif(r.oid, 0), c.oid, 'select')`,
    fault: `create materialized view app_private.fault as select * from app_public.products;
      grant select on app_private.fault to closetai_viewer`,
  },
  {
    name: "dangerous_privilege",
    rule: "no TRUNCATE, REFERENCES or TRIGGER for anybody but the owner",
    sql: `select c.oid::regclass || ' ' || a.privilege_type || ' to ' || r.rolname as detail
      from ${RELATIONS}
      cross join aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
      join ${STRANGERS} r on r.oid = a.grantee
      where n.nspname in ${ALL_SCHEMAS} and a.grantee <> c.relowner
        and a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')`,
    fault: "grant truncate on app_public.products to closetai_brand_owner",
  },
  {
    name: "privilege_with_grant_option",
    rule: "no right that can be handed on",
    sql: `select c.oid::regclass || ' to ' || r.rolname as detail
      from ${RELATIONS} cross join aclexplode(c.relacl) a join ${STRANGERS} r on r.oid = a.grantee
      where n.nspname in ${ALL_SCHEMAS} and a.is_grantable and a.grantee <> c.relowner`,
    fault:
      "grant select on app_public.products to closetai_staff with grant option",
  },
  {
    name: "ownership",
    rule: "nothing owned by a role but the owner, the reader's views and the worker's queue apart",
    sql: `select d.classid::regclass || ' ' || d.objid || ' of ' || r.rolname as detail
      from pg_shdepend d join ${OURS} r on r.oid = d.refobjid
      where d.deptype = 'o' and d.refclassid = 'pg_authid'::regclass
        -- Default privileges are kept under the role they concern.
        and d.classid <> 'pg_default_acl'::regclass
        and d.dbid = (select oid from pg_database where datname = current_database())
        and r.rolname <> 'closetai_owner'
        and not (r.rolname = 'closetai_reader' and d.classid = 'pg_class'::regclass
          and exists (select from pg_class c where c.oid = d.objid and c.relkind = 'v'))
        and not (r.rolname = 'closetai_worker' and (
          (d.classid = 'pg_namespace'::regclass and d.objid = 'graphile_worker'::regnamespace)
          or (d.classid = 'pg_class'::regclass and exists (
            select from pg_class c where c.oid = d.objid and c.relnamespace = 'graphile_worker'::regnamespace))
          or (d.classid = 'pg_type'::regclass and exists (
            select from pg_type t where t.oid = d.objid and t.typnamespace = 'graphile_worker'::regnamespace))
          or (d.classid = 'pg_proc'::regclass and exists (
            select from pg_proc p where p.oid = d.objid and (
              p.pronamespace = 'graphile_worker'::regnamespace
              or p.oid in (to_regproc('app_private.enqueue_job'), to_regproc('app_private.queue_jobs'), to_regproc('app_private.requeue_job')))))
        ))`,
    fault: "alter table app_public.currencies owner to closetai_app",
  },
  {
    name: "role_too_strong",
    rule: "no role that is superuser, bypasses row-level security, or makes roles or databases",
    sql: `select rolname as detail from pg_roles
      where rolname like 'closetai\\_%' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)`,
    fault: "alter role closetai_app bypassrls",
  },
  {
    name: "login_inherits",
    rule: "login roles that have no right of a role before they become it",
    sql: `select l.rolname || ' has the rights of ' || r.rolname as detail
      from ${OURS} l join ${OURS} r on r.oid <> l.oid
      where l.rolname in ('closetai_app', 'closetai_partner_api', 'closetai_worker')
        and pg_has_role(l.oid, r.oid, 'usage')`,
    fault:
      "alter role closetai_worker inherit; grant closetai_viewer to closetai_worker",
  },
  {
    name: "login_becomes_too_much",
    rule: "login roles that may become request roles only, each its own",
    sql: `select l.rolname || ' may become ' || r.rolname as detail
      from ${OURS} l join ${OURS} r on r.oid <> l.oid
      where l.rolname in ('closetai_app', 'closetai_partner_api', 'closetai_worker')
        and pg_has_role(l.oid, r.oid, 'member')
        and not (l.rolname = 'closetai_partner_api' and r.rolname = 'closetai_partner')
        and not (l.rolname = 'closetai_app' and r.rolname in (
          'closetai_anonymous', 'closetai_user', 'closetai_viewer', 'closetai_analyst', 'closetai_manager',
          'closetai_brand_owner', 'closetai_staff', 'closetai_staff_support', 'closetai_staff_finance',
          'closetai_staff_privacy', 'closetai_staff_admin'))
        -- The worker runs an import's batches as the member who asked for it.
        and not (l.rolname = 'closetai_worker' and r.rolname in (
          'closetai_viewer', 'closetai_analyst', 'closetai_manager', 'closetai_brand_owner'))`,
    fault: "grant closetai_owner to closetai_app",
  },
  {
    name: "sequence_granted",
    rule: "no sequence that anybody may use",
    sql: `select c.oid::regclass || ' to ' || r.rolname as detail
      from ${RELATIONS} cross join aclexplode(c.relacl) a join ${STRANGERS} r on r.oid = a.grantee
      where n.nspname in ${ALL_SCHEMAS} and c.relkind = 'S' and a.grantee <> c.relowner`,
    fault: `create sequence app_private.fault; grant usage on sequence app_private.fault to closetai_viewer`,
  },
  {
    name: "foreign_key_without_index",
    rule: "an index that begins with the columns of every foreign key",
    sql: `select k.conname as detail from pg_constraint k join pg_namespace n on n.oid = k.connamespace
      where k.contype = 'f' and n.nspname in ${SCHEMAS} and k.conparentid = 0
        and not exists (
          select from pg_index i
          where i.indrelid = k.conrelid and i.indisvalid
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] <@ k.conkey
            -- A partial index serves where it leaves out nothing but null.
            and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')
        )`,
    fault: "drop index app_public.products_category_code_idx",
  },
  {
    name: "foreign_key_without_tenant",
    rule: "the tenant in every key between two tables of tenants: such a check sees through policies",
    sql: `select k.conname as detail
      from pg_constraint k
      join pg_class c on c.oid = k.conrelid
      join pg_class f on f.oid = k.confrelid
      join pg_namespace n on n.oid = c.relnamespace
      where k.contype = 'f' and n.nspname = 'app_public' and k.conparentid = 0
        and f.relname not in ('users', 'brand_accounts')
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname in ${TENANT})
        and exists (select from pg_attribute a where a.attrelid = f.oid and a.attname in ${TENANT})
        and not (
          exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = any (k.conkey) and a.attname in ${TENANT})
          and exists (select from pg_attribute a where a.attrelid = f.oid and a.attnum = any (k.confkey) and a.attname in ${TENANT})
        )
        and k.conname not in (${listed(CROSSING_KEYS)})`,
    fault: `alter table app_public.import_refusals drop constraint import_refusals_run_id_brand_id_fkey;
      alter table app_public.import_refusals add constraint fault foreign key (run_id) references app_public.import_runs (id)`,
  },
  {
    name: "foreign_key_tenant_nullable",
    // A row of one of two owners has a key for each, and a check that exactly one
    // of them is there: then exactly one key is in force.
    rule: "no key whose tenant may be null, which would switch the check off, unless another is then in force",
    sql: `select k.conname || ' ' || a.attname as detail
      from pg_constraint k join pg_namespace n on n.oid = k.connamespace
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
      where k.contype = 'f' and n.nspname = 'app_public' and cardinality(k.conkey) > 1
        and a.attname in ${TENANT} and not a.attnotnull
        and not exists (
          select from pg_constraint twin
          join pg_attribute b on b.attrelid = twin.conrelid and b.attnum = any (twin.conkey)
            and b.attname in ${TENANT} and b.attname <> a.attname
          join pg_constraint c on c.conrelid = k.conrelid and c.contype = 'c' and c.convalidated
            and pg_get_constraintdef(c.oid) in (
              'CHECK ((num_nonnulls(' || a.attname || ', ' || b.attname || ') = 1))',
              'CHECK ((num_nonnulls(' || b.attname || ', ' || a.attname || ') = 1))'
            )
          where twin.contype = 'f' and twin.conrelid = k.conrelid and twin.confrelid = k.confrelid
            and array_remove(twin.conkey, b.attnum) = array_remove(k.conkey, a.attnum)
        )
        and not exists (
          select from (values ${Object.entries(OPTIONAL_KEYS)
            .map(([key, check]) => `('${key}', '${check}')`)
            .join(", ")}) o (key, check_name)
          join pg_constraint x on x.conname = o.check_name and x.conrelid = k.conrelid and x.contype = 'c'
          where o.key = k.conname
        )`,
    fault: "alter table app_public.products alter brand_id drop not null",
  },
  {
    name: "tenant_without_index",
    rule: "an index that each tenant's column leads",
    sql: `select c.relname || '.' || a.attname as detail
      from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid
      where n.nspname = 'app_public' and c.relkind in ('r', 'p') and a.attname in ${TENANT} and not a.attisdropped
        and not exists (
          select from pg_index i
          where i.indrelid = c.oid and i.indisvalid and i.indkey[0] = a.attnum
            -- A partial index serves where it leaves out nothing but null.
            and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) = '(' || a.attname || ' IS NOT NULL)')
        )`,
    fault: "drop index app_public.item_embeddings_user_id_idx",
  },
  {
    name: "unique_without_tenant",
    rule: "the tenant in every unique key of a tenant's table, its primary key apart",
    sql: `select i.indexrelid::regclass::text as detail
      from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'app_public' and i.indisunique and not i.indisprimary
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname in ${TENANT})
        and not exists (
          select from pg_attribute a where a.attrelid = c.oid and a.attname in ${TENANT} and a.attnum = any (i.indkey)
        )
        and i.indexrelid::regclass::text not in (${listed(UNIQUE_ACROSS, "app_public.")})`,
    fault: "create unique index fault on app_public.products (sku)",
  },
  {
    name: "select_of_columns",
    rule: "SELECT on whole tables: columns are hidden by views, or RETURNING breaks",
    sql: `select c.oid::regclass || '.' || a.attname || ' to ' || r.rolname as detail
      from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid
      cross join aclexplode(a.attacl) x join ${STRANGERS} r on r.oid = x.grantee
      where n.nspname in ${ALL_SCHEMAS} and x.privilege_type = 'SELECT'`,
    fault: "grant select (name) on app_public.brand_accounts to closetai_user",
  },
  {
    name: "write_of_tables",
    rule: "INSERT and UPDATE by column: the grant is the API's input",
    sql: `select c.oid::regclass || ' ' || x.privilege_type || ' to ' || r.rolname as detail
      from ${RELATIONS} cross join aclexplode(c.relacl) x join ${STRANGERS} r on r.oid = x.grantee
      where n.nspname in ${ALL_SCHEMAS} and x.privilege_type in ('INSERT', 'UPDATE') and x.grantee <> c.relowner
        and c.oid <> 'app_private.import_rows'::regclass`,
    fault: "grant insert on app_public.products to closetai_manager",
  },
  {
    name: "write_of_server_columns",
    rule: "no right to set ids, times of creation, and whose row it is",
    sql: `select c.oid::regclass || '.' || a.attname || ' ' || x.privilege_type || ' to ' || r.rolname as detail
      from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid
      cross join aclexplode(a.attacl) x join ${STRANGERS} r on r.oid = x.grantee
      where n.nspname in ${ALL_SCHEMAS} and (
        (x.privilege_type in ('INSERT', 'UPDATE') and a.attname in ('id', 'created_at', 'fts', 'erased_at', 'accepted_at'))
        or (x.privilege_type = 'UPDATE' and a.attname in ${TENANT})
        or (x.privilege_type = 'INSERT' and a.attname in ('updated_at', 'status'))
      )`,
    fault: "grant update (brand_id) on app_public.products to closetai_manager",
  },
  {
    name: "partition_reachable",
    rule: "no way to a partition by its name",
    sql: `select 'schema app_partitions by ' || r.rolname as detail from ${OURS} r
      where r.rolname <> 'closetai_owner' and has_schema_privilege(r.oid, 'app_partitions', 'usage')
      union all
      select c.oid::regclass || ' by ' || r.rolname from ${RELATIONS} join ${OURS} r on r.rolname <> 'closetai_owner'
      where c.relispartition and (
        has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
        or has_any_column_privilege(r.oid, c.oid, 'select, insert, update'))`,
    fault: "grant usage on schema app_partitions to closetai_staff_admin",
  },
  {
    name: "private_reachable",
    rule: "no request role in app_private, and nobody but the worker on a table there",
    sql: `select 'schema app_private by ' || r.rolname as detail from ${REQUEST} r
      where has_schema_privilege(r.oid, 'app_private', 'usage')
      union all
      select c.oid::regclass || ' by ' || r.rolname from ${RELATIONS}
      cross join aclexplode(c.relacl) x join ${STRANGERS} r on r.oid = x.grantee
      where n.nspname = 'app_private' and x.grantee <> c.relowner
        and not (c.relname = 'import_rows' and r.rolname = 'closetai_worker')`,
    fault: "grant usage on schema app_private to closetai_staff_admin",
  },
  {
    name: "queue_reachable",
    rule: "nobody but the worker in its queue",
    sql: `select 'schema graphile_worker by ' || r.rolname as detail from ${OURS} r
      where r.rolname not in ('closetai_worker', 'closetai_owner') and has_schema_privilege(r.oid, 'graphile_worker', 'usage')`,
    fault: "grant usage on schema graphile_worker to closetai_app",
  },
  {
    name: "schema_writable",
    rule: "no schema in which anybody but the owner makes things",
    sql: `select n.nspname || ' by ' || r.rolname as detail from pg_namespace n join ${OURS} r on r.rolname <> 'closetai_owner'
      where (n.nspname like 'app\\_%' or n.nspname = 'public') and has_schema_privilege(r.oid, n.oid, 'create')`,
    fault: "grant create on schema app_public to closetai_reader",
  },
  {
    name: "schema_unlinted",
    rule: "no schema of a name that linters of row-level security skip",
    sql: `select nspname as detail from pg_namespace
      where nspname in ('auth', 'storage', 'extensions', 'graphql', 'net', 'realtime', 'cron', 'vault')`,
    fault: "create schema auth",
  },
  {
    name: "index_invalid",
    rule: "no index that a failed build left behind",
    sql: `select indexrelid::regclass::text as detail from pg_index i
      join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ${ALL_SCHEMAS} and not i.indisvalid`,
    fault: `update pg_index set indisvalid = false where indexrelid = 'app_public.products_pkey'::regclass`,
  },
  {
    name: "constraint_not_validated",
    rule: "no constraint that was never checked",
    sql: `select conname as detail from pg_constraint k join pg_namespace n on n.oid = k.connamespace
      where n.nspname in ${ALL_SCHEMAS} and not k.convalidated`,
    fault:
      "alter table app_public.products add constraint fault check (sku <> '') not valid",
  },
  {
    name: "comment_missing",
    rule: "a comment on every table, view and function of the API",
    sql: `select c.oid::regclass::text as detail from ${RELATIONS}
      where n.nspname = 'app_public' and c.relkind in ('r', 'p', 'v') and coalesce(obj_description(c.oid, 'pg_class'), '') = ''
      union all
      select p.oid::regprocedure::text from ${FUNCTIONS}
      where n.nspname in ${SCHEMAS} and coalesce(obj_description(p.oid, 'pg_proc'), '') = ''`,
    fault: "comment on table app_public.products is null",
  },
  {
    name: "column_type",
    rule: "no citext (not leakproof), no float for a figure, no time without its zone",
    sql: `select c.oid::regclass || '.' || a.attname || ' ' || t.typname as detail
      from ${RELATIONS} join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
      where n.nspname in ${ALL_SCHEMAS} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
        and t.typname in ('citext', 'float4', 'float8', 'money', 'timestamp', 'timetz')`,
    fault: "alter table app_public.products add column rating double precision",
  },
  {
    name: "audit_missing",
    rule: "the audit triggers of each verb that a person is granted on a table",
    sql: `select c.relname || ' ' || v.verb as detail
      from ${RELATIONS}
      cross join (values ('insert', 4), ('update', 16), ('delete', 8)) v (verb, bit)
      where n.nspname in ${SCHEMAS} and c.relkind in ('r', 'p')
        and exists (
          select from ${STRANGERS} r
          where r.oid <> 0 and (
            (v.verb <> 'delete' and has_any_column_privilege(r.oid, c.oid, v.verb))
            or has_table_privilege(r.oid, c.oid, v.verb))
        )
        and not exists (
          select from pg_trigger t
          where t.tgrelid = c.oid and t.tgname = '_800_audit_' || v.verb and t.tgtype & v.bit <> 0 and t.tgenabled = 'O'
        )
        and c.relname not in (${Object.keys(UNAUDITED)
          .map((name) => `'${name}'`)
          .join(", ")})`,
    fault: "drop trigger _800_audit_update on app_public.products",
  },
  {
    name: "append_only_unguarded",
    rule: "triggers against update, delete and truncate on an append-only table, and against truncate on each partition",
    sql: `select t.parent || ' ' || v.name as detail
      from app_private.partitioned_tables t
      cross join (values ('_900_append_only'), ('_900_append_only_truncate')) v (name)
      where t.append_only and not exists (
        select from pg_trigger g where g.tgrelid = t.parent::regclass and g.tgname = v.name and g.tgenabled = 'O'
      )
      union all
      select i.inhrelid::regclass || ' ' || v.name
      from app_private.partitioned_tables t
      join pg_inherits i on i.inhparent = t.parent::regclass
      cross join (values ('_900_append_only'), ('_900_append_only_truncate')) v (name)
      where t.append_only and not exists (
        select from pg_trigger g where g.tgrelid = i.inhrelid and g.tgname = v.name and g.tgenabled = 'O'
      )`,
    fault: "drop trigger _900_append_only_truncate on app_public.audit_log",
  },
  {
    name: "version_unchecked",
    rule: "the version check (updated_at) on every table that a person may change",
    sql: `select c.relname || ' ' || r.rolname as detail
      from ${RELATIONS} join ${REQUEST} r on has_any_column_privilege(r.oid, c.oid, 'update')
      where n.nspname = 'app_public' and c.relkind in ('r', 'p') and (
        not exists (
          select from pg_attribute a
          where a.attrelid = c.oid and a.attname = 'updated_at' and has_column_privilege(r.oid, c.oid, a.attnum, 'update')
        )
        or not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = '_100_timestamps' and t.tgenabled = 'O')
      )`,
    fault:
      "revoke update (updated_at) on app_public.wardrobe_categories from closetai_staff",
  },
  {
    name: "name_of_constraint",
    rule: "a name on every constraint and index that says table and kind",
    sql: `select c.relname || ' ' || k.conname as detail
      from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
      -- A key to a partitioned table has a copy for each partition, named by PostgreSQL.
      where n.nspname in ${SCHEMAS} and k.contype in ('p', 'u', 'f', 'c', 'x') and k.conparentid = 0
        and k.conname !~ ('^' || c.relname || '_(.+_)?(' || case k.contype
          when 'p' then 'pkey' when 'u' then 'key' when 'f' then 'fkey' when 'c' then 'check' else 'excl' end || ')$')
      union all
      select c.relname || ' ' || x.relname
      from pg_index i join pg_class c on c.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
      join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ${SCHEMAS} and x.relname !~ ('^' || c.relname || '_(.+_)?(pkey|key|idx|excl)$')`,
    fault:
      "alter table app_public.products add constraint price_positive check (price_minor > -1)",
  },
  {
    name: "partition_default",
    rule: "no DEFAULT partition: it blocks taking partitions away",
    sql: `select c.oid::regclass::text as detail from pg_class c
      where c.relispartition and pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'`,
    fault:
      "create table app_partitions.fault partition of app_public.audit_log default",
  },
];

/** All of them as one query, which is how they are run. */
export const allLints = lints
  .map(({ name, sql }) => `select '${name}' as lint, detail from (${sql}) f`)
  .join("\nunion all\n");
