import type { ClientBase } from "pg";

import { insertRows, type Row } from "./factories.ts";

/**
 * A small fixed world for questions of access. Two brands, A and B, with a
 * member of each role; one person who is in both; shoppers; staff; a brand that
 * is suspended and one that is closed. Every row has a name, and tests speak
 * in these names.
 */

const BRANDS = ["A", "B", "C", "D"] as const;

const PEOPLE = [
  "A.viewer",
  "A.analyst",
  "A.manager",
  "A.owner",
  // A manager of A whose account is suspended.
  "A.suspended",
  "B.viewer",
  "B.analyst",
  "B.manager",
  "B.owner",
  // An analyst of A and a manager of B.
  "both",
  // Owns C, which is suspended, and D, which is closed.
  "C.owner",
  "shopper",
  "neighbour",
  "erased",
  "support",
  "finance",
  "privacy",
  "admin",
] as const;

export type Brand = (typeof BRANDS)[number];
export type Person = (typeof PEOPLE)[number];

function uuid(kind: string, position: number): string {
  return `00000000-0000-7000-8000-0000${kind}${String(position + 1).padStart(4, "0")}`;
}

function named<const K extends string>(
  kind: string,
  names: readonly K[],
): Record<K, string> {
  return Object.fromEntries(
    names.map((name, position) => [name, uuid(kind, position)]),
  ) as Record<K, string>;
}

export const brands = named("00b0", BRANDS);
export const people = named("00a0", PEOPLE);

export const products = named("00c0", [
  "A.tee",
  "A.draft",
  "B.tee",
  "B.draft",
  "C.tee",
]);
export const items = named("00d0", [
  "shopper.coat",
  "shopper.worn",
  "neighbour.coat",
  // A member of a brand is a shopper too, but not while acting for the brand.
  "A.viewer.hat",
]);
export const invitations = named("00e0", [
  "A.open viewer",
  "A.open owner",
  "A.accepted",
  "B.open viewer",
  "B.open owner",
]);
export const mappings = named("00f0", ["A.mapping", "B.mapping"]);
export const runs = named("0100", [
  "A.run",
  "B.run",
  "shopper.run",
  // Of the days when the shopper was staff.
  "shopper.former",
  "admin.run",
]);
export const views = named("0120", [
  "A.viewer's",
  "A.shared",
  "A.default",
  "B.shared",
  "shopper's",
  "both's",
  "support's",
]);
export const audits = named("0110", ["A.event", "B.event", "shopper.event"]);

export const files = {
  "A.image": "garment/a.png",
  "A.file": "imports/a.csv",
  "A.selfie": "selfie/a.png",
  "A.result": "result/a.png",
  "B.image": "garment/b.png",
  "B.selfie": "selfie/b.png",
  "shopper.selfie": "selfie/shopper.png",
  "shopper.garment": "garment/shopper.png",
  "shopper.result": "result/shopper.png",
  "neighbour.selfie": "selfie/neighbour.png",
  "shopper.file": "imports/shopper.csv",
  "neighbour.result": "result/neighbour.png",
  "crowd.result": "result/crowd.png",
} as const;

/** Ids of jobs tell their partition, so these are of this very month. */
const NOW = Date.now().toString(16).padStart(12, "0");

function jobId(position: number): string {
  return `${NOW.slice(0, 8)}-${NOW.slice(8)}-7000-8000-00000130${String(position + 1).padStart(4, "0")}`;
}

/** People whose feedback a brand may see together: as many as its floor. */
export const CROWD = [
  "A.viewer",
  "A.analyst",
  "A.manager",
  "A.owner",
  "A.suspended",
  "B.viewer",
  "B.analyst",
  "B.manager",
  "B.owner",
  "C.owner",
  "support",
] as const satisfies readonly Person[];

const JOBS = [
  // Completed and rated: a product of A, which sees no more than a handle.
  "shopper's of A",
  // Completed, not rated yet.
  "shopper's unrated",
  "shopper's of B",
  // Own garments only: no brand at all.
  "shopper's own",
  // Completed and rated in a category too few people spoke of.
  "neighbour's of A",
  "neighbour's of B",
  "A's own",
  "A's finished",
  "B's own",
] as const;

type Job = (typeof JOBS)[number];

export const jobs = Object.fromEntries(
  JOBS.map((name, position) => [name, jobId(position)]),
) as Record<Job, string>;

