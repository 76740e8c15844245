import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Disk } from "flydrive";
import type { Client } from "pg";

import { DEMO_PASSWORD } from "../demoAccounts.ts";
import { withClient } from "./clients.ts";
import { type Log, silentLog } from "./log.ts";
import { retryOnLock } from "./migrate.ts";
import { drawSeedPictures, type SeedPicture } from "./seedPictures.ts";
import type { Urls } from "./urls.ts";

/**
 * How much of everything. Products follow from the brands, and try-ons from the
 * shoppers: some six hundred, half a million, ten million. A vector is three
 * kilobytes, and those of all items would be most of the database: the first
 * items have one.
 */
export const SCALES = {
  demo: { brands: 12, shoppers: 400, wardrobeItems: 2_380, vectors: 136 },
  medium: {
    brands: 120,
    shoppers: 60_000,
    wardrobeItems: 25_000,
    vectors: 5_000,
  },
  full: {
    brands: 847,
    shoppers: 1_200_000,
    wardrobeItems: 250_000,
    vectors: 10_000,
  },
} as const;

export type Scale = keyof typeof SCALES;

export type ScaleSize = Record<keyof (typeof SCALES)["demo"], number>;

export function isScale(value: string): value is Scale {
  return Object.hasOwn(SCALES, value);
}

export type SeedProgress = {
  /** What is being made, in words for a person. */
  step: string;
  done: number;
  total: number;
};

export type SeedOptions = {
  scale: Scale;
  /** YYYY-MM-DD, UTC: the day the demo looks back from; today by default. */
  asOf?: string | undefined;
  onProgress?: ((progress: SeedProgress) => void) | undefined;
  /** Other numbers than those of the scale, for tests. */
  size?: ScaleSize | undefined;
  /** Where pictures of try-ons go; without it, their rows say "deleted". */
  disk?: Disk | undefined;
  /** Stops after the batch that runs; what is committed stays, and a later run goes on. */
  signal?: AbortSignal | undefined;
  log?: Log | undefined;
};

/** What app_private.settings says about the demo under the key "demo". */
export type DemoState = {
  scale: Scale;
  asOf: string;
  /** False while a seed runs, and after one that was stopped. */
  complete: boolean;
};

export type SeedResult = {
  scale: Scale;
  asOf: string;
  /** New rows by table; 0 everywhere when the demo was there already. */
  added: Record<string, number>;
  changed: boolean;
};

/** For messages a person can act on: not a fault of the program. */
export class SeedError extends Error {
  override readonly name = "SeedError";
}

/** One seed at a time in a database; beside the locks in roles.ts. */
const SEED_LOCK = 7_201_003;

const SHOPPERS_PER_BATCH = 20_000;
const BRANDS_PER_BATCH = 12;
const ITEMS_PER_BATCH = 10_000;
const VECTORS_PER_BATCH = 1_000;
/** Some forty thousand jobs, and six rows that belong to each. */
const TRYON_SHOPPERS_PER_BATCH = 5_000;
const TRYON_BRANDS_PER_BATCH = 100;
/** How far the events of billing look back. */
const BILLING_DAYS = 435;

type Step = {
  label: string;
  /** Statements of one transaction: a file, and the table whose new rows it counts. */
  parts: Part[];
  /** The range that is split into batches; without one the step is one batch. */
  range?: { last: number; size: number };
  /**
   * Triggers that do not fire for these rows, because they write the present and
   * this is the past, or write a line of the audit log for each of thousands of
   * rows: the seed is one line instead.
   */
  heldBack?: (readonly [table: string, trigger: string])[];
  /** seed_objects then names the files to write before the commit. */
  writesPictures?: boolean;
};

type Part = {
  file: string;
  table?: string;
  /** The temporary table it fills: later parts read it, and plans need its size. */
  draft?: string;
};

const UNAUDITED = "_800_audit_insert";

/** Drafts of what a batch writes, in temporary tables. */
const DRAFTS = ["300_drafts", "301_job_drafts", "302_grant_drafts"];

