import { readdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import type { UploadedImport } from "../../server/import/uploadImport.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import type { HttpClient } from "../helpers/http.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

let db: TestDatabase;
let server: TestHttpServer;
let people: People;
beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  const base = await startTestServer(db);
  const { limits } = base.config;
  await base.close();
  // The worker runs: the whole way from upload to product is what is tested.
  server = await startTestServer(db, {
    worker: "in-process",
    limits: { ...limits, importBytes: 1024 * 1024 },
  });
});
afterAll(async () => {
  await server.close();
  await db.drop();
});

const FILE =
  "id,title,articleType,masterCategory\nH1,Shirt,Shirts,Apparel\nH2,=cmd,Sandals,Footwear\nH3,Mug,Mugs,Home\n";

/** A browser whose person has this brand active. */
async function signedIn(
  person: { email: string },
  brandId: string | null,
): Promise<HttpClient> {
  const client = server.client();
  expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
  expect((await client.post("/auth/brand", { brandId })).status).toBe(200);
  return client;
}

const upload = (
  client: HttpClient,
  body: string | Uint8Array,
  name = "a.csv",
) =>
  client.request("POST", `/imports?filename=${encodeURIComponent(name)}`, {
    body,
    headers: { "content-type": "application/octet-stream" },
  });

type Run = {
  rowId: string;
  status: string;
  createdCount: number;
  refusedCount: number;
  unmappedLabels: { nodes: { label: string; rowCount: number }[] };
};

/** As the admin does: asks until the run has ended. */
async function ended(client: HttpClient, runId: string): Promise<Run> {
  for (;;) {
    const { data, errors } = await client.graphql(
      `query ($runId: UUID!) { importRun(rowId: $runId) {
         rowId status createdCount refusedCount
         unmappedLabels(first: 100) { nodes { label rowCount } } } }`,
      { runId },
    );
    expect(errors).toEqual([]);
    const run = data?.["importRun"] as Run;
    if (["completed", "failed", "cancelled"].includes(run.status)) return run;
    await sleep(50);
  }
}

async function mutate(
  client: HttpClient,
  field: string,
  input: string,
  variables: Record<string, unknown>,
): Promise<Run> {
  const mapping = "mapping" in variables ? ", $mapping: JSON" : "";
  const { data, errors } = await client.graphql(
    `mutation ($id: UUID${mapping}) { ${field}(input: ${input}) { result { rowId status } } }`,
    variables,
  );
  expect(errors).toEqual([]);
  return (data?.[field] as { result: Run }).result;
}

