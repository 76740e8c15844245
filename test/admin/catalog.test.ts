import { describe, expect, it } from "@jest/globals";

import { actionInput } from "../../admin/src/catalog/actions/actionForm.ts";
import { adoptCatalog } from "../../admin/src/catalog/adopt.ts";
import {
  chosenColumns,
  columnsFor,
  defaultColumns,
  defaultSort,
  representationOf,
} from "../../admin/src/catalog/columns.ts";
import { makeRowCounter } from "../../admin/src/catalog/exports/exportRows.ts";
import { listVariables } from "../../admin/src/catalog/exports/listVariables.ts";
import { statusLabel } from "../../admin/src/catalog/fields/text.ts";
import {
  formFields,
  ownerValues,
  parseJson,
} from "../../admin/src/catalog/inputs/formValues.ts";
import { bulkValues } from "../../admin/src/catalog/list/bulkValues.ts";
import { withCatalog } from "../../admin/src/layout/navigation.tsx";
import {
  adopted,
  buildField,
  catalog as described,
  looks,
  resourceOf,
} from "./describedTable.ts";

const names = (fields: readonly { name: string }[]) =>
  fields.map(({ name }) => name);

describe("a table that hand-written pages show under another name", () => {
  const catalog = adopted(["brands"]);

  it("keeps the name of the pages, and what points at it follows", () => {
    const look = resourceOf(catalog, "looks");
    expect(resourceOf(catalog, "brands").table).toBe("brand_accounts");
    expect(
      look.fields.find(({ name }) => name === "brandId")?.reference,
    ).toEqual({ resource: "brands", relation: "brand" });
    expect(look.schema.relations["brand"]).toEqual({
      resource: "brands",
      exists: null,
    });
  });

  it("calls columns as its pages do", () => {
    const renamed = adoptCatalog(
      described,
      () => false,
      (resource, { name, label }) => `${resource} ${name} ${label}`,
    );
    expect(resourceOf(renamed, "brands").fields[0]?.label).toMatch(/^brands /);
  });

  it("is described by the catalogue alone", () => {
    expect(Object.keys(catalog.schemas).sort()).toEqual([
      "brands",
      "currencies",
      "looks",
    ]);
    expect(catalog.schemas["brands"]).toEqual(
      resourceOf(catalog, "brands").schema,
    );
  });

  it("is called after its table once its pages are ejected", () => {
    const ejected = adopted(["brand_accounts"]);
    expect(ejected.byName.has("brand_accounts")).toBe(true);
  });
});

describe("the columns of a list", () => {
  const catalog = adopted();
  const look = resourceOf(catalog, "looks");

  it("are the described ones until somebody chooses, without the currency beside its amount", () => {
    expect(defaultColumns(look)).toEqual([
      "name",
      "brandId",
      "season",
      "priceMinor",
      "createdAt",
    ]);
  });

  it("are the chosen ones in their order; what no longer exists is left out", () => {
    expect(names(chosenColumns(look, ["tags", "gone", "name"]))).toEqual([
      "tags",
      "name",
    ]);
    expect(names(chosenColumns(look, ["gone"]))).toEqual(defaultColumns(look));
  });

  it("are read in one request with the names of references and the digits of currencies", () => {
    expect(
      columnsFor(catalog, look, chosenColumns(look, ["brandId", "priceMinor"])),
    ).toEqual([
      "name",
      "brandId",
      "brand.name",
      "priceMinor",
      "currency",
      "currencyByCurrency.exponent",
    ]);
  });

  it("an amount that is always in one currency reads nothing beside itself", () => {
    expect(
      columnsFor(catalog, look, chosenColumns(look, ["feeCents"])),
    ).toEqual(["name", "feeCents"]);
  });

  it("begin with the newest row", () => {
    expect(defaultSort(look)).toEqual({ field: "createdAt", order: "DESC" });
  });
});

describe("the name of a record", () => {
  const catalog = adopted();
  const look = resourceOf(catalog, "looks");

  it("is its representation, or the end of its id", () => {
    expect(representationOf(catalog, look, { id: "1", name: "Riviera" })).toBe(
      "Riviera",
    );
    expect(
      representationOf(catalog, look, {
        id: "01941f29-7c01-7f31-8973-44b4520ec8ce",
        name: null,
      }),
    ).toBe("…520ec8ce");
  });

  it("is what else is unique where its own is a bare key", () => {
    const unnamed = {
      ...look,
      represent: "rowId",
      schema: {
        ...look.schema,
        unique: [
          {
            field: "lookByBrandIdAndSeason",
            arguments: { brandId: "UUID!", season: "String!" },
          },
        ],
      },
    };
    expect(
      representationOf(catalog, unnamed, {
        rowId: "01941f29-7c01-7f31-8973-44b4520ec8ce",
        brand: { name: "Lumière" },
        season: "summer",
      }),
    ).toBe("Lumière · summer");
  });

  it("leaves a bare key out of a key of several columns", () => {
    const composite = {
      ...look,
      represent: "id",
      schema: {
        ...look.schema,
        id: { ...look.schema.id, node: true },
        primaryKey: ["rowId", "season"],
      },
    };
    expect(
      representationOf(catalog, composite, { rowId: "1", season: "summer" }),
    ).toBe("summer");
  });

  it("is the name of what it points at where its own is a key", () => {
    const byBrand = { ...look, represent: "brandId" };
    expect(
      representationOf(catalog, byBrand, {
        id: "1",
        brand: { name: "Lumière" },
      }),
    ).toBe("Lumière");
  });
});

