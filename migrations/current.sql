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

--!include functions/common/close_table.sql
--!include functions/common/tg__timestamps.sql
--!include functions/common/tg__append_only.sql

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

--!include functions/ops/ensure_partitions.sql
select app_private.ensure_partitions();

create trigger _900_append_only before update or delete on app_public.audit_log
  for each row execute function app_private.tg__append_only();
create trigger _900_append_only_truncate before truncate on app_public.audit_log
  for each statement execute function app_private.tg__append_only();

--!include functions/session/claims.sql
--!include functions/audit/tg__audit.sql

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

--!include functions/session/current_brand_id.sql
--!include functions/ops/enqueue_job.sql
--!include functions/ops/check_invariants.sql
--!include functions/common/triggers.sql
--!include functions/session/brand_people.sql
--!include functions/session/one_owner.sql
--!include functions/catalogue/wardrobe.sql
--!include functions/catalogue/search.sql
--!include functions/audit/break_glass.sql
--!include functions/audit/row_history.sql
--!include functions/common/constraint_messages.sql
--!include functions/auth/_passwords.sql
--!include functions/auth/_tokens.sql
--!include functions/auth/_sessions.sql
--!include functions/auth/settings.sql
--!include functions/auth/resolve_actor.sql
--!include functions/auth/sign_in.sql
--!include functions/auth/register_shopper.sql
--!include functions/auth/password_reset.sql
--!include functions/auth/staff_password_reset.sql
--!include functions/auth/invitations.sql
--!include functions/auth/appoint_staff.sql
--!include functions/auth/clean_up.sql
--!include functions/storage/uploads.sql
--!include functions/import/category_defaults.sql
--!include functions/import/runs.sql
--!include functions/import/batch.sql
--!include functions/import/table.sql
--!include functions/import/worker.sql
--!include functions/live/notify.sql

--------------------------------------------------------------------------------
-- 9020 Access rules: one file per table.
--------------------------------------------------------------------------------

--!include policies/_private.sql
--!include policies/audit_log.sql
--!include policies/users.sql
--!include policies/staff_members.sql
--!include policies/brand_accounts.sql
--!include policies/brand_members.sql
--!include policies/brand_invitations.sql
--!include policies/currencies.sql
--!include policies/wardrobe_categories.sql
--!include policies/storage_objects.sql
--!include policies/products.sql
--!include policies/wardrobe_items.sql
--!include policies/item_embeddings.sql
--!include policies/category_defaults.sql
--!include policies/category_mappings.sql
--!include policies/import_runs.sql
--!include policies/import_refusals.sql
--!include policies/saved_views.sql
