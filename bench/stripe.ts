// How many events a second go into the inbox over HTTP, how many are put into
// effect, and what a backfill of 100,000 takes. The server, the load and
// PostgreSQL share this machine; what else runs on it is in the report.
import "../server/http/graphileEnv.ts";

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { Command } from "commander";
import pg from "pg";

import { backfillEvents } from "../server/billing/backfill.ts";
import { drainInbox } from "../server/billing/drainInbox.ts";
import type { MigratedDatabase } from "../server/cli/withMigratedDatabase.ts";
import { withMigratedDatabase } from "../server/cli/withMigratedDatabase.ts";
import { parseConfig } from "../server/config.ts";

type Urls = MigratedDatabase["urls"];

const REPORT = join(import.meta.dirname, "reports", "stripe.md");
const SECRET = "whsec_bench0123456789bench0123456789";
const SENDERS = 32;
const WANTED = { inbox: 1_000, effect: 300, answerMs: 50, peakMb: 250 };

type Backfilled = { seconds: number; peakMb: number; startMb: number };
type Effected = {
  events: number;
  seconds: number;
  cpuSeconds: number;
  /** What the connection that did it holds of its own, before and after. */
  backendMb: [number, number];
};
type Delivered = {
  events: number;
  seconds: number;
  cpuSeconds: number;
  p50: number;
  p99: number;
  max: number;
};

const options = new Command()
  .name("bench/stripe")
  .description("Measures webhook, processing and backfill; writes a report")
  .option("--events <count>", "events of the backfill", "100000")
  .option(
    "--deliveries <count>",
    "events over HTTP, as fast as it goes",
    "20000",
  )
  .option("--even <count>", "events over HTTP, one each millisecond", "10000")
  .option(
    "--effects <count>",
    "how many of the backfill to put into effect",
    "100000",
  )
  .parse()
  .opts<{
    events: string;
    deliveries: string;
    even: string;
    effects: string;
  }>();

const child = process.env["BENCH_STRIPE"];
if (child === undefined) await measureAll();
else {
  const task = JSON.parse(child) as { part: string; urls: Urls; file: string };
  if (task.part === "serve") await serve(task.urls);
  else await backfill(task.urls, task.file);
}

