import FilterListIcon from "@mui/icons-material/FilterList";
import Autocomplete from "@mui/material/Autocomplete";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import type { ReactNode } from "react";
import { useState } from "react";
import { useListContext, useTranslate } from "react-admin";

import { useReferenceOptions } from "../catalog/inputs/useReferenceOptions.ts";
import { useIsPhone } from "./ListFrame.tsx";

type Values = Record<string, unknown>;

/** The filter of the list around it, and how to change it: the address follows. */
export const useFilterValues = () => {
  const { filterValues, setFilters } = useListContext();
  const values = (filterValues ?? {}) as Values;
  return {
    values,
    /** Keys that are undefined are taken out. */
    change: (changes: Values) =>
      setFilters(
        Object.fromEntries(
          Object.entries({ ...values, ...changes }).filter(
            ([, value]) => value !== undefined,
          ),
        ),
        {},
      ),
    clear: () => setFilters({}, {}),
  };
};

/** One key of the filter as text; several values with commas. */
export const useFilter = (
  name: string,
): [value: string, set: (value: string) => void] => {
  const { values, change } = useFilterValues();
  // "status" is several where a figure leads here: ["failed", "expired"].
  const value = values[name];
  return [
    value === undefined || value === null
      ? ""
      : Array.isArray(value)
        ? value.join()
        : String(value),
    (next) => change({ [name]: next === "" ? undefined : next }),
  ];
};

export type FilterOption = { value: string; text: string };

/** One of several words. What somebody else asked for stays on offer. */
export const FilterSelect = ({
  label,
  value,
  choices,
  wordsOf,
  onChange,
}: {
  label: string;
  value: string;
  choices: readonly FilterOption[];
  /** A value that is none of the choices: several of them, as a rule. */
  wordsOf?: (value: string) => string;
  onChange: (value: string) => void;
}) => {
  const translate = useTranslate();
  const isKnown = choices.some((choice) => choice.value === value);
  return (
    <TextField
      select
      label={label}
      value={value}
      margin="none"
      onChange={(event) => onChange(event.target.value)}
      slotProps={{
        select: { displayEmpty: true },
        inputLabel: { shrink: true },
      }}
    >
      <MenuItem value="">{translate("lists.any")}</MenuItem>
      {choices.map((choice) => (
        <MenuItem key={choice.value} value={choice.value}>
          {choice.text}
        </MenuItem>
      ))}
      {value !== "" && !isKnown && (
        <MenuItem value={value}>
          {wordsOf === undefined
            ? value
            : value.split(",").map(wordsOf).join(", ")}
        </MenuItem>
      )}
    </TextField>
  );
};

export const FilterChoice = ({
  name,
  ...props
}: {
  name: string;
  label: string;
  choices: readonly FilterOption[];
  wordsOf?: (value: string) => string;
}) => {
  const [value, set] = useFilter(name);
  return <FilterSelect {...props} value={value} onChange={set} />;
};

/** Words or a number; asked when they are entered, not at every letter. */
export const FilterText = ({
  label,
  value,
  onChange,
  isInvalid,
  adornment,
  inputMode = "text",
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  isInvalid?: (text: string) => boolean;
  adornment?: ReactNode;
  inputMode?: "text" | "decimal";
}) => {
  const [text, setText] = useState(value);
  const [known, setKnown] = useState(value);
  // The address changed without this field: going back, a link.
  if (value !== known) {
    setKnown(value);
    setText(value);
  }
  const isWrong = text.trim() !== "" && (isInvalid?.(text) ?? false);
  const ask = () => {
    if (!isWrong && text.trim() !== value) onChange(text.trim());
  };
  return (
    <TextField
      label={label}
      value={text}
      margin="none"
      error={isWrong}
      onChange={(event) => setText(event.target.value)}
      onBlur={ask}
      onKeyDown={(event) => {
        if (event.key === "Enter") ask();
      }}
      slotProps={{
        input: adornment === undefined ? {} : { endAdornment: adornment },
        htmlInput: { inputMode },
        inputLabel: { shrink: true },
      }}
    />
  );
};

/**
 * A day in UTC. While a year is typed it is year 2, 20 and 202 first: asked is
 * what is complete, and what is typed stays while the address follows.
 */
