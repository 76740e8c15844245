import type { ResourceSchema, ResourceSchemas } from "ra-data-postgraphile";

import { pageNames } from "../pageNames.ts";
import type { Catalog, CatalogField, CatalogResource } from "./types.ts";

/** A table as the admin knows it: under the name its pages have. */
export type AdminResource = CatalogResource & {
  /** The table's own name, as SQL and the audit trail write it. */
  table: string;
  /** Somebody wrote its pages; they stand in place of the generated ones. */
  handwritten: boolean;
};

export type AdminCatalog = {
  version: string;
  role: string;
  resources: readonly AdminResource[];
  byName: ReadonlyMap<string, AdminResource>;
  /** What the data provider may ask. */
  schemas: ResourceSchemas;
};

/** A field that a path leads to and the catalogue does not name: read only. */
const readOnlyText = {
  kind: "string",
  array: false,
  read: false,
  create: false,
  update: false,
  filter: false,
  sort: false,
  reference: null,
} as const;

/** What a column is called on the pages of a resource. */
type WordsFor = (
  resource: string,
  field: Pick<CatalogField, "name" | "label">,
) => string;

/**
 * The catalogue under the names the pages have: a table that hand-written pages
 * show may be called otherwise there ("brands" for brand_accounts), and everything
 * that points at it follows.
 */
export function adoptCatalog(
  catalog: Catalog,
  hasPages: (name: string) => boolean,
  wordsFor: WordsFor = (_resource, field) => field.label,
): AdminCatalog {
  // Ejected pages are called after the table itself.
  const nameOf = (table: string) =>
    hasPages(table) ? table : (pageNames[table] ?? table);
  const resources = catalog.resources.map((resource) =>
    rename(resource, nameOf, hasPages, wordsFor),
  );
  const schemas: Record<string, ResourceSchema> = Object.fromEntries(
    resources.map(({ name, schema }) => [name, schema]),
  );
  for (const resource of resources) {
    for (const field of resource.fields) {
      const path = field.widget?.options["url"];
      if (path !== undefined) addPath(schemas, resource.name, path);
    }
  }
  return {
    version: catalog.version,
    role: catalog.role,
    resources,
    byName: new Map(resources.map((resource) => [resource.name, resource])),
    schemas,
  };
}

/** Before anybody signed in, and until the catalogue has come. */
export const emptyCatalog: AdminCatalog = {
  version: "",
  role: "",
  resources: [],
  byName: new Map(),
  schemas: {},
};

function rename(
  resource: CatalogResource,
  nameOf: (table: string) => string,
  hasPages: (name: string) => boolean,
  wordsFor: WordsFor,
): AdminResource {
  const name = nameOf(resource.name);
  const { schema } = resource;
  return {
    ...resource,
    table: resource.name,
    handwritten: hasPages(name),
    name,
    schema: {
      ...schema,
      name,
      fields: Object.fromEntries(
        Object.entries(schema.fields).map(([key, field]) => [
          key,
          field.reference === null
            ? field
            : { ...field, reference: nameOf(field.reference) },
        ]),
      ),
      relations: renamed(schema.relations, nameOf),
      collections: renamed(schema.collections, nameOf),
    },
    fields: resource.fields.map((field) => ({
      ...field,
      label: wordsFor(name, field),
      reference:
        field.reference === null
          ? null
          : {
              ...field.reference,
              resource: nameOf(field.reference.resource),
            },
    })),
    related: resource.related.map((related) => ({
      ...related,
      resource: nameOf(related.resource),
    })),
  };
}

const renamed = (
  relations: CatalogResource["schema"]["relations"],
  nameOf: (table: string) => string,
): CatalogResource["schema"]["relations"] =>
  Object.fromEntries(
    Object.entries(relations).map(([key, relation]) => [
      key,
      { ...relation, resource: nameOf(relation.resource) },
    ]),
  );

function addPath(
  schemas: Record<string, ResourceSchema>,
  name: string,
  path: string,
): void {
  const schema = schemas[name];
  if (schema === undefined) return;
  const [head = "", ...rest] = path.split(".");
  const relation = schema.relations[head];
  if (rest.length > 0) {
    if (relation !== undefined) {
      addPath(schemas, relation.resource, rest.join("."));
    }
    return;
  }
  if (schema.fields[head] === undefined) {
    schemas[name] = {
      ...schema,
      fields: { ...schema.fields, [head]: readOnlyText },
    };
  }
}

export const fieldOf = (
  resource: Pick<AdminResource, "fields">,
  name: string,
): CatalogField | undefined =>
  resource.fields.find((field) => field.name === name);

/** Tables that get generated pages. */
export const isGenerated = (resource: AdminResource): boolean =>
  !resource.hidden && !resource.handwritten;
