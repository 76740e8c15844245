import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { basename, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import {
  type Binaries,
  canEnter,
  EmbeddedServerError,
  findBinaries,
  privateTemporaryFolder,
  type ServerUser,
  serverUser,
} from "./binaries.ts";
import { errorCode, errorMessage } from "./errorCode.ts";
import type { Log } from "./log.ts";
import { acquireOwnerLock, type OwnerLock, readOwner } from "./ownerLock.ts";
import { commandLine, isRunning, waitForExit } from "./processes.ts";

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

const SUPERUSER = "postgres";
const HOST = "127.0.0.1";
/** Below the range from which systems lend ports to outgoing connections. */
const FIRST_PORT = 25_432;
const PORT_RANGE = 4_000;
const MARKER = "closetai-cluster.json";
const LOG_LIMIT_BYTES = 20 * 1024 * 1024;
const START_TIMEOUT_MS = 60_000;
/** Replaying the log after a crash may rightly take long. */
const RECOVERY_TIMEOUT_MS = 10 * 60_000;
const ADOPT_TIMEOUT_MS = 15_000;
const WATCH_INTERVAL_MS = 500;

/** Everything about one server that stays the same while it runs and restarts. */
type Site = {
  dataDir: string;
  home: string;
  clusterDir: string;
  logFile: string;
  stateFile: string;
  lockFile: string;
  passwordFile: string;
  user: ServerUser;
  binaries: Binaries;
  durable: boolean;
  log: Log;
};

type Running = {
  pid: number;
  port: number;
  /** Set where this process is the parent: then the exit is told, not polled. */
  child: ChildProcess | null;
  adopted: boolean;
};

type State = { port?: number; home?: string };

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

// ---------------------------------------------------------------------------
// Where things are

function prepareSite(options: EmbeddedOptions): Site {
  const { log } = options;
  const user = serverUser(log);
  mkdirSync(options.dataDir, { recursive: true, mode: user ? 0o711 : 0o700 });
  const dataDir = realpathSync(resolve(options.dataDir));
  const binaries = findBinaries(dataDir, user, log);
  const stateFile = join(dataDir, "embedded.json");
  let home = dataDir;
  if (!canEnter(dataDir, user)) {
    home = privateTemporaryFolder(dataDir);
    log.info(
      `The system user "${user?.name}" cannot enter ${dataDir}: the database is kept in ${home}. Temporary folders are emptied at times; to keep the data, set CLOSETAI_DATA_DIR to a folder that user can enter.`,
    );
  }
  const former = readState(stateFile).home;
  if (former !== undefined && former !== home && isCluster(former)) {
    throw new EmbeddedServerError(
      `The database of ${dataDir} is in ${former}, but would now be made in ${home}, because the rights on the folders changed. Move the folder "cluster" there, or restore the rights.`,
    );
  }
  const clusterDir = join(home, "cluster");
  if (former !== undefined && !existsSync(clusterDir)) {
    log.warn(
      `The database that was in ${clusterDir} is gone; a new, empty one is made`,
    );
  }
  return {
    dataDir,
    home,
    clusterDir,
    logFile: join(home, "postgres.log"),
    stateFile,
    lockFile: join(dataDir, "owner.lock"),
    passwordFile: join(dataDir, "superuser-password"),
    user,
    binaries,
    durable: options.durable ?? true,
    log,
  };
}

function readState(stateFile: string): State {
  try {
    return JSON.parse(readFileSync(stateFile, "utf8")) as State;
  } catch (error) {
    // A lost or torn file costs only the remembered port.
    if (errorCode(error) === "ENOENT" || error instanceof SyntaxError) {
      return {};
    }
    throw error;
  }
}

function writeState(site: Site, state: State): void {
  const draft = `${site.stateFile}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(draft, site.stateFile);
}

function isCluster(home: string): boolean {
  return existsSync(join(home, "cluster", MARKER));
}

/** Made once, exclusively, so that two processes agree; then only read. */
function ensurePassword(site: Site): string {
  try {
    writeFileSync(site.passwordFile, `${randomBytes(24).toString("hex")}\n`, {
      mode: 0o600,
      flag: "wx",
    });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  const password = readFileSync(site.passwordFile, "utf8").trim();
  if (password === "") {
    throw new EmbeddedServerError(
      `${site.passwordFile} is empty: restore it from a backup. Without it nobody can connect to the database in ${site.clusterDir}.`,
    );
  }
  return password;
}

function superuserUrl(site: Site, port: number, database: string): string {
  const password = readFileSync(site.passwordFile, "utf8").trim();
  return `postgres://${SUPERUSER}:${password}@${HOST}:${port}/${encodeURIComponent(database)}`;
}

// ---------------------------------------------------------------------------
// Making the cluster

/**
 * Makes the cluster in a folder of another name and renames it when whole, so
 * that a folder with the final name was always finished once. Data is never
 * written over: what is not ours to use is put aside or refused.
 */
async function ensureCluster(site: Site): Promise<void> {
  const { clusterDir, log } = site;
  for (const name of readdirSync(site.home)) {
    // Left by a run that died inside initdb; nothing was ever stored in it.
    if (name.startsWith("cluster.draft-")) {
      rmSync(join(site.home, name), { recursive: true, force: true });
    }
  }
  if (existsSync(clusterDir) && readdirSync(clusterDir).length > 0) {
    const marked = existsSync(join(clusterDir, MARKER));
    const versioned = existsSync(join(clusterDir, "PG_VERSION"));
    if (marked && versioned) return checkMajorVersion(site);
    if (marked) {
      throw new EmbeddedServerError(
        `The database folder ${clusterDir} is damaged: its PG_VERSION is missing. Restore the folder from a backup, or move it away to begin with an empty database.`,
      );
    }
    const aside = `${clusterDir}.incomplete-${Date.now()}`;
    renameSync(clusterDir, aside);
    log.warn(
      `${clusterDir} was never finished; it is put aside as ${aside} and a new database is made`,
    );
  }
  const started = Date.now();
  log.info(`Making the database in ${clusterDir}`);
  const draft = mkdtempSync(join(site.home, "cluster.draft-"));
  const passwordDraft = `${draft}.password`;
  try {
    const password = ensurePassword(site);
    writeFileSync(passwordDraft, `${password}\n`, { mode: 0o600 });
    if (site.user) {
      chownSync(draft, site.user.uid, site.user.gid);
      chownSync(passwordDraft, site.user.uid, site.user.gid);
    }
    await runInitdb(site, draft, passwordDraft);
    writeFileSync(
      join(draft, MARKER),
      `${JSON.stringify({ madeAt: new Date().toISOString() })}\n`,
      { mode: 0o600 },
    );
    if (existsSync(clusterDir)) rmSync(clusterDir, { recursive: true });
    renameSync(draft, clusterDir);
  } finally {
    rmSync(passwordDraft, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
  log.info(`Made the database in ${Date.now() - started} ms`);
}

/** Data of another major version cannot be read; the server would only say FATAL. */
function checkMajorVersion(site: Site): void {
  const ofData = readFileSync(join(site.clusterDir, "PG_VERSION"), "utf8");
  const ofServer = BUNDLED_MAJOR_VERSION;
  if (ofData.trim() !== ofServer) {
    throw new EmbeddedServerError(
      `The database in ${site.clusterDir} was made by PostgreSQL ${ofData.trim()}, and this is PostgreSQL ${ofServer}. Move the data over with pg_dump, or move the folder away to begin with an empty database.`,
    );
  }
}

const BUNDLED_MAJOR_VERSION = "18";

async function runInitdb(
  site: Site,
  folder: string,
  passwordFile: string,
): Promise<void> {
  const child = spawn(
    site.binaries.initdb,
    [
      `--pgdata=${folder}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // The same order of text on every machine, whatever it has installed.
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--data-checksums",
      ...(site.durable ? [] : ["--no-sync"]),
    ],
    { ...childOptions(site), stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await exitOf(child);
  if (code !== 0) {
    throw new EmbeddedServerError(
      `PostgreSQL could not make a database in ${site.home}:\n${lastLines(output)}`,
    );
  }
}

function childOptions(site: Site): {
  cwd: string;
  env: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
} {
  // PGDATA, PGPORT and their kin would change what our own flags say.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("PG")),
  );
  return {
    // The working folder may be one that the server's user cannot enter.
    cwd: site.user ? "/" : site.home,
    env: { ...env, LC_ALL: "C", TZ: "UTC" },
    ...(site.user ? { uid: site.user.uid, gid: site.user.gid } : {}),
  };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolveExit, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolveExit(code));
  });
}

function lastLines(text: string, count = 8): string {
  return text
    .trim()
    .split("\n")
    .slice(-count)
    .map((line) => `  ${line}`)
    .join("\n");
}

// ---------------------------------------------------------------------------
// The postmaster

type PidFile = { pid: number; dataDir: string; port: number };

function readPidFile(clusterDir: string): PidFile | null {
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
function isPostmaster(pid: number, clusterDir: string): boolean {
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
async function waitUntilReady(
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

async function startPostmaster(
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

async function stopPostmaster(site: Site, pid: number): Promise<void> {
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

/** Finds the server that a killed process left behind, and takes it over. */
async function adoptOrphan(
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

// ---------------------------------------------------------------------------
// Owning and joining

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
