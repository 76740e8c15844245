import { gunzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { buildCatalog } from "../../server/catalog/buildCatalog.ts";
import { registryShapeOf } from "../../server/catalog/CatalogPlugin.ts";
import { CATALOG_ROLES, Catalogs } from "../../server/catalog/Catalogs.ts";
import { loadFacts } from "../../server/catalog/facts.ts";
import { catalogPlugins } from "../../server/catalog/plugins.ts";
import type { Catalog, CatalogResource } from "../../server/catalog/types.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { type HttpClient, rawRequest } from "../helpers/http.ts";
import {
  makePeople,
  PASSWORD,
  type People,
  type Person,
} from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

let db: TestDatabase;
let people: People;
let server: TestHttpServer;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  server = await startTestServer(db);
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

async function catalogOf(person: Person): Promise<Catalog> {
  const answer = await (await signedIn(person)).get("/catalog.json");
  expect(answer.status).toBe(200);
  return answer.json as Catalog;
}

function resource(catalog: Catalog, name: string): CatalogResource {
  const found = catalog.resources.find((one) => one.name === name);
  if (found === undefined) {
    throw new Error(
      `The catalogue of ${catalog.role} has no ${name}, only ${catalog.resources.map((one) => one.name).join(", ")}`,
    );
  }
  return found;
}

function field(of: CatalogResource, column: string) {
  const found = of.fields.find((one) => one.column === column);
  if (found === undefined) throw new Error(`${of.name} has no ${column}`);
  return found;
}

describe("/catalog.json", () => {
  it("nobody who is not signed in can read it", async () => {
    const answer = await server.client().get("/catalog.json");
    expect(answer.status).toBe(401);
    expect(answer.json).toMatchObject({ error: { code: "LOGIN" } });
  });

  it("a viewer can read products but is offered no way to write them", async () => {
    const products = resource(await catalogOf(people.viewer), "products");
    expect(products.verbs).toEqual({
      list: true,
      show: true,
      create: false,
      update: false,
      delete: false,
    });
    expect(products.schema.create).toBeNull();
    expect(products.schema.update).toBeNull();
    expect(products.schema.delete).toBeNull();
    expect(products.fields.some((one) => one.create || one.update)).toBe(false);
  });

  it("a manager is offered every verb on products, and the columns that are granted", async () => {
    const products = resource(await catalogOf(people.manager), "products");
    expect(Object.values(products.verbs)).not.toContain(false);
    expect(field(products, "name")).toMatchObject({
      create: true,
      update: true,
      required: true,
    });
    // The brand of a product is its identity.
    expect(field(products, "brand_id")).toMatchObject({
      create: true,
      update: false,
    });
    expect(field(products, "created_at")).toMatchObject({
      create: false,
      update: false,
    });
  });

  it("says of every relation how its other end is filtered, where the role may read it", async () => {
    const viewer = await catalogOf(people.viewer);
    const { relations } = resource(viewer, "products").schema;
    expect(relations).toMatchObject({
      brand: { resource: "brand_accounts", exists: null },
      image: { resource: "storage_objects", exists: "imageExists" },
    });
    const { collections } = resource(viewer, "wardrobe_categories").schema;
    expect(collections).toHaveProperty("productsByCategoryCode", {
      resource: "products",
      exists: "productsByCategoryCodeExist",
    });
    // A shopper's wardrobe is no table of a brand's member.
    expect(Object.values(collections)).not.toContainEqual(
      expect.objectContaining({ resource: "wardrobe_items" }),
    );
  });

  it("an administrator sees the staff, and a brand does not", async () => {
    const names = async (person: Person) =>
      (await catalogOf(person)).resources.map(({ name }) => name);
    expect(await names(people.admin)).toContain("staff_members");
    expect(await names(people.viewer)).not.toContain("staff_members");
  });

  it("an answer that the browser has is not sent again", async () => {
    const client = await signedIn(people.viewer);
    const first = await client.get("/catalog.json");
    const etag = first.headers.get("etag");
    expect(etag).toBe(`"${(first.json as Catalog).version}"`);
    const again = await client.get("/catalog.json", {
      "if-none-match": etag ?? "",
    });
    expect([again.status, again.text]).toEqual([304, ""]);
    expect(again.headers.get("etag")).toBe(etag);
    const other = await (
      await signedIn(people.manager)
    ).get("/catalog.json", { "if-none-match": etag ?? "" });
    expect(other.status).toBe(200);
  });

  it("is compressed for whoever takes it, and stays in the browser's own cache", async () => {
    const client = await signedIn(people.viewer);
    const cookie = [...client.cookies]
      .map(([name, value]) => `${name}=${value}`)
      .join("; ");
    const plain = await rawRequest(server.url, "/catalog.json", {
      headers: { cookie },
    });
    expect(plain.headers["content-encoding"]).toBeUndefined();
    const answer = await fetch(`${server.url}/catalog.json`, {
      headers: { cookie, "accept-encoding": "gzip" },
    });
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    expect(answer.headers.get("cache-control")).toBe("private, no-cache");
    expect(await answer.json()).toEqual(JSON.parse(plain.text));
  });

  it("says nothing of other schemas, and names no table without its own right to read", async () => {
    for (const person of [people.viewer, people.owner, people.admin]) {
      const catalog = await catalogOf(person);
      expect(JSON.stringify(catalog)).not.toMatch(/app_private|app_hidden/);
      const { rows } = await db.root.query<{ name: string }>(
        `select c.relname as name from pg_class c
          where c.relnamespace = 'app_public'::regnamespace
            and has_table_privilege($1, c.oid, 'select')`,
        [catalog.role],
      );
      const readable = rows.map(({ name }) => name);
      const named = catalog.resources.flatMap((one) => [
        one.name,
        ...one.related.map((related) => related.resource),
        ...Object.values(one.schema.relations).map((to) => to.resource),
        ...one.fields.flatMap((of) => of.reference?.resource ?? []),
      ]);
      expect(named.length).toBeGreaterThan(catalog.resources.length);
      expect(named.filter((name) => !readable.includes(name))).toEqual([]);
    }
  });
});

/** The whole way from SQL to the catalogue, on a table of the tests' own. */
describe("a table in the catalogue", () => {
  let api: TestApi;
  let catalogs: Catalogs;

  beforeAll(async () => {
    await db.owner.query(`
      create table app_public.looks (
        id uuid not null default app_private.uuid_v7() constraint looks_pkey primary key,
        brand_id uuid not null constraint looks_brand_id_fkey references app_public.brand_accounts (id),
        product_id uuid not null,
        name text not null constraint looks_name_check check (length(name) between 1 and 80),
        code varchar(12),
        cover text,
        "order" text constraint looks_order_check check (length("order") <= 7),
        price_minor bigint,
        currency text constraint looks_currency_fkey references app_public.currencies (code),
        fee_cents bigint,
        serial integer generated always as identity,
        twice text generated always as (name || name) stored,
        tags text[] not null default '{}',
        details jsonb not null default '{}',
        updated_at timestamptz not null default now(),
        constraint looks_product_fkey foreign key (brand_id, product_id)
          references app_public.products (brand_id, id)
      );
      create index on app_public.looks (brand_id, product_id);
      comment on constraint looks_product_fkey on app_public.looks is '@fieldName product';
      comment on table app_public.looks is $$
@admin.label Lookbook
@admin.group Catalogue
@admin.icon style
@admin.order 5
@admin.list name, price_minor
@admin.colour red
@admin.represent nowhere
Pieces that are worn together.$$;
      comment on column app_public.looks.name is $$
@admin.help What a shopper reads
@admin.order -1$$;
      comment on column app_public.looks.details is '@admin.widget jsn';
      comment on column app_public.looks.brand_id is $$A brand's own.
@admin.label Owner$$;
      comment on column app_public.looks.cover is '@admin.widget image';
      comment on column app_public.looks.id is '@admin.widget percent';
      comment on column app_public.looks.fee_cents is $$@admin.widget money currency='usd'$$;
      comment on column app_public.looks.code is $$@admin.widget image url='usd'$$;
      create view app_public.priced_looks with (security_invoker = true) as
        select id, name from app_public.looks where price_minor > 0;
      comment on view app_public.priced_looks is '@primaryKey id';
      create function app_public.rename_look(look_id uuid, new_name text) returns app_public.looks
        language sql volatile set search_path = pg_catalog, pg_temp
        as $$ update app_public.looks set name = new_name where id = look_id returning * $$;
      comment on function app_public.rename_look(uuid, text) is $$
@admin.action row of looks
@admin.confirm Rename this look?$$;
      grant execute on function app_public.rename_look(uuid, text) to closetai_manager;
      call app_private.close_table('app_public.looks');
      create policy fence_brand on app_public.looks as restrictive for all to closetai_viewer
        using (brand_id = (select app_hidden.current_brand_id()));
      create policy select_brand on app_public.looks for select to closetai_viewer using (true);
      create policy insert_brand on app_public.looks for insert to closetai_manager with check (true);
      grant select on app_public.looks, app_public.priced_looks to closetai_viewer;
      grant insert (brand_id, product_id, name, serial, twice) on app_public.looks to closetai_manager;
      -- A grant that no policy lets through.
      grant update (name), delete on app_public.looks to closetai_manager;
      revoke all on app_public.looks from closetai_staff;
    `);
    api = await makeTestApi(db, { plugins: catalogPlugins });
    catalogs = new Catalogs(db.app, () => api.schema);
  });

  afterAll(async () => {
    await api?.close();
  });

  const looksOf = async (role: string, name = "looks") => {
    const served = await catalogs.of(role);
    if (served === null) throw new Error(`No catalogue for ${role}`);
    return resource(served.catalog, name);
  };

  it("is there for the roles that may read it, and only for them", async () => {
    const found = await Promise.all(
      CATALOG_ROLES.map(async (role) => [
        role,
        (await catalogs.of(role))?.catalog.resources.some(
          ({ name }) => name === "looks",
        ),
      ]),
    );
    expect(Object.fromEntries(found)).toMatchObject({
      closetai_user: false,
      closetai_viewer: true,
      closetai_analyst: true,
      closetai_manager: true,
      closetai_brand_owner: true,
      closetai_staff_admin: false,
    });
    expect(await catalogs.of("closetai_anonymous")).toBeNull();
    expect(await catalogs.of("closetai_owner")).toBeNull();
  });

  it("a grant without a policy is no verb", async () => {
    expect((await looksOf("closetai_manager")).verbs).toEqual({
      list: true,
      show: true,
      create: true,
      update: false,
      delete: false,
    });
  });

  it("a composite tenant key reads as a reference to the target's own key", async () => {
    const looks = await looksOf("closetai_manager");
    expect(field(looks, "product_id").reference).toEqual({
      resource: "products",
      relation: "product",
    });
    expect(field(looks, "brand_id").reference).toMatchObject({
      resource: "brand_accounts",
    });
    expect(looks.schema.relations).toMatchObject({
      product: { resource: "products" },
    });
    expect((await looksOf("closetai_viewer", "products")).related).toEqual(
      expect.arrayContaining([
        { resource: "looks", field: "productId", label: "Lookbook" },
      ]),
    );
  });

  it("facts of the columns are those of the database", async () => {
    const looks = await looksOf("closetai_manager");
    expect(field(looks, "id")).toMatchObject({
      name: "rowId",
      kind: "uuid",
      hasDefault: true,
      create: false,
    });
    expect(field(looks, "name")).toMatchObject({
      maxLength: 80,
      nullable: false,
      help: "What a shopper reads",
      required: true,
    });
    expect(field(looks, "code").maxLength).toBe(12);
    expect(field(looks, "order").maxLength).toBe(7);
    expect(field(looks, "price_minor")).toMatchObject({
      label: "Price",
      kind: "bigint",
      widget: { name: "money", options: { currency: "currency" } },
    });
    // Always in one currency, which is no column.
    expect(field(looks, "fee_cents").widget).toEqual({
      name: "money",
      options: { currencyCode: "usd" },
    });
    for (const column of ["serial", "twice"]) {
      expect(field(looks, column)).toMatchObject({
        generated: true,
        create: false,
        update: false,
        required: false,
      });
    }
    expect(field(looks, "tags")).toMatchObject({
      array: true,
      pgType: "text[]",
      widget: { name: "tags" },
    });
    expect(field(looks, "details").kind).toBe("json");
  });

  it("tags in the comment decide how it is shown, and are not part of the text", async () => {
    const looks = await looksOf("closetai_viewer");
    expect(looks).toMatchObject({
      label: "Lookbook",
      group: "Catalogue",
      icon: "style",
      order: 5,
      represent: "name",
      list: ["name", "priceMinor"],
      description: "Pieces that are worn together.",
      schema: { version: "updatedAt" },
    });
    expect(looks.fields[0]?.column).toBe("name");
    expect(api.schema.getType("Look")?.description).toBe(
      "Pieces that are worn together.",
    );
  });

  it("a view with a key is a resource that cannot be written", async () => {
    const view = await looksOf("closetai_viewer", "priced_looks");
    expect([view.kind, view.verbs.create]).toEqual(["view", false]);
    expect((await looksOf("closetai_viewer")).kind).toBe("table");
  });

  it("a tagged function is a button, for the roles that may run it", async () => {
    expect((await looksOf("closetai_manager")).actions).toEqual([
      expect.objectContaining({
        mutation: "renameLook",
        on: "row",
        key: "lookId",
        confirm: "Rename this look?",
        arguments: [
          expect.objectContaining({
            name: "newName",
            kind: "string",
            type: "String",
          }),
        ],
      }),
    ]);
    expect((await looksOf("closetai_viewer")).actions).toEqual([]);
  });

  it("tags that nobody understands are named with their object", async () => {
    const faults = await catalogs.faults();
    expect(faults).toEqual([
      expect.stringMatching(/^table looks: there is no tag @admin\.colour/),
      "column looks.id: @admin.widget percent stands on a number, where 0.25 is 25 %.",
      "column looks.brand_id: @admin.label stands behind the prose and is read as prose. Tags come first, each on a line of its own.",
      "column looks.code: @admin.widget image takes a column for url, not a word in quotes.",
      expect.stringMatching(
        /^column looks\.cover: @admin\.widget image has no link to show\./,
      ),
      expect.stringMatching(/^column looks\.details: @admin\.widget takes/),
      expect.stringMatching(/^table looks: @admin\.represent names nowhere/),
    ]);
  });

  it("a role's catalogue changes when its grants do, and nobody else's", async () => {
    const version = async (role: string) =>
      (await catalogs.of(role))?.catalog.version;
    const manager = await version("closetai_manager");
    const viewer = await version("closetai_viewer");
    await db.owner.query(
      "create policy delete_brand on app_public.looks for delete to closetai_manager using (true)",
    );
    expect(await version("closetai_manager")).toBe(manager);
    catalogs.forget();
    expect((await looksOf("closetai_manager")).verbs.delete).toBe(true);
    expect(await version("closetai_manager")).not.toBe(manager);
    expect(await version("closetai_viewer")).toBe(viewer);
  });

  it("the document is the same from the same facts, so that its version is", async () => {
    const shape = registryShapeOf(api.schema);
    const facts = await loadFacts(db.app, CATALOG_ROLES);
    const served = await catalogs.of("closetai_manager");
    expect(buildCatalog(shape, facts, "closetai_manager")).toEqual(
      served?.catalog,
    );
    expect(gunzipSync(served?.gzipped ?? "").toString()).toBe(
      served?.json.toString(),
    );
  });
});

describe("the tags of the product itself", () => {
  it("are all understood", async () => {
    const clean = await createTestDatabase();
    try {
      const api = await makeTestApi(clean, { plugins: catalogPlugins });
      try {
        expect(registryShapeOf(api.schema).faults).toEqual([]);
      } finally {
        await api.close();
      }
    } finally {
      await clean.drop();
    }
  });
});
