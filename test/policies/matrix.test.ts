import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { type ActorName, actorNames } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { createWorld } from "../helpers/world.ts";
import {
  columnsFor,
  deleteFor,
  insertFor,
  matrix,
  selectFor,
  updateFor,
} from "./matrix.ts";
import {
  installProbe,
  type Known,
  knowTable,
  listOf,
  type Outcomes,
  probe,
  probeAsRoot,
  throughLogins,
} from "./probe.ts";
import { subjects } from "./subjects.ts";

let db: TestDatabase;
/** What there is, before and after all attempts. */
const known = new Map<string, Known>();
const answers = new Map<string, Map<ActorName, Outcomes>>();
let contentBefore: string;

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await installProbe(root);
    await createWorld(root);
    for (const subject of subjects) {
      known.set(subject.table, await knowTable(root, subject));
    }
    contentBefore = await contentOf();
  } finally {
    root.release();
  }
  const run = throughLogins(db);
  for (const subject of subjects) {
    answers.set(
      subject.table,
      await probe(run, subject, knownOf(subject.table), { columns: true }),
    );
  }
});

afterAll(() => db.drop());

async function contentOf(): Promise<string> {
  const tables = subjects.filter(({ view }) => !view);
  const { rows } = await db.root.query<{ content: string }>(
    tables
      .map(
        ({ table }) =>
          `select '${table}' as name, md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as content from ${table} t`,
      )
      .join(" union all ") + " order by 1",
  );
  return JSON.stringify(rows);
}

function knownOf(table: string): Known {
  const found = known.get(table);
  if (found === undefined) throw new Error(`${table} was not looked at`);
  return found;
}

function answerOf(table: string, actor: ActorName, cell: string): string {
  const answer = answers.get(table)?.get(actor)?.get(cell);
  if (answer === undefined) {
    throw new Error(`${actor} was not asked: ${cell} of ${table}`);
  }
  return answer;
}

/** What an update or a delete is expected to leave behind, in probe's words. */
function changeOf(
  table: string,
  rows: readonly string[] | "all" | null,
): string {
  if (rows === null) return "denied";
  const names =
    rows === "all" ? knownOf(table).rows.map(({ name }) => name) : rows;
  // One statement for all rows ends in the error of the first that fails.
  const codes = new Set(
    names.flatMap((name) => (name.includes("=") ? [name.split("=")[1]] : [])),
  );
  const atOnce = codes.size === 0 ? String(names.length) : [...codes].join("");
  return `${listOf([...names])}; at once ${atOnce}`;
}

function sentence(
  actor: ActorName,
  rows: readonly string[] | "all" | null,
  verb: string,
  table: string,
): string {
  if (rows === null) return `${actor} cannot ${verb} ${table}`;
  if (rows === "all") return `${actor} can ${verb} every row of ${table}`;
  const names = rows.filter((row) => !row.includes("="));
  return names.length === 0
    ? `${actor} can ${verb} no row of ${table}`
    : `${actor} can ${verb} ${names.join(", ")} and no other row of ${table}`;
}

describe("the matrix", () => {
  it("speaks of every table and view", async () => {
    const { rows } = await db.root.query<{ name: string }>(
      `select n.nspname || '.' || c.relname as name
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('app_public', 'app_private', 'app_hidden')
          and c.relkind in ('r', 'p', 'v', 'm', 'f')
        order by 1`,
    );
    const names = rows.map(({ name }) => name);
    expect(subjects.map(({ table }) => table).sort()).toEqual(names);
    expect(Object.keys(matrix).sort()).toEqual(names);
  });

  it("speaks of rows that exist, and of attempts that are made", () => {
    for (const subject of subjects) {
      const rules = matrix[subject.table];
      const names = new Set(
        knownOf(subject.table).rows.map(({ name }) => name),
      );
      const lists = [
        ...(rules?.select ?? []),
        ...(rules?.delete ?? []),
        ...Object.values(rules?.update?.rows ?? {}).flat(),
      ].flatMap(([, rows]) => (rows === "all" ? [] : rows));
      for (const row of lists) {
        expect({
          table: subject.table,
          row,
          exists: names.has(row.split("=")[0] ?? ""),
        }).toEqual({
          table: subject.table,
          row,
          exists: true,
        });
      }
      expect(Object.keys(rules?.insert?.done ?? {})).toEqual(
        rules?.insert ? Object.keys(subject.inserts ?? {}) : [],
      );
      for (const update of Object.keys(rules?.update?.rows ?? {})) {
        expect(Object.keys(subject.updates ?? {})).toContain(update);
      }
    }
  });
});

