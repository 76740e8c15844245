-- The catalogues of brands $2 to $3; $1 is as_of. Ten products are four designs:
-- one comes in one colour, the others in three, two and four.
insert into app_public.products
  (id, brand_id, sku, name, category_code, brand_label, gender, color, season, year, usage, tags, price_minor, currency, active, created_at, updated_at)
with numbered as (
  select
    b.*, i.n as i, b.n || ':' || ((i.n - 1) / 10 * 4 + ('{0,1,1,1,2,2,3,3,3,3}'::integer[])[1 + (i.n - 1) % 10]) as design,
    ('{0,0,1,2,0,1,0,1,2,3}'::integer[])[1 + (i.n - 1) % 10] as colorway
  from seed_brands as b
  cross join lateral generate_series(1, b.product_count) as i (n)
  where b.n between $2::integer and $3::integer
), designed as (
  select
    d.*, s.kind, s.series, s.adjectives, s.colors, s.tags as style_tags, s.usages,
    pg_temp.choose('category:' || d.design, s.categories) as category_code,
    pg_temp.past('launch:' || d.design, $1::timestamptz) as launched_at
  from numbered as d
  join seed_styles as s on s.style = d.style
), dressed as (
  select
    d.*, g.noun, g.gender, m.material,
    pg_temp.choose('series:' || d.design, d.series) as series_name,
    -- A maker of clothes has no word of its own for a bag or a ring.
    pg_temp.choose('adjective:' || d.design,
      case when d.category_code in ('tops', 'bottoms', 'dresses', 'jackets') or d.style in ('leather', 'jewelry', 'footwear', 'knit')
        then d.adjectives else '{Classic,Slim,Soft,Everyday,Textured,Signature}' end
    ) as adjective,
    d.colors[1 + (pg_temp.pick('color:' || d.design, cardinality(d.colors)) + d.colorway) % cardinality(d.colors)] as color,
    -- Shops sell a season ahead: what comes out from December on is for spring.
    ('{Spring,Spring,Summer,Summer,Summer,Fall,Fall,Fall,Winter,Winter,Winter,Spring}'::text[])[extract(month from d.launched_at at time zone 'UTC')::integer] as season,
    extract(year from d.launched_at at time zone 'UTC' + interval '1 month')::integer as year,
    g.usd_cents::bigint * d.level_pct / 100 * (80 + pg_temp.pick('price:' || d.design, 50)) / 100 as usd_cents
  from designed as d
  cross join lateral (
    select x.noun, x.gender, x.usd_cents
    from (
      select f.*, row_number() over (order by f.n) as position, count(*) over ()::integer as choices
      from seed_garments as f
      where f.category_code = d.category_code
        -- What the brand makes if it makes any, else whatever there is.
        and (f.kinds is null or d.kind = any (f.kinds) or not exists (
          select 1 from seed_garments as e
          where e.category_code = d.category_code and (e.kinds is null or d.kind = any (e.kinds))
        ))
    ) as x
    where x.position = 1 + pg_temp.pick('garment:' || d.design, x.choices)
  ) as g
  cross join lateral (
    select pg_temp.choose('material:' || d.design, w.words) as material
    from seed_materials as w
    where w.category_code = d.category_code and w.kind in (d.kind, 'plain')
    order by (w.kind = d.kind) desc
    limit 1
  ) as m
), priced as (
  select
    d.*,
    -- To the brand's currency at a fixed rate (thousandths of a unit for a
    -- dollar), to minor units, and to a round price.
    greatest(1, (d.usd_cents * r.per_thousand_usd * r.minor_units / 100000 + d.step_minor / 2) / d.step_minor)
      * d.step_minor - d.ending_minor as price_minor
  from dressed as d
  join (
    values ('usd', 1000, 100), ('eur', 920, 100), ('gbp', 790, 100), ('aud', 1520, 100),
      ('jpy', 150000, 1), ('nok', 10500, 100), ('kwd', 307, 1000)
  ) as r (currency, per_thousand_usd, minor_units) using (currency)
)
select
  pg_temp.seed_id('product', p.n::bigint * 100000 + p.i), b.id, p.prefix || '-' || lpad(p.i::text, 4, '0'),
  case pg_temp.pick('naming:' || p.design, 3)
    when 0 then p.series_name || ' ' || p.material || ' ' || p.noun
    when 1 then p.adjective || ' ' || p.material || ' ' || p.noun
    else p.series_name || ' ' || p.adjective || ' ' || p.noun
  end,
  p.category_code,
  -- One design in four carries one of the brand's own labels.
  case when pg_temp.pick('labelled:' || p.design, 4) = 0 and p.labels <> '{}' then pg_temp.choose('label:' || p.design, p.labels) end,
  p.gender, p.color, p.season, p.year, pg_temp.choose('usage:' || p.design, p.usages),
  array[
    pg_temp.choose('tag:' || p.design, p.style_tags),
    replace(lower(p.material), ' ', '-'),
    lower(p.season)
  ],
  -- One in thirty has no price yet.
  case when pg_temp.pick('unpriced:' || p.design, 30) > 0 then p.price_minor end,
  case when pg_temp.pick('unpriced:' || p.design, 30) > 0 then p.currency end,
  -- A colour is withdrawn now and then.
  pg_temp.pick('active:' || p.n || ':' || p.i, 16) > 0,
  c.added_at, c.added_at
from priced as p
-- The colours of a design come out some days apart.
cross join lateral (
  select p.launched_at - make_interval(days => p.colorway * (2 + pg_temp.pick('colorway:' || p.design, 12))) as added_at
) as c
join app_public.brand_accounts as b on b.id = pg_temp.seed_id('brand', p.n)
order by p.n, p.i
on conflict do nothing;
