import { spawn } from "node:child_process";
import { inflateSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { withClient } from "../../server/db/clients.ts";
import { drawPicture } from "../../server/simulate/drawPicture.ts";
import type { Figures } from "../../server/simulate/figures.ts";
import { runSimulation } from "../../server/simulate/runSimulation.ts";
import { sniffImageType } from "../../server/storage/imageTypes.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { buildStaff, buildUser } from "../helpers/factories.ts";
import { buildOffer, makeWorkerKey } from "../helpers/gpu.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

let db: TestDatabase;
let people: People;
let server: TestHttpServer;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  server = await startTestServer(db);
  for (const category of ["jackets", "tops"]) {
    await buildOffer(db, people.lumiere, { category_code: category });
  }
  await withClient(db.urls.root, async (client) => {
    const { id } = await buildUser(client, { email: "finance@people.test" });
    await buildStaff(client, { user_id: id, role: "finance" });
    await client.query(
      "insert into app_private.user_secrets (user_id, password_hash) values ($1, app_private.hash_password($2))",
      [id, PASSWORD],
    );
  });
});

afterAll(async () => {
  await server?.close();
  await db?.drop();
});

async function simulate(
  overrides: Partial<Parameters<typeof runSimulation>[0]> = {},
): Promise<{ figures: Figures; lines: string[]; told: Figures[] }> {
  const lines: string[] = [];
  const told: Figures[] = [];
  const figures = await runSimulation({
    url: server.url,
    rate: 20,
    seconds: 5,
    shoppers: 2,
    workers: 2,
    fail: 0.2,
    cancel: 0.1,
    workMs: 50,
    workerKey: null,
    admin: { email: people.admin.email, password: PASSWORD },
    finance: { email: "finance@people.test", password: PASSWORD },
    say: (line) => void lines.push(line),
    onFigures: (now) => void told.push(now),
    signal: new AbortController().signal,
    ...overrides,
  });
  return { figures, lines, told };
}

const count = async (sql: string) => {
  const { rows } = await db.root.query<{ count: string }>(
    `select count(*) as count from ${sql}`,
  );
  return Number(rows[0]?.count);
};

/** As finance would. */
async function emptyWallet(email: string): Promise<void> {
  const { rows } = await db.root.query<{ id: string; remaining: string }>(
    `select u.id, c.remaining from app_public.user_credits c
     join app_public.users u on u.id = c.user_id where u.email = $1`,
    [email],
  );
  const finance = server.client();
  await finance.signIn("finance@people.test", PASSWORD);
  const { errors } = await finance.graphql(
    `mutation ($input: AdjustCreditsInput!) { adjustCredits(input: $input) { result } }`,
    {
      input: {
        userId: rows[0]?.id,
        amount: -Number(rows[0]?.remaining),
        reason: "Nothing is left for this test",
        idempotencyKey: "emptied for the test",
      },
    },
  );
  expect(errors).toEqual([]);
}

describe("the simulation", () => {
  it("asks, works, fails, cancels, rates and tops up by the API alone, and the books hold", async () => {
    const { figures, lines, told } = await simulate();
    expect(lines.filter((line) => line.includes("!"))).toEqual([]);
    expect(figures.errors).toBe(0);
    expect(figures.requested).toBeGreaterThan(0);
    expect(figures.completed).toBeGreaterThan(0);
    expect(told.length).toBeGreaterThan(0);
    expect(await count("app_public.tryon_jobs")).toBe(figures.requested);
    expect(
      await count("app_public.tryon_jobs where status = 'completed'"),
    ).toBe(figures.completed);
    expect(
      await count("app_public.tryon_jobs where status = 'cancelled'"),
    ).toBe(figures.cancelled);
    expect(await count("app_public.tryon_feedback")).toBe(figures.rated);
    // What the workers had, they finished.
    expect(
      await count("app_public.tryon_jobs where status = 'processing'"),
    ).toBe(0);
    const { rows } = await db.root.query(
      "select * from app_private.check_invariants()",
    );
    expect(rows).toEqual([]);
    expect(await count("app_public.worker_keys where revoked_at is null")).toBe(
      0,
    );
  });

  it("goes on with the same shoppers, and tops up one without credits", async () => {
    const before = await count(
      "app_public.users where email like 'simulated-%'",
    );
    await emptyWallet("simulated-1@closetai.test");
    const { figures } = await simulate({ shoppers: 1, cancel: 0, seconds: 3 });
    expect(figures.errors).toBe(0);
    expect(figures.refused).toBeGreaterThan(0);
    expect(figures.toppedUp).toBeGreaterThan(0);
    expect(await count("app_public.users where email like 'simulated-%'")).toBe(
      before,
    );
  });

  it("ends in order when it is told to", async () => {
    const abort = new AbortController();
    const { figures, lines } = await simulate({
      seconds: null,
      signal: abort.signal,
      onFigures: () => {
        abort.abort();
      },
    });
    expect(figures.errors).toBe(0);
    expect(lines.at(-1)).toContain("Stopping");
    expect(
      await count("app_public.tryon_jobs where status = 'processing'"),
    ).toBe(0);
  });

  it("works with a key that was given to it, without staff", async () => {
    const nobody = { email: "nobody@people.test", password: "no such person" };
    const { figures, lines } = await simulate({
      workerKey: await makeWorkerKey(db, "given"),
      admin: nobody,
      finance: nobody,
      seconds: 2,
    });
    expect(figures.completed).toBeGreaterThan(0);
    expect(lines[0]).toContain("Nobody can top up");
    await expect(simulate({ admin: nobody })).rejects.toThrow("--worker-key");
  });
});

describe("a drawn picture", () => {
  it("is a real PNG, and differs", () => {
    const [one, two] = [drawPicture(1), drawPicture(2)];
    expect(sniffImageType(one)).toBe("image/png");
    expect(one.equals(two)).toBe(false);
    const start = one.indexOf("IDAT") + 4;
    const length = one.readUInt32BE(start - 8);
    expect(inflateSync(one.subarray(start, start + length)).length).toBe(
      (96 + 1) * 128,
    );
  });
});

describe("npm run simulate", () => {
  const run = (...args: string[]) =>
    new Promise<{ code: number | null; out: string; err: string }>(
      (resolve, reject) => {
        const child = spawn(process.execPath, [
          "server/cli/simulate.ts",
          ...args,
        ]);
        let [out, err] = ["", ""];
        child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
        child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
        child.on("error", reject);
        child.on("close", (code) => {
          resolve({ code, out, err });
        });
      },
    );

  it("says what it can do", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    expect(out).toContain("--rate");
    expect(out).toContain("finance@closetai.test");
  });

  it.each([
    ["--rate", "many"],
    ["--rate", "0"],
    ["--rate", "-5"],
    ["--workers", "1.5"],
    ["--fail", "2"],
    ["--seconds", "0"],
    ["--url", "localhost:5678"],
    ["--worker-key", "ck_something"],
  ])("%s %s is refused with what it must be", async (option, value) => {
    const { code, err } = await run(option, value);
    expect(code).toBe(1);
    expect(err).toContain(option);
    expect(err).not.toContain("    at ");
  });

  it("a server that is not there is named", async () => {
    const { code, err } = await run("--url", "http://127.0.0.1:9");
    expect(code).toBe(1);
    expect(err).toContain("There is no server at http://127.0.0.1:9");
  });

  it("a server that is not the demo is told apart", async () => {
    const { code, err } = await run("--url", server.url, "--seconds", "1");
    expect(code).toBe(1);
    expect(err).toContain("--worker-key");
  });
});