async function measureAll(): Promise<void> {
  const events = Number(options.events);
  const deliveries = Number(options.deliveries);
  const even = Number(options.even);
  const loadBefore = loadavg()[0] ?? 0;
  const dir = mkdtempSync(join(tmpdir(), "closetai-bench-"));
  try {
    const file = join(dir, "events.ndjson");
    await pipeline(Readable.from(stream(events)), createWriteStream(file));
    const { size } = await stat(file);
    const report = await withMigratedDatabase(async ({ urls }) => {
      const worker = new pg.Pool({ connectionString: urls.worker, max: 3 });
      // Connections that are closing may still see the server stop.
      worker.on("error", () => undefined);
      worker.on("connect", (client) => client.on("error", () => undefined));
      try {
        const { delivered, evenly } = await measureDeliveries(
          urls,
          deliveries,
          even,
        );
        const drained = await measureEffect(worker, deliveries + even);
        const filled = JSON.parse(
          await inProcessOfItsOwn({ part: "backfill", urls, file }),
        ) as Backfilled;
        const again = JSON.parse(
          await inProcessOfItsOwn({ part: "backfill", urls, file }),
        ) as Backfilled;
        const processed = await measureEffect(worker, Number(options.effects));
        const faults = await worker.query(
          "select * from app_private.mrr_differences()",
        );
        if (faults.rows.length > 0) throw new Error("MRR does not add up");
        return describe({
          ...{ events, size, loadBefore, delivered, evenly, drained },
          ...{ filled, again, processed },
        });
      } finally {
        await worker.end();
      }
    });
    await mkdir(join(import.meta.dirname, "reports"), { recursive: true });
    await writeFile(REPORT, report);
    process.stdout.write(`\n${report}`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Subscriptions that begin, change price, are past due and end, among many customers. */
function makeEvent(at: number, prefix: string): object {
  const subscription = `sub_${prefix}${at % 5_000}`;
  const amount = 1_000 + (at % 7) * 500;
  return {
    id: `evt_${prefix}${String(at).padStart(8, "0")}`,
    object: "event",
    type: "customer.subscription.updated",
    created: 1_750_000_000 + at,
    livemode: false,
    api_version: "2026-10-28.endive",
    data: {
      object: {
        id: subscription,
        object: "subscription",
        customer: `cus_${prefix}${at % 4_000}`,
        status: at % 11 === 10 ? "past_due" : "active",
        currency: "usd",
        start_date: 1_700_000_000,
        created: 1_700_000_000,
        livemode: false,
        discounts: [],
        metadata: { note: "x".repeat(400) },
        items: {
          data: [
            {
              id: `si_${subscription}`,
              object: "subscription_item",
              quantity: 1,
              current_period_start: 1_750_000_000,
              current_period_end: 1_752_592_000,
              discounts: [],
              price: {
                id: `price_${amount}`,
                object: "price",
                type: "recurring",
                currency: "usd",
                unit_amount: amount,
                unit_amount_decimal: String(amount),
                billing_scheme: "per_unit",
                product: "prod_bench",
                active: true,
                metadata: {},
                recurring: {
                  interval: "month",
                  interval_count: 1,
                  usage_type: "licensed",
                },
              },
            },
          ],
        },
      },
    },
  };
}

function* stream(count: number): Generator<string, void, undefined> {
  for (let at = 0; at < count; at++) {
    yield `${JSON.stringify(makeEvent(at, "fill"))}\n`;
  }
}

/** A server in a process of its own, its worker off, so that only the inbox is measured. */
async function measureDeliveries(
  urls: Urls,
  count: number,
  even: number,
): Promise<{ delivered: Delivered; evenly: Delivered }> {
  const server = spawn(process.execPath, [import.meta.filename], {
    stdio: ["pipe", "pipe", "inherit"],
    env: {
      ...process.env,
      BENCH_STRIPE: JSON.stringify({ part: "serve", urls, file: "" }),
    },
  });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      server.stdout.once("data", (line: Buffer) => {
        resolve(line.toString().trim());
      });
      server.once("exit", () => {
        reject(new Error("The server did not start"));
      });
    });
    // Signed beforehand: the load is what Stripe would do, not this machine.
    const bodies = Array.from({ length: count + even }, (_, at) =>
      JSON.stringify(makeEvent(at, "web")),
    );
    const t = Math.floor(Date.now() / 1_000);
    const signatures = bodies.map((body) =>
      createHmac("sha256", SECRET).update(`${t}.${body}`).digest("hex"),
    );
    const agent = new Agent({ keepAlive: true });
    const post = (at: number) =>
      new Promise<void>((resolve, reject) => {
        const sent = request(
          `${url}/webhooks/stripe`,
          {
            agent,
            method: "POST",
            headers: {
              "content-type": "application/json",
              "stripe-signature": `t=${t},v1=${signatures[at] ?? ""}`,
            },
          },
          (answer) => {
            answer.resume();
            answer.on("end", () => {
              if (answer.statusCode === 200) resolve();
              else reject(new Error(`Answer ${answer.statusCode ?? 0}`));
            });
          },
        );
        sent.on("error", reject);
        sent.end(bodies[at]);
      });
    const cpuSoFar = async () =>
      cpuSeconds([
        ...(server.pid === undefined ? [] : [server.pid]),
        ...(await backendsOf(urls.root)),
      ]);
    const measure = async (send: (times: number[]) => Promise<void>) => {
      const times: number[] = [];
      const cpuBefore = await cpuSoFar();
      const startedAt = performance.now();
      await send(times);
      const seconds = (performance.now() - startedAt) / 1_000;
      const cpu = await cpuSoFar();
      times.sort((a, b) => a - b);
      const part = (share: number) =>
        times[Math.min(times.length - 1, Math.floor(times.length * share))] ??
        0;
      return {
        events: times.length,
        seconds,
        cpuSeconds: cpu - cpuBefore,
        ...{ p50: part(0.5), p99: part(0.99), max: part(1) },
      };
    };
    let next = 0;
    // The first make the connections and are not counted.
    for (; next < Math.min(200, count); next++) await post(next);
    const delivered = await measure(async (times) => {
      await Promise.all(
        Array.from({ length: SENDERS }, async () => {
          while (next < count) {
            const began = performance.now();
            await post(next++);
            times.push(performance.now() - began);
          }
        }),
      );
    });
    // Whatever the answers do: late ones are not waited for, and each is as late as
    // it was for whoever meant to send at that millisecond.
    const evenly = await measure(async (times) => {
      const startedAt = performance.now();
      const sent: Promise<void>[] = [];
      while (sent.length < even) {
        const due = startedAt + (sent.length * 1_000) / WANTED.inbox;
        if (due > performance.now()) {
          await sleep(1);
          continue;
        }
        sent.push(
          post(count + sent.length).then(() => {
            times.push(performance.now() - due);
          }),
        );
      }
      await Promise.all(sent);
    });
    agent.destroy();
    return { delivered, evenly };
  } finally {
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.stdin.end();
    await gone;
  }
}

