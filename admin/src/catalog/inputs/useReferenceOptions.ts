import { keepPreviousData } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { RaRecord } from "react-admin";
import { useGetList, useGetMany } from "react-admin";

import { useCatalog } from "../CatalogContext.tsx";
import {
  defaultSort,
  representationOf,
  representationPaths,
} from "../columns.ts";

export type ReferenceOption = { id: string; label: string };

const TYPING_MS = 200;
const OFFERED = 25;

const useDelayed = (text: string) => {
  const [delayed, setDelayed] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return delayed;
};

/** Records of another table to choose from, found by what a person types. */
export const useReferenceOptions = (
  target: string,
  { text, open, ids }: { text: string; open: boolean; ids: readonly string[] },
) => {
  const catalog = useCatalog();
  const resource = catalog.byName.get(target);
  const schema = catalog.schemas[target];
  const columns = resource
    ? representationPaths(catalog, resource)
    : (schema?.columns ?? []);
  const q = useDelayed(text.trim());
  const canSearch = schema?.search != null;
  const isKnown = schema?.list != null;
  const { data, isFetching } = useGetList(
    target,
    {
      pagination: { page: 1, perPage: OFFERED },
      sort: resource ? defaultSort(resource) : { field: "id", order: "ASC" },
      filter: q !== "" && canSearch ? { q } : {},
      meta: { columns, total: false },
    },
    { enabled: open && isKnown, placeholderData: keepPreviousData },
  );
  const { data: chosen } = useGetMany(
    target,
    { ids: [...ids], meta: { columns } },
    { enabled: ids.length > 0 && isKnown },
  );
  const labelOf = (record: RaRecord) =>
    resource
      ? representationOf(catalog, resource, record)
      : String(record["name"] ?? record["label"] ?? record.id);
  const toOption = (record: RaRecord): ReferenceOption => ({
    id: String(record.id),
    label: labelOf(record),
  });
  return {
    options: (data ?? []).map(toOption),
    chosen: (chosen ?? []).filter((one) => one !== undefined).map(toOption),
    isFetching: isFetching && open,
    canSearch,
  };
};
