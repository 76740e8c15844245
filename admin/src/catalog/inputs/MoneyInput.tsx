import Box from "@mui/material/Box";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import type { CommonInputProps } from "react-admin";
import { FieldTitle, SelectInput, useInput, useTranslate } from "react-admin";
import { useWatch } from "react-hook-form";

import { useCurrencies } from "../../components/useLookups.ts";
import { moneyText, parseMoney } from "../../format.ts";

/** An amount as people write it; kept as whole minor units of its currency. */
export const MoneyInput = ({
  currencySource,
  currencyRequired = false,
  ...props
}: CommonInputProps & {
  currencySource: string;
  currencyRequired?: boolean;
}) => {
  const translate = useTranslate();
  const { currencies, exponentOf } = useCurrencies();
  const currency = useWatch({ name: currencySource }) as
    string | null | undefined;
  const exponent = exponentOf(currency);
  const [text, setText] = useState<string | null>(null);
  const { field, fieldState, id, isRequired } = useInput({
    ...props,
    validate: [
      ...[props.validate ?? []].flat(),
      (value: unknown) =>
        text !== null &&
        text.trim() !== "" &&
        parseMoney(text, exponent) === null
          ? "products.price_invalid"
          : typeof value === "number" && !currency
            ? "products.price_currency"
            : undefined,
    ],
  });
  const shown =
    text ??
    (typeof field.value === "number" ? moneyText(field.value, exponent) : "");
  const message = fieldState.error?.message?.replace(
    /^@@react-admin@@"?(.*?)"?$/,
    "$1",
  );
  return (
    <Box
      sx={{
        display: "grid",
        gridTemplateColumns: "minmax(0,1fr) 140px",
        gap: 2,
        width: "100%",
      }}
    >
      <TextField
        id={id}
        inputRef={field.ref}
        name={field.name}
        label={
          <FieldTitle
            label={props.label}
            source={props.source}
            isRequired={isRequired}
          />
        }
        value={shown}
        onChange={(event) => {
          setText(event.target.value);
          field.onChange(parseMoney(event.target.value, exponent));
        }}
        onBlur={() => {
          if (text !== null && parseMoney(text, exponent) !== null) {
            setText(null);
          }
          field.onBlur();
        }}
        error={fieldState.invalid}
        helperText={
          message === undefined
            ? typeof props.helperText === "string"
              ? props.helperText
              : translate("catalog.money_hint")
            : translate(message, { _: message })
        }
        slotProps={{
          htmlInput: {
            inputMode: "decimal",
            style: { textAlign: "right", fontVariantNumeric: "tabular-nums" },
          },
        }}
      />
      <SelectInput
        source={currencySource}
        label="catalog.currency"
        choices={currencies}
        optionValue="code"
        optionText={(choice: { code: string }) => choice.code.toUpperCase()}
        emptyText="–"
        helperText={false}
        isRequired={currencyRequired}
        sx={{ minWidth: 0 }}
        parse={(value: string) => (value === "" ? null : value)}
      />
    </Box>
  );
};
