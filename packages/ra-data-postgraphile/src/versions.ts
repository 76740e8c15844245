import { isSameValue } from "./values.ts";

type Version = Readonly<Record<string, unknown>>;

export type FieldDifference = {
  base: unknown;
  mine: unknown;
  theirs: unknown;
  /** Both changed it, and not to the same. */
  conflict: boolean;
};

export type VersionDifference = Record<string, FieldDifference>;

export type DiffOptions = {
  /** Which fields are compared; by default every field of the three. */
  fields?: readonly string[];
  /** Fields that always differ, such as `updatedAt`. */
  ignore?: readonly string[];
};

/**
 * Three versions of a record, field by field: as it was read, as this person has
 * it now, and as it stands on the server. Only fields that somebody changed.
 */
export const diffVersions = (
  base: Version,
  mine: Version,
  theirs: Version,
  options: DiffOptions = {},
): VersionDifference => {
  const ignored = new Set([...(options.ignore ?? []), "id", "__typename"]);
  const names = options.fields ?? [
    ...new Set([
      ...Object.keys(base),
      ...Object.keys(theirs),
      ...Object.keys(mine),
    ]),
  ];
  const difference: VersionDifference = {};
  for (const name of names) {
    if (ignored.has(name)) continue;
    const before = base[name] ?? null;
    const now = theirs[name] ?? null;
    // A field that a form does not hold was not changed by it.
    const wanted = Object.hasOwn(mine, name) ? (mine[name] ?? null) : before;
    const isMine = !isSameValue(before, wanted);
    const isTheirs = !isSameValue(before, now);
    if (!isMine && !isTheirs) continue;
    difference[name] = {
      base: before,
      mine: wanted,
      theirs: now,
      conflict: isMine && isTheirs && !isSameValue(wanted, now),
    };
  }
  return difference;
};

/**
 * The record to save after a choice for each conflict: the newest version with
 * what this person changed and chose to keep. Send it with `theirs` as
 * `previousData`, so that it stands on the newest version.
 */
export const mergeVersions = <Stored extends Version>(
  theirs: Stored,
  difference: VersionDifference,
  choices: Readonly<Record<string, "mine" | "theirs">> = {},
): Stored => {
  const merged: Record<string, unknown> = { ...theirs };
  for (const [name, field] of Object.entries(difference)) {
    const choice =
      choices[name] ??
      (isSameValue(field.base, field.mine) ? "theirs" : "mine");
    if (field.conflict && choices[name] === undefined) {
      throw new Error(`Choose a version of ${name} first.`);
    }
    if (choice === "mine") merged[name] = field.mine;
  }
  return merged as Stored;
};
