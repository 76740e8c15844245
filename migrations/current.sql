-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

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
