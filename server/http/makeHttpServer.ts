import {
  createServer,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";

import type { Config } from "../config.ts";
import type { Lifecycle } from "./lifecycle.ts";

export type HttpServer = {
  server: Server;
  /** From now on the app answers, instead of "starting". */
  use(app: RequestListener): void;
  listen(): Promise<AddressInfo>;
  /** No new requests; those running get so long to finish. */
  drain(graceMs: number): Promise<void>;
};

const LINGER_MS = 300;

/**
 * Listens before there is a database, so that whoever watches the process sees
 * it live and not ready, instead of not there.
 */
export function makeHttpServer(
  config: Pick<Config, "host" | "port" | "limits">,
  lifecycle: Lifecycle,
): HttpServer {
  let listener: RequestListener = (req, res) => {
    const path = (req.url ?? "").split("?", 1)[0];
    if (path === "/healthz") sendJson(res, 200, { status: "ok" });
    else if (path === "/readyz") {
      sendJson(res, 503, { status: lifecycle.state });
    } else {
      sendJson(res, 503, {
        error: {
          code: "BUSY",
          message: "The server is starting",
          hint: "Try again in a moment",
          requestId: null,
        },
      });
    }
  };
  // Node looks for slow clients every 30 seconds unless told otherwise.
  const options = { connectionsCheckingInterval: 1_000 };
  const server = createServer(options, (req, res) => {
    // A kept-alive connection would outlive the drain. Not before the listener
    // is closed: clients would only connect anew, and be reset by its end.
    if (!server.listening) res.setHeader("Connection", "close");
    listener(req, res);
  });
  server.headersTimeout = config.limits.headersMs;
  // A catalogue may be half a gigabyte over a slow line.
  server.requestTimeout = 30 * 60_000;
  // Longer than what proxies keep, so that they close first.
  server.keepAliveTimeout = 65_000;

  return {
    server,
    use: (app) => {
      listener = app;
    },
    listen: () =>
      new Promise((resolve, reject) => {
        server.once("error", (error: NodeJS.ErrnoException) => {
          reject(
            error.code === "EADDRINUSE"
              ? new Error(
                  `Port ${config.port} is in use. Stop what listens there, or choose another with PORT=…`,
                  { cause: error },
                )
              : error,
          );
        });
        server.listen(config.port, config.host, () => {
          resolve(server.address() as AddressInfo);
        });
      }),
    drain: (graceMs) =>
      new Promise((resolve) => {
        if (!server.listening) {
          resolve();
          return;
        }
        const cut = setTimeout(() => {
          server.closeAllConnections();
        }, graceMs);
        // http's own close() also ends idle connections on the spot, and with
        // them whatever a client has just begun to send. They are given a
        // moment to ask once more and be told "Connection: close".
        const sweep = setInterval(() => {
          server.closeIdleConnections();
        }, LINGER_MS);
        NetServer.prototype.close.call(server, () => {
          clearTimeout(cut);
          clearInterval(sweep);
          resolve();
        });
      }),
  };
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Cache-Control": "no-store",
    ...(status === 503 ? { "Retry-After": "1" } : {}),
  });
  res.end(JSON.stringify(body));
}
