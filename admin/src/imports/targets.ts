import type { AdminResource } from "../catalog/adopt.ts";
import type { Session } from "../session.ts";
import type { ImportRun } from "./types.ts";

/** Read as a maker's catalogue; every other table goes by its columns. */
export const PRODUCTS = "products";

type Importable = Pick<AdminResource, "kind" | "verbs" | "fields" | "hidden">;

/**
 * What the role may add to: within a brand what belongs to the brand, else
 * whatever is one's own or the staff's to fill. The server decides again.
 */
export const isImportable = (
  { kind, verbs, fields, hidden }: Importable,
  { brand }: Pick<Session, "brand">,
): boolean =>
  kind === "table" &&
  verbs.create &&
  !hidden &&
  (brand === null ||
    fields.some(({ column, create }) => column === "brand_id" && create));

/** Staff see the runs of all, and steer their own. */
export const isOwnRun = (
  { brandId, userId }: Pick<ImportRun, "brandId" | "userId">,
  { brand, user }: Pick<Session, "brand" | "user">,
): boolean =>
  brandId === null
    ? brand === null && userId === user?.id
    : brandId === brand?.id;
