import { fieldNamed, resourceNamed } from "./resources.ts";
import type { ResourceSchema, ResourceSchemas } from "./types.ts";

/** What is read of one record: its own fields, and of its relations the same again. */
export type Selection = {
  resource: string;
  fields: readonly string[];
  relations: Readonly<Record<string, Selection>>;
};

/** Fields every record needs: its id, its key, and the version an update sends back. */
const ownFields = (schema: ResourceSchema, isRoot: boolean): string[] => [
  ...(schema.id.node ? ["id"] : []),
  ...schema.primaryKey,
  ...(isRoot && schema.version !== null ? [schema.version] : []),
];

/**
 * Columns are field names, relation names (their key only) or paths: `brand.name`.
 * The order asked for does not matter: equal sets give equal query texts.
 */
export const selectColumns = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  columns: readonly string[] = schema.columns,
  isRoot = true,
): Selection => {
  const fields = new Set(ownFields(schema, isRoot));
  const nested = new Map<string, string[]>();
  for (const column of columns) {
    const [head = "", ...rest] = column.split(".");
    const relation = Object.hasOwn(schema.relations, head)
      ? schema.relations[head]
      : undefined;
    if (relation) {
      const paths = nested.get(head) ?? [];
      nested.set(head, rest.length > 0 ? [...paths, rest.join(".")] : paths);
    } else if (column !== "id") {
      fieldNamed(schema, column);
      fields.add(column);
    }
  }
  const relations: Record<string, Selection> = {};
  for (const [name, paths] of [...nested].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const target = resourceNamed(
      schemas,
      schema.relations[name]?.resource ?? "",
    );
    relations[name] = selectColumns(schemas, target, paths, false);
  }
  return {
    resource: schema.name,
    fields: [...fields].sort(),
    relations,
  };
};

/** Only what says which row it was. */
export const selectKey = (schema: ResourceSchema): Selection => ({
  resource: schema.name,
  fields: [...new Set(ownFields(schema, false))].sort(),
  relations: {},
});

export const printSelection = (selection: Selection): string =>
  [
    ...selection.fields,
    ...Object.entries(selection.relations).map(
      ([name, relation]) => `${name} { ${printSelection(relation)} }`,
    ),
  ].join(" ");
