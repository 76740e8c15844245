-- Some of today, by the functions everybody uses: for a shopper and for a brand
-- one completed, one cancelled, and some that wait. Only where nobody has asked
-- for anything since as_of, and the selfie of the history is there.
create function pg_temp.seed_today(as_of timestamptz) returns setof uuid
language plpgsql
as $$
declare
  v_is_brand boolean;
  v_user uuid := pg_temp.seed_id('shopper', 1);
  v_brand uuid := pg_temp.seed_id('brand', 1);
  v_selfie text;
  v_product app_public.products;
  v_job app_public.tryon_jobs;
  v_picture seed_pictures;
  v_key text;
  v_number integer;
begin
  create temp table seed_objects (key text not null, file text not null) on commit drop;
  if exists (select from app_public.tryon_jobs as j where j.id >= app_private.uuid_v7_floor(as_of)) then
    return;
  end if;
  foreach v_is_brand in array '{false,true}'::boolean[] loop
    select o.key into v_selfie
    from app_public.storage_objects as o
    where o.kind = 'selfie' and o.status = 'available' and o.retention_until > now()
      and case when v_is_brand then o.owner_brand_id = v_brand else o.owner_user_id = v_user end
    order by o.key
    limit 1;
    continue when not found;
    v_number := 0;
    for v_product in
      select p.* from app_public.products as p
      where p.brand_id = v_brand and p.active and p.category_code in ('dresses', 'jackets', 'heels')
      order by md5(p.sku || v_is_brand) limit 5
    loop
      v_number := v_number + 1;
      v_job := app_private.create_tryon(
        case when not v_is_brand then v_user end, case when v_is_brand then v_brand end, v_product.category_code, v_selfie,
        array[v_product.id], '{}', case when not v_is_brand then 'iphone' end, case when not v_is_brand then '4.3.2' end
      );
      if v_number = 1 then
        update app_public.tryon_jobs as j set status = 'processing', locked_by = 'gpu-1/0', locked_until = now() + interval '1 minute'
        where j.id = v_job.id;
        select * into strict v_picture from seed_pictures as p
        where p.kind = 'result' and p.category_code = v_product.category_code
          and p.person = pg_temp.pick('person:' || case when v_is_brand then v_brand else v_user end, 6);
        v_key := app_private.begin_tryon_result('gpu-1/0', v_job.id, 1, 'image/png', v_picture.bytes);
        insert into seed_objects (key, file) values (v_key, v_picture.file);
        perform app_private.complete_upload(v_key, v_picture.bytes, v_picture.sha256);
        perform app_private.complete_tryon('gpu-1/0', v_job.id, 1, v_key, 0.9312, 2140);
      elsif v_number = 2 then
        update app_public.tryon_jobs as j set status = 'cancelled' where j.id = v_job.id;
      else
        -- Behind everybody else's: a demo's queue must not make a real job wait.
        update app_public.tryon_jobs as j set priority = -5 where j.id = v_job.id;
      end if;
      return next v_job.id;
    end loop;
  end loop;
end
$$
