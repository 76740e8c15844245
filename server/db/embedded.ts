import { chmodSync, existsSync, realpathSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { EmbeddedServerError } from "./binaries.ts";
import { ensureCluster } from "./cluster.ts";
import { errorMessage } from "./errorCode.ts";
import type { Log } from "./log.ts";
import { acquireOwnerLock, type OwnerLock, readOwner } from "./ownerLock.ts";
import {
  adoptOrphan,
  isPostmaster,
  readPidFile,
  stopPostmaster,
  waitUntilReady,
} from "./postmaster.ts";
import { isRunning } from "./processes.ts";
import { prepareSite, type Site, superuserUrl } from "./site.ts";
import { START_TIMEOUT_MS, startPostmaster } from "./startPostmaster.ts";

export { EmbeddedServerError } from "./binaries.ts";

export type EmbeddedOptions = {
  /** Holds the password, the port, who runs the server, and the cluster. */
  dataDir: string;
  log: Log;
  /** A fixed port; without one a free port is found and remembered. */
  port?: number | null;
  /** False gives up safety for speed: only for data that may be lost. */
  durable?: boolean;
  /** What this process is called in the message another process prints. */
  purpose?: string;
  /** What to do where a living process already runs the server. */
  whenInUse?: "refuse" | "join";
};

/**
 * A running embedded server. The owner started or adopted it, keeps it alive
 * and stops it; a guest only uses what another process owns.
 */
export type EmbeddedServer = {
  readonly role: "owner" | "guest";
  /** Whether it was found running after its former owner died. */
  readonly adopted: boolean;
  readonly dataDir: string;
  readonly clusterDir: string;
  readonly logFile: string;
  readonly port: number;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Connection string of the superuser. */
  url(database: string): string;
  /** Stops the server if this process owns it. Safe to call twice. */
  close(): Promise<void>;
};

const WATCH_INTERVAL_MS = 500;

/** Starts, adopts or joins the embedded server of a data folder. */
export async function openEmbedded(
  options: EmbeddedOptions,
): Promise<EmbeddedServer> {
  const site = prepareSite(options);
  const purpose = options.purpose ?? describeThisProcess();
  const answer = await acquireOwnerLock(site.lockFile, purpose);
  if ("heldBy" in answer) {
    if (options.whenInUse === "join") return joinServer(site);
    throw new EmbeddedServerError(
      `The database in ${site.dataDir} is in use by process ${answer.heldBy.pid} (${answer.heldBy.purpose}, since ${answer.heldBy.since}). Stop that one first, or set CLOSETAI_DATA_DIR to another folder.`,
    );
  }
  try {
    return await own(site, answer.lock, options.port ?? null);
  } catch (error) {
    answer.lock.release();
    throw error;
  }
}

/** What to call this process: the npm script, else the file that runs. */
function describeThisProcess(): string {
  const script = process.env.npm_lifecycle_event;
  return script ? `npm run ${script}` : basename(process.argv[1] ?? "node");
}

async function own(
  site: Site,
  lock: OwnerLock,
  fixedPort: number | null,
): Promise<EmbeddedServer> {
  await ensureCluster(site);
  let running =
    (await adoptOrphan(site, fixedPort)) ??
    (await startPostmaster(site, fixedPort));
  const ending = new AbortController();
  let closing: Promise<void> | null = null;
  let restarting: Promise<void> | null = null;

  const isDead = (): boolean =>
    running.child
      ? running.child.exitCode !== null || running.child.signalCode !== null
      : !isRunning(running.pid);

  /** Whoever killed the server, the product comes back by itself. */
  const restart = async (): Promise<void> => {
    site.log.error("The database ended unexpectedly; starting it again");
    for (let attempt = 1; !ending.signal.aborted; attempt++) {
      try {
        // On the same port: every pool holds it.
        running = await startPostmaster(site, running.port);
        site.log.info("The database runs again");
        return;
      } catch (error) {
        site.log.error(errorMessage(error));
        await pause(Math.min(250 * 2 ** attempt, 30_000), ending.signal);
      }
    }
  };
  const watch = setInterval(() => {
    if (restarting === null && isDead()) {
      restarting = restart().finally(() => (restarting = null));
    }
  }, WATCH_INTERVAL_MS);
  // The server must not keep a finished process alive.
  watch.unref();

  const close = async (): Promise<void> => {
    clearInterval(watch);
    ending.abort();
    await restarting;
    try {
      if (!isDead()) await stopPostmaster(site, running.pid);
    } finally {
      lock.release();
    }
  };
  return {
    role: "owner",
    adopted: running.adopted,
    dataDir: site.dataDir,
    clusterDir: site.clusterDir,
    logFile: site.logFile,
    get port() {
      return running.port;
    },
    get pid() {
      return running.pid;
    },
    url: (database) => superuserUrl(site, running.port, database),
    close: () => (closing ??= close()),
  };
}

/** Sleeps, but not longer than until the signal. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function joinServer(site: Site): Promise<EmbeddedServer> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let found = readPidFile(site.clusterDir);
  // The owner may just be making the database.
  while (!found?.port) {
    if (Date.now() > deadline || readOwner(site.lockFile) === null) {
      throw new EmbeddedServerError(
        `Another process owns ${site.dataDir}, but its database does not run. Look at ${site.logFile}.`,
      );
    }
    await sleep(100);
    found = readPidFile(site.clusterDir);
  }
  const { pid, port } = found;
  await waitUntilReady(site, port, START_TIMEOUT_MS, () => !isRunning(pid));
  return {
    role: "guest",
    adopted: false,
    dataDir: site.dataDir,
    clusterDir: site.clusterDir,
    logFile: site.logFile,
    port,
    pid,
    url: (database) => superuserUrl(site, port, database),
    close: () => Promise.resolve(),
  };
}

/**
 * Stops whatever still runs in a throw-away data folder whose owner is dead,
 * and deletes the folder. Answers false where the owner lives.
 */
export async function discardEmbedded(
  dataDir: string,
  log: Log,
): Promise<boolean> {
  if (!existsSync(dataDir)) return true;
  if (readOwner(join(realpathSync(dataDir), "owner.lock"))) return false;
  const site = prepareSite({ dataDir, log });
  const found = readPidFile(site.clusterDir);
  if (found && isPostmaster(found.pid, site.clusterDir)) {
    await stopPostmaster(site, found.pid);
  }
  if (site.home !== site.dataDir) {
    rmSync(site.home, { recursive: true, force: true });
  }
  rmSync(site.dataDir, { recursive: true, force: true });
  return true;
}

/** Lets the server's user enter a folder that mkdtemp made for us alone. */
export function openToServerUser(folder: string): void {
  if (process.getuid?.() === 0) chmodSync(folder, 0o711);
}
