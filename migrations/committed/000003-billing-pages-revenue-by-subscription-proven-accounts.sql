--! Previous: sha1:babface52a997d0ad4387f740dfdf1c149afe78d
--! Hash: sha1:525a29b9671fda923440726445925cc1e5e63b51
--! Message: Billing pages, revenue by subscription, proven accounts

-- Undo, then do: this file runs again on every save. See CONTRIBUTING.md.

--------------------------------------------------------------------------------
-- 1500 Whose address it is. Anybody may register with any address; a link that went
-- there proves it. Of the passwords that are here already those of staff count.
--------------------------------------------------------------------------------

alter table app_private.user_secrets drop column if exists address_proven_at;
alter table app_private.user_secrets add column address_proven_at timestamptz;
comment on column app_private.user_secrets.address_proven_at is 'When a password was first set by a link; null for one chosen at registration only.';
update app_private.user_secrets s set address_proven_at = s.password_changed_at
from app_public.staff_members t where t.user_id = s.user_id;

--------------------------------------------------------------------------------
-- 1800 Saved views in the audit trail say that they changed, to staff, and no more.
-- What stands there from before is somebody's private words: the one thing ever
-- taken out of the trail. Views of people who have left go with them.
--------------------------------------------------------------------------------

do $do$
declare
  v_part regclass;
begin
  for v_part in select p.relid from pg_partition_tree('app_public.audit_log') p where p.isleaf loop
    execute format('alter table %s disable trigger user', v_part);
    execute format(
      $sql$update %s l
      set brand_id = null, diff = (
        select coalesce(jsonb_object_agg(k.key, case when k.key in ('name', 'view') then '"[redacted]"' else k.value end), '{}')
        from jsonb_each(l.diff) k)
      where l.table_name = 'saved_views' and l.brand_id is not null$sql$, v_part);
    execute format('alter table %s enable trigger user', v_part);
  end loop;
end
$do$;

--------------------------------------------------------------------------------
-- 2500 What is written before or after an amount of a currency.
--------------------------------------------------------------------------------

alter table app_public.currencies drop column if exists signs;
alter table app_public.currencies add column signs text[] not null default '{}'
  constraint currencies_signs_check check (array_to_string(signs, '') !~ '[0-9[:space:]]');
comment on column app_public.currencies.signs is 'In lower case, beside the code; prices in imported files may carry them.';
comment on constraint currencies_signs_check on app_public.currencies is $$
@error INVAL signs A sign has no digit and no blank in it.$$;
update app_public.currencies c set signs = v.signs
from (values
  ('aed', '{د.إ,dh,dhs}'::text[]), ('aud', '{$,a$,au$}'), ('bhd', '{.د.ب,bd}'), ('brl', '{r$}'), ('cad', '{$,c$,ca$}'),
  ('chf', '{fr.,fr,sfr.,sfr}'), ('cny', '{¥,元,rmb}'), ('czk', '{kč}'), ('dkk', '{kr.,kr}'), ('eur', '{€,euro}'), ('gbp', '{£}'),
  ('hkd', '{$,hk$}'), ('huf', '{ft}'), ('ils', '{₪}'), ('inr', '{₹,rs.,rs}'), ('jpy', '{¥,円,yen}'), ('krw', '{₩,원}'),
  ('kwd', '{د.ك,kd}'), ('mxn', '{$,mx$}'), ('nok', '{kr.,kr}'), ('nzd', '{$,nz$}'), ('pln', '{zł}'), ('sar', '{ر.س,sr}'),
  ('sek', '{kr.,kr}'), ('sgd', '{$,s$}'), ('thb', '{฿}'), ('try', '{₺,tl}'), ('usd', '{$,us$}'), ('vnd', '{₫,đ}'), ('zar', '{r}')
) v (code, signs)
where c.code = v.code;

-- Whether a text can be read as a type, as PostgreSQL says from 16 on.
drop function if exists app_hidden.is_valid_input(text, text);
do $do$
begin
  if to_regprocedure('pg_catalog.pg_input_is_valid(text,text)') is not null then
    execute $sql$
      create function app_hidden.is_valid_input(value text, type text) returns boolean
      language sql stable set search_path = pg_catalog, pg_temp
      as 'select pg_input_is_valid(is_valid_input.value, concat(is_valid_input.type))'$sql$;
  else
    execute $sql$
      create function app_hidden.is_valid_input(value text, type text) returns boolean
      language plpgsql stable set search_path = pg_catalog, pg_temp
      as 'begin execute format(''select %L::%s'', is_valid_input.value, is_valid_input.type); return true;
        exception when data_exception or integrity_constraint_violation then return false; end'$sql$;
  end if;
end
$do$;
revoke execute on function app_hidden.is_valid_input(text, text) from public;
grant execute on function app_hidden.is_valid_input(text, text) to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF, :ROLE_WORKER;
comment on function app_hidden.is_valid_input(text, text) is 'Whether a text can be read as a type, named as SQL names it.';

--------------------------------------------------------------------------------
-- 2600 Pictures that no row shows end. Those from before get a week.
--------------------------------------------------------------------------------

update app_public.storage_objects o set retention_until = now() + interval '7 days'
where o.kind = 'garment' and o.status = 'available' and o.retention_until is null
  and not exists (select from app_public.products p where p.image_key = o.key)
  and not exists (select from app_public.wardrobe_items w where w.image_key = o.key);
drop index if exists app_public.wardrobe_items_put_away_idx;
create index wardrobe_items_put_away_idx on app_public.wardrobe_items (deleted_at) where deleted_at is not null and image_key is not null;

--------------------------------------------------------------------------------
-- 7510 What a brand sees of feedback, as it was when at least k shoppers had added
-- or changed theirs since the last time. Live counts, however coarse, would let two
-- looks before and after one vote tell it.
--------------------------------------------------------------------------------

-- What each vote was when it was published: saving the same again is nothing new.
drop table if exists app_private.published_feedback cascade;
create table app_private.published_feedback (
  job_id uuid constraint published_feedback_pkey primary key
    constraint published_feedback_job_id_fkey references app_public.tryon_feedback (job_id) on delete cascade,
  accurate boolean,
  rating smallint
);
comment on table app_private.published_feedback is
  'Feedback as the published figures count it, null where they do not: what tells how many shoppers have said something else since. Reached by functions only.';
comment on constraint published_feedback_pkey on app_private.published_feedback is $$
@error TAKEN job_id This feedback is published already.$$;
comment on constraint published_feedback_job_id_fkey on app_private.published_feedback is $$
@error NTFND job_id There is no such feedback.$$;

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
  ratings_as_of timestamptz,
  raters integer not null default 0,
  ratings integer not null default 0,
  rating_sum integer not null default 0,
  constraint tryon_feedback_figures_pkey primary key (brand_id, category_code),
  constraint tryon_feedback_figures_people_check check (
    people >= 11 and people <= rated and accurate between 0 and rated
    and agreed <= people and disagreed <= people and agreed + disagreed >= people
  ),
  -- Counted at another time than the votes: there may be more of them.
  constraint tryon_feedback_figures_ratings_check check (raters between 0 and ratings and (ratings > 0) = (ratings_as_of is not null)),
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
Feedback of a brand and category as it was published last. Votes, and ratings, are each counted anew when at least as many shoppers as the brand's privacy floor have added or changed theirs since.$$;
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
comment on column app_public.tryon_feedback_figures.ratings_as_of is 'When the ratings were counted; null until enough shoppers gave one.';
comment on constraint tryon_feedback_figures_ratings_check on app_public.tryon_feedback_figures is $$
@error INVAL ratings Ratings are of people, and counted at some time.$$;
comment on constraint tryon_feedback_figures_rating_sum_check on app_public.tryon_feedback_figures is $$
@error INVAL rating_sum Ratings are 1 to 5.$$;

--------------------------------------------------------------------------------
-- 9000 Whom a price is sold to, by its metadata: what its policies go by. Prices
-- are few (hundreds); the columns rewrite the table.
--------------------------------------------------------------------------------

-- The policies that name them are made again below.
alter table app_public.stripe_prices drop column if exists reserved_for cascade;
alter table app_public.stripe_prices drop column if exists sells cascade;
alter table app_public.stripe_prices
  -- A name that says nothing is nobody's: it does not open the price.
  add column reserved_for text not null generated always as (
    case when metadata ->> 'brand_id' is null then '' else coalesce(nullif(lower(btrim(metadata ->> 'brand_id')), ''), 'nobody') end
  ) stored,
  add column sells text not null generated always as (
    case
      when type = 'one_time' then case when metadata ->> 'credits' ~ '^[1-9][0-9]{0,8}$' then 'credits' else 'nothing' end
      when coalesce(metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$', false)
        or coalesce(metadata ->> 'dataset_access' in ('aggregate', 'row'), false)
        or coalesce(metadata ->> 'custom_models' = 'true', false)
        then case when metadata ->> 'pro' = 'true' then 'any_plan' else 'brand_plan' end
      when metadata ->> 'pro' = 'true' then 'shopper_plan'
      else 'nothing'
    end
  ) stored;
create index stripe_prices_reserved_for_idx on app_public.stripe_prices (reserved_for, sells);
comment on column app_public.stripe_prices.reserved_for is 'The brand that its metadata names, which alone may see and choose it; empty for everybody.';
comment on column app_public.stripe_prices.sells is 'credits, brand_plan, shopper_plan, any_plan or nothing: what its metadata makes of it here.';

alter table app_public.stripe_invoices drop column if exists invoice_pdf;
alter table app_public.stripe_invoices add column invoice_pdf text;
comment on column app_public.stripe_invoices.invoice_pdf is 'The invoice as a file at Stripe; only https addresses are kept.';

-- What a customer is shown is found by customer. Refunds and discounts are few.
drop index if exists app_public.stripe_refunds_customer_id_idx;
create index stripe_refunds_customer_id_idx on app_public.stripe_refunds (customer_id, created desc);
drop index if exists app_public.stripe_refunds_invoice_id_idx;
create index stripe_refunds_invoice_id_idx on app_public.stripe_refunds (invoice_id);
drop index if exists app_public.stripe_discounts_customer_id_idx;
create index stripe_discounts_customer_id_idx on app_public.stripe_discounts (customer_id);
drop index if exists app_public.stripe_discounts_coupon_id_idx;
create index stripe_discounts_coupon_id_idx on app_public.stripe_discounts (coupon_id);

--------------------------------------------------------------------------------
-- 9050 What an event costs: indexes, room for new versions of rows, and functions
-- that are planned once.
--------------------------------------------------------------------------------

-- Read with every event of a subscription. The table is small.
drop index if exists app_public.user_entitlements_source_idx;
create index user_entitlements_source_idx on app_public.user_entitlements (source);

-- Written again and again, mostly without a change to what is indexed: room for the
-- new version beside the old one keeps it out of the indexes. For pages to come.
alter table app_public.stripe_subscriptions set (fillfactor = 75);
alter table app_public.stripe_subscription_items set (fillfactor = 75);
alter table app_private.stripe_raw set (fillfactor = 75);

comment on table app_private.stripe_raw is 'The last body of each customer, product, subscription and invoice as Stripe sent it, less what invoices repeat about their customer. Holds personal data; reached by functions only.';

-- Customers that were deleted before their names went with them: few.
update app_public.stripe_customers set email = null, name = null where deleted and (email is not null or name is not null);
update app_private.stripe_raw r
set object = (
  select jsonb_object_agg(k.key, k.value) from jsonb_each(r.object) k
  where k.key in ('id', 'object', 'created', 'currency', 'livemode', 'deleted'))
from app_public.stripe_customers c
where c.deleted and r.id = c.id and r.object - '{id,object,created,currency,livemode,deleted}'::text[] <> '{}';

--------------------------------------------------------------------------------
-- 9100 Revenue by subscription. A movement is the net of an event for an account;
-- its lines say which subscriptions it is made of. With them the past can be told
-- by what was subscribed to, whoever owned it then: a customer that is linked, or
-- linked to somebody else, is no loss and no gain.
--------------------------------------------------------------------------------

drop table if exists app_public.mrr_movement_lines cascade;
create table app_public.mrr_movement_lines (
  id uuid not null default app_private.uuid_v7() constraint mrr_movement_lines_pkey primary key,
  movement_id uuid constraint mrr_movement_lines_movement_id_fkey
    references app_public.mrr_movements (id) on update cascade on delete restrict,
  account text not null constraint mrr_movement_lines_account_fkey
    references app_public.account_mrr (account) on delete restrict,
  subscription_id text not null,
  occurred_at timestamptz not null,
  kind app_public.mrr_movement_kind,
  is_transfer boolean not null,
  delta_usd_minor bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint mrr_movement_lines_movement_id_subscription_id_key unique (movement_id, subscription_id),
  constraint mrr_movement_lines_delta_usd_minor_check check (delta_usd_minor <> 0),
  constraint mrr_movement_lines_kind_check check ((kind is null) = (movement_id is null))
);
create index mrr_movement_lines_account_idx on app_public.mrr_movement_lines (account, subscription_id)
  include (delta_usd_minor, is_transfer, occurred_at);
create index mrr_movement_lines_subscription_id_idx on app_public.mrr_movement_lines (subscription_id, occurred_at desc, id);
comment on table app_public.mrr_movement_lines is $$
@admin.label MRR by subscription
@admin.hidden
@behavior -insert -update -delete
@foreignKey (subscription_id) references app_public.stripe_subscriptions (id)|@fieldName subscription|@foreignFieldName mrrLines
What each movement is made of, by subscription; US cents. Append-only. The lines of a subscription add up to its MRR, those of an account to that of the account, at any moment.$$;
comment on column app_public.mrr_movement_lines.movement_id is 'Null where the total of the account stayed, and its subscriptions changed places within it.';
comment on column app_public.mrr_movement_lines.account is 'Whose the subscription was then: brand:<id>, user:<id> or customer:<Stripe id>.';
comment on column app_public.mrr_movement_lines.kind is 'The kind of the movement, which is that of the account.';
comment on column app_public.mrr_movement_lines.delta_usd_minor is $$
@admin.widget money currency='usd'
US cents.$$;
comment on constraint mrr_movement_lines_pkey on app_public.mrr_movement_lines is $$
@error TAKEN id A record with this id already exists.$$;
comment on constraint mrr_movement_lines_movement_id_fkey on app_public.mrr_movement_lines is $$
@fieldName movement
@foreignFieldName lines
@error NTFND movement_id There is no such movement.$$;
comment on constraint mrr_movement_lines_account_fkey on app_public.mrr_movement_lines is $$
@fieldName accountByAccount
@foreignFieldName mrrLines
@error NTFND account There is no such account.$$;
comment on constraint mrr_movement_lines_movement_id_subscription_id_key on app_public.mrr_movement_lines is $$
@error TAKEN subscription_id This movement has a line of this subscription already.$$;
comment on constraint mrr_movement_lines_delta_usd_minor_check on app_public.mrr_movement_lines is $$
@error INVAL delta_usd_minor A line moves something.$$;
comment on constraint mrr_movement_lines_kind_check on app_public.mrr_movement_lines is $$
@error INVAL kind A line has the kind of its movement.$$;

-- Movements that are here already. Each is of the subscription it names. What a link
-- moved was not written down: what the account had of the one customer, which is
-- found by its sum. Where an event touched several subscriptions, the last lines put
-- that right as of now, without changing any account's total. Of a hundred thousand
-- movements it takes seconds.
do $do$
declare
  v_link record;
begin
  insert into app_public.mrr_movement_lines
    (movement_id, account, subscription_id, occurred_at, kind, is_transfer, delta_usd_minor, created_at)
  select m.id, m.account, m.subscription_id, m.occurred_at, m.kind, m.is_transfer, m.delta_usd_minor, m.created_at
  from app_public.mrr_movements m
  where m.subscription_id is not null;
  for v_link in
    select l.id as lost_id, l.account as loser, l.kind as lost_kind, l.created_at as lost_at,
      g.id as won_id, g.account as winner, g.kind as won_kind, g.created_at as won_at, g.delta_usd_minor as amount, l.occurred_at, e.object_id
    from app_public.mrr_movements l
    join app_public.mrr_movements g on g.source_event_id = l.source_event_id and g.account <> l.account
      and g.delta_usd_minor = -l.delta_usd_minor and g.subscription_id is null
    left join app_public.stripe_events e on 'link:' || e.id = l.source_event_id and e.type like 'customer.%'
    where l.subscription_id is null and l.delta_usd_minor < 0
    order by l.created_at
  loop
    with had as (
      select x.subscription_id, s.customer_id, sum(x.delta_usd_minor) as mrr
      from app_public.mrr_movement_lines x join app_public.stripe_subscriptions s on s.id = x.subscription_id
      where x.account = v_link.loser and x.created_at < v_link.lost_at
      group by 1, 2 having sum(x.delta_usd_minor) > 0
    ), moved as (
      select h.customer_id from had h group by 1 having sum(h.mrr) = v_link.amount
      order by h.customer_id = v_link.object_id desc nulls last, h.customer_id limit 1
    )
    insert into app_public.mrr_movement_lines
      (movement_id, account, subscription_id, occurred_at, kind, is_transfer, delta_usd_minor, created_at)
    select side.movement_id, side.account, h.subscription_id, v_link.occurred_at, side.kind, true, side.sign * h.mrr, side.created_at
    from had h join moved c on c.customer_id = h.customer_id
    cross join (values
      (v_link.lost_id, v_link.loser, v_link.lost_kind, -1, v_link.lost_at),
      (v_link.won_id, v_link.winner, v_link.won_kind, 1, v_link.won_at)
    ) side (movement_id, account, kind, sign, created_at);
  end loop;
  -- Those that no customer's sum explains.
  insert into app_public.mrr_movement_lines
    (movement_id, account, subscription_id, occurred_at, kind, is_transfer, delta_usd_minor, created_at)
  select m.id, m.account, 'unknown', m.occurred_at, m.kind, m.is_transfer, m.delta_usd_minor, m.created_at
  from app_public.mrr_movements m
  where not exists (select from app_public.mrr_movement_lines l where l.movement_id = m.id);
  -- At the end of whoever has the subscription now and at the beginning of everybody
  -- else, so that the last line to bring it says whose it is.
  insert into app_public.mrr_movement_lines (movement_id, account, subscription_id, occurred_at, kind, is_transfer, delta_usd_minor)
  select null, coalesce(n.account, o.account), coalesce(n.id, o.subscription_id),
    (select case when n.id is null then min(m.occurred_at) else max(m.occurred_at) end
      from app_public.mrr_movements m where m.account = coalesce(n.account, o.account)),
    null, true, coalesce(n.mrr, 0) - coalesce(o.mrr, 0)
  from (
    select coalesce('brand:' || c.brand_id, 'user:' || c.user_id, 'customer:' || s.customer_id) as account, s.id, s.mrr_usd_minor as mrr
    from app_public.stripe_subscriptions s left join app_public.stripe_customers c on c.id = s.customer_id
  ) n
  full join (
    select l.account, l.subscription_id, sum(l.delta_usd_minor) as mrr from app_public.mrr_movement_lines l group by 1, 2
  ) o on o.account = n.account and o.subscription_id = n.id
  where coalesce(n.mrr, 0) <> coalesce(o.mrr, 0);
end
$do$;

-- When the run began whose first day gave the exchange rate: what an event tells of
-- an earlier time changes the rate only where it changes that. Filled below.
alter table app_public.stripe_subscriptions drop column if exists fx_since;
alter table app_public.stripe_subscriptions add column fx_since timestamptz;
comment on column app_public.stripe_subscriptions.fx_since is 'When it began to pay without a break in this currency: the rate is of that day. Null in US dollars, and while it pays nothing.';

--------------------------------------------------------------------------------
-- 9110 Who decided whose a customer is: the first event to name an owner, or staff.
-- Not beside the customer, which its owner reads: the newest event may name
-- another brand, and of that the first one must not learn.
--------------------------------------------------------------------------------

-- The mirror, and whom its customers are linked to by event, can be told again
-- from the inbox; what staff decided stands in the audit log and stays linked.
drop table if exists app_private.stripe_customer_owners cascade;
create table app_private.stripe_customer_owners (
  customer_id text constraint stripe_customer_owners_pkey primary key,
  event_created timestamptz,
  event_id text,
  by_staff boolean not null default false,
  decided_at timestamptz,
  named_brand_id uuid,
  named_user_id uuid,
  named_at timestamptz,
  constraint stripe_customer_owners_named_check check (num_nonnulls(named_brand_id, named_user_id) <= 1)
);
comment on table app_private.stripe_customer_owners is
  'Why a Stripe customer is linked as it is: the first event that named an owner (event_*), or staff (by_staff); and whom the newest event names (named_*). Reached by functions only.';
comment on constraint stripe_customer_owners_pkey on app_private.stripe_customer_owners is $$
@error TAKEN customer_id This customer is here already.$$;
comment on constraint stripe_customer_owners_named_check on app_private.stripe_customer_owners is $$
@error INVAL named_brand_id An event names a brand or a person, not both.$$;
-- Links of before this table: who made them is in the audit log where it was staff.
insert into app_private.stripe_customer_owners (customer_id, by_staff, decided_at)
select a.row_pk, true, max(a.occurred_at) from app_public.audit_log a
where a.action = 'link_stripe_customer' and a.table_name = 'stripe_customers'
group by a.row_pk;

--------------------------------------------------------------------------------
-- 9115 Who paid what. A refund of late versions of the API names a charge or a
-- payment, and neither customer nor invoice.
--------------------------------------------------------------------------------

drop table if exists app_private.stripe_payments cascade;
create table app_private.stripe_payments (
  id text constraint stripe_payments_pkey primary key,
  customer_id text,
  invoice_id text
);
comment on table app_private.stripe_payments is
  'Whose a charge (ch_…) or payment (pi_…) is, and which invoice it pays, as far as events have said so: what a refund is found by. A fact, not a state: it is filled in, and never changed. Reached by functions only.';
comment on constraint stripe_payments_pkey on app_private.stripe_payments is $$
@error TAKEN id This payment is here already.$$;
drop index if exists app_public.stripe_refunds_payment_intent_id_idx;
create index stripe_refunds_payment_intent_id_idx on app_public.stripe_refunds (payment_intent_id);

-- Which owner of a plan had the credits of a month: a customer that is linked to
-- somebody else takes along what is left of them.
drop index if exists app_public.credit_grants_plan_idx;
create index credit_grants_plan_idx on app_public.credit_grants (note, period_start) where source = 'subscription';

--------------------------------------------------------------------------------
-- 9120 What the pages of finance filter and lead by.
--------------------------------------------------------------------------------

alter table app_public.stripe_subscriptions drop column if exists is_ending;
alter table app_public.stripe_subscriptions drop column if exists collection_paused;
alter table app_public.stripe_subscriptions
  add column is_ending boolean not null generated always as (
    (cancel_at_period_end or cancel_at is not null) and status not in ('canceled', 'incomplete_expired')) stored,
  add column collection_paused boolean not null generated always as (pause_collection is not null) stored;
comment on column app_public.stripe_subscriptions.is_ending is $$
@admin.label Ends
@behavior +filterBy
It will end by itself: at the end of the period, or at cancel_at. Until then it counts.$$;
comment on column app_public.stripe_subscriptions.collection_paused is $$
@admin.label Collection paused
@behavior +filterBy
Invoices are not collected; MRR is unchanged, and at risk.$$;
comment on column app_public.stripe_subscriptions.mrr_state is $$
@admin.widget status
@behavior +filterBy
needs_review: counted as 0 until somebody looks; mrr_note says why.$$;
comment on column app_public.stripe_subscriptions.currency is '@behavior +filterBy';
comment on column app_public.stripe_subscriptions.mrr_minor is $$
@admin.widget money currency=currency
MRR in the minor unit of the currency, rounded once.$$;
comment on column app_public.stripe_subscriptions.mrr_usd_minor is $$
@admin.widget money currency='usd'
MRR in US cents at the pinned rate.$$;
drop index if exists app_public.stripe_subscriptions_started_at_idx;
create index stripe_subscriptions_started_at_idx on app_public.stripe_subscriptions (started_at desc, id);

comment on column app_public.mrr_movements.kind is $$
@admin.widget status
@behavior +filterBy
new, reactivation (it has paid before), expansion, contraction or churn, of the account.$$;
comment on column app_public.mrr_movements.is_transfer is $$
@admin.label Transfer
@behavior +filterBy
A customer was linked to another account: the money moved, nothing was won or lost. Left out of waterfalls.$$;
comment on column app_public.mrr_movements.delta_usd_minor is $$
@admin.label Change
@admin.widget money currency='usd'
@behavior +filterBy
US cents.$$;
comment on column app_public.mrr_movements.before_usd_minor is $$
@admin.label Before
@admin.widget money currency='usd'
US cents.$$;
comment on column app_public.mrr_movements.after_usd_minor is $$
@admin.label After
@admin.widget money currency='usd'
US cents.$$;
drop index if exists app_public.mrr_movements_subscription_id_idx;
create index mrr_movements_subscription_id_idx on app_public.mrr_movements (subscription_id, occurred_at desc);

comment on column app_public.account_mrr.mrr_usd_minor is $$
@admin.label MRR
@admin.widget money currency='usd'
US cents.$$;
comment on column app_public.acquisition_costs.spend_usd_minor is $$
@admin.label Spend
@admin.widget money currency='usd'
Sales and marketing, in US dollars.$$;
comment on column app_public.acquisition_costs.gross_margin is $$
@admin.label Gross margin
@admin.widget percent
What is left of revenue after the cost of serving it; 80 % where nothing is entered.$$;
comment on column app_public.acquisition_costs.month is 'The first day of the month.';
comment on column app_public.acquisition_costs.brand_id is $$
@admin.label For one brand
Where the money was spent to win this brand: then the leaderboard says what it is worth against that.$$;
drop index if exists app_public.acquisition_costs_month_idx;
create index acquisition_costs_month_idx on app_public.acquisition_costs (month desc, id);
comment on column app_public.fx_rates.usd_per_unit is $$
@admin.label US dollars for one
What one unit of the currency is worth, 1.085 for example.$$;

comment on column app_public.stripe_prices.unit_amount_decimal is $$
@admin.label Amount
@admin.widget money currency=currency
In the minor unit of the currency, up to 12 decimals; null where there are tiers.$$;
comment on column app_public.stripe_coupons.amount_off is $$
@admin.widget money currency=currency
Minor units.$$;
do $do$
declare
  v_column text;
begin
  foreach v_column in array array['subtotal', 'discount', 'tax', 'total', 'amount_due', 'amount_paid', 'amount_remaining'] loop
    execute format('comment on column app_public.stripe_invoices.%I is %L', v_column, E'@admin.widget money currency=currency\nMinor units.');
  end loop;
end
$do$;
comment on column app_public.stripe_invoices.status is $$
@admin.widget status
@behavior +filterBy
draft, open, paid, uncollectible or void.$$;
comment on column app_public.stripe_refunds.status is $$
@admin.widget status
pending, requires_action, succeeded, failed or canceled.$$;
comment on column app_public.stripe_events.duplicates is $$
@behavior +filterBy
How often it was delivered again.$$;
comment on column app_public.stripe_events.last_error is $$
@admin.label Error
@behavior +filterBy
Why it could not be put into effect.$$;

-- No foreign keys between what arrives in any order, but the way from one to the
-- other all the same.
comment on table app_public.stripe_subscriptions is $$
@admin.label Subscriptions
@admin.singular Subscription
@admin.group Revenue
@admin.icon autorenew
@admin.order 402
@admin.list id, customer_id, status, mrr_usd_minor, currency, mrr_state, is_ending, started_at
@behavior -insert -update -delete
@foreignKey (customer_id) references app_public.stripe_customers (id)|@fieldName customer|@foreignFieldName subscriptions
A subscription as Stripe last told it, with its monthly recurring revenue.$$;
comment on table app_public.stripe_subscription_items is $$
@admin.label Subscription items
@admin.hidden
@behavior -insert -update -delete
@foreignKey (price_id) references app_public.stripe_prices (id)|@fieldName price|@foreignFieldName items
What a subscription consists of.$$;
comment on table app_public.stripe_prices is $$
@admin.label Prices
@admin.singular Price
@admin.group Billing
@admin.icon price_change
@admin.order 351
@admin.list id, product_id, unit_amount_decimal, interval, interval_count, usage_type, active
@behavior -insert -update -delete
@foreignKey (product_id) references app_public.stripe_products (id)|@fieldName product|@foreignFieldName prices
A price at Stripe. Its metadata says what a subscription grants: pro, monthly_credits, dataset_access, custom_models, and credits for a one-off purchase.$$;
comment on table app_public.stripe_products is $$
@admin.label Plans
@admin.singular Plan
@admin.group Billing
@admin.icon sell
@admin.order 350
@admin.list name, id, active
@behavior -insert -update -delete
A product at Stripe.$$;
comment on column app_public.stripe_prices.interval_count is '@admin.label Every';
comment on table app_public.stripe_invoices is $$
@admin.label Invoices
@admin.singular Invoice
@admin.group Billing
@admin.icon receipt
@admin.order 320
@admin.list number, customer_id, status, total, amount_remaining, created, due_date, paid_at
@admin.represent number
@behavior -insert -update -delete
@foreignKey (customer_id) references app_public.stripe_customers (id)|@fieldName customer|@foreignFieldName invoices
@foreignKey (subscription_id) references app_public.stripe_subscriptions (id)|@fieldName subscription|@foreignFieldName invoices
An invoice at Stripe. Never a source of MRR.$$;
comment on table app_public.stripe_refunds is $$
@admin.label Refunds
@admin.singular Refund
@admin.group Billing
@admin.icon undo
@admin.order 321
@admin.list created, amount, status, reason, invoice_id, charge_id
@behavior -insert -update -delete
@foreignKey (invoice_id) references app_public.stripe_invoices (id)|@fieldName invoice|@foreignFieldName refunds
Money given back.$$;
comment on table app_public.mrr_movements is $$
@admin.label MRR movements
@admin.singular MRR movement
@admin.group Revenue
@admin.icon trending_up
@admin.order 401
@admin.list occurred_at, account, kind, delta_usd_minor, before_usd_minor, after_usd_minor, source_event_id
@behavior -insert -update -delete
@foreignKey (subscription_id) references app_public.stripe_subscriptions (id)|@fieldName subscription|@foreignFieldName movements
Each change of the MRR of an account, with the event that caused it. Append-only; US cents.$$;
comment on table app_public.stripe_events is $$
@admin.label Stripe inbox
@admin.singular Stripe event
@admin.group Revenue
@admin.icon inbox
@admin.order 405
@admin.list created, type, object_id, status, attempts, duplicates, last_error
@behavior -insert -update -delete
Every event Stripe delivered, once, and what became of it.$$;
comment on table app_public.stripe_customers is $$
@admin.label Stripe customers
@admin.singular Stripe customer
@admin.group Revenue
@admin.icon contact_page
@admin.order 404
@admin.list id, email, name, brand_id, user_id, currency, created
@admin.represent email
@behavior -insert -update -delete
A customer at Stripe: a brand, a shopper, or nobody we know yet.$$;
comment on table app_public.account_mrr is $$
@admin.label MRR by account
@admin.singular Account
@admin.group Revenue
@admin.icon leaderboard
@admin.order 410
@admin.list account, brand_id, user_id, customer_id, mrr_usd_minor, active_subscriptions
@behavior -insert -update -delete
@foreignKey (customer_id) references app_public.stripe_customers (id)|@fieldName customer|@foreignFieldName accounts
Monthly recurring revenue of a brand, a shopper, or a customer nobody is linked to yet, in US cents.$$;
comment on table app_public.fx_rates is $$
@admin.label Exchange rates
@admin.singular Exchange rate
@admin.group Revenue
@admin.icon currency_exchange
@admin.order 430
@admin.list currency, rate_date, usd_per_unit
@behavior -delete
US dollars per unit of a currency, by day. A subscription pins the newest rate at or before its activation.$$;

--------------------------------------------------------------------------------
-- 9900 Functions and access rules.
--------------------------------------------------------------------------------

--! Included functions/audit/tg__audit.sql
-- The audit trail writes one row per changed row, from statement triggers with
-- transition tables: one insert for a batch of a thousand.
create or replace function app_private.row_diff(before jsonb, after jsonb, redacted text[]) returns jsonb
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    jsonb_object_agg(
      k.key,
      case when k.key = any (redacted) then '"[redacted]"'::jsonb
      else jsonb_build_array(before -> k.key, after -> k.key) end
    ), '{}'
  )
  from (select jsonb_object_keys(coalesce(after, before)) as key) k
  where k.key not in ('fts', 'updated_at', 'created_at')
    and (before -> k.key) is distinct from (after -> k.key)
    -- A new row says what it holds, not what it lacks.
    and not (before is null and after -> k.key = 'null'::jsonb)
$$;
comment on function app_private.row_diff(jsonb, jsonb, text[]) is 'Changed columns as {column: [before, after]}; redacted ones say only that they changed.';
revoke execute on function app_private.row_diff(jsonb, jsonb, text[]) from public;

create or replace function app_private.row_pk(value jsonb, columns text[]) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(value ->> c.name, ',' order by c.position)
  from unnest(columns) with ordinality as c (name, position)
$$;
comment on function app_private.row_pk(jsonb, text[]) is 'The primary key of a row as text; parts joined by a comma.';
revoke execute on function app_private.row_pk(jsonb, text[]) from public;

-- Arguments: primary key columns, redacted columns, the column that names the
-- brand ('' for none), columns whose change alone leaves no trace. Definer, because nobody may insert into audit_log.
create or replace function app_private.tg__audit() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- The plan of the first call is kept: made for one row, it would compare every new
-- row with every old one in the next statement of a thousand.
set enable_nestloop = off
as $$
declare
  v_pk text[] := TG_ARGV[0]::text[];
  v_redacted text[] := TG_ARGV[1]::text[];
  v_brand text := TG_ARGV[2];
  -- Triggers from before there was a fourth argument have none.
  v_ignored text[] := coalesce(TG_ARGV[3], '{}')::text[];
  v_unnoted text[] := v_ignored || '{updated_at}';
  v_kind text := app_hidden.current_actor_kind();
  v_actor uuid := coalesce(app_hidden.current_user_id(), app_hidden.current_api_key_id());
  v_impersonator uuid := app_hidden.current_impersonator_id();
  v_request text := app_hidden.current_request_id();
begin
  -- A statement that touched no row costs next to nothing.
  if TG_OP = 'DELETE' then
    if not exists (select from old_rows) then
      return null;
    end if;
  elsif not exists (select from new_rows) then
    return null;
  end if;
  if TG_OP = 'INSERT' then
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.after ->> v_brand)::uuid, 'insert', TG_TABLE_NAME,
      app_private.row_pk(r.after, v_pk), '{}', app_private.row_diff(null, r.after, v_redacted), v_request
    from (select to_jsonb(n) as after from new_rows n) r;
  elsif TG_OP = 'UPDATE' then
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.after ->> v_brand)::uuid, 'update', TG_TABLE_NAME,
      r.pk, array(select jsonb_object_keys(d.diff)), d.diff, v_request
    from (
      select n.pk, o.before, n.after
      -- offset 0: each row becomes JSON once, however often it is named.
      from (
        select app_private.row_pk(x.after, v_pk) as pk, x.after
        from (select to_jsonb(t) as after from new_rows t offset 0) x offset 0
      ) n
      join (
        select app_private.row_pk(x.before, v_pk) as pk, x.before
        from (select to_jsonb(t) as before from old_rows t offset 0) x offset 0
      ) o on o.pk = n.pk and o.before - v_unnoted <> n.after - v_unnoted
    ) r
    cross join lateral (select app_private.row_diff(r.before, r.after, v_redacted) as diff) d
    where d.diff - v_ignored <> '{}';
  else
    insert into app_public.audit_log
      (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, changed_columns, diff, request_id)
    select v_kind, v_actor, v_impersonator, (r.before ->> v_brand)::uuid, 'delete', TG_TABLE_NAME,
      app_private.row_pk(r.before, v_pk), '{}', app_private.row_diff(r.before, null, v_redacted), v_request
    from (select to_jsonb(o) as before from old_rows o) r;
  end if;
  return null;
end
$$;
comment on function app_private.tg__audit() is 'Writes the changed rows of one statement to the audit log, as the person of the request.';
revoke execute on function app_private.tg__audit() from public;

drop procedure if exists app_private.audit_table(text, text[], text[], text);
drop procedure if exists app_private.audit_table(text, text[], text[], text, text[]);
create procedure app_private.audit_table(target text, pk text[], redacted text[] default '{}', brand_column text default '',
  ignored text[] default '{}')
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_args text := format('%L, %L, %L, %L', pk, redacted, brand_column, ignored);
begin
  execute format('drop trigger if exists _800_audit_insert on %s', target::regclass);
  execute format('drop trigger if exists _800_audit_update on %s', target::regclass);
  execute format('drop trigger if exists _800_audit_delete on %s', target::regclass);
  execute format(
    'create trigger _800_audit_insert after insert on %s referencing new table as new_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
  execute format(
    'create trigger _800_audit_update after update on %s referencing old table as old_rows new table as new_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
  execute format(
    'create trigger _800_audit_delete after delete on %s referencing old table as old_rows '
    'for each statement execute function app_private.tg__audit(%s)', target::regclass, v_args);
end
$$;
comment on procedure app_private.audit_table(text, text[], text[], text, text[]) is 'Puts the three audit triggers on a table: its key columns, columns to redact, the column that names the brand, and columns whose change alone is not written down.';
--! EndIncluded functions/audit/tg__audit.sql
--! Included functions/session/one_owner.sql
-- Whether somebody can act for a brand as its owner: a suspended person cannot.
drop function if exists app_private.has_owner(uuid);
create function app_private.has_owner(brand_id uuid) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from app_public.brand_members m join app_public.users u on u.id = m.user_id and u.status = 'active'
    where m.brand_id = has_owner.brand_id and m.role = 'owner'
  )
$$;
revoke execute on function app_private.has_owner(uuid) from public;
comment on function app_private.has_owner(uuid) is 'Whether a brand has an owner whose account is active.';

-- A brand never loses its last owner. Deferred, so that ownership can be handed
-- over in one transaction in either order. The brand row is locked first and the
-- owners are counted in the next statement, with a fresh snapshot: two owners
-- who resign at the same moment cannot both succeed.
create or replace function app_private.tg_brand_members__one_owner() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform 1 from app_public.brand_accounts where id = OLD.brand_id for no key update;
  if not found then
    return null;
  end if;
  if not app_private.has_owner(OLD.brand_id) then
    raise exception 'A brand needs at least one active owner'
      using errcode = 'LASTO', column = 'role',
        hint = 'Make another member an owner first';
  end if;
  return null;
end
$$;
revoke execute on function app_private.tg_brand_members__one_owner() from public;
comment on function app_private.tg_brand_members__one_owner() is 'At commit: refuses to leave a brand without an active owner (LASTO).';

drop trigger if exists _700_one_owner on app_public.brand_members;
create constraint trigger _700_one_owner
  after update of role or delete on app_public.brand_members
  deferrable initially deferred
  for each row when (OLD.role = 'owner')
  execute function app_private.tg_brand_members__one_owner();
--! EndIncluded functions/session/one_owner.sql
--! Included functions/session/left_views.sql
-- Who leaves a brand takes along the views nobody else saw; what was shared stays,
-- and a manager may change or remove it.
create or replace function app_private.tg_brand_members__left_views() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from app_public.saved_views v
  where v.brand_id = OLD.brand_id and v.user_id = OLD.user_id and not v.is_shared;
  return null;
end
$$;
revoke execute on function app_private.tg_brand_members__left_views() from public;
comment on function app_private.tg_brand_members__left_views() is 'Removes the private views that a member who leaves kept in the brand.';
create or replace trigger _500_left_views after delete on app_public.brand_members
  for each row execute function app_private.tg_brand_members__left_views();
--! EndIncluded functions/session/left_views.sql
--! Included functions/auth/_passwords.sql
-- How a password becomes a hash. bcrypt reads 72 bytes and no more, so that two
-- long passwords with the same beginning would be one: a digest of the whole
-- password goes in instead.

drop function if exists app_private.hash_password(text);
create function app_private.hash_password(password text) returns text
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select app_extensions.crypt(
    encode(sha256(convert_to(hash_password.password, 'UTF8')), 'base64'),
    -- Cost 11 or more; a test reads it off a stored hash.
    app_extensions.gen_salt('bf', 11)
  )
$$;
revoke execute on function app_private.hash_password(text) from public;
comment on function app_private.hash_password(text) is 'The stored form of a password: bcrypt, cost 11, over a SHA-256 of it.';

drop function if exists app_private.verify_password(text, text);
create function app_private.verify_password(password text, password_hash text) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  -- Without a hash (nobody has this address, or no password was ever set) the
  -- same work is done against a hash nothing matches, so that the time an
  -- answer takes does not tell who exists.
  select app_extensions.crypt(
    encode(sha256(convert_to(coalesce(verify_password.password, ''), 'UTF8')), 'base64'),
    coalesce(verify_password.password_hash, '$2a$11$C6UzMDM.H6dfI/f/IKcEeO7ZXUoHYVJHUlWvUGLVMEuG1F9HGnmBO')
  ) = verify_password.password_hash is true
$$;
revoke execute on function app_private.verify_password(text, text) from public;
comment on function app_private.verify_password(text, text) is 'Whether the password fits the hash; takes as long when there is no hash.';

drop function if exists app_private.assert_new_password(text, text);
create function app_private.assert_new_password(password text, email text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if assert_new_password.password is null or length(assert_new_password.password) < 10 then
    raise exception 'The password needs at least 10 characters'
      using errcode = 'INVAL', column = 'password', hint = 'A few words in a row are easy to remember and hard to guess';
  end if;
  if length(assert_new_password.password) > 1000 then
    raise exception 'The password may have at most 1000 characters'
      using errcode = 'INVAL', column = 'password', hint = 'Choose a shorter one';
  end if;
  if lower(assert_new_password.password) = lower(assert_new_password.email) then
    raise exception 'The password must not be the e-mail address'
      using errcode = 'INVAL', column = 'password', hint = 'Choose something others do not know';
  end if;
end
$$;
revoke execute on function app_private.assert_new_password(text, text) from public;
comment on function app_private.assert_new_password(text, text) is 'Raises INVAL when a new password is too short, too long or the e-mail itself.';

drop function if exists app_private.store_password(uuid, text);
drop function if exists app_private.store_password(uuid, text, boolean);
create function app_private.store_password(user_id uuid, password text, proven boolean) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.user_secrets as s (user_id, password_hash, password_changed_at, address_proven_at)
  values (store_password.user_id, app_private.hash_password(store_password.password), now(), case when store_password.proven then now() end)
  on conflict (user_id) do update
    set password_hash = excluded.password_hash,
        password_changed_at = excluded.password_changed_at,
        address_proven_at = coalesce(s.address_proven_at, excluded.address_proven_at),
        updated_at = now()
$$;
revoke execute on function app_private.store_password(uuid, text, boolean) from public;
comment on function app_private.store_password(uuid, text, boolean) is
  'Hashes and keeps a password; the caller has checked who asks. Proven: it was set by a link that went to the address, or that somebody handed to the person.';

drop function if exists app_private.end_password_resets(uuid);
create function app_private.end_password_resets(user_id uuid) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  update app_private.password_resets r set used_at = now() where r.user_id = end_password_resets.user_id and r.used_at is null;
  delete from app_private.password_reset_requests q where q.user_id = end_password_resets.user_id;
$$;
revoke execute on function app_private.end_password_resets(uuid) from public;
comment on function app_private.end_password_resets(uuid) is 'Ends every link with which a password could still be set, and the wish for one.';

drop function if exists app_private.note_password_change(uuid, text);
create function app_private.note_password_change(user_id uuid, action text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, request_id)
  values (
    'user', note_password_change.user_id, app_hidden.current_impersonator_id(), note_password_change.action,
    'users', note_password_change.user_id::text, app_hidden.current_request_id()
  )
$$;
revoke execute on function app_private.note_password_change(uuid, text) from public;
comment on function app_private.note_password_change(uuid, text) is 'Leaves the fact, never the password, in the audit trail: a person asks when it was changed.';
--! EndIncluded functions/auth/_passwords.sql
--! Included functions/auth/sign_in.sql
-- Sign-in answers with an outcome instead of raising, because a raised error
-- would roll back the failure it has to count.
--
-- Nobody learns which addresses exist: unknown ones are counted and locked like
-- known ones, and both answers cost one bcrypt. The throttle row is locked
-- first, so that a burst of guesses is counted one by one.

drop function if exists app_private.check_credentials(text, text);
create function app_private.check_credentials(email text, password text)
returns table (outcome text, user_id uuid, retry_after_seconds integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  c_attempts constant integer := 10;
  c_lock constant interval := interval '15 minutes';
  v_email text := lower(btrim(check_credentials.email));
  v_throttle app_private.login_throttle;
  v_user_id uuid;
  v_password_hash text;
  v_fits boolean;
begin
  -- Longer than any address we store: not worth a throttle row.
  if v_email is null or length(v_email) not between 1 and 254 then
    perform app_private.verify_password(check_credentials.password, null);
    return query select 'LOGIN', null::uuid, null::integer;
    return;
  end if;

  insert into app_private.login_throttle as t (email) values (v_email) on conflict on constraint login_throttle_pkey do nothing;
  select t.* into v_throttle from app_private.login_throttle as t where t.email = v_email for update;

  if v_throttle.locked_until > clock_timestamp() then
    return query select 'LOCKD', null::uuid,
      ceil(extract(epoch from v_throttle.locked_until - clock_timestamp()))::integer;
    return;
  end if;

  select u.id, s.password_hash into v_user_id, v_password_hash
  from app_public.users as u
  left join app_private.user_secrets as s on s.user_id = u.id
  where u.email = v_email and u.status = 'active';
  v_fits := app_private.verify_password(check_credentials.password, v_password_hash);

  if v_user_id is not null and v_fits then
    delete from app_private.login_throttle as t where t.email = v_email;
    return query select 'OK', v_user_id, null::integer;
    return;
  end if;

  update app_private.login_throttle as t
  set failed_attempts = f.attempts,
      locked_until = case when f.attempts >= c_attempts then clock_timestamp() + c_lock end,
      updated_at = clock_timestamp()
  from (
    -- A lock that has run out starts the count anew.
    select case when v_throttle.locked_until is null then v_throttle.failed_attempts else 0 end + 1 as attempts
  ) as f
  where t.email = v_email;
  return query select 'LOGIN', null::uuid, null::integer;
end
$$;
revoke execute on function app_private.check_credentials(text, text) from public;
comment on function app_private.check_credentials(text, text) is
  'OK with the person, LOGIN, or LOCKD with the seconds to wait: 15 minutes after 10 failures in a row, for known and unknown addresses alike.';

drop function if exists app_private.sign_in(text, text, bytea, bytea);
create function app_private.sign_in(email text, password text, session_hash bytea, previous_session_hash bytea)
returns table (outcome text, user_id uuid, retry_after_seconds integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_check record;
begin
  select c.* into v_check from app_private.check_credentials(sign_in.email, sign_in.password) as c;
  if v_check.outcome = 'OK' then
    -- The session a browser came with ends here: its id may have been planted.
    update app_private.sessions as s set revoked_at = now()
    where s.token_hash = sign_in.previous_session_hash and s.revoked_at is null;
    perform app_private.open_session(v_check.user_id, sign_in.session_hash, null);
  end if;
  return query select v_check.outcome, v_check.user_id, v_check.retry_after_seconds;
end
$$;
revoke execute on function app_private.sign_in(text, text, bytea, bytea) from public;
grant execute on function app_private.sign_in(text, text, bytea, bytea) to :ROLE_APP;
comment on function app_private.sign_in(text, text, bytea, bytea) is
  'Checks the password and opens a new session; the outcome is OK, LOGIN or LOCKD.';

drop function if exists app_private.sign_out(bytea);
create function app_private.sign_out(session_hash bytea) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_private.sessions as s set revoked_at = now()
  where s.token_hash = sign_out.session_hash and s.revoked_at is null
$$;
revoke execute on function app_private.sign_out(bytea) from public;
grant execute on function app_private.sign_out(bytea) to :ROLE_APP;
comment on function app_private.sign_out(bytea) is 'Ends a session; an unknown one is no error.';

drop function if exists app_private.switch_brand(bytea, uuid);
create function app_private.switch_brand(session_hash bytea, brand_id uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  select s.user_id into v_user_id from app_private.valid_session(switch_brand.session_hash) as s;
  if v_user_id is null then
    raise exception 'You are not signed in' using errcode = 'LOGIN', hint = 'Sign in and try again';
  end if;
  -- One answer for "not a member" and "no such brand".
  if switch_brand.brand_id is not null and app_private.membership_role(v_user_id, switch_brand.brand_id) is null then
    raise exception 'You are not a member of this brand'
      using errcode = 'DNIED', hint = 'Ask an owner of the brand to invite you', column = 'brandId';
  end if;
  update app_private.sessions as s set active_brand_id = switch_brand.brand_id
  where s.token_hash = switch_brand.session_hash;
end
$$;
revoke execute on function app_private.switch_brand(bytea, uuid) from public;
grant execute on function app_private.switch_brand(bytea, uuid) to :ROLE_APP;
comment on function app_private.switch_brand(bytea, uuid) is
  'Makes a brand the active one of a session; null leaves the brand and acts as the person.';

drop function if exists app_private.change_password(bytea, text, text, bytea);
create function app_private.change_password(session_hash bytea, old_password text, new_password text, new_session_hash bytea)
returns table (outcome text, user_id uuid, retry_after_seconds integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_brand_id uuid;
  v_email text;
  v_check record;
begin
  select s.user_id, s.active_brand_id into v_user_id, v_brand_id
  from app_private.valid_session(change_password.session_hash) as s;
  if v_user_id is null then
    raise exception 'You are not signed in' using errcode = 'LOGIN', hint = 'Sign in and try again';
  end if;
  select u.email into v_email from app_public.users as u where u.id = v_user_id;
  perform app_private.assert_new_password(change_password.new_password, v_email);
  -- Counted like a sign-in: a borrowed session is no free guess.
  select c.* into v_check from app_private.check_credentials(v_email, change_password.old_password) as c;
  if v_check.outcome = 'OK' then
    perform app_private.store_password(v_user_id, change_password.new_password, proven => false);
    perform app_private.note_password_change(v_user_id, 'change_password');
    -- A link that leaked may be why it is changed.
    perform app_private.end_password_resets(v_user_id);
    perform app_private.end_sessions(v_user_id);
    perform app_private.open_session(v_user_id, change_password.new_session_hash, v_brand_id);
  end if;
  return query select v_check.outcome, v_check.user_id, v_check.retry_after_seconds;
end
$$;
revoke execute on function app_private.change_password(bytea, text, text, bytea) from public;
grant execute on function app_private.change_password(bytea, text, text, bytea) to :ROLE_APP;
comment on function app_private.change_password(bytea, text, text, bytea) is
  'Sets a new password after checking the old one, signs the person out everywhere and opens one new session.';
--! EndIncluded functions/auth/sign_in.sql
--! Included functions/auth/register_shopper.sql
drop function if exists app_public.register_shopper(text, text, text);
create function app_public.register_shopper(email text, password text, display_name text default '') returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_email text := lower(btrim(register_shopper.email));
  v_user_id uuid;
begin
  if v_email is null or length(v_email) > 254 or v_email !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' then
    raise exception 'This is not an e-mail address'
      using errcode = 'INVAL', column = 'email', hint = 'Write it as name@example.com';
  end if;
  perform app_private.assert_new_password(register_shopper.password, v_email);

  insert into app_public.users as u (email, display_name)
  values (v_email, coalesce(register_shopper.display_name, ''))
  on conflict on constraint users_email_key do nothing
  returning u.id into v_user_id;

  if v_user_id is null then
    -- Taken. The answer and its cost are those of a new account: whether an
    -- address is a customer is nobody's business.
    perform app_private.hash_password(register_shopper.password);
  else
    -- Anybody may write any address here: it is proven by a link, later.
    perform app_private.store_password(v_user_id, register_shopper.password, proven => false);
  end if;
  return true;
end
$$;
revoke execute on function app_public.register_shopper(text, text, text) from public;
grant execute on function app_public.register_shopper(text, text, text) to :ROLE_ANONYMOUS;
comment on function app_public.register_shopper(text, text, text) is
  $$Makes an account for a shopper, who then signs in. The answer is the same when the address already has one; its password stays as it was.$$;
--! EndIncluded functions/auth/register_shopper.sql
--! Included functions/auth/password_reset.sql
-- A reset link is made when it is sent, never before: a token in plain text is
-- never stored, so "read the pending link" means "issue a new one".

drop function if exists app_private.request_password_reset(text);
create function app_private.request_password_reset(email text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  -- Asking again within a minute sends nothing more.
  insert into app_private.password_reset_requests as r (user_id)
  select u.id from app_public.users as u
  where u.email = lower(btrim(request_password_reset.email)) and u.status = 'active'
  on conflict (user_id) do update set requested_at = now()
  where r.requested_at < now() - interval '1 minute'
  returning r.user_id into v_user_id;

  if v_user_id is not null and app_private.mail_delivers() then
    perform app_private.enqueue_job('send_password_reset', json_build_object('userId', v_user_id));
  end if;
end
$$;
revoke execute on function app_private.request_password_reset(text) from public;
grant execute on function app_private.request_password_reset(text) to :ROLE_APP;
comment on function app_private.request_password_reset(text) is
  'Notes that somebody asked for a reset and queues the mail; the same answer whether or not the address is known.';

drop function if exists app_private.issue_password_reset(uuid, bytea);
create function app_private.issue_password_reset(user_id uuid, token_hash bytea)
returns table (email text, display_name text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  select u.email, u.display_name into issue_password_reset.email, issue_password_reset.display_name
  from app_public.users as u
  where u.id = issue_password_reset.user_id and u.status = 'active' and u.email is not null;
  if not found then
    return;
  end if;
  insert into app_private.password_resets (token_hash, user_id, expires_at)
  values (issue_password_reset.token_hash, issue_password_reset.user_id, now() + interval '1 hour');
  return next;
end
$$;
revoke execute on function app_private.issue_password_reset(uuid, bytea) from public;
grant execute on function app_private.issue_password_reset(uuid, bytea) to :ROLE_WORKER;
comment on function app_private.issue_password_reset(uuid, bytea) is
  'Stores the hash of a new one-hour reset token and says whom to mail; no row when the person is gone or suspended.';

drop function if exists app_private.reset_password(bytea, text);
create function app_private.reset_password(token_hash bytea, password text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_email text;
begin
  -- The row that counts failed sign-ins of this address: a sign-in with the old
  -- password that is under way holds it and is waited for, so that its session ends
  -- below with the others; and of two links at once the second finds itself ended.
  select u.email into v_email
  from app_private.password_resets as r join app_public.users as u on u.id = r.user_id
  where r.token_hash = reset_password.token_hash;
  if v_email is not null then
    insert into app_private.login_throttle as t (email) values (v_email) on conflict on constraint login_throttle_pkey do nothing;
    perform 1 from app_private.login_throttle as t where t.email = v_email for update;
  end if;
  select r.user_id, u.email into v_user_id, v_email
  from app_private.password_resets as r
  join app_public.users as u on u.id = r.user_id
  where r.token_hash = reset_password.token_hash
    and r.used_at is null
    and r.expires_at > now()
    and u.status = 'active';
  if v_user_id is null then
    raise exception 'This link has been used or has expired'
      using errcode = 'EXPRD', hint = 'Ask for a new one on the sign-in page';
  end if;
  perform app_private.assert_new_password(reset_password.password, v_email);
  perform app_private.store_password(v_user_id, reset_password.password, proven => true);
  perform app_private.note_password_change(v_user_id, 'reset_password');
  -- Every other link of this person dies with this one.
  perform app_private.end_password_resets(v_user_id);
  delete from app_private.login_throttle as t where t.email = v_email;
  perform app_private.end_sessions(v_user_id);
end
$$;
revoke execute on function app_private.reset_password(bytea, text) from public;
grant execute on function app_private.reset_password(bytea, text) to :ROLE_APP;
comment on function app_private.reset_password(bytea, text) is
  'Sets a new password by a one-time token and signs the person out everywhere; EXPRD when used or too old.';
--! EndIncluded functions/auth/password_reset.sql
--! Included functions/auth/inviters.sql
-- An invitation is worth what its inviter may do now. It is asked when the link
-- is opened, mailed or used; and where an inviter leaves or is demoted, the open
-- invitations end at once, so that the list shows it.
create or replace function app_private.may_invite(user_id uuid, brand_id uuid, role app_public.brand_role) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select 1
    from app_public.users as u
    where u.id = may_invite.user_id and u.status = 'active'
      and (
        exists (
          select 1 from app_public.brand_members as m
          where m.brand_id = may_invite.brand_id and m.user_id = u.id
            and (m.role = 'owner' or (m.role = 'manager' and may_invite.role < 'manager'))
        )
        -- The first owner of a brand is invited by staff.
        or (
          may_invite.role = 'owner'
          and exists (select 1 from app_public.staff_members as s where s.user_id = u.id)
          and not app_private.has_owner(may_invite.brand_id)
        )
      )
  )
$$;
revoke execute on function app_private.may_invite(uuid, uuid, app_public.brand_role) from public;
comment on function app_private.may_invite(uuid, uuid, app_public.brand_role) is
  'Whether this person may, at this moment, invite somebody to the brand with this role.';

-- Whoever renews an invitation, or changes its role, answers for it from then on.
create or replace function app_private.tg_brand_invitations__inviter() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if NEW.role <> OLD.role or NEW.expires_at > OLD.expires_at then
    NEW.invited_by := coalesce(app_hidden.current_user_id(), NEW.invited_by);
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_brand_invitations__inviter() from public;
comment on function app_private.tg_brand_invitations__inviter() is 'Makes whoever renews or changes an invitation its inviter.';

create or replace trigger _500_inviter before update of role, expires_at on app_public.brand_invitations
  for each row execute function app_private.tg_brand_invitations__inviter();

create or replace function app_private.tg_brand_members__end_invitations() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.brand_invitations as i
  set expires_at = now()
  where i.brand_id = OLD.brand_id
    and i.invited_by = OLD.user_id
    and i.accepted_at is null
    and i.expires_at > now()
    and not app_private.may_invite(i.invited_by, i.brand_id, i.role);
  return null;
end
$$;
revoke execute on function app_private.tg_brand_members__end_invitations() from public;
comment on function app_private.tg_brand_members__end_invitations() is
  'Ends the open invitations that a member who left or was demoted could not send any more.';

create or replace trigger _500_end_invitations_update after update of role on app_public.brand_members
  for each row when (NEW.role < OLD.role)
  execute function app_private.tg_brand_members__end_invitations();
create or replace trigger _500_end_invitations_delete after delete on app_public.brand_members
  for each row execute function app_private.tg_brand_members__end_invitations();
--! EndIncluded functions/auth/inviters.sql
--! Included functions/auth/invitations.sql
-- Inviting runs as the member: policies decide who may invite whom. Only the
-- one-time link needs more rights, and takes them for one invitation the caller
-- could have made.

drop function if exists app_private.hand_out_invitation(uuid);
create function app_private.hand_out_invitation(invitation_id uuid) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_token text;
begin
  -- With a mail server the link goes to the invited address alone, made when
  -- the mail is sent. Without one, the inviter copies it.
  if app_private.mail_delivers() then
    perform app_private.enqueue_job(
      'send_invitation', json_build_object('invitationId', hand_out_invitation.invitation_id),
      'send_invitation:' || hand_out_invitation.invitation_id
    );
    return null;
  end if;
  v_token := app_private.random_token();
  insert into app_private.invitation_secrets as s (invitation_id, token_hash)
  values (hand_out_invitation.invitation_id, app_private.token_hash(v_token))
  on conflict on constraint invitation_secrets_pkey do update set token_hash = excluded.token_hash;
  return v_token;
end
$$;
revoke execute on function app_private.hand_out_invitation(uuid) from public;
comment on function app_private.hand_out_invitation(uuid) is
  'Queues the mail of an invitation, or returns a new one-time token where no mail leaves; the caller has checked who asks.';

drop function if exists app_hidden.issue_invitation_token(uuid);
create function app_hidden.issue_invitation_token(invitation_id uuid) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_invitation app_public.brand_invitations;
begin
  select i.* into v_invitation
  from app_public.brand_invitations as i
  where i.id = issue_invitation_token.invitation_id
    and i.brand_id = app_hidden.current_brand_id()
    and i.accepted_at is null
    and (
      app_hidden.current_request_role() = ':ROLE_BRAND_OWNER'
      or (app_hidden.current_request_role() = ':ROLE_MANAGER' and i.role < 'manager')
    );
  if not found then
    raise exception 'There is no such invitation'
      using errcode = 'NTFND', hint = 'It may have been accepted or taken back';
  end if;
  if exists (
    select 1
    from app_public.brand_members as m
    join app_public.users as u on u.id = m.user_id
    where m.brand_id = v_invitation.brand_id and u.email = v_invitation.email
  ) then
    raise exception 'This person is a member already'
      using errcode = 'TAKEN', column = 'email', hint = 'Change the role in the list of members';
  end if;

  return app_private.hand_out_invitation(v_invitation.id);
end
$$;
revoke execute on function app_hidden.issue_invitation_token(uuid) from public;
grant execute on function app_hidden.issue_invitation_token(uuid) to :ROLE_MANAGER;
comment on function app_hidden.issue_invitation_token(uuid) is
  'Queues the mail of an invitation, or returns its one-time token where no mail leaves; earlier links stop working.';

drop function if exists app_public.invite_member(text, app_public.brand_role);
create function app_public.invite_member(
  email text,
  role app_public.brand_role,
  out invitation_id uuid,
  out token text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.brand_invitations as i (brand_id, email, role, invited_by)
  values (
    app_hidden.current_brand_id(), lower(btrim(invite_member.email)), invite_member.role, app_hidden.current_user_id()
  )
  returning i.id into invitation_id;
  token := app_hidden.issue_invitation_token(invitation_id);
end
$$;
revoke execute on function app_public.invite_member(text, app_public.brand_role) from public;
grant execute on function app_public.invite_member(text, app_public.brand_role) to :ROLE_MANAGER;
comment on function app_public.invite_member(text, app_public.brand_role) is
  'Invites an address to the active brand for 7 days. Managers invite viewers and analysts, owners anyone. The token belongs to /admin/accept-invite#token=… and is shown once; it is null when a mail was sent instead.';

-- The first owner of a new brand has nobody in it to invite them: staff does.
-- Only while there is no active owner, so that staff cannot add people to a brand at work.
drop function if exists app_public.invite_owner(uuid, text);
create function app_public.invite_owner(
  brand_id uuid,
  email text,
  out invitation_id uuid,
  out token text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_status app_public.brand_status;
begin
  -- A definer function checks its caller itself: the grant says which role, this
  -- says that the person still holds it.
  if not exists (
    select 1 from app_public.staff_members s
    join app_public.users u on u.id = s.user_id and u.status = 'active'
    where s.user_id = app_hidden.current_user_id()
  ) then
    raise exception 'You may not invite owners'
      using errcode = 'DNIED', hint = 'Ask a member of staff';
  end if;
  -- Two invitations at once to one brand wait for each other here.
  select b.status into v_status from app_public.brand_accounts b where b.id = invite_owner.brand_id for no key update;
  if not found then
    raise exception 'There is no such brand' using errcode = 'NTFND', column = 'brand_id', hint = 'Choose one from the list of brands';
  end if;
  if v_status not in ('onboarding', 'active') then
    raise exception 'This brand is suspended or closed'
      using errcode = 'STATE', column = 'brand_id', hint = 'Set it back to onboarding first';
  end if;
  if app_private.has_owner(invite_owner.brand_id) then
    raise exception 'This brand has an owner, who invites everybody else'
      using errcode = 'STATE', column = 'brand_id', hint = 'Ask an owner of the brand';
  end if;
  -- Asked again for the same address: a new link, and the old one ends.
  insert into app_public.brand_invitations as i (brand_id, email, role, invited_by)
  values (invite_owner.brand_id, lower(btrim(invite_owner.email)), 'owner', app_hidden.current_user_id())
  on conflict (brand_id, email) where accepted_at is null do update
    set role = 'owner', expires_at = now() + interval '7 days', invited_by = excluded.invited_by
  returning i.id into invitation_id;
  token := app_private.hand_out_invitation(invitation_id);
end
$$;
revoke execute on function app_public.invite_owner(uuid, text) from public;
grant execute on function app_public.invite_owner(uuid, text) to :ROLE_STAFF;
comment on function app_public.invite_owner(uuid, text) is
  'Invites the first owner of a brand, for 7 days; for staff, and only while the brand has no active owner. The token belongs to /admin/accept-invite#token=… and is shown once; it is null when a mail was sent instead. DNIED, NTFND, STATE, INVAL.';

drop function if exists app_public.renew_invitation(uuid);
create function app_public.renew_invitation(
  invitation_id uuid,
  out token text
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.brand_invitations as i
  set expires_at = now() + interval '7 days'
  where i.id = renew_invitation.invitation_id and i.accepted_at is null;
  if not found then
    raise exception 'There is no such invitation'
      using errcode = 'NTFND', hint = 'It may have been accepted or taken back';
  end if;
  token := app_hidden.issue_invitation_token(renew_invitation.invitation_id);
end
$$;
revoke execute on function app_public.renew_invitation(uuid) from public;
grant execute on function app_public.renew_invitation(uuid) to :ROLE_MANAGER;
comment on function app_public.renew_invitation(uuid) is
  'Makes a new link of a pending invitation, good for 7 days, and ends the old one. The token is null when a mail was sent instead.';

drop function if exists app_private.issue_invitation(uuid, bytea);
create function app_private.issue_invitation(invitation_id uuid, token_hash bytea)
returns table (email text, brand_name text, role text, inviter_name text)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with pending as (
    select i.id, i.email, i.role, i.brand_id, i.invited_by
    from app_public.brand_invitations as i
    where i.id = issue_invitation.invitation_id and i.accepted_at is null and i.expires_at > now()
      and app_private.may_invite(i.invited_by, i.brand_id, i.role)
  ), secret as (
    insert into app_private.invitation_secrets (invitation_id, token_hash)
    select p.id, issue_invitation.token_hash from pending as p
    on conflict on constraint invitation_secrets_pkey do update set token_hash = excluded.token_hash
  )
  select p.email, b.name, p.role::text, u.display_name
  from pending as p
  join app_public.brand_accounts as b on b.id = p.brand_id
  left join app_public.users as u on u.id = p.invited_by
$$;
revoke execute on function app_private.issue_invitation(uuid, bytea) from public;
grant execute on function app_private.issue_invitation(uuid, bytea) to :ROLE_WORKER;
comment on function app_private.issue_invitation(uuid, bytea) is
  'Stores the hash of a new token of a pending invitation and says what the mail needs; no row when it is gone.';

drop function if exists app_private.pending_invitation(bytea);
create function app_private.pending_invitation(token_hash bytea)
returns table (invitation_id uuid, brand_id uuid, brand_name text, email text, role app_public.brand_role, invited_by uuid, user_id uuid)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select i.id, i.brand_id, b.name, i.email, i.role, i.invited_by, u.id
  from app_private.invitation_secrets as s
  join app_public.brand_invitations as i on i.id = s.invitation_id
  join app_public.brand_accounts as b on b.id = i.brand_id and b.status in ('onboarding', 'active')
  left join app_public.users as u on u.email = i.email
  where s.token_hash = pending_invitation.token_hash
    and i.accepted_at is null
    and i.expires_at > now()
    -- The inviter may have left, or lost the right, since.
    and app_private.may_invite(i.invited_by, i.brand_id, i.role)
    -- An address whose person is suspended or erased cannot come in this way.
    and (u.id is null or u.status = 'active')
$$;
revoke execute on function app_private.pending_invitation(bytea) from public;
grant execute on function app_private.pending_invitation(bytea) to :ROLE_APP;
comment on function app_private.pending_invitation(bytea) is 'What the holder of an invitation link is invited to; no row when it is used, taken back or too old.';

drop function if exists app_private.accept_invitation(bytea, bytea, text, text, bytea);
create function app_private.accept_invitation(
  token_hash bytea, session_hash bytea, display_name text, password text, new_session_hash bytea
) returns table (user_id uuid, brand_id uuid)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_pending record;
  v_user_id uuid;
begin
  -- Whoever invited stays, the invitation stays as it is, and of two acceptances at
  -- once one goes through: locked in the order in which a member is removed, an
  -- invitation changed, and a link made. What is decided on is read after that.
  perform 1
  from app_private.invitation_secrets as s
  join app_public.brand_invitations as i on i.id = s.invitation_id
  join app_public.brand_members as m on m.brand_id = i.brand_id and m.user_id = i.invited_by
  where s.token_hash = accept_invitation.token_hash
  for share of m;
  perform 1
  from app_public.brand_invitations as i
  where i.id = (select s.invitation_id from app_private.invitation_secrets as s where s.token_hash = accept_invitation.token_hash)
  for update;
  perform 1
  from app_private.invitation_secrets as s
  where s.token_hash = accept_invitation.token_hash
  for update;
  select p.* into v_pending from app_private.pending_invitation(accept_invitation.token_hash) as p;
  if v_pending.invitation_id is null then
    raise exception 'This invitation has been used, taken back or has expired'
      using errcode = 'EXPRD', hint = 'Ask the person who invited you for a new link';
  end if;

  v_user_id := v_pending.user_id;
  if v_user_id is not null then
    -- The link alone is no proof of being the person: it may have been copied
    -- by the inviter.
    if not exists (
      select 1 from app_private.valid_session(accept_invitation.session_hash) as s where s.user_id = v_user_id
    ) then
      raise exception 'Sign in as % to accept this invitation', v_pending.email
        using errcode = 'LOGIN', hint = 'Then open the link again';
    end if;
  else
    perform app_private.assert_new_password(accept_invitation.password, v_pending.email);
    insert into app_public.users as u (email, display_name)
    values (v_pending.email, coalesce(btrim(accept_invitation.display_name), ''))
    returning u.id into v_user_id;
    perform app_private.store_password(v_user_id, accept_invitation.password, proven => true);
  end if;

  -- From here on the audit trail names the person who accepted.
  perform set_config('app.user_id', v_user_id::text, true);
  insert into app_public.brand_members as m (brand_id, user_id, role, invited_by)
  values (v_pending.brand_id, v_user_id, v_pending.role, v_pending.invited_by)
  on conflict on constraint brand_members_pkey do nothing;
  update app_public.brand_invitations as i set accepted_at = now() where i.id = v_pending.invitation_id;
  delete from app_private.invitation_secrets as s where s.invitation_id = v_pending.invitation_id;

  update app_private.sessions as s set revoked_at = now()
  where s.token_hash = accept_invitation.session_hash and s.revoked_at is null;
  perform app_private.open_session(v_user_id, accept_invitation.new_session_hash, v_pending.brand_id);
  return query select v_user_id, v_pending.brand_id;
end
$$;
revoke execute on function app_private.accept_invitation(bytea, bytea, text, text, bytea) from public;
grant execute on function app_private.accept_invitation(bytea, bytea, text, text, bytea) to :ROLE_APP;
comment on function app_private.accept_invitation(bytea, bytea, text, text, bytea) is
  'Makes the invited person a member, with a new account where the address has none, and opens a session in the brand. EXPRD, LOGIN, INVAL.';
--! EndIncluded functions/auth/invitations.sql
--! Included functions/auth/appoint_staff.sql
-- Whether a sign-in of this person proves anything about the address: its password
-- was set by a link, or there is none yet.
drop function if exists app_private.has_proven_address(uuid) cascade;
create function app_private.has_proven_address(user_id uuid) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select not exists (
    select from app_private.user_secrets s
    where s.user_id = has_proven_address.user_id and s.password_hash is not null and s.address_proven_at is null
  )
$$;
revoke execute on function app_private.has_proven_address(uuid) from public;
comment on function app_private.has_proven_address(uuid) is 'False where the only password of a person is one that somebody chose who never had a link sent to the address.';

create or replace function app_private.tg_staff_members__proven() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not app_private.has_proven_address(NEW.user_id) then
    raise exception 'This person has not proven the e-mail address yet'
      using errcode = 'STATE', column = 'user_id', hint = 'Have a new password set by a link first, then appoint the person';
  end if;
  -- A link that support drew for a shopper is none to the account of a colleague.
  perform app_private.end_password_resets(NEW.user_id);
  return NEW;
end
$$;
revoke execute on function app_private.tg_staff_members__proven() from public;
comment on function app_private.tg_staff_members__proven() is 'Refuses to make staff of an account that anybody could have registered (STATE); ends links to set its password.';
create or replace trigger _200_proven before insert on app_public.staff_members
  for each row execute function app_private.tg_staff_members__proven();

-- The first person of an installation cannot be invited by anybody: whoever
-- holds the owner's login appoints staff. Granted to no other role.
drop function if exists app_private.appoint_staff(text, app_public.staff_role, bytea);
create function app_private.appoint_staff(email text, role app_public.staff_role, token_hash bytea) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  insert into app_public.users as u (email) values (lower(btrim(appoint_staff.email)))
  on conflict on constraint users_email_key do update set email = excluded.email
  returning u.id into v_user_id;
  -- Whoever registered with this address need not be the person who is meant: the
  -- link below goes to that one, and nothing of before opens a door.
  if not exists (select from app_public.staff_members t where t.user_id = v_user_id)
    and not app_private.has_proven_address(v_user_id) then
    delete from app_private.user_secrets s where s.user_id = v_user_id;
    perform app_private.end_password_resets(v_user_id);
    perform app_private.end_sessions(v_user_id);
  end if;
  insert into app_public.staff_members as t (user_id, role) values (v_user_id, appoint_staff.role)
  on conflict on constraint staff_members_pkey do update set role = excluded.role;
  if not exists (select 1 from app_private.issue_password_reset(v_user_id, appoint_staff.token_hash)) then
    raise exception 'This person is suspended or erased'
      using errcode = 'STATE', column = 'email', hint = 'Use another address, or make the person active again';
  end if;
  return v_user_id;
end
$$;
revoke execute on function app_private.appoint_staff(text, app_public.staff_role, bytea) from public;
comment on function app_private.appoint_staff(text, app_public.staff_role, bytea) is
  'Makes a person staff, with an account where the address has none, and stores the hash of a one-hour link to set a password. A password and sessions of an account whose address was never proven end.';
--! EndIncluded functions/auth/appoint_staff.sql
--! Included functions/audit/actor_name.sql
-- Who is behind a row of the audit trail, for whoever may read it.
drop function if exists app_private.audit_actor_name(text, uuid);
create function app_private.audit_actor_name(actor_kind text, actor_id uuid) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when audit_actor_name.actor_id is null then null
    when audit_actor_name.actor_kind = 'staff' and app_hidden.current_request_role() not like ':ROLE_STAFF%' then 'ClosetAI staff'
    -- A name is shown to whoever may see the person: staff, co-members, oneself.
    when app_hidden.current_request_role() like ':ROLE_STAFF%' or audit_actor_name.actor_id = app_hidden.current_user_id() or exists (
      select 1 from app_public.brand_members m
      where m.brand_id = app_hidden.current_brand_id() and m.user_id = audit_actor_name.actor_id
    ) then (
      select coalesce(nullif(u.display_name, ''), u.email) from app_public.users u where u.id = audit_actor_name.actor_id
    )
  end
$$;
revoke execute on function app_private.audit_actor_name(text, uuid) from public;
comment on function app_private.audit_actor_name(text, uuid) is 'The name of an actor as the person of this request may know it; null otherwise, and of no person.';

drop function if exists app_public.audit_log_actor_name(app_public.audit_log);
create function app_public.audit_log_actor_name(event app_public.audit_log) returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- A definer function asks itself whether its caller still is who the role says.
  select case when case
      when app_hidden.current_request_role() like ':ROLE_STAFF%' then exists (
        select from app_public.staff_members s join app_public.users u on u.id = s.user_id and u.status = 'active'
        where s.user_id = app_hidden.current_user_id())
      else exists (
        select from app_public.brand_members m
        where m.brand_id = app_hidden.current_brand_id() and m.user_id = app_hidden.current_user_id())
    end then app_private.audit_actor_name(event.actor_kind, event.actor_id) end
$$;
revoke execute on function app_public.audit_log_actor_name(app_public.audit_log) from public;
grant execute on function app_public.audit_log_actor_name(app_public.audit_log) to :ROLE_BRAND_OWNER, :ROLE_STAFF_ADMIN;
comment on function app_public.audit_log_actor_name(app_public.audit_log) is $$
@admin.label Who
The person behind it; of staff their names are for staff, and those who have left the brand have none.$$;
--! EndIncluded functions/audit/actor_name.sql
--! Included functions/audit/row_history.sql
-- The history of a row, for whoever may select the row. A definer function sees
-- everything, so it asks first whether its caller would see this one: it puts
-- together the policies that bind the request's role, and they answer with the
-- request's own claims.
drop function if exists app_hidden.may_select_row(text, text);
create function app_hidden.may_select_row(table_name text, row_pk text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text := app_hidden.current_request_role();
  v_table oid;
  v_key text;
  v_permissive text;
  v_restrictive text;
  v_visible boolean;
begin
  select c.oid into v_table from pg_class c
  where c.relnamespace = 'app_public'::regnamespace and c.relname = may_select_row.table_name
    and c.relkind in ('r', 'p') and not c.relispartition;
  if v_table is null or v_role is null or not has_table_privilege(v_role, v_table, 'select') then
    return false;
  end if;
  -- The audit trail writes a key as its columns joined by a comma. Each part is
  -- turned back into its own type, so that the primary key's index is used.
  select string_agg(
    format('%I = (string_to_array($1, '',''))[%s]::%s', a.attname, k.position, format_type(a.atttypid, null)),
    ' and ' order by k.position
  ) into v_key
  from pg_index i
  cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, position)
  join pg_attribute a on a.attrelid = v_table and a.attnum = k.attnum
  where i.indrelid = v_table and i.indisprimary;
  select
    string_agg(format('(%s)', pg_get_expr(p.polqual, p.polrelid)), ' or ') filter (where p.polpermissive),
    string_agg(format('(%s)', pg_get_expr(p.polqual, p.polrelid)), ' and ') filter (where not p.polpermissive)
  into v_permissive, v_restrictive
  from pg_policy p
  where p.polrelid = v_table and p.polcmd in ('r', '*') and p.polqual is not null
    and exists (select 1 from unnest(p.polroles) g where g = 0 or pg_has_role(v_role, g, 'usage'));
  if v_key is null or v_permissive is null then
    return false;
  end if;
  execute format(
    'select exists (select 1 from app_public.%I where %s and (%s) and (%s))',
    may_select_row.table_name, v_key, v_permissive, coalesce(v_restrictive, 'true')
  ) into v_visible using may_select_row.row_pk;
  return v_visible;
exception when invalid_text_representation then
  -- "abc" is no uuid, so there is no such row.
  return false;
end
$$;
comment on function app_hidden.may_select_row(text, text) is 'Whether the policies of the request''s role let it select this row of app_public.';
revoke execute on function app_hidden.may_select_row(text, text) from public;

drop function if exists app_public.row_history(text, text);
create function app_public.row_history(
  table_name text, row_pk text,
  out id uuid, out occurred_at timestamptz, out action text, out actor_kind text, out actor_name text,
  out changed_columns text[], out diff jsonb, out reason text, out request_id text
) returns setof record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_is_staff boolean := app_hidden.current_request_role() like ':ROLE_STAFF%';
  -- Outside a brand one sees of its rows what is shown to the public now, and not
  -- what they were before they were: names and prices of what was not out yet.
  v_is_outside boolean := app_hidden.current_request_role() = ':ROLE_USER';
begin
  if not app_hidden.may_select_row(row_history.table_name, row_history.row_pk) then
    raise exception 'There is no such record'
      using errcode = 'NTFND', hint = 'It may have been deleted, or it belongs to somebody else';
  end if;
  return query
    select l.id, l.occurred_at, l.action, l.actor_kind,
      app_private.audit_actor_name(l.actor_kind, l.actor_id),
      -- What staff write is written for colleagues.
      l.changed_columns, l.diff, case when l.actor_kind <> 'staff' or v_is_staff then l.reason end, l.request_id
    from app_public.audit_log l
    where l.table_name = row_history.table_name and l.row_pk = row_history.row_pk and not (v_is_outside and l.brand_id is not null)
    order by l.occurred_at desc, l.id desc
    limit 200;
end
$$;
comment on function app_public.row_history(text, text) is 'The last 200 changes of a row, newest first, for whoever may select the row, and of a brand''s row for its members and staff only: who, when, and {column: [before, after]}; the reasons and names of staff are for staff. The key of a composite primary key is its parts joined by a comma. NTFND.';
revoke execute on function app_public.row_history(text, text) from public;
grant execute on function app_public.row_history(text, text) to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
--! EndIncluded functions/audit/row_history.sql
--! Included functions/auth/clean_up.sql
drop function if exists app_private.clean_up();
create function app_private.clean_up() returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_result jsonb := '{}';
  v_count bigint;
begin
  -- Ended sessions stay for a day, so that "where was I last" survives a
  -- sign-out in the evening; the newest of a person stays for good.
  delete from app_private.sessions as s
  where (s.revoked_at < now() - interval '1 day' or s.expires_at < now() - interval '1 day'
      or s.last_seen_at < now() - interval '8 days')
    and exists (
      select 1 from app_private.sessions as n
      where n.user_id = s.user_id and n.token_hash <> s.token_hash and n.last_seen_at > s.last_seen_at
    );
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('sessions', v_count);

  delete from app_private.password_resets as r where r.expires_at < now() - interval '1 day';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('passwordResets', v_count);

  delete from app_private.password_reset_requests as q where q.requested_at < now() - interval '14 days';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('passwordResetRequests', v_count);

  delete from app_private.login_throttle as t where t.updated_at < now() - interval '1 day';
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('signInFailures', v_count);

  delete from app_private.idempotency_keys as k where k.expires_at < now();
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('idempotencyKeys', v_count);

  -- An item that was put away can be fetched back for a month, with its picture.
  update app_public.wardrobe_items w set image_key = null
  where w.deleted_at < now() - interval '30 days' and w.image_key is not null;
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('wardrobePictures', v_count);

  delete from app_public.task_runs as t where t.id < app_private.uuid_v7_floor(now() - interval '14 days');
  get diagnostics v_count = row_count;
  v_result := v_result || jsonb_build_object('taskRuns', v_count);
  return v_result;
end
$$;
revoke execute on function app_private.clean_up() from public;
grant execute on function app_private.clean_up() to :ROLE_WORKER;
comment on function app_private.clean_up() is 'Deletes what has run out: sessions, reset links and requests, sign-in failures, idempotency keys, background runs. Returns counts.';
--! EndIncluded functions/auth/clean_up.sql
--! Included functions/storage/uploads.sql
-- An upload in three steps: the caller, under the caller's policies, makes the
-- row and gets a key; the bytes arrive by a signed link; the server marks the
-- row. Keys are made here, never by a client.

drop function if exists app_hidden.create_upload(app_public.storage_kind, text, bigint);
create function app_hidden.create_upload(kind app_public.storage_kind, content_type text, bytes bigint) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_extension text := case create_upload.content_type
    when 'image/png' then 'png'
    when 'image/jpeg' then 'jpg'
    when 'image/webp' then 'webp'
    when 'image/gif' then 'gif'
  end;
  v_brand_id uuid := app_hidden.current_brand_id();
  v_key text;
begin
  -- SVG is a program that a browser runs: never stored.
  if v_extension is null then
    raise exception 'This kind of file cannot be uploaded'
      using errcode = 'INVAL', column = 'contentType', hint = 'Use a PNG, JPEG, WebP or GIF picture';
  end if;
  if create_upload.kind not in ('garment', 'selfie') then
    raise exception 'Pictures of garments and selfies are uploaded here, nothing else'
      using errcode = 'INVAL', column = 'kind', hint = 'Use garment or selfie';
  end if;
  if create_upload.bytes is null or create_upload.bytes < 1 then
    raise exception 'The file is empty'
      using errcode = 'INVAL', column = 'bytes', hint = 'Choose another file';
  end if;
  -- 122 random bits: a key is not a secret, and still cannot be guessed.
  v_key := create_upload.kind::text || '/' || to_char(now() at time zone 'UTC', 'YYYY/MM') || '/'
    || gen_random_uuid()::text || '.' || v_extension;
  insert into app_public.storage_objects (key, owner_brand_id, owner_user_id, kind, content_type, bytes)
  values (
    v_key, v_brand_id, case when v_brand_id is null then app_hidden.current_user_id() end,
    create_upload.kind, create_upload.content_type, create_upload.bytes
  );
  return v_key;
end
$$;
revoke execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) from public;
grant execute on function app_hidden.create_upload(app_public.storage_kind, text, bigint) to :ROLE_USER, :ROLE_MANAGER;
comment on function app_hidden.create_upload(app_public.storage_kind, text, bigint) is
  'Registers a picture that is about to be uploaded, for the active brand or else the person, and returns its key.';

drop function if exists app_private.complete_upload(text, bigint, bytea);
create function app_private.complete_upload(key text, bytes bigint, sha256 bytea) returns boolean
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  with done as (
    update app_public.storage_objects as o
    set status = 'available', bytes = complete_upload.bytes, sha256 = complete_upload.sha256,
      -- Nothing is kept for ever that nobody uses: each try-on moves this of a selfie,
      -- and of a garment it ends with the first row that shows it.
      retention_until = case o.kind
        when 'selfie' then now() + interval '30 days'
        when 'garment' then now() + interval '1 day'
        else o.retention_until end
    where o.key = complete_upload.key and o.status = 'pending'
    returning 1
  )
  select exists (select 1 from done)
$$;
revoke execute on function app_private.complete_upload(text, bigint, bytea) from public;
grant execute on function app_private.complete_upload(text, bigint, bytea) to :ROLE_APP;
comment on function app_private.complete_upload(text, bigint, bytea) is
  'Marks a pending file as arrived; false when there is none, so that a key is written once.';

drop function if exists app_private.claim_expired_uploads(integer);
create function app_private.claim_expired_uploads(batch integer) returns setof text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text;
  v_claimed integer := 0;
begin
  -- What never arrived, what is past its retention, and what an earlier round
  -- began: the row turns "deleting" first, the bytes go next, the row last. A
  -- crash in between is picked up by the next round. The row is locked before
  -- anybody asks whether it is in use: who names a file locks it, too.
  for v_key in
    select c.key
    from app_public.storage_objects as c
    where (c.status = 'pending' and c.created_at < now() - interval '1 day')
      or (c.status = 'available' and c.retention_until < now())
      or c.status = 'deleting'
    order by c.created_at
    for update skip locked
  loop
    exit when v_claimed >= claim_expired_uploads.batch;
    -- In use, it stays, and does not stand in the way of those behind it.
    continue when app_private.is_file_in_use(v_key);
    update app_public.storage_objects as o set status = 'deleting' where o.key = v_key;
    v_claimed := v_claimed + 1;
    return next v_key;
  end loop;
end
$$;
revoke execute on function app_private.claim_expired_uploads(integer) from public;
grant execute on function app_private.claim_expired_uploads(integer) to :ROLE_WORKER;
comment on function app_private.claim_expired_uploads(integer) is
  'Marks up to so many files that ran out, and that nothing names, as being deleted and returns their keys.';

drop function if exists app_private.forget_upload(text);
create function app_private.forget_upload(key text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A job keeps saying that it had this picture; the picture itself is gone.
  if exists (select 1 from app_public.tryon_jobs as j where j.selfie_key = forget_upload.key)
    or exists (select 1 from app_public.tryon_jobs as j where j.result_key = forget_upload.key) then
    update app_public.storage_objects as o set status = 'deleted', sha256 = null
    where o.key = forget_upload.key and o.status = 'deleting';
  else
    delete from app_public.storage_objects as o where o.key = forget_upload.key and o.status = 'deleting';
  end if;
end
$$;
revoke execute on function app_private.forget_upload(text) from public;
grant execute on function app_private.forget_upload(text) to :ROLE_WORKER;
comment on function app_private.forget_upload(text) is 'Removes the row of a file whose bytes are gone; where a try-on names it, the row stays as deleted.';
--! EndIncluded functions/storage/uploads.sql
--! Included functions/storage/files_in_use.sql
-- A row may name a file, and a file may end: each looks at the other under the
-- lock of the file's row, so that neither a picture that never arrived is shown
-- nor one that is shown deleted.

-- Asks every foreign key that points at the files, so that a table added later
-- protects its files without a line here.
create or replace function app_private.is_file_in_use(key text) returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user record;
  v_found boolean;
begin
  for v_user in
    select c.conrelid::regclass as place, a.attname as named
    from pg_constraint as c
    cross join lateral unnest(c.conkey, c.confkey) as k (own, other)
    join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.own
    join pg_attribute as f on f.attrelid = c.confrelid and f.attnum = k.other and f.attname = 'key'
    where c.contype = 'f' and c.confrelid = 'app_public.storage_objects'::regclass and c.conparentid = 0
      and c.conrelid <> 'app_public.tryon_jobs'::regclass
  loop
    execute format('select exists (select 1 from %s where %I = $1)', v_user.place, v_user.named)
      into v_found using is_file_in_use.key;
    if v_found then
      return true;
    end if;
  end loop;
  -- A try-on keeps saying which pictures it had, but not the pictures: they end
  -- with their retention, except for the selfie of one that waits or runs.
  return exists (
    select 1 from app_public.tryon_jobs as j
    where j.selfie_key = is_file_in_use.key and j.status in ('queued', 'processing')
  );
end
$$;
revoke execute on function app_private.is_file_in_use(text) from public;
comment on function app_private.is_file_in_use(text) is 'Whether any row of any table needs this file.';

create or replace function app_private.tg_storage_objects__not_in_use() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if app_private.is_file_in_use(NEW.key) then
    raise exception 'This file is in use'
      using errcode = 'INUSE', column = 'key', hint = 'Change or remove what shows it first';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_storage_objects__not_in_use() from public;
comment on function app_private.tg_storage_objects__not_in_use() is 'Refuses to begin deleting a file that a row names (INUSE).';

create or replace trigger _200_not_in_use before update of status on app_public.storage_objects
  for each row when (NEW.status = 'deleting' and OLD.status <> 'deleting')
  execute function app_private.tg_storage_objects__not_in_use();

-- The argument is the column that names the file. After the foreign keys, which
-- say first whether the file is the owner's own: who asks for another's learns
-- nothing here. Only a change of the column asks, so an old row stays editable.
create or replace function app_private.tg__file_arrived() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_column text := TG_ARGV[0];
  v_key text := to_jsonb(NEW) ->> v_column;
  v_status app_public.storage_status;
  v_kind app_public.storage_kind;
begin
  if v_key is null or (TG_OP = 'UPDATE' and v_key = to_jsonb(OLD) ->> v_column) then
    return null;
  end if;
  -- The lock makes the clean-up pass this file by, or is waited for while it runs.
  select o.status, o.kind into v_status, v_kind from app_public.storage_objects as o where o.key = v_key for no key update;
  if v_status = 'pending' then
    raise exception 'This picture has not arrived yet'
      using errcode = 'STATE', column = v_column, hint = 'Send the file first, then save';
  elsif v_status is distinct from 'available' then
    raise exception 'This picture has been removed'
      using errcode = 'NTFND', column = v_column, hint = 'Upload it again';
  elsif v_kind = 'selfie' then
    -- A selfie ends when it was promised to: as a garment it would stay.
    raise exception 'A selfie is no picture of a garment'
      using errcode = 'INVAL', column = v_column, hint = 'Upload a picture of the garment';
  end if;
  update app_public.storage_objects o set retention_until = null
  where o.key = v_key and o.kind = 'garment' and o.retention_until is not null;
  return null;
end
$$;
revoke execute on function app_private.tg__file_arrived() from public;
comment on function app_private.tg__file_arrived() is 'Refuses to name a file whose bytes are not there (STATE), are being deleted (NTFND), or are a selfie (INVAL); one that is named is kept.';

create or replace trigger _700_file_arrived after insert or update of image_key on app_public.products
  for each row when (NEW.image_key is not null)
  execute function app_private.tg__file_arrived('image_key');
create or replace trigger _700_file_arrived after insert or update of image_key on app_public.wardrobe_items
  for each row when (NEW.image_key is not null)
  execute function app_private.tg__file_arrived('image_key');

-- A picture that a row stops showing ends a day later, unless another row shows it:
-- the clean-up asks.
create or replace function app_private.tg__file_left() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key text := to_jsonb(OLD) ->> TG_ARGV[0];
begin
  if TG_OP = 'DELETE' or v_key is distinct from to_jsonb(NEW) ->> TG_ARGV[0] then
    update app_public.storage_objects o set retention_until = now() + interval '1 day'
    where o.key = v_key and o.kind = 'garment' and o.retention_until is null;
  end if;
  return null;
end
$$;
revoke execute on function app_private.tg__file_left() from public;
comment on function app_private.tg__file_left() is 'Lets the picture of a garment end that a row no longer shows.';
create or replace trigger _700_file_left after delete or update of image_key on app_public.products
  for each row when (OLD.image_key is not null)
  execute function app_private.tg__file_left('image_key');
create or replace trigger _700_file_left after delete or update of image_key on app_public.wardrobe_items
  for each row when (OLD.image_key is not null)
  execute function app_private.tg__file_left('image_key');
--! EndIncluded functions/storage/files_in_use.sql
--! Included functions/import/table_columns.sql
-- What of a table a file can fill, for a role: which columns are read from the
-- file and which are filled in from the run, by which keys a row finds its
-- record, and whether a mapping works. It is read from the system catalogues at
-- the time, so a new table needs nothing.

drop function if exists app_hidden.import_plan(app_public.import_runs);
drop function if exists app_private.mark_repeated_keys(app_public.import_runs);
drop function if exists app_private.checked_table_mapping(text, text, text[], jsonb, text);
drop function if exists app_hidden.import_keys(text, text);
drop function if exists app_hidden.import_columns(text, text);
drop function if exists app_hidden.import_scope(text, text);
drop function if exists app_hidden.base_type(oid);

-- pg_basetype of PostgreSQL 17, for the older ones.
create function app_hidden.base_type(type oid) returns oid
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with recursive types as (
    select t.oid, t.typtype, t.typbasetype from pg_type t where t.oid = base_type.type
    union all
    select t.oid, t.typtype, t.typbasetype from types d join pg_type t on t.oid = d.typbasetype where d.typtype = 'd'
  )
  select t.oid from types t where t.typtype <> 'd'
$$;
comment on function app_hidden.base_type(oid) is 'The type behind a domain, however many lie in between; any other type is its own.';

-- Columns that say whose a record is. A brand's is filled from the run whatever
-- the file says. A person's is known by the policies: where each one that lets
-- the role insert demands that a column be the caller, the column is the caller.
-- Outside any brand a column for the brand stays empty where it may.
create function app_hidden.import_scope(target text, role_name text default current_user)
returns table (name text, source text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.attname::text, s.source
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype
  cross join lateral (
    select role_name in (':ROLE_VIEWER', ':ROLE_ANALYST', ':ROLE_MANAGER', ':ROLE_BRAND_OWNER') as in_brand,
      has_column_privilege(role_name, c.oid, a.attnum, 'insert') as insertable
  ) r
  cross join lateral (
    select case
      when a.attname = 'brand_id' and r.in_brand and r.insertable then 'brand'
      when a.attname = 'brand_id' and not r.in_brand and not a.attnotnull then 'none'
      when r.insertable and (
        select coalesce(bool_and(
          pg_get_expr(p.polwithcheck, p.polrelid)
            like '%(' || quote_ident(a.attname) || ' = ( SELECT app_hidden.current_user_id()%'
          and pg_get_expr(p.polwithcheck, p.polrelid) not like '% OR %'
        ), false)
        from pg_policy p
        where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('a', '*') and exists (
          select from unnest(p.polroles) m (member_of)
          where m.member_of = 0 or pg_has_role(role_name, m.member_of, 'usage')
        )
      ) then 'person'
    end as source
  ) s
  where c.relnamespace = 'app_public'::regnamespace and c.relname::text = import_scope.target and s.source is not null
$$;
comment on function app_hidden.import_scope(text, text) is
  'Columns of a table that an import fills itself: with the brand, with the person, or with nothing.';

-- The columns a role may fill. The key of the table is among them even where it
-- may not be given: to find a record by it is not to write it (match_only).
create function app_hidden.import_columns(target text, role_name text default current_user)
returns table (
  name text, type text, kind text, item_type text, is_array boolean, nullable boolean, default_value text,
  updatable boolean, match_only boolean, place integer
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.attname::text, format_type(a.atttypid, a.atttypmod), k.kind,
    case
      when k.kind = 'enum' then format_type(e.item, null)
      when e.is_array then format_type(e.item, a.atttypmod)
      else format_type(a.atttypid, a.atttypmod)
    end,
    e.is_array, not a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
    has_column_privilege(role_name, c.oid, a.attnum, 'update'),
    not g.insertable, a.attnum::integer
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  cross join lateral (
    select has_column_privilege(role_name, c.oid, a.attnum, 'insert')
      and a.attgenerated = '' and a.attidentity <> 'a' as insertable
  ) g
  cross join lateral (select app_hidden.base_type(a.atttypid) as base) b
  join pg_type bt on bt.oid = b.base
  cross join lateral (select bt.typcategory = 'A' as is_array) ia
  cross join lateral (
    select ia.is_array, app_hidden.base_type(case when ia.is_array then bt.typelem else b.base end) as item
  ) e
  join pg_type it on it.oid = e.item
  cross join lateral (
    select case
      when it.typtype = 'e' then 'enum'
      when e.item in ('json'::regtype, 'jsonb'::regtype) then 'json'
      when e.item = 'boolean'::regtype then 'boolean'
      when e.item in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) then 'integer'
      when e.item in ('numeric'::regtype, 'float4'::regtype, 'float8'::regtype) then 'number'
      when e.item = 'date'::regtype then 'date'
      when e.item = 'timestamptz'::regtype then 'moment'
      when e.item = 'timestamp'::regtype then 'local moment'
      when e.item in ('time'::regtype, 'timetz'::regtype) then 'time'
      when e.item = 'uuid'::regtype then 'uuid'
      when e.item in ('interval'::regtype, 'inet'::regtype, 'cidr'::regtype) then 'other'
      when it.typcategory = 'S' then 'text'
    end as kind
  ) k
  where c.relnamespace = 'app_public'::regnamespace
    and c.relname::text = import_columns.target
    and c.relkind in ('r', 'p') and not c.relispartition and c.relrowsecurity
    and not exists (select from app_hidden.import_scope(import_columns.target, role_name) s where s.name = a.attname)
    and k.kind is not null
    -- What the API makes no record of by hand, an import does not either.
    and coalesce(obj_description(c.oid, 'pg_class'), '') !~ '@behavior[^\n]*-insert'
    and (g.insertable or exists (
      select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey::smallint[])
    ))
    -- Within a brand, a table of brands: the fence needs a column to stand on.
    and (
      role_name not in (':ROLE_VIEWER', ':ROLE_ANALYST', ':ROLE_MANAGER', ':ROLE_BRAND_OWNER')
      or exists (
        select from app_hidden.import_scope(import_columns.target, role_name) s where s.source = 'brand'
      )
    )
$$;
comment on function app_hidden.import_columns(text, text) is 'Columns of a table that a role may import into; none but the key when the role may not insert, and none at all when a brand''s role asks for a table of no brand.';

-- A key finds a record of the owner: a unique index over the owner and columns
-- that can be in the file, plain or lower(column), or the primary key. Within a
-- brand it carries the brand. Where it holds a column that stays empty, nulls
-- must be equal in it, or it would find two. The order is the order of preference.
create function app_hidden.import_keys(target text, role_name text default current_user)
returns table (name text, columns text[], folded boolean[], is_primary boolean, owners text[])
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with known as materialized (
    select i.* from app_hidden.import_columns(import_keys.target, import_keys.role_name) i
  ),
  scope as materialized (
    select s.* from app_hidden.import_scope(import_keys.target, import_keys.role_name) s
  ),
  parts as (
    select x.indexrelid, x.indisprimary, x.indnullsnotdistinct, n.position, a.attname::text as column_name,
      x.indkey[n.position - 1] = 0 as folded
    from pg_class c
    join pg_index x on x.indrelid = c.oid and x.indisunique and x.indisvalid and x.indpred is null
    cross join lateral generate_series(1, x.indnkeyatts::integer) as n (position)
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and case
      when x.indkey[n.position - 1] <> 0 then a.attnum = x.indkey[n.position - 1]
      else pg_get_indexdef(x.indexrelid, n.position, true)
        in ('lower(' || quote_ident(a.attname) || ')', 'lower(' || quote_ident(a.attname) || '::text)')
    end
    where c.relnamespace = 'app_public'::regnamespace and c.relname::text = import_keys.target
  ),
  keys as (
    select p.indexrelid, p.indisprimary,
      array_agg(p.column_name order by p.position) filter (where s.name is null) as columns,
      array_agg(p.folded order by p.position) filter (where s.name is null) as folded,
      coalesce(array_agg(s.name) filter (where s.name is not null), '{}') as owners,
      coalesce(bool_or(s.source = 'brand'), false) as has_brand,
      bool_or(k.match_only) as has_key
    from parts p
    left join known k on k.name = p.column_name
    left join scope s on s.name = p.column_name and not p.folded
    group by p.indexrelid, p.indisprimary
    having bool_and(s.name is not null or k.name is not null)
      and bool_and(p.indnullsnotdistinct or s.source is distinct from 'none')
  )
  select i.relname::text, k.columns, k.folded, k.indisprimary, k.owners
  from keys k
  join pg_class i on i.oid = k.indexrelid
  where k.columns is not null and (
    k.indisprimary or (
      not coalesce(k.has_key, false)
      and (k.has_brand or not exists (select from scope s where s.source = 'brand'))
    )
  )
  order by
    k.indisprimary and not k.has_brand,
    -- (brand_id, id) says no more than the key it contains.
    not k.indisprimary and k.columns && (
      select array_agg(q.column_name) from parts q
      where q.indisprimary and not exists (select from scope s where s.name = q.column_name)),
    k.indexrelid
$$;
comment on function app_hidden.import_keys(text, text) is 'The unique keys by which an import can find a record of its owner, best first.';

-- The mapping as it will be used, and the key that goes with it.
create function app_private.checked_table_mapping(
  target text, role_name text, header text[], mapping jsonb, unique_key text, out checked jsonb, out key_name text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry record;
  v_key text;
  v_key_columns text[] := '{}';
  v_missing text;
begin
  checked := jsonb_strip_nulls(mapping);
  if jsonb_typeof(checked) is distinct from 'object' or checked = '{}' then
    raise exception 'The mapping must name a column for each field'
      using errcode = 'INVAL', column = 'mapping', hint = 'For example {"name": "title"}';
  end if;
  for v_entry in
    select e.key, e.value, c.name
    from jsonb_each(checked) e
    left join app_hidden.import_columns(checked_table_mapping.target, role_name) c on c.name = e.key
  loop
    if v_entry.name is null then
      raise exception 'There is no field named % that you may import', left(v_entry.key, 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Leave it out';
    end if;
    if jsonb_typeof(v_entry.value) <> 'string' then
      raise exception 'The column of % must be a text', v_entry.key using errcode = 'INVAL', column = 'mapping';
    end if;
    if (v_entry.value #>> '{}') <> all (header) and (v_entry.value #>> '{}') !~ '^=.' then
      raise exception 'The file has no column named "%"', left(v_entry.value #>> '{}', 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose another column for ' || v_entry.key;
    end if;
  end loop;

  if checked_table_mapping.unique_key is distinct from 'none' then
    -- Unless one is asked for: the best whose columns are all in the file.
    select k.name, k.columns into v_key, v_key_columns
    from app_hidden.import_keys(checked_table_mapping.target, role_name) with ordinality
      as k (name, columns, folded, is_primary, owners, place)
    where case
      when checked_table_mapping.unique_key is not null then k.name = checked_table_mapping.unique_key
      else checked ?& k.columns
    end
    order by k.place
    limit 1;
    if v_key is null and checked_table_mapping.unique_key is not null then
      raise exception 'There is no such key' using errcode = 'INVAL', column = 'unique_key', hint = case
        when exists (select from app_hidden.import_keys(checked_table_mapping.target, role_name))
          then 'Choose one of the keys offered, or "none"'
        else 'This table has no key to find a record by: choose "none", and every row is a new record'
      end;
    end if;
    if v_key is not null and not checked ?& v_key_columns then
      raise exception 'The key needs a column for: %', array_to_string(v_key_columns, ', ')
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose the columns, or another key';
    end if;
    if v_key is not null and not exists (
      select from unnest(v_key_columns) c where (checked ->> c) = any (header)
    ) then
      raise exception 'With this key every row would be the same record'
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose a column of the file for ' || v_key_columns[1];
    end if;
  end if;
  key_name := coalesce(v_key, 'none');

  -- A key that may not be written is of use to find records by, and for nothing else.
  select coalesce(jsonb_object_agg(e.key, e.value), '{}') into checked
  from jsonb_each(checked) e
  join app_hidden.import_columns(checked_table_mapping.target, role_name) c on c.name = e.key
  where not c.match_only or c.name = any (v_key_columns);
  select c.name into v_missing
  from app_hidden.import_columns(checked_table_mapping.target, role_name) c
  where not c.nullable and c.default_value is null and not c.match_only and not checked ? c.name
  order by c.place
  limit 1;
  if v_missing is not null then
    raise exception 'Choose the column that holds the %', app_hidden.import_label(v_missing)
      using errcode = 'INVAL', column = 'mapping';
  end if;
end
$$;
comment on function app_private.checked_table_mapping(text, text, text[], jsonb, text) is
  'Refuses a mapping that cannot work for this table and header; else returns it, and the name of the key ("none" when every row is new).';
revoke execute on function app_private.checked_table_mapping(text, text, text[], jsonb, text) from public;

-- The first row with a key wins, wherever in the file the others stand. Compared
-- as text: "1" and "1.0" are told apart here and meet at the unique index.
create function app_private.mark_repeated_keys(run app_public.import_runs) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  with parts as materialized (
    -- Once, not for every row.
    select c.place, c.folded, array_position(run.header, run.mapping ->> c.name) as at,
      substr(run.mapping ->> c.name, 2) as fixed
    from app_hidden.import_keys(run.target, coalesce(run.requested_role, ':ROLE_BRAND_OWNER')) u
    cross join lateral unnest(u.columns, u.folded) with ordinality as c (name, folded, place)
    where u.name = run.unique_key
  ),
  keys as (
    select i.line_no, array_agg(case when p.folded then lower(t.value) else t.value end order by p.place) as key
    from app_private.import_rows i
    cross join parts p
    cross join lateral (select app_hidden.import_text(coalesce(i.fields[p.at], p.fixed)) as value) t
    where i.run_id = run.id and cardinality(i.fields) = cardinality(run.header)
    group by i.line_no
  )
  update app_private.import_rows s set first_line = d.first_line
  from (
    select k.line_no, min(k.line_no) over (partition by k.key) as first_line
    from keys k
    where array_position(k.key, null) is null
  ) d
  where s.run_id = run.id and s.line_no = d.line_no and d.first_line < d.line_no
$$;
comment on function app_private.mark_repeated_keys(app_public.import_runs) is 'Marks staged rows that repeat the key of an earlier line.';
revoke execute on function app_private.mark_repeated_keys(app_public.import_runs) from public;

create function app_hidden.import_plan(run app_public.import_runs)
returns table (
  place integer, name text, type text, kind text, item_type text, is_array boolean, nullable boolean,
  default_value text, updatable boolean, match_only boolean, at integer, fixed text, in_key boolean, folded boolean
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (row_number() over (order by c.place))::integer, c.name, c.type, c.kind, c.item_type, c.is_array, c.nullable,
    c.default_value, c.updatable, c.match_only,
    array_position(run.header, m.value), substr(m.value, 2),
    k.name is not null, coalesce(k.folded[array_position(k.columns, c.name)], false)
  from jsonb_each_text(run.mapping) m
  join app_hidden.import_columns(run.target) c on c.name = m.key
  left join app_hidden.import_keys(run.target) k on k.name = run.unique_key and c.name = any (k.columns)
$$;
comment on function app_hidden.import_plan(app_public.import_runs) is 'The mapped columns of a run, each with where its value comes from and how it is stored.';

revoke execute on function
  app_hidden.base_type(oid), app_hidden.import_scope(text, text), app_hidden.import_columns(text, text),
  app_hidden.import_keys(text, text), app_hidden.import_plan(app_public.import_runs)
from public;
grant execute on function
  app_hidden.base_type(oid), app_hidden.import_scope(text, text), app_hidden.import_columns(text, text),
  app_hidden.import_keys(text, text), app_hidden.import_plan(app_public.import_runs)
to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;
--! EndIncluded functions/import/table_columns.sql
--! Included functions/import/table_values.sql
-- What a cell of an imported file means: its text, and the value of a column's
-- type that it stands for, or the sentence why it stands for none.

drop function if exists app_hidden.import_value(text, text, text, boolean);
drop function if exists app_hidden.import_scalar(text, text, text);
drop function if exists app_hidden.import_label(text);
drop function if exists app_hidden.import_text(text);

-- One reading of text everywhere: blanks at the ends go, "NA" and its like mean
-- unknown, and the apostrophe an export puts before a formula is not data.
create function app_hidden.import_text(raw text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case when s.t = '' or upper(s.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else s.t end
  from (select btrim(raw, E' \t\n\r\x0b\f\u00a0\u200b\ufeff') as t) r
  cross join lateral (
    select case
      when r.t ~ E'^''[=+@\t\r\n-]' then btrim(substr(r.t, 2), E' \t\n\r\x0b\f\u00a0\u200b\ufeff') else r.t
    end as t
  ) s
$$;
comment on function app_hidden.import_text(text) is 'A cell of an imported file as the text it means; null when it means nothing.';

create function app_hidden.import_label(column_name text) returns text
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$ select replace(regexp_replace(column_name, '_(id|at|minor|code|key)$', ''), '_', ' ') $$;
comment on function app_hidden.import_label(text) is 'A column as a sentence calls it: product_id is "product".';

-- Text to what the type takes, or the sentence why not: {value, null} or
-- {null, sentence}. Narrower than PostgreSQL's own input: "today", 1e400, hex and
-- dates that depend on a setting are refused, for a file must mean one thing.
create function app_hidden.import_scalar(value text, kind text, type text) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_shown text := '“' || left(value, 40) || '”';
  v_value text := value;
  v_plain text;
begin
  case kind
    when 'text' then
      if value ~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' then
        return array[null, 'The text contains control characters'];
      end if;
      if type = 'text' then
        return array[value, null];
      end if;
    when 'boolean' then
      v_value := case
        when lower(value) in ('yes', 'y', 'true', 't', 'on', '1') then 'true'
        when lower(value) in ('no', 'n', 'false', 'f', 'off', '0') then 'false'
      end;
      if v_value is null then
        return array[null, v_shown || ' is neither yes nor no'];
      end if;
    when 'integer' then
      -- Spreadsheets write 2012 as 2012.0.
      if value !~ '^[+-]?[0-9]+([.]0+)?$' then
        return array[null, v_shown || ' is not a whole number'];
      end if;
      v_value := split_part(value, '.', 1);
    when 'number' then
      if value !~ '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$' then
        return array[null, v_shown || ' is not a number: write 1299.50'];
      end if;
    when 'date' then
      if value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then
        return array[null, v_shown || ' is not a date: write 2026-12-31'];
      end if;
    when 'moment', 'local moment' then
      if value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?\s?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$' then
        return array[null, v_shown || ' is not a time: write 2026-12-31T18:30:00Z'];
      end if;
      if kind = 'moment' and value !~ '(Z|[+-][0-9]{2}(:?[0-9]{2})?)$|^[0-9-]{10}$' then
        -- Without a zone it means UTC, whatever the session says.
        v_value := value || 'Z';
      elsif kind = 'moment' and length(value) = 10 then
        v_value := value || 'T00:00Z';
      end if;
    when 'time' then
      if value !~ '^[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?$' then
        return array[null, v_shown || ' is not a time of day: write 18:30'];
      end if;
    when 'enum' then
      select min(e.enumlabel::text) into v_value
      from pg_enum e
      where e.enumtypid = type::regtype and e.enumlabel::text = value;
      if v_value is null then
        -- A label for people, "Spring summer", stands for spring_summer.
        v_plain := regexp_replace(lower(value), '[^[:alnum:]]+', '', 'g');
        select min(e.enumlabel::text) into v_value
        from pg_enum e
        where e.enumtypid = type::regtype
          and regexp_replace(lower(e.enumlabel::text), '[^[:alnum:]]+', '', 'g') = v_plain
        having count(*) = 1;
      end if;
      if v_value is null then
        return array[null, v_shown || ' is none of: ' || (
          select string_agg(o.label, ', ' order by o.at)
          from (
            select e.enumlabel::text as label, e.enumsortorder as at
            from pg_enum e where e.enumtypid = type::regtype order by e.enumsortorder limit 12
          ) o
        )];
      end if;
      return array[v_value, null];
    when 'json' then
      if not app_hidden.is_valid_input(value, concat(type)) then
        return array[null, v_shown || ' is not JSON'];
      end if;
    else
      null;
  end case;
  -- concat: of a bare parameter is_valid_input remembers the first type it saw,
  -- and would check the next column against that.
  if not app_hidden.is_valid_input(v_value, concat(type)) then
    return array[null, case
      when kind = 'text' then 'The text is too long'
      when kind in ('integer', 'number') then v_shown || ' is too large'
      when kind = 'uuid' then v_shown || ' is not an id'
      when kind in ('date', 'moment', 'local moment', 'time') then v_shown || ' is not in the calendar'
      else v_shown || ' is not a value this field takes'
    end];
  end if;
  return array[v_value, null];
end
$$;
comment on function app_hidden.import_scalar(text, text, text) is 'One value of an imported file that is no list, checked for its type: {value, null} or {null, sentence}.';

create function app_hidden.import_value(value text, kind text, type text, is_array boolean) returns text[]
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_items text[];
  v_item text;
  v_one text[];
  v_read text[] := '{}';
begin
  if not is_array then
    return app_hidden.import_scalar(value, kind, type);
  end if;
  if left(value, 1) = '[' then
    if not app_hidden.is_valid_input(value, 'jsonb') then
      return array[null, '“' || left(value, 40) || '” is not a list: write a;b;c'];
    end if;
    select coalesce(array_agg(
      case when kind = 'json' then e.item::text else e.item #>> '{}' end order by e.at
    ), '{}') into v_items
    from jsonb_array_elements(value::jsonb) with ordinality as e (item, at);
  else
    select coalesce(array_agg(btrim(p.part) order by p.at), '{}') into v_items
    from string_to_table(value, ';') with ordinality as p (part, at)
    where btrim(p.part) <> '';
  end if;
  if cardinality(v_items) > 1000 then
    return array[null, format('%s entries, 1,000 is the most', cardinality(v_items))];
  end if;
  foreach v_item in array v_items loop
    if v_item is null then
      v_read := v_read || null::text;
      continue;
    end if;
    v_one := app_hidden.import_scalar(v_item, kind, type);
    if v_one[2] is not null then
      return v_one;
    end if;
    v_read := v_read || v_one[1];
  end loop;
  return array[v_read::text, null];
end
$$;
comment on function app_hidden.import_value(text, text, text, boolean) is 'One value of an imported file, checked for its column: {value, null} or {null, sentence}; a list may be a;b;c or JSON.';

revoke execute on function
  app_hidden.import_text(text), app_hidden.import_label(text), app_hidden.import_scalar(text, text, text),
  app_hidden.import_value(text, text, text, boolean)
from public;
grant execute on function
  app_hidden.import_text(text), app_hidden.import_label(text), app_hidden.import_scalar(text, text, text),
  app_hidden.import_value(text, text, text, boolean)
to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;
--! EndIncluded functions/import/table_values.sql
--! Included functions/import/batch.sql
-- One batch of an import: read staged rows, check each, write products, record
-- what was refused, move the checkpoint: in one transaction, so that a crash
-- leaves whole batches only. It runs in the role of whoever imports: products
-- are read and written under that role's policies and column grants; three
-- small definer functions reach what that role cannot: the staged rows of the
-- caller's own run, and the run's own bookkeeping.

drop function if exists app_hidden.import_products_batch(uuid, integer, integer);
drop function if exists app_hidden.check_import_rows(app_public.import_runs, integer);
drop function if exists app_hidden.staged_import_rows(uuid, integer, integer);
drop function if exists app_hidden.lock_import_run(uuid, integer);
drop function if exists app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb);
drop function if exists app_private.add_import_batch(uuid, integer, integer, integer, integer, jsonb);

-- Its lock makes batches of one run queue up, and the checkpoint makes a batch
-- that was done before (a second worker, a repeated job) a refusal, not a double.
create function app_hidden.lock_import_run(run_id uuid, after_line integer) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  -- Not the row of a dry run that is rolled back at its end: it would stay
  -- locked till then, and could neither be cancelled nor show its progress.
  perform
  from app_public.import_runs r
  where r.id = lock_import_run.run_id and not (r.dry_run and r.method = 'table')
    and r.requested_by = app_hidden.current_user_id()
    and app_private.owns_import(r)
  for update;
  select r.* into v_run
  from app_public.import_runs r
  where r.id = lock_import_run.run_id
    and r.requested_by = app_hidden.current_user_id()
    and app_private.owns_import(r);
  if not found then
    raise exception 'There is no such import of yours' using errcode = 'NTFND', column = 'run_id';
  end if;
  if v_run.status <> 'running' then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  if v_run.checkpoint_line <> after_line then
    raise exception 'These rows have been imported already' using errcode = 'STALE';
  end if;
  return v_run;
end
$$;
comment on function app_hidden.lock_import_run(uuid, integer) is 'The caller''s own running import, locked, if its checkpoint is where the caller believes it to be.';

create function app_hidden.staged_import_rows(run_id uuid, after_line integer, batch_size integer)
returns table (line_no integer, fields text[], first_line integer)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.line_no, s.fields, s.first_line
  from app_private.import_rows s
  where s.run_id = staged_import_rows.run_id
    and s.line_no > staged_import_rows.after_line
    and exists (
      select from app_public.import_runs r
      where r.id = staged_import_rows.run_id
        and r.requested_by = app_hidden.current_user_id()
        and app_private.owns_import(r)
    )
  order by s.line_no
  limit least(greatest(staged_import_rows.batch_size, 0), 10000)
$$;
comment on function app_hidden.staged_import_rows(uuid, integer, integer) is 'The next staged rows of the caller''s own import; of any other run, none.';

-- Checks rows and says what each would become: either a complete product or
-- the one reason it is refused. Text is cleaned the same way everywhere: line
-- breaks and tabs become blanks, blanks at the ends go, and "NA", "N/A", "NULL"
-- and "NaN" mean unknown, as the empty text does.
create function app_hidden.check_import_rows(run app_public.import_runs, batch_size integer)
returns table (
  line_no integer, field text, code text, reason text, label text,
  sku text, name text, category_code text, brand_label text, gender text, color text, season text, year integer,
  usage text, tags text[], price_minor bigint, currency text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with mapped as materialized (
    -- Field to position in the file; a mapping "=eur" has a value and no position.
    select
      coalesce(jsonb_object_agg(m.key, p.at) filter (where p.at is not null), '{}') as at,
      coalesce(jsonb_object_agg(m.key, substr(m.value, 2)) filter (where p.at is null), '{}') as fixed
    from jsonb_each_text(run.mapping) m
    cross join lateral (select array_position(run.header, m.value) as at) p
  ),
  -- Materialised, or each later mention of a field would cut it out anew.
  read as materialized (
    select s.line_no, s.first_line, cardinality(s.fields) as width, v.torn,
      v.a[(m.at ->> 'sku')::integer] as sku,
      v.a[(m.at ->> 'name')::integer] as name,
      coalesce(v.a[(m.at ->> 'category')::integer], m.fixed ->> 'category') as label,
      coalesce(v.a[(m.at ->> 'category_group')::integer], m.fixed ->> 'category_group') as label_group,
      coalesce(v.a[(m.at ->> 'brand_label')::integer], m.fixed ->> 'brand_label') as brand_label,
      coalesce(v.a[(m.at ->> 'gender')::integer], m.fixed ->> 'gender') as gender,
      coalesce(v.a[(m.at ->> 'color')::integer], m.fixed ->> 'color') as color,
      coalesce(v.a[(m.at ->> 'season')::integer], m.fixed ->> 'season') as season,
      coalesce(v.a[(m.at ->> 'year')::integer], m.fixed ->> 'year') as year_text,
      coalesce(v.a[(m.at ->> 'usage')::integer], m.fixed ->> 'usage') as usage,
      coalesce(v.a[(m.at ->> 'tags')::integer], m.fixed ->> 'tags') as tags_text,
      coalesce(v.a[(m.at ->> 'price')::integer], m.fixed ->> 'price') as price_text,
      lower(coalesce(v.a[(m.at ->> 'currency')::integer], m.fixed ->> 'currency')) as currency
    from app_hidden.staged_import_rows(run.id, run.checkpoint_line, check_import_rows.batch_size) s
    cross join mapped m
    cross join lateral (
      select array_agg(
        case when c.t = '' or upper(c.t) in ('NA', 'N/A', '#N/A', 'NULL', 'NAN') then null else c.t end
        order by u.position
      ) as a,
      bool_or(left(u.raw, 1) = '"' and u.raw ~ E'[\n\r]') as torn
      from unnest(s.fields) with ordinality as u (raw, position)
      cross join lateral (
        select btrim(
          translate(replace(u.raw, E'\r\n', ' '), E'\t\n\r\x0b\f\u00a0', '      '), E' \u200b\ufeff'
        ) as t
      ) c
    ) v
  ),
  -- What may stand before or after a price: the code and the signs of its currency.
  -- Of any other, "$12" in a list in euros, it would be another amount.
  money as materialized (
    select c.code, c.exponent, format('^(?:%1$s)\s*|\s*(?:%1$s)$', (
      select string_agg(regexp_replace(s.sign, '([^[:alnum:]])', '\\\1', 'g'), '|' order by length(s.sign) desc)
      from unnest(c.code || c.signs) s (sign)
    )) as signs
    from app_public.currencies c
  ),
  derived as materialized (
    select r.*,
      y.year,
      t.tags,
      f.exponent,
      f.price,
      c.code as category_code,
      own.id is not null and own.category_code is null as left_out
    from read r
    left join app_public.category_mappings own
      on own.brand_id = run.brand_id and lower(own.label) = lower(r.label)
    left join app_public.category_defaults d on lower(d.label) = lower(r.label)
    -- A brand's own meaning wins, also where it says "leave out"; where nobody
    -- has said anything, a label may be the code or the name of a category.
    left join lateral (
      select k.code
      from app_public.wardrobe_categories k
      where k.active and case
        when own.id is not null then k.code = own.category_code
        when d.label is not null then k.code = d.category_code
        else lower(r.label) in (k.code, lower(k.label))
      end
      order by k.code
      limit 1
    ) c on true
    cross join lateral (
      -- Spreadsheets write 2012 as 2012.0.
      select case when r.year_text ~ '^[0-9]{4}(\.0+)?$' then left(r.year_text, 4)::integer end as year
    ) y
    cross join lateral (
      select coalesce(array_agg(q.tag order by q.first), '{}') as tags
      from (
        select btrim(p.part) as tag, min(p.position) as first
        from regexp_split_to_table(r.tags_text, '[,;|]') with ordinality as p (part, position)
        where btrim(p.part) <> ''
        group by 1
      ) q
    ) t
    left join lateral (
      -- Groups of thousands count only where they cannot be mistaken for
      -- decimals: "1,299" is refused, "1,299.00" and "1 299" are not. Twelve
      -- digits at most, so that the minor units fit.
      select k.exponent, case
        when n.digits ~ ('^[0-9]{1,12}' || n.decimals || '?$') then replace(n.digits, ',', '.')::numeric
        when n.digits ~ ('^[0-9]{1,3}([ ''’][0-9]{3}){1,3}' || n.decimals || '?$')
          then replace(translate(n.digits, ' ''’', ''), ',', '.')::numeric
        when n.digits ~ ('^[0-9]{1,3}(,[0-9]{3}){1,3}' || n.decimals || '$') and n.digits ~ '[.]' then replace(n.digits, ',', '')::numeric
        when n.digits ~ ('^[0-9]{1,3}([.][0-9]{3}){1,3}' || n.decimals || '$') and n.digits ~ ','
          then replace(replace(n.digits, '.', ''), ',', '.')::numeric
      end as price
      from money k
      cross join lateral (
        select
          -- "12.-" is 12. Around a number stand blanks, and signs of its own currency.
          regexp_replace(regexp_replace(lower(btrim(r.price_text)), k.signs, '', 'g'), '[.,][-–—]+$', '') as digits,
          case when k.exponent = 0 then '([.]0)' else '([.,][0-9]{1,' || k.exponent || '})' end as decimals
      ) n
      where k.code = r.currency and length(r.price_text) <= 40
    ) f on true
  ),
  judged as (
    select d.*, case
      -- A quote that closes in the middle of a text was opened by mistake; when
      -- a line break lies between, other rows were read as part of this text.
      when d.torn then array['row', 'QUOTE', 'A quote is not closed where it should be, so following lines became part of this row']
      when d.width < cardinality(run.header) then array['row', 'SHORT', format(
        '%s %s where the header has %s: the line is cut off, or a delimiter is missing',
        d.width, case d.width when 1 then 'field' else 'fields' end, cardinality(run.header))]
      when d.width > cardinality(run.header) then array['row', 'LONGR', format(
        '%s fields where the header has %s: a text that contains the delimiter may lack its quotes',
        d.width, cardinality(run.header))]
      when d.sku is null then array['sku', 'EMPTY', 'No SKU']
      when length(d.sku) > 64 then array['sku', 'INVAL', format('The SKU has %s characters, 64 is the most', length(d.sku))]
      when d.sku ~ '[\x01-\x1f\x7f]' then array['sku', 'INVAL', 'The SKU contains control characters']
      when d.first_line is not null then array['sku', 'TWICE', format('Line %s of this file already has the SKU %s', d.first_line, d.sku)]
      when d.name is null then array['name', 'EMPTY', 'No name']
      when length(d.name) > 200 then array['name', 'INVAL', format('The name has %s characters, 200 is the most', length(d.name))]
      when d.name ~ '[\x01-\x1f\x7f]' then array['name', 'INVAL', 'The name contains control characters']
      when d.label is null then array['category', 'EMPTY', 'No category']
      when length(d.label) > 100 then array['category', 'INVAL', format('The category has %s characters, 100 is the most', length(d.label))]
      when d.label ~ '[\x01-\x1f\x7f]' then array['category', 'INVAL', 'The category contains control characters']
      when d.left_out then array['category', 'NOMAP', format(
        '%s: left out by your own category mapping', coalesce(left(d.label_group, 100) || ' / ', '') || d.label)]
      when d.category_code is null then array['category', 'NOMAP', format(
        '%s: no try-on category', coalesce(left(d.label_group, 100) || ' / ', '') || d.label)]
      when d.year_text is not null and (d.year is null or d.year not between 1900 and 2100)
        then array['year', 'INVAL', format('“%s” is not a year between 1900 and 2100', left(d.year_text, 40))]
      when length(d.brand_label) > 100 then array['brand_label', 'INVAL', format('The brand has %s characters, 100 is the most', length(d.brand_label))]
      when d.brand_label ~ '[\x01-\x1f\x7f]' then array['brand_label', 'INVAL', 'The brand contains control characters']
      when length(d.gender) > 40 then array['gender', 'INVAL', format('The gender has %s characters, 40 is the most', length(d.gender))]
      when d.gender ~ '[\x01-\x1f\x7f]' then array['gender', 'INVAL', 'The gender contains control characters']
      when length(d.color) > 60 then array['color', 'INVAL', format('The colour has %s characters, 60 is the most', length(d.color))]
      when d.color ~ '[\x01-\x1f\x7f]' then array['color', 'INVAL', 'The colour contains control characters']
      when length(d.season) > 40 then array['season', 'INVAL', format('The season has %s characters, 40 is the most', length(d.season))]
      when d.season ~ '[\x01-\x1f\x7f]' then array['season', 'INVAL', 'The season contains control characters']
      when length(d.usage) > 60 then array['usage', 'INVAL', format('The usage has %s characters, 60 is the most', length(d.usage))]
      when d.usage ~ '[\x01-\x1f\x7f]' then array['usage', 'INVAL', 'The usage contains control characters']
      when cardinality(d.tags) > 50 then array['tags', 'INVAL', format('%s tags, 50 is the most', cardinality(d.tags))]
      when length(array_to_string(d.tags, ' ')) > 2000 then array['tags', 'INVAL', 'The tags are longer than 2,000 characters']
      when d.tags_text ~ '[\x01-\x1f\x7f]' then array['tags', 'INVAL', 'The tags contain control characters']
      when d.price_text is not null and d.currency is null then array['currency', 'EMPTY', 'A price needs a currency']
      when d.price_text is not null and d.exponent is null and length(d.price_text) <= 40
        then array['currency', 'INVAL', format('“%s” is not a currency we know', left(d.currency, 40))]
      when d.price_text is not null and d.price is null
        then array['price', 'INVAL', format('“%s” is not a price in %s: write 1299.50', left(d.price_text, 40), upper(d.currency))]
    end as fault
    from derived d
  )
  select j.line_no, j.fault[1], j.fault[2], j.fault[3],
    case when j.fault[2] = 'NOMAP' then j.label end,
    j.sku, j.name, j.category_code, j.brand_label, j.gender, j.color, j.season, j.year, j.usage, j.tags,
    (j.price * power(10::numeric, j.exponent))::bigint,
    case when j.price is not null then j.currency end
  from judged j
$$;
comment on function app_hidden.check_import_rows(app_public.import_runs, integer) is 'The next rows of a run, checked: each either a product or one refusal (field, code, sentence).';

-- The caller has made sure whose run it is.
create function app_private.add_import_batch(
  run_id uuid, last_line integer, created integer, updated integer, unchanged integer, refusals jsonb
) returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
  v_refused integer;
begin
  insert into app_public.import_refusals (
    run_id, brand_id, user_id, line_no, field, code, reason, label, fields, first_line
  )
  select r.id, r.brand_id, r.user_id, f.line_no, f.field, f.code, f.reason, f.label, s.fields, s.first_line
  from app_public.import_runs r
  cross join jsonb_to_recordset(add_import_batch.refusals)
    as f (line_no integer, field text, code text, reason text, label text)
  join app_private.import_rows s on s.run_id = r.id and s.line_no = f.line_no
  where r.id = add_import_batch.run_id;
  get diagnostics v_refused = row_count;

  update app_public.import_runs r set
    checkpoint_line = add_import_batch.last_line,
    processed_rows = r.processed_rows + add_import_batch.created + add_import_batch.updated
      + add_import_batch.unchanged + v_refused,
    created_count = r.created_count + add_import_batch.created,
    updated_count = r.updated_count + add_import_batch.updated,
    unchanged_count = r.unchanged_count + add_import_batch.unchanged,
    refused_count = r.refused_count + v_refused
  where r.id = add_import_batch.run_id and r.status = 'running'
  returning r.* into v_run;
  if not found then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  return v_run;
end
$$;
comment on function app_private.add_import_batch(uuid, integer, integer, integer, integer, jsonb) is 'Adds what became of a batch to a running run: counts, refused lines, checkpoint.';
revoke execute on function app_private.add_import_batch(uuid, integer, integer, integer, integer, jsonb) from public;

create function app_hidden.record_import_batch(
  run_id uuid, last_line integer, created integer, updated integer, unchanged integer, refusals jsonb
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from app_public.import_runs r
    where r.id = record_import_batch.run_id
      and r.requested_by = app_hidden.current_user_id()
      and app_private.owns_import(r)
  ) then
    raise exception 'This import is not running' using errcode = 'STATE';
  end if;
  return app_private.add_import_batch(run_id, last_line, created, updated, unchanged, refusals);
end
$$;
comment on function app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb) is 'Adds what became of a batch to the caller''s own run: counts, refused lines, checkpoint.';

create function app_hidden.import_products_batch(run_id uuid, after_line integer, batch_size integer default 1000)
returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_hidden.lock_import_run(import_products_batch.run_id, import_products_batch.after_line);
  v_last integer;
  v_good integer;
  v_created integer;
  v_updated integer;
  v_refusals jsonb;
begin
  -- A column the file does not have keeps what the product has: `mapping ? x`
  -- asks whether the file says anything about x at all.
  with checked as materialized (
    select c.* from app_hidden.check_import_rows(v_run, import_products_batch.batch_size) c
  ),
  good as (
    select c.* from checked c where c.code is null
  ),
  written as (
    insert into app_public.products as p (
      brand_id, sku, name, category_code, brand_label, gender, color, season, year, usage, tags, price_minor, currency
    )
    select v_run.brand_id, g.sku, g.name, g.category_code, g.brand_label, g.gender, g.color, g.season, g.year,
      g.usage, g.tags, g.price_minor, g.currency
    from good g
    where not v_run.dry_run
    -- Two imports of one brand lock products in the same order, so neither
    -- waits for the other in a circle.
    order by g.sku
    on conflict on constraint products_brand_id_sku_key do update set
      name = excluded.name,
      category_code = excluded.category_code,
      brand_label = case when v_run.mapping ? 'brand_label' then excluded.brand_label else p.brand_label end,
      gender = case when v_run.mapping ? 'gender' then excluded.gender else p.gender end,
      color = case when v_run.mapping ? 'color' then excluded.color else p.color end,
      season = case when v_run.mapping ? 'season' then excluded.season else p.season end,
      year = case when v_run.mapping ? 'year' then excluded.year else p.year end,
      usage = case when v_run.mapping ? 'usage' then excluded.usage else p.usage end,
      tags = case when v_run.mapping ? 'tags' then excluded.tags else p.tags end,
      price_minor = case when v_run.mapping ? 'price' then excluded.price_minor else p.price_minor end,
      currency = case when v_run.mapping ? 'price' then excluded.currency else p.currency end
    where (p.name, p.category_code) is distinct from (excluded.name, excluded.category_code)
      or (v_run.mapping ? 'brand_label' and p.brand_label is distinct from excluded.brand_label)
      or (v_run.mapping ? 'gender' and p.gender is distinct from excluded.gender)
      or (v_run.mapping ? 'color' and p.color is distinct from excluded.color)
      or (v_run.mapping ? 'season' and p.season is distinct from excluded.season)
      or (v_run.mapping ? 'year' and p.year is distinct from excluded.year)
      or (v_run.mapping ? 'usage' and p.usage is distinct from excluded.usage)
      or (v_run.mapping ? 'tags' and p.tags is distinct from excluded.tags)
      or (v_run.mapping ? 'price' and (p.price_minor, p.currency) is distinct from (excluded.price_minor, excluded.currency))
    -- A row that was inserted has never been locked by an update.
    returning p.xmax = 0 as is_new
  ),
  compared as (
    select p.id is null as is_new
    from good g
    left join app_public.products p on p.brand_id = v_run.brand_id and p.sku = g.sku
    where v_run.dry_run and (
      p.id is null
      or (p.name, p.category_code) is distinct from (g.name, g.category_code)
      or (v_run.mapping ? 'brand_label' and p.brand_label is distinct from g.brand_label)
      or (v_run.mapping ? 'gender' and p.gender is distinct from g.gender)
      or (v_run.mapping ? 'color' and p.color is distinct from g.color)
      or (v_run.mapping ? 'season' and p.season is distinct from g.season)
      or (v_run.mapping ? 'year' and p.year is distinct from g.year)
      or (v_run.mapping ? 'usage' and p.usage is distinct from g.usage)
      or (v_run.mapping ? 'tags' and p.tags is distinct from g.tags)
      or (v_run.mapping ? 'price' and (p.price_minor, p.currency) is distinct from (g.price_minor, g.currency))
    )
  ),
  changed as (
    select w.is_new from written w union all select c.is_new from compared c
  )
  select
    (select max(c.line_no) from checked c),
    (select count(*) from good),
    (select count(*) from changed ch where ch.is_new),
    (select count(*) from changed ch where not ch.is_new),
    (select coalesce(jsonb_agg(jsonb_build_object(
        'line_no', c.line_no, 'field', c.field, 'code', c.code, 'reason', c.reason, 'label', c.label
      )), '[]')
      from checked c where c.code is not null)
  into v_last, v_good, v_created, v_updated, v_refusals;

  if v_last is null then
    -- Nothing is staged after the checkpoint: the run is at its end.
    return v_run;
  end if;
  return app_hidden.record_import_batch(
    v_run.id, v_last, v_created, v_updated, v_good - v_created - v_updated, v_refusals
  );
end
$$;
comment on function app_hidden.import_products_batch(uuid, integer, integer) is
  'Imports the next rows of the caller''s own run after a line, as the caller, in one transaction; returns the run as it then is.';

revoke execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.check_import_rows(app_public.import_runs, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb),
  app_hidden.import_products_batch(uuid, integer, integer)
from public;
grant execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.check_import_rows(app_public.import_runs, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb),
  app_hidden.import_products_batch(uuid, integer, integer)
to :ROLE_MANAGER;
grant execute on function
  app_hidden.lock_import_run(uuid, integer), app_hidden.staged_import_rows(uuid, integer, integer),
  app_hidden.record_import_batch(uuid, integer, integer, integer, integer, jsonb)
to :ROLE_USER, :ROLE_STAFF;
--! EndIncluded functions/import/batch.sql
--! Included functions/import/runs.sql
-- What a person does with an import: upload registers it, then start, cancel,
-- resume, run the refused rows again, say what a label means. A run is changed
-- by these functions only: its file, counts and state cannot be written by hand.
-- They are definer functions and therefore check the caller themselves, through
-- import_owner(), which is nobody for whoever has no such role right now.

drop function if exists app_public.start_import(uuid, jsonb, boolean);
drop function if exists app_public.start_import(uuid, jsonb, boolean, text);
drop function if exists app_public.cancel_import(uuid);
drop function if exists app_public.resume_import(uuid);
drop function if exists app_public.rerun_refused(uuid);
drop function if exists app_public.set_category_mapping(text, text);
drop function if exists app_public.import_runs_unmapped_labels(app_public.import_runs);
drop function if exists app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb);
drop function if exists app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text);
drop function if exists app_hidden.assert_may_import();
drop function if exists app_hidden.assert_may_import(text);
drop function if exists app_hidden.import_with_file(uuid);
drop function if exists app_private.assert_importable(text, text);
drop function if exists app_private.own_import_run(uuid);
drop function if exists app_private.checked_import_mapping(text[], jsonb);
drop function if exists app_private.import_file_key(uuid, uuid);
drop function if exists app_private.queue_import_run(uuid);
drop function if exists app_private.import_run_lock(uuid);

create function app_private.import_file_key(owner_id uuid, run_id uuid) returns text
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select 'imports/' || owner_id || '/' || run_id || '.csv' $$;
comment on function app_private.import_file_key(uuid, uuid) is 'Where the file of a run is stored. Derived, never given: the worker reads what stands there.';
revoke execute on function app_private.import_file_key(uuid, uuid) from public;

-- For whom the caller may import into a table; DNIED where there is nobody.
create function app_private.assert_importable(target text, method text, out brand_id uuid, out user_id uuid, out role_name text)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  select o.brand_id, o.user_id, o.role_name into brand_id, user_id, role_name from app_private.import_owner() o;
  if brand_id is null and (user_id is null or assert_importable.method = 'catalogue') then
    raise exception 'Only a manager or an owner of a brand can import this'
      using errcode = 'DNIED', column = 'target', hint = 'Choose a brand you manage, then upload the file again';
  end if;
  if assert_importable.method = 'table' and not exists (
    select from app_hidden.import_columns(assert_importable.target, role_name) c where not c.match_only
  ) then
    raise exception 'You may not import into this table'
      using errcode = 'DNIED', column = 'target', hint = 'Choose a table to which you may add records';
  end if;
end
$$;
comment on function app_private.assert_importable(text, text) is 'The brand or the person that an import into a table would be of; refuses who may not.';
revoke execute on function app_private.assert_importable(text, text) from public;

-- Asked before the bytes of an upload are accepted; what comes back is the
-- place they go to. A brand's products may yet turn out to be a catalogue.
create function app_hidden.assert_may_import(target text) returns table (run_id uuid, file_key text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner record;
begin
  select o.* into v_owner
  from app_private.assert_importable(
    assert_may_import.target, case assert_may_import.target when 'products' then 'catalogue' else 'table' end
  ) o;
  run_id := app_private.uuid_v7();
  file_key := app_private.import_file_key(coalesce(v_owner.brand_id, v_owner.user_id), run_id);
  return next;
end
$$;
comment on function app_hidden.assert_may_import(text) is 'Refuses who may not import into a table; else gives a new run''s id and where its file goes.';
revoke execute on function app_hidden.assert_may_import(text) from public;
grant execute on function app_hidden.assert_may_import(text) to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;

create function app_hidden.register_import(
  run_id uuid, filename text, bytes bigint, sha256 bytea, encoding text, delimiter text, header text[], mapping jsonb,
  target text default 'products', method text default 'catalogue'
) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner record;
  v_key text;
  v_run app_public.import_runs;
begin
  if register_import.method not in ('catalogue', 'table') then
    raise exception 'There is no such kind of import' using errcode = 'INVAL', column = 'method';
  end if;
  select o.* into v_owner from app_private.assert_importable(register_import.target, register_import.method) o;
  v_key := app_private.import_file_key(coalesce(v_owner.brand_id, v_owner.user_id), register_import.run_id);
  insert into app_public.storage_objects (
    key, owner_brand_id, owner_user_id, kind, content_type, bytes, sha256, status, retention_until
  ) values (
    v_key, v_owner.brand_id, v_owner.user_id, 'import', 'text/csv', register_import.bytes, register_import.sha256,
    'available', now() + interval '90 days'
  );
  insert into app_public.import_runs (
    id, brand_id, user_id, requested_by, requested_role, filename, storage_key, encoding, delimiter, header, mapping,
    target, method
  ) values (
    register_import.run_id, v_owner.brand_id, v_owner.user_id, app_hidden.current_user_id(),
    case when v_owner.brand_id is null then v_owner.role_name end, register_import.filename, v_key,
    register_import.encoding, register_import.delimiter, register_import.header, register_import.mapping,
    register_import.target, register_import.method
  ) returning * into v_run;
  return v_run;
end
$$;
comment on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text) is
  'Records an uploaded file and the run that will import it, in state uploaded.';
revoke execute on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text) from public;
grant execute on function app_hidden.register_import(uuid, text, bigint, bytea, text, text, text[], jsonb, text, text)
  to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;

-- Staff see that a person imported something, and not what: a wardrobe is read
-- through break_glass_wardrobe alone.
create function app_hidden.import_with_file(run_id uuid) returns setof app_public.import_runs
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from app_public.import_runs r
  where r.id = import_with_file.run_id
    and (r.brand_id is not null or r.user_id = app_hidden.current_user_id())
$$;
comment on function app_hidden.import_with_file(uuid) is 'The run, if the caller may see it and read its file.';
revoke execute on function app_hidden.import_with_file(uuid) from public;
grant execute on function app_hidden.import_with_file(uuid) to :ROLE_MANAGER, :ROLE_USER, :ROLE_STAFF;

-- The caller's run, locked: what the following statements decide stays true.
create function app_private.own_import_run(run_id uuid) returns app_public.import_runs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs;
begin
  select r.* into v_run
  from app_public.import_runs r
  where r.id = own_import_run.run_id and app_private.owns_import(r)
  for update;
  if not found then
    raise exception 'There is no such import of yours' using errcode = 'NTFND', column = 'run_id';
  end if;
  return v_run;
end
$$;
comment on function app_private.own_import_run(uuid) is 'A run of the active brand, or the caller''s own, locked; NTFND for any other.';
revoke execute on function app_private.own_import_run(uuid) from public;

-- The mapping as it will be used: known fields, existing columns, nothing null.
create function app_private.checked_import_mapping(header text[], mapping jsonb) returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mapping jsonb := jsonb_strip_nulls(mapping);
  v_entry record;
  v_missing text;
begin
  if jsonb_typeof(v_mapping) is distinct from 'object' then
    raise exception 'The mapping must name a column for each field'
      using errcode = 'INVAL', column = 'mapping', hint = 'For example {"sku": "id", "name": "title", "category": "type"}';
  end if;
  for v_entry in select e.key, e.value from jsonb_each(v_mapping) e loop
    if v_entry.key <> all (array[
      'sku', 'name', 'category', 'category_group', 'gender', 'color', 'season', 'year', 'usage', 'brand_label',
      'tags', 'price', 'currency'
    ]) then
      raise exception 'There is no field named %', left(v_entry.key, 60) using errcode = 'INVAL', column = 'mapping';
    end if;
    if jsonb_typeof(v_entry.value) <> 'string' then
      raise exception 'The column of % must be a text', v_entry.key using errcode = 'INVAL', column = 'mapping';
    end if;
    -- "=eur" stands for the same value in every row; a SKU or a name cannot.
    if (v_entry.value #>> '{}') <> all (header)
      and ((v_entry.value #>> '{}') !~ '^=.' or v_entry.key in ('sku', 'name')) then
      raise exception 'The file has no column named "%"', left(v_entry.value #>> '{}', 60)
        using errcode = 'INVAL', column = 'mapping', hint = 'Choose another column for ' || v_entry.key;
    end if;
  end loop;
  select f into v_missing from unnest(array['sku', 'name', 'category']) f where not v_mapping ? f limit 1;
  if v_missing is not null then
    raise exception 'Choose the column that holds the %', v_missing using errcode = 'INVAL', column = 'mapping';
  end if;
  if v_mapping ? 'price' and not v_mapping ? 'currency' then
    raise exception 'A price needs a currency'
      using errcode = 'INVAL', column = 'mapping',
        hint = 'Choose the column of the currency, or write =eur for one currency in all rows';
  end if;
  return v_mapping;
end
$$;
comment on function app_private.checked_import_mapping(text[], jsonb) is 'Refuses a mapping that cannot work for this header; else returns it without its empty entries.';
revoke execute on function app_private.checked_import_mapping(text[], jsonb) from public;

create function app_private.queue_import_run(run_id uuid) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select app_private.enqueue_job('import_run', json_build_object('runId', run_id), 'import_run:' || run_id)
$$;
comment on function app_private.queue_import_run(uuid) is 'Hands a run to the worker; asking twice leaves one job.';
revoke execute on function app_private.queue_import_run(uuid) from public;

create function app_private.import_run_lock(run_id uuid) returns bigint
language sql immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$ select hashtextextended('import_run:' || run_id, 0) $$;
comment on function app_private.import_run_lock(uuid) is 'The advisory lock that the worker of a run holds from claiming it to its end.';
revoke execute on function app_private.import_run_lock(uuid) from public;
grant execute on function app_private.import_run_lock(uuid) to :ROLE_WORKER;

create function app_public.start_import(
  run_id uuid, mapping jsonb, dry_run boolean default false, unique_key text default null
)
returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(start_import.run_id);
  v_mapping jsonb;
  v_key text;
begin
  -- A dry run wrote nothing, so the same file may start again, for real this
  -- time. What it refused is cleared by the worker, which has the time for it.
  if not (
    v_run.status = 'uploaded'
    or (v_run.status in ('completed', 'cancelled', 'failed') and (v_run.dry_run or v_run.processed_rows = 0))
  ) then
    raise exception 'This import has already run'
      using errcode = 'STATE', hint = 'Resume it, run its refused rows again, or upload the file once more';
  end if;
  if v_run.method = 'table' then
    select c.checked, c.key_name into v_mapping, v_key
    from app_private.checked_table_mapping(
      v_run.target, current_setting('role'), v_run.header, start_import.mapping, start_import.unique_key
    ) c;
  else
    v_mapping := app_private.checked_import_mapping(v_run.header, start_import.mapping);
  end if;
  update app_public.import_runs r set
    requested_by = app_hidden.current_user_id(),
    requested_role = case when r.user_id is not null then current_setting('role') end,
    mapping = v_mapping,
    unique_key = v_key,
    dry_run = coalesce(start_import.dry_run, false),
    status = 'queued',
    total_rows = null, processed_rows = 0, created_count = 0, updated_count = 0, unchanged_count = 0,
    refused_count = 0, checkpoint_line = 0, error_code = null, error_message = null,
    started_at = null, finished_at = null
  where r.id = v_run.id
  returning r.* into v_run;
  perform app_private.queue_import_run(v_run.id);
  return v_run;
end
$$;
comment on function app_public.start_import(uuid, jsonb, boolean, text) is $$
Starts an uploaded import with this mapping of fields to columns of the file. A dry run does everything a run does and takes it back; afterwards the same run can be started for real.$$;

create function app_public.cancel_import(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(cancel_import.run_id);
begin
  if v_run.status not in ('uploaded', 'queued', 'staging', 'running', 'cancelling') then
    raise exception 'This import has already ended' using errcode = 'STATE';
  end if;
  -- What its dry run refused goes with it: no worker comes to clear that.
  if v_run.status = 'queued' then
    delete from app_public.import_refusals f where f.run_id = v_run.id;
  end if;
  update app_public.import_runs r set
    -- Nobody works on it yet, or a worker does and stops after its batch.
    status = case when v_run.status in ('uploaded', 'queued') then 'cancelled' else 'cancelling' end::app_public.import_status,
    finished_at = case when v_run.status in ('uploaded', 'queued') then now() end
  where r.id = v_run.id
  returning r.* into v_run;
  return v_run;
end
$$;
comment on function app_public.cancel_import(uuid) is 'Stops an import after the batch it is at. Rows already imported stay; resume_import goes on after them.';

create function app_public.resume_import(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(resume_import.run_id);
begin
  if v_run.started_at is null and v_run.status <> 'queued' then
    raise exception 'This import has never started' using errcode = 'STATE', hint = 'Start it';
  end if;
  if v_run.status in ('cancelled', 'failed') then
    update app_public.import_runs r set
      requested_by = app_hidden.current_user_id(),
      requested_role = case when r.user_id is not null then current_setting('role') end,
      status = 'queued', error_code = null, error_message = null, finished_at = null
    where r.id = v_run.id
    returning r.* into v_run;
  elsif v_run.status = 'completed' then
    raise exception 'This import is complete' using errcode = 'STATE', hint = 'Run its refused rows again, or upload a new file';
  elsif not pg_try_advisory_xact_lock(app_private.import_run_lock(v_run.id)) then
    -- Whoever works on a run holds its lock, and loses it by dying.
    raise exception 'This import is still running' using errcode = 'STATE', hint = 'Wait for it, or cancel it';
  end if;
  perform app_private.queue_import_run(v_run.id);
  return v_run;
end
$$;
comment on function app_public.resume_import(uuid) is 'Goes on with a cancelled, failed or stalled import after its last committed batch.';

create function app_public.rerun_refused(run_id uuid) returns app_public.import_runs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run app_public.import_runs := app_private.own_import_run(rerun_refused.run_id);
  v_again app_public.import_runs;
begin
  if v_run.dry_run then
    raise exception 'A dry run wrote nothing, so there is nothing to run again' using errcode = 'STATE', hint = 'Start the import';
  end if;
  if v_run.status not in ('completed', 'cancelled', 'failed') then
    raise exception 'This import is still running' using errcode = 'STATE', hint = 'Wait until it has ended';
  end if;
  if v_run.refused_count = 0 then
    raise exception 'This import refused no row' using errcode = 'STATE';
  end if;
  -- The run is locked: a second click finds what the first one began.
  select r.* into v_again from app_public.import_runs r
  where r.rerun_of = v_run.id and r.status in ('uploaded', 'queued', 'staging', 'running', 'cancelling')
  order by r.id desc limit 1;
  if found then
    return v_again;
  end if;
  -- Without a key nothing tells a row that is there already: once is all.
  if v_run.unique_key = 'none' and exists (
    select from app_public.import_runs r where r.rerun_of = v_run.id and r.processed_rows > 0
  ) then
    raise exception 'The refused rows of this import were run again already'
      using errcode = 'STATE', hint = 'Run the refused rows of that import again';
  end if;
  insert into app_public.import_runs (
    brand_id, user_id, requested_by, requested_role, filename, storage_key, status, mapping, encoding, delimiter, header, rerun_of,
    target, method, unique_key
  ) values (
    v_run.brand_id, v_run.user_id, app_hidden.current_user_id(),
    case when v_run.user_id is not null then current_setting('role') end, v_run.filename, v_run.storage_key, 'queued', v_run.mapping,
    v_run.encoding, v_run.delimiter, v_run.header, v_run.id,
    v_run.target, v_run.method, v_run.unique_key
  ) returning * into v_again;
  perform app_private.queue_import_run(v_again.id);
  return v_again;
end
$$;
comment on function app_public.rerun_refused(uuid) is 'Runs the refused rows of an import again, as a new run: after a mapping was added, say. While one is under way, that one is returned; rows that no key tells apart are run again once. STATE.';

-- Runs as the member: the policies of category_mappings decide.
create function app_public.set_category_mapping(label text, category_code text)
returns app_public.category_mappings
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.category_mappings (brand_id, label, category_code)
  values (app_hidden.current_brand_id(), btrim(set_category_mapping.label), set_category_mapping.category_code)
  on conflict (brand_id, lower(label)) do update set category_code = excluded.category_code
  returning *
$$;
comment on function app_public.set_category_mapping(text, text) is 'Says what a source label means for the active brand, from the next import on. Without a category such rows are left out on purpose.';

create function app_public.import_runs_unmapped_labels(run app_public.import_runs)
returns table (label text, reason text, row_count integer, first_line integer)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select f.label, min(f.reason), count(*)::integer, min(f.line_no)
  from app_public.import_refusals f
  where f.run_id = run.id and f.code = 'NOMAP' and f.label is not null
  group by f.label
  order by count(*) desc, f.label
$$;
comment on function app_public.import_runs_unmapped_labels(app_public.import_runs) is 'Labels of this run that mean no category, with how many rows each holds back; most first.';

revoke execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid), app_public.set_category_mapping(text, text),
  app_public.import_runs_unmapped_labels(app_public.import_runs)
from public;
grant execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid), app_public.set_category_mapping(text, text),
  app_public.import_runs_unmapped_labels(app_public.import_runs)
to :ROLE_MANAGER;
grant execute on function app_public.import_runs_unmapped_labels(app_public.import_runs) to :ROLE_STAFF;
grant execute on function
  app_public.start_import(uuid, jsonb, boolean, text), app_public.cancel_import(uuid), app_public.resume_import(uuid),
  app_public.rerun_refused(uuid)
to :ROLE_USER, :ROLE_STAFF;
grant execute on function app_public.import_runs_unmapped_labels(app_public.import_runs) to :ROLE_USER;
--! EndIncluded functions/import/runs.sql
--! Included functions/ops/check_invariants.sql
-- Invariants of the data and the schema, each a query that must return no row.
-- `npm run check` and the tests run them after every scenario.
drop function if exists app_private.check_invariants();

create function app_private.check_invariants() returns table (invariant text, detail text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  -- A month within the horizon without a partition.
  select 'partition_missing', t.parent || ' ' || to_char(m, 'YYYY-MM')
  from app_private.partitioned_tables t,
    generate_series(
      date_trunc('month', now() at time zone 'UTC'),
      date_trunc('month', now() at time zone 'UTC') + make_interval(months => t.months_ahead - 1),
      interval '1 month'
    ) m
  where to_regclass(format('app_partitions.%I', split_part(t.parent, '.', 2) || '_' || to_char(m, 'YYYY_MM'))) is null
  union all
  -- A table without row-level security. The import staging is the one exception.
  select 'table_without_rls', c.oid::regclass::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private', 'app_partitions')
    and c.relkind in ('r', 'p') and not c.relrowsecurity
    and c.oid <> 'app_private.import_rows'::regclass
  union all
  -- A view that neither runs as its caller nor belongs to the bound reader; one
  -- with conditions of its own needs a barrier before those of its caller.
  select 'view_unbound', c.oid::regclass::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = 'app_public' and c.relkind in ('v', 'm')
    and not (
      c.relkind = 'v' and (
        coalesce(c.reloptions @> array['security_invoker=true'], false)
        or (
          pg_get_userbyid(c.relowner) = ':ROLE_READER'
          and (
            coalesce(c.reloptions @> array['security_barrier=true'], false)
            or pg_get_viewdef(c.oid) !~* '\m(where|join|group|having|distinct|limit|union|intersect|except)\M'
          )
        )
      )
    )
  union all
  -- A foreign key whose columns lead no index.
  select 'foreign_key_without_index', k.conrelid::regclass || '.' || k.conname
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where k.contype = 'f' and n.nspname in ('app_public', 'app_private', 'app_hidden')
    and not exists (
      select 1 from pg_index i
      where i.indrelid = k.conrelid and i.indisvalid
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] <@ k.conkey
    )
  union all
  -- A definer function that trusts its caller's search_path, or that anybody may run.
  select 'definer_function_unsafe', p.oid::regprocedure::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('app_public', 'app_hidden', 'app_private') and p.prosecdef
    and (
      not exists (select 1 from unnest(coalesce(p.proconfig, '{}')) o where o like 'search\_path=%')
      or exists (
        select 1 from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        where a.grantee = 0 and a.privilege_type = 'EXECUTE'
      )
    )
  union all
  select 'index_invalid', i.indexrelid::regclass::text from pg_index i
  join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
  where not i.indisvalid and n.nspname like 'app\_%'
  union all
  select 'constraint_not_validated', k.conrelid::regclass || '.' || k.conname
  from pg_constraint k join pg_namespace n on n.oid = k.connamespace
  where not k.convalidated and n.nspname like 'app\_%'
  union all
  -- A brand that works without an owner. While onboarding its owner is invited,
  -- and it may be suspended or closed before anybody accepts.
  select 'brand_without_owner', b.slug
  from app_public.brand_accounts b
  where b.status = 'active'
    and not exists (select 1 from app_public.brand_members m where m.brand_id = b.id and m.role = 'owner')
  union all
  -- An import whose counts do not add up to its refusals. One that waits still has
  -- those of its dry run: the worker clears them.
  select 'import_refusals_miscounted', r.id::text
  from app_public.import_runs r
  where r.status not in ('queued', 'staging') and r.refused_count <> (select count(*) from app_public.import_refusals f where f.run_id = r.id)
  union all
  select r.invariant, r.detail from app_private.credit_reconcile() r
  union all
  select r.invariant, r.detail from app_private.mrr_differences() r
  union all
  -- A job that should have been expired or handed on long ago: nobody sweeps.
  select 'job_left_behind', j.id::text
  from app_public.tryon_jobs j
  where (j.status = 'queued' and j.deadline_at < now() - interval '15 minutes')
    or (j.status = 'processing' and j.locked_until < now() - interval '15 minutes')
$$;
comment on function app_private.check_invariants() is 'Returns one row per broken invariant; no row when everything holds.';
revoke execute on function app_private.check_invariants() from public;
grant execute on function app_private.check_invariants() to :ROLE_WORKER;
--! EndIncluded functions/ops/check_invariants.sql
--! Included functions/catalogue/matching.sql
-- Which rows a person's words find, for the filter `search` of a list (the tag
-- @admin.search on the table names the function). The list itself is still read
-- under the caller's policies; these only spare it from comparing every row: the
-- operator @@ is not leakproof, so below a policy with an expression it uses no
-- index. Any word may be the beginning of one, because people type on.
create or replace function app_hidden.search_query(search text) returns tsquery
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with asked as (
    select regexp_replace(left(search, 200), '(^|\s)-("[^"]*"?|[^\s"]+)', ' ', 'g') as wanted,
      (
        select string_agg(m[2], ' or ')
        from regexp_matches(left(search, 200), '(^|\s)-("[^"]*"?|[^\s"]+)', 'g') as m
      ) as unwanted
  ),
  beginnings as (
    -- Nobody who writes a phrase, or one word or another, is still typing it.
    select string_agg('(' || f.whole || coalesce(' | (' || f.parts || ')', '') || ')', ' & ')::tsquery as query
    from asked
    cross join regexp_split_to_table(lower(asked.wanted), '\s+') as w
    cross join lateral (
      -- Cut as the search vector is ("ml-02" begins "ml-0292"), or at every mark.
      select to_tsquery('simple', '''' || regexp_replace(w, '[^[:alnum:]./@_+-]+', ' ', 'g') || ''':*')::text as whole,
        (select string_agg(quote_literal(p) || ':*', ' & ') from regexp_split_to_table(w, '[^[:alnum:]]+') as p where p <> '') as parts
    ) f
    where w ~ '[[:alnum:]]' and asked.wanted !~* '"|\mor\M' and f.whole <> ''
  )
  select case
      when q.unwanted is null then q.wanted
      when numnode(q.wanted) = 0 then !!q.unwanted
      -- What is left out is absent in every form; the rest may have any.
      else q.wanted && !!q.unwanted
    end
  from (
    select websearch_to_tsquery('english', wanted)
        || websearch_to_tsquery('simple', wanted)
        || coalesce((select b.query from beginnings b), ''::tsquery) as wanted,
      websearch_to_tsquery('english', unwanted) || websearch_to_tsquery('simple', unwanted) as unwanted
    from asked
  ) q
$$;
comment on function app_hidden.search_query(text) is 'The words of a search as a text query: as typed, by their stem, or as beginnings of words; "quoted phrases", or, and -minus.';
revoke execute on function app_hidden.search_query(text) from public;
grant execute on function app_hidden.search_query(text) to :ROLE_USER;

-- As its owner, so it asks itself who calls: a brand searches its own products,
-- staff all of them, anybody else the active ones. Ranked and bounded: whoever
-- finds 2,000 products is better served by another word.
create or replace function app_hidden.matching_products(search text) returns setof uuid
language plpgsql stable security definer rows 200
set search_path = pg_catalog, pg_temp
as $$
declare
  v_query tsquery := app_hidden.search_query(search);
  v_brand uuid := app_hidden.current_brand_id();
  v_is_of_brand boolean;
  v_is_staff boolean;
begin
  select coalesce(bool_or(pg_has_role(r.oid, ':ROLE_VIEWER', 'usage')), false),
         coalesce(bool_or(pg_has_role(r.oid, ':ROLE_STAFF', 'usage')), false)
    into v_is_of_brand, v_is_staff
  from pg_roles r
  where r.rolname = current_setting('role', true);

  if v_is_of_brand then
    return query
      select p.id from app_public.products p
      where p.brand_id = v_brand and p.fts @@ v_query
      order by ts_rank(p.fts, v_query) desc, p.id
      limit 2000;
  else
    return query
      select m.id from (
        -- Ranking reads every match: a word that is in everything must not cost seconds.
        select p.id, p.fts from app_public.products p
        where p.fts @@ v_query and (v_is_staff or p.active)
        limit 10000
      ) m
      order by ts_rank(m.fts, v_query) desc, m.id
      limit 2000;
  end if;
end
$$;
comment on function app_hidden.matching_products(text) is 'Keys of the products that the words find, to be read under the policies: best first, at most 2,000.';
revoke execute on function app_hidden.matching_products(text) from public;
grant execute on function app_hidden.matching_products(text) to :ROLE_ANONYMOUS, :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;

-- As the caller: a wardrobe is narrowed by its person first, through an index.
create or replace function app_hidden.matching_wardrobe_items(search text) returns setof uuid
language sql stable rows 50
set search_path = pg_catalog, pg_temp
as $$
  select w.id from app_public.wardrobe_items w
  where w.user_id = (select app_hidden.current_user_id())
    and w.fts @@ (select app_hidden.search_query(search))
  order by ts_rank(w.fts, (select app_hidden.search_query(search))) desc, w.id
  limit 2000
$$;
comment on function app_hidden.matching_wardrobe_items(text) is 'Keys of the caller''s own wardrobe items that the words find: best first, at most 2,000.';
revoke execute on function app_hidden.matching_wardrobe_items(text) from public;
grant execute on function app_hidden.matching_wardrobe_items(text) to :ROLE_USER;
--! EndIncluded functions/catalogue/matching.sql
--! Included functions/common/triggers.sql
-- Which shared trigger stands on which table. Numbers give the order: 100
-- normalise, 200 forbid, 500 act, 700 check, 800 audit, 900 append-only.
do $do$
declare
  v_table text;
begin
  foreach v_table in array array[
    'users', 'staff_members', 'brand_accounts', 'brand_members', 'brand_invitations', 'wardrobe_categories',
    'storage_objects', 'products', 'wardrobe_items', 'item_embeddings', 'category_mappings', 'import_runs', 'saved_views'
  ] loop
    execute format('drop trigger if exists _100_timestamps on app_public.%I', v_table);
    execute format(
      'create trigger _100_timestamps before insert or update on app_public.%I '
      'for each row execute function app_private.tg__timestamps()', v_table);
  end loop;
end
$do$;

-- E-mail is typed by people: folded and trimmed before the check sees it.
create or replace function app_private.tg__normalise_email() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  NEW.email := nullif(lower(btrim(NEW.email)), '');
  return NEW;
end
$$;
revoke execute on function app_private.tg__normalise_email() from public;
comment on function app_private.tg__normalise_email() is 'Trims and lower-cases an e-mail before it is stored.';

create or replace trigger _100_email before insert or update of email on app_public.users
  for each row execute function app_private.tg__normalise_email();
create or replace trigger _100_email before insert or update of email on app_public.brand_invitations
  for each row execute function app_private.tg__normalise_email();

-- A time zone must be one the server knows, or no report of the brand could be made.
create or replace function app_private.tg__known_timezone() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select 1 from pg_timezone_names where name = NEW.timezone) then
    raise exception 'There is no time zone named %', NEW.timezone
      using errcode = 'INVAL', column = 'timezone', hint = 'Use a name such as Europe/Paris or UTC';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg__known_timezone() from public;
comment on function app_private.tg__known_timezone() is 'Refuses a time zone the server does not know.';

-- The condition on UTC spares inserts the walk through the server's zone files.
create or replace trigger _200_timezone before insert or update of timezone on app_public.users
  for each row when (NEW.timezone <> 'UTC') execute function app_private.tg__known_timezone();
create or replace trigger _200_timezone before insert or update of timezone on app_public.brand_accounts
  for each row when (NEW.timezone <> 'UTC') execute function app_private.tg__known_timezone();

-- Support may suspend people, and must not shut out the colleagues who watch over
-- it: an admin takes somebody off the staff first. Definer, because support cannot
-- read who is staff.
create or replace function app_private.tg_users__no_colleague() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_actor_kind() = 'staff'
    and exists (select 1 from app_public.staff_members s where s.user_id = NEW.id) then
    raise exception 'You may not change the status of a colleague'
      using errcode = 'DNIED', column = 'status', hint = 'Ask a staff administrator to take this person off the staff first';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_users__no_colleague() from public;
comment on function app_private.tg_users__no_colleague() is 'Refuses that staff suspends or reinstates staff (DNIED).';

create or replace trigger _200_no_colleague before update of status on app_public.users
  for each row when (NEW.status <> OLD.status and NEW.status <> 'erased')
  execute function app_private.tg_users__no_colleague();

-- A brand that works has an owner: the first comes by invite_owner, and
-- one_owner.sql keeps the last. Locks the row it changes, as that trigger does.
create or replace function app_private.tg_brand_accounts__owned() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not app_private.has_owner(NEW.id) then
    raise exception 'A brand needs an owner before it is active'
      using errcode = 'LASTO', column = 'status', hint = 'Invite an owner, and wait until the invitation is accepted';
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_brand_accounts__owned() from public;
comment on function app_private.tg_brand_accounts__owned() is 'Refuses to make a brand active that has no active owner (LASTO).';

create or replace trigger _200_owned before update of status on app_public.brand_accounts
  for each row when (NEW.status = 'active' and OLD.status <> 'active') execute function app_private.tg_brand_accounts__owned();

-- Each sign-in notes its time: the rest would drown in that.
call app_private.audit_table('app_public.users', '{id}', ignored => '{last_login_at}');
call app_private.audit_table('app_public.staff_members', '{user_id}');
call app_private.audit_table('app_public.brand_accounts', '{id}', '{}', 'id');
call app_private.audit_table('app_public.brand_members', '{brand_id,user_id}', '{}', 'brand_id');
call app_private.audit_table('app_public.brand_invitations', '{id}', '{}', 'brand_id');
call app_private.audit_table('app_public.wardrobe_categories', '{code}');
-- Until when a file is kept follows from its use: a try-on moves it, twice a job.
call app_private.audit_table('app_public.storage_objects', '{key}', '{sha256}', 'owner_brand_id', '{retention_until}');
call app_private.audit_table('app_public.products', '{id}', '{}', 'brand_id');
-- Staff see a wardrobe only with a reason (break_glass_wardrobe), so the trail,
-- which staff admins read without one, says that an item changed and not what it is.
call app_private.audit_table(
  'app_public.wardrobe_items', '{id}',
  '{product_id,category_code,name,brand_label,color,ai_tags,color_tags,image_key}'
);
call app_private.audit_table('app_public.item_embeddings', '{item_id}', '{embedding}');
call app_private.audit_table('app_public.category_mappings', '{id}', '{}', 'brand_id');
-- Of no brand, and without its words: an owner reads the trail of the brand, and
-- colleagues must not learn that somebody keeps views of their own.
call app_private.audit_table('app_public.saved_views', '{id}', '{name,view}');
-- One row per batch: small beside the products of the batch.
call app_private.audit_table('app_public.import_runs', '{id}', '{}', 'brand_id');
--! EndIncluded functions/common/triggers.sql
--! Included functions/ops/enqueue_job.sql
-- The queue's schema belongs to the worker role, so the function that writes to
-- it does too: SQL enqueues without any right on the queue.
drop function if exists app_private.enqueue_job(text, json, text, timestamptz);
drop function if exists app_private.enqueue_job(text, json, text, timestamptz, text);

create function app_private.enqueue_job(
  task text, payload json default '{}', job_key text default null, run_at timestamptz default null, queue text default null
) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform graphile_worker.add_job(
    identifier => task,
    payload => payload,
    run_at => run_at,
    job_key => job_key,
    queue_name => queue
  );
end
$$;
comment on function app_private.enqueue_job(text, json, text, timestamptz, text) is 'Adds a background job. With a job_key, a waiting job of that key is replaced; with a queue, it runs after those of that queue.';
revoke execute on function app_private.enqueue_job(text, json, text, timestamptz, text) from public;
grant create on schema app_private to :ROLE_WORKER;
alter function app_private.enqueue_job(text, json, text, timestamptz, text) owner to :ROLE_WORKER;
revoke create on schema app_private from :ROLE_WORKER;
grant execute on function app_private.enqueue_job(text, json, text, timestamptz, text) to :ROLE_OWNER;
--! EndIncluded functions/ops/enqueue_job.sql
--! Included functions/credits/ledger.sql
-- A transfer moves the balances of its two accounts. Both rows are locked in the
-- order of their ids, so two transfers cannot wait for each other; the CHECK on
-- the balance is the last guard. AFTER, so that a row another trigger held back
-- moves nothing. NO KEY, here and wherever accounts are locked: the foreign keys
-- of a transfer have locked both rows FOR KEY SHARE by now, as those of another
-- transfer may have, and FOR UPDATE would let the two wait for each other.
create or replace function app_private.tg_credit_transfers__apply() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform 1 from app_public.credit_accounts a
  where a.id in (NEW.debit_account, NEW.credit_account)
  order by a.id
  for no key update;
  update app_public.credit_accounts a
  set balance = a.balance + case a.id when NEW.debit_account then -NEW.amount else NEW.amount end
  where a.id in (NEW.debit_account, NEW.credit_account);
  return null;
end
$$;
revoke execute on function app_private.tg_credit_transfers__apply() from public;
comment on function app_private.tg_credit_transfers__apply() is 'Moves the balances of both accounts of a new transfer.';

create or replace trigger _500_ledger_apply after insert on app_public.credit_transfers
  for each row execute function app_private.tg_credit_transfers__apply();

create or replace trigger _900_append_only before update or delete on app_public.credit_transfers
  for each row execute function app_private.tg__append_only();
create or replace trigger _900_append_only_truncate before truncate on app_public.credit_transfers
  for each statement execute function app_private.tg__append_only();

-- The system account of a kind for this transaction. There are 16 of each, so that
-- settlements seldom wait for each other; one transaction keeps to one of them, or
-- two that book for many owners would take them in different orders and wait in a
-- circle. Giving and ending may follow each other either way, so that the first of
-- the two locks both. Whoever captures does neither.
drop function if exists app_private.system_account(app_public.credit_account_kind, uuid);
create or replace function app_private.system_account(kind app_public.credit_account_kind) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_shard integer := (pg_current_xact_id()::text)::numeric % 16;
begin
  if system_account.kind in ('system_grants', 'system_expired') then
    perform 1 from app_public.credit_accounts a
    where a.id in (app_private.system_account_id('system_grants', v_shard), app_private.system_account_id('system_expired', v_shard))
    order by a.id
    for no key update;
  end if;
  return app_private.system_account_id(system_account.kind, v_shard);
end
$$;
revoke execute on function app_private.system_account(app_public.credit_account_kind) from public;
comment on function app_private.system_account(app_public.credit_account_kind) is
  'Id of the system account of a kind that this transaction books on. Call with the wallets locked.';

create or replace function app_private.system_account_id(kind app_public.credit_account_kind, shard integer) returns uuid
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select ('ffffffff-ffff-7fff-bfff-' || lpad(to_hex(
    case system_account_id.kind when 'system_grants' then 16 when 'system_consumed' then 32 when 'system_expired' then 48 end
    + system_account_id.shard
  ), 12, '0'))::uuid
$$;
revoke execute on function app_private.system_account_id(app_public.credit_account_kind, integer) from public;
comment on function app_private.system_account_id(app_public.credit_account_kind, integer) is 'Id of a shard of a system account.';

-- The two accounts of an owner, made when they are first needed, locked in the
-- order of their ids. Everything that changes a wallet takes this lock first and
-- reads grants in a later statement, whose snapshot then sees what the last
-- holder of the lock wrote.
drop function if exists app_private.lock_wallet(uuid, uuid);
drop type if exists app_private.wallet;
create type app_private.wallet as (available_id uuid, held_id uuid, available bigint, held bigint);
create function app_private.lock_wallet(user_id uuid, brand_id uuid) returns app_private.wallet
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet;
  v_account app_public.credit_accounts;
  v_found integer := 0;
begin
  for v_try in 1..2 loop
    for v_account in
      select * from app_public.credit_accounts a
      where a.kind in ('available', 'held')
        -- One of the two is null, and finds nothing; "is not distinct from" uses no index.
        and (a.owner_user_id = lock_wallet.user_id or a.owner_brand_id = lock_wallet.brand_id)
      order by a.id
      for no key update
    loop
      v_found := v_found + 1;
      if v_account.kind = 'available' then
        v_wallet.available_id := v_account.id;
        v_wallet.available := v_account.balance;
      else
        v_wallet.held_id := v_account.id;
        v_wallet.held := v_account.balance;
      end if;
    end loop;
    exit when v_found = 2;
    v_found := 0;
    insert into app_public.credit_accounts (owner_user_id, owner_brand_id, kind)
    values (lock_wallet.user_id, lock_wallet.brand_id, 'available'), (lock_wallet.user_id, lock_wallet.brand_id, 'held')
    on conflict do nothing;
  end loop;
  return v_wallet;
end
$$;
revoke execute on function app_private.lock_wallet(uuid, uuid) from public;
comment on function app_private.lock_wallet(uuid, uuid) is 'Locks the accounts of one person or one brand and returns their ids and balances.';
--! EndIncluded functions/credits/ledger.sql
--! Included functions/credits/grants.sql
-- The month of free credits that a moment falls into: anchored on the day of
-- sign-up (UTC), clamped to the end of a short month, always counted from the
-- original day: 31 January, 29 February, 31 March.
drop function if exists app_private.credit_month(timestamptz, timestamptz);
create function app_private.credit_month(
  signed_up timestamptz, moment timestamptz, out period_start timestamptz, out period_end timestamptz
) returns record
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_day timestamp := date_trunc('day', credit_month.signed_up at time zone 'UTC');
  v_at timestamp := credit_month.moment at time zone 'UTC';
  v_months integer := greatest(0,
    (extract(year from v_at)::integer - extract(year from v_day)::integer) * 12
    + extract(month from v_at)::integer - extract(month from v_day)::integer);
begin
  if v_months > 0 and v_day + make_interval(months => v_months) > v_at then
    v_months := v_months - 1;
  end if;
  period_start := (v_day + make_interval(months => v_months)) at time zone 'UTC';
  period_end := (v_day + make_interval(months => v_months + 1)) at time zone 'UTC';
end
$$;
revoke execute on function app_private.credit_month(timestamptz, timestamptz) from public;
comment on function app_private.credit_month(timestamptz, timestamptz) is 'Start and end (half-open) of the month of free credits that a moment falls into.';

-- What is left of a grant when it ends goes to the system (breakage). Call with
-- the wallet locked.
drop function if exists app_private.expire_wallet_grants(uuid, uuid, timestamptz);
create function app_private.expire_wallet_grants(user_id uuid, brand_id uuid, as_of timestamptz) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet := app_private.lock_wallet(expire_wallet_grants.user_id, expire_wallet_grants.brand_id);
  v_grant app_public.credit_grants;
  v_count integer := 0;
begin
  for v_grant in
    select * from app_public.credit_grants g
    where (g.owner_user_id = expire_wallet_grants.user_id or g.owner_brand_id = expire_wallet_grants.brand_id)
      and not g.lapsed and g.expires_at <= expire_wallet_grants.as_of
    order by g.id
  loop
    update app_public.credit_grants set expired = expired + remaining, remaining = 0, lapsed = true where id = v_grant.id;
    continue when v_grant.remaining = 0;
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id)
    values
      (v_grant.owner_user_id, v_grant.owner_brand_id, 'expire', v_wallet.available_id,
       app_private.system_account('system_expired'), v_grant.remaining, v_grant.id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.expire_wallet_grants(uuid, uuid, timestamptz) from public;
comment on function app_private.expire_wallet_grants(uuid, uuid, timestamptz) is 'Ends the grants of one wallet whose time is up; returns how many had credits left.';

-- Gives credits. Once per owner, source and period where there is a period: null
-- is returned when it was given already.
drop function if exists app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text);
drop function if exists app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text, text, smallint);
create function app_private.add_grant(
  user_id uuid, brand_id uuid, source app_public.credit_source, amount bigint,
  effective_at timestamptz default now(), expires_at timestamptz default null,
  period_start timestamptz default null, note text default null,
  idempotency_key text default null, priority smallint default null
) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet;
  v_grant_id uuid;
begin
  if add_grant.amount is null or add_grant.amount < 1 then
    raise exception 'An amount of credits is above zero'
      using errcode = 'INVAL', column = 'amount', hint = 'Give a whole number of at least 1';
  end if;
  v_wallet := app_private.lock_wallet(add_grant.user_id, add_grant.brand_id);
  insert into app_public.credit_grants
    (owner_user_id, owner_brand_id, source, amount, remaining, priority, effective_at, expires_at, period_start, note)
  values
    (add_grant.user_id, add_grant.brand_id, add_grant.source, add_grant.amount, add_grant.amount,
     coalesce(add_grant.priority, case when add_grant.source in ('free_monthly', 'promo') then 10 else 20 end),
     add_grant.effective_at, add_grant.expires_at, add_grant.period_start, add_grant.note)
  on conflict do nothing
  returning id into v_grant_id;
  if v_grant_id is null then
    return null;
  end if;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, idempotency_key, reason)
  values
    (add_grant.user_id, add_grant.brand_id, 'grant', app_private.system_account('system_grants'),
     v_wallet.available_id, add_grant.amount, v_grant_id, add_grant.idempotency_key, add_grant.note);
  return v_grant_id;
end
$$;
revoke execute on function app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text, text, smallint) from public;
comment on function app_private.add_grant(uuid, uuid, app_public.credit_source, bigint, timestamptz, timestamptz, timestamptz, text, text, smallint) is
  'Grants credits to one person or brand and books it; returns the grant, or null when this period was granted before.';

-- The free credits of the month that as_of falls into, if they are not there.
-- Missed months are not made up for: only the current one is alive.
drop function if exists app_private.grant_free_month(uuid, timestamptz);
create function app_private.grant_free_month(user_id uuid, as_of timestamptz) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_signed_up timestamptz;
  v_month record;
  v_grant_id uuid;
begin
  select u.created_at into v_signed_up from app_public.users u
  where u.id = grant_free_month.user_id and u.status <> 'erased';
  if not found then
    -- Nobody to give to: do not come back for this wallet.
    update app_public.credit_accounts a set next_grant_at = null
    where a.owner_user_id = grant_free_month.user_id and a.kind = 'available' and a.next_grant_at is not null;
    return false;
  end if;
  select * into v_month from app_private.credit_month(v_signed_up, grant_free_month.as_of);
  perform app_private.expire_wallet_grants(grant_free_month.user_id, null, greatest(grant_free_month.as_of, v_month.period_start));
  if exists (
    select 1 from app_public.credit_grants g
    where g.owner_user_id = grant_free_month.user_id and g.source = 'free_monthly' and g.period_start > v_month.period_start
  ) then
    -- Asked about the past: a later month is alive, and two never are.
    return false;
  end if;
  v_grant_id := app_private.add_grant(
    grant_free_month.user_id, null, 'free_monthly', 25,
    greatest(v_month.period_start, v_signed_up), v_month.period_end, v_month.period_start
  );
  update app_public.credit_accounts a set next_grant_at = v_month.period_end
  where a.owner_user_id = grant_free_month.user_id and a.kind = 'available'
    and a.next_grant_at is distinct from v_month.period_end;
  return v_grant_id is not null;
end
$$;
revoke execute on function app_private.grant_free_month(uuid, timestamptz) from public;
comment on function app_private.grant_free_month(uuid, timestamptz) is 'Gives a person the 25 free credits of the month of as_of, once; ends older ones. True when they were given now.';

drop function if exists app_private.grant_due_monthly(timestamptz, integer);
create function app_private.grant_due_monthly(as_of timestamptz default now(), batch integer default 500) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_count integer := 0;
begin
  -- People from before there were wallets: their wallet is opened, and is due.
  insert into app_public.credit_accounts (owner_user_id, kind, next_grant_at)
  select u.id, k.kind, case when k.kind = 'available' then u.created_at end
  from (
    select u.id, u.created_at from app_public.users u
    where u.status <> 'erased'
      and not exists (select 1 from app_public.credit_accounts a where a.owner_user_id = u.id and a.kind = 'available')
    order by u.id
    limit grant_due_monthly.batch
  ) u
  cross join (values ('available'::app_public.credit_account_kind), ('held')) k (kind)
  on conflict do nothing;

  -- Wallets first, all of them, in the order of their ids; the system accounts
  -- come last by theirs.
  for v_user_id in
    with due as materialized (
      select a.id, a.owner_user_id from app_public.credit_accounts a
      where a.next_grant_at <= grant_due_monthly.as_of
      order by a.next_grant_at
      limit grant_due_monthly.batch
    ), locked as materialized (
      select a.id, a.owner_user_id from app_public.credit_accounts a
      where a.owner_user_id in (select d.owner_user_id from due d) and a.kind in ('available', 'held')
      order by a.id
      for no key update
    )
    select distinct l.owner_user_id from locked l order by 1
  loop
    perform app_private.grant_free_month(v_user_id, grant_due_monthly.as_of);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.grant_due_monthly(timestamptz, integer) from public;
grant execute on function app_private.grant_due_monthly(timestamptz, integer) to :ROLE_WORKER;
comment on function app_private.grant_due_monthly(timestamptz, integer) is
  'Gives the free credits that are due as of a moment, for up to batch people; returns how many were looked at. Call again until 0.';

drop function if exists app_private.expire_grants(timestamptz, integer);
create function app_private.expire_grants(as_of timestamptz default now(), batch integer default 500) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_owner record;
  v_count integer := 0;
begin
  for v_owner in
    with due as materialized (
      select g.owner_user_id, g.owner_brand_id from app_public.credit_grants g
      where not g.lapsed and g.expires_at <= expire_grants.as_of
      order by g.expires_at
      limit expire_grants.batch
    ), locked as materialized (
      select a.id, a.owner_user_id, a.owner_brand_id from app_public.credit_accounts a
      where a.kind in ('available', 'held') and (
        a.owner_user_id in (select d.owner_user_id from due d where d.owner_user_id is not null)
        or a.owner_brand_id in (select d.owner_brand_id from due d where d.owner_brand_id is not null)
      )
      order by a.id
      for no key update
    )
    select distinct l.owner_user_id, l.owner_brand_id from locked l order by 1, 2
  loop
    perform app_private.expire_wallet_grants(v_owner.owner_user_id, v_owner.owner_brand_id, expire_grants.as_of);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.expire_grants(timestamptz, integer) from public;
grant execute on function app_private.expire_grants(timestamptz, integer) to :ROLE_WORKER;
comment on function app_private.expire_grants(timestamptz, integer) is 'Ends grants whose time is up as of a moment, up to batch at once; returns how many wallets were looked at. Call again until 0.';

-- Everybody starts with a wallet and, as a person, with the first free month.
create or replace function app_private.tg_users__wallet() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.grant_free_month(NEW.id, greatest(NEW.created_at, now()));
  return null;
end
$$;
revoke execute on function app_private.tg_users__wallet() from public;
comment on function app_private.tg_users__wallet() is 'Opens the wallet of a new person, with the first free credits.';
create or replace trigger _500_signup after insert on app_public.users
  for each row when (NEW.status <> 'erased') execute function app_private.tg_users__wallet();

create or replace function app_private.tg_brand_accounts__wallet() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.lock_wallet(null, NEW.id);
  return null;
end
$$;
revoke execute on function app_private.tg_brand_accounts__wallet() from public;
comment on function app_private.tg_brand_accounts__wallet() is 'Opens the wallet of a new brand, empty.';
create or replace trigger _500_wallet after insert on app_public.brand_accounts
  for each row execute function app_private.tg_brand_accounts__wallet();
--! EndIncluded functions/credits/grants.sql
--! Included functions/credits/holds.sql
-- A hold reserves credits for one job, from the grants that are spent first, and
-- is settled once: captured, or given back. Like a two-phase transfer: pending,
-- then posted or voided.
drop function if exists app_private.place_hold(uuid, uuid, uuid, bigint);
create function app_private.place_hold(tryon_job_id uuid, user_id uuid, brand_id uuid, amount bigint) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wallet app_private.wallet;
  v_grant app_public.credit_grants;
  v_hold_id uuid := app_private.uuid_v7();
  v_left bigint := place_hold.amount;
  v_take bigint;
  v_spendable bigint := 0;
  v_grants uuid[] := '{}';
  v_takes bigint[] := '{}';
begin
  if place_hold.amount is null or place_hold.amount < 1 then
    raise exception 'A hold is for at least one credit'
      using errcode = 'INVAL', column = 'amount', hint = 'Give a whole number of at least 1';
  end if;
  v_wallet := app_private.lock_wallet(place_hold.user_id, place_hold.brand_id);
  -- Whoever asks on the day the month turns does not wait for the nightly round.
  if exists (
    select 1 from app_public.credit_accounts a where a.id = v_wallet.available_id and a.next_grant_at <= now()
  ) then
    perform app_private.grant_free_month(place_hold.user_id, now());
  end if;
  for v_grant in
    select * from app_public.credit_grants g
    where (g.owner_user_id = place_hold.user_id or g.owner_brand_id = place_hold.brand_id)
      and g.remaining > 0 and g.effective_at <= now() and (g.expires_at is null or g.expires_at > now())
    order by g.priority, g.expires_at nulls last, g.created_at, g.id
  loop
    v_take := least(v_left, v_grant.remaining);
    v_spendable := v_spendable + v_grant.remaining;
    v_left := v_left - v_take;
    v_grants := v_grants || v_grant.id;
    v_takes := v_takes || v_take;
    exit when v_left = 0;
  end loop;
  if v_left > 0 then
    raise exception 'There are not enough credits: % needed, % available', place_hold.amount, v_spendable
      using errcode = 'NOCRD', column = 'payer',
        hint = case when place_hold.brand_id is null
          then 'Free credits come back each month; more can be bought'
          else 'Ask an owner of the brand to buy credits' end;
  end if;
  insert into app_public.credit_holds (id, owner_user_id, owner_brand_id, tryon_job_id, amount)
  values (v_hold_id, place_hold.user_id, place_hold.brand_id, place_hold.tryon_job_id, place_hold.amount);
  insert into app_public.credit_hold_lines (hold_id, grant_id, owner_user_id, owner_brand_id, amount)
  select v_hold_id, l.grant_id, place_hold.user_id, place_hold.brand_id, l.amount
  from unnest(v_grants, v_takes) l (grant_id, amount);
  update app_public.credit_grants g set remaining = g.remaining - l.amount
  from unnest(v_grants, v_takes) l (grant_id, amount)
  where g.id = l.grant_id;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
  values
    (place_hold.user_id, place_hold.brand_id, 'hold', v_wallet.available_id, v_wallet.held_id, place_hold.amount, v_hold_id);
  return v_hold_id;
end
$$;
revoke execute on function app_private.place_hold(uuid, uuid, uuid, bigint) from public;
comment on function app_private.place_hold(uuid, uuid, uuid, bigint) is
  'Reserves credits of one person or brand for a job and returns the hold. NOCRD when there are not enough: nothing is written then.';

-- Settles the hold of a job. Called again, it does nothing and says what the
-- first call did. Credits whose grant ended while they were held can still be
-- captured; given back, they go where ended credits go.
drop function if exists app_private.settle_hold(uuid, boolean);
create function app_private.settle_hold(tryon_job_id uuid, captured boolean) returns app_public.credit_hold_status
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold app_public.credit_holds;
  v_wallet app_private.wallet;
  v_alive bigint;
  v_ended bigint;
  v_gift app_public.credit_grants;
begin
  select * into v_hold from app_public.credit_holds h where h.tryon_job_id = settle_hold.tryon_job_id for update;
  if not found then
    raise exception 'This job has no hold'
      using errcode = 'NTFND', column = 'tryon_job_id', hint = 'A job paid by an entitlement has none';
  end if;
  if v_hold.status <> 'open' then
    return v_hold.status;
  end if;
  v_wallet := app_private.lock_wallet(v_hold.owner_user_id, v_hold.owner_brand_id);
  if settle_hold.captured then
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
    values
      (v_hold.owner_user_id, v_hold.owner_brand_id, 'capture', v_wallet.held_id,
       app_private.system_account('system_consumed'), v_hold.amount, v_hold.id);
    update app_public.credit_holds set status = 'captured', settled_at = now() where id = v_hold.id;
    return 'captured';
  end if;
  select
    coalesce(sum(l.amount) filter (where not g.ended), 0),
    coalesce(sum(l.amount) filter (where g.ended), 0)
  into v_alive, v_ended
  from app_public.credit_hold_lines l
  -- Lapsed as well: the sweep may have been here after this transaction began,
  -- and nothing would ever end what came back to such a grant.
  join lateral (
    select coalesce(c.lapsed or c.expires_at <= now(), false) as ended from app_public.credit_grants c where c.id = l.grant_id
  ) g on true
  where l.hold_id = v_hold.id;
  update app_public.credit_grants g
  set remaining = g.remaining + case when g.lapsed or g.expires_at <= now() then 0 else l.amount end,
    expired = g.expired + case when g.lapsed or g.expires_at <= now() then l.amount else 0 end
  from app_public.credit_hold_lines l
  where l.hold_id = v_hold.id and g.id = l.grant_id;
  if v_alive > 0 then
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
    values
      (v_hold.owner_user_id, v_hold.owner_brand_id, 'release', v_wallet.held_id, v_wallet.available_id, v_alive, v_hold.id);
  end if;
  if v_ended > 0 then
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id)
    values
      (v_hold.owner_user_id, v_hold.owner_brand_id, 'expire', v_wallet.held_id,
       app_private.system_account('system_expired'), v_ended, v_hold.id);
  end if;
  -- What was given for this job alone goes where it came from, or a repeat that
  -- comes to nothing would make credits: those of the first job are back already.
  select g.* into v_gift from app_public.credit_transfers t join app_public.credit_grants g on g.id = t.grant_id
  where t.idempotency_key = 'gift:' || settle_hold.tryon_job_id and g.remaining > 0;
  if found then
    update app_public.credit_grants g set remaining = 0, expired = g.expired + g.remaining where g.id = v_gift.id;
    insert into app_public.credit_transfers
      (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, idempotency_key, reason)
    values
      (v_gift.owner_user_id, v_gift.owner_brand_id, 'adjust', v_wallet.available_id, app_private.system_account('system_grants'),
       v_gift.remaining, v_gift.id, 'gift-back:' || settle_hold.tryon_job_id, 'The try-on these were given for came to nothing');
  end if;
  update app_public.credit_holds
  set status = case when v_alive > 0 then 'released'::app_public.credit_hold_status else 'expired' end, settled_at = now()
  where id = v_hold.id
  returning status into v_hold.status;
  return v_hold.status;
end
$$;
revoke execute on function app_private.settle_hold(uuid, boolean) from public;
comment on function app_private.settle_hold(uuid, boolean) is
  'Captures or gives back the hold of a job, once, and takes back what was given for it alone; returns its status. NTFND when the job has none.';
--! EndIncluded functions/credits/holds.sql
--! Included functions/credits/staff.sql
-- Corrections by staff: a new entry with a reason, never a change of an old one.
-- Definer functions check their caller themselves: the grant says which role, the
-- check says that the person still holds it.
drop function if exists app_private.assert_staff(app_public.staff_role[], text);
create function app_private.assert_staff(roles app_public.staff_role[], refusal text) returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := app_hidden.current_user_id();
begin
  if not exists (
    select 1 from app_public.staff_members s
    join app_public.users u on u.id = s.user_id and u.status = 'active'
    where s.user_id = v_user_id and s.role = any (assert_staff.roles)
  ) or app_hidden.current_actor_kind() <> 'staff' then
    raise exception '%', assert_staff.refusal
      using errcode = 'DNIED', hint = 'Ask a colleague of ' || array_to_string(assert_staff.roles, ' or ');
  end if;
  return v_user_id;
end
$$;
revoke execute on function app_private.assert_staff(app_public.staff_role[], text) from public;
comment on function app_private.assert_staff(app_public.staff_role[], text) is 'The person of this request, who is staff in one of these roles right now; else DNIED.';

drop function if exists app_private.assert_reason(text);
create function app_private.assert_reason(reason text) returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if length(btrim(coalesce(assert_reason.reason, ''))) not between 10 and 500 then
    raise exception 'Say why in 10 to 500 characters'
      using errcode = 'INVAL', column = 'reason', hint = 'Name the case or ticket';
  end if;
  return btrim(assert_reason.reason);
end
$$;
revoke execute on function app_private.assert_reason(text) from public;
comment on function app_private.assert_reason(text) is 'The reason, trimmed; INVAL unless it has 10 to 500 characters.';

drop function if exists app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz);
create function app_public.adjust_credits(
  amount integer, reason text, idempotency_key text, user_id uuid default null, brand_id uuid default null,
  expires_at timestamptz default null
) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{finance}', 'You may not correct a wallet');
  v_reason text := app_private.assert_reason(adjust_credits.reason);
  v_replay jsonb;
  v_wallet app_private.wallet;
  v_grant app_public.credit_grants;
  v_left bigint := -(adjust_credits.amount::bigint);
  v_take bigint;
  v_balance bigint;
begin
  if num_nonnulls(adjust_credits.user_id, adjust_credits.brand_id) <> 1 then
    raise exception 'A wallet belongs to one person or one brand'
      using errcode = 'INVAL', column = 'user_id', hint = 'Name either a person or a brand';
  end if;
  if adjust_credits.amount is null or adjust_credits.amount = 0
    or adjust_credits.amount not between -1000000 and 1000000 then
    raise exception 'A correction adds or takes 1 to 1,000,000 credits'
      using errcode = 'INVAL', column = 'amount', hint = 'A number above zero adds, one below zero takes away';
  end if;
  if adjust_credits.expires_at is not null and (adjust_credits.amount < 0 or adjust_credits.expires_at <= now()) then
    raise exception 'Only added credits end, and in the future'
      using errcode = 'INVAL', column = 'expires_at', hint = 'Leave it empty for credits that do not end';
  end if;
  if not exists (select 1 from app_public.users u where u.id = adjust_credits.user_id and u.status <> 'erased')
    and not exists (select 1 from app_public.brand_accounts b where b.id = adjust_credits.brand_id) then
    raise exception 'There is no such wallet'
      using errcode = 'NTFND', column = case when adjust_credits.brand_id is null then 'user_id' else 'brand_id' end,
        hint = 'Check the id on the page of the person or brand';
  end if;
  v_replay := app_private.claim_idempotency_key('user', v_staff_id, adjust_credits.idempotency_key, jsonb_build_object(
    'call', 'adjust_credits', 'amount', adjust_credits.amount, 'user_id', adjust_credits.user_id,
    'brand_id', adjust_credits.brand_id, 'expires_at', adjust_credits.expires_at, 'reason', v_reason));
  if v_replay is not null then
    return (v_replay ->> 'balance')::bigint;
  end if;

  v_wallet := app_private.lock_wallet(adjust_credits.user_id, adjust_credits.brand_id);
  if adjust_credits.amount > 0 then
    perform app_private.add_grant(
      adjust_credits.user_id, adjust_credits.brand_id, 'adjustment', adjust_credits.amount,
      -- The owner reads this: the reason is for the trail only.
      now(), adjust_credits.expires_at, null, 'Correction by ClosetAI');
  else
    -- Taken from what would be spent first, one entry per grant.
    perform app_private.expire_wallet_grants(adjust_credits.user_id, adjust_credits.brand_id, now());
    for v_grant in
      select * from app_public.credit_grants g
      where (g.owner_user_id = adjust_credits.user_id or g.owner_brand_id = adjust_credits.brand_id)
        and g.remaining > 0 and g.effective_at <= now()
      order by g.priority, g.expires_at nulls last, g.created_at, g.id
    loop
      v_take := least(v_left, v_grant.remaining);
      update app_public.credit_grants set remaining = remaining - v_take, expired = expired + v_take where id = v_grant.id;
      insert into app_public.credit_transfers
        (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, reason)
      values
        (adjust_credits.user_id, adjust_credits.brand_id, 'adjust', v_wallet.available_id,
         app_private.system_account('system_grants'), v_take, v_grant.id, 'Correction by ClosetAI');
      v_left := v_left - v_take;
      exit when v_left = 0;
    end loop;
    if v_left > 0 then
      raise exception 'The wallet holds only % credits', -adjust_credits.amount - v_left
        using errcode = 'NOCRD', column = 'amount', hint = 'Take at most what is available';
    end if;
  end if;
  -- Of no brand: a brand's owner reads the rows of the brand.
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'adjust_credits', 'credit_accounts',
     v_wallet.available_id::text, jsonb_build_object('amount', jsonb_build_array(null, adjust_credits.amount)), v_reason,
     app_hidden.current_request_id());
  select a.balance into v_balance from app_public.credit_accounts a where a.id = v_wallet.available_id;
  perform app_private.store_idempotent_result(
    'user', v_staff_id, adjust_credits.idempotency_key, jsonb_build_object('balance', v_balance));
  return v_balance;
end
$$;
revoke execute on function app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz) from public;
grant execute on function app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz) to :ROLE_STAFF_FINANCE;
comment on function app_public.adjust_credits(integer, text, text, uuid, uuid, timestamptz) is
  'Adds credits to a wallet or takes some away, with a reason (10 to 500 characters); returns what is available then. Finance only; leaves an audit row. DNIED, INVAL, NTFND, NOCRD, IDEMP.';

drop function if exists app_public.grant_pro(uuid, timestamptz, timestamptz, text);
create function app_public.grant_pro(user_id uuid, starts_at timestamptz, ends_at timestamptz, reason text)
returns app_public.user_entitlements
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{finance}', 'You may not give an entitlement');
  v_reason text := app_private.assert_reason(grant_pro.reason);
  v_entitlement app_public.user_entitlements;
begin
  if grant_pro.starts_at is null or grant_pro.ends_at is null or grant_pro.ends_at <= grant_pro.starts_at then
    raise exception 'An entitlement ends after it begins'
      using errcode = 'INVAL', column = 'ends_at', hint = 'Choose a later end';
  end if;
  if not exists (select 1 from app_public.users u where u.id = grant_pro.user_id and u.status <> 'erased') then
    raise exception 'There is no such person'
      using errcode = 'NTFND', column = 'user_id', hint = 'Check the id on the page of the person';
  end if;
  insert into app_public.user_entitlements (user_id, kind, period, source)
  values (grant_pro.user_id, 'pro_unlimited', tstzrange(grant_pro.starts_at, grant_pro.ends_at), 'ClosetAI')
  returning * into v_entitlement;
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'grant_pro', 'user_entitlements', v_entitlement.id::text,
     jsonb_build_object('period', jsonb_build_array(null, v_entitlement.period::text)), v_reason, app_hidden.current_request_id());
  return v_entitlement;
end
$$;
revoke execute on function app_public.grant_pro(uuid, timestamptz, timestamptz, text) from public;
grant execute on function app_public.grant_pro(uuid, timestamptz, timestamptz, text) to :ROLE_STAFF_FINANCE;
comment on function app_public.grant_pro(uuid, timestamptz, timestamptz, text) is
  'Unlimited try-ons for a person from starts_at until ends_at, with a reason. Finance only. DNIED, INVAL, NTFND, TAKEN when a period overlaps.';

drop function if exists app_public.end_pro(uuid, text, timestamptz);
create function app_public.end_pro(entitlement_id uuid, reason text, ends_at timestamptz default null)
returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{finance}', 'You may not end an entitlement');
  v_reason text := app_private.assert_reason(end_pro.reason);
  v_end timestamptz := coalesce(end_pro.ends_at, now());
  v_entitlement app_public.user_entitlements;
begin
  select * into v_entitlement from app_public.user_entitlements e where e.id = end_pro.entitlement_id for update;
  if not found then
    raise exception 'There is no such entitlement'
      using errcode = 'NTFND', column = 'entitlement_id', hint = 'Go back to the list';
  end if;
  -- The next event of the subscription would give it again.
  if starts_with(v_entitlement.source, 'subscription ') then
    raise exception 'A subscription gives this entitlement'
      using errcode = 'STATE', column = 'entitlement_id', hint = 'Cancel the subscription at Stripe: its event ends this';
  end if;
  if upper(v_entitlement.period) <= now() then
    raise exception 'This entitlement has ended'
      using errcode = 'STATE', column = 'entitlement_id', hint = 'Reload: there is nothing left to end';
  end if;
  if v_end < now() or v_end >= upper(v_entitlement.period) then
    raise exception 'An entitlement ends now or later, and earlier than before'
      using errcode = 'INVAL', column = 'ends_at', hint = 'Leave it empty to end it now; give another one to prolong it';
  end if;
  -- One that has not begun by its end is none.
  if v_end <= lower(v_entitlement.period) then
    delete from app_public.user_entitlements e where e.id = v_entitlement.id;
  else
    update app_public.user_entitlements e set period = tstzrange(lower(e.period), v_end) where e.id = v_entitlement.id;
  end if;
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'end_pro', 'user_entitlements', v_entitlement.id::text,
     jsonb_build_object('ends_at', jsonb_build_array(upper(v_entitlement.period), v_end)), v_reason, app_hidden.current_request_id());
  return v_entitlement.id;
end
$$;
revoke execute on function app_public.end_pro(uuid, text, timestamptz) from public;
grant execute on function app_public.end_pro(uuid, text, timestamptz) to :ROLE_STAFF_FINANCE;
comment on function app_public.end_pro(uuid, text, timestamptz) is $$
@admin.label End
@admin.icon block
@admin.action row of user_entitlements
@admin.confirm End this entitlement? Try-ons asked for after that cost credits again.
Ends an entitlement now, or at a moment before its end, with a reason (10 to 500 characters); one that has not begun then is removed. One that a subscription gives ends with it (STATE). Finance only; leaves an audit row. DNIED, INVAL, NTFND, STATE.$$;
--! EndIncluded functions/credits/staff.sql
--! Included functions/tryon/transition.sql
-- The state machine, read from its table. A job begins queued, and what a status
-- means is stamped here, by the clock of the database: a worker's clock decides
-- nothing.
create or replace function app_private.tg_tryon_jobs__transition() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if TG_OP = 'INSERT' then
    if NEW.status <> 'queued' then
      raise exception 'A try-on job begins queued'
        using errcode = 'STATE', column = 'status', hint = 'Ask for a try-on; a worker takes it from there';
    end if;
    return NEW;
  end if;
  if NEW.status = OLD.status then
    return NEW;
  end if;
  if not exists (
    select 1 from app_private.tryon_transitions t where t.from_status = OLD.status and t.to_status = NEW.status
  ) then
    raise exception 'A job that is % cannot become %', OLD.status, NEW.status
      using errcode = 'STATE', column = 'status', hint = 'Reload: it may have moved on';
  end if;
  if NEW.status = 'processing' then
    NEW.attempt := OLD.attempt + 1;
    NEW.started_at := now();
    NEW.error_code := null;
    NEW.processing_ms := null;
  else
    NEW.locked_by := null;
    NEW.locked_until := null;
  end if;
  if NEW.status in ('completed', 'failed', 'cancelled', 'expired') then
    NEW.finished_at := greatest(now(), OLD.created_at);
  end if;
  if NEW.status = 'completed' then
    NEW.completed_at := NEW.finished_at;
  end if;
  return NEW;
end
$$;
revoke execute on function app_private.tg_tryon_jobs__transition() from public;
comment on function app_private.tg_tryon_jobs__transition() is 'Refuses a change of status that tryon_transitions does not list (STATE), and stamps the others.';

create or replace trigger _200_tryon_transition before insert or update of status on app_public.tryon_jobs
  for each row execute function app_private.tg_tryon_jobs__transition();

-- What a change of status sets off, once each: the attempt that ended is kept,
-- the hold is settled, the garments of a completed job have been worn once more.
create or replace function app_private.tg_tryon_jobs__settle() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_worn uuid[];
begin
  if OLD.status = 'processing' then
    insert into app_public.tryon_job_attempts
      (job_id, attempt, user_id, brand_id, category_code, worker, outcome, error_code, processing_ms, started_at)
    values
      (NEW.id, OLD.attempt, NEW.user_id, NEW.brand_id, NEW.category_code, OLD.locked_by,
       case
         when NEW.status = 'completed' then 'completed'::app_public.tryon_outcome
         when NEW.error_code = 'LOST_WORKER' then 'lost'
         when NEW.status = 'queued' then 'retried'
         else 'failed'
       end,
       NEW.error_code, NEW.processing_ms, OLD.started_at);
  end if;
  if NEW.status = 'completed' and NEW.user_id is not null then
    -- In the order of ids, so that two jobs of one wardrobe do not wait for each
    -- other; and before the wallet, or all who settle would wait for a person who
    -- is editing a garment. Most jobs show products only, and touch no wardrobe.
    v_worn := array(
      select g.wardrobe_item_id from app_public.tryon_job_garments g
      where g.job_id = NEW.id and g.wardrobe_item_id is not null);
    if cardinality(v_worn) > 0 then
      perform 1 from app_public.wardrobe_items w where w.id = any (v_worn) order by w.id for no key update;
      update app_public.wardrobe_items w set usage_count = w.usage_count + 1 where w.id = any (v_worn);
    end if;
  end if;
  if NEW.status in ('completed', 'failed', 'cancelled', 'expired') and NEW.payer <> 'pro' then
    perform app_private.settle_hold(NEW.id, NEW.status = 'completed');
  end if;
  return null;
end
$$;
revoke execute on function app_private.tg_tryon_jobs__settle() from public;
comment on function app_private.tg_tryon_jobs__settle() is 'Keeps the attempt that ended, settles the hold and counts the use of garments.';

create or replace trigger _500_tryon_settle after update of status on app_public.tryon_jobs
  for each row when (OLD.status <> NEW.status) execute function app_private.tg_tryon_jobs__settle();

create or replace trigger _100_timestamps before insert or update on app_public.tryon_jobs
  for each row execute function app_private.tg__timestamps();

create or replace trigger _900_append_only before update or delete on app_public.tryon_job_attempts
  for each row execute function app_private.tg__append_only();
create or replace trigger _900_append_only_truncate before truncate on app_public.tryon_job_attempts
  for each statement execute function app_private.tg__append_only();

-- Feedback belongs to a completed job of the person who gives it; what it is
-- counted by comes from the job.
create or replace function app_private.tg_tryon_feedback__own_job() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
begin
  select * into v_job from app_public.tryon_jobs j where j.id = NEW.job_id and j.user_id = NEW.user_id;
  if not found then
    raise exception 'There is no such try-on'
      using errcode = 'NTFND', column = 'job_id', hint = 'Rate one of your own try-ons';
  end if;
  if v_job.status <> 'completed' then
    raise exception 'This try-on has no result to rate'
      using errcode = 'STATE', column = 'job_id', hint = 'Wait until it is completed';
  end if;
  NEW.brand_id := v_job.brand_id;
  NEW.category_code := v_job.category_code;
  return NEW;
end
$$;
revoke execute on function app_private.tg_tryon_feedback__own_job() from public;
comment on function app_private.tg_tryon_feedback__own_job() is 'Refuses feedback on a job that is not the own and completed (NTFND, STATE); fills brand and category from the job.';
create or replace trigger _200_own_job before insert or update of job_id, user_id, brand_id, category_code on app_public.tryon_feedback
  for each row execute function app_private.tg_tryon_feedback__own_job();

do $do$
declare
  v_table text;
begin
  foreach v_table in array array[
    'tryon_feedback', 'worker_keys', 'credit_accounts', 'credit_grants', 'credit_holds', 'user_entitlements'
  ] loop
    execute format('drop trigger if exists _100_timestamps on app_public.%I', v_table);
    execute format(
      'create trigger _100_timestamps before insert or update on app_public.%I '
      'for each row execute function app_private.tg__timestamps()', v_table);
  end loop;
end
$do$;

-- The count of uses is the server's: it must not make the row a person is
-- editing look changed (STALE).
drop trigger if exists _100_timestamps on app_public.wardrobe_items;
create trigger _100_timestamps before insert or update of
  user_id, product_id, category_code, name, brand_label, color, ai_tags, color_tags, image_key, deleted_at, created_at, updated_at
  on app_public.wardrobe_items
  for each row execute function app_private.tg__timestamps();

call app_private.audit_table(
  'app_public.wardrobe_items', '{id}',
  '{product_id,category_code,name,brand_label,color,ai_tags,color_tags,image_key}', '', '{usage_count}'
);
call app_private.audit_table('app_public.tryon_feedback', '{job_id}', '{user_id}');
call app_private.audit_table('app_public.worker_keys', '{id}', ignored => '{last_used_at}');
--! EndIncluded functions/tryon/transition.sql
--! Included functions/tryon/worker.sql
-- The worker side. A worker takes jobs for a lease and must give signs of life;
-- one that lost its lease is refused, whatever it brings. Leases are counted by
-- the clock of the database: a worker sends lengths of time, never a time.
drop function if exists app_private.claim_tryon_jobs(text, integer, integer);
create function app_private.claim_tryon_jobs(worker text, n integer default 1, lease_seconds integer default 60)
returns setof app_public.tryon_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- No job waits longer than a week (a check), so only the partitions of these ids
  -- are opened: months of history and months to come cost a claim nothing.
  v_from uuid := app_private.uuid_v7_floor(now() - interval '8 days');
  v_to uuid := app_private.uuid_v7_floor(now() + interval '1 day');
  v_ids uuid[];
begin
  if claim_tryon_jobs.worker is null or claim_tryon_jobs.worker !~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}$' then
    raise exception 'A worker has a name of letters, digits and . _ : / -, 80 at most'
      using errcode = 'INVAL', column = 'worker', hint = 'Use the name of the machine and a number';
  end if;
  if claim_tryon_jobs.n is null or claim_tryon_jobs.n not between 1 and 100 then
    raise exception 'A worker takes 1 to 100 jobs at once'
      using errcode = 'INVAL', column = 'n', hint = 'Take as many as it can work on within one lease';
  end if;
  if claim_tryon_jobs.lease_seconds is null or claim_tryon_jobs.lease_seconds not between 5 and 3600 then
    raise exception 'A lease lasts 5 to 3,600 seconds'
      using errcode = 'INVAL', column = 'lease_seconds', hint = 'Use 60, and send a heartbeat every 20 seconds';
  end if;
  v_ids := array(
    select j.id from app_public.tryon_jobs j
    where j.status = 'queued' and j.run_after <= now() and j.deadline_at > now() and j.id >= v_from and j.id < v_to
    order by j.priority desc, j.id
    limit claim_tryon_jobs.n
    for update skip locked
  );
  return query
    update app_public.tryon_jobs j
    set status = 'processing', locked_by = claim_tryon_jobs.worker,
      locked_until = now() + make_interval(secs => claim_tryon_jobs.lease_seconds)
    where j.id = any (v_ids) and j.id >= v_from and j.id < v_to
    returning j.*;
end
$$;
revoke execute on function app_private.claim_tryon_jobs(text, integer, integer) from public;
grant execute on function app_private.claim_tryon_jobs(text, integer, integer) to :ROLE_WORKER;
comment on function app_private.claim_tryon_jobs(text, integer, integer) is
  'Gives a worker up to n waiting jobs, the most urgent and oldest first, for a lease in seconds. Never the same job to two. INVAL.';

-- However alive a worker seems: one that hangs and still sends heartbeats would
-- keep a job, and the credits held for it, for ever.
create or replace function app_private.longest_attempt() returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select interval '2 hours' $$;
revoke execute on function app_private.longest_attempt() from public;
comment on function app_private.longest_attempt() is 'How long one attempt may last, heartbeats or not.';

-- Whether the worker still has the job, in this attempt; everything else is refused.
drop function if exists app_private.assert_lease(app_public.tryon_jobs, text, integer);
create function app_private.assert_lease(job app_public.tryon_jobs, worker text, attempt integer) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if assert_lease.job.id is null then
    raise exception 'There is no such job'
      using errcode = 'NTFND', column = 'job_id', hint = 'Claim another';
  end if;
  if assert_lease.job.status = 'processing' and assert_lease.job.locked_by = assert_lease.worker
    and assert_lease.job.attempt = assert_lease.attempt
    and assert_lease.job.started_at <= clock_timestamp() - app_private.longest_attempt() then
    raise exception 'This attempt has run for 2 hours, the longest one may'
      using errcode = 'LLOCK', column = 'job_id', hint = 'Drop the work, however far it is, and claim another; look for what keeps the worker busy';
  end if;
  if assert_lease.job.status <> 'processing' or assert_lease.job.locked_by is distinct from assert_lease.worker
    or assert_lease.job.attempt is distinct from assert_lease.attempt or assert_lease.job.locked_until <= clock_timestamp() then
    raise exception 'This worker no longer has the job'
      using errcode = 'LLOCK', column = 'job_id', hint = 'Drop the work and claim another; send heartbeats before the lease ends';
  end if;
end
$$;
revoke execute on function app_private.assert_lease(app_public.tryon_jobs, text, integer) from public;
comment on function app_private.assert_lease(app_public.tryon_jobs, text, integer) is
  'LLOCK unless this worker has the job in this attempt, its lease lasts and it took no 2 hours; NTFND when there is no job.';

drop function if exists app_private.job_of_worker(text, uuid, integer);
create function app_private.job_of_worker(worker text, job_id uuid, attempt integer) returns app_public.tryon_jobs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
begin
  select * into v_job from app_public.tryon_jobs j where j.id = job_of_worker.job_id for update;
  perform app_private.assert_lease(v_job, job_of_worker.worker, job_of_worker.attempt);
  return v_job;
end
$$;
revoke execute on function app_private.job_of_worker(text, uuid, integer) from public;
comment on function app_private.job_of_worker(text, uuid, integer) is 'The job of a worker that still has it, locked; else LLOCK, or NTFND.';

drop function if exists app_private.heartbeat(text, uuid, integer, integer);
create function app_private.heartbeat(worker text, job_id uuid, attempt integer, lease_seconds integer default 60) returns timestamptz
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz;
begin
  if heartbeat.lease_seconds is null or heartbeat.lease_seconds not between 5 and 3600 then
    raise exception 'A lease lasts 5 to 3,600 seconds'
      using errcode = 'INVAL', column = 'lease_seconds', hint = 'Use 60, and send a heartbeat every 20 seconds';
  end if;
  perform app_private.job_of_worker(heartbeat.worker, heartbeat.job_id, heartbeat.attempt);
  update app_public.tryon_jobs j
  set locked_until = least(
    j.started_at + app_private.longest_attempt(),
    greatest(j.locked_until, now() + make_interval(secs => heartbeat.lease_seconds)))
  where j.id = heartbeat.job_id
  returning j.locked_until into v_until;
  return v_until;
end
$$;
revoke execute on function app_private.heartbeat(text, uuid, integer, integer) from public;
grant execute on function app_private.heartbeat(text, uuid, integer, integer) to :ROLE_WORKER;
comment on function app_private.heartbeat(text, uuid, integer, integer) is 'Prolongs the lease of a job, never beyond 2 hours of one attempt, and returns until when. LLOCK when the worker lost it, NTFND, INVAL.';

-- The key of a result says whose it is, so that no other job can bring it: not one
-- of the same person, nor a later attempt of the same job.
create or replace function app_private.result_prefix(job_id uuid, attempt integer) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select 'result/' || result_prefix.job_id || '/' || result_prefix.attempt || '/' $$;
revoke execute on function app_private.result_prefix(uuid, integer) from public;
comment on function app_private.result_prefix(uuid, integer) is 'What the keys of the results of one attempt begin with.';

drop function if exists app_private.begin_tryon_result(text, uuid, integer, text, bigint);
create function app_private.begin_tryon_result(worker text, job_id uuid, attempt integer, content_type text, bytes bigint) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
  v_extension text := case begin_tryon_result.content_type
    when 'image/png' then 'png' when 'image/jpeg' then 'jpg' when 'image/webp' then 'webp' end;
  v_key text;
begin
  if v_extension is null then
    raise exception 'A result is a picture'
      using errcode = 'INVAL', column = 'content_type', hint = 'Use image/png, image/jpeg or image/webp';
  end if;
  if begin_tryon_result.bytes is null or begin_tryon_result.bytes < 1 then
    raise exception 'The result is empty'
      using errcode = 'INVAL', column = 'bytes', hint = 'Send the size of the picture in bytes';
  end if;
  v_job := app_private.job_of_worker(begin_tryon_result.worker, begin_tryon_result.job_id, begin_tryon_result.attempt);
  v_key := app_private.result_prefix(v_job.id, v_job.attempt) || gen_random_uuid()::text || '.' || v_extension;
  -- For a day: what its attempt never brings is nobody's picture.
  insert into app_public.storage_objects
    (key, owner_user_id, owner_brand_id, kind, content_type, bytes, retention_until)
  values
    (v_key, v_job.user_id, case when v_job.user_id is null then v_job.brand_id end, 'result',
     begin_tryon_result.content_type, begin_tryon_result.bytes, now() + interval '1 day');
  return v_key;
end
$$;
revoke execute on function app_private.begin_tryon_result(text, uuid, integer, text, bigint) from public;
grant execute on function app_private.begin_tryon_result(text, uuid, integer, text, bigint) to :ROLE_WORKER;
comment on function app_private.begin_tryon_result(text, uuid, integer, text, bigint) is
  'Registers the picture a worker is about to upload for its job and returns its key, good for this attempt only. LLOCK, NTFND, INVAL.';

drop function if exists app_private.complete_tryon(text, uuid, integer, text, numeric, integer);
create function app_private.complete_tryon(
  worker text, job_id uuid, attempt integer, result_key text, confidence numeric, processing_ms integer
) returns app_public.tryon_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
  v_longest bigint;
begin
  select * into v_job from app_public.tryon_jobs j where j.id = complete_tryon.job_id for update;
  -- The answer to the first call may have been lost on the way: the same worker
  -- bringing the same result hears the same again.
  if v_job.status = 'completed' and v_job.attempt = complete_tryon.attempt and v_job.result_key = complete_tryon.result_key
    and exists (
      select from app_public.tryon_job_attempts a
      where a.job_id = v_job.id and a.attempt = v_job.attempt and a.worker = complete_tryon.worker
    ) then
    return v_job;
  end if;
  perform app_private.assert_lease(v_job, complete_tryon.worker, complete_tryon.attempt);
  if complete_tryon.confidence is null or not complete_tryon.confidence between 0 and 1 then
    raise exception 'A confidence lies between 0 and 1'
      using errcode = 'INVAL', column = 'confidence', hint = 'Send a fraction, not a percentage';
  end if;
  v_longest := ceil(extract(epoch from clock_timestamp() - v_job.started_at) * 1000)::bigint + 5000;
  if complete_tryon.processing_ms is null or complete_tryon.processing_ms not between 0 and v_longest then
    raise exception 'This processing time is not possible: the job was taken % ms ago', v_longest - 5000
      using errcode = 'INVAL', column = 'processing_ms', hint = 'Measure with a monotonic clock, in milliseconds; check the clock of the worker';
  end if;
  -- Kept for 180 days from here, for whoever it shows or who asked for it.
  update app_public.storage_objects o set retention_until = now() + interval '180 days'
  where o.key = complete_tryon.result_key and o.kind = 'result' and o.status = 'available'
    and starts_with(o.key, app_private.result_prefix(v_job.id, v_job.attempt));
  if not found then
    raise exception 'There is no such result of this attempt'
      using errcode = 'NTFND', column = 'result_key', hint = 'Ask for an upload for this job and send the picture first';
  end if;
  update app_public.tryon_jobs j
  set status = 'completed', result_key = complete_tryon.result_key,
    confidence = round(complete_tryon.confidence, 4), processing_ms = complete_tryon.processing_ms
  where j.id = v_job.id
  returning * into v_job;
  return v_job;
end
$$;
revoke execute on function app_private.complete_tryon(text, uuid, integer, text, numeric, integer) from public;
grant execute on function app_private.complete_tryon(text, uuid, integer, text, numeric, integer) to :ROLE_WORKER;
comment on function app_private.complete_tryon(text, uuid, integer, text, numeric, integer) is
  'Delivers the result of a job and captures its hold, once; the same call again gives the same job. LLOCK when the worker lost it, NTFND, INVAL; then nothing is written.';

-- 10 s, 20 s, 40 s … up to 10 minutes, and up to a fifth more, so that jobs that
-- failed together do not come back together.
drop function if exists app_private.tryon_backoff(integer);
create function app_private.tryon_backoff(attempt integer) returns interval
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select make_interval(secs => least(600, 10 * power(2, greatest(tryon_backoff.attempt, 1) - 1)) * (1 + random() / 5))
$$;
revoke execute on function app_private.tryon_backoff(integer) from public;
comment on function app_private.tryon_backoff(integer) is 'How long a job waits after its nth attempt failed.';

drop function if exists app_private.fail_tryon(text, uuid, integer, text, boolean, integer);
create function app_private.fail_tryon(
  worker text, job_id uuid, attempt integer, error_code text, retryable boolean default true, processing_ms integer default null
) returns app_public.tryon_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs;
begin
  select j.* into v_job from app_public.tryon_jobs j
  join app_public.tryon_job_attempts a on a.job_id = j.id and a.attempt = fail_tryon.attempt
  where j.id = fail_tryon.job_id and a.worker = fail_tryon.worker and a.outcome in ('failed', 'retried')
    and a.error_code = fail_tryon.error_code;
  if found then
    return v_job;
  end if;
  v_job := app_private.job_of_worker(fail_tryon.worker, fail_tryon.job_id, fail_tryon.attempt);
  if fail_tryon.error_code in ('LOST_WORKER', 'DEADLINE') then
    raise exception '% is what the server says when no worker did', fail_tryon.error_code
      using errcode = 'INVAL', column = 'error_code', hint = 'Name what went wrong, for example NO_BODY_FOUND';
  end if;
  if fail_tryon.error_code is null or fail_tryon.error_code !~ '^[A-Z][A-Z0-9_]{1,39}$' then
    raise exception 'A failure has a code of capital letters, digits and underscores, 40 at most'
      using errcode = 'INVAL', column = 'error_code', hint = 'For example NO_BODY_FOUND or GPU_OUT_OF_MEMORY';
  end if;
  if fail_tryon.processing_ms < 0 or fail_tryon.processing_ms > extract(epoch from clock_timestamp() - v_job.started_at) * 1000 + 5000 then
    raise exception 'This processing time is not possible'
      using errcode = 'INVAL', column = 'processing_ms', hint = 'Measure with a monotonic clock, in milliseconds; check the clock of the worker';
  end if;
  update app_public.tryon_jobs j
  set status = case when fail_tryon.retryable and j.attempt < j.max_attempts then 'queued'::app_public.tryon_status else 'failed' end,
    error_code = fail_tryon.error_code, processing_ms = fail_tryon.processing_ms,
    run_after = case when fail_tryon.retryable and j.attempt < j.max_attempts
      then now() + app_private.tryon_backoff(j.attempt) else j.run_after end
  where j.id = v_job.id
  returning * into v_job;
  return v_job;
end
$$;
revoke execute on function app_private.fail_tryon(text, uuid, integer, text, boolean, integer) from public;
grant execute on function app_private.fail_tryon(text, uuid, integer, text, boolean, integer) to :ROLE_WORKER;
comment on function app_private.fail_tryon(text, uuid, integer, text, boolean, integer) is
  'Ends an attempt without a result: back to the queue while it may be retried (the hold stays), else failed (the hold is released). LLOCK, NTFND, INVAL.';

drop function if exists app_private.expire_stale(integer);
create function app_private.expire_stale(batch integer default 200) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_late uuid[];
  v_silent uuid[];
begin
  select coalesce(array_agg(s.id), '{}') into v_late from (
    select j.id from app_public.tryon_jobs j
    where j.status = 'queued' and j.deadline_at <= now()
    order by j.deadline_at limit expire_stale.batch
    for update skip locked
  ) s;
  select coalesce(array_agg(s.id), '{}') into v_silent from (
    select j.id from app_public.tryon_jobs j
    where j.status = 'processing' and j.locked_until <= now()
    order by j.locked_until limit expire_stale.batch
    for update skip locked
  ) s;
  -- All wallets of the batch first, in the order of their ids: one settlement
  -- after another would take them in the order of jobs, and could wait in a circle.
  perform 1 from app_public.credit_accounts a
  where a.kind in ('available', 'held') and (
    a.owner_user_id in (select h.owner_user_id from app_public.credit_holds h where h.tryon_job_id = any (v_late || v_silent))
    or a.owner_brand_id in (select h.owner_brand_id from app_public.credit_holds h where h.tryon_job_id = any (v_late || v_silent))
  )
  order by a.id
  for no key update;
  update app_public.tryon_jobs j set status = 'expired', error_code = 'DEADLINE' where j.id = any (v_late);
  update app_public.tryon_jobs j
  set status = case when j.attempt < j.max_attempts then 'queued'::app_public.tryon_status else 'expired' end,
    error_code = 'LOST_WORKER',
    run_after = case when j.attempt < j.max_attempts then now() + app_private.tryon_backoff(j.attempt) else j.run_after end
  where j.id = any (v_silent);
  return cardinality(v_late) + cardinality(v_silent);
end
$$;
revoke execute on function app_private.expire_stale(integer) from public;
grant execute on function app_private.expire_stale(integer) to :ROLE_WORKER;
comment on function app_private.expire_stale(integer) is
  'Expires jobs past their deadline, and takes jobs from workers that fell silent: back to the queue, or expired when all attempts are used. Returns how many; call again until 0.';
--! EndIncluded functions/tryon/worker.sql
--! Included functions/tryon/worker_keys.sql
-- Keys of GPU services. The key is shown once; what is stored is its hash.
drop function if exists app_public.create_worker_key(text);
create function app_public.create_worker_key(name text) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{admin}', 'You may not make worker keys');
  v_token text := 'wk_' || app_private.random_token();
  v_key_id uuid;
begin
  insert into app_public.worker_keys (name, prefix, created_by)
  values (lower(btrim(create_worker_key.name)), left(v_token, 11), v_staff_id)
  returning id into v_key_id;
  insert into app_private.worker_key_secrets (key_id, key_hash) values (v_key_id, app_private.token_hash(v_token));
  return v_token;
end
$$;
revoke execute on function app_public.create_worker_key(text) from public;
grant execute on function app_public.create_worker_key(text) to :ROLE_STAFF_ADMIN;
comment on function app_public.create_worker_key(text) is
  'Makes a key for a GPU service and returns it, this once. Staff administration only. DNIED, INVAL, TAKEN.';

drop function if exists app_public.revoke_worker_key(uuid);
create function app_public.revoke_worker_key(key_id uuid) returns app_public.worker_keys
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key app_public.worker_keys;
begin
  perform app_private.assert_staff('{admin}', 'You may not revoke worker keys');
  -- The lock waits for the calls this key has begun: what they claim is seen below.
  select * into v_key from app_public.worker_keys k where k.id = revoke_worker_key.key_id for no key update;
  if not found then
    raise exception 'There is no such key' using errcode = 'NTFND', column = 'key_id', hint = 'Go back to the list';
  end if;
  if v_key.revoked_at is not null then
    -- Another key may have the name by now, and its workers their leases.
    return v_key;
  end if;
  update app_public.worker_keys k set revoked_at = now() where k.id = v_key.id returning * into v_key;
  delete from app_private.worker_key_secrets s where s.key_id = v_key.id;
  -- Its leases end, so that the next sweep gives the jobs to others and no key
  -- that is given the same name finds them as its own.
  update app_public.tryon_jobs j set locked_until = now()
  where j.id in (
    select p.id from app_public.tryon_jobs p
    where p.status = 'processing' and p.locked_until > now()
      and (p.locked_by = v_key.name or starts_with(p.locked_by, v_key.name || '/'))
    order by p.id
    for update
  );
  return v_key;
end
$$;
revoke execute on function app_public.revoke_worker_key(uuid) from public;
grant execute on function app_public.revoke_worker_key(uuid) to :ROLE_STAFF_ADMIN;
comment on function app_public.revoke_worker_key(uuid) is $$
@admin.label Revoke
@admin.icon block
@admin.action row of worker_keys
@admin.confirm Revoke this key? Its workers are refused from the next call on; what they hold goes back to the queue.
Ends a key at once, and the leases of its workers; its hash is deleted. Staff administration only. DNIED, NTFND.$$;

-- What the server calls for a GPU service: the key decides, each time. The worker
-- is the name of the key and, after a slash, what the service calls itself.
drop function if exists app_private.worker_of_key(bytea, text);
create function app_private.worker_of_key(key_hash bytea, instance text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_key app_public.worker_keys;
begin
  select k.* into v_key from app_private.worker_key_secrets s
  join app_public.worker_keys k on k.id = s.key_id and k.revoked_at is null
  where s.key_hash = worker_of_key.key_hash
  -- Shared by all calls of the key: who revokes it waits for them.
  for share of k;
  if not found then
    raise exception 'This is not a worker key'
      using errcode = 'LOGIN', hint = 'Send a worker key that is in use as a Bearer token';
  end if;
  if worker_of_key.instance !~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,38}$' then
    raise exception 'A worker names itself with letters, digits and . _ : -, 39 at most'
      using errcode = 'INVAL', column = 'worker', hint = 'Use the name of the machine and a number';
  end if;
  -- Once a minute is enough, and keeps calls from waiting for each other.
  if v_key.last_used_at is null or v_key.last_used_at < now() - interval '1 minute' then
    update app_public.worker_keys k set last_used_at = now()
    where k.id in (select w.id from app_public.worker_keys w where w.id = v_key.id for update skip locked);
  end if;
  return v_key.name || coalesce('/' || worker_of_key.instance, '');
end
$$;
revoke execute on function app_private.worker_of_key(bytea, text) from public;
comment on function app_private.worker_of_key(bytea, text) is 'The name of the worker behind a key; LOGIN when the key is not in use.';

drop function if exists app_private.key_claim_tryon_jobs(bytea, text, integer, integer);
create function app_private.key_claim_tryon_jobs(key_hash bytea, instance text, n integer, lease_seconds integer)
returns setof app_public.tryon_jobs
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select * from app_private.claim_tryon_jobs(
    app_private.worker_of_key(key_claim_tryon_jobs.key_hash, key_claim_tryon_jobs.instance),
    key_claim_tryon_jobs.n, key_claim_tryon_jobs.lease_seconds)
$$;
drop function if exists app_private.key_tryon_pictures(bytea, text, uuid, integer);
create function app_private.key_tryon_pictures(key_hash bytea, instance text, job_id uuid, attempt integer)
returns table (role text, "position" smallint, storage_key text, category_code text, color text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs := app_private.job_of_worker(
    app_private.worker_of_key(key_tryon_pictures.key_hash, key_tryon_pictures.instance),
    key_tryon_pictures.job_id, key_tryon_pictures.attempt);
begin
  return query
    select 'selfie', 0::smallint, v_job.selfie_key, null::text, null::text
    union all
    select 'garment', g.position, coalesce(p.image_key, w.image_key), coalesce(p.category_code, w.category_code),
      coalesce(p.color, w.color)
    from app_public.tryon_job_garments g
    left join app_public.products p on p.id = g.product_id
    left join app_public.wardrobe_items w on w.id = g.wardrobe_item_id
    where g.job_id = v_job.id
    order by 2;
end
$$;
drop function if exists app_private.key_heartbeat(bytea, text, uuid, integer, integer);
create function app_private.key_heartbeat(key_hash bytea, instance text, job_id uuid, attempt integer, lease_seconds integer)
returns timestamptz
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.heartbeat(
    app_private.worker_of_key(key_heartbeat.key_hash, key_heartbeat.instance),
    key_heartbeat.job_id, key_heartbeat.attempt, key_heartbeat.lease_seconds)
$$;
drop function if exists app_private.key_begin_tryon_result(bytea, text, uuid, integer, text, bigint);
create function app_private.key_begin_tryon_result(
  key_hash bytea, instance text, job_id uuid, attempt integer, content_type text, bytes bigint
) returns text
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.begin_tryon_result(
    app_private.worker_of_key(key_begin_tryon_result.key_hash, key_begin_tryon_result.instance),
    key_begin_tryon_result.job_id, key_begin_tryon_result.attempt,
    key_begin_tryon_result.content_type, key_begin_tryon_result.bytes)
$$;
drop function if exists app_private.key_complete_tryon(bytea, text, uuid, integer, text, numeric, integer);
create function app_private.key_complete_tryon(
  key_hash bytea, instance text, job_id uuid, attempt integer, result_key text, confidence numeric, processing_ms integer
) returns app_public.tryon_jobs
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.complete_tryon(
    app_private.worker_of_key(key_complete_tryon.key_hash, key_complete_tryon.instance),
    key_complete_tryon.job_id, key_complete_tryon.attempt, key_complete_tryon.result_key,
    key_complete_tryon.confidence, key_complete_tryon.processing_ms)
$$;
drop function if exists app_private.key_fail_tryon(bytea, text, uuid, integer, text, boolean, integer);
create function app_private.key_fail_tryon(
  key_hash bytea, instance text, job_id uuid, attempt integer, error_code text, retryable boolean, processing_ms integer
) returns app_public.tryon_jobs
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  select app_private.fail_tryon(
    app_private.worker_of_key(key_fail_tryon.key_hash, key_fail_tryon.instance),
    key_fail_tryon.job_id, key_fail_tryon.attempt, key_fail_tryon.error_code,
    key_fail_tryon.retryable, key_fail_tryon.processing_ms)
$$;
do $do$
declare
  v_function text;
begin
  foreach v_function in array array[
    'key_claim_tryon_jobs(bytea, text, integer, integer)',
    'key_tryon_pictures(bytea, text, uuid, integer)',
    'key_heartbeat(bytea, text, uuid, integer, integer)',
    'key_begin_tryon_result(bytea, text, uuid, integer, text, bigint)',
    'key_complete_tryon(bytea, text, uuid, integer, text, numeric, integer)',
    'key_fail_tryon(bytea, text, uuid, integer, text, boolean, integer)'
  ] loop
    execute format('revoke execute on function app_private.%s from public', v_function);
    execute format('grant execute on function app_private.%s to :ROLE_APP', v_function);
    execute format('comment on function app_private.%s is %L', v_function,
      'For a worker that comes with a key (by its hash): the function of the same name without key_. LOGIN when the key is not in use.');
  end loop;
end
$do$;
--! EndIncluded functions/tryon/worker_keys.sql
--! Included functions/tryon/settle.sql
-- What a person does to a job that exists: cancel, try again, give the credits
-- back. Definer functions that check their caller.
drop function if exists app_private.reachable_job(uuid);
create function app_private.reachable_job(job_id uuid) returns app_public.tryon_jobs
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_role text := app_hidden.current_request_role();
  v_job app_public.tryon_jobs;
begin
  select * into v_job from app_public.tryon_jobs j
  where j.id = reachable_job.job_id
    and case
      when v_role = ':ROLE_USER' then j.user_id = app_hidden.current_user_id()
      when v_role in (':ROLE_MANAGER', ':ROLE_BRAND_OWNER') then j.brand_id = app_hidden.current_brand_id()
      when app_hidden.current_actor_kind() = 'staff' then exists (
        select 1 from app_public.staff_members s join app_public.users u on u.id = s.user_id and u.status = 'active'
        where s.user_id = app_hidden.current_user_id() and s.role in ('support', 'finance', 'admin')
      )
      else false
    end
  for update;
  if not found then
    raise exception 'There is no such try-on'
      using errcode = 'NTFND', column = 'job_id', hint = 'Go back to the list';
  end if;
  return v_job;
end
$$;
revoke execute on function app_private.reachable_job(uuid) from public;
comment on function app_private.reachable_job(uuid) is 'Locks a job of the caller: own, of the active brand, or any for staff; else NTFND.';

-- What staff do to a job of somebody else stands in the trail, with their name;
-- the ledger, which the owner reads, names nobody.
create or replace function app_private.note_staff_act(action text, job app_public.tryon_jobs, diff jsonb) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, request_id)
  select 'staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(),
    note_staff_act.action, 'tryon_jobs', (note_staff_act.job).id::text, note_staff_act.diff, app_hidden.current_request_id()
  where app_hidden.current_actor_kind() = 'staff'
$$;
revoke execute on function app_private.note_staff_act(text, app_public.tryon_jobs, jsonb) from public;
comment on function app_private.note_staff_act(text, app_public.tryon_jobs, jsonb) is 'Leaves an audit row when the caller is staff, else nothing.';

drop function if exists app_public.cancel_tryon(uuid);
create function app_public.cancel_tryon(job_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs := app_private.reachable_job(cancel_tryon.job_id);
begin
  -- A brand stops what it pays for; what a shopper pays for is the shopper's.
  if app_hidden.current_request_role() in (':ROLE_MANAGER', ':ROLE_BRAND_OWNER') and v_job.payer <> 'brand' then
    raise exception 'This try-on is paid by the shopper'
      using errcode = 'DNIED', column = 'job_id', hint = 'Only the shopper or support can cancel it';
  end if;
  if v_job.status = 'cancelled' then
    return v_job.id;
  end if;
  if v_job.status <> 'queued' then
    raise exception 'A try-on that is % cannot be cancelled', v_job.status
      using errcode = 'STATE', column = 'job_id', hint = 'Reload: only a waiting one can';
  end if;
  update app_public.tryon_jobs set status = 'cancelled' where id = v_job.id;
  perform app_private.note_staff_act('cancel_tryon', v_job, jsonb_build_object('status', jsonb_build_array(v_job.status, 'cancelled')));
  return v_job.id;
end
$$;
revoke execute on function app_public.cancel_tryon(uuid) from public;
grant execute on function app_public.cancel_tryon(uuid) to :ROLE_USER, :ROLE_MANAGER, :ROLE_STAFF_SUPPORT;
comment on function app_public.cancel_tryon(uuid) is $$
@admin.label Cancel
@admin.icon cancel
@admin.action row of tryon_jobs
@admin.confirm Cancel this try-on? Its credits are given back.
Cancels a try-on that still waits and gives its credits back; again changes nothing. A shopper the own, a manager what the brand pays for, support any. NTFND, DNIED, STATE.$$;

drop function if exists app_public.retry_tryon(uuid);
create function app_public.retry_tryon(job_id uuid) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job app_public.tryon_jobs := app_private.reachable_job(retry_tryon.job_id);
  v_again uuid;
begin
  if app_hidden.current_request_role() in (':ROLE_MANAGER', ':ROLE_BRAND_OWNER') and v_job.payer <> 'brand' then
    raise exception 'This try-on is paid by the shopper'
      using errcode = 'DNIED', column = 'job_id', hint = 'Only the shopper or support can try again';
  end if;
  if v_job.status not in ('failed', 'expired') then
    raise exception 'A try-on that is % cannot be tried again', v_job.status
      using errcode = 'STATE', column = 'job_id', hint = 'Only one that failed or expired can';
  end if;
  -- The lock on the first job makes a second click find this one.
  select j.id into v_again from app_public.tryon_jobs j where j.retry_of = v_job.id order by j.id limit 1;
  if found then
    return v_again;
  end if;
  v_again := (app_private.create_tryon(
    v_job.user_id, case when v_job.user_id is null then v_job.brand_id end, v_job.category_code, v_job.selfie_key,
    array(select g.product_id from app_public.tryon_job_garments g
      where g.job_id = v_job.id and g.product_id is not null order by g.position),
    array(select g.wardrobe_item_id from app_public.tryon_job_garments g
      where g.job_id = v_job.id and g.wardrobe_item_id is not null order by g.position),
    v_job.device_family, v_job.app_version, v_job.id,
    -- Nobody's credits are spent by a decision of ours.
    case when app_hidden.current_actor_kind() = 'staff' then 'A try-on repeated by ClosetAI' end)).id;
  perform app_private.note_staff_act('retry_tryon', v_job, jsonb_build_object('retried_as', jsonb_build_array(null, v_again)));
  return v_again;
end
$$;
revoke execute on function app_public.retry_tryon(uuid) from public;
grant execute on function app_public.retry_tryon(uuid) to :ROLE_USER, :ROLE_MANAGER, :ROLE_STAFF_SUPPORT;
comment on function app_public.retry_tryon(uuid) is $$
@admin.label Try again
@admin.icon replay
@admin.action row of tryon_jobs
@admin.confirm Ask for this try-on once more? A new job holds its credits.
Repeats a failed or expired try-on as a new job with a new hold and returns it; again gives the same job. Support gives the credits for it, which are taken back when it comes to nothing. NTFND, DNIED, STATE, NOCRD.$$;

drop function if exists app_public.refund_tryon(uuid, text);
create function app_public.refund_tryon(job_id uuid, reason text) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_staff_id uuid := app_private.assert_staff('{support,finance}', 'You may not give credits back');
  v_reason text := app_private.assert_reason(refund_tryon.reason);
  v_job app_public.tryon_jobs := app_private.reachable_job(refund_tryon.job_id);
  v_hold app_public.credit_holds;
  v_wallet app_private.wallet;
  v_grant_id uuid;
  v_paid bigint;
begin
  select * into v_hold from app_public.credit_holds h where h.tryon_job_id = v_job.id;
  if not found or v_hold.status <> 'captured' then
    raise exception 'Nothing was charged for this try-on'
      using errcode = 'STATE', column = 'job_id', hint = 'Only a completed try-on that was paid can be refunded';
  end if;
  -- The key makes it once per job; the lock on the job makes a second call wait for it.
  select t.grant_id into v_grant_id from app_public.credit_transfers t where t.idempotency_key = 'refund:' || v_job.id;
  if found then
    return v_grant_id;
  end if;
  -- What we gave for it, to repeat a try-on, was nobody's cost.
  select v_hold.amount - coalesce(sum(l.amount), 0) into v_paid
  from app_public.credit_hold_lines l
  join app_public.credit_transfers t on t.grant_id = l.grant_id and t.idempotency_key = 'gift:' || v_job.id
  where l.hold_id = v_hold.id;
  if v_paid <= 0 then
    raise exception 'ClosetAI paid for this try-on'
      using errcode = 'STATE', column = 'job_id', hint = 'There is nothing to give back: its credits were a gift';
  end if;
  v_wallet := app_private.lock_wallet(v_hold.owner_user_id, v_hold.owner_brand_id);
  -- The owner reads grants and ledger: what staff wrote is for the trail only.
  insert into app_public.credit_grants
    (owner_user_id, owner_brand_id, source, amount, remaining, priority, note)
  values
    (v_hold.owner_user_id, v_hold.owner_brand_id, 'refund', v_paid, v_paid, 20, 'Refund of a try-on')
  returning id into v_grant_id;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, hold_id, idempotency_key, reason)
  values
    (v_hold.owner_user_id, v_hold.owner_brand_id, 'grant', app_private.system_account('system_grants'),
     v_wallet.available_id, v_paid, v_grant_id, v_hold.id, 'refund:' || v_job.id, 'Refund of a try-on');
  -- Of no brand: a brand's owner reads the rows of the brand.
  insert into app_public.audit_log
    (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, reason, request_id)
  values
    ('staff', v_staff_id, app_hidden.current_impersonator_id(), 'refund_tryon', 'tryon_jobs', v_job.id::text,
     jsonb_build_object('refunded', jsonb_build_array(null, v_paid)), v_reason, app_hidden.current_request_id());
  return v_grant_id;
end
$$;
revoke execute on function app_public.refund_tryon(uuid, text) from public;
grant execute on function app_public.refund_tryon(uuid, text) to :ROLE_STAFF_SUPPORT, :ROLE_STAFF_FINANCE;
comment on function app_public.refund_tryon(uuid, text) is $$
@admin.label Refund
@admin.icon undo
@admin.action row of tryon_jobs
@admin.confirm Give the credits of this try-on back?
Gives what a completed try-on cost its owner back as a new grant, with a reason (10 to 500 characters); once per job. Support and finance; leaves an audit row. DNIED, INVAL, NTFND, STATE.$$;
--! EndIncluded functions/tryon/settle.sql
--! Included functions/tryon/operations.sql
-- The board of operations. As the caller: staff read every job, nobody else may
-- call these.
drop function if exists app_public.tryon_queue();
create function app_public.tryon_queue(
  out waiting bigint, out delayed bigint, out running bigint, out silent bigint, out oldest_waiting_seconds integer, out as_of timestamptz
) returns record
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select q.waiting, q.delayed, p.running, p.silent, q.oldest, now()
  from (
    select count(*) filter (where j.run_after <= now()) as waiting, count(*) filter (where j.run_after > now()) as delayed,
      extract(epoch from now() - min(j.queued_at) filter (where j.run_after <= now()))::integer as oldest
    from app_public.tryon_jobs j where j.status = 'queued'
  ) q,
  (
    select count(*) as running, count(*) filter (where j.locked_until <= now()) as silent
    from app_public.tryon_jobs j where j.status = 'processing'
  ) p
$$;
comment on function app_public.tryon_queue() is
  'The queue now: jobs waiting, waiting for a retry, running, and running with a worker that fell silent; seconds the oldest has waited (null when none).';

drop function if exists app_public.tryon_throughput(integer);
create function app_public.tryon_throughput(minutes integer default 60)
returns table (minute timestamptz, completed bigint, failed bigint, retried bigint, lost bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select m.minute, count(a.job_id) filter (where a.outcome = 'completed'), count(a.job_id) filter (where a.outcome = 'failed'),
    count(a.job_id) filter (where a.outcome = 'retried'), count(a.job_id) filter (where a.outcome = 'lost')
  from generate_series(
    date_trunc('minute', now()) - make_interval(mins => least(greatest(coalesce(tryon_throughput.minutes, 60), 1), 1440) - 1),
    date_trunc('minute', now()), interval '1 minute'
  ) m (minute)
  left join app_public.tryon_job_attempts a on a.finished_at >= m.minute and a.finished_at < m.minute + interval '1 minute'
  group by m.minute
  order by m.minute
$$;
comment on function app_public.tryon_throughput(integer) is $$
Attempts that ended in each of the last minutes (1 to 1,440), by how they ended.$$;

drop function if exists app_public.tryon_failures(integer);
create function app_public.tryon_failures(minutes integer default 1440)
returns table (error_code text, attempts bigint, jobs bigint, last_at timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(a.error_code, 'UNKNOWN'), count(*), count(distinct a.job_id), max(a.finished_at)
  from app_public.tryon_job_attempts a
  where a.outcome <> 'completed'
    and a.finished_at >= now() - make_interval(mins => least(greatest(coalesce(tryon_failures.minutes, 1440), 1), 43200))
  group by 1
  order by 2 desc, 1
  limit 50
$$;
comment on function app_public.tryon_failures(integer) is $$
Why attempts failed within the last minutes (1 to 43,200), the most frequent first, 50 at most.$$;

drop function if exists app_public.tryon_category_speed(integer);
create function app_public.tryon_category_speed(minutes integer default 1440)
returns table (category_code text, completed bigint, failed bigint, p50_ms integer, p95_ms integer, success numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select a.category_code,
    count(*) filter (where a.outcome = 'completed'),
    count(*) filter (where a.outcome in ('failed', 'lost')),
    round((percentile_cont(0.5) within group (order by a.processing_ms) filter (where a.outcome = 'completed'))::numeric)::integer,
    round((percentile_cont(0.95) within group (order by a.processing_ms) filter (where a.outcome = 'completed'))::numeric)::integer,
    round(count(*) filter (where a.outcome = 'completed') / nullif(count(*) filter (where a.outcome <> 'retried'), 0)::numeric, 4)
  from app_public.tryon_job_attempts a
  where a.finished_at >= now() - make_interval(mins => least(greatest(coalesce(tryon_category_speed.minutes, 1440), 1), 43200))
    -- One whose worker was lost is an end only where the job ended with it.
    and not (a.outcome = 'lost' and exists (
      select from app_public.tryon_jobs j where j.id = a.job_id and (j.status in ('queued', 'processing') or j.attempt > a.attempt)))
  group by a.category_code
  order by a.category_code
$$;
comment on function app_public.tryon_category_speed(integer) is $$
Per category within the last minutes (1 to 43,200): attempts completed and failed, median and 95th percentile of milliseconds (completed only), share that succeeded (4 decimals, null when none).$$;

revoke execute on function app_public.tryon_queue(), app_public.tryon_throughput(integer), app_public.tryon_failures(integer),
  app_public.tryon_category_speed(integer) from public;
grant execute on function app_public.tryon_queue(), app_public.tryon_throughput(integer), app_public.tryon_failures(integer),
  app_public.tryon_category_speed(integer) to :ROLE_STAFF;
--! EndIncluded functions/tryon/operations.sql
--! Included functions/tryon/feedback.sql
-- Publishes feedback in steps of at least k shoppers (the brand's privacy floor, 11
-- or more): what the next figures add to the last ones is never the vote of a few.
-- Who changed theirs counts as new; who saved the same again does not, and nobody
-- twice within one step. Votes and ratings are steps of their own: ten who change a
-- vote do not cover for one who changes a rating. Against ten people who act for the
-- brand only noise would help.
drop function if exists app_private.publish_feedback(timestamptz);
create function app_private.publish_feedback(moment timestamptz default clock_timestamp()) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step record;
  v_count integer := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('publish-feedback', 0));
  for v_step in
    select n.*, n.voted >= b.k as has_votes, n.rerated >= b.k as has_ratings
    from (
      select v.brand_id, v.category_code,
        count(distinct v.user_id) as people, count(*) as rated, count(*) filter (where v.accurate) as accurate,
        count(distinct v.user_id) filter (where v.accurate) as agreed,
        count(distinct v.user_id) filter (where not v.accurate) as disagreed,
        count(distinct v.user_id) filter (where v.rating is not null) as raters,
        count(v.rating) as ratings, coalesce(sum(v.rating), 0) as rating_sum,
        count(distinct v.user_id) filter (where v.accurate is distinct from p.accurate) as voted,
        count(distinct v.user_id) filter (where v.rating is distinct from p.rating) as rerated
      from app_public.tryon_feedback v
      left join app_private.published_feedback p on p.job_id = v.job_id
      where v.brand_id is not null
      group by v.brand_id, v.category_code
    ) n
    join (select a.id, greatest(11, a.k_min) as k from app_public.brand_accounts a) b on b.id = n.brand_id
    where greatest(n.voted, n.rerated) >= b.k
    order by n.brand_id, n.category_code
  loop
    if v_step.has_votes then
      insert into app_public.tryon_feedback_figures as f
        (brand_id, category_code, as_of, people, rated, accurate, agreed, disagreed)
      values
        (v_step.brand_id, v_step.category_code, publish_feedback.moment, v_step.people, v_step.rated, v_step.accurate, v_step.agreed,
         v_step.disagreed)
      on conflict on constraint tryon_feedback_figures_pkey do update set
        as_of = excluded.as_of, people = excluded.people, rated = excluded.rated, accurate = excluded.accurate,
        agreed = excluded.agreed, disagreed = excluded.disagreed;
      insert into app_private.published_feedback as p (job_id, accurate)
      select v.job_id, v.accurate from app_public.tryon_feedback v
      where v.brand_id = v_step.brand_id and v.category_code = v_step.category_code
      on conflict on constraint published_feedback_pkey do update set accurate = excluded.accurate
        where p.accurate is distinct from excluded.accurate;
      v_count := v_count + 1;
    end if;
    -- A rating comes with a vote: where there are figures to rate.
    if v_step.has_ratings then
      update app_public.tryon_feedback_figures f
      set ratings_as_of = case when v_step.ratings > 0 then publish_feedback.moment end, raters = v_step.raters, ratings = v_step.ratings,
        rating_sum = v_step.rating_sum
      where f.brand_id = v_step.brand_id and f.category_code = v_step.category_code;
      if found then
        insert into app_private.published_feedback as p (job_id, rating)
        select v.job_id, v.rating from app_public.tryon_feedback v
        where v.brand_id = v_step.brand_id and v.category_code = v_step.category_code
        on conflict on constraint published_feedback_pkey do update set rating = excluded.rating
          where p.rating is distinct from excluded.rating;
        v_count := v_count + 1;
      end if;
    end if;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.publish_feedback(timestamptz) from public;
grant execute on function app_private.publish_feedback(timestamptz) to :ROLE_WORKER;
comment on function app_private.publish_feedback(timestamptz) is
  'Counts votes, and ratings, anew for each brand and category in which at least as many shoppers as the brand''s privacy floor have added or changed theirs since the last time; returns how many were counted. Call again until 0.';
--! EndIncluded functions/tryon/feedback.sql
--! Included functions/tryon/views.sql
-- What a brand sees of the jobs that concern it: no selfie, no shopper, and the
-- result only where the brand asked itself (it shows a body otherwise). The view
-- belongs to the bound reader, which the policies of the base table filter; the
-- base table is closed to brand roles. No security barrier on the views that keep
-- no row back themselves: the policies hold up a caller's conditions as one would,
-- and behind a barrier a page of a list would sort every job a brand ever had.
drop view if exists app_public.brand_tryon_jobs cascade;
create view app_public.brand_tryon_jobs as
  select j.id, j.brand_id, j.shopper_handle as shopper, j.payer, j.status, j.category_code, j.cost,
    case when j.user_id is null then j.result_key end as result_key,
    j.confidence, j.processing_ms, j.attempt, j.max_attempts, j.error_code, j.device_family, j.app_version,
    case when j.user_id is null then j.retry_of end as retry_of,
    j.queued_at, j.started_at, j.completed_at, j.finished_at
  from app_public.tryon_jobs j;

drop view if exists app_public.brand_tryon_garments cascade;
create view app_public.brand_tryon_garments as
  select g.job_id, g.position, g.brand_id, g.product_id
  from app_public.tryon_job_garments g;

drop view if exists app_public.brand_tryon_attempts cascade;
create view app_public.brand_tryon_attempts as
  select a.job_id, a.attempt, a.brand_id, a.outcome, a.error_code, a.processing_ms, a.started_at, a.finished_at
  from app_public.tryon_job_attempts a;

-- As it was published last: counts of now, asked for again after each try-on, would
-- tell the one vote between two answers. Behind a figure stand at least as many people as
-- the floor of the brand says, 11 or more: behind the votes, behind those for and
-- those against unless there are none, behind the mean.
drop view if exists app_public.brand_tryon_feedback cascade;
create view app_public.brand_tryon_feedback with (security_barrier = true) as
  select f.brand_id, f.category_code, f.rated,
    case when (f.agreed = 0 or f.agreed >= b.k) and (f.disagreed = 0 or f.disagreed >= b.k) then f.accurate end as accurate,
    case when f.raters >= b.k then round(f.rating_sum::numeric / f.ratings, 2) end as mean_rating,
    f.as_of
  from app_public.tryon_feedback_figures f
  -- The floor of now: figures from before it was raised are held back, too.
  join (select a.id, greatest(11, a.k_min) as k from app_public.brand_accounts a) b on b.id = f.brand_id
  where f.people >= b.k;

grant create on schema app_public to :ROLE_READER;
alter view app_public.brand_tryon_jobs owner to :ROLE_READER;
alter view app_public.brand_tryon_garments owner to :ROLE_READER;
alter view app_public.brand_tryon_attempts owner to :ROLE_READER;
alter view app_public.brand_tryon_feedback owner to :ROLE_READER;
revoke create on schema app_public from :ROLE_READER;
revoke all on app_public.brand_tryon_jobs, app_public.brand_tryon_garments, app_public.brand_tryon_attempts,
  app_public.brand_tryon_feedback from public;
grant select on app_public.brand_tryon_jobs, app_public.brand_tryon_garments, app_public.brand_tryon_attempts,
  app_public.brand_tryon_feedback to :ROLE_VIEWER;

comment on view app_public.brand_tryon_jobs is $$
@primaryKey id
@foreignKey (brand_id) references app_public.brand_accounts (id)|@fieldName brand|@foreignFieldName tryonJobs
@foreignKey (category_code) references app_public.wardrobe_categories (code)|@fieldName category|@foreignFieldName brandTryonJobs
@foreignKey (result_key) references app_public.storage_objects (key)|@fieldName result|@foreignFieldName brandTryonJobs
@behavior -insert -update -delete
@admin.label Try-on jobs
@admin.singular Try-on job
@admin.group Try-on
@admin.icon accessibility
@admin.order 100
@admin.live tryon_jobs
@admin.list id, status, category_code, payer, shopper, cost, queued_at, finished_at
Try-ons of the products of a brand, without selfie and shopper.$$;
-- The index of a brand's jobs gives them newest first. What else is filtered by is
-- read along it; nothing but the key is sorted by, or a page would sort them all.
comment on column app_public.brand_tryon_jobs.id is '@isIndexed';
comment on column app_public.brand_tryon_jobs.brand_id is '@isIndexed';
comment on column app_public.brand_tryon_jobs.category_code is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.payer is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.retry_of is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.finished_at is '@behavior +filterBy';
comment on column app_public.brand_tryon_jobs.shopper is $$
@behavior +filterBy
Stands for one shopper within this brand: random, and another in every other brand. Null for a try-on the brand asked for itself.$$;
comment on column app_public.brand_tryon_jobs.status is $$
@admin.widget status
@isIndexed
queued, processing, then completed, failed, cancelled or expired.$$;
comment on column app_public.brand_tryon_jobs.result_key is 'The result of a try-on the brand asked for itself; null for those of shoppers.';
comment on column app_public.brand_tryon_jobs.confidence is $$
@admin.widget percent
What the model says of its own result, 0 to 1. Not a measured accuracy.$$;
comment on column app_public.brand_tryon_jobs.processing_ms is $$
@admin.widget duration
Milliseconds the completed attempt took.$$;
comment on view app_public.brand_tryon_garments is $$
@primaryKey job_id,position
@foreignKey (job_id) references app_public.brand_tryon_jobs (id)|@fieldName job|@foreignFieldName garments
@foreignKey (product_id) references app_public.products (id)|@fieldName product|@foreignFieldName tryonGarments
@behavior -insert -update -delete
@admin.label Products tried on
@admin.hidden
The products of the brand in a try-on; what else the shopper wore is not shown.$$;
comment on column app_public.brand_tryon_garments.job_id is '@isIndexed';
comment on column app_public.brand_tryon_garments.product_id is '@isIndexed';
comment on column app_public.brand_tryon_garments.position is '@behavior +filterBy';
comment on view app_public.brand_tryon_attempts is $$
@primaryKey job_id,attempt
@foreignKey (job_id) references app_public.brand_tryon_jobs (id)|@fieldName job|@foreignFieldName attempts
@behavior -insert -update -delete
@admin.label Attempts
@admin.hidden
How the attempts of a try-on went.$$;
comment on column app_public.brand_tryon_attempts.job_id is '@isIndexed';
comment on column app_public.brand_tryon_attempts.attempt is '@isIndexed';
comment on column app_public.brand_tryon_attempts.finished_at is '@isIndexed';
comment on view app_public.brand_tryon_feedback is $$
@primaryKey brand_id,category_code
@foreignKey (category_code) references app_public.wardrobe_categories (code)|@fieldName category|@foreignFieldName brandFeedback
@behavior -insert -update -delete
@admin.label Feedback
@admin.group Try-on
@admin.icon rate_review
@admin.order 120
@admin.list category_code, rated, accurate, mean_rating, as_of
What shoppers said, per category, where at least as many did as the privacy floor of the brand says (k_min, 11 or more). Counted anew when as many again said something new.$$;
comment on column app_public.brand_tryon_feedback.brand_id is '@isIndexed';
comment on column app_public.brand_tryon_feedback.category_code is '@isIndexed';
comment on column app_public.brand_tryon_feedback.rated is 'Try-ons that were rated.';
comment on column app_public.brand_tryon_feedback.accurate is 'Of these, where the garment sat where it should. Null, too few to show: fewer shoppers than the floor said yes, or no.';
comment on column app_public.brand_tryon_feedback.as_of is 'When it was counted.';
comment on column app_public.brand_tryon_feedback.mean_rating is '1 to 5, two decimals. Null, too few to show: fewer shoppers than the floor gave a rating.';
--! EndIncluded functions/tryon/views.sql
--! Included functions/billing/mrr.sql
-- Monthly recurring revenue of one subscription: exact numeric arithmetic, one
-- rounding at the end. docs/metrics.md has the definitions.
drop function if exists app_private.month_factor(text, integer);
create function app_private.month_factor(unit text, count integer) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  -- Kept as one fraction until the last moment: 52/12 cannot be written exactly.
  select case month_factor.unit
    when 'month' then 1 / month_factor.count::numeric
    when 'year' then 1 / (12 * month_factor.count)::numeric
    when 'week' then 52 / (12 * month_factor.count)::numeric
    when 'day' then 365 / (12 * month_factor.count)::numeric
  end
$$;
revoke execute on function app_private.month_factor(text, integer) from public;
comment on function app_private.month_factor(text, integer) is 'How many times an interval fits into a month: 52 weeks and 365 days make a year of 12 months.';

-- The quantity that is charged: 1 where none is sent, after transform_quantity.
drop function if exists app_private.counted_quantity(app_public.stripe_prices, bigint);
drop function if exists app_hidden.counted_quantity(app_public.stripe_prices, bigint);
create function app_hidden.counted_quantity(price app_public.stripe_prices, quantity bigint) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when (counted_quantity.price.transform_quantity ->> 'divide_by')::numeric > 0 then
      case counted_quantity.price.transform_quantity ->> 'round'
        when 'up' then ceil(coalesce(counted_quantity.quantity, 1) / (counted_quantity.price.transform_quantity ->> 'divide_by')::numeric)
        else floor(coalesce(counted_quantity.quantity, 1) / (counted_quantity.price.transform_quantity ->> 'divide_by')::numeric)
      end
    else coalesce(counted_quantity.quantity, 1)
  end
$$;
revoke execute on function app_hidden.counted_quantity(app_public.stripe_prices, bigint) from public;
grant execute on function app_hidden.counted_quantity(app_public.stripe_prices, bigint) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.counted_quantity(app_public.stripe_prices, bigint) is 'The quantity of an item that is charged.';

-- What one invoice charges for a quantity at a price; null where that cannot be
-- known (tiers that were not sent). Customers reckon with it, too: it reads nothing.
drop function if exists app_private.price_amount(app_public.stripe_prices, bigint);
drop function if exists app_hidden.price_amount(app_public.stripe_prices, bigint);
create function app_hidden.price_amount(price app_public.stripe_prices, quantity bigint) returns numeric
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_quantity numeric := app_hidden.counted_quantity(price_amount.price, price_amount.quantity);
  v_tier jsonb;
  v_from numeric := 0;
  v_upto numeric;
  v_total numeric := 0;
begin
  if price_amount.price.billing_scheme <> 'tiered' then
    return v_quantity * price_amount.price.unit_amount_decimal;
  end if;
  if jsonb_typeof(price_amount.price.tiers) is distinct from 'array' or jsonb_array_length(price_amount.price.tiers) = 0 then
    return null;
  end if;
  for v_tier in select t from jsonb_array_elements(price_amount.price.tiers) t loop
    v_upto := (v_tier ->> 'up_to')::numeric;
    if price_amount.price.tiers_mode = 'volume' then
      if v_upto is null or v_quantity <= v_upto then
        return v_quantity * coalesce((v_tier ->> 'unit_amount_decimal')::numeric, (v_tier ->> 'unit_amount')::numeric, 0)
          + coalesce((v_tier ->> 'flat_amount_decimal')::numeric, (v_tier ->> 'flat_amount')::numeric, 0);
      end if;
    elsif v_quantity > v_from then
      v_total := v_total
        + (least(v_quantity, coalesce(v_upto, v_quantity)) - v_from)
          * coalesce((v_tier ->> 'unit_amount_decimal')::numeric, (v_tier ->> 'unit_amount')::numeric, 0)
        + coalesce((v_tier ->> 'flat_amount_decimal')::numeric, (v_tier ->> 'flat_amount')::numeric, 0);
      v_from := coalesce(v_upto, v_quantity);
    end if;
  end loop;
  return case when price_amount.price.tiers_mode = 'volume' then null else v_total end;
end
$$;
revoke execute on function app_hidden.price_amount(app_public.stripe_prices, bigint) from public;
grant execute on function app_hidden.price_amount(app_public.stripe_prices, bigint) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.price_amount(app_public.stripe_prices, bigint) is 'Minor units that a quantity costs per invoice, exact; null when the tiers are not known.';

-- How the tiers of a price make up its amount, for a person to follow: one row
-- for each tier that the quantity reaches.
drop function if exists app_private.price_tier_amounts(app_public.stripe_prices, numeric);
create function app_private.price_tier_amounts(price app_public.stripe_prices, quantity numeric)
returns table (above numeric, up_to numeric, units numeric, unit_amount numeric, flat_amount numeric, amount numeric)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  with tiers as (
    select t.position,
      lag((t.tier ->> 'up_to')::numeric, 1, 0) over (order by t.position) as above, (t.tier ->> 'up_to')::numeric as up_to,
      coalesce((t.tier ->> 'unit_amount_decimal')::numeric, (t.tier ->> 'unit_amount')::numeric, 0) as unit_amount,
      coalesce((t.tier ->> 'flat_amount_decimal')::numeric, (t.tier ->> 'flat_amount')::numeric, 0) as flat_amount
    from jsonb_array_elements(price_tier_amounts.price.tiers) with ordinality t (tier, position)
  ), reached as (
    -- By volume all units cost what the tier of the last one does; else each tier takes its part.
    select t.*, price_tier_amounts.quantity as units from (
      select x.* from tiers x
      where price_tier_amounts.price.tiers_mode = 'volume' and (x.up_to is null or price_tier_amounts.quantity <= x.up_to)
      order by x.position limit 1
    ) t
    union all
    select t.*, least(price_tier_amounts.quantity, coalesce(t.up_to, price_tier_amounts.quantity)) - t.above from tiers t
    where price_tier_amounts.price.tiers_mode is distinct from 'volume' and price_tier_amounts.quantity > t.above
  )
  select r.above, r.up_to, r.units, r.unit_amount, r.flat_amount, r.units * r.unit_amount + r.flat_amount
  from reached r order by r.position
$$;
revoke execute on function app_private.price_tier_amounts(app_public.stripe_prices, numeric) from public;
comment on function app_private.price_tier_amounts(app_public.stripe_prices, numeric) is 'The tiers that a quantity reaches, and what each of them adds.';

-- One discount, as an event tells it: an object of any API generation, or only
-- its id. Null kind: it does not reduce MRR. 'unknown': it may, and we cannot say.
drop function if exists app_private.mrr_discount(jsonb, text);
create function app_private.mrr_discount(
  discount jsonb, currency text, out kind text, out percent_off numeric, out amount_off bigint, out coupon_id text, out duration text
) returns record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_coupon jsonb;
  v_known app_public.stripe_coupons;
  v_settings jsonb := coalesce((select s.value from app_private.settings s where s.key = 'mrr'), '{}');
  v_subtracts boolean;
begin
  -- Its own event may tell of the end before the subscription does.
  if exists (
    select 1 from app_public.stripe_discounts d where d.id = app_private.stripe_id(mrr_discount.discount) and d.deleted
  ) then
    return;
  end if;
  if jsonb_typeof(mrr_discount.discount) = 'string' then
    select d.coupon_id into coupon_id from app_public.stripe_discounts d where d.id = mrr_discount.discount #>> '{}';
  else
    v_coupon := coalesce(mrr_discount.discount -> 'coupon', mrr_discount.discount #> '{source,coupon}');
    if jsonb_typeof(v_coupon) = 'object' then
      coupon_id := v_coupon ->> 'id';
    else
      coupon_id := v_coupon #>> '{}';
      v_coupon := null;
      if coupon_id is null then
        select d.coupon_id into coupon_id from app_public.stripe_discounts d where d.id = mrr_discount.discount ->> 'id';
      end if;
    end if;
  end if;
  if v_coupon is null then
    select * into v_known from app_public.stripe_coupons c where c.id = mrr_discount.coupon_id;
    if not found then
      kind := 'unknown';
      return;
    end if;
    v_coupon := to_jsonb(v_known);
  end if;
  duration := v_coupon ->> 'duration';
  v_subtracts := case
    when v_coupon ->> 'duration' = 'forever' then coalesce((v_settings ->> 'subtract_recurring')::boolean, true)
    else coalesce((v_settings ->> 'subtract_one_time')::boolean, false)
  end;
  if not v_subtracts then
    return;
  end if;
  percent_off := (v_coupon ->> 'percent_off')::numeric;
  amount_off := (v_coupon ->> 'amount_off')::bigint;
  kind := case
    when percent_off is not null then 'percent'
    when amount_off is not null and lower(v_coupon ->> 'currency') = mrr_discount.currency then 'amount'
    else 'unknown'
  end;
end
$$;
revoke execute on function app_private.mrr_discount(jsonb, text) from public;
comment on function app_private.mrr_discount(jsonb, text) is 'How a discount reduces MRR: percent, amount, unknown (review), or null (not at all).';

-- MRR in the minor unit of the subscription's currency. A note means that it is
-- counted as 0 until somebody looks. On request it says how it came to that: the
-- very steps of the reckoning, so that an explanation cannot tell another story.
drop function if exists app_private.subscription_mrr_minor(text);
drop function if exists app_private.subscription_mrr_minor(text, boolean);
create function app_private.subscription_mrr_minor(
  subscription_id text, explain boolean default false, out mrr_minor bigint, out note text, out steps jsonb
) returns record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.stripe_subscriptions;
  v_explain constant boolean := subscription_mrr_minor.explain;
  v_item record;
  v_quantity numeric;
  v_amount numeric;
  v_discount jsonb;
  v_effect record;
  -- Per interval: what one invoice of it charges.
  v_units text[] := '{}';
  v_counts integer[] := '{}';
  v_totals numeric[] := '{}';
  v_at integer;
  v_total numeric := 0;
begin
  mrr_minor := 0;
  steps := '[]';
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = subscription_mrr_minor.subscription_id;
  if not found then
    return;
  end if;
  if v_explain then
    steps := steps || jsonb_build_object('step', 'status', 'status', v_subscription.status,
      'counts', v_subscription.status in ('active', 'past_due'));
  end if;
  if v_subscription.status not in ('active', 'past_due') then
    return;
  end if;
  for v_item in
    select i.id, i.quantity, i.discounts, i.price_id, p.id is not null as known, p as price
    from app_public.stripe_subscription_items i
    left join app_public.stripe_prices p on p.id = i.price_id
    where i.subscription_id = subscription_mrr_minor.subscription_id
    order by i.id
  loop
    if not v_item.known then
      note := 'Price ' || v_item.price_id || ' is not known';
      return;
    end if;
    if (v_item.price).type <> 'recurring' or (v_item.price).usage_type = 'metered' then
      if v_explain then
        steps := steps || jsonb_build_object('step', 'left_out', 'item', v_item.id, 'price', v_item.price_id,
          'why', case when (v_item.price).usage_type = 'metered' then 'metered' else 'one_off' end);
      end if;
      continue;
    end if;
    if (v_item.price).currency <> v_subscription.currency then
      note := 'Price ' || v_item.price_id || ' is in another currency';
      return;
    end if;
    if (v_item.price).interval not in ('day', 'week', 'month', 'year') or coalesce((v_item.price).interval_count, 0) < 1 then
      note := 'Price ' || v_item.price_id || ' has no interval';
      return;
    end if;
    v_amount := app_hidden.price_amount(v_item.price, v_item.quantity);
    if v_amount is null then
      note := 'The tiers of price ' || v_item.price_id || ' are not known';
      return;
    end if;
    if v_explain then
      v_quantity := app_hidden.counted_quantity(v_item.price, v_item.quantity);
      steps := steps || jsonb_build_object('step', 'item', 'item', v_item.id, 'price', v_item.price_id,
        'quantity', v_item.quantity, 'counted', v_quantity, 'transform', (v_item.price).transform_quantity,
        'unit_amount', (v_item.price).unit_amount_decimal, 'tiers_mode', (v_item.price).tiers_mode,
        'tiers', case when (v_item.price).billing_scheme = 'tiered' then (
          select jsonb_agg(to_jsonb(t)) from app_private.price_tier_amounts(v_item.price, v_quantity) t) end,
        'interval', (v_item.price).interval, 'interval_count', (v_item.price).interval_count, 'amount', v_amount);
    end if;
    for v_discount in select d from jsonb_array_elements(v_item.discounts) d loop
      select * into v_effect from app_private.mrr_discount(v_discount, v_subscription.currency);
      if v_effect.kind = 'unknown' then
        note := 'A discount of an item is not known';
        return;
      elsif v_effect.kind = 'percent' then
        v_amount := v_amount * (100 - v_effect.percent_off) / 100;
      elsif v_effect.kind = 'amount' then
        v_amount := greatest(0, v_amount - v_effect.amount_off);
      end if;
      if v_explain then
        steps := steps
          || (jsonb_build_object('step', 'discount', 'item', v_item.id) || to_jsonb(v_effect) || jsonb_build_object('amount', v_amount));
      end if;
    end loop;
    v_at := null;
    for v_n in 1..cardinality(v_units) loop
      if v_units[v_n] = (v_item.price).interval and v_counts[v_n] = (v_item.price).interval_count then
        v_at := v_n;
      end if;
    end loop;
    if v_at is null then
      v_units := v_units || (v_item.price).interval;
      v_counts := v_counts || (v_item.price).interval_count;
      v_totals := v_totals || v_amount;
    else
      v_totals[v_at] := v_totals[v_at] + v_amount;
    end if;
  end loop;
  for v_discount in select d from jsonb_array_elements(v_subscription.discounts) d loop
    select * into v_effect from app_private.mrr_discount(v_discount, v_subscription.currency);
    if v_effect.kind = 'unknown' then
      note := 'A discount is not known';
      return;
    elsif v_effect.kind = 'percent' then
      for v_n in 1..cardinality(v_totals) loop
        v_totals[v_n] := v_totals[v_n] * (100 - v_effect.percent_off) / 100;
      end loop;
    elsif v_effect.kind = 'amount' then
      if cardinality(v_totals) > 1 then
        note := 'An amount off a subscription with several intervals';
        return;
      elsif cardinality(v_totals) = 1 then
        v_totals[1] := greatest(0, v_totals[1] - v_effect.amount_off);
      end if;
    end if;
    if v_explain then
      steps := steps || (jsonb_build_object('step', 'discount', 'item', null) || to_jsonb(v_effect)
        || jsonb_build_object('amount', (select sum(t) from unnest(v_totals) t)));
    end if;
  end loop;
  for v_n in 1..cardinality(v_totals) loop
    -- Multiplied before divided, so that no digit is lost on the way to the one rounding.
    v_total := v_total + case v_units[v_n]
      when 'month' then v_totals[v_n] * 12
      when 'year' then v_totals[v_n]
      when 'week' then v_totals[v_n] * 52
      when 'day' then v_totals[v_n] * 365
    end / v_counts[v_n];
    if v_explain then
      steps := steps || jsonb_build_object('step', 'interval', 'interval', v_units[v_n], 'interval_count', v_counts[v_n],
        'charged', v_totals[v_n], 'a_year', case v_units[v_n] when 'month' then 12 when 'year' then 1 when 'week' then 52 else 365 end,
        'amount', v_totals[v_n] * case v_units[v_n] when 'month' then 12 when 'year' then 1 when 'week' then 52 else 365 end
          / (12 * v_counts[v_n]));
    end if;
  end loop;
  mrr_minor := round(v_total / 12);
  if v_explain then
    steps := steps || jsonb_build_object('step', 'rounding', 'exact', v_total / 12, 'amount', mrr_minor);
  end if;
end
$$;
revoke execute on function app_private.subscription_mrr_minor(text, boolean) from public;
comment on function app_private.subscription_mrr_minor(text, boolean) is
  'MRR of a subscription in its currency''s minor unit, rounded once, half away from zero; 0 and a note when it needs a review. Where asked to explain, each step of it.';

-- The account that the revenue of a customer belongs to.
drop function if exists app_private.account_of_customer(text);
create function app_private.account_of_customer(customer_id text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select coalesce('brand:' || c.brand_id, 'user:' || c.user_id) from app_public.stripe_customers c
      where c.id = account_of_customer.customer_id),
    'customer:' || account_of_customer.customer_id)
$$;
revoke execute on function app_private.account_of_customer(text) from public;
comment on function app_private.account_of_customer(text) is 'brand:<id>, user:<id>, or customer:<id> while nobody is linked.';

-- Recomputes one account and writes the movement, if there is one. The account's
-- row is locked in a statement of its own: the sums of the next statement then
-- see what the last holder of the lock committed.
drop function if exists app_private.settle_account_mrr(text, text, timestamptz, text, boolean);
create function app_private.settle_account_mrr(
  account text, source_event_id text, occurred_at timestamptz, subscription_id text, is_transfer boolean
) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_kind text := split_part(settle_account_mrr.account, ':', 1);
  v_owner text := substr(settle_account_mrr.account, strpos(settle_account_mrr.account, ':') + 1);
  v_earlier bigint := 0;
  v_account app_public.account_mrr;
  v_after bigint;
  v_active integer;
  v_movement app_public.mrr_movements;
  v_customers text[];
  v_subscriptions text[];
  v_deltas bigint[];
  v_at timestamptz;
begin
  select * into v_account from app_public.account_mrr a where a.account = settle_account_mrr.account for update;
  if not found then
    insert into app_public.account_mrr (account, brand_id, user_id, customer_id)
    values (
      settle_account_mrr.account,
      case when v_kind = 'brand' then v_owner::uuid end,
      case when v_kind = 'user' then v_owner::uuid end,
      case when v_kind = 'customer' then v_owner end
    )
    on conflict do nothing;
    select * into strict v_account from app_public.account_mrr a where a.account = settle_account_mrr.account for update;
  end if;
  -- By its customers, so that the rest of the mirror is not read. One branch for each
  -- kind of account, of which one finds something: a condition that chose between
  -- them would be planned anew at every call.
  v_customers := array(
    select c.id from app_public.stripe_customers c where c.brand_id = v_account.brand_id
    union all
    select c.id from app_public.stripe_customers c where c.user_id = v_account.user_id
    union all
    select v_account.customer_id
    where v_account.customer_id is not null and not exists (
      select from app_public.stripe_customers c where c.id = v_account.customer_id and num_nonnulls(c.brand_id, c.user_id) > 0
    )
  );
  select coalesce(sum(s.mrr_usd_minor), 0), count(*) filter (where s.mrr_usd_minor > 0) into v_after, v_active
  from app_public.stripe_subscriptions s where s.customer_id = any (v_customers);
  update app_public.account_mrr a
  set mrr_usd_minor = v_after, active_subscriptions = v_active, ever_paid = a.ever_paid or v_after > 0
  where a.account = settle_account_mrr.account
    and (a.mrr_usd_minor, a.active_subscriptions) is distinct from (v_after, v_active);
  -- The same by subscription: what is of this account now against what its lines
  -- say. Also where the account's total stays, and its subscriptions changed places.
  -- An event that is told late did not happen before the subscription came here.
  select array_agg(d.id order by d.id), array_agg(d.delta order by d.id), greatest(settle_account_mrr.occurred_at, max(d.came_at))
  into v_subscriptions, v_deltas, v_at
  from (
    select coalesce(n.id, o.subscription_id) as id, coalesce(n.mrr, 0) - coalesce(o.mrr, 0) as delta, o.came_at
    from (
      select s.id, s.mrr_usd_minor as mrr from app_public.stripe_subscriptions s where s.customer_id = any (v_customers)
    ) n
    full join (
      select l.subscription_id, sum(l.delta_usd_minor) as mrr,
        max(l.occurred_at) filter (where l.is_transfer and l.delta_usd_minor > 0) as came_at
      from app_public.mrr_movement_lines l
      where l.account = settle_account_mrr.account group by l.subscription_id
    ) o on o.subscription_id = n.id
    where coalesce(n.mrr, 0) <> coalesce(o.mrr, 0)
  ) d;
  if v_after <> v_account.mrr_usd_minor then
    v_movement.kind := case
      when v_account.mrr_usd_minor = 0 and v_account.ever_paid then 'reactivation'::app_public.mrr_movement_kind
      when v_account.mrr_usd_minor = 0 then 'new'
      when v_after = 0 then 'churn'
      when v_after > v_account.mrr_usd_minor then 'expansion'
      else 'contraction'
    end;
    -- An event that is replayed may find what it is worth to have been corrected
    -- since: a movement of its own, named after the event and the repetition.
    if exists (
      select from app_public.mrr_movements m
      where m.source_event_id = settle_account_mrr.source_event_id and m.account = settle_account_mrr.account
    ) then
      select count(*) into v_earlier from app_public.mrr_movements m
      where m.account = settle_account_mrr.account
        and (m.source_event_id = settle_account_mrr.source_event_id
          or starts_with(m.source_event_id, settle_account_mrr.source_event_id || '#'));
    end if;
    insert into app_public.mrr_movements as m
      (account, brand_id, subscription_id, occurred_at, kind, delta_usd_minor, before_usd_minor, after_usd_minor, is_transfer,
       source_event_id, created_at)
    values (
      settle_account_mrr.account, v_account.brand_id, settle_account_mrr.subscription_id, v_at,
      v_movement.kind, v_after - v_account.mrr_usd_minor, v_account.mrr_usd_minor, v_after, settle_account_mrr.is_transfer,
      settle_account_mrr.source_event_id || case when v_earlier > 0 then '#' || v_earlier + 1 else '' end,
      -- Several events may share a transaction; under the lock this is their order.
      clock_timestamp()
    )
    returning m.id into v_movement.id;
  end if;
  insert into app_public.mrr_movement_lines
    (movement_id, account, subscription_id, occurred_at, kind, is_transfer, delta_usd_minor)
  select v_movement.id, settle_account_mrr.account, x.id, v_at, v_movement.kind, settle_account_mrr.is_transfer, x.delta
  from unnest(v_subscriptions, v_deltas) x (id, delta);
end
$$;
revoke execute on function app_private.settle_account_mrr(text, text, timestamptz, text, boolean) from public;
comment on function app_private.settle_account_mrr(text, text, timestamptz, text, boolean) is
  'Sets the MRR of an account to the sum of its subscriptions and appends the one net movement of this event, with its parts by subscription.';

drop function if exists app_private.stripe_subscription_currency(jsonb);
create function app_private.stripe_subscription_currency(object jsonb) returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select lower(coalesce(
    stripe_subscription_currency.object ->> 'currency', stripe_subscription_currency.object #>> '{items,data,0,price,currency}',
    stripe_subscription_currency.object #>> '{items,data,0,plan,currency}', stripe_subscription_currency.object #>> '{plan,currency}', 'usd'))
$$;
revoke execute on function app_private.stripe_subscription_currency(jsonb) from public;
comment on function app_private.stripe_subscription_currency(jsonb) is 'The currency of a subscription, which early versions say on its price only.';

-- What of an amount is left after discounts as an event carried them. Only those
-- for ever are known to have held; null stays "not known".
drop function if exists app_private.after_discounts(numeric, jsonb, text);
create function app_private.after_discounts(amount numeric, discounts jsonb, currency text) returns numeric
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_amount numeric := after_discounts.amount;
  v_discount jsonb;
  v_coupon jsonb;
begin
  if jsonb_typeof(after_discounts.discounts) is distinct from 'array' or jsonb_array_length(after_discounts.discounts) = 0
    or not coalesce((select (s.value ->> 'subtract_recurring')::boolean from app_private.settings s where s.key = 'mrr'), true) then
    return v_amount;
  end if;
  for v_discount in select d from jsonb_array_elements(after_discounts.discounts) d loop
    v_coupon := coalesce(v_discount -> 'coupon', v_discount #> '{source,coupon}');
    if jsonb_typeof(v_coupon) is distinct from 'object' then
      -- Named only: a coupon never changes what it takes off.
      select to_jsonb(c) into v_coupon from app_public.stripe_coupons c
      where c.id = coalesce(v_coupon #>> '{}',
        (select d.coupon_id from app_public.stripe_discounts d where d.id = app_private.stripe_id(v_discount)));
    end if;
    if v_coupon ->> 'duration' = 'forever' then
      if (v_coupon ->> 'percent_off')::numeric is not null then
        -- Also of an amount that is not known: nothing of it is left.
        v_amount := case when (v_coupon ->> 'percent_off')::numeric >= 100 then 0
          else v_amount * (100 - (v_coupon ->> 'percent_off')::numeric) / 100 end;
      elsif lower(v_coupon ->> 'currency') = after_discounts.currency then
        v_amount := greatest(0, v_amount - (v_coupon ->> 'amount_off')::numeric);
      end if;
    end if;
  end loop;
  return v_amount;
end
$$;
revoke execute on function app_private.after_discounts(numeric, jsonb, text) from public;
comment on function app_private.after_discounts(numeric, jsonb, text) is 'An amount less the discounts for ever that an event carried; null where it is not known.';

-- Whether an event told of a subscription that pays: of a status that counts, with
-- something in it that costs. What it does not say is taken to cost.
drop function if exists app_private.stripe_subscription_pays(jsonb);
create function app_private.stripe_subscription_pays(object jsonb) returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(stripe_subscription_pays.object ->> 'status' in ('active', 'past_due'), false) and coalesce((
    -- Null where there is nothing that could cost.
    select coalesce(app_private.after_discounts(case when bool_or(a.amount is null) then null else sum(a.amount) end,
      case when jsonb_typeof(stripe_subscription_pays.object -> 'discounts') = 'array' then stripe_subscription_pays.object -> 'discounts'
        when jsonb_typeof(stripe_subscription_pays.object -> 'discount') in ('object', 'string')
          then jsonb_build_array(stripe_subscription_pays.object -> 'discount') end,
      app_private.stripe_subscription_currency(stripe_subscription_pays.object)), 1) > 0
    from (
      select app_private.after_discounts(
        case when p.price is not null then app_hidden.price_amount(
          jsonb_populate_record(null::app_public.stripe_prices, jsonb_build_object(
            'billing_scheme', coalesce(p.price ->> 'billing_scheme', 'per_unit'),
            'unit_amount_decimal', coalesce(
              (p.price ->> 'unit_amount_decimal')::numeric, (p.price ->> 'unit_amount')::numeric,
              (p.price ->> 'amount_decimal')::numeric, (p.price ->> 'amount')::numeric),
            'tiers', p.price -> 'tiers', 'tiers_mode', p.price ->> 'tiers_mode',
            'transform_quantity', coalesce(nullif(p.price -> 'transform_quantity', 'null'), nullif(p.price -> 'transform_usage', 'null')))),
          (i ->> 'quantity')::bigint) end,
        i -> 'discounts', app_private.stripe_subscription_currency(stripe_subscription_pays.object)) as amount
      from jsonb_array_elements(case when jsonb_array_length(coalesce(stripe_subscription_pays.object #> '{items,data}', '[]')) > 0
        then stripe_subscription_pays.object #> '{items,data}' else jsonb_build_array(stripe_subscription_pays.object) end) i
      cross join lateral (select case when jsonb_typeof(i -> 'price') = 'object' then i -> 'price'
        when jsonb_typeof(i -> 'plan') = 'object' then i -> 'plan' end as price) p
      where coalesce(p.price #>> '{recurring,usage_type}', p.price ->> 'usage_type', 'licensed') <> 'metered'
        and coalesce(p.price ->> 'type', 'recurring') = 'recurring'
        and coalesce((i ->> 'quantity')::bigint, 1) > 0
    ) a
    having count(*) > 0
  ), false)
$$;
revoke execute on function app_private.stripe_subscription_pays(jsonb) from public;
comment on function app_private.stripe_subscription_pays(jsonb) is 'Whether an event told of a subscription that pays.';

-- Since when it pays without a break, and in one currency, by the inbox: not by which
-- of its events happened to arrive first.
drop function if exists app_private.subscription_paid_since(text);
create function app_private.subscription_paid_since(subscription_id text) returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select min(t.created) from (
    select e.created,
      count(*) filter (where not app_private.stripe_subscription_pays(e.payload #> '{data,object}')
        or app_private.stripe_subscription_currency(e.payload #> '{data,object}') <> s.currency) over (
        order by e.created desc, e.type = 'customer.subscription.deleted' desc,
          e.payload #>> '{data,object,status}' in ('canceled', 'incomplete_expired') desc, e.id collate "C" desc
      ) as breaks
    from app_public.stripe_events e
    join app_public.stripe_subscriptions s on s.id = e.object_id and e.created <= s.last_event_created
    where e.object_id = subscription_paid_since.subscription_id and e.type like 'customer.subscription.%' and e.status <> 'ignored'
      and e.livemode = coalesce((select (x.value #>> '{}')::boolean from app_private.settings x where x.key = 'stripe_livemode'), false)
  ) t
  where t.breaks = 0
$$;
revoke execute on function app_private.subscription_paid_since(text) from public;
comment on function app_private.subscription_paid_since(text) is 'When the present run of paying events of a subscription, in its present currency, began; null when the inbox does not say.';

-- At the end of an event, first: what every touched subscription is worth now.
-- Deferred, so that a change of plan (one item out, another in) is one net
-- change and not a contraction and an expansion.
create or replace function app_private.tg_stripe_subscriptions__mrr() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text;
  v_subscription app_public.stripe_subscriptions;
  v_mrr record;
  v_usd bigint := 0;
  v_rate numeric;
  v_rate_date date;
  v_since timestamptz;
  v_exponent integer;
  v_state app_public.mrr_state;
  v_note text;
begin
  if TG_TABLE_NAME = 'stripe_subscription_items' then
    -- An event that changes items writes their subscription, too: once is enough.
    if coalesce(current_setting('stripe.event_id', true), '') <> '' then
      return null;
    end if;
    v_id := case when TG_OP = 'DELETE' then OLD.subscription_id else NEW.subscription_id end;
  else
    v_id := case when TG_OP = 'DELETE' then OLD.id else NEW.id end;
  end if;
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = v_id for update;
  if not found then
    return null;
  end if;
  select * into v_mrr from app_private.subscription_mrr_minor(v_id);
  v_state := case when v_mrr.note is null then 'ok'::app_public.mrr_state else 'needs_review' end;
  v_note := v_mrr.note;
  if v_mrr.mrr_minor > 0 then
    select c.exponent into v_exponent from app_public.currencies c where c.code = v_subscription.currency;
    if v_subscription.currency = 'usd' then
      v_rate := 1;
    elsif v_subscription.mrr_minor > 0 and v_subscription.fx_rate is not null then
      v_rate := v_subscription.fx_rate;
      v_rate_date := v_subscription.fx_date;
      v_since := v_subscription.fx_since;
    else
      v_since := coalesce(app_private.subscription_paid_since(v_id), v_subscription.last_event_created);
      select f.usd_per_unit, f.rate_date into v_rate, v_rate_date from app_public.fx_rates f
      where f.currency = v_subscription.currency and f.rate_date <= (v_since at time zone 'UTC')::date
      order by f.rate_date desc limit 1;
    end if;
    if v_rate is null or v_exponent is null then
      v_state := 'needs_review';
      v_note := 'There is no exchange rate for ' || v_subscription.currency || coalesce(' at ' || (v_since at time zone 'UTC')::date, '');
      v_mrr.mrr_minor := 0;
    else
      v_usd := round(v_mrr.mrr_minor * v_rate * 100 / power(10::numeric, v_exponent));
    end if;
  end if;
  update app_public.stripe_subscriptions s
  set mrr_minor = v_mrr.mrr_minor, mrr_usd_minor = v_usd, mrr_state = v_state, mrr_note = v_note,
    fx_rate = v_rate, fx_date = v_rate_date, fx_since = case when v_rate is not null then v_since end
  where s.id = v_id
    and (s.mrr_minor, s.mrr_usd_minor, s.mrr_state, s.mrr_note, s.fx_rate, s.fx_date, s.fx_since)
      is distinct from (v_mrr.mrr_minor, v_usd, v_state, v_note, v_rate, v_rate_date, case when v_rate is not null then v_since end);
  return null;
end
$$;
revoke execute on function app_private.tg_stripe_subscriptions__mrr() from public;
comment on function app_private.tg_stripe_subscriptions__mrr() is 'At the end of an event: MRR of the touched subscription.';

-- Then: what that moves. By now every subscription that the event touched has its
-- new amount, so the first one of an account settles them all: one net movement.
create or replace function app_private.tg_stripe_subscriptions__account() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := case when TG_OP = 'DELETE' then OLD.id else NEW.id end;
  v_subscription app_public.stripe_subscriptions;
  v_event text := coalesce(nullif(current_setting('stripe.event_id', true), ''), 'manual:' || app_private.uuid_v7());
  v_at timestamptz := coalesce(nullif(current_setting('stripe.event_created', true), '')::timestamptz, now());
  v_customers text[];
  v_customer text;
  v_account text;
begin
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = v_id;
  -- What an older event (of a price, a coupon) tells us late did not happen
  -- before the subscription was as it is.
  v_at := greatest(v_at, v_subscription.last_event_created);
  select array_agg(distinct x order by x) into v_customers
  from unnest(array[v_subscription.customer_id, OLD.customer_id]) x where x is not null;
  foreach v_customer in array v_customers loop
    perform app_private.lock_stripe_customer(v_customer);
  end loop;
  -- The accounts of before and after, in the order of their names.
  for v_account in select distinct app_private.account_of_customer(x) from unnest(v_customers) x order by 1 loop
    perform app_private.settle_account_mrr(v_account, v_event, v_at, v_id, false);
  end loop;
  return null;
end
$$;
revoke execute on function app_private.tg_stripe_subscriptions__account() from public;
comment on function app_private.tg_stripe_subscriptions__account() is 'At the end of an event, after the subscriptions: MRR of their accounts, and the movements.';

drop trigger if exists _500_sub_mrr on app_public.stripe_subscriptions;
create constraint trigger _500_sub_mrr
  after insert or update of customer_id, status, currency, discounts, last_event_id on app_public.stripe_subscriptions
  deferrable initially deferred
  for each row execute function app_private.tg_stripe_subscriptions__mrr();
drop trigger if exists _500_sub_mrr on app_public.stripe_subscription_items;
create constraint trigger _500_sub_mrr
  after insert or update or delete on app_public.stripe_subscription_items
  deferrable initially deferred
  for each row execute function app_private.tg_stripe_subscriptions__mrr();
drop trigger if exists _600_account_mrr on app_public.stripe_subscriptions;
create constraint trigger _600_account_mrr
  after update of customer_id, mrr_usd_minor on app_public.stripe_subscriptions
  deferrable initially deferred
  for each row
  when (NEW.customer_id <> OLD.customer_id or NEW.mrr_usd_minor <> OLD.mrr_usd_minor)
  execute function app_private.tg_stripe_subscriptions__account();
drop trigger if exists _600_account_mrr_gone on app_public.stripe_subscriptions;
create constraint trigger _600_account_mrr_gone
  after delete on app_public.stripe_subscriptions
  deferrable initially deferred
  for each row execute function app_private.tg_stripe_subscriptions__account();

-- The end of an event, now: its errors are its own, and all subscriptions come
-- before all accounts.
drop function if exists app_private.settle_mrr();
create function app_private.settle_mrr() returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  set constraints app_public._500_sub_mrr immediate;
  set constraints all immediate;
  set constraints all deferred;
end
$$;
revoke execute on function app_private.settle_mrr() from public;
comment on function app_private.settle_mrr() is 'Reckons what was touched: subscriptions first, then accounts.';

create or replace trigger _900_append_only before update or delete on app_public.mrr_movements
  for each row execute function app_private.tg__append_only();
create or replace trigger _900_append_only_truncate before truncate on app_public.mrr_movements
  for each statement execute function app_private.tg__append_only();
create or replace trigger _900_append_only before update or delete on app_public.mrr_movement_lines
  for each row execute function app_private.tg__append_only();
create or replace trigger _900_append_only_truncate before truncate on app_public.mrr_movement_lines
  for each statement execute function app_private.tg__append_only();
--! EndIncluded functions/billing/mrr.sql
--! Included functions/billing/entitlements.sql
-- Prices say in their metadata what they grant: pro = true (shoppers),
-- monthly_credits = 500, dataset_access = aggregate|row, custom_models = true
-- (brands). A subscription grants while it is active, trialing or past due.
drop function if exists app_private.sync_entitlements(text);
create function app_private.sync_entitlements(subscription_id text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_subscription app_public.stripe_subscriptions;
  v_customer app_public.stripe_customers;
  v_entitled boolean;
  v_grant record;
  v_kinds app_public.subscription_grant_kind[] := '{}';
  v_at timestamptz := coalesce(nullif(current_setting('stripe.event_created', true), '')::timestamptz, now());
begin
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = sync_entitlements.subscription_id;
  if not found then
    return;
  end if;
  select * into v_customer from app_public.stripe_customers c where c.id = v_subscription.customer_id;
  -- Nobody is linked, and nobody was.
  if v_customer.brand_id is null and v_customer.user_id is null
    and not exists (select from app_public.subscription_grants g where g.subscription_id = v_subscription.id)
    and not exists (select from app_public.user_entitlements e where e.source = 'subscription ' || v_subscription.id) then
    return;
  end if;
  v_entitled := v_subscription.status in ('active', 'trialing', 'past_due');

  -- Nobody is linked yet, or somebody else: what stood for others ends.
  delete from app_public.subscription_grants g
  where g.subscription_id = v_subscription.id
    and (g.brand_id is distinct from v_customer.brand_id or g.user_id is distinct from v_customer.user_id);

  if v_customer.brand_id is not null or v_customer.user_id is not null then
    for v_grant in
      select k.kind, case when sum(k.amount) > 1000000000 then 1000000000 else sum(k.amount)::bigint end as amount, max(k.tier) as tier, string_agg(distinct p.id, ', ') as prices
      from app_public.stripe_subscription_items i
      join app_public.stripe_prices p on p.id = i.price_id
      cross join lateral (values
        ('pro'::app_public.subscription_grant_kind, p.metadata ->> 'pro' = 'true' and v_customer.user_id is not null, null::bigint, null::text),
        ('monthly_credits', p.metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$' and v_customer.brand_id is not null,
          case when p.metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$'
            then least((p.metadata ->> 'monthly_credits')::bigint * coalesce(i.quantity, 1), 1000000000) end, null),
        ('dataset_access', p.metadata ->> 'dataset_access' in ('aggregate', 'row') and v_customer.brand_id is not null, null, p.metadata ->> 'dataset_access'),
        ('custom_models', p.metadata ->> 'custom_models' = 'true' and v_customer.brand_id is not null, null, null)
      ) k (kind, given, amount, tier)
      where i.subscription_id = v_subscription.id and k.given and coalesce(i.quantity, 1) > 0
      group by k.kind
    loop
      v_kinds := v_kinds || v_grant.kind;
      insert into app_public.subscription_grants as g
        (subscription_id, kind, brand_id, user_id, active, amount, tier, why)
      values
        (v_subscription.id, v_grant.kind, v_customer.brand_id, v_customer.user_id, v_entitled, v_grant.amount, v_grant.tier,
         'Price ' || v_grant.prices || ', subscription ' || v_subscription.status)
      on conflict on constraint subscription_grants_pkey do update
        set active = excluded.active, amount = excluded.amount, tier = excluded.tier, why = excluded.why,
          since = case when g.active is distinct from excluded.active then now() else g.since end;
    end loop;
    update app_public.subscription_grants g
    set active = false, since = now(), why = 'No price of the subscription grants it any more'
    where g.subscription_id = v_subscription.id and g.active and not g.kind = any (v_kinds);
  end if;

  if v_customer.user_id is not null
    or exists (select from app_public.user_entitlements e where e.source = 'subscription ' || v_subscription.id) then
    perform app_private.sync_pro(v_subscription.id, v_customer.user_id);
  end if;

  -- Credits of the month of the event, once per period of the subscription; of no
  -- month that is over: a load of old events gives nothing. The daily task gives
  -- what still runs.
  for v_grant in
    select g.amount, g.brand_id from app_public.subscription_grants g
    where g.subscription_id = v_subscription.id and g.kind = 'monthly_credits' and g.active
  loop
    perform app_private.grant_subscription_month(v_subscription.id, v_grant.brand_id, v_grant.amount, v_at);
  end loop;
end
$$;
revoke execute on function app_private.sync_entitlements(text) from public;
comment on function app_private.sync_entitlements(text) is 'Derives what a subscription grants from its status and its prices, and puts it into effect.';

-- Pro of a shopper, for as long as this subscription grants it, where nothing
-- else gives it: staff may have given a time, another subscription an open one.
drop function if exists app_private.sync_pro(text, uuid);
create function app_private.sync_pro(subscription_id text, user_id uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_source text := 'subscription ' || sync_pro.subscription_id;
  v_granted boolean := exists (
    select 1 from app_public.subscription_grants g
    where g.subscription_id = sync_pro.subscription_id and g.kind = 'pro' and g.active and g.user_id = sync_pro.user_id
  );
  v_people uuid[];
  v_other record;
begin
  -- What is no longer granted, or was granted to another person, ends now.
  select array_agg(distinct e.user_id) into v_people from app_public.user_entitlements e
  where e.source = v_source and (upper_inf(e.period) or upper(e.period) > now()) and not (v_granted and e.user_id = sync_pro.user_id);
  delete from app_public.user_entitlements e
  where e.source = v_source and e.user_id = any (v_people) and lower(e.period) >= now();
  update app_public.user_entitlements e set period = tstzrange(lower(e.period), now())
  where e.source = v_source and e.user_id = any (v_people) and (upper_inf(e.period) or upper(e.period) > now());
  if v_granted then
    insert into app_public.user_entitlements (user_id, kind, period, source)
    select sync_pro.user_id, 'pro_unlimited', open.period, v_source
    from unnest(tstzmultirange(tstzrange(now(), null)) - coalesce((
      select range_agg(e.period) from app_public.user_entitlements e
      where e.user_id = sync_pro.user_id and e.kind = 'pro_unlimited'
    ), tstzmultirange())) open (period);
  end if;
  -- Another subscription of a person who has just lost this one takes over.
  for v_other in
    select g.subscription_id, g.user_id from app_public.subscription_grants g
    where g.user_id = any (v_people) and g.kind = 'pro' and g.active and g.subscription_id <> sync_pro.subscription_id
    order by g.subscription_id
  loop
    perform app_private.sync_pro(v_other.subscription_id, v_other.user_id);
  end loop;
end
$$;
revoke execute on function app_private.sync_pro(text, uuid) from public;
comment on function app_private.sync_pro(text, uuid) is 'Opens or ends the pro entitlement that a subscription grants.';

-- Monthly credits of a brand's plan, anchored on the start of the subscription;
-- they end with the month, like the free ones of a shopper.
drop function if exists app_private.grant_subscription_month(text, uuid, bigint, timestamptz);
create function app_private.grant_subscription_month(subscription_id text, brand_id uuid, amount bigint, as_of timestamptz) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_note constant text := 'Plan ' || grant_subscription_month.subscription_id;
  v_started timestamptz;
  v_month record;
  v_given record;
  v_amount bigint := grant_subscription_month.amount;
begin
  select coalesce(s.started_at, s.created_at) into v_started from app_public.stripe_subscriptions s
  where s.id = grant_subscription_month.subscription_id;
  select * into v_month from app_private.credit_month(v_started, greatest(grant_subscription_month.as_of, v_started));
  if v_month.period_end <= now() then
    return false;
  end if;
  -- Given this month already, to whoever had the plan: what of it was spent is spent.
  -- Asked without a lock first, for nearly every event finds that it was given; then
  -- with the wallet locked: whoever gives the same month waits, and sees it.
  for v_try in 1..2 loop
    select count(*) as times, sum(g.amount - g.remaining - g.expired)::bigint as spent,
      (array_agg(g.owner_brand_id order by g.id desc))[1] as newest_brand_id
    into v_given
    from app_public.credit_grants g
    where g.source = 'subscription' and g.note = v_note and g.period_start >= v_month.period_start and g.period_start < v_month.period_end;
    if v_given.newest_brand_id = grant_subscription_month.brand_id or v_given.spent >= v_amount then
      return false;
    end if;
    if v_try = 1 then
      perform app_private.lock_wallet(null, grant_subscription_month.brand_id);
    end if;
  end loop;
  return app_private.add_grant(
    null, grant_subscription_month.brand_id, 'subscription', v_amount - coalesce(v_given.spent, 0),
    greatest(v_month.period_start, v_started), v_month.period_end,
    -- Two plans of one brand may share a day, and one plan may come back to it: the
    -- period tells them apart by a microsecond of their name, and by how often it was given.
    v_month.period_start
      + make_interval(secs => (hashtext(grant_subscription_month.subscription_id) & 65535) / 1000000.0 + v_given.times / 10.0),
    v_note
  ) is not null;
end
$$;
revoke execute on function app_private.grant_subscription_month(text, uuid, bigint, timestamptz) from public;
comment on function app_private.grant_subscription_month(text, uuid, bigint, timestamptz) is 'The credits of the month of as_of that a plan grants its brand, once per plan: less what an owner before spent of them.';

drop function if exists app_private.grant_due_subscriptions(timestamptz);
create function app_private.grant_due_subscriptions(as_of timestamptz default now()) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_grant record;
  v_count integer := 0;
begin
  perform app_private.wait_for_stripe_batch();
  for v_grant in
    select g.subscription_id, g.brand_id, g.amount from app_public.subscription_grants g
    where g.kind = 'monthly_credits' and g.active
    -- Wallets in one order for everybody.
    order by (select a.id from app_public.credit_accounts a where a.owner_brand_id = g.brand_id and a.kind = 'available'), g.subscription_id
  loop
    if app_private.grant_subscription_month(v_grant.subscription_id, v_grant.brand_id, v_grant.amount, grant_due_subscriptions.as_of) then
      v_count := v_count + 1;
    end if;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.grant_due_subscriptions(timestamptz) from public;
grant execute on function app_private.grant_due_subscriptions(timestamptz) to :ROLE_WORKER;
comment on function app_private.grant_due_subscriptions(timestamptz) is 'Gives brands the credits of their plans for the month of as_of; returns how many were given. Safe to repeat.';
--! EndIncluded functions/billing/entitlements.sql
--! Included functions/billing/apply.sql
-- What an event does to the mirror, one function per kind of object. Parsed by
-- what is present, because three generations of the API write the same thing in
-- three places. Each answers 'processed', or 'ignored_stale' when the mirror
-- already knows something newer.

-- The three helpers below carry no "set search_path", so that they are inlined:
-- an event calls them thirty times. They use operators of pg_catalog only.
drop function if exists app_private.stripe_time(jsonb);
create function app_private.stripe_time(seconds jsonb) returns timestamptz
language sql immutable
as $$
  select case when jsonb_typeof(stripe_time.seconds) = 'number' then to_timestamp((stripe_time.seconds #>> '{}')::double precision) end
$$;
revoke execute on function app_private.stripe_time(jsonb) from public;
comment on function app_private.stripe_time(jsonb) is 'Stripe''s seconds as a time; null for anything else.';

-- An id, given as text or as the object itself (expanded).
drop function if exists app_private.stripe_id(jsonb);
create function app_private.stripe_id(reference jsonb) returns text
language sql immutable
as $$
  select case jsonb_typeof(stripe_id.reference)
    when 'string' then stripe_id.reference #>> '{}'
    when 'object' then stripe_id.reference ->> 'id'
  end
$$;
revoke execute on function app_private.stripe_id(jsonb) from public;
comment on function app_private.stripe_id(jsonb) is 'The id of a reference, expanded or not.';

-- Newer wins; within one second the greater id, so that any order of arrival
-- ends the same.
drop function if exists app_private.is_newer(timestamptz, text, timestamptz, text);
create function app_private.is_newer(created timestamptz, event_id text, known timestamptz, known_id text) returns boolean
language sql immutable
as $$
  select is_newer.known is null or is_newer.created > is_newer.known
    or (is_newer.created = is_newer.known and is_newer.event_id collate "C" >= coalesce(is_newer.known_id, '') collate "C")
$$;
revoke execute on function app_private.is_newer(timestamptz, text, timestamptz, text) from public;
comment on function app_private.is_newer(timestamptz, text, timestamptz, text) is 'Whether an event says something newer than what is known.';

drop function if exists app_private.keep_stripe_raw(jsonb, timestamptz);
create function app_private.keep_stripe_raw(object jsonb, created timestamptz) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.stripe_raw as r (id, object, event_created)
  values (keep_stripe_raw.object ->> 'id', keep_stripe_raw.object, keep_stripe_raw.created)
  on conflict on constraint stripe_raw_pkey do update
    set object = excluded.object, event_created = excluded.event_created, updated_at = now()
    where r.event_created <= excluded.event_created
$$;
revoke execute on function app_private.keep_stripe_raw(jsonb, timestamptz) from public;
comment on function app_private.keep_stripe_raw(jsonb, timestamptz) is 'Keeps the body of an object as it was last sent.';

-- What a discount took off is known at last: it may have made a subscription free
-- for a while, and then its exchange rate is of another day.
drop function if exists app_private.unpin_rates_of_discounts(text[]);
create function app_private.unpin_rates_of_discounts(discount_ids text[]) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  update app_public.stripe_subscriptions s set fx_rate = null, last_event_id = s.last_event_id
  where s.fx_since is not null
    and s.id in (
      select d.subscription_id from app_public.stripe_discounts d where d.id = any (unpin_rates_of_discounts.discount_ids)
      union
      select c.id from app_public.stripe_discounts d join app_public.stripe_subscriptions c on c.customer_id = d.customer_id
      where d.id = any (unpin_rates_of_discounts.discount_ids) and d.subscription_id is null
    )
    and s.fx_since <> app_private.subscription_paid_since(s.id)
$$;
revoke execute on function app_private.unpin_rates_of_discounts(text[]) from public;
comment on function app_private.unpin_rates_of_discounts(text[]) is 'Has the exchange rate of subscriptions looked up again where these discounts change since when they pay.';

drop function if exists app_private.apply_stripe_coupon(jsonb, timestamptz, text);
create function app_private.apply_stripe_coupon(object jsonb, created timestamptz, event_id text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_new boolean;
begin
  if jsonb_typeof(apply_stripe_coupon.object) is distinct from 'object' or apply_stripe_coupon.object ->> 'id' is null then
    return;
  end if;
  v_is_new := not exists (select from app_public.stripe_coupons c where c.id = apply_stripe_coupon.object ->> 'id');
  insert into app_public.stripe_coupons as c
    (id, percent_off, amount_off, currency, duration, name, last_event_created, last_event_id)
  values (
    apply_stripe_coupon.object ->> 'id', (apply_stripe_coupon.object ->> 'percent_off')::numeric,
    (apply_stripe_coupon.object ->> 'amount_off')::bigint, lower(apply_stripe_coupon.object ->> 'currency'),
    coalesce(apply_stripe_coupon.object ->> 'duration', 'once'), apply_stripe_coupon.object ->> 'name',
    apply_stripe_coupon.created, apply_stripe_coupon.event_id)
  on conflict on constraint stripe_coupons_pkey do update
    set percent_off = excluded.percent_off, amount_off = excluded.amount_off, currency = excluded.currency,
      duration = excluded.duration, name = excluded.name,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, c.last_event_created, c.last_event_id);
  if v_is_new then
    perform app_private.unpin_rates_of_discounts(array(
      select d.id from app_public.stripe_discounts d where d.coupon_id = apply_stripe_coupon.object ->> 'id'));
  end if;
end
$$;
revoke execute on function app_private.apply_stripe_coupon(jsonb, timestamptz, text) from public;
comment on function app_private.apply_stripe_coupon(jsonb, timestamptz, text) is 'Mirrors a coupon, from its own event or from inside another object.';

drop function if exists app_private.apply_stripe_discount(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_discount(object jsonb, created timestamptz, event_id text, gone boolean default false) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_coupon jsonb := coalesce(apply_stripe_discount.object -> 'coupon', apply_stripe_discount.object #> '{source,coupon}');
  v_is_new boolean;
begin
  if jsonb_typeof(apply_stripe_discount.object) <> 'object' then
    return;
  end if;
  perform app_private.apply_stripe_coupon(v_coupon, apply_stripe_discount.created, apply_stripe_discount.event_id);
  v_is_new := app_private.stripe_id(v_coupon) is not null and not exists (
    select from app_public.stripe_discounts d where d.id = apply_stripe_discount.object ->> 'id' and d.coupon_id is not null);
  insert into app_public.stripe_discounts as d
    (id, coupon_id, customer_id, subscription_id, starts_at, ends_at, deleted, last_event_created, last_event_id)
  select apply_stripe_discount.object ->> 'id', app_private.stripe_id(v_coupon),
    app_private.stripe_id(apply_stripe_discount.object -> 'customer'),
    app_private.stripe_id(apply_stripe_discount.object -> 'subscription'),
    app_private.stripe_time(apply_stripe_discount.object -> 'start'), app_private.stripe_time(apply_stripe_discount.object -> 'end'),
    apply_stripe_discount.gone, apply_stripe_discount.created, apply_stripe_discount.event_id
  where apply_stripe_discount.object ->> 'id' is not null
  on conflict on constraint stripe_discounts_pkey do update
    set coupon_id = coalesce(excluded.coupon_id, d.coupon_id), customer_id = excluded.customer_id,
      subscription_id = excluded.subscription_id, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
      deleted = excluded.deleted, last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, d.last_event_created, d.last_event_id);
  if not found then
    -- Older than what is known, but the newer one named no coupon.
    update app_public.stripe_discounts d set coupon_id = app_private.stripe_id(v_coupon)
    where d.id = apply_stripe_discount.object ->> 'id' and d.coupon_id is null;
  end if;
  if v_is_new then
    perform app_private.unpin_rates_of_discounts(array[apply_stripe_discount.object ->> 'id']);
  end if;
end
$$;
revoke execute on function app_private.apply_stripe_discount(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_discount(jsonb, timestamptz, text, boolean) is 'Mirrors a discount and the coupon inside it.';

drop function if exists app_private.apply_stripe_product(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_product(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.stripe_products as p (id, name, active, metadata, last_event_created, last_event_id)
  values (
    apply_stripe_product.object ->> 'id', coalesce(apply_stripe_product.object ->> 'name', ''),
    coalesce((apply_stripe_product.object ->> 'active')::boolean, true) and not apply_stripe_product.gone,
    coalesce(apply_stripe_product.object -> 'metadata', '{}'), apply_stripe_product.created, apply_stripe_product.event_id)
  on conflict on constraint stripe_products_pkey do update
    set name = excluded.name, active = excluded.active, metadata = excluded.metadata,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, p.last_event_created, p.last_event_id);
  if not found then
    return 'ignored_stale';
  end if;
  perform app_private.keep_stripe_raw(apply_stripe_product.object, apply_stripe_product.created);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_product(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_product(jsonb, timestamptz, text, boolean) is 'Mirrors a product.';

-- A price, or a plan of the old kind, which is a price with other names. Its body is
-- not kept: every event of a subscription brings one, and all of it stands in columns.
drop function if exists app_private.apply_stripe_price(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_price(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_recurring jsonb := case when jsonb_typeof(apply_stripe_price.object -> 'recurring') = 'object'
    then apply_stripe_price.object -> 'recurring' end;
  v_is_plan boolean := apply_stripe_price.object ->> 'object' = 'plan';
  v_before app_public.stripe_prices;
  v_after app_public.stripe_prices;
begin
  select * into v_before from app_public.stripe_prices p where p.id = apply_stripe_price.object ->> 'id';
  insert into app_public.stripe_prices as p
    (id, product_id, active, type, currency, unit_amount_decimal, billing_scheme, usage_type, interval, interval_count,
     tiers, tiers_mode, transform_quantity, metadata, last_event_created, last_event_id)
  values (
    apply_stripe_price.object ->> 'id', app_private.stripe_id(apply_stripe_price.object -> 'product'),
    coalesce((apply_stripe_price.object ->> 'active')::boolean, true) and not apply_stripe_price.gone,
    case when v_is_plan then 'recurring' else coalesce(apply_stripe_price.object ->> 'type',
      case when v_recurring is null then 'one_time' else 'recurring' end) end,
    lower(coalesce(apply_stripe_price.object ->> 'currency', '')),
    coalesce(
      (apply_stripe_price.object ->> 'unit_amount_decimal')::numeric, (apply_stripe_price.object ->> 'unit_amount')::numeric,
      (apply_stripe_price.object ->> 'amount_decimal')::numeric, (apply_stripe_price.object ->> 'amount')::numeric),
    coalesce(apply_stripe_price.object ->> 'billing_scheme', 'per_unit'),
    coalesce(v_recurring ->> 'usage_type', apply_stripe_price.object ->> 'usage_type', 'licensed'),
    coalesce(v_recurring ->> 'interval', apply_stripe_price.object ->> 'interval'),
    coalesce((v_recurring ->> 'interval_count')::integer, (apply_stripe_price.object ->> 'interval_count')::integer),
    case when jsonb_typeof(apply_stripe_price.object -> 'tiers') = 'array' then apply_stripe_price.object -> 'tiers' end,
    apply_stripe_price.object ->> 'tiers_mode',
    coalesce(
      case when jsonb_typeof(apply_stripe_price.object -> 'transform_quantity') = 'object' then apply_stripe_price.object -> 'transform_quantity' end,
      case when jsonb_typeof(apply_stripe_price.object -> 'transform_usage') = 'object' then apply_stripe_price.object -> 'transform_usage' end),
    case when jsonb_typeof(apply_stripe_price.object -> 'metadata') = 'object' then apply_stripe_price.object -> 'metadata' else '{}' end,
    apply_stripe_price.created, apply_stripe_price.event_id)
  on conflict on constraint stripe_prices_pkey do update
    set product_id = excluded.product_id, active = excluded.active, type = excluded.type, currency = excluded.currency,
      unit_amount_decimal = excluded.unit_amount_decimal, billing_scheme = excluded.billing_scheme,
      usage_type = excluded.usage_type, interval = excluded.interval, interval_count = excluded.interval_count,
      -- Tiers are sent only to who asks for them: their absence does not delete them.
      tiers = coalesce(excluded.tiers, p.tiers), tiers_mode = excluded.tiers_mode,
      transform_quantity = excluded.transform_quantity, metadata = excluded.metadata,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, p.last_event_created, p.last_event_id)
  returning * into v_after;
  if v_after.id is null then
    -- Older than what is known. But a price never changes its tiers, and the copy
    -- inside a subscription comes without them.
    update app_public.stripe_prices p
    set tiers = apply_stripe_price.object -> 'tiers', tiers_mode = coalesce(p.tiers_mode, apply_stripe_price.object ->> 'tiers_mode')
    where p.id = v_before.id and p.tiers is null and jsonb_typeof(apply_stripe_price.object -> 'tiers') = 'array'
    returning * into v_after;
    if v_after.id is null then
      return 'ignored_stale';
    end if;
  end if;
  -- Subscriptions that use it are worth something else now, or can be told at
  -- last. Only then: every event of a subscription carries its prices.
  if (v_before.type, v_before.currency, v_before.unit_amount_decimal, v_before.billing_scheme, v_before.usage_type, v_before.interval,
      v_before.interval_count, v_before.tiers, v_before.tiers_mode, v_before.transform_quantity, v_before.metadata)
    is distinct from (v_after.type, v_after.currency, v_after.unit_amount_decimal, v_after.billing_scheme, v_after.usage_type,
      v_after.interval, v_after.interval_count, v_after.tiers, v_after.tiers_mode, v_after.transform_quantity, v_after.metadata) then
    update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
    where s.id in (
      select i.subscription_id from app_public.stripe_subscription_items i where i.price_id = apply_stripe_price.object ->> 'id'
    );
    if v_before.metadata is distinct from v_after.metadata then
      perform app_private.sync_entitlements(x.subscription_id)
      from (
        select distinct i.subscription_id from app_public.stripe_subscription_items i
        where i.price_id = apply_stripe_price.object ->> 'id' order by 1
      ) x;
    end if;
  end if;
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_price(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_price(jsonb, timestamptz, text, boolean) is 'Mirrors a price (or a plan), and lets the subscriptions that use it be reckoned again.';

drop function if exists app_private.apply_stripe_customer(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_customer(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := apply_stripe_customer.object ->> 'id';
  v_brand text := apply_stripe_customer.object #>> '{metadata,brand_id}';
  v_user text := apply_stripe_customer.object #>> '{metadata,user_id}';
  v_known app_public.stripe_customers;
  v_owner app_private.stripe_customer_owners;
  v_brand_id uuid;
  v_user_id uuid;
  v_stale boolean;
  v_gone boolean := apply_stripe_customer.gone or coalesce((apply_stripe_customer.object ->> 'deleted')::boolean, false);
begin
  -- Our own checkout writes the id into the metadata. Anybody with access to the
  -- Stripe account may write there, so only ids that exist are believed.
  if v_brand ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select b.id into v_brand_id from app_public.brand_accounts b where b.id = v_brand::uuid;
  end if;
  if v_brand_id is null and v_user ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select u.id into v_user_id from app_public.users u where u.id = v_user::uuid and u.status <> 'erased';
  end if;
  insert into app_public.stripe_customers (id) values (v_id) on conflict do nothing;
  select * into strict v_known from app_public.stripe_customers c where c.id = v_id for update;
  v_stale := not app_private.is_newer(
    apply_stripe_customer.created, apply_stripe_customer.event_id, v_known.last_event_created, v_known.last_event_id);
  insert into app_private.stripe_customer_owners (customer_id) values (v_id) on conflict do nothing;
  select * into strict v_owner from app_private.stripe_customer_owners o where o.customer_id = v_id;
  -- Money changes hands by a person's decision, not by an edit of metadata: of
  -- events that name an owner the first one to happen counts, whichever arrived
  -- first, and none after staff has decided. What the newest one names is kept
  -- for staff to see.
  if not v_owner.by_staff and num_nonnulls(v_brand_id, v_user_id) = 1 then
    if num_nonnulls(v_known.brand_id, v_known.user_id) = 0
      or (apply_stripe_customer.created, apply_stripe_customer.event_id collate "C")
        < (v_owner.event_created, v_owner.event_id collate "C") then
      if (v_known.brand_id, v_known.user_id) is distinct from (v_brand_id, v_user_id) then
        perform app_private.move_customer(v_id, v_brand_id, v_user_id, apply_stripe_customer.event_id, apply_stripe_customer.created);
      end if;
      update app_private.stripe_customer_owners o
      set event_created = apply_stripe_customer.created, event_id = apply_stripe_customer.event_id
      where o.customer_id = v_id;
    end if;
  end if;
  if v_stale then
    return 'ignored_stale';
  end if;
  -- Of a customer that was deleted the id stays, which money points at, and nothing about a person.
  update app_public.stripe_customers c
  set email = case when not v_gone then lower(apply_stripe_customer.object ->> 'email') end,
    name = case when not v_gone then apply_stripe_customer.object ->> 'name' end,
    currency = lower(apply_stripe_customer.object ->> 'currency'), deleted = v_gone,
    created = app_private.stripe_time(apply_stripe_customer.object -> 'created'),
    last_event_created = apply_stripe_customer.created, last_event_id = apply_stripe_customer.event_id
  where c.id = v_id;
  update app_private.stripe_customer_owners o
  set named_brand_id = v_brand_id, named_user_id = v_user_id, named_at = apply_stripe_customer.created
  where o.customer_id = v_id;
  perform app_private.keep_stripe_raw(
    case when v_gone then (
      select jsonb_object_agg(k.key, k.value) from jsonb_each(apply_stripe_customer.object) k
      where k.key in ('id', 'object', 'created', 'currency', 'livemode', 'deleted')
    ) else apply_stripe_customer.object end,
    apply_stripe_customer.created);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_customer(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_customer(jsonb, timestamptz, text, boolean) is 'Mirrors a customer, without name and address once it is deleted, and links it to the brand or person that the first event to name one names, unless staff decided.';

drop function if exists app_private.lock_stripe_customer(text);
create function app_private.lock_stripe_customer(customer_id text) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(hashtextextended('stripe-customer:' || lock_stripe_customer.customer_id, 0))
$$;
revoke execute on function app_private.lock_stripe_customer(text) from public;
comment on function app_private.lock_stripe_customer(text) is 'Makes linking a customer and reckoning its subscriptions wait for each other, also while there is no row of the customer.';

-- Links a customer; its money follows. Both accounts get a movement marked as a
-- transfer: nothing was won or lost.
drop function if exists app_private.move_customer(text, uuid, uuid, text, timestamptz);
create function app_private.move_customer(customer_id text, brand_id uuid, user_id uuid, event_id text, at timestamptz) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_before text;
  v_after text;
  v_account text;
  v_at timestamptz;
  v_former_brand_id uuid;
begin
  -- A subscription of this customer that is being reckoned now waits, or we do:
  -- else its money would go to the account that the customer has just left.
  perform app_private.lock_stripe_customer(move_customer.customer_id);
  v_before := app_private.account_of_customer(move_customer.customer_id);
  select c.brand_id into v_former_brand_id from app_public.stripe_customers c where c.id = move_customer.customer_id;
  -- Wallets first, in one order for everybody.
  perform app_private.lock_wallet(null, a.owner_brand_id)
  from (
    select x.owner_brand_id from app_public.credit_accounts x
    where x.kind = 'available' and x.owner_brand_id in (v_former_brand_id, move_customer.brand_id) order by x.id
  ) a;
  update app_public.stripe_customers c
  set brand_id = move_customer.brand_id, user_id = move_customer.user_id
  where c.id = move_customer.customer_id;
  v_after := app_private.account_of_customer(move_customer.customer_id);
  -- Most are linked before they buy anything: there is no money to move.
  if v_after = v_before
    or not exists (select from app_public.stripe_subscriptions s where s.customer_id = move_customer.customer_id) then
    return;
  end if;
  -- Not before the money came: the account that is left would be below zero for a while.
  select greatest(move_customer.at, max(m.occurred_at)) into v_at from app_public.mrr_movements m where m.account = v_before;
  for v_account in select x from unnest(array[v_before, v_after]) x order by 1 loop
    perform app_private.settle_account_mrr(v_account, 'link:' || move_customer.event_id, v_at, null, true);
  end loop;
  -- What is left of this month's credits ends here; who comes after gets as much.
  if v_former_brand_id is not null then
    update app_public.credit_grants g set expires_at = now()
    where g.owner_brand_id = v_former_brand_id and g.source = 'subscription' and not g.lapsed and g.expires_at > now() and g.effective_at < now()
      and g.note in (select 'Plan ' || s.id from app_public.stripe_subscriptions s where s.customer_id = move_customer.customer_id);
    perform app_private.expire_wallet_grants(null, v_former_brand_id, now());
  end if;
  perform app_private.sync_entitlements(s.id)
  from app_public.stripe_subscriptions s where s.customer_id = move_customer.customer_id;
end
$$;
revoke execute on function app_private.move_customer(text, uuid, uuid, text, timestamptz) from public;
comment on function app_private.move_customer(text, uuid, uuid, text, timestamptz) is 'Links a customer to a brand, a person or nobody, and moves its MRR, what it grants, and what is left of its credits of the month.';

drop function if exists app_private.apply_stripe_subscription(jsonb, timestamptz, text, text, text);
create function app_private.apply_stripe_subscription(
  object jsonb, created timestamptz, event_id text, event_type text, api_version text
) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text := apply_stripe_subscription.object ->> 'id';
  v_status text := apply_stripe_subscription.object ->> 'status';
  v_deleted boolean := apply_stripe_subscription.event_type = 'customer.subscription.deleted';
  v_known app_public.stripe_subscriptions;
  v_terminal constant text[] := '{canceled,incomplete_expired}';
  v_discounts jsonb;
  v_discount jsonb;
  v_item jsonb;
  v_items jsonb := coalesce(apply_stripe_subscription.object #> '{items,data}', '[]');
begin
  -- The row that two events of one subscription wait on, also for the first two.
  perform pg_advisory_xact_lock(hashtextextended('stripe:' || v_id, 0));
  perform app_private.lock_stripe_customer(app_private.stripe_id(apply_stripe_subscription.object -> 'customer'));

  -- discounts[] of late versions, discount of early ones; ids unless expanded.
  v_discounts := case
    when jsonb_typeof(apply_stripe_subscription.object -> 'discounts') = 'array' then apply_stripe_subscription.object -> 'discounts'
    when jsonb_typeof(apply_stripe_subscription.object -> 'discount') in ('object', 'string')
      then jsonb_build_array(apply_stripe_subscription.object -> 'discount')
    else '[]'
  end;
  -- Subscriptions of before there were items have their plan and quantity on top.
  if jsonb_array_length(v_items) = 0 and jsonb_typeof(apply_stripe_subscription.object -> 'plan') = 'object' then
    v_items := jsonb_build_array(jsonb_build_object(
      'id', v_id || ':plan', 'plan', apply_stripe_subscription.object -> 'plan',
      'quantity', apply_stripe_subscription.object -> 'quantity'));
  end if;
  -- What is inside it has an order of its own: mirrored also when the
  -- subscription is known better, or the order of arrival would decide.
  for v_discount in
    select d from jsonb_array_elements(v_discounts) d where jsonb_typeof(d) = 'object'
    union all
    select d from jsonb_array_elements(v_items) x
      cross join lateral jsonb_array_elements(case when jsonb_typeof(x -> 'discounts') = 'array' then x -> 'discounts' else '[]' end) d
    where jsonb_typeof(d) = 'object'
  loop
    perform app_private.apply_stripe_discount(v_discount, apply_stripe_subscription.created, apply_stripe_subscription.event_id);
  end loop;
  for v_item in select x from jsonb_array_elements(v_items) x loop
    if jsonb_typeof(v_item -> 'price') = 'object' or jsonb_typeof(v_item -> 'plan') = 'object' then
      perform app_private.apply_stripe_price(
        case when jsonb_typeof(v_item -> 'price') = 'object' then v_item -> 'price' else v_item -> 'plan' end,
        apply_stripe_subscription.created, apply_stripe_subscription.event_id);
    end if;
  end loop;

  select * into v_known from app_public.stripe_subscriptions s where s.id = v_id for update;
  -- The newer wins. One second may hold several events: a deletion wins, then a
  -- last status, then the greater id. Any order of arrival ends the same.
  if found and (apply_stripe_subscription.created, v_deleted, v_status = any (v_terminal), apply_stripe_subscription.event_id collate "C")
    < (v_known.last_event_created, v_known.last_event_deleted, v_known.status = any (v_terminal), v_known.last_event_id collate "C") then
    update app_public.stripe_subscriptions s
    set needs_refetch = s.needs_refetch or apply_stripe_subscription.created = s.last_event_created,
      -- It may say that the subscription began to pay, or paused, at another time
      -- than we thought: then the exchange rate is looked up again, and only then.
      fx_rate = case when s.fx_since is null or s.fx_since = coalesce(app_private.subscription_paid_since(v_id), s.fx_since)
        then s.fx_rate end,
      last_event_id = s.last_event_id
    where s.id = v_id;
    return 'ignored_stale';
  end if;

  insert into app_public.stripe_subscriptions as s
    (id, customer_id, status, cancel_at_period_end, cancel_at, canceled_at, ended_at, started_at, trial_end, pause_collection,
     currency, discounts, api_version, last_event_created, last_event_id, last_event_deleted, needs_refetch)
  values (
    v_id, app_private.stripe_id(apply_stripe_subscription.object -> 'customer'), v_status,
    coalesce((apply_stripe_subscription.object ->> 'cancel_at_period_end')::boolean, false),
    app_private.stripe_time(apply_stripe_subscription.object -> 'cancel_at'),
    app_private.stripe_time(apply_stripe_subscription.object -> 'canceled_at'),
    app_private.stripe_time(apply_stripe_subscription.object -> 'ended_at'),
    coalesce(app_private.stripe_time(apply_stripe_subscription.object -> 'start_date'),
      app_private.stripe_time(apply_stripe_subscription.object -> 'created')),
    app_private.stripe_time(apply_stripe_subscription.object -> 'trial_end'),
    case when jsonb_typeof(apply_stripe_subscription.object -> 'pause_collection') = 'object'
      then apply_stripe_subscription.object -> 'pause_collection' end,
    app_private.stripe_subscription_currency(apply_stripe_subscription.object),
    v_discounts, apply_stripe_subscription.api_version, apply_stripe_subscription.created, apply_stripe_subscription.event_id,
    v_deleted, false)
  on conflict on constraint stripe_subscriptions_pkey do update
    set customer_id = excluded.customer_id, status = excluded.status, cancel_at_period_end = excluded.cancel_at_period_end,
      cancel_at = excluded.cancel_at, canceled_at = excluded.canceled_at, ended_at = excluded.ended_at,
      started_at = excluded.started_at, trial_end = excluded.trial_end, pause_collection = excluded.pause_collection,
      currency = excluded.currency, discounts = excluded.discounts, api_version = excluded.api_version,
      -- A rate is of one currency.
      fx_rate = case when s.currency = excluded.currency then s.fx_rate end,
      fx_date = case when s.currency = excluded.currency then s.fx_date end,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id,
      last_event_deleted = excluded.last_event_deleted,
      needs_refetch = excluded.last_event_created = s.last_event_created
        and (s.needs_refetch or excluded.last_event_id <> s.last_event_id);

  delete from app_public.stripe_subscription_items i
  where i.subscription_id = v_id
    and i.id not in (select x ->> 'id' from jsonb_array_elements(v_items) x);
  for v_item in select x from jsonb_array_elements(v_items) x loop
    insert into app_public.stripe_subscription_items
      (id, subscription_id, price_id, quantity, current_period_start, current_period_end, discounts)
    values (
      v_item ->> 'id', v_id, coalesce(app_private.stripe_id(v_item -> 'price'), app_private.stripe_id(v_item -> 'plan')),
      (v_item ->> 'quantity')::bigint,
      -- On the item since 2025-03-31, on the subscription before.
      coalesce(app_private.stripe_time(v_item -> 'current_period_start'),
        app_private.stripe_time(apply_stripe_subscription.object -> 'current_period_start')),
      coalesce(app_private.stripe_time(v_item -> 'current_period_end'),
        app_private.stripe_time(apply_stripe_subscription.object -> 'current_period_end')),
      case when jsonb_typeof(v_item -> 'discounts') = 'array' then v_item -> 'discounts' else '[]' end)
    on conflict on constraint stripe_subscription_items_pkey do update
      set subscription_id = excluded.subscription_id, price_id = excluded.price_id, quantity = excluded.quantity,
        current_period_start = excluded.current_period_start, current_period_end = excluded.current_period_end,
        discounts = excluded.discounts;
  end loop;
  perform app_private.keep_stripe_raw(apply_stripe_subscription.object, apply_stripe_subscription.created);
  perform app_private.sync_entitlements(v_id);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_subscription(jsonb, timestamptz, text, text, text) from public;
comment on function app_private.apply_stripe_subscription(jsonb, timestamptz, text, text, text) is
  'Mirrors a subscription with its items, prices and discounts, unless something newer is known; then what it grants.';

drop function if exists app_private.apply_stripe_invoice(jsonb, timestamptz, text, boolean);
create function app_private.apply_stripe_invoice(object jsonb, created timestamptz, event_id text, gone boolean default false) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into app_public.stripe_invoices as i
    (id, customer_id, subscription_id, number, status, billing_reason, currency, subtotal, discount, tax, total,
     amount_due, amount_paid, amount_remaining, period_start, period_end, created, due_date, paid_at, hosted_invoice_url, invoice_pdf,
     lines, deleted, last_event_created, last_event_id)
  select o ->> 'id', app_private.stripe_id(o -> 'customer'),
    -- On the parent since 2025-03-31, on top before.
    coalesce(app_private.stripe_id(o #> '{parent,subscription_details,subscription}'), app_private.stripe_id(o -> 'subscription')),
    o ->> 'number', o ->> 'status', o ->> 'billing_reason', lower(o ->> 'currency'),
    coalesce((o ->> 'subtotal')::bigint, 0),
    coalesce((select sum((d ->> 'amount')::bigint) from jsonb_array_elements(
      case when jsonb_typeof(o -> 'total_discount_amounts') = 'array' then o -> 'total_discount_amounts' else '[]' end) d), 0),
    coalesce(
      (select sum((t ->> 'amount')::bigint) from jsonb_array_elements(
        case when jsonb_typeof(o -> 'total_taxes') = 'array' then o -> 'total_taxes' end) t),
      (o ->> 'tax')::bigint, 0),
    coalesce((o ->> 'total')::bigint, 0), coalesce((o ->> 'amount_due')::bigint, 0),
    coalesce((o ->> 'amount_paid')::bigint, 0), coalesce((o ->> 'amount_remaining')::bigint, 0),
    app_private.stripe_time(o -> 'period_start'), app_private.stripe_time(o -> 'period_end'),
    app_private.stripe_time(o -> 'created'), app_private.stripe_time(o -> 'due_date'),
    app_private.stripe_time(o #> '{status_transitions,paid_at}'),
    case when o ->> 'hosted_invoice_url' ~ '^https://' then o ->> 'hosted_invoice_url' end,
    case when o ->> 'invoice_pdf' ~ '^https://' then o ->> 'invoice_pdf' end,
    coalesce(o #> '{lines,data}', '[]'), apply_stripe_invoice.gone, apply_stripe_invoice.created, apply_stripe_invoice.event_id
  from (select apply_stripe_invoice.object as o) x
  on conflict on constraint stripe_invoices_pkey do update
    set customer_id = excluded.customer_id, subscription_id = excluded.subscription_id, number = excluded.number,
      status = excluded.status, billing_reason = excluded.billing_reason, currency = excluded.currency,
      subtotal = excluded.subtotal, discount = excluded.discount, tax = excluded.tax, total = excluded.total,
      amount_due = excluded.amount_due, amount_paid = excluded.amount_paid, amount_remaining = excluded.amount_remaining,
      period_start = excluded.period_start, period_end = excluded.period_end, created = excluded.created,
      due_date = excluded.due_date, paid_at = excluded.paid_at, hosted_invoice_url = excluded.hosted_invoice_url, invoice_pdf = excluded.invoice_pdf,
      lines = excluded.lines, deleted = excluded.deleted,
      last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id,
      needs_refetch = excluded.last_event_created = i.last_event_created
        and (i.needs_refetch or excluded.last_event_id <> i.last_event_id)
    where excluded.last_event_created > i.last_event_created
      -- Within one second: what is further on in the life of an invoice, then the greater id.
      or (excluded.last_event_created = i.last_event_created
        and (excluded.deleted, app_private.invoice_rank(excluded.status), excluded.last_event_id collate "C")
          >= (i.deleted, app_private.invoice_rank(i.status), i.last_event_id collate "C"));
  if not found then
    update app_public.stripe_invoices i set needs_refetch = true
    where i.id = apply_stripe_invoice.object ->> 'id' and i.last_event_created = apply_stripe_invoice.created and not i.needs_refetch;
    return 'ignored_stale';
  end if;
  -- What it repeats about its customer stands there, and ends there.
  perform app_private.keep_stripe_raw(
    apply_stripe_invoice.object - '{customer_email,customer_name,customer_phone,customer_address,customer_shipping,customer_tax_ids}'::text[],
    apply_stripe_invoice.created);
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_invoice(jsonb, timestamptz, text, boolean) from public;
comment on function app_private.apply_stripe_invoice(jsonb, timestamptz, text, boolean) is 'Mirrors an invoice.';

drop function if exists app_private.invoice_rank(text);
create function app_private.invoice_rank(status text) returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case invoice_rank.status when 'draft' then 0 when 'open' then 1 when 'uncollectible' then 2 when 'void' then 3 when 'paid' then 4 else -1 end
$$;
revoke execute on function app_private.invoice_rank(text) from public;
comment on function app_private.invoice_rank(text) is 'How far an invoice is: draft, open, uncollectible, void, paid.';

-- Which charges and payments an event speaks of, and whose they are. The charge and
-- the payment of an invoice stood on it until 2025-03-31; since then an object of
-- their own says so, and invoices may carry a list.
drop function if exists app_private.told_stripe_payment(text, jsonb);
create function app_private.told_stripe_payment(event_type text, object jsonb)
returns table (ids text[], customer_id text, invoice_id text)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select array_remove(array[t.charge, t.payment], null), t.customer, t.invoice
  from (
    select o ->> 'id' as charge, app_private.stripe_id(o -> 'payment_intent') as payment, app_private.stripe_id(o -> 'customer') as customer,
      app_private.stripe_id(o -> 'invoice') as invoice
    from (select told_stripe_payment.object as o) x where told_stripe_payment.event_type = 'charge.refunded'
    union all
    select app_private.stripe_id(o -> 'charge'), app_private.stripe_id(o -> 'payment_intent'), app_private.stripe_id(o -> 'customer'), o ->> 'id'
    from (select told_stripe_payment.object as o) x where o ->> 'object' = 'invoice'
    union all
    select app_private.stripe_id(p #> '{payment,charge}'), app_private.stripe_id(p #> '{payment,payment_intent}'), null,
      app_private.stripe_id(p -> 'invoice')
    from (
      select told_stripe_payment.object as p where told_stripe_payment.object ->> 'object' = 'invoice_payment'
      union all
      select y from jsonb_array_elements(case when jsonb_typeof(told_stripe_payment.object #> '{payments,data}') = 'array'
        then told_stripe_payment.object #> '{payments,data}' else '[]' end) y
      where told_stripe_payment.object ->> 'object' = 'invoice'
    ) x
  ) t
  where (t.charge is not null or t.payment is not null) and (t.customer is not null or t.invoice is not null)
$$;
revoke execute on function app_private.told_stripe_payment(text, jsonb) from public;
comment on function app_private.told_stripe_payment(text, jsonb) is 'Charges and payments that an event names, with their customer and invoice as far as it says.';

-- Waits for whoever mirrors a refund of the same payment: one of both sees the other.
drop function if exists app_private.lock_stripe_payments(text[]);
create function app_private.lock_stripe_payments(ids text[]) returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(hashtextextended('stripe-payment:' || x.id, 0))
  from (select distinct i.id from unnest(lock_stripe_payments.ids) i (id) where i.id is not null order by 1) x
$$;
revoke execute on function app_private.lock_stripe_payments(text[]) from public;
comment on function app_private.lock_stripe_payments(text[]) is 'Makes mirroring a refund and learning of its payment wait for each other.';

drop function if exists app_private.remember_stripe_payment(text[], text, text);
create function app_private.remember_stripe_payment(ids text[], customer_id text, invoice_id text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.lock_stripe_payments(remember_stripe_payment.ids);
  insert into app_private.stripe_payments as p (id, customer_id, invoice_id)
  select x.id, remember_stripe_payment.customer_id, remember_stripe_payment.invoice_id
  from unnest(remember_stripe_payment.ids) x (id)
  on conflict on constraint stripe_payments_pkey do update
    set customer_id = coalesce(p.customer_id, excluded.customer_id), invoice_id = coalesce(p.invoice_id, excluded.invoice_id)
    where (p.customer_id is null and excluded.customer_id is not null) or (p.invoice_id is null and excluded.invoice_id is not null);
  -- Refunds that came before.
  update app_public.stripe_refunds r
  set customer_id = coalesce(r.customer_id, remember_stripe_payment.customer_id),
    invoice_id = coalesce(r.invoice_id, remember_stripe_payment.invoice_id)
  where r.id in (
      select f.id from app_public.stripe_refunds f where f.charge_id = any (remember_stripe_payment.ids)
      union
      select f.id from app_public.stripe_refunds f where f.payment_intent_id = any (remember_stripe_payment.ids)
    )
    and ((r.customer_id is null and remember_stripe_payment.customer_id is not null)
      or (r.invoice_id is null and remember_stripe_payment.invoice_id is not null));
end
$$;
revoke execute on function app_private.remember_stripe_payment(text[], text, text) from public;
comment on function app_private.remember_stripe_payment(text[], text, text) is 'Keeps whose some charges and payments are, and tells the refunds of them.';

drop function if exists app_private.apply_stripe_refund(jsonb, timestamptz, text);
create function app_private.apply_stripe_refund(object jsonb, created timestamptz, event_id text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payments constant text[] := array[
    app_private.stripe_id(apply_stripe_refund.object -> 'charge'), app_private.stripe_id(apply_stripe_refund.object -> 'payment_intent')];
  v_customer_id text := app_private.stripe_id(apply_stripe_refund.object -> 'customer');
  v_invoice_id text := app_private.stripe_id(apply_stripe_refund.object -> 'invoice');
begin
  perform app_private.lock_stripe_payments(v_payments);
  -- A refund inside a charge says whose it is; alone it does not.
  select coalesce(v_customer_id, max(p.customer_id)), coalesce(v_invoice_id, max(p.invoice_id)) into v_customer_id, v_invoice_id
  from app_private.stripe_payments p where p.id = any (v_payments);
  insert into app_public.stripe_refunds as r
    (id, customer_id, charge_id, payment_intent_id, invoice_id, amount, currency, status, reason, created, last_event_created, last_event_id)
  select o ->> 'id', v_customer_id, app_private.stripe_id(o -> 'charge'),
    app_private.stripe_id(o -> 'payment_intent'), v_invoice_id,
    coalesce((o ->> 'amount')::bigint, 0), lower(o ->> 'currency'), o ->> 'status', o ->> 'reason',
    app_private.stripe_time(o -> 'created'), apply_stripe_refund.created, apply_stripe_refund.event_id
  from (select apply_stripe_refund.object as o) x
  on conflict on constraint stripe_refunds_pkey do update
    set customer_id = coalesce(r.customer_id, excluded.customer_id), charge_id = excluded.charge_id,
      payment_intent_id = excluded.payment_intent_id, invoice_id = coalesce(r.invoice_id, excluded.invoice_id),
      amount = excluded.amount, currency = excluded.currency, status = excluded.status, reason = excluded.reason,
      created = excluded.created, last_event_created = excluded.last_event_created, last_event_id = excluded.last_event_id
    where app_private.is_newer(excluded.last_event_created, excluded.last_event_id, r.last_event_created, r.last_event_id);
  if found then
    return 'processed';
  end if;
  update app_public.stripe_refunds r
  set customer_id = coalesce(r.customer_id, v_customer_id), invoice_id = coalesce(r.invoice_id, v_invoice_id)
  where r.id = apply_stripe_refund.object ->> 'id'
    and ((r.customer_id is null and v_customer_id is not null) or (r.invoice_id is null and v_invoice_id is not null));
  return 'ignored_stale';
end
$$;
revoke execute on function app_private.apply_stripe_refund(jsonb, timestamptz, text) from public;
comment on function app_private.apply_stripe_refund(jsonb, timestamptz, text) is 'Mirrors a refund, for the customer and the invoice of its payment.';
--! EndIncluded functions/billing/apply.sql
--! Included functions/billing/inbox.sql
-- What the server and the worker need around the inbox: many events at once, a
-- word to the worker, and events that could not be tried.

-- No "set search_path", so that it is inlined; operators of pg_catalog only.
drop function if exists app_private.is_stripe_event(jsonb);
create function app_private.is_stripe_event(payload jsonb) returns boolean
language sql immutable
as $$
  select coalesce(
    jsonb_typeof(is_stripe_event.payload) = 'object'
    and is_stripe_event.payload ->> 'object' = 'event'
    and is_stripe_event.payload ->> 'id' ~ '^evt_[A-Za-z0-9_]{1,200}$'
    and is_stripe_event.payload ->> 'type' <> ''
    and case when jsonb_typeof(is_stripe_event.payload -> 'created') = 'number'
      then (is_stripe_event.payload ->> 'created')::numeric between 0 and 253402300799 end
    and jsonb_typeof(is_stripe_event.payload -> 'livemode') = 'boolean'
    and jsonb_typeof(is_stripe_event.payload #> '{data,object}') = 'object', false)
$$;
revoke execute on function app_private.is_stripe_event(jsonb) from public;
comment on function app_private.is_stripe_event(jsonb) is 'Whether a body has what every event of Stripe has.';

drop function if exists app_private.ingest_stripe_events(jsonb[], boolean);
create function app_private.ingest_stripe_events(payloads jsonb[], count_duplicates boolean default true) returns boolean[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- Plans for arrays of a known length look cheaper, and would be made at every call.
set plan_cache_mode = force_generic_plan
as $$
declare
  v_ids text[];
  v_are_events boolean;
  v_known text[];
  v_new text[] := '{}';
  v_results boolean[];
  v_again record;
begin
  -- What comes alone needs none of what follows.
  if cardinality(ingest_stripe_events.payloads) = 1 and ingest_stripe_events.count_duplicates then
    return array[app_private.ingest_stripe_event(ingest_stripe_events.payloads[1])];
  end if;
  select coalesce(array_agg(u.payload ->> 'id' order by u.position), '{}'), bool_and(app_private.is_stripe_event(u.payload))
  into v_ids, v_are_events
  from unnest(ingest_stripe_events.payloads) with ordinality u (payload, position);
  if not v_are_events then
    raise exception 'This is not an event of Stripe'
      using errcode = 'INVAL', column = 'payload', hint = 'Send the event as Stripe signed it';
  end if;
  -- A backfill that is repeated finds most of them here.
  select array_agg(e.id) into v_known from app_public.stripe_events e where e.id = any (v_ids);
  if v_known is null or not v_ids <@ v_known then
    -- In the order of their ids: two batches that share events wait for each
    -- other, and never in a circle.
    with added as (
      insert into app_public.stripe_events as e (id, type, api_version, livemode, created, object_id, payload)
      select
        u.id, left(u.payload ->> 'type', 100), u.payload ->> 'api_version', (u.payload ->> 'livemode')::boolean,
        to_timestamp((u.payload ->> 'created')::double precision), u.payload #>> '{data,object,id}', u.payload
      from unnest(ingest_stripe_events.payloads, v_ids) with ordinality u (payload, id, position)
      where v_known is null or u.id <> all (v_known)
      order by u.id collate "C", u.position
      on conflict on constraint stripe_events_pkey do nothing
      returning e.id
    )
    select coalesce(array_agg(a.id), '{}') into v_new from added a;
  end if;
  -- Of an event that is here twice, the first is the new one.
  select coalesce(array_agg(r.is_new order by r.position), '{}') into v_results
  from (
    select u.position, u.id = any (v_new) and row_number() over (partition by u.id order by u.position) = 1 as is_new
    from unnest(v_ids) with ordinality u (id, position)
  ) r;
  if ingest_stripe_events.count_duplicates and false = any (v_results) then
    for v_again in
      select u.id, count(*)::integer as times
      from unnest(v_ids, v_results) u (id, is_new)
      where not u.is_new
      group by u.id
      order by u.id collate "C"
    loop
      update app_public.stripe_events e set duplicates = e.duplicates + v_again.times where e.id = v_again.id;
    end loop;
  end if;
  return v_results;
end
$$;
revoke execute on function app_private.ingest_stripe_events(jsonb[], boolean) from public;
grant execute on function app_private.ingest_stripe_events(jsonb[], boolean) to :ROLE_APP, :ROLE_WORKER;
comment on function app_private.ingest_stripe_events(jsonb[], boolean) is 'Puts verified events into the inbox, all or none: for each, whether it is new. A backfill does not count what is here already as delivered again. INVAL when one is no event.';

drop function if exists app_private.unknown_stripe_events(jsonb[]);
create function app_private.unknown_stripe_events(payloads jsonb[]) returns boolean[]
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(
    u.position = min_position and not exists (select from app_public.stripe_events e where e.id = u.id)
    order by u.position), '{}')
  from (
    select x.payload ->> 'id' as id, x.position, min(x.position) over (partition by x.payload ->> 'id') as min_position
    from unnest(unknown_stripe_events.payloads) with ordinality x (payload, position)
  ) u
$$;
revoke execute on function app_private.unknown_stripe_events(jsonb[]) from public;
grant execute on function app_private.unknown_stripe_events(jsonb[]) to :ROLE_WORKER;
comment on function app_private.unknown_stripe_events(jsonb[]) is 'What ingest_stripe_events would answer, and nothing kept: for a dry run.';

drop function if exists app_private.request_stripe_processing();
create function app_private.request_stripe_processing() returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  -- One after the other: a job that runs no longer has its key, and several at once
  -- would only stand in each other's way.
  select app_private.enqueue_job('process_stripe_events', '{}', 'process_stripe_events', queue => 'stripe')
$$;
revoke execute on function app_private.request_stripe_processing() from public;
grant execute on function app_private.request_stripe_processing() to :ROLE_APP, :ROLE_WORKER;
comment on function app_private.request_stripe_processing() is 'Lets the worker look into the inbox now; asked often, it looks once.';

drop function if exists app_private.due_stripe_events(integer);
create function app_private.due_stripe_events(batch integer) returns setof text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select e.id from app_public.stripe_events e
  where e.status in ('received', 'failed') and e.next_attempt_at <= now()
  order by e.created, e.id
  limit due_stripe_events.batch
$$;
revoke execute on function app_private.due_stripe_events(integer) from public;
grant execute on function app_private.due_stripe_events(integer) to :ROLE_WORKER;
comment on function app_private.due_stripe_events(integer) is 'The ids of events that wait, the oldest first: for processing them one by one.';

drop function if exists app_private.defer_stripe_event(text, text);
create function app_private.defer_stripe_event(event_id text, reason text) returns app_public.stripe_event_status
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  update app_public.stripe_events e
  set status = case when e.attempts + 1 >= 8 then 'dead'::app_public.stripe_event_status else 'failed' end,
    attempts = e.attempts + 1, last_error = left(defer_stripe_event.reason, 500),
    next_attempt_at = now() + make_interval(secs => least(3600, 10 * power(2, e.attempts)))
  where e.id = defer_stripe_event.event_id and e.status in ('received', 'failed')
  returning e.status
$$;
revoke execute on function app_private.defer_stripe_event(text, text) from public;
grant execute on function app_private.defer_stripe_event(text, text) to :ROLE_WORKER;
comment on function app_private.defer_stripe_event(text, text) is 'Puts off an event whose transaction was stopped again and again, so that those behind it go on; counts as an attempt.';

drop function if exists app_private.stripe_inbox_counts();
create function app_private.stripe_inbox_counts() returns table (due bigint, later bigint, dead bigint)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where e.status <> 'dead' and e.next_attempt_at <= now()),
    count(*) filter (where e.status <> 'dead' and e.next_attempt_at > now()),
    count(*) filter (where e.status = 'dead')
  from app_public.stripe_events e
  where e.status in ('received', 'failed', 'dead')
$$;
revoke execute on function app_private.stripe_inbox_counts() from public;
grant execute on function app_private.stripe_inbox_counts() to :ROLE_WORKER;
comment on function app_private.stripe_inbox_counts() is 'How many events wait, are tried later, or are given up.';

-- A fetched object is an event of its own in the inbox: it takes the same way,
-- and a movement it causes has a source that people can look at. It carries the
-- time of the clock of Stripe, so an event of that same second asks for one more fetch.
drop function if exists app_private.stripe_objects_to_fetch(integer);
create function app_private.stripe_objects_to_fetch(batch integer) returns table (kind text, id text)
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  -- What is final cannot change any more.
  with settled_subscriptions as (
    update app_public.stripe_subscriptions s set needs_refetch = false
    where s.needs_refetch and s.status in ('canceled', 'incomplete_expired')
  ), settled_invoices as (
    update app_public.stripe_invoices i set needs_refetch = false
    where i.needs_refetch and (i.deleted or i.status = 'void')
  )
  (select 'subscription', s.id from app_public.stripe_subscriptions s
    where s.needs_refetch and s.status not in ('canceled', 'incomplete_expired') order by s.id limit stripe_objects_to_fetch.batch)
  union all
  (select 'invoice', i.id from app_public.stripe_invoices i
    where i.needs_refetch and not i.deleted and i.status is distinct from 'void' order by i.id limit stripe_objects_to_fetch.batch)
$$;
revoke execute on function app_private.stripe_objects_to_fetch(integer) from public;
grant execute on function app_private.stripe_objects_to_fetch(integer) to :ROLE_WORKER;
comment on function app_private.stripe_objects_to_fetch(integer) is 'Subscriptions and invoices of which two events share a second; those that are final are let go of.';

drop function if exists app_private.forget_stripe_fetch(text);
create function app_private.forget_stripe_fetch(id text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update app_public.stripe_subscriptions s set needs_refetch = false where s.id = forget_stripe_fetch.id;
  update app_public.stripe_invoices i set needs_refetch = false where i.id = forget_stripe_fetch.id;
end
$$;
revoke execute on function app_private.forget_stripe_fetch(text) from public;
grant execute on function app_private.forget_stripe_fetch(text) to :ROLE_WORKER;
comment on function app_private.forget_stripe_fetch(text) is 'Stripe has no such object any more: there is nothing to fetch.';

drop function if exists app_private.configure_stripe(boolean);
create function app_private.configure_stripe(livemode boolean) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into app_private.settings (key, value)
  values ('stripe_livemode', to_jsonb(configure_stripe.livemode))
  on conflict (key) do update set value = excluded.value, updated_at = now()
  where settings.value is distinct from excluded.value
$$;
revoke execute on function app_private.configure_stripe(boolean) from public;
grant execute on function app_private.configure_stripe(boolean) to :ROLE_APP;
comment on function app_private.configure_stripe(boolean) is 'The server says at start whether live events count, or those of test mode.';
--! EndIncluded functions/billing/inbox.sql
--! Included functions/billing/process.sql
-- The inbox. Node verifies the signature and stores; everything else is here.
drop function if exists app_private.ingest_stripe_event(jsonb);
create function app_private.ingest_stripe_event(payload jsonb) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not app_private.is_stripe_event(ingest_stripe_event.payload) then
    raise exception 'This is not an event of Stripe'
      using errcode = 'INVAL', column = 'payload', hint = 'Send the event as Stripe signed it';
  end if;
  insert into app_public.stripe_events as e (id, type, api_version, livemode, created, object_id, payload)
  values (
    ingest_stripe_event.payload ->> 'id', left(ingest_stripe_event.payload ->> 'type', 100),
    ingest_stripe_event.payload ->> 'api_version', (ingest_stripe_event.payload ->> 'livemode')::boolean,
    to_timestamp((ingest_stripe_event.payload ->> 'created')::double precision),
    ingest_stripe_event.payload #>> '{data,object,id}', ingest_stripe_event.payload)
  on conflict on constraint stripe_events_pkey do nothing;
  if found then
    return true;
  end if;
  update app_public.stripe_events e set duplicates = e.duplicates + 1 where e.id = ingest_stripe_event.payload ->> 'id';
  return false;
end
$$;
revoke execute on function app_private.ingest_stripe_event(jsonb) from public;
grant execute on function app_private.ingest_stripe_event(jsonb) to :ROLE_APP, :ROLE_WORKER;
comment on function app_private.ingest_stripe_event(jsonb) is 'Puts a verified event into the inbox: true when it is new, false when it came again (counted). INVAL when it is no event.';

-- What one event does. Called inside the transaction that marks it.
drop function if exists app_private.apply_stripe_event(app_public.stripe_events);
create function app_private.apply_stripe_event(event app_public.stripe_events) returns app_public.stripe_event_status
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_object jsonb := (apply_stripe_event.event).payload #> '{data,object}';
  v_type text := (apply_stripe_event.event).type;
  v_created timestamptz := (apply_stripe_event.event).created;
  v_id text := (apply_stripe_event.event).id;
  v_live boolean := coalesce((select (s.value #>> '{}')::boolean from app_private.settings s where s.key = 'stripe_livemode'), false);
  v_refund jsonb;
  v_result text;
begin
  if (apply_stripe_event.event).livemode <> v_live then
    return 'ignored';
  end if;
  perform app_private.remember_stripe_payment(p.ids, p.customer_id, p.invoice_id)
  from app_private.told_stripe_payment(v_type, v_object) p
  where v_type like 'invoice%' or v_type = 'charge.refunded';
  if v_type like 'customer.subscription.%' then
    v_result := app_private.apply_stripe_subscription(v_object, v_created, v_id, v_type, (apply_stripe_event.event).api_version);
  elsif v_type in ('customer.discount.created', 'customer.discount.updated', 'customer.discount.deleted') then
    perform app_private.apply_stripe_discount(v_object, v_created, v_id, v_type like '%.deleted');
    update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
    where s.id = app_private.stripe_id(v_object -> 'subscription')
      or (s.mrr_state = 'needs_review' and (s.discounts ? (v_object ->> 'id') or exists (
        select 1 from app_public.stripe_subscription_items i where i.subscription_id = s.id and i.discounts ? (v_object ->> 'id'))));
    v_result := 'processed';
  elsif v_type in ('customer.created', 'customer.updated', 'customer.deleted') then
    v_result := app_private.apply_stripe_customer(v_object, v_created, v_id, v_type = 'customer.deleted');
  elsif v_type in ('coupon.created', 'coupon.updated') then
    perform app_private.apply_stripe_coupon(v_object, v_created, v_id);
    -- Those that waited to hear what their discount is worth.
    update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
    where s.mrr_state = 'needs_review' and (s.discounts <> '[]' or exists (
      select 1 from app_public.stripe_subscription_items i where i.subscription_id = s.id and i.discounts <> '[]'));
    v_result := 'processed';
  elsif v_type in ('price.created', 'price.updated', 'price.deleted', 'plan.created', 'plan.updated', 'plan.deleted') then
    v_result := app_private.apply_stripe_price(v_object, v_created, v_id, v_type like '%.deleted');
  elsif v_type in ('product.created', 'product.updated', 'product.deleted') then
    v_result := app_private.apply_stripe_product(v_object, v_created, v_id, v_type = 'product.deleted');
  elsif v_type like 'invoice.%' and v_object ->> 'object' = 'invoice' and v_type <> 'invoice.upcoming' then
    v_result := app_private.apply_stripe_invoice(v_object, v_created, v_id, v_type = 'invoice.deleted');
  elsif v_type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated') then
    v_result := app_private.apply_stripe_refund(v_object, v_created, v_id);
  elsif v_type = 'charge.refunded' then
    -- Late versions leave the refunds out; their own events bring them then, and
    -- find by the charge whose they are.
    for v_refund in
      select r from jsonb_array_elements(
        case when jsonb_typeof(v_object #> '{refunds,data}') = 'array' then v_object #> '{refunds,data}' else '[]' end) r
    loop
      perform app_private.apply_stripe_refund(
        v_refund || jsonb_build_object('customer', v_object -> 'customer', 'invoice', v_object -> 'invoice'), v_created, v_id);
    end loop;
    v_result := 'processed';
  elsif v_type in ('checkout.session.completed', 'checkout.session.async_payment_succeeded') then
    v_result := app_private.apply_stripe_checkout(v_object, v_id);
  elsif v_type in ('checkout.session.expired', 'checkout.session.async_payment_failed',
      'charge.dispute.created', 'charge.dispute.closed', 'invoice_payment.paid') then
    -- Kept in the inbox for people to see; nothing more here follows from them.
    v_result := 'processed';
  else
    return 'ignored';
  end if;
  return v_result::app_public.stripe_event_status;
end
$$;
revoke execute on function app_private.apply_stripe_event(app_public.stripe_events) from public;
comment on function app_private.apply_stripe_event(app_public.stripe_events) is 'Puts one event into effect; says processed, ignored or ignored_stale.';

-- Bought credits: only a session that is paid gives them, once.
drop function if exists app_private.apply_stripe_checkout(jsonb, text);
create function app_private.apply_stripe_checkout(object jsonb, event_id text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brand text := apply_stripe_checkout.object #>> '{metadata,brand_id}';
  v_user text := apply_stripe_checkout.object #>> '{metadata,user_id}';
  v_credits text := apply_stripe_checkout.object #>> '{metadata,credits}';
  v_key text := 'checkout:' || (apply_stripe_checkout.object ->> 'id');
  v_brand_id uuid;
  v_user_id uuid;
  v_customer app_public.stripe_customers;
  v_grant_id uuid;
begin
  if apply_stripe_checkout.object ->> 'mode' is distinct from 'payment' or v_credits is null
    or apply_stripe_checkout.object ->> 'payment_status' is distinct from 'paid' then
    return 'processed';
  end if;
  if v_credits !~ '^[1-9][0-9]{0,8}$' then
    raise exception 'A paid session names no number of credits'
      using errcode = 'INVAL', column = 'metadata', hint = 'Correct the metadata of the session at Stripe, then replay this event';
  end if;
  select b.id into v_brand_id from app_public.brand_accounts b where b.id::text = v_brand;
  if v_brand_id is null then
    select u.id into v_user_id from app_public.users u where u.id::text = v_user;
  end if;
  -- A payment link names nobody: whoever the customer is linked to.
  if v_brand is null and v_user is null then
    select * into v_customer from app_public.stripe_customers c where c.id = app_private.stripe_id(apply_stripe_checkout.object -> 'customer');
    v_brand_id := v_customer.brand_id;
    v_user_id := v_customer.user_id;
  end if;
  if v_brand_id is null and v_user_id is null then
    raise exception 'A paid session names neither a brand nor a person'
      using errcode = 'NTFND', column = 'metadata', hint = 'Link its customer to whoever paid, then replay this event';
  end if;
  -- The lock of the wallet makes a second event of the same session wait, and see this one.
  perform app_private.lock_wallet(v_user_id, v_brand_id);
  if exists (select 1 from app_public.credit_transfers t where t.idempotency_key = v_key) then
    return 'processed';
  end if;
  insert into app_public.credit_grants (owner_user_id, owner_brand_id, source, amount, remaining, priority, note)
  values (v_user_id, v_brand_id, 'purchase', v_credits::bigint, v_credits::bigint, 20, 'Bought: ' || (apply_stripe_checkout.object ->> 'id'))
  returning id into v_grant_id;
  insert into app_public.credit_transfers
    (owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, grant_id, idempotency_key, reason)
  values
    (v_user_id, v_brand_id, 'grant', app_private.system_account('system_grants'),
     (app_private.lock_wallet(v_user_id, v_brand_id)).available_id, v_credits::bigint, v_grant_id, v_key, 'Bought through Stripe');
  return 'processed';
end
$$;
revoke execute on function app_private.apply_stripe_checkout(jsonb, text) from public;
comment on function app_private.apply_stripe_checkout(jsonb, text) is 'Gives the credits that a paid session bought, once per session, to whom its metadata names, else to the owner of its customer.';

-- One event: claimed, applied and marked in one transaction. A failure undoes its
-- effect only, and is tried again later: 10 s, 20 s … up to an hour, eight times.
-- Everything it calls finds rows by keys, of which one of several is null: plans for
-- known values look cheaper then, and would be made anew at every call.
drop function if exists app_private.process_stripe_event(text);
create function app_private.process_stripe_event(event_id text) returns app_public.stripe_event_status
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  v_event app_public.stripe_events;
  v_status app_public.stripe_event_status;
  v_error text;
  v_constraint text;
  v_table text;
begin
  select * into v_event from app_public.stripe_events e
  where e.id = process_stripe_event.event_id and e.status in ('received', 'failed')
  for update skip locked;
  if not found then
    return null;
  end if;
  begin
    -- Movements name the event that caused them and when it happened.
    perform set_config('stripe.event_id', v_event.id, true), set_config('stripe.event_created', v_event.created::text, true);
    v_status := app_private.apply_stripe_event(v_event);
    -- The deferred triggers now, so that their errors are this event's.
    perform app_private.settle_mrr();
    update app_public.stripe_events e
    set status = v_status, attempts = e.attempts + 1, processed_at = now(), last_error = null
    where e.id = v_event.id;
  exception when others then
    -- A lock or a lost connection is not the event's fault: let the caller repeat all.
    if sqlstate in ('40001', '40P01', '55P03', '57014', '57P01') then
      raise;
    end if;
    get stacked diagnostics v_constraint = constraint_name, v_table = table_name;
    -- The sentence of the constraint says more to a person than its name.
    v_error := left(sqlstate || ': ' || coalesce((
      select substring(obj_description(c.oid, 'pg_constraint') from '@error [A-Z]+ [a-z_]+ ([^\n]+)')
      from pg_constraint c join pg_class t on t.oid = c.conrelid
      where c.conname = v_constraint and t.relname = v_table
      limit 1), sqlerrm), 500);
    v_status := case when v_event.attempts + 1 >= 8 then 'dead'::app_public.stripe_event_status else 'failed' end;
    update app_public.stripe_events e
    set status = v_status, attempts = e.attempts + 1, last_error = v_error,
      next_attempt_at = now() + make_interval(secs => least(3600, 10 * power(2, e.attempts)))
    where e.id = v_event.id;
  end;
  perform set_config('stripe.event_id', '', true), set_config('stripe.event_created', '', true);
  return v_status;
end
$$;
revoke execute on function app_private.process_stripe_event(text) from public;
grant execute on function app_private.process_stripe_event(text) to :ROLE_WORKER;
comment on function app_private.process_stripe_event(text) is 'Puts one waiting event into effect and marks it, in one transaction; null when it is not waiting, or somebody else has it.';

-- Batches follow one another: each holds the wallets, prices and accounts of fifty
-- events until its end, and two would wait for each other in a circle. So would
-- whatever else touches several brands at once: it waits for its turn here, first.
drop function if exists app_private.wait_for_stripe_batch();
create function app_private.wait_for_stripe_batch() returns void
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_advisory_xact_lock(hashtextextended('stripe-batch', 0))
$$;
revoke execute on function app_private.wait_for_stripe_batch() from public;
comment on function app_private.wait_for_stripe_batch() is 'Waits until no batch of events is under way, and keeps the next one back until this transaction ends.';

drop function if exists app_private.process_stripe_events(integer);
create function app_private.process_stripe_events(batch integer default 50) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_id text;
  v_count integer := 0;
begin
  perform app_private.wait_for_stripe_batch();
  for v_id in
    select e.id from app_public.stripe_events e
    where e.status in ('received', 'failed') and e.next_attempt_at <= now()
    order by e.created, e.id
    limit process_stripe_events.batch
  loop
    if app_private.process_stripe_event(v_id) is not null then
      v_count := v_count + 1;
    end if;
  end loop;
  return v_count;
end
$$;
revoke execute on function app_private.process_stripe_events(integer) from public;
grant execute on function app_private.process_stripe_events(integer) to :ROLE_WORKER;
comment on function app_private.process_stripe_events(integer) is 'Puts up to batch waiting events into effect, the oldest first; returns how many. Call again until 0.';

-- Replay: one, many, or a time range. Effects happen once whatever is replayed.
drop function if exists app_public.replay_stripe_events(text[], timestamptz, timestamptz);
drop function if exists app_public.replay_stripe_events(text[], timestamptz, timestamptz, app_public.stripe_event_status[]);
create function app_public.replay_stripe_events(
  event_ids text[] default null, from_time timestamptz default null, to_time timestamptz default null,
  statuses app_public.stripe_event_status[] default null
) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  perform app_private.assert_staff('{finance}', 'You may not replay events');
  if (replay_stripe_events.event_ids is null) = (replay_stripe_events.from_time is null or replay_stripe_events.to_time is null)
    or replay_stripe_events.to_time <= replay_stripe_events.from_time or cardinality(replay_stripe_events.event_ids) > 1000 then
    raise exception 'Name up to 1,000 events, or a time range'
      using errcode = 'INVAL', column = 'event_ids', hint = 'Give either a list of events, or a beginning and a later end';
  end if;
  update app_public.stripe_events e
  set status = 'received', attempts = 0, next_attempt_at = now(), processed_at = null, last_error = null
  where case when replay_stripe_events.event_ids is not null then e.id = any (replay_stripe_events.event_ids)
      else e.created >= replay_stripe_events.from_time and e.created < replay_stripe_events.to_time end
    and (replay_stripe_events.statuses is null or e.status = any (replay_stripe_events.statuses));
  get diagnostics v_count = row_count;
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, diff, request_id)
  values ('staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(), 'replay_stripe_events', 'stripe_events',
    coalesce(array_to_string(replay_stripe_events.event_ids[1:20], ','), replay_stripe_events.from_time || ' to ' || replay_stripe_events.to_time),
    jsonb_build_object('events', jsonb_build_array(null, v_count), 'statuses', jsonb_build_array(null, replay_stripe_events.statuses)),
    app_hidden.current_request_id());
  perform app_private.request_stripe_processing();
  return v_count;
end
$$;
revoke execute on function app_public.replay_stripe_events(text[], timestamptz, timestamptz, app_public.stripe_event_status[]) from public;
grant execute on function app_public.replay_stripe_events(text[], timestamptz, timestamptz, app_public.stripe_event_status[]) to :ROLE_STAFF_FINANCE;
comment on function app_public.replay_stripe_events(text[], timestamptz, timestamptz, app_public.stripe_event_status[]) is $$
@admin.label Replay
@admin.icon replay
@admin.action selection of stripe_events
@admin.confirm Put these events into effect once more? What is known better stays.
Puts events back into the inbox: a list of up to 1,000, or all from one time until another (half-open); of certain statuses only, where given. Finance only; leaves an audit row. DNIED, INVAL.$$;

drop function if exists app_public.link_stripe_customer(text, uuid, uuid);
create function app_public.link_stripe_customer(customer_id text, brand_id uuid default null, user_id uuid default null)
returns app_public.stripe_customers
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_customer app_public.stripe_customers;
begin
  perform app_private.assert_staff('{finance}', 'You may not link customers');
  if num_nonnulls(link_stripe_customer.brand_id, link_stripe_customer.user_id) > 1 then
    raise exception 'A customer is a brand or a person, not both'
      using errcode = 'INVAL', column = 'brand_id', hint = 'Name one of them, or neither to undo a link';
  end if;
  perform app_private.wait_for_stripe_batch();
  select * into v_customer from app_public.stripe_customers c where c.id = link_stripe_customer.customer_id for update;
  if not found then
    raise exception 'There is no such customer' using errcode = 'NTFND', column = 'customer_id', hint = 'Go back to the list';
  end if;
  perform app_private.move_customer(
    link_stripe_customer.customer_id, link_stripe_customer.brand_id, link_stripe_customer.user_id,
    'manual:' || app_private.uuid_v7(), now());
  -- From now on no event decides whose it is.
  insert into app_private.stripe_customer_owners as o (customer_id, by_staff, decided_at)
  values (link_stripe_customer.customer_id, true, now())
  on conflict on constraint stripe_customer_owners_pkey do update set by_staff = true, decided_at = now();
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, brand_id, action, table_name, row_pk, diff, request_id)
  values ('staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(),
    coalesce(link_stripe_customer.brand_id, v_customer.brand_id), 'link_stripe_customer', 'stripe_customers', link_stripe_customer.customer_id,
    jsonb_build_object(
      'brand_id', jsonb_build_array(v_customer.brand_id, link_stripe_customer.brand_id),
      'user_id', jsonb_build_array(v_customer.user_id, link_stripe_customer.user_id)),
    app_hidden.current_request_id());
  select * into v_customer from app_public.stripe_customers c where c.id = link_stripe_customer.customer_id;
  return v_customer;
end
$$;
revoke execute on function app_public.link_stripe_customer(text, uuid, uuid) from public;
grant execute on function app_public.link_stripe_customer(text, uuid, uuid) to :ROLE_STAFF_FINANCE;
comment on function app_public.link_stripe_customer(text, uuid, uuid) is $$
@admin.label Link
@admin.icon link
@admin.action row of stripe_customers
Links a customer to a brand or a person (or, with neither, to nobody); the revenue and what it grants follow, and no event changes it any more. Finance only; leaves an audit row. DNIED, INVAL, NTFND.$$;
--! EndIncluded functions/billing/process.sql
--! Included functions/billing/paying.sql
-- Who pays for what. The server asks here, as the person who asked it, before it
-- asks Stripe for a page: what is bought, and for whom, is never the browser's word.

drop function if exists app_hidden.billing_party();
create function app_hidden.billing_party() returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_brand_id uuid := case when app_hidden.current_request_role() = ':ROLE_BRAND_OWNER' then app_hidden.current_brand_id() end;
  v_user_id uuid := app_hidden.current_user_id();
  v_email text;
  v_name text;
begin
  if app_hidden.current_impersonator_id() is not null then
    raise exception 'Nobody pays in the name of somebody else'
      using errcode = 'DNIED', hint = 'Let them sign in themselves';
  end if;
  -- The request of a shopper names no brand: one that does is of somebody who lost it.
  if v_brand_id is null
    and (app_hidden.current_request_role() is distinct from ':ROLE_USER' or app_hidden.claimed_brand_id() is not null) then
    raise exception 'Only an owner pays for a brand'
      using errcode = 'DNIED', hint = 'Ask an owner of your brand';
  end if;
  select u.email, u.display_name into v_email, v_name
  from app_public.users u where u.id = v_user_id and u.status = 'active';
  if not found then
    raise exception 'You are not signed in' using errcode = 'LOGIN', hint = 'Sign in and try again';
  end if;
  if v_brand_id is not null then
    select b.name into v_name from app_public.brand_accounts b where b.id = v_brand_id;
  end if;
  return jsonb_build_object(
    'brandId', v_brand_id, 'userId', case when v_brand_id is null then v_user_id end, 'email', v_email, 'name', v_name,
    'customerId', (
      select c.id from app_public.stripe_customers c
      where (c.brand_id = v_brand_id or (v_brand_id is null and c.user_id = v_user_id)) and not c.deleted
      -- The one that pays already, else the newest.
      order by exists (
          select from app_public.stripe_subscriptions s
          where s.customer_id = c.id and s.status in ('active', 'trialing', 'past_due')
        ) desc, c.created desc nulls last, c.id
      limit 1
    ));
end
$$;
revoke execute on function app_hidden.billing_party() from public;
grant execute on function app_hidden.billing_party() to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.billing_party() is 'Who pays in this request: the active brand of an owner, or the shopper; with their customer at Stripe. DNIED, LOGIN.';

-- A price that somebody may choose: active, and not made for another brand.
drop function if exists app_private.offered_price(text, jsonb);
create function app_private.offered_price(price_id text, party jsonb) returns app_public.stripe_prices
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_price app_public.stripe_prices;
begin
  select * into v_price from app_public.stripe_prices p
  where p.id = offered_price.price_id and p.active
    and coalesce((select d.active from app_public.stripe_products d where d.id = p.product_id), true)
    and p.reserved_for in ('', coalesce(offered_price.party ->> 'brandId', ''));
  if not found then
    raise exception 'There is no such price'
      using errcode = 'NTFND', column = 'priceId', hint = 'Choose one of those on the page';
  end if;
  return v_price;
end
$$;
revoke execute on function app_private.offered_price(text, jsonb) from public;
comment on function app_private.offered_price(text, jsonb) is 'An active price, unless its metadata names another brand. NTFND.';

drop function if exists app_hidden.prepare_credit_purchase(text, integer);
create function app_hidden.prepare_credit_purchase(price_id text, quantity integer) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_party jsonb := app_hidden.billing_party();
  v_price app_public.stripe_prices := app_private.offered_price(prepare_credit_purchase.price_id, v_party);
  v_credits bigint;
begin
  if v_price.sells <> 'credits' then
    raise exception 'This price sells no credits'
      using errcode = 'INVAL', column = 'priceId', hint = 'Choose one of those on the page';
  end if;
  if prepare_credit_purchase.quantity is null or prepare_credit_purchase.quantity not between 1 and 1000 then
    raise exception 'Buy 1 to 1,000 at once' using errcode = 'INVAL', column = 'quantity', hint = 'Choose a smaller number';
  end if;
  v_credits := (v_price.metadata ->> 'credits')::bigint * prepare_credit_purchase.quantity;
  if v_credits > 999999999 then
    raise exception 'That is more than 999,999,999 credits' using errcode = 'INVAL', column = 'quantity', hint = 'Choose a smaller number';
  end if;
  return v_party || jsonb_build_object('credits', v_credits);
end
$$;
revoke execute on function app_hidden.prepare_credit_purchase(text, integer) from public;
grant execute on function app_hidden.prepare_credit_purchase(text, integer) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.prepare_credit_purchase(text, integer) is 'Who would pay, and how many credits a price sells them. DNIED, INVAL, LOGIN, NTFND.';

drop function if exists app_hidden.prepare_plan_change(text);
create function app_hidden.prepare_plan_change(price_id text) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_party jsonb := app_hidden.billing_party();
  v_price app_public.stripe_prices := app_private.offered_price(prepare_plan_change.price_id, v_party);
  v_subscription app_public.stripe_subscriptions;
  v_items bigint;
  v_item app_public.stripe_subscription_items;
begin
  -- Of a metered price no quantity can be chosen: it comes with a contract.
  if v_price.usage_type = 'metered'
    or v_price.sells not in ('any_plan', case when v_party ->> 'brandId' is null then 'shopper_plan' else 'brand_plan' end) then
    raise exception 'This price is no plan for you'
      using errcode = 'INVAL', column = 'priceId', hint = 'Choose one of those on the page';
  end if;
  select s.* into v_subscription
  from app_public.stripe_subscriptions s join app_public.stripe_customers c on c.id = s.customer_id
  where s.status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')
    and (c.brand_id = (v_party ->> 'brandId')::uuid or c.user_id = (v_party ->> 'userId')::uuid)
  order by s.status in ('active', 'trialing', 'past_due') desc, s.started_at desc nulls last, s.id
  limit 1;
  if not found then
    return v_party;
  end if;
  if exists (
    select from app_public.stripe_subscription_items i
    where i.subscription_id = v_subscription.id and i.price_id = prepare_plan_change.price_id
  ) then
    raise exception 'This is your plan already'
      using errcode = 'STATE', column = 'priceId', hint = 'Choose another, or open the billing portal to change the rest';
  end if;
  select count(*) into v_items from app_public.stripe_subscription_items i where i.subscription_id = v_subscription.id;
  -- One item is one plan, and is replaced; of several, the portal lets them choose.
  if v_items = 1 then
    select * into strict v_item from app_public.stripe_subscription_items i where i.subscription_id = v_subscription.id;
  end if;
  return v_party || jsonb_build_object(
    'customerId', v_subscription.customer_id, 'subscriptionId', v_subscription.id,
    'itemId', v_item.id, 'quantity', v_item.quantity);
end
$$;
revoke execute on function app_hidden.prepare_plan_change(text) from public;
grant execute on function app_hidden.prepare_plan_change(text) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.prepare_plan_change(text) is 'Who would pay for a plan, and which subscription it replaces, if any. DNIED, INVAL, LOGIN, NTFND, STATE.';
--! EndIncluded functions/billing/paying.sql
--! Included functions/billing/overview.sql
-- What a customer reads of billing: the owner of a brand, or a shopper. All run as
-- the caller, so the policies of the mirror decide what is there; the functions of
-- app_hidden only reckon.

drop function if exists app_hidden.price_total(app_public.stripe_prices, bigint);
create function app_hidden.price_total(price app_public.stripe_prices, quantity bigint) returns numeric
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return app_hidden.price_amount(price_total.price, price_total.quantity);
exception when data_exception then
  -- Tiers or a divisor that are no numbers: this price cannot be told, but the
  -- page it stands on can.
  return null;
end
$$;
revoke execute on function app_hidden.price_total(app_public.stripe_prices, bigint) from public;
grant execute on function app_hidden.price_total(app_public.stripe_prices, bigint) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.price_total(app_public.stripe_prices, bigint) is
  'Minor units that a quantity costs at a price, exact; null where that cannot be told, for whatever reason.';

drop function if exists app_hidden.whole_minor(numeric);
create function app_hidden.whole_minor(amount numeric) returns bigint
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select case when abs(whole_minor.amount) < 9007199254740991 then round(whole_minor.amount)::bigint end $$;
revoke execute on function app_hidden.whole_minor(numeric) from public;
grant execute on function app_hidden.whole_minor(numeric) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.whole_minor(numeric) is 'Whole minor units, rounded half away from zero; null beyond what a JSON number can hold.';

drop function if exists app_hidden.next_credits_at(timestamptz);
create function app_hidden.next_credits_at(started_at timestamptz) returns timestamptz
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select m.period_end from app_private.credit_month(next_credits_at.started_at, greatest(now(), next_credits_at.started_at)) m
  where app_hidden.current_brand_id() is not null
$$;
revoke execute on function app_hidden.next_credits_at(timestamptz) from public;
grant execute on function app_hidden.next_credits_at(timestamptz) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.next_credits_at(timestamptz) is
  'When the next credits of a plan that began at a moment are due: its day of the month, UTC. Of brands: shoppers have no such plans.';

-- Discounts as Stripe takes them: of an item, then of the subscription; that of the
-- customer where the subscription has none. An event names them by id or brings
-- them whole, in three shapes.
drop function if exists app_hidden.plan_discounts(text);
create function app_hidden.plan_discounts(subscription_id text) returns table (
  scope text, item_id text, place bigint, discount_id text, name text, percent_off numeric, amount_off bigint,
  currency text, duration text, ends_at timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with named as (
    select 'item' as scope, i.id as item_id, d.place, d.discount
    from app_public.stripe_subscription_items i
    cross join lateral jsonb_array_elements(case when jsonb_typeof(i.discounts) = 'array' then i.discounts else '[]' end)
      with ordinality d (discount, place)
    where i.subscription_id = plan_discounts.subscription_id
    union all
    select 'subscription', null, d.place, d.discount
    from app_public.stripe_subscriptions s
    cross join lateral jsonb_array_elements(case when jsonb_typeof(s.discounts) = 'array' then s.discounts else '[]' end)
      with ordinality d (discount, place)
    where s.id = plan_discounts.subscription_id
    union all
    select 'customer', null, row_number() over (order by d.starts_at, d.id), to_jsonb(d.id)
    from app_public.stripe_subscriptions s
    join app_public.stripe_discounts d on d.customer_id = s.customer_id and d.subscription_id is null
    where s.id = plan_discounts.subscription_id and s.discounts = '[]'
  ), told as (
    select n.scope, n.item_id, n.place,
      case jsonb_typeof(n.discount) when 'string' then n.discount #>> '{}' else n.discount ->> 'id' end as discount_id,
      case when jsonb_typeof(n.discount -> 'end') = 'number' then to_timestamp((n.discount ->> 'end')::double precision) end as ends_at,
      coalesce(n.discount -> 'coupon', n.discount #> '{source,coupon}') as coupon
    from named n
  )
  select t.scope, t.item_id, t.place, t.discount_id,
    coalesce(c.name, t.coupon ->> 'name'),
    coalesce(c.percent_off, case when jsonb_typeof(t.coupon -> 'percent_off') = 'number' then (t.coupon ->> 'percent_off')::numeric end),
    coalesce(c.amount_off, case when jsonb_typeof(t.coupon -> 'amount_off') = 'number' then (t.coupon ->> 'amount_off')::bigint end),
    lower(coalesce(c.currency, t.coupon ->> 'currency')),
    coalesce(c.duration, t.coupon ->> 'duration'),
    coalesce(d.ends_at, t.ends_at)
  from told t
  left join app_public.stripe_discounts d on d.id = t.discount_id
  left join app_public.stripe_coupons c on c.id = coalesce(
    case jsonb_typeof(t.coupon) when 'object' then t.coupon ->> 'id' when 'string' then t.coupon #>> '{}' end, d.coupon_id)
  where not coalesce(d.deleted, false) and coalesce(d.ends_at, t.ends_at, 'infinity') > now()
$$;
revoke execute on function app_hidden.plan_discounts(text) from public;
grant execute on function app_hidden.plan_discounts(text) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.plan_discounts(text) is
  'The discounts that a subscription has at this moment, in the order in which Stripe takes them; amounts are null where they are not known.';

-- What an invoice at a moment charges: the licensed items whose period ends then, or
-- all of them where a trial ends, less the discounts that still last then. Taxes,
-- usage and prorations are not known here.
drop function if exists app_hidden.plan_charge(text, timestamptz, boolean);
create function app_hidden.plan_charge(
  subscription_id text, moment timestamptz, all_items boolean, out amount_minor bigint, out has_usage boolean, out at_most boolean
) returns record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_currency text;
  v_item record;
  v_discount record;
  v_amount numeric;
  v_total numeric := 0;
  v_is_known boolean := false;
begin
  has_usage := false;
  at_most := false;
  select s.currency into v_currency from app_public.stripe_subscriptions s where s.id = plan_charge.subscription_id;
  for v_item in
    select i.id, p.type, p.usage_type, p.currency, app_hidden.price_total(p, i.quantity) as amount
    from app_public.stripe_subscription_items i
    left join app_public.stripe_prices p on p.id = i.price_id
    where i.subscription_id = plan_charge.subscription_id
      and (plan_charge.all_items or i.current_period_end = plan_charge.moment)
    order by i.id
  loop
    if v_item.usage_type = 'metered' then
      has_usage := true;
      continue;
    end if;
    continue when v_item.type = 'one_time';
    if v_item.amount is null or v_item.currency <> v_currency then
      return;
    end if;
    v_is_known := true;
    v_amount := v_item.amount;
    for v_discount in
      select d.* from app_hidden.plan_discounts(plan_charge.subscription_id) d
      where d.item_id = v_item.id and coalesce(d.ends_at, 'infinity') > plan_charge.moment
      order by d.place
    loop
      if v_discount.duration is distinct from 'once' and v_discount.percent_off is not null then
        v_amount := v_amount * (100 - v_discount.percent_off) / 100;
      elsif v_discount.duration is distinct from 'once' and v_discount.currency = v_currency and v_discount.amount_off is not null then
        v_amount := v_amount - v_discount.amount_off;
      else
        at_most := true;
      end if;
    end loop;
    v_total := v_total + greatest(0, v_amount);
  end loop;
  if not v_is_known and not has_usage then
    return;
  end if;
  for v_discount in
    select d.* from app_hidden.plan_discounts(plan_charge.subscription_id) d
    where d.item_id is null and coalesce(d.ends_at, 'infinity') > plan_charge.moment
    order by d.place
  loop
    if v_discount.duration is distinct from 'once' and v_discount.percent_off is not null then
      v_total := v_total * (100 - v_discount.percent_off) / 100;
    elsif v_discount.duration is distinct from 'once' and v_discount.currency = v_currency and v_discount.amount_off is not null then
      v_total := v_total - v_discount.amount_off;
    else
      at_most := true;
    end if;
  end loop;
  amount_minor := app_hidden.whole_minor(greatest(0, v_total));
end
$$;
revoke execute on function app_hidden.plan_charge(text, timestamptz, boolean) from public;
grant execute on function app_hidden.plan_charge(text, timestamptz, boolean) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.plan_charge(text, timestamptz, boolean) is
  'What a subscription charges at a moment, before taxes: null where a price is not known; has_usage where metered items come on top; at_most where a discount for one invoice, or one that is not known, may lower it.';

drop function if exists app_public.billing_plans();
create function app_public.billing_plans() returns table (
  subscription_id text, customer_id text, status text, currency text,
  started_at timestamptz, trial_end timestamptz, ends_at timestamptz, canceled_at timestamptz, ended_at timestamptz,
  paused_as text, resumes_at timestamptz, period_start timestamptz, period_end timestamptz,
  owed_minor bigint, pay_before timestamptz, pay_url text, is_counted boolean, items jsonb, discounts jsonb
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.id, s.customer_id, s.status, s.currency,
    s.started_at, s.trial_end,
    case when s.status not in ('canceled', 'incomplete_expired')
      then coalesce(s.cancel_at, case when s.cancel_at_period_end then i.period_end end) end,
    s.canceled_at, s.ended_at,
    s.pause_collection ->> 'behavior',
    case when jsonb_typeof(s.pause_collection -> 'resumes_at') = 'number'
      then to_timestamp((s.pause_collection ->> 'resumes_at')::double precision) end,
    i.period_start, i.period_end,
    o.owed, o.pay_before, o.pay_url, s.mrr_state = 'ok', i.items, d.discounts
  from app_public.stripe_customers c
  join app_public.stripe_subscriptions s on s.customer_id = c.id
  cross join lateral (
    select min(x.current_period_start) as period_start, max(x.current_period_end) as period_end,
      coalesce(jsonb_agg(jsonb_build_object(
        'itemId', x.id, 'priceId', x.price_id, 'name', nullif(n.name, ''), 'isKnown', p.id is not null,
        'quantity', x.quantity, 'currency', p.currency,
        'amountMinor', case when p.usage_type <> 'metered' then app_hidden.whole_minor(app_hidden.price_total(p, x.quantity)) end,
        'unitMinor', case when p.billing_scheme <> 'tiered' and p.transform_quantity is null then p.unit_amount_decimal end,
        'interval', p.interval, 'intervalCount', p.interval_count,
        'isMetered', coalesce(p.usage_type = 'metered', false), 'periodEnd', x.current_period_end
      ) order by x.id), '[]') as items
    from app_public.stripe_subscription_items x
    left join app_public.stripe_prices p on p.id = x.price_id
    left join app_public.stripe_products n on n.id = p.product_id
    where x.subscription_id = s.id
  ) i
  cross join lateral (
    select coalesce(sum(v.amount_remaining), 0)::bigint as owed, min(v.due_date) as pay_before,
      (array_agg(v.hosted_invoice_url order by v.due_date nulls last, v.created, v.id)
        filter (where v.hosted_invoice_url is not null))[1] as pay_url
    from app_public.stripe_invoices v
    where v.customer_id = c.id and v.subscription_id = s.id and v.status = 'open' and v.amount_remaining > 0
      and not v.deleted and v.currency = s.currency
  ) o
  cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object(
      'discountId', t.discount_id, 'scope', t.scope, 'name', t.name, 'percentOff', t.percent_off, 'amountOff', t.amount_off,
      'currency', t.currency, 'duration', t.duration, 'endsAt', t.ends_at
    ) order by t.item_id nulls last, t.place), '[]') as discounts
    from app_hidden.plan_discounts(s.id) t
  ) d
  order by s.status in ('canceled', 'incomplete_expired'), coalesce(s.ended_at, s.started_at) desc nulls last, s.id
  limit 50
$$;
revoke execute on function app_public.billing_plans() from public;
grant execute on function app_public.billing_plans() to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_public.billing_plans() is $$
@simpleCollections only
The subscriptions of the active brand (for its owner) or of the shopper, those that run first, at most 50. items and discounts are JSON lists with camelCase keys; amounts are minor units, null where a price is not known. ends_at is a cancellation that is planned; owed_minor is what open invoices of the subscription still ask for; is_counted is false while its MRR cannot be told.$$;

-- Brands have no entitlements and may not read any, so only a shopper is asked
-- about them. One that another follows at once ends nothing.
drop function if exists app_hidden.coming_pro();
create function app_hidden.coming_pro() returns table (happens_at timestamptz, kind text, entitlement_id uuid)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_request_role() is distinct from ':ROLE_USER' then
    return;
  end if;
  return query
    select e.starts_at, 'pro_begins', e.id
    from app_public.user_entitlements e
    where e.kind = 'pro_unlimited' and e.starts_at > now()
      and not exists (select from app_public.user_entitlements o where o.user_id = e.user_id and o.kind = e.kind and o.ends_at = e.starts_at)
    union all
    select e.ends_at, 'pro_ends', e.id
    from app_public.user_entitlements e
    where e.kind = 'pro_unlimited' and e.ends_at > now()
      and not exists (select from app_public.user_entitlements o where o.user_id = e.user_id and o.kind = e.kind and o.starts_at = e.ends_at);
end
$$;
revoke execute on function app_hidden.coming_pro() from public;
grant execute on function app_hidden.coming_pro() to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_hidden.coming_pro() is 'When the unlimited try-ons of the shopper who asks begin and end, as far as that is to come.';

-- One list in order of time. What is late comes first: it waits for somebody.
drop function if exists app_public.billing_upcoming();
create function app_public.billing_upcoming() returns table (
  happens_at timestamptz, kind text, subject_id text, subscription_id text, name text,
  amount_minor bigint, currency text, has_usage boolean, at_most boolean, is_collected boolean, credits bigint
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with plan as materialized (
    select s.id, s.status, s.currency, s.trial_end, s.pause_collection, coalesce(s.started_at, s.created_at) as started_at,
      coalesce(s.cancel_at, case when s.cancel_at_period_end then i.period_end end) as ends_at, i.period_end, i.name
    from app_public.stripe_customers c
    join app_public.stripe_subscriptions s on s.customer_id = c.id
    cross join lateral (
      select max(x.current_period_end) as period_end,
        string_agg(distinct nullif(n.name, ''), ', ') as name
      from app_public.stripe_subscription_items x
      left join app_public.stripe_prices p on p.id = x.price_id
      left join app_public.stripe_products n on n.id = p.product_id
      where x.subscription_id = s.id
    ) i
    where s.status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')
  ), coming (happens_at, kind, subject_id, subscription_id, name, amount_minor, currency, has_usage, at_most, is_collected, credits) as (
    select p.ends_at, 'ends', p.id, p.id, p.name, null::bigint, null::text, false, false, true, null::bigint
    from plan p where p.ends_at > now()
    union all
    select p.trial_end, 'trial_ends', p.id, p.id, p.name, q.amount_minor, p.currency, q.has_usage, q.at_most,
      p.pause_collection is null, null
    from plan p cross join lateral app_hidden.plan_charge(p.id, p.trial_end, true) q
    where p.status = 'trialing' and p.trial_end > now() and coalesce(p.ends_at, 'infinity') > p.trial_end
    union all
    -- Items of one subscription may renew on different days.
    select r.at, 'renews', p.id, p.id, p.name, q.amount_minor, p.currency, q.has_usage, q.at_most,
      p.pause_collection is null, null
    from plan p
    cross join lateral (
      select distinct x.current_period_end as at from app_public.stripe_subscription_items x where x.subscription_id = p.id
    ) r
    cross join lateral app_hidden.plan_charge(p.id, r.at, false) q
    where p.status in ('active', 'past_due') and r.at > now() and coalesce(p.ends_at, 'infinity') > r.at
    union all
    select t.at, 'collection_resumes', p.id, p.id, p.name, null, null, false, false, true, null
    from plan p
    cross join lateral (
      select case when jsonb_typeof(p.pause_collection -> 'resumes_at') = 'number'
        then to_timestamp((p.pause_collection ->> 'resumes_at')::double precision) end as at
    ) t
    where t.at > now()
    union all
    select d.ends_at, 'discount_ends', d.discount_id, p.id, d.name, null, null, false, false, true, null
    from plan p cross join lateral app_hidden.plan_discounts(p.id) d
    where d.ends_at is not null
    union all
    select t.at, 'credits', p.id, p.id, p.name, null, null, false, false, true, g.amount
    from plan p
    join app_public.subscription_grants g on g.subscription_id = p.id and g.kind = 'monthly_credits' and g.active
    cross join lateral (select app_hidden.next_credits_at(p.started_at) as at) t
    where coalesce(p.ends_at, 'infinity') > t.at
    union all
    select v.due_date, 'invoice_due', v.id, v.subscription_id, v.number, v.amount_remaining, v.currency, false, false, true, null
    from app_public.stripe_customers c
    join app_public.stripe_invoices v on v.customer_id = c.id
    where v.status = 'open' and v.amount_remaining > 0 and v.due_date is not null and not v.deleted
    union all
    select e.happens_at, e.kind, e.entitlement_id::text, null, null, null, null, false, false, true, null
    from app_hidden.coming_pro() e
  )
  select k.* from coming k order by k.happens_at, k.kind, k.subject_id limit 100
$$;
revoke execute on function app_public.billing_upcoming() from public;
grant execute on function app_public.billing_upcoming() to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_public.billing_upcoming() is $$
@simpleCollections only
What will happen to the plans of the active brand (for its owner) or of the shopper, in order of time: renews, trial_ends, ends, collection_resumes, discount_ends, credits, invoice_due (late ones are in the past), pro_begins, pro_ends. name is that of the plan, of the discount, or the number of the invoice. Amounts are minor units before taxes, with the discounts that last then taken off; null where a price is not known. At most 100.$$;

-- What is sold to whoever asks. A plan in another currency than the one they pay in
-- cannot replace it: Stripe refuses.
drop function if exists app_public.billing_offers();
create function app_public.billing_offers() returns table (
  price_id text, kind text, name text, currency text, amount_minor bigint, "interval" text, interval_count integer,
  credits bigint, monthly_credits bigint, dataset_access text, custom_models boolean, pro boolean,
  is_current boolean, is_reserved boolean
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with party as materialized (
    select (select app_hidden.current_brand_id()) is not null as is_brand,
      coalesce(
        (select s.currency from app_public.stripe_subscriptions s
          where s.status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')
          order by s.status in ('active', 'trialing', 'past_due') desc, s.started_at desc nulls last, s.id limit 1),
        (select c.currency from app_public.stripe_customers c
          where not c.deleted and c.currency is not null order by c.created desc nulls last, c.id limit 1)
      ) as currency
  ), current_price as materialized (
    select i.price_id from app_public.stripe_subscription_items i
    join app_public.stripe_subscriptions s on s.id = i.subscription_id
    where s.status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')
  )
  select p.id, case when p.sells = 'credits' then 'credits' else 'plan' end, nullif(n.name, ''), p.currency,
    app_hidden.whole_minor(app_hidden.price_total(p, 1)), p.interval, p.interval_count,
    case when p.sells = 'credits' then (p.metadata ->> 'credits')::bigint end,
    case when y.is_brand and p.metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$' then (p.metadata ->> 'monthly_credits')::bigint end,
    case when y.is_brand and p.metadata ->> 'dataset_access' in ('aggregate', 'row') then p.metadata ->> 'dataset_access' end,
    y.is_brand and p.metadata ->> 'custom_models' is not distinct from 'true',
    not y.is_brand and p.metadata ->> 'pro' is not distinct from 'true',
    p.id in (select c.price_id from current_price c), p.reserved_for <> ''
  from party y
  join app_public.stripe_prices p on p.active and p.usage_type <> 'metered'
    and p.sells in ('credits', 'any_plan', case when y.is_brand then 'brand_plan' else 'shopper_plan' end)
    and (p.sells = 'credits' or p.currency = coalesce(y.currency, p.currency))
  left join app_public.stripe_products n on n.id = p.product_id
  where coalesce(n.active, true)
  order by 2, p.currency is distinct from y.currency, p.currency,
    p.interval_count * case p.interval when 'day' then 1 when 'week' then 7 when 'month' then 30 else 365 end nulls first,
    app_hidden.price_total(p, 1) nulls last, p.id
  limit 100
$$;
revoke execute on function app_public.billing_offers() from public;
grant execute on function app_public.billing_offers() to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_public.billing_offers() is $$
@simpleCollections only
The prices that the active brand (for its owner) or the shopper may choose: kind credits or plan, what each costs for one and what it gives. is_current: a subscription has it; is_reserved: made for this brand. At most 100.$$;

drop function if exists app_public.billing_quote(text, integer);
create function app_public.billing_quote(
  price_id text, quantity integer, out credits bigint, out amount_minor bigint, out currency text
) returns record
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when t.credits <= 999999999 then t.credits end, app_hidden.whole_minor(app_hidden.price_total(p, billing_quote.quantity)), p.currency
  from app_public.stripe_prices p
  cross join lateral (select (p.metadata ->> 'credits')::bigint * billing_quote.quantity as credits) t
  where p.id = billing_quote.price_id and p.active and p.sells = 'credits' and billing_quote.quantity between 1 and 1000
$$;
revoke execute on function app_public.billing_quote(text, integer) from public;
grant execute on function app_public.billing_quote(text, integer) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_public.billing_quote(text, integer) is
  'What a quantity (1 to 1,000) of a price that sells credits gives and costs, before taxes; empty where it cannot be bought.';

drop function if exists app_public.billing_allowance();
create function app_public.billing_allowance() returns table (
  subscription_id text, is_active boolean, monthly_credits bigint, grant_id uuid, granted bigint, used bigint, held bigint,
  remaining bigint, expired bigint, begins_at timestamptz, ends_at timestamptz
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select sg.subscription_id, sg.active, sg.amount, g.id, g.amount,
    g.amount - g.remaining - g.expired - h.held, h.held, g.remaining, g.expired, g.effective_at, g.expires_at
  from app_public.subscription_grants sg
  left join lateral (
    select * from app_public.credit_grants c
    where c.owner_brand_id = sg.brand_id and c.source = 'subscription' and c.note = 'Plan ' || sg.subscription_id
      and c.effective_at <= now() and c.expires_at > now()
    order by c.effective_at desc, c.id desc
    limit 1
  ) g on true
  left join lateral (
    select coalesce(sum(l.amount), 0)::bigint as held
    from app_public.credit_hold_lines l
    join app_public.credit_holds o on o.id = l.hold_id and o.status = 'open'
    where l.grant_id = g.id
  ) h on g.id is not null
  where sg.kind = 'monthly_credits' and (sg.active or g.id is not null)
  order by sg.active desc, sg.since, sg.subscription_id
$$;
revoke execute on function app_public.billing_allowance() from public;
grant execute on function app_public.billing_allowance() to :ROLE_ANALYST;
comment on function app_public.billing_allowance() is $$
@simpleCollections only
The credits that the plans of the active brand gave for the present month, and what became of them: granted = used + held + remaining + expired. No grant_id while those of this month are still to come.$$;

drop function if exists app_public.billing_invoices(text, integer);
create function app_public.billing_invoices(before_invoice text default null, entries integer default 12) returns table (
  invoice_id text, number text, status text, currency text, total bigint, amount_due bigint, amount_paid bigint,
  amount_remaining bigint, tax bigint, discount bigint, created timestamptz, due_date timestamptz, paid_at timestamptz,
  refunded bigint, hosted_url text, pdf_url text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select v.id, v.number, v.status, v.currency, v.total, v.amount_due, v.amount_paid, v.amount_remaining, v.tax, v.discount,
    v.created, v.due_date, v.paid_at, r.refunded, v.hosted_invoice_url, v.invoice_pdf
  from (
    select i.* from app_public.stripe_customers c
    join app_public.stripe_invoices i on i.customer_id = c.id
    where not i.deleted and (
      billing_invoices.before_invoice is null
      or (coalesce(i.created, '-infinity'), i.id) < (
        select coalesce(b.created, '-infinity'), b.id from app_public.stripe_invoices b where b.id = billing_invoices.before_invoice
      )
    )
    order by coalesce(i.created, '-infinity') desc, i.id desc
    limit least(greatest(coalesce(billing_invoices.entries, 12), 1), 100)
  ) v
  cross join lateral (
    select coalesce(sum(f.amount), 0)::bigint as refunded
    from app_public.stripe_refunds f
    where f.invoice_id = v.id and f.currency = v.currency and f.status is not distinct from 'succeeded'
  ) r
  order by coalesce(v.created, '-infinity') desc, v.id desc
$$;
revoke execute on function app_public.billing_invoices(text, integer) from public;
grant execute on function app_public.billing_invoices(text, integer) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_public.billing_invoices(text, integer) is $$
@simpleCollections only
The invoices of the active brand (for its owner) or of the shopper, the newest first: 1 to 100 of them, older than before_invoice where that is given. Minor units.$$;

drop function if exists app_public.billing_refunds(integer);
create function app_public.billing_refunds(entries integer default 50) returns table (
  refund_id text, amount bigint, currency text, status text, reason text, created timestamptz, invoice_id text, invoice_number text
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.id, r.amount, r.currency, r.status, r.reason, r.created, r.invoice_id, i.number
  from app_public.stripe_customers c
  join app_public.stripe_refunds r on r.customer_id = c.id
  left join app_public.stripe_invoices i on i.id = r.invoice_id
  order by r.created desc nulls last, r.id desc
  limit least(greatest(coalesce(billing_refunds.entries, 50), 1), 100)
$$;
revoke execute on function app_public.billing_refunds(integer) from public;
grant execute on function app_public.billing_refunds(integer) to :ROLE_USER, :ROLE_BRAND_OWNER;
comment on function app_public.billing_refunds(integer) is $$
@simpleCollections only
Money given back to the active brand (for its owner) or to the shopper, the newest first: 1 to 100 entries. Minor units.$$;
--! EndIncluded functions/billing/overview.sql
--! Included functions/billing/figures.sql
-- Revenue figures, from movements only: what a figure says about the past does
-- not change when a subscription does. US cents; windows are half-open; ratios
-- have 4 decimals and are null when there is nothing to divide by. Staff finance
-- and administration only. Definitions with their sources: docs/metrics.md.
drop function if exists app_private.assert_revenue_reader();
create function app_private.assert_revenue_reader() returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{finance,admin}', 'You may not see revenue');
end
$$;
revoke execute on function app_private.assert_revenue_reader() from public;
comment on function app_private.assert_revenue_reader() is 'DNIED unless the person of this request is staff finance or administration right now.';

drop function if exists app_private.assert_window(timestamptz, timestamptz);
create function app_private.assert_window(from_time timestamptz, to_time timestamptz) returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if assert_window.from_time is null or assert_window.to_time is null or assert_window.to_time <= assert_window.from_time
    or assert_window.to_time - assert_window.from_time > interval '3700 days' then
    raise exception 'A period ends after it begins, within ten years'
      using errcode = 'INVAL', column = 'to_time', hint = 'Choose a later end';
  end if;
end
$$;
revoke execute on function app_private.assert_window(timestamptz, timestamptz) from public;
comment on function app_private.assert_window(timestamptz, timestamptz) is 'INVAL unless the window is not empty and at most ten years long.';

-- A calendar month is one month, however many days it has.
drop function if exists app_private.months_between(timestamptz, timestamptz);
create function app_private.months_between(from_time timestamptz, to_time timestamptz) returns numeric
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select extract(year from a.age) * 12 + extract(month from a.age)
    + extract(epoch from a.age - make_interval(years => extract(year from a.age)::integer, months => extract(month from a.age)::integer))
      * 12 / (86400 * 365)
  from (select age(months_between.to_time at time zone 'UTC', months_between.from_time at time zone 'UTC') as age) a
$$;
revoke execute on function app_private.months_between(timestamptz, timestamptz) from public;
comment on function app_private.months_between(timestamptz, timestamptz) is 'How many months a window has: calendar months, and the rest as a part of a year of 365 days.';

-- What each account was worth at a moment (exclusive), as accounts were then.
drop function if exists app_private.account_mrr_at(timestamptz);
create function app_private.account_mrr_at(moment timestamptz) returns table (account text, mrr_usd_minor bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select m.account, sum(m.delta_usd_minor)::bigint
  from app_public.mrr_movements m
  where m.occurred_at < account_mrr_at.moment
  group by 1
  having sum(m.delta_usd_minor) > 0
$$;
revoke execute on function app_private.account_mrr_at(timestamptz) from public;
comment on function app_private.account_mrr_at(timestamptz) is 'MRR of each account that had any just before a moment, in US cents.';

-- What became of each account in a window. A subscription counts for the account
-- that has it at the end, in all of the window: who is linked to whom changes who
-- owns what, not what was won or lost. So start + new + reactivation + expansion
-- - contraction - churn = end holds for every account, too.
drop function if exists app_private.revenue_by_account(timestamptz, timestamptz);
create function app_private.revenue_by_account(from_time timestamptz, to_time timestamptz)
returns table (
  account text, start_usd_minor bigint, new_usd_minor bigint, reactivation_usd_minor bigint, expansion_usd_minor bigint,
  contraction_usd_minor bigint, churn_usd_minor bigint, end_usd_minor bigint, kept_usd_minor bigint, active_subscriptions bigint
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with told as (
    select l.subscription_id, min(l.account collate "C") as first_account, max(l.account collate "C") as last_account,
      coalesce(sum(l.delta_usd_minor) filter (where l.occurred_at < revenue_by_account.from_time), 0) as start,
      coalesce(sum(l.delta_usd_minor) filter (where l.occurred_at >= revenue_by_account.from_time and l.kind = 'new' and not l.is_transfer), 0) as new,
      coalesce(sum(l.delta_usd_minor)
        filter (where l.occurred_at >= revenue_by_account.from_time and l.kind = 'reactivation' and not l.is_transfer), 0) as reactivation,
      coalesce(sum(l.delta_usd_minor)
        filter (where l.occurred_at >= revenue_by_account.from_time and l.kind = 'expansion' and not l.is_transfer), 0) as expansion,
      coalesce(-sum(l.delta_usd_minor)
        filter (where l.occurred_at >= revenue_by_account.from_time and l.kind = 'contraction' and not l.is_transfer), 0) as contraction,
      coalesce(-sum(l.delta_usd_minor)
        filter (where l.occurred_at >= revenue_by_account.from_time and l.kind = 'churn' and not l.is_transfer), 0) as churn,
      sum(l.delta_usd_minor) as "end"
    from app_public.mrr_movement_lines l
    where l.occurred_at < revenue_by_account.to_time
    group by l.subscription_id
  ), held as (
    select t.*, case when t.first_account = t.last_account then t.first_account else (
      -- Few were ever with two accounts. Of a transfer the line that brings it counts.
      select l.account from app_public.mrr_movement_lines l
      where l.subscription_id = t.subscription_id and l.occurred_at < revenue_by_account.to_time
      order by l.occurred_at desc, l.delta_usd_minor > 0 desc, l.id desc
      limit 1
    ) end as account
    from told t
  ), summed as (
    select h.account, sum(h.start)::bigint as start, sum(h.new)::bigint as new, sum(h.reactivation)::bigint as reactivation,
      sum(h.expansion)::bigint as expansion, sum(h.contraction)::bigint as contraction, sum(h.churn)::bigint as churn,
      sum(h."end")::bigint as "end", count(*) filter (where h."end" > 0) as active
    from held h
    group by h.account
  )
  select s.account, s.start, s.new, s.reactivation, s.expansion, s.contraction, s.churn, s."end", least(s.start, s."end"), s.active
  from summed s
$$;
revoke execute on function app_private.revenue_by_account(timestamptz, timestamptz) from public;
comment on function app_private.revenue_by_account(timestamptz, timestamptz) is
  'For each account that ever paid before to_time: MRR at the start, what came and went, at the end; kept is the smaller of start and end.';

-- Every figure of a period from one reading, so that they agree with one another.
drop function if exists app_private.revenue_figures(timestamptz, timestamptz);
create function app_private.revenue_figures(
  from_time timestamptz, to_time timestamptz,
  out start_usd_minor bigint, out new_usd_minor bigint, out reactivation_usd_minor bigint, out expansion_usd_minor bigint,
  out contraction_usd_minor bigint, out churn_usd_minor bigint, out end_usd_minor bigint,
  out start_accounts bigint, out lost_accounts bigint, out new_accounts bigint, out accounts bigint,
  out cohort_end_usd_minor bigint, out cohort_kept_usd_minor bigint,
  out nrr numeric, out grr numeric, out logo_churn numeric, out gross_mrr_churn numeric, out net_mrr_churn numeric, out quick_ratio numeric,
  out arr_usd_minor bigint, out arpa_usd_minor bigint, out spend_usd_minor bigint, out gross_margin numeric, out monthly_logo_churn numeric,
  out ltv_usd_minor bigint, out cac_usd_minor bigint, out ltv_cac numeric, out lifetime_months numeric, out as_of timestamptz
) returns record
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_months numeric := app_private.months_between(revenue_figures.from_time, revenue_figures.to_time);
  v_margin numeric;
  v_ltv numeric;
begin
  perform app_private.assert_window(revenue_figures.from_time, revenue_figures.to_time);
  select coalesce(sum(a.start_usd_minor), 0), coalesce(sum(a.new_usd_minor), 0), coalesce(sum(a.reactivation_usd_minor), 0),
    coalesce(sum(a.expansion_usd_minor), 0), coalesce(sum(a.contraction_usd_minor), 0), coalesce(sum(a.churn_usd_minor), 0),
    coalesce(sum(a.end_usd_minor), 0),
    count(*) filter (where a.start_usd_minor > 0), count(*) filter (where a.start_usd_minor > 0 and a.end_usd_minor = 0),
    count(*) filter (where a.start_usd_minor = 0 and a.new_usd_minor > 0), count(*) filter (where a.end_usd_minor > 0),
    coalesce(sum(a.end_usd_minor) filter (where a.start_usd_minor > 0), 0),
    coalesce(sum(a.kept_usd_minor) filter (where a.start_usd_minor > 0), 0)
  into start_usd_minor, new_usd_minor, reactivation_usd_minor, expansion_usd_minor, contraction_usd_minor, churn_usd_minor, end_usd_minor,
    start_accounts, lost_accounts, new_accounts, accounts, cohort_end_usd_minor, cohort_kept_usd_minor
  from app_private.revenue_by_account(revenue_figures.from_time, revenue_figures.to_time) a;
  nrr := round(cohort_end_usd_minor::numeric / nullif(start_usd_minor, 0), 4);
  grr := round(cohort_kept_usd_minor::numeric / nullif(start_usd_minor, 0), 4);
  logo_churn := round(lost_accounts::numeric / nullif(start_accounts, 0), 4);
  gross_mrr_churn := round((churn_usd_minor + contraction_usd_minor)::numeric / nullif(start_usd_minor, 0), 4);
  net_mrr_churn := round((churn_usd_minor + contraction_usd_minor - expansion_usd_minor - reactivation_usd_minor)::numeric
    / nullif(start_usd_minor, 0), 4);
  quick_ratio := round((new_usd_minor + reactivation_usd_minor + expansion_usd_minor)::numeric
    / nullif(contraction_usd_minor + churn_usd_minor, 0), 4);
  arr_usd_minor := end_usd_minor * 12;
  arpa_usd_minor := round(end_usd_minor::numeric / nullif(accounts, 0));
  -- Months that cost nothing have a margin, too.
  select sum(c.spend_usd_minor),
    coalesce(sum(c.gross_margin * c.spend_usd_minor) / nullif(sum(c.spend_usd_minor), 0), avg(c.gross_margin))
  into spend_usd_minor, v_margin
  from app_public.acquisition_costs c
  where c.month >= (revenue_figures.from_time at time zone 'UTC')::date and c.month < (revenue_figures.to_time at time zone 'UTC')::date;
  monthly_logo_churn := round(lost_accounts::numeric / nullif(start_accounts, 0) / v_months, 4);
  -- From the figures as they are, not as they are shown: one rounding each.
  lifetime_months := round(v_months * start_accounts / nullif(lost_accounts, 0), 4);
  v_ltv := end_usd_minor::numeric / nullif(accounts, 0) * v_margin * v_months * start_accounts / nullif(lost_accounts, 0);
  gross_margin := round(v_margin, 4);
  ltv_usd_minor := round(v_ltv);
  cac_usd_minor := round(spend_usd_minor::numeric / nullif(new_accounts, 0));
  ltv_cac := round(v_ltv * new_accounts / nullif(spend_usd_minor, 0), 4);
  as_of := now();
end
$$;
revoke execute on function app_private.revenue_figures(timestamptz, timestamptz) from public;
comment on function app_private.revenue_figures(timestamptz, timestamptz) is 'All figures of a window; see docs/metrics.md. INVAL.';

drop function if exists app_public.mrr_waterfall(timestamptz, timestamptz);
create function app_public.mrr_waterfall(
  from_time timestamptz, to_time timestamptz,
  out start_usd_minor bigint, out new_usd_minor bigint, out reactivation_usd_minor bigint, out expansion_usd_minor bigint,
  out contraction_usd_minor bigint, out churn_usd_minor bigint, out end_usd_minor bigint, out quick_ratio numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(mrr_waterfall.from_time, mrr_waterfall.to_time);
  select
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at < mrr_waterfall.from_time), 0),
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'new' and not m.is_transfer), 0),
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'reactivation' and not m.is_transfer), 0),
    coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'expansion' and not m.is_transfer), 0),
    -coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'contraction' and not m.is_transfer), 0),
    -coalesce(sum(m.delta_usd_minor) filter (where m.occurred_at >= mrr_waterfall.from_time and m.kind = 'churn' and not m.is_transfer), 0),
    coalesce(sum(m.delta_usd_minor), 0)
  into start_usd_minor, new_usd_minor, reactivation_usd_minor, expansion_usd_minor, contraction_usd_minor, churn_usd_minor, end_usd_minor
  from app_public.mrr_movements m
  where m.occurred_at < mrr_waterfall.to_time;
  quick_ratio := round((new_usd_minor + reactivation_usd_minor + expansion_usd_minor)::numeric
    / nullif(contraction_usd_minor + churn_usd_minor, 0), 4);
  as_of := now();
end
$$;
comment on function app_public.mrr_waterfall(timestamptz, timestamptz) is
  'MRR at the start, what came and went within [from_time, to_time), and at the end: end = start + new + reactivation + expansion - contraction - churn, exactly. US cents. DNIED, INVAL.';

-- Running sums: each movement is read once, however many buckets there are.
drop function if exists app_public.mrr_series(timestamptz, timestamptz, text);
create function app_public.mrr_series(from_time timestamptz, to_time timestamptz, bucket text default 'month')
returns table (
  bucket_start timestamptz, bucket_end timestamptz, new_usd_minor bigint, reactivation_usd_minor bigint, expansion_usd_minor bigint,
  contraction_usd_minor bigint, churn_usd_minor bigint, end_usd_minor bigint, accounts bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step interval;
  v_starts timestamptz[];
  -- Where one bucket ends and the next one begins, as the window cuts them.
  v_bounds timestamptz[];
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(mrr_series.from_time, mrr_series.to_time);
  if mrr_series.bucket is null or mrr_series.bucket not in ('day', 'week', 'month', 'quarter', 'year') then
    raise exception 'A series goes by day, week, month, quarter or year'
      using errcode = 'INVAL', column = 'bucket', hint = 'Choose one of them';
  end if;
  v_step := case mrr_series.bucket when 'quarter' then interval '3 months' else ('1 ' || mrr_series.bucket)::interval end;
  select array_agg(b at time zone 'UTC' order by b) into v_starts
  from generate_series(
    date_trunc(mrr_series.bucket, mrr_series.from_time at time zone 'UTC'),
    (mrr_series.to_time at time zone 'UTC') - interval '1 microsecond', v_step) b;
  v_bounds := mrr_series.from_time || v_starts[2:];
  return query
    with by_account as (
      select width_bucket(m.occurred_at, v_bounds) as bucket, m.account, sum(m.delta_usd_minor) as delta,
        coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'new' and not m.is_transfer), 0) as new,
        coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'reactivation' and not m.is_transfer), 0) as reactivation,
        coalesce(sum(m.delta_usd_minor) filter (where m.kind = 'expansion' and not m.is_transfer), 0) as expansion,
        coalesce(-sum(m.delta_usd_minor) filter (where m.kind = 'contraction' and not m.is_transfer), 0) as contraction,
        coalesce(-sum(m.delta_usd_minor) filter (where m.kind = 'churn' and not m.is_transfer), 0) as churn
      from app_public.mrr_movements m
      where m.occurred_at < mrr_series.to_time
      group by 1, 2
    ), running as (
      select a.*, sum(a.delta) over (partition by a.account collate "C" order by a.bucket) as mrr from by_account a
    ), by_bucket as (
      select r.bucket, sum(r.delta) as delta, sum(r.new) as new, sum(r.reactivation) as reactivation, sum(r.expansion) as expansion,
        sum(r.contraction) as contraction, sum(r.churn) as churn,
        -- Who begins to pay in this bucket, less who stops.
        count(*) filter (where r.mrr > 0 and r.mrr = r.delta) - count(*) filter (where r.mrr = 0 and r.delta < 0) as accounts
      from running r
      group by r.bucket
    )
    select b.starts, coalesce(v_bounds[b.bucket + 1], mrr_series.to_time),
      coalesce(x.new, 0)::bigint, coalesce(x.reactivation, 0)::bigint, coalesce(x.expansion, 0)::bigint,
      coalesce(x.contraction, 0)::bigint, coalesce(x.churn, 0)::bigint,
      (coalesce((select sum(z.delta) from by_bucket z where z.bucket = 0), 0)
        + sum(coalesce(x.delta, 0)) over (order by b.bucket))::bigint,
      (coalesce((select sum(z.accounts) from by_bucket z where z.bucket = 0), 0)
        + sum(coalesce(x.accounts, 0)) over (order by b.bucket))::bigint
    from unnest(v_starts) with ordinality b (starts, bucket)
    left join by_bucket x on x.bucket = b.bucket
    order by b.bucket;
end
$$;
comment on function app_public.mrr_series(timestamptz, timestamptz, text) is $$
@simpleCollections only
MRR at the end of each day, week, month, quarter or year of [from_time, to_time), with what moved in it, and how many accounts paid. US cents, UTC. DNIED, INVAL.$$;

drop function if exists app_public.revenue_overview(timestamptz, timestamptz);
create function app_public.revenue_overview(
  from_time timestamptz, to_time timestamptz,
  out start_usd_minor bigint, out new_usd_minor bigint, out reactivation_usd_minor bigint, out expansion_usd_minor bigint,
  out contraction_usd_minor bigint, out churn_usd_minor bigint, out end_usd_minor bigint,
  out start_accounts bigint, out lost_accounts bigint, out new_accounts bigint, out accounts bigint,
  out cohort_end_usd_minor bigint, out cohort_kept_usd_minor bigint,
  out nrr numeric, out grr numeric, out logo_churn numeric, out gross_mrr_churn numeric, out net_mrr_churn numeric, out quick_ratio numeric,
  out arr_usd_minor bigint, out arpa_usd_minor bigint, out spend_usd_minor bigint, out gross_margin numeric, out monthly_logo_churn numeric,
  out ltv_usd_minor bigint, out cac_usd_minor bigint, out ltv_cac numeric, out lifetime_months numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  select f.* into start_usd_minor, new_usd_minor, reactivation_usd_minor, expansion_usd_minor, contraction_usd_minor, churn_usd_minor,
    end_usd_minor, start_accounts, lost_accounts, new_accounts, accounts, cohort_end_usd_minor, cohort_kept_usd_minor,
    nrr, grr, logo_churn, gross_mrr_churn, net_mrr_churn, quick_ratio, arr_usd_minor, arpa_usd_minor, spend_usd_minor, gross_margin,
    monthly_logo_churn, ltv_usd_minor, cac_usd_minor, ltv_cac, lifetime_months, as_of
  from app_private.revenue_figures(revenue_overview.from_time, revenue_overview.to_time) f;
end
$$;
comment on function app_public.revenue_overview(timestamptz, timestamptz) is
  'Every figure of [from_time, to_time) from one reading: the waterfall, retention of the accounts that paid at the start, unit economics. US cents; null is "not known". DNIED, INVAL.';

drop function if exists app_public.revenue_retention(timestamptz, timestamptz);
create function app_public.revenue_retention(
  from_time timestamptz, to_time timestamptz,
  out accounts bigint, out lost_accounts bigint, out start_usd_minor bigint, out end_usd_minor bigint,
  out nrr numeric, out grr numeric, out logo_churn numeric, out gross_mrr_churn numeric, out net_mrr_churn numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  select f.start_accounts, f.lost_accounts, f.start_usd_minor, f.cohort_end_usd_minor, f.nrr, f.grr, f.logo_churn, f.gross_mrr_churn,
    f.net_mrr_churn, f.as_of
  into accounts, lost_accounts, start_usd_minor, end_usd_minor, nrr, grr, logo_churn, gross_mrr_churn, net_mrr_churn, as_of
  from app_private.revenue_figures(revenue_retention.from_time, revenue_retention.to_time) f;
end
$$;
comment on function app_public.revenue_retention(timestamptz, timestamptz) is
  'Of the accounts that paid at from_time: NRR = their MRR at to_time / at from_time; GRR the same with no account above its start; logo churn = share that pays nothing now. Gross and net MRR churn count movements instead. A customer that is linked to somebody else counts for that account from the start. DNIED, INVAL.';

drop function if exists app_public.subscriber_churn(timestamptz);
create function app_public.subscriber_churn(
  as_of timestamptz default now(), out churned bigint, out active_before bigint, out joined bigint, out rate numeric
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  select count(*) into active_before
  from app_private.account_mrr_at(subscriber_churn.as_of - interval '30 days');
  select count(*) filter (where m.kind = 'churn'), count(*) filter (where m.kind in ('new', 'reactivation'))
  into churned, joined
  from app_public.mrr_movements m
  where m.occurred_at >= subscriber_churn.as_of - interval '30 days' and m.occurred_at < subscriber_churn.as_of and not m.is_transfer;
  rate := round(churned::numeric / nullif(active_before + joined, 0), 4);
end
$$;
comment on function app_public.subscriber_churn(timestamptz) is
  'As Stripe counts it: churned in the last 30 days / (active 30 days ago + joined since). Leaving twice counts twice. DNIED.';

drop function if exists app_public.unit_economics(timestamptz, timestamptz);
create function app_public.unit_economics(
  from_time timestamptz, to_time timestamptz,
  out mrr_usd_minor bigint, out arr_usd_minor bigint, out accounts bigint, out arpa_usd_minor bigint, out new_accounts bigint,
  out spend_usd_minor bigint, out gross_margin numeric, out monthly_logo_churn numeric,
  out ltv_usd_minor bigint, out cac_usd_minor bigint, out ltv_cac numeric, out lifetime_months numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  select f.end_usd_minor, f.arr_usd_minor, f.accounts, f.arpa_usd_minor, f.new_accounts, f.spend_usd_minor, f.gross_margin,
    f.monthly_logo_churn, f.ltv_usd_minor, f.cac_usd_minor, f.ltv_cac, f.lifetime_months, f.as_of
  into mrr_usd_minor, arr_usd_minor, accounts, arpa_usd_minor, new_accounts, spend_usd_minor, gross_margin,
    monthly_logo_churn, ltv_usd_minor, cac_usd_minor, ltv_cac, lifetime_months, as_of
  from app_private.revenue_figures(unit_economics.from_time, unit_economics.to_time) f;
end
$$;
comment on function app_public.unit_economics(timestamptz, timestamptz) is
  'ARPA, CAC = spend / new accounts, LTV = ARPA x gross margin / monthly logo churn, LTV:CAC, lifetime = 1 / churn. US cents; null is "not known". The gross margin of several months is weighted by their spend. DNIED, INVAL.';

-- What pays now and may not for long: from the subscriptions as they are.
drop function if exists app_public.mrr_at_risk();
create function app_public.mrr_at_risk(
  out ending_usd_minor bigint, out ending_subscriptions bigint, out past_due_usd_minor bigint, out past_due_subscriptions bigint,
  out paused_usd_minor bigint, out paused_subscriptions bigint, out at_risk_usd_minor bigint, out at_risk_subscriptions bigint,
  out review_subscriptions bigint, out unlinked_usd_minor bigint, out unlinked_customers bigint, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  select coalesce(sum(s.mrr_usd_minor) filter (where s.is_ending), 0), count(*) filter (where s.is_ending),
    coalesce(sum(s.mrr_usd_minor) filter (where s.status = 'past_due'), 0), count(*) filter (where s.status = 'past_due'),
    coalesce(sum(s.mrr_usd_minor) filter (where s.collection_paused), 0), count(*) filter (where s.collection_paused),
    coalesce(sum(s.mrr_usd_minor) filter (where s.status = 'past_due' or s.collection_paused), 0),
    count(*) filter (where s.status = 'past_due' or s.collection_paused)
  into ending_usd_minor, ending_subscriptions, past_due_usd_minor, past_due_subscriptions, paused_usd_minor, paused_subscriptions,
    at_risk_usd_minor, at_risk_subscriptions
  from app_public.stripe_subscriptions s
  where s.mrr_usd_minor > 0;
  select count(*) into review_subscriptions from app_public.stripe_subscriptions s where s.mrr_state = 'needs_review';
  select coalesce(sum(a.mrr_usd_minor), 0), count(*) into unlinked_usd_minor, unlinked_customers
  from app_public.account_mrr a where a.customer_id is not null and a.mrr_usd_minor > 0;
  as_of := now();
end
$$;
comment on function app_public.mrr_at_risk() is
  'Of the subscriptions that pay now: those that will end by themselves (scheduled churn), those past due or with collection paused (at risk, each once); how many need a review; and what pays without anybody it belongs to. US cents. DNIED.';

-- The accounts behind the figures, with the same words for which of them.
drop function if exists app_private.revenue_account_rows(timestamptz, timestamptz, text, text);
create function app_private.revenue_account_rows(from_time timestamptz, to_time timestamptz, which text, words text)
returns table (
  account text, kind text, owner_id text, name text, start_usd_minor bigint, new_usd_minor bigint, reactivation_usd_minor bigint,
  expansion_usd_minor bigint, contraction_usd_minor bigint, churn_usd_minor bigint, end_usd_minor bigint, kept_usd_minor bigint,
  active_subscriptions bigint
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_window(revenue_account_rows.from_time, revenue_account_rows.to_time);
  if revenue_account_rows.which is null
    or revenue_account_rows.which not in ('all', 'paying', 'started', 'lost', 'new', 'grown', 'shrunk') then
    raise exception 'There is no such group of accounts'
      using errcode = 'INVAL', column = 'which', hint = 'Choose all, paying, started, lost, new, grown or shrunk';
  end if;
  return query
    select a.account, split_part(a.account, ':', 1), substr(a.account, strpos(a.account, ':') + 1),
      coalesce(b.name, nullif(u.display_name, ''), u.email,
        -- Whose customer it is nobody knows, and who reads customers is finance.
        case when app_hidden.current_request_role() = ':ROLE_STAFF_FINANCE' then coalesce(c.name, c.email) end),
      a.start_usd_minor, a.new_usd_minor, a.reactivation_usd_minor, a.expansion_usd_minor, a.contraction_usd_minor, a.churn_usd_minor,
      a.end_usd_minor, a.kept_usd_minor, a.active_subscriptions
    from app_private.revenue_by_account(revenue_account_rows.from_time, revenue_account_rows.to_time) a
    join app_public.account_mrr m on m.account = a.account
    left join app_public.brand_accounts b on b.id = m.brand_id
    left join app_public.users u on u.id = m.user_id
    left join app_public.stripe_customers c on c.id = m.customer_id
    where case revenue_account_rows.which
        when 'paying' then a.end_usd_minor > 0
        when 'started' then a.start_usd_minor > 0
        when 'lost' then a.start_usd_minor > 0 and a.end_usd_minor = 0
        when 'new' then a.start_usd_minor = 0 and a.new_usd_minor > 0
        when 'grown' then a.start_usd_minor > 0 and a.end_usd_minor > a.start_usd_minor
        when 'shrunk' then a.end_usd_minor > 0 and a.end_usd_minor < a.start_usd_minor
        -- Who paid at some time in the window.
        else a.start_usd_minor > 0 or a.end_usd_minor > 0 or a.new_usd_minor > 0 or a.reactivation_usd_minor > 0
      end
      and (coalesce(btrim(revenue_account_rows.words), '') = ''
        or position(lower(btrim(revenue_account_rows.words)) in lower(concat_ws(' ', b.name, u.display_name, u.email, m.customer_id,
          case when app_hidden.current_request_role() = ':ROLE_STAFF_FINANCE' then concat_ws(' ', c.name, c.email) end))) > 0);
end
$$;
revoke execute on function app_private.revenue_account_rows(timestamptz, timestamptz, text, text) from public;
comment on function app_private.revenue_account_rows(timestamptz, timestamptz, text, text) is 'Accounts of a window by group and name. INVAL.';

drop function if exists app_public.revenue_accounts(timestamptz, timestamptz, text, text, text, integer, integer);
create function app_public.revenue_accounts(
  from_time timestamptz, to_time timestamptz, which text default 'all', words text default null, sort text default 'end',
  count integer default 50, skip integer default 0
) returns table (
  account text, kind text, owner_id text, name text, start_usd_minor bigint, new_usd_minor bigint, reactivation_usd_minor bigint,
  expansion_usd_minor bigint, contraction_usd_minor bigint, churn_usd_minor bigint, end_usd_minor bigint, kept_usd_minor bigint,
  active_subscriptions bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  return query
    select r.* from app_private.revenue_account_rows(
      revenue_accounts.from_time, revenue_accounts.to_time, revenue_accounts.which, revenue_accounts.words) r
    order by
      case revenue_accounts.sort
        when 'start' then r.start_usd_minor
        when 'change' then r.end_usd_minor - r.start_usd_minor
        when 'loss' then r.start_usd_minor - r.end_usd_minor
        when 'name' then null
        else r.end_usd_minor
      end desc nulls last,
      case when revenue_accounts.sort = 'name' then lower(coalesce(r.name, r.owner_id)) end,
      r.end_usd_minor desc, r.start_usd_minor desc, r.account collate "C"
    limit least(greatest(coalesce(revenue_accounts.count, 50), 1), 500) offset greatest(coalesce(revenue_accounts.skip, 0), 0);
end
$$;
comment on function app_public.revenue_accounts(timestamptz, timestamptz, text, text, text, integer, integer) is $$
@simpleCollections only
The accounts behind the figures of [from_time, to_time): which = all, paying (at the end), started (paid at the start), lost, new, grown or shrunk; by name; sorted by end, start, change, loss or name. For each account start + new + reactivation + expansion - contraction - churn = end. US cents. Finance and administration. DNIED, INVAL.$$;

drop function if exists app_public.revenue_accounts_total(timestamptz, timestamptz, text, text);
create function app_public.revenue_accounts_total(
  from_time timestamptz, to_time timestamptz, which text default 'all', words text default null,
  out accounts bigint, out start_usd_minor bigint, out new_usd_minor bigint, out reactivation_usd_minor bigint, out expansion_usd_minor bigint,
  out contraction_usd_minor bigint, out churn_usd_minor bigint, out end_usd_minor bigint, out kept_usd_minor bigint,
  out active_subscriptions bigint, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  select count(*), coalesce(sum(r.start_usd_minor), 0), coalesce(sum(r.new_usd_minor), 0), coalesce(sum(r.reactivation_usd_minor), 0),
    coalesce(sum(r.expansion_usd_minor), 0), coalesce(sum(r.contraction_usd_minor), 0), coalesce(sum(r.churn_usd_minor), 0),
    coalesce(sum(r.end_usd_minor), 0), coalesce(sum(r.kept_usd_minor), 0), coalesce(sum(r.active_subscriptions), 0)
  into accounts, start_usd_minor, new_usd_minor, reactivation_usd_minor, expansion_usd_minor, contraction_usd_minor, churn_usd_minor,
    end_usd_minor, kept_usd_minor, active_subscriptions
  from app_private.revenue_account_rows(
    revenue_accounts_total.from_time, revenue_accounts_total.to_time, revenue_accounts_total.which, revenue_accounts_total.words) r;
  as_of := now();
end
$$;
comment on function app_public.revenue_accounts_total(timestamptz, timestamptz, text, text) is
  'What the accounts of revenue_accounts add up to, all pages of them. US cents. Finance and administration. DNIED, INVAL.';

-- The first specification's trigger function of this name, as it must be: MRR is
-- derived, so all it can do is derive it again.
drop function if exists app_public.update_brand_mrr(uuid);
create function app_public.update_brand_mrr(brand_id uuid) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_mrr bigint;
begin
  perform app_private.assert_revenue_reader();
  if not exists (select 1 from app_public.brand_accounts b where b.id = update_brand_mrr.brand_id) then
    raise exception 'There is no such brand' using errcode = 'NTFND', column = 'brand_id', hint = 'Go back to the list';
  end if;
  perform app_private.wait_for_stripe_batch();
  update app_public.stripe_subscriptions s set last_event_id = s.last_event_id
  where s.customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = update_brand_mrr.brand_id);
  perform app_private.settle_mrr();
  select coalesce(sum(a.mrr_usd_minor), 0) into v_mrr from app_public.account_mrr a where a.brand_id = update_brand_mrr.brand_id;
  return v_mrr;
end
$$;
comment on function app_public.update_brand_mrr(uuid) is
  'Reckons the MRR of a brand from its subscriptions once more and returns it, in US cents. Needed after a setting was corrected, or a rate that was missing was entered; a rate that is pinned stays. Finance and administration. DNIED, NTFND.';

-- The leaderboard of the first specification in its right form: LTV:CAC of a brand
-- where it is known what was spent to win it, and of all of those as the ratio of
-- the sums.
drop function if exists app_private.brand_revenue(timestamptz, timestamptz);
create function app_private.brand_revenue(from_time timestamptz, to_time timestamptz)
returns table (
  brand_id uuid, start_usd_minor bigint, end_usd_minor bigint, active_subscriptions bigint, spend_usd_minor bigint, ltv numeric
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with rows as (
    select m.brand_id, a.* from app_private.revenue_by_account(brand_revenue.from_time, brand_revenue.to_time) a
    join app_public.account_mrr m on m.account = a.account
    where m.brand_id is not null
  ), life as (
    -- Months that a brand stays, by those who left in the window; null when nobody did.
    select app_private.months_between(brand_revenue.from_time, brand_revenue.to_time) * count(*) filter (where r.start_usd_minor > 0)
      / nullif(count(*) filter (where r.start_usd_minor > 0 and r.end_usd_minor = 0), 0) as months
    from rows r
  ), costs as (
    select c.brand_id, sum(c.spend_usd_minor)::bigint as spend,
      coalesce(sum(c.gross_margin * c.spend_usd_minor) / nullif(sum(c.spend_usd_minor), 0), avg(c.gross_margin)) as margin
    from app_public.acquisition_costs c
    where c.brand_id is not null and c.month < (brand_revenue.to_time at time zone 'UTC')::date
    group by c.brand_id
  )
  select r.brand_id, r.start_usd_minor, r.end_usd_minor, r.active_subscriptions, c.spend, r.end_usd_minor * c.margin * l.months
  from rows r cross join life l left join costs c on c.brand_id = r.brand_id
$$;
revoke execute on function app_private.brand_revenue(timestamptz, timestamptz) from public;
comment on function app_private.brand_revenue(timestamptz, timestamptz) is 'MRR of each brand at both ends of a window, what was spent to win it, and its LTV where that is known.';

drop function if exists app_public.mrr_leaderboard(integer);
drop function if exists app_public.mrr_leaderboard(integer, timestamptz, timestamptz);
create function app_public.mrr_leaderboard(
  "limit" integer default 50, from_time timestamptz default null, to_time timestamptz default null
) returns table (
  place bigint, brand_id uuid, name text, mrr_usd_minor bigint, arr_usd_minor bigint, share numeric, change_usd_minor bigint,
  active_subscriptions integer, completed_tryons bigint, spend_usd_minor bigint, ltv_usd_minor bigint, ltv_cac numeric
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_to timestamptz := coalesce(mrr_leaderboard.to_time, now());
  v_from timestamptz := coalesce(mrr_leaderboard.from_time, v_to - interval '30 days');
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(v_from, v_to);
  return query
    with ranked as (
      select rank() over (order by r.end_usd_minor desc) as place, r.*,
        round(r.end_usd_minor / nullif(sum(r.end_usd_minor) over (), 0), 4) as share
      from app_private.brand_revenue(v_from, v_to) r
      where r.end_usd_minor > 0
      order by r.end_usd_minor desc, r.brand_id
      limit least(greatest(coalesce(mrr_leaderboard."limit", 50), 1), 500)
    )
    select r.place, r.brand_id, b.name, r.end_usd_minor, r.end_usd_minor * 12, r.share, r.end_usd_minor - r.start_usd_minor,
      r.active_subscriptions::integer,
      (select count(*) from app_public.tryon_jobs j
        where j.brand_id = r.brand_id and j.status = 'completed'
          and j.id >= app_private.uuid_v7_floor(v_to - interval '30 days') and j.id < app_private.uuid_v7_floor(v_to)),
      r.spend_usd_minor, round(r.ltv)::bigint, round(r.ltv / nullif(r.spend_usd_minor, 0), 4)
    from ranked r join app_public.brand_accounts b on b.id = r.brand_id
    order by r.place, r.brand_id;
end
$$;
comment on function app_public.mrr_leaderboard(integer, timestamptz, timestamptz) is $$
@simpleCollections only
Brands by MRR (US cents) at to_time (now) with ARR, share of all brands, change since from_time (30 days before), try-ons completed in the 30 days before to_time, and LTV:CAC where it is known what was spent to win the brand; 1 to 500. Finance and administration. DNIED, INVAL.$$;

drop function if exists app_public.mrr_leaderboard_total(timestamptz, timestamptz);
create function app_public.mrr_leaderboard_total(
  from_time timestamptz default null, to_time timestamptz default null,
  out brands bigint, out mrr_usd_minor bigint, out arr_usd_minor bigint, out change_usd_minor bigint, out active_subscriptions bigint,
  out costed_brands bigint, out spend_usd_minor bigint, out ltv_usd_minor bigint, out ltv_cac numeric, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_to timestamptz := coalesce(mrr_leaderboard_total.to_time, now());
  v_from timestamptz := coalesce(mrr_leaderboard_total.from_time, v_to - interval '30 days');
  v_ltv numeric;
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(v_from, v_to);
  -- A brand whose cost nobody wrote down is in neither sum.
  select count(*) filter (where r.end_usd_minor > 0), coalesce(sum(r.end_usd_minor), 0), coalesce(sum(r.end_usd_minor), 0) * 12,
    coalesce(sum(r.end_usd_minor - r.start_usd_minor) filter (where r.end_usd_minor > 0), 0), coalesce(sum(r.active_subscriptions), 0),
    count(*) filter (where r.end_usd_minor > 0 and r.spend_usd_minor is not null),
    sum(r.spend_usd_minor) filter (where r.end_usd_minor > 0), sum(r.ltv) filter (where r.end_usd_minor > 0)
  into brands, mrr_usd_minor, arr_usd_minor, change_usd_minor, active_subscriptions, costed_brands, spend_usd_minor, v_ltv
  from app_private.brand_revenue(v_from, v_to) r;
  ltv_usd_minor := round(v_ltv);
  ltv_cac := round(v_ltv / nullif(spend_usd_minor, 0), 4);
  as_of := now();
end
$$;
comment on function app_public.mrr_leaderboard_total(timestamptz, timestamptz) is
  'What all brands of the leaderboard add up to; LTV:CAC as the ratio of the sums, over the brands whose costs are known. DNIED, INVAL.';

do $do$
declare
  v_function text;
begin
  foreach v_function in array array[
    'mrr_waterfall(timestamptz, timestamptz)', 'mrr_series(timestamptz, timestamptz, text)',
    'revenue_overview(timestamptz, timestamptz)', 'revenue_retention(timestamptz, timestamptz)', 'subscriber_churn(timestamptz)',
    'unit_economics(timestamptz, timestamptz)', 'mrr_at_risk()',
    'revenue_accounts(timestamptz, timestamptz, text, text, text, integer, integer)',
    'revenue_accounts_total(timestamptz, timestamptz, text, text)',
    'update_brand_mrr(uuid)', 'mrr_leaderboard(integer, timestamptz, timestamptz)', 'mrr_leaderboard_total(timestamptz, timestamptz)'
  ] loop
    execute format('revoke execute on function app_public.%s from public', v_function);
    execute format('grant execute on function app_public.%s to :ROLE_STAFF_FINANCE, :ROLE_STAFF_ADMIN', v_function);
  end loop;
end
$do$;
--! EndIncluded functions/billing/figures.sql
--! Included functions/billing/reconcile.sql
-- The mirror against the movements against the accounts: each branch must return
-- no row.
drop function if exists app_private.mrr_differences();
create function app_private.mrr_differences() returns table (invariant text, detail text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with subscribed as (
    select app_private.account_of_customer(s.customer_id) as account, sum(s.mrr_usd_minor) as mrr
    from app_public.stripe_subscriptions s group by 1
  ), moved as (
    select m.account, sum(m.delta_usd_minor) as mrr from app_public.mrr_movements m group by 1
  ), ordered as (
    select m.*, row_number() over (partition by m.account order by m.created_at, m.id) as n
    from app_public.mrr_movements m
  ), by_movement as (
    select l.movement_id, sum(l.delta_usd_minor) as mrr from app_public.mrr_movement_lines l where l.movement_id is not null group by 1
  ), by_subscription as (
    select l.subscription_id, sum(l.delta_usd_minor) as mrr from app_public.mrr_movement_lines l group by 1
  ), by_account as (
    select l.account, sum(l.delta_usd_minor) as mrr from app_public.mrr_movement_lines l group by 1
  )
  select 'account_differs_from_subscriptions', coalesce(a.account, s.account)
  from app_public.account_mrr a full join subscribed s on s.account = a.account
  where coalesce(a.mrr_usd_minor, 0) <> coalesce(s.mrr, 0)
  union all
  select 'account_differs_from_movements', coalesce(a.account, m.account)
  from app_public.account_mrr a full join moved m on m.account = a.account
  where coalesce(a.mrr_usd_minor, 0) <> coalesce(m.mrr, 0)
  union all
  select 'movement_differs_from_lines', m.id::text
  from app_public.mrr_movements m left join by_movement l on l.movement_id = m.id
  where m.delta_usd_minor <> coalesce(l.mrr, 0)
  union all
  select 'subscription_differs_from_lines', coalesce(s.id, l.subscription_id)
  from app_public.stripe_subscriptions s full join by_subscription l on l.subscription_id = s.id
  where coalesce(s.mrr_usd_minor, 0) <> coalesce(l.mrr, 0)
  union all
  select 'account_differs_from_lines', coalesce(a.account, l.account)
  from app_public.account_mrr a full join by_account l on l.account = a.account
  where coalesce(a.mrr_usd_minor, 0) <> coalesce(l.mrr, 0)
  union all
  -- Whose it is, by its history: figures of revenue go by that.
  select 'subscription_told_of_another_account', t.subscription_id
  from (
    select l.subscription_id from app_public.mrr_movement_lines l group by 1 having min(l.account collate "C") <> max(l.account collate "C")
  ) t
  join app_public.stripe_subscriptions s on s.id = t.subscription_id and s.mrr_usd_minor > 0
  where app_private.account_of_customer(s.customer_id) <> (
    select l.account from app_public.mrr_movement_lines l where l.subscription_id = t.subscription_id
    order by l.occurred_at desc, l.delta_usd_minor > 0 desc, l.id desc limit 1
  )
  union all
  select 'first_movement_not_new', o.account from ordered o where o.n = 1 and o.kind <> 'new'
  union all
  select 'event_waiting_too_long', e.id from app_public.stripe_events e
  where e.status = 'received' and e.next_attempt_at < now() - interval '10 minutes'
$$;
revoke execute on function app_private.mrr_differences() from public;
grant execute on function app_private.mrr_differences() to :ROLE_WORKER;
comment on function app_private.mrr_differences() is 'One row per account, movement or subscription whose MRR does not add up, and per event that waits too long; no row when all is well.';

-- Invoiced against MRR, in named parts that add up to the cent: every row that
-- goes into a part. What an invoice charges beyond one month, or before or after
-- the window, is timing: for each subscription what its invoices charge against
-- what it is worth, and for each invoice what its lines leave open (rounding, and
-- lines beyond the first ten, which Stripe does not send).
drop function if exists app_private.reconciliation_rows(timestamptz, timestamptz);
create function app_private.reconciliation_rows(from_time timestamptz, to_time timestamptz)
returns table (part text, invoice_id text, subscription_id text, usd_minor bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with invoices as (
    select i.*, power(10::numeric, c.exponent) as unit,
      case when i.currency = 'usd' then 1 else (
        select f.usd_per_unit from app_public.fx_rates f
        where f.currency = i.currency and f.rate_date <= (i.created at time zone 'UTC')::date
        order by f.rate_date desc limit 1
      ) end as rate,
      coalesce((select s.fx_rate from app_public.stripe_subscriptions s where s.id = i.subscription_id),
        case when i.currency = 'usd' then 1 end) as pinned
    from app_public.stripe_invoices i left join app_public.currencies c on c.code = i.currency
    where i.created >= reconciliation_rows.from_time and i.created < reconciliation_rows.to_time
      and i.status in ('open', 'paid', 'uncollectible') and not i.deleted
  ), rated as (
    select i.id, i.subscription_id, i.lines, i.unit, i.rate, i.pinned, round(i.total * i.rate * 100 / i.unit) as total,
      round(i.discount * i.rate * 100 / i.unit) as discount, round(i.tax * i.rate * 100 / i.unit) as tax
    from invoices i where i.rate is not null and i.unit is not null
  ), lines as (
    select i.id, i.subscription_id, round((l ->> 'amount')::numeric * i.rate * 100 / i.unit) as amount,
      round((l ->> 'amount')::numeric * i.pinned * 100 / i.unit) as pinned_amount,
      case
        when coalesce((l ->> 'proration')::boolean, (l #>> '{parent,subscription_item_details,proration}')::boolean,
          (l #>> '{parent,invoice_item_details,proration}')::boolean, false) then 'proration'
        when coalesce(l #>> '{price,recurring,usage_type}', l #>> '{plan,usage_type}', p.usage_type) = 'metered' then 'metered'
        when i.subscription_id is null then 'one_off'
        else 'recurring'
      end as part
    from rated i
    cross join lateral jsonb_array_elements(i.lines) l
    left join app_public.stripe_prices p on p.id = coalesce(app_private.stripe_id(l -> 'price'), l #>> '{pricing,price_details,price}')
  ), worth as (
    select l.subscription_id, sum(l.delta_usd_minor) as mrr from app_public.mrr_movement_lines l
    where l.occurred_at < reconciliation_rows.to_time
    group by l.subscription_id having sum(l.delta_usd_minor) <> 0
  ), charged as (
    select l.subscription_id, sum(coalesce(l.pinned_amount, l.amount)) as amount from lines l where l.part = 'recurring' group by 1
  ), parts as (
    select 'mrr' as part, null as invoice_id, w.subscription_id, w.mrr as usd_minor from worth w
    union all
    select 'discounts', i.id, null, -i.discount from rated i
    union all
    select l.part, l.id, l.subscription_id, sum(l.amount) from lines l where l.part <> 'recurring' group by l.part, l.id, l.subscription_id
    union all
    select 'tax', i.id, null, i.tax from rated i
    union all
    select 'fx', l.id, l.subscription_id, sum(l.amount - l.pinned_amount) from lines l where l.part = 'recurring' group by l.id, l.subscription_id
    union all
    select 'timing', null, coalesce(c.subscription_id, w.subscription_id), coalesce(c.amount, 0) - coalesce(w.mrr, 0)
    from charged c full join worth w on w.subscription_id = c.subscription_id
    union all
    select 'timing', i.id, null, i.total + i.discount - i.tax - coalesce((select sum(l.amount) from lines l where l.id = i.id), 0) from rated i
  )
  select p.part, p.invoice_id, p.subscription_id, p.usd_minor::bigint from parts p where p.usd_minor <> 0
  union all
  select 'invoiced', i.id, i.subscription_id, i.total::bigint from rated i
  union all
  select 'without_rate', i.id, i.subscription_id, null from invoices i where i.rate is null or i.unit is null
$$;
revoke execute on function app_private.reconciliation_rows(timestamptz, timestamptz) from public;
comment on function app_private.reconciliation_rows(timestamptz, timestamptz) is 'What goes into each part of the reconciliation: subscriptions and invoices with their US cents.';

drop function if exists app_public.mrr_reconciliation(timestamptz, timestamptz);
create function app_public.mrr_reconciliation(from_time timestamptz, to_time timestamptz)
returns table (part text, usd_minor bigint, items bigint, explanation text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  perform app_private.assert_window(mrr_reconciliation.from_time, mrr_reconciliation.to_time);
  return query
    with summed as (
      select r.part, sum(r.usd_minor)::bigint as usd_minor, count(*) as items
      from app_private.reconciliation_rows(mrr_reconciliation.from_time, mrr_reconciliation.to_time) r
      group by r.part
    )
    select p.part, coalesce(s.usd_minor, 0), coalesce(s.items, 0), p.explanation
    from (values
      (1, 'mrr', 'MRR at the end of the period'),
      (2, 'discounts', 'Discounts on the invoices'),
      (3, 'proration', 'Changes of plan within a period'),
      (4, 'metered', 'Usage, which is not recurring'),
      (5, 'one_off', 'Invoices without a subscription'),
      (6, 'tax', 'Taxes'),
      (7, 'fx', 'The rate of the day of the invoice against the pinned one'),
      (8, 'timing', 'Longer intervals, periods that begin at other times, what began or ended within the period'),
      (9, 'invoiced', 'Invoices of the period that are open, paid or uncollectible'),
      (10, 'without_rate', 'Invoices left out: there is no exchange rate')
    ) p (position, part, explanation)
    left join summed s on s.part = p.part
    order by p.position;
end
$$;
revoke execute on function app_public.mrr_reconciliation(timestamptz, timestamptz) from public;
grant execute on function app_public.mrr_reconciliation(timestamptz, timestamptz) to :ROLE_STAFF_FINANCE, :ROLE_STAFF_ADMIN;
comment on function app_public.mrr_reconciliation(timestamptz, timestamptz) is $$
@simpleCollections only
From MRR to what was invoiced in [from_time, to_time), part by part; all parts before "invoiced" add up to it, to the cent. items: how many rows are behind a part. DNIED, INVAL.$$;

drop function if exists app_public.mrr_reconciliation_rows(timestamptz, timestamptz, text, integer, integer);
create function app_public.mrr_reconciliation_rows(
  from_time timestamptz, to_time timestamptz, part text, count integer default 50, skip integer default 0
) returns table (
  invoice_id text, number text, subscription_id text, customer_id text, customer text, at timestamptz, total bigint, currency text, usd_minor bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Invoices and customers are for finance.
  perform app_private.assert_staff('{finance}', 'You may not see invoices');
  perform app_private.assert_window(mrr_reconciliation_rows.from_time, mrr_reconciliation_rows.to_time);
  return query
    select r.invoice_id, i.number, coalesce(r.subscription_id, i.subscription_id), coalesce(i.customer_id, s.customer_id),
      coalesce(b.name, nullif(u.display_name, ''), u.email, c.name, c.email), i.created, i.total, i.currency, r.usd_minor
    from app_private.reconciliation_rows(mrr_reconciliation_rows.from_time, mrr_reconciliation_rows.to_time) r
    left join app_public.stripe_invoices i on i.id = r.invoice_id
    left join app_public.stripe_subscriptions s on s.id = coalesce(r.subscription_id, i.subscription_id)
    left join app_public.stripe_customers c on c.id = coalesce(i.customer_id, s.customer_id)
    left join app_public.brand_accounts b on b.id = c.brand_id
    left join app_public.users u on u.id = c.user_id
    where r.part = mrr_reconciliation_rows.part
    order by abs(r.usd_minor) desc nulls first, coalesce(r.invoice_id, r.subscription_id) collate "C"
    limit least(greatest(coalesce(mrr_reconciliation_rows.count, 50), 1), 500) offset greatest(coalesce(mrr_reconciliation_rows.skip, 0), 0);
end
$$;
revoke execute on function app_public.mrr_reconciliation_rows(timestamptz, timestamptz, text, integer, integer) from public;
grant execute on function app_public.mrr_reconciliation_rows(timestamptz, timestamptz, text, integer, integer) to :ROLE_STAFF_FINANCE;
comment on function app_public.mrr_reconciliation_rows(timestamptz, timestamptz, text, integer, integer) is $$
@simpleCollections only
The invoices and subscriptions behind one part of mrr_reconciliation, the largest first; they add up to it. US cents. Finance only. DNIED, INVAL.$$;

drop function if exists app_public.mrr_check();
create function app_public.mrr_check() returns table (invariant text, detail text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_revenue_reader();
  return query select d.invariant, d.detail from app_private.mrr_differences() d limit 1000;
end
$$;
revoke execute on function app_public.mrr_check() from public;
grant execute on function app_public.mrr_check() to :ROLE_STAFF_FINANCE, :ROLE_STAFF_ADMIN;
comment on function app_public.mrr_check() is $$
@simpleCollections only
Where mirror, accounts and movements differ; empty when they agree. DNIED.$$;

do $do$
declare
  v_table text;
begin
  foreach v_table in array array[
    'stripe_customers', 'stripe_products', 'stripe_prices', 'stripe_coupons', 'stripe_discounts', 'stripe_subscriptions',
    'stripe_invoices', 'stripe_refunds', 'account_mrr', 'acquisition_costs', 'subscription_grants', 'fx_rates'
  ] loop
    execute format('drop trigger if exists _100_timestamps on app_public.%I', v_table);
    execute format(
      'create trigger _100_timestamps before insert or update on app_public.%I '
      'for each row execute function app_private.tg__timestamps()', v_table);
  end loop;
end
$do$;

call app_private.audit_table('app_public.fx_rates', '{currency,rate_date}');
call app_private.audit_table('app_public.acquisition_costs', '{id}');
--! EndIncluded functions/billing/reconcile.sql
--! Included functions/billing/staff.sql
-- What finance asks of the mirror and the inbox, beside what its tables say.

drop function if exists app_public.stripe_inbox();
create function app_public.stripe_inbox(
  out due bigint, out later bigint, out dead bigint, out oldest_due_at timestamptz, out as_of timestamptz
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{finance}', 'You may not see the inbox');
  select c.due, c.later, c.dead into due, later, dead from app_private.stripe_inbox_counts() c;
  select min(e.received_at) into oldest_due_at from app_public.stripe_events e
  where e.status in ('received', 'failed') and e.next_attempt_at <= now();
  as_of := now();
end
$$;
revoke execute on function app_public.stripe_inbox() from public;
grant execute on function app_public.stripe_inbox() to :ROLE_STAFF_FINANCE;
comment on function app_public.stripe_inbox() is 'How many events are due, tried later, or given up, and since when the oldest due one is here. Finance only. DNIED.';

-- Said before a replay of a time range: how many that would be.
drop function if exists app_public.count_stripe_events(timestamptz, timestamptz, app_public.stripe_event_status[]);
create function app_public.count_stripe_events(
  from_time timestamptz, to_time timestamptz, statuses app_public.stripe_event_status[] default null
) returns bigint
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{finance}', 'You may not see the inbox');
  if count_stripe_events.from_time is null or count_stripe_events.to_time is null or count_stripe_events.to_time <= count_stripe_events.from_time then
    raise exception 'A period ends after it begins' using errcode = 'INVAL', column = 'to_time', hint = 'Choose a later end';
  end if;
  return (
    select count(*) from app_public.stripe_events e
    where e.created >= count_stripe_events.from_time and e.created < count_stripe_events.to_time
      and (count_stripe_events.statuses is null or e.status = any (count_stripe_events.statuses))
  );
end
$$;
revoke execute on function app_public.count_stripe_events(timestamptz, timestamptz, app_public.stripe_event_status[]) from public;
grant execute on function app_public.count_stripe_events(timestamptz, timestamptz, app_public.stripe_event_status[]) to :ROLE_STAFF_FINANCE;
comment on function app_public.count_stripe_events(timestamptz, timestamptz, app_public.stripe_event_status[]) is
  'How many events of [from_time, to_time) have one of these statuses: what replay_stripe_events would put back. Finance only. DNIED, INVAL.';

drop function if exists app_public.refetch_stripe_object(text);
create function app_public.refetch_stripe_object(object_id text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_found boolean;
begin
  perform app_private.assert_staff('{finance}', 'You may not fetch from Stripe');
  update app_public.stripe_subscriptions s set needs_refetch = true where s.id = refetch_stripe_object.object_id;
  v_found := found;
  update app_public.stripe_invoices i set needs_refetch = true where i.id = refetch_stripe_object.object_id;
  if not (v_found or found) then
    raise exception 'There is no such subscription or invoice' using errcode = 'NTFND', column = 'object_id', hint = 'Go back to the list';
  end if;
  insert into app_public.audit_log (actor_kind, actor_id, impersonator_id, action, table_name, row_pk, request_id)
  values ('staff', app_hidden.current_user_id(), app_hidden.current_impersonator_id(), 'refetch_stripe_object',
    case when v_found then 'stripe_subscriptions' else 'stripe_invoices' end, refetch_stripe_object.object_id, app_hidden.current_request_id());
  perform app_private.enqueue_job('fetch_stripe_objects', '{}', 'fetch_stripe_objects');
  return true;
end
$$;
revoke execute on function app_public.refetch_stripe_object(text) from public;
grant execute on function app_public.refetch_stripe_object(text) to :ROLE_STAFF_FINANCE;
comment on function app_public.refetch_stripe_object(text) is
  'Asks Stripe for a subscription or an invoice once more, where the installation has a key; what it answers comes through the inbox. Finance only; leaves an audit row. DNIED, NTFND.';

-- How the MRR of a subscription came about, by the function that reckons it.
drop function if exists app_public.subscription_mrr_steps(text);
create function app_public.subscription_mrr_steps(subscription_id text) returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription app_public.stripe_subscriptions;
  v_mrr record;
begin
  perform app_private.assert_staff('{finance}', 'You may not see subscriptions');
  select * into v_subscription from app_public.stripe_subscriptions s where s.id = subscription_mrr_steps.subscription_id;
  if not found then
    raise exception 'There is no such subscription' using errcode = 'NTFND', column = 'subscription_id', hint = 'Go back to the list';
  end if;
  select * into v_mrr from app_private.subscription_mrr_minor(v_subscription.id, true);
  return v_mrr.steps
    || case when v_mrr.note is not null then jsonb_build_array(jsonb_build_object('step', 'review', 'note', v_mrr.note)) else '[]' end
    || case when v_mrr.note is null and v_subscription.mrr_state = 'needs_review'
      then jsonb_build_array(jsonb_build_object('step', 'review', 'note', v_subscription.mrr_note)) else '[]' end
    || case when v_mrr.note is null and v_subscription.mrr_state = 'ok' and v_mrr.mrr_minor > 0
      then jsonb_build_array(jsonb_build_object('step', 'currency', 'currency', v_subscription.currency, 'rate', v_subscription.fx_rate,
        'rate_date', v_subscription.fx_date, 'amount', v_mrr.mrr_minor, 'usd_minor', v_subscription.mrr_usd_minor)) else '[]' end;
end
$$;
revoke execute on function app_public.subscription_mrr_steps(text) from public;
grant execute on function app_public.subscription_mrr_steps(text) to :ROLE_STAFF_FINANCE;
comment on function app_public.subscription_mrr_steps(text) is
  'How the MRR of a subscription came about, step by step: status, items with quantity, tiers and discounts, intervals, the one rounding, the currency; or why it needs a review. Amounts in minor units of its currency. Finance only. DNIED, NTFND.';

-- Whose a customer may be: what its metadata names, then whoever has its e-mail
-- address: the brand they own, else the shopper they are.
drop function if exists app_private.stripe_customer_candidates(app_public.stripe_customers);
create function app_private.stripe_customer_candidates(customer app_public.stripe_customers)
returns table (why text, brand_id uuid, user_id uuid, name text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'metadata', b.id, null::uuid, b.name
  from app_private.stripe_customer_owners o join app_public.brand_accounts b on b.id = o.named_brand_id
  where o.customer_id = stripe_customer_candidates.customer.id
  union all
  select 'metadata', null, u.id, coalesce(nullif(u.display_name, ''), u.email)
  from app_private.stripe_customer_owners o join app_public.users u on u.id = o.named_user_id
  where o.customer_id = stripe_customer_candidates.customer.id and u.status <> 'erased'
  union all
  (select case m.role when 'owner' then 'owner_email' else 'member_email' end, b.id, null, b.name
  from app_public.users u
  join app_public.brand_members m on m.user_id = u.id
  join app_public.brand_accounts b on b.id = m.brand_id and b.status <> 'closed'
  where u.email = stripe_customer_candidates.customer.email and u.status <> 'erased'
  order by m.role = 'owner' desc, b.name, b.id
  limit 5)
  union all
  select 'shopper_email', null, u.id, coalesce(nullif(u.display_name, ''), u.email)
  from app_public.users u
  where u.email = stripe_customer_candidates.customer.email and u.status <> 'erased'
    and not exists (select from app_public.brand_members m where m.user_id = u.id)
    and not exists (select from app_public.staff_members s where s.user_id = u.id)
$$;
revoke execute on function app_private.stripe_customer_candidates(app_public.stripe_customers) from public;
comment on function app_private.stripe_customer_candidates(app_public.stripe_customers) is 'The brands and people a customer may belong to, the likeliest first.';

drop function if exists app_public.unlinked_stripe_customers(integer, integer);
create function app_public.unlinked_stripe_customers(count integer default 25, skip integer default 0)
returns table (
  customer_id text, email text, name text, created timestamptz, subscriptions bigint, mrr_usd_minor bigint,
  suggested_why text, suggested_brand_id uuid, suggested_user_id uuid, suggested_name text, suggestions bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{finance}', 'You may not see customers');
  return query
    with waiting as (
      -- Also those whose subscriptions came before them.
      select coalesce(c.id, a.customer_id) as id, coalesce(a.mrr_usd_minor, 0) as mrr
      from (select * from app_public.stripe_customers c where c.brand_id is null and c.user_id is null) c
      full join (
        select a.customer_id, a.mrr_usd_minor from app_public.account_mrr a
        where a.customer_id is not null and not exists (
          select from app_public.stripe_customers k where k.id = a.customer_id and num_nonnulls(k.brand_id, k.user_id) > 0)
      ) a on a.customer_id = c.id
      where not coalesce(c.deleted, false) or a.mrr_usd_minor > 0
      order by 2 desc, c.created desc nulls last, 1
      limit least(greatest(coalesce(unlinked_stripe_customers.count, 25), 1), 500) offset greatest(coalesce(unlinked_stripe_customers.skip, 0), 0)
    )
    select w.id, c.email, c.name, c.created,
      (select count(*) from app_public.stripe_subscriptions s where s.customer_id = w.id), w.mrr,
      b.why, b.brand_id, b.user_id, b.name, coalesce(b.of, 0)
    from waiting w
    left join app_public.stripe_customers c on c.id = w.id
    left join lateral (
      -- Several that are alike are a question, not a suggestion: the first stands
      -- there with how many there are.
      select x.*, count(*) over () as of from app_private.stripe_customer_candidates(c) x limit 1
    ) b on true
    order by w.mrr desc, c.created desc nulls last, w.id;
end
$$;
revoke execute on function app_public.unlinked_stripe_customers(integer, integer) from public;
grant execute on function app_public.unlinked_stripe_customers(integer, integer) to :ROLE_STAFF_FINANCE;
comment on function app_public.unlinked_stripe_customers(integer, integer) is $$
@simpleCollections only
Customers that belong to nobody, those whose money waits first, each with whom it may belong to: named by its metadata, or found by its e-mail address. Finance only. DNIED.$$;

drop function if exists app_public.disputed_stripe_customers();
create function app_public.disputed_stripe_customers()
returns table (
  customer_id text, email text, owner_brand_id uuid, owner_user_id uuid, owner_name text,
  named_brand_id uuid, named_user_id uuid, named_name text, named_at timestamptz, mrr_usd_minor bigint
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform app_private.assert_staff('{finance}', 'You may not see customers');
  return query
    select c.id, c.email, c.brand_id, c.user_id, coalesce(b.name, nullif(u.display_name, ''), u.email),
      o.named_brand_id, o.named_user_id, coalesce(nb.name, nullif(nu.display_name, ''), nu.email), o.named_at,
      (select coalesce(sum(s.mrr_usd_minor), 0)::bigint from app_public.stripe_subscriptions s where s.customer_id = c.id)
    from app_private.stripe_customer_owners o
    join app_public.stripe_customers c on c.id = o.customer_id
    left join app_public.brand_accounts b on b.id = c.brand_id
    left join app_public.users u on u.id = c.user_id
    left join app_public.brand_accounts nb on nb.id = o.named_brand_id
    left join app_public.users nu on nu.id = o.named_user_id
    where num_nonnulls(o.named_brand_id, o.named_user_id) = 1 and num_nonnulls(c.brand_id, c.user_id) = 1
      and (o.named_brand_id, o.named_user_id) is distinct from (c.brand_id, c.user_id)
      -- What staff decided since stands.
      and (not o.by_staff or o.named_at > o.decided_at)
    order by 10 desc, o.named_at desc, c.id
    limit 200;
end
$$;
revoke execute on function app_public.disputed_stripe_customers() from public;
grant execute on function app_public.disputed_stripe_customers() to :ROLE_STAFF_FINANCE;
comment on function app_public.disputed_stripe_customers() is $$
@simpleCollections only
Customers that are linked to one owner while the newest event names another: an event does not move money, a person does. Finance only. DNIED.$$;

-- Said before a link: what would move.
drop function if exists app_public.preview_stripe_link(text, uuid, uuid);
create function app_public.preview_stripe_link(
  customer_id text, brand_id uuid default null, user_id uuid default null,
  out from_name text, out to_name text, out mrr_usd_minor bigint, out subscriptions bigint,
  out from_before_usd_minor bigint, out from_after_usd_minor bigint, out to_before_usd_minor bigint, out to_after_usd_minor bigint,
  out grants app_public.subscription_grant_kind[], out is_change boolean
) returns record
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_customer app_public.stripe_customers;
  v_from text;
  v_to text;
begin
  perform app_private.assert_staff('{finance}', 'You may not link customers');
  select * into v_customer from app_public.stripe_customers c where c.id = preview_stripe_link.customer_id;
  if not found then
    raise exception 'There is no such customer' using errcode = 'NTFND', column = 'customer_id', hint = 'Go back to the list';
  end if;
  v_from := app_private.account_of_customer(v_customer.id);
  v_to := coalesce('brand:' || preview_stripe_link.brand_id, 'user:' || preview_stripe_link.user_id, 'customer:' || v_customer.id);
  select coalesce(sum(s.mrr_usd_minor), 0), count(*) into mrr_usd_minor, subscriptions
  from app_public.stripe_subscriptions s where s.customer_id = v_customer.id;
  select b.name into from_name from app_public.brand_accounts b where b.id = v_customer.brand_id;
  if v_customer.user_id is not null then
    select coalesce(nullif(u.display_name, ''), u.email) into from_name from app_public.users u where u.id = v_customer.user_id;
  end if;
  if preview_stripe_link.brand_id is not null then
    select b.name into to_name from app_public.brand_accounts b where b.id = preview_stripe_link.brand_id;
  elsif preview_stripe_link.user_id is not null then
    select coalesce(nullif(u.display_name, ''), u.email) into to_name from app_public.users u where u.id = preview_stripe_link.user_id;
  end if;
  select coalesce(sum(a.mrr_usd_minor) filter (where a.account = v_from), 0), coalesce(sum(a.mrr_usd_minor) filter (where a.account = v_to), 0)
  into from_before_usd_minor, to_before_usd_minor
  from app_public.account_mrr a where a.account in (v_from, v_to);
  is_change := v_from <> v_to;
  from_after_usd_minor := from_before_usd_minor - case when is_change then mrr_usd_minor else 0 end;
  to_after_usd_minor := to_before_usd_minor + case when is_change then mrr_usd_minor else 0 end;
  -- What its prices grant, to a brand or to a shopper, if they grant at all.
  select array_agg(distinct k.kind order by k.kind) into grants
  from app_public.stripe_subscriptions s
  join app_public.stripe_subscription_items i on i.subscription_id = s.id
  join app_public.stripe_prices p on p.id = i.price_id
  cross join lateral (values
    ('pro'::app_public.subscription_grant_kind, p.metadata ->> 'pro' = 'true' and preview_stripe_link.user_id is not null),
    ('monthly_credits', p.metadata ->> 'monthly_credits' ~ '^[1-9][0-9]{0,8}$' and preview_stripe_link.brand_id is not null),
    ('dataset_access', p.metadata ->> 'dataset_access' in ('aggregate', 'row') and preview_stripe_link.brand_id is not null),
    ('custom_models', p.metadata ->> 'custom_models' = 'true' and preview_stripe_link.brand_id is not null)
  ) k (kind, given)
  where s.customer_id = v_customer.id and s.status in ('active', 'trialing', 'past_due') and k.given
    and coalesce(i.quantity, 1) > 0;
  grants := coalesce(grants, '{}');
end
$$;
revoke execute on function app_public.preview_stripe_link(text, uuid, uuid) from public;
grant execute on function app_public.preview_stripe_link(text, uuid, uuid) to :ROLE_STAFF_FINANCE;
comment on function app_public.preview_stripe_link(text, uuid, uuid) is
  'What link_stripe_customer would move: MRR of both accounts before and after, how many subscriptions, and what they would grant the new owner. US cents. Finance only. DNIED, NTFND.';

-- The plan in words, for a list: "Studio × 3, Seats".
drop function if exists app_public.stripe_subscriptions_plan(app_public.stripe_subscriptions);
create function app_public.stripe_subscriptions_plan(subscription app_public.stripe_subscriptions) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(coalesce(nullif(p.name, ''), i.price_id) || case when i.quantity > 1 then ' × ' || i.quantity else '' end, ', ' order by i.id)
  from app_public.stripe_subscription_items i
  left join app_public.stripe_prices r on r.id = i.price_id
  left join app_public.stripe_products p on p.id = r.product_id
  where i.subscription_id = subscription.id
$$;
revoke execute on function app_public.stripe_subscriptions_plan(app_public.stripe_subscriptions) from public;
grant execute on function app_public.stripe_subscriptions_plan(app_public.stripe_subscriptions) to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;
comment on function app_public.stripe_subscriptions_plan(app_public.stripe_subscriptions) is 'What is subscribed to, in words.';
--! EndIncluded functions/billing/staff.sql
--! Included functions/live/live_tables.sql
-- Which tables are live, and whose their rows are. A brand's members are told of
-- the brand's rows, a person of the own ones, staff of all where a policy lets
-- them read all.
call app_private.announce_changes('app_public.products', brand_column => 'brand_id');
call app_private.announce_changes('app_public.import_runs', brand_column => 'brand_id', user_column => 'user_id');
call app_private.announce_changes('app_public.brand_members', brand_column => 'brand_id', user_column => 'user_id');
call app_private.announce_changes('app_public.brand_invitations', brand_column => 'brand_id');
-- Colleagues must not learn that somebody keeps views of their own.
call app_private.announce_changes('app_public.saved_views', user_column => 'user_id');
call app_private.announce_changes('app_public.wardrobe_items', user_column => 'user_id');
call app_private.announce_changes('app_public.wardrobe_categories');
-- Written with every event of a subscription: what a page shows of a plan follows.
call app_private.announce_changes('app_public.subscription_grants', brand_column => 'brand_id', user_column => 'user_id');
--! EndIncluded functions/live/live_tables.sql
--! Included policies/tryon_feedback.sql
-- A shopper says it of the own jobs (a trigger checks the job) and may change
-- their mind; staff read it; a brand sees counts, through brand_tryon_feedback.
call app_private.close_table('app_public.tryon_feedback');

create policy select_own on app_public.tryon_feedback for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy insert_own on app_public.tryon_feedback for insert to :ROLE_USER
  with check (user_id = (select app_hidden.current_user_id()));
create policy update_own on app_public.tryon_feedback for update to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()))
  with check (user_id = (select app_hidden.current_user_id()));
create policy select_staff on app_public.tryon_feedback for select to :ROLE_STAFF using (true);

grant select on app_public.tryon_feedback to :ROLE_USER, :ROLE_STAFF;
grant insert (job_id, user_id, accurate, rating) on app_public.tryon_feedback to :ROLE_USER;
grant update (accurate, rating, updated_at) on app_public.tryon_feedback to :ROLE_USER;

-- What is published of it: a brand reads its own through the view, which holds back
-- what too few said; staff read all. publish_feedback writes.
call app_private.close_table('app_public.tryon_feedback_figures');
create policy select_brand on app_public.tryon_feedback_figures for select to :ROLE_READER
  using (brand_id = (select app_hidden.current_brand_id()));
create policy select_staff on app_public.tryon_feedback_figures for select to :ROLE_STAFF using (true);
grant select on app_public.tryon_feedback_figures to :ROLE_READER, :ROLE_STAFF;
--! EndIncluded policies/tryon_feedback.sql
--! Included policies/stripe_mirror.sql
-- The mirror: an owner sees what belongs to the brand, a shopper what belongs to
-- the shopper, finance everything. Which customer is whose stands in
-- stripe_customers, whose own policy answers below. Nobody writes.
call app_private.close_table('app_public.stripe_customers');
create policy fence_brand on app_public.stripe_customers as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.stripe_customers for select to :ROLE_USER
  using (user_id = (select app_hidden.current_user_id()));
create policy select_brand on app_public.stripe_customers for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_customers for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_customers to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_subscriptions');
create policy fence_brand on app_public.stripe_subscriptions as restrictive for all to :ROLE_VIEWER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_subscriptions for select to :ROLE_USER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_subscriptions for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_subscriptions for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_subscriptions to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_subscription_items');
create policy fence_brand on app_public.stripe_subscription_items as restrictive for all to :ROLE_VIEWER
  using (subscription_id in (
    select s.id from app_public.stripe_subscriptions s join app_public.stripe_customers c on c.id = s.customer_id
    where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_subscription_items for select to :ROLE_USER
  using (subscription_id in (
    select s.id from app_public.stripe_subscriptions s join app_public.stripe_customers c on c.id = s.customer_id
    where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_subscription_items for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_subscription_items for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_subscription_items to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_invoices');
create policy fence_brand on app_public.stripe_invoices as restrictive for all to :ROLE_VIEWER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_invoices for select to :ROLE_USER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_invoices for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_invoices for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_invoices to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_refunds');
create policy fence_brand on app_public.stripe_refunds as restrictive for all to :ROLE_VIEWER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_refunds for select to :ROLE_USER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_refunds for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_refunds for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_refunds to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

-- A price that its metadata reserves for a brand is seen by that brand and finance
-- alone. Of the others a customer sees what is sold to customers like them, and what
-- their own subscriptions consist of, whose own policies answer below: a price that
-- sells nothing here is nobody else's business.
call app_private.close_table('app_public.stripe_prices');
create policy select_shopper on app_public.stripe_prices for select to :ROLE_USER
  using (
    reserved_for = '' and (select app_hidden.current_user_id()) is not null and (
      (active and sells in ('credits', 'shopper_plan', 'any_plan'))
      or id in (select i.price_id from app_public.stripe_subscription_items i)
    )
  );
create policy select_brand on app_public.stripe_prices for select to :ROLE_BRAND_OWNER
  using (
    reserved_for = (select app_hidden.current_brand_id())::text
    or (reserved_for = '' and (select app_hidden.current_brand_id()) is not null and (
      (active and sells in ('credits', 'brand_plan', 'any_plan'))
      or id in (select i.price_id from app_public.stripe_subscription_items i)
    ))
  );
create policy select_finance on app_public.stripe_prices for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_prices to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

-- A product is seen where one of its prices is.
call app_private.close_table('app_public.stripe_products');
create policy select_priced on app_public.stripe_products for select to :ROLE_USER, :ROLE_BRAND_OWNER
  using (id in (select p.product_id from app_public.stripe_prices p));
create policy select_finance on app_public.stripe_products for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_products to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

-- A discount belongs to a customer; a coupon is seen where one of its discounts is.
call app_private.close_table('app_public.stripe_discounts');
create policy fence_brand on app_public.stripe_discounts as restrictive for all to :ROLE_VIEWER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.brand_id = (select app_hidden.current_brand_id())))
  with check (false);
create policy select_own on app_public.stripe_discounts for select to :ROLE_USER
  using (customer_id in (select c.id from app_public.stripe_customers c where c.user_id = (select app_hidden.current_user_id())));
create policy select_brand on app_public.stripe_discounts for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.stripe_discounts for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_discounts to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.stripe_coupons');
create policy select_given on app_public.stripe_coupons for select to :ROLE_USER, :ROLE_BRAND_OWNER
  using (id in (select d.coupon_id from app_public.stripe_discounts d));
create policy select_finance on app_public.stripe_coupons for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.stripe_coupons to :ROLE_USER, :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_private.stripe_raw');
--! EndIncluded policies/stripe_mirror.sql
--! Included policies/mrr.sql
-- MRR: an owner sees the own brand's, finance all, nobody else any: a leaderboard
-- would tell a brand about its competitors. Nobody writes.
call app_private.close_table('app_public.account_mrr');
create policy fence_brand on app_public.account_mrr as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.account_mrr for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.account_mrr for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.account_mrr to :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

call app_private.close_table('app_public.mrr_movements');
create policy fence_brand on app_public.mrr_movements as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.mrr_movements for select to :ROLE_BRAND_OWNER using (true);
create policy select_finance on app_public.mrr_movements for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.mrr_movements to :ROLE_BRAND_OWNER, :ROLE_STAFF_FINANCE;

-- By subscription: for finance alone. An owner reads the movements of the brand.
call app_private.close_table('app_public.mrr_movement_lines');
create policy select_finance on app_public.mrr_movement_lines for select to :ROLE_STAFF_FINANCE using (true);
grant select on app_public.mrr_movement_lines to :ROLE_STAFF_FINANCE;
--! EndIncluded policies/mrr.sql
--! Included policies/saved_views.sql
-- A person's own views; within a brand also those its members share. Only
-- managers make a view the default of a role, and change or remove what others made it. Shoppers and staff have views of
-- their own outside any brand.
call app_private.close_table('app_public.saved_views');

create policy fence_brand on app_public.saved_views as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()))
  with check (brand_id = (select app_hidden.current_brand_id()));
create policy select_own on app_public.saved_views for select to :ROLE_USER, :ROLE_STAFF
  using (user_id = (select app_hidden.current_user_id()) and brand_id is null);
create policy insert_own on app_public.saved_views for insert to :ROLE_USER, :ROLE_STAFF
  with check (user_id = (select app_hidden.current_user_id()) and brand_id is null);
create policy update_own on app_public.saved_views for update to :ROLE_USER, :ROLE_STAFF
  using (user_id = (select app_hidden.current_user_id()) and brand_id is null)
  with check (user_id = (select app_hidden.current_user_id()) and brand_id is null);
create policy delete_own on app_public.saved_views for delete to :ROLE_USER, :ROLE_STAFF
  using (user_id = (select app_hidden.current_user_id()) and brand_id is null);

create policy select_brand on app_public.saved_views for select to :ROLE_VIEWER
  using (is_shared or user_id = (select app_hidden.current_user_id()));
create policy insert_brand on app_public.saved_views for insert to :ROLE_VIEWER
  with check (user_id = (select app_hidden.current_user_id()) and default_for is null);
create policy update_brand on app_public.saved_views for update to :ROLE_VIEWER
  using (user_id = (select app_hidden.current_user_id()) and default_for is null)
  with check (user_id = (select app_hidden.current_user_id()) and default_for is null);
create policy delete_brand on app_public.saved_views for delete to :ROLE_VIEWER
  using (user_id = (select app_hidden.current_user_id()));
create policy insert_manager on app_public.saved_views for insert to :ROLE_MANAGER
  with check (user_id = (select app_hidden.current_user_id()));
-- What a role opens with is the brand's, whoever made it; and what was shared by
-- somebody who has left can be taken away.
create policy update_manager on app_public.saved_views for update to :ROLE_MANAGER
  using (user_id = (select app_hidden.current_user_id()) or default_for is not null)
  with check (user_id = (select app_hidden.current_user_id()) or is_shared);
create policy delete_manager on app_public.saved_views for delete to :ROLE_MANAGER
  using (user_id = (select app_hidden.current_user_id()) or is_shared);

grant select on app_public.saved_views to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
grant insert (user_id, brand_id, resource, name, view, is_shared, default_for) on app_public.saved_views
  to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
grant update (name, view, is_shared, default_for, updated_at) on app_public.saved_views
  to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
grant delete on app_public.saved_views to :ROLE_USER, :ROLE_VIEWER, :ROLE_STAFF;
--! EndIncluded policies/saved_views.sql
--! Included policies/_private.sql
-- Tables of app_private: closed to everybody, row-level security on, no policy.
-- Functions owned by the database's owner are the only way in. The import
-- staging stays without row-level security, because COPY FROM is refused under
-- it; only the worker may touch it.
call app_private.close_table('app_private.settings');
call app_private.close_table('app_private.partitioned_tables');
call app_private.close_table('app_private.user_secrets');
call app_private.close_table('app_private.sessions');
call app_private.close_table('app_private.login_throttle');
call app_private.close_table('app_private.password_resets');
call app_private.close_table('app_private.password_reset_requests');
call app_private.close_table('app_private.invitation_secrets');
call app_private.close_table('app_private.idempotency_keys');

call app_private.close_table('app_private.import_rows');
alter table app_private.import_rows disable row level security;
grant select, insert, update, delete on app_private.import_rows to :ROLE_WORKER;
call app_private.close_table('app_private.tryon_transitions');
call app_private.close_table('app_private.shopper_handles');
call app_private.close_table('app_private.worker_key_secrets');
call app_private.close_table('app_private.stripe_customer_owners');
call app_private.close_table('app_private.stripe_payments');
call app_private.close_table('app_private.published_feedback');
--! EndIncluded policies/_private.sql

-- What the inbox has told already.
do $do$
begin
  update app_public.stripe_subscriptions s
  set fx_since = coalesce(app_private.subscription_paid_since(s.id), s.last_event_created)
  where s.fx_date is not null and s.mrr_minor > 0;
  perform app_private.remember_stripe_payment(p.ids, p.customer_id, p.invoice_id)
  from app_public.stripe_events e
  cross join lateral app_private.told_stripe_payment(e.type, e.payload #> '{data,object}') p
  where e.status in ('processed', 'ignored_stale')
    or (e.status = 'ignored' and e.type = 'invoice_payment.paid'
      and e.livemode = coalesce((select (s.value #>> '{}')::boolean from app_private.settings s where s.key = 'stripe_livemode'), false));
end
$do$;

--------------------------------------------------------------------------------
-- 9950 How long a try-on may wait: what lets a claim open only the partitions in
-- which a job can wait. Last of all, for it locks the table until the end, and not
-- valid: nothing is read under that lock. Validated in a later file.
--------------------------------------------------------------------------------

alter table app_public.tryon_jobs drop constraint if exists tryon_jobs_deadline_at_check;
alter table app_public.tryon_jobs
  add constraint tryon_jobs_deadline_at_check check (deadline_at <= created_at + interval '7 days') not valid;
comment on constraint tryon_jobs_deadline_at_check on app_public.tryon_jobs is $$
@error INVAL deadline_at A try-on waits for seven days at most.$$;
