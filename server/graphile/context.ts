import type { IncomingMessage } from "node:http";

import type { WithPgClient } from "postgraphile/@dataplan/pg";
import type { NodePostgresPgClient } from "postgraphile/adaptors/pg";
import type { GrafastSubscriber } from "postgraphile/grafast";
import type {} from "postgraphile/grafserv/express/v4";

import { type Actor, anonymousActor } from "../auth/actor.ts";
import { pgSettingsFor } from "../auth/pgSettings.ts";
import { AppError } from "../errors.ts";
import { requestScope } from "../requestScope.ts";
import type { RowsEvent, RowsWatcher } from "./live/RowsWatcher.ts";

export type ResolveActor = (
  request: IncomingMessage,
  requestId: string,
) => Promise<Actor>;

export type ContextOptions = {
  statementMs: number;
  /**
   * Who is asking now, from the same request: asked again for every event of a
   * subscription, so that what was revoked meanwhile ends at once.
   */
  resolveActor: ResolveActor;
  /** Opens a stream of changes for whoever `currentActor` says is asking. */
  openRows: (
    currentActor: () => Promise<Actor>,
    topic: string,
  ) => Promise<RowsWatcher>;
};

/** What `listen` subscribes to: a topic is a list of tables. */
export type LiveRows = GrafastSubscriber<Record<string, RowsEvent>>;

declare global {
  namespace Grafast {
    interface Context {
      liveRows: LiveRows;
    }
  }
}

/** 4000–4999 are the application's; graphql-ws clients do not retry on 44xx. */
const CLOSE_SIGNED_OUT = 4401;

/** The one place where identity enters GraphQL: settings for the transaction. */
export function makeContext(
  options: ContextOptions,
): NonNullable<GraphileConfig.GrafastOptions["context"]> {
  const settings = (actor: Actor) => pgSettingsFor(actor, options.statementMs);
  return ({ ws, expressv4, node }, args) => {
    const request = ws?.request ?? expressv4?.req ?? node?.req;
    const first =
      actorOn(request) ??
      anonymousActor(requestScope.getStore()?.requestId ?? "none");
    const currentActor = async () => {
      if (request === undefined) return first;
      const actor = await options.resolveActor(request, first.requestId);
      if (first.userId !== null && actor.userId !== first.userId) {
        ws?.socket?.close(CLOSE_SIGNED_OUT, "Signed out");
        throw new AppError("LOGIN");
      }
      return actor;
    };
    const liveRows: LiveRows = {
      subscribe: (topic) => options.openRows(currentActor, String(topic)),
    };
    if (ws?.request === undefined)
      return { pgSettings: settings(first), liveRows };

    const original: WithPgClient<NodePostgresPgClient> =
      args.contextValue["withPgClient"];
    // A socket outlives sessions and memberships: each statement it causes asks
    // again who is behind it, whatever the settings were when it subscribed.
    const withPgClient: WithPgClient<NodePostgresPgClient> = async (
      _stale,
      callback,
    ) => original(settings(await currentActor()), callback);
    return {
      pgSettings: settings(first),
      liveRows,
      withPgClient: Object.assign(withPgClient, { release: original.release }),
    };
  };
}

/** The HTTP layer leaves the actor on the request, and on a socket's upgrade. */
function actorOn(request: object | undefined): Actor | undefined {
  return request !== undefined && "actor" in request
    ? (request.actor as Actor | undefined)
    : undefined;
}