describe("an import over HTTP", () => {
  it("goes from the file to the products, and back with what was refused", async () => {
    const client = await signedIn(people.manager, people.lumiere);
    const answer = await upload(client, FILE, "Frühling “22”.csv");
    expect(answer.status).toBe(201);
    const uploaded = answer.json as UploadedImport;
    expect(uploaded).toMatchObject({
      run: {
        filename: "Frühling “22”.csv",
        status: "uploaded",
        encoding: "utf-8",
        delimiter: ",",
        header: ["id", "title", "articleType", "masterCategory"],
      },
      mapping: {
        sku: "id",
        name: "title",
        category: "articleType",
        category_group: "masterCategory",
      },
      sample: [
        { line: 2, fields: ["H1", "Shirt", "Shirts", "Apparel"] },
        { line: 3 },
        { line: 4 },
      ],
      warnings: [],
    });
    expect(
      uploaded.fields
        .filter(({ required }) => required)
        .map(({ name }) => name),
    ).toEqual(["sku", "name", "category"]);
    const { id } = uploaded.run;
    const again = await client.get(`/imports/${id}`);
    expect(again.json).toEqual(uploaded);

    await mutate(
      client,
      "startImport",
      "{ runId: $id, mapping: $mapping, dryRun: false }",
      { id, mapping: uploaded.mapping },
    );
    const run = await ended(client, id);
    expect(run).toMatchObject({
      status: "completed",
      createdCount: 1,
      refusedCount: 2,
    });
    expect(run.unmappedLabels.nodes).toEqual([
      { label: "Mugs", rowCount: 1 },
      { label: "Sandals", rowCount: 1 },
    ]);

    const refused = await client.get(`/imports/${id}/refused.csv`);
    expect(refused.status).toBe(200);
    expect(refused.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    expect(refused.headers.get("content-disposition")).toContain(
      "attachment; filename=",
    );
    expect(refused.text).toBe(
      [
        "line,field,reason,id,title,articleType,masterCategory",
        "3,category,Footwear / Sandals: no try-on category,H2,'=cmd,Sandals,Footwear",
        "4,category,Home / Mugs: no try-on category,H3,Mug,Mugs,Home",
        "",
      ].join("\r\n"),
    );

    const mapped = await client.graphql(
      'mutation { setCategoryMapping(input: { label: "Sandals", categoryCode: "heels" }) { result { label categoryCode } } }',
    );
    expect(mapped.errors).toEqual([]);
    const rerun = await mutate(client, "rerunRefused", "{ runId: $id }", {
      id,
    });
    expect(rerun.rowId).not.toBe(id);
    expect(await ended(client, rerun.rowId)).toMatchObject({
      createdCount: 1,
      refusedCount: 1,
    });
    const { data } = await client.graphql(
      '{ products(filter: { sku: { startsWith: "H" } }, orderBy: SKU_ASC) { nodes { sku categoryCode } } }',
    );
    expect(data).toEqual({
      products: {
        nodes: [
          { sku: "H1", categoryCode: "tops" },
          { sku: "H2", categoryCode: "heels" },
        ],
      },
    });
  });

  it("says which field of a mapping is at fault", async () => {
    const client = await signedIn(people.manager, people.lumiere);
    const { run } = (await upload(client, FILE)).json as UploadedImport;
    const { errors } = await client.graphql(
      'mutation ($id: UUID!) { startImport(input: { runId: $id, mapping: { sku: "nope" } }) { result { rowId } } }',
      { id: run.id },
    );
    expect(errors).toMatchObject([
      {
        message: 'The file has no column named "nope"',
        extensions: { code: "INVAL", field: "mapping" },
      },
    ]);
  });

  it("refuses a file that is none, with a sentence and the next step", async () => {
    const client = await signedIn(people.manager, people.lumiere);
    const answer = await upload(client, "PK\x03\x04 not a csv");
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({
      error: {
        code: "NOTXT",
        field: "file",
        message: "This file is an Excel workbook or a ZIP archive.",
        hint: expect.stringContaining("CSV"),
      },
    });
  });

  it("refuses a file beyond the limit, announced or not", async () => {
    const client = await signedIn(people.manager, people.lumiere);
    const large = `${FILE}${"x,".repeat(600_000)}`;
    const announced = await upload(client, large);
    expect(announced.status).toBe(413);
    expect(announced.json).toMatchObject({ error: { code: "LARGE" } });

    const chunked = await fetch(
      new URL("/imports?filename=a.csv", client.url),
      {
        method: "POST",
        headers: {
          origin: client.url,
          cookie: [...client.cookies]
            .map(([name, value]) => `${name}=${value}`)
            .join("; "),
        },
        body: new Blob([large]).stream(),
        duplex: "half",
      } as RequestInit,
    );
    expect(chunked.status).toBe(413);
  });

  it("is closed to who may not import, and to other sites", async () => {
    const viewer = await signedIn(people.viewer, people.lumiere);
    expect((await upload(viewer, FILE)).json).toMatchObject({
      error: { code: "DNIED" },
    });
    const shopper = await signedIn(people.shopper, null);
    expect((await upload(shopper, FILE)).json).toMatchObject({
      error: { code: "DNIED" },
    });
    const nobody = server.client();
    expect((await upload(nobody, FILE)).status).toBe(401);
    expect((await nobody.get("/imports/x")).status).toBe(401);

    const manager = await signedIn(people.manager, people.lumiere);
    const foreign = await manager.request("POST", "/imports?filename=a.csv", {
      body: FILE,
      headers: { origin: "https://elsewhere.example" },
    });
    expect(foreign.status).toBe(403);
  });

  it("does not exist for another brand", async () => {
    const manager = await signedIn(people.manager, people.lumiere);
    const { run } = (await upload(manager, FILE)).json as UploadedImport;
    const stranger = await signedIn(people.stranger, people.denim);
    for (const path of [
      `/imports/${run.id}`,
      `/imports/${run.id}/refused.csv`,
      "/imports/not-an-id",
      "/imports/not-an-id/refused.csv",
    ]) {
      expect(await stranger.get(path)).toMatchObject({
        status: 404,
        json: { error: { code: "NTFND" } },
      });
    }
    const { data } = await stranger.graphql(
      "query ($id: UUID!) { importRun(rowId: $id) { rowId } importRuns { totalCount } }",
      { id: run.id },
    );
    expect(data).toEqual({ importRun: null, importRuns: { totalCount: 0 } });
  });

  it("leaves nothing of an upload that breaks off", async () => {
    const manager = await signedIn(people.manager, people.lumiere);
    const folder = join(server.dataDir, "files", "imports", people.lumiere);
    const left = async () => {
      const { rows } = await db.root.query<{ count: number }>(
        "select count(*)::integer as count from app_public.storage_objects where kind = 'import'",
      );
      return { files: readdirSync(folder).length, rows: rows[0]?.count };
    };
    const before = await left();
    const { hostname, port } = new URL(server.url);
    const sending = request({
      hostname,
      port,
      method: "POST",
      path: "/imports?filename=a.csv",
      headers: {
        origin: server.url,
        cookie: [...manager.cookies]
          .map(([name, value]) => `${name}=${value}`)
          .join("; "),
        "content-length": 50_000,
      },
    });
    sending.on("error", () => undefined);
    sending.write(FILE);
    // Cut once the server has begun to store it.
    while ((await left()).files === before.files) await sleep(10);
    sending.destroy();
    while ((await left()).files !== before.files) await sleep(10);
    expect(await left()).toEqual(before);
  });
});
