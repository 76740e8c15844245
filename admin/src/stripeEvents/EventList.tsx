import PauseIcon from "@mui/icons-material/PauseOutlined";
import PlayIcon from "@mui/icons-material/PlayArrowOutlined";
import ReplayIcon from "@mui/icons-material/ReplayOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import {
  DataTable,
  ListBase,
  Title,
  useListContext,
  useTranslate,
  useUnselectAll,
} from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Figure } from "../components/Figure.tsx";
import { ListBody, OpensWithView } from "../components/ListBody.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { listLink } from "../home/CategoryPanel.tsx";
import { FigureRow } from "../home/FigureRow.tsx";
import { DayAndAge } from "../mrrMovements/MovementParts.tsx";
import { addDays, dayText } from "../revenue/period.ts";
import { useSession } from "../useSession.ts";
import { eventColumns } from "./columns.ts";
import { EventFilters } from "./EventFilters.tsx";
import { EventStatusChip } from "./EventStatusChip.tsx";
import { EventType } from "./EventType.tsx";
import { REFRESH_MS, useInbox } from "./inboxApi.ts";
import { ReplayDialog, ReplayRangeDialog } from "./ReplayDialog.tsx";
import type { StripeEvent } from "./types.ts";

const pageOf = ({ id }: Pick<StripeEvent, "id">) =>
  `/stripe_events/${encodeURIComponent(id)}/show`;

/** What waits, what is tried again, what was given up; each leads to its events. */
const InboxFigures = ({ isLive }: { isLive: boolean }) => {
  const translate = useTranslate();
  const { data, isPending } = useInbox(isLive);
  const now = data?.asOf ?? "";
  const figure = (
    name: "due" | "later" | "dead",
    value: number | undefined,
    to: string,
    detail?: React.ReactNode,
  ) => (
    <Figure
      label={translate(`inbox.figures.${name}.label`)}
      definition={translate(`inbox.figures.${name}.definition`)}
      to={to}
      value={value}
      detail={detail}
      isPending={isPending}
    />
  );
  return (
    <FigureRow columns={3}>
      {figure(
        "due",
        data?.due,
        listLink("stripe_events", { status: ["received", "failed"] }),
        data &&
          (data.oldestDueAt === null ? (
            translate("inbox.figures.due.none")
          ) : (
            <>
              {translate("inbox.figures.due.oldest")}{" "}
              <RelativeTime value={data.oldestDueAt} isPast />
            </>
          )),
      )}
      {figure(
        "later",
        data?.later,
        listLink("stripe_events", { status: "failed" }),
        translate("inbox.figures.later.detail"),
      )}
      {figure(
        "dead",
        data?.dead,
        listLink("stripe_events", { status: "dead" }),
        now !== "" && translate("inbox.figures.dead.detail"),
      )}
    </FigureRow>
  );
};

const BulkReplay = () => {
  const translate = useTranslate();
  const { selectedIds } = useListContext();
  const unselect = useUnselectAll("stripe_events");
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button
        size="small"
        startIcon={<ReplayIcon />}
        onClick={() => setOpen(true)}
      >
        {translate("inbox.replay.button")}
      </Button>
      {open && (
        <ReplayDialog
          ids={(selectedIds ?? []).map(String)}
          onClose={() => setOpen(false)}
          onDone={() => unselect()}
        />
      )}
    </>
  );
};

