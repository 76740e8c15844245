-- The wallets of the people of the list; $1 is as_of. Whoever has one keeps it.
insert into seed_wallets (n, owner_user_id, signed_up, month_start, month_end, has_pictures)
select 0, u.id, u.created_at, m.period_start, m.period_end, false
from seed_people as p
join app_public.users as u on u.id = p.id
cross join lateral app_private.credit_month(u.created_at, $1::timestamptz) as m
where not exists (select from app_public.credit_accounts as a where a.owner_user_id = u.id)
