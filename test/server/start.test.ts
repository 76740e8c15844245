import {
  type ChildProcess,
  execFileSync,
  spawn,
  spawnSync,
} from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from "@jest/globals";

import { projectDir } from "../../server/config.ts";
import { discardEmbedded } from "../../server/db/embedded.ts";
import { silentLog } from "../../server/db/log.ts";
import { DEMO_PASSWORD } from "../../server/demoAccounts.ts";
import { type HttpClient, makeClient } from "../helpers/http.ts";

/** npm start, without npm: the same command as in package.json. */
type Started = {
  child: ChildProcess;
  url: string;
  output: () => string;
  exited: Promise<number | null>;
};

let dataDir: string;
const children = new Set<Started>();

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "closetai-start-"));
});

afterEach(async () => {
  for (const { child, exited } of children) {
    child.kill("SIGKILL");
    await exited;
  }
  children.clear();
});

afterAll(async () => {
  await discardEmbedded(dataDir, silentLog);
  rmSync(dataDir, { recursive: true, force: true });
});

function run(env: Record<string, string> = {}): Omit<Started, "url"> {
  const { scripts } = JSON.parse(
    readFileSync(join(projectDir, "package.json"), "utf8"),
  ) as {
    scripts: { start: string };
  };
  const [command, ...parameters] = scripts.start.split(" ");
  expect(command).toBe("node");
  const child = spawn(process.execPath, parameters, {
    cwd: projectDir,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      PORT: "0",
      CLOSETAI_DATA_DIR: dataDir,
      DB_CONNECT_TIMEOUT_MS: "15000",
      LIMIT_PLANNING_MS: "20000",
      ...env,
    },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) =>
    child.on("exit", resolve),
  );
  return { child, output: () => output, exited };
}

async function start(env: Record<string, string> = {}): Promise<Started> {
  const running = run(env);
  let ended = false;
  void running.exited.then(() => (ended = true));
  for (;;) {
    const url = /ClosetAI is at (http:\/\/\S+)\/admin/.exec(
      running.output(),
    )?.[1];
    if (url !== undefined) {
      const started = { ...running, url };
      children.add(started);
      return started;
    }
    if (ended)
      throw new Error(`It ended instead of starting:\n${running.output()}`);
    await sleep(50);
  }
}

async function signedIn(url: string): Promise<HttpClient> {
  const client = makeClient(url);
  const answer = await client.signIn(
    "owner@maison-lumiere.test",
    DEMO_PASSWORD,
  );
  expect(answer.status).toBe(200);
  return client;
}

const addProduct = (client: HttpClient, sku: string) =>
  client.graphql(
    `mutation ($sku: String!, $brand: UUID!) {
       createProduct(input: { product: { brandId: $brand, sku: $sku, name: "Written before the end", categoryCode: "tops" } }) {
         product { sku }
       }
     }`,
    { sku, brand: brandOf(client) },
  );

const brands = new WeakMap<HttpClient, string>();
const brandOf = (client: HttpClient) => brands.get(client) ?? "";

async function writer(url: string): Promise<HttpClient> {
  const client = await signedIn(url);
  const { brandId } = (await client.get("/auth/session")).json as {
    brandId: string;
  };
  brands.set(client, brandId);
  return client;
}

const skusLike = async (client: HttpClient, prefix: string) => {
  const { data } = await client.graphql(
    "query ($prefix: String!) { products(first: 500, filter: { sku: { startsWith: $prefix } }) { nodes { sku } } }",
    { prefix },
  );
  return (data?.["products"] as { nodes: { sku: string }[] }).nodes.map(
    ({ sku }) => sku,
  );
};

