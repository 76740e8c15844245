import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import type { GraphQLInputObjectType, GraphQLObjectType } from "graphql";
import { buildSchema } from "graphql";

import { resources } from "../../admin/src/resources.ts";

const schema = buildSchema(
  readFileSync(join(import.meta.dirname, "../../data/schema.graphql"), "utf8"),
);
const queries = schema.getQueryType()?.getFields() ?? {};
const mutations = schema.getMutationType()?.getFields() ?? {};
const fieldsOf = (name: string): string[] =>
  Object.keys(
    (
      schema.getType(name) as
        GraphQLObjectType | GraphQLInputObjectType | undefined
    )?.getFields() ?? {},
  );

describe.each(Object.values(resources))("the resource $name", (resource) => {
  it("is described as the API has it", () => {
    const has = fieldsOf(resource.type);
    const reads = [
      ...Object.keys(resource.fields),
      ...Object.keys(resource.relations),
    ];
    expect(reads.filter((field) => !has.includes(field))).toEqual([]);
    expect(Object.keys(queries)).toEqual(
      expect.arrayContaining(
        [resource.list?.field, resource.one?.field].filter(
          (field): field is string => field !== undefined,
        ),
      ),
    );
  });

  it("may set what the pages set", () => {
    for (const [verb, mutation, type] of [
      ["create", resource.create, `${resource.type}Input`],
      ["update", resource.update, `${resource.type}Patch`],
    ] as const) {
      if (mutation === null) continue;
      expect(Object.keys(mutations)).toContain(mutation.field);
      const settable = fieldsOf(type);
      const described = Object.entries(resource.fields)
        .filter(([, field]) => field[verb])
        .map(([name]) => name);
      expect(described.filter((field) => !settable.includes(field))).toEqual(
        [],
      );
    }
    if (resource.delete !== null) {
      expect(Object.keys(mutations)).toContain(resource.delete.field);
    }
  });

  it("can be searched by fields that can be filtered", () => {
    if (resource.search?.by !== "fields" || resource.list === null) return;
    const filters = fieldsOf(resource.list.filterType);
    expect(
      resource.search.fields.filter((field) => !filters.includes(field)),
    ).toEqual([]);
  });
});

describe("the functions the pages call", () => {
  it.each([
    ["requestUpload", ["kind", "contentType", "bytes"]],
    ["inviteMember", ["email", "role"]],
    ["renewInvitation", ["invitationId"]],
    ["issuePasswordResetLink", ["userId"]],
    ["startImport", ["runId", "mapping", "dryRun"]],
    ["cancelImport", ["runId"]],
    ["resumeImport", ["runId"]],
    ["rerunRefused", ["runId"]],
    ["setCategoryMapping", ["label", "categoryCode"]],
    ["breakGlassWardrobe", ["userId", "reason"]],
    ["updateBrandMember", ["brandId", "userId", "patch"]],
    ["deleteBrandMember", ["brandId", "userId"]],
  ])("%s takes %j", (name, inputs) => {
    expect(Object.keys(mutations)).toContain(name);
    const input = `${name[0]?.toUpperCase() ?? ""}${name.slice(1)}Input`;
    expect(fieldsOf(input)).toEqual(expect.arrayContaining(inputs));
  });
});
