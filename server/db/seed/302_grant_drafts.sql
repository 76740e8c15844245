create temp table seed_grants (
  id uuid not null,
  owner_user_id uuid,
  owner_brand_id uuid,
  source app_public.credit_source not null,
  amount bigint not null,
  effective_at timestamptz not null,
  expires_at timestamptz,
  period_start timestamptz,
  note text,
  -- The session of Stripe that paid for it.
  session text,
  used bigint not null default 0,
  expired bigint not null default 0
) on commit drop
