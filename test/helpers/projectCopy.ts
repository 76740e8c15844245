import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";

import { projectDir } from "../../server/config.ts";
import { discardEmbedded, openToServerUser } from "../../server/db/embedded.ts";
import { silentLog } from "../../server/db/log.ts";

/** The whole project in a folder of the test's own, with an empty data folder. */
export type ProjectCopy = {
  folder: string;
  dataDir: string;
  /** Paths are those of the project. */
  read(path: string): string;
  write(path: string, text: string): void;
  delete(path: string): void;
  /** What every file outside migrations/ holds, as a hash by its path. */
  fingerprint(): Record<string, string>;
  /** Stops a database that was left running, and deletes everything. */
  remove(): Promise<void>;
};

export function copyProject(): ProjectCopy {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "closetai-copy-")));
  const folder = join(root, "project");
  const dataDir = join(root, "data");
  mkdirSync(dataDir);
  openToServerUser(root);
  openToServerUser(dataDir);
  for (const path of projectFiles()) {
    cpSync(join(projectDir, path), join(folder, path));
  }
  linkPackages(folder);
  const at = (path: string) => join(folder, path);
  return {
    folder,
    dataDir,
    read: (path) => readFileSync(at(path), "utf8"),
    write: (path, text) => writeFileSync(at(path), text),
    delete: (path) => rmSync(at(path)),
    fingerprint: () => fingerprint(folder),
    remove: async () => {
      await discardEmbedded(dataDir, silentLog);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** What git has, and what it would add. */
function projectFiles(): string[] {
  return execFileSync(
    "git",
    ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { cwd: projectDir, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  )
    .split("\0")
    .filter((path) =>
      // A file that was deleted, and another repository inside of this one.
      statSync(join(projectDir, path), { throwIfNoEntry: false })?.isFile(),
    );
}

/**
 * Each installed package is linked by itself: the project's own are those of
 * the copy, and what Vite keeps between runs stays in the copy, too.
 */
function linkPackages(folder: string): void {
  const installed = join(projectDir, "node_modules");
  const links = join(folder, "node_modules");
  mkdirSync(links);
  for (const name of readdirSync(installed)) {
    if (/^\.(?!bin$)/.test(name)) continue;
    const real = realpathSync(join(installed, name));
    const own = relative(projectDir, real);
    symlinkSync(
      own.startsWith(`packages${sep}`) ? join(folder, own) : real,
      join(links, name),
    );
  }
}

function fingerprint(folder: string): Record<string, string> {
  const apart = new Set(["migrations", "node_modules"]);
  const hashes: Record<string, string> = {};
  for (const entry of readdirSync(folder, {
    recursive: true,
    withFileTypes: true,
  })) {
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (apart.has(path.split(sep)[0] ?? "") || !entry.isFile()) continue;
    hashes[path] = createHash("sha256")
      .update(readFileSync(join(folder, path)))
      .digest("hex");
  }
  return hashes;
}
