import { randomUUID } from "node:crypto";
import {
  linkSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { errorCode } from "./errorCode.ts";
import { isRunning, processStart } from "./processes.ts";

/** Who started the embedded server of a data folder, and will stop it. */
export type Owner = {
  pid: number;
  processStart: string | null;
  purpose: string;
  since: string;
  token: string;
};

export type OwnerLock = { release(): void };

const TAKEOVER_MAX_AGE_MS = 10_000;

function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** The living owner of a data folder, or null. */
export function readOwner(lockFile: string): Owner | null {
  const owner = readRecord(lockFile);
  return owner && isAlive(owner) ? owner : null;
}

function readRecord(lockFile: string): Owner | null {
  let text: string;
  try {
    text = readFileSync(lockFile, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
  try {
    return JSON.parse(text) as Owner;
  } catch {
    // A torn file cannot come from us (it is linked into place whole), so what
    // wrote it is not holding anything.
    return {
      pid: -1,
      processStart: null,
      purpose: "",
      since: "",
      token: text,
    };
  }
}

function isAlive(owner: Owner): boolean {
  if (owner.pid <= 0 || !isRunning(owner.pid)) return false;
  const start = processStart(owner.pid);
  // Process ids come round again, most of all in containers.
  return (
    start === null ||
    owner.processStart === null ||
    start === owner.processStart
  );
}

/**
 * Makes this process the owner, or answers with the one that already is. The
 * record of a dead owner is replaced. Two processes that both find a dead one
 * must not both win: the second would remove the first's fresh record. So the
 * replacing is done under a second file, made exclusively.
 */
export async function acquireOwnerLock(
  lockFile: string,
  purpose: string,
): Promise<{ lock: OwnerLock } | { heldBy: Owner }> {
  const mine: Owner = {
    pid: process.pid,
    processStart: processStart(process.pid),
    purpose,
    since: new Date().toISOString(),
    token: randomUUID(),
  };
  const draft = `${lockFile}.${mine.token}`;
  const takeover = `${lockFile}.takeover`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(draft, lockFile);
        return { lock: { release: () => releaseIfMine(lockFile, mine) } };
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw error;
      }
      const held = readRecord(lockFile);
      if (held && isAlive(held)) return { heldBy: held };
      try {
        writeFileSync(takeover, mine.token, { flag: "wx", mode: 0o600 });
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw error;
        // Somebody else replaces the record; or died while doing so.
        if (ageOf(takeover) > TAKEOVER_MAX_AGE_MS) unlinkIfThere(takeover);
        await sleep(20);
        continue;
      }
      try {
        const again = readRecord(lockFile);
        if (again && !isAlive(again)) unlinkIfThere(lockFile);
      } finally {
        unlinkIfThere(takeover);
      }
    }
  } finally {
    unlinkIfThere(draft);
  }
}

function ageOf(file: string): number {
  try {
    return Date.now() - statSync(file).mtimeMs;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}

function releaseIfMine(lockFile: string, mine: Owner): void {
  if (readRecord(lockFile)?.token === mine.token) unlinkIfThere(lockFile);
}
