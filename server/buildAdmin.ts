import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";

import { projectDir } from "./config.ts";

/** What the built admin is made of. */
const SOURCES = [
  "admin",
  "packages/ra-data-postgraphile",
  "illustrations",
  "package-lock.json",
];
const IGNORED = new Set(["node_modules", "dist", ".vite", "tests", "test"]);

const DIST = join(projectDir, "admin", "dist");
/** Kept beside the build, under a name that is never served. */
const STAMP_NAME = ".sources";

/** Builds the admin unless the one that is there is of the same sources. */
export async function buildAdmin(
  signal?: AbortSignal,
): Promise<"built" | "unchanged"> {
  const sources = hashSources();
  if (
    existsSync(join(DIST, STAMP_NAME)) &&
    existsSync(join(DIST, "index.html")) &&
    readFileSync(join(DIST, STAMP_NAME), "utf8") === sources
  ) {
    return "unchanged";
  }
  // Made apart and moved into place: a build that is cut off, or two at once,
  // leave no half admin.
  const fresh = join(
    projectDir,
    "node_modules",
    ".cache",
    `closetai-admin-${process.pid}`,
  );
  try {
    await runVite(fresh, signal);
    writeFileSync(join(fresh, STAMP_NAME), sources);
    rmSync(DIST, { recursive: true, force: true });
    renameSync(fresh, DIST);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return "built";
}

function hashSources(): string {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const file of filesBelow(join(projectDir, source))) {
      hash.update(`${relative(projectDir, file)}\0`);
      hash.update(readFileSync(file));
    }
  }
  return hash.digest("hex");
}

function filesBelow(path: string): string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path)
    .filter((name) => !name.startsWith(".") && !IGNORED.has(name))
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/** In a process of its own: its memory goes away with it. */
function runVite(
  outDir: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const vite = join(projectDir, "node_modules", "vite", "bin", "vite.js");
  return new Promise((resolve, reject) => {
    const command = ["build", "admin", "--outDir", outDir, "--emptyOutDir"];
    const child = spawn(process.execPath, [vite, ...command], {
      cwd: projectDir,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_ENV: "production", NO_COLOR: "1" },
      ...(signal ? { signal } : {}),
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The admin could not be built:\n${output}`));
    });
  });
}
