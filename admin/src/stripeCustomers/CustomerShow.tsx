import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import {
  LinkBase,
  ListBase,
  useGetList,
  useGetOne,
  useParams,
  useTranslate,
} from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import { Facts } from "../components/Facts.tsx";
import { Panel } from "../components/Panel.tsx";
import { RecordPage, RecordPending } from "../components/RecordPage.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { HistoryPanel } from "../history/HistoryPanel.tsx";
import { listLink } from "../home/CategoryPanel.tsx";
import { NotFoundPage } from "../layout/ErrorPage.tsx";
import { eventColumns } from "../stripeEvents/columns.ts";
import { EventStatusChip } from "../stripeEvents/EventStatusChip.tsx";
import { EventType } from "../stripeEvents/EventType.tsx";
import type { StripeEvent } from "../stripeEvents/types.ts";
import { subscriptionColumns } from "../subscriptions/columns.ts";
import { SubscriptionTable } from "../subscriptions/SubscriptionList.tsx";
import type { Subscription } from "../subscriptions/types.ts";
import { useSession } from "../useSession.ts";
import { customerColumns } from "./columns.ts";
import { OwnerLink } from "./CustomerList.tsx";
import { LinkButton } from "./LinkButton.tsx";
import type { Customer } from "./types.ts";

const Subscriptions = ({ customer }: { customer: Customer }) => {
  const translate = useTranslate();
  return (
    <Panel
      title={translate("subscriptions.title")}
      action={
        <Button
          component={LinkBase}
          size="small"
          to={listLink("stripe_subscriptions", { customerId: customer.id })}
        >
          {translate("app.see_all")}
        </Button>
      }
    >
      <ListBase<Subscription>
        resource="stripe_subscriptions"
        perPage={10}
        sort={{ field: "mrrUsdMinor", order: "DESC" }}
        filter={{ customerId: customer.id }}
        queryOptions={{ meta: { columns: subscriptionColumns } }}
        exporter={false}
        disableSyncWithLocation
        storeKey={false}
      >
        <Box sx={{ overflowX: "auto", mx: { xs: -2, sm: 0 } }}>
          <SubscriptionTable />
        </Box>
      </ListBase>
    </Panel>
  );
};

const Events = ({ customer }: { customer: Customer }) => {
  const translate = useTranslate();
  const { data } = useGetList<StripeEvent>("stripe_events", {
    pagination: { page: 1, perPage: 20 },
    sort: { field: "created", order: "DESC" },
    filter: { objectId: customer.id },
    meta: { total: false, columns: eventColumns },
  });
  return (
    <Panel title={translate("customers.events")}>
      {data === undefined ? (
        <Skeleton variant="rounded" height={80} />
      ) : data.length === 0 ? (
        <Typography color="textSecondary">
          {translate("subscriptions.no_events")}
        </Typography>
      ) : (
        <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
          {data.map((event) => (
            <Box
              component="li"
              key={event.id}
              sx={{
                display: "flex",
                gap: 1.5,
                py: 0.75,
                flexWrap: "wrap",
                alignItems: "center",
              }}
            >
              <Link
                component={LinkBase}
                to={`/stripe_events/${encodeURIComponent(event.id)}/show`}
                color="inherit"
                sx={{ flex: "1 1 200px" }}
              >
                <EventType type={event.type} />
              </Link>
              <EventStatusChip status={event.status} />
              <Typography variant="caption" color="textSecondary">
                <RelativeTime value={event.created} isPast />
              </Typography>
            </Box>
          ))}
        </Box>
      )}
    </Panel>
  );
};

export const CustomerShow = () => {
  const { id: raw = "" } = useParams<{ id: string }>();
  const id = decodeURIComponent(raw);
  const translate = useTranslate();
  const { can } = useSession();
  const resource = useCatalog().byName.get("stripe_customers");
  const { data: customer, error } = useGetOne<Customer>(
    "stripe_customers",
    { id, meta: { columns: customerColumns } },
    { retry: false },
  );
  if (error) return <NotFoundPage />;
  if (customer === undefined) {
    return <RecordPending title="customers.one" />;
  }
  const name = customer.name || customer.email || customer.id;
  const isLinked = customer.brandId !== null || customer.userId !== null;
  return (
    <RecordPage
      title="customers.one"
      back={{ to: "/stripe_customers", label: "customers.back" }}
      heading={name}
      below={
        <Typography color="textSecondary" component="div">
          {translate("customers.belongs")} <OwnerLink customer={customer} />
        </Typography>
      }
      action={
        can("stripe_customers", "edit") && (
          <LinkButton
            customerId={customer.id}
            name={name}
            label={translate(
              isLinked ? "customers.link.relink" : "customers.link.button",
            )}
            variant={isLinked ? "outlined" : "contained"}
          />
        )
      }
    >
      <Subscriptions customer={customer} />
      <Panel title={translate("customers.details")}>
        <Facts
          facts={[
            ["customers.fields.email", customer.email],
            ["customers.fields.currency", customer.currency?.toUpperCase()],
            [
              "customers.fields.created",
              customer.created && (
                <RelativeTime key="c" value={customer.created} isPast />
              ),
            ],
            [
              "customers.fields.deleted",
              translate(customer.deleted ? "catalog.yes" : "catalog.no"),
            ],
            [
              "customers.fields.invoices",
              <Link
                key="i"
                component={LinkBase}
                to={listLink("stripe_invoices", { customerId: customer.id })}
                color="inherit"
              >
                {translate("app.see_all")}
              </Link>,
            ],
            ["customers.fields.id", customer.id],
          ]}
        />
      </Panel>
      <Events customer={customer} />
      {resource !== undefined && (
        <Panel title={translate("catalog.history")}>
          <HistoryPanel resource={resource} record={customer} />
        </Panel>
      )}
    </RecordPage>
  );
};
