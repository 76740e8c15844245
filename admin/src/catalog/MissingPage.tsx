import { GonePage, NotFoundPage } from "../layout/ErrorPage.tsx";
import { useGone } from "./CatalogContext.tsx";

/** Tells a table that was there a moment ago from an address that never was. */
export const MissingPage = ({ resource }: { resource: string }) => {
  const label = useGone().get(resource);
  return label === undefined ? <NotFoundPage /> : <GonePage label={label} />;
};
