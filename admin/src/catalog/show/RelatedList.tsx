import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import {
  Pagination,
  ReferenceManyField,
  ResourceContextProvider,
  useGetList,
  useRecordContext,
  useTranslate,
} from "react-admin";

import { formatCount } from "../../format.ts";
import type { AdminResource } from "../adopt.ts";
import { useCatalog } from "../CatalogContext.tsx";
import { chosenColumns, columnsFor, defaultSort } from "../columns.ts";
import { CatalogTable } from "../list/CatalogTable.tsx";
import type { CatalogRelated } from "../types.ts";

const PER_PAGE = 10;

/** How many rows point here, for the tab that leads to them. */
export const useRelatedCount = (related: CatalogRelated): string => {
  const record = useRecordContext();
  const { total } = useGetList(
    related.resource,
    {
      pagination: { page: 1, perPage: 1 },
      sort: { field: "id", order: "ASC" },
      filter: { [related.field]: record?.id },
      meta: { columns: [] },
    },
    { enabled: record !== undefined },
  );
  return total === undefined ? "" : formatCount(total);
};

const Nothing = () => {
  const translate = useTranslate();
  return (
    <Typography color="textSecondary" sx={{ p: 3 }}>
      {translate("catalog.related_none")}
    </Typography>
  );
};

/** The rows of another table that point at this record. */
export const RelatedList = ({
  related,
  resource,
}: {
  related: CatalogRelated;
  resource: AdminResource;
}) => {
  const catalog = useCatalog();
  const columns = chosenColumns(resource, null).filter(
    ({ name }) => name !== related.field,
  );
  return (
    <ReferenceManyField
      reference={resource.name}
      target={related.field}
      perPage={PER_PAGE}
      sort={defaultSort(resource)}
      pagination={<Pagination rowsPerPageOptions={[10, 25, 50]} />}
      empty={<Nothing />}
      queryOptions={{
        meta: { columns: columnsFor(catalog, resource, columns) },
      }}
      storeKey={`related.${resource.name}.${related.field}`}
    >
      <ResourceContextProvider value={resource.name}>
        <Box sx={{ overflowX: "auto" }}>
          <CatalogTable resource={resource} columns={columns} />
        </Box>
      </ResourceContextProvider>
    </ReferenceManyField>
  );
};
