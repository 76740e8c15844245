insert into app_public.users (id, anon_id, email, display_name, timezone, last_login_at, created_at, updated_at)
select
  p.id, md5('anon:' || p.id), p.email, p.display_name, p.timezone,
  pg_temp.between_moments('login:' || p.id, $1::timestamptz - interval '21 days', $1::timestamptz),
  p.created_at, p.created_at
from seed_people as p
order by p.id
on conflict do nothing;
