import {
  brands,
  files,
  invitations,
  items,
  jobs,
  people,
  products,
  runs,
  stripeId,
} from "../helpers/world.ts";

/**
 * What is tried on each table, by everybody. Nothing here says who may: that is
 * matrix.ts. Values are SQL, because some depend on who is asking.
 */
export type Subject = {
  table: string;
  key: string[];
  /** Rows to insert, by a name that reads after "insert". */
  inserts?: Record<string, Record<string, string>>;
  /** What to set, by a name that reads after "update". */
  updates?: Record<string, string>;
  /**
   * For a view, which is only read: where its rows come from. A view of the
   * reader role shows the superuser no more than the reader sees.
   */
  view?: string;
};

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const me = "(select app_hidden.current_user_id())";
const vector = "array_fill(1::real, array[768])";

function invitation(brand: string, role: string, by: string = me) {
  return {
    brand_id: text(brand),
    email: text("new@invited.test"),
    role: text(role),
    invited_by: by,
  };
}

function product(brand: string) {
  return {
    brand_id: text(brand),
    sku: text("new"),
    name: text("New"),
    category_code: text("tops"),
  };
}

function file(owner: Record<string, string>, kind: string) {
  return {
    key: text("new/file.png"),
    ...owner,
    kind: text(kind),
    content_type: text("image/png"),
    bytes: "1",
  };
}

function item(owner: string, extra: Record<string, string> = {}) {
  return {
    user_id: owner,
    category_code: text("tops"),
    name: text("New"),
    ...extra,
  };
}

function savedView(
  user: string,
  brand: string | null,
  extra: Record<string, string> = {},
) {
  return {
    user_id: user,
    brand_id: brand === null ? "null" : text(brand),
    resource: text("products"),
    name: text("New"),
    ...extra,
  };
}

function grant(owner: Record<string, string>) {
  return {
    ...owner,
    source: text("promo"),
    amount: "1000",
    remaining: "1000",
    priority: "10",
  };
}

/** From one account of the system to another. */
function transfer(owner: Record<string, string>) {
  return {
    ...owner,
    kind: text("expire"),
    debit_account: text("ffffffff-ffff-7fff-bfff-000000000010"),
    credit_account: text("ffffffff-ffff-7fff-bfff-000000000030"),
    amount: "1",
  };
}

