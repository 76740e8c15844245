import type { Logger } from "pino";

import type { Config } from "../config.ts";
import type { Lifecycle } from "../http/lifecycle.ts";
import { makeLog } from "../http/makeLog.ts";
import type { Report } from "./report.ts";

const STYLES = { warn: "yellow", error: "red", fatal: "red" } as const;

/** The server's log, a line for a person instead of JSON for a machine. */
export function makeDevLog(
  config: Pick<Config, "logLevel">,
  report: Pick<Report, "line">,
  lifecycle: Lifecycle,
): Logger {
  return makeLog(config, {
    write: (json) => {
      const { level, time, msg, err, ...rest } = JSON.parse(json) as {
        level: string;
        time: string;
        msg?: string;
        err?: { message?: string; stack?: string };
      } & Record<string, unknown>;
      // The database stops before the last connection has said goodbye.
      if (lifecycle.state === "stopping" && level === "warn") return;
      const facts = Object.entries(rest)
        .filter(([, value]) => value !== undefined && value !== null)
        .map(([key, value]) =>
          typeof value === "object"
            ? `${key}=${JSON.stringify(value)}`
            : `${key}=${String(value)}`,
        );
      const text = [msg, err?.message, ...facts].filter(Boolean).join("  ");
      const style =
        level in STYLES ? STYLES[level as keyof typeof STYLES] : "dim";
      report.line(`  ${time.slice(11, 19)}  ${level}: ${text}`, style);
      // Whoever works on the server wants to know where; others read the line.
      const stack = level === "error" ? err?.stack : undefined;
      for (const frame of stack?.split("\n").slice(1, 6) ?? []) {
        report.line(`      ${frame.trim()}`, "dim");
      }
    },
  });
}
