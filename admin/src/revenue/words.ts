import { useLocale, useTranslate } from "react-admin";

import { useCurrencies } from "../components/useLookups.ts";
import {
  formatCount,
  formatMoney,
  formatMoneyChange,
  formatMoneyShort,
} from "../format.ts";

/** "94.3 %" or, of a change, "+1.2 points". */
export const formatRatio = (ratio: number, locale = "en"): string =>
  new Intl.NumberFormat(locale, {
    style: "percent",
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  }).format(ratio);

export const formatTimes = (ratio: number, locale = "en"): string =>
  `${new Intl.NumberFormat(locale, {
    minimumFractionDigits: 1,
    maximumFractionDigits: 2,
  }).format(ratio)}x`;

/** How values of revenue are written: US cents, counts, ratios; null is "No data". */
export const useRevenueWords = () => {
  const locale = useLocale();
  const translate = useTranslate();
  const { exponentOf } = useCurrencies();
  const digits = exponentOf("usd");
  const none = translate("app.no_data");
  const or =
    (words: (value: number) => string) => (value: number | null | undefined) =>
      value == null ? none : words(value);
  return {
    none,
    usd: or((minor) => formatMoney(minor, "usd", digits, locale)),
    usdShort: or((minor) => formatMoneyShort(minor, "usd", digits, locale)),
    usdChange: or((minor) => formatMoneyChange(minor, "usd", digits, locale)),
    count: or((value) => formatCount(value, locale)),
    ratio: or((value) => formatRatio(value, locale)),
    times: or((value) => formatTimes(value, locale)),
  };
};
