import type { AdminCatalog } from "./adopt.ts";

/** Tables that were described while this page was open, and are no longer: name to label. */
export type Gone = ReadonlyMap<string, string>;

/** A table that comes back is not gone; another role simply sees others. */
export function goneSince(
  before: { catalog: AdminCatalog; gone: Gone } | null,
  now: AdminCatalog,
): Gone {
  if (before?.catalog.role !== now.role) return new Map();
  const known = [
    ...before.gone,
    ...before.catalog.resources.map(
      ({ name, label }) => [name, label] as const,
    ),
  ];
  return new Map(known.filter(([name]) => !now.byName.has(name)));
}
