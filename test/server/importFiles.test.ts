import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";

import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";
import fc from "fast-check";
import iconv from "iconv-lite";

import { csvField } from "../../server/csvField.ts";
import {
  columnNames,
  guessMapping,
  IMPORT_FIELDS,
} from "../../server/import/columns.ts";
import { type FileRow, readRows } from "../../server/import/readRows.ts";
import { copyArray } from "../../server/import/stageRows.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  counts,
  importFile,
  type ImportWorld,
  makeImportWorld,
  readProducts,
  readRefusals,
  upload,
} from "../helpers/imports.ts";

let db: TestDatabase;
let world: ImportWorld;
beforeAll(async () => {
  db = await createTestDatabase();
});
beforeEach(async () => {
  world = await makeImportWorld(db);
});
afterEach(() => world.close());
afterAll(() => db.drop());

const HEADER = "id,articleType,baseColour,productDisplayName";
const CATALOGUE = `${HEADER}\n1,Shirts,Blue,Chemise d’été\n2,Heels,NA,Peep toe — “soirée”\n3,Caps,,Żółta czapka\n`;

const EXPECTED = [
  { sku: "1", name: "Chemise d’été", category_code: "tops", color: "Blue" },
  {
    sku: "2",
    name: "Peep toe — “soirée”",
    category_code: "heels",
    color: null,
  },
  { sku: "3", name: "Żółta czapka", category_code: "hats", color: null },
];

const withBom = (text: string, encoding: string): Buffer =>
  iconv.encode(text, encoding, { addBOM: true });

describe("a file is read the same", () => {
  it.each<[string, string | Buffer]>([
    ["in UTF-8", CATALOGUE],
    ["with a byte order mark", `\ufeff${CATALOGUE}`],
    ["in UTF-16 (little endian)", withBom(CATALOGUE, "utf-16le")],
    ["in UTF-16 (big endian)", withBom(CATALOGUE, "utf-16be")],
    ["in UTF-16 without a mark", iconv.encode(CATALOGUE, "utf-16le")],
    [
      "in big-endian UTF-16 without a mark",
      iconv.encode(CATALOGUE, "utf-16be"),
    ],
    ["with CR LF", CATALOGUE.replaceAll("\n", "\r\n")],
    ["with CR alone", CATALOGUE.replaceAll("\n", "\r")],
    ["without a last line break", CATALOGUE.trimEnd()],
    ["with blank lines", `\n${CATALOGUE.replaceAll("\n", "\n\n  \n,,,\n")}\n`],
    ["with semicolons", CATALOGUE.replaceAll(",", ";")],
    ["with tabs", CATALOGUE.replaceAll(",", "\t")],
    ["with vertical bars", CATALOGUE.replaceAll(",", "|")],
    [
      "with every field in quotes",
      CATALOGUE.trimEnd()
        .split("\n")
        .map((line) =>
          line
            .split(",")
            .map((field) => `"${field}"`)
            .join(","),
        )
        .join("\n"),
    ],
    ["with blanks around its values", CATALOGUE.replaceAll(",", " , ")],
  ])("%s", async (_name, content) => {
    const run = await importFile(world, world.manager, content);
    expect(run).toMatchObject({ status: "completed", refused_count: 0 });
    expect(await readProducts(world)).toMatchObject(EXPECTED);
  });

  it("in Windows-1252, and says so", async () => {
    const content = iconv.encode(
      `${HEADER}\n1,Shirts,Blue,Chemise d’été “légère”\n`,
      "win1252",
    );
    const { warnings, run } = await upload(world, world.manager, content);
    expect(run.encoding).toBe("windows-1252");
    expect(warnings).toEqual([
      "The file is not UTF-8; it is read as Windows-1252. Check that accented letters look right.",
    ]);
    await importFile(world, world.manager, content);
    expect(await readProducts(world)).toMatchObject([
      { name: "Chemise d’été “légère”" },
    ]);
  });

  it("whatever the pieces it arrives in", async () => {
    const text = 'a,b\r\n1,"x\r\ny ""z"""\r\n\r\n2,é\n3,5" heel\n';
    const expected = [
      { line: 1, fields: ["a", "b"] },
      { line: 2, fields: ["1", 'x\r\ny "z"'] },
      { line: 5, fields: ["2", "é"] },
      { line: 6, fields: ["3", '5" heel'] },
    ];
    for (const encoding of ["utf-8", "utf-16le", "utf-16be"] as const) {
      const bytes = iconv.encode(text, encoding);
      for (const size of [1, 2, 3, 7, bytes.length]) {
        const pieces = Array.from(
          { length: Math.ceil(bytes.length / size) },
          (_, index) => bytes.subarray(index * size, (index + 1) * size),
        );
        const rows: FileRow[] = [];
        for await (const row of readRows(Readable.from(pieces), {
          encoding,
          delimiter: ",",
        })) {
          rows.push(row);
        }
        expect(rows).toEqual(expected);
      }
    }
  });
});

