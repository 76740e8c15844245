import AddIcon from "@mui/icons-material/Add";
import Button from "@mui/material/Button";
import { DataTable, LinkBase, useTranslate } from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { formatCount } from "../format.ts";
import { useSession } from "../useSession.ts";
import { ImportStatusChip } from "./ImportStatusChip.tsx";
import type { ImportRun } from "./types.ts";

const NewImportButton = () => {
  const translate = useTranslate();
  const { session } = useSession();
  return (
    <Button
      variant="contained"
      component={LinkBase}
      to="/imports/create"
      startIcon={<AddIcon />}
    >
      {translate(session.brand === null ? "imports.into_list" : "imports.new")}
    </Button>
  );
};

const ImportActions = () => {
  const { can } = useSession();
  return (
    <ListTools>{can("imports", "create") && <NewImportButton />}</ListTools>
  );
};

const ImportEmpty = () => {
  const translate = useTranslate();
  const { can, session } = useSession();
  return (
    <EmptyState
      category="bags"
      color="camel"
      title={translate("imports.empty_title")}
      body={translate(
        session.brand === null
          ? "imports.empty_body_own"
          : "imports.empty_body",
      )}
      action={can("imports", "create") && <NewImportButton />}
    />
  );
};

const ImportRows = () => {
  const isPhone = useIsPhone();
  const translate = useTranslate();
  const { session } = useSession();
  if (isPhone) {
    return (
      <PhoneList<ImportRun>
        to={(run) => `/imports/${run.id}/show`}
        primary={(run) => run.filename}
        secondary={(run) => (
          <>
            {translate("imports.summary", {
              created: formatCount(run.createdCount),
              refused: formatCount(run.refusedCount),
            })}
            {" · "}
            <RelativeTime value={run.createdAt} />
          </>
        )}
        aside={(run) => <ImportStatusChip run={run} />}
      />
    );
  }
  return (
    <DataTable<ImportRun> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col<ImportRun>
        source="filename"
        disableSort
        render={(run) => (
          <RowLink to={`/imports/${run.id}/show`}>{run.filename}</RowLink>
        )}
      />
      {session.staffRole !== null && session.brand === null && (
        <DataTable.Col<ImportRun>
          source="brand.name"
          label="resources.imports.fields.brandId"
          disableSort
        />
      )}
      <DataTable.Col<ImportRun>
        source="status"
        disableSort
        render={(run) => <ImportStatusChip run={run} />}
      />
      <DataTable.NumberCol<ImportRun> source="createdCount" disableSort />
      <DataTable.NumberCol<ImportRun> source="updatedCount" disableSort />
      <DataTable.NumberCol<ImportRun> source="unchangedCount" disableSort />
      <DataTable.NumberCol<ImportRun> source="refusedCount" disableSort />
      <DataTable.Col<ImportRun>
        source="createdAt"
        render={(run) => <RelativeTime value={run.createdAt} />}
      />
    </DataTable>
  );
};

export const ImportList = () => {
  const { session } = useSession();
  const own = useCatalog().byName.get("imports")?.schema.columns ?? [];
  const isStaff = session.staffRole !== null && session.brand === null;
  return (
    <ListFrame
      category="bags"
      actions={<ImportActions />}
      empty={<ImportEmpty />}
      sort={{ field: "createdAt", order: "DESC" }}
      queryOptions={
        isStaff ? { meta: { columns: [...own, "brand.name"] } } : {}
      }
    >
      <ImportRows />
    </ListFrame>
  );
};
