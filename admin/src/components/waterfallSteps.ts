export type WaterfallStep = {
  low: number;
  high: number;
  /** Where the next step begins. */
  after: number;
};

/**
 * Where each bar of a waterfall stands. The first and the last value are totals,
 * those between are changes, which may lead below zero and back.
 */
export function waterfallSteps(values: readonly number[]): WaterfallStep[] {
  let level = 0;
  return values.map((value, at) => {
    const isTotal = at === 0 || at === values.length - 1;
    const begins = isTotal ? 0 : level;
    level = begins + value;
    return {
      low: Math.min(begins, level),
      high: Math.max(begins, level),
      after: level,
    };
  });
}
