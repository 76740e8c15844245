import { describe, expect, it } from "@jest/globals";
import type { Identifier, RaRecord } from "ra-core";

import { makeBatcher } from "../src/batch.ts";

const loading = (
  load: (
    ids: readonly Identifier[],
    signal: AbortSignal,
  ) => Promise<RaRecord[]> = (ids) =>
    Promise.resolve(ids.map((id) => ({ id }))),
) => {
  const loads: [string, readonly Identifier[]][] = [];
  const batch = makeBatcher((key, ids, signal) => {
    loads.push([key, ids]);
    return load(ids, signal);
  });
  return { batch, loads };
};

/** Ends when its signal does, as a fetch would. */
const endless = (signal: AbortSignal) =>
  new Promise<RaRecord[]>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });

describe("makeBatcher", () => {
  it("makes one load of the calls of a tick, each id once", async () => {
    const { batch, loads } = loading();
    const answers = await Promise.all([
      batch("a", [1, 2]),
      batch("a", [2, "2", 3]),
      batch("b", [9]),
    ]);
    expect(loads).toEqual([
      ["a", [1, "2", 3]],
      ["b", [9]],
    ]);
    expect(answers[2]).toEqual([{ id: 9 }]);
  });

  it("loads again in the next tick", async () => {
    const { batch, loads } = loading();
    await batch("a", [1]);
    await batch("a", [1]);
    expect(loads).toHaveLength(2);
  });

  it("gives a failure to every caller", async () => {
    const { batch } = loading(() => Promise.reject(new Error("no")));
    const answers = await Promise.allSettled([
      batch("a", [1]),
      batch("a", [2]),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([
      "rejected",
      "rejected",
    ]);
  });

  it("goes on for the others when one caller leaves", async () => {
    const { batch, loads } = loading();
    const leaver = new AbortController();
    const left = batch("a", [1], leaver.signal);
    const stayed = batch("a", [2]);
    leaver.abort();
    await expect(left).rejects.toMatchObject({ name: "AbortError" });
    await expect(stayed).resolves.toEqual([{ id: 2 }]);
    expect(loads).toEqual([["a", [2]]]);
  });

  it("stops the load when every caller has left", async () => {
    let stopped = false;
    const { batch } = loading((_ids, signal) => {
      signal.addEventListener("abort", () => (stopped = true));
      return endless(signal);
    });
    const first = new AbortController();
    const second = new AbortController();
    const calls = Promise.allSettled([
      batch("a", [1], first.signal),
      batch("a", [2], second.signal),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    first.abort();
    expect(stopped).toBe(false);
    second.abort();
    expect(stopped).toBe(true);
    expect((await calls).map(({ status }) => status)).toEqual([
      "rejected",
      "rejected",
    ]);
  });

  it("loads nothing for a caller that had already left", async () => {
    const { batch, loads } = loading();
    await expect(batch("a", [1], AbortSignal.abort())).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(loads).toEqual([]);
  });
});