const crowdJobs = (["A", "B"] as const).flatMap((brand, at) =>
  CROWD.map((person, position) => ({
    brand,
    person,
    name: `${person} tries ${brand}`,
    id: jobId(100 * (at + 1) + position),
  })),
);
export const crowdNames: Record<"A" | "B", string[]> = {
  A: crowdJobs.filter(({ brand }) => brand === "A").map(({ name }) => name),
  B: crowdJobs.filter(({ brand }) => brand === "B").map(({ name }) => name),
};
const allJobs: Record<string, string> = {
  ...jobs,
  ...Object.fromEntries(crowdJobs.map(({ name, id }) => [name, id])),
};
export const entitlements = named("0140", ["neighbour.pro", "A.viewer.pro"]);
export const keys = named("0150", ["key", "revoked key"]);
export const taskRuns = named("0160", ["a run", "a failed run"]);

/** Each pays for one subscription; nobody knows yet whose the last one is. */
export const PAYERS = ["A", "B", "shopper", "nobody"] as const;

type Payer = (typeof PAYERS)[number];

/** Stripe's ids: the kind, and who pays. */
export function stripeId(kind: string, payer: Payer | "world"): string {
  return `${kind}_${payer}`;
}

/**
 * What is sold, to whom, and what is not: "a price" sells nothing here, but every
 * subscription consists of it. Each price has a product of its own.
 */
const PRICES: Record<string, { metadata: Row; oneOff?: true; gone?: true }> = {
  "a price": { metadata: {} },
  "another price": { metadata: { colour: "red" } },
  "for brands": { metadata: { monthly_credits: "100" } },
  "for shoppers": { metadata: { pro: "true" } },
  "for both": { metadata: { pro: "true", custom_models: "true" } },
  "for A": { metadata: { monthly_credits: "900", brand_id: brands.A } },
  "for B": { metadata: { monthly_credits: "900", brand_id: brands.B } },
  "for a name": { metadata: { monthly_credits: "900", brand_id: "acme" } },
  "no more": { metadata: { monthly_credits: "50" }, gone: true },
  credits: { metadata: { credits: "500" }, oneOff: true },
  "credits for A": {
    metadata: { credits: "500", brand_id: brands.A },
    oneOff: true,
  },
};

const priceId = (kind: "price" | "prod", name: string): string =>
  name === "a price" ? `${kind}_world` : `${kind}_${name.replaceAll(" ", "_")}`;

function priceNames(kind: "price" | "prod"): Record<string, string> {
  return Object.fromEntries(
    Object.keys(PRICES).map((name) => [priceId(kind, name), name]),
  );
}

export const costs = named("0170", ["A.cost", "all costs"]);

/** What a password or a token leaves behind: never to be seen by anybody. */
const HASH = `\\x${"5e".repeat(32)}`;
export const VECTOR = Array.from({ length: 768 }, (_, at) => (at % 7) + 1);

const members: { brand: Brand; person: Person; role: string }[] = [
  { brand: "A", person: "A.viewer", role: "viewer" },
  { brand: "A", person: "A.analyst", role: "analyst" },
  { brand: "A", person: "A.manager", role: "manager" },
  { brand: "A", person: "A.owner", role: "owner" },
  { brand: "A", person: "A.suspended", role: "manager" },
  { brand: "A", person: "both", role: "analyst" },
  { brand: "B", person: "B.viewer", role: "viewer" },
  { brand: "B", person: "B.analyst", role: "analyst" },
  { brand: "B", person: "B.manager", role: "manager" },
  { brand: "B", person: "B.owner", role: "owner" },
  { brand: "B", person: "both", role: "manager" },
  { brand: "C", person: "C.owner", role: "owner" },
  { brand: "D", person: "C.owner", role: "owner" },
];

export function membership(brand: Brand, person: Person): string {
  return `${brands[brand]},${people[person]}`;
}

const accountNames: Record<string, string> = {
  [`brand:${brands.A}`]: "A",
  [`brand:${brands.B}`]: "B",
  [`user:${people.shopper}`]: "shopper",
  [`customer:${stripeId("cus", "nobody")}`]: "nobody",
};

function payerNames(kind: string): Record<string, string> {
  return Object.fromEntries(
    PAYERS.map((payer) => [stripeId(kind, payer), payer]),
  );
}

