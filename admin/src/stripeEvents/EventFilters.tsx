import Autocomplete from "@mui/material/Autocomplete";
import TextField from "@mui/material/TextField";
import { useTranslate } from "react-admin";

import {
  FilterChoice,
  FilterDays,
  FilterFrame,
  FilterSelect,
  FilterText,
  useFilter,
  useFilterValues,
} from "../components/ListFilters.tsx";
import { EVENT_STATUSES, EVENT_TYPES } from "./types.ts";

const TypeFilter = () => {
  const translate = useTranslate();
  const [value, set] = useFilter("type");
  return (
    <Autocomplete
      freeSolo
      options={[...EVENT_TYPES]}
      value={value === "" ? null : value}
      onChange={(_event, next) => set(next?.trim() ?? "")}
      renderInput={(params) => (
        <TextField
          {...params}
          label={translate("inbox.fields.type")}
          margin="none"
          slotProps={{
            ...params.slotProps,
            inputLabel: { ...params.slotProps.inputLabel, shrink: true },
          }}
        />
      )}
    />
  );
};

/** Whether there is any: more than none delivered again, an error. */
const AnyFilter = ({
  label,
  yes,
  yesText,
}: {
  label: string;
  yes: readonly [key: string, value: unknown];
  yesText: string;
}) => {
  const { values, change } = useFilterValues();
  const [key, value] = yes;
  return (
    <FilterSelect
      label={label}
      value={values[key] === undefined ? "" : "yes"}
      choices={[{ value: "yes", text: yesText }]}
      onChange={(next) => change({ [key]: next === "" ? undefined : value })}
    />
  );
};

export const EventFilters = () => {
  const translate = useTranslate();
  const { values, change } = useFilterValues();
  const word = (status: string) =>
    translate(`inbox.status.${status}`, { _: status });
  const objectId = values["objectId"];
  return (
    <FilterFrame
      label={translate("lists.filters")}
      count={Object.keys(values).length}
    >
      <FilterChoice
        name="status"
        label={translate("inbox.fields.status")}
        choices={EVENT_STATUSES.map((status) => ({
          value: status,
          text: word(status),
        }))}
        wordsOf={word}
      />
      <TypeFilter />
      <FilterText
        label={translate("inbox.fields.objectId")}
        value={typeof objectId === "string" ? objectId : ""}
        onChange={(text) =>
          change({ objectId: text === "" ? undefined : text })
        }
      />
      <FilterDays
        name="created"
        from={translate("revenue.period.from")}
        until={translate("revenue.period.until")}
      />
      <AnyFilter
        label={translate("inbox.fields.duplicates")}
        yes={["duplicates@gt", 0]}
        yesText={translate("inbox.filters.duplicates")}
      />
      <AnyFilter
        label={translate("inbox.fields.lastError")}
        yes={["lastError@isNull", false]}
        yesText={translate("inbox.filters.error")}
      />
    </FilterFrame>
  );
};
