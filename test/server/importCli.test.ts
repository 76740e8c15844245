import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  type ImportWorld,
  makeImportWorld,
  readProducts,
} from "../helpers/imports.ts";
import { testServer } from "../helpers/testServer.ts";

let db: TestDatabase;
let world: ImportWorld;
let dir: string;
let slug: string;
beforeAll(async () => {
  db = await createTestDatabase();
  world = await makeImportWorld(db);
  dir = mkdtempSync(join(tmpdir(), "closetai-cli-"));
  const { rows } = await db.root.query<{ slug: string }>(
    "select slug from app_public.brand_accounts where id = $1",
    [world.brandId],
  );
  slug = rows[0]?.slug ?? "";
});
afterAll(async () => {
  world.close();
  rmSync(dir, { recursive: true, force: true });
  await db.drop();
});

async function cli(
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "../../server/cli/importCatalog.ts"), ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        NODE_OPTIONS: "",
        NODE_ENV: "test",
        DATABASE_URL: db.urls.app,
        CLOSETAI_SECRET: testServer().secret,
        CLOSETAI_DATA_DIR: dir,
      },
    },
  );
  const exited = once(child, "exit") as Promise<[number]>;
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exited,
  ]);
  return { code, out, err };
}

function file(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

const FILE = "sku,title,type\nC1,Shirt,Shirts\nC2,Flip,Flip Flops\n";

describe("npm run import:catalog", () => {
  it("explains itself", async () => {
    const { code, out } = await cli("--help");
    expect(code).toBe(0);
    expect(out).toContain("--brand <slug>");
    expect(out).toContain("--dry-run");
  });

  it("checks, imports as the owner, and changes nothing the second time", async () => {
    const path = file("spring.csv", FILE);
    const dry = await cli("--brand", slug, path, "--dry-run");
    expect(dry).toMatchObject({ code: 0, err: "" });
    expect(dry.out).toContain("1 would be created");
    expect(await readProducts(world)).toEqual([]);

    const refused = join(dir, "refused.csv");
    const first = await cli("--brand", slug, path, "--refused", refused);
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toContain("  1 created\n");
    expect(first.out).toContain("     1  Flip Flops: no try-on category");
    expect(readFileSync(refused, "utf8")).toBe(
      "line,field,reason,sku,title,type\r\n3,category,Flip Flops: no try-on category,C2,Flip,Flip Flops\r\n",
    );
    expect(await readProducts(world)).toMatchObject([{ sku: "C1" }]);
    const { rows } = await db.root.query<{ requested_by: string }>(
      "select requested_by from app_public.import_runs where brand_id = $1 and not dry_run",
      [world.brandId],
    );
    expect(rows).toEqual([{ requested_by: world.owner.userId }]);

    const second = await cli("--brand", slug, path);
    expect(second.out).toContain("Import complete: nothing changed.\n");
    expect(second.out).toContain("  0 created\n  0 updated\n  1 unchanged\n");
  });

  it("takes a mapping by hand", async () => {
    const path = file("odd.csv", "a;b;amount\nC9;Gown;10\n");
    const missing = await cli("--brand", slug, path);
    expect(missing.code).toBe(1);
    expect(missing.err).toContain(
      "No column was recognised for sku, name, category.",
    );
    const done = await cli(
      ...["--brand", slug, path, "--map", "sku=a", "--map", "name=b"],
      ...["--map", "category==Gowns", "--map", "price=amount"],
      ...["--map", "currency==eur"],
    );
    expect(done).toMatchObject({ code: 0 });
    expect(
      (await readProducts(world)).find(({ sku }) => sku === "C9"),
    ).toMatchObject({ category_code: "dresses", price_minor: "1000" });
  });

  it.each([
    [
      ["--brand", "nobody", "x.csv"],
      "There is no active brand nobody with an owner",
    ],
    [["--brand", "SLUG"], "Name a file to import, or --resume a run"],
    [["--brand", "SLUG", "/nowhere.csv"], "There is no file /nowhere.csv"],
    [["--brand", "SLUG", "/"], "/ is a folder. Name a file in it."],
    [["--brand", "SLUG", "--resume", "5"], "This brand has no import 5."],
    [
      ["--brand", "SLUG", "--refused", "/nowhere/refused.csv", "x.csv"],
      "--refused /nowhere/refused.csv: there is no folder /nowhere. Nothing was done.",
    ],
    [
      ["--brand", "SLUG", "--as", "who@example.test", "x.csv"],
      "who@example.test is no manager or owner of an active brand",
    ],
    [
      ["--brand", "SLUG", "--map", "size=a", "x.csv"],
      "--map size=a: write field=column",
    ],
    [["x.csv"], "required option '--brand <slug>' not specified"],
  ])("answers %j with a sentence", async (args, sentence) => {
    const { code, err } = await cli(
      ...args.map((arg) => arg.replace("SLUG", slug)),
    );
    expect(code).toBe(1);
    expect(err).toContain(sentence);
    expect(err).not.toContain("    at ");
  });
});
