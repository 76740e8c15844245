/**
 * Every function that runs with its owner's rights, and why it must. One that is
 * not here, and one that is here but gone, is a finding of the lints.
 */
export const DEFINERS: Record<string, string> = {
  "app_hidden.current_brand_id":
    "asks the membership itself, whatever the caller may read",
  "app_hidden.billing_party":
    "finds the customer at Stripe of an owner's brand or a shopper; checks the caller",
  "app_hidden.next_credits_at":
    "reckons with a private function, for a member of the active brand",
  "app_hidden.prepare_credit_purchase":
    "asks billing_party and the mirror for a person who is about to pay",
  "app_hidden.prepare_plan_change":
    "asks billing_party and the mirror for a person who is about to pay",
  "app_hidden.assert_may_import":
    "hands out a place for a file; refuses who may not add to the table",
  "app_hidden.assert_may_reset":
    "looks up whether a person is staff, which support cannot read",
  "app_hidden.issue_invitation_token":
    "writes the hash that no member may see, for an invitation of the active brand",
  "app_hidden.lock_import_run":
    "locks a run of the caller or the active brand; runs are not updatable",
  "app_hidden.matching_products":
    "searches through the index: of the active brand, active ones, or as staff",
  "app_hidden.record_import_batch":
    "writes counts and refusals of a run of the caller or the active brand",
  "app_hidden.register_import":
    "makes the file and the run of an upload, of the caller or the active brand",
  "app_hidden.staged_import_rows":
    "reads the staging, of a run of the caller or the active brand only",

  "app_hidden.withdrawn_brand_ids":
    "says ids of suspended and closed brands to visitors, who cannot read brands",

  "app_private.accept_invitation":
    "makes a person and a membership for the holder of the link",
  "app_private.change_password":
    "reads and writes the hash of the session's person",
  "app_private.check_invariants": "reads every table; the worker runs it",
  "app_private.claim_expired_uploads": "the worker's clean-up of files",
  "app_private.claim_import_run": "the worker takes a queued run",
  "app_private.clean_up": "the worker deletes what has run out",
  "app_private.complete_upload":
    "the server marks a file whose bytes arrived by a signed link",
  "app_private.configure_mail": "the server tells at start whether mail leaves",
  "app_private.configure_stripe":
    "the server tells at start which mode of Stripe counts",
  "app_private.defer_stripe_event":
    "the worker puts off an event that is stopped every time",
  "app_private.due_stripe_events": "the worker lists the inbox",
  "app_private.forget_stripe_fetch":
    "the worker lets go of an object that Stripe no longer has",
  "app_private.ingest_stripe_events":
    "the server and the backfill write the inbox, which nobody else may",
  "app_private.request_stripe_processing":
    "the server, which owns no queue, asks the worker to look",
  "app_private.stripe_inbox_counts": "the backfill counts the inbox",
  "app_private.stripe_objects_to_fetch":
    "the worker lists what events leave open",
  "app_private.unknown_stripe_events": "the backfill's dry run asks the inbox",
  "app_private.describe_person":
    "the server tells a signed-in person who they are and where",
  "app_private.end_import_run": "the worker ends a run",
  "app_private.enqueue_job":
    "owned by the worker, whose queue it writes to; executable by the owner",
  "app_private.ensure_partitions": "makes partitions; the worker runs it daily",
  "app_private.finish_import_staging": "the worker ends the staging of a run",
  "app_private.forget_upload": "the worker removes the row of a deleted file",
  "app_private.has_demo_accounts": "the server refuses them in production",
  "app_private.import_requester":
    "the command line asks as whom an import may run",
  "app_private.import_staging_goes_on": "the worker asks between two parts",
  "app_private.import_step":
    "the worker asks as whom the next batch of a run is done",
  "app_private.issue_invitation": "the worker makes the link it mails",
  "app_private.issue_password_reset": "the worker makes the link it mails",
  "app_private.pending_invitation":
    "the holder of a link learns what it invites to",
  "app_private.record_rehearsal": "the worker counts a dry run",
  "app_private.request_password_reset": "notes a request of somebody unknown",
  "app_private.reset_password": "writes a hash for the holder of the link",
  "app_private.resolve_actor": "answers who a session or a token is",
  "app_private.restart_rehearsal": "the worker begins a dry run again",
  "app_private.sign_in": "reads hashes, before anybody is signed in",
  "app_private.sign_out": "ends the session it is given",
  "app_private.stage_refused_rows": "the worker stages refused rows once more",
  "app_private.switch_brand": "changes the session it is given",
  "app_private.tg__audit": "nobody may insert into the trail",
  "app_private.tg_users__no_colleague":
    "must know who is staff, which support cannot read",
  "app_private.is_file_in_use":
    "looks into every table that names files; asked by triggers and the worker's clean-up",
  "app_private.may_invite":
    "reads memberships and staff for an inviter who may have left",
  "app_private.tg__file_arrived":
    "locks the row of a file, which its owner may not update",
  "app_private.tg_brand_members__end_invitations":
    "ends invitations whose inviter the remover may not stand for",
  "app_private.tg_staff_members__one_admin":
    "must see whether the other admins are active",
  "app_private.tg_storage_objects__not_in_use":
    "looks into tables that the worker cannot read",
  "app_private.tg_brand_members__one_owner":
    "must count owners that the caller may not see",
  "app_private.tidy_imports": "the worker ends abandoned imports",

  "app_private.begin_tryon_result": "the worker registers the picture it makes",
  "app_private.claim_tryon_jobs": "the worker takes waiting jobs",
  "app_private.complete_tryon":
    "the worker ends a job with its result; the hold is captured",
  "app_private.credit_reconcile":
    "reads the books of everybody; the worker runs it",
  "app_private.expire_grants": "the worker ends credits whose time is up",
  "app_private.expire_stale": "the worker expires late and abandoned jobs",
  "app_private.fail_tryon":
    "the worker ends an attempt; the hold stays or is released",
  "app_private.grant_due_monthly": "the worker gives the free credits",
  "app_private.publish_feedback":
    "the worker counts what brands may see of everybody's feedback",
  "app_private.heartbeat": "the worker prolongs the lease of its job",
  "app_private.key_begin_tryon_result":
    "the server, for the holder of a worker key",
  "app_private.key_claim_tryon_jobs":
    "the server, for the holder of a worker key",
  "app_private.key_complete_tryon":
    "the server, for the holder of a worker key",
  "app_private.key_fail_tryon": "the server, for the holder of a worker key",
  "app_private.key_heartbeat": "the server, for the holder of a worker key",
  "app_private.key_tryon_pictures":
    "the server, for the holder of a worker key: the pictures of a job it has",
  "app_private.background_figures":
    "the server measures the queue for /metrics, task by task",
  "app_private.invariant_findings":
    "the server measures the last check of invariants for /metrics",
  "app_private.queue_jobs":
    "owned by the worker, whose queue it reads; executable by the owner",
  "app_private.record_task_run": "the worker notes what it ran",
  "app_private.requeue_job":
    "owned by the worker, whose queue it writes to; executable by the owner",

  "app_private.grant_due_subscriptions":
    "the worker gives brands the credits of their plans",
  "app_private.ingest_stripe_event":
    "the server puts a verified event into the inbox",
  "app_private.mrr_differences":
    "compares the revenue of everybody; the worker runs it",
  "app_private.process_stripe_event": "the worker puts an event into effect",
  "app_private.process_stripe_events": "the worker puts events into effect",

  "app_private.tg_brand_accounts__wallet":
    "opens the wallet of a brand that staff make",
  "app_private.tg_tryon_feedback__own_job":
    "asks the job itself, whatever the caller may read",
  "app_private.tg_users__wallet":
    "opens the wallet of a person, with the first free credits",

  "app_hidden.may_select_row":
    "asks the policies of the request's role about any table",
  "app_public.audit_log_actor_name":
    "names the person behind a row that the caller may read",
  "app_public.row_history":
    "reads the audit trail for whoever may select the row; asks may_select_row",
  "app_public.link_stripe_customer":
    "nobody writes the mirror; checks that the caller is finance, leaves a trail",
  "app_public.replay_stripe_events":
    "nobody writes the inbox; checks that the caller is finance, leaves a trail",
  "app_public.count_stripe_events":
    "counts the inbox; checks that the caller is finance",
  "app_public.disputed_stripe_customers":
    "reads why customers are linked, which nobody may; checks that the caller is finance",
  "app_public.preview_stripe_link":
    "reads both accounts of a link; checks that the caller is finance",
  "app_public.refetch_stripe_object":
    "nobody writes the mirror; checks that the caller is finance, leaves a trail",
  "app_public.stripe_inbox":
    "counts the inbox; checks that the caller is finance",
  "app_public.subscription_mrr_steps":
    "reckons as the trigger does; checks that the caller is finance",
  "app_public.unlinked_stripe_customers":
    "looks for owners among all people; checks that the caller is finance",
  "app_public.mrr_check":
    "compares the revenue of everybody; checks that the caller is finance or admin",
  "app_public.mrr_at_risk":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.mrr_leaderboard":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.mrr_leaderboard_total":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.mrr_reconciliation":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.mrr_reconciliation_rows":
    "reads the revenue of everybody; checks that the caller is finance",
  "app_public.mrr_series":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.mrr_waterfall":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.revenue_accounts":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.revenue_accounts_total":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.revenue_overview":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.revenue_retention":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.subscriber_churn":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.unit_economics":
    "reads the revenue of everybody; checks that the caller is finance or admin",
  "app_public.update_brand_mrr":
    "nobody writes MRR; checks that the caller is finance or admin",
  "app_public.adjust_credits":
    "nobody writes the ledger; checks that the caller is finance, leaves a trail",
  "app_public.background_jobs":
    "reads the worker's queue; checks that the caller is staff",
  "app_public.background_queues":
    "reads the worker's queue; checks that the caller is staff",
  "app_public.retry_background_job":
    "writes to the worker's queue; checks that the caller is support or admin, leaves a trail",
  "app_public.cancel_tryon":
    "nobody writes jobs; finds the job by who the caller is",
  "app_public.create_worker_key":
    "writes the hash that nobody may see; checks that the caller is admin",
  "app_public.end_pro":
    "nobody writes entitlements; checks that the caller is finance, leaves a trail",
  "app_public.grant_pro":
    "nobody writes entitlements; checks that the caller is finance, leaves a trail",
  "app_public.reconcile_credits":
    "reads the books of everybody; checks that the caller is finance or admin",
  "app_public.refund_tryon":
    "nobody writes the ledger; checks that the caller is support or finance, leaves a trail",
  "app_public.request_brand_tryon":
    "nobody writes jobs and holds; for the active brand only",
  "app_public.request_tryon":
    "nobody writes jobs and holds; for the caller only",
  "app_public.retry_tryon":
    "nobody writes jobs and holds; finds the job by who the caller is",
  "app_public.revoke_worker_key":
    "deletes the hash that nobody may see; checks that the caller is admin",
  "app_public.break_glass_wardrobe":
    "staff have no right on wardrobes; checks the caller and leaves a trail",
  "app_public.cancel_import": "changes a run of the caller or the active brand",
  "app_public.invite_owner":
    "staff may not insert invitations; only while a brand has no owner",
  "app_public.issue_password_reset_link":
    "makes a link for a person; checks that the caller is support or admin",
  "app_public.password_reset_requests":
    "reads who asked; checks that the caller is support or admin",
  "app_public.register_shopper": "makes a person, for nobody in particular",
  "app_public.rerun_refused":
    "makes a run from one of the caller or the active brand",
  "app_public.resume_import": "changes a run of the caller or the active brand",
  "app_public.start_import": "changes a run of the caller or the active brand",
  "app_private.tg_brand_accounts__owned":
    "looks whether the owners of a brand are active, which staff may not",
  "app_private.tg_brand_members__left_views":
    "removes views of somebody who can do it no more",
  "app_private.tg_staff_members__proven":
    "looks whether a password was set by a link, and ends links",
  "app_private.tg__file_left": "lets a picture end that nobody may touch",
};

/** Functions whose search_path is the caller's, so that they can be inlined. */
export const INLINED: Record<string, string> = {
  "app_private.tags_text": "operators and functions of pg_catalog only",
  "app_private.is_clean_text": "operators and functions of pg_catalog only",
  "app_private.is_stripe_event": "operators and functions of pg_catalog only",
  "app_private.stripe_time": "operators and functions of pg_catalog only",
  "app_private.stripe_id": "operators and functions of pg_catalog only",
  "app_private.is_newer": "operators and functions of pg_catalog only",
};
