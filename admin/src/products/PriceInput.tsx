import Box from "@mui/material/Box";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { SelectInput, useInput, useTranslate } from "react-admin";
import { useWatch } from "react-hook-form";

import { useCurrencies } from "../components/useLookups.ts";
import { moneyText, parseMoney } from "../format.ts";

/** A price as people write it; stored as whole minor units of its currency. */
export const PriceInput = () => {
  const translate = useTranslate();
  const { currencies, exponentOf } = useCurrencies();
  const currency = useWatch({ name: "currency" }) as string | null | undefined;
  const exponent = exponentOf(currency);
  const [text, setText] = useState<string | null>(null);

  const validate = (value: unknown) =>
    text !== null && parseMoney(text, exponent) === null && text.trim() !== ""
      ? "products.price_invalid"
      : typeof value === "number" && !currency
        ? "products.price_currency"
        : undefined;
  const { field, fieldState, id } = useInput({
    source: "priceMinor",
    validate,
  });

  const shown =
    text ??
    (typeof field.value === "number" ? moneyText(field.value, exponent) : "");

  return (
    <Box
      sx={{
        display: "grid",
        gridTemplateColumns: "1fr 140px",
        gap: 2,
        width: "100%",
      }}
    >
      <TextField
        id={id}
        inputRef={field.ref}
        label={translate("resources.products.fields.price")}
        value={shown}
        onChange={(event) => {
          setText(event.target.value);
          field.onChange(parseMoney(event.target.value, exponent));
        }}
        onBlur={() => {
          if (text !== null && parseMoney(text, exponent) !== null)
            setText(null);
          field.onBlur();
        }}
        error={fieldState.invalid}
        helperText={
          fieldState.error?.message === undefined
            ? translate("products.price_hint")
            : translate(
                fieldState.error.message.replace(
                  /^@@react-admin@@"(.*)"$/,
                  "$1",
                ),
                {
                  _: fieldState.error.message,
                },
              )
        }
        slotProps={{
          htmlInput: {
            inputMode: "decimal",
            style: { textAlign: "right", fontVariantNumeric: "tabular-nums" },
          },
        }}
      />
      <SelectInput
        source="currency"
        choices={currencies}
        optionValue="code"
        optionText={(choice: { code: string }) => choice.code.toUpperCase()}
        emptyText="–"
        helperText={false}
        sx={{ minWidth: 0 }}
        parse={(value: string) => (value === "" ? null : value)}
      />
    </Box>
  );
};
