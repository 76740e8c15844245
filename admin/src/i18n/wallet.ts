/** The words of wallets, of the board of operations and of worker keys. */
export const walletMessages = {
  charts: {
    as_table: "Show as table",
    as_chart: "Show as chart",
  },
  wallet: {
    title: "Wallet",
    title_of: "Wallet of %{name}",
    open: "Wallet",
    missing:
      "There is no such wallet, or it is not yours to see. Go back and choose another.",
    available: "Available",
    available_definition:
      "Credits that can be spent right now: what is left of every grant that has begun and not ended.",
    available_detail: "Can be spent right now",
    held: "Held",
    held_definition:
      "Credits reserved by try-ons that are waiting or under way. Captured when the try-on is done, given back when it is not.",
    held_detail: "For try-ons under way",
    used: "Used",
    used_definition:
      "Credits captured for try-ons that were delivered, since the beginning.",
    used_detail: "of %{granted} ever given",
    expired: "Expired",
    expired_definition:
      "Credits whose time ended before they were spent, and those taken back by a correction.",
    expired_detail: "Ended without being spent",
    next_reset: "The next 25 free credits come",
    next_short: "25 free ones",
    pro: "Try-ons cost nothing: unlimited until",
    none: "No credits are left.",
    none_brand: "No credits are left, so new try-ons are refused.",
    more: "More come with a plan or are bought: see",
    usage: "Credits used in the last %{days} days",
    usage_summary:
      "%{credits} for %{tryons} in the last %{days} days. Days are counted in UTC, today included.",
    count_credits: "%{count} credit |||| %{count} credits",
    count_tryons: "%{count} try-on |||| %{count} try-ons",
    day: "Day",
    idle_title: "Nothing was spent in %{days} days",
    idle_body: "Try something on from your wardrobe or from a brand.",
    idle_body_brand:
      "A manager can try products on for the brand; what it costs appears here.",
    runs_out: "Runs out",
    runs_out_definition:
      "What is available now, divided by the credits captured a day over the last %{days} days. Ends of grants and new credits are left out.",
    runs_out_now: "It is empty now",
    runs_out_never: "No forecast: nothing was spent",
    per_day: "Credits a day, over %{days} days",
    spent: "Spent in %{days} days",
    grants: "Where they come from",
    grants_body:
      "What ends next stands first. Free and given credits are spent before bought ones.",
    left_of: "%{remaining} of %{amount} left",
    begins: "Begins",
    ends: "Ends",
    never_ends: "Does not end",
    source: {
      free_monthly: "Free credits of the month",
      promo: "A gift of ClosetAI",
      purchase: "Bought",
      subscription: "Subscription",
      refund: "Refund",
      adjustment: "Added by ClosetAI",
    },
    empty_title: "No credits here",
    empty_body_own:
      "Free credits come back each month. More are bought under “Plan & billing”.",
    empty_body_brand:
      "An owner of the brand buys credits or chooses a plan under “Plan & billing”.",
    empty_body_staff: "Add some with “Correct the wallet”, and say why.",
    history: "History",
    history_empty: "Nothing was booked yet.",
    what: "What happened",
    after: "Available then",
    then: "then %{available}",
    see_job: "See the try-on",
    older: "Show older entries",
    entry: {
      free_monthly:
        "%{smart_count} free credit |||| %{smart_count} free credits",
      promo:
        "%{smart_count} credit as a gift |||| %{smart_count} credits as a gift",
      purchase:
        "%{smart_count} credit bought |||| %{smart_count} credits bought",
      subscription:
        "%{smart_count} credit of the subscription |||| %{smart_count} credits of the subscription",
      refund:
        "%{smart_count} credit refunded |||| %{smart_count} credits refunded",
      adjustment:
        "%{smart_count} credit added by ClosetAI |||| %{smart_count} credits added by ClosetAI",
      granted: "%{smart_count} credit given |||| %{smart_count} credits given",
      hold: "Held for a try-on",
      capture: "Captured for a try-on",
      release: "Given back: the try-on was not delivered",
      expire:
        "%{smart_count} credit ended unspent |||| %{smart_count} credits ended unspent",
      expire_held:
        "%{smart_count} credit given back after its end |||| %{smart_count} credits given back after their end",
      adjust:
        "%{smart_count} credit taken back by ClosetAI |||| %{smart_count} credits taken back by ClosetAI",
    },
    adjust: "Correct the wallet",
    adjust_title: "Correct the wallet of %{name}",
    adjust_body:
      "This adds an entry to the ledger; earlier ones stay as they are. Its owner reads that ClosetAI corrected the wallet; your name and the reason stand in the audit log only.",
    direction: "Add or take",
    add: "Add credits",
    take: "Take credits back",
    amount: "Credits",
    amount_hint: "A whole number, 1 to 1,000,000.",
    amount_invalid: "Write a whole number from 1 to 1,000,000.",
    reason: "Reason",
    reason_hint: "Name the case or ticket. At least 10 characters.",
    last_day: "Last day",
    last_day_hint: "Leave empty for credits that do not end.",
    adjusted: "Booked. %{available} credits are available now.",
    pro_action: "Give unlimited try-ons",
    pro_title: "Unlimited try-ons for %{name}",
    pro_body:
      "What they ask for within this period costs nothing. The audit log keeps your name and the reason.",
    pro_from: "First day",
    pro_until: "Last day",
    pro_submit: "Give",
    pro_given: "Unlimited try-ons are given",
  },
  reconcile: {
    title: "Credit books",
    agree: "The books agree",
    as_of: "As of",
    differs:
      "The books do not agree: %{smart_count} finding. Tell engineering, and correct nothing by hand before they looked. |||| The books do not agree: %{smart_count} findings. Tell engineering, and correct nothing by hand before they looked.",
    again: "Check again",
    checking: "Checking…",
    rule: "What does not hold",
    row: "Where",
    checked: "What is checked",
    body: "Every account, grant, hold and entry is read and compared. At most 500 findings are listed.",
    rules: {
      credits_do_not_sum_to_zero: "All balances do not sum to zero",
      balance_differs_from_transfers:
        "A balance differs from its account's entries",
      balance_below_zero: "A wallet is below zero",
      grants_differ_from_available:
        "What is left of the grants differs from what is available",
      open_holds_differ_from_held: "Open holds differ from what is held",
      hold_differs_from_its_lines: "A hold differs from the grants it draws on",
      hold_settled_wrongly: "A hold moved something else than its amount",
      finished_job_with_open_hold: "A finished try-on still holds credits",
      job_and_hold_disagree: "A try-on and its hold disagree",
      job_of_pro_with_hold: "An unlimited try-on holds credits",
    },
    checks: {
      credits_do_not_sum_to_zero: "All balances together are zero.",
      balance_differs_from_transfers:
        "Each balance is the sum of its account's entries.",
      balance_below_zero: "No wallet is below zero.",
      grants_differ_from_available:
        "What is left of the grants of a wallet is what it has available.",
      open_holds_differ_from_held:
        "The open holds of a wallet are what it holds.",
      hold_differs_from_its_lines:
        "Each hold is the sum of what it draws from grants.",
      hold_settled_wrongly:
        "Each settled hold moved exactly its amount, captured or given back.",
      finished_job_with_open_hold: "No finished try-on holds credits.",
      job_and_hold_disagree:
        "Each paid try-on has one hold of its price, in the state its own state asks for.",
      job_of_pro_with_hold: "No unlimited try-on holds credits.",
    },
  },
  operations: {
    title: "Operations",
    live: "Updates every %{seconds} seconds",
    paused: "Paused",
    pause: "Pause",
    resume: "Go on",
    failed: "The figures could not be read: %{message}",
    waiting: "Waiting",
    waiting_definition: "Try-ons in the queue that a worker could take now.",
    waiting_detail: "Could be taken now",
    oldest: "Oldest waiting",
    oldest_definition:
      "How long the try-on that has waited longest is in the queue. Those that wait for a retry are left out.",
    oldest_detail: "Since it was asked for",
    delayed: "Delayed",
    delayed_definition:
      "Try-ons in the queue that wait until their next attempt after one that failed.",
    delayed_detail: "Wait for a retry",
    running: "Running",
    running_definition: "Try-ons that a worker has taken.",
    running_detail: "Taken by a worker",
    silent: "Silent workers",
    silent_definition:
      "Try-ons whose worker has not given a sign of life within its lease. The next sweep takes them back into the queue.",
    silent_detail: "Out of their lease",
    throughput: "Attempts that ended in the last %{minutes} minutes",
    throughput_summary:
      "%{completed} completed, %{failed} failed, %{retried} to be tried again, %{lost} lost with their worker.",
    throughput_empty_title: "No attempt ended in the last %{minutes} minutes",
    throughput_empty_body:
      "Either nobody asks, or no worker takes jobs: look at what is waiting.",
    minute: "Minute",
    completed: "Completed",
    retried: "Tried again",
    lost: "Lost",
    window: "Time span",
    windows: {
      60: "Last hour",
      1440: "Last 24 hours",
      10080: "Last 7 days",
      43200: "Last 30 days",
    },
    failures: "Why attempts failed",
    failures_definition:
      "Attempts that did not complete, by the code their worker gave. A try-on with several attempts counts each.",
    failures_empty: "No attempt failed in this time.",
    code: "Code",
    attempts: "Attempts",
    jobs: "Try-ons",
    last: "Last",
    speed: "Speed and success by category",
    speed_definition:
      "Median and 95th percentile of the milliseconds workers report for completed attempts. Success: completed out of completed, failed and lost; an attempt that is tried again counts in neither.",
    speed_empty: "No attempt ended in this time.",
    category: "Category",
    p50: "Median",
    p95: "95 % below",
    success: "Success",
    failed_attempts: "Failed",
  },
  worker_keys: {
    title: "Worker keys",
    body: "A GPU service takes try-ons with a key. Give each service its own, and revoke the key of one that is gone.",
    create: "New key",
    create_title: "New worker key",
    create_body:
      "The key is shown once, right after it is made. Only its hash is kept.",
    name: "Name",
    name_hint:
      "What the service is called: lower-case letters, digits and hyphens, such as gpu-frankfurt-1.",
    submit: "Make the key",
    once_title: "Copy the key now",
    once_body:
      "This is the only time it is shown. Hand it to the service as a secret; it sends it as a Bearer token.",
    key: "Worker key",
    state: "State",
    in_use: "In use",
    revoked: "Revoked",
    prefix: "Begins with",
    last_used: "Last used",
    made: "Made",
    revoke: "Revoke",
    revoke_name: "Revoke %{name}",
    revoke_title: "Revoke “%{name}”?",
    revoke_body:
      "Its workers are refused from their next call on; what they hold goes back to the queue. A revoked key cannot be brought back.",
    done: "The key is revoked",
    empty_title: "No worker key yet",
    empty_body:
      "Without a key no service elsewhere can take try-ons. Make the first one and give it to your GPU service.",
    empty_body_reader: "Administration makes keys for GPU services.",
  },
  background: {
    title: "Background tasks",
    queues: "Queues",
    queues_definition:
      "Jobs of each task: waiting for their time or a worker, running, failing (tried again by themselves) and dead (out of attempts).",
    queues_empty: "No job is queued: everything is done.",
    task: "Task",
    waiting: "Waiting",
    running: "Running",
    failing: "Failing",
    dead: "Dead",
    oldest: "Oldest due",
    problems: "Jobs that failed",
    problems_definition:
      "Failing jobs are tried again by themselves, later each time. Dead ones have used their attempts and wait for you.",
    problems_empty: "No job has failed.",
    attempt: "Attempt",
    attempt_of: "%{attempts} of %{max}",
    next: "Due",
    error: "Last error",
    retry: "Run again",
    retry_name: "Run %{task} again",
    retried: "It is queued again",
    runs: "Recent runs",
    runs_definition:
      "The newest runs of all tasks, and how each ended. Kept for 14 days.",
    runs_empty:
      "No task has run yet. If this stays so, the worker is off: see WORKER in the operations guide.",
    outcome: { ok: "Done", failed: "Failed" },
    took: "Took",
    ended: "Ended",
    result: "Result",
    findings: "%{smart_count} finding |||| %{smart_count} findings",
  },
};
