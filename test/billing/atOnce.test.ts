import { afterAll, beforeAll, expect, it } from "@jest/globals";

import { outcomeOf } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  asManager,
  commitAs,
  makeTryonBrand,
  requestBrandTryon,
  type TryonBrand,
} from "../helpers/tryons.ts";
import {
  customer,
  event,
  newId,
  price,
  type StripeObject,
  subscription,
} from "./events.ts";
import {
  asFinance,
  created,
  faults,
  ingest,
  makeFinance,
  send,
  updated,
} from "./stage.ts";

/**
 * Everybody who locks wallets and accounts of several brands, at once: events in
 * batches, customers that are linked back and forth, credits of the month, ended
 * credits; and managers who only want a try-on.
 */

let db: TestDatabase;
let finance: string;
let brands: TryonBrand[];
let payers: StripeObject[];
let plans: StripeObject[];

beforeAll(async () => {
  db = await createTestDatabase();
  finance = await makeFinance(db);
  const client = await db.root.connect();
  try {
    brands = [];
    for (let n = 0; n < 3; n++) brands.push(await makeTryonBrand(client));
  } finally {
    client.release();
  }
  const now = Math.floor(Date.now() / 1000) - 1000;
  payers = [0, 1, 2, 3].map((n) =>
    customer({
      id: newId("cus"),
      metadata: { brand_id: brands[n % 3]?.id },
    }),
  );
  plans = payers.map(({ id }) =>
    subscription({
      customer: id,
      start: now,
      items: [{ price: price({ metadata: { monthly_credits: "500" } }) }],
    }),
  );
  for (const payer of payers) {
    await send(db, event("customer.created", now, payer));
  }
  for (const plan of plans) await send(db, created(plan, now));
});

afterAll(() => db.drop());

const pick = <T>(list: readonly T[], n: number): T => {
  const one = list[n % list.length];
  if (one === undefined) throw new Error("The list is empty");
  return one;
};

/** So many times, one after another; what came of each. */
async function times(
  count: number,
  fn: (n: number) => Promise<unknown>,
): Promise<string[]> {
  const outcomes: string[] = [];
  for (let n = 0; n < count; n++) outcomes.push(await outcomeOf(fn(n)));
  return outcomes;
}

it("nobody waits for another in a circle, and everything adds up", async () => {
  const later = Math.floor(Date.now() / 1000) - 900;
  const process = (): Promise<unknown> =>
    db.worker.query("select app_private.process_stripe_events(50)");
  const outcomes = await Promise.all([
    times(120, (n) =>
      ingest(
        db,
        updated(
          subscription({
            id: pick(plans, n * 7 + 1).id,
            customer: pick(payers, n * 7 + 1).id,
            start: later - 100,
            items: [
              {
                price: price({ metadata: { monthly_credits: "500" } }),
                quantity: 1 + (n % 3),
              },
            ],
          }),
          later + n,
        ),
      ),
    ),
    times(60, process),
    times(60, process),
    ...[0, 1].map((who) =>
      times(60, (n) =>
        asFinance(db, finance, (client) =>
          client.query("select app_public.link_stripe_customer($1, $2)", [
            pick(payers, n + who).id,
            pick(brands, n * 5 + who).id,
          ]),
        ),
      ),
    ),
    ...[0, 1].map((who) =>
      times(80, (n) => {
        const brand = pick(brands, n + who);
        return commitAs(db.app, asManager(brand), (client) =>
          requestBrandTryon(client, brand),
        );
      }),
    ),
    times(30, () =>
      db.worker.query("select app_private.grant_due_subscriptions()"),
    ),
    times(30, () => db.worker.query("select app_private.expire_grants()")),
  ]);
  // A brand whose plan has just moved away has no credits. Waiting too long is
  // said so (55P03); a circle (40P01) is nobody's to mend.
  expect(
    [...new Set(outcomes.flat())].filter(
      (each) => !["ok", "NOCRD", "55P03"].includes(each),
    ),
  ).toEqual([]);
  let done = 1;
  while (done > 0) {
    const { rows } = await db.worker.query<{ done: number }>(
      "select app_private.process_stripe_events(50) as done",
    );
    done = rows[0]?.done ?? 0;
  }
  expect(await faults(db)).toEqual([]);
});
