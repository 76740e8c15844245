-- A denim maker's own words; the third says "we know, and refuse it".
insert into app_public.category_mappings (id, brand_id, label, category_code, created_at, updated_at)
select
  pg_temp.seed_id('mapping', v.n), b.id, v.label, v.category_code,
  $1::timestamptz - interval '120 days', $1::timestamptz - interval '120 days'
from (
  values (1, 'Truckers', 'jackets'), (2, 'Five-Pockets', 'bottoms'), (3, 'Shop Aprons', null)
) as v (n, label, category_code)
join app_public.brand_accounts as b on b.id = pg_temp.seed_id('brand', 2)
order by v.n
on conflict do nothing;
