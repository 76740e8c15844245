import "postgraphile";

import type { GraphQLSchema } from "graphql";

import { readRegistry, type RegistryShape } from "./readRegistry.ts";

const shapes = new WeakMap<GraphQLSchema, RegistryShape>();

/**
 * Keeps, beside every schema that is built, what its registry says of tables,
 * keys and relations: the half of the catalogue that is the same for all roles.
 */
export const CatalogPlugin: GraphileConfig.Plugin = {
  name: "CatalogPlugin",
  description: "Describes the schema's resources for the admin",
  schema: {
    hooks: {
      finalize(schema, build) {
        shapes.set(schema, readRegistry(schema, build));
        return schema;
      },
    },
  },
};

export function registryShapeOf(schema: GraphQLSchema): RegistryShape {
  const shape = shapes.get(schema);
  if (shape === undefined) {
    throw new Error("This schema was built without CatalogPlugin");
  }
  return shape;
}
