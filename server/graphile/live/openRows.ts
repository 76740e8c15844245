import type { Pool } from "pg";

import type { Actor } from "../../auth/actor.ts";
import { AppError } from "../../errors/AppError.ts";
import { MAX_LIVE_TABLES } from "../limits.ts";
import type { LiveSubscriber } from "./LiveSubscriber.ts";
import { loadLiveRights } from "./loadLiveRights.ts";
import type { RowsWatcher } from "./RowsWatcher.ts";

/** The engine knows a subscription by a text: the tables it names. */
export function topicOf(tables: readonly string[]): string {
  return JSON.stringify(tables);
}

/** Opens a stream of changes for whoever is asking, or says why not. */
export async function openRows(
  deps: { pool: Pool; subscriber: LiveSubscriber },
  currentActor: () => Promise<Actor>,
  topic: string,
): Promise<RowsWatcher> {
  const actor = await currentActor();
  if (actor.userId === null) throw new AppError("LOGIN");
  const tables = [...new Set(JSON.parse(topic) as string[])];
  if (tables.length === 0 || tables.length > MAX_LIVE_TABLES)
    throw new AppError(
      tables.length === 0 ? "INVAL" : "LIMIT",
      `Name between 1 and ${MAX_LIVE_TABLES} tables.`,
      { field: "tables" },
    );
  const rights = await loadLiveRights(deps.pool, actor.role, tables);
  for (const table of tables) {
    const right = rights.get(table);
    // What is not there and what is not to be seen are told alike.
    if (right === undefined)
      throw new AppError(
        "NTFND",
        `There is no table ${JSON.stringify(table.slice(0, 63))} that you may read.`,
        { field: "tables" },
      );
    if (!right.isLive)
      throw new AppError("INVAL", `${table} does not tell of its changes.`, {
        field: "tables",
        hint: "Read it again from time to time, or make it live with app_private.announce_changes (a view: with the tag @admin.live).",
      });
  }
  return deps.subscriber.watch({ actor, rights, currentActor });
}
