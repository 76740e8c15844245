import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { CreateButton, DataTable, useTranslate } from "react-admin";

import { directoryFilters, DirectoryRows } from "../components/Directory.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { ListFrame } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import { TableImportLink } from "../imports/ImportLink.tsx";
import { useSession } from "../useSession.ts";
import type { BrandRecord } from "./types.ts";
import { brandStatuses, brandTone } from "./types.ts";

export const BrandStatus = ({ brand }: { brand: BrandRecord }) => (
  <StatusChip
    tone={brandTone[brand.status]}
    label={`brands.status.${brand.status}`}
  />
);

export const useBrandStatusChoices = () => {
  const translate = useTranslate();
  return brandStatuses.map((id) => ({
    id,
    name: translate(`brands.status.${id}`),
  }));
};

const BrandRows = () => (
  <DirectoryRows<BrandRecord>
    to={(brand) => `/brands/${brand.id}/show`}
    nameSource="name"
    name={(brand) => brand.name}
    detail={(brand) => brand.slug}
    cell={(brand) => (
      <Box>
        <RowLink to={`/brands/${brand.id}/show`}>
          <Typography variant="subtitle2">{brand.name}</Typography>
        </RowLink>
        <Typography variant="caption" color="textSecondary">
          {brand.slug}
        </Typography>
      </Box>
    )}
    status={(brand) => <BrandStatus brand={brand} />}
  >
    <DataTable.Col<BrandRecord> source="timezone" disableSort />
  </DirectoryRows>
);

export const BrandList = () => {
  const translate = useTranslate();
  const { can } = useSession();
  const statuses = useBrandStatusChoices();
  return (
    <ListFrame
      category="jackets"
      sort={{ field: "name", order: "ASC" }}
      actions={
        <ListTools>
          <TableImportLink table="brand_accounts" />
          {can("brands", "create") && (
            <CreateButton
              variant="contained"
              label="resources.brands.page.create"
            />
          )}
        </ListTools>
      }
      empty={
        <EmptyState
          category="jackets"
          color="camel"
          title={translate("brands.empty_title")}
          body={translate("brands.empty_body")}
          action={
            can("brands", "create") && (
              <CreateButton
                variant="contained"
                label="resources.brands.page.create"
              />
            )
          }
        />
      }
      filters={directoryFilters(translate("brands.search"), statuses)}
    >
      <BrandRows />
    </ListFrame>
  );
};
