import { join } from "node:path";

import { type Settings, status, uncommit } from "graphile-migrate";
import { commit } from "graphile-migrate/dist/commands/commit.js";

import { projectDir } from "../config.ts";
import { withClient } from "./clients.ts";
import { dropDatabaseAt, ensureDatabase } from "./database.ts";
import type { Log } from "./log.ts";
import {
  gmSettings,
  installQueue,
  migrate,
  type MigrateOptions,
  releaseGmConnections,
  withMigrationLock,
} from "./migrate.ts";
import { databaseOf, type Urls, urlsFor } from "./urls.ts";

type FolderOptions = Pick<MigrateOptions, "migrationsFolder">;

/** How the child that prepares the shadow database learns where it is. */
const SHADOW_VARIABLE = "CLOSETAI_SHADOW_URLS";

const NEEDS_ROOT =
  "This needs a role that may make databases: set ROOT_DATABASE_URL";

/** Seals current.sql as the next committed migration, after a trial run. */
export async function commitMigration(
  urls: Urls,
  log: Log,
  message: string,
  options: FolderOptions = {},
): Promise<void> {
  await withShadow(urls, log, options, (settings) => commit(settings, message));
}

/** Makes the last committed migration current.sql again. */
export async function uncommitMigration(
  urls: Urls,
  log: Log,
  options: FolderOptions = {},
): Promise<void> {
  await withShadow(urls, log, options, (settings) => uncommit(settings));
}

/**
 * graphile-migrate tries all migrations on an empty database first. That one
 * needs what ours has before its first migration, so a child process prepares
 * it between making and migrating; and it is dropped afterwards.
 */
async function withShadow(
  urls: Urls,
  log: Log,
  options: FolderOptions,
  fn: (settings: Settings) => Promise<void>,
): Promise<void> {
  if (urls.root === null) throw new Error(NEEDS_ROOT);
  const shadow = urlsFor(urls, `${databaseOf(urls.owner)}_shadow`);
  const program = join(projectDir, "server", "cli", "db.ts");
  const settings: Settings = {
    ...gmSettings(urls, log, { ...options, shadowUrl: shadow.owner }),
    afterReset: [
      {
        _: "command",
        shadow: true,
        command: `"${process.execPath}" "${program}" prepare-shadow`,
      },
    ],
  };
  process.env[SHADOW_VARIABLE] = JSON.stringify(shadow);
  try {
    await withMigrationLock(urls, log, async (owner) => {
      try {
        await fn(settings);
      } finally {
        await releaseGmConnections(owner);
      }
    });
  } finally {
    delete process.env[SHADOW_VARIABLE];
    await dropDatabaseAt(urls.root, databaseOf(shadow.owner));
  }
}

/** The child's part of withShadow. */
export async function prepareShadow(log: Log): Promise<void> {
  const text = process.env[SHADOW_VARIABLE];
  if (!text) throw new Error("Only db:commit and db:uncommit use this command");
  const shadow = JSON.parse(text) as Urls;
  await ensureDatabase(shadow);
  await withClient(shadow.owner, (owner) => installQueue(shadow, owner, log));
}

/** Deletes the database with everything in it, and makes it anew. */
export async function resetDatabase(
  urls: Urls,
  log: Log,
  options: MigrateOptions = {},
): Promise<void> {
  if (urls.root === null) throw new Error(NEEDS_ROOT);
  await dropDatabaseAt(urls.root, databaseOf(urls.owner));
  await ensureDatabase(urls);
  await migrate(urls, log, options);
}

export type MigrationStatus = {
  /** File names of committed migrations, in order. */
  applied: string[];
  pending: string[];
  /** Whether current.sql holds anything that is not committed. */
  hasCurrent: boolean;
};

export async function migrationStatus(
  urls: Urls,
  log: Log,
  options: FolderOptions = {},
): Promise<MigrationStatus> {
  const shadow = urlsFor(urls, `${databaseOf(urls.owner)}_shadow`);
  const settings = gmSettings(urls, log, {
    ...options,
    shadowUrl: shadow.owner,
  });
  return withClient(urls.owner, async (owner) => {
    try {
      const { remainingMigrations, hasCurrentMigration } =
        await status(settings);
      const { rows } = await owner.query<{ filename: string }>(
        "select filename from graphile_migrate.migrations order by filename",
      );
      return {
        applied: rows.map(({ filename }) => filename),
        pending: remainingMigrations ?? [],
        hasCurrent: hasCurrentMigration,
      };
    } finally {
      await releaseGmConnections(owner);
    }
  });
}
