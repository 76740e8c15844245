-- What the shoppers tried on; $1 is as_of. The first four hundred did so within
-- the last thirty days, most of it of the first two brands; of the others each had
-- three weeks of it at some time. By day, and never on the day of signing up, so
-- that every job ends within the free month that paid for it.
insert into seed_jobs
with asked as materialized (
  select
    w.*, i.n as i, w.n || ':' || i.n as key,
    -- So many days before as_of there was a day on which this person could ask.
    ($1::timestamptz at time zone 'UTC')::date - (w.signed_up at time zone 'UTC')::date - 2 as possible_days,
    case
      when w.n > 400 then 1 + pg_temp.pick('tryon-brand:' || w.n || ':' || i.n, v.brands)
      when pg_temp.pick('tryon-brand:' || w.n || ':' || i.n, 8) < 4 then 1
      when pg_temp.pick('tryon-brand:' || w.n || ':' || i.n, 8) < 7 then 2
      else 3 + pg_temp.pick('tryon-other:' || w.n || ':' || i.n, least(v.brands, 12) - 2)
    end as brand_n,
    case when w.n > 400 then pg_temp.pick('tryon-weeks:' || w.n, 540) else 9 end as weeks_ago
  from seed_wallets as w
  cross join (select count(*)::integer as brands from seed_brands) as v
  cross join lateral generate_series(1,
    case when w.n = 1 then 16 when w.n = 5 then 12 when w.n <= 400 then ('{2,0,3,1,0,4,0,1}'::integer[])[1 + w.n % 8]
      else ('{4,12,7,10,5,13}'::integer[])[1 + w.n % 6] end
  ) as i (n)
  where w.owner_user_id is not null
), day_chosen as materialized (
  select
    a.*,
    least(a.possible_days,
      case when a.n <= 400 then pg_temp.pick('tryon-day:' || a.key, 30)
        else greatest(0, least(a.weeks_ago, a.possible_days) - pg_temp.pick('tryon-day:' || a.key, 21)) end) as days_ago
  from asked as a
  where a.possible_days >= 0
), garment_chosen as (
  select
    d.*, g.id as wardrobe_item_id, p.id as product_id, p.brand_id, coalesce(g.category_code, p.category_code) as category_code,
    -- Nothing is tried on before it is there.
    least(d.days_ago, ($1::timestamptz at time zone 'UTC')::date - (p.created_at at time zone 'UTC')::date - 2) as day
  from day_chosen as d
  left join lateral (
    select w.id, w.category_code
    from app_public.wardrobe_items as w
    where pg_temp.pick('tryon-own:' || d.key, 5) = 0 and w.user_id = d.owner_user_id and w.deleted_at is null
      and w.created_at < $1::timestamptz - make_interval(days => d.days_ago + 1)
    order by md5(d.key || w.id)
    limit 1
  ) as g on true
  left join lateral (
    select x.id, x.brand_id, x.category_code, x.created_at
    from seed_brands as b
    cross join generate_series(1, 6) as k (n)
    join app_public.products as x
      on x.id = pg_temp.seed_id('product', b.n::bigint * 100000 + 1 + pg_temp.pick('tryon-product:' || d.key || ':' || k.n, b.product_count))
    where b.n = d.brand_n and g.id is null
    order by
      (x.active and x.created_at < $1::timestamptz - make_interval(days => d.days_ago + 1)) desc,
      -- What a house is known for is tried on most.
      (x.category_code = case b.n when 1 then 'dresses' when 2 then 'bottoms' end) desc, k.n
    limit 1
  ) as p on true
), timed as materialized (
  select
    g.*,
    $1::timestamptz - make_interval(days => g.day + 1) + interval '6 hours'
      + make_interval(secs => pg_temp.pick('tryon-second:' || g.key, 59400)) as moment
  from garment_chosen as g
  where g.category_code is not null and g.day >= 0
), drawn as materialized (
  select
    t.*,
    coalesce(t.pro_from <= t.moment, false) or exists (
      select from seed_pro_periods as p where p.n = t.n and p.from_at <= t.moment and coalesce(p.until_at > t.moment, true)
    ) as is_pro, pg_temp.pick('tryon-end:' || t.key, 100) as fate, pg_temp.pick('tryon-retry:' || t.key, 8) as retries,
    pg_temp.choose('tryon-trouble:' || t.key, '{GPU_OUT_OF_MEMORY,MODEL_TIMEOUT,MODEL_TIMEOUT,RENDER_CRASHED}') as trouble
  from timed as t
), ended as materialized (
  select
    d.*,
    (case when d.fate < 81 then 'completed' when d.fate < 90 then 'failed' when d.fate < 95 then 'cancelled' else 'expired' end)::app_public.tryon_status as status,
    case
      when d.fate < 81 then case when d.retries = 0 then 2 else 1 end
      when d.fate < 86 then 1 when d.fate < 90 then 3 when d.fate < 98 then 0 else 3
    end as attempt,
    case
      when d.fate < 81 then null
      when d.fate < 86 then pg_temp.choose('tryon-error:' || d.key, '{NO_BODY_FOUND,PICTURE_TOO_DARK,BODY_CUT_OFF}')
      when d.fate < 90 then d.trouble
      when d.fate < 95 then null
      when d.fate < 98 then 'DEADLINE' else 'LOST_WORKER'
    end as error_code,
    case when d.fate >= 98 then 60000 + pg_temp.pick('tryon-ms:' || d.key, 9000)
      else 1400 + pg_temp.pick('tryon-ms:' || d.key, 2600) + pg_temp.pick('tryon-ms2:' || d.key, 2600) end as attempt_ms,
    d.moment + make_interval(secs => 2 + pg_temp.pick('tryon-wait:' || d.key, 40)) as first_started_at
  from drawn as d
), stamped as materialized (
  select
    e.*,
    case
      when e.status = 'cancelled' then e.moment + make_interval(secs => 4 + pg_temp.pick('tryon-cancel:' || e.key, 30))
      when e.attempt = 0 then e.moment + interval '1 hour 20 seconds'
      else e.first_started_at + e.attempt * e.attempt_ms * interval '1 millisecond'
        + make_interval(secs => 10 * (power(2, e.attempt - 1) - 1))
    end as finished_at
  from ended as e
)
select
  pg_temp.timed_id('tryon:' || s.key, s.moment), s.n, s.owner_user_id, s.brand_id,
  (case when s.is_pro then 'pro' else 'user' end)::app_public.tryon_payer, s.status, s.category_code, s.product_id, s.wardrobe_item_id,
  'selfie/' || to_char(s.signed_up at time zone 'UTC', 'YYYY/MM') || '/' || pg_temp.seed_id('selfie', s.n) || '.png',
  -- The bulk shares one picture for each person.
  case when s.status = 'completed' then 'result/' || to_char(s.moment at time zone 'UTC', 'YYYY/MM') || '/'
    || md5('result:' || case when s.n <= 400 then s.key else s.n::text end)::uuid || '.png' end,
  case when s.is_pro then 0 else 1 end,
  case when s.status = 'completed' then 0.7 + pg_temp.pick('tryon-confidence:' || s.key, 2900) / 10000.0 end,
  s.attempt, s.attempt_ms, 'gpu-' || (1 + pg_temp.pick('tryon-gpu:' || s.key, 4)) || '/0', s.trouble, s.error_code,
  pg_temp.choose('tryon-device:' || s.n, '{iphone,iphone,iphone,ipad,android_phone,android_phone,android_tablet,desktop,kiosk}'),
  pg_temp.choose('tryon-version:' || s.n, '{4.2.0,4.2.1,4.3.0,4.3.2}'),
  s.moment, case when s.attempt > 0 then s.first_started_at end, s.finished_at,
  case when s.is_pro is not true
    then pg_temp.timed_id('grant:' || s.owner_user_id || ':' || m.period_start, greatest(m.period_start, s.signed_up)) end
from stamped as s
cross join lateral app_private.credit_month(s.signed_up, s.moment) as m
