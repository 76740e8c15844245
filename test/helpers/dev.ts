import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { projectDir } from "../../server/config.ts";
import { commitMigration } from "../../server/db/commit.ts";
import { silentLog } from "../../server/db/log.ts";
import { migrate } from "../../server/db/migrate.ts";
import type { TestDatabase } from "./database.ts";
import { type HttpClient, makeClient } from "./http.ts";
import { TEST_SECRET } from "./server.ts";

/** The project's migrations in a folder of the test's own, to be edited. */
export type MigrationsCopy = {
  folder: string;
  read(path: string): string;
  write(path: string, text: string): void;
  append(path: string, text: string): void;
  remove(): void;
};

/**
 * What current.sql holds is committed in the copy: it then begins empty, and a
 * save runs what the test wrote and nothing else. The database is migrated by
 * the copy, which may make its tables anew: fill them afterwards.
 */
export async function copyMigrations(
  db: Pick<TestDatabase, "urls">,
): Promise<MigrationsCopy> {
  const root = mkdtempSync(join(tmpdir(), "closetai-dev-"));
  const folder = join(root, "migrations");
  cpSync(join(projectDir, "migrations"), folder, { recursive: true });
  const at = (path: string) => join(folder, path);
  const read = (path: string) => readFileSync(at(path), "utf8");
  const write = (path: string, text: string) => writeFileSync(at(path), text);
  if (/^(?!--[^!])\s*\S/m.test(read("current.sql"))) {
    await commitMigration(db.urls, silentLog, "so far", {
      migrationsFolder: folder,
    });
  }
  await migrate(db.urls, silentLog, { migrationsFolder: folder });
  return {
    folder,
    read,
    write,
    append: (path, text) => write(path, `${read(path)}${text}`),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export type DevProcess = {
  url: string;
  /** A browser of its own. */
  client(): HttpClient;
  /** All that it printed so far. */
  output(): string;
  /** Does something, and gives what was printed from then on until this came. */
  after(act: () => void, until: RegExp): Promise<string>;
  /** As Ctrl-C does; gives the exit code. */
  stop(): Promise<number | null>;
};

/** `npm run dev` over a test database and a copy of the migrations. */
export async function startDev(
  db: Pick<TestDatabase, "urls">,
  copy: MigrationsCopy,
  options: { args?: string[]; until?: RegExp; env?: NodeJS.ProcessEnv } = {},
): Promise<DevProcess> {
  const { args = ["--no-admin", "--no-demo"], until } = options;
  const dataDir = mkdtempSync(join(tmpdir(), "closetai-dev-data-"));
  const forget = () => rmSync(dataDir, { recursive: true, force: true });
  try {
    const dev = await spawnDev({
      project: projectDir,
      args: ["--migrations", copy.folder, ...args],
      ...(until === undefined ? {} : { until }),
      env: {
        CLOSETAI_DATA_DIR: dataDir,
        CLOSETAI_SECRET: TEST_SECRET,
        DATABASE_URL: db.urls.app,
        CLOSETAI_OWNER_DATABASE_URL: db.urls.owner,
        CLOSETAI_APP_DATABASE_URL: db.urls.app,
        CLOSETAI_WORKER_DATABASE_URL: db.urls.worker,
        CLOSETAI_PARTNER_DATABASE_URL: db.urls.partner,
        WORKER: "off",
        ...options.env,
      },
    });
    return { ...dev, stop: () => dev.stop().finally(forget) };
  } catch (error) {
    forget();
    throw error;
  }
}

/** `npm run dev` of a project's folder, without npm, on a free port. */
export async function spawnDev({
  project,
  args = [],
  env = {},
  until = /Ctrl-C ends\n/,
}: {
  project: string;
  args?: string[];
  env?: NodeJS.ProcessEnv;
  until?: RegExp;
}): Promise<DevProcess> {
  const child = spawn(
    process.execPath,
    [join(project, "server", "cli", "dev.ts"), ...args],
    {
      cwd: project,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        NODE_ENV: "development",
        NODE_OPTIONS: "",
        NO_COLOR: "1",
        PORT: "0",
        // A busy machine must not turn a test of something else red.
        DB_CONNECT_TIMEOUT_MS: "15000",
        LIMIT_PLANNING_MS: "20000",
        ...env,
      },
    },
  );
  // Whatever ends the tests ends it, too.
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));

  const waitFor = async (from: number, pattern: RegExp): Promise<string> => {
    while (!pattern.test(output.slice(from))) {
      if (hasEnded(child)) {
        throw new Error(`It ended before it printed ${pattern}:\n${output}`);
      }
      await sleep(20);
    }
    return output.slice(from);
  };
  const stop = async () => {
    process.off("exit", kill);
    if (!hasEnded(child)) {
      const ended = once(child, "exit");
      child.kill("SIGINT");
      await ended;
    }
    return child.exitCode;
  };
  try {
    await waitFor(0, until);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = /Admin +(http:\S+)\/admin/.exec(output)?.[1] ?? "";
  return {
    url,
    client: () => makeClient(url),
    output: () => output,
    after: (act, pattern) => {
      const from = output.length;
      act();
      return waitFor(from, pattern);
    },
    stop,
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
