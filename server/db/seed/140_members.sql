insert into app_public.brand_members (brand_id, user_id, role, invited_by, created_at, updated_at)
select b.id, u.id, m.role::app_public.brand_role, o.id, m.created_at, m.created_at
from (
  select p.brand_n, p.id, p.brand_role as role, p.created_at from seed_people as p where p.brand_n is not null
  union all
  select v.brand_n, pg_temp.seed_id('staff', 5), v.role, $1::timestamptz - interval '200 days'
  from (values (1, 'analyst'), (2, 'viewer')) as v (brand_n, role)
) as m
join app_public.brand_accounts as b on b.id = pg_temp.seed_id('brand', m.brand_n)
join app_public.users as u on u.id = m.id
-- The owner was there first and invited the others.
left join app_public.users as o on o.id = pg_temp.seed_id('member', m.brand_n * 10 + 1) and o.id <> m.id
order by b.id, u.id
on conflict do nothing;
