import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  buildCloset,
  buildOffer,
  type Closet,
  giveCredits,
  makeWorkerKey,
  PIXEL,
  workerClient,
} from "../helpers/gpu.ts";
import type { Answer, HttpClient } from "../helpers/http.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import {
  startTestServer,
  TEST_LIMITS,
  type TestHttpServer,
} from "../helpers/server.ts";

type Gpu = ReturnType<typeof workerClient>;
type Job = {
  id: string;
  attempt: number;
  maxAttempts: number;
  categoryCode: string;
  lockedUntil: string;
  selfieUrl: string | null;
  garments: {
    position: number;
    categoryCode: string;
    color: string | null;
    imageUrl: string;
    isDrawing: boolean;
  }[];
};

let db: TestDatabase;
let people: People;
let server: TestHttpServer;
let shopper: HttpClient;
let closet: Closet;
let gpu: Gpu;
let otherGpu: Gpu;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  server = await startTestServer(db, {
    limits: { ...TEST_LIMITS, uploadBytes: 300_000, signInsPerMinute: 1_000 },
  });
  shopper = await signedIn(people.shopper);
  closet = await buildCloset(db, people.shopper.id);
  gpu = workerClient(server.url, await makeWorkerKey(db, "gpu-a"));
  otherGpu = workerClient(server.url, await makeWorkerKey(db, "gpu-b"));
  await giveCredits(db, { user: people.shopper.id }, 500);
  await giveCredits(db, { brand: people.lumiere }, 500);
});

afterAll(async () => {
  await server?.close();
  await db?.drop();
});

async function signedIn(person: { email: string }): Promise<HttpClient> {
  const client = server.client();
  expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
  return client;
}

async function request(client = shopper): Promise<string> {
  const { data, errors } = await client.graphql(
    `mutation ($input: RequestTryonInput!) { requestTryon(input: $input) { result { rowId } } }`,
    {
      input: {
        idempotencyKey: randomUUID(),
        categoryCode: "scarves",
        selfieKey: closet.selfieKey,
        productIds: [],
        wardrobeItemIds: [closet.itemId],
      },
    },
  );
  expect(errors).toEqual([]);
  return (data?.["requestTryon"] as { result: { rowId: string } }).result.rowId;
}

const jobsOf = (answer: Answer) => {
  expect(answer.status).toBe(200);
  return (answer.json as { jobs: Job[] }).jobs;
};

/** One job that nobody else has. */
async function take(by = gpu): Promise<Job> {
  await request();
  const [job] = jobsOf(await by.call("/claim"));
  if (job === undefined) throw new Error("There was no job");
  return job;
}

const errorOf = ({ status, json }: Answer) => {
  const { error } = json as {
    error: {
      code: string;
      field?: string;
      message: string;
      requestId: string | null;
    };
  };
  return { status, ...error };
};

const refusal = (answer: Answer) => {
  const { status, code, field, message, requestId } = errorOf(answer);
  expect(message.length).toBeGreaterThan(5);
  expect(requestId).toEqual(expect.any(String));
  return field === undefined ? { status, code } : { status, code, field };
};

const stateOf = async (id: string) => {
  const { rows } = await db.root.query<{
    status: string;
    locked_by: string | null;
    attempt: number;
  }>(
    "select status, locked_by, attempt from app_public.tryon_jobs where id = $1",
    [id],
  );
  return rows[0];
};

async function upload(by: Gpu, job: Job): Promise<string> {
  const begun = await by.call(`/jobs/${job.id}/result`, {
    attempt: job.attempt,
    contentType: "image/png",
    bytes: PIXEL.length,
  });
  expect(begun.status).toBe(200);
  const { resultKey, url } = begun.json as { resultKey: string; url: string };
  expect((await by.put(url, PIXEL)).status).toBe(204);
  return resultKey;
}

const ledgerHolds = async () => {
  const { rows } = await db.root.query(
    "select invariant, detail from app_private.credit_reconcile()",
  );
  expect(rows).toEqual([]);
};

