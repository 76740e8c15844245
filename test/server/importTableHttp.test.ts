import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import type { UploadedImport } from "../../server/import/uploadImport.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import type { HttpClient } from "../helpers/http.ts";
import { createLooks } from "../helpers/looks.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

let db: TestDatabase;
let people: People;
let server: TestHttpServer;
beforeAll(async () => {
  db = await createTestDatabase();
  await createLooks(db);
  people = await makePeople(db);
  server = await startTestServer(db, { worker: "in-process" });
});
afterAll(async () => {
  await server?.close();
  await db?.drop();
});

async function signedIn(
  person: { email: string },
  brandId: string | null,
): Promise<HttpClient> {
  const client = server.client();
  expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
  expect((await client.post("/auth/brand", { brandId })).status).toBe(200);
  return client;
}

const upload = (client: HttpClient, body: string, query: string) =>
  client.request("POST", `/imports?filename=a.csv${query}`, {
    body,
    headers: { "content-type": "application/octet-stream" },
  });

const COUNTS =
  "status totalRows createdCount updatedCount unchangedCount refusedCount";

/** Starts an uploaded run and waits for its end, as the admin does. */
async function run(
  client: HttpClient,
  { run: { id }, mapping }: UploadedImport,
): Promise<Record<string, unknown>> {
  const started = await client.graphql(
    "mutation ($id: UUID!, $mapping: JSON!) { startImport(input: { runId: $id, mapping: $mapping }) { result { rowId } } }",
    { id, mapping },
  );
  expect(started.errors).toEqual([]);
  for (;;) {
    const { data, errors } = await client.graphql(
      `query ($id: UUID!) { importRun(rowId: $id) { ${COUNTS} } }`,
      { id },
    );
    expect(errors).toEqual([]);
    const found = data?.["importRun"] as Record<string, unknown>;
    if (["completed", "failed", "cancelled"].includes(String(found["status"])))
      return found;
    await sleep(50);
  }
}

const exported = async (
  client: HttpClient,
  resource: string,
  columns?: string[],
): Promise<string> => {
  const answer = await client.post("/exports", {
    resource,
    columns,
    format: "csv",
  });
  expect(answer.status).toBe(200);
  return answer.text;
};

/** What a file could lose: quotes, lines, formulas, lists, a colour called "NA". */
async function fill(brandId: string): Promise<void> {
  await db.root.query(
    `insert into app_public.products (brand_id, sku, name, category_code, color, tags, price_minor, currency) values
       ($1, 'R1', '=HYPERLINK("x")', 'tops', 'a;b', array['a;b', 'c,"d"', '-1'], 12345, 'jpy'),
       ($1, 'R2', 'Coat', 'jackets', 'NA', '{}', null, null),
       ($1, 'R3', '''=x', 'jackets', 'Zürich', array['NA'], null, null)`,
    [brandId],
  );
  await db.root.query(
    `insert into app_public.looks (brand_id, name, season, price_minor, currency, tags, details, product_id, featured,
       rating, starts_on, published_at, secret)
     select $1, n.name, n.season::app_public.look_season, n.price, n.currency, n.tags, n.details::jsonb, p.id, n.featured, n.rating,
       n.day::date, n.moment::timestamptz, 'hidden'
     from (values
       (E'Two\nlines, "quoted"', 'spring_summer', 100::bigint, 'eur', array['x', 'y;z'], '{"a": [1, "b"], "c": null}', true, -1.5, '2026-02-28', '2026-03-01 12:00:00.123456+00'),
       ('-dash', null, null, null, '{}', '[]', false, null, null, null),
       ('@at', 'autumn_winter', null, null, array['[a]'], null, false, 5, null, 'epoch')
     ) as n (name, season, price, currency, tags, details, featured, rating, day, moment)
     cross join app_public.products p
     where p.brand_id = $1 and p.sku = 'R1'`,
    [brandId],
  );
  await db.root.query(
    "insert into app_public.category_mappings (brand_id, label, category_code) values ($1, 'Sandals', 'heels'), ($1, '+Mugs', null)",
    [brandId],
  );
}

