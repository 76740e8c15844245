/** The document the server sends; its words are the server's own. */
export type {
  Catalog,
  CatalogAction,
  CatalogField,
  CatalogRelated,
  CatalogResource,
  CatalogWidget,
  IconName,
  ScalarKind,
  WidgetName,
} from "../../../server/catalog/types.ts";