describe("a GPU service", () => {
  it("takes a job, sees its pictures, keeps its lease, delivers a result", async () => {
    const selfie = await shopper.graphql(
      `mutation ($input: RequestUploadInput!) { requestUpload(input: $input) { key url } }`,
      {
        input: {
          kind: "SELFIE",
          contentType: "image/png",
          bytes: PIXEL.length,
        },
      },
    );
    const { key, url } = selfie.data?.["requestUpload"] as {
      key: string;
      url: string;
    };
    expect((await gpu.put(url, PIXEL)).status).toBe(204);
    const product = await buildOffer(db, people.lumiere, {
      category_code: "jackets",
    });
    const asked = await shopper.graphql(
      `mutation ($input: RequestTryonInput!) { requestTryon(input: $input) { result { rowId } } }`,
      {
        input: {
          idempotencyKey: randomUUID(),
          categoryCode: "jackets",
          selfieKey: key,
          productIds: [product],
          wardrobeItemIds: [closet.itemId],
        },
      },
    );
    expect(asked.errors).toEqual([]);

    const [job, ...more] = jobsOf(
      await gpu.call("/claim", { n: 5, leaseSeconds: 30, worker: "rack-7" }),
    );
    expect(more).toEqual([]);
    if (job === undefined) throw new Error("There was no job");
    expect(job).toEqual({
      id: expect.any(String),
      attempt: 1,
      maxAttempts: 3,
      categoryCode: "jackets",
      lockedUntil: expect.stringMatching(/^\d{4}-.*Z$/),
      selfieUrl: expect.stringContaining(`/files/${key}?`),
      garments: [
        {
          position: 1,
          categoryCode: "jackets",
          color: null,
          imageUrl: "/illustrations/jackets.svg",
          isDrawing: true,
        },
        {
          position: 2,
          categoryCode: "scarves",
          color: null,
          imageUrl: "/illustrations/scarves.svg",
          isDrawing: true,
        },
      ],
    });
    const drawing = await fetch(
      new URL(job.garments[0]?.imageUrl ?? "", server.url),
    );
    expect(drawing.status).toBe(200);
    expect(drawing.headers.get("content-type")).toMatch(/^image\/svg\+xml/);
    const picture = await fetch(new URL(job.selfieUrl ?? "", server.url));
    expect(Buffer.from(await picture.arrayBuffer())).toEqual(PIXEL);
    expect(await stateOf(job.id)).toMatchObject({
      status: "processing",
      locked_by: "gpu-a/rack-7",
    });

    const alive = await gpu.call(`/jobs/${job.id}/heartbeat`, {
      attempt: 1,
      leaseSeconds: 120,
      worker: "rack-7",
    });
    expect(alive.status).toBe(200);
    const { lockedUntil } = alive.json as { lockedUntil: string };
    expect(Date.parse(lockedUntil)).toBeGreaterThan(
      Date.parse(job.lockedUntil),
    );

    const begun = await gpu.call(`/jobs/${job.id}/result`, {
      attempt: 1,
      contentType: "image/png",
      bytes: PIXEL.length,
      worker: "rack-7",
    });
    const result = begun.json as { resultKey: string; url: string };
    const complete = () =>
      gpu.call(`/jobs/${job.id}/complete`, {
        attempt: 1,
        resultKey: result.resultKey,
        confidence: 0.87,
        processingMs: 12,
        worker: "rack-7",
      });
    // Before its bytes are there, a result is none.
    expect(refusal(await complete())).toEqual({
      status: 404,
      code: "NTFND",
      field: "resultKey",
    });
    expect((await gpu.put(result.url, PIXEL)).status).toBe(204);
    for (const answer of [await complete(), await complete()]) {
      expect(answer.status).toBe(200);
      expect(answer.json).toEqual({
        id: job.id,
        status: "completed",
        attempt: 1,
        retryAt: null,
      });
    }
    await ledgerHolds();
  });

  it("gives a job back with a reason, and hears when it comes again", async () => {
    const job = await take();
    const failed = await gpu.call(`/jobs/${job.id}/fail`, {
      attempt: 1,
      errorCode: "GPU_OUT_OF_MEMORY",
      retryable: true,
      processingMs: 5,
    });
    expect(failed.status).toBe(200);
    expect(failed.json).toMatchObject({ status: "queued", attempt: 1 });
    const { retryAt } = failed.json as { retryAt: string };
    expect(Date.parse(retryAt)).toBeGreaterThan(Date.now());
    const final = await take();
    expect(
      (
        await gpu.call(`/jobs/${final.id}/fail`, {
          attempt: 1,
          errorCode: "NO_BODY_FOUND",
          retryable: false,
        })
      ).json,
    ).toEqual({ id: final.id, status: "failed", attempt: 1, retryAt: null });
    await ledgerHolds();
  });

  it("gets no job twice, and an empty list when nothing waits", async () => {
    await Promise.all(Array.from({ length: 8 }, () => request()));
    const taken = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (i % 2 === 0 ? gpu : otherGpu).call("/claim", {
          n: 2,
          worker: `w${i}`,
        }),
      ),
    );
    const ids = taken.flatMap((answer) => jobsOf(answer).map(({ id }) => id));
    expect(ids.length).toBe(8);
    expect(new Set(ids).size).toBe(8);
    expect(jobsOf(await gpu.call("/claim"))).toEqual([]);
  });

  it("cannot touch a job of another key, or of another machine of its own", async () => {
    const job = await take();
    const key = await upload(gpu, job);
    const calls: [string, object][] = [
      ["heartbeat", { attempt: 1 }],
      ["result", { attempt: 1, contentType: "image/png", bytes: 10 }],
      [
        "complete",
        { attempt: 1, resultKey: key, confidence: 1, processingMs: 1 },
      ],
      ["fail", { attempt: 1, errorCode: "NO_BODY_FOUND" }],
    ];
    for (const [path, body] of calls) {
      for (const answer of [
        await otherGpu.call(`/jobs/${job.id}/${path}`, body),
        await gpu.call(`/jobs/${job.id}/${path}`, { ...body, worker: "twin" }),
        await gpu.call(`/jobs/${job.id}/${path}`, { ...body, attempt: 2 }),
      ]) {
        expect(refusal(answer)).toEqual({
          status: 409,
          code: "LLOCK",
          field: "jobId",
        });
        expect(answer.text).not.toContain(people.shopper.id);
      }
    }
    expect(await stateOf(job.id)).toMatchObject({
      status: "processing",
      locked_by: "gpu-a",
    });
  });

  it("is refused once its lease has ended, whatever it brings", async () => {
    const job = await take();
    const key = await upload(gpu, job);
    await db.root.query(
      "update app_public.tryon_jobs set locked_until = now() - interval '1 second' where id = $1",
      [job.id],
    );
    const late = await gpu.call(`/jobs/${job.id}/complete`, {
      attempt: 1,
      resultKey: key,
      confidence: 0.5,
      processingMs: 1,
    });
    expect(refusal(late)).toMatchObject({ status: 409, code: "LLOCK" });
    expect(await stateOf(job.id)).toMatchObject({ status: "processing" });
  });

  it("cannot deliver the result of another job", async () => {
    const [one, two] = [await take(), await take()];
    const key = await upload(gpu, one);
    const complete = (job: Job) =>
      gpu.call(`/jobs/${job.id}/complete`, {
        attempt: 1,
        resultKey: key,
        confidence: 0.5,
        processingMs: 1,
      });
    expect((await complete(one)).status).toBe(200);
    expect(refusal(await complete(two))).toEqual({
      status: 404,
      code: "NTFND",
      field: "resultKey",
    });
  });
});

