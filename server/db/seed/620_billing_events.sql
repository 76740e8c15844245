select e.id from pg_temp.deliver_events(
  $1::timestamptz - make_interval(days => 435 - $2::integer + 1), $1::timestamptz - make_interval(days => 435 - $3::integer)) as e (id)
