import { useQueries } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { RaRecord } from "react-admin";
import { useDataProvider } from "react-admin";

import type { AdminResource } from "../catalog/adopt.ts";
import { useCatalog } from "../catalog/CatalogContext.tsx";
import {
  defaultColumns,
  defaultSort,
  representationOf,
  representationPaths,
  representing,
} from "../catalog/columns.ts";
import { useSession } from "../useSession.ts";

const EACH = 5;
const TYPING_MS = 180;
/** One letter finds half of everything. */
const SHORTEST = 2;

export type RecordHit = {
  id: string;
  label: string;
  /** What tells it from others of the same name. */
  hint: string;
  to: string;
};
export type RecordGroup = { resource: AdminResource; hits: RecordHit[] };

const useDelayed = (text: string): string => {
  const [delayed, setDelayed] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return delayed;
};

const textAt = (row: RaRecord, field: string | null): string => {
  const value: unknown = field === null ? null : row[field];
  return typeof value === "string" ? value : "";
};

/** Records of every table this person may search, each table asked at once. */
export const useRecordSearch = (text: string) => {
  const catalog = useCatalog();
  const dataProvider = useDataProvider();
  const { can } = useSession();
  const query = useDelayed(text.trim());
  const isAsked = query.length >= SHORTEST;
  const searched = catalog.resources.filter(
    (resource) =>
      !resource.hidden &&
      catalog.schemas[resource.name]?.search != null &&
      can(resource.name, "list") &&
      can(resource.name, "show"),
  );
  // A field that is searched besides the name; by full text, the first of the
  // list's texts: a SKU tells two garments of one name apart.
  const hintOf = (resource: AdminResource): string | null => {
    const search = catalog.schemas[resource.name]?.search;
    const shown = representing(resource);
    const fields =
      search?.by === "fields"
        ? search.fields
        : defaultColumns(resource).filter((name) => {
            const field = resource.fields.find((each) => each.name === name);
            return field?.kind === "string" && field.widget === null;
          });
    return (
      fields.find((field) => !shown.includes(field) && !field.includes(".")) ??
      null
    );
  };
  const answers = useQueries({
    queries: searched.map((resource) => ({
      queryKey: [resource.name, "search", query],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        dataProvider.getList<RaRecord>(resource.name, {
          filter: { q: query },
          pagination: { page: 1, perPage: EACH },
          sort: defaultSort(resource),
          meta: {
            columns: [
              ...representationPaths(catalog, resource),
              ...[hintOf(resource) ?? []].flat(),
            ],
            total: false,
          },
          signal,
        }),
      enabled: isAsked,
      staleTime: 15_000,
    })),
  });
  const groups: RecordGroup[] = isAsked
    ? searched.flatMap((resource, index) => {
        const rows = answers[index]?.data?.data ?? [];
        return rows.length === 0
          ? []
          : [
              {
                resource,
                hits: rows.map((row) => ({
                  id: String(row.id),
                  label: representationOf(catalog, resource, row),
                  hint: textAt(row, hintOf(resource)),
                  to: `/${resource.name}/${encodeURIComponent(row.id)}/show`,
                })),
              },
            ];
      })
    : [];
  return {
    groups,
    isAsked,
    isSearching:
      text.trim() !== query ||
      (isAsked && answers.some(({ isLoading }) => isLoading)),
  };
};
