import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import { type ActorName, as, outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { brands, createWorld, jobs, people } from "../helpers/world.ts";

let db: TestDatabase;

type Owner = { user_id?: string; brand_id?: string };

type Entry = {
  entry_id: string;
  kind: string;
  amount: string;
  available_change: string;
  held_change: string;
  available_after: string;
  source: string | null;
  tryon_job_id: string | null;
};

async function history(
  client: ClientBase,
  { user_id, brand_id }: Owner,
  { before = null as string | null, entries = 200 } = {},
): Promise<Entry[]> {
  const { rows } = await client.query<Entry>(
    "select * from app_public.wallet_history($1, $2, $3, $4)",
    [user_id, brand_id, before, entries],
  );
  return rows;
}

const shopper = { user_id: people.shopper };
const brandA = { brand_id: brands.A };

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  await createWorld(root);
  root.release();
});
afterAll(() => db?.drop());

describe("the history of a wallet", () => {
  it("adds up to what the accounts hold, entry by entry", async () => {
    const entries = await as(db, "shopper", (c) => history(c, shopper));
    const { rows } = await db.root.query<{ kind: string; balance: string }>(
      "select kind, balance from app_public.credit_accounts where owner_user_id = $1",
      [people.shopper],
    );
    const balance = Object.fromEntries(rows.map((r) => [r.kind, r.balance]));
    expect(entries[0]?.available_after).toBe(balance["available"]);
    const sum = (field: "available_change" | "held_change") =>
      String(entries.reduce((all, entry) => all + Number(entry[field]), 0));
    expect(sum("available_change")).toBe(balance["available"]);
    expect(sum("held_change")).toBe(balance["held"]);
    entries.forEach((entry, at) => {
      const earlier = entries[at + 1]?.available_after ?? "0";
      expect(Number(entry.available_after)).toBe(
        Number(earlier) + Number(entry.available_change),
      );
    });
  });

  it("names the job of a hold and the source of a grant", async () => {
    const entries = await as(db, "shopper", (c) => history(c, shopper));
    const ofJob = entries.filter(
      (entry) => entry.tryon_job_id === jobs["shopper's of A"],
    );
    expect(ofJob.map((entry) => entry.kind)).toEqual(["capture", "hold"]);
    expect(entries.at(-1)).toMatchObject({
      kind: "grant",
      source: "free_monthly",
      available_change: "25",
      available_after: "25",
    });
  });

  it("reads on from an entry as if all had been read at once", async () => {
    await as(db, "A.analyst", async (client) => {
      const whole = await history(client, brandA);
      expect(whole.length).toBeGreaterThan(3);
      const pages: Entry[] = [];
      for (;;) {
        const before = pages.at(-1)?.entry_id ?? null;
        const page = await history(client, brandA, { before, entries: 2 });
        if (page.length === 0) break;
        expect(page.length).toBeLessThanOrEqual(2);
        pages.push(...page);
      }
      expect(pages).toEqual(whole);
    });
  });
});

describe("who reads a wallet", () => {
  const readings: [ActorName, Owner, boolean][] = [
    ["shopper", shopper, true],
    ["neighbour", shopper, false],
    ["shopper", brandA, false],
    ["A.analyst", brandA, true],
    ["A.owner", brandA, true],
    ["B.owner", brandA, false],
    ["A.owner", shopper, false],
    ["support", shopper, true],
    ["finance", brandA, true],
  ];
  it.each(readings)("%s asking for %j: %s", async (who, owner, sees) => {
    await as(db, who, async (client) => {
      const entries = await history(client, owner);
      const { rows: grants } = await client.query(
        "select * from app_public.wallet_grants($1, $2)",
        [owner.user_id, owner.brand_id],
      );
      const { rows: days } = await client.query<{ used: string }>(
        "select * from app_public.wallet_usage($1, $2, 30)",
        [owner.user_id, owner.brand_id],
      );
      const used = days.reduce((all, day) => all + Number(day.used), 0);
      expect([entries.length > 0, grants.length > 0, used > 0]).toEqual([
        sees,
        sees,
        sees,
      ]);
    });
  });

  it.each(["anonymous", "A.viewer", "partner"] as const)(
    "%s may not ask",
    async (who) => {
      for (const call of [
        "wallet_history(null, $1)",
        "wallet_usage(null, $1)",
        "wallet_grants(null, $1)",
      ]) {
        await as(db, who, async (client) => {
          expect(
            await outcomeOf(
              client.query(`select * from app_public.${call}`, [brands.A]),
            ),
          ).toBe("42501");
        });
      }
    },
  );
});

describe("the days and the grants of a wallet", () => {
  it("has every day, today last, and counts what was captured", async () => {
    await as(db, "shopper", async (client) => {
      const { rows } = await client.query<{ used: string; tryons: string }>(
        "select * from app_public.wallet_usage($1, null, 7)",
        [people.shopper],
      );
      const { rows: truth } = await client.query<{ sum: string; n: string }>(
        `select sum(amount)::text as sum, count(*)::text as n
         from app_public.credit_transfers where kind = 'capture'`,
      );
      expect(rows.map(({ used }) => used)).toEqual([
        ...Array.from({ length: 6 }, () => "0"),
        truth[0]?.sum,
      ]);
      expect(rows.at(-1)?.tryons).toBe(truth[0]?.n);
    });
  });

  it.each([
    [0, 1],
    [-5, 1],
    [100_000, 366],
    [null, 30],
  ])("bounds %s days to %s", async (asked, given) => {
    await as(db, "shopper", async (client) => {
      const { rows } = await client.query(
        "select * from app_public.wallet_usage($1, null, $2)",
        [people.shopper, asked],
      );
      expect(rows).toHaveLength(given);
    });
  });

  it("lists what ends next first, and leaves out what is spent or over", async () => {
    const notes = await withRoot(db, async (client) => {
      const give = (amount: number, ends: string | null, note: string) =>
        client.query(
          `select app_private.add_grant($1, null, 'promo', $2, now(), now() + $3::interval, null, $4)`,
          [people.neighbour, amount, ends, note],
        );
      await give(5, "300 days", "late");
      await give(5, null, "never");
      await give(5, "1 hour", "soon");
      const { rows } = await client.query<{ note: string | null }>(
        "select * from app_public.wallet_grants($1)",
        [people.neighbour],
      );
      return rows.map(({ note }) => note ?? "free");
    });
    expect(notes).toEqual(["soon", "free", "late", "never"]);
  });
});
