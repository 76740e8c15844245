-- Three in five say something, and four in five of them are content.
insert into app_public.tryon_feedback (job_id, user_id, brand_id, category_code, accurate, rating, created_at, updated_at)
select
  j.id, j.user_id, j.brand_id, j.category_code, pg_temp.pick('accurate:' || j.id, 5) > 0,
  case when pg_temp.pick('rated:' || j.id, 4) > 0
    then case when pg_temp.pick('accurate:' || j.id, 5) > 0 then 4 + pg_temp.pick('rating:' || j.id, 2) else 1 + pg_temp.pick('rating:' || j.id, 3) end end,
  f.at, f.at
from seed_jobs as j
cross join lateral (
  select j.finished_at + make_interval(secs => 20 + pg_temp.pick('feedback-wait:' || j.id, 900)) as at
) as f
where j.status = 'completed' and j.user_id is not null and pg_temp.pick('feedback:' || j.id, 5) < 3
order by j.id
