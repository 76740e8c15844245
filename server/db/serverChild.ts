import type { ChildProcess } from "node:child_process";

import type { Site } from "./site.ts";

/** How PostgreSQL's programs are spawned: as its user, in an environment of ours. */
export function childOptions(site: Site): {
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

export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolveExit, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolveExit(code));
  });
}

export function lastLines(text: string, count = 8): string {
  return text
    .trim()
    .split("\n")
    .slice(-count)
    .map((line) => `  ${line}`)
    .join("\n");
}
