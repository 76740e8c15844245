import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Disk } from "flydrive";

import { withClient } from "../../server/db/clients.ts";
import {
  readDemoState,
  seedDemo,
  SeedError,
  type SeedProgress,
} from "../../server/db/seed.ts";
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from "../../server/demoAccounts.ts";
import { makeDisk } from "../../server/storage/makeDisk.ts";
import { customer, event, price, subscription } from "../billing/events.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
  withActor,
  withRoot,
} from "../helpers/database.ts";

const AS_OF = "2026-03-15";

/** What the seed writes; a bcrypt hash has a salt, so it differs every time. */
const SEEDED_TABLES = {
  "app_public.users": "id",
  "app_public.staff_members": "user_id",
  "app_public.brand_accounts": "id",
  "app_public.brand_members": "brand_id, user_id",
  "app_public.brand_invitations": "id",
  "app_public.category_mappings": "id",
  "app_public.products": "id",
  "app_public.wardrobe_items": "id",
  "app_public.item_embeddings": "item_id",
  "app_public.storage_objects": "key",
  "app_public.tryon_jobs": "id",
  "app_public.tryon_job_garments": "job_id, position",
  "app_public.tryon_job_attempts": "job_id, attempt",
  "app_public.tryon_feedback": "job_id",
  "app_public.credit_grants": "id",
  "app_public.credit_holds": "id",
  "app_public.credit_hold_lines": "hold_id, grant_id",
  "app_public.credit_transfers": "id",
  "app_public.user_entitlements": "id",
  "app_public.fx_rates": "currency, rate_date",
  "app_public.acquisition_costs": "id",
  "app_public.stripe_events": "id",
  "app_public.stripe_customers": "id",
  "app_public.stripe_products": "id",
  "app_public.stripe_prices": "id",
  "app_public.stripe_coupons": "id",
  "app_public.stripe_discounts": "id",
  "app_public.stripe_subscriptions": "id",
  "app_public.stripe_subscription_items": "id",
  "app_public.stripe_invoices": "id",
  "app_public.stripe_refunds": "id",
  "app_public.account_mrr": "account",
  "app_public.mrr_movements": "id",
  "app_public.subscription_grants": "subscription_id, kind",
  "app_private.stripe_raw": "id",
} as const;

/** Only moments stand in these; when they were is said by the row they belong to. */
const UNDATED = [
  "app_public.tryon_job_garments",
  "app_public.tryon_job_attempts",
  "app_public.credit_hold_lines",
  "app_public.stripe_subscription_items",
  "app_public.stripe_events",
  "app_private.stripe_raw",
];

/** As staff finance sees it. */
async function asFinance<T extends object>(
  db: TestDatabase,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const [finance] = await rows<{ id: string }>(
    db,
    "select id from app_public.users where email = 'finance@closetai.test'",
  );
  return withActor(
    db,
    { role: "closetai_staff_finance", userId: finance?.id ?? "" },
    async (client) => (await client.query<T>(sql, values)).rows,
  );
}

async function rows<T extends object>(
  db: TestDatabase,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  return (await db.root.query<T>(sql, values)).rows;
}

async function count(db: TestDatabase, sql: string): Promise<number> {
  const [row] = await rows<{ n: string }>(db, `select count(*) as n ${sql}`);
  return Number(row?.n);
}

async function digests(db: TestDatabase): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const [table, key] of Object.entries(SEEDED_TABLES)) {
    const [row] = await rows<{ digest: string }>(
      db,
      // What stands for a shopper is random, here as everywhere.
      `select md5(string_agg((to_jsonb(t) - 'shopper_handle')::text, E'\\n' order by ${key})) as digest from ${table} as t`,
    );
    result[table] = row?.digest ?? "";
  }
  return result;
}

