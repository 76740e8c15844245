import { useLocale, useTranslate } from "react-admin";

import { useCurrencies } from "../components/useLookups.ts";
import { formatCount, formatDay, formatMoney } from "../format.ts";
import type { Coming, Plan } from "./billingApi.ts";
import type { Line } from "./billingWords.ts";
import { chargeWords, intervalWords } from "./billingWords.ts";

/** Sums, days and sentences of billing as texts of the reader's language. */
export const useSay = () => {
  const translate = useTranslate();
  const locale = useLocale();
  const { exponentOf } = useCurrencies();

  const money = (minor: number, currency: string): string =>
    formatMoney(minor, currency, exponentOf(currency), locale);
  const day = (value: string | null): string =>
    value === null
      ? translate("app.unknown")
      : formatDay(new Date(value), locale);
  const count = (value: number): string => formatCount(value, locale);

  const interval = (unit: string | null, every: number | null): string => {
    const words = intervalWords(unit, every);
    return words === null
      ? ""
      : translate(words.words, { smart_count: words.count });
  };
  /** "$49.00 per month", "$49.00". */
  const price = (
    minor: number,
    currency: string,
    unit: string | null,
    every: number | null,
  ): string =>
    translate("billing.per_price", {
      amount: money(minor, currency),
      every: interval(unit, every),
    }).trim();
  const charge = (coming: Coming): string | null => {
    const words = chargeWords(coming);
    return words === null
      ? null
      : translate(words, {
          amount: money(coming.amountMinor ?? 0, coming.currency ?? ""),
        });
  };
  const sentence = ({ words, at, charge: coming }: Line): string => {
    const sum = coming === null ? null : charge(coming);
    return translate(
      coming !== null && sum === null ? `${words}_unknown` : words,
      { day: day(at), charge: sum ?? "" },
    );
  };
  /** What a plan is called by: its products, where their names are known. */
  const nameOf = ({ items }: Pick<Plan, "items">): string =>
    [...new Set(items.flatMap(({ name }) => (name === null ? [] : [name])))]
      .join(", ")
      .trim() || translate("billing.plan_unnamed");

  return { translate, money, day, count, price, charge, sentence, nameOf };
};
