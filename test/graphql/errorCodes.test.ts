import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { ERROR_KINDS, isErrorCode } from "../../server/errors/catalogue.ts";

const project = join(import.meta.dirname, "..", "..");
const page = readFileSync(join(project, "docs", "error-codes.md"), "utf8");

/** code → status, as the page's tables tell people. */
const documented = new Map(
  [...page.matchAll(/^\| `([A-Z0-9_]+)`\s*\| (\d{3})\s*\|/gm)].map(
    ([, code, status]) => [code ?? "", Number(status)],
  ),
);

/** Raised and caught within one function: rolls a rehearsal back. */
const CAUGHT = new Set(["DRYRN"]);

function sqlFiles(): string[] {
  const folder = join(project, "migrations");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".sql"))
    .map((name) => join(folder, name));
}

describe("the catalogue of error codes", () => {
  it("tells people of each code with the status it has", () => {
    expect(Object.fromEntries(documented)).toEqual(
      Object.fromEntries(
        Object.entries(ERROR_KINDS).map(([code, kind]) => [code, kind.status]),
      ),
    );
  });

  it("has each code that SQL raises, and each that a constraint's comment names", () => {
    const raised = sqlFiles().flatMap((file) => {
      const sql = readFileSync(file, "utf8").replace(/--.*$/gm, "");
      return [
        ...sql.matchAll(/errcode\s*=\s*'([^']+)'/gi),
        ...sql.matchAll(/@error\s+([A-Z0-9]+)\s/g),
      ].flatMap(([, code]) =>
        // Conditions of PostgreSQL by name, e.g. insufficient_privilege.
        code === undefined ||
        isErrorCode(code) ||
        CAUGHT.has(code) ||
        /^[a-z_]+$/.test(code)
          ? []
          : [`${file.slice(project.length + 1)}: ${code}`],
      );
    });
    expect(raised).toEqual([]);
    expect(sqlFiles().length).toBeGreaterThan(10);
  });

  it("raises nothing without a code", () => {
    const bare = sqlFiles().flatMap((file) => {
      const sql = readFileSync(file, "utf8").replace(/--.*$/gm, "");
      return [...sql.matchAll(/raise\s+exception\b[^;]*;/gi)].flatMap(
        ([statement]) =>
          /errcode/i.test(statement)
            ? []
            : [`${file.slice(project.length + 1)}: ${statement}`],
      );
    });
    expect(bare).toEqual([]);
  });

  it("has no code that PostgreSQL could raise itself", () => {
    for (const code of Object.keys(ERROR_KINDS)) {
      expect(code).not.toMatch(/^(\d|F0|HV|P0|XX)/);
      expect(code).toMatch(/^([A-Z][A-Z0-9]{3,4}|GRAPHQL_VALIDATION)$/);
    }
  });
});
