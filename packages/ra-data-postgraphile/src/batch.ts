import type { Identifier, RaRecord } from "ra-core";

type Waiting = {
  ids: readonly Identifier[];
  signal: AbortSignal | undefined;
  resolve: (records: RaRecord[]) => void;
  reject: (error: unknown) => void;
};

const aborted = (signal: AbortSignal): unknown =>
  signal.reason ?? new DOMException("The request was aborted.", "AbortError");

/**
 * Calls that arrive in one tick under one key are answered by one `load`. The
 * load is aborted when every caller has gone; one caller's leaving ends only its
 * own wait.
 */
export const makeBatcher = (
  load: (
    key: string,
    ids: readonly Identifier[],
    signal: AbortSignal,
  ) => Promise<RaRecord[]>,
) => {
  const queues = new Map<string, Waiting[]>();

  const flush = async (key: string): Promise<void> => {
    const waiting = queues.get(key) ?? [];
    queues.delete(key);
    const present = waiting.filter(({ signal }) => !signal?.aborted);
    if (present.length === 0) return;
    const controller = new AbortController();
    let remaining = present.length;
    const leave = () => {
      remaining -= 1;
      if (remaining === 0) controller.abort();
    };
    for (const { signal } of present) {
      signal?.addEventListener("abort", leave, { once: true });
    }
    const unique = new Map<string, Identifier>();
    for (const { ids } of present) {
      for (const id of ids) unique.set(String(id), id);
    }
    try {
      const records = await load(key, [...unique.values()], controller.signal);
      for (const { resolve } of present) resolve(records);
    } catch (error) {
      for (const { reject } of present) reject(error);
    } finally {
      for (const { signal } of present) {
        signal?.removeEventListener("abort", leave);
      }
    }
  };

  return (
    key: string,
    ids: readonly Identifier[],
    signal?: AbortSignal,
  ): Promise<RaRecord[]> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(aborted(signal));
        return;
      }
      signal?.addEventListener("abort", () => reject(aborted(signal)), {
        once: true,
      });
      const queue = queues.get(key);
      if (queue) {
        queue.push({ ids, signal, resolve, reject });
        return;
      }
      queues.set(key, [{ ids, signal, resolve, reject }]);
      setTimeout(() => void flush(key), 0);
    });
};
