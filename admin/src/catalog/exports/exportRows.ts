import { HttpError } from "react-admin";

import { actingAs } from "../../session.ts";

export type ExportFormat = "csv" | "ndjson" | "xlsx";

export type ExportOrder = {
  resource: string;
  columns: readonly string[];
  filter?: unknown;
  orderBy?: unknown;
  format: ExportFormat;
};

export type ExportProgress = { rows: number | null; total: number | null };

const NEWLINE = 10;
const QUOTE = 34;

/** Counts rows in passing: lines, but not the line breaks inside quotes. */
export function makeRowCounter(format: ExportFormat) {
  let lines = 0;
  let quoted = false;
  return (chunk: Uint8Array): number | null => {
    if (format === "xlsx") return null;
    for (const byte of chunk) {
      if (format === "csv" && byte === QUOTE) quoted = !quoted;
      else if (byte === NEWLINE && !quoted) lines += 1;
    }
    // The first line of a CSV file names the columns.
    return format === "csv" ? Math.max(0, lines - 1) : lines;
  };
}

const fileName = (header: string | null, fallback: string): string =>
  /filename="([^"]+)"/.exec(header ?? "")?.[1] ?? fallback;

/**
 * All rows of a list as a file, made by the server under the caller's rights.
 * Aborting hangs up, which stops the work there too; a file that breaks off is
 * an error and never offered as whole.
 */
export async function exportRows(
  order: ExportOrder,
  onProgress: (progress: ExportProgress) => void,
  signal: AbortSignal,
): Promise<{ name: string; file: Blob }> {
  const response = await fetch("/exports", {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json", ...actingAs() },
    body: JSON.stringify(order),
    signal,
  });
  if (!response.ok || response.body === null) {
    const body = (await response.json().catch(() => null)) as {
      error?: { message?: string; hint?: string };
    } | null;
    throw new HttpError(
      [body?.error?.message ?? "server.refused", body?.error?.hint]
        .filter((part) => part !== undefined)
        .join(" "),
      response.status,
    );
  }
  const count = makeRowCounter(order.format);
  const announced = response.headers.get("X-Total-Count");
  const total = announced === null ? null : Number(announced);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  onProgress({ rows: 0, total });
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    onProgress({ rows: count(value), total });
  }
  return {
    name: fileName(
      response.headers.get("Content-Disposition"),
      `${order.resource}.${order.format}`,
    ),
    file: new Blob(chunks, {
      type: response.headers.get("Content-Type") ?? "",
    }),
  };
}
