-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- Live tables: subscribers are told which rows changed.
--------------------------------------------------------------------------------
--! include functions/live/announce_changes.sql

--------------------------------------------------------------------------------
-- Rules that were missing: files that are named have arrived and stay, staff
-- keeps an admin, an invitation is worth what its inviter may do now, and nobody
-- is offered the products of a brand that is suspended or closed.
--------------------------------------------------------------------------------

--! include functions/storage/files_in_use.sql
--! include functions/storage/uploads.sql
--! include functions/session/one_admin.sql
--! include functions/auth/inviters.sql
--! include functions/auth/invitations.sql
--! include functions/session/withdrawn_brand_ids.sql
--! include policies/products.sql

-- Selfies that arrived before had no end unless something was tried on with them.
update app_public.storage_objects as o
set retention_until = now() + interval '30 days'
where o.kind = 'selfie' and o.status = 'available' and o.retention_until is null;

-- Links that were open when their inviter left end with this migration. A few
-- rows at most: an invitation is open for seven days.
update app_public.brand_invitations as i
set expires_at = now()
where i.accepted_at is null and i.expires_at > now()
  and not app_private.may_invite(i.invited_by, i.brand_id, i.role);

--------------------------------------------------------------------------------
-- Similar items of a wardrobe. The length of a vector gets bounds: its direction
-- is what counts, and beyond them its numbers do not fit the half precision of
-- an index. The bounds hold with and without the extension "vector", so that no
-- row stands in the way of installing it.
--
-- The check of the numbers let an empty array through: what it asked of one was
-- null, and null is no refusal.
--------------------------------------------------------------------------------

alter table app_public.item_embeddings drop constraint if exists item_embeddings_embedding_check;
alter table app_public.item_embeddings add constraint item_embeddings_embedding_check check (
  cardinality(embedding) = 768 and array_ndims(embedding) = 1
  and array_position(embedding, null) is null
  and array_position(embedding, 'NaN') is null
  and array_position(embedding, 'Infinity') is null
  and array_position(embedding, '-Infinity') is null
  and embedding <> array_fill(0::real, '{768}')
);
comment on constraint item_embeddings_embedding_check on app_public.item_embeddings is
  $$@error INVAL embedding A vector has 768 finite numbers, not all zero.$$;

alter table app_public.item_embeddings drop constraint if exists item_embeddings_length_check;
alter table app_public.item_embeddings add constraint item_embeddings_length_check
  check (app_private.vector_norm(embedding) between 0.01 and 60000);
comment on constraint item_embeddings_length_check on app_public.item_embeddings is
  $$@error INVAL embedding The length of a vector lies between 0.01 and 60,000.$$;

--! include functions/search/similar_items.sql
--! include functions/search/vector_index.sql

call app_private.prepare_similarity();

--------------------------------------------------------------------------------
-- 5030 Imports of a person. A run belongs to one brand or to one person, and so
-- do its file, what it refused and the run it tries again: of the two keys of
-- each pair exactly one is in force, because exactly one owner is not null.
--------------------------------------------------------------------------------

alter table app_public.import_refusals drop constraint if exists import_refusals_run_id_user_id_fkey;
alter table app_public.import_refusals drop constraint if exists import_refusals_owner_check;
alter table app_public.import_runs drop constraint if exists import_runs_storage_key_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_rerun_of_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_id_user_id_key;
alter table app_public.import_runs drop constraint if exists import_runs_owner_check;
alter table app_public.import_runs drop constraint if exists import_runs_requested_role_check;
alter table app_public.import_runs drop constraint if exists import_runs_catalogue_check;

-- Columns are added, not made anew: a run of a person has no other owner to fall
-- back to. Both tables are small, a few rows for each file ever imported and one
-- for each refused line; the new keys have only nulls to look at.
alter table app_public.import_runs add column if not exists user_id uuid;
alter table app_public.import_runs add column if not exists requested_role text;
alter table app_public.import_runs alter column brand_id drop not null;
alter table app_public.import_refusals add column if not exists user_id uuid;
alter table app_public.import_refusals alter column brand_id drop not null;

alter table app_public.import_runs
  add constraint import_runs_user_id_fkey foreign key (user_id) references app_public.users (id) on delete restrict,
  add constraint import_runs_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  -- A brand's run takes the role its member has at the moment; a person's keeps
  -- the role it was asked for in, or it would run with rights nobody asked with.
  add constraint import_runs_requested_role_check check (
    case when user_id is null then requested_role is null
    else requested_role is not null and requested_role in (
      ':ROLE_USER', ':ROLE_STAFF_SUPPORT', ':ROLE_STAFF_FINANCE', ':ROLE_STAFF_PRIVACY', ':ROLE_STAFF_ADMIN'
    ) end
  ),
  add constraint import_runs_catalogue_check check (method = 'table' or brand_id is not null),
  add constraint import_runs_id_user_id_key unique (id, user_id),
  add constraint import_runs_storage_key_user_id_fkey foreign key (storage_key, user_id)
    references app_public.storage_objects (key, owner_user_id) on delete restrict,
  add constraint import_runs_rerun_of_user_id_fkey foreign key (rerun_of, user_id)
    references app_public.import_runs (id, user_id) on delete restrict;
alter table app_public.import_refusals
  add constraint import_refusals_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  add constraint import_refusals_run_id_user_id_fkey foreign key (run_id, user_id)
    references app_public.import_runs (id, user_id) on delete cascade;

create index if not exists import_runs_user_id_created_at_idx on app_public.import_runs (user_id, created_at desc, id);
create index if not exists import_runs_storage_key_user_id_idx on app_public.import_runs (storage_key, user_id);
create index if not exists import_runs_rerun_of_user_id_idx on app_public.import_runs (rerun_of, user_id);
create index if not exists import_refusals_run_id_user_id_idx on app_public.import_refusals (run_id, user_id);
create index if not exists import_refusals_user_id_idx on app_public.import_refusals (user_id);

comment on table app_public.import_runs is $$
@behavior -insert -update -delete
One file that a brand or a person imported, or is importing: where it stands and what became of its rows. processed = created + updated + unchanged + refused.$$;
comment on column app_public.import_runs.user_id is 'Whose import it is, where it is of no brand.';
comment on column app_public.import_runs.requested_role is 'The role a person''s import runs in, and in no other; null for a brand, whose member''s role of the moment counts.';
comment on column app_public.import_runs.dry_run is 'When true, rows were checked and counted, and nothing was kept.';
comment on constraint import_runs_user_id_fkey on app_public.import_runs is $$
@error NTFND user_id There is no such person.
@fieldName owner
@foreignFieldName ownImportRuns$$;
comment on constraint import_runs_storage_key_user_id_fkey on app_public.import_runs is $$
@error NTFND storage_key The file of this import is gone.
@fieldName ownFile
@foreignFieldName ownImportRuns$$;
comment on constraint import_runs_rerun_of_user_id_fkey on app_public.import_runs is $$
@error NTFND rerun_of There is no such import.
@fieldName ownOriginalRun
@foreignFieldName ownReruns$$;
comment on constraint import_runs_owner_check on app_public.import_runs is '@error INVAL user_id An import is of a brand or of a person.';
comment on constraint import_runs_requested_role_check on app_public.import_runs is '@error INVAL requested_role A person imports in a role of their own.';
comment on constraint import_runs_catalogue_check on app_public.import_runs is '@error INVAL method A catalogue is imported for a brand.';
comment on constraint import_runs_id_user_id_key on app_public.import_runs is '@error TAKEN id A record with this id already exists.';
comment on constraint import_refusals_owner_check on app_public.import_refusals is '@error INVAL user_id A refused line is of a brand or of a person.';
comment on constraint import_refusals_run_id_user_id_fkey on app_public.import_refusals is $$
@error NTFND run_id There is no such import.
@fieldName ownRun
@foreignFieldName ownRefusals$$;

--! include functions/import/owner.sql
--! include functions/import/runs.sql
--! include functions/import/batch.sql
--! include functions/import/table_values.sql
--! include functions/import/table_columns.sql
--! include functions/import/table_batch.sql
--! include functions/import/worker.sql
--! include policies/import_runs.sql
--! include policies/import_refusals.sql

-- Down here, because who is told of a run depends on the column added above.
--! include functions/live/live_tables.sql

--------------------------------------------------------------------------------
-- 5040 Full-text search in the filter of a list, by a function that a tag names.
--------------------------------------------------------------------------------

--! include functions/catalogue/matching.sql

comment on table app_public.products is $$
@admin.search app_hidden.matching_products
A garment a brand sells and offers for try-on. Its identity within the brand is the SKU.$$;
comment on table app_public.wardrobe_items is $$
@admin.search app_hidden.matching_wardrobe_items
A garment in a shopper's wardrobe. Setting deleted_at hides it, and past try-on jobs keep showing it.
It is the shopper's own.$$;

--------------------------------------------------------------------------------
-- 7000 Undo. Try-on jobs and credits are new: nothing is lost by dropping them.
--------------------------------------------------------------------------------

drop table if exists
  app_public.tryon_feedback, app_public.tryon_job_attempts, app_public.tryon_job_garments,
  app_public.credit_transfers, app_public.credit_hold_lines, app_public.credit_holds,
  app_public.credit_grants, app_public.credit_accounts, app_public.user_entitlements,
  app_public.tryon_jobs, app_public.worker_keys,
  app_private.worker_key_secrets, app_private.shopper_handles, app_private.tryon_transitions cascade;
drop type if exists
  app_public.tryon_status, app_public.tryon_payer, app_public.tryon_outcome,
  app_public.credit_account_kind, app_public.credit_source, app_public.credit_hold_status,
  app_public.credit_transfer_kind, app_public.entitlement_kind cascade;
drop table if exists
  app_public.mrr_movements, app_public.account_mrr, app_public.stripe_refunds, app_public.stripe_invoices,
  app_public.stripe_subscription_items, app_public.stripe_subscriptions, app_public.stripe_discounts,
  app_public.stripe_coupons, app_public.stripe_prices, app_public.stripe_products, app_public.stripe_customers,
  app_public.stripe_events, app_public.fx_rates, app_public.acquisition_costs, app_public.subscription_grants,
  app_private.stripe_raw, app_private.stripe_statuses cascade;
drop type if exists
  app_public.stripe_event_status, app_public.mrr_state, app_public.mrr_movement_kind, app_public.subscription_grant_kind cascade;
delete from app_private.partitioned_tables where parent = 'app_public.tryon_jobs';
alter table app_public.wardrobe_categories drop column if exists tryon_cost;

--------------------------------------------------------------------------------
-- 7010 Closed sets.
--------------------------------------------------------------------------------

