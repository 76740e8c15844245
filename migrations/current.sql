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

--! include functions/audit/tg__audit.sql
--! include functions/session/one_owner.sql
--! include functions/session/left_views.sql
--! include functions/auth/_passwords.sql
--! include functions/auth/sign_in.sql
--! include functions/auth/register_shopper.sql
--! include functions/auth/password_reset.sql
--! include functions/auth/inviters.sql
--! include functions/auth/invitations.sql
--! include functions/auth/appoint_staff.sql
--! include functions/audit/actor_name.sql
--! include functions/audit/row_history.sql
--! include functions/auth/clean_up.sql
--! include functions/storage/uploads.sql
--! include functions/storage/files_in_use.sql
--! include functions/import/table_columns.sql
--! include functions/import/table_values.sql
--! include functions/import/batch.sql
--! include functions/import/runs.sql
--! include functions/ops/check_invariants.sql
--! include functions/catalogue/matching.sql
--! include functions/common/triggers.sql
--! include functions/ops/enqueue_job.sql
--! include functions/credits/ledger.sql
--! include functions/credits/grants.sql
--! include functions/credits/holds.sql
--! include functions/credits/staff.sql
--! include functions/tryon/transition.sql
--! include functions/tryon/worker.sql
--! include functions/tryon/worker_keys.sql
--! include functions/tryon/settle.sql
--! include functions/tryon/operations.sql
--! include functions/tryon/feedback.sql
--! include functions/tryon/views.sql
--! include functions/billing/mrr.sql
--! include functions/billing/entitlements.sql
--! include functions/billing/apply.sql
--! include functions/billing/inbox.sql
--! include functions/billing/process.sql
--! include functions/billing/paying.sql
--! include functions/billing/overview.sql
--! include functions/billing/figures.sql
--! include functions/billing/reconcile.sql
--! include functions/billing/staff.sql
--! include functions/live/live_tables.sql
--! include policies/tryon_feedback.sql
--! include policies/stripe_mirror.sql
--! include policies/mrr.sql
--! include policies/saved_views.sql
--! include policies/_private.sql

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

alter table app_public.tryon_jobs validate constraint tryon_jobs_deadline_at_check;
