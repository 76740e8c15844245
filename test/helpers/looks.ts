import type { TestDatabase } from "./database.ts";

/** A brand's table as a developer adds one: fence, enum, list, JSON, money, reference. */
export async function createLooks(db: TestDatabase): Promise<void> {
  await db.owner.query(`
    create type app_public.look_season as enum ('spring_summer', 'autumn_winter');
    create table app_public.looks (
      id uuid not null default app_private.uuid_v7() constraint looks_pkey primary key,
      brand_id uuid not null constraint looks_brand_id_fkey references app_public.brand_accounts (id),
      name text not null constraint looks_name_check check (length(name) between 1 and 80),
      season app_public.look_season,
      price_minor bigint,
      currency text constraint looks_currency_fkey references app_public.currencies (code),
      tags text[] not null default '{}',
      details jsonb,
      product_id uuid,
      featured boolean not null default false,
      rating numeric(4, 2),
      starts_on date,
      published_at timestamptz,
      secret text,
      created_at timestamptz not null default now(),
      constraint looks_brand_id_name_key unique (brand_id, name),
      constraint looks_price_check check ((price_minor is null) = (currency is null)),
      constraint looks_rating_check check (rating <= 5),
      constraint looks_product_fkey foreign key (brand_id, product_id) references app_public.products (brand_id, id)
    );
    create index looks_currency_idx on app_public.looks (currency);
    create index looks_product_idx on app_public.looks (brand_id, product_id);
    comment on constraint looks_price_check on app_public.looks is '@error INVAL currency A price needs a currency, and a currency a price.';
    call app_private.close_table('app_public.looks');
    create policy fence_brand on app_public.looks as restrictive for all to closetai_viewer
      using (brand_id = (select app_hidden.current_brand_id()))
      with check (brand_id = (select app_hidden.current_brand_id()));
    create policy select_brand on app_public.looks for select to closetai_viewer using (true);
    create policy insert_brand on app_public.looks for insert to closetai_manager with check (true);
    create policy update_brand on app_public.looks for update to closetai_manager using (true) with check (true);
    grant select on app_public.looks to closetai_viewer;
    grant insert (brand_id, name, season, price_minor, currency, tags, details, product_id, featured, rating, starts_on, published_at)
      on app_public.looks to closetai_manager;
    grant update (season, price_minor, currency, tags, details, product_id, featured, starts_on, published_at)
      on app_public.looks to closetai_manager;
  `);
}
