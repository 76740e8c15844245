-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 9100 Revenue by subscription. A movement is the net of an event for an account;
-- its lines say which subscriptions it is made of. With them the past can be told
-- by what was subscribed to, whoever owned it then: a customer that is linked, or
-- linked to somebody else, is no loss and no gain.
--------------------------------------------------------------------------------

drop table if exists app_public.mrr_movement_lines cascade;
create table app_public.mrr_movement_lines (
  id uuid not null default app_private.uuid_v7() constraint mrr_movement_lines_pkey primary key,
  movement_id uuid constraint mrr_movement_lines_movement_id_fkey
    references app_public.mrr_movements (id) on delete restrict,
  account text not null constraint mrr_movement_lines_account_fkey
    references app_public.account_mrr (account) on delete restrict,
  subscription_id text not null,
  occurred_at timestamptz not null,
  kind app_public.mrr_movement_kind,
  is_transfer boolean not null,
  delta_usd_minor bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint mrr_movement_lines_movement_id_subscription_id_key unique (movement_id, subscription_id),
  constraint mrr_movement_lines_delta_usd_minor_check check (delta_usd_minor <> 0),
  constraint mrr_movement_lines_kind_check check ((kind is null) = (movement_id is null))
);
create index mrr_movement_lines_account_idx on app_public.mrr_movement_lines (account, subscription_id) include (delta_usd_minor);
create index mrr_movement_lines_subscription_id_idx on app_public.mrr_movement_lines (subscription_id, occurred_at desc, id);
comment on table app_public.mrr_movement_lines is $$
@admin.label MRR by subscription
@admin.hidden
@behavior -insert -update -delete
@foreignKey (subscription_id) references app_public.stripe_subscriptions (id)|@fieldName subscription|@foreignFieldName mrrLines
What each movement is made of, by subscription; US cents. Append-only. The lines of a subscription add up to its MRR, those of an account to that of the account, at any moment.$$;
comment on column app_public.mrr_movement_lines.movement_id is 'Null where the total of the account stayed, and its subscriptions changed places within it.';
comment on column app_public.mrr_movement_lines.account is 'Whose the subscription was then: brand:<id>, user:<id> or customer:<Stripe id>.';
comment on column app_public.mrr_movement_lines.kind is 'The kind of the movement, which is that of the account.';
comment on column app_public.mrr_movement_lines.delta_usd_minor is $$
@admin.widget money currency='usd'
US cents.$$;
comment on constraint mrr_movement_lines_pkey on app_public.mrr_movement_lines is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint mrr_movement_lines_movement_id_fkey on app_public.mrr_movement_lines is $$
@fieldName movement
@foreignFieldName lines
@error NTFND movement_id There is no such movement.$$;
comment on constraint mrr_movement_lines_account_fkey on app_public.mrr_movement_lines is $$
@fieldName accountByAccount
@foreignFieldName mrrLines
@error NTFND account There is no such account.$$;
comment on constraint mrr_movement_lines_movement_id_subscription_id_key on app_public.mrr_movement_lines is $$
@error TAKEN subscription_id This movement has a line of this subscription already.$$;
comment on constraint mrr_movement_lines_delta_usd_minor_check on app_public.mrr_movement_lines is $$
@error INVAL delta_usd_minor A line moves something.$$;
comment on constraint mrr_movement_lines_kind_check on app_public.mrr_movement_lines is $$
@error INVAL kind A line has the kind of its movement.$$;

-- Movements that are here already: one statement over all of them (a hundred
-- thousand take seconds). Each is of the subscription it names; where its event
-- touched several, and which subscriptions a transfer moved, was not written down:
-- the last lines put that right as of now, without changing any account's total.
insert into app_public.mrr_movement_lines
  (movement_id, account, subscription_id, occurred_at, kind, is_transfer, delta_usd_minor, created_at)
