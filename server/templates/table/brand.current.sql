
--------------------------------------------------------------------------------
-- {{table}}. Say here why it exists, and what it must never hold. Undo, then do:
-- this runs on every save, and drops the rows of the last try.
--------------------------------------------------------------------------------

drop table if exists app_public.{{table}};

create table app_public.{{table}} (
  id uuid not null default app_private.uuid_v7() constraint {{table}}_pkey primary key,
  brand_id uuid not null constraint {{table}}_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- For keys of other tables that point here and carry the brand along.
  constraint {{table}}_brand_id_id_key unique (brand_id, id),
  constraint {{table}}_name_check check (length(name) between 1 and 200 and app_private.is_clean_text(name))
);
-- The newest of a brand first: the order of the list.
create index {{table}}_brand_id_created_at_idx on app_public.{{table}} (brand_id, created_at desc, id);

comment on table app_public.{{table}} is $$
@admin.represent name
@admin.list name, created_at
{{label}} of a brand.$$;

create trigger _100_timestamps before insert or update on app_public.{{table}}
  for each row execute function app_private.tg__timestamps();
call app_private.audit_table('app_public.{{table}}', '{id}', '{}', 'brand_id');
-- Open pages follow its changes by themselves.
call app_private.announce_changes('app_public.{{table}}', brand_column => 'brand_id');

-- Few rows to a brand: lists search and sort by name without an index of its own.
comment on column app_public.{{table}}.name is '@isIndexed';
comment on constraint {{table}}_pkey on app_public.{{table}} is '@error TAKEN id A record with this id already exists.';
comment on constraint {{table}}_brand_id_fkey on app_public.{{table}} is '@error NTFND brand_id There is no such brand.';
comment on constraint {{table}}_brand_id_id_key on app_public.{{table}} is '@error TAKEN id A record with this id already exists.';
comment on constraint {{table}}_name_check on app_public.{{table}} is '@error INVAL name A name has 1 to 200 characters and no blanks at its ends.';

--!include policies/{{table}}.sql