describe("npm start", () => {
  it("on an empty folder ends with a ready server, the demo in it, and says how to sign in", async () => {
    const { url, output } = await start();
    expect((await makeClient(url).get("/readyz")).status).toBe(200);
    for (const step of [
      "Database: PostgreSQL",
      "Migrations",
      "Demo data",
      "Admin",
      "API",
    ]) {
      expect(output()).toMatch(
        new RegExp(`✓ ${step}.*\\(\\d+(\\.\\d)? m?s\\)`),
      );
    }
    expect(output()).toContain("owner@maison-lumiere.test");
    const page = await makeClient(url).get("/admin");
    expect([page.status, page.text]).toEqual([
      200,
      expect.stringMatching(/^<!doctype html>/i),
    ]);
    const client = await signedIn(url);
    const session = (await client.get("/auth/session")).json as {
      role: string;
      demo: boolean;
    };
    expect(session).toMatchObject({ role: "closetai_brand_owner", demo: true });
  });

  it("SIGKILL under writes loses nothing that was acknowledged, and the next start goes on", async () => {
    const first = await start();
    const client = await writer(first.url);
    const acknowledged: string[] = [];
    let killed = false;
    const writing = Array.from({ length: 4 }, async (_, lane) => {
      for (let i = 0; !killed; i++) {
        const sku = `KILL-${lane}-${i}`;
        const answer = await addProduct(client, sku).catch(() => null);
        if (answer?.data?.["createProduct"]) acknowledged.push(sku);
      }
    });
    while (acknowledged.length < 40) await sleep(20);
    first.child.kill("SIGKILL");
    await first.exited;
    killed = true;
    await Promise.all(writing);

    const second = await start();
    const again = await writer(second.url);
    const found = await skusLike(again, "KILL-");
    expect(acknowledged.filter((sku) => !found.includes(sku))).toEqual([]);
    // Written whole or not at all, and once.
    expect(new Set(found).size).toBe(found.length);
    expect(second.output()).not.toContain("Demo data");
  });

  it("a second server on the same folder is refused with a sentence, and the first goes on", async () => {
    const first = await start();
    const second = run();
    expect(await second.exited).toBe(1);
    expect(second.output()).toMatch(/in use|already|running/i);
    expect(second.output()).not.toMatch(/\n\s+at /);
    expect((await makeClient(first.url).get("/readyz")).status).toBe(200);
  });

  it("SIGTERM turns readiness first, finishes what it accepted, and exits with 0", async () => {
    const { url, child, exited } = await start();
    const client = await signedIn(url);
    const bytes = 50_000;
    const { data, errors } = await client.graphql(
      `mutation ($bytes: Int!) { requestUpload(input: { kind: GARMENT, contentType: "image/gif", bytes: $bytes }) { key url } }`,
      { bytes },
    );
    expect(errors).toEqual([]);
    const upload = (data?.["requestUpload"] as { url: string }).url;
    const file = Buffer.concat([
      Buffer.from("GIF89a"),
      Buffer.alloc(bytes - 6),
    ]);
    const answered = new Promise<number>((resolve, reject) => {
      const put = request(new URL(upload, url), {
        method: "PUT",
        headers: {
          "content-type": "image/gif",
          "content-length": String(bytes),
        },
      });
      put.on("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      put.on("error", reject);
      put.write(file.subarray(0, 10_000), () => {
        child.kill("SIGTERM");
        // The rest comes only once the server has begun to leave.
        void refused(url).then(() => put.end(file.subarray(10_000)));
      });
    });
    expect(await answered).toBe(204);
    expect(await exited).toBe(0);
  });

  it("SIGTERM under load resets nobody: each request is answered or finds the door closed", async () => {
    const { url, child, exited } = await start({
      LIMIT_REQUESTS_PER_MINUTE: "1000000",
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const seen = new Set<string>();
    let answered = 0;
    let stopped = false;
    const ask = () =>
      new Promise<string>((resolve) => {
        const post = request(
          new URL("/graphql", url),
          {
            method: "POST",
            agent,
            headers: { "content-type": "application/json" },
          },
          (response) => {
            response.resume();
            response.on("error", (error) => {
              resolve(`cut: ${error.message}`);
            });
            response.on("end", () => {
              resolve(String(response.statusCode));
            });
          },
        );
        post.on("error", (error: NodeJS.ErrnoException) => {
          resolve(error.code ?? error.message);
        });
        post.end(
          JSON.stringify({
            query: "{ wardrobeCategories { nodes { code } } }",
          }),
        );
      });
    const lanes = Array.from({ length: 8 }, async () => {
      while (!stopped) {
        seen.add(await ask());
        answered++;
      }
    });
    while (answered < 50) await sleep(20);
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    stopped = true;
    await Promise.all(lanes);
    agent.destroy();
    expect([...seen].sort()).toEqual(["200", "ECONNREFUSED"]);
  });

  it("Ctrl-C while it starts ends it in order", async () => {
    const running = run();
    while (!running.output().includes("ClosetAI on Node")) await sleep(10);
    running.child.kill("SIGINT");
    expect(await running.exited).toBe(0);
    const { url } = await start();
    expect((await makeClient(url).get("/readyz")).status).toBe(200);
  });

  it("beside it, the command line makes a person staff, who sets a password by a link", async () => {
    const { url } = await start();
    const appoint = (...parameters: string[]) =>
      execFileSync(
        process.execPath,
        ["server/cli/appointStaff.ts", ...parameters],
        {
          cwd: projectDir,
          env: { ...process.env, CLOSETAI_DATA_DIR: dataDir },
          encoding: "utf8",
        },
      );
    const cli = appoint("First@people.test", "--role", "privacy");
    const token = /\/admin\/reset#token=([A-Za-z0-9_-]{43})\s/.exec(cli)?.[1];
    const client = makeClient(url);
    const password = "the first password";
    const reset = await client.post("/auth/reset", { token, password });
    expect(reset.status).toBe(204);
    const answer = await client.signIn("first@people.test", password);
    expect(answer.json).toMatchObject({ role: "closetai_staff_privacy" });
    expect(() => appoint("nonsense")).toThrow(
      "nonsense: This is not an e-mail address",
    );
    // Again, with another role: the account and its password stay.
    appoint("first@people.test", "--role", "support");
    expect((await client.get("/auth/session")).json).toMatchObject({
      role: "closetai_staff_support",
    });
  });

  it.each(["server/start.js", "server/worker/main.ts"])(
    "%s explains itself, and starts nothing for an option it does not have",
    (program) => {
      const told = (...parameters: string[]) =>
        spawnSync(process.execPath, [program, ...parameters], {
          cwd: projectDir,
          encoding: "utf8",
          env: { ...process.env, NODE_OPTIONS: "", CLOSETAI_DATA_DIR: dataDir },
        });
      expect(told("--help")).toMatchObject({
        status: 0,
        stdout: expect.stringContaining("docs/operations.md"),
      });
      expect(told("--quick")).toMatchObject({
        status: 1,
        stdout: "",
        stderr: "error: unknown option '--quick'\n",
      });
    },
  );

  it("says all that is wrong with the configuration, and exits with 1", async () => {
    const running = run({ NODE_ENV: "production", PORT: "none" });
    expect(await running.exited).toBe(1);
    for (const name of ["PORT", "CLOSETAI_SECRET", "ROOT_URL"])
      expect(running.output()).toContain(name);
    expect(running.output()).not.toMatch(/\n\s+at /);
  });

  it("refuses the demo accounts in production", async () => {
    const secret = readFileSync(join(dataDir, "secret"), "utf8").trim();
    const running = run({
      NODE_ENV: "production",
      CLOSETAI_SECRET: secret,
      ROOT_URL: "https://admin.example.com",
    });
    expect(await running.exited).toBe(1);
    expect(running.output()).toMatch(/holds the demo accounts/);
  });

  it("listens and says it is not ready while there is no database, and goes on trying", async () => {
    const running = run({
      DATABASE_URL: "postgres://127.0.0.1:9/closetai",
      CLOSETAI_SECRET: "x".repeat(40),
      PORT: "25987",
    });
    try {
      const client = makeClient("http://127.0.0.1:25987");
      const ready = await eventually(() => client.get("/readyz"));
      expect([ready.status, ready.json]).toEqual([503, { status: "starting" }]);
      expect((await client.get("/healthz")).status).toBe(200);
      const graphql = await client.post("/graphql", {
        query: "{ __typename }",
      });
      expect([graphql.status, graphql.headers.get("retry-after")]).toEqual([
        503,
        "1",
      ]);
      while (!/does not answer/.test(running.output())) await sleep(20);
      running.child.kill("SIGTERM");
      expect(await running.exited).toBe(0);
    } finally {
      running.child.kill("SIGKILL");
    }
  });
});

/** Until the server takes no new connection, or says that it is stopping. */
async function refused(url: string): Promise<void> {
  for (;;) {
    const status = await fetch(`${url}/readyz`).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status !== 200) return;
    await sleep(10);
  }
}

async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await sleep(50);
    }
  }
}
