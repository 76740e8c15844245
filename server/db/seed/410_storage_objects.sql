insert into app_public.storage_objects
  (key, owner_user_id, owner_brand_id, kind, content_type, bytes, sha256, status, retention_until, created_at, updated_at)
select
  o.key, o.owner_user_id, o.owner_brand_id, o.kind::app_public.storage_kind, 'image/png', coalesce(o.bytes, 0), o.sha256,
  (case when o.file is null then 'deleted' else 'available' end)::app_public.storage_status, o.retention_until, o.created_at, o.created_at
from seed_objects as o
order by o.key
on conflict do nothing
