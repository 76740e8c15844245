-- Every movement of the batch; $1 is as_of.
create temp table seed_transfers on commit drop as
with wallets as materialized (
  select
    w.owner_user_id, w.owner_brand_id,
    pg_temp.timed_id('available:' || coalesce(w.owner_user_id, w.owner_brand_id), w.signed_up) as available_id,
    pg_temp.timed_id('held:' || coalesce(w.owner_user_id, w.owner_brand_id), w.signed_up) as held_id
  from seed_wallets as w
), paid as (
  select
    j.id as job_id, j.status, j.cost, j.moment, j.finished_at, w.*, pg_temp.timed_id('hold:' || j.id, j.moment) as hold_id
  from seed_jobs as j
  join wallets as w on coalesce(w.owner_user_id, w.owner_brand_id) = case j.payer when 'user' then j.user_id when 'brand' then j.brand_id end
)
select
  pg_temp.timed_id('transfer:grant:' || g.id, g.effective_at) as id, g.owner_user_id, g.owner_brand_id,
  'grant'::app_public.credit_transfer_kind as kind, pg_temp.system_account('system_grants', g.id) as debit_account, w.available_id as credit_account,
  g.amount, null::uuid as hold_id, g.id as grant_id, 'system' as actor_kind, null::uuid as actor_id,
  case when g.session is null then g.note else 'Bought through Stripe' end as reason, g.effective_at as created_at,
  -- So that the event of the session finds its credits given.
  'checkout:' || g.session as idempotency_key
from seed_grants as g
join wallets as w on coalesce(w.owner_user_id, w.owner_brand_id) = coalesce(g.owner_user_id, g.owner_brand_id)
union all
select
  pg_temp.timed_id('transfer:expire:' || g.id, g.expires_at), g.owner_user_id, g.owner_brand_id, 'expire', w.available_id,
  pg_temp.system_account('system_expired', g.id), g.expired, null, g.id, 'worker', null, null, g.expires_at, null
from seed_grants as g
join wallets as w on coalesce(w.owner_user_id, w.owner_brand_id) = coalesce(g.owner_user_id, g.owner_brand_id)
where g.expired > 0 and g.expires_at <= $1::timestamptz
union all
select
  pg_temp.timed_id('transfer:hold:' || p.hold_id, p.moment), p.owner_user_id, p.owner_brand_id, 'hold', p.available_id, p.held_id, p.cost,
  p.hold_id, null, 'user', p.owner_user_id, null, p.moment, null
from paid as p
union all
select
  pg_temp.timed_id('transfer:settle:' || p.hold_id, p.finished_at), p.owner_user_id, p.owner_brand_id,
  case when p.status = 'completed' then 'capture'::app_public.credit_transfer_kind else 'release' end, p.held_id,
  case when p.status = 'completed' then pg_temp.system_account('system_consumed', p.hold_id) else p.available_id end,
  p.cost, p.hold_id, null, 'worker', null, null, p.finished_at, null
from paid as p
