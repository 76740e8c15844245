--! Previous: -
--! Hash: sha1:bd6a06bcc776621f66657ef0baf984c7efb07619
--! Message: foundation

-- Foundation: schemas, identity, tenants, catalogue, wardrobe, import.
--
-- Reads as a book. Chapters 00xx hold what everything stands on, 10xx people,
-- 20xx tenants, 30xx files and lookups, 40xx catalogue and wardrobe, 50xx the
-- catalogue import, 60xx the saved views, 90xx the included functions and access rules.
--
-- Every table is told in one place: create, constraints with their names,
-- indexes with their reasons, triggers, comments. Who may do what stands in
-- fixtures/policies/<table>.sql: until that file runs, a table is closed.

--------------------------------------------------------------------------------
-- 0001 Reset. This migration makes the schemas, so it may drop them: a later
-- one never does.
--------------------------------------------------------------------------------

drop schema if exists app_public cascade;
drop schema if exists app_hidden cascade;
drop schema if exists app_private cascade;
drop schema if exists app_partitions cascade;

--------------------------------------------------------------------------------
-- 0010 Schemas by visibility, and default privileges: nothing is open to
-- public, functions included (PostgreSQL grants EXECUTE to everybody otherwise).
--------------------------------------------------------------------------------

create schema app_public;
create schema app_hidden;
create schema app_private;
create schema app_partitions;

comment on schema app_public is 'The API: every table here has row-level security and is exposed through GraphQL.';
comment on schema app_hidden is 'Helpers that policies and API functions call; not exposed.';
comment on schema app_private is 'Secrets, staging and internals; request roles reach it only through definer functions.';
comment on schema app_partitions is 'Partitions of the large tables; no request role has usage, so none can be read by name.';

revoke all on schema public from public;
alter default privileges revoke execute on functions from public;
alter default privileges in schema app_public, app_hidden, app_private revoke all on tables from public;

grant usage on schema app_public to
  :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_PARTNER, :ROLE_READER, :ROLE_WORKER;
grant usage on schema app_hidden to
  :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_PARTNER, :ROLE_READER, :ROLE_WORKER;
-- The login role runs the sign-in functions before it becomes anybody; the
-- worker fills the import staging. Neither sees a table by this.
grant usage on schema app_private to :ROLE_APP, :ROLE_WORKER;

--------------------------------------------------------------------------------
-- 0020 Closed sets. An enum only where the set is closed and its order means
-- something or a form shows it as a select; open sets are lookup tables.
--------------------------------------------------------------------------------

create type app_public.user_status as enum ('active', 'suspended', 'erased');
create type app_public.brand_status as enum ('onboarding', 'active', 'suspended', 'closed');
-- Ordered: a comparison asks "at least this role".
create type app_public.brand_role as enum ('viewer', 'analyst', 'manager', 'owner');
create type app_public.staff_role as enum ('support', 'finance', 'privacy', 'admin');
create type app_public.storage_kind as enum ('selfie', 'garment', 'result', 'import', 'export', 'dataset', 'model');
create type app_public.storage_status as enum ('pending', 'available', 'deleting', 'deleted');
create type app_public.category_group as enum ('clothing', 'accessories', 'footwear', 'jewelry');
create type app_public.tracking_mode as enum ('body', 'face', 'foot', 'hand');
create type app_public.import_status as enum (
  'uploaded', 'queued', 'staging', 'running', 'cancelling', 'cancelled', 'completed', 'failed'
);

--------------------------------------------------------------------------------
-- 0030 What tables need to exist: ids, text helpers. (Functions that a column
-- default, a generated column or a check calls cannot be dropped and made again
-- once a table uses them, so they stand here and not in fixtures.)
--------------------------------------------------------------------------------

-- UUIDv7 sorts by time, so an index on it grows at its right edge.
do $do$
begin
  if to_regprocedure('pg_catalog.uuidv7()') is not null then
    execute $sql$
      create function app_private.uuid_v7() returns uuid
      language sql volatile parallel safe
      set search_path = pg_catalog, pg_temp
      as 'select pg_catalog.uuidv7()'
    $sql$;
  else
    execute $sql$
      create function app_private.uuid_v7() returns uuid
      language sql volatile parallel safe
      set search_path = pg_catalog, pg_temp
      as $f$
        -- A random v4 whose first 48 bits become milliseconds and whose
        -- version nibble becomes 7.
        select encode(
          set_bit(set_bit(
            overlay(
              uuid_send(gen_random_uuid())
              placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
              from 1 for 6
            ), 52, 1), 53, 1), 'hex')::uuid
      $f$
    $sql$;
  end if;
end
$do$;
comment on function app_private.uuid_v7() is 'A time-ordered UUID (version 7): the server''s own where it has one, else ours.';

create function app_private.uuid_v7_floor(moment timestamptz) returns uuid
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;
comment on function app_private.uuid_v7_floor(timestamptz) is 'The smallest UUIDv7 of a moment: the bound of a partition by id.';

-- The two text helpers below carry no "set search_path", so that the planner can
-- inline them into checks; they use operators of pg_catalog only.
--
-- array_to_string is only STABLE, and a generated column wants IMMUTABLE; for
-- text[] the output of an element never depends on a setting.
create function app_private.tags_text(tags text[]) returns text
language sql immutable parallel safe
as $$ select coalesce(array_to_string(tags, ' '), '') $$;
comment on function app_private.tags_text(text[]) is 'Tags as one text, for the search vector; null gives the empty text.';

create function app_private.vector_norm(vector real[]) returns double precision
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select sqrt(sum(x::double precision * x::double precision)) from unnest(vector) as x $$;
comment on function app_private.vector_norm(real[]) is 'Euclidean length; 0 for the zero vector, NaN if any element is NaN.';

create function app_private.is_clean_text(value text) returns boolean
language sql immutable strict parallel safe
as $$ select value !~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' and value = btrim(value) $$;
comment on function app_private.is_clean_text(text) is 'True when the text has no control characters and no blanks at its ends.';

grant execute on function
  app_private.uuid_v7(), app_private.tags_text(text[]),
  app_private.vector_norm(real[]), app_private.is_clean_text(text)
to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_PARTNER, :ROLE_WORKER;

--------------------------------------------------------------------------------
-- 0040 Settings of the installation that SQL must know (is this the demo, is
-- there a mail server). Written by the server at start, never by a request.
--------------------------------------------------------------------------------

create table app_private.settings (
  key text constraint settings_pkey primary key,
  value jsonb not null,
  updated_at timestamptz not null default now()
);
comment on table app_private.settings is 'Facts of this installation that functions read: key and JSON value.';

--------------------------------------------------------------------------------
-- 0050 Common triggers and the switch that closes a table.
--------------------------------------------------------------------------------

--! Included functions/common/close_table.sql
-- The first line of every policy file: whatever was open is closed, under old
-- names and new, and the file then opens on purpose. A table-level revoke also
-- takes column grants away.
drop procedure if exists app_private.close_table(text);

create procedure app_private.close_table(target text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_policy record;
begin
  execute format('alter table %s enable row level security', target::regclass);
  for v_policy in
    select polname from pg_policy where polrelid = target::regclass
  loop
    execute format('drop policy %I on %s', v_policy.polname, target::regclass);
  end loop;
  execute format(
    'revoke all on table %s from public, :ROLE_APP, :ROLE_PARTNER_API, :ROLE_WORKER, :ROLE_ANONYMOUS, :ROLE_USER, '
    ':ROLE_VIEWER, :ROLE_ANALYST, :ROLE_MANAGER, :ROLE_BRAND_OWNER, :ROLE_STAFF, :ROLE_STAFF_SUPPORT, '
    ':ROLE_STAFF_FINANCE, :ROLE_STAFF_PRIVACY, :ROLE_STAFF_ADMIN, :ROLE_PARTNER, :ROLE_READER',
    target::regclass
  );
end
$$;
comment on procedure app_private.close_table(text) is 'Enables row-level security on a table, drops its policies and revokes every grant on it.';
--! EndIncluded functions/common/close_table.sql
--! Included functions/common/tg__timestamps.sql
-- updated_at is a version: a client sends the value it read, and an update
-- that was overtaken is refused instead of overwriting (STALE).
create or replace function app_private.tg__timestamps() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if TG_OP = 'INSERT' then
    -- An importer or the seed may set the past; nobody else is granted the columns.
    NEW.created_at := coalesce(NEW.created_at, now());
    NEW.updated_at := coalesce(NEW.updated_at, NEW.created_at);
    return NEW;
  end if;
  if NEW.updated_at is distinct from OLD.updated_at then
    raise exception 'Someone else changed this record after you opened it'
      using errcode = 'STALE', column = 'updated_at',
        hint = 'Load it again, then repeat your change';
  end if;
  NEW.created_at := OLD.created_at;
  -- Strictly later than before, also for two updates within one microsecond.
  NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
  return NEW;
end
$$;
comment on function app_private.tg__timestamps() is 'Keeps created_at and updated_at; refuses an update whose updated_at is not the stored one (STALE).';
revoke execute on function app_private.tg__timestamps() from public;
--! EndIncluded functions/common/tg__timestamps.sql
--! Included functions/common/tg__append_only.sql
create or replace function app_private.tg__append_only() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'Rows of % are never changed or removed', TG_TABLE_NAME
    using errcode = 'DNIED', hint = 'Add a new row that corrects the old one';
end
$$;
comment on function app_private.tg__append_only() is 'Refuses update, delete and (as a statement trigger) truncate.';
revoke execute on function app_private.tg__append_only() from public;
--! EndIncluded functions/common/tg__append_only.sql

--------------------------------------------------------------------------------
-- 0060 Audit trail. One row per changed row of every table a person can write.
-- Never holds a secret or a biometric value: the trigger is told which columns
-- to blank. Append-only, one partition a month.
--------------------------------------------------------------------------------

create table app_public.audit_log (
  id uuid not null default app_private.uuid_v7(),
  occurred_at timestamptz not null default now(),
  actor_kind text not null constraint audit_log_actor_kind_check
    check (actor_kind in ('user', 'staff', 'partner', 'worker', 'anonymous', 'system')),
  actor_id uuid,
  impersonator_id uuid,
  brand_id uuid,
  action text not null,
  table_name text not null,
  row_pk text not null,
  changed_columns text[] not null default '{}',
  diff jsonb not null default '{}',
  reason text,
  request_id text,
  constraint audit_log_pkey primary key (id, occurred_at)
) partition by range (occurred_at);

-- Staff read the newest of all; an owner the newest of the brand; a row's history
-- is one seek; an auditor follows one person.
create index audit_log_occurred_at_idx on app_public.audit_log (occurred_at desc, id desc);
create index audit_log_brand_id_occurred_at_idx on app_public.audit_log (brand_id, occurred_at desc);
create index audit_log_table_name_row_pk_idx on app_public.audit_log (table_name, row_pk, occurred_at desc);
create index audit_log_actor_id_occurred_at_idx on app_public.audit_log (actor_id, occurred_at desc);

comment on table app_public.audit_log is $$
@behavior -insert -update -delete
Who changed what, when: one row per changed row. Append-only. `diff` maps a column to [before, after]; secrets and biometric values read "[redacted]".$$;
comment on column app_public.audit_log.actor_id is 'The person, or the API key where actor_kind is partner; null for the system.';
comment on column app_public.audit_log.impersonator_id is 'The staff member who acted through "view as", if any.';
comment on column app_public.audit_log.row_pk is 'Primary key of the changed row as text; the parts of a composite key are joined by a comma.';

create table app_private.partitioned_tables (
  parent text constraint partitioned_tables_pkey primary key,
  key_kind text not null constraint partitioned_tables_key_kind_check check (key_kind in ('time', 'uuid_v7')),
  months_ahead integer not null default 6
    constraint partitioned_tables_months_ahead_check check (months_ahead between 1 and 60),
  append_only boolean not null default false
);
comment on table app_private.partitioned_tables is 'Which tables ensure_partitions() keeps monthly partitions for.';

insert into app_private.partitioned_tables (parent, key_kind, append_only)
values ('app_public.audit_log', 'time', true);

--! Included functions/ops/ensure_partitions.sql
-- Monthly partitions from last month to months_ahead months from now, for every
-- table registered in app_private.partitioned_tables. There is no default
-- partition: it would block DETACH CONCURRENTLY. Safe to run at any time, by two
-- sessions at once (the advisory lock makes the second wait).
drop function if exists app_private.ensure_partitions();

create function app_private.ensure_partitions() returns integer
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table app_private.partitioned_tables;
  v_month date;
  v_name text;
  v_from text;
  v_to text;
  v_made integer := 0;
begin
  perform pg_advisory_xact_lock(hashtext('app_private.ensure_partitions'));
  for v_table in select * from app_private.partitioned_tables order by parent loop
    for v_month in
      select generate_series(
        date_trunc('month', now() at time zone 'UTC') - interval '1 month',
        date_trunc('month', now() at time zone 'UTC') + make_interval(months => v_table.months_ahead),
        interval '1 month'
      )::date
    loop
      v_name := split_part(v_table.parent, '.', 2) || '_' || to_char(v_month, 'YYYY_MM');
      continue when to_regclass(format('app_partitions.%I', v_name)) is not null;
      if v_table.key_kind = 'time' then
        v_from := quote_literal(to_char(v_month, 'YYYY-MM-DD') || ' 00:00:00+00');
        v_to := quote_literal(to_char(v_month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
      else
        v_from := quote_literal(app_private.uuid_v7_floor(v_month::timestamp at time zone 'UTC'));
        v_to := quote_literal(app_private.uuid_v7_floor((v_month + interval '1 month')::timestamp at time zone 'UTC'));
      end if;
      execute format(
        'create table app_partitions.%I partition of %s for values from (%s) to (%s)',
        v_name, v_table.parent::regclass, v_from, v_to
      );
      execute format('alter table app_partitions.%I enable row level security', v_name);
      if v_table.append_only then
        -- A truncate trigger of the parent does not fire for the partition alone.
        execute format(
          'create trigger _900_append_only_truncate before truncate on app_partitions.%I '
          'for each statement execute function app_private.tg__append_only()', v_name
        );
      end if;
      v_made := v_made + 1;
    end loop;
  end loop;
  return v_made;
end
$$;
comment on function app_private.ensure_partitions() is 'Makes missing monthly partitions; returns how many. Runs at migrate, at start and daily.';
revoke execute on function app_private.ensure_partitions() from public;
grant execute on function app_private.ensure_partitions() to :ROLE_WORKER;
--! EndIncluded functions/ops/ensure_partitions.sql
select app_private.ensure_partitions();

create trigger _900_append_only before update or delete on app_public.audit_log
  for each row execute function app_private.tg__append_only();
create trigger _900_append_only_truncate before truncate on app_public.audit_log
  for each statement execute function app_private.tg__append_only();

--! Included functions/session/claims.sql
-- The claims of a request, one scalar setting each. This file is the only place
-- that reads them; server/auth/pgSettings.ts is the only place that writes them.
-- A setting that was used and reset reads '', hence nullif everywhere.
create or replace function app_hidden.current_user_id() returns uuid
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('app.user_id', true), '')::uuid $$;
comment on function app_hidden.current_user_id() is 'The person this request acts as; null when nobody is signed in.';

create or replace function app_hidden.claimed_brand_id() returns uuid
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('app.brand_id', true), '')::uuid $$;
comment on function app_hidden.claimed_brand_id() is 'The active brand as the request claims it, unchecked. Policies use current_brand_id(), which checks.';

create or replace function app_hidden.current_api_key_id() returns uuid
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('app.api_key_id', true), '')::uuid $$;
comment on function app_hidden.current_api_key_id() is 'The API key this request came with, if any.';

create or replace function app_hidden.current_impersonator_id() returns uuid
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('app.impersonator_id', true), '')::uuid $$;
comment on function app_hidden.current_impersonator_id() is 'The staff member acting through "view as", if any.';

create or replace function app_hidden.current_request_id() returns text
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select nullif(current_setting('app.request_id', true), '') $$;
comment on function app_hidden.current_request_id() is 'Id of the HTTP request, as in logs and errors.';

-- The role of the request. current_user would be the owner inside a definer
-- function; the setting "role" keeps what SET ROLE said.
create or replace function app_hidden.current_request_role() returns text
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select nullif(nullif(current_setting('role', true), ''), 'none') $$;
comment on function app_hidden.current_request_role() is 'The database role the request runs as; null outside a request.';

create or replace function app_hidden.current_actor_kind() returns text
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case
    when current_setting('role', true) = ':ROLE_ANONYMOUS' then 'anonymous'
    when current_setting('role', true) = ':ROLE_PARTNER' then 'partner'
    when current_setting('role', true) in
      (':ROLE_STAFF', ':ROLE_STAFF_SUPPORT', ':ROLE_STAFF_FINANCE', ':ROLE_STAFF_PRIVACY', ':ROLE_STAFF_ADMIN') then 'staff'
    when nullif(current_setting('app.user_id', true), '') is not null then 'user'
    when session_user = ':ROLE_WORKER' then 'worker'
    else 'system'
  end
$$;
comment on function app_hidden.current_actor_kind() is 'user, staff, partner, anonymous, worker or system: who the audit trail says acted.';

revoke execute on function
  app_hidden.current_user_id(), app_hidden.claimed_brand_id(), app_hidden.current_api_key_id(),
  app_hidden.current_impersonator_id(), app_hidden.current_request_id(), app_hidden.current_request_role(),
  app_hidden.current_actor_kind()
from public;
grant execute on function
  app_hidden.current_user_id(), app_hidden.claimed_brand_id(), app_hidden.current_request_role()
to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_PARTNER, :ROLE_READER, :ROLE_WORKER;
--! EndIncluded functions/session/claims.sql
--! Included functions/audit/tg__audit.sql
-- The audit trail writes one row per changed row, from statement triggers with
-- transition tables: one insert for a batch of a thousand.
create or replace function app_private.row_diff(before jsonb, after jsonb, redacted text[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    jsonb_object_agg(
      k.key,
      case when k.key = any (redacted) then '"[redacted]"'::jsonb
      else jsonb_build_array(before -> k.key, after -> k.key) end
    ), '{}'
  )
  from (select jsonb_object_keys(coalesce(after, before)) as key) k
  where k.key not in ('fts', 'updated_at', 'created_at')
    and (before -> k.key) is distinct from (after -> k.key)
    -- A new row says what it holds, not what it lacks.
    and not (before is null and after -> k.key = 'null'::jsonb)
$$;
comment on function app_private.row_diff(jsonb, jsonb, text[]) is 'Changed columns as {column: [before, after]}; redacted ones say only that they changed.';
revoke execute on function app_private.row_diff(jsonb, jsonb, text[]) from public;

create or replace function app_private.row_pk(value jsonb, columns text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(value ->> c.name, ',' order by c.position)
  from unnest(columns) with ordinality as c (name, position)
$$;
comment on function app_private.row_pk(jsonb, text[]) is 'The primary key of a row as text; parts joined by a comma.';
revoke execute on function app_private.row_pk(jsonb, text[]) from public;

-- Arguments: primary key columns, redacted columns, the column that names the
-- brand ('' for none). Definer, because nobody may insert into audit_log.
create or replace function app_private.tg__audit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_pk text[] := TG_ARGV[0]::text[];
  v_redacted text[] := TG_ARGV[1]::text[];
  v_brand text := TG_ARGV[2];
  v_kind text := app_hidden.current_actor_kind();
  v_actor uuid := coalesce(app_hidden.current_user_id(), app_hidden.current_api_key_id());
  v_impersonator uuid := app_hidden.current_impersonator_id();
  v_request text := app_hidden.current_request_id();
begin
  if TG_OP = 'INSERT' then
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.after ->> v_brand)::uuid, 'insert', TG_TABLE_NAME,
      app_private.row_pk(r.after, v_pk), '{}', app_private.row_diff(null, r.after, v_redacted), v_request
    from (select to_jsonb(n) as after from new_rows n) r;
  elsif TG_OP = 'UPDATE' then
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.after ->> v_brand)::uuid, 'update', TG_TABLE_NAME,
      r.pk, array(select jsonb_object_keys(d.diff)), d.diff, v_request
    from (
      select n.pk, o.before, n.after
      from (select app_private.row_pk(to_jsonb(x), v_pk) as pk, to_jsonb(x) as after from new_rows x) n
      join (select app_private.row_pk(to_jsonb(x), v_pk) as pk, to_jsonb(x) as before from old_rows x) o on o.pk = n.pk
    ) r
    cross join lateral (select app_private.row_diff(r.before, r.after, v_redacted) as diff) d
    where d.diff <> '{}';
  else
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.before ->> v_brand)::uuid, 'delete', TG_TABLE_NAME,
      app_private.row_pk(r.before, v_pk), '{}', app_private.row_diff(r.before, null, v_redacted), v_request
    from (select to_jsonb(o) as before from old_rows o) r;
  end if;
  return null;
end
$$;
comment on function app_private.tg__audit() is 'Writes the changed rows of one statement to the audit log, as the person of the request.';
revoke execute on function app_private.tg__audit() from public;

