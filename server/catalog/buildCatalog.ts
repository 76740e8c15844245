import { createHash } from "node:crypto";

import type { Facts, RoleRights } from "./facts.ts";
import type {
  RegistryShape,
  ShapeField,
  ShapeResource,
} from "./readRegistry.ts";
import type {
  Catalog,
  CatalogField,
  CatalogMutation,
  CatalogRelated,
  CatalogResource,
  CatalogSchema,
} from "./types.ts";

const NO_RIGHTS: RoleRights = {
  select: false,
  insert: [],
  update: [],
  delete: false,
};

/** Read only where a page names it: the server makes it anew at every reading. */
const LINK = {
  kind: "string",
  array: false,
  read: false,
  create: false,
  update: false,
  filter: false,
  sort: false,
  reference: null,
} as const;

/** Never in a list unless a tag asks: keys, bulk and bookkeeping. */
const UNLISTED = new Set(["updated_at", "image_key"]);
const LIST_LENGTH = 7;

/** The catalogue of one role: what it may not do is not in it. */
export function buildCatalog(
  shape: RegistryShape,
  facts: Facts,
  role: string,
): Catalog {
  const visible = shape.resources.filter(
    ({ name }) => facts.tables[name]?.rights[role]?.select === true,
  );
  const names = new Set(visible.map(({ name }) => name));
  const resources = visible
    .map((resource) => describe(resource, names, visible, shape, facts, role))
    .sort(
      (a, b) =>
        a.order - b.order ||
        (a.label < b.label ? -1 : a.label > b.label ? 1 : 0),
    );
  const body = { role, resources };
  const version = createHash("sha256")
    .update(JSON.stringify(body))
    .digest("base64url")
    .slice(0, 22);
  return { version, ...body };
}

function describe(
  resource: ShapeResource,
  names: ReadonlySet<string>,
  visible: readonly ShapeResource[],
  shape: RegistryShape,
  facts: Facts,
  role: string,
): CatalogResource {
  const table = facts.tables[resource.name];
  const rights = table?.rights[role] ?? NO_RIGHTS;
  const { schema, tags } = resource;
  const fields = resource.fields
    .map((field) =>
      describeField(
        field,
        table?.columns[field.column],
        rights,
        table?.maxLengths ?? {},
        names,
      ),
    )
    .sort((a, b) => a.order - b.order);
  const granted = (
    mutation: CatalogMutation | null,
    allowed: boolean,
  ): CatalogMutation | null => (allowed ? mutation : null);
  const create = granted(schema.create, rights.insert.length > 0);
  const update = granted(
    schema.update,
    fields.some((field) => field.update && field.name !== schema.version),
  );
  const remove = granted(schema.delete, rights.delete);
  return {
    name: resource.name,
    kind: resource.kind,
    label: resource.label,
    singular: resource.singular,
    description: resource.description,
    help: tags["help"] || null,
    group: tags["group"] || null,
    icon: tags["icon"] || null,
    order: Number(tags["order"] ?? 1000),
    hidden: "hidden" in tags,
    isLive: table?.isLive ?? false,
    represent: resource.represent,
    verbs: {
      list: schema.list !== null,
      show: schema.one !== null,
      create: create !== null,
      update: update !== null,
      delete: remove !== null,
    },
    schema: {
      ...schema,
      create,
      update,
      delete: remove,
      search: mayRun(facts.searches[tags["search"] ?? ""], role)
        ? { by: "filter", field: "search", operator: "matches" }
        : schema.search,
      relations: readable(schema.relations, names),
      collections: readable(schema.collections, names),
      fields: Object.fromEntries([
        ...fields.map(
          (field) =>
            [
              field.name,
              {
                kind: field.kind,
                array: field.array,
                nullable: field.nullable,
                read: field.read,
                create: field.create,
                update: field.update,
                filter: field.filter,
                sort: field.sort,
                reference: field.reference?.resource ?? null,
              },
            ] as const,
        ),
        ...resource.links.map((name) => [name, LINK] as const),
      ]),
      // With a picture's key comes the link that shows it.
      columns: [
        ...fields.filter(({ read }) => read).map(({ name }) => name),
        ...resource.links.filter((link) =>
          fields.some(({ widget }) => widget?.options["url"] === link),
        ),
      ],
    },
    fields,
    list: resource.list ?? defaultList(resource, fields),
    related: relatedTo(resource.name, visible),
    actions: shape.actions
      .filter(
        (action) =>
          action.resource === resource.name &&
          facts.functions[action.function]?.includes(role),
      )
      .map(({ resource: _resource, function: _function, ...action }) => action),
  };
}

