import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { buildStorageObject } from "../helpers/factories.ts";
import {
  actAs,
  asManager,
  asShopper,
  beginResult,
  claim,
  complete,
  fail,
  giveCredits,
  makeShopper,
  makeTryonBrand,
  refusal,
  requestBrandTryon,
  rowsOf,
  value,
  walletOf,
} from "../helpers/tryons.ts";
import {
  ask,
  asWorker,
  attemptsOf,
  jobOf,
  resultOf,
  secondsTo,
  setJob,
  take,
  working,
} from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

describe("complete_tryon", () => {
  it("delivers the result, captures the hold and keeps the attempt; again it gives the same job", () =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const key = await resultOf(client, job);
      const act = () =>
        asWorker(client, () =>
          complete(client, "gpu", job, key, {
            confidence: 0.98765,
            processingMs: 1_234,
          }),
        );
      const done = await act();
      expect(done).toMatchObject({
        status: "completed",
        result_key: key,
        confidence: "0.9877",
        processing_ms: 1_234,
        locked_by: null,
        locked_until: null,
        error_code: null,
      });
      expect(done["completed_at"]).toEqual(done["finished_at"]);
      expect(await act()).toEqual(done);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 24,
        held: 0,
        used: 1,
      });
      expect(await attemptsOf(client, job)).toEqual([
        {
          attempt: 1,
          worker: "gpu",
          outcome: "completed",
          error_code: null,
          processing_ms: 1_234,
        },
      ]);
      expect(
        await value(
          client,
          "select count(*) from app_public.credit_transfers where owner_user_id = $1 and kind = 'capture'",
          [shopper.id],
        ),
      ).toBe("1");
    }));

  it("another result, or another worker, is refused after it", () =>
    withRoot(db, async (client) => {
      const { job } = await working(client);
      const [key, second] = [
        await resultOf(client, job),
        await resultOf(client, job),
      ];
      await asWorker(client, () => complete(client, "gpu", job, key));
      expect(
        await refusal(client, () =>
          asWorker(client, () => complete(client, "gpu", job, second)),
        ),
      ).toMatchObject({ code: "LLOCK" });
      expect(
        await refusal(client, () =>
          asWorker(client, () => complete(client, "other", job, key)),
        ),
      ).toMatchObject({ code: "LLOCK" });
      expect(await jobOf(client, job)).toMatchObject({ result_key: key });
    }));

  it("a result of somebody else, of another job, not uploaded or of another kind is refused", () =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const other = await working(client);
      const theirs = await resultOf(client, other.job);
      const begun = await asWorker(client, () =>
        beginResult(client, "gpu", job),
      );
      const { key: garment } = await buildStorageObject(client, {
        owner_user_id: shopper.id,
      });
      // Of the same person and ready, but made for another job.
      await ask(client, shopper);
      const [second] = await asWorker(client, () => claim(client, "gpu"));
      const ready = await resultOf(client, second!);
      await ask(client, shopper);
      const [third] = await asWorker(client, () => claim(client, "gpu"));
      const used = await resultOf(client, third!);
      await asWorker(client, () => complete(client, "gpu", third!, used));
      for (const key of [
        theirs,
        begun,
        garment,
        ready,
        used,
        shopper.selfie,
        "result/none.png",
      ]) {
        expect(
          await refusal(client, () =>
            asWorker(client, () => complete(client, "gpu", job, key)),
          ),
        ).toEqual({
          code: "NTFND",
          field: "result_key",
        });
      }
      expect(await jobOf(client, job)).toMatchObject({
        status: "processing",
        result_key: null,
      });
    }));

  it("a result of an earlier attempt is refused; what is brought is kept for 180 days, the rest for one", () =>
    withRoot(db, async (client) => {
      const { job } = await working(client);
      const early = await resultOf(client, job);
      await asWorker(client, () => fail(client, "gpu", job));
      await setJob(client, job, "run_after = now()");
      const [again] = await asWorker(client, () => claim(client, "gpu"));
      const key = await resultOf(client, again!);
      expect(
        await refusal(client, () =>
          asWorker(client, () => complete(client, "gpu", again!, early)),
        ),
      ).toEqual({ code: "NTFND", field: "result_key" });
      await asWorker(client, () => complete(client, "gpu", again!, key));
      expect(
        await rowsOf(
          client,
          "select key, extract(day from retention_until - now())::integer as days from app_public.storage_objects where key like 'result/' || $1 || '/%' order by key",
          [job.id],
        ),
      ).toEqual([
        { key: early, days: 1 },
        { key, days: 180 },
      ]);
      expect([early, key]).toEqual([
        expect.stringContaining(`result/${job.id}/1/`),
        expect.stringContaining(`result/${job.id}/2/`),
      ]);
    }));

  it("on a garment that somebody is editing makes nobody wait for the wallet", async () => {
    const root = await db.root.connect();
    const editor = await db.root.connect();
    const worker = await db.worker.connect();
    try {
      await root.query("begin");
      const shopper = await makeShopper(root);
      await ask(root, shopper);
      const job = await take(root);
      const key = await resultOf(root, job);
      await root.query("commit");
      await editor.query("begin");
      await editor.query(
        "select 1 from app_public.wardrobe_items where id = $1 for update",
        [shopper.item],
      );
      const pid = await value<number>(worker, "select pg_backend_pid()");
      const done = complete(worker, "gpu", job, key);
      for (;;) {
        const blocked = await value<boolean>(
          root,
          "select cardinality(pg_blocking_pids($1)) > 0",
          [pid],
        );
        if (blocked) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(
        await rowsOf(
          root,
          "select kind from app_public.credit_accounts where owner_user_id = $1 order by kind for no key update nowait",
          [shopper.id],
        ),
      ).toEqual([{ kind: "available" }, { kind: "held" }]);
      await editor.query("commit");
      expect(await done).toMatchObject({ status: "completed" });
      expect(await walletOf(root, shopper.id)).toMatchObject({ held: 0 });
    } finally {
      for (const client of [editor, worker, root]) client.release(true);
    }
  });

  it.each([
    ["no confidence", { confidence: null }, "confidence"],
    ["a percentage", { confidence: 98 }, "confidence"],
    ["a confidence below zero", { confidence: -0.0001 }, "confidence"],
    ["a confidence that is no number", { confidence: "NaN" }, "confidence"],
    ["no time", { processingMs: null }, "processing_ms"],
    ["a time below zero", { processingMs: -1 }, "processing_ms"],
    // The clock of the worker is an hour ahead.
    [
      "a time longer than it had the job",
      { processingMs: 3_600_000 },
      "processing_ms",
    ],
  ])("%s is refused, and the job still runs", (_, figures, field) =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const key = await resultOf(client, job);
      expect(
        await refusal(client, () =>
          asWorker(client, () => complete(client, "gpu", job, key, figures)),
        ),
      ).toEqual({
        code: "INVAL",
        field,
      });
      expect(await jobOf(client, job)).toMatchObject({ status: "processing" });
      expect((await walletOf(client, shopper.id)).held).toBe(1);
    }),
  );

  it("counts the use of each garment, without touching the row a person edits, and without a trail", () =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const itemOf = () =>
        rowsOf(
          client,
          "select usage_count, updated_at from app_public.wardrobe_items where id = $1",
          [shopper.item],
        );
      const trail = () =>
        value(
          client,
          "select count(*) from app_public.audit_log where table_name = 'wardrobe_items' and row_pk = $1",
          [shopper.item],
        );
      await client.query(
        "alter table app_public.wardrobe_items disable trigger user",
      );
      await client.query(
        "update app_public.wardrobe_items set updated_at = '2026-01-01' where id = $1",
        [shopper.item],
      );
      await client.query(
        "alter table app_public.wardrobe_items enable trigger user",
      );
      const [before] = await itemOf();
      const rows = await trail();
      const key = await resultOf(client, job);
      await asWorker(client, () => complete(client, "gpu", job, key));
      expect(await itemOf()).toEqual([
        {
          usage_count: Number(before?.["usage_count"]) + 1,
          updated_at: before?.["updated_at"],
        },
      ]);
      expect(await trail()).toBe(rows);
      // The person's own change is seen and kept, as ever.
      await actAs(client, asShopper(shopper), () =>
        client.query(
          "update app_public.wardrobe_items set name = 'Worn once' where id = $1",
          [shopper.item],
        ),
      );
      expect((await itemOf())[0]?.["updated_at"]).not.toEqual(
        before?.["updated_at"],
      );
      expect(Number(await trail())).toBe(Number(rows) + 1);
    }));

  it("of a brand's own job captures the wallet of the brand, whose result it is", () =>
    withRoot(db, async (client) => {
      const brand = await makeTryonBrand(client);
      await giveCredits(client, { brand: brand.id }, 3);
      await actAs(client, asManager(brand), () =>
        requestBrandTryon(client, brand),
      );
      const [job] = await asWorker(client, () => claim(client, "gpu"));
      const key = await resultOf(client, job!);
      await asWorker(client, () => complete(client, "gpu", job!, key));
      expect(await walletOf(client, brand.id)).toMatchObject({
        available: 2,
        held: 0,
        used: 1,
      });
      expect(
        await rowsOf(
          client,
          "select owner_user_id, owner_brand_id from app_public.storage_objects where key = $1",
          [key],
        ),
      ).toEqual([{ owner_user_id: null, owner_brand_id: brand.id }]);
    }));
});

