import { createHash, timingSafeEqual } from "node:crypto";

import type { Express, Request } from "express";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";
import { registerBackgroundMetrics } from "./backgroundMetrics.ts";

/** Route names are ours, not the caller's: a scanner must not make new series. */
const ROUTES = [
  "graphql",
  "auth",
  "files",
  "imports",
  "illustrations",
  "webhooks",
  "admin",
  "worker",
  "ruru",
  "healthz",
  "readyz",
  "metrics",
];

/** Prometheus, for this machine or whoever holds METRICS_TOKEN. */
export function installMetrics(app: Express, deps: AppDeps): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: "closetai_http_request_duration_seconds",
    help: "Time to answer a request, by route, method and status class.",
    labelNames: ["route", "method", "status"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.187, 0.3, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  new Gauge({
    name: "closetai_db_connections",
    help: "Connections of each pool: all, idle, and callers waiting for one.",
    labelNames: ["pool", "state"],
    registers: [registry],
    collect() {
      for (const name of ["app", "worker"] as const) {
        const pool = deps.pools[name];
        this.set({ pool: name, state: "total" }, pool.totalCount);
        this.set({ pool: name, state: "idle" }, pool.idleCount);
        this.set({ pool: name, state: "waiting" }, pool.waitingCount);
      }
    },
  });

  registerBackgroundMetrics(registry, deps);

  app.use((req, res, next) => {
    const end = duration.startTimer();
    const [first = ""] = req.path.slice(1).split("/", 1);
    res.on("close", () => {
      end({
        route: ROUTES.includes(first) ? first : "other",
        method: ["GET", "POST", "PUT"].includes(req.method)
          ? req.method
          : "other",
        status: `${Math.floor(res.statusCode / 100)}xx`,
      });
    });
    next();
  });

  app.get("/metrics", async (req, res) => {
    if (!mayRead(req, deps.config.metricsToken)) throw new AppError("NTFND");
    res.set("Content-Type", registry.contentType);
    res.send(await registry.metrics());
  });
  return registry;
}

/** A proxy on this machine also connects from loopback, and says whom for. */
function mayRead(req: Request, token: string | null): boolean {
  const given = /^Bearer (.+)$/.exec(req.headers.authorization ?? "")?.[1];
  if (token !== null && given !== undefined) return sameText(given, token);
  return (
    isLoopback(req.socket.remoteAddress) &&
    req.headers["x-forwarded-for"] === undefined &&
    req.headers["forwarded"] === undefined
  );
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(127\.|::1$|::ffff:127\.)/.test(address);
}

/** In constant time; hashing first makes the lengths equal. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
