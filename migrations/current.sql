-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- Live tables: subscribers are told which rows changed.
--------------------------------------------------------------------------------
--! include functions/live/announce_changes.sql
--! include functions/live/live_tables.sql

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

-- Links that were open when their inviter left end with this migration. A few
-- rows at most: an invitation is open for seven days.
update app_public.brand_invitations as i
set expires_at = now()
where i.accepted_at is null and i.expires_at > now()
  and not app_private.may_invite(i.invited_by, i.brand_id, i.role);
