import fc from "fast-check";
import pg from "pg";

import type { TestActor } from "./database.ts";
import {
  asManager,
  asShopper,
  beginResult,
  claim,
  commitAs,
  complete,
  expireStale,
  fail,
  giveCredits,
  heartbeat,
  requestBrandTryon,
  requestTryon,
  rowsOf,
  type Shopper,
  storeResult,
  type TryonBrand,
  type TryonJob,
} from "./tryons.ts";

/** Who and what a run of random steps is about. */
export type World = {
  app: pg.Pool;
  worker: pg.Pool;
  root: pg.Pool;
  shoppers: Shopper[];
  brand: TryonBrand;
  finance: TestActor;
  support: TestActor;
};

/** Who: 0 to 2 is a shopper, 3 the brand. */
const who = fc.integer({ min: 0, max: 3 });
/** One thing that somebody, or time, does. */
export const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("request" as const),
      who,
      key: fc.option(fc.integer({ min: 0, max: 5 })),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("claim" as const),
      n: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("complete" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("fail" as const),
      retryable: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("heartbeat" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "silence" as const,
        "endWaiting" as const,
        "ripen" as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("expireStale" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "cancel" as const,
        "retry" as const,
        "supportRetry" as const,
        "refund" as const,
      ),
      who,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("adjust" as const),
      who,
      amount: fc.integer({ min: -9, max: 9 }).filter((n) => n !== 0),
      key: fc.integer({ min: 0, max: 40 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("endGrants" as const), who }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("monthly" as const, "expireGrants" as const),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What a step may be told; anything else fails the test. */
const REFUSALS: Record<Step["do"], string[]> = {
  request: ["NOCRD"],
  claim: [],
  complete: ["LLOCK"],
  fail: ["LLOCK"],
  heartbeat: ["LLOCK"],
  silence: [],
  endWaiting: [],
  ripen: [],
  expireStale: [],
  cancel: ["STATE"],
  retry: ["STATE", "NOCRD"],
  supportRetry: ["STATE"],
  refund: ["STATE"],
  adjust: ["NOCRD", "IDEMP"],
  endGrants: [],
  monthly: [],
  expireGrants: [],
};

export type Run = {
  world: World;
  name: string;
  /** Key of a request to the job it was told, over all lanes. */
  told: Map<string, Set<string>>;
  delivered: Set<string>;
};

/** What one lane does, one after another; its worker keeps what it claimed. */
export async function runLane(
  run: Run,
  lane: number,
  steps: Step[],
): Promise<void> {
  const me = `${run.name}-${lane}`;
  const mine: TryonJob[] = [];
  for (const [at, step] of steps.entries()) {
    try {
      await act(step, { run, me, mine, nonce: `${me}-${at}` });
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? (error.code ?? "") : "";
      if (!REFUSALS[step.do].includes(code)) {
        throw new Error(
          `${JSON.stringify(step)} was refused: ${String(error)}`,
          { cause: error },
        );
      }
    }
  }
}

type Lane = { run: Run; me: string; mine: TryonJob[]; nonce: string };

async function act(step: Step, { run, me, mine, nonce }: Lane): Promise<void> {
  const { world } = run;
  const { app, worker, root } = world;
  switch (step.do) {
    case "request": {
      // A key that is shared by lanes, or one of its own.
      const key = step.key === null ? nonce : `${run.name}-shared-${step.key}`;
      const id = await request(world, step.who, key);
      const told = run.told.get(`${step.who} ${key}`) ?? new Set();
      run.told.set(`${step.who} ${key}`, told.add(id));
      return;
    }
    case "claim":
      mine.push(...(await claim(worker, me, step.n, 60)));
      return;
    case "complete": {
      const job = mine.shift();
      if (job === undefined) return;
      const key = await beginResult(worker, me, job);
      await storeResult(app, key);
      await complete(worker, me, job, key);
      run.delivered.add(job.id);
      return;
    }
    case "fail": {
      const job = mine.shift();
      if (job !== undefined)
        await fail(worker, me, job, "GPU_OUT_OF_MEMORY", step.retryable);
      return;
    }
    case "heartbeat": {
      const job = mine[0];
      if (job !== undefined) await heartbeat(worker, me, job);
      return;
    }
    case "silence":
      await someJobs(root, "processing", "locked_until = now()");
      return;
    case "endWaiting":
      await someJobs(root, "queued", "deadline_at = now()");
      return;
    case "ripen":
      await someJobs(root, "queued", "run_after = now()", 20);
      return;
    case "expireStale":
      await expireStale(worker);
      return;
    case "cancel":
      return ofSomeJob(
        world,
        step.who,
        "queued",
        actorOf(world, step.who),
        "cancel_tryon($1)",
      );
    case "retry":
      return ofSomeJob(
        world,
        step.who,
        "failed",
        actorOf(world, step.who),
        "retry_tryon($1)",
      );
    case "supportRetry":
      return ofSomeJob(
        world,
        step.who,
        "failed",
        world.support,
        "retry_tryon($1)",
      );
    case "refund":
      return ofSomeJob(
        world,
        step.who,
        "completed",
        world.support,
        "refund_tryon($1, 'Ticket 4711: wrong garment')",
      );
    case "adjust": {
      const owner = ownerOf(world, step.who);
      await commitAs(app, world.finance, (client) =>
        client.query(
          "select app_public.adjust_credits($1, 'Ticket 4711: correction', $2, $3, $4)",
          [
            step.amount,
            `${run.name}-${step.key}`,
            owner.user ?? null,
            owner.brand ?? null,
          ],
        ),
      );
      return;
    }
    case "endGrants": {
      // Under the lock of the wallet, as everything that changes grants.
      const { user, brand } = ownerOf(world, step.who);
      const client = await root.connect();
      try {
        await client.query("begin");
        await client.query("select app_private.lock_wallet($1, $2)", [
          user ?? null,
          brand ?? null,
        ]);
        await client.query(
          `update app_public.credit_grants set effective_at = least(effective_at, now() - interval '1 day'), expires_at = now()
           where id = (select id from app_public.credit_grants where coalesce(owner_user_id, owner_brand_id) = $1
                       and not lapsed and source <> 'free_monthly' order by random() limit 1)`,
          [user ?? brand],
        );
        await client.query("commit");
      } finally {
        client.release();
      }
      await giveCredits(root, ownerOf(world, step.who), 6);
      return;
    }
    case "monthly":
      await worker.query(
        "select app_private.grant_due_monthly(now() + interval '3 months' * random(), 2)",
      );
      return;
    case "expireGrants":
      await worker.query("select app_private.expire_grants(now(), 3)");
      return;
  }
}

const shopperOf = (world: World, index: number): Shopper | undefined =>
  world.shoppers[index];

const actorOf = (world: World, index: number): TestActor => {
  const shopper = shopperOf(world, index);
  return shopper === undefined ? asManager(world.brand) : asShopper(shopper);
};

const ownerOf = (
  world: World,
  index: number,
): { user?: string; brand?: string } => {
  const shopper = shopperOf(world, index);
  return shopper === undefined
    ? { brand: world.brand.id }
    : { user: shopper.id };
};

const request = (world: World, index: number, key: string): Promise<string> =>
  commitAs(world.app, actorOf(world, index), async (client) => {
    const shopper = shopperOf(world, index);
    if (shopper === undefined)
      return requestBrandTryon(client, world.brand, { key });
    // One of them tries the brand's product on, with own credits.
    const products = index === 2 ? [world.brand.product] : [];
    return (
      await requestTryon(client, shopper, {
        key,
        products,
        items: [shopper.item],
      })
    ).id;
  });

/** As time or an operator would: to a few jobs that nobody is busy with. */
async function someJobs(
  root: pg.Pool,
  status: string,
  assignment: string,
  limit = 3,
): Promise<void> {
  await root.query(
    `update app_public.tryon_jobs set ${assignment} where id in
       (select id from app_public.tryon_jobs where status = $1 order by random() limit $2 for update skip locked)`,
    [status, limit],
  );
}

async function ofSomeJob(
  world: World,
  index: number,
  status: string,
  actor: TestActor,
  call: string,
): Promise<void> {
  const shopper = shopperOf(world, index);
  const [job] = await rowsOf(
    world.root,
    `select id from app_public.tryon_jobs where status = $1
       and case when $2::uuid is null then user_id is null and brand_id = $3 else user_id = $2 end
     order by random() limit 1`,
    [status, shopper?.id ?? null, world.brand.id],
  );
  if (job === undefined) return;
  await commitAs(world.app, actor, (client) =>
    client.query(`select app_public.${call}`, [job["id"]]),
  );
}