describe("who comes without a good key", () => {
  it.each([
    ["no authorization", undefined],
    ["an unknown key", `Bearer wk_${"x".repeat(43)}`],
    ["a key cut short", "Bearer wk_short"],
    ["an API key of a brand", `Bearer ck_${"x".repeat(43)}`],
    ["another scheme", `Basic ${"x".repeat(43)}`],
    ["a key with SQL in it", `Bearer wk_${"'; drop table x; --".padEnd(43)}`],
  ])("%s is refused and gets nothing", async (_name, authorization) => {
    await request();
    for (const path of [
      "/worker/claim",
      `/worker/jobs/${randomUUID()}/heartbeat`,
    ]) {
      const answer = await server
        .client()
        .post(
          path,
          { ...(path.endsWith("claim") ? {} : { attempt: 1 }) },
          authorization === undefined ? {} : { authorization },
        );
      expect(refusal(answer)).toEqual({ status: 401, code: "LOGIN" });
    }
  });

  it("a session of staff is no worker", async () => {
    const admin = await signedIn(people.admin);
    expect(refusal(await admin.post("/worker/claim"))).toEqual({
      status: 401,
      code: "LOGIN",
    });
  });

  it("a worker key opens nothing else", async () => {
    const key = await makeWorkerKey(db, "gpu-c");
    const answer = await server
      .client()
      .graphql("{ __typename }", {}, { authorization: `Bearer ${key}` });
    expect(answer.status).toBe(401);
  });

  it("a revoked key is refused from the next call on", async () => {
    const admin = await signedIn(people.admin);
    const made = await admin.graphql(
      `mutation { createWorkerKey(input: { name: "gpu-revoked" }) { result } }`,
    );
    expect(made.errors).toEqual([]);
    const { result } = made.data?.["createWorkerKey"] as { result: string };
    const revoked = workerClient(server.url, result);
    expect((await revoked.call("/claim", { n: 1 })).status).toBe(200);
    const found = await admin.graphql(
      `{ workerKeys { nodes { rowId name } } }`,
    );
    const { nodes } = found.data?.["workerKeys"] as {
      nodes: { rowId: string; name: string }[];
    };
    const ended = await admin.graphql(
      `mutation ($id: UUID!) { revokeWorkerKey(input: { keyId: $id }) { result { rowId } } }`,
      { id: nodes.find(({ name }) => name === "gpu-revoked")?.rowId },
    );
    expect(ended.errors).toEqual([]);
    expect(refusal(await revoked.call("/claim"))).toEqual({
      status: 401,
      code: "LOGIN",
    });
  });
});

