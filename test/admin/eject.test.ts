import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { beforeAll, describe, expect, it } from "@jest/globals";
import { check, format } from "prettier";
import ts from "typescript";

import { ejectPages } from "../../server/eject/ejectPages.ts";
import { fullestResource } from "../../server/eject/fullestResource.ts";
import { catalog, looks } from "./describedTable.ts";

const root = join(import.meta.dirname, "../..");
/** Beside the other pages, where its imports lead; never written to disk. */
const folder = join(root, "admin/src/looks");

/** What TypeScript says of the sources, if they lay in that folder. */
function faultsOf(sources: ReadonlyMap<string, string>): string[] {
  const file = join(root, "tsconfig.admin.json");
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, (path) => ts.sys.readFile(path)).config,
    ts.sys,
    root,
  );
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const directoryExists = host.directoryExists?.bind(host);
  host.directoryExists = (path) =>
    path === folder || directoryExists?.(path) === true;
  const getSourceFile = host.getSourceFile.bind(host);
  host.readFile = (path) => sources.get(path) ?? readFile(path);
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.getSourceFile = (path, ...rest) => {
    const source = sources.get(path);
    return source === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, source, ts.ScriptTarget.ESNext);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...sources.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(
      ({ messageText }) =>
        `${path}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`,
    );
  });
}

describe("the ejected pages of a table", () => {
  const files = ejectPages(looks);
  const formatted = new Map<string, string>();

  beforeAll(async () => {
    for (const [name, source] of Object.entries(files)) {
      const filepath = join(folder, name);
      formatted.set(filepath, await format(source, { filepath }));
    }
  });

  it("are a folder of the house's shape", () => {
    expect(Object.keys(files).sort()).toEqual([
      "LookCreate.tsx",
      "LookEdit.tsx",
      "LookInputs.tsx",
      "LookList.tsx",
      "LookShow.tsx",
      "index.ts",
    ]);
  });

  it("type-check", () => {
    expect(faultsOf(formatted)).toEqual([]);
  });

  it("are formatted and stay so", async () => {
    for (const [filepath, source] of formatted) {
      expect(await check(source, { filepath })).toBe(true);
    }
  });

  it("name every input with its rules, and leave the brand to the session", () => {
    const inputs = formatted.get(join(folder, "LookInputs.tsx")) ?? "";
    expect(inputs).toContain("validate={[required(), maxLength(200)]}");
    expect(inputs).toContain('currencySource="currency"');
    expect(inputs).toMatch(/<AmountInput[^>]*source="feeCents"/);
    expect(inputs).toContain('currency="usd"');
    expect(inputs).toMatch(/<PercentInput[^>]*source="margin"/);
    expect(inputs).toContain('urlPath="cover.url"');
    expect(inputs).not.toContain("brandId");
    expect(formatted.get(join(folder, "LookCreate.tsx"))).toContain(
      "brandId: session.brand?.id",
    );
  });

  it("leave columns and row height to the person, and start with those written out", () => {
    const list = formatted.get(join(folder, "LookList.tsx")) ?? "";
    expect(list).toContain("useListLayout(resource, shown)");
    expect(list).toContain(
      "<CatalogToolbar resource={resource} columns={shown} />",
    );
    expect(list).toMatch(
      /<ChosenTable\s+columns={columns}\s+density={density}/,
    );
    expect(list).toMatch(/const shown = \[\s*"name",/);
    expect(list).toContain('source="season"');
  });

  it("offer the actions of the table above the form", () => {
    expect(formatted.get(join(folder, "LookEdit.tsx"))).toContain(
      "<EditActions resource={resource} />",
    );
  });

  it("are without the pages of verbs nobody has", () => {
    const readOnly = {
      ...looks,
      verbs: { ...looks.verbs, create: false, update: false },
    };
    expect(Object.keys(ejectPages(readOnly)).sort()).toEqual([
      "LookList.tsx",
      "LookShow.tsx",
      "index.ts",
    ]);
  });

  it("come from the role that may do most", () => {
    const reader = {
      ...looks,
      verbs: { ...looks.verbs, create: false },
      fields: looks.fields.map((field) => ({
        ...field,
        create: false,
        update: false,
      })),
    };
    const of = (resource: typeof looks) => ({
      ...catalog,
      resources: [resource],
    });
    expect(fullestResource([of(reader), of(looks), of(reader)], "looks")).toBe(
      looks,
    );
    expect(fullestResource([of(looks)], "nothing")).toBeNull();
  });
});

describe("npm run eject", () => {
  it.each([
    ["products", "admin/src/products"],
    // In a folder that is called otherwise: a second one would win, or lose.
    ["wardrobe_items", "admin/src/wardrobe"],
    ["brand_people", "admin/src/members"],
  ])("writes no second pages of %s", (name, there) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["server/cli/eject.ts", name],
      {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, NODE_OPTIONS: "" },
      },
    );
    expect([status, stdout, stderr]).toEqual([
      1,
      "",
      `${there} holds pages of ${name} already. Nothing was written: delete it first if you want it new.\n`,
    ]);
  });
});
