-- Selfies and results; $1 is as_of. A picture the demo has bytes for is there; of
-- the others the row says that it is deleted, as after the time it may be kept.
create temp table seed_objects on commit drop as
with named as (
  select
    j.selfie_key as key, 'selfie' as kind, null as category_code, (array_agg(j.user_id))[1] as owner_user_id,
    (array_agg(j.brand_id))[1] as owner_brand_id, min(j.moment) - interval '3 minutes' as created_at, max(j.moment) + interval '30 days' as retention_until,
    j.n
  from seed_jobs as j
  group by j.selfie_key, j.n
  union all
  select
    j.result_key, 'result', min(j.category_code), (array_agg(j.user_id))[1], (array_agg(j.brand_id))[1],
    min(j.finished_at) - interval '1 second', min(j.finished_at) + interval '180 days', j.n
  from seed_jobs as j
  where j.result_key is not null
  group by j.result_key, j.n
)
select
  o.key, o.kind, o.category_code, o.owner_user_id, case when o.owner_user_id is null then o.owner_brand_id end as owner_brand_id,
  o.created_at, o.retention_until, p.file, p.bytes, p.sha256
from named as o
join (select n, bool_or(has_pictures) as has_pictures from seed_wallets group by n) as w on w.n = o.n
left join seed_pictures as p
  on w.has_pictures and o.retention_until > $1::timestamptz and p.kind = o.kind
  and p.category_code is not distinct from o.category_code
  and p.person = pg_temp.pick('person:' || coalesce(o.owner_user_id, o.owner_brand_id), 6)