/** The name of each row by its table and its primary key as text. */
export const rowNames: Record<string, Record<string, string>> = {
  "app_public.users": names(people),
  "app_public.brand_accounts": names(brands),
  "app_public.brand_members": Object.fromEntries(
    members.map(({ brand, person }) => [
      membership(brand, person),
      `${brand}+${person}`,
    ]),
  ),
  "app_public.brand_people": Object.fromEntries(
    members.map(({ brand, person }) => [
      membership(brand, person),
      `${brand}+${person}`,
    ]),
  ),
  "app_public.staff_members": names(people),
  "app_public.brand_invitations": names(invitations),
  "app_public.products": names(products),
  "app_public.wardrobe_items": names(items),
  "app_public.item_embeddings": names(items),
  "app_public.storage_objects": names(files),
  "app_public.category_mappings": names(mappings),
  "app_public.import_runs": names(runs),
  "app_public.import_refusals": {
    [`${runs["A.run"]},2`]: "A.refusal",
    [`${runs["B.run"]},2`]: "B.refusal",
    [`${runs["shopper.run"]},2`]: "shopper.refusal",
    [`${runs["shopper.former"]},2`]: "shopper.former refusal",
    [`${runs["admin.run"]},2`]: "admin.refusal",
  },
  "app_public.saved_views": names(views),
  "app_public.audit_log": names(audits),
  "app_public.tryon_jobs": names(allJobs),
  "app_public.brand_tryon_jobs": names(allJobs),
  "app_public.tryon_job_garments": jobNames(",1"),
  "app_public.brand_tryon_garments": jobNames(",1"),
  "app_public.tryon_job_attempts": jobNames(",1"),
  "app_public.brand_tryon_attempts": jobNames(",1"),
  "app_public.tryon_feedback": names(allJobs),
  "app_public.tryon_feedback_figures": {
    [`${brands.A},tops`]: "A tops",
    [`${brands.B},tops`]: "B tops",
  },
  "app_public.brand_tryon_feedback": {
    [`${brands.A},tops`]: "A tops",
    [`${brands.A},jackets`]: "A jackets",
    [`${brands.B},tops`]: "B tops",
  },
  "app_public.user_entitlements": names(entitlements),
  "app_public.worker_keys": names(keys),
  "app_public.task_runs": names(taskRuns),
  "app_public.user_credits": names(people),
  "app_public.brand_credits": names(brands),
  "app_public.stripe_events": { evt_world: "an event" },
  "app_public.stripe_customers": payerNames("cus"),
  "app_public.stripe_subscriptions": payerNames("sub"),
  "app_public.stripe_subscription_items": payerNames("si"),
  "app_public.stripe_invoices": payerNames("in"),
  "app_public.stripe_refunds": payerNames("re"),
  "app_public.stripe_products": priceNames("prod"),
  "app_public.stripe_prices": priceNames("price"),
  "app_public.stripe_coupons": {
    ...payerNames("coupon"),
    coupon_unused: "not given",
  },
  "app_public.stripe_discounts": payerNames("di"),
  "app_public.fx_rates": { "eur,2026-01-01": "a rate" },
  "app_public.acquisition_costs": names(costs),
  "app_public.subscription_grants": {
    [`${stripeId("sub", "A")},custom_models`]: "A",
    [`${stripeId("sub", "B")},custom_models`]: "B",
    [`${stripeId("sub", "shopper")},pro`]: "shopper",
  },
  "app_public.account_mrr": accountNames,
  // Movements follow from subscriptions: named once they are there.
  "app_public.mrr_movements": {},
  "app_public.mrr_movement_lines": {},
  // Wallets open by themselves, with ids of their own: named once they are there.
  "app_public.credit_accounts": {},
  "app_public.credit_grants": {},
  "app_public.credit_holds": {},
  "app_public.credit_hold_lines": {},
  "app_public.credit_transfers": {},
};

function jobNames(rest: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(allJobs).map(([name, id]) => [`${id}${rest}`, name]),
  );
}

function names(ids: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ids).map(([name, id]) => [id, name]),
  );
}

