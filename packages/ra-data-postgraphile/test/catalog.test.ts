import { describe, expect, it } from "@jest/globals";

import { resourcesFromCatalog } from "../src/index.ts";
import { resources } from "./resources.ts";

const catalog = (
  change: (schema: Record<string, unknown>) => void = () => undefined,
) => {
  const copy = JSON.parse(JSON.stringify(resources)) as Record<
    string,
    Record<string, unknown>
  >;
  if (copy["things"]) change(copy["things"]);
  return {
    version: "v1",
    role: "someone",
    resources: Object.values(copy).map((schema) => ({
      name: schema["name"],
      label: "for people",
      schema,
    })),
  };
};

describe("resourcesFromCatalog", () => {
  it("reads the resources a catalog holds", () => {
    expect(resourcesFromCatalog(catalog())).toEqual(resources);
  });

  it("takes from the described fields whether they can be empty", () => {
    const read = resourcesFromCatalog({
      resources: [
        {
          schema: { ...resources.colours },
          fields: [
            { name: "label", nullable: false },
            { name: "code", nullable: false },
            { name: "unknown", nullable: true },
          ],
        },
      ],
    });
    expect(read["colours"]?.fields).toMatchObject({
      label: { nullable: false },
      code: { nullable: false },
    });
  });

  it.each<[string, (schema: Record<string, unknown>) => void, string]>([
    [
      "a missing part",
      (schema) => delete schema["fields"],
      "resources[1].schema.fields must be an object.",
    ],
    [
      "a kind nobody knows",
      (schema) =>
        ((schema["fields"] as Record<string, Record<string, unknown>>)["qty"] =
          { ...resources.things.fields["qty"], kind: "money" }),
      "resources[1].schema.fields.qty.kind must be one of string, int",
    ],
    [
      "a name that would be code",
      (schema) =>
        ((schema["list"] as Record<string, unknown>)["field"] =
          "things { secret }"),
      'is "things { secret }", which is not a GraphQL name.',
    ],
    [
      "a reference to nowhere",
      (schema) =>
        ((schema["relations"] as Record<string, unknown>)["shop"] = {
          resource: "malls",
        }),
      "things: shop leads to malls, which is not a resource.",
    ],
    [
      "a search of another sort",
      (schema) => (schema["search"] = { by: "magic" }),
      "resources[1].schema.search.by must be fields, filter or argument.",
    ],
    [
      "the same name twice",
      (schema) => (schema["name"] = "shops"),
      "resources[1] is named shops, as another resource is.",
    ],
  ])("refuses %s and says where", (_what, change, fault) => {
    expect(() => resourcesFromCatalog(catalog(change))).toThrow(fault);
  });

  it("refuses what is no catalog, with every fault at once", () => {
    expect(() => resourcesFromCatalog(null)).toThrow(
      "The catalog must be an object.",
    );
    expect(() => resourcesFromCatalog({ resources: [{ schema: {} }] })).toThrow(
      /schema\.name must be a text\.\n.*schema\.type must be a text\.\n/,
    );
  });
});
