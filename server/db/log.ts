/**
 * What the database code needs of a logger. Pino's loggers fit, and so does a
 * plain object in a command-line tool.
 */
export type Log = {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
};

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
