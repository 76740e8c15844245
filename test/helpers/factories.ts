import { randomUUID } from "node:crypto";

import type { ClientBase } from "pg";

/** A row as SQL takes it: arrays and objects as JSON, bytea as "\x…". */
export type Row = Record<string, unknown>;

/**
 * Rows of one table in one statement; columns nobody names keep their default.
 * The name of the table is ours, never input.
 */
export async function insertRows(
  client: ClientBase,
  table: string,
  rows: Row[],
): Promise<void> {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const uneven = rows.find((row) => Object.keys(row).length < columns.length);
  if (uneven !== undefined) {
    throw new Error(
      `All rows of ${table} must name the same columns (${columns.join(", ")}), unlike ${JSON.stringify(uneven)}`,
    );
  }
  const list = columns.map((column) => `"${column}"`).join(", ");
  await client.query(
    `insert into ${table} (${list})
     select ${list} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
    [JSON.stringify(rows)],
  );
}

/** What the database made of one row, defaults included. */
async function insertOne(
  client: ClientBase,
  table: string,
  row: Row,
): Promise<Row> {
  const list = Object.keys(row)
    .map((column) => `"${column}"`)
    .join(", ");
  const { rows } = await client.query<Row>(
    `insert into ${table} (${list})
     select ${list} from jsonb_populate_record(null::${table}, $1::jsonb)
     returning *`,
    [JSON.stringify(row)],
  );
  const made = rows[0];
  if (made === undefined) throw new Error(`No row of ${table} was made`);
  return made;
}

export type Made<K extends string = "id"> = Row & Record<K, string>;

/** Short and unique, so that two rows never meet in a unique key. */
export function uniqueWord(): string {
  return randomUUID().slice(0, 8);
}

export async function buildUser(
  client: ClientBase,
  overrides: Row = {},
): Promise<Made> {
  const word = uniqueWord();
  return (await insertOne(client, "app_public.users", {
    email: `person-${word}@people.test`,
    display_name: `Person ${word}`,
    ...overrides,
  })) as Made;
}

export async function buildBrand(
  client: ClientBase,
  overrides: Row = {},
): Promise<Made> {
  const word = uniqueWord();
  return (await insertOne(client, "app_public.brand_accounts", {
    slug: `brand-${word}`,
    name: `Brand ${word}`,
    status: "active",
    ...overrides,
  })) as Made;
}

/** Makes the person, too, unless user_id says who it is. */
export async function buildMember(
  client: ClientBase,
  overrides: Row & { brand_id: string },
): Promise<Made<"brand_id" | "user_id">> {
  return (await insertOne(client, "app_public.brand_members", {
    user_id: overrides["user_id"] ?? (await buildUser(client)).id,
    role: "viewer",
    ...overrides,
  })) as Made<"brand_id" | "user_id">;
}

export async function buildStaff(
  client: ClientBase,
  overrides: Row = {},
): Promise<Made<"user_id">> {
  return (await insertOne(client, "app_public.staff_members", {
    user_id: overrides["user_id"] ?? (await buildUser(client)).id,
    role: "support",
    ...overrides,
  })) as Made<"user_id">;
}

export async function buildProduct(
  client: ClientBase,
  overrides: Row & { brand_id: string },
): Promise<Made> {
  const word = uniqueWord();
  return (await insertOne(client, "app_public.products", {
    sku: `sku-${word}`,
    name: `Coat ${word}`,
    category_code: "jackets",
    ...overrides,
  })) as Made;
}

export async function buildWardrobeItem(
  client: ClientBase,
  overrides: Row & { user_id: string },
): Promise<Made> {
  return (await insertOne(client, "app_public.wardrobe_items", {
    name: `Scarf ${uniqueWord()}`,
    category_code: "scarves",
    ...overrides,
  })) as Made;
}

/** Owned by the brand or the person that the overrides name. */
export async function buildStorageObject(
  client: ClientBase,
  overrides: Row,
): Promise<Made<"key">> {
  return (await insertOne(client, "app_public.storage_objects", {
    key: `garment/${randomUUID()}.png`,
    kind: "garment",
    content_type: "image/png",
    bytes: 4,
    sha256: `\\x${"ab".repeat(32)}`,
    status: "available",
    ...overrides,
  })) as Made<"key">;
}

export async function buildImportRun(
  client: ClientBase,
  overrides: Row & { brand_id: string },
): Promise<Made> {
  return (await insertOne(client, "app_public.import_runs", {
    filename: "catalogue.csv",
    ...overrides,
  })) as Made;
}
