/** The words of plan, usage, invoices and paying, as an owner or a shopper reads them. */
export const billingMessages = {
  billing: {
    title: "Plan & billing",
    members:
      "You see what the plan of %{brand} grants. Its owners see the plan itself, invoices and payments, and buy credits.",
    cannot_pay:
      "Paying here is not switched on. Whom to ask for credits or another plan:",
    cannot_pay_nobody:
      "Paying here is not switched on. To buy credits or to change the plan, ask your ClosetAI contact.",
    buy: "Buy credits",
    portal: "Billing portal",
    leaving: "Opening Stripe’s page…",
    no_page:
      "The payment service answered without a page. Nothing was paid; try again.",

    plan: "Plan",
    plans: "Plans",
    plan_unnamed: "Plan",
    price_unknown: "A price that is not known here",
    price_unknown_hint: "%{id}: Stripe has not told what it costs.",
    none_title: "No plan yet",
    none_body:
      "A plan gives credits each month, and more. Choose one below; Stripe’s page shows the price before anything is paid.",
    none_body_shopper:
      "With Pro, try-ons cost nothing. Choose a plan below; Stripe’s page shows the price before anything is paid.",
    none_body_ask:
      "A plan gives credits each month, and more. Those on offer stand below.",
    none_body_nothing: "No plan is on offer at the moment.",
    was: "%{name} ended on %{day}.",
    since: "Since",
    period: "Present period",
    period_of: "%{start} to %{end}",
    quantity: "Quantity",
    each: "%{count} × %{amount}",
    price_per_use: "By use",
    price_on_page: "Price on Stripe’s page",
    per_price: "%{amount} %{every}",
    tax: "Amounts are before tax.",
    open_invoice: "Pay the open invoice",
    owed: "%{amount} is open.",
    earlier: "Earlier plans",
    every: {
      day: "per day |||| every %{smart_count} days",
      week: "per week |||| every %{smart_count} weeks",
      month: "per month |||| every %{smart_count} months",
      year: "per year |||| every %{smart_count} years",
    },
    status: {
      active: "Active",
      trialing: "On trial",
      ending: "Cancelled, still running",
      past_due: "Payment overdue",
      unpaid: "Unpaid",
      incomplete: "First payment open",
      incomplete_expired: "Never began",
      paused: "Paused",
      canceled: "Ended",
    },
    outlook: {
      ended: "Ended on %{day}.",
      never_began: "The first payment was not made, so it never began.",
      incomplete:
        "The first payment is not made yet. Until then nothing is granted.",
      past_due:
        "A payment failed. What the plan grants stays for now: pay the open invoice, or change how you pay.",
      past_due_before:
        "A payment failed. Pay before %{day}; until then what the plan grants stays.",
      past_due_late:
        "A payment was due on %{day}. What the plan grants stays for now: pay, or it will end.",
      unpaid: "What the plan grants is off until the open invoices are paid.",
      unpaid_before:
        "What the plan grants is off until the open invoices are paid; the next is due on %{day}.",
      unpaid_late:
        "What the plan grants is off until the open invoices are paid; the first was due on %{day}.",
      paused: "The trial ended without a way to pay. Add one, and it goes on.",
      ends: "Ends on %{day} and does not renew.",
      trial_stops: "The trial ends on %{day}; nothing is charged then.",
      trial_ends: "The trial ends on %{day}, then %{charge}.",
      trial_ends_unknown: "The trial ends on %{day}; then it is charged.",
      trial: "On trial; Stripe has not told until when.",
      renews: "Renews on %{day} for %{charge}.",
      renews_unknown: "Renews on %{day}.",
      renews_uncollected: "Renews on %{day}; nothing is collected for it.",
      renews_uncollected_unknown:
        "Renews on %{day}; nothing is collected for it.",
      collection_keep_as_draft: "Collection is paused: invoices stay drafts.",
      collection_keep_as_draft_until:
        "Collection is paused until %{day}: invoices stay drafts.",
      collection_mark_uncollectible:
        "Collection is paused: invoices are written off.",
      collection_mark_uncollectible_until:
        "Collection is paused until %{day}: invoices are written off.",
      collection_void: "Collection is paused: invoices are void.",
      collection_void_until:
        "Collection is paused until %{day}: invoices are void.",
      collection_paused: "Collection is paused.",
      collection_paused_until: "Collection is paused until %{day}.",
      period_over:
        "The period ended on %{day}. Stripe has not told of the next one yet.",
      unknown: "Stripe has not told when it renews.",
    },
    charge: {
      exact: "%{amount}",
      at_most: "at most %{amount}",
      exact_and_usage: "%{amount} plus usage",
      at_most_and_usage: "at most %{amount} plus usage",
      usage: "what is used",
    },
    discount: "Discount",
    discount_percent: "%{percent} % off",
    discount_amount: "%{amount} off each invoice",
    discount_unknown: "A discount whose amount Stripe has not told",
    discount_forever: "as long as the plan runs",
    discount_once: "on one invoice",
    discount_until: "until %{day}",
    discount_open: "until Stripe says otherwise",

    usage: "Credits",
    usage_definition:
      "What the plan gave for the present month and what became of it. Held credits wait for try-ons under way. What is left ends with the month.",
    usage_of: "%{used} of %{granted} used",
    usage_used: "Used",
    usage_held: "Held",
    usage_left: "Left",
    usage_renews: "Renew",
    usage_renews_on: "%{credits} on %{day}",
    usage_ends: "End",
    usage_waiting:
      "%{credits} a month. Those of this month have not been booked yet.",
    usage_none: "No plan gives credits at present.",
    usage_none_shopper: "Free credits come each month; bought ones do not end.",
    usage_pro: "Try-ons with Pro, 30 days",
    usage_pro_definition:
      "Try-ons of the last 30 days, by the time they were asked for, that cost nothing because of Pro. Free and bought credits stay untouched by them.",
    usage_wallet: "Available in the wallet",
    usage_jobs: "Try-ons of the last 30 days",
    usage_open_wallet: "Open the wallet",

    grants: "What the plan grants",
    grants_empty: "The plan grants nothing here, or there is no plan.",
    grant_active: "Active",
    grant_ended: "Ended",
    grant_future: "To come",
    grant_since: "since",
    grant_from: "from",
    grant_until: "until",
    grant: {
      pro: "Pro: try-ons cost nothing",
      monthly_credits: "%{amount} credits each month",
      dataset_access: "Licensed data",
      dataset_access_aggregate: "Licensed data: aggregates",
      dataset_access_row: "Licensed data: rows",
      custom_models: "Custom models",
    },
    why_price: "the plan",
    gift: "Given by ClosetAI.",
    why: {
      active: "Part of %{prices}; the subscription is active.",
      trialing: "Part of %{prices}, which is on trial.",
      past_due:
        "Part of %{prices}. A payment is overdue, and it stays for now.",
      unpaid: "Part of %{prices}, off because the subscription is unpaid.",
      incomplete: "Part of %{prices}; it begins with the first payment.",
      incomplete_expired:
        "Part of %{prices}, whose first payment was never made.",
      paused: "Part of %{prices}, off while the subscription is paused.",
      canceled: "Was part of %{prices}; the subscription has ended.",
      dropped: "The plan no longer includes it.",
    },

    upcoming: "What comes next",
    upcoming_definition:
      "By what Stripe has told so far. Amounts are before tax and usage, with the discounts that last until then taken off.",
    upcoming_empty: "Nothing is due.",
    late: "Overdue",
    coming: {
      renews: "%{name} renews",
      trial_ends: "The trial of %{name} ends",
      ends: "%{name} ends",
      collection_resumes: "Invoices of %{name} are collected again",
      discount_ends: "The discount “%{name}” ends",
      discount_ends_unnamed: "A discount ends",
      credits: "%{credits} credits of %{name}",
      invoice_due: "Invoice %{name} is due",
      invoice_due_unnamed: "An invoice is due",
      pro_begins: "Unlimited try-ons begin",
      pro_ends: "Unlimited try-ons end",
    },

    offers: "Plans on offer",
    offers_switch: "Change the plan",
    your_plan: "Your plan",
    made_for_you: "Made for you",
    choose: "Choose",
    choose_name: "Choose %{name}",
    choose_hint: "Stripe’s page shows the price before anything changes.",
    gives: {
      pro: "Try-ons cost nothing",
      monthly_credits: "%{amount} credits each month",
      dataset_aggregate: "Licensed data: aggregates",
      dataset_row: "Licensed data: rows",
      custom_models: "Custom models",
    },

    buy_title: "Buy credits",
    buy_body:
      "You pay on Stripe’s page. The credits come as soon as Stripe confirms the payment, and do not end.",
    buy_which: "Which",
    buy_unnamed: "%{credits} credits",
    buy_quantity: "How many times",
    buy_quantity_hint: "1 to 1,000",
    buy_quantity_invalid: "Write a whole number from 1 to 1,000.",
    buy_total: "In total",
    buy_total_credits: "%{credits} credits",
    buy_too_many: "That is more than one purchase may hold. Choose fewer.",
    buy_submit: "Pay at Stripe",

    invoices: "Invoices and refunds",
    invoices_empty_title: "No invoice yet",
    invoices_empty_body:
      "Each payment through Stripe leaves an invoice here, to look at and to keep.",
    invoices_older: "Show older invoices",
    invoice: "Invoice",
    invoice_unnumbered: "Without number",
    invoice_date: "Date",
    invoice_due: "Due",
    invoice_paid: "Paid",
    invoice_total: "Total",
    invoice_remaining: "Open",
    invoice_state: "Status",
    invoice_see: "View",
    invoice_see_name: "View invoice %{number} at Stripe",
    invoice_pdf: "PDF",
    invoice_pdf_name: "PDF of invoice %{number}",
    invoice_refunded: "%{amount} refunded",
    invoice_status: {
      draft: "Being prepared",
      open: "Open",
      overdue: "Overdue",
      paid: "Paid",
      uncollectible: "Written off",
      void: "Void",
      unknown: "Not told",
    },
    refunds: "Refunds",
    refund_of: "for invoice %{number}",
    refund_status: {
      succeeded: "Refunded",
      pending: "On its way",
      failed: "Failed",
      canceled: "Cancelled",
      requires_action: "Waits for you",
      unknown: "Not told",
    },

    mrr: "What %{brand} pays each month, in US dollars",
    mrr_figure: "Each month",
    mrr_definition:
      "Monthly recurring revenue of your plans in US dollars: yearly prices by 12, lasting discounts taken off, taxes, usage and one-off purchases left out. Other currencies at the rate of the day the plan began.",
    mrr_partial:
      "Not every plan is counted yet: of some, Stripe has not told the price, or there is no rate for their currency.",
    mrr_empty: "No plan was paid yet.",
    mrr_then: "then %{amount}",
    mrr_more: "See all changes",
    mrr_kind: {
      new: "A plan began",
      expansion: "More",
      contraction: "Less",
      churn: "Ended",
      reactivation: "Began again",
      transfer: "Moved with a customer of Stripe",
    },

    payers: "Who pays",
    payers_body: "Where Stripe sends invoices and receipts.",
    payers_empty: "Nobody yet. Stripe knows who pays with the first payment.",
    payer_unnamed: "Without name",
    payer_no_email: "No e-mail",
    payer_deleted: "Deleted at Stripe",

    back: {
      paid_credits:
        "Thank you. The credits come with Stripe’s confirmation, usually within a minute; this page shows them when they are here.",
      paid_plan:
        "Thank you. The plan begins with Stripe’s confirmation, usually within a minute; this page shows it when it is here.",
      paid: "Thank you. What you chose comes with Stripe’s confirmation, usually within a minute; this page shows it when it is here.",
      changed:
        "The change takes effect with Stripe’s confirmation, usually within a minute; this page shows it when it is here.",
      cancelled: "Nothing was paid. You can choose again at any time.",
      credits_arrived:
        "%{smart_count} credit has arrived. |||| %{credits} credits have arrived.",
      plan_arrived: "Stripe has confirmed: your plan is up to date.",
      waiting: "Waiting for Stripe",
      late: "Stripe has not confirmed yet. Nothing is lost: what was paid comes with the confirmation. If it is not here tomorrow, this is whom to ask:",
      late_nobody:
        "Stripe has not confirmed yet. Nothing is lost: what was paid comes with the confirmation. If it is not here tomorrow, ask your ClosetAI contact.",
    },
  },
};
