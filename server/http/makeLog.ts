import {
  type DestinationStream,
  type Logger,
  type LoggerOptions,
  pino,
  stdSerializers,
} from "pino";

import type { Config } from "../config.ts";

/** JSON lines; nothing that opens a door is ever written. */
export function makeLog(
  config: Pick<Config, "logLevel">,
  destination: DestinationStream = pino.destination(1),
): Logger {
  const options: LoggerOptions = {
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
    redact: {
      paths: [
        "password",
        "token",
        "authorization",
        "cookie",
        "*.password",
        "*.token",
        "*.authorization",
        "*.cookie",
        "headers.authorization",
        "headers.cookie",
      ],
      censor: "[redacted]",
    },
  };
  return pino(options, destination);
}

/** PostgreSQL quotes whole rows in `detail`, and statements in others. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const serialized = stdSerializers.err(error) as Record<string, unknown>;
  for (const key of ["detail", "internalQuery", "query", "parameters"]) {
    delete serialized[key];
  }
  return serialized;
}
