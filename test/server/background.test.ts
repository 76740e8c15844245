import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseCronItems, parseCrontab } from "graphile-worker";

import { CRONTAB } from "../../server/worker/crontab.ts";
import { describeFailure } from "../../server/worker/describeFailure.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { buildCloset, PIXEL } from "../helpers/gpu.ts";
import type { HttpClient } from "../helpers/http.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

type Run = {
  task: string;
  outcome: string;
  error: string | null;
  attempt: number;
  findings: number | null;
};

let db: TestDatabase;
let people: People;
let server: TestHttpServer | undefined;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
});

afterAll(() => db?.drop());

/** As the worker's own role, which owns the queue. */
async function queue(task: string, options = ""): Promise<string> {
  const { rows } = await db.worker.query<{ id: string }>(
    `select id from graphile_worker.add_job($1${options})`,
    [task],
  );
  return rows[0]?.id ?? "";
}

async function runOf(jobId: string): Promise<Run> {
  for (;;) {
    const { rows } = await db.root.query<Run>(
      "select task, outcome, error, attempt, findings from app_public.task_runs where job_id = $1 order by id desc limit 1",
      [jobId],
    );
    if (rows[0] !== undefined) return rows[0];
    await sleep(50);
  }
}

const run = async (task: string, options = "") =>
  runOf(await queue(task, options));

/** A job as it may have come to stand, past what the state machine checks. */
async function insertJob(columns: Record<string, unknown>): Promise<string> {
  const closet = await buildCloset(db, people.shopper.id);
  const { rows } = await db.root.query<{ id: string }>(
    `with made as (
       select app_private.create_tryon($1, null, 'scarves', $2, '{}', array[$3::uuid], null, null) as j
     ) select (j).id from made`,
    [people.shopper.id, closet.selfieKey, closet.itemId],
  );
  const id = rows[0]?.id ?? "";
  for (const [column, value] of Object.entries(columns)) {
    await db.root.query(
      `update app_public.tryon_jobs set ${column} = $2 where id = $1`,
      [id, value],
    );
  }
  return id;
}

const statusOf = async (id: string) => {
  const { rows } = await db.root.query<{
    status: string;
    error_code: string | null;
  }>("select status, error_code from app_public.tryon_jobs where id = $1", [
    id,
  ]);
  return rows[0];
};

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);

async function signedIn(
  to: TestHttpServer,
  person: { email: string },
): Promise<HttpClient> {
  const client = to.client();
  expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
  return client;
}

describe("the crontab", () => {
  it("can be read, and names tasks that exist, each with a key", async () => {
    const items = parseCronItems(parseCrontab(CRONTAB) as never);
    const running = await startTestServer(db, { worker: "in-process" });
    try {
      expect(items.map(({ task }) => task).sort()).toEqual([
        "check_invariants",
        "clean_up",
        "ensure_partitions",
        "expire_grants",
        "expire_stale",
        "fetch_stripe_objects",
        "grant_due_monthly",
        "grant_due_subscriptions",
        "import_tidy",
        "process_stripe_events",
        "publish_feedback",
      ]);
      for (const { task } of items) {
        expect(await run(task)).toMatchObject({ task, outcome: "ok" });
      }
    } finally {
      await running.close();
    }
  });
});

