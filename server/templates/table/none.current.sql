
--------------------------------------------------------------------------------
-- {{table}}. A lookup that all brands share: say here what it is for. Undo, then
-- do: this runs on every save, and drops the rows of the last try.
--------------------------------------------------------------------------------

drop table if exists app_public.{{table}};

create table app_public.{{table}} (
  code text constraint {{table}}_pkey primary key,
  label text not null,
  sort integer not null default 0,
  active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint {{table}}_code_check check (code ~ '^[a-z][a-z0-9_]*$' and length(code) <= 60),
  constraint {{table}}_label_check check (length(label) between 1 and 60 and app_private.is_clean_text(label))
);

comment on table app_public.{{table}} is $$
@admin.represent label
@admin.list label, sort, active
{{label}}: a lookup that everybody reads and staff keep.$$;

create trigger _100_timestamps before insert or update on app_public.{{table}}
  for each row execute function app_private.tg__timestamps();
call app_private.audit_table('app_public.{{table}}', '{code}');
-- Open pages follow its changes by themselves.
call app_private.announce_changes('app_public.{{table}}');

comment on constraint {{table}}_pkey on app_public.{{table}} is '@error TAKEN code This code already exists.';
comment on constraint {{table}}_code_check on app_public.{{table}} is '@error INVAL code A code has small letters, digits and underscores, and begins with a letter.';
comment on constraint {{table}}_label_check on app_public.{{table}} is '@error INVAL label A label has 1 to 60 characters and no blanks at its ends.';

--!include policies/{{table}}.sql
