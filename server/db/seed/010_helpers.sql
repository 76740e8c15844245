-- Everything the seed decides "by chance" comes from a digest of what it is
-- about, never from random(): two databases seeded alike hold the same rows.
-- The functions are temporary: they end with the connection.

create function pg_temp.pick(key text, choices integer) returns integer
language sql immutable strict parallel safe
as $$ select ((('x' || substr(md5(key), 1, 8))::bit(32)::bigint) % choices)::integer $$;

create function pg_temp.choose(key text, choices text[]) returns text
language sql immutable strict parallel safe
as $$ select choices[1 + pg_temp.pick(key, cardinality(choices))] $$;

-- A well-formed UUIDv7. Its time part only keeps the order of n; it says nothing
-- about when the row was made, so that the id does not depend on --as-of.
create function pg_temp.seed_id(kind text, n bigint) returns uuid
language sql immutable strict parallel safe
as $$
  select (
    lpad(to_hex(1735689600000 + n), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15)
  )::uuid
  from md5(kind || ':' || n) as h
$$;

-- A moment in the 18 months (548 days) before as_of, the recent ones likelier:
-- the later of two even draws.
create function pg_temp.past(key text, as_of timestamptz) returns timestamptz
language sql stable strict parallel safe
as $$
  select as_of
    - make_interval(days => 548 - greatest(pg_temp.pick(key || ':day', 548), pg_temp.pick(key || ':day2', 548)))
    + make_interval(secs => pg_temp.pick(key || ':second', 86400))
$$;

-- A moment from from_moment on and before as_of.
create function pg_temp.between_moments(key text, from_moment timestamptz, as_of timestamptz) returns timestamptz
language sql stable strict parallel safe
as $$
  select from_moment + make_interval(
    secs => pg_temp.pick(key, greatest(1, extract(epoch from as_of - from_moment)::integer))
  )
$$;
