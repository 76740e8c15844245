insert into app_public.credit_holds (id, owner_user_id, owner_brand_id, tryon_job_id, amount, status, settled_at, created_at, updated_at)
select
  pg_temp.timed_id('hold:' || j.id, j.moment), case when j.payer = 'user' then j.user_id end, case when j.payer = 'brand' then j.brand_id end,
  j.id, j.cost, (case when j.status = 'completed' then 'captured' else 'released' end)::app_public.credit_hold_status,
  j.finished_at, j.moment, j.finished_at
from seed_jobs as j
where j.payer <> 'pro'