const EventTable = ({ canReplay }: { canReplay: boolean }) => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<StripeEvent>
        to={pageOf}
        primary={({ type }) => <EventType type={type} />}
        secondary={({ created, objectId, lastError }) => (
          <>
            {dayText(created.slice(0, 10))} · {objectId ?? "–"}
            {lastError !== null && (
              <Box
                component="span"
                sx={{ display: "block", color: "error.main" }}
              >
                {lastError}
              </Box>
            )}
          </>
        )}
        aside={({ status }) => <EventStatusChip status={status} />}
      />
    );
  }
  return (
    <DataTable<StripeEvent>
      rowClick="show"
      bulkActionButtons={canReplay ? <BulkReplay /> : false}
    >
      <DataTable.Col<StripeEvent>
        source="created"
        label={translate("inbox.fields.created")}
        render={({ created }) => <DayAndAge at={created} />}
      />
      <DataTable.Col<StripeEvent>
        source="type"
        label={translate("inbox.fields.type")}
        disableSort
        render={(event) => (
          <RowLink to={pageOf(event)}>
            <Typography
              variant="subtitle2"
              component="div"
              sx={{ whiteSpace: "nowrap" }}
            >
              {event.type}
            </Typography>
            <Typography
              variant="caption"
              color="textSecondary"
              component="div"
              sx={{ overflowWrap: "anywhere" }}
            >
              {event.objectId}
            </Typography>
          </RowLink>
        )}
      />
      <DataTable.Col<StripeEvent>
        source="status"
        label={translate("inbox.fields.status")}
        disableSort
        render={({ status, lastError }) => (
          <>
            <EventStatusChip status={status} />
            {lastError !== null && (
              <Typography
                variant="caption"
                component="div"
                color="error"
                sx={{ mt: 0.5, maxWidth: 340, overflowWrap: "anywhere" }}
              >
                {lastError}
              </Typography>
            )}
          </>
        )}
      />
      <DataTable.Col<StripeEvent>
        source="attempts"
        label={translate("inbox.fields.attempts")}
        disableSort
        align="right"
      />
      <DataTable.Col<StripeEvent>
        source="duplicates"
        label={translate("inbox.fields.duplicates")}
        disableSort
        align="right"
      />
    </DataTable>
  );
};

const RangeButton = () => {
  const translate = useTranslate();
  const [open, setOpen] = useState(false);
  const { filterValues } = useListContext();
  const values = (filterValues ?? {}) as Record<string, unknown>;
  const dayOf = (value: unknown, otherwise: string) =>
    typeof value === "string" ? value.slice(0, 10) : otherwise;
  const today = new Date().toISOString().slice(0, 10);
  return (
    <>
      <Button startIcon={<ReplayIcon />} onClick={() => setOpen(true)}>
        {translate("inbox.replay.range_button")}
      </Button>
      {open && (
        <ReplayRangeDialog
          from={dayOf(values["created@gte"], addDays(today, -7))}
          to={dayOf(values["created@lt"], addDays(today, 1))}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
};

const EventView = ({
  isLive,
  onLive,
}: {
  isLive: boolean;
  onLive: (isLive: boolean) => void;
}) => {
  const translate = useTranslate();
  const { can } = useSession();
  const canReplay = can("stripe_events", "edit");
  const { data: inbox } = useInbox(isLive);
  const { data, error } = useListContext<StripeEvent>();
  return (
    <>
      <Title title={translate("inbox.title")} />
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          alignItems: "center",
          columnGap: 2,
          rowGap: 0.5,
          mb: 2,
          mt: 1,
        }}
      >
        <Typography variant="body2" color="textSecondary">
          {isLive
            ? translate("operations.live", { seconds: REFRESH_MS / 1_000 })
            : translate("operations.paused")}
        </Typography>
        {inbox && <AsOf at={inbox.asOf} />}
        <Button
          size="small"
          startIcon={isLive ? <PauseIcon /> : <PlayIcon />}
          onClick={() => onLive(!isLive)}
        >
          {translate(isLive ? "operations.pause" : "operations.resume")}
        </Button>
        {canReplay && (
          <Box sx={{ ml: { sm: "auto" } }}>
            <RangeButton />
          </Box>
        )}
      </Box>
      <Box sx={{ mb: 2.5 }}>
        <InboxFigures isLive={isLive} />
      </Box>
      {error != null && data !== undefined && (
        <Alert severity="error" role="alert" sx={{ mb: 2 }}>
          {translate(error.message, { _: error.message })}
        </Alert>
      )}
      <ListBody
        empty={{ title: "inbox.empty_title", body: "inbox.empty_body" }}
        filters={<EventFilters />}
      >
        <EventTable canReplay={canReplay} />
      </ListBody>
    </>
  );
};

export const EventList = () => {
  const [isLive, setIsLive] = useState(true);
  return (
    <OpensWithView name="stripe_events">
      <ListBase<StripeEvent>
        perPage={25}
        sort={{ field: "created", order: "DESC" }}
        exporter={false}
        queryOptions={{
          meta: {
            keyset: true,
            count: { cap: 10_000 },
            columns: eventColumns,
          },
          refetchInterval: isLive ? REFRESH_MS : false,
        }}
      >
        <EventView isLive={isLive} onLive={setIsLive} />
      </ListBase>
    </OpensWithView>
  );
};
