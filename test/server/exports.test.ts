import { inflateRawSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "csv-parse/sync";

import type { CatalogResource } from "../../server/catalog/types.ts";
import {
  WORKBOOK_CELLS,
  writeWorkbook,
} from "../../server/export/writeWorkbook.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import type { HttpClient } from "../helpers/http.ts";
import {
  makePeople,
  PASSWORD,
  type People,
  type Person,
} from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

const LUMIERE_ROWS = 1_203;
const DENIM_ROWS = 7;

let db: TestDatabase;
let people: People;
let server: TestHttpServer;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  server = await startTestServer(db);
  await db.root.query(
    `insert into app_public.products (brand_id, sku, name, category_code, price_minor, currency, tags, brand_label, year)
     select $1::uuid, 'L' || lpad(n::text, 5, '0'), 'Coat ' || n, case when n % 3 = 0 then 'jackets' else 'tops' end,
       n * 100, 'eur', array['a,b', 'c'], case when n % 10 < 4 then 'Label ' || n % 100 end, case when n % 7 > 1 then 2000 + n % 20 end
     from generate_series(1, $3::int) n
     union all
     select $2::uuid, 'D' || n, 'Denim ' || n, 'bottoms', null, null, '{}', null, null from generate_series(1, $4::int) n`,
    [people.lumiere, people.denim, LUMIERE_ROWS, DENIM_ROWS],
  );
  await db.root.query(
    `update app_public.products set name = '=HYPERLINK("http://evil.test")' where sku = 'L00001'`,
  );
});

afterAll(async () => {
  await server?.close();
  await db?.drop();
});

async function signedIn(person: Person): Promise<HttpClient> {
  const client = server.client();
  expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
  return client;
}

function csv(text: string): Record<string, string>[] {
  return parse(text, { columns: true });
}

describe("an Excel file", () => {
  const columns = Array.from({ length: 50 }, (_, index) => ({
    path: [`c${index}`],
    label: `Column ${index}`,
    kind: "string" as const,
    array: false,
  }));
  const request = {
    resource: { label: "Rows" } as CatalogResource,
    columns,
    filter: null,
    orderBy: [],
    format: "xlsx" as const,
  };
  const row = columns.map(() => "x");

  it("is refused by its cells and its text, not by its rows alone", async () => {
    async function* wide() {
      await Promise.resolve();
      yield { total: WORKBOOK_CELLS / columns.length + 1, rows: [row] };
    }
    await expect(writeWorkbook(request, wide())).rejects.toMatchObject({
      code: "LIMIT",
      message: expect.stringContaining("20,000 rows"),
    });
    async function* long() {
      await Promise.resolve();
      yield {
        total: 51,
        rows: Array.from({ length: 51 }, () => ["x".repeat(1_000_000)]),
      };
    }
    await expect(writeWorkbook(request, long())).rejects.toMatchObject({
      code: "LIMIT",
    });
  });

  it("holds what Excel cannot hold as text, and no more than a cell may", async () => {
    const cells = ["text", "datetime", "datetime", "datetime"];
    async function* pages() {
      await Promise.resolve();
      yield {
        total: 1,
        rows: [
          [
            "x".repeat(40_000),
            "infinity",
            "0001-01-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
          ],
        ],
      };
    }
    const { file } = await writeWorkbook(
      {
        ...request,
        columns: cells.map((kind, index) => ({
          path: [`c${index}`],
          label: `Column ${index}`,
          kind: kind === "datetime" ? kind : "string",
          array: false,
        })),
      },
      pages(),
    );
    const sheet = entryOf(file, "xl/worksheets/sheet1.xml");
    expect(sheet).not.toMatch(/<v>(NaN|-)/);
    const texts = entryOf(file, "xl/sharedStrings.xml");
    expect(texts).toContain("infinity");
    expect(texts).toContain("0001-01-01T00:00:00Z");
    expect(/x+…/.exec(texts)?.[0]).toHaveLength(32_767);
  });

  it("is made one at a time", async () => {
    let open = 0;
    let most = 0;
    async function* pages() {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 50));
      yield { total: 1, rows: [row] };
      open--;
    }
    await Promise.all([1, 2, 3].map(() => writeWorkbook(request, pages())));
    expect(most).toBe(1);
  });
});

