-- Staff, and the members of every brand: $1 is as_of.
create temp table seed_people as
with staff (n, email, display_name, staff_role) as (
  values
    (1, 'staff@closetai.test', 'Mira Solberg', 'admin'),
    (2, 'support@closetai.test', 'Tariq Bell', 'support'),
    (3, 'finance@closetai.test', 'Renata Cruz', 'finance'),
    (4, 'privacy@closetai.test', 'Ewan Doyle', 'privacy')
), roles (n, role) as (
  values (1, 'owner'), (2, 'manager'), (3, 'analyst'), (4, 'viewer'), (5, 'viewer'), (6, 'analyst'), (7, 'viewer')
), known (brand_n, role_n, first_name, last_name) as (
  -- The people whose sign-ins are printed.
  values
    (1, 1, 'Camille', 'Aubert'), (1, 2, 'Nora', 'Vidal'), (1, 3, 'Julien', 'Lambert'), (1, 4, 'Salma', 'Renard'),
    (2, 1, 'Grace', 'Holloway'), (2, 2, 'Marcus', 'Reed'), (2, 3, 'Priya', 'Sharma'), (2, 4, 'Owen', 'Becker')
), members as (
  select
    b.n as brand_n, r.n as role_n, r.role, b.slug, b.timezone,
    coalesce(k.first_name, pg_temp.choose('first:' || b.n || ':' || r.n, v.first_names)) as first_name,
    coalesce(k.last_name, pg_temp.choose('last:' || b.n || ':' || r.n, v.last_names)) as last_name
  from seed_brands as b
  cross join roles as r
  cross join seed_names as v
  left join known as k on k.brand_n = b.n and k.role_n = r.n
  -- One member of each role, and up to three more.
  where r.n <= 4 + pg_temp.pick('team:' || b.n, 4)
)
select
  pg_temp.seed_id('staff', s.n) as id, s.email, s.display_name, 'UTC' as timezone,
  s.staff_role, null::integer as brand_n, null::integer as role_n, null::text as brand_role,
  $1::timestamptz - interval '700 days' as created_at
from staff as s
union all
select
  pg_temp.seed_id('member', m.brand_n * 10 + m.role_n),
  case when m.role_n <= 4 then m.role
    else translate(lower(m.first_name || '.' || m.last_name), 'áéíóú', 'aeiou') || m.role_n
  end || '@' || m.slug || '.test',
  m.first_name || ' ' || m.last_name, m.timezone,
  null, m.brand_n, m.role_n, m.role,
  case when m.role_n = 1 then $1::timestamptz - interval '640 days'
    else $1::timestamptz - make_interval(days => 40 + pg_temp.pick('joined:' || m.brand_n || ':' || m.role_n, 540))
  end
from members as m
union all
-- Works for two brands, so that there is something to switch between.
select pg_temp.seed_id('staff', 5), 'agency@closetai.test', 'Ines Falk', 'UTC', null, null, null, null,
  $1::timestamptz - interval '300 days';
