import { Gauge, type Registry } from "prom-client";

import type { AppDeps } from "../app.ts";

type Figures = {
  task: string;
  waiting: string;
  running: string;
  failing: string;
  dead: string;
  oldest_seconds: number | null;
};

type Reading = { queues: Figures[]; findings: number | null };

const STATES = ["waiting", "running", "failing", "dead"] as const;
const NOTHING: Reading = { queues: [], findings: null };

/**
 * The background as the database knows it, whichever process does the work. A
 * database that does not answer leaves these series out, never the others.
 */
export function registerBackgroundMetrics(
  registry: Registry,
  { pools, log }: Pick<AppDeps, "pools" | "log">,
): void {
  const query = async (): Promise<Reading> => {
    try {
      const [queues, findings] = await Promise.all([
        pools.app.query<Figures>(
          "select task, waiting, running, failing, dead, oldest_seconds from app_private.background_figures()",
        ),
        pools.app.query<{ count: number | null }>(
          "select app_private.invariant_findings() as count",
        ),
      ]);
      return { queues: queues.rows, findings: findings.rows[0]?.count ?? null };
    } catch (error) {
      log.warn({ err: error }, "the background could not be measured");
      return NOTHING;
    }
  };
  // All three are collected at once: they share one reading.
  let reading: Promise<Reading> | null = null;
  const read = () =>
    (reading ??= query().finally(() => {
      reading = null;
    }));

  new Gauge({
    name: "closetai_background_jobs",
    help: "Background jobs by task and state; dead ones are out of attempts.",
    labelNames: ["task", "state"],
    registers: [registry],
    async collect() {
      const { queues } = await read();
      this.reset();
      for (const row of queues) {
        for (const state of STATES) {
          this.set({ task: row.task, state }, Number(row[state]));
        }
      }
    },
  });
  new Gauge({
    name: "closetai_background_oldest_seconds",
    help: "Seconds since the oldest background job that could run was due, by task.",
    labelNames: ["task"],
    registers: [registry],
    async collect() {
      const { queues } = await read();
      this.reset();
      for (const { task, oldest_seconds } of queues) {
        this.set({ task }, oldest_seconds ?? 0);
      }
    },
  });
  new Gauge({
    name: "closetai_invariant_findings",
    help: "Faults that the last check of invariants found.",
    registers: [registry],
    async collect() {
      const { findings } = await read();
      if (findings === null) this.remove();
      else this.set(findings);
    },
  });
}