describe("bad input", () => {
  const bad = (path: string, body: unknown, field?: string) =>
    [path, body, field] as const;
  it.each([
    bad("/claim", { n: 0 }, "n"),
    bad("/claim", { n: 101 }, "n"),
    bad("/claim", { n: 1.5 }, "n"),
    bad("/claim", { n: "3" }, "n"),
    bad("/claim", { n: 1e12 }, "n"),
    bad("/claim", { leaseSeconds: 4 }, "leaseSeconds"),
    bad("/claim", { leaseSeconds: -1 }, "leaseSeconds"),
    bad("/claim", { lease_seconds: 60 }, "lease_seconds"),
    bad("/claim", { worker: "a b" }, "worker"),
    bad("/claim", { worker: 7 }, "worker"),
    bad("/claim", { worker: "x".repeat(200) }, "worker"),
    bad("/heartbeat", {}, "attempt"),
    bad("/heartbeat", { attempt: "one" }, "attempt"),
    bad("/heartbeat", { attempt: 1, leaseSeconds: 1e9 }, "leaseSeconds"),
    bad("/result", { attempt: 1, contentType: "image/png" }, "bytes"),
    bad("/result", { attempt: 1, contentType: "image/png", bytes: 0 }, "bytes"),
    bad(
      "/result",
      { attempt: 1, contentType: "image/svg+xml", bytes: 10 },
      "contentType",
    ),
    bad("/result", { attempt: 1, bytes: 10 }, "contentType"),
    bad(
      "/complete",
      { attempt: 1, confidence: 0.5, processingMs: 1 },
      "resultKey",
    ),
    bad(
      "/complete",
      { attempt: 1, resultKey: "x", confidence: 87, processingMs: 1 },
      "confidence",
    ),
    bad(
      "/complete",
      { attempt: 1, resultKey: "x", confidence: "0.5", processingMs: 1 },
      "confidence",
    ),
    bad(
      "/complete",
      { attempt: 1, resultKey: "x", confidence: 0.5, processingMs: -1 },
      "processingMs",
    ),
    bad(
      "/complete",
      { attempt: 1, resultKey: "x", confidence: 0.5, processingMs: 3_600_000 },
      "processingMs",
    ),
    bad("/fail", { attempt: 1 }, "errorCode"),
    bad("/fail", { attempt: 1, errorCode: "it broke" }, "errorCode"),
    bad("/fail", { attempt: 1, errorCode: "LOST_WORKER" }, "errorCode"),
    bad(
      "/fail",
      { attempt: 1, errorCode: "NO_BODY_FOUND", retryable: "no" },
      "retryable",
    ),
    bad(
      "/fail",
      { attempt: 1, errorCode: "NO_BODY_FOUND", processingMs: 1e8 },
      "processingMs",
    ),
  ])("%s %j is refused, and nothing is written", async (path, body, field) => {
    const job = path === "/claim" ? null : await take();
    const answer = await gpu.call(
      job === null ? path : `/jobs/${job.id}${path}`,
      body,
    );
    expect(refusal(answer)).toEqual({ status: 422, code: "INVAL", field });
    if (job !== null) {
      expect(await stateOf(job.id)).toMatchObject({ status: "processing" });
    }
  });

  it("a result larger than files may be is refused with the bound", async () => {
    const job = await take();
    const answer = await gpu.call(`/jobs/${job.id}/result`, {
      attempt: 1,
      contentType: "image/png",
      bytes: 300_001,
    });
    expect(refusal(answer)).toEqual({
      status: 413,
      code: "LARGE",
      field: "bytes",
    });
  });

  it("a file that is not the picture it claims to be is refused", async () => {
    const job = await take();
    const html = Buffer.from("<!doctype html><script>alert(1)</script>");
    const begun = await gpu.call(`/jobs/${job.id}/result`, {
      attempt: 1,
      contentType: "image/png",
      bytes: html.length,
    });
    const { url } = begun.json as { url: string };
    expect(refusal(await gpu.put(url, html))).toEqual({
      status: 422,
      code: "INVAL",
    });
  });

  it("a job that does not exist, a strange id, a strange path and a strange verb are told apart", async () => {
    const heartbeat = (id: string) =>
      gpu.call(`/jobs/${id}/heartbeat`, { attempt: 1 });
    const unknown = { status: 404, code: "NTFND", field: "jobId" };
    expect(refusal(await heartbeat(randomUUID()))).toEqual(unknown);
    expect(refusal(await heartbeat("1%27%20or%201"))).toEqual(unknown);
    expect(refusal(await gpu.call("/jobs"))).toEqual({
      status: 404,
      code: "NTFND",
    });
    const got = await server.client().get("/worker/claim");
    expect(refusal(got)).toEqual({ status: 405, code: "METHD" });
    expect(got.headers.get("allow")).toBe("POST");
  });

  it("what is not JSON, not an object, or too large is refused", async () => {
    const key = await makeWorkerKey(db, "gpu-bodies");
    const send = (body: string, type: string) =>
      server.client().request("POST", "/worker/claim", {
        body,
        headers: { authorization: `Bearer ${key}`, "content-type": type },
      });
    expect(refusal(await send("n=1", "text/plain"))).toEqual({
      status: 415,
      code: "MEDIA",
    });
    for (const body of ["{", "[]", '"claim"', "null"]) {
      expect(refusal(await send(body, "application/json"))).toEqual({
        status: 400,
        code: "BADRQ",
      });
    }
    const large = JSON.stringify({ worker: "x".repeat(200_000) });
    expect(refusal(await send(large, "application/json"))).toEqual({
      status: 413,
      code: "LARGE",
    });
  });
});

