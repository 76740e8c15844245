import { pipeline, type Readable } from "node:stream";

import type { Pool } from "pg";

import type { Actor } from "../auth/actor.ts";
import { withActor } from "../db/withActor.ts";
import { AppError } from "../errors/AppError.ts";
import type { ColumnMapping } from "./columns.ts";
import { type ImportFiles, openImportFile, storeError } from "./importFiles.ts";
import { formatOf, type ImportRun } from "./importRun.ts";
import {
  CATALOGUE,
  type ImportTarget,
  type TargetField,
  type TargetFor,
  type TargetKey,
} from "./importTarget.ts";
import {
  FileProbe,
  HEAD_BYTES,
  inspectHead,
  type Inspection,
} from "./inspectFile.ts";
import type { FileRow } from "./readRows.ts";

export type UploadDeps = {
  app: Pool;
  files: ImportFiles;
  maxBytes: number;
  log: { warn(details: object, message: string): void };
};

/** What a person needs to check the mapping and start the import. */
export type UploadedImport = {
  run: Pick<ImportRun, "id" | "filename" | "status" | "header"> & {
    encoding: string;
    delimiter: string;
  };
  target: Pick<ImportTarget, "table" | "method" | "label">;
  mapping: ColumnMapping;
  fields: readonly TargetField[];
  /** By which a row finds its record, best first; none to choose in a catalogue. */
  keys: readonly TargetKey[];
  sample: FileRow[];
  warnings: string[];
};

const MAX_FILENAME = 255;

/**
 * Takes a file in: asks whether the caller may, streams it to where it is kept
 * while looking at it, and registers the run. A refused file leaves nothing.
 */
export async function uploadImport(
  deps: UploadDeps,
  actor: Actor,
  filename: string,
  source: Readable,
  targetFor: TargetFor = () => CATALOGUE,
  table: string = CATALOGUE.table,
): Promise<UploadedImport> {
  const { run_id: runId, file_key: key } = await placeFor(
    deps.app,
    actor,
    table,
  );
  const probe = new FileProbe(deps.maxBytes);
  try {
    await store(deps.files, key, source, probe);
    const inspection = await probe.inspect(targetFor);
    const run = await withActor(deps.app, actor, async (client) => {
      const { rows } = await client.query<ImportRun>(
        "select * from app_hidden.register_import($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        [
          runId,
          plainFilename(filename),
          probe.bytes,
          probe.sha256(),
          inspection.encoding,
          inspection.delimiter,
          inspection.header,
          JSON.stringify(inspection.mapping),
          inspection.target.table,
          inspection.target.method,
        ],
      );
      return only(rows);
    });
    return describe(run, inspection, inspection.mapping);
  } catch (error) {
    await deps.files.delete(key).catch((failure: unknown) => {
      deps.log.warn({ err: failure, key }, "a refused import was not deleted");
    });
    throw error;
  }
}

/** The same answer as the upload gave, for a page that was loaded again. */
export async function describeImport(
  deps: Pick<UploadDeps, "app" | "files">,
  actor: Actor,
  runId: string,
  targetOf: (run: ImportRun) => Promise<ImportTarget> = async () => CATALOGUE,
): Promise<UploadedImport> {
  const run = await findImport(deps.app, actor, runId, WITH_FILE);
  const target = await targetOf(run);
  const { encoding } = formatOf(run);
  const { head, isCut } = await headOf(
    await openImportFile(deps.files, run.storage_key),
  );
  const inspection = await inspectHead(head, encoding, isCut, () => target);
  return describe(run, inspection, run.mapping);
}

const SEEN = "select * from app_public.import_runs where id = $1";
const WITH_FILE = "select * from app_hidden.import_with_file($1)";

/** A run the caller may see; NTFND otherwise. */
export async function findImport(
  app: Pool,
  actor: Actor,
  runId: string,
  sql: typeof SEEN | typeof WITH_FILE = SEEN,
): Promise<ImportRun> {
  const rows = UUID.test(runId)
    ? await withActor(app, actor, async (client) => {
        const found = await client.query<ImportRun>(sql, [runId]);
        return found.rows;
      })
    : [];
  const [run] = rows;
  if (run === undefined) throw new AppError("NTFND", "There is no such import");
  return run;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

async function placeFor(
  app: Pool,
  actor: Actor,
  table: string,
): Promise<{ run_id: string; file_key: string }> {
  return withActor(app, actor, async (client) => {
    const { rows } = await client.query<{ run_id: string; file_key: string }>(
      "select * from app_hidden.assert_may_import($1)",
      [table],
    );
    return only(rows);
  });
}

async function store(
  files: ImportFiles,
  key: string,
  source: Readable,
  probe: FileProbe,
): Promise<void> {
  // When the source breaks off, the probe breaks with it and so does the write.
  pipeline(source, probe, () => undefined);
  try {
    await files.putStream(key, probe);
  } catch (error) {
    // The driver wraps what the stream failed with; the person gets our words.
    if (probe.errored instanceof AppError) throw probe.errored;
    if (source.readableAborted || source.destroyed) {
      throw new AppError("BADRQ", "The upload was cut off", { cause: error });
    }
    throw storeError(error);
  }
}

async function headOf(
  stream: Readable,
): Promise<{ head: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > HEAD_BYTES) break;
  }
  const head = Buffer.concat(chunks).subarray(0, HEAD_BYTES);
  return { head, isCut: bytes > HEAD_BYTES };
}

function describe(
  run: ImportRun,
  inspection: Inspection,
  mapping: ColumnMapping,
): UploadedImport {
  return {
    run: {
      id: run.id,
      filename: run.filename,
      status: run.status,
      header: run.header,
      encoding: inspection.encoding,
      delimiter: inspection.delimiter,
    },
    target: {
      table: inspection.target.table,
      method: inspection.target.method,
      label: inspection.target.label,
    },
    mapping,
    fields: inspection.target.fields,
    keys: inspection.target.keys,
    sample: inspection.sample,
    warnings: inspection.warnings,
  };
}

/** The name as people know the file: no folder, no control characters. */
function plainFilename(filename: string): string {
  const name = filename
    .replace(/^.*[/\\]/, "")
    .replace(/\p{Cc}/gu, "")
    .trim()
    .slice(0, MAX_FILENAME)
    .trim();
  return name === "" ? "catalogue.csv" : name;
}

function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("The database gave no row");
  return row;
}
