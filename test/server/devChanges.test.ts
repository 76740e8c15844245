import { PassThrough } from "node:stream";
import { WriteStream } from "node:tty";

import { describe, expect, it } from "@jest/globals";
import { buildSchema } from "graphql";

import type { Access } from "../../server/db/describeAccess.ts";
import { compareAccess } from "../../server/dev/compareAccess.ts";
import { compareSchemas } from "../../server/dev/compareSchemas.ts";
import { compareTables } from "../../server/dev/compareTables.ts";
import type { Tables } from "../../server/dev/describeTables.ts";
import { makeReport } from "../../server/dev/report.ts";
import { splitStatements } from "../../server/dev/splitStatements.ts";

const lines = (
  changes: readonly { sign: string; text: string; tone: string }[],
) => changes.map(({ sign, text, tone }) => `${sign} ${text} [${tone}]`);

type Policy = Access["relations"][string]["policies"][number];

function policy(overrides: Partial<Policy> = {}): Policy {
  return {
    name: "select_brand",
    kind: "permissive",
    verb: "select",
    roles: ["closetai_viewer"],
    using: "(active)",
    check: null,
    ...overrides,
  };
}

function access(relation: Partial<Access["relations"][string]> = {}): Access {
  return {
    roles: {},
    functions: {},
    relations: {
      "app_public.looks": {
        kind: "table",
        rowSecurity: true,
        rights: {},
        policies: [],
        ...relation,
      },
    },
  };
}