describe("a file that cannot be imported is refused with a sentence", () => {
  it.each<[string, string | Buffer, string, string]>([
    ["an empty one", "", "NOROW", "The file is empty."],
    ["one of blank lines", "\n \n\n", "NOROW", "The file is empty."],
    [
      "one with a header only",
      `${HEADER}\n\n`,
      "NOROW",
      "The file has a header but no rows.",
    ],
    [
      "one with an unknown delimiter",
      CATALOGUE.replaceAll(",", "#"),
      "NODEL",
      "The header has one column only: “id#articleType#baseColour#productDisplayName”.",
    ],
    [
      "a workbook",
      Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(2000, 7)]),
      "NOTXT",
      "This file is an Excel workbook or a ZIP archive.",
    ],
    [
      "an old workbook",
      Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1]),
      "NOTXT",
      "This file is an old Excel workbook.",
    ],
    ["a PDF", "%PDF-1.7\n", "NOTXT", "This file is a PDF."],
    [
      "a binary one",
      Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 37) % 256)),
      "NOTXT",
      "This file is not text.",
    ],
    [
      "UTF-8 with a broken character",
      Buffer.concat([
        Buffer.from(CATALOGUE),
        Buffer.from([0x34, 0x2c, 0xc3, 0x28]),
      ]),
      "NOENC",
      `This file is UTF-8 but damaged: byte ${Buffer.byteLength(CATALOGUE) + 4} is no valid character.`,
    ],
    [
      "UTF-16 cut inside a character",
      withBom(CATALOGUE, "utf-16le").subarray(0, -1),
      "NOENC",
      "This UTF-16 file ends in the middle of a character: it was cut off.",
    ],
    [
      "UTF-32",
      Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]),
      "NOENC",
      "This file is in UTF-32, which is not supported.",
    ],
    [
      "one with too many columns",
      `${"a,".repeat(600)}b\n1\n`,
      "NOHDR",
      "The header has 601 columns; 500 is the most.",
    ],
    [
      "one cut inside a quoted field",
      `${HEADER}\n1,Shirts,Blue,One\n\n2,Heels,Red,"Two`,
      "QUOTE",
      "The row that starts at line 4 opens a quote and never closes it.",
    ],
    [
      "10 MB in one field",
      `${HEADER}\n1,Shirts,Blue,One\n2,Heels,Red,${"x".repeat(10 * 1024 * 1024)}\n3,Caps,,Three\n`,
      "LARGE",
      "The row that starts at line 3 is larger than 1024 KB.",
    ],
    [
      "a row of nothing but commas",
      `${HEADER}\n1,Shirts,Blue,One\n${",".repeat(5 * 1024 * 1024)}\n`,
      "LARGE",
      "The row that starts at line 3 has more than 100,000 fields.",
    ],
    [
      "10 MB in one quoted field",
      `${HEADER}\n1,Shirts,Blue,"${"x\n".repeat(5 * 1024 * 1024)}"\n`,
      "LARGE",
      "The row that starts at line 2 is larger than 1024 KB.",
    ],
  ])("%s", async (_name, content, code, sentence) => {
    await expect(upload(world, world.manager, content)).rejects.toMatchObject({
      code,
      message: sentence,
      field: "file",
      hint: expect.stringMatching(/\.$/),
    });
    // Neither a file nor a run is left behind.
    const { rowCount } = await db.root.query(
      "select from app_public.import_runs where brand_id = $1",
      [world.brandId],
    );
    expect(rowCount).toBe(0);
    expect(
      readdirSync(world.dir, { recursive: true }).filter((name) =>
        String(name).endsWith(".csv"),
      ),
    ).toEqual([]);
  });

  it("one beyond the limit", async () => {
    await expect(
      upload(
        world,
        world.manager,
        CATALOGUE.repeat(20_000),
        "a.csv",
        1024 * 1024,
      ),
    ).rejects.toMatchObject({
      code: "LARGE",
      status: 413,
      message: "The file is larger than 1 MB.",
    });
  });

  it.each([
    [
      "cut inside a quoted field",
      `9000,Heels,Red,"Two`,
      "QUOTE",
      "The row that starts at line 8001 opens a quote and never closes it.",
    ],
    [
      "with 10 MB in one field",
      `9000,Heels,Red,${"x".repeat(10 * 1024 * 1024)}\n`,
      "LARGE",
      "The row that starts at line 8001 is larger than 1024 KB.",
    ],
  ])(
    "a long one %s, when its run reads that far, with no product written",
    async (_name, tail, code, sentence) => {
      const rows = Array.from(
        { length: 7_999 },
        (_, index) =>
          `${index + 1},Shirts,Blue,Shirt ${index + 1} ${"and more ".repeat(30)}`,
      );
      const run = await importFile(
        world,
        world.manager,
        `${HEADER}\n${rows.join("\n")}\n${tail}`,
      );
      expect(run).toMatchObject({
        status: "failed",
        outcome: "failed",
        error_code: code,
        created_count: 0,
      });
      expect(run.error_message).toContain(sentence);
      expect(await readProducts(world)).toEqual([]);
    },
  );
});

