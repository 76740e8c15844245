import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Bounds on what one request may ask for. Each is set by the variable named beside it. */
export type Limits = {
  /** LIMIT_SELECTIONS: selections of a GraphQL operation after fragments are spread. */
  selections: number;
  /** LIMIT_TOKENS: lexical tokens of a GraphQL document. */
  tokens: number;
  /** LIMIT_DEPTH: nesting of fields; introspection fields are exempt. */
  depth: number;
  /** LIMIT_ALIASES: aliased fields of an operation. */
  aliases: number;
  /** LIMIT_ROOT_FIELDS: fields directly below query, mutation or subscription. */
  rootFields: number;
  /** LIMIT_DIRECTIVES: directives of an operation. */
  directives: number;
  /** LIMIT_COST: estimated rows, the product of nested page sizes. */
  cost: number;
  /** LIMIT_PAGE: largest `first` or `last`. */
  page: number;
  /** LIMIT_DEFAULT_PAGE: rows of a list that names no size. */
  defaultPage: number;
  /** LIMIT_BODY_BYTES: request body, uploads and imports apart. */
  bodyBytes: number;
  /** LIMIT_PLANNING_MS: time GraphQL may spend planning. */
  planningMs: number;
  /** LIMIT_EXECUTION_MS: time GraphQL may spend executing. */
  executionMs: number;
  /** LIMIT_STATEMENT_MS: statement_timeout of every request transaction. */
  statementMs: number;
  /** LIMIT_HEADERS_MS: time a client has to send its headers. */
  headersMs: number;
  /** LIMIT_IN_FLIGHT: requests being answered at once; past it the answer is 503. */
  inFlight: number;
  /** LIMIT_REQUESTS_PER_MINUTE: API requests of one person, or of one address when signed out. */
  requestsPerMinute: number;
  /** LIMIT_SIGN_INS_PER_MINUTE: sign-in, reset and invitation requests of one address. */
  signInsPerMinute: number;
  /** LIMIT_WORKER_REQUESTS_PER_MINUTE: requests of one worker key. */
  workerRequestsPerMinute: number;
  /** LIMIT_UPLOAD_BYTES: one uploaded picture. */
  uploadBytes: number;
  /** LIMIT_IMPORT_BYTES: one uploaded catalogue file. */
  importBytes: number;
  /** LIMIT_WEBHOOK_BYTES: one event of Stripe. */
  webhookBytes: number;
};

/** What connects this installation to an account at Stripe. */
export type StripeConfig = {
  /** STRIPE_WEBHOOK_SECRET: one, or several with commas while one is replaced by another. */
  webhookSecrets: readonly string[];
  /** STRIPE_API_KEY: without it nobody pays here, and nothing is fetched. */
  apiKey: string | null;
  /** STRIPE_API_BASE: where the API is, for tests. */
  apiBase: string | null;
  /** STRIPE_MODE: whose events count; null leaves what the database knows. */
  mode: "live" | "test" | null;
  /** BILLING_CONTACT: whom to ask about paying. */
  contact: string | null;
};

/** Sizes and timeouts of the connection pools. */
export type PoolConfig = {
  /** DB_POOL_APP: connections that serve requests. */
  app: number;
  /** DB_POOL_WORKER: connections that serve background tasks. */
  worker: number;
  /** DB_CONNECT_TIMEOUT_MS: waiting for a free connection; then the answer is 503. */
  connectTimeoutMs: number;
};

/** Where uploaded files live. */
export type StorageConfig =
  | { driver: "fs"; dir: string }
  | {
      driver: "s3";
      bucket: string;
      region: string;
      endpoint: string | null;
      accessKeyId: string;
      secretAccessKey: string;
      forcePathStyle: boolean;
    };

