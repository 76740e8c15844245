import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import {
  buildSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from "postgraphile/graphql";
import { listOperations } from "ra-data-postgraphile";

import { resources } from "../../admin/src/resources.ts";
import { DEFAULT_LIMITS } from "../../server/config.ts";
import { refuseCost } from "../../server/graphile/measureCost.ts";
import { refuseDocument } from "../../server/graphile/measureDocument.ts";

const schema = buildSchema(
  readFileSync(
    join(import.meta.dirname, "..", "..", "data", "schema.graphql"),
    "utf8",
  ),
);

describe("every operation the admin sends by itself", () => {
  const operations = listOperations(resources);

  it("exists", () => {
    expect(operations.length).toBeGreaterThan(20);
  });

  it.each(operations.map(({ operationName, query }) => [operationName, query]))(
    "%s fits the schema and the limits, at the largest page",
    (_, query) => {
      const document = parse(query, { maxTokens: DEFAULT_LIMITS.tokens });
      expect(validate(schema, document)).toEqual([]);
      expect(refuseDocument(document, DEFAULT_LIMITS)).toEqual([]);
      const operation = document.definitions.find(
        (definition): definition is OperationDefinitionNode =>
          definition.kind === Kind.OPERATION_DEFINITION,
      );
      if (operation === undefined) throw new Error(query);
      // Whatever a variable of type Int is for, no page is larger than this.
      const variables = Object.fromEntries(
        (operation.variableDefinitions ?? []).map(({ variable }) => [
          variable.name.value,
          DEFAULT_LIMITS.page,
        ]),
      );
      expect(
        refuseCost(schema, operation, {}, variables, DEFAULT_LIMITS),
      ).toBeNull();
    },
  );
});
