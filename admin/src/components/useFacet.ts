import { useAggregates } from "./useAggregates.ts";

export type FacetOption = { value: string; count: number };

/** The values a column really has, most frequent first. */
export const useFacet = (
  resource: string,
  field: string,
  options: { filter?: Record<string, unknown>; enabled?: boolean } = {},
) => {
  const { data, isPending } = useAggregates(
    resource,
    { groupBy: [field], ...(options.filter ? { filter: options.filter } : {}) },
    { enabled: options.enabled ?? true },
  );
  const facets: FacetOption[] = (data?.groups ?? [])
    .flatMap(({ keys, count }) => {
      const value = keys[field];
      return value == null || value === ""
        ? []
        : [{ value: String(value), count: count ?? 0 }];
    })
    .sort((a, b) => b.count - a.count || a.value.localeCompare(b.value));
  return { facets, isPending };
};
