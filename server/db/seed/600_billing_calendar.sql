-- Everything that Stripe would have told until as_of, without its text: what
-- happened to which object, when, and when it came. Once per run.
drop table if exists seed_invoices, seed_events;

create temp table seed_invoices as
with lives as (
  select s.*, least(e.ended_at, pg_temp.as_of()) as until
  from seed_subscriptions as s
  left join lateral (
    select min(x.from_at) as ended_at from seed_states as x where x.sub = s.sub and x.status in ('canceled', 'incomplete_expired')
  ) as e on true
), periods as (
  select
    l.sub, l.payer, l.start_at, k.n as period, l.anchor_at + k.n * l.every as billed_at, l.anchor_at + (k.n + 1) * l.every as ends_at,
    case when k.n > 0 then l.anchor_at + (k.n - 1) * l.every end as previous_at
  from lives as l
  cross join generate_series(0, 14) as k (n)
  where l.anchor_at + k.n * l.every < l.until
), billed as (
  select
    p.*, x.n as state, x.price, x.quantity, x.coupon,
    case
      when x.pauses then 'draft'
      when o.status = 'past_due' and exists (select from seed_states as c where c.sub = p.sub and c.n = o.n + 1 and c.status = 'canceled')
        then 'uncollectible'
      when o.status = 'incomplete' and exists (select from seed_states as c where c.sub = p.sub and c.status = 'incomplete_expired') then 'void'
      when o.status in ('past_due', 'incomplete') then 'open'
      else 'paid'
    end as outcome
  from periods as p
  cross join lateral (
    select x.* from seed_states as x where x.sub = p.sub and x.from_at <= p.billed_at order by x.n desc limit 1
  ) as x
  -- A payment fails within the hour.
  cross join lateral (
    select x.* from seed_states as x where x.sub = p.sub and x.from_at <= p.billed_at + interval '2 hours' order by x.n desc limit 1
  ) as o
  where x.status in ('active', 'past_due', 'incomplete')
)
select
  b.*, b.sub || ':' || b.period as invoice, pg_temp.stripe_key('in', b.sub || ':' || b.period) as id,
  -- One of the first brand is that of the work charged for once.
  row_number() over (partition by b.payer order by b.billed_at, b.sub)
    + case when b.payer = 'b:1' and b.billed_at > pg_temp.billing_moment('one-off:b:1', 6, 2) then 1 else 0 end as number,
  case when b.period = 0 and b.billed_at = b.start_at then 'subscription_create' else 'subscription_cycle' end as reason
from billed as b;
create index on seed_invoices (invoice);

