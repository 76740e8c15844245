-- Who pays for what, since when, and what became of it. A subscription is a row of
-- states, each from a moment on: what Stripe would have told. Everything else
-- (periods, invoices, events) follows from them.

create function pg_temp.as_of() returns timestamptz
language sql stable
as $$ select current_setting('seed.as_of')::timestamptz $$;

create function pg_temp.shopper_count() returns integer
language sql stable
as $$ select current_setting('seed.shoppers')::integer $$;

create function pg_temp.stripe_key(prefix text, about text) returns text
language sql immutable
as $$ select prefix || '_demo' || substr(md5(prefix || ':' || about), 1, 16) $$;

-- A moment so many months and days before as_of, within a working day.
create function pg_temp.billing_moment(key text, months integer, days integer) returns timestamptz
language sql stable strict
as $$
  select pg_temp.as_of() - make_interval(days => days) - make_interval(months => months)
    + interval '7 hours' + make_interval(secs => pg_temp.pick('billing-second:' || key, 39600))
$$;

create temp table seed_payers (
  payer text primary key, customer_id text not null, brand_n integer, shopper_n integer, name text, email text,
  currency text not null, tax_percent integer not null, created_at timestamptz not null, deleted_at timestamptz
);

create temp table seed_subscriptions (
  sub text primary key, payer text not null, start_at timestamptz not null,
  -- The first day of the first period that is charged for: the end of the trial, where there is one.
  anchor_at timestamptz not null, every interval not null
);

create temp table seed_states (
  sub text not null, n integer not null, from_at timestamptz not null, status text not null, price text not null, quantity integer not null,
  coupon text, cancels boolean not null, pauses boolean not null, primary key (sub, n)
);

