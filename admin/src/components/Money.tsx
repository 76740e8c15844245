import Typography from "@mui/material/Typography";
import { useLocale, useTranslate } from "react-admin";

import { formatMoney, formatMoneyChange } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import { useCurrencies } from "./useLookups.ts";

type Amount = {
  minor: number | null | undefined;
  currency: string | null | undefined;
};

const numbers = {
  fontVariantNumeric: "tabular-nums",
  whiteSpace: "nowrap",
} as const;

const Unknown = () => {
  const translate = useTranslate();
  return (
    <Typography component="span" variant="inherit" color="textSecondary">
      <span aria-hidden="true">–</span>
      <span className="visually-hidden">{translate("app.unknown")}</span>
    </Typography>
  );
};

export const Money = ({ minor, currency }: Amount) => {
  const locale = useLocale();
  const { exponentOf } = useCurrencies();
  if (minor == null || currency == null) return <Unknown />;
  return (
    <span style={numbers}>
      {formatMoney(minor, currency, exponentOf(currency), locale)}
    </span>
  );
};

/** An amount with its sign, which says more than its colour. */
export const MoneyChange = ({ minor, currency }: Amount) => {
  const locale = useLocale();
  const c = useTokens();
  const { exponentOf } = useCurrencies();
  if (minor == null || currency == null) return <Unknown />;
  return (
    <span
      style={{
        ...numbers,
        color: minor > 0 ? c.success : minor < 0 ? c.error : c.quiet,
      }}
    >
      {formatMoneyChange(minor, currency, exponentOf(currency), locale)}
    </span>
  );
};
