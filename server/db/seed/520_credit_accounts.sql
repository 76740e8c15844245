-- All jobs are settled: nothing is held, and what is left of the grants is what
-- is available.
insert into app_public.credit_accounts (id, owner_user_id, owner_brand_id, kind, balance, next_grant_at, created_at, updated_at)
select
  pg_temp.timed_id(k.kind || ':' || coalesce(w.owner_user_id, w.owner_brand_id), w.signed_up), w.owner_user_id, w.owner_brand_id,
  k.kind::app_public.credit_account_kind,
  case when k.kind = 'available' then coalesce(g.remaining, 0) else 0 end,
  case when k.kind = 'available' then w.month_end end, w.signed_up, w.signed_up
from seed_wallets as w
cross join (values ('available'), ('held')) as k (kind)
left join (
  select coalesce(owner_user_id, owner_brand_id) as owner, sum(amount - used - expired) as remaining from seed_grants group by 1
) as g on g.owner = coalesce(w.owner_user_id, w.owner_brand_id)
