import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import {
  getCurrentMigrationLocation,
  readCurrentMigration,
} from "graphile-migrate/dist/current.js";
import { compilePlaceholders } from "graphile-migrate/dist/migration.js";
import { parseSettings } from "graphile-migrate/dist/settings.js";

import { errorCode } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { gmSettings } from "../db/migrate.ts";
import type { Urls } from "../db/urls.ts";

/** A line of a file below the migrations folder; both count from one. */
export type Place = { file: string; line: number };

export type CompiledCurrent = {
  /** What is sent to the database: includes expanded, placeholders filled in. */
  sql: string;
  /** Before the placeholders were filled in; the same lines. */
  source: string;
  /** Where each line of it came from. */
  places: readonly Place[];
  /** Fills in the placeholders of a text. */
  fill(text: string): string;
};

/** current.sql as graphile-migrate runs it, and where each line stands. */
export async function compileCurrent(
  urls: Urls,
  log: Log,
  folder: string,
): Promise<CompiledCurrent> {
  const settings = await parseSettings(
    gmSettings(urls, log, { migrationsFolder: folder }),
  );
  const source = await readCurrentMigration(
    settings,
    await getCurrentMigrationLocation(settings),
  );
  const fill = (text: string) => compilePlaceholders(settings, text);
  return {
    source,
    sql: fill(source),
    places: await placesOf(source, folder),
    fill,
  };
}

/**
 * graphile-migrate puts `--! Included x.sql` and `--! EndIncluded x.sql` around
 * what it includes, in place of one line, without blanks at both ends.
 */
async function placesOf(source: string, folder: string): Promise<Place[]> {
  const stack: Place[] = [{ file: "current.sql", line: 1 }];
  const places: Place[] = [];
  for (const text of source.split("\n")) {
    const here = stack.at(-1);
    if (here === undefined) break;
    const opened = /^--! Included (.+\.sql)$/.exec(text)?.[1];
    const closed = /^--! EndIncluded (.+\.sql)$/.test(text);
    if (opened !== undefined) {
      places.push({ ...here });
      const file = `fixtures/${opened}`;
      stack.push({ file, line: 1 + (await blankLines(join(folder, file))) });
    } else if (closed && stack.length > 1) {
      stack.pop();
      const outer = stack.at(-1);
      if (outer === undefined) break;
      places.push({ ...outer });
      outer.line++;
    } else {
      places.push({ ...here });
      here.line++;
    }
  }
  return places;
}

async function blankLines(path: string): Promise<number> {
  const text = await readFile(path, "utf8");
  const blank = /^\s*/.exec(text)?.[0] ?? "";
  return blank.split("\n").length - 1;
}

/** Where current.sql, or a file below it, includes this one. */
export async function findInclude(
  folder: string,
  included: string,
): Promise<{ place: Place; text: string } | null> {
  const fixtures = await readdir(join(folder, "fixtures"), {
    recursive: true,
  }).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
  const files = [
    "current.sql",
    ...fixtures
      .filter((name) => name.endsWith(".sql"))
      .map((name) => `fixtures/${name}`),
  ];
  for (const file of files) {
    const lines = (await readFile(join(folder, file), "utf8")).split("\n");
    const at = lines.findIndex(
      (line) =>
        /^--![ \t]*include[ \t]+(.*\.sql)[ \t]*$/.exec(line)?.[1] === included,
    );
    const text = lines[at];
    if (text !== undefined) return { place: { file, line: at + 1 }, text };
  }
  return null;
}