describe("a change of access", () => {
  const compare = (before: Access, after: Access) =>
    lines(compareAccess(before, after));

  it("is nothing when nothing changed", () => {
    expect(compare(access(), access())).toEqual([]);
  });

  it("names verbs and columns, with the roles they changed for together", () => {
    const policies = [policy({ verb: "all", roles: ["public"] })];
    expect(
      compare(
        access({
          policies,
          rights: {
            closetai_viewer: { select: true, update: ["name", "price"] },
          },
        }),
        access({
          policies,
          rights: {
            closetai_viewer: { select: true, update: ["name"] },
            closetai_manager: { insert: ["name"], delete: true },
            closetai_brand_owner: { insert: ["name"], delete: true },
          },
        }),
      ),
    ).toEqual([
      "+ looks: insert (name) for brand_owner, manager [widened]",
      "+ looks: delete for brand_owner, manager [widened]",
      "- looks: update (price) for viewer [narrowed]",
    ]);
  });

  it.each<[string, Policy[], Policy[], RegExp]>([
    ["a permissive policy that came", [], [policy()], /^\+ .*\[widened\]$/],
    ["one that went", [policy()], [], /^- .*\[narrowed\]$/],
    [
      "a restrictive policy that came",
      [],
      [policy({ kind: "restrictive" })],
      /^\+ .*\(restrictive\).*\[narrowed\]$/,
    ],
    [
      "one that went",
      [policy({ kind: "restrictive" })],
      [],
      /^- .*\(restrictive\).*\[widened\]$/,
    ],
    [
      "a condition that went",
      [policy()],
      [policy({ using: "true" })],
      /^~ .*using \(active\) → true \[widened\]$/,
    ],
    [
      "a condition that came",
      [policy({ using: "true" })],
      [policy()],
      /^~ .*using true → \(active\) \[narrowed\]$/,
    ],
    [
      "a condition in place of another, which only a person can judge",
      [policy()],
      [policy({ using: "(draft)" })],
      /^~ .*\[notable\]$/,
    ],
    [
      "other roles",
      [policy()],
      [policy({ roles: ["closetai_user"] })],
      /to viewer → user \[notable\]$/,
    ],
    [
      "more roles",
      [policy()],
      [policy({ roles: ["closetai_anonymous", "closetai_viewer"] })],
      /to viewer → anonymous, viewer \[widened\]$/,
    ],
    [
      "everybody",
      [policy()],
      [policy({ roles: ["public"] })],
      /to viewer → public \[widened\]$/,
    ],
    [
      "a verb instead of all",
      [policy({ verb: "all" })],
      [policy()],
      /for all → select \[narrowed\]$/,
    ],
    [
      "a fence around fewer roles",
      [
        policy({
          kind: "restrictive",
          roles: ["closetai_user", "closetai_viewer"],
        }),
      ],
      [policy({ kind: "restrictive" })],
      /to user, viewer → viewer \[widened\]$/,
    ],
    [
      "a fence that gives rows instead",
      [policy({ kind: "restrictive" })],
      [policy()],
      /kind restrictive → permissive \[widened\]$/,
    ],
    [
      "more roles under another condition, which only a person can judge",
      [policy({ using: "true" })],
      [policy({ roles: ["closetai_anonymous", "closetai_viewer"] })],
      /\[notable\]$/,
    ],
  ])("tells of %s", (_what, before, after, said) => {
    // Without a grant they have no effect, which is told as well, elsewhere.
    const [told] = compare(
      access({ policies: before }),
      access({ policies: after }),
    );
    expect(told).toMatch(said);
  });

  it("shouts when row security goes", () => {
    expect(compare(access(), access({ rowSecurity: false }))).toEqual([
      "~ looks: row-level security OFF [widened]",
    ]);
    expect(compare(access({ rowSecurity: false }), access())).toEqual([
      "~ looks: row-level security on [narrowed]",
    ]);
  });

  it("tells of columns that may be read, where it is not the whole table", () => {
    expect(
      compare(
        access({ rowSecurity: false }),
        access({
          rowSecurity: false,
          rights: { closetai_anonymous: { select: ["note"] } },
        }),
      ),
    ).toEqual(["+ looks: select (note) for anonymous [widened]"]);
  });

  it("shouts when a view reads with its owner's rights", () => {
    const of = (overrides: object) =>
      access({ kind: "view", rowSecurity: false, ...overrides });
    expect(compare(of({}), of({ ownersRights: true }))).toEqual([
      expect.stringMatching(/^~ looks: reads with its owner's .*\[widened\]$/),
    ]);
    expect(
      compare(
        { ...access(), relations: {} },
        of({
          ownersRights: true,
          rights: { closetai_viewer: { select: true } },
        }),
      ),
    ).toEqual([
      expect.stringMatching(/^\+ looks: reads with its owner's .*\[widened\]$/),
      "+ looks: select for viewer [widened]",
    ]);
    expect(compare(of({ ownersRights: true }), of({}))).toEqual([
      "~ looks: reads with the rights of whoever asks [narrowed]",
    ]);
  });

  it("tells of a grant without a policy, and of a policy without a grant", () => {
    const roles = {
      closetai_manager: {
        login: false,
        inherits: ["closetai_viewer"],
        mayBecome: [],
      },
    };
    const of = (relation: Partial<Access["relations"][string]>) => ({
      ...access(relation),
      roles,
    });
    const rights = {
      closetai_manager: { select: true as const },
      closetai_viewer: { select: true as const },
    };
    expect(compare(of({}), of({ rights }))).toEqual([
      "+ looks: select for manager, viewer [widened]",
      "~ looks: select for manager, viewer is granted, but no policy lets a row through [notable]",
    ]);
    const policies = [policy({ using: "true" })];
    expect(compare(of({ rights }), of({ rights, policies }))).toEqual([
      "+ looks: policy select_brand for select to viewer using (true) [widened]",
    ]);
    expect(compare(of({ rights, policies }), of({ policies }))).toEqual([
      "- looks: select for manager, viewer [narrowed]",
      "~ looks: policy select_brand has no effect: no select is granted to viewer [notable]",
    ]);
  });

  it("tells of functions: who may run them, and with whose rights", () => {
    const of = (
      security: "definer" | "invoker",
      execute: string[],
    ): Access => ({
      roles: {},
      relations: {},
      functions: { "app_public.hide(uuid)": { security, execute } },
    });
    expect(
      compare(
        of("invoker", ["closetai_manager"]),
        of("definer", ["closetai_viewer"]),
      ),
    ).toEqual([
      "~ hide(uuid): runs with the rights of its owner [widened]",
      "+ hide(uuid): execute for viewer, with its owner's rights [widened]",
      "- hide(uuid): execute for manager [narrowed]",
    ]);
  });

  it("tells of a table that is gone once", () => {
    expect(
      compare(
        access({
          rights: { closetai_viewer: { select: true } },
          policies: [policy()],
        }),
        { roles: {}, functions: {}, relations: {} },
      ),
    ).toEqual(["- looks: everything, for viewer [narrowed]"]);
  });
});

describe("a change of tables", () => {
  const tables = (
    columns: Record<string, string> | null,
    enums: Tables["enums"] = {},
  ): Tables => ({
    relations: columns === null ? {} : { looks: { kind: "table", columns } },
    enums,
  });

  it("names columns with their types", () => {
    expect(
      lines(
        compareTables(
          tables({ id: "uuid not null", year: "integer", old: "text" }),
          tables({ id: "uuid not null", year: "smallint", mood: "text" }),
        ),
      ),
    ).toEqual([
      "+ looks.mood text [plain]",
      "- looks.old text [plain]",
      "~ looks.year integer → smallint [plain]",
    ]);
  });

  it("tells of tables and enums that come and go", () => {
    expect(
      lines(
        compareTables(
          tables(null, { mood: ["calm"] }),
          tables({ id: "uuid" }, { mood: ["calm", "loud"] }),
        ),
      ),
    ).toEqual([
      "+ looks (id uuid) [plain]",
      "~ enum mood: calm → calm, loud [plain]",
    ]);
    expect(lines(compareTables(tables({ id: "uuid" }), tables(null)))).toEqual([
      "- looks [plain]",
    ]);
  });
});

describe("a change of the GraphQL schema", () => {
  const schema = (look: string, more = "") =>
    buildSchema(`
      interface Node { id: ID! }
      type Query { look: Look looks(first: Int): LookConnection }
      type LookConnection { nodes: [Look] }
      type Look implements Node { id: ID! ${look} }
      ${more}
    `);

  it("tells what is new, and counts what only comes along", () => {
    expect(
      lines(
        compareSchemas(
          schema("name: String"),
          schema(
            "name: String mood: Mood",
            "enum Mood { CALM } input LookFilter { name: String }",
          ),
        ),
      ),
    ).toEqual([
      "+ Look.mood: Mood [plain]",
      "+ enum Mood (CALM) [plain]",
      "+ 1 more, of filters, orders, aggregates, inputs and payloads [plain]",
    ]);
  });

  it("marks what breaks a client", () => {
    const changes = lines(
      compareSchemas(
        schema("name: String price: Int", "enum Mood { CALM LOUD }"),
        schema("name: String!", "enum Mood { CALM }"),
      ),
    );
    expect(changes).toEqual(
      expect.arrayContaining([
        "- Look.price was removed. (breaking) [breaking]",
        "- LOUD was removed from enum type Mood. (breaking) [breaking]",
        "~ Look.name: String → String! [plain]",
      ]),
    );
  });

  it("tells of a type that is gone once, not for each of its fields", () => {
    const before = schema(
      "mood: Mood",
      "type Mood implements Node { id: ID! a: Int b: Int }",
    );
    const after = schema("name: String");
    expect(lines(compareSchemas(before, after))).toEqual([
      "- Look.mood was removed. (breaking) [breaking]",
      "+ Look.name: String [plain]",
      "- type Mood (breaking) [breaking]",
    ]);
  });
});

describe("a script", () => {
  it.each([
    ["select 1; select 2", ["select 1", "select 2"]],
    ["select ';'; select 'it''s;'", ["select ';'", "select 'it''s;'"]],
    [
      String.raw`select e'\';'; select 2`,
      [String.raw`select e'\';'`, "select 2"],
    ],
    ['select ";"; select 2', ['select ";"', "select 2"]],
    ["do $$ begin; end $$; select 2", ["do $$ begin; end $$", "select 2"]],
    [
      "select $a$ ; $$ ; $a$; select $1;",
      ["select $a$ ; $$ ; $a$", "select $1"],
    ],
    ["-- a; b\nselect 1; /* ; /* ; */ ; */ select 2", ["select 1", "select 2"]],
    [
      "create function f() returns int begin atomic select case when true then 1 end; select 2; end; select 3",
      [
        "create function f() returns int begin atomic select case when true then 1 end; select 2; end",
        "select 3",
      ],
    ],
    [
      "begin; select 1; end; select 2",
      ["begin", "select 1", "end", "select 2"],
    ],
    ["; ;\n", []],
    ["-- nothing", []],
  ])("%j is cut where its statements end", (script, statements) => {
    const found = splitStatements(script);
    expect(found.map(({ text }) => text)).toEqual(statements);
    for (const { start, text } of found) {
      expect(script.slice(start, start + text.length)).toBe(text);
    }
  });
});

describe("the report", () => {
  it("colours only where somebody sees it", async () => {
    const written: string[] = [];
    const stream = (isTTY: boolean) => {
      const output = new PassThrough();
      output.on("data", (chunk: Buffer) => written.push(chunk.toString()));
      // As a terminal answers it, whatever the tests themselves run in.
      const getColorDepth = () =>
        WriteStream.prototype.getColorDepth.call(null, {
          TERM: "xterm-256color",
          ...("NO_COLOR" in process.env && { NO_COLOR: "1" }),
        });
      return Object.assign(output, { isTTY, getColorDepth });
    };
    const told = {
      NO_COLOR: process.env["NO_COLOR"],
      FORCE_COLOR: process.env["FORCE_COLOR"],
    };
    delete process.env["NO_COLOR"];
    delete process.env["FORCE_COLOR"];
    try {
      makeReport(stream(true)).line("wide", "red");
      makeReport(stream(false)).line("wide", "red");
      process.env["NO_COLOR"] = "1";
      makeReport(stream(true)).line("wide", "red");
    } finally {
      for (const [name, value] of Object.entries(told)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
    expect(written).toEqual(["\u001b[31mwide\u001b[39m\n", "wide\n", "wide\n"]);
  });
});
