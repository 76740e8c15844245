import ExpandMoreIcon from "@mui/icons-material/ExpandMore";
import Accordion from "@mui/material/Accordion";
import AccordionDetails from "@mui/material/AccordionDetails";
import AccordionSummary from "@mui/material/AccordionSummary";
import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { MouseEvent } from "react";
import type { RaRecord } from "react-admin";
import {
  DataTable,
  LinkBase,
  RecordContextProvider,
  SelectInput,
  TextInput,
  useListContext,
  useRecordContext,
  useTranslate,
} from "react-admin";

import type { AdminResource } from "../catalog/adopt.ts";
import { useCatalog } from "../catalog/CatalogContext.tsx";
import { PlainValue } from "../catalog/fields/PlainValue.tsx";
import type { CatalogField } from "../catalog/types.ts";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { Tone } from "../components/StatusChip.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import { auditColumns } from "./columns.ts";

type AuditRow = RaRecord<string> & {
  occurredAt: string;
  actorKind: string;
  actorName: string | null;
  action: string;
  tableName: string;
  rowPk: string;
  changedColumns: string[];
  diff: Record<string, unknown> | string | null;
  reason: string | null;
  requestId: string | null;
};

const toneOf = (action: string): Tone =>
  action === "insert"
    ? "success"
    : action === "delete"
      ? "error"
      : action === "update"
        ? "info"
        : "warning";

const Action = ({ row }: { row: AuditRow }) => (
  <StatusChip
    tone={toneOf(row.action)}
    label={`audit.action.${row.action}`}
    fallback={row.action.replaceAll("_", " ")}
  />
);

/** The trail speaks SQL; the catalogue knows what people call it. */
const useTold = () => {
  const translate = useTranslate();
  const { resources } = useCatalog();
  const resourceOf = ({ tableName }: AuditRow): AdminResource | undefined =>
    resources.find(({ table }) => table === tableName);
  const fieldOf = (row: AuditRow, column: string): CatalogField | undefined =>
    resourceOf(row)?.fields.find((field) => field.column === column);
  const columnOf = (row: AuditRow, column: string): string =>
    fieldOf(row, column)?.label ?? column;
  return {
    resourceOf,
    fieldOf,
    columnOf,
    tableOf: (row: AuditRow) => resourceOf(row)?.singular ?? row.tableName,
    columnsOf: (row: AuditRow) =>
      row.changedColumns.map((column) => columnOf(row, column)).join(", "),
    actorOf: ({ actorName, actorKind }: AuditRow) =>
      actorName ?? translate(`audit.actor.${actorKind}`, { _: actorKind }),
  };
};

/** What was changed, with the way to it where there is a page of it. */
const Subject = ({ row }: { row: AuditRow }) => {
  const { tableOf, resourceOf } = useTold();
  const resource = resourceOf(row);
  const name = tableOf(row);
  // A key of several columns is no address, and what is deleted has no page.
  const isOpen =
    resource?.verbs.show === true &&
    resource.schema.primaryKey.length === 1 &&
    row.action !== "delete";
  return isOpen ? (
    <Link
      component={LinkBase}
      to={`/${resource.name}/${encodeURIComponent(row.rowPk)}/show`}
      color="inherit"
      onClick={(event: MouseEvent) => event.stopPropagation()}
    >
      {name}
    </Link>
  ) : (
    name
  );
};

const Value = ({
  row,
  column,
  value,
}: {
  row: AuditRow;
  column: string;
  value: unknown;
}) => {
  const { resourceOf, fieldOf } = useTold();
  const resource = resourceOf(row);
  const field = fieldOf(row, column);
  if (value === null || value === undefined) return "–";
  if (resource === undefined || field === undefined) {
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  }
  return (
    <PlainValue resource={resource} field={field} value={value} beside={{}} />
  );
};

