import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { CloseCode, makeServer } from "graphql-ws";
import type { Logger } from "pino";
import { type GrafservBase, makeGraphQLWSConfig } from "postgraphile/grafserv";
import { GraphQLError } from "postgraphile/graphql";
import { type RawData, type WebSocket, WebSocketServer } from "ws";

import { isError } from "../errors.ts";
import { requestScope } from "../requestScope.ts";
import { type GraphQLLimits, MAX_OPEN_OPERATIONS } from "./limits.ts";

export type UpgradeHandler = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
) => void;

type Extra = { socket: WebSocket; request: IncomingMessage };

const PING_MS = 12_000;

/**
 * GraphQL over websockets with the bounds of HTTP. grafserv's own handler takes
 * messages of 100 MB and any number of operations at once. The caller checks
 * Origin and puts the actor on the request before it calls this.
 */
export function makeUpgradeHandler(
  serv: GrafservBase,
  options: {
    limits: Pick<GraphQLLimits, "bodyBytes">;
    log: Pick<Logger, "warn">;
    /** Asked before each operation; what it throws is told instead of an answer. */
    admit: (request: IncomingMessage) => Promise<void>;
    maskError: (error: GraphQLError) => GraphQLError;
  },
): { upgrade: UpgradeHandler; close: () => Promise<void> } {
  const config = makeGraphQLWSConfig(serv);
  const graphql = makeServer<Record<string, unknown>, Extra>({
    ...config,
    connectionInitWaitTimeout: 5_000,
    async onSubscribe(context, id, payload) {
      if (Object.keys(context.subscriptions).length > MAX_OPEN_OPERATIONS) {
        context.extra.socket.close(
          CloseCode.TooManyInitialisationRequests,
          "Too many operations at once",
        );
        return;
      }
      try {
        await options.admit(context.extra.request);
      } catch (error) {
        if (!isError(error)) throw error;
        return [
          options.maskError(
            new GraphQLError(error.message, { originalError: error }),
          ),
        ];
      }
      return config.onSubscribe?.(context, id, payload);
    },
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: options.limits.bodyBytes,
    // Compression would let a small message grow large.
    perMessageDeflate: false,
  });
  sockets.on("connection", (socket: WebSocket, request: IncomingMessage) => {
    let alive = true;
    const ping = setInterval(() => {
      if (!alive) {
        socket.terminate();
        return;
      }
      alive = false;
      socket.ping();
    }, PING_MS);
    socket.on("pong", () => {
      alive = true;
    });
    // Too long a message ends here; ws has already chosen the close code.
    socket.on("error", (error) =>
      options.log.warn({ reason: error.message }, "websocket failed"),
    );
    const closed = graphql.opened(
      {
        protocol: socket.protocol,
        send: (data) =>
          new Promise((resolve, reject) => {
            socket.send(data, (error) => (error ? reject(error) : resolve()));
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (receive) =>
          socket.on("message", (data: RawData) => {
            const scope = { requestId: requestIdOf(request) };
            requestScope
              .run(scope, () => receive(data.toString()))
              .catch((error: Error) => {
                options.log.warn(
                  { reason: error.message, requestId: scope.requestId },
                  "websocket message failed",
                );
                socket.close(CloseCode.InternalServerError, "Server error");
              });
          }),
      },
      { socket, request },
    );
    socket.once("close", (code, reason) => {
      clearInterval(ping);
      void closed(code, reason.toString());
    });
  });
  return {
    upgrade: (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (webSocket) =>
        sockets.emit("connection", webSocket, request),
      ),
    close: async () => {
      for (const socket of sockets.clients)
        socket.close(1001, "The server is stopping");
      await new Promise<void>((resolve) => {
        sockets.close(() => resolve());
        // A client that does not answer the close is not waited for.
        setTimeout(() => {
          for (const socket of sockets.clients) socket.terminate();
        }, 1_000).unref();
      });
    },
  };
}

function requestIdOf(request: IncomingMessage): string {
  return "requestId" in request && typeof request.requestId === "string"
    ? request.requestId
    : randomUUID();
}