it("refuses a file with too many rows before any of them is imported", async () => {
  const run = await importFile(world, world.manager, CATALOGUE, {
    deps: { maxRows: 2 },
  });
  expect(run).toMatchObject({
    status: "failed",
    error_code: "LARGE",
    error_message:
      "The file has more than 2 rows. Split it into several files and import them one after the other.",
  });
  expect(await readProducts(world)).toEqual([]);
});

describe("a row that cannot be imported is reported", () => {
  it.each<[string, string, { field: string; code: string; reason: string }]>([
    [
      "short",
      "1,Shirts,Blue",
      {
        field: "row",
        code: "SHORT",
        reason:
          "3 fields where the header has 4: the line is cut off, or a delimiter is missing",
      },
    ],
    [
      "long, by an unquoted comma",
      "1,Shirts,Blue,Shirt, slim fit",
      {
        field: "row",
        code: "LONGR",
        reason:
          "5 fields where the header has 4: a text that contains the delimiter may lack its quotes",
      },
    ],
    [
      "no SKU",
      ",Shirts,Blue,Shirt",
      { field: "sku", code: "EMPTY", reason: "No SKU" },
    ],
    [
      "NA as SKU",
      "NA,Shirts,Blue,Shirt",
      { field: "sku", code: "EMPTY", reason: "No SKU" },
    ],
    [
      "no name",
      "1,Shirts,Blue, ",
      { field: "name", code: "EMPTY", reason: "No name" },
    ],
    [
      "no category",
      "1,NA,Blue,Shirt",
      { field: "category", code: "EMPTY", reason: "No category" },
    ],
    [
      "a long SKU",
      `${"1".repeat(65)},Shirts,Blue,Shirt`,
      {
        field: "sku",
        code: "INVAL",
        reason: "The SKU has 65 characters, 64 is the most",
      },
    ],
    [
      "a long name",
      `1,Shirts,Blue,${"n".repeat(201)}`,
      {
        field: "name",
        code: "INVAL",
        reason: "The name has 201 characters, 200 is the most",
      },
    ],
    [
      "a long colour",
      `1,Shirts,${"b".repeat(61)},Shirt`,
      {
        field: "color",
        code: "INVAL",
        reason: "The colour has 61 characters, 60 is the most",
      },
    ],
    [
      "a control character",
      "1,Shirts,Blue,Shirt\u0007",
      {
        field: "name",
        code: "INVAL",
        reason: "The name contains control characters",
      },
    ],
    [
      "a zero byte",
      `1,Shirts,Blue,Shirt\0${"t".repeat(150)}`,
      {
        field: "name",
        code: "INVAL",
        reason: "The name contains control characters",
      },
    ],
    [
      "an unknown category",
      "1,Lipstick,Blue,Shirt",
      {
        field: "category",
        code: "NOMAP",
        reason: "Lipstick: no try-on category",
      },
    ],
  ])("%s", async (_name, line, refusal) => {
    const filler = "2,Shirts,Blue,Good\n".concat(
      Array.from({ length: 80 }, (_, at) => `F${at},Shirts,Blue,Good\n`).join(
        "",
      ),
    );
    const run = await importFile(
      world,
      world.manager,
      `${HEADER}\n${filler}${line}\n`,
    );
    expect(counts(run)).toMatchObject({ created: 81, refused: 1 });
    expect(await readRefusals(world, run.id)).toMatchObject([
      { line_no: 83, ...refusal },
    ]);
  });

  it("a quote that is opened by mistake and swallows the next line", async () => {
    const run = await importFile(
      world,
      world.manager,
      `sku,name,type\n1,A,Shirts\n2,"B,Shirts\n3,"C",Shirts\n4,"5"" heel",Heels\n5,5" heel,Heels\n6,"Two\nlines",Tops\n`,
    );
    expect(await readRefusals(world, run.id)).toMatchObject([
      { line_no: 3, field: "row", code: "QUOTE" },
    ]);
    expect(await readProducts(world)).toMatchObject([
      { sku: "1" },
      { sku: "4", name: '5" heel' },
      { sku: "5", name: '5" heel' },
      { sku: "6", name: "Two lines" },
    ]);
  });

  it.each([
    ["20x1", "“20x1” is not a year between 1900 and 2100"],
    ["1899", "“1899” is not a year between 1900 and 2100"],
    ["2101", "“2101” is not a year between 1900 and 2100"],
    ["-2001", "“-2001” is not a year between 1900 and 2100"],
  ])("the year %s", async (year, reason) => {
    const run = await importFile(
      world,
      world.manager,
      `sku,name,type,year\n1,A,Shirts,${year}\n2,B,Shirts,2012.0\n`,
    );
    expect(await readRefusals(world, run.id)).toMatchObject([
      { line_no: 2, field: "year", code: "INVAL", reason },
    ]);
    expect(await readProducts(world)).toMatchObject([{ year: 2012 }]);
  });

  it.each([
    ["1299.50", "eur", "129950"],
    ["1299,5", "EUR", "129950"],
    ["€ 1,299.00", "eur", "129900"],
    ["1.299,00 €", "eur", "129900"],
    ["1 299,00", "eur", "129900"],
    ["Rs. 1'299.00", "inr", "129900"],
    ["1299", "jpy", "1299"],
    ["1299.0", "jpy", "1299"],
    ["1.234", "kwd", "1234"],
    ["0", "usd", "0"],
    ["$12.50", "usd", "1250"],
    ["US$ 12.50", "usd", "1250"],
    ["€ 12,50 EUR", "eur", "1250"],
    ["12.-", "chf", "1200"],
    ["Fr. 12.–", "chf", "1200"],
    ["99,- Kč", "czk", "9900"],
    ["R$ 9,90", "brl", "990"],
    // What could mean two things, or nothing, is not guessed.
    ["1,299", "eur", null],
    ["1.299", "eur", null],
    ["12.345", "usd", null],
    ["-5", "usd", null],
    ["5-10", "usd", null],
    ["-12.50", "usd", null],
    ["12.50-", "usd", null],
    ["(12.50)", "usd", null],
    ["10%", "usd", null],
    ["1.2k", "usd", null],
    ["5M", "usd", null],
    ["2 for", "usd", null],
    ["3 Stück", "eur", null],
    ["from 20", "usd", null],
    // Another currency is another amount.
    ["$12.50", "eur", null],
    ["USD 5", "eur", null],
    ["12.50 USD", "eur", null],
    ["£ 9", "eur", null],
    ["r$ 9", "usd", null],
    ["free", "usd", null],
    ["1,299", "jpy", null],
    ["9999999999999", "usd", null],
  ])(
    "the price “%s” in %s is %s minor units",
    async (price, currency, minor) => {
      const run = await importFile(
        world,
        world.manager,
        `sku\tname\ttype\tprice\tcurrency\n1\tA\tShirts\t${price}\t${currency}\n2\tB\tShirts\t\t\n`,
      );
      const products = await readProducts(world);
      if (minor === null) {
        expect(await readRefusals(world, run.id)).toMatchObject([
          {
            field: "price",
            code: "INVAL",
            reason: `“${price}” is not a price in ${currency.toUpperCase()}: write 1299.50`,
          },
        ]);
        expect(products).toMatchObject([{ sku: "2" }]);
      } else {
        expect(products).toMatchObject([
          { sku: "1", price_minor: minor, currency: currency.toLowerCase() },
          { sku: "2", price_minor: null, currency: null },
        ]);
      }
    },
  );

  it("a price in no currency, or one we do not know", async () => {
    const run = await importFile(
      world,
      world.manager,
      "sku,name,type,price,currency\n1,A,Shirts,5,\n2,B,Shirts,5,xyz\n3,C,Shirts,,xyz\n",
    );
    expect(await readRefusals(world, run.id)).toMatchObject([
      { line_no: 2, field: "currency", code: "EMPTY" },
      { line_no: 3, field: "currency", code: "INVAL" },
    ]);
    expect(await readProducts(world)).toMatchObject([
      { sku: "3", price_minor: null, currency: null },
    ]);
  });
});

