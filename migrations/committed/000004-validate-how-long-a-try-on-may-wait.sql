--! Previous: sha1:19dda5011aae2c588a730f5127bb9567461e79f1
--! Hash: sha1:5416e8c71cb55d5553ee7259babc1a97e02780cb
--! Message: Validate how long a try-on may wait

-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 9950 How long a try-on may wait, for the rows that were here before. Reads them
-- all, beside whoever reads and writes them.
--------------------------------------------------------------------------------

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;
