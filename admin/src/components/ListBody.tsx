import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import type { ReactNode } from "react";
import { useListContext, useResourceContext, useTranslate } from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import { ExportMenu } from "../catalog/exports/ExportMenu.tsx";
import { PageSkeleton } from "../layout/Layout.tsx";
import { SavedViewsMenu } from "../savedViews/SavedViewsMenu.tsx";
import { useOpeningView } from "../savedViews/useOpeningView.ts";
import { EmptyState } from "./EmptyState.tsx";
import { ListContent, ListPages } from "./ListFrame.tsx";

/** Waits for the view a list opens with, so that it asks for its rows once. */
export const OpensWithView = ({
  name,
  children,
}: {
  name: string;
  children: ReactNode;
}) => {
  const table = useCatalog().byName.get(name)?.table ?? name;
  return useOpeningView(name, table) ? children : <PageSkeleton />;
};

/**
 * A list within a `ListBase`, whose page has more than a list on it: filters,
 * sums beside views and export, rows, pages. Where nothing is filtered and there
 * is no row yet, only what will stand here one day.
 */
export const ListBody = ({
  empty,
  filters,
  summed,
  children,
}: {
  empty: { title: string; body: string };
  filters: ReactNode;
  summed?: ReactNode;
  children: ReactNode;
}) => {
  const translate = useTranslate();
  const resource = useCatalog().byName.get(useResourceContext() ?? "");
  const { data, isPending, filterValues } = useListContext();
  const isEmpty =
    !isPending &&
    data?.length === 0 &&
    Object.keys((filterValues ?? {}) as object).length === 0;
  if (isEmpty) {
    return (
      <EmptyState
        category="bags"
        color="taupe"
        title={translate(empty.title)}
        body={translate(empty.body)}
      />
    );
  }
  return (
    <Box>
      {filters}
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          alignItems: "center",
          justifyContent: "space-between",
          gap: 1,
          mb: 1,
        }}
      >
        {summed}
        {resource !== undefined && (
          <Box sx={{ display: "flex", gap: 0.5, ml: "auto" }}>
            <SavedViewsMenu name={resource.name} table={resource.table} />
            <ExportMenu resource={resource} />
          </Box>
        )}
      </Box>
      <Card sx={{ overflow: "hidden" }}>
        <ListContent category="bags">
          <Box sx={{ overflowX: "auto" }}>{children}</Box>
        </ListContent>
      </Card>
      <ListPages sizes={[25, 50, 100]} />
    </Box>
  );
};
