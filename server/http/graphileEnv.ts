/**
 * Imported for its effect, before anything of PostGraphile: the engine reads
 * these once, when it is loaded. Its own development mode slows each request
 * down and prints advice about plans, so it is opt-in.
 */
process.env["GRAPHILE_ENV"] ??= "production";
process.env["NODE_ENV"] ??= "development";
