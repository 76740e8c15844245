const FIRST_MS = 250;
const LAST_MS = 5_000;
const TOGETHER_MS = 10 * 60_000;

/**
 * How long to wait before asking again whether the transactions of a moment have
 * ended. Nearly all end within a second; one that stays open for hours (a
 * migration, a forgotten session) must not be asked after all that time.
 */
export function* settleWaits(): Generator<number, void> {
  let waited = 0;
  for (let wait = FIRST_MS; ; wait = Math.min(wait * 2, LAST_MS)) {
    if (waited + wait > TOGETHER_MS) return;
    waited += wait;
    yield wait;
  }
}
