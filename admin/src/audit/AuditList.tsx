import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { RaRecord } from "react-admin";
import {
  DataTable,
  SelectInput,
  TextInput,
  useRecordContext,
  useTranslate,
} from "react-admin";

import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { Tone } from "../components/StatusChip.tsx";
import { StatusChip } from "../components/StatusChip.tsx";

type AuditRow = RaRecord<string> & {
  occurredAt: string;
  actorKind: string;
  actorId: string | null;
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
  <StatusChip tone={toneOf(row.action)} label={`audit.action.${row.action}`} />
);

const text = (value: unknown): string =>
  value === null || value === undefined
    ? "–"
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

/** Column by column: what it was, what it became. */
const Difference = () => {
  const row = useRecordContext<AuditRow>();
  const translate = useTranslate();
  if (!row) return null;
  const diff: Record<string, unknown> =
    typeof row.diff === "string"
      ? (JSON.parse(row.diff) as Record<string, unknown>)
      : (row.diff ?? {});
  const entries = Object.entries(diff);
  return (
    <Box sx={{ py: 1.5, px: 2 }}>
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
                {column}
              </Typography>
              <Typography
                component="dd"
                variant="caption"
                sx={{ m: 0, overflowWrap: "anywhere" }}
              >
                {row.action === "update" && (
                  <>
                    <Box component="del" sx={{ color: "text.secondary" }}>
                      {text(before)}
                    </Box>
                    {" → "}
                  </>
                )}
                {text(row.action === "delete" ? before : after)}
              </Typography>
            </Box>
          );
        })}
      </Box>
      {row.requestId && (
        <Typography
          variant="caption"
          color="textSecondary"
          sx={{ display: "block", mt: 1 }}
        >
          {translate("audit.request")} {row.requestId}
        </Typography>
      )}
    </Box>
  );
};

const AuditRows = () => {
  const isPhone = useIsPhone();
  const translate = useTranslate();
  if (isPhone) {
    return (
      <PhoneList<AuditRow>
        primary={(row) =>
          `${row.tableName}${row.changedColumns.length > 0 ? `: ${row.changedColumns.join(", ")}` : ""}`
        }
        secondary={(row) => (
          <>
            {translate(`audit.actor.${row.actorKind}`)} ·{" "}
            <RelativeTime value={row.occurredAt} />
          </>
        )}
        aside={(row) => <Action row={row} />}
      />
    );
  }
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
      <DataTable.Col<AuditRow> source="tableName" disableSort />
      <DataTable.Col<AuditRow>
        source="actorKind"
        disableSort
        render={(row) => translate(`audit.actor.${row.actorKind}`)}
      />
      <DataTable.Col<AuditRow>
        source="changedColumns"
        disableSort
        render={(row) => row.changedColumns.join(", ") || "–"}
      />
    </DataTable>
  );
};

export const AuditList = () => {
  const translate = useTranslate();
  const tables = [
    "products",
    "brand_members",
    "brand_invitations",
    "brand_accounts",
    "category_mappings",
    "import_runs",
    "users",
    "staff_members",
    "storage_objects",
    "wardrobe_items",
  ].map((id) => ({ id, name: id }));
  return (
    <ListFrame
      category="boots"
      actions={<ListTools />}
      empty={false}
      sort={{ field: "occurredAt", order: "DESC" }}
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
