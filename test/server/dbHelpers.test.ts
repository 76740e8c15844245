import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import {
  createTestDatabase,
  type TestDatabase,
  withActor,
  withRoot,
} from "../helpers/database.ts";

describe("createTestDatabase", () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase();
  });
  afterAll(() => db.drop());

  it("gives a database whose owner is closetai_owner", async () => {
    const owner = await withRoot(db, async (client) => {
      const { rows } = await client.query<{ owner: string }>(
        "select pg_get_userbyid(datdba) as owner from pg_database where datname = current_database()",
      );
      return rows[0]?.owner;
    });
    expect(owner).toBe("closetai_owner");
  });

  it("runs as the actor's role through the application's login", async () => {
    const roles = await withActor(
      db,
      { role: "closetai_viewer" },
      async (client) => {
        const { rows } = await client.query(
          "select session_user as login, current_user as role",
        );
        return rows[0] as unknown;
      },
    );
    expect(roles).toEqual({ login: "closetai_app", role: "closetai_viewer" });
  });

  it("forgets the actor when the transaction ends", async () => {
    await withActor(db, { role: "closetai_viewer" }, () => Promise.resolve());
    const { rows } = await db.app.query(
      "select current_user as role, current_setting('app.user_id', true) as setting",
    );
    expect(rows[0]).toEqual({ role: "closetai_app", setting: "" });
  });

  it("fails a file that leaves a client checked out", async () => {
    const leaky = await createTestDatabase();
    const client = await leaky.app.connect();
    await expect(leaky.drop()).rejects.toThrow(
      /clients that were not released \(app: 1\)/,
    );
    client.release();
    await leaky.app.end();
  });
});
