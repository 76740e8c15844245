import Autocomplete from "@mui/material/Autocomplete";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import InputAdornment from "@mui/material/InputAdornment";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import type { FormEvent } from "react";
import { useState } from "react";
import { useTranslate } from "react-admin";

import { useFacet } from "../../components/useFacet.ts";
import { useCurrencies } from "../../components/useLookups.ts";
import { moneyText, parseSignedMoney } from "../../format.ts";
import type { AdminResource } from "../adopt.ts";
import { useReferenceOptions } from "../inputs/useReferenceOptions.ts";
import type { Condition, FilterField, OperatorName } from "./operators.ts";
import { isComplete, operandOf, operatorsFor } from "./operators.ts";

type OperandProps = {
  resource: AdminResource;
  field: FilterField;
  value: unknown;
  onChange: (value: unknown) => void;
};

const asNumber = (text: string): number | "" =>
  text.trim() === "" || Number.isNaN(Number(text)) ? "" : Number(text);

const isDate = (field: FilterField) =>
  field.kind === "date" || field.kind === "datetime";

type SimpleProps = Omit<OperandProps, "resource"> & {
  label: string;
  autoFocus?: boolean;
};

/** An amount as people write it; asked for in minor units. */
const Amount = ({
  currency,
  value,
  onChange,
  label,
  autoFocus = false,
}: SimpleProps & { currency: string }) => {
  const { exponentOf } = useCurrencies();
  const exponent = exponentOf(currency);
  const [text, setText] = useState(
    typeof value === "number" ? moneyText(value, exponent) : "",
  );
  const minor = parseSignedMoney(text, exponent);
  return (
    <TextField
      label={label}
      autoFocus={autoFocus}
      value={text}
      error={text.trim() !== "" && minor === null}
      onChange={(event) => {
        setText(event.target.value);
        onChange(parseSignedMoney(event.target.value, exponent));
      }}
      slotProps={{
        input: {
          endAdornment: (
            <InputAdornment position="end">
              {currency.toUpperCase()}
            </InputAdornment>
          ),
        },
        htmlInput: { inputMode: "decimal" },
      }}
    />
  );
};

const Simple = (props: SimpleProps) => {
  const { field, value, onChange, label, autoFocus = false } = props;
  const currency = field.widget?.options["currencyCode"];
  if (currency !== undefined) return <Amount {...props} currency={currency} />;
  const numeric = ["int", "float", "bigint", "numeric"].includes(field.kind);
  return (
    <TextField
      label={label}
      autoFocus={autoFocus}
      type={isDate(field) ? "date" : numeric ? "number" : "text"}
      value={value ?? ""}
      onChange={(event) =>
        onChange(numeric ? asNumber(event.target.value) : event.target.value)
      }
      slotProps={{
        inputLabel: isDate(field) ? { shrink: true } : {},
        htmlInput: numeric ? { step: "any" } : {},
      }}
    />
  );
};

const ReferenceOperand = ({ field, value, onChange }: OperandProps) => {
  const translate = useTranslate();
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const ids = Array.isArray(value) ? value.map(String) : [];
  const { options, chosen, isFetching } = useReferenceOptions(
    field.reference?.resource ?? "",
    { text, open, ids },
  );
  const selected = ids.map(
    (id) =>
      chosen.find((option) => option.id === id) ??
      options.find((option) => option.id === id) ?? { id, label: "…" },
  );
  return (
    <Autocomplete
      multiple
      open={open}
      onOpen={() => setOpen(true)}
      onClose={() => setOpen(false)}
      options={options}
      filterOptions={(found) => found}
      filterSelectedOptions
      getOptionLabel={(option) => option.label}
      isOptionEqualToValue={(a, b) => a.id === b.id}
      loading={isFetching}
      loadingText={translate("catalog.searching")}
      noOptionsText={translate("catalog.nothing_found")}
      value={selected}
      onChange={(_event, next) => onChange(next.map(({ id }) => id))}
      inputValue={text}
      onInputChange={(_event, next) => setText(next)}
      renderOption={({ key: _key, ...optionProps }, option) => (
        <li key={option.id} {...optionProps}>
          {option.label}
        </li>
      )}
      renderInput={(params) => (
        <TextField {...params} autoFocus label={field.label} />
      )}
    />
  );
};

