import { type ClientBase, escapeIdentifier } from "pg";

import { withClient } from "./clients.ts";
import { errorCode } from "./errorCode.ts";
import { LOGIN_ROLES, READER_ROLE } from "./roles.ts";
import { databaseOf, type Urls, withDatabase } from "./urls.ts";

/** Where the extensions live, so that the API's schemas hold nothing but ours. */
export const EXTENSION_SCHEMA = "app_extensions";

export const EXTENSIONS = ["pgcrypto", "pg_trgm", "btree_gist"] as const;

/** Makes the database if it is not there, and closes it to everybody else. */
export async function ensureDatabase(urls: Urls): Promise<void> {
  const name = databaseOf(urls.owner);
  if (urls.root !== null) {
    await withClient(urls.root, async (root) => {
      if (!(await databaseExists(root, name))) {
        await createDatabase(root, name);
      }
      await closeDatabase(root, name);
    });
  }
  await prepareDatabase(urls);
}

async function databaseExists(
  client: ClientBase,
  name: string,
): Promise<boolean> {
  const { rowCount } = await client.query(
    "select from pg_catalog.pg_database where datname = $1",
    [name],
  );
  return rowCount === 1;
}

async function createDatabase(root: ClientBase, name: string): Promise<void> {
  try {
    await root.query(
      // template0 holds nothing that somebody added to this server's default.
      `create database ${escapeIdentifier(name)} owner ${escapeIdentifier(LOGIN_ROLES.owner)} encoding 'UTF8' template template0`,
    );
  } catch (error) {
    // duplicate_database, or the unique index when two make it at once
    if (!["42P04", "23505"].includes(errorCode(error) ?? "")) throw error;
  }
}

/**
 * Rights on the database itself. CREATE DATABASE … TEMPLATE does not copy them,
 * so a clone needs this as well.
 */
export async function closeDatabase(
  root: ClientBase,
  name: string,
): Promise<void> {
  const database = escapeIdentifier(name);
  const logins = [LOGIN_ROLES.app, LOGIN_ROLES.worker, LOGIN_ROLES.partner]
    .map(escapeIdentifier)
    .join(", ");
  await root.query(
    `revoke all on database ${database} from public;
     grant connect on database ${database} to ${logins};`,
  );
}

/**
 * As the owner, who may do all of this on any server: the extensions are
 * trusted ones.
 */
export async function prepareDatabase(urls: Urls): Promise<void> {
  const schema = escapeIdentifier(EXTENSION_SCHEMA);
  await withClient(urls.owner, async (owner) => {
    await owner.query(`create schema if not exists ${schema}`);
    for (const extension of EXTENSIONS) {
      await owner.query(
        `create extension if not exists ${escapeIdentifier(extension)} schema ${schema}`,
      );
    }
    const { rows } = await owner.query<{ extname: string; nspname: string }>(
      `select e.extname, n.nspname
         from pg_catalog.pg_extension e
         join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        where e.extname = any ($1::text[]) and n.nspname <> $2`,
      [EXTENSIONS, EXTENSION_SCHEMA],
    );
    if (rows.length > 0) {
      const moves = rows.map(
        ({ extname }) => `alter extension ${extname} set schema ${schema};`,
      );
      throw new Error(
        `The extensions ${rows.map(({ extname, nspname }) => `${extname} (in ${nspname})`).join(", ")} must be in the schema ${EXTENSION_SCHEMA}. Run as their owner: ${moves.join(" ")}`,
      );
    }
    // The functions these roles make are for nobody until they are granted.
    for (const role of [LOGIN_ROLES.owner, LOGIN_ROLES.worker, READER_ROLE].map(
      escapeIdentifier,
    )) {
      await owner.query(
        `set role ${role};
         alter default privileges revoke execute on functions from public;
         reset role;`,
      );
    }
  });
  if (urls.root !== null) {
    const name = databaseOf(urls.owner);
    await withClient(withDatabase(urls.root, name), (root) =>
      // Its owner differs from server to server; nothing of ours is in it.
      root.query("revoke all on schema public from public"),
    );
  }
}

/** Cuts every connection and drops the database. */
export async function dropDatabase(
  root: ClientBase,
  name: string,
): Promise<void> {
  await root.query(
    `drop database if exists ${escapeIdentifier(name)} with (force)`,
  );
}

export async function dropDatabaseAt(
  rootUrl: string,
  name: string,
): Promise<void> {
  await withClient(rootUrl, (root) => dropDatabase(root, name));
}
