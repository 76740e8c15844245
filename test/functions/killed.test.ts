import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  it,
} from "@jest/globals";

import { isServerAbsent } from "../../server/db/connect.ts";
import { makeWorkerKey, PIXEL, workerClient } from "../helpers/gpu.ts";
import { type Answer, makeClient } from "../helpers/http.ts";
import { type Killable, openKillable, until } from "../helpers/killable.ts";
import { PASSWORD } from "../helpers/people.ts";
import {
  asShopper,
  beginResult,
  brokenInvariants,
  claim,
  commitAs,
  complete,
  expireStale,
  giveCredits,
  makeShopper,
  requestTryon,
  rowsOf,
  type Shopper,
  storeResult,
  value,
  walletOf,
} from "../helpers/tryons.ts";

/**
 * A process dies in the middle of things. What anybody was told is so, whoever
 * heard nothing asks again and finds it once, and others go on with the rest.
 */
type Result = {
  worker: string;
  id: string;
  attempt: number;
  resultKey: string;
};

/** What the monthly grant and the test give. */
const CREDITS = 25 + 5_000;

let world: Killable;
let shopper: Shopper;
/** What the shopper asked for, by key; null where no answer came. */
let asked: Map<string, string | null>;
/** Results that a worker brought, acknowledged or not. */
let brought: Result[];
/** Of those, the ids of the jobs whose completion was acknowledged. */
let delivered: Set<string>;

beforeAll(async () => {
  world = await openKillable("killed.test");
});

beforeEach(async () => {
  asked = new Map();
  brought = [];
  delivered = new Set();
  const client = await world.root.connect();
  try {
    shopper = await makeShopper(client);
    await giveCredits(client, { user: shopper.id }, 5_000);
  } finally {
    client.release();
  }
});

afterEach(() => world?.killAll());

afterAll(() => world?.close());

const request = (key: string): Promise<string> =>
  commitAs(world.app, asShopper(shopper), async (client) => {
    const { id } = await requestTryon(client, shopper, { key });
    return id;
  });

/** Asks with a new key, and remembers what was told. */
async function ask(how: (key: string) => Promise<string>): Promise<void> {
  const key = randomUUID();
  asked.set(key, null);
  asked.set(key, await how(key));
}

const told = (): string[] => [...asked.values()].filter((id) => id !== null);

const deliver = ({ worker, id, attempt, resultKey }: Result) =>
  complete(world.worker, worker, { id, attempt }, resultKey);

/** Does one job as a worker of this process; false when none waits. */
async function workOne(worker: string): Promise<boolean> {
  const [job] = await claim(world.worker, worker, 1, 600);
  if (job === undefined) return false;
  const resultKey = await beginResult(world.worker, worker, job);
  await storeResult(world.app, resultKey);
  const result = { worker, id: job.id, attempt: job.attempt, resultKey };
  brought.push(result);
  await deliver(result);
  delivered.add(job.id);
  return true;
}

const count = (condition: string, parameters: unknown[] = []) =>
  value<number>(
    world.root,
    `select count(*)::integer from app_public.tryon_jobs where ${condition}`,
    parameters,
  );

/** Before anything is repeated: what was acknowledged is there. */
async function expectKept(): Promise<void> {
  expect(await brokenInvariants(world.root)).toEqual([]);
  expect(await count("id = any ($1)", [told()])).toBe(told().length);
  const results = brought.filter(({ id }) => delivered.has(id));
  expect(
    await rowsOf(
      world.root,
      `select r.id from unnest($1::uuid[], $2::text[]) r (id, result_key)
       left join app_public.tryon_jobs j on j.id = r.id and j.status = 'completed' and j.result_key = r.result_key
       left join app_public.credit_holds h on h.tryon_job_id = r.id and h.status = 'captured'
       where j.id is null or h.id is null`,
      [results.map(({ id }) => id), results.map(({ resultKey }) => resultKey)],
    ),
  ).toEqual([]);
}

/** Every call once more, as whoever heard no answer does. */
async function repeatAll(
  again: (key: string) => Promise<string>,
  bring: (result: Result) => Promise<unknown>,
): Promise<void> {
  for (const [key, id] of asked) {
    const found = await again(key);
    expect(id ?? found).toBe(found);
  }
  for (const result of brought) {
    expect(await bring(result)).toMatchObject({
      id: result.id,
      status: "completed",
    });
  }
}

