-- A person's own, and nobody else's: no brand role and no staff role has any
-- right here.
call app_private.close_table('app_public.{{table}}');

create policy select_own on app_public.{{table}} for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy insert_own on app_public.{{table}} for insert to :ROLE_USER
  with check (user_id = (select app_hidden.current_user_id()));
create policy update_own on app_public.{{table}} for update to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()))
  with check (user_id = (select app_hidden.current_user_id()));
create policy delete_own on app_public.{{table}} for delete to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));

grant select on app_public.{{table}} to :ROLE_USER;
grant insert (user_id, name) on app_public.{{table}} to :ROLE_USER;
grant update (name, updated_at) on app_public.{{table}} to :ROLE_USER;
grant delete on app_public.{{table}} to :ROLE_USER;
