import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import type { Disk } from "flydrive";
import {
  Logger as WorkerLogger,
  run,
  type Runner,
  type WorkerEvents,
} from "graphile-worker";
import type { Logger } from "pino";

import type { Config } from "../config.ts";
import type { Urls } from "../db/connect.ts";
import type { Pools } from "../db/pools.ts";
import { type Mailer, makeMailer } from "../mail/makeMailer.ts";
import { CRONTAB } from "./crontab.ts";
import { Liveness } from "./Liveness.ts";
import { makeTasks } from "./tasks.ts";

/** What a task may need. */
export type WorkerDeps = {
  config: Config;
  log: Logger;
  pools: Pools;
  disk: Disk;
  mailer: Mailer | null;
};

export type RunningWorker = {
  /** Lets running jobs finish; what does not is tried again by the next worker. */
  stop(): Promise<void>;
};

const CONCURRENT_JOBS = 3;
const LAST_RETRY_MS = 10_000;

/** Background tasks until stopped; a database that goes away is waited for. */
export async function startWorker(options: {
  config: Config;
  log: Logger;
  urls: Urls;
  pools: Pools;
  disk: Disk;
}): Promise<RunningWorker> {
  const { config, log, urls, pools, disk } = options;
  const mailer = makeMailer(config);
  const taskList = makeTasks({ config, log, pools, disk, mailer });
  const liveness = new Liveness(urls.worker, log);
  await liveness.start();

  const events: WorkerEvents = new EventEmitter();
  const report = (error: unknown) => {
    // The next look at dead workers takes the lock again.
    log.warn({ err: error }, "could not say that this worker lives");
  };
  events.on("pool:create", ({ workerPool }) => {
    liveness.hold(workerPool.id).catch(report);
  });
  events.on("pool:release", ({ workerPool }) => {
    liveness.letGo(workerPool.id).catch(report);
  });

  let stopping = false;
  let runner: Runner | null = null;
  const wake = new AbortController();

  const start = () =>
    run({
      pgPool: pools.worker,
      taskList,
      crontab: CRONTAB,
      concurrency: CONCURRENT_JOBS,
      noHandleSignals: true,
      pollInterval: 2_000,
      gracefulShutdownAbortTimeout: 5_000,
      logger: new WorkerLogger(tellWhatMatters(log)),
      events,
    });

  runner = await start();
  const supervised = (async () => {
    let pause = 500;
    while (!stopping) {
      try {
        runner ??= await start();
        pause = 500;
        await runner.promise;
      } catch (error) {
        if (stopping) return;
        log.warn(
          { err: error, pause },
          "the worker stopped; starting it again",
        );
      }
      runner = null;
      if (stopping) return;
      await sleep(pause, undefined, { signal: wake.signal }).catch(
        () => undefined,
      );
      pause = Math.min(pause * 2, LAST_RETRY_MS);
    }
  })();

  return {
    stop: async () => {
      stopping = true;
      wake.abort();
      await runner?.stop().catch((error: unknown) => {
        // It had just stopped by itself.
        log.debug({ err: error }, "the worker was not running");
      });
      await supervised;
      await liveness.stop();
      mailer?.close();
    },
  };
}

/** The library narrates every job; failures and warnings are what counts. */
function tellWhatMatters(
  log: Logger,
): ConstructorParameters<typeof WorkerLogger>[0] {
  return () => (level, message) => {
    if (String(level) === "error") log.error(message);
    else if (String(level) === "warning") log.warn(message);
    else log.debug(message);
  };
}
