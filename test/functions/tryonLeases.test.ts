import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import {
  actAs,
  asShopper,
  beginResult,
  claim,
  commitAs,
  complete,
  expireStale,
  fail,
  heartbeat,
  makeShopper,
  refusal,
  requestTryon,
  rowsOf,
  type TryonJob,
  walletOf,
} from "../helpers/tryons.ts";
import {
  ask,
  asWorker,
  attemptsOf,
  finish,
  jobOf,
  resultOf,
  secondsTo,
  setJob,
  take,
  working,
} from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

describe("claim_tryon_jobs", () => {
  it("gives the most urgent first, then the oldest, and stamps each", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const jobs = [];
      for (let i = 0; i < 4; i++) jobs.push(await ask(client, shopper));
      const [first, second, urgent, idle] = jobs as [
        TryonJob,
        TryonJob,
        TryonJob,
        TryonJob,
      ];
      await setJob(client, urgent, "priority = 5");
      await setJob(client, idle, "priority = -5");
      const order = [];
      for (let i = 0; i < 4; i++) {
        const [job] = await asWorker(client, () =>
          claim(client, `gpu-${i}`, 1, 90),
        );
        order.push(job?.id);
        expect(job).toMatchObject({
          status: "processing",
          attempt: 1,
          locked_by: `gpu-${i}`,
          error_code: null,
        });
        expect(await secondsTo(client, job!, "locked_until")).toBe(90);
      }
      expect(order).toEqual([urgent.id, first.id, second.id, idle.id]);
      expect(await asWorker(client, () => claim(client, "gpu"))).toEqual([]);
    }));

  it("finds a job that has waited as long as one may", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const job = await ask(client, shopper);
      await expect(
        refusal(client, () =>
          setJob(client, job, "deadline_at = created_at + interval '8 days'"),
        ),
      ).resolves.toEqual({
        code: "23514",
        field: "tryon_jobs_deadline_at_check",
      });
      // Made six days ago: its id says so, and a claim goes by the id.
      await client.query("set local session_replication_role = replica");
      await client.query(
        `update app_public.tryon_job_garments set job_id = aged.id
           from (select app_private.uuid_v7_floor(now() - interval '6 days') as id) aged where job_id = $1`,
        [job.id],
      );
      await setJob(
        client,
        job,
        "id = app_private.uuid_v7_floor(now() - interval '6 days'), created_at = now() - interval '6 days', deadline_at = now() + interval '1 hour'",
      );
      await client.query("set local session_replication_role = origin");
      expect(await claim(client, "gpu-1", 5)).toHaveLength(1);
    }));

  it("leaves what must wait and what is past its deadline", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const [waits, late, ready] = [
        await ask(client, shopper),
        await ask(client, shopper),
        await ask(client, shopper),
      ];
      await setJob(client, waits, "run_after = now() + interval '1 second'");
      await setJob(client, late, "deadline_at = now()");
      const taken = await asWorker(client, () => claim(client, "gpu", 100));
      expect(taken.map(({ id }) => id)).toEqual([ready.id]);
    }));

  it("gives two workers at once different jobs, and the second waits for nobody", async () => {
    const root = await db.root.connect();
    const shopper = await makeShopper(root).finally(() => root.release());
    for (let i = 0; i < 2; i++) {
      await commitAs(db.app, asShopper(shopper), (client) =>
        requestTryon(client, shopper),
      );
    }
    const one = await db.worker.connect();
    try {
      await one.query("begin");
      const [mine] = await claim(one, "gpu-1");
      // The first has not committed: its job is neither waited for nor given.
      const [other] = await claim(db.worker, "gpu-2");
      expect(other?.id).toBeDefined();
      expect(other?.id).not.toBe(mine?.id);
      expect(await claim(db.worker, "gpu-3")).toEqual([]);
      await one.query("rollback");
    } finally {
      one.release();
    }
    // What was not committed is there for others.
    expect(await claim(db.worker, "gpu-3")).toHaveLength(1);
    await db.root.query(
      "update app_public.tryon_jobs set status = 'failed', error_code = 'ENDED' where status = 'processing'",
    );
  });

  it.each([
    ["no name", null, 1, 60, "worker"],
    ["a name with spaces", "my gpu", 1, 60, "worker"],
    ["a name of 81 letters", "g".repeat(81), 1, 60, "worker"],
    ["no job", "gpu", 0, 60, "n"],
    ["101 jobs", "gpu", 101, 60, "n"],
    ["a lease of 4 seconds", "gpu", 1, 4, "lease_seconds"],
    ["a lease beyond an hour", "gpu", 1, 3_601, "lease_seconds"],
  ])("refuses %s", (_, worker, n, lease, field) =>
    withRoot(db, async (client) => {
      expect(
        await refusal(client, () =>
          asWorker(client, () => claim(client, worker as string, n, lease)),
        ),
      ).toEqual({ code: "INVAL", field });
    }),
  );

  it("is for workers only", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      for (const actor of [
        asShopper(shopper),
        { role: "closetai_staff_admin" },
        { role: "closetai_manager" },
        { role: "closetai_app" },
      ]) {
        expect(
          await refusal(client, () =>
            actAs(client, actor, () => claim(client, "gpu")),
          ),
        ).toMatchObject({ code: "42501" });
      }
    }));
});

