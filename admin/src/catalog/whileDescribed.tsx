import type { ComponentType } from "react";
import { useResourceContext } from "react-admin";

import { useCatalog } from "./CatalogContext.tsx";
import { MissingPage } from "./MissingPage.tsx";

/** A generated page, for as long as its table is there: a developer may drop it. */
export const whileDescribed = (Page: ComponentType): ComponentType =>
  function DescribedPage() {
    const name = useResourceContext() ?? "";
    return useCatalog().byName.has(name) ? (
      <Page />
    ) : (
      <MissingPage resource={name} />
    );
  };
