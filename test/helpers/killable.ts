import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import { parseConfig } from "../../server/config.ts";
import { openDatabase } from "../../server/db/connect.ts";
import { ensureDatabase } from "../../server/db/database.ts";
import {
  discardEmbedded,
  type EmbeddedServer,
  openToServerUser,
} from "../../server/db/embedded.ts";
import { silentLog } from "../../server/db/log.ts";
import { migrate } from "../../server/db/migrate.ts";
import { databaseOf, type Urls, withDatabase } from "../../server/db/urls.ts";
import { TEST_FOLDER_PREFIX } from "./testServer.ts";

/** What a child is told. */
export type ChildSetup = {
  urls: Urls & { root: string };
  /** Outlives a server, as the bucket or the disk of a real one does. */
  filesDir: string;
};

export type Child = { process: ChildProcess; lines: string[] };

export type Killable = {
  embedded: EmbeddedServer;
  filesDir: string;
  app: pg.Pool;
  worker: pg.Pool;
  root: pg.Pool;
  /** Starts a script of test/helpers and collects the lines it says. */
  start(script: string, ...parameters: string[]): Child;
  kill(child: Child): Promise<void>;
  /** Kills the children that still run. */
  killAll(): Promise<void>;
  close(): Promise<void>;
};

/**
 * An embedded server of its own, durable as in production (the shared one of
 * the tests is not), and processes that may die.
 */
export async function openKillable(purpose: string): Promise<Killable> {
  const folder = mkdtempSync(
    join(tmpdir(), `${TEST_FOLDER_PREFIX}${process.pid}-`),
  );
  openToServerUser(folder);
  const config = parseConfig({
    NODE_ENV: "test",
    CLOSETAI_DATA_DIR: folder,
    CLOSETAI_SECRET: randomBytes(32).toString("hex"),
  });
  const discard = async (): Promise<void> => {
    await discardEmbedded(folder, silentLog);
    rmSync(folder, { recursive: true, force: true });
  };
  const database = await openDatabase(config, silentLog, { purpose }).catch(
    async (error: unknown) => {
      await discard();
      throw error;
    },
  );
  const { embedded } = database;
  const pools: pg.Pool[] = [];
  const children = new Set<Child>();

  const kill = async (child: Child): Promise<void> => {
    children.delete(child);
    const { exitCode, signalCode } = child.process;
    if (exitCode !== null || signalCode !== null) return;
    child.process.kill("SIGKILL");
    await once(child.process, "exit");
  };
  const killAll = async (): Promise<void> => {
    for (const child of children) await kill(child);
  };
  const close = async (): Promise<void> => {
    await killAll();
    await Promise.all(pools.map((pool) => pool.end()));
    await database.close();
    await discard();
  };

  try {
    await ensureDatabase(database.urls);
    await migrate(database.urls, silentLog, { current: true });
    const { root } = database.urls;
    if (root === null || embedded === null) {
      throw new Error("The embedded server has a superuser");
    }
    const setup: ChildSetup = {
      urls: {
        ...database.urls,
        root: withDatabase(root, databaseOf(database.urls.owner)),
      },
      filesDir: join(folder, "files"),
    };
    const pool = (connectionString: string): pg.Pool => {
      const made = new pg.Pool({ connectionString, max: 8 });
      // Connections are cut here on purpose: the query that runs, or the next
      // one, fails with the reason.
      made.on("error", () => undefined);
      made.on("connect", (client) => client.on("error", () => undefined));
      pools.push(made);
      return made;
    };
    const start = (script: string, ...parameters: string[]): Child => {
      const started = spawn(
        process.execPath,
        [join(import.meta.dirname, script), ...parameters],
        {
          // Its standard input closes when this process dies; then it ends.
          stdio: ["pipe", "pipe", "inherit"],
          env: { ...process.env, SETUP: JSON.stringify(setup) },
        },
      );
      const child: Child = { process: started, lines: [] };
      children.add(child);
      createInterface({ input: started.stdout }).on("line", (line) =>
        child.lines.push(line),
      );
      return child;
    };
    return {
      embedded,
      filesDir: setup.filesDir,
      app: pool(setup.urls.app),
      worker: pool(setup.urls.worker),
      root: pool(setup.urls.root),
      start,
      kill,
      killAll,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Waits for a condition, as long as a slow machine may need; what goes wrong in
 * the meantime among `others`, who work towards it, ends the waiting.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  others: Promise<unknown>[] = [],
): Promise<void> {
  let trouble: { error: unknown } | undefined;
  Promise.all(others).catch((error: unknown) => (trouble = { error }));
  const deadline = Date.now() + 120_000;
  while (!(await condition())) {
    if (trouble) throw trouble.error;
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what}`);
    await sleep(20);
  }
}
