import { afterAll, beforeAll, expect, it } from "@jest/globals";
import fc from "fast-check";
import pg from "pg";

import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  type Run,
  runLane,
  step,
  type World,
} from "../helpers/interleaving.ts";
import {
  brokenInvariants,
  giveCredits,
  makeShopper,
  makeStaff,
  makeTryonBrand,
  rowsOf,
  value,
} from "../helpers/tryons.ts";

/**
 * People, a brand, workers, staff and the clock do what they like, on several
 * connections at once. Whatever happens, the books hold, and nobody is refused
 * for a reason that is not theirs, a deadlock least of all.
 */
const SEED = 20_260_131;
const RUNS = 8;
const LANES = 5;

let db: TestDatabase;
let app: pg.Pool;
let worker: pg.Pool;
let root: pg.Pool;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase();
  const pool = (connectionString: string) =>
    new pg.Pool({ connectionString, max: LANES });
  [app, worker, root] = [
    pool(db.urls.app),
    pool(db.urls.worker),
    pool(db.urls.root),
  ];
  const client = await db.root.connect();
  try {
    await client.query(
      "update app_public.wardrobe_categories set tryon_cost = 2 where code = 'scarves'",
    );
    const shoppers = [];
    for (let i = 0; i < 3; i++) shoppers.push(await makeShopper(client));
    const brand = await makeTryonBrand(client);
    await giveCredits(client, { brand: brand.id }, 30);
    world = {
      app,
      worker,
      root,
      shoppers,
      brand,
      finance: await makeStaff(client, "finance"),
      support: await makeStaff(client, "support"),
    };
  } finally {
    client.release();
  }
});

afterAll(async () => {
  await Promise.all([app, worker, root].map((pool) => pool?.end()));
  await db?.drop();
});

it(`in any interleaving, everything is settled once and the books hold (seed ${SEED})`, async () => {
  let runs = 0;
  let finished = "0";
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 15, maxLength: 30 }), {
        minLength: LANES,
        maxLength: LANES,
      }),
      async (lanes) => {
        const run: Run = {
          world,
          name: `run${runs++}`,
          told: new Map(),
          delivered: new Set(),
        };
        const outcomes = await Promise.allSettled(
          lanes.map((steps, lane) => runLane(run, lane, steps)),
        );
        expect(outcomes.filter(({ status }) => status === "rejected")).toEqual(
          [],
        );
        expect(await brokenInvariants(root)).toEqual([]);
        // One key, one job, whoever sent it from wherever.
        expect([...run.told].filter(([, jobs]) => jobs.size !== 1)).toEqual([]);
        // What a worker was told is done stays done.
        expect(
          await value(
            root,
            "select count(*) from app_public.tryon_jobs where id = any ($1) and status = 'completed'",
            [[...run.delivered]],
          ),
        ).toBe(String(run.delivered.size));
        expect(await unsound()).toEqual([]);
        finished = await value<string>(
          root,
          "select count(*) from app_public.tryon_jobs where finished_at is not null",
        );
      },
    ),
    // Another run of the same steps takes another course: nothing to shrink by.
    { seed: SEED, numRuns: RUNS, endOnFailure: true },
  );
  expect(runs).toBe(RUNS);
  expect(Number(finished)).toBeGreaterThan(50);
});

/** Beside the invariants: each attempt kept once, one settlement, one repeat, one refund. */
const unsound = () =>
  rowsOf(
    root,
    `select 'attempts' as fault, j.id::text from app_public.tryon_jobs j
       left join app_public.tryon_job_attempts a on a.job_id = j.id
       group by j.id, j.attempt, j.status
       having count(a.*) <> j.attempt - case when j.status = 'processing' then 1 else 0 end
     union all
     select 'results', result_key from app_public.tryon_jobs where result_key is not null group by 2 having count(*) > 1
     union all
     select 'repeats', retry_of::text from app_public.tryon_jobs where retry_of is not null group by 2 having count(*) > 1
     union all
     select 'settlements', hold_id::text from app_public.credit_transfers where kind in ('capture', 'release') group by 2 having count(*) > 1
     union all
     select 'refunds', hold_id::text from app_public.credit_transfers where kind = 'grant' and hold_id is not null group by 2 having count(*) > 1
     union all
     select 'months', owner_user_id::text from app_public.credit_grants where source = 'free_monthly' and not lapsed group by 2 having count(*) > 1`,
  );