describe("limits", () => {
  it("each key has its own, and keys nobody has count against their address", async () => {
    const small = await startTestServer(db, {
      limits: {
        ...TEST_LIMITS,
        workerRequestsPerMinute: 3,
        requestsPerMinute: 4,
      },
    });
    try {
      const [one, two] = [
        workerClient(small.url, await makeWorkerKey(db, "gpu-limit-1")),
        workerClient(small.url, await makeWorkerKey(db, "gpu-limit-2")),
      ];
      for (let i = 0; i < 3; i++) {
        expect((await one.call("/claim")).status).toBe(200);
      }
      const refused = await one.call("/claim");
      expect(refusal(refused)).toEqual({ status: 429, code: "RATED" });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await two.call("/claim")).status).toBe(200);
      const guess = (i: number) =>
        workerClient(small.url, `wk_${String(i).padStart(43, "g")}`).call(
          "/claim",
        );
      for (let i = 0; i < 4; i++) {
        expect(refusal(await guess(i))).toMatchObject({ code: "LOGIN" });
      }
      expect(refusal(await guess(5))).toEqual({ status: 429, code: "RATED" });
    } finally {
      await small.close();
    }
  });
});

describe("the picture of a result", () => {
  const seen = async (client: HttpClient, key: string) => {
    const { data } = await client.graphql(
      `query ($key: String!) { storageObject(key: $key) { url } }`,
      { key },
    );
    const found = data?.["storageObject"] as { url: string | null } | null;
    return found === null || found === undefined ? "hidden" : found.url;
  };

  it("of a shopper is seen by the shopper, by nobody else", async () => {
    const job = await take();
    const key = await upload(gpu, job);
    await gpu.call(`/jobs/${job.id}/complete`, {
      attempt: 1,
      resultKey: key,
      confidence: 0.5,
      processingMs: 1,
    });
    const url = await seen(shopper, key);
    expect(url).toContain(`/files/${key}?`);
    const picture = await fetch(new URL(url ?? "", server.url));
    expect(Buffer.from(await picture.arrayBuffer())).toEqual(PIXEL);
    // And through the job itself.
    const through = await shopper.graphql(
      `query ($id: UUID!) { tryonJob(rowId: $id) { status result { url } selfie { url } } }`,
      { id: job.id },
    );
    expect(through.data).toMatchObject({
      tryonJob: {
        status: "completed",
        result: { url: expect.stringContaining(key) as unknown },
        selfie: {
          url: expect.stringContaining(closet.selfieKey) as unknown,
        },
      },
    });
    for (const person of [people.manager, people.stranger, people.owner]) {
      expect(await seen(await signedIn(person), key)).toBe("hidden");
    }
    // Staff see that there is a file, and never what it shows.
    for (const person of [people.support, people.admin]) {
      const staff = await signedIn(person);
      expect(await seen(staff, key)).toBeNull();
      expect(await seen(staff, closet.selfieKey)).toBeNull();
    }
  });

  it("of a brand's own job is seen by the brand, by no other brand", async () => {
    const manager = await signedIn(people.manager);
    const asked = await manager.graphql(
      `mutation ($input: RequestUploadInput!) { requestUpload(input: $input) { key url } }`,
      {
        input: {
          kind: "SELFIE",
          contentType: "image/png",
          bytes: PIXEL.length,
        },
      },
    );
    expect(asked.errors).toEqual([]);
    const model = asked.data?.["requestUpload"] as { key: string; url: string };
    expect((await gpu.put(model.url, PIXEL)).status).toBe(204);
    const product = await buildOffer(db, people.lumiere);
    const requested = await manager.graphql(
      `mutation ($input: RequestBrandTryonInput!) { requestBrandTryon(input: $input) { result } }`,
      {
        input: {
          idempotencyKey: randomUUID(),
          categoryCode: "jackets",
          selfieKey: model.key,
          productIds: [product],
        },
      },
    );
    expect(requested.errors).toEqual([]);
    const { result: id } = requested.data?.["requestBrandTryon"] as {
      result: string;
    };
    const job = jobsOf(await gpu.call("/claim", { n: 100 })).find(
      (taken) => taken.id === id,
    );
    if (job === undefined) throw new Error("The job was not given out");
    const key = await upload(gpu, job);
    await gpu.call(`/jobs/${job.id}/complete`, {
      attempt: 1,
      resultKey: key,
      confidence: 0.9,
      processingMs: 1,
    });
    const through = await manager.graphql(
      `query ($id: UUID!) { brandTryonJob(rowId: $id) { status result { url } } }`,
      { id: job.id },
    );
    expect(through.data).toMatchObject({
      brandTryonJob: {
        status: "completed",
        result: { url: expect.stringContaining(key) as unknown },
      },
    });
    expect(await seen(await signedIn(people.viewer), key)).toContain(key);
    expect(await seen(await signedIn(people.stranger), key)).toBe("hidden");
    expect(await seen(shopper, key)).toBe("hidden");
    expect(await seen(await signedIn(people.admin), key)).toBeNull();
  });
});
