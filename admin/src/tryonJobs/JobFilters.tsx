import FilterListIcon from "@mui/icons-material/FilterList";
import Autocomplete from "@mui/material/Autocomplete";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { useListContext, useTranslate } from "react-admin";

import { useReferenceOptions } from "../catalog/inputs/useReferenceOptions.ts";
import { useIsPhone } from "../components/ListFrame.tsx";
import { useCategories } from "../components/useLookups.ts";
import { shortHandle, STATUSES } from "./types.ts";
import { useJobScope } from "./useJobScope.ts";

/** By the key, which begins with its moment: no list is read further back than asked. */
export const SINCE = "id@within";
const SPANS = [3_600, 86_400, 7 * 86_400, 30 * 86_400];

const PRODUCT = "garments.productId";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const useFilter = (name: string): [string, (value: string) => void] => {
  const { filterValues, setFilters } = useListContext();
  const values = (filterValues ?? {}) as Record<string, unknown>;
  // "status" is several where a figure leads here: ["failed", "expired"].
  const value = values[name];
  return [
    value === undefined || value === null
      ? ""
      : Array.isArray(value)
        ? value.join()
        : String(value),
    (next) => {
      const { [name]: _former, ...rest } = values;
      setFilters(next === "" ? rest : { ...rest, [name]: next }, {});
    },
  ];
};

const Choice = ({
  name,
  label,
  choices,
}: {
  name: string;
  label: string;
  choices: readonly { value: string; text: string }[];
}) => {
  const translate = useTranslate();
  const [value, set] = useFilter(name);
  const known = choices.some((choice) => choice.value === value);
  return (
    <TextField
      select
      label={label}
      value={value}
      margin="none"
      onChange={(event) => set(event.target.value)}
      slotProps={{
        select: { displayEmpty: true },
        inputLabel: { shrink: true },
      }}
    >
      <MenuItem value="">{translate("tryons.any")}</MenuItem>
      {choices.map((choice) => (
        <MenuItem key={choice.value} value={choice.value}>
          {choice.text}
        </MenuItem>
      ))}
      {value !== "" && !known && (
        <MenuItem value={value}>
          {value
            .split(",")
            .map((one) => translate(`tryons.status.${one}`, { _: one }))
            .join(", ")}
        </MenuItem>
      )}
    </TextField>
  );
};

/** A record of another table, found by what is typed. */
const Reference = ({
  name,
  resource,
  label,
}: {
  name: string;
  resource: string;
  label: string;
}) => {
  const [value, set] = useFilter(name);
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
        set(next?.id ?? "");
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

/** A brand knows a shopper by a handle: chosen in the list, or pasted. */
const ShopperHandle = () => {
  const translate = useTranslate();
  const [value, set] = useFilter("shopper");
  const [text, setText] = useState("");
  const isWrong = text !== "" && !UUID.test(text.trim());
  if (value !== "") {
    return (
      <Chip
        label={translate("tryons.shopper_handle", {
          handle: shortHandle(value),
        })}
        onDelete={() => set("")}
        sx={{ height: 40, justifySelf: "start" }}
      />
    );
  }
  return (
    <TextField
      label={translate("tryons.shopper")}
      placeholder={translate("tryons.shopper_paste")}
      value={text}
      margin="none"
      error={isWrong}
      helperText={isWrong ? translate("tryons.shopper_invalid") : undefined}
      onChange={(event) => {
        const next = event.target.value;
        setText(next);
        if (UUID.test(next.trim())) {
          setText("");
          set(next.trim().toLowerCase());
        }
      }}
      slotProps={{ inputLabel: { shrink: true } }}
    />
  );
};

export const JobFilters = ({ isBoard }: { isBoard: boolean }) => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  const { eyes } = useJobScope();
  const { categories } = useCategories();
  const { filterValues, setFilters } = useListContext();
  const [open, setOpen] = useState(false);
  const { status: _status, ...others } = (filterValues ?? {}) as Record<
    string,
    unknown
  >;
  const count = Object.keys(isBoard ? others : (filterValues ?? {})).length;
  const fields = (
    <Box
      role="search"
      aria-label={translate("tryons.filters")}
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
      {!isBoard && (
        <Choice
          name="status"
          label={translate("tryons.fields.status")}
          choices={STATUSES.map((value) => ({
            value,
            text: translate(`tryons.status.${value}`),
          }))}
        />
      )}
      <Choice
        name={SINCE}
        label={translate("tryons.asked")}
        choices={SPANS.map((span) => ({
          value: String(span),
          text: translate(`tryons.since.${span}`),
        }))}
      />
      <Choice
        name="categoryCode"
        label={translate("tryons.fields.categoryCode")}
        choices={categories.map(({ code, label }) => ({
          value: code,
          text: label,
        }))}
      />
      <Choice
        name="payer"
        label={translate("tryons.fields.payer")}
        choices={["user", "brand", "pro"].map((value) => ({
          value,
          text: translate(`tryons.payer.${eyes}.${value}`),
        }))}
      />
      <Reference
        name={PRODUCT}
        resource="products"
        label={translate("tryons.product")}
      />
      {eyes === "staff" && (
        <Reference
          name="userId"
          resource="users"
          label={translate("tryons.shopper")}
        />
      )}
      {eyes === "staff" && (
        <Reference
          name="brandId"
          resource="brands"
          label={translate("tryons.fields.brandId")}
        />
      )}
      {eyes === "brand" && <ShopperHandle />}
      {count > 0 && (
        <Button
          onClick={() => setFilters({}, {})}
          sx={{ justifySelf: "start", minHeight: 40 }}
        >
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
          ? translate("tryons.filters")
          : translate("tryons.filters_on", { smart_count: count })}
      </Button>
      {open && fields}
    </>
  );
};
