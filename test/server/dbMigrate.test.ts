import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { QueryResultRow } from "pg";

import { withClient } from "../../server/db/clients.ts";
import {
  commitMigration,
  migrationStatus,
  resetDatabase,
  uncommitMigration,
} from "../../server/db/commit.ts";
import { dropDatabaseAt, ensureDatabase } from "../../server/db/database.ts";
import { type Log, silentLog } from "../../server/db/log.ts";
import { migrate } from "../../server/db/migrate.ts";
import { databaseOf, type Urls, urlsFor } from "../../server/db/urls.ts";
import {
  type DatabaseWatcher,
  includeFixtures,
  watchDatabase,
} from "../../server/db/watch.ts";
import { createTestDatabase } from "../helpers/database.ts";
import { testServer } from "../helpers/testServer.ts";

const MIGRATE_CHILD = join(import.meta.dirname, "../helpers/migrateChild.ts");

describe("migrations", () => {
  let migrationsFolder = "";
  let urls: Urls;
  let said: string[] = [];
  const log: Log = {
    debug: () => undefined,
    info: (text) => said.push(text),
    warn: (text) => said.push(text),
    error: (text) => said.push(text),
  };

  beforeEach(async () => {
    said = [];
    migrationsFolder = mkdtempSync(join(tmpdir(), "closetai-migrations-"));
    const name = `closetai_test_${randomBytes(6).toString("hex")}`;
    urls = urlsFor(testServer().urls, name);
    await ensureDatabase(urls);
  });

  afterEach(async () => {
    await dropDatabaseAt(testServer().urls.root, databaseOf(urls.owner));
    rmSync(migrationsFolder, { recursive: true, force: true });
  });

  function write(path: string, sql: string): void {
    const file = join(migrationsFolder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, sql);
  }

  function read(path: string): string {
    return readFileSync(join(migrationsFolder, path), "utf8");
  }

  async function query<T extends QueryResultRow>(sql: string): Promise<T[]> {
    return withClient(urls.owner, async (client) => {
      return (await client.query<T>(sql)).rows;
    });
  }

  /** A committed migration, made the way people make it. */
  async function commit(sql: string, message: string): Promise<void> {
    write("current.sql", sql);
    await commitMigration(urls, silentLog, message, { migrationsFolder });
  }

  it("work where there is none yet", async () => {
    await migrate(urls, log, { migrationsFolder });
    await migrate(urls, log, { migrationsFolder });
    expect(said).toEqual([]);
  });

  it("leave no connection that would end the process when the database goes", async () => {
    await withClient(testServer().urls.root, async (root) => {
      // Asked on a connection that is open already, so that nothing has time to end.
      const left: unknown[] = [];
      for (let run = 0; run < 5; run++) {
        write("current.sql", `-- run ${run}\n`);
        await migrate(urls, log, { migrationsFolder });
        const { rows } = await root.query(
          "select application_name from pg_stat_activity where datname = $1 and usename = 'closetai_owner' and application_name <> 'closetai setup'",
          [databaseOf(urls.owner)],
        );
        left.push(...rows);
      }
      expect(left).toEqual([]);
    });
  });

  it("find the queue's schema, and end with the partitions", async () => {
    write(
      "current.sql",
      `drop schema if exists app_private cascade;
       create schema app_private;
       create table app_private.calls (id int generated always as identity);
       create function app_private.count_jobs() returns bigint language sql
         as $$ select pg_catalog.count(*) from graphile_worker.jobs $$;
       create function app_private.ensure_partitions() returns void language sql
         as $$ insert into app_private.calls default values $$;`,
    );
    await migrate(urls, log, { migrationsFolder });
    expect(
      await query("select count(*)::int as count from app_private.calls"),
    ).toEqual([{ count: 1 }]);
  });

  it("leave the worker no right to make schemas", async () => {
    await migrate(urls, log, { migrationsFolder });
    const mayCreate = () =>
      query(
        "select has_database_privilege('closetai_worker', current_database(), 'create') as may",
      );
    expect(await mayCreate()).toEqual([{ may: false }]);
  });

  it("refuse a name without its schema", async () => {
    write("current.sql", "create table forgotten (id int);");
    await expect(
      migrate(urls, silentLog, { migrationsFolder }),
    ).rejects.toMatchObject({ code: "42501" });
  });

  it("leave out current.sql where they are told to, as production does", async () => {
    write("current.sql", "create schema tried_out;");
    await migrate(urls, log, { migrationsFolder, current: false });
    expect(await query("select to_regnamespace('tried_out') as found")).toEqual(
      [{ found: null }],
    );
  });

  it("are applied once by several runners at once", async () => {
    await commit(
      `drop schema if exists counted cascade;
       create schema counted;
       create table counted.runs (at timestamptz default now());
       select pg_sleep(1);
       insert into counted.runs default values;`,
      "count runs",
    );
    await resetDatabase(urls, silentLog, {
      migrationsFolder: join(migrationsFolder, "none"),
    });
    await Promise.all(
      [1, 2, 3].map(() => migrate(urls, log, { migrationsFolder })),
    );
    expect(
      await query("select count(*)::int as count from counted.runs"),
    ).toEqual([{ count: 1 }]);
    expect(said).toContain("Another process migrates; waiting for it");
  });

  it("wait for a lock and try again, instead of failing or blocking", async () => {
    write(
      "current.sql",
      `create schema if not exists busy;
       create table if not exists busy.rows (id int);`,
    );
    await migrate(urls, log, { migrationsFolder });
    write(
      "current.sql",
      `alter table busy.rows add column if not exists name text;`,
    );
    await withClient(urls.owner, async (holder) => {
      await holder.query("begin; lock table busy.rows in access share mode;");
      const migrating = migrate(urls, log, { migrationsFolder });
      while (!said.some((line) => /trying again/.test(line))) await sleep(50);
      await holder.query("commit");
      await migrating;
    });
    expect(said.filter((line) => /Error occurred/.test(line))).toEqual([]);
    expect(
      await query(
        "select attname from pg_attribute where attrelid = 'busy.rows'::regclass and attnum = 2",
      ),
    ).toEqual([{ attname: "name" }]);
  });

  it("leave the old state when the runner is killed, and go through the next time", async () => {
    await commit(
      `drop schema if exists slow cascade;
       create schema slow;
       create table slow.first (id int);
       select pg_sleep(3);
       create table slow.second (id int);`,
      "slow",
    );
    await resetDatabase(urls, silentLog, {
      migrationsFolder: join(migrationsFolder, "none"),
    });
    const child = spawn(
      process.execPath,
      [MIGRATE_CHILD, JSON.stringify(urls), migrationsFolder],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    const sleeping = () =>
      query(
        "select from pg_stat_activity where datname = current_database() and query ~ 'slow.first' and wait_event = 'PgSleep'",
      );
    while ((await sleeping()).length === 0) await sleep(20);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await query("select to_regnamespace('slow') as found")).toEqual([
      { found: null },
    ]);

    await migrate(urls, log, { migrationsFolder });
    expect(
      await query("select to_regclass('slow.second') is not null as found"),
    ).toEqual([{ found: true }]);
  });

  it("are committed after a trial on an empty database, and uncommitted again", async () => {
    write("fixtures/functions/one.sql", "create schema made_by_fixture;\n");
    const current = `drop schema if exists made_by_fixture cascade;\n--!include functions/one.sql\n`;
    await commit(current, "first things");
    expect(readdirSync(join(migrationsFolder, "committed"))).toEqual([
      "000001-first-things.sql",
    ]);
    expect(read("current.sql")).toMatch(/^-- Undo, then do/);
    expect(await migrationStatus(urls, log, { migrationsFolder })).toEqual({
      applied: ["000001.sql"],
      pending: [],
      hasCurrent: false,
    });

    await uncommitMigration(urls, silentLog, { migrationsFolder });
    expect(readdirSync(join(migrationsFolder, "committed"))).toEqual([]);
    expect(read("current.sql")).toContain("--!include functions/one.sql");
    expect(
      await query(
        "select datname from pg_database where datname like current_database() || '_shadow'",
      ),
    ).toEqual([]);
  });

  it("are not committed when they fail on an empty database", async () => {
    // Works here, where the schema is; fails where only migrations have run.
    await query("create schema made_by_hand");
    const current = "create table if not exists made_by_hand.rows (id int);\n";
    await expect(commit(current, "forgets its schema")).rejects.toMatchObject({
      code: "3F000",
    });
    expect(readdirSync(join(migrationsFolder, "committed"))).toEqual([]);
    expect(read("current.sql")).toBe(current);
  });

  it("start over after a reset, with the connections of others cut", async () => {
    await commit("drop schema if exists kept; create schema kept;", "kept");
    await query("create table kept.rows (id int)");
    await withClient(urls.owner, async () => {
      await resetDatabase(urls, silentLog, { migrationsFolder });
    });
    expect(
      await query(
        "select to_regnamespace('kept') is not null as kept, to_regclass('kept.rows') as rows",
      ),
    ).toEqual([{ kept: true, rows: null }]);
  });

  describe("when watched", () => {
    let watcher: DatabaseWatcher | null = null;
    let runs: string[] = [];
    const applied = async (count: number): Promise<void> => {
      while (runs.length < count) await sleep(20);
    };
    const watch = async (): Promise<void> => {
      watcher = await watchDatabase(urls, log, {
        migrationsFolder,
        intervalMs: 30,
        onChange: ({ changed }) => {
          runs.push(changed ? "changed" : "unchanged");
        },
        onError: () => {
          runs.push("failed");
        },
      });
    };

    beforeEach(() => {
      runs = [];
    });
    afterEach(async () => {
      await watcher?.close();
      watcher = null;
    });

    it("are applied on every save, and say so", async () => {
      write("current.sql", "-- nothing yet\n");
      await watch();
      write("current.sql", "create schema if not exists saved;\n");
      await applied(2);
      expect(
        await query("select to_regnamespace('saved') is not null as found"),
      ).toEqual([{ found: true }]);
      expect(runs).toEqual(["changed", "changed"]);
    });

    it("go on after a mistake", async () => {
      write("current.sql", "-- nothing yet\n");
      await watch();
      write("current.sql", "create shcema oops;\n");
      await applied(2);
      write("current.sql", "create schema if not exists right_again;\n");
      await applied(3);
      expect(runs).toEqual(["changed", "failed", "changed"]);
      expect(said.join("\n")).toMatch(/syntax error/);
    });

    it("take in a policy file that current.sql does not include yet", async () => {
      write("current.sql", "-- nothing yet");
      write("fixtures/policies/old.sql", "create schema never_saved;\n");
      await watch();
      write(
        "fixtures/policies/products.sql",
        "create schema if not exists by_policy;\n",
      );
      await applied(2);
      expect(read("current.sql")).toBe(
        "-- nothing yet\n--!include policies/products.sql\n",
      );
      expect(
        await query(
          "select to_regnamespace('by_policy') is not null as saved, to_regnamespace('never_saved') as untouched",
        ),
      ).toEqual([{ saved: true, untouched: null }]);

      write(
        "fixtures/policies/products.sql",
        "create schema if not exists by_policy_again;\n",
      );
      await applied(3);
      expect(
        read("current.sql").match(/--!include policies\/products.sql/g),
      ).toHaveLength(1);
      expect(
        await query(
          "select to_regnamespace('by_policy_again') is not null as found",
        ),
      ).toEqual([{ found: true }]);
    });
  });

  it("include a saved part through the file that has it, and nothing removed", async () => {
    write("fixtures/functions/whole.sql", "--!include functions/part.sql\n");
    write("fixtures/functions/part.sql", "select 1;\n");
    write("fixtures/functions/known.sql", "select 2;\n");
    write("current.sql", "--!include functions/known.sql\n");
    const path = (name: string): string =>
      join(migrationsFolder, "fixtures", "functions", name);
    expect(
      await includeFixtures(migrationsFolder, [
        path("part.sql"),
        path("known.sql"),
        path("removed.sql"),
        join(migrationsFolder, "current.sql"),
      ]),
    ).toEqual(["functions/whole.sql"]);
    expect(read("current.sql")).toBe(
      "--!include functions/known.sql\n--!include functions/whole.sql\n",
    );
  });
});

describe("the repository's own migrations", () => {
  it("can be applied again on top of themselves, with current.sql run twice", async () => {
    const db = await createTestDatabase();
    try {
      // A changed copy in the journal makes the runner run the file again.
      await db.owner.query("update graphile_migrate.current set content = ''");
      await migrate(db.urls, silentLog, { current: true });
      const { rows } = await db.owner.query(
        "select length(content) >= 0 as stored from graphile_migrate.current",
      );
      expect(rows).toEqual([{ stored: true }]);
    } finally {
      await db.drop();
    }
  });

  it("leave nothing behind that is invalid or not validated", async () => {
    const db = await createTestDatabase();
    try {
      const { rows } = await db.root.query(
        `select indexrelid::regclass::text as name from pg_index where not indisvalid
         union all
         select conname from pg_constraint where not convalidated`,
      );
      expect(rows).toEqual([]);
    } finally {
      await db.drop();
    }
  });
});
