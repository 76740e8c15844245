-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--!include functions/catalogue/matching.sql