create type app_public.tryon_status as enum ('queued', 'processing', 'completed', 'failed', 'cancelled', 'expired');
create type app_public.tryon_payer as enum ('user', 'brand', 'pro');
-- How one attempt ended: "retried" went back to the queue, "lost" was taken from
-- a worker that fell silent.
create type app_public.tryon_outcome as enum ('completed', 'failed', 'retried', 'lost');
create type app_public.credit_account_kind as enum ('available', 'held', 'system_grants', 'system_consumed', 'system_expired');
create type app_public.credit_source as enum ('free_monthly', 'promo', 'purchase', 'subscription', 'refund', 'adjustment');
create type app_public.credit_hold_status as enum ('open', 'captured', 'released', 'expired');
create type app_public.credit_transfer_kind as enum ('grant', 'hold', 'capture', 'release', 'expire', 'adjust');
create type app_public.entitlement_kind as enum ('pro_unlimited');

--------------------------------------------------------------------------------
-- 7020 What a try-on of a category costs. The price of a job is fixed when it is
-- asked for: a change here touches later jobs only.
--------------------------------------------------------------------------------

alter table app_public.wardrobe_categories
  add column tryon_cost integer not null default 1
    constraint wardrobe_categories_tryon_cost_check check (tryon_cost between 1 and 100);
comment on column app_public.wardrobe_categories.tryon_cost is $$
@admin.label Credits a try-on costs
Credits, 1 to 100. Holds of jobs that were asked for before a change keep their price.$$;
comment on constraint wardrobe_categories_tryon_cost_check on app_public.wardrobe_categories is $$
@error INVAL tryon_cost A try-on costs 1 to 100 credits.$$;

--------------------------------------------------------------------------------
-- 7030 Try-on jobs, one partition a month by their UUIDv7. A job is asked for,
-- paid by a hold, worked and settled once; only functions write here. Holds a
-- shopper's identity and selfie: brands read brand_tryon_jobs instead.
--------------------------------------------------------------------------------

create table app_public.tryon_jobs (
  id uuid not null default app_private.uuid_v7(),
  user_id uuid constraint tryon_jobs_user_id_fkey
    references app_public.users (id) on delete restrict,
  brand_id uuid constraint tryon_jobs_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  shopper_handle uuid,
  payer app_public.tryon_payer not null,
  status app_public.tryon_status not null default 'queued',
  category_code text not null constraint tryon_jobs_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict,
  selfie_key text constraint tryon_jobs_selfie_key_fkey
    references app_public.storage_objects (key) on delete restrict,
  result_key text constraint tryon_jobs_result_key_fkey
    references app_public.storage_objects (key) on delete restrict,
  cost integer not null,
  confidence numeric(5, 4),
  processing_ms integer,
  attempt integer not null default 0,
  max_attempts integer not null default 3,
  priority smallint not null default 0,
  run_after timestamptz not null default now(),
  locked_by text,
  locked_until timestamptz,
  deadline_at timestamptz not null default now() + interval '1 hour',
  error_code text,
  device_family text,
  app_version text,
  retry_of uuid,
  queued_at timestamptz not null default now(),
  started_at timestamptz,
  completed_at timestamptz,
  finished_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tryon_jobs_pkey primary key (id),
  constraint tryon_jobs_retry_of_fkey foreign key (retry_of) references app_public.tryon_jobs (id) on delete restrict,
  -- Whoever pays is named; nobody tries on for nothing but a subscriber.
  constraint tryon_jobs_payer_check check (
    case payer when 'brand' then brand_id is not null else user_id is not null end
  ),
  constraint tryon_jobs_shopper_handle_check check ((shopper_handle is null) = (user_id is null or brand_id is null)),
  constraint tryon_jobs_cost_check check (case payer when 'pro' then cost = 0 else cost between 1 and 100 end),
  constraint tryon_jobs_confidence_check check (confidence between 0 and 1),
  constraint tryon_jobs_processing_ms_check check (processing_ms between 0 and 86400000),
  constraint tryon_jobs_attempt_check check (attempt between 0 and max_attempts),
  constraint tryon_jobs_max_attempts_check check (max_attempts between 1 and 10),
  constraint tryon_jobs_priority_check check (priority between -10 and 10),
  constraint tryon_jobs_lock_check check (
    (status = 'processing') = (locked_by is not null) and (status = 'processing') = (locked_until is not null)
  ),
  constraint tryon_jobs_completed_check check (
    status <> 'completed'
    or (result_key is not null and confidence is not null and processing_ms is not null and completed_at is not null)
  ),
  constraint tryon_jobs_completed_at_check check (completed_at >= created_at),
  constraint tryon_jobs_finished_at_check check (
    (status in ('completed', 'failed', 'cancelled', 'expired')) = (finished_at is not null) and finished_at >= created_at
  ),
  constraint tryon_jobs_error_code_check check (
    error_code ~ '^[A-Z][A-Z0-9_]{1,39}$' and (status not in ('failed', 'expired') or error_code is not null)
  ),
  constraint tryon_jobs_device_family_check check (
    device_family in ('iphone', 'ipad', 'android_phone', 'android_tablet', 'desktop', 'kiosk', 'other')
  ),
  constraint tryon_jobs_app_version_check check (app_version ~ '^[0-9A-Za-z.+-]{1,20}$')
) partition by range (id);

-- A shopper's and a brand's newest first; the rest serve keys and the queue. The
-- three partial ones hold only what waits or runs, so they stay small however
-- many jobs are done.
create index tryon_jobs_user_id_idx on app_public.tryon_jobs (user_id, id desc);
create index tryon_jobs_brand_id_idx on app_public.tryon_jobs (brand_id, id desc);
create index tryon_jobs_category_code_idx on app_public.tryon_jobs (category_code, id desc);
create index tryon_jobs_selfie_key_idx on app_public.tryon_jobs (selfie_key) where selfie_key is not null;
create index tryon_jobs_result_key_idx on app_public.tryon_jobs (result_key) where result_key is not null;
create index tryon_jobs_retry_of_idx on app_public.tryon_jobs (retry_of) where retry_of is not null;
create index tryon_jobs_claim_idx on app_public.tryon_jobs (priority desc, id) where status = 'queued';
create index tryon_jobs_deadline_at_idx on app_public.tryon_jobs (deadline_at) where status = 'queued';
create index tryon_jobs_locked_until_idx on app_public.tryon_jobs (locked_until) where status = 'processing';

comment on table app_public.tryon_jobs is $$
@admin.label Try-on jobs
@admin.singular Try-on job
@admin.group Try-on
@admin.icon accessibility
@admin.order 100
@admin.list id, status, category_code, payer, cost, attempt, queued_at, finished_at
@behavior -insert -update -delete
A virtual try-on: asked for with requestTryon, paid by a hold, worked and settled once.$$;
comment on column app_public.tryon_jobs.user_id is 'The shopper; null for a job a brand asked for itself.';
comment on column app_public.tryon_jobs.brand_id is 'The brand whose products are tried on, or that asked; null when only own garments are tried on.';
comment on column app_public.tryon_jobs.shopper_handle is $$
@behavior -*
What the brand sees instead of the shopper: random, one per brand and shopper.$$;
-- Staff narrow a list by these while it is read newest first; sorting by them
-- would sort every job there is.
comment on column app_public.tryon_jobs.payer is $$
@behavior +filterBy
Whose credits are held: the shopper's, the brand's, or nobody's (pro: an unlimited entitlement).$$;
comment on column app_public.tryon_jobs.updated_at is $$
@behavior +filterBy$$;
comment on column app_public.tryon_jobs.status is $$
@admin.widget status
@isIndexed
queued, processing, then completed, failed, cancelled or expired; nothing leaves the last four.$$;
comment on column app_public.tryon_jobs.cost is 'Credits, fixed when the job was asked for; 0 with a pro entitlement.';
comment on column app_public.tryon_jobs.confidence is $$
@admin.widget percent
What the model says of its own result, 0 to 1. Not a measured accuracy.$$;
comment on column app_public.tryon_jobs.processing_ms is $$
@admin.widget duration
Milliseconds the worker says the completed attempt took.$$;
comment on column app_public.tryon_jobs.attempt is 'How often a worker took the job; the current or last attempt.';
comment on column app_public.tryon_jobs.run_after is $$
@behavior +filterBy
Not before: a retry waits longer each time.$$;
comment on column app_public.tryon_jobs.locked_by is 'The worker that has it now.';
comment on column app_public.tryon_jobs.locked_until is $$
@behavior +filterBy
Until when that worker must give a sign of life, by the clock of the database.$$;
comment on column app_public.tryon_jobs.deadline_at is 'A job still queued then expires, and its hold is released.';
comment on column app_public.tryon_jobs.error_code is 'Why the last attempt failed, as the worker named it; DEADLINE and LOST_WORKER are ours.';
comment on column app_public.tryon_jobs.device_family is 'iphone, ipad, android_phone, android_tablet, desktop, kiosk or other.';
comment on column app_public.tryon_jobs.retry_of is 'The job that this one repeats.';
comment on column app_public.tryon_jobs.completed_at is 'When a result was delivered; null unless completed.';
comment on column app_public.tryon_jobs.finished_at is $$
@behavior +filterBy
When it reached its last status, whichever.$$;

comment on constraint tryon_jobs_pkey on app_public.tryon_jobs is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint tryon_jobs_user_id_fkey on app_public.tryon_jobs is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_jobs_brand_id_fkey on app_public.tryon_jobs is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint tryon_jobs_category_code_fkey on app_public.tryon_jobs is $$
@fieldName category
@error NTFND category_code There is no such category.$$;
comment on constraint tryon_jobs_selfie_key_fkey on app_public.tryon_jobs is $$
@fieldName selfie
@foreignFieldName tryonJobsAsSelfie
@error NTFND selfie_key There is no such picture.$$;
comment on constraint tryon_jobs_result_key_fkey on app_public.tryon_jobs is $$
@fieldName result
@foreignFieldName tryonJobsAsResult
@error NTFND result_key There is no such picture.$$;
comment on constraint tryon_jobs_retry_of_fkey on app_public.tryon_jobs is $$
@fieldName retried
@foreignFieldName retries
@error NTFND retry_of There is no such job.$$;
comment on constraint tryon_jobs_payer_check on app_public.tryon_jobs is $$
@error INVAL payer A job names who pays for it.$$;
comment on constraint tryon_jobs_shopper_handle_check on app_public.tryon_jobs is $$
@error INVAL shopper_handle A job of a brand and a shopper carries a handle.$$;
comment on constraint tryon_jobs_cost_check on app_public.tryon_jobs is $$
@error INVAL cost A job costs 1 to 100 credits, and nothing with a pro entitlement.$$;
comment on constraint tryon_jobs_confidence_check on app_public.tryon_jobs is $$
@error INVAL confidence A confidence lies between 0 and 1.$$;
comment on constraint tryon_jobs_processing_ms_check on app_public.tryon_jobs is $$
@error INVAL processing_ms A processing time lies between 0 and a day.$$;
comment on constraint tryon_jobs_attempt_check on app_public.tryon_jobs is $$
@error STATE attempt This job has used all its attempts.$$;
comment on constraint tryon_jobs_max_attempts_check on app_public.tryon_jobs is $$
@error INVAL max_attempts A job has 1 to 10 attempts.$$;
comment on constraint tryon_jobs_priority_check on app_public.tryon_jobs is $$
@error INVAL priority A priority lies between -10 and 10.$$;
comment on constraint tryon_jobs_lock_check on app_public.tryon_jobs is $$
@error STATE locked_by A job that runs has a worker, and no other job has one.$$;
comment on constraint tryon_jobs_completed_check on app_public.tryon_jobs is $$
@error INVAL result_key A completed job has a result, a confidence and a time.$$;
comment on constraint tryon_jobs_completed_at_check on app_public.tryon_jobs is $$
@error INVAL completed_at A job is not completed before it was asked for.$$;
comment on constraint tryon_jobs_finished_at_check on app_public.tryon_jobs is $$
@error INVAL finished_at A job is finished exactly when its status is a last one.$$;
comment on constraint tryon_jobs_error_code_check on app_public.tryon_jobs is $$
@error INVAL error_code A failure has a code of capital letters, digits and underscores, 40 at most.$$;
comment on constraint tryon_jobs_device_family_check on app_public.tryon_jobs is $$
@error INVAL device_family A device is iphone, ipad, android_phone, android_tablet, desktop, kiosk or other.$$;
comment on constraint tryon_jobs_app_version_check on app_public.tryon_jobs is $$
@error INVAL app_version A version has 1 to 20 letters, digits, dots, plus and minus signs.$$;

