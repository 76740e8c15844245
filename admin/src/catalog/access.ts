import type { AdminCatalog } from "./adopt.ts";

/**
 * What the catalogue says this role may do, for the places that are asked
 * outside React: the auth provider. Written by CatalogProvider only.
 */
let current: AdminCatalog | null = null;

export const setCatalogAccess = (catalog: AdminCatalog | null): void => {
  current = catalog;
};

/** Null where the catalogue does not know the resource. */
export function catalogAllows(
  resource: string,
  action: string,
): boolean | null {
  const verbs = current?.byName.get(resource)?.verbs;
  if (verbs === undefined) return null;
  switch (action) {
    case "list":
    case "export":
      return verbs.list;
    case "show":
      return verbs.show;
    case "create":
      return verbs.create;
    case "edit":
      return verbs.update;
    case "delete":
      return verbs.delete;
    default:
      return false;
  }
}
