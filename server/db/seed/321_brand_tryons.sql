-- What brands asked for themselves, on pictures of models, and paid; $1 is as_of.
insert into seed_jobs
with asked as (
  select w.*, i.n as i, w.n || ':' || i.n as key
  from seed_wallets as w
  cross join lateral generate_series(1, case when w.n = 1 then 46 when w.n = 2 then 31 when w.n <= 12 then w.n % 4 else 120 end) as i (n)
  where w.owner_brand_id is not null
), chosen as (
  select
    a.*, p.id as product_id, p.category_code,
    -- The bulk lies further back, and never before the credits that paid for it.
    $1::timestamptz - make_interval(days => 1 + least(
      pg_temp.pick('shoot-day:' || a.key, case when a.n <= 12 then 28 else 170 end),
      ($1::timestamptz at time zone 'UTC')::date - (p.created_at at time zone 'UTC')::date - 2
    )) + interval '7 hours' + make_interval(secs => pg_temp.pick('shoot-second:' || a.key, 36000)) as moment,
    pg_temp.pick('shoot-end:' || a.key, 100) as fate
  from asked as a
  join seed_brands as b on b.n = a.n
  join app_public.products as p
    on p.id = pg_temp.seed_id('product', b.n::bigint * 100000 + 1 + pg_temp.pick('shoot-product:' || a.key, b.product_count))
  where p.created_at < $1::timestamptz - interval '2 days'
), ended as (
  select
    c.*, (case when c.fate < 88 then 'completed' when c.fate < 95 then 'failed' else 'cancelled' end)::app_public.tryon_status as status,
    case when c.fate < 8 then 2 when c.fate < 92 then 1 when c.fate < 95 then 3 else 0 end as attempt,
    case when c.fate between 88 and 91 then 'BODY_CUT_OFF' when c.fate between 92 and 94 then 'MODEL_TIMEOUT' end as error_code,
    1600 + pg_temp.pick('shoot-ms:' || c.key, 4200) as attempt_ms,
    c.moment + make_interval(secs => 1 + pg_temp.pick('shoot-wait:' || c.key, 20)) as first_started_at
  from chosen as c
)
select
  pg_temp.timed_id('shoot:' || e.key, e.moment), e.n, null, e.owner_brand_id, 'brand', e.status, e.category_code, e.product_id, null,
  'selfie/' || to_char(e.signed_up at time zone 'UTC', 'YYYY/MM') || '/' || pg_temp.seed_id('model', e.n * 10 + e.i % 2) || '.png',
  case when e.status = 'completed' then 'result/' || to_char(e.moment at time zone 'UTC', 'YYYY/MM') || '/'
    || md5('shoot:' || case when e.n <= 12 then e.key else e.n::text end)::uuid || '.png' end,
  1, case when e.status = 'completed' then 0.8 + pg_temp.pick('shoot-confidence:' || e.key, 1900) / 10000.0 end,
  e.attempt, e.attempt_ms, 'gpu-' || (1 + pg_temp.pick('shoot-gpu:' || e.key, 4)) || '/0', 'MODEL_TIMEOUT', e.error_code, null, null,
  e.moment, case when e.attempt > 0 then e.first_started_at end,
  case when e.attempt = 0 then e.moment + interval '9 seconds'
    else e.first_started_at + e.attempt * e.attempt_ms * interval '1 millisecond' + make_interval(secs => 10 * (power(2, e.attempt - 1) - 1)) end,
  -- The credits of the plan go first; they end with their month.
  coalesce(m.grant_id, pg_temp.timed_id('purchase:1:' || e.owner_brand_id, $1::timestamptz - interval '200 days'))
from ended as e
left join lateral (
  select pg_temp.timed_id('plan:' || p.sub_id || ':' || p.period_start, p.effective_at) as grant_id
  from seed_plan_months as p
  where p.brand_n = e.n and p.effective_at <= e.moment and p.expires_at > e.moment + interval '2 minutes'
  order by p.expires_at
  limit 1
) as m on true
