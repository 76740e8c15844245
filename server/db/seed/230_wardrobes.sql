-- Wardrobe items $2 to $3; $1 is as_of. Eight shoppers in a row own 68 items:
-- twelve, five, eight, eleven, six, nine, seven and ten.
insert into app_public.wardrobe_items
  (id, user_id, product_id, category_code, name, brand_label, color, ai_tags, color_tags, usage_count, deleted_at, created_at, updated_at)
with owned as (
  select
    i.n as i,
    (i.n - 1) / 68 * 8 + (
      select count(*)::integer from unnest('{12,17,25,36,42,51,58,68}'::integer[]) as upper (bound)
      where upper.bound <= (i.n - 1) % 68
    ) + 1 as shopper_n
  from generate_series($2::integer, $3::integer) as i (n)
), chosen as (
  select
    o.*, u.id as user_id, u.created_at as joined_at,
    pg_temp.choose('wardrobe-category:' || o.i, '{tops,tops,tops,bottoms,bottoms,dresses,jackets,bags,scarves,hats,belts,sneakers,sneakers,heels,boots,jewelry}') as category_code,
    b.n as brand_n, 1 + pg_temp.pick('wardrobe-product:' || o.i, b.product_count) as product_n
  from owned as o
  join app_public.users as u on u.id = pg_temp.seed_id('shopper', o.shopper_n)
  join seed_brands as b on b.n = 1 + pg_temp.pick('wardrobe-brand:' || o.i, (select count(*)::integer from seed_brands))
), described as (
  select
    c.i, c.user_id, p.id as product_id,
    coalesce(p.category_code, c.category_code) as category_code,
    coalesce(p.name, initcap(f.color) || ' ' || g.noun) as name,
    coalesce(p.brand_label, b.name) as brand_label,
    coalesce(p.color, f.color) as color,
    coalesce(p.tags, array[pg_temp.choose('wardrobe-tag:' || c.i, '{everyday,vintage,gift,second-hand,workwear,favourite,summer,winter}')]) as ai_tags,
    greatest(c.joined_at, coalesce(p.created_at, c.joined_at)) as possible_from
  from chosen as c
  -- Two in three were bought from a brand that is here.
  left join app_public.products as p
    on p.id = pg_temp.seed_id('product', c.brand_n::bigint * 100000 + c.product_n)
    and p.active and pg_temp.pick('wardrobe-bought:' || c.i, 3) > 0
  left join app_public.brand_accounts as b on b.id = p.brand_id
  cross join lateral (
    select pg_temp.choose('wardrobe-color:' || c.i, '{Black,White,Grey,Navy Blue,Blue,Red,Green,Beige,Brown,Pink,Yellow,Silver,Olive}') as color
  ) as f
  cross join lateral (
    select x.noun from (
      select e.noun, row_number() over (order by e.n) as position, count(*) over ()::integer as choices
      from seed_garments as e where e.category_code = c.category_code
    ) as x
    where x.position = 1 + pg_temp.pick('wardrobe-garment:' || c.i, x.choices)
  ) as g
), dated as (
  select d.*, pg_temp.between_moments('wardrobe-added:' || d.i, d.possible_from, $1::timestamptz) as added_at
  from described as d
)
select
  pg_temp.seed_id('wardrobe', d.i), d.user_id, d.product_id, d.category_code, d.name, d.brand_label, d.color, d.ai_tags,
  array[
    replace(lower(d.color), ' ', '-'),
    case
      when d.color in ('Black', 'White', 'Grey', 'Off White', 'Ivory', 'Silver', 'Charcoal', 'Steel') then 'neutral'
      when d.color in ('Beige', 'Brown', 'Tan', 'Camel', 'Olive', 'Rust', 'Taupe', 'Cream', 'Coffee Brown', 'Mustard', 'Sage') then 'earth-tones'
      when d.color in ('Navy Blue', 'Blue', 'Green', 'Teal', 'Purple', 'Lavender') then 'cool'
      else 'warm'
    end
  ],
  -- Counted up by the try-ons that follow.
  0,
  case when pg_temp.pick('wardrobe-deleted:' || d.i, 25) = 0
    then pg_temp.between_moments('wardrobe-deleted-at:' || d.i, d.added_at, $1::timestamptz) end,
  d.added_at, d.added_at
from dated as d
order by d.i
on conflict do nothing;
