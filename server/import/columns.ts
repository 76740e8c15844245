import { ImportError } from "./importError.ts";

/** Where a column of the file can go. The order is the order of the form. */
export const IMPORT_FIELDS = [
  "sku",
  "name",
  "category",
  "category_group",
  "gender",
  "color",
  "season",
  "year",
  "usage",
  "brand_label",
  "tags",
  "price",
  "currency",
] as const;
export type ImportField = (typeof IMPORT_FIELDS)[number];

/** Without these a row is no product. */
export const REQUIRED_FIELDS: readonly ImportField[] = [
  "sku",
  "name",
  "category",
];

/** Field to the name of a column of the file's header. */
export type ColumnMapping = { [field: string]: string };

const MAX_COLUMNS = 500;
const MAX_COLUMN_NAME = 100;

/** Names that catalogues use, best first; compared without case and punctuation. */
export const SYNONYMS: Readonly<Record<ImportField, readonly string[]>> = {
  sku: [
    "sku",
    "id",
    "product id",
    "style id",
    "article id",
    "item id",
    "variant sku",
    "article number",
    "item number",
    "product code",
    "style code",
    "style number",
    "code",
  ],
  name: [
    "product display name",
    "name",
    "product name",
    "title",
    "display name",
    "product title",
    "item name",
  ],
  category: [
    "article type",
    "category",
    "product type",
    "garment type",
    "category code",
    "category name",
    "product category",
    "type",
  ],
  category_group: [
    "master category",
    "category group",
    "department",
    "parent category",
    "group",
  ],
  gender: ["gender", "sex"],
  color: [
    "base colour",
    "base color",
    "colour",
    "color",
    "colour name",
    "color name",
  ],
  season: ["season"],
  year: ["year", "model year", "season year"],
  usage: ["usage", "occasion", "use"],
  brand_label: ["brand", "brand name", "brand label", "manufacturer", "vendor"],
  tags: ["tags", "keywords"],
  price: ["price", "retail price", "list price", "unit price"],
  currency: ["currency", "currency code", "price currency"],
};

/**
 * Column names as the person sees and maps them: trimmed, never empty, each
 * once. A second "name" becomes "name (2)", so that a mapping by name says
 * which column it means.
 */
export function columnNames(header: readonly string[]): string[] {
  if (header.length > MAX_COLUMNS) {
    throw new ImportError(
      "NOHDR",
      `The header has ${header.length} columns; ${MAX_COLUMNS} is the most.`,
      "Check the delimiter of the file, or leave out the columns that are not needed.",
    );
  }
  const taken = new Set<string>();
  return header.map((raw, index) => {
    const name =
      raw
        .replace(/\p{Cc}+/gu, " ")
        .trim()
        .slice(0, MAX_COLUMN_NAME) || `column ${index + 1}`;
    let unique = name;
    for (let copy = 2; taken.has(unique); copy++) unique = `${name} (${copy})`;
    taken.add(unique);
    return unique;
  });
}

/** The most likely mapping: every field gets at most one column, every column one field. */
export function guessMapping(columns: readonly string[]): ColumnMapping {
  const byName = new Map<string, string>();
  for (const column of columns) {
    const key = plainName(column);
    if (!byName.has(key)) byName.set(key, column);
  }
  const mapping: ColumnMapping = {};
  const taken = new Set<string>();
  for (const field of IMPORT_FIELDS) {
    const column = SYNONYMS[field]
      .map((name) => byName.get(plainName(name)))
      .find((found) => found !== undefined && !taken.has(found));
    if (column === undefined) continue;
    mapping[field] = column;
    taken.add(column);
  }
  // An amount without a currency is no price: the person chooses one first.
  if (mapping["currency"] === undefined) delete mapping["price"];
  return mapping;
}

/** Required fields that a mapping leaves out. */
export function missingFields(mapping: ColumnMapping): ImportField[] {
  return REQUIRED_FIELDS.filter((field) => mapping[field] === undefined);
}

export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}