-- The demo's own brands, and three customers nobody is linked to.
create temp table seed_named_states as
select v.*
from (
  values
    -- From a trial of the smallest plan to the largest, and a part that will end.
    ('lumiere', 'b:1', 0, 13, 27, null::integer, 14, 'trialing', 'starter_eur_month', 1, null::text, false, false),
    ('lumiere', 'b:1', 1, null, null, 0, 0, 'active', 'starter_eur_month', 1, null, false, false),
    ('lumiere', 'b:1', 2, 9, 20, null, null, 'active', 'growth_eur_month', 1, 'launch25', false, false),
    ('lumiere', 'b:1', 3, 6, 20, null, null, 'active', 'growth_eur_month', 1, null, false, false),
    ('lumiere', 'b:1', 4, 4, 8, null, null, 'active', 'scale_eur_month', 1, null, false, false),
    ('lumiere-studio', 'b:1', 0, 5, 3, null, 0, 'active', 'studio_eur_month', 1, null, false, false),
    ('lumiere-studio', 'b:1', 1, 0, 9, null, null, 'active', 'studio_eur_month', 1, null, true, false),
    -- The last payment failed.
    ('northside', 'b:2', 0, 12, 6, null, 0, 'active', 'starter_usd_month', 1, null, false, false),
    ('northside', 'b:2', 1, 8, 15, null, null, 'active', 'growth_usd_month', 1, null, false, false),
    ('northside', 'b:2', 2, null, null, 12, 3605, 'past_due', 'growth_usd_month', 1, null, false, false),
    -- By the year.
    ('veyra', 'b:3', 0, 13, 12, null, 0, 'active', 'growth_usd_year', 1, null, false, false),
    -- More studios.
    ('koto', 'b:4', 0, 10, 9, null, 0, 'active', 'growth_jpy_month', 1, null, false, false),
    ('koto', 'b:4', 1, 3, 4, null, null, 'active', 'growth_jpy_month', 3, null, false, false),
    -- Collection is paused: still counted, at risk.
    ('fjordhaven', 'b:5', 0, 9, 3, null, 0, 'active', 'growth_usd_month', 1, null, false, false),
    ('fjordhaven', 'b:5', 1, 0, 20, null, null, 'active', 'growth_usd_month', 1, null, false, true),
    -- Left, and came back for less.
    ('brava', 'b:6', 0, 12, 2, null, 0, 'active', 'starter_eur_month', 1, null, false, false),
    ('brava', 'b:6', 1, 7, 10, null, null, 'active', 'starter_eur_month', 1, null, true, false),
    ('brava', 'b:6', 2, null, null, 6, 0, 'canceled', 'starter_eur_month', 1, null, true, false),
    ('brava-again', 'b:6', 0, 2, 11, null, 0, 'active', 'growth_eur_month', 1, 'comeback20', false, false),
    -- A smaller plan.
    ('pell', 'b:7', 0, 11, 8, null, 0, 'active', 'growth_gbp_month', 1, null, false, false),
    ('pell', 'b:7', 1, 1, 20, null, null, 'active', 'starter_gbp_month', 1, null, false, false),
    -- A price of their own.
    ('solstice', 'b:8', 0, 8, 16, null, 0, 'active', 'scale_usd_month', 1, null, false, false),
    ('solstice', 'b:8', 1, 5, 1, null, null, 'active', 'scale_solstice', 1, null, false, false),
    -- A trial that turned active, the first invoice with something off.
    ('marrow', 'b:9', 0, 1, 10, null, 14, 'trialing', 'growth_gbp_month', 1, null, false, false),
    ('marrow', 'b:9', 1, null, null, 0, 0, 'active', 'growth_gbp_month', 1, 'first50', false, false),
    ('marrow', 'b:9', 2, null, null, 0, 4000, 'active', 'growth_gbp_month', 1, null, false, false),
    -- Stopped paying, and is gone.
    ('opaline', 'b:10', 0, 10, 4, null, 0, 'active', 'starter_eur_month', 1, null, false, false),
    ('opaline', 'b:10', 1, null, null, 6, 3605, 'past_due', 'starter_eur_month', 1, null, false, false),
    ('opaline', 'b:10', 2, 3, 2, null, null, 'canceled', 'starter_eur_month', 1, null, false, false),
    -- An old price with tiers; will leave at the end of the month.
    ('tideline', 'b:12', 0, 13, 25, null, 0, 'active', 'classic_usd_month', 12, null, false, false),
    ('tideline', 'b:12', 1, 7, 1, null, null, 'active', 'classic_usd_month', 8, null, false, false),
    ('tideline', 'b:12', 2, 0, 4, null, null, 'active', 'classic_usd_month', 8, null, true, false),
    -- Paid by a link that named no brand.
    ('loose-owner', 'x:1', 0, 0, 18, null, 0, 'active', 'starter_usd_month', 1, null, false, false),
    -- In a currency without a rate: needs a review.
    ('loose-rate', 'x:2', 0, 2, 5, null, 0, 'active', 'starter_nok_month', 1, null, false, false),
    ('loose-gone', 'x:3', 0, 7, 3, null, 0, 'active', 'starter_usd_month', 1, null, false, false),
    ('loose-gone', 'x:3', 1, 2, 1, null, null, 'canceled', 'starter_usd_month', 1, null, false, false)
-- From a moment before as_of, or so many seconds after the start of a period; in the
-- first state "after" is days of trial.
) as v (sub, payer, n, months, days, period, after, status, price, quantity, coupon, cancels, pauses)
-- A smaller demo, as tests make it, has fewer brands.
where v.payer like 'x:%' or substr(v.payer, 3)::integer <= (select count(*) from seed_brands);

insert into seed_subscriptions
select
  v.sub, v.payer, m.start_at, m.start_at + make_interval(days => v.after),
  case when p.every = 'year' then interval '1 year' else interval '1 month' end
from seed_named_states as v
join seed_prices as p on p.price = v.price
cross join lateral (select pg_temp.billing_moment(v.sub || ':0', v.months, v.days) as start_at) as m
where v.n = 0;

