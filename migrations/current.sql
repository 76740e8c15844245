-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--! include functions/billing/process.sql
--! include functions/billing/figures.sql
--! include functions/billing/entitlements.sql
