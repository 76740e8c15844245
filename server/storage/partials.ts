import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import type { Config } from "../config.ts";

const A_DAY_MS = 24 * 60 * 60 * 1_000;

/** Where uploads wait until they are whole. */
export function partialsFolder(config: Pick<Config, "dataDir">): string {
  return join(config.dataDir, "uploads");
}

/** Deletes what processes that were killed left half-received. */
export async function removeOldPartials(
  config: Pick<Config, "dataDir">,
): Promise<number> {
  const folder = partialsFolder(config);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  let removed = 0;
  for (const name of names) {
    const file = join(folder, name);
    const { mtimeMs } = await stat(file);
    if (Date.now() - mtimeMs < A_DAY_MS) continue;
    await rm(file, { force: true });
    removed++;
  }
  return removed;
}