describe("the sweeps", () => {
  beforeAll(async () => {
    server = await startTestServer(db, { worker: "in-process" });
  });
  afterAll(async () => {
    await server?.close();
    server = undefined;
  });

  it("a job past its deadline expires, and its credits come back", async () => {
    const id = await insertJob({ deadline_at: ago(1) });
    const held = async () => {
      const { rows } = await db.root.query<{ status: string }>(
        "select status from app_public.credit_holds where tryon_job_id = $1",
        [id],
      );
      return rows[0]?.status;
    };
    expect(await held()).toBe("open");
    expect(await run("expire_stale")).toEqual({
      task: "expire_stale",
      outcome: "ok",
      error: null,
      attempt: 1,
      findings: null,
    });
    expect(await statusOf(id)).toEqual({
      status: "expired",
      error_code: "DEADLINE",
    });
    expect(await held()).toBe("released");
  });

  it("more than one batch is done in one run", async () => {
    const closet = await buildCloset(db, people.shopper.id);
    await db.root.query(
      "select app_private.add_grant($1, null, 'promo', 1000)",
      [people.shopper.id],
    );
    await db.root.query(
      `select app_private.create_tryon($1, null, 'scarves', $2, '{}', array[$3::uuid], null, null) from generate_series(1, 450)`,
      [people.shopper.id, closet.selfieKey, closet.itemId],
    );
    await db.root.query(
      "update app_public.tryon_jobs set deadline_at = now() - interval '1 minute' where status = 'queued'",
    );
    await run("expire_stale");
    const { rows } = await db.root.query(
      "select from app_public.tryon_jobs where status = 'queued'",
    );
    expect(rows).toEqual([]);
  });

  it("comes back by itself within a minute, once however often it is asked for", async () => {
    for (let i = 0; i < 3; i++) {
      await run("expire_stale", ", job_key => 'expire_stale'");
    }
    const next = async () => {
      const { rows } = await db.worker.query<{ seconds: number }>(
        `select extract(epoch from run_at - now())::float8 as seconds from graphile_worker.jobs
         where task_identifier = 'expire_stale' and locked_at is null`,
      );
      return rows;
    };
    let waiting = await next();
    while (waiting.length === 0) {
      await sleep(50);
      waiting = await next();
    }
    expect(waiting).toHaveLength(1);
    expect(waiting[0]?.seconds).toBeLessThanOrEqual(15);
  });

  it("monthly credits come when they are due, and end when they end", async () => {
    const { rows } = await db.root.query<{ id: string }>(
      "insert into app_public.users (email, created_at) values ('old@people.test', now() - interval '40 days') returning id",
    );
    const id = rows[0]?.id;
    const grants = async () => {
      const found = await db.root.query<{ source: string; remaining: string }>(
        "select source, remaining from app_public.credit_grants where owner_user_id = $1 order by source",
        [id],
      );
      return found.rows.map(({ source, remaining }) => [
        source,
        Number(remaining),
      ]);
    };
    // As if no worker had run since: the grant of another month, and no other.
    await db.root.query(
      `update app_public.credit_accounts set next_grant_at = now() - interval '1 day' where owner_user_id = $1 and kind = 'available'`,
      [id],
    );
    expect(await run("grant_due_monthly")).toMatchObject({ outcome: "ok" });
    expect(await grants()).toEqual([["free_monthly", 25]]);
    await db.root.query(
      "select app_private.add_grant($1, null, 'promo', 7, now() - interval '2 days', now() - interval '1 day')",
      [id],
    );
    expect(await run("expire_grants")).toMatchObject({ outcome: "ok" });
    expect(await grants()).toEqual([
      ["free_monthly", 25],
      ["promo", 0],
    ]);
  });
});