/** Everything the environment may decide, checked once. */
export type Config = {
  /** NODE_ENV: production switches off the IDE, introspection and demo accounts. */
  mode: "development" | "production" | "test";
  /** HOST: the address to listen on; loopback unless said otherwise. */
  host: string;
  /** PORT: 0 takes any free port. */
  port: number;
  /** ROOT_URL: what people type; links in mails, the Origin check and cookies follow it. */
  rootUrl: string;
  /** CLOSETAI_DATA_DIR: the embedded database, uploaded files and the generated secret. */
  dataDir: string;
  /** DATABASE_URL: host, port and name of an external PostgreSQL; absent means the embedded one. */
  databaseUrl: string | null;
  /** ROOT_DATABASE_URL: a superuser, only to create roles and the database. */
  rootDatabaseUrl: string | null;
  /** CLOSETAI_{OWNER,APP,WORKER,PARTNER}_DATABASE_URL: full URLs where the derived passwords do not fit. */
  roleDatabaseUrls: {
    owner: string | null;
    app: string | null;
    worker: string | null;
    partner: string | null;
  };
  /** DB_POOL_*: see PoolConfig. */
  pool: PoolConfig;
  /** CLOSETAI_SECRET: signs file links and derives role passwords; see ensureSecret. */
  secret: string | null;
  /** Bearer tokens; with neither a secret nor a JWKS they are refused. */
  jwt: {
    /** JWT_SECRET: HS256 shared secret. */
    secret: string | null;
    /** JWKS_URL: public keys of the identity provider. */
    jwksUrl: string | null;
    /** JWT_AUDIENCE: the `aud` a token must carry. */
    audience: string;
    /** JWT_ISSUER: the `iss` a token must carry, when set. */
    issuer: string | null;
  };
  /** SMTP_URL: without it, links are handed to a person instead of mailed. */
  smtpUrl: string | null;
  /** MAIL_FROM: sender of every mail. */
  mailFrom: string;
  /** STRIPE_* and BILLING_CONTACT: see StripeConfig. */
  stripe: StripeConfig;
  /** STORAGE_DRIVER and its settings. */
  storage: StorageConfig;
  /** WORKER: background tasks in this process, or off where another process runs them. */
  worker: "in-process" | "off";
  /** LOG_LEVEL: of pino. */
  logLevel: string;
  /** METRICS_TOKEN: lets a caller who is not on loopback read /metrics. */
  metricsToken: string | null;
  /** TRUST_PROXY: hops (number), or addresses, whose X-Forwarded-* is believed. */
  trustProxy: number | string | false;
  limits: Limits;
};

/** Every fault of the environment at once: a person repairs it in one go. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n` +
        problems.map((problem) => `  - ${problem}`).join("\n"),
    );
    this.problems = problems;
  }
}

export const DEFAULT_LIMITS: Limits = {
  selections: 2_000,
  tokens: 2_000,
  depth: 12,
  aliases: 30,
  rootFields: 20,
  directives: 20,
  cost: 20_000,
  page: 500,
  defaultPage: 25,
  bodyBytes: 100 * 1024,
  planningMs: 500,
  executionMs: 10_000,
  statementMs: 5_000,
  headersMs: 10_000,
  inFlight: 250,
  requestsPerMinute: 3_000,
  signInsPerMinute: 30,
  workerRequestsPerMinute: 60_000,
  uploadBytes: 10 * 1024 * 1024,
  importBytes: 512 * 1024 * 1024,
  webhookBytes: 1024 * 1024,
};

const LIMIT_VARIABLES: Readonly<Record<keyof Limits, string>> = {
  selections: "LIMIT_SELECTIONS",
  tokens: "LIMIT_TOKENS",
  depth: "LIMIT_DEPTH",
  aliases: "LIMIT_ALIASES",
  rootFields: "LIMIT_ROOT_FIELDS",
  directives: "LIMIT_DIRECTIVES",
  cost: "LIMIT_COST",
  page: "LIMIT_PAGE",
  defaultPage: "LIMIT_DEFAULT_PAGE",
  bodyBytes: "LIMIT_BODY_BYTES",
  planningMs: "LIMIT_PLANNING_MS",
  executionMs: "LIMIT_EXECUTION_MS",
  statementMs: "LIMIT_STATEMENT_MS",
  headersMs: "LIMIT_HEADERS_MS",
  inFlight: "LIMIT_IN_FLIGHT",
  requestsPerMinute: "LIMIT_REQUESTS_PER_MINUTE",
  signInsPerMinute: "LIMIT_SIGN_INS_PER_MINUTE",
  workerRequestsPerMinute: "LIMIT_WORKER_REQUESTS_PER_MINUTE",
  uploadBytes: "LIMIT_UPLOAD_BYTES",
  importBytes: "LIMIT_IMPORT_BYTES",
  webhookBytes: "LIMIT_WEBHOOK_BYTES",
};

const LOG_LEVELS = [
  "fatal",
  "error",
  "warn",
  "info",
  "debug",
  "trace",
  "silent",
] as const;

const MINIMUM_SECRET_LENGTH = 32;

/** The repository root: this file is server/config.ts. */
export const projectDir = resolve(import.meta.dirname, "..");

