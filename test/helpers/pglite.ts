import { readFileSync } from "node:fs";
import { join } from "node:path";

import { PGlite } from "@electric-sql/pglite";
import { btree_gist } from "@electric-sql/pglite/contrib/btree_gist";
import { pg_trgm } from "@electric-sql/pglite/contrib/pg_trgm";
import { pgcrypto } from "@electric-sql/pglite/contrib/pgcrypto";
import { vector } from "@electric-sql/pglite-pgvector";

import { projectDir } from "../../server/config.ts";
import { EXTENSION_SCHEMA, EXTENSIONS } from "../../server/db/database.ts";
import { readGmrc } from "../../server/db/migrate.ts";
import { ALL_ROLES } from "../../server/db/roles.ts";

const MIGRATIONS = join(projectDir, "migrations");

/** As graphile-migrate reads it: includes in their places, roles by their names. */
function readMigration(path: string): string {
  const { placeholders = {} } = readGmrc();
  return readFileSync(join(MIGRATIONS, path), "utf8")
    .replaceAll(/^--! ?include (.+)$/gm, (_, file: string) =>
      readFileSync(join(MIGRATIONS, "fixtures", file.trim()), "utf8"),
    )
    .replaceAll(/:ROLE_[A-Z_]+\b/g, (name) => placeholders[name] ?? name);
}

/**
 * A PostgreSQL inside this process that has the extension "vector", which the
 * embedded server lacks, with all of the product's migrations. One connection,
 * as superuser; `set role` makes it somebody else.
 */
export async function openPglite(
  migrations: readonly string[],
): Promise<PGlite> {
  const db = await PGlite.create({
    extensions: { vector, pgcrypto, pg_trgm, btree_gist },
  });
  await db.exec(
    [
      ...ALL_ROLES.map((role) => `create role ${role};`),
      `create schema ${EXTENSION_SCHEMA};`,
      ...EXTENSIONS.map(
        (name) => `create extension ${name} schema ${EXTENSION_SCHEMA};`,
      ),
    ].join("\n"),
  );
  const search = String(readGmrc().pgSettings?.["search_path"]);
  await db.exec(`set search_path = ${search}`);
  for (const path of migrations) await db.exec(readMigration(path));
  return db;
}
