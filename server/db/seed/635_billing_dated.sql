select d.id from pg_temp.date_billing() as d (id)
