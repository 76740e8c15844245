import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import { projectDir } from "../../server/config.ts";
import { as, outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db.drop());

async function partitions(client: ClientBase | TestDatabase["root"]) {
  const { rows } = await client.query<{
    name: string;
    security: boolean;
    guarded: boolean;
  }>(
    `select c.oid::regclass::text as name, c.relrowsecurity as security,
            exists (
              select from pg_trigger t where t.tgrelid = c.oid and t.tgname = '_900_append_only_truncate'
            ) as guarded
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'app_public.audit_log'::regclass order by 1`,
  );
  return rows;
}

async function ensure(client: ClientBase | TestDatabase["root"]) {
  const { rows } = await client.query<{ made: number }>(
    "select app_private.ensure_partitions() as made",
  );
  return rows[0]?.made;
}

describe("ensure_partitions", () => {
  it("has made last month, this one and six ahead, all closed and guarded", async () => {
    const found = await partitions(db.root);
    expect(found).toHaveLength(8);
    expect(found.filter((p) => !p.security || !p.guarded)).toEqual([]);
  });

  it("makes nothing the second time", async () => {
    expect(await ensure(db.worker)).toBe(0);
    expect(await ensure(db.owner)).toBe(0);
  });

  it("makes what is missing, once, when two run at once", async () => {
    const before = await partitions(db.root);
    for (const { name } of before.slice(-3)) {
      await db.root.query(`drop table ${name}`);
    }
    const one = await db.worker.connect();
    const two = await db.owner.connect();
    try {
      // The first holds its lock until it commits.
      await one.query("begin");
      expect(await ensure(one)).toBe(3);
      const second = ensure(two);
      await one.query("commit");
      expect(await second).toBe(0);
    } finally {
      await one.query("rollback");
      one.release();
      two.release();
    }
    expect(await partitions(db.root)).toEqual(before);
  });

  it("leaves no month within the horizon without a place for its rows", async () => {
    await withRoot(db, async (root) => {
      const insert = (months: string): Promise<unknown> =>
        root.query(
          `insert into app_public.audit_log (occurred_at, actor_kind, action, table_name, row_pk)
           values (now() + $1::interval, 'system', 'insert', 'products', '1')`,
          [months],
        );
      for (let months = 0; months <= 6; months++) {
        await insert(`${months} months`);
      }
      // And no DEFAULT partition that would swallow what comes after.
      expect(await outcomeOf(insert("12 months"))).toBe("23514");
    });
  });

  it("makes partitions by the bounds of a UUIDv7, too", async () => {
    await withRoot(db, async (root) => {
      await root.query("set local role closetai_owner");
      await root.query(
        "create table app_public.tries (id uuid primary key default app_private.uuid_v7()) partition by range (id)",
      );
      await root.query(
        "insert into app_private.partitioned_tables (parent, key_kind) values ('app_public.tries', 'uuid_v7')",
      );
      expect(await ensure(root)).toBe(8);
      const { rows } = await root.query<{
        id: string;
        at: string;
        month: string;
      }>(
        `insert into app_public.tries default values
         returning id, tableoid::regclass::text as at, to_char(now() at time zone 'UTC', 'YYYY_MM') as month`,
      );
      const [row] = rows;
      expect(row?.at).toBe(`app_partitions.tries_${row?.month}`);
      // A query by id touches one partition.
      const { rows: plan } = await root.query<{ "QUERY PLAN": string }>(
        `explain (costs off) select from app_public.tries where id = '${row?.id}'`,
      );
      const touched = plan.flatMap(
        (line) => line["QUERY PLAN"].match(/tries_\d{4}_\d{2}\b/g) ?? [],
      );
      expect([...new Set(touched)]).toEqual([`tries_${row?.month}`]);
    });
  });
});

describe("the audit trail", () => {
  it.each(["admin", "A.owner"] as const)(
    "is read newest first by %s without sorting all of it",
    async (who) => {
      await as(db, who, async (client) => {
        // On an empty table a sort is the cheaper way: the index must be possible.
        await client.query("set local enable_seqscan = off");
        await client.query("set local enable_sort = off");
        await client.query("set local enable_bitmapscan = off");
        const { rows } = await client.query<{ "QUERY PLAN": string }>(
          `explain (costs off) select * from app_public.audit_log
            order by occurred_at desc, id desc limit 25`,
        );
        const nodes = rows.map((row) => row["QUERY PLAN"].trim());
        expect(nodes.filter((node) => /^(-> +)?Sort$/.test(node))).toEqual([]);
        expect(nodes.join("\n")).toMatch(/Index Scan/);
      });
    },
  );
});

/** The text of the function older servers get, wherever the migration stands now. */
function fallbackSource(): string {
  const folder = join(projectDir, "migrations");
  const committed = join(folder, "committed");
  let files: string[] = [];
  try {
    files = readdirSync(committed).map((name) => join(committed, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  for (const file of [...files, join(folder, "current.sql")]) {
    const found = readFileSync(file, "utf8").match(
      /else\s+execute \$sql\$\s+(create function app_private\.uuid_v7\(\)[\s\S]*?)\$sql\$/,
    );
    if (found?.[1] !== undefined) return found[1];
  }
  throw new Error("No migration makes uuid_v7 for servers without uuidv7()");
}

describe.each(["uuid_v7", "uuid_v7_fallback"])("app_private.%s", (name) => {
  async function made(count: number): Promise<string[]> {
    return withRoot(db, async (root) => {
      if (name === "uuid_v7_fallback") {
        await root.query(
          fallbackSource().replace(
            "app_private.uuid_v7()",
            `app_private.${name}()`,
          ),
        );
      }
      const { rows } = await root.query<{ id: string }>(
        `select app_private.${name}()::text as id from generate_series(1, $1)`,
        [count],
      );
      return rows.map(({ id }) => id);
    });
  }

  it("makes UUIDs of version 7 and of the RFC's variant, all different", async () => {
    const ids = await made(5000);
    expect(
      ids.filter(
        (id) =>
          !/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(
            id,
          ),
      ),
    ).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("puts the time first: milliseconds that never go back", async () => {
    const before = Date.now() - 60_000;
    const moments = (await made(5000)).map((id) =>
      Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16),
    );
    expect([...moments].sort((a, b) => a - b)).toEqual(moments);
    expect(moments[0]).toBeGreaterThan(before);
    expect(moments.at(-1)).toBeLessThan(Date.now() + 60_000);
  });
});

describe("app_private.uuid_v7_floor", () => {
  it("is not above any id made at that moment or later, and above all before", async () => {
    const { rows } = await db.root.query(
      `select app_private.uuid_v7_floor(now() - interval '1 second') <= made as after,
              app_private.uuid_v7_floor(now() + interval '1 second') > made as before
         from (select app_private.uuid_v7() as made) m`,
    );
    expect(rows).toEqual([{ after: true, before: true }]);
  });
});
