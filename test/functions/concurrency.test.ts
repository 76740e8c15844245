import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from "@jest/globals";
import pg from "pg";

import { outcomeOf } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  asManager,
  asShopper,
  beginResult,
  brokenInvariants,
  claim,
  commitAs,
  complete,
  giveCredits,
  makeShopper,
  makeTryonBrand,
  requestBrandTryon,
  requestTryon,
  rowsOf,
  type Shopper,
  storeResult,
  value,
  walletOf,
} from "../helpers/tryons.ts";

let db: TestDatabase;
/** Of one test. The server has 100 connections for all test files. */
const pools: pg.Pool[] = [];

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

// Whatever a test did at once, the books hold after it.
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
  expect(await brokenInvariants(db.root)).toEqual([]);
});

function crowd(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max });
  pools.push(pool);
  return pool;
}

async function onRoot<T>(
  fn: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await db.root.connect();
  try {
    return await fn(client);
  } finally {
    client.release();
  }
}

const times = <T>(n: number, fn: (at: number) => T): T[] =>
  Array.from({ length: n }, (_, at) => fn(at));

/** How often each answer was given. */
async function tally(
  calls: Promise<unknown>[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.all(calls.map(outcomeOf))) {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

const jobsOf = (user: string) =>
  value<number>(
    db.root,
    "select count(*)::integer from app_public.tryon_jobs where user_id = $1",
    [user],
  );

describe("requests at the same time", () => {
  it("1,000 on a wallet of 250 make exactly 250 jobs and 750 refusals", async () => {
    const app = crowd(db.urls.app, 40);
    const shopper = await onRoot(async (client) => {
      const made = await makeShopper(client);
      await giveCredits(client, { user: made.id }, 225);
      return made;
    });
    expect((await walletOf(db.root, shopper.id)).available).toBe(250);
    const answers = await tally(
      times(1_000, () =>
        commitAs(app, asShopper(shopper), (client) =>
          requestTryon(client, shopper),
        ),
      ),
    );
    expect(answers).toEqual({ ok: 250, NOCRD: 750 });
    expect(await jobsOf(shopper.id)).toBe(250);
    expect(await walletOf(db.root, shopper.id)).toMatchObject({
      available: 0,
      held: 250,
    });
    // A refused request leaves nothing, its key included.
    expect(
      await value<number>(
        db.root,
        "select count(*)::integer from app_private.idempotency_keys where owner_id = $1",
        [shopper.id],
      ),
    ).toBe(250);
  });

  it("20 calls with one key make one job, and all hear of it", async () => {
    const app = crowd(db.urls.app, 20);
    const shopper = await onRoot((client) => makeShopper(client));
    const jobs = await Promise.all(
      times(20, () =>
        commitAs(app, asShopper(shopper), (client) =>
          requestTryon(client, shopper, { key: "the same" }),
        ),
      ),
    );
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(1);
    expect(await jobsOf(shopper.id)).toBe(1);
    expect((await walletOf(db.root, shopper.id)).held).toBe(1);
  });

  it("20 calls with one key and two bodies make one job; the other body is refused", async () => {
    const app = crowd(db.urls.app, 20);
    const shopper = await onRoot((client) => makeShopper(client));
    const answers = await tally(
      times(20, (at) =>
        commitAs(app, asShopper(shopper), (client) =>
          requestTryon(client, shopper, {
            key: "two bodies",
            version: at % 2 === 0 ? "1.0" : "2.0",
          }),
        ),
      ),
    );
    expect(answers).toEqual({ ok: 10, IDEMP: 10 });
    expect(await jobsOf(shopper.id)).toBe(1);
  });

  it("with an entitlement no more than 25 wait, however many ask at once", async () => {
    const app = crowd(db.urls.app, 20);
    const shopper = await onRoot(async (client) => {
      const made = await makeShopper(client);
      await client.query(
        "insert into app_public.user_entitlements (user_id, kind, period, source) values ($1, 'pro_unlimited', tstzrange(now() - interval '1 day', now() + interval '1 day'), 'test')",
        [made.id],
      );
      return made;
    });
    const answers = await tally(
      times(60, () =>
        commitAs(app, asShopper(shopper), (client) =>
          requestTryon(client, shopper),
        ),
      ),
    );
    expect(answers).toEqual({ ok: 25, LIMIT: 35 });
    expect(await walletOf(db.root, shopper.id)).toMatchObject({
      available: 25,
      held: 0,
    });
  });

  it("of the two payers of one shopper's and one brand's jobs, each pays its own", async () => {
    const app = crowd(db.urls.app, 16);
    const [shopper, brand] = await onRoot(async (client) => {
      const made = await makeTryonBrand(client);
      await giveCredits(client, { brand: made.id }, 10);
      return [await makeShopper(client), made] as const;
    });
    const answers = await tally(
      times(40, (at) =>
        at % 2 === 0
          ? commitAs(app, asManager(brand), (client) =>
              requestBrandTryon(client, brand),
            )
          : commitAs(app, asShopper(shopper), (client) =>
              requestTryon(client, shopper, { products: [brand.product] }),
            ),
      ),
    );
    expect(answers).toEqual({ ok: 30, NOCRD: 10 });
    expect((await walletOf(db.root, brand.id)).held).toBe(10);
    expect((await walletOf(db.root, shopper.id)).held).toBe(20);
    // One handle stands for the shopper in all of them.
    expect(
      await rowsOf(
        db.root,
        "select distinct shopper_handle from app_public.tryon_jobs where user_id = $1",
        [shopper.id],
      ),
    ).toHaveLength(1);
  });
});

describe("workers at the same time", () => {
  it("never get the same job, and leave none", async () => {
    const worker = crowd(db.urls.worker, 8);
    await onRoot(async (client) => {
      // What earlier tests left waiting belongs to nobody here.
      await client.query(
        "update app_public.tryon_jobs set status = 'cancelled' where status = 'queued'",
      );
      const shopper = await makeShopper(client);
      await giveCredits(client, { user: shopper.id }, 75);
      await client.query("begin");
      for (let i = 0; i < 100; i++) await requestAsShopper(client, shopper);
      await client.query("commit");
    });
    const taken = (
      await Promise.all(
        times(8, async (at) => {
          const mine: string[] = [];
          for (;;) {
            const jobs = await claim(worker, `gpu-${at}`, 3, 3_600);
            if (jobs.length === 0) return mine;
            mine.push(...jobs.map(({ id }) => id));
          }
        }),
      )
    ).flat();
    expect(taken).toHaveLength(100);
    expect(new Set(taken).size).toBe(100);
  });
});

async function requestAsShopper(
  client: pg.PoolClient,
  shopper: Shopper,
): Promise<void> {
  await client.query(
    "select set_config('app.user_id', $1, true), set_config('role', 'closetai_user', true)",
    [shopper.id],
  );
  await requestTryon(client, shopper);
  await client.query("select set_config('role', 'none', true)");
}

/**
 * Each settlement moves a balance of the system, too. These rows are shared by
 * everybody: here waits in a circle would come from.
 */
describe("bookings of many wallets at the same time", () => {
  it("completions of 40 wallets at once capture 40 holds", async () => {
    const worker = crowd(db.urls.worker, 20);
    const ready = await onRoot(async (client) => {
      // What earlier tests left waiting belongs to nobody here.
      await client.query(
        "update app_public.tryon_jobs set status = 'cancelled' where status = 'queued'",
      );
      for (let i = 0; i < 40; i++) {
        const shopper = await makeShopper(client);
        await client.query("begin");
        await requestAsShopper(client, shopper);
        await client.query("commit");
      }
      const jobs = await claim(worker, "gpu", 100, 3_600);
      return Promise.all(
        jobs.map(async (job) => {
          const key = await beginResult(worker, "gpu", job);
          await storeResult(db.app, key);
          return { job, key };
        }),
      );
    });
    expect(ready).toHaveLength(40);
    // Foreign keys look at both accounts before the balances move. The pause in
    // between makes sure that many are at that point together; with 20 at once,
    // some book on the same account of the system.
    await db.root.query(`
      create function app_private.tg_pause() returns trigger language plpgsql as
        'begin perform pg_sleep(0.05); return null; end';
      create trigger _400_pause after insert on app_public.credit_transfers
        for each row execute function app_private.tg_pause()`);
    try {
      expect(
        await tally(
          ready.map(({ job, key }) => complete(worker, "gpu", job, key)),
        ),
      ).toEqual({ ok: 40 });
    } finally {
      await db.root.query("drop function app_private.tg_pause() cascade");
    }
  });

  it("long transactions that give and end credits of many do not wait in a circle", async () => {
    const root = crowd(db.urls.root, 4);
    const lanes = await onRoot(async (client) => {
      const made = [];
      for (let lane = 0; lane < 4; lane++) {
        const shoppers = [];
        for (let i = 0; i < 12; i++) shoppers.push(await makeShopper(client));
        made.push(shoppers);
      }
      return made;
    });
    // Grants that have ended: their end is booked, then new ones are given.
    await db.root.query(
      "update app_public.credit_grants set effective_at = now() - interval '2 days', expires_at = now() - interval '1 day' where owner_user_id = any ($1)",
      [lanes.flat().map(({ id }) => id)],
    );
    const book = async (shoppers: Shopper[], at: number): Promise<void> => {
      const client = await root.connect();
      try {
        await client.query("begin");
        for (const { id } of shoppers) {
          const steps = [
            () => giveCredits(client, { user: id }, 3),
            () =>
              client.query(
                "select app_private.expire_wallet_grants($1, null, now())",
                [id],
              ),
          ];
          // Half of them the other way round.
          for (const step of at % 2 === 0 ? steps : steps.reverse()) {
            await step();
          }
        }
        await client.query("commit");
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    };
    expect(await tally(lanes.map(book))).toEqual({ ok: 4 });
  });
});