insert into app_private.partitioned_tables (parent, key_kind) values ('app_public.tryon_jobs', 'uuid_v7');

create table app_private.tryon_transitions (
  from_status app_public.tryon_status,
  to_status app_public.tryon_status,
  constraint tryon_transitions_pkey primary key (from_status, to_status)
);
comment on table app_private.tryon_transitions is 'The state machine of try-on jobs: what is not listed is refused.';
insert into app_private.tryon_transitions (from_status, to_status) values
  ('queued', 'processing'),
  ('queued', 'cancelled'),
  ('queued', 'expired'),
  ('processing', 'completed'),
  ('processing', 'queued'),
  ('processing', 'failed'),
  ('processing', 'expired');

create table app_private.shopper_handles (
  brand_id uuid not null constraint shopper_handles_brand_id_fkey
    references app_public.brand_accounts (id) on delete cascade,
  user_id uuid not null constraint shopper_handles_user_id_fkey
    references app_public.users (id) on delete cascade,
  handle uuid not null default gen_random_uuid() constraint shopper_handles_handle_key unique,
  constraint shopper_handles_pkey primary key (brand_id, user_id)
);
create index shopper_handles_user_id_idx on app_private.shopper_handles (user_id);
comment on table app_private.shopper_handles is 'What a brand sees instead of a shopper. Random, so that no two brands can join theirs, and it ends when the row is deleted.';

--------------------------------------------------------------------------------
-- 7040 What was tried on, how each attempt went, what the shopper says of it.
--------------------------------------------------------------------------------

create table app_public.tryon_job_garments (
  job_id uuid not null constraint tryon_job_garments_job_id_fkey
    references app_public.tryon_jobs (id) on delete cascade,
  position smallint not null,
  user_id uuid constraint tryon_job_garments_user_id_fkey references app_public.users (id) on delete restrict,
  brand_id uuid,
  wardrobe_item_id uuid,
  product_id uuid,
  constraint tryon_job_garments_pkey primary key (job_id, position),
  constraint tryon_job_garments_position_check check (position between 1 and 8),
  constraint tryon_job_garments_garment_check check (num_nonnulls(wardrobe_item_id, product_id) = 1),
  -- A null tenant would switch the composite keys off.
  constraint tryon_job_garments_owner_check check (
    (product_id is null) = (brand_id is null) and (wardrobe_item_id is null or user_id is not null)
  ),
  constraint tryon_job_garments_wardrobe_item_id_user_id_fkey foreign key (wardrobe_item_id, user_id)
    references app_public.wardrobe_items (id, user_id) on delete restrict,
  constraint tryon_job_garments_brand_id_product_id_fkey foreign key (brand_id, product_id)
    references app_public.products (brand_id, id) on delete restrict
);
create index tryon_job_garments_user_id_idx on app_public.tryon_job_garments (user_id);
create index tryon_job_garments_brand_id_product_id_idx on app_public.tryon_job_garments (brand_id, product_id)
  where brand_id is not null;
create index tryon_job_garments_wardrobe_item_id_user_id_idx on app_public.tryon_job_garments (wardrobe_item_id, user_id)
  where wardrobe_item_id is not null;
comment on table app_public.tryon_job_garments is $$
@admin.label Garments tried on
@admin.hidden
@behavior -insert -update -delete
The garments of a job in order: a product of a brand, or an item of the wardrobe of the shopper.$$;
comment on constraint tryon_job_garments_pkey on app_public.tryon_job_garments is $$
@error TAKEN position This place is taken.$$;
comment on column app_public.tryon_job_garments.product_id is $$
@behavior +filterBy$$;
comment on constraint tryon_job_garments_job_id_fkey on app_public.tryon_job_garments is $$
@fieldName job
@foreignFieldName garments
@error NTFND job_id There is no such job.$$;
comment on constraint tryon_job_garments_user_id_fkey on app_public.tryon_job_garments is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_job_garments_position_check on app_public.tryon_job_garments is $$
@error INVAL position A job has up to 8 garments.$$;
comment on constraint tryon_job_garments_garment_check on app_public.tryon_job_garments is $$
@error INVAL product_id A garment is a product or an item of the wardrobe.$$;
comment on constraint tryon_job_garments_owner_check on app_public.tryon_job_garments is $$
@error INVAL brand_id A product carries its brand, an item its person.$$;
comment on constraint tryon_job_garments_wardrobe_item_id_user_id_fkey on app_public.tryon_job_garments is $$
@fieldName wardrobeItem
@foreignFieldName tryonJobGarments
@error NTFND wardrobe_item_id There is no such item in your wardrobe.
@errorInUse This item has been tried on.|Take it out of the wardrobe instead: past try-ons keep showing it.$$;
comment on constraint tryon_job_garments_brand_id_product_id_fkey on app_public.tryon_job_garments is $$
@fieldName product
@foreignFieldName tryonJobGarments
@error NTFND product_id There is no such product.
@errorInUse This product has been tried on.|Switch it off instead: it is offered no longer, and past try-ons keep showing it.$$;

create table app_public.tryon_job_attempts (
  job_id uuid not null constraint tryon_job_attempts_job_id_fkey
    references app_public.tryon_jobs (id) on delete restrict,
  attempt integer not null,
  user_id uuid constraint tryon_job_attempts_user_id_fkey references app_public.users (id) on delete restrict,
  brand_id uuid constraint tryon_job_attempts_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  category_code text not null,
  worker text not null,
  outcome app_public.tryon_outcome not null,
  error_code text,
  processing_ms integer,
  started_at timestamptz not null,
  finished_at timestamptz not null default now(),
  constraint tryon_job_attempts_pkey primary key (job_id, attempt)
);
create index tryon_job_attempts_user_id_idx on app_public.tryon_job_attempts (user_id, job_id);
create index tryon_job_attempts_brand_id_idx on app_public.tryon_job_attempts (brand_id, finished_at desc);
-- The board of the last hours.
create index tryon_job_attempts_finished_at_idx on app_public.tryon_job_attempts (finished_at desc);
comment on table app_public.tryon_job_attempts is $$
@admin.label Attempts
@admin.hidden
@behavior -insert -update -delete
One row per attempt that ended. Append-only; the attempt that runs now stands in the job.$$;
-- Asked of the attempts of one job, while jobs are read newest first.
comment on column app_public.tryon_job_attempts.error_code is $$
@behavior +filterBy$$;
comment on column app_public.tryon_job_attempts.outcome is $$
@admin.widget status
@behavior +filterBy
completed, failed, retried (back to the queue) or lost (the worker fell silent).$$;
comment on column app_public.tryon_job_attempts.processing_ms is $$
@admin.widget duration
Milliseconds, as the worker says; null when it said nothing.$$;
comment on constraint tryon_job_attempts_pkey on app_public.tryon_job_attempts is $$
@error TAKEN attempt This attempt has ended already.$$;
comment on constraint tryon_job_attempts_job_id_fkey on app_public.tryon_job_attempts is $$
@fieldName job
@foreignFieldName attempts
@error NTFND job_id There is no such job.$$;
comment on constraint tryon_job_attempts_user_id_fkey on app_public.tryon_job_attempts is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_job_attempts_brand_id_fkey on app_public.tryon_job_attempts is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;

create table app_public.tryon_feedback (
  job_id uuid constraint tryon_feedback_pkey primary key
    constraint tryon_feedback_job_id_fkey references app_public.tryon_jobs (id) on delete restrict,
  user_id uuid not null default app_hidden.current_user_id() constraint tryon_feedback_user_id_fkey
    references app_public.users (id) on delete restrict,
  brand_id uuid constraint tryon_feedback_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  category_code text not null,
  accurate boolean not null,
  rating smallint,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tryon_feedback_rating_check check (rating between 1 and 5)
);
create index tryon_feedback_user_id_idx on app_public.tryon_feedback (user_id);
create index tryon_feedback_brand_id_idx on app_public.tryon_feedback (brand_id, category_code);
comment on table app_public.tryon_feedback is $$
@admin.label Feedback
@admin.group Try-on
@admin.icon rate_review
@admin.order 120
@admin.list job_id, accurate, rating, created_at
@behavior -delete
What a shopper says of a completed try-on. Measured accuracy comes from here, never from the confidence of a model.$$;
comment on column app_public.tryon_feedback.brand_id is 'The brand of the job; set by the server.';
comment on column app_public.tryon_feedback.category_code is 'The category of the job; set by the server.';
comment on column app_public.tryon_feedback.accurate is 'Whether the garment sat where it should.';
comment on column app_public.tryon_feedback.rating is '1 to 5; null when not given.';
comment on constraint tryon_feedback_pkey on app_public.tryon_feedback is $$
@error TAKEN job_id You have rated this try-on already.$$;
comment on constraint tryon_feedback_job_id_fkey on app_public.tryon_feedback is $$
@fieldName job
@foreignFieldName feedback
@error NTFND job_id There is no such try-on.$$;
comment on constraint tryon_feedback_user_id_fkey on app_public.tryon_feedback is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint tryon_feedback_brand_id_fkey on app_public.tryon_feedback is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint tryon_feedback_rating_check on app_public.tryon_feedback is $$
@error INVAL rating A rating is 1 to 5.$$;

--------------------------------------------------------------------------------
-- 7050 Worker keys: a GPU service elsewhere signs in with one. The secret is
-- shown once; its hash lives in a table of its own.
--------------------------------------------------------------------------------

