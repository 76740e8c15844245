import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";

import { checkStripeSignature } from "../../server/webhooks/checkStripeSignature.ts";
import { Inbox } from "../../server/webhooks/Inbox.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { rawRequest } from "../helpers/http.ts";
import { startProxy } from "../helpers/proxy.ts";
import {
  startTestServer,
  TEST_SECRET,
  type TestHttpServer,
} from "../helpers/server.ts";
import {
  buildEvent,
  buildPrice,
  buildSubscription,
  deliver,
  OTHER_SECRET,
  secondsNow,
  signature,
  signed,
  type StripeEvent,
  WEBHOOK_SECRET,
} from "../helpers/stripe.ts";
import { testServer } from "../helpers/testServer.ts";

const STRIPE = {
  webhookSecrets: [WEBHOOK_SECRET],
  apiKey: null,
  apiBase: null,
  mode: null,
  contact: null,
};

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db?.drop());

type InboxRow = { id: string; status: string; duplicates: number };

async function inbox(): Promise<InboxRow[]> {
  const { rows } = await db.root.query<InboxRow>(
    "select id, status, duplicates from app_public.stripe_events order by created, id",
  );
  return rows;
}

async function mrr(): Promise<string> {
  const { rows } = await db.root.query<{ mrr: string }>(
    "select coalesce(sum(mrr_usd_minor), 0)::text as mrr from app_public.account_mrr",
  );
  return rows[0]?.mrr ?? "";
}

/** What differs between mirror, accounts and movements; must be nothing. */
async function differences(): Promise<unknown[]> {
  const { rows } = await db.worker.query(
    "select * from app_private.mrr_differences()",
  );
  return rows;
}

/** All events have been looked at. */
async function settled(): Promise<void> {
  while ((await inbox()).some(({ status }) => status === "received")) {
    await sleep(50);
  }
}

const subscriptionEvent = (
  id: string,
  amount: number,
  overrides: Partial<StripeEvent> = {},
) =>
  buildEvent(
    "customer.subscription.updated",
    buildSubscription(id, `cus_${id}`, buildPrice(`price_${amount}`, amount)),
    overrides,
  );

afterEach(async () => {
  await db.root.query("delete from app_public.stripe_events");
});

describe("the signature", () => {
  const body = '{"id":"evt_1"}';
  const now = 1_700_000_000;
  const check = (header: string | undefined, secrets = [WEBHOOK_SECRET]) =>
    checkStripeSignature({ body, header, secrets, nowMs: now * 1_000 });
  const good = signature(body, WEBHOOK_SECRET, now);
  const at = (t: number | string, secret = WEBHOOK_SECRET) =>
    `t=${t},v1=${signature(body, secret, t)}`;

  it.each([
    ["one v1", at(now)],
    [
      "two v1, of which the second fits",
      `t=${now},v1=${"0".repeat(64)},v1=${good}`,
    ],
    ["another scheme beside v1", `t=${now},v0=${"0".repeat(64)},v1=${good}`],
    ["299 seconds ago", at(now - 299)],
    ["300 seconds ago", at(now - 300)],
    ["300 seconds ahead", at(now + 300)],
  ])("passes: %s", (_name, header) => {
    expect(check(header)).toBeNull();
  });

  it("passes when it fits the second of two secrets, or the first", () => {
    expect(
      check(at(now, OTHER_SECRET), [WEBHOOK_SECRET, OTHER_SECRET]),
    ).toBeNull();
    expect(check(at(now), [WEBHOOK_SECRET, OTHER_SECRET])).toBeNull();
  });

  it.each([
    ["no header", undefined, "bad_signature"],
    ["an empty header", "", "bad_signature"],
    ["no time", `v1=${good}`, "bad_signature"],
    ["a time that is none", at("12x"), "bad_signature"],
    ["a negative time", at(-now), "bad_signature"],
    ["two times", `t=${now - 900},t=${now},v1=${good}`, "bad_signature"],
    ["v0 alone", `t=${now},v0=${good}`, "bad_signature"],
    ["no signature", `t=${now}`, "bad_signature"],
    ["an empty v1", `t=${now},v1=`, "bad_signature"],
    ["half a v1", `t=${now},v1=${good.slice(0, 32)}`, "bad_signature"],
    ["a v1 that is no hex", `t=${now},v1=${"é".repeat(64)}`, "bad_signature"],
    ["another secret", at(now, OTHER_SECRET), "bad_signature"],
    [
      "another time than the signed one",
      `t=${now + 1},v1=${good}`,
      "bad_signature",
    ],
    ["301 seconds ago", at(now - 301), "too_old"],
    ["301 seconds ahead", at(now + 301), "from_the_future"],
  ])("refuses: %s", (_name, header, fault) => {
    expect(check(header)).toBe(fault);
  });

  it("is of the bytes, not of what they mean", () => {
    expect(
      checkStripeSignature({
        body: '{ "id": "evt_1" }',
        header: at(now),
        secrets: [WEBHOOK_SECRET],
        nowMs: now * 1_000,
      }),
    ).toBe("bad_signature");
  });
});

