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
      await ask(client, shopper);
      const [second] = await asWorker(client, () => claim(client, "gpu"));
      const used = await resultOf(client, second!);
      await asWorker(client, () => complete(client, "gpu", second!, used));
      for (const key of [
        theirs,
        begun,
        garment,
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
