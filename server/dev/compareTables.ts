import { type Change, keysOf } from "./changes.ts";
import type { Tables } from "./describeTables.ts";

export function compareTables(before: Tables, after: Tables): Change[] {
  return [
    ...keysOf(before.relations, after.relations).flatMap((name) =>
      compareRelation(name, before.relations[name], after.relations[name]),
    ),
    ...keysOf(before.enums, after.enums).flatMap((name) =>
      compareEnum(name, before.enums[name], after.enums[name]),
    ),
  ];
}

type Relation = Tables["relations"][string];

function compareRelation(
  name: string,
  before: Relation | undefined,
  after: Relation | undefined,
): Change[] {
  if (before === undefined && after !== undefined) {
    const columns = Object.entries(after.columns).map(
      ([column, type]) => `${column} ${type}`,
    );
    const what = after.kind === "view" ? "view " : "";
    return [
      {
        sign: "+",
        text: `${what}${name} (${columns.join(", ")})`,
        tone: "plain",
      },
    ];
  }
  if (after === undefined) return [{ sign: "-", text: name, tone: "plain" }];
  const was = before?.columns ?? {};
  return keysOf(was, after.columns).flatMap((column): Change[] => {
    const from = was[column];
    const to = after.columns[column];
    const text = `${name}.${column}`;
    if (from === to) return [];
    if (from === undefined)
      return [{ sign: "+", text: `${text} ${to}`, tone: "plain" }];
    if (to === undefined)
      return [{ sign: "-", text: `${text} ${from}`, tone: "plain" }];
    return [{ sign: "~", text: `${text} ${from} → ${to}`, tone: "plain" }];
  });
}

function compareEnum(
  name: string,
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): Change[] {
  if (String(before) === String(after)) return [];
  const values = (list: readonly string[]) => list.join(", ");
  if (before === undefined) {
    return [
      {
        sign: "+",
        text: `enum ${name} (${values(after ?? [])})`,
        tone: "plain",
      },
    ];
  }
  if (after === undefined) {
    return [{ sign: "-", text: `enum ${name}`, tone: "plain" }];
  }
  return [
    {
      sign: "~",
      text: `enum ${name}: ${values(before)} → ${values(after)}`,
      tone: "plain",
    },
  ];
}
