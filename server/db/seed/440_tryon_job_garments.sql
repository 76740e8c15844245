insert into app_public.tryon_job_garments (job_id, position, user_id, brand_id, wardrobe_item_id, product_id)
select j.id, 1, j.user_id, case when j.product_id is not null then j.brand_id end, j.wardrobe_item_id, j.product_id
from seed_jobs as j
order by j.id
