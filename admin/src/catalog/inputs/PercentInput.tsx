import InputAdornment from "@mui/material/InputAdornment";
import type { NumberInputProps } from "react-admin";
import { NumberInput } from "react-admin";

// A share such as 0.29 is no binary fraction: 28.999999999999996 is 29.
const exact = (value: number): number => Number(value.toPrecision(12));

/** A share between 0 and 1, written as people write it: 80 %. */
export const PercentInput = (props: NumberInputProps) => (
  <NumberInput
    {...props}
    step="any"
    format={(share: unknown) =>
      typeof share === "number" ? exact(share * 100) : ""
    }
    // What makes no number arrives as the text it is.
    parse={(typed: unknown) =>
      typeof typed === "number" ? exact(typed / 100) : null
    }
    slotProps={{
      input: {
        endAdornment: <InputAdornment position="end">%</InputAdornment>,
      },
    }}
  />
);
