import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { errorCode } from "./errorCode.ts";

function ps(pid: number, column: string): string | null {
  try {
    return execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    // ps answers with a failure when there is no such process.
    return null;
  }
}

function procFile(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    // Gone, hidden, or a platform without /proc: the callers treat all alike.
    return null;
  }
}

/** The fields of /proc/<pid>/stat that follow the command's name. */
function procStat(pid: number): string[] | null {
  const text = procFile(pid, "stat");
  // The name is in parentheses and may itself hold spaces and parentheses.
  return text ? text.slice(text.lastIndexOf(")") + 2).split(" ") : null;
}

/**
 * Whether a process runs. A zombie does not: in a container whose first process
 * does not reap, a dead orphan would otherwise look alive for ever.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  return procStat(pid)?.[0] !== "Z";
}

/**
 * Something that differs between two processes which had the same id one after
 * the other, or null where the platform does not tell.
 */
export function processStart(pid: number): string | null {
  if (process.platform === "linux") return procStat(pid)?.[19] ?? null;
  if (process.platform === "win32") return null;
  return ps(pid, "lstart");
}

/** The command line of a process, or null where it cannot be read. */
export function commandLine(pid: number): string | null {
  if (process.platform === "win32") return null;
  if (process.platform === "linux") {
    return procFile(pid, "cmdline")?.replaceAll("\0", " ") ?? null;
  }
  return ps(pid, "command");
}

/** Waits until a process is gone; false when it still runs after the time. */
export async function waitForExit(
  pid: number,
  milliseconds: number,
): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (isRunning(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(25);
  }
  return true;
}
