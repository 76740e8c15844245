import type { Exporter } from "react-admin";
import { downloadCSV } from "react-admin";

import { csvText } from "./csvText.ts";

export const csvExporter =
  (filename: string, columns: readonly string[]): Exporter =>
  (records) => {
    // The mark tells spreadsheets that this is UTF-8.
    downloadCSV(`\uFEFF${csvText(columns, records)}`, filename);
  };
