import { AdminTagsPlugin } from "./AdminTagsPlugin.ts";
import { CatalogPlugin } from "./CatalogPlugin.ts";
import { SearchPlugin } from "./SearchPlugin.ts";

/** What the catalogue adds to the making of the schema. */
export const catalogPlugins: readonly GraphileConfig.Plugin[] = [
  AdminTagsPlugin,
  SearchPlugin,
  CatalogPlugin,
];