describe("POST /webhooks/stripe", () => {
  let server: TestHttpServer;
  beforeAll(async () => {
    server = await startTestServer(db, {
      stripe: { ...STRIPE, webhookSecrets: [WEBHOOK_SECRET, OTHER_SECRET] },
    });
  });
  afterAll(() => server?.close());

  const outcomes = async (): Promise<Record<string, number>> => {
    const { text } = await server.client().get("/metrics");
    return Object.fromEntries(
      [
        ...text.matchAll(
          /^closetai_stripe_webhooks_total\{outcome="(\w+)"\} (\d+)$/gm,
        ),
      ].map(([, outcome = "", count]) => [outcome, Number(count)]),
    );
  };

  it("keeps an event as it came and asks the worker to look", async () => {
    const event = subscriptionEvent("sub_kept", 1_000);
    // Digits that a number of JavaScript would lose.
    const body = JSON.stringify(event).replace(
      '"livemode"',
      '"x":12345678901234567890.10,"livemode"',
    );
    const answer = await deliver(server.url, body);
    expect(answer).toMatchObject({ status: 200, json: { received: true } });
    const { rows } = await db.root.query<{ x: string; status: string }>(
      "select payload ->> 'x' as x, status from app_public.stripe_events",
    );
    expect(rows).toEqual([
      { x: "12345678901234567890.10", status: "received" },
    ]);
    for (;;) {
      const { rows: jobs } = await db.worker.query(
        "select from graphile_worker.jobs where task_identifier = 'process_stripe_events' and key = 'process_stripe_events' and queue_name = 'stripe'",
      );
      if (jobs.length === 1) break;
      await sleep(20);
    }
  });

  it("takes the secret that is being replaced, and the new one", async () => {
    for (const secret of [WEBHOOK_SECRET, OTHER_SECRET]) {
      const body = JSON.stringify(subscriptionEvent("sub_rotated", 1_000));
      const answer = await deliver(server.url, body, {
        "stripe-signature": signed(body, secret),
      });
      expect(answer.status).toBe(200);
    }
    expect(await inbox()).toHaveLength(2);
  });

  it("counts a second delivery and keeps one row", async () => {
    const event = subscriptionEvent("sub_twice", 1_000);
    const before = (await outcomes())["duplicate"] ?? 0;
    expect((await deliver(server.url, event)).status).toBe(200);
    expect((await deliver(server.url, event)).status).toBe(200);
    expect(await inbox()).toEqual([
      { id: event.id, status: "received", duplicates: 1 },
    ]);
    expect((await outcomes())["duplicate"]).toBe(before + 1);
  });

  describe("refuses with one answer for all reasons, keeps nothing, and counts", () => {
    const event = JSON.stringify(subscriptionEvent("sub_refused", 1_000));
    const old = secondsNow() - 3_600;
    const bad: [string, string, string | Buffer, Record<string, string>][] = [
      [
        "forged",
        "bad_signature",
        event,
        {
          "stripe-signature": signed(event, "whsec_of_somebody_else_entirely"),
        },
      ],
      ["unsigned", "bad_signature", event, {}],
      [
        "changed on the way",
        "bad_signature",
        event.replace("1000", "9000"),
        { "stripe-signature": signed(event) },
      ],
      [
        "v0 only",
        "bad_signature",
        event,
        { "stripe-signature": signed(event).replace("v1=", "v0=") },
      ],
      [
        "old",
        "too_old",
        event,
        {
          "stripe-signature": `t=${old},v1=${signature(event, WEBHOOK_SECRET, old)}`,
        },
      ],
      [
        "from the future",
        "from_the_future",
        event,
        {
          "stripe-signature": `t=${old + 7_200},v1=${signature(event, WEBHOOK_SECRET, old + 7_200)}`,
        },
      ],
      [
        "text/plain",
        "wrong_type",
        event,
        { "content-type": "text/plain", "stripe-signature": signed(event) },
      ],
      [
        "a form",
        "wrong_type",
        "a=b",
        { "content-type": "application/x-www-form-urlencoded" },
      ],
      ["no JSON", "bad_json", "{", { "stripe-signature": signed("{") }],
      ["nothing", "bad_signature", "", { "stripe-signature": signed("") }],
      [
        "JSON that is no event",
        "not_an_event",
        "[1]",
        { "stripe-signature": signed("[1]") },
      ],
      [
        "a thin event",
        "not_an_event",
        '{"object":"v2.core.event","id":"evt_1"}',
        {
          "stripe-signature": signed('{"object":"v2.core.event","id":"evt_1"}'),
        },
      ],
      [
        "a text that PostgreSQL cannot hold",
        "not_an_event",
        event.replace("sub_refused", "\\u0000"),
        { "stripe-signature": signed(event.replace("sub_refused", "\\u0000")) },
      ],
      [
        "bytes that are no UTF-8",
        "unreadable",
        Buffer.from([0x7b, 0xff, 0x7d]),
        { "stripe-signature": signed("{\ufffd}") },
      ],
      [
        "compressed",
        "unreadable",
        gzipSync(event),
        { "content-encoding": "gzip", "stripe-signature": signed(event) },
      ],
      ["too large", "too_large", `"${"x".repeat(1_048_576)}"`, {}],
    ];

    it.each(bad)("%s", async (_name, outcome, body, headers) => {
      const before = (await outcomes())[outcome] ?? 0;
      const answer = await rawRequest(server.url, "/webhooks/stripe", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: Buffer.from(body),
      });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text)).toEqual({
        error: {
          code: "BADRQ",
          message: "The request could not be read.",
          requestId: expect.any(String),
        },
      });
      expect((await outcomes())[outcome]).toBe(before + 1);
      expect(await inbox()).toEqual([]);
    });
  });

  it("answers nothing else at this address", async () => {
    expect((await server.client().get("/webhooks/stripe")).status).toBe(404);
    expect((await server.client().post("/webhooks/other", {})).status).toBe(
      404,
    );
  });
});