/** Fills an empty, migrated database. Run by the superuser, and committed. */
export async function createWorld(client: ClientBase): Promise<void> {
  const put = (table: string, rows: Row[]): Promise<void> =>
    insertRows(client, `app_public.${table}`, rows);
  const putPrivate = (table: string, rows: Row[]): Promise<void> =>
    insertRows(client, `app_private.${table}`, rows);

  await put(
    "users",
    PEOPLE.map((name) => ({
      id: people[name],
      email: `${name.replace(".", "-").toLowerCase()}@world.test`,
      display_name: name,
      status:
        name === "A.suspended"
          ? "suspended"
          : name === "erased"
            ? "erased"
            : "active",
      erased_at: name === "erased" ? "2026-01-01" : null,
    })),
  );
  await put(
    "brand_accounts",
    BRANDS.map((name) => ({
      id: brands[name],
      slug: `brand-${name.toLowerCase()}`,
      name: `Brand ${name}`,
      status: name === "C" ? "suspended" : name === "D" ? "closed" : "active",
    })),
  );
  await put(
    "brand_members",
    members.map(({ brand, person, role }) => ({
      brand_id: brands[brand],
      user_id: people[person],
      role,
    })),
  );
  await put(
    "staff_members",
    (["support", "finance", "privacy", "admin"] as const).map((role) => ({
      user_id: people[role],
      role,
    })),
  );
  await put("brand_invitations", [
    invitation("A.open viewer", "A", "viewer", null),
    invitation("A.open owner", "A", "owner", null),
    invitation("A.accepted", "A", "viewer", "2026-01-01"),
    invitation("B.open viewer", "B", "viewer", null),
    invitation("B.open owner", "B", "owner", null),
  ]);
  await put("storage_objects", [
    brandFile("A.image", "A", "garment"),
    brandFile("A.file", "A", "import"),
    brandFile("A.selfie", "A", "selfie"),
    brandFile("A.result", "A", "result"),
    brandFile("B.image", "B", "garment"),
    brandFile("B.selfie", "B", "selfie"),
    personalFile("shopper.selfie", "shopper", "selfie"),
    personalFile("shopper.garment", "shopper", "garment"),
    personalFile("shopper.result", "shopper", "result"),
    personalFile("neighbour.selfie", "neighbour", "selfie"),
    personalFile("shopper.file", "shopper", "import"),
    personalFile("neighbour.result", "neighbour", "result"),
    personalFile("crowd.result", "C.owner", "result"),
  ]);
  await put("products", [
    product("A.tee", "A", true, files["A.image"]),
    product("A.draft", "A", false, null),
    product("B.tee", "B", true, files["B.image"]),
    product("B.draft", "B", false, null),
    product("C.tee", "C", true, null),
  ]);
  await put("wardrobe_items", [
    item("shopper.coat", "shopper", products["A.tee"], null),
    item("shopper.worn", "shopper", null, "2026-01-01"),
    item("neighbour.coat", "neighbour", null, null),
    item("A.viewer.hat", "A.viewer", null, null),
  ]);
  await put("item_embeddings", [
    embedding("shopper.coat", "shopper"),
    embedding("neighbour.coat", "neighbour"),
  ]);
  await put("category_mappings", [
    {
      id: mappings["A.mapping"],
      brand_id: brands.A,
      label: "Coats",
      category_code: "jackets",
    },
    {
      id: mappings["B.mapping"],
      brand_id: brands.B,
      label: "Coats",
      category_code: "dresses",
    },
  ]);
  await put(
    "import_runs",
    (["A", "B"] as const).map((brand) => ({
      id: runs[`${brand}.run`],
      brand_id: brands[brand],
      requested_by: people[`${brand}.manager`],
      filename: "catalogue.csv",
      status: "completed",
      processed_rows: 1,
      refused_count: 1,
    })),
  );
  await put(
    "import_runs",
    ownRuns.map(({ run, person, role, target }) => ({
      id: runs[run],
      user_id: people[person],
      requested_by: people[person],
      requested_role: role,
      target,
      method: "table",
      filename: "own.csv",
      storage_key: run === "shopper.run" ? files["shopper.file"] : null,
      status: "completed",
      processed_rows: 1,
      refused_count: 1,
    })),
  );
  await put(
    "import_refusals",
    ownRuns.map(({ run, person }) => ({
      run_id: runs[run],
      user_id: people[person],
      line_no: 2,
      field: "name",
      code: "EMPTY",
      reason: "No name",
    })),
  );
  await put(
    "import_refusals",
    (["A", "B"] as const).map((brand) => ({
      run_id: runs[`${brand}.run`],
      brand_id: brands[brand],
      line_no: 2,
      field: "category",
      code: "NOMAP",
      reason: "Footwear / Sandals: no try-on category",
      label: "Sandals",
    })),
  );
  await put("saved_views", [
    savedView("A.viewer's", "A.viewer", "A", {}),
    savedView("A.shared", "A.analyst", "A", { is_shared: true }),
    savedView("A.default", "A.manager", "A", {
      is_shared: true,
      default_for: "viewer",
    }),
    savedView("B.shared", "B.viewer", "B", { is_shared: true }),
    savedView("shopper's", "shopper", null, {}),
    savedView("both's", "both", null, {}),
    savedView("support's", "support", null, {}),
  ]);
  await putPrivate("shopper_handles", [
    { brand_id: brands.A, user_id: people.shopper },
    { brand_id: brands.B, user_id: people.shopper },
    { brand_id: brands.A, user_id: people.neighbour },
    { brand_id: brands.B, user_id: people.neighbour },
    ...crowdJobs.map(({ brand, person }) => ({
      brand_id: brands[brand],
      user_id: people[person],
    })),
  ]);
  await createTryons(client, put);
  await put(
    "user_entitlements",
    (["neighbour", "A.viewer"] as const).map((person) => ({
      id: entitlements[`${person}.pro`],
      user_id: people[person],
      kind: "pro_unlimited",
      period: "[2026-01-01,2026-02-01)",
      source: "world",
    })),
  );
  await put("worker_keys", [
    {
      id: keys.key,
      name: "world",
      prefix: "wk_worldaaa",
      created_by: people.admin,
      revoked_at: null,
    },
    {
      id: keys["revoked key"],
      name: "world-old",
      prefix: "wk_worldbbb",
      created_by: people.admin,
      revoked_at: "2026-01-01",
    },
  ]);
  const at = "2026-01-01T00:00:00Z";
  const run = { task: "clean_up", started_at: at, finished_at: at, attempt: 1 };
  await put("task_runs", [
    { ...run, id: taskRuns["a run"], outcome: "ok", error: null, job_id: 1 },
    {
      ...run,
      id: taskRuns["a failed run"],
      outcome: "failed",
      error: "It broke",
      job_id: 2,
    },
  ]);
  await putPrivate("worker_key_secrets", [
    { key_id: keys.key, key_hash: HASH },
    { key_id: keys["revoked key"], key_hash: `\\x${"5f".repeat(32)}` },
  ]);
  await createBilling(client, put, putPrivate);
  await replaceAuditTrail(client, put);

  // Rows in every private table: a denial on an empty one would prove nothing.
  await putPrivate("settings", [{ key: "world", value: true }]);
  await putPrivate("user_secrets", [
    { user_id: people.shopper, password_hash: "$2a$11$world" },
  ]);
  await putPrivate("sessions", [
    {
      token_hash: HASH,
      user_id: people.shopper,
      expires_at: "2100-01-01",
    },
  ]);
  await putPrivate("login_throttle", [{ email: "shopper@world.test" }]);
  await putPrivate("password_resets", [
    { token_hash: HASH, user_id: people.shopper, expires_at: "2100-01-01" },
  ]);
  await putPrivate("password_reset_requests", [{ user_id: people.shopper }]);
  await putPrivate("invitation_secrets", [
    { invitation_id: invitations["A.open viewer"], token_hash: HASH },
  ]);
  await putPrivate("idempotency_keys", [
    {
      owner_kind: "user",
      owner_id: people.shopper,
      key: "world",
      request_hash: HASH,
    },
  ]);
  await putPrivate("import_rows", [
    { run_id: runs["A.run"], line_no: 2, fields: ["1", "Sandals"] },
  ]);
}

