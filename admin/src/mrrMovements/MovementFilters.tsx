import Chip from "@mui/material/Chip";
import InputAdornment from "@mui/material/InputAdornment";
import { useTranslate } from "react-admin";

import {
  FilterChoice,
  FilterDays,
  FilterFrame,
  FilterReference,
  FilterSelect,
  FilterText,
  useFilterValues,
} from "../components/ListFilters.tsx";
import { useCurrencies } from "../components/useLookups.ts";
import { moneyText, parseSignedMoney } from "../format.ts";
import { KINDS } from "../revenue/links.ts";

/** A change of at least, or at most, so many dollars. */
const Amount = ({ side }: { side: "gte" | "lte" }) => {
  const translate = useTranslate();
  const { values, change } = useFilterValues();
  const { exponentOf } = useCurrencies();
  const digits = exponentOf("usd");
  const key = `deltaUsdMinor@${side}`;
  const minor = values[key];
  return (
    <FilterText
      label={translate(`movements.filters.${side}`)}
      value={typeof minor === "number" ? moneyText(minor, digits) : ""}
      inputMode="decimal"
      isInvalid={(text) => parseSignedMoney(text, digits) === null}
      onChange={(text) =>
        change({ [key]: parseSignedMoney(text, digits) ?? undefined })
      }
      adornment={<InputAdornment position="end">USD</InputAdornment>}
    />
  );
};

/** Chosen by a link, and taken out here. */
const Fixed = ({ name, label }: { name: string; label: string }) => {
  const { values, change } = useFilterValues();
  const value = values[name];
  if (value === undefined) return null;
  const text = Array.isArray(value) ? String(value[0]) : String(value);
  return (
    <Chip
      label={`${label}: ${text}`}
      onDelete={() => change({ [name]: undefined })}
      sx={{ height: 40, justifySelf: "start", maxWidth: "100%" }}
    />
  );
};

export const MovementFilters = () => {
  const translate = useTranslate();
  const { values, change } = useFilterValues();
  const word = (kind: string) =>
    translate(`revenue.kinds.${kind}`, { _: kind });
  const transfer = values["isTransfer"];
  return (
    <FilterFrame
      label={translate("lists.filters")}
      count={Object.keys(values).length}
    >
      <FilterChoice
        name="kind"
        label={translate("movements.fields.kind")}
        choices={KINDS.map((kind) => ({ value: kind, text: word(kind) }))}
        wordsOf={word}
      />
      <FilterReference
        name="brandId"
        resource="brands"
        label={translate("movements.filters.brand")}
      />
      <FilterDays
        name="occurredAt"
        from={translate("revenue.period.from")}
        until={translate("revenue.period.until")}
      />
      <FilterSelect
        label={translate("movements.filters.transfer")}
        value={transfer === undefined ? "" : String(transfer)}
        choices={["false", "true"].map((value) => ({
          value,
          text: translate(`movements.filters.transfer_${value}`),
        }))}
        onChange={(value) =>
          change({ isTransfer: value === "" ? undefined : value === "true" })
        }
      />
      <Amount side="gte" />
      <Amount side="lte" />
      <Fixed name="account" label={translate("movements.fields.account")} />
      <Fixed
        name="subscriptionId"
        label={translate("movements.fields.subscriptionId")}
      />
      <Fixed
        name="sourceEventId"
        label={translate("movements.fields.sourceEventId")}
      />
    </FilterFrame>
  );
};
