import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { parseConfig } from "../../server/config.ts";
import { withClient } from "../../server/db/clients.ts";
import {
  assertSupported,
  openDatabase,
  waitForServer,
} from "../../server/db/connect.ts";
import { dropDatabaseAt } from "../../server/db/database.ts";
import { type Log, silentLog } from "../../server/db/log.ts";
import { migrate } from "../../server/db/migrate.ts";
import { makePools } from "../../server/db/pools.ts";
import { withDatabase, withLogin } from "../../server/db/urls.ts";
import { testServer } from "../helpers/testServer.ts";

/** The test server behind another port, which can be shut and opened. */
async function makeProxy(port = 0): Promise<Server> {
  const target = new URL(testServer().urls.root);
  const proxy = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    socket.on("error", () => upstream.destroy());
    upstream.on("error", () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  proxy.listen(port, "127.0.0.1");
  await once(proxy, "listening");
  return proxy;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

describe("a database server", () => {
  it("older than 15 is refused with a sentence", () => {
    expect(() => assertSupported(140011)).toThrow(
      "The database server is PostgreSQL 14, and at least 15 is needed. Upgrade it, or point DATABASE_URL at a newer one.",
    );
    expect(() => assertSupported(150000)).not.toThrow();
    expect(() => assertSupported(180004)).not.toThrow();
  });

  it("that is absent at start is waited for, with a line each time", async () => {
    const probe = await makeProxy();
    const port = portOf(probe);
    await close(probe);
    const said: string[] = [];
    const log: Log = { ...silentLog, warn: (text) => said.push(text) };
    const url = new URL(testServer().urls.root);
    url.port = String(port);
    const waiting = waitForServer(url.href, log, { firstPauseMs: 20 });
    while (said.length < 3) await sleep(10);
    const proxy = await makeProxy(port);
    expect(await waiting).toBe(testServer().serverVersion);
    await close(proxy);
    expect(said[0]).toMatch(
      new RegExp(
        `^The database at 127\\.0\\.0\\.1:${port}/postgres does not answer \\(.*ECONNREFUSED.*\\); trying again in 20 ms$`,
      ),
    );
    expect(said[1]).toMatch(/again in 40 ms$/);
    expect(said.join("\n")).not.toContain(url.password);
  });

  it("that is absent is given up when the program ends", async () => {
    const probe = await makeProxy();
    const url = new URL(testServer().urls.root);
    url.port = String(portOf(probe));
    await close(probe);
    const abort = new AbortController();
    const waiting = waitForServer(url.href, silentLog, {
      signal: abort.signal,
      firstPauseMs: 5_000,
    });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  });

  it("that refuses the password is not asked again and again", async () => {
    const { root } = testServer().urls;
    await expect(
      waitForServer(withLogin(root, "postgres", "wrong"), silentLog),
    ).rejects.toMatchObject({ code: "28P01" });
  });
});

describe("an external database", () => {
  const name = `closetai_test_${randomBytes(6).toString("hex")}`;
  const { root } = testServer().urls;
  // The roles belong to the whole server, and so do their passwords.
  const env = {
    CLOSETAI_SECRET: testServer().secret,
    DATABASE_URL: withLogin(withDatabase(root, name), "ignored", "ignored"),
  };
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "closetai-config-"));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await dropDatabaseAt(root, name);
  });

  function config(more: Record<string, string> = {}) {
    return parseConfig({
      NODE_ENV: "test",
      CLOSETAI_DATA_DIR: folder,
      ...env,
      ...more,
    });
  }

  it("is made through ROOT_DATABASE_URL, and used without it from then on", async () => {
    const made = await openDatabase(
      config({ ROOT_DATABASE_URL: root }),
      silentLog,
    );
    expect(made.embedded).toBeNull();
    await migrate(made.urls, silentLog);
    await made.close();

    const used = await openDatabase(config(), silentLog);
    expect(used.urls.root).toBeNull();
    await migrate(used.urls, silentLog);
    const who = await withClient(used.urls.app, async (client) => {
      const { rows } = await client.query(
        "select session_user as login, current_database() as name",
      );
      return rows[0] as unknown;
    });
    expect(who).toEqual({ login: "closetai_app", name });
    await used.close();
  });

  it("that was not made is named, with what to set", async () => {
    await expect(openDatabase(config(), silentLog)).rejects.toThrow(
      /does not let closetai_owner in .*Set ROOT_DATABASE_URL once/,
    );
  });

  it("is refused without a secret, from which the passwords follow", async () => {
    await expect(
      openDatabase({ ...config(), secret: null }, silentLog),
    ).rejects.toThrow(/CLOSETAI_SECRET must be set too/);
  });

  it("gives up on a connection instead of waiting for ever", async () => {
    const database = await openDatabase(
      config({ ROOT_DATABASE_URL: root }),
      silentLog,
    );
    const pools = makePools(
      database.urls,
      config({ DB_POOL_APP: "1", DB_CONNECT_TIMEOUT_MS: "2000" }),
      silentLog,
    );
    const taken = await pools.app.connect();
    try {
      await expect(pools.app.query("select 1")).rejects.toThrow(/timeout/i);
    } finally {
      taken.release();
    }
    await pools.app.query("select 1");
    await pools.close();
  });

  it("serves on when all connections were cut", async () => {
    const database = await openDatabase(
      config({ ROOT_DATABASE_URL: root }),
      silentLog,
    );
    const pools = makePools(database.urls, config(), silentLog);
    await Promise.all([1, 2, 3].map(() => pools.app.query("select 1")));
    await withClient(root, (client) =>
      client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
        [name],
      ),
    );
    // The pool notices as soon as the news has arrived.
    while (pools.app.totalCount > 0) await sleep(10);
    await pools.app.query("select 1");
    await pools.close();
  });
});