/** What Stripe's events left behind; MRR and its movements follow by themselves. */
async function createBilling(
  client: ClientBase,
  put: (table: string, rows: Row[]) => Promise<void>,
  putPrivate: (table: string, rows: Row[]) => Promise<void>,
): Promise<void> {
  const known = {
    last_event_created: "2026-01-01T00:00:00Z",
    last_event_id: "evt_world",
  };
  const created = known.last_event_created;
  const each = (row: (payer: Payer) => Row): Row[] => PAYERS.map(row);
  await put("stripe_events", [
    {
      id: "evt_world",
      type: "account.updated",
      livemode: false,
      created,
      payload: { id: "evt_world" },
      status: "ignored",
      processed_at: created,
    },
  ]);
  await put(
    "stripe_products",
    Object.keys(PRICES).map((name) => ({ id: priceId("prod", name), name })),
  );
  await put(
    "stripe_prices",
    Object.entries(PRICES).map(([name, { metadata, oneOff, gone }]) => ({
      id: priceId("price", name),
      product_id: priceId("prod", name),
      active: gone !== true,
      type: oneOff === true ? "one_time" : "recurring",
      currency: "usd",
      unit_amount_decimal: 2000,
      interval: oneOff === true ? null : "month",
      interval_count: oneOff === true ? null : 1,
      metadata,
    })),
  );
  await put(
    "stripe_coupons",
    [...PAYERS.map((payer) => stripeId("coupon", payer)), "coupon_unused"].map(
      (id) => ({ id, percent_off: 10, duration: "once" }),
    ),
  );
  await put(
    "stripe_customers",
    each((payer) => ({
      id: stripeId("cus", payer),
      brand_id: payer === "A" || payer === "B" ? brands[payer] : null,
      user_id: payer === "shopper" ? people.shopper : null,
      email: `${payer.toLowerCase()}@payers.test`,
    })),
  );
  await put(
    "stripe_discounts",
    each((payer) => ({
      id: stripeId("di", payer),
      coupon_id: stripeId("coupon", payer),
      customer_id: stripeId("cus", payer),
    })),
  );
  await put(
    "stripe_subscriptions",
    each((payer) => ({
      id: stripeId("sub", payer),
      customer_id: stripeId("cus", payer),
      status: "active",
      currency: "usd",
      ...known,
    })),
  );
  await put(
    "stripe_subscription_items",
    each((payer) => ({
      id: stripeId("si", payer),
      subscription_id: stripeId("sub", payer),
      price_id: "price_world",
      quantity: 1,
    })),
  );
  await put(
    "stripe_invoices",
    each((payer) => ({
      id: stripeId("in", payer),
      customer_id: stripeId("cus", payer),
      currency: "usd",
      ...known,
    })),
  );
  await put(
    "stripe_refunds",
    each((payer) => ({
      id: stripeId("re", payer),
      customer_id: stripeId("cus", payer),
      amount: 100,
      currency: "usd",
      ...known,
    })),
  );
  await put(
    "subscription_grants",
    (["A", "B", "shopper"] as const).map((payer) => ({
      subscription_id: stripeId("sub", payer),
      kind: payer === "shopper" ? "pro" : "custom_models",
      brand_id: payer === "shopper" ? null : brands[payer],
      user_id: payer === "shopper" ? people.shopper : null,
      active: true,
      why: "world",
    })),
  );
  await put("fx_rates", [
    { currency: "eur", rate_date: "2026-01-01", usd_per_unit: 1.1 },
  ]);
  await put(
    "acquisition_costs",
    (["A.cost", "all costs"] as const).map((cost) => ({
      id: costs[cost],
      month: "2026-01-01",
      brand_id: cost === "A.cost" ? brands.A : null,
      spend_usd_minor: 1000,
    })),
  );
  await putPrivate("stripe_raw", [
    { id: "cus_A", object: { id: "cus_A" }, event_created: created },
  ]);
  await putPrivate("stripe_customer_owners", [
    { customer_id: "cus_A", named_brand_id: brands.B },
  ]);
  await putPrivate("stripe_payments", [
    { id: "ch_A", customer_id: "cus_A", invoice_id: "in_A" },
  ]);
  for (const table of ["mrr_movements", "mrr_movement_lines"]) {
    const { rows } = await client.query<{ id: string; account: string }>(
      `select id, account from app_public.${table}`,
    );
    rowNames[`app_public.${table}`] = Object.fromEntries(
      rows.map(({ id, account }) => [id, accountNames[account] ?? account]),
    );
  }
}

