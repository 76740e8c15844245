import type { AdminResource } from "../catalog/adopt.ts";
import type { CatalogField } from "../catalog/types.ts";

/** One entry of the audit trail about one row. */
export type HistoryEntry = {
  id: string;
  occurredAt: string;
  action: string;
  actorKind: string;
  actorName: string | null;
  changedColumns: string[] | null;
  diff: Record<string, unknown> | null;
  reason: string | null;
};

export type FieldDiff = {
  /** SQL name. */
  column: string;
  field: CatalogField | null;
  before: unknown;
  after: unknown;
};

/** The audit trail names a row by its key's columns joined by commas. */
export const rowKey = (
  resource: AdminResource,
  record: Readonly<Record<string, unknown>>,
): string =>
  resource.schema.primaryKey.map((name) => String(record[name])).join(",");

/** The bookkeeping of every save says nothing about what was done. */
const UNTOLD = new Set(["updated_at", "created_at"]);

/** What one entry changed, column by column, as far as it may be told. */
export function diffsOf(
  resource: AdminResource,
  entry: Pick<HistoryEntry, "diff">,
): FieldDiff[] {
  return Object.entries(entry.diff ?? {}).flatMap(([column, change]) => {
    if (UNTOLD.has(column) || !Array.isArray(change)) return [];
    const [before = null, after = null] = change as unknown[];
    return [
      {
        column,
        field: resource.fields.find((field) => field.column === column) ?? null,
        before,
        after,
      },
    ];
  });
}

/** The values that undo an entry: what this role may still write, as it was. */
export function revertOf(
  resource: AdminResource,
  diffs: readonly FieldDiff[],
  record: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { field, before } of diffs) {
    if (field === null || !field.update) continue;
    if (field.name === resource.schema.version) continue;
    if (JSON.stringify(record[field.name] ?? null) === JSON.stringify(before)) {
      continue;
    }
    values[field.name] = before;
  }
  return values;
}