insert into seed_states
select
  v.sub, v.n,
  case
    when v.n = 0 then s.start_at
    when v.period is not null then s.anchor_at + v.period * s.every + make_interval(secs => v.after)
    else pg_temp.billing_moment(v.sub || ':' || v.n, v.months, v.days)
  end,
  v.status, v.price, v.quantity, v.coupon, v.cancels, v.pauses
from seed_named_states as v
join seed_subscriptions as s on s.sub = v.sub;

-- The bulk of the brands. Those that are not active have no plan.
create temp table seed_bulk_plans as
select
  b.n, 'brand-' || b.n as sub, 'b:' || b.n as payer,
  case when b.currency in ('eur', 'gbp') then b.currency else 'usd' end as currency,
  (case pg_temp.pick('plan:' || b.n, 10) when 0 then 2 when 1 then 1 when 2 then 1 when 3 then 1 else 0 end) as tier,
  b.currency not in ('eur', 'gbp') and pg_temp.pick('plan-year:' || b.n, 5) = 0 as yearly,
  pg_temp.billing_moment(
    'brand-' || b.n, least(pg_temp.pick('plan-month:' || b.n, 14), pg_temp.pick('plan-month2:' || b.n, 14)),
    1 + pg_temp.pick('plan-day:' || b.n, 27)) as start_at,
  pg_temp.pick('plan-fate:' || b.n, 100) as fate, 2 + pg_temp.pick('plan-life:' || b.n, 9) as life
from seed_brands as b
where b.n > 12 and b.status = 'active' and pg_temp.pick('plan-none:' || b.n, 10) > 0;

insert into seed_subscriptions
select b.sub, b.payer, b.start_at, b.start_at, case when b.yearly then interval '1 year' else interval '1 month' end
from seed_bulk_plans as b;

insert into seed_states
select b.sub, 0, b.start_at, 'active', p.price, 1, null, false, false
from seed_bulk_plans as b
cross join lateral (
  -- There is no large plan in pounds.
  select (array['starter', 'growth', 'scale'])[1 + case when b.currency = 'gbp' then least(b.tier, 1) else b.tier end]
    || '_' || b.currency || case when b.yearly then '_year' else '_month' end as price
) as p
union all
select b.sub, 1, b.start_at + make_interval(months => b.life, days => 9), 'active', 'growth_' || b.currency || '_month', 1, null, false, false
from seed_bulk_plans as b
where b.fate < 25 and b.tier = 0 and not b.yearly and b.start_at + make_interval(months => b.life, days => 9) < pg_temp.as_of()
union all
select
  b.sub, 1, b.start_at + make_interval(months => b.life), 'canceled',
  (array['starter', 'growth', 'scale'])[1 + case when b.currency = 'gbp' then least(b.tier, 1) else b.tier end] || '_' || b.currency || '_month',
  1, null, true, false
from seed_bulk_plans as b
where b.fate >= 80 and not b.yearly and b.start_at + make_interval(months => b.life) < pg_temp.as_of();

-- Shoppers with Pro: some fifty of the demo's four hundred, and of a larger scale
-- a few thousand. The six that have been here longest show what else can become
-- of a subscription.
create temp table seed_pro_people as
select
  s.n, s.signed_up, 'pro-' || s.n as sub, 's:' || s.n as payer,
  case when s.n <= 400 and s.n > 1 then row_number() over (partition by s.n <= 400 and s.n > 1 order by s.signed_up, s.n) end as place,
  greatest(s.signed_up + interval '1 day', pg_temp.as_of() - interval '420 days') as earliest
from (
  select n, case when n = 1 then pg_temp.as_of() - interval '400 days' else pg_temp.past('shopper:' || n, pg_temp.as_of()) end as signed_up
  from generate_series(1, pg_temp.shopper_count()) as n
  where n = 1 or (n <= 400 and n % 8 = 3) or (n > 400 and n <= 60000 and n % 50 = 7) or (n > 60000 and n % 400 = 7)
) as s
where s.signed_up < pg_temp.as_of() - interval '5 days';

