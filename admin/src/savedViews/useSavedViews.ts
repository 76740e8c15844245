import { useGetList } from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import type { SavedView } from "./savedViews.ts";

export const SAVED_VIEWS = "saved_views";

const STALE_MS = 5 * 60_000;
const ALL = 300;

/** All views this person may see, read once: a list then needs no request for them. */
export const useSavedViews = () => {
  const isKnown = useCatalog().byName.has(SAVED_VIEWS);
  const { data, isPending } = useGetList<SavedView>(
    SAVED_VIEWS,
    {
      pagination: { page: 1, perPage: ALL },
      sort: { field: "id", order: "ASC" },
      meta: {
        total: false,
        columns: [
          "userId",
          "brandId",
          "resource",
          "name",
          "view",
          "isShared",
          "defaultFor",
          "updatedAt",
        ],
      },
    },
    { enabled: isKnown, staleTime: STALE_MS },
  );
  return { views: data ?? [], isPending: isKnown && isPending, isKnown };
};
