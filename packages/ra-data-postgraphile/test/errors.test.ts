import { describe, expect, it } from "@jest/globals";
import { setSubmissionErrors } from "ra-core";

import { type ErrorBody, graphqlBody, httpErrorFrom } from "../src/errors.ts";
import { resources } from "./resources.ts";

const failed = (
  extensions: Record<string, string>,
  httpStatus = 200,
  message = "Sentence.",
) => httpErrorFrom([{ message, extensions }], httpStatus, resources.things);

describe("httpErrorFrom", () => {
  it.each<[string, number]>([
    ["LOGIN", 401],
    ["DNIED", 403],
    ["NTFND", 404],
    ["STALE", 409],
    ["TAKEN", 409],
    ["INUSE", 409],
    ["STATE", 409],
    ["LASTO", 409],
    ["NOCRD", 402],
    ["IDEMP", 409],
    ["LLOCK", 409],
    ["EXPRD", 410],
    ["INVAL", 422],
    ["NOMAP", 422],
    ["LOCKD", 429],
    ["LIMIT", 400],
    ["BUSY", 503],
    ["DOWN", 503],
    ["RATED", 429],
    ["SLOWQ", 504],
    ["FAULT", 500],
    ["GRAPHQL_VALIDATION", 400],
    ["toString", 500],
  ])("%s is %i", (code, status) => {
    expect(failed({ code }).status).toBe(status);
  });

  it("takes the HTTP status where the code does not decide", () => {
    expect(failed({ code: "LIMIT" }, 429).status).toBe(429);
    expect(failed({}, 400).status).toBe(400);
    expect(failed({}, 200).status).toBe(500);
  });

  it("takes the codes of another server", () => {
    const error = httpErrorFrom(
      [{ message: "No credits.", extensions: { code: "NCRED" } }],
      200,
      null,
      { NCRED: 402 },
    );
    expect(error.status).toBe(402);
  });

  it("says the sentence and the next step", () => {
    expect(failed({ code: "STALE", hint: "Load it again." })).toMatchObject({
      message: "Sentence. Load it again.",
      body: { code: "STALE", hint: "Load it again." },
    });
  });

  it("sets the stops that a sentence from the database lacks", () => {
    const error = failed({ hint: "Load it again" }, 200, "Someone changed it");
    expect(error.message).toBe("Someone changed it. Load it again.");
  });

  it("keeps the request id for whoever looks into the logs", () => {
    expect(failed({ requestId: "r1" }).body).toMatchObject({ requestId: "r1" });
  });

  it("is a field error in react-admin's form", () => {
    expect(
      failed({ code: "TAKEN", field: "sku", hint: "Choose another." }).body,
    ).toMatchObject({
      errors: {
        sku: "Sentence. Choose another.",
        root: { serverError: "Sentence. Choose another." },
      },
    });
  });

  it("reaches the inputs as react-admin's own form hands it on", () => {
    const { errors } = failed({ code: "TAKEN", field: "sku" })
      .body as ErrorBody;
    const shown: Record<string, unknown> = {};
    setSubmissionErrors(errors ?? {}, (name, error) => {
      shown[name] = error;
    });
    expect(shown).toEqual({
      sku: { type: "server", message: "Sentence." },
      "root.serverError": { type: "server", message: "Sentence." },
    });
  });

  it("knows a field by its column name, and the key as id", () => {
    expect(failed({ code: "INVAL", field: "shop_id" }).body).toMatchObject({
      errors: { shopId: "Sentence." },
    });
    expect(failed({ code: "TAKEN", field: "row_id" }).body).toMatchObject({
      errors: { id: "Sentence." },
    });
  });

  it("collects the fields of several errors, the first of each", () => {
    const error = httpErrorFrom(
      [
        { message: "A.", extensions: { code: "INVAL", field: "sku" } },
        { message: "B.", extensions: { code: "INVAL", field: "name" } },
        { message: "C.", extensions: { code: "INVAL", field: "sku" } },
      ],
      200,
      resources.things,
    );
    expect(error.body).toMatchObject({
      errors: { sku: "A.", name: "B.", root: { serverError: "A." } },
    });
  });

  it("is no field error where no field, or none of this form, is named", () => {
    expect(failed({ code: "STALE" }).body).not.toHaveProperty("errors");
    expect(failed({ code: "INVAL", field: "wallet" }).body).not.toHaveProperty(
      "errors",
    );
  });

  it("leaves a refused caller to the auth provider, never to a field", () => {
    const body = failed({ code: "DNIED", field: "sku" }).body as object;
    expect(body).not.toHaveProperty("errors");
  });

  it("reads PostGraphile's word for a hidden row as not found", () => {
    expect(
      failed(
        {},
        200,
        "No values were deleted in collection 'things' because no values you can delete were found matching these criteria.",
      ).status,
    ).toBe(404);
  });
});

describe("graphqlBody", () => {
  it("gives a GraphQL answer back", () => {
    const body = { data: { shop: null } };
    expect(graphqlBody({ status: 200, body })).toBe(body);
  });

  it("says what a proxy said", () => {
    expect(() =>
      graphqlBody({ status: 403, body: { message: "No." } }),
    ).toThrow(expect.objectContaining({ status: 403, message: "No." }));
    expect(() => graphqlBody({ status: 413, body: { error: "Big." } })).toThrow(
      expect.objectContaining({ status: 413, message: "Big." }),
    );
  });

  it("reads a refusal made before GraphQL with its code, hint and number", () => {
    const error = {
      message: "You are not signed in.",
      code: "LOGIN",
      hint: "Sign in.",
      requestId: "r1",
    };
    expect(() => graphqlBody({ status: 401, body: { error } })).toThrow(
      expect.objectContaining({
        status: 401,
        message: "You are not signed in. Sign in.",
        body: { code: "LOGIN", hint: "Sign in.", requestId: "r1" },
      }),
    );
  });

  it("says the status where nothing else can be said", () => {
    expect(() => graphqlBody({ status: 502, body: null })).toThrow(
      expect.objectContaining({
        status: 502,
        message: expect.stringContaining("502"),
      }),
    );
    expect(() => graphqlBody({ status: 200, body: "hello" })).toThrow(
      expect.objectContaining({ status: 502 }),
    );
  });
});
