import { readFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { projectDir } from "../../server/config.ts";
import { type Access, describeAccess } from "../../server/db/describeAccess.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db.drop());

describe("data/access.json", () => {
  it("is what the migrations give (npm run generate writes it)", async () => {
    const committed = JSON.parse(
      readFileSync(join(projectDir, "data/access.json"), "utf8"),
    ) as Access;
    expect(await withRoot(db, describeAccess)).toEqual(committed);
  });

  it("is the same for whoever asks, however often", async () => {
    const first = JSON.stringify(await withRoot(db, describeAccess));
    const client = await db.owner.connect();
    try {
      expect(JSON.stringify(await describeAccess(client))).toBe(first);
    } finally {
      client.release();
    }
  });

  it("names no partition: months would change it", async () => {
    const { relations } = await withRoot(db, describeAccess);
    expect(Object.keys(relations)).toContain("app_public.audit_log");
    expect(
      Object.keys(relations).filter((name) => name.includes("audit_log_")),
    ).toEqual([]);
  });

  it("changes with a grant, a policy and a function", async () => {
    const before = await withRoot(db, describeAccess);
    for (const change of [
      "grant delete on app_public.currencies to closetai_anonymous",
      "drop policy fence_brand on app_public.products",
      "alter policy select_active on app_public.products using (true)",
      "alter table app_public.products disable row level security",
      "grant select (slug) on app_public.brand_accounts to closetai_anonymous",
      "alter view app_public.user_credits reset (security_invoker)",
      "grant execute on function app_private.clean_up() to closetai_user",
    ]) {
      const after = await withRoot(db, async (root) => {
        await root.query(change);
        return describeAccess(root);
      });
      expect(after).not.toEqual(before);
    }
  });
});
