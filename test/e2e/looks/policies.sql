-- Members read the looks of their brand, managers write them; staff read.
call app_private.close_table('app_public.looks');

create policy fence_brand on app_public.looks as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.looks for select to :ROLE_VIEWER using (true);
create policy insert_brand on app_public.looks for insert to :ROLE_MANAGER with check (true);
create policy update_brand on app_public.looks for update to :ROLE_MANAGER using (true) with check (true);
create policy delete_brand on app_public.looks for delete to :ROLE_MANAGER using (true);
create policy select_staff on app_public.looks for select to :ROLE_STAFF using (true);

grant select on app_public.looks to :ROLE_VIEWER, :ROLE_STAFF;
grant insert (brand_id, name, season, product_id, price_minor, currency, tags, image_key, details)
  on app_public.looks to :ROLE_MANAGER;
grant update (name, season, product_id, price_minor, currency, tags, image_key, details, updated_at)
  on app_public.looks to :ROLE_MANAGER;
grant delete on app_public.looks to :ROLE_MANAGER;