/** Imports of a person, each in the role it was asked for in. */
const ownRuns = [
  {
    run: "shopper.run",
    person: "shopper",
    role: "closetai_user",
    target: "wardrobe_items",
  },
  {
    run: "shopper.former",
    person: "shopper",
    role: "closetai_staff_support",
    target: "brand_accounts",
  },
  {
    run: "admin.run",
    person: "admin",
    role: "closetai_staff_admin",
    target: "brand_accounts",
  },
] as const;

type Tryon = {
  id: string;
  /** Null for a job the brand asked for itself. */
  person: Person | null;
  brand: "A" | "B" | null;
  selfie?: keyof typeof files;
  /** Set when it is completed. */
  result?: string;
  category?: string;
  garment: { product: string } | { item: string };
  rated?: true;
};

/**
 * Jobs as requests and workers leave them: their holds are placed, and what is
 * completed went through the same triggers.
 */
async function createTryons(
  client: ClientBase,
  put: (table: string, rows: Row[]) => Promise<void>,
): Promise<void> {
  const ofA = { product: products["A.tee"] };
  const ofB = { product: products["B.tee"] };
  const tryons: Tryon[] = [
    {
      id: jobs["shopper's of A"],
      person: "shopper",
      brand: "A",
      selfie: "shopper.selfie",
      result: files["shopper.result"],
      garment: ofA,
      rated: true,
    },
    {
      id: jobs["shopper's unrated"],
      person: "shopper",
      brand: "B",
      result: files["shopper.result"],
      garment: ofB,
    },
    {
      id: jobs["shopper's of B"],
      person: "shopper",
      brand: "B",
      selfie: "shopper.selfie",
      garment: ofB,
    },
    {
      id: jobs["shopper's own"],
      person: "shopper",
      brand: null,
      selfie: "shopper.selfie",
      category: "jackets",
      garment: { item: items["shopper.coat"] },
    },
    {
      id: jobs["neighbour's of A"],
      person: "neighbour",
      brand: "A",
      result: files["neighbour.result"],
      category: "jackets",
      garment: ofA,
      rated: true,
    },
    {
      id: jobs["neighbour's of B"],
      person: "neighbour",
      brand: "B",
      selfie: "neighbour.selfie",
      garment: ofB,
    },
    {
      id: jobs["A's own"],
      person: null,
      brand: "A",
      selfie: "A.selfie",
      garment: ofA,
    },
    {
      id: jobs["A's finished"],
      person: null,
      brand: "A",
      selfie: "A.selfie",
      result: files["A.result"],
      garment: ofA,
    },
    {
      id: jobs["B's own"],
      person: null,
      brand: "B",
      selfie: "B.selfie",
      garment: ofB,
    },
    ...crowdJobs.map(({ id, person, brand }): Tryon => ({
      id,
      person,
      brand,
      result: files["crowd.result"],
      garment: brand === "A" ? ofA : ofB,
      rated: true,
    })),
  ];
  for (const brand of ["A", "B"] as const) {
    await client.query("select app_private.add_grant(null, $1, 'promo', 100)", [
      brands[brand],
    ]);
  }
  for (const tryon of tryons) await createTryon(client, put, tryon);
  await client.query("select app_private.publish_feedback()");
  await nameCredits(client);
}

