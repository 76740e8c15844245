import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { allLints, type Lint, lints } from "./lints.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db.drop());

async function findings(client: ClientBase, lint: Lint): Promise<string[]> {
  const { rows } = await client.query<{ detail: string }>(lint.sql);
  return rows.map(({ detail }) => detail);
}

describe("the catalogue", () => {
  it("has no finding of any lint, all run as one query", async () => {
    const { rows } = await db.root.query<{ lint: string; detail: string }>(
      allLints,
    );
    expect(rows).toEqual([]);
  });

  it("is named once in each lint", () => {
    const names = lints.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("a lint finds the fault it is there for, and nothing once it is gone", () => {
  it.each(lints)("$name: $rule", async (lint) => {
    await withRoot(db, async (root) => {
      const before = await findings(root, lint);
      await root.query("savepoint before_fault");
      await root.query(lint.fault);
      const during = await findings(root, lint);
      expect(during.filter((detail) => !before.includes(detail))).not.toEqual(
        [],
      );
      await root.query("rollback to savepoint before_fault");
      expect(await findings(root, lint)).toEqual(before);
    });
  });
});
