-- What brands see of the feedback above.
select n from generate_series(1, app_private.publish_feedback()) as n
