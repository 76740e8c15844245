/** How plain values read. Pure: the locale is a parameter. */

/** 1234 → "1.2 s"; below a second in milliseconds, above an hour in hours. */
export function formatDuration(ms: number, locale = "en"): string {
  const number = (value: number, digits: number) =>
    new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(
      value,
    );
  const size = Math.abs(ms);
  if (size < 1000) return `${number(ms, 0)} ms`;
  if (size < 60_000) return `${number(ms / 1000, 1)} s`;
  if (size < 3_600_000) return `${number(ms / 60_000, 1)} min`;
  return `${number(ms / 3_600_000, 1)} h`;
}

export const formatPercent = (rate: number, locale = "en"): string =>
  new Intl.NumberFormat(locale, {
    style: "percent",
    maximumFractionDigits: 1,
  }).format(rate);

/** Years are read as names, not as amounts. */
export const formatNumber = (
  value: number,
  field: { name: string },
  locale = "en",
): string =>
  new Intl.NumberFormat(locale, {
    useGrouping: !/(^y|Y)ear$/.test(field.name),
    maximumFractionDigits: 6,
  }).format(value);

/** A day without a time: it must not move with the reader's time zone. */
export const formatDay = (value: string, locale = "en"): string =>
  new Intl.DateTimeFormat(locale, {
    dateStyle: "medium",
    timeZone: "UTC",
  }).format(new Date(`${value.slice(0, 10)}T00:00:00Z`));

/** The label of an enum's value: "past_due" → "Past due". */
export const valueLabel = (
  field: {
    values: readonly { value: string; label: string }[] | null;
  },
  value: string,
): string =>
  field.values?.find((known) => known.value === value)?.label ?? value;

/** A status in words, also where the column is text: "past_due" → "Past due". */
export const statusLabel = (
  field: Parameters<typeof valueLabel>[0],
  value: string,
): string => {
  const label = valueLabel(field, value);
  if (label !== value || !/^[a-z][a-z_]*$/.test(value)) return label;
  const words = value.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
