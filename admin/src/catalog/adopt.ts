import type { ResourceSchema, ResourceSchemas } from "ra-data-postgraphile";

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
  /** What the data provider may ask: the catalogue's tables and the hand-written ones. */
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

/**
 * Joins the catalogue with what was written by hand. A table that hand-written
 * pages already show keeps the name those pages have ("brands" for
 * brand_accounts), and everything that points at it follows.
 */
export function adoptCatalog(
  catalog: Catalog,
  handwritten: ResourceSchemas,
  hasPages: (name: string) => boolean,
): AdminCatalog {
  const nameOf = makeNames(catalog, handwritten, hasPages);
  const resources = catalog.resources.map((resource) =>
    rename(resource, nameOf, hasPages),
  );
  const schemas: Record<string, ResourceSchema> = { ...handwritten };
  for (const resource of resources) {
    const own = handwritten[resource.name];
    const described = resource.schema as ResourceSchema;
    schemas[resource.name] =
      own === undefined
        ? described
        : hasPages(resource.name)
          ? {
              ...own,
              fields: { ...described.fields, ...own.fields },
              relations: { ...own.relations, ...described.relations },
              collections: { ...own.collections, ...described.collections },
            }
          : {
              ...described,
              fields: { ...own.fields, ...described.fields },
              relations: { ...own.relations, ...described.relations },
              collections: { ...own.collections, ...described.collections },
            };
  }
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

export const emptyCatalog = (handwritten: ResourceSchemas): AdminCatalog => ({
  version: "",
  role: "",
  resources: [],
  byName: new Map(),
  schemas: handwritten,
});

function makeNames(
  catalog: Catalog,
  handwritten: ResourceSchemas,
  hasPages: (name: string) => boolean,
): (table: string) => string {
  const byType = new Map(
    Object.values(handwritten).map((schema) => [schema.type, schema.name]),
  );
  const names = new Map(
    catalog.resources.map(({ name, schema }) => [
      name,
      // Ejected pages are called after the table itself.
      hasPages(name) ? name : (byType.get(schema.type) ?? name),
    ]),
  );
  return (table) => names.get(table) ?? table;
}

function rename(
  resource: CatalogResource,
  nameOf: (table: string) => string,
  hasPages: (name: string) => boolean,
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
    fields: resource.fields.map((field) =>
      field.reference === null
        ? field
        : {
            ...field,
            reference: {
              ...field.reference,
              resource: nameOf(field.reference.resource),
            },
          },
    ),
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
