import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { projectDir } from "../server/config.ts";
import { discardEmbedded, openToServerUser } from "../server/db/embedded.ts";
import { silentLog } from "../server/db/log.ts";

const READY_MS = 120_000;
const STOP_MS = 20_000;

export type BenchServer = {
  url: string;
  /** Resident memory of the server's Node process, in bytes. */
  memory(): number;
  /** Signs in with a demo account; returns the headers a browser would send. */
  signIn(email: string): Promise<Record<string, string>>;
  stop(): Promise<void>;
};

/**
 * The product as `npm start` runs it, with the demo in it, on a free loopback
 * port and a data folder of its own, which is gone afterwards.
 */
export async function runServer(
  env: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), "closetai-bench-"));
  openToServerUser(folder);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ["server/main.ts"], {
    cwd: projectDir,
    env: {
      ...process.env,
      NODE_ENV: "development",
      PORT: String(port),
      ROOT_URL: url,
      CLOSETAI_DATA_DIR: folder,
      LOG_LEVEL: "error",
      ...env,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const stop = async () => {
    await end(child);
    await discardEmbedded(folder, silentLog);
  };
  try {
    await ready(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    memory: () => residentBytes(child.pid),
    stop,
    async signIn(email) {
      const headers = { "content-type": "application/json", origin: url };
      const response = await fetch(`${url}/auth/login`, {
        method: "POST",
        headers,
        body: JSON.stringify({ email, password: "closetai-demo" }),
      });
      const cookie = response.headers.get("set-cookie")?.split(";")[0];
      if (!response.ok || cookie === undefined) {
        throw new Error(`${email} could not sign in: ${response.status}`);
      }
      return { ...headers, cookie };
    },
  };
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until) {
    if (child.exitCode !== null) {
      throw new Error(`The server ended with code ${child.exitCode}`);
    }
    const status = await fetch(`${url}/readyz`).then(
      (response) => response.status,
      // Not listening so far.
      () => 0,
    );
    if (status === 200) return;
    await sleep(200);
  }
  throw new Error(`The server was not ready within ${READY_MS / 1000} s`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const inTime = await Promise.race([
    gone.then(() => true),
    sleep(STOP_MS, false, { ref: false }),
  ]);
  if (!inTime) {
    child.kill("SIGKILL");
    await gone;
  }
}

function residentBytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string") {
    throw new Error("No free port");
  }
  return address.port;
}
