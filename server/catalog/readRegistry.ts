import "postgraphile";

import {
  getNamedType,
  getNullableType,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";
import type {
  PgCodecAttribute,
  PgCodecRelation,
  PgCodecWithAttributes,
  PgResource,
} from "postgraphile/@dataplan/pg";

import { columnLabel, sentence } from "./labels.ts";
import {
  type AdminTags,
  adminTags,
  lateTagFaults,
  tagFaults,
  widgetFaults,
  widgetOf,
} from "./smartTags.ts";
import type {
  CatalogAction,
  CatalogMutation,
  CatalogSchema,
  CatalogWidget,
  ScalarKind,
} from "./types.ts";

export type ShapeField = {
  name: string;
  column: string;
  label: string;
  help: string | null;
  kind: ScalarKind;
  array: boolean;
  nullable: boolean;
  hasDefault: boolean;
  values: { value: string; label: string }[] | null;
  reference: { resource: string; relation: string | null } | null;
  widget: CatalogWidget | null;
  order: number;
  hidden: boolean;
  filter: boolean;
  sort: boolean;
  group: boolean;
  /** In the input types at all, whatever the role. */
  creatable: boolean;
  updatable: boolean;
};

export type ShapeResource = {
  name: string;
  kind: "table" | "view";
  tags: AdminTags;
  label: string;
  singular: string;
  description: string | null;
  fields: ShapeField[];
  /** Texts the API adds beside the columns, such as the link to a picture. */
  links: string[];
  schema: Omit<CatalogSchema, "fields" | "columns">;
  represent: string;
  list: string[] | null;
};

export type ShapeAction = CatalogAction & {
  resource: string;
  function: string;
};

export type RegistryShape = {
  resources: ShapeResource[];
  actions: ShapeAction[];
  /** Misspelt or misplaced tags, one sentence each. */
  faults: string[];
};

const KINDS: Readonly<Record<string, ScalarKind>> = {
  String: "string",
  Int: "int",
  Float: "float",
  BigInt: "bigint",
  BigFloat: "numeric",
  Boolean: "boolean",
  Datetime: "datetime",
  Date: "date",
  Time: "time",
  UUID: "uuid",
  JSON: "json",
};

/** Columns that stand for a record, best first. */
const REPRESENTATIVES = [
  "name",
  "title",
  "label",
  "display_name",
  "email",
  "slug",
  "sku",
  "code",
  "filename",
  "key",
];

type TableResource = PgResource<string, PgCodecWithAttributes>;
type Build = GraphileBuild.Build;
type FunctionResource = Parameters<
  GraphileBuild.Inflection["customMutationField"]
>[0]["resource"];

function isTable(resource: PgResource): resource is TableResource {
  return (
    !!resource.codec.attributes && !resource.parameters && !resource.isVirtual
  );
}

const tableName = (table: TableResource): string =>
  table.codec.extensions?.pg?.name ?? table.name;

/** The kind of a GraphQL value, or null where a form could not show it. */
function kindOf(type: GraphQLNamedType): ScalarKind | null {
  if (isEnumType(type)) return "enum";
  return KINDS[type.name] ?? null;
}

function valuesOf(type: GraphQLNamedType) {
  return isEnumType(type)
    ? type
        .getValues()
        .map(({ name }) => ({ value: name, label: sentence(name) }))
    : null;
}

export function readRegistry(
  schema: GraphQLSchema,
  build: Build,
): RegistryShape {
  const faults: string[] = [];
  const resources: ShapeResource[] = [];
  const tables = Object.values(build.input.pgRegistry.pgResources).filter(
    isTable,
  );
  const reader = new RegistryReader(schema, build, faults);
  for (const table of tables) {
    const resource = reader.resource(table);
    if (resource !== null) resources.push(resource);
  }
  const known = new Set(resources.map(({ name }) => name));
  for (const resource of resources) {
    for (const field of resource.fields) {
      if (field.reference && !known.has(field.reference.resource)) {
        field.reference = null;
      }
    }
    for (const relations of [
      resource.schema.relations,
      resource.schema.collections,
    ]) {
      for (const [name, { resource: target }] of Object.entries(relations)) {
        if (!known.has(target)) delete relations[name];
      }
    }
  }
  return { resources, actions: reader.actions(known), faults };
}

class RegistryReader {
  readonly #schema: GraphQLSchema;
  readonly #build: Build;
  readonly #faults: string[];

  constructor(schema: GraphQLSchema, build: Build, faults: string[]) {
    this.#schema = schema;
    this.#build = build;
    this.#faults = faults;
  }

  resource(table: TableResource): ShapeResource | null {
    const { inflection } = this.#build;
    const type = this.#schema.getType(inflection.tableType(table.codec));
    const name = table.codec.extensions?.pg?.name ?? table.name;
    const primary = table.uniques.find((unique) => unique.isPrimary);
    if (!isObjectType(type) || primary === undefined) return null;
    const list = this.#list(table);
    if (list === null) return null;

    const tags = adminTags(table.extensions?.tags);
    const description = table.description ?? table.codec.description ?? null;
    this.#faults.push(
      ...tagFaults(`table ${name}`, "table", tags),
      ...lateTagFaults(`table ${name}`, description),
    );
    if ("live" in tags && table.extensions?.isView !== true) {
      this.#faults.push(
        `table ${name}: @admin.live stands on a view. A table is live by app_private.announce_changes.`,
      );
    }
    const fields = this.#fields(table, type, list.filterType, list.groupByType);
    const byColumn = new Map(fields.map((field) => [field.column, field]));
    const keys = primary.attributes.map((column) => byColumn.get(column)?.name);
    if (keys.some((key) => key === undefined)) return null;
    const id = this.#id(primary.attributes, byColumn);

    const columnsNamed = (tag: "list" | "represent") =>
      tags[tag]?.split(/\s*,\s*/).flatMap((column) => {
        const field = byColumn.get(column);
        if (field === undefined) {
          this.#faults.push(
            `table ${name}: @admin.${tag} names ${column}, which is not a column it shows.`,
          );
        }
        return field ? [field.name] : [];
      });
    const represent =
      columnsNamed("represent")?.[0] ??
      REPRESENTATIVES.map((column) => byColumn.get(column)?.name).find(
        (found) => found !== undefined,
      ) ??
      id.field;
    const label = tags["label"] || sentence(name);
    return {
      name,
      kind: table.extensions?.isView ? "view" : "table",
      tags,
      label,
      singular: tags["singular"] || sentence(inflection.singularize(name)),
      description,
      fields,
      links: linksOf(type, fields),
      represent,
      list: columnsNamed("list") ?? null,
      schema: {
        name,
        type: type.name,
        id,
        primaryKey: keys.filter((key) => key !== undefined),
        list,
        one: this.#one(type, id),
        unique: this.#uniques(table, byColumn),
        create: this.#create(table),
        update: this.#change(table, "update", id),
        delete: this.#change(table, "delete", id),
        relations: this.#relations(table, type, list.filterType),
        collections: this.#collections(table, list.filterType),
        search: this.#search(byColumn),
        version: byColumn.get("updated_at")?.name ?? null,
      },
    };
  }

  #list(table: TableResource): NonNullable<CatalogSchema["list"]> | null {
    const { inflection } = this.#build;
    const field = inflection.allRowsConnection(table);
    const connection = this.#schema.getQueryType()?.getFields()[field];
    if (connection === undefined) return null;
    const type = inflection.tableType(table.codec);
    // The types of aggregates are found on the connection itself.
    const pages = getNamedType(connection.type);
    const grouped = isObjectType(pages)
      ? pages.getFields()["groupedAggregates"]
      : undefined;
    const argumentType = (name: string) => {
      const argument = grouped?.args.find((one) => one.name === name);
      return argument ? getNamedType(argument.type).name : "";
    };
    return {
      field,
      filterType: inflection.filterType(type),
      orderByType: inflection.orderByType(type),
      groupByType: argumentType("groupBy"),
      havingType: argumentType("having"),
    };
  }

  #fields(
    table: TableResource,
    type: GraphQLObjectType,
    filterType: string,
    groupByType: string,
  ): ShapeField[] {
    const { inflection } = this.#build;
    const { codec } = table;
    const outputs = type.getFields();
    const filters = this.#inputFields(filterType);
    const orderBy = this.#enumNames(inflection.orderByType(type.name));
    const groupBy = this.#enumNames(groupByType);
    const creates = this.#inputFields(inflection.inputType(type.name));
    const patches = this.#inputFields(inflection.patchType(type.name));
    return Object.entries<PgCodecAttribute>(codec.attributes).flatMap(
      ([column, attribute], position) => {
        const name = inflection.attribute({ attributeName: column, codec });
        const output = outputs[name];
        if (output === undefined) return [];
        const shown = describeType(output);
        if (shown === null) return [];
        const tags = adminTags(attribute.extensions?.tags);
        const where = `column ${tableName(table)}.${column}`;
        this.#faults.push(
          ...tagFaults(where, "column", tags),
          ...lateTagFaults(where, attribute.description),
        );
        const constant = inflection.constantCase(name);
        return [
          {
            name,
            column,
            label: tags["label"] || columnLabel(column),
            help: tags["help"] || attribute.description || null,
            ...shown,
            nullable: !attribute.notNull,
            hasDefault: attribute.hasDefault ?? false,
            reference: this.#reference(table, column, type),
            widget: this.#widget(table, column, shown, tags, type),
            order: Number(tags["order"] ?? position),
            hidden: "hidden" in tags,
            filter: name in filters,
            sort: orderBy.has(`${constant}_ASC`),
            group: groupBy.has(constant),
            creatable: name in creates,
            updatable: name in patches,
          },
        ];
      },
    );
  }

  #widget(
    table: TableResource,
    column: string,
    shown: { kind: ScalarKind; array: boolean },
    tags: AdminTags,
    type: GraphQLObjectType,
  ): CatalogWidget | null {
    const { inflection } = this.#build;
    const { codec } = table;
    const fieldOf = (name: string) =>
      name in codec.attributes
        ? inflection.attribute({ attributeName: name, codec })
        : undefined;
    const tagged = widgetOf(tags);
    if (tagged !== null) {
      const options: Record<string, string> = {};
      for (const [key, value] of Object.entries(tagged.options)) {
        const code = /^'([a-z]{3})'$/.exec(value)?.[1];
        const field = fieldOf(value);
        if (code !== undefined) {
          if (tagged.name === "money" && key === "currency") {
            options["currencyCode"] = code;
          } else {
            this.#faults.push(
              `column ${tableName(table)}.${column}: @admin.widget ${tagged.name} takes a column for ${key}, not a word in quotes.`,
            );
          }
        } else if (field === undefined) {
          this.#faults.push(
            `column ${tableName(table)}.${column}: @admin.widget names ${value}, which is not a column of the table.`,
          );
        } else {
          options[key] = field;
        }
      }
      const where = `column ${tableName(table)}.${column}`;
      const faults = widgetFaults(where, tagged.name, shown);
      this.#faults.push(...faults);
      if (tagged.name !== "image" || "url" in options) {
        return { name: tagged.name, options };
      }
      const link = this.#pictureUrl(table, column, type);
      const isPlain = Object.keys(tagged.options).length === 0;
      if (isPlain && faults.length === 0 && !("url" in link)) {
        this.#faults.push(
          `${where}: @admin.widget image has no link to show. Make the column a key of app_public.storage_objects, or name the column that holds the link: url=picture_url.`,
        );
      }
      return { name: "image", options: link };
    }
    // What a name and a type say by themselves.
    if (column.endsWith("_minor") && shown.kind === "bigint") {
      const currency = fieldOf("currency");
      return { name: "money", options: currency ? { currency } : {} };
    }
    if (/(?:^|_)tags$/.test(column) && shown.array) {
      return { name: "tags", options: {} };
    }
    if (column === "image_key") {
      return { name: "image", options: this.#pictureUrl(table, column, type) };
    }
    if (column === "color") return { name: "color", options: {} };
    if (column.endsWith("_ms")) return { name: "duration", options: {} };
    if (column === "status" && shown.kind === "enum") {
      return { name: "status", options: {} };
    }
    return shown.kind === "json" ? { name: "json", options: {} } : null;
  }

  /** Where the link to a picture is: beside its key, or on the file it names. */
  #pictureUrl(
    table: TableResource,
    column: string,
    type: GraphQLObjectType,
  ): Record<string, string> {
    const outputs = type.getFields();
    if (column === "image_key" && "imageUrl" in outputs) {
      return { url: "imageUrl" };
    }
    const relation = this.#reference(table, column, type)?.relation ?? "";
    const file = outputs[relation] && getNamedType(outputs[relation].type);
    return isObjectType(file) && "url" in file.getFields()
      ? { url: `${relation}.url` }
      : {};
  }

  /**
   * A foreign key as one column. Of a composite tenant key (brand_id,
   * product_id) it is the column that holds the target's own key.
   */
  #reference(
    table: TableResource,
    column: string,
    type: GraphQLObjectType,
  ): ShapeField["reference"] {
    for (const [relationName, relation] of this.#relationsOf(table)) {
      if (relation.isReferencee || !isTable(relation.remoteResource)) continue;
      const index = relation.localAttributes.indexOf(column);
      if (index === -1) continue;
      const remote = relation.remoteResource;
      const primary = remote.uniques.find((unique) => unique.isPrimary);
      const target = relation.remoteAttributes[index];
      if (
        primary?.attributes.length !== 1 ||
        primary.attributes[0] !== target
      ) {
        continue;
      }
      const field = this.#build.inflection.singleRelation({
        registry: table.registry,
        codec: table.codec,
        relationName,
      });
      return {
        resource: remote.codec.extensions?.pg?.name ?? remote.name,
        relation: field in type.getFields() ? field : null,
      };
    }
    return null;
  }

  #relations(
    table: TableResource,
    type: GraphQLObjectType,
    filterType: string,
  ): CatalogSchema["relations"] {
    const filters = this.#inputFields(filterType);
    const relations: CatalogSchema["relations"] = {};
    for (const [relationName, relation] of this.#relationsOf(table)) {
      if (!relation.isUnique || !isTable(relation.remoteResource)) continue;
      const details = {
        registry: table.registry,
        codec: table.codec,
        relationName,
      };
      const field = relation.isReferencee
        ? this.#build.inflection.singleRelationBackwards(details)
        : this.#build.inflection.singleRelation(details);
      if (!(field in type.getFields())) continue;
      const { inflection } = this.#build;
      const exists = relation.isReferencee
        ? inflection.filterBackwardSingleRelationExistsFieldName(field)
        : inflection.filterForwardRelationExistsFieldName(field);
      relations[field] = {
        resource: tableName(relation.remoteResource),
        exists: exists in filters ? exists : null,
      };
    }
    return relations;
  }

  #collections(
    table: TableResource,
    filterType: string,
  ): CatalogSchema["collections"] {
    const { inflection } = this.#build;
    const filters = this.#inputFields(filterType);
    return Object.fromEntries(
      this.#relationsOf(table).flatMap(([relationName, relation]) => {
        const { remoteResource } = relation;
        if (
          !relation.isReferencee ||
          relation.isUnique ||
          !isTable(remoteResource)
        ) {
          return [];
        }
        const field = inflection._manyRelation({
          registry: table.registry,
          codec: table.codec,
          relationName,
        });
        const exists =
          inflection.filterBackwardManyRelationExistsFieldName(field);
        return field in filters
          ? [
              [
                field,
                {
                  resource: tableName(remoteResource),
                  exists: exists in filters ? exists : null,
                },
              ],
            ]
          : [];
      }),
    );
  }

  #relationsOf(table: TableResource): [string, PgCodecRelation][] {
    const relations =
      this.#build.input.pgRegistry.pgRelations[table.codec.name];
    return Object.entries<PgCodecRelation>(relations ?? {});
  }

  #id(
    columns: readonly string[],
    byColumn: ReadonlyMap<string, ShapeField>,
  ): CatalogSchema["id"] {
    const [column = ""] = columns;
    const field = byColumn.get(column);
    if (columns.length !== 1 || field === undefined) {
      return { field: "id", type: "ID", kind: "string", node: true };
    }
    return {
      field: field.name,
      type: this.#argumentTypeOf(field.kind),
      kind: field.kind,
      node: false,
    };
  }

  #argumentTypeOf(kind: ScalarKind): string {
    return (
      Object.entries(KINDS).find(([, known]) => known === kind)?.[0] ?? "String"
    );
  }

  #one(type: GraphQLObjectType, id: CatalogSchema["id"]): CatalogSchema["one"] {
    const queries = this.#schema.getQueryType()?.getFields() ?? {};
    const found = Object.values(queries).find(
      (field) =>
        getNamedType(field.type) === type &&
        field.args.length === 1 &&
        field.args[0]?.name === id.field,
    );
    return found ? { field: found.name, argument: id.field } : null;
  }

  #uniques(
    table: TableResource,
    byColumn: ReadonlyMap<string, ShapeField>,
  ): CatalogSchema["unique"] {
    const queries = this.#schema.getQueryType()?.getFields() ?? {};
    return table.uniques
      .filter((unique) => !unique.isPrimary)
      .flatMap((unique) => {
        const name = this.#build.inflection.rowByUnique({
          unique,
          resource: table,
        });
        const field = queries[name];
        if (field === undefined) return [];
        if (!unique.attributes.every((column) => byColumn.has(column))) {
          return [];
        }
        return [
          {
            field: name,
            arguments: Object.fromEntries(
              field.args.map((argument) => [
                argument.name,
                String(argument.type),
              ]),
            ),
          },
        ];
      });
  }

  #create(table: TableResource): CatalogMutation | null {
    const { inflection } = this.#build;
    return this.#mutation(inflection.createField(table), null, (input) =>
      Object.keys(input).find((name) => name !== "clientMutationId"),
    );
  }

  #change(
    table: TableResource,
    verb: "update" | "delete",
    id: CatalogSchema["id"],
  ): CatalogMutation | null {
    const { inflection } = this.#build;
    const primary = table.uniques.find((unique) => unique.isPrimary);
    if (primary === undefined) return null;
    const details = { resource: table, unique: primary };
    const field = id.node
      ? verb === "update"
        ? inflection.updateNodeField(details)
        : inflection.deleteNodeField(details)
      : verb === "update"
        ? inflection.updateByKeysField(details)
        : inflection.deleteByKeysField(details);
    return this.#mutation(field, id.field, (input) =>
      verb === "delete"
        ? undefined
        : Object.keys(input).find(
            (name) => name !== "clientMutationId" && name !== id.field,
          ),
    );
  }

  #mutation(
    name: string,
    key: string | null,
    valuesOf: (input: Record<string, GraphQLInputField>) => string | undefined,
  ): CatalogMutation | null {
    const field = this.#schema.getMutationType()?.getFields()[name];
    if (field === undefined) return null;
    const input = inputOf(field);
    const payload = getNamedType(field.type);
    if (input === null || !isObjectType(payload)) return null;
    const result = Object.values(payload.getFields()).find(
      (candidate) =>
        isObjectType(getNamedType(candidate.type)) &&
        candidate.name !== "query" &&
        !candidate.name.endsWith("Edge"),
    );
    if (result === undefined) return null;
    return {
      field: name,
      inputType: input.name,
      key,
      values: valuesOf(input.getFields()) ?? null,
      result: result.name,
    };
  }

  /** The texts a person knows; where a function searches the table, see buildCatalog. */
  #search(byColumn: ReadonlyMap<string, ShapeField>): CatalogSchema["search"] {
    const fields = REPRESENTATIVES.flatMap((column) => {
      const field = byColumn.get(column);
      return field?.kind === "string" && field.filter ? [field.name] : [];
    });
    return fields.length > 0 ? { by: "fields", fields } : null;
  }

  actions(known: ReadonlySet<string>): ShapeAction[] {
    const mutations = this.#schema.getMutationType()?.getFields() ?? {};
    return Object.values(this.#build.input.pgRegistry.pgResources).flatMap(
      (resource) => {
        if (!resource.parameters) return [];
        const tags = adminTags(resource.extensions?.tags);
        const name = resource.extensions?.pg?.name ?? resource.name;
        const where = `function ${name}`;
        this.#faults.push(
          ...tagFaults(where, "function", tags),
          ...lateTagFaults(where, resource.description),
        );
        if (!tags["action"]) return [];
        const match = /^(row|selection)\s+of\s+(\S+)$/.exec(tags["action"]);
        // Its form was found fault with above.
        if (match === null) return [];
        const target = match[2] ?? "";
        if (!known.has(target)) {
          this.#faults.push(
            `${where}: @admin.action names ${target}, which is not a table of the API.`,
          );
          return [];
        }
        const mutation =
          mutations[
            this.#build.inflection.customMutationField({
              // A resource with parameters is a function; its type does not say so.
              resource: resource as FunctionResource,
            })
          ];
        const input = mutation ? inputOf(mutation) : null;
        if (mutation === undefined || input === null) {
          this.#faults.push(
            `${where}: @admin.action needs a volatile function that the API exposes as a mutation.`,
          );
          return [];
        }
        const [key, ...others] = Object.values(input.getFields()).filter(
          (field) => field.name !== "clientMutationId",
        );
        if (key === undefined) {
          this.#faults.push(`${where}: an action takes the row's key first.`);
          return [];
        }
        return [
          {
            resource: target,
            function: name,
            mutation: mutation.name,
            inputType: input.name,
            label: tags["label"] || sentence(name),
            help: tags["help"] || resource.description || null,
            icon: tags["icon"] || null,
            confirm: tags["confirm"] || null,
            on: match[1] === "selection" ? "selection" : "row",
            key: key.name,
            arguments: others.flatMap((field) => {
              const shown = describeType(field);
              return shown === null
                ? []
                : [
                    {
                      name: field.name,
                      label: sentence(field.name),
                      kind: shown.kind,
                      array: shown.array,
                      required: isNonNullType(field.type),
                      type: String(field.type),
                      values: shown.values,
                    },
                  ];
            }),
          } satisfies ShapeAction,
        ];
      },
    );
  }

  #inputFields(name: string): Record<string, GraphQLInputField> {
    const type = this.#schema.getType(name);
    return isInputObjectType(type) ? type.getFields() : {};
  }

  #enumNames(name: string): ReadonlySet<string> {
    const type = this.#schema.getType(name);
    return new Set(
      isEnumType(type) ? type.getValues().map((value) => value.name) : [],
    );
  }
}

function linksOf(
  type: GraphQLObjectType,
  fields: readonly ShapeField[],
): string[] {
  const columns = new Set(fields.map(({ name }) => name));
  return Object.values(type.getFields())
    .filter(
      (field) =>
        field.args.length === 0 &&
        String(getNullableType(field.type)) === "String" &&
        !columns.has(field.name),
    )
    .map(({ name }) => name);
}

function describeType(field: {
  type: GraphQLField<unknown, unknown>["type"] | GraphQLInputField["type"];
}) {
  const nullable = getNullableType(field.type);
  const named = getNamedType(nullable);
  const kind = kindOf(named);
  if (kind === null) return null;
  return { kind, array: isListType(nullable), values: valuesOf(named) };
}

function inputOf(field: GraphQLField<unknown, unknown>) {
  const argument = field.args.find(({ name }) => name === "input");
  const type = argument ? getNamedType(argument.type) : undefined;
  return isInputObjectType(type) ? type : null;
}
