import { readdirSync } from "node:fs";
import { join } from "node:path";

import type { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { projectDir } from "../../server/config.ts";
import { openPglite } from "../helpers/pglite.ts";

/**
 * The path of similar_items() through the index of the extension "vector", in a
 * PostgreSQL that has it; the SQL is that of the migrations themselves.
 */

const COLLECTOR = "01890000-0000-7000-8000-000000000001";
const NEIGHBOUR = "01890000-0000-7000-8000-000000000002";
const LARGE = 600;
const SMALL = 5;

let db: PGlite;

type Found = { item_id: string; distance: number };

const itemId = (owner: "c" | "d", n: number): string =>
  `01890000-0000-7000-8000-${owner}${String(n).padStart(11, "0")}`;

/** Items in forty clusters; every number follows from the item's own. */
const FILL = `
  insert into app_public.wardrobe_items (id, user_id, category_code, name)
  select ('01890000-0000-7000-8000-' || $2 || lpad(n::text, 11, '0'))::uuid, $1, 'tops', 'Item ' || n
  from generate_series(1, $3::integer) n`;
const EMBED = `
  insert into app_public.item_embeddings (item_id, user_id, model, embedding)
  select w.id, w.user_id, 'clip', (
    select array_agg((sin((w.n % 40) * 12.9898 + d * 78.233) + 0.4 * sin(w.n * 3.7 + d * 11.13 + (w.n * d) % 17))::real order by d)
    from generate_series(1, 768) d
  )
  from (select id, user_id, substr(name, 6)::integer as n from app_public.wardrobe_items where user_id = $1) w`;

async function as<T>(userId: string, run: () => Promise<T>): Promise<T> {
  await db.exec(
    `begin; set local role closetai_user; set local app.user_id = '${userId}'`,
  );
  try {
    return await run();
  } finally {
    await db.exec("rollback");
  }
}

async function similar(id: string, first: number): Promise<Found[]> {
  const { rows } = await db.query<Found>(
    "select s.item_id, s.distance from unnest(app_public.similar_items($1, $2)) s",
    [id, first],
  );
  return rows;
}

async function exact(id: string, first: number): Promise<Found[]> {
  const { rows } = await db.query<Found>(
    "select * from app_hidden.nearest_items($1, null, $2)",
    [id, first],
  );
  return rows;
}

/** How often this connection has scanned the index so far. */
async function indexScans(): Promise<number> {
  const { rows } = await db.query<{ scans: number }>(
    `select pg_stat_get_xact_numscans(to_regclass('app_public.item_embeddings_embedding_idx'))::integer as scans`,
  );
  return rows[0]?.scans ?? 0;
}

async function extensionSchema(): Promise<string | null> {
  const { rows } = await db.query<{ schema: string }>(
    `select n.nspname as schema from pg_extension e
     join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'`,
  );
  return rows[0]?.schema ?? null;
}

beforeAll(async () => {
  const committed = readdirSync(join(projectDir, "migrations", "committed"))
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => join("committed", name));
  // The current one runs again on every save, and so twice here.
  db = await openPglite([...committed, "current.sql", "current.sql"]);
  for (const [owner, key, count] of [
    [COLLECTOR, "c", LARGE],
    [NEIGHBOUR, "d", SMALL],
  ] as const) {
    await db.query(
      "insert into app_public.users (id, email, display_name) values ($1, $2, 'Somebody')",
      [owner, `${key}@people.test`],
    );
    await db.query(FILL, [owner, key, count]);
    await db.query(EMBED, [owner]);
  }
  await db.exec(
    "analyze app_public.item_embeddings, app_public.wardrobe_items",
  );
}, 180_000);

afterAll(() => db.close());

describe("where the extension is available, the migration", () => {
  it("installs it beside the other extensions, and makes the index", async () => {
    expect(await extensionSchema()).toBe("app_extensions");
    const { rows } = await db.query<{ indexdef: string }>(
      "select indexdef from pg_indexes where indexname = 'item_embeddings_embedding_idx'",
    );
    expect(rows[0]?.indexdef).toMatch(
      /using hnsw \(\(\(embedding\)::halfvec\(768\)\) halfvec_cosine_ops\) with \(m='16', ef_construction='64'\)$/i,
    );
  });
});

