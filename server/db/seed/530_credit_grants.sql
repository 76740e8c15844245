insert into app_public.credit_grants
  (id, owner_user_id, owner_brand_id, source, amount, remaining, expired, lapsed, priority, effective_at, expires_at, period_start, note,
   created_at, updated_at)
select
  g.id, g.owner_user_id, g.owner_brand_id, g.source, g.amount, g.amount - g.used - g.expired, g.expired,
  coalesce(g.expires_at <= $1::timestamptz, false), case when g.source in ('free_monthly', 'promo') then 10 else 20 end,
  g.effective_at, g.expires_at, g.period_start, g.note, g.effective_at, g.effective_at
from seed_grants as g
