-- The other side of every movement. Locked in the order of ids, as everywhere.
with moved as (
  select m.id, sum(m.amount) as amount
  from (
    select t.debit_account as id, -t.amount as amount from seed_transfers as t where t.debit_account >= 'ffffffff-ffff-7fff-bfff-000000000000'
    union all
    select t.credit_account, t.amount from seed_transfers as t where t.credit_account >= 'ffffffff-ffff-7fff-bfff-000000000000'
  ) as m
  group by m.id
), locked as materialized (
  select a.id from app_public.credit_accounts as a where a.id in (select m.id from moved as m) order by a.id for update
)
update app_public.credit_accounts as a set balance = a.balance + m.amount
from moved as m
join locked as l on l.id = m.id
where a.id = m.id
