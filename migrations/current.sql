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

--! include functions/audit/tg__audit.sql
--! include functions/common/triggers.sql
--! include functions/credits/ledger.sql
--! include functions/tryon/transition.sql
--! include functions/tryon/worker.sql

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;
