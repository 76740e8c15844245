import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { pino } from "pino";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/node";

import { type Actor, anonymousActor } from "../../server/auth/actor.ts";
import { DEFAULT_LIMITS, type Limits } from "../../server/config.ts";
import { makeMaskError } from "../../server/errors.ts";
import { loadConstraintErrors } from "../../server/errors/constraints.ts";
import { LiveSubscriber } from "../../server/graphile/live/LiveSubscriber.ts";
import { makePreset } from "../../server/graphile/preset.ts";
import { makeUpgradeHandler } from "../../server/graphile/websockets.ts";
import { requestScope } from "../../server/requestScope.ts";
import type { TestActor, TestDatabase } from "./database.ts";

export type GraphQLAnswer<Data = Record<string, unknown>> = {
  status: number;
  headers: Headers;
  data: Data | null | undefined;
  errors:
    | readonly {
        message: string;
        path?: readonly (string | number)[];
        extensions: {
          code: string;
          field?: string;
          hint?: string;
          requestId: string | null;
        };
      }[]
    | undefined;
  /** The answer as it crossed the wire, to look for what must not be in it. */
  text: string;
};

export type TestApi = {
  url: string;
  schema: Awaited<ReturnType<ReturnType<typeof postgraphile>["getSchema"]>>;
  /** What was logged, one object per line. */
  logged: () => readonly Record<string, unknown>[];
  execute<Data = Record<string, unknown>>(
    actor: TestActor,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<GraphQLAnswer<Data>>;
  /** Any request, as a stranger would send it. */
  request(init: RequestInit, actor?: TestActor): Promise<GraphQLAnswer>;
  /** A websocket address that acts as this actor until `become` says otherwise. */
  socketUrl(actor: TestActor): { url: string; become(actor: TestActor): void };
  live: LiveSubscriber;
  close(): Promise<void>;
};

export type TestApiOptions = {
  limits?: Partial<Limits>;
  mode?: "development" | "production" | "test";
  plugins?: readonly GraphileConfig.Plugin[];
};

/**
 * The real preset behind a real HTTP server; only who is asking is injected, so
 * that limits, settings, policies and masking are those of the product.
 */
export async function makeTestApi(
  db: Pick<TestDatabase, "app" | "urls">,
  options: TestApiOptions = {},
): Promise<TestApi> {
  const lines: string[] = [];
  const log = pino(
    { level: "debug" },
    { write: (line: string) => void lines.push(line) },
  );
  const actors = new Map<string, Actor>();
  const remember = (key: string, actor: TestActor) =>
    actors.set(key, { ...anonymousActor(key), ...actor });
  const actorBehind = (url: string | undefined): Actor | undefined =>
    actors.get(new URL(url ?? "/", "http://test").searchParams.get("as") ?? "");

  const limits: Limits = {
    ...DEFAULT_LIMITS,
    // A busy machine must not turn a test of something else red.
    planningMs: 20_000,
    ...options.limits,
  };
  const live = new LiveSubscriber({ connectionString: db.urls.app, log });
  const constraints = await loadConstraintErrors(db.app);
  const pgl = postgraphile(
    makePreset({
      config: { mode: options.mode ?? "test", limits },
      pool: db.app,
      subscriber: live,
      log,
      constraints: () => constraints,
      resolveActor: (request, requestId) =>
        Promise.resolve(actorBehind(request.url) ?? anonymousActor(requestId)),
      plugins: options.plugins ?? [],
    }),
  );
  const serv = pgl.createServ(grafserv);
  const schema = await pgl.getSchema();
  await serv.ready();

  const server: Server = createServer();
  const handle = serv.createHandler();
  let requests = 0;
  server.on("request", (request, response) => {
    const actor = actorBehind(request.url);
    const requestId = `test-${++requests}`;
    Object.assign(request, {
      requestId,
      actor: actor === undefined ? undefined : { ...actor, requestId },
    });
    requestScope.run({ requestId }, () => {
      void handle(request, response);
    });
  });
  const sockets = makeUpgradeHandler(serv, {
    limits,
    log,
    admit: () => Promise.resolve(),
    maskError: makeMaskError({ log }),
  });
  server.on("upgrade", (request, socket, head) => {
    Object.assign(request, { actor: actorBehind(request.url) });
    sockets.upgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/graphql`;

  let keys = 0;
  const addressOf = (actor: TestActor | undefined, base: string) => {
    if (actor === undefined) return { address: base, key: "" };
    const key = String(++keys);
    remember(key, actor);
    return { address: `${base}?as=${key}`, key };
  };
  const request: TestApi["request"] = async (init, actor) => {
    const response = await fetch(addressOf(actor, url).address, init);
    const text = await response.text();
    const body = text.startsWith("{")
      ? (JSON.parse(text) as Pick<GraphQLAnswer, "data" | "errors">)
      : { data: undefined, errors: undefined };
    return {
      status: response.status,
      headers: response.headers,
      data: body.data,
      errors: body.errors,
      text,
    };
  };

  return {
    url,
    schema,
    live,
    logged: () =>
      lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    request,
    execute: <Data>(
      actor: TestActor,
      query: string,
      variables?: Record<string, unknown>,
    ) =>
      request(
        {
          method: "POST",
          headers: {
            "content-type": "application/json",
            accept: "application/graphql-response+json",
          },
          body: JSON.stringify({ query, variables }),
        },
        actor,
      ) as Promise<GraphQLAnswer<Data>>,
    socketUrl: (actor) => {
      const { address, key } = addressOf(actor, url.replace("http", "ws"));
      return { url: address, become: (next) => void remember(key, next) };
    },
    close: async () => {
      await sockets.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await pgl.release();
      await live.release();
      // What a closed socket had asked for is still being answered to nobody.
      while (db.app.waitingCount > 0 || db.app.idleCount < db.app.totalCount)
        await sleep(10);
    },
  };
}
