import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import { projectDir } from "../../server/config.ts";
import { outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { testServer } from "../helpers/testServer.ts";
import { brands, createWorld, jobs, runs, stripeId } from "../helpers/world.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await createWorld(root);
  } finally {
    root.release();
  }
});

afterAll(() => db.drop());

async function broken(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ invariant: string }>(
    "select invariant from app_private.check_invariants()",
  );
  return rows.map(({ invariant }) => invariant);
}

/**
 * How each invariant is broken. Only a superuser can, and for rows only with the
 * triggers off: that is the point.
 */
const BREAKS: Record<string, string> = {
  partition_missing: `do $$ begin execute 'drop table app_partitions.audit_log_'
    || to_char(now() at time zone 'UTC' + interval '2 months', 'YYYY_MM'); end $$`,
  table_without_rls: "alter table app_public.users disable row level security",
  view_unbound:
    "create view app_public.everybody as select email from app_public.users",
  foreign_key_without_index: "drop index app_public.products_category_code_idx",
  definer_function_unsafe:
    "alter function app_public.break_glass_wardrobe(uuid, text) reset search_path",
  index_invalid:
    "update pg_index set indisvalid = false where indexrelid = 'app_public.products_pkey'::regclass",
  constraint_not_validated:
    "alter table app_public.products add constraint fault check (sku <> '') not valid",
  brand_without_owner: `set local session_replication_role = replica;
    delete from app_public.brand_members where brand_id = '${brands.A}' and role = 'owner'`,
  import_refusals_miscounted: `delete from app_public.import_refusals where run_id = '${runs["A.run"]}'`,
  job_left_behind: `update app_public.tryon_jobs set deadline_at = now() - interval '1 hour'
    where id = '${jobs["shopper's of B"]}'`,
};

/** More ways to break one of them. */
const MORE_BREAKS: [string, string][] = [
  [
    "job_left_behind",
    `update app_public.tryon_jobs set status = 'processing', locked_by = 'gone',
            locked_until = now() - interval '1 hour' where id = '${jobs["A's own"]}'`,
  ],
  [
    "definer_function_unsafe",
    "grant execute on function app_public.break_glass_wardrobe(uuid, text) to public",
  ],
  [
    "view_unbound",
    "create materialized view app_public.everybody as select email from app_public.users",
  ],
  [
    "view_unbound",
    "alter view app_public.brand_people reset (security_barrier)",
  ],
  [
    "view_unbound",
    "alter view app_public.brand_people owner to closetai_owner",
  ],
  [
    "table_without_rls",
    `do $$ begin execute 'alter table app_partitions.audit_log_'
      || to_char(now() at time zone 'UTC', 'YYYY_MM') || ' disable row level security'; end $$`,
  ],
  [
    "brand_without_owner",
    "insert into app_public.brand_accounts (slug, name, status) values ('nobodys', 'Nobody''s', 'active')",
  ],
  [
    "import_refusals_miscounted",
    `update app_public.import_runs set refused_count = 0, processed_rows = 0 where id = '${runs["A.run"]}'`,
  ],
  [
    "account_differs_from_subscriptions",
    `set local session_replication_role = replica;
     update app_public.stripe_customers set brand_id = '${brands.B}' where id = '${stripeId("cus", "A")}'`,
  ],
  [
    "movement_differs_from_lines",
    `set local session_replication_role = replica;
     update app_public.mrr_movement_lines set movement_id = null, kind = null where account = 'brand:${brands.A}'`,
  ],
  [
    "subscription_differs_from_lines",
    `set local session_replication_role = replica;
     update app_public.mrr_movement_lines set subscription_id = 'sub_of_nobody' where account = 'brand:${brands.A}'`,
  ],
  [
    "account_differs_from_lines",
    `set local session_replication_role = replica;
     update app_public.mrr_movement_lines set account = 'brand:${brands.B}' where account = 'brand:${brands.A}'`,
  ],
  [
    "subscription_told_of_another_account",
    `set local session_replication_role = replica;
     insert into app_public.mrr_movement_lines (account, subscription_id, occurred_at, is_transfer, delta_usd_minor)
     select 'brand:${brands.B}', '${stripeId("sub", "A")}', now(), true, n from (values (1), (-1)) v (n)`,
  ],
  [
    "account_differs_from_movements",
    `set local session_replication_role = replica;
     delete from app_public.mrr_movements where account = 'brand:${brands.A}'`,
  ],
  [
    "first_movement_not_new",
    `set local session_replication_role = replica;
     update app_public.mrr_movements set kind = 'reactivation' where account = 'brand:${brands.A}'`,
  ],
  [
    "event_waiting_too_long",
    `update app_public.stripe_events set status = 'received', processed_at = null,
       next_attempt_at = now() - interval '11 minutes' where id = 'evt_world'`,
  ],
];

describe("check_invariants", () => {
  it("finds nothing in a world that was made through the rules", async () => {
    expect(await withRoot(db, broken)).toEqual([]);
  });

  it("has a break for each invariant it knows, and no more", async () => {
    const { rows } = await db.root.query<{ source: string }>(
      "select prosrc as source from pg_proc where proname = 'check_invariants'",
    );
    const names = [...(rows[0]?.source ?? "").matchAll(/select '(\w+)',/g)].map(
      ([, name]) => name,
    );
    expect(Object.keys(BREAKS).sort()).toEqual([...new Set(names)].sort());
  });

  it.each([...Object.entries(BREAKS), ...MORE_BREAKS])(
    "finds %s, and nothing else",
    async (name, statement) => {
      await withRoot(db, async (root) => {
        await root.query(statement);
        expect([...new Set(await broken(root))]).toEqual([name]);
      });
    },
  );

  it("leaves a brand alone that is being set up, or closed, without an owner", async () => {
    await withRoot(db, async (root) => {
      await root.query(
        `insert into app_public.brand_accounts (slug, name, status)
         values ('coming', 'Coming', 'onboarding'), ('gone', 'Gone', 'closed')`,
      );
      expect(await broken(root)).toEqual([]);
    });
  });

  it("can be run by the worker, and not by a request", async () => {
    const query = "select * from app_private.check_invariants()";
    expect(await outcomeOf(db.worker.query(query))).toBe("ok");
    expect(await outcomeOf(db.app.query(query))).toBe("42501");
  });
});

describe("npm run check", () => {
  const run = promisify(execFile);

  async function check(): Promise<{ code: number; output: string }> {
    const env = {
      PATH: process.env["PATH"],
      DATABASE_URL: db.urls.app,
      CLOSETAI_SECRET: testServer().secret,
      CLOSETAI_DATA_DIR: testServer().folder,
    };
    try {
      const { stdout } = await run(
        process.execPath,
        [join(projectDir, "server/cli/check.ts")],
        { env },
      );
      return { code: 0, output: stdout };
    } catch (error) {
      const { code, stdout, stderr } = error as {
        code: number;
        stdout: string;
        stderr: string;
      };
      return { code, output: stdout + stderr };
    }
  }

  it("exits 0 when every invariant holds, and 1 with what is broken", async () => {
    expect(await check()).toMatchObject({
      code: 0,
      output: expect.stringContaining("Every invariant holds"),
    });
    await db.root.query(BREAKS["import_refusals_miscounted"] ?? "");
    expect(await check()).toMatchObject({
      code: 1,
      output: expect.stringContaining(
        `import_refusals_miscounted: ${runs["A.run"]}`,
      ),
    });
  });
});
