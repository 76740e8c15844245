import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from "@jest/globals";

import {
  backfillEvents,
  type RefusedLine,
} from "../../server/billing/backfill.ts";
import { drainInbox } from "../../server/billing/drainInbox.ts";
import { splitLines } from "../../server/billing/splitLines.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  buildEvent,
  buildPrice,
  buildSubscription,
} from "../helpers/stripe.ts";
import { testServer } from "../helpers/testServer.ts";

let db: TestDatabase;
let dir: string;
beforeAll(async () => {
  db = await createTestDatabase();
  dir = mkdtempSync(join(tmpdir(), "closetai-backfill-"));
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await db.drop();
});
afterEach(() => db.root.query("delete from app_public.stripe_events"));

const event = (at: number) =>
  buildEvent(
    "customer.subscription.updated",
    buildSubscription(
      `sub_${at % 3}`,
      `cus_${at % 3}`,
      buildPrice(`price_${at}`, 100 + at),
    ),
    {
      id: `evt_backfill${String(at).padStart(5, "0")}`,
      created: 1_760_000_000 + at,
    },
  );
const lines = (from: number, to: number): string =>
  Array.from(
    { length: to - from },
    (_, at) => `${JSON.stringify(event(from + at))}\n`,
  ).join("");

async function* chunksOf(
  content: Buffer | string,
  size = 7,
): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await Promise.resolve();
  }
}

async function countEvents(): Promise<{ events: number; duplicates: number }> {
  const { rows } = await db.root.query<{ events: number; duplicates: number }>(
    "select count(*)::integer as events, coalesce(sum(duplicates), 0)::integer as duplicates from app_public.stripe_events",
  );
  return rows[0] ?? { events: -1, duplicates: -1 };
}

describe("lines of a stream", () => {
  const split = async (content: Buffer | string, maxBytes = 10) => {
    const found: (string | undefined | null)[] = [];
    for await (const { text: line, fault } of splitLines(
      chunksOf(content, 3),
      maxBytes,
    )) {
      found.push(line ?? fault);
    }
    return found;
  };

  it.each([
    ["", []],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\r\n\nb", ["a\r", "", "b"]],
    ["\ufeffa\nb", ["a", "b"]],
    [`${"x".repeat(10)}\ny`, ["x".repeat(10), "y"]],
    [`${"x".repeat(11)}\ny\n${"z".repeat(40)}`, ["too_long", "y", "too_long"]],
    [Buffer.from([0x61, 0x0a, 0xff, 0x0a, 0x62]), ["a", "not_utf8", "b"]],
  ])("%j", async (content, expected) => {
    expect(await split(content)).toEqual(expected);
  });
});

describe("a backfill", () => {
  const load = async (
    content: string,
    options: { dryRun?: boolean; signal?: AbortSignal } = {},
  ) => {
    const refused: RefusedLine[] = [];
    const counts = await backfillEvents({
      worker: db.worker,
      lines: chunksOf(content, 4_096),
      maxLineBytes: 10_000,
      dryRun: false,
      onRefused: (line) => {
        refused.push(line);
      },
      ...options,
    });
    return { counts, refused };
  };

  it("puts every event into the inbox once; again, it skips them all and calls none delivered twice", async () => {
    const content = lines(0, 1_200);
    expect((await load(content)).counts).toMatchObject({
      lines: 1_200,
      loaded: 1_200,
      known: 0,
      refused: 0,
    });
    expect((await load(content)).counts).toMatchObject({
      lines: 1_200,
      loaded: 0,
      known: 1_200,
      refused: 0,
    });
    expect(await countEvents()).toEqual({ events: 1_200, duplicates: 0 });
  });

  it("goes on where another one was stopped", async () => {
    const content = lines(0, 1_200);
    await load(content.slice(0, content.indexOf("evt_backfill00777")));
    expect((await countEvents()).events).toBe(777);
    expect((await load(content)).counts).toMatchObject({
      loaded: 423,
      known: 777,
    });
    expect(await countEvents()).toEqual({ events: 1_200, duplicates: 0 });
  });

  it("stopped by its signal keeps whole events only", async () => {
    const abort = new AbortController();
    abort.abort();
    expect(
      (await load(lines(0, 10), { signal: abort.signal })).counts.loaded,
    ).toBe(0);
    expect((await countEvents()).events).toBe(0);
  });

  it("names each refused line with its reason, and takes the others", async () => {
    const good = event(1);
    const spoilt = { ...event(2), data: { object: { id: "a\u0000b" } } };
    const content = [
      JSON.stringify(good),
      "not json",
      "",
      "[1]",
      JSON.stringify({ ...event(3), id: "ch_1" }),
      JSON.stringify({ ...event(4), type: "" }),
      JSON.stringify({ ...event(5), created: "yesterday" }),
      JSON.stringify({ ...event(6), data: {} }),
      JSON.stringify(spoilt),
      JSON.stringify({ ...event(7), padding: "x".repeat(10_000) }),
      JSON.stringify(event(8)),
    ].join("\n");
    const { counts, refused } = await load(content);
    expect(refused.sort((a, b) => a.line - b.line)).toEqual([
      { line: 2, reason: "Not JSON", id: null },
      { line: 4, reason: "Not an event", id: null },
      { line: 5, reason: "An event without an id", id: null },
      { line: 6, reason: "An event without a type", id: event(4).id },
      { line: 7, reason: "An event without time or mode", id: event(5).id },
      { line: 8, reason: "An event without an object", id: event(6).id },
      { line: 9, reason: "The database cannot keep it", id: event(2).id },
      { line: 10, reason: "Longer than 10,000 bytes", id: null },
    ]);
    expect(counts).toMatchObject({
      lines: 10,
      loaded: 2,
      known: 0,
      refused: 8,
    });
    expect((await countEvents()).events).toBe(2);
  });

  it("checks without writing in a dry run", async () => {
    await load(lines(0, 5));
    const { counts } = await load(lines(0, 20) + lines(0, 20), {
      dryRun: true,
    });
    expect(counts).toMatchObject({ lines: 40, loaded: 15, known: 25 });
    expect((await countEvents()).events).toBe(5);
  });
});

