-- Vectors of the wardrobe items $2 to $3; $1 is as_of. A model would look at the
-- picture; here the category counts most, then the kind of garment, then the
-- colour, then chance. So what is alike stands close together.
insert into app_public.item_embeddings (item_id, user_id, model, embedding, created_at, updated_at)
with owned as (
  select
    i.n as i, w.id, w.user_id, w.created_at,
    'category:' || w.category_code as category, 'kind:' || lower(substring(w.name from '\S+$')) as kind,
    'color:' || lower(coalesce(w.color, '')) as color
  from generate_series($2::integer, $3::integer) as i (n)
  join app_public.wardrobe_items as w on w.id = pg_temp.seed_id('wardrobe', i.n)
  where w.created_at <= $1::timestamptz
    and not exists (select from app_public.item_embeddings as e where e.item_id = w.id)
), directions as materialized (
  select s.word, array_agg(pg_temp.pick('vector:' || s.word || ':' || d, 2001) / 1000.0::double precision - 1 order by d) as numbers
  from (select category from owned union select kind from owned union select color from owned) as s (word)
  cross join generate_series(1, 768) as d
  group by s.word
), mixed as (
  select o.*, t.numbers, t.length
  from owned as o
  join directions as a on a.word = o.category
  join directions as b on b.word = o.kind
  join directions as c on c.word = o.color
  cross join lateral (
    select array_agg(x.number) as numbers, sqrt(sum(x.number * x.number)) as length
    from (
      select p.a + 0.6 * p.b + 0.45 * p.c
        + 0.25 * ((o.i::bigint % 9973 * (p.d * p.d + 17) + o.i * 31) % 1009 / 504.5::double precision - 1) as number
      from (select unnest(a.numbers) as a, unnest(b.numbers) as b, unnest(c.numbers) as c, generate_series(1, 768) as d) as p
    ) as x
  ) as t
)
select
  m.id, m.user_id, 'demo-768',
  (select array_agg((x.number / m.length)::real) from (select unnest(m.numbers) as number) as x),
  m.created_at, m.created_at
from mixed as m
order by m.i
on conflict do nothing;
