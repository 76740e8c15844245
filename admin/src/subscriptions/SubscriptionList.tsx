import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import {
  DataTable,
  ListBase,
  Title,
  useListContext,
  useTranslate,
} from "react-admin";

import { ListBody, OpensWithView } from "../components/ListBody.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { Money } from "../components/Money.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { formatCount } from "../format.ts";
import { subscriptionColumns } from "./columns.ts";
import { SubscriptionFilters } from "./SubscriptionFilters.tsx";
import { Ends, SubscriptionChips } from "./SubscriptionParts.tsx";
import type { Subscription } from "./types.ts";
import { ownerName } from "./types.ts";

const pageOf = ({ id }: Pick<Subscription, "id">) =>
  `/stripe_subscriptions/${encodeURIComponent(id)}/show`;

const nameOf = ({ customer, customerId }: Subscription) =>
  ownerName(customer, customerId);

/** What all pages of the list are worth, as the database sums them. */
const Summed = () => {
  const translate = useTranslate();
  const { filterValues } = useListContext();
  const { data } = useAggregates("stripe_subscriptions", {
    filter: (filterValues ?? {}) as Record<string, unknown>,
    sum: ["mrrUsdMinor"],
  });
  if (data === undefined) return null;
  const count = data.total ?? 0;
  return (
    <Typography
      variant="body2"
      color="textSecondary"
      role="status"
      sx={{ fontVariantNumeric: "tabular-nums" }}
    >
      {translate("subscriptions.count", {
        smart_count: count,
        count: formatCount(count),
      })}{" "}
      <Box component="span" sx={{ fontWeight: 600, color: "text.primary" }}>
        <Money
          minor={Number(data.totals?.sum?.["mrrUsdMinor"] ?? 0)}
          currency="usd"
        />
      </Box>
    </Typography>
  );
};

/** In its own currency, and in dollars where that is another one. */
const Mrr = ({ subscription }: { subscription: Subscription }) => (
  <Money minor={subscription.mrrMinor} currency={subscription.currency} />
);

export const SubscriptionTable = () => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<Subscription>
        to={pageOf}
        primary={nameOf}
        secondary={({ plan, startedAt }) => (
          <>
            {plan ?? "–"}
            {startedAt !== null && (
              <>
                {" · "}
                <RelativeTime value={startedAt} isPast />
              </>
            )}
          </>
        )}
        aside={(subscription) => (
          <Box
            sx={{
              display: "grid",
              gap: 0.5,
              justifyItems: "end",
              maxWidth: 150,
            }}
          >
            <Typography variant="subtitle2" component="div">
              <Money minor={subscription.mrrUsdMinor} currency="usd" />
            </Typography>
            <SubscriptionChips subscription={subscription} />
          </Box>
        )}
      />
    );
  }
  return (
    <DataTable<Subscription> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col<Subscription>
        source="customerId"
        label={translate("subscriptions.fields.owner")}
        disableSort
        render={(subscription) => (
          <Box sx={{ minWidth: 160 }}>
            <RowLink to={pageOf(subscription)}>
              <Typography
                variant="subtitle2"
                component="span"
                sx={{ overflowWrap: "anywhere" }}
              >
                {nameOf(subscription)}
              </Typography>
            </RowLink>
            <Typography
              variant="caption"
              color="textSecondary"
              component="div"
              sx={{ overflowWrap: "anywhere" }}
            >
              {subscription.customer?.email ?? subscription.customerId}
            </Typography>
          </Box>
        )}
      />
      <DataTable.Col<Subscription>
        source="plan"
        label={translate("subscriptions.fields.plan")}
        disableSort
        render={({ plan }) => (
          <Box component="span" sx={{ overflowWrap: "anywhere" }}>
            {plan ?? "–"}
          </Box>
        )}
      />
      <DataTable.Col<Subscription>
        source="status"
        label={translate("subscriptions.fields.status")}
        render={(subscription) => (
          <SubscriptionChips subscription={subscription} />
        )}
      />
      <DataTable.Col<Subscription>
        source="mrrMinor"
        label={translate("subscriptions.fields.mrr")}
        disableSort
        align="right"
        render={(subscription) => <Mrr subscription={subscription} />}
      />
      <DataTable.Col<Subscription>
        source="mrrUsdMinor"
        label={translate("subscriptions.fields.mrr_usd")}
        align="right"
        render={({ mrrUsdMinor }) => (
          <Box component="span" sx={{ fontWeight: 600 }}>
            <Money minor={mrrUsdMinor} currency="usd" />
          </Box>
        )}
      />
      <DataTable.Col<Subscription>
        source="startedAt"
        label={translate("subscriptions.fields.started")}
        render={({ startedAt }) =>
          startedAt === null ? "–" : <RelativeTime value={startedAt} isPast />
        }
      />
      <DataTable.Col<Subscription>
        source="endedAt"
        label={translate("subscriptions.fields.ends")}
        disableSort
        render={(subscription) => <Ends subscription={subscription} />}
      />
    </DataTable>
  );
};

export const SubscriptionList = () => {
  const translate = useTranslate();
  return (
    <OpensWithView name="stripe_subscriptions">
      <Title title={translate("subscriptions.title")} />
      <Box sx={{ mt: 1.5 }}>
        <ListBase<Subscription>
          perPage={25}
          sort={{ field: "mrrUsdMinor", order: "DESC" }}
          exporter={false}
          queryOptions={{ meta: { columns: subscriptionColumns } }}
        >
          <ListBody
            empty={{
              title: "subscriptions.empty_title",
              body: "subscriptions.empty_body",
            }}
            filters={<SubscriptionFilters />}
            summed={<Summed />}
          >
            <SubscriptionTable />
          </ListBody>
        </ListBase>
      </Box>
    </OpensWithView>
  );
};
