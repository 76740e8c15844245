import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  isEnumType,
  isInputObjectType,
  isObjectType,
} from "postgraphile/graphql";

import { catalogPlugins } from "../../server/catalog/plugins.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";

/**
 * What lists may be filtered and sorted by, spelt out: a column that turns up
 * here needs an index, or a reason why reading without one is cheap.
 */

let db: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  db = await createTestDatabase();
  await db.owner.query(`
    create table app_public.looks (
      id uuid constraint looks_pkey primary key, owner uuid, mood text, name text,
      tall integer, wide integer, deep integer,
      parent uuid constraint looks_parent_fkey references app_public.looks (id),
      other uuid constraint looks_other_fkey references app_public.looks (id)
    );
    create index looks_owner_idx on app_public.looks (owner, mood) where owner is not null;
    create index looks_name_idx on app_public.looks (name) where name is not null and owner is not null;
    create index looks_tall_idx on app_public.looks (tall) where tall is null;
    create index looks_wide_idx on app_public.looks (wide) where deep is not null;
    create index looks_deep_idx on app_public.looks (id) include (deep);
    create index looks_parent_idx on app_public.looks (parent) where parent is not null;
    create index looks_other_idx on app_public.looks (other) where mood = 'calm';
    grant select on app_public.looks to closetai_viewer;
  `);
  // They read the tags of comments as the server does.
  api = await makeTestApi(db, { plugins: catalogPlugins });
});

afterAll(async () => {
  await api?.close();
  await db?.drop();
});

/** The columns of a filter: what is neither a relation nor "and", "or", "not". */
function filteredBy(type: string): string[] {
  const filter = api.schema.getType(`${type}Filter`);
  const condition = api.schema.getType(`${type}Condition`);
  if (!isInputObjectType(filter) || !isInputObjectType(condition))
    throw new Error(`${type} cannot be filtered`);
  // Equality is offered by the same rule; a field of both is a column.
  const columns = new Set(Object.keys(condition.getFields()));
  return Object.keys(filter.getFields())
    .filter((name) => columns.has(name))
    .sort();
}

function sortedBy(type: string): string[] {
  const order = api.schema.getType(`${type}OrderBy`);
  if (!isEnumType(order)) throw new Error(`${type} cannot be sorted`);
  return order
    .getValues()
    .map(({ name }) => name)
    .filter((name) => name.endsWith("_ASC") && name !== "PRIMARY_KEY_ASC")
    .map((name) => name.slice(0, -"_ASC".length))
    .sort();
}

function fieldsOf(type: string): string[] {
  const found = api.schema.getType(type);
  if (!isObjectType(found)) throw new Error(`There is no ${type}`);
  return Object.keys(found.getFields());
}

describe("lists are filtered and sorted by", () => {
  it.each([
    [
      "TryonJob",
      "brandId categoryCode finishedAt lockedUntil payer resultKey retryOf rowId runAfter selfieKey status updatedAt userId",
      "BRAND_ID CATEGORY_CODE RESULT_KEY RETRY_OF ROW_ID SELFIE_KEY USER_ID",
    ],
    [
      "BrandTryonJob",
      "brandId categoryCode finishedAt payer retryOf rowId shopper status",
      "BRAND_ID ROW_ID",
    ],
    ["BrandTryonGarment", "jobId position productId", "JOB_ID PRODUCT_ID"],
    [
      "BrandTryonAttempt",
      "attempt finishedAt jobId",
      "ATTEMPT FINISHED_AT JOB_ID",
    ],
    ["BrandTryonFeedback", "brandId categoryCode", "BRAND_ID CATEGORY_CODE"],
    ["UserCredit", "userId", "USER_ID"],
    ["BrandCredit", "brandId", "BRAND_ID"],
    [
      "BrandPerson",
      "brandId createdAt displayName email lastLoginAt role status updatedAt userId",
      "BRAND_ID CREATED_AT DISPLAY_NAME EMAIL LAST_LOGIN_AT UPDATED_AT USER_ID",
    ],
    [
      "AuditLog",
      "action actorId actorKind brandId occurredAt rowId rowPk tableName",
      "ACTION ACTOR_ID ACTOR_KIND BRAND_ID OCCURRED_AT ROW_ID ROW_PK TABLE_NAME",
    ],
    [
      "CreditTransfer",
      "createdAt creditAccount debitAccount grantId holdId kind ownerBrandId ownerUserId rowId",
      "CREDIT_ACCOUNT DEBIT_ACCOUNT GRANT_ID HOLD_ID OWNER_BRAND_ID OWNER_USER_ID ROW_ID",
    ],
  ])("%s", (type, filters, orders) => {
    expect(filteredBy(type).join(" ")).toBe(filters);
    expect(sortedBy(type).join(" ")).toBe(orders);
  });

  it("the first column of an index of values, and no column of another partial index", () => {
    expect(filteredBy("Look")).toEqual(["owner", "parent", "rowId"]);
  });
});

