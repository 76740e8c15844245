import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { ADMIN_TAGS } from "../../server/catalog/smartTags.ts";
import {
  DEFAULT_LIMITS,
  parseConfig,
  projectDir,
} from "../../server/config.ts";

const read = (path: string): string =>
  readFileSync(join(projectDir, path), "utf8");

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...globSync("docs/*.md", { cwd: projectDir }),
];

/** First cell of a table row, without its backticks, to the other cells. */
function tableRows(path: string): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const line of read(path).split("\n")) {
    const cells = line.split("|").slice(1, -1);
    const name = cells[0]?.trim().match(/^`([^`]+)`$/)?.[1];
    if (name !== undefined) {
      rows.set(
        name,
        cells.slice(1).map((cell) => cell.trim()),
      );
    }
  }
  return rows;
}

/** Every variable that parsing the configuration looks at. */
function variablesRead(): Set<string> {
  const seen = new Set<string>();
  const environment = (values: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
    new Proxy(values, {
      get(target, name) {
        if (typeof name === "string") seen.add(name);
        return Reflect.get(target, name) as string | undefined;
      },
    });
  parseConfig(environment({}));
  parseConfig(
    environment({
      STORAGE_DRIVER: "s3",
      S3_BUCKET: "b",
      S3_REGION: "r",
      S3_ACCESS_KEY_ID: "k",
      S3_SECRET_ACCESS_KEY: "s",
    }),
  );
  return seen;
}

describe("docs/operations.md", () => {
  const documented = tableRows("docs/operations.md");
  const variables = [...documented.keys()].filter((name) =>
    /^[A-Z][A-Z0-9_]+$/.test(name),
  );

  it("names every environment variable the server reads, and no other", () => {
    expect([...variables].sort()).toEqual([...variablesRead()].sort());
  });

  it("gives the limits their true defaults", () => {
    const written = [...documented]
      .filter(([name]) => name.startsWith("LIMIT_"))
      .map(([, [value]]) => Number(value));
    expect(written.sort((a, b) => a - b)).toEqual(
      Object.values(DEFAULT_LIMITS).sort((a, b) => a - b),
    );
  });
});

describe("CONTRIBUTING.md", () => {
  it("explains every tag of the catalogue, and where it may stand", () => {
    const explained = [...tableRows("CONTRIBUTING.md")]
      .filter(([name]) => name.startsWith("@admin."))
      .map(([name, [places = ""]]) => [name, places]);
    const known = Object.entries(ADMIN_TAGS).map(([name, { on }]) => [
      `@admin.${name}`,
      on.join(", "),
    ]);
    expect(explained.sort()).toEqual(known.sort());
  });
});

describe.each(documents)("%s", (path) => {
  const text = read(path);

  it("links to files that exist", () => {
    const missing = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !existsSync(join(projectDir, dirname(path), target)));
    expect(missing).toEqual([]);
  });

  it("names files and folders that exist", () => {
    const missing = [
      ...text.matchAll(
        /`((?:\.ci|admin|bench|data|docs|illustrations|migrations|packages|server|test)\/[^`\s*…]*)`/g,
      ),
    ]
      .map(([, name = ""]) => name)
      // `migrations/fixtures/policies/<table>.sql` stands for many.
      .filter((name) => !name.includes("<"))
      // Made when the first migration is sealed, or given as an example.
      .filter(
        (name) =>
          name !== "migrations/committed/" && !name.endsWith("/looks.sql"),
      )
      .filter((name) => !existsSync(join(projectDir, name)));
    expect(missing).toEqual([]);
  });

  it("names scripts that exist, and whose programs do", () => {
    const { scripts } = JSON.parse(read("package.json")) as {
      scripts: Record<string, string>;
    };
    const missing = [...text.matchAll(/npm run ([a-z][a-z:]*)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => {
        const program = scripts[name]?.match(/node (server\/\S+)/)?.[1];
        return (
          scripts[name] === undefined ||
          (program !== undefined && !existsSync(join(projectDir, program)))
        );
      });
    expect([...new Set(missing)]).toEqual([]);
  });
});