/** Column by column: what it was, what it became. */
const Difference = () => {
  const row = useRecordContext<AuditRow>();
  const translate = useTranslate();
  const { columnOf } = useTold();
  if (!row) return null;
  const diff: Record<string, unknown> =
    typeof row.diff === "string"
      ? (JSON.parse(row.diff) as Record<string, unknown>)
      : (row.diff ?? {});
  const entries = Object.entries(diff);
  return (
    <Box sx={{ py: 1.5, px: { xs: 0, sm: 2 } }}>
      {row.reason && (
        <Typography variant="body2" sx={{ mb: 1 }}>
          <strong>{translate("audit.reason")}:</strong> {row.reason}
        </Typography>
      )}
      {entries.length === 0 && !row.reason && (
        <Typography variant="body2" color="textSecondary">
          {translate("audit.no_details")}
        </Typography>
      )}
      <Box
        component="dl"
        sx={{
          m: 0,
          display: "grid",
          gridTemplateColumns: "minmax(110px, max-content) minmax(0,1fr)",
          columnGap: 3,
          rowGap: 0.5,
        }}
      >
        {entries.map(([column, change]) => {
          const [before, after] = Array.isArray(change)
            ? change
            : [null, change];
          return (
            <Box key={column} sx={{ display: "contents" }}>
              <Typography
                component="dt"
                variant="caption"
                color="textSecondary"
              >
                {columnOf(row, column)}
              </Typography>
              <Typography
                component="dd"
                variant="caption"
                sx={{ m: 0, overflowWrap: "anywhere" }}
              >
                {row.action === "update" && Array.isArray(change) && (
                  <>
                    <Box component="del" sx={{ color: "text.secondary" }}>
                      <Value row={row} column={column} value={before} />
                    </Box>
                    {" → "}
                  </>
                )}
                <Value
                  row={row}
                  column={column}
                  value={
                    row.action === "delete" && Array.isArray(change)
                      ? before
                      : after
                  }
                />
              </Typography>
            </Box>
          );
        })}
      </Box>
      <Typography
        variant="caption"
        color="textSecondary"
        sx={{ display: "block", mt: 1, overflowWrap: "anywhere" }}
      >
        {translate("audit.row_id")} {row.rowPk}
        {row.requestId && (
          <>
            {" · "}
            {translate("audit.request")} {row.requestId}
          </>
        )}
      </Typography>
    </Box>
  );
};

/** On a phone each opens below itself. */
const PhoneRows = () => {
  const { data, isPending } = useListContext<AuditRow>();
  const { tableOf, columnsOf, actorOf } = useTold();
  if (isPending) return <Skeleton variant="rounded" height={320} />;
  return data?.map((row) => (
    <RecordContextProvider key={row.id} value={row}>
      <Accordion
        disableGutters
        elevation={0}
        slotProps={{ transition: { unmountOnExit: true } }}
        sx={{ bgcolor: "transparent", borderTop: 1, borderColor: "divider" }}
      >
        <AccordionSummary
          expandIcon={<ExpandMoreIcon />}
          sx={{
            "& .MuiAccordionSummary-content": {
              alignItems: "center",
              gap: 1.5,
              minWidth: 0,
            },
          }}
        >
          <Box sx={{ flex: 1, minWidth: 0 }}>
            <Typography
              variant="subtitle2"
              component="div"
              sx={{ overflowWrap: "anywhere" }}
            >
              {tableOf(row)}
              {row.changedColumns.length > 0 && `: ${columnsOf(row)}`}
            </Typography>
            <Typography variant="caption" component="div" color="textSecondary">
              {actorOf(row)} · <RelativeTime value={row.occurredAt} />
            </Typography>
          </Box>
          <Action row={row} />
        </AccordionSummary>
        <AccordionDetails>
          <Difference />
        </AccordionDetails>
      </Accordion>
    </RecordContextProvider>
  ));
};

const AuditRows = () => {
  const isPhone = useIsPhone();
  const { columnsOf, actorOf } = useTold();
  if (isPhone) return <PhoneRows />;
  return (
    <DataTable<AuditRow>
      rowClick="expand"
      expand={<Difference />}
      bulkActionButtons={false}
    >
      <DataTable.Col<AuditRow>
        source="occurredAt"
        render={(row) => <RelativeTime value={row.occurredAt} />}
      />
      <DataTable.Col<AuditRow>
        source="action"
        disableSort
        render={(row) => <Action row={row} />}
      />
      <DataTable.Col<AuditRow>
        source="tableName"
        disableSort
        render={(row) => <Subject row={row} />}
      />
      <DataTable.Col<AuditRow>
        source="actorKind"
        disableSort
        render={(row) => actorOf(row)}
      />
      <DataTable.Col<AuditRow>
        source="changedColumns"
        disableSort
        render={(row) => columnsOf(row) || "–"}
      />
    </DataTable>
  );
};

export const AuditList = () => {
  const translate = useTranslate();
  const { resources } = useCatalog();
  const tables = resources
    .filter(({ kind }) => kind === "table")
    .map(({ table, label }) => ({ id: table, name: label }))
    .sort((one, other) => one.name.localeCompare(other.name));
  return (
    <ListFrame
      category="boots"
      actions={<ListTools />}
      empty={false}
      sort={{ field: "occurredAt", order: "DESC" }}
      queryOptions={{ meta: { columns: auditColumns } }}
      filters={[
        <SelectInput
          key="tableName"
          source="tableName"
          alwaysOn
          choices={tables}
          translateChoice={false}
          sx={{ minWidth: 200 }}
        />,
        <TextInput
          key="rowPk"
          source="rowPk"
          alwaysOn
          label={translate("audit.row_id")}
          sx={{ minWidth: 240 }}
        />,
      ]}
    >
      <AuditRows />
    </ListFrame>
  );
};