async function createTryon(
  client: ClientBase,
  put: (table: string, rows: Row[]) => Promise<void>,
  tryon: Tryon,
): Promise<void> {
  const user_id = tryon.person === null ? null : people[tryon.person];
  const brand_id = tryon.brand === null ? null : brands[tryon.brand];
  const category_code = tryon.category ?? "tops";
  const { rows } = await client.query<{ handle: string }>(
    "select handle from app_private.shopper_handles where brand_id = $1 and user_id = $2",
    [brand_id, user_id],
  );
  await put("tryon_jobs", [
    {
      id: tryon.id,
      user_id,
      brand_id,
      shopper_handle: rows[0]?.handle ?? null,
      payer: user_id === null ? "brand" : "user",
      category_code,
      selfie_key: tryon.selfie === undefined ? null : files[tryon.selfie],
      cost: 1,
    },
  ]);
  await put("tryon_job_garments", [
    {
      job_id: tryon.id,
      position: 1,
      user_id,
      brand_id: "product" in tryon.garment ? brand_id : null,
      product_id: "product" in tryon.garment ? tryon.garment.product : null,
      wardrobe_item_id: "item" in tryon.garment ? tryon.garment.item : null,
    },
  ]);
  await client.query("select app_private.place_hold($1, $2, $3, 1)", [
    tryon.id,
    user_id,
    user_id === null ? brand_id : null,
  ]);
  if (tryon.result === undefined) return;
  await client.query(
    `update app_public.tryon_jobs set status = 'processing', locked_by = 'world',
            locked_until = now() + interval '1 minute' where id = $1`,
    [tryon.id],
  );
  await client.query(
    `update app_public.tryon_jobs set status = 'completed', result_key = $2,
            confidence = 0.9, processing_ms = 1200 where id = $1`,
    [tryon.id, tryon.result],
  );
  if (tryon.rated !== true) return;
  await put("tryon_feedback", [
    { job_id: tryon.id, user_id, accurate: true, rating: 4 },
  ]);
}

