insert into app_public.tryon_jobs
  (id, user_id, brand_id, shopper_handle, payer, status, category_code, selfie_key, result_key, cost, confidence, processing_ms,
   attempt, run_after, deadline_at, error_code, device_family, app_version, queued_at, started_at, completed_at, finished_at,
   created_at, updated_at)
select
  j.id, j.user_id, j.brand_id, h.handle, j.payer, j.status, j.category_code, j.selfie_key, j.result_key, j.cost, j.confidence,
  case when j.status in ('completed', 'failed') then j.attempt_ms end, j.attempt, j.moment, j.moment + interval '1 hour', j.error_code,
  j.device_family, j.app_version, j.moment,
  case when j.attempt > 0 then j.finished_at - j.attempt_ms * interval '1 millisecond' end,
  case when j.status = 'completed' then j.finished_at end, j.finished_at, j.moment, j.finished_at
from seed_jobs as j
left join app_private.shopper_handles as h on h.brand_id = j.brand_id and h.user_id = j.user_id
order by j.id
