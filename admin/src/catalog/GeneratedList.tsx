import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import type { ReactNode } from "react";
import type { SortPayload } from "react-admin";
import {
  CreateButton,
  ListBase,
  Title,
  useListContext,
  useTranslate,
} from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { ListContent, ListPages } from "../components/ListFrame.tsx";
import { ImportLink } from "../imports/ImportLink.tsx";
import { PageSkeleton } from "../layout/Layout.tsx";
import { SavedViewsMenu } from "../savedViews/SavedViewsMenu.tsx";
import { useOpeningView } from "../savedViews/useOpeningView.ts";
import type { AdminResource } from "./adopt.ts";
import { useCatalog, useCatalogResource } from "./CatalogContext.tsx";
import { columnsFor, defaultSort } from "./columns.ts";
import { ExportMenu } from "./exports/ExportMenu.tsx";
import { FilterBar } from "./filters/FilterBar.tsx";
import { BulkActions, hasBulkActions } from "./list/BulkActions.tsx";
import { CatalogTable } from "./list/CatalogTable.tsx";
import { ColumnsMenu } from "./list/ColumnsMenu.tsx";
import { useListLayout } from "./list/useListLayout.ts";
import type { CatalogField } from "./types.ts";

/** The picture of an empty list; the words say which list it is. */
const EMPTY_PICTURE = "scarves";

export const CatalogEmpty = ({ resource }: { resource: AdminResource }) => {
  const translate = useTranslate();
  return (
    <EmptyState
      category={EMPTY_PICTURE}
      title={translate("catalog.empty_title", { label: resource.label })}
      body={
        resource.help ??
        translate(
          resource.verbs.create
            ? "catalog.empty_body_create"
            : "catalog.empty_body",
        )
      }
      action={
        resource.verbs.create && (
          <CreateButton
            variant="contained"
            label={translate("catalog.create", {
              name: resource.singular.toLowerCase(),
            })}
          />
        )
      }
    />
  );
};

export const CatalogToolbar = ({
  resource,
  columns = null,
  children,
}: {
  resource: AdminResource;
  /** Where the page says itself which columns there are at first. */
  columns?: readonly string[] | null;
  /** What only this list has, before the rest. */
  children?: ReactNode;
}) => {
  const translate = useTranslate();
  return (
    <Box
      sx={{
        display: "flex",
        flexWrap: "wrap",
        alignItems: "flex-start",
        gap: 1,
        mb: 1.5,
      }}
    >
      <Box sx={{ flex: "1 1 320px", minWidth: 0 }}>
        <FilterBar resource={resource} />
      </Box>
      <Box sx={{ display: "flex", alignItems: "center", gap: 0.5, ml: "auto" }}>
        {children}
        <SavedViewsMenu name={resource.name} table={resource.table} />
        <ExportMenu resource={resource} columns={columns} />
        <ImportLink resource={resource} />
        <ColumnsMenu resource={resource} columns={columns} />
        {resource.verbs.create && (
          <CreateButton
            variant="contained"
            label={translate("catalog.create", {
              name: resource.singular.toLowerCase(),
            })}
          />
        )}
      </Box>
    </Box>
  );
};

/** What every list of the catalogue has around its rows. */
const CatalogListView = ({
  resource,
  toolbar,
  empty,
  picture,
  children,
}: {
  resource: AdminResource;
  toolbar: ReactNode;
  empty: ReactNode;
  picture: string;
  children: ReactNode;
}) => {
  const { isPending, total, filterValues, error } = useListContext();
  const isEmpty =
    !isPending &&
    !error &&
    total === 0 &&
    Object.keys(filterValues ?? {}).length === 0;
  return (
    <>
      <Title title={resource.label} />
      {isEmpty ? (
        empty
      ) : (
        <>
          {toolbar}
          <Card sx={{ overflow: "hidden" }}>
            <ListContent category={picture}>
              <Box sx={{ overflowX: "auto" }}>{children}</Box>
            </ListContent>
          </Card>
          <ListPages sizes={[25, 50, 100, 250]} />
        </>
      )}
    </>
  );
};

/**
 * The frame of a list: it reads what its columns show and nothing else, opens
 * with the view the person has, and says what to do when it is empty.
 */
export const CatalogList = ({
  columns,
  reads = [],
  sort,
  toolbar,
  empty,
  picture = EMPTY_PICTURE,
  children,
}: {
  columns: readonly CatalogField[];
  /** What the rows show beside the values of these columns. */
  reads?: readonly string[];
  sort?: SortPayload;
  toolbar?: ReactNode;
  /** In place of the words every empty list has. */
  empty?: ReactNode;
  /** A category, whose drawing stands beside the words where no row fits. */
  picture?: string;
  children: ReactNode;
}) => {
  const catalog = useCatalog();
  const resource = useCatalogResource();
  const isOpen = useOpeningView(resource.name, resource.table);
  if (!isOpen) return <PageSkeleton />;
  return (
    <ListBase
      perPage={25}
      sort={sort ?? defaultSort(resource)}
      exporter={false}
      queryOptions={{
        meta: {
          columns: [
            ...new Set([...columnsFor(catalog, resource, columns), ...reads]),
          ],
        },
      }}
    >
      <CatalogListView
        resource={resource}
        toolbar={toolbar ?? <CatalogToolbar resource={resource} />}
        empty={empty ?? <CatalogEmpty resource={resource} />}
        picture={picture}
      >
        {children}
      </CatalogListView>
    </ListBase>
  );
};

/** The list of any table: one request per page, only what its columns show. */
export const GeneratedList = () => {
  const resource = useCatalogResource();
  const { columns, density } = useListLayout(resource);
  return (
    <CatalogList columns={columns}>
      <CatalogTable
        resource={resource}
        columns={columns}
        density={density}
        bulkActions={
          hasBulkActions(resource) ? <BulkActions resource={resource} /> : false
        }
      />
    </CatalogList>
  );
};
