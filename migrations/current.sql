-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 9000 Whom a price is sold to, by its metadata: what its policies go by. Prices
-- are few (hundreds); the columns rewrite the table.
--------------------------------------------------------------------------------

-- The policies that name them are made again below.
alter table app_public.stripe_prices drop column if exists reserved_for cascade;
alter table app_public.stripe_prices drop column if exists sells cascade;
alter table app_public.stripe_prices
  -- A name that says nothing is nobody's: it does not open the price.
  add column reserved_for text not null generated always as (
    case when metadata ->> 'brand_id' is null then '' else coalesce(nullif(lower(btrim(metadata ->> 'brand_id')), ''), 'nobody') end
  ) stored,
  add column sells text not null generated always as (
    case
      when type = 'one_time' then case when metadata ->> 'credits' ~ '^[1-9][0-9]{0,8}$' then 'credits' else 'nothing' end
      when coalesce(metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$', false)
        or coalesce(metadata ->> 'dataset_access' in ('aggregate', 'row'), false)
        or coalesce(metadata ->> 'custom_models' = 'true', false)
        then case when metadata ->> 'pro' = 'true' then 'any_plan' else 'brand_plan' end
      when metadata ->> 'pro' = 'true' then 'shopper_plan'
      else 'nothing'
    end
  ) stored;
create index stripe_prices_reserved_for_idx on app_public.stripe_prices (reserved_for, sells);
comment on column app_public.stripe_prices.reserved_for is 'The brand that its metadata names, which alone may see and choose it; empty for everybody.';
comment on column app_public.stripe_prices.sells is 'credits, brand_plan, shopper_plan, any_plan or nothing: what its metadata makes of it here.';

alter table app_public.stripe_invoices drop column if exists invoice_pdf;
alter table app_public.stripe_invoices add column invoice_pdf text;
comment on column app_public.stripe_invoices.invoice_pdf is 'The invoice as a file at Stripe; only https addresses are kept.';

-- What a customer is shown is found by customer. Refunds and discounts are few.
drop index if exists app_public.stripe_refunds_customer_id_idx;
create index stripe_refunds_customer_id_idx on app_public.stripe_refunds (customer_id, created desc);
drop index if exists app_public.stripe_refunds_invoice_id_idx;
create index stripe_refunds_invoice_id_idx on app_public.stripe_refunds (invoice_id);
drop index if exists app_public.stripe_discounts_customer_id_idx;
create index stripe_discounts_customer_id_idx on app_public.stripe_discounts (customer_id);

--! include functions/billing/mrr.sql
--! include functions/billing/apply.sql
--! include functions/billing/paying.sql
--! include functions/billing/overview.sql
--! include functions/live/live_tables.sql
--! include policies/stripe_mirror.sql
