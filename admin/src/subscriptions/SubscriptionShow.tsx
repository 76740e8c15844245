import RefreshIcon from "@mui/icons-material/RefreshOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import {
  LinkBase,
  useDataProvider,
  useGetList,
  useLocale,
  useNotify,
  useParams,
  useTranslate,
} from "react-admin";

import { formatDay } from "../catalog/fields/text.ts";
import { toneOf } from "../catalog/fields/tone.ts";
import { Facts } from "../components/Facts.tsx";
import { Money, MoneyChange } from "../components/Money.tsx";
import { Panel } from "../components/Panel.tsx";
import {
  panels,
  RecordPage,
  RecordPending,
} from "../components/RecordPage.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { listLink } from "../home/CategoryPanel.tsx";
import { NotFoundPage } from "../layout/ErrorPage.tsx";
import { KindChip } from "../mrrMovements/MovementParts.tsx";
import { eventIdOf } from "../mrrMovements/types.ts";
import { eventColumns } from "../stripeEvents/columns.ts";
import { EventStatusChip } from "../stripeEvents/EventStatusChip.tsx";
import { EventType } from "../stripeEvents/EventType.tsx";
import type { StripeEvent } from "../stripeEvents/types.ts";
import { Reckoning, ReviewNote } from "./Reckoning.tsx";
import { Ends, SubscriptionChips } from "./SubscriptionParts.tsx";
import { needsReview, ownerName } from "./types.ts";
import type { MrrLine, SubscriptionPage } from "./useSubscription.ts";
import { useSubscription } from "./useSubscription.ts";

const FINAL = new Set(["canceled", "incomplete_expired"]);

/** Stripe is asked where there is a key to ask with, and anything left to learn. */
const FetchAgain = ({ subscription }: { subscription: SubscriptionPage }) => {
  const translate = useTranslate();
  const notify = useNotify();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const { data: settings } = useQuery({
    queryKey: ["billingSettings", "canFetch"],
    queryFn: ({ signal }) =>
      dataProvider.query<{ canFetch: boolean } | null>(
        "billingSettings",
        {},
        "canFetch",
        { signal },
      ),
    staleTime: 10 * 60_000,
  });
  const { mutate, isPending } = useMutation({
    mutationFn: () =>
      dataProvider.mutate(
        "refetchStripeObject",
        { objectId: subscription.id },
        "result",
      ),
    onSuccess: () => {
      notify("subscriptions.fetching", { type: "info" });
      return client.invalidateQueries({ queryKey: ["stripe_subscriptions"] });
    },
    onError: (error) => notify(error.message, { type: "error" }),
  });
  if (settings?.canFetch !== true || FINAL.has(subscription.status))
    return null;
  return (
    <Button
      variant="outlined"
      startIcon={<RefreshIcon />}
      disabled={isPending || subscription.needsRefetch}
      onClick={() => mutate()}
    >
      {translate(
        subscription.needsRefetch
          ? "subscriptions.fetch_waits"
          : "subscriptions.fetch",
      )}
    </Button>
  );
};

