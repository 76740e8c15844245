import { describe, expect, it } from "@jest/globals";
import type { Pool } from "pg";

import { makeWakeWorker } from "../../server/webhooks/wakeWorker.ts";

/** A database that counts what it is asked, and answers when it is told to. */
function makeCounter() {
  const open: (() => void)[] = [];
  const pool = {
    query: () => new Promise<void>((resolve) => open.push(resolve)),
  } as unknown as Pick<Pool, "query">;
  return {
    pool,
    asked: () => open.length,
    answerAll: () => {
      for (const answer of open) answer();
    },
  };
}

const silent = { warn: () => undefined };

describe("waking the worker", () => {
  it("asks at once for what comes alone", async () => {
    const database = makeCounter();
    const worker = makeWakeWorker(database.pool, silent);
    worker.wake();
    expect(database.asked()).toBe(1);
    database.answerAll();
    await worker.close();
    expect(database.asked()).toBe(1);
  });

  it("asks once for all that came after the first question began, also when it is closed", async () => {
    const database = makeCounter();
    const worker = makeWakeWorker(database.pool, silent);
    for (let n = 0; n < 1_000; n++) worker.wake();
    expect(database.asked()).toBe(1);
    const closed = worker.close();
    database.answerAll();
    while (database.asked() < 2) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    database.answerAll();
    await closed;
    worker.wake();
    expect(database.asked()).toBe(2);
  });

  it("goes on asking by itself, as long as something came", async () => {
    const database = makeCounter();
    const worker = makeWakeWorker(database.pool, silent);
    worker.wake();
    worker.wake();
    while (database.asked() < 2) {
      database.answerAll();
      await new Promise((resolve) => setImmediate(resolve));
    }
    database.answerAll();
    await worker.close();
    expect(database.asked()).toBe(2);
  });

  it("says when it could not ask, and asks again for what comes later", async () => {
    const told: unknown[] = [];
    let asked = 0;
    const worker = makeWakeWorker(
      {
        query: () => {
          asked++;
          return Promise.reject(new Error("gone"));
        },
      } as unknown as Pick<Pool, "query">,
      { warn: (what: unknown) => told.push(what) },
    );
    worker.wake();
    while (told.length < 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    worker.wake();
    await worker.close();
    expect([asked, told.length]).toEqual([2, 2]);
  });
});