async function measureEffect(pool: pg.Pool, atMost: number): Promise<Effected> {
  const enough = new AbortController();
  const worker = await pool.connect();
  try {
    const { rows } = await worker.query<{ pid: number }>(
      "select pg_backend_pid() as pid",
    );
    const pids = rows.map(({ pid }) => pid);
    let events = 0;
    const mbBefore = await ownMb(pids);
    const cpuBefore = await cpuSeconds(pids);
    const startedAt = performance.now();
    await drainInbox({
      worker,
      log: { warn: console.warn },
      signal: enough.signal,
      onProgress: (done) => {
        events += done;
        if (events >= atMost) enough.abort();
      },
    }).catch((error: unknown) => {
      if (!enough.signal.aborted) throw error;
    });
    return {
      events,
      seconds: (performance.now() - startedAt) / 1_000,
      cpuSeconds: (await cpuSeconds(pids)) - cpuBefore,
      backendMb: [mbBefore, await ownMb(pids)],
    };
  } finally {
    worker.release();
  }
}

/**
 * Processor time of processes so far, on Linux: what an event costs, however
 * much else this machine does meanwhile.
 */
async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const TICKS_PER_SECOND = 100;
  let ticks = 0;
  for (const pid of pids) {
    const line = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

/** What processes hold that they do not share, on Linux. */
async function ownMb(pids: readonly number[]): Promise<number> {
  let kb = 0;
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    kb += Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  }
  return kb / 1024;
}

async function backendsOf(url: string): Promise<number[]> {
  const root = new pg.Client(url);
  await root.connect();
  try {
    const { rows } = await root.query<{ pid: number }>(
      "select pid from pg_stat_activity where application_name = 'closetai app'",
    );
    return rows.map(({ pid }) => pid);
  } finally {
    await root.end();
  }
}

async function inProcessOfItsOwn(task: object): Promise<string> {
  const measured = spawn(process.execPath, [import.meta.filename], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, BENCH_STRIPE: JSON.stringify(task) },
  });
  const out = await text(measured.stdout);
  if (out === "") throw new Error("The measured process said nothing");
  return out;
}

async function serve(urls: Urls): Promise<void> {
  // Here only: the memory of the backfill is not that of a server.
  const { makeHttpServer } = await import("../server/http/makeHttpServer.ts");
  const { makeLog } = await import("../server/http/makeLog.ts");
  const { startApp } = await import("../server/startApp.ts");
  const dataDir = mkdtempSync(join(tmpdir(), "closetai-bench-"));
  const config = parseConfig({
    NODE_ENV: "production",
    ROOT_URL: "http://localhost",
    PORT: "0",
    WORKER: "off",
    LOG_LEVEL: "error",
    CLOSETAI_DATA_DIR: dataDir,
    CLOSETAI_SECRET: "bench".repeat(10),
    STRIPE_WEBHOOK_SECRET: SECRET,
  });
  const lifecycle = { state: "starting" as const };
  const http = makeHttpServer(config, lifecycle);
  const { port } = await http.listen();
  const log = makeLog(config);
  const app = await startApp({ config, log, urls, http, lifecycle });
  process.stdout.write(`http://127.0.0.1:${port}\n`);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("end", resolve));
  await app.drain(1_000);
  await app.close();
  await rm(dataDir, { recursive: true, force: true });
  process.exit(0);
}

