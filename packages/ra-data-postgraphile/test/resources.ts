import { defineResources } from "../src/index.ts";

/** The resources of every test here: plain, composite, by code, and all kinds. */
export const resources = defineResources({
  shops: {
    type: "Shop",
    fields: { name: "string", city: "string" },
    unique: [["name"]],
    collections: { things: "things" },
    search: ["name"],
  },
  things: {
    type: "Thing",
    fields: {
      shopId: { kind: "uuid", reference: "shops" },
      sku: "string",
      name: "string",
      note: "string",
      qty: "int",
      views: "bigint",
      price: "numeric",
      ratio: "float",
      active: "boolean",
      madeOn: "date",
      seenAt: "datetime",
      opensAt: "time",
      mood: "enum",
      tags: "string[]",
      sizes: "int[]",
      doc: "json",
      nameLength: { kind: "int", write: false, read: false },
      createdAt: { kind: "datetime", write: false },
      updatedAt: "datetime",
    },
    relations: { shop: "shops" },
    collections: { parts: "parts" },
    unique: [["shopId", "sku"]],
    search: ["name", "tags", "shop.name"],
    versioned: true,
  },
  parts: {
    type: "Part",
    primaryKey: ["thingId", "no"],
    fields: {
      thingId: { kind: "uuid", reference: "things" },
      no: "int",
      label: "string",
    },
    relations: { thing: "things" },
  },
  events: {
    type: "Event",
    fields: {
      happenedAt: { kind: "datetime", nullable: false },
      level: { kind: "int", nullable: false },
      label: "string",
    },
    update: false,
    delete: false,
  },
  colours: {
    type: "Colour",
    primaryKey: "code",
    fields: { code: { kind: "string", create: true }, label: "string" },
    update: false,
    delete: false,
  },
});

export const shopId = "0190a1b2-0000-7000-8000-000000000001";
export const thingId = "0190a1b2-0000-7000-8000-000000000002";