describe("seedDemo", () => {
  let db: TestDatabase;
  let dir: string;
  let disk: Disk;
  const progress: SeedProgress[] = [];
  beforeAll(async () => {
    db = await createTestDatabase();
    dir = await mkdtemp(join(tmpdir(), "closetai-seed-"));
    disk = await makeDisk({ driver: "fs", dir });
    await seedDemo(db.urls, {
      scale: "demo",
      asOf: AS_OF,
      disk,
      onProgress: (step) => progress.push(step),
    });
  });
  afterAll(async () => {
    await db.drop();
    await rm(dir, { recursive: true, force: true });
  });

  it("makes 12 brands, 400 shoppers, 3,000 products and their wardrobes", async () => {
    expect(await count(db, "from app_public.brand_accounts")).toBe(12);
    expect(await count(db, "from app_public.products")).toBe(3_000);
    expect(await count(db, "from app_public.wardrobe_items")).toBe(2_380);
    expect(
      await count(
        db,
        `from app_public.users u
          where not exists (select from app_public.brand_members m where m.user_id = u.id)
            and not exists (select from app_public.staff_members s where s.user_id = u.id)`,
      ),
    ).toBe(400);
  });

  it("gives every brand a member of each role", async () => {
    expect(
      await rows(
        db,
        `select b.slug
           from app_public.brand_accounts b
           left join app_public.brand_members m on m.brand_id = b.id
          group by b.id
         having count(distinct m.role) <> 4`,
      ),
    ).toEqual([]);
  });

  it("gives between 5 and 12 items to each shopper who has a wardrobe", async () => {
    const [sizes] = await rows<{ smallest: number; largest: number }>(
      db,
      `select min(n)::int as smallest, max(n)::int as largest
         from (select count(*) as n from app_public.wardrobe_items group by user_id) s`,
    );
    expect(sizes).toEqual({ smallest: 5, largest: 12 });
  });

  it("gives the first items a vector of length one, near those of its kind and colour", async () => {
    expect(
      await count(
        db,
        `from app_public.item_embeddings e
         join app_public.wardrobe_items w on w.id = e.item_id
        where abs(app_private.vector_norm(e.embedding) - 1) < 1e-5`,
      ),
    ).toBe(136);
    // Of the nearest neighbours, nearly all are of the same category.
    const [alike] = await rows<{ share: number }>(
      db,
      `select avg((w.category_code = n.category_code)::int)::float as share
         from app_public.item_embeddings e
         join app_public.wardrobe_items w on w.id = e.item_id
         cross join lateral (
           select o.category_code
           from app_hidden.nearest_items(w.id, null, 1) s
           join app_public.wardrobe_items o on o.id = s.item_id
         ) n
        where exists (
          select from app_public.wardrobe_items t
          where t.user_id = w.user_id and t.id <> w.id
            and t.category_code = w.category_code and t.deleted_at is null
            and t.id in (select item_id from app_public.item_embeddings)
        )`,
    );
    expect(alike?.share).toBeGreaterThan(0.95);
  });

  it("uses every category and keeps the numeric SKUs of imports free", async () => {
    expect(
      await count(
        db,
        `from app_public.wardrobe_categories c
          where not exists (select from app_public.products p where p.category_code = c.code)`,
      ),
    ).toBe(0);
    expect(
      await count(
        db,
        "from app_public.products where sku !~ '^[A-Z]{2}-[0-9]{4}$'",
      ),
    ).toBe(0);
  });

  it("dates nothing after the day it looks back from", async () => {
    for (const table of Object.keys(SEEDED_TABLES)) {
      if (UNDATED.includes(table)) continue;
      expect(
        await count(
          db,
          `from ${table} t
            where created_at > '${AS_OF}T00:00:00Z'
              or (to_jsonb(t) ->> 'updated_at')::timestamptz < created_at`,
        ),
      ).toBe(0);
    }
  });

  it("adds no product to a wardrobe before the product or the person was there", async () => {
    expect(
      await count(
        db,
        `from app_public.wardrobe_items w
         join app_public.users u on u.id = w.user_id
         left join app_public.products p on p.id = w.product_id
        where w.created_at < u.created_at or w.created_at < p.created_at`,
      ),
    ).toBe(0);
  });

  it("lets the printed sign-ins in with the printed password, and nobody else", async () => {
    const allowed = await rows<{ email: string }>(
      db,
      `select u.email
         from app_public.users u
         join app_private.user_secrets s on s.user_id = u.id
        where u.status = 'active' and app_private.verify_password($1, s.password_hash)
          and u.email = any ($2)`,
      [DEMO_PASSWORD, DEMO_ACCOUNTS.map(({ email }) => email)],
    );
    expect(allowed.map(({ email }) => email).sort()).toEqual(
      DEMO_ACCOUNTS.map(({ email }) => email as string).sort(),
    );
    // Four staff, the agency, one shopper, and four of each of twelve brands.
    expect(await count(db, "from app_private.user_secrets")).toBe(54);
  });

  it("makes the sign-ins what their labels say", async () => {
    expect(
      await rows(
        db,
        `select u.email, s.role::text as staff, b.slug as brand, m.role::text as role
           from app_public.users u
           left join app_public.staff_members s on s.user_id = u.id
           left join app_public.brand_members m on m.user_id = u.id
           left join app_public.brand_accounts b on b.id = m.brand_id
          where u.email = any ($1)
          order by u.email collate "C"`,
        [DEMO_ACCOUNTS.map(({ email }) => email)],
      ),
    ).toEqual([
      {
        email: "analyst@maison-lumiere.test",
        staff: null,
        brand: "maison-lumiere",
        role: "analyst",
      },
      {
        email: "owner@maison-lumiere.test",
        staff: null,
        brand: "maison-lumiere",
        role: "owner",
      },
      {
        email: "owner@northside-denim.test",
        staff: null,
        brand: "northside-denim",
        role: "owner",
      },
      { email: "shopper@closetai.test", staff: null, brand: null, role: null },
      { email: "staff@closetai.test", staff: "admin", brand: null, role: null },
    ]);
  });

  it("tries on in every way a job can end, and leaves none half done", async () => {
    const found = await rows<{ payer: string; status: string; n: number }>(
      db,
      `select payer::text, status::text, count(*)::int as n
         from app_public.tryon_jobs group by 1, 2`,
    );
    const of = (what: Partial<{ payer: string; status: string }>) =>
      found
        .filter(
          ({ payer, status }) =>
            (what.payer ?? payer) === payer &&
            (what.status ?? status) === status,
        )
        .reduce((sum, { n }) => sum + n, 0);
    for (const status of ["completed", "failed", "cancelled", "expired"]) {
      expect([status, of({ status })]).toEqual([status, expect.any(Number)]);
      expect(of({ status })).toBeGreaterThan(20);
    }
    for (const payer of ["user", "brand", "pro"]) {
      expect(of({ payer })).toBeGreaterThan(3);
    }
    // The day looked back from is past: nothing waits for ever.
    expect(of({ status: "queued" }) + of({ status: "processing" })).toBe(0);
  });

  it("stamps every job as its status says, and names the brand of its products", async () => {
    const completed = await count(
      db,
      "from app_public.tryon_jobs where status = 'completed'",
    );
    expect(
      await count(
        db,
        `from app_public.tryon_jobs
          where completed_at is not null and status = 'completed'
            and completed_at = finished_at and completed_at > started_at and started_at > queued_at`,
      ),
    ).toBe(completed);
    expect(
      await count(
        db,
        `from app_public.tryon_jobs j
          where (j.completed_at is not null) <> (j.status = 'completed')
            or j.finished_at < j.created_at
            or j.id < app_private.uuid_v7_floor(date_trunc('milliseconds', j.created_at))
            or j.id >= app_private.uuid_v7_floor(date_trunc('milliseconds', j.created_at) + interval '1 millisecond')`,
      ),
    ).toBe(0);
    expect(
      await count(
        db,
        `from app_public.tryon_jobs j
         join app_public.tryon_job_garments g on g.job_id = j.id
         join app_public.products p on p.id = g.product_id
        where j.brand_id is distinct from p.brand_id or p.created_at > j.created_at`,
      ),
    ).toBe(0);
  });

  it("keeps the attempts of each job: as many as it says, within its time, the last as it ended", async () => {
    expect(
      await rows(
        db,
        `select j.id
           from app_public.tryon_jobs j
           left join app_public.tryon_job_attempts a on a.job_id = j.id
          group by j.id
         having count(a.job_id) <> j.attempt
           or min(a.started_at) < j.queued_at or max(a.finished_at) > j.finished_at
           or bool_or(a.attempt < j.attempt and a.outcome not in ('retried', 'lost'))
           or bool_or(a.attempt = j.attempt and a.outcome::text <> case j.status::text when 'expired' then 'lost' else j.status::text end)`,
      ),
    ).toEqual([]);
    expect(
      (
        await rows<{ outcome: string }>(
          db,
          "select distinct outcome::text from app_public.tryon_job_attempts order by 1",
        )
      ).map(({ outcome }) => outcome),
    ).toEqual(["completed", "failed", "lost", "retried"]);
  });

  it("lets enough people speak that a brand sees what they say", async () => {
    const client = await db.app.connect();
    try {
      await client.query("begin");
      const [analyst] = await rows<{ userId: string; brandId: string }>(
        db,
        `select m.user_id as "userId", m.brand_id as "brandId"
           from app_public.brand_members m join app_public.users u on u.id = m.user_id
          where u.email = 'analyst@maison-lumiere.test'`,
      );
      await becomeActor(client, { role: "closetai_analyst", ...analyst });
      const { rows: said } = await client.query<{ category_code: string }>(
        "select * from app_public.brand_tryon_feedback",
      );
      expect(said.map((row) => row.category_code)).toContain("dresses");
      const { rows: jobs } = await client.query(
        "select 1 from app_public.brand_tryon_jobs where shopper is null and result_key is null and status = 'completed'",
      );
      expect(jobs).toEqual([]);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  it("pays each try-on from credits that were there at that moment", async () => {
    expect(
      await rows(
        db,
        `select g.id
           from app_public.credit_grants g
           left join app_public.credit_hold_lines l on l.grant_id = g.id
           left join app_public.credit_holds h on h.id = l.hold_id
          group by g.id
         having g.amount <> g.remaining + g.expired + coalesce(sum(l.amount) filter (where h.status = 'captured'), 0)
           or bool_or(h.created_at < g.effective_at or h.settled_at >= g.expires_at)
           or bool_or(h.status = 'open')`,
      ),
    ).toEqual([]);
    expect(
      await count(
        db,
        `from app_public.tryon_jobs j
          where j.payer = 'pro' and not exists (
            select from app_public.user_entitlements e
             where e.user_id = j.user_id and e.period @> j.created_at
          )`,
      ),
    ).toBe(0);
  });

  it("opens two accounts for each person and brand", async () => {
    expect(
      await count(
        db,
        `from (
           select id from app_public.users union all select id from app_public.brand_accounts
         ) o
         where (
           select count(*) from app_public.credit_accounts a
            where o.id in (a.owner_user_id, a.owner_brand_id)
         ) <> 2`,
      ),
    ).toBe(0);
  });

  it("brings the picture of every selfie and result", async () => {
    const objects = await rows<{ key: string; bytes: string; sha256: Buffer }>(
      db,
      `select key, bytes, sha256 from app_public.storage_objects
        where kind in ('selfie', 'result') and status = 'available'`,
    );
    expect(objects.length).toBeGreaterThan(500);
    for (const { key, bytes, sha256 } of objects) {
      const data = Buffer.from(await disk.getBytes(key));
      expect(data.subarray(1, 4).toString("latin1")).toBe("PNG");
      expect([key, data.length]).toEqual([key, Number(bytes)]);
      expect(createHash("sha256").update(data).digest()).toEqual(sha256);
    }
  });

  it("makes the bulk of a larger scale by the same rules, on top of the demo", async () => {
    const other = await createTestDatabase();
    try {
      // Here the events of live mode count; and the demo's are of that mode.
      await other.app.query("select app_private.configure_stripe(true)");
      await seedDemo(other.urls, { scale: "demo", asOf: AS_OF });
      await seedDemo(other.urls, {
        scale: "medium",
        size: { brands: 16, shoppers: 700, wardrobeItems: 2_600, vectors: 10 },
      });
      expect(
        await count(
          other,
          "from app_public.tryon_jobs where created_at < '2026-02-01'",
        ),
      ).toBeGreaterThan(1_000);
      expect(
        await count(other, "from app_public.tryon_jobs where payer = 'pro'"),
      ).toBeGreaterThan(10);
      expect(
        await count(
          other,
          `from app_public.stripe_subscriptions s join app_public.stripe_customers c on c.id = s.customer_id
            where c.name in (select b.name from app_public.brand_accounts b order by b.id offset 12)`,
        ),
      ).toBeGreaterThan(0);
      expect(
        await count(
          other,
          "from app_public.stripe_events where status = 'processed' and livemode",
        ),
      ).toBeGreaterThan(800);
      // No bytes are made for it, and none are claimed.
      expect(
        await count(
          other,
          "from app_public.storage_objects where status = 'available'",
        ),
      ).toBe(0);
      expect(
        await rows(other, "select * from app_private.check_invariants()"),
      ).toEqual([]);
      expect(
        await count(
          other,
          `from pg_trigger t where not t.tgisinternal and t.tgenabled <> 'O'`,
        ),
      ).toBe(0);
    } finally {
      await other.drop();
    }
  });

  it("is paid for by every kind of customer, in every status, with every kind of movement", async () => {
    const found = async (sql: string) =>
      (await rows<{ what: string }>(db, sql)).map(({ what }) => what);
    expect(
      await found(
        "select distinct status as what from app_public.stripe_subscriptions order by 1",
      ),
    ).toEqual([
      "active",
      "canceled",
      "incomplete",
      "incomplete_expired",
      "past_due",
      "paused",
      "trialing",
      "unpaid",
    ]);
    expect(
      await found(
        "select distinct kind::text as what from app_public.mrr_movements order by 1",
      ),
    ).toEqual(["churn", "contraction", "expansion", "new", "reactivation"]);
    // Nothing is left to do: what waits, waits for a person.
    expect(
      await found(
        "select distinct status::text as what from app_public.stripe_events order by 1",
      ),
    ).toEqual(["dead", "failed", "ignored", "ignored_stale", "processed"]);
    expect(
      await found(
        `select distinct coalesce(status, '') as what from app_public.stripe_invoices order by 1`,
      ),
    ).toEqual(["draft", "open", "paid", "uncollectible", "void"]);
    expect(
      await rows(
        db,
        `select count(*) filter (where brand_id is not null)::int as brands,
           count(*) filter (where user_id is not null)::int > 40 as "manyShoppers",
           count(*) filter (where brand_id is null and user_id is null)::int as nobody,
           count(*) filter (where deleted and email is null and name is null)::int as deleted,
           count(*) filter (where brand_id is null and email in (
             select u.email from app_public.users u join app_public.brand_members m on m.user_id = u.id where m.role = 'owner'
           ))::int as "ofAnOwner"
         from app_public.stripe_customers`,
      ),
    ).toEqual([
      { brands: 11, manyShoppers: true, nobody: 3, deleted: 1, ofAnOwner: 1 },
    ]);
    expect(
      await rows(
        db,
        `select count(*) filter (where cancel_at_period_end and status = 'active')::int > 0 as leaving,
           count(*) filter (where pause_collection is not null)::int as "collectionPaused",
           count(*) filter (where discounts <> '[]')::int as discounted,
           count(*) filter (where mrr_state = 'needs_review')::int as "toReview",
           count(*) filter (where needs_refetch)::int as "toFetch",
           array_agg(distinct currency order by currency) as currencies
         from app_public.stripe_subscriptions`,
      ),
    ).toEqual([
      {
        leaving: true,
        collectionPaused: 1,
        discounted: 1,
        toReview: 1,
        toFetch: 0,
        currencies: ["eur", "gbp", "jpy", "nok", "usd"],
      },
    ]);
  });

  it("has revenue that reconciles, month by month", async () => {
    expect(await asFinance(db, "select * from app_public.mrr_check()")).toEqual(
      [],
    );
    const months = await asFinance<Record<string, string>>(
      db,
      `select w.*, lag(w.end_usd_minor) over (order by m.start) as end_before
         from generate_series($1::timestamptz - interval '15 months', $1::timestamptz - interval '1 month', interval '1 month') m (start)
         cross join lateral app_public.mrr_waterfall(m.start, m.start + interval '1 month') w
        order by m.start`,
      [`${AS_OF}T00:00:00Z`],
    );
    expect(months).toHaveLength(15);
    expect(months[0]?.["start_usd_minor"]).toBe("0");
    for (const month of months) {
      const of = (name: string) => Number(month[`${name}_usd_minor`]);
      expect(of("end")).toBe(
        of("start") +
          of("new") +
          of("reactivation") +
          of("expansion") -
          of("contraction") -
          of("churn"),
      );
      if (month["end_before"] !== null) {
        expect(of("start")).toBe(Number(month["end_before"]));
      }
    }
    const [now] = await rows<{ mrr: string }>(
      db,
      "select sum(mrr_usd_minor) as mrr from app_public.account_mrr",
    );
    expect(months.at(-1)?.["end_usd_minor"]).toBe(now?.mrr);
    expect(Number(now?.mrr)).toBeGreaterThan(400_000);
    const parts = await asFinance<{ part: string; usd_minor: string }>(
      db,
      "select part, usd_minor from app_public.mrr_reconciliation($1::timestamptz - interval '1 year', $1::timestamptz)",
      [`${AS_OF}T00:00:00Z`],
    );
    const minor = new Map(
      parts.map(({ part, usd_minor }) => [part, Number(usd_minor)]),
    );
    const invoiced = minor.get("invoiced") ?? 0;
    minor.delete("invoiced");
    minor.delete("without_rate");
    expect([...minor.values()].reduce((sum, each) => sum + each, 0)).toBe(
      invoiced,
    );
    for (const part of ["discounts", "proration", "one_off", "tax"]) {
      expect([part, minor.get(part)]).not.toEqual([part, 0]);
    }
  });

  it("dates every event, movement and grant as it happened", async () => {
    expect(
      await count(
        db,
        `from app_public.stripe_events e
          where e.created >= '${AS_OF}T00:00:00Z' or e.received_at > '${AS_OF}T00:00:00Z'
            or e.received_at < e.created or e.processed_at < e.received_at
            or (e.received_at - e.created > interval '1 minute') <> (e.status = 'ignored_stale')`,
      ),
    ).toBe(0);
    expect(
      await rows(
        db,
        `select m.account from app_public.mrr_movements m
           join app_public.stripe_events e on e.id = m.source_event_id
          where m.occurred_at <> e.created or m.created_at < m.occurred_at
         union all
         select g.subscription_id from app_public.subscription_grants g
           join app_public.stripe_subscriptions s on s.id = g.subscription_id
          where g.since <> all (select e.created from app_public.stripe_events e where e.object_id = s.id)`,
      ),
    ).toEqual([]);
  });

  it("gives each month of a plan once, and each session of Stripe once", async () => {
    expect(
      await rows(
        db,
        `select g.owner_brand_id, g.effective_at from app_public.credit_grants g
          where g.source = 'subscription'
          group by g.owner_brand_id, g.note, date_trunc('day', g.effective_at), g.effective_at having count(*) > 1`,
      ),
    ).toEqual([]);
    // What the daily task would give for that day is there already.
    await withRoot(db, async (client) => {
      const { rows: given } = await client.query(
        "select app_private.grant_due_subscriptions($1) as n",
        [`${AS_OF}T00:00:00Z`],
      );
      expect(given).toEqual([{ n: 0 }]);
    });
    expect(
      await rows(
        db,
        `select e.status::text, e.attempts, count(t.id)::int as grants
           from app_public.stripe_events e
           left join app_public.credit_transfers t on t.idempotency_key = 'checkout:' || (e.payload #>> '{data,object,id}')
          where e.type = 'checkout.session.completed'
          group by e.id order by 1, 2`,
      ),
    ).toEqual([
      { status: "dead", attempts: 8, grants: 0 },
      ...Array.from({ length: 4 }, () => ({
        status: "processed",
        attempts: 1,
        grants: 1,
      })),
    ]);
  });

  it("leaves the printed shopper without Pro by now, and a brand without a plan", async () => {
    const [pro] = await rows<{ over: boolean; had: boolean }>(
      db,
      `select bool_and(e.ends_at < '${AS_OF}'::timestamptz - interval '60 days') as over, count(*) = 1 as had
         from app_public.user_entitlements e join app_public.users u on u.id = e.user_id
        where u.email = 'shopper@closetai.test'`,
    );
    expect(pro).toEqual({ over: true, had: true });
    expect(
      await rows(
        db,
        `select b.slug from app_public.brand_accounts b
          where not exists (select from app_public.stripe_customers c where c.brand_id = b.id)`,
      ),
    ).toEqual([{ slug: "dar-saffa" }]);
    // Who was Pro at the moment of a try-on did not pay for it with a credit.
    expect(
      await count(
        db,
        `from app_public.tryon_jobs j join app_public.user_entitlements e on e.user_id = j.user_id and e.period @> j.created_at
          where j.payer <> 'pro'`,
      ),
    ).toBe(0);
  });

  it("fails one session for want of a link: with it, a replay gives the credits", async () => {
    const [brand] = await rows<{ id: string }>(
      db,
      "select id from app_public.brand_accounts where slug = 'dar-saffa'",
    );
    const [lost] = await rows<{ id: string; customer: string }>(
      db,
      `select id, payload #>> '{data,object,customer}' as customer
         from app_public.stripe_events where status = 'dead'`,
    );
    const [finance] = await rows<{ id: string }>(
      db,
      "select id from app_public.users where email = 'finance@closetai.test'",
    );
    await withRoot(db, async (client) => {
      await becomeActor(client, {
        role: "closetai_staff_finance",
        userId: finance?.id ?? "",
      });
      await client.query("select app_public.link_stripe_customer($1, $2)", [
        lost?.customer,
        brand?.id,
      ]);
      await client.query("select app_public.replay_stripe_events($1)", [
        [lost?.id],
      ]);
      await client.query("reset role");
      const { rows: became } = await client.query(
        "select app_private.process_stripe_event($1) as status",
        [lost?.id],
      );
      expect(became).toEqual([{ status: "processed" }]);
      const { rows: credits } = await client.query(
        `select sum(amount)::int as amount from app_public.credit_grants
          where owner_brand_id = $1 and source = 'purchase'`,
        [brand?.id],
      );
      expect(credits).toEqual([{ amount: 100 }]);
      const { rows: revenue } = await client.query(
        "select mrr_usd_minor::int as mrr from app_public.account_mrr where brand_id = $1",
        [brand?.id],
      );
      expect(revenue).toEqual([{ mrr: 9_900 }]);
      const { rows: broken } = await client.query(
        "select * from app_private.check_invariants()",
      );
      expect(broken).toEqual([]);
    });
  });

  it("does not stand in the way of real events", async () => {
    const [brand] = await rows<{ id: string; mrr: number }>(
      db,
      `select b.id, a.mrr_usd_minor::int as mrr
         from app_public.brand_accounts b join app_public.account_mrr a on a.brand_id = b.id
        where b.slug = 'maison-lumiere'`,
    );
    const payer = customer({ metadata: { brand_id: brand?.id } });
    const now = Math.floor(Date.now() / 1_000);
    const events = [
      event("customer.created", now - 20, payer),
      event(
        "customer.subscription.created",
        now - 10,
        subscription({
          customer: payer.id,
          start: now - 10,
          items: [{ price: price({ amount: 5_000 }) }],
        }),
      ),
    ];
    await withRoot(db, async (client) => {
      await client.query(
        "select app_private.ingest_stripe_events($1::text[]::jsonb[])",
        [events.map((each) => JSON.stringify(each))],
      );
      // What of the demo waits for a person may be looked at once more with them.
      await client.query("select app_private.process_stripe_events(50)");
      const { rows: became } = await client.query(
        "select status::text from app_public.stripe_events where id = any ($1)",
        [events.map(({ id }) => id)],
      );
      expect(became).toEqual([
        { status: "processed" },
        { status: "processed" },
      ]);
      const { rows: after } = await client.query(
        `select a.mrr_usd_minor::int as mrr, m.kind::text
           from app_public.account_mrr a join app_public.mrr_movements m on m.account = a.account
          where a.brand_id = $1 order by m.occurred_at desc limit 1`,
        [brand?.id],
      );
      expect(after).toEqual([
        { mrr: (brand?.mrr ?? 0) + 5_000, kind: "expansion" },
      ]);
      const { rows: broken } = await client.query(
        "select * from app_private.check_invariants()",
      );
      expect(broken).toEqual([]);
    });
  });

  it("leaves every invariant whole", async () => {
    expect(
      await rows(db, "select * from app_private.check_invariants()"),
    ).toEqual([]);
  });

  it("leaves the audit triggers on, and one line that tells what it added", async () => {
    expect(
      await count(
        db,
        "from pg_trigger where tgname like '\\_800\\_audit%' and tgenabled <> 'O'",
      ),
    ).toBe(0);
    expect(
      await rows(
        db,
        `select actor_kind, diff -> 'products' as products
           from app_public.audit_log where action = 'seed_demo'`,
      ),
    ).toEqual([{ actor_kind: "system", products: [null, 3_000] }]);
    expect(
      await count(
        db,
        "from app_public.audit_log where table_name = 'products'",
      ),
    ).toBe(0);
  });

  it("reports each kind of row from nothing to all of it", () => {
    expect(progress[0]).toEqual({ step: "Brands", done: 0, total: 1 });
    expect(progress.at(-1)).toEqual({
      step: "Feedback figures",
      done: 1,
      total: 1,
    });
  });

  it("says that the demo is here and complete", async () => {
    expect(await readDemoState(db.urls)).toEqual({
      scale: "demo",
      asOf: AS_OF,
      complete: true,
    });
  });

  it("changes nothing the second time and says so", async () => {
    const before = await digests(db);
    const audited = await count(db, "from app_public.audit_log");
    const result = await seedDemo(db.urls, { scale: "demo" });
    expect(result.changed).toBe(false);
    expect(result.asOf).toBe(AS_OF);
    expect(await digests(db)).toEqual(before);
    expect(await count(db, "from app_public.audit_log")).toBe(audited);
  });

  it("gives another database the same rows", async () => {
    const other = await createTestDatabase();
    try {
      await seedDemo(other.urls, { scale: "demo", asOf: AS_OF, disk });
      expect(await digests(other)).toEqual(await digests(db));
    } finally {
      await other.drop();
    }
  });

  it("refuses another day, a day that is none, and one to come", async () => {
    await expect(
      seedDemo(db.urls, { scale: "demo", asOf: "2026-03-16" }),
    ).rejects.toThrow(/holds the demo of 2026-03-15/);
    await expect(
      seedDemo(db.urls, { scale: "demo", asOf: "2026-02-30" }),
    ).rejects.toThrow(/is not a day/);
    await expect(
      seedDemo(db.urls, { scale: "demo", asOf: "9999-01-01" }),
    ).rejects.toThrow(/in the future/);
  });

  it("refuses to run beside another seed", async () => {
    await withClient(db.urls.owner, async (client) => {
      await client.query("select pg_advisory_lock(7201003)");
      await expect(seedDemo(db.urls, { scale: "demo" })).rejects.toThrow(
        SeedError,
      );
    });
  });

  it("keeps whole batches when it is stopped, and goes on later", async () => {
    const other = await createTestDatabase();
    try {
      const abort = new AbortController();
      await expect(
        seedDemo(other.urls, {
          scale: "demo",
          asOf: AS_OF,
          signal: abort.signal,
          onProgress: ({ step }) => {
            if (step === "Products") abort.abort();
          },
        }),
      ).rejects.toThrow();
      expect(await readDemoState(other.urls)).toMatchObject({
        complete: false,
      });
      expect(await count(other, "from app_public.products")).toBe(0);
      await seedDemo(other.urls, { scale: "demo", disk });
      expect(await digests(other)).toEqual(await digests(db));
    } finally {
      await other.drop();
    }
  });
});

describe("seedDemo of today", () => {
  let db: TestDatabase;
  let dir: string;
  beforeAll(async () => {
    db = await createTestDatabase();
    dir = await mkdtemp(join(tmpdir(), "closetai-seed-"));
    const disk = await makeDisk({ driver: "fs", dir });
    await seedDemo(db.urls, { scale: "demo", disk });
    await db.root.query(
      "update app_public.products set name = 'Renamed' where sku = 'ML-0001'",
    );
    const { changed } = await seedDemo(db.urls, { scale: "demo", disk });
    expect(changed).toBe(false);
  });
  afterAll(async () => {
    await db.drop();
    await rm(dir, { recursive: true, force: true });
  });

  it("adds some try-ons of today, once, by the functions everybody uses", async () => {
    expect(
      await rows(
        db,
        `select j.status::text, count(*)::int as n
           from app_public.tryon_jobs j, app_private.settings s
          where s.key = 'demo' and j.created_at >= (s.value ->> 'asOf')::timestamptz
          group by 1 order by 1`,
      ),
    ).toEqual([
      { status: "cancelled", n: 2 },
      { status: "completed", n: 2 },
      { status: "queued", n: 6 },
    ]);
    expect(
      await rows(db, "select * from app_private.check_invariants()"),
    ).toEqual([]);
  });

  it("leaves what a person changed as it is", async () => {
    expect(
      await count(db, "from app_public.products where name = 'Renamed'"),
    ).toBe(1);
  });
});
