import { FILE_ENCODINGS } from "./encoding.ts";
import { DELIMITERS, type FileFormat } from "./readRows.ts";

/** A row of app_public.import_runs, as the driver gives it. */
export type ImportRun = {
  id: string;
  /** The owner: a brand, or else a person. */
  brand_id: string | null;
  user_id: string | null;
  requested_by: string | null;
  /** The role a person's import runs in; null for a brand's. */
  requested_role: string | null;
  target: string;
  method: ImportMethod;
  /** The unique index that finds a row's record; "none" when every row is new. */
  unique_key: string | null;
  filename: string;
  storage_key: string | null;
  status: ImportStatus;
  dry_run: boolean;
  mapping: Record<string, string>;
  encoding: string | null;
  delimiter: string | null;
  header: string[];
  total_rows: number | null;
  processed_rows: number;
  created_count: number;
  updated_count: number;
  unchanged_count: number;
  refused_count: number;
  checkpoint_line: number;
  rerun_of: string | null;
  error_code: string | null;
  error_message: string | null;
  started_at: Date | null;
  finished_at: Date | null;
};

/**
 * catalogue: a maker's file, read as products; table: columns of the file
 * straight into columns of a table.
 */
export type ImportMethod = "catalogue" | "table";

export type ImportStatus =
  | "uploaded"
  | "queued"
  | "staging"
  | "running"
  | "cancelling"
  | "cancelled"
  | "completed"
  | "failed";

/** How the file of a run is read; it was decided when the file arrived. */
export function formatOf(run: ImportRun): FileFormat {
  const encoding = FILE_ENCODINGS.find((known) => known === run.encoding);
  const delimiter = DELIMITERS.find((known) => known === run.delimiter);
  if (encoding === undefined || delimiter === undefined) {
    throw new Error(`Import ${run.id} has no readable format`);
  }
  return { encoding, delimiter };
}