select m.id, m.account, coalesce(m.subscription_id, moved.id, 'unknown'), m.occurred_at, m.kind, m.is_transfer, m.delta_usd_minor, m.created_at
from app_public.mrr_movements m
left join lateral (
  -- What the account had of one customer, which is what a link moves.
  select s.id from app_public.mrr_movements o join app_public.stripe_subscriptions s on s.id = o.subscription_id
  where m.subscription_id is null and o.source_event_id <> m.source_event_id and o.created_at < m.created_at
    and o.account in (select p.account from app_public.mrr_movements p where p.source_event_id = m.source_event_id)
  order by o.created_at desc limit 1
) moved on true;
insert into app_public.mrr_movement_lines (movement_id, account, subscription_id, occurred_at, kind, is_transfer, delta_usd_minor)
select null, coalesce(n.account, o.account), coalesce(n.id, o.subscription_id),
  (select max(m.occurred_at) from app_public.mrr_movements m where m.account = coalesce(n.account, o.account)), null, true,
  coalesce(n.mrr, 0) - coalesce(o.mrr, 0)
from (
  select coalesce('brand:' || c.brand_id, 'user:' || c.user_id, 'customer:' || s.customer_id) as account, s.id, s.mrr_usd_minor as mrr
  from app_public.stripe_subscriptions s left join app_public.stripe_customers c on c.id = s.customer_id
) n
full join (
  select l.account, l.subscription_id, sum(l.delta_usd_minor) as mrr from app_public.mrr_movement_lines l group by 1, 2
) o on o.account = n.account and o.subscription_id = n.id
where coalesce(n.mrr, 0) <> coalesce(o.mrr, 0);

--------------------------------------------------------------------------------
-- 9110 Who decided whose a customer is: the first event to name an owner, or staff.
-- Not beside the customer, which its owner reads: the newest event may name
-- another brand, and of that the first one must not learn.
--------------------------------------------------------------------------------

-- The mirror, and whom its customers are linked to by event, can be told again
-- from the inbox; what staff decided stands in the audit log and stays linked.
drop table if exists app_private.stripe_customer_owners cascade;
create table app_private.stripe_customer_owners (
  customer_id text constraint stripe_customer_owners_pkey primary key,
  event_created timestamptz,
  event_id text,
  by_staff boolean not null default false,
  decided_at timestamptz,
  named_brand_id uuid,
  named_user_id uuid,
  named_at timestamptz,
  constraint stripe_customer_owners_named_check check (num_nonnulls(named_brand_id, named_user_id) <= 1)
);
comment on table app_private.stripe_customer_owners is
  'Why a Stripe customer is linked as it is: the first event that named an owner (event_*), or staff (by_staff); and whom the newest event names (named_*). Reached by functions only.';
comment on constraint stripe_customer_owners_pkey on app_private.stripe_customer_owners is $$
@error TAKEN customer_id This customer is here already.$$;
comment on constraint stripe_customer_owners_named_check on app_private.stripe_customer_owners is $$
@error INVAL named_brand_id An event names a brand or a person, not both.$$;
-- Links of before this table: who made them is in the audit log where it was staff.
insert into app_private.stripe_customer_owners (customer_id, by_staff, decided_at)
select a.row_pk, true, max(a.occurred_at) from app_public.audit_log a
where a.action = 'link_stripe_customer' and a.table_name = 'stripe_customers'
group by a.row_pk;

--------------------------------------------------------------------------------
-- 9120 What the pages of finance filter and lead by.
--------------------------------------------------------------------------------

alter table app_public.stripe_subscriptions drop column if exists is_ending;
alter table app_public.stripe_subscriptions drop column if exists collection_paused;
alter table app_public.stripe_subscriptions
  add column is_ending boolean not null generated always as (
    (cancel_at_period_end or cancel_at is not null) and status not in ('canceled', 'incomplete_expired')) stored,
  add column collection_paused boolean not null generated always as (pause_collection is not null) stored;
comment on column app_public.stripe_subscriptions.is_ending is $$
@admin.label Ends
@behavior +filterBy
It will end by itself: at the end of the period, or at cancel_at. Until then it counts.$$;
comment on column app_public.stripe_subscriptions.collection_paused is $$
@admin.label Collection paused
@behavior +filterBy
Invoices are not collected; MRR is unchanged, and at risk.$$;
comment on column app_public.stripe_subscriptions.mrr_state is $$
@admin.widget status
@behavior +filterBy
needs_review: counted as 0 until somebody looks; mrr_note says why.$$;
comment on column app_public.stripe_subscriptions.currency is '@behavior +filterBy';
comment on column app_public.stripe_subscriptions.mrr_minor is $$
@admin.widget money currency=currency
MRR in the minor unit of the currency, rounded once.$$;
comment on column app_public.stripe_subscriptions.mrr_usd_minor is $$
@admin.widget money currency='usd'
MRR in US cents at the pinned rate.$$;
drop index if exists app_public.stripe_subscriptions_started_at_idx;
create index stripe_subscriptions_started_at_idx on app_public.stripe_subscriptions (started_at desc, id);

