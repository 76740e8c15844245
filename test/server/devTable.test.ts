import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { projectDir } from "../../server/config.ts";
import { silentLog } from "../../server/db/log.ts";
import { migrateCurrent } from "../../server/db/migrate.ts";
import { type Tenant, TENANTS } from "../../server/dev/scaffoldTable.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { copyMigrations, type MigrationsCopy } from "../helpers/dev.ts";
import { allLints } from "../policies/lints.ts";

let db: TestDatabase;
let copy: MigrationsCopy;
let testsFolder: string;

beforeAll(async () => {
  db = await createTestDatabase();
  copy = await copyMigrations(db);
  testsFolder = mkdtempSync(join(tmpdir(), "closetai-new-"));
});

afterAll(async () => {
  rmSync(testsFolder, { recursive: true, force: true });
  copy?.remove();
  await db?.drop();
});

/** The command line, as npm run new calls it. */
function run(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(projectDir, "server", "cli", "newTable.ts"), ...args],
    {
      cwd: projectDir,
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "" },
    },
  );
  return { status, output: stdout + stderr };
}

function newTable(name: string, tenant: Tenant) {
  return run(
    "table",
    name,
    "--tenant",
    tenant,
    "--migrations",
    copy.folder,
    "--tests",
    testsFolder,
  );
}

const NAMES: Record<Tenant, string> = {
  brand: "season_drops",
  user: "mood_boards",
  none: "fabrics",
};

describe("npm run new table", () => {
  it.each(TENANTS)(
    "with the tenant %s writes a table, its policies and its test",
    (tenant) => {
      const name = NAMES[tenant];
      const { status, output } = newTable(name, tenant);
      expect([status, output]).toEqual([
        0,
        expect.stringMatching(/^Appended[\s\S]*Next:\n {2}1\. /),
      ]);
      expect(copy.read(`fixtures/policies/${name}.sql`)).toContain(
        `call app_private.close_table('app_public.${name}');`,
      );
      expect(copy.read("current.sql")).toMatch(
        new RegExp(
          `drop table if exists app_public\\.${name};[\\s\\S]*create table app_public\\.${name} [\\s\\S]*--!include policies/${name}\\.sql\\n$`,
        ),
      );
      const test = readFileSync(join(testsFolder, `${name}.test.ts`), "utf8");
      expect(test).toContain(`describe("app_public.${name}"`);
      expect(test).not.toMatch(/\{\{|todo/i);
    },
  );

  it("what it wrote runs on top of itself, and no lint finds a fault in it", async () => {
    const migrationsFolder = copy.folder;
    for (const time of ["first", "second"]) {
      // Another text, or the second run would be left out.
      copy.append("current.sql", `select '${time}';\n`);
      expect(
        await migrateCurrent(db.urls, silentLog, { migrationsFolder }),
      ).toEqual({ changed: true });
    }
    const { rows } = await db.root.query<{ lint: string; detail: string }>(
      allLints,
    );
    // What the command says to do next: only a person can say that all may read it.
    expect(rows).toEqual([
      {
        lint: "policy_open_to_strangers",
        detail: expect.stringMatching(/fabrics select_all to closetai_user$/),
      },
    ]);
  });

  it.each([
    [
      "a table that is there",
      "products",
      /There is app_public\.products already: .*\.sql makes it/,
    ],
    ["a table without a policy file of its own", "import_rows_of_all", null],
    ["capital letters", "Looks", /is not a name for a table/],
    ["a hyphen", "lookbook-pages", /is not a name for a table/],
    ["a path", "../looks", /is not a name for a table/],
    ["a word of SQL", "order", /is a word of SQL/],
    ["a name without room for its indexes", "l".repeat(40), /At most 39/],
  ])(
    "%s is refused with a sentence, and nothing is written",
    (_what, name, said) => {
      const before = [copy.read("current.sql"), readdirSync(testsFolder)];
      if (said === null) {
        copy.append(
          "current.sql",
          `create view app_public.${name} as select 1;\n`,
        );
        before[0] = copy.read("current.sql");
      }
      const { status, output } = newTable(name, "brand");
      expect(status).toBe(1);
      expect(output).toMatch(
        said ??
          /There is app_public\.import_rows_of_all already: .*current\.sql makes it/,
      );
      expect(output).not.toMatch(/\n\s+at /);
      expect([copy.read("current.sql"), readdirSync(testsFolder)]).toEqual(
        before,
      );
      expect(
        existsSync(join(copy.folder, "fixtures", "policies", "order.sql")),
      ).toBe(false);
    },
  );

  it("explains itself", () => {
    const help = run("table", "--help");
    expect([help.status, help.output]).toEqual([
      0,
      expect.stringContaining("npm run new table looks -- --tenant user"),
    ]);
    expect(run("table", "looks", "--tenant", "nobody").output).toMatch(
      /Allowed choices are brand, user, none/,
    );
    // npm run new table looks --tenant user: npm takes the option for its own.
    expect(run("table", "looks", "user").output).toMatch(
      /Expected 1 argument but got 2\.[\s\S]*after a double dash: npm run new/,
    );
  });
});
