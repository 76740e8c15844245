/**
 * Recurring work, in UTC. `fill` catches up on what a stopped server missed; a
 * jobKey keeps runs that wait from piling up.
 */
export const CRONTAB = `
17 3 * * * ensure_partitions ?fill=2d&jobKey=ensure_partitions&max=5
*/10 * * * * clean_up ?jobKey=clean_up&max=5
*/5 * * * * import_tidy ?jobKey=import_tidy&max=5
`;
