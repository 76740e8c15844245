-- What is sold. Metadata says what a price grants; a price with brand_n was agreed
-- with that brand alone, and one with retired_days is sold to nobody new since.
create temp table seed_prices as
select
  'price_demo_' || v.price as id, 'prod_demo_' || v.product as product_id, v.price, v.product, v.currency, v.amount::bigint as amount,
  v.every, v.metadata, v.tiers, v.brand_n, v.retired_days
from (
  values
    ('starter_usd_month', 'starter', 'usd', 9900, 'month', '{"monthly_credits": "25"}'::jsonb, null::jsonb, null::integer, null::integer),
    ('starter_usd_year', 'starter', 'usd', 99000, 'year', '{"monthly_credits": "25"}', null, null, null),
    ('growth_usd_month', 'growth', 'usd', 39900, 'month', '{"monthly_credits": "75", "dataset_access": "aggregate"}', null, null, null),
    ('growth_usd_year', 'growth', 'usd', 399000, 'year', '{"monthly_credits": "75", "dataset_access": "aggregate"}', null, null, null),
    ('scale_usd_month', 'scale', 'usd', 119900, 'month',
      '{"monthly_credits": "150", "dataset_access": "row", "custom_models": "true"}', null, null, null),
    ('scale_usd_year', 'scale', 'usd', 1199000, 'year',
      '{"monthly_credits": "150", "dataset_access": "row", "custom_models": "true"}', null, null, null),
    ('starter_eur_month', 'starter', 'eur', 8900, 'month', '{"monthly_credits": "25"}', null, null, null),
    ('growth_eur_month', 'growth', 'eur', 36900, 'month', '{"monthly_credits": "75", "dataset_access": "aggregate"}', null, null, null),
    ('scale_eur_month', 'scale', 'eur', 109900, 'month',
      '{"monthly_credits": "150", "dataset_access": "row", "custom_models": "true"}', null, null, null),
    ('starter_gbp_month', 'starter', 'gbp', 7900, 'month', '{"monthly_credits": "25"}', null, null, null),
    ('growth_gbp_month', 'growth', 'gbp', 31900, 'month', '{"monthly_credits": "75", "dataset_access": "aggregate"}', null, null, null),
    ('growth_jpy_month', 'growth', 'jpy', 58000, 'month', '{"monthly_credits": "75", "dataset_access": "aggregate"}', null, null, null),
    ('starter_nok_month', 'starter', 'nok', 99900, 'month', '{"monthly_credits": "25"}', null, null, null),
    ('studio_eur_month', 'studio', 'eur', 14900, 'month', '{"custom_models": "true"}', null, null, null),
    ('scale_solstice', 'scale', 'usd', 89900, 'month',
      '{"monthly_credits": "150", "dataset_access": "row", "custom_models": "true"}', null, 8, null),
    -- By studio: the first five at 25 dollars, every further one at 15.
    ('classic_usd_month', 'classic', 'usd', null, 'month', '{"monthly_credits": "5"}',
      '[{"up_to": 5, "unit_amount": 2500, "flat_amount": null}, {"up_to": null, "unit_amount": 1500, "flat_amount": null}]', null, 300),
    ('pro_usd_month', 'pro', 'usd', 999, 'month', '{"pro": "true"}', null, null, null),
    ('pro_usd_year', 'pro', 'usd', 9900, 'year', '{"pro": "true"}', null, null, null),
    ('credits_40', 'credits', 'usd', 499, null, '{"credits": "40"}', null, null, null),
    ('credits_100', 'credits', 'usd', 1100, null, '{"credits": "100"}', null, null, null),
    ('credits_500', 'credits', 'usd', 4900, null, '{"credits": "500"}', null, null, null)
) as v (price, product, currency, amount, every, metadata, tiers, brand_n, retired_days);

create temp table seed_price_products as
select 'prod_demo_' || v.product as id, v.name, v.description
from (
  values
    ('starter', 'Starter', 'Catalogue, try-on funnel and studio credits'),
    ('growth', 'Growth', 'Starter, and shared aggregates of the try-on dataset'),
    ('scale', 'Scale', 'Growth, the dataset by row, and models of your own'),
    ('studio', 'Model studio', 'Models of your own, added to any plan'),
    ('classic', 'Classic', 'The plan of 2024, by studio'),
    ('pro', 'ClosetAI Pro', 'Try on without counting'),
    ('credits', 'Try-on credits', 'Bought once, good until they are used')
) as v (product, name, description);

create temp table seed_coupons as
select 'demo_' || v.coupon as id, v.*
from (
  values
    ('launch25', 'Launch, three months', 25, null::bigint, null::text, 'repeating', 3),
    ('comeback20', 'Welcome back', 20, null, null, 'forever', null::integer),
    ('first50', '50 pounds off the first invoice', null::integer, 5000, 'gbp', 'once', null)
) as v (coupon, name, percent_off, amount_off, currency, duration, months)