create temp table seed_events as
with told (kind, type, ref, n, created_at, arrives_at) as (
  -- The catalogue.
  select 'product', 'product.created', p.id, 0, pg_temp.as_of() - interval '433 days', null::timestamptz from seed_price_products as p
  union all
  select 'price', 'price.created', p.price, 0,
    coalesce(
      (select min(x.from_at) from seed_states as x where x.price = p.price) - interval '1 day', pg_temp.as_of() - interval '432 days'),
    null
  from seed_prices as p where p.brand_n is not null and exists (select from seed_states as x where x.price = p.price)
  union all
  select 'price', 'price.created', p.price, 0, pg_temp.as_of() - interval '432 days', null from seed_prices as p where p.brand_n is null
  union all
  select 'price', 'price.updated', p.price, 1, pg_temp.as_of() - make_interval(days => p.retired_days), null
  from seed_prices as p where p.retired_days is not null
  union all
  select 'coupon', 'coupon.created', c.coupon, 0, pg_temp.as_of() - interval '431 days', null from seed_coupons as c
  -- Customers.
  union all
  select 'payer', 'customer.created', y.payer, 0, y.created_at, null from seed_payers as y
  union all
  select 'payer', 'customer.updated', y.payer, 1, y.created_at + interval '30 days', null from seed_payers as y where y.payer = 'b:1'
  union all
  select 'payer', 'customer.deleted', y.payer, 2, y.deleted_at, null from seed_payers as y where y.deleted_at is not null
  -- Subscriptions: what changed, and each new period.
  union all
  select
    'state',
    'customer.subscription.' || case
      when x.n = 0 then 'created' when x.status = 'canceled' then 'deleted' when x.status = 'paused' then 'paused' else 'updated' end,
    x.sub, x.n, x.from_at, null
  from seed_states as x
  union all
  select 'period', 'customer.subscription.updated', i.sub, i.period, i.billed_at, null from seed_invoices as i where i.period > 0
  union all
  select 'discount', 'customer.discount.' || v.what, x.sub, x.n, x.from_at - interval '1 second', null
  from seed_states as x
  cross join (values ('created'), ('deleted')) as v (what)
  left join seed_states as b on b.sub = x.sub and b.n = x.n - 1
  where case v.what when 'created' then x.coupon is not null and x.coupon is distinct from b.coupon
    else b.coupon is not null and x.coupon is distinct from b.coupon end
  -- Invoices. A shopper's is heard of when it is paid.
  union all
  select 'invoice', 'invoice.' || v.type, i.invoice, v.n, i.billed_at + v.after, null
  from seed_invoices as i
  cross join lateral (
    select case when i.reason = 'subscription_create' then interval '2 seconds' else interval '1 hour' end as after
  ) as f
  cross join lateral (
    values
      (0, 'created', interval '1 second', i.outcome = 'draft'),
      (1, 'finalized', f.after, i.outcome <> 'draft' and (i.payer like 'b:%' or i.outcome <> 'paid')),
      (2, 'paid', f.after + interval '4 seconds', i.outcome = 'paid'),
      (3, 'payment_failed', f.after + interval '5 seconds', i.outcome in ('open', 'uncollectible', 'void')),
      (4, 'payment_failed', interval '3 days 1 hour', i.outcome in ('open', 'uncollectible') and i.reason = 'subscription_cycle'),
      (5, 'marked_uncollectible', interval '21 days', i.outcome = 'uncollectible'),
      (6, 'voided', interval '23 hours 5 minutes', i.outcome = 'void')
  ) as v (n, type, after, happens)
  where v.happens
  -- Money given back for the last month on the smaller plan; work that was charged for once.
  union all
  select 'refund', 'charge.refunded', i.invoice, 0, i.billed_at + interval '4 days 3 hours', null
  from seed_invoices as i
  where i.sub = 'lumiere' and i.period = (select max(x.period) from seed_invoices as x where x.sub = 'lumiere' and x.price = 'growth_eur_month') - 3
  union all
  select 'one-off', 'invoice.' || v.type, y.payer, v.n, pg_temp.billing_moment('one-off:b:1', 6, 2) + v.after, null
  from seed_payers as y cross join (values (1, 'finalized', interval '0'), (2, 'paid', interval '2 days')) as v (n, type, after)
  where y.payer = 'b:1'
  -- Credits that were bought: those the wallets were given for a session.
  union all
  select 'checkout', 'checkout.session.completed', substr(t.idempotency_key, 10), 0, date_trunc('second', t.created_at) - interval '3 seconds', null
  from app_public.credit_transfers as t
  where t.kind = 'grant' and t.idempotency_key like 'checkout:cs\_demo\_%' and t.created_at < pg_temp.as_of()
  -- Came late, and knows less than what is known.
  union all
  select 'state', 'customer.subscription.updated', x.sub, 0, x.from_at - interval '40 seconds', x.from_at + interval '3 hours'
  from seed_states as x where x.sub = 'northside' and x.n = 1
  -- A session that names nobody, and a status that is not known here.
  union all
  select 'lost', 'checkout.session.completed', y.payer, 0, y.created_at + interval '1 day', null from seed_payers as y where y.payer = 'x:1'
  union all
  select 'unknown', 'customer.subscription.created', y.payer, 0, pg_temp.as_of() - interval '5 hours', null from seed_payers as y where y.payer = 'x:2'
  -- What nothing depends on, and what is of the other mode.
  union all
  select 'payout', 'payout.paid', 'payout', k.n, pg_temp.as_of() - make_interval(months => k.n) - interval '2 days 4 hours', null
  from generate_series(0, 11) as k (n)
  union all
  select 'other-mode', 'customer.created', 'b:1', 0, pg_temp.as_of() - interval '12 days 6 hours', null
)
select
  row_number() over (order by coalesce(t.arrives_at, t.created_at), t.created_at, t.kind, t.ref, t.n) as position,
  'evt_demo' || substr(md5(t.kind || ':' || t.type || ':' || t.ref || ':' || t.n), 1, 20) as id,
  t.kind, t.type, t.ref, t.n, t.created_at, coalesce(t.arrives_at, t.created_at + make_interval(secs => 1 + pg_temp.pick('arrives:' || t.ref || t.n, 3))) as arrives_at
from told as t
where t.created_at < pg_temp.as_of() - interval '5 seconds' and coalesce(t.arrives_at, t.created_at) < pg_temp.as_of();
create index on seed_events (arrives_at, position)
