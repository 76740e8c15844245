-- What a completed job wears has been used once more.
update app_public.wardrobe_items as w set usage_count = w.usage_count + u.times
from (
  select j.wardrobe_item_id, count(*)::integer as times from seed_jobs as j
  where j.status = 'completed' and j.wardrobe_item_id is not null
  group by 1
) as u
where w.id = u.wardrobe_item_id