/** Reads the environment; pure, throws one ConfigError that names every problem. */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];

  const text = (name: string): string | null => {
    const value = env[name]?.trim();
    return value === undefined || value === "" ? null : value;
  };
  const integer = (
    name: string,
    fallback: number,
    min: number,
    max: number,
  ): number => {
    const value = text(name);
    if (value === null) return fallback;
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      problems.push(
        `${name} must be a whole number from ${min} to ${max}, not "${value}"`,
      );
      return fallback;
    }
    return number;
  };
  const choice = <const T extends string>(
    name: string,
    values: readonly T[],
    fallback: T,
  ): T => {
    const value = text(name);
    if (value === null) return fallback;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) {
      problems.push(
        `${name} must be one of ${values.join(", ")}, not "${value}"`,
      );
      return fallback;
    }
    return found;
  };
  // The value is never repeated in the message: such URLs carry passwords.
  const url = (name: string, protocols: readonly string[]): string | null => {
    const value = text(name);
    if (value === null) return null;
    const parsed = URL.canParse(value) ? new URL(value) : null;
    if (parsed === null || !protocols.includes(parsed.protocol)) {
      problems.push(
        `${name} must be a URL that starts with ${protocols.map((p) => `${p}//`).join(" or ")}`,
      );
      return null;
    }
    return value;
  };
  const secretText = (name: string): string | null => {
    const value = text(name);
    if (value !== null && value.length < MINIMUM_SECRET_LENGTH) {
      problems.push(
        `${name} must have at least ${MINIMUM_SECRET_LENGTH} characters; make one with: openssl rand -hex 32`,
      );
    }
    return value;
  };

  const mode = choice(
    "NODE_ENV",
    ["development", "production", "test"],
    "development",
  );
  const host = text("HOST") ?? "127.0.0.1";
  const port = integer("PORT", 5678, 0, 65_535);
  const givenRootUrl = url("ROOT_URL", ["http:", "https:"]);
  const postgres = ["postgres:", "postgresql:"];
  const databaseUrl = url("DATABASE_URL", postgres);
  const rootDatabaseUrl = url("ROOT_DATABASE_URL", postgres);
  if (rootDatabaseUrl !== null && databaseUrl === null) {
    problems.push(
      "ROOT_DATABASE_URL is set but DATABASE_URL is not: set both for an external server, or neither for the embedded one",
    );
  }
  const roleDatabaseUrls = {
    owner: url("CLOSETAI_OWNER_DATABASE_URL", postgres),
    app: url("CLOSETAI_APP_DATABASE_URL", postgres),
    worker: url("CLOSETAI_WORKER_DATABASE_URL", postgres),
    partner: url("CLOSETAI_PARTNER_DATABASE_URL", postgres),
  };
  const secret = secretText("CLOSETAI_SECRET");
  const jwtSecret = secretText("JWT_SECRET");
  const jwksUrl = url("JWKS_URL", ["http:", "https:"]);
  if (jwtSecret !== null && jwksUrl !== null) {
    // Accepting both kinds at once is how HS/RS confusion begins.
    problems.push("Set JWT_SECRET or JWKS_URL, not both");
  }
  const smtpUrl = url("SMTP_URL", ["smtp:", "smtps:"]);
  const dataDir = resolve(projectDir, text("CLOSETAI_DATA_DIR") ?? ".data");

  if (mode === "production") {
    if (secret === null) {
      problems.push(
        "CLOSETAI_SECRET must be set in production; make one with: openssl rand -hex 32",
      );
    }
    if (givenRootUrl === null && text("ROOT_URL") === null) {
      problems.push(
        "ROOT_URL must be set in production to the address people type, e.g. https://admin.example.com",
      );
    }
  }

  const trust = text("TRUST_PROXY");
  const limits = Object.fromEntries(
    (Object.keys(LIMIT_VARIABLES) as (keyof Limits)[]).map((key) => [
      key,
      integer(LIMIT_VARIABLES[key], DEFAULT_LIMITS[key], 1, 2 ** 40),
    ]),
  ) as Limits;

  const config: Config = {
    mode,
    host,
    port,
    rootUrl: trimSlash(givenRootUrl ?? defaultRootUrl(host, port)),
    dataDir,
    databaseUrl,
    rootDatabaseUrl,
    roleDatabaseUrls,
    pool: {
      app: integer("DB_POOL_APP", 16, 1, 500),
      worker: integer("DB_POOL_WORKER", 6, 3, 100),
      connectTimeoutMs: integer("DB_CONNECT_TIMEOUT_MS", 1_500, 50, 60_000),
    },
    secret,
    jwt: {
      secret: jwtSecret,
      jwksUrl,
      audience: text("JWT_AUDIENCE") ?? "closetai",
      issuer: text("JWT_ISSUER"),
    },
    smtpUrl,
    mailFrom: text("MAIL_FROM") ?? "ClosetAI <no-reply@closetai.test>",
    stripe: parseStripe(problems, text, url),
    storage: parseStorage(env, dataDir, problems, choice, text, url),
    worker: choice("WORKER", ["in-process", "off"], "in-process"),
    logLevel: choice(
      "LOG_LEVEL",
      LOG_LEVELS,
      mode === "test" ? "silent" : "info",
    ),
    metricsToken: secretText("METRICS_TOKEN"),
    trustProxy:
      trust === null ? false : /^\d+$/.test(trust) ? Number(trust) : trust,
    limits,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The address to print and to accept when ROOT_URL is not set. */
export function defaultRootUrl(host: string, port: number): string {
  const name = ["127.0.0.1", "0.0.0.0", "::", "::1"].includes(host)
    ? "localhost"
    : host.includes(":")
      ? `[${host}]`
      : host;
  return `http://${name}:${port}`;
}

/**
 * The secret of this installation: CLOSETAI_SECRET, else one made on first run
 * and kept in <dataDir>/secret, readable by its owner only. Two processes that
 * start together agree on one: creating is exclusive, the loser reads.
 */
export function ensureSecret(
  config: Pick<Config, "secret" | "dataDir">,
): string {
  if (config.secret !== null) return config.secret;
  const file = join(config.dataDir, "secret");
  mkdirSync(config.dataDir, { recursive: true });
  try {
    writeFileSync(file, `${randomBytes(32).toString("hex")}\n`, {
      mode: 0o600,
      flag: "wx",
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    chmodSync(file, 0o600);
  }
  const secret = readFileSync(file, "utf8").trim();
  if (secret.length < MINIMUM_SECRET_LENGTH) {
    throw new ConfigError([
      `${file} holds no usable secret: restore it from a backup, or delete it to make a new one`,
    ]);
  }
  return secret;
}

function parseStorage(
  env: NodeJS.ProcessEnv,
  dataDir: string,
  problems: string[],
  choice: <const T extends string>(
    name: string,
    values: readonly T[],
    fallback: T,
  ) => T,
  text: (name: string) => string | null,
  url: (name: string, protocols: readonly string[]) => string | null,
): StorageConfig {
  if (choice("STORAGE_DRIVER", ["fs", "s3"], "fs") === "fs") {
    return {
      driver: "fs",
      dir: resolve(projectDir, text("STORAGE_DIR") ?? join(dataDir, "files")),
    };
  }
  const required = (name: string): string => {
    const value = text(name);
    if (value === null)
      problems.push(`${name} must be set with STORAGE_DRIVER=s3`);
    return value ?? "";
  };
  return {
    driver: "s3",
    bucket: required("S3_BUCKET"),
    region: required("S3_REGION"),
    endpoint: url("S3_ENDPOINT", ["http:", "https:"]),
    accessKeyId: required("S3_ACCESS_KEY_ID"),
    secretAccessKey: required("S3_SECRET_ACCESS_KEY"),
    forcePathStyle: env["S3_FORCE_PATH_STYLE"] === "true",
  };
}

// No value is repeated in a message: all but one are secrets.
function parseStripe(
  problems: string[],
  text: (name: string) => string | null,
  url: (name: string, protocols: readonly string[]) => string | null,
): StripeConfig {
  const webhookSecrets = (text("STRIPE_WEBHOOK_SECRET") ?? "")
    .split(",")
    .map((secret) => secret.trim())
    .filter((secret) => secret !== "");
  if (webhookSecrets.some((secret) => !/^whsec_\S{16,}$/.test(secret))) {
    problems.push(
      "STRIPE_WEBHOOK_SECRET must be the signing secret of the endpoint, which starts with whsec_; several are told apart by commas",
    );
  }
  const apiKey = text("STRIPE_API_KEY");
  const mode = text("STRIPE_MODE");
  if (mode !== null && mode !== "live" && mode !== "test") {
    problems.push("STRIPE_MODE must be live or test");
  }
  const keyMode = /^[sr]k_(live|test)_\S+$/.exec(apiKey ?? "")?.[1] ?? null;
  if (apiKey !== null && keyMode === null) {
    problems.push(
      "STRIPE_API_KEY must be a secret or restricted key, which starts with sk_ or rk_",
    );
  } else if (apiKey !== null && mode !== null && keyMode !== mode) {
    // Paid in one mode and heard of in the other would never be credited.
    problems.push("STRIPE_API_KEY is a key of another mode than STRIPE_MODE");
  }
  return {
    webhookSecrets,
    apiKey,
    apiBase: url("STRIPE_API_BASE", ["http:", "https:"]),
    mode: (mode ?? keyMode) as StripeConfig["mode"],
    contact: text("BILLING_CONTACT"),
  };
}

function trimSlash(value: string): string {
  return value.replace(/\/+$/, "");
}
