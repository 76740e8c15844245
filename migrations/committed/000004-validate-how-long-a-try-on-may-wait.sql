--! Previous: sha1:22736502893dad66c53e166fef2c3e2d08de57ce
--! Hash: sha1:0c329c3137735537fc0458cee9d240a7a4f2d72f
--! Message: Validate how long a try-on may wait

-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 9950 How long a try-on may wait, for the rows that were here before. Reads them
-- all, beside whoever reads and writes them.
--------------------------------------------------------------------------------

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;
