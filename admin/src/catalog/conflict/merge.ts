/** Two people changed one record. What each did, and what becomes of it. */

export type Values = Readonly<Record<string, unknown>>;

export type FieldChange = {
  name: string;
  /** As both found it. */
  before: unknown;
  theirs: unknown;
  mine: unknown;
  /** Only where both changed it, and differently, is there a choice to make. */
  by: "me" | "them" | "both";
};

export type Choice = "mine" | "theirs";

/** A form reads an empty column as "", the database as null. */
const normal = (value: unknown): unknown =>
  value === undefined || value === "" ? null : value;

const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, item]) => [key, ordered(item)]),
    );
  }
  return value;
};

export const isSame = (a: unknown, b: unknown): boolean =>
  JSON.stringify(ordered(normal(a))) === JSON.stringify(ordered(normal(b)));

/** Every field somebody changed, in the order given. */
export function compareVersions(
  names: readonly string[],
  before: Values,
  theirs: Values,
  mine: Values,
): FieldChange[] {
  return names.flatMap((name) => {
    const change = {
      name,
      before: normal(before[name]),
      theirs: normal(theirs[name]),
      // A form sends only what it has.
      mine: normal(name in mine ? mine[name] : before[name]),
    };
    const byMe = !isSame(change.before, change.mine);
    const byThem = !isSame(change.before, change.theirs);
    if (!byMe && !byThem) return [];
    // Both wrote the same: nothing to decide, it is stored already.
    if (isSame(change.mine, change.theirs)) return [{ ...change, by: "them" }];
    return [{ ...change, by: byMe && byThem ? "both" : byMe ? "me" : "them" }];
  });
}

/** Nobody's work is lost unasked: what only one of both changed is kept. */
export const firstChoices = (
  changes: readonly FieldChange[],
): Record<string, Choice> =>
  Object.fromEntries(
    changes.map(({ name, by }) => [name, by === "them" ? "theirs" : "mine"]),
  );

/** What to save over their version. */
export function mergeVersions(
  theirs: Values,
  changes: readonly FieldChange[],
  choices: Readonly<Record<string, Choice>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...theirs };
  for (const { name, mine } of changes) {
    if (choices[name] === "mine") merged[name] = mine;
  }
  return merged;
}