/** Wallets, and what moved in them. The other files must have been run before. */
const WALLET_PARTS: Part[] = [
  { file: "520_credit_accounts", table: "app_public.credit_accounts" },
  { file: "530_credit_grants", table: "app_public.credit_grants" },
  { file: "540_credit_holds", table: "app_public.credit_holds" },
  { file: "550_credit_hold_lines", table: "app_public.credit_hold_lines" },
  { file: "560_transfers", draft: "seed_transfers" },
  { file: "570_credit_transfers", table: "app_public.credit_transfers" },
  { file: "580_system_accounts" },
];

/** Jobs that ended, all that belongs to them, and how they were paid. */
const TRYON_PARTS: Part[] = [
  { file: "330_grants", draft: "seed_grants" },
  { file: "340_pictures", draft: "seed_objects" },
  { file: "410_storage_objects", table: "app_public.storage_objects" },
  { file: "420_shopper_handles" },
  { file: "430_tryon_jobs", table: "app_public.tryon_jobs" },
  { file: "440_tryon_job_garments", table: "app_public.tryon_job_garments" },
  { file: "450_tryon_job_attempts", table: "app_public.tryon_job_attempts" },
  { file: "460_tryon_feedback", table: "app_public.tryon_feedback" },
  { file: "470_wardrobe_usage" },
  { file: "510_user_entitlements", table: "app_public.user_entitlements" },
  ...WALLET_PARTS,
];

/** Files that are written at the same time. */
const FILES_AT_ONCE = 16;

/** A history begins with what already ended, and moves balances at once. */
const HISTORY_HELD_BACK = [
  ["app_public.tryon_jobs", "_200_tryon_transition"],
  ["app_public.credit_transfers", "_500_ledger_apply"],
  ["app_public.storage_objects", UNAUDITED],
  ["app_public.tryon_feedback", UNAUDITED],
] as const;

/**
 * Fills the database with the demo: invented brands, people, products and
 * wardrobes, as their owner. Every row follows from the scale and the day alone.
 * Rows that exist are left as they are, so that a second run changes nothing.
 */
export async function seedDemo(
  urls: Pick<Urls, "owner">,
  options: SeedOptions,
): Promise<SeedResult> {
  const log = options.log ?? silentLog;
  return withClient(
    urls.owner,
    async (client) => {
      await prepareSession(client);
      const before = await demoState(client);
      const asOf = chooseDay(before, options.asOf);
      const scale = largerScale(before?.scale, options.scale);
      options.signal?.throwIfAborted();

      const pictures = options.disk === undefined ? [] : drawSeedPictures();
      const size = options.size ?? SCALES[options.scale];
      await loadWords(client, size, asOf, pictures);
      await makePartitions(client, options.scale, asOf, log);
      const added: Record<string, number> = {};
      await keepState(client, {
        scale,
        asOf,
        complete: before?.complete === true && before.scale === scale,
      });
      for (const step of stepsFor(size)) {
        await runStep(client, step, { asOf, options, log, pictures, added });
      }
      const changed = Object.values(added).some((count) => count > 0);
      if (changed) {
        await recordSeed(client, before, scale, added);
        await client.query(`analyze ${Object.keys(added).join(", ")}`);
      }
      await keepState(client, { scale, asOf, complete: true });
      return { scale, asOf, added, changed };
    },
    { log },
  );
}

/** What the demo in this database is, or null where there is none. */
export async function readDemoState(
  urls: Pick<Urls, "owner">,
): Promise<DemoState | null> {
  return withClient(urls.owner, demoState);
}

async function prepareSession(client: Client): Promise<void> {
  // Days are added to moments below; in another zone some have 23 hours.
  await client.query("set timezone to 'UTC'");
  // Many short statements over functions of unknown cost: compiling them takes
  // longer than running them.
  await client.query("set jit to off");
  const { rows } = await client.query<{ locked: boolean }>(
    "select pg_catalog.pg_try_advisory_lock($1) as locked",
    [SEED_LOCK],
  );
  // Held until the connection ends.
  if (rows[0]?.locked !== true) {
    throw new SeedError(
      "Another seed is running in this database. Wait for it, or stop it.",
    );
  }
}

async function demoState(client: Client): Promise<DemoState | null> {
  const { rows } = await client.query<{ value: DemoState }>(
    "select s.value from app_private.settings as s where s.key = 'demo'",
  );
  return rows[0]?.value ?? null;
}

