import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import {
  CreateButton,
  DataTable,
  SearchInput,
  SelectInput,
  TopToolbar,
  useTranslate,
} from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { csvExporter } from "../components/exportCsv.ts";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
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

const BrandRows = () => {
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<BrandRecord>
        to={(brand) => `/brands/${brand.id}/show`}
        primary={(brand) => brand.name}
        secondary={(brand) => brand.slug}
        aside={(brand) => <BrandStatus brand={brand} />}
      />
    );
  }
  return (
    <DataTable<BrandRecord> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col<BrandRecord>
        source="name"
        render={(brand) => (
          <Box>
            <RowLink to={`/brands/${brand.id}/show`}>
              <Typography variant="subtitle2">{brand.name}</Typography>
            </RowLink>
            <Typography variant="caption" color="textSecondary">
              {brand.slug}
            </Typography>
          </Box>
        )}
      />
      <DataTable.Col<BrandRecord>
        source="status"
        render={(brand) => <BrandStatus brand={brand} />}
      />
      <DataTable.Col<BrandRecord> source="timezone" disableSort />
      <DataTable.Col<BrandRecord>
        source="createdAt"
        render={(brand) => <RelativeTime value={brand.createdAt} />}
      />
    </DataTable>
  );
};

export const BrandList = () => {
  const translate = useTranslate();
  const { can } = useSession();
  const statuses = useBrandStatusChoices();
  return (
    <ListFrame
      category="jackets"
      sort={{ field: "name", order: "ASC" }}
      actions={
        <TopToolbar>
          {can("brands", "create") && <CreateButton variant="contained" />}
        </TopToolbar>
      }
      empty={
        <EmptyState
          category="jackets"
          color="camel"
          title={translate("brands.empty_title")}
          body={translate("brands.empty_body")}
          action={
            can("brands", "create") && <CreateButton variant="contained" />
          }
        />
      }
      exporter={csvExporter("brands", [
        "slug",
        "name",
        "status",
        "timezone",
        "createdAt",
      ])}
      filters={[
        <SearchInput
          key="q"
          source="q"
          alwaysOn
          placeholder={translate("brands.search")}
          sx={{ minWidth: { xs: "100%", sm: 260 } }}
        />,
        <SelectInput
          key="status"
          source="status"
          alwaysOn
          choices={statuses}
          sx={{ minWidth: { xs: "100%", sm: 160 } }}
        />,
      ]}
    >
      <BrandRows />
    </ListFrame>
  );
};
