import ArrowForwardIcon from "@mui/icons-material/ArrowForward";
import UndoIcon from "@mui/icons-material/Undo";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { RaRecord } from "react-admin";
import {
  useDataProvider,
  useNotify,
  useTranslate,
  useUpdate,
} from "react-admin";

import type { AdminResource } from "../catalog/adopt.ts";
import { PlainValue } from "../catalog/fields/PlainValue.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { Tone } from "../components/StatusChip.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import type { FieldDiff, HistoryEntry } from "./history.ts";
import { diffsOf, revertOf, rowKey } from "./history.ts";

const SHOWN = 100;

const useHistory = (resource: AdminResource, record: RaRecord) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const key = rowKey(resource, record);
  return useQuery({
    // Below the resource, so that every save of a record reads it again.
    queryKey: [resource.name, "history", key],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: HistoryEntry[] }>(
        "rowHistory",
        {
          tableName: { type: "String", value: resource.table },
          rowPk: { type: "String", value: key },
          first: { type: "Int", value: SHOWN },
        },
        "nodes { id occurredAt action actorKind actorName changedColumns diff reason }",
        { signal },
      );
      return nodes;
    },
  });
};

const tones: Readonly<Record<string, Tone>> = {
  insert: "success",
  update: "info",
  delete: "error",
};

const Change = ({
  resource,
  diff,
  record,
  isFirst,
  onRevert,
}: {
  resource: AdminResource;
  diff: FieldDiff;
  record: RaRecord;
  /** A new row has no values before. */
  isFirst: boolean;
  onRevert: (() => void) | null;
}) => {
  const translate = useTranslate();
  const { field } = diff;
  const label = field?.label ?? diff.column;
  const show = (value: unknown) =>
    field === null ? (
      <code>{JSON.stringify(value)}</code>
    ) : (
      <PlainValue
        resource={resource}
        field={field}
        value={value}
        beside={record}
      />
    );
  return (
    <Box
      component="li"
      sx={{
        display: "flex",
        flexWrap: "wrap",
        columnGap: 1.5,
        alignItems: "center",
        py: 0.5,
        minHeight: 34,
      }}
    >
      <Typography
        variant="body2"
        color="textSecondary"
        component="span"
        sx={{ minWidth: 130 }}
      >
        {label}
      </Typography>
      <Typography
        variant="body2"
        component="span"
        sx={{
          display: "inline-flex",
          alignItems: "center",
          gap: 1,
          overflowWrap: "anywhere",
          flex: 1,
        }}
      >
        {!isFirst && (
          <>
            {show(diff.before)}
            <ArrowForwardIcon
              titleAccess={translate("history.became")}
              sx={{ fontSize: 16, color: "text.secondary" }}
            />
          </>
        )}
        {show(diff.after)}
      </Typography>
      {onRevert && (
        <Button
          size="small"
          onClick={onRevert}
          aria-label={translate("history.revert_field", { label })}
        >
          {translate("history.revert")}
        </Button>
      )}
    </Box>
  );
};

/** Who changed this row, when, from what to what, and the way back. */
export const HistoryPanel = ({
  resource,
  record,
}: {
  resource: AdminResource;
  record: RaRecord;
}) => {
  const translate = useTranslate();
  const notify = useNotify();
  const queryClient = useQueryClient();
  const { data, isPending, error } = useHistory(resource, record);
  const [update, { isPending: isReverting }] = useUpdate();

  const revert = (diffs: readonly FieldDiff[]) => {
    const values = revertOf(resource, diffs, record);
    void update(
      resource.name,
      {
        id: record.id,
        data: { ...record, ...values },
        previousData: record,
      },
      {
        mutationMode: "pessimistic",
        onSuccess: () => {
          notify("history.reverted", { type: "info" });
        },
        onError: (reason: unknown) => {
          notify(reason instanceof Error ? reason.message : String(reason), {
            type: "error",
          });
        },
        onSettled: () =>
          void queryClient.invalidateQueries({ queryKey: [resource.name] }),
      },
    );
  };

  if (error) {
    return <Alert severity="error">{error.message}</Alert>;
  }
  if (isPending) {
    return (
      <Box sx={{ display: "grid", gap: 1.5 }} aria-busy="true">
        {[0, 1, 2].map((row) => (
          <Skeleton key={row} variant="rounded" height={72} />
        ))}
      </Box>
    );
  }
  if (data.length === 0) {
    return (
      <Typography color="textSecondary">{translate("history.none")}</Typography>
    );
  }
  return (
    <Box
      component="ol"
      sx={{ listStyle: "none", m: 0, p: 0, display: "grid", gap: 0 }}
    >
      {data.map((entry) => {
        const diffs = diffsOf(resource, entry);
        const isFirst = entry.action === "insert";
        const undoable =
          resource.verbs.update && entry.action === "update"
            ? Object.keys(revertOf(resource, diffs, record))
            : [];
        return (
          <Box
            component="li"
            key={entry.id}
            sx={{
              py: 2,
              borderTop: 1,
              borderColor: "divider",
              "&:first-of-type": { borderTop: 0, pt: 0 },
            }}
          >
            <Box
              sx={{
                display: "flex",
                flexWrap: "wrap",
                alignItems: "center",
                gap: 1.25,
                mb: 0.5,
              }}
            >
              <StatusChip
                tone={tones[entry.action] ?? "quiet"}
                label={`audit.action.${entry.action}`}
                fallback={entry.action.replaceAll("_", " ")}
              />
              <Typography variant="subtitle2" component="span">
                {entry.actorName ??
                  translate(`audit.actor.${entry.actorKind}`, {
                    _: entry.actorKind,
                  })}
              </Typography>
              <Typography
                variant="body2"
                color="textSecondary"
                component="span"
              >
                <RelativeTime value={entry.occurredAt} />
              </Typography>
              <Box sx={{ flex: 1 }} />
              {undoable.length > 1 && (
                <Button
                  size="small"
                  startIcon={<UndoIcon />}
                  disabled={isReverting}
                  onClick={() => revert(diffs)}
                >
                  {translate("history.revert_all")}
                </Button>
              )}
            </Box>
            {entry.reason && (
              <Typography variant="body2" sx={{ mb: 0.5 }}>
                {entry.reason}
              </Typography>
            )}
            <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
              {diffs
                .filter(({ after }) => !isFirst || after !== null)
                .map((diff) => (
                  <Change
                    key={diff.column}
                    resource={resource}
                    diff={diff}
                    record={record}
                    isFirst={isFirst}
                    onRevert={
                      diff.field !== null &&
                      undoable.includes(diff.field.name) &&
                      !isReverting
                        ? () => revert([diff])
                        : null
                    }
                  />
                ))}
            </Box>
          </Box>
        );
      })}
    </Box>
  );
};
