-- What sales and marketing cost in the months before that of $1, which has no bill
-- so far; those of one month were never entered.
insert into app_public.acquisition_costs (id, month, segment, spend_usd_minor, gross_margin, created_at, updated_at)
select
  pg_temp.seed_id('acquisition', k.n * 10 + v.n), m.month, v.segment, v.spend * b.brands / 12 + pg_temp.pick('spend:' || v.n || ':' || k.n, 40000),
  v.margin, m.entered_at, m.entered_at
from (values (1, 'brands', 110000, 0.82), (2, 'shoppers', 32000, 0.71)) as v (n, segment, spend, margin)
cross join generate_series(1, 14) as k (n)
cross join (select count(*) as brands from seed_brands) as b
cross join lateral (
  select (date_trunc('month', $1::timestamptz) - make_interval(months => k.n))::date as month,
    date_trunc('month', $1::timestamptz) - make_interval(months => k.n - 1) as entered_at
) as m
where k.n <> 9
on conflict do nothing
