import Box from "@mui/material/Box";
import type { CommonInputProps } from "react-admin";
import { SelectInput } from "react-admin";
import { useWatch } from "react-hook-form";

import { useCurrencies } from "../../components/useLookups.ts";
import { AmountInput } from "./AmountInput.tsx";

/** An amount, and the currency it is in. */
export const MoneyInput = ({
  currencySource,
  currencyRequired = false,
  ...props
}: CommonInputProps & {
  currencySource: string;
  currencyRequired?: boolean;
}) => {
  const { currencies } = useCurrencies();
  const currency = useWatch({ name: currencySource }) as
    string | null | undefined;
  return (
    <Box
      sx={{
        display: "grid",
        gridTemplateColumns: "minmax(0,1fr) 140px",
        gap: 2,
        width: "100%",
      }}
    >
      <AmountInput {...props} currency={currency} isFixed={false} />
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