create table app_public.worker_keys (
  id uuid not null default app_private.uuid_v7() constraint worker_keys_pkey primary key,
  name text not null,
  prefix text not null constraint worker_keys_prefix_key unique,
  created_by uuid constraint worker_keys_created_by_fkey references app_public.users (id) on delete set null,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint worker_keys_name_check check (name ~ '^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$')
);
create unique index worker_keys_name_key on app_public.worker_keys (name) where revoked_at is null;
create index worker_keys_created_by_idx on app_public.worker_keys (created_by);
comment on table app_public.worker_keys is $$
@admin.label Worker keys
@admin.singular Worker key
@admin.group Operations
@admin.icon vpn_key
@admin.order 820
@admin.list name, prefix, last_used_at, revoked_at, created_at
@admin.represent name
@behavior -insert -update -delete
Keys of GPU services that work try-on jobs. The secret is shown once, when the key is made.$$;
comment on column app_public.worker_keys.prefix is 'The first characters of the key, to tell keys apart.';
comment on column app_public.worker_keys.last_used_at is 'Within a minute.';
comment on constraint worker_keys_pkey on app_public.worker_keys is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint worker_keys_prefix_key on app_public.worker_keys is $$
@error TAKEN prefix Make the key once more.$$;
comment on constraint worker_keys_created_by_fkey on app_public.worker_keys is $$
@fieldName creator
@error NTFND created_by There is no such person.$$;
comment on constraint worker_keys_name_check on app_public.worker_keys is $$
@error INVAL name A name has lower-case letters, digits and hyphens, 40 at most.$$;
comment on index app_public.worker_keys_name_key is $$
@error TAKEN name Another key that is in use has this name.$$;

create table app_private.worker_key_secrets (
  key_id uuid constraint worker_key_secrets_pkey primary key
    constraint worker_key_secrets_key_id_fkey references app_public.worker_keys (id) on delete cascade,
  key_hash bytea not null constraint worker_key_secrets_key_hash_key unique
    constraint worker_key_secrets_key_hash_check check (length(key_hash) = 32)
);
comment on table app_private.worker_key_secrets is 'SHA-256 of worker keys (256 random bits each).';

--------------------------------------------------------------------------------
-- 7110 Credit accounts: double entry. Every transfer moves credits from one
-- account to another, so all balances add up to zero. An owner has one account
-- of what is available and one of what is held. System accounts come in 16
-- shards, because a single row would make every settlement wait for the last.
--------------------------------------------------------------------------------

create table app_public.credit_accounts (
  id uuid not null default app_private.uuid_v7() constraint credit_accounts_pkey primary key,
  owner_user_id uuid constraint credit_accounts_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_accounts_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  kind app_public.credit_account_kind not null,
  shard smallint not null default 0,
  balance bigint not null default 0,
  next_grant_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credit_accounts_owner_check check (
    case when kind in ('available', 'held') then num_nonnulls(owner_user_id, owner_brand_id) = 1 and shard = 0
      else num_nonnulls(owner_user_id, owner_brand_id) = 0 and shard between 0 and 15 end
  ),
  -- The last guard: whatever a function overlooks, nobody spends what is not there.
  constraint credit_accounts_balance_check check (balance >= 0 or kind not in ('available', 'held')),
  constraint credit_accounts_next_grant_at_check check (next_grant_at is null or (kind = 'available' and owner_user_id is not null)),
  constraint credit_accounts_owner_kind_key unique nulls not distinct (owner_user_id, owner_brand_id, kind, shard)
) with (fillfactor = 70);
create index credit_accounts_owner_brand_id_idx on app_public.credit_accounts (owner_brand_id) where owner_brand_id is not null;
create index credit_accounts_next_grant_at_idx on app_public.credit_accounts (next_grant_at) where next_grant_at is not null;
comment on table app_public.credit_accounts is $$
@admin.label Credit accounts
@admin.singular Credit account
@admin.group Credits
@admin.icon account_balance
@admin.order 230
@admin.list id, owner_user_id, owner_brand_id, kind, balance, updated_at
@behavior -insert -update -delete
The ledger's accounts. `balance` is the sum of the account's transfers, kept by the transfer itself.$$;
comment on column app_public.credit_accounts.balance is 'Credits. Never negative for a person or a brand; the system''s own accounts run below zero.';
comment on column app_public.credit_accounts.next_grant_at is 'When the next free credits are due to this person.';
comment on constraint credit_accounts_pkey on app_public.credit_accounts is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_accounts_owner_user_id_fkey on app_public.credit_accounts is $$
@fieldName ownerUser
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_accounts_owner_brand_id_fkey on app_public.credit_accounts is $$
@fieldName ownerBrand
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_accounts_owner_check on app_public.credit_accounts is $$
@error INVAL owner_user_id An account belongs to a person, a brand or the system.$$;
comment on constraint credit_accounts_balance_check on app_public.credit_accounts is $$
@error NOCRD balance There are not enough credits.$$;
comment on constraint credit_accounts_next_grant_at_check on app_public.credit_accounts is $$
@error INVAL next_grant_at Free credits go to the available credits of a person.$$;
comment on constraint credit_accounts_owner_kind_key on app_public.credit_accounts is $$
@error TAKEN kind This account exists already.$$;

-- Ids that sort after every other: locks are taken in the order of ids, the
-- owner's first and the system's last.
insert into app_public.credit_accounts (id, kind, shard)
select ('ffffffff-ffff-7fff-bfff-' || lpad(to_hex(k.n * 16 + s), 12, '0'))::uuid, k.kind, s
from (values (1, 'system_grants'::app_public.credit_account_kind), (2, 'system_consumed'), (3, 'system_expired')) k (n, kind),
  generate_series(0, 15) s;

--------------------------------------------------------------------------------
-- 7120 Grants: where credits come from, in what order they are spent, when they end.
--------------------------------------------------------------------------------

create table app_public.credit_grants (
  id uuid not null default app_private.uuid_v7() constraint credit_grants_pkey primary key,
  owner_user_id uuid constraint credit_grants_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_grants_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  source app_public.credit_source not null,
  amount bigint not null,
  remaining bigint not null,
  expired bigint not null default 0,
  lapsed boolean not null default false,
  priority smallint not null,
  effective_at timestamptz not null default now(),
  expires_at timestamptz,
  period_start timestamptz,
  note text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credit_grants_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_grants_amount_check check (amount between 1 and 1000000000),
  constraint credit_grants_remaining_check check (remaining >= 0 and expired >= 0 and remaining + expired <= amount),
  constraint credit_grants_priority_check check (priority between 0 and 100),
  constraint credit_grants_expires_at_check check (expires_at > effective_at),
  constraint credit_grants_note_check check (length(note) between 1 and 500)
) with (fillfactor = 80);
-- A period is granted once. Where there is no period, there may be many.
create unique index credit_grants_period_key on app_public.credit_grants
  (owner_user_id, owner_brand_id, source, period_start) nulls not distinct where period_start is not null;
create index credit_grants_owner_user_id_idx on app_public.credit_grants (owner_user_id, created_at desc) where owner_user_id is not null;
create index credit_grants_owner_brand_id_idx on app_public.credit_grants (owner_brand_id, created_at desc) where owner_brand_id is not null;
-- Not "where remaining > 0": a column in an index, its condition included, makes
-- every hold write a new entry to all indexes of a grant that is drawn on
-- hundreds of times a second.
create index credit_grants_expires_at_idx on app_public.credit_grants (expires_at) where not lapsed and expires_at is not null;
comment on table app_public.credit_grants is $$
@admin.label Grants
@admin.singular Grant
@admin.group Credits
@admin.icon card_giftcard
@admin.order 210
@admin.list owner_user_id, owner_brand_id, source, amount, remaining, expires_at, created_at
@behavior -insert -update -delete
Credits given, and what is left of them. Spent by priority, then what ends first, then the oldest.$$;
comment on column app_public.credit_grants.remaining is 'Neither spent, held nor expired.';
comment on column app_public.credit_grants.expired is 'What ended unspent (breakage), or was taken back by a correction.';
comment on column app_public.credit_grants.lapsed is $$
@behavior -*
Whether its end has been booked.$$;
comment on column app_public.credit_grants.priority is 'Smaller is spent first: free and promotional credits 10, bought ones 20.';
comment on column app_public.credit_grants.period_start is 'The month a recurring grant is for; one grant per owner, source and period.';
comment on constraint credit_grants_pkey on app_public.credit_grants is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_grants_owner_user_id_fkey on app_public.credit_grants is $$
@fieldName ownerUser
@foreignFieldName creditGrants
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_grants_owner_brand_id_fkey on app_public.credit_grants is $$
@fieldName ownerBrand
@foreignFieldName creditGrants
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_grants_owner_check on app_public.credit_grants is $$
@error INVAL owner_user_id Credits go to one person or one brand.$$;
comment on constraint credit_grants_amount_check on app_public.credit_grants is $$
@error INVAL amount An amount lies between 1 and 1,000,000,000 credits.$$;
comment on constraint credit_grants_remaining_check on app_public.credit_grants is $$
@error NOCRD remaining There are not enough credits.$$;
comment on constraint credit_grants_priority_check on app_public.credit_grants is $$
@error INVAL priority A priority lies between 0 and 100.$$;
comment on constraint credit_grants_expires_at_check on app_public.credit_grants is $$
@error INVAL expires_at Credits end after they begin.$$;
comment on constraint credit_grants_note_check on app_public.credit_grants is $$
@error INVAL note A note has 1 to 500 characters.$$;
comment on index app_public.credit_grants_period_key is $$
@error TAKEN period_start The credits of this period are granted already.$$;

--------------------------------------------------------------------------------
-- 7130 Holds: what a job has reserved. Which grants pay is fixed here, in lines.
--------------------------------------------------------------------------------

create table app_public.credit_holds (
  id uuid not null default app_private.uuid_v7() constraint credit_holds_pkey primary key,
  owner_user_id uuid constraint credit_holds_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_holds_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  tryon_job_id uuid not null constraint credit_holds_tryon_job_id_key unique
    constraint credit_holds_tryon_job_id_fkey references app_public.tryon_jobs (id) on delete restrict,
  amount bigint not null,
  status app_public.credit_hold_status not null default 'open',
  settled_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint credit_holds_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_holds_amount_check check (amount > 0),
  constraint credit_holds_settled_at_check check ((status = 'open') = (settled_at is null))
);
create index credit_holds_owner_user_id_idx on app_public.credit_holds (owner_user_id, created_at desc) where owner_user_id is not null;
create index credit_holds_owner_brand_id_idx on app_public.credit_holds (owner_brand_id, created_at desc) where owner_brand_id is not null;
comment on table app_public.credit_holds is $$
@admin.label Holds
@admin.singular Hold
@admin.group Credits
@admin.icon lock_clock
@admin.order 220
@admin.list owner_user_id, owner_brand_id, tryon_job_id, amount, status, created_at, settled_at
@behavior -insert -update -delete
Credits a job reserved: captured when it completes, released when it does not. Settled once.$$;
comment on column app_public.credit_holds.status is $$
@admin.widget status
@isIndexed
open; captured (spent), released (given back), or expired (given back after all its grants had ended).$$;
comment on constraint credit_holds_pkey on app_public.credit_holds is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_holds_owner_user_id_fkey on app_public.credit_holds is $$
@fieldName ownerUser
@foreignFieldName creditHolds
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_holds_owner_brand_id_fkey on app_public.credit_holds is $$
@fieldName ownerBrand
@foreignFieldName creditHolds
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_holds_tryon_job_id_key on app_public.credit_holds is $$
@error TAKEN tryon_job_id This job has a hold already.$$;
comment on constraint credit_holds_tryon_job_id_fkey on app_public.credit_holds is $$
@fieldName tryonJob
@foreignFieldName hold
@error NTFND tryon_job_id There is no such job.$$;
comment on constraint credit_holds_owner_check on app_public.credit_holds is $$
@error INVAL owner_user_id A hold is on the credits of one person or one brand.$$;
comment on constraint credit_holds_amount_check on app_public.credit_holds is $$
@error INVAL amount A hold is for at least one credit.$$;
comment on constraint credit_holds_settled_at_check on app_public.credit_holds is $$
@error STATE status A hold is settled exactly when it is not open.$$;

