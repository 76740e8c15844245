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

-- A UUIDv7 whose time part is the moment: for rows that are found by time
-- through their key.
create function pg_temp.timed_id(key text, moment timestamptz) returns uuid
language sql immutable strict parallel safe
as $$
  select (
    lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15)
  )::uuid
  from md5(key) as h
$$;

-- The shard of a system account that a movement books on, the same every time.
create function pg_temp.system_account(kind app_public.credit_account_kind, id uuid) returns uuid
language sql immutable
as $$ select app_private.system_account_id(kind, ('x' || right(id::text, 1))::bit(4)::integer) $$;

-- The months from first_moment on that have no partition of the try-on jobs yet:
-- ensure_partitions() looks ahead, the seed looks back.
create function pg_temp.make_job_partitions(first_moment timestamptz) returns void
language plpgsql
as $$
declare
  v_month timestamp;
  v_name text;
begin
  perform app_private.ensure_partitions();
  for v_month in
    select generate_series(date_trunc('month', first_moment at time zone 'UTC'), date_trunc('month', now() at time zone 'UTC'), interval '1 month')
  loop
    v_name := 'tryon_jobs_' || to_char(v_month, 'YYYY_MM');
    continue when to_regclass('app_partitions.' || v_name) is not null;
    execute format(
      'create table app_partitions.%I partition of app_public.tryon_jobs for values from (%L) to (%L)', v_name,
      app_private.uuid_v7_floor(v_month at time zone 'UTC'), app_private.uuid_v7_floor((v_month + interval '1 month') at time zone 'UTC')
    );
    execute format('alter table app_partitions.%I enable row level security', v_name);
  end loop;
end
$$;

-- One of the sixteen system accounts of a kind. The functions take one for each
-- transaction; a batch of the seed spreads its thousands of entries evenly.
create function pg_temp.system_account(kind text, about uuid) returns uuid
language sql immutable strict parallel safe
as $$
  select ('ffffffff-ffff-7fff-bfff-' || lpad(to_hex(
    case kind when 'system_grants' then 16 when 'system_consumed' then 32 when 'system_expired' then 48 end
    + pg_temp.pick(about::text, 16)
  ), 12, '0'))::uuid
$$;