describe("the check of invariants", () => {
  it("tells a finding to the log, to /metrics and to staff, and is tried again by them", async () => {
    const running = await startTestServer(db, { worker: "in-process" });
    try {
      const metric = async () =>
        /^closetai_invariant_findings (\d+)$/m.exec(
          (await running.client().get("/metrics")).text,
        )?.[1];
      expect(await run("check_invariants")).toMatchObject({ outcome: "ok" });
      expect(await metric()).toBe("0");
      const id = await insertJob({});
      await db.root.query(
        "insert into app_public.brand_accounts (slug, name, status) values ('nobodys', 'Nobody', 'active')",
      );
      const jobId = await queue("check_invariants", ", max_attempts => 1");
      expect(await runOf(jobId)).toEqual({
        task: "check_invariants",
        outcome: "failed",
        error: "Invariants are broken: brand_without_owner (1)",
        attempt: 1,
        findings: 1,
      });
      expect(await metric()).toBe("1");
      const staff = await signedIn(running, people.support);
      const dead = async () => {
        const { data, errors } = await staff.graphql(
          "{ backgroundJobs(state: dead) { nodes { jobId task jobState attempts maxAttempts lastError } } }",
        );
        expect(errors).toEqual([]);
        return (data?.["backgroundJobs"] as { nodes: unknown[] }).nodes;
      };
      let found = await dead();
      while (found.length === 0) {
        await sleep(50);
        found = await dead();
      }
      expect(found).toEqual([
        {
          jobId,
          task: "check_invariants",
          jobState: "dead",
          attempts: 1,
          maxAttempts: 1,
          lastError: "Invariants are broken: brand_without_owner (1)",
        },
      ]);
      await db.root.query(
        "update app_public.brand_accounts set status = 'closed' where slug = 'nobodys'",
      );
      const retried = await staff.graphql(
        "mutation ($id: BigInt!) { retryBackgroundJob(input: { jobId: $id }) { result } }",
        { id: jobId },
      );
      expect(retried.errors).toEqual([]);
      let last = await runOf(jobId);
      while (last.outcome === "failed") {
        await sleep(50);
        last = await runOf(jobId);
      }
      expect(await metric()).toBe("0");
      const { rows } = await db.root.query(
        "select actor_id, row_pk from app_public.audit_log where action = 'retry_background_job'",
      );
      expect(rows).toEqual([{ actor_id: people.support.id, row_pk: jobId }]);
      expect(await statusOf(id)).toMatchObject({ status: "queued" });
    } finally {
      await running.close();
    }
  });
});