describe("fail_tryon", () => {
  it("puts a job back while it may be retried; the hold stays, and each wait is longer", () =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const waits = [];
      for (let attempt = 1; attempt <= 2; attempt++) {
        const failed = await asWorker(client, () =>
          fail(
            client,
            "gpu",
            { ...job, attempt },
            "GPU_OUT_OF_MEMORY",
            true,
            10,
          ),
        );
        expect(failed).toMatchObject({
          status: "queued",
          attempt,
          error_code: "GPU_OUT_OF_MEMORY",
          locked_by: null,
        });
        waits.push(await secondsTo(client, job, "run_after"));
        expect(await asWorker(client, () => claim(client, "gpu"))).toEqual([]);
        await setJob(client, job, "run_after = now()");
        await asWorker(client, () => claim(client, "gpu"));
      }
      const [first, second] = waits as [number, number];
      expect(first).toBeGreaterThanOrEqual(10);
      expect(first).toBeLessThanOrEqual(12);
      expect(second).toBeGreaterThanOrEqual(20);
      expect(second).toBeLessThanOrEqual(24);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 24,
        held: 1,
      });
      // The third attempt is the last.
      const last = await asWorker(client, () =>
        fail(client, "gpu", { ...job, attempt: 3 }),
      );
      expect(last).toMatchObject({ status: "failed", attempt: 3 });
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
      });
      expect(
        (await attemptsOf(client, job)).map(({ outcome, processing_ms }) => [
          outcome,
          processing_ms,
        ]),
      ).toEqual([
        ["retried", 10],
        ["retried", 10],
        ["failed", null],
      ]);
    }));

  it("waits no longer than 12 minutes, however often it failed", () =>
    withRoot(db, async (client) => {
      expect(
        await value(
          client,
          "select max(app_private.tryon_backoff(n)) <= interval '12 minutes' from generate_series(1, 100) n",
        ),
      ).toBe(true);
    }));

  it("ends a job that cannot succeed at once, and gives its credits back; again it says the same", () =>
    withRoot(db, async (client) => {
      const { shopper, job } = await working(client);
      const act = () =>
        asWorker(client, () =>
          fail(client, "gpu", job, "NO_BODY_FOUND", false),
        );
      const failed = await act();
      expect(failed).toMatchObject({
        status: "failed",
        attempt: 1,
        error_code: "NO_BODY_FOUND",
        completed_at: null,
      });
      expect(await act()).toEqual(failed);
      expect(await walletOf(client, shopper.id)).toMatchObject({
        available: 25,
        held: 0,
        used: 0,
      });
      expect(await attemptsOf(client, job)).toHaveLength(1);
    }));

  it("a code of ours is refused with a sentence of its own", () =>
    withRoot(db, async (client) => {
      const { job } = await working(client);
      await expect(
        asWorker(client, () => fail(client, "gpu", job, "LOST_WORKER")),
      ).rejects.toMatchObject({
        code: "INVAL",
        message: "LOST_WORKER is what the server says when no worker did",
      });
    }));

  it.each([
    ["no code", null, null, "error_code"],
    ["a sentence", "no body", null, "error_code"],
    ["a code of ours", "LOST_WORKER", null, "error_code"],
    ["another code of ours", "DEADLINE", null, "error_code"],
    ["a time below zero", "NO_BODY", -1, "processing_ms"],
    [
      "a time of a clock that runs ahead",
      "NO_BODY",
      3_600_000,
      "processing_ms",
    ],
  ])("%s is refused, and the job still runs", (_, code, ms, field) =>
    withRoot(db, async (client) => {
      const { job } = await working(client);
      expect(
        await refusal(client, () =>
          asWorker(client, () => fail(client, "gpu", job, code, true, ms)),
        ),
      ).toEqual({
        code: "INVAL",
        field,
      });
      expect(await jobOf(client, job)).toMatchObject({ status: "processing" });
    }),
  );
});
