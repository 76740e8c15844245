import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Client } from "pg";

import { DEMO_PASSWORD } from "../demoAccounts.ts";
import { withClient } from "./clients.ts";
import { type Log, silentLog } from "./log.ts";
import { retryOnLock } from "./migrate.ts";
import type { Urls } from "./urls.ts";

/** How much of everything. Products follow from the brands. */
export const SCALES = {
  demo: { brands: 12, shoppers: 400, wardrobeItems: 2_380 },
  medium: { brands: 120, shoppers: 60_000, wardrobeItems: 25_000 },
  full: { brands: 847, shoppers: 1_200_000, wardrobeItems: 250_000 },
} as const;

export type Scale = keyof typeof SCALES;

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
const VECTORS_PER_BATCH = 2_000;
/** A vector is three kilobytes: those of all items would be most of the database. */
const VECTORS_AT_MOST = 10_000;

type Step = {
  label: string;
  table: string;
  file: string;
  /** The range that is split into batches; without one the step is one statement. */
  range?: { last: number; size: number };
  /** Thousands of rows that say nothing: the seed is one line of the audit log instead. */
  unaudited?: boolean;
};

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

      await loadWords(client, options.scale, asOf);
      const added: Record<string, number> = {};
      const steps = stepsFor(options.scale);
      await keepState(client, {
        scale,
        asOf,
        complete: before?.complete === true && before.scale === scale,
      });
      for (const step of steps) {
        added[step.table] =
          (added[step.table] ?? 0) +
          (await runStep(client, step, asOf, options, log));
      }
      const changed = Object.values(added).some((count) => count > 0);
      if (changed) {
        await recordSeed(client, before, scale, added);
        await client.query(
          `analyze ${[...new Set(steps.map(({ table }) => table))].join(", ")}`,
        );
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
  scale: Scale,
  asOf: string,
): Promise<void> {
  await client.query(readSql("010_helpers"));
  await client.query(readSql("020_vocabulary"));
  await client.query(readSql("030_brand_list"), [SCALES[scale].brands]);
  await client.query(readSql("040_people_list"), [asOf]);
  // Temporary tables are not seen by autovacuum, and plans need their sizes.
  await client.query(
    "analyze seed_styles, seed_materials, seed_garments, seed_names, seed_brands, seed_people",
  );
}

function stepsFor(scale: Scale): Step[] {
  const size = SCALES[scale];
  return [
    {
      label: "Brands",
      table: "app_public.brand_accounts",
      file: "110_brands",
    },
    { label: "Team", table: "app_public.users", file: "120_people" },
    { label: "Staff", table: "app_public.staff_members", file: "130_staff" },
    {
      label: "Memberships",
      table: "app_public.brand_members",
      file: "140_members",
    },
    {
      label: "Invitations",
      table: "app_public.brand_invitations",
      file: "160_invitations",
    },
    {
      label: "Category names",
      table: "app_public.category_mappings",
      file: "170_category_mappings",
    },
    {
      label: "Shoppers",
      table: "app_public.users",
      file: "210_shoppers",
      range: { last: size.shoppers, size: SHOPPERS_PER_BATCH },
      unaudited: true,
    },
    {
      label: "Passwords",
      table: "app_private.user_secrets",
      file: "150_passwords",
    },
    {
      label: "Products",
      table: "app_public.products",
      file: "220_products",
      range: { last: size.brands, size: BRANDS_PER_BATCH },
      unaudited: true,
    },
    {
      label: "Wardrobes",
      table: "app_public.wardrobe_items",
      file: "230_wardrobes",
      range: { last: size.wardrobeItems, size: ITEMS_PER_BATCH },
      unaudited: true,
    },
    {
      label: "Vectors",
      table: "app_public.item_embeddings",
      file: "240_vectors",
      range: {
        last: Math.min(size.wardrobeItems, VECTORS_AT_MOST),
        size: VECTORS_PER_BATCH,
      },
      unaudited: true,
    },
  ];
}

/** Answers how many rows it added. Every batch is a transaction of its own. */
async function runStep(
  client: Client,
  step: Step,
  asOf: string,
  options: SeedOptions,
  log: Log,
): Promise<number> {
  const sql = readSql(step.file);
  const { label, range } = step;
  const total = range?.last ?? 1;
  options.onProgress?.({ step: label, done: 0, total });
  let added = 0;
  for (let from = 1; from <= total; from += range?.size ?? 1) {
    options.signal?.throwIfAborted();
    const to = Math.min(total, from + (range?.size ?? 1) - 1);
    const values =
      step.file === "150_passwords"
        ? [DEMO_PASSWORD]
        : range === undefined
          ? [asOf]
          : [asOf, from, to];
    added += await retryOnLock(log, () => runBatch(client, step, sql, values));
    options.onProgress?.({ step: label, done: to, total });
  }
  return added;
}

async function runBatch(
  client: Client,
  step: Step,
  sql: string,
  values: unknown[],
): Promise<number> {
  await client.query("begin");
  try {
    // Both changes belong to this transaction: nobody ever sees the table
    // without its trigger, and writers wait for one batch at most.
    if (step.unaudited) {
      await client.query(
        `alter table ${step.table} disable trigger _800_audit_insert`,
      );
    }
    const { rowCount } = await client.query(sql, values);
    if (step.unaudited) {
      await client.query(
        `alter table ${step.table} enable trigger _800_audit_insert`,
      );
    }
    await client.query("commit");
    return rowCount ?? 0;
  } catch (error) {
    await client.query("rollback");
    throw error;
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
