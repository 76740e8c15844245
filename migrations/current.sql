-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- Live tables: subscribers are told which rows changed.
--------------------------------------------------------------------------------
--! include functions/live/announce_changes.sql
--! include functions/live/live_tables.sql