create table app_public.credit_hold_lines (
  hold_id uuid not null constraint credit_hold_lines_hold_id_fkey
    references app_public.credit_holds (id) on delete restrict,
  grant_id uuid not null constraint credit_hold_lines_grant_id_fkey
    references app_public.credit_grants (id) on delete restrict,
  owner_user_id uuid constraint credit_hold_lines_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_hold_lines_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  amount bigint not null,
  constraint credit_hold_lines_pkey primary key (hold_id, grant_id),
  constraint credit_hold_lines_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_hold_lines_amount_check check (amount > 0)
);
create index credit_hold_lines_grant_id_idx on app_public.credit_hold_lines (grant_id);
create index credit_hold_lines_owner_user_id_idx on app_public.credit_hold_lines (owner_user_id) where owner_user_id is not null;
create index credit_hold_lines_owner_brand_id_idx on app_public.credit_hold_lines (owner_brand_id) where owner_brand_id is not null;
comment on table app_public.credit_hold_lines is $$
@admin.label Hold lines
@admin.hidden
@behavior -insert -update -delete
Which grants a hold draws on, fixed when it was placed.$$;
comment on constraint credit_hold_lines_pkey on app_public.credit_hold_lines is $$
@error TAKEN grant_id This grant is already part of the hold.$$;
comment on constraint credit_hold_lines_hold_id_fkey on app_public.credit_hold_lines is $$
@fieldName hold
@foreignFieldName lines
@error NTFND hold_id There is no such hold.$$;
comment on constraint credit_hold_lines_grant_id_fkey on app_public.credit_hold_lines is $$
@fieldName grant
@foreignFieldName holdLines
@error NTFND grant_id There is no such grant.$$;
comment on constraint credit_hold_lines_owner_user_id_fkey on app_public.credit_hold_lines is $$
@fieldName ownerUser
@foreignFieldName creditHoldLines
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_hold_lines_owner_brand_id_fkey on app_public.credit_hold_lines is $$
@fieldName ownerBrand
@foreignFieldName creditHoldLines
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_hold_lines_owner_check on app_public.credit_hold_lines is $$
@error INVAL owner_user_id A line is on the credits of one person or one brand.$$;
comment on constraint credit_hold_lines_amount_check on app_public.credit_hold_lines is $$
@error INVAL amount A line is for at least one credit.$$;

--------------------------------------------------------------------------------
-- 7140 Transfers: the ledger itself. Append-only, TRUNCATE too; a correction is
-- a new transfer.
--------------------------------------------------------------------------------

create table app_public.credit_transfers (
  id uuid not null default app_private.uuid_v7() constraint credit_transfers_pkey primary key,
  owner_user_id uuid constraint credit_transfers_owner_user_id_fkey
    references app_public.users (id) on delete restrict,
  owner_brand_id uuid constraint credit_transfers_owner_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  kind app_public.credit_transfer_kind not null,
  debit_account uuid not null constraint credit_transfers_debit_account_fkey
    references app_public.credit_accounts (id) on delete restrict,
  credit_account uuid not null constraint credit_transfers_credit_account_fkey
    references app_public.credit_accounts (id) on delete restrict,
  amount bigint not null,
  hold_id uuid constraint credit_transfers_hold_id_fkey references app_public.credit_holds (id) on delete restrict,
  grant_id uuid constraint credit_transfers_grant_id_fkey references app_public.credit_grants (id) on delete restrict,
  idempotency_key text,
  actor_kind text not null default app_hidden.current_actor_kind(),
  -- The owner reads this: which member of staff it was stands in the audit trail.
  actor_id uuid default case when app_hidden.current_actor_kind() <> 'staff' then app_hidden.current_user_id() end,
  reason text,
  created_at timestamptz not null default clock_timestamp(),
  constraint credit_transfers_owner_check check (num_nonnulls(owner_user_id, owner_brand_id) = 1),
  constraint credit_transfers_accounts_check check (debit_account <> credit_account),
  constraint credit_transfers_amount_check check (amount > 0),
  constraint credit_transfers_hold_id_check check (kind not in ('hold', 'capture', 'release') or hold_id is not null),
  constraint credit_transfers_grant_id_check check (kind not in ('grant', 'adjust') or grant_id is not null),
  constraint credit_transfers_reason_check check (length(reason) between 1 and 500)
);
create unique index credit_transfers_idempotency_key_key on app_public.credit_transfers (idempotency_key)
  where idempotency_key is not null;
-- A hold is placed once and settled once, whatever calls.
create unique index credit_transfers_hold_placed_key on app_public.credit_transfers (hold_id) where kind = 'hold';
create unique index credit_transfers_hold_settled_key on app_public.credit_transfers (hold_id) where kind in ('capture', 'release');
create unique index credit_transfers_hold_expired_key on app_public.credit_transfers (hold_id) where kind = 'expire';
create index credit_transfers_hold_id_idx on app_public.credit_transfers (hold_id) where hold_id is not null;
create index credit_transfers_grant_id_idx on app_public.credit_transfers (grant_id) where grant_id is not null;
create index credit_transfers_owner_user_id_idx on app_public.credit_transfers (owner_user_id, id desc) where owner_user_id is not null;
create index credit_transfers_owner_brand_id_idx on app_public.credit_transfers (owner_brand_id, id desc) where owner_brand_id is not null;
create index credit_transfers_debit_account_idx on app_public.credit_transfers (debit_account);
create index credit_transfers_credit_account_idx on app_public.credit_transfers (credit_account);
comment on table app_public.credit_transfers is $$
@admin.label Ledger
@admin.singular Ledger entry
@admin.group Credits
@admin.icon receipt_long
@admin.order 200
@admin.list created_at, kind, amount, owner_user_id, owner_brand_id, hold_id, reason
@behavior -insert -update -delete
The credit ledger: each entry moves credits from the debit account to the credit account. Append-only.$$;
-- Within an owner these narrow the ledger while its index is read; the order of
-- time is that of the key.
comment on column app_public.credit_transfers.kind is $$
@admin.widget status
@behavior +filterBy
grant, hold, capture, release, expire or adjust.$$;
comment on column app_public.credit_transfers.created_at is $$
@behavior +filterBy$$;
comment on column app_public.credit_transfers.amount is 'Credits, always above zero; the accounts say which way.';
comment on column app_public.credit_transfers.debit_account is 'Where the credits leave.';
comment on column app_public.credit_transfers.credit_account is 'Where they arrive.';
comment on column app_public.credit_transfers.idempotency_key is $$
@behavior -*
What makes a repeated call find this entry instead of adding one.$$;
comment on column app_public.credit_transfers.actor_id is 'Whose act it was; null for staff, whom the audit trail names.';
comment on column app_public.credit_transfers.reason is 'What it was for, in a sentence for the owner; what staff wrote stands in the audit trail.';
comment on constraint credit_transfers_pkey on app_public.credit_transfers is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint credit_transfers_owner_user_id_fkey on app_public.credit_transfers is $$
@fieldName ownerUser
@foreignFieldName creditTransfers
@error NTFND owner_user_id There is no such person.$$;
comment on constraint credit_transfers_owner_brand_id_fkey on app_public.credit_transfers is $$
@fieldName ownerBrand
@foreignFieldName creditTransfers
@error NTFND owner_brand_id There is no such brand.$$;
comment on constraint credit_transfers_debit_account_fkey on app_public.credit_transfers is $$
@fieldName debitedAccount
@foreignFieldName debits
@error NTFND debit_account There is no such account.$$;
comment on constraint credit_transfers_credit_account_fkey on app_public.credit_transfers is $$
@fieldName creditedAccount
@foreignFieldName credits
@error NTFND credit_account There is no such account.$$;
comment on constraint credit_transfers_hold_id_fkey on app_public.credit_transfers is $$
@fieldName hold
@foreignFieldName transfers
@error NTFND hold_id There is no such hold.$$;
comment on constraint credit_transfers_grant_id_fkey on app_public.credit_transfers is $$
@fieldName grant
@foreignFieldName transfers
@error NTFND grant_id There is no such grant.$$;
comment on constraint credit_transfers_owner_check on app_public.credit_transfers is $$
@error INVAL owner_user_id An entry concerns one person or one brand.$$;
comment on constraint credit_transfers_accounts_check on app_public.credit_transfers is $$
@error INVAL credit_account Credits move between two different accounts.$$;
comment on constraint credit_transfers_amount_check on app_public.credit_transfers is $$
@error INVAL amount An amount is above zero.$$;
comment on constraint credit_transfers_hold_id_check on app_public.credit_transfers is $$
@error INVAL hold_id This kind of entry names its hold.$$;
comment on constraint credit_transfers_grant_id_check on app_public.credit_transfers is $$
@error INVAL grant_id This kind of entry names its grant.$$;
comment on constraint credit_transfers_reason_check on app_public.credit_transfers is $$
@error INVAL reason A reason has 1 to 500 characters.$$;
comment on index app_public.credit_transfers_idempotency_key_key is $$
@error TAKEN idempotency_key This was booked already.$$;
comment on index app_public.credit_transfers_hold_placed_key is $$
@error STATE hold_id This hold is placed already.$$;
comment on index app_public.credit_transfers_hold_settled_key is $$
@error STATE hold_id This hold is settled already.$$;
comment on index app_public.credit_transfers_hold_expired_key is $$
@error STATE hold_id This hold is settled already.$$;

--------------------------------------------------------------------------------
-- 7150 Entitlements: what a person may do without credits.
--------------------------------------------------------------------------------

