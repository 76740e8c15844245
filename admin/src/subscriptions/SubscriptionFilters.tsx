import Chip from "@mui/material/Chip";
import { useTranslate } from "react-admin";

import {
  FilterChoice,
  FilterDays,
  FilterFrame,
  FilterReference,
  FilterSelect,
  useFilterValues,
} from "../components/ListFilters.tsx";
import { useCurrencies } from "../components/useLookups.ts";
import { SUBSCRIPTION_STATUSES } from "./types.ts";

const AT_RISK = [{ status: "past_due" }, { collectionPaused: true }];

/** What each choice asks; figures lead here with the very same filters. */
const WATCHED: Readonly<Record<string, Record<string, unknown>>> = {
  ending: { isEnding: true, "mrrUsdMinor@gt": 0 },
  at_risk: { or: AT_RISK, "mrrUsdMinor@gt": 0 },
  review: { mrrState: "needs_review" },
  paying: { "mrrUsdMinor@gt": 0 },
};

const KEYS = ["isEnding", "or", "mrrState", "mrrUsdMinor@gt"] as const;

const Watched = () => {
  const translate = useTranslate();
  const { values, change } = useFilterValues();
  const part = (of: Record<string, unknown>) =>
    JSON.stringify(KEYS.map((key) => of[key] ?? null));
  const chosen =
    Object.keys(WATCHED).find(
      (name) => part(WATCHED[name] ?? {}) === part(values),
    ) ?? "";
  return (
    <FilterSelect
      label={translate("subscriptions.filters.watch")}
      value={chosen}
      choices={Object.keys(WATCHED).map((value) => ({
        value,
        text: translate(`subscriptions.filters.${value}`),
      }))}
      onChange={(name) =>
        change({
          ...Object.fromEntries(KEYS.map((key) => [key, undefined])),
          ...WATCHED[name],
        })
      }
    />
  );
};

export const SubscriptionFilters = () => {
  const translate = useTranslate();
  const { values, change } = useFilterValues();
  const { currencies } = useCurrencies();
  const word = (status: string) =>
    translate(`subscriptions.status.${status}`, { _: status });
  const customerId = values["customerId"];
  return (
    <FilterFrame
      label={translate("lists.filters")}
      count={Object.keys(values).length}
    >
      <FilterChoice
        name="status"
        label={translate("subscriptions.fields.status")}
        choices={SUBSCRIPTION_STATUSES.map((status) => ({
          value: status,
          text: word(status),
        }))}
        wordsOf={word}
      />
      <Watched />
      <FilterReference
        name="customer.brandId"
        resource="brands"
        label={translate("movements.filters.brand")}
      />
      <FilterReference
        name="customer.userId"
        resource="users"
        label={translate("subscriptions.filters.shopper")}
      />
      <FilterChoice
        name="currency"
        label={translate("subscriptions.fields.currency")}
        choices={currencies.map(({ code }) => ({
          value: code,
          text: code.toUpperCase(),
        }))}
      />
      <FilterDays
        name="startedAt"
        from={translate("subscriptions.filters.started_from")}
        until={translate("subscriptions.filters.started_until")}
      />
      {typeof customerId === "string" && (
        <Chip
          label={`${translate("subscriptions.fields.customer")}: ${customerId}`}
          onDelete={() => change({ customerId: undefined })}
          sx={{ height: 40, justifySelf: "start", maxWidth: "100%" }}
        />
      )}
    </FilterFrame>
  );
};
