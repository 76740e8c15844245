insert into app_public.credit_transfers
  (id, owner_user_id, owner_brand_id, kind, debit_account, credit_account, amount, hold_id, grant_id, actor_kind, actor_id, reason, created_at,
   idempotency_key)
select
  t.id, t.owner_user_id, t.owner_brand_id, t.kind, t.debit_account, t.credit_account, t.amount, t.hold_id, t.grant_id, t.actor_kind,
  t.actor_id, t.reason, t.created_at, t.idempotency_key
from seed_transfers as t
order by t.id
