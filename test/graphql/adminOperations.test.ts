import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import {
  buildSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  validate,
} from "postgraphile/graphql";

import { DEFAULT_LIMITS } from "../../server/config.ts";
import { refuseCost } from "../../server/graphile/measureCost.ts";
import { refuseDocument } from "../../server/graphile/measureDocument.ts";

const read = (file: string) =>
  readFileSync(join(import.meta.dirname, "..", "..", "data", file), "utf8");

const schema = buildSchema(read("schema.graphql"));

// `npm run generate:check` fails where these are not what the admin sends.
const operations = parse(read("operations.graphql")).definitions.filter(
  (definition): definition is OperationDefinitionNode =>
    definition.kind === Kind.OPERATION_DEFINITION,
);

const nameOf = (operation: OperationDefinitionNode) =>
  operation.name?.value ?? "";

/** Why the API would refuse it, at the largest page. */
function refusals(operation: OperationDefinitionNode): string[] {
  const document = parse(print(operation), {
    maxTokens: DEFAULT_LIMITS.tokens,
  });
  // Whatever a variable of type Int is for, no page is larger than this.
  const variables = Object.fromEntries(
    (operation.variableDefinitions ?? []).map(({ variable }) => [
      variable.name.value,
      DEFAULT_LIMITS.page,
    ]),
  );
  const cost = refuseCost(schema, operation, {}, variables, DEFAULT_LIMITS);
  return [
    ...validate(schema, document),
    ...refuseDocument(document, DEFAULT_LIMITS),
    ...(cost === null ? [] : [cost]),
  ].map(({ message }) => `${nameOf(operation)}: ${message}`);
}

describe("every operation the admin sends by itself", () => {
  it("is there for the tables of every kind of page", () => {
    const names = new Set(operations.map(nameOf));
    expect(names.size).toBe(operations.length);
    for (const name of [
      "products_getList",
      "products_updateMany20",
      "brands_getOne",
      "wardrobe_categories_create",
      "saved_views_delete",
      "tryon_jobs_getListCappedAfter",
    ]) {
      expect(names).toContain(name);
    }
  });

  it("fits the schema and the limits, at the largest page", () => {
    expect(operations.flatMap(refusals)).toEqual([]);
  });

  it("would be seen not to", () => {
    const [operation] = parse(
      `query much { ${Array.from({ length: 21 }, (_item, index) => `a${index}: products(first: 500) { nodes { tags nothing } }`).join(" ")} }`,
    ).definitions as OperationDefinitionNode[];
    if (operation === undefined) throw new Error("No operation");
    const said = refusals(operation).join("\n");
    expect(said).toMatch(/Cannot query field "nothing"/);
    expect(said).toMatch(/root|alias/i);
  });
});
