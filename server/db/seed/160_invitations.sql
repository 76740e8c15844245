-- Nobody holds a link to these: an owner makes one with "renew".
insert into app_public.brand_invitations
  (id, brand_id, email, role, invited_by, expires_at, accepted_at, created_at, updated_at)
select
  pg_temp.seed_id('invitation', v.n), b.id, v.email, v.role::app_public.brand_role, u.id,
  $1::timestamptz + make_interval(days => v.expires_in),
  case when v.accepted_ago is not null then $1::timestamptz - make_interval(days => v.accepted_ago) end,
  $1::timestamptz + make_interval(days => v.expires_in - 7), $1::timestamptz + make_interval(days => v.expires_in - 7)
from (
  values
    (1, 1, 'sofia.lindqvist@maison-lumiere.test', 'analyst', 5, null),
    (2, 1, 'press@maison-lumiere.test', 'viewer', 6, null),
    (3, 1, 'agency@closetai.test', 'analyst', -195, 200),
    (4, 2, 'agency@closetai.test', 'viewer', -195, 200),
    (5, 2, 'buyer@northside-denim.test', 'viewer', 4, null),
    (6, 6, 'tienda@calle-brava.test', 'manager', -12, null),
    (7, 11, 'studio@dar-saffa.test', 'manager', 3, null)
) as v (n, brand_n, email, role, expires_in, accepted_ago)
join app_public.brand_accounts as b on b.id = pg_temp.seed_id('brand', v.brand_n)
join app_public.users as u on u.id = pg_temp.seed_id('member', v.brand_n * 10 + 1)
order by v.n
on conflict do nothing;
