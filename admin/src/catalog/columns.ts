import type { AdminCatalog, AdminResource } from "./adopt.ts";
import { fieldOf } from "./adopt.ts";
import type { CatalogField } from "./types.ts";

/** Relations followed to find a name for a record; each is a join. */
const MAX_HOPS = 2;

/**
 * The fields that stand for a record. A bare key tells a reader nothing: the
 * rest of a key of several columns speaks for it, or what else is unique.
 */
export function representing(resource: AdminResource): readonly string[] {
  const telling = (names: readonly string[]) =>
    names.filter((name) => {
      const field = fieldOf(resource, name);
      return field !== undefined && !isBareKey(resource, field);
    });
  const { id, primaryKey, unique } = resource.schema;
  const own =
    id.node && resource.represent === "id" ? primaryKey : [resource.represent];
  return (
    [own, ...unique.map((key) => Object.keys(key.arguments))]
      .map(telling)
      .find((names) => names.length > 0) ?? own
  );
}

/**
 * The paths whose values, read together, stand for a record: its own field, or
 * where that field is itself a key, the name of what it points at.
 */
export function representationPaths(
  catalog: AdminCatalog,
  resource: AdminResource,
  hops = MAX_HOPS,
): string[] {
  return representing(resource).flatMap((name) => {
    const field = fieldOf(resource, name);
    if (field === undefined) return [];
    const target = field.reference
      ? catalog.byName.get(field.reference.resource)
      : undefined;
    const relation = field.reference?.relation;
    if (target === undefined || relation == null || hops === 0) return [name];
    return representationPaths(catalog, target, hops - 1).map(
      (path) => `${relation}.${path}`,
    );
  });
}

export function valueAt(record: unknown, path: string): unknown {
  let value: unknown = record;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

const asText = (value: unknown): string =>
  value === null || value === undefined
    ? ""
    : typeof value === "string" || typeof value === "number"
      ? String(value)
      : typeof value === "boolean"
        ? value
          ? "true"
          : "false"
        : JSON.stringify(value);

/** What to call a record; its id where it has no name. */
export function representationOf(
  catalog: AdminCatalog,
  resource: AdminResource,
  record: Record<string, unknown>,
): string {
  const text = representationPaths(catalog, resource)
    .map((path) => asText(valueAt(record, path)))
    .filter((part) => part !== "")
    .join(" · ");
  return text === "" ? shortId(asText(record["id"])) : text;
}

/** A UUID is told from its neighbours by its end. */
export const shortId = (id: string): string =>
  id.length > 12 ? `…${id.slice(-8)}` : id;

/** Where the link to a picture stands, if the API has one. */
export const imagePath = (
  catalog: AdminCatalog,
  resource: AdminResource,
  field: CatalogField,
): string | null => {
  const tagged = field.widget?.options["url"];
  if (tagged !== undefined) return tagged;
  return field.name === "imageKey" &&
    catalog.schemas[resource.name]?.fields["imageUrl"] !== undefined
    ? "imageUrl"
    : null;
};

/** What has to be read so that a field can be shown, in the same request. */
export function pathsOf(
  catalog: AdminCatalog,
  resource: AdminResource,
  field: CatalogField,
): string[] {
  const { widget, reference } = field;
  if (widget?.name === "money") {
    const currency = widget.options["currency"];
    if (currency === undefined) return [field.name];
    const exponent = exponentPath(catalog, resource, currency);
    return [field.name, currency, ...(exponent === null ? [] : [exponent])];
  }
  if (widget?.name === "image") {
    const url = imagePath(catalog, resource, field);
    return [field.name, ...(url === null ? [] : [url])];
  }
  const target = reference ? catalog.byName.get(reference.resource) : undefined;
  if (reference?.relation == null || target === undefined) return [field.name];
  const { relation } = reference;
  return [
    field.name,
    ...representationPaths(catalog, target, MAX_HOPS - 1).map(
      (path) => `${relation}.${path}`,
    ),
  ];
}

/** The number of digits of an amount's currency, read beside the amount. */
export function exponentPath(
  catalog: AdminCatalog,
  resource: AdminResource,
  currency: string,
): string | null {
  const reference = fieldOf(resource, currency)?.reference;
  const target = reference ? catalog.byName.get(reference.resource) : undefined;
  return reference?.relation != null &&
    target !== undefined &&
    fieldOf(target, "exponent") !== undefined
    ? `${reference.relation}.exponent`
    : null;
}

export const columnsFor = (
  catalog: AdminCatalog,
  resource: AdminResource,
  fields: readonly CatalogField[],
): string[] => [
  ...new Set([
    ...representationPaths(catalog, resource),
    ...fields.flatMap((field) => pathsOf(catalog, resource, field)),
  ]),
];

/** A key nobody reads aloud: it stays out of tables and forms. */
export const isBareKey = (
  resource: AdminResource,
  field: CatalogField,
): boolean =>
  field.kind === "uuid" &&
  field.reference === null &&
  resource.schema.primaryKey.includes(field.name);

/** Part of another column, so it is not one of its own. */
const isCompanion = (resource: AdminResource, field: CatalogField): boolean =>
  resource.fields.some(
    (other) =>
      other.widget?.name === "money" &&
      other.widget.options["currency"] === field.name,
  );

/** Every column a person may put into the list. */
export const listable = (resource: AdminResource): CatalogField[] =>
  resource.fields.filter(
    (field) => field.read && !field.hidden && !isBareKey(resource, field),
  );

/** The columns of the list before anybody chose. */
export const defaultColumns = (resource: AdminResource): string[] => {
  const offered = new Map(
    listable(resource).map((field) => [field.name, field]),
  );
  return resource.list.filter((name) => {
    const field = offered.get(name);
    return field !== undefined && !isCompanion(resource, field);
  });
};

/** The chosen columns in their order; a column that no longer exists is left out. */
export function chosenColumns(
  resource: AdminResource,
  chosen: readonly string[] | null,
): CatalogField[] {
  const offered = new Map(
    listable(resource).map((field) => [field.name, field]),
  );
  const pick = (names: readonly string[]) =>
    names.flatMap((name) => offered.get(name) ?? []);
  const own = pick(chosen ?? []);
  return own.length > 0 ? own : pick(defaultColumns(resource));
}

/** The newest first where the table says when; else by its name. */
export function defaultSort(resource: AdminResource): {
  field: string;
  order: "ASC" | "DESC";
} {
  const sortable = (name: string) => fieldOf(resource, name)?.sort === true;
  for (const name of ["createdAt", "occurredAt", "created"]) {
    if (sortable(name)) return { field: name, order: "DESC" };
  }
  if (sortable("sort")) return { field: "sort", order: "ASC" };
  return sortable(resource.represent)
    ? { field: resource.represent, order: "ASC" }
    : { field: "id", order: "ASC" };
}