describe("the controls", () => {
  it.each(subjects.map(({ table }) => table))(
    "the superuser sees rows in %s, so that a denial is not emptiness",
    (table) => {
      expect(knownOf(table).rows.length).toBeGreaterThan(0);
    },
  );

  it.each(subjects.filter(({ view }) => !view))(
    "every attempt on $table could succeed: it does for the superuser, or ends in a rule of the data",
    async (subject) => {
      const root = await db.root.connect();
      try {
        const outcomes = await probeAsRoot(
          root,
          subject,
          knownOf(subject.table),
        );
        // A foreign key, a default that is taken, the last owner or admin, an
        // erasure without its date, the append-only trail, a file in use.
        const fine =
          /^(sees .+|rows [1-9]\d*|23001|23503|23505|23514|LASTO|DNIED|INUSE)$/;
        // Without a person "an own row" is nobody's: not-null, not a policy.
        const ownerless = (part: string, outcome: string): boolean =>
          part === "insert" && ["23502", "23514", "NTFND"].includes(outcome);
        expect(
          outcomes.filter(
            ({ part, outcome }) =>
              !fine.test(outcome) && !ownerless(part, outcome),
          ),
        ).toEqual([]);
      } finally {
        root.release();
      }
    },
  );

  it("no attempt left anything behind", async () => {
    expect(await contentOf()).toBe(contentBefore);
  });
});

describe.each(subjects)("$table", (subject) => {
  const { table } = subject;
  const rules = matrix[table] ?? {};

  for (const actor of actorNames) {
    const visible = selectFor(rules, actor);
    it(sentence(actor, visible, "select", table), () => {
      const all = knownOf(table).rows.map(({ name }) => name);
      const expected =
        visible === null
          ? "denied"
          : listOf(visible === "all" ? all : [...visible]);
      expect(answerOf(table, actor, "select")).toBe(expected);
      // Who sees a part, or nothing, is kept from rows that are there.
      if (visible !== "all") {
        const hidden = all.filter((row) => !visible?.includes(row));
        expect(hidden).not.toEqual([]);
      }
    });
    if (subject.view) continue;

    for (const [attempt, row] of Object.entries(subject.inserts ?? {})) {
      const expected = insertFor(rules, attempt, Object.keys(row), actor);
      it(`${actor} ${expected === "done" ? "can" : "cannot"} insert ${attempt} into ${table}`, () => {
        expect(answerOf(table, actor, `insert ${attempt}`)).toBe(expected);
      });
    }

    for (const update of Object.keys(subject.updates ?? {})) {
      const rows = updateFor(rules, update, actor);
      it(sentence(actor, rows, `update ${update} of`, table), () => {
        expect(answerOf(table, actor, `update ${update}`)).toBe(
          changeOf(table, rows),
        );
      });
    }

    const removable = deleteFor(rules, actor);
    it(sentence(actor, removable, "delete", table), () => {
      expect(answerOf(table, actor, "delete")).toBe(changeOf(table, removable));
    });

    for (const verb of ["insert", "update"] as const) {
      const columns = columnsFor(rules, verb, actor);
      const name =
        columns === null
          ? `${actor} cannot name any column to ${verb} ${table}`
          : `${actor} can ${verb} ${columns.join(", ")} of ${table}, and no other column`;
      it(name, () => {
        expect(
          answerOf(table, actor, `${verb} columns`).split(", ").sort(),
        ).toEqual(columns === null ? ["denied"] : [...columns].sort());
      });
    }
  }
});