describe("pools", () => {
  it("warn of a connection that breaks, and not of one that ends with them", async () => {
    const warned: string[] = [];
    const { urls } = testServer();
    const pools = makePools(urls, parseConfig({}), {
      ...silentLog,
      warn: (message) => warned.push(message),
    });
    const broken = () => pools.app.emit("error", new Error("terminating"));
    broken();
    expect(warned).toEqual(["An idle app connection broke: terminating"]);
    // A database that stops with the server may be the faster one.
    const closed = pools.close();
    broken();
    await closed;
    expect(warned).toHaveLength(1);
  });
});

describe("the command line", () => {
  async function db(
    args: string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number; output: string }> {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, "../../server/cli/db.ts"), ...args],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...env },
      },
    );
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, "close")) as [number];
    return { code, output };
  }

  it("explains itself", async () => {
    const { code, output } = await db(["--help"]);
    expect(code).toBe(0);
    for (const command of [
      "watch",
      "migrate",
      "commit",
      "uncommit",
      "reset",
      "status",
    ]) {
      expect(output).toContain(`  ${command}`);
    }
    expect(output).not.toContain("prepare-shadow");
    expect((await db(["reset", "--help"])).output).toContain("--yes");
  });

  it("asks for a message before it commits", async () => {
    const { code, output } = await db(["commit"]);
    expect(code).toBe(1);
    expect(output).toMatch(/--message/);
  });

  it("does not delete a database that nobody confirmed", async () => {
    const name = `closetai_test_${randomBytes(6).toString("hex")}`;
    const { root } = testServer().urls;
    const folder = mkdtempSync(join(tmpdir(), "closetai-config-"));
    const env = {
      NODE_ENV: "test",
      CLOSETAI_DATA_DIR: folder,
      CLOSETAI_SECRET: testServer().secret,
      DATABASE_URL: withDatabase(root, name),
      ROOT_DATABASE_URL: root,
    };
    try {
      expect((await db(["migrate"], env)).code).toBe(0);
      const mark = () =>
        withClient(withDatabase(root, name), async (client) => {
          const { rows } = await client.query<{ oid: number }>(
            "select oid::int from pg_database where datname = current_database()",
          );
          return rows[0]?.oid;
        });
      const before = await mark();
      const { code, output } = await db(["reset"], env);
      expect(code).toBe(1);
      expect(output).toMatch(/Add --yes if that is meant/);
      expect(await mark()).toBe(before);

      expect((await db(["reset", "--yes"], env)).code).toBe(0);
      expect(await mark()).not.toBe(before);

      const status = await db(["status"], env);
      expect(status.code).toBe(0);
      expect(status.output).toMatch(/PostgreSQL 18\.\d+ \(external\)/);
    } finally {
      await dropDatabaseAt(root, name);
      rmSync(folder, { recursive: true });
    }
  });
});
