
--------------------------------------------------------------------------------
-- looks. What a stylist puts together from the products of a brand. Undo, then do:
-- this runs on every save, and drops the rows of the last try.
--------------------------------------------------------------------------------

drop function if exists app_public.mark_down_look(uuid, integer, text);
drop table if exists app_public.looks;
drop type if exists app_public.look_season;

create type app_public.look_season as enum ('spring_summer', 'autumn_winter', 'all_year');

create table app_public.looks (
  id uuid not null default app_private.uuid_v7() constraint looks_pkey primary key,
  brand_id uuid not null constraint looks_brand_id_fkey
    references app_public.brand_accounts (id) on delete restrict,
  name text not null,
  season app_public.look_season not null,
  product_id uuid,
  price_minor bigint,
  currency text constraint looks_currency_fkey
    references app_public.currencies (code) on delete restrict,
  tags text[] not null default '{}',
  image_key text,
  details jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint looks_brand_id_id_key unique (brand_id, id),
  constraint looks_name_check check (length(name) between 1 and 120 and app_private.is_clean_text(name)),
  constraint looks_price_minor_check check (price_minor >= 0),
  constraint looks_price_currency_check check ((price_minor is null) = (currency is null)),
  constraint looks_tags_check check (cardinality(tags) <= 50 and array_position(tags, null) is null),
  -- Both carry the brand along: nothing of another brand can be pointed at.
  constraint looks_brand_id_product_id_fkey foreign key (brand_id, product_id)
    references app_public.products (brand_id, id) on delete restrict,
  constraint looks_image_key_brand_id_fkey foreign key (image_key, brand_id)
    references app_public.storage_objects (key, owner_brand_id) on delete restrict
);
create index looks_brand_id_created_at_idx on app_public.looks (brand_id, created_at desc, id);
create index looks_brand_id_season_idx on app_public.looks (brand_id, season);
create index looks_brand_id_product_id_idx on app_public.looks (brand_id, product_id);
create index looks_currency_idx on app_public.looks (currency) where currency is not null;
create index looks_image_key_brand_id_idx on app_public.looks (image_key, brand_id) where image_key is not null;

comment on table app_public.looks is $$
@admin.group Catalogue
@admin.icon style
@admin.order 150
@admin.represent name
@admin.list image_key, name, season, product_id, price_minor, tags, created_at
What a stylist puts together from the products of a brand.$$;
comment on column app_public.looks.name is '@isIndexed';
comment on column app_public.looks.season is '@isIndexed';
comment on column app_public.looks.price_minor is $$
@isIndexed
@admin.help What the whole look costs.$$;
comment on column app_public.looks.image_key is '@admin.label Cover';
comment on column app_public.looks.details is '@admin.help Anything a shop window needs, as a document.';
comment on constraint looks_brand_id_fkey on app_public.looks is $$
@error NTFND brand_id There is no such brand.$$;
comment on constraint looks_brand_id_product_id_fkey on app_public.looks is $$
@fieldName product
@foreignFieldName looks
@error NTFND product_id There is no such product of this brand.$$;
comment on constraint looks_image_key_brand_id_fkey on app_public.looks is $$
@fieldName cover
@foreignFieldName looks
@error NTFND image_key There is no such picture of this brand.$$;
comment on constraint looks_name_check on app_public.looks is '@error INVAL name A name has 1 to 120 characters and no blanks at its ends.';
comment on constraint looks_price_minor_check on app_public.looks is '@error INVAL price_minor A price is not negative.';
comment on constraint looks_price_currency_check on app_public.looks is '@error INVAL currency A price needs a currency, and a currency a price.';
comment on constraint looks_tags_check on app_public.looks is '@error INVAL tags At most 50 tags.';

create trigger _100_timestamps before insert or update on app_public.looks
  for each row execute function app_private.tg__timestamps();
call app_private.audit_table('app_public.looks', '{id}', '{}', 'brand_id');

--!include policies/looks.sql

create function app_public.mark_down_look(look_id uuid, percent integer, reason text default null) returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if mark_down_look.percent is null or mark_down_look.percent not between 1 and 90 then
    raise exception 'A look is marked down by 1 to 90 percent'
      using errcode = 'INVAL', column = 'percent', hint = 'Choose another number';
  end if;
  update app_public.looks l
  set price_minor = round(l.price_minor * (100 - mark_down_look.percent) / 100.0),
    tags = l.tags || coalesce(mark_down_look.reason, 'sale')
  where l.id = mark_down_look.look_id and l.price_minor is not null;
  if not found then
    raise exception 'There is no such look, or it has no price'
      using errcode = 'NTFND', column = 'look_id', hint = 'Give it a price first';
  end if;
  return mark_down_look.look_id;
end
$$;
revoke execute on function app_public.mark_down_look(uuid, integer, text) from public;
grant execute on function app_public.mark_down_look(uuid, integer, text) to :ROLE_MANAGER;
comment on function app_public.mark_down_look(uuid, integer, text) is $$
@admin.label Mark down
@admin.icon sell
@admin.action row of looks
@admin.confirm By how much does this look get cheaper?
Lowers the price of a look by 1 to 90 percent and tags it with the reason.$$;
