/** "40 s", "3 min 20 s", "2 h 5 min": a time span in its largest parts, two or fewer. */
export function formatSpan(seconds: number, most = 2): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3_600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + most)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}

/** "820 ms", "1.2 s", "14 s", "2 min 5 s". */
export function formatMs(ms: number, locale = "en"): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 10_000) {
    const seconds = new Intl.NumberFormat(locale, {
      maximumFractionDigits: 1,
    }).format(ms / 1_000);
    return `${seconds} s`;
  }
  return formatSpan(ms / 1_000);
}

export const formatShare = (share: number, locale = "en"): string =>
  new Intl.NumberFormat(locale, {
    style: "percent",
    maximumFractionDigits: 1,
  }).format(share);
