/**
 * The periods of the revenue pages: whole days in UTC, half-open. Pure; the
 * address holds them, so that a page can be shared.
 */
export const PERIODS = [
  "this_month",
  "last_month",
  "this_quarter",
  "year_to_date",
  "last_12_months",
] as const;

export type PeriodName = (typeof PERIODS)[number] | "custom";

/** Days as YYYY-MM-DD; `to` is the first day that is no longer in it. */
export type Period = { name: PeriodName; from: string; to: string };

export const BUCKETS = ["day", "week", "month", "quarter"] as const;
export type Bucket = (typeof BUCKETS)[number];

const DAY_MS = 86_400_000;

const dayOf = (moment: number): string =>
  new Date(moment).toISOString().slice(0, 10);

const parts = (day: string): [year: number, month: number, day: number] => {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return [year, month - 1, date];
};

/** The same day so many months later; the last of a shorter month. */
export function addMonths(day: string, months: number): string {
  const [year, month, date] = parts(day);
  const last = new Date(Date.UTC(year, month + months + 1, 0)).getUTCDate();
  return dayOf(Date.UTC(year, month + months, Math.min(date, last)));
}

export const addDays = (day: string, days: number): string =>
  dayOf(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS);

export const daysBetween = (from: string, to: string): number =>
  Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);

/** A period that is still going on ends with today. */
export function namedPeriod(name: (typeof PERIODS)[number], now: Date): Period {
  const today = dayOf(now.getTime());
  const tomorrow = addDays(today, 1);
  const [year, month] = parts(today);
  const firstOf = (inMonth: number) => dayOf(Date.UTC(year, inMonth, 1));
  switch (name) {
    case "this_month":
      return { name, from: firstOf(month), to: tomorrow };
    case "last_month":
      return { name, from: firstOf(month - 1), to: firstOf(month) };
    case "this_quarter":
      return { name, from: firstOf(month - (month % 3)), to: tomorrow };
    case "year_to_date":
      return { name, from: firstOf(0), to: tomorrow };
    case "last_12_months":
      return { name, from: addMonths(tomorrow, -12), to: tomorrow };
  }
}

const LONGEST_DAYS = 3_700;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

const isDay = (text: string | null): text is string =>
  text !== null &&
  DAY.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  dayOf(Date.parse(text)) === text;

/** Whether somebody may ask for it: it ends after it begins, within ten years. */
export const isPeriod = (from: string | null, to: string | null): boolean =>
  isDay(from) &&
  isDay(to) &&
  from < to &&
  daysBetween(from, to) <= LONGEST_DAYS;

/** What the address asks for; anything else is this month. */
export function readPeriod(search: URLSearchParams, now: Date): Period {
  const name = search.get("period");
  const from = search.get("from");
  const to = search.get("to");
  if (
    (name === "custom" || name === null) &&
    isPeriod(from, to) &&
    from !== null &&
    to !== null
  ) {
    return { name: "custom", from, to };
  }
  return namedPeriod(
    PERIODS.find((known) => known === name) ?? "this_month",
    now,
  );
}

/** What makes this period, in an address. */
export function periodParams(period: Period): Record<string, string> {
  return period.name === "custom"
    ? { from: period.from, to: period.to }
    : { period: period.name };
}

/** The same days wherever they are opened, and whenever. */
export const fixedParams = ({ from, to }: Period): Record<string, string> => ({
  from,
  to,
});

/** The same part of the month, quarter or year before; of any other period as many days before it. */
export function previousPeriod(period: Period): Period {
  const months = {
    this_month: 1,
    last_month: 1,
    this_quarter: 3,
    year_to_date: 12,
    last_12_months: 12,
    custom: 0,
  }[period.name];
  const isWholeMonths =
    period.name === "custom" &&
    period.from.endsWith("-01") &&
    period.to.endsWith("-01");
  if (isWholeMonths) {
    const [y0, m0] = parts(period.from);
    const [y1, m1] = parts(period.to);
    const length = (y1 - y0) * 12 + m1 - m0;
    return {
      name: "custom",
      from: addMonths(period.from, -length),
      to: period.from,
    };
  }
  if (months === 0) {
    const days = daysBetween(period.from, period.to);
    return {
      name: "custom",
      from: addDays(period.from, -days),
      to: period.from,
    };
  }
  const from = addMonths(period.from, -months);
  // The end of October 31st, a month before, is that of September 30th.
  const to = addMonths(period.to, -months);
  return { name: "custom", from, to: to > period.from ? period.from : to };
}

/** As the API takes a moment. */
export const startOf = (day: string): string => `${day}T00:00:00Z`;

/** Buckets a chart of this length can show: 2 to 400 of them. */
export function bucketsFor(period: Period): Bucket[] {
  const days = daysBetween(period.from, period.to);
  const length: Record<Bucket, number> = {
    day: 1,
    week: 7,
    month: 30,
    quarter: 91,
  };
  const fit = BUCKETS.filter(
    (bucket) =>
      days / length[bucket] <= 400 &&
      (bucket === "day" || days > length[bucket]),
  );
  return fit.length === 0 ? ["day"] : fit;
}

export function bucketFor(period: Period, asked: string | null): Bucket {
  const offered = bucketsFor(period);
  const days = daysBetween(period.from, period.to);
  const best: Bucket =
    days <= 62
      ? "day"
      : days <= 200
        ? "week"
        : days <= 1_100
          ? "month"
          : "quarter";
  return (
    offered.find((bucket) => bucket === asked) ??
    offered.find((bucket) => bucket === best) ??
    offered[0] ??
    "day"
  );
}

/** "1 Nov 2026", without moving with the reader's time zone. */
export const dayText = (day: string, locale = "en"): string =>
  new Intl.DateTimeFormat(locale, {
    dateStyle: "medium",
    timeZone: "UTC",
  }).format(new Date(startOf(day)));