describe("what staff see", () => {
  const QUEUES =
    "{ backgroundQueues { nodes { task waiting running failing dead oldestSeconds } } }";
  let running: TestHttpServer;

  beforeAll(async () => {
    // No worker: what waits, waits.
    running = await startTestServer(db);
    await db.worker.query("delete from graphile_worker._private_jobs");
    await queue("clean_up", ", run_at => now() - interval '100 seconds'");
    await queue("clean_up", ", run_at => now() + interval '100 seconds'");
    for (const [attempts, lockedBy] of [
      [1, null],
      [25, null],
      [1, "pool-x"],
    ] as const) {
      await db.worker.query(
        `update graphile_worker._private_jobs set attempts = $2, locked_by = $3, last_error = $4,
           locked_at = case when $3::text is not null then now() end where id = $1`,
        [
          await queue("expire_grants", `, payload => '{"email":"a@b.test"}'`),
          attempts,
          lockedBy,
          lockedBy === null ? "It broke\n    at secret.ts:1" : null,
        ],
      );
    }
  });
  afterAll(() => running?.close());

  it("the queues, in every state, and the same in /metrics", async () => {
    const staff = await signedIn(running, people.support);
    const { data, errors } = await staff.graphql(QUEUES);
    expect(errors).toEqual([]);
    expect(data).toEqual({
      backgroundQueues: {
        nodes: [
          {
            task: "clean_up",
            waiting: "2",
            running: "0",
            failing: "0",
            dead: "0",
            oldestSeconds: expect.any(Number),
          },
          {
            task: "expire_grants",
            waiting: "0",
            running: "1",
            failing: "1",
            dead: "1",
            oldestSeconds: expect.any(Number),
          },
        ],
      },
    });
    const { text } = await running.client().get("/metrics");
    for (const line of [
      'closetai_background_jobs{task="clean_up",state="waiting"} 2',
      'closetai_background_jobs{task="expire_grants",state="dead"} 1',
      'closetai_background_jobs{task="expire_grants",state="running"} 1',
    ]) {
      expect(text).toContain(line);
    }
    const oldest =
      /closetai_background_oldest_seconds\{task="clean_up"\} (\d+)/.exec(
        text,
      )?.[1];
    expect(Number(oldest)).toBeGreaterThanOrEqual(100);
  });

  it("the jobs of a state, with the first line of their error and no payload", async () => {
    const staff = await signedIn(running, people.admin);
    for (const [state, count] of [
      ["waiting", 2],
      ["running", 1],
      ["failing", 1],
      ["dead", 1],
    ] as const) {
      const { data, errors } = await staff.graphql(
        "query ($state: BackgroundState) { backgroundJobs(state: $state) { nodes { task jobState lastError } } }",
        { state },
      );
      expect(errors).toEqual([]);
      const { nodes } = data?.["backgroundJobs"] as {
        nodes: { jobState: string; lastError: string | null }[];
      };
      expect(nodes.map(({ jobState }) => jobState)).toEqual(
        Array.from({ length: count }, () => state),
      );
      if (state === "dead" || state === "failing") {
        expect(nodes[0]?.lastError).toBe("It broke");
      }
      expect(JSON.stringify(data)).not.toContain("a@b.test");
    }
  });

  it("a job that waits, runs, or is none cannot be tried again", async () => {
    const staff = await signedIn(running, people.support);
    const retry = (id: string, client = staff) =>
      client.graphql(
        "mutation ($id: BigInt!) { retryBackgroundJob(input: { jobId: $id }) { result } }",
        { id },
      );
    const codes = async (answer: ReturnType<typeof retry>) =>
      (await answer).errors.map(({ extensions: { code, field } }) => ({
        code,
        field,
      }));
    const { rows } = await db.worker.query<{ id: string }>(
      "select id from graphile_worker._private_jobs where locked_at is not null or attempts = 0",
    );
    expect(rows).toHaveLength(3);
    for (const { id } of rows) {
      expect(await codes(retry(id))).toEqual([
        { code: "STATE", field: "jobId" },
      ]);
    }
    expect(await codes(retry("999999999"))).toEqual([
      { code: "NTFND", field: "jobId" },
    ]);
    expect((await retry("one")).errors[0]?.extensions.code).toBe("INVAL");
  });

  it("is for staff alone: a brand, a shopper and nobody see nothing of it", async () => {
    const others = [
      await signedIn(running, people.owner),
      await signedIn(running, people.shopper),
      running.client(),
    ];
    for (const client of others) {
      for (const query of [
        QUEUES,
        "{ backgroundJobs { nodes { task } } }",
        "{ taskRuns { nodes { task } } }",
        `mutation { retryBackgroundJob(input: { jobId: "1" }) { result } }`,
      ]) {
        const { data, errors } = await client.graphql(query);
        expect(errors.length).toBeGreaterThan(0);
        expect(errors[0]?.extensions.code).toBe("DNIED");
        expect(Object.values(data ?? {}).every((x) => x === null)).toBe(true);
      }
    }
    const staff = await signedIn(running, people.support);
    const { data, errors } = await staff.graphql(
      "{ taskRuns(first: 3) { nodes { task outcome startedAt finishedAt } } }",
    );
    expect(errors).toEqual([]);
    expect((data?.["taskRuns"] as { nodes: unknown[] }).nodes).toHaveLength(3);
  });
});