describe("an installation without a signing secret", () => {
  it("has no such address", async () => {
    const server = await startTestServer(db);
    try {
      const answer = await deliver(server.url, subscriptionEvent("sub_1", 1));
      expect(answer.status).toBe(404);
      expect(await inbox()).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

describe("while the database is away", () => {
  it("answers 503 and says when to come again; keeps it when it is back", async () => {
    const proxy = await startProxy(new URL(db.urls.app));
    const through = (url: string): string => {
      const changed = new URL(url);
      changed.port = String(proxy.port);
      changed.hostname = "127.0.0.1";
      return changed.href;
    };
    const server = await startTestServer(
      { urls: { ...db.urls, app: through(db.urls.app) } },
      { stripe: STRIPE },
    );
    const event = subscriptionEvent("sub_away", 1);
    try {
      await proxy.down();
      const answer = await deliver(server.url, event);
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).not.toBeNull();
      expect(await inbox()).toEqual([]);
      await proxy.up();
      expect((await deliver(server.url, event)).status).toBe(200);
      expect(await inbox()).toMatchObject([{ id: event.id }]);
    } finally {
      await server.close();
      await proxy.close();
    }
  });
});

describe("the inbox", () => {
  it("keeps the good ones of a batch that one spoils", async () => {
    const writer = new Inbox(db.app);
    // The first two go at once; the others wait for them, together.
    const stored = await Promise.allSettled(
      Array.from({ length: 12 }, (_, at) =>
        writer.store(
          at === 7
            ? '{"object":"no event"}'
            : JSON.stringify(subscriptionEvent(`sub_${at}`, 1)),
        ),
      ),
    );
    expect(stored.map(({ status }) => status)).toEqual(
      stored.map((_, at) => (at === 7 ? "rejected" : "fulfilled")),
    );
    expect(await inbox()).toHaveLength(11);
  });
});

describe("deliveries and their effect", () => {
  let server: TestHttpServer;
  beforeEach(async () => {
    server = await startTestServer(db, {
      stripe: STRIPE,
      worker: "in-process",
    });
  });
  afterEach(() => server?.close());

  it("20 parallel deliveries of one event take effect once", async () => {
    const { rows: brands } = await db.root.query<{ id: string }>(
      "insert into app_public.brand_accounts (slug, name) values ('buyer', 'Buyer') returning id",
    );
    const brandId = brands[0]?.id ?? "";
    const event = buildEvent("checkout.session.completed", {
      id: "cs_once",
      object: "checkout.session",
      mode: "payment",
      payment_status: "paid",
      metadata: { brand_id: brandId, credits: "1000" },
    });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => deliver(server.url, event)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    await settled();
    expect(await inbox()).toEqual([
      { id: event.id, status: "processed", duplicates: 19 },
    ]);
    const { rows } = await db.root.query<{ amount: string }>(
      "select amount::text from app_public.credit_grants where owner_brand_id = $1 and source = 'purchase'",
      [brandId],
    );
    expect(rows).toEqual([{ amount: "1000" }]);
  });

  it("a stream in disorder, with repetitions, ends where it ends in order", async () => {
    const amounts = [1_000, 2_500, 700, 9_900, 4_200, 100, 5_000, 3_300];
    const events = amounts.map((amount, at) =>
      subscriptionEvent("sub_disorder", amount, {
        created: 1_760_000_000 + at,
      }),
    );
    const order = [5, 2, 7, 0, 7, 3, 1, 2, 6, 4, 0];
    await Promise.all(
      order.map((at) => {
        const event = events[at];
        if (event === undefined) throw new Error(`There is no event ${at}`);
        return deliver(server.url, event);
      }),
    );
    await settled();
    expect(await mrr()).toBe("3300");
    expect(await differences()).toEqual([]);
  });
});

describe("a server that is killed", () => {
  let child: ChildProcess;
  afterEach(() => {
    child.kill("SIGKILL");
  });

  it("between the inbox and the effect loses nothing, and doubles nothing", async () => {
    const before = Number(await mrr());
    child = spawn(
      process.execPath,
      [join(import.meta.dirname, "../helpers/stripeChild.ts")],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: {
          ...process.env,
          NODE_OPTIONS: "",
          NODE_ENV: "test",
          PORT: "0",
          CLOSETAI_SECRET: TEST_SECRET,
          CLOSETAI_DATA_DIR: mkdtempSync(join(testServer().folder, "child-")),
          STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
          STRIPE_CHILD_URLS: JSON.stringify(db.urls),
          DB_CONNECT_TIMEOUT_MS: "15000",
        },
      },
    );
    if (child.stdout === null) throw new Error("The child has no output");
    const [url] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      once(child, "exit").then(() => {
        throw new Error("The server did not start");
      }),
    ])) as [string];

    // Whoever holds this lock keeps every effect on this subscription waiting.
    const holder = await db.root.connect();
    try {
      await holder.query("begin");
      await holder.query(
        "select pg_advisory_xact_lock(hashtextextended('stripe:sub_killed', 0))",
      );
      const events = Array.from({ length: 10 }, (_, at) =>
        subscriptionEvent("sub_killed", 1_000 + at, {
          created: 1_760_000_000 + at,
        }),
      );
      const answers = await Promise.all(
        events.map((event) => deliver(url, event)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
      // The worker is in the middle of an effect.
      for (;;) {
        const { rows } = await db.root.query(
          "select from pg_locks l join pg_stat_activity a using (pid) where l.locktype = 'advisory' and not l.granted and a.datname = current_database()",
        );
        if (rows.length > 0) break;
        await sleep(20);
      }
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    } finally {
      await holder.query("rollback");
      holder.release();
    }
    expect(await inbox()).toHaveLength(10);
    expect(Number(await mrr())).toBe(before);

    const server = await startTestServer(db, { worker: "in-process" });
    try {
      await settled();
    } finally {
      await server.close();
    }
    expect(
      (await inbox()).every(({ status }) =>
        ["processed", "ignored_stale"].includes(status),
      ),
    ).toBe(true);
    expect(Number(await mrr())).toBe(before + 1_009);
    expect(await differences()).toEqual([]);
  });
});
