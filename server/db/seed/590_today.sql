select j.id from pg_temp.seed_today($1::timestamptz) as j (id)
