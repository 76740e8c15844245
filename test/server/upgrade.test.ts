import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Client } from "pg";

import { projectDir } from "../../server/config.ts";
import { withClient } from "../../server/db/clients.ts";
import { dropDatabaseAt, ensureDatabase } from "../../server/db/database.ts";
import { silentLog } from "../../server/db/log.ts";
import { migrate } from "../../server/db/migrate.ts";
import {
  databaseOf,
  type Urls,
  urlsFor,
  withDatabase,
} from "../../server/db/urls.ts";
import {
  customer,
  DAY,
  event,
  newId,
  price,
  refund,
  START,
  type StripeEvent,
  type StripeObject,
  subscription,
} from "../billing/events.ts";
import { buildBrand, buildUser } from "../helpers/factories.ts";
import { testServer } from "../helpers/testServer.ts";

/**
 * A database that was used with the first two migrations, and then gets the
 * others: what is in it is told by functions of that time.
 */

const COMMITTED = join(projectDir, "migrations/committed");

let urls: Urls;
let root: string;
let folder = "";
let brands: [string, string];
let person: string;
const cus = {
  person: newId("cus"),
  moved: newId("cus"),
  euros: newId("cus"),
  gone: newId("cus"),
};
const refunds = { late: newId("re") };

beforeAll(async () => {
  const name = `closetai_test_${randomBytes(6).toString("hex")}`;
  urls = urlsFor(testServer().urls, name);
  root = withDatabase(testServer().urls.root, name);
  await ensureDatabase(urls);
  folder = mkdtempSync(join(tmpdir(), "closetai-upgrade-"));
  mkdirSync(join(folder, "committed"));
  for (const file of readdirSync(COMMITTED).filter((each) =>
    /^00000[12]-/.test(each),
  )) {
    cpSync(join(COMMITTED, file), join(folder, "committed", file));
  }
  await migrate(urls, silentLog, { migrationsFolder: folder, current: false });
  await withClient(root, live);
  await migrate(urls, silentLog, { current: false });
});

afterAll(async () => {
  await dropDatabaseAt(testServer().urls.root, databaseOf(urls.owner));
  rmSync(folder, { recursive: true, force: true });
});

async function live(client: Client): Promise<void> {
  brands = [
    (await buildBrand(client, { status: "onboarding" })).id,
    (await buildBrand(client, { status: "onboarding" })).id,
  ];
  person = (await buildUser(client)).id;
  await client.query(
    "insert into app_public.fx_rates (currency, rate_date, usd_per_unit) values ('eur', '2025-10-01', 1.1)",
  );
  const tell = async (...events: StripeEvent[]): Promise<void> => {
    for (const each of events) {
      await client.query("select app_private.ingest_stripe_event($1)", [
        JSON.stringify(each),
      ]);
      const { rows } = await client.query<{ status: string }>(
        "select app_private.process_stripe_event($1) as status",
        [each.id],
      );
      expect(["processed", "ignored"]).toContain(rows[0]?.status);
    }
  };
  const plan = (of: string, amount: number, currency = "usd"): StripeObject =>
    subscription({
      customer: of,
      items: [{ price: price({ amount, currency }) }],
    });
  const told = (object: StripeObject, at: number): StripeEvent =>
    event("customer.subscription.created", at, object);

  // Two subscriptions of a customer of nobody, who turns out to be a person.
  await tell(
    event("customer.created", START, customer({ id: cus.person })),
    told(plan(cus.person, 1000), START + 1),
    told(plan(cus.person, 500), START + 2),
    event(
      "customer.updated",
      START + 9 * DAY,
      customer({ id: cus.person, metadata: { user_id: person } }),
    ),
  );
  // Of two customers of one brand one is moved to another.
  const own = customer({ metadata: { brand_id: brands[0] } });
  await tell(
    event("customer.created", START, own),
    told(plan(own.id, 700), START + 3),
    event(
      "customer.created",
      START,
      customer({ id: cus.moved, metadata: { brand_id: brands[0] } }),
    ),
    told(plan(cus.moved, 300), START + 4),
    told(plan(cus.moved, 200), START + 5),
  );
  await client.query(
    "select app_private.move_customer($1, $2, null, 'staff', now())",
    [cus.moved, brands[1]],
  );
  await tell(
    event("customer.created", START, customer({ id: cus.euros })),
    told(plan(cus.euros, 1000, "eur"), START + 6),
    event("customer.created", START, customer({ id: cus.gone })),
    event("customer.deleted", START + 7, customer({ id: cus.gone })),
    // Versions of the API that leave the refunds out of their charge.
    event("refund.created", START + 8, {
      ...refund({ id: refunds.late }),
      charge: "ch_late",
    }),
    event("charge.refunded", START + 8, {
      id: "ch_late",
      object: "charge",
      customer: cus.person,
    }),
  );
}

const query = <T extends object>(sql: string): Promise<T[]> =>
  withClient(root, async (client) => (await client.query<T>(sql)).rows);

describe("a database of before, after all migrations", () => {
  it("breaks no invariant", async () => {
    expect(await query("select * from app_private.check_invariants()")).toEqual(
      [],
    );
  });

  it("has revenue where the subscriptions are now", async () => {
    const of = (sql: string): Promise<{ account: string; mrr: string }[]> =>
      query(sql);
    const accounts = await of(
      "select account, mrr_usd_minor as mrr from app_public.account_mrr where mrr_usd_minor > 0 order by account",
    );
    expect(accounts).toEqual(
      [
        { account: `brand:${brands[0]}`, mrr: "700" },
        { account: `brand:${brands[1]}`, mrr: "500" },
        { account: `customer:${cus.euros}`, mrr: "1100" },
        { account: `user:${person}`, mrr: "1500" },
      ].sort((a, b) => (a.account < b.account ? -1 : 1)),
    );
    expect(
      await of(
        `select account, end_usd_minor as mrr from app_private.revenue_by_account('2025-01-01', now() + interval '1 day')
          where end_usd_minor > 0 order by account`,
      ),
    ).toEqual(accounts);
    // And before the link nothing was lost by it.
    expect(
      await query(
        `select sum(start_usd_minor)::int as start, sum(churn_usd_minor)::int as churn, sum(contraction_usd_minor)::int as contraction
           from app_private.revenue_by_account('2025-10-08', now() + interval '1 day')`,
      ),
    ).toEqual([{ start: 3800, churn: 0, contraction: 0 }]);
  });

  it("knows of every transfer which subscriptions it moved", async () => {
    expect(
      await query(
        `select l.is_transfer, count(*)::int as lines from app_public.mrr_movement_lines l
          where l.movement_id is not null group by 1 order by 1`,
      ),
    ).toEqual([
      { is_transfer: false, lines: 6 },
      { is_transfer: true, lines: 8 },
    ]);
    expect(
      await query(
        "select 1 from app_public.mrr_movement_lines where subscription_id = 'unknown' or movement_id is null",
      ),
    ).toEqual([]);
  });

  it("knows since when a rate is pinned, and whose a refund is", async () => {
    expect(
      await query(
        `select fx_since = to_timestamp(${START + 6}) as since from app_public.stripe_subscriptions where currency = 'eur'`,
      ),
    ).toEqual([{ since: true }]);
    expect(
      await query(
        `select customer_id from app_public.stripe_refunds where id = '${refunds.late}'`,
      ),
    ).toEqual([{ customer_id: cus.person }]);
  });

  it("has forgotten the names of customers that were deleted", async () => {
    expect(
      await query(
        `select email, name from app_public.stripe_customers where id = '${cus.gone}'`,
      ),
    ).toEqual([{ email: null, name: null }]);
  });
});
