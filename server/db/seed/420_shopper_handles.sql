-- Random, as for everybody: nobody can tell from the outside who is who.
insert into app_private.shopper_handles (brand_id, user_id)
select distinct j.brand_id, j.user_id
from seed_jobs as j
where j.brand_id is not null and j.user_id is not null
on conflict do nothing