const ValuesOperand = ({ resource, field, value, onChange }: OperandProps) => {
  const [open, setOpen] = useState(false);
  // The words in use, where the API can group by them.
  const { facets } = useFacet(resource.name, field.name, {
    enabled: open && field.values === null && field.group && !field.array,
  });
  const labels = new Map(
    (field.values ?? []).map((known) => [known.value, known.label]),
  );
  const values = Array.isArray(value) ? value.map(String) : [];
  const free = field.values === null;
  return (
    <Autocomplete
      multiple
      freeSolo={free}
      open={open}
      onOpen={() => setOpen(true)}
      onClose={() => setOpen(false)}
      options={free ? facets.map((facet) => facet.value) : [...labels.keys()]}
      filterSelectedOptions
      getOptionLabel={(option) => labels.get(option) ?? option}
      renderOption={({ key, ...optionProps }, option) => (
        <li key={key} {...optionProps}>
          <span style={{ flex: 1 }}>{labels.get(option) ?? option}</span>
          <Typography variant="caption" color="textSecondary">
            {facets.find((facet) => facet.value === option)?.count}
          </Typography>
        </li>
      )}
      value={values}
      onChange={(_event, next) => onChange(next)}
      renderValue={(chosen, getItemProps) =>
        chosen.map((one, index) => {
          const { key, ...item } = getItemProps({ index });
          return (
            <Chip
              key={key}
              size="small"
              label={labels.get(one) ?? one}
              {...item}
            />
          );
        })
      }
      renderInput={(params) => (
        <TextField {...params} autoFocus label={field.label} />
      )}
    />
  );
};

const OperandInput = (props: OperandProps & { operator: OperatorName }) => {
  const translate = useTranslate();
  const { field, value, onChange, operator } = props;
  switch (operandOf(field, operator)) {
    case "none":
      return null;
    case "references":
      return <ReferenceOperand {...props} />;
    case "values":
      return <ValuesOperand {...props} />;
    case "range": {
      const [from, to] = Array.isArray(value) ? (value as unknown[]) : [];
      return (
        <Box sx={{ display: "flex", gap: 1 }}>
          <Simple
            field={field}
            label={translate("filters.from")}
            value={from}
            autoFocus
            onChange={(next) => onChange([next, to])}
          />
          <Simple
            field={field}
            label={translate("filters.to")}
            value={to}
            onChange={(next) => onChange([from, next])}
          />
        </Box>
      );
    }
    default:
      return <Simple {...props} label={field.label} autoFocus />;
  }
};

/** One question of a column: how it is compared, and with what. */
export const ConditionEditor = ({
  resource,
  field,
  condition,
  onApply,
  onRemove,
}: {
  resource: AdminResource;
  field: FilterField;
  condition: Condition | null;
  onApply: (condition: Condition) => void;
  onRemove?: (() => void) | undefined;
}) => {
  const translate = useTranslate();
  const operators = operatorsFor(field);
  const [operator, setOperator] = useState<OperatorName>(
    condition?.operator ?? operators[0] ?? "is",
  );
  const [value, setValue] = useState<unknown>(condition?.value ?? null);
  const next: Condition = { field: field.name, operator, value };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    if (isComplete(field, next)) onApply(next);
  };
  return (
    <Box
      component="form"
      onSubmit={submit}
      sx={{ p: 2, width: 320, maxWidth: "92vw" }}
    >
      <Typography component="h2" variant="subtitle1" sx={{ mb: 0.5 }}>
        {field.label}
      </Typography>
      {operators.length > 1 && (
        <TextField
          select
          label={translate("filters.operator")}
          value={operator}
          onChange={(event) => {
            const chosen = event.target.value as OperatorName;
            if (operandOf(field, chosen) !== operandOf(field, operator)) {
              setValue(null);
            }
            setOperator(chosen);
          }}
        >
          {operators.map((name) => (
            <MenuItem key={name} value={name}>
              {translate(`filters.operators.${name}`)}
            </MenuItem>
          ))}
        </TextField>
      )}
      <OperandInput
        resource={resource}
        field={field}
        operator={operator}
        value={value}
        onChange={setValue}
      />
      {field.widget?.options["currency"] !== undefined && (
        <Typography variant="caption" color="textSecondary" component="p">
          {translate("filters.minor_units")}
        </Typography>
      )}
      <Box sx={{ display: "flex", gap: 1, mt: 1.5 }}>
        <Button
          type="submit"
          variant="contained"
          disabled={!isComplete(field, next)}
        >
          {translate("filters.apply")}
        </Button>
        {onRemove && (
          <Button onClick={onRemove}>{translate("filters.remove")}</Button>
        )}
      </Box>
    </Box>
  );
};
