import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

const source = join(import.meta.dirname, "..");
const modules = join(source, "..", "..", "node_modules");

let folder: string;

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: "pipe" });

/** A project of somebody else: the packed package, and beside it what it asks for. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ra-data-postgraphile-"));
  run(process.execPath, [join(source, "build.js")], source);
  run("npm", ["pack", join(source, "dist"), "--silent"], folder);
  const [tarball] = readdirSync(folder);
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "outsider", private: true, type: "module" }),
  );
  run(
    "npm",
    [
      "install",
      `./${tarball}`,
      "--offline",
      "--ignore-scripts",
      "--legacy-peer-deps",
      "--no-audit",
      "--no-fund",
    ],
    folder,
  );
  for (const peer of ["ra-core", "react", "@types/react"]) {
    mkdirSync(join(folder, "node_modules", "@types"), { recursive: true });
    symlinkSync(join(modules, peer), join(folder, "node_modules", peer));
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const program = /* js */ `
import { defineResources, makeDataProvider } from "ra-data-postgraphile";

const resources = defineResources({
  shops: { type: "Shop", fields: { name: "string" } },
});
const provider = makeDataProvider({
  resources,
  graphqlFetch: async ({ query }) => ({
    status: 200,
    body: {
      data: { shops: { totalCount: 1, nodes: [{ rowId: "1", name: query.split("(")[0] }] } },
    },
  }),
});
const { data, total } = await provider.getList("shops", {
  pagination: { page: 1, perPage: 5 },
  sort: { field: "name", order: "ASC" },
  filter: {},
});
console.log(JSON.stringify({ data, total }));
`;

describe("the packed package", () => {
  it("holds what it needs and nothing else", () => {
    const names = readdirSync(
      join(folder, "node_modules", "ra-data-postgraphile"),
    );
    expect(names).toEqual(
      expect.arrayContaining([
        "index.js",
        "index.d.ts",
        "README.md",
        "LICENSE",
      ]),
    );
    expect(
      names.filter((name) => /(?<!\.d)\.ts$|test|config/.test(name)),
    ).toEqual([]);
  });

  it("runs in plain Node", () => {
    writeFileSync(join(folder, "program.js"), program);
    expect(JSON.parse(run(process.execPath, ["program.js"], folder))).toEqual({
      data: [{ id: "1", rowId: "1", name: "query shops_getList" }],
      total: 1,
    });
  });

  it.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("has types for module %s, resolution %s", (module, moduleResolution) => {
    writeFileSync(
      join(folder, "program.ts"),
      `${program}
import type { CountMode, PostgraphileDataProvider } from "ra-data-postgraphile";
export const mode: CountMode = { cap: 10_000 };
export const typed: PostgraphileDataProvider = provider;
// @ts-expect-error: a count is not a text
export const wrong: CountMode = "all";
// @ts-expect-error: a field has a kind
defineResources({ shops: { type: "Shop", fields: { name: "money" } } });
`,
    );
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          module,
          moduleResolution,
          target: "es2022",
          lib: ["es2022", "DOM"],
          strict: true,
          skipLibCheck: true,
          noEmit: true,
          types: [],
        },
        files: ["program.ts"],
      }),
    );
    expect(
      run(
        process.execPath,
        [join(modules, "typescript", "bin", "tsc"), "-p", "."],
        folder,
      ),
    ).toBe("");
  });
});