/** Leases run out, waits end, and another worker does what is left. */
async function goOn(): Promise<void> {
  await world.root.query(
    "update app_public.tryon_jobs set locked_until = now() where status = 'processing'",
  );
  while ((await expireStale(world.worker)) > 0);
  await world.root.query(
    "update app_public.tryon_jobs set run_after = now() where status = 'queued'",
  );
  while (await workOne("successor"));
}

/** One job per key, one result and one payment per job, and nothing besides. */
async function expectAllDoneOnce(): Promise<void> {
  const jobs = asked.size;
  expect(await brokenInvariants(world.root)).toEqual([]);
  expect(await count("user_id = $1", [shopper.id])).toBe(jobs);
  expect(
    await count("user_id = $1 and status = 'completed'", [shopper.id]),
  ).toBe(jobs);
  expect(await walletOf(world.root, shopper.id)).toEqual({
    available: CREDITS - jobs,
    held: 0,
    granted: CREDITS,
    used: jobs,
    expired: 0,
  });
  // A hold is booked twice: when it is placed and when it is captured.
  expect(
    await rowsOf(
      world.root,
      `select j.id from app_public.tryon_jobs j
       where j.user_id = $1 and (
         (select count(*) from app_public.credit_holds h join app_public.credit_transfers t on t.hold_id = h.id
           where h.tryon_job_id = j.id) <> 2
         or (select count(*) from app_public.tryon_job_attempts a
           where a.job_id = j.id and a.outcome = 'completed') <> 1)`,
      [shopper.id],
    ),
  ).toEqual([]);
}

it("stands on a server that is durable, as in production", async () => {
  for (const setting of ["fsync", "full_page_writes", "synchronous_commit"]) {
    expect([
      setting,
      await value(world.root, "select current_setting($1)", [setting]),
    ]).toEqual([setting, "on"]);
  }
});

it("a worker that is killed amid jobs: what it delivered stays, another does the rest", async () => {
  for (let i = 0; i < 40; i++) await ask(request);
  const victim = world.start("tryonWorkerChild.ts", "victim");
  await until(
    "results of the worker",
    () => victim.lines.length >= 10 || victim.process.exitCode !== null,
  );
  await world.kill(victim);
  brought = victim.lines.map((line) => JSON.parse(line) as Result);
  for (const { id } of brought) delivered.add(id);
  expect(delivered.size).toBeGreaterThanOrEqual(10);
  // It died with work in its hands.
  expect(
    await count("status = 'processing' and locked_by = 'victim'"),
  ).toBeGreaterThan(0);

  await expectKept();
  await repeatAll(request, deliver);
  await goOn();
  await expectAllDoneOnce();
});

