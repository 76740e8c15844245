import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Makes `dist`: a package of its own, to be packed and published from there.
 * Here, in the repository, the package is its sources, so that nothing has to be
 * built before a test, a type check or the dev server sees a change.
 */
const folder = dirname(fileURLToPath(import.meta.url));
const dist = join(folder, "dist");
const tsc = join(
  dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
  "bin",
  "tsc",
);

rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [tsc, "-p", join(folder, "tsconfig.build.json")],
  { stdio: "inherit" },
);

// Declarations keep the extension they were written with; older compilers want .js.
for (const name of readdirSync(dist)) {
  if (!name.endsWith(".d.ts")) continue;
  const file = join(dist, name);
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(["'])(\.\/\w+)\.ts\1/g, '"$2.js"'));
}

const published = JSON.parse(
  readFileSync(join(folder, "package.json"), "utf8"),
);
delete published.private;
delete published.scripts;
delete published.files;
published.types = "./index.d.ts";
published.exports = {
  ".": { types: "./index.d.ts", default: "./index.js" },
  "./keyset": { types: "./keyset.d.ts", default: "./keyset.js" },
  "./package.json": "./package.json",
};
writeFileSync(
  join(dist, "package.json"),
  `${JSON.stringify(published, null, 2)}\n`,
);
cpSync(join(folder, "README.md"), join(dist, "README.md"));
const license = join(folder, "..", "..", "LICENSE");
if (existsSync(license)) cpSync(license, join(dist, "LICENSE"));