describe("POST /exports", () => {
  it.each([
    "BRAND_LABEL_ASC",
    "BRAND_LABEL_DESC",
    "BRAND_LABEL_ASC YEAR_DESC",
    "YEAR_DESC BRAND_LABEL_DESC PRIMARY_KEY_DESC",
  ])(
    "has each row once and in its place where some have no value to sort by: %s",
    async (order) => {
      const orderBy = order.split(" ");
      const answer = await (
        await signedIn(people.viewer)
      ).post("/exports", {
        resource: "products",
        columns: ["sku"],
        format: "csv",
        orderBy,
      });
      const { rows } = await db.root.query<{ sku: string }>(
        `select sku from app_public.products where brand_id = $1 order by ${[
          ...orderBy,
          "PRIMARY_KEY_ASC",
        ]
          .map((value) =>
            value
              .replace("PRIMARY_KEY", "id")
              .replace(/_(ASC|DESC)$/, " $1")
              .toLowerCase(),
          )
          .join(", ")}`,
        [people.lumiere],
      );
      expect(rows).toHaveLength(LUMIERE_ROWS);
      expect(csv(answer.text).map(({ sku }) => sku)).toEqual(
        rows.map(({ sku }) => sku),
      );
    },
  );

  it("a viewer exports every row of the own brand, once, and none of another", async () => {
    const answer = await (
      await signedIn(people.viewer)
    ).post("/exports", {
      resource: "products",
      columns: ["sku", "name", "category.label", "priceMinor"],
      format: "csv",
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-total-count")).toBe(String(LUMIERE_ROWS));
    expect(answer.headers.get("content-disposition")).toMatch(
      /^attachment; filename="products-\d{4}-\d\d-\d\d\.csv"$/,
    );
    const rows = csv(answer.text);
    expect(rows).toHaveLength(LUMIERE_ROWS);
    expect(new Set(rows.map((row) => row["sku"])).size).toBe(LUMIERE_ROWS);
    expect(rows.every((row) => row["sku"]?.startsWith("L"))).toBe(true);
    expect(rows[2]).toEqual({
      sku: "L00003",
      name: "Coat 3",
      "category.label": "Jackets",
      priceMinor: "300",
    });
    const { rows: all } = await db.root.query<{ n: number }>(
      "select count(*)::int as n from app_public.products",
    );
    expect(all[0]?.n).toBe(LUMIERE_ROWS + DENIM_ROWS);
  });

  it("a formula in a cell stays text", async () => {
    const answer = await (
      await signedIn(people.viewer)
    ).post("/exports", {
      resource: "products",
      columns: ["name"],
      filter: { sku: { equalTo: "L00001" } },
      format: "csv",
    });
    expect(csv(answer.text)).toEqual([
      { name: `'=HYPERLINK("http://evil.test")` },
    ]);
  });

  it("the filter and the order of the list hold for the file, over its pages", async () => {
    const answer = await (
      await signedIn(people.manager)
    ).post("/exports", {
      resource: "products",
      columns: ["sku", "tags"],
      filter: { categoryCode: { equalTo: "tops" } },
      orderBy: ["SKU_DESC"],
      format: "ndjson",
    });
    const rows = answer.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { sku: string; tags: string[] });
    const skus = rows.map(({ sku }) => sku);
    expect(skus).toHaveLength(LUMIERE_ROWS - Math.floor(LUMIERE_ROWS / 3));
    expect(skus).toEqual([...skus].sort().reverse());
    expect(rows[0]?.tags).toEqual(["a,b", "c"]);
  });

  it("an Excel file has a typed cell for each value", async () => {
    const client = await signedIn(people.stranger);
    const response = await fetch(new URL("/exports", server.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        origin: server.url,
        cookie: [...client.cookies].map(([k, v]) => `${k}=${v}`).join("; "),
      },
      body: JSON.stringify({
        resource: "products",
        columns: ["sku", "createdAt"],
        format: "xlsx",
      }),
    });
    expect(response.status).toBe(200);
    const file = Buffer.from(await response.arrayBuffer());
    const sheet = entryOf(file, "xl/worksheets/sheet1.xml");
    expect(sheet.match(/<row /g)).toHaveLength(DENIM_ROWS + 1);
    expect(sheet).not.toContain("<f>");
  });

  it.each([
    [
      "an unknown resource",
      { resource: "nope", format: "csv" },
      404,
      "NTFND",
      "resource",
    ],
    [
      "a table of the private schema",
      { resource: "user_secrets", format: "csv" },
      404,
      "NTFND",
      "resource",
    ],
    [
      "a resource the role may not list",
      { resource: "wardrobe_items", format: "csv" },
      404,
      "NTFND",
      "resource",
    ],
    [
      "an unknown format",
      { resource: "products", format: "pdf" },
      422,
      "INVAL",
      "format",
    ],
    [
      "an unknown column",
      { resource: "products", columns: ["fts"], format: "csv" },
      422,
      "INVAL",
      "columns",
    ],
    [
      "a path of three",
      { resource: "products", columns: ["brand.members.role"], format: "csv" },
      422,
      "INVAL",
      "columns",
    ],
    [
      "no columns",
      { resource: "products", columns: [], format: "csv" },
      422,
      "INVAL",
      "columns",
    ],
    [
      "a filter that is a list",
      { resource: "products", filter: [1], format: "csv" },
      422,
      "INVAL",
      "filter",
    ],
  ])("refuses %s", async (_name, body, status, code, field) => {
    const answer = await (await signedIn(people.viewer)).post("/exports", body);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ error: { code, field } });
  });

  it("refuses a filter the API does not know, a nested bomb, and a list as body", async () => {
    const client = await signedIn(people.viewer);
    const ask = (filter: unknown) =>
      client.post("/exports", { resource: "products", filter, format: "csv" });
    const unknown = await ask({ nope: { equalTo: 1 } });
    expect(unknown.status).toBeGreaterThanOrEqual(400);
    expect(unknown.status).toBeLessThan(500);
    let bomb: Record<string, unknown> = { sku: { equalTo: "x" } };
    for (let depth = 0; depth < 500; depth++) bomb = { not: bomb };
    expect((await ask(bomb)).json).toMatchObject({ error: { code: "LIMIT" } });
    expect((await client.post("/exports", [])).status).toBe(422);
  });

  it("somebody who is not signed in gets nothing", async () => {
    const answer = await server
      .client()
      .post("/exports", { resource: "products", format: "csv" });
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain("Coat");
  });

  it("a page of another site cannot ask in a signed-in browser's name", async () => {
    const client = await signedIn(people.viewer);
    const answer = await client.post(
      "/exports",
      { resource: "products", format: "csv" },
      { origin: "https://evil.test" },
    );
    expect(answer.status).toBe(403);
  });
});

/** One file out of a zip, by its central directory. */
function entryOf(zip: Buffer, name: string): string {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameBytes = zip.readUInt16LE(at + 28);
    const skip = zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    if (zip.toString("utf8", at + 46, at + 46 + nameBytes) === name) {
      const local = zip.readUInt32LE(at + 42);
      const start =
        local +
        30 +
        zip.readUInt16LE(local + 26) +
        zip.readUInt16LE(local + 28);
      const data = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      return zip.readUInt16LE(at + 10) === 0
        ? data.toString("utf8")
        : inflateRawSync(data).toString("utf8");
    }
    at += 46 + nameBytes + skip;
  }
  throw new Error(`The file holds no ${name}`);
}