/** The day of an existing demo stays: rows made from two days would contradict. */
function chooseDay(
  before: DemoState | null,
  wanted: string | undefined,
): string {
  const today = new Date().toISOString().slice(0, 10);
  if (wanted !== undefined) {
    const day = new Date(`${wanted}T00:00:00Z`);
    if (
      Number.isNaN(day.getTime()) ||
      day.toISOString().slice(0, 10) !== wanted
    ) {
      throw new SeedError(
        `"${wanted}" is not a day. Write it as YYYY-MM-DD, for example ${today}.`,
      );
    }
    if (wanted > today) {
      throw new SeedError(
        `${wanted} is in the future. The demo looks back: choose ${today} or earlier.`,
      );
    }
    if (before !== null && before.asOf !== wanted) {
      throw new SeedError(
        `This database holds the demo of ${before.asOf}. Leave --as-of out to keep that day, or empty the database with: npm run db:reset`,
      );
    }
  }
  return before?.asOf ?? wanted ?? today;
}

function largerScale(before: Scale | undefined, wanted: Scale): Scale {
  return before !== undefined && SCALES[before].brands > SCALES[wanted].brands
    ? before
    : wanted;
}

async function loadWords(
  client: Client,
  size: ScaleSize,
  asOf: string,
  pictures: SeedPicture[],
): Promise<void> {
  await client.query(readSql("010_helpers"));
  await client.query(readSql("020_vocabulary"));
  await client.query(readSql("030_brand_list"), [size.brands]);
  // Ten million try-ons ask for one of hundreds, by a digest that a scan would
  // reckon for every brand.
  await client.query("create unique index on seed_brands (n)");
  await client.query(readSql("040_people_list"), [asOf]);
  await client.query(readSql("050_picture_list"));
  await client.query(
    `insert into seed_pictures (file, kind, category_code, person, bytes, sha256)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bytea[])`,
    [
      pictures.map(({ file }) => file),
      pictures.map(({ kind }) => kind),
      pictures.map(({ categoryCode }) => categoryCode),
      pictures.map(({ person }) => person),
      pictures.map(({ data }) => data.length),
      pictures.map(({ sha256 }) => sha256),
    ],
  );
  await client.query(readSql("060_today"));
  await client.query(
    "select set_config('seed.as_of', $1, false), set_config('seed.shoppers', $2, false)",
    [asOf, size.shoppers],
  );
  await client.query(readSql("070_billing_prices"));
  await client.query(readSql("071_billing_lists"));
  // Temporary tables are not seen by autovacuum, and plans need their sizes.
  await client.query(
    "analyze seed_styles, seed_materials, seed_garments, seed_names, seed_brands, seed_people, seed_pictures, seed_payers, seed_subscriptions, seed_states, seed_pro_periods, seed_plan_months",
  );
}

/** The months the jobs of this scale lie in. */
async function makePartitions(
  client: Client,
  scale: Scale,
  asOf: string,
  log: Log,
): Promise<void> {
  const days = scale === "demo" ? 31 : 560;
  await retryOnLock(log, () =>
    client.query(
      "select pg_temp.make_job_partitions($1::timestamptz - make_interval(days => $2))",
      [asOf, days],
    ),
  );
}