it("the server that is killed amid requests and results: what it answered is so, and again gives the same", async () => {
  const email = await value<string>(
    world.root,
    "with s as (insert into app_private.user_secrets (user_id, password_hash) values ($1, app_private.hash_password($2))) select email from app_public.users where id = $1",
    [shopper.id, PASSWORD],
  );
  const key = await makeWorkerKey({ root: world.root }, "gpu");
  const open = async () => {
    const child = world.start("httpServerChild.ts");
    await until(
      "the server",
      () => child.lines.length > 0 || child.process.exitCode !== null,
    );
    const url = child.lines[0] ?? "";
    const client = makeClient(url);
    expect((await client.signIn(email, PASSWORD)).status).toBe(200);
    const requestHttp = async (idempotencyKey: string): Promise<string> => {
      const { data, errors } = await client.graphql(
        "mutation ($input: RequestTryonInput!) { requestTryon(input: $input) { result { rowId } } }",
        {
          input: {
            idempotencyKey,
            categoryCode: "scarves",
            selfieKey: shopper.selfie,
            wardrobeItemIds: [shopper.item],
          },
        },
      );
      expect(errors).toEqual([]);
      return (data?.["requestTryon"] as { result: { rowId: string } }).result
        .rowId;
    };
    return { child, requestHttp, gpu: workerClient(url, key) };
  };
  type Gpu = ReturnType<typeof workerClient>;

  const answerOf = <T>({ status, text, json }: Answer): T => {
    expect([status, text]).toEqual([200, expect.any(String)]);
    return json as T;
  };
  const deliverHttp = async (gpu: Gpu, { worker, ...result }: Result) =>
    answerOf<{ id: string; status: string }>(
      await gpu.call(`/jobs/${result.id}/complete`, {
        worker,
        attempt: result.attempt,
        resultKey: result.resultKey,
        confidence: 0.9,
        processingMs: 5,
      }),
    );
  const workOneHttp = async (gpu: Gpu, worker: string): Promise<void> => {
    const { jobs } = answerOf<{ jobs: { id: string; attempt: number }[] }>(
      await gpu.call("/claim", { worker, n: 1, leaseSeconds: 600 }),
    );
    const [job] = jobs;
    if (job === undefined) return sleep(20);
    const { resultKey, url } = answerOf<{ resultKey: string; url: string }>(
      await gpu.call(`/jobs/${job.id}/result`, {
        worker,
        attempt: job.attempt,
        contentType: "image/png",
        bytes: PIXEL.length,
      }),
    );
    expect((await gpu.put(url, PIXEL)).status).toBe(204);
    const result = { worker, id: job.id, attempt: job.attempt, resultKey };
    brought.push(result);
    await deliverHttp(gpu, result);
    delivered.add(job.id);
  };

  const first = await open();
  let killing = false;
  // Until the server is gone: then nobody hears an answer.
  const lane = async (work: () => Promise<void>): Promise<void> => {
    try {
      for (;;) await work();
    } catch (error) {
      // What fetch throws when there is no answer, or half of one.
      const { message } = error as Error;
      if (!killing || !/^(fetch failed|terminated)$/.test(message)) throw error;
    }
  };
  const lanes = [
    ...Array.from({ length: 5 }, () => lane(() => ask(first.requestHttp))),
    ...Array.from({ length: 3 }, (_, at) =>
      lane(() => workOneHttp(first.gpu, `rack-${at}`)),
    ),
  ];
  await until(
    "requests and results",
    () => told().length >= 30 && delivered.size >= 10,
    lanes,
  );
  killing = true;
  await world.kill(first.child);
  await Promise.all(lanes);

  await expectKept();
  const second = await open();
  await repeatAll(second.requestHttp, (result) =>
    deliverHttp(second.gpu, result),
  );
  for (const { resultKey } of brought) {
    expect(await readFile(join(world.filesDir, resultKey))).toEqual(PIXEL);
  }
  await world.kill(second.child);
  await goOn();
  await expectAllDoneOnce();
});

it.each(["SIGKILL", "SIGQUIT"] as const)(
  "PostgreSQL that is ended by %s amid requests and results: what was acknowledged is there, once",
  async (signal) => {
    let ending = false;
    const lane = async (work: () => Promise<unknown>): Promise<void> => {
      while (!ending) {
        await work().catch((error: unknown) => {
          if (!ending || !isCutOff(error)) throw error;
        });
      }
    };
    const lanes = [
      ...Array.from({ length: 4 }, () => lane(() => ask(request))),
      ...Array.from({ length: 3 }, (_, at) =>
        lane(async () => (await workOne(`gpu-${at}`)) || sleep(20)),
      ),
    ];
    const { pid } = world.embedded;
    try {
      await until(
        "requests and results",
        () => told().length >= 30 && delivered.size >= 10,
        lanes,
      );
    } finally {
      ending = true;
    }
    process.kill(pid, signal);
    await Promise.all(lanes);
    // The product starts it again by itself.
    await until("the server again", async () => {
      if (world.embedded.pid === pid) return false;
      return world.root.query("select").then(
        () => true,
        (error: unknown) => {
          if (!isCutOff(error)) throw error;
          return false;
        },
      );
    });

    await expectKept();
    await repeatAll(request, deliver);
    await goOn();
    await expectAllDoneOnce();
  },
);

/** Cut off, or refused while the server is down or starts; never by a rule. */
function isCutOff(error: unknown): boolean {
  return (
    isServerAbsent(error) ||
    // What pg says of a connection that broke between two statements.
    (error instanceof Error && /is not queryable/.test(error.message))
  );
}
