import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";

import { privateTemporaryFolder } from "../../server/db/binaries.ts";
import { withClient } from "../../server/db/clients.ts";
import {
  discardEmbedded,
  type EmbeddedServer,
  openEmbedded,
  openToServerUser,
} from "../../server/db/embedded.ts";
import { type Log, silentLog } from "../../server/db/log.ts";
import { acquireOwnerLock } from "../../server/db/ownerLock.ts";
import { isRunning, waitForExit } from "../../server/db/processes.ts";
import { TEST_FOLDER_PREFIX } from "../helpers/testServer.ts";

type ChildReport = {
  role: string;
  adopted: boolean;
  pid: number;
  port: number;
  clusterDir: string;
  url: string;
  error?: string;
  lines: string[];
};

const CHILD = join(import.meta.dirname, "../helpers/embeddedChild.ts");

describe("the embedded server", () => {
  let folder = "";
  let dataDir = "";
  let children: ChildProcess[] = [];
  let servers: EmbeddedServer[] = [];
  let said: string[] = [];

  const log: Log = {
    debug: (text) => said.push(text),
    info: (text) => said.push(text),
    warn: (text) => said.push(text),
    error: (text) => said.push(text),
  };

  beforeEach(() => {
    folder = mkdtempSync(
      join(tmpdir(), `${TEST_FOLDER_PREFIX}${process.pid}-`),
    );
    openToServerUser(folder);
    dataDir = join(folder, "data");
    said = [];
  });

  afterEach(async () => {
    for (const child of children) await end(child, "SIGKILL");
    children = [];
    for (const server of servers) await server.close();
    servers = [];
    expect(await discardEmbedded(dataDir, silentLog)).toBe(true);
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(
    options: { whenInUse?: "refuse" | "join"; port?: number } = {},
  ): Promise<EmbeddedServer> {
    const server = await openEmbedded({
      dataDir,
      log,
      durable: false,
      ...options,
    });
    servers.push(server);
    return server;
  }

  async function child(mode = "refuse"): Promise<{
    process: ChildProcess;
    report: ChildReport;
  }> {
    const process_ = spawn(process.execPath, [CHILD, dataDir, mode], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(process_);
    const lines = createInterface({ input: process_.stdout });
    const [line] = (await once(lines, "line")) as [string];
    return { process: process_, report: JSON.parse(line) as ChildReport };
  }

  async function end(
    victim: ChildProcess,
    signal: NodeJS.Signals,
  ): Promise<void> {
    if (victim.exitCode !== null || victim.signalCode !== null) return;
    victim.kill(signal);
    await once(victim, "exit");
  }

  async function store(url: string, text: string): Promise<void> {
    await withClient(url, async (client) => {
      // These servers trade safety for speed; here safety is what is tested.
      await client.query("set synchronous_commit = on");
      await client.query("create table if not exists kept (text text)");
      await client.query("insert into kept values ($1)", [text]);
    });
  }

  async function stored(server: EmbeddedServer): Promise<string[]> {
    return withClient(server.url("postgres"), async (client) => {
      const { rows } = await client.query<{ text: string }>(
        "select text from kept order by text",
      );
      return rows.map(({ text }) => text);
    });
  }

  it("listens on loopback only, asks for a password, and checks its pages", async () => {
    const server = await open();
    const settings = await withClient(
      server.url("postgres"),
      async (client) => {
        const { rows } = await client.query(
          `select current_setting('listen_addresses') as listen,
                current_setting('unix_socket_directories') as sockets,
                current_setting('data_checksums') as checksums,
                current_setting('password_encryption') as encryption`,
        );
        return rows[0] as unknown;
      },
    );
    expect(settings).toEqual({
      listen: "127.0.0.1",
      sockets: "",
      checksums: "on",
      encryption: "scram-sha-256",
    });
    const wrong = new URL(server.url("postgres"));
    wrong.password = "wrong";
    await expect(
      withClient(wrong.href, () => Promise.resolve()),
    ).rejects.toMatchObject({ code: "28P01" });
  });

  it("keeps its password and its data from other users of the machine", async () => {
    const server = await open();
    const mode = (path: string): number => statSync(path).mode & 0o777;
    expect(mode(join(dataDir, "superuser-password"))).toBe(0o600);
    expect(mode(server.clusterDir)).toBe(0o700);
    // Root's folder must be passed through by the user who runs the server.
    expect(mode(dataDir)).toBe(process.getuid?.() === 0 ? 0o711 : 0o700);
  });

  it("uses the same database, port and password the second time", async () => {
    const first = await open();
    await store(first.url("postgres"), "first");
    const made = readFileSync(join(first.clusterDir, "closetai-cluster.json"));
    await first.close();
    expect(isRunning(first.pid)).toBe(false);

    const second = await open();
    expect(await stored(second)).toEqual(["first"]);
    expect(second.port).toBe(first.port);
    expect(second.url("postgres")).toBe(first.url("postgres"));
    expect(second.pid).not.toBe(first.pid);
    expect(
      readFileSync(join(second.clusterDir, "closetai-cluster.json")),
    ).toEqual(made);
  });

  it("stops with its owner, and stopping twice is fine", async () => {
    const { process: owner, report } = await child();
    owner.stdin?.end();
    await once(owner, "exit");
    expect(isRunning(report.pid)).toBe(false);

    const server = await open();
    await Promise.all([server.close(), server.close()]);
    await server.close();
    expect(isRunning(server.pid)).toBe(false);
    expect(existsSync(join(dataDir, "owner.lock"))).toBe(false);
  });

  it("is adopted with its data when its owner was killed", async () => {
    const { process: owner, report } = await child();
    await store(report.url, "before the kill");
    await end(owner, "SIGKILL");
    expect(isRunning(report.pid)).toBe(true);

    const server = await open();
    expect(server).toMatchObject({
      role: "owner",
      adopted: true,
      pid: report.pid,
      port: report.port,
    });
    expect(await stored(server)).toEqual(["before the kill"]);
    await server.close();
    expect(isRunning(report.pid)).toBe(false);
  });

  it("is started anew when owner and server were both killed", async () => {
    const { process: owner, report } = await child();
    await store(report.url, "before the kill");
    await end(owner, "SIGKILL");
    process.kill(report.pid, "SIGKILL");
    await waitForExit(report.pid, 60_000);

    const server = await open();
    expect(server.adopted).toBe(false);
    expect(server.port).toBe(report.port);
    expect(await stored(server)).toEqual(["before the kill"]);
  });

  it("is adopted although it was frozen", async () => {
    const { process: owner, report } = await child();
    await end(owner, "SIGKILL");
    process.kill(report.pid, "SIGSTOP");
    const server = await open();
    expect(server).toMatchObject({ adopted: true, pid: report.pid });
  });

  it("is stopped and started anew when it is wanted on another port", async () => {
    const { process: owner, report } = await child();
    await store(report.url, "on the old port");
    await end(owner, "SIGKILL");
    const server = await open({ port: report.port + 1 });
    expect(server.adopted).toBe(false);
    expect(server.port).toBe(report.port + 1);
    expect(isRunning(report.pid)).toBe(false);
    expect(await stored(server)).toEqual(["on the old port"]);
  });

  it("is not taken from a living owner; the message names that one", async () => {
    const { process: owner, report } = await child();
    await expect(open()).rejects.toThrow(
      new RegExp(`in use by process ${owner.pid} \\(the child`),
    );
    expect(isRunning(report.pid)).toBe(true);
  });

  it("is shared with a tool that joins, and survives the tool", async () => {
    const { report } = await child();
    const guest = await open({ whenInUse: "join" });
    expect(guest).toMatchObject({ role: "guest", port: report.port });
    await store(guest.url("postgres"), "from the guest");
    await guest.close();
    expect(isRunning(report.pid)).toBe(true);
  });

  it("has one owner when several processes start at once", async () => {
    const started = await Promise.all([child(), child(), child()]);
    const owners = started.filter(({ report }) => report.error === undefined);
    expect(owners).toHaveLength(1);
    for (const { report } of started) {
      if (report.error !== undefined) {
        expect(report.error).toMatch(/in use by process/);
      }
    }
  });

  it("comes back by itself, on its port, when it is killed under its owner", async () => {
    const server = await open();
    await store(server.url("postgres"), "before");
    const { pid, port } = server;
    process.kill(pid, "SIGKILL");
    while (server.pid === pid) await sleep(50);
    expect(server.port).toBe(port);
    expect(await stored(server)).toEqual(["before"]);
    expect(said.join("\n")).toMatch(/ended unexpectedly/);
  });

  it("puts a database aside that was never finished", async () => {
    mkdirSync(join(dataDir, "cluster", "base"), { recursive: true });
    writeFileSync(join(dataDir, "cluster", "postgresql.conf"), "");
    mkdirSync(join(dataDir, "cluster.draft-died"));
    openToServerUser(dataDir);
    await open();
    const names = readdirSync(dataDir);
    expect(names.filter((name) => name.includes("incomplete"))).toHaveLength(1);
    expect(names).not.toContain("cluster.draft-died");
    expect(said.join("\n")).toMatch(/never finished; it is put aside/);
  });

  it("refuses a damaged database with a clear line, and leaves it alone", async () => {
    const first = await open();
    await first.close();
    const control = join(first.clusterDir, "global", "pg_control");
    truncateSync(control, 100);
    await expect(open()).rejects.toThrow(
      /does not start\. It was left as it is; the last lines of .*postgres\.log:\n.*pg_control/s,
    );
    expect(statSync(control).size).toBe(100);
    expect(existsSync(join(dataDir, "owner.lock"))).toBe(false);
  });

  it("refuses a database without its version, instead of making a new one", async () => {
    const first = await open();
    await first.close();
    rmSync(join(first.clusterDir, "PG_VERSION"));
    await expect(open()).rejects.toThrow(/is damaged: its PG_VERSION/);
  });

  it("refuses a database of another major version", async () => {
    const first = await open();
    await first.close();
    writeFileSync(join(first.clusterDir, "PG_VERSION"), "17\n");
    await expect(open()).rejects.toThrow(
      /was made by PostgreSQL 17, and this is PostgreSQL 18/,
    );
  });

  it("starts although postmaster.pid names a process that is not PostgreSQL", async () => {
    const first = await open();
    await first.close();
    writeFileSync(
      join(first.clusterDir, "postmaster.pid"),
      `${process.pid}\n${first.clusterDir}\n1\n${first.port}\n`,
    );
    const second = await open();
    expect(second.adopted).toBe(false);
    expect(isRunning(process.pid)).toBe(true);
  });

  it("takes another port when the remembered one is in use", async () => {
    const first = await open();
    await first.close();
    const { createServer } = await import("node:net");
    const squatter = createServer().listen(first.port, "127.0.0.1");
    await once(squatter, "listening");
    try {
      const second = await open();
      expect(second.port).not.toBe(first.port);
    } finally {
      squatter.close();
    }
  });

  it("keeps its data where its user can enter, the same place every time", async () => {
    const home = join(folder, "private");
    mkdirSync(home, { mode: 0o700 });
    dataDir = join(home, "data");
    const first = await open();
    await store(first.url("postgres"), "in a private home");
    await first.close();
    const second = await open();
    expect(await stored(second)).toEqual(["in a private home"]);
    // Only root has a server's user that differs, and cannot enter here.
    const expected =
      process.getuid?.() === 0
        ? privateTemporaryFolder(realpathSync(dataDir))
        : realpathSync(dataDir);
    expect(dirname(second.clusterDir)).toBe(expected);
    expect(said.some((line) => line.includes("is kept in"))).toBe(
      process.getuid?.() === 0,
    );
  });

  it("does not use a temporary folder that others may write to", () => {
    const mine = privateTemporaryFolder(folder);
    try {
      expect(privateTemporaryFolder(folder)).toBe(mine);
      chmodSync(mine, 0o777);
      expect(() => privateTemporaryFolder(folder)).toThrow(
        /belongs to somebody else/,
      );
    } finally {
      rmSync(mine, { recursive: true });
    }
  });

  it("does not leave a server behind when a run that was killed is discarded", async () => {
    const { process: owner, report } = await child();
    expect(await discardEmbedded(dataDir, silentLog)).toBe(false);
    await end(owner, "SIGKILL");
    expect(await discardEmbedded(dataDir, silentLog)).toBe(true);
    expect(isRunning(report.pid)).toBe(false);
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe("the lock of an owner", () => {
  it("passes from a dead process to exactly one of many", async () => {
    const folder = mkdtempSync(join(tmpdir(), "closetai-lock-"));
    const file = join(folder, "owner.lock");
    try {
      for (let round = 0; round < 20; round++) {
        writeFileSync(
          file,
          JSON.stringify({ pid: 2 ** 22 + 1, processStart: null, token: "x" }),
        );
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, index) =>
            acquireOwnerLock(file, `runner ${index}`),
          ),
        );
        const winners = answers.flatMap((answer) =>
          "lock" in answer ? [answer.lock] : [],
        );
        expect(winners).toHaveLength(1);
        winners[0]?.release();
        expect(readdirSync(folder)).toEqual([]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is not held by a new process that got the dead one's number", async () => {
    const folder = mkdtempSync(join(tmpdir(), "closetai-lock-"));
    const file = join(folder, "owner.lock");
    try {
      writeFileSync(
        file,
        JSON.stringify({
          pid: process.pid,
          processStart: "another start",
          purpose: "an earlier run",
          since: "",
          token: "x",
        }),
      );
      expect(await acquireOwnerLock(file, "this run")).toHaveProperty("lock");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
