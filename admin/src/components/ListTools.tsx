import type { ReactNode } from "react";
import { TopToolbar, useResourceContext } from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import { ExportMenu } from "../catalog/exports/ExportMenu.tsx";
import { SavedViewsMenu } from "../savedViews/SavedViewsMenu.tsx";

/** What every list can do, before what only this one can. */
export const ListTools = ({
  filter,
  children,
}: {
  /** What the page itself leaves out, whatever else is asked. */
  filter?: Record<string, unknown>;
  children?: ReactNode;
}) => {
  const resource = useCatalog().byName.get(useResourceContext() ?? "");
  return (
    <TopToolbar sx={{ alignItems: "center", gap: 0.5 }}>
      {resource && (
        <>
          <SavedViewsMenu name={resource.name} table={resource.table} />
          <ExportMenu
            resource={resource}
            columns="all"
            {...(filter ? { filter } : {})}
          />
        </>
      )}
      {children}
    </TopToolbar>
  );
};