comment on column app_public.mrr_movements.kind is $$
@admin.widget status
@behavior +filterBy
new, reactivation (it has paid before), expansion, contraction or churn, of the account.$$;
comment on column app_public.mrr_movements.is_transfer is $$
@admin.label Transfer
@behavior +filterBy
A customer was linked to another account: the money moved, nothing was won or lost. Left out of waterfalls.$$;
comment on column app_public.mrr_movements.delta_usd_minor is $$
@admin.label Change
@admin.widget money currency='usd'
@behavior +filterBy
US cents.$$;
comment on column app_public.mrr_movements.before_usd_minor is $$
@admin.label Before
@admin.widget money currency='usd'
US cents.$$;
comment on column app_public.mrr_movements.after_usd_minor is $$
@admin.label After
@admin.widget money currency='usd'
US cents.$$;
drop index if exists app_public.mrr_movements_subscription_id_idx;
create index mrr_movements_subscription_id_idx on app_public.mrr_movements (subscription_id, occurred_at desc);

comment on column app_public.account_mrr.mrr_usd_minor is $$
@admin.label MRR
@admin.widget money currency='usd'
US cents.$$;
comment on column app_public.acquisition_costs.spend_usd_minor is $$
@admin.label Spend
@admin.widget money currency='usd'
Sales and marketing, in US dollars.$$;
comment on column app_public.acquisition_costs.gross_margin is $$
@admin.label Gross margin
@admin.widget percent
What is left of revenue after the cost of serving it; 80 % where nothing is entered.$$;
comment on column app_public.acquisition_costs.month is 'The first day of the month.';
comment on column app_public.acquisition_costs.brand_id is $$
@admin.label For one brand
Where the money was spent to win this brand: then the leaderboard says what it is worth against that.$$;
drop index if exists app_public.acquisition_costs_month_idx;
create index acquisition_costs_month_idx on app_public.acquisition_costs (month desc, id);
comment on column app_public.fx_rates.usd_per_unit is $$
@admin.label US dollars for one
What one unit of the currency is worth, 1.085 for example.$$;

comment on column app_public.stripe_prices.unit_amount_decimal is $$
@admin.label Amount
@admin.widget money currency=currency
In the minor unit of the currency, up to 12 decimals; null where there are tiers.$$;
comment on column app_public.stripe_coupons.amount_off is $$
@admin.widget money currency=currency
Minor units.$$;
do $do$
declare
  v_column text;
begin
  foreach v_column in array array['subtotal', 'discount', 'tax', 'total', 'amount_due', 'amount_paid', 'amount_remaining'] loop
    execute format('comment on column app_public.stripe_invoices.%I is %L', v_column, E'@admin.widget money currency=currency\nMinor units.');
  end loop;
end
$do$;
comment on column app_public.stripe_invoices.status is $$
@admin.widget status
@behavior +filterBy
draft, open, paid, uncollectible or void.$$;
comment on column app_public.stripe_refunds.status is $$
@admin.widget status
pending, requires_action, succeeded, failed or canceled.$$;
comment on column app_public.stripe_events.duplicates is $$
@behavior +filterBy
How often it was delivered again.$$;
comment on column app_public.stripe_events.last_error is $$
@admin.label Error
@behavior +filterBy
Why it could not be put into effect.$$;

