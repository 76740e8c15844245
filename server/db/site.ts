import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

import {
  type Binaries,
  canEnter,
  EmbeddedServerError,
  findBinaries,
  privateTemporaryFolder,
  type ServerUser,
  serverUser,
} from "./binaries.ts";
import { errorCode } from "./errorCode.ts";
import type { Log } from "./log.ts";

export const SUPERUSER = "postgres";
export const HOST = "127.0.0.1";
/** Lies in a cluster that was finished once. */
export const MARKER = "closetai-cluster.json";

/** Everything about one server that stays the same while it runs and restarts. */
export type Site = {
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

type State = { port?: number; home?: string };

/** Finds where everything of a data folder is; makes the folder, not the cluster. */
export function prepareSite(
  options: Pick<Site, "dataDir" | "log"> & { durable?: boolean },
): Site {
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

export function readState(stateFile: string): State {
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

export function writeState(site: Site, state: State): void {
  const draft = `${site.stateFile}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(draft, site.stateFile);
}

function isCluster(home: string): boolean {
  return existsSync(join(home, "cluster", MARKER));
}

/** Made once, exclusively, so that two processes agree; then only read. */
export function ensurePassword(site: Site): string {
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

export function superuserUrl(
  site: Site,
  port: number,
  database: string,
): string {
  const password = readFileSync(site.passwordFile, "utf8").trim();
  return `postgres://${SUPERUSER}:${password}@${HOST}:${port}/${encodeURIComponent(database)}`;
}
