import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { EmbeddedServerError } from "./binaries.ts";
import { errorMessage } from "./errorCode.ts";
import {
  isPostmaster,
  readPidFile,
  type Running,
  stopPostmaster,
  waitUntilReady,
} from "./postmaster.ts";
import { childOptions, lastLines } from "./serverChild.ts";
import { HOST, readState, type Site, writeState } from "./site.ts";

/** Below the range from which systems lend ports to outgoing connections. */
const FIRST_PORT = 25_432;
const PORT_RANGE = 4_000;
const LOG_LIMIT_BYTES = 20 * 1024 * 1024;
export const START_TIMEOUT_MS = 60_000;

function serverFlags(site: Site, port: number): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    listen_addresses: HOST,
    // Nobody needs it, and its folder would have to be private.
    unix_socket_directories: "",
    max_connections: "100",
    shared_buffers: "256MB",
    max_wal_size: "2GB",
    work_mem: "8MB",
    maintenance_work_mem: "128MB",
    random_page_cost: "1.1",
    // Compiling costs more than it saves on queries of a few milliseconds.
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] ",
    // Statements, and the details of errors, may hold what must not be in a log.
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_checkpoints: "off",
    ...(site.durable
      ? {}
      : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  return Object.entries(settings).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
}

function openLog(site: Site): { descriptor: number; offset: number } {
  if (
    existsSync(site.logFile) &&
    statSync(site.logFile).size > LOG_LIMIT_BYTES
  ) {
    renameSync(site.logFile, `${site.logFile}.1`);
  }
  const descriptor = openSync(site.logFile, "a", 0o600);
  return { descriptor, offset: statSync(site.logFile).size };
}

function logSince(site: Site, offset: number): string {
  const descriptor = openSync(site.logFile, "r");
  try {
    const length = Math.max(0, statSync(site.logFile).size - offset);
    const buffer = Buffer.alloc(Math.min(length, 64 * 1024));
    const read = readSync(descriptor, buffer, 0, buffer.length, offset);
    return buffer.toString("utf8", 0, read);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Spawns the postmaster in a session of its own: Ctrl-C in the terminal must
 * reach Node only, which first finishes its requests and then stops the server.
 * Its output goes to a file, because a pipe would break when Node is killed.
 */
async function spawnPostmaster(
  site: Site,
  port: number,
): Promise<{ running: Running } | { failed: string }> {
  const { descriptor, offset } = openLog(site);
  let child: ChildProcess;
  try {
    child = spawn(
      site.binaries.postgres,
      ["-D", site.clusterDir, ...serverFlags(site, port)],
      {
        ...childOptions(site),
        detached: true,
        stdio: ["ignore", descriptor, descriptor],
      },
    );
  } finally {
    closeSync(descriptor);
  }
  let spawnError: Error | null = null;
  child.once("error", (error) => (spawnError = error));
  child.unref();
  const died = (): boolean =>
    spawnError !== null || child.exitCode !== null || child.signalCode !== null;
  try {
    await waitUntilReady(site, port, START_TIMEOUT_MS, died);
  } catch (error) {
    if (!died()) {
      await stopPostmaster(site, child.pid ?? -1);
      throw error;
    }
    return {
      failed:
        spawnError === null
          ? logSince(site, offset)
          : errorMessage(spawnError as Error),
    };
  }
  if (child.pid === undefined) return { failed: "no process id" };
  return { running: { pid: child.pid, port, child, adopted: false } };
}

export async function startPostmaster(
  site: Site,
  fixedPort: number | null,
): Promise<Running> {
  releasePidFile(site);
  const refused = new Set<number>();
  for (let attempt = 1; ; attempt++) {
    const remembered = readState(site.stateFile).port;
    const port = fixedPort ?? (await choosePort(remembered, refused));
    const outcome = await spawnPostmaster(site, port);
    if ("running" in outcome) {
      writeState(site, { port, home: site.home });
      return outcome.running;
    }
    const { failed } = outcome;
    if (attempt < 20) {
      // The backends of a killed postmaster need a moment to notice.
      if (/pre-existing shared memory block|is still in use/.test(failed)) {
        await sleep(500);
        continue;
      }
      // Somebody took the port between our look and the server's.
      if (/could not bind|Address already in use/.test(failed) && !fixedPort) {
        refused.add(port);
        continue;
      }
    }
    throw new EmbeddedServerError(
      `The database in ${site.clusterDir} does not start. It was left as it is; the last lines of ${site.logFile}:\n${lastLines(failed)}`,
    );
  }
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer();
    server.once("error", () => answer(false));
    server.listen({ host: HOST, port, exclusive: true }, () => {
      server.close(() => answer(true));
    });
  });
}

/** The remembered port, else the first free one from a random place on. */
async function choosePort(
  remembered: number | undefined,
  refused: ReadonlySet<number>,
): Promise<number> {
  if (
    remembered !== undefined &&
    !refused.has(remembered) &&
    (await isFree(remembered))
  ) {
    return remembered;
  }
  const start = randomBytes(2).readUInt16BE(0) % PORT_RANGE;
  for (let step = 0; step < PORT_RANGE; step++) {
    const port = FIRST_PORT + ((start + step) % PORT_RANGE);
    if (!refused.has(port) && (await isFree(port))) return port;
  }
  throw new EmbeddedServerError(
    `No free port from ${FIRST_PORT} to ${FIRST_PORT + PORT_RANGE - 1} for the database`,
  );
}

/**
 * A postmaster.pid whose process id now belongs to some other program, or to a
 * dead process that nobody reaps, makes the server refuse for ever ("is another
 * postmaster running?"). Only the id is replaced, by one that cannot exist: the
 * rest of the file names the shared memory, and the server must go on checking
 * that no backend of the dead one still writes.
 */
function releasePidFile(site: Site): void {
  const found = readPidFile(site.clusterDir);
  if (!found || isPostmaster(found.pid, site.clusterDir)) return;
  const file = join(site.clusterDir, "postmaster.pid");
  const [, ...rest] = readFileSync(file, "utf8").split("\n");
  writeFileSync(file, [IMPOSSIBLE_PID, ...rest].join("\n"));
}

/** Above what any system gives out. */
const IMPOSSIBLE_PID = 999_999_999;