async function backfill(urls: Urls, file: string): Promise<void> {
  const startMb = peakMb();
  const worker = new pg.Pool({ connectionString: urls.worker, max: 2 });
  const startedAt = performance.now();
  await backfillEvents({
    worker,
    lines: createReadStream(file),
    maxLineBytes: 1024 * 1024,
    dryRun: false,
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  await worker.end();
  const measured: Backfilled = { seconds, peakMb: peakMb(), startMb };
  process.stdout.write(JSON.stringify(measured));
}

function peakMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}

function describe(m: {
  events: number;
  size: number;
  loadBefore: number;
  delivered: Delivered;
  evenly: Delivered;
  drained: Effected;
  filled: Backfilled;
  again: Backfilled;
  processed: Effected;
}): string {
  const n = (value: number) => Math.round(value).toLocaleString("en");
  const rate = (events: number, seconds: number) => n(events / seconds);
  const perEvent = (of: { events: number; cpuSeconds: number }) =>
    ((of.cpuSeconds * 1_000) / of.events).toFixed(2);
  const met = (yes: boolean) => (yes ? "yes" : "no");
  const inbox = m.delivered.events / m.delivered.seconds;
  const effect = m.drained.events / m.drained.seconds;
  return `# Stripe events

\`npm run bench:stripe\`. Node ${process.versions.node}, ${cpus().length} cores
(${cpus()[0]?.model ?? "unknown"}), embedded PostgreSQL without fsync. Server,
PostgreSQL and the load share the machine; its load average was
${m.loadBefore.toFixed(1)} before and ${(loadavg()[0] ?? 0).toFixed(1)} after: what stands here is what was left over.

| what | measured | wanted | met |
| --- | --- | --- | --- |
| deliveries into the inbox, ${n(m.delivered.events)} over HTTP by ${SENDERS} senders | ${n(inbox)} / s | ${n(WANTED.inbox)} / s | ${met(inbox >= WANTED.inbox)} |
| the same: time to answer, median and 99 of 100 (${SENDERS} wait, whatever the speed) | ${m.delivered.p50.toFixed(1)}, ${m.delivered.p99.toFixed(1)} ms | | |
| the same: processor time, server and PostgreSQL | ${perEvent(m.delivered)} ms | ${(2_000 / WANTED.inbox).toFixed(1)} ms on two cores | ${met(m.delivered.cpuSeconds / m.delivered.events <= 2 / WANTED.inbox)} |
| ${n(m.evenly.events)} more, ${n(WANTED.inbox)} sent in each second: taken in | ${n(m.evenly.events / m.evenly.seconds)} / s | ${n(WANTED.inbox)} / s | ${met(m.evenly.events / m.evenly.seconds >= WANTED.inbox * 0.99)} |
| the same: time to answer, median | ${m.evenly.p50.toFixed(1)} ms | | |
| the same: time to answer, 99 of 100 | ${m.evenly.p99.toFixed(1)} ms | ${WANTED.answerMs} ms | ${met(m.evenly.p99 <= WANTED.answerMs)} |
| the same: the slowest | ${m.evenly.max.toFixed(0)} ms | | |
| the same: processor time | ${perEvent(m.evenly)} ms | | |
| those events put into effect, one worker | ${n(effect)} / s | ${n(WANTED.effect)} / s | ${met(effect >= WANTED.effect)} |
| processor time of an effect, in PostgreSQL | ${perEvent(m.drained)} ms | ${(1_000 / WANTED.effect).toFixed(1)} ms on one core | ${met(m.drained.cpuSeconds / m.drained.events <= 1 / WANTED.effect)} |
| backfill of ${n(m.events)} events (${n(m.size / 1024 / 1024)} MB) into the inbox | ${m.filled.seconds.toFixed(1)} s, ${rate(m.events, m.filled.seconds)} / s | | |
| the same again, all known | ${m.again.seconds.toFixed(1)} s | | |
| memory of the backfill at its peak | ${n(m.filled.peakMb)} MB (${n(m.filled.startMb)} MB at start) | ${n(WANTED.peakMb)} MB | ${met(m.filled.peakMb <= WANTED.peakMb)} |
| of the backfill put into effect, with the rest waiting behind | ${n(m.processed.events)} in ${m.processed.seconds.toFixed(0)} s, ${rate(m.processed.events, m.processed.seconds)} / s | ${n(WANTED.effect)} / s | ${met(m.processed.events / m.processed.seconds >= WANTED.effect)} |
| processor time of an effect, in PostgreSQL | ${perEvent(m.processed)} ms | ${(1_000 / WANTED.effect).toFixed(1)} ms on one core | ${met(m.processed.cpuSeconds / m.processed.events <= 1 / WANTED.effect)} |
| memory of its connection, before and after | ${n(m.processed.backendMb[0])}, ${n(m.processed.backendMb[1])} MB | | |

Every event is a change of a subscription, and many move it to another customer: mirror, MRR, movements of one or two accounts, entitlements. Afterwards mirror, accounts and movements agree.
`;
}
