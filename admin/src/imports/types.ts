import type { RaRecord } from "react-admin";

import type { Tone } from "../components/StatusChip.tsx";

export type ImportStatus =
  | "uploaded"
  | "queued"
  | "staging"
  | "running"
  | "cancelling"
  | "cancelled"
  | "completed"
  | "failed";

export type ImportRun = RaRecord<string> & {
  /** Of a brand, or else of one person. */
  brandId: string | null;
  userId: string | null;
  /** The table the rows go into. */
  target: string;
  uniqueKey: string | null;
  filename: string;
  status: ImportStatus;
  dryRun: boolean;
  mapping: Record<string, string>;
  encoding: string | null;
  delimiter: string | null;
  header: string[];
  totalRows: number | null;
  processedRows: number;
  createdCount: number;
  updatedCount: number;
  unchangedCount: number;
  refusedCount: number;
  rerunOf: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  createdAt: string;
};

/** What the server read from an uploaded file, before anything is decided. */
export type ImportPreview = {
  run: {
    id: string;
    filename: string;
    encoding: string;
    delimiter: string;
    header: string[];
    bytes: number;
  };
  mapping: Record<string, string>;
  /** catalogue: read as products; table: by the columns of the table. */
  target: { table: string; method: "catalogue" | "table"; label: string };
  /** The fields of a table bring their label; those of a catalogue have it here. */
  fields: { name: string; required: boolean; label?: string }[];
  /** By which a row finds its record, best first; none for a catalogue. */
  keys: { name: string; fields: string[] }[];
  sample: { line: number; fields: string[] }[];
  warnings: string[];
};

export const isActive = (status: ImportStatus): boolean =>
  ["queued", "staging", "running", "cancelling"].includes(status);

export const toneOf: Record<ImportStatus, Tone> = {
  uploaded: "info",
  queued: "info",
  staging: "info",
  running: "info",
  cancelling: "warning",
  cancelled: "warning",
  completed: "success",
  failed: "error",
};
