import ReplayIcon from "@mui/icons-material/ReplayOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import {
  LinkBase,
  useGetList,
  useGetOne,
  useParams,
  useTranslate,
} from "react-admin";

import { Facts } from "../components/Facts.tsx";
import { JsonTree } from "../components/JsonTree.tsx";
import { MoneyChange } from "../components/Money.tsx";
import { Panel } from "../components/Panel.tsx";
import { RecordPage, RecordPending } from "../components/RecordPage.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { formatExact } from "../format.ts";
import { NotFoundPage } from "../layout/ErrorPage.tsx";
import { movementColumns } from "../mrrMovements/columns.ts";
import {
  AccountLink,
  BeforeAfter,
  KindChip,
} from "../mrrMovements/MovementParts.tsx";
import type { Movement } from "../mrrMovements/types.ts";
import { sourcesOf } from "../mrrMovements/types.ts";
import { useSession } from "../useSession.ts";
import { ChangedFields } from "./ChangedFields.tsx";
import { eventColumns } from "./columns.ts";
import { EventStatusChip } from "./EventStatusChip.tsx";
import { EventType } from "./EventType.tsx";
import { REFRESH_MS } from "./inboxApi.ts";
import { objectLink } from "./payload.ts";
import { ReplayDialog } from "./ReplayDialog.tsx";
import type { StripeEvent } from "./types.ts";
import { useEventPayload } from "./useEventPayload.ts";

/** The money it moved, and the object it told of. */
const Effects = ({ event }: { event: StripeEvent }) => {
  const translate = useTranslate();
  const { data: movements, isPending } = useGetList<Movement>("mrr_movements", {
    pagination: { page: 1, perPage: 25 },
    sort: { field: "occurredAt", order: "DESC" },
    filter: { sourceEventId: sourcesOf(event.id) },
    meta: { columns: movementColumns },
  });
  const object = objectLink(event.type, event.objectId);
  return (
    <>
      {object !== null && event.objectId !== null && (
        <Typography variant="body2" sx={{ mb: 2 }}>
          {translate(`inbox.object.${object.resource}`)}{" "}
          <Link component={LinkBase} to={object.to} color="inherit">
            <code>{event.objectId}</code>
          </Link>
        </Typography>
      )}
      {isPending ? (
        <Skeleton variant="rounded" height={60} />
      ) : movements === undefined || movements.length === 0 ? (
        <Typography color="textSecondary">
          {translate("inbox.moved_nothing")}
        </Typography>
      ) : (
        <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
          {movements.map((movement) => (
            <Box
              component="li"
              key={movement.id}
              sx={{
                display: "flex",
                flexWrap: "wrap",
                gap: 2,
                alignItems: "center",
                py: 1,
                borderTop: 1,
                borderColor: "divider",
                "&:first-of-type": { borderTop: 0 },
              }}
            >
              <Box sx={{ flex: "1 1 180px" }}>
                <AccountLink of={movement} />
              </Box>
              <KindChip {...movement} />
              <BeforeAfter {...movement} />
              <Link
                component={LinkBase}
                to={`/mrr_movements/${movement.id}/show`}
                color="inherit"
                sx={{ fontWeight: 600 }}
              >
                <MoneyChange minor={movement.deltaUsdMinor} currency="usd" />
              </Link>
            </Box>
          ))}
        </Box>
      )}
    </>
  );
};

const PayloadPanel = ({ id }: { id: string }) => {
  const translate = useTranslate();
  const { data, isPending, error } = useEventPayload(id);
  return (
    <>
      {data?.data?.previous_attributes != null && (
        <Panel title={translate("inbox.changes")}>
          <ChangedFields payload={data} />
        </Panel>
      )}
      <Panel title={translate("inbox.payload")}>
        {error !== null ? (
          <Alert severity="error" role="alert">
            {translate(error.message, { _: error.message })}
          </Alert>
        ) : isPending ? (
          <Skeleton variant="rounded" height={240} />
        ) : (
          <JsonTree value={data} label={translate("inbox.payload")} />
        )}
      </Panel>
    </>
  );
};

export const EventShow = () => {
  const { id: raw = "" } = useParams<{ id: string }>();
  const id = decodeURIComponent(raw);
  const translate = useTranslate();
  const { can } = useSession();
  const [isReplaying, setIsReplaying] = useState(false);
  const { data: event, error } = useGetOne<StripeEvent>(
    "stripe_events",
    { id, meta: { columns: eventColumns } },
    {
      retry: false,
      // Until it has come to something.
      refetchInterval: ({ state }) =>
        state.data !== undefined &&
        ["received", "failed"].includes(state.data.status)
          ? REFRESH_MS / 4
          : false,
    },
  );
  if (error) return <NotFoundPage />;
  if (event === undefined) {
    return <RecordPending title="inbox.one" />;
  }
  return (
    <RecordPage
      title="inbox.one"
      back={{ to: "/stripe_events", label: "inbox.all" }}
      above={<EventStatusChip status={event.status} />}
      heading={<EventType type={event.type} />}
      headingVariant="h4"
      below={
        <Typography color="textSecondary" role="status">
          {translate(`inbox.says.${event.status}`)}
        </Typography>
      }
      action={
        can("stripe_events", "edit") && (
          <Button
            variant="contained"
            startIcon={<ReplayIcon />}
            onClick={() => setIsReplaying(true)}
          >
            {translate("inbox.replay.button")}
          </Button>
        )
      }
    >
      {event.lastError !== null && (
        <Alert severity={event.status === "dead" ? "error" : "warning"}>
          <Box component="span" sx={{ overflowWrap: "anywhere" }}>
            {event.lastError}
          </Box>
        </Alert>
      )}
      <Panel title={translate("inbox.effect")}>
        <Effects event={event} />
      </Panel>
      <Panel title={translate("inbox.details")}>
        <Facts
          facts={[
            [
              "inbox.fields.created",
              <RelativeTime key="c" value={event.created} isPast />,
            ],
            ["inbox.fields.exactly", formatExact(new Date(event.created))],
            [
              "inbox.fields.receivedAt",
              <RelativeTime key="r" value={event.receivedAt} isPast />,
            ],
            [
              "inbox.fields.processedAt",
              event.processedAt && (
                <RelativeTime key="p" value={event.processedAt} isPast />
              ),
            ],
            ["inbox.fields.attempts", event.attempts],
            ["inbox.fields.duplicates", event.duplicates],
            [
              "inbox.fields.livemode",
              translate(event.livemode ? "inbox.live" : "inbox.test"),
            ],
            ["inbox.fields.id", event.id],
          ]}
        />
      </Panel>
      <PayloadPanel id={event.id} />
      {isReplaying && (
        <ReplayDialog
          ids={[event.id]}
          onClose={() => setIsReplaying(false)}
          onDone={() => undefined}
        />
      )}
    </RecordPage>
  );
};