describe("the inbox", () => {
  it("is worked off even where one event is stopped every time", async () => {
    await backfillEvents({
      worker: db.worker,
      lines: chunksOf(lines(0, 9), 4_096),
      maxLineBytes: 10_000,
      dryRun: false,
    });
    const holder = await db.root.connect();
    try {
      await holder.query("begin");
      await holder.query(
        "select pg_advisory_xact_lock(hashtextextended('stripe:sub_1', 0))",
      );
      // One connection, so that it keeps its setting.
      const client = await db.worker.connect();
      try {
        await client.query("set lock_timeout = '50ms'");
        const deferred: string[] = [];
        await drainInbox({
          worker: client,
          log: {
            warn: (details: unknown) => {
              deferred.push((details as { event: string }).event);
            },
          },
        });
        expect(deferred.sort()).toEqual([
          event(1).id,
          event(4).id,
          event(7).id,
        ]);
      } finally {
        await client.query("reset lock_timeout");
        client.release();
      }
    } finally {
      await holder.query("rollback");
      holder.release();
    }
    const { rows } = await db.root.query(
      "select id, status, attempts, last_error ~ '^55P03' as lock, next_attempt_at > now() as later from app_public.stripe_events where status <> 'processed' order by id",
    );
    expect(rows).toEqual(
      [1, 4, 7].map((at) => ({
        id: event(at).id,
        status: "failed",
        attempts: 1,
        lock: true,
        later: true,
      })),
    );
  });
});

describe("npm run stripe:backfill", () => {
  const cli = async (...args: string[]) => {
    const child = spawn(
      process.execPath,
      [
        join(import.meta.dirname, "../../server/cli/stripeBackfill.ts"),
        ...args,
      ],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          NODE_OPTIONS: "",
          NODE_ENV: "test",
          DATABASE_URL: db.urls.app,
          CLOSETAI_SECRET: testServer().secret,
          CLOSETAI_DATA_DIR: dir,
        },
      },
    );
    const exited = once(child, "exit") as Promise<[number]>;
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      exited,
    ]);
    return { code, out, err };
  };

  it("explains itself", async () => {
    const { code, out } = await cli("--help");
    expect(code).toBe(0);
    expect(out).toContain("--dry-run");
    expect(out).toContain("--refused <file>");
  });

  it("checks, loads and puts into effect, and does nothing the second time", async () => {
    const file = join(dir, "events.ndjson");
    writeFileSync(file, `${lines(60, 120)}nonsense\n`);
    const dry = await cli(file, "--dry-run");
    expect(dry).toMatchObject({ code: 1, err: "" });
    expect(dry.out).toContain("Line 61: Not JSON\n");
    expect(dry.out).toContain("60 events would be put into the inbox\n");
    expect((await countEvents()).events).toBe(0);

    const refused = join(dir, "refused.tsv");
    const first = await cli(file, "--refused", refused);
    expect(first.out).toContain("60 events put into the inbox\n");
    expect(first.out).toContain("60 events put into effect\n");
    expect(readFileSync(refused, "utf8")).toBe("61\tNot JSON\t\n");
    const { rows } = await db.root.query<{ mrr: string }>(
      "select sum(mrr_usd_minor)::text as mrr from app_public.account_mrr",
    );
    // The last of each: 217, 218 and 219.
    expect(rows).toEqual([{ mrr: "654" }]);

    const second = await cli(file);
    expect(second.out).toContain("0 events put into the inbox\n");
    expect(second.out).toContain("60 were there already\n");
    expect(second.out).not.toContain("put into effect");
  });

  it("answers a wrong file with a sentence", async () => {
    const { code, err } = await cli("/nowhere.ndjson");
    expect(code).toBe(1);
    expect(err).toBe("There is no file /nowhere.ndjson\n");
    const file = join(dir, "one.ndjson");
    writeFileSync(file, "nonsense\n");
    expect(await cli(file, "--refused", "/nowhere/refused.tsv")).toEqual({
      code: 1,
      out: "",
      err: "--refused /nowhere/refused.tsv: there is no folder /nowhere. Nothing was done.\n",
    });
  });
});

describe("several workers", () => {
  it("work off one inbox, and none stops another", async () => {
    await backfillEvents({
      worker: db.worker,
      lines: chunksOf(lines(1_000, 1_400), 65_536),
      maxLineBytes: 10_000,
      dryRun: false,
    });
    const refused: unknown[] = [];
    const drained = await Promise.all(
      [1, 2, 3].map(() =>
        drainInbox({
          worker: {
            query: (async (text: string, values: unknown[]) => {
              try {
                return await db.worker.query(text, values);
              } catch (error) {
                refused.push(error);
                throw error;
              }
            }) as never,
          },
          log: { warn: (told: unknown) => void refused.push(told) },
        }),
      ),
    );
    expect(refused).toEqual([]);
    expect(drained.reduce((sum, each) => sum + each, 0)).toBe(400);
    const { rows } = await db.root.query(
      "select status, attempts, count(*)::int as n from app_public.stripe_events group by 1, 2",
    );
    expect(rows).toEqual([{ status: "processed", attempts: 1, n: 400 }]);
    const { rows: differences } = await db.worker.query(
      "select * from app_private.mrr_differences()",
    );
    expect(differences).toEqual([]);
  });
});
