insert into app_public.brand_accounts
  (id, slug, name, status, timezone, dataset_access, custom_model_training, created_at, updated_at)
select
  pg_temp.seed_id('brand', b.n), b.slug, b.name, b.status::app_public.brand_status, b.timezone,
  pg_temp.pick('dataset:' || b.n, 3) = 0, pg_temp.pick('training:' || b.n, 4) = 0,
  $1::timestamptz - make_interval(days => 650 - b.n % 10), $1::timestamptz - make_interval(days => 650 - b.n % 10)
from seed_brands as b
order by b.n
on conflict do nothing;
