import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";

import type { Disk } from "flydrive";

import { type Actor, actorFor } from "../../server/auth/actor.ts";
import { withActor } from "../../server/db/withActor.ts";
import type { ImportRun } from "../../server/import/importRun.ts";
import type { ImportTarget } from "../../server/import/importTarget.ts";
import {
  type RunDeps,
  runImport,
  type RunOutcome,
} from "../../server/import/runImport.ts";
import {
  type UploadedImport,
  uploadImport,
} from "../../server/import/uploadImport.ts";
import { makeDisk } from "../../server/storage/makeDisk.ts";
import type { TestDatabase } from "./database.ts";
import { testServer } from "./testServer.ts";

/** Two brands with people of every role, and a place for files. */
export type ImportWorld = {
  db: TestDatabase;
  disk: Disk;
  brandId: string;
  otherBrandId: string;
  owner: Actor;
  manager: Actor;
  analyst: Actor;
  viewer: Actor;
  shopper: Actor;
  /** Another shopper. */
  neighbour: Actor;
  staffAdmin: Actor;
  staffSupport: Actor;
  /** Owner of the other brand. */
  stranger: Actor;
  /** Where the disk keeps its files. */
  dir: string;
  close(): void;
};

export const silentLog = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The public catalogue of 1,099 rows; it lies beside the repository, not in it. */
export const REAL_FILE = join(
  import.meta.dirname,
  "../../../shared/data/fashion-catalog.csv",
);
export const hasRealFile = existsSync(REAL_FILE);

/** Where only the repository was cloned: made rows, as many of each article type. */
export function readCatalogue(): Buffer {
  return hasRealFile ? readFileSync(REAL_FILE) : Buffer.from(standIn());
}

const ARTICLE_TYPES: readonly (readonly [string, string, number])[] = [
  ["Apparel", "Tshirts", 565],
  ["Apparel", "Jackets", 11],
  ["Apparel", "Shorts", 25],
  ["Apparel", "Track Pants", 28],
  ["Apparel", "Swimwear", 7],
  ["Apparel", "Sweatshirts", 6],
  ["Apparel", "Tops", 36],
  ["Apparel", "Shirts", 45],
  ["Apparel", "Capris", 7],
  ["Apparel", "Dresses", 9],
  ["Apparel", "Trousers", 2],
  ["Accessories", "Backpacks", 37],
  ["Accessories", "Caps", 15],
  ["Accessories", "Water Bottle", 7],
  ["Accessories", "Handbags", 33],
  ["Accessories", "Duffel Bag", 1],
  ["Accessories", "Socks", 4],
  ["Footwear", "Sports Shoes", 54],
  ["Footwear", "Casual Shoes", 75],
  ["Footwear", "Sandals", 26],
  ["Footwear", "Flip Flops", 18],
  ["Footwear", "Formal Shoes", 23],
  ["Footwear", "Sports Sandals", 1],
  ["Footwear", "Heels", 37],
  ["Footwear", "Flats", 17],
  ["Sporting Goods", "Footballs", 7],
  ["Sporting Goods", "Basketballs", 3],
];

function standIn(): string {
  const rows = ARTICLE_TYPES.flatMap(([group, type, count]) =>
    Array.from({ length: count }, () => [group, type] as const),
  );
  const lines = rows.map(
    ([group, type], at) =>
      `${1163 + 3 * at},${at % 3 ? "Women" : "Men"},${group},${type},${type},${at % 9 ? "Navy Blue" : "NA"},Summer,${2009 + (at % 9)},${at % 7 ? "Casual" : ""},Atelier ${type} no. ${at}`,
  );
  return `id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName\n${lines.join("\n")}\n`;
}

