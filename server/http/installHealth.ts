import { setTimeout as sleep } from "node:timers/promises";

import type { Express } from "express";

import type { AppDeps } from "../app.ts";

const READY_TIMEOUT_MS = 1_000;

/** Alive and ready. Alive never asks the database: a slow one kills nobody. */
export function installHealth(app: Express, deps: AppDeps): void {
  app.get("/healthz", (_req, res) => {
    res.set("Cache-Control", "no-store").json({ status: "ok" });
  });
  app.get("/readyz", async (_req, res) => {
    res.set("Cache-Control", "no-store");
    const status = await readiness(deps);
    if (status !== "ready") res.status(503).set("Retry-After", "1");
    res.json({ status });
  });
}

/**
 * Ready once the database answered as the role that serves requests; it was
 * migrated before this app was made.
 */
async function readiness({ lifecycle, pools, log }: AppDeps): Promise<string> {
  if (lifecycle.state !== "ready") return lifecycle.state;
  const timeout = new AbortController();
  try {
    return await Promise.race([
      pools.app.query("select 1").then(() => "ready"),
      sleep(READY_TIMEOUT_MS, "database does not answer", {
        signal: timeout.signal,
      }),
    ]);
  } catch (error) {
    log.warn({ err: error }, "readiness check failed");
    return "database cannot be reached";
  } finally {
    timeout.abort();
  }
}
