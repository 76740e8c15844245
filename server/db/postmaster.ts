import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import { EmbeddedServerError } from "./binaries.ts";
import { errorCode, errorMessage } from "./errorCode.ts";
import { commandLine, isRunning, waitForExit } from "./processes.ts";
import { exitOf } from "./serverChild.ts";
import { type Site, superuserUrl, writeState } from "./site.ts";

/** Replaying the log after a crash may rightly take long. */
const RECOVERY_TIMEOUT_MS = 10 * 60_000;
const ADOPT_TIMEOUT_MS = 15_000;

export type Running = {
  pid: number;
  port: number;
  /** Set where this process is the parent: then the exit is told, not polled. */
  child: ChildProcess | null;
  adopted: boolean;
};

export type PidFile = { pid: number; dataDir: string; port: number };

export function readPidFile(clusterDir: string): PidFile | null {
  let text: string;
  try {
    text = readFileSync(join(clusterDir, "postmaster.pid"), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
  const [pid, dataDir, , port] = text.split("\n");
  if (!pid || !dataDir) return null;
  return { pid: Math.abs(Number(pid)), dataDir, port: Number(port ?? 0) };
}

/** Whether a process is the postmaster of this very cluster. */
export function isPostmaster(pid: number, clusterDir: string): boolean {
  if (!isRunning(pid)) return false;
  const command = commandLine(pid);
  // Where it cannot be read, connecting decides.
  return command === null || command.includes(clusterDir);
}

function rootClient(url: string, timeout = 2_000): pg.Client {
  return new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeout,
    application_name: "closetai embedded",
  });
}

/** One try to connect and to see that the server is the one we mean. */
async function probe(site: Site, port: number): Promise<void> {
  const client = rootClient(superuserUrl(site, port, "postgres"));
  // A connection cut between two steps must not end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ folder: string }>(
      "select pg_catalog.current_setting('data_directory') as folder",
    );
    const folder = rows[0]?.folder ?? "";
    if (resolve(folder) !== site.clusterDir) {
      throw new EmbeddedServerError(
        `Port ${port} is served by another PostgreSQL (${folder})`,
      );
    }
  } finally {
    await client.end();
  }
}

/** Waits until the server answers; `died` ends the waiting early. */
export async function waitUntilReady(
  site: Site,
  port: number,
  timeoutMs: number,
  died: () => boolean,
): Promise<void> {
  const started = Date.now();
  let deadline = started + timeoutMs;
  let saidRecovering = false;
  for (;;) {
    if (died()) throw new EmbeddedServerError("The server ended");
    try {
      return await probe(site, port);
    } catch (error) {
      const code = errorCode(error);
      if (error instanceof EmbeddedServerError) throw error;
      if (code === "28P01" || code === "28000") {
        throw new EmbeddedServerError(
          `The database in ${site.clusterDir} does not accept the password in ${site.passwordFile}. Restore that file from a backup.`,
          { cause: error },
        );
      }
      // 57P03: it lives, and is starting up or replaying its log.
      if (code === "57P03") {
        deadline = Math.max(deadline, started + RECOVERY_TIMEOUT_MS);
        if (!saidRecovering && Date.now() - started > 2_000) {
          saidRecovering = true;
          site.log.info("The database is recovering after a crash; waiting");
        }
      }
      if (Date.now() > deadline) {
        throw new EmbeddedServerError(
          `The database in ${site.clusterDir} did not answer within ${Math.round((Date.now() - started) / 1000)} s (${errorMessage(error)})`,
          { cause: error },
        );
      }
    }
    await sleep(30);
  }
}

/** Finds the server that a killed process left behind, and takes it over. */
export async function adoptOrphan(
  site: Site,
  fixedPort: number | null,
): Promise<Running | null> {
  const found = readPidFile(site.clusterDir);
  if (!found || !isPostmaster(found.pid, site.clusterDir)) return null;
  site.log.info(
    `Found the database of an earlier run still running (process ${found.pid})`,
  );
  if (process.platform !== "win32") {
    // A frozen server would neither answer nor stop.
    process.kill(found.pid, "SIGCONT");
  }
  if (fixedPort === null || fixedPort === found.port) {
    try {
      await waitUntilReady(site, found.port, ADOPT_TIMEOUT_MS, () => {
        return !isRunning(found.pid);
      });
      writeState(site, { port: found.port, home: site.home });
      return { pid: found.pid, port: found.port, child: null, adopted: true };
    } catch (error) {
      site.log.warn(`It cannot be used: ${errorMessage(error)}`);
    }
  }
  site.log.info(`Stopping it, to start it anew`);
  if (isPostmaster(found.pid, site.clusterDir)) {
    await stopPostmaster(site, found.pid);
  }
  return null;
}

export async function stopPostmaster(site: Site, pid: number): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    // Fast: ends the sessions, writes everything, needs no recovery.
    ["SIGINT", 30_000],
    // Immediate: recovery at the next start.
    ["SIGQUIT", 5_000],
    ["SIGKILL", 5_000],
  ];
  for (const [signal, patience] of steps) {
    if (!isRunning(pid)) return;
    if (process.platform === "win32") {
      const mode = signal === "SIGINT" ? "fast" : "immediate";
      await exitOf(
        spawn(site.binaries.pgCtl, [
          "stop",
          `--pgdata=${site.clusterDir}`,
          `--mode=${mode}`,
        ]),
      );
    } else {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if (errorCode(error) === "ESRCH") return;
        throw error;
      }
    }
    if (await waitForExit(pid, patience)) return;
    site.log.warn(`The database did not stop within ${patience / 1000} s`);
  }
  throw new EmbeddedServerError(
    `The database process ${pid} of ${site.clusterDir} does not end`,
  );
}
