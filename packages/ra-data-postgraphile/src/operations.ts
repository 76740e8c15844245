import {
  buildBulkMutation,
  buildCountQuery,
  buildListQuery,
  buildManyQuery,
  buildMutation,
  buildNodesQuery,
  buildOneQuery,
  buildUniqueQuery,
} from "./buildQuery.ts";
import { selectColumns, selectKey } from "./columns.ts";
import type { Operation, ResourceSchema, ResourceSchemas } from "./types.ts";

const seeks = ["offset", "after", "before", "first", "last"] as const;

const operationsOfOne = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  rootFields: number,
): Operation[] => {
  const selection = selectColumns(schemas, schema);
  const key = selectKey(schema);
  const own = { hasOwnColumns: true };
  const { list, one, id } = schema;
  const isAlone = id.node || list?.filterBy === "condition";
  const operations: Operation[] = [];
  if (list) {
    for (const count of ["exact", "none", "capped"] as const) {
      operations.push(
        buildListQuery(schema, list, selection, { ...own, count }),
        ...seeks.map((seek) =>
          buildListQuery(schema, list, selection, {
            ...own,
            count,
            seek,
            isNarrowed: seek !== "offset",
            withCursors: true,
          }),
        ),
      );
    }
    operations.push(buildCountQuery(schema, list));
    if (!isAlone) {
      operations.push(buildManyQuery(schema, list, selection, own));
    }
  }
  if (one) {
    operations.push(buildOneQuery(schema, one, selection, own));
    if (isAlone) {
      operations.push(
        buildNodesQuery(schema, one, id, rootFields, selection, own),
      );
    }
  }
  for (const unique of schema.unique) {
    operations.push(buildUniqueQuery(schema, unique, selection, own));
  }
  if (schema.create) {
    operations.push(
      buildMutation(schema, "create", schema.create, selection, own),
    );
  }
  if (schema.update) {
    operations.push(
      buildMutation(schema, "update", schema.update, selection, own),
      buildBulkMutation(schema, "updateMany", schema.update, rootFields, key),
    );
  }
  if (schema.delete) {
    operations.push(
      buildMutation(schema, "delete", schema.delete, key, own),
      buildBulkMutation(schema, "deleteMany", schema.delete, rootFields, key),
    );
  }
  return operations;
};

/**
 * What the provider asks where a page chooses no columns, bulk verbs at their
 * largest: to be validated against a schema, measured against limits, recorded.
 */
export const listOperations = (
  schemas: ResourceSchemas,
  rootFields = 20,
): Operation[] =>
  Object.values(schemas).flatMap((schema) =>
    operationsOfOne(schemas, schema, rootFields),
  );
