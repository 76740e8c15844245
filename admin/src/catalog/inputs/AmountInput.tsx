import InputAdornment from "@mui/material/InputAdornment";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import type { CommonInputProps } from "react-admin";
import { FieldTitle, useInput, useTranslate } from "react-admin";

import { useCurrencies } from "../../components/useLookups.ts";
import { moneyText, parseMoney } from "../../format.ts";

/**
 * An amount as people write it, kept as whole minor units of a currency that is
 * known: chosen beside it, or always the same.
 */
export const AmountInput = ({
  currency,
  isFixed = true,
  ...props
}: CommonInputProps & {
  currency: string | null | undefined;
  /** Always this one, so it stands in the field. */
  isFixed?: boolean;
}) => {
  const translate = useTranslate();
  const { exponentOf } = useCurrencies();
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
  const hint =
    typeof props.helperText === "string"
      ? translate(props.helperText, { _: props.helperText })
      : isFixed
        ? undefined
        : translate("catalog.money_hint");
  return (
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
        message === undefined ? hint : translate(message, { _: message })
      }
      slotProps={{
        input:
          isFixed && currency
            ? {
                endAdornment: (
                  <InputAdornment position="end">
                    {currency.toUpperCase()}
                  </InputAdornment>
                ),
              }
            : {},
        htmlInput: {
          inputMode: "decimal",
          style: { textAlign: "right", fontVariantNumeric: "tabular-nums" },
        },
      }}
    />
  );
};
