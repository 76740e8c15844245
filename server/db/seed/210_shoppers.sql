-- Shoppers $2 to $3; $1 is as_of.
insert into app_public.users
  (id, anon_id, email, display_name, timezone, status, dataset_opt_in, training_opt_in, last_login_at, created_at, updated_at)
select
  pg_temp.seed_id('shopper', s.n), md5('anon:shopper:' || s.n),
  case
    when s.n = 1 then 'shopper@closetai.test'
    -- Some never gave an address.
    when pg_temp.pick('email:' || s.n, 10) = 0 then null
    else translate(lower(s.first_name || '.' || s.last_name), 'áéíóú', 'aeiou') || '.' || s.n || '@mail.test'
  end,
  s.first_name || ' ' || s.last_name, 'UTC',
  (case when s.n > 1 and pg_temp.pick('status:' || s.n, 100) = 0 then 'suspended' else 'active' end)::app_public.user_status,
  pg_temp.pick('dataset-opt-in:' || s.n, 100) < 38, pg_temp.pick('training-opt-in:' || s.n, 100) < 14,
  -- A few never came back after signing up.
  case when s.n = 1 or pg_temp.pick('returned:' || s.n, 12) > 0
    then pg_temp.between_moments('login:' || s.n, s.created_at, $1::timestamptz) end,
  s.created_at, s.created_at
from (
  select
    n, case when n = 1 then 'Juno' else pg_temp.choose('first:' || n, v.first_names) end as first_name,
    case when n = 1 then 'Park' else pg_temp.choose('last:' || n, v.last_names) end as last_name,
    case when n = 1 then $1::timestamptz - interval '400 days' else pg_temp.past('shopper:' || n, $1::timestamptz) end as created_at
  from generate_series($2::integer, $3::integer) as n, seed_names as v
) as s
order by s.n
on conflict do nothing;
