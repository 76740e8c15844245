import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { parseConfig } from "../server/config.ts";
import { EMBEDDED_DATABASE, openDatabase } from "../server/db/connect.ts";
import { discardEmbedded, openToServerUser } from "../server/db/embedded.ts";
import type { Log } from "../server/db/log.ts";
import { migrate } from "../server/db/migrate.ts";
import { type Urls, withDatabase } from "../server/db/urls.ts";

const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};

export type BenchDatabase = {
  urls: Urls & { root: string };
  /** Facts and preparations, never what is measured. */
  root: pg.Client;
  version: string;
};

/** An empty migrated database that writes to disk as a real one does. */
export async function withBenchDatabase<T>(
  fn: (database: BenchDatabase) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "closetai-bench-"));
  openToServerUser(folder);
  const config = parseConfig({
    NODE_ENV: "test",
    CLOSETAI_DATA_DIR: folder,
    CLOSETAI_SECRET: randomBytes(32).toString("hex"),
  });
  try {
    const database = await openDatabase(config, log, { purpose: "the bench" });
    try {
      await migrate(database.urls, log, { current: true });
      if (database.urls.root === null)
        throw new Error("The server has no root");
      const url = withDatabase(database.urls.root, EMBEDDED_DATABASE);
      const root = new pg.Client(url);
      await root.connect();
      try {
        const { rows } = await root.query<{ version: string }>(
          "select current_setting('server_version') as version",
        );
        return await fn({
          urls: { ...database.urls, root: url },
          root,
          version: rows[0]?.version ?? "",
        });
      } finally {
        await root.end();
      }
    } finally {
      await database.close();
    }
  } finally {
    await discardEmbedded(folder, log);
  }
}

export type World = {
  brandId: string;
  userIds: string[];
  managerId: string;
  productId: string;
  /** A selfie of each person, and a model picture of the brand. */
  selfieOf: (ownerId: string) => string;
};

/** A brand with one product and its manager, and so many shoppers with full wallets. */
export async function makeWorld(
  root: pg.Client,
  people: number,
  credits: number,
): Promise<World> {
  const { rows } = await root.query<{
    brandId: string;
    managerId: string;
    productId: string;
  }>(
    `with brand as (
       insert into app_public.brand_accounts (slug, name, status)
       values ('bench-' || gen_random_uuid(), 'Bench', 'active') returning id
     ), manager as (
       insert into app_public.users (email) values (gen_random_uuid() || '@example.test') returning id
     ), member as (
       insert into app_public.brand_members (brand_id, user_id, role)
       select brand.id, manager.id, 'owner' from brand, manager
     ), product as (
       insert into app_public.products (brand_id, sku, name, category_code)
       select id, 'B-1', 'Bench dress', 'dresses' from brand returning id
     )
     select brand.id as "brandId", manager.id as "managerId", product.id as "productId" from brand, manager, product`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("No brand was made");
  const { rows: users } = await root.query<{ id: string }>(
    `insert into app_public.users (email)
     select gen_random_uuid() || '@example.test' from generate_series(1, $1::integer) returning id`,
    [people],
  );
  const userIds = users.map(({ id }) => id);
  await root.query(
    `insert into app_public.storage_objects (key, owner_user_id, kind, content_type, bytes, sha256, status)
     select 'selfie/' || id || '.png', id, 'selfie', 'image/png', 1, sha256('x'), 'available' from unnest($1::uuid[]) as id`,
    [userIds],
  );
  await root.query(
    `insert into app_public.storage_objects (key, owner_brand_id, kind, content_type, bytes, sha256, status)
     values ('selfie/' || $1::text || '.png', $1::uuid, 'selfie', 'image/png', 1, sha256('x'), 'available')`,
    [row.brandId],
  );
  await root.query(
    "select app_private.add_grant(id, null, 'purchase', $2) from unnest($1::uuid[]) as id",
    [userIds, credits],
  );
  await root.query(
    "select app_private.add_grant(null, $1, 'purchase', $2::bigint)",
    [row.brandId, credits],
  );
  return { ...row, userIds, selfieOf: (id) => `selfie/${id}.png` };
}

const TICKS_A_SECOND = 100;

/** Seconds of processor that these backends have used, as the kernel counts. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name stands in brackets and may hold spaces: fields count from behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_A_SECOND;
}

/** The backends of so many connections of a pool, all of them opened first. */
export async function backendsOf(pool: pg.Pool): Promise<number[]> {
  const clients = await Promise.all(
    Array.from({ length: pool.options.max }, () => pool.connect()),
  );
  const pids = await Promise.all(
    clients.map(async (client) => {
      const { rows } = await client.query<{ pid: number }>(
        "select pg_backend_pid() as pid",
      );
      return rows[0]?.pid ?? 0;
    }),
  );
  for (const client of clients) client.release();
  return pids;
}

export type Spread = { p50: number; p95: number; p99: number; max: number };

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** What else the machine was doing: a busy one makes every wait longer. */
export function load(): string {
  return `${loadavg()
    .map((value) => value.toFixed(1))
    .join(", ")} (1, 5, 15 minutes) on ${cpus().length} processors`;
}

export async function report(name: string, text: string): Promise<void> {
  const folder = join(import.meta.dirname, "reports");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.md`), text);
  process.stdout.write(`\n${text}`);
}
