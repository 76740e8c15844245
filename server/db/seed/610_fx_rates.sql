-- The first of each month, of the last sixteen. There is none of the krone.
insert into app_public.fx_rates (currency, rate_date, usd_per_unit, created_at, updated_at)
select v.currency, m.day, round(v.rate * (1 + (pg_temp.pick('rate:' || v.currency || ':' || k.n, 80) - 40) / 1000.0), v.digits), m.day, m.day
from (values ('eur', 1.0850, 4), ('gbp', 1.2700, 4), ('jpy', 0.00665, 6)) as v (currency, rate, digits)
cross join generate_series(0, 15) as k (n)
cross join lateral (select (date_trunc('month', $1::timestamptz) - make_interval(months => k.n))::date as day) as m
on conflict do nothing