describe("similar_items through the index", () => {
  it("scans the index for a large wardrobe, and not for a small one", async () => {
    await as(COLLECTOR, async () => {
      const before = await indexScans();
      await similar(itemId("c", 1), 10);
      expect(await indexScans()).toBeGreaterThan(before);
    });
    await as(NEIGHBOUR, async () => {
      const before = await indexScans();
      await similar(itemId("d", 1), 10);
      expect(await indexScans()).toBe(before);
    });
  });

  it("goes on scanning in strict order, for that statement alone", async () => {
    const { rows } = await db.query<{ proconfig: string[] }>(
      "select proconfig from pg_proc where oid = 'app_hidden.nearest_by_index(uuid, uuid, text, real[], integer)'::regprocedure",
    );
    expect(rows[0]?.proconfig).toContain("hnsw.iterative_scan=strict_order");
    await as(COLLECTOR, async () => {
      await similar(itemId("c", 1), 10);
      const after = await db.query<{ scan: string; cost: string }>(
        "select current_setting('hnsw.iterative_scan') as scan, current_setting('cpu_operator_cost') as cost",
      );
      expect(after.rows).toEqual([{ scan: "off", cost: "0.0025" }]);
    });
  });

  it("finds what the exact path finds, at the same distances", async () => {
    let agreed = 0;
    let asked = 0;
    for (const n of [1, 77, 202, 335, 490, 599]) {
      await as(COLLECTOR, async () => {
        const before = await indexScans();
        const found = await similar(itemId("c", n), 20);
        expect(await indexScans()).toBeGreaterThan(before);
        const all = await exact(itemId("c", n), LARGE);
        expect(found).toHaveLength(20);
        // What is found stands at its exact distance, in the exact order.
        const ids = new Set(found.map(({ item_id }) => item_id));
        expect(found).toEqual(all.filter(({ item_id }) => ids.has(item_id)));
        const nearest = new Set(all.slice(0, 20).map(({ item_id }) => item_id));
        agreed += found.filter(({ item_id }) => nearest.has(item_id)).length;
        asked += found.length;
      });
    }
    // The index is approximate, and is built by chance.
    expect(agreed / asked).toBeGreaterThan(0.9);
  });

  it("gives a small wardrobe among many other people's items whole", async () => {
    await as(NEIGHBOUR, async () => {
      const found = await similar(itemId("d", 1), 12);
      expect(found).toEqual(await exact(itemId("d", 1), 12));
      expect(found.map(({ item_id }) => item_id).sort()).toEqual(
        [2, 3, 4, 5].map((n) => itemId("d", n)),
      );
    });
  });

  it("leaves out what was taken out of the wardrobe", async () => {
    const [nearest] = await as(COLLECTOR, () => similar(itemId("c", 1), 1));
    await db.query(
      "update app_public.wardrobe_items set deleted_at = now() where id = $1",
      [nearest?.item_id],
    );
    const found = await as(COLLECTOR, () => similar(itemId("c", 1), 100));
    expect(found).toHaveLength(100);
    expect(found.map(({ item_id }) => item_id)).not.toContain(nearest?.item_id);
  });
});

describe("prepare_similarity", () => {
  const prepare = "call app_private.prepare_similarity()";

  const hasIndex = async (): Promise<boolean> => {
    const { rows } = await db.query<{ ready: boolean }>(
      `select to_regclass('app_public.item_embeddings_embedding_idx') is not null
          and to_regprocedure('app_hidden.nearest_by_index(uuid, uuid, text, real[], integer)') is not null as ready`,
    );
    return rows[0]?.ready === true;
  };

  // An index is built twice below, and here without the help of a compiler.
  beforeAll(async () => {
    await db.query(
      "delete from app_public.wardrobe_items where user_id = $1 and substr(name, 6)::integer > 40",
      [COLLECTOR],
    );
  });

  it("is made up for by the exact path while the extension is gone, and brings the index back", async () => {
    const ask = () => as(NEIGHBOUR, () => similar(itemId("d", 2), 4));
    const before = await ask();
    await db.exec("drop extension vector cascade");
    expect(await hasIndex()).toBe(false);
    expect(await ask()).toEqual(before);

    // An owner who may not create extensions gets a notice, not a failure.
    const notices: string[] = [];
    await db.exec(
      `grant usage on schema app_private to closetai_owner;
       grant execute on procedure app_private.prepare_similarity() to closetai_owner;
       set role closetai_owner`,
    );
    await db.query(prepare, [], {
      onNotice: ({ message }) => notices.push(message ?? ""),
    });
    await db.exec("reset role");
    expect(notices.join()).toContain("closetai_owner may not create it");
    expect(await extensionSchema()).toBeNull();
    expect(await ask()).toEqual(before);

    await db.exec(prepare);
    await db.exec(prepare);
    expect(await extensionSchema()).toBe("app_extensions");
    expect(await ask()).toEqual(before);
    expect(await hasIndex()).toBe(true);
  });

  it("takes the extension from where it already is", async () => {
    await db.exec(
      "drop extension vector cascade; create schema elsewhere; create extension vector schema elsewhere",
    );
    await db.exec(prepare);
    expect(await extensionSchema()).toBe("elsewhere");
    expect(await hasIndex()).toBe(true);
    await as(COLLECTOR, async () => {
      expect(await similar(itemId("c", 5), 10)).toEqual(
        await exact(itemId("c", 5), 10),
      );
    });
  });
});
