import type { Pool } from "pg";

import { isFaultOfTheText } from "./isFaultOfTheText.ts";
import { type Line, splitLines } from "./splitLines.ts";

export type RefusedLine = {
  line: number;
  reason: string;
  /** Of the event, where the line says one. */
  id: string | null;
};

export type BackfillCounts = {
  lines: number;
  /** New in the inbox; in a dry run, those that would be. */
  loaded: number;
  known: number;
  refused: number;
  /** How many lines were refused for each reason. */
  reasons: Map<string, number>;
};

export type BackfillOptions = {
  worker: Pick<Pool, "query">;
  lines: AsyncIterable<Buffer>;
  maxLineBytes: number;
  dryRun: boolean;
  signal?: AbortSignal;
  /** Bytes read so far, of which all is committed. */
  onProgress?: (bytes: number) => void;
  onRefused?: (line: RefusedLine) => Promise<void> | void;
};

type Entry = { line: number; body: string; id: string };

/** One statement, one commit. Fewer are slow, more are lost by an interruption. */
const BATCH_LINES = 500;
const BATCH_BYTES = 4 * 1024 * 1024;

/**
 * Puts each event of a file into the inbox, once: what is there is skipped, so
 * that the inbox itself remembers how far an interrupted run came. Holds one
 * batch in memory, whatever the size of the file.
 */
export async function backfillEvents(
  options: BackfillOptions,
): Promise<BackfillCounts> {
  const { worker, dryRun, signal, onProgress, onRefused } = options;
  const counts: BackfillCounts = {
    lines: 0,
    loaded: 0,
    known: 0,
    refused: 0,
    reasons: new Map(),
  };
  const refuse = async (line: number, reason: string, id: string | null) => {
    counts.refused++;
    counts.reasons.set(reason, (counts.reasons.get(reason) ?? 0) + 1);
    await onRefused?.({ line, reason, id });
  };

  let batch: Entry[] = [];
  let bytes = 0;
  const flush = async (endsAt: number) => {
    const entries = batch;
    batch = [];
    bytes = 0;
    await write(entries);
    onProgress?.(endsAt);
  };
  const write = async (entries: readonly Entry[]): Promise<void> => {
    if (entries.length === 0) return;
    try {
      const isNew = dryRun
        ? await look(worker, entries)
        : await ingest(worker, entries);
      const loaded = isNew.filter(Boolean).length;
      counts.loaded += loaded;
      counts.known += entries.length - loaded;
    } catch (error) {
      if (!isFaultOfTheText(error)) throw error;
      const [only] = entries;
      if (entries.length === 1 && only !== undefined) {
        await refuse(only.line, "The database cannot keep it", only.id);
        return;
      }
      // One line spoils the batch: each half for itself, until it is alone.
      const half = Math.ceil(entries.length / 2);
      await write(entries.slice(0, half));
      await write(entries.slice(half));
    }
  };

  let endsAt = 0;
  for await (const line of splitLines(options.lines, options.maxLineBytes)) {
    if (signal?.aborted === true) break;
    endsAt = line.endsAt;
    if (line.text?.trim() === "") continue;
    counts.lines++;
    const checked = check(line, options.maxLineBytes);
    if ("reason" in checked) {
      await refuse(line.number, checked.reason, checked.id);
      continue;
    }
    batch.push(checked);
    bytes += checked.body.length;
    if (batch.length >= BATCH_LINES || bytes >= BATCH_BYTES) {
      await flush(line.endsAt);
    }
  }
  await flush(endsAt);
  return counts;
}

/** What the database would refuse is told here with a reason; it has the last word. */
function check(
  line: Line,
  maxBytes: number,
): Entry | { reason: string; id: string | null } {
  if (line.text === null) {
    return {
      reason:
        line.fault === "too_long"
          ? `Longer than ${maxBytes.toLocaleString("en")} bytes`
          : "Not UTF-8",
      id: null,
    };
  }
  const event = parse(line.text);
  if (event === undefined) return { reason: "Not JSON", id: null };
  if (!isObject(event) || event["object"] !== "event") {
    return { reason: "Not an event", id: null };
  }
  const { id, type, created, livemode, data } = event;
  if (typeof id !== "string" || !/^evt_[A-Za-z0-9_]{1,200}$/.test(id)) {
    return { reason: "An event without an id", id: null };
  }
  if (typeof type !== "string" || type === "") {
    return { reason: "An event without a type", id };
  }
  if (typeof created !== "number" || typeof livemode !== "boolean") {
    return { reason: "An event without time or mode", id };
  }
  if (!isObject(data) || !isObject(data["object"])) {
    return { reason: "An event without an object", id };
  }
  return { line: line.number, body: line.text, id };
}

async function ingest(
  worker: Pick<Pool, "query">,
  entries: readonly Entry[],
): Promise<boolean[]> {
  const { rows } = await worker.query<{ is_new: boolean[] }>(
    "select app_private.ingest_stripe_events($1::text[]::jsonb[], false) as is_new",
    [entries.map(({ body }) => body)],
  );
  return rows[0]?.is_new ?? [];
}

/** The same answer, and nothing kept. */
async function look(
  worker: Pick<Pool, "query">,
  entries: readonly Entry[],
): Promise<boolean[]> {
  const { rows } = await worker.query<{ is_new: boolean[] }>(
    "select app_private.unknown_stripe_events($1::text[]::jsonb[]) as is_new",
    [entries.map(({ body }) => body)],
  );
  return rows[0]?.is_new ?? [];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
