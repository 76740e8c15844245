import { appendFile, readdir, readFile, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { projectDir } from "../config.ts";
import { errorCode, errorMessage } from "./errorCode.ts";
import type { Log } from "./log.ts";
import { migrate, migrateCurrent, readGmrc } from "./migrate.ts";
import type { Urls } from "./urls.ts";

export type DatabaseChange = {
  /** Whether SQL ran; false after a save that changed only white space. */
  changed: boolean;
  milliseconds: number;
};

export type WatchOptions = {
  /** After every successful run, the first one included. */
  onChange?: (change: DatabaseChange) => void | Promise<void>;
  /** After a run that failed; the error was told to the log already. */
  onError?: (error: unknown) => void;
  migrationsFolder?: string;
  intervalMs?: number;
};

export type DatabaseWatcher = {
  /** Ends after the run that is under way. */
  close(): Promise<void>;
};

/** Files below the migrations folder that somebody saved, or removed. */
export type Save = {
  /** Absolute. */
  paths: readonly string[];
  /** When the last of them was written, in milliseconds since 1970. */
  savedAt: number;
};

export type MigrationsWatcherOptions = {
  /** Runs before the first look; what is saved meanwhile is seen after it. */
  onStart: () => Promise<void>;
  /** Runs after each save, one at a time. */
  onSave: (save: Save) => Promise<void>;
  /** The watching itself ended, e.g. because a file could not be read. */
  onError?: (error: unknown) => void;
  intervalMs?: number;
};

/** Path to a text that differs after each save. */
type Snapshot = Map<string, string>;

/** How graphile-migrate itself finds the line. */
const INCLUDE = /^--![ \t]*include[ \t]+(.*\.sql)[ \t]*$/gm;

/**
 * Migrates, then does so again on every save below the migrations folder.
 */
export async function watchDatabase(
  urls: Urls,
  log: Log,
  options: WatchOptions = {},
): Promise<DatabaseWatcher> {
  const folder = migrationsFolder(options.migrationsFolder);

  const run = async (
    work: () => Promise<{ changed: boolean }>,
  ): Promise<void> => {
    const started = performance.now();
    try {
      const { changed } = await work();
      const milliseconds = Math.round(performance.now() - started);
      log.info(
        changed
          ? `Applied in ${milliseconds} ms`
          : `Nothing to apply (${milliseconds} ms)`,
      );
      await options.onChange?.({ changed, milliseconds });
    } catch (error) {
      log.error(`Not applied: ${errorMessage(error)}`);
      options.onError?.(error);
    }
  };

  return watchMigrations(folder, log, {
    onStart: () =>
      run(async () => {
        await migrate(urls, log, { current: true, migrationsFolder: folder });
        return { changed: true };
      }),
    onSave: ({ paths }) => {
      for (const path of paths) log.info(`Saved: ${relative(folder, path)}`);
      return run(() => migrateCurrent(urls, log, { migrationsFolder: folder }));
    },
    ...(options.onError ? { onError: options.onError } : {}),
    ...(options.intervalMs ? { intervalMs: options.intervalMs } : {}),
  });
}

/** The folder that is named, or the repository's own. */
export function migrationsFolder(named?: string): string {
  return resolve(
    projectDir,
    named ?? readGmrc().migrationsFolder ?? "migrations",
  );
}

/**
 * Tells of every save below the migrations folder, after current.sql was made
 * to include what was saved. It looks at the files instead of asking the system
 * to be told: notifications get lost when an editor or git replaces files and
 * folders.
 */
export async function watchMigrations(
  folder: string,
  log: Log,
  options: MigrationsWatcherOptions,
): Promise<DatabaseWatcher> {
  const interval = options.intervalMs ?? 100;
  let closed = false;
  let applied = await takeSnapshot(folder);
  await options.onStart();

  const loop = async (): Promise<void> => {
    let previous = applied;
    while (!closed) {
      await sleep(interval);
      const now = await takeSnapshot(folder);
      // A save in several writes is over when two looks see the same.
      const settled = differences(previous, now).length === 0;
      previous = now;
      const paths = differences(applied, now);
      if (!settled || paths.length === 0) continue;
      const savedAt = lastWrite(now, paths);
      const included = await includeFixtures(folder, paths);
      for (const file of included) {
        log.info(`Added to current.sql: --!include ${file}`);
      }
      // Taken before the run, so that a save during it is seen after it.
      applied = included.length > 0 ? await takeSnapshot(folder) : now;
      previous = applied;
      await options.onSave({ paths, savedAt });
    }
  };
  const looping = loop().catch((error: unknown) => {
    log.error(`Watching ${folder} ended: ${errorMessage(error)}`);
    options.onError?.(error);
  });
  return {
    close: async () => {
      closed = true;
      await looping;
    },
  };
}

/** A removed file, and one that was copied with its old time, were saved now. */
function lastWrite(snapshot: Snapshot, paths: readonly string[]): number {
  const now = Date.now();
  const times = paths.map((path) => {
    const time = Number(snapshot.get(path)?.split(":", 1)[0] ?? now);
    return now - time > 5_000 ? now : time;
  });
  return Math.min(now, Math.max(...times));
}

async function takeSnapshot(folder: string): Promise<Snapshot> {
  const snapshot: Snapshot = new Map();
  await Promise.all(
    (await listSql(folder)).map(async (path) => {
      try {
        const { mtimeMs, size, ino } = await stat(path);
        snapshot.set(path, `${mtimeMs}:${size}:${ino}`);
      } catch (error) {
        // Removed between listing and looking: the same as not there.
        if (errorCode(error) !== "ENOENT") throw error;
      }
    }),
  );
  return snapshot;
}

async function listSql(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, {
      recursive: true,
      withFileTypes: true,
    });
    return entries
      .filter((entry) => entry.name.endsWith(".sql") && !entry.isDirectory())
      .filter((entry) => !entry.name.startsWith("."))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    // A folder that git just removed while it was being read.
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function differences(before: Snapshot, after: Snapshot): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths]
    .filter((path) => before.get(path) !== after.get(path))
    .sort();
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

