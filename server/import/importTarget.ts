import {
  type ColumnMapping,
  guessMapping,
  IMPORT_FIELDS,
  REQUIRED_FIELDS,
} from "./columns.ts";
import type { ImportMethod } from "./importRun.ts";

/** Where a column of a file can go. */
export type TargetField = {
  /** What a mapping calls it: a column of the table, or a field of a product. */
  name: string;
  required: boolean;
  /** For people; the fields of a product have theirs in the admin. */
  label?: string;
  help?: string | null;
  kind?: string;
  array?: boolean;
  values?: readonly { value: string; label: string }[] | null;
};

/** What tells two rows that mean the same record. */
export type TargetKey = {
  name: string;
  fields: string[];
};

/** What a file is imported into, and how its columns are understood. */
export type ImportTarget = {
  table: string;
  method: ImportMethod;
  label: string;
  fields: readonly TargetField[];
  /** To choose from, best first; of a catalogue it is always the SKU. */
  keys: readonly TargetKey[];
  guess(columns: readonly string[]): ColumnMapping;
};

/** The header may decide: our own export of products is no maker's catalogue. */
export type TargetFor = (header: readonly string[]) => ImportTarget;

/** A maker's catalogue, as products. */
export const CATALOGUE: ImportTarget = {
  table: "products",
  method: "catalogue",
  label: "Products",
  fields: IMPORT_FIELDS.map((name) => ({
    name,
    required: REQUIRED_FIELDS.includes(name),
  })),
  keys: [],
  guess: guessMapping,
};
