import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Typography from "@mui/material/Typography";
import type { RaRecord } from "react-admin";
import {
  CreateButton,
  DataTable,
  SearchInput,
  useGetList,
  useTranslate,
} from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { Panel } from "../components/Panel.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { useCategories } from "../components/useLookups.ts";
import { useSession } from "../useSession.ts";

type Mapping = RaRecord<string> & {
  label: string;
  categoryCode: string | null;
  updatedAt: string;
};
type Default = RaRecord<string> & { label: string; categoryCode: string };

const MappingRows = () => {
  const isPhone = useIsPhone();
  const translate = useTranslate();
  const { labelOf } = useCategories();
  const { can } = useSession();
  const categoryOf = (mapping: Mapping) =>
    mapping.categoryCode === null
      ? translate("mappings.leave_out")
      : labelOf(mapping.categoryCode);
  if (isPhone) {
    return (
      <PhoneList<Mapping>
        {...(can("category_mappings", "edit")
          ? { to: (mapping: Mapping) => `/category_mappings/${mapping.id}` }
          : {})}
        primary={(mapping) => mapping.label}
        secondary={categoryOf}
      />
    );
  }
  return (
    <DataTable<Mapping>
      rowClick={can("category_mappings", "edit") ? "edit" : false}
      bulkActionButtons={false}
    >
      <DataTable.Col<Mapping>
        source="label"
        disableSort
        render={(mapping) =>
          can("category_mappings", "edit") ? (
            <RowLink to={`/category_mappings/${mapping.id}`}>
              {mapping.label}
            </RowLink>
          ) : (
            mapping.label
          )
        }
      />
      <DataTable.Col<Mapping> source="categoryCode" render={categoryOf} />
      <DataTable.Col<Mapping>
        source="updatedAt"
        disableSort
        render={(mapping) => <RelativeTime value={mapping.updatedAt} />}
      />
    </DataTable>
  );
};

/** What every brand starts with, so that nobody maps what is known already. */
const Defaults = () => {
  const translate = useTranslate();
  const { categories } = useCategories();
  const { data = [] } = useGetList<Default>("category_defaults", {
    pagination: { page: 1, perPage: 500 },
    sort: { field: "label", order: "ASC" },
    meta: { total: false },
  });
  if (data.length === 0) return null;
  return (
    <Panel title={translate("mappings.defaults")} sx={{ mt: 2.5 }}>
      <Typography color="textSecondary" sx={{ mb: 2 }}>
        {translate("mappings.defaults_body")}
      </Typography>
      <Box component="dl" sx={{ m: 0, display: "grid", gap: 1.75 }}>
        {categories.map((category) => {
          const labels = data.filter(
            (item) => item.categoryCode === category.code,
          );
          return labels.length === 0 ? null : (
            <Box
              key={category.code}
              sx={{
                display: "grid",
                gap: 1,
                gridTemplateColumns: {
                  xs: "minmax(0,1fr)",
                  sm: "120px minmax(0,1fr)",
                },
              }}
            >
              <Typography component="dt" variant="subtitle2">
                {category.label}
              </Typography>
              <Box
                component="dd"
                sx={{ m: 0, display: "flex", gap: 0.75, flexWrap: "wrap" }}
              >
                {labels.map((item) => (
                  <Chip
                    key={item.label}
                    label={item.label}
                    size="small"
                    variant="outlined"
                  />
                ))}
              </Box>
            </Box>
          );
        })}
      </Box>
    </Panel>
  );
};

export const MappingList = () => {
  const translate = useTranslate();
  const { can } = useSession();
  const create = can("category_mappings", "create") && (
    <CreateButton
      variant="contained"
      label="resources.category_mappings.page.create"
    />
  );
  return (
    <>
      <ListFrame
        category="belts"
        sort={{ field: "categoryCode", order: "ASC" }}
        actions={<ListTools>{create}</ListTools>}
        filters={[
          <SearchInput
            key="q"
            source="q"
            alwaysOn
            placeholder={translate("mappings.search")}
            sx={{ minWidth: { xs: "100%", sm: 260 } }}
          />,
        ]}
        empty={
          <EmptyState
            dense
            category="belts"
            color="brown"
            title={translate("mappings.empty_title")}
            body={translate("mappings.empty_body")}
            action={create}
          />
        }
      >
        <MappingRows />
      </ListFrame>
      <Defaults />
    </>
  );
};