describe("a status", () => {
  it("is a sentence's beginning, whether its column is an enum or text", () => {
    const past = { value: "past_due", label: "Overdue" };
    expect(statusLabel({ values: [past] }, "past_due")).toBe("Overdue");
    expect(statusLabel({ values: null }, "past_due")).toBe("Past due");
    expect(statusLabel({ values: null }, "EUR 5")).toBe("EUR 5");
  });
});

describe("a form", () => {
  const catalog = adopted();
  const look = resourceOf(catalog, "looks");
  const brand = { id: "b1", slug: "ml", name: "Maison Lumière" };
  const user = { id: "u1", email: "", displayName: "", timezone: "UTC" };

  it("leaves out what the session fills in, what the database makes and the version", () => {
    const owner = ownerValues(catalog, look, { brand, user });
    expect(owner).toEqual({ brandId: "b1" });
    expect(names(formFields(look, "create", owner))).toEqual([
      "name",
      "season",
      "priceMinor",
      "feeCents",
      "margin",
      "tags",
      "coverKey",
      "details",
      "notes",
      "weight",
      "shownOn",
      "active",
    ]);
    expect(names(formFields(look, "update"))).not.toContain("updatedAt");
    expect(names(formFields(look, "update"))).not.toContain("brandId");
  });

  it("asks for the brand where none is active", () => {
    const owner = ownerValues(catalog, look, { brand: null, user });
    expect(owner).toEqual({});
    expect(names(formFields(look, "create", owner))).toContain("brandId");
  });

  it("takes JSON, says what is wrong with it, and takes nothing as no value", () => {
    expect(parseJson('{"a": [1]}')).toEqual({ ok: true, value: { a: [1] } });
    expect(parseJson("  ")).toEqual({ ok: true, value: null });
    expect(parseJson("{a}")).toMatchObject({ ok: false });
  });
});

describe("a bulk edit", () => {
  it("writes the chosen fields only; an empty one becomes no value", () => {
    const price = looks.fields.filter(({ name }) => name === "priceMinor");
    expect(
      bulkValues(
        [
          ...price,
          buildField({ name: "notes" }),
          buildField({ name: "tags", array: true }),
        ],
        { priceMinor: 1200, currency: "eur", notes: "", season: "spring" },
      ),
    ).toEqual({ priceMinor: 1200, currency: "eur", notes: null, tags: [] });
  });
});

describe("an action", () => {
  const action = {
    mutation: "publishLook",
    inputType: "PublishLookInput",
    label: "Publish",
    help: null,
    icon: null,
    confirm: null,
    on: "row" as const,
    key: "lookId",
    arguments: [
      {
        name: "note",
        label: "Note",
        kind: "string" as const,
        array: false,
        required: false,
        type: "String",
        values: null,
      },
    ],
  };

  it("is given the row, or the rows, and what the form holds", () => {
    expect(actionInput(action, ["1"], { note: "now", other: 1 })).toEqual({
      lookId: "1",
      note: "now",
    });
    expect(
      actionInput({ ...action, on: "selection" }, ["1", "2"], { note: "" }),
    ).toEqual({ lookId: ["1", "2"] });
  });
});

describe("the menu", () => {
  const say = (key: string) => (key === "menu.catalogue" ? "Catalogue" : key);

  it("gets each table in the section its group names, or in one for tables", () => {
    const catalog = adopted();
    const grouped = {
      ...catalog,
      resources: catalog.resources.map((resource) =>
        resource.name === "looks"
          ? { ...resource, group: "Catalogue" }
          : resource,
      ),
    };
    const sections = withCatalog(
      [{ label: "menu.catalogue", items: [] }],
      grouped,
      say,
    );
    expect(
      sections.map(({ label, items }) => [label, items.map(({ to }) => to)]),
    ).toEqual([
      ["menu.catalogue", ["/looks"]],
      ["catalog.tables", ["/currencies"]],
    ]);
  });

  it("does not show what is hidden or may not be listed", () => {
    const catalog = adopted();
    const none = {
      ...catalog,
      resources: catalog.resources.map((resource, index) =>
        index === 0
          ? { ...resource, hidden: true }
          : { ...resource, verbs: { ...resource.verbs, list: false } },
      ),
    };
    expect(withCatalog([], none, say)).toEqual([]);
  });
});

describe("an export", () => {
  it("asks with the filter and order the list would send", async () => {
    const catalog = adopted();
    expect(
      await listVariables(catalog.schemas, "looks", {
        filter: { "name@contains": "riv" },
        sort: { field: "name", order: "ASC" },
      }),
    ).toMatchObject({
      filter: { name: { includesInsensitive: "riv" } },
      orderBy: ["NAME_ASC", "PRIMARY_KEY_ASC"],
    });
  });

  it("counts rows in passing, not the line breaks inside of one", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    const csv = makeRowCounter("csv");
    expect(csv(bytes('name,notes\n"a","li'))).toBe(0);
    expect(csv(bytes('ne\nbreak"\nb,c\n'))).toBe(2);
    expect(makeRowCounter("ndjson")(bytes("{}\n{}\n"))).toBe(2);
    expect(makeRowCounter("xlsx")(bytes("PK"))).toBeNull();
  });
});
