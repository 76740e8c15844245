import type { Catalog, CatalogResource } from "../catalog/types.ts";

const weight = (resource: CatalogResource): number =>
  resource.fields.filter((field) => field.create || field.update).length * 10 +
  Object.values(resource.verbs).filter(Boolean).length;

/**
 * A resource as the role with the most rights over it sees it. What another
 * role may not do is absent at run time: verbs come from that role's catalogue.
 */
export function fullestResource(
  catalogs: readonly Catalog[],
  name: string,
): CatalogResource | null {
  return catalogs
    .flatMap(({ resources }) => resources.filter((one) => one.name === name))
    .reduce<CatalogResource | null>(
      (best, one) => (best === null || weight(one) > weight(best) ? one : best),
      null,
    );
}

/** Every table somebody sees, for a message that says what there is. */
export const resourceNames = (catalogs: readonly Catalog[]): string[] =>
  [
    ...new Set(
      catalogs.flatMap(({ resources }) => resources.map(({ name }) => name)),
    ),
  ].sort();