create table app_public.user_entitlements (
  id uuid not null default app_private.uuid_v7() constraint user_entitlements_pkey primary key,
  user_id uuid not null constraint user_entitlements_user_id_fkey
    references app_public.users (id) on delete cascade,
  kind app_public.entitlement_kind not null,
  period tstzrange not null,
  -- What people read and lists show; the range itself is for the exclusion.
  starts_at timestamptz generated always as (lower(period)) stored,
  ends_at timestamptz generated always as (upper(period)) stored,
  source text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_entitlements_period_check check (
    not isempty(period) and lower_inc(period) and not upper_inc(period) and not lower_inf(period)
  ),
  constraint user_entitlements_source_check check (length(source) between 1 and 200),
  constraint user_entitlements_period_excl exclude using gist (
    user_id app_extensions.gist_uuid_ops with =, kind app_extensions.gist_enum_ops with =, period with &&
  )
);
create index user_entitlements_user_id_idx on app_public.user_entitlements (user_id);
comment on table app_public.user_entitlements is $$
@admin.label Entitlements
@admin.singular Entitlement
@admin.group Credits
@admin.icon workspace_premium
@admin.order 240
@admin.list user_id, kind, starts_at, ends_at, source
@behavior -insert -update -delete
pro_unlimited: try-ons asked for within the period cost nothing. Half-open: the end is not part of it.$$;
comment on column app_public.user_entitlements.source is 'Where it comes from: a subscription, or ClosetAI.';
comment on constraint user_entitlements_pkey on app_public.user_entitlements is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint user_entitlements_user_id_fkey on app_public.user_entitlements is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint user_entitlements_period_check on app_public.user_entitlements is $$
@error INVAL period A period begins at a moment and ends after it.$$;
comment on constraint user_entitlements_source_check on app_public.user_entitlements is $$
@error INVAL source A source has 1 to 200 characters.$$;
comment on constraint user_entitlements_period_excl on app_public.user_entitlements is $$
@error TAKEN period This person has the entitlement within that period already.$$;

--------------------------------------------------------------------------------
-- 8010 Stripe, mirrored. Stripe is the truth; these tables say what its events
-- said last. No foreign keys between them: events arrive in any order, and a
-- subscription may be told before its customer. Only functions write here.
--------------------------------------------------------------------------------

create type app_public.stripe_event_status as enum ('received', 'processed', 'ignored', 'ignored_stale', 'failed', 'dead');
create type app_public.mrr_state as enum ('ok', 'needs_review');
create type app_public.mrr_movement_kind as enum ('new', 'expansion', 'contraction', 'churn', 'reactivation');
create type app_public.subscription_grant_kind as enum ('pro', 'monthly_credits', 'dataset_access', 'custom_models');

create table app_public.stripe_events (
  id text constraint stripe_events_pkey primary key,
  type text not null,
  api_version text,
  livemode boolean not null,
  created timestamptz not null,
  object_id text,
  payload jsonb not null,
  status app_public.stripe_event_status not null default 'received',
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text,
  duplicates integer not null default 0,
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  constraint stripe_events_id_check check (id ~ '^evt_[A-Za-z0-9_]{1,200}$'),
  constraint stripe_events_type_check check (length(type) between 1 and 100),
  constraint stripe_events_processed_at_check check (
    (status in ('processed', 'ignored', 'ignored_stale')) = (processed_at is not null)
  )
);
-- The inbox in the order of processing; the newest for staff; all of one object.
create index stripe_events_waiting_idx on app_public.stripe_events (created, id) where status in ('received', 'failed');
create index stripe_events_created_idx on app_public.stripe_events (created desc, id);
create index stripe_events_object_id_idx on app_public.stripe_events (object_id, created desc);
create index stripe_events_type_idx on app_public.stripe_events (type, created desc);
create index stripe_events_status_idx on app_public.stripe_events (status, created desc);
comment on table app_public.stripe_events is $$
@admin.label Stripe inbox
@admin.singular Stripe event
@admin.group Billing
@admin.icon inbox
@admin.order 330
@admin.list created, type, object_id, status, attempts, duplicates, last_error
@behavior -insert -update -delete
Every event Stripe delivered, once, and what became of it.$$;
comment on column app_public.stripe_events.created is 'When it happened, by Stripe: one-second resolution.';
comment on column app_public.stripe_events.duplicates is 'How often it was delivered again.';
comment on column app_public.stripe_events.status is $$
@admin.widget status
received, processed, ignored (another mode, or a type nothing depends on), ignored_stale (older than what is known), failed (tried again), dead (given up).$$;
comment on column app_public.stripe_events.payload is $$
@admin.widget json
The event as it was signed.$$;
comment on constraint stripe_events_pkey on app_public.stripe_events is $$
@error TAKEN id This event is here already.$$;
comment on constraint stripe_events_id_check on app_public.stripe_events is $$
@error INVAL id This is not the id of an event.$$;
comment on constraint stripe_events_type_check on app_public.stripe_events is $$
@error INVAL type An event has a type.$$;
comment on constraint stripe_events_processed_at_check on app_public.stripe_events is $$
@error STATE status A processed event says when.$$;

create table app_public.stripe_customers (
  id text constraint stripe_customers_pkey primary key,
  brand_id uuid constraint stripe_customers_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  user_id uuid constraint stripe_customers_user_id_fkey
    references app_public.users (id) on delete restrict,
  email text,
  name text,
  currency text,
  deleted boolean not null default false,
  created timestamptz,
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint stripe_customers_owner_check check (num_nonnulls(brand_id, user_id) <= 1)
);
create index stripe_customers_brand_id_idx on app_public.stripe_customers (brand_id);
create index stripe_customers_user_id_idx on app_public.stripe_customers (user_id);
create index stripe_customers_created_idx on app_public.stripe_customers (created desc, id);
create index stripe_customers_email_idx on app_public.stripe_customers (email);
comment on table app_public.stripe_customers is $$
@admin.label Stripe customers
@admin.singular Stripe customer
@admin.group Billing
@admin.icon contact_page
@admin.order 340
@admin.list id, email, name, brand_id, user_id, currency, created
@behavior -insert -update -delete
A customer at Stripe: a brand, a shopper, or nobody we know yet.$$;
comment on constraint stripe_customers_pkey on app_public.stripe_customers is $$
@error TAKEN id This customer is here already.$$;
comment on constraint stripe_customers_brand_id_fkey on app_public.stripe_customers is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint stripe_customers_user_id_fkey on app_public.stripe_customers is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint stripe_customers_owner_check on app_public.stripe_customers is $$
@error INVAL brand_id A customer is a brand or a person, not both.$$;

