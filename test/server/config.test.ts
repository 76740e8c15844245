import {
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { ConfigError, ensureSecret, parseConfig } from "../../server/config.ts";

const problemsOf = (env: NodeJS.ProcessEnv): readonly string[] => {
  try {
    parseConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

describe("parseConfig", () => {
  it("an empty environment is a development server on loopback", () => {
    expect(parseConfig({})).toMatchObject({
      mode: "development",
      host: "127.0.0.1",
      port: 5678,
      rootUrl: "http://localhost:5678",
      databaseUrl: null,
      storage: { driver: "fs" },
      worker: "in-process",
      trustProxy: false,
    });
  });

  it("empty and blank variables count as absent", () => {
    expect(parseConfig({ PORT: "", HOST: "  " })).toEqual(parseConfig({}));
  });

  it("all problems are told at once, without repeating a secret", () => {
    const problems = problemsOf({
      NODE_ENV: "production",
      PORT: "eighty",
      DATABASE_URL: "mysql://root:hunter2@db/closetai",
      SMTP_URL: "hunter2",
      JWT_SECRET: "hunter2",
      LOG_LEVEL: "loud",
      STORAGE_DRIVER: "s3",
      LIMIT_DEPTH: "0",
    });
    const starts = problems.map((problem) => problem.split(" ")[0]);
    expect(starts).toEqual([
      "PORT",
      "DATABASE_URL",
      "JWT_SECRET",
      "SMTP_URL",
      "CLOSETAI_SECRET",
      "ROOT_URL",
      "LIMIT_DEPTH",
      "S3_BUCKET",
      "S3_REGION",
      "S3_ACCESS_KEY_ID",
      "S3_SECRET_ACCESS_KEY",
      "LOG_LEVEL",
    ]);
    expect(problems.join()).not.toContain("hunter2");
  });

  it.each([
    [{ ROOT_DATABASE_URL: "postgres://root@db/postgres" }, "ROOT_DATABASE_URL"],
    [
      { JWT_SECRET: "x".repeat(32), JWKS_URL: "https://id.example/keys" },
      "JWT_SECRET",
    ],
    [{ PORT: "65536" }, "PORT"],
    [{ PORT: "-1" }, "PORT"],
    [{ PORT: "1e3" }, "PORT"],
    [{ NODE_ENV: "staging" }, "NODE_ENV"],
    [{ CLOSETAI_SECRET: "short" }, "CLOSETAI_SECRET"],
    [{ STRIPE_WEBHOOK_SECRET: "hunter2" }, "STRIPE_WEBHOOK_SECRET"],
    [{ STRIPE_WEBHOOK_SECRET: "whsec_" }, "STRIPE_WEBHOOK_SECRET"],
    [{ STRIPE_API_KEY: "pk_live_x" }, "STRIPE_API_KEY"],
    [{ STRIPE_MODE: "production" }, "STRIPE_MODE"],
    [{ STRIPE_MODE: "live", STRIPE_API_KEY: "sk_test_x" }, "STRIPE_MODE"],
    [{ STRIPE_API_BASE: "ftp://x" }, "STRIPE_API_BASE"],
  ])("%j is refused", (env, name) => {
    expect(problemsOf(env).some((problem) => problem.includes(name))).toBe(
      true,
    );
  });

  it("several secrets of Stripe are told apart by commas; a key says its mode", () => {
    const [old, next] = ["whsec_", "whsec_"].map((start, at) =>
      start.padEnd(30, String(at)),
    );
    expect(
      parseConfig({
        STRIPE_WEBHOOK_SECRET: ` ${next}, ${old} ,`,
        STRIPE_API_KEY: "rk_live_abc",
      }).stripe,
    ).toEqual({
      webhookSecrets: [next, old],
      apiKey: "rk_live_abc",
      apiBase: null,
      mode: "live",
      contact: null,
    });
    expect(parseConfig({}).stripe).toEqual({
      webhookSecrets: [],
      apiKey: null,
      apiBase: null,
      mode: null,
      contact: null,
    });
  });

  it("production starts with a secret and an address", () => {
    expect(
      parseConfig({
        NODE_ENV: "production",
        CLOSETAI_SECRET: "x".repeat(32),
        ROOT_URL: "https://admin.example.com/",
      }),
    ).toMatchObject({
      mode: "production",
      rootUrl: "https://admin.example.com",
    });
  });
});

describe("ensureSecret", () => {
  it("makes one secret, keeps it to its owner, and gives it again", () => {
    const dataDir = mkdtempSync(join(tmpdir(), "closetai-secret-"));
    try {
      const secret = ensureSecret({ secret: null, dataDir });
      expect(secret).toMatch(/^[0-9a-f]{64}$/);
      expect(ensureSecret({ secret: null, dataDir })).toBe(secret);
      expect(statSync(join(dataDir, "secret")).mode & 0o777).toBe(0o600);
      expect(ensureSecret({ secret: "given", dataDir })).toBe("given");
      expect(readFileSync(join(dataDir, "secret"), "utf8").trim()).toBe(secret);
      writeFileSync(join(dataDir, "secret"), "cut");
      expect(() => ensureSecret({ secret: null, dataDir })).toThrow(
        ConfigError,
      );
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
