-- The wallets of shoppers $2 to $3; $1 is as_of. Only the demo's own four hundred
-- have pictures; of the bulk it is long past that they were kept.
insert into seed_wallets (n, owner_user_id, signed_up, month_start, month_end, pro_from, has_pictures)
select
  s.n, u.id, u.created_at, m.period_start, m.period_end,
  -- Given by staff. Who pays for Pro stands in seed_pro_periods.
  case when s.n = 5 then $1::timestamptz - interval '21 days' end,
  s.n <= 400
from generate_series($2::integer, $3::integer) as s (n)
join app_public.users as u on u.id = pg_temp.seed_id('shopper', s.n)
cross join lateral app_private.credit_month(u.created_at, $1::timestamptz) as m
where not exists (select from app_public.credit_accounts as a where a.owner_user_id = u.id)