create temp table seed_pro_plans as
select
  p.*, p.place is null and p.n > 1 or p.place > 6 as usual,
  case
    when p.n = 1 then pg_temp.billing_moment(p.sub, 9, 20)
    when p.place = 1 then pg_temp.as_of() - interval '4 days 5 hours'
    when p.place in (2, 3) then pg_temp.billing_moment(p.sub, 4, 6 + p.place::integer)
    when p.place = 4 then pg_temp.as_of() - interval '9 hours 12 minutes'
    when p.place = 5 then pg_temp.as_of() - interval '23 days 3 hours'
    when p.place = 6 then pg_temp.billing_moment(p.sub, 5, 2)
    else pg_temp.between_moments('pro-start:' || p.n, p.earliest, pg_temp.as_of() - interval '1 day')
  end as start_at,
  case
    when p.n = 1 then 6 when p.place <= 6 then null
    when pg_temp.pick('pro-fate:' || p.n, 100) < 42 then 1 + least(pg_temp.pick('pro-life:' || p.n, 9), pg_temp.pick('pro-life2:' || p.n, 9))
  end as life,
  case when p.place = 1 or (p.place > 6 or p.place is null and p.n > 1) and pg_temp.pick('pro-trial:' || p.n, 3) = 0 then 7
    when p.place = 3 then 7 else 0 end as trial_days,
  (p.place > 6 or p.place is null and p.n > 1) and pg_temp.pick('pro-year:' || p.n, 5) = 0 as yearly
from seed_pro_people as p;

insert into seed_subscriptions
select
  p.sub, p.payer, p.start_at, p.start_at + make_interval(days => p.trial_days), case when p.yearly then interval '1 year' else interval '1 month' end
from seed_pro_plans as p;

insert into seed_states
select s.sub, row_number() over (partition by s.sub order by s.from_at) - 1, s.from_at, s.status, s.price, 1, null, s.cancels, false
from (
  select p.sub, p.start_at as from_at,
    case when p.place in (4, 5) then 'incomplete' when p.trial_days > 0 then 'trialing' else 'active' end as status,
    case when p.yearly then 'pro_usd_year' else 'pro_usd_month' end as price, false as cancels
  from seed_pro_plans as p
  union all
  -- Nobody left a card for after the trial: paused.
  select p.sub, p.start_at + make_interval(days => p.trial_days), case when p.place = 3 then 'paused' else 'active' end,
    case when p.yearly then 'pro_usd_year' else 'pro_usd_month' end, false
  from seed_pro_plans as p
  where p.trial_days > 0
  union all
  -- They said so a week before.
  select p.sub, e.ends_at + v.after, v.status, 'pro_usd_month', true
  from seed_pro_plans as p
  cross join lateral (select p.start_at + make_interval(days => p.trial_days, months => p.life) as ends_at) as e
  cross join (values (interval '-7 days', 'active'), (interval '0 days', 'canceled')) as v (after, status)
  where p.life is not null and not p.yearly
  union all
  select p.sub, p.start_at + interval '23 hours 5 minutes', 'incomplete_expired', 'pro_usd_month', false
  from seed_pro_plans as p where p.place = 5
  union all
  select p.sub, p.start_at + make_interval(months => v.months) + v.after, v.status, 'pro_usd_month', false
  from seed_pro_plans as p
  cross join (
    values (2, 3, interval '3605 seconds', 'past_due'), (2, 3, interval '21 days', 'unpaid'), (6, 5, interval '3605 seconds', 'past_due')
  ) as v (place, months, after, status)
  where p.place = v.place
) as s
where s.from_at < pg_temp.as_of();

-- Some of those who left come back.
insert into seed_subscriptions
select p.sub || '-again', p.payer, a.start_at, a.start_at, interval '1 month'
from seed_pro_plans as p
join seed_states as s on s.sub = p.sub and s.status = 'canceled' and p.usual
cross join lateral (select s.from_at + make_interval(days => 20 + pg_temp.pick('pro-again-day:' || p.n, 70)) as start_at) as a
where pg_temp.pick('pro-again:' || p.n, 4) = 0 and a.start_at < pg_temp.as_of() - interval '2 days';

