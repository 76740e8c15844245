import Typography from "@mui/material/Typography";
import { useLocale, useTranslate } from "react-admin";

import { formatMoney } from "../format.ts";
import { useCurrencies } from "./useLookups.ts";

export const Money = ({
  minor,
  currency,
}: {
  minor: number | null | undefined;
  currency: string | null | undefined;
}) => {
  const locale = useLocale();
  const translate = useTranslate();
  const { exponentOf } = useCurrencies();
  if (minor == null || currency == null) {
    return (
      <Typography component="span" variant="inherit" color="textSecondary">
        <span aria-hidden="true">–</span>
        <span className="visually-hidden">{translate("app.unknown")}</span>
      </Typography>
    );
  }
  return (
    <span style={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}>
      {formatMoney(minor, currency, exponentOf(currency), locale)}
    </span>
  );
};
