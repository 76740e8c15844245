/** Tells a person what start-up is doing, and how long each step took. */
export type Steps = {
  run<T>(
    name: string,
    step: () => Promise<T>,
    tell?: (result: T) => string,
  ): Promise<T>;
};

export function makeSteps(write: (line: string) => void): Steps {
  return {
    run: async (name, step, tell) => {
      const startedAt = performance.now();
      try {
        const result = await step();
        const detail = tell?.(result);
        write(
          `  ✓ ${name}${detail ? `: ${detail}` : ""}  (${duration(startedAt)})`,
        );
        return result;
      } catch (error) {
        write(`  ✗ ${name}  (${duration(startedAt)})`);
        throw error;
      }
    },
  };
}

function duration(startedAt: number): string {
  const ms = performance.now() - startedAt;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
