/** @type {import("jest").Config} */
export default {
  testEnvironment: "node",
  roots: ["<rootDir>/test", "<rootDir>/packages"],
  testMatch: ["**/*.test.ts", "**/*.test.tsx"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/"],
  // A built package is a second package of the same name.
  modulePathIgnorePatterns: ["<rootDir>/packages/[^/]+/dist/"],
  // Node runs these files as they are; swc does the same for jest, and JSX.
  extensionsToTreatAsEsm: [".ts", ".tsx"],
  transform: {
    "^.+\\.tsx?$": [
      "@swc/jest",
      {
        sourceMaps: "inline",
        module: { type: "es6" },
        jsc: {
          target: "es2024",
          parser: { syntax: "typescript", tsx: true },
          transform: { react: { runtime: "automatic" } },
        },
      },
    ],
  },
  globalSetup: "./test/globalSetup.ts",
  globalTeardown: "./test/globalTeardown.ts",
  // Of a test that hangs; a busy machine must not reach it.
  testTimeout: 240_000,
  // Each worker uses the one database server; more would only wait for it.
  maxWorkers: 2,
};