describe("retention", () => {
  it("a selfie goes 30 days after its last use, a result after 180; not while a job waits", async () => {
    const running = await startTestServer(db, { worker: "in-process" });
    try {
      const file = (key: string) => join(running.dataDir, "files", key);
      const store = (key: string) => {
        mkdirSync(dirname(file(key)), { recursive: true });
        writeFileSync(file(key), PIXEL);
      };
      const object = async (key: string) => {
        const { rows } = await db.root.query<{
          status: string;
          days: number | null;
        }>(
          `select status, round(extract(epoch from retention_until - now()) / 86400)::integer as days
           from app_public.storage_objects where key = $1`,
          [key],
        );
        return rows[0] ?? null;
      };
      const age = (key: string) =>
        db.root.query(
          "update app_public.storage_objects set retention_until = now() - interval '1 hour' where key = $1",
          [key],
        );

      const job = await insertJob({});
      const { rows } = await db.root.query<{ selfie_key: string }>(
        "select selfie_key from app_public.tryon_jobs where id = $1",
        [job],
      );
      const selfie = rows[0]?.selfie_key ?? "";
      store(selfie);
      // Asking for a try-on is a use.
      expect(await object(selfie)).toEqual({ status: "available", days: 30 });

      await age(selfie);
      await run("clean_up");
      expect(await object(selfie)).toMatchObject({ status: "available" });
      expect(existsSync(file(selfie))).toBe(true);

      await db.root.query(
        "select app_private.claim_tryon_jobs('gpu', 100, 60)",
      );
      await run("clean_up");
      expect(await object(selfie)).toMatchObject({ status: "available" });

      const begun = await db.root.query<{ key: string }>(
        "select app_private.begin_tryon_result('gpu', $1, 1, 'image/png', $2) as key",
        [job, PIXEL.length],
      );
      const result = begun.rows[0]?.key ?? "";
      store(result);
      await db.root.query("select app_private.complete_upload($1, $2, $3)", [
        result,
        PIXEL.length,
        Buffer.alloc(32),
      ]);
      // Until it is delivered, it is nobody's picture.
      expect(await object(result)).toEqual({ status: "available", days: 1 });
      await db.root.query(
        "select app_private.complete_tryon('gpu', $1, 1, $2, 0.5, 1)",
        [job, result],
      );
      expect(await object(result)).toEqual({ status: "available", days: 180 });

      // Done: the selfie's time is over, the result's is not.
      await run("clean_up");
      expect(await object(selfie)).toMatchObject({ status: "deleted" });
      expect(existsSync(file(selfie))).toBe(false);
      expect(await object(result)).toMatchObject({ status: "available" });
      expect(existsSync(file(result))).toBe(true);

      await age(result);
      await run("clean_up");
      expect(await object(result)).toMatchObject({ status: "deleted" });
      expect(existsSync(file(result))).toBe(false);
      // The job keeps saying what it was.
      expect(await statusOf(job)).toMatchObject({ status: "completed" });
    } finally {
      await running.close();
    }
  });

  it("notes of runs go after 14 days", async () => {
    const running = await startTestServer(db, { worker: "in-process" });
    try {
      await db.root.query(
        `insert into app_public.task_runs (id, task, started_at, finished_at, outcome, attempt, job_id)
         select app_private.uuid_v7_floor(t.at), t.task, t.at, t.at, 'ok', 1, 0
         from (values ('long_ago', now() - interval '15 days'), ('lately', now() - interval '13 days')) t (task, at)`,
      );
      await run("clean_up");
      const { rows } = await db.root.query(
        "select task from app_public.task_runs where task in ('long_ago', 'lately')",
      );
      expect(rows).toEqual([{ task: "lately" }]);
    } finally {
      await running.close();
    }
  });
});

describe("why a task failed, as staff read it", () => {
  it.each([
    [new Error("SMTP_URL is not set"), "SMTP_URL is not set"],
    [
      new Error("550 no mailbox for someone@example.com\nat smtp"),
      "550 no mailbox for …@…",
    ],
    [
      new Error("ENOENT: no such file, open '/srv/data/files/a.png'"),
      "ENOENT: no such file, open '…'",
    ],
    [
      new Error("cannot reach postgres://user:secret@db/closetai today"),
      "cannot reach … today",
    ],
    [
      Object.assign(new Error('relation "secret" does not exist'), {
        severity: "ERROR",
        code: "42P01",
      }),
      "The database refused a statement (42P01); the log says which.",
    ],
    [
      Object.assign(new Error("connect ECONNREFUSED"), {
        code: "ECONNREFUSED",
      }),
      "The database cannot be reached just now.",
    ],
    [new Error(""), "It failed without saying why."],
  ])("is told without what is not theirs to know: %#", (error, told) => {
    expect(describeFailure(error)).toBe(told);
  });

  it("is never longer than a few lines", () => {
    expect(describeFailure(new Error("x".repeat(5_000))).length).toBe(300);
  });
});
