/** What happened since the start; every count only grows. */
export type Figures = {
  requested: number;
  completed: number;
  failed: number;
  cancelled: number;
  rated: number;
  /** Not enough credits. */
  refused: number;
  toppedUp: number;
  /** Leases that ended before the work did, and everything else that went wrong. */
  errors: number;
  /** Jobs waiting or running, as the server or else the simulation counts them. */
  queue: number;
};

export const zeroFigures = (): Figures => ({
  requested: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  rated: 0,
  refused: 0,
  toppedUp: 0,
  errors: 0,
  queue: 0,
});

export function describeLine(
  seconds: number,
  now: Figures,
  before: Figures,
  elapsed: number,
): string {
  const rate = (count: number) =>
    (count / Math.max(elapsed, 0.001)).toFixed(1).padStart(5);
  return [
    `${String(Math.round(seconds)).padStart(4)} s`,
    `requested/s ${rate(now.requested - before.requested)}`,
    `completed/s ${rate(now.completed - before.completed)}`,
    `failed ${now.failed}`,
    `no credits ${now.refused}`,
    `waiting ${now.queue}`,
    `errors ${now.errors}`,
  ].join("  ");
}

export function describeEnd(seconds: number, now: Figures): string {
  const row = (label: string, count: number) =>
    `  ${label.padEnd(28)}${count.toLocaleString("en").padStart(9)}`;
  return [
    `In ${seconds.toFixed(1)} s:`,
    row("requested", now.requested),
    row("completed", now.completed),
    row("attempts failed", now.failed),
    row("cancelled", now.cancelled),
    row("rated", now.rated),
    row("refused: not enough credits", now.refused),
    row("wallets topped up", now.toppedUp),
    row("other errors", now.errors),
  ].join("\n");
}
