import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";
import type { GraphQLInputObjectType, GraphQLObjectType } from "graphql";
import { buildSchema } from "graphql";

import { pageNames } from "../../admin/src/pageNames.ts";

const project = join(import.meta.dirname, "../..");
const schema = buildSchema(
  readFileSync(join(project, "data/schema.graphql"), "utf8"),
);
const mutations = schema.getMutationType()?.getFields() ?? {};
const fieldsOf = (name: string): string[] =>
  Object.keys(
    (
      schema.getType(name) as
        GraphQLObjectType | GraphQLInputObjectType | undefined
    )?.getFields() ?? {},
  );

describe("the pages somebody wrote", () => {
  const access = JSON.parse(
    readFileSync(join(project, "data/access.json"), "utf8"),
  ) as { relations: Record<string, unknown> };

  it("have another name than their table only where there is that table", () => {
    const tables = Object.keys(access.relations);
    for (const table of Object.keys(pageNames)) {
      expect(tables).toContain(`app_public.${table}`);
    }
  });

  it("describe no field of a table: the catalogue does", () => {
    const folder = join(project, "admin/src");
    const describing = readdirSync(folder, {
      recursive: true,
      encoding: "utf8",
    }).filter(
      (file) =>
        /\.tsx?$/.test(file) &&
        readFileSync(join(folder, file), "utf8").includes("defineResources"),
    );
    expect(existsSync(folder)).toBe(true);
    expect(describing).toEqual([]);
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
