/** How values are written everywhere. Pure: the locale is a parameter. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const steps: readonly [Intl.RelativeTimeFormatUnit, number, number][] = [
  ["second", 1, MINUTE],
  ["minute", MINUTE, HOUR],
  ["hour", HOUR, DAY],
  ["day", DAY, 30 * DAY],
  ["month", 30.44 * DAY, 365 * DAY],
  ["year", 365.25 * DAY, Number.POSITIVE_INFINITY],
];

export function formatRelative(moment: Date, now: Date, locale = "en"): string {
  const seconds = (moment.getTime() - now.getTime()) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return seconds <= 0 ? "just now" : "in a moment";
  const [unit, length] = steps.find(([, , below]) => size < below) ?? [
    "second" as const,
    1,
  ];
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(
    Math.round(seconds / length),
    unit,
  );
}

export const formatExact = (moment: Date, locale = "en"): string =>
  new Intl.DateTimeFormat(locale, {
    dateStyle: "full",
    timeStyle: "long",
  }).format(moment);

export const formatCount = (value: number, locale = "en"): string =>
  new Intl.NumberFormat(locale).format(value);

/** Stripe keeps two digits for these, though they have none any more. */
const TWO_DIGITS_AT_STRIPE = new Set(["isk", "ugx"]);

const isCurrency = (code: string): boolean => /^[a-z]{3}$/i.test(code);

/** How many digits the minor unit of a currency has that our own list lacks. */
export function usualExponent(code: string): number {
  if (!isCurrency(code) || TWO_DIGITS_AT_STRIPE.has(code.toLowerCase())) {
    return 2;
  }
  const { maximumFractionDigits } = new Intl.NumberFormat("en", {
    style: "currency",
    currency: code,
  }).resolvedOptions();
  return maximumFractionDigits ?? 2;
}

/** Of a unit amount, which may have 12 decimals beyond the minor unit. */
const MOST_DIGITS = 12;

/** A number of some currency; a text that is no currency stands beside it as it came. */
const inCurrency = (
  amount: number,
  currency: string,
  digits: Intl.NumberFormatOptions,
  locale: string,
): string => {
  // A part that takes nothing away is 0, not −0.
  const value = amount === 0 ? 0 : amount;
  return isCurrency(currency)
    ? new Intl.NumberFormat(locale, {
        style: "currency",
        currency: currency.toUpperCase(),
        ...digits,
      }).format(value)
    : `${new Intl.NumberFormat(locale, digits).format(value)} ${currency}`;
};

/**
 * Minor units and the currency's own number of digits: 129900 eur → €1,299.00.
 * What is no whole minor unit keeps its digits: 0.25 usd → $0.0025.
 */
export function formatMoney(
  minor: number,
  currency: string,
  exponent: number,
  locale = "en",
): string {
  return inCurrency(
    minor / 10 ** exponent,
    currency,
    {
      minimumFractionDigits: exponent,
      maximumFractionDigits:
        exponent + (Number.isInteger(minor) ? 0 : MOST_DIGITS),
    },
    locale,
  );
}

/** An amount where there is little room: 1234500 usd → $12.3K, 50890 → $508.90. */
export function formatMoneyShort(
  minor: number,
  currency: string,
  exponent: number,
  locale = "en",
): string {
  const value = minor / 10 ** exponent;
  const digits = Number.isInteger(value) ? 0 : exponent;
  return inCurrency(
    value,
    currency,
    Math.abs(value) < 1000
      ? { minimumFractionDigits: digits, maximumFractionDigits: digits }
      : {
          notation: "compact",
          minimumFractionDigits: 0,
          maximumFractionDigits: 1,
        },
    locale,
  );
}

/** A change says which way it goes: +€1.00, −€1.00, €0.00. */
export const formatMoneyChange = (
  minor: number,
  currency: string,
  exponent: number,
  locale = "en",
): string =>
  `${minor > 0 ? "+" : minor < 0 ? "−" : ""}${formatMoney(Math.abs(minor), currency, exponent, locale)}`;

/** A day in words; the time of day is for those who ask. */
export const formatDay = (moment: Date, locale = "en"): string =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(moment);

/** What a person types as a price, to minor units; null when it is none. */
export function parseMoney(text: string, exponent: number): number | null {
  const clean = text.trim().replaceAll(/[\s'_]/g, "");
  if (clean === "") return null;
  // A lone comma before at most `exponent` digits is a decimal comma; every
  // other comma separates thousands.
  const decimal =
    /^\d+,\d+$/.test(clean) && exponent > 0 && !/^\d{1,3},\d{3}$/.test(clean)
      ? clean.replace(",", ".")
      : clean.replaceAll(",", "");
  const match = /^(\d{1,15})(?:\.(\d*))?$/.exec(decimal);
  if (match === null) return null;
  const [, whole = "0", fraction = ""] = match;
  if (fraction.length > exponent && /[1-9]/.test(fraction.slice(exponent))) {
    return null;
  }
  const minor = Number(
    whole + fraction.slice(0, exponent).padEnd(exponent, "0"),
  );
  return Number.isSafeInteger(minor) ? minor : null;
}

/** The same with a minus sign before it: what a change may be. */
export function parseSignedMoney(
  text: string,
  exponent: number,
): number | null {
  const [, sign = "", rest = ""] = /^\s*([-−]?)(.*)$/s.exec(text) ?? [];
  const minor = parseMoney(rest, exponent);
  return minor === null || sign === "" ? minor : -minor;
}

/** Minor units as an editable number without grouping: 129900 → "1299.00". */
export const moneyText = (minor: number, exponent: number): string =>
  (minor / 10 ** exponent).toFixed(exponent);

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
