-- The wallets of brands $2 to $3; $1 is as_of.
insert into seed_wallets (n, owner_brand_id, signed_up, has_pictures)
select b.n, a.id, a.created_at, b.n <= 12
from seed_brands as b
join app_public.brand_accounts as a on a.id = pg_temp.seed_id('brand', b.n)
where b.n between $2::integer and $3::integer and $1::timestamptz is not null
  and not exists (select from app_public.credit_accounts as c where c.owner_brand_id = a.id)