insert into seed_states
select s.sub, 0, s.start_at, 'active', 'pro_usd_month', 1, null, false, false
from seed_subscriptions as s
where s.sub like 'pro-%-again';

-- The customers: of a brand also where it only bought credits. Dar Saffa is none.
insert into seed_payers
select
  'b:' || b.n, pg_temp.stripe_key('cus', 'b:' || b.n), b.n, null::integer, b.name, 'accounts@' || b.slug || '.test',
  case when b.n in (1, 6, 10) then 'eur' when b.n in (7, 9) then 'gbp' when b.n = 4 then 'jpy' else coalesce(k.currency, 'usd') end,
  case when b.n in (1, 6, 10) then 20 when b.n in (7, 9) then 20 when b.n = 4 then 10 else 0 end,
  -- The bulk of them bought credits before.
  least(f.first_at - interval '90 seconds', case when b.n > 12 then pg_temp.as_of() - interval '201 days' end), null
from seed_brands as b
left join seed_bulk_plans as k on k.n = b.n
left join lateral (select min(s.start_at) as first_at from seed_subscriptions as s where s.payer = 'b:' || b.n) as f on true
where b.n <> 11
union all
select v.payer, pg_temp.stripe_key('cus', v.payer), null, null, v.name, v.email, v.currency, 0, s.start_at - interval '90 seconds',
  case when v.payer = 'x:3' then pg_temp.billing_moment('x:3:deleted', 1, 26) end
from (
  values
    ('x:1', 'Dar Saffa Bridal', 'owner@dar-saffa.test', 'usd'),
    ('x:2', 'Nordlys Boutique', 'regnskap@nordlys-boutique.test', 'nok'),
    ('x:3', 'Studio Quill', 'hello@studio-quill.test', 'usd')
) as v (payer, name, email, currency)
join seed_subscriptions as s on s.payer = v.payer
union all
select p.payer, pg_temp.stripe_key('cus', p.payer), null, p.n, null, null, 'usd', 0,
  -- The first shopper bought credits, too.
  p.start_at - interval '90 seconds', null
from seed_pro_plans as p;

-- When Pro was, or is, in force: what the try-ons of these shoppers cost.
create temp table seed_pro_periods as
select p.n, s.start_at as from_at, e.until_at
from seed_pro_plans as p
join seed_subscriptions as s on s.payer = p.payer
join seed_states as f on f.sub = s.sub and f.n = 0 and f.status in ('active', 'trialing')
left join lateral (
  select min(x.from_at) as until_at from seed_states as x where x.sub = s.sub and x.status not in ('active', 'trialing', 'past_due')
) as e on true;
create index on seed_pro_periods (n);

-- The credits of a plan in the months that the try-ons of the demo's own brands lie
-- in, as the daily task gave them: by what the plan was when its month began.
create temp table seed_plan_months as
select
  y.brand_n, pg_temp.stripe_key('sub', s.sub) as sub_id,
  (p.metadata ->> 'monthly_credits')::bigint * x.quantity as amount,
  greatest(m.period_start, s.start_at) as effective_at, m.period_end as expires_at, m.period_start
from seed_subscriptions as s
join seed_payers as y on y.payer = s.payer and y.brand_n <= 12
cross join generate_series(0, 14) as k (n)
cross join lateral (
  select date_trunc('day', s.start_at) + make_interval(months => k.n) as period_start, date_trunc('day', s.start_at) + make_interval(months => k.n + 1) as period_end
) as m
cross join lateral (
  select x.* from seed_states as x
  where x.sub = s.sub and x.from_at <= greatest(m.period_start, s.start_at)
  order by x.n desc limit 1
) as x
join seed_prices as p on p.price = x.price and p.metadata ? 'monthly_credits'
where m.period_start < pg_temp.as_of() and m.period_end > pg_temp.as_of() - interval '31 days'
  and x.status in ('active', 'trialing', 'past_due')
