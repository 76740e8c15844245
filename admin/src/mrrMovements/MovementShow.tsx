import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import {
  HttpError,
  LinkBase,
  ListBase,
  Pagination,
  useDataProvider,
  useGetList,
  useParams,
  useTranslate,
} from "react-admin";

import { Facts } from "../components/Facts.tsx";
import { MoneyChange } from "../components/Money.tsx";
import { Panel } from "../components/Panel.tsx";
import { RecordPage, RecordPending } from "../components/RecordPage.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatExact } from "../format.ts";
import { NotFoundPage } from "../layout/ErrorPage.tsx";
import { accountMovementsLink } from "../revenue/links.ts";
import { useRevenueWords } from "../revenue/words.ts";
import { ChangedFields } from "../stripeEvents/ChangedFields.tsx";
import { useEventPayload } from "../stripeEvents/useEventPayload.ts";
import { movementColumns } from "./columns.ts";
import { MovementTable } from "./MovementList.tsx";
import {
  AccountLink,
  KindChip,
  SourceLink,
  SubscriptionLink,
} from "./MovementParts.tsx";
import type { Movement } from "./types.ts";
import { accountName, causeOf, eventIdOf } from "./types.ts";

type Line = {
  rowId: string;
  subscriptionId: string;
  deltaUsdMinor: number;
  subscription: { status: string; plan: string | null } | null;
};

type MovementPage = Movement & {
  rowId: string;
  createdAt: string;
  lines: { nodes: Line[] };
};

const SELECTION = `rowId account brandId subscriptionId occurredAt createdAt kind
  deltaUsdMinor beforeUsdMinor afterUsdMinor isTransfer sourceEventId
  brand { name }
  accountByAccount { user { displayName email } customer { name email } }
  lines(first: 100) { nodes { rowId subscriptionId deltaUsdMinor subscription { status plan } } }`;

const useMovement = (id: string) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["mrr_movements", "getOne", { id, part: "page" }],
    enabled: id !== "",
    queryFn: async ({ signal }) => {
      const found = await dataProvider.query<MovementPage | null>(
        "mrrMovement",
        { rowId: { type: "UUID!", value: id } },
        SELECTION,
        {
          signal,
          types: {
            deltaUsdMinor: "bigint",
            beforeUsdMinor: "bigint",
            afterUsdMinor: "bigint",
            "lines.nodes.deltaUsdMinor": "bigint",
          },
        },
      );
      if (found === null) throw new HttpError("ra.page.not_found", 404);
      return { ...found, id: found.rowId };
    },
  });
};

const large = {
  fontSize: "1.5rem",
  fontWeight: 600,
  lineHeight: 1.3,
  fontVariantNumeric: "tabular-nums lining-nums",
} as const;

/** Before, the change, after: the movement in one line. */
const Equation = ({ movement }: { movement: MovementPage }) => {
  const translate = useTranslate();
  const { usd } = useRevenueWords();
  const part = (label: string, value: string) => (
    <Box>
      <Typography variant="caption" color="textSecondary" component="div">
        {label}
      </Typography>
      <Typography component="div" sx={large}>
        {value}
      </Typography>
    </Box>
  );
  return (
    <Box sx={{ display: "flex", flexWrap: "wrap", gap: 3, alignItems: "end" }}>
      {part(translate("movements.before"), usd(movement.beforeUsdMinor))}
      <Typography component="div" sx={large}>
        <MoneyChange minor={movement.deltaUsdMinor} currency="usd" />
      </Typography>
      {part(translate("movements.after"), usd(movement.afterUsdMinor))}
    </Box>
  );
};

