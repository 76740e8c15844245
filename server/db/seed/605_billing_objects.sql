-- The objects of Stripe, in the shapes of its published examples. What happened
-- long ago has the shape of that time: periods, plan and discount on top of a
-- subscription, and the subscription on top of its invoice.

create or replace function pg_temp.stripe_seconds(moment timestamptz) returns bigint
language sql immutable
as $$ select extract(epoch from moment)::bigint $$;

create or replace function pg_temp.is_early(moment timestamptz) returns boolean
language sql stable
as $$ select moment < pg_temp.as_of() - interval '240 days' $$;

-- Minor units that a quantity costs at a price.
create or replace function pg_temp.seed_amount(price_name text, quantity integer) returns bigint
language sql stable
as $$
  select case when p.tiers is null then p.amount * quantity
    else least(quantity, 5) * (p.tiers #>> '{0,unit_amount}')::bigint + greatest(quantity - 5, 0) * (p.tiers #>> '{1,unit_amount}')::bigint end
  from seed_prices as p where p.price = price_name
$$;

create or replace function pg_temp.price_object(price_name text, moment timestamptz, live boolean, with_tiers boolean) returns jsonb
language sql stable
as $$
  select jsonb_build_object(
    'id', p.id, 'object', 'price', 'active', p.retired_days is null or moment < pg_temp.as_of() - make_interval(days => p.retired_days),
    'billing_scheme', case when p.tiers is null then 'per_unit' else 'tiered' end,
    'created', pg_temp.stripe_seconds(pg_temp.as_of() - interval '432 days'), 'currency', p.currency, 'custom_unit_amount', null, 'livemode', live,
    'lookup_key', null,
    'metadata', p.metadata || case when p.brand_n is null then '{}' else jsonb_build_object('brand_id', pg_temp.seed_id('brand', p.brand_n)) end,
    'nickname', null, 'product', p.product_id,
    'recurring', case when p.every is not null then jsonb_build_object(
      'interval', p.every, 'interval_count', 1, 'meter', null, 'trial_period_days', null, 'usage_type', 'licensed') end,
    'tax_behavior', 'exclusive', 'tiers_mode', case when p.tiers is not null then 'graduated' end, 'transform_quantity', null,
    'type', case when p.every is null then 'one_time' else 'recurring' end,
    'unit_amount', p.amount, 'unit_amount_decimal', p.amount::text)
    || case when with_tiers and p.tiers is not null then jsonb_build_object('tiers', p.tiers) else '{}' end
  from seed_prices as p where p.price = price_name
$$;

create or replace function pg_temp.plan_object(price jsonb) returns jsonb
language sql immutable
as $$
  select jsonb_build_object(
    'id', price -> 'id', 'object', 'plan', 'active', price -> 'active', 'aggregate_usage', null, 'amount', price -> 'unit_amount',
    'amount_decimal', price -> 'unit_amount_decimal', 'billing_scheme', price -> 'billing_scheme', 'created', price -> 'created',
    'currency', price -> 'currency', 'interval', price #> '{recurring,interval}', 'interval_count', 1, 'livemode', price -> 'livemode',
    'metadata', price -> 'metadata', 'nickname', null, 'product', price -> 'product', 'tiers_mode', price -> 'tiers_mode',
    'transform_usage', null, 'trial_period_days', null, 'usage_type', 'licensed')
$$;

create or replace function pg_temp.coupon_object(coupon_name text, live boolean) returns jsonb
language sql stable
as $$
  select jsonb_build_object(
    'id', c.id, 'object', 'coupon', 'amount_off', c.amount_off, 'created', pg_temp.stripe_seconds(pg_temp.as_of() - interval '431 days'),
    'currency', c.currency, 'duration', c.duration, 'duration_in_months', c.months, 'livemode', live, 'max_redemptions', null, 'metadata', '{}'::jsonb,
    'name', c.name, 'percent_off', c.percent_off, 'redeem_by', null, 'times_redeemed', 1, 'valid', true)
  from seed_coupons as c where c.coupon = coupon_name
$$;

create or replace function pg_temp.discount_object(sub_name text, coupon_name text, since timestamptz, live boolean) returns jsonb
language sql stable
as $$
  select jsonb_build_object(
    'id', pg_temp.stripe_key('di', sub_name || ':' || coupon_name), 'object', 'discount', 'checkout_session', null, 'customer', y.customer_id,
    'end', case when c.duration = 'repeating' then pg_temp.stripe_seconds(since + make_interval(months => c.months)) end,
    'invoice', null, 'invoice_item', null, 'promotion_code', null, 'start', pg_temp.stripe_seconds(since),
    'subscription', pg_temp.stripe_key('sub', sub_name), 'subscription_item', null)
    || case when pg_temp.is_early(since) then jsonb_build_object('coupon', pg_temp.coupon_object(coupon_name, live))
      else jsonb_build_object('source', jsonb_build_object('type', 'coupon', 'coupon', pg_temp.coupon_object(coupon_name, live))) end
  from seed_coupons as c, seed_subscriptions as s join seed_payers as y on y.payer = s.payer
  where c.coupon = coupon_name and s.sub = sub_name
$$;

create or replace function pg_temp.subscription_object(sub_name text, state_n integer, moment timestamptz, live boolean) returns jsonb
language plpgsql stable
as $$
declare
  s seed_subscriptions;
  x seed_states;
  y seed_payers;
  v_id text := pg_temp.stripe_key('sub', sub_name);
  v_period integer := 0;
  v_starts timestamptz;
  v_ends timestamptz;
  v_price jsonb;
  v_item jsonb;
  v_discounted_since timestamptz;
  v_early boolean := pg_temp.is_early(moment);
  v_object jsonb;
begin
  select * into strict s from seed_subscriptions as i where i.sub = sub_name;
  select * into strict x from seed_states as i where i.sub = sub_name and i.n = state_n;
  select * into strict y from seed_payers as i where i.payer = s.payer;
  if moment < s.anchor_at then
    v_starts := s.start_at;
    v_ends := s.anchor_at;
  else
    while s.anchor_at + (v_period + 1) * s.every <= moment loop
      v_period := v_period + 1;
    end loop;
    v_starts := s.anchor_at + v_period * s.every;
    v_ends := s.anchor_at + (v_period + 1) * s.every;
  end if;
  -- A subscription ends with its period.
  if x.status = 'canceled' and x.cancels then
    v_ends := v_starts;
    v_starts := v_starts - s.every;
  end if;
  v_price := pg_temp.price_object(x.price, moment, live, false);
  v_item := jsonb_build_object(
    'id', pg_temp.stripe_key('si', sub_name), 'object', 'subscription_item', 'created', pg_temp.stripe_seconds(s.start_at), 'metadata', '{}'::jsonb,
    'price', v_price, 'quantity', x.quantity, 'subscription', v_id, 'tax_rates', '[]'::jsonb);
  v_object := jsonb_build_object(
    'id', v_id, 'object', 'subscription', 'application', null, 'automatic_tax', jsonb_build_object('enabled', y.tax_percent > 0),
    'billing_cycle_anchor', pg_temp.stripe_seconds(s.anchor_at),
    'cancel_at', case when x.cancels then pg_temp.stripe_seconds(v_ends) end, 'cancel_at_period_end', x.cancels and x.status <> 'canceled',
    'canceled_at', case when x.status = 'canceled' or x.cancels then pg_temp.stripe_seconds(case when x.cancels and x.status = 'canceled'
      then (select max(b.from_at) from seed_states as b where b.sub = sub_name and b.cancels and b.status <> 'canceled') else x.from_at end) end,
    'cancellation_details', jsonb_build_object(
      'comment', null, 'feedback', null, 'reason', case when x.cancels then 'cancellation_requested' when x.status = 'canceled' then 'payment_failed' end),
    'collection_method', 'charge_automatically', 'created', pg_temp.stripe_seconds(s.start_at), 'currency', v_price -> 'currency',
    'customer', y.customer_id, 'days_until_due', null, 'default_payment_method', pg_temp.stripe_key('pm', s.payer), 'description', null,
    'ended_at', case when x.status in ('canceled', 'incomplete_expired') then pg_temp.stripe_seconds(x.from_at) end, 'livemode', live,
    'metadata', '{}'::jsonb, 'next_pending_invoice_item_invoice', null,
    'pause_collection', case when x.pauses then jsonb_build_object('behavior', 'keep_as_draft', 'resumes_at', pg_temp.stripe_seconds(pg_temp.as_of() + interval '33 days')) end,
    'pending_update', null, 'schedule', null, 'start_date', pg_temp.stripe_seconds(s.start_at), 'status', x.status,
    'trial_end', case when s.anchor_at > s.start_at then pg_temp.stripe_seconds(s.anchor_at) end,
    'trial_start', case when s.anchor_at > s.start_at then pg_temp.stripe_seconds(s.start_at) end);
  if x.coupon is not null then
    select max(b.from_at) into v_discounted_since from seed_states as b
    where b.sub = sub_name and b.coupon = x.coupon and b.n <= state_n
      and not exists (select from seed_states as c where c.sub = b.sub and c.n = b.n - 1 and c.coupon = b.coupon);
  end if;
  if v_early then
    return v_object || jsonb_build_object(
      'current_period_start', pg_temp.stripe_seconds(v_starts), 'current_period_end', pg_temp.stripe_seconds(v_ends),
      'discount', case when x.coupon is not null then pg_temp.discount_object(sub_name, x.coupon, v_discounted_since, live) end,
      'plan', pg_temp.plan_object(v_price), 'quantity', x.quantity,
      'items', jsonb_build_object(
        'object', 'list', 'data', jsonb_build_array(v_item || jsonb_build_object('plan', pg_temp.plan_object(v_price))), 'has_more', false,
        'total_count', 1, 'url', '/v1/subscription_items?subscription=' || v_id));
  end if;
  return v_object || jsonb_build_object(
    'discounts', case when x.coupon is null then '[]'::jsonb
      else jsonb_build_array(pg_temp.stripe_key('di', sub_name || ':' || x.coupon)) end,
    'items', jsonb_build_object(
      'object', 'list', 'data', jsonb_build_array(v_item || jsonb_build_object(
        'current_period_start', pg_temp.stripe_seconds(v_starts), 'current_period_end', pg_temp.stripe_seconds(v_ends), 'discounts', '[]'::jsonb)),
      'has_more', false, 'url', '/v1/subscription_items?subscription=' || v_id));
end
$$;

-- An invoice as its n-th event tells of it; lines are [{description, amount, proration, from, to, price, quantity}].
create or replace function pg_temp.invoice_object(
  about text, payer_name text, sub_name text, reason text, number bigint, billed_at timestamptz, starts_at timestamptz, ends_at timestamptz,
  lines jsonb, coupon_name text, type text, moment timestamptz, finalized_at timestamptz, live boolean
) returns jsonb
language plpgsql stable
as $$
declare
  y seed_payers;
  c seed_coupons;
  v_id text := pg_temp.stripe_key('in', about);
  v_sub text := pg_temp.stripe_key('sub', sub_name);
  v_early boolean := pg_temp.is_early(moment);
  v_status text := case type when 'invoice.created' then 'draft' when 'invoice.paid' then 'paid' when 'invoice.voided' then 'void'
    when 'invoice.marked_uncollectible' then 'uncollectible' else 'open' end;
  v_prefix text;
  v_subtotal bigint;
  v_discount bigint := 0;
  v_tax bigint;
  v_total bigint;
  v_paid bigint;
  v_lines jsonb;
begin
  select * into strict y from seed_payers as i where i.payer = payer_name;
  v_prefix := upper(substr(md5('prefix:' || payer_name), 1, 8));
  select sum((l ->> 'amount')::bigint) into v_subtotal from jsonb_array_elements(lines) as l;
  if coupon_name is not null then
    select * into strict c from seed_coupons as i where i.coupon = coupon_name;
    v_discount := least(greatest(v_subtotal, 0), coalesce(round(v_subtotal * c.percent_off / 100.0)::bigint, c.amount_off));
  end if;
  v_tax := round((v_subtotal - v_discount) * y.tax_percent / 100.0);
  v_total := v_subtotal - v_discount + v_tax;
  v_paid := case when v_status = 'paid' then greatest(v_total, 0) else 0 end;
  select jsonb_agg(
    jsonb_build_object(
      'id', pg_temp.stripe_key('il', about || ':' || l.position), 'object', 'line_item', 'amount', l.line -> 'amount', 'currency', l.line -> 'currency',
      'description', l.line -> 'description', 'discount_amounts', '[]'::jsonb, 'discountable', true, 'invoice', v_id, 'livemode', live, 'metadata', '{}'::jsonb,
      'period', jsonb_build_object('start', l.line -> 'from', 'end', l.line -> 'to'), 'quantity', l.line -> 'quantity')
    || case
      when v_early then jsonb_build_object('proration', l.line -> 'proration', 'price', jsonb_build_object('id', l.line -> 'price'), 'subscription', v_sub)
      else jsonb_build_object(
        'parent', case when sub_name is null then null else jsonb_build_object(
          'type', 'subscription_item_details',
          'subscription_item_details', jsonb_build_object(
            'invoice_item', null, 'proration', l.line -> 'proration', 'subscription', v_sub, 'subscription_item', pg_temp.stripe_key('si', sub_name))) end,
        'pricing', jsonb_build_object('type', 'price_details', 'price_details', jsonb_build_object('price', l.line -> 'price', 'product', null)),
        'taxes', '[]'::jsonb) end
    order by l.position)
  into v_lines
  from jsonb_array_elements(lines) with ordinality as l (line, position);
  return jsonb_build_object(
    'id', v_id, 'object', 'invoice', 'account_country', 'US', 'account_name', 'ClosetAI',
    'amount_due', greatest(v_total, 0), 'amount_paid', v_paid, 'amount_remaining', greatest(v_total, 0) - v_paid,
    'attempt_count', case when v_status = 'draft' then 0 when moment > billed_at + interval '2 days' then 2 else 1 end, 'attempted', v_status <> 'draft',
    'auto_advance', v_status = 'open', 'billing_reason', reason, 'collection_method', 'charge_automatically',
    'created', pg_temp.stripe_seconds(billed_at), 'currency', lines #> '{0,currency}', 'customer', y.customer_id, 'customer_email', y.email,
    'customer_name', y.name, 'default_payment_method', null, 'description', null, 'due_date', null,
    -- Nothing stands behind an address at Stripe.
    'hosted_invoice_url', null, 'invoice_pdf', null, 'livemode', live, 'metadata', '{}'::jsonb,
    'next_payment_attempt', case when type = 'invoice.payment_failed' then pg_temp.stripe_seconds(moment + interval '4 days') end,
    'number', case when v_status <> 'draft' then v_prefix || '-' || lpad(number::text, 4, '0') end,
    'period_start', pg_temp.stripe_seconds(starts_at), 'period_end', pg_temp.stripe_seconds(ends_at), 'post_payment_credit_notes_amount', 0,
    'starting_balance', 0, 'status', v_status,
    'status_transitions', jsonb_build_object(
      'finalized_at', case when v_status <> 'draft' then pg_temp.stripe_seconds(finalized_at) end,
      'marked_uncollectible_at', case when v_status = 'uncollectible' then pg_temp.stripe_seconds(moment) end,
      'paid_at', case when v_status = 'paid' then pg_temp.stripe_seconds(moment) end,
      'voided_at', case when v_status = 'void' then pg_temp.stripe_seconds(moment) end),
    'subtotal', v_subtotal, 'subtotal_excluding_tax', v_subtotal, 'total', v_total, 'total_excluding_tax', v_subtotal - v_discount,
    'total_discount_amounts', case when v_discount = 0 then '[]'::jsonb
      else jsonb_build_array(jsonb_build_object('amount', v_discount, 'discount', pg_temp.stripe_key('di', sub_name || ':' || coupon_name))) end,
    'lines', jsonb_build_object('object', 'list', 'data', v_lines, 'has_more', false, 'url', '/v1/invoices/' || v_id || '/lines'))
  || case
    when v_early then jsonb_build_object('subscription', v_sub, 'tax', case when v_tax <> 0 then v_tax end, 'charge', pg_temp.stripe_key('ch', about))
    else jsonb_build_object(
      'parent', case when sub_name is null then null else jsonb_build_object(
        'type', 'subscription_details', 'quote_details', null,
        'subscription_details', jsonb_build_object('metadata', '{}'::jsonb, 'subscription', v_sub)) end,
      'total_taxes', case when v_tax = 0 then '[]'::jsonb else jsonb_build_array(jsonb_build_object(
        'amount', v_tax, 'tax_behavior', 'exclusive', 'taxable_amount', v_subtotal - v_discount, 'type', 'tax_rate_details')) end) end;
end
$$;

-- What an invoice of a subscription charges: the time of the old and of the new plan
-- since a change within the last period, and the period that begins.
create or replace function pg_temp.invoice_lines(i seed_invoices) returns jsonb
language sql stable
as $$
  select jsonb_agg(
    jsonb_build_object(
      'description', l.description, 'amount', l.amount, 'currency', p.currency, 'proration', l.proration, 'from', pg_temp.stripe_seconds(l.from_at),
      'to', pg_temp.stripe_seconds(l.to_at), 'price', p.id, 'quantity', l.quantity)
    order by l.place)
  from (
    select
      v.n + v.minus as place, v.price, v.quantity, true as proration, v.from_at, i.billed_at as to_at,
      case when v.minus = 1 then 'Unused time on ' else 'Remaining time on ' end || v.quantity || ' × ' || d.name as description,
      v.sign * round(pg_temp.seed_amount(v.price, v.quantity)
        * extract(epoch from i.billed_at - v.from_at) / extract(epoch from i.billed_at - i.previous_at))::bigint as amount
    from (
      select b.price, b.quantity, x.from_at, x.n * 10 as n, 1 as minus, -1 as sign
      from seed_states as x join seed_states as b on b.sub = x.sub and b.n = x.n - 1
      where x.sub = i.sub and x.from_at > i.previous_at and x.from_at < i.billed_at and (x.price, x.quantity) <> (b.price, b.quantity) and b.status = 'active'
      union all
      select x.price, x.quantity, x.from_at, x.n * 10, 2, 1
      from seed_states as x join seed_states as b on b.sub = x.sub and b.n = x.n - 1
      where x.sub = i.sub and x.from_at > i.previous_at and x.from_at < i.billed_at and (x.price, x.quantity) <> (b.price, b.quantity) and b.status = 'active'
    ) as v
    join seed_prices as q on q.price = v.price join seed_price_products as d on d.id = q.product_id
    union all
    select 1000, i.price, i.quantity, false, i.billed_at, i.ends_at, i.quantity || ' × ' || d.name, pg_temp.seed_amount(i.price, i.quantity)
    from seed_prices as q join seed_price_products as d on d.id = q.product_id
    where q.price = i.price
  ) as l
  join seed_prices as p on p.price = l.price
$$;

create or replace function pg_temp.checkout_object(session text, customer_id text, metadata jsonb, price_name text, moment timestamptz, live boolean) returns jsonb
language sql stable
as $$
  select jsonb_build_object(
    'id', session, 'object', 'checkout.session', 'amount_subtotal', p.amount, 'amount_total', p.amount, 'client_reference_id', null,
    'created', pg_temp.stripe_seconds(moment - interval '2 minutes'), 'currency', p.currency, 'customer', customer_id, 'customer_email', null,
    'invoice', null, 'livemode', live, 'metadata', checkout_object.metadata, 'mode', 'payment', 'payment_intent', pg_temp.stripe_key('pi', session),
    'payment_method_types', '["card"]'::jsonb, 'payment_status', 'paid', 'status', 'complete', 'subscription', null)
  from seed_prices as p where p.price = price_name
$$;

-- The object of one event of the calendar.
create or replace function pg_temp.event_object(e seed_events, live boolean) returns jsonb
language plpgsql stable
as $$
declare
  i seed_invoices;
  y seed_payers;
  x seed_states;
  u app_public.users;
  t app_public.credit_transfers;
  v_paid bigint;
begin
  if e.kind = 'product' then
    return (
      select jsonb_build_object(
        'id', p.id, 'object', 'product', 'active', true, 'created', pg_temp.stripe_seconds(e.created_at), 'default_price', null,
        'description', p.description, 'images', '[]'::jsonb, 'livemode', live, 'marketing_features', '[]'::jsonb, 'metadata', '{}'::jsonb, 'name', p.name,
        'shippable', null, 'statement_descriptor', null, 'tax_code', null, 'unit_label', null, 'updated', pg_temp.stripe_seconds(e.created_at), 'url', null)
      from seed_price_products as p where p.id = e.ref);
  elsif e.kind = 'price' then
    return pg_temp.price_object(e.ref, e.created_at, live, true);
  elsif e.kind = 'coupon' then
    return pg_temp.coupon_object(e.ref, live);
  elsif e.kind in ('payer', 'other-mode') then
    select * into strict y from seed_payers as p where p.payer = e.ref;
    select * into u from app_public.users as p where p.id = pg_temp.seed_id('shopper', y.shopper_n);
    return jsonb_build_object(
      'id', case when e.kind = 'other-mode' then 'cus_demoother' else y.customer_id end, 'object', 'customer', 'address', null, 'balance', 0,
      'created', pg_temp.stripe_seconds(y.created_at), 'currency', y.currency, 'default_source', null, 'delinquent', false, 'description', null,
      'email', case when e.n = 1 then 'billing' || substr(y.email, strpos(y.email, '@')) else coalesce(y.email, u.email) end,
      'invoice_prefix', upper(substr(md5('prefix:' || y.payer), 1, 8)), 'livemode', live,
      'metadata', case
        when y.brand_n is not null then jsonb_build_object('brand_id', pg_temp.seed_id('brand', y.brand_n))
        when u.id is not null then jsonb_build_object('user_id', u.id)
        else '{}' end,
      'name', coalesce(y.name, u.display_name), 'phone', null, 'preferred_locales', '[]'::jsonb, 'tax_exempt', 'none', 'test_clock', null);
  elsif e.kind = 'state' then
    return pg_temp.subscription_object(e.ref, e.n, e.created_at, live);
  elsif e.kind = 'period' then
    select * into strict i from seed_invoices as p where p.invoice = e.ref || ':' || e.n;
    return pg_temp.subscription_object(e.ref, i.state, e.created_at, live);
  elsif e.kind = 'discount' then
    -- It ends in the state that follows the one it belonged to.
    select * into strict x from seed_states as p
    where p.sub = e.ref and p.n <= e.n and p.coupon is not null order by p.n desc limit 1;
    return pg_temp.discount_object(e.ref, x.coupon, x.from_at, live);
  elsif e.kind = 'invoice' then
    select * into strict i from seed_invoices as p where p.invoice = e.ref;
    return pg_temp.invoice_object(
      i.invoice, i.payer, i.sub, i.reason, i.number, i.billed_at, coalesce(i.previous_at, i.billed_at), i.billed_at, pg_temp.invoice_lines(i), i.coupon,
      e.type, e.created_at, i.billed_at + case when i.reason = 'subscription_create' then interval '2 seconds' else interval '1 hour' end, live);
  elsif e.kind = 'one-off' then
    return pg_temp.invoice_object(
      'one-off:' || e.ref, e.ref, null, 'manual',
      (select 1 + count(*) from seed_invoices as p where p.payer = e.ref and p.billed_at < pg_temp.billing_moment('one-off:b:1', 6, 2)),
      pg_temp.billing_moment('one-off:b:1', 6, 2) - interval '20 minutes',
      pg_temp.billing_moment('one-off:b:1', 6, 2), pg_temp.billing_moment('one-off:b:1', 6, 2),
      jsonb_build_array(jsonb_build_object(
        'description', 'A day of fitting for models of your own', 'amount', 180000, 'currency', 'eur', 'proration', false,
        'from', pg_temp.stripe_seconds(e.created_at), 'to', pg_temp.stripe_seconds(e.created_at), 'price', null, 'quantity', 1)),
      null, e.type, e.created_at, pg_temp.billing_moment('one-off:b:1', 6, 2), live);
  elsif e.kind = 'refund' then
    select * into strict i from seed_invoices as p where p.invoice = e.ref;
    select * into strict y from seed_payers as p where p.payer = i.payer;
    select p.amount_paid into strict v_paid from app_public.stripe_invoices as p where p.id = i.id;
    return jsonb_build_object(
      'id', pg_temp.stripe_key('ch', i.invoice), 'object', 'charge', 'amount', v_paid, 'amount_captured', v_paid, 'amount_refunded', 10000,
      'captured', true, 'created', pg_temp.stripe_seconds(i.billed_at + interval '1 hour'), 'currency', 'eur', 'customer', y.customer_id, 'disputed', false,
      'invoice', i.id, 'livemode', live, 'metadata', '{}'::jsonb, 'paid', true, 'payment_intent', pg_temp.stripe_key('pi', i.invoice), 'refunded', false,
      'refunds', jsonb_build_object('object', 'list', 'has_more', false, 'data', jsonb_build_array(jsonb_build_object(
        'id', pg_temp.stripe_key('re', i.invoice), 'object', 'refund', 'amount', 10000, 'charge', pg_temp.stripe_key('ch', i.invoice),
        'created', pg_temp.stripe_seconds(e.created_at), 'currency', 'eur', 'metadata', '{}'::jsonb,
        'payment_intent', pg_temp.stripe_key('pi', i.invoice), 'reason', 'requested_by_customer', 'status', 'succeeded'))),
      'status', 'succeeded');
  elsif e.kind = 'checkout' then
    select * into strict t from app_public.credit_transfers as c where c.idempotency_key = 'checkout:' || e.ref;
    select * into y from seed_payers as p
    where case when t.owner_brand_id is not null then pg_temp.seed_id('brand', p.brand_n) = t.owner_brand_id else pg_temp.seed_id('shopper', p.shopper_n) = t.owner_user_id end;
    return pg_temp.checkout_object(
      e.ref, y.customer_id,
      jsonb_strip_nulls(jsonb_build_object('brand_id', t.owner_brand_id, 'user_id', t.owner_user_id, 'credits', t.amount::text)),
      'credits_' || t.amount, e.created_at, live);
  elsif e.kind = 'lost' then
    select * into strict y from seed_payers as p where p.payer = e.ref;
    return pg_temp.checkout_object('cs_demo_' || md5('lost:' || e.ref), y.customer_id, '{"credits": "100"}', 'credits_100', e.created_at, live);
  elsif e.kind = 'unknown' then
    return pg_temp.subscription_object('loose-rate', 0, e.created_at, live)
      || jsonb_build_object('id', pg_temp.stripe_key('sub', 'unknown'), 'status', 'awaiting_mandate', 'created', pg_temp.stripe_seconds(e.created_at));
  elsif e.kind = 'payout' then
    return jsonb_build_object(
      'id', pg_temp.stripe_key('po', e.n::text), 'object', 'payout', 'amount', 300000 + pg_temp.pick('payout:' || e.n, 90000), 'automatic', true,
      'created', pg_temp.stripe_seconds(e.created_at), 'currency', 'usd', 'livemode', live, 'metadata', '{}'::jsonb, 'method', 'standard',
      'status', 'paid', 'type', 'bank_account');
  end if;
  raise exception 'The calendar has no kind %', e.kind;
end
$$;

create or replace function pg_temp.stripe_event(e seed_events, live boolean) returns jsonb
language sql stable
as $$
  select jsonb_build_object(
    'id', e.id, 'object', 'event', 'api_version', case when pg_temp.is_early(e.created_at) then '2020-08-27' else '2025-09-30.clover' end,
    'created', pg_temp.stripe_seconds(e.created_at), 'data', jsonb_build_object('object', pg_temp.event_object(e, live)),
    'livemode', live <> (e.kind = 'other-mode'), 'pending_webhooks', 0, 'request', jsonb_build_object('id', null, 'idempotency_key', null), 'type', e.type)
$$;

-- Delivers the events of some days in the order of their arrival and puts each into
-- effect, by the functions that everybody's events go through. What they stamp with
-- the time of this transaction happened when the event says.
create or replace function pg_temp.deliver_events(from_moment timestamptz, until_moment timestamptz) returns setof text
language plpgsql
as $$
declare
  e seed_events;
  v_live boolean := coalesce((select (s.value #>> '{}')::boolean from app_private.settings as s where s.key = 'stripe_livemode'), false);
  v_payload jsonb;
  v_shopper integer;
begin
  for e in
    select c.* from seed_events as c
    where c.arrives_at >= from_moment and c.arrives_at < until_moment
      and not exists (select from app_public.stripe_events as k where k.id = c.id)
    order by c.arrives_at, c.position
  loop
    v_payload := pg_temp.stripe_event(e, v_live);
    continue when not app_private.ingest_stripe_event(v_payload);
    -- Stripe delivers at least once.
    if pg_temp.pick('again:' || e.id, 50) = 0 then
      perform app_private.ingest_stripe_event(v_payload);
    end if;
    perform app_private.process_stripe_event(e.id);
    if e.kind = 'lost' then
      for v_try in 2..8 loop
        perform app_private.process_stripe_event(e.id);
      end loop;
    end if;
    if e.kind in ('state', 'period') then
      update app_public.subscription_grants as g set since = e.created_at
      where g.subscription_id = pg_temp.stripe_key('sub', e.ref) and g.since = now();
    end if;
    if e.kind = 'state' and e.ref like 'pro-%' then
      select y.shopper_n into v_shopper from seed_subscriptions as s join seed_payers as y on y.payer = s.payer where s.sub = e.ref;
      update app_public.user_entitlements as n
      set period = tstzrange(
        case when lower(n.period) = now() then e.created_at else lower(n.period) end,
        case when upper(n.period) = now() then e.created_at else upper(n.period) end)
      where n.user_id = pg_temp.seed_id('shopper', v_shopper) and n.source = 'subscription ' || pg_temp.stripe_key('sub', e.ref)
        and (lower(n.period) = now() or upper(n.period) = now());
    end if;
    return next e.id;
  end loop;
end
$$
