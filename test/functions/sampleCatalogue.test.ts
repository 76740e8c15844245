import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { projectDir } from "../../server/config.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  importFile,
  type ImportWorld,
  makeImportWorld,
  readRefusals,
} from "../helpers/imports.ts";

let db: TestDatabase;
let world: ImportWorld;
beforeAll(async () => {
  db = await createTestDatabase();
  world = await makeImportWorld(db);
});
afterAll(async () => {
  world.close();
  await db.drop();
});

describe("docs/sample-catalogue.csv", () => {
  it("gives what the README says: 16 products and 4 refused rows", async () => {
    const file = readFileSync(join(projectDir, "docs/sample-catalogue.csv"));
    const run = await importFile(world, world.owner, file);
    expect(run).toMatchObject({
      status: "completed",
      created_count: 16,
      refused_count: 4,
    });
    const refusals = await readRefusals(world, run.id);
    expect(refusals.map(({ line_no, field }) => ({ line_no, field }))).toEqual([
      { line_no: 18, field: "category" },
      { line_no: 19, field: "category" },
      { line_no: 20, field: "sku" },
      { line_no: 21, field: "year" },
    ]);
  });
});