drop procedure if exists app_private.audit_table(text, text[], text[], text);
create procedure app_private.audit_table(target text, pk text[], redacted text[] default '{}', brand_column text default '')
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_args text := format('%L, %L, %L', pk, redacted, brand_column);
begin
  execute format('drop trigger if exists _800_audit_insert on %s', target::regclass);
  execute format('drop trigger if exists _800_audit_update on %s', target::regclass);
  execute format('drop trigger if exists _800_audit_delete on %s', target::regclass);
  execute format(
    'create trigger _800_audit_insert after insert on %s referencing new table as new_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
  execute format(
    'create trigger _800_audit_update after update on %s referencing old table as old_rows new table as new_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
  execute format(
    'create trigger _800_audit_delete after delete on %s referencing old table as old_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
end
$$;
comment on procedure app_private.audit_table(text, text[], text[], text) is 'Puts the three audit triggers on a table: its key columns, columns to redact, and the column that names the brand.';
--! EndIncluded functions/audit/tg__audit.sql

--------------------------------------------------------------------------------
-- 1010 Users: every person, shopper or brand member or staff. Holds no secret,
-- no credit and no payment column.
--------------------------------------------------------------------------------

create table app_public.users (
  id uuid not null default app_private.uuid_v7() constraint users_pkey primary key,
  anon_id text not null default replace(gen_random_uuid()::text, '-', ''),
  email text,
  display_name text not null default '',
  timezone text not null default 'UTC',
  status app_public.user_status not null default 'active',
  dataset_opt_in boolean not null default false,
  training_opt_in boolean not null default false,
  last_login_at timestamptz,
  erased_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint users_anon_id_key unique (anon_id),
  -- Stored lower case, because citext's "=" is not leakproof and would use no
  -- index below a policy.
  constraint users_email_key unique (email),
  constraint users_email_check check (email = lower(email) and email ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' and length(email) <= 254),
  constraint users_display_name_check check (length(display_name) <= 100 and app_private.is_clean_text(display_name)),
  constraint users_timezone_check check (length(timezone) between 1 and 64),
  constraint users_erased_at_check check ((status = 'erased') = (erased_at is not null))
);
-- Staff list people by the day they joined.
create index users_created_at_idx on app_public.users (created_at desc, id);
create index users_display_name_idx on app_public.users (display_name, id);

comment on table app_public.users is $$
@behavior -insert -delete
A person: shopper, brand member or staff. Made by registration or by accepting an invitation.$$;
comment on column app_public.users.anon_id is 'Random public handle; says nothing about the person.';
comment on column app_public.users.email is 'Lower case, unique; null for a shopper who has not given one.';
comment on column app_public.users.timezone is 'IANA name, used for display only; every stored time is UTC.';
comment on column app_public.users.dataset_opt_in is 'Whether new try-on sessions may enter the anonymised dataset. Off unless the person turned it on.';
comment on column app_public.users.training_opt_in is 'Whether images may train models. Off unless the person turned it on.';

--------------------------------------------------------------------------------
-- 1020 Secrets and sessions. Private: no request role has any right here, the
-- sign-in functions are the only way in. Tokens are stored as SHA-256 only.
--------------------------------------------------------------------------------

create table app_private.user_secrets (
  user_id uuid constraint user_secrets_pkey primary key
    constraint user_secrets_user_id_fkey references app_public.users (id) on delete cascade,
  password_hash text,
  password_changed_at timestamptz,
  updated_at timestamptz not null default now()
);
comment on table app_private.user_secrets is 'Password hash (bcrypt) of a person. Never exposed. The lock-out is counted in login_throttle, by address.';

create table app_private.sessions (
  token_hash bytea constraint sessions_pkey primary key
    constraint sessions_token_hash_check check (length(token_hash) = 32),
  user_id uuid not null constraint sessions_user_id_fkey references app_public.users (id) on delete cascade,
  active_brand_id uuid,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index sessions_user_id_idx on app_private.sessions (user_id);
create index sessions_active_brand_id_idx on app_private.sessions (active_brand_id);
create index sessions_expires_at_idx on app_private.sessions (expires_at);
comment on table app_private.sessions is 'Browser sessions by the SHA-256 of their cookie; the cookie itself is never stored.';

create table app_private.login_throttle (
  email text constraint login_throttle_pkey primary key,
  failed_attempts integer not null default 0
    constraint login_throttle_failed_attempts_check check (failed_attempts >= 0),
  locked_until timestamptz,
  updated_at timestamptz not null default now()
);
create index login_throttle_updated_at_idx on app_private.login_throttle (updated_at);
comment on table app_private.login_throttle is 'Failed sign-ins by lower-case e-mail, known or not: the lock-out must not tell which exist.';

create table app_private.password_resets (
  token_hash bytea constraint password_resets_pkey primary key
    constraint password_resets_token_hash_check check (length(token_hash) = 32),
  user_id uuid not null constraint password_resets_user_id_fkey references app_public.users (id) on delete cascade,
  requested_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index password_resets_user_id_idx on app_private.password_resets (user_id);
comment on table app_private.password_resets is 'One-time password reset links by the SHA-256 of their token.';

create table app_private.password_reset_requests (
  user_id uuid constraint password_reset_requests_pkey primary key
    constraint password_reset_requests_user_id_fkey references app_public.users (id) on delete cascade,
  requested_at timestamptz not null default now()
);
comment on table app_private.password_reset_requests is 'Who asked for a new password while no mail server is set up: staff support hands out a link, made then and there.';

--------------------------------------------------------------------------------
-- 1030 Staff of ClosetAI.
--------------------------------------------------------------------------------

create table app_public.staff_members (
  user_id uuid constraint staff_members_pkey primary key
    constraint staff_members_user_id_fkey references app_public.users (id) on delete restrict,
  role app_public.staff_role not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index staff_members_role_idx on app_public.staff_members (role);
comment on table app_public.staff_members is 'Who works for ClosetAI and as what; decides the database role of their requests.';

--------------------------------------------------------------------------------
-- 1040 Idempotency keys of writes that must happen once.
--------------------------------------------------------------------------------

create table app_private.idempotency_keys (
  owner_kind text not null constraint idempotency_keys_owner_kind_check check (owner_kind in ('user', 'brand', 'api_key')),
  owner_id uuid not null,
  key text not null constraint idempotency_keys_key_check check (length(key) between 1 and 200),
  request_hash bytea not null,
  result jsonb,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default now() + interval '24 hours',
  constraint idempotency_keys_pkey primary key (owner_kind, owner_id, key),
  constraint idempotency_keys_expires_at_check check (expires_at >= created_at + interval '24 hours')
);
create index idempotency_keys_expires_at_idx on app_private.idempotency_keys (expires_at);
comment on table app_private.idempotency_keys is 'Same key and same request give the same answer for at least 24 hours; same key with another request is refused.';

--------------------------------------------------------------------------------
-- 2010 Brands (tenants). The key is their own: a brand is not a user.
--------------------------------------------------------------------------------

create table app_public.brand_accounts (
  id uuid not null default app_private.uuid_v7() constraint brand_accounts_pkey primary key,
  slug text not null,
  name text not null,
  status app_public.brand_status not null default 'onboarding',
  timezone text not null default 'UTC',
  dataset_access boolean not null default false,
  custom_model_training boolean not null default false,
  k_min integer not null default 11,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint brand_accounts_slug_key unique (slug),
  constraint brand_accounts_slug_check check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) <= 63),
  constraint brand_accounts_name_check check (length(name) between 1 and 120 and app_private.is_clean_text(name)),
  constraint brand_accounts_timezone_check check (length(timezone) between 1 and 64),
  constraint brand_accounts_k_min_check check (k_min >= 11)
);
create index brand_accounts_name_idx on app_public.brand_accounts (name, id);
create index brand_accounts_created_at_idx on app_public.brand_accounts (created_at desc, id);
create index brand_accounts_status_idx on app_public.brand_accounts (status);
comment on table app_public.brand_accounts is $$
@behavior -delete
A brand: the tenant that owns products, members and settings. Never deleted; closed instead.$$;
comment on column app_public.brand_accounts.slug is 'Lower-case name in addresses and commands: letters, digits and single hyphens.';
comment on column app_public.brand_accounts.k_min is 'Smallest number of distinct people behind a published figure; 11 or more.';
comment on column app_public.brand_accounts.timezone is 'IANA name; reports of the brand count days in it.';

alter table app_private.sessions add constraint sessions_active_brand_id_fkey
  foreign key (active_brand_id) references app_public.brand_accounts (id) on delete set null;

--------------------------------------------------------------------------------
-- 2020 Members of a brand. A membership is made by the invited person's
-- acceptance only: nobody can be pulled into a brand, and shown to it, without
-- having said yes. Hence no insert is granted anywhere.
--------------------------------------------------------------------------------

create table app_public.brand_members (
  brand_id uuid not null constraint brand_members_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  user_id uuid not null constraint brand_members_user_id_fkey
    references app_public.users (id) on delete cascade,
  role app_public.brand_role not null default 'viewer',
  invited_by uuid constraint brand_members_invited_by_fkey
    references app_public.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint brand_members_pkey primary key (brand_id, user_id)
);
create index brand_members_user_id_idx on app_public.brand_members (user_id);
create index brand_members_invited_by_idx on app_public.brand_members (invited_by);
comment on table app_public.brand_members is $$
@admin.hidden
@behavior -insert
Who belongs to a brand and with which role. A brand always keeps at least one owner.$$;
comment on constraint brand_members_brand_id_fkey on app_public.brand_members is $$
@foreignFieldName members$$;
comment on constraint brand_members_user_id_fkey on app_public.brand_members is $$
@foreignFieldName memberships$$;
comment on constraint brand_members_invited_by_fkey on app_public.brand_members is $$
@fieldName inviter
@foreignFieldName invitedMembers$$;

--------------------------------------------------------------------------------
-- 2030 Invitations. The token's hash lives apart, so that a member who may
-- read the list can never read it.
--------------------------------------------------------------------------------

create table app_public.brand_invitations (
  id uuid not null default app_private.uuid_v7() constraint brand_invitations_pkey primary key,
  brand_id uuid not null constraint brand_invitations_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  email text not null,
  role app_public.brand_role not null default 'viewer',
  invited_by uuid constraint brand_invitations_invited_by_fkey
    references app_public.users (id) on delete set null,
  expires_at timestamptz not null default now() + interval '7 days',
  accepted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint brand_invitations_id_brand_id_key unique (id, brand_id),
  constraint brand_invitations_email_check check (email = lower(email) and email ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' and length(email) <= 254)
);
create unique index brand_invitations_brand_id_email_key
  on app_public.brand_invitations (brand_id, email) where accepted_at is null;
create index brand_invitations_brand_id_created_at_idx on app_public.brand_invitations (brand_id, created_at desc);
create index brand_invitations_invited_by_idx on app_public.brand_invitations (invited_by);
comment on table app_public.brand_invitations is $$
@behavior -insert -update
A pending or accepted invitation to a brand. Made by invite_member, which also makes the one-time link.$$;
comment on constraint brand_invitations_brand_id_fkey on app_public.brand_invitations is $$
@foreignFieldName invitations$$;
comment on constraint brand_invitations_invited_by_fkey on app_public.brand_invitations is $$
@fieldName inviter
@foreignFieldName sentInvitations$$;

create table app_private.invitation_secrets (
  invitation_id uuid constraint invitation_secrets_pkey primary key
    constraint invitation_secrets_invitation_id_fkey references app_public.brand_invitations (id) on delete cascade,
  token_hash bytea not null,
  constraint invitation_secrets_token_hash_key unique (token_hash),
  constraint invitation_secrets_token_hash_check check (length(token_hash) = 32)
);
comment on table app_private.invitation_secrets is 'SHA-256 of the one-time token of an invitation. Never exposed.';

--------------------------------------------------------------------------------
-- 3010 Lookups: currencies and garment categories.
--------------------------------------------------------------------------------

create table app_public.currencies (
  code text constraint currencies_pkey primary key
    constraint currencies_code_check check (code ~ '^[a-z]{3}$'),
  label text not null,
  exponent integer not null constraint currencies_exponent_check check (exponent between 0 and 4)
);
comment on table app_public.currencies is $$
@admin.group Reference
@admin.icon payments
@admin.order 930
@behavior -insert -update -delete
Currencies and how many decimal digits their minor unit has: usd 2, jpy 0, kwd 3.$$;

insert into app_public.currencies (code, label, exponent) values
  ('aed', 'UAE dirham', 2), ('aud', 'Australian dollar', 2), ('bhd', 'Bahraini dinar', 3),
  ('brl', 'Brazilian real', 2), ('cad', 'Canadian dollar', 2), ('chf', 'Swiss franc', 2),
  ('cny', 'Chinese yuan', 2), ('czk', 'Czech koruna', 2), ('dkk', 'Danish krone', 2),
  ('eur', 'Euro', 2), ('gbp', 'Pound sterling', 2), ('hkd', 'Hong Kong dollar', 2),
  ('huf', 'Hungarian forint', 2), ('ils', 'Israeli shekel', 2), ('inr', 'Indian rupee', 2),
  ('jpy', 'Japanese yen', 0), ('krw', 'South Korean won', 0), ('kwd', 'Kuwaiti dinar', 3),
  ('mxn', 'Mexican peso', 2), ('nok', 'Norwegian krone', 2), ('nzd', 'New Zealand dollar', 2),
  ('pln', 'Polish zloty', 2), ('sar', 'Saudi riyal', 2), ('sek', 'Swedish krona', 2),
  ('sgd', 'Singapore dollar', 2), ('thb', 'Thai baht', 2), ('try', 'Turkish lira', 2),
  ('usd', 'US dollar', 2), ('vnd', 'Vietnamese dong', 0), ('zar', 'South African rand', 2);

create table app_public.wardrobe_categories (
  code text constraint wardrobe_categories_pkey primary key
    constraint wardrobe_categories_code_check check (code ~ '^[a-z][a-z0-9_]{1,30}$'),
  label text not null constraint wardrobe_categories_label_check
    check (length(label) between 1 and 60 and app_private.is_clean_text(label)),
  grp app_public.category_group not null,
  tracking app_public.tracking_mode not null,
  sort integer not null default 0,
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table app_public.wardrobe_categories is $$
@admin.label Garment categories
@admin.singular Garment category
@admin.group Reference
@admin.icon category
@admin.order 910
@admin.list label, code, grp, tracking, sort, active
@behavior -delete
Garment categories and the body tracking each needs in AR. A lookup: rows may be added.$$;
comment on column app_public.wardrobe_categories.grp is $$
@name group
Clothing, accessories, footwear or jewelry.$$;

insert into app_public.wardrobe_categories (code, label, grp, tracking, sort) values
  ('tops', 'Tops', 'clothing', 'body', 10),
  ('bottoms', 'Bottoms', 'clothing', 'body', 20),
  ('dresses', 'Dresses', 'clothing', 'body', 30),
  ('jackets', 'Jackets', 'clothing', 'body', 40),
  ('bags', 'Bags', 'accessories', 'body', 50),
  ('scarves', 'Scarves', 'accessories', 'face', 60),
  ('hats', 'Hats', 'accessories', 'face', 70),
  ('belts', 'Belts', 'accessories', 'body', 80),
  ('sneakers', 'Sneakers', 'footwear', 'foot', 90),
  ('heels', 'Heels', 'footwear', 'foot', 100),
  ('boots', 'Boots', 'footwear', 'foot', 110),
  ('jewelry', 'Jewelry', 'jewelry', 'hand', 120);

--------------------------------------------------------------------------------
-- 3020 Stored files. Owned by exactly one person or one brand. The bytes live
-- in the storage driver; this row says whose they are and whether they arrived.
--------------------------------------------------------------------------------

create table app_public.storage_objects (
  key text constraint storage_objects_pkey primary key
    constraint storage_objects_key_check check (length(key) between 3 and 300 and key ~ '^[A-Za-z0-9][A-Za-z0-9_./-]*$' and key !~ '\.\.'),
  bucket text not null default 'default',
  owner_user_id uuid constraint storage_objects_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint storage_objects_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  kind app_public.storage_kind not null,
  content_type text not null constraint storage_objects_content_type_check
    check (content_type ~ '^[a-z0-9.+-]+/[a-z0-9.+-]+$' and length(content_type) <= 100),
  bytes bigint not null default 0 constraint storage_objects_bytes_check check (bytes >= 0),
  sha256 bytea constraint storage_objects_sha256_check check (length(sha256) = 32),
  status app_public.storage_status not null default 'pending',
  retention_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint storage_objects_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint storage_objects_available_check check (status <> 'available' or sha256 is not null),
  -- What products and wardrobe items point at, so that a key between two
  -- owners cannot exist (foreign-key checks do not see row-level security).
  constraint storage_objects_key_owner_brand_id_key unique (key, owner_brand_id),
  constraint storage_objects_key_owner_user_id_key unique (key, owner_user_id)
);
create index storage_objects_owner_user_id_idx on app_public.storage_objects (owner_user_id);
create index storage_objects_owner_brand_id_idx on app_public.storage_objects (owner_brand_id);
create index storage_objects_pending_idx on app_public.storage_objects (created_at) where status in ('pending', 'deleting');
comment on table app_public.storage_objects is $$
@admin.label Files
@admin.singular File
@admin.group Catalogue
@admin.icon folder
@admin.order 400
@admin.list key, kind, content_type, bytes, status, created_at
@behavior -insert -update -delete
A stored file and its owner: one person or one brand. Uploads start with requestUpload.$$;
comment on column app_public.storage_objects.bytes is 'Size in bytes; what the upload announced while pending, what arrived afterwards.';
comment on column app_public.storage_objects.retention_until is 'When a background job deletes the file; null keeps it.';

--------------------------------------------------------------------------------
-- 4010 Products of a brand.
--------------------------------------------------------------------------------

create table app_public.products (
  id uuid not null default app_private.uuid_v7() constraint products_pkey primary key,
  brand_id uuid not null constraint products_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  sku text not null,
  name text not null,
  category_code text not null constraint products_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict,
  brand_label text,
  gender text,
  color text,
  season text,
  year integer,
  usage text,
  tags text[] not null default '{}',
  price_minor bigint,
  currency text constraint products_currency_fkey
    references app_public.currencies (code) on delete restrict,
  image_key text,
  active boolean not null default true,
  fts tsvector generated always as (
    setweight(to_tsvector('english'::regconfig, name), 'A')
    || setweight(to_tsvector('simple'::regconfig, sku || ' ' || coalesce(brand_label, '')), 'B')
    || setweight(to_tsvector('english'::regconfig, app_private.tags_text(tags) || ' ' || coalesce(color, '')), 'C')
  ) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint products_brand_id_sku_key unique (brand_id, sku),
  constraint products_brand_id_id_key unique (brand_id, id),
  constraint products_sku_check check (length(sku) between 1 and 64 and app_private.is_clean_text(sku)),
  constraint products_name_check check (length(name) between 1 and 200 and app_private.is_clean_text(name)),
  constraint products_brand_label_check check (length(brand_label) between 1 and 100 and app_private.is_clean_text(brand_label)),
  constraint products_gender_check check (length(gender) between 1 and 40 and app_private.is_clean_text(gender)),
  constraint products_color_check check (length(color) between 1 and 60 and app_private.is_clean_text(color)),
  constraint products_season_check check (length(season) between 1 and 40 and app_private.is_clean_text(season)),
  constraint products_usage_check check (length(usage) between 1 and 60 and app_private.is_clean_text(usage)),
  constraint products_year_check check (year between 1900 and 2100),
  constraint products_tags_check check (
    cardinality(tags) <= 50 and array_position(tags, null) is null and length(app_private.tags_text(tags)) <= 2000
  ),
  constraint products_price_minor_check check (price_minor >= 0),
  constraint products_price_currency_check check ((price_minor is null) = (currency is null)),
  -- MATCH SIMPLE: no image, no check; an image must be the brand's own.
  constraint products_image_key_brand_id_fkey foreign key (image_key, brand_id)
    references app_public.storage_objects (key, owner_brand_id) on delete restrict
);
-- Default list of a brand (newest first), and its filters.
create index products_brand_id_created_at_idx on app_public.products (brand_id, created_at desc, id);
create index products_brand_id_category_code_idx on app_public.products (brand_id, category_code);
create index products_brand_id_name_idx on app_public.products (brand_id, name, id);
-- Staff and shoppers, whose policies carry no tenant.
create index products_created_at_idx on app_public.products (created_at desc, id);
create index products_name_idx on app_public.products (name, id);
-- "contains" in the lists of staff; below a tenant's policy it narrows nothing.
create index products_name_trgm_idx on app_public.products using gin (name app_extensions.gin_trgm_ops);
create index products_category_code_idx on app_public.products (category_code);
create index products_currency_idx on app_public.products (currency) where currency is not null;
create index products_image_key_brand_id_idx on app_public.products (image_key, brand_id) where image_key is not null;
create index products_fts_idx on app_public.products using gin (fts);
create index products_tags_idx on app_public.products using gin (tags);

comment on table app_public.products is 'A garment a brand sells and offers for try-on. Its identity within the brand is the SKU.';
comment on column app_public.products.image_key is 'A file of this brand; null shows the illustration of the category.';
comment on column app_public.products.fts is $$
@behavior -*
Search vector over name, SKU, label, tags and colour.$$;
comment on constraint products_image_key_brand_id_fkey on app_public.products is $$
@fieldName image
@foreignFieldName products$$;
comment on constraint products_category_code_fkey on app_public.products is $$
@fieldName category$$;

--------------------------------------------------------------------------------
-- 4020 Wardrobe of a shopper. Deleting is soft: past try-on jobs keep their
-- garment. Reading another person's wardrobe is not granted to anyone; staff
-- go through an audited function.
--------------------------------------------------------------------------------

create table app_public.wardrobe_items (
  id uuid not null default app_private.uuid_v7() constraint wardrobe_items_pkey primary key,
  user_id uuid not null constraint wardrobe_items_user_id_fkey
    references app_public.users (id) on delete cascade,
  product_id uuid constraint wardrobe_items_product_id_fkey
    references app_public.products (id) on delete set null,
  category_code text not null constraint wardrobe_items_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict,
  name text not null,
  brand_label text,
  color text,
  ai_tags text[] not null default '{}',
  color_tags text[] not null default '{}',
  usage_count integer not null default 0,
  image_key text,
  deleted_at timestamptz,
  fts tsvector generated always as (
    setweight(to_tsvector('english'::regconfig, name), 'A')
    || setweight(to_tsvector('simple'::regconfig, coalesce(brand_label, '')), 'B')
    || setweight(to_tsvector('english'::regconfig, app_private.tags_text(ai_tags) || ' ' || app_private.tags_text(color_tags)), 'B')
  ) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint wardrobe_items_id_user_id_key unique (id, user_id),
  constraint wardrobe_items_name_check check (length(name) between 1 and 200 and app_private.is_clean_text(name)),
  constraint wardrobe_items_brand_label_check check (length(brand_label) between 1 and 100 and app_private.is_clean_text(brand_label)),
  constraint wardrobe_items_color_check check (length(color) between 1 and 60 and app_private.is_clean_text(color)),
  constraint wardrobe_items_ai_tags_check check (
    cardinality(ai_tags) <= 50 and array_position(ai_tags, null) is null and length(app_private.tags_text(ai_tags)) <= 2000
  ),
  constraint wardrobe_items_color_tags_check check (
    cardinality(color_tags) <= 50 and array_position(color_tags, null) is null and length(app_private.tags_text(color_tags)) <= 2000
  ),
  constraint wardrobe_items_usage_count_check check (usage_count >= 0),
  constraint wardrobe_items_image_key_user_id_fkey foreign key (image_key, user_id)
    references app_public.storage_objects (key, owner_user_id) on delete restrict
);
create index wardrobe_items_user_id_category_code_idx on app_public.wardrobe_items (user_id, category_code);
create index wardrobe_items_user_id_created_at_idx on app_public.wardrobe_items (user_id, created_at desc, id);
create index wardrobe_items_product_id_idx on app_public.wardrobe_items (product_id) where product_id is not null;
create index wardrobe_items_category_code_idx on app_public.wardrobe_items (category_code);
create index wardrobe_items_image_key_user_id_idx on app_public.wardrobe_items (image_key, user_id) where image_key is not null;
create index wardrobe_items_fts_idx on app_public.wardrobe_items using gin (fts);
create index wardrobe_items_ai_tags_idx on app_public.wardrobe_items using gin (ai_tags);
comment on table app_public.wardrobe_items is 'A garment in a shopper''s wardrobe. Setting deleted_at hides it; past try-on jobs keep showing it.';
comment on column app_public.wardrobe_items.ai_tags is 'Tags a model gave: overshirt, linen, casual.';
comment on column app_public.wardrobe_items.usage_count is 'How many completed try-ons used it; kept by the server.';
comment on column app_public.wardrobe_items.fts is $$
@behavior -*
Search vector over name, label and tags.$$;
comment on constraint wardrobe_items_image_key_user_id_fkey on app_public.wardrobe_items is $$
@fieldName image
@foreignFieldName wardrobeItems$$;
comment on constraint wardrobe_items_category_code_fkey on app_public.wardrobe_items is $$
@fieldName category$$;

create table app_public.item_embeddings (
  item_id uuid constraint item_embeddings_pkey primary key,
  user_id uuid not null,
  model text not null constraint item_embeddings_model_check check (length(model) between 1 and 100),
  embedding real[] not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Carries the owner, so that nobody can hang a vector on another's item.
  constraint item_embeddings_item_id_user_id_fkey foreign key (item_id, user_id)
    references app_public.wardrobe_items (id, user_id) on delete cascade,
  constraint item_embeddings_embedding_check check (
    array_ndims(embedding) = 1 and array_length(embedding, 1) = 768
    and array_position(embedding, null) is null
    and app_private.vector_norm(embedding) > 0
    and app_private.vector_norm(embedding) <> 'NaN'::double precision
    and app_private.vector_norm(embedding) <> 'Infinity'::double precision
  )
);
create index item_embeddings_user_id_idx on app_public.item_embeddings (user_id);
create index item_embeddings_item_id_user_id_idx on app_public.item_embeddings (item_id, user_id);
comment on table app_public.item_embeddings is $$
@admin.hidden
768-dimensional image vector of a wardrobe item, apart from the item so that counting a use does not rewrite it.$$;
comment on constraint item_embeddings_item_id_user_id_fkey on app_public.item_embeddings is $$
@fieldName item
@foreignSimpleFieldName embedding
@foreignFieldName embedding$$;

--------------------------------------------------------------------------------
-- 5010 Which source label means which category: defaults for everybody, and a
-- brand's own, which win.
--------------------------------------------------------------------------------

create table app_public.category_defaults (
  label text constraint category_defaults_pkey primary key
    constraint category_defaults_label_check check (length(label) between 1 and 100 and app_private.is_clean_text(label)),
  category_code text not null constraint category_defaults_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict
);
create unique index category_defaults_label_lower_key on app_public.category_defaults (lower(label));
create index category_defaults_category_code_idx on app_public.category_defaults (category_code);
comment on table app_public.category_defaults is $$
@admin.label Source labels
@admin.singular Source label
@admin.group Reference
@admin.icon label
@admin.order 920
@behavior -insert -update -delete
What an article type of a source catalogue means, unless the brand says otherwise. Case does not matter.$$;

create table app_public.category_mappings (
  id uuid not null default app_private.uuid_v7() constraint category_mappings_pkey primary key,
  brand_id uuid not null constraint category_mappings_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  label text not null constraint category_mappings_label_check
    check (length(label) between 1 and 100 and app_private.is_clean_text(label)),
  category_code text constraint category_mappings_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index category_mappings_brand_id_label_key on app_public.category_mappings (brand_id, lower(label));
create index category_mappings_category_code_idx on app_public.category_mappings (category_code);
comment on table app_public.category_mappings is 'A brand''s own meaning of an article type; wins over the default. No category means: refuse such rows.';

--------------------------------------------------------------------------------
-- 5020 Import runs, their staging, and what they refused.
--------------------------------------------------------------------------------

create table app_public.import_runs (
  id uuid not null default app_private.uuid_v7() constraint import_runs_pkey primary key,
  brand_id uuid not null constraint import_runs_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  requested_by uuid constraint import_runs_requested_by_fkey
    references app_public.users (id) on delete set null,
  target text not null default 'products' constraint import_runs_target_check check (target ~ '^[a-z_][a-z0-9_]{0,62}$'),
  method text not null default 'catalogue' constraint import_runs_method_check
    check (method = 'table' or (method = 'catalogue' and target = 'products')),
  unique_key text,
  filename text not null constraint import_runs_filename_check
    check (length(filename) between 1 and 255 and app_private.is_clean_text(filename)),
  storage_key text,
  status app_public.import_status not null default 'uploaded',
  dry_run boolean not null default false,
  mapping jsonb not null default '{}' constraint import_runs_mapping_check check (jsonb_typeof(mapping) = 'object'),
  encoding text,
  delimiter text,
  header text[] not null default '{}',
  total_rows integer,
  processed_rows integer not null default 0,
  created_count integer not null default 0,
  updated_count integer not null default 0,
  unchanged_count integer not null default 0,
  refused_count integer not null default 0,
  checkpoint_line integer not null default 0,
  rerun_of uuid,
  error_code text,
  error_message text,
  started_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint import_runs_id_brand_id_key unique (id, brand_id),
  constraint import_runs_counts_check check (
    processed_rows >= 0 and created_count >= 0 and updated_count >= 0 and unchanged_count >= 0 and refused_count >= 0
    and checkpoint_line >= 0
    and processed_rows = created_count + updated_count + unchanged_count + refused_count
  ),
  constraint import_runs_storage_key_brand_id_fkey foreign key (storage_key, brand_id)
    references app_public.storage_objects (key, owner_brand_id) on delete restrict,
  constraint import_runs_rerun_of_brand_id_fkey foreign key (rerun_of, brand_id)
    references app_public.import_runs (id, brand_id) on delete restrict
);
create index import_runs_brand_id_created_at_idx on app_public.import_runs (brand_id, created_at desc, id);
create index import_runs_requested_by_idx on app_public.import_runs (requested_by);
create index import_runs_storage_key_brand_id_idx on app_public.import_runs (storage_key, brand_id);
create index import_runs_rerun_of_brand_id_idx on app_public.import_runs (rerun_of, brand_id);
comment on table app_public.import_runs is $$
@behavior -insert -update -delete
One file a brand imported, or is importing: where it stands and what became of its rows. processed = created + updated + unchanged + refused.$$;
comment on column app_public.import_runs.target is 'The table the rows go into.';
comment on column app_public.import_runs.method is 'catalogue: a maker''s file read as products, labels mapped to categories; table: columns of the file straight into columns of the table.';
comment on column app_public.import_runs.unique_key is 'The unique index by which a row of the file finds its record; "none" when every row is a new record.';
comment on column app_public.import_runs.mapping is 'Target field to source column, as {"sku": "id", "name": "productDisplayName", …}.';
comment on column app_public.import_runs.checkpoint_line is 'Last line of the file whose batch is committed; a resumed run goes on after it.';
comment on column app_public.import_runs.dry_run is 'When true, rows were checked and counted but no product was written.';
comment on column app_public.import_runs.rerun_of is 'The run whose refused rows this one tries again.';
comment on constraint import_runs_storage_key_brand_id_fkey on app_public.import_runs is $$
@fieldName file
@foreignFieldName importRuns$$;
comment on constraint import_runs_rerun_of_brand_id_fkey on app_public.import_runs is $$
@fieldName originalRun
@foreignFieldName reruns$$;
comment on constraint import_runs_requested_by_fkey on app_public.import_runs is $$
@fieldName requester$$;

-- The one table without row-level security: COPY FROM is refused under it. No
-- request role has any right on it; a definer function hands a member the rows
-- of that member's own run.
create unlogged table app_private.import_rows (
  run_id uuid not null,
  line_no integer not null,
  first_line integer,
  fields text[] not null,
  constraint import_rows_pkey primary key (run_id, line_no)
);
comment on table app_private.import_rows is 'Staging of an import: the raw fields of one line of the file. Emptied by a crash and filled again from the stored file.';

create table app_public.import_refusals (
  run_id uuid not null,
  brand_id uuid not null,
  line_no integer not null,
  field text not null,
  code text not null,
  reason text not null,
  label text,
  first_line integer,
  fields text[] not null default '{}',
  constraint import_refusals_pkey primary key (run_id, line_no),
  constraint import_refusals_run_id_brand_id_fkey foreign key (run_id, brand_id)
    references app_public.import_runs (id, brand_id) on delete cascade
);
create index import_refusals_run_id_brand_id_idx on app_public.import_refusals (run_id, brand_id);
create index import_refusals_brand_id_idx on app_public.import_refusals (brand_id);
create index import_refusals_run_id_label_idx on app_public.import_refusals (run_id, label);
comment on table app_public.import_refusals is $$
@admin.hidden
@behavior -insert -update -delete
A line of an imported file that was refused: its number, the field, why, and the line itself.$$;
comment on column app_public.import_refusals.label is 'The source label that maps to no category, when that is the reason.';
comment on column app_public.import_refusals.first_line is 'The line of the same file that already has this SKU; null unless this row repeats it.';
comment on constraint import_refusals_run_id_brand_id_fkey on app_public.import_refusals is $$
@fieldName run
@foreignFieldName refusals$$;

--------------------------------------------------------------------------------
-- 6010 Saved views of a list: filter, sort, columns, density. A person's own;
-- with a brand active also shared with the brand, and the default of a role.
--------------------------------------------------------------------------------

create table app_public.saved_views (
  id uuid not null default app_private.uuid_v7() constraint saved_views_pkey primary key,
  user_id uuid not null constraint saved_views_user_id_fkey
    references app_public.users (id) on delete cascade,
  brand_id uuid constraint saved_views_brand_id_fkey
    references app_public.brand_accounts (id) on delete cascade,
  resource text not null,
  name text not null,
  view jsonb not null default '{}',
  is_shared boolean not null default false,
  default_for app_public.brand_role,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint saved_views_resource_check check (resource ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint saved_views_name_check check (length(name) between 1 and 80 and app_private.is_clean_text(name)),
  constraint saved_views_view_check check (jsonb_typeof(view) = 'object' and length(view::text) <= 20000),
  -- A view without a brand has nobody to be shared with.
  constraint saved_views_is_shared_check check (not is_shared or brand_id is not null),
  constraint saved_views_default_for_check check (default_for is null or is_shared),
  constraint saved_views_user_id_brand_id_resource_name_key
    unique nulls not distinct (user_id, brand_id, resource, name)
);
create unique index saved_views_default_key on app_public.saved_views (brand_id, resource, default_for)
  where default_for is not null;
create index saved_views_brand_id_resource_idx on app_public.saved_views (brand_id, resource);

comment on table app_public.saved_views is $$
@admin.hidden
A list as somebody wants to see it again: filter, sort, columns. Own, or shared with the brand.$$;
comment on column app_public.saved_views.resource is 'The table the view is of.';
comment on column app_public.saved_views.view is '{filter, sort: {field, order}, columns, density, perPage}; at most 20,000 characters.';
comment on column app_public.saved_views.default_for is 'Who opens the list with this view unless they chose another; one per brand, table and role.';

comment on constraint saved_views_pkey on app_public.saved_views is '@error TAKEN id A record with this id already exists.';
comment on constraint saved_views_user_id_fkey on app_public.saved_views is '@error NTFND user_id There is no such person.';
comment on constraint saved_views_brand_id_fkey on app_public.saved_views is '@error NTFND brand_id There is no such brand.';
comment on constraint saved_views_resource_check on app_public.saved_views is '@error INVAL resource This is not the name of a table.';
comment on constraint saved_views_name_check on app_public.saved_views is '@error INVAL name A name has 1 to 80 characters and no blanks at its ends.';
comment on constraint saved_views_view_check on app_public.saved_views is '@error INVAL view A view is an object of at most 20,000 characters.';
comment on constraint saved_views_is_shared_check on app_public.saved_views is '@error INVAL is_shared A view is shared within a brand; switch to one first.';
comment on constraint saved_views_default_for_check on app_public.saved_views is '@error INVAL default_for The default of a role has to be shared.';
comment on constraint saved_views_user_id_brand_id_resource_name_key on app_public.saved_views is '@error TAKEN name You already have a view with this name.';
comment on index app_public.saved_views_default_key is '@error TAKEN default_for This role already has a default view here.';

--------------------------------------------------------------------------------
-- 8010 Columns that lists filter, sort and group by without an index of their
-- own: the tenant or the person has narrowed the rows before.
--------------------------------------------------------------------------------

comment on column app_public.products.sku is $$
@isIndexed
The brand's own article number; unique within the brand.$$;
comment on column app_public.products.brand_label is $$
@isIndexed
The label on the garment, where a retailer sells several makers.$$;
comment on column app_public.products.gender is $$
@isIndexed
Who it is made for, in the brand's words.$$;
comment on column app_public.products.color is $$
@isIndexed
Colour name, in the brand's words.$$;
comment on column app_public.products.season is $$
@isIndexed$$;
comment on column app_public.products.year is $$
@isIndexed$$;
comment on column app_public.products.usage is $$
@isIndexed
What it is worn for: casual, sports, formal.$$;
comment on column app_public.products.price_minor is $$
@isIndexed
Price in minor units of the currency (cents for usd, whole yen for jpy); null when unknown.$$;
comment on column app_public.products.active is $$
@isIndexed
Whether shoppers see it.$$;
comment on column app_public.products.updated_at is $$
@isIndexed$$;
comment on column app_public.wardrobe_items.name is $$
@isIndexed$$;
comment on column app_public.wardrobe_items.color is $$
@isIndexed$$;
comment on column app_public.wardrobe_items.deleted_at is $$
@isIndexed$$;
comment on column app_public.users.status is $$
@isIndexed$$;
comment on column app_public.users.last_login_at is $$
@isIndexed$$;
comment on column app_public.import_runs.status is $$
@isIndexed$$;
comment on column app_public.brand_invitations.accepted_at is $$
@isIndexed$$;
comment on column app_public.brand_invitations.email is $$
@isIndexed$$;
comment on column app_public.audit_log.action is $$
@isIndexed
insert, update, delete, or the name of an audited function such as break_glass_wardrobe.$$;
comment on column app_public.audit_log.actor_kind is $$
@isIndexed$$;
comment on column app_public.storage_objects.kind is $$
@isIndexed$$;
comment on column app_public.storage_objects.status is $$
@isIndexed$$;
comment on column app_public.category_mappings.label is $$
@isIndexed$$;
comment on column app_public.wardrobe_categories.label is $$
@isIndexed$$;
comment on column app_public.wardrobe_categories.sort is $$
@isIndexed$$;
comment on column app_public.wardrobe_categories.active is $$
@isIndexed$$;

--------------------------------------------------------------------------------
-- 9010 Functions: identity, operations, then each domain.
--------------------------------------------------------------------------------

--! Included functions/session/current_brand_id.sql
-- The tenant fence. Every policy of every tenant table asks this function, once
-- per statement: does the person of this request, right now, belong to the brand
-- it claims, with at least the role it runs as? So a membership that was
-- revoked, a role that was lowered, a suspended person or a closed brand ends
-- at once, whatever the server still believes. Unset and empty claims give null,
-- and "= null" gives no row.
create or replace function app_hidden.current_brand_id() returns uuid
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.brand_id
  from app_public.brand_members m
  join app_public.users u on u.id = m.user_id and u.status = 'active'
  join app_public.brand_accounts b on b.id = m.brand_id and b.status in ('onboarding', 'active')
  where m.brand_id = (select app_hidden.claimed_brand_id())
    and m.user_id = (select app_hidden.current_user_id())
    and m.role >= case current_setting('role', true)
      when ':ROLE_VIEWER' then 'viewer'::app_public.brand_role
      when ':ROLE_ANALYST' then 'analyst'::app_public.brand_role
      when ':ROLE_MANAGER' then 'manager'::app_public.brand_role
      when ':ROLE_BRAND_OWNER' then 'owner'::app_public.brand_role
    end
$$;
comment on function app_hidden.current_brand_id() is 'The active brand, checked against the membership of this very moment; null unless the request runs as a brand role the person holds there.';
revoke execute on function app_hidden.current_brand_id() from public;
grant execute on function app_hidden.current_brand_id() to :ROLE_VIEWER, :ROLE_READER, :ROLE_USER, :ROLE_STAFF, :ROLE_ANONYMOUS, :ROLE_PARTNER;
--! EndIncluded functions/session/current_brand_id.sql
--! Included functions/ops/enqueue_job.sql
-- The queue's schema belongs to the worker role, so the function that writes to
-- it does too: SQL enqueues without any right on the queue.
drop function if exists app_private.enqueue_job(text, json, text, timestamptz);

create function app_private.enqueue_job(
  task text, payload json default '{}', job_key text default null, run_at timestamptz default null
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform graphile_worker.add_job(
    identifier => task,
    payload => payload,
    run_at => run_at,
    job_key => job_key
  );
end
$$;
comment on function app_private.enqueue_job(text, json, text, timestamptz) is 'Adds a background job. With a job_key, a waiting job of that key is replaced.';
revoke execute on function app_private.enqueue_job(text, json, text, timestamptz) from public;
grant create on schema app_private to :ROLE_WORKER;
alter function app_private.enqueue_job(text, json, text, timestamptz) owner to :ROLE_WORKER;
revoke create on schema app_private from :ROLE_WORKER;
grant execute on function app_private.enqueue_job(text, json, text, timestamptz) to :ROLE_OWNER;
--! EndIncluded functions/ops/enqueue_job.sql
--! Included functions/ops/check_invariants.sql
-- Invariants of the data and the schema, each a query that must return no row.
-- `npm run check` and the tests run them after every scenario.
drop function if exists app_private.check_invariants();

create function app_private.check_invariants() returns table (invariant text, detail text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- A month within the horizon without a partition.
  select 'partition_missing', t.parent || ' ' || to_char(m, 'YYYY-MM')
  from app_private.partitioned_tables t,
    generate_series(
      date_trunc('month', now() at time zone 'UTC'),
      date_trunc('month', now() at time zone 'UTC') + make_interval(months => t.months_ahead - 1),
      interval '1 month'
    ) m
  where to_regclass(format('app_partitions.%I', split_part(t.parent, '.', 2) || '_' || to_char(m, 'YYYY_MM'))) is null
  union all
  -- A table without row-level security. The import staging is the one exception.
  select 'table_without_rls', c.oid::regclass::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private', 'app_partitions')
    and c.relkind in ('r', 'p') and not c.relrowsecurity
    and c.oid <> 'app_private.import_rows'::regclass
  union all
  -- A view that neither runs as its caller nor belongs to the bound reader.
  select 'view_unbound', c.oid::regclass::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'app_public' and c.relkind in ('v', 'm')
    and not (
      c.relkind = 'v' and (
        coalesce(c.reloptions @> array['security_invoker=true'], false)
        or (pg_get_userbyid(c.relowner) = ':ROLE_READER' and coalesce(c.reloptions @> array['security_barrier=true'], false))
      )
    )
  union all
  -- A foreign key whose columns lead no index.
  select 'foreign_key_without_index', k.conrelid::regclass || '.' || k.conname
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where k.contype = 'f' and n.nspname in ('app_public', 'app_private', 'app_hidden')
    and not exists (
      select 1 from pg_index i
      where i.indrelid = k.conrelid and i.indisvalid
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] <@ k.conkey
    )
  union all
  -- A definer function that trusts its caller's search_path, or that anybody may run.
  select 'definer_function_unsafe', p.oid::regprocedure::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private') and p.prosecdef
    and (
      not exists (select 1 from unnest(coalesce(p.proconfig, '{}')) o where o like 'search\_path=%')
      or exists (
        select 1 from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        where a.grantee = 0 and a.privilege_type = 'EXECUTE'
      )
    )
  union all
  select 'index_invalid', i.indexrelid::regclass::text from pg_index i
  join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
  where not i.indisvalid and n.nspname like 'app\_%'
  union all
  select 'constraint_not_validated', k.conrelid::regclass || '.' || k.conname
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where not k.convalidated and n.nspname like 'app\_%'
  union all
  -- A brand that works without an owner. While onboarding its owner is invited,
  -- and it may be suspended or closed before anybody accepts.
  select 'brand_without_owner', b.slug
  from app_public.brand_accounts b
  where b.status = 'active'
    and not exists (select 1 from app_public.brand_members m where m.brand_id = b.id and m.role = 'owner')
  union all
  -- An import whose counts do not add up to its refusals.
  select 'import_refusals_miscounted', r.id::text
  from app_public.import_runs r
  where r.refused_count <> (select count(*) from app_public.import_refusals f where f.run_id = r.id)
$$;
comment on function app_private.check_invariants() is 'Returns one row per broken invariant; no row when everything holds.';
revoke execute on function app_private.check_invariants() from public;
grant execute on function app_private.check_invariants() to :ROLE_WORKER;
--! EndIncluded functions/ops/check_invariants.sql
--! Included functions/common/triggers.sql
-- Which shared trigger stands on which table. Numbers give the order: 100
-- normalise, 200 forbid, 500 act, 700 check, 800 audit, 900 append-only.
do $do$
declare
  v_table text;
begin
  foreach v_table in array array[
    'users', 'staff_members', 'brand_accounts', 'brand_members', 'brand_invitations', 'wardrobe_categories',
    'storage_objects', 'products', 'wardrobe_items', 'item_embeddings', 'category_mappings', 'import_runs', 'saved_views'
  ] loop
    execute format('drop trigger if exists _100_timestamps on app_public.%I', v_table);
    execute format(
      'create trigger _100_timestamps before insert or update on app_public.%I '
      'for each row execute function app_private.tg__timestamps()', v_table);
  end loop;
end
$do$;

-- E-mail is typed by people: folded and trimmed before the check sees it.
create or replace function app_private.tg__normalise_email() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  NEW.email := nullif(lower(btrim(NEW.email)), '');
  return NEW;
end
$$;
revoke execute on function app_private.tg__normalise_email() from public;
comment on function app_private.tg__normalise_email() is 'Trims and lower-cases an e-mail before it is stored.';

create or replace trigger _100_email before insert or update of email on app_public.users
  for each row execute function app_private.tg__normalise_email();
create or replace trigger _100_email before insert or update of email on app_public.brand_invitations
  for each row execute function app_private.tg__normalise_email();

-- A time zone must be one the server knows, or no report of the brand could be made.
create or replace function app_private.tg__known_timezone() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select 1 from pg_timezone_names where name = NEW.timezone) then
    raise exception 'There is no time zone named %', NEW.timezone
      using errcode = 'INVAL', column = 'timezone', hint = 'Use a name such as Europe/Paris or UTC';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg__known_timezone() from public;
comment on function app_private.tg__known_timezone() is 'Refuses a time zone the server does not know.';

-- The condition on UTC spares inserts the walk through the server's zone files.
create or replace trigger _200_timezone before insert or update of timezone on app_public.users
  for each row when (NEW.timezone <> 'UTC') execute function app_private.tg__known_timezone();
create or replace trigger _200_timezone before insert or update of timezone on app_public.brand_accounts
  for each row when (NEW.timezone <> 'UTC') execute function app_private.tg__known_timezone();

-- Support may suspend people, and must not shut out the colleagues who watch over
-- it: an admin takes somebody off the staff first. Definer, because support cannot
-- read who is staff.
create or replace function app_private.tg_users__no_colleague() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_actor_kind() = 'staff'
    and exists (select 1 from app_public.staff_members s where s.user_id = NEW.id) then
    raise exception 'You may not change the status of a colleague'
      using errcode = 'DNIED', column = 'status', hint = 'Ask a staff administrator to take this person off the staff first';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_users__no_colleague() from public;
comment on function app_private.tg_users__no_colleague() is 'Refuses that staff suspends or reinstates staff (DNIED).';

create or replace trigger _200_no_colleague before update of status on app_public.users
  for each row when (NEW.status <> OLD.status and NEW.status <> 'erased')
  execute function app_private.tg_users__no_colleague();

-- A brand that works has an owner: the first comes by invite_owner, and
-- one_owner.sql keeps the last. Locks the row it changes, as that trigger does.
create or replace function app_private.tg_brand_accounts__owned() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select 1 from app_public.brand_members m where m.brand_id = NEW.id and m.role = 'owner') then
    raise exception 'A brand needs an owner before it is active'
      using errcode = 'LASTO', column = 'status', hint = 'Invite an owner, and wait until the invitation is accepted';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_brand_accounts__owned() from public;
comment on function app_private.tg_brand_accounts__owned() is 'Refuses to make a brand active that has no owner (LASTO).';

create or replace trigger _200_owned before update of status on app_public.brand_accounts
  for each row when (NEW.status = 'active' and OLD.status <> 'active') execute function app_private.tg_brand_accounts__owned();

call app_private.audit_table('app_public.users', '{id}', '{}');
call app_private.audit_table('app_public.staff_members', '{user_id}');
call app_private.audit_table('app_public.brand_accounts', '{id}', '{}', 'id');
call app_private.audit_table('app_public.brand_members', '{brand_id,user_id}', '{}', 'brand_id');
call app_private.audit_table('app_public.brand_invitations', '{id}', '{}', 'brand_id');
call app_private.audit_table('app_public.wardrobe_categories', '{code}');
call app_private.audit_table('app_public.storage_objects', '{key}', '{sha256}', 'owner_brand_id');
call app_private.audit_table('app_public.products', '{id}', '{}', 'brand_id');
-- Staff see a wardrobe only with a reason (break_glass_wardrobe), so the trail,
-- which staff admins read without one, says that an item changed and not what it is.
call app_private.audit_table(
  'app_public.wardrobe_items', '{id}',
  '{product_id,category_code,name,brand_label,color,ai_tags,color_tags,image_key}'
);
call app_private.audit_table('app_public.item_embeddings', '{item_id}', '{embedding}');
call app_private.audit_table('app_public.category_mappings', '{id}', '{}', 'brand_id');
call app_private.audit_table('app_public.saved_views', '{id}', '{}', 'brand_id');
-- One row per batch: small beside the products of the batch.
call app_private.audit_table('app_public.import_runs', '{id}', '{}', 'brand_id');
--! EndIncluded functions/common/triggers.sql
--! Included functions/session/brand_people.sql
-- What members of a brand may know of each other. The view belongs to the bound
-- reader role, which row-level security and the fence filter as they filter the
-- caller; the base table stays closed to brand roles but for their own row.
drop view if exists app_public.brand_people;
create view app_public.brand_people with (security_barrier = true) as
  select m.brand_id, m.user_id, u.display_name, u.email, m.role, u.status, u.last_login_at,
    m.created_at, m.updated_at
  from app_public.brand_members m
  join app_public.users u on u.id = m.user_id;

grant create on schema app_public to :ROLE_READER;
alter view app_public.brand_people owner to :ROLE_READER;
revoke create on schema app_public from :ROLE_READER;

revoke all on app_public.brand_people from public;
grant select on app_public.brand_people to :ROLE_VIEWER;
comment on view app_public.brand_people is $$
@primaryKey brand_id,user_id
@foreignKey (brand_id) references app_public.brand_accounts (id)|@fieldName brand|@foreignFieldName people
@behavior -insert -update -delete
The people of the active brand: name, e-mail and role, and nothing else of their accounts.$$;
--! EndIncluded functions/session/brand_people.sql
--! Included functions/session/one_owner.sql
-- A brand never loses its last owner. Deferred, so that ownership can be handed
-- over in one transaction in either order. The brand row is locked first and the
-- owners are counted in the next statement, with a fresh snapshot: two owners
-- who resign at the same moment cannot both succeed.
create or replace function app_private.tg_brand_members__one_owner() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform 1 from app_public.brand_accounts where id = OLD.brand_id for update;
  if not found then
    return null;
  end if;
  if not exists (
    select 1 from app_public.brand_members where brand_id = OLD.brand_id and role = 'owner'
  ) then
    raise exception 'A brand needs at least one owner'
      using errcode = 'LASTO', column = 'role',
        hint = 'Make another member an owner first';
  end if;
  return null;
end
$$;
revoke execute on function app_private.tg_brand_members__one_owner() from public;
comment on function app_private.tg_brand_members__one_owner() is 'At commit: refuses to leave a brand without an owner (LASTO).';

drop trigger if exists _700_one_owner on app_public.brand_members;
create constraint trigger _700_one_owner
  after update of role or delete on app_public.brand_members
  deferrable initially deferred
  for each row when (OLD.role = 'owner')
  execute function app_private.tg_brand_members__one_owner();
--! EndIncluded functions/session/one_owner.sql
--! Included functions/catalogue/wardrobe.sql
-- A wardrobe item may only name a product its owner can see: a foreign key does
-- not look through row-level security, and would tell whether a hidden product
-- exists. Runs as the caller, so the caller's policies answer.
create or replace function app_private.tg_wardrobe_items__visible_product() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select 1 from app_public.products where id = NEW.product_id) then
    raise exception 'There is no such product'
      using errcode = 'NTFND', column = 'product_id', hint = 'Choose a product from the catalogue';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_wardrobe_items__visible_product() from public;
comment on function app_private.tg_wardrobe_items__visible_product() is 'Refuses a product the caller cannot see (NTFND).';

create or replace trigger _200_visible_product before insert or update of product_id on app_public.wardrobe_items
  for each row when (NEW.product_id is not null)
  execute function app_private.tg_wardrobe_items__visible_product();
--! EndIncluded functions/catalogue/wardrobe.sql
--! Included functions/catalogue/search.sql
-- Full-text search as a condition of the ordinary list: the fts column itself
-- is not exposed, so a list is narrowed through these functions. They run as the
-- caller; a tenant's policy narrows by brand_id first (the operator @@ is not
-- leakproof and uses no index below a policy with an expression).
drop function if exists app_public.search_products(text);
create function app_public.search_products(search text) returns setof app_public.products
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.* from (
    -- Ranking reads every match: a word that is in everything must not cost
    -- seconds. Whoever finds 2,000 products is better served by another word.
    select m.* from app_public.products m
    where m.fts @@ (websearch_to_tsquery('english', search) || websearch_to_tsquery('simple', search))
    limit 2000
  ) p
  order by ts_rank(p.fts, websearch_to_tsquery('english', search)) desc, p.created_at desc, p.id
$$;
comment on function app_public.search_products(text) is 'Products whose name, SKU, label, tags or colour match the words, best first, at most 2,000 of them. Understands "quoted phrases", or, and -minus.';
revoke execute on function app_public.search_products(text) from public;
grant execute on function app_public.search_products(text) to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;

drop function if exists app_public.search_wardrobe(text);
create function app_public.search_wardrobe(search text) returns setof app_public.wardrobe_items
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select w.* from app_public.wardrobe_items w
  where w.deleted_at is null
    and w.fts @@ (websearch_to_tsquery('english', search) || websearch_to_tsquery('simple', search))
  order by ts_rank(w.fts, websearch_to_tsquery('english', search)) desc, w.created_at desc, w.id
$$;
comment on function app_public.search_wardrobe(text) is 'The caller''s own wardrobe items whose name, label or tags match the words, best first.';
revoke execute on function app_public.search_wardrobe(text) from public;
grant execute on function app_public.search_wardrobe(text) to :ROLE_USER;
--! EndIncluded functions/catalogue/search.sql
--! Included functions/audit/break_glass.sql
-- Staff see no wardrobe. When a case needs it, they say why, and the owner's
-- items are handed out once, with an audit row that holds the reason. Images are
-- left out: the case is about the record, not the person's pictures.
drop function if exists app_public.break_glass_wardrobe(uuid, text);
create function app_public.break_glass_wardrobe(user_id uuid, reason text) returns setof app_public.wardrobe_items
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_reason text := btrim(coalesce(break_glass_wardrobe.reason, ''));
  v_item app_public.wardrobe_items;
begin
  -- A definer function checks its caller itself: the grant says which role, this
  -- says that the person still holds it.
  if not exists (
    select 1 from app_public.staff_members s
    join app_public.users u on u.id = s.user_id and u.status = 'active'
    where s.user_id = app_hidden.current_user_id() and s.role in ('support', 'privacy', 'admin')
  ) then
    raise exception 'You may not open a wardrobe'
      using errcode = 'DNIED', hint = 'Ask a member of support, privacy or administration';
  end if;
  if length(v_reason) < 10 or length(v_reason) > 500 then
    raise exception 'Say in 10 to 500 characters why you need to see this wardrobe'
      using errcode = 'INVAL', column = 'reason', hint = 'Name the case or ticket';
  end if;
  if not exists (select 1 from app_public.users u where u.id = break_glass_wardrobe.user_id) then
    raise exception 'There is no such person'
      using errcode = 'NTFND', column = 'user_id', hint = 'Check the id on the page of the person';
  end if;
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, reason, request_id)
  values
    ('staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(), 'break_glass_wardrobe',
     'wardrobe_items', break_glass_wardrobe.user_id::text, v_reason, app_hidden.current_request_id());
  for v_item in
    select w.* from app_public.wardrobe_items w
    where w.user_id = break_glass_wardrobe.user_id and w.deleted_at is null
    order by w.created_at desc, w.id
    limit 500
  loop
    v_item.image_key := null;
    return next v_item;
  end loop;
end
$$;
comment on function app_public.break_glass_wardrobe(uuid, text) is 'Up to 500 newest wardrobe items of a person, for staff with a reason (10 to 500 characters). Leaves an audit row. DNIED, INVAL, NTFND.';
revoke execute on function app_public.break_glass_wardrobe(uuid, text) from public;
grant execute on function app_public.break_glass_wardrobe(uuid, text) to :ROLE_STAFF_SUPPORT, :ROLE_STAFF_PRIVACY, :ROLE_STAFF_ADMIN;
--! EndIncluded functions/audit/break_glass.sql
--! Included functions/audit/row_history.sql
-- The history of a row, for whoever may select the row. A definer function sees
-- everything, so it asks first whether its caller would see this one: it puts
-- together the policies that bind the request's role, and they answer with the
-- request's own claims.
drop function if exists app_hidden.may_select_row(text, text);
create function app_hidden.may_select_row(table_name text, row_pk text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text := app_hidden.current_request_role();
  v_table oid;
  v_key text;
  v_permissive text;
  v_restrictive text;
  v_visible boolean;
begin
  select c.oid into v_table from pg_class c
  where c.relnamespace = 'app_public'::regnamespace and c.relname = may_select_row.table_name
    and c.relkind in ('r', 'p') and not c.relispartition;
  if v_table is null or v_role is null or not has_table_privilege(v_role, v_table, 'select') then
    return false;
  end if;
  -- The audit trail writes a key as its columns joined by a comma. Each part is
  -- turned back into its own type, so that the primary key's index is used.
  select string_agg(
    format('%I = (string_to_array($1, '',''))[%s]::%s', a.attname, k.position, format_type(a.atttypid, null)),
    ' and ' order by k.position
  ) into v_key
  from pg_index i
  cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, position)
  join pg_attribute a on a.attrelid = v_table and a.attnum = k.attnum
  where i.indrelid = v_table and i.indisprimary;
  select
    string_agg(format('(%s)', pg_get_expr(p.polqual, p.polrelid)), ' or ') filter (where p.polpermissive),
    string_agg(format('(%s)', pg_get_expr(p.polqual, p.polrelid)), ' and ') filter (where not p.polpermissive)
  into v_permissive, v_restrictive
  from pg_policy p
  where p.polrelid = v_table and p.polcmd in ('r', '*') and p.polqual is not null
    and exists (select 1 from unnest(p.polroles) g where g = 0 or pg_has_role(v_role, g, 'usage'));
  if v_key is null or v_permissive is null then
    return false;
  end if;
  execute format(
    'select exists (select 1 from app_public.%I where %s and (%s) and (%s))',
    may_select_row.table_name, v_key, v_permissive, coalesce(v_restrictive, 'true')
  ) into v_visible using may_select_row.row_pk;
  return v_visible;
exception when invalid_text_representation then
  -- "abc" is no uuid, so there is no such row.
  return false;
end
$$;
comment on function app_hidden.may_select_row(text, text) is 'Whether the policies of the request''s role let it select this row of app_public.';
revoke execute on function app_hidden.may_select_row(text, text) from public;

drop function if exists app_public.row_history(text, text);
create function app_public.row_history(
  table_name text, row_pk text,
  out id uuid, out occurred_at timestamptz, out action text, out actor_kind text, out actor_name text,
  out changed_columns text[], out diff jsonb, out reason text, out request_id text
) returns setof record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_brand_id uuid := app_hidden.current_brand_id();
  v_is_staff boolean := app_hidden.current_request_role() like ':ROLE_STAFF%';
begin
  if not app_hidden.may_select_row(row_history.table_name, row_history.row_pk) then
    raise exception 'There is no such record'
      using errcode = 'NTFND', hint = 'It may have been deleted, or it belongs to somebody else';
  end if;
  return query
    select l.id, l.occurred_at, l.action, l.actor_kind,
      case
        when l.actor_id is null then null
        when l.actor_kind = 'staff' and not v_is_staff then 'ClosetAI staff'
        -- A name is shown to whoever may see the person: staff, co-members, oneself.
        when v_is_staff or l.actor_id = app_hidden.current_user_id() or exists (
          select 1 from app_public.brand_members m where m.brand_id = v_brand_id and m.user_id = l.actor_id
        ) then (select coalesce(nullif(u.display_name, ''), u.email) from app_public.users u where u.id = l.actor_id)
      end,
      l.changed_columns, l.diff, l.reason, l.request_id
    from app_public.audit_log l
    where l.table_name = row_history.table_name and l.row_pk = row_history.row_pk
    order by l.occurred_at desc, l.id desc
    limit 200;
end
$$;
comment on function app_public.row_history(text, text) is 'The last 200 changes of a row, newest first, for whoever may select the row: who, when, and {column: [before, after]}. The key of a composite primary key is its parts joined by a comma. NTFND.';
revoke execute on function app_public.row_history(text, text) from public;
grant execute on function app_public.row_history(text, text) to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
--! EndIncluded functions/audit/row_history.sql
--! Included functions/common/constraint_messages.sql
-- What a person reads when a constraint refuses their change. The API's error
-- door reads the tag "@error CODE field sentence" from the constraint's comment;
-- the constraint's name itself never leaves. Other tags of the comment stay.
do $do$
declare
  v_message record;
  v_oid oid;
  v_comment text;
begin
  for v_message in values
    ('users', 'users_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('users', 'users_display_name_check', 'INVAL', 'display_name', 'A name has at most 100 characters and no blanks at its ends.'),
    ('users', 'users_email_check', 'INVAL', 'email', 'This is not an e-mail address.'),
    ('users', 'users_erased_at_check', 'STATE', 'status', 'Only the erasure of an account sets this status.'),
    ('users', 'users_timezone_check', 'INVAL', 'timezone', 'A time zone is a name such as Europe/Paris.'),
    ('users', 'users_anon_id_key', 'TAKEN', 'anon_id', 'This handle is already in use.'),
    ('users', 'users_email_key', 'TAKEN', 'email', 'This e-mail address already has an account.'),
    ('staff_members', 'staff_members_pkey', 'TAKEN', 'user_id', 'This person is already a member of staff.'),
    ('staff_members', 'staff_members_user_id_fkey', 'NTFND', 'user_id', 'There is no such person.'),
    ('brand_accounts', 'brand_accounts_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('brand_accounts', 'brand_accounts_k_min_check', 'INVAL', 'k_min', 'A published figure needs at least 11 people behind it.'),
    ('brand_accounts', 'brand_accounts_name_check', 'INVAL', 'name', 'A brand name has 1 to 120 characters and no blanks at its ends.'),
    ('brand_accounts', 'brand_accounts_slug_check', 'INVAL', 'slug', 'A slug has lower-case letters, digits and single hyphens, 63 at most.'),
    ('brand_accounts', 'brand_accounts_timezone_check', 'INVAL', 'timezone', 'A time zone is a name such as Europe/Paris.'),
    ('brand_accounts', 'brand_accounts_slug_key', 'TAKEN', 'slug', 'Another brand already has this slug.'),
    ('brand_members', 'brand_members_pkey', 'TAKEN', 'user_id', 'This person is already a member of the brand.'),
    ('brand_members', 'brand_members_brand_id_fkey', 'NTFND', 'brand_id', 'There is no such brand.'),
    ('brand_members', 'brand_members_invited_by_fkey', 'NTFND', 'invited_by', 'There is no such person.'),
    ('brand_members', 'brand_members_user_id_fkey', 'NTFND', 'user_id', 'There is no such person.'),
    ('brand_invitations', 'brand_invitations_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('brand_invitations', 'brand_invitations_email_check', 'INVAL', 'email', 'This is not an e-mail address.'),
    ('brand_invitations', 'brand_invitations_brand_id_fkey', 'NTFND', 'brand_id', 'There is no such brand.'),
    ('brand_invitations', 'brand_invitations_invited_by_fkey', 'NTFND', 'invited_by', 'There is no such person.'),
    ('brand_invitations', 'brand_invitations_id_brand_id_key', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('storage_objects', 'storage_objects_pkey', 'TAKEN', 'key', 'A file with this key already exists.'),
    ('storage_objects', 'storage_objects_available_check', 'STATE', 'status', 'A file is available once its bytes have arrived.'),
    ('storage_objects', 'storage_objects_bytes_check', 'INVAL', 'bytes', 'A size in bytes is not negative.'),
    ('storage_objects', 'storage_objects_content_type_check', 'INVAL', 'content_type', 'This is not a content type such as image/png.'),
    ('storage_objects', 'storage_objects_key_check', 'INVAL', 'key', 'This is not a valid file key.'),
    ('storage_objects', 'storage_objects_owner_check', 'INVAL', 'owner_brand_id', 'A file belongs to one person or one brand.'),
    ('storage_objects', 'storage_objects_sha256_check', 'INVAL', 'sha256', 'A SHA-256 has 32 bytes.'),
    ('storage_objects', 'storage_objects_owner_brand_id_fkey', 'NTFND', 'owner_brand_id', 'There is no such brand.'),
    ('storage_objects', 'storage_objects_owner_user_id_fkey', 'NTFND', 'owner_user_id', 'There is no such person.'),
    ('storage_objects', 'storage_objects_key_owner_brand_id_key', 'TAKEN', 'key', 'A file with this key already exists.'),
    ('storage_objects', 'storage_objects_key_owner_user_id_key', 'TAKEN', 'key', 'A file with this key already exists.'),
    ('products', 'products_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('products', 'products_brand_label_check', 'INVAL', 'brand_label', 'A label has 1 to 100 characters and no blanks at its ends.'),
    ('products', 'products_color_check', 'INVAL', 'color', 'A colour has 1 to 60 characters and no blanks at its ends.'),
    ('products', 'products_gender_check', 'INVAL', 'gender', 'This has 1 to 40 characters and no blanks at its ends.'),
    ('products', 'products_name_check', 'INVAL', 'name', 'A name has 1 to 200 characters and no blanks at its ends.'),
    ('products', 'products_price_currency_check', 'INVAL', 'currency', 'A price needs a currency, and a currency a price.'),
    ('products', 'products_price_minor_check', 'INVAL', 'price_minor', 'A price is not negative.'),
    ('products', 'products_season_check', 'INVAL', 'season', 'A season has 1 to 40 characters and no blanks at its ends.'),
    ('products', 'products_sku_check', 'INVAL', 'sku', 'A SKU has 1 to 64 characters and no blanks at its ends.'),
    ('products', 'products_tags_check', 'INVAL', 'tags', 'At most 50 tags, 2,000 characters in all.'),
    ('products', 'products_usage_check', 'INVAL', 'usage', 'A use has 1 to 60 characters and no blanks at its ends.'),
    ('products', 'products_year_check', 'INVAL', 'year', 'A year lies between 1900 and 2100.'),
    ('products', 'products_brand_id_fkey', 'NTFND', 'brand_id', 'There is no such brand.'),
    ('products', 'products_category_code_fkey', 'NTFND', 'category_code', 'There is no such category.'),
    ('products', 'products_currency_fkey', 'NTFND', 'currency', 'There is no such currency.'),
    ('products', 'products_image_key_brand_id_fkey', 'NTFND', 'image_key', 'There is no such image among the files of this brand.'),
    ('products', 'products_brand_id_id_key', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('products', 'products_brand_id_sku_key', 'TAKEN', 'sku', 'This SKU is already used in the catalogue of this brand.'),
    ('wardrobe_items', 'wardrobe_items_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('wardrobe_items', 'wardrobe_items_ai_tags_check', 'INVAL', 'ai_tags', 'At most 50 tags, 2,000 characters in all.'),
    ('wardrobe_items', 'wardrobe_items_color_tags_check', 'INVAL', 'color_tags', 'At most 50 tags, 2,000 characters in all.'),
    ('wardrobe_items', 'wardrobe_items_brand_label_check', 'INVAL', 'brand_label', 'A label has 1 to 100 characters and no blanks at its ends.'),
    ('wardrobe_items', 'wardrobe_items_color_check', 'INVAL', 'color', 'A colour has 1 to 60 characters and no blanks at its ends.'),
    ('wardrobe_items', 'wardrobe_items_name_check', 'INVAL', 'name', 'A name has 1 to 200 characters and no blanks at its ends.'),
    ('wardrobe_items', 'wardrobe_items_usage_count_check', 'INVAL', 'usage_count', 'A count is not negative.'),
    ('wardrobe_items', 'wardrobe_items_category_code_fkey', 'NTFND', 'category_code', 'There is no such category.'),
    ('wardrobe_items', 'wardrobe_items_image_key_user_id_fkey', 'NTFND', 'image_key', 'There is no such image among your files.'),
    ('wardrobe_items', 'wardrobe_items_product_id_fkey', 'NTFND', 'product_id', 'There is no such product.'),
    ('wardrobe_items', 'wardrobe_items_user_id_fkey', 'NTFND', 'user_id', 'There is no such person.'),
    ('wardrobe_items', 'wardrobe_items_id_user_id_key', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('item_embeddings', 'item_embeddings_pkey', 'TAKEN', 'item_id', 'This item already has a vector.'),
    ('item_embeddings', 'item_embeddings_embedding_check', 'INVAL', 'embedding', 'A vector has 768 finite numbers, not all zero.'),
    ('item_embeddings', 'item_embeddings_model_check', 'INVAL', 'model', 'A model name has 1 to 100 characters.'),
    ('item_embeddings', 'item_embeddings_item_id_user_id_fkey', 'NTFND', 'item_id', 'There is no such item in your wardrobe.'),
    ('category_mappings', 'category_mappings_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('category_mappings', 'category_mappings_label_check', 'INVAL', 'label', 'A label has 1 to 100 characters and no blanks at its ends.'),
    ('category_mappings', 'category_mappings_brand_id_fkey', 'NTFND', 'brand_id', 'There is no such brand.'),
    ('category_mappings', 'category_mappings_category_code_fkey', 'NTFND', 'category_code', 'There is no such category.'),
    ('import_runs', 'import_runs_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('import_runs', 'import_runs_counts_check', 'INVAL', 'processed_rows', 'The counts of an import must add up.'),
    ('import_runs', 'import_runs_filename_check', 'INVAL', 'filename', 'A file name has 1 to 255 characters.'),
    ('import_runs', 'import_runs_mapping_check', 'INVAL', 'mapping', 'A mapping is an object of field and column names.'),
    ('import_runs', 'import_runs_target_check', 'INVAL', 'target', 'This is not the name of a table.'),
    ('import_runs', 'import_runs_method_check', 'INVAL', 'method', 'A catalogue is imported into products; any other table by its columns.'),
    ('import_runs', 'import_runs_brand_id_fkey', 'NTFND', 'brand_id', 'There is no such brand.'),
    ('import_runs', 'import_runs_requested_by_fkey', 'NTFND', 'requested_by', 'There is no such person.'),
    ('import_runs', 'import_runs_rerun_of_brand_id_fkey', 'NTFND', 'rerun_of', 'There is no such import.'),
    ('import_runs', 'import_runs_storage_key_brand_id_fkey', 'NTFND', 'storage_key', 'The file of this import is gone.'),
    ('import_runs', 'import_runs_id_brand_id_key', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('import_refusals', 'import_refusals_pkey', 'TAKEN', 'line_no', 'This line is already on the list.'),
    ('import_refusals', 'import_refusals_run_id_brand_id_fkey', 'NTFND', 'run_id', 'There is no such import.'),
    ('audit_log', 'audit_log_pkey', 'TAKEN', 'id', 'A record with this id already exists.'),
    ('audit_log', 'audit_log_actor_kind_check', 'INVAL', 'actor_kind', 'This is not a kind of actor the audit trail knows.'),
    ('currencies', 'currencies_pkey', 'TAKEN', 'code', 'This code is already in use.'),
    ('currencies', 'currencies_code_check', 'INVAL', 'code', 'A currency code has three lower-case letters.'),
    ('currencies', 'currencies_exponent_check', 'INVAL', 'exponent', 'A currency has 0 to 4 decimal digits.'),
    ('category_defaults', 'category_defaults_pkey', 'TAKEN', 'label', 'This label already has a default category.'),
    ('category_defaults', 'category_defaults_label_check', 'INVAL', 'label', 'A label has 1 to 100 characters and no blanks at its ends.'),
    ('category_defaults', 'category_defaults_category_code_fkey', 'NTFND', 'category_code', 'There is no such category.'),
    ('wardrobe_categories', 'wardrobe_categories_pkey', 'TAKEN', 'code', 'This code is already in use.'),
    ('wardrobe_categories', 'wardrobe_categories_code_check', 'INVAL', 'code', 'A code has lower-case letters, digits and underscores, 2 to 31 of them, and starts with a letter.'),
    ('wardrobe_categories', 'wardrobe_categories_label_check', 'INVAL', 'label', 'A label has 1 to 60 characters and no blanks at its ends.')
  loop
    select c.oid into v_oid from pg_constraint c
    where c.conrelid = ('app_public.' || v_message.column1)::regclass and c.conname = v_message.column2;
    if v_oid is null then
      raise exception 'No constraint % on %', v_message.column2, v_message.column1
        using errcode = 'undefined_object', hint = 'Name it as the table does';
    end if;
    v_comment := regexp_replace(coalesce(obj_description(v_oid, 'pg_constraint'), ''), '@error [^\n]*\n?', '', 'g');
    execute format(
      'comment on constraint %I on app_public.%I is %L',
      v_message.column2, v_message.column1,
      format(E'@error %s %s %s\n', v_message.column3, v_message.column4, v_message.column5) || ltrim(v_comment, E'\n')
    );
  end loop;
end
$do$;

-- Unique rules that are indexes, because they are partial or over an expression.
comment on index app_public.brand_invitations_brand_id_email_key is $$
@error TAKEN email This person already has an open invitation to the brand.$$;
comment on index app_public.category_mappings_brand_id_label_key is $$
@error TAKEN label This label already has a category in your brand.$$;
comment on index app_public.category_defaults_label_lower_key is $$
@error TAKEN label This label already has a default category.$$;
--! EndIncluded functions/common/constraint_messages.sql
--! Included functions/auth/_passwords.sql
-- How a password becomes a hash. bcrypt reads 72 bytes and no more, so that two
-- long passwords with the same beginning would be one: a digest of the whole
-- password goes in instead.

drop function if exists app_private.hash_password(text);
create function app_private.hash_password(password text) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select app_extensions.crypt(
    encode(sha256(convert_to(hash_password.password, 'UTF8')), 'base64'),
    -- Cost 11 or more; a test reads it off a stored hash.
    app_extensions.gen_salt('bf', 11)
  )
$$;
revoke execute on function app_private.hash_password(text) from public;
comment on function app_private.hash_password(text) is 'The stored form of a password: bcrypt, cost 11, over a SHA-256 of it.';

drop function if exists app_private.verify_password(text, text);
create function app_private.verify_password(password text, password_hash text) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  -- Without a hash (nobody has this address, or no password was ever set) the
  -- same work is done against a hash nothing matches, so that the time an
  -- answer takes does not tell who exists.
  select app_extensions.crypt(
    encode(sha256(convert_to(coalesce(verify_password.password, ''), 'UTF8')), 'base64'),
    coalesce(verify_password.password_hash, '$2a$11$C6UzMDM.H6dfI/f/IKcEeO7ZXUoHYVJHUlWvUGLVMEuG1F9HGnmBO')
  ) = verify_password.password_hash is true
$$;
revoke execute on function app_private.verify_password(text, text) from public;
comment on function app_private.verify_password(text, text) is 'Whether the password fits the hash; takes as long when there is no hash.';

drop function if exists app_private.assert_new_password(text, text);
create function app_private.assert_new_password(password text, email text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if assert_new_password.password is null or length(assert_new_password.password) < 10 then
    raise exception 'The password needs at least 10 characters'
      using errcode = 'INVAL', column = 'password', hint = 'A few words in a row are easy to remember and hard to guess';
  end if;
  if length(assert_new_password.password) > 1000 then
    raise exception 'The password may have at most 1000 characters'
      using errcode = 'INVAL', column = 'password', hint = 'Choose a shorter one';
  end if;
  if lower(assert_new_password.password) = lower(assert_new_password.email) then
    raise exception 'The password must not be the e-mail address'
      using errcode = 'INVAL', column = 'password', hint = 'Choose something others do not know';
  end if;
end
$$;
revoke execute on function app_private.assert_new_password(text, text) from public;
comment on function app_private.assert_new_password(text, text) is 'Raises INVAL when a new password is too short, too long or the e-mail itself.';

drop function if exists app_private.store_password(uuid, text);
create function app_private.store_password(user_id uuid, password text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.user_secrets as s (user_id, password_hash, password_changed_at)
  values (store_password.user_id, app_private.hash_password(store_password.password), now())
  on conflict (user_id) do update
    set password_hash = excluded.password_hash,
        password_changed_at = excluded.password_changed_at,
        updated_at = now()
$$;
revoke execute on function app_private.store_password(uuid, text) from public;
comment on function app_private.store_password(uuid, text) is 'Hashes and keeps a password; the caller has checked who asks.';

drop function if exists app_private.note_password_change(uuid, text);
create function app_private.note_password_change(user_id uuid, action text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, request_id)
  values (
    'user', note_password_change.user_id, app_hidden.current_impersonator_id(), note_password_change.action,
    'users', note_password_change.user_id::text, app_hidden.current_request_id()
  )
$$;
revoke execute on function app_private.note_password_change(uuid, text) from public;
comment on function app_private.note_password_change(uuid, text) is 'Leaves the fact, never the password, in the audit trail: a person asks when it was changed.';
--! EndIncluded functions/auth/_passwords.sql
--! Included functions/auth/_tokens.sql
drop function if exists app_private.random_token();
create function app_private.random_token() returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  -- 256 bits, base64url.
  select rtrim(translate(encode(app_extensions.gen_random_bytes(32), 'base64'), '+/', '-_'), '=')
$$;
revoke execute on function app_private.random_token() from public;
comment on function app_private.random_token() is 'A one-time token of 256 random bits, safe in an address.';

drop function if exists app_private.token_hash(text);
create function app_private.token_hash(token text) returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select sha256(convert_to(token_hash.token, 'UTF8')) $$;
revoke execute on function app_private.token_hash(text) from public;
comment on function app_private.token_hash(text) is 'What is stored of a token; server/auth/token.ts computes the same.';
--! EndIncluded functions/auth/_tokens.sql
--! Included functions/auth/_sessions.sql
-- Opening, reading and ending sessions. Node makes the token and hashes it; the
-- database sees the SHA-256 only.

drop function if exists app_private.valid_session(bytea);
create function app_private.valid_session(session_hash bytea)
returns table (user_id uuid, active_brand_id uuid)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.user_id, s.active_brand_id
  from app_private.sessions as s
  join app_public.users as u on u.id = s.user_id
  where s.token_hash = valid_session.session_hash
    and s.revoked_at is null
    and s.expires_at > now()
    and s.last_seen_at > now() - interval '7 days'
    and u.status = 'active'
$$;
revoke execute on function app_private.valid_session(bytea) from public;
comment on function app_private.valid_session(bytea) is
  'The session, if it is neither revoked, idle for 7 days nor past its absolute end, and its person is active.';

drop function if exists app_private.membership_role(uuid, uuid);
create function app_private.membership_role(user_id uuid, brand_id uuid) returns app_public.brand_role
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select m.role
  from app_public.brand_members as m
  join app_public.brand_accounts as b on b.id = m.brand_id
  where m.user_id = membership_role.user_id
    and m.brand_id = membership_role.brand_id
    and b.status in ('onboarding', 'active')
$$;
revoke execute on function app_private.membership_role(uuid, uuid) from public;
comment on function app_private.membership_role(uuid, uuid) is 'What the person is in the brand; null when not a member or the brand is suspended or closed.';

drop function if exists app_private.open_session(uuid, bytea, uuid);
create function app_private.open_session(user_id uuid, session_hash bytea, brand_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brand_id uuid := open_session.brand_id;
begin
  -- Where people land: the brand they were last in; staff at the staff desk;
  -- otherwise the brand they joined first.
  if v_brand_id is null then
    select s.active_brand_id into v_brand_id
    from app_private.sessions as s
    where s.user_id = open_session.user_id
      and s.active_brand_id is not null
      and app_private.membership_role(s.user_id, s.active_brand_id) is not null
    order by s.last_seen_at desc
    limit 1;
  end if;
  if v_brand_id is null and not exists (select 1 from app_public.staff_members as t where t.user_id = open_session.user_id) then
    select m.brand_id into v_brand_id
    from app_public.brand_members as m
    where m.user_id = open_session.user_id
      and app_private.membership_role(m.user_id, m.brand_id) is not null
    order by m.created_at, m.brand_id
    limit 1;
  end if;
  insert into app_private.sessions (token_hash, user_id, active_brand_id, expires_at)
  values (open_session.session_hash, open_session.user_id, v_brand_id, now() + interval '30 days');
  update app_public.users as u set last_login_at = now() where u.id = open_session.user_id;
end
$$;
revoke execute on function app_private.open_session(uuid, bytea, uuid) from public;
comment on function app_private.open_session(uuid, bytea, uuid) is
  'Starts a session of 30 days at most (7 when idle), in the given brand or where the person was last.';

drop function if exists app_private.end_sessions(uuid);
create function app_private.end_sessions(user_id uuid) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  update app_private.sessions as s
  set revoked_at = now()
  where s.user_id = end_sessions.user_id and s.revoked_at is null
$$;
revoke execute on function app_private.end_sessions(uuid) from public;
comment on function app_private.end_sessions(uuid) is 'Signs the person out everywhere.';
--! EndIncluded functions/auth/_sessions.sql
--! Included functions/auth/settings.sql
-- Facts of the installation that functions read.

drop function if exists app_private.configure_mail(boolean);
create function app_private.configure_mail(delivers boolean) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.settings (key, value)
  values ('mail', to_jsonb(configure_mail.delivers))
  on conflict (key) do update set value = excluded.value, updated_at = now()
  where settings.value is distinct from excluded.value
$$;
revoke execute on function app_private.configure_mail(boolean) from public;
grant execute on function app_private.configure_mail(boolean) to :ROLE_APP;
comment on function app_private.configure_mail(boolean) is 'The server says at start whether it has a mail server; without one, links go to a person.';

drop function if exists app_private.mail_delivers();
create function app_private.mail_delivers() returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select s.value = 'true'::jsonb from app_private.settings as s where s.key = 'mail'), false)
$$;
revoke execute on function app_private.mail_delivers() from public;
comment on function app_private.mail_delivers() is 'Whether mails leave this installation.';

drop function if exists app_private.has_demo_accounts();
create function app_private.has_demo_accounts() returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- The seed says that it ran; and the sign-ins printed in the README, whose
  -- password everybody knows, count wherever they came from.
  select exists (select 1 from app_private.settings as s where s.key = 'demo') or exists (
    select 1 from app_public.users as u
    where u.email in (
      'staff@closetai.test', 'shopper@closetai.test', 'owner@maison-lumiere.test',
      'analyst@maison-lumiere.test', 'owner@northside-denim.test'
    )
  )
$$;
revoke execute on function app_private.has_demo_accounts() from public;
grant execute on function app_private.has_demo_accounts() to :ROLE_APP;
comment on function app_private.has_demo_accounts() is 'Whether the demo people are here; production refuses to start with them.';
--! EndIncluded functions/auth/settings.sql
--! Included functions/auth/resolve_actor.sql
-- Who is asking, answered from data on every request: a revoked membership, a
-- suspended person or an ended session has no effect after the next call.

drop function if exists app_private.resolve_actor(bytea, uuid, uuid);
create function app_private.resolve_actor(session_hash bytea, jwt_user_id uuid, jwt_brand_id uuid)
returns table (role text, user_id uuid, brand_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_brand_id uuid;
  v_brand_role app_public.brand_role;
  v_staff_role app_public.staff_role;
begin
  if resolve_actor.session_hash is not null then
    select s.user_id, s.active_brand_id into v_user_id, v_brand_id
    from app_private.valid_session(resolve_actor.session_hash) as s;
  else
    select u.id, resolve_actor.jwt_brand_id into v_user_id, v_brand_id
    from app_public.users as u
    where u.id = resolve_actor.jwt_user_id and u.status = 'active';
  end if;
  -- No row: the caller is nobody. A cookie then reads as signed out, a bearer
  -- token is refused.
  if v_user_id is null then
    return;
  end if;

  if resolve_actor.session_hash is not null then
    -- The idle clock is wound once a minute, not with every request.
    update app_private.sessions as s
    set last_seen_at = now()
    where s.token_hash = resolve_actor.session_hash
      and s.last_seen_at < now() - interval '1 minute';
  end if;

  if v_brand_id is not null then
    v_brand_role := app_private.membership_role(v_user_id, v_brand_id);
    if v_brand_role is null then
      -- A token that names a brand is good for that brand or for nothing; a
      -- session falls back to the person.
      if resolve_actor.session_hash is null then
        return;
      end if;
      v_brand_id := null;
    end if;
  end if;

  if v_brand_role is null then
    select t.role into v_staff_role from app_public.staff_members as t where t.user_id = v_user_id;
  end if;

  role := case
    when v_brand_role = 'viewer' then ':ROLE_VIEWER'
    when v_brand_role = 'analyst' then ':ROLE_ANALYST'
    when v_brand_role = 'manager' then ':ROLE_MANAGER'
    when v_brand_role = 'owner' then ':ROLE_BRAND_OWNER'
    when v_staff_role = 'support' then ':ROLE_STAFF_SUPPORT'
    when v_staff_role = 'finance' then ':ROLE_STAFF_FINANCE'
    when v_staff_role = 'privacy' then ':ROLE_STAFF_PRIVACY'
    when v_staff_role = 'admin' then ':ROLE_STAFF_ADMIN'
    else ':ROLE_USER'
  end;
  user_id := v_user_id;
  brand_id := v_brand_id;
  return next;
end
$$;
revoke execute on function app_private.resolve_actor(bytea, uuid, uuid) from public;
grant execute on function app_private.resolve_actor(bytea, uuid, uuid) to :ROLE_APP;
comment on function app_private.resolve_actor(bytea, uuid, uuid) is
  'Database role, person and active brand of a session or a verified token; no row when it stands for nobody.';

drop function if exists app_private.describe_person(uuid, uuid);
create function app_private.describe_person(user_id uuid, brand_id uuid) returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'user', jsonb_build_object(
      'id', u.id, 'email', u.email, 'displayName', u.display_name, 'timezone', u.timezone
    ),
    'staffRole', (select t.role from app_public.staff_members as t where t.user_id = u.id),
    'brands', coalesce((
      select jsonb_agg(
        jsonb_build_object('id', b.id, 'slug', b.slug, 'name', b.name, 'role', m.role)
        order by b.name, b.id
      )
      from app_public.brand_members as m
      join app_public.brand_accounts as b on b.id = m.brand_id
      where m.user_id = u.id and b.status in ('onboarding', 'active')
    ), '[]'::jsonb),
    'brandId', describe_person.brand_id
  )
  from app_public.users as u
  where u.id = describe_person.user_id
$$;
revoke execute on function app_private.describe_person(uuid, uuid) from public;
grant execute on function app_private.describe_person(uuid, uuid) to :ROLE_APP;
comment on function app_private.describe_person(uuid, uuid) is
  'What the admin shows of the signed-in person: name, staff role, the brands to switch between, the active one.';
--! EndIncluded functions/auth/resolve_actor.sql
--! Included functions/auth/sign_in.sql
-- Sign-in answers with an outcome instead of raising, because a raised error
-- would roll back the failure it has to count.
--
-- Nobody learns which addresses exist: unknown ones are counted and locked like
-- known ones, and both answers cost one bcrypt. The throttle row is locked
-- first, so that a burst of guesses is counted one by one.

drop function if exists app_private.check_credentials(text, text);
create function app_private.check_credentials(email text, password text)
returns table (outcome text, user_id uuid, retry_after_seconds integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  c_attempts constant integer := 10;
  c_lock constant interval := interval '15 minutes';
  v_email text := lower(btrim(check_credentials.email));
  v_throttle app_private.login_throttle;
  v_user_id uuid;
  v_password_hash text;
  v_fits boolean;
begin
  -- Longer than any address we store: not worth a throttle row.
  if v_email is null or length(v_email) not between 1 and 254 then
    perform app_private.verify_password(check_credentials.password, null);
    return query select 'LOGIN', null::uuid, null::integer;
    return;
  end if;

  insert into app_private.login_throttle as t (email) values (v_email) on conflict on constraint login_throttle_pkey do nothing;
  select t.* into v_throttle from app_private.login_throttle as t where t.email = v_email for update;

  if v_throttle.locked_until > clock_timestamp() then
    return query select 'LOCKD', null::uuid,
      ceil(extract(epoch from v_throttle.locked_until - clock_timestamp()))::integer;
    return;
  end if;

  select u.id, s.password_hash into v_user_id, v_password_hash
  from app_public.users as u
  left join app_private.user_secrets as s on s.user_id = u.id
  where u.email = v_email and u.status = 'active';
  v_fits := app_private.verify_password(check_credentials.password, v_password_hash);

  if v_user_id is not null and v_fits then
    delete from app_private.login_throttle as t where t.email = v_email;
    return query select 'OK', v_user_id, null::integer;
    return;
  end if;

  update app_private.login_throttle as t
  set failed_attempts = f.attempts,
      locked_until = case when f.attempts >= c_attempts then clock_timestamp() + c_lock end,
      updated_at = clock_timestamp()
  from (
    -- A lock that has run out starts the count anew.
    select case when v_throttle.locked_until is null then v_throttle.failed_attempts else 0 end + 1 as attempts
  ) as f
  where t.email = v_email;
  return query select 'LOGIN', null::uuid, null::integer;
end
$$;
revoke execute on function app_private.check_credentials(text, text) from public;
comment on function app_private.check_credentials(text, text) is
  'OK with the person, LOGIN, or LOCKD with the seconds to wait: 15 minutes after 10 failures in a row, for known and unknown addresses alike.';

drop function if exists app_private.sign_in(text, text, bytea, bytea);
create function app_private.sign_in(email text, password text, session_hash bytea, previous_session_hash bytea)
returns table (outcome text, user_id uuid, retry_after_seconds integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_check record;
begin
  select c.* into v_check from app_private.check_credentials(sign_in.email, sign_in.password) as c;
  if v_check.outcome = 'OK' then
    -- The session a browser came with ends here: its id may have been planted.
    update app_private.sessions as s set revoked_at = now()
    where s.token_hash = sign_in.previous_session_hash and s.revoked_at is null;
    perform app_private.open_session(v_check.user_id, sign_in.session_hash, null);
  end if;
  return query select v_check.outcome, v_check.user_id, v_check.retry_after_seconds;
end
$$;
revoke execute on function app_private.sign_in(text, text, bytea, bytea) from public;
grant execute on function app_private.sign_in(text, text, bytea, bytea) to :ROLE_APP;
comment on function app_private.sign_in(text, text, bytea, bytea) is
  'Checks the password and opens a new session; the outcome is OK, LOGIN or LOCKD.';

drop function if exists app_private.sign_out(bytea);
create function app_private.sign_out(session_hash bytea) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.sessions as s set revoked_at = now()
  where s.token_hash = sign_out.session_hash and s.revoked_at is null
$$;
revoke execute on function app_private.sign_out(bytea) from public;
grant execute on function app_private.sign_out(bytea) to :ROLE_APP;
comment on function app_private.sign_out(bytea) is 'Ends a session; an unknown one is no error.';

drop function if exists app_private.switch_brand(bytea, uuid);
create function app_private.switch_brand(session_hash bytea, brand_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  select s.user_id into v_user_id from app_private.valid_session(switch_brand.session_hash) as s;
  if v_user_id is null then
    raise exception 'You are not signed in' using errcode = 'LOGIN', hint = 'Sign in and try again';
  end if;
  -- One answer for "not a member" and "no such brand".
  if switch_brand.brand_id is not null and app_private.membership_role(v_user_id, switch_brand.brand_id) is null then
    raise exception 'You are not a member of this brand'
      using errcode = 'DNIED', hint = 'Ask an owner of the brand to invite you', column = 'brandId';
  end if;
  update app_private.sessions as s set active_brand_id = switch_brand.brand_id
  where s.token_hash = switch_brand.session_hash;
end
$$;
revoke execute on function app_private.switch_brand(bytea, uuid) from public;
grant execute on function app_private.switch_brand(bytea, uuid) to :ROLE_APP;
comment on function app_private.switch_brand(bytea, uuid) is
  'Makes a brand the active one of a session; null leaves the brand and acts as the person.';

drop function if exists app_private.change_password(bytea, text, text, bytea);
create function app_private.change_password(session_hash bytea, old_password text, new_password text, new_session_hash bytea)
returns table (outcome text, user_id uuid, retry_after_seconds integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_brand_id uuid;
  v_email text;
  v_check record;
begin
  select s.user_id, s.active_brand_id into v_user_id, v_brand_id
  from app_private.valid_session(change_password.session_hash) as s;
  if v_user_id is null then
    raise exception 'You are not signed in' using errcode = 'LOGIN', hint = 'Sign in and try again';
  end if;
  select u.email into v_email from app_public.users as u where u.id = v_user_id;
  perform app_private.assert_new_password(change_password.new_password, v_email);
  -- Counted like a sign-in: a borrowed session is no free guess.
  select c.* into v_check from app_private.check_credentials(v_email, change_password.old_password) as c;
  if v_check.outcome = 'OK' then
    perform app_private.store_password(v_user_id, change_password.new_password);
    perform app_private.note_password_change(v_user_id, 'change_password');
    perform app_private.end_sessions(v_user_id);
    perform app_private.open_session(v_user_id, change_password.new_session_hash, v_brand_id);
  end if;
  return query select v_check.outcome, v_check.user_id, v_check.retry_after_seconds;
end
$$;
revoke execute on function app_private.change_password(bytea, text, text, bytea) from public;
grant execute on function app_private.change_password(bytea, text, text, bytea) to :ROLE_APP;
comment on function app_private.change_password(bytea, text, text, bytea) is
  'Sets a new password after checking the old one, signs the person out everywhere and opens one new session.';
--! EndIncluded functions/auth/sign_in.sql
--! Included functions/auth/register_shopper.sql
drop function if exists app_public.register_shopper(text, text, text);
create function app_public.register_shopper(email text, password text, display_name text default '') returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text := lower(btrim(register_shopper.email));
  v_user_id uuid;
begin
  if v_email is null or length(v_email) > 254 or v_email !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' then
    raise exception 'This is not an e-mail address'
      using errcode = 'INVAL', column = 'email', hint = 'Write it as name@example.com';
  end if;
  perform app_private.assert_new_password(register_shopper.password, v_email);

  insert into app_public.users as u (email, display_name)
  values (v_email, coalesce(register_shopper.display_name, ''))
  on conflict on constraint users_email_key do nothing
  returning u.id into v_user_id;

  if v_user_id is null then
    -- Taken. The answer and its cost are those of a new account: whether an
    -- address is a customer is nobody's business.
    perform app_private.hash_password(register_shopper.password);
  else
    perform app_private.store_password(v_user_id, register_shopper.password);
  end if;
  return true;
end
$$;
revoke execute on function app_public.register_shopper(text, text, text) from public;
grant execute on function app_public.register_shopper(text, text, text) to :ROLE_ANONYMOUS;
comment on function app_public.register_shopper(text, text, text) is
  $$Makes an account for a shopper, who then signs in. The answer is the same when the address already has one; its password stays as it was.$$;
--! EndIncluded functions/auth/register_shopper.sql
--! Included functions/auth/password_reset.sql
-- A reset link is made when it is sent, never before: a token in plain text is
-- never stored, so "read the pending link" means "issue a new one".

drop function if exists app_private.request_password_reset(text);
create function app_private.request_password_reset(email text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  -- Asking again within a minute sends nothing more.
  insert into app_private.password_reset_requests as r (user_id)
  select u.id from app_public.users as u
  where u.email = lower(btrim(request_password_reset.email)) and u.status = 'active'
  on conflict (user_id) do update set requested_at = now()
  where r.requested_at < now() - interval '1 minute'
  returning r.user_id into v_user_id;

  if v_user_id is not null and app_private.mail_delivers() then
    perform app_private.enqueue_job('send_password_reset', json_build_object('userId', v_user_id));
  end if;
end
$$;
revoke execute on function app_private.request_password_reset(text) from public;
grant execute on function app_private.request_password_reset(text) to :ROLE_APP;
comment on function app_private.request_password_reset(text) is
  'Notes that somebody asked for a reset and queues the mail; the same answer whether or not the address is known.';

drop function if exists app_private.issue_password_reset(uuid, bytea);
create function app_private.issue_password_reset(user_id uuid, token_hash bytea)
returns table (email text, display_name text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  select u.email, u.display_name into issue_password_reset.email, issue_password_reset.display_name
  from app_public.users as u
  where u.id = issue_password_reset.user_id and u.status = 'active' and u.email is not null;
  if not found then
    return;
  end if;
  insert into app_private.password_resets (token_hash, user_id, expires_at)
  values (issue_password_reset.token_hash, issue_password_reset.user_id, now() + interval '1 hour');
  return next;
end
$$;
revoke execute on function app_private.issue_password_reset(uuid, bytea) from public;
grant execute on function app_private.issue_password_reset(uuid, bytea) to :ROLE_WORKER;
comment on function app_private.issue_password_reset(uuid, bytea) is
  'Stores the hash of a new one-hour reset token and says whom to mail; no row when the person is gone or suspended.';

drop function if exists app_private.reset_password(bytea, text);
create function app_private.reset_password(token_hash bytea, password text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_email text;
begin
  select r.user_id, u.email into v_user_id, v_email
  from app_private.password_resets as r
  join app_public.users as u on u.id = r.user_id
  where r.token_hash = reset_password.token_hash
    and r.used_at is null
    and r.expires_at > now()
    and u.status = 'active'
  for update of r;
  if v_user_id is null then
    raise exception 'This link has been used or has expired'
      using errcode = 'EXPRD', hint = 'Ask for a new one on the sign-in page';
  end if;
  perform app_private.assert_new_password(reset_password.password, v_email);
  perform app_private.store_password(v_user_id, reset_password.password);
  perform app_private.note_password_change(v_user_id, 'reset_password');
  -- Every other link of this person dies with this one.
  update app_private.password_resets as r set used_at = now() where r.user_id = v_user_id and r.used_at is null;
  delete from app_private.password_reset_requests as q where q.user_id = v_user_id;
  delete from app_private.login_throttle as t where t.email = v_email;
  perform app_private.end_sessions(v_user_id);
end
$$;
revoke execute on function app_private.reset_password(bytea, text) from public;
grant execute on function app_private.reset_password(bytea, text) to :ROLE_APP;
comment on function app_private.reset_password(bytea, text) is
  'Sets a new password by a one-time token and signs the person out everywhere; EXPRD when used or too old.';
--! EndIncluded functions/auth/password_reset.sql
--! Included functions/auth/staff_password_reset.sql
-- Without a mail server somebody has to hand the link over: staff support, who
-- has made sure of the person by other means. Each link leaves an audit row.

drop function if exists app_hidden.assert_may_reset(uuid);
create function app_hidden.assert_may_reset(user_id uuid) returns void
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role app_public.staff_role;
begin
  -- A definer function checks its caller itself: the grant says which role,
  -- this says that the person still holds it.
  select t.role into v_role
  from app_public.staff_members as t
  join app_public.users as u on u.id = t.user_id and u.status = 'active'
  where t.user_id = app_hidden.current_user_id();
  if v_role is null or v_role not in ('support', 'admin') then
    raise exception 'You may not reset passwords'
      using errcode = 'DNIED', hint = 'Ask a member of staff support';
  end if;
  -- Support must not become an administrator by resetting one's password.
  if v_role <> 'admin' and exists (
    select 1 from app_public.staff_members as t where t.user_id = assert_may_reset.user_id
  ) then
    raise exception 'You may not reset the password of a colleague'
      using errcode = 'DNIED', hint = 'Ask a staff administrator';
  end if;
end
$$;
revoke execute on function app_hidden.assert_may_reset(uuid) from public;
comment on function app_hidden.assert_may_reset(uuid) is 'Raises DNIED unless the caller is staff who may reset this person''s password.';

drop function if exists app_public.issue_password_reset_link(uuid);
create function app_public.issue_password_reset_link(user_id uuid) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token text := app_private.random_token();
begin
  perform app_hidden.assert_may_reset(issue_password_reset_link.user_id);
  perform 1 from app_private.issue_password_reset(issue_password_reset_link.user_id, app_private.token_hash(v_token));
  if not found then
    raise exception 'This person cannot sign in'
      using errcode = 'NTFND', column = 'userId', hint = 'Only an active person with an e-mail address can get a link';
  end if;
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, request_id)
  values (
    'staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(), 'issue_password_reset_link',
    'users', issue_password_reset_link.user_id::text, app_hidden.current_request_id()
  );
  return v_token;
end
$$;
revoke execute on function app_public.issue_password_reset_link(uuid) from public;
grant execute on function app_public.issue_password_reset_link(uuid) to :ROLE_STAFF_SUPPORT, :ROLE_STAFF_ADMIN;
comment on function app_public.issue_password_reset_link(uuid) is
  'A one-time token, good for one hour, with which a person sets a new password at /admin/reset-password#token=…. Shown once, stored as a hash, audited.';

drop function if exists app_public.password_reset_requests();
create function app_public.password_reset_requests()
returns table (user_id uuid, email text, display_name text, requested_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.user_id, u.email, u.display_name, r.requested_at
  from app_private.password_reset_requests as r
  join app_public.users as u on u.id = r.user_id
  where exists (
    select 1
    from app_public.staff_members as t
    join app_public.users as s on s.id = t.user_id and s.status = 'active'
    where t.user_id = (select app_hidden.current_user_id()) and t.role in ('support', 'admin')
  )
  order by r.requested_at desc, r.user_id
  limit 500
$$;
revoke execute on function app_public.password_reset_requests() from public;
grant execute on function app_public.password_reset_requests() to :ROLE_STAFF_SUPPORT, :ROLE_STAFF_ADMIN;
comment on function app_public.password_reset_requests() is
  'Who asked for a new password and has not set one yet, newest first.';
--! EndIncluded functions/auth/staff_password_reset.sql
--! Included functions/auth/invitations.sql
-- Inviting runs as the member: policies decide who may invite whom. Only the
-- one-time link needs more rights, and takes them for one invitation the caller
-- could have made.

drop function if exists app_private.hand_out_invitation(uuid);
create function app_private.hand_out_invitation(invitation_id uuid) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token text;
begin
  -- With a mail server the link goes to the invited address alone, made when
  -- the mail is sent. Without one, the inviter copies it.
  if app_private.mail_delivers() then
    perform app_private.enqueue_job(
      'send_invitation', json_build_object('invitationId', hand_out_invitation.invitation_id),
      'send_invitation:' || hand_out_invitation.invitation_id
    );
    return null;
  end if;
  v_token := app_private.random_token();
  insert into app_private.invitation_secrets as s (invitation_id, token_hash)
  values (hand_out_invitation.invitation_id, app_private.token_hash(v_token))
  on conflict on constraint invitation_secrets_pkey do update set token_hash = excluded.token_hash;
  return v_token;
end
$$;
revoke execute on function app_private.hand_out_invitation(uuid) from public;
comment on function app_private.hand_out_invitation(uuid) is
  'Queues the mail of an invitation, or returns a new one-time token where no mail leaves; the caller has checked who asks.';

drop function if exists app_hidden.issue_invitation_token(uuid);
create function app_hidden.issue_invitation_token(invitation_id uuid) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.brand_invitations;
begin
  select i.* into v_invitation
  from app_public.brand_invitations as i
  where i.id = issue_invitation_token.invitation_id
    and i.brand_id = app_hidden.current_brand_id()
    and i.accepted_at is null
    and (
      app_hidden.current_request_role() = ':ROLE_BRAND_OWNER'
      or (app_hidden.current_request_role() = ':ROLE_MANAGER' and i.role < 'manager')
    );
  if not found then
    raise exception 'There is no such invitation'
      using errcode = 'NTFND', hint = 'It may have been accepted or taken back';
  end if;
  if exists (
    select 1
    from app_public.brand_members as m
    join app_public.users as u on u.id = m.user_id
    where m.brand_id = v_invitation.brand_id and u.email = v_invitation.email
  ) then
    raise exception 'This person is a member already'
      using errcode = 'TAKEN', column = 'email', hint = 'Change the role in the list of members';
  end if;

  return app_private.hand_out_invitation(v_invitation.id);
end
$$;
revoke execute on function app_hidden.issue_invitation_token(uuid) from public;
grant execute on function app_hidden.issue_invitation_token(uuid) to :ROLE_MANAGER;
comment on function app_hidden.issue_invitation_token(uuid) is
  'Queues the mail of an invitation, or returns its one-time token where no mail leaves; earlier links stop working.';

drop function if exists app_public.invite_member(text, app_public.brand_role);
create function app_public.invite_member(
  email text,
  role app_public.brand_role,
  out invitation_id uuid,
  out token text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.brand_invitations as i (brand_id, email, role, invited_by)
  values (
    app_hidden.current_brand_id(), lower(btrim(invite_member.email)), invite_member.role, app_hidden.current_user_id()
  )
  returning i.id into invitation_id;
  token := app_hidden.issue_invitation_token(invitation_id);
end
$$;
revoke execute on function app_public.invite_member(text, app_public.brand_role) from public;
grant execute on function app_public.invite_member(text, app_public.brand_role) to :ROLE_MANAGER;
comment on function app_public.invite_member(text, app_public.brand_role) is
  'Invites an address to the active brand for 7 days. Managers invite viewers and analysts, owners anyone. The token belongs to /admin/accept-invite#token=… and is shown once; it is null when a mail was sent instead.';

-- The first owner of a new brand has nobody in it to invite them: staff does.
-- Only while there is no owner, so that staff cannot add people to a brand at work.
drop function if exists app_public.invite_owner(uuid, text);
create function app_public.invite_owner(
  brand_id uuid,
  email text,
  out invitation_id uuid,
  out token text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_status app_public.brand_status;
begin
  -- A definer function checks its caller itself: the grant says which role, this
  -- says that the person still holds it.
  if not exists (
    select 1 from app_public.staff_members s
    join app_public.users u on u.id = s.user_id and u.status = 'active'
    where s.user_id = app_hidden.current_user_id()
  ) then
    raise exception 'You may not invite owners'
      using errcode = 'DNIED', hint = 'Ask a member of staff';
  end if;
  -- Two invitations at once to one brand wait for each other here.
  select b.status into v_status from app_public.brand_accounts b where b.id = invite_owner.brand_id for update;
  if not found then
    raise exception 'There is no such brand' using errcode = 'NTFND', column = 'brand_id', hint = 'Choose one from the list of brands';
  end if;
  if v_status not in ('onboarding', 'active') then
    raise exception 'This brand is suspended or closed'
      using errcode = 'STATE', column = 'brand_id', hint = 'Set it back to onboarding first';
  end if;
  if exists (select 1 from app_public.brand_members m where m.brand_id = invite_owner.brand_id and m.role = 'owner') then
    raise exception 'This brand has an owner, who invites everybody else'
      using errcode = 'STATE', column = 'brand_id', hint = 'Ask an owner of the brand';
  end if;
  -- Asked again for the same address: a new link, and the old one ends.
  insert into app_public.brand_invitations as i (brand_id, email, role, invited_by)
  values (invite_owner.brand_id, lower(btrim(invite_owner.email)), 'owner', app_hidden.current_user_id())
  on conflict (brand_id, email) where accepted_at is null do update
    set role = 'owner', expires_at = now() + interval '7 days', invited_by = excluded.invited_by
  returning i.id into invitation_id;
  token := app_private.hand_out_invitation(invitation_id);
end
$$;
revoke execute on function app_public.invite_owner(uuid, text) from public;
grant execute on function app_public.invite_owner(uuid, text) to :ROLE_STAFF;
comment on function app_public.invite_owner(uuid, text) is
  'Invites the first owner of a brand, for 7 days; for staff, and only while the brand has no owner. The token belongs to /admin/accept-invite#token=… and is shown once; it is null when a mail was sent instead. DNIED, NTFND, STATE, INVAL.';

drop function if exists app_public.renew_invitation(uuid);
create function app_public.renew_invitation(
  invitation_id uuid,
  out token text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.brand_invitations as i
  set expires_at = now() + interval '7 days'
  where i.id = renew_invitation.invitation_id and i.accepted_at is null;
  if not found then
    raise exception 'There is no such invitation'
      using errcode = 'NTFND', hint = 'It may have been accepted or taken back';
  end if;
  token := app_hidden.issue_invitation_token(renew_invitation.invitation_id);
end
$$;
revoke execute on function app_public.renew_invitation(uuid) from public;
grant execute on function app_public.renew_invitation(uuid) to :ROLE_MANAGER;
comment on function app_public.renew_invitation(uuid) is
  'Makes a new link of a pending invitation, good for 7 days, and ends the old one. The token is null when a mail was sent instead.';

drop function if exists app_private.issue_invitation(uuid, bytea);
create function app_private.issue_invitation(invitation_id uuid, token_hash bytea)
returns table (email text, brand_name text, role text, inviter_name text)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with pending as (
    select i.id, i.email, i.role, i.brand_id, i.invited_by
    from app_public.brand_invitations as i
    where i.id = issue_invitation.invitation_id and i.accepted_at is null and i.expires_at > now()
  ), secret as (
    insert into app_private.invitation_secrets (invitation_id, token_hash)
    select p.id, issue_invitation.token_hash from pending as p
    on conflict on constraint invitation_secrets_pkey do update set token_hash = excluded.token_hash
  )
  select p.email, b.name, p.role::text, u.display_name
  from pending as p
  join app_public.brand_accounts as b on b.id = p.brand_id
  left join app_public.users as u on u.id = p.invited_by
$$;
revoke execute on function app_private.issue_invitation(uuid, bytea) from public;
grant execute on function app_private.issue_invitation(uuid, bytea) to :ROLE_WORKER;
comment on function app_private.issue_invitation(uuid, bytea) is
  'Stores the hash of a new token of a pending invitation and says what the mail needs; no row when it is gone.';

drop function if exists app_private.pending_invitation(bytea);
create function app_private.pending_invitation(token_hash bytea)
returns table (invitation_id uuid, brand_id uuid, brand_name text, email text, role app_public.brand_role, invited_by uuid, user_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select i.id, i.brand_id, b.name, i.email, i.role, i.invited_by, u.id
  from app_private.invitation_secrets as s
  join app_public.brand_invitations as i on i.id = s.invitation_id
  join app_public.brand_accounts as b on b.id = i.brand_id and b.status in ('onboarding', 'active')
  left join app_public.users as u on u.email = i.email
  where s.token_hash = pending_invitation.token_hash
    and i.accepted_at is null
    and i.expires_at > now()
    -- An address whose person is suspended or erased cannot come in this way.
    and (u.id is null or u.status = 'active')
$$;
revoke execute on function app_private.pending_invitation(bytea) from public;
grant execute on function app_private.pending_invitation(bytea) to :ROLE_APP;
comment on function app_private.pending_invitation(bytea) is 'What the holder of an invitation link is invited to; no row when it is used, taken back or too old.';

drop function if exists app_private.accept_invitation(bytea, bytea, text, text, bytea);
create function app_private.accept_invitation(
  token_hash bytea, session_hash bytea, display_name text, password text, new_session_hash bytea
) returns table (user_id uuid, brand_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_pending record;
  v_user_id uuid;
begin
  -- The row lock lets one of two simultaneous acceptances through.
  perform 1
  from app_private.invitation_secrets as s
  where s.token_hash = accept_invitation.token_hash
  for update;
  select p.* into v_pending from app_private.pending_invitation(accept_invitation.token_hash) as p;
  if v_pending.invitation_id is null then
    raise exception 'This invitation has been used, taken back or has expired'
      using errcode = 'EXPRD', hint = 'Ask the person who invited you for a new link';
  end if;

  v_user_id := v_pending.user_id;
  if v_user_id is not null then
    -- The link alone is no proof of being the person: it may have been copied
    -- by the inviter.
    if not exists (
      select 1 from app_private.valid_session(accept_invitation.session_hash) as s where s.user_id = v_user_id
    ) then
      raise exception 'Sign in as % to accept this invitation', v_pending.email
        using errcode = 'LOGIN', hint = 'Then open the link again';
    end if;
  else
    perform app_private.assert_new_password(accept_invitation.password, v_pending.email);
    insert into app_public.users as u (email, display_name)
    values (v_pending.email, coalesce(btrim(accept_invitation.display_name), ''))
    returning u.id into v_user_id;
    perform app_private.store_password(v_user_id, accept_invitation.password);
  end if;

  -- From here on the audit trail names the person who accepted.
  perform set_config('app.user_id', v_user_id::text, true);
  insert into app_public.brand_members as m (brand_id, user_id, role, invited_by)
  values (v_pending.brand_id, v_user_id, v_pending.role, v_pending.invited_by)
  on conflict on constraint brand_members_pkey do nothing;
  update app_public.brand_invitations as i set accepted_at = now() where i.id = v_pending.invitation_id;
  delete from app_private.invitation_secrets as s where s.invitation_id = v_pending.invitation_id;

  update app_private.sessions as s set revoked_at = now()
  where s.token_hash = accept_invitation.session_hash and s.revoked_at is null;
  perform app_private.open_session(v_user_id, accept_invitation.new_session_hash, v_pending.brand_id);
  return query select v_user_id, v_pending.brand_id;
end
$$;
revoke execute on function app_private.accept_invitation(bytea, bytea, text, text, bytea) from public;
grant execute on function app_private.accept_invitation(bytea, bytea, text, text, bytea) to :ROLE_APP;
comment on function app_private.accept_invitation(bytea, bytea, text, text, bytea) is
  'Makes the invited person a member, with a new account where the address has none, and opens a session in the brand. EXPRD, LOGIN, INVAL.';
--! EndIncluded functions/auth/invitations.sql
--! Included functions/auth/appoint_staff.sql
-- The first person of an installation cannot be invited by anybody: whoever
-- holds the owner's login appoints staff. Granted to no other role.
drop function if exists app_private.appoint_staff(text, app_public.staff_role, bytea);
create function app_private.appoint_staff(email text, role app_public.staff_role, token_hash bytea) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  insert into app_public.users as u (email) values (lower(btrim(appoint_staff.email)))
  on conflict on constraint users_email_key do update set email = excluded.email
  returning u.id into v_user_id;
  insert into app_public.staff_members as t (user_id, role) values (v_user_id, appoint_staff.role)
  on conflict on constraint staff_members_pkey do update set role = excluded.role;
  if not exists (select 1 from app_private.issue_password_reset(v_user_id, appoint_staff.token_hash)) then
    raise exception 'This person is suspended or erased'
      using errcode = 'STATE', column = 'email', hint = 'Use another address, or make the person active again';
  end if;
  return v_user_id;
end
$$;
revoke execute on function app_private.appoint_staff(text, app_public.staff_role, bytea) from public;
comment on function app_private.appoint_staff(text, app_public.staff_role, bytea) is
  'Makes a person staff, with an account where the address has none, and stores the hash of a one-hour link to set a password.';
--! EndIncluded functions/auth/appoint_staff.sql
--! Included functions/auth/clean_up.sql
drop function if exists app_private.clean_up();
create function app_private.clean_up() returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_result jsonb := '{}';
  v_count bigint;
begin
  -- Ended sessions stay for a day, so that "where was I last" survives a
  -- sign-out in the evening; the newest of a person stays for good.
  delete from app_private.sessions as s
  where (s.revoked_at < now() - interval '1 day' or s.expires_at < now() - interval '1 day'
      or s.last_seen_at < now() - interval '8 days')
    and exists (
      select 1 from app_private.sessions as n
      where n.user_id = s.user_id and n.token_hash <> s.token_hash and n.last_seen_at > s.last_seen_at
    );
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('sessions', v_count);

  delete from app_private.password_resets as r where r.expires_at < now() - interval '1 day';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('passwordResets', v_count);

  delete from app_private.password_reset_requests as q where q.requested_at < now() - interval '14 days';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('passwordResetRequests', v_count);

  delete from app_private.login_throttle as t where t.updated_at < now() - interval '1 day';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('signInFailures', v_count);

  delete from app_private.idempotency_keys as k where k.expires_at < now();
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('idempotencyKeys', v_count);
  return v_result;
end
$$;
revoke execute on function app_private.clean_up() from public;
grant execute on function app_private.clean_up() to :ROLE_WORKER;
comment on function app_private.clean_up() is 'Deletes what has run out: sessions, reset links and requests, sign-in failures, idempotency keys. Returns counts.';
--! EndIncluded functions/auth/clean_up.sql
--! Included functions/storage/uploads.sql
-- An upload in three steps: the caller, under the caller's policies, makes the
-- row and gets a key; the bytes arrive by a signed link; the server marks the
-- row. Keys are made here, never by a client.

drop function if exists app_hidden.create_upload(app_public.storage_kind, text, bigint);
create function app_hidden.create_upload(kind app_public.storage_kind, content_type text, bytes bigint) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_extension text := case create_upload.content_type
    when 'image/png' then 'png'
    when 'image/jpeg' then 'jpg'
    when 'image/webp' then 'webp'
    when 'image/gif' then 'gif'
  end;
  v_brand_id uuid := app_hidden.current_brand_id();
  v_key text;
begin
  -- SVG is a program that a browser runs: never stored.
  if v_extension is null then
    raise exception 'This kind of file cannot be uploaded'
      using errcode = 'INVAL', column = 'contentType', hint = 'Use a PNG, JPEG, WebP or GIF picture';
  end if;
  if create_upload.kind not in ('garment', 'selfie') then
    raise exception 'Pictures of garments and selfies are uploaded here, nothing else'
      using errcode = 'INVAL', column = 'kind', hint = 'Use garment or selfie';
  end if;
  if create_upload.bytes is null or create_upload.bytes < 1 then
    raise exception 'The file is empty'
      using errcode = 'INVAL', column = 'bytes', hint = 'Choose another file';
  end if;
  -- 122 random bits: a key is not a secret, and still cannot be guessed.
  v_key := create_upload.kind::text || '/' || to_char(now() at time zone 'UTC', 'YYYY/MM') || '/'
    || gen_random_uuid()::text || '.' || v_extension;
  insert into app_public.storage_objects (key, owner_brand_id, owner_user_id, kind, content_type, bytes)
  values (
    v_key, v_brand_id, case when v_brand_id is null then app_hidden.current_user_id() end,
    create_upload.kind, create_upload.content_type, create_upload.bytes
  );
  return v_key;
end
$$;
revoke execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) from public;
grant execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) to :ROLE_USER, :ROLE_MANAGER;
comment on function app_hidden.create_upload(app_public.storage_kind, text, bigint) is
  'Registers a picture that is about to be uploaded, for the active brand or else the person, and returns its key.';

drop function if exists app_private.complete_upload(text, bigint, bytea);
create function app_private.complete_upload(key text, bytes bigint, sha256 bytea) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with done as (
    update app_public.storage_objects as o
    set status = 'available', bytes = complete_upload.bytes, sha256 = complete_upload.sha256
    where o.key = complete_upload.key and o.status = 'pending'
    returning 1
  )
  select exists (select 1 from done)
$$;
revoke execute on function app_private.complete_upload(text, bigint, bytea) from public;
grant execute on function app_private.complete_upload(text, bigint, bytea) to :ROLE_APP;
comment on function app_private.complete_upload(text, bigint, bytea) is
  'Marks a pending file as arrived; false when there is none, so that a key is written once.';

drop function if exists app_private.claim_expired_uploads(integer);
create function app_private.claim_expired_uploads(batch integer) returns setof text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  -- What never arrived, what is past its retention, and what an earlier round
  -- began: the row turns "deleting" first, the bytes go next, the row last. A
  -- crash in between is picked up by the next round.
  update app_public.storage_objects as o
  set status = 'deleting'
  where o.key in (
    select c.key
    from app_public.storage_objects as c
    where (
        (c.status = 'pending' and c.created_at < now() - interval '1 day')
        or (c.status = 'available' and c.retention_until < now())
        or c.status = 'deleting'
      )
      and not exists (select 1 from app_public.products as p where p.image_key = c.key)
      and not exists (select 1 from app_public.wardrobe_items as w where w.image_key = c.key)
      and not exists (select 1 from app_public.import_runs as r where r.storage_key = c.key)
    order by c.created_at
    limit claim_expired_uploads.batch
    for update skip locked
  )
  returning o.key
$$;
revoke execute on function app_private.claim_expired_uploads(integer) from public;
grant execute on function app_private.claim_expired_uploads(integer) to :ROLE_WORKER;
comment on function app_private.claim_expired_uploads(integer) is
  'Marks up to so many unneeded files as being deleted and returns their keys.';

drop function if exists app_private.forget_upload(text);
create function app_private.forget_upload(key text) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from app_public.storage_objects as o where o.key = forget_upload.key and o.status = 'deleting'
$$;
revoke execute on function app_private.forget_upload(text) from public;
grant execute on function app_private.forget_upload(text) to :ROLE_WORKER;
comment on function app_private.forget_upload(text) is 'Removes the row of a file whose bytes are gone.';
--! EndIncluded functions/storage/uploads.sql
--! Included functions/import/category_defaults.sql
-- What the article types of public fashion catalogues mean, for everybody who
-- has said nothing else. Compared without case. What no try-on can show stays
-- out on purpose and is refused by name: sandals, flip flops, flats and formal
-- shoes (no such tracking), swimwear, underwear and sleepwear, whole outfits
-- (sarees, suits, tracksuits), cosmetics, fragrance, balls and bottles. A brand
-- that sees it otherwise adds a mapping of its own.
--
-- Nothing refers to these rows, so the list is replaced as a whole.
delete from app_public.category_defaults;

insert into app_public.category_defaults (category_code, label)
select d.category_code, d.label
from (values
  ('tops', array[
    'Tshirts', 'T-Shirts', 'T-Shirt', 'Tshirt', 'Tee', 'Tees', 'Shirts', 'Shirt', 'Tops', 'Top', 'Sweatshirts',
    'Sweatshirt', 'Hoodies', 'Hoodie', 'Sweaters', 'Sweater', 'Pullovers', 'Pullover', 'Jumpers', 'Cardigans',
    'Cardigan', 'Knitwear', 'Polos', 'Polo Shirts', 'Blouses', 'Blouse', 'Tank Tops', 'Camisoles', 'Tunics', 'Tunic',
    'Kurtas', 'Kurta', 'Kurtis', 'Kurti', 'Lounge Tshirts', 'Jerseys', 'Shrug', 'Shrugs'
  ]),
  ('jackets', array[
    'Jackets', 'Jacket', 'Rain Jacket', 'Rain Jackets', 'Nehru Jackets', 'Blazers', 'Blazer', 'Coats', 'Coat',
    'Overcoats', 'Trench Coats', 'Parkas', 'Parka', 'Waistcoat', 'Waistcoats', 'Gilets', 'Windcheaters', 'Outerwear'
  ]),
  ('bottoms', array[
    'Track Pants', 'Shorts', 'Capris', 'Trousers', 'Jeans', 'Skirts', 'Skirt', 'Pants', 'Chinos', 'Joggers',
    'Cargos', 'Leggings', 'Jeggings', 'Tights', 'Lounge Pants', 'Lounge Shorts', 'Rain Trousers', 'Churidar',
    'Salwar', 'Patiala', 'Palazzos', 'Culottes', 'Bermudas', 'Sweatpants'
  ]),
  ('dresses', array['Dresses', 'Dress', 'Gowns', 'Gown', 'Jumpsuit', 'Jumpsuits', 'Rompers', 'Romper', 'Playsuits']),
  ('bags', array[
    'Backpacks', 'Backpack', 'Handbags', 'Handbag', 'Duffel Bag', 'Duffel Bags', 'Duffle Bag', 'Bags', 'Bag',
    'Clutches', 'Clutch', 'Laptop Bag', 'Laptop Bags', 'Messenger Bag', 'Messenger Bags', 'Rucksacks', 'Tote Bags',
    'Totes', 'Shoulder Bags', 'Sling Bags', 'Crossbody Bags', 'Satchels', 'Trolley Bag', 'Waist Pouch', 'Gym Bags'
  ]),
  ('scarves', array[
    'Scarves', 'Scarf', 'Stoles', 'Stole', 'Mufflers', 'Muffler', 'Dupatta', 'Dupattas', 'Shawls', 'Shawl', 'Bandanas'
  ]),
  ('hats', array['Caps', 'Cap', 'Hat', 'Hats', 'Beanies', 'Beanie', 'Headwear', 'Berets', 'Fedoras', 'Baseball Caps']),
  ('belts', array['Belts', 'Belt']),
  ('heels', array[
    'Heels', 'Heel', 'Pumps', 'Stilettos', 'High Heels', 'Wedges', 'Kitten Heels', 'Block Heels', 'Platform Heels'
  ]),
  ('sneakers', array[
    'Casual Shoes', 'Sports Shoes', 'Sneakers', 'Sneaker', 'Trainers', 'Running Shoes', 'Training Shoes',
    'Canvas Shoes', 'Walking Shoes', 'Basketball Shoes', 'Tennis Shoes', 'Skate Shoes'
  ]),
  ('boots', array[
    'Boots', 'Boot', 'Booties', 'Ankle Boots', 'Chelsea Boots', 'Winter Boots', 'Hiking Boots', 'Knee Boots'
  ]),
  ('jewelry', array[
    'Earrings', 'Earring', 'Pendant', 'Pendants', 'Necklace and Chains', 'Necklaces', 'Necklace', 'Chains', 'Ring',
    'Rings', 'Bangle', 'Bangles', 'Bracelet', 'Bracelets', 'Jewellery Set', 'Jewelry Set', 'Jewellery', 'Jewelry',
    'Anklets', 'Brooches', 'Watches', 'Watch'
  ])
) as list (category_code, labels)
cross join lateral (select list.category_code, unnest(list.labels) as label) as d;
--! EndIncluded functions/import/category_defaults.sql
--! Included functions/import/runs.sql
-- What a member does with an import: upload registers it, then start, cancel,
-- resume, run the refused rows again, say what a label means. A run is changed
-- by these functions only: its file, counts and state cannot be written by hand.
-- They are definer functions and therefore check the caller themselves, through
-- current_brand_id(), which is null for whoever has no membership right now.

drop function if exists app_public.start_import(uuid, jsonb, boolean);
drop function if exists app_public.start_import(uuid, jsonb, boolean, text);
drop function if exists app_public.cancel_import(uuid);
drop function if exists app_public.resume_import(uuid);
drop function if exists app_public.rerun_refused(uuid);
drop function if exists app_public.set_category_mapping(text, text);
drop function if exists app_public.import_runs_unmapped_labels(app_public.import_runs);
drop function if exists app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb);
drop function if exists app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text);
drop function if exists app_hidden.assert_may_import();
drop function if exists app_private.own_import_run(uuid);
drop function if exists app_private.checked_import_mapping(text[], jsonb);
drop function if exists app_private.import_file_key(uuid, uuid);
drop function if exists app_private.queue_import_run(uuid);
drop function if exists app_private.import_run_lock(uuid);

create function app_private.import_file_key(brand_id uuid, run_id uuid) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select 'imports/' || brand_id || '/' || run_id || '.csv' $$;
comment on function app_private.import_file_key(uuid, uuid) is 'Where the file of a run is stored. Derived, never given: the worker reads what stands there.';
revoke execute on function app_private.import_file_key(uuid, uuid) from public;

-- Asked before the bytes of an upload are accepted; what comes back is the
-- place they go to.
create function app_hidden.assert_may_import() returns table (run_id uuid, file_key text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brand_id uuid := app_hidden.current_brand_id();
begin
  if v_brand_id is null then
    raise exception 'Only a manager or an owner of a brand can import'
      using errcode = 'DNIED', hint = 'Choose a brand you manage, then upload the file again';
  end if;
  run_id := app_private.uuid_v7();
  file_key := app_private.import_file_key(v_brand_id, run_id);
  return next;
end
$$;
comment on function app_hidden.assert_may_import() is 'Refuses who may not import into the active brand; else gives a new run''s id and where its file goes.';
revoke execute on function app_hidden.assert_may_import() from public;
grant execute on function app_hidden.assert_may_import() to :ROLE_MANAGER;

create function app_hidden.register_import(
  run_id uuid, filename text, bytes bigint, sha256 bytea, encoding text, delimiter text, header text[], mapping jsonb,
  target text default 'products', method text default 'catalogue'
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brand_id uuid := app_hidden.current_brand_id();
  v_key text;
  v_run app_public.import_runs;
begin
  if v_brand_id is null then
    raise exception 'Only a manager or an owner of a brand can import' using errcode = 'DNIED';
  end if;
  if register_import.method = 'table' and not exists (
    -- The setting is the caller's role, also in here, where the owner is at work.
    select from app_hidden.import_columns(register_import.target, current_setting('role')) c where not c.match_only
  ) then
    raise exception 'You may not import into this table' using errcode = 'DNIED', column = 'target';
  end if;
  v_key := app_private.import_file_key(v_brand_id, register_import.run_id);
  insert into app_public.storage_objects (
    key, owner_brand_id, kind, content_type, bytes, sha256, status, retention_until
  ) values (
    v_key, v_brand_id, 'import', 'text/csv', register_import.bytes, register_import.sha256, 'available',
    now() + interval '90 days'
  );
  insert into app_public.import_runs (
    id, brand_id, requested_by, filename, storage_key, encoding, delimiter, header, mapping, target, method
  ) values (
    register_import.run_id, v_brand_id, app_hidden.current_user_id(), register_import.filename, v_key,
    register_import.encoding, register_import.delimiter, register_import.header, register_import.mapping,
    register_import.target, register_import.method
  ) returning * into v_run;
  return v_run;
end
$$;
comment on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text) is
  'Records an uploaded file and the run that will import it, in state uploaded.';
revoke execute on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text) from public;
grant execute on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text) to :ROLE_MANAGER;

-- The caller's run, locked: what the following statements decide stays true.
create function app_private.own_import_run(run_id uuid) returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  select r.* into v_run
  from app_public.import_runs r
  where r.id = own_import_run.run_id and r.brand_id = app_hidden.current_brand_id()
  for update;
  if not found then
    raise exception 'There is no such import in your brand' using errcode = 'NTFND', column = 'run_id';
  end if;
  return v_run;
end
$$;
comment on function app_private.own_import_run(uuid) is 'A run of the active brand, locked; NTFND for any other.';
revoke execute on function app_private.own_import_run(uuid) from public;

-- The mapping as it will be used: known fields, existing columns, nothing null.
create function app_private.checked_import_mapping(header text[], mapping jsonb) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mapping jsonb := jsonb_strip_nulls(mapping);
  v_entry record;
  v_missing text;
begin
  if jsonb_typeof(v_mapping) is distinct from 'object' then
    raise exception 'The mapping must name a column for each field'
      using errcode = 'INVAL', column = 'mapping', hint = 'For example {"sku": "id", "name": "title", "category": "type"}';
  end if;
  for v_entry in select e.key, e.value from jsonb_each(v_mapping) e loop
    if v_entry.key <> all (array[
      'sku', 'name', 'category', 'category_group', 'gender', 'color', 'season', 'year', 'usage', 'brand_label',
      'tags', 'price', 'currency'
    ]) then
      raise exception 'There is no field named %', left(v_entry.key, 60) using errcode = 'INVAL', column = 'mapping';
    end if;
    if jsonb_typeof(v_entry.value) <> 'string' then
      raise exception 'The column of % must be a text', v_entry.key using errcode = 'INVAL', column = 'mapping';
    end if;
    -- "=eur" stands for the same value in every row; a SKU or a name cannot.
    if (v_entry.value #>> '{}') <> all (header)
      and ((v_entry.value #>> '{}') !~ '^=.' or v_entry.key in ('sku', 'name')) then
      raise exception 'The file has no column named "%"', left(v_entry.value #>> '{}', 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose another column for ' || v_entry.key;
    end if;
  end loop;
  select f into v_missing from unnest(array['sku', 'name', 'category']) f where not v_mapping ? f limit 1;
  if v_missing is not null then
    raise exception 'Choose the column that holds the %', v_missing using errcode = 'INVAL', column = 'mapping';
  end if;
  if v_mapping ? 'price' and not v_mapping ? 'currency' then
    raise exception 'A price needs a currency'
      using errcode = 'INVAL', column = 'mapping',
        hint = 'Choose the column of the currency, or write =eur for one currency in all rows';
  end if;
  return v_mapping;
end
$$;
comment on function app_private.checked_import_mapping(text[], jsonb) is 'Refuses a mapping that cannot work for this header; else returns it without its empty entries.';
revoke execute on function app_private.checked_import_mapping(text[], jsonb) from public;

create function app_private.queue_import_run(run_id uuid) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select app_private.enqueue_job('import_run', json_build_object('runId', run_id), 'import_run:' || run_id)
$$;
comment on function app_private.queue_import_run(uuid) is 'Hands a run to the worker; asking twice leaves one job.';
revoke execute on function app_private.queue_import_run(uuid) from public;

create function app_private.import_run_lock(run_id uuid) returns bigint
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select hashtextextended('import_run:' || run_id, 0) $$;
comment on function app_private.import_run_lock(uuid) is 'The advisory lock that the worker of a run holds from claiming it to its end.';
revoke execute on function app_private.import_run_lock(uuid) from public;
grant execute on function app_private.import_run_lock(uuid) to :ROLE_WORKER;

create function app_public.start_import(
  run_id uuid, mapping jsonb, dry_run boolean default false, unique_key text default null
)
returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(start_import.run_id);
  v_mapping jsonb;
  v_key text;
begin
  -- A dry run wrote nothing, so the same file may start again, for real this
  -- time. What it refused is cleared by the worker, which has the time for it.
  if not (
    v_run.status = 'uploaded'
    or (v_run.status in ('completed', 'cancelled', 'failed') and (v_run.dry_run or v_run.processed_rows = 0))
  ) then
    raise exception 'This import has already run'
      using errcode = 'STATE', hint = 'Resume it, run its refused rows again, or upload the file once more';
  end if;
  if v_run.method = 'table' then
    select c.checked, c.key_name into v_mapping, v_key
    from app_private.checked_table_mapping(
      v_run.target, current_setting('role'), v_run.header, start_import.mapping, start_import.unique_key
    ) c;
  else
    v_mapping := app_private.checked_import_mapping(v_run.header, start_import.mapping);
  end if;
  update app_public.import_runs r set
    requested_by = app_hidden.current_user_id(),
    mapping = v_mapping,
    unique_key = v_key,
    dry_run = coalesce(start_import.dry_run, false),
    status = 'queued',
    total_rows = null, processed_rows = 0, created_count = 0, updated_count = 0, unchanged_count = 0,
    refused_count = 0, checkpoint_line = 0, error_code = null, error_message = null,
    started_at = null, finished_at = null
  where r.id = v_run.id
  returning r.* into v_run;
  perform app_private.queue_import_run(v_run.id);
  return v_run;
end
$$;
comment on function app_public.start_import(uuid, jsonb, boolean, text) is $$
Starts an uploaded import with this mapping of fields to columns of the file. A dry run checks and counts every row and writes no product; afterwards the same run can be started for real.$$;

create function app_public.cancel_import(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(cancel_import.run_id);
begin
  if v_run.status not in ('uploaded', 'queued', 'staging', 'running', 'cancelling') then
    raise exception 'This import has already ended' using errcode = 'STATE';
  end if;
  update app_public.import_runs r set
    -- Nobody works on it yet, or a worker does and stops after its batch.
    status = case when v_run.status in ('uploaded', 'queued') then 'cancelled' else 'cancelling' end::app_public.import_status,
    finished_at = case when v_run.status in ('uploaded', 'queued') then now() end
  where r.id = v_run.id
  returning r.* into v_run;
  return v_run;
end
$$;
comment on function app_public.cancel_import(uuid) is 'Stops an import after the batch it is at. Rows already imported stay; resume_import goes on after them.';

create function app_public.resume_import(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(resume_import.run_id);
begin
  if v_run.started_at is null and v_run.status <> 'queued' then
    raise exception 'This import has never started' using errcode = 'STATE', hint = 'Start it';
  end if;
  if v_run.status in ('cancelled', 'failed') then
    update app_public.import_runs r set
      requested_by = app_hidden.current_user_id(),
      status = 'queued', error_code = null, error_message = null, finished_at = null
    where r.id = v_run.id
    returning r.* into v_run;
  elsif v_run.status = 'completed' then
    raise exception 'This import is complete' using errcode = 'STATE', hint = 'Run its refused rows again, or upload a new file';
  elsif not pg_try_advisory_xact_lock(app_private.import_run_lock(v_run.id)) then
    -- Whoever works on a run holds its lock, and loses it by dying.
    raise exception 'This import is still running' using errcode = 'STATE', hint = 'Wait for it, or cancel it';
  end if;
  perform app_private.queue_import_run(v_run.id);
  return v_run;
end
$$;
comment on function app_public.resume_import(uuid) is 'Goes on with a cancelled, failed or stalled import after its last committed batch.';

create function app_public.rerun_refused(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(rerun_refused.run_id);
  v_again app_public.import_runs;
begin
  if v_run.dry_run then
    raise exception 'A dry run wrote nothing, so there is nothing to run again' using errcode = 'STATE', hint = 'Start the import';
  end if;
  if v_run.status not in ('completed', 'cancelled', 'failed') then
    raise exception 'This import is still running' using errcode = 'STATE', hint = 'Wait until it has ended';
  end if;
  if v_run.refused_count = 0 then
    raise exception 'This import refused no row' using errcode = 'STATE';
  end if;
  insert into app_public.import_runs (
    brand_id, requested_by, filename, storage_key, status, mapping, encoding, delimiter, header, rerun_of,
    target, method, unique_key
  ) values (
    v_run.brand_id, app_hidden.current_user_id(), v_run.filename, v_run.storage_key, 'queued', v_run.mapping,
    v_run.encoding, v_run.delimiter, v_run.header, v_run.id,
    v_run.target, v_run.method, v_run.unique_key
  ) returning * into v_again;
  perform app_private.queue_import_run(v_again.id);
  return v_again;
end
$$;
comment on function app_public.rerun_refused(uuid) is 'Runs the refused rows of an import again, as a new run: after a mapping was added, say.';

-- Runs as the member: the policies of category_mappings decide.
create function app_public.set_category_mapping(label text, category_code text)
returns app_public.category_mappings
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.category_mappings (brand_id, label, category_code)
  values (app_hidden.current_brand_id(), btrim(set_category_mapping.label), set_category_mapping.category_code)
  on conflict (brand_id, lower(label)) do update set category_code = excluded.category_code
  returning *
$$;
comment on function app_public.set_category_mapping(text, text) is 'Says what a source label means for the active brand, from the next import on. Without a category such rows are left out on purpose.';

create function app_public.import_runs_unmapped_labels(run app_public.import_runs)
returns table (label text, reason text, row_count integer, first_line integer)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select f.label, min(f.reason), count(*)::integer, min(f.line_no)
  from app_public.import_refusals f
  where f.run_id = run.id and f.code = 'NOMAP' and f.label is not null
  group by f.label
  order by count(*) desc, f.label
$$;
comment on function app_public.import_runs_unmapped_labels(app_public.import_runs) is 'Labels of this run that mean no category, with how many rows each holds back; most first.';

revoke execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid), app_public.set_category_mapping(text, text),
  app_public.import_runs_unmapped_labels(app_public.import_runs)
from public;
grant execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid), app_public.set_category_mapping(text, text),
  app_public.import_runs_unmapped_labels(app_public.import_runs)
to :ROLE_MANAGER;
grant execute on function app_public.import_runs_unmapped_labels(app_public.import_runs) to :ROLE_STAFF;
--! EndIncluded functions/import/runs.sql
--! Included functions/import/batch.sql
-- One batch of an import: read staged rows, check each, write products, record
-- what was refused, move the checkpoint: in one transaction, so that a crash
-- leaves whole batches only. It runs as the importing member's role, products
-- are read and written under that role's policies and column grants; three
-- small definer functions reach what the member cannot: the staged rows of the
-- caller's own run, and the run's own bookkeeping.

drop function if exists app_hidden.import_products_batch(uuid, integer, integer);
drop function if exists app_hidden.check_import_rows(app_public.import_runs, integer);
drop function if exists app_hidden.staged_import_rows(uuid, integer, integer);
drop function if exists app_hidden.lock_import_run(uuid, integer);
drop function if exists app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb);

-- Its lock makes batches of one run queue up, and the checkpoint makes a batch
-- that was done before (a second worker, a repeated job) a refusal, not a double.
create function app_hidden.lock_import_run(run_id uuid, after_line integer) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  select r.* into v_run
  from app_public.import_runs r
  where r.id = lock_import_run.run_id
    and r.brand_id = app_hidden.current_brand_id()
    and r.requested_by = app_hidden.current_user_id()
  for update;
  if not found then
    raise exception 'There is no such import of yours' using errcode = 'NTFND', column = 'run_id';
  end if;
  if v_run.status <> 'running' then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  if v_run.checkpoint_line <> after_line then
    raise exception 'These rows have been imported already' using errcode = 'STALE';
  end if;
  return v_run;
end
$$;
comment on function app_hidden.lock_import_run(uuid, integer) is 'The caller''s own running import, locked, if its checkpoint is where the caller believes it to be.';

create function app_hidden.staged_import_rows(run_id uuid, after_line integer, batch_size integer)
returns table (line_no integer, fields text[], first_line integer)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.line_no, s.fields, s.first_line
  from app_private.import_rows s
  where s.run_id = staged_import_rows.run_id
    and s.line_no > staged_import_rows.after_line
    and exists (
      select from app_public.import_runs r
      where r.id = staged_import_rows.run_id
        and r.brand_id = app_hidden.current_brand_id()
        and r.requested_by = app_hidden.current_user_id()
    )
  order by s.line_no
  limit least(greatest(staged_import_rows.batch_size, 0), 10000)
$$;
comment on function app_hidden.staged_import_rows(uuid, integer, integer) is 'The next staged rows of the caller''s own import; of any other run, none.';

-- Checks rows and says what each would become: either a complete product or
-- the one reason it is refused. Text is cleaned the same way everywhere: line
-- breaks and tabs become blanks, blanks at the ends go, and "NA", "N/A", "NULL"
-- and "NaN" mean unknown, as the empty text does.
create function app_hidden.check_import_rows(run app_public.import_runs, batch_size integer)
returns table (
  line_no integer, field text, code text, reason text, label text,
  sku text, name text, category_code text, brand_label text, gender text, color text, season text, year integer,
  usage text, tags text[], price_minor bigint, currency text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with mapped as materialized (
    -- Field to position in the file; a mapping "=eur" has a value and no position.
    select
      coalesce(jsonb_object_agg(m.key, p.at) filter (where p.at is not null), '{}') as at,
      coalesce(jsonb_object_agg(m.key, substr(m.value, 2)) filter (where p.at is null), '{}') as fixed
    from jsonb_each_text(run.mapping) m
    cross join lateral (select array_position(run.header, m.value) as at) p
  ),
  -- Materialised, or each later mention of a field would cut it out anew.
  read as materialized (
    select s.line_no, s.first_line, cardinality(s.fields) as width, v.torn,
      v.a[(m.at ->> 'sku')::integer] as sku,
      v.a[(m.at ->> 'name')::integer] as name,
      coalesce(v.a[(m.at ->> 'category')::integer], m.fixed ->> 'category') as label,
      coalesce(v.a[(m.at ->> 'category_group')::integer], m.fixed ->> 'category_group') as label_group,
      coalesce(v.a[(m.at ->> 'brand_label')::integer], m.fixed ->> 'brand_label') as brand_label,
      coalesce(v.a[(m.at ->> 'gender')::integer], m.fixed ->> 'gender') as gender,
      coalesce(v.a[(m.at ->> 'color')::integer], m.fixed ->> 'color') as color,
      coalesce(v.a[(m.at ->> 'season')::integer], m.fixed ->> 'season') as season,
      coalesce(v.a[(m.at ->> 'year')::integer], m.fixed ->> 'year') as year_text,
      coalesce(v.a[(m.at ->> 'usage')::integer], m.fixed ->> 'usage') as usage,
      coalesce(v.a[(m.at ->> 'tags')::integer], m.fixed ->> 'tags') as tags_text,
      coalesce(v.a[(m.at ->> 'price')::integer], m.fixed ->> 'price') as price_text,
      lower(coalesce(v.a[(m.at ->> 'currency')::integer], m.fixed ->> 'currency')) as currency
    from app_hidden.staged_import_rows(run.id, run.checkpoint_line, check_import_rows.batch_size) s
    cross join mapped m
    cross join lateral (
      select array_agg(
        case when c.t = '' or upper(c.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else c.t end
        order by u.position
      ) as a,
      bool_or(left(u.raw, 1) = '"' and u.raw ~ E'[\n\r]') as torn
      from unnest(s.fields) with ordinality as u (raw, position)
      cross join lateral (
        select btrim(
          translate(replace(u.raw, E'\r\n', ' '), E'\t\n\r\x0b\f\u00a0', '      '), E' \u200b\ufeff'
        ) as t
      ) c
    ) v
  ),
  derived as materialized (
    select r.*,
      y.year,
      t.tags,
      f.exponent,
      f.price,
      c.code as category_code,
      own.id is not null and own.category_code is null as left_out
    from read r
    left join app_public.category_mappings own
      on own.brand_id = run.brand_id and lower(own.label) = lower(r.label)
    left join app_public.category_defaults d on lower(d.label) = lower(r.label)
    -- A brand's own meaning wins, also where it says "leave out"; where nobody
    -- has said anything, a label may be the code or the name of a category.
    left join lateral (
      select k.code
      from app_public.wardrobe_categories k
      where k.active and case
        when own.id is not null then k.code = own.category_code
        when d.label is not null then k.code = d.category_code
        else lower(r.label) in (k.code, lower(k.label))
      end
      order by k.code
      limit 1
    ) c on true
    cross join lateral (
      -- Spreadsheets write 2012 as 2012.0.
      select case when r.year_text ~ '^[0-9]{4}(\.0+)?$' then left(r.year_text, 4)::integer end as year
    ) y
    cross join lateral (
      select coalesce(array_agg(q.tag order by q.first), '{}') as tags
      from (
        select btrim(p.part) as tag, min(p.position) as first
        from regexp_split_to_table(r.tags_text, '[,;|]') with ordinality as p (part, position)
        where btrim(p.part) <> ''
        group by 1
      ) q
    ) t
    left join lateral (
      -- Groups of thousands count only where they cannot be mistaken for
      -- decimals: "1,299" is refused, "1,299.00" and "1 299" are not. Twelve
      -- digits at most, so that the minor units fit.
      select k.exponent, case
        when n.digits ~ ('^[0-9]{1,12}' || n.decimals || '?$') then replace(n.digits, ',', '.')::numeric
        when n.digits ~ ('^[0-9]{1,3}([ ''’][0-9]{3}){1,3}' || n.decimals || '?$')
          then replace(translate(n.digits, ' ''’', ''), ',', '.')::numeric
        when n.digits ~ ('^[0-9]{1,3}(,[0-9]{3}){1,3}' || n.decimals || '$') and n.digits ~ '[.]' then replace(n.digits, ',', '')::numeric
        when n.digits ~ ('^[0-9]{1,3}([.][0-9]{3}){1,3}' || n.decimals || '$') and n.digits ~ ','
          then replace(replace(n.digits, '.', ''), ',', '.')::numeric
      end as price
      from app_public.currencies k
      cross join lateral (
        select
          regexp_replace(r.price_text, '^[^0-9.,-]+[.]?\s+|^[^0-9.,-]+|[^0-9.,]+$', '', 'g') as digits,
          case when k.exponent = 0 then '([.]0)' else '([.,][0-9]{1,' || k.exponent || '})' end as decimals
      ) n
      where k.code = r.currency and length(r.price_text) <= 40
    ) f on true
  ),
  judged as (
    select d.*, case
      -- A quote that closes in the middle of a text was opened by mistake; when
      -- a line break lies between, other rows were read as part of this text.
      when d.torn then array['row', 'QUOTE', 'A quote is not closed where it should be, so following lines became part of this row']
      when d.width < cardinality(run.header) then array['row', 'SHORT', format(
        '%s %s where the header has %s: the line is cut off, or a delimiter is missing',
        d.width, case d.width when 1 then 'field' else 'fields' end, cardinality(run.header))]
      when d.width > cardinality(run.header) then array['row', 'LONGR', format(
        '%s fields where the header has %s: a text that contains the delimiter may lack its quotes',
        d.width, cardinality(run.header))]
      when d.sku is null then array['sku', 'EMPTY', 'No SKU']
      when length(d.sku) > 64 then array['sku', 'INVAL', format('The SKU has %s characters, 64 is the most', length(d.sku))]
      when d.sku ~ '[\x01-\x1f\x7f]' then array['sku', 'INVAL', 'The SKU contains control characters']
      when d.first_line is not null then array['sku', 'TWICE', format('Line %s of this file already has the SKU %s', d.first_line, d.sku)]
      when d.name is null then array['name', 'EMPTY', 'No name']
      when length(d.name) > 200 then array['name', 'INVAL', format('The name has %s characters, 200 is the most', length(d.name))]
      when d.name ~ '[\x01-\x1f\x7f]' then array['name', 'INVAL', 'The name contains control characters']
      when d.label is null then array['category', 'EMPTY', 'No category']
      when length(d.label) > 100 then array['category', 'INVAL', format('The category has %s characters, 100 is the most', length(d.label))]
      when d.label ~ '[\x01-\x1f\x7f]' then array['category', 'INVAL', 'The category contains control characters']
      when d.left_out then array['category', 'NOMAP', format(
        '%s: left out by your own category mapping', coalesce(left(d.label_group, 100) || ' / ', '') || d.label)]
      when d.category_code is null then array['category', 'NOMAP', format(
        '%s: no try-on category', coalesce(left(d.label_group, 100) || ' / ', '') || d.label)]
      when d.year_text is not null and (d.year is null or d.year not between 1900 and 2100)
        then array['year', 'INVAL', format('“%s” is not a year between 1900 and 2100', left(d.year_text, 40))]
      when length(d.brand_label) > 100 then array['brand_label', 'INVAL', format('The brand has %s characters, 100 is the most', length(d.brand_label))]
      when d.brand_label ~ '[\x01-\x1f\x7f]' then array['brand_label', 'INVAL', 'The brand contains control characters']
      when length(d.gender) > 40 then array['gender', 'INVAL', format('The gender has %s characters, 40 is the most', length(d.gender))]
      when d.gender ~ '[\x01-\x1f\x7f]' then array['gender', 'INVAL', 'The gender contains control characters']
      when length(d.color) > 60 then array['color', 'INVAL', format('The colour has %s characters, 60 is the most', length(d.color))]
      when d.color ~ '[\x01-\x1f\x7f]' then array['color', 'INVAL', 'The colour contains control characters']
      when length(d.season) > 40 then array['season', 'INVAL', format('The season has %s characters, 40 is the most', length(d.season))]
      when d.season ~ '[\x01-\x1f\x7f]' then array['season', 'INVAL', 'The season contains control characters']
      when length(d.usage) > 60 then array['usage', 'INVAL', format('The usage has %s characters, 60 is the most', length(d.usage))]
      when d.usage ~ '[\x01-\x1f\x7f]' then array['usage', 'INVAL', 'The usage contains control characters']
      when cardinality(d.tags) > 50 then array['tags', 'INVAL', format('%s tags, 50 is the most', cardinality(d.tags))]
      when length(array_to_string(d.tags, ' ')) > 2000 then array['tags', 'INVAL', 'The tags are longer than 2,000 characters']
      when d.tags_text ~ '[\x01-\x1f\x7f]' then array['tags', 'INVAL', 'The tags contain control characters']
      when d.price_text is not null and d.currency is null then array['currency', 'EMPTY', 'A price needs a currency']
      when d.price_text is not null and d.exponent is null and length(d.price_text) <= 40
        then array['currency', 'INVAL', format('“%s” is not a currency we know', left(d.currency, 40))]
      when d.price_text is not null and d.price is null
        then array['price', 'INVAL', format('“%s” is not a price: write 1299.50', left(d.price_text, 40))]
    end as fault
    from derived d
  )
  select j.line_no, j.fault[1], j.fault[2], j.fault[3],
    case when j.fault[2] = 'NOMAP' then j.label end,
    j.sku, j.name, j.category_code, j.brand_label, j.gender, j.color, j.season, j.year, j.usage, j.tags,
    (j.price * power(10::numeric, j.exponent))::bigint,
    case when j.price is not null then j.currency end
  from judged j
$$;
comment on function app_hidden.check_import_rows(app_public.import_runs, integer) is 'The next rows of a run, checked: each either a product or one refusal (field, code, sentence).';

create function app_hidden.record_import_batch(
  run_id uuid, last_line integer, created integer, updated integer, unchanged integer, refusals jsonb
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
  v_refused integer;
begin
  insert into app_public.import_refusals (run_id, brand_id, line_no, field, code, reason, label, fields, first_line)
  select r.id, r.brand_id, f.line_no, f.field, f.code, f.reason, f.label, s.fields, s.first_line
  from app_public.import_runs r
  cross join jsonb_to_recordset(record_import_batch.refusals)
    as f (line_no integer, field text, code text, reason text, label text)
  join app_private.import_rows s on s.run_id = r.id and s.line_no = f.line_no
  where r.id = record_import_batch.run_id
    and r.brand_id = app_hidden.current_brand_id()
    and r.requested_by = app_hidden.current_user_id();
  get diagnostics v_refused = row_count;

  update app_public.import_runs r set
    checkpoint_line = record_import_batch.last_line,
    processed_rows = r.processed_rows + record_import_batch.created + record_import_batch.updated
      + record_import_batch.unchanged + v_refused,
    created_count = r.created_count + record_import_batch.created,
    updated_count = r.updated_count + record_import_batch.updated,
    unchanged_count = r.unchanged_count + record_import_batch.unchanged,
    refused_count = r.refused_count + v_refused
  where r.id = record_import_batch.run_id
    and r.brand_id = app_hidden.current_brand_id()
    and r.requested_by = app_hidden.current_user_id()
    and r.status = 'running'
  returning r.* into v_run;
  if not found then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  return v_run;
end
$$;
comment on function app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb) is 'Adds what became of a batch to the caller''s own run: counts, refused lines, checkpoint.';

create function app_hidden.import_products_batch(run_id uuid, after_line integer, batch_size integer default 1000)
returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_hidden.lock_import_run(import_products_batch.run_id, import_products_batch.after_line);
  v_last integer;
  v_good integer;
  v_created integer;
  v_updated integer;
  v_refusals jsonb;
begin
  -- A column the file does not have keeps what the product has: `mapping ? x`
  -- asks whether the file says anything about x at all.
  with checked as materialized (
    select c.* from app_hidden.check_import_rows(v_run, import_products_batch.batch_size) c
  ),
  good as (
    select c.* from checked c where c.code is null
  ),
  written as (
    insert into app_public.products as p (
      brand_id, sku, name, category_code, brand_label, gender, color, season, year, usage, tags, price_minor, currency
    )
    select v_run.brand_id, g.sku, g.name, g.category_code, g.brand_label, g.gender, g.color, g.season, g.year,
      g.usage, g.tags, g.price_minor, g.currency
    from good g
    where not v_run.dry_run
    -- Two imports of one brand lock products in the same order, so neither
    -- waits for the other in a circle.
    order by g.sku
    on conflict on constraint products_brand_id_sku_key do update set
      name = excluded.name,
      category_code = excluded.category_code,
      brand_label = case when v_run.mapping ? 'brand_label' then excluded.brand_label else p.brand_label end,
      gender = case when v_run.mapping ? 'gender' then excluded.gender else p.gender end,
      color = case when v_run.mapping ? 'color' then excluded.color else p.color end,
      season = case when v_run.mapping ? 'season' then excluded.season else p.season end,
      year = case when v_run.mapping ? 'year' then excluded.year else p.year end,
      usage = case when v_run.mapping ? 'usage' then excluded.usage else p.usage end,
      tags = case when v_run.mapping ? 'tags' then excluded.tags else p.tags end,
      price_minor = case when v_run.mapping ? 'price' then excluded.price_minor else p.price_minor end,
      currency = case when v_run.mapping ? 'price' then excluded.currency else p.currency end
    where (p.name, p.category_code) is distinct from (excluded.name, excluded.category_code)
      or (v_run.mapping ? 'brand_label' and p.brand_label is distinct from excluded.brand_label)
      or (v_run.mapping ? 'gender' and p.gender is distinct from excluded.gender)
      or (v_run.mapping ? 'color' and p.color is distinct from excluded.color)
      or (v_run.mapping ? 'season' and p.season is distinct from excluded.season)
      or (v_run.mapping ? 'year' and p.year is distinct from excluded.year)
      or (v_run.mapping ? 'usage' and p.usage is distinct from excluded.usage)
      or (v_run.mapping ? 'tags' and p.tags is distinct from excluded.tags)
      or (v_run.mapping ? 'price' and (p.price_minor, p.currency) is distinct from (excluded.price_minor, excluded.currency))
    -- A row that was inserted has never been locked by an update.
    returning p.xmax = 0 as is_new
  ),
  compared as (
    select p.id is null as is_new
    from good g
    left join app_public.products p on p.brand_id = v_run.brand_id and p.sku = g.sku
    where v_run.dry_run and (
      p.id is null
      or (p.name, p.category_code) is distinct from (g.name, g.category_code)
      or (v_run.mapping ? 'brand_label' and p.brand_label is distinct from g.brand_label)
      or (v_run.mapping ? 'gender' and p.gender is distinct from g.gender)
      or (v_run.mapping ? 'color' and p.color is distinct from g.color)
      or (v_run.mapping ? 'season' and p.season is distinct from g.season)
      or (v_run.mapping ? 'year' and p.year is distinct from g.year)
      or (v_run.mapping ? 'usage' and p.usage is distinct from g.usage)
      or (v_run.mapping ? 'tags' and p.tags is distinct from g.tags)
      or (v_run.mapping ? 'price' and (p.price_minor, p.currency) is distinct from (g.price_minor, g.currency))
    )
  ),
  changed as (
    select w.is_new from written w union all select c.is_new from compared c
  )
  select
    (select max(c.line_no) from checked c),
    (select count(*) from good),
    (select count(*) from changed ch where ch.is_new),
    (select count(*) from changed ch where not ch.is_new),
    (select coalesce(jsonb_agg(jsonb_build_object(
        'line_no', c.line_no, 'field', c.field, 'code', c.code, 'reason', c.reason, 'label', c.label
      )), '[]')
      from checked c where c.code is not null)
  into v_last, v_good, v_created, v_updated, v_refusals;

  if v_last is null then
    -- Nothing is staged after the checkpoint: the run is at its end.
    return v_run;
  end if;
  return app_hidden.record_import_batch(
    v_run.id, v_last, v_created, v_updated, v_good - v_created - v_updated, v_refusals
  );
end
$$;
comment on function app_hidden.import_products_batch(uuid, integer, integer) is
  'Imports the next rows of the caller''s own run after a line, as the caller, in one transaction; returns the run as it then is.';

revoke execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.check_import_rows(app_public.import_runs, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb),
  app_hidden.import_products_batch(uuid, integer, integer)
from public;
grant execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.check_import_rows(app_public.import_runs, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb),
  app_hidden.import_products_batch(uuid, integer, integer)
to :ROLE_MANAGER;
--! EndIncluded functions/import/batch.sql
--! Included functions/import/table.sql
-- Import into any table of a brand that the member's role may insert into:
-- columns of the file straight into columns of the table. What the table is like
-- is read from the system catalogues at the time; its names reach SQL through %I
-- and format_type only, values never. Everything here runs as the member: grants
-- say which columns, policies say which rows. The brand's column is filled from
-- the run and cannot be mapped.

drop function if exists app_hidden.import_table_batch(uuid, integer, integer);
drop function if exists app_hidden.import_refusal(text, text, text, text, text, text, text);
drop function if exists app_hidden.import_plan(app_public.import_runs);
drop function if exists app_private.mark_repeated_keys(app_public.import_runs);
drop function if exists app_private.checked_table_mapping(text, text, text[], jsonb, text);
drop function if exists app_hidden.import_keys(text, text);
drop function if exists app_hidden.import_columns(text, text);
drop function if exists app_hidden.import_value(text, text, text, boolean);
drop function if exists app_hidden.import_scalar(text, text, text);
drop function if exists app_hidden.import_label(text);
drop function if exists app_hidden.import_text(text);

-- One reading of text everywhere: blanks at the ends go, "NA" and its like mean
-- unknown, and the apostrophe an export puts before a formula is not data.
create function app_hidden.import_text(raw text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case when s.t = '' or upper(s.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else s.t end
  from (select btrim(raw, E' \t\n\r\x0b\f\u00a0\u200b\ufeff') as t) r
  cross join lateral (
    select case
      when r.t ~ E'^''[=+@\t\r\n-]' then btrim(substr(r.t, 2), E' \t\n\r\x0b\f\u00a0\u200b\ufeff') else r.t
    end as t
  ) s
$$;
comment on function app_hidden.import_text(text) is 'A cell of an imported file as the text it means; null when it means nothing.';

create function app_hidden.import_label(column_name text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select replace(regexp_replace(column_name, '_(id|at|minor|code|key)$', ''), '_', ' ') $$;
comment on function app_hidden.import_label(text) is 'A column as a sentence calls it: product_id is "product".';

-- Text to what the type takes, or the sentence why not: {value, null} or
-- {null, sentence}. Narrower than PostgreSQL's own input: "today", 1e400, hex and
-- dates that depend on a setting are refused, for a file must mean one thing.
create function app_hidden.import_scalar(value text, kind text, type text) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_shown text := '“' || left(value, 40) || '”';
  v_value text := value;
  v_plain text;
begin
  case kind
    when 'text' then
      if value ~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' then
        return array[null, 'The text contains control characters'];
      end if;
      if type = 'text' then
        return array[value, null];
      end if;
    when 'boolean' then
      v_value := case
        when lower(value) in ('yes', 'y', 'true', 't', 'on', '1') then 'true'
        when lower(value) in ('no', 'n', 'false', 'f', 'off', '0') then 'false'
      end;
      if v_value is null then
        return array[null, v_shown || ' is neither yes nor no'];
      end if;
    when 'integer' then
      -- Spreadsheets write 2012 as 2012.0.
      if value !~ '^[+-]?[0-9]+([.]0+)?$' then
        return array[null, v_shown || ' is not a whole number'];
      end if;
      v_value := split_part(value, '.', 1);
    when 'number' then
      if value !~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$' then
        return array[null, v_shown || ' is not a number: write 1299.50'];
      end if;
    when 'date' then
      if value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then
        return array[null, v_shown || ' is not a date: write 2026-12-31'];
      end if;
    when 'moment', 'local moment' then
      if value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?\s?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$' then
        return array[null, v_shown || ' is not a time: write 2026-12-31T18:30:00Z'];
      end if;
      if kind = 'moment' and value !~ '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$|^[0-9-]{10}$' then
        -- Without a zone it means UTC, whatever the session says.
        v_value := value || 'Z';
      elsif kind = 'moment' and length(value) = 10 then
        v_value := value || 'T00:00Z';
      end if;
    when 'time' then
      if value !~ '^[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$' then
        return array[null, v_shown || ' is not a time of day: write 18:30'];
      end if;
    when 'enum' then
      select min(e.enumlabel::text) into v_value
      from pg_enum e
      where e.enumtypid = type::regtype and e.enumlabel::text = value;
      if v_value is null then
        -- A label for people, "Spring summer", stands for spring_summer.
        v_plain := regexp_replace(lower(value), '[^[:alnum:]]+', '', 'g');
        select min(e.enumlabel::text) into v_value
        from pg_enum e
        where e.enumtypid = type::regtype
          and regexp_replace(lower(e.enumlabel::text), '[^[:alnum:]]+', '', 'g') = v_plain
        having count(*) = 1;
      end if;
      if v_value is null then
        return array[null, v_shown || ' is none of: ' || (
          select string_agg(o.label, ', ' order by o.at)
          from (
            select e.enumlabel::text as label, e.enumsortorder as at
            from pg_enum e where e.enumtypid = type::regtype order by e.enumsortorder limit 12
          ) o
        )];
      end if;
      return array[v_value, null];
    when 'json' then
      if not pg_input_is_valid(value, concat(type)) then
        return array[null, v_shown || ' is not JSON'];
      end if;
    else
      null;
  end case;
  -- concat: of a bare parameter pg_input_is_valid remembers the first type it saw,
  -- and would check the next column against that.
  if not pg_input_is_valid(v_value, concat(type)) then
    return array[null, case
      when kind = 'text' then 'The text is too long'
      when kind in ('integer', 'number') then v_shown || ' is too large'
      when kind = 'uuid' then v_shown || ' is not an id'
      when kind in ('date', 'moment', 'local moment', 'time') then v_shown || ' is not in the calendar'
      else v_shown || ' is not a value this field takes'
    end];
  end if;
  return array[v_value, null];
end
$$;
comment on function app_hidden.import_scalar(text, text, text) is 'One value of an imported file that is no list, checked for its type: {value, null} or {null, sentence}.';

create function app_hidden.import_value(value text, kind text, type text, is_array boolean) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_items text[];
  v_item text;
  v_one text[];
  v_read text[] := '{}';
begin
  if not is_array then
    return app_hidden.import_scalar(value, kind, type);
  end if;
  if left(value, 1) = '[' then
    if not pg_input_is_valid(value, 'jsonb') then
      return array[null, '“' || left(value, 40) || '” is not a list: write a;b;c'];
    end if;
    select coalesce(array_agg(
      case when kind = 'json' then e.item::text else e.item #>> '{}' end order by e.at
    ), '{}') into v_items
    from jsonb_array_elements(value::jsonb) with ordinality as e (item, at);
  else
    select coalesce(array_agg(btrim(p.part) order by p.at), '{}') into v_items
    from string_to_table(value, ';') with ordinality as p (part, at)
    where btrim(p.part) <> '';
  end if;
  if cardinality(v_items) > 1000 then
    return array[null, format('%s entries, 1,000 is the most', cardinality(v_items))];
  end if;
  foreach v_item in array v_items loop
    if v_item is null then
      v_read := v_read || null::text;
      continue;
    end if;
    v_one := app_hidden.import_scalar(v_item, kind, type);
    if v_one[2] is not null then
      return v_one;
    end if;
    v_read := v_read || v_one[1];
  end loop;
  return array[v_read::text, null];
end
$$;
comment on function app_hidden.import_value(text, text, text, boolean) is 'One value of an imported file, checked for its column: {value, null} or {null, sentence}; a list may be a;b;c or JSON.';

-- The columns a role may fill. The key of the table is among them even where it
-- may not be given: to find a record by it is not to write it (match_only).
create function app_hidden.import_columns(target text, role_name text default current_user)
returns table (
  name text, type text, kind text, item_type text, is_array boolean, nullable boolean, default_value text,
  updatable boolean, match_only boolean, place integer
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.attname::text, format_type(a.atttypid, a.atttypmod), k.kind,
    case
      when k.kind = 'enum' then format_type(e.item, null)
      when e.is_array then format_type(e.item, a.atttypmod)
      else format_type(a.atttypid, a.atttypmod)
    end,
    e.is_array, not a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
    has_column_privilege(role_name, c.oid, a.attnum, 'update'),
    not g.insertable, a.attnum::integer
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  cross join lateral (
    select has_column_privilege(role_name, c.oid, a.attnum, 'insert')
      and a.attgenerated = '' and a.attidentity <> 'a' as insertable
  ) g
  cross join lateral (select pg_basetype(a.atttypid)::oid as base) b
  join pg_type bt on bt.oid = b.base
  cross join lateral (select bt.typcategory = 'A' as is_array) ia
  cross join lateral (
    select ia.is_array, pg_basetype(case when ia.is_array then bt.typelem else b.base end)::oid as item
  ) e
  join pg_type it on it.oid = e.item
  cross join lateral (
    select case
      when it.typtype = 'e' then 'enum'
      when e.item in ('json'::regtype, 'jsonb'::regtype) then 'json'
      when e.item = 'boolean'::regtype then 'boolean'
      when e.item in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) then 'integer'
      when e.item in ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype) then 'number'
      when e.item = 'date'::regtype then 'date'
      when e.item = 'timestamptz'::regtype then 'moment'
      when e.item = 'timestamp'::regtype then 'local moment'
      when e.item in ('time'::regtype, 'timetz'::regtype) then 'time'
      when e.item = 'uuid'::regtype then 'uuid'
      when e.item in ('interval'::regtype, 'inet'::regtype, 'cidr'::regtype) then 'other'
      when it.typcategory = 'S' then 'text'
    end as kind
  ) k
  where c.relnamespace = 'app_public'::regnamespace
    and c.relname::text = import_columns.target
    and c.relkind in ('r', 'p') and not c.relispartition and c.relrowsecurity
    and a.attname <> 'brand_id'
    and k.kind is not null
    and (g.insertable or exists (
      select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey::smallint[])
    ))
    -- A table of a brand: the fence needs a column to stand on, and the role the
    -- right to fill it.
    and exists (
      select from pg_attribute t
      where t.attrelid = c.oid and t.attname = 'brand_id' and t.atttypid = 'uuid'::regtype
        and has_column_privilege(role_name, c.oid, t.attnum, 'insert')
    )
$$;
comment on function app_hidden.import_columns(text, text) is 'Columns of a brand''s table that a role may import into; none when the role may not insert, or the table is of no brand.';

-- A key finds a record of the brand: a unique index over the brand and columns
-- that can be in the file, plain or lower(column), or the primary key. The order
-- is the order of preference.
create function app_hidden.import_keys(target text, role_name text default current_user)
returns table (name text, columns text[], folded boolean[], is_primary boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with known as materialized (
    select i.* from app_hidden.import_columns(import_keys.target, import_keys.role_name) i
  ),
  parts as (
    select x.indexrelid, x.indisprimary, n.position, a.attname::text as column_name,
      x.indkey[n.position - 1] = 0 as folded
    from pg_class c
    join pg_index x on x.indrelid = c.oid and x.indisunique and x.indisvalid and x.indpred is null
    cross join lateral generate_series(1, x.indnkeyatts::integer) as n (position)
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and case
      when x.indkey[n.position - 1] <> 0 then a.attnum = x.indkey[n.position - 1]
      else pg_get_indexdef(x.indexrelid, n.position, true)
        in ('lower(' || quote_ident(a.attname) || ')', 'lower(' || quote_ident(a.attname) || '::text)')
    end
    where c.relnamespace = 'app_public'::regnamespace and c.relname::text = import_keys.target
  ),
  keys as (
    select p.indexrelid, p.indisprimary,
      array_agg(p.column_name order by p.position) filter (where p.column_name is distinct from 'brand_id') as columns,
      array_agg(p.folded order by p.position) filter (where p.column_name is distinct from 'brand_id') as folded,
      bool_or(p.column_name = 'brand_id') as has_brand,
      bool_or(k.match_only) as has_key
    from parts p
    left join known k on k.name = p.column_name
    group by p.indexrelid, p.indisprimary
    having bool_and(coalesce(p.column_name = 'brand_id', false) or k.name is not null)
  )
  select i.relname::text, k.columns, k.folded, k.indisprimary
  from keys k
  join pg_class i on i.oid = k.indexrelid
  where k.columns is not null and (k.indisprimary or (k.has_brand and not coalesce(k.has_key, false)))
  order by
    k.indisprimary and not k.has_brand,
    -- (brand_id, id) says no more than the key it contains.
    not k.indisprimary and k.columns && (
      select array_agg(q.column_name) from parts q where q.indisprimary and q.column_name <> 'brand_id'),
    k.indexrelid
$$;
comment on function app_hidden.import_keys(text, text) is 'The unique keys by which an import can find a record of the brand, best first.';

-- The mapping as it will be used, and the key that goes with it.
create function app_private.checked_table_mapping(
  target text, role_name text, header text[], mapping jsonb, unique_key text, out checked jsonb, out key_name text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry record;
  v_key text;
  v_key_columns text[] := '{}';
  v_missing text;
begin
  checked := jsonb_strip_nulls(mapping);
  if jsonb_typeof(checked) is distinct from 'object' or checked = '{}' then
    raise exception 'The mapping must name a column for each field'
      using errcode = 'INVAL', column = 'mapping', hint = 'For example {"name": "title"}';
  end if;
  for v_entry in
    select e.key, e.value, c.name
    from jsonb_each(checked) e
    left join app_hidden.import_columns(checked_table_mapping.target, role_name) c on c.name = e.key
  loop
    if v_entry.name is null then
      raise exception 'There is no field named % that you may import', left(v_entry.key, 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Leave it out';
    end if;
    if jsonb_typeof(v_entry.value) <> 'string' then
      raise exception 'The column of % must be a text', v_entry.key using errcode = 'INVAL', column = 'mapping';
    end if;
    if (v_entry.value #>> '{}') <> all (header) and (v_entry.value #>> '{}') !~ '^=.' then
      raise exception 'The file has no column named "%"', left(v_entry.value #>> '{}', 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose another column for ' || v_entry.key;
    end if;
  end loop;

  if checked_table_mapping.unique_key is distinct from 'none' then
    -- Unless one is asked for: the best whose columns are all in the file.
    select k.name, k.columns into v_key, v_key_columns
    from app_hidden.import_keys(checked_table_mapping.target, role_name) with ordinality
      as k (name, columns, folded, is_primary, place)
    where case
      when checked_table_mapping.unique_key is not null then k.name = checked_table_mapping.unique_key
      else checked ?& k.columns
    end
    order by k.place
    limit 1;
    if v_key is null and checked_table_mapping.unique_key is not null then
      raise exception 'There is no such key' using errcode = 'INVAL', column = 'unique_key', hint = 'Choose one of the keys offered, or "none"';
    end if;
    if v_key is not null and not checked ?& v_key_columns then
      raise exception 'The key needs a column for: %', array_to_string(v_key_columns, ', ')
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose the columns, or another key';
    end if;
    if v_key is not null and not exists (
      select from unnest(v_key_columns) c where (checked ->> c) = any (header)
    ) then
      raise exception 'With this key every row would be the same record'
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose a column of the file for ' || v_key_columns[1];
    end if;
  end if;
  key_name := coalesce(v_key, 'none');

  -- A key that may not be written is of use to find records by, and for nothing else.
  select coalesce(jsonb_object_agg(e.key, e.value), '{}') into checked
  from jsonb_each(checked) e
  join app_hidden.import_columns(checked_table_mapping.target, role_name) c on c.name = e.key
  where not c.match_only or c.name = any (v_key_columns);
  select c.name into v_missing
  from app_hidden.import_columns(checked_table_mapping.target, role_name) c
  where not c.nullable and c.default_value is null and not c.match_only and not checked ? c.name
  order by c.place
  limit 1;
  if v_missing is not null then
    raise exception 'Choose the column that holds the %', app_hidden.import_label(v_missing)
      using errcode = 'INVAL', column = 'mapping';
  end if;
end
$$;
comment on function app_private.checked_table_mapping(text, text, text[], jsonb, text) is
  'Refuses a mapping that cannot work for this table and header; else returns it, and the name of the key ("none" when every row is new).';
revoke execute on function app_private.checked_table_mapping(text, text, text[], jsonb, text) from public;

-- The first row with a key wins, wherever in the file the others stand. Compared
-- as text: "1" and "1.0" are told apart here and meet at the unique index.
create function app_private.mark_repeated_keys(run app_public.import_runs) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with parts as materialized (
    -- Once, not for every row.
    select c.place, c.folded, array_position(run.header, run.mapping ->> c.name) as at,
      substr(run.mapping ->> c.name, 2) as fixed
    from app_hidden.import_keys(run.target, ':ROLE_BRAND_OWNER') u
    cross join lateral unnest(u.columns, u.folded) with ordinality as c (name, folded, place)
    where u.name = run.unique_key
  ),
  keys as (
    select i.line_no, array_agg(case when p.folded then lower(t.value) else t.value end order by p.place) as key
    from app_private.import_rows i
    cross join parts p
    cross join lateral (select app_hidden.import_text(coalesce(i.fields[p.at], p.fixed)) as value) t
    where i.run_id = run.id and cardinality(i.fields) = cardinality(run.header)
    group by i.line_no
  )
  update app_private.import_rows s set first_line = d.first_line
  from (
    select k.line_no, min(k.line_no) over (partition by k.key) as first_line
    from keys k
    where array_position(k.key, null) is null
  ) d
  where s.run_id = run.id and s.line_no = d.line_no and d.first_line < d.line_no
$$;
comment on function app_private.mark_repeated_keys(app_public.import_runs) is 'Marks staged rows that repeat the key of an earlier line.';
revoke execute on function app_private.mark_repeated_keys(app_public.import_runs) from public;

create function app_hidden.import_plan(run app_public.import_runs)
returns table (
  place integer, name text, type text, kind text, item_type text, is_array boolean, nullable boolean,
  default_value text, updatable boolean, match_only boolean, at integer, fixed text, in_key boolean, folded boolean
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (row_number() over (order by c.place))::integer, c.name, c.type, c.kind, c.item_type, c.is_array, c.nullable,
    c.default_value, c.updatable, c.match_only,
    array_position(run.header, m.value), substr(m.value, 2),
    k.name is not null, coalesce(k.folded[array_position(k.columns, c.name)], false)
  from jsonb_each_text(run.mapping) m
  join app_hidden.import_columns(run.target) c on c.name = m.key
  left join app_hidden.import_keys(run.target) k on k.name = run.unique_key and c.name = any (k.columns)
$$;
comment on function app_hidden.import_plan(app_public.import_runs) is 'The mapped columns of a run, each with where its value comes from and how it is stored.';

-- What a person reads when the database refuses a row: {field, code, sentence}.
-- The tag "@error CODE field sentence" of a constraint's comment comes first; no
-- message, name or value of PostgreSQL's own gets through.
create function app_hidden.import_refusal(
  target text, state text, message text, schema_name text, table_name text, constraint_name text, column_name text
) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table oid := to_regclass(format('%I.%I', schema_name, table_name));
  v_comment text;
  v_tag text[];
  v_column text;
  v_label text;
  v_most text;
begin
  if state in ('INVAL', 'DNIED', 'TAKEN', 'INUSE', 'NTFND', 'LIMIT', 'LASTO', 'NOMAP', 'EXPRD') then
    return array[coalesce(nullif(column_name, ''), 'row'), state, message];
  end if;
  select coalesce(obj_description(k.oid, 'pg_constraint'), ''), a.attname::text,
    (regexp_match(pg_get_constraintdef(k.oid), 'length\(\(?"?[a-z_0-9]+"?\)?(?:::[a-z ]+)?\) <= (\d{1,9})'))[1]
  into v_comment, v_column, v_most
  from pg_constraint k
  left join pg_attribute a on a.attrelid = k.conrelid and a.attnum = (
    select n from unnest(k.conkey) with ordinality as c (n, at)
    join pg_attribute b on b.attrelid = k.conrelid and b.attnum = c.n
    where b.attname <> 'brand_id' order by c.at desc limit 1
  )
  where k.conrelid = v_table and k.conname = constraint_name;
  if v_comment is null then
    select coalesce(obj_description(i.indexrelid, 'pg_class'), '') into v_comment
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = v_table and c.relname = constraint_name;
  end if;
  v_tag := regexp_match(v_comment, '^@error[ \t]+(\S+)[ \t]+(\S+)[ \t]+([^\n]+)', 'n');
  if v_tag is not null then
    return array[v_tag[2], v_tag[1], rtrim(v_tag[3], '. ')];
  end if;
  if v_table = to_regclass(format('app_public.%I', target)) then
    v_column := coalesce(v_column, nullif(column_name, ''), 'row');
  else
    v_column := 'row';
  end if;
  v_label := case when v_column = 'row' then 'value' else app_hidden.import_label(v_column) end;
  return case state
    when '23505' then array[v_column, 'TAKEN', format('Another record already has this %s', v_label)]
    when '23P01' then array[v_column, 'TAKEN', format('Another record is in the way of this %s', v_label)]
    when '23503' then array[v_column, 'NTFND', format('There is no such %s', v_label)]
    when '23502' then array[v_column, 'EMPTY', format('No %s', v_label)]
    when '23514' then array[v_column, 'INVAL', case
      when v_most is not null then format('The %s has %s characters at most', v_label, v_most)
      else format('The %s is not one the table accepts', v_label)
    end]
    when '42501' then array['row', 'DNIED', 'You may not store this record']
    when '44000' then array['row', 'DNIED', 'You may not store this record']
    else array['row', 'INVAL', 'A rule of the table refuses this row']
  end;
end
$$;
comment on function app_hidden.import_refusal(text, text, text, text, text, text, text) is 'Field, code and sentence for a row that the database refused.';

create function app_hidden.import_table_batch(run_id uuid, after_line integer, batch_size integer default 1000)
returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_hidden.lock_import_run(import_table_batch.run_id, import_table_batch.after_line);
  v_rows jsonb;
  v_refusals jsonb[];
  v_last integer;
  v_values text;       -- ($1)[1]::type as "name", …
  v_match text;        -- how a record is found; null when every row is new
  v_differs text;      -- a written column that says something else
  v_frozen text;       -- the first such column that may not be changed
  v_insert text;
  v_update text;
  v_id integer;        -- where the values hold a key that may not be given
  v_id_name text;
  v_row record;
  v_fault text[];
  v_count integer;
  v_created integer := 0;
  v_updated integer := 0;
  v_unchanged integer := 0;
  v_state text;
  v_message text;
  v_schema text;
  v_table text;
  v_constraint text;
  v_column text;
begin
  if (select count(*) from app_hidden.import_plan(v_run)) <> (select count(*) from jsonb_object_keys(v_run.mapping))
    or (v_run.unique_key <> 'none' and not exists (select from app_hidden.import_plan(v_run) p where p.in_key)) then
    raise exception 'The columns of this import may no longer be written' using errcode = 'DNIED', hint = 'Upload the file again';
  end if;

  -- 1. Every cell to a value of its column, or the one reason the row is refused.
  with plan as materialized (select p.* from app_hidden.import_plan(v_run) p),
  staged as materialized (
    select s.* from app_hidden.staged_import_rows(v_run.id, v_run.checkpoint_line, import_table_batch.batch_size) s
  ),
  texts as materialized (
    -- As import_text reads it, written out: this is the most frequent step of all.
    select s.line_no, p.place,
      case when c.t = '' or upper(c.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else c.t end as value
    from staged s
    cross join plan p
    cross join lateral (
      select btrim(coalesce(s.fields[p.at], p.fixed), E' \t\n\r\x0b\f\u00a0\u200b\ufeff') as t
    ) b
    cross join lateral (
      select case
        when b.t ~ E'^''[=+@\t\r\n-]' then btrim(substr(b.t, 2), E' \t\n\r\x0b\f\u00a0\u200b\ufeff') else b.t
      end as t
    ) c
    where cardinality(s.fields) = cardinality(v_run.header)
  ),
  converted as materialized (
    -- Each value once: a season stands in many rows.
    select d.place, d.value, app_hidden.import_value(d.value, p.kind, p.item_type, p.is_array) as read
    from (select distinct t.place, t.value from texts t where t.value is not null) d
    join plan p on p.place = d.place
  ),
  cells as (
    select t.line_no, p.place, p.name, c.read[1] as value, case
      when c.read[2] is not null then array['INVAL', c.read[2]]
      when t.value is null and (
        not p.nullable and p.default_value is null or p.in_key and p.default_value is null
      ) then array['EMPTY', 'No ' || app_hidden.import_label(p.name)]
    end as fault
    from texts t
    join plan p on p.place = t.place
    left join converted c on c.place = t.place and c.value = t.value
  ),
  read as (
    select c.line_no, array_agg(c.value order by c.place) as "values",
      (array_agg(c.name order by c.place) filter (where c.fault is not null))[1] as field,
      (array_agg(c.fault[1] order by c.place) filter (where c.fault is not null))[1] as code,
      (array_agg(c.fault[2] order by c.place) filter (where c.fault is not null))[1] as reason
    from cells c
    group by c.line_no
  ),
  judged as (
    select s.line_no, r."values", case
      when exists (select from unnest(s.fields) u where left(u, 1) = '"' and u ~ E'[\n\r]')
        then array['row', 'QUOTE', 'A quote is not closed where it should be, so following lines became part of this row']
      when cardinality(s.fields) < cardinality(v_run.header) then array['row', 'SHORT', format(
        '%s %s where the header has %s: the line is cut off, or a delimiter is missing',
        cardinality(s.fields), case cardinality(s.fields) when 1 then 'field' else 'fields' end, cardinality(v_run.header))]
      when cardinality(s.fields) > cardinality(v_run.header) then array['row', 'LONGR', format(
        '%s fields where the header has %s: a text that contains the delimiter may lack its quotes',
        cardinality(s.fields), cardinality(v_run.header))]
      when r.code is not null then array[r.field, r.code, r.reason]
      when s.first_line is not null then (
        select array[min(p.name), 'TWICE', format('Line %s of this file already has the same %s', s.first_line,
          string_agg(app_hidden.import_label(p.name), ' and ' order by p.place))]
        from plan p where p.in_key)
    end as fault
    from staged s
    left join read r on r.line_no = s.line_no
  )
  select max(j.line_no),
    coalesce(jsonb_agg(jsonb_build_object('l', j.line_no, 'v', j."values") order by j.line_no) filter (where j.fault is null), '[]'),
    array_agg(jsonb_build_object('line_no', j.line_no, 'field', j.fault[1], 'code', j.fault[2], 'reason', j.fault[3]))
      filter (where j.fault is not null)
  into v_last, v_rows, v_refusals
  from judged j;
  if v_last is null then
    -- Nothing is staged after the checkpoint: the run is at its end.
    return v_run;
  end if;

  -- 2. The statements. An empty cell of a column that must have a value takes the
  -- default in a new record and keeps what a record has.
  select
    string_agg(format('(r.v[%s])::%s as %I', p.place, p.type, p.name), ', ' order by p.place),
    string_agg(
      case when p.folded then format('lower(t.%1$I) = lower(n.%1$I)', p.name) else format('t.%1$I = n.%1$I', p.name) end,
      ' and ' order by p.place
    ) filter (where p.in_key),
    coalesce(string_agg(format('(%s)', d.differs), ' or ' order by p.place) filter (where d.compared), 'false'),
    'case ' || string_agg(format('when %s then %L', d.differs, p.name), ' ' order by p.place)
      filter (where d.compared and not p.updatable) || ' end',
    format('insert into app_public.%I (brand_id%s) select $2%s from (select $1 as v) r',
      v_run.target,
      string_agg(format(', %I', p.name), '' order by p.place) filter (where not p.match_only),
      string_agg(case
        when not p.nullable and p.default_value is not null
          then format(', coalesce((r.v[%s])::%s, %s)', p.place, p.type, p.default_value)
        else format(', (r.v[%s])::%s', p.place, p.type)
      end, '' order by p.place) filter (where not p.match_only)),
    string_agg(case
      when p.nullable then format('%1$I = n.%1$I', p.name) else format('%1$I = coalesce(n.%1$I, t.%1$I)', p.name)
    end, ', ' order by p.place) filter (where d.compared and p.updatable),
    min(p.place) filter (where p.match_only),
    min(p.name) filter (where p.match_only)
  into v_values, v_match, v_differs, v_frozen, v_insert, v_update, v_id, v_id_name
  from app_hidden.import_plan(v_run) p
  cross join lateral (
    select not p.in_key or p.folded as compared, case
      when p.is_array and p.kind <> 'json' then format('t.%1$I is distinct from n.%1$I', p.name)
      when p.kind = 'text' then format(
        't.%1$I is distinct from n.%1$I and app_hidden.import_text(t.%1$I::text) is distinct from n.%1$I::text', p.name)
      when p.kind = 'json' then format('to_jsonb(t.%1$I) is distinct from to_jsonb(n.%1$I)', p.name)
      else format('t.%1$I is distinct from n.%1$I', p.name)
    end || case when p.nullable then '' else format(' and n.%I is not null', p.name) end as differs
  ) d;
  v_update := format(
    'update app_public.%I t set %s from (select %s from (select $1 as v) r) n where t.brand_id = $2 and %s',
    v_run.target, v_update, v_values, v_match
  );

  -- 3. The rows, each in a step of its own: what is refused leaves the others be.
  set constraints all immediate;
  begin
    for v_row in execute case
      when v_match is null then
        'select r.l, r.v, false as found, false as differs, null::text as frozen from jsonb_to_recordset($1) as r (l integer, v text[]) order by r.l'
      else format(
        'select r.l, r.v, t.brand_id is not null as found, (%s) as differs, %s as frozen
         from jsonb_to_recordset($1) as r (l integer, v text[])
         cross join lateral (select %s) n
         left join app_public.%I t on t.brand_id = $2 and %s
         order by r.l',
        v_differs, coalesce(v_frozen, 'null::text'), v_values, v_run.target, v_match)
      end
      using v_rows, v_run.brand_id
    loop
      if v_row.found and not v_row.differs then
        v_unchanged := v_unchanged + 1;
        continue;
      end if;
      v_fault := null;
      if v_row.found and v_row.frozen is not null then
        v_fault := array[v_row.frozen, 'INVAL', format(
          'The %s of a record cannot be changed', app_hidden.import_label(v_row.frozen))];
      elsif not v_row.found and v_row.v[v_id] is not null then
        -- The id of a record that is not there, and ids cannot be given.
        v_fault := array[v_id_name, 'NTFND', 'There is no record with this ' || app_hidden.import_label(v_id_name)];
      else
        begin
          execute case when v_row.found then v_update else v_insert end using v_row.v, v_run.brand_id;
          get diagnostics v_count = row_count;
          if v_count = 0 then
            -- Seen, and no policy lets the member change it.
            v_fault := array['row', 'DNIED', 'You may not change this record'];
          end if;
        exception when others then
          get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_schema = schema_name,
            v_table = table_name, v_constraint = constraint_name, v_column = column_name;
          -- A fault of the row is told and passed over; locks that collided, a
          -- full disk and whatever else is no fault of the row ends the batch.
          if v_state !~ '^(22|23|44)' and v_state not in (
            '42501', 'P0001', 'INVAL', 'DNIED', 'TAKEN', 'INUSE', 'NTFND', 'LIMIT', 'LASTO', 'NOMAP', 'EXPRD'
          ) then
            raise;
          end if;
          v_fault := app_hidden.import_refusal(
            v_run.target, v_state, v_message, v_schema, v_table, v_constraint, v_column);
        end;
      end if;
      if v_fault is not null then
        v_refusals := v_refusals || jsonb_build_object(
          'line_no', v_row.l, 'field', v_fault[1], 'code', v_fault[2], 'reason', v_fault[3]);
      elsif v_row.found then
        v_updated := v_updated + 1;
      else
        v_created := v_created + 1;
      end if;
    end loop;
    if v_run.dry_run then
      -- The same as for real, and then undone; the counts stay.
      raise exception 'dry run' using errcode = 'DRYRN';
    end if;
  exception when sqlstate 'DRYRN' then
    null;
  end;
  return app_hidden.record_import_batch(
    v_run.id, v_last, v_created, v_updated, v_unchanged, to_jsonb(coalesce(v_refusals, '{}'))
  );
end
$$;
comment on function app_hidden.import_table_batch(uuid, integer, integer) is
  'Imports the next rows of the caller''s own run into its table, as the caller, in one transaction; returns the run as it then is.';

revoke execute on function
  app_hidden.import_text(text), app_hidden.import_label(text), app_hidden.import_scalar(text, text, text),
  app_hidden.import_value(text, text, text, boolean), app_hidden.import_columns(text, text),
  app_hidden.import_keys(text, text), app_hidden.import_plan(app_public.import_runs),
  app_hidden.import_refusal(text, text, text, text, text, text, text),
  app_hidden.import_table_batch(uuid, integer, integer)
from public;
grant execute on function
  app_hidden.import_text(text), app_hidden.import_label(text), app_hidden.import_scalar(text, text, text),
  app_hidden.import_value(text, text, text, boolean), app_hidden.import_columns(text, text),
  app_hidden.import_keys(text, text), app_hidden.import_plan(app_public.import_runs),
  app_hidden.import_refusal(text, text, text, text, text, text, text),
  app_hidden.import_table_batch(uuid, integer, integer)
to :ROLE_MANAGER;
--! EndIncluded functions/import/table.sql
--! Included functions/import/worker.sql
-- What the worker does for a run, around the batches: take it up, stage it,
-- find repeated SKUs, learn on whose behalf the next batch runs, end it. Only
-- the worker may call these; none writes a product.

drop function if exists app_private.claim_import_run(uuid);
drop function if exists app_private.import_staging_goes_on(uuid);
drop function if exists app_private.stage_refused_rows(uuid);
drop function if exists app_private.finish_import_staging(uuid);
drop function if exists app_private.import_step(uuid);
drop function if exists app_private.end_import_run(uuid, app_public.import_status, text, text);
drop function if exists app_private.import_requester(text, text);
drop function if exists app_private.tidy_imports();

create function app_private.claim_import_run(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  update app_public.import_runs r set
    status = 'staging', started_at = coalesce(r.started_at, now())
  where r.id = claim_import_run.run_id and r.status in ('queued', 'staging', 'running')
  returning r.* into v_run;
  if not found then
    -- Cancelled while it waited, or done already by a job that ran before.
    select r.* into v_run from app_public.import_runs r where r.id = claim_import_run.run_id;
  elsif v_run.processed_rows = 0 then
    -- From the beginning: what a dry run before it refused is no longer true.
    delete from app_public.import_refusals f where f.run_id = v_run.id;
  end if;
  return v_run;
end
$$;
comment on function app_private.claim_import_run(uuid) is 'Moves a waiting or interrupted run to staging and returns it; a run in any other state is returned as it is.';

create function app_private.import_staging_goes_on(run_id uuid) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Touching the row shows that somebody is at work on it.
  update app_public.import_runs r set status = r.status
  where r.id = import_staging_goes_on.run_id
  returning r.status = 'staging'
$$;
comment on function app_private.import_staging_goes_on(uuid) is 'A sign of life of a run being staged; false when it was cancelled meanwhile.';

create function app_private.stage_refused_rows(run_id uuid) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.import_rows (run_id, line_no, fields, first_line)
  select r.id, f.line_no, f.fields, f.first_line
  from app_public.import_runs r
  join app_public.import_refusals f on f.run_id = r.rerun_of and f.brand_id = r.brand_id
  where r.id = stage_refused_rows.run_id
$$;
comment on function app_private.stage_refused_rows(uuid) is 'Stages the rows that the earlier run refused; the file itself is not needed.';

-- Called in the transaction that staged the rows. The first row with a SKU wins,
-- wherever in the file the others stand.
create function app_private.finish_import_staging(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
  v_at integer;
begin
  select r.* into v_run from app_public.import_runs r where r.id = finish_import_staging.run_id;
  if v_run.rerun_of is null and v_run.method = 'table' then
    perform app_private.mark_repeated_keys(v_run);
  elsif v_run.rerun_of is null then
    v_at := array_position(v_run.header, v_run.mapping ->> 'sku');
    update app_private.import_rows s set first_line = d.first_line
    from (
      select k.line_no, min(k.line_no) over (partition by k.sku) as first_line
      from (
        select i.line_no, btrim(
          translate(replace(i.fields[v_at], E'\r\n', ' '), E'\t\n\r\x0b\f\u00a0', '      '), E' \u200b\ufeff'
        ) as sku
        from app_private.import_rows i
        where i.run_id = v_run.id and cardinality(i.fields) = cardinality(v_run.header)
      ) k
      where k.sku <> ''
    ) d
    where s.run_id = v_run.id and s.line_no = d.line_no and d.first_line < d.line_no;
  end if;
  update app_public.import_runs r set
    total_rows = (select count(*) from app_private.import_rows i where i.run_id = r.id),
    status = case when r.status = 'staging' then 'running' else r.status end
  where r.id = v_run.id
  returning r.* into v_run;
  return v_run;
end
$$;
comment on function app_private.finish_import_staging(uuid) is 'Marks rows that repeat a SKU of the same file, counts the rows and lets the run begin.';

-- Asked before every batch: what is to be done, and as whom. The role is read
-- from the membership of this moment; without one it is null and nothing more
-- is imported in that person's name.
create function app_private.import_step(run_id uuid)
returns table (
  status app_public.import_status, checkpoint_line integer, total_rows integer, processed_rows integer,
  role_name text, user_id uuid, brand_id uuid
)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select r.status, r.checkpoint_line, r.total_rows, r.processed_rows,
    case m.role when 'manager' then ':ROLE_MANAGER' when 'owner' then ':ROLE_BRAND_OWNER' end,
    m.user_id, m.brand_id
  from app_public.import_runs r
  left join app_public.brand_accounts b on b.id = r.brand_id and b.status in ('onboarding', 'active')
  left join app_public.users u on u.id = r.requested_by and u.status = 'active'
  left join app_public.brand_members m
    on m.brand_id = b.id and m.user_id = u.id and m.role >= 'manager'::app_public.brand_role
  where r.id = import_step.run_id
$$;
comment on function app_private.import_step(uuid) is 'Where a run stands and as which member its next batch runs; no role when the membership has ended.';

create function app_private.end_import_run(
  run_id uuid, outcome app_public.import_status, error_code text default null, error_message text default null
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  if outcome not in ('completed', 'cancelled', 'failed') then
    raise exception 'A run cannot end as %', outcome using errcode = 'STATE';
  end if;
  update app_public.import_runs r set
    status = end_import_run.outcome,
    error_code = end_import_run.error_code,
    error_message = end_import_run.error_message,
    finished_at = now()
  where r.id = end_import_run.run_id and r.status in ('queued', 'staging', 'running', 'cancelling')
  returning r.* into v_run;
  if not found then
    select r.* into v_run from app_public.import_runs r where r.id = end_import_run.run_id;
  end if;
  delete from app_private.import_rows s where s.run_id = end_import_run.run_id;
  return v_run;
end
$$;
comment on function app_private.end_import_run(uuid, app_public.import_status, text, text) is 'Ends a run as completed, cancelled or failed and empties its staging.';

create function app_private.import_requester(brand_slug text, email text default null)
returns table (role_name text, user_id uuid, brand_id uuid, brand_name text, user_email text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select case m.role when 'manager' then ':ROLE_MANAGER' when 'owner' then ':ROLE_BRAND_OWNER' end,
    m.user_id, m.brand_id, b.name, u.email
  from app_public.brand_accounts b
  join app_public.brand_members m on m.brand_id = b.id
  join app_public.users u on u.id = m.user_id and u.status = 'active'
  where b.slug = import_requester.brand_slug
    and b.status in ('onboarding', 'active')
    and case
      when import_requester.email is null then m.role = 'owner'::app_public.brand_role
      else u.email = lower(import_requester.email) and m.role >= 'manager'::app_public.brand_role
    end
  order by m.created_at, m.user_id
  limit 1
$$;
comment on function app_private.import_requester(text, text) is 'For the command line: the member in whose name a brand''s catalogue is imported; its first owner unless an e-mail says otherwise.';

-- A run that should move and has not for five minutes lost its worker. A file
-- is let go when its time is over and no run needs it; what deletes files then
-- finds that nothing refers to it.
create function app_private.tidy_imports() returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run_id uuid;
  v_queued integer := 0;
  v_released integer;
begin
  for v_run_id in
    select r.id
    from app_public.import_runs r
    where r.status in ('queued', 'staging', 'running', 'cancelling')
      and r.updated_at < now() - interval '5 minutes'
  loop
    perform app_private.queue_import_run(v_run_id);
    v_queued := v_queued + 1;
  end loop;

  update app_public.import_runs r set
    storage_key = null,
    status = case when r.status = 'uploaded' then 'cancelled' else r.status end,
    finished_at = coalesce(r.finished_at, now())
  from app_public.storage_objects o
  where o.key = r.storage_key and o.retention_until < now()
    and r.status in ('uploaded', 'completed', 'cancelled', 'failed');
  get diagnostics v_released = row_count;
  return jsonb_build_object('queued', v_queued, 'released', v_released);
end
$$;
comment on function app_private.tidy_imports() is 'Queues stalled imports again and lets go of files past their time; returns how many of each.';

revoke execute on function
  app_private.claim_import_run(uuid), app_private.import_staging_goes_on(uuid), app_private.stage_refused_rows(uuid),
  app_private.finish_import_staging(uuid), app_private.import_step(uuid),
  app_private.end_import_run(uuid, app_public.import_status, text, text),
  app_private.import_requester(text, text), app_private.tidy_imports()
from public;
grant execute on function
  app_private.claim_import_run(uuid), app_private.import_staging_goes_on(uuid), app_private.stage_refused_rows(uuid),
  app_private.finish_import_staging(uuid), app_private.import_step(uuid),
  app_private.end_import_run(uuid, app_public.import_status, text, text),
  app_private.import_requester(text, text), app_private.tidy_imports()
to :ROLE_WORKER;
--! EndIncluded functions/import/worker.sql
--! Included functions/live/notify.sql
-- Live updates: a trigger tells the server which row changed, never what it
-- says. The server fetches the row as each subscriber, so policies decide.

drop function if exists app_private.tg__notify_row() cascade;

create function app_private.tg__notify_row() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  -- PostgreSQL folds equal notifications of one transaction into one.
  if TG_OP = 'DELETE' then
    perform pg_catalog.pg_notify(TG_ARGV[0], OLD.id::text);
  else
    perform pg_catalog.pg_notify(TG_ARGV[0], NEW.id::text);
  end if;
  return null;
end;
$$;

revoke execute on function app_private.tg__notify_row() from public;

comment on function app_private.tg__notify_row() is
  $$Notifies the channel named by its argument with the id of the changed row.$$;

create trigger _950_notify
  after insert or update or delete on app_public.import_runs
  for each row
  execute function app_private.tg__notify_row('app_import_run');
--! EndIncluded functions/live/notify.sql

--------------------------------------------------------------------------------
-- 9020 Access rules: one file per table.
--------------------------------------------------------------------------------

--! Included policies/_private.sql
-- Tables of app_private: closed to everybody, row-level security on, no policy.
-- Functions owned by the database's owner are the only way in. The import
-- staging stays without row-level security, because COPY FROM is refused under
-- it; only the worker may touch it.
call app_private.close_table('app_private.settings');
call app_private.close_table('app_private.partitioned_tables');
call app_private.close_table('app_private.user_secrets');
call app_private.close_table('app_private.sessions');
call app_private.close_table('app_private.login_throttle');
call app_private.close_table('app_private.password_resets');
call app_private.close_table('app_private.password_reset_requests');
call app_private.close_table('app_private.invitation_secrets');
call app_private.close_table('app_private.idempotency_keys');

call app_private.close_table('app_private.import_rows');
alter table app_private.import_rows disable row level security;
grant select, insert, update, delete on app_private.import_rows to :ROLE_WORKER;
--! EndIncluded policies/_private.sql
--! Included policies/audit_log.sql
-- Read by the owner of a brand (that brand's rows) and by staff admins. Written
-- by definer triggers only; nobody may insert, update or delete.
call app_private.close_table('app_public.audit_log');

create policy fence_brand on app_public.audit_log as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.audit_log for select to :ROLE_BRAND_OWNER using (true);
create policy select_staff on app_public.audit_log for select to :ROLE_STAFF_ADMIN using (true);

grant select on app_public.audit_log to :ROLE_BRAND_OWNER, :ROLE_STAFF_ADMIN;
--! EndIncluded policies/audit_log.sql
--! Included policies/users.sql
-- A person sees and edits the own row. Members of one brand see each other
-- through brand_people, which the reader role filters. Staff see everybody;
-- support may suspend. Rows are made by registration and invitation, and end by
-- erasure: no insert, no delete.
call app_private.close_table('app_public.users');

create policy select_own on app_public.users for select to :ROLE_USER, :ROLE_VIEWER
  using (id = (select app_hidden.current_user_id()));
create policy update_own on app_public.users for update to :ROLE_USER, :ROLE_VIEWER
  using (id = (select app_hidden.current_user_id()))
  with check (id = (select app_hidden.current_user_id()));
create policy select_people on app_public.users for select to :ROLE_READER
  using (id in (
    select m.user_id from app_public.brand_members m where m.brand_id = (select app_hidden.current_brand_id())
  ));
create policy select_staff on app_public.users for select to :ROLE_STAFF using (true);
create policy update_support on app_public.users for update to :ROLE_STAFF_SUPPORT
  using (status <> 'erased') with check (status <> 'erased');
create policy select_worker on app_public.users for select to :ROLE_WORKER using (true);

grant select on app_public.users to :ROLE_USER, :ROLE_VIEWER, :ROLE_READER, :ROLE_STAFF, :ROLE_WORKER;
grant update (display_name, timezone, updated_at) on app_public.users to :ROLE_USER, :ROLE_VIEWER;
grant update (status, updated_at) on app_public.users to :ROLE_STAFF_SUPPORT;
--! EndIncluded policies/users.sql
--! Included policies/staff_members.sql
-- Staff admins manage staff. Who is staff is looked up by definer functions.
call app_private.close_table('app_public.staff_members');

create policy select_admin on app_public.staff_members for select to :ROLE_STAFF_ADMIN using (true);
create policy insert_admin on app_public.staff_members for insert to :ROLE_STAFF_ADMIN with check (true);
create policy update_admin on app_public.staff_members for update to :ROLE_STAFF_ADMIN
  using (user_id <> (select app_hidden.current_user_id()))
  with check (user_id <> (select app_hidden.current_user_id()));
create policy delete_admin on app_public.staff_members for delete to :ROLE_STAFF_ADMIN
  using (user_id <> (select app_hidden.current_user_id()));

grant select on app_public.staff_members to :ROLE_STAFF_ADMIN;
grant insert (user_id, role) on app_public.staff_members to :ROLE_STAFF_ADMIN;
grant update (role, updated_at) on app_public.staff_members to :ROLE_STAFF_ADMIN;
grant delete on app_public.staff_members to :ROLE_STAFF_ADMIN;
--! EndIncluded policies/staff_members.sql
--! Included policies/brand_accounts.sql
-- A brand sees itself; its managers set name and time zone, its owners the
-- privacy floor too; staff see, make and change all. Nobody deletes: a brand is
-- closed instead.
call app_private.close_table('app_public.brand_accounts');

create policy fence_brand on app_public.brand_accounts as restrictive for all to :ROLE_VIEWER
  using (id = (select app_hidden.current_brand_id()))
  with check (id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.brand_accounts for select to :ROLE_VIEWER using (true);
create policy update_brand on app_public.brand_accounts for update to :ROLE_MANAGER using (true) with check (true);
create policy select_staff on app_public.brand_accounts for select to :ROLE_STAFF using (true);
create policy insert_staff on app_public.brand_accounts for insert to :ROLE_STAFF with check (true);
create policy update_staff on app_public.brand_accounts for update to :ROLE_STAFF using (true) with check (true);
create policy select_worker on app_public.brand_accounts for select to :ROLE_WORKER using (true);

grant select on app_public.brand_accounts to :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant update (name, timezone, updated_at) on app_public.brand_accounts to :ROLE_MANAGER;
grant update (k_min) on app_public.brand_accounts to :ROLE_BRAND_OWNER;
grant insert (slug, name, timezone, dataset_access, custom_model_training, k_min) on app_public.brand_accounts to :ROLE_STAFF;
grant update (slug, name, status, timezone, dataset_access, custom_model_training, k_min, updated_at)
  on app_public.brand_accounts to :ROLE_STAFF;
--! EndIncluded policies/brand_accounts.sql
--! Included policies/brand_members.sql
-- A person sees the own memberships; members see each other's roles; managers
-- change and remove viewers and analysts, owners everybody (but never the last
-- owner: a trigger). Insert is granted to nobody: a membership is made when the
-- invited person accepts.
call app_private.close_table('app_public.brand_members');

create policy fence_brand on app_public.brand_members as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.brand_members for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.brand_members for select to :ROLE_VIEWER using (true);
create policy select_people on app_public.brand_members for select to :ROLE_READER
  using (brand_id = (select app_hidden.current_brand_id()));
create policy update_manager on app_public.brand_members for update to :ROLE_MANAGER
  using (role < 'manager') with check (role < 'manager');
create policy update_owner on app_public.brand_members for update to :ROLE_BRAND_OWNER using (true) with check (true);
create policy delete_manager on app_public.brand_members for delete to :ROLE_MANAGER using (role < 'manager');
create policy delete_owner on app_public.brand_members for delete to :ROLE_BRAND_OWNER using (true);
create policy select_staff on app_public.brand_members for select to :ROLE_STAFF using (true);

grant select on app_public.brand_members to :ROLE_USER, :ROLE_VIEWER, :ROLE_READER, :ROLE_STAFF;
grant update (role, updated_at) on app_public.brand_members to :ROLE_MANAGER;
grant delete on app_public.brand_members to :ROLE_MANAGER;
--! EndIncluded policies/brand_members.sql
--! Included policies/brand_invitations.sql
-- Members see who is invited; managers invite viewers and analysts and take
-- such invitations back, owners any. An accepted one is history: only its
-- pending kind can be removed. Staff see all.
call app_private.close_table('app_public.brand_invitations');

create policy fence_brand on app_public.brand_invitations as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.brand_invitations for select to :ROLE_VIEWER using (true);
create policy insert_manager on app_public.brand_invitations for insert to :ROLE_MANAGER
  with check (role < 'manager' and invited_by = (select app_hidden.current_user_id()));
create policy insert_owner on app_public.brand_invitations for insert to :ROLE_BRAND_OWNER
  with check (invited_by = (select app_hidden.current_user_id()));
create policy update_manager on app_public.brand_invitations for update to :ROLE_MANAGER
  using (role < 'manager' and accepted_at is null) with check (role < 'manager' and accepted_at is null);
create policy update_owner on app_public.brand_invitations for update to :ROLE_BRAND_OWNER
  using (accepted_at is null) with check (accepted_at is null);
create policy delete_manager on app_public.brand_invitations for delete to :ROLE_MANAGER
  using (role < 'manager' and accepted_at is null);
create policy delete_owner on app_public.brand_invitations for delete to :ROLE_BRAND_OWNER using (accepted_at is null);
create policy select_staff on app_public.brand_invitations for select to :ROLE_STAFF using (true);

grant select on app_public.brand_invitations to :ROLE_VIEWER, :ROLE_STAFF;
grant insert (brand_id, email, role, invited_by) on app_public.brand_invitations to :ROLE_MANAGER;
grant update (role, expires_at, updated_at) on app_public.brand_invitations to :ROLE_MANAGER;
grant delete on app_public.brand_invitations to :ROLE_MANAGER;
--! EndIncluded policies/brand_invitations.sql
--! Included policies/currencies.sql
-- Currencies are public knowledge; they change by migration only.
call app_private.close_table('app_public.currencies');

create policy select_all on app_public.currencies for select
  to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER using (true);

grant select on app_public.currencies to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
--! EndIncluded policies/currencies.sql
--! Included policies/wardrobe_categories.sql
-- A lookup everybody reads; staff add and change.
call app_private.close_table('app_public.wardrobe_categories');

create policy select_all on app_public.wardrobe_categories for select
  to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER using (true);
create policy insert_staff on app_public.wardrobe_categories for insert to :ROLE_STAFF with check (true);
create policy update_staff on app_public.wardrobe_categories for update to :ROLE_STAFF using (true) with check (true);

grant select on app_public.wardrobe_categories to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant insert (code, label, grp, tracking, sort, active) on app_public.wardrobe_categories to :ROLE_STAFF;
grant update (label, grp, tracking, sort, active, updated_at) on app_public.wardrobe_categories to :ROLE_STAFF;
--! EndIncluded policies/wardrobe_categories.sql
--! Included policies/storage_objects.sql
-- A person sees and makes the own files, a brand its own; staff see what exists
-- (the row, never the bytes); the worker moves states and deletes bytes. State
-- changes of an upload go through a definer function after the bytes arrived.
call app_private.close_table('app_public.storage_objects');

create policy fence_brand on app_public.storage_objects as restrictive for all to :ROLE_VIEWER
  using (owner_brand_id = (select app_hidden.current_brand_id()))
  with check (owner_brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.storage_objects for select to :ROLE_USER
  using (owner_user_id = (select app_hidden.current_user_id()));
create policy insert_own on app_public.storage_objects for insert to :ROLE_USER
  with check (owner_user_id = (select app_hidden.current_user_id()) and kind in ('selfie', 'garment'));
create policy select_brand on app_public.storage_objects for select to :ROLE_VIEWER using (true);
create policy insert_brand on app_public.storage_objects for insert to :ROLE_MANAGER
  with check (kind in ('garment', 'import'));
create policy select_staff on app_public.storage_objects for select to :ROLE_STAFF using (true);
create policy select_worker on app_public.storage_objects for select to :ROLE_WORKER using (true);
create policy update_worker on app_public.storage_objects for update to :ROLE_WORKER using (true) with check (true);

grant select on app_public.storage_objects to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant insert (key, owner_user_id, owner_brand_id, kind, content_type, bytes) on app_public.storage_objects
  to :ROLE_USER, :ROLE_MANAGER;
grant update (status, retention_until, updated_at) on app_public.storage_objects to :ROLE_WORKER;
--! EndIncluded policies/storage_objects.sql
--! Included policies/products.sql
-- Anybody sees active products; a brand sees all of its own and its managers
-- write them; staff and the worker read all. The brand and the SKU of a product
-- are its identity: the brand cannot be changed at all.
call app_private.close_table('app_public.products');

create policy fence_brand on app_public.products as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_active on app_public.products for select to :ROLE_ANONYMOUS, :ROLE_USER using (active);
create policy select_brand on app_public.products for select to :ROLE_VIEWER using (true);
create policy insert_brand on app_public.products for insert to :ROLE_MANAGER with check (true);
create policy update_brand on app_public.products for update to :ROLE_MANAGER using (true) with check (true);
create policy delete_brand on app_public.products for delete to :ROLE_MANAGER using (true);
create policy select_staff on app_public.products for select to :ROLE_STAFF using (true);
create policy select_worker on app_public.products for select to :ROLE_WORKER using (true);

grant select on app_public.products to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant insert (
  brand_id, sku, name, category_code, brand_label, gender, color, season, year, usage, tags,
  price_minor, currency, image_key, active
) on app_public.products to :ROLE_MANAGER;
grant update (
  sku, name, category_code, brand_label, gender, color, season, year, usage, tags,
  price_minor, currency, image_key, active, updated_at
) on app_public.products to :ROLE_MANAGER;
grant delete on app_public.products to :ROLE_MANAGER;
--! EndIncluded policies/products.sql
--! Included policies/wardrobe_items.sql
-- A shopper's own, and nobody else's: no brand role and no staff role has any
-- right here (staff use break_glass_wardrobe, which is audited).
call app_private.close_table('app_public.wardrobe_items');

create policy select_own on app_public.wardrobe_items for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy insert_own on app_public.wardrobe_items for insert to :ROLE_USER
  with check (user_id = (select app_hidden.current_user_id()));
create policy update_own on app_public.wardrobe_items for update to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()))
  with check (user_id = (select app_hidden.current_user_id()));
create policy delete_own on app_public.wardrobe_items for delete to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_worker on app_public.wardrobe_items for select to :ROLE_WORKER using (true);
create policy update_worker on app_public.wardrobe_items for update to :ROLE_WORKER using (true) with check (true);

grant select on app_public.wardrobe_items to :ROLE_USER, :ROLE_WORKER;
grant insert (user_id, product_id, category_code, name, brand_label, color, ai_tags, color_tags, image_key)
  on app_public.wardrobe_items to :ROLE_USER;
grant update (product_id, category_code, name, brand_label, color, ai_tags, color_tags, image_key, deleted_at, updated_at)
  on app_public.wardrobe_items to :ROLE_USER;
grant delete on app_public.wardrobe_items to :ROLE_USER;
grant update (usage_count, ai_tags, color_tags) on app_public.wardrobe_items to :ROLE_WORKER;
--! EndIncluded policies/wardrobe_items.sql
--! Included policies/item_embeddings.sql
-- As the wardrobe: a shopper's own, read and refreshed by the worker. The key
-- (item_id, user_id) keeps a vector with its item's owner.
call app_private.close_table('app_public.item_embeddings');

create policy select_own on app_public.item_embeddings for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy insert_own on app_public.item_embeddings for insert to :ROLE_USER
  with check (user_id = (select app_hidden.current_user_id()));
create policy update_own on app_public.item_embeddings for update to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()))
  with check (user_id = (select app_hidden.current_user_id()));
create policy delete_own on app_public.item_embeddings for delete to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_worker on app_public.item_embeddings for select to :ROLE_WORKER using (true);
create policy update_worker on app_public.item_embeddings for update to :ROLE_WORKER using (true) with check (true);

grant select on app_public.item_embeddings to :ROLE_USER, :ROLE_WORKER;
grant insert (item_id, user_id, model, embedding) on app_public.item_embeddings to :ROLE_USER;
grant update (model, embedding, updated_at) on app_public.item_embeddings to :ROLE_USER, :ROLE_WORKER;
grant delete on app_public.item_embeddings to :ROLE_USER;
--! EndIncluded policies/item_embeddings.sql
--! Included policies/category_defaults.sql
-- Default meanings of source labels: everybody who imports reads them; they change by migration only.
call app_private.close_table('app_public.category_defaults');

create policy select_all on app_public.category_defaults for select
  to :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER using (true);

grant select on app_public.category_defaults to :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
--! EndIncluded policies/category_defaults.sql
--! Included policies/category_mappings.sql
-- Members read, managers write; staff read.
call app_private.close_table('app_public.category_mappings');

create policy fence_brand on app_public.category_mappings as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.category_mappings for select to :ROLE_VIEWER using (true);
create policy insert_brand on app_public.category_mappings for insert to :ROLE_MANAGER with check (true);
create policy update_brand on app_public.category_mappings for update to :ROLE_MANAGER using (true) with check (true);
create policy delete_brand on app_public.category_mappings for delete to :ROLE_MANAGER using (true);
create policy select_staff on app_public.category_mappings for select to :ROLE_STAFF using (true);

grant select on app_public.category_mappings to :ROLE_VIEWER, :ROLE_STAFF;
grant insert (brand_id, label, category_code) on app_public.category_mappings to :ROLE_MANAGER;
grant update (label, category_code, updated_at) on app_public.category_mappings to :ROLE_MANAGER;
grant delete on app_public.category_mappings to :ROLE_MANAGER;
--! EndIncluded policies/category_mappings.sql
--! Included policies/import_runs.sql
-- Managers see the brand's imports, staff all of them. Runs are made and changed
-- by functions only: no insert is granted, because the worker reads the file
-- that a run names.
call app_private.close_table('app_public.import_runs');

create policy fence_brand on app_public.import_runs as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.import_runs for select to :ROLE_MANAGER using (true);
create policy select_staff on app_public.import_runs for select to :ROLE_STAFF using (true);

grant select on app_public.import_runs to :ROLE_MANAGER, :ROLE_STAFF;
--! EndIncluded policies/import_runs.sql
--! Included policies/import_refusals.sql
-- As the run they belong to: managers of the brand, and staff, read them. A
-- definer function of the import writes them.
call app_private.close_table('app_public.import_refusals');

create policy fence_brand on app_public.import_refusals as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.import_refusals for select to :ROLE_MANAGER using (true);
create policy select_staff on app_public.import_refusals for select to :ROLE_STAFF using (true);

grant select on app_public.import_refusals to :ROLE_MANAGER, :ROLE_STAFF;
--! EndIncluded policies/import_refusals.sql
--! Included policies/saved_views.sql
-- A person's own views; within a brand also those its members share. Only
-- managers make a view the default of a role. Shoppers and staff have views of
-- their own outside any brand.
call app_private.close_table('app_public.saved_views');

create policy fence_brand on app_public.saved_views as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.saved_views for select to :ROLE_USER, :ROLE_STAFF
  using (user_id = (select app_hidden.current_user_id()) and brand_id is null);
create policy insert_own on app_public.saved_views for insert to :ROLE_USER, :ROLE_STAFF
  with check (user_id = (select app_hidden.current_user_id()) and brand_id is null);
create policy update_own on app_public.saved_views for update to :ROLE_USER, :ROLE_STAFF
  using (user_id = (select app_hidden.current_user_id()) and brand_id is null)
  with check (user_id = (select app_hidden.current_user_id()) and brand_id is null);
create policy delete_own on app_public.saved_views for delete to :ROLE_USER, :ROLE_STAFF
  using (user_id = (select app_hidden.current_user_id()) and brand_id is null);

create policy select_brand on app_public.saved_views for select to :ROLE_VIEWER
  using (is_shared or user_id = (select app_hidden.current_user_id()));
create policy insert_brand on app_public.saved_views for insert to :ROLE_VIEWER
  with check (user_id = (select app_hidden.current_user_id()) and default_for is null);
create policy update_brand on app_public.saved_views for update to :ROLE_VIEWER
  using (user_id = (select app_hidden.current_user_id()) and default_for is null)
  with check (user_id = (select app_hidden.current_user_id()) and default_for is null);
create policy delete_brand on app_public.saved_views for delete to :ROLE_VIEWER
  using (user_id = (select app_hidden.current_user_id()) and default_for is null);
create policy insert_manager on app_public.saved_views for insert to :ROLE_MANAGER
  with check (user_id = (select app_hidden.current_user_id()));
create policy update_manager on app_public.saved_views for update to :ROLE_MANAGER
  using (user_id = (select app_hidden.current_user_id()))
  with check (user_id = (select app_hidden.current_user_id()));
create policy delete_manager on app_public.saved_views for delete to :ROLE_MANAGER
  using (user_id = (select app_hidden.current_user_id()));

grant select on app_public.saved_views to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
grant insert (user_id, brand_id, resource, name, view, is_shared, default_for) on app_public.saved_views
  to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
grant update (name, view, is_shared, default_for, updated_at) on app_public.saved_views
  to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
grant delete on app_public.saved_views to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
--! EndIncluded policies/saved_views.sql
