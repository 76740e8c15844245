-- What the batches wrote, they wrote now: it gets the times of its events. Only
-- where there is something to date, because the triggers that keep times and
-- movements as they are do not fire meanwhile, and that locks their tables.
create or replace function pg_temp.date_billing() returns setof text
language plpgsql
as $$
declare
  v_table text;
  v_dated constant text[] := '{stripe_customers,stripe_products,stripe_prices,stripe_coupons,stripe_discounts,stripe_subscriptions,stripe_invoices,stripe_refunds}';
  v_touched constant text[] := v_dated || '{account_mrr,subscription_grants,user_entitlements}';
begin
  if not exists (
    select from seed_events as e join app_public.stripe_events as k on k.id = e.id where k.received_at <> e.arrives_at
  ) then
    return;
  end if;
  -- The month that runs, of plans of which no event told in it: the daily task.
  perform app_private.grant_due_subscriptions(pg_temp.as_of());
  foreach v_table in array v_touched loop
    execute format('alter table app_public.%I disable trigger _100_timestamps', v_table);
  end loop;
  alter table app_public.mrr_movements disable trigger _900_append_only;
  alter table app_public.mrr_movement_lines disable trigger _900_append_only;

  foreach v_table in array v_dated loop
    execute format(
      'update app_public.%I as t
       set created_at = coalesce((select min(k.created) from app_public.stripe_events as k where k.object_id = t.id), t.last_event_created),
         updated_at = t.last_event_created
       from seed_events as e
       where e.id = t.last_event_id and t.updated_at <> t.last_event_created', v_table);
  end loop;
  -- The order of creation within an account stays.
  update app_public.mrr_movements as m
  set id = pg_temp.timed_id('movement:' || m.source_event_id || ':' || m.account, e.created_at),
    created_at = e.arrives_at + interval '2 seconds' + o.place * interval '1 microsecond'
  from seed_events as e, (
    select x.id, row_number() over (partition by x.account order by x.created_at, x.id) as place from app_public.mrr_movements as x
  ) as o
  where o.id = m.id and e.id = regexp_replace(m.source_event_id, '^link:|#.*$', '', 'g') and m.created_at > e.arrives_at + interval '1 minute';
  update app_public.mrr_movement_lines as l
  set id = pg_temp.timed_id('line:' || m.source_event_id || ':' || m.account || ':' || l.subscription_id, m.created_at), created_at = m.created_at
  from app_public.mrr_movements as m
  where m.id = l.movement_id and l.created_at > m.created_at + interval '1 minute';
  update app_public.account_mrr as a
  set created_at = m.first_at, updated_at = m.last_at
  from (
    select x.account, min(x.created_at) as first_at, max(x.created_at) as last_at from app_public.mrr_movements as x group by x.account
  ) as m
  where m.account = a.account and a.created_at > m.first_at + interval '1 minute';
  -- An account that never paid (a trial, a review) has no movement.
  update app_public.account_mrr as a
  set created_at = s.first_at, updated_at = s.first_at
  from (
    select app_private.account_of_customer(x.customer_id) as account, min(x.created_at) as first_at
    from app_public.stripe_subscriptions as x join seed_events as e on e.id = x.last_event_id
    group by 1
  ) as s
  where s.account = a.account and a.mrr_usd_minor = 0 and a.created_at > s.first_at + interval '1 minute'
    and not exists (select from app_public.mrr_movements as m where m.account = a.account);
  update app_public.subscription_grants as g
  set created_at = least(g.since, s.created_at), updated_at = greatest(g.since, s.created_at)
  from app_public.stripe_subscriptions as s join seed_events as e on e.id = s.last_event_id
  where s.id = g.subscription_id and g.created_at > s.created_at + interval '1 minute';
  update app_public.user_entitlements as n
  set id = pg_temp.timed_id('pro:' || n.user_id || ':' || n.source || ':' || lower(n.period), lower(n.period)), created_at = lower(n.period),
    updated_at = coalesce(upper(n.period), lower(n.period))
  from app_public.stripe_subscriptions as s join seed_events as e on e.id = s.last_event_id
  where n.source = 'subscription ' || s.id and n.created_at > lower(n.period) + interval '1 minute';

  alter table app_public.mrr_movements enable trigger _900_append_only;
  alter table app_public.mrr_movement_lines enable trigger _900_append_only;
  foreach v_table in array v_touched loop
    execute format('alter table app_public.%I enable trigger _100_timestamps', v_table);
  end loop;
  update app_private.stripe_raw as r set updated_at = r.event_created
  from seed_events as e
  where r.updated_at <> r.event_created and r.id in (select k.object_id from app_public.stripe_events as k where k.id = e.id);
  return query
    update app_public.stripe_events as k
    set received_at = e.arrives_at,
      processed_at = case when k.processed_at is not null
        then e.arrives_at + make_interval(secs => (40 + pg_temp.pick('processed:' || e.id, 2400)) / 1000.0) end,
      -- The one that failed rests until somebody has looked.
      next_attempt_at = case when k.status = 'failed' then pg_temp.as_of() + interval '14 days' else e.arrives_at end
    from seed_events as e
    where e.id = k.id and k.received_at <> e.arrives_at
    returning k.id;
end
$$