describe("the lists of try-ons that pages lead to", () => {
  const since = { greaterThanOrEqualTo: "2026-01-01T00:00:00Z" };
  const uuid = "00000000-0000-7000-8000-000000000000";
  const both = {
    status: { in: ["queued", "processing"] },
    categoryCode: { equalTo: "tops" },
    payer: { equalTo: "user" },
    rowId: { greaterThanOrEqualTo: uuid },
    garments: { some: { productId: { equalTo: uuid } } },
    retryOf: { equalTo: uuid },
    finishedAt: since,
  };

  it.each([
    [
      "tryonJobs",
      "TryonJob",
      {
        ...both,
        attempts: {
          some: {
            outcome: { equalTo: "retried" },
            errorCode: { equalTo: "LOST_WORKER" },
          },
        },
        userId: { equalTo: uuid },
        brandId: { equalTo: uuid },
        updatedAt: since,
        runAfter: since,
        lockedUntil: since,
      },
    ],
    [
      "brandTryonJobs",
      "BrandTryonJob",
      { ...both, shopper: { equalTo: uuid } },
    ],
  ])("%s", async (field, type, filter) => {
    const actor =
      type === "TryonJob"
        ? { role: "closetai_staff_support", userId: uuid }
        : { role: "closetai_viewer", userId: uuid, brandId: uuid };
    const { data, errors } = await api.execute(
      actor,
      `query ($filter: ${type}Filter) {
        ${field}(filter: $filter, orderBy: [PRIMARY_KEY_DESC], first: 5) { nodes { rowId } }
      }`,
      { filter },
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({ [field]: { nodes: [] } });
  });

  it.each([
    ["tryonJobs", "ERROR_CODE_ASC"],
    ["brandTryonJobs", "FINISHED_AT_DESC"],
    ["userCredits", "REMAINING_DESC"],
  ])("%s are not sorted by %s", async (field, order) => {
    const { errors } = await api.execute(
      { role: "closetai_staff_support", userId: uuid },
      `{ ${field}(orderBy: [${order}], first: 5) { nodes { __typename } } }`,
    );
    expect(errors?.[0]?.message).toContain(order);
  });
});

describe("related rows are listed", () => {
  it("by a foreign key with an index of values, and not by another partial one", () => {
    expect(fieldsOf("Look")).toContain("looksByParent");
    expect(fieldsOf("Look")).not.toContain("looksByOther");
  });

  it("from an owner and a hold to their ledger", () => {
    expect(fieldsOf("User")).toContain("creditTransfers");
    expect(fieldsOf("BrandAccount")).toContain("creditTransfers");
    expect(fieldsOf("CreditHold")).toContain("transfers");
  });
});

describe("functions that return rows", () => {
  it.each([
    "tryonThroughput",
    "tryonFailures",
    "tryonCategorySpeed",
    "reconcileCredits",
    "backgroundQueues",
    "backgroundJobs",
  ])("%s is a connection, with no page size of its own beside it", (name) => {
    const field = api.schema.getQueryType()?.getFields()[name];
    expect(String(field?.type)).toMatch(/Connection$/);
    expect(fieldsOf("Query")).not.toContain(`${name}List`);
  });
});