const Lines = ({ lines }: { lines: readonly Line[] }) => {
  const translate = useTranslate();
  return (
    <Box sx={{ overflowX: "auto" }}>
      <Table size="small">
        <TableHead>
          <TableRow>
            <TableCell>
              {translate("movements.fields.subscriptionId")}
            </TableCell>
            <TableCell>{translate("subscriptions.fields.plan")}</TableCell>
            <TableCell align="right">
              {translate("movements.fields.deltaUsdMinor")}
            </TableCell>
          </TableRow>
        </TableHead>
        <TableBody>
          {lines.map((line) => (
            <TableRow key={line.rowId}>
              <TableCell>
                <SubscriptionLink id={line.subscriptionId} />
              </TableCell>
              <TableCell>{line.subscription?.plan ?? "–"}</TableCell>
              <TableCell align="right">
                <MoneyChange minor={line.deltaUsdMinor} currency="usd" />
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
};

/** Of a link, what the other account of it did. */
const Counterpart = ({ movement }: { movement: MovementPage }) => {
  const translate = useTranslate();
  const { data } = useGetList<Movement>(
    "mrr_movements",
    {
      pagination: { page: 1, perPage: 5 },
      sort: { field: "occurredAt", order: "DESC" },
      filter: { sourceEventId: movement.sourceEventId },
      meta: { total: false, columns: movementColumns },
    },
    { enabled: movement.isTransfer },
  );
  const other = data?.find(({ id }) => id !== movement.id);
  if (other === undefined) return null;
  return (
    <Typography variant="body2" sx={{ mt: 1.5 }}>
      {translate(
        movement.deltaUsdMinor < 0
          ? "movements.went_to"
          : "movements.came_from",
      )}{" "}
      <Link
        component={LinkBase}
        to={`/mrr_movements/${other.id}/show`}
        color="inherit"
      >
        {accountName(other)}
      </Link>
    </Typography>
  );
};

const EventPanel = ({ movement }: { movement: MovementPage }) => {
  const translate = useTranslate();
  const eventId = eventIdOf(movement.sourceEventId);
  const { data, isPending } = useEventPayload(eventId);
  return (
    <Panel
      title={translate("movements.event")}
      action={
        eventId !== null && (
          <Button
            component={LinkBase}
            size="small"
            to={`/stripe_events/${encodeURIComponent(eventId)}/show`}
          >
            {translate("movements.open_event")}
          </Button>
        )
      }
    >
      {eventId === null ? (
        <Typography color="textSecondary">
          {translate(`movements.by.${causeOf(movement)}`)}
        </Typography>
      ) : isPending ? (
        <Skeleton variant="rounded" height={120} />
      ) : (
        <>
          <Typography variant="body2" sx={{ mb: 1.5 }}>
            <code>{data?.type}</code>
          </Typography>
          <ChangedFields payload={data} />
        </>
      )}
    </Panel>
  );
};

/** Everything that ever moved this account. */
const History = ({ movement }: { movement: MovementPage }) => {
  const translate = useTranslate();
  return (
    <Panel
      title={translate("movements.history", { name: accountName(movement) })}
      action={
        <Button
          component={LinkBase}
          size="small"
          to={accountMovementsLink(movement.account)}
        >
          {translate("app.see_all")}
        </Button>
      }
    >
      <ListBase<Movement>
        resource="mrr_movements"
        perPage={10}
        sort={{ field: "occurredAt", order: "DESC" }}
        filter={{ account: movement.account }}
        queryOptions={{ meta: { columns: movementColumns } }}
        exporter={false}
        disableSyncWithLocation
        storeKey={false}
      >
        <Box sx={{ overflowX: "auto", mx: { xs: -2, sm: 0 } }}>
          <MovementTable isOfAccount />
        </Box>
        <Pagination rowsPerPageOptions={[10]} />
      </ListBase>
    </Panel>
  );
};

export const MovementShow = () => {
  const { id = "" } = useParams<{ id: string }>();
  const translate = useTranslate();
  const { data: movement, error } = useMovement(id);
  if (error) return <NotFoundPage />;
  if (movement === undefined) {
    return <RecordPending title="movements.one" />;
  }
  return (
    <RecordPage
      title="movements.one"
      back={{ to: "/mrr_movements", label: "movements.all" }}
      above={<KindChip {...movement} />}
      heading={accountName(movement)}
      below={
        <Typography color="textSecondary">
          {translate(
            movement.isTransfer
              ? "movements.says.transfer"
              : `movements.says.${movement.kind}`,
          )}
        </Typography>
      }
    >
      <Panel title={translate("movements.what")}>
        <Equation movement={movement} />
        <Counterpart movement={movement} />
        <Box sx={{ mt: 3 }}>
          <Facts
            facts={[
              [
                "movements.fields.account",
                <AccountLink key="a" of={movement} />,
              ],
              [
                "movements.fields.occurredAt",
                <RelativeTime key="o" value={movement.occurredAt} isPast />,
              ],
              [
                "movements.fields.exactly",
                formatExact(new Date(movement.occurredAt)),
              ],
              [
                "movements.fields.sourceEventId",
                <SourceLink key="s" movement={movement} />,
              ],
              [
                "movements.fields.subscriptionId",
                <SubscriptionLink key="i" id={movement.subscriptionId} />,
              ],
              [
                "movements.fields.createdAt",
                <RelativeTime key="c" value={movement.createdAt} isPast />,
              ],
            ]}
          />
        </Box>
      </Panel>
      {movement.lines.nodes.length > 0 && (
        <Panel title={translate("movements.lines")}>
          <Lines lines={movement.lines.nodes} />
        </Panel>
      )}
      <EventPanel movement={movement} />
      <History movement={movement} />
    </RecordPage>
  );
};