describe("heartbeat", () => {
  it("prolongs the lease, and never shortens it", () =>
    withRoot(db, async (client) => {
      const { job } = await working(client);
      await asWorker(client, () => heartbeat(client, "gpu", job, 120));
      expect(await secondsTo(client, job, "locked_until")).toBe(120);
      await asWorker(client, () => heartbeat(client, "gpu", job, 5));
      expect(await secondsTo(client, job, "locked_until")).toBe(120);
    }));

  it("prolongs it until two hours after the attempt began and no further; then the sweep takes it", () =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const key = await resultOf(client, job);
      await setJob(client, job, "started_at = now() - interval '119 minutes'");
      await asWorker(client, () => heartbeat(client, "gpu", job, 3_600));
      expect(await secondsTo(client, job, "locked_until")).toBe(60);
      // As when the two hours are over: the lease is, too.
      await setJob(
        client,
        job,
        "started_at = started_at - interval '1 minute', locked_until = now()",
      );
      for (const act of [
        () => heartbeat(client, "gpu", job),
        () => complete(client, "gpu", job, key),
      ]) {
        await expect(
          (async () => {
            await client.query("savepoint late");
            try {
              await asWorker<unknown>(client, act);
            } finally {
              await client.query("rollback to savepoint late");
            }
          })(),
        ).rejects.toMatchObject({
          code: "LLOCK",
          message: expect.stringContaining("2 hours") as unknown,
        });
      }
      expect(await asWorker(client, () => expireStale(client))).toBe(1);
      expect(await jobOf(client, job)).toMatchObject({ status: "queued" });
      expect((await walletOf(client, shopper.id)).held).toBe(1);
    }));
});

/** How a worker can have lost a job; what it then brings has no effect. */
const LOST: [string, string][] = [
  ["its lease ran out", "locked_until = clock_timestamp()"],
  ["another has it", "locked_by = 'other'"],
  ["it is back in the queue", "status = 'queued'"],
  ["it has failed meanwhile", "status = 'failed', error_code = 'ENDED'"],
  [
    "it has expired meanwhile",
    "status = 'expired', error_code = 'LOST_WORKER'",
  ],
];

describe("a worker that lost its job because", () => {
  it.each(LOST)("%s is refused whatever it brings, without effect", (_, loss) =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const key = await resultOf(client, job);
      await setJob(client, job, loss);
      const before = [
        await jobOf(client, job),
        await walletOf(client, shopper.id),
        await attemptsOf(client, job),
      ];
      for (const act of [
        () => heartbeat(client, "gpu", job),
        () => beginResult(client, "gpu", job),
        () => complete(client, "gpu", job, key),
        () => fail(client, "gpu", job),
      ]) {
        expect(
          await refusal(client, () => asWorker<unknown>(client, act)),
        ).toEqual({
          code: "LLOCK",
          field: "job_id",
        });
      }
      expect([
        await jobOf(client, job),
        await walletOf(client, shopper.id),
        await attemptsOf(client, job),
      ]).toEqual(before);
    }),
  );

  it("it is an attempt ago is refused, even under its own name", () =>
    withRoot(db, async (client) => {
      const { job } = await working(client);
      await setJob(client, job, "locked_until = now()");
      await asWorker(client, () => expireStale(client));
      await setJob(client, job, "run_after = now()");
      const [again] = await asWorker(client, () => claim(client, "gpu"));
      expect(again).toMatchObject({ id: job.id, attempt: 2 });
      expect(
        await refusal(client, () =>
          asWorker(client, () => heartbeat(client, "gpu", job)),
        ),
      ).toEqual({
        code: "LLOCK",
        field: "job_id",
      });
    }));

  it("there never was such a job hears NTFND", () =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      expect(
        await refusal(client, () =>
          asWorker(client, () =>
            heartbeat(client, "gpu", { ...job, id: shopper.id }),
          ),
        ),
      ).toEqual({ code: "NTFND", field: "job_id" });
    }));
});