function includesOf(text: string): string[] {
  return [...text.matchAll(INCLUDE)].flatMap(([, name]) => name ?? []);
}

/**
 * A policy or function file that was saved, and that current.sql does not
 * include, would have no effect: graphile-migrate says "unchanged, skipping".
 * Adds the missing lines at the end of current.sql, and answers with them.
 */
export async function includeFixtures(
  folder: string,
  savedPaths: readonly string[],
): Promise<string[]> {
  const fixtures = join(folder, "fixtures");
  const saved = savedPaths
    .filter((path) => path.startsWith(fixtures + sep))
    .map((path) => relative(fixtures, path).split(sep).join("/"));
  if (saved.length === 0) return [];

  // What each fixture includes; a saved part belongs to the file that has it.
  const includes = new Map<string, string[]>();
  for (const path of await listSql(fixtures)) {
    const text = await readText(path);
    if (text === null) continue;
    includes.set(
      relative(fixtures, path).split(sep).join("/"),
      includesOf(text),
    );
  }
  const below = (names: readonly string[], seen = new Set<string>()) => {
    for (const name of names) {
      if (seen.has(name)) continue;
      seen.add(name);
      below(includes.get(name) ?? [], seen);
    }
    return seen;
  };
  const topsOf = (name: string, seen = new Set<string>()): string[] => {
    if (seen.has(name)) return [];
    seen.add(name);
    const parents = [...includes]
      .filter(([, children]) => children.includes(name))
      .map(([parent]) => parent);
    return parents.length === 0
      ? [name]
      : parents.flatMap((parent) => topsOf(parent, seen));
  };

  const current = join(folder, "current.sql");
  const text = (await readText(current)) ?? "";
  const known = below(includesOf(text));
  const missing = [
    ...new Set(
      saved
        // A file that was removed cannot be included.
        .filter((name) => includes.has(name) && !known.has(name))
        .flatMap((name) => topsOf(name)),
    ),
  ];
  if (missing.length === 0) return [];
  const newline = text === "" || text.endsWith("\n") ? "" : "\n";
  await appendFile(
    current,
    newline + missing.map((name) => `--!include ${name}\n`).join(""),
  );
  return missing;
}
