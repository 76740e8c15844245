import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { Express } from "express";
import type { ExecutionResult, GraphQLSchema } from "graphql";
import { makeSchema, postgraphile } from "postgraphile";
import { grafast } from "postgraphile/grafast";
import { grafserv } from "postgraphile/grafserv/express/v4";

import type { AppDeps } from "../app.ts";
import { type Actor, anonymousActor } from "../auth/actor.ts";
import { isAllowedOrigin } from "../auth/isAllowedOrigin.ts";
import { makeRegistrationLimitPlugin } from "../auth/RegistrationLimitPlugin.ts";
import { makeBillingPlugins } from "../billing/BillingPlugin.ts";
import { makeStripeApi } from "../billing/stripeApi.ts";
import { catalogPlugins } from "../catalog/plugins.ts";
import { makeMaskError, toPublicError } from "../errors.ts";
import { LiveSubscriber } from "../graphile/live/LiveSubscriber.ts";
import { makePreset } from "../graphile/preset.ts";
import { makeUpgradeHandler } from "../graphile/websockets.ts";
import { requestScope } from "../requestScope.ts";
import { makeStoragePlugins } from "../storage/plugins.ts";

/** The schema that is served, and how to make it anew from the database. */
export type GraphQLApi = {
  schema(): GraphQLSchema;
  /**
   * Builds the schema and answers with it from the next operation on; those
   * under way end with the one they began with. When it cannot be built, the
   * last good one stays.
   */
  rebuild(): Promise<GraphQLSchema>;
  /** One operation as the caller behind the request, for answers that are no GraphQL. */
  execute(
    requestContext: Partial<Grafast.RequestContext>,
    source: string,
    variableValues: Record<string, unknown>,
  ): Promise<ExecutionResult>;
};

type UpgradeRequest = IncomingMessage & { requestId?: string; actor?: Actor };

/** /graphql: the schema PostGraphile makes of the database, over HTTP and websockets. */
export async function installGraphQL(
  app: Express,
  deps: AppDeps,
): Promise<GraphQLApi> {
  const { config, log, pools, urls, server, actors } = deps;
  const subscriber = new LiveSubscriber({ connectionString: urls.app, log });
  const preset = makePreset({
    config,
    pool: pools.app,
    subscriber,
    log,
    constraints: deps.constraints,
    resolveActor: (request: UpgradeRequest) =>
      actors.ofRequest(request, request.requestId ?? randomUUID()),
    plugins: [
      ...catalogPlugins,
      ...makeStoragePlugins(deps.fileUrls, config),
      ...makeBillingPlugins({
        config,
        api: makeStripeApi(config.stripe),
        log,
      }),
      makeRegistrationLimitPlugin(deps.limiters),
    ],
  });
  const instance = postgraphile(preset);
  // Built now, so that a schema that cannot be built stops the start.
  let schema = await instance.getSchema();
  const serv = instance.createServ(grafserv);
  await serv.addTo(app, server, false);
  const sockets = makeUpgradeHandler(serv, {
    limits: config.limits,
    log,
    maskError: makeMaskError({ log, constraints: deps.constraints }),
    // An operation over a websocket counts like a request.
    admit: (request: UpgradeRequest) =>
      deps.limiters.api({
        actor: request.actor ?? anonymousActor("none"),
        ip: request.socket.remoteAddress,
      }),
  });

  const onUpgrade = (request: UpgradeRequest, socket: Duplex, head: Buffer) => {
    if (deps.development?.ownsSocket(request)) return;
    // Node no longer listens to this socket: without a listener, a client that
    // resets the connection while we ask who it is would end the process.
    socket.on("error", () => socket.destroy());
    request.requestId = randomUUID();
    void requestScope.run({ requestId: request.requestId }, async () => {
      const refusal = await refuseUpgrade(request, deps);
      if (socket.destroyed) return;
      if (refusal === null) sockets.upgrade(request, socket, head);
      else {
        // end() alone leaves it half open until the client closes its half.
        socket.once("finish", () => socket.destroy());
        socket.end(refusal);
      }
    });
  };
  server.on("upgrade", onUpgrade);

  deps.onDrain(() => sockets.close());
  deps.onClose(async () => {
    server.off("upgrade", onUpgrade);
    await instance.release();
    await subscriber.release();
  });

  return {
    schema: () => schema,
    rebuild: async () => {
      const made = await makeSchema(preset);
      serv.setSchema(made.schema);
      schema = made.schema;
      return schema;
    },
    execute: async (requestContext, source, variableValues) => {
      const result = await grafast({
        schema,
        source,
        variableValues,
        resolvedPreset: instance.getResolvedPreset(),
        requestContext,
      });
      if (Symbol.asyncIterator in result) {
        throw new Error("A subscription was executed as a query");
      }
      return result;
    },
  };
}

/** Sets the actor on the request, or answers why there will be no socket. */
async function refuseUpgrade(
  request: UpgradeRequest,
  deps: AppDeps,
): Promise<string | null> {
  if (deps.lifecycle.state !== "ready") return refusal(503, "Not ready");
  const [path] = (request.url ?? "").split("?", 1);
  if (path !== "/graphql") return refusal(404, "Not Found");
  // No preflight guards a websocket: any page may open one and the browser adds
  // our cookie. So the Origin decides, unless a program brought a token.
  if (
    request.headers.authorization === undefined &&
    !isAllowedOrigin(request.headers, deps.config)
  ) {
    return refusal(403, "Forbidden");
  }
  try {
    request.actor = await deps.actors.ofRequest(
      request,
      request.requestId ?? randomUUID(),
    );
    return null;
  } catch (error) {
    const { status, message } = toPublicError(error);
    deps.log.warn({ err: error }, "websocket refused");
    return refusal(status, message);
  }
}

function refusal(status: number, reason: string): string {
  return `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}