const publicSubjects: Record<string, Omit<Subject, "table">> = {
  users: {
    key: ["id"],
    inserts: {
      "a person": { display_name: text("New") },
    },
    updates: {
      "the name": "display_name = 'Changed'",
      "the status to suspended": "status = 'suspended'",
      "the status to erased": "status = 'erased'",
    },
  },
  staff_members: {
    key: ["user_id"],
    inserts: {
      "a colleague": {
        user_id: text(people["A.viewer"]),
        role: text("support"),
      },
    },
    updates: { "the role": "role = 'finance'" },
  },
  brand_accounts: {
    key: ["id"],
    inserts: { "a brand": { slug: text("new-brand"), name: text("New") } },
    updates: {
      "the name": "name = 'Changed'",
      "the privacy floor": "k_min = 12",
      "the status": "status = 'suspended'",
    },
  },
  brand_members: {
    key: ["brand_id", "user_id"],
    inserts: {
      "a member of A": {
        brand_id: text(brands.A),
        user_id: text(people.shopper),
        role: text("viewer"),
      },
    },
    updates: {
      "the role to analyst": "role = 'analyst'",
      "the role to manager": "role = 'manager'",
    },
  },
  brand_people: {
    key: ["brand_id", "user_id"],
    view: "app_public.brand_members",
  },
  brand_invitations: {
    key: ["id"],
    inserts: {
      "a viewer's invitation to A": invitation(brands.A, "viewer"),
      "a manager's invitation to A": invitation(brands.A, "manager"),
      "an owner's invitation to A": invitation(brands.A, "owner"),
      "an invitation to A in another's name": invitation(
        brands.A,
        "viewer",
        text(people["A.viewer"]),
      ),
      "a viewer's invitation to B": invitation(brands.B, "viewer"),
      "an owner's invitation to B": invitation(brands.B, "owner"),
    },
    updates: {
      "the end": "expires_at = now()",
      "the role to manager": "role = 'manager'",
    },
  },
  currencies: {
    key: ["code"],
    inserts: {
      "a currency": { code: text("xxx"), label: text("New"), exponent: "2" },
    },
    updates: { "the label": "label = 'Changed'" },
  },
  wardrobe_categories: {
    key: ["code"],
    inserts: {
      "a category": {
        code: text("gloves"),
        label: text("Gloves"),
        grp: text("accessories"),
        tracking: text("hand"),
      },
    },
    updates: { "the label": "label = 'Changed'", "the cost": "tryon_cost = 3" },
  },
  category_defaults: {
    key: ["label"],
    inserts: {
      "a default": { label: text("Brand new"), category_code: text("tops") },
    },
    updates: { "the category": "category_code = 'tops'" },
  },
  category_mappings: {
    key: ["id"],
    inserts: {
      "a mapping of A": {
        brand_id: text(brands.A),
        label: text("New"),
        category_code: text("tops"),
      },
      "a mapping of B": {
        brand_id: text(brands.B),
        label: text("New"),
        category_code: text("tops"),
      },
    },
    updates: { "the category": "category_code = 'tops'" },
  },
  storage_objects: {
    key: ["key"],
    inserts: {
      "an own selfie": file({ owner_user_id: me }, "selfie"),
      "an own export": file({ owner_user_id: me }, "export"),
      "an own import": file({ owner_user_id: me }, "import"),
      "a selfie of the shopper": file(
        { owner_user_id: text(people.shopper) },
        "selfie",
      ),
      "a garment of A": file({ owner_brand_id: text(brands.A) }, "garment"),
      "an import of A": file({ owner_brand_id: text(brands.A) }, "import"),
      "a selfie of A": file({ owner_brand_id: text(brands.A) }, "selfie"),
      "an export of A": file({ owner_brand_id: text(brands.A) }, "export"),
      "a garment of B": file({ owner_brand_id: text(brands.B) }, "garment"),
    },
    updates: { "the status": "status = 'deleting'" },
  },
  products: {
    key: ["id"],
    inserts: {
      "a product of A": product(brands.A),
      "a product of B": product(brands.B),
      // The key carries the tenant: a foreign-key check sees through policies.
      "a product of A with an image of B": {
        ...product(brands.A),
        image_key: text(files["B.image"]),
      },
    },
    updates: { "the name": "name = 'Changed'" },
  },
  wardrobe_items: {
    key: ["id"],
    inserts: {
      "an own item": item(me),
      "an item of the shopper": item(text(people.shopper)),
      "an own item of a product that is on sale": item(me, {
        product_id: text(products["B.tee"]),
      }),
      "an own item of a hidden product": item(me, {
        product_id: text(products["A.draft"]),
      }),
      "an own item with a selfie of the neighbour": item(me, {
        image_key: text(files["neighbour.selfie"]),
      }),
    },
    updates: { "the name": "name = 'Changed'", "the uses": "usage_count = 5" },
  },
  item_embeddings: {
    key: ["item_id"],
    inserts: {
      "an own vector of the shopper's item": {
        item_id: text(items["shopper.worn"]),
        user_id: me,
        model: text("new"),
        embedding: vector,
      },
      "a vector for the shopper": {
        item_id: text(items["shopper.worn"]),
        user_id: text(people.shopper),
        model: text("new"),
        embedding: vector,
      },
    },
    updates: { "the model": "model = 'changed'" },
  },
  import_runs: {
    key: ["id"],
    inserts: {
      "a run of A": {
        brand_id: text(brands.A),
        requested_by: me,
        filename: text("new.csv"),
      },
      "an own run": {
        user_id: me,
        requested_by: me,
        requested_role: text("closetai_user"),
        target: text("wardrobe_items"),
        method: text("table"),
        filename: text("new.csv"),
      },
    },
    updates: { "the status": "status = 'cancelled'" },
  },
  import_refusals: {
    key: ["run_id", "line_no"],
    inserts: {
      "a refusal of A": {
        run_id: text(runs["A.run"]),
        brand_id: text(brands.A),
        line_no: "3",
        field: text("sku"),
        code: text("INVAL"),
        reason: text("New"),
      },
      "a refusal of an own run": {
        run_id: text(runs["shopper.run"]),
        user_id: me,
        line_no: "3",
        field: text("name"),
        code: text("INVAL"),
        reason: text("New"),
      },
    },
    updates: { "the reason": "reason = 'Changed'" },
  },
  saved_views: {
    key: ["id"],
    inserts: {
      "an own view outside any brand": savedView(me, null),
      "an own view of A": savedView(me, brands.A),
      "an own view of A, shared": savedView(me, brands.A, {
        is_shared: "true",
      }),
      "a default of A": savedView(me, brands.A, {
        is_shared: "true",
        default_for: text("analyst"),
      }),
      "a view of A in another's name": savedView(
        text(people["A.viewer"]),
        brands.A,
      ),
      "a shopper's view": savedView(text(people.shopper), null),
      "an own view of B": savedView(me, brands.B),
    },
    updates: {
      "the name": "name = 'Changed'",
      "the default": "is_shared = true, default_for = 'analyst'",
    },
  },
  audit_log: {
    key: ["id"],
    inserts: {
      "an event of A": {
        actor_kind: text("user"),
        brand_id: text(brands.A),
        action: text("insert"),
        table_name: text("products"),
        row_pk: text("1"),
      },
    },
    updates: { "the reason": "reason = 'Changed'" },
  },
  tryon_jobs: {
    key: ["id"],
    inserts: {
      "an own job": {
        user_id: me,
        payer: text("pro"),
        category_code: text("tops"),
        cost: "0",
      },
      "a job of A": {
        brand_id: text(brands.A),
        payer: text("brand"),
        category_code: text("tops"),
        cost: "1",
      },
    },
    updates: { "the priority": "priority = 10", "the cost": "cost = 2" },
  },
  tryon_job_garments: {
    key: ["job_id", "position"],
    inserts: {
      "a second product of the shopper's job": {
        job_id: text(jobs["shopper's of A"]),
        position: "2",
        user_id: text(people.shopper),
        brand_id: text(brands.A),
        product_id: text(products["A.tee"]),
      },
    },
    updates: { "the place": "position = 7" },
  },
  tryon_job_attempts: {
    key: ["job_id", "attempt"],
    inserts: {
      "an attempt of the shopper's job": {
        job_id: text(jobs["shopper's of B"]),
        attempt: "1",
        category_code: text("tops"),
        worker: text("new"),
        outcome: text("completed"),
        started_at: "now()",
      },
    },
    updates: { "the outcome": "outcome = 'lost'" },
  },
  tryon_feedback: {
    key: ["job_id"],
    inserts: {
      "an own rating of the shopper's try-on": {
        job_id: text(jobs["shopper's unrated"]),
        user_id: me,
        accurate: "false",
      },
      "an own rating of a try-on that waits": {
        job_id: text(jobs["shopper's of B"]),
        user_id: me,
        accurate: "false",
      },
      "a rating in the shopper's name": {
        job_id: text(jobs["shopper's unrated"]),
        user_id: text(people.shopper),
        accurate: "false",
      },
    },
    updates: { "the rating": "rating = 1" },
  },
  brand_tryon_jobs: { key: ["id"], view: "app_public.tryon_jobs" },
  brand_tryon_garments: {
    key: ["job_id", "position"],
    view: "app_public.tryon_job_garments",
  },
  brand_tryon_attempts: {
    key: ["job_id", "attempt"],
    view: "app_public.tryon_job_attempts",
  },
  tryon_feedback_figures: {
    key: ["brand_id", "category_code"],
    inserts: {
      "figures of another category": {
        brand_id: text(brands.A),
        category_code: text("dresses"),
        as_of: "now()",
        people: "11",
        rated: "11",
        accurate: "11",
        agreed: "11",
        disagreed: "0",
        raters: "0",
        ratings: "0",
        rating_sum: "0",
      },
    },
    updates: { "the count": "accurate = accurate - 1" },
  },
  brand_tryon_feedback: {
    key: ["brand_id", "category_code"],
    // Without the floor, so that what it hides is a row that is there.
    view: "(select distinct brand_id, category_code from app_public.tryon_feedback where brand_id is not null) f",
  },
  worker_keys: {
    key: ["id"],
    inserts: { "a key": { name: text("new"), prefix: text("wk_new") } },
    updates: { "the end": "revoked_at = now()" },
  },
  task_runs: {
    key: ["id"],
    inserts: {
      "a run": {
        task: text("clean_up"),
        started_at: "now()",
        finished_at: "now()",
        outcome: text("ok"),
        attempt: "1",
        job_id: "1",
      },
    },
    updates: { "the outcome": "outcome = 'ok', error = null" },
  },
  credit_accounts: {
    key: ["id"],
    inserts: {
      "an own account": { owner_user_id: me, kind: text("available") },
      "an account of A": {
        owner_brand_id: text(brands.A),
        kind: text("available"),
      },
    },
    updates: { "the balance": "balance = balance + 1000" },
  },
  credit_grants: {
    key: ["id"],
    inserts: {
      "an own grant": grant({ owner_user_id: me }),
      "a grant to A": grant({ owner_brand_id: text(brands.A) }),
    },
    updates: { "the rest": "remaining = amount - expired" },
  },
  credit_holds: {
    key: ["id"],
    inserts: {
      "a hold on A": {
        owner_brand_id: text(brands.A),
        tryon_job_id: text(jobs["A's own"]),
        amount: "1",
      },
    },
    updates: { "the amount": "amount = amount + 1" },
  },
  credit_hold_lines: {
    key: ["hold_id", "grant_id"],
    inserts: {
      "a line of A": {
        hold_id: text(jobs["A's own"]),
        grant_id: text(jobs["A's own"]),
        owner_brand_id: text(brands.A),
        amount: "1",
      },
    },
    updates: { "the amount": "amount = amount + 1" },
  },
  credit_transfers: {
    key: ["id"],
    inserts: {
      "an own entry": transfer({ owner_user_id: me }),
      "an entry of A": transfer({ owner_brand_id: text(brands.A) }),
    },
    updates: { "the amount": "amount = amount + 1" },
  },
  user_credits: { key: ["user_id"], view: "app_public.user_credits" },
  brand_credits: { key: ["brand_id"], view: "app_public.brand_credits" },
  user_entitlements: {
    key: ["id"],
    inserts: {
      "an own entitlement": {
        user_id: me,
        kind: text("pro_unlimited"),
        period: text("[2020-01-01,2100-01-01)"),
        source: text("new"),
      },
    },
    updates: { "the source": "source = 'changed'" },
  },
  stripe_events: {
    key: ["id"],
    inserts: {
      "an event": {
        id: text("evt_new"),
        type: text("customer.created"),
        livemode: "false",
        created: "now()",
        payload: text("{}"),
      },
    },
    updates: { "the status": "status = 'received', processed_at = null" },
  },
  stripe_customers: {
    key: ["id"],
    inserts: {
      "an own customer": { id: text("cus_new"), user_id: me },
      "a customer of A": {
        id: text("cus_new"),
        brand_id: text(brands.A),
      },
    },
    updates: { "the email": "email = 'changed@payers.test'" },
  },
  stripe_subscriptions: {
    key: ["id"],
    inserts: {
      "a subscription of A": {
        id: text("sub_new"),
        customer_id: text("cus_A"),
        status: text("active"),
        currency: text("usd"),
        last_event_created: "now()",
        last_event_id: text("evt_new"),
      },
    },
    updates: { "the status": "status = 'past_due'" },
  },
  stripe_subscription_items: {
    key: ["id"],
    inserts: {
      "an item of A": {
        id: text("si_new"),
        subscription_id: text("sub_A"),
        price_id: text("price_world"),
      },
    },
    updates: { "the quantity": "quantity = 7" },
  },
  stripe_invoices: {
    key: ["id"],
    inserts: {
      "an invoice of A": {
        id: text("in_new"),
        customer_id: text("cus_A"),
        currency: text("usd"),
        last_event_created: "now()",
        last_event_id: text("evt_new"),
      },
    },
    updates: { "the status": "status = 'paid'" },
  },
  stripe_refunds: {
    key: ["id"],
    inserts: {
      "a refund of A": {
        id: text("re_new"),
        customer_id: text("cus_A"),
        amount: "1",
        currency: text("usd"),
        last_event_created: "now()",
        last_event_id: text("evt_new"),
      },
    },
    updates: { "the amount": "amount = 1" },
  },
  stripe_products: {
    key: ["id"],
    inserts: { "a plan": { id: text("prod_new") } },
    updates: { "the name": "name = 'Changed'" },
  },
  stripe_prices: {
    key: ["id"],
    inserts: { "a price": { id: text("price_new"), currency: text("usd") } },
    updates: { "the amount": "unit_amount_decimal = 1" },
  },
  stripe_coupons: {
    key: ["id"],
    inserts: {
      "a coupon": { id: text("coupon_new"), duration: text("forever") },
    },
    updates: { "the percentage": "percent_off = 100" },
  },
  stripe_discounts: {
    key: ["id"],
    inserts: { "a discount": { id: text("di_new") } },
    updates: { "the coupon": "coupon_id = null" },
  },
  subscription_grants: {
    key: ["subscription_id", "kind"],
    inserts: {
      "pro for oneself": {
        subscription_id: text("sub_nobody"),
        kind: text("pro"),
        user_id: me,
        active: "true",
        why: text("new"),
      },
      "a dataset for A": {
        subscription_id: text("sub_A"),
        kind: text("dataset_access"),
        brand_id: text(brands.A),
        active: "true",
        why: text("new"),
      },
    },
    updates: { "whether it is in force": "active = false" },
  },
  account_mrr: {
    key: ["account"],
    inserts: {
      "an account of C": {
        account: text(`brand:${brands.C}`),
        brand_id: text(brands.C),
        mrr_usd_minor: "1000",
      },
    },
    updates: { "the MRR": "mrr_usd_minor = mrr_usd_minor + 1" },
  },
  mrr_movements: {
    key: ["id"],
    inserts: {
      "a movement of A": {
        account: text(`brand:${brands.A}`),
        brand_id: text(brands.A),
        occurred_at: "now()",
        kind: text("expansion"),
        delta_usd_minor: "1",
        before_usd_minor: "2000",
        after_usd_minor: "2001",
        source_event_id: text("evt_new"),
      },
    },
    updates: { "the difference": "delta_usd_minor = 1" },
  },
  mrr_movement_lines: {
    key: ["id"],
    inserts: {
      "a line of A": {
        account: text(`brand:${brands.A}`),
        subscription_id: text(stripeId("sub", "A")),
        occurred_at: "now()",
        is_transfer: "false",
        delta_usd_minor: "1",
      },
    },
    updates: { "the amount": "delta_usd_minor = 1" },
  },
  fx_rates: {
    key: ["currency", "rate_date"],
    inserts: {
      "a rate": {
        currency: text("eur"),
        rate_date: text("2026-01-02"),
        usd_per_unit: "1.2",
      },
    },
    updates: { "the rate": "usd_per_unit = 1.3" },
  },
  acquisition_costs: {
    key: ["id"],
    inserts: {
      "costs of a month": {
        month: text("2026-02-01"),
        segment: text("all"),
        brand_id: text(brands.A),
        spend_usd_minor: "1",
        gross_margin: "0.5",
      },
    },
    updates: { "the amount": "spend_usd_minor = 1" },
  },
};