create table app_public.stripe_products (
  id text constraint stripe_products_pkey primary key,
  name text not null default '',
  active boolean not null default true,
  metadata jsonb not null default '{}',
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_products_name_idx on app_public.stripe_products (name, id);
comment on table app_public.stripe_products is $$
@admin.label Plans
@admin.singular Plan
@admin.group Billing
@admin.icon sell
@admin.order 350
@admin.list id, name, active
@behavior -insert -update -delete
A product at Stripe.$$;
comment on constraint stripe_products_pkey on app_public.stripe_products is $$
@error TAKEN id This product is here already.$$;

create table app_public.stripe_prices (
  id text constraint stripe_prices_pkey primary key,
  product_id text,
  active boolean not null default true,
  type text not null default 'recurring',
  currency text not null,
  unit_amount_decimal numeric(24, 12),
  billing_scheme text not null default 'per_unit',
  usage_type text not null default 'licensed',
  interval text,
  interval_count integer,
  tiers jsonb,
  tiers_mode text,
  transform_quantity jsonb,
  metadata jsonb not null default '{}',
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_prices_product_id_idx on app_public.stripe_prices (product_id);
comment on table app_public.stripe_prices is $$
@admin.label Prices
@admin.singular Price
@admin.group Billing
@admin.icon price_change
@admin.order 351
@admin.list id, product_id, currency, unit_amount_decimal, interval, interval_count, usage_type, active
@behavior -insert -update -delete
A price at Stripe. Its metadata says what a subscription grants: pro, monthly_credits, dataset_access, custom_models, and credits for a one-off purchase.$$;
comment on column app_public.stripe_prices.unit_amount_decimal is 'In the minor unit of the currency, up to 12 decimals; null where there are tiers.';
comment on constraint stripe_prices_pkey on app_public.stripe_prices is $$
@error TAKEN id This price is here already.$$;

create table app_public.stripe_coupons (
  id text constraint stripe_coupons_pkey primary key,
  percent_off numeric,
  amount_off bigint,
  currency text,
  duration text not null,
  name text,
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table app_public.stripe_coupons is $$
@admin.hidden
@behavior -insert -update -delete
A coupon at Stripe. Only those that last for ever reduce MRR.$$;
comment on constraint stripe_coupons_pkey on app_public.stripe_coupons is $$
@error TAKEN id This coupon is here already.$$;

create table app_public.stripe_discounts (
  id text constraint stripe_discounts_pkey primary key,
  coupon_id text,
  customer_id text,
  subscription_id text,
  starts_at timestamptz,
  ends_at timestamptz,
  deleted boolean not null default false,
  last_event_created timestamptz,
  last_event_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_discounts_subscription_id_idx on app_public.stripe_discounts (subscription_id);
comment on table app_public.stripe_discounts is $$
@admin.hidden
@behavior -insert -update -delete
A coupon given to a subscription or a customer.$$;
comment on constraint stripe_discounts_pkey on app_public.stripe_discounts is $$
@error TAKEN id This discount is here already.$$;

create table app_public.stripe_subscriptions (
  id text constraint stripe_subscriptions_pkey primary key,
  customer_id text not null,
  status text not null,
  cancel_at_period_end boolean not null default false,
  cancel_at timestamptz,
  canceled_at timestamptz,
  ended_at timestamptz,
  started_at timestamptz,
  trial_end timestamptz,
  pause_collection jsonb,
  currency text not null,
  discounts jsonb not null default '[]',
  api_version text,
  fx_rate numeric,
  fx_date date,
  mrr_minor bigint not null default 0,
  mrr_usd_minor bigint not null default 0,
  mrr_state app_public.mrr_state not null default 'ok',
  mrr_note text,
  last_event_created timestamptz not null,
  last_event_id text not null,
  last_event_deleted boolean not null default false,
  needs_refetch boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Stripe's eight; another one is quarantined: its event fails and says so.
  constraint stripe_subscriptions_status_check check (status in (
    'incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused'
  )),
  constraint stripe_subscriptions_mrr_check check (mrr_minor >= 0 and mrr_usd_minor >= 0)
);
create index stripe_subscriptions_customer_id_idx on app_public.stripe_subscriptions (customer_id);
create index stripe_subscriptions_status_idx on app_public.stripe_subscriptions (status, id);
create index stripe_subscriptions_mrr_usd_minor_idx on app_public.stripe_subscriptions (mrr_usd_minor desc, id);
create index stripe_subscriptions_review_idx on app_public.stripe_subscriptions (id) where mrr_state = 'needs_review' or needs_refetch;
comment on table app_public.stripe_subscriptions is $$
@admin.label Subscriptions
@admin.singular Subscription
@admin.group Billing
@admin.icon autorenew
@admin.order 310
@admin.list id, customer_id, status, mrr_usd_minor, currency, mrr_state, cancel_at_period_end, started_at
@behavior -insert -update -delete
A subscription as Stripe last told it, with its monthly recurring revenue.$$;
comment on column app_public.stripe_subscriptions.status is $$
@admin.widget status
Of eight; active and past_due count for MRR.$$;
comment on column app_public.stripe_subscriptions.fx_rate is 'US dollars per unit of the currency on fx_date, pinned while MRR is above zero.';
comment on column app_public.stripe_subscriptions.mrr_minor is 'MRR in the minor unit of the currency, rounded once.';
comment on column app_public.stripe_subscriptions.mrr_usd_minor is 'MRR in US cents at the pinned rate.';
comment on column app_public.stripe_subscriptions.mrr_state is 'needs_review: counted as 0 until somebody looks; mrr_note says why.';
comment on column app_public.stripe_subscriptions.needs_refetch is 'Two events of the same second: fetch the object from Stripe to be sure.';
comment on constraint stripe_subscriptions_pkey on app_public.stripe_subscriptions is $$
@error TAKEN id This subscription is here already.$$;
comment on constraint stripe_subscriptions_status_check on app_public.stripe_subscriptions is $$
@error INVAL status Stripe has sent a status that is not known here.$$;
comment on constraint stripe_subscriptions_mrr_check on app_public.stripe_subscriptions is $$
@error INVAL mrr_minor MRR is not negative.$$;

create table app_public.stripe_subscription_items (
  id text constraint stripe_subscription_items_pkey primary key,
  subscription_id text not null constraint stripe_subscription_items_subscription_id_fkey
    references app_public.stripe_subscriptions (id) on delete cascade,
  price_id text not null,
  quantity bigint,
  current_period_start timestamptz,
  current_period_end timestamptz,
  discounts jsonb not null default '[]',
  constraint stripe_subscription_items_quantity_check check (quantity >= 0)
);
create index stripe_subscription_items_subscription_id_idx on app_public.stripe_subscription_items (subscription_id);
create index stripe_subscription_items_price_id_idx on app_public.stripe_subscription_items (price_id);
comment on table app_public.stripe_subscription_items is $$
@admin.label Subscription items
@admin.hidden
@behavior -insert -update -delete
What a subscription consists of.$$;
comment on column app_public.stripe_subscription_items.quantity is 'Null for metered prices, and for licensed ones that count as one.';
comment on constraint stripe_subscription_items_pkey on app_public.stripe_subscription_items is $$
@error TAKEN id This item is here already.$$;
comment on constraint stripe_subscription_items_subscription_id_fkey on app_public.stripe_subscription_items is $$
@fieldName subscription
@foreignFieldName items
@error NTFND subscription_id There is no such subscription.$$;
comment on constraint stripe_subscription_items_quantity_check on app_public.stripe_subscription_items is $$
@error INVAL quantity A quantity is not negative.$$;

create table app_public.stripe_invoices (
  id text constraint stripe_invoices_pkey primary key,
  customer_id text,
  subscription_id text,
  number text,
  status text,
  billing_reason text,
  currency text not null,
  subtotal bigint not null default 0,
  discount bigint not null default 0,
  tax bigint not null default 0,
  total bigint not null default 0,
  amount_due bigint not null default 0,
  amount_paid bigint not null default 0,
  amount_remaining bigint not null default 0,
  period_start timestamptz,
  period_end timestamptz,
  created timestamptz,
  due_date timestamptz,
  paid_at timestamptz,
  hosted_invoice_url text,
  lines jsonb not null default '[]',
  deleted boolean not null default false,
  last_event_created timestamptz not null,
  last_event_id text not null,
  needs_refetch boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_invoices_customer_id_idx on app_public.stripe_invoices (customer_id, created desc);
create index stripe_invoices_subscription_id_idx on app_public.stripe_invoices (subscription_id);
create index stripe_invoices_created_idx on app_public.stripe_invoices (created desc, id);
create index stripe_invoices_fetch_idx on app_public.stripe_invoices (id) where needs_refetch;
comment on table app_public.stripe_invoices is $$
@admin.label Invoices
@admin.singular Invoice
@admin.group Billing
@admin.icon receipt
@admin.order 320
@admin.list number, status, total, amount_remaining, currency, created, due_date, paid_at
@admin.represent number
@behavior -insert -update -delete
An invoice at Stripe. Never a source of MRR.$$;
comment on column app_public.stripe_invoices.total is $$
@admin.widget money currency=currency
Minor units.$$;
comment on column app_public.stripe_invoices.amount_remaining is $$
@admin.widget money currency=currency
Minor units.$$;
comment on constraint stripe_invoices_pkey on app_public.stripe_invoices is $$
@error TAKEN id This invoice is here already.$$;

create table app_public.stripe_refunds (
  id text constraint stripe_refunds_pkey primary key,
  customer_id text,
  charge_id text,
  payment_intent_id text,
  invoice_id text,
  amount bigint not null,
  currency text not null,
  status text,
  reason text,
  created timestamptz,
  last_event_created timestamptz not null,
  last_event_id text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index stripe_refunds_created_idx on app_public.stripe_refunds (created desc, id);
create index stripe_refunds_charge_id_idx on app_public.stripe_refunds (charge_id);
comment on table app_public.stripe_refunds is $$
@admin.label Refunds
@admin.singular Refund
@admin.group Billing
@admin.icon undo
@admin.order 321
@admin.list created, amount, currency, status, reason, charge_id
@behavior -insert -update -delete
Money given back.$$;
comment on column app_public.stripe_refunds.amount is $$
@admin.widget money currency=currency
Minor units.$$;
comment on constraint stripe_refunds_pkey on app_public.stripe_refunds is $$
@error TAKEN id This refund is here already.$$;

create table app_private.stripe_raw (
  id text constraint stripe_raw_pkey primary key,
  object jsonb not null,
  event_created timestamptz not null,
  updated_at timestamptz not null default now()
);
comment on table app_private.stripe_raw is 'The last body of each mirrored object, as Stripe sent it. Holds personal data; reached by functions only.';

create table app_public.fx_rates (
  currency text not null constraint fx_rates_currency_fkey references app_public.currencies (code) on delete restrict,
  rate_date date not null,
  usd_per_unit numeric not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint fx_rates_pkey primary key (currency, rate_date),
  constraint fx_rates_usd_per_unit_check check (usd_per_unit > 0)
);
comment on table app_public.fx_rates is $$
@admin.label Exchange rates
@admin.singular Exchange rate
@admin.group Billing
@admin.icon currency_exchange
@admin.order 360
@admin.list currency, rate_date, usd_per_unit
@behavior -delete
US dollars per unit of a currency, by day. A subscription pins the newest rate at or before its activation.$$;
comment on constraint fx_rates_pkey on app_public.fx_rates is $$
@error TAKEN rate_date This day has a rate already.$$;
comment on constraint fx_rates_currency_fkey on app_public.fx_rates is $$
@fieldName currencyByCode
@error NTFND currency There is no such currency.$$;
comment on constraint fx_rates_usd_per_unit_check on app_public.fx_rates is $$
@error INVAL usd_per_unit A rate is above zero.$$;

--------------------------------------------------------------------------------
-- 8020 MRR per account, and every movement of it. Append-only: the sum of an
-- account's movements is its MRR, always.
--------------------------------------------------------------------------------

create table app_public.account_mrr (
  account text constraint account_mrr_pkey primary key,
  brand_id uuid constraint account_mrr_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  user_id uuid constraint account_mrr_user_id_fkey references app_public.users (id) on delete restrict,
  customer_id text,
  mrr_usd_minor bigint not null default 0,
  ever_paid boolean not null default false,
  active_subscriptions integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint account_mrr_owner_check check (num_nonnulls(brand_id, user_id, customer_id) = 1),
  constraint account_mrr_mrr_usd_minor_check check (mrr_usd_minor >= 0)
);
create index account_mrr_brand_id_idx on app_public.account_mrr (brand_id);
create index account_mrr_user_id_idx on app_public.account_mrr (user_id);
create index account_mrr_mrr_usd_minor_idx on app_public.account_mrr (mrr_usd_minor desc, account);
comment on table app_public.account_mrr is $$
@admin.label MRR by account
@admin.singular Account
@admin.group Revenue
@admin.icon leaderboard
@admin.order 410
@admin.list account, brand_id, user_id, customer_id, mrr_usd_minor, active_subscriptions
@behavior -insert -update -delete
Monthly recurring revenue of a brand, a shopper, or a customer nobody is linked to yet, in US cents.$$;
comment on column app_public.account_mrr.account is 'brand:<id>, user:<id> or customer:<Stripe id>.';
comment on constraint account_mrr_pkey on app_public.account_mrr is $$
@error TAKEN account This account is here already.$$;
comment on constraint account_mrr_brand_id_fkey on app_public.account_mrr is $$
@fieldName brand
@foreignFieldName mrr
@error NTFND brand_id There is no such brand.$$;
comment on constraint account_mrr_user_id_fkey on app_public.account_mrr is $$
@fieldName user
@foreignFieldName mrr
@error NTFND user_id There is no such person.$$;
comment on constraint account_mrr_owner_check on app_public.account_mrr is $$
@error INVAL account An account is one brand, person or customer.$$;
comment on constraint account_mrr_mrr_usd_minor_check on app_public.account_mrr is $$
@error INVAL mrr_usd_minor MRR is not negative.$$;

create table app_public.mrr_movements (
  id uuid not null default app_private.uuid_v7() constraint mrr_movements_pkey primary key,
  account text not null constraint mrr_movements_account_fkey references app_public.account_mrr (account) on delete restrict,
  brand_id uuid constraint mrr_movements_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  subscription_id text,
  occurred_at timestamptz not null,
  kind app_public.mrr_movement_kind not null,
  delta_usd_minor bigint not null,
  before_usd_minor bigint not null,
  after_usd_minor bigint not null,
  is_transfer boolean not null default false,
  source_event_id text not null,
  created_at timestamptz not null default now(),
  constraint mrr_movements_source_key unique (source_event_id, account),
  constraint mrr_movements_delta_check check (
    delta_usd_minor <> 0 and delta_usd_minor = after_usd_minor - before_usd_minor and before_usd_minor >= 0 and after_usd_minor >= 0
  ),
  constraint mrr_movements_kind_check check (case kind
    when 'new' then before_usd_minor = 0 and delta_usd_minor > 0
    when 'reactivation' then before_usd_minor = 0 and delta_usd_minor > 0
    when 'expansion' then before_usd_minor > 0 and delta_usd_minor > 0
    when 'contraction' then after_usd_minor > 0 and delta_usd_minor < 0
    when 'churn' then after_usd_minor = 0 and delta_usd_minor < 0
  end)
);
create index mrr_movements_account_idx on app_public.mrr_movements (account, occurred_at, id);
create index mrr_movements_brand_id_idx on app_public.mrr_movements (brand_id, occurred_at desc);
create index mrr_movements_occurred_at_idx on app_public.mrr_movements (occurred_at desc, id);
comment on table app_public.mrr_movements is $$
@admin.label MRR movements
@admin.singular MRR movement
@admin.group Revenue
@admin.icon trending_up
@admin.order 400
@admin.list occurred_at, account, kind, delta_usd_minor, before_usd_minor, after_usd_minor, source_event_id
@behavior -insert -update -delete
Each change of the MRR of an account, with the event that caused it. Append-only; US cents.$$;
comment on column app_public.mrr_movements.is_transfer is 'A customer was linked to another account: the money moved, nothing was won or lost. Left out of waterfalls.';
comment on column app_public.mrr_movements.occurred_at is 'When it happened by Stripe, not when it was heard of.';
comment on constraint mrr_movements_pkey on app_public.mrr_movements is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint mrr_movements_account_fkey on app_public.mrr_movements is $$
@fieldName accountByAccount
@foreignFieldName movements
@error NTFND account There is no such account.$$;
comment on constraint mrr_movements_brand_id_fkey on app_public.mrr_movements is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint mrr_movements_source_key on app_public.mrr_movements is $$
@error TAKEN source_event_id This event has moved this account already.$$;
comment on constraint mrr_movements_delta_check on app_public.mrr_movements is $$
@error INVAL delta_usd_minor A movement is the difference between before and after.$$;
comment on constraint mrr_movements_kind_check on app_public.mrr_movements is $$
@error INVAL kind The kind of a movement follows from before and after.$$;

create table app_public.acquisition_costs (
  id uuid not null default app_private.uuid_v7() constraint acquisition_costs_pkey primary key,
  month date not null,
  segment text not null default 'all',
  brand_id uuid constraint acquisition_costs_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  spend_usd_minor bigint not null,
  gross_margin numeric not null default 0.8,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint acquisition_costs_month_check check (month = date_trunc('month', month)::date),
  constraint acquisition_costs_spend_usd_minor_check check (spend_usd_minor >= 0),
  constraint acquisition_costs_gross_margin_check check (gross_margin between 0 and 1),
  constraint acquisition_costs_segment_check check (length(segment) between 1 and 60),
  constraint acquisition_costs_month_segment_key unique nulls not distinct (month, segment, brand_id)
);
create index acquisition_costs_brand_id_idx on app_public.acquisition_costs (brand_id);
comment on table app_public.acquisition_costs is $$
@admin.label Acquisition costs
@admin.singular Acquisition cost
@admin.group Revenue
@admin.icon campaign
@admin.order 420
@admin.list month, segment, brand_id, spend_usd_minor, gross_margin
@behavior -delete
What sales and marketing cost in a month, and the gross margin of that month: for CAC and LTV.$$;
comment on constraint acquisition_costs_pkey on app_public.acquisition_costs is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint acquisition_costs_brand_id_fkey on app_public.acquisition_costs is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint acquisition_costs_month_check on app_public.acquisition_costs is $$
@error INVAL month A month is given by its first day.$$;
comment on constraint acquisition_costs_spend_usd_minor_check on app_public.acquisition_costs is $$
@error INVAL spend_usd_minor A cost is not negative.$$;
comment on constraint acquisition_costs_gross_margin_check on app_public.acquisition_costs is $$
@error INVAL gross_margin A margin lies between 0 and 1.$$;
comment on constraint acquisition_costs_segment_check on app_public.acquisition_costs is $$
@error INVAL segment A segment has 1 to 60 characters.$$;
comment on constraint acquisition_costs_month_segment_key on app_public.acquisition_costs is $$
@error TAKEN month This month has its costs already.$$;

--------------------------------------------------------------------------------
-- 8030 What a subscription grants, and why: derived from its status and from the
-- metadata of its prices with each event.
--------------------------------------------------------------------------------

create table app_public.subscription_grants (
  subscription_id text not null constraint subscription_grants_subscription_id_fkey
    references app_public.stripe_subscriptions (id) on delete cascade,
  kind app_public.subscription_grant_kind not null,
  brand_id uuid constraint subscription_grants_brand_id_fkey references app_public.brand_accounts (id) on delete restrict,
  user_id uuid constraint subscription_grants_user_id_fkey references app_public.users (id) on delete restrict,
  active boolean not null,
  amount bigint,
  tier text,
  why text not null,
  since timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint subscription_grants_pkey primary key (subscription_id, kind),
  constraint subscription_grants_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  constraint subscription_grants_amount_check check (amount between 1 and 1000000000)
);
create index subscription_grants_brand_id_idx on app_public.subscription_grants (brand_id);
create index subscription_grants_user_id_idx on app_public.subscription_grants (user_id);
comment on table app_public.subscription_grants is $$
@admin.label What plans grant
@admin.singular Grant of a plan
@admin.group Billing
@admin.icon verified
@admin.order 312
@admin.list subscription_id, kind, active, amount, tier, why, since
@behavior -insert -update -delete
What a subscription gives its brand or shopper: pro, credits each month, dataset access, custom models. Kept while active, trialing or past due.$$;
comment on column app_public.subscription_grants.amount is 'Credits a month, where the kind is monthly_credits.';
comment on column app_public.subscription_grants.why is 'The price and the status it follows from.';
comment on constraint subscription_grants_pkey on app_public.subscription_grants is $$
@error TAKEN kind This subscription grants this already.$$;
comment on constraint subscription_grants_subscription_id_fkey on app_public.subscription_grants is $$
@fieldName subscription
@foreignFieldName grants
@error NTFND subscription_id There is no such subscription.$$;
comment on constraint subscription_grants_brand_id_fkey on app_public.subscription_grants is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint subscription_grants_user_id_fkey on app_public.subscription_grants is $$
@fieldName user
@error NTFND user_id There is no such person.$$;
comment on constraint subscription_grants_owner_check on app_public.subscription_grants is $$
@error INVAL brand_id A plan grants to one brand or one person.$$;
comment on constraint subscription_grants_amount_check on app_public.subscription_grants is $$
@error INVAL amount A month has 1 to 1,000,000,000 credits.$$;

--------------------------------------------------------------------------------
-- 7200 Functions and access rules.
--------------------------------------------------------------------------------

--! include functions/audit/tg__audit.sql
--! include functions/audit/row_history.sql
--! include functions/common/idempotency.sql
select app_private.ensure_partitions();
--! include functions/credits/ledger.sql
--! include functions/credits/grants.sql
--! include functions/credits/holds.sql
--! include functions/credits/staff.sql
--! include functions/credits/reconcile.sql
--! include functions/credits/views.sql
--! include functions/tryon/transition.sql
--! include functions/tryon/request.sql
--! include functions/tryon/settle.sql
--! include functions/tryon/worker.sql
--! include functions/tryon/worker_keys.sql
--! include functions/tryon/views.sql
--! include functions/tryon/operations.sql
--! include functions/storage/uploads.sql
--! include policies/_private.sql
--! include policies/wardrobe_categories.sql
--! include policies/storage_objects.sql
--! include policies/tryon_jobs.sql
--! include policies/tryon_job_garments.sql
--! include policies/tryon_job_attempts.sql
--! include policies/tryon_feedback.sql
--! include policies/brand_accounts.sql
--! include policies/worker_keys.sql
--! include policies/credit_accounts.sql
--! include policies/credit_grants.sql
--! include policies/credit_holds.sql
--! include policies/credit_hold_lines.sql
--! include policies/credit_transfers.sql
--! include policies/user_entitlements.sql
--! include functions/session/brand_people.sql

--------------------------------------------------------------------------------
-- 7300 Background: what ran, kept for 14 days. Written by the worker for every
-- run; an error is a sentence, never SQL, a path or data of a person.
--------------------------------------------------------------------------------

drop table if exists app_public.task_runs cascade;
drop type if exists app_public.task_outcome, app_public.background_state cascade;
create type app_public.task_outcome as enum ('ok', 'failed');
-- "failing" is tried again by itself, "dead" has used its attempts.
create type app_public.background_state as enum ('waiting', 'running', 'failing', 'dead');

create table app_public.task_runs (
  id uuid not null default app_private.uuid_v7() constraint task_runs_pkey primary key,
  task text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  outcome app_public.task_outcome not null,
  error text,
  attempt integer not null,
  job_id bigint not null,
  findings integer,
  constraint task_runs_finished_at_check check (finished_at >= started_at),
  constraint task_runs_error_check check ((outcome = 'failed') = (error is not null) and length(error) <= 500),
  constraint task_runs_attempt_check check (attempt >= 1),
  constraint task_runs_findings_check check (findings >= 1)
);
-- The newest of a task, and the newest that failed.
create index task_runs_task_idx on app_public.task_runs (task, id desc);
create index task_runs_outcome_idx on app_public.task_runs (outcome, id desc);
comment on table app_public.task_runs is $$
@admin.label Background runs
@admin.singular Background run
@admin.group Operations
@admin.icon manage_history
@admin.order 900
@admin.list task, outcome, started_at, finished_at, attempt, error
@behavior -insert -update -delete
Every run of a background task in the last 14 days, and how it ended.$$;
comment on column app_public.task_runs.outcome is $$
@admin.widget status
ok or failed; what failed is tried again until its attempts are used.$$;
comment on column app_public.task_runs.error is 'Why it failed, in a sentence; the log has the rest.';
comment on column app_public.task_runs.attempt is 'The how-manieth try of its job.';
comment on column app_public.task_runs.job_id is 'The job of the queue; gone from there once it is done.';
comment on column app_public.task_runs.findings is 'How many faults a check found; null where it found none, and for other tasks.';
comment on constraint task_runs_pkey on app_public.task_runs is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint task_runs_finished_at_check on app_public.task_runs is $$
@error INVAL finished_at A run ends after it began.$$;
comment on constraint task_runs_error_check on app_public.task_runs is $$
@error INVAL error A run that failed, and no other, says why in 500 characters.$$;
comment on constraint task_runs_attempt_check on app_public.task_runs is $$
@error INVAL attempt Attempts count from 1.$$;
comment on constraint task_runs_findings_check on app_public.task_runs is $$
@error INVAL findings Findings are counted from 1.$$;

--! include functions/ops/background.sql
--! include functions/auth/clean_up.sql
--! include policies/task_runs.sql

--------------------------------------------------------------------------------
-- 7310 Pages follow jobs and wallets.
--------------------------------------------------------------------------------

--! include functions/live/live_jobs.sql

--------------------------------------------------------------------------------
-- 7420 The page of a wallet: its history, its days, what is left of its grants.
--------------------------------------------------------------------------------

--! include functions/credits/wallet.sql

--------------------------------------------------------------------------------
-- 8200 Billing: functions and access rules.
--------------------------------------------------------------------------------

--! include functions/billing/mrr.sql
--! include functions/billing/entitlements.sql
--! include functions/billing/apply.sql
--! include functions/billing/process.sql
--! include functions/billing/inbox.sql
--! include functions/billing/paying.sql
--! include functions/billing/figures.sql
--! include functions/billing/reconcile.sql
--! include policies/stripe_events.sql
--! include policies/stripe_mirror.sql
--! include policies/subscription_grants.sql
--! include policies/mrr.sql
--! include policies/fx_rates.sql
--! include policies/acquisition_costs.sql
--! include functions/ops/check_invariants.sql
