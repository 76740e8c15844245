import { useStore } from "react-admin";

import type { AdminResource } from "../adopt.ts";
import { chosenColumns } from "../columns.ts";
import type { CatalogField } from "../types.ts";

export type Density = "compact" | "comfortable";

/**
 * Which columns, in which order, and how tall rows are: kept per resource. A page
 * may say which columns it shows until somebody chooses.
 */
export const useListLayout = (
  resource: AdminResource,
  shown: readonly string[] | null = null,
) => {
  const [chosen, setColumns] = useStore<string[] | null>(
    `catalog.${resource.name}.columns`,
    null,
  );
  const [density, setDensity] = useStore<Density>(
    `catalog.${resource.name}.density`,
    "comfortable",
  );
  const columns: CatalogField[] = chosenColumns(resource, chosen ?? shown);
  return { columns, chosen, setColumns, density, setDensity };
};
