--! Previous: sha1:2590f72923f008768b38020aa27aed42d56139c2
--! Hash: sha1:d893d27f9add6a3e32657170a86255c08a0ddc0d
--! Message: Validate how long a try-on may wait

-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 9950 How long a try-on may wait, for the rows that were here before. Reads them
-- all, beside whoever reads and writes them.
--------------------------------------------------------------------------------

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;
