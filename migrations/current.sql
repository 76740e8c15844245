-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 7500 Try-ons, faster: a claim opens only the partitions in which a job can wait,
-- a settlement touches only what it changes.
--------------------------------------------------------------------------------

alter table app_public.tryon_jobs drop constraint if exists tryon_jobs_deadline_at_check;
-- Not valid: nothing is read while the table is locked. Validated in a later file.
alter table app_public.tryon_jobs
  add constraint tryon_jobs_deadline_at_check check (deadline_at <= created_at + interval '7 days') not valid;
comment on constraint tryon_jobs_deadline_at_check on app_public.tryon_jobs is $$
@error INVAL deadline_at A try-on waits for seven days at most.$$;

--------------------------------------------------------------------------------
-- 7510 What a brand sees of feedback, as it was when at least k shoppers had added
-- or changed theirs since the last time. Live counts, however coarse, would let two
-- looks before and after one vote tell it.
--------------------------------------------------------------------------------

drop view if exists app_public.brand_tryon_feedback cascade;
drop table if exists app_public.tryon_feedback_figures;
create table app_public.tryon_feedback_figures (
  brand_id uuid not null constraint tryon_feedback_figures_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  category_code text not null constraint tryon_feedback_figures_category_code_fkey
    references app_public.wardrobe_categories (code) on update cascade on delete restrict,
  as_of timestamptz not null,
  people integer not null,
  rated integer not null,
  accurate integer not null,
  agreed integer not null,
  disagreed integer not null,
  raters integer not null,
  ratings integer not null,
  rating_sum integer not null,
  constraint tryon_feedback_figures_pkey primary key (brand_id, category_code),
  constraint tryon_feedback_figures_people_check check (
    people >= 11 and accurate between 0 and rated and people <= rated and raters <= people and ratings between raters and rated
    and agreed <= people and disagreed <= people and agreed + disagreed >= people
  ),
  constraint tryon_feedback_figures_rating_sum_check check (rating_sum between ratings and 5 * ratings)
);
create index tryon_feedback_figures_category_code_idx on app_public.tryon_feedback_figures (category_code);
comment on table app_public.tryon_feedback_figures is $$
@admin.label Published feedback
@admin.singular Published feedback
@admin.group Try-on
@admin.icon rate_review
@admin.order 121
@admin.list brand_id, category_code, as_of, people, rated, accurate
@behavior -insert -update -delete
Feedback of a brand and category as it was published last. Rewritten when at least as many shoppers as the brand's privacy floor have added or changed feedback since.$$;
comment on column app_public.tryon_feedback_figures.as_of is 'When it was counted.';
comment on column app_public.tryon_feedback_figures.people is 'Shoppers who said anything.';
comment on column app_public.tryon_feedback_figures.rated is 'Try-ons that were rated.';
comment on column app_public.tryon_feedback_figures.accurate is 'Of these, where the garment sat where it should.';
comment on column app_public.tryon_feedback_figures.agreed is 'Shoppers who said so at least once; disagreed: who said the opposite.';
comment on column app_public.tryon_feedback_figures.raters is 'Shoppers who gave a rating; ratings: how many they gave; rating_sum: what they add up to.';
comment on constraint tryon_feedback_figures_pkey on app_public.tryon_feedback_figures is $$
@error TAKEN category_code This brand has figures of the category already.$$;
comment on constraint tryon_feedback_figures_brand_id_fkey on app_public.tryon_feedback_figures is $$
@fieldName brand
@error NTFND brand_id There is no such brand.$$;
comment on constraint tryon_feedback_figures_category_code_fkey on app_public.tryon_feedback_figures is $$
@fieldName category
@error NTFND category_code There is no such category.$$;
comment on constraint tryon_feedback_figures_people_check on app_public.tryon_feedback_figures is $$
@error INVAL people Figures are of at least 11 people and add up.$$;
comment on constraint tryon_feedback_figures_rating_sum_check on app_public.tryon_feedback_figures is $$
@error INVAL rating_sum Ratings are 1 to 5.$$;

--! include functions/audit/tg__audit.sql
--! include functions/common/triggers.sql
--! include functions/credits/ledger.sql
--! include functions/tryon/transition.sql
--! include functions/tryon/worker.sql
--! include functions/tryon/worker_keys.sql
--! include functions/tryon/feedback.sql
--! include functions/tryon/views.sql
--! include policies/tryon_feedback.sql

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;
