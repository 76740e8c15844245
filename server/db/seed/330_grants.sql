-- The grants that paid, the free month of $1 (as_of), the months of a brand's plan,
-- and what was bought. What is left of a month that has ended went back to the system.
insert into seed_grants (id, owner_user_id, owner_brand_id, source, amount, effective_at, expires_at, period_start, note, session, used, expired)
with used as (
  select j.grant_id, sum(j.cost) filter (where j.status = 'completed') as amount
  from seed_jobs as j
  where j.grant_id is not null
  group by j.grant_id
), months as (
  select w.owner_user_id, w.signed_up, w.month_start as period_start, w.month_end as period_end
  from seed_wallets as w
  where w.owner_user_id is not null
  union
  select w.owner_user_id, w.signed_up, m.period_start, m.period_end
  from seed_jobs as j
  join seed_wallets as w on w.owner_user_id = j.user_id
  cross join lateral app_private.credit_month(w.signed_up, j.moment) as m
  where j.payer = 'user'
), given as (
  select
    pg_temp.timed_id('grant:' || m.owner_user_id || ':' || m.period_start, greatest(m.period_start, m.signed_up)) as id,
    m.owner_user_id, null::uuid as owner_brand_id, 'free_monthly'::app_public.credit_source as source, 25::bigint as amount,
    greatest(m.period_start, m.signed_up) as effective_at, m.period_end as expires_at, m.period_start, null::text as note, null::text as session
  from months as m
  union all
  select
    pg_temp.timed_id('purchase:' || v.k || ':' || coalesce(w.owner_brand_id, w.owner_user_id), $1::timestamptz - make_interval(days => v.days_ago)),
    w.owner_user_id, w.owner_brand_id, v.source::app_public.credit_source, v.amount,
    $1::timestamptz - make_interval(days => v.days_ago),
    case when v.days_left is not null then $1::timestamptz + make_interval(days => v.days_left) end, null,
    case when v.source = 'purchase' then 'Bought: cs_demo_' || s.digest else v.note end,
    case when v.source = 'purchase' then 'cs_demo_' || s.digest end
  from (
    values
      -- The bulk of the brands pays from what it bought once; of the demo's own, those
      -- without a plan, and one that was given some to begin with.
      (true, 1, null::integer, 'purchase', 500, 200, null::integer, null),
      (true, 1, 10, 'purchase', 40, 200, null, null),
      (true, 1, 11, 'promo', 25, 200, null, 'Credits to begin with'),
      (true, 2, 1, 'purchase', 100, 26, null, null),
      (true, 2, 2, 'purchase', 100, 18, null, null),
      -- Ends later than any free month, so that the free credits go first.
      (false, 1, 1, 'purchase', 40, 19, null, null),
      (false, 2, 1, 'promo', 10, 8, 70, 'Thank you for the feedback')
  ) as v (is_brand, k, n, source, amount, days_ago, days_left, note)
  join seed_wallets as w on (w.owner_brand_id is not null) = v.is_brand and (v.n = w.n or (v.n is null and w.n > 12))
    -- People of the team are not numbered.
    and w.n > 0
  cross join lateral (select md5('checkout:' || v.k || ':' || coalesce(w.owner_brand_id, w.owner_user_id)) as digest) as s
  union all
  select
    pg_temp.timed_id('plan:' || p.sub_id || ':' || p.period_start, p.effective_at), null, w.owner_brand_id, 'subscription', p.amount,
    p.effective_at, p.expires_at,
    -- As the functions name the month of a plan, so that they find it given.
    p.period_start + make_interval(secs => (hashtext(p.sub_id) & 65535) / 1000000.0), 'Plan ' || p.sub_id, null
  from seed_plan_months as p
  join seed_wallets as w on w.owner_brand_id = pg_temp.seed_id('brand', p.brand_n)
)
select
  g.*, coalesce(u.amount, 0),
  case when g.expires_at <= $1::timestamptz then g.amount - coalesce(u.amount, 0) else 0 end
from given as g
left join used as u on u.grant_id = g.id
