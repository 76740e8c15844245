-- $1 is the password everybody may read in the README. It is hashed once and the
-- hash shared: equal hashes tell that passwords are equal, which is no secret
-- here, and a hash for each person would take a tenth of a second each. Only
-- people of the twelve demo brands can sign in; nobody else has a password.
with hashed as materialized (
  select app_private.hash_password($1::text) as hash
)
insert into app_private.user_secrets (user_id, password_hash, password_changed_at, address_proven_at)
select u.id, h.hash, u.created_at, u.created_at
from app_public.users as u, hashed as h
where u.id in (
    select p.id from seed_people as p where p.brand_n is null or (p.brand_n <= 12 and p.role_n <= 4)
    union all
    select pg_temp.seed_id('shopper', 1)
  )
order by u.id
on conflict do nothing;
