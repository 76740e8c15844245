import { useEffect } from "react";
import { useStore } from "react-admin";
import { useLocation, useNavigate } from "react-router";

import { useSession } from "../useSession.ts";
import type { SavedView } from "./savedViews.ts";
import { defaultViewFor, roleIn, viewSearch } from "./savedViews.ts";
import { useSavedViews } from "./useSavedViews.ts";

/** Which view a list is in; kept while one looks at records and comes back. */
export const useActiveView = (name: string) =>
  useStore<string | null>(`catalog.${name}.view`, null);

/** Puts a list into the state of a view. */
export const useApplyView = (name: string) => {
  const navigate = useNavigate();
  const [, setActive] = useActiveView(name);
  const [, setColumns] = useStore<string[] | null>(
    `catalog.${name}.columns`,
    null,
  );
  const [, setDensity] = useStore<string>(
    `catalog.${name}.density`,
    "comfortable",
  );
  return (view: SavedView, options: { replace?: boolean } = {}) => {
    setActive(view.id);
    setColumns(view.view.columns ?? null);
    setDensity(view.view.density ?? "comfortable");
    void navigate(`/${name}?${viewSearch(view.view)}`, options);
  };
};

/**
 * The view a list opens with: the one its address names, or at the very first
 * visit the default of the person's role. False until that is settled, so that
 * the list asks for its rows once.
 */
export const useOpeningView = (name: string, table: string): boolean => {
  const { search } = useLocation();
  const { session } = useSession();
  const { views, isPending } = useSavedViews();
  const [listParams] = useStore<Record<string, unknown> | null>(
    `${name}.listParams`,
    null,
  );
  const [active] = useActiveView(name);
  const apply = useApplyView(name);
  const params = new URLSearchParams(search);
  const wanted = params.get("view");
  const isChosen =
    active !== null ||
    listParams !== null ||
    ["filter", "sort", "page"].some((key) => params.has(key));
  const view =
    wanted === null
      ? isChosen
        ? null
        : defaultViewFor(views, table, roleIn(session))
      : (views.find(({ id }) => id === wanted) ?? null);
  const mustWait = (wanted !== null || !isChosen) && isPending;

  useEffect(() => {
    if (!mustWait && view !== null) apply(view, { replace: true });
    // Applying changes the address, and with it whether there is a view to apply.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [mustWait, view?.id]);

  return !mustWait && view === null;
};
