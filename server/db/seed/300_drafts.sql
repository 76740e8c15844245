-- What a batch is about to write, of which each later file inserts one table.
-- They end with the batch.
create temp table seed_wallets (
  n integer not null,
  owner_user_id uuid,
  owner_brand_id uuid,
  signed_up timestamptz not null,
  -- The free month that $1, the day the demo looks back from, falls into.
  month_start timestamptz,
  month_end timestamptz,
  pro_from timestamptz,
  has_pictures boolean not null
) on commit drop
