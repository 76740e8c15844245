const WORDS: Readonly<Record<string, string>> = {
  ai: "AI",
  api: "API",
  csv: "CSV",
  fts: "Search",
  grp: "Group",
  id: "ID",
  json: "JSON",
  sku: "SKU",
  url: "URL",
  utc: "UTC",
};

/** `price_minor` → "Price", `brand_id` → "Brand", `created_at` → "Created". */
export function columnLabel(column: string): string {
  return sentence(column.replace(/_(?:id|at|minor|code|key|count)$/, ""));
}

/** `brand_accounts` → "Brand accounts", `deletedAt` → "Deleted at". */
export function sentence(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split("_")
    .filter((word) => word !== "" && word !== "is");
  const text = words.map((word) => WORDS[word] ?? word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
