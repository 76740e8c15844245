-- $1: how many brands. The first twelve are the demo's own; more are put
-- together from two word lists and share the twelve characters.
create temp table seed_brands as
with named (n, slug, name, style, timezone, currency, step_minor, ending_minor, level_pct, prefix, product_count, labels, status) as (
  values
    -- Prices are rounded to step_minor and end ending_minor below it.
    (1, 'maison-lumiere', 'Maison Lumière', 'couture', 'Europe/Paris', 'eur', 1000, 0, 620, 'ML', 420, '{Lumière Noire,Petite Lumière}'::text[], 'active'),
    (2, 'northside-denim', 'Northside Denim', 'denim', 'America/Chicago', 'usd', 500, 5, 110, 'ND', 380, '{Northside Workshop}', 'active'),
    (3, 'atelier-veyra', 'Atelier Veyra', 'tailoring', 'Europe/Rome', 'eur', 1000, 0, 310, 'AV', 310, '{Veyra Studio}', 'active'),
    (4, 'koto-loom', 'Koto Loom', 'minimal', 'Asia/Tokyo', 'jpy', 100, 0, 150, 'KL', 260, '{}', 'active'),
    (5, 'fjordhaven', 'Fjordhaven', 'outdoor', 'Europe/Oslo', 'nok', 5000, 100, 145, 'FH', 290, '{Fjordhaven Alpin}', 'active'),
    (6, 'calle-brava', 'Calle Brava', 'street', 'Europe/Madrid', 'eur', 500, 1, 85, 'CB', 340, '{Brava Talleres,Brava Noche}', 'active'),
    (7, 'pell-and-thorne', 'Pell & Thorne', 'leather', 'Europe/London', 'gbp', 500, 0, 240, 'PT', 180, '{}', 'active'),
    (8, 'solstice-run', 'Solstice Run', 'sport', 'America/Los_Angeles', 'usd', 500, 1, 105, 'SR', 300, '{Solstice Trail}', 'active'),
    (9, 'marrow-lane', 'Marrow Lane Knits', 'knit', 'Europe/London', 'gbp', 500, 0, 130, 'MK', 160, '{}', 'active'),
    (10, 'opaline-rue', 'Opaline & Rue', 'jewelry', 'Europe/Brussels', 'eur', 500, 0, 180, 'OR', 120, '{}', 'active'),
    (11, 'dar-saffa', 'Dar Saffa', 'evening', 'Asia/Kuwait', 'kwd', 500, 0, 260, 'DS', 90, '{Saffa Bride}', 'onboarding'),
    (12, 'tideline-footwear', 'Tideline Footwear', 'footwear', 'Australia/Sydney', 'aud', 500, 5, 100, 'TF', 150, '{}', 'active')
), words as (
  select
    '{Alder,Birch,Cinder,Dapple,Ember,Fallow,Gossamer,Hollow,Indigo,Juniper,Kestrel,Larkspur,Mistral,Nettle,Ochre,Plum,Quarry,Russet,Sorrel,Thistle,Umber,Velour,Willow,Yarrow,Zephyr,Aster,Bramble,Cobalt,Damson,Elder,Flint,Garnet,Heath,Ivory,Jasper,Lichen,Marigold,Opal,Pebble,Rowan}'::text[] as a,
    '{Atelier,Works,Studio,House,Supply,Thread,Loom,Goods,Cloth,Wear,Apparel,Stitch,Mill,Workshop,Collective,Cut,Weave,Form,Line,Trade,Makers,Label}'::text[] as b
), styles as (
  select array_agg(style order by style) as list from seed_styles
), generated as (
  select
    m.n, w.a[1 + (m.n - 13) % 40] || ' ' || w.b[1 + (m.n - 13) / 40] as name,
    pg_temp.choose('brand-style:' || m.n, s.list) as style,
    pg_temp.choose('brand-currency:' || m.n, '{usd,eur,gbp,aud}') as currency,
    m.n::text as key
  from generate_series(13, $1::integer) as m (n), words as w, styles as s
)
select * from named where n <= $1::integer
union all
select
  g.n, replace(lower(g.name), ' ', '-'), g.name, g.style,
  -- Any other zone makes the server look through its zone files, row by row.
  'UTC', g.currency,
  500, 1, 70 + pg_temp.pick('brand-level:' || g.key, 200),
  'B' || lpad(g.n::text, 3, '0'),
  -- A few large catalogues and many small ones.
  60 + least(pg_temp.pick('brand-size:' || g.key, 570), pg_temp.pick('brand-size2:' || g.key, 570)),
  '{}', case pg_temp.pick('brand-status:' || g.key, 20) when 0 then 'onboarding' when 1 then 'suspended' else 'active' end
from generated as g;