function stepsFor(size: ScaleSize): Step[] {
  return [
    {
      label: "Brands",
      parts: [{ file: "110_brands", table: "app_public.brand_accounts" }],
      heldBack: [["app_public.brand_accounts", "_500_wallet"]],
    },
    {
      label: "Team",
      parts: [
        { file: "120_people", table: "app_public.users" },
        ...DRAFTS.map((file) => ({ file })),
        { file: "310_team_wallets", draft: "seed_wallets" },
        { file: "330_grants", draft: "seed_grants" },
        ...WALLET_PARTS,
      ],
      heldBack: [
        ["app_public.users", "_500_signup"],
        ["app_public.credit_transfers", "_500_ledger_apply"],
      ],
    },
    {
      label: "Staff",
      parts: [{ file: "130_staff", table: "app_public.staff_members" }],
    },
    {
      label: "Memberships",
      parts: [{ file: "140_members", table: "app_public.brand_members" }],
    },
    {
      label: "Invitations",
      parts: [
        { file: "160_invitations", table: "app_public.brand_invitations" },
      ],
    },
    {
      label: "Category names",
      parts: [
        {
          file: "170_category_mappings",
          table: "app_public.category_mappings",
        },
      ],
    },
    {
      label: "Shoppers",
      parts: [{ file: "210_shoppers", table: "app_public.users" }],
      range: { last: size.shoppers, size: SHOPPERS_PER_BATCH },
      // Their wallets come with what they did.
      heldBack: [
        ["app_public.users", UNAUDITED],
        ["app_public.users", "_500_signup"],
      ],
    },
    {
      label: "Passwords",
      parts: [{ file: "150_passwords", table: "app_private.user_secrets" }],
    },
    {
      label: "Products",
      parts: [{ file: "220_products", table: "app_public.products" }],
      range: { last: size.brands, size: BRANDS_PER_BATCH },
      heldBack: [["app_public.products", UNAUDITED]],
    },
    {
      label: "Wardrobes",
      parts: [{ file: "230_wardrobes", table: "app_public.wardrobe_items" }],
      range: { last: size.wardrobeItems, size: ITEMS_PER_BATCH },
      heldBack: [["app_public.wardrobe_items", UNAUDITED]],
    },
    {
      label: "Vectors",
      parts: [{ file: "240_vectors", table: "app_public.item_embeddings" }],
      range: { last: size.vectors, size: VECTORS_PER_BATCH },
      heldBack: [["app_public.item_embeddings", UNAUDITED]],
    },
    {
      label: "Try-ons of shoppers",
      parts: [
        ...DRAFTS.map((file) => ({ file })),
        { file: "311_shopper_wallets", draft: "seed_wallets" },
        { file: "320_shopper_tryons", draft: "seed_jobs" },
        ...TRYON_PARTS,
      ],
      range: { last: size.shoppers, size: TRYON_SHOPPERS_PER_BATCH },
      heldBack: [...HISTORY_HELD_BACK],
      writesPictures: true,
    },
    {
      label: "Try-ons of brands",
      parts: [
        ...DRAFTS.map((file) => ({ file })),
        { file: "312_brand_wallets", draft: "seed_wallets" },
        { file: "321_brand_tryons", draft: "seed_jobs" },
        ...TRYON_PARTS,
      ],
      range: { last: size.brands, size: TRYON_BRANDS_PER_BATCH },
      heldBack: [...HISTORY_HELD_BACK],
      writesPictures: true,
    },
    {
      label: "Rates and costs",
      parts: [
        { file: "610_fx_rates", table: "app_public.fx_rates" },
        {
          file: "615_acquisition_costs",
          table: "app_public.acquisition_costs",
        },
      ],
      heldBack: [
        ["app_public.fx_rates", UNAUDITED],
        ["app_public.acquisition_costs", UNAUDITED],
      ],
    },
    {
      label: "Calendar of billing",
      parts: [
        { file: "600_billing_calendar" },
        { file: "605_billing_objects" },
        { file: "630_billing_dates" },
      ],
    },
    {
      label: "Billing",
      parts: [
        { file: "620_billing_events", table: "app_public.stripe_events" },
      ],
      // Each event holds locks until its batch ends: a few hundred at once.
      range: {
        last: BILLING_DAYS,
        size: Math.max(1, Math.floor(2_400 / size.brands)),
      },
    },
    { label: "Dates of billing", parts: [{ file: "635_billing_dated" }] },
    {
      label: "Try-ons of today",
      parts: [{ file: "590_today", table: "app_public.tryon_jobs" }],
      writesPictures: true,
    },
    {
      label: "Feedback figures",
      parts: [
        { file: "700_feedback", table: "app_public.tryon_feedback_figures" },
      ],
    },
  ];
}

type Run = {
  asOf: string;
  options: SeedOptions;
  log: Log;
  pictures: SeedPicture[];
  /** New rows by table. */
  added: Record<string, number>;
};

