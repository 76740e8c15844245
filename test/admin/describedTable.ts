import type { AdminCatalog } from "../../admin/src/catalog/adopt.ts";
import { adoptCatalog } from "../../admin/src/catalog/adopt.ts";
import type {
  Catalog,
  CatalogField,
  CatalogResource,
} from "../../server/catalog/types.ts";

/** A column of a table that nobody has; a test states only what matters. */
export const buildField = (
  given: Partial<CatalogField> & Pick<CatalogField, "name">,
): CatalogField => ({
  column: given.name.replaceAll(/[A-Z]/g, (one) => `_${one.toLowerCase()}`),
  label: given.name,
  help: null,
  pgType: "text",
  kind: "string",
  array: false,
  nullable: true,
  hasDefault: false,
  generated: false,
  maxLength: null,
  values: null,
  reference: null,
  widget: null,
  order: 0,
  hidden: false,
  read: true,
  create: true,
  update: true,
  filter: true,
  sort: true,
  group: false,
  required: false,
  ...given,
});

export function buildResource(
  given: Partial<CatalogResource> & { name: string; type: string },
  fields: readonly CatalogField[],
): CatalogResource {
  const { name, type, ...rest } = given;
  const one = type.charAt(0).toLowerCase() + type.slice(1);
  return {
    kind: "table",
    label: name,
    singular: type,
    description: null,
    help: null,
    group: null,
    icon: null,
    order: 1000,
    hidden: false,
    isLive: false,
    represent: "name",
    verbs: {
      list: true,
      show: true,
      create: true,
      update: true,
      delete: true,
    },
    fields: [...fields],
    list: fields.map((field) => field.name),
    related: [],
    actions: [],
    ...rest,
    name,
    schema: {
      name,
      type,
      id: { field: "rowId", type: "UUID", kind: "uuid", node: false },
      primaryKey: ["rowId"],
      list: {
        field: name,
        filterType: `${type}Filter`,
        orderByType: `${type}OrderBy`,
        groupByType: `${type}GroupBy`,
        havingType: `${type}HavingInput`,
      },
      one: { field: one, argument: "rowId" },
      unique: [],
      create: null,
      update: null,
      delete: null,
      relations: Object.fromEntries(
        fields.flatMap(({ reference, nullable }) =>
          reference?.relation == null
            ? []
            : [
                [
                  reference.relation,
                  {
                    resource: reference.resource,
                    exists: nullable ? `${reference.relation}Exists` : null,
                  },
                ],
              ],
        ),
      ),
      collections: {},
      fields: Object.fromEntries(
        fields.map((field) => [
          field.name,
          {
            kind: field.kind,
            array: field.array,
            read: field.read,
            create: field.create,
            update: field.update,
            filter: field.filter,
            sort: field.sort,
            reference: field.reference?.resource ?? null,
          },
        ]),
      ),
      columns: fields.map((field) => field.name),
      search: { by: "fields", fields: ["name"] },
      version: "updatedAt",
      ...rest.schema,
    },
  };
}

const key = buildField({
  name: "rowId",
  column: "id",
  kind: "uuid",
  nullable: false,
  hasDefault: true,
  create: false,
  update: false,
});

export const currencies = buildResource(
  { name: "currencies", type: "Currency", represent: "label" },
  [
    buildField({ name: "code", nullable: false }),
    buildField({ name: "label", nullable: false }),
    buildField({ name: "exponent", kind: "int", nullable: false }),
  ],
);

export const brandAccounts = buildResource(
  { name: "brand_accounts", type: "BrandAccount" },
  [key, buildField({ name: "name", nullable: false })],
);

/** One column of every kind and widget. */
export const looks = buildResource(
  {
    name: "looks",
    type: "Look",
    label: "Looks",
    singular: "Look",
    icon: "style",
    list: ["name", "brandId", "season", "priceMinor", "currency", "createdAt"],
  },
  [
    key,
    buildField({
      name: "brandId",
      kind: "uuid",
      nullable: false,
      required: true,
      update: false,
      reference: { resource: "brand_accounts", relation: "brand" },
    }),
    buildField({
      name: "name",
      nullable: false,
      required: true,
      maxLength: 200,
      help: 'What shoppers read, e.g. "Riviera {1}".',
    }),
    buildField({
      name: "season",
      kind: "enum",
      values: [
        { value: "spring", label: "Spring" },
        { value: "autumn", label: "Autumn" },
      ],
    }),
    buildField({
      name: "priceMinor",
      kind: "bigint",
      widget: { name: "money", options: { currency: "currency" } },
    }),
    buildField({
      name: "currency",
      reference: { resource: "currencies", relation: "currencyByCurrency" },
    }),
    buildField({
      name: "feeCents",
      kind: "bigint",
      widget: { name: "money", options: { currencyCode: "usd" } },
    }),
    buildField({
      name: "margin",
      kind: "numeric",
      widget: { name: "percent", options: {} },
    }),
    buildField({
      name: "tags",
      array: true,
      nullable: false,
      hasDefault: true,
      sort: false,
      widget: { name: "tags", options: {} },
    }),
    buildField({
      name: "coverKey",
      widget: { name: "image", options: { url: "cover.url" } },
    }),
    buildField({
      name: "details",
      kind: "json",
      filter: false,
      sort: false,
      widget: { name: "json", options: {} },
    }),
    buildField({ name: "notes", widget: { name: "markdown", options: {} } }),
    buildField({ name: "weight", kind: "numeric" }),
    buildField({ name: "shownOn", kind: "date" }),
    buildField({
      name: "active",
      kind: "boolean",
      nullable: false,
      hasDefault: true,
    }),
    buildField({
      name: "createdAt",
      kind: "datetime",
      nullable: false,
      create: false,
      update: false,
    }),
    buildField({
      name: "updatedAt",
      kind: "datetime",
      nullable: false,
      create: false,
    }),
  ],
);

export const catalog: Catalog = {
  version: "1",
  role: "closetai_manager",
  resources: [brandAccounts, currencies, looks],
};

export const adopted = (pages: readonly string[] = []): AdminCatalog =>
  adoptCatalog(catalog, (name) => pages.includes(name));

export function resourceOf(from: AdminCatalog, name: string) {
  const resource = from.byName.get(name);
  if (resource === undefined) throw new Error(`There is no ${name}.`);
  return resource;
}