-- No foreign keys between what arrives in any order, but the way from one to the
-- other all the same.
comment on table app_public.stripe_subscriptions is $$
@admin.label Subscriptions
@admin.singular Subscription
@admin.group Revenue
@admin.icon autorenew
@admin.order 402
@admin.list id, customer_id, status, mrr_usd_minor, currency, mrr_state, is_ending, started_at
@behavior -insert -update -delete
@foreignKey (customer_id) references app_public.stripe_customers (id)|@fieldName customer|@foreignFieldName subscriptions
A subscription as Stripe last told it, with its monthly recurring revenue.$$;
comment on table app_public.stripe_subscription_items is $$
@admin.label Subscription items
@admin.hidden
@behavior -insert -update -delete
@foreignKey (price_id) references app_public.stripe_prices (id)|@fieldName price|@foreignFieldName items
What a subscription consists of.$$;
comment on table app_public.stripe_prices is $$
@admin.label Prices
@admin.singular Price
@admin.group Billing
@admin.icon price_change
@admin.order 351
@admin.list id, product_id, unit_amount_decimal, interval, interval_count, usage_type, active
@behavior -insert -update -delete
@foreignKey (product_id) references app_public.stripe_products (id)|@fieldName product|@foreignFieldName prices
A price at Stripe. Its metadata says what a subscription grants: pro, monthly_credits, dataset_access, custom_models, and credits for a one-off purchase.$$;
comment on table app_public.stripe_products is $$
@admin.label Plans
@admin.singular Plan
@admin.group Billing
@admin.icon sell
@admin.order 350
@admin.list name, id, active
@behavior -insert -update -delete
A product at Stripe.$$;
comment on column app_public.stripe_prices.interval_count is '@admin.label Every';
comment on table app_public.stripe_invoices is $$
@admin.label Invoices
@admin.singular Invoice
@admin.group Billing
@admin.icon receipt
@admin.order 320
@admin.list number, customer_id, status, total, amount_remaining, created, due_date, paid_at
@admin.represent number
@behavior -insert -update -delete
@foreignKey (customer_id) references app_public.stripe_customers (id)|@fieldName customer|@foreignFieldName invoices
@foreignKey (subscription_id) references app_public.stripe_subscriptions (id)|@fieldName subscription|@foreignFieldName invoices
An invoice at Stripe. Never a source of MRR.$$;
comment on table app_public.stripe_refunds is $$
@admin.label Refunds
@admin.singular Refund
@admin.group Billing
@admin.icon undo
@admin.order 321
@admin.list created, amount, status, reason, invoice_id, charge_id
@behavior -insert -update -delete
@foreignKey (invoice_id) references app_public.stripe_invoices (id)|@fieldName invoice|@foreignFieldName refunds
Money given back.$$;
comment on table app_public.mrr_movements is $$
@admin.label MRR movements
@admin.singular MRR movement
@admin.group Revenue
@admin.icon trending_up
@admin.order 401
@admin.list occurred_at, account, kind, delta_usd_minor, before_usd_minor, after_usd_minor, source_event_id
@behavior -insert -update -delete
@foreignKey (subscription_id) references app_public.stripe_subscriptions (id)|@fieldName subscription|@foreignFieldName movements
Each change of the MRR of an account, with the event that caused it. Append-only; US cents.$$;
comment on table app_public.stripe_events is $$
@admin.label Stripe inbox
@admin.singular Stripe event
@admin.group Revenue
@admin.icon inbox
@admin.order 405
@admin.list created, type, object_id, status, attempts, duplicates, last_error
@behavior -insert -update -delete
Every event Stripe delivered, once, and what became of it.$$;
comment on table app_public.stripe_customers is $$
@admin.label Stripe customers
@admin.singular Stripe customer
@admin.group Revenue
@admin.icon contact_page
@admin.order 404
@admin.list id, email, name, brand_id, user_id, currency, created
@admin.represent email
@behavior -insert -update -delete
A customer at Stripe: a brand, a shopper, or nobody we know yet.$$;
comment on table app_public.account_mrr is $$
@admin.label MRR by account
@admin.singular Account
@admin.group Revenue
@admin.icon leaderboard
@admin.order 410
@admin.list account, brand_id, user_id, customer_id, mrr_usd_minor, active_subscriptions
@behavior -insert -update -delete
@foreignKey (customer_id) references app_public.stripe_customers (id)|@fieldName customer|@foreignFieldName accounts
Monthly recurring revenue of a brand, a shopper, or a customer nobody is linked to yet, in US cents.$$;
comment on table app_public.fx_rates is $$
@admin.label Exchange rates
@admin.singular Exchange rate
@admin.group Revenue
@admin.icon currency_exchange
@admin.order 430
@admin.list currency, rate_date, usd_per_unit
@behavior -delete
US dollars per unit of a currency, by day. A subscription pins the newest rate at or before its activation.$$;

--! include functions/billing/mrr.sql
--! include functions/billing/apply.sql
--! include functions/billing/process.sql
--! include functions/billing/figures.sql
--! include functions/billing/reconcile.sql
--! include functions/billing/inbox.sql
--! include functions/billing/staff.sql
--! include policies/mrr.sql
--! include policies/_private.sql
