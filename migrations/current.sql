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