const Items = ({ subscription }: { subscription: SubscriptionPage }) => {
  const translate = useTranslate();
  return (
    <Box sx={{ overflowX: "auto" }}>
      <Table size="small">
        <TableHead>
          <TableRow>
            <TableCell>{translate("subscriptions.fields.plan")}</TableCell>
            <TableCell align="right">
              {translate("subscriptions.fields.quantity")}
            </TableCell>
            <TableCell align="right">
              {translate("subscriptions.fields.price")}
            </TableCell>
            <TableCell>
              {translate("subscriptions.fields.period_end")}
            </TableCell>
          </TableRow>
        </TableHead>
        <TableBody>
          {subscription.items.nodes.map((item) => (
            <TableRow key={item.rowId}>
              <TableCell component="th" scope="row">
                <Link
                  component={LinkBase}
                  to={`/stripe_prices/${encodeURIComponent(item.priceId)}/show`}
                  color="inherit"
                >
                  {item.price?.product?.name || item.priceId}
                </Link>
                {item.price?.usageType === "metered" && (
                  <Typography
                    variant="caption"
                    color="textSecondary"
                    component="div"
                  >
                    {translate("subscriptions.metered")}
                  </Typography>
                )}
              </TableCell>
              <TableCell align="right">{item.quantity ?? "–"}</TableCell>
              <TableCell align="right">
                {item.price?.billingScheme === "tiered" ? (
                  translate("subscriptions.tiered")
                ) : (
                  <Money
                    minor={item.price?.unitAmountDecimal}
                    currency={item.price?.currency}
                  />
                )}{" "}
                {item.price?.interval != null &&
                  translate(`subscriptions.every.${item.price.interval}`, {
                    smart_count: item.price.intervalCount ?? 1,
                  })}
              </TableCell>
              <TableCell>
                {item.currentPeriodEnd === null ? (
                  "–"
                ) : (
                  <RelativeTime value={item.currentPeriodEnd} />
                )}
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
};

type Happening = {
  at: string;
  key: string;
  event?: StripeEvent;
  lines: MrrLine[];
};

/** Events, each with what it moved; what moved without one stands for itself. */
export function timelineOf(
  events: readonly StripeEvent[],
  lines: readonly MrrLine[],
): Happening[] {
  const byEvent = new Map<string, Happening>();
  const happenings: Happening[] = events.map((event) => {
    const happening = { at: event.created, key: event.id, event, lines: [] };
    byEvent.set(event.id, happening);
    return happening;
  });
  for (const line of lines) {
    const source = eventIdOf(line.movement?.sourceEventId ?? "");
    const happening = source === null ? undefined : byEvent.get(source);
    if (happening === undefined) {
      happenings.push({ at: line.occurredAt, key: line.rowId, lines: [line] });
    } else {
      happening.lines.push(line);
    }
  }
  return happenings.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
}

const Timeline = ({ subscription }: { subscription: SubscriptionPage }) => {
  const translate = useTranslate();
  const { data: events = [] } = useGetList<StripeEvent>("stripe_events", {
    pagination: { page: 1, perPage: 50 },
    sort: { field: "created", order: "DESC" },
    filter: { objectId: subscription.id },
    meta: { total: false, columns: eventColumns },
  });
  const happenings = timelineOf(events, subscription.mrrLines.nodes);
  if (happenings.length === 0) {
    return (
      <Typography color="textSecondary">
        {translate("subscriptions.no_events")}
      </Typography>
    );
  }
  return (
    <Box component="ol" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {happenings.map(({ key, at, event, lines }) => (
        <Box
          component="li"
          key={key}
          sx={{
            display: "flex",
            flexWrap: "wrap",
            justifyContent: "space-between",
            columnGap: 2,
            rowGap: 0.5,
            py: 1.25,
            borderTop: 1,
            borderColor: "divider",
            "&:first-of-type": { borderTop: 0 },
          }}
        >
          <Box sx={{ minWidth: 0, flex: "1 1 240px" }}>
            {event === undefined ? (
              <Typography variant="subtitle2">
                {translate(
                  lines[0]?.isTransfer === true
                    ? "subscriptions.linked"
                    : "subscriptions.reckoned",
                )}
              </Typography>
            ) : (
              <Box
                sx={{
                  display: "flex",
                  flexWrap: "wrap",
                  gap: 1,
                  alignItems: "center",
                }}
              >
                <Link
                  component={LinkBase}
                  to={`/stripe_events/${encodeURIComponent(event.id)}/show`}
                  color="inherit"
                  sx={{ fontWeight: 600 }}
                >
                  <EventType type={event.type} />
                </Link>
                {event.status !== "processed" && (
                  <EventStatusChip status={event.status} />
                )}
              </Box>
            )}
            <Typography variant="caption" color="textSecondary">
              <RelativeTime value={at} isPast />
            </Typography>
          </Box>
          <Box sx={{ display: "grid", gap: 0.5, justifyItems: "end" }}>
            {lines.map((line) => (
              <Box
                key={line.rowId}
                sx={{ display: "flex", gap: 1, alignItems: "center" }}
              >
                {line.kind !== null && (
                  <KindChip kind={line.kind} isTransfer={line.isTransfer} />
                )}
                {line.movementId === null ? (
                  <MoneyChange minor={line.deltaUsdMinor} currency="usd" />
                ) : (
                  <Link
                    component={LinkBase}
                    to={`/mrr_movements/${line.movementId}/show`}
                    color="inherit"
                  >
                    <MoneyChange minor={line.deltaUsdMinor} currency="usd" />
                  </Link>
                )}
              </Box>
            ))}
          </Box>
        </Box>
      ))}
    </Box>
  );
};

const Grants = ({ subscription }: { subscription: SubscriptionPage }) => {
  const translate = useTranslate();
  const grants = subscription.grants.nodes;
  if (grants.length === 0) {
    return (
      <Typography color="textSecondary">
        {translate(
          subscription.customer?.brandId == null &&
            subscription.customer?.userId == null
            ? "subscriptions.no_grants_nobody"
            : "subscriptions.no_grants",
        )}
      </Typography>
    );
  }
  return (
    <Box
      component="ul"
      sx={{ listStyle: "none", m: 0, p: 0, display: "grid", gap: 1.5 }}
    >
      {grants.map((grant) => (
        <Box component="li" key={grant.kind}>
          <Box
            sx={{
              display: "flex",
              gap: 1,
              alignItems: "center",
              flexWrap: "wrap",
            }}
          >
            <Typography variant="subtitle2">
              {translate(`subscriptions.grants.${grant.kind}`, {
                amount: grant.amount ?? "",
                tier: grant.tier ?? "",
              })}
            </Typography>
            <StatusChip
              tone={grant.active ? "success" : "quiet"}
              label={
                grant.active
                  ? "subscriptions.grant_active"
                  : "subscriptions.grant_ended"
              }
            />
          </Box>
          <Typography variant="caption" color="textSecondary">
            {grant.why} · <RelativeTime value={grant.since} isPast />
          </Typography>
        </Box>
      ))}
    </Box>
  );
};

const Invoices = ({ subscription }: { subscription: SubscriptionPage }) => {
  const translate = useTranslate();
  const invoices = subscription.invoices.nodes;
  if (invoices.length === 0) {
    return (
      <Typography color="textSecondary">
        {translate("subscriptions.no_invoices")}
      </Typography>
    );
  }
  return (
    <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {invoices.map((invoice) => (
        <Box
          component="li"
          key={invoice.rowId}
          sx={{
            display: "flex",
            gap: 1.5,
            py: 1,
            alignItems: "center",
            flexWrap: "wrap",
          }}
        >
          <Box sx={{ flex: 1, minWidth: 140 }}>
            <Link
              component={LinkBase}
              to={`/stripe_invoices/${encodeURIComponent(invoice.rowId)}/show`}
              color="inherit"
            >
              {invoice.number ?? invoice.rowId}
            </Link>
            <Typography variant="caption" color="textSecondary" component="div">
              <RelativeTime value={invoice.created} isPast />
            </Typography>
          </Box>
          {invoice.status !== null && (
            <StatusChip
              tone={toneOf(invoice.status)}
              label={`invoices.status.${invoice.status}`}
            />
          )}
          <Money minor={invoice.total} currency={invoice.currency} />
        </Box>
      ))}
    </Box>
  );
};

const SubscriptionFacts = ({
  subscription,
}: {
  subscription: SubscriptionPage;
}) => {
  const locale = useLocale();
  const ends = subscription.items.nodes
    .flatMap(({ currentPeriodEnd }) => currentPeriodEnd ?? [])
    .sort()
    .at(-1);
  const facts: [string, ReactNode][] = [
    [
      "subscriptions.fields.customer",
      <Link
        key="c"
        component={LinkBase}
        to={`/stripe_customers/${encodeURIComponent(subscription.customerId)}/show`}
        color="inherit"
      >
        {subscription.customer?.email ?? subscription.customerId}
      </Link>,
    ],
    [
      "subscriptions.fields.started",
      subscription.startedAt && (
        <RelativeTime key="s" value={subscription.startedAt} isPast />
      ),
    ],
    [
      "subscriptions.fields.ends",
      <Ends key="e" subscription={subscription} periodEnd={ends ?? null} />,
    ],
    [
      "subscriptions.fields.trial_end",
      subscription.trialEnd && (
        <RelativeTime key="t" value={subscription.trialEnd} />
      ),
    ],
    [
      "subscriptions.fields.fx",
      subscription.fxRate === null || subscription.currency === "usd"
        ? null
        : `${subscription.fxRate} (${subscription.fxDate === null ? "" : formatDay(subscription.fxDate, locale)})`,
    ],
    ["subscriptions.fields.api", subscription.apiVersion],
    [
      "subscriptions.fields.last_event",
      <Link
        key="l"
        component={LinkBase}
        to={`/stripe_events/${encodeURIComponent(subscription.lastEventId)}/show`}
        color="inherit"
      >
        <RelativeTime value={subscription.lastEventCreated} isPast />
      </Link>,
    ],
    ["subscriptions.fields.id", subscription.id],
  ];
  return <Facts facts={facts} />;
};

export const SubscriptionShow = () => {
  const { id: raw = "" } = useParams<{ id: string }>();
  const id = decodeURIComponent(raw);
  const translate = useTranslate();
  const { data: subscription, error } = useSubscription(id);
  if (error) return <NotFoundPage />;
  if (subscription === undefined) {
    return <RecordPending title="subscriptions.one" />;
  }
  return (
    <RecordPage
      title="subscriptions.one"
      back={{ to: "/stripe_subscriptions", label: "subscriptions.all" }}
      above={<SubscriptionChips subscription={subscription} />}
      heading={ownerName(subscription.customer, subscription.customerId)}
      below={<Typography color="textSecondary">{subscription.plan}</Typography>}
      action={<FetchAgain subscription={subscription} />}
    >
      {needsReview(subscription) && subscription.mrrNote !== null && (
        <ReviewNote note={subscription.mrrNote} />
      )}
      <Box
        sx={{
          display: "grid",
          gap: 2.5,
          alignItems: "start",
          gridTemplateColumns: {
            xs: "minmax(0, 1fr)",
            lg: "minmax(0, 6fr) minmax(0, 5fr)",
          },
        }}
      >
        <Box sx={panels}>
          <Panel
            title={translate("subscriptions.reckoning")}
            action={
              <Typography variant="h6" component="span">
                <Money minor={subscription.mrrUsdMinor} currency="usd" />
              </Typography>
            }
          >
            <Reckoning subscription={subscription} />
          </Panel>
          <Panel title={translate("subscriptions.items")}>
            <Items subscription={subscription} />
          </Panel>
          <Panel title={translate("subscriptions.details")}>
            <SubscriptionFacts subscription={subscription} />
          </Panel>
        </Box>
        <Box sx={panels}>
          <Panel
            title={translate("subscriptions.timeline")}
            action={
              <Button
                component={LinkBase}
                size="small"
                to={listLink("mrr_movements", {
                  subscriptionId: subscription.id,
                })}
              >
                {translate("movements.title")}
              </Button>
            }
          >
            <Timeline subscription={subscription} />
          </Panel>
          <Panel title={translate("subscriptions.grants_title")}>
            <Grants subscription={subscription} />
          </Panel>
          <Panel
            title={translate("subscriptions.invoices")}
            action={
              <Button
                component={LinkBase}
                size="small"
                to={listLink("stripe_invoices", {
                  subscriptionId: subscription.id,
                })}
              >
                {translate("app.see_all")}
              </Button>
            }
          >
            <Invoices subscription={subscription} />
          </Panel>
        </Box>
      </Box>
    </RecordPage>
  );
};
