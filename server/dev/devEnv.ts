/**
 * Imported for its effect, before anything of PostGraphile. A prepared statement
 * outlives a migration and then fails once, because its columns have other types.
 */
process.env["DATAPLAN_PG_PREPARED_STATEMENT_CACHE_SIZE"] ??= "0";