const mayRun = (roles: readonly string[] | undefined, role: string) =>
  roles?.includes(role) === true;

/** What leads to tables this role may read. */
const readable = (
  relations: CatalogSchema["relations"],
  names: ReadonlySet<string>,
): CatalogSchema["relations"] =>
  Object.fromEntries(
    Object.entries(relations).filter(([, { resource }]) => names.has(resource)),
  );

function describeField(
  field: ShapeField,
  column: { type: string; generated: boolean } | undefined,
  rights: RoleRights,
  maxLengths: Readonly<Record<string, number>>,
  names: ReadonlySet<string>,
): CatalogField {
  const generated = column?.generated ?? false;
  const create =
    field.creatable && !generated && rights.insert.includes(field.column);
  const update =
    field.updatable && !generated && rights.update.includes(field.column);
  const { creatable: _creatable, updatable: _updatable, ...shown } = field;
  const hasReference = field.reference && names.has(field.reference.resource);
  return {
    ...shown,
    // A link on a file is there for whoever may read files.
    widget:
      field.widget?.options["url"]?.includes(".") && !hasReference
        ? { name: field.widget.name, options: {} }
        : field.widget,
    pgType: column?.type ?? "unknown",
    generated,
    maxLength: maxLengths[field.column] ?? null,
    reference: hasReference ? field.reference : null,
    read: true,
    create,
    update,
    required: create && !field.nullable && !field.hasDefault,
  };
}

/** The columns a person would ask for first: what it is, what it belongs to, how it stands, when. */
function defaultList(
  resource: ShapeResource,
  fields: readonly CatalogField[],
): string[] {
  const score = (field: CatalogField): number => {
    if (field.name === resource.represent) return 0;
    if (field.widget?.name === "status" || field.kind === "enum") return 2;
    if (field.widget?.name === "money") return 3;
    if (field.reference) return 3;
    if (field.column === "created_at" || field.column === "occurred_at")
      return 4;
    if (field.kind === "boolean") return 5;
    if (field.array || field.kind === "json") return 8;
    return 5;
  };
  const isKey = (field: CatalogField) =>
    field.kind === "uuid" &&
    field.reference === null &&
    field.name !== resource.represent;
  const chosen = new Set(
    fields
      .filter(
        (field) =>
          !field.hidden && !isKey(field) && !UNLISTED.has(field.column),
      )
      .map((field, position) => ({ field, position }))
      .sort(
        (a, b) => score(a.field) - score(b.field) || a.position - b.position,
      )
      .slice(0, LIST_LENGTH)
      .map(({ field }) => field.name),
  );
  return [
    resource.represent,
    ...fields
      .filter(({ name }) => name !== resource.represent && chosen.has(name))
      .map(({ name }) => name),
  ];
}

function relatedTo(
  name: string,
  visible: readonly ShapeResource[],
): CatalogRelated[] {
  return visible.flatMap((other) =>
    other.fields
      .filter((field) => field.reference?.resource === name && field.filter)
      .map((field, _index, all) => ({
        resource: other.name,
        field: field.name,
        label: all.length > 1 ? `${other.label} (${field.label})` : other.label,
      })),
  );
}