/** Every batch is a transaction of its own, and its rows count when it is kept. */
async function runStep(client: Client, step: Step, run: Run): Promise<void> {
  const { label, range } = step;
  const { options, asOf, added } = run;
  const total = range?.last ?? 1;
  options.onProgress?.({ step: label, done: 0, total });
  for (let from = 1; from <= total; from += range?.size ?? 1) {
    options.signal?.throwIfAborted();
    const to = Math.min(total, from + (range?.size ?? 1) - 1);
    const values = range === undefined ? [asOf] : [asOf, from, to];
    const counts = await retryOnLock(run.log, () =>
      runBatch(client, step, values, run),
    );
    for (const [table, count] of counts) {
      added[table] = (added[table] ?? 0) + count;
    }
    options.onProgress?.({ step: label, done: to, total });
  }
}

async function runBatch(
  client: Client,
  step: Step,
  values: unknown[],
  run: Run,
): Promise<[table: string, count: number][]> {
  const counts: [string, number][] = [];
  await client.query("begin");
  try {
    // Both changes belong to this transaction: nobody ever sees the table
    // without its trigger, and writers wait for one batch at most.
    for (const [table, trigger] of step.heldBack ?? []) {
      await client.query(`alter table ${table} disable trigger ${trigger}`);
    }
    for (const { file, table, draft } of step.parts) {
      const sql = readSql(file);
      const parameters =
        file === "150_passwords"
          ? [DEMO_PASSWORD]
          : values.slice(0, countParameters(sql));
      // The checks of foreign keys that point at the partitioned jobs would be
      // planned anew for every row; what names its batch is planned for it.
      await client.query(
        `set local plan_cache_mode = ${parameters.length === 0 ? "force_generic_plan" : "auto"}`,
      );
      const { rowCount } = await client.query(sql, parameters);
      if (table !== undefined) counts.push([table, rowCount ?? 0]);
      if (draft !== undefined) await client.query(`analyze ${draft}`);
    }
    if (step.writesPictures === true) await writePictures(client, run);
    for (const [table, trigger] of step.heldBack ?? []) {
      await client.query(`alter table ${table} enable trigger ${trigger}`);
    }
    await client.query("commit");
    return counts;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

/** Parameters a statement does not name, comments apart, may not be sent with it. */
function countParameters(sql: string): number {
  const named = sql.replace(/--.*$/gm, "").matchAll(/\$(\d)/g);
  return Math.max(0, ...[...named].map(([, n]) => Number(n)));
}

/** Before the commit: a row never says that a picture is there which is not. */
async function writePictures(
  client: Client,
  { options, pictures }: Run,
): Promise<void> {
  const { disk } = options;
  if (disk === undefined) return;
  const { rows } = await client.query<{ key: string; file: string }>(
    "select o.key, o.file from seed_objects as o where o.file is not null",
  );
  const data = new Map(pictures.map((picture) => [picture.file, picture.data]));
  for (let at = 0; at < rows.length; at += FILES_AT_ONCE) {
    await Promise.all(
      rows.slice(at, at + FILES_AT_ONCE).map(async ({ key, file }) => {
        const bytes = data.get(file);
        if (bytes === undefined) throw new Error(`There is no picture ${file}`);
        await disk.put(key, bytes);
      }),
    );
  }
}

/** The one line that stands for all the rows that were not audited. */
async function recordSeed(
  client: Client,
  before: DemoState | null,
  scale: Scale,
  added: Record<string, number>,
): Promise<void> {
  const diff = {
    scale: [before?.scale ?? null, scale],
    ...Object.fromEntries(
      Object.entries(added).map(([table, count]) => [
        table.replace(/^.*\./, ""),
        [null, count],
      ]),
    ),
  };
  await client.query(
    `insert into app_public.audit_log (actor_kind, action, table_name, row_pk, diff, reason)
     values ('system', 'seed_demo', 'settings', 'demo', $1, 'Demo data: new rows by table')`,
    [JSON.stringify(diff)],
  );
}

async function keepState(client: Client, state: DemoState): Promise<void> {
  await client.query(
    `insert into app_private.settings as s (key, value) values ('demo', $1)
     on conflict (key) do update set value = excluded.value, updated_at = pg_catalog.now()
     where s.value is distinct from excluded.value`,
    [JSON.stringify(state)],
  );
}

function readSql(name: string): string {
  return readFileSync(join(import.meta.dirname, "seed", `${name}.sql`), "utf8");
}
