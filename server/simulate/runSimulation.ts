import { setTimeout as sleep } from "node:timers/promises";

import { type Figures, zeroFigures } from "./figures.ts";
import { runGpuWorker } from "./gpuWorker.ts";
import { makeSession, Refusal } from "./session.ts";
import {
  cancelTryon,
  makeShopper,
  pick,
  rateTryon,
  requestTryon,
  type Shopper,
} from "./shoppers.ts";
import {
  type Account,
  enterStaff,
  type MadeKey,
  makeKey,
  readQueue,
  topUp,
} from "./staff.ts";

export type SimulationOptions = {
  url: string;
  /** Try-ons asked for in a second, whether or not earlier ones are answered. */
  rate: number;
  /** Null: until the signal. */
  seconds: number | null;
  shoppers: number;
  workers: number;
  fail: number;
  cancel: number;
  workMs: number;
  workerKey: string | null;
  /** Makes the worker key and reads the queue. */
  admin: Account;
  /** Tops up wallets. */
  finance: Account;
  say(line: string): void;
  /** Once a second. */
  onFigures(figures: Figures, seconds: number): void;
  signal: AbortSignal;
};

const TICK_MS = 50;
/** Requests without an answer; past it the server is the bottleneck, not us. */
const MOST_OPEN = 500;
const TOP_UP = 500;
const RATED = 0.3;

/**
 * Acts as shoppers and as GPU workers against a running server, through its
 * public API only. Ends by time or by the signal; then the workers finish what
 * they have.
 */
export async function runSimulation(
  options: SimulationOptions,
): Promise<Figures> {
  const { url, say, signal } = options;
  const figures = zeroFigures();
  const admin = await enterStaff(url, options.admin, signal);
  let key: MadeKey | null = null;
  if (options.workerKey === null) {
    if (admin === null) {
      throw new Error(
        `${options.admin.email} cannot sign in at ${url}, so no worker key could be made: is this the demo? Else pass --worker-key`,
      );
    }
    key = await makeKey(admin);
  }
  const bearer = options.workerKey ?? key?.key ?? "";
  const tell = makeErrorTeller(figures, say);
  try {
    const finance = await enterStaff(url, options.finance, signal);
    if (finance === null) {
      say("Nobody can top up wallets here: shoppers without credits pause.");
    }
    const shoppers: Shopper[] = [];
    for (let n = 1; n <= options.shoppers; n++) {
      shoppers.push(await makeShopper(url, n, signal));
    }
    say(
      `${shoppers.length} shoppers and ${options.workers} GPU workers at ${url}`,
    );

    const owners = new Map<string, Shopper>();
    const poor = new Set<Shopper>();
    const open = new Set<Promise<void>>();
    const track = (work: Promise<void>) => {
      const settled: Promise<void> = work
        .catch(tell)
        .finally(() => open.delete(settled));
      open.add(settled);
    };
    const refill = async (shopper: Shopper) => {
      if (poor.has(shopper)) return;
      // Out of the draw until there are credits again; the others go on.
      poor.add(shopper);
      if (finance === null) return;
      try {
        await topUp(finance, shopper.userId, TOP_UP);
        figures.toppedUp++;
      } finally {
        poor.delete(shopper);
      }
    };
    const ask = async () => {
      const rich = shoppers.filter((shopper) => !poor.has(shopper));
      const shopper = pick(rich.length > 0 ? rich : shoppers);
      try {
        const jobId = await requestTryon(shopper, figures, signal);
        if (Math.random() < options.cancel) {
          if (await cancelTryon(shopper, jobId)) figures.cancelled++;
        } else {
          owners.set(jobId, shopper);
        }
      } catch (error) {
        if (!(error instanceof Refusal) || error.code !== "NOCRD") throw error;
        figures.refused++;
        await refill(shopper);
      }
    };
    const rate = async (jobId: string) => {
      const shopper = owners.get(jobId);
      owners.delete(jobId);
      // A job of somebody else, who happened to wait as well.
      if (shopper === undefined || Math.random() >= RATED) return;
      await rateTryon(shopper, jobId);
      figures.rated++;
    };

    const stopWork = new AbortController();
    const workers = Array.from({ length: options.workers }, (_, i) =>
      runGpuWorker(
        makeSession(url, bearer),
        `gpu-${i + 1}`,
        {
          fail: options.fail,
          workMs: options.workMs,
          onCompleted: (jobId) => track(rate(jobId)),
          onError: tell,
        },
        figures,
        stopWork.signal,
      ),
    );

    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1_000;
    let asked = 0;
    let told = 0;
    const over = () =>
      signal.aborted ||
      (options.seconds !== null && seconds() >= options.seconds);
    while (!over()) {
      const due = Math.floor(seconds() * options.rate);
      for (; asked < due; asked++) {
        if (open.size < MOST_OPEN) track(ask());
        else tell(new Error(`${MOST_OPEN} requests wait for an answer`));
      }
      if (Math.floor(seconds()) > told) {
        told = Math.floor(seconds());
        if (admin !== null) {
          track(
            readQueue(admin).then((queue) => {
              figures.queue = queue;
            }),
          );
        } else {
          figures.queue = owners.size;
        }
        options.onFigures({ ...figures }, seconds());
      }
      await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
    }
    say("Stopping: the workers finish what they have");
    stopWork.abort();
    await Promise.all(workers);
    await Promise.all([...open]);
    return figures;
  } finally {
    await key?.revoke().catch(tell);
  }
}

/** Each kind of error is told once, and counted each time. */
function makeErrorTeller(
  figures: Figures,
  say: (line: string) => void,
): (error: unknown) => void {
  const known = new Set<string>();
  return (error) => {
    if (error instanceof Error && error.name === "AbortError") return;
    figures.errors++;
    const text =
      error instanceof Refusal
        ? `${error.code}: ${error.message}`
        : error instanceof Error
          ? error.message
          : String(error);
    if (known.has(text) || known.size >= 20) return;
    known.add(text);
    say(`  ! ${text}`);
  };
}
