-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 7500 Try-ons, faster: a claim opens only the partitions in which a job can wait,
-- a settlement touches only what it changes.
--------------------------------------------------------------------------------

alter table app_public.tryon_jobs drop constraint if exists tryon_jobs_deadline_at_check;
-- Not valid: nothing is read while the table is locked. Validated in a later file.
alter table app_public.tryon_jobs
  add constraint tryon_jobs_deadline_at_check check (deadline_at <= created_at + interval '7 days') not valid;
comment on constraint tryon_jobs_deadline_at_check on app_public.tryon_jobs is $$
@error INVAL deadline_at A try-on waits for seven days at most.$$;

--------------------------------------------------------------------------------
-- 7510 What a brand sees of feedback, as it was when at least k shoppers had added
-- or changed theirs since the last time. Live counts, however coarse, would let two
-- looks before and after one vote tell it.
--------------------------------------------------------------------------------

drop view if exists app_public.brand_tryon_feedback cascade;
drop table if exists app_public.tryon_feedback_figures;
create table app_public.tryon_feedback_figures (
  brand_id uuid not null constraint tryon_feedback_figures_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  category_code text not null constraint tryon_feedback_figures_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict,
  as_of timestamptz not null,
  people integer not null,
  rated integer not null,
  accurate integer not null,
  agreed integer not null,
  disagreed integer not null,
  raters integer not null,
  ratings integer not null,
  rating_sum integer not null,
  constraint tryon_feedback_figures_pkey primary key (brand_id, category_code),
  constraint tryon_feedback_figures_people_check check (
    people >= 11 and accurate between 0 and rated and people <= rated and raters <= people and ratings between raters and rated
    and agreed <= people and disagreed <= people and agreed + disagreed >= people
  ),
  constraint tryon_feedback_figures_rating_sum_check check (rating_sum between ratings and 5 * ratings)
);
create index tryon_feedback_figures_category_code_idx on app_public.tryon_feedback_figures (category_code);
comment on table app_public.tryon_feedback_figures is $$
@admin.label Published feedback
@admin.singular Published feedback
@admin.group Try-on
@admin.icon rate_review
@admin.order 121
@admin.list brand_id, category_code, as_of, people, rated, accurate
@behavior -insert -update -delete
Feedback of a brand and category as it was published last. Rewritten when at least as many shoppers as the brand's privacy floor have added or changed feedback since.$$;
comment on column app_public.tryon_feedback_figures.as_of is 'When it was counted.';
comment on column app_public.tryon_feedback_figures.people is 'Shoppers who said anything.';
comment on column app_public.tryon_feedback_figures.rated is 'Try-ons that were rated.';
comment on column app_public.tryon_feedback_figures.accurate is 'Of these, where the garment sat where it should.';
comment on column app_public.tryon_feedback_figures.agreed is 'Shoppers who said so at least once; disagreed: who said the opposite.';
comment on column app_public.tryon_feedback_figures.raters is 'Shoppers who gave a rating; ratings: how many they gave; rating_sum: what they add up to.';
comment on constraint tryon_feedback_figures_pkey on app_public.tryon_feedback_figures is $$
@error TAKEN category_code This brand has figures of the category already.$$;
comment on constraint tryon_feedback_figures_brand_id_fkey on app_public.tryon_feedback_figures is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint tryon_feedback_figures_category_code_fkey on app_public.tryon_feedback_figures is $$
@fieldName category
@error NTFND category_code There is no such category.$$;
comment on constraint tryon_feedback_figures_people_check on app_public.tryon_feedback_figures is $$
@error INVAL people Figures are of at least 11 people and add up.$$;
comment on constraint tryon_feedback_figures_rating_sum_check on app_public.tryon_feedback_figures is $$
@error INVAL rating_sum Ratings are 1 to 5.$$;

--! include functions/audit/tg__audit.sql
--! include functions/import/table_columns.sql
--! include functions/common/triggers.sql
--! include functions/credits/ledger.sql
--! include functions/tryon/transition.sql
--! include functions/tryon/worker.sql
--! include functions/tryon/worker_keys.sql
--! include functions/tryon/feedback.sql
--! include functions/tryon/views.sql
--! include policies/tryon_feedback.sql

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;

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

--------------------------------------------------------------------------------
-- 9050 What an event costs: indexes, room for new versions of rows, and functions
-- that are planned once.
--------------------------------------------------------------------------------

-- Read with every event of a subscription. The table is small.
drop index if exists app_public.user_entitlements_source_idx;
create index user_entitlements_source_idx on app_public.user_entitlements (source);

-- Written again and again, mostly without a change to what is indexed: room for the
-- new version beside the old one keeps it out of the indexes. For pages to come.
alter table app_public.stripe_subscriptions set (fillfactor = 75);
alter table app_public.stripe_subscription_items set (fillfactor = 75);
alter table app_private.stripe_raw set (fillfactor = 75);

--! include functions/ops/enqueue_job.sql
--! include functions/credits/ledger.sql
--! include functions/credits/grants.sql
--! include functions/credits/holds.sql
--! include functions/credits/staff.sql
--! include functions/billing/mrr.sql
--! include functions/billing/entitlements.sql
--! include functions/billing/apply.sql
--! include functions/billing/inbox.sql
--! include functions/billing/process.sql

comment on table app_private.stripe_raw is 'The last body of each customer, product, subscription and invoice as Stripe sent it, less what invoices repeat about their customer. Holds personal data; reached by functions only.';

-- Customers that were deleted before their names went with them: few.
update app_public.stripe_customers set email = null, name = null where deleted and (email is not null or name is not null);
update app_private.stripe_raw r
set object = (
  select jsonb_object_agg(k.key, k.value) from jsonb_each(r.object) k
  where k.key in ('id', 'object', 'created', 'currency', 'livemode', 'deleted'))
from app_public.stripe_customers c
where c.deleted and r.id = c.id and r.object - '{id,object,created,currency,livemode,deleted}'::text[] <> '{}';