describe("any text at all", () => {
  it("in any field ends as a product or as a refusal", async () => {
    const columns = IMPORT_FIELDS.filter((field) => field !== "category_group");
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 30 }),
      fc.string({ unit: "grapheme", maxLength: 250 }),
      fc.constantFrom("", "NA", "2012", "9.99", "eur", "=1+1", "a,b;c", "\\N"),
    );
    const row = fc.tuple(
      fc.oneof(text, fc.uuid()),
      fc.oneof(text, fc.constant("A good name")),
      fc.oneof(text, fc.constantFrom("Shirts", "Heels", "tops")),
      ...columns.slice(3).map(() => text),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        async (rows) => {
          const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
          // A first row of plain ASCII keeps the encoding beyond doubt.
          const lines = [
            columns.join(","),
            ...Array.from(
              { length: 300 },
              (_, at) => `plain-${at},Plain${",".repeat(columns.length - 2)}`,
            ),
            ...rows.map((fields) => fields.map(quote).join(",")),
          ];
          const content = lines.join("\n");
          // Mostly control characters: that is refused as no text, and rightly.
          fc.pre((content.match(/(?![\t\n\r])\p{Cc}/gu) ?? []).length < 40);
          const run = await importFile(world, world.manager, content);
          expect(run.status).toBe("completed");
          expect(run.processed_rows).toBe(run.total_rows);
          expect(run.refused_count).toBeGreaterThanOrEqual(300);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("survives the way through COPY unchanged", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc
            .string({ unit: "binary", maxLength: 40 })
            .filter((value) => !value.includes("\0")),
          { minLength: 1 },
        ),
        async (fields) => {
          // What COPY reads: its escapes first, then the array's.
          const unescaped = copyArray(fields).replace(
            /\\([\\nrt])/g,
            (_, letter: string) =>
              ({ "\\": "\\", n: "\n", r: "\r", t: "\t" })[letter] ?? "",
          );
          const { rows } = await db.root.query<{ fields: string[] }>(
            "select $1::text[] as fields",
            [unescaped],
          );
          expect(rows).toEqual([{ fields }]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("columns", () => {
  it("are guessed from the names that catalogues use", () => {
    expect(
      guessMapping(
        "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName".split(
          ",",
        ),
      ),
    ).toEqual({
      sku: "id",
      name: "productDisplayName",
      category: "articleType",
      category_group: "masterCategory",
      gender: "gender",
      color: "baseColour",
      season: "season",
      year: "year",
      usage: "usage",
    });
    expect(
      guessMapping(["Style ID", "SKU", "Title", "Type", "Category", "Price"]),
    ).toEqual({ sku: "SKU", name: "Title", category: "Category" });
    expect(guessMapping(["PRICE", "Currency Code", "Brand Name"])).toEqual({
      price: "PRICE",
      currency: "Currency Code",
      brand_label: "Brand Name",
    });
    expect(guessMapping(["1163", "Nike", "Tops"])).toEqual({});
  });

  it("have a name each, and each only once", () => {
    expect(
      columnNames(["id", " name ", "", "name", "name", "a\tb", "name (2)"]),
    ).toEqual([
      "id",
      "name",
      "column 3",
      "name (2)",
      "name (3)",
      "a b",
      "name (2) (2)",
    ]);
  });

  it("that repeat a name can be mapped apart", async () => {
    const content = "id,name,name,type\n1,wrong,right,Shirts\n";
    const { warnings } = await upload(world, world.manager, content);
    expect(warnings).toEqual([
      "Columns without a name of their own are shown as “name (2)”.",
    ]);
    await importFile(world, world.manager, content, {
      mapping: { name: "name (2)" },
    });
    expect(await readProducts(world)).toMatchObject([{ name: "right" }]);
  });

  it("without any known name are told to be no header", async () => {
    const { warnings, mapping } = await upload(
      world,
      world.manager,
      "1163,Nike,Tops\n1164,Puma,Tops\n",
    );
    expect(mapping).toEqual({});
    expect(warnings).toEqual([
      "No column name of the first line is known. Check that the first line is the header: it is not imported.",
    ]);
  });
});

describe("a field of the refused-rows file", () => {
  it.each([
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t=1"],
    ["\r=1", `"'\r=1"`],
    ['=HYPERLINK("x")', `"'=HYPERLINK(""x"")"`],
    ["a,b", '"a,b"'],
    ["plain", "plain"],
  ])("%j is written %s", (value, written) => {
    expect(csvField(value)).toBe(written);
  });
});

it("keeps uploads below the folder of their brand", async () => {
  const { run } = await upload(world, world.manager, CATALOGUE, "../../x.csv");
  expect(run.filename).toBe("x.csv");
  expect(readdirSync(join(world.dir, "imports", world.brandId))).toEqual([
    `${run.id}.csv`,
  ]);
});
