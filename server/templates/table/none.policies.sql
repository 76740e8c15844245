-- A lookup that everybody who signed in reads; staff add and change.
call app_private.close_table('app_public.{{table}}');

create policy select_all on app_public.{{table}} for select
  to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER using (true);
create policy insert_staff on app_public.{{table}} for insert to :ROLE_STAFF with check (true);
create policy update_staff on app_public.{{table}} for update to :ROLE_STAFF using (true) with check (true);

grant select on app_public.{{table}} to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
grant insert (code, label, sort, active) on app_public.{{table}} to :ROLE_STAFF;
grant update (label, sort, active, updated_at) on app_public.{{table}} to :ROLE_STAFF;
