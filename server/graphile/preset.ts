import "postgraphile";

import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";

import type { Config } from "../config.ts";
import { makeMaskError } from "../errors.ts";
import type { ConstraintErrors } from "../errors/constraints.ts";
import { makeContext, type ResolveActor } from "./context.ts";
import { FILTER_OPERATORS } from "./filterOperators.ts";
import type { LiveSubscriber } from "./live/LiveSubscriber.ts";
import { openRows } from "./live/openRows.ts";
import { BehaviorMemoryPlugin } from "./plugins/BehaviorMemoryPlugin.ts";
import { makeDefaultPagePlugin } from "./plugins/DefaultPagePlugin.ts";
import { makeGroupLimitPlugin } from "./plugins/GroupLimitPlugin.ts";
import { IndexedColumnsPlugin } from "./plugins/IndexedColumnsPlugin.ts";
import { LeanSchemaPlugin } from "./plugins/LeanSchemaPlugin.ts";
import { makeLimitsPlugin } from "./plugins/LimitsPlugin.ts";
import { LivePlugin } from "./plugins/LivePlugin.ts";
import { RefusalPlugin } from "./plugins/RefusalPlugin.ts";
import { SimilarItemsPlugin } from "./plugins/SimilarItemsPlugin.ts";

export type PresetOptions = {
  config: Pick<Config, "mode" | "limits">;
  /** Logs in as closetai_app; serves every request. */
  pool: Pool;
  /** Has a connection of its own: a pool's one would be lent away. */
  subscriber: LiveSubscriber;
  log: Pick<Logger, "error" | "warn">;
  constraints: () => ConstraintErrors;
  resolveActor: ResolveActor;
  /** Of other parts of the server, e.g. the URLs of stored files. */
  plugins?: readonly GraphileConfig.Plugin[];
};

export function makePreset({
  config: { mode, limits },
  pool,
  subscriber,
  log,
  constraints,
  resolveActor,
  plugins = [],
}: PresetOptions): GraphileConfig.Preset {
  const open = mode !== "production";
  const maskError = makeMaskError({ log, constraints });
  return {
    extends: [
      PostGraphileAmberPreset,
      PgSimplifyInflectionPreset,
      PostGraphileConnectionFilterPreset,
      PgAggregatesPreset,
    ],
    plugins: [
      BehaviorMemoryPlugin,
      IndexedColumnsPlugin,
      LeanSchemaPlugin,
      makeDefaultPagePlugin(limits),
      makeGroupLimitPlugin(limits),
      LivePlugin,
      makeLimitsPlugin({
        limits,
        suggestions: open,
        introspection: open,
        maskError,
      }),
      RefusalPlugin,
      SimilarItemsPlugin,
      ...plugins,
    ],
    disablePlugins: [
      // Both put the root inside an answer: a way around the limit on root fields.
      "QueryQueryPlugin",
      "MutationPayloadQueryPlugin",
      // A field that cannot be built stops production at start, not a caller later.
      ...(mode === "development" ? [] : ["SwallowErrorsPlugin" as const]),
    ],
    pgServices: [
      makePgService({
        pool,
        schemas: ["app_public"],
        // One connection listens for all: live/LiveSubscriber.
        pubsub: false,
      }),
    ],
    schema: {
      connectionFilterAllowedOperators: [...FILTER_OPERATORS],
      connectionFilterComputedColumns: false,
      connectionFilterSetofFunctions: false,
    },
    grafast: {
      context: makeContext({
        statementMs: limits.statementMs,
        resolveActor,
        openRows: (currentActor, topic) =>
          openRows({ pool, subscriber }, currentActor, topic),
      }),
      explain: false,
      timeouts: {
        planning: limits.planningMs,
        execution: limits.executionMs,
      },
    },
    grafserv: {
      graphqlPath: "/graphql",
      graphiqlPath: "/ruru",
      eventStreamPath: "/graphql/stream",
      graphqlOverGET: false,
      graphiql: open,
      // Alone, `graphiql: false` still serves the IDE on GET /graphql.
      graphiqlOnGraphQLGET: false,
      allowedRequestContentTypes: ["application/json"],
      maxRequestLength: limits.bodyBytes,
      websockets: true,
      maskError,
    },
  };
}