export const FilterDay = ({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (day: string) => void;
}) => {
  const [day, setDay] = useState(value);
  const [known, setKnown] = useState(value);
  if (value !== known) {
    setKnown(value);
    setDay(value);
  }
  return (
    <TextField
      label={label}
      type="date"
      value={day}
      margin="none"
      onChange={({ target }) => {
        setDay(target.value);
        const isComplete =
          target.value === ""
            ? !(target as HTMLInputElement).validity.badInput
            : target.value >= "1000";
        if (isComplete) onChange(target.value);
      }}
      slotProps={{
        inputLabel: { shrink: true },
        htmlInput: { max: "9999-12-31" },
      }}
    />
  );
};

/** From one day until another, which is no longer in it: a column of moments. */
export const FilterDays = ({
  name,
  from,
  until,
}: {
  name: string;
  /** What the two fields are called. */
  from: string;
  until: string;
}) => {
  const { values, change } = useFilterValues();
  const dayOf = (value: unknown) =>
    typeof value === "string" ? value.slice(0, 10) : "";
  const moment = (day: string) => (day === "" ? undefined : `${day}T00:00:00Z`);
  return (
    <>
      <FilterDay
        label={from}
        value={dayOf(values[`${name}@gte`])}
        onChange={(day) => change({ [`${name}@gte`]: moment(day) })}
      />
      <FilterDay
        label={until}
        value={dayOf(values[`${name}@lt`])}
        onChange={(day) => change({ [`${name}@lt`]: moment(day) })}
      />
    </>
  );
};

/** A record of another table, found by what is typed. */
export const FilterRecord = ({
  resource,
  label,
  value,
  onChange,
}: {
  resource: string;
  label: string;
  /** Its id; "" for any. */
  value: string;
  onChange: (id: string) => void;
}) => {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const { options, chosen, isFetching } = useReferenceOptions(resource, {
    text: open ? text : "",
    open,
    ids: value === "" ? [] : [value],
  });
  const selected =
    value === ""
      ? null
      : (chosen.find(({ id }) => id === value) ?? { id: value, label: "…" });
  return (
    <Autocomplete
      open={open}
      onOpen={() => setOpen(true)}
      onClose={() => setOpen(false)}
      options={options}
      value={selected}
      loading={isFetching}
      filterOptions={(all) => all}
      getOptionLabel={(option) => option.label}
      getOptionKey={(option) => option.id}
      isOptionEqualToValue={(a, b) => a.id === b.id}
      inputValue={open ? text : (selected?.label ?? "")}
      onInputChange={(_event, next, reason) => {
        if (reason !== "reset") setText(next);
      }}
      onChange={(_event, next) => {
        setText("");
        onChange(next?.id ?? "");
      }}
      renderInput={(params) => (
        <TextField
          {...params}
          label={label}
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

export const FilterReference = ({
  name,
  resource,
  label,
}: {
  name: string;
  resource: string;
  label: string;
}) => {
  const [value, set] = useFilter(name);
  return (
    <FilterRecord
      resource={resource}
      label={label}
      value={value}
      onChange={set}
    />
  );
};

/** The filters of a list in a row that wraps; behind a button on a phone. */
export const FilterFrame = ({
  label,
  count,
  children,
}: {
  label: string;
  /** How many are on. */
  count: number;
  children: ReactNode;
}) => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  const { clear } = useFilterValues();
  const [open, setOpen] = useState(false);
  const fields = (
    <Box
      role="search"
      aria-label={label}
      sx={{
        display: "grid",
        gap: 1.25,
        mb: 2,
        alignItems: "start",
        gridTemplateColumns: {
          xs: "minmax(0, 1fr) minmax(0, 1fr)",
          sm: "repeat(auto-fill, minmax(168px, 1fr))",
        },
      }}
    >
      {children}
      {count > 0 && (
        <Button onClick={clear} sx={{ justifySelf: "start", minHeight: 40 }}>
          {translate("lists.clear_filters")}
        </Button>
      )}
    </Box>
  );
  if (!isPhone) return fields;
  return (
    <>
      <Button
        fullWidth
        variant="outlined"
        startIcon={<FilterListIcon />}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        sx={{ mb: 1.5, minHeight: 44 }}
      >
        {count === 0
          ? label
          : translate("lists.filters_on", { label, smart_count: count })}
      </Button>
      {open && fields}
    </>
  );
};
