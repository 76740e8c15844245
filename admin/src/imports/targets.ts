import type { AdminResource } from "../catalog/adopt.ts";

/** Read as a maker's catalogue; every other table goes by its columns. */
export const PRODUCTS = "products";

/** What belongs to a brand, and the role may add to. The server decides again. */
export const isImportable = ({
  kind,
  verbs,
  fields,
}: Pick<AdminResource, "kind" | "verbs" | "fields">): boolean =>
  kind === "table" &&
  verbs.create &&
  fields.some(({ column, create }) => column === "brand_id" && create);
