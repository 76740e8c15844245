import { useQuery } from "@tanstack/react-query";
import type { AggregateParams } from "ra-data-postgraphile";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";

/** Counts and groups of a resource, computed where the rows are. */
export const useAggregates = (
  resource: string,
  params: AggregateParams = {},
  options: { enabled?: boolean } = {},
) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: [resource, "getAggregates", params],
    queryFn: ({ signal }) =>
      dataProvider.getAggregates(resource, { ...params, signal }),
    enabled: options.enabled ?? true,
  });
};
