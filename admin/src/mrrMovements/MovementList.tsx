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
import { MoneyChange } from "../components/Money.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { formatCount } from "../format.ts";
import { dayText } from "../revenue/period.ts";
import { movementColumns } from "./columns.ts";
import { MovementFilters } from "./MovementFilters.tsx";
import {
  AccountLink,
  BeforeAfter,
  DayAndAge,
  KindChip,
  SourceLink,
  SubscriptionLink,
} from "./MovementParts.tsx";
import type { Movement } from "./types.ts";
import { accountName } from "./types.ts";

const pageOf = ({ id }: Movement) => `/mrr_movements/${id}/show`;

/** What the rows of all pages come to, as the database sums them. */
const Summed = () => {
  const translate = useTranslate();
  const { filterValues } = useListContext();
  const { data } = useAggregates("mrr_movements", {
    filter: (filterValues ?? {}) as Record<string, unknown>,
    sum: ["deltaUsdMinor"],
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
      {translate("movements.count", {
        smart_count: count,
        count: formatCount(count),
      })}{" "}
      <Box component="span" sx={{ fontWeight: 600 }}>
        <MoneyChange
          minor={Number(data.totals?.sum?.["deltaUsdMinor"] ?? 0)}
          currency="usd"
        />
      </Box>
    </Typography>
  );
};

export const MovementTable = ({
  isOfAccount = false,
}: {
  /** All of one account, on its own page: no name, no sorting. */
  isOfAccount?: boolean;
}) => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<Movement>
        to={pageOf}
        primary={accountName}
        secondary={(movement) => (
          <>
            {dayText(movement.occurredAt.slice(0, 10))} ·{" "}
            <BeforeAfter {...movement} />
          </>
        )}
        aside={(movement) => (
          <Box sx={{ textAlign: "right" }}>
            <Typography variant="subtitle2" component="div">
              <MoneyChange minor={movement.deltaUsdMinor} currency="usd" />
            </Typography>
            <KindChip {...movement} />
          </Box>
        )}
      />
    );
  }
  return (
    <DataTable<Movement> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col<Movement>
        source="occurredAt"
        label={translate("movements.fields.occurredAt")}
        disableSort={isOfAccount}
        render={(movement) => (
          <RowLink to={pageOf(movement)}>
            <DayAndAge at={movement.occurredAt} />
          </RowLink>
        )}
      />
      {!isOfAccount && (
        <DataTable.Col<Movement>
          source="account"
          label={translate("movements.fields.account")}
          disableSort
          render={(movement) => <AccountLink of={movement} />}
        />
      )}
      <DataTable.Col<Movement>
        source="kind"
        label={translate("movements.fields.kind")}
        disableSort
        render={(movement) => <KindChip {...movement} />}
      />
      <DataTable.Col<Movement>
        source="deltaUsdMinor"
        label={translate("movements.fields.deltaUsdMinor")}
        disableSort
        align="right"
        render={(movement) => (
          <Box component="span" sx={{ fontWeight: 600 }}>
            <MoneyChange minor={movement.deltaUsdMinor} currency="usd" />
          </Box>
        )}
      />
      <DataTable.Col<Movement>
        source="beforeUsdMinor"
        label={translate("movements.fields.before_after")}
        disableSort
        align="right"
        render={(movement) => <BeforeAfter {...movement} />}
      />
      <DataTable.Col<Movement>
        source="sourceEventId"
        label={translate("movements.fields.sourceEventId")}
        disableSort
        render={(movement) => <SourceLink movement={movement} />}
      />
      <DataTable.Col<Movement>
        source="subscriptionId"
        label={translate("movements.fields.subscriptionId")}
        disableSort
        render={(movement) => <SubscriptionLink id={movement.subscriptionId} />}
      />
    </DataTable>
  );
};

export const MovementList = () => {
  const translate = useTranslate();
  return (
    <OpensWithView name="mrr_movements">
      <Title title={translate("movements.title")} />
      <Box sx={{ mt: 1.5 }}>
        <ListBase<Movement>
          perPage={25}
          sort={{ field: "occurredAt", order: "DESC" }}
          exporter={false}
          queryOptions={{ meta: { keyset: true, columns: movementColumns } }}
        >
          <ListBody
            empty={{ title: "revenue.empty_title", body: "revenue.empty_body" }}
            filters={<MovementFilters />}
            summed={<Summed />}
          >
            <MovementTable />
          </ListBody>
        </ListBase>
      </Box>
    </OpensWithView>
  );
};
