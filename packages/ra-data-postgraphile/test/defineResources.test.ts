import { describe, expect, it } from "@jest/globals";

import { checkResources, defineResources } from "../src/index.ts";
import { resources } from "./resources.ts";

describe("defineResources", () => {
  it("fills in the names PostGraphile gives", () => {
    expect(resources.things).toMatchObject({
      name: "things",
      id: { field: "rowId", type: "UUID", kind: "uuid", node: false },
      list: {
        field: "things",
        filterType: "ThingFilter",
        orderByType: "ThingOrderBy",
        groupByType: "ThingGroupBy",
        havingType: "ThingHavingInput",
      },
      one: { field: "thing", argument: "rowId" },
      unique: [
        {
          field: "thingByShopIdAndSku",
          arguments: { shopId: "UUID!", sku: "String!" },
        },
      ],
      create: {
        field: "createThing",
        inputType: "CreateThingInput",
        key: null,
        values: "thing",
        result: "thing",
      },
      update: {
        field: "updateThing",
        inputType: "UpdateThingInput",
        key: "rowId",
        values: "patch",
        result: "thing",
      },
      delete: {
        field: "deleteThing",
        inputType: "DeleteThingInput",
        key: "rowId",
        values: null,
        result: "thing",
      },
      version: "updatedAt",
    });
  });

  it("uses the node id for a composite key", () => {
    expect(resources.parts).toMatchObject({
      id: { field: "id", type: "ID", node: true },
      primaryKey: ["thingId", "no"],
      one: { field: "partById", argument: "id" },
      update: { field: "updatePartById", inputType: "UpdatePartByIdInput" },
      delete: { field: "deletePartById", inputType: "DeletePartByIdInput" },
    });
  });

  it("uses another single key under its own name", () => {
    expect(resources.colours).toMatchObject({
      id: { field: "code", type: "String", kind: "string", node: false },
      one: { field: "colour", argument: "code" },
      update: null,
      delete: null,
    });
  });

  it("takes the names of a verb that is a function of its own", () => {
    const { invitations } = defineResources({
      invitations: {
        type: "BrandInvitation",
        list: "brandInvitations",
        fields: { email: "string" },
        create: { field: "inviteMember", values: null, result: "result" },
        delete: { field: "revokeInvitation", key: "invitationId" },
      },
    });
    expect(invitations.list?.field).toBe("brandInvitations");
    expect(invitations.create).toEqual({
      field: "inviteMember",
      inputType: "InviteMemberInput",
      key: null,
      values: null,
      result: "result",
    });
    expect(invitations.delete).toMatchObject({
      field: "revokeInvitation",
      inputType: "RevokeInvitationInput",
      key: "invitationId",
    });
  });

  it("does not let the key, the version or a read-only field be written", () => {
    const { fields } = resources.things;
    expect(fields["rowId"]).toMatchObject({ create: false, update: false });
    expect(fields["updatedAt"]).toMatchObject({ create: false, update: false });
    expect(fields["createdAt"]).toMatchObject({ create: false, update: false });
    expect(fields["name"]).toMatchObject({ create: true, update: true });
  });

  it("reads every field but those that say otherwise", () => {
    expect(resources.things.columns).toContain("price");
    expect(resources.things.columns).not.toContain("nameLength");
  });

  it("is plain JSON, so that a catalog can be it", () => {
    expect(JSON.parse(JSON.stringify(resources))).toEqual(resources);
  });

  it("names every fault at once", () => {
    expect(() =>
      defineResources({
        things: {
          type: "Thing thing",
          fields: {
            id: "uuid",
            shopId: { kind: "uuid", reference: "shops" },
            // @ts-expect-error: a kind nobody knows
            price: "money",
          },
          relations: { shop: "shops" },
          columns: ["colour"],
          search: ["title"],
          versioned: true,
        },
      }),
    ).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /"Thing thing" is not a GraphQL name[\s\S]*version field updatedAt is missing[\s\S]*`id` is react-admin's[\s\S]*refers to shops[\s\S]*unknown kind "money"[\s\S]*leads to shops[\s\S]*colour is neither[\s\S]*title is neither/,
        ),
      }),
    );
  });

  it("finds no fault in these resources", () => {
    expect(checkResources(resources)).toEqual([]);
  });
});
