import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Config, Limits } from "../../server/config.ts";
import { DEFAULT_LIMITS, parseConfig } from "../../server/config.ts";
import type { Lifecycle } from "../../server/http/lifecycle.ts";
import { makeHttpServer } from "../../server/http/makeHttpServer.ts";
import { makeLog } from "../../server/http/makeLog.ts";
import { startApp } from "../../server/startApp.ts";
import type { TestDatabase } from "./database.ts";
import { type HttpClient, makeClient } from "./http.ts";
import { testServer } from "./testServer.ts";

export const TEST_SECRET = "test-secret-test-secret-test-secret-0";

/** As in production, but a busy machine may plan a query slowly. */
export const TEST_LIMITS: Limits = { ...DEFAULT_LIMITS, planningMs: 20_000 };

export type TestHttpServer = {
  url: string;
  config: Config;
  lifecycle: Lifecycle;
  /** Where uploaded files go. */
  dataDir: string;
  /** A browser of its own: cookies, and the Origin of the server's own pages. */
  client(): HttpClient;
  close(): Promise<void>;
};

/**
 * The real server on a free port over a test database; the background worker
 * is off unless asked for, so that tests say when work happens.
 */
export async function startTestServer(
  db: Pick<TestDatabase, "urls">,
  overrides: Partial<Config> = {},
  options: { adminDir?: string } = {},
): Promise<TestHttpServer> {
  const dataDir = mkdtempSync(join(testServer().folder, "http-"));
  const config: Config = {
    ...parseConfig({
      NODE_ENV: "test",
      PORT: "0",
      CLOSETAI_DATA_DIR: dataDir,
      CLOSETAI_SECRET: TEST_SECRET,
      WORKER: "off",
      // A busy machine must not turn a test of something else red.
      DB_CONNECT_TIMEOUT_MS: "15000",
      LOG_LEVEL: process.env["TEST_LOG_LEVEL"] ?? "silent",
    }),
    limits: TEST_LIMITS,
    ...overrides,
  };
  const lifecycle: Lifecycle = { state: "starting" };
  const http = makeHttpServer(config, lifecycle);
  const { port } = await http.listen();
  const url = `http://127.0.0.1:${port}`;
  const app = await startApp({
    config:
      overrides.rootUrl === undefined ? { ...config, rootUrl: url } : config,
    log: makeLog(config),
    urls: db.urls,
    http,
    lifecycle,
    ...options,
  });
  return {
    url,
    config,
    lifecycle,
    dataDir,
    client: () => makeClient(url),
    close: async () => {
      lifecycle.state = "stopping";
      await app.drain(1_000);
      await app.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