export async function makeImportWorld(db: TestDatabase): Promise<ImportWorld> {
  // In the folder of the run: an upload that was cut may still write when a test
  // has ended.
  const dir = mkdtempSync(join(testServer().folder, "imports-"));
  const suffix = randomBytes(4).toString("hex");
  const brand = async (name: string): Promise<string> => {
    const { rows } = await db.root.query<{ id: string }>(
      "insert into app_public.brand_accounts (slug, name, status) values ($1, $2, 'active') returning id",
      [`${name}-${suffix}`, name],
    );
    return only(rows).id;
  };
  const person = async (
    name: string,
    role: string,
    brandId: string | null,
    memberRole: string | null,
  ): Promise<Actor> => {
    const { rows } = await db.root.query<{ id: string }>(
      "insert into app_public.users (email, display_name) values ($1, $2) returning id",
      [`${name}-${suffix}@example.test`, name],
    );
    const { id } = only(rows);
    if (brandId !== null) {
      await db.root.query(
        "insert into app_public.brand_members (brand_id, user_id, role) values ($1, $2, $3)",
        [brandId, id, memberRole],
      );
    }
    return actorFor(role, id, brandId, "test");
  };
  const staff = async (role: string): Promise<Actor> => {
    const actor = await person(role, `closetai_staff_${role}`, null, null);
    await db.root.query(
      "insert into app_public.staff_members (user_id, role) values ($1, $2)",
      [actor.userId, role],
    );
    return actor;
  };
  const brandId = await brand("atelier");
  const otherBrandId = await brand("denim");
  return {
    db,
    disk: await makeDisk({ driver: "fs", dir }),
    dir,
    brandId,
    otherBrandId,
    owner: await person("owner", "closetai_brand_owner", brandId, "owner"),
    manager: await person("manager", "closetai_manager", brandId, "manager"),
    analyst: await person("analyst", "closetai_analyst", brandId, "analyst"),
    viewer: await person("viewer", "closetai_viewer", brandId, "viewer"),
    shopper: await person("shopper", "closetai_user", null, null),
    neighbour: await person("neighbour", "closetai_user", null, null),
    staffAdmin: await staff("admin"),
    staffSupport: await staff("support"),
    stranger: await person(
      "stranger",
      "closetai_brand_owner",
      otherBrandId,
      "owner",
    ),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export function runDeps(world: ImportWorld): RunDeps {
  return {
    app: world.db.app,
    worker: world.db.worker,
    files: world.disk,
    log: silentLog,
  };
}

export function upload(
  world: ImportWorld,
  actor: Actor,
  content: string | Buffer,
  filename = "catalogue.csv",
  maxBytes = 64 * 1024 * 1024,
): Promise<UploadedImport> {
  return uploadImport(
    { app: world.db.app, files: world.disk, maxBytes, log: silentLog },
    actor,
    filename,
    Readable.from([Buffer.from(content)]),
  );
}

export function start(
  world: ImportWorld,
  actor: Actor,
  runId: string,
  mapping: object,
  dryRun = false,
): Promise<ImportRun> {
  return callAs(
    world,
    actor,
    "select * from app_public.start_import($1, $2, $3)",
    [runId, JSON.stringify(mapping), dryRun],
  );
}

/** Every column of the file to the column of that name. */
function byName(table: string): ImportTarget {
  return {
    table,
    method: "table",
    label: table,
    fields: [],
    keys: [],
    guess: (header) => Object.fromEntries(header.map((name) => [name, name])),
  };
}

/** A file for a table, uploaded by its columns. */
export async function uploadInto(
  world: ImportWorld,
  actor: Actor,
  table: string,
  content: string,
): Promise<{ id: string; mapping: Record<string, string> }> {
  const { run, mapping } = await uploadImport(
    {
      app: world.db.app,
      files: world.disk,
      maxBytes: 64 * 1024 * 1024,
      log: silentLog,
    },
    actor,
    `${table}.csv`,
    Readable.from([Buffer.from(content)]),
    () => byName(table),
    table,
  );
  return { id: run.id, mapping };
}

export function startInto(
  world: ImportWorld,
  actor: Actor,
  runId: string,
  mapping: object,
  dryRun = false,
  key: string | null = null,
): Promise<ImportRun> {
  return callAs(
    world,
    actor,
    "select * from app_public.start_import($1, $2, $3, $4)",
    [runId, JSON.stringify(mapping), dryRun, key],
  );
}

/** One function of the API as a person, committed. */
export async function callAs<T extends object = ImportRun>(
  world: ImportWorld,
  actor: Actor,
  sql: string,
  values: unknown[],
): Promise<T> {
  return withActor(world.db.app, actor, async (client) => {
    const { rows } = await client.query<T>(sql, values);
    return only(rows);
  });
}

/** Upload, start with the guessed mapping, run to the end. */
export async function importFile(
  world: ImportWorld,
  actor: Actor,
  content: string | Buffer,
  options: {
    mapping?: object;
    dryRun?: boolean;
    deps?: Partial<RunDeps>;
  } = {},
): Promise<ImportRun & RunOutcome> {
  const { run, mapping } = await upload(world, actor, content);
  await start(
    world,
    actor,
    run.id,
    { ...mapping, ...options.mapping },
    options.dryRun,
  );
  const outcome = await runImport(
    { ...runDeps(world), ...options.deps },
    run.id,
  );
  return { ...(await readRun(world, run.id)), ...outcome };
}

/** The row as it is, seen by the superuser. */
export async function readRun(
  world: ImportWorld,
  runId: string,
): Promise<ImportRun> {
  const { rows } = await world.db.root.query<ImportRun>(
    "select * from app_public.import_runs where id = $1",
    [runId],
  );
  return only(rows);
}

export type RefusalRow = {
  line_no: number;
  field: string;
  code: string;
  reason: string;
  label: string | null;
  fields: string[];
};

export async function readRefusals(
  world: ImportWorld,
  runId: string,
): Promise<RefusalRow[]> {
  const { rows } = await world.db.root.query<RefusalRow>(
    "select line_no, field, code, reason, label, fields from app_public.import_refusals where run_id = $1 order by line_no",
    [runId],
  );
  return rows;
}

/** Each refused line in one text: "3 name EMPTY: No name". */
export async function readReasons(
  world: ImportWorld,
  run: ImportRun,
): Promise<string[]> {
  return (await readRefusals(world, run.id)).map(
    ({ line_no, field, code, reason }) =>
      `${line_no} ${field} ${code}: ${reason}`,
  );
}

export type ProductRow = Record<string, unknown> & { sku: string };

export async function readProducts(
  world: ImportWorld,
  brandId = world.brandId,
): Promise<ProductRow[]> {
  const { rows } = await world.db.root.query<ProductRow>(
    `select sku, name, category_code, brand_label, gender, color, season, year, usage, tags, price_minor, currency
       from app_public.products where brand_id = $1 order by sku`,
    [brandId],
  );
  return rows;
}

/** How many rows of each outcome a run counted. */
export function counts(run: ImportRun): Record<string, number | null> {
  return {
    total: run.total_rows,
    processed: run.processed_rows,
    created: run.created_count,
    updated: run.updated_count,
    unchanged: run.unchanged_count,
    refused: run.refused_count,
  };
}

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("No row");
  return row;
}
