/**
 * Recurring work, in UTC. `fill` catches up on what a stopped server missed; a
 * jobKey keeps runs that wait from piling up.
 *
 * expire_stale comes back by itself every quarter of a minute: a job whose
 * deadline or worker is gone is a person who waits. The line here begins the
 * chain, and again should it ever break.
 *
 * check_invariants is tried once: what it finds stays there, for staff to see
 * and to try again when it is repaired.
 */
export const CRONTAB = `
* * * * * expire_stale ?jobKey=expire_stale&max=5
5 * * * * grant_due_monthly ?fill=1d&jobKey=grant_due_monthly&max=5
10 * * * * expire_grants ?fill=1d&jobKey=expire_grants&max=5
17 3 * * * ensure_partitions ?fill=2d&jobKey=ensure_partitions&max=5
31 2 * * * publish_feedback ?fill=1d&jobKey=publish_feedback&max=5
43 2 * * * check_invariants ?fill=1d&jobKey=check_invariants&max=1
*/10 * * * * clean_up ?jobKey=clean_up&max=5
*/5 * * * * import_tidy ?jobKey=import_tidy&max=5
* * * * * process_stripe_events ?queue=stripe&jobKey=process_stripe_events&max=5
*/5 * * * * fetch_stripe_objects ?jobKey=fetch_stripe_objects&max=5
20 * * * * grant_due_subscriptions ?fill=1d&jobKey=grant_due_subscriptions&max=5
`;