/** Nobody but functions reaches these; the import staging is the exception. */
const privateSubjects: Record<string, Omit<Subject, "table">> = {
  settings: { key: ["key"], updates: { "the value": "value = 'false'" } },
  partitioned_tables: {
    key: ["parent"],
    updates: { "the horizon": "months_ahead = 1" },
  },
  user_secrets: {
    key: ["user_id"],
    updates: { "the password": "password_hash = 'x'" },
  },
  sessions: {
    key: ["token_hash"],
    updates: { "the brand": `active_brand_id = '${brands.A}'` },
  },
  login_throttle: {
    key: ["email"],
    updates: { "the failures": "failed_attempts = 0" },
  },
  password_resets: {
    key: ["token_hash"],
    updates: { "the use": "used_at = null" },
  },
  password_reset_requests: {
    key: ["user_id"],
    updates: { "the time": "requested_at = now()" },
  },
  invitation_secrets: {
    key: ["invitation_id"],
    updates: {
      "the invitation": `invitation_id = '${invitations["A.open viewer"]}'`,
    },
  },
  idempotency_keys: {
    key: ["owner_kind", "owner_id", "key"],
    updates: { "the result": "result = '{}'" },
  },
  tryon_transitions: {
    key: ["from_status", "to_status"],
    updates: { "the target": "to_status = 'expired'" },
  },
  shopper_handles: {
    key: ["brand_id", "user_id"],
    updates: { "the handle": "handle = gen_random_uuid()" },
  },
  stripe_raw: { key: ["id"], updates: { "the body": "object = '{}'" } },
  stripe_customer_owners: {
    key: ["customer_id"],
    updates: { "who decided": "by_staff = true" },
  },
  stripe_payments: {
    key: ["id"],
    updates: { "whose it is": "customer_id = 'cus_B'" },
  },
  published_feedback: {
    key: ["job_id"],
    updates: { "the vote": "accurate = not accurate" },
  },
  worker_key_secrets: {
    key: ["key_id"],
    updates: { "the hash": "key_hash = sha256('x')" },
  },
  import_rows: {
    key: ["run_id", "line_no"],
    inserts: {
      "a staged line": {
        run_id: text(runs["A.run"]),
        line_no: "3",
        fields: "'{}'",
      },
    },
    updates: { "the fields": "fields = '{}'" },
  },
};

export const subjects: Subject[] = [
  ...named("app_public", publicSubjects),
  ...named("app_private", privateSubjects),
];

function named(
  schema: string,
  found: Record<string, Omit<Subject, "table">>,
): Subject[] {
  return Object.entries(found).map(([name, subject]) => ({
    table: `${schema}.${name}`,
    ...subject,
  }));
}

export function subjectOf(table: string): Subject {
  const found = subjects.find((subject) => subject.table === table);
  if (found === undefined) throw new Error(`Nothing is tried on ${table}`);
  return found;
}
