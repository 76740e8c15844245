insert into app_public.credit_hold_lines (hold_id, grant_id, owner_user_id, owner_brand_id, amount)
select
  pg_temp.timed_id('hold:' || j.id, j.moment), j.grant_id, case when j.payer = 'user' then j.user_id end,
  case when j.payer = 'brand' then j.brand_id end, j.cost
from seed_jobs as j
where j.payer <> 'pro'
