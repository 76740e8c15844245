import { existsSync, readdirSync, readFileSync } from "node:fs";
import { appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { format } from "prettier";

import { sentence } from "../catalog/labels.ts";
import { projectDir } from "../config.ts";

export const TENANTS = ["brand", "user", "none"] as const;

export type Tenant = (typeof TENANTS)[number];

export type ScaffoldOptions = {
  name: string;
  tenant: Tenant;
  migrationsFolder: string;
  /** Where the test goes. */
  testsFolder: string;
};

export type Scaffold = {
  policies: string;
  test: string;
  current: string;
};

/** Why it cannot be made, in a sentence a person can act on. */
export class ScaffoldError extends Error {
  override name = "ScaffoldError";
}

const TEMPLATES = join(projectDir, "server", "templates", "table");

/** `looks_brand_id_created_at_idx` must fit into PostgreSQL's 63 bytes. */
const MAX_LENGTH = 63 - "_brand_id_created_at_idx".length;

/** Words PostgreSQL keeps for itself: each use would need quotes. */
const RESERVED = new Set(
  `all analyse analyze and any array as asc asymmetric authorization between binary
   both case cast check collate column concurrently constraint create cross
   current_catalog current_date current_role current_time current_timestamp
   current_user default deferrable desc distinct do else end except false fetch
   for foreign freeze from full grant group having ilike in initially inner
   intersect into is isnull join lateral leading left like limit localtime
   localtimestamp natural not notnull null offset on only or order outer overlaps
   placing primary references returning right select session_user similar some
   symmetric system_user table tablesample then to trailing true union unique user
   using values variadic verbose when where window with`.split(/\s+/),
);

/**
 * A new table with its policies, comments and test, from a template: appends to
 * current.sql, and writes the other two. Nothing is written when anything of it
 * is there already.
 */
export async function scaffoldTable(
  options: ScaffoldOptions,
): Promise<Scaffold> {
  const { name, tenant, migrationsFolder, testsFolder } = options;
  checkName(name);
  const files: Scaffold = {
    policies: join(migrationsFolder, "fixtures", "policies", `${name}.sql`),
    test: join(testsFolder, `${name}.test.ts`),
    current: join(migrationsFolder, "current.sql"),
  };
  checkFree(name, files, migrationsFolder);
  const fill = async (part: string) =>
    (await readFile(join(TEMPLATES, `${tenant}.${part}`), "utf8"))
      .replaceAll("{{table}}", name)
      .replaceAll("{{label}}", sentence(name));
  const [policies, test, current] = await Promise.all([
    fill("policies.sql"),
    // How long the name is decides where its lines break.
    fill("test.txt").then((text) => format(text, { parser: "typescript" })),
    fill("current.sql"),
  ]);

  const written: string[] = [];
  try {
    for (const [path, text] of [
      [files.test, test],
      [files.policies, policies],
    ] as const) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text, { flag: "wx" });
      written.push(path);
    }
    // Last, and at once: whoever watches sees the file it includes.
    const before = existsSync(files.current)
      ? readFileSync(files.current, "utf8")
      : "";
    const newline = before === "" || before.endsWith("\n") ? "" : "\n";
    await appendFile(files.current, newline + current);
  } catch (error) {
    for (const path of written) await rm(path, { force: true });
    throw error;
  }
  return files;
}

function checkName(name: string): void {
  if (!/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(name)) {
    throw new ScaffoldError(
      `"${name}" is not a name for a table. Use small letters, digits and single underscores, beginning with a letter: looks, season_drops.`,
    );
  }
  if (name.length > MAX_LENGTH) {
    throw new ScaffoldError(
      `"${name}" has ${name.length} characters. At most ${MAX_LENGTH} leave room for the names of its constraints and indexes.`,
    );
  }
  if (RESERVED.has(name)) {
    throw new ScaffoldError(
      `"${name}" is a word of SQL, which would need quotes everywhere. Choose another, best a plural.`,
    );
  }
}

function checkFree(
  name: string,
  files: Scaffold,
  migrationsFolder: string,
): void {
  const made = new RegExp(
    `create\\s+(?:or\\s+replace\\s+)?(?:table|view|materialized\\s+view|type|sequence)\\s+(?:if\\s+not\\s+exists\\s+)?app_public\\.${name}\\b`,
    "i",
  );
  for (const path of sqlBelow(migrationsFolder)) {
    if (made.test(readFileSync(path, "utf8"))) {
      throw new ScaffoldError(
        `There is app_public.${name} already: ${shown(path)} makes it. Choose another name.`,
      );
    }
  }
  for (const path of [files.policies, files.test]) {
    if (existsSync(path)) {
      throw new ScaffoldError(
        `${shown(path)} is there already. Choose another name, or remove that file first.`,
      );
    }
  }
}

/** As a person in the project's folder names it. */
function shown(path: string): string {
  const inside = relative(process.cwd(), path);
  return inside.startsWith("..") ? path : inside;
}

function sqlBelow(folder: string): string[] {
  if (!existsSync(folder)) {
    throw new ScaffoldError(`There is no folder ${folder}.`);
  }
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".sql"))
    .map((path) => join(folder, path));
}
