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

--------------------------------------------------------------------------------
-- 5030 Imports of a person. A run belongs to one brand or to one person, and so
-- do its file, what it refused and the run it tries again: of the two keys of
-- each pair exactly one is in force, because exactly one owner is not null.
--------------------------------------------------------------------------------

alter table app_public.import_refusals drop constraint if exists import_refusals_run_id_user_id_fkey;
alter table app_public.import_refusals drop constraint if exists import_refusals_owner_check;
alter table app_public.import_runs drop constraint if exists import_runs_storage_key_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_rerun_of_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_user_id_fkey;
alter table app_public.import_runs drop constraint if exists import_runs_id_user_id_key;
alter table app_public.import_runs drop constraint if exists import_runs_owner_check;
alter table app_public.import_runs drop constraint if exists import_runs_requested_role_check;
alter table app_public.import_runs drop constraint if exists import_runs_catalogue_check;

-- Columns are added, not made anew: a run of a person has no other owner to fall
-- back to. Both tables are small, a few rows for each file ever imported and one
-- for each refused line; the new keys have only nulls to look at.
alter table app_public.import_runs add column if not exists user_id uuid;
alter table app_public.import_runs add column if not exists requested_role text;
alter table app_public.import_runs alter column brand_id drop not null;
alter table app_public.import_refusals add column if not exists user_id uuid;
alter table app_public.import_refusals alter column brand_id drop not null;

alter table app_public.import_runs
  add constraint import_runs_user_id_fkey foreign key (user_id) references app_public.users (id) on delete restrict,
  add constraint import_runs_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  -- A brand's run takes the role its member has at the moment; a person's keeps
  -- the role it was asked for in, or it would run with rights nobody asked with.
  add constraint import_runs_requested_role_check check (
    case when user_id is null then requested_role is null
    else requested_role is not null and requested_role in (
      ':ROLE_USER', ':ROLE_STAFF_SUPPORT', ':ROLE_STAFF_FINANCE', ':ROLE_STAFF_PRIVACY', ':ROLE_STAFF_ADMIN'
    ) end
  ),
  add constraint import_runs_catalogue_check check (method = 'table' or brand_id is not null),
  add constraint import_runs_id_user_id_key unique (id, user_id),
  add constraint import_runs_storage_key_user_id_fkey foreign key (storage_key, user_id)
    references app_public.storage_objects (key, owner_user_id) on delete restrict,
  add constraint import_runs_rerun_of_user_id_fkey foreign key (rerun_of, user_id)
    references app_public.import_runs (id, user_id) on delete restrict;
alter table app_public.import_refusals
  add constraint import_refusals_owner_check check (num_nonnulls(brand_id, user_id) = 1),
  add constraint import_refusals_run_id_user_id_fkey foreign key (run_id, user_id)
    references app_public.import_runs (id, user_id) on delete cascade;

create index if not exists import_runs_user_id_created_at_idx on app_public.import_runs (user_id, created_at desc, id);
create index if not exists import_runs_storage_key_user_id_idx on app_public.import_runs (storage_key, user_id);
create index if not exists import_runs_rerun_of_user_id_idx on app_public.import_runs (rerun_of, user_id);
create index if not exists import_refusals_run_id_user_id_idx on app_public.import_refusals (run_id, user_id);
create index if not exists import_refusals_user_id_idx on app_public.import_refusals (user_id);

comment on table app_public.import_runs is $$
@behavior -insert -update -delete
One file that a brand or a person imported, or is importing: where it stands and what became of its rows. processed = created + updated + unchanged + refused.$$;
comment on column app_public.import_runs.user_id is 'Whose import it is, where it is of no brand.';
comment on column app_public.import_runs.requested_role is 'The role a person''s import runs in, and in no other; null for a brand, whose member''s role of the moment counts.';
comment on column app_public.import_runs.dry_run is 'When true, rows were checked and counted, and nothing was kept.';
comment on constraint import_runs_user_id_fkey on app_public.import_runs is $$
@error NTFND user_id There is no such person.
@fieldName owner
@foreignFieldName ownImportRuns$$;
comment on constraint import_runs_storage_key_user_id_fkey on app_public.import_runs is $$
@error NTFND storage_key The file of this import is gone.
@fieldName ownFile
@foreignFieldName ownImportRuns$$;
comment on constraint import_runs_rerun_of_user_id_fkey on app_public.import_runs is $$
@error NTFND rerun_of There is no such import.
@fieldName ownOriginalRun
@foreignFieldName ownReruns$$;
comment on constraint import_runs_owner_check on app_public.import_runs is '@error INVAL user_id An import is of a brand or of a person.';
comment on constraint import_runs_requested_role_check on app_public.import_runs is '@error INVAL requested_role A person imports in a role of their own.';
comment on constraint import_runs_catalogue_check on app_public.import_runs is '@error INVAL method A catalogue is imported for a brand.';
comment on constraint import_runs_id_user_id_key on app_public.import_runs is '@error TAKEN id A record with this id already exists.';
comment on constraint import_refusals_owner_check on app_public.import_refusals is '@error INVAL user_id A refused line is of a brand or of a person.';
comment on constraint import_refusals_run_id_user_id_fkey on app_public.import_refusals is $$
@error NTFND run_id There is no such import.
@fieldName ownRun
@foreignFieldName ownRefusals$$;

--! include functions/import/owner.sql
--! include functions/import/runs.sql
--! include functions/import/batch.sql
--! include functions/import/table_values.sql
--! include functions/import/table_columns.sql
--! include functions/import/table_batch.sql
--! include functions/import/worker.sql
--! include policies/import_runs.sql
--! include policies/import_refusals.sql

--------------------------------------------------------------------------------
-- 5040 Full-text search in the filter of a list, by a function that a tag names.
--------------------------------------------------------------------------------

--! include functions/catalogue/matching.sql

comment on table app_public.products is $$
@admin.search app_hidden.matching_products
A garment a brand sells and offers for try-on. Its identity within the brand is the SKU.$$;
comment on table app_public.wardrobe_items is $$
@admin.search app_hidden.matching_wardrobe_items
A garment in a shopper's wardrobe. Setting deleted_at hides it, and past try-on jobs keep showing it.
It is the shopper's own.$$;
