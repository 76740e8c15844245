import { spawn } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { EmbeddedServerError } from "./binaries.ts";
import { childOptions, exitOf, lastLines } from "./serverChild.ts";
import { ensurePassword, MARKER, type Site, SUPERUSER } from "./site.ts";

/**
 * Makes the cluster in a folder of another name and renames it when whole, so
 * that a folder with the final name was always finished once. Data is never
 * written over: what is not ours to use is put aside or refused.
 */
export async function ensureCluster(site: Site): Promise<void> {
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
