/** Tells a person what start-up is doing, and how long each step took. */
export type Steps = {
  run<T>(
    name: string,
    /** May say how far it is; shown on a terminal only. */
    step: (progress: (text: string) => void) => Promise<T>,
    tell?: (result: T) => string,
  ): Promise<T>;
};

/** What a terminal offers, and a log file does not: a line that changes. */
export type Output = {
  isTTY?: boolean;
  write(text: string): unknown;
};

const CLEAR_LINE = "\r\u001b[2K";

export function makeSteps(output: Output): Steps {
  const live = output.isTTY === true;
  const line = (text: string) =>
    output.write(`${live ? CLEAR_LINE : ""}${text}\n`);
  return {
    run: async (name, step, tell) => {
      const startedAt = performance.now();
      const progress = (text: string) => {
        if (live) output.write(`${CLEAR_LINE}  … ${name}: ${text}`);
      };
      try {
        const result = await step(progress);
        const detail = tell?.(result);
        line(
          `  ✓ ${name}${detail ? `: ${detail}` : ""}  (${duration(startedAt)})`,
        );
        return result;
      } catch (error) {
        line(`  ✗ ${name}  (${duration(startedAt)})`);
        throw error;
      }
    },
  };
}

function duration(startedAt: number): string {
  const ms = performance.now() - startedAt;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