/** What the figures count of attempts that ended: others of this file are there, too. */
const ended = async (
  client: PoolClient,
): Promise<{ completed: number; failed: number }> => {
  const [row] = await rowsOf<{ completed: number; failed: number }>(
    client,
    `select coalesce(sum(completed), 0)::int as completed, coalesce(sum(failed), 0)::int as failed
       from app_public.tryon_category_speed(60)`,
  );
  return row ?? { completed: 0, failed: 0 };
};

describe("expire_stale", () => {
  it("expires what waited too long, and gives its credits back", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const [late, fresh] = [
        await ask(client, shopper),
        await ask(client, shopper),
      ];
      await setJob(client, late, "deadline_at = now()");
      expect(await asWorker(client, () => expireStale(client))).toBe(1);
      expect(await asWorker(client, () => expireStale(client))).toBe(0);
      expect(await jobOf(client, late)).toMatchObject({
        status: "expired",
        error_code: "DEADLINE",
      });
      expect(await jobOf(client, fresh)).toMatchObject({ status: "queued" });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 24,
        held: 1,
      });
      expect(await attemptsOf(client, late)).toEqual([]);
    }));

  it("takes jobs from silent workers, for others, until all attempts are used", () =>
    withRoot(db, async (client) => {
      const before = await ended(client);
      const { shopper, job } = await working(client);
      // What an earlier attempt said of its time is not said of the lost one.
      await asWorker(client, () =>
        fail(client, "gpu", job, "GPU_OUT_OF_MEMORY", true, 77),
      );
      for (const attempt of [2, 3]) {
        await setJob(client, job, "run_after = now()");
        expect(
          await asWorker(client, () => claim(client, "gpu")),
        ).toMatchObject([{ attempt }]);
        // Not silent yet.
        expect(await asWorker(client, () => expireStale(client))).toBe(0);
        await setJob(client, job, "locked_until = now()");
        expect(await asWorker(client, () => expireStale(client))).toBe(1);
        expect(await jobOf(client, job)).toMatchObject({
          status: attempt < 3 ? "queued" : "expired",
          error_code: "LOST_WORKER",
          locked_by: null,
        });
      }
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
      });
      expect(
        (await attemptsOf(client, job)).map(({ outcome, processing_ms }) => [
          outcome,
          processing_ms,
        ]),
      ).toEqual([
        ["retried", 77],
        ["lost", null],
        ["lost", null],
      ]);
      // Of these one ended the job, and counts against success.
      expect(await ended(client)).toEqual({
        ...before,
        failed: before.failed + 1,
      });
    }));

  it("a lost attempt that was made good counts against nothing", () =>
    withRoot(db, async (client) => {
      const before = await ended(client);
      const { job } = await working(client);
      await setJob(client, job, "locked_until = now()");
      await asWorker(client, () => expireStale(client));
      expect(await ended(client)).toEqual(before);
      await setJob(client, job, "run_after = now()");
      const again = await take(client);
      await finish(client, again);
      expect(await ended(client)).toEqual({
        ...before,
        completed: before.completed + 1,
      });
    }));

  it("does so in batches", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      for (let i = 0; i < 5; i++)
        await setJob(client, await ask(client, shopper), "deadline_at = now()");
      const rounds = [];
      for (let i = 0; i < 4; i++)
        rounds.push(await asWorker(client, () => expireStale(client, 2)));
      expect(rounds).toEqual([2, 2, 1, 0]);
    }));
});
