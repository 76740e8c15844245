import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { price } from "./events.ts";
import { worth } from "./stage.ts";
let db: TestDatabase;
beforeAll(async () => { db = await createTestDatabase(); });
afterAll(() => db.drop());
describe("x", () => { it("y", async () => { expect(await worth(db, { items: [{ price: price() }] })).toEqual({}); }); });
