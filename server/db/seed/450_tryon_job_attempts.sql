-- All attempts of a job took as long as its last; each waited twice as long as
-- the one before.
insert into app_public.tryon_job_attempts
  (job_id, attempt, user_id, brand_id, category_code, worker, outcome, error_code, processing_ms, started_at, finished_at)
select
  j.id, a.n, j.user_id, j.brand_id, j.category_code, j.worker,
  (case
    when j.error_code = 'LOST_WORKER' then 'lost'
    when a.n < j.attempt then 'retried'
    else j.status::text
  end)::app_public.tryon_outcome,
  case when a.n < j.attempt and j.error_code is distinct from 'LOST_WORKER' then j.trouble else j.error_code end,
  case when j.error_code is distinct from 'LOST_WORKER' then j.attempt_ms end,
  t.started_at, t.started_at + j.attempt_ms * interval '1 millisecond'
from seed_jobs as j
cross join lateral generate_series(1, j.attempt) as a (n)
cross join lateral (
  select j.first_started_at + (a.n - 1) * j.attempt_ms * interval '1 millisecond'
    + make_interval(secs => 10 * (power(2, a.n - 1) - 1)) as started_at
) as t
order by j.id, a.n