/** Whose wallet it is, or the system's: a name and what distinguishes the row. */
const CREDIT_NAMES: Record<string, string> = {
  credit_accounts: `select id::text as pk, owner_user_id, owner_brand_id, kind::text || case when shard > 0 then ' ' || shard else '' end as what
    from app_public.credit_accounts`,
  credit_grants: `select id::text as pk, owner_user_id, owner_brand_id, source::text as what from app_public.credit_grants`,
  credit_holds: `select id::text as pk, owner_user_id, owner_brand_id, 'hold ' || tryon_job_id as what from app_public.credit_holds`,
  credit_hold_lines: `select hold_id || ',' || grant_id as pk, owner_user_id, owner_brand_id,
      'line ' || row_number() over (partition by owner_user_id, owner_brand_id order by hold_id, grant_id) as what
    from app_public.credit_hold_lines`,
  credit_transfers: `select id::text as pk, owner_user_id, owner_brand_id,
      'transfer ' || row_number() over (partition by owner_user_id, owner_brand_id order by id) as what
    from app_public.credit_transfers`,
};

async function nameCredits(client: ClientBase): Promise<void> {
  const owners: Record<string, string> = { ...names(people), ...names(brands) };
  const jobOf = names(allJobs);
  for (const [table, sql] of Object.entries(CREDIT_NAMES)) {
    const { rows } = await client.query<{
      pk: string;
      owner_user_id: string | null;
      owner_brand_id: string | null;
      what: string;
    }>(sql);
    rowNames[`app_public.${table}`] = Object.fromEntries(
      rows.map(({ pk, owner_user_id, owner_brand_id, what }) => {
        const owner = owners[owner_user_id ?? owner_brand_id ?? ""] ?? "system";
        const [word = "", id = ""] = what.split(" ");
        return [pk, `${owner}: ${word} ${jobOf[id] ?? id}`.trim()];
      }),
    );
  }
}

function savedView(
  name: keyof typeof views,
  person: Person,
  brand: Brand | null,
  extra: Row,
): Row {
  return {
    id: views[name],
    user_id: people[person],
    brand_id: brand === null ? null : brands[brand],
    resource: "products",
    name,
    is_shared: false,
    default_for: null,
    ...extra,
  };
}

/**
 * Making the world left a trail of its own. Only known rows stay, so that a
 * test can name what an owner sees. The triggers that forbid this are off for
 * these statements.
 */
async function replaceAuditTrail(
  client: ClientBase,
  put: (table: string, rows: Row[]) => Promise<void>,
): Promise<void> {
  await client.query("set session_replication_role = replica");
  try {
    await client.query("delete from app_public.audit_log");
  } finally {
    await client.query("reset session_replication_role");
  }
  const event = (
    name: keyof typeof audits,
    brand_id: string | null,
    person: Person,
  ): Row => ({
    id: audits[name],
    brand_id,
    actor_kind: "user",
    actor_id: people[person],
    action: "update",
    table_name: "products",
    row_pk: products["A.tee"],
  });
  await put("audit_log", [
    event("A.event", brands.A, "A.manager"),
    event("B.event", brands.B, "B.manager"),
    event("shopper.event", null, "shopper"),
  ]);
}

function invitation(
  name: keyof typeof invitations,
  brand: Brand,
  role: string,
  accepted_at: string | null,
): Row {
  return {
    id: invitations[name],
    brand_id: brands[brand],
    email: `${name.replaceAll(/[ .]/g, "-").toLowerCase()}@invited.test`,
    role,
    accepted_at,
  };
}

function brandFile(name: keyof typeof files, brand: Brand, kind: string): Row {
  return file(
    name,
    { owner_brand_id: brands[brand], owner_user_id: null },
    kind,
  );
}

function personalFile(
  name: keyof typeof files,
  person: Person,
  kind: string,
): Row {
  return file(
    name,
    { owner_brand_id: null, owner_user_id: people[person] },
    kind,
  );
}

function file(name: keyof typeof files, owner: Row, kind: string): Row {
  return {
    key: files[name],
    ...owner,
    kind,
    content_type: "image/png",
    bytes: 4,
    sha256: HASH,
    status: "available",
  };
}

function product(
  name: keyof typeof products,
  brand: Brand,
  active: boolean,
  image_key: string | null,
): Row {
  return {
    id: products[name],
    brand_id: brands[brand],
    sku: name,
    name,
    category_code: "tops",
    active,
    image_key,
  };
}

function item(
  name: keyof typeof items,
  person: Person,
  product_id: string | null,
  deleted_at: string | null,
): Row {
  return {
    id: items[name],
    user_id: people[person],
    product_id,
    category_code: "jackets",
    name,
    deleted_at,
  };
}

function embedding(name: keyof typeof items, person: Person): Row {
  return {
    item_id: items[name],
    user_id: people[person],
    model: "world",
    embedding: VECTOR,
  };
}
