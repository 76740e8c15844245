--! Previous: sha1:525a29b9671fda923440726445925cc1e5e63b51
--! Hash: sha1:47709d674fb945075ed2c72dc7b2463872b3af57
--! Message: Validate how long a try-on may wait

-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 9950 How long a try-on may wait, for the rows that were here before. Reads them
-- all, beside whoever reads and writes them.
--------------------------------------------------------------------------------

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;
