insert into app_public.staff_members (user_id, role, created_at, updated_at)
select p.id, p.staff_role::app_public.staff_role, p.created_at, p.created_at
from seed_people as p
join app_public.users as u on u.id = p.id
where p.staff_role is not null and $1::timestamptz is not null
order by p.id
on conflict do nothing;