describe("an import into a table over HTTP", () => {
  it("describes the table to whoever maps its columns", async () => {
    const client = await signedIn(people.manager, people.lumiere);
    const file =
      "Name;Season;Price;Currency;Unknown\nA;Spring summer;100;eur;x\n";
    const answer = await upload(client, file, "&target=looks");
    expect(answer.status).toBe(201);
    const uploaded = answer.json as UploadedImport;
    expect(uploaded).toMatchObject({
      run: { header: ["Name", "Season", "Price", "Currency", "Unknown"] },
      target: { table: "looks", method: "table", label: "Looks" },
      mapping: {
        name: "Name",
        season: "Season",
        price_minor: "Price",
        currency: "Currency",
      },
      keys: [
        { name: "looks_brand_id_name_key", fields: ["name"] },
        { name: "looks_pkey", fields: ["id"] },
      ],
      warnings: [],
    });
    expect(Object.keys(uploaded.mapping)).toHaveLength(4);
    expect(uploaded.fields.map(({ name }) => name)).not.toContain("brand_id");
    expect(uploaded.fields.map(({ name }) => name)).not.toContain("secret");
    expect(uploaded.fields).toContainEqual(
      expect.objectContaining({ name: "name", required: true, label: "Name" }),
    );
    expect(uploaded.fields).toContainEqual(
      expect.objectContaining({
        name: "season",
        required: false,
        kind: "enum",
        values: [
          expect.objectContaining({ label: "Spring summer" }),
          expect.objectContaining({ label: "Autumn winter" }),
        ],
      }),
    );
    const again = await client.get(`/imports/${uploaded.run.id}`);
    expect(again.json).toEqual(uploaded);
    expect(await run(client, uploaded)).toMatchObject({
      status: "completed",
      createdCount: 1,
    });
  });

  it("an export comes back as it went, and changes nothing", async () => {
    await fill(people.lumiere);
    const client = await signedIn(people.manager, people.lumiere);
    for (const resource of ["looks", "category_mappings", "products"]) {
      const file = await exported(client, resource);
      const answer = await upload(client, file, `&target=${resource}`);
      expect(answer.status).toBe(201);
      const uploaded = answer.json as UploadedImport;
      expect(uploaded.target).toMatchObject({
        table: resource,
        method: "table",
      });
      const { totalRows, ...found } = await run(client, uploaded);
      expect({ resource, ...found }).toEqual({
        resource,
        status: "completed",
        createdCount: 0,
        updatedCount: 0,
        unchangedCount: totalRows,
        refusedCount: 0,
      });
      expect(totalRows).toBeGreaterThan(1);
    }
  });

  it("the brand and the id in an export are not offered as fields", async () => {
    const client = await signedIn(people.manager, people.lumiere);
    const columns = ["rowId", "brandId", "label", "categoryCode"];
    const file = await exported(client, "category_mappings", columns);
    const answer = await upload(client, file, "&target=category_mappings");
    expect(answer.json).toMatchObject({ run: { header: columns } });
    expect((answer.json as UploadedImport).mapping).toEqual({
      label: "label",
      category_code: "categoryCode",
    });
  });

  it.each([
    ["a table that is not there", "&target=nothing", 404, "NTFND"],
    ["a table of no brand", "&target=currencies", 403, "DNIED"],
    [
      "a catalogue of something else",
      "&target=looks&method=catalogue",
      422,
      "INVAL",
    ],
    ["a method that is none", "&method=guess", 422, "INVAL"],
    ["a name that is SQL", "&target=looks%22%3B--", 404, "NTFND"],
  ])("refuses %s", async (_what, query, status, code) => {
    const client = await signedIn(people.manager, people.lumiere);
    const answer = await upload(client, "name,season\nA,\n", query);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ error: { code } });
  });

  it("a shopper fills the own wardrobe, and nobody else reads the file", async () => {
    const client = await signedIn(people.shopper, null);
    const answer = await upload(
      client,
      "Name,Category,Color\nCoat,jackets,Sand\nHat,nothing,Sand\n",
      "&target=wardrobe_items",
    );
    expect(answer.json).toMatchObject({
      target: { table: "wardrobe_items", method: "table" },
      mapping: { name: "Name", category_code: "Category", color: "Color" },
      keys: [{ name: "wardrobe_items_pkey", fields: ["id"] }],
    });
    const uploaded = answer.json as UploadedImport;
    expect(uploaded.fields.map(({ name }) => name)).not.toContain("user_id");
    expect(await run(client, uploaded)).toMatchObject({
      status: "completed",
      createdCount: 1,
      refusedCount: 1,
    });
    const at = `/imports/${uploaded.run.id}`;
    const refused = await client.get(`${at}/refused.csv`);
    expect(refused.text).toContain("There is no such category");
    for (const [person, brandId, lines] of [
      [people.manager, people.lumiere, 404],
      [people.stranger, people.denim, 404],
      [people.admin, null, 200],
    ] as const) {
      const other = await signedIn(person, brandId);
      expect((await other.get(at)).status).toBe(404);
      // Staff see that there was an import, and of its lines the header alone.
      const csv = await other.get(`${at}/refused.csv`);
      expect(csv.status).toBe(lines);
      expect(csv.text).not.toContain("Hat");
    }
  });

  it("staff make brands; a catalogue is no business of theirs", async () => {
    const client = await signedIn(people.admin, null);
    const answer = await upload(
      client,
      "Slug,Name\nimported-house,Imported House\n",
      "&target=brand_accounts",
    );
    expect(answer.status).toBe(201);
    expect(await run(client, answer.json as UploadedImport)).toMatchObject({
      status: "completed",
      createdCount: 1,
    });
    const refused = await upload(client, "sku,name,type\n1,A,Shirts\n", "");
    expect(refused.status).toBe(403);
    expect(refused.json).toMatchObject({ error: { code: "DNIED" } });
  });

  it.each(["looks", "products"])("a viewer may not: %s", async (table) => {
    const client = await signedIn(people.viewer, people.lumiere);
    const answer = await upload(
      client,
      "name,season\nA,\n",
      `&target=${table}`,
    );
    expect(answer.status).toBe(403);
    expect(answer.json).toMatchObject({ error: { code: "DNIED" } });
  });
});
