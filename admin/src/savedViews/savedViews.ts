import type { RaRecord } from "react-admin";

import type { BrandRole, Session } from "../session.ts";

/** A list as somebody wants to see it again. */
export type ViewState = {
  filter: Record<string, unknown>;
  sort: { field: string; order: "ASC" | "DESC" };
  perPage: number;
  /** Null: the columns the table is described with. */
  columns: string[] | null;
  density: string | null;
};

export type SavedView = RaRecord<string> & {
  userId: string;
  brandId: string | null;
  resource: string;
  name: string;
  view: Partial<ViewState>;
  isShared: boolean;
  defaultFor: BrandRole | null;
  updatedAt: string;
};

/** The address of a list in the state of a view, as react-admin reads it. */
export function viewSearch(view: Partial<ViewState>): string {
  const params = new URLSearchParams();
  params.set("filter", JSON.stringify(view.filter ?? {}));
  if (view.sort) {
    params.set("sort", view.sort.field);
    params.set("order", view.sort.order);
  }
  params.set("page", "1");
  if (view.perPage) params.set("perPage", String(view.perPage));
  return params.toString();
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(
          Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : item,
  );

/** Whether the list still is what the view says. */
export const isUnchanged = (
  view: Partial<ViewState>,
  state: ViewState,
): boolean =>
  canonical(view.filter ?? {}) === canonical(state.filter) &&
  (view.sort === undefined || canonical(view.sort) === canonical(state.sort)) &&
  (view.perPage === undefined || view.perPage === state.perPage) &&
  canonical(view.columns ?? null) === canonical(state.columns) &&
  (view.density ?? null) === (state.density ?? null);

/** One's own first, then the brand's; each by name. */
export const viewsOf = (
  views: readonly SavedView[],
  table: string,
  userId: string | undefined,
): SavedView[] =>
  views
    .filter((view) => view.resource === table)
    .sort(
      (a, b) =>
        Number(b.userId === userId) - Number(a.userId === userId) ||
        a.name.localeCompare(b.name),
    );

export const roleIn = (session: Session): BrandRole | null =>
  session.brands.find(({ id }) => id === session.brand?.id)?.role ?? null;

/** What somebody of this role sees who opens the list and chose nothing yet. */
export const defaultViewFor = (
  views: readonly SavedView[],
  table: string,
  role: BrandRole | null,
): SavedView | null =>
  role === null
    ? null
    : (views.find(
        (view) => view.resource === table && view.defaultFor === role,
      ) ?? null);
